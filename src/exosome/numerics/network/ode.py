"""The deterministic limit of a network: a stiff integrator with an exact Jacobian.

Counts become continuous and obey ``dx/dt = sum of changes x rates``, with powers in place of
falling factorials (`MassAction`) and free expressions as they stand. The limit holds where
counts are large; it knows no bursts and no chance. RODAS4, a Rosenbrock method of order
4(3), L-stable and stiffly accurate, solves it. The Jacobian is the symbolic derivative of
the rates. Linear systems are dense: for the few hundred species of a network of cells that
is as fast as sparse elimination and far shorter. Large sparse systems are not its purpose.

Crossings of time are landed on exactly. Events that depend on counts are refused.

References
----------
.. [1] Hairer, Wanner 1996, Solving Ordinary Differential Equations II, section IV.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError, NumericalError
from exosome.numerics.network.expression import (
    Apply,
    Expression,
    Number,
    affine_in_time,
    derivative,
    evaluate,
    folded,
    reads_time,
    simplified,
    substitute,
    symbols,
)
from exosome.numerics.network.kernel import kernel
from exosome.numerics.network.machine import value_between
from exosome.numerics.network.resolve import Resolved, lands_before, resolve
from exosome.numerics.network.tables import Programs, slots_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from exosome.numerics.network.description import Network

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_GAMMA = 0.25
# Coefficients of rodas.f (METH=1) of reference [1], in the transformed variables.
_A = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [1.544, 0.0, 0.0, 0.0, 0.0],
    [0.9466785280815826, 0.2557011698983284, 0.0, 0.0, 0.0],
    [3.314825187068521, 2.896124015972201, 0.9986419139977817, 0.0, 0.0],
    [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 0.0],
])  # fmt: skip
_C = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [-5.6688, 0.0, 0.0, 0.0, 0.0],
    [-2.430093356833875, -0.2063599157091915, 0.0, 0.0, 0.0],
    [-0.1073529058151375, -9.594562251023355, -20.47028614809616, 0.0, 0.0],
    [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160, 0.0],
    [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
     -6.058818238834054],
])  # fmt: skip

_MOST_STEPS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The mean field at saved times: ``values`` has the shape (times, names)."""

    names: tuple[str, ...]
    times: Floats
    values: Floats
    steps: int

    def of(self, name: str) -> Floats:
        """Return the course of one name."""
        return self.values[:, self.names.index(name)]


@kernel
def slopes(
    code_at: Ints, code: Ints, argument: Floats, count: int, y: Floats, stack: Floats, out: Floats
) -> None:
    """Fill ``out`` with the values of the first ``count`` programs."""
    for k in range(count):
        out[k] = value_between(code, argument, code_at[k], code_at[k + 1], y, 0.0, stack)


@kernel
def factored(matrix: Floats, pivots: Ints) -> bool:
    """Replace a matrix by its LU factors, rows exchanged; return whether it is regular."""
    n = matrix.shape[0]
    for k in range(n):
        best = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[best, k]):
                best = i
        pivots[k] = best
        if not abs(matrix[best, k]) > 0.0:
            return False
        if best != k:
            for j in range(n):
                matrix[k, j], matrix[best, j] = matrix[best, j], matrix[k, j]
        for i in range(k + 1, n):
            if matrix[i, k] != 0.0:
                matrix[i, k] /= matrix[k, k]
                factor = matrix[i, k]
                for j in range(k + 1, n):
                    matrix[i, j] -= factor * matrix[k, j]
    return True


@kernel
def solved(matrix: Floats, pivots: Ints, x: Floats) -> None:
    """Solve in place with the factors of `factored`."""
    n = x.size
    for k in range(n):
        if pivots[k] != k:
            x[k], x[pivots[k]] = x[pivots[k]], x[k]
    for i in range(n):
        for j in range(i):
            x[i] -= matrix[i, j] * x[j]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            x[i] -= matrix[i, j] * x[j]
        x[i] /= matrix[i, i]


