"""The stages of a dose in a dish: the column of medium brings vesicles, the cells take them in.

A static well. What touches a cell is set by the column, what of it gets inside by the permeability
of the cells, so that the height of the medium is counted once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.recipient import binding_rate
from exosome.numerics.stages import fed_third_stage
from exosome.tissue.dish import (
    covered_share,
    diffusivity_um2_per_s,
    encounter_permeability_um_per_s,
    height_um,
    settling_um_per_s,
    size_classes,
)
from exosome.tissue.well import Medium, Well, bound_at, entered_by, touched_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs

    Amount = NDArray[np.float64]

_BODY_C = 37.0
_S_PER_H = 3_600.0
_CLASSES = 3  # of size; nine give entries within 6 % of these in 95 of 100 draws
_LITTLE = 1e-9  # share so small that its calibration is a factor

_FEEDS = (0.5, 3.0, 12.0, 100.0)
_KNOTS = np.array([1.0, 1.0 / 4.0, 1.0 / 16.0, 1.0 / 64.0])
"""Rates of exponentials that stand for the course of entry, and when they meet it, in contacts."""

MOMENTS = np.geomspace(1.0 / 256.0, 1.0, 9)
"""Moments of a contact at which copies are counted, evenly spaced in the logarithm."""
_BOUND_MOMENTS = np.geomspace(1.0 / 256.0, 1.0, 6)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """How a dose gets into the cells of a well during the contact, one entry for each draw.

    ``inside`` is the share of the vesicles added that has been in a cell at least once. ``feeds``
    are weights of exponentials of entry, shape (exponential, draw).
    """

    inside: Amount
    feeds: Amount


@dataclass(frozen=True, slots=True)
class Floor:
    """Which cells stand in which well."""

    target: str
    cells: float
    plate: str


def touched_in_a_dish(floor: Floor, inputs: Inputs) -> Amount:
    """Return the share of a dose that touches a cell of a static well during the contact.

    Averaged over sizes. It stops holding where the medium is stirred: then more touches.
    """
    medium, _ = medium_of(floor, inputs)
    return np.clip(touched_by(medium, np.ones(1))[0], 0.0, 1.0)


def entry_in_a_dish(floor: Floor, inputs: Inputs) -> Entry:
    """Return how a dose gets into the cells of a static well; it stops holding where they fill."""
    inside, entries = entered_by(well_of(floor, inputs), _KNOTS)
    rises = -np.expm1(-np.outer(_KNOTS, _FEEDS))
    return Entry(
        np.clip(inside[0], 0.0, 1.0), np.asarray(np.linalg.solve(rises, entries), np.float64)
    )


def most_bound_in_a_dish(floor: Floor, inputs: Inputs) -> Amount:
    """Return the share of a dose that is bound to cells at the fullest of six moments."""
    return np.clip(bound_at(well_of(floor, inputs), _BOUND_MOMENTS).max(axis=0), 0.0, 1.0)


def copies_in_a_dish(entry: Entry, inputs: Inputs, opening: Amount, loss: Amount) -> Amount:
    """Return mean copies in the cytosol per copy given, at `MOMENTS`; shape (moment, draw).

    ``opening`` is the share of the internalised vesicles that opens, ``loss`` of copies in the
    cytosol per hour; without loss the last row is the share of the vesicles that opened. Entry is
    taken from four exponentials: the highest copies lie within 8 % of the exact ones in 98 of 100
    draws (tests).
    """
    hours = inputs["contact_time.in_vitro"]
    mature, recycle, lysosome = (
        inputs[f"recipient_rate.{name}"] * hours for name in ("mature", "recycle", "lysosome")
    )
    opens = lysosome * opening / (1.0 - opening)
    stages = (mature + recycle, lysosome + opens, loss * hours)
    return mature * opens * fed_third_stage(entry.feeds, _FEEDS, stages, MOMENTS)


def medium_of(floor: Floor, inputs: Inputs, *, classes: int = _CLASSES) -> tuple[Medium, Amount]:
    """Return the column of medium, with the time of contact as the unit of time.

    And what turns a permeability of cells into one of the floor over L / D.
    """
    hours = inputs["contact_time.in_vitro"]
    median, spread = inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"]
    diameter, share = size_classes(median, spread, classes=classes)
    diameter = diameter.T
    viscosity = inputs["medium_viscosity.serum"]
    area = inputs[f"well_area.{floor.plate}"]
    height = height_um(inputs[f"well_volume.{floor.plate}"], area)
    footprint = inputs[f"cell_footprint.{floor.target}"]
    covered = covered_share(floor.cells, footprint, area)
    diffusivity = diffusivity_um2_per_s(diameter, viscosity, _BODY_C)
    settling = settling_um_per_s(
        diameter, viscosity, inputs["vesicle_density"], inputs["medium_density"]
    )
    scale = height / diffusivity
    medium = Medium(
        share=share,
        turnover=height * scale / (_S_PER_H * hours),
        half=0.5 * settling * scale,
        loss=inputs["medium_loss"] * hours,
        encounter=encounter_permeability_um_per_s(diffusivity, covered, footprint) * scale,
    )
    return medium, covered * scale


def well_of(floor: Floor, inputs: Inputs, *, classes: int = _CLASSES) -> Well:
    """Return cells under their column, with the time of contact as the unit of time; none opens.

    Binding is set so that the cells hold in one hour what their uptake permeability says: what was
    let go meanwhile is not in it.
    """
    medium, scale = medium_of(floor, inputs, classes=classes)
    hours = inputs["contact_time.in_vitro"]
    names = ("unbind_specific", "unbind_nonspecific", "internalise", "mature", "recycle")
    rates = {name: inputs[f"recipient_rate.{name}"] for name in (*names, "lysosome")}
    specific, nonspecific = binding_rate(
        np.full_like(hours, _LITTLE),
        specific=inputs["specific_binding_share"],
        unbind=(rates["unbind_specific"], rates["unbind_nonspecific"]),
        internalise=rates["internalise"],
    )
    uptake = inputs[f"uptake_permeability.{floor.target}"] * scale / _LITTLE
    return Well(
        medium=medium,
        bind_specific=specific * uptake,
        bind_nonspecific=nonspecific * uptake,
        opening=np.zeros_like(hours),
        copy_loss=np.zeros_like(hours),
        **{name: rate * hours for name, rate in rates.items()},
    )
