"""The stages of a dose among cells, by the range law of the space between them.

A cell's own release goes out from one place; a dose in a joint is everywhere in its fluid.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from exosome.body.fate import leaves_depot
from exosome.tissue.dish import size_classes
from exosome.tissue.range_law import range_law

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs

    Amount = NDArray[np.float64]

_CLASSES = 3
_DENSEST = math.pi / math.sqrt(18.0)  # equal balls fill no more of space (Hales)
_S_PER_H = 3_600.0
_UM3_PER_ML = 1e12


def taken_within(within_um: float, cells: Amount, inputs: Inputs) -> Amount:
    """Return the share of what one cell sends that cells within a distance take up.

    Uptake against loss and the flow between cells, averaged over sizes; ``cells`` stand within the
    distance. As many balls as that, where they would not fit into it, are taken as smaller ones. It
    stops holding within a cell or two of the sender, which takes up none of its own here.
    """
    around = 4.0 / 3.0 * math.pi * within_um**3
    widest = (_DENSEST * around / cells / (4.0 / 3.0 * math.pi)) ** (1.0 / 3.0)
    radius = np.minimum(inputs["tissue_cell_radius"], widest)
    fraction = cells * (radius / within_um) ** 3
    diameter, share = size_classes(
        inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"], classes=_CLASSES
    )
    diameter = diameter.T
    gaps = np.clip(1.0 - diameter / inputs["matrix_mesh"], 0.0, 1.0)
    free = inputs["space_diffusivity_100nm"] * 100.0 / diameter
    law = range_law(
        diffusivity_um2_per_s=free * gaps**2 / inputs["matrix_slow_down"],
        cell_radius_um=radius,
        cell_fraction=fraction,
        permeability_um_per_s=inputs["surface_permeability.tissue_cell"],
        decay_per_s=inputs["space_loss"],
        speed_um_per_s=inputs["interstitial_flow"],
    )
    return share @ (law.taken_share * law.within(within_um))


def taken_in_a_joint(cells: Amount, inputs: Inputs) -> Amount:
    """Return the share of the vesicles in joint fluid that the cells of its lining ever take up.

    The same rate of uptake among cells, for a fluid that movement mixes; against lysis and what
    leaves by lymph and blood, as from the body's depot. All of a lining cell's surface is taken as
    exposed to the fluid, so the share is high rather than low.
    """
    radius = inputs["tissue_cell_radius"]
    volume = cells * 4.0 / 3.0 * math.pi * radius**3
    fraction = volume / (volume + _UM3_PER_ML * inputs["compartment_volume.joint"])
    diameter, share = size_classes(
        inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"], classes=_CLASSES
    )
    diameter = diameter.T
    law = range_law(
        diffusivity_um2_per_s=inputs["space_diffusivity_100nm"] * 100.0 / diameter,
        cell_radius_um=radius,
        cell_fraction=fraction,
        permeability_um_per_s=inputs["surface_permeability.tissue_cell"],
        decay_per_s=(inputs["body_rate.lysis"] + leaves_depot("ia", inputs, diameter)) / _S_PER_H,
    )
    return share @ law.taken_share
