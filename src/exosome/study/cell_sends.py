"""A cell that sends: scenario, plan, run, result.

The rates that nobody has measured are drawn for the interval of every mean, in closed form;
the cells themselves are simulated at the medians. So an interval over what is not known is
never mixed with the spread from cell to cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from exosome.cell.donor import (
    DonorType,
    Pathway,
    calibrated,
    donor_type,
    donor_types,
    expected,
)
from exosome.cell.endosome import simulate_cells, warm_up_h
from exosome.cell.handles import HANDLES, TRAFFIC, handle, temperature_factor
from exosome.cell.packing import (
    PLACE_OF,
    SizeLaw,
    auc_measured,
    auc_of_size,
    draw_copies,
    passive_mean,
)
from exosome.core.errors import InputError, MissingRecordError
from exosome.core.random import Streams
from exosome.core.units import to_internal
from exosome.delivery.pool import pool, status_of
from exosome.study.cell_cargo import CargoAsked, CargoFound, packed, roles_of
from exosome.study.findings import Check, Interval, KnockOut, compared, interval, mean_check
from exosome.study.scenario import Strict, Word
from exosome.study.scenario_file import read_scenario_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.cell.donor import Expected
    from exosome.cell.endosome import Cells
    from exosome.delivery.pool import Pool
    from exosome.study.findings import Told

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DRAWS = 4_000
_RATES = (
    "maturation",
    "budding_escrt",
    "budding_ceramide",
    "back_fusion",
    "mvb_fusion",
    "mvb_lysosome",
)
_VESICLES = 200_000  # of each origin, for sizes and copies
_ARM_BODIES, _MOST_ARM_CELLS = 8e5, 300


class CellChosen(Strict):
    """Which cell."""

    type: Word
    release_role: str | None = None
    release_record: str | None = None


class RunAsked(Strict):
    """How many cells, and how long."""

    cells: Annotated[int, Field(ge=2, le=1_000_000)] = 2_000
    duration: str = "24 h"


class SizesAsked(Strict):
    """Which size laws."""

    law: Word = "article"


class Conditions(Strict):
    """What the laboratory turns."""

    handles: Annotated[tuple[Word, ...], Field(strict=False)] = ()
    temperature_c: Annotated[float, Field(strict=False)] = 37.0


class CellSends(Strict):
    """A scenario file of a cell that sends."""

    schema_version: Literal[1]
    cell: CellChosen
    run: RunAsked = RunAsked()
    sizes: SizesAsked = SizesAsked()
    conditions: Conditions = Conditions()
    cargo: Annotated[tuple[CargoAsked, ...], Field(strict=False)] = ()
    sources: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict
    )


def read_scenario(name_or_file: str) -> CellSends:
    """Return the bundled scenario ``cell-sends``, or the one in a TOML file.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value in it is wrong.
    """
    return read_scenario_file(
        CellSends,
        name_or_file,
        bundled=("cell-sends",),
        remedy="mend this value; `exosome new cell` writes a commented scenario",
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run: the cell, its numbers and where they come from."""

    scenario: CellSends
    kind: DonorType
    release: Pool
    release_middle: float
    pools: Mapping[str, Pool]
    measured: Mapping[str, tuple[Sourced, ...]]
    laws: Mapping[str, SizeLaw]
    other_laws: Mapping[str, SizeLaw]
    hours: float
    seed: int
    where: str

    @property
    def records(self) -> tuple[Sourced, ...]:
        """Every record that is drawn from, by id."""
        every = [self.release, *self.pools.values()]
        found = {r.id: r for one in every for r in one.records}
        found |= {r.id: r for records in self.measured.values() for r in records}
        return tuple(found[key] for key in sorted(found))

    @property
    def read_as(self) -> dict[str, str]:
        """How well each record was read."""
        every = [self.release, *self.pools.values()]
        shown = {r.id: status_of(r) for records in self.measured.values() for r in records}
        return {**shown, **{key: status for one in every for key, status in one.read_as.items()}}


def _release_role(kind: DonorType, catalog: Catalog, *, where: str) -> str:
    """Return the first of a cell type's roles that a record informs."""
    held = {record.role for record in catalog.values()}
    found = next((role for role in kind.roles if role in held), None)
    if found is None:
        known = ", ".join(k for k, t in donor_types().items() if held & set(t.roles))
        raise MissingRecordError(
            f"the release rate of {kind.name} is unknown. {kind.note}".rstrip(),
            where=where,
            remedy=f'give release_role = "{kind.roles[0]}" in [cell] and a record of that role '
            f"with --numbers my.toml, or choose from {known}",
        )
    return found


