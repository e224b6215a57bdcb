"""Near and far: cells that send, cells that take up, and the space between them.

Numbers stand at their medians in the simulated space, and are drawn over in closed form for the
interval of the range, so that what is not known is not mixed with chance.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import numpy as np
from pydantic import Field, ValidationError

from exosome import __version__
from exosome.cell.donor import DonorType, Pathway, calibrated, donor_type
from exosome.core.errors import InputError
from exosome.core.files import check_keys, parse_toml, read_text
from exosome.core.progress import Reporter, Silent
from exosome.core.random import Streams
from exosome.core.units import to_internal
from exosome.delivery.pool import pool
from exosome.numerics.brownian import DECAYED, FREE, Flow, Particles, World, advance
from exosome.study import snapshots
from exosome.study.scenario import Strict, Word
from exosome.tissue import geometry
from exosome.tissue.range_law import RangeLaw, mixture_within, range_law
from exosome.tissue.space import Link, Sent, State, balance, links, windows
from exosome.tissue.vesicles import Matrix, copies, diameters, diffusivity, places, releases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.core.balance import BalanceSheet
    from exosome.delivery.pool import Pool
    from exosome.tissue.geometry import Layout

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

BUNDLED = ("near-and-far", "niche")
_RATES = (
    "maturation", "budding_escrt", "budding_ceramide", "back_fusion", "mvb_fusion", "mvb_lysosome",
)  # fmt: skip
_ROLES = (
    "space_diffusivity_100nm", "matrix_slow_down", "matrix_mesh",
    "surface_permeability.tissue_cell",
    "space_loss", "interstitial_flow", "tissue_cell_radius", "vesicle_diameter",
    "vesicle_diameter_gsd", "ectosome_share",
)  # fmt: skip
_DRAWS = 4_000
_MOST_VESICLES = 20_000_000
_COMPARED = 3_000  # vesicles of each knock-out
_SIZES = 64  # quantiles of diameter in the closed form
_SURE = 4.0  # standard errors; a false alarm in one row of 16,000


class TissueAsked(Strict):
    """Where cells stand."""

    geometry: Literal["packed", "monolayer", "spheroid", "vessel", "table"] = "packed"
    edge: str = "300 um"
    height: str = "200 um"
    extent: str = "100 um"
    cell_fraction: Annotated[float, Field(strict=False)] = 0.2
    cells_file: str | None = None


class SendersAsked(Strict):
    """Which cells send."""

    type: Word
    count: Annotated[int, Field(ge=1)] = 1
    release_role: str | None = None


class RunAsked(Strict):
    """How long, how often, in how many windows, and how exactly."""

    duration: str = "24 h"
    repeats: Annotated[int, Field(ge=1, le=100_000)] = 1
    windows: Annotated[int, Field(ge=1, le=10_000)] = 48
    bias: Annotated[float, Field(gt=0.0, le=0.05, strict=False)] = 0.01


class VesiclesAsked(Strict):
    """What a vesicle carries."""

    cargo: Word = "loaded_sirna"
    rich_factor: Annotated[int, Field(ge=2)] = 100


class ConditionsAsked(Strict):
    """What is switched on."""

    flow: bool = False
    matrix: bool = True
    loss: bool = True


class NearAndFar(Strict):
    """A scenario file of cells in space."""

    schema_version: Literal[1]
    tissue: TissueAsked
    senders: SendersAsked
    run: RunAsked = RunAsked()
    vesicles: VesiclesAsked = VesiclesAsked()
    conditions: ConditionsAsked = ConditionsAsked()
    sources: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict
    )


def read_scenario(name_or_file: str) -> NearAndFar:
    """Return a bundled scenario, or the one in a TOML file.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value in it is wrong.
    """
    if name_or_file in BUNDLED:
        where = f"{name_or_file}.toml"
        text = files("exosome.study").joinpath(f"scenarios/{where}").read_text("utf-8")
    else:
        text = read_text(Path(name_or_file), where="scenario")
        where = Path(name_or_file).name
    table = parse_toml(text, name=where)
    check_keys(table, NearAndFar.model_fields, where)
    models = {
        "tissue": TissueAsked, "senders": SendersAsked, "run": RunAsked,
        "vesicles": VesiclesAsked, "conditions": ConditionsAsked,
    }  # fmt: skip
    for key, model in models.items():
        held = table.get(key)
        if isinstance(held, dict):
            check_keys(cast("dict[str, object]", held), model.model_fields, f"{where} [{key}]")
    try:
        scenario = NearAndFar.model_validate(table)
    except ValidationError as found:
        fault = found.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise InputError(
            fault["msg"].removeprefix("Value error, "),
            where=f"{where} {key}".rstrip(),
            remedy="mend this value; `exosome new scenario near-and-far FILE` writes a full one",
        ) from None
    if scenario.tissue.cells_file is not None and name_or_file not in BUNDLED:
        beside = Path(name_or_file).parent / scenario.tissue.cells_file
        tissue = scenario.tissue.model_copy(update={"cells_file": str(beside)})
        scenario = scenario.model_copy(update={"tissue": tissue})
    return scenario


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run: cells, numbers and where they come from."""

    scenario: NearAndFar
    kind: DonorType
    release: Pool
    pools: Mapping[str, Pool]
    layout: Layout
    senders: Ints
    duration_s: float
    seed: int
    where: str

    @property
    def records(self) -> tuple[Sourced, ...]:
        """Every record that informs the run, by id."""
        found = {r.id: r for one in (self.release, *self.pools.values()) for r in one.records}
        return tuple(found[key] for key in sorted(found))

    @property
    def read_as(self) -> dict[str, str]:
        """How well each record was read."""
        every = (self.release, *self.pools.values())
        return {key: status for one in every for key, status in one.read_as.items()}

    def middle(self, role: str) -> float:
        """Return the median of a number."""
        return self.pools[role].median

    @property
    def matrix(self) -> Matrix:
        """The matrix between cells at the medians; none if it is switched off."""
        if not self.scenario.conditions.matrix:
            return Matrix()
        return Matrix(self.middle("matrix_slow_down"), self.middle("matrix_mesh"))

    @property
    def conditions(self) -> Conditions:
        """The physics of the run at the medians."""
        asked = self.scenario.conditions
        return Conditions(
            self.matrix,
            self.middle("surface_permeability.tissue_cell"),
            self.middle("space_loss") if asked.loss else 0.0,
            self.middle("interstitial_flow") if asked.flow else 0.0,
        )

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides the result."""
        told = {
            "program": __version__,
            "scenario": self.scenario.model_dump(mode="json", exclude={"tissue": {"cells_file"}}),
            "numbers": {role: one.median for role, one in self.pools.items()},
            "release": self.release.median,
            "seed": self.seed,
        }
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        for part in (self.layout.size_um, self.layout.centres_um, self.layout.radii_um):
            digest.update(part.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Conditions:
    """The physics between cells: what a knock-out changes."""

    matrix: Matrix
    permeability_um_per_s: float
    loss_per_s: float
    flow_um_per_s: float
    diffuses: bool = True


def plan(scenario: NearAndFar, catalog: Catalog, *, seed: int, where: str = "scenario") -> Plan:
    """Return the plan of a scenario: every number pointing at its records.

    Raises
    ------
    InputError
        Cells that cannot stand like this, a cell type, time or source that does not exist, or a
        vesicle larger than the mesh.
    MissingRecordError
        A number that the run needs is unknown.
    """
    asked = scenario.senders
    kind = (
        DonorType(asked.type, asked.type.replace("_", " "), (asked.release_role,))
        if asked.release_role
        else donor_type(asked.type, where=f"{where} senders.type")
    )
    held = {record.role for record in catalog.values()}
    release_role = next((role for role in kind.roles if role in held), kind.roles[0])
    hours = to_internal(scenario.run.duration, "h", where=f"{where} run.duration")
    if not 0.0 < hours <= 24.0 * 365:
        raise InputError(
            f"a duration of {hours:g} h", where=f"{where} run.duration", remedy="give 1 h to 1 year"
        )
    roles = [*_ROLES, *(f"donor_rate.{name}" for name in _RATES)]
    roles.append(f"copies_per_vesicle.{scenario.vesicles.cargo}")
    for chosen in scenario.sources:
        if chosen not in (*roles, release_role):
            raise InputError(
                f"sources are given for {chosen!r}, which the run does not use",
                where=f"{where} sources",
                remedy=f"numbers used: {', '.join(sorted({*roles, release_role}))}",
            )
    pools = {
        role: pool(catalog, role, only=scenario.sources.get(role, ()), where=where)
        for role in roles
    }
    layout = _layout(scenario.tissue, pools["tissue_cell_radius"].median, seed, where)
    mesh, size = pools["matrix_mesh"].median, pools["vesicle_diameter"].median
    if scenario.conditions.matrix and size >= mesh:
        raise InputError(
            f"a vesicle of {size:.3g} nm is larger than the mesh of {mesh:.3g} nm: nothing moves",
            where=f"{where} conditions.matrix",
            remedy="give a wider matrix_mesh with --numbers, or matrix = false",
        )
    return Plan(
        scenario=scenario,
        kind=kind,
        release=pool(
            catalog, release_role, only=scenario.sources.get(release_role, ()), where=where
        ),
        pools=pools,
        layout=layout,
        senders=_senders(layout, asked.count, seed, where),
        duration_s=3600.0 * hours,
        seed=seed,
        where=where,
    )


def _layout(asked: TissueAsked, radius: float, seed: int, where: str) -> Layout:
    rng = Streams(seed).of("tissue.layout")
    at = f"{where} tissue"
    lengths = {
        name: to_internal(getattr(asked, name), "um", where=f"{at}.{name}")
        for name in ("edge", "height", "extent")
    }
    for name, length in lengths.items():
        if not 0.0 < length <= 1e5:
            raise InputError(
                f"a length of {length:g} um", where=f"{at}.{name}", remedy="give 1 um to 10 cm"
            )
    edge, share = lengths["edge"], asked.cell_fraction
    if asked.geometry == "table":
        if asked.cells_file is None:
            raise InputError(
                "geometry is a table, and no table is named",
                where=at,
                remedy='add cells_file = "cells.csv"',
            )
        return geometry.from_table(asked.cells_file, where=f"{at}.cells_file")
    if asked.geometry == "monolayer":
        return geometry.monolayer(edge, lengths["height"], radius, share, rng, where=at)
    if asked.geometry == "spheroid":
        return geometry.spheroid(edge, radius, share, lengths["extent"], rng, where=at)
    if asked.geometry == "vessel":
        return geometry.vessel(edge, radius, share, lengths["extent"], rng, where=at)
    return geometry.packed(edge, radius, share, rng, where=at)


def _senders(layout: Layout, count: int, seed: int, where: str) -> Ints:
    named = np.array([i for i, kind in enumerate(layout.kinds) if kind == "sender"], np.int64)
    if named.size:
        return named
    if count > len(layout):
        raise InputError(
            f"{count} senders among {len(layout)} cells",
            where=f"{where} senders.count",
            remedy="ask for fewer senders or more cells",
        )
    if count == 1:
        return np.array([layout.nearest_to(0.5 * layout.size_um)], np.int64)
    rng = Streams(seed).of("tissue.senders")
    return np.sort(rng.choice(len(layout), count, replace=False)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class KnockOut:
    """One thing changed, what was watched, and what came of it."""

    change: str
    observable: str
    expected: Literal["falls", "rises", "to zero"]
    control: float
    changed: float
    z: float

    @property
    def outcome(self) -> str:
        """Return in words what the observable did."""
        if self.changed == 0.0 and self.control != 0.0:
            return "to zero"
        if abs(self.z) < _SURE:
            return "unchanged"
        return "rises" if self.z > 0.0 else "falls"

    @property
    def agrees(self) -> bool:
        """Whether the outcome is the expected one."""
        return self.expected == self.outcome


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """One way to spread the same mean cargo over vesicles, and what cells then hold."""

    name: str
    carrying: float
    copies_each: int
    mean_copies: float
    variance: float
    reached: float  # share of the cells that hold a copy at all
    per_cell: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What happened in space.

    ``distance_um`` is that from the sender's centre of every vesicle that another cell took up.
    """

    plan: Plan
    sent: Sent
    state: State
    vesicles: BalanceSheet
    copies: BalanceSheet
    links: tuple[Link, ...]
    uptake: Ints
    copies_taken: Ints
    distance_um: Floats
    law: tuple[RangeLaw, ...]
    length_um: tuple[float, float, float]  # 5 %, at the medians, 95 %
    packings: tuple[Packing, ...]
    knock_outs: tuple[KnockOut, ...]

    def law_within(self, distance_um: Floats) -> Floats:
        """Return the closed form's share within a distance, over all sizes of vesicle."""
        return mixture_within(list(self.law), distance_um)


