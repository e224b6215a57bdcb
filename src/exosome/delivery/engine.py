"""Stages of the chain by mechanism: closed forms of the cell engines, in place of sourced shares.

Each function takes one array entry for each draw and returns what the engine says of a stage.
Which stages a question computes so is `exosome.delivery.question.Question.engines`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.cargo import lumen_crowding, mean_lumen_volume_nm3
from exosome.cell.donor import Pathway, expected
from exosome.delivery.question import Independent, Luminal, NaturalRelease

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs
    from exosome.delivery.question import EngineStage, Question

    Amount = NDArray[np.float64]

STAGE_WORDS: dict[EngineStage, tuple[str, str]] = {
    "release": (
        "vesicles leave one by one",
        "vesicles of one multivesicular body leave together, so neighbours get them in bursts",
    ),
    "content": (
        "copies for each particle, as counted in isolates",
        "the concentration of the donor's cytosol in the lumen (passive packing, the null model)",
    ),
}
"""What the envelope and the engine take for a stage."""


def stages_for(question: Question) -> tuple[EngineStage, ...]:
    """Return the stages of a question that the cell engines can compute, in the chain's order."""
    mechanism = question.mechanism
    if not isinstance(mechanism, Luminal) or question.carrier != "natural_vesicle":
        return ()
    found: list[EngineStage] = []
    if isinstance(question.given, NaturalRelease):
        found.append("release")
    natural = mechanism.per_particle and mechanism.loaded_copies is None
    if natural and isinstance(mechanism.packing, Independent):
        found.append("content")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Content:
    """What one vesicle holds.

    ``copies`` is the mean; ``crowding`` says how much more a vesicle holds in the mean if it is
    chosen by a copy in it (1 if all vesicles are alike).
    """

    copies: Amount
    crowding: Amount


@dataclass(frozen=True, slots=True)
class Kept:
    """What of an opened vesicle's copies is in the cytosol at the moment that counts.

    ``share`` is the mean over vesicles that open; ``together`` is the mean of the squared share
    over the mean: how far the copies of one vesicle are there at the same time. ``fellows`` is how
    many more vesicles of the same burst a cell took up beside one that it took up.
    At envelope depth all copies are there at once (1, 1) and vesicles come alone (0).
    """

    share: Amount
    together: Amount
    fellows: Amount


def passive_content(cargo: str, inputs: Inputs) -> Content:
    """Return the copies in one vesicle that takes the concentration of its cell along.

    Copies per cell times lumen over cell volume, averaged over the size law. It holds for cargo
    that is free in the cytosol and neither sorted nor kept out; no vesicle per counted particle
    enters, since nothing is counted.
    """
    size = (
        inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"], inputs["bilayer_thickness"]
    )  # fmt: skip
    lumen_um3 = mean_lumen_volume_nm3(*size) * 1e-9
    copies = inputs[f"copies_per_cell.{cargo}"] * lumen_um3 / inputs["donor_cell_volume"]
    return Content(copies, lumen_crowding(*size))


def fellows_of_a_burst(inputs: Inputs) -> Amount:
    """Return how many vesicles leave in the same moment as one, in the mean.

    ``E[N(N - 1)] / E[N]`` of the vesicles ``N`` in a burst, times the share of vesicles that
    leave in bursts. It depends on the rates of one multivesicular body only, not on how many
    the cell has.
    """
    one = np.ones_like(inputs["ectosome_share"])
    names = ("maturation", "budding_escrt", "budding_ceramide", "back_fusion", "mvb_fusion")
    rates = {name: inputs[f"donor_rate.{name}"] for name in (*names, "mvb_lysosome")}
    pathway = Pathway(endosome=one, ectosome=one, **rates)
    return (expected(pathway).fano - 1.0) * (1.0 - inputs["ectosome_share"])
