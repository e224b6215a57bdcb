"""From a plan to a result: draw, evaluate, judge and qualify."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.random import Streams
from exosome.delivery.extremes import sourced_best_case
from exosome.delivery.flips import smallest_flip
from exosome.delivery.measurement import next_measurements
from exosome.delivery.question import GivenTable, Luminal, Packed
from exosome.delivery.shares import variance_shares
from exosome.delivery.verdict import judge, summarise
from exosome.study.depths import ceiling, compare
from exosome.study.result import (
    Curve,
    Finding,
    Histogram,
    MechanismResult,
    PlaceSummary,
    Result,
    RivalVerdict,
    StepSummary,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exosome.core.balance import BalanceSheet
    from exosome.core.progress import Reporter
    from exosome.delivery.draws import Draws
    from exosome.delivery.outcome import Outcome
    from exosome.delivery.problem import Problem
    from exosome.study.depths import Depths
    from exosome.study.plan import Plan

    Amount = NDArray[np.float64]

FRACTIONS = (0.01, 0.1, 0.5)
_CURVE_DRAWS = 400
_TABLE_DRAWS = 40
_PACKETS = tuple(float(x) for x in np.geomspace(1.0, 1e4, 25))
_DOSES = tuple(float(x) for x in np.geomspace(1e-6, 1e6, 49))


def run(plan: Plan, *, workers: int = 2, reporter: Reporter | None = None) -> Result:
    """Return the result of a plan; the same bytes for any number of workers.

    Mechanisms are independent and run on threads (the kernels release the
    interpreter lock); their random streams are addressed by what they are for.
    """
    return run_all((plan,), workers=workers, reporter=reporter)[0]


def run_all(
    plans: Sequence[Plan], *, workers: int = 2, reporter: Reporter | None = None
) -> tuple[Result, ...]:
    """Return the results of several plans, run side by side."""
    tasks = [(plan, depths) for plan in plans for depths in plan.depths]
    if reporter is not None:
        reporter.start("mechanisms", len(tasks))

    def one(task: tuple[Plan, Depths]) -> MechanismResult:
        found = _mechanism(*task)
        if reporter is not None:
            reporter.advance(1)
        return found

    try:
        with ThreadPoolExecutor(max_workers=max(1, workers)) as threads:
            found = iter(list(threads.map(one, tasks)))
    finally:
        if reporter is not None:
            reporter.finish()
    return tuple(
        Result(tuple(next(found) for _ in plan.depths), plan.seed, plan.draws, plan.sobol_size)
        for plan in plans
    )


def _mechanism(plan: Plan, depths: Depths) -> MechanismResult:
    streams, problem = Streams(plan.seed), depths.at(plan.depth)
    draws = problem.draws(streams, plan.draws)
    outcome = problem.outcome(draws)
    steps = tuple(
        StepSummary(step.name, step.unit, *_interval(step.amount), step.roles)
        for step in outcome.steps
    )
    finding = _finding(plan, depths, streams, draws, outcome) if plan.effect_declared else None
    if finding is None:
        steps = steps[:-1]  # the last step is the need, and none was declared
    return MechanismResult(
        problem,
        steps,
        tuple(place for sheet in outcome.sheets for place in _places(sheet)),
        max(float(np.max(np.abs(sheet.gap()))) for sheet in outcome.sheets),
        finding,
    )


def _finding(
    plan: Plan, depths: Depths, streams: Streams, draws: Draws, outcome: Outcome
) -> Finding:
    problem = depths.at(plan.depth)
    wanted = problem.question.responding_fraction
    drawn = outcome.effect.margin(wanted)
    margins = summarise(drawn)
    most, best = ceiling(depths, plan.depth), sourced_best_case(problem)
    verdict = judge(margins, most.binding, best.margin)
    return Finding(
        verdict=verdict,
        margins=margins,
        mean_field=summarise(outcome.mean_field_margin),
        by_fraction=tuple(
            (f, margins if f == wanted else summarise(outcome.effect.margin(f))) for f in FRACTIONS
        ),
        ceiling=most,
        best_case=best,
        rivals=_rival_verdicts(plan, depths, streams, draws),
        shares=variance_shares(problem, streams, plan.sobol_size),
        flips=smallest_flip(problem, draws, verdict, most.binding, best.margin),
        measurements=next_measurements(problem, draws, drawn, streams),
        histogram=_histogram(drawn),
        responding_by_packing=_by_packing(problem, draws),
        responding_by_dose=_by_dose(problem, draws),
        depths=compare(depths, streams),
    )


def _rival_verdicts(
    plan: Plan, depths: Depths, streams: Streams, draws: Draws
) -> tuple[RivalVerdict, ...]:
    """Return the verdict under each contradicting position, other luck unchanged."""
    problem = depths.at(plan.depth)
    found: list[RivalVerdict] = []
    for role, one in problem.pools.items():
        for position in one.rivals:
            settled = problem.holding(role, position)
            u = streams.of(f"input.{role}").random(plan.draws)
            margins = summarise(settled.margin(draws.with_value(role, settled.pools[role].draw(u))))
            most = ceiling(depths, plan.depth, held=(role, position))
            verdict = judge(margins, most.binding, sourced_best_case(settled).margin)
            found.append(RivalVerdict(role, position, verdict, margins))
    return tuple(found)


def _by_packing(problem: Problem, draws: Draws) -> Curve | None:
    """Return the fraction of cells that respond, against copies per loaded vesicle."""
    question = problem.question
    mechanism = question.mechanism
    if not isinstance(mechanism, Luminal) or isinstance(mechanism.packing, GivenTable):
        return None  # a measured law leaves no packing to vary
    few = draws.first(_CURVE_DRAWS)
    rows: list[Amount] = []
    for copies in _PACKETS:
        packed = replace(mechanism, packing=Packed(copies))
        posed = replace(problem, question=replace(question, mechanism=packed))
        rows.append(posed.outcome(few).effect.responding())
    return _curve(_PACKETS, rows)


def _by_dose(problem: Problem, draws: Draws) -> Curve:
    """Return the fraction of cells that respond, against multiples of the dose."""
    mechanism = problem.question.mechanism
    measured = isinstance(mechanism, Luminal) and isinstance(mechanism.packing, GivenTable)
    # A measured jump law costs one transform for each point of the curve and draw.
    effect = problem.outcome(draws.first(_TABLE_DRAWS if measured else _CURVE_DRAWS)).effect
    return _curve(_DOSES, [effect.responding(times) for times in _DOSES])


def _curve(x: tuple[float, ...], rows: Sequence[Amount]) -> Curve:
    low, median, high = zip(*(_interval(row) for row in rows), strict=True)
    return Curve(x, low, median, high)


def _interval(amount: Amount) -> tuple[float, float, float]:
    low, median, high = np.quantile(amount, [0.05, 0.5, 0.95])
    return float(low), float(median), float(high)


def _places(sheet: BalanceSheet) -> list[PlaceSummary]:
    given = np.where(sheet.given > 0.0, sheet.given, 1.0)
    return [
        PlaceSummary(sheet.thing, place, *_interval(np.asarray(amount / given)))
        for place, amount in sheet.places
    ]


def _histogram(margins: Amount) -> Histogram:
    finite = margins[np.isfinite(margins)]
    if finite.size == 0:
        return Histogram((), ())
    low, high = math.floor(finite.min()), math.ceil(finite.max())
    edges = np.linspace(float(low), float(max(high, low + 1)), 81, dtype=np.float64)
    counts, _ = np.histogram(finite, edges)
    return Histogram(tuple(edges.tolist()), tuple((counts / margins.size).tolist()))
