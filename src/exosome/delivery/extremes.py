"""The best that sources allow, and the best that conservation allows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.catalog.roles import role_named
from exosome.delivery.draws import Draws

if TYPE_CHECKING:
    from exosome.delivery.pool import BoundSource
    from exosome.delivery.problem import Problem

_POINTS = 9  # values tried between the two ends, so that an interior optimum is not missed
_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Extreme:
    """The most favourable case inside a box of inputs: its margin and where it lies."""

    margin: float
    values: dict[str, float]
    bounds: dict[str, BoundSource]


def sourced_best_case(problem: Problem) -> Extreme:
    """Return the case with every input at its most favourable sourced value.

    Ends of a spread that describe an estimate (SD, confidence interval, fit
    multiplier) are no bounds of the quantity; where only such exist the cut of
    the drawn law, three standard deviations out, stands in. Assumed ranges stand
    in where nobody has measured. Both are labelled for what they are. The
    case therefore lies at or beyond every draw, so failing here is a strong
    statement. Inputs are optimised, not set to an end, since some are not
    monotone (the cell-to-cell spread, for one).
    """
    box = {role: one.support for role, one in problem.pools.items()}
    sources: dict[str, BoundSource] = {role: one.bounds_are for role, one in problem.pools.items()}
    return _climb(problem, box, sources)


def conservation_ceiling(problem: Problem) -> Extreme:
    """Return the case in which every vesicle reaches the target cells and opens.

    Transport, survival, uptake, opening and function are taken as complete;
    cargo, cell numbers and needs stay at their most favourable sourced value.
    What fails here fails by conservation, whatever is learnt about delivery.
    """
    box = {role: one.support for role, one in problem.pools.items()}
    sources: dict[str, BoundSource] = {role: one.bounds_are for role, one in problem.pools.items()}
    for role in box:
        known = role_named(role, where="conservation ceiling")
        if known.is_transport:
            box[role], sources[role] = (known.low, known.high), "conservation"
    return _climb(problem, box, sources)


def _climb(
    problem: Problem, box: dict[str, tuple[float, float]], sources: dict[str, BoundSource]
) -> Extreme:
    best = {role: _middle(*ends) for role, ends in box.items()}
    top = -math.inf
    for _ in range(_SWEEPS):
        before = top
        for role, (low, high) in box.items():
            tried = _between(low, high)
            margins = problem.margin(_row(best, role, tried))
            i = int(np.argmax(margins))
            # Keep the present value on a tie, so that idle inputs do not wander.
            if margins[i] > top:
                top, best = float(margins[i]), {**best, role: float(tried[i])}
        if top <= before + 1e-12:
            break
    return Extreme(top, best, sources)


def _row(values: dict[str, float], role: str, tried: np.ndarray) -> Draws:
    size = tried.size
    row = {name: np.full(size, value) for name, value in values.items()}
    return Draws({**row, role: tried}, size)


def _middle(low: float, high: float) -> float:
    return math.sqrt(low * high) if low > 0.0 else 0.5 * (low + high)


def _between(low: float, high: float) -> np.ndarray:
    if low > 0.0 and high / low > 10.0:
        points = np.geomspace(low, high, _POINTS)
        points[0], points[-1] = low, high
        return points
    return np.linspace(low, high, _POINTS)
