"""Laws to draw a number from, given a value and its bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from exosome.numerics.special import ndtr, ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

LawKind = Literal[
    "point", "uniform", "loguniform", "triangular", "normal", "lognormal", "below_limit"
]

# Standard normal quantiles that a pair of bounds stands for, by kind of bound.
_Z = {"sd": 1.0, "ci95": 1.959964, "90%": 1.644854, "multiplier": 1.644854}
_Z_OF_A_RANGE = 1.644854  # a range is read as the middle 90 % and then cut at its ends
_EDGE_OF_A_FIT = 3.0  # fitted spreads are cut three standard deviations out


@dataclass(frozen=True, slots=True)
class Law:
    """A one-dimensional law with finite support, drawn by its quantile function.

    ``normal`` and ``lognormal`` are two-piece laws: ``value`` is the median and
    each side has its own spread, so that printed, lopsided bounds are kept as
    they are. A lower bound of zero mirrors the upper piece in logarithms. Laws
    are cut at the bounds when these bound the quantity itself, and three
    standard deviations out when they describe the spread of an estimate.
    """

    kind: LawKind
    value: float
    low: float
    high: float
    spread_low: float
    spread_high: float

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the quantiles at ``u``, each in [0, 1]."""
        low, high = self.low, self.high
        match self.kind:
            case "point":
                return np.full_like(u, self.value)
            case "uniform" | "below_limit":
                return low + (high - low) * u
            case "loguniform":
                return low * (high / low) ** u
            case "triangular":
                return self._triangular(u)
            case "normal" | "lognormal":
                return self._two_piece(u)

    def _triangular(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        width = self.high - self.low
        if width == 0.0:
            return np.full_like(u, self.value)
        turn = (self.value - self.low) / width
        rising = self.low + np.sqrt(u * width * (self.value - self.low))
        falling = self.high - np.sqrt((1.0 - u) * width * (self.high - self.value))
        return np.where(u < turn, rising, falling)

    def _two_piece(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        logarithmic = self.kind == "lognormal"
        centre, low, high = self.value, self.low, self.high
        if logarithmic:
            centre, high = math.log(centre), math.log(high)
            low = math.log(low) if low > 0.0 else -math.inf
        z_low = (low - centre) / self.spread_low if self.spread_low > 0.0 else 0.0
        z_high = (high - centre) / self.spread_high if self.spread_high > 0.0 else 0.0
        p_low, p_high = (float(p) for p in ndtr(np.array([z_low, z_high])))
        # Each side keeps half of the mass, so that the printed value stays the median.
        below = u < 0.5
        lower, upper = p_low + 2.0 * u * (0.5 - p_low), 0.5 + (2.0 * u - 1.0) * (p_high - 0.5)
        z = ndtri(np.where(below, lower, upper))
        x = centre + z * np.where(below, self.spread_low, self.spread_high)
        x = np.clip(x, low, high)
        return np.exp(x) if logarithmic else x


def law(
    kind: LawKind,
    *,
    value: float | None,
    low: float | None,
    high: float | None,
    bound_kind: str,
    limits: tuple[float, float],
) -> Law:
    """Return the law that a number and its bounds stand for.

    Parameters
    ----------
    kind : str
        Shape of the law.
    value, low, high : float or None
        Central value and bounds; a range without a central value is drawn
        uniformly, or uniformly in logarithms.
    bound_kind : str
        ``"range"``, ``"prior"`` and ``"hard"`` bound the quantity; ``"sd"``,
        ``"ci95"`` and ``"90%"`` describe an estimate.
    limits : tuple of float
        Physical limits that no draw leaves.

    Raises
    ------
    ValueError
        If the shape cannot be built from these figures.
    """
    least, most = limits
    for figure in (value, low, high) if low is None or high is None else (value,):
        if figure is not None and not least <= figure <= most:
            raise ValueError(f"{figure:g} lies outside the physical limits {least:g} to {most:g}")
    if low is None or high is None or kind == "point":
        if value is None:
            raise ValueError("a law needs a value or bounds, and a point needs a value")
        return Law("point", value, value, value, 0.0, 0.0)
    if low > most or high < least:
        raise ValueError(f"{low:g} to {high:g} lies outside the limits {least:g} to {most:g}")
    if kind in ("uniform", "loguniform", "below_limit"):
        low, high = max(low, least), min(high, most)
        if kind == "loguniform" and low <= 0.0:
            raise ValueError("a log-uniform law needs a lower bound above zero")
        middle = math.sqrt(low * high) if kind == "loguniform" else 0.5 * (low + high)
        return Law(kind, middle, low, high, 0.0, 0.0)
    if value is None:
        raise ValueError(f"a {kind} law needs a central value")
    if kind == "triangular":
        return Law(kind, value, max(low, least), min(high, most), 0.0, 0.0)
    return _two_piece(kind, value, low, high, bound_kind, limits)


def _two_piece(
    kind: LawKind,
    value: float,
    low: float,
    high: float,
    bound_kind: str,
    limits: tuple[float, float],
) -> Law:
    z = _Z.get(bound_kind, _Z_OF_A_RANGE)
    cut_at_spread = bound_kind in _Z
    if kind == "lognormal":
        if value <= 0.0:
            raise ValueError("a log-normal law needs a median above zero")
        above = math.log(high / value) / z
        below = math.log(value / low) / z if low > 0.0 else above
        if cut_at_spread:
            low = value * math.exp(-_EDGE_OF_A_FIT * below)
            high = value * math.exp(_EDGE_OF_A_FIT * above)
    else:
        above, below = (high - value) / z, (value - low) / z
        if cut_at_spread:
            low, high = value - _EDGE_OF_A_FIT * below, value + _EDGE_OF_A_FIT * above
    return Law(kind, value, max(low, limits[0]), min(high, limits[1]), below, above)
