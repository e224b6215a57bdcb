"""Many replicates of a network, on threads, with addressed chance.

Replicate ``r`` draws from ``Streams(seed).of(purpose, r)`` and from nothing else: results
do not depend on the number of threads, on the order, or on how many replicates run.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from exosome.core.errors import InputError, NumericalError
from exosome.core.random import Streams
from exosome.numerics.network.expression import evaluate, symbols
from exosome.numerics.network.resolve import Resolved, resolve
from exosome.numerics.network.seeds import replicate_states
from exosome.numerics.network.tables import Tables, slots_of, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from exosome.numerics.network.description import Network

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Method: TypeAlias = Literal["auto", "lanes", "direct", "tree", "tau", "reference"]

#: Replicates handed to a thread at a time.
_BLOCK = 4096

_REMEDIES = {
    1: ("a propensity is negative or not finite", "write a rate that is finite and never negative"),
    2: ("a reaction makes a count negative", "write a rate that is zero where reactants run out"),
    3: ("an event leaves a value that is no count", "assign a whole number from 0"),
    4: ("events follow each other without end", "an event must not undo its own trigger"),
    6: ("an event is due a second time before its turn", "let events not switch each other"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Saved values of many replicates.

    Parameters
    ----------
    names : tuple of str
        What was saved.
    times : array, shape (times,)
        When.
    values : array, shape (replicates, times, names)
        Counts (whole numbers), and values of rules, parameters and sizes.
    fired : int
        Reactions that happened in all replicates together; 0 for the reference.
    method : str
        The solver that was used.
    """

    names: tuple[str, ...]
    times: Floats
    values: Floats
    fired: int
    method: str

    def of(self, name: str) -> Floats:
        """Return the values of one name, shape (replicates, times)."""
        if name not in self.names:
            raise InputError(
                f"{name!r} was not saved",
                where="ensemble",
                remedy=f"saved: {', '.join(self.names)}",
            )
        return self.values[:, :, self.names.index(name)]


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Everything that happened in one replicate.

    Parameters
    ----------
    names : tuple of str
        Columns of `values`.
    times : array, shape (n,)
        When something happened.
    fired : array of int, shape (n,)
        Number of the reaction, or -1 for one or more events of the network.
    values : array, shape (n, names)
        Values just after.
    """

    names: tuple[str, ...]
    times: Floats
    fired: Ints
    values: Floats


def simulate(  # noqa: PLR0913 - keyword only, each with a default
    network: Network,
    times: ArrayLike,
    *,
    replicates: int,
    seed: int,
    observe: Sequence[str] | None = None,
    purpose: str = "network.ssa",
    method: Method = "auto",
    threads: int = 2,
    first: int = 0,
    epsilon: float = 0.03,
) -> Ensemble:
    """Return the saved values of many independent runs of a network.

    Exact for every method but ``"tau"``. ``"auto"`` takes lanes where they serve the
    network (no events, rates free of time, up to `lanes.LANES_UP_TO` reactions), else the
    general kernel with a linear or a tree choice by size.

    Parameters
    ----------
    network : Network
        What to run, from time 0.
    times : array, increasing, from 0 on
        Saved moments.
    replicates, first : int
        How many runs, and the number of the first.
    seed, purpose : int, str
        Address of the chance.
    observe : sequence of str, optional
        Names to save, also of rules; all species by default.
    method : str
        ``"auto"``, ``"lanes"``, ``"direct"``, ``"tree"``, ``"tau"`` or ``"reference"``.
    threads : int
        Threads; the result does not depend on it.
    epsilon : float
        Bound on the relative change of propensities in one leap, for ``"tau"`` only.

    Raises
    ------
    InputError
        The network cannot be solved by this method, or an argument is out of range.
    NumericalError
        A propensity was negative, or a count stopped being one, in some replicate.
    """
    grid = np.ascontiguousarray(times, dtype=np.float64)
    if grid.ndim != 1 or not grid.size or grid[0] < 0 or not np.all(np.diff(grid) > 0):
        raise InputError(
            "saved times must increase from 0 or later",
            where=f"network {network.name!r}",
            remedy="give one list of times in increasing order",
        )
    if replicates < 1 or threads < 1 or first < 0 or first + replicates > 2**32:
        raise InputError(
            "replicates and threads must be at least 1, and replicates below 2**32",
            where=f"network {network.name!r}",
            remedy="give whole numbers in that range",
        )
    resolved = resolve(network)
    names = tuple(part.name for part in network.species) if observe is None else tuple(observe)
    needed = _needed(resolved, names)
    chosen = _chosen(resolved, method)
    values = np.empty((replicates, grid.size, len(needed)))
    if chosen == "reference":
        from exosome.numerics.network import reference

        for row in range(replicates):
            run = reference.simulate(resolved, grid, Streams(seed).of(purpose, first + row))
            for column, name in enumerate(needed):
                values[row, :, column] = run[name]
        fired = 0
    else:
        states = replicate_states(seed, purpose, first, replicates)
        status = np.zeros(replicates, np.int64)
        run_block = _runner(resolved, chosen, grid, needed, epsilon)

        def work(at: int) -> int:
            rows = slice(at, at + size)
            return run_block(states[rows], values[rows], status[rows])

        size = max(64, min(_BLOCK, -(-replicates // (2 * threads))))
        starts = range(0, replicates, size)
        if threads == 1:
            fired = sum(map(work, starts))
        else:
            run_block(states[:0], values[:0], status[:0])  # compile once, before the threads
            with ThreadPoolExecutor(threads) as pool:
                fired = sum(pool.map(work, starts))
        _raise_for(status, network, first)
    return Ensemble(names, grid, _outputs(resolved, names, needed, grid, values), fired, chosen)


def _needed(resolved: Resolved, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the moving names from which the wanted ones follow."""
    unknown = sorted(set(names) - resolved.start.keys())
    if unknown:
        raise InputError(
            f"nothing is named {', '.join(unknown)}",
            where=f"network {resolved.network.name!r}",
            remedy=f"names: {', '.join(resolved.network.names)}",
        )
    inlined = resolved.network.inlined
    reads = set[str]().union(*(symbols(inlined[n]) if n in inlined else {n} for n in names))
    return tuple(name for name in resolved.moving if name in reads)


