"""Particles of any size in a body, as one reaction network.

Species are numbers of particles by place, size class and label; reactions are flows of first
order or saturable uptake. The network's structure does not depend on numbers: a draw of what is not
known is a set of values for its parameters (`values`), so one compiled model serves all draws.

Names. ``PLACE_aK`` are intact, labelled particles of size class K, ``PLACE_bK`` bare ones that lost
their label; a place is ``plasma``, ``ORGAN_v`` (plasma in the organ), ``ORGAN_i`` (interstitium),
``lung_held`` (held in lung vessels), ``node_GROUP`` or ``depot``. ``n_POPULATION`` are particles
inside cells, ``l_POPULATION`` label inside cells. ``digested``, ``lysed`` and ``swallowed`` end the
particles; ``free``, ``impurity``, ``urine``, ``faeces`` and ``bone_label`` hold the label that
rides on none. ``near_PLACE`` counts the intact particles of a crowded place. ``own`` are the body's
own vesicles, one pool in plasma.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol

from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.passage import Pores, anchored_wall, passing
from exosome.body.physiology import ORGANS, PORTAL, constant
from exosome.body.routes import NODES
from exosome.core.errors import InputError
from exosome.numerics.network import Event, Network, Parameter, Reaction, Species, reaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exosome.body.kinds import Kind
    from exosome.body.labels import Label
    from exosome.body.physiology import Physiology
    from exosome.body.routes import Route
    from exosome.body.sizes import SizeClasses

Sort = Literal["phagocyte", "scavenger", "hepatocyte", "other"]


class Inputs(Protocol):
    """Numbers by role, or arrays of draws of them."""

    def __getitem__(self, role: str, /) -> Any:
        """Return one number, or its draws."""
        ...


@dataclass(frozen=True, slots=True)
class Population:
    """Cells that take particles up from one place.

    ``sort`` says which factor of a kind of particle applies; ``saturable`` ones have a finite
    rate and a finite capacity.
    """

    key: str
    place: str
    sort: Sort
    organ: str
    saturable: bool = False


POPULATIONS = (
    Population("kupffer", "liver_v", "phagocyte", "liver", saturable=True),
    Population("scavenger", "liver_v", "scavenger", "liver", saturable=True),
    Population("hepatocyte", "liver_i", "hepatocyte", "liver"),
    Population("red_pulp", "spleen_v", "phagocyte", "spleen", saturable=True),
    Population("marrow", "bone_v", "phagocyte", "bone", saturable=True),
    Population("blood_cells", "plasma", "other", "blood", saturable=True),
    *(Population(f"endothelium_{o}", f"{o}_v", "other", o) for o in ORGANS if o != "liver"),
    *(Population(f"tissue_{o}", f"{o}_i", "other", o) for o in ORGANS if o != "liver"),
    *(Population(f"node_{g}", f"node_{g}", "phagocyte", "nodes", saturable=True) for g in NODES),
)
DEPOT_CELLS = Population("depot_cells", "depot", "other", "depot")
SATURABLE = tuple(one for one in POPULATIONS if one.saturable)
CROWDED = (*dict.fromkeys(one.place for one in SATURABLE), "lung_held")
"""Places where particles hinder each other. ``near_PLACE`` counts all that are there: it is their
sum at every moment, and as a species of its own it keeps the network sparse for many classes."""
PHAGOCYTES = tuple(one.key for one in POPULATIONS if one.sort == "phagocyte")
FENESTRATED = ("liver", "spleen")
VESICLE_ENDS = ("digested", "lysed", "swallowed")
LABEL_ENDS = ("free", "impurity", "urine", "faeces", "bone_label")


@dataclass(frozen=True, slots=True)
class Design:
    """What a run looks like, apart from its numbers.

    Parameters
    ----------
    kind, route, label : Kind, Route, Label
        What is given, where, and what it carries.
    classes : int
        Size classes.
    infusion_h : float
        Length of an intravenous infusion; 0 for a bolus.
    repeats_h : tuple of float
        Times of further doses like the first.
    by_cells : bool
        The dose is living cells (MSC) that secrete vesicles where they lodge; these carry no label.
    """

    kind: Kind
    route: Route
    label: Label
    classes: int
    infusion_h: float = 0.0
    repeats_h: tuple[float, ...] = ()
    by_cells: bool = False

    def __post_init__(self) -> None:
        if self.by_cells and (self.route.key != "iv" or self.infusion_h or self.repeats_h):
            raise InputError(
                "cells that secrete in the body are given once, as a bolus into a vein",
                where="dosing",
                remedy="use route iv, without infusion or repeats",
            )
        if self.infusion_h < 0.0 or any(not t > 0.0 for t in self.repeats_h):
            raise InputError(
                "times of doses must be later than the first, and infusions not negative",
                where="dosing",
                remedy="give hours above zero",
            )
        if self.infusion_h and (self.route.is_depot or self.repeats_h):
            raise InputError(
                "an infusion goes into a vein, and once",
                where="dosing",
                remedy="give a bolus, or route iv without repeats",
            )

    @property
    def populations(self) -> tuple[Population, ...]:
        """Populations of the run; those of the depot only if there is one."""
        return (*POPULATIONS, DEPOT_CELLS) if self.route.is_depot else POPULATIONS

    @property
    def places(self) -> tuple[str, ...]:
        """Places where intact particles can be."""
        spaces = [f"{o}_{part}" for o in ORGANS for part in "vi"]
        nodes = [f"node_{g}" for g in NODES]
        depot = ["depot"] if self.route.is_depot else []
        return ("plasma", *spaces, "lung_held", *nodes, *depot)

    def intact(self, place: str) -> tuple[str, ...]:
        """Return the species of intact particles at a place."""
        return tuple(f"{place}_{state}{k}" for state in "ab" for k in range(self.classes))


_NEEDED = (
    "body_clearance.liver_sinusoid", "body_clearance.hepatocyte", "body_clearance.red_pulp",
    "body_clearance.marrow", "body_clearance.blood_cells", "body_clearance.endothelium",
    "body_clearance.tissue", "body_clearance.node", "body_clearance.transcytosis",
    "body_clearance.lung_held",
    "body_capacity.liver", "body_capacity.red_pulp", "body_capacity.marrow",
    "body_capacity.blood_cells", "body_capacity.node", "body_capacity.lung_held",
    "body_level.half_rate",
    "body_rate.digestion", "body_rate.lysis", "body_rate.lung_release", "body_rate.lung_entry",
    "body_radius.small_pore", "body_radius.large_pore", "body_radius.interstitium",
    "body_radius.spleen_slit", "body_radius.reference_protein",
    "body_gsd.pore", "body_gsd.fenestra", "body_gsd.interstitium",
    "body_fold.fenestral_exchange", "body_share.lymph_reflection",
    "body_power.uptake_size", "body_radius.uptake_reference",
    "uptake_share.liver.kupffer_cell", "plasma_vesicles_per_ml",
)  # fmt: skip

_CELLS = (
    "body_share.msc_first_pass", "body_share.msc_liver", "body_share.msc_spleen",
    "body_rate.msc_leave_lung", "body_rate.msc_death", "release_rate.msc",
)  # fmt: skip
LODGED = ("lung", "liver", "spleen", "other")
"""Where injected cells lodge, as ``cells_PLACE``; they end in ``cells_dead``."""


def roles_of(design: Design) -> tuple[str, ...]:
    """Return the roles of every number that a run needs."""
    depot = [
        f"body_rate.depot_{what}.{design.route.key}" for what in ("lymph", "blood", "uptake")
    ] * design.route.is_depot
    if design.route.swallowed:
        depot.append(f"body_rate.depot_mucus.{design.route.key}")
    label = design.label.key
    riding = (
        "body_rate.label_leak", "body_rate.label_cell_loss", "body_rate.label_urine",
        "body_rate.label_faeces", "body_rate.label_bone", "body_rate.impurity_liver",
        "body_rate.impurity_urine", "body_share.label_impurity",
    )  # fmt: skip
    cells = _CELLS * design.by_cells
    return (*_NEEDED, *cells, *design.kind.roles, *depot, *(f"{role}.{label}" for role in riding))


def network(design: Design, names: Iterable[str]) -> Network:
    """Return the run as a network; its parameters are 1 and take the values of a draw.

    ``names`` are the parameters of `values_of`. Networks are kept, so that what solvers prepare
    for one serves all draws, kinds of particles and labels. `numerics.network.replaced` writes a
    draw's values into it, for export.
    """
    plain = replace(
        design,
        kind=KINDS["vesicle"],
        label=LABELS["iodine125"],
        infusion_h=float(design.infusion_h > 0.0),
    )
    return _network(plain, tuple(names))


@lru_cache(maxsize=16)
def _network(design: Design, names: tuple[str, ...]) -> Network:
    reactions = [
        *(_cells(design) if design.by_cells else ()),
        *_transport(design),
        *_uptake(design),
        *_label(design),
        *_own(),
        *_giving(design),
    ]
    species = [
        Species(s, _start(design, s)) for place in design.places for s in design.intact(place)
    ]
    for one in design.populations:
        species += [Species(f"n_{one.key}"), Species(f"l_{one.key}")]
    start_of_impurity = _impurity(design) if not design.infusion_h else ""
    species += [Species(end) for end in VESICLE_ENDS]
    species += [
        Species(end, "dose_impurity" if end == start_of_impurity else 0.0)
        for end in label_ends(design)
    ]
    species.append(Species("own", "own_start"))
    if design.by_cells:
        species += [Species(f"cells_{place}", f"start_{place}") for place in LODGED]
        species += [Species("cells_dead"), Species("secreted")]
    at_start = not (design.infusion_h or design.route.is_depot)
    species += [
        Species(_near(place), _whole_dose(design) if place == "plasma" and at_start else 0.0)
        for place in CROWDED
    ]
    rules = [(f"open_{one.key}", _open(one)) for one in SATURABLE]
    rules.append(("open_lung_held", f"1 - {_near('lung_held')} / room_lung_held"))
    return Network(
        "particles in a body",
        tuple(species),
        tuple(reactions),
        tuple(Parameter(name, 1.0) for name in (*names, *(rule for rule, _ in rules))),
        events=_events(design),
        rules=tuple(rules),
    )


def _whole_dose(design: Design) -> str:
    return "(" + " + ".join(f"dose_{k}" for k in range(design.classes)) + ")"


def _open(one: Population) -> str:
    """Return what is left of a population's rate: room that is free, over crowding of receptors."""
    near = _near(one.place)
    return f"(1 - n_{one.key} / room_{one.key}) / (1 + {near} * half_{one.key})"


