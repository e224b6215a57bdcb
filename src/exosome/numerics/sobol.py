"""Variance shares of a model's inputs (Sobol indices)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError, NumericalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

_NORMAL_95 = 1.6448536269514722  # a two-sided 90 % interval


@dataclass(frozen=True, slots=True, eq=False)
class SobolResult:
    """Variance shares of inputs, or of groups of inputs, in the order of ``names``.

    ``first`` is the share of the variance that goes away, on average, when the
    input is known and all others are not. ``total`` is the share that stays while
    all others are known and this one is not; their difference is interaction.
    Half-widths are those of 90 % intervals for the sampling error alone.
    """

    names: tuple[str, ...]
    first: NDArray[np.float64]
    total: NDArray[np.float64]
    first_halfwidth: NDArray[np.float64]
    total_halfwidth: NDArray[np.float64]
    n: int
    evaluations: int
    variance: float

    @property
    def explained(self) -> float:
        """Return the sum of the first-order shares: 1 for a model without interaction."""
        return float(self.first.sum())


def sobol_indices(
    model: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    names: Sequence[str],
    n: int,
    rng: np.random.Generator,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> SobolResult:
    """Return first-order and total variance shares of a scalar model.

    Two independent samples A and B of ``n`` points are drawn, and one more for each
    input: A with that input taken from B. First-order shares are the covariance of
    B with how far the mixed sample, which shares only this input with it, lies from
    A (the estimator of Saltelli and others). Total shares halve the mean square difference of
    A and the mixed sample, which differ only in this input (the estimator of
    Jansen). Half-widths come from the infinitesimal jackknife.

    The shares add up as told only if the inputs are independent of each other.
    They describe the variance: for a model with a heavy tail they are ruled by
    that tail, and the half-widths are then too small. Take a logarithm first.
    Estimates may lie slightly outside 0 to 1; they are not cut.

    Parameters
    ----------
    model : callable
        Takes points of the unit cube, shape (point, input), and returns one value
        for each point. Called ``len(shares) + 2`` times with ``n`` points.
    names : sequence of str
        One for each column of the cube.
    n : int
        Sample size, at least 2. The error falls with its square root.
    rng : numpy.random.Generator
        Source of the two samples.
    groups : mapping, optional
        Label -> names that are varied together, for the share of a group as a
        whole, its inner interaction included. Names in no group stay by themselves.

    Returns
    -------
    SobolResult
        All shares are 0 if the model is constant.

    Raises
    ------
    InputError
        A group names an unknown input, or one input stands in two groups.
    NumericalError
        The model returned values that are not finite.

    References
    ----------
    Saltelli et al. (2010), Computer Physics Communications 181:259 (first order).
    Jansen (1999), Computer Physics Communications 117:35 (total).
    Both as cited by other packages; the tests rest on closed forms instead.
    """
    if n < 2:
        raise InputError(
            f"a sample of {n} has no variance", where="sobol_indices: n", remedy="give 2 or more"
        )
    members = _columns(names, groups or {})
    points_a = rng.random((n, len(names)))
    points_b = rng.random((n, len(names)))
    value_a, value_b = _evaluate(model, points_a), _evaluate(model, points_b)
    # Shifting the values changes no share, and the squares below lose fewer digits.
    centre = 0.5 * float(value_a.mean() + value_b.mean())
    value_a, value_b = value_a - centre, value_b - centre
    mean_square = 0.5 * (value_a**2 + value_b**2)
    variance = float(mean_square.mean())
    shares = np.zeros((4, len(members)))
    # A constant model differs from its mean by rounding only.
    if variance > (1e-14 * abs(centre)) ** 2:
        for i, columns in enumerate(members.values()):
            mixed = points_a.copy()
            mixed[:, columns] = points_b[:, columns]
            value_mixed = _evaluate(model, mixed) - centre
            shares[:2, i] = _first_order(value_b, value_mixed - value_a, mean_square)
            shares[2:, i] = _total(value_a - value_mixed, mean_square)
    return SobolResult(
        names=tuple(members),
        first=shares[0],
        first_halfwidth=shares[1],
        total=shares[2],
        total_halfwidth=shares[3],
        n=n,
        evaluations=n * (len(members) + 2),
        variance=variance,
    )


def _first_order(
    shared: NDArray[np.float64], moved: NDArray[np.float64], mean_square: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the covariance with the sample that shares the input, over the variance.

    ``moved`` is how far the input moved the other sample: zero, point for point,
    for an input that does nothing, so that idle inputs add no noise to the sum.
    """
    product = shared * moved
    variance = float(mean_square.mean())
    share = float(product.mean()) / variance
    return share, _halfwidth((product - share * mean_square) / variance)


def _total(
    difference: NDArray[np.float64], mean_square: NDArray[np.float64]
) -> tuple[float, float]:
    """Return half the mean square difference over the variance, and its half-width."""
    jump = 0.5 * difference**2
    variance = float(mean_square.mean())
    share = float(jump.mean()) / variance
    return share, _halfwidth((jump - share * mean_square) / variance)


def _halfwidth(pull: NDArray[np.float64]) -> float:
    """Return the half-width of a 90 % interval from the pull of each point."""
    return _NORMAL_95 * float(pull.std(ddof=1)) / float(np.sqrt(pull.size))


def _evaluate(
    model: Callable[[NDArray[np.float64]], NDArray[np.float64]], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the model's values, or say how many of them are no numbers."""
    values = np.asarray(model(points), dtype=np.float64)
    if values.shape != (points.shape[0],):
        raise InputError(
            f"the model returned the shape {values.shape} for {points.shape[0]} points",
            where="sobol_indices: model",
            remedy="return one value for each point",
        )
    wrong = int(np.count_nonzero(~np.isfinite(values)))
    if wrong:
        raise NumericalError(
            f"{wrong} of {values.size} model values are not finite",
            where="sobol_indices: model",
            remedy="give these points a finite value, such as a margin with a floor",
        )
    return values


def _columns(names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Return the columns that each share varies."""
    place = {name: i for i, name in enumerate(names)}
    grouped = [name for listed in groups.values() for name in listed]
    faults = {
        "unknown": sorted(set(grouped) - set(place)),
        "listed twice": sorted({name for name in grouped if grouped.count(name) > 1}),
        "given twice": sorted({name for name in names if list(names).count(name) > 1}),
        "both a group and an input": sorted((set(groups) & set(place)) - set(grouped)),
    }
    for fault, found in faults.items():
        if found:
            raise InputError(
                f"{fault}: {', '.join(found)}",
                where="sobol_indices: names and groups",
                remedy=f"name each input once, from {', '.join(names)}",
            )
    members = {label: [place[name] for name in listed] for label, listed in groups.items()}
    return members | {name: [i] for name, i in place.items() if name not in grouped}
