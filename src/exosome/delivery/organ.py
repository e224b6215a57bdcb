"""The organ stage by the body: which cells of which organ take up an intravenous dose.

The linear body of `exosome.body.fate`, each of a few size classes on its own: it holds far below
the dose that fills the liver (some 1e15 in man). What cells have digested counts as taken up.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from exosome.body.fate import LIVER_CELLS, share_taken
from exosome.body.physiology import body

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs
    from exosome.delivery.question import Question

    Amount = NDArray[np.float64]

_SIZES = 3  # classes of equal number; ten give shares within 2 % of these
_POPULATIONS = {
    **{("liver", cells): population for cells, population in LIVER_CELLS.items()},
    ("skin", "fibroblast"): "tissue_skin",
}
"""Population of the body that holds the target cells of an organ."""
_ONE_OF_SEVERAL = frozenset({"tissue_skin"})
"""Populations of several cell types, of which a sourced share are the target cells."""
_KINDS = {"natural_vesicle": "vesicle", "fusogenic_vesicle": "vesicle", "lnp": "lnp"}
"""What the body takes a carrier for: a fusogen on a vesicle changes nothing outside cells."""


def is_in_the_body(question: Question) -> bool:
    """Return whether the body has the question's target cells, and its route."""
    return question.route == "intravenous" and (question.organ, question.target) in _POPULATIONS


def taken_in_the_body(question: Question, inputs: Inputs) -> Amount:
    """Return the share of an intravenous dose that the target cells of a human take up.

    Outside the liver target cells are one of several types that take up from interstitium; their
    share among these is the envelope's.
    """
    population = _POPULATIONS[question.organ, question.target]
    sizes = _diameters(question, inputs)
    kind = _KINDS[question.carrier]
    taken = share_taken(population, body("human"), inputs, sizes, kind=kind).mean(axis=0)
    if population in _ONE_OF_SEVERAL:
        return taken * inputs[f"uptake_share.{question.organ}.{question.target}"]
    return taken


def _diameters(question: Question, inputs: Inputs) -> Amount:
    """Return outer diameters, shape (sizes, draws)."""
    if question.carrier == "lnp":
        return inputs["carrier_diameter.lnp"][None]  # made to one size
    normal = NormalDist()
    scores = np.array([normal.inv_cdf((k + 0.5) / _SIZES) for k in range(_SIZES)])
    spread = np.log(inputs["vesicle_diameter_gsd"])
    return inputs["vesicle_diameter"] * np.exp(spread * scores[:, None])
