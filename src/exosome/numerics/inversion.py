"""From a Laplace transform back to time, for many parameter draws at once."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_NODES = 20


def inverted(
    transform: Callable[[complex], NDArray[np.complex128]], time: float, *, nodes: int = _NODES
) -> NDArray[np.float64]:
    """Return the function of time, at ``time``, whose Laplace transform is given.

    Talbot's contour with the midpoint rule; of the 20 nodes only the ten above the real axis are
    evaluated, for the function is real. The error falls as 3.89 to the power of minus the nodes:
    1e-11 for transforms whose singularities lie on or near the negative real axis, as those of
    linear compartments do. It stops holding for oscillations that are not damped.

    Parameters
    ----------
    transform : callable
        Of one complex number to an array of any shape, one entry for each draw.
    time : float
        Above zero.
    nodes : int
        An even number; half of them are evaluated.

    References
    ----------
    Trefethen, Weideman and Schmelzer (2006), Talbot quadratures and rational approximations,
    BIT 46: the four coefficients of the contour.
    """
    weights, at = talbot_nodes(nodes)
    found = sum(
        (weight * transform(complex(node / time))).real
        for weight, node in zip(weights, at, strict=True)
    )
    return np.asarray(found) / time


@cache
def talbot_nodes(nodes: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return weights and the nodes above the real axis of Talbot's contour, for a time of 1."""
    theta = (2.0 * np.arange(nodes // 2) + 1.0) * np.pi / nodes
    cot = 1.0 / np.tan(0.6407 * theta)
    z = nodes * (0.5017 * theta * cot - 0.6122 + 0.2645j * theta)
    bend = 0.5017 * (cot - 0.6407 * theta * (1.0 + cot**2))
    return -2.0j * np.exp(z) * (bend + 0.2645j), z


def inverted_with_delays(
    transform: Callable[[complex], NDArray[np.complex128]], time: float, *, terms: int
) -> NDArray[np.float64]:
    """Return the same where the function of time holds delays, on which Talbot's contour fails.

    The Euler algorithm: its nodes stand on one line right of the origin, so that nothing grows. It
    takes ``2 terms + 1`` nodes for about ``0.6 terms`` digits, twice the nodes of `inverted`.

    References
    ----------
    Abate and Whitt (2006), A unified framework for numerically inverting Laplace transforms,
    INFORMS Journal on Computing 18: the Euler algorithm.
    """
    found = sum(
        (weight * transform(complex(node / time))).real
        for weight, node in zip(*euler_nodes(terms), strict=True)
    )
    return np.asarray(found) / time


@cache
def euler_nodes(terms: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return weights and nodes of the Euler algorithm, for a time of 1."""
    m = terms
    tail = np.ones(2 * m + 1)
    tail[0] = 0.5
    tail[2 * m] = 2.0**-m
    for k in range(1, m):
        tail[2 * m - k] = tail[2 * m - k + 1] + 2.0**-m * math.comb(m, k)
    k = np.arange(2 * m + 1)
    nodes = np.asarray(m * math.log(10.0) / 3.0 + 1j * np.pi * k, np.complex128)
    return np.asarray((-1.0) ** k * tail * 10.0 ** (m / 3.0), np.complex128), nodes
