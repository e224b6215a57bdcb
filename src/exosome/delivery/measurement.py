"""The next best measurement: which input, once known, would most reduce a wrong verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.core.random import Streams
    from exosome.delivery.draws import Draws
    from exosome.delivery.problem import Problem

PRECISION_FOLD = 1.25
"""A measurement is taken to be within this factor (one standard deviation)."""

_BINS = 64


@dataclass(frozen=True, slots=True)
class Measurement:
    """What measuring one input to the stated precision is expected to bring."""

    role: str
    wrong_before: float
    wrong_after: float

    @property
    def gain(self) -> float:
        """Expected drop in the probability of a wrong yes-or-no answer."""
        return self.wrong_before - self.wrong_after


def next_measurements(
    problem: Problem, draws: Draws, margins: NDArray[np.float64], streams: Streams
) -> tuple[Measurement, ...]:
    """Return every uncertain input, the most useful measurement first.

    The question put is yes or no: does the dose suffice (margin >= 0)? Answering
    by the more probable side is wrong with probability ``min(p, 1 - p)``. A
    measurement of one input shows its value with a log-normal error of
    ``PRECISION_FOLD``; draws with like results (quantile bins) form the posterior,
    whose own ``min(p, 1 - p)`` is averaged. Bins hold over a thousand of the 1e5
    draws, so the gain is known to about a percentage point.
    """
    enough = margins >= 0.0
    before = _wrong(float(enough.mean()))
    found: list[Measurement] = []
    for role, one in problem.pools.items():
        if one.support[0] == one.support[1]:
            continue
        error = streams.of(f"measurement.{role}").standard_normal(draws.size)
        with np.errstate(divide="ignore"):
            seen = np.log(draws[role]) + math.log(PRECISION_FOLD) * error
        order = np.argsort(seen, kind="stable")
        shares = [
            float(part.mean()) for part in np.array_split(enough[order], min(_BINS, enough.size))
        ]
        after = float(np.mean([_wrong(p) for p in shares]))
        # Binning noise alone can seem to help by chance, or to hurt: neither is real.
        found.append(Measurement(role, before, min(after, before)))
    return tuple(sorted(found, key=lambda m: (-m.gain, m.role)))


def _wrong(p: float) -> float:
    return min(p, 1.0 - p)
