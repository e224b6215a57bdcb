"""A reaction network in words: species, reactions, parameters, rules and events.

The state is a vector of counts, one for each species; reactions change it by integers.
A `Network` is checked when it is built, knows no solver and is never changed. Every
solver of this package (`ssa`, `lanes`, `tau`, `ode`, `reference`) reads this description.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from exosome.core.errors import InputError
from exosome.numerics.network.expression import (
    Apply,
    Expression,
    Number,
    Symbol,
    folded,
    parse,
    substitute,
    symbols,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exosome.numerics.network.expression import Value

Formula: TypeAlias = float | str | Expression
Side: TypeAlias = "tuple[tuple[str, int], ...]"


def tree_of(formula: Formula) -> Expression:
    """Return a number, a text or a tree as a tree."""
    if isinstance(formula, str):
        return parse(formula)
    return Number(float(formula)) if isinstance(formula, int | float) else formula


@dataclass(frozen=True, slots=True)
class Species:
    """A count that reactions change.

    Parameters
    ----------
    name : str
        Name in expressions, where it stands for the count, never for a concentration.
    initial : float, str or Expression
        Count at the start; integer unless `fixed`.
    compartment : str, optional
        Where it is; used by exports and by concentrations.
    fixed : bool
        Reactions leave the count alone (SBML: boundary or constant). Events may change it.
    """

    name: str
    initial: Formula = 0.0
    compartment: str | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that rates read. Events may change it."""

    name: str
    value: Formula


@dataclass(frozen=True, slots=True)
class Compartment:
    """A volume. Its size has the unit that the rates expect; events may change it."""

    name: str
    size: Formula = 1.0


@dataclass(frozen=True, slots=True)
class MassAction:
    """Rate ``constant`` times the number of ways to choose the reactants.

    ``2 A -> B`` has the propensity ``constant * A * (A - 1) / 2``: the constant is per
    pair, not per square. The deterministic limit uses ``constant * A**2 / 2``.
    """

    constant: Formula


@dataclass(frozen=True, slots=True)
class Reaction:
    """A change of integer counts and the rate at which it happens.

    Parameters
    ----------
    name : str
        Name of the reaction.
    reactants, products : tuple of (species, count)
        What one firing takes and gives.
    rate : MassAction, float, str or Expression
        The propensity in firings per unit of time. It must never be negative, and must be
        zero where the reactants do not suffice; the solvers stop with an error otherwise.
    """

    name: str
    reactants: Side
    products: Side
    rate: MassAction | Formula


@dataclass(frozen=True, slots=True)
class Event:
    """Assignments made at the moment at which a condition becomes true.

    Conditions may compare the time with anything: the solvers land on the crossing. Events
    that become true together run in the order of the network. With `persistent` false, an
    event whose condition became false before its turn is dropped. Values are computed when
    the event is triggered, or at its turn with `values_at_trigger` false. `initially` is
    the truth of the condition before the start: if false, an event may happen at the start.
    """

    name: str
    trigger: Formula
    assignments: tuple[tuple[str, Formula], ...]
    persistent: bool = True
    initially: bool = False
    values_at_trigger: bool = True


_TERM = re.compile(r"^\s*(?:(\d+)\s*\*?\s+|(\d+)\s*\*\s*)?([A-Za-z_]\w*)\s*$")


def _side(text: str, equation: str) -> Side:
    """Return one side of an equation such as ``"A + 2 B"``."""
    counts: dict[str, int] = {}
    for term in filter(None, (part.strip() for part in text.split("+"))):
        found = _TERM.match(term)
        if found is None:
            raise InputError(
                f"{term!r} is not a species with a whole-number factor",
                where=f"reaction {equation!r}",
                remedy="write for example 'A + 2 B -> C', and nothing for an empty side",
            )
        name = found[3]
        counts[name] = counts.get(name, 0) + int(found[1] or found[2] or 1)
    return tuple(counts.items())


