"""Out of a vessel in closed form: how fast vesicles leave, and how far behind the wall they end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.special import k1e

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def exit_per_s(permeability_um_per_s: float, radius_um: float) -> float:
    """Return the rate at which a vesicle in a vessel leaves it: ``2 P / R``.

    It is the flux through the wall over what the lumen holds, so the lumen must be mixed:
    ``P R / 4 D`` is the relative error, 2e-4 for a capillary of a tumour. What comes back
    through the wall is left out.
    """
    return 2.0 * permeability_um_per_s / radius_um


def left_in_passage(
    permeability_um_per_s: float, radius_um: float, length_um: float, speed_um_per_s: float
) -> float:
    """Return the share of the vesicles that leaves in one passage, ``1 - exp(-2 P l / (R U))``.

    ``U`` is the mean speed; without flow nothing ever passes, and all leave in the end.
    """
    if speed_um_per_s == 0.0:
        return 1.0 if permeability_um_per_s > 0.0 else 0.0
    hours = length_um / speed_um_per_s
    return -math.expm1(-exit_per_s(permeability_um_per_s, radius_um) * hours)


@dataclass(frozen=True, slots=True)
class DepthLaw:
    """Where vesicles of one size that left a vessel are taken up or lost, on average over cells.

    Round a cylinder of radius ``R`` the steady profile is ``K0(r/L)``, ``L = sqrt(D/rate)``, so
    beyond a distance ``x`` behind the wall there ends ``r K1(r/L) / (R K1(R/L))``, ``r = R + x``;
    for ``R`` much larger than ``L`` this is ``exp(-x/L)``. The same holds for all that a bolus
    sends, whenever it leaves. It stops holding within a cell of the wall, where cells are not
    a medium, and where the block or the run ends first.
    """

    radius_um: float
    length_um: float

    def beyond(self, depth_um: Floats) -> Floats:
        """Return the share that ends further behind the wall than a distance."""
        wall = self.radius_um / self.length_um
        x = depth_um / self.length_um
        return np.asarray((wall + x) * k1e(wall + x) / (wall * k1e(wall)) * np.exp(-x))


def beyond_all(laws: Sequence[DepthLaw], weights: Floats, depth_um: Floats) -> Floats:
    """Return `DepthLaw.beyond` for vesicles of many sizes, weighted by what leaves."""
    held = np.array([one.beyond(depth_um) for one in laws])
    return np.asarray(weights @ held / weights.sum())
