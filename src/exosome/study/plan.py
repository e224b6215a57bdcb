"""From a scenario to what will be run: every question with the sources of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.core.errors import InputError
from exosome.delivery.problem import Problem, pose
from exosome.study.scenario import questions

if TYPE_CHECKING:
    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.study.scenario import Scenario

DRAWS = 100_000
SOBOL_SIZE = 4_096


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run: one problem for each mechanism, the seed and the number of draws.

    ``effect_declared`` is false where the claim names no effect: then what is
    delivered is computed, and no verdict is given.
    """

    problems: tuple[Problem, ...]
    effect_declared: bool
    seed: int
    draws: int = DRAWS
    sobol_size: int = SOBOL_SIZE

    @property
    def records(self) -> tuple[Sourced, ...]:
        """Every record that the run draws from, in the order of their ids."""
        found = {r.id: r for p in self.problems for one in p.pools.values() for r in one.records}
        return tuple(found[key] for key in sorted(found))


def plan(
    scenario: Scenario,
    catalog: Catalog,
    *,
    seed: int,
    draws: int = DRAWS,
    sobol_size: int = SOBOL_SIZE,
    where: str = "scenario",
) -> Plan:
    """Return the plan: defaults filled in, every number pointing at its records.

    Raises
    ------
    MissingRecordError
        If the catalog holds no record for a number that a mechanism needs.
    InputError
        If sources are chosen for a parameter that no mechanism uses.
    """
    problems = tuple(pose(question, catalog) for question in questions(scenario, where=where))
    used = {role for problem in problems for role in problem.roles}
    for role in scenario.sources:
        if role not in used:
            raise InputError(
                f"sources are given for {role!r}, which no mechanism of the claim uses",
                where=f"{where} sources",
                remedy=f"parameters used: {', '.join(sorted(used))}",
            )
    return Plan(problems, scenario.effect is not None, seed, draws, sobol_size)