def run(
    planned: Plan,
    *,
    workers: int = 2,
    directory: Path | None = None,
    reporter: Reporter | None = None,
) -> Result:
    """Return the result of a plan; the same for any number of workers and wherever it was cut.

    With a ``directory``, a snapshot is kept there after each window, and a run that finds its
    own snapshot goes on from it.
    """
    told = reporter or Silent()
    sent = _sent(planned)
    world = _world(planned, planned.conditions)
    count = planned.scenario.run.windows
    fingerprint = planned.fingerprint
    kept = None if directory is None else snapshots.found(directory, fingerprint)
    state = State.fresh(sent) if kept is None else State.of(kept)
    told.start("windows of time", count)
    told.advance(state.window)
    try:
        for done in windows(
            state, sent, world, duration_s=planned.duration_s, count=count, seed=planned.seed,
            bias=planned.scenario.run.bias, workers=workers,
        ):  # fmt: skip
            if directory is not None:
                snapshots.keep(directory, fingerprint, done.arrays())
            told.advance()
    finally:
        told.finish()
    return _result(planned, sent, state, workers)


def _pathway(planned: Plan) -> Pathway:
    one = np.asarray(1.0)
    return calibrated(
        Pathway(
            endosome=one,
            ectosome=one,
            **{name: np.asarray(planned.middle(f"donor_rate.{name}")) for name in _RATES},
        ),
        release_per_h=np.asarray(planned.release.median),
        ectosome_share=np.asarray(planned.middle("ectosome_share")),
        has_endosomes=planned.kind.has_endosomes,
    )


