"""The physical verdict on one mechanism, and the doubt around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from exosome.core.errors import NumericalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Verdict = Literal[
    "impossible", "not reached within sourced bounds", "implausible", "plausible", "undecided"
]

PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)


@dataclass(frozen=True, slots=True)
class Margins:
    """The margin's law over what we do not know (never over cells).

    ``nothing`` is the share of draws that deliver nothing at all. They have no
    margin; in the percentiles they stand below every margin, and a percentile
    that falls among them is None.
    """

    percentiles: tuple[float | None, ...]
    nothing: float
    enough: float

    @property
    def low(self) -> float | None:
        """5th percentile."""
        return self.percentiles[0]

    @property
    def median(self) -> float | None:
        """Median."""
        return self.percentiles[2]

    @property
    def high(self) -> float | None:
        """95th percentile."""
        return self.percentiles[-1]


def summarise(margins: NDArray[np.float64]) -> Margins:
    """Return the percentiles of the drawn margins, with nothing delivered as its own outcome."""
    if np.isnan(margins).any():
        raise NumericalError(
            f"{int(np.isnan(margins).sum())} of {margins.size} margins are no numbers",
            where="margin",
            remedy="this is a defect of the program: report it with the command and the seed",
        )
    ordered = np.sort(margins)
    # Nearest rank: interpolating between a number and "nothing" has no meaning.
    rank = [min(int(np.ceil(p / 100.0 * ordered.size)), ordered.size) - 1 for p in PERCENTILES]
    picked = tuple(None if np.isneginf(ordered[i]) else float(ordered[i]) for i in rank)
    nothing = float(np.isneginf(ordered).mean())
    return Margins(picked, nothing, float((ordered >= 0.0).mean()))


def judge(margins: Margins, ceiling: float, best_case: float) -> Verdict:
    """Return the verdict on a mechanism; it never judges the effect itself.

    ``impossible`` fails even when conservation is the only limit (``ceiling`` is
    infinite where nobody has measured the cargo); ``not reached
    within sourced bounds`` fails with every input at its most favourable sourced
    value; else the 5th and 95th percentiles of the margin decide.
    """
    if ceiling < 0.0:
        return "impossible"
    if best_case < 0.0:
        return "not reached within sourced bounds"
    if margins.high is None or margins.high < 0.0:
        return "implausible"
    if margins.low is not None and margins.low > 0.0:
        return "plausible"
    return "undecided"
