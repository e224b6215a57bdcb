"""One question at two depths: sourced shares (envelope) against the cell engines, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from exosome.core.errors import MissingRecordError
from exosome.delivery.engine import left_out, stage_words, stages_for
from exosome.delivery.extremes import conservation_ceiling, sourced_best_case
from exosome.delivery.problem import pose
from exosome.delivery.question import NaturalRelease, SurfaceLigand
from exosome.delivery.verdict import Margins, Verdict, judge, summarise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.core.random import Streams
    from exosome.delivery.extremes import Extreme
    from exosome.delivery.outcome import Outcome
    from exosome.delivery.problem import Problem
    from exosome.delivery.question import EngineStage, Question

    Amount = NDArray[np.float64]

Depth = Literal["envelope", "engine"]

DRAWS = 2_000
_TINY = 1e-4
FAR_FOLD = 10.0
"""Beyond this factor between the depths the page gives the reason."""


@dataclass(frozen=True, slots=True)
class Depths:
    """A question with all stages at envelope depth, with all engines, and with each alone.

    ``engine`` is None where no stage has an engine. ``missing`` says which stages have one whose
    numbers nobody has supplied.
    """

    envelope: Problem
    engine: Problem | None
    alone: tuple[tuple[EngineStage, Problem], ...] = ()
    missing: tuple[tuple[EngineStage, str], ...] = ()

    def at(self, depth: Depth) -> Problem:
        """Return the problem at a depth; the envelope where there is no engine."""
        return self.envelope if depth == "envelope" or self.engine is None else self.engine


def at_depths(question: Question, catalog: Catalog) -> Depths:
    """Return a question's problems at both depths.

    Raises
    ------
    MissingRecordError
        A number that the envelope needs has no record. Stages whose engine lacks one are left
        at envelope depth and named.
    """
    envelope = pose(question, catalog)
    alone: list[tuple[EngineStage, Problem]] = []
    missing = list(left_out(question))
    for stage in stages_for(question):
        try:
            alone.append((stage, pose(replace(question, engines=frozenset({stage})), catalog)))
        except MissingRecordError as fault:
            missing.append((stage, fault.what))
    engine = None
    if alone:
        every = frozenset(stage for stage, _ in alone)
        engine = pose(replace(question, engines=every), catalog)
    return Depths(envelope, engine, tuple(alone), tuple(missing))


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 90 % interval of an amount over what is not known."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class DepthStep:
    """One step at both depths; None where a depth has no such step."""

    name: str
    unit: str
    envelope: Spread | None
    engine: Spread | None

    @property
    def fold(self) -> float | None:
        """Median of the engine over median of the envelope."""
        if self.envelope is None or self.engine is None or self.envelope.median <= 0.0:
            return None
        return self.engine.median / self.envelope.median


@dataclass(frozen=True, slots=True)
class StageEffect:
    """What one engine alone does to the dose over the need: a factor, and what it replaces.

    ``finds`` says in a sentence which share the engine found, where its stage passes on a share.
    """

    stage: EngineStage
    fold: float | None
    envelope_takes: str
    engine_takes: str
    finds: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DepthFound:
    """Engine against envelope for one mechanism, both with the same luck.

    ``fold`` is the median over draws of dose over need, engine over envelope; None where most
    draws deliver nothing. ``reason`` is given where it lies beyond a factor of ten.
    """

    steps: tuple[DepthStep, ...]
    envelope: Margins
    engine: Margins
    envelope_verdict: Verdict
    engine_verdict: Verdict
    fold: float | None
    stages: tuple[StageEffect, ...]
    reason: str
    missing: tuple[tuple[EngineStage, str], ...] = ()


def compare(depths: Depths, streams: Streams, size: int = DRAWS) -> DepthFound | None:
    """Return how far the engines move the answer; None where no stage has an engine."""
    engine, envelope = depths.engine, depths.envelope
    if engine is None:
        return None
    wanted = envelope.question.responding_fraction

    def outcome(problem: Problem) -> Outcome:
        return problem.outcome(problem.draws(streams, size))

    plain, deep = outcome(envelope), outcome(engine)
    before, after = plain.effect.margin(wanted), deep.effect.margin(wanted)
    fold = _fold(before, after)

    def effect(stage: EngineStage, one: Problem) -> StageEffect:
        found = outcome(one)
        return StageEffect(
            stage,
            _fold(before, found.effect.margin(wanted)),
            *stage_words(envelope.question, stage),
            _finds(stage, one, found),
            tuple(role for role in one.roles if role not in envelope.pools),
        )

    stages = tuple(effect(stage, one) for stage, one in depths.alone)
    shown = summarise(before), summarise(after)
    return DepthFound(
        steps=_steps(plain, deep),
        envelope=shown[0],
        engine=shown[1],
        envelope_verdict=_verdict(depths, "envelope", shown[0]),
        engine_verdict=_verdict(depths, "engine", shown[1]),
        fold=fold,
        stages=stages,
        reason=_reason(fold, stages),
        missing=depths.missing,
    )


def ceiling(depths: Depths, depth: Depth, *, held: tuple[str, str] | None = None) -> Extreme:
    """Return the conservation ceiling of a question at a depth.

    Kinetics can only lose vesicles and copies, so the ceiling is the envelope's; where an engine
    packs the vesicles it is that of its load, if that is more. ``held`` is a parameter and the
    contradicting position of it that is taken for settled.
    """
    able = [depths.envelope]
    if depth == "engine":
        able += [one for stage, one in depths.alone if stage == "content"]
    if held is not None:
        role, position = held
        able = [one.holding(role, position) if role in one.pools else one for one in able]
    return max((conservation_ceiling(one) for one in able), key=lambda found: found.binding)


def _verdict(depths: Depths, depth: Depth, margins: Margins) -> Verdict:
    best = sourced_best_case(depths.at(depth))
    return judge(margins, ceiling(depths, depth).binding, best.margin)


def _fold(before: Amount, after: Amount) -> float | None:
    both = np.isfinite(before) & np.isfinite(after)
    if 2 * int(both.sum()) < before.size:
        return None
    return float(10.0 ** np.median(after[both] - before[both]))


def _steps(envelope: Outcome, engine: Outcome) -> tuple[DepthStep, ...]:
    """Return the steps of both depths in the engine's order, matched by name."""
    plain, deep = (
        {
            step.name: (step.unit, Spread(*map(float, np.quantile(step.amount, (0.05, 0.5, 0.95)))))
            for step in outcome.steps
        }
        for outcome in (envelope, engine)
    )
    names = list(deep)
    for place, name in enumerate(plain):
        if name not in deep:
            names.insert(min(place, len(names)), name)
    rows: list[DepthStep] = []
    for name in names:
        unit = (plain.get(name) or deep[name])[0]
        one, other = plain.get(name), deep.get(name)
        rows.append(
            DepthStep(
                name, unit, None if one is None else one[1], None if other is None else other[1]
            )
        )
    return tuple(rows)


