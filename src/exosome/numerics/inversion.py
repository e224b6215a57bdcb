"""From a Laplace transform back to time, for many parameter draws at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_NODES = 20


def inverted(
    transform: Callable[[complex], NDArray[np.complex128]], time: float
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

    References
    ----------
    Trefethen, Weideman and Schmelzer (2006), Talbot quadratures and rational approximations,
    BIT 46: the four coefficients of the contour.
    """
    theta = (2.0 * np.arange(_NODES // 2) + 1.0) * np.pi / _NODES
    cot = 1.0 / np.tan(0.6407 * theta)
    z = _NODES * (0.5017 * theta * cot - 0.6122 + 0.2645j * theta)
    bend = 0.5017 * (cot - 0.6407 * theta * (1.0 + cot**2))
    weight = np.exp(z) * _NODES * (bend + 0.2645j)
    found = sum((w * transform(complex(at / time))).imag for at, w in zip(z, weight, strict=True))
    return np.asarray(found) * (2.0 / (_NODES * time))