def reaction(
    name: str, equation: str, *, constant: Formula | None = None, rate: Formula | None = None
) -> Reaction:
    """Return a reaction written as ``"A + 2 B -> C"``.

    Give either `constant`, for mass action, or `rate`, for any other propensity.

    Examples
    --------
    >>> reaction("pair", "2 A -> B", constant=0.1).reactants
    (('A', 2),)
    """
    left, arrow, right = equation.partition("->")
    if not arrow or (constant is None) == (rate is None):
        raise InputError(
            "a reaction needs '->' and exactly one of constant and rate",
            where=f"reaction {name!r}",
            remedy="write reaction('bind', 'A + B -> C', constant='k')",
        )
    law = MassAction(constant) if constant is not None else rate
    assert law is not None  # noqa: S101 - narrowed by the check above
    return Reaction(name, _side(left, equation), _side(right, equation), law)


@dataclass(frozen=True, slots=True)
class Network:
    """A checked reaction network.

    Parameters
    ----------
    name : str
        Name of the network.
    species, reactions, parameters, compartments, events : tuple
        The parts. Order matters only for events.
    rules : tuple of (name, formula)
        Values that follow from others at every moment. The name belongs to a species,
        parameter or compartment of the network; reactions and events never change it.
    initial : tuple of (name, formula)
        Values at the start that follow from others and replace those of the parts.

    Raises
    ------
    InputError
        A name is used twice or unknown, a rule or initial value depends on itself, or a
        reaction or event changes what it may not.
    """

    name: str
    species: tuple[Species, ...]
    reactions: tuple[Reaction, ...]
    parameters: tuple[Parameter, ...] = ()
    compartments: tuple[Compartment, ...] = ()
    events: tuple[Event, ...] = ()
    rules: tuple[tuple[str, Formula], ...] = ()
    initial: tuple[tuple[str, Formula], ...] = ()
    inlined: Mapping[str, Expression] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_names(self)
        rules = _ordered({name: tree_of(rule) for name, rule in self.rules}, self.name, "rule")
        inlined: dict[str, Expression] = {}
        for name, rule in rules.items():
            inlined[name] = substitute(rule, inlined)
        object.__setattr__(self, "inlined", inlined)

    @property
    def names(self) -> tuple[str, ...]:
        """Species, parameters and compartments, in this order."""
        parts = (*self.species, *self.parameters, *self.compartments)
        return tuple(part.name for part in parts)

    def propensity(self, which: Reaction, *, mean_field: bool = False) -> Expression:
        """Return the rate of a reaction as a tree without rules.

        Mass action is written out: falling factorials, or powers for the mean field.
        """
        if not isinstance(which.rate, MassAction):
            return substitute(tree_of(which.rate), self.inlined)
        factors = [tree_of(which.rate.constant)]
        for name, count in which.reactants:
            divisor = 1.0
            for k in range(count):
                x: Expression = Symbol(name)
                falls = k > 0 and not mean_field
                factors.append(Apply("sub", (x, Number(float(k)))) if falls else x)
                divisor *= k + 1
            if divisor > 1:
                factors.append(Number(1.0 / divisor))
        return substitute(folded("mul", factors), self.inlined)

    def change(self, which: Reaction) -> dict[str, int]:
        """Return the net change of each species by one firing; zero changes are left out."""
        fixed = {part.name for part in self.species if part.fixed}
        net: dict[str, int] = {}
        for side, sign in ((which.reactants, -1), (which.products, 1)):
            for name, count in side:
                if name not in fixed:
                    net[name] = net.get(name, 0) + sign * count
        return {name: count for name, count in net.items() if count}


def _fault(network: str, what: str, remedy: str) -> InputError:
    return InputError(what, where=f"network {network!r}", remedy=remedy)


def _ordered(
    trees: dict[str, Expression], network: str, kind: str, known: Iterable[str] = ()
) -> dict[str, Expression]:
    """Return trees so that each comes after those that it reads."""
    left, done = dict(trees), dict.fromkeys(known)
    order: dict[str, Expression] = {}
    while left:
        ready = [n for n, tree in left.items() if not (symbols(tree) & left.keys()) - done.keys()]
        if not ready:
            raise _fault(
                network,
                f"{kind} of {', '.join(sorted(left))} depends on itself",
                "break the circle",
            )
        for name in ready:
            order[name] = left.pop(name)
    return order


