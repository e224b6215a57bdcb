"""Where a dose goes: scenario, plan, run, result.

The curves are those of the middle of every number; the bands are 90 % intervals over what is not
known, each number drawn from its records. Only if asked are they the spread between individuals
instead; the two are never mixed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from exosome.body.design import Design, Surface
from exosome.body.kinds import kind
from exosome.body.labels import label
from exosome.body.observe import (
    Conditions,
    Ledger,
    ledger,
    signal,
    vesicles,
    volumes_ml,
)
from exosome.body.particles import (
    LODGED,
    network,
    roles_of,
    values_of,
)
from exosome.body.physiology import Sex, bearing, body, individuals, of_sex, scaled
from exosome.body.published import Point, matching
from exosome.body.routes import route
from exosome.body.sizes import Aggregates, SizeClasses, size_classes
from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.core.units import parse_dose, to_internal
from exosome.delivery.pool import pool
from exosome.numerics.network import mean_fields, replaced
from exosome.study import scenario_file
from exosome.study.scenario import Strict, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from exosome.body.kinds import Kind
    from exosome.body.physiology import Physiology
    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.delivery.pool import Pool
    from exosome.numerics.network import Network

    Floats = NDArray[np.float64]

_TOLERANCE = 1e-6  # relative, of each step; absolute: this share of the dose over a million
_MOMENTS = 49
_FIRST_H = 1.0 / 60.0
_NOTED_H = (1.0 / 30.0, 0.25, 1.0, 4.0)
_AFTER_A_DOSE = 13  # saved moments of the day after each further dose
_SIZES = ("vesicle_diameter", "vesicle_diameter_gsd")
_AGGREGATE_GSD = "body_gsd.aggregate"
_INDIVIDUALS = ("body_share.volume_cv", "body_share.flow_cv", "body_share.common_variation")
_COUNTS = ("kupffer_cell", "lsec", "hepatocyte")
_MOST_DRAWS = 2_000


class BodyChosen(Strict):
    """Which body."""

    species: Word
    weight: str | None = None
    sex: Sex | None = None
    tumour: str | None = None


class DoseChosen(Strict):
    """What is given, and how."""

    amount: str
    route: Word = "iv"
    kind: Word = "vesicle"
    diameter: str | None = None
    gsd: Annotated[float, Field(strict=False)] | None = None
    infusion: str | None = None
    repeats: Annotated[tuple[str, ...], Field(strict=False)] = ()
    surface: Surface = "equilibrium"
    antibodies: bool | None = None
    aggregated: Annotated[float, Field(strict=False)] = 0.0
    aggregate_diameter: str | None = None
    aggregate_gsd: Annotated[float, Field(strict=False)] | None = None


class LabelChosen(Strict):
    """What rides on it, and how organs are measured."""

    key: Word = "iodine125"
    residual_blood: Annotated[float, Field(strict=False)] = 1.0


class BodyRun(Strict):
    """How long, how many size classes, what the bands are of and how many draws they take."""

    duration: str = "24 h"
    bands: Literal["unknown", "individuals"] = "unknown"
    classes: Annotated[int, Field(ge=1, le=50)] = 3
    draws: Annotated[int, Field(ge=0, le=_MOST_DRAWS)] = 100


class BodyScenario(Strict):
    """A scenario file of a dose in a body."""

    schema_version: int = 1
    body: BodyChosen
    dose: DoseChosen
    label: LabelChosen = LabelChosen()
    run: BodyRun = BodyRun()
    change: dict[Word, Annotated[float, Field(strict=False)]] = Field(default_factory=dict)
    sources: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict
    )


def read_scenario(name_or_file: str) -> BodyScenario:
    """Return the bundled scenario ``body``, or the one in a TOML file.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value in it is wrong.
    """
    table, where = scenario_file.read_tables(name_or_file, ("body",))
    return scenario_of(table, where=where)


def scenario_of(table: Mapping[str, object], *, where: str) -> BodyScenario:
    """Return the scenario of a table of tables.

    Raises
    ------
    InputError
        A value is wrong.
    """
    return scenario_file.scenario_of(
        BodyScenario,
        table,
        where=where,
        remedy="mend this value; `exosome new scenario body FILE` writes a commented one",
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run: the body, the design, the dose in particles (or cells), numbers, sizes."""

    scenario: BodyScenario
    held: Physiology
    design: Design
    dose: float
    hours: float
    conditions: Conditions
    pools: Mapping[str, Pool]
    seed: int
    where: str

    @property
    def records(self) -> tuple[Sourced, ...]:
        """Every record that is drawn from, by id."""
        found = {r.id: r for one in self.pools.values() for r in one.records}
        return tuple(found[key] for key in sorted(found))

    @property
    def read_as(self) -> dict[str, str]:
        """How well each record was read."""
        return {key: status for one in self.pools.values() for key, status in one.read_as.items()}


