"""Totals that arrive in packets: the share of units that reach a threshold.

A unit (a cell, a detector) receives ``M`` arrivals, and arrival ``i`` brings a
jump of ``J_i`` counts. The total is ``X = J_1 + ... + J_M``. The number of
arrivals is negative binomial: Poisson with mean ``mean * G``, where ``G`` varies
between units as a gamma variable with mean 1 and coefficient of variation ``cv``
(shape ``r = 1 / cv**2``; ``cv = 0`` is Poisson). Jumps are independent of each
other, of ``M`` and of ``G``.

Everything here answers two questions: `survival`, the chance that ``X`` reaches
a threshold, and `mean_reaching`, the mean number of arrivals at which that chance
has a given value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from exosome.core.errors import InputError, NumericalError
from exosome.numerics.special import (
    betainc,
    betaincc,
    betainccinv,
    betaincinv,
    betaln,
    gammainc,
    gammaincinv,
    gammaln,
    ndtri,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = "NDArray[np.float64]"

# Up to this threshold the law of the number of non-empty arrivals needed is
# written out in full; above it a few nodes describe it (error: see `survival`).
_EXACT_UP_TO = 24

# The number of arrivals needed is ceil(T / c). Rounding up adds a uniform variable
# to T / c with an error of the size of the characteristic function of T / c at
# 2 pi, (1 + (2 pi / c)**2)**(-K / 2); exp(-14) of it is 8e-7.
_SMOOTH_FROM = 28.0

# Below this relative third-cumulant error, c / (6 K (1 + c)), one gamma law with
# two matched moments is used for the whole waiting time.
_ONE_GAMMA_BELOW = 2e-6

# Two nodes with three matched moments err by about c**2 / 48 in the share, nodes
# of a nearly normal law by a power of the skewness; they cross near here.
_TWO_NODES_BELOW = 0.08

# Window of a Gamma(K, 1) variable, K > 24, that leaves out less than 1e-13 a side.
_WINDOW_SD = 7.5

# 1 - q is lost to rounding when the mean is this many times the gamma shape.
_COMPLEMENT_FROM = 1e7

# The step of a Newton iteration on the probit scale is itself the error left
# before it, and its square about the error after it.
_LAST_STEP = 1e-4
_MOST_STEPS = 80

# Beyond these, squares and products leave the range of floats.
_MOST_MEAN = 1e290
_MOST_CV = 1e3

_MOST_GRID = 2**23


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """Every arrival that counts brings exactly ``size`` units (scalar or array)."""

    size: ArrayLike


@dataclass(frozen=True, slots=True, eq=False)
class Poisson:
    """Every arrival brings a Poisson number of units with this ``mean`` (scalar or array)."""

    mean: ArrayLike


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Every arrival brings ``sizes[i]`` units with chance ``probabilities[i]``.

    Sizes are whole and not negative; probabilities add up to 1 within 1e-9.
    """

    sizes: ArrayLike
    probabilities: ArrayLike

    def __post_init__(self) -> None:
        sizes = np.asarray(self.sizes, dtype=float)
        chances = np.asarray(self.probabilities, dtype=float)
        if sizes.ndim != 1 or sizes.shape != chances.shape or not sizes.size:
            raise InputError(
                "sizes and probabilities are not two lists of equal length",
                where="Table",
                remedy="give one probability for each size",
            )
        if not (np.isfinite(sizes).all() and (sizes >= 0).all() and (sizes % 1 == 0).all()):
            raise InputError(
                "a size is not a whole, non-negative number",
                where="Table.sizes",
                remedy="count units; give 0 for an empty arrival",
            )
        if not ((chances >= 0).all() and abs(float(chances.sum()) - 1.0) < 1e-9):
            raise InputError(
                "the probabilities are negative or do not add up to 1",
                where="Table.probabilities",
                remedy="divide them by their sum, and give empty arrivals the size 0",
            )


Jump: TypeAlias = Fixed | Poisson | Table


@dataclass(frozen=True, slots=True)
class TableSurvival:
    """A survival from the transform, with what the transform may have cost.

    ``error_bound`` covers the units folded back onto the grid (a strict bound)
    and the rounding of the transforms (an estimate on the large side).
    """

    value: float
    error_bound: float
    grid_points: int
    slope: float  # derivative with respect to the logarithm of the mean


