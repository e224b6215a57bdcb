"""From a scenario to what will be run: every question with the sources of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.core.errors import InputError
from exosome.study.depths import Depth, Depths, at_depths
from exosome.study.scenario import questions

if TYPE_CHECKING:
    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.delivery.problem import Problem
    from exosome.study.scenario import Scenario

DRAWS = 100_000
SOBOL_SIZE = 4_096


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run: one problem for each mechanism, at both depths; the seed and the draws.

    ``effect_declared`` is false where the claim names no effect: then what is
    delivered is computed, and no verdict is given. ``depth`` is the one that the answer takes;
    where it is the engine's, stages without an engine stay at envelope depth.
    """

    depths: tuple[Depths, ...]
    effect_declared: bool
    seed: int
    draws: int = DRAWS
    sobol_size: int = SOBOL_SIZE
    depth: Depth = "envelope"

    @property
    def problems(self) -> tuple[Problem, ...]:
        """One problem for each mechanism, at the depth of the answer."""
        return tuple(one.at(self.depth) for one in self.depths)

    @property
    def records(self) -> tuple[Sourced, ...]:
        """Every record that the answer draws from, in the order of their ids."""
        return _records_of(self.problems)

    @property
    def compared_records(self) -> tuple[Sourced, ...]:
        """Every record of either depth."""
        every = [p for one in self.depths for p in (one.envelope, one.engine) if p is not None]
        return _records_of(tuple(every))


def _records_of(problems: tuple[Problem, ...]) -> tuple[Sourced, ...]:
    found = {r.id: r for p in problems for one in p.pools.values() for r in one.records}
    return tuple(found[key] for key in sorted(found))


def plan(
    scenario: Scenario,
    catalog: Catalog,
    *,
    seed: int,
    draws: int = DRAWS,
    sobol_size: int = SOBOL_SIZE,
    depth: Depth = "envelope",
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
    depths = tuple(at_depths(question, catalog) for question in questions(scenario, where=where))
    used = {
        role
        for one in depths
        for problem in (one.envelope, one.engine)
        if problem is not None
        for role in problem.roles
    }
    for role in scenario.sources:
        if role not in used:
            raise InputError(
                f"sources are given for {role!r}, which no mechanism of the claim uses",
                where=f"{where} sources",
                remedy=f"parameters used: {', '.join(sorted(used))}",
            )
    return Plan(depths, scenario.effect is not None, seed, draws, sobol_size, depth)