def plan(scenario: BodyScenario, catalog: Catalog, *, seed: int, where: str = "scenario") -> Plan:
    """Return the plan of a scenario: every number pointing at its records.

    Raises
    ------
    InputError
        A species, route, kind, label, dose, size, time or change that cannot be used.
    MissingRecordError
        A number is unknown.
    """
    held = body(scenario.body.species)
    if scenario.body.sex is not None:
        held = of_sex(held, scenario.body.sex)
    if scenario.body.weight is not None:
        weight = to_internal(scenario.body.weight, "g", where=f"{where} body.weight")
        power = pool(catalog, "body_power.flow_weight", where=where).median
        held = scaled(held, weight, flow_exponent=power, where=f"{where} body.weight")
    if scenario.body.tumour is not None:
        held = bearing(
            held,
            to_internal(scenario.body.tumour, "g", where=f"{where} body.tumour"),
            where=f"{where} body.tumour",
        )
    particle = kind(scenario.dose.kind, where=f"{where} dose.kind")
    dose, by_cells = _dose(scenario, held, where=f"{where} dose.amount")
    hours = to_internal(scenario.run.duration, "h", where=f"{where} run.duration")
    if not 0.1 <= hours <= 24.0 * 90:
        raise InputError(
            f"a duration of {hours:g} h",
            where=f"{where} run.duration",
            remedy="give 6 min to 90 days",
        )
    design = Design(
        particle,
        route(scenario.dose.route, where=f"{where} dose.route"),
        label(scenario.label.key, where=f"{where} label.key"),
        scenario.run.classes,
        infusion_h=_hours(scenario.dose.infusion, where=f"{where} dose.infusion"),
        repeats_h=tuple(_hours(t, where=f"{where} dose.repeats") for t in scenario.dose.repeats),
        by_cells=by_cells,
        surface=scenario.dose.surface,
        antibodies=_raises_antibodies(scenario, particle),
        aggregates=_has_aggregates(scenario, where=f"{where} dose.aggregated"),
        tumour=held.tumour_ml > 0.0,
    )
    if max((design.infusion_h, *design.repeats_h)) >= hours:
        raise InputError(
            "doses are given after the run has ended",
            where=f"{where} run.duration",
            remedy="run longer, or dose earlier",
        )
    if scenario.dose.kind != "vesicle" and scenario.dose.diameter is None:
        raise InputError(
            f"the size of a {design.kind.name} is not known",
            where=f"{where} dose.diameter",
            remedy='give its median diameter, such as diameter = "100 nm"',
        )
    roles = _roles(scenario, design, catalog)
    for chosen in scenario.sources:
        if chosen not in roles:
            raise InputError(
                f"sources are given for {chosen!r}, which the run does not use",
                where=f"{where} sources",
                remedy=f"numbers used: {', '.join(sorted(roles))}",
            )
    pools = {
        role: pool(catalog, role, only=scenario.sources.get(role, ()), where=where)
        for role in roles
    }
    found = Plan(
        scenario=scenario,
        held=held,
        design=design,
        dose=dose,
        hours=hours,
        conditions=Conditions(scenario.label.residual_blood),
        pools=pools,
        seed=seed,
        where=where,
    )
    middle = middle_of(found)
    values_of(
        design, held, sizes_of(found, middle), middle, dose=dose, change=scenario.change
    )  # refuses what cannot be changed, before anything runs
    return found


