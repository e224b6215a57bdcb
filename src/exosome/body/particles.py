"""Particles of any size in a body, as one reaction network.

Species are numbers of particles by place, size class and label; reactions are flows of first
order or saturable uptake. The network's structure does not depend on numbers: a draw of what is not
known is a set of values for its parameters (`values`), so one compiled model serves all draws.

Names. ``PLACE_aK`` are intact, labelled particles of size class K, ``PLACE_bK`` those that lost
their label (`design` names the other states); a place is ``plasma``, ``ORGAN_v`` (plasma in the
organ), ``ORGAN_i`` (interstitium), ``lung_held`` (held in lung vessels), ``node_GROUP``,
``tumour_v``, ``tumour_i`` or ``depot``. ``n_POPULATION`` are particles inside cells,
``l_POPULATION`` label inside cells. ``digested``, ``lysed`` and ``swallowed`` end the particles;
``free``, ``impurity``, ``urine``, ``faeces`` and ``bone_label`` hold the label that rides on none.
``near_PLACE`` counts the intact particles of a crowded place. ``own`` are the body's own vesicles,
one pool in plasma.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from exosome.body.aggregates import (
    AGGREGATE_ROLES,
    aggregate_species,
    aggregate_steps,
    aggregate_values,
    passing_diameter_nm,
)
from exosome.body.design import (
    CROWDED,
    FENESTRATED,
    LABEL_ENDS,
    PHAGOCYTES,
    POPULATIONS,
    SATURABLE,
    VESICLE_ENDS,
    Design,
    Population,
    arriving,
    moves,
    near,
    step,
)
from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.passage import Pores, anchored_wall, passing
from exosome.body.physiology import ORGANS, PORTAL, constant
from exosome.body.routes import NODES
from exosome.body.surface import (
    STIMULUS,
    b_cells,
    coating_rule,
    exchange,
    opsonised_share,
    roles_of_surface,
    surface_values,
    uptake_of_opsonised,
)
from exosome.body.tumour import TUMOUR_ROLES, tumour_steps, tumour_values, tumour_workers
from exosome.core.errors import InputError
from exosome.numerics.network import Event, Network, Parameter, Reaction, Species, reaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exosome.body.physiology import Physiology
    from exosome.body.sizes import Aggregates, SizeClasses


class Inputs(Protocol):
    """Numbers by role, or arrays of draws of them."""

    def __getitem__(self, role: str, /) -> Any:
        """Return one number, or its draws."""
        ...


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
_LOCAL = ("body_rate.depot_lymph.local", "body_rate.depot_blood.local")
"""How fast what is as small as a protein leaves a place that is not blood."""
LODGED = ("lung", "liver", "spleen", "other")
"""Where injected cells lodge, as ``cells_PLACE``; they end in ``cells_dead``."""


def roles_of(design: Design) -> tuple[str, ...]:
    """Return the roles of every number that a run needs."""
    depot = [
        f"body_rate.depot_{what}.{design.route.key}" for what in ("lymph", "blood", "uptake")
    ] * design.route.is_depot
    if design.route.swallowed:
        depot.append(f"body_rate.depot_mucus.{design.route.key}")
    if design.route.place:
        depot += _LOCAL
    label = design.label.key
    riding = (
        "body_rate.label_leak", "body_rate.label_cell_loss", "body_rate.label_urine",
        "body_rate.label_faeces", "body_rate.label_bone", "body_rate.impurity_liver",
        "body_rate.impurity_urine", "body_share.label_impurity",
    )  # fmt: skip
    cells = _CELLS * design.by_cells
    more = (*AGGREGATE_ROLES * design.aggregates, *TUMOUR_ROLES * design.tumour)
    if design.follows_surface:
        more += roles_of_surface(design.kind, antibodies=design.antibodies)
    carried = (f"{role}.{label}" for role in riding)
    return (*_NEEDED, *more, *cells, *design.kind.roles, *depot, *carried)


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
        *(exchange(design) if design.follows_surface else ()),
        *(aggregate_steps(design) if design.aggregates else ()),
        *(tumour_steps(design) if design.tumour else ()),
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
    if design.aggregates:
        species += aggregate_species(at_start=not design.infusion_h)
    if design.antibodies:
        cells, steps = b_cells()
        species += cells
        reactions += steps
    at_start = not design.infusion_h and design.route.starts == "plasma"
    species += [
        Species(near(place), _whole_dose(design) if place == "plasma" and at_start else 0.0)
        for place in CROWDED
    ]
    rules = [(f"open_{one.key}", _open(one)) for one in SATURABLE]
    rules.append(("open_lung_held", f"1 - {near('lung_held')} / room_lung_held"))
    if design.follows_surface:
        rules.append(("coating", coating_rule(design)))
    if design.antibodies:
        rules.append(("stimulus", STIMULUS))
    return Network(
        "particles in a body",
        tuple(species),
        tuple(reactions),
        tuple(Parameter(name, 1.0) for name in (*names, *(rule for rule, _ in rules))),
        events=_events(design),
        rules=tuple(rules),
    )


def _whole_dose(design: Design) -> str:
    return "(" + " + ".join(f"dose_{k}" for k in range(design.sizes)) + ")"


def _open(one: Population) -> str:
    """Return what is left of a population's rate: room that is free, over crowding of receptors."""
    crowd = near(one.place)
    return f"(1 - n_{one.key} / room_{one.key}) / (1 + {crowd} * half_{one.key})"