def plan(scenario: CellSends, catalog: Catalog, *, seed: int, where: str = "scenario") -> Plan:
    """Return the plan of a scenario: every number pointing at its records.

    Raises
    ------
    InputError
        A cell type, handle, size law, temperature or source that does not exist.
    MissingRecordError
        The release rate of the cell, or another number, is unknown.
    """
    role = scenario.cell.release_role
    kind = (
        DonorType(scenario.cell.type, scenario.cell.type.replace("_", " "), (role,))
        if role
        else donor_type(scenario.cell.type, where=f"{where} cell.type")
    )
    release_role = _release_role(kind, catalog, where=f"{where} cell.type")
    hours = to_internal(scenario.run.duration, "h", where=f"{where} run.duration")
    if not 0.0 < hours <= 24.0 * 365:
        raise InputError(
            f"a duration of {hours:g} h", where=f"{where} run.duration", remedy="give 1 h to 1 year"
        )
    roles = [f"donor_rate.{name}" for name in _RATES]
    roles += ["ectosome_share", "bilayer_thickness", "trafficking_q10"]
    roles += ["donor_cell_volume", "donor_cell_surface"]
    # Every handle is in the table of knock-outs, whether the scenario turns it or not.
    roles += [one for each in HANDLES.values() for _, one in each.roles]
    roles += [one for c in scenario.cargo for one in roles_of(c)]
    for key in scenario.conditions.handles:
        handle(key, where=f"{where} conditions.handles")
    temperature_factor(
        scenario.conditions.temperature_c, 2.0, where=f"{where} conditions.temperature_c"
    )
    size_roles = {
        law: [
            f"{name}.{origin}.{law}"
            for origin in ("exosome", "ectosome")
            for name in ("origin_diameter", "origin_diameter_gsd")
        ]
        for law in dict.fromkeys((scenario.sizes.law, "article", "definition"))
    }
    roles += [role for every in size_roles.values() for role in every]
    for chosen in scenario.sources:
        if chosen not in (*roles, release_role):
            raise InputError(
                f"sources are given for {chosen!r}, which the run does not use",
                where=f"{where} sources",
                remedy=f"numbers used: {', '.join(sorted({*roles, release_role}))}",
            )
    pools = {
        role: pool(catalog, role, only=scenario.sources.get(role, ()), where=where)
        for role in dict.fromkeys(roles)
    }
    # Rival studies may lie so far apart that the median of their mixture is a value that none of
    # them found: then the simulated cells take the middle of one record, the intervals take all.
    only = (scenario.cell.release_record,) if scenario.cell.release_record else ()
    simulated = pool(catalog, release_role, only=only, where=f"{where} cell.release_record")
    other = "definition" if scenario.sizes.law != "definition" else "article"
    return Plan(
        scenario=scenario,
        kind=kind,
        release=pool(
            catalog, release_role, only=scenario.sources.get(release_role, ()), where=where
        ),
        release_middle=simulated.median,
        pools=pools,
        measured={
            c.name: tuple(
                record
                for record in catalog.values()
                if record.role in (f"copies_per_particle.{c.name}", f"copies_per_vesicle.{c.name}")
            )
            for c in scenario.cargo
        },
        laws=_laws(pools, scenario.sizes.law),
        other_laws=_laws(pools, other),
        hours=hours,
        seed=seed,
        where=where,
    )


def _laws(pools: Mapping[str, Pool], law: str) -> dict[str, SizeLaw]:
    return {
        origin: SizeLaw(
            pools[f"origin_diameter.{origin}.{law}"].median,
            pools[f"origin_diameter_gsd.{origin}.{law}"].median,
        )
        for origin in ("exosome", "ectosome")
    }