def _outputs(
    resolved: Resolved,
    names: tuple[str, ...],
    needed: tuple[str, ...],
    times: Floats,
    values: Floats,
) -> Floats:
    """Return the wanted columns: saved values, constants and rules computed from them."""
    if names == needed:
        return values
    known: dict[str, float | Floats] = dict(resolved.start)
    known |= {name: values[:, :, k] for k, name in enumerate(needed)}
    out = np.empty((*values.shape[:2], len(names)))
    for k, name in enumerate(names):
        rule = resolved.network.inlined.get(name)
        out[:, :, k] = known[name] if rule is None else evaluate(rule, known, times)
    return out


def _chosen(resolved: Resolved, method: Method) -> str:
    """Return the solver for a method; raise InputError if it cannot serve the network."""
    from exosome.numerics.network import lanes, ssa

    count = len(resolved.rates)
    if method == "auto":
        if lanes.is_served(resolved) and count <= lanes.LANES_UP_TO:
            return "lanes"
        return "direct" if count <= ssa.LINEAR_UP_TO else "tree"
    if method == "lanes" and not lanes.is_served(resolved):
        raise InputError(
            "lanes serve networks without events and without time in rates",
            where=f"network {resolved.network.name!r}",
            remedy="use method 'auto'",
        )
    return method


def _runner(
    resolved: Resolved, method: str, times: Floats, needed: tuple[str, ...], epsilon: float
) -> Callable[[NDArray[np.uint64], Floats, Ints], int]:
    """Return a function that fills rows of values for rows of start states."""
    slots = slots_of(resolved)
    columns = np.array([slots[name] for name in needed], np.int64)
    if method == "lanes":
        from exosome.numerics.network.lanes import run_lanes

        loop = run_lanes(resolved)
        start = np.zeros(len(slots))
        for name, value in resolved.start.items():
            start[slots[name]] = value
        moving, still = np.split(start, [len(resolved.moving)])
        return lambda states, saved, status: loop(
            states, moving, still, times, columns, saved, status
        )
    tab = tables(resolved)
    if method == "tau":
        from exosome.numerics.network.tau import leap_block, orders

        order = orders(resolved)
        return lambda states, saved, status: leap_block(
            tab, order, epsilon, states, times, columns, saved, status
        )
    from exosome.numerics.network.ssa import run_block

    nothing = np.empty(0), np.empty(0, np.int64), np.empty((0, columns.size))

    def run(states: NDArray[np.uint64], saved: Floats, status: Ints) -> int:
        blame = np.empty(status.size, np.int64)
        return run_block(
            tab, method == "tree", states, times, columns, saved, status, blame, *nothing
        )

    return run


def _raise_for(status: Ints, network: Network, first: int) -> None:
    """Raise NumericalError for the first replicate that did not end well."""
    bad = np.flatnonzero(status)
    if bad.size:
        what, remedy = _REMEDIES[int(status[bad[0]])]
        raise NumericalError(
            f"{what} ({bad.size} of {status.size} replicates)",
            where=f"network {network.name!r}, replicate {first + int(bad[0])}",
            remedy=f"{remedy}; method 'reference' names the culprit and the time",
        )


def trajectory(
    network: Network, until: float, *, seed: int, replicate: int = 0, purpose: str = "network.ssa"
) -> Trajectory:
    """Return one run with every reaction and event recorded, up to a time.

    The run is that of ``simulate(..., method="direct")`` or ``"tree"`` with the same address.

    Raises
    ------
    InputError, NumericalError
        As for `simulate`.
    """
    from exosome.numerics.network.machine import FULL
    from exosome.numerics.network.ssa import LINEAR_UP_TO, run_block

    resolved = resolve(network)
    tab: Tables = tables(resolved)
    columns = np.arange(len(resolved.moving), dtype=np.int64)
    states = replicate_states(seed, purpose, replicate, 1)
    room = 4096
    while True:
        saved = np.empty((1, 1, columns.size))
        status, count = np.zeros(1, np.int64), np.zeros(1, np.int64)
        log = np.empty(room), np.empty(room, np.int64), np.empty((room, columns.size))
        use_tree = len(resolved.rates) > LINEAR_UP_TO
        run_block(
            tab, use_tree, states, np.array([float(until)]), columns, saved, status, count, *log
        )
        if status[0] != FULL:
            break
        room *= 4  # the same stream again, so the same run, with more room
    _raise_for(status, network, replicate)
    n = int(count[0])
    return Trajectory(resolved.moving, log[0][:n], log[1][:n], log[2][:n])


def replaced(network: Network, **values: float) -> Network:
    """Return a network with some parameters set to other numbers; nothing is recompiled."""
    from dataclasses import replace

    known = {part.name for part in network.parameters}
    unknown = sorted(values.keys() - known)
    if unknown:
        raise InputError(
            f"no parameter {', '.join(unknown)}",
            where=f"network {network.name!r}",
            remedy=f"parameters: {', '.join(sorted(known))}",
        )
    parts = tuple(
        replace(part, value=values.get(part.name, part.value)) for part in network.parameters
    )
    return replace(network, parameters=parts)