def survival(mean: ArrayLike, threshold: ArrayLike, jump: Jump, cv: ArrayLike = 0.0) -> Floats:
    """Return the chance that the total reaches ``threshold``.

    With ``q = mean / (mean + r)`` and ``I`` the regularised incomplete beta
    function, ``P(M >= n) = I_q(n, r)``; for ``cv = 0`` it is the incomplete gamma
    function ``P(n, mean)``.

    *Fixed* jumps of size ``k`` need ``n = ceil(threshold / k)`` arrivals, exactly.

    *Poisson* jumps of mean ``c``: units come as a Poisson stream in "exposure"
    ``c M``, so the ``K``-th unit needs an exposure ``T ~ Gamma(K, 1)`` and the
    total reaches ``K`` when ``M >= ceil(T / c)``. Hence the survival is a mixture
    of ``I_q(n, r)`` over the number of arrivals needed. The mixture is written out
    in full (error of rounding, or tails below 1e-12 left out) where few terms
    matter: up to 24 units, and wherever ``ceil`` shows (about ``c > 1.2 sqrt(K)``).
    There only arrivals with at least one unit are counted when ``K <= 24``. In
    between, up to five nodes carry the law; the error is below 3e-4 in the share
    and, read as an error of the mean, below the figure given in `mean_reaching`.
    Every form is a mixture with positive weights, so the result lies in [0, 1] and
    never falls as the mean grows.

    Parameters
    ----------
    mean : array_like
        Mean number of arrivals, at least 0.
    threshold : array_like
        Units needed. Units are whole, so for Poisson and Table jumps a threshold of
        2.5 is a threshold of 3; at or below 0 it is always reached.
    jump : Fixed, Poisson or Table
        Law of the units that one arrival brings. A Table is slow (one transform
        for each element).
    cv : array_like
        Coefficient of variation of the exposure between units. 0 is Poisson.

    Returns
    -------
    ndarray
        Shares, in the common shape of the arguments.

    Raises
    ------
    InputError
        An argument is NaN or negative, or ``cv`` exceeds 1000.
    NumericalError
        A Table needs too long a grid.

    Notes
    -----
    The law stops holding where arrivals of one unit influence each other
    (saturation), where the jump of an arrival depends on how many came, or where
    the exposure is not gamma between units. When more than 1e7 arrivals are needed
    and ``cv`` is 0, the incomplete gamma functions of SciPy 1.17 disagree with their
    own inverse by up to 3e-6 for shares near 1e-6.
    """
    level, needed, spread, jumps, shape = _arguments(threshold, cv, jump, mean=mean)
    result = np.zeros(level.shape)
    result[needed <= 0] = 1.0
    open_ = (needed > 0) & (level > 0) & (jumps > 0)
    certain = open_ & np.isinf(level) & np.isfinite(needed)
    result[certain] = 1.0
    open_ &= ~certain & np.isfinite(needed)
    where = np.flatnonzero(open_)
    if isinstance(jump, Table):
        for i in where:
            result[i] = table_survival(level[i], needed[i], jump, float(spread[i])).value
        return result.reshape(shape)
    for index, law in _laws(jump, needed[where], jumps[where]):
        at = where[index]
        # Weights that add up to 1 within rounding may lift a share just above it.
        result[at] = np.minimum(law.share(level[at], spread[at]), 1.0)
    return result.reshape(shape)


def mean_reaching(
    fraction: ArrayLike, threshold: ArrayLike, jump: Jump, cv: ArrayLike = 0.0
) -> Floats:
    """Return the mean number of arrivals at which ``fraction`` reaches ``threshold``.

    The inverse of `survival` in ``mean``. For *Fixed* jumps it is closed:
    ``q* = I^-1(n, r, fraction)`` and ``mean* = r q* / (1 - q*)``; for ``cv = 0``
    the inverse incomplete gamma function. For *Poisson* jumps the waiting time
    until the threshold (in mean arrivals, for a unit of exposure 1) has a known
    mean and variance; the gamma law with these two gives a first value, which a
    guarded Newton iteration on the probit scale then refines.

    Accuracy (relative error of the result against the full sum, tested): Fixed
    1e-9; Poisson 3e-4 for fractions from 0.01 to 0.99, and 3e-3 down to 1e-4.
    It is 1e-8 for thresholds up to 24 and wherever the full law is written out (see
    `survival`), and 1e-4 for a ``cv`` of 0.3 or more and fractions from 0.01 to 0.99.

    Parameters
    ----------
    fraction : array_like
        Share of units that shall reach the threshold, from 0 to 1.
    threshold, jump, cv
        As in `survival`.

    Returns
    -------
    ndarray
        Mean arrivals. 0 where the threshold or the fraction is 0 or less; inf where
        jumps bring nothing, the fraction is 1, or the answer exceeds 1e290.

    Raises
    ------
    InputError
        An argument is NaN or negative, a fraction exceeds 1, or ``cv`` exceeds 1000.
    NumericalError
        The iteration did not settle, or a Table needs too long a grid.
    """
    share, needed, spread, jumps, shape = _arguments(threshold, cv, jump, fraction=fraction)
    if (share > 1).any():
        raise InputError(
            f"a fraction of {share.max():g} is above 1",
            where="mean_reaching: fraction",
            remedy="give shares between 0 and 1",
        )
    result = np.full(share.shape, np.inf)
    done = (needed <= 0) | (share == 0)
    result[done] = 0.0
    where = np.flatnonzero(~done & (share < 1) & (jumps > 0) & np.isfinite(needed))
    if isinstance(jump, Table):
        for i in where:
            result[i] = _invert_table(share[i], needed[i], jump, float(spread[i]))
        return result.reshape(shape)
    for index, law in _laws(jump, needed[where], jumps[where]):
        at = where[index]
        result[at] = _invert(law, share[at], spread[at])
    return result.reshape(shape)


