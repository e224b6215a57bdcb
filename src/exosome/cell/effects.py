"""What a cell can answer with: each effect, what is measured of it, and where its law stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from exosome.core.errors import InputError

Driver = Literal["copies", "bound", "outside"]


@dataclass(frozen=True, slots=True)
class Effect:
    """One kind of response.

    Parameters
    ----------
    key, name : str
        In files, and in words.
    driver : str
        The course that drives it: functional ``copies`` in the cytosol, vesicles ``bound`` to the
        cell, or vesicles ``outside`` in the medium. Only the first needs uptake and opening.
    measured, unit : str
        What the response is, and its unit.
    stops : str
        Where the law stops holding.
    """

    key: str
    name: str
    driver: Driver
    measured: str
    unit: str
    stops: str


EFFECTS = {
    one.key: one
    for one in (
        Effect(
            "silencing",
            "a miRNA represses a target",
            "copies",
            "share of the target protein that is missing",
            "fraction",
            "sites of several affinities, targets that destroy the miRNA, feedback of the cell, "
            "displaced miRNAs of its own",
        ),
        Effect(
            "expression",
            "an mRNA makes protein",
            "copies",
            "copies of the delivered protein in the cell",
            "copy/cell",
            "few ribosomes, innate sensing of RNA, proteins that need partners, cuts or export",
        ),
        Effect(
            "switch",
            "an mRNA makes a factor that tips a switch",
            "copies",
            "the cell's own factor above rest, in units of half-maximal feedback",
            "half-maximal levels",
            "factors of few copies, which flip by chance, and cell divisions",
        ),
        Effect(
            "receptor",
            "ligands on bound vesicles engage receptors",
            "bound",
            "share of the receptors engaged",
            "fraction",
            "receptors that diffuse into the contact, membrane that wraps the vesicle, receptors "
            "that go inside",
        ),
        Effect(
            "enzyme",
            "an enzyme on vesicles makes a product outside",
            "outside",
            "product above its background",
            "µM",
            "spent substrate, inhibition by the product, crowded vesicles",
        ),
        Effect(
            "growth_factor",
            "vesicles shed a growth factor outside",
            "outside",
            "share of the receptors occupied by the dissolved factor",
            "fraction",
            "factors that bind back to vesicles or matrix, receptors that use the factor up",
        ),
    )
}


def effect(key: str, *, where: str) -> Effect:
    """Return an effect by its key.

    Raises
    ------
    InputError
        There is no such effect.
    """
    if key not in EFFECTS:
        raise InputError(
            f"{key!r} is no effect", where=where, remedy=f"effects: {', '.join(EFFECTS)}"
        )
    return EFFECTS[key]
