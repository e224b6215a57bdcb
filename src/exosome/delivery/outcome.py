"""What reaches the target cells, set against what they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.compound import Fixed, Jump, Table, mean_reaching, survival

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.core.balance import BalanceSheet

    Amount = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the chain: how much was passed on, in words and numbers.

    ``roles`` are the parameters that this step brought in.
    """

    name: str
    unit: str
    amount: Amount
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Packets:
    """Cells receive packets: a random number of arrivals, each with its own content.

    ``arrivals`` is the mean number of acting vesicles for one cell, ``jump`` the
    law of what each brings, ``mean_delivered`` their product, ``needed`` what a
    cell must collect in the same unit, ``cv`` the cell-to-cell spread of uptake.
    """

    arrivals: Amount
    jump: Jump
    mean_delivered: Amount
    needed: Amount
    cv: Amount

    def margin(self, fraction: float) -> Amount:
        """Return log10(dose / dose at which ``fraction`` of the cells respond)."""
        if isinstance(self.jump, Table):
            reaching = _table_reaching(fraction, self.needed, self.jump, self.cv)
        else:
            reaching = mean_reaching(fraction, self.needed, self.jump, self.cv)
        return _log10_ratio(self.arrivals, reaching)

    def responding(self, times_dose: float = 1.0) -> Amount:
        """Return the fraction of target cells that collect what they need."""
        arrivals = self.arrivals * times_dose
        if isinstance(self.jump, Table):
            return _table_survival(arrivals, self.needed, self.jump, self.cv)
        return survival(arrivals, self.needed, self.jump, self.cv)


@dataclass(frozen=True, slots=True)
class Level:
    """All cells feel the same level, such as a concentration; packets do not matter."""

    mean_delivered: Amount
    needed: Amount

    def margin(self, fraction: float) -> Amount:  # noqa: ARG002  (every fraction responds at once)
        """Return log10(level / needed), the same for every responding fraction."""
        return _log10_ratio(self.mean_delivered, self.needed)

    def responding(self, times_dose: float = 1.0) -> Amount:
        """Return 1 where the level reaches what is needed, else 0."""
        return (self.mean_delivered * times_dose >= self.needed).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The chain's answer for every draw: steps, effect and where everything ended."""

    effect: Packets | Level
    steps: tuple[Step, ...]
    sheets: tuple[BalanceSheet, ...]

    @property
    def mean_field_margin(self) -> Amount:
        """Return log10(delivered / needed) as if every cell got the mean."""
        return _log10_ratio(self.effect.mean_delivered, self.effect.needed)


def _log10_ratio(amount: Amount, needed: Amount) -> Amount:
    """Return log10(amount / needed); minus infinity stands for nothing delivered."""
    with np.errstate(divide="ignore"):
        return np.log10(amount) - np.log10(needed)


_GRID_NEEDED, _GRID_CV = 33, 7
_MANY_PACKETS = 200.0


def _table_reaching(fraction: float, needed: Amount, jump: Table, cv: Amount) -> Amount:
    """Return the mean arrivals for many needs and spreads under one measured jump law.

    One transform for each draw would take minutes, so the inverse is computed on
    a grid of needs (logarithmic) and spreads and interpolated: within 1 % where
    the need exceeds a few packets (whole packets make steps below that). Where
    over 200 packets are needed, packets of one size with the law's mean and
    variance stand for it.
    """
    size, packets = _one_size(jump)
    reaching = np.full(needed.shape, np.inf)
    if size == 0.0:
        return reaching
    many = needed > _MANY_PACKETS * size
    finite = np.isfinite(needed)
    reaching[many & finite] = (
        mean_reaching(fraction, needed[many & finite], Fixed(size), cv[many & finite]) / packets
    )
    few = ~many
    if few.any():
        reaching[few] = _on_a_grid(fraction, needed[few], jump, cv[few])
    return reaching


def _one_size(jump: Table) -> tuple[float, float]:
    """Return the packet size with the law's mean and variance, and such packets per arrival."""
    sizes, shares = np.asarray(jump.sizes, float), np.asarray(jump.probabilities, float)
    first, second = float(np.sum(sizes * shares)), float(np.sum(sizes**2 * shares))
    return (second / first, first**2 / second) if first > 0.0 else (0.0, 0.0)


def _table_survival(arrivals: Amount, needed: Amount, jump: Table, cv: Amount) -> Amount:
    size, packets = _one_size(jump)
    few = needed <= _MANY_PACKETS * size
    share = np.zeros(needed.shape)
    share[few] = survival(arrivals[few], needed[few], jump, cv[few])
    many = ~few & np.isfinite(needed) & (size > 0.0)
    share[many] = survival(arrivals[many] * packets, needed[many], Fixed(size), cv[many])
    return share


def _on_a_grid(fraction: float, needed: Amount, jump: Table, cv: Amount) -> Amount:
    top = float(needed.max()) * (1.0 + 1e-9)
    x = np.geomspace(float(needed.min()), top, _GRID_NEEDED, dtype=np.float64)
    y = np.linspace(float(cv.min()), float(cv.max()) + 1e-9, _GRID_CV, dtype=np.float64)
    at: list[Amount] = []
    for spread in y:
        reaching = np.log(mean_reaching(fraction, x, jump, np.full(x.shape, spread)))
        at.append(np.interp(np.log(needed), np.log(x), reaching))
    columns = np.stack(at)
    row = np.clip((cv - y[0]) / (y[1] - y[0]), 0.0, _GRID_CV - 1.0)
    upper = np.minimum(row.astype(np.intp), _GRID_CV - 2)
    every = np.arange(needed.size)
    low, high = columns[upper, every], columns[upper + 1, every]
    return np.exp(low + (row - upper) * (high - low))
