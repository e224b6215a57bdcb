"""Adaptive tau-leaping: many reactions at a time, with a bound on what a leap may change.

Step choice after Cao, Gillespie and Petzold. A leap is so short that the expected change
of every count that a rate depends on, and its standard deviation, stay below
``epsilon * x / g`` (or one molecule), which bounds the relative change of every
mass-action propensity during a leap by about ``epsilon``. One condition is added: no leap
takes more than ``2 * epsilon`` of a count away. Without it, leaps near a balance of large
counts grow past the time of relaxation, and the variance comes out several times too large;
with it the stationary variance of a linear balance errs by about ``epsilon``.

Reactions that could empty a reactant within ten firings are critical: they fire one at a
time, exactly. Where a leap would be shorter than ten exact steps, a hundred exact steps are
taken instead. A leap that would make a count negative is halved and drawn again.

The bound holds for each leap, not for the result. Its bias is of first order in
``epsilon``; `leap_bias` measures it by comparing ``epsilon`` with half of it. It falls short
for free expressions with thresholds (their ``g`` is taken as the number of changing
species in them, at least 3), and below about 100,000 copies leaping is slower than lanes.

References
----------
.. [1] Cao, Gillespie, Petzold 2006, J Chem Phys 124, 044109 (eqs. 27-33).
.. [2] Hoermann 1993, Insurance: Mathematics and Economics 12, 39 (Poisson, PTRS).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.network.expression import symbols
from exosome.numerics.network.kernel import kernel
from exosome.numerics.network.machine import (
    BAD_RATE,
    FINE,
    NEGATIVE,
    exponential,
    uniform,
)
from exosome.numerics.network.ssa import chosen_in_line, refresh
from exosome.numerics.network.tables import slots_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exosome.numerics.network.description import Network
    from exosome.numerics.network.resolve import Resolved
    from exosome.numerics.network.tables import Tables

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Words = NDArray[np.uint64]

_CRITICAL = 10
_EXACT_STEPS = 100
_STACK = 64


def orders(resolved: Resolved) -> Ints:
    """Return for each moving slot its highest order and how often it enters that rate.

    Row ``(order, times)``: order 0 means that no rate reads the count. For a free expression
    the order is three, or the number of moving names in it where that is more.

    Raises
    ------
    InputError
        The network has events or rates that change in time.
    """
    if resolved.events or resolved.atoms:
        raise InputError(
            "tau-leaping serves networks without events and without time in rates",
            where=f"network {resolved.network.name!r}",
            remedy="use method 'auto'",
        )
    slots = slots_of(resolved)
    table = np.zeros((len(resolved.moving), 2), np.int64)
    for one, law, rate in zip(
        resolved.network.reactions, resolved.mass_action, resolved.rates, strict=True
    ):
        names = symbols(rate) & set(resolved.moving)
        sides = dict(one.reactants)
        order = sum(sides.values()) if law is not None else max(3, len(names))
        for name in names:
            times = sides.get(name, 1) if law is not None else order
            row = table[slots[name]]
            if (order, times) > (row[0], row[1]):
                table[slots[name]] = order, times
    return table


@kernel
def poisson(mean: float, s: Words) -> float:
    """Return a Poisson number: by inversion below 10, by transformed rejection above."""
    if mean < 10.0:
        term = math.exp(-mean)
        left = uniform(s)
        count = 0.0
        while left > term and count < 200.0:
            left -= term
            count += 1.0
            term *= mean / count
        return count
    root = math.sqrt(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2.0)
    log_mean = math.log(mean)
    while True:
        u = uniform(s) - 0.5
        v = 1.0 - uniform(s)
        us = 0.5 - abs(u)
        count = np.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= v_r:
            return count
        if count < 0.0 or (us < 0.013 and v > us):
            continue
        if math.log(v) + math.log(inverse) - math.log(a / (us * us) + b) <= (
            count * log_mean - mean - math.lgamma(count + 1.0)
        ):
            return count


@kernel
def leap_length(
    tab: Tables, order: Ints, epsilon: float, y: Floats, rates: Floats, critical: NDArray[np.bool_]
) -> float:
    """Return the longest leap that keeps the bound, and mark the critical reactions."""
    n = rates.size
    mean = np.zeros(order.shape[0])
    loss = np.zeros(order.shape[0])
    variance = np.zeros(order.shape[0])
    for j in range(n):
        critical[j] = False
        for i in range(tab.change_at[j], tab.change_at[j + 1]):
            by = tab.change_by[i]
            if by < 0.0 and rates[j] > 0.0 and y[tab.change_slot[i]] < -by * _CRITICAL:
                critical[j] = True
        if not critical[j]:
            for i in range(tab.change_at[j], tab.change_at[j + 1]):
                mean[tab.change_slot[i]] += tab.change_by[i] * rates[j]
                variance[tab.change_slot[i]] += tab.change_by[i] ** 2 * rates[j]
                loss[tab.change_slot[i]] -= min(tab.change_by[i], 0.0) * rates[j]
    length = np.inf
    for k in range(order.shape[0]):
        if order[k, 0] == 0 or variance[k] == 0.0:
            continue
        g = float(order[k, 0])
        x = y[k]
        # Several copies of one reactant: the rate falls faster than a power (eq. 27).
        for c in range(1, order[k, 1]):
            g += c / max(x - c, 1.0) * (order[k, 0] / order[k, 1])
        bound = max(epsilon * x / g, 1.0)
        if mean[k] != 0.0:
            length = min(length, bound / abs(mean[k]))
        length = min(length, bound * bound / variance[k])
        if loss[k] > 0.0:
            length = min(length, max(2.0 * epsilon * x, 1.0) / loss[k])
    return length


@kernel
def leap_block(
    tab: Tables, order: Ints, epsilon: float, states: Words, times: Floats, columns: Ints,
    saved: Floats, status: Ints,
) -> int:  # fmt: skip
    """Leap through one replicate for each row of ``states``; return the reactions fired."""
    n = tab.law.shape[0]
    leaves = 1
    while leaves < n:
        leaves *= 2
    tree = np.zeros(2 * leaves)
    stack = np.empty(_STACK + tab.code.size)
    critical = np.zeros(n, np.bool_)
    before = np.empty_like(tab.start)
    y = np.empty_like(tab.start)
    fired = 0.0
    for replicate in range(states.shape[0]):
        s = states[replicate].copy()
        y[:] = tab.start
        time, point, end, exact = 0.0, 0, FINE, 0
        while point < times.size:
            if not refresh(tab, y, tree, leaves, stack):
                end = BAD_RATE
                break
            rates = tree[leaves : leaves + n]
            total = 0.0
            for j in range(n):
                total += rates[j]
            stop = times[point]
            if total == 0.0:
                length = np.inf
            elif exact > 0:
                length = 0.0
            else:
                length = leap_length(tab, order, epsilon, y, rates, critical)
                if length < 10.0 / total:
                    exact = _EXACT_STEPS
            if total > 0.0 and exact > 0:
                exact -= 1
                time += exponential(s) / total
                if time < stop:
                    j = chosen_in_line(tree, leaves, n, uniform(s) * total)
                    fired += 1.0
                    for i in range(tab.change_at[j], tab.change_at[j + 1]):
                        y[tab.change_slot[i]] += tab.change_by[i]
                        if y[tab.change_slot[i]] < 0.0:
                            end = NEGATIVE
                    if end != FINE:
                        break
                    continue
            elif total > 0.0:
                slow = 0.0
                for j in range(n):
                    if critical[j]:
                        slow += rates[j]
                waiting = exponential(s) / slow if slow > 0.0 else np.inf
                before[:] = y
                while True:
                    step = min(length, waiting, stop - time)
                    y[:] = before
                    count_all = 0.0
                    for j in range(n):
                        if critical[j] or rates[j] == 0.0:
                            continue
                        count = poisson(rates[j] * step, s)
                        count_all += count
                        for i in range(tab.change_at[j], tab.change_at[j + 1]):
                            y[tab.change_slot[i]] += tab.change_by[i] * count
                    if step == waiting:
                        target = uniform(s) * slow
                        picked = -1
                        for j in range(n):
                            if critical[j] and rates[j] > 0.0:
                                picked = j
                                if target < rates[j]:
                                    break
                                target -= rates[j]
                        count_all += 1.0
                        for i in range(tab.change_at[picked], tab.change_at[picked + 1]):
                            y[tab.change_slot[i]] += tab.change_by[i]
                    lowest = 0.0
                    for c in range(tab.counted.size):
                        lowest = min(lowest, y[tab.counted[c]])
                    if lowest >= 0.0:
                        break
                    length = 0.5 * step
                fired += count_all
                time += step
                if step < stop - (time - step):
                    continue
            # The saved moment comes first: waiting has no memory, so it may be drawn anew.
            time = stop
            for c in range(columns.size):
                saved[replicate, point, c] = y[columns[c]]
            point += 1
        status[replicate] = end
    return int(fired)


def leap_bias(
    network: Network, times: ArrayLike, *, replicates: int, seed: int, epsilon: float = 0.03
) -> tuple[Floats, Floats]:
    """Return the estimated bias of the means at ``epsilon``, and its standard error.

    The bias is of first order, so that ``2 * (mean at epsilon - mean at epsilon / 2)`` estimates
    it. Both arms are independent.

    Returns
    -------
    bias, error : arrays, shape (times, species)
    """
    from exosome.numerics.network.ensemble import simulate

    runs = [
        simulate(
            network, times, replicates=replicates, seed=seed, method="tau",
            epsilon=epsilon / part, purpose=f"network.tau.{part}",
        ).values
        for part in (1, 2)
    ]  # fmt: skip
    bias = 2.0 * (runs[0].mean(axis=0) - runs[1].mean(axis=0))
    variance = runs[0].var(axis=0) + runs[1].var(axis=0)
    return bias, 2.0 * np.sqrt(variance / replicates)
