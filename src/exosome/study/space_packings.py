"""The same mean cargo in many vesicles or in few: what cells then hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.study.space_world import carrying
from exosome.tissue.vesicles import copies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.study.space_plan import Plan
    from exosome.tissue.space import Sent, State

    Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """One way to spread the same mean cargo over vesicles, and what cells then hold."""

    name: str
    carrying: float
    copies_each: int
    mean_copies: float
    variance: float
    reached: float  # share of the cells that hold a copy at all
    per_cell: Ints


def packings(planned: Plan, state: State, sent: Sent) -> tuple[Packing, ...]:
    """Return what cells hold when the same mean cargo sits in many or in few vesicles.

    Vesicles move alike whatever they carry, so the same paths serve both: only who carries
    is drawn again.
    """
    mean = planned.middle(f"copies_per_vesicle.{planned.scenario.vesicles.cargo}")
    taken = state.fate >= 0
    cells = len(planned.layout)
    out: list[Packing] = []
    for name, factor in (
        ("poor and many", 1),
        ("rich and rare", planned.scenario.vesicles.rich_factor),
    ):
        share, held = carrying(mean, factor)
        drawn = copies(len(sent), share, held, planned.seed)
        found = np.bincount(state.fate[taken], weights=drawn[taken], minlength=cells)
        out.append(
            Packing(
                name, share, held, float(found.mean()), float(found.var()),
                float((found > 0).mean()), found.astype(np.int64),
            )
        )  # fmt: skip
    return tuple(out)
