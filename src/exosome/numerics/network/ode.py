"""The deterministic limit of a network: for one set of values, or for many patients at once.

Counts become continuous and obey ``dx/dt = sum of changes x rates``, with powers in place of
falling factorials (`MassAction`) and free expressions as they stand. The limit holds where
counts are large; it knows no bursts and no chance. `slopes` takes the network apart,
`elimination` plans its linear systems, `rodas` integrates.

Saved moments and crossings of time are landed on exactly: no value is interpolated. Events that
depend on counts are refused.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError, NumericalError
from exosome.numerics.network.description import start_values
from exosome.numerics.network.expression import Expression, evaluate, symbols
from exosome.numerics.network.resolve import Resolved, lands_before, resolve
from exosome.numerics.network.slopes import Constants, Plan, planned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from exosome.numerics.network.description import Network

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Value = float | Floats

#: Patients handed to a thread at a time: the same blocks for any number of threads.
_BLOCK = 64

_REMEDIES = {
    1: ("a million steps did not suffice", "loosen the tolerances, or scale the rates"),
    2: ("the step became too small", "loosen the tolerances, or write smoother rates"),
    3: ("the linear system is singular at every step", "write rates with finite derivatives"),
    4: ("a slope is not finite", "write rates that stay finite"),
}


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


@dataclass(frozen=True, slots=True, eq=False)
class Courses:
    """The mean fields of many patients at saved times.

    Parameters
    ----------
    names : tuple of str
        What was saved.
    times : array, shape (times,)
        When.
    values : array, shape (patients, times, names)
        Counts, and values of rules, parameters and sizes.
    steps : array of int, shape (patients,)
        Steps tried, rejected ones included.
    """

    names: tuple[str, ...]
    times: Floats
    values: Floats
    steps: Ints

    def of(self, name: str) -> Floats:
        """Return the courses of one name, shape (patients, times)."""
        if name not in self.names:
            raise InputError(
                f"{name!r} was not saved", where="mean fields",
                remedy=f"saved: {', '.join(self.names)}",
            )  # fmt: skip
        return self.values[:, :, self.names.index(name)]


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
        The network has an event that depends on counts, or an argument is out of range.
    NumericalError
        The step became too small, or a slope is not finite.
    """
    many = mean_fields(
        network, times, observe=observe, relative_tolerance=relative_tolerance,
        absolute_tolerance=absolute_tolerance, fixed_step=fixed_step, workers=1,
    )  # fmt: skip
    return Course(many.names, many.times, many.values[0], int(many.steps[0]))


def mean_fields(
    network: Network,
    times: ArrayLike,
    *,
    values: Mapping[str, ArrayLike] | None = None,
    observe: Sequence[str] | None = None,
    relative_tolerance: float = 1e-9,
    absolute_tolerance: ArrayLike = 1e-9,
    fixed_step: float | None = None,
    workers: int = 2,
) -> Courses:
    """Return the deterministic limit of a network for many sets of values ("patients").

    Eight patients advance side by side, each with its own steps and its own moments of
    events; a patient's result depends neither on the others nor on the threads.

    Parameters
    ----------
    network : Network
        What to integrate, from time 0.
    times : array, increasing, from 0 on
        Saved moments.
    values : mapping of name to array of shape (patients,), or number
        What replaces the values at the start of parameters, sizes and counts. What the network
        derives from them at the start or by rules follows. One patient if none is an array.
    observe : sequence of str, optional
        Names to save, also of rules; all species by default.
    relative_tolerance : float
    absolute_tolerance : float, or array of shape (patients,)
        Bounds on the estimated error of each step, in every count: their sum, the relative
        one times the count. Counts far below the absolute one are not resolved: scale it to
        the dose.
    fixed_step : float, optional
        Keep this step and ignore the tolerances.
    workers : int
        Threads; the result has the same bytes for any number.

    Raises
    ------
    InputError
        The network has an event that depends on counts, or an argument is out of range.
    NumericalError
        Some patient could not be integrated; the message says which, when and why.
    """
    grid = np.ascontiguousarray(times, dtype=np.float64)
    where = f"mean field of network {network.name!r}"
    absolute = np.asarray(absolute_tolerance, dtype=np.float64)
    _check_arguments(grid, relative_tolerance, absolute, fixed_step, workers, where)
    resolved, plan, constants = _prepared(network)
    start = _start(resolved, values or {}, where)
    patients = next(iter(start.values())).size
    names = tuple(part.name for part in network.species) if observe is None else tuple(observe)
    saved_names = _needed(resolved, names, where)
    run = _Run(resolved, plan, constants, start, grid, saved_names)
    if absolute.shape not in {(), (patients,)}:
        raise InputError(
            f"{absolute.size} absolute tolerances for {patients} patients", where=where,
            remedy="give one number, or one for each patient",
        )  # fmt: skip
    control = relative_tolerance, np.ones(patients) * absolute, fixed_step or 0.0
    steps = np.zeros(patients, np.int64)
    with ThreadPoolExecutor(workers) as pool:
        for segment in range(run.segments):
            status, when = np.zeros(patients, np.int64), np.zeros(patients)
            run.advance(segment, pool, control, (steps, status, when))
            _raise_for(status, when, where)
            run.cross(segment)
    known: dict[str, Value] = {name: value[:, None] for name, value in start.items()}
    known |= run.saved()
    out = np.empty((patients, grid.size, len(names)))
    for k, name in enumerate(names):
        rule = network.inlined.get(name)
        out[:, :, k] = known[name] if rule is None else evaluate(rule, known, grid)
    return Courses(names, grid, out, steps)


