"""The summit of a log-posterior: damped Fisher scoring between bounds, and its local spread.

Each iteration solves the linearised problem at several dampings and keeps the best, so that the
trials can be evaluated side by side. What the objective costs is its owner's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DAMPINGS = (0.0, 0.03, 0.3, 3.0, 30.0, 300.0)


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """An objective about one point: value, gradient and information (minus its curvature)."""

    value: float
    gradient: Floats
    information: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Summit:
    """Where a climb ended. ``at_limit`` tells the coordinates that a bound holds."""

    point: Floats
    expansion: Expansion
    iterations: int
    converged: bool
    at_limit: NDArray[np.bool_]


def climb(
    expand: Callable[[Floats], Expansion],
    values: Callable[[Floats], Floats],
    start: Floats,
    *,
    low: Floats,
    high: Floats,
    held: NDArray[np.bool_] | None = None,
    most: int = 40,
    tolerance: float = 1e-3,
) -> Summit:
    """Return the summit reached from ``start``.

    Parameters
    ----------
    expand : callable
        Returns the expansion about a point.
    values : callable
        Returns the objective at each row of an array of points.
    held : array of bool, optional
        Coordinates that stay where they are.
    most : int
        Iterations at most; ``converged`` tells whether they sufficed.
    tolerance : float
        Gain of an iteration, in units of the objective, below which the climb ends.
    """
    frozen = np.zeros(start.size, np.bool_) if held is None else held
    point = np.clip(start, low, high)
    here = expand(point)
    for iteration in range(1, most + 1):
        blocked = frozen | ((point <= low) & (here.gradient < 0.0))
        blocked |= (point >= high) & (here.gradient > 0.0)
        free = np.flatnonzero(~blocked)
        if not free.size:
            return Summit(point, here, iteration, True, blocked & ~frozen)  # noqa: FBT003
        trials = np.array([_trial(point, here, free, d, low, high) for d in _DAMPINGS])
        found = values(trials)
        best = int(np.argmax(found))
        gain = float(found[best]) - here.value
        if gain <= tolerance:
            if gain > 0.0:
                point = trials[best]
                here = expand(point)
            return Summit(point, here, iteration, True, _limits(point, low, high, frozen))  # noqa: FBT003
        point = trials[best]
        here = expand(point)
    return Summit(point, here, most, False, _limits(point, low, high, frozen))  # noqa: FBT003


def _limits(
    point: Floats, low: Floats, high: Floats, frozen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    return ((point <= low) | (point >= high)) & ~frozen


def _trial(
    point: Floats,
    here: Expansion,
    free: NDArray[np.intp],
    damping: float,
    low: Floats,
    high: Floats,
) -> Floats:
    part = here.information[np.ix_(free, free)]
    damped = part + damping * np.diag(np.diag(part))
    step = np.linalg.solve(damped, here.gradient[free])
    moved = point.copy()
    moved[free] += step
    return np.clip(moved, low, high)


def spread(information: Floats) -> Floats:
    """Return the covariance of the normal law with this information."""
    return np.asarray(np.linalg.inv(0.5 * (information + information.T)), dtype=np.float64)