def _check_names(network: Network) -> None:
    """Raise InputError where a name is doubled, unknown or changed against the rules."""
    names = network.names
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise _fault(network.name, f"used twice: {', '.join(sorted(doubled))}", "rename one")
    known = frozenset(names)
    ruled = frozenset(name for name, _ in network.rules)
    for target, formula in (*network.rules, *network.initial):
        used = {target, *symbols(tree_of(formula))}
        _need(network, used, known, f"rule or initial value of {target!r}")
    places = frozenset(place.name for place in network.compartments)
    for part in network.species:
        _need(network, symbols(tree_of(part.initial)), known, f"initial count of {part.name!r}")
        if part.compartment is not None:
            _need(network, {part.compartment}, places, f"species {part.name!r}")
    for one in network.reactions:
        _check_reaction(network, one, known, ruled)
    for event in network.events:
        _check_event(network, event, known, ruled)


def _need(network: Network, used: Iterable[str], known: frozenset[str], what: str) -> None:
    """Raise InputError if names are unknown."""
    missing = ", ".join(sorted(set(used) - known))
    if missing:
        raise _fault(
            network.name, f"{what} names {missing}, which it has not", "add it, or correct the name"
        )


def _check_reaction(
    network: Network, one: Reaction, known: frozenset[str], ruled: frozenset[str]
) -> None:
    """Raise InputError for unknown species, fractions, and changes of ruled species."""
    fixed = {part.name: part.fixed for part in network.species}
    for name, count in (*one.reactants, *one.products):
        _need(network, {name}, frozenset(fixed), f"reaction {one.name!r}")
        if count < 1 or int(count) != count:
            raise _fault(
                network.name,
                f"reaction {one.name!r} has a stoichiometry of {count}",
                "use whole numbers from 1; scale the species",
            )
    _need(network, symbols(network_rate(one)), known, f"rate of {one.name!r}")
    moved = {n for n, _ in (*one.reactants, *one.products) if not fixed[n]} & ruled
    if moved:
        raise _fault(
            network.name,
            f"reaction {one.name!r} changes {', '.join(sorted(moved))}, which follows from a rule",
            "make the species fixed, or drop the rule",
        )


def _check_event(
    network: Network, event: Event, known: frozenset[str], ruled: frozenset[str]
) -> None:
    """Raise InputError for unknown names and assignments to ruled names."""
    _need(network, symbols(tree_of(event.trigger)), known, f"trigger of {event.name!r}")
    for target, formula in event.assignments:
        _need(network, {target, *symbols(tree_of(formula))}, known, f"event {event.name!r}")
        if target in ruled:
            raise _fault(
                network.name,
                f"event {event.name!r} assigns {target!r}, which follows from a rule",
                "drop the rule or the assignment",
            )


def network_rate(one: Reaction) -> Expression:
    """Return the rate, or the constant of mass action, as written."""
    return tree_of(one.rate.constant if isinstance(one.rate, MassAction) else one.rate)


def start_values(network: Network, values: Mapping[str, Value] | None = None) -> dict[str, Value]:
    """Return the value of every name at the start, rules included.

    ``values``, numbers or arrays of one shape, take the place of what the network says.

    Raises
    ------
    InputError
        Initial values depend on each other in a circle.
    """
    from exosome.numerics.network.expression import evaluate

    trees: dict[str, Expression] = {}
    for part in network.species:
        trees[part.name] = tree_of(part.initial)
    for parameter in network.parameters:
        trees[parameter.name] = tree_of(parameter.value)
    for place in network.compartments:
        trees[place.name] = tree_of(place.size)
    for name, formula in (*network.initial, *network.rules):
        trees[name] = tree_of(formula)
    found: dict[str, Value] = dict(values or {})
    for name in found:
        del trees[name]
    for name, tree in _ordered(trees, network.name, "initial value", found).items():
        found[name] = evaluate(tree, found, 0.0)
    return found
