"""RODAS4 for eight patients side by side, on one sparse pattern.

A Rosenbrock method of order 4(3), L-stable and stiffly accurate [1]. Every lane has its
own time, step and constants, and takes the next patient when it has finished one; the
lanes share the instructions only. So the cost of finding entries is paid once for
eight patients, and no patient's result depends on its neighbours.

References
----------
.. [1] Hairer, Wanner 1996, Solving Ordinary Differential Equations II, section IV.7.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.network.kernel import kernel
from exosome.numerics.network.tables import CODES
from exosome.numerics.network.vectors import (
    WIDTH,
    add_product,
    difference,
    larger,
    product,
    quotient,
    take_product,
    total,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.network.slopes import Plan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

GAMMA = 0.25
# Coefficients of rodas.f (METH=1) of reference [1], in the transformed variables.
A = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [1.544, 0.0, 0.0, 0.0, 0.0],
    [0.9466785280815826, 0.2557011698983284, 0.0, 0.0, 0.0],
    [3.314825187068521, 2.896124015972201, 0.9986419139977817, 0.0, 0.0],
    [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 0.0],
])  # fmt: skip
C = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [-5.6688, 0.0, 0.0, 0.0, 0.0],
    [-2.430093356833875, -0.2063599157091915, 0.0, 0.0, 0.0],
    [-0.1073529058151375, -9.594562251023355, -20.47028614809616, 0.0, 0.0],
    [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160, 0.0],
    [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
     -6.058818238834054],
])  # fmt: skip

#: How a patient ended. Words and remedies are in `ode`.
FINE, TOO_LONG, TOO_SMALL, SINGULAR, NOT_FINITE = 0, 1, 2, 3, 4

_MOST_STEPS = 1_000_000
# A pivot that lost all but 1e-10 of its size has no digits left worth dividing by.
_MOST_LOST = 1e20  # the square of the ratio

_ADD, _SUB, _MUL, _DIV, _POW = (CODES[n] for n in ("add", "sub", "mul", "div", "pow"))
_MIN, _MAX, _LT, _LE, _GT, _GE = (CODES[n] for n in ("min", "max", "lt", "le", "gt", "ge"))
_EQ, _NE, _AND, _OR, _IF = (CODES[n] for n in ("eq", "ne", "and", "or", "if"))
_NEG, _NOT, _EXP, _LN, _LOG10 = (CODES[n] for n in ("neg", "not", "exp", "ln", "log10"))
_SQRT, _ABS, _FLOOR, _CEIL = (CODES[n] for n in ("sqrt", "abs", "floor", "ceil"))
_SIN, _COS, _TAN = (CODES[n] for n in ("sin", "cos", "tan"))


@kernel
def one_value(op: int, x: float) -> float:
    """Return an operation on one number."""
    if op == _NEG:
        return -x
    if op == _NOT:
        return 1.0 if x == 0.0 else 0.0
    if op == _EXP:
        return math.exp(x)
    if op == _LN:
        return np.log(x)
    if op == _LOG10:
        return np.log10(x)
    if op == _SQRT:
        return np.sqrt(x)
    if op == _ABS:
        return abs(x)
    if op == _FLOOR:
        return np.floor(x)
    if op == _CEIL:
        return np.ceil(x)
    if op == _SIN:
        return math.sin(x)
    if op == _COS:
        return math.cos(x)
    if op == _TAN:
        return math.tan(x)
    return math.tanh(x)


@kernel
def two_values(op: int, x: float, y: float) -> float:
    """Return an operation on two numbers other than the four of arithmetic."""
    if op == _POW:
        return x**y
    if op == _MIN:
        return min(x, y)
    if op == _MAX:
        return max(x, y)
    if op == _LT:
        truth = x < y
    elif op == _LE:
        truth = x <= y
    elif op == _GT:
        truth = x > y
    elif op == _GE:
        truth = x >= y
    elif op == _EQ:
        truth = x == y
    elif op == _NE:
        truth = x != y
    elif op == _AND:
        truth = x != 0.0 and y != 0.0
    else:
        truth = x != 0.0 or y != 0.0
    return 1.0 if truth else 0.0


@kernel
def run_tape(tape: Ints, first: int, last: int, r: Floats) -> None:
    """Carry out instructions on rows of registers."""
    for q in range(first, last):
        op, out, x, y = tape[q, 0], tape[q, 1], tape[q, 2], tape[q, 3]
        if op == _MUL:
            product(r, out, r, x, r, y)
        elif op == _ADD:
            total(r, out, r, x, r, y)
        elif op == _SUB:
            difference(r, out, r, x, r, y)
        elif op == _DIV:
            quotient(r, out, r, x, r, y)
        elif op == _IF:
            z = tape[q, 4]
            for lane in range(WIDTH):
                r[out, lane] = r[y, lane] if r[x, lane] != 0.0 else r[z, lane]
        elif op >= _NEG:
            for lane in range(WIDTH):
                r[out, lane] = one_value(op, r[x, lane])
        else:
            for lane in range(WIDTH):
                r[out, lane] = two_values(op, r[x, lane], r[y, lane])


@kernel
def add_slopes(
    linear_at: Ints, linear_column: Ints, rate_state: Ints, rate_register: Ints, factor: Floats,
    offset: Floats, linear: Floats, r: Floats, out: Floats, first: int,
) -> None:  # fmt: skip
    """Fill rows of ``out`` from ``first`` on with ``b + A y + S v``, v being in its registers."""
    n = offset.shape[0]
    out[first : first + n] = offset
    for i in range(n):
        for e in range(linear_at[i], linear_at[i + 1]):
            add_product(out, first + i, linear, e, r, linear_column[e])
    for e in range(rate_state.size):
        add_product(out, first + rate_state[e], factor, e, r, rate_register[e])


@kernel
def factor_rows(
    lower_at: Ints, lower_column: Ints, upper_at: Ints, update_at: Ints, update: Ints,
    m: Floats, inverse: Floats, loss: Floats, one: Floats,
) -> None:  # fmt: skip
    """Replace a matrix by its factors.

    The first of the two rows of ``loss`` becomes the largest square of the ratio of a
    diagonal entry to the pivot that is left of it.
    """
    below = lower_column.size
    diagonal = m.shape[0] - inverse.shape[0]
    loss[:] = 0.0
    for i in range(inverse.shape[0]):
        product(loss, 1, m, diagonal + i, one, 0)
        for e in range(lower_at[i], lower_at[i + 1]):
            k = lower_column[e]
            product(m, e, m, e, inverse, k)
            source = below + upper_at[k]
            for q in range(update_at[e], update_at[e + 1]):
                take_product(m, update[q], m, e, m, source + q - update_at[e])
        quotient(inverse, i, one, 0, m, diagonal + i)
        product(loss, 1, loss, 1, inverse, i)
        product(loss, 1, loss, 1, loss, 1)
        larger(loss, 0, loss, 0, loss, 1)


@kernel
def solve_rows(
    lower_at: Ints, lower_column: Ints, upper_at: Ints, upper_column: Ints,
    m: Floats, inverse: Floats, x: Floats, first: int,
) -> None:  # fmt: skip
    """Solve for the rows of ``x`` from ``first`` on, in place."""
    n, below = inverse.shape[0], lower_column.size
    for i in range(n):
        for e in range(lower_at[i], lower_at[i + 1]):
            take_product(x, first + i, m, e, x, first + lower_column[e])
    for i in range(n - 1, -1, -1):
        for e in range(upper_at[i], upper_at[i + 1]):
            take_product(x, first + i, m, below + e, x, first + upper_column[e])
        product(x, first + i, x, first + i, inverse, i)


@kernel
def solve_block(
    plan: Plan, offset: Floats, linear: Floats, constant: Floats, state: Floats,
    start: Floats, stop: Floats, first: Ints, last: Ints, grid: Floats, columns: Ints,
    saved: Floats, relative: float, absolute: Floats, fixed_step: float, steps: Ints,
    status: Ints, when: Floats,
) -> None:  # fmt: skip
    """Move the patients of a block from their start to their stop.

    ``offset``, ``linear``, ``constant`` and ``state`` have a row for each number and a column for
    each patient. ``grid[first[p]:last[p]]`` are the moments saved on the way, in the
    ``columns`` of ``saved``; each is landed on. ``fixed_step`` above 0 replaces the relative
    tolerance and the patients' absolute ones.
    """
    order, lower_at, lower_column, upper_at, upper_column, update_at, update = plan.elimination
    linear_at, linear_column, linear_place = (
        plan.linear_at, plan.linear_column, plan.linear_place,
    )  # fmt: skip
    tape, rate_code, all_code = plan.tape, plan.rate_code, plan.tape.shape[0]
    rate_state, rate_register = plan.rate_state, plan.rate_register
    slope_place, slope_register = plan.slope_place, plan.slope_register
    n, patients = order.size, start.size
    has_fixed_step = fixed_step > 0.0

    r = np.zeros((plan.registers, WIDTH))
    m = np.empty((lower_column.size + upper_column.size + n, WIDTH))
    inverse, base = np.empty((n, WIDTH)), np.zeros((n, WIDTH))
    b, a = np.zeros((n, WIDTH)), np.zeros((linear_column.size, WIDTH))
    k = np.empty((6 * n, WIDTH))
    gathered = np.empty((1, WIDTH))
    weight_a, weight_c = np.empty((A.size, WIDTH)), np.empty((C.size, WIDTH))
    rate_change = np.empty((rate_state.size, WIDTH))
    slope_change = np.empty((slope_place.size, WIDTH))
    for lane in range(WIDTH):
        rate_change[:, lane] = plan.rate_change
        slope_change[:, lane] = plan.slope_change
        weight_a[:, lane], weight_c[:, lane] = A.ravel(), C.ravel()
    one_step, shift, one = np.ones((1, WIDTH)), np.ones((1, WIDTH)), np.ones((1, WIDTH))
    error, odd, loss = np.zeros((1, WIDTH)), np.zeros((2, WIDTH)), np.zeros((2, WIDTH))
    floor, miss = np.ones((n, WIDTH)), np.empty((n, WIDTH))
    # Flat views: loops over them are long and become vector instructions by themselves.
    flat_y, flat_base = r[:n].reshape(n * WIDTH), base.reshape(n * WIDTH)
    flat_floor, flat_miss = floor.reshape(n * WIDTH), miss.reshape(n * WIDTH)
    flat_last = k[5 * n :].reshape(n * WIDTH)

    who = np.full(WIDTH, -1, np.int64)
    saves = np.zeros(WIDTH, np.int64)
    now, h, used = np.zeros(WIDTH), np.ones(WIDTH), np.ones(WIDTH)
    goal, is_last = np.zeros(WIDTH), np.zeros(WIDTH, np.bool_)
    was_rejected, accepted = np.zeros(WIDTH, np.bool_), np.zeros(WIDTH, np.bool_)
    waiting = 0
    while True:
        # Fill free lanes. Those left over repeat the patient that they had, to no effect.
        running = 0
        for lane in range(WIDTH):
            while who[lane] < 0 and waiting < patients:
                p = waiting
                waiting += 1
                for i in range(n):
                    r[i, lane] = base[i, lane] = state[i, p]
                    floor[i, lane] = absolute[p]
                    b[i, lane] = offset[i, p]
                for i in range(a.shape[0]):
                    a[i, lane] = linear[i, p]
                for i in range(constant.shape[0]):
                    r[n + i, lane] = constant[i, p]
                now[lane], h[lane], was_rejected[lane] = start[p], fixed_step, False
                saves[lane] = first[p]
                while saves[lane] < last[p] and grid[saves[lane]] <= start[p]:
                    for c in range(columns.size):
                        saved[p, saves[lane], c] = base[columns[c], lane]
                    saves[lane] += 1
                if start[p] < stop[p]:
                    who[lane] = p
            if who[lane] >= 0:
                running += 1
        if running == 0:
            return
        run_tape(tape, 0, all_code, r)
        add_slopes(linear_at, linear_column, rate_state, rate_register, rate_change, b, a, r, k, 0)
        # Steps: guess the first, then divide what is left so that no tiny one remains.
        for lane in range(WIDTH):
            p = who[lane]
            if p < 0:
                continue
            if h[lane] <= 0.0:
                # A step over which the counts change by a small part of themselves.
                h[lane] = 1e-4 * (stop[p] - start[p])
                size = speed = 0.0
                for i in range(n):
                    size = max(size, abs(base[i, lane]))
                    speed = max(speed, abs(k[i, lane]))
                if size > 0.0 and speed > 0.0:
                    h[lane] = 0.5 * relative**0.25 * size / speed
            goal[lane] = grid[saves[lane]] if saves[lane] < last[p] else stop[p]
            left = goal[lane] - now[lane]
            is_last[lane] = h[lane] >= left * (1.0 - 1e-12)
            if is_last[lane]:
                used[lane] = left
            elif 2.0 * h[lane] > left and not has_fixed_step:
                used[lane] = 0.5 * left
            else:
                used[lane] = h[lane]
            one_step[0, lane] = 1.0 / used[lane]
            shift[0, lane] = 1.0 / (used[lane] * GAMMA)
        m[: m.shape[0] - n] = 0.0
        m[m.shape[0] - n :] = shift[0]
        for e in range(linear_place.size):
            at = linear_place[e]
            difference(m, at, m, at, a, e)
        for e in range(slope_place.size):
            take_product(m, slope_place[e], slope_change, e, r, slope_register[e])
        factor_rows(lower_at, lower_column, upper_at, update_at, update, m, inverse, loss, one)
        for stage in range(6):
            here = stage * n
            if 0 < stage < 5:
                for i in range(n):
                    product(r, i, base, i, one, 0)
                    for s in range(stage):
                        add_product(r, i, k, s * n + i, weight_a, 5 * stage + s)
            elif stage == 5:
                for i in range(n):
                    total(r, i, r, i, k, 4 * n + i)
            if stage > 0:
                run_tape(tape, 0, rate_code, r)
                add_slopes(
                    linear_at, linear_column, rate_state, rate_register, rate_change, b, a, r, k,
                    here,
                )  # fmt: skip
                for i in range(n):
                    product(gathered, 0, k, i, weight_c, 5 * stage)
                    for s in range(1, stage):
                        add_product(gathered, 0, k, s * n + i, weight_c, 5 * stage + s)
                    add_product(k, here + i, gathered, 0, one_step, 0)
            solve_rows(lower_at, lower_column, upper_at, upper_column, m, inverse, k, here)
        for q in range(flat_y.size):
            value = flat_y[q] + flat_last[q]
            flat_y[q] = value
            size = max(abs(flat_base[q]), abs(value))
            flat_miss[q] = abs(flat_last[q]) / (flat_floor[q] + relative * size)
        error[:] = 0.0
        odd[:] = 0.0
        for i in range(n):
            larger(error, 0, error, 0, miss, i)
            difference(odd, 1, r, i, r, i)  # 0, or not a number where the count is not finite
            total(odd, 0, odd, 0, odd, 1)
        for lane in range(WIDTH):
            p = who[lane]
            accepted[lane] = False
            if p < 0:
                continue
            steps[p] += 1
            finite = odd[0, lane] == 0.0
            regular = loss[0, lane] < _MOST_LOST
            good = finite and regular and (has_fixed_step or error[0, lane] <= 1.0)
            accepted[lane] = good
            if good:
                now[lane] = goal[lane] if is_last[lane] else now[lane] + used[lane]
            if has_fixed_step:
                if not good:
                    status[p] = NOT_FINITE if regular else SINGULAR
            else:
                grow = 0.1
                if finite and regular:
                    grow = 5.0
                    if error[0, lane] > 0.0:
                        grow = min(5.0, max(0.1, 0.9 / math.sqrt(math.sqrt(error[0, lane]))))
                if good and was_rejected[lane]:
                    grow = min(grow, 1.0)
                proposal = used[lane] * grow
                if good and used[lane] < h[lane]:
                    h[lane] = max(h[lane], proposal)  # cut short by the goal, not by the error
                else:
                    h[lane] = proposal
                was_rejected[lane] = not good
                if not good and now[lane] + h[lane] <= now[lane] * (1.0 + 1e-15):
                    status[p] = TOO_SMALL
                    if not regular:
                        status[p] = SINGULAR
                    elif not finite:
                        status[p] = NOT_FINITE
            if steps[p] >= _MOST_STEPS:
                status[p] = TOO_LONG
        if running == WIDTH and np.all(accepted):
            flat_base[:] = flat_y
        else:
            for i in range(n):
                for lane in range(WIDTH):
                    value = r[i, lane] if accepted[lane] else base[i, lane]
                    r[i, lane] = value
                    base[i, lane] = value
        for lane in range(WIDTH):
            p = who[lane]
            if p < 0:
                continue
            if status[p] != FINE:
                when[p] = now[lane]
                who[lane] = -1
            elif accepted[lane] and is_last[lane]:
                if saves[lane] < last[p]:
                    for c in range(columns.size):
                        saved[p, saves[lane], c] = base[columns[c], lane]
                    saves[lane] += 1
                if saves[lane] >= last[p] and now[lane] >= stop[p]:
                    for i in range(n):
                        state[i, p] = base[i, lane]
                    who[lane] = -1
