"""What every solver needs of a network: slots, start values, rates and crossings of time.

A rate or trigger may read the time only inside a comparison, such as ``time >= 25``. Each
such comparison becomes an `Atom`, a truth that changes at a known moment: between these
moments rates are constant, so that exact simulation stays exact, and solvers land on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.core.errors import InputError
from exosome.numerics.network.description import (
    Event,
    MassAction,
    Network,
    start_values,
    tree_of,
)
from exosome.numerics.network.expression import (
    COMPARISONS,
    Apply,
    Expression,
    Symbol,
    affine_in_time,
    evaluate,
    reads_time,
    simplified,
    substitute,
    symbols,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# A count read from an initial concentration carries rounding; more than this is no rounding.
_INTEGER_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Atom:
    """The truth of ``level + slope * time  op  0``, with `level` and `slope` free of time."""

    op: str
    level: Expression
    slope: Expression


@dataclass(frozen=True, slots=True)
class ResolvedEvent:
    """An event with rules inlined and comparisons of time replaced by atoms."""

    name: str
    trigger: Expression
    assignments: tuple[tuple[str, Expression], ...]
    persistent: bool
    initially: bool
    values_at_trigger: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    """A network ready to be solved.

    Parameters
    ----------
    network : Network
        What it was made of.
    moving : tuple of str
        Names that reactions or events change, in slot order.
    start : mapping
        Value of every name at the start.
    rates : tuple of Expression
        Propensities without rules, time replaced by atoms named ``#0``, ``#1``, ...
    mass_action : tuple
        For each reaction its constant, or None where the rate is a free expression.
    changes : tuple of mapping
        Net change of each species by each reaction.
    counted : frozenset of str
        Species whose counts must stay whole and not negative.
    atoms, events : tuple
        Comparisons of time, and events.
    """

    network: Network
    moving: tuple[str, ...]
    start: Mapping[str, float]
    rates: tuple[Expression, ...]
    mass_action: tuple[Expression | None, ...]
    changes: tuple[dict[str, int], ...]
    counted: frozenset[str]
    atoms: tuple[Atom, ...]
    events: tuple[ResolvedEvent, ...]


def _without_time(tree: Expression, atoms: list[Atom], where: str) -> Expression:
    """Return the tree with its comparisons of time replaced by symbols of atoms."""
    if not reads_time(tree):
        return tree
    if not isinstance(tree, Apply):
        raise _free_time(where)
    if tree.op not in COMPARISONS:
        return Apply(tree.op, tuple(_without_time(part, atoms, where) for part in tree.args))
    difference = affine_in_time(Apply("sub", tree.args))
    if difference is None or tree.op in {"eq", "ne"}:
        raise _free_time(where)
    atom = Atom(tree.op, *(simplified(part) for part in difference))
    if atom not in atoms:
        atoms.append(atom)
    return Symbol(f"#{atoms.index(atom)}")


def _free_time(where: str) -> InputError:
    return InputError(
        "the time is read outside a comparison, in an equality, or not linearly",
        where=where,
        remedy="compare the time with <, <=, > or >= and linearly, as in 'k if time < 25 else 0'",
    )


def resolve(network: Network, *, stochastic: bool = True) -> Resolved:
    """Return a network ready to be solved.

    Parameters
    ----------
    network : Network
        The description.
    stochastic : bool
        Whether counts must be whole numbers.

    Raises
    ------
    InputError
        Time is read where no exact solver can follow it, a value at the start is missing
        or not finite, or a count is negative or not whole.
    """
    start = {name: float(value) for name, value in start_values(network).items()}
    changes = tuple(network.change(one) for one in network.reactions)
    counted = frozenset(name for change in changes for name in change)
    for name in sorted(counted) if stochastic else ():
        nearest = float(round(start[name])) if math.isfinite(start[name]) else math.nan
        if not abs(start[name] - nearest) <= _INTEGER_TOLERANCE * max(1.0, abs(nearest)) or (
            nearest < 0
        ):
            raise InputError(
                f"{name!r} starts with {start[name]:g}, which is no count",
                where=f"network {network.name!r}",
                remedy="give a whole number from 0 (amount = concentration x size)",
            )
        start[name] = nearest
    atoms: list[Atom] = []

    def clean(tree: Expression, what: str) -> Expression:
        where = f"network {network.name!r}, {what}"
        return _without_time(simplified(substitute(tree, network.inlined)), atoms, where)

    rates: list[Expression] = []
    constants: list[Expression | None] = []
    for one in network.reactions:
        rates.append(clean(network.propensity(one), f"rate of {one.name!r}"))
        law = one.rate
        constant = clean(tree_of(law.constant), one.name) if isinstance(law, MassAction) else None
        ruled = any(name in network.inlined for name, _ in one.reactants)
        constants.append(None if ruled else constant)
    events = tuple(_resolved_event(event, network, clean) for event in network.events)
    assigned = {target for event in events for target, _ in event.assignments}
    moving = tuple(name for name in network.names if name in counted | assigned)
    resolved = Resolved(
        network, moving, start, tuple(rates), tuple(constants), changes, counted,
        tuple(atoms), events,
    )  # fmt: skip
    _check_values(resolved)
    _check_constants(resolved)
    return resolved


def _resolved_event(event: Event, network: Network, clean: _Clean) -> ResolvedEvent:
    """Return an event with rules inlined; its assignments may read the time freely."""
    return ResolvedEvent(
        event.name,
        clean(tree_of(event.trigger), f"trigger of {event.name!r}"),
        tuple((n, substitute(tree_of(f), network.inlined)) for n, f in event.assignments),
        event.persistent,
        event.initially,
        event.values_at_trigger,
    )


def _check_values(resolved: Resolved) -> None:
    """Raise InputError if a tree reads a value that is missing at the start."""
    trees = [*resolved.rates, *(event.trigger for event in resolved.events)]
    trees += [tree for event in resolved.events for _, tree in event.assignments]
    trees += [tree for atom in resolved.atoms for tree in (atom.level, atom.slope)]
    used = frozenset[str]().union(*(symbols(tree) for tree in trees))
    missing = sorted(
        n for n in used if not n.startswith("#") and not math.isfinite(resolved.start[n])
    )
    if missing:
        raise InputError(
            f"no finite value at the start for {', '.join(missing)}",
            where=f"network {resolved.network.name!r}",
            remedy="give each a value, a rule or an initial value",
        )


def _check_constants(resolved: Resolved) -> None:
    """Raise InputError if a constant of mass action is negative at the start."""
    for one, tree in zip(resolved.network.reactions, resolved.mass_action, strict=True):
        if tree is None or any(name.startswith("#") for name in symbols(tree)):
            continue
        value = float(evaluate(tree, resolved.start, 0.0))
        if not 0.0 <= value < math.inf:
            raise InputError(
                f"the constant of {one.name!r} is {value:g}",
                where=f"network {resolved.network.name!r}",
                remedy="give a finite constant that is not negative",
            )


def lands_before(op: str, slope: float) -> bool:
    """Return whether an atom has its new truth already at the crossing, not just after.

    ``time >= 25`` is true at 25, ``time > 25`` only after it; a saved point at 25 tells.
    """
    return (op in {"ge", "lt"}) == (slope > 0)


if TYPE_CHECKING:
    from typing import Protocol

    class _Clean(Protocol):
        def __call__(self, tree: Expression, what: str) -> Expression: ...
