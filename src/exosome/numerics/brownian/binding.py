"""Binding to the matrix: a particle is held where it is, and let go later.

While free (and outside a tube) a particle binds at a constant rate; it is held for a time that
is exponential, or has a heavy tail: ``P(T > t) = (1 + r t)^-a``. For ``a < 1`` the mean wait
has no limit, and the mean square way grows as ``t^a`` (a continuous-time random walk). Decay
goes on while a particle is held; uptake does not, since it does not move.

Both are Poisson processes on the axis of time, addressed by the particle and a bin of time of
one over the rate. So when a particle binds, is let go and is lost depends neither on its steps
nor on the windows in which a run is cut. A held particle's clock stands at the moment when it is
let go, ahead of the others; the engine takes it up again in the window in which that falls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.brownian.compiled import kernel
from exosome.numerics.brownian.particles import BOUND, DECAYED, FREE
from exosome.numerics.brownian.philox import block, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.brownian.particles import Particles

    Floats = NDArray[np.float64]

_LOW = np.uint64(0xFFFFFFFF)
_BIND, _LOSE = np.uint64(32), np.uint64(33)  # what a block of chance is for
_NEXT = np.uint64(256)  # so is the number of the point in its bin
_FREE, _DECAYED, _BOUND, _BOUND_TO_DECAY = FREE, DECAYED, BOUND, BOUND - 1


@dataclass(frozen=True, slots=True)
class Binding:
    """How one kind of particle binds to the matrix.

    Parameters
    ----------
    bind_per_s : float
        Rate at which a free particle is bound; 0 never.
    release_per_s : float
        Rate ``r`` of release, or the inverse of the time scale of a heavy tail.
    exponent : float
        ``a`` of the heavy tail; inf is the exponential wait ``exp(-r t)``.
    longest_s : float
        A wait that would be longer ends there.

    Raises
    ------
    InputError
        A rate that is negative or not finite, or an exponent or longest wait of zero.
    """

    bind_per_s: float
    release_per_s: float
    exponent: float = math.inf
    longest_s: float = math.inf

    def __post_init__(self) -> None:
        rules = {
            "the rate of binding must be finite and zero or more": (
                0.0 <= self.bind_per_s < math.inf
            ),
            "the rate of release must be finite and positive": 0.0 < self.release_per_s < math.inf,
            "the exponent of waits must be positive": self.exponent > 0.0,
            "the longest wait must be positive": self.longest_s > 0.0,
        }
        for rule, holds in rules.items():
            if not holds:
                raise InputError(rule, where="space", remedy="mend the numbers of the binding")

    @property
    def mean_wait_s(self) -> float:
        """Mean time for which a particle is held; inf for a tail without a mean."""
        r, a, longest = self.release_per_s, self.exponent, self.longest_s
        if math.isinf(a):
            return -math.expm1(-r * longest) / r
        if a == 1.0:
            return math.log1p(r * longest) / r
        if math.isinf(longest):
            return math.inf if a < 1.0 else 1.0 / (r * (a - 1.0))
        return ((1.0 + r * longest) ** (1.0 - a) - 1.0) / (r * (1.0 - a))

    @property
    def free_share(self) -> float:
        """Share of the time that a particle moves in the long run, and of its diffusivity."""
        if self.bind_per_s == 0.0:
            return 1.0
        return 1.0 / (1.0 + self.bind_per_s * self.mean_wait_s)


def rows_of(binding: tuple[Binding, ...]) -> Floats:
    """Return the numbers as the kernels read them, shape (kind, 4); empty if none ever binds."""
    if not any(one.bind_per_s > 0.0 for one in binding):
        return np.empty((0, 4))
    return np.array(
        [(one.bind_per_s, one.release_per_s, one.exponent, one.longest_s) for one in binding]
    )


def let_go(particles: Particles, until_s: float) -> None:
    """Free the held particles whose time comes before ``until_s``, in place; some are lost then."""
    due = particles.is_bound & (particles.clock_s < until_s)
    lost = particles.fate == _BOUND_TO_DECAY
    particles.fate[due & lost] = DECAYED
    particles.fate[due & ~lost] = FREE


@kernel
def _point(
    s0: np.uint64, s1: np.uint64, since: float, rate: float, purpose: np.uint64,
    k0: np.uint64, k1: np.uint64,
) -> tuple[float, np.uint64]:  # fmt: skip
    """Return the first point after a time of a particle's Poisson process, and a word of chance."""
    if rate <= 0.0:
        return np.inf, np.uint64(0)
    number = np.int64(np.floor(since * rate))
    while True:
        at, limit = number / rate, (number + 1) / rate
        which = purpose
        while True:
            w0, w1, _, _ = block(s0, s1, np.uint64(number) & _LOW, which, k0, k1)
            at -= np.log(uniform(w0)) / rate
            if at >= limit:
                break
            if at > since:
                return at, w1
            which += _NEXT
        number += 1


@kernel
def _wait(held: Floats, word: np.uint64) -> float:
    u = uniform(word)
    wait = -np.log(u) if held[2] == np.inf else u ** (-1.0 / held[2]) - 1.0
    return min(wait / held[1], held[3])


@kernel
def next_event(
    s0: np.uint64, s1: np.uint64, since: float, until: float, held: Floats, decay: float,
    k0: np.uint64, k1: np.uint64,
) -> float:  # fmt: skip
    """Return when a free particle is next bound or lost, at most ``until``."""
    binds, _ = _point(s0, s1, since, held[0], _BIND, k0, k1)
    lost, _ = _point(s0, s1, since, decay, _LOSE, k0, k1)
    return min(until, binds, lost)


@kernel
def settled(
    s0: np.uint64, s1: np.uint64, before: float, event: float, until: float, held: Floats,
    decay: float, in_lumen: bool, k0: np.uint64, k1: np.uint64,
) -> tuple[int, float, float]:  # fmt: skip
    """Return fate, clock and next event of a free particle whose event has come.

    ``before`` is a time since which there was no other event.
    """
    binds, word = _point(s0, s1, before, held[0], _BIND, k0, k1)
    if binds != event:
        return _DECAYED, event, event
    if in_lumen:
        return _FREE, event, next_event(s0, s1, event, until, held, decay, k0, k1)
    free_at = event + _wait(held, word)
    lost, _ = _point(s0, s1, event, decay, _LOSE, k0, k1)
    if lost < free_at:
        return (_DECAYED if lost < until else _BOUND_TO_DECAY), lost, lost
    if free_at >= until:
        return _BOUND, free_at, free_at
    return _FREE, free_at, next_event(s0, s1, free_at, until, held, decay, k0, k1)
