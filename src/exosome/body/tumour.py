"""A tumour: leaky vessels, pressure from inside, hardly any lymph.

Blood comes from the arteries beside all other organs, and cardiac output grows by it. A particle
crosses the wall both ways by diffusion through wide pores, whose permeability was measured at one
size and scales as ``H(r) / r`` (Stokes-Einstein and the hindrance of the pores); with filtered
fluid, of which pressure inside stops most; and it leaves with that fluid at the rim. Inside,
macrophages and tumour cells take it up. One well-stirred space: rim and core, dead parts and the
change with growth are left out, and no ligand draws anything in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exosome.body.design import moves
from exosome.body.passage import Pores, diffusing, passing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exosome.body.design import Design
    from exosome.numerics.network import Reaction

TUMOUR_ROLES = (
    "body_clearance.tumour_flow", "body_clearance.tumour_filtration",
    "body_clearance.tumour_permeability", "body_clearance.tumour_phagocyte",
    "body_share.tumour_plasma", "body_share.tumour_interstitium",
    "body_share.tumour_counterpressure", "body_share.tumour_wide_flow",
    "body_radius.tumour_pore", "body_gsd.tumour_pore", "body_radius.tumour_reference",
)  # fmt: skip


def tumour_steps(design: Design) -> list[Reaction]:
    """Return the ways of intact particles through a tumour."""
    steps = moves(design, "in_tumour", "lung_v", "tumour_v", "in_tumour")
    steps += moves(design, "out_tumour", "tumour_v", "plasma", "out_tumour")
    steps += moves(design, "cross_tumour", "tumour_v", "tumour_i", "cross_tumour_{k}")
    steps += moves(design, "return_tumour", "tumour_i", "tumour_v", "return_tumour_{k}")
    steps += moves(design, "drain_tumour", "tumour_i", "node_limb", "drain_tumour_{k}")
    return steps


def permeability(radius_nm: float, numbers: Mapping[str, float]) -> float:
    """Return permeability times surface for each mL of tumour, mL/h/mL, at a radius."""
    pores = Pores(numbers["body_radius.tumour_pore"], numbers["body_gsd.tumour_pore"])
    reference = numbers["body_radius.tumour_reference"]
    known = diffusing(reference, pores) / reference
    scale = diffusing(radius_nm, pores) / radius_nm / known if known > 0.0 else 0.0
    return numbers["body_clearance.tumour_permeability"] * scale


def tumour_values(
    tumour_ml: float,
    lung_plasma_ml: float,
    radii_nm: Sequence[float],
    mobile: Sequence[float],
    numbers: Mapping[str, float],
    change: Mapping[str, float],
) -> dict[str, float]:
    """Return the parameters of `tumour_steps`.

    Parameters
    ----------
    mobile : sequence of float
        Share of each size that the interstitium's mesh lets follow the fluid.
    change : mapping of str to float
        Factors on ``tumour_pores`` (all that crosses them) and ``tumour_pressure`` (inside).
    """
    flow = numbers["body_clearance.tumour_flow"] * tumour_ml
    plasma = numbers["body_share.tumour_plasma"] * tumour_ml
    inside = numbers["body_share.tumour_interstitium"] * tumour_ml
    against = numbers["body_share.tumour_counterpressure"] * change.get("tumour_pressure", 1.0)
    fluid = numbers["body_clearance.tumour_filtration"] * tumour_ml * max(0.0, 1.0 - against)
    fluid = min(fluid, 0.5 * flow)  # a vessel keeps blood that flows
    pores = Pores(numbers["body_radius.tumour_pore"], numbers["body_gsd.tumour_pore"])
    opened = change.get("tumour_pores", 1.0)
    values = {"in_tumour": flow / lung_plasma_ml, "out_tumour": (flow - fluid) / plasma}
    for k, radius in enumerate(radii_nm):
        diffuses = opened * permeability(radius, numbers) * tumour_ml
        carried = opened * numbers["body_share.tumour_wide_flow"] * passing(radius, pores)
        values[f"cross_tumour_{k}"] = (diffuses + fluid * carried) / plasma
        values[f"return_tumour_{k}"] = diffuses / inside
        values[f"drain_tumour_{k}"] = mobile[k] * fluid / inside
    return values


def tumour_workers(
    tumour_ml: float, numbers: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """Return clearances in mL/h of the cells inside, and the fluid that they clear."""
    inside = numbers["body_share.tumour_interstitium"] * tumour_ml
    return {
        "tumour_phagocyte": (numbers["body_clearance.tumour_phagocyte"] * tumour_ml, inside),
        "tumour_cell": (numbers["body_clearance.tissue"] * tumour_ml, inside),
    }
