"""Exact simulation in plain Python: slow, short, and the twin of every kernel.

Gillespie's direct method, with values kept by name. Every propensity, trigger and
crossing is computed anew after every change; nothing is cached and nothing is updated.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from exosome.core.errors import NumericalError
from exosome.numerics.network.expression import evaluate
from exosome.numerics.network.resolve import Resolved, lands_before

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exosome.numerics.network.resolve import Atom

# A crossing is met when both sides agree to rounding.
_ROUNDING = 4 * 2.0**-52
_MOST_EVENTS_AT_ONCE = 10_000


class _Run:
    """One replicate: values by name, the time, and on which side of the time it stands."""

    def __init__(self, resolved: Resolved) -> None:
        self.resolved = resolved
        self.values = dict(resolved.start)
        self.time = 0.0
        self.after = False
        self.was_true = [event.initially for event in resolved.events]
        self.settle()

    def atom_sign(self, atom: Atom) -> tuple[float, float, float]:
        """Return level, slope and the value of an atom, with rounding taken for zero."""
        level = float(evaluate(atom.level, self.values, 0.0))
        slope = float(evaluate(atom.slope, self.values, 0.0))
        value = level + slope * self.time
        if abs(value) <= _ROUNDING * (abs(level) + abs(slope * self.time)):
            value = 0.0
        return level, slope, value

    def settle_atoms(self) -> None:
        """Give every atom its truth at this side of this time."""
        for k, atom in enumerate(self.resolved.atoms):
            _, slope, value = self.atom_sign(atom)
            if value == 0.0 and self.after:
                value = slope
            truth = {"gt": value > 0, "ge": value >= 0, "lt": value < 0, "le": value <= 0}
            self.values[f"#{k}"] = float(truth[atom.op])

    def settle(self) -> None:
        """Bring atoms up to date and run every event that has become due."""
        events = self.resolved.events
        due: list[tuple[int, dict[str, float] | None]] = []
        for _ in range(_MOST_EVENTS_AT_ONCE):
            self.settle_atoms()
            for k, event in enumerate(events):
                truth = bool(evaluate(event.trigger, self.values, self.time))
                if truth and not self.was_true[k]:
                    if any(one[0] == k for one in due):
                        raise NumericalError(
                            f"event {event.name!r} is due a second time before its turn",
                            where=f"network {self.resolved.network.name!r}, time {self.time:g}",
                            remedy="let events of one moment not switch each other off and on",
                        )
                    due.append((k, self.assigned(k) if event.values_at_trigger else None))
                if not truth and not event.persistent:
                    due = [one for one in due if one[0] != k]
                self.was_true[k] = truth
            if not due:
                return
            due.sort(key=lambda one: one[0])
            k, new = due.pop(0)
            self.values.update(self.assigned(k) if new is None else new)
            self.keep_whole()
        raise NumericalError(
            f"more than {_MOST_EVENTS_AT_ONCE:,} events at one moment",
            where=f"network {self.resolved.network.name!r}, time {self.time:g}",
            remedy="an event must not make its own trigger false and true again",
        )

    def assigned(self, k: int) -> dict[str, float]:
        """Return the values that event ``k`` assigns, computed from the present ones."""
        assignments = self.resolved.events[k].assignments
        return {n: float(evaluate(tree, self.values, self.time)) for n, tree in assignments}

    def keep_whole(self) -> None:
        """Round counts after an event, or raise NumericalError if one is none."""
        for name in self.resolved.counted:
            value = self.values[name]
            nearest = float(round(value)) if math.isfinite(value) else math.nan
            if not abs(value - nearest) <= 1e-9 * max(1.0, abs(nearest)) or nearest < 0:
                raise NumericalError(
                    f"an event leaves {name!r} at {value:g}, which is no count",
                    where=f"network {self.resolved.network.name!r}, time {self.time:g}",
                    remedy="assign a whole number from 0, for example with floor(...)",
                )
            self.values[name] = nearest

    def next_crossing(self) -> tuple[float, bool]:
        """Return the next time at which an atom changes, and whether it lands before a save."""
        best = (math.inf, True)
        for atom in self.resolved.atoms:
            level, slope, value = self.atom_sign(atom)
            if slope == 0.0:
                continue
            before = lands_before(atom.op, slope)
            if value == 0.0:
                found = math.inf if before or self.after else self.time
            else:
                found = -level / slope
            if found >= self.time and (found, not before) < (best[0], not best[1]):
                best = (found, before)
        return best

    def rates(self) -> list[float]:
        """Return all propensities; raise NumericalError if one is none."""
        rates = [float(evaluate(rate, self.values, 0.0)) for rate in self.resolved.rates]
        for one, rate in zip(self.resolved.network.reactions, rates, strict=True):
            if not 0.0 <= rate < math.inf:
                raise NumericalError(
                    f"the propensity of {one.name!r} is {rate:g}",
                    where=f"network {self.resolved.network.name!r}, time {self.time:g}",
                    remedy="write a rate that is finite and never negative",
                )
        return rates

    def fire(self, which: int) -> None:
        """Let one reaction happen; raise NumericalError if a count would be negative."""
        for name, change in self.resolved.changes[which].items():
            self.values[name] += change
            if self.values[name] < 0:
                one = self.resolved.network.reactions[which]
                raise NumericalError(
                    f"{one.name!r} makes {name!r} negative",
                    where=f"network {self.resolved.network.name!r}, time {self.time:g}",
                    remedy="write a rate that is zero where the reactants do not suffice",
                )


def simulate(
    resolved: Resolved, times: NDArray[np.float64], rng: np.random.Generator
) -> dict[str, list[float]]:
    """Return one exact run: the value of every name that moves at each of ``times``.

    Parameters
    ----------
    resolved : Resolved
        The network.
    times : array, increasing, from 0
        Saved moments. What happens at a saved moment itself is saved with it.
    rng : numpy.random.Generator
        Chance of this replicate.

    Raises
    ------
    NumericalError
        A propensity is negative or not finite, or a count stops being one.
    """
    run = _Run(resolved)
    saved: dict[str, list[float]] = {name: [] for name in resolved.moving}
    due = 0
    while due < len(times):
        rates = run.rates()
        total = math.fsum(rates)
        next_reaction = run.time + rng.exponential() / total if total > 0 else math.inf
        crossing, before = run.next_crossing()
        stop = min(float(times[due]), crossing)
        if next_reaction < stop:
            run.time, run.after = next_reaction, False
            run.fire(int(rng.choice(len(rates), p=[rate / total for rate in rates])))
            run.settle()
        elif crossing < times[due] or (crossing == times[due] and before):
            run.time, run.after = crossing, not before
            run.settle()
        else:
            run.after = run.after and run.time == times[due]
            run.time = float(times[due])
            for name in resolved.moving:
                saved[name].append(run.values[name])
            due += 1
    return saved
