"""A cell that receives: scenario, plan, run, result.

Two rival modules say how many of the internalised vesicles open. Both always run; the user's
choice, or a mixture, decides the intervals. As for the cell that sends, rates are drawn for
intervals in closed form, and cells are simulated at the medians.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exosome.cell.donor import donor_types
from exosome.cell.handles import temperature_factor
from exosome.cell.loading import Cargo, Independent, Packets
from exosome.cell.packing import SizeLaw, lumen_nm3
from exosome.cell.receiving import network, receive
from exosome.cell.recipient import (
    Places,
    Recipient,
    RecipientType,
    binding_rate,
    copies_at,
    fates,
    opened_by,
    places_at,
    recipient_type,
    recipient_types,
    saturation,
)
from exosome.cell.silencing import Target, silence
from exosome.core.errors import InputError, MissingRecordError
from exosome.core.random import Streams
from exosome.core.units import to_internal
from exosome.delivery.pool import pool, status_of
from exosome.numerics.compound import Fixed, Poisson, survival, thin_units
from exosome.numerics.network import mean_field
from exosome.numerics.special import gamma_nodes, ndtri
from exosome.study.findings import Check, Interval, interval, mean_check
from exosome.study.scenario import Strict, Word
from exosome.study.scenario_file import read_scenario_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.cell.receiving import Received
    from exosome.delivery.pool import Pool
    from exosome.study.findings import KnockOut

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DRAWS = 4_000
MODULES = {"opens_30_percent": "opens", "low_fusion": "below detection"}
"""Opening modules, and the rival position of `opening.natural_vesicle` behind each."""
RATE_NAMES = (
    "unbind_specific",
    "unbind_nonspecific",
    "internalise",
    "mature",
    "recycle",
    "lysosome",
    "loss_outside",
)
TRAFFIC = ("internalise", "mature", "recycle", "lysosome", "opening")
HANDLES = {
    "acid_block": ("block of endosomal acid", ("opening", "lysosome")),
    "cold": ("cold, entry as at 4 °C", ("internalise",)),
    "heparin": ("heparin", ("bind_specific",)),
}
"""What a laboratory turns: its name in words, and the rates that it multiplies."""
_NODES = 24
_SIZES = 512
_TIMES, _COURSE_TIMES = 25, 97
_FIRST_H = 0.1  # where the course of what cells hold begins, on its logarithmic axis
_GIVEN_GRID = np.round(np.geomspace(10.0, 1e6, 16))
_OPENING = "opening.natural_vesicle"
_TARGET = (
    "target_sites",
    "seed_site_kd",
    "mrna_half_life",
    "protein_half_life",
    "repression.mrna_decay",
    "repression.translation",
)
"""What a miRNA meets: its sites, and a target of median life with every site of its own."""


class RecipientChosen(Strict):
    """Which cell."""

    type: Word
    uptake_role: str | None = None
    takes_up: bool = True


class GivenAsked(Strict):
    """What is around each cell at time zero."""

    vesicles_per_cell: Annotated[int, Field(ge=1, le=10_000_000)]


class RunAsked(Strict):
    """How many cells, and how long."""

    cells: Annotated[int, Field(ge=2, le=1_000_000)] = 2_000
    duration: str = "48 h"


class OpeningAsked(Strict):
    """Which opening module the intervals follow."""

    module: Literal["opens_30_percent", "low_fusion", "mixture"] = "mixture"
    weight_opens: Annotated[float, Field(ge=0.0, le=1.0, strict=False)] | None = None

    @model_validator(mode="after")
    def _weight_is_of_a_mixture(self) -> Self:
        if (self.module == "mixture") != (self.weight_opens is not None):
            raise ValueError("weight_opens belongs to module = 'mixture', and only there")
        return self


class Conditions(Strict):
    """What the laboratory turns."""

    handles: Annotated[tuple[Word, ...], Field(strict=False)] = ()
    temperature_c: Annotated[float, Field(strict=False)] = 37.0


class ResponseAsked(Strict):
    """When a cell counts as responding."""

    copies_needed: Annotated[int, Field(ge=1)] = 100


class CargoAsked(Strict):
    """One cargo and how it is packed."""

    name: Word
    kind: Literal["mirna", "other"]
    packing: Literal["independent", "packets"] = "independent"
    label: str = ""
    acts_as: Word | None = None
    enrichment: Annotated[float, Field(gt=0.0, strict=False)] = 1.0
    copies_per_packet: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _packet_has_a_size(self) -> Self:
        if (self.packing == "packets") != (self.copies_per_packet is not None):
            raise ValueError("copies_per_packet belongs to packing = 'packets', and only there")
        return self


class CellReceives(Strict):
    """A scenario file of a cell that receives."""

    schema_version: Literal[1]
    recipient: RecipientChosen
    given: GivenAsked
    run: RunAsked = RunAsked()
    opening: OpeningAsked
    conditions: Conditions = Conditions()
    response: ResponseAsked = ResponseAsked()
    cargo: Annotated[tuple[CargoAsked, ...], Field(strict=False, min_length=1)]
    sources: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict
    )


def read_scenario(name_or_file: str) -> CellReceives:
    """Return the bundled scenario ``cell-receives``, or the one in a TOML file.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value in it is wrong.
    """
    return read_scenario_file(
        CellReceives,
        name_or_file,
        bundled=("cell-receives",),
        remedy="mend this value; "
        "`exosome new scenario cell-receives FILE` writes a commented scenario",
    )


@dataclass(frozen=True, slots=True)
class Numbers:
    """The roles of one cargo: copies in a vesicle, chance to act, loss."""

    copies: str
    functional: str
    loss: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run: the cell, its numbers and where they come from."""

    scenario: CellReceives
    kind: RecipientType
    uptake: str
    pools: Mapping[str, Pool]
    openings: Mapping[str, Pool]
    cargo: tuple[Numbers, ...]
    shown: tuple[Sourced, ...]
    released: tuple[Sourced, ...]
    hours: float
    seed: int
    where: str

    @property
    def records(self) -> tuple[Sourced, ...]:
        """Every record that is drawn from or shown, by id."""
        every = [*self.pools.values(), *self.openings.values()]
        found = {r.id: r for one in every for r in one.records}
        found |= {r.id: r for r in (*self.shown, *self.released)}
        return tuple(found[key] for key in sorted(found))

    @property
    def read_as(self) -> dict[str, str]:
        """How well each record was read."""
        shown: dict[str, str] = {r.id: status_of(r) for r in (*self.shown, *self.released)}
        every = [*self.pools.values(), *self.openings.values()]
        return {**shown, **{key: status for one in every for key, status in one.read_as.items()}}


