"""Labels: what rides on a vesicle, how it is lost, and what a detector sees of each of its states.

A measured organ is the organ of a label. The label's own kinetics are states of the model
(on intact vesicles, in cells, released, an impurity of the dose); numbers are records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.body.physiology import ORGANS
from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Label:
    """A kind of label. ``seen_released`` says whether the detector sees it once released."""

    key: str
    name: str
    seen_released: bool


LABELS = {
    one.key: one
    for one in (
        Label("dye", "lipophilic dye", seen_released=True),
        Label("iodine125", "125I on protein", seen_released=True),
        Label("indium111", "111In chelate", seen_released=True),
        Label("zirconium89", "89Zr chelate", seen_released=True),
        Label("technetium99m", "99mTc-HMPAO", seen_released=True),
        Label("core", "the particle's own metal", seen_released=True),
        Label("luciferase", "luciferase", seen_released=False),
        Label("fluorescent_protein", "fluorescent protein", seen_released=False),
    )
}
LABEL_ROLES = (
    "body_rate.label_leak",
    "body_rate.label_cell_loss",
    "body_rate.label_urine",
    "body_rate.label_faeces",
    "body_rate.label_bone",
    "body_rate.impurity_liver",
    "body_rate.impurity_urine",
    "body_share.label_impurity",
)
"""Numbers of every label; the role's last word is the label's key."""


def label(key: str, *, where: str) -> Label:
    """Return a label by its key.

    Raises
    ------
    InputError
        There is no such label.
    """
    if key not in LABELS:
        raise InputError(f"{key!r} is no label", where=where, remedy=f"labels: {', '.join(LABELS)}")
    return LABELS[key]


def seen_factor(chosen: Label, numbers: Mapping[str, float]) -> dict[str, float]:
    """Return, for each organ, how strongly the detector sees a unit of label there.

    One everywhere but where a record says otherwise (``body_fold.seen_ORGAN.LABEL``).
    """
    return {organ: numbers.get(f"body_fold.seen_{organ}.{chosen.key}", 1.0) for organ in ORGANS}
