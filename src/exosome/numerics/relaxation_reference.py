"""The first-order balance in plain Python, one course at a time: the twin of `relaxation`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def relax_plainly(
    times: Sequence[float],
    source: Sequence[float],
    rate: Sequence[float],
    start: float = 0.0,
    *,
    slices: int = 4_000,
) -> list[float]:
    """Return ``x`` at every time by Simpson's rule on the integral form of each step.

    ``x(t + h) = x(t) exp(-k h) + integral over s of source(s) exp(-k (t + h - s))``.
    """
    found = [start]
    for i in range(len(times) - 1):
        step = times[i + 1] - times[i]
        k = (rate[i] + rate[i + 1]) / 2
        width = step / slices
        total = 0.0
        for j in range(slices + 1):
            share = j / slices
            weight = 1 if j in (0, slices) else 4 if j % 2 else 2
            driven = source[i] + (source[i + 1] - source[i]) * share
            total += weight * driven * math.exp(-k * step * (1 - share))
        found.append(found[-1] * math.exp(-k * step) + total * width / 3)
    return found
