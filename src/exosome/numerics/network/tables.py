"""A resolved network as arrays, for kernels that serve every network.

Free expressions become a small program for a stack machine; mass action becomes a
constant and a list of reactants, which is several times as fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exosome.numerics.network.expression import (
    Apply,
    Expression,
    Number,
    Symbol,
    Time,
    evaluate,
    symbols,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.network.resolve import Resolved

#: Codes of the stack machine. The kernels in `machine` know them by these numbers.
CODES = {
    name: code
    for code, name in enumerate(
        (
            "number", "slot", "time", "add", "sub", "mul", "div", "pow", "min", "max",
            "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "neg", "not", "exp", "ln",
            "log10", "sqrt", "abs", "floor", "ceil", "sin", "cos", "tan", "tanh", "if",
        )
    )
}  # fmt: skip

_MOST_REACTANTS = 3

_ATOM_OPS = {"lt": 0, "le": 1, "gt": 2, "ge": 3}


class Tables(NamedTuple):
    """Arrays of one network. A field ending in ``_at`` holds offsets into its neighbour.

    Slots hold moving values first, then the other values, then the truths of atoms.
    """

    start: NDArray[np.float64]
    counted: NDArray[np.int64]
    # Programs: op codes and their arguments; program p is code_at[p] to code_at[p + 1].
    code_at: NDArray[np.int64]
    code: NDArray[np.int64]
    argument: NDArray[np.float64]
    # Rates, a row each: program, kind of mass action (-1: use the program), then up to
    # three reactants as slot and count. Constants of mass action stand in `constant`.
    law: NDArray[np.int64]
    constant: NDArray[np.float64]
    change_at: NDArray[np.int64]
    change_slot: NDArray[np.int64]
    change_by: NDArray[np.float64]
    # Which rates each reaction changes, and whether it touches triggers or atoms.
    affects_at: NDArray[np.int64]
    affects: NDArray[np.int64]
    wakes_events: NDArray[np.bool_]
    wakes_atoms: NDArray[np.bool_]
    atom_op: NDArray[np.int64]
    atom_level: NDArray[np.int64]
    atom_slope: NDArray[np.int64]
    atom_slot: NDArray[np.int64]
    trigger: NDArray[np.int64]
    persistent: NDArray[np.bool_]
    initially: NDArray[np.bool_]
    at_trigger: NDArray[np.bool_]
    assign_at: NDArray[np.int64]
    assign_slot: NDArray[np.int64]
    assign_program: NDArray[np.int64]


class Programs:
    """Programs of trees over numbered slots, collected into flat arrays."""

    def __init__(self, slots: dict[str, int]) -> None:
        self._slots = slots
        self._code: list[int] = []
        self._argument: list[float] = []
        self._at = [0]

    def add(self, tree: Expression) -> int:
        """Compile a tree and return the number of its program."""
        self._emit(tree)
        self._at.append(len(self._code))
        return len(self._at) - 2

    def _emit(self, tree: Expression) -> None:
        name, argument = "time", 0.0
        match tree:
            case Number(value):
                name, argument = "number", value
            case Symbol(symbol):
                name, argument = "slot", float(self._slots[symbol])
            case Apply(op, args):
                for part in args:
                    self._emit(part)
                name = op
            case Time():
                pass
        self._code.append(CODES[name])
        self._argument.append(argument)

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return offsets, codes and arguments."""
        return _ints(self._at), _ints(self._code), np.array(self._argument, np.float64)


def _ints(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def _bools(values: list[bool]) -> NDArray[np.bool_]:
    return np.array(values, dtype=np.bool_)


def _offsets(lengths: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(_ints(lengths), dtype=np.int64)]).astype(np.int64)


def slots_of(resolved: Resolved) -> dict[str, int]:
    """Return the slot of every name: moving values, other values, atoms."""
    others = (name for name in resolved.start if name not in set(resolved.moving))
    atoms = (f"#{k}" for k in range(len(resolved.atoms)))
    return {name: slot for slot, name in enumerate((*resolved.moving, *others, *atoms))}


def tables(resolved: Resolved) -> Tables:
    """Return a network as arrays."""
    slots = slots_of(resolved)
    programs = Programs(slots)
    start = np.zeros(len(slots))
    for name, value in resolved.start.items():
        start[slots[name]] = value

    still = {name: v for name, v in resolved.start.items() if name not in set(resolved.moving)}
    constants = [
        float(evaluate(tree, still, 0.0)) if tree is not None and symbols(tree) <= still.keys()
        else None
        for tree in resolved.mass_action
    ]  # fmt: skip
    reads = [symbols(rate) for rate in resolved.rates]
    readers: dict[str, list[int]] = {}
    for k, names in enumerate(reads):
        for name in names:
            readers.setdefault(name, []).append(k)
    affects = [
        sorted({k for name in change for k in readers.get(name, ())}) for change in resolved.changes
    ]
    watched = frozenset[str]().union(*(symbols(event.trigger) for event in resolved.events))
    timed = frozenset[str]().union(
        *(symbols(tree) for atom in resolved.atoms for tree in (atom.level, atom.slope))
    )
    law = np.full((len(resolved.rates), 2 + 2 * _MOST_REACTANTS), -1, np.int64)
    for k, rate in enumerate(resolved.rates):
        law[k, 0] = programs.add(rate)
        side = resolved.network.reactions[k].reactants
        if constants[k] is not None and len(side) <= _MOST_REACTANTS:
            law[k, 1] = len(side)
            for i, (name, count) in enumerate(side):
                law[k, 2 + 2 * i : 4 + 2 * i] = slots[name], count
    levels = _ints([programs.add(atom.level) for atom in resolved.atoms])
    slopes = _ints([programs.add(atom.slope) for atom in resolved.atoms])
    triggers = _ints([programs.add(event.trigger) for event in resolved.events])
    assigned = [one for event in resolved.events for one in event.assignments]
    assign_program = _ints([programs.add(tree) for _, tree in assigned])
    code_at, code, argument = programs.arrays()
    changes = [list(change.items()) for change in resolved.changes]
    return Tables(
        start=start,
        counted=_ints([slots[name] for name in sorted(resolved.counted)]),
        code_at=code_at,
        code=code,
        argument=argument,
        law=law,
        constant=np.array([0.0 if c is None else c for c in constants], np.float64),
        change_at=_offsets([len(change) for change in changes]),
        change_slot=_ints([slots[name] for change in changes for name, _ in change]),
        change_by=np.array([by for change in changes for _, by in change], np.float64),
        affects_at=_offsets([len(one) for one in affects]),
        affects=_ints([k for one in affects for k in one]),
        wakes_events=_bools([bool(watched & change.keys()) for change in resolved.changes]),
        wakes_atoms=_bools([bool(timed & change.keys()) for change in resolved.changes]),
        atom_op=_ints([_ATOM_OPS[atom.op] for atom in resolved.atoms]),
        atom_level=levels,
        atom_slope=slopes,
        atom_slot=_ints([slots[f"#{k}"] for k in range(len(resolved.atoms))]),
        trigger=triggers,
        persistent=_bools([event.persistent for event in resolved.events]),
        initially=_bools([event.initially for event in resolved.events]),
        at_trigger=_bools([event.values_at_trigger for event in resolved.events]),
        assign_at=_offsets([len(event.assignments) for event in resolved.events]),
        assign_slot=_ints([slots[name] for name, _ in assigned]),
        assign_program=assign_program,
    )