def thin_arrivals(mean: ArrayLike, probability: ArrayLike) -> Floats:
    """Return the mean arrivals when each one opens whole, or not at all.

    All-or-none opening removes packets and leaves their size. Thinning keeps the
    negative binomial law, with the same spread between units.
    """
    return np.asarray(mean, dtype=float) * _chance(probability, "thin_arrivals: probability")


def thin_units(jump: Jump, probability: ArrayLike) -> Jump:
    """Return the jump law when each unit of a packet gets out on its own.

    The rival of `thin_arrivals`: partial release keeps every packet and makes it
    smaller. A Poisson jump stays Poisson; a fixed jump becomes binomial (scalar
    size and probability only); every entry of a table is thinned.
    """
    chance = _chance(probability, "thin_units: probability")
    if isinstance(jump, Poisson):
        return Poisson(np.asarray(jump.mean, dtype=float) * chance)
    if chance.ndim or (isinstance(jump, Fixed) and np.ndim(jump.size)):
        raise InputError(
            "thinned fixed and table jumps are tables, and a table is not an array",
            where="thin_units",
            remedy="thin one size with one probability at a time",
        )
    if isinstance(jump, Fixed):
        return binomial(float(np.asarray(jump.size)), float(chance))
    largest = int(np.max(np.asarray(jump.sizes)))
    mixed = np.zeros(largest + 1)
    for size, weight in zip(
        np.asarray(jump.sizes, dtype=float),
        np.asarray(jump.probabilities, dtype=float),
        strict=True,
    ):
        mixed[: int(size) + 1] += weight * _binomial_shares(int(size), float(chance))
    return Table(np.arange(largest + 1.0), mixed / mixed.sum())


def binomial(trials: float, probability: float) -> Table:
    """Return the jump law of ``trials`` units that each get out with ``probability``."""
    if not (trials >= 0 and float(trials).is_integer()):
        raise InputError(
            f"{trials!r} units in a packet is not a whole number",
            where="binomial: trials",
            remedy="give a whole number, or a Table that mixes two whole numbers",
        )
    chance = float(_chance(probability, "binomial: probability"))
    return Table(np.arange(trials + 1), _binomial_shares(int(trials), chance))


