"""The right-hand side of the mean field and its Jacobian, taken apart for fast evaluation.

With counts ``y``, the slope is ``b + A y + S v(y)``. The rates that are affine in the counts
give ``b`` and ``A``: for each patient they are numbers. Only the other rates, ``v``, and
their derivatives are computed again at every stage, by a tape: instructions on registers
in which equal parts stand once, and parts free of counts are computed once for each patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from exosome.numerics.network.elimination import Elimination, elimination
from exosome.numerics.network.expression import (
    Apply,
    Expression,
    Number,
    Symbol,
    affine_in_time,
    derivative,
    reads_time,
    simplified,
    substitute,
    symbols,
)
from exosome.numerics.network.tables import CODES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.network.resolve import Resolved

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    _Register = tuple[int, int]

_Key = TypeVar("_Key", bound=tuple[object, ...])
_WHOLE_POWERS = 8


class Plan(NamedTuple):
    """What the kernel reads of a network: the same for all patients.

    States are in the order of elimination. Registers hold the states, then the constants
    of the tape, then what the instructions compute.
    """

    elimination: Elimination
    # A by rows: columns, and where each entry stands in the matrix that is factored.
    linear_at: Ints
    linear_column: Ints
    linear_place: Ints
    # Instructions (code, result, operands): the first `rate_code` compute rates, all of them
    # the derivatives as well.
    tape: Ints
    rate_code: int
    registers: int
    # S v: state, register, change; and the same for the Jacobian with the place in it.
    rate_state: Ints
    rate_register: Ints
    rate_change: Floats
    slope_place: Ints
    slope_register: Ints
    slope_change: Floats


class Constants(NamedTuple):
    """Trees free of counts, and what they add up to; to be evaluated for each patient."""

    states: tuple[str, ...]
    trees: tuple[Expression, ...]
    # (row of b or entry of A, change, tree)
    offset: tuple[tuple[int, float, int], ...]
    linear: tuple[tuple[int, float, int], ...]
    tape: tuple[int, ...]


class _Trees:
    """Distinct trees by number."""

    def __init__(self) -> None:
        self.number: dict[Expression, int] = {}

    def add(self, tree: Expression) -> int:
        return self.number.setdefault(tree, len(self.number))


class _Tape:
    """Instructions on registers; equal trees share one register.

    A register is a pair of its kind (0 state, 1 constant, 2 result) and its number, until
    all are known and `numbered` puts them in one row.
    """

    def __init__(self, states: dict[str, int], known: _Trees) -> None:
        self._known, self._states = known, states
        self._of: dict[Expression, _Register] = {}
        self._code: list[tuple[str, tuple[_Register, ...]]] = []
        self.constants: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._code)

    def add(self, tree: Expression) -> _Register:
        """Return the register that will hold a tree."""
        if tree not in self._of:
            self._of[tree] = self._placed(tree)
        return self._of[tree]

    def _placed(self, tree: Expression) -> _Register:
        if not symbols(tree) & self._states.keys():
            number = self._known.add(tree)
            return 1, self.constants.setdefault(number, len(self.constants))
        match tree:
            case Symbol(name):
                return 0, self._states[name]
            case Apply("pow", (base, Number(value))) if (
                value == int(value) and 2 <= value <= _WHOLE_POWERS
            ):
                lower = Apply("pow", (base, Number(value - 1))) if value > 2 else base
                return self.add(Apply("mul", (lower, base)))
            case Apply(op, args):
                parts = tuple(self.add(part) for part in args)
                self._code.append((op, parts))
                return 2, len(self._code) - 1
            case _:
                raise AssertionError(tree)  # numbers and the time are free of counts

    def numbered(self, register: _Register) -> int:
        """Return the row of a register: states, constants, results."""
        kind, number = register
        return number + (0, len(self._states), len(self._states) + len(self.constants))[kind]

    def instructions(self) -> Ints:
        """Return rows of code, result and three operands."""
        rows = np.zeros((len(self._code), 5), np.int64)
        for k, (op, parts) in enumerate(self._code):
            rows[k, :2] = CODES[op], self.numbered((2, k))
            rows[k, 2 : 2 + len(parts)] = [self.numbered(part) for part in parts]
        return rows


def planned(resolved: Resolved) -> tuple[Plan, Constants]:
    """Return the plan of a network's mean field and the constants that it needs."""
    names = [name for name in resolved.moving if name in resolved.counted]
    known = _Trees()
    offset: dict[tuple[str, int], float] = {}
    linear: dict[tuple[str, str, int], float] = {}
    free: list[tuple[Expression, dict[str, int]]] = []
    slope: dict[tuple[str, str], list[tuple[Expression, float]]] = {}
    moving = frozenset(names)
    for rate, change in zip(_rates(resolved), resolved.changes, strict=True):
        if not change:
            continue
        read = sorted(symbols(rate) & moving)
        by = {name: derivative(rate, name) for name in read}
        if any(symbols(tree) & moving for tree in by.values()):
            free.append((rate, change))
            for name, tree in by.items():
                for row, count in change.items():
                    slope.setdefault((row, name), []).append((tree, float(count)))
            continue
        rest = simplified(substitute(rate, dict.fromkeys(read, Number(0.0))))
        for row, count in change.items():
            if rest != Number(0.0):
                _count(offset, (row, known.add(rest)), count)
            for name, tree in by.items():
                _count(linear, (row, name, known.add(tree)), count)
    number = {name: k for k, name in enumerate(names)}
    pairs = {(number[i], number[j]) for i, j in (*((i, j) for i, j, _ in linear), *slope)}
    plan = elimination(len(names), pairs)
    states = tuple(names[int(k)] for k in plan.order)
    rank = {name: k for k, name in enumerate(states)}
    places = plan.places()

    tape = _Tape(rank, known)
    rates = [tape.add(rate) for rate, _ in free]
    rate_code = len(tape)
    slopes = [
        (places[rank[i], rank[j]], tape.add(tree), count)
        for (i, j), terms in slope.items()
        for tree, count in terms
        if tree != Number(0.0)
    ]
    in_rows = sorted({(rank[i], rank[j]) for i, j, _ in linear})
    entry = {pair: e for e, pair in enumerate(in_rows)}
    scattered = [
        (rank[name], tape.numbered(register), float(count))
        for register, (_, change) in zip(rates, free, strict=True)
        for name, count in change.items()
    ]
    made = Plan(
        plan,
        np.searchsorted([i for i, _ in in_rows], np.arange(len(names) + 1)).astype(np.int64),
        np.array([j for _, j in in_rows], np.int64),
        np.array([places[pair] for pair in in_rows], np.int64),
        tape.instructions(), rate_code, len(names) + len(tape.constants) + len(tape),
        np.array([one[0] for one in scattered], np.int64),
        np.array([one[1] for one in scattered], np.int64),
        np.array([one[2] for one in scattered], np.float64),
        np.array([one[0] for one in slopes], np.int64),
        np.array([tape.numbered(one[1]) for one in slopes], np.int64),
        np.array([one[2] for one in slopes], np.float64),
    )  # fmt: skip
    return made, Constants(
        states,
        tuple(known.number),
        tuple((rank[i], count, k) for (i, k), count in offset.items()),
        tuple((entry[rank[i], rank[j]], count, k) for (i, j, k), count in linear.items()),
        tuple(tape.constants),
    )


def _count(sums: dict[_Key, float], key: _Key, count: int) -> None:
    sums[key] = sums.get(key, 0.0) + count


def _rates(resolved: Resolved) -> list[Expression]:
    """Return the rates of the mean field; where the time is compared, atoms stand in."""
    network = resolved.network
    return [
        simplified(_with_atoms(simplified(network.propensity(one, mean_field=True)), resolved))
        for one in network.reactions
    ]


def _with_atoms(rate: Expression, resolved: Resolved) -> Expression:
    if not reads_time(rate):
        return rate
    assert isinstance(rate, Apply)  # noqa: S101 - `resolve` has refused a bare time
    if rate.op in {"lt", "le", "gt", "ge"}:
        difference = affine_in_time(Apply("sub", rate.args))
        for k, atom in enumerate(resolved.atoms):
            if difference is not None and (atom.op, atom.level, atom.slope) == (
                rate.op, simplified(difference[0]), simplified(difference[1]),
            ):  # fmt: skip
                return Symbol(f"#{k}")
    return Apply(rate.op, tuple(_with_atoms(part, resolved) for part in rate.args))
