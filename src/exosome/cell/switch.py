"""A bistable switch: a factor that raises its own production, and remembers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.relaxation import weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Amount = NDArray[np.float64]

_STEP = 0.02  # of a mean life of the factor; the error falls as its square
_GRID = np.concatenate([[0.0], np.geomspace(1e-9, 1e4, 40_001)])


@dataclass(frozen=True, slots=True)
class Switch:
    """A factor ``x``, in units of the level at which its feedback is half-maximal.

    Parameters
    ----------
    feedback : float
        Maximum of self-driven production, as the level that it alone would hold.
    hill : float
        Cooperativity of the feedback.
    leak : float
        Level held without any factor.
    half_life_h : float
        Of the factor.
    loop : float
        Share of the cell's own factor that acts on its gene: 1, or 0 where the feedback is blocked
        and only the delivered factor acts.
    """

    feedback: float
    hill: float
    leak: float
    half_life_h: float
    loop: float = 1.0

    def __post_init__(self) -> None:
        if (
            min(self.feedback, self.leak, self.loop) < 0.0
            or self.hill < 1.0
            or self.half_life_h <= 0.0
        ):
            raise InputError(
                "a switch of negative levels, a Hill number below 1, or no half-life",
                where="switch",
                remedy="give feedback and leak of zero or more, hill of 1 or more, a half-life",
            )

    def production(self, level: Amount) -> Amount:
        """Return production at an acting level of factor, as the level that it would hold."""
        # Written so that large levels do not overflow.
        safe = np.where(level > 0.0, level, 1.0)
        drawn = np.where(level > 0.0, 1.0 / (1.0 + safe ** (-self.hill)), 0.0)
        return self.leak + self.feedback * drawn

    def steady_levels(self) -> tuple[float, ...]:
        """Return every level that holds itself, in order: one, or low, tipping and high."""
        return _levels(self)

    @property
    def is_bistable(self) -> bool:
        """Whether two stable levels exist without any signal."""
        return len(self.steady_levels()) >= 3

    @property
    def resting(self) -> float:
        """The level of a cell that was never signalled to."""
        return self.steady_levels()[0]

    def least_signal(self) -> float | None:
        """Return the constant signal that just tips the switch; None if it cannot be tipped.

        A signal adds to the factor within the feedback. The low level ends where
        ``y - production(y)`` has its maximum below the tipping level.
        """
        levels = self.steady_levels()
        if len(levels) < 3:
            return None
        low, tipping = levels[:2]
        below = _GRID[(low <= _GRID) & (tipping >= _GRID)]
        if below.size == 0:
            return 0.0
        return float((below - self.production(below)).max())


@lru_cache(maxsize=256)
def _levels(switch: Switch) -> tuple[float, ...]:
    gap = switch.production(switch.loop * _GRID) - _GRID
    places = np.flatnonzero(np.diff(np.sign(gap)) != 0)
    found = [_root(switch, float(_GRID[i]), float(_GRID[i + 1])) for i in places]
    return tuple(dict.fromkeys(found))


def _root(switch: Switch, low: float, high: float) -> float:
    rises = float(switch.production(np.asarray(switch.loop * low))) - low > 0.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        made = float(switch.production(np.asarray(switch.loop * middle)))
        if (made - middle > 0.0) == rises:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def flip(times_h: Amount, signal: ArrayLike, switch: Switch) -> Amount:
    """Return the level of the cell's own factor above rest, for a course of delivered factor.

    Measured as: level of the cell's own factor, in units of half-maximal feedback. The delivered
    factor ``u`` acts as the cell's own does, so ``dx/dt = k (leak + a h(x + u) - x)`` with
    ``h(y) = y^n / (1 + y^n)``. With enough cooperativity and feedback two levels hold
    themselves: a signal that lasts long enough above `Switch.least_signal` tips the cell for
    good. A switch without feedback or cooperativity follows its signal and falls back. Noise of
    the factor itself is left out; it stops holding for factors of few copies, which flip by
    chance, and over cell divisions.

    Second-order exponential stepping in parts of at most 1/50 of the factor's mean life, between
    which the signal runs in straight lines.

    Parameters
    ----------
    times_h : array, shape (times,)
    signal : array, shape (..., times)
        Delivered factor, in the same units as ``x``.

    References
    ----------
    Xiong & Ferrell (2003), doi:10.1038/nature02089, abstract: a transient stimulus leaves an
    irreversible response, which becomes transient when positive feedback is blocked.
    """
    at = np.asarray(times_h, dtype=np.float64)
    drive = np.asarray(signal, dtype=np.float64)
    if at.size != drive.shape[-1] or np.any(drive < 0.0) or not np.all(np.isfinite(drive)):
        raise InputError(
            "the signal is negative, not finite, or not of the same length as the times",
            where="switch",
            remedy="give one signal of zero or more for each time",
        )
    k = np.log(2.0) / switch.half_life_h
    rest = switch.resting
    found = np.empty(drive.shape)
    found[..., 0] = level = np.full(drive.shape[:-1], rest)
    for i, span in enumerate(np.diff(at)):
        parts = max(1, int(np.ceil(k * span / _STEP)))
        kept, whole, ramp = (float(w) for w in weights(np.asarray(k * span / parts)))
        dose = k * span / parts
        begin, rise = drive[..., i], (drive[..., i + 1] - drive[..., i]) / parts
        for part in range(parts):
            made = switch.production(switch.loop * level + begin + rise * part)
            guess = kept * level + dose * whole * made
            then = switch.production(switch.loop * guess + begin + rise * (part + 1))
            level = guess + dose * ramp * (then - made)
        found[..., i + 1] = level
    return np.maximum(found - rest, 0.0)
