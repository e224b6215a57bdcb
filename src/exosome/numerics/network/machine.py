"""Kernels shared by the solvers: chance, programs, rates, events and crossings of time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.network.kernel import inlined_kernel, kernel
from exosome.numerics.network.tables import CODES, Tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Words = NDArray[np.uint64]

#: How a replicate ended. Names and remedies are in `ensemble`.
FINE, BAD_RATE, NEGATIVE, NOT_WHOLE, ENDLESS, FULL, TWICE = 0, 1, 2, 3, 4, 5, 6

_ROUNDING = 4 * 2.0**-52
_MOST_EVENTS_AT_ONCE = 10_000
_WHOLE = 1e-9

_NUMBER, _SLOT, _TIME = CODES["number"], CODES["slot"], CODES["time"]
_ADD, _SUB, _MUL, _DIV, _POW = (CODES[n] for n in ("add", "sub", "mul", "div", "pow"))
_MIN, _MAX, _LT, _LE, _GT, _GE = (CODES[n] for n in ("min", "max", "lt", "le", "gt", "ge"))
_EQ, _NE, _AND, _OR, _IF = (CODES[n] for n in ("eq", "ne", "and", "or", "if"))
_NEG, _NOT, _EXP, _LN, _LOG10 = (CODES[n] for n in ("neg", "not", "exp", "ln", "log10"))
_SQRT, _ABS, _FLOOR, _CEIL = (CODES[n] for n in ("sqrt", "abs", "floor", "ceil"))
_SIN, _COS, _TAN, _TANH = (CODES[n] for n in ("sin", "cos", "tan", "tanh"))


@inlined_kernel
def next_word(s: Words) -> np.uint64:
    """Return the next 64 bits of a xoshiro256++ generator [Blackman, Vigna]."""
    z = s[0] + s[3]
    word = ((z << np.uint64(23)) | (z >> np.uint64(41))) + s[0]
    t = s[1] << np.uint64(17)
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = (s[3] << np.uint64(45)) | (s[3] >> np.uint64(19))
    return word


@inlined_kernel
def uniform(s: Words) -> float:
    """Return a number from [0, 1) with 53 bits."""
    return float(next_word(s) >> np.uint64(11)) * 2.0**-53


@inlined_kernel
def exponential(s: Words) -> float:
    """Return a waiting time of mean 1."""
    return -math.log(1.0 - uniform(s))


@kernel
def value_between(
    code: Ints, argument: Floats, first: int, last: int, y: Floats, time: float, stack: Floats
) -> float:
    """Return the value of the program that lies between two offsets."""
    top = -1
    for i in range(first, last):
        op = code[i]
        if op == _SLOT:
            top += 1
            stack[top] = y[int(argument[i])]
            continue
        if op == _NUMBER:
            top += 1
            stack[top] = argument[i]
            continue
        if op == _TIME:
            top += 1
            stack[top] = time
            continue
        if op == _IF:
            top -= 2
            stack[top] = stack[top + 1] if stack[top] != 0.0 else stack[top + 2]
            continue
        if op >= _NEG:
            a = stack[top]
            if op == _NEG:
                a = -a
            elif op == _NOT:
                a = 1.0 if a == 0.0 else 0.0
            elif op == _EXP:
                a = math.exp(a)
            elif op == _LN:
                a = np.log(a)
            elif op == _LOG10:
                a = np.log10(a)
            elif op == _SQRT:
                a = np.sqrt(a)
            elif op == _ABS:
                a = abs(a)
            elif op == _FLOOR:
                a = np.floor(a)
            elif op == _CEIL:
                a = np.ceil(a)
            elif op == _SIN:
                a = math.sin(a)
            elif op == _COS:
                a = math.cos(a)
            elif op == _TAN:
                a = math.tan(a)
            else:
                a = math.tanh(a)
            stack[top] = a
            continue
        b = stack[top]
        top -= 1
        a = stack[top]
        if op == _ADD:
            a = a + b
        elif op == _SUB:
            a = a - b
        elif op == _MUL:
            a = a * b
        elif op == _DIV:
            a = a / b
        elif op == _POW:
            a = a**b
        elif op == _MIN:
            a = min(a, b)
        elif op == _MAX:
            a = max(a, b)
        elif op == _LT:
            a = 1.0 if a < b else 0.0
        elif op == _LE:
            a = 1.0 if a <= b else 0.0
        elif op == _GT:
            a = 1.0 if a > b else 0.0
        elif op == _GE:
            a = 1.0 if a >= b else 0.0
        elif op == _EQ:
            a = 1.0 if a == b else 0.0
        elif op == _NE:
            a = 1.0 if a != b else 0.0
        elif op == _AND:
            a = 1.0 if a != 0.0 and b != 0.0 else 0.0
        else:
            a = 1.0 if a != 0.0 or b != 0.0 else 0.0
        stack[top] = a
    return stack[0]


@inlined_kernel
def value_of(tab: Tables, program: int, y: Floats, time: float, stack: Floats) -> float:
    """Return the value of one program."""
    at = tab.code_at
    return value_between(tab.code, tab.argument, at[program], at[program + 1], y, time, stack)


@inlined_kernel
def rate_of(
    law: Ints, constant: Floats, code_at: Ints, code: Ints, argument: Floats,
    j: int, y: Floats, stack: Floats,
) -> float:  # fmt: skip
    """Return the propensity of reaction ``j``.

    Takes single arrays, not `Tables`: reading an array from a tuple counts references,
    which in the innermost loop costs several times as much as the rate.
    """
    reactants = law[j, 1]
    if reactants < 0:
        first, last = int(code_at[law[j, 0]]), int(code_at[law[j, 0] + 1])
        return value_between(code, argument, first, last, y, 0.0, stack)
    rate = constant[j]
    for i in range(reactants):
        x = y[law[j, 2 + 2 * i]]
        n = law[j, 3 + 2 * i]
        rate *= x
        for k in range(1, n):
            rate *= (x - k) / (k + 1.0)
    return rate


@kernel
def settle_atoms(tab: Tables, y: Floats, time: float, after: bool, stack: Floats) -> bool:
    """Give every atom its truth at this side of this time; return whether one changed."""
    changed = False
    for k in range(tab.atom_op.size):
        level = value_of(tab, tab.atom_level[k], y, 0.0, stack)
        slope = value_of(tab, tab.atom_slope[k], y, 0.0, stack)
        value = level + slope * time
        if abs(value) <= _ROUNDING * (abs(level) + abs(slope * time)):
            value = slope if after else 0.0
        op = tab.atom_op[k]
        if op == 0:
            truth = value < 0.0
        elif op == 1:
            truth = value <= 0.0
        elif op == 2:
            truth = value > 0.0
        else:
            truth = value >= 0.0
        new = 1.0 if truth else 0.0
        if new != y[tab.atom_slot[k]]:
            y[tab.atom_slot[k]] = new
            changed = True
    return changed


@kernel
def next_crossing(
    tab: Tables,
    y: Floats,
    time: float,
    after: bool,
    stack: Floats,
) -> tuple[float, bool]:
    """Return the next time at which an atom changes, and whether it lands before a save."""
    best, best_before = np.inf, True
    for k in range(tab.atom_op.size):
        level = value_of(tab, tab.atom_level[k], y, 0.0, stack)
        slope = value_of(tab, tab.atom_slope[k], y, 0.0, stack)
        if slope == 0.0:
            continue
        op = tab.atom_op[k]
        before = (op % 3 == 0) == (slope > 0.0)
        if abs(level + slope * time) <= _ROUNDING * (abs(level) + abs(slope * time)):
            found = np.inf if before or after else time
        else:
            found = -level / slope
        if found >= time and (found < best or (found == best and before and not best_before)):
            best, best_before = found, before
    return best, best_before


@kernel
def settle(
    tab: Tables, y: Floats, time: float, after: bool,
    was: Bools, due: Bools, held: Floats, stack: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Run every event that has become due; return a status and how many ran."""
    ran = 0
    n = tab.trigger.size
    due[:] = False
    while True:
        settle_atoms(tab, y, time, after, stack)
        first = -1
        for k in range(n):
            truth = value_of(tab, tab.trigger[k], y, time, stack) != 0.0
            if truth and not was[k]:
                if due[k]:
                    return TWICE, ran
                due[k] = True
                if tab.at_trigger[k]:
                    for i in range(tab.assign_at[k], tab.assign_at[k + 1]):
                        held[i] = value_of(tab, tab.assign_program[i], y, time, stack)
            if not truth and not tab.persistent[k]:
                due[k] = False
            was[k] = truth
            if due[k] and first < 0:
                first = k
        if first < 0:
            return FINE, ran
        ran += 1
        if ran > _MOST_EVENTS_AT_ONCE:
            return ENDLESS, ran
        due[first] = False
        start, stop = tab.assign_at[first], tab.assign_at[first + 1]
        if not tab.at_trigger[first]:
            for i in range(start, stop):
                held[i] = value_of(tab, tab.assign_program[i], y, time, stack)
        for i in range(start, stop):
            y[tab.assign_slot[i]] = held[i]
        for i in range(tab.counted.size):
            value = y[tab.counted[i]]
            nearest = np.rint(value)
            if not (abs(value - nearest) <= _WHOLE * max(1.0, abs(nearest)) and nearest >= 0.0):
                return NOT_WHOLE, ran
            y[tab.counted[i]] = nearest
