"""What a run of cells found: intervals, checks against a closed form, and knock-outs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Told = Literal["falls", "rises", "to zero", "unchanged", "not settled"]
SURE = 4.0
"""Standard errors within which a knock-out changed nothing: a false alarm in 16,000 rows."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A quantity at the medians, and its 90 % interval over what is not known."""

    name: str
    unit: str
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Check:
    """A figure of the simulated cells against the closed form."""

    name: str
    simulated: float
    closed_form: float
    standard_error: float

    @property
    def z(self) -> float:
        """Difference in standard errors."""
        return (
            (self.simulated - self.closed_form) / self.standard_error
            if self.standard_error
            else 0.0
        )


@dataclass(frozen=True, slots=True)
class KnockOut:
    """One thing changed, what was watched, and what came of it."""

    change: str
    observable: str
    expected: Told
    control: float
    changed: float
    z: float
    records: tuple[str, ...]

    @property
    def applies(self) -> bool:
        """Whether there was anything to change."""
        return self.control > 0.0

    @property
    def outcome(self) -> str:
        """Return in words what the observable did."""
        if not self.applies:
            return "nothing to change"
        if self.changed == 0.0:
            return "to zero"
        if abs(self.z) < SURE:
            return "unchanged"
        return "rises" if self.z > 0.0 else "falls"

    @property
    def agrees(self) -> bool:
        """Whether the outcome is the expected one; true where no direction is settled."""
        return not self.applies or self.expected in (self.outcome, "not settled")


def interval(name: str, unit: str, middle: Floats, drawn: Floats) -> Interval:
    """Return a quantity at the medians with its 90 % interval over draws."""
    low, high = np.quantile(drawn, [0.05, 0.95])
    return Interval(name, unit, float(low), float(middle), float(high))


def mean_check(name: str, each: Floats, closed: Floats) -> Check:
    """Return the mean of independent cells against a closed form."""
    error = float(each.std(ddof=1) / math.sqrt(each.size))
    return Check(name, float(each.mean()), float(closed), error)


def compared(
    change: str, observable: str, told: Told, control: Floats, there: Floats, ids: tuple[str, ...]
) -> KnockOut:
    """Return what one change did to the mean of what is watched, cell by cell."""
    before, after = (float(one.mean()) if one.size else 0.0 for one in (control, there))
    error = math.sqrt(sum(float(one.var()) / one.size for one in (control, there) if one.size))
    z = (after - before) / error if error > 0.0 else 0.0
    return KnockOut(change, observable, told, before, after, z, ids)