@dataclass(frozen=True, slots=True, eq=False)
class SizesFound:
    """Diameters of released vesicles and what size tells of origin."""

    edges_nm: Floats
    exosome: Floats
    ectosome: Floats
    within: float
    auc: float
    auc_law: float
    other_auc: float
    other_name: str


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What the cells did."""

    plan: Plan
    pathway: Pathway
    closed: Expected
    cells: Cells
    intervals: tuple[Interval, ...]
    fates: tuple[tuple[str, int], ...]
    fate_intervals: tuple[Interval, ...]
    checks: tuple[Check, ...]
    sizes: SizesFound
    cargo: tuple[CargoFound, ...]
    knock_outs: tuple[KnockOut, ...]


def run(planned: Plan, *, workers: int = 2) -> Result:
    """Return the result of a plan; the same for any number of workers."""
    middle = _middle(planned)
    pathway, baseline = _pathways(planned, middle, np.asarray(planned.release_middle))
    bins = max(1, round(planned.hours))
    cells = simulate_cells(
        pathway,
        cells=planned.scenario.run.cells,
        edges_h=np.linspace(0.0, planned.hours, bins + 1, dtype=np.float64),
        seed=planned.seed,
        workers=workers,
    )
    closed = expected(pathway)
    drawn = _drawn(planned)
    fates = tuple(
        (name, int(getattr(cells, name).sum()))
        for name in ("secreted", "lysosomal", "back_fused", "inside")
    )
    return Result(
        plan=planned,
        pathway=pathway,
        closed=closed,
        cells=cells,
        intervals=_intervals(closed, drawn),
        fates=fates,
        fate_intervals=tuple(
            interval(name, "fraction", getattr(closed, name), getattr(drawn, name))
            for name in ("secreted", "lysosomal", "back_fused")
        ),
        checks=_checks(cells, closed),
        sizes=_sizes(planned),
        cargo=_cargo(planned, closed),
        knock_outs=_knock_outs(planned, baseline, middle, workers),
    )


def _middle(planned: Plan) -> dict[str, Floats]:
    return {name: np.asarray(one.median) for name, one in planned.pools.items()}


def middle_pathway(planned: Plan) -> Pathway:
    """Return the pathway that the simulated cells have, under the scenario's conditions."""
    return _pathways(planned, _middle(planned), np.asarray(planned.release_middle))[0]


def _pathways(
    planned: Plan, numbers: Mapping[str, Floats], release: Floats
) -> tuple[Pathway, Pathway]:
    """Return the pathway under the scenario's conditions, and the untreated one."""
    one = np.ones_like(release)
    untreated = calibrated(
        Pathway(
            endosome=one, ectosome=one, **{name: numbers[f"donor_rate.{name}"] for name in _RATES}
        ),
        release_per_h=release,
        ectosome_share=numbers["ectosome_share"],
        has_endosomes=planned.kind.has_endosomes,
    )
    asked = planned.scenario.conditions
    factors: dict[str, Any] = dict.fromkeys(TRAFFIC, 1.0)
    for key in asked.handles:
        for rate, role in HANDLES[key].roles:
            factors[rate] = factors[rate] * numbers[role]
    warm = numbers["trafficking_q10"] ** ((asked.temperature_c - 37.0) / 10.0)
    return untreated.scaled({rate: f * warm for rate, f in factors.items()}), untreated


def _drawn(planned: Plan) -> Expected:
    """Return the closed form over draws of every number that is not known."""
    streams = Streams(planned.seed)
    every = {**planned.pools, planned.release.role: planned.release}
    numbers = {
        role: one.draw(streams.of(f"input.{role}").random(DRAWS)) for role, one in every.items()
    }
    return expected(_pathways(planned, numbers, numbers[planned.release.role])[0])


def _intervals(closed: Expected, drawn: Expected) -> tuple[Interval, ...]:
    wanted = (
        ("vesicles released", "vesicle/cell/h", "vesicles_per_h"),
        ("of them exosomes", "vesicle/cell/h", "exosomes_per_h"),
        ("of them ectosomes", "vesicle/cell/h", "ectosomes_per_h"),
        ("bursts", "burst/cell/h", "bursts_per_h"),
        ("vesicles in a burst", "vesicle/burst", "ilvs_per_burst"),
        ("Fano factor of exosome release", "fold", "fano"),
        ("multivesicular bodies in a cell", "body/cell", "bodies"),
        ("intraluminal vesicles in a cell", "vesicle/cell", "ilvs_inside"),
    )
    return tuple(
        interval(name, unit, getattr(closed, key), getattr(drawn, key))
        for name, unit, key in wanted
    )


def _checks(cells: Cells, closed: Expected) -> tuple[Check, ...]:
    """Compare simulated cells with the closed form; cells are independent, bins not used."""
    width = float(cells.edges_h[1] - cells.edges_h[0])
    found = [
        mean_check("exosomes per hour", cells.exosomes.mean(axis=1) / width, closed.exosomes_per_h),
        mean_check(
            "ectosomes per hour", cells.ectosomes.mean(axis=1) / width, closed.ectosomes_per_h
        ),
    ]
    mean = float(closed.exosomes_per_h) * width
    if mean > 0.0:
        # The variance about the known mean, averaged in each cell, is a mean of independent cells.
        spread = ((cells.exosomes - mean) ** 2).mean(axis=1) / mean
        found.append(mean_check("Fano factor of exosomes in one bin", spread, closed.fano))
        inside = cells.inside.astype(np.float64)
        found.append(mean_check("vesicles inside", inside, closed.ilvs_inside))
    return tuple(found)


