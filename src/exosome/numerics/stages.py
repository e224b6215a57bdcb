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
