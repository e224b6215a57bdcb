"""Which cells end up with a vesicle: the linear body in closed form, for many draws at once.

Far from saturation every vesicle goes its own way, so the share that a population ever takes up is
a sum over circulations: what it takes on one of them, over what does not come back. Exact for the
linear limit of `particles` (tests), where walls pass vesicles by transcytosis and fenestrae only.
It stops holding where cells fill, and it knows no times.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from exosome.body.particles import FENESTRATED, fenestrae_nm, workers_of
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


def share_taken(cells: str, held: Physiology, inputs: Inputs, diameter_nm: Amount) -> Amount:
    """Return the share of an intravenous dose that cells of the liver ever take up.

    Parameters
    ----------
    cells : str
        One of `LIVER_CELLS`.
    inputs : mapping of role to array
        One entry for each draw.
    diameter_nm : array
        Outer diameter, one entry for each draw along the last axis; classes of size may lead.

    Raises
    ------
    InputError
        The cells are none of the liver's.
    """
    if cells not in LIVER_CELLS:
        raise InputError(
            f"{cells!r} are no cells of the liver",
            where="fate in the body",
            remedy=f"choose from {', '.join(LIVER_CELLS)}",
        )
    radius = diameter_nm / 2.0
    size = (radius / inputs["body_radius.uptake_reference"]) ** inputs["body_power.uptake_size"]
    clears = {key: value[0] * size for key, value in workers_of(held, inputs).items()}
    # One mesh for all organs: it is the costly part, and asks for nothing of an organ.
    mesh = passing_all(radius, inputs["body_radius.interstitium"], inputs["body_gsd.interstitium"])
    lymph = held.lymph_ml_per_h
    lets_by = {group: _node_lets_by(group, held, lymph, inputs, clears) for group in NODES}
    ways = {
        o: _organ(o, held, lymph, inputs, radius, mesh, clears, lets_by)
        for o in held.organs
        if o != "lung"
    }
    taken, comes_back = ways["liver"].taken[cells], ways["liver"].comes_back
    total = math.fsum(held.organs[o].flow_plasma_ml_per_h for o in ways)
    once = back = np.zeros_like(radius)
    for organ, way in ways.items():
        part = held.organs[organ].flow_plasma_ml_per_h / total
        to_liver = way.flows_on if organ in PORTAL else np.zeros_like(radius)
        if organ == "liver":
            once, back = once + part * taken, back + part * comes_back
        else:
            onward = 0.0 if organ in PORTAL else way.flows_on
            once = once + part * to_liver * taken
            back = back + part * (to_liver * comes_back + onward + way.lymph_back)
    through, lung_lymph, plasma = _lung(held, lymph, inputs, radius, mesh, clears, lets_by)
    return plasma * through * once / (1.0 - plasma * (through * back + lung_lymph))


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


class _Way:
    """What becomes of a vesicle that enters an organ: shares that add up to one with losses."""

    __slots__ = ("flows_on", "lymph_back", "taken")

    def __init__(self, flows_on: Amount, lymph_back: Amount, taken: dict[str, Amount]) -> None:
        self.flows_on, self.lymph_back, self.taken = flows_on, lymph_back, taken

    @property
    def comes_back(self) -> Amount:
        """Share that is in central plasma again."""
        return self.flows_on + self.lymph_back


def _organ(
    name: str,
    held: Physiology,
    lymph: Mapping[str, float],
    inputs: Inputs,
    radius: Amount,
    mesh: Amount,
    clears: Mapping[str, Amount],
    lets_by: Mapping[str, Amount],
) -> _Way:
    organ = held.organs[name]
    portal = sum(held.organs[o].flow_plasma_ml_per_h - lymph[o] for o in PORTAL)
    out = organ.flow_plasma_ml_per_h - lymph[name] + (portal if name == "liver" else 0.0)
    lysis = inputs["body_rate.lysis"]
    drain = (1.0 - inputs["body_share.lymph_reflection"]) * mesh * lymph[name]
    carried = inputs["body_clearance.transcytosis"] * organ.endosomal_ml
    returned = np.zeros_like(radius)
    if name in FENESTRATED:
        inflow = organ.flow_plasma_ml_per_h + (portal if name == "liver" else 0.0)
        opening = (
            fenestrae_nm(held.species) / 2.0 + 0.0 * radius
            if name == "liver"
            else inputs["body_radius.spleen_slit"]
        )
        open_share = passing_all(radius, opening, inputs["body_gsd.fenestra"])
        returned = inputs["body_fold.fenestral_exchange"] * inflow * open_share
    outside = clears["hepatocyte" if name == "liver" else f"tissue_{name}"]
    inside = {"liver": ("kupffer", "scavenger"), "spleen": ("red_pulp",), "bone": ("marrow",)}
    takers = [clears[key] for key in inside.get(name, ())]
    if name != "liver":
        takers.append(clears[f"endothelium_{name}"])
    # In interstitium: taken, lysed, drained or returned, in fluid cleared per hour.
    waiting = outside + lysis * organ.interstitial_ml + drain + returned
    crossing = carried + returned
    leaves = out + sum(takers) + lysis * organ.plasma_ml + crossing * (1.0 - returned / waiting)
    group = next(g for g, organs in NODES.items() if name in organs)
    lymph_back = crossing * drain / waiting / leaves * lets_by[group]
    taken: dict[str, Amount] = {}
    if name == "liver":
        taken = {
            "kupffer_cell": clears["kupffer"] / leaves,
            "lsec": clears["scavenger"] / leaves,
            "hepatocyte": crossing * outside / waiting / leaves,
        }
    return _Way(out / leaves, lymph_back, taken)


def _node_lets_by(
    group: str,
    held: Physiology,
    lymph: Mapping[str, float],
    inputs: Inputs,
    clears: Mapping[str, Amount],
) -> Amount:
    """Return the share of what enters nodes that they let by to blood."""
    flow = math.fsum(lymph[o] for o in NODES[group])
    volume = held.node_ml * flow / math.fsum(lymph.values())
    return flow / (flow + clears[f"node_{group}"] + inputs["body_rate.lysis"] * volume)


def _lung(
    held: Physiology,
    lymph: Mapping[str, float],
    inputs: Inputs,
    radius: Amount,
    mesh: Amount,
    clears: Mapping[str, Amount],
    lets_by: Mapping[str, Amount],
) -> tuple[Amount, Amount, Amount]:
    """Return shares that pass the lung, that come back by its lymph, and that reach it."""
    organ = held.organs["lung"]
    lysis = inputs["body_rate.lysis"]
    drain = (1.0 - inputs["body_share.lymph_reflection"]) * mesh * lymph["lung"]
    crossing = inputs["body_clearance.transcytosis"] * organ.endosomal_ml
    waiting = clears["tissue_lung"] + lysis * organ.interstitial_ml + drain
    size = (radius / inputs["body_radius.uptake_reference"]) ** inputs["body_power.uptake_size"]
    hold = inputs["body_clearance.lung_held"] * organ.total_ml * size
    release, entry = inputs["body_rate.lung_release"], inputs["body_rate.lung_entry"]
    kept = hold * (entry + lysis) / (entry + lysis + release)
    cardiac = held.cardiac_plasma_ml_per_h
    leaves = cardiac + clears["endothelium_lung"] + lysis * organ.plasma_ml + crossing + kept
    back = crossing * drain / waiting / leaves * lets_by["chest"]
    reaching = cardiac + lymph["lung"]
    lost = clears["blood_cells"] + lysis * held.plasma_ml
    return cardiac / leaves, back, reaching / (reaching + lost)