def _sizes(planned: Plan) -> SizesFound:
    streams = Streams(planned.seed)
    sample = {
        origin: law.draw(_VESICLES, streams.of(f"cell.size.{origin}"))
        for origin, law in planned.laws.items()
    }
    top = float(max(np.quantile(one, 0.999) for one in sample.values()))
    edges = np.geomspace(20.0, max(top, 200.0), 49, dtype=np.float64)
    exosome, ectosome = (np.histogram(one, edges)[0] / one.size for one in sample.values())
    asked = planned.scenario.sizes.law
    return SizesFound(
        edges_nm=edges,
        exosome=np.asarray(exosome),
        ectosome=np.asarray(ectosome),
        within=float(((sample["exosome"] >= 40.0) & (sample["exosome"] <= 100.0)).mean()),
        auc=auc_measured(sample["exosome"], sample["ectosome"]),
        auc_law=auc_of_size(*planned.laws.values()),
        other_auc=auc_of_size(*planned.other_laws.values()),
        other_name="definition" if asked != "definition" else "article",
    )


def _cargo(planned: Plan, closed: Expected) -> tuple[CargoFound, ...]:
    """Load a sample of released vesicles, exosomes and ectosomes by their shares."""
    released = float(closed.vesicles_per_h)
    share = float(closed.ectosomes_per_h) / released if released > 0.0 else 0.0
    rng = Streams(planned.seed).of("cell.cargo.size")
    count = round(_VESICLES * share)
    exosome, ectosome = planned.laws["exosome"], planned.laws["ectosome"]
    diameter = np.concatenate([exosome.draw(_VESICLES - count, rng), ectosome.draw(count, rng)])
    return packed(
        planned.scenario.cargo, diameter, planned.pools, released, planned.seed, where=planned.where
    )


@dataclass(frozen=True, slots=True)
class _Arm:
    """One knock-out of the pathway: factors on rates, what is watched, what is expected."""

    change: str
    factors: dict[str, float]
    watched: tuple[tuple[str, Any], ...]
    records: tuple[str, ...] = ()


def _arms(planned: Plan, numbers: Mapping[str, Floats]) -> list[_Arm]:
    cut = [
        (
            "no fusion with the plasma membrane",
            "mvb_fusion",
            {"exosomes": "to zero", "ectosomes": "unchanged"},
        ),
        (
            "no formation of endosomes",
            "endosome",
            {"exosomes": "to zero", "ectosomes": "unchanged"},
        ),
        (
            "no ESCRT-dependent budding",
            "budding_escrt",
            {"vesicles in a burst": "falls", "bursts": "unchanged"},
        ),
        ("no ceramide-dependent budding", "budding_ceramide", {"vesicles in a burst": "falls"}),
        (
            "no back-fusion",
            "back_fusion",
            {"vesicles in a burst": "rises", "back-fused share": "to zero"},
        ),
        (
            "no way to the lysosome",
            "mvb_lysosome",
            {"exosomes": "rises", "lysosomal share": "to zero"},
        ),
        (
            "no budding from the plasma membrane",
            "ectosome",
            {"ectosomes": "to zero", "exosomes": "unchanged"},
        ),
    ]
    arms = [_Arm(change, {rate: 0.0}, tuple(seen.items())) for change, rate, seen in cut]
    told: dict[str, dict[str, str]] = {
        "rab27_loss": {"exosomes": "falls", "ectosomes": "unchanged"},
        "nsmase_block": {"exosomes": "falls"},
        "escrt_loss": {"exosomes": "falls"},
        "vatpase_block": {"exosomes": "rises"},
        "calcium_rise": {"exosomes": "rises", "ectosomes": "rises"},
        "serum_starvation": {"exosomes": "not settled"},
    }
    for key, seen in told.items():
        one = HANDLES[key]
        factors = {rate: float(numbers[role]) for rate, role in one.roles}
        records = tuple(r.id for _, role in one.roles for r in planned.pools[role].records)
        arms.append(_Arm(one.name, factors, tuple(seen.items()), records))
    q10 = float(numbers["trafficking_q10"])
    cold = temperature_factor(27.0, q10, where="knock-outs")
    arms.append(
        _Arm(
            "27 °C in place of 37 °C",
            dict.fromkeys(TRAFFIC, cold),
            (("exosomes", "falls"), ("ectosomes", "falls")),
            tuple(r.id for r in planned.pools["trafficking_q10"].records),
        )
    )
    return arms


