"""A protein in the body: the published whole-body model of antibodies, for proteins of any size.

Fifteen organs, each with plasma, endothelial endosome (free, bound to FcRn) and
interstitium; lymph takes what passes the wall back to plasma through the nodes. The wall is
anchored at the published reflection coefficients of IgG and predicts other sizes (`passage`).

Two quirks of the source are kept since its parameters were fitted with them. Pinocytosis takes the
same clearance in *every* organ, the product of ``uptake_per_h`` and the endosomal volume of the
*whole* body: read per organ, as printed, it would be 15 times less. And nodes empty 9.1 times
faster than the heart pumps, which only means that they hold nothing back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.body.passage import Pores, anchored_wall, passing
from exosome.body.physiology import ORGANS, PORTAL, constant
from exosome.core.errors import InputError
from exosome.numerics.network import Network, Parameter, Reaction, Species, reaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exosome.body.physiology import Physiology

ENDINGS = ("degraded", "urine")


@dataclass(frozen=True, slots=True)
class Protein:
    """A protein as the body sees it.

    Parameters
    ----------
    name : str
        For messages.
    radius_nm : float
        Hydrodynamic radius.
    on_per_nm_h, off_per_h : float
        Binding to FcRn in the endosome; ``on`` zero for proteins that it does not bind.
    """

    name: str
    radius_nm: float
    on_per_nm_h: float
    off_per_h: float

    def __post_init__(self) -> None:
        if not self.radius_nm > 0.0 or self.on_per_nm_h < 0.0 or self.off_per_h < 0.0:
            raise InputError(
                f"a protein of radius {self.radius_nm:g} nm that binds at "
                f"{self.on_per_nm_h:g} and {self.off_per_h:g}",
                where=f"protein {self.name!r}",
                remedy="give a radius above zero and rates of zero or more",
            )


@dataclass(frozen=True, slots=True)
class Handling:
    """How endothelium and wall handle every protein; per hour, nM and nm.

    Parameters
    ----------
    fcrn_nm : float
        FcRn in the endosomal space; 0 for an animal without it.
    uptake_per_h : float
        Pinocytosis over endosomal volume, of the whole body, taken by every organ.
    degradation_per_h : float
        Of free protein in the endosome.
    recycled_to_plasma : float
        Share of bound protein that returns to plasma; the rest goes to the interstitium.
    lymph_reflection : float
        Reflection on the way from interstitium to lymph.
    node_emptying : float
        Lymph flow out of nodes over plasma flow of the lung.
    reference_radius_nm : float
        Radius of the protein whose reflection coefficients are published.
    small, large : Pores
        Openings of continuous and fenestrated walls.
    glomerulus : Pores
        Openings of the filter of the kidney.
    filtered_share : float
        Filtrate over plasma flow of the kidney.
    """

    fcrn_nm: float
    uptake_per_h: float
    degradation_per_h: float
    recycled_to_plasma: float
    lymph_reflection: float
    node_emptying: float
    reference_radius_nm: float
    small: Pores
    large: Pores
    glomerulus: Pores
    filtered_share: float


def wall_passage(handling: Handling, radius_nm: float) -> dict[str, float]:
    """Return, for each organ, the share of a protein of one radius that lymph flow carries over."""
    return {
        organ: anchored_wall(
            handling.small,
            handling.large,
            solute_nm=handling.reference_radius_nm,
            published=1.0 - constant("all", organ, "vascular_reflection_coefficient_IgG"),
            where=f"wall of {organ}",
        ).passing(radius_nm)
        for organ in ORGANS
    }


def protein_network(
    held: Physiology, protein: Protein, handling: Handling, *, dose_nmol: float
) -> Network:
    """Return the body after an intravenous bolus, in nmol and hours.

    Species: ``plasma``, ``node``; for each organ ``ORGAN_v`` (plasma), ``ORGAN_i`` (interstitium),
    ``ORGAN_e`` and ``ORGAN_b`` (endosome, free and bound), ``ORGAN_f`` (free FcRn); the ends
    ``degraded`` and ``urine``. Everything but FcRn sums to the dose.
    """
    rates = _rates(held, protein, handling)
    species = [Species("plasma", dose_nmol), Species("node")]
    steps: list[Reaction] = []

    def flow(name: str, equation: str, rate: float) -> None:
        rates[f"k_{name}"] = rate
        steps.append(reaction(name, equation, constant=f"k_{name}"))

    lymph = held.lymph_ml_per_h
    lung = held.organs["lung"]
    cardiac = held.cardiac_plasma_ml_per_h
    flow("to_lung", "plasma -> lung_v", (cardiac + lymph["lung"]) / held.plasma_ml)
    for name, organ in held.organs.items():
        species += [Species(f"{name}_{part}") for part in "vieb"]
        species.append(Species(f"{name}_f", handling.fcrn_nm * organ.endosomal_ml / 1000.0))
        if name != "lung":
            inflow = organ.flow_plasma_ml_per_h / lung.plasma_ml
            flow(f"in_{name}", f"lung_v -> {name}_v", inflow)
            goes = "liver_v" if name in PORTAL else "plasma"
            out = organ.flow_plasma_ml_per_h - lymph[name]
            if name == "liver":
                out += sum(held.organs[o].flow_plasma_ml_per_h - lymph[o] for o in PORTAL)
            flow(f"out_{name}", f"{name}_v -> {goes}", out / organ.plasma_ml)
        steps += _endothelium(name)
    species += [Species(end) for end in ENDINGS]
    steps.append(reaction("drain", "node -> plasma", constant="k_drain"))
    steps.append(reaction("filter", "kidney_v -> urine", constant="k_filter"))
    return Network(
        f"{protein.name} in the {held.species}",
        tuple(species),
        tuple(steps),
        tuple(Parameter(name, value) for name, value in rates.items()),
    )


def _endothelium(name: str) -> list[Reaction]:
    """Return the steps across one organ's wall, by lymph flow and through the endosome."""
    v, i, e, b, f = (f"{name}_{part}" for part in "viebf")
    return [
        reaction(f"cross_{name}", f"{v} -> {i}", constant=f"cross_{name}"),
        reaction(f"leave_{name}", f"{i} -> node", constant=f"leave_{name}"),
        reaction(f"drink_v_{name}", f"{v} -> {e}", constant=f"drink_v_{name}"),
        reaction(f"drink_i_{name}", f"{i} -> {e}", constant=f"drink_i_{name}"),
        reaction(f"bind_{name}", f"{e} + {f} -> {b}", constant=f"bind_{name}"),
        reaction(f"free_{name}", f"{b} -> {e} + {f}", constant="k_off"),
        reaction(f"back_v_{name}", f"{b} -> {v} + {f}", constant=f"back_v_{name}"),
        reaction(f"back_i_{name}", f"{b} -> {i} + {f}", constant=f"back_i_{name}"),
        reaction(f"digest_{name}", f"{e} -> degraded", constant="k_degradation"),
    ]


