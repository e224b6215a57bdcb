"""A chain of exponential stages: how much is in the third, at any time, for many draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Amount = NDArray[np.float64]

_APART = 1e-4  # relative; rounding then costs 1e-8, and moving the rates apart no more


def third_stage(first: Amount, second: Amount, third: Amount, time: Amount | float) -> Amount:
    """Return the second convolution of three exponentials: ``exp(-at) * exp(-bt) * exp(-kt)``.

    Times the rates of passing on, this is what stands in the third stage of a chain that began
    with one in the first. Partial fractions; rates that nearly coincide are moved apart by 1e-4
    of themselves, which changes the value by less than 1e-4 of itself.

    >>> import numpy as np
    >>> one = np.ones(1)
    >>> print(f"{third_stage(one, one, one, 1.0)[0]:.4f}")  # t^2 / 2 exp(-t)
    0.1839
    """
    a = first
    b = np.where(np.abs(second - a) < _APART * (a + second), a * (1.0 + 2.0 * _APART), second)
    k = third
    for other in (a, b, a):
        near = np.abs(k - other) < _APART * (k + other)
        k = np.where(near, other * (1.0 + 3.0 * _APART), k)
    terms = (
        np.exp(-x * time) / ((y - x) * (z - x)) for x, y, z in ((a, b, k), (b, a, k), (k, a, b))
    )
    return np.maximum(sum(terms), 0.0)


def fed_third_stage(
    weights: Amount,
    feeds: tuple[float, ...],
    stages: tuple[Amount, Amount, Amount],
    times: NDArray[np.float64],
) -> Amount:
    """Return what stands in the third stage of a chain that is fed by a sum of exponentials.

    The first stage is fed at the rate ``sum_i w_i f_i exp(-f_i t)``; nothing is there at time 0.
    Stages end at their rates, and what ends in one appears in the next times the rate of passing
    on, which the caller multiplies. Partial fractions, near rates moved apart as in `third_stage`;
    where four coincide, rounding costs 1e-8.

    Parameters
    ----------
    weights : array
        ``w_i``, shape (feed, draw).
    feeds : tuple of float
        ``f_i``, all different.
    stages : tuple of array
        Rates at which the three stages end, one for each draw; the last may be 0.
    times : array
        Returned along a first axis.
    """
    moved: list[Amount] = []
    for rate in stages:
        x = rate + 0.0
        for step in (1.0, 2.0):  # moved off one, it may have come near another
            for other in (*feeds, *moved):
                near = np.abs(x - other) < 0.5 * _APART * (x + other)
                x = np.where(near, other * (1.0 + step * _APART), x)
        moved.append(x)
    a, b, k = moved
    found = np.zeros((times.size, weights.shape[-1]))
    for weight, feed in zip(weights, feeds, strict=True):
        part = weight * feed
        found += np.exp(-feed * times)[:, None] * (part / ((a - feed) * (b - feed) * (k - feed)))
    for x, y, z in ((a, b, k), (b, a, k), (k, a, b)):
        entry = sum(weight * feed / (feed - x) for weight, feed in zip(weights, feeds, strict=True))
        found += np.exp(-x * times[:, None]) * (entry / ((y - x) * (z - x)))
    return np.maximum(found, 0.0)