def _knock_outs(
    planned: Plan, baseline: Pathway, numbers: Mapping[str, Floats], workers: int
) -> tuple[KnockOut, ...]:
    """Change one thing at a time in untreated cells, with chance of its own in each arm."""

    def seen(pathway: Pathway, name: str, warm: float | None = None) -> Mapping[str, Floats]:
        hours = 2.0 if warm == 0.0 else 24.0
        before = warm_up_h(pathway) if warm is None else warm
        each = float(pathway.endosome) * (before + hours)
        count = int(np.clip(_ARM_BODIES / max(each, 1.0), 24, _MOST_ARM_CELLS))
        edges = np.array([0.0, hours])
        return _observed(
            simulate_cells(
                pathway,
                cells=_MOST_ARM_CELLS * 5 if warm == 0.0 and each < 1e4 else count,
                edges_h=edges,
                seed=planned.seed,
                workers=workers,
                warm_h=warm,
                purpose=f"cell.donor.{name}",
            )
        )

    control = seen(baseline, "control")
    found: list[KnockOut] = []
    for arm in _arms(planned, numbers):
        there = seen(baseline.scaled(arm.factors), arm.change)
        found += [
            compared(arm.change, name, direction, control[name], there[name], arm.records)
            for name, direction in arm.watched
        ]
    start = seen(baseline, "empty", 0.0), seen(baseline.scaled({"maturation": 0.1}), "slow", 0.0)
    found.append(
        compared(
            "maturation ten times slower",
            "exosomes in the first 2 h of an empty cell",
            "falls",
            start[0]["exosomes"],
            start[1]["exosomes"],
            (),
        )
    )
    return (*found, *_cargo_knock_outs(planned, numbers))


def _observed(cells: Cells) -> dict[str, Floats]:
    """Return what is watched, one value for each cell (bursts: for each burst)."""
    formed = np.maximum(cells.formed, 1)
    return {
        "exosomes": cells.exosomes.sum(axis=1).astype(np.float64),
        "ectosomes": cells.ectosomes.sum(axis=1).astype(np.float64),
        "bursts": cells.bursts.sum(axis=1).astype(np.float64),
        "vesicles in a burst": cells.burst_sizes.astype(np.float64),
        "lysosomal share": cells.lysosomal / formed,
        "back-fused share": cells.back_fused / formed,
    }


def _cargo_knock_outs(planned: Plan, numbers: Mapping[str, Floats]) -> tuple[KnockOut, ...]:
    """Take sorting and packets away from the scenario's first lumenal cargo."""
    lumenal = [c for c in planned.scenario.cargo if PLACE_OF[c.kind] == "lumen"]
    if not lumenal:
        return ()
    rng = Streams(planned.seed).of("cell.cargo.knock_out")
    passive = passive_mean(
        planned.laws["exosome"].draw(_VESICLES, rng),
        "lumen",
        copies_per_cell=float(numbers[f"copies_per_cell.{lumenal[0].name}"]),
        cell_um3=float(numbers["donor_cell_volume"]),
        cell_um2=float(numbers["donor_cell_surface"]),
        bilayer_nm=float(numbers["bilayer_thickness"]),
    )
    packet = max(10, math.ceil(float(passive.max())))
    sorted_in, plain = draw_copies(10.0 * passive, rng), draw_copies(passive, rng)
    packed = draw_copies(passive, rng, packet=packet)

    def row(change: str, seen: str, told: Told, a: Ints, b: Ints) -> KnockOut:
        return compared(change, seen, told, a.astype(np.float64), b.astype(np.float64), ())

    name = lumenal[0].name.replace("_", " ").replace("mirna", "miRNA")
    return (
        row("no tenfold sorting", f"copies of {name} per vesicle", "falls", sorted_in, plain),
        row(
            f"{packet} copies to a vesicle, same mean",
            f"copies of {name} per vesicle",
            "unchanged",
            plain,
            packed,
        ),
        row(
            f"{packet} copies to a vesicle, same mean",
            f"vesicles with {name}",
            "falls",
            (plain > 0).astype(np.int64),
            (packed > 0).astype(np.int64),
        ),
    )