@lru_cache(maxsize=16)
def _prepared(network: Network) -> tuple[Resolved, Plan, Constants]:
    """Return what is the same for all patients; kept, for planning costs as much as 100 runs."""
    resolved = resolve(network, stochastic=False)
    _check_events(resolved)
    return resolved, *planned(resolved)


def _check_arguments(
    grid: Floats, relative: float, absolute: Floats, fixed: float | None, workers: int, where: str
) -> None:
    """Raise InputError for times, tolerances or threads out of range."""
    if grid.ndim != 1 or not grid.size or not grid[0] >= 0 or not np.all(np.diff(grid) > 0):
        raise InputError(
            "saved times must increase from 0 or later", where=where,
            remedy="give one list of times in increasing order",
        )  # fmt: skip
    if not np.isfinite(grid[-1]):
        raise InputError("a saved time is not finite", where=where, remedy="give finite times")
    positive = bool(np.all((absolute > 0) & (absolute < np.inf)))
    if not (0 < relative < 1 and positive) or (fixed is not None and not fixed > 0):
        raise InputError(
            "tolerances and a fixed step must be above 0, the relative tolerance below 1",
            where=where, remedy="give for example relative_tolerance=1e-6",
        )  # fmt: skip
    if workers < 1:
        raise InputError("no thread to work", where=where, remedy="give workers=1 or more")


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


def _start(resolved: Resolved, values: Mapping[str, ArrayLike], where: str) -> dict[str, Floats]:
    """Return the value of every name at the start, one entry for each patient."""
    network = resolved.network
    unknown = sorted(values.keys() - (set(network.names) - {name for name, _ in network.rules}))
    if unknown:
        raise InputError(
            f"cannot set {', '.join(unknown)}: unknown, or it follows from a rule", where=where,
            remedy=f"names: {', '.join(network.names)}",
        )  # fmt: skip
    given = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    sizes = {one.size for one in given.values() if one.ndim == 1}
    if any(one.ndim > 1 for one in given.values()) or len(sizes) > 1 or 0 in sizes:
        raise InputError(
            "values are not lists of one length", where=where,
            remedy="give each name one number, or one for each patient",
        )  # fmt: skip
    for name, one in given.items():
        odd = np.flatnonzero(~np.isfinite(np.atleast_1d(one)))
        if odd.size:
            raise InputError(
                f"{name!r} is not finite for patient {int(odd[0])}", where=where,
                remedy="give finite numbers",
            )  # fmt: skip
    patients = sizes.pop() if sizes else 1
    found = start_values(network, given)
    return {name: _for_each(value, patients) for name, value in found.items()}