def _impurity(design: Design) -> str:
    """Return where the impurity of a dose starts."""
    return "impurity" if design.route.starts == "plasma" else "impurity_site"


def label_ends(design: Design) -> tuple[str, ...]:
    """Return the species of label that is on no vesicle and in no cell."""
    return LABEL_ENDS if design.route.starts == "plasma" else (*LABEL_ENDS, "impurity_site")


def _start(design: Design, species: str) -> str | float:
    place = design.route.starts
    stem, _, number = species.rpartition(f"_{design.given_as}")
    return f"dose_{number}" if stem == place and not design.infusion_h else 0.0


def _transport(design: Design) -> list[Reaction]:
    steps = moves(design, "to_lung", "plasma", "lung_v", "to_lung")
    for organ in ORGANS:
        if organ != "lung":
            steps += moves(design, f"in_{organ}", "lung_v", f"{organ}_v", f"in_{organ}")
            goes = "liver_v" if organ in PORTAL else "plasma"
            steps += moves(design, f"out_{organ}", f"{organ}_v", goes, f"out_{organ}")
        steps += moves(design, f"cross_{organ}", f"{organ}_v", f"{organ}_i", f"cross_{organ}_{{k}}")
        if organ in FENESTRATED:
            steps += moves(
                design, f"return_{organ}", f"{organ}_i", f"{organ}_v", f"return_{organ}_{{k}}"
            )
    for group, organs in NODES.items():
        for organ in organs:
            rate = f"drain_{organ}_{{k}}"
            steps += moves(design, f"drain_{organ}", f"{organ}_i", f"node_{group}", rate)
        steps += moves(design, f"pass_{group}", f"node_{group}", "plasma", f"empty_{group}")
    steps += [
        step(
            f"hold_{state}", "lung_v", state, arriving("lung_held", state),
            f"hold_{k} * open_lung_held",
        )
        for state, k in design.states
    ]  # fmt: skip
    steps += moves(design, "release", "lung_held", "lung_v", "release")
    if design.route.is_depot:
        nodes = f"node_{design.route.nodes}"
        steps += moves(design, "depot_lymph", "depot", nodes, "depot_lymph_{k}")
        steps += moves(design, "depot_blood", "depot", "plasma", "depot_blood_{k}")
    return steps


