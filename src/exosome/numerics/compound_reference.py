"""The plain twin of `exosome.numerics.compound`: slow, short and easy to check.

Two ways to the same law, each written straight from its definition: draw the
arrivals and their jumps, or add up the convolutions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import NumericalError
from exosome.numerics.compound import Fixed, Poisson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.compound import Jump

_MOST_ARRIVALS = 100_000


def simulate_totals(
    mean: float, jump: Jump, cv: float, n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the totals of ``n`` units, drawn arrival by arrival.

    Each unit draws its exposure (gamma, mean 1, coefficient of variation ``cv``),
    then its number of arrivals (Poisson), then their jumps. A share of these totals
    has the standard error ``sqrt(p (1 - p) / n)``.
    """
    exposure = np.ones(n) if cv == 0 else rng.gamma(1.0 / cv**2, cv**2, size=n)
    arrivals: NDArray[np.int64] = rng.poisson(mean * exposure)
    if isinstance(jump, Fixed):
        return np.multiply(arrivals, float(np.asarray(jump.size)), dtype=np.float64)
    if isinstance(jump, Poisson):
        # The sum of independent Poisson jumps is Poisson with the sum of their means.
        return rng.poisson(float(np.asarray(jump.mean)) * arrivals).astype(float)
    sizes = np.asarray(jump.sizes, dtype=float)
    chances = np.asarray(jump.probabilities, dtype=float)
    drawn = rng.multinomial(arrivals, chances / chances.sum())
    return np.matmul(drawn, sizes, dtype=np.float64)


def survival_by_sum(mean: float, threshold: float, jump: Jump, cv: float = 0.0) -> float:
    """Return the chance that the total reaches ``threshold``, by repeated convolution.

    The chance of falling short is the sum, over the number of arrivals, of its chance
    times the chance that so many jumps fall short. The sum stops when fewer than 1e-15
    of the units have more arrivals. Time grows with arrivals times threshold squared.

    Raises
    ------
    NumericalError
        More than 100,000 arrivals would have to be added.
    """
    needed = math.ceil(threshold)
    if needed <= 0:
        return 1.0
    one = _jump_chances(jump, needed)
    below = np.zeros(needed)
    below[0] = 1.0  # the total after no arrival
    short, unseen = 0.0, 1.0
    for arrivals in range(_MOST_ARRIVALS):
        chance = _arrival_chance(arrivals, mean, cv)
        short += chance * float(below.sum())
        unseen -= chance
        if unseen < 1e-15 or (arrivals > mean and chance < 1e-18):
            return 1.0 - short
        below = np.convolve(below, one)[:needed]
    raise NumericalError(
        f"a mean of {mean:g} arrivals is too many to add one by one",
        where="survival_by_sum",
        remedy="use exosome.numerics.compound.survival",
    )


def _arrival_chance(arrivals: int, mean: float, cv: float) -> float:
    """Return the chance of exactly so many arrivals."""
    if mean == 0:
        return float(arrivals == 0)
    if cv == 0:
        return math.exp(arrivals * math.log(mean) - mean - math.lgamma(arrivals + 1))
    shape = 1.0 / cv**2
    return math.exp(
        math.lgamma(arrivals + shape)
        - math.lgamma(arrivals + 1)
        - math.lgamma(shape)
        + arrivals * math.log(mean / (mean + shape))
        + shape * math.log(shape / (mean + shape))
    )


def _jump_chances(jump: Jump, needed: int) -> NDArray[np.float64]:
    """Return the chances of jumps of 0 to ``needed - 1`` units."""
    chances = np.zeros(needed)
    if isinstance(jump, Fixed):
        size = math.ceil(float(np.asarray(jump.size)))
        if size < needed:
            chances[size] = 1.0
    elif isinstance(jump, Poisson):
        chances[:] = [_arrival_chance(i, float(np.asarray(jump.mean)), 0.0) for i in range(needed)]
    else:
        for size, chance in zip(
            np.asarray(jump.sizes, dtype=int), np.asarray(jump.probabilities), strict=True
        ):
            if size < needed:
                chances[size] += chance
    return chances