_SHOWN = ("f01", "f04", "f18", "f19", "f20", "f21", "k01", "k06")
"""Records that are drawn or told beside the run without informing a number of it."""


def _uptake_role(chosen: RecipientChosen, kind: RecipientType, catalog: Catalog, where: str) -> str:
    if chosen.uptake_role:
        return chosen.uptake_role
    held = {record.role for record in catalog.values()}
    found = next((role for role in kind.roles if role in held), None)
    if found is None:
        known = ", ".join(k for k, t in recipient_types().items() if held & set(t.roles))
        raise MissingRecordError(
            f"the uptake of {kind.name} is unknown. {kind.note}".rstrip(),
            where=where,
            remedy="give uptake_role in [recipient]: another cell's, such as "
            f'"uptake_in_1h.hela", or "{kind.roles[0]}" with a record of your own '
            f"in --numbers; known: {known}",
        )
    return found


def _cargo_roles(asked: CargoAsked, catalog: Catalog) -> Numbers:
    """Return the roles of a cargo; copies per vesicle go before copies per counted particle."""
    held = {record.role for record in catalog.values()}
    vesicle = f"copies_per_vesicle.{asked.name}"
    particle = f"copies_per_particle.{asked.name}"
    acting = asked.acts_as or asked.name
    return Numbers(
        particle if particle in held and vesicle not in held else vesicle,
        f"functional_fraction.{acting}",
        f"cargo_loss.{acting}",
    )


