"""What must hold in every run, whatever the numbers: saline, no cargo, no uptake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.delivery.question import ARRIVING, Luminal, NaturalRelease, SurfaceLigand

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.delivery.draws import Draws
    from exosome.delivery.problem import Problem

    Amount = NDArray[np.float64]

_DRAWS = 500
_CARGO = ("copies_per_particle.", "copies_per_vesicle.", "copies_per_cell.")
_UPTAKE = (
    "uptake_fraction.", "uptake_share.", "captured_within.", "uptake_permeability.",
    "surface_permeability.", "body_clearance.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Invariant:
    """A removal, what it must do, and whether it did."""

    removed: str
    expected: str
    holds: bool


def check_invariants(problem: Problem, draws: Draws) -> tuple[Invariant, ...]:
    """Return what removing the dose, the cargo and uptake does to a mechanism.

    Without a dose nothing is delivered. A luminal mechanism delivers nothing
    without cargo or without uptake; a surface or soluble one does not notice
    that uptake is gone (its vesicles need only arrive, or not even that).
    """
    few = draws.first(_DRAWS)
    normal = problem.margin(few)
    found = [
        Invariant("dose (saline)", "nothing is delivered", _is_nothing(*_saline(problem, few)))
    ]
    luminal = isinstance(problem.question.mechanism, Luminal)
    if luminal:
        without = _without(few, problem.roles, _CARGO)
        emptied = _emptied(problem)
        found.append(Invariant("cargo", "nothing is delivered", _is_nothing(emptied, without)))
    without = _without(few, problem.roles, _UPTAKE)
    if luminal or _binds_by_uptake(problem):
        nothing = _is_nothing(problem, without)
        found.append(Invariant("uptake", "nothing is delivered", nothing))
    else:
        same = bool(np.array_equal(problem.margin(without), normal))
        found.append(Invariant("uptake", "nothing changes", same))
    return tuple(found)


def _saline(problem: Problem, draws: Draws) -> tuple[Problem, Draws]:
    given = problem.question.given
    if isinstance(given, NaturalRelease):
        return problem, draws.with_value(f"release_rate.{given.donor}", 0.0)
    question = replace(problem.question, given=replace(given, amount=0.0))
    return replace(problem, question=question), draws


def _emptied(problem: Problem) -> Problem:
    """Return the problem with a stated loading taken away, so that the catalog's (zero) counts."""
    mechanism = problem.question.mechanism
    if not isinstance(mechanism, Luminal) or mechanism.loaded_copies is None:
        return problem
    empty = replace(mechanism, loaded_copies=0.0)
    return replace(problem, question=replace(problem.question, mechanism=empty))


def _without(draws: Draws, roles: tuple[str, ...], prefixes: tuple[str, ...]) -> Draws:
    for role in roles:
        if role.startswith(prefixes):
            draws = draws.with_value(role, 0.0)
    return draws


def _binds_by_uptake(problem: Problem) -> bool:
    """Whether bound vesicles are counted through what an organ's cells took up."""
    question = problem.question
    by_uptake = question.route not in ARRIVING or "uptake" in question.engines
    return isinstance(question.mechanism, SurfaceLigand) and by_uptake


def _is_nothing(problem: Problem, draws: Draws) -> bool:
    return bool(np.isneginf(problem.margin(draws)).all())