@kernel
def advance(
    code_at: Ints, code: Ints, argument: Floats, at_row: Ints, at_column: Ints, y: Floats,
    count: int, start: float, stop: float, tolerance: Floats, step: float, fixed: bool,
) -> tuple[int, float]:  # fmt: skip
    """Move ``y[:count]`` from one time to another; return steps (-1: failed) and the last step.

    Programs are the slopes of all counts, then the entries of the Jacobian. ``tolerance``
    holds the relative and the absolute one. With ``fixed`` the step is kept as given.
    """
    stack = np.empty(64 + code.size)
    entries = np.empty(at_row.size)
    matrix = np.empty((count, count))
    pivots = np.empty(count, np.int64)
    k = np.empty((6, count))
    slope = np.empty(count)
    base = y[:count].copy()
    now = start
    taken = 0
    h = min(step, stop - start)
    a, c = _A, _C
    while now < stop:
        taken += 1
        if taken > _MOST_STEPS:
            return -1, h
        last = now + h >= stop - 1e-12 * abs(stop)
        if last:
            h = stop - now
        for e in range(at_row.size):
            p = count + e
            entries[e] = value_between(code, argument, code_at[p], code_at[p + 1], y, 0.0, stack)
        matrix[:] = 0.0
        for e in range(at_row.size):
            matrix[at_row[e], at_column[e]] -= entries[e]
        for i in range(count):
            matrix[i, i] += 1.0 / (h * _GAMMA)
        regular = factored(matrix, pivots)
        error = np.inf
        if regular:
            for stage in range(6):
                if stage < 5:
                    for i in range(count):
                        value = base[i]
                        for m in range(stage):
                            value += a[stage, m] * k[m, i]
                        y[i] = value
                else:
                    for i in range(count):
                        y[i] += k[4, i]
                slopes(code_at, code, argument, count, y, stack, slope)
                for i in range(count):
                    value = slope[i]
                    for m in range(stage):
                        value += c[stage, m] * k[m, i] / h
                    k[stage, i] = value
                solved(matrix, pivots, k[stage])
            error = 0.0
            for i in range(count):
                y[i] += k[5, i]
                scale = tolerance[1] + tolerance[0] * max(abs(base[i]), abs(y[i]))
                error = max(error, abs(k[5, i]) / scale)
        if fixed or error <= 1.0:
            now = stop if last else now + h
            base[:] = y[:count]
        else:
            y[:count] = base
        if not fixed:
            change = 0.9 * error**-0.25 if error > 0.0 else 5.0
            if not change > 0.0:  # no number came out: try far shorter
                change = 0.1
            proposal = h * min(5.0, max(0.1, change))
            if last and error <= 1.0:
                return taken, max(step, proposal)
            h = proposal
            if h < 1e-14 * max(1.0, abs(stop)):
                return -1, h
        else:
            h = step
    return taken, h


def mean_field(
    network: Network,
    times: ArrayLike,
    *,
    observe: Sequence[str] | None = None,
    relative_tolerance: float = 1e-9,
    absolute_tolerance: float = 1e-9,
    fixed_step: float | None = None,
) -> Course:
    """Return the deterministic limit of a network at the saved times.

    Parameters
    ----------
    network : Network
        What to integrate, from time 0.
    times : array, increasing, from 0 on
        Saved moments.
    observe : sequence of str, optional
        Names to save, also of rules; all species by default.
    relative_tolerance, absolute_tolerance : float
        Bounds on the estimated error of each step, in every count.
    fixed_step : float, optional
        Keep this step and ignore the tolerances (to show the order of convergence).

    Raises
    ------
    InputError
        The network has an event that depends on counts.
    NumericalError
        The step became too small, or a slope is not finite.
    """
    grid = np.ascontiguousarray(times, dtype=np.float64)
    resolved = resolve(network, stochastic=False)
    _check_events(resolved)
    slots = slots_of(resolved)
    count = len(resolved.moving)
    programs, rows, columns = _compiled(resolved, slots)
    y = np.zeros(len(slots))
    for name, value in resolved.start.items():
        y[slots[name]] = value
    names = tuple(part.name for part in network.species) if observe is None else tuple(observe)
    clock = _Clock(resolved, slots, y)
    tolerance = np.array([relative_tolerance, absolute_tolerance])
    saved = np.empty((grid.size, len(names)))
    now, taken, step = 0.0, 0, fixed_step or 1e-4 * max(float(grid[-1]), 1e-300)
    for point, due in enumerate(grid):
        while True:
            crossing, before = clock.next_crossing(now)
            stop = min(float(due), crossing)
            if stop > now:
                used, step = advance(
                    *programs, rows, columns, y, count, now, stop, tolerance, step,
                    fixed_step is not None,
                )  # fmt: skip
                if used < 0 or not np.all(np.isfinite(y[:count])):
                    raise NumericalError(
                        "the step became too small, or a slope is not finite",
                        where=f"mean field of network {network.name!r}, after time {now:g}",
                        remedy="loosen the tolerances, or write rates that stay finite",
                    )
                step = fixed_step or step
                taken += used
            now = stop
            if crossing < due or (crossing == due and before):
                clock.cross(now, after=not before)
                step = fixed_step or min(step, 1e-4 * max(float(grid[-1]), 1e-300))
            else:
                break
        values: dict[str, float | Floats] = {name: float(y[slot]) for name, slot in slots.items()}
        for column, name in enumerate(names):
            rule = network.inlined.get(name)
            saved[point, column] = values[name] if rule is None else evaluate(rule, values, due)
    return Course(names, grid, saved, taken)


def _check_events(resolved: Resolved) -> None:
    """Raise InputError for triggers that depend on moving values, also through the time."""
    moving = set(resolved.moving)
    for event in resolved.events:
        if symbols(event.trigger) & moving:
            raise InputError(
                f"event {event.name!r} depends on counts",
                where=f"mean field of network {resolved.network.name!r}",
                remedy="use `simulate`, or trigger the event by the time alone",
            )
    if any(symbols(tree) & moving for atom in resolved.atoms for tree in (atom.level, atom.slope)):
        raise InputError(
            "the time is compared with a value that moves",
            where=f"mean field of network {resolved.network.name!r}",
            remedy="use `simulate`, or compare the time with constants",
        )