def _impurity(design: Design) -> str:
    """Return where the impurity of a dose starts."""
    return "impurity_site" if design.route.is_depot else "impurity"


def label_ends(design: Design) -> tuple[str, ...]:
    """Return the species of label that is on no vesicle and in no cell."""
    return (*LABEL_ENDS, "impurity_site") if design.route.is_depot else LABEL_ENDS


def _start(design: Design, species: str) -> str | float:
    place = "depot" if design.route.is_depot else "plasma"
    stem, _, number = species.rpartition("_a")
    return f"dose_{number}" if stem == place and not design.infusion_h else 0.0


def _near(place: str) -> str:
    """Return the count of all intact particles at a place where they crowd each other."""
    return f"near_{place}"


def _step(name: str, place: str, state: str, right: str, rate: str) -> Reaction:
    """Return one particle's leaving of a place; ``state`` is its state and size, such as a0."""
    here = f"{place}_{state}"
    left = f"{here} + {_near(place)}" if place in CROWDED else here
    return reaction(name, f"{left} -> {right}", rate=f"{rate} * {here}")


def _arriving(place: str, state: str) -> str:
    """Return the right side of a step that brings a particle to a place."""
    return f"{place}_{state}" + (f" + {_near(place)}" if place in CROWDED else "")


def _states(design: Design) -> list[tuple[str, str]]:
    """Return every state of an intact particle, such as a0, with its size class."""
    return [(f"{label}{k}", str(k)) for label in "ab" for k in range(design.classes)]


