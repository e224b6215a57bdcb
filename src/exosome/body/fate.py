"""Which cells end up with a particle: the linear body in closed form, for many draws at once.

Far from saturation every particle goes its own way, so the share that a population ever takes up is
a sum over circulations: what it takes on one of them, over what does not come back. Exact for the
linear limit of `particles` (tests), where walls pass particles by transcytosis and fenestrae only,
with opsonins at equilibrium and without aggregates or a tumour. It stops holding where cells fill,
and it knows no times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.body.design import FENESTRATED, POPULATIONS
from exosome.body.particles import fenestrae_nm, workers_of
from exosome.body.passage import passing_all
from exosome.body.physiology import PORTAL
from exosome.body.routes import NODES
from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.body.physiology import Physiology
    from exosome.core.inputs import Inputs

    Amount = NDArray[np.float64]

LIVER_CELLS = {"kupffer_cell": "kupffer", "lsec": "scavenger", "hepatocyte": "hepatocyte"}
"""Target cells of the liver, and the populations that they are."""


def share_taken(
    population: str, held: Physiology, inputs: Inputs, diameter_nm: Amount, *, kind: str = "vesicle"
) -> Amount:
    """Return the share of an intravenous dose that one population of cells ever takes up.

    Parameters
    ----------
    population : str
        Key of one of `design.POPULATIONS`.
    inputs : mapping of role to array
        One entry for each draw, the factors of the kind among them.
    diameter_nm : array
        Outer diameter, one entry for each draw along the last axis; classes of size may lead.
    kind : str
        Key of the kind of particle.

    Raises
    ------
    InputError
        There is no such population.
    """
    known = [one.key for one in POPULATIONS]
    if population not in known:
        raise InputError(
            f"{population!r} are no cells of the body",
            where="fate in the body",
            remedy=f"choose from {', '.join(known)}",
        )
    return _circulating(population, _Law.of(held, inputs, diameter_nm, kind))


def leaves_depot(route: str, inputs: Inputs, diameter_nm: Amount) -> Amount:
    """Return the rate at which vesicles leave a depot by lymph and by blood, per hour.

    What fits through the mesh of the interstitium goes with the lymph, what fits through large
    pores into blood, as in `particles`.

    Parameters
    ----------
    route : str
        Key of a way into the body that has a depot, such as ``"ia"``.
    diameter_nm : array
        Draws along the last axis.
    """
    radius = diameter_nm / 2.0
    mesh, pores = (
        passing_all(radius, inputs[f"body_radius.{one}"], inputs[f"body_gsd.{law}"])
        for one, law in (("interstitium", "interstitium"), ("large_pore", "pore"))
    )
    by_lymph, by_blood = (inputs[f"body_rate.depot_{one}.{route}"] for one in ("lymph", "blood"))
    return mesh * by_lymph + pores * by_blood


@dataclass(frozen=True, slots=True)
class _Law:
    """What every organ needs of a particle: clearances (mL/h), lysis and holding, openings.

    ``nodes`` holds, for each group, the shares of what enters it that it lets by and that it takes.
    """

    held: Physiology
    lymph: Mapping[str, float]
    inputs: Inputs
    radius: Amount
    mesh: Amount
    clears: Mapping[str, Amount]
    lysis: Amount
    hold: Amount
    nodes: Mapping[str, tuple[Amount, Amount]]

    @classmethod
    def of(cls, held: Physiology, inputs: Inputs, diameter_nm: Amount, kind: str) -> _Law:
        radius = diameter_nm / 2.0
        reference = inputs["body_radius.uptake_reference"]
        size = (radius / reference) ** inputs["body_power.uptake_size"]
        workers = workers_of(held, inputs)
        clears = {
            one.key: workers[one.key][0] * size * inputs[f"body_fold.{one.sort}.{kind}"]
            for one in POPULATIONS
        }
        hold = inputs["body_clearance.lung_held"] * held.organs["lung"].total_ml * size
        # One mesh for all organs: it is the costly part, and asks for nothing of an organ.
        mesh = inputs["body_radius.interstitium"], inputs["body_gsd.interstitium"]
        lysis = inputs["body_rate.lysis"] * inputs[f"body_fold.lysis.{kind}"]
        lymph = held.lymph_ml_per_h
        nodes: dict[str, tuple[Amount, Amount]] = {}
        for group, drained in NODES.items():
            flow = math.fsum(lymph[o] for o in drained)
            taken = clears[f"node_{group}"]
            every = flow + taken + lysis * held.node_ml * flow / math.fsum(lymph.values())
            nodes[group] = flow / every, taken / every
        return cls(
            held, lymph, inputs, radius, passing_all(radius, *mesh), clears, lysis,
            hold * inputs[f"body_fold.other.{kind}"], nodes,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Way:
    """What becomes of a particle that enters an organ: shares that add up to one with losses."""

    flows_on: Amount
    drained: Amount
    group: str
    taken: Mapping[str, Amount]

    def once(self, population: str, law: _Law) -> Amount:
        """Return the share that a population takes on this passage, nodes of the organ included."""
        here = self.taken.get(population)
        if here is not None:
            return here
        if population == f"node_{self.group}":
            return self.drained * law.nodes[self.group][1]
        return np.zeros_like(self.flows_on)

    def comes_back(self, law: _Law) -> Amount:
        """Return the share that is in central plasma again."""
        return self.flows_on + self.drained * law.nodes[self.group][0]


def _circulating(population: str, law: _Law) -> Amount:
    held = law.held
    ways = {o: _organ(o, law) for o in held.organs if o != "lung"}
    liver = ways["liver"]
    total = math.fsum(held.organs[o].flow_plasma_ml_per_h for o in ways)
    none = np.zeros_like(law.radius)
    once = back = none
    for organ, way in ways.items():
        part = held.organs[organ].flow_plasma_ml_per_h / total
        takes, returns = way.once(population, law), way.comes_back(law)
        if organ in PORTAL:
            # What flows on goes through the liver; what lymph carries does not.
            takes = takes + way.flows_on * liver.once(population, law)
            returns = returns - way.flows_on + way.flows_on * liver.comes_back(law)
        once, back = once + part * takes, back + part * returns
    lung = _lung(law)
    reaching = held.cardiac_plasma_ml_per_h + law.lymph["lung"]
    lost = law.clears["blood_cells"] + law.lysis * held.plasma_ml
    plasma = reaching / (reaching + lost)
    by_blood = (
        law.clears["blood_cells"] / (reaching + lost) if population == "blood_cells" else none
    )
    in_lung = lung.once(population, law)
    by_lymph = lung.drained * law.nodes[lung.group][0]
    cycle = plasma * (lung.flows_on * back + by_lymph)
    return (by_blood + plasma * (in_lung + lung.flows_on * once)) / (1.0 - cycle)


def _organ(name: str, law: _Law) -> _Way:
    held, inputs = law.held, law.inputs
    organ, lymph = held.organs[name], law.lymph
    portal = sum(held.organs[o].flow_plasma_ml_per_h - lymph[o] for o in PORTAL)
    out = organ.flow_plasma_ml_per_h - lymph[name] + (portal if name == "liver" else 0.0)
    returned = np.zeros_like(law.radius)
    if name in FENESTRATED:
        inflow = organ.flow_plasma_ml_per_h + (portal if name == "liver" else 0.0)
        opening = (
            fenestrae_nm(held.species) / 2.0 + 0.0 * law.radius
            if name == "liver"
            else inputs["body_radius.spleen_slit"]
        )
        open_share = passing_all(law.radius, opening, inputs["body_gsd.fenestra"])
        returned = inputs["body_fold.fenestral_exchange"] * inflow * open_share
    vessels = {"liver": ("kupffer", "scavenger"), "spleen": ("red_pulp",), "bone": ("marrow",)}
    within = (*vessels.get(name, ()), *(() if name == "liver" else (f"endothelium_{name}",)))
    return _passage(name, law, out=out, within=within, returned=returned)


def _passage(
    name: str, law: _Law, *, out: Amount | float, within: tuple[str, ...], returned: Amount
) -> _Way:
    """Return the ways out of an organ's plasma, in fluid cleared for each hour."""
    held, inputs = law.held, law.inputs
    organ = held.organs[name]
    outside = "hepatocyte" if name == "liver" else f"tissue_{name}"
    let_go = 1.0 - inputs["body_share.lymph_reflection"]
    drain = let_go * law.mesh * law.lymph[name]
    crossing = inputs["body_clearance.transcytosis"] * organ.endosomal_ml + returned
    waiting = law.clears[outside] + law.lysis * organ.interstitial_ml + drain + returned
    takers = {key: law.clears[key] for key in within}
    lost = law.lysis * organ.plasma_ml
    if name == "lung":
        # What is held is released, enters endothelium or is lysed.
        entry = inputs["body_rate.lung_entry"]
        held_for = law.hold / (entry + law.lysis + inputs["body_rate.lung_release"])
        takers["endothelium_lung"] = takers["endothelium_lung"] + held_for * entry
        lost = lost + held_for * law.lysis
    leaves = out + sum(takers.values()) + lost
    leaves = leaves + crossing * (1.0 - returned / waiting)
    taken = {key: clears / leaves for key, clears in takers.items()}
    taken[outside] = crossing * law.clears[outside] / waiting / leaves
    group = next(g for g, organs in NODES.items() if name in organs)
    return _Way(out / leaves, crossing * drain / waiting / leaves, group, taken)


def _lung(law: _Law) -> _Way:
    """Return the ways of what passes the lung, where some is held for a while."""
    return _passage(
        "lung", law, out=law.held.cardiac_plasma_ml_per_h, within=("endothelium_lung",),
        returned=np.zeros_like(law.radius),
    )  # fmt: skip
