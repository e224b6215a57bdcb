"""Cells that fill: every vesicle taken up holds one of a cell's sites for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sites:
    """Sites of one cell, and how long a vesicle that was taken up keeps its own (infinite: ever).

    Uptake goes as the share of sites that are open, ``k (1 - B/N)``, and ``B`` sites are given
    back at the rate ``B / return``: Langmuir's law. It stops holding where vesicles need several
    sites each or enter without one.
    """

    per_cell: float
    return_s: float = float("inf")

    def taken(
        self, fate: NDArray[np.int32], end_s: Floats, now_s: float, cells: int, *, repeats: int = 1
    ) -> Floats:
        """Return the share of each cell's sites that is taken, at most one.

        Parameters
        ----------
        fate, end_s : array, shape (vesicle,)
            The cell that took a vesicle up (less than 0: none), and when.
        repeats : int
            So many copies of the same cells share the vesicles.
        """
        held = np.exp((end_s - now_s) / self.return_s) if np.isfinite(self.return_s) else 1.0
        inside = fate >= 0
        weights = np.broadcast_to(held, fate.shape)[inside]
        bound = np.bincount(fate[inside], weights=weights, minlength=cells)
        return np.minimum(1.0, bound / (self.per_cell * repeats))