def _moves(design: Design, name: str, here: str, there: str, rate: str) -> list[Reaction]:
    """Return one first-order step for every size and state; ``rate`` may hold ``{k}``."""
    return [
        _step(f"{name}_{state}", here, state, _arriving(there, state), rate.format(k=k))
        for state, k in _states(design)
    ]


def _transport(design: Design) -> list[Reaction]:
    steps = _moves(design, "to_lung", "plasma", "lung_v", "to_lung")
    for organ in ORGANS:
        if organ != "lung":
            steps += _moves(design, f"in_{organ}", "lung_v", f"{organ}_v", f"in_{organ}")
            goes = "liver_v" if organ in PORTAL else "plasma"
            steps += _moves(design, f"out_{organ}", f"{organ}_v", goes, f"out_{organ}")
        steps += _moves(
            design, f"cross_{organ}", f"{organ}_v", f"{organ}_i", f"cross_{organ}_{{k}}"
        )
        if organ in FENESTRATED:
            steps += _moves(
                design, f"return_{organ}", f"{organ}_i", f"{organ}_v", f"return_{organ}_{{k}}"
            )
    for group, organs in NODES.items():
        for organ in organs:
            rate = f"drain_{organ}_{{k}}"
            steps += _moves(design, f"drain_{organ}", f"{organ}_i", f"node_{group}", rate)
        steps += _moves(design, f"pass_{group}", f"node_{group}", "plasma", f"empty_{group}")
    steps += [
        _step(
            f"hold_{state}", "lung_v", state, _arriving("lung_held", state),
            f"hold_{k} * open_lung_held",
        )
        for state, k in _states(design)
    ]  # fmt: skip
    steps += _moves(design, "release", "lung_held", "lung_v", "release")
    if design.route.is_depot:
        nodes = f"node_{design.route.nodes}"
        steps += _moves(design, "depot_lymph", "depot", nodes, "depot_lymph_{k}")
        steps += _moves(design, "depot_blood", "depot", "plasma", "depot_blood_{k}")
    return steps