def plan(scenario: CellReceives, catalog: Catalog, *, seed: int, where: str = "scenario") -> Plan:
    """Return the plan of a scenario: every number pointing at its records.

    Raises
    ------
    InputError
        A cell type, handle, temperature or source that does not exist.
    MissingRecordError
        The uptake of the cell, or another number, is unknown.
    """
    chosen = scenario.recipient
    own = chosen.uptake_role is not None and chosen.type not in recipient_types()
    kind = (
        RecipientType(chosen.type, chosen.type.replace("_", " "), (chosen.uptake_role or "",))
        if own
        else recipient_type(chosen.type, where=f"{where} recipient.type")
    )
    uptake = _uptake_role(chosen, kind, catalog, f"{where} recipient.type")
    hours = to_internal(scenario.run.duration, "h", where=f"{where} run.duration")
    if not 0.0 < hours <= 24.0 * 60:
        raise InputError(
            f"a duration of {hours:g} h",
            where=f"{where} run.duration",
            remedy="give 1 h to 60 days",
        )
    for key in scenario.conditions.handles:
        if key not in HANDLES:
            raise InputError(
                f"{key!r} is no handle of a recipient cell",
                where=f"{where} conditions.handles",
                remedy=f"handles: {', '.join(HANDLES)}",
            )
    temperature_factor(
        scenario.conditions.temperature_c, 2.0, where=f"{where} conditions.temperature_c"
    )
    cargo = tuple(_cargo_roles(one, catalog) for one in scenario.cargo)
    roles = [uptake, *(f"recipient_rate.{name}" for name in RATE_NAMES)]
    roles += ["specific_binding_share", "binding_sites", "entry_capacity", "uptake_cv"]
    roles += ["trafficking_q10", "bilayer_thickness", *_TARGET]
    roles += ["origin_diameter.exosome.article", "origin_diameter_gsd.exosome.article"]
    # Every handle is in the table of knock-outs, whether the scenario turns it or not.
    roles += [f"handle.{key}.{rate}" for key, (_, rates) in HANDLES.items() for rate in rates]
    roles += ["opening.fusogenic_vesicle"]
    roles += [role for one in cargo for role in (one.copies, one.functional, one.loss)]
    roles = list(dict.fromkeys(roles))
    for role in scenario.sources:
        if role not in (*roles, _OPENING):
            raise InputError(
                f"sources are given for {role!r}, which the run does not use",
                where=f"{where} sources",
                remedy=f"numbers used: {', '.join(sorted({*roles, _OPENING}))}",
            )
    pools = {
        role: pool(catalog, role, only=scenario.sources.get(role, ()), where=where)
        for role in roles
    }
    opening = pool(catalog, _OPENING, only=scenario.sources.get(_OPENING, ()), where=where)
    openings = {name: opening.holding(rival) for name, rival in MODULES.items()}
    missing = [name for name, one in openings.items() if not one.records]
    if missing:
        raise MissingRecordError(
            f"no record is left for the opening module {missing[0]!r}",
            where=f"{where} sources",
            remedy=f"keep a record of each module of {_OPENING}: both are always shown",
        )
    return Plan(
        scenario=scenario,
        kind=kind,
        uptake=uptake,
        pools=pools,
        openings=openings,
        cargo=cargo,
        shown=tuple(catalog[key] for key in _SHOWN if key in catalog),
        released=_released(kind, catalog),
        hours=hours,
        seed=seed,
        where=where,
    )