def _finds(stage: EngineStage, problem: Problem, outcome: Outcome) -> str:
    """Return the share that an engine alone found, in a sentence; nothing for other stages."""
    if stage not in ("organ", "arrival", "uptake"):
        return ""
    route = problem.question.route
    amounts = [
        step.amount
        for step in outcome.steps
        if step.name in ("vesicles given", "released by one sender each hour")
        or step.name.startswith(("arriving around", "internalised by all", "bound to all"))
    ]
    before, after = amounts[:2] if stage == "arrival" else amounts[-2:]
    share = np.divide(after, before, out=np.zeros_like(after), where=before > 0.0)
    low, median, high = (_share(float(x)) for x in np.quantile(share, (0.05, 0.5, 0.95)))
    spread = f"{median} ({low} to {high})"
    hours = problem.pools["contact_time.in_vitro"].median if route == "in_vitro" else 0.0
    if stage == "arrival":
        return f"the column of medium: {spread} of the dose touches a cell in {hours:.0f} h"
    if route == "in_vitro":
        is_ligand = isinstance(problem.question.mechanism, SurfaceLigand)
        what = (
            "is bound at the moment when most is" if is_ligand else f"gets inside in {hours:.0f} h"
        )
        return f"the cells: {spread} of what touches them {what}"
    if isinstance(problem.question.given, NaturalRelease):
        within = problem.question.given.within
        return f"the space between cells: {spread} of what a cell sends is taken up within {within}"
    if stage == "organ":
        return f"the body: {spread} of the dose ends in the target cells"
    return f"the mixed fluid: {spread} of what is in it is taken up by the target cells"


def _share(share: float) -> str:
    """Return a share in per cent with two figures, or as one in so many where it is tiny."""
    if 0.0 < share < _TINY:
        scale = 10.0 ** (math.floor(-math.log10(share)) - 1)
        return f"1 in {round(1.0 / share / scale) * scale:,.0f}"
    percent = 100.0 * share
    return f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.2g} %"


def _reason(fold: float | None, stages: tuple[StageEffect, ...]) -> str:
    """Return why the depths lie far apart: the stage that alone moves the answer most."""
    if fold is None or 1.0 / FAR_FOLD <= fold <= FAR_FOLD:
        return ""
    moved = [one for one in stages if one.fold is not None and one.fold > 0.0]
    if not moved:
        return "no engine alone delivers anything"
    most = max(moved, key=lambda one: abs(np.log(one.fold or 1.0)))
    return (
        f"mostly {most.stage} (alone {most.fold:.2g}-fold): the envelope takes "
        f"{most.envelope_takes}; the engine takes {most.engine_takes}"
    )