def _uptake(design: Design) -> list[Reaction]:
    steps: list[Reaction] = []
    states = _states(design)
    for one in design.populations:
        opened = f" * open_{one.key}" if one.saturable else ""
        steps += [
            _step(
                f"take_{one.key}_{state}",
                one.place,
                state,
                f"n_{one.key}" + (f" + l_{one.key}" if state[0] == "a" else ""),
                f"take_{one.key}_{k}{opened}",
            )
            for state, k in states
        ]
        steps.append(
            reaction(f"digest_{one.key}", f"n_{one.key} -> digested", constant="digestion")
        )
    inside = "n_endothelium_lung"
    for state, _ in states:
        label = " + l_endothelium_lung" if state[0] == "a" else ""
        steps.append(_step(f"enter_{state}", "lung_held", state, f"{inside}{label}", "entry"))
    for place in design.places:
        for state, _ in states:
            right = "lysed + free" if state[0] == "a" else "lysed"
            steps.append(_step(f"lyse_{place}_{state}", place, state, right, "lysis"))
    if design.route.swallowed:
        for state, _ in states:
            right = "swallowed + faeces" if state[0] == "a" else "swallowed"
            steps.append(_step(f"mucus_{state}", "depot", state, right, "mucus"))
    return steps


def _label(design: Design) -> list[Reaction]:
    steps = [
        reaction(f"leak_{place}_{k}", f"{place}_a{k} -> {place}_b{k} + free", constant="leak")
        for place in design.places
        for k in range(design.classes)
    ]
    steps += [
        reaction(f"lose_{one.key}", f"l_{one.key} -> free", constant="cell_loss")
        for one in design.populations
    ]
    if design.route.is_depot:
        steps.append(reaction("go_site", "impurity_site -> impurity", constant="leave_site"))
    return [
        *steps,
        reaction("go_free_urine", "free -> urine", constant="free_urine"),
        reaction("go_free_faeces", "free -> faeces", constant="free_faeces"),
        reaction("go_free_bone", "free -> bone_label", constant="free_bone"),
        reaction("go_impurity_liver", "impurity -> l_kupffer", constant="impurity_liver"),
        reaction("go_impurity_urine", "impurity -> urine", constant="impurity_urine"),
    ]


def _own() -> list[Reaction]:
    cleared = " + ".join(f"own_{p.key} * open_{p.key}" for p in SATURABLE)
    return [
        reaction("secrete", "-> own", constant="own_secretion"),
        reaction("clear_own", "own ->", rate=f"own * ({cleared} + own_rest)"),
    ]


