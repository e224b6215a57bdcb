"""A number from the literature, which cannot exist without its source."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

BoundKind = Literal["range", "hard", "prior", "sd", "ci95", "90%", "multiplier", "none"]
Distribution = Literal[
    "point", "uniform", "loguniform", "triangular", "normal", "lognormal", "below_limit", "none"
]
Basis = Literal["measured", "fitted", "derived", "assumed"]
Reading = Literal["read", "second-hand", "recalled", "derived"]

DOI = re.compile(r"10\.\d{4,9}/\S+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """A number from the literature as this package uses it.

    A record is one of three things: a *number* (``value`` set, bounds
    optional), a *range* (both bounds set, no central value printed by the
    source) or a *statement* (no figure; what the source says stands in
    ``unit``). Only the first two can be drawn from.

    Parameters
    ----------
    id : str
        Short stable name, such as ``"d01"``.
    quantity : str
        What the number is, in the field's words.
    role : str
        Dotted name of the model parameter that this record informs, or ``""``.
        Records that share a role are rival readings of one quantity.
    rival : str
        Name of the position a record takes where sources contradict each other
        so strongly that each position gets its own verdict, or ``""``.
    value, low, high : float or None
        In ``unit``. Bounds are what ``bound_kind`` says they are.
    distribution : str
        Law to draw from; ``"below_limit"`` means the source detected nothing
        and ``high`` is the detection limit (stated or assumed).
    basis, reading : str
        How the number came about, and who has seen it in its source. ``reading``
        says nothing about how true it is.
    citation : str
        Key into the bibliography, or ``"assumed: why"``.
    locator : str
        Lets a second reader find the value without reading the whole source.
    doi_checked : bool
        Whether the DOI was seen to lead to this source.
    formula : str
        For computed records: an expression over other record ids. The value is
        computed from it when the catalog is loaded, never typed.
    """

    id: str
    quantity: str
    unit: str
    bound_kind: BoundKind
    distribution: Distribution
    basis: Basis
    reading: Reading
    citation: str
    locator: str
    applies_to: tuple[str, ...]
    role: str = ""
    rival: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""
    doi: str = ""
    doi_checked: bool = False
    conflicts: tuple[str, ...] = ()
    formula: str = ""
    formula_low: str = ""
    formula_high: str = ""
    note: str = ""
    origin: str = "catalog"

    def __post_init__(self) -> None:
        for problem in self.problems():
            raise ValueError(f"{self.id}: {problem}")

    def problems(self) -> list[str]:
        """Return every rule of the catalog that this record breaks, in words."""
        return [*self._figure_problems(), *self._source_problems()]

    def _figure_problems(self) -> list[str]:
        found: list[str] = []
        figures = [x for x in (self.value, self.low, self.high) if x is not None]
        if any(not math.isfinite(x) for x in figures):
            found.append("value and bounds must be finite")
        if (self.low is None) != (self.high is None):
            found.append("give both bounds or neither")
        if self.low is not None and self.high is not None:
            middle = self.low if self.value is None else self.value
            if not self.low <= middle <= self.high:
                found.append(f"{middle:g} lies outside [{self.low:g}, {self.high:g}]")
            if self.bound_kind == "none":
                found.append("bounds need a bound_kind")
        elif self.bound_kind != "none":
            found.append(f"bound_kind {self.bound_kind!r} without bounds")
        if not figures and self.distribution != "none":
            found.append("a statement has no distribution")
        return found

    def _source_problems(self) -> list[str]:
        assumes = self.citation.startswith("assumed:")
        rules = {
            "no source: cite one, or write 'assumed: why'": not self.citation,
            "an assumption says why it is made (citation = 'assumed: why')": (
                self.basis == "assumed" and not self.citation.startswith("assumed: ")
            ),
            "only an assumed record may cite an assumption": assumes and self.basis != "assumed",
            "a record marked read names the place where it was read (locator)": (
                self.reading == "read" and not self.locator
            ),
            f"{self.doi!r} is not a DOI": bool(self.doi) and not DOI.match(self.doi),
            "doi_checked without a doi": self.doi_checked and not self.doi,
        }
        return [rule for rule, broken in rules.items() if broken]

    @property
    def is_drawable(self) -> bool:
        """Whether the record holds a figure to draw from."""
        return self.distribution != "none"
