"""What is where, and what an assay sees of it: vesicles and label of organs, blood left in them.

Two tables of the same run. `vesicles` are intact or in cells, by organ. `signal` is what a detector
reports of a dissected organ: label wherever it sits, weighted by the label, with blood left in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.body.aggregates import LARGE
from exosome.body.design import VESICLE_ENDS
from exosome.body.labels import seen_factor
from exosome.body.particles import label_ends
from exosome.body.physiology import ORGANS
from exosome.core.errors import BalanceError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from exosome.body.design import Design
    from exosome.body.physiology import Physiology

    Floats = NDArray[np.float64]
    Of = Callable[[str], Floats]

SHOWN = (
    "blood", "liver", "spleen", "lung", "kidney", "heart", "brain", "muscle", "skin", "adipose",
    "bone", "gut", "pancreas", "thymus", "other", "nodes", "tumour", "depot",
)  # fmt: skip
"""Organs as pages show them: both intestines are the gut, all plasma and blood cells are blood."""
OFF_VESICLES = ("free", "impurity")


@dataclass(frozen=True, slots=True)
class Conditions:
    """How organs are measured: the share of their blood that was left in them."""

    residual_blood: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.residual_blood <= 1.0:
            raise InputError(
                f"a share of residual blood of {self.residual_blood:g}",
                where="residual blood",
                remedy="give 0 (perfused) to 1 (as dissected)",
            )


def parts_of(shown: str) -> tuple[str, ...]:
    """Return the organs of the model that a shown organ stands for."""
    if shown == "gut":
        return ("small_intestine", "large_intestine")
    return (shown,) if shown in ORGANS else ()


def shown_organs(design: Design) -> tuple[str, ...]:
    """Return the organs that a run shows."""
    there = {"tumour": design.tumour, "depot": design.route.is_depot}
    return tuple(shown for shown in SHOWN if there.get(shown, True))


def vesicles(design: Design, of: Of) -> dict[str, Floats]:
    """Return vesicles, intact or in cells, by shown organ.

    Parameters
    ----------
    of : callable
        Returns the course of one species of `particles.network`; any shape.
    """
    return _by_organ(design, of, "n", design.letters)


def label_on_site(design: Design, of: Of) -> dict[str, Floats]:
    """Return label on intact vesicles and in cells, by shown organ; blood apart from organs."""
    return _by_organ(design, of, "l", design.labelled)


def _intact(design: Design, of: Of, place: str, letters: str) -> Floats:
    return np.sum([of(name) for name in design.intact(place, letters)], axis=0)


def _by_organ(design: Design, of: Of, inside: str, letters: str) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for shown in shown_organs(design):
        if shown == "blood":
            places = ["plasma", *(f"{o}_v" for o in ORGANS)]
            places += ["tumour_v"] * design.tumour
        elif shown in ("nodes", "depot"):
            places = [p for p in design.places if p.startswith(shown.removesuffix("s"))]
        elif shown == "tumour":
            places = ["tumour_i"]
        else:
            places = [f"{o}_i" for o in parts_of(shown)]
            places += ["lung_held"] * (shown == "lung")
        large = [of(LARGE[shown])] if design.aggregates and shown in LARGE else []
        owners = {shown, *parts_of(shown)}
        cells = [of(f"{inside}_{p.key}") for p in design.populations if p.organ in owners]
        there = (_intact(design, of, place, letters) for place in places)
        found[shown] = np.sum([*there, *large, *cells], axis=0)
    return found


def signal(
    design: Design,
    held: Physiology,
    of: Of,
    numbers: Mapping[str, float],
    conditions: Conditions,
) -> dict[str, Floats]:
    """Return the label that a detector reports, by shown organ, in labels of one vesicle.

    Blood left in an organ brings its plasma's and blood cells' label. Released label, if
    the detector sees it, spreads over plasma and interstitium in proportion to their volumes.
    """
    found = label_on_site(design, of)
    seen = seen_factor(design.label, numbers)
    loose = np.sum([of(name) for name in OFF_VESICLES], axis=0) * design.label.seen_released
    spaces = {o: held.organs[o].interstitial_ml for o in ORGANS}
    plasma = {o: held.organs[o].plasma_ml for o in ORGANS}
    whole = math.fsum([held.plasma_ml, *spaces.values(), *plasma.values()])
    bound = of("l_blood_cells")
    cells = held.blood_cells_ml + math.fsum(o.blood_cells_ml for o in held.organs.values())
    blood = held.plasma_ml + math.fsum(plasma.values())
    for shown in shown_organs(design):
        for organ in parts_of(shown):
            left = conditions.residual_blood
            in_blood = _intact(design, of, f"{organ}_v", design.labelled)
            in_blood = in_blood + bound * held.organs[organ].blood_cells_ml / cells
            found[shown] = found[shown] + left * in_blood
            found[shown] = found[shown] + loose * (spaces[organ] + left * plasma[organ]) / whole
        if shown == "bone":
            found[shown] = found[shown] + of("bone_label")
        if shown == "blood":
            found[shown] = found[shown] + loose * blood / whole
        if shown == "tumour":
            in_blood = _intact(design, of, "tumour_v", design.labelled)
            found[shown] = found[shown] + conditions.residual_blood * in_blood
            if design.route.starts == "tumour_i":
                found[shown] = found[shown] + of("impurity_site")
        if shown == "depot":
            found[shown] = found[shown] + of("impurity_site")
        if parts_of(shown):
            found[shown] = found[shown] * seen[parts_of(shown)[0]]
    return found


def volumes_ml(held: Physiology) -> dict[str, float]:
    """Return the volume of every shown organ that has one; 1 mL is taken for 1 g."""
    found = {
        shown: math.fsum(held.organs[o].total_ml for o in parts_of(shown))
        for shown in SHOWN
        if parts_of(shown)
    }
    found["blood"] = (
        held.plasma_ml
        + held.blood_cells_ml
        + math.fsum(o.plasma_ml + o.blood_cells_ml for o in held.organs.values())
    )
    found["nodes"] = held.node_ml
    if held.tumour_ml:
        found["tumour"] = held.tumour_ml
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """Where every vesicle and every unit of label is, and the largest gap over the dose."""

    vesicles: Mapping[str, Floats]
    label: Mapping[str, Floats]
    vesicle_gap: float
    label_gap: float


def ledger(design: Design, of: Of, given: Floats, given_label: Floats) -> Ledger:
    """Return the balance sheet of a run.

    Parameters
    ----------
    given, given_label : array
        Vesicles, and units of label with the impurity, that entered so far; the shape of ``of``.

    Raises
    ------
    BalanceError
        More than 1e-9 of the dose was lost or made: a defect of the program.
    """
    of_vesicles = {**vesicles(design, of), **{end: of(end) for end in VESICLE_ENDS}}
    of_label = {**label_on_site(design, of), **{end: of(end) for end in label_ends(design)}}
    gaps = [
        _gap(of_vesicles, given),
        _gap(of_label, given_label),
    ]
    if max(gaps) > 1e-9:
        raise BalanceError(
            f"vesicles or label lost or made: {max(gaps):.2g} of the dose",
            where="ledger of the body",
            remedy="this is a defect of the program: report it with the command and the seed",
        )
    return Ledger(of_vesicles, of_label, *gaps)


def _gap(rows: Mapping[str, Floats], given: Floats) -> float:
    total = np.sum(list(rows.values()), axis=0)
    scale = float(np.max(given))
    return float(np.max(np.abs(total - given)) / scale) if scale > 0.0 else float(np.max(total))