def _cells(design: Design) -> list[Reaction]:
    """Return lodging, death and secretion of injected cells."""
    steps = [
        reaction(f"go_{place}", f"cells_lung -> cells_{place}", constant=f"leave_to_{place}")
        for place in LODGED
        if place != "lung"
    ]
    for place in LODGED:
        here = f"cells_{place}"
        steps.append(reaction(f"die_{place}", f"{here} -> cells_dead", constant="cell_death"))
        steps += [
            reaction(
                f"shed_{place}_{k}",
                f"{here} -> {here} + {_arriving(f'{place}_v', f'b{k}')} + secreted",
                constant="secretion",
            )
            for k in range(design.classes)
        ]
    return steps


def _giving(design: Design) -> list[Reaction]:
    if not design.infusion_h:
        return []

    def steady(name: str, right: str, dose: str) -> Reaction:
        rate = f"({dose} / infusion_h) if time < infusion_h else 0"
        return reaction(f"give_{name}", f"-> {right}", rate=rate)

    return [
        *(
            steady(f"a{k}", _arriving("plasma", f"a{k}"), f"dose_{k}")
            for k in range(design.classes)
        ),
        steady("impurity", "impurity", "dose_impurity"),
    ]


def _events(design: Design) -> tuple[Event, ...]:
    place = "depot" if design.route.is_depot else "plasma"
    given = [(f"{place}_a{k}", f"{place}_a{k} + dose_{k}") for k in range(design.classes)]
    if place in CROWDED:
        given.append((_near(place), f"{_near(place)} + {_whole_dose(design)}"))
    given.append((_impurity(design), f"{_impurity(design)} + dose_impurity"))
    return tuple(
        Event(f"dose_{n}", f"time >= {t!r}", tuple(given))
        for n, t in enumerate(design.repeats_h, 2)
    )