def _compiled(
    resolved: Resolved, slots: dict[str, int]
) -> tuple[tuple[Ints, Ints, Floats], Ints, Ints]:
    """Return programs of all slopes and Jacobian entries, and where the entries stand."""
    network = resolved.network
    rates: list[Expression] = []
    for one, exact in zip(network.reactions, resolved.rates, strict=True):
        rate = simplified(network.propensity(one, mean_field=True))
        # Where the time is compared, the resolved rate stands in with its atoms.
        rates.append(_mean_field_with_atoms(rate, exact, resolved))
    programs = Programs(slots)
    slope_of: dict[str, Expression] = {}
    for name in resolved.moving:
        terms = [
            Apply("mul", (Number(float(change[name])), rate))
            for change, rate in zip(resolved.changes, rates, strict=True)
            if name in change
        ]
        slope_of[name] = folded("add", [*terms]) if terms else Number(0.0)
    for name in resolved.moving:
        programs.add(simplified(slope_of[name]))
    rows, columns = list[int](), list[int]()
    for name in resolved.moving:
        for other in sorted(symbols(slope_of[name]) & set(resolved.moving)):
            programs.add(derivative(slope_of[name], other))
            rows.append(slots[name])
            columns.append(slots[other])
    return programs.arrays(), np.array(rows, np.int64), np.array(columns, np.int64)


def _mean_field_with_atoms(rate: Expression, exact: Expression, resolved: Resolved) -> Expression:
    """Return the mean-field rate with comparisons of time replaced by the network's atoms."""
    if not reads_time(rate):
        return rate
    if isinstance(rate, Apply) and rate.op in {"lt", "le", "gt", "ge"} and reads_time(rate):
        difference = affine_in_time(Apply("sub", rate.args))
        for k, atom in enumerate(resolved.atoms):
            if difference is not None and (atom.op, atom.level, atom.slope) == (
                rate.op, simplified(difference[0]), simplified(difference[1]),
            ):  # fmt: skip
                return substitute(Apply("add", (Number(0.0), _atom(k))), {})
    assert isinstance(rate, Apply)  # noqa: S101 - `resolve` has refused a bare time
    return Apply(rate.op, tuple(_mean_field_with_atoms(p, exact, resolved) for p in rate.args))


def _atom(number: int) -> Expression:
    from exosome.numerics.network.expression import Symbol

    return Symbol(f"#{number}")


class _Clock:
    """Crossings of time, and the events at them, for triggers free of counts."""

    def __init__(self, resolved: Resolved, slots: dict[str, int], y: Floats) -> None:
        self._resolved, self._slots, self._y = resolved, slots, y
        values = dict(resolved.start)
        self._crossings: list[tuple[float, bool]] = []
        for atom in resolved.atoms:
            level = float(evaluate(atom.level, values, 0.0))
            slope = float(evaluate(atom.slope, values, 0.0))
            if slope != 0.0:
                moment, before = -level / slope, lands_before(atom.op, slope)
                if moment > 0 or (moment == 0 and not before):
                    self._crossings.append((moment, not before))
        self._crossings.sort()
        self._was = [event.initially for event in resolved.events]
        self.cross(0.0, after=False, drop=False)

    def next_crossing(self, now: float) -> tuple[float, bool]:
        """Return the next crossing and whether it lands before a saved moment."""
        if not self._crossings or self._crossings[0][0] < now:
            return np.inf, True
        return self._crossings[0][0], not self._crossings[0][1]

    def cross(self, now: float, *, after: bool, drop: bool = True) -> None:
        """Give atoms their truth on this side of this time and run events that become due."""
        while drop and self._crossings and self._crossings[0] <= (now, after):
            self._crossings.pop(0)
        values: dict[str, float | Floats] = {n: float(self._y[k]) for n, k in self._slots.items()}
        for k, atom in enumerate(self._resolved.atoms):
            level = float(evaluate(atom.level, values, 0.0))
            slope = float(evaluate(atom.slope, values, 0.0))
            value = level + slope * now
            if abs(value) <= 1e-15 * (abs(level) + abs(slope * now)):
                value = slope if after else 0.0
            truth = {"gt": value > 0, "ge": value >= 0, "lt": value < 0, "le": value <= 0}
            values[f"#{k}"] = self._y[self._slots[f"#{k}"]] = float(truth[atom.op])
        for k, event in enumerate(self._resolved.events):
            truth_now = bool(evaluate(event.trigger, values, now))
            if truth_now and not self._was[k]:
                new = {n: float(evaluate(t, values, now)) for n, t in event.assignments}
                for name, value in new.items():
                    self._y[self._slots[name]] = value
                    if not event.values_at_trigger:
                        values[name] = value
            self._was[k] = truth_now