def _uptake(design: Design) -> list[Reaction]:
    steps: list[Reaction] = []
    states = design.states
    for one in design.populations:
        opened = f" * open_{one.key}" if one.saturable else ""
        for state, k in states:
            # Opsonins matter to phagocytes; a particle without any is a or b.
            is_bare = design.follows_surface and one.sort == "phagocyte" and state[0] in "ab"
            slower = " * bare_uptake" if is_bare else ""
            right = f"n_{one.key}" + f" + l_{one.key}" * (state[0] in design.labelled)
            steps.append(
                step(
                    f"take_{one.key}_{state}", one.place, state, right,
                    f"take_{one.key}_{k}{slower}{opened}",
                )
            )  # fmt: skip
        steps.append(
            reaction(f"digest_{one.key}", f"n_{one.key} -> digested", constant="digestion")
        )
    inside = "n_endothelium_lung"
    for state, _ in states:
        label = " + l_endothelium_lung" * (state[0] in design.labelled)
        steps.append(step(f"enter_{state}", "lung_held", state, f"{inside}{label}", "entry"))
    for place in design.places:
        for state, _ in states:
            right = "lysed" + " + free" * (state[0] in design.labelled)
            steps.append(step(f"lyse_{place}_{state}", place, state, right, "lysis"))
    if design.route.swallowed:
        for state, _ in states:
            right = "swallowed" + " + faeces" * (state[0] in design.labelled)
            steps.append(step(f"mucus_{state}", "depot", state, right, "mucus"))
    return steps


def _label(design: Design) -> list[Reaction]:
    steps = [
        reaction(
            f"leak_{place}_{bound}{k}",
            f"{place}_{bound}{k} -> {place}_{lost}{k} + free",
            constant="leak",
        )
        for place in design.places
        for bound, lost in zip(design.labelled, "bd", strict=False)
        for k in range(design.sizes)
    ]
    steps += [
        reaction(f"lose_{one.key}", f"l_{one.key} -> free", constant="cell_loss")
        for one in design.populations
    ]
    if design.route.starts != "plasma":
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
                f"{here} -> {here} + {arriving(f'{place}_v', f'b{k}')} + secreted",
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
            steady(
                f"{design.given_as}{k}", arriving("plasma", f"{design.given_as}{k}"), f"dose_{k}"
            )
            for k in range(design.sizes)
        ),
        *([steady("large", "large_plasma", "dose_large")] if design.aggregates else ()),
        steady("impurity", "impurity", "dose_impurity"),
    ]