def _released(kind: RecipientType, catalog: Catalog) -> tuple[Sourced, ...]:
    """Return the records of what the same cell releases itself: its own, or two that bound it."""
    types = donor_types()
    roles = types[kind.donor].roles if kind.donor in types else ()
    own = tuple(record for record in catalog.values() if record.role in roles)
    return own or tuple(catalog[key] for key in kind.released_between)


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A quantity in time: over what is not known, and at the medians."""

    name: str
    unit: str
    times_h: Floats
    low: Floats
    middle: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Silencing:
    """What a miRNA does to one target: sites occupied, and target protein missing.

    The courses are those of a cell that holds the mean copies; ``cells_mean`` and ``cells_90``
    the protein missing at the end in the simulated cells, their mean and nine tenths.
    """

    occupied: Course
    missing: Course
    cells_mean: float
    cells_90: float


@dataclass(frozen=True, slots=True, eq=False)
class CargoFound:
    """What cells received of one cargo under one opening module.

    ``low``, ``median`` and ``high`` are the tenth, half and nine tenths of the cells at each
    moment, ``mean`` their mean; ``course`` the mean in closed form with its interval over what is
    not known. ``none`` and ``responding``: shares of cells that never got a functional copy, or
    at least as many as are needed; ``none_told`` and ``responding_told`` in closed form.
    ``silencing`` is None for cargoes other than a miRNA.
    """

    asked: CargoAsked
    module: str
    mean: Floats
    low: Floats
    median: Floats
    high: Floats
    course: Course
    counts: tuple[tuple[int, int], ...]
    none: float
    none_told: float
    responding: float
    responding_told: float
    copies_per_vesicle: float
    silencing: Silencing | None


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """Entries by the end against vesicles given: without and with sites and entry that fill."""

    given: Floats
    linear: Floats
    filling: Floats


@dataclass(frozen=True, slots=True)
class Trade:
    """What a cell releases and takes up: a source, a sink, or not settled.

    ``even_at``: vesicles around the cell at which it takes up as many as it releases, bounds.
    """

    taken_per_h: Interval
    released_per_h: tuple[float, float] | None
    even_at: tuple[float, float] | None
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What the cells received."""

    plan: Plan
    recipients: Mapping[str, Recipient]
    opening_shares: Mapping[str, Interval]
    times_h: Floats
    courses: tuple[Course, ...]
    held: Course
    cells: Mapping[str, Received]
    intervals: tuple[Interval, ...]
    cargo: tuple[CargoFound, ...]
    checks: tuple[Check, ...]
    filling: Filling
    fullness: tuple[Interval, Interval]
    trade: Trade
    knock_outs: tuple[KnockOut, ...]


def run(planned: Plan, *, workers: int = 2) -> Result:
    """Return the result of a plan; the same for any number of workers."""
    from exosome.study.recipient_arms import knock_outs  # it reads this module

    middle = {role: np.asarray(one.median) for role, one in planned.pools.items()}
    times = np.linspace(0.0, planned.hours, _TIMES, dtype=np.float64)
    recipients = {name: middle_recipient(planned, name) for name in planned.openings}
    cargoes = tuple(cargo_of(planned, number, middle) for number in range(len(planned.cargo)))
    cv = float(middle["uptake_cv"])
    received = {
        (name, number): receive(
            recipient,
            cells=planned.scenario.run.cells,
            given=planned.scenario.given.vesicles_per_cell,
            times_h=times,
            cargo=cargo,
            seed=planned.seed,
            uptake_cv=cv,
            workers=workers,
            purpose=f"cell.recipient.{name}.{number}",
        )
        for name, recipient in recipients.items()
        for number, cargo in enumerate(cargoes)
    }
    numbers, drawn = _drawn(planned)
    chosen, mixed = _chosen(planned, recipients, drawn)
    courses, held, intervals = _courses(planned, chosen, mixed)
    found = tuple(
        _cargo(planned, number, name, received[name, number], recipients[name], drawn, numbers)
        for number in range(len(cargoes))
        for name in MODULES
    )
    return Result(
        plan=planned,
        recipients=recipients,
        opening_shares={
            name: interval(name, "fraction", np.asarray(one.median), _opening_draws(planned, name))
            for name, one in planned.openings.items()
        },
        times_h=times,
        courses=courses,
        held=held,
        cells={name: received[name, 0] for name in MODULES},
        intervals=intervals,
        cargo=found,
        checks=_checks(planned, received, recipients, cargoes, cv),
        filling=_filling(planned, recipients["low_fusion"]),
        fullness=_fullness(planned, chosen, mixed),
        trade=_trade(planned, chosen, mixed),
        knock_outs=knock_outs(planned, middle, workers),
    )