def _sent(planned: Plan) -> Sent:
    asked, layout = planned.scenario, planned.layout
    expected_count = (
        planned.release.median * planned.duration_s / 3600.0 * asked.run.repeats
    ) * planned.senders.size
    if expected_count > _MOST_VESICLES:
        raise InputError(
            f"about {expected_count:.2g} vesicles would be sent",
            where=f"{planned.where} run",
            remedy=f"ask for fewer senders, repeats or hours: at most {_MOST_VESICLES:,}",
        )
    held = releases(
        _pathway(planned), planned.senders, planned.duration_s, asked.run.repeats, planned.seed
    )
    n = len(held)
    size = diameters(
        n, planned.middle("vesicle_diameter"), planned.middle("vesicle_diameter_gsd"), planned.seed
    )
    mean = planned.middle(f"copies_per_vesicle.{asked.vesicles.cargo}")
    share, each = _packing(mean, 1)
    return Sent(
        held.time_s,
        held.sender,
        places(held, layout.centres_um, layout.radii_um, planned.seed),
        size,
        diffusivity(size, planned.middle("space_diffusivity_100nm"), planned.matrix),
        copies(n, share, each, planned.seed),
    )


def _packing(mean: float, factor: int) -> tuple[float, int]:
    """Return the share of vesicles that carry, and copies in each, at a mean.

    With a factor of one, cargo is spread as evenly as whole copies allow.
    """
    each = factor * max(1, math.ceil(mean))
    return mean / each, each


