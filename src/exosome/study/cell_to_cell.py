"""A message between cells, well mixed: scenario and plan.

Senders release into a medium that they share with receivers; what the receivers take up, and what
bound or dissolved signals do to them, becomes a response. The sender is on or off, and the
receiver's response is asked how much it tells of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from exosome.cell.donor import DonorType, donor_type, donor_types
from exosome.cell.effects import EFFECTS, Effect
from exosome.cell.handles import HANDLES, handle
from exosome.cell.recipient import RecipientType, recipient_type, recipient_types
from exosome.core.errors import InputError, MissingRecordError
from exosome.core.units import to_internal
from exosome.delivery.pool import pool
from exosome.study.cell_receives import RATE_NAMES
from exosome.study.scenario import Strict, Word
from exosome.study.scenario_file import read_scenario_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.delivery.pool import Pool

NO_RELEASE = "no_release"
DONOR_RATES = (
    "maturation",
    "budding_escrt",
    "budding_ceramide",
    "back_fusion",
    "mvb_fusion",
    "mvb_lysosome",
)
OPENING = "opening.natural_vesicle"
_MOST_HOURS = 24 * 60


class PairAsked(Strict):
    """How many, how long, and when the response is read."""

    senders: Annotated[int, Field(ge=1, le=10_000)] = 10
    receivers: Annotated[int, Field(ge=1, le=1_000)] = 1
    pairs: Annotated[int, Field(ge=32, le=100_000)] = 400
    duration: str = "120 h"
    sends_for: str = "24 h"
    read_at: str = "48 h"
    prior_on: Annotated[float, Field(gt=0.0, lt=1.0, strict=False)] = 0.5
    draws: Annotated[int, Field(ge=8, le=1_000)] = 24


class SenderAsked(Strict):
    """Which cell sends, and what off means."""

    type: Word
    release_role: str | None = None
    release_record: str | None = None
    off: Word = NO_RELEASE


class ReceiverAsked(Strict):
    """Which cell receives."""

    type: Word
    uptake_role: str | None = None
    medium_nl: Annotated[float, Field(gt=0.0, strict=False)] | None = None


class MessageAsked(Strict):
    """One message: the cargo or the surface that carries it, and the effect that it has."""

    name: str
    effect: Literal["silencing", "expression", "switch", "receptor", "enzyme", "growth_factor"]
    cargo: Word | None = None
    packing: Literal["passive", "sorted", "packets"] = "passive"
    enrichment: Annotated[float, Field(gt=0.0, strict=False)] | None = None
    copies_per_packet: Annotated[int, Field(ge=1)] | None = None
    copies_per_vesicle: Annotated[float, Field(ge=0.0, strict=False)] | None = None
    ligand: Word | None = None
    receptor: Word | None = None
    target: Word | None = None
    enzyme: Word | None = None
    product: Word | None = None
    setting: Word | None = None
    factor: Word | None = None

    @model_validator(mode="after")
    def _what_it_needs_is_there(self) -> Self:
        wanted = NEEDS[self.effect]
        for key in ("cargo", "ligand", "receptor", "target", "enzyme", "product", "setting"):
            given = getattr(self, key) is not None
            if given != (key in wanted):
                says = "needs" if key in wanted else "has no use for"
                raise ValueError(f"effect {self.effect!r} {says} {key!r}")
        if (self.factor is not None) != ("factor" in wanted):
            raise ValueError(f"'factor' belongs to growth_factor, and effect is {self.effect!r}")
        if self.cargo is None and (
            self.packing != "passive" or self.copies_per_vesicle is not None
        ):
            raise ValueError("packing and copies_per_vesicle belong to a cargo")
        if (self.packing == "sorted") != (self.enrichment is not None):
            raise ValueError("enrichment belongs to packing = 'sorted', and only there")
        if (self.packing == "packets") != (self.copies_per_packet is not None):
            raise ValueError("copies_per_packet belongs to packing = 'packets', and only there")
        return self


NEEDS: Mapping[str, tuple[str, ...]] = {
    "silencing": ("cargo",),
    "expression": ("cargo",),
    "switch": ("cargo",),
    "receptor": ("ligand", "receptor", "target"),
    "enzyme": ("enzyme", "product", "setting"),
    "growth_factor": ("factor",),
}


class CellToCell(Strict):
    """A scenario file of a message between cells."""

    schema_version: Literal[1]
    pair: PairAsked = PairAsked()
    sender: SenderAsked
    receiver: ReceiverAsked
    message: Annotated[tuple[MessageAsked, ...], Field(min_length=1, strict=False)]
    sources: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict
    )


def read_scenario(name_or_file: str) -> CellToCell:
    """Return the bundled scenario ``cell-to-cell``, or the one in a TOML file.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value in it is wrong.
    """
    return read_scenario_file(
        CellToCell,
        name_or_file,
        bundled=("cell-to-cell",),
        remedy="mend this value; `exosome new scenario cell-to-cell FILE` writes an example",
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """Hours: watched in whole steps of one hour, sent for the first of them, read at one."""

    watched: int
    sending: int
    read: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run: the cells, the numbers and where they come from.

    ``medians`` holds the number at which cells are simulated, for every role; ``openings`` the
    rival opening modules, their names and their records.
    """

    scenario: CellToCell
    sender: DonorType
    receiver: RecipientType
    release_role: str
    uptake_role: str
    pools: Mapping[str, Pool]
    medians: Mapping[str, float]
    openings: tuple[tuple[str, Pool], ...]
    clock: Clock
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


