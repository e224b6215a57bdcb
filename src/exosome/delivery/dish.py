"""The stages of a dose in a dish, from the column of medium over the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exosome.tissue.dish import (
    Reached,
    covered_share,
    diffusivity_um2_per_s,
    reached_and_taken,
    settling_um_per_s,
    size_classes,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs

    Amount = NDArray[np.float64]

_BODY_C = 37.0
_CLASSES = 5


def reached_in_a_well(
    target: str, inputs: Inputs, *, hours: Amount, cells: Amount, plate: str
) -> Reached:
    """Return which shares of a dose touch the cells of a static well, and which are taken up.

    One value for each draw, averaged over sizes: of all vesicles added to the medium, not of those
    that arrive. ``taken`` over ``touched`` is the share of the arriving that is internalised.

    Parameters
    ----------
    target : str
        The cells: ``cell_footprint.*`` and ``uptake_permeability.*`` are asked for them.
    inputs : Inputs
        Draws of the catalog's numbers: medium, vesicles, height of the medium, loss.
    hours, cells : array
        Time of contact, and cells on the floor; one for each draw.
    plate : str
        Whose well, such as ``"96_well"``.
    """
    diameter, share = size_classes(
        inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"], classes=_CLASSES
    )
    viscosity = inputs["medium_viscosity.serum"][:, None]
    footprint = inputs[f"cell_footprint.{target}"]
    each = reached_and_taken(
        1e3 * inputs["medium_height"][:, None],
        3_600.0 * hours[:, None],
        inputs[f"uptake_permeability.{target}"][:, None],
        diffusivity_um2_per_s(diameter, viscosity, _BODY_C),
        settling_um_per_s=settling_um_per_s(
            diameter,
            viscosity,
            inputs["vesicle_density"][:, None],
            inputs["medium_density"][:, None],
        ),
        loss_per_s=inputs["medium_loss"][:, None] / 3_600.0,
        covered=covered_share(cells, footprint, inputs[f"well_area.{plate}"])[:, None],
        footprint_um2=footprint[:, None],
    )
    return Reached(
        *((one * share).sum(axis=1) for one in (each.touched, each.taken, each.lost, each.inside))
    )