def _world(planned: Plan, conditions: Conditions) -> World:
    layout = planned.layout
    return World(
        layout.size_um,
        layout.centres_um,
        layout.radii_um,
        np.zeros(len(layout), np.int64),
        np.array([[conditions.permeability_um_per_s]]),
        np.array([conditions.loss_per_s]),
        flow=Flow("around", (0.0, 0.0, conditions.flow_um_per_s))
        if conditions.flow_um_per_s
        else Flow(),
    )


def _result(planned: Plan, sent: Sent, state: State, workers: int) -> Result:
    vesicles, cargo = balance(state, sent)
    cells = len(planned.layout)
    taken = state.fate >= 0
    uptake = np.bincount(state.fate[taken], minlength=cells)
    held = np.bincount(state.fate[taken], weights=sent.copies[taken], minlength=cells)
    return Result(
        plan=planned,
        sent=sent,
        state=state,
        vesicles=vesicles,
        copies=cargo,
        links=links(state, sent),
        uptake=uptake,
        copies_taken=held.astype(np.int64),
        distance_um=_distances(planned, sent, state.fate, state.end_um),
        law=_laws(planned, planned.conditions),
        length_um=_length(planned),
        packings=_packings(planned, state, sent),
        knock_outs=_knock_outs(planned, sent, workers),
    )


