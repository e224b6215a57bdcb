"""Information between a binary state and a response in plain Python: the twin of `information`."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def bits_plainly(
    on: Sequence[float], off: Sequence[float], edges: Sequence[float], prior_on: float = 0.5
) -> tuple[float, float]:
    """Return the plain estimate and its first-order bias, one class after the other."""
    arms = [
        (prior, Counter(bisect_left(edges, value) for value in sample), len(sample))
        for prior, sample in ((prior_on, on), (1.0 - prior_on, off))
    ]
    bits = bias = 0.0
    for k in range(len(edges) + 1):
        mix = sum(prior * counts[k] / n for prior, counts, n in arms)
        for prior, counts, n in arms:
            p = counts[k] / n
            if p > 0.0:
                bits += prior * p * math.log2(p / mix)
                bias += prior * (1.0 - p) / (2 * n) - prior**2 * p * (1.0 - p) / (2 * n * mix)
    return bits, bias / math.log(2.0)


def bits_of_densities(
    on: Callable[[float], float],
    off: Callable[[float], float],
    low: float,
    high: float,
    prior_on: float = 0.5,
    *,
    slices: int = 20_000,
) -> float:
    """Return the information of two densities by Simpson's rule from ``low`` to ``high``."""
    width = (high - low) / slices
    total = 0.0
    for j in range(slices + 1):
        y = low + j * width
        weight = 1 if j in (0, slices) else 4 if j % 2 else 2
        p, q = on(y), off(y)
        mix = prior_on * p + (1.0 - prior_on) * q
        for prior, one in ((prior_on, p), (1.0 - prior_on, q)):
            if one > 0.0:
                total += weight * prior * one * math.log2(one / mix)
    return total * width / 3
