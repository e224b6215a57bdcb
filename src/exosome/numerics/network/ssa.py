"""Exact stochastic simulation of any network, compiled once for all of them.

Gillespie's direct method with a dependency graph: after a reaction only the rates that
read a changed count are computed anew. Up to `LINEAR_UP_TO` reactions the choice runs
along the rates; above, it descends a binary tree of partial sums, whose nodes are always
the sum of their two children, so that no rounding piles up. Events and crossings of time
are landed on exactly; see `resolve`. For networks without events `lanes` is faster.

References
----------
.. [1] Gillespie 1977, J Phys Chem 81, 2340 (direct method).
.. [2] Gibson, Bruck 2000, J Phys Chem A 104, 1876 (dependency graph).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.network.kernel import inlined_kernel, kernel
from exosome.numerics.network.machine import (
    BAD_RATE,
    FINE,
    FULL,
    NEGATIVE,
    exponential,
    next_crossing,
    rate_of,
    settle,
    uniform,
    value_between,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.network.tables import Tables

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Words = NDArray[np.uint64]

#: Reactions up to which a linear choice is faster than a tree (docs/methods/network.md).
LINEAR_UP_TO = 48

_STACK = 64


@kernel
def refresh(tab: Tables, y: Floats, tree: Floats, leaves: int, stack: Floats) -> bool:
    """Compute all rates and partial sums; return whether all rates are sound."""
    sound = True
    for j in range(tab.law.shape[0]):
        rate = rate_of(tab.law, tab.constant, tab.code_at, tab.code, tab.argument, j, y, stack)
        sound = sound and 0.0 <= rate < np.inf
        tree[leaves + j] = rate
    for node in range(leaves - 1, 0, -1):
        tree[node] = tree[2 * node] + tree[2 * node + 1]
    return sound


@inlined_kernel
def chosen_in_line(tree: Floats, leaves: int, count: int, target: float) -> int:
    """Return the leaf at which the running sum of rates exceeds ``target``."""
    last = 0
    for j in range(count):
        rate = tree[leaves + j]
        if rate > 0.0:
            last = j
            if target < rate:
                return j
            target -= rate
    return last


@kernel
def run_block(
    tab: Tables, use_tree: bool, states: Words, times: Floats, columns: Ints, saved: Floats,
    status: Ints, blame: Ints, log_time: Floats, log_kind: Ints, log_value: Floats,
) -> int:  # fmt: skip
    """Simulate one replicate for each row of ``states``; return the reactions fired.

    ``saved`` has the shape (replicates, times, columns) and takes the values of the slots
    ``columns``. With a log (its arrays not empty) the one replicate also records every
    reaction, and event number e as kind -1 - e is not told apart: all events are -1.
    """
    n = tab.law.shape[0]
    law, constant = tab.law, tab.constant
    code_at, code, argument = tab.code_at, tab.code, tab.argument
    change_at, change_slot, change_by = tab.change_at, tab.change_slot, tab.change_by
    affects_at, affects = tab.affects_at, tab.affects
    wakes = tab.wakes_events | tab.wakes_atoms
    wakes_atoms = tab.wakes_atoms
    leaves = 1
    while leaves < n:
        leaves *= 2
    tree = np.zeros(2 * leaves)
    stack = np.empty(_STACK + tab.code.size)
    was = np.empty(tab.trigger.size, np.bool_)
    due = np.empty(tab.trigger.size, np.bool_)
    held = np.empty(tab.assign_slot.size)
    y = np.empty_like(tab.start)
    fired = 0
    for replicate in range(states.shape[0]):
        s = states[replicate].copy()
        y[:] = tab.start
        was[:] = tab.initially
        time, after, point, logged = 0.0, False, 0, 0
        end, ran = settle(tab, y, time, after, was, due, held, stack)
        if not refresh(tab, y, tree, leaves, stack):
            end = BAD_RATE
        if ran and log_time.size:
            log_time[0], log_kind[0] = time, -1
            for c in range(columns.size):
                log_value[0, c] = y[columns[c]]
            logged = 1
        crossing, before = next_crossing(tab, y, time, after, stack)
        fresh, ahead = True, 0.0
        while end == FINE and point < times.size:
            total = 0.0
            if use_tree:
                total = tree[1]
            else:
                for j in range(n):
                    total += tree[leaves + j]
            stop = min(times[point], crossing)
            if fresh:
                ahead = time + exponential(s) / total if total > 0.0 else np.inf
            # A saved moment changes nothing: the reaction that was drawn still stands, so that
            # a run does not depend on which moments are saved.
            fresh = True
            ran = 0
            stale = False
            kind = -1
            if ahead < stop:
                time, after = ahead, False
                target = uniform(s) * total
                if use_tree:
                    node = 1
                    while node < leaves:
                        node *= 2
                        # A rounded target may reach past the last positive leaf: never
                        # enter an empty half.
                        if target >= tree[node] and tree[node + 1] > 0.0:
                            target -= tree[node]
                            node += 1
                    kind = node - leaves
                else:
                    for j in range(n):
                        if tree[leaves + j] > 0.0:
                            kind = j
                            if target < tree[leaves + j]:
                                break
                            target -= tree[leaves + j]
                fired += 1
                for i in range(change_at[kind], change_at[kind + 1]):
                    slot = change_slot[i]
                    y[slot] += change_by[i]
                    if y[slot] < 0.0:
                        end = NEGATIVE
                        blame[replicate] = kind
                if end != FINE:
                    break
                if wakes[kind]:
                    end, ran = settle(tab, y, time, after, was, due, held, stack)
                    stale = ran > 0 or wakes_atoms[kind]
                if not stale:
                    for i in range(affects_at[kind], affects_at[kind + 1]):
                        j = affects[i]
                        # `rate_of`, written out: see there what a call would cost.
                        reactants = law[j, 1]
                        if reactants < 0:
                            at, to = int(code_at[law[j, 0]]), int(code_at[law[j, 0] + 1])
                            rate = value_between(code, argument, at, to, y, 0.0, stack)
                        else:
                            rate = constant[j]
                            for r in range(reactants):
                                x = y[law[j, 2 + 2 * r]]
                                rate *= x
                                for k in range(1, law[j, 3 + 2 * r]):
                                    rate *= (x - k) / (k + 1.0)
                        if not 0.0 <= rate < np.inf:
                            end = BAD_RATE
                            blame[replicate] = j
                        node = leaves + j
                        tree[node] = rate
                        if use_tree:
                            node //= 2
                            while node:
                                tree[node] = tree[2 * node] + tree[2 * node + 1]
                                node //= 2
            elif crossing < times[point] or (crossing == times[point] and before):
                time, after = crossing, not before
                end, ran = settle(tab, y, time, after, was, due, held, stack)
                stale = True
            else:
                after = after and time == times[point]
                time = times[point]
                for c in range(columns.size):
                    saved[replicate, point, c] = y[columns[c]]
                point += 1
                fresh = False
            if stale and end == FINE:
                if not refresh(tab, y, tree, leaves, stack):
                    end = BAD_RATE
                crossing, before = next_crossing(tab, y, time, after, stack)
            if log_time.size and (kind >= 0 or ran):
                if logged == log_time.size:
                    end = FULL
                else:
                    log_time[logged], log_kind[logged] = time, kind
                    for c in range(columns.size):
                        log_value[logged, c] = y[columns[c]]
                    logged += 1
        status[replicate] = end
        if log_time.size:
            blame[replicate] = logged
    return fired