def _distances(planned: Plan, sent: Sent, fate: NDArray[np.int32], end: Floats) -> Floats:
    other = (fate >= 0) & (fate != sent.sender)
    away = end[other] - planned.layout.centres_um[sent.sender[other]]
    return np.linalg.norm(away, axis=1)


def _laws(planned: Plan, conditions: Conditions) -> tuple[RangeLaw, ...]:
    shares = (np.arange(_SIZES) + 0.5) / _SIZES
    from exosome.numerics.special import ndtri

    size = planned.middle("vesicle_diameter") * np.exp(
        np.log(planned.middle("vesicle_diameter_gsd")) * ndtri(shares)
    )
    d = diffusivity(size, planned.middle("space_diffusivity_100nm"), conditions.matrix)
    layout = planned.layout
    return tuple(
        range_law(
            diffusivity_um2_per_s=float(one),
            cell_radius_um=float(np.mean(layout.radii_um)),
            cell_fraction=layout.cell_fraction,
            permeability_um_per_s=conditions.permeability_um_per_s,
            decay_per_s=conditions.loss_per_s,
            speed_um_per_s=conditions.flow_um_per_s,
        )
        for one in d
    )


def _length(planned: Plan) -> tuple[float, float, float]:
    """Return the decay length of the median vesicle: 5 %, at the medians, 95 % of the draws."""
    streams = Streams(planned.seed)
    drawn = {
        role: planned.pools[role].draw(streams.of(f"input.{role}").random(_DRAWS))
        for role in _ROLES
    }
    asked = planned.scenario.conditions

    def length(value: Mapping[str, float]) -> float:
        matrix = (
            Matrix(value["matrix_slow_down"], value["matrix_mesh"]) if asked.matrix else Matrix()
        )
        size = np.array([value["vesicle_diameter"]])
        law = range_law(
            diffusivity_um2_per_s=float(
                diffusivity(size, value["space_diffusivity_100nm"], matrix)[0]
            ),
            cell_radius_um=value["tissue_cell_radius"],
            cell_fraction=planned.layout.cell_fraction,
            permeability_um_per_s=value["surface_permeability.tissue_cell"],
            decay_per_s=value["space_loss"] if asked.loss else 0.0,
        )
        return float(law.length_um)

    every = np.array(
        [length({role: float(drawn[role][i]) for role in _ROLES}) for i in range(_DRAWS)]
    )
    low, high = (float(x) for x in np.quantile(every, [0.05, 0.95]))
    return low, length({role: planned.middle(role) for role in _ROLES}), high


