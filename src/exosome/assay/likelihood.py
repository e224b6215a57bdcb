"""How likely a prediction makes what was told: a value, a limit, an interval or an order.

Every observation is a statement about one number, the logarithm ``eta`` of a predicted quantity.
What was measured is ``eta`` plus a normal error, so a *value* has a normal density there, and
*below*, *above* and *between* have the normal probability of an interval (one end may be
infinite). "Liver above spleen" is such a statement too: about the log of their ratio, above zero.

The laws are log-concave in ``eta``: climbing them meets no second summit of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.special import log_ndtr

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class Told:
    """What an observation says of a logarithm: it lies between ``low`` and ``high``.

    Equal ends are a value.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        wrong = math.isnan(self.low) or math.isnan(self.high) or self.low > self.high
        if wrong or (math.isinf(self.low) and math.isinf(self.high)):
            raise InputError(
                f"an observation between {self.low:g} and {self.high:g} says nothing",
                where="observation",
                remedy="give a value, a limit, or two limits in order",
            )

    @property
    def is_value(self) -> bool:
        """Whether it is a value, not a range."""
        return self.low == self.high


def log_likelihood(eta: ArrayLike, low: ArrayLike, high: ArrayLike, sd: ArrayLike) -> Floats:
    """Return the log-likelihood of each observation; all arguments broadcast.

    Where ``low`` equals ``high`` it is the log of the normal density of that value around
    ``eta``, else the log of the probability that ``eta`` with its error lies between them.
    """
    a, b, spread = _standard(eta, low, high, sd)
    point = -0.5 * np.square(np.where(a == b, a, 0.0)) - np.log(spread) - _HALF_LOG_TWO_PI
    return np.where(a == b, point, _log_mass(a, np.where(a == b, a + 1.0, b)))


def slopes(
    eta: ArrayLike, low: ArrayLike, high: ArrayLike, sd: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return the derivative by ``eta``, by ``log sd``, and the information about ``eta``.

    The information is minus the second derivative by ``eta``, at what was observed; for a
    value it is ``1 / sd^2`` whatever was observed.
    """
    a, b, spread = _standard(eta, low, high, sd)
    is_value = a == b
    upper = np.where(is_value, a + 1.0, b)
    mass = _log_mass(a, upper)
    at_a, at_b = (_ratio(z, mass) for z in (a, upper))
    by_eta = (at_a - at_b) / spread
    by_log_sd = _times(a, at_a) - _times(upper, at_b)
    bend = np.square(by_eta) + (_times(upper, at_b) - _times(a, at_a)) / np.square(spread)
    z = np.where(is_value, a, 0.0)
    return (
        np.where(is_value, z / spread, by_eta),
        np.where(is_value, np.square(z) - 1.0, by_log_sd),
        np.where(is_value, 1.0 / np.square(spread), np.maximum(bend, 0.0)),
    )


def _standard(
    eta: ArrayLike, low: ArrayLike, high: ArrayLike, sd: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    centre, below, above, spread = np.broadcast_arrays(
        *(np.asarray(one, dtype=np.float64) for one in (eta, low, high, sd))
    )
    return (below - centre) / spread, (above - centre) / spread, spread


def _log_mass(a: Floats, b: Floats) -> Floats:
    """Return the log of the normal probability between ``a`` and ``b``, also far in the tails."""
    # Both ends are mirrored into the left tail, where the differences keep their digits.
    flip = a > 0.0
    lower, upper = np.where(flip, -b, a), np.where(flip, -a, b)
    big, small = log_ndtr(upper), log_ndtr(lower)
    with np.errstate(divide="ignore"):
        return np.asarray(big + np.log1p(-np.exp(np.minimum(small - big, 0.0))), dtype=np.float64)


def _ratio(z: Floats, log_mass: Floats) -> Floats:
    """Return the normal density at ``z`` over the mass."""
    finite = np.where(np.isinf(z), 0.0, z)
    log_density = -0.5 * np.square(finite) - _HALF_LOG_TWO_PI
    return np.where(np.isinf(z), 0.0, np.exp(log_density - log_mass))


def _times(z: Floats, ratio: Floats) -> Floats:
    return np.where(np.isinf(z), 0.0, z) * ratio