def effect_of(message: MessageAsked) -> Effect:
    """Return the effect of a message."""
    return EFFECTS[message.effect]


def roles_of(message: MessageAsked) -> dict[str, str]:
    """Return the catalog roles that a message's effect needs, by short name."""
    cargo = {
        "functional": f"functional_fraction.{message.cargo}",
        "loss": f"cargo_loss.{message.cargo}",
    }
    if message.cargo and message.copies_per_vesicle is None:
        cargo |= {
            "in_donor": f"copies_per_cell.{message.cargo}",
            "donor_volume": "donor_cell_volume",
            "bilayer": "bilayer_thickness",
            "diameter": "origin_diameter.exosome.article",
            "gsd": "origin_diameter_gsd.exosome.article",
        }
    expressed = {"translation": "translation_rate"}
    by_effect = {
        "silencing": {
            **cargo,
            "sites": "target_sites",
            "kd": "seed_site_kd",
            "mrna_half_life": "mrna_half_life",
            "protein_half_life": "protein_half_life",
            "decay_fold": "repression.mrna_decay",
            "translation_fold": "repression.translation",
            "detectable": "detectable_repression",
        },
        "expression": {
            **cargo,
            **expressed,
            "protein_half_life": "protein_half_life",
            "detectable": "detectable_protein",
        },
        "switch": {
            **cargo,
            **expressed,
            "feedback": "switch.feedback",
            "hill": "switch.hill",
            "leak": "switch.leak",
            "half_life": "switch_half_life",
            "half_copies": "switch_copies",
        },
        "receptor": {
            "ligands": f"ligand_copies.{message.ligand}",
            "receptors": f"receptors_per_cell.{message.receptor}.{message.target}",
            "surface": f"cell_surface.{message.target}",
            "patch": "contact_patch",
            "detectable": f"engaged_share_needed.{message.receptor}",
        },
        "enzyme": {
            "enzymes": f"enzyme_copies.{message.enzyme}",
            "kcat": f"kcat.{message.enzyme}",
            "km": f"km.{message.enzyme}",
            "substrate": f"substrate.{message.enzyme}.{message.setting}",
            "clearance": f"product_clearance.{message.product}.{message.setting}",
            "detectable": f"product_needed.{message.product}",
        },
        "growth_factor": {
            "held": f"ligand_copies.{message.factor}",
            "release": f"factor_release.{message.factor}",
            "loss": f"factor_loss.{message.factor}",
            "kd": f"soluble_kd.{message.factor}",
            "detectable": "responding_occupancy",
        },
    }
    return by_effect[message.effect]