def middle_recipient(planned: Plan, module: str) -> Recipient:
    """Return the cell of one opening module, each number at the middle of its records."""
    middle = {role: np.asarray(one.median) for role, one in planned.pools.items()}
    opens = np.asarray(planned.openings[module].median)
    return conditioned(planned, middle, untreated(planned, middle, opens))


def untreated(planned: Plan, numbers: Mapping[str, Floats], opens: Floats) -> Recipient:
    """Return the recipient whose uptake in one hour and share that opens are those given."""
    return recipient_of(numbers, planned.uptake, opens)


def recipient_of(numbers: Mapping[str, Floats], uptake_role: str, opens: Floats) -> Recipient:
    """Return the recipient that the catalog's numbers make, with uptake calibrated to one role."""
    rates = {name: numbers[f"recipient_rate.{name}"] for name in RATE_NAMES}
    site, surface = binding_rate(
        numbers[uptake_role],
        specific=numbers["specific_binding_share"],
        unbind=(rates["unbind_specific"], rates["unbind_nonspecific"]),
        internalise=rates["internalise"],
    )
    made = Recipient(
        bind_specific=site,
        bind_nonspecific=surface,
        opening=np.zeros_like(site),
        sites=numbers["binding_sites"],
        entries_per_h=numbers["entry_capacity"],
        **rates,
    )
    return opened_by(made, opens)


def conditioned(planned: Plan, numbers: Mapping[str, Floats], recipient: Recipient) -> Recipient:
    """Return the recipient under the scenario's handles and temperature, its uptake on or off."""
    asked = planned.scenario.conditions
    factors: dict[str, Floats] = {}
    if not planned.scenario.recipient.takes_up:
        factors = dict.fromkeys(("bind_specific", "bind_nonspecific"), np.zeros(()))
    for key in asked.handles:
        for rate in HANDLES[key][1]:
            factors[rate] = factors.get(rate, np.asarray(1.0)) * numbers[f"handle.{key}.{rate}"]
    warm = numbers["trafficking_q10"] ** ((asked.temperature_c - 37.0) / 10.0)
    for rate in TRAFFIC:
        factors[rate] = factors.get(rate, np.asarray(1.0)) * warm
    return recipient.scaled(factors)


def size_factors(numbers: Mapping[str, Floats]) -> Floats:
    """Return lumen volumes over their mean, for equally frequent vesicles of the size law."""
    law = SizeLaw(
        float(numbers["origin_diameter.exosome.article"]),
        float(numbers["origin_diameter_gsd.exosome.article"]),
    )
    z = ndtri((np.arange(_SIZES) + 0.5) / _SIZES)
    lumen = lumen_nm3(
        law.median_nm * np.exp(np.log(law.gsd) * z), float(numbers["bilayer_thickness"])
    )
    return lumen / lumen.mean()


def cargo_of(planned: Plan, number: int, numbers: Mapping[str, Floats]) -> Cargo:
    """Return a cargo of the scenario at the medians.

    Independent copies follow the lumen of the vesicle; packets do not.
    """
    asked, roles = planned.scenario.cargo[number], planned.cargo[number]
    mean = float(numbers[roles.copies]) * asked.enrichment
    loading = (
        Packets(mean, asked.copies_per_packet)
        if asked.copies_per_packet is not None
        else Independent(mean * size_factors(numbers))
    )
    return Cargo(loading, float(numbers[roles.functional]), float(numbers[roles.loss]))


def _opening_draws(planned: Plan, module: str) -> Floats:
    u = Streams(planned.seed).of(f"input.{_OPENING}.{module}").random(DRAWS)
    return planned.openings[module].draw(u)


def _drawn(planned: Plan) -> tuple[dict[str, Floats], dict[str, Recipient]]:
    """Return every number over draws, and the recipient of each module over the same draws."""
    streams = Streams(planned.seed)
    numbers = {
        role: one.draw(streams.of(f"input.{role}").random(DRAWS))
        for role, one in planned.pools.items()
    }
    return numbers, {
        name: conditioned(
            planned, numbers, untreated(planned, numbers, _opening_draws(planned, name))
        )
        for name in planned.openings
    }


