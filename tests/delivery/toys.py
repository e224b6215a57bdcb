"""Small catalogs, questions and inputs whose every number is chosen by the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exosome.catalog.load import Catalog, role_bounds, role_is_transport, role_unit
from exosome.catalog.record import Sourced
from exosome.core.random import Streams
from exosome.core.units import Dose
from exosome.delivery.problem import Problem, pose
from exosome.delivery.question import Independent, Luminal, Question, Saturation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

Figures = float | tuple[float, float] | Sourced | list[Sourced]

NEEDED = 100.0

# A liver in round numbers: 1e12 particles, a quarter of them in 1e6 cells.
LIVER: dict[str, Figures] = {
    "vesicles_per_particle": 1.0,
    "organ_signal.intravenous.liver": 0.5,
    "residual_blood_share.liver": 0.0,
    "uptake_share.liver.hepatocyte": 0.5,
    "cell_count.hepatocyte": 1e6,
    "uptake_cv": 0.5,
    "copies_per_particle.natural_mirna": 0.01,
    "opening.natural_vesicle": 0.1,
    "functional_fraction.natural_mirna": 1.0,
    "needed_copies.natural_mirna": NEEDED,
}


def record(
    role: str,
    value: float | None = None,
    low: float | None = None,
    high: float | None = None,
    **more: Any,
) -> Sourced:
    """A record of ``role``: a point, or log-uniform (uniform from zero) between its bounds."""
    bounded = low is not None
    law = "point" if not bounded else ("loguniform" if low else "uniform")
    given: dict[str, Any] = {
        "id": role,
        "quantity": role,
        "unit": role_unit(role),
        "bound_kind": "range" if bounded else "none",
        "distribution": law,
        "basis": "measured",
        "reading": "read",
        "citation": "test",
        "locator": "test",
        "applies_to": ("test",),
        "role": role,
        "value": value,
        "low": low,
        "high": high,
    }
    return Sourced(**(given | more))


def catalog(figures: Mapping[str, Figures]) -> Catalog:
    """A catalog of one record for each role, or of the records given for it."""
    records: list[Sourced] = []
    for role, figure in figures.items():
        if isinstance(figure, Sourced):
            records.append(figure)
        elif isinstance(figure, list):
            records += figure
        elif isinstance(figure, tuple):
            records.append(record(role, None, *figure))
        else:
            records.append(record(role, figure))
    return Catalog({one.id: one for one in records})


def dose(amount: float, metric: str = "particle", *, per_kg: bool = False) -> Dose:
    return Dose(amount, metric, per_kg, f"{amount:g} {metric}")  # type: ignore[arg-type]


def luminal(**changes: Any) -> Luminal:
    """Natural miRNA, loaded independently, opened all or none, 100 copies needed."""
    given: dict[str, Any] = {
        "kind": "luminal_rna",
        "cargo": "natural_mirna",
        "load": "natural_mirna",
        "packing": Independent(),
        "opening_rule": "all_or_none",
        "needed": Saturation(0.5),
    }
    return Luminal(**(given | changes))


def question(**changes: Any) -> Question:
    """1e12 particles into a vein for half of the hepatocytes."""
    given: dict[str, Any] = {
        "name": "toy",
        "carrier": "natural_vesicle",
        "given": dose(1e12),
        "route": "intravenous",
        "organ": "liver",
        "target": "hepatocyte",
        "mechanism": luminal(),
        "responding_fraction": 0.5,
    }
    return Question(**(given | changes))


def problem(figures: Mapping[str, Figures] | None = None, **changes: Any) -> Problem:
    """The liver question, with other figures for some roles."""
    return pose(question(**changes), catalog({**LIVER, **(figures or {})}))


class Drawn:
    """Inputs at random for whatever a question asks, inside the physical limits.

    Transported shares are uniform between ``least`` and ``most``, some of them at
    these ends; open-ended numbers are log-uniform over a wide range.
    """

    def __init__(self, seed: int, size: int = 8, *, least: float = 0.0, most: float = 1.0) -> None:
        self._streams, self._size = Streams(seed), size
        self._least, self._most = least, most
        self._held: dict[str, NDArray[np.float64]] = {}

    def __getitem__(self, role: str) -> NDArray[np.float64]:
        if role not in self._held:
            self._held[role] = self._draw(role)
        return self._held[role]

    def constant(self, value: float) -> NDArray[np.float64]:
        return np.full(self._size, value)

    def changed(self, role: str, change: Callable[[Any], Any]) -> Drawn:
        """The same inputs but for one role."""
        other = Drawn(0, self._size)
        other._streams, other._least, other._most = self._streams, self._least, self._most
        other._held = {**self._held, role: change(self[role])}
        return other

    def _draw(self, role: str) -> NDArray[np.float64]:
        rng = self._streams.of(role)
        low, high = role_bounds(role)
        if role_is_transport(role):
            drawn = self._least + (self._most - self._least) * rng.random(self._size)
            ends = rng.random(self._size)
            return np.where(ends < 0.1, self._least, np.where(ends > 0.9, self._most, drawn))
        if np.isinf(high):
            return np.maximum(low, 1.0) * 10.0 ** rng.uniform(
                -2.0 if low == 0 else 0.0, 5.0, self._size
            )
        return low + (high - low) * rng.random(self._size)
