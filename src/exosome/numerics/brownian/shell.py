"""How short steps must be in the flow that goes round a cell within a thin shell.

What would go through a sphere of radius R goes round it within its shell: in a shell of thickness
``w`` the flow is up to ``1/2 + 3 R/4w`` times as fast as far away.
"""

from __future__ import annotations

import numpy as np

from exosome.numerics.brownian.compiled import kernel


@kernel
def longest_in_shell(
    gap: float, radius: float, thick: float, speed: float, drift: float, floor: float
) -> float:
    """Return the longest step near a sphere in a flow whose shell has a thickness, in s."""
    if thick == np.inf:
        return np.inf
    thick = max(thick, 2.0 * floor * radius)
    # Beyond the shell a step may be as long as the way to it.
    length = max(thick, gap - thick)
    if length == thick:
        speed *= 0.5 + 0.75 * radius / thick
    return length / (drift * speed)