def _packings(planned: Plan, state: State, sent: Sent) -> tuple[Packing, ...]:
    """Return what cells hold when the same mean cargo sits in many or in few vesicles.

    Vesicles move alike whatever they carry, so the same paths serve both: only who carries
    is drawn again.
    """
    mean = planned.middle(f"copies_per_vesicle.{planned.scenario.vesicles.cargo}")
    taken = state.fate >= 0
    cells = len(planned.layout)
    out: list[Packing] = []
    for name, factor in (
        ("poor and many", 1),
        ("rich and rare", planned.scenario.vesicles.rich_factor),
    ):
        share, held = _packing(mean, factor)
        drawn = copies(len(sent), share, held, planned.seed)
        found = np.bincount(state.fate[taken], weights=drawn[taken], minlength=cells)
        out.append(
            Packing(
                name, share, held, float(found.mean()), float(found.var()),
                float((found > 0).mean()), found.astype(np.int64),
            )
        )  # fmt: skip
    return tuple(out)


def _knock_outs(planned: Plan, sent: Sent, workers: int) -> tuple[KnockOut, ...]:
    base = planned.conditions
    flow = planned.middle("interstitial_flow")
    loss = planned.middle("space_loss")
    matrix = Matrix(planned.middle("matrix_slow_down"), planned.middle("matrix_mesh"))
    control = replace(base, matrix=matrix, loss_per_s=loss, flow_um_per_s=flow)
    held = _compared(planned, sent, control, workers)
    rows: list[KnockOut] = []
    for change, conditions, observable, expected in (
        ("no diffusion", replace(control, diffuses=False), "taken up by others", "to zero"),
        ("no uptake", replace(control, permeability_um_per_s=0.0), "taken up by others", "to zero"),
        ("no flow", replace(control, flow_um_per_s=0.0), "way along the flow, um", "falls"),
        ("no loss", replace(control, loss_per_s=0.0), "taken up by others", "rises"),
        ("no matrix", replace(control, matrix=Matrix()), "way across the flow, um", "rises"),
    ):
        other = _compared(planned, sent, conditions, workers)
        before, after = held[observable], other[observable]
        spread = math.hypot(before[1], after[1])
        z = (after[0] - before[0]) / spread if spread else 0.0
        rows.append(
            KnockOut(
                change,
                observable,
                cast('Literal["falls", "rises", "to zero"]', expected),
                before[0],
                after[0],
                z,
            )
        )
    return tuple(rows)


def _compared(
    planned: Plan, sent: Sent, conditions: Conditions, workers: int
) -> dict[str, tuple[float, float]]:
    """Return what some vesicles did under conditions: means with their standard errors.

    Vesicles start when the clock does, and are followed for eight life times: nearly all end.
    """
    step = max(1, len(sent) // _COMPARED)
    some = slice(0, step * _COMPARED, step)
    d = diffusivity(
        sent.diameter_nm[some], planned.middle("space_diffusivity_100nm"), conditions.matrix
    )
    p = Particles.at(
        sent.start_um[some], d if conditions.diffuses else 0.0, owner=sent.sender[some]
    )
    until = min(planned.duration_s, 8.0 / planned.middle("space_loss"))
    advance(
        p, _world(planned, conditions), until, seed=planned.seed, bias=planned.scenario.run.bias,
        purpose="tissue.knock-out", workers=workers,
    )  # fmt: skip
    other = (p.fate >= 0) & (p.fate != p.owner)
    moved = p.position_um - sent.start_um[some]
    along, across = moved[:, 2], np.abs(moved[:, 0])
    n = len(p)

    def mean(values: Floats | NDArray[np.bool_]) -> tuple[float, float]:
        held = values.astype(np.float64)
        return float(held.mean()), float(held.std()) / math.sqrt(n)

    return {
        "taken up by others": mean(other),
        "way along the flow, um": mean(along),
        "way across the flow, um": mean(across),
    }


def shares(result: Result) -> dict[str, int]:
    """Return counts of vesicles by what became of them."""
    fate, sender = result.state.fate, result.sent.sender
    return {
        "taken up by other cells": int(((fate >= 0) & (fate != sender)).sum()),
        "taken up by the sender": int((fate == sender).sum()),
        "lost": int((fate == DECAYED).sum()),
        "still free": int((fate == FREE).sum()),
    }
