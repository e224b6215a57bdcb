"""The best that sources allow, and the best that conservation allows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.catalog.roles import role_named
from exosome.delivery.draws import Draws
from exosome.delivery.outcome import Packets

if TYPE_CHECKING:
    from collections.abc import Callable

    from exosome.delivery.draws import Memory
    from exosome.delivery.pool import BoundSource
    from exosome.delivery.problem import Problem

_POINTS = 9  # values tried between the two ends, so that an interior optimum is not missed
_SWEEPS = 12
_FINE = 1e-7  # of the range: how closely an optimum inside it is located
_LOADS = ("copies_per_", "ligand_copies.", "enzyme_copies.", "soluble_per_particle.")


@dataclass(frozen=True, slots=True)
class Extreme:
    """The most favourable case inside a box of inputs: its margin and where it lies."""

    margin: float
    values: dict[str, float]
    bounds: dict[str, BoundSource]
    grounded: bool = True

    @property
    def binding(self) -> float:
        """The margin that may call a mechanism impossible: infinite if it is not grounded."""
        return self.margin if self.grounded else math.inf


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
    return _climb(problem.margin, box, sources)


def conservation_ceiling(problem: Problem) -> Extreme:
    """Return the case in which nothing is lost on the way and everything acts.

    Transport, survival, uptake, opening, contact and function are taken as
    complete, and the dose may end in just the fraction of cells that must
    respond; cargo, cell numbers and needs stay at their most favourable sourced
    value. What fails here fails by conservation, whatever is learnt about
    delivery. It is ``grounded`` if the cargo rests on more than assumptions:
    without a measured maximum nothing is impossible by it.
    """
    box = {role: one.support for role, one in problem.pools.items()}
    sources: dict[str, BoundSource] = {role: one.bounds_are for role, one in problem.pools.items()}
    for role in box:
        known = role_named(role, where="conservation ceiling")
        if known.is_transport:
            box[role], sources[role] = (known.low, known.high), "conservation"
        if known.ceiling is not None:
            box[role], sources[role] = (box[role][0], known.ceiling), "conservation"
    fraction = problem.question.responding_fraction

    def allowed(draws: Draws) -> np.ndarray:
        outcome = problem.outcome(draws)
        margins = outcome.effect.margin(fraction)
        if isinstance(outcome.effect, Packets):
            return np.maximum(margins, outcome.mean_field_margin - math.log10(fraction))
        return margins

    found = _climb(allowed, box, sources)
    return replace(found, grounded=_is_grounded(problem))


def _is_grounded(problem: Problem) -> bool:
    """Whether the load that acts rests on at least one record with no assumption behind it."""
    loads = [one for role, one in problem.pools.items() if role.startswith(_LOADS)]
    return all(any(one.read_as[r.id] != "assumed" for r in one.records) for one in loads)


def _climb(
    objective: Callable[[Draws], np.ndarray],
    box: dict[str, tuple[float, float]],
    sources: dict[str, BoundSource],
) -> Extreme:
    best = {role: _middle(*ends) for role, ends in box.items()}
    top = -math.inf
    memory: Memory = {}
    for _ in range(_SWEEPS):
        before = top
        for role, (low, high) in box.items():
            top, best = _along(objective, role, _between(low, high), top, best, memory)
        if top <= before + 1e-12:
            break
    for role, (low, high) in box.items():
        # An optimum between two points of the grid: close in on it.
        reach = (high - low) / (_POINTS - 1)
        while low < best[role] < high and reach > _FINE * (high - low):
            near = np.linspace(best[role] - reach, best[role] + reach, _POINTS)
            top, best = _along(objective, role, np.clip(near, low, high), top, best, memory)
            reach /= _POINTS - 1
    return Extreme(top, best, sources)


def _along(
    objective: Callable[[Draws], np.ndarray],
    role: str,
    tried: np.ndarray,
    top: float,
    best: dict[str, float],
    memory: Memory,
) -> tuple[float, dict[str, float]]:
    margins = objective(_row(best, role, tried, memory))
    i = int(np.argmax(margins))
    # Keep the present value on a tie, so that idle inputs do not wander.
    if margins[i] > top:
        return float(margins[i]), {**best, role: float(tried[i])}
    return top, best


def _row(values: dict[str, float], role: str, tried: np.ndarray, memory: Memory) -> Draws:
    size = tried.size
    row = {name: np.full(size, value) for name, value in values.items()}
    return Draws({**row, role: tried}, size, memory)


def _middle(low: float, high: float) -> float:
    return math.sqrt(low * high) if low > 0.0 else 0.5 * (low + high)


def _between(low: float, high: float) -> np.ndarray:
    if low > 0.0 and high / low > 10.0:
        points = np.geomspace(low, high, _POINTS)
        points[0], points[-1] = low, high
        return points
    return np.linspace(low, high, _POINTS)