def _chosen(
    planned: Plan, recipients: Mapping[str, Recipient], drawn: Mapping[str, Recipient]
) -> tuple[Recipient, Recipient]:
    """Return the recipient that the intervals follow: at the medians, and over draws.

    A mixture is one of knowledge: each draw follows one module. Its middle follows the module of
    the larger weight, for no cell opens vesicles by a half of each.
    """
    asked = planned.scenario.opening
    if asked.module != "mixture":
        return recipients[asked.module], drawn[asked.module]
    weight = 0.5 if asked.weight_opens is None else asked.weight_opens
    opens = Streams(planned.seed).of("input.opening.module").random(DRAWS) < weight
    first, second = (drawn[name] for name in MODULES)
    # Nothing but the opening differs between the modules.
    mixed = replace(first, opening=np.where(opens, first.opening, second.opening))
    leading = "opens_30_percent" if weight >= 0.5 else "low_fusion"
    return recipients[leading], mixed


def _courses(
    planned: Plan, chosen: Recipient, mixed: Recipient
) -> tuple[tuple[Course, ...], Course, tuple[Interval, ...]]:
    """Return where vesicles are in time, what cells hold, and the ends, all with intervals."""
    hours = np.linspace(0.0, planned.hours, _COURSE_TIMES, dtype=np.float64)
    middle = [places_at(chosen, float(t)) for t in hours]
    drawn = [places_at(mixed, float(t)) for t in hours]
    wanted = {
        "outside": ("free", "recycled_out"),
        "bound": ("bound",),
        "in endosomes": ("early", "late"),
        "degraded": ("degraded",),
        "opened": ("opened",),
        "lost outside": ("lost",),
    }
    early = np.geomspace(min(_FIRST_H, planned.hours / 10.0), planned.hours, _TIMES)
    held = _course(
        "held",
        early,
        [places_at(chosen, float(t)) for t in early],
        [places_at(mixed, float(t)) for t in early],
        ("bound", "early", "late", "degraded", "opened"),
    )
    given = planned.scenario.given.vesicles_per_cell
    end, ends = fates(chosen), fates(mixed)
    last, lasts = middle[-1], drawn[-1]
    return (
        tuple(_course(name, hours, middle, drawn, of) for name, of in wanted.items()),
        held,
        (
            interval(
                "vesicles internalised by the end",
                "vesicle/cell",
                last.internalised * given,
                lasts.internalised * given,
            ),
            interval(
                "vesicles opened by the end",
                "vesicle/cell",
                last.opened * given,
                lasts.opened * given,
            ),
            interval(
                "of those once inside, opened in the end",
                "fraction",
                end.per_internalised(end.opened),
                ends.per_internalised(ends.opened),
            ),
            interval(
                "of those once inside, degraded in the end",
                "fraction",
                end.per_internalised(end.degraded),
                ends.per_internalised(ends.degraded),
            ),
            interval(
                "entries per vesicle once inside",
                "fold",
                end.per_internalised(end.entries),
                ends.per_internalised(ends.entries),
            ),
            interval("lost outside in the end", "fraction", end.lost, ends.lost),
        ),
    )


def _course(
    name: str, hours: Floats, middle: list[Places], drawn: list[Places], of: tuple[str, ...]
) -> Course:
    """Return the course of the sum of some places."""

    def share(p: Places) -> Floats:
        return np.asarray(sum(getattr(p, part) for part in of))

    spread = np.array([np.quantile(share(p), [0.05, 0.95]) for p in drawn])
    return Course(
        name=name,
        unit="fraction",
        times_h=hours,
        low=spread[:, 0],
        middle=np.array([float(share(p)) for p in middle]),
        high=spread[:, 1],
    )