def _raises_antibodies(scenario: BodyScenario, particle: Kind) -> bool:
    """Return whether doses raise antibodies: if asked, else with PEG and further doses.

    Vesicles of the same species without PEG have not been seen to, so they do not by themselves.
    """
    asked = scenario.dose.antibodies
    return particle.bears_peg and bool(scenario.dose.repeats) if asked is None else asked


def _has_aggregates(scenario: BodyScenario, *, where: str) -> bool:
    dose = scenario.dose
    told = (dose.aggregate_diameter, dose.aggregate_gsd) != (None, None)
    if not 0.0 <= dose.aggregated <= 1.0 or (told and dose.aggregated == 0.0):
        raise InputError(
            f"a share of aggregated vesicles of {dose.aggregated:g}",
            where=where,
            remedy="give a share above 0 and up to 1, or say nothing of aggregates",
        )
    if dose.aggregated and dose.aggregate_diameter is None:
        raise InputError(
            "the size of the aggregates is not known",
            where=where,
            remedy='give the diameter below which half of these vesicles are, such as "5 um"',
        )
    return dose.aggregated > 0.0


def _roles(scenario: BodyScenario, design: Design, catalog: Catalog) -> tuple[str, ...]:
    """Return the roles of every number that a run draws."""
    dose = scenario.dose
    sizes = [role for role, told in zip(_SIZES, (dose.diameter, dose.gsd), strict=True) if not told]
    if design.aggregates and dose.aggregate_gsd is None:
        sizes.append(_AGGREGATE_GSD)
    individual = _INDIVIDUALS if scenario.run.bands == "individuals" else ()
    counts = (f"cell_count.{cells}" for cells in _COUNTS)
    every = (*roles_of(design), *_optional(design, catalog), *sizes, *counts, *individual)
    return tuple(dict.fromkeys(every))


def _optional(design: Design, catalog: Catalog) -> list[str]:
    stem = f".{design.label.key}"
    return sorted(
        {
            one.role
            for one in catalog.values()
            if one.role.startswith("body_fold.seen_") and one.role.endswith(stem)
        }
    )


def _dose(scenario: BodyScenario, held: Physiology, *, where: str) -> tuple[float, bool]:
    given = parse_dose(scenario.dose.amount, where=where)
    is_vesicle = scenario.dose.kind == "vesicle"
    wanted = ("vesicle", "cell") if is_vesicle else ("particle",)
    if given.metric not in wanted:
        raise InputError(
            f"{scenario.dose.amount!r} is not a number of "
            + ("vesicles or cells" if is_vesicle else "particles"),
            where=where,
            remedy='convert it first: `exosome dose "100 ug_protein" --as vesicle`'
            if is_vesicle
            else "count a synthetic kind in particles, such as '1e10 particle'",
        )
    amount = given.amount * (held.weight_g / 1000.0 if given.per_kg else 1.0)
    return amount, given.metric == "cell"


def _hours(text: str | None, *, where: str) -> float:
    if text is None:
        return 0.0
    found = to_internal(text, "h", where=where)
    if not found > 0.0:
        raise InputError(
            f"{text!r} is not later than the first dose",
            where=where,
            remedy="give a time above zero",
        )
    return found


def middle_of(planned: Plan) -> dict[str, float]:
    """Return the median of every number."""
    return {role: one.median for role, one in planned.pools.items()}


def drawn(planned: Plan, count: int) -> list[dict[str, float]]:
    """Return ``count`` draws of every number, each from a stream of its own name."""
    streams = Streams(planned.seed)
    columns = {
        role: one.draw(streams.of(f"body.{role}").random(count))
        for role, one in planned.pools.items()
    }
    return [{role: float(x[i]) for role, x in columns.items()} for i in range(count)]


def sizes_of(planned: Plan, numbers: Mapping[str, float]) -> SizeClasses:
    """Return the size classes of the dose at one draw."""
    dose = planned.scenario.dose
    median = (
        to_internal(dose.diameter, "nm", where=f"{planned.where} dose.diameter")
        if dose.diameter is not None
        else numbers[_SIZES[0]]
    )
    gsd = dose.gsd if dose.gsd is not None else numbers[_SIZES[1]]
    return replace(
        size_classes(median, gsd, planned.design.classes), aggregates=_aggregates(planned, numbers)
    )