def _rates(held: Physiology, protein: Protein, handling: Handling) -> dict[str, float]:
    passage = wall_passage(handling, protein.radius_nm)
    lymph = held.lymph_ml_per_h
    drink = handling.uptake_per_h * math.fsum(o.endosomal_ml for o in held.organs.values())
    kidney = held.organs["kidney"]
    filtered = handling.filtered_share * kidney.flow_plasma_ml_per_h
    rates = {
        "k_off": protein.off_per_h,
        "k_degradation": handling.degradation_per_h,
        "k_drain": handling.node_emptying * held.cardiac_plasma_ml_per_h / held.node_ml,
        "k_filter": filtered * passing(protein.radius_nm, handling.glomerulus) / kidney.plasma_ml,
    }
    for name, organ in held.organs.items():
        rates[f"cross_{name}"] = passage[name] * lymph[name] / organ.plasma_ml
        rates[f"leave_{name}"] = (
            (1.0 - handling.lymph_reflection) * lymph[name] / organ.interstitial_ml
        )
        rates[f"drink_v_{name}"] = drink / organ.plasma_ml
        rates[f"drink_i_{name}"] = drink / organ.interstitial_ml
        # nM per nmol: the endosome's volume in litres
        rates[f"bind_{name}"] = protein.on_per_nm_h / (organ.endosomal_ml / 1000.0)
        rates[f"back_v_{name}"] = handling.recycled_to_plasma * drink / organ.endosomal_ml
        rates[f"back_i_{name}"] = (1.0 - handling.recycled_to_plasma) * drink / organ.endosomal_ml
    return rates


def tissue_nm(
    values: Mapping[str, float], held: Physiology, organs: tuple[str, ...], *, residual_blood: float
) -> float:
    """Return what an assay of dissected organs finds, in nmol per litre of organ.

    ``residual_blood`` is the share of the organ's blood that was left in it: 1 for an organ
    weighed as it is, 0 for one perfused, or for values corrected for blood. Blood that was left
    counts in amount and in volume.
    """
    amount = volume = 0.0
    for name in organs:
        organ = held.organs[name]
        tissue = sum(values[f"{name}_{part}"] for part in "ieb")
        amount += tissue + residual_blood * values[f"{name}_v"]
        blood = organ.plasma_ml + organ.blood_cells_ml
        volume += organ.total_ml - (1.0 - residual_blood) * blood
    return 1000.0 * amount / volume