def _for_each(value: Value, patients: int) -> Floats:
    """Return one number for each patient, in an array of its own."""
    out = np.empty(patients)
    out[:] = value
    return out


def _needed(resolved: Resolved, names: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return the moving names from which the wanted ones follow."""
    unknown = sorted(set(names) - resolved.start.keys())
    if unknown:
        raise InputError(
            f"nothing is named {', '.join(unknown)}", where=where,
            remedy=f"names: {', '.join(resolved.network.names)}",
        )  # fmt: skip
    inlined = resolved.network.inlined
    reads = set[str]().union(*(symbols(inlined[n]) if n in inlined else {n} for n in names))
    return tuple(name for name in resolved.moving if name in reads)


def _raise_for(status: Ints, when: Floats, where: str) -> None:
    """Raise NumericalError for the first patient that did not reach the end."""
    bad = np.flatnonzero(status)
    if bad.size:
        first = int(bad[0])
        what, remedy = _REMEDIES[int(status[first])]
        many = f" ({bad.size} of {status.size} patients failed)" if status.size > 1 else ""
        raise NumericalError(
            f"{what}{many}",
            where=f"{where}, patient {first}, after time {when[first]:g}",
            remedy=remedy,
        )


class _Run:
    """Patients between crossings of time: their counts, and their constants in force.

    Segment ``s`` of a patient ends at its crossing number ``s``; the last one at the last
    saved moment. Patients may cross at different moments.
    """

    def __init__(
        self, resolved: Resolved, plan: Plan, constants: Constants,
        start: Mapping[str, Floats], grid: Floats, saved: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._resolved, self._plan, self._constants = resolved, plan, constants
        self._grid = grid
        self._patients = patients = next(iter(start.values())).size
        self._values: dict[str, Value] = dict(start)
        self._was = [np.full(patients, event.initially) for event in resolved.events]
        moments, after = self._crossings()
        self._moments, self._after = moments, after
        self._settle(np.zeros(patients), np.zeros(patients, np.bool_))
        # A saved moment at a crossing comes after it, unless the truth changes only later.
        self._saved_before = np.where(
            after, np.searchsorted(grid, moments, "right"), np.searchsorted(grid, moments, "left")
        ).astype(np.int64)
        states = set(constants.states)
        self._saved_states = tuple(name for name in saved if name in states)
        self._switching = {
            name: np.empty((patients, grid.size)) for name in saved if name not in states
        }
        self._out = np.empty((patients, grid.size, len(self._saved_states)))

    @property
    def segments(self) -> int:
        """Crossings and one."""
        return self._moments.shape[1] + 1

    def _crossings(self) -> tuple[Floats, Bools]:
        """Return each patient's crossings in order, and which truths change only after them."""
        moments = np.full((self._patients, len(self._resolved.atoms)), np.inf)
        after = np.zeros(moments.shape, np.bool_)
        for k, atom in enumerate(self._resolved.atoms):
            level, slope = (self._evaluated(tree) for tree in (atom.level, atom.slope))
            # `>=` lands before a saved moment when it comes true, `<` when it ceases to be.
            before = np.where(slope > 0, lands_before(atom.op, 1.0), lands_before(atom.op, -1.0))
            with np.errstate(all="ignore"):
                at = -level / slope
            comes = (slope != 0.0) & ((at > 0) | ((at == 0) & ~before))
            moments[comes, k] = at[comes]
            after[:, k] = comes & ~before
        order = np.lexsort((after, moments), axis=-1)
        return np.take_along_axis(moments, order, -1), np.take_along_axis(after, order, -1)

    def _evaluated(self, tree: Expression) -> Floats:
        return _for_each(evaluate(tree, self._values, 0.0), self._patients)

    def advance(
        self, segment: int, pool: ThreadPoolExecutor, control: tuple[float, Floats, float],
        report: tuple[Ints, Ints, Floats],
    ) -> None:  # fmt: skip
        """Integrate one segment of all patients."""
        from exosome.numerics.network.rodas import solve_block

        end = np.full(self._patients, self._grid[-1])
        last_segment = segment == self.segments - 1
        start = np.minimum(self._moments[:, segment - 1], end) if segment else np.zeros_like(end)
        stop = end if last_segment else np.minimum(self._moments[:, segment], end)
        none = np.zeros(self._patients, np.int64)
        first = self._saved_before[:, segment - 1] if segment else none
        last = none + self._grid.size if last_segment else self._saved_before[:, segment]
        for name, course in self._switching.items():
            number = np.arange(self._grid.size)
            here = (number >= first[:, None]) & (number < last[:, None])
            value = np.broadcast_to(np.asarray(self._values[name])[:, None], here.shape)
            course[here] = value[here]
        offset, linear, tape = self._numbers()
        state = np.array([self._values[name] for name in self._constants.states])
        state = state.reshape(len(self._constants.states), self._patients)
        place = {name: k for k, name in enumerate(self._constants.states)}
        columns = np.array([place[name] for name in self._saved_states], np.int64)
        steps, status, when = report
        relative, absolute, fixed_step = control

        def block(at: int) -> None:
            here = slice(at, at + _BLOCK)
            own = np.ascontiguousarray(state[:, here])
            solve_block(
                self._plan, np.ascontiguousarray(offset[:, here]),
                np.ascontiguousarray(linear[:, here]), np.ascontiguousarray(tape[:, here]), own,
                start[here], stop[here], first[here].copy(), last[here].copy(), self._grid, columns,
                self._out[here], relative, absolute[here], fixed_step, steps[here], status[here],
                when[here],
            )  # fmt: skip
            state[:, here] = own

        starts = range(0, self._patients, _BLOCK)
        for _ in map(block, starts) if len(starts) == 1 else pool.map(block, starts):
            pass
        self._values |= dict(zip(self._constants.states, state, strict=True))

    def _numbers(self) -> tuple[Floats, Floats, Floats]:
        """Return b, the entries of A and the constants of the tape, patients in columns."""
        known = self._constants
        found = [self._evaluated(tree) for tree in known.trees]
        offset = np.zeros((len(known.states), self._patients))
        linear = np.zeros((self._plan.linear_column.size, self._patients))
        for sums, terms in ((offset, known.offset), (linear, known.linear)):
            for row, change, tree in terms:
                sums[row] += change * found[tree]
        tape = np.array([found[k] for k in known.tape]).reshape(len(known.tape), self._patients)
        return offset, linear, tape

    def cross(self, segment: int) -> None:
        """Run what becomes due at the end of a segment."""
        if segment < self.segments - 1:
            moment = self._moments[:, segment]
            self._settle(moment, self._after[:, segment])

    def _settle(self, now: Floats, after: Bools) -> None:
        """Give atoms their truth on this side of each patient's time and run due events."""
        here = now <= self._grid[-1]  # patients whose crossing is never reached stay as they are
        at = np.where(here, now, 0.0)
        for k, atom in enumerate(self._resolved.atoms):
            level, slope = (self._evaluated(tree) for tree in (atom.level, atom.slope))
            value = level + slope * at
            rounding = 1e-15 * (abs(level) + abs(slope * at))
            value = np.where(abs(value) <= rounding, np.where(after, slope, 0.0), value)
            truth = {"gt": value > 0, "ge": value >= 0, "lt": value < 0, "le": value <= 0}[atom.op]
            held = self._values.get(f"#{k}", 0.0)
            self._values[f"#{k}"] = np.where(here, truth.astype(np.float64), held)
        triggered = dict(self._values)
        for k, event in enumerate(self._resolved.events):
            truth = self._evaluated(event.trigger) != 0.0
            due = here & truth & ~self._was[k]
            source = triggered if event.values_at_trigger else dict(self._values)
            for name, tree in event.assignments if due.any() else ():
                value = evaluate(tree, source, at)
                self._values[name] = np.where(due, value, self._values[name])
            self._was[k] = np.where(here, truth, self._was[k])

    def saved(self) -> dict[str, Value]:
        """Return the courses of moving names, shape (patients, times)."""
        states = {name: self._out[:, :, k] for k, name in enumerate(self._saved_states)}
        return {**states, **self._switching}
