"""Doses as the field quotes them, and how many vesicles each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from exosome.cell.cargo import mean_membrane_area_nm2
from exosome.core.constants import AVOGADRO_PER_MOL
from exosome.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs

    Amount = NDArray[np.float64]

Metric = Literal["particle", "vesicle", "ug_protein", "pmol_phospholipid", "msc_hour"]
METRICS: tuple[Metric, ...] = get_args(Metric)


def vesicles_per_unit(metric: str, inputs: Inputs, *, where: str) -> Amount:
    """Return the vesicles in one unit of a dose metric.

    Parameters
    ----------
    metric : str
        One of :data:`METRICS`.
    inputs : Inputs
        Draws of the catalog's parameters by role; only those that the metric
        needs are asked for.

    Raises
    ------
    InputError
        If the metric is no count of vesicles: a mass of RNA or drug, a cell dose
        or a volume says nothing about vesicles unless the product states it.
    """
    match metric:
        case "vesicle":
            return inputs.constant(1.0)
        case "particle":
            return inputs["vesicles_per_particle"]
        case "ug_protein":
            return inputs["particles_per_ug_protein"] * inputs["vesicles_per_particle"]
        case "pmol_phospholipid":
            return 1e-12 * AVOGADRO_PER_MOL / phospholipids_per_vesicle(inputs)
        case "msc_hour":
            return inputs["particles_per_msc_hour"] * inputs["vesicles_per_particle"]
        case _:
            raise InputError(
                f"a dose in {metric} does not say how many vesicles were given",
                where=where,
                remedy=f"give the dose in one of {', '.join(METRICS)}, with its source",
            )


def phospholipids_per_vesicle(inputs: Inputs) -> Amount:
    """Return the phospholipid molecules of one vesicle, mean over the size law.

    Area of both leaflets, less the share taken by protein, over the area of one
    lipid; cholesterol counts as a lipid but not as a phospholipid. Lipids of
    co-isolated lipoproteins would make the true count per vesicle larger.
    """
    area_nm2 = mean_membrane_area_nm2(
        inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"], inputs["bilayer_thickness"]
    )
    lipids = area_nm2 * (1.0 - inputs["membrane_protein_area_share"]) / inputs["lipid_area"]
    return lipids * inputs["phospholipid_share"]