def _aggregates(planned: Plan, numbers: Mapping[str, float]) -> Aggregates | None:
    dose = planned.scenario.dose
    if dose.aggregate_diameter is None:
        return None
    where = f"{planned.where} dose.aggregate_diameter"
    gsd = numbers[_AGGREGATE_GSD] if dose.aggregate_gsd is None else dose.aggregate_gsd
    return Aggregates(dose.aggregated, to_internal(dose.aggregate_diameter, "nm", where=where), gsd)


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A course in time at the middle of every number, and its 90 % interval."""

    low: Floats
    middle: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class AfterDose:
    """What became of one dose in blood: low, middle and high.

    ``half_life_min`` is when half of what is in blood at ``hour`` is gone, infinite if not before
    the next dose. ``over_first`` is that over the first dose's in the same draw: a half-life
    that does not end counts as the time to the next dose.
    """

    hour: float
    half_life_min: tuple[float, float, float]
    over_first: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class BodyResult:
    """Where a dose went.

    Parameters
    ----------
    hours : array
        Saved moments, from 0.
    label : mapping of organ to Band
        What the detector reports, percent of the injected label.
    vesicles : mapping of organ to Band
        Where vesicles are, intact or in cells, percent of the vesicles given.
    per_cell : mapping of population to Band
        Vesicles inside one cell.
    sheet : Ledger
        The balance sheet of the middle run, in vesicles and units of label.
    worst_gap : float
        Largest gap of any draw, over the dose.
    own : Band
        The body's own vesicles, relative to their start in an untouched body.
    own_pool, own_per_h : float
        How many they are, and how many are secreted in an hour.
    cells : mapping of place to Band
        Injected cells, percent of those given; empty if none were.
    secreted : Band or None
        Vesicles that they secreted.
    points : tuple of Point
        Published values of the same species, kind, label and route.
    doses : tuple of AfterDose
        Each dose into a vein, by its time.
    opsonised : Band or None
        Opsonised vesicles in blood, percent of those there; None where the surface is not followed.
    antibody : Band or None
        Antibody that doses raised, percent of what all responding cells keep up; None if none can.
    """

    plan: Plan
    sizes: SizeClasses
    hours: Floats
    label: Mapping[str, Band]
    vesicles: Mapping[str, Band]
    per_cell: Mapping[str, Band]
    sheet: Ledger
    worst_gap: float
    own: Band
    own_pool: float
    own_per_h: float
    cells: Mapping[str, Band]
    secreted: Band | None
    points: tuple[Point, ...]
    volumes: Mapping[str, float]
    half_life_min: tuple[float, float, float]
    doses: tuple[AfterDose, ...]
    opsonised: Band | None
    antibody: Band | None


def run(planned: Plan, *, workers: int = 2) -> BodyResult:
    """Return the result of a plan; the same for any number of workers."""
    design, held = planned.design, planned.held
    sets, bodies = _sets(planned)
    change = planned.scenario.change
    values = [
        values_of(design, one, sizes_of(planned, s), s, dose=planned.dose, change=change)
        for s, one in zip(sets, bodies, strict=True)
    ]
    hours = _moments(planned)
    of = _courses(design, values, hours, planned.dose, workers)
    given, given_label = _given(planned, values, hours, of)
    sheet = ledger(design, of, given, given_label)
    total_label = given_label.max(axis=1, keepdims=True)
    total = given.max(axis=1, keepdims=True)
    seen = {name: np.empty_like(given) for name in vesicles(design, of)}
    for i, numbers in enumerate(sets):
        one = signal(design, bodies[i], lambda n, i=i: of(n)[i], numbers, planned.conditions)
        for name, course in one.items():
            seen[name][i] = course
    where = vesicles(design, of)
    counts = _cells_of_liver(planned, sets)
    share = 100.0 / np.where(total > 0.0, total, 1.0)
    label_share = 100.0 / np.where(total_label > 0.0, total_label, 1.0)
    blood = where["blood"] * share
    doses = _after_each(planned, hours, blood)
    return BodyResult(
        plan=planned,
        sizes=sizes_of(planned, sets[0]),
        hours=hours,
        label={name: _band(x * label_share) for name, x in seen.items()},
        vesicles={name: _band(x * share) for name, x in where.items()},
        per_cell={
            name: _band(of(f"n_{key}") / counts[cells])
            for name, key, cells in (
                ("Kupffer cell", "kupffer", "kupffer_cell"),
                ("sinusoidal endothelial cell", "scavenger", "lsec"),
                ("hepatocyte", "hepatocyte", "hepatocyte"),
            )
        },
        sheet=Ledger(
            {k: v[0] for k, v in sheet.vesicles.items()},
            {k: v[0] for k, v in sheet.label.items()},
            sheet.vesicle_gap,
            sheet.label_gap,
        ),
        worst_gap=max(sheet.vesicle_gap, sheet.label_gap),
        own=_band(of("own") / np.array([[v["own_level"]] for v in values])),
        own_pool=values[0]["own_level"],
        own_per_h=values[0]["own_secretion"],
        cells={
            place: _band(100.0 * of(f"cells_{place}") / planned.dose)
            for place in ((*LODGED, "dead") if design.by_cells else ())
        },
        secreted=_band(of("secreted")) if design.by_cells else None,
        points=_points(planned),
        volumes=volumes_ml(held),
        half_life_min=doses[0].half_life_min if doses else _spread(_half_lives(hours, blood)),
        doses=doses,
        opsonised=_opsonised(design, of),
        antibody=_band(100.0 * of("antibody") / planned.dose) if design.antibodies else None,
    )  # fmt: skip


def _sets(planned: Plan) -> tuple[list[dict[str, float]], list[Physiology]]:
    """Return numbers and bodies, the middle and the reference first, then those of the bands."""
    middle, count = middle_of(planned), planned.scenario.run.draws
    if planned.scenario.run.bands == "unknown":
        return [middle, *drawn(planned, count)], [planned.held] * (count + 1)
    cv, flow_cv, shared = (middle[role] for role in _INDIVIDUALS)
    others = individuals(
        planned.held, count, volume_cv=cv, flow_cv=flow_cv, shared=shared, seed=planned.seed
    )
    return [middle] * (count + 1), [planned.held, *others]


def _courses(
    design: Design,
    values: list[dict[str, float]],
    hours: Floats,
    scale: float,
    workers: int,
) -> Callable[[str], Floats]:
    found = mean_fields(
        network(design, values[0]),
        hours,
        values={key: np.array([v[key] for v in values]) for key in values[0]},
        relative_tolerance=_TOLERANCE,
        absolute_tolerance=_TOLERANCE * scale / 1e6,
        workers=workers,
    )
    return found.of


def middle_network(planned: Plan) -> Network:
    """Return the run at the middle of every number as a network with its values, for export."""
    middle = middle_of(planned)
    values = values_of(
        planned.design,
        planned.held,
        sizes_of(planned, middle),
        middle,
        dose=planned.dose,
        change=planned.scenario.change,
    )
    return replaced(network(planned.design, values), **values)


def _moments(planned: Plan) -> Floats:
    """Return saved moments: log-spaced from a minute on, and the times of doses and points."""
    spread = np.geomspace(_FIRST_H, planned.hours, _MOMENTS)
    more = [p.time_h for p in _points(planned)]
    for given in planned.design.repeats_h:
        last = min(24.0, planned.hours - given)
        more += (given + np.geomspace(min(_FIRST_H, last / 2.0), last, _AFTER_A_DOSE)).tolist()
    more += [*_NOTED_H, *planned.design.repeats_h]
    more += [planned.design.infusion_h] * (planned.design.infusion_h > 0.0)
    kept = [t for t in more if t < planned.hours]
    every = np.array([0.0, *spread.tolist(), *kept], dtype=np.float64)
    return np.unique(np.round(every, 9))


def _points(planned: Plan) -> tuple[Point, ...]:
    """Return published values of the same experiment: one dose of single particles."""
    design = planned.design
    if design.by_cells or design.repeats_h or design.aggregates:
        return ()
    return matching(
        species=planned.held.species,
        kind=planned.design.kind.key,
        label=planned.design.label.key,
        route=planned.design.route.key,
    )


def _given(
    planned: Plan, values: list[dict[str, float]], hours: Floats, of: Callable[[str], Floats]
) -> tuple[Floats, Floats]:
    """Return vesicles and label that entered until each moment, by draw."""
    design = planned.design
    if design.by_cells:
        entered = of("secreted")
        return entered, np.zeros_like(entered)
    if design.infusion_h:
        doses = np.minimum(hours / design.infusion_h, 1.0)
    else:
        doses = 1.0 + np.sum([hours >= t for t in design.repeats_h], axis=0) * np.ones_like(hours)
    impurity = np.array([[v["dose_impurity"]] for v in values])
    return planned.dose * np.ones_like(impurity) * doses, (planned.dose + impurity) * doses


def _cells_of_liver(planned: Plan, sets: list[dict[str, float]]) -> dict[str, Floats]:
    """Return cells in the liver by draw: those of man, for each mL, in any species."""
    ratio = planned.held.organs["liver"].total_ml / body("human").organs["liver"].total_ml
    return {
        cells: np.array([[s[f"cell_count.{cells}"] * ratio] for s in sets]) for cells in _COUNTS
    }


def _band(runs: Floats) -> Band:
    """Return the first row with the 5th and 95th percentiles of the others."""
    others = runs[1:] if runs.shape[0] > 1 else runs
    low, high = np.quantile(others, (0.05, 0.95), axis=0)
    return Band(low, runs[0], high)


def _opsonised(design: Design, of: Callable[[str], Floats]) -> Band | None:
    if not design.follows_surface:
        return None
    blood = [place for place in design.places if place == "plasma" or place.endswith("_v")]
    covered, every = (
        np.sum([of(name) for place in blood for name in design.intact(place, letters)], axis=0)
        for letters in ("cd", "abcd")
    )
    return _band(100.0 * covered / np.where(every > 0.0, every, 1.0))


def _after_each(planned: Plan, hours: Floats, blood: Floats) -> tuple[AfterDose, ...]:
    """Return what becomes of each dose in blood, from there to the next one."""
    design = planned.design
    if design.route.starts != "plasma" or design.by_cells or design.infusion_h:
        return ()
    starts = [0.0, *sorted(design.repeats_h)]
    found: list[AfterDose] = []
    first: list[float] = []
    for start, end in pairwise([*starts, math.inf]):
        here = (hours >= start - 1e-9) & (hours < end - 1e-9)
        halves = _half_lives(hours[here], blood[:, here])
        span = 60.0 * float(hours[here][-1] - start)
        ended = [min(half, span) for half in halves]
        first = first or ended
        over = [one / other for one, other in zip(ended, first, strict=True)]
        found.append(AfterDose(start, _spread(halves), _spread(over)))
    return tuple(found)


def _half_lives(hours: Floats, blood: Floats) -> list[float]:
    """Return the time in minutes at which half of the peak in blood is gone, by draw."""
    found: list[float] = []
    for course in blood:
        peak = int(np.argmax(course))
        below = np.flatnonzero(course[peak:] <= course[peak] / 2.0)
        if course[peak] <= 0.0 or not below.size:
            found.append(math.inf)
            continue
        k = peak + int(below[0])
        a, b = float(course[k - 1]), float(course[k])
        half = float(course[peak]) / 2.0
        part = (math.log(a / half) / math.log(a / b)) if b > 0.0 else (a - half) / (a - b)
        gone = float(hours[k - 1]) + part * float(hours[k] - hours[k - 1]) - float(hours[peak])
        found.append(60.0 * gone)
    return found


def _spread(draws: list[float]) -> tuple[float, float, float]:
    """Return the 5th percentile of draws, the first of them (the middle), and the 95th."""
    rest = sorted(draws[1:] or draws)
    return (
        rest[max(0, math.ceil(0.05 * len(rest)) - 1)],
        draws[0],
        rest[min(len(rest) - 1, math.floor(0.95 * len(rest)))],
    )