def _events(design: Design) -> tuple[Event, ...]:
    place = design.route.starts
    stem = f"{place}_{design.given_as}"
    given = [(f"{stem}{k}", f"{stem}{k} + dose_{k}") for k in range(design.sizes)]
    if design.aggregates:
        given.append(("large_plasma", "large_plasma + dose_large"))
    if place in CROWDED:
        given.append((near(place), f"{near(place)} + {_whole_dose(design)}"))
    given.append((_impurity(design), f"{_impurity(design)} + dose_impurity"))
    return tuple(
        Event(f"give_dose_{n}", f"time >= {t!r}", tuple(given))
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
        ``fenestrae`` (their exchange), on ``lymph`` (all lymph flow); where the design has them, on
        ``opsonins``, ``antibodies``, ``lodging`` (of aggregates), ``tumour_pores`` and
        ``tumour_pressure``.

    Raises
    ------
    InputError
        A change names what does not exist, or the dose is not above zero.
    """
    if not dose > 0.0 or not math.isfinite(dose):
        raise InputError(f"a dose of {dose:g}", where="dose", remedy="give particles above zero")
    changes = _changes(design, change or {})
    given = 0.0 if design.by_cells else dose
    radii = [diameter / 2.0 for diameter in sizes.diameters_nm]
    values = {f"dose_{k}": given / design.classes for k in range(design.classes)}
    if design.aggregates:
        clumped = _aggregates_of(sizes)
        radii.append(passing_diameter_nm(clumped, numbers) / 2.0)
        values = aggregate_values(design, clumped, numbers, changes, given=given)
    values["dose_impurity"] = given * numbers[f"body_share.label_impurity.{design.label.key}"]
    if design.by_cells:
        values |= _cell_values(design, numbers, dose)
    if design.infusion_h:
        values["infusion_h"] = design.infusion_h
    values |= _transport_values(design, held, radii, numbers, changes)
    values |= _uptake_values(design, held, radii, numbers, changes)
    values |= _label_values(design, numbers)
    values |= _own_values(design, held, numbers, changes)
    if design.follows_surface:
        values |= surface_values(design, held, numbers, changes, dose=dose)
    return values


def _aggregates_of(sizes: SizeClasses) -> Aggregates:
    if sizes.aggregates is None:
        raise InputError(
            "the dose holds aggregates of no size",
            where="aggregates of the dose",
            remedy="give their share and diameter, or leave them out of the design",
        )
    return sizes.aggregates


CHANGES = ("phagocytes", "fenestrae", "lymph", *(one.key for one in POPULATIONS), "lung_held")


def changeable(design: Design) -> tuple[str, ...]:
    """Return what an intervention can change in a design."""
    found = [*CHANGES, *(one.key for one in design.populations if one not in POPULATIONS)]
    found += ["opsonins"] * design.follows_surface + ["antibodies"] * design.antibodies
    found += ["lodging"] * design.aggregates
    found += ["tumour_pores", "tumour_pressure"] * design.tumour
    return tuple(found)


def _changes(design: Design, change: Mapping[str, float]) -> dict[str, float]:
    known = changeable(design)
    unknown = sorted(change.keys() - set(known))
    if unknown:
        raise InputError(
            f"nothing called {unknown[0]!r} can be changed",
            where="intervention",
            remedy=f"choose from {', '.join(known)}",
        )
    wrong = [name for name, factor in change.items() if not 0.0 <= factor < math.inf]
    if wrong:
        raise InputError(
            f"{wrong[0]!r} is multiplied by a negative number or none",
            where="intervention",
            remedy="give factors of zero or more",
        )
    found = dict(change)
    for one in design.populations:
        if one.sort == "phagocyte":
            found[one.key] = change.get(one.key, 1.0) * change.get("phagocytes", 1.0)
    return found


def fenestrae_nm(species: str) -> float:
    """Return the mean diameter of the liver's fenestrae; of the rhesus that of man."""
    known = "human" if species == "rhesus" else species
    return constant(known, "liver", "sinusoid_fenestra_diameter")


def _transport_values(
    design: Design,
    held: Physiology,
    radii: Sequence[float],
    numbers: Mapping[str, float],
    change: Mapping[str, float],
) -> dict[str, float]:
    factor = change.get("lymph", 1.0)
    lymph = {organ: factor * flow for organ, flow in held.lymph_ml_per_h.items()}
    lung = held.organs["lung"]
    inflow = held.cardiac_plasma_ml_per_h + lymph["lung"]
    inflow += numbers["body_clearance.tumour_flow"] * held.tumour_ml if design.tumour else 0.0
    values = {"to_lung": inflow / held.plasma_ml}
    spread = numbers["body_gsd.pore"]
    small = Pores(numbers["body_radius.small_pore"], spread)
    large = Pores(numbers["body_radius.large_pore"], spread)
    mesh = Pores(numbers["body_radius.interstitium"], numbers["body_gsd.interstitium"])
    let_go = 1.0 - numbers["body_share.lymph_reflection"]
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
    if design.tumour:
        values |= tumour_values(
            held.tumour_ml, lung.plasma_ml, radii, [let_go * share for share in mobile],
            numbers, change,
        )  # fmt: skip
    total_lymph = math.fsum(lymph.values())
    for group, organs in NODES.items():
        share = math.fsum(lymph[o] for o in organs) / total_lymph if total_lymph else 0.0
        # Every node is as large as its flow, so each group empties at the same rate.
        values[f"empty_{group}"] = total_lymph / held.node_ml if share else 0.0
    for k in range(design.sizes):
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
        values |= _depot_values(design, large, radii, mobile, numbers, factor)
    elif design.route.place:
        by_lymph, by_blood = (numbers[role] for role in _LOCAL)
        values["leave_site"] = factor * by_lymph + by_blood
    return values


def _depot_values(
    design: Design,
    large: Pores,
    radii: Sequence[float],
    mobile: Sequence[float],
    numbers: Mapping[str, float],
    lymph: float,
) -> dict[str, float]:
    """Return how a depot empties; ``lymph`` is the factor on its flow."""
    key = design.route.key
    by_lymph, by_blood = (numbers[f"body_rate.depot_{way}.{key}"] for way in ("lymph", "blood"))
    # What is as small as a protein passes mesh and wall freely.
    values = {"leave_site": lymph * by_lymph + by_blood}
    for k, radius in enumerate(radii):
        values[f"depot_lymph_{k}"] = lymph * mobile[k] * by_lymph
        values[f"depot_blood_{k}"] = passing(radius, large) * by_blood
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
    radii: Sequence[float],
    numbers: Mapping[str, float],
    change: Mapping[str, float],
) -> dict[str, float]:
    workers, rooms = workers_of(held, numbers), _rooms(held, numbers)
    if design.tumour:
        workers |= tumour_workers(held.tumour_ml, numbers)
    factors = [_size_factor(radius, numbers) for radius in radii]
    opsonised = 1.0
    values: dict[str, float] = {}
    if design.follows_surface:
        opsonised, values["bare_uptake"] = uptake_of_opsonised(design, numbers)
    for one in design.populations:
        if one.key not in workers:
            continue
        clearance, volume = workers[one.key]
        fold = numbers[f"body_fold.{one.sort}.{design.kind.key}"] * change.get(one.key, 1.0)
        if one.sort == "phagocyte":
            fold *= opsonised
        for k, factor in enumerate(factors):
            values[f"take_{one.key}_{k}"] = clearance * fold * factor / volume
        if one.saturable:
            values[f"room_{one.key}"] = rooms[one.key]
            values[f"half_{one.key}"] = 1.0 / (numbers["body_level.half_rate"] * volume)
    if design.route.is_depot:
        taken = numbers[f"body_rate.depot_uptake.{design.route.key}"]
        for k in range(design.sizes):
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
    design: Design, held: Physiology, numbers: Mapping[str, float], change: Mapping[str, float]
) -> dict[str, float]:
    """Return secretion and clearance of the body's own vesicles, one well-mixed pool in plasma.

    They are cleared by the same cells as a vesicle of the reference size, within what flow
    brings there. Secretion is what keeps their measured level in an untouched body; so where an
    intervention slows clearance, their level starts at its new steady state. Their surface is at
    equilibrium with the opsonins that there are.
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
    if design.follows_surface:
        fewer = _with_fewer_opsonins(design, numbers, change)
        now |= {key: fewer * now[key] for key in PHAGOCYTES if key in now}
    start = secretion / (math.fsum(now.values()) + rest)
    return {
        **{f"own_{key}": rate for key, rate in now.items()},
        "own_rest": rest,
        "own_secretion": secretion,
        "own_start": start,
        "own_level": numbers["plasma_vesicles_per_ml"] * plasma,
    }


def _with_fewer_opsonins(
    design: Design, numbers: Mapping[str, float], change: Mapping[str, float]
) -> float:
    """Return uptake of the mixture at changed opsonins over that at their usual level."""
    over, bare = uptake_of_opsonised(design, numbers)
    binding = numbers[f"body_rate.opsonise.{design.kind.key}"] * change.get("opsonins", 1.0)
    share = opsonised_share(binding, numbers["body_rate.opsonin_loss"])
    return over * (share + (1.0 - share) * bare)


def total(values: Mapping[str, float], names: Sequence[str]) -> float:
    """Return the sum of some species."""
    return math.fsum(values[name] for name in names)