def values_of(
    design: Design,
    held: Physiology,
    sizes: SizeClasses,
    numbers: Mapping[str, float],
    *,
    dose: float,
    change: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return the parameters of one draw.

    Parameters
    ----------
    numbers : mapping of role to float
        Every role of `roles_of`.
    dose : float
        Particles of each dose; cells, where the dose is cells.
    change : mapping of str to float, optional
        Factors of an intervention: on a population's uptake (its key, or ``phagocytes``), on
        ``fenestrae`` (their exchange) or on ``lymph`` (all lymph flow).

    Raises
    ------
    InputError
        A change names what does not exist, or the dose is not above zero.
    """
    if not dose > 0.0 or not math.isfinite(dose):
        raise InputError(f"a dose of {dose:g}", where="dose", remedy="give particles above zero")
    changes = _changes(change or {})
    given = 0.0 if design.by_cells else dose
    values = {f"dose_{k}": given / design.classes for k in range(design.classes)}
    values["dose_impurity"] = given * numbers[f"body_share.label_impurity.{design.label.key}"]
    if design.by_cells:
        values |= _cell_values(design, numbers, dose)
    if design.infusion_h:
        values["infusion_h"] = design.infusion_h
    values |= _transport_values(design, held, sizes, numbers, changes)
    values |= _uptake_values(design, held, sizes, numbers, changes)
    values |= _label_values(design, numbers)
    values |= _own_values(held, numbers, changes)
    return values


CHANGES = ("phagocytes", "fenestrae", "lymph", *(one.key for one in POPULATIONS), "lung_held")


def _changes(change: Mapping[str, float]) -> dict[str, float]:
    unknown = sorted(change.keys() - set(CHANGES))
    if unknown:
        raise InputError(
            f"nothing called {unknown[0]!r} can be changed",
            where="intervention",
            remedy=f"choose from {', '.join(CHANGES)}",
        )
    wrong = [name for name, factor in change.items() if not 0.0 <= factor < math.inf]
    if wrong:
        raise InputError(
            f"{wrong[0]!r} is multiplied by a negative number or none",
            where="intervention",
            remedy="give factors of zero or more",
        )
    found = dict(change)
    for key in PHAGOCYTES:
        found[key] = change.get(key, 1.0) * change.get("phagocytes", 1.0)
    return found


def fenestrae_nm(species: str) -> float:
    """Return the mean diameter of the liver's fenestrae; of the rhesus that of man."""
    known = "human" if species == "rhesus" else species
    return constant(known, "liver", "sinusoid_fenestra_diameter")


def _transport_values(
    design: Design,
    held: Physiology,
    sizes: SizeClasses,
    numbers: Mapping[str, float],
    change: Mapping[str, float],
) -> dict[str, float]:
    factor = change.get("lymph", 1.0)
    lymph = {organ: factor * flow for organ, flow in held.lymph_ml_per_h.items()}
    lung = held.organs["lung"]
    inflow = held.cardiac_plasma_ml_per_h + lymph["lung"]
    values = {"to_lung": inflow / held.plasma_ml}
    spread = numbers["body_gsd.pore"]
    small = Pores(numbers["body_radius.small_pore"], spread)
    large = Pores(numbers["body_radius.large_pore"], spread)
    mesh = Pores(numbers["body_radius.interstitium"], numbers["body_gsd.interstitium"])
    let_go = 1.0 - numbers["body_share.lymph_reflection"]
    radii = [diameter / 2.0 for diameter in sizes.diameters_nm]
    opening = {
        "liver": fenestrae_nm(held.species) / 2.0,
        "spleen": numbers["body_radius.spleen_slit"],
    }
    through = {
        organ: Pores(radius, numbers["body_gsd.fenestra"]) for organ, radius in opening.items()
    }
    mobile = [passing(r, mesh) for r in radii]
    reference = numbers["body_radius.reference_protein"]
    portal = sum(held.organs[o].flow_plasma_ml_per_h - lymph[o] for o in PORTAL)
    for name, organ in held.organs.items():
        if name != "lung":
            values[f"in_{name}"] = organ.flow_plasma_ml_per_h / lung.plasma_ml
            out = organ.flow_plasma_ml_per_h - lymph[name] + (portal if name == "liver" else 0.0)
            values[f"out_{name}"] = out / organ.plasma_ml
        wall = anchored_wall(
            small, large, solute_nm=reference,
            published=1.0 - constant("all", name, "vascular_reflection_coefficient_IgG"),
            where=f"wall of {name}",
        )  # fmt: skip
        carried = numbers["body_clearance.transcytosis"] * organ.endosomal_ml
        for k, radius in enumerate(radii):
            crossing = wall.passing(radius) * lymph[name] + carried
            if name in FENESTRATED:
                total = organ.flow_plasma_ml_per_h + (portal if name == "liver" else 0.0)
                exchange = numbers["body_fold.fenestral_exchange"] * total
                exchange *= passing(radius, through[name]) * change.get("fenestrae", 1.0)
                crossing += exchange
                values[f"return_{name}_{k}"] = exchange / organ.interstitial_ml
            values[f"cross_{name}_{k}"] = crossing / organ.plasma_ml
            values[f"drain_{name}_{k}"] = let_go * mobile[k] * lymph[name] / organ.interstitial_ml
    total_lymph = math.fsum(lymph.values())
    for group, organs in NODES.items():
        share = math.fsum(lymph[o] for o in organs) / total_lymph if total_lymph else 0.0
        # Every node is as large as its flow, so each group empties at the same rate.
        values[f"empty_{group}"] = total_lymph / held.node_ml if share else 0.0
    for k in range(design.classes):
        values[f"hold_{k}"] = (
            numbers["body_clearance.lung_held"]
            * lung.total_ml * change.get("lung_held", 1.0)
            * numbers[f"body_fold.other.{design.kind.key}"]
            * _size_factor(radii[k], numbers)
            / lung.plasma_ml
        )  # fmt: skip
    values["room_lung_held"] = numbers["body_capacity.lung_held"] * lung.total_ml
    values["release"] = numbers["body_rate.lung_release"]
    values["entry"] = numbers["body_rate.lung_entry"]
    if design.route.is_depot:
        key = design.route.key
        wall_of_depot = [passing(r, large) for r in radii]
        for k in range(design.classes):
            values[f"depot_lymph_{k}"] = (
                factor * mobile[k] * numbers[f"body_rate.depot_lymph.{key}"]
            )
            values[f"depot_blood_{k}"] = wall_of_depot[k] * numbers[f"body_rate.depot_blood.{key}"]
        # What is as small as a protein passes mesh and wall freely.
        values["leave_site"] = (
            factor * numbers[f"body_rate.depot_lymph.{key}"]
            + numbers[f"body_rate.depot_blood.{key}"]
        )
        if design.route.swallowed:
            values["mucus"] = numbers[f"body_rate.depot_mucus.{key}"]
    return values


def _size_factor(radius_nm: float, numbers: Mapping[str, float]) -> float:
    """Return how much faster cells take a particle of this size than one of the reference size."""
    return float(
        (radius_nm / numbers["body_radius.uptake_reference"]) ** numbers["body_power.uptake_size"]
    )


def workers_of(held: Physiology, numbers: Inputs) -> dict[str, tuple[Any, float]]:
    """Return, for each population, its clearance in mL/h and the plasma or fluid that it clears.

    Clearances are numbers or arrays of draws, as ``numbers`` are.
    """
    organs = held.organs
    kupffer = numbers["uptake_share.liver.kupffer_cell"]
    sinusoid = numbers["body_clearance.liver_sinusoid"] * organs["liver"].total_ml
    blood = held.blood_cells_ml + math.fsum(o.blood_cells_ml for o in organs.values())
    found = {
        "kupffer": (kupffer * sinusoid, organs["liver"].plasma_ml),
        "scavenger": ((1.0 - kupffer) * sinusoid, organs["liver"].plasma_ml),
        "hepatocyte": (
            numbers["body_clearance.hepatocyte"] * organs["liver"].total_ml,
            organs["liver"].interstitial_ml,
        ),
        "red_pulp": (
            numbers["body_clearance.red_pulp"] * organs["spleen"].total_ml,
            organs["spleen"].plasma_ml,
        ),
        "marrow": (
            numbers["body_clearance.marrow"] * organs["bone"].total_ml,
            organs["bone"].plasma_ml,
        ),
        "blood_cells": (numbers["body_clearance.blood_cells"] * blood, held.plasma_ml),
    }
    for name, organ in organs.items():
        if name != "liver":
            wall = numbers["body_clearance.endothelium"] * organ.endosomal_ml
            found[f"endothelium_{name}"] = (wall, organ.plasma_ml)
            inside = numbers["body_clearance.tissue"] * organ.total_ml
            found[f"tissue_{name}"] = (inside, organ.interstitial_ml)
    lymph = held.lymph_ml_per_h
    total = math.fsum(lymph.values())
    for group, drained in NODES.items():
        volume = held.node_ml * math.fsum(lymph[o] for o in drained) / total
        found[f"node_{group}"] = (numbers["body_clearance.node"] * volume, volume)
    return found


def _rooms(held: Physiology, numbers: Mapping[str, float]) -> dict[str, float]:
    """Return how many particles each saturable population can hold beside the body's own."""
    organs = held.organs
    liver = numbers["body_capacity.liver"] * organs["liver"].total_ml
    kupffer = numbers["uptake_share.liver.kupffer_cell"]
    blood = held.blood_cells_ml + math.fsum(o.blood_cells_ml for o in organs.values())
    lymph = held.lymph_ml_per_h
    total = math.fsum(lymph.values())
    nodes = {
        f"node_{group}": numbers["body_capacity.node"]
        * held.node_ml
        * math.fsum(lymph[o] for o in drained)
        / total
        for group, drained in NODES.items()
    }
    return {
        "kupffer": kupffer * liver,
        "scavenger": (1.0 - kupffer) * liver,
        "red_pulp": numbers["body_capacity.red_pulp"] * organs["spleen"].total_ml,
        "marrow": numbers["body_capacity.marrow"] * organs["bone"].total_ml,
        "blood_cells": numbers["body_capacity.blood_cells"] * blood,
        **nodes,
    }


def _uptake_values(
    design: Design,
    held: Physiology,
    sizes: SizeClasses,
    numbers: Mapping[str, float],
    change: Mapping[str, float],
) -> dict[str, float]:
    workers, rooms = workers_of(held, numbers), _rooms(held, numbers)
    factors = [_size_factor(d / 2.0, numbers) for d in sizes.diameters_nm]
    values: dict[str, float] = {}
    for one in POPULATIONS:
        clearance, volume = workers[one.key]
        fold = numbers[f"body_fold.{one.sort}.{design.kind.key}"] * change.get(one.key, 1.0)
        for k, factor in enumerate(factors):
            values[f"take_{one.key}_{k}"] = clearance * fold * factor / volume
        if one.saturable:
            values[f"room_{one.key}"] = rooms[one.key]
            values[f"half_{one.key}"] = 1.0 / (numbers["body_level.half_rate"] * volume)
    if design.route.is_depot:
        taken = numbers[f"body_rate.depot_uptake.{design.route.key}"]
        for k in range(design.classes):
            values[f"take_depot_cells_{k}"] = taken
    values["digestion"] = numbers["body_rate.digestion"] * design.kind.is_degradable
    values["lysis"] = numbers["body_rate.lysis"] * numbers[f"body_fold.lysis.{design.kind.key}"]
    return values


def _cell_values(design: Design, numbers: Mapping[str, float], cells: float) -> dict[str, float]:
    """Return where cells start and go; what passes the lung lodges like what leaves it."""
    liver = numbers["body_share.msc_liver"]
    spleen = (1.0 - liver) * numbers["body_share.msc_spleen"]
    shares = {"liver": liver, "spleen": spleen, "other": 1.0 - liver - spleen}
    held = numbers["body_share.msc_first_pass"]
    leave = numbers["body_rate.msc_leave_lung"]
    return {
        "start_lung": held * cells,
        **{f"start_{place}": (1.0 - held) * share * cells for place, share in shares.items()},
        **{f"leave_to_{place}": leave * share for place, share in shares.items()},
        "cell_death": numbers["body_rate.msc_death"],
        "secretion": numbers["release_rate.msc"] / design.classes,
    }


def _label_values(design: Design, numbers: Mapping[str, float]) -> dict[str, float]:
    key = design.label.key
    return {
        "leak": numbers[f"body_rate.label_leak.{key}"],
        # A label leaves cells when what it sits on is taken apart; nothing takes a hard particle.
        "cell_loss": numbers[f"body_rate.label_cell_loss.{key}"] * design.kind.is_degradable,
        "free_urine": numbers[f"body_rate.label_urine.{key}"],
        "free_faeces": numbers[f"body_rate.label_faeces.{key}"],
        "free_bone": numbers[f"body_rate.label_bone.{key}"],
        "impurity_liver": numbers[f"body_rate.impurity_liver.{key}"],
        "impurity_urine": numbers[f"body_rate.impurity_urine.{key}"],
    }


def _own_values(
    held: Physiology, numbers: Mapping[str, float], change: Mapping[str, float]
) -> dict[str, float]:
    """Return secretion and clearance of the body's own vesicles, one well-mixed pool in plasma.

    They are cleared by the same cells as a vesicle of the reference size, within what flow
    brings there. Secretion is what keeps their measured level in an untouched body; so where an
    intervention slows clearance, their level starts at its new steady state.
    """
    workers = workers_of(held, numbers)
    plasma = held.plasma_ml + math.fsum(o.plasma_ml for o in held.organs.values())
    portal = sum(held.organs[o].flow_plasma_ml_per_h for o in PORTAL)
    flows = {
        "liver_v": held.organs["liver"].flow_plasma_ml_per_h + portal,
        "spleen_v": held.organs["spleen"].flow_plasma_ml_per_h,
        "bone_v": held.organs["bone"].flow_plasma_ml_per_h,
    }
    at_place = {
        place: math.fsum(workers[p.key][0] for p in SATURABLE if p.place == place)
        for place in flows
    }
    untouched = {
        p.key: workers[p.key][0] * flows[p.place] / (flows[p.place] + at_place[p.place]) / plasma
        for p in SATURABLE
        if p.place in flows
    }
    untouched["blood_cells"] = workers["blood_cells"][0] / plasma
    rest = math.fsum(c for key, (c, _) in workers.items() if key.startswith("endothelium")) / plasma
    rest += numbers["body_rate.lysis"]
    secretion = numbers["plasma_vesicles_per_ml"] * plasma * (math.fsum(untouched.values()) + rest)
    now = {p.key: untouched.get(p.key, 0.0) * change.get(p.key, 1.0) for p in SATURABLE}
    start = secretion / (math.fsum(now.values()) + rest)
    return {
        **{f"own_{key}": rate for key, rate in now.items()},
        "own_rest": rest,
        "own_secretion": secretion,
        "own_start": start,
        "own_level": numbers["plasma_vesicles_per_ml"] * plasma,
    }


def total(values: Mapping[str, float], names: Sequence[str]) -> float:
    """Return the sum of some species."""
    return math.fsum(values[name] for name in names)