def _cargo(
    planned: Plan,
    number: int,
    module: str,
    got: Received,
    recipient: Recipient,
    drawn: Mapping[str, Recipient],
    numbers: Mapping[str, Floats],
) -> CargoFound:
    asked, roles = planned.scenario.cargo[number], planned.cargo[number]
    middle = {role: np.asarray(one.median) for role, one in planned.pools.items()}
    cargo = cargo_of(planned, number, middle)
    given = planned.scenario.given.vesicles_per_cell
    mean_copies = numbers[roles.copies] * asked.enrichment * given
    acting, loss = numbers[roles.functional], numbers[roles.loss]
    spread = np.array(
        [
            copies_at(drawn[module], float(t), functional=acting, loss=loss) * mean_copies
            for t in got.times_h
        ]
    )
    bounds = np.quantile(spread, [0.05, 0.95], axis=1).T
    told = _means_over_uptake(
        recipient,
        float(middle["uptake_cv"]),
        lambda r: np.array(
            [
                copies_at(
                    r,
                    float(t),
                    functional=np.asarray(cargo.functional),
                    loss=np.asarray(cargo.loss_per_h),
                )
                for t in got.times_h
            ]
        ),
    )
    average = told * cargo.loading.mean * given
    needed = planned.scenario.response.copies_needed
    low, median, high = np.quantile(got.copies, [0.1, 0.5, 0.9], axis=0)
    none, responding = _packets_told(
        recipient, float(middle["uptake_cv"]), cargo, asked, given, planned.hours, needed
    )
    end = got.released[:, -1]
    values, counts = np.unique(got.copies[:, -1], return_counts=True)
    return CargoFound(
        asked=asked,
        module=module,
        mean=got.copies.mean(axis=0),
        low=low,
        median=median,
        high=high,
        course=Course(
            module,
            "copy/cell",
            got.times_h,
            bounds[:, 0],
            told * cargo.loading.mean * given,
            bounds[:, 1],
        ),
        counts=tuple((int(v), int(c)) for v, c in zip(values, counts, strict=True)),
        none=float((end == 0).mean()),
        none_told=none,
        responding=float((end >= needed).mean()),
        responding_told=responding,
        copies_per_vesicle=cargo.loading.mean,
        silencing=_silencing(got, average, middle, np.maximum(spread.T, 0.0), numbers)
        if asked.kind == "mirna"
        else None,
    )


def _silencing(
    got: Received,
    average: Floats,
    middle: Mapping[str, Floats],
    drawn: Floats,
    numbers: Mapping[str, Floats],
) -> Silencing:
    """Return what the copies do to a target, for the mean cell, over draws, and in each cell."""
    times = got.times_h
    over = silence(times, drawn, Target(*(numbers[role] for role in _TARGET)))
    target = Target(*(float(middle[role]) for role in _TARGET))
    mean, cells = (
        silence(times, np.maximum(average, 0.0), target),
        silence(times, got.copies, target),
    )

    def course(name: str, at: Floats, spread: Floats) -> Course:
        low, high = np.quantile(spread, [0.05, 0.95], axis=0)
        return Course(name, "fraction", times, low, at, high)

    missing = cells.repression[:, -1]
    return Silencing(
        occupied=course("target sites occupied", mean.occupied, over.occupied),
        missing=course("target protein missing", mean.repression, over.repression),
        cells_mean=float(missing.mean()),
        cells_90=float(np.quantile(missing, 0.9)),
    )


def _at_nodes(recipient: Recipient, cv: float) -> tuple[Recipient, Floats]:
    """Return the recipient at nodes of the uptake factor, and their weights."""
    nodes, weights = gamma_nodes(cv, _NODES)
    return recipient.scaled({"bind_specific": nodes, "bind_nonspecific": nodes}), weights


def _means_over_uptake(
    recipient: Recipient, cv: float, of: Callable[[Recipient], Floats]
) -> Floats:
    """Return means over cells that differ in uptake."""
    spread, weights = _at_nodes(recipient, cv)
    return np.asarray(of(spread) @ weights)