def plan(scenario: CellToCell, catalog: Catalog, *, seed: int, where: str = "scenario") -> Plan:
    """Return the plan of a scenario: every number pointing at its records.

    Raises
    ------
    InputError
        A cell, handle, time or source that does not exist or does not fit.
    MissingRecordError
        A number is unknown.
    """
    asked = scenario.sender
    sender = (
        DonorType(asked.type, asked.type.replace("_", " "), (asked.release_role,))
        if asked.release_role
        else donor_type(asked.type, where=f"{where} sender.type")
    )
    takes = scenario.receiver
    receiver = (
        RecipientType(takes.type, takes.type.replace("_", " "), (takes.uptake_role,))
        if takes.uptake_role
        else recipient_type(takes.type, where=f"{where} receiver.type")
    )
    senders = {k: t.roles for k, t in donor_types().items()}
    receivers = {k: t.roles for k, t in recipient_types().items()}
    release = _first_known(
        sender.roles, senders, catalog, said=f"the release rate of {sender.name}", where=where
    )
    uptake = _first_known(
        receiver.roles, receivers, catalog, said=f"the uptake of {receiver.name}", where=where
    )
    if asked.off != NO_RELEASE:
        handle(asked.off, where=f"{where} sender.off")
    roles = [release, uptake, OPENING, "ectosome_share", "medium_per_cell", "uptake_cv"]
    roles += ["specific_binding_share", "binding_sites", "entry_capacity"]
    roles += [f"donor_rate.{name}" for name in DONOR_RATES]
    roles += [f"recipient_rate.{name}" for name in RATE_NAMES]
    # Loss of Rab27 is in the table of knock-outs, whether it is what off means or not.
    roles += [
        one for key in {asked.off, "rab27_loss"} - {NO_RELEASE} for _, one in HANDLES[key].roles
    ]
    roles += [role for one in scenario.message for role in roles_of(one).values()]
    roles = list(dict.fromkeys(roles))
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
    only = (asked.release_record,) if asked.release_record else ()
    middle = pool(catalog, release, only=only, where=f"{where} sender.release_record").median
    return Plan(
        scenario=scenario,
        sender=sender,
        receiver=receiver,
        release_role=release,
        uptake_role=uptake,
        pools=pools,
        medians={**{role: one.median for role, one in pools.items()}, release: middle},
        openings=_openings(pools[OPENING]),
        clock=_clock(scenario.pair, where=where),
        seed=seed,
        where=where,
    )


def _openings(held: Pool) -> tuple[tuple[str, Pool], ...]:
    names = held.rivals
    return tuple((name, held.holding(name)) for name in names) if names else (("all", held),)


def _first_known(
    roles: Sequence[str],
    types: Mapping[str, Sequence[str]],
    catalog: Catalog,
    *,
    said: str,
    where: str,
) -> str:
    """Return the first of a cell's roles that a record informs."""
    held = {record.role for record in catalog.values()}
    found = next((role for role in roles if role in held), None)
    if found is None:
        known = ", ".join(key for key, theirs in types.items() if held & set(theirs))
        raise MissingRecordError(
            f"{said} is unknown",
            where=where,
            remedy=f'write a record of role "{roles[0]}" and pass it with --numbers my.toml, '
            f"or choose from {known}",
        )
    return found


def _clock(asked: PairAsked, *, where: str) -> Clock:
    hours = {
        name: to_internal(getattr(asked, name), "h", where=f"{where} pair.{name}")
        for name in ("duration", "sends_for", "read_at")
    }
    for name, value in hours.items():
        if value != round(value) or not 1.0 <= value <= _MOST_HOURS:
            raise InputError(
                f"{value:g} h",
                where=f"{where} pair.{name}",
                remedy=f"give whole hours from 1 to {_MOST_HOURS}",
            )
    watched, sending, read = (round(value) for value in hours.values())
    for name, value in (("sends_for", sending), ("read_at", read)):
        if value > watched:
            raise InputError(
                f"{value} h lies beyond the {watched} h that are watched",
                where=f"{where} pair.{name}",
                remedy="give less, or a longer duration",
            )
    return Clock(watched, sending, read)