def table_survival(mean: float, threshold: float, jump: Table, cv: float = 0.0) -> TableSurvival:
    """Return the survival for any table of jumps, with an error bound.

    The generating function of the total is
    ``(1 + mean (1 - P_J(z)) / r)**(-r)`` (``exp(-mean (1 - P_J(z)))`` for
    ``cv = 0``). Jumps that reach the threshold alone are left out of ``P_J``, which
    leaves the chances below the threshold as they are. The function is sampled on
    a circle of radius below 1: each chance then holds, besides itself, those a
    grid length further on, damped by ``radius**N``. With ``N`` at least four
    thresholds and ``radius**N = 1e-12`` that folding is below 1e-12, whatever the
    tail, and the rounding grows by at most a factor of 1000.
    """
    needed = int(np.ceil(threshold))
    if needed <= 0:
        return TableSurvival(1.0, 0.0, 0, 0.0)
    length = 1 << max(4 * needed - 1, 15).bit_length()
    if length > _MOST_GRID:
        raise NumericalError(
            f"a threshold of {needed:g} units needs a grid of {length:g} points",
            where="table_survival",
            remedy="count in larger units, or use a Fixed or Poisson jump",
        )
    folded = 1e-12
    decay = np.log(folded) / length
    sizes = np.asarray(jump.sizes, dtype=float)
    chances = np.asarray(jump.probabilities, dtype=float)
    # Empty arrivals change nothing, and a mean without them is rounded less.
    filled = float(chances[sizes > 0].sum())
    mean *= filled
    below = (sizes > 0) & (sizes < needed)
    masses = np.bincount(sizes[below].astype(np.int64), chances[below], minlength=needed)
    masses = masses / max(filled, np.finfo(float).tiny)
    damping = np.exp(decay * np.arange(needed))
    jumps = np.fft.rfft(masses * damping, length)
    gap = mean * (1.0 - jumps)
    logarithm = -gap if cv == 0 else -np.log1p(gap * cv**2) / cv**2
    transform = np.exp(logarithm)
    slope_transform = -gap * (transform if cv == 0 else transform / (1.0 + gap * cv**2))
    missing = float(np.sum(np.fft.irfft(transform, length)[:needed] / damping))
    slope = -float(np.sum(np.fft.irfft(slope_transform, length)[:needed] / damping))
    # Parseval: the rounding of the chances has the root mean square of the rounding of
    # the transform. That of the first transform, a few eps for each stage, is multiplied
    # by the mean before the power is taken.
    stages = 4.0 * float(np.log2(length))
    steepness = mean / np.abs(1.0 + gap * cv**2)
    noise = np.abs(transform) * (stages * (1.0 + steepness) + np.abs(logarithm))
    rounding = np.finfo(float).eps * float(np.sqrt(np.mean(noise**2)))
    growth = float(np.sqrt(np.sum(damping**-2.0)))
    return TableSurvival(
        value=min(max(1.0 - missing, 0.0), 1.0),
        error_bound=float(folded / (1.0 - folded) + rounding * growth),
        grid_points=length,
        slope=max(slope, 0.0),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Nodes:
    """Arrivals needed, as a few weighted real values for each element.

    ``counts`` and ``weights`` have the shape (node, element); ``scale`` turns the
    mean number of arrivals into the mean number of those that are counted.
    """

    counts: Floats
    weights: Floats
    scale: Floats

    def share(self, mean: Floats, cv: Floats) -> Floats:
        level = np.minimum(mean * self.scale, _MOST_MEAN)
        total = np.zeros(level.shape)
        for count, weight in zip(self.counts, self.weights, strict=True):
            total += weight * _at_least(count, level, cv)
        return total

    def share_and_slope(self, mean: Floats, cv: Floats) -> tuple[Floats, Floats]:
        level = np.minimum(mean * self.scale, _MOST_MEAN)
        slope = np.zeros(level.shape)
        for count, weight in zip(self.counts, self.weights, strict=True):
            slope += weight * count * np.exp(_log_exactly(count, level, cv))
        return self.share(mean, cv), slope

    def moments(self) -> tuple[Floats, Floats]:
        middle = np.sum(self.weights * self.counts, axis=0)
        return middle, np.sum(self.weights * (self.counts - middle) ** 2, axis=0)

    def at(self, index: NDArray[np.intp]) -> _Nodes:
        return _Nodes(self.counts[:, index], self.weights[:, index], self.scale[index])


@dataclass(frozen=True, slots=True, eq=False)
class _Ladder:
    """Arrivals needed, as the full law on whole numbers from ``first`` to ``last``.

    ``enough[i]`` is the chance that ``first + i`` arrivals are enough, for
    ``first + i < last``. Elements are sorted, longest ladder first, so that each
    rung is a slice.
    """

    first: Floats
    last: Floats
    enough: Floats
    scale: Floats

    def share(self, mean: Floats, cv: Floats) -> Floats:
        return self.share_and_slope(mean, cv)[0]

    def share_and_slope(self, mean: Floats, cv: Floats) -> tuple[Floats, Floats]:
        # P(X >= K) = P(M >= last) + sum over j < last of P(M = j) P(j are enough):
        # one incomplete beta function, then a recurrence with positive terms only.
        level = np.minimum(mean * self.scale, _MOST_MEAN)
        square = cv**2
        growth = level / (1.0 + level * square)
        total = _at_least(self.last, level, cv)
        exactly = np.exp(_log_exactly(self.first, level, cv))
        slope = np.zeros(level.shape)
        before = np.zeros(level.shape)
        rungs = self.last - self.first
        for i in range(self.enough.shape[0]):
            n = int(np.searchsorted(-rungs, -i, side="left"))
            count = self.first[:n] + i
            enough = self.enough[i, :n]
            total[:n] += exactly[:n] * enough
            slope[:n] += count * exactly[:n] * (enough - before[:n])
            before[:n] = enough
            exactly[:n] *= (1.0 + count * square[:n]) * growth[:n] / (count + 1.0)
        slope += self.last * exactly * (1.0 - before)
        return total, slope

    def moments(self) -> tuple[Floats, Floats]:
        rung: Floats = np.arange(float(self.enough.shape[0]))
        left = self.last - self.first - rung[:, None]
        enough = np.where(left > 0, self.enough, 0.0)
        short = enough.sum(axis=0)
        square = np.sum((2.0 * left - 1.0) * enough, axis=0)
        return self.last - short, np.maximum(square - short**2, 0.0)

    def at(self, index: NDArray[np.intp]) -> _Ladder:
        return _Ladder(
            self.first[index], self.last[index], self.enough[:, index], self.scale[index]
        )


_Law: TypeAlias = _Nodes | _Ladder


def _laws(
    jump: Fixed | Poisson, threshold: Floats, jumps: Floats
) -> Iterator[tuple[NDArray[np.intp], _Law]]:
    """Yield, for groups of elements, their indices and the law of the arrivals needed."""
    if isinstance(jump, Fixed):
        # A quotient like 0.3 / 0.1 must not ask for a fourth arrival.
        count = np.maximum(np.ceil(threshold / jumps * (1.0 - 1e-12)), 1.0)
        yield np.arange(count.size), _single(count, np.ones(count.shape))
        return
    units = np.ceil(threshold)
    written_out = units <= _EXACT_UP_TO
    # The square of 2 pi / c may overflow for tiny c, where the answer is "smooth".
    smooth = units * np.log1p(np.minimum(2.0 * np.pi / jumps, 1e100) ** 2) >= _SMOOTH_FROM
    one = jumps / (6.0 * units * (1.0 + jumps)) < _ONE_GAMMA_BELOW
    groups = (
        (written_out, _short_ladder),
        (~written_out & ~smooth, _steep_ladder),
        (~written_out & smooth & one, _one_gamma),
        (~written_out & smooth & ~one & (jumps < _TWO_NODES_BELOW), _two_nodes),
        (~written_out & smooth & ~one & (jumps >= _TWO_NODES_BELOW), _five_nodes),
    )
    for mask, build in groups:
        index = np.flatnonzero(mask)
        if index.size:
            order, law = build(units[index], jumps[index])
            yield index[order], law


def _single(count: Floats, scale: Floats) -> _Nodes:
    return _Nodes(count[None], np.ones((1, count.size)), scale)


def _short_ladder(units: Floats, jumps: Floats) -> tuple[NDArray[np.intp], _Law]:
    """Write out the law of the non-empty arrivals needed for a few units.

    Non-empty arrivals bring a Poisson number of units that is at least 1. With
    ``B = exp(c) - 1`` and ``S`` the Stirling numbers of the second kind, ``k`` of
    them bring ``n`` units with chance ``k! S(n, k) c**n / (n! B**k)``, and
    ``S(n + 1, k) = k S(n, k) + S(n, k - 1)`` steps from ``n`` to ``n + 1``.
    """
    order = np.argsort(-units, kind="stable")
    units, jumps = units[order], jumps[order]
    capped = np.minimum(jumps, 700.0)  # beyond, one arrival is always enough
    inverse = 1.0 / np.expm1(capped)
    most = int(units[0])
    chance = np.zeros((most + 1, units.size))
    chance[0] = 1.0
    short = np.zeros((most + 1, units.size))
    for n in range(1, most):
        live = int(np.searchsorted(-units, -n, side="left"))
        step = capped[:live] / n
        for k in range(n, 0, -1):
            chance[k, :live] = step * k * (chance[k, :live] + chance[k - 1, :live] * inverse[:live])
            short[k, :live] += chance[k, :live]
        chance[0] = 0.0
    enough = np.maximum(1.0 - short[1:most], 0.0)
    return order, _Ladder(np.ones(units.size), units, enough, -np.expm1(-jumps))


def _steep_ladder(units: Floats, jumps: Floats) -> tuple[NDArray[np.intp], _Law]:
    """Write out the law of ``ceil(T / c)`` where it holds a few whole numbers only."""
    # Wilson and Hilferty's cube root is accurate enough for the ends of a window.
    middle, width = 1.0 - 1.0 / (9.0 * units), _WINDOW_SD / (3.0 * np.sqrt(units))
    first = np.maximum(np.floor(units * (middle - width) ** 3 / jumps), 1.0)
    last = np.maximum(np.ceil(units * (middle + width) ** 3 / jumps), first)
    order = np.argsort(first - last, kind="stable")
    units, jumps, first, last = units[order], jumps[order], first[order], last[order]
    rungs = last - first
    enough = np.zeros((int(rungs[0]), units.size))
    for i in range(enough.shape[0]):
        n = int(np.searchsorted(-rungs, -i, side="left"))
        enough[i, :n] = gammainc(units[:n], (first[:n] + i) * jumps[:n])
    return order, _Ladder(first, last, enough, np.ones(units.size))


def _one_gamma(units: Floats, jumps: Floats) -> tuple[NDArray[np.intp], _Law]:
    """Match a gamma law to the mean and variance of the waiting time.

    With ``ceil(T / c) = T / c + U``, ``U`` uniform, the waiting time in arrivals
    has mean ``K / c + 1 / 2`` and variance ``K / c**2 + K / c + 7 / 12``.
    """
    middle = units + jumps / 2.0
    variance = units * (1.0 + jumps) + 7.0 * jumps**2 / 12.0
    law = _single(middle / variance * middle, jumps * (middle / variance))
    return np.arange(units.size), law


def _cumulants(units: Floats, jumps: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return four cumulants of the non-empty arrivals needed, where ``ceil`` is smooth.

    Let ``g(s) = log(1 + (exp(c) - 1) exp(-s))``. The cumulant generating function is
    ``-K log(g / c)`` from ``T`` plus that of a uniform variable at ``c - g``.
    """
    filled = -np.expm1(-jumps)
    second = filled * np.exp(-jumps)
    third = second * (1.0 - 2.0 * filled)
    fourth = second * (1.0 - 6.0 * second)
    a, b, c, d = -filled / jumps, second / jumps, -third / jumps, fourth / jumps
    return (
        -units * a + filled / 2.0,
        -units * (b - a**2) - second / 2.0 + filled**2 / 12.0,
        -units * (c - 3.0 * a * b + 2.0 * a**3) + third / 2.0 - filled * second / 4.0,
        -units * (d - 4.0 * a * c - 3.0 * b**2 + 12.0 * a**2 * b - 6.0 * a**4)
        - fourth / 2.0
        + (4.0 * filled * third + 3.0 * second**2) / 12.0
        - filled**4 / 120.0,
    )


def _two_nodes(units: Floats, jumps: Floats) -> tuple[NDArray[np.intp], _Law]:
    """Carry mean, variance and skewness of the non-empty arrivals needed by two nodes.

    For small ``c`` nearly all of them bring one unit, so their number is ``K`` less
    a small Poisson variable: skewed, hence the Gauss rule of its own moments.
    """
    middle, variance, third, _ = _cumulants(units, jumps)
    spread = np.sqrt(variance)
    half_skew = third / variance / spread / 2.0
    reach = np.sqrt(1.0 + half_skew**2)
    low, high = half_skew - reach, half_skew + reach
    counts = np.stack([middle + spread * low, middle + spread * high])
    weights = np.stack([high, -low]) / (high - low)
    return np.arange(units.size), _Nodes(counts, weights, -np.expm1(-jumps))


# Gauss-Hermite rule for a standard normal variable.
_HERMITE_NODES, _HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(5)


def _five_nodes(units: Floats, jumps: Floats) -> tuple[NDArray[np.intp], _Law]:
    """Carry four cumulants of the non-empty arrivals needed by mapped normal nodes.

    The Cornish-Fisher expansion maps Gauss-Hermite nodes to the law, which is
    nearly normal here.
    """
    middle, variance, third, fourth = _cumulants(units, jumps)
    spread = np.sqrt(variance)
    skew, excess = third / variance / spread, fourth / variance**2
    z = _HERMITE_NODES[:, None]
    counts = middle + spread * (
        z
        + skew * (z**2 - 1.0) / 6.0
        + excess * (z**3 - 3.0 * z) / 24.0
        - skew**2 * (2.0 * z**3 - 5.0 * z) / 36.0
    )
    weights = np.broadcast_to((_HERMITE_WEIGHTS / _HERMITE_WEIGHTS.sum())[:, None], counts.shape)
    return np.arange(units.size), _Nodes(counts, weights, -np.expm1(-jumps))


def _at_least(count: Floats, mean: Floats, cv: Floats) -> Floats:
    """Return P(M >= count) for real counts above 0."""
    square = cv**2
    odds = mean * square
    far = odds > _COMPLEMENT_FROM
    poisson = square == 0
    if not (far.any() or poisson.any()):
        return betainc(count, 1.0 / square, odds / (1.0 + odds))
    result = np.empty(mean.shape)
    result[poisson] = gammainc(count[poisson], mean[poisson])
    near = ~poisson & ~far
    result[near] = betainc(count[near], 1.0 / square[near], odds[near] / (1.0 + odds[near]))
    result[far] = betaincc(1.0 / square[far], count[far], 1.0 / (1.0 + odds[far]))
    return result


def _log_exactly(count: Floats, mean: Floats, cv: Floats) -> Floats:
    """Return ln P(M = count), carried on to real counts."""
    poisson = cv == 0
    if not poisson.any():
        shape = 1.0 / cv**2
        odds = mean / shape
        stay = np.log1p(odds)
        return count * (np.log(odds) - stay) - shape * stay - betaln(count, shape) - np.log(count)
    result = np.empty(mean.shape)
    few = count[poisson]
    result[poisson] = few * np.log(mean[poisson]) - mean[poisson] - gammaln(few + 1.0)
    rest = ~poisson
    if rest.any():
        result[rest] = _log_exactly(count[rest], mean[rest], cv[rest])
    return result


def _mean_at(count: Floats, fraction: Floats, cv: Floats) -> Floats:
    """Return the mean with P(M >= count) = fraction."""
    result = np.empty(count.shape)
    square = cv**2
    poisson = square == 0
    if poisson.any():
        result[poisson] = gammaincinv(count[poisson], fraction[poisson])
    # Solve for the smaller of q and 1 - q: the other one may be rounded to 1.
    many = ~poisson & (count * square > 1.0)
    few = ~poisson & ~many
    # A unit of exposure 0, within rounding, asks for more than the largest float.
    with np.errstate(divide="ignore", over="ignore"):
        for part in (many, few):
            if not part.any():
                continue
            shape = 1.0 / square[part]
            if part is many:
                rest = betainccinv(shape, count[part], fraction[part])
                result[part] = shape * ((1.0 - rest) / rest)
            else:
                odds = betaincinv(count[part], shape, fraction[part])
                result[part] = shape * (odds / (1.0 - odds))
    return result


def _invert(law: _Law, fraction: Floats, cv: Floats) -> Floats:
    """Return the mean at which the law gives ``fraction``."""
    middle, variance = law.moments()
    # The waiting time is a sum of `count` unit exponentials; match a gamma law to it.
    spread = middle + variance
    with np.errstate(over="ignore"):
        first = _mean_at(middle * (middle / spread), fraction, cv) * (spread / middle) / law.scale
    first[first >= _MOST_MEAN] = np.inf
    inexact = np.flatnonzero((variance > 0) & (first < _MOST_MEAN) & (first > 0))
    if inexact.size:
        first[inexact] = _refine(law, inexact, first[inexact], fraction[inexact], cv[inexact])
    return first


def _refine(
    law: _Law, index: NDArray[np.intp], start: Floats, fraction: Floats, cv: Floats
) -> Floats:
    """Return the means after guarded Newton steps on the probit scale.

    There the share is close to a straight line in the logarithm of the mean, so a
    start within some per cent needs one or two steps.
    """
    logarithm = np.log(start)
    target = ndtri(fraction)
    low, high = np.full(start.shape, -np.inf), np.full(start.shape, np.inf)
    active = np.arange(start.size)
    part = law if index.size == law.scale.size else law.at(index)
    for _ in range(_MOST_STEPS):
        here = logarithm[active]
        share, slope = part.share_and_slope(np.exp(here), cv[active])
        reached = share >= fraction[active]
        high[active[reached]] = here[reached]
        low[active[~reached]] = here[~reached]
        step = np.abs(_probit_step(share, slope, target[active]))
        step[reached] *= -1.0
        moving = np.abs(step) > _LAST_STEP
        proposed = here + step
        # A last step may leave the bracket by rounding; a long one may not.
        astray = moving & ((proposed <= low[active]) | (proposed >= high[active]))
        if astray.any():
            proposed[astray] = (0.5 * (low[active] + high[active]))[astray]
        logarithm[active] = proposed
        if not moving.any():
            return np.exp(logarithm)
        if not moving.all():
            active = active[moving]
            part = part.at(np.flatnonzero(moving))
    raise NumericalError(
        f"{active.size} of {start.size} means did not settle in {_MOST_STEPS} steps",
        where="mean_reaching",
        remedy="ask for a fraction further from 0 and 1",
    )


def _probit_step(share: Floats, slope: Floats, target: Floats) -> Floats:
    """Return the Newton step in the logarithm of the mean, at most 30 either way."""
    bounded = np.clip(share, 1e-306, 1.0 - 1e-16)
    probit = ndtri(bounded)
    density = np.exp(-0.5 * probit**2) / np.sqrt(2.0 * np.pi)
    # A share that is flat within rounding has no slope: take the longest step.
    rate = np.maximum(slope, 1e-306) / np.maximum(density, 1e-306)
    return np.clip((target - probit) / np.maximum(rate, 1e-300), -30.0, 30.0)


def _invert_table(fraction: float, threshold: float, jump: Table, cv: float) -> float:
    """Return the mean at which a table of jumps gives ``fraction``."""
    sizes = np.asarray(jump.sizes, dtype=float)
    chances = np.asarray(jump.probabilities, dtype=float)
    jump_mean, jump_square = float(sizes @ chances), float(sizes**2 @ chances)
    # The waiting time has about the mean and variance of a renewal count.
    shape = max(np.ceil(threshold) * jump_mean / jump_square, 1.0)
    scale = np.ceil(threshold) / jump_mean / shape
    here = np.log(_mean_at(*(np.array([x]) for x in (shape, fraction, cv)))[0] * scale)
    low, high = -np.inf, np.inf
    target = ndtri(fraction)
    for _ in range(_MOST_STEPS):
        found = table_survival(float(np.exp(here)), threshold, jump, cv)
        step = abs(
            float(_probit_step(*(np.asarray(x) for x in (found.value, found.slope, target))))
        )
        if found.value >= fraction:
            high, step = here, -step
        else:
            low = here
        if abs(step) < _LAST_STEP:
            return float(np.exp(here + step))
        proposed = here + step
        if not low < proposed < high:
            proposed = 0.5 * (low + high)
        here = proposed
    raise NumericalError(
        f"the mean for a share of {fraction:g} did not settle in {_MOST_STEPS} steps",
        where="mean_reaching",
        remedy="ask for a fraction further from 0 and 1",
    )


def _binomial_shares(trials: int, chance: float) -> Floats:
    """Return the chances of 0 to ``trials`` units."""
    count = np.arange(trials + 1.0)
    if chance in (0.0, 1.0):
        return (count == chance * trials).astype(float)
    choose = gammaln(trials + 1.0) - gammaln(count + 1.0) - gammaln(trials - count + 1.0)
    shares = np.exp(choose + count * np.log(chance) + (trials - count) * np.log1p(-chance))
    return shares / shares.sum()


def _chance(value: ArrayLike, where: str) -> Floats:
    """Return a probability as an array, or say that it is none."""
    chance = np.asarray(value, dtype=float)
    if not ((chance >= 0) & (chance <= 1)).all():
        raise InputError(
            "a probability lies outside 0 to 1", where=where, remedy="give a share of 1"
        )
    return chance


def _arguments(
    threshold: ArrayLike, cv: ArrayLike, jump: Jump, **varied: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats, tuple[int, ...]]:
    """Return mean or fraction, threshold, cv and jump size, flat, and the common shape."""
    ((name, value),) = varied.items()
    if isinstance(jump, Table):
        size = np.asarray(jump.sizes, dtype=float) @ np.asarray(jump.probabilities, dtype=float)
    else:
        size = jump.size if isinstance(jump, Fixed) else jump.mean
    given = [np.asarray(x, dtype=float) for x in (value, threshold, cv, size)]
    names = (name, "threshold", "cv", "jump")
    for label, array in zip(names, given, strict=True):
        wrong = np.isnan(array) if label == "threshold" else ~(array >= 0)
        if label == "cv":
            wrong = wrong | (array > _MOST_CV)
        if wrong.any():
            raise InputError(
                f"{int(wrong.sum())} of {array.size} values are NaN, negative or absurdly large",
                where=f"compound law: {label}",
                remedy="give numbers of at least 0, and a cv of at most 1000",
            )
    spread = np.broadcast_arrays(*given)
    first, second, third, fourth = (np.ravel(x) for x in spread)
    return first, second, third, fourth, spread[0].shape