def _packets_told(
    recipient: Recipient,
    cv: float,
    cargo: Cargo,
    asked: CargoAsked,
    given: int,
    hours: float,
    needed: int,
) -> tuple[float, float]:
    """Return the shares of cells without a functional copy and with enough, in closed form.

    Given a cell's uptake, the first is exact: no vesicle opened with a copy that acts. The second
    takes opened vesicles as Poisson and loaded alike (`numerics.compound`), and averages over
    the uptake.
    """
    spread, weights = _at_nodes(recipient, cv)
    opened = np.maximum(places_at(spread, hours).opened, 0.0)
    loading, chance = cargo.loading, cargo.functional
    if isinstance(loading, Independent):
        acts = float(-np.expm1(-loading.means * chance).mean())
        jump, carrying = thin_units(Poisson(loading.mean), chance), 1.0
    else:
        size = asked.copies_per_packet or 1
        acts = loading.share * (1.0 - (1.0 - chance) ** size)
        jump, carrying = thin_units(Fixed(float(size)), chance), loading.share
    enough = survival(given * opened * carrying, float(needed), jump, 0.0)
    none = np.exp(given * np.log1p(-opened * acts))
    # Weights add up to one but for rounding.
    return round(float(none @ weights), 12), round(float(enough @ weights), 12)


def _checks(
    planned: Plan,
    received: Mapping[tuple[str, int], Received],
    recipients: Mapping[str, Recipient],
    cargoes: tuple[Cargo, ...],
    cv: float,
) -> tuple[Check, ...]:
    """Compare simulated cells with the closed form, averaged over their uptake."""
    given = planned.scenario.given.vesicles_per_cell
    watched = ("internalised", "degraded", "opened", "lost")

    def shares(r: Recipient) -> Floats:
        places = places_at(r, planned.hours)
        return np.array([getattr(places, part) for part in watched])

    def in_cytosol(cargo: Cargo) -> Callable[[Recipient], Floats]:
        functional, loss = np.asarray(cargo.functional), np.asarray(cargo.loss_per_h)
        return lambda r: copies_at(r, planned.hours, functional=functional, loss=loss)

    found: list[Check] = []
    for name, recipient in recipients.items():
        told = _means_over_uptake(recipient, cv, shares)
        for part, share in zip(watched, told, strict=True):
            counted = getattr(received[name, 0], part)[:, -1].astype(np.float64)
            found.append(mean_check(f"{part}, {name}", counted, share * given))
        for number, cargo in enumerate(cargoes):
            asked = planned.scenario.cargo[number]
            each = _means_over_uptake(recipient, cv, in_cytosol(cargo))
            copies = received[name, number].copies[:, -1].astype(np.float64)
            if copies.any():
                words = f"copies of {asked.label or asked.name}, {name}"
                found.append(mean_check(words, copies, each * cargo.loading.mean * given))
    return tuple(found)


def _filling(planned: Plan, recipient: Recipient) -> Filling:
    """Return what goes in by the end for few and many vesicles: the mean field of the network."""

    def entered(given: float) -> float:
        course = mean_field(network(recipient, {0: round(given)}), [planned.hours])
        return float(np.asarray(course.values)[-1, list(course.names).index("Entered")])

    return Filling(
        _GIVEN_GRID, entered(1.0) * _GIVEN_GRID, np.array([entered(float(n)) for n in _GIVEN_GRID])
    )


def _fullness(planned: Plan, chosen: Recipient, mixed: Recipient) -> tuple[Interval, Interval]:
    given = np.asarray(float(planned.scenario.given.vesicles_per_cell))
    at, over = (saturation(one, given, planned.hours) for one in (chosen, mixed))
    return (
        interval("occupied sites over sites", "fraction", at.sites, over.sites),
        interval("entry over its capacity", "fraction", at.entry, over.entry),
    )


def _trade(planned: Plan, chosen: Recipient, mixed: Recipient) -> Trade:
    """Return what one cell takes up in the first hour beside what it releases in one."""
    given = planned.scenario.given.vesicles_per_cell
    taken = interval(
        "taken up in the first hour",
        "vesicle/cell/h",
        places_at(chosen, 1.0).internalised * given,
        places_at(mixed, 1.0).internalised * given,
    )
    bounds = [(r.low, r.value, r.high) for r in planned.released]
    ends = [end for one in bounds for end in one if end is not None]
    known = bool(ends) and taken.low > 0.0
    return Trade(
        taken_per_h=taken,
        released_per_h=(min(ends), max(ends)) if ends else None,
        even_at=(min(ends) * given / taken.high, max(ends) * given / taken.low) if known else None,
        records=tuple(r.id for r in planned.released),
    )
