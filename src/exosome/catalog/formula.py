"""Derived numbers: arithmetic over other records, computed when the catalog is loaded."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from exosome.core.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: math.pow,
}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "log": math.log,
    "exp": math.exp,
    "sqrt": math.sqrt,
}
_BOUNDS = ("low", "high")
_GRAMMAR = "use + - * / ** ( ), log exp sqrt pi, numbers and record ids (k30, k30.low, k30.high)"


@dataclass(frozen=True, slots=True)
class Figures:
    """Value and bounds of one record, in the record's unit; None where it has none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Derivation:
    """Expressions from which a derived record's figures are computed.

    An empty expression keeps the figure that ``typed`` holds.
    """

    value: str
    low: str = ""
    high: str = ""
    typed: Figures = Figures()


def evaluate(expression: str, figures: Mapping[str, Figures], *, where: str) -> float:
    """Return the value of ``expression`` over the figures of other records.

    A bare id stands for the record's value, ``id.low`` and ``id.high`` for its
    bounds; a value without bounds is its own bounds. Units are not followed:
    the expression carries its own conversion factors, so the record's unit is
    the author's to keep.

    Raises
    ------
    CatalogError
        The expression is not arithmetic, names an unknown record or a figure
        that the record does not have, or has no finite value.
    """
    tree = _parsed(expression, where)
    try:
        result = _value(tree, figures, where)
    except (ArithmeticError, ValueError) as fault:
        raise CatalogError(
            f"{expression!r} has no value: {fault}", where=where, remedy="check the inputs' signs"
        ) from fault
    if not math.isfinite(result):
        raise CatalogError(
            f"{expression!r} is not finite", where=where, remedy="check the sizes of its inputs"
        )
    return result


def references(expression: str, *, where: str) -> frozenset[str]:
    """Return the ids of the records that ``expression`` uses.

    Raises
    ------
    CatalogError
        The expression cannot be read.
    """
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        name = _dotted(node)
        if name is not None:
            if name != "pi":
                stem, _, last = name.rpartition(".")
                found.add(stem if last in _BOUNDS and stem else name)
            return
        children = node.args if isinstance(node, ast.Call) else list(ast.iter_child_nodes(node))
        for child in children:
            visit(child)

    visit(_parsed(expression, where))
    return frozenset(found)


def compute(
    derivations: Mapping[str, Derivation], known: Mapping[str, Figures]
) -> dict[str, Figures]:
    """Return the figures of every derived record.

    Derivations may use one another in any order.

    Raises
    ------
    CatalogError
        An expression cannot be evaluated, or derivations use one another in a
        circle.
    """
    figures = dict(known)
    done: dict[str, Figures] = {}

    def settle(record_id: str, path: tuple[str, ...]) -> None:
        if record_id in done or record_id not in derivations:
            return
        if record_id in path:
            circle = " -> ".join((*path[path.index(record_id) :], record_id))
            raise CatalogError(
                f"derived records use one another in a circle: {circle}",
                where=f"catalog record {record_id}",
                remedy="give one of them a value of its own",
            )
        step = derivations[record_id]
        where = f"catalog record {record_id}"
        for expression in (step.value, step.low, step.high):
            if expression:
                for used in sorted(references(expression, where=where)):
                    settle(used, (*path, record_id))
        typed = step.typed
        done[record_id] = figures[record_id] = Figures(
            *(
                evaluate(expression, figures, where=where) if expression else kept
                for expression, kept in (
                    (step.value, typed.value),
                    (step.low, typed.low),
                    (step.high, typed.high),
                )
            )
        )

    for record_id in derivations:
        settle(record_id, ())
    return done


@lru_cache(maxsize=4096)
def _tree(expression: str) -> ast.expr:
    return ast.parse(expression.strip(), mode="eval").body


def _parsed(expression: str, where: str) -> ast.expr:
    try:
        return _tree(expression)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        raise CatalogError(
            f"{expression!r} is not an arithmetic expression", where=where, remedy=_GRAMMAR
        ) from fault


def _dotted(node: ast.AST) -> str | None:
    """Read a name or a chain of attributes as a dotted name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        stem = _dotted(node.value)
        return None if stem is None else f"{stem}.{node.attr}"
    return None


def _value(node: ast.expr, figures: Mapping[str, Figures], where: str) -> float:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, figures, where), _value(right, figures, where))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, figures, where)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](_value(argument, figures, where))
        case ast.Name() | ast.Attribute():
            name = _dotted(node)
            if name is not None:
                return _figure(name, figures, where)
        case _:
            pass
    raise CatalogError(f"{ast.unparse(node)!r} cannot be computed", where=where, remedy=_GRAMMAR)


def _figure(name: str, figures: Mapping[str, Figures], where: str) -> float:
    if name == "pi":
        return math.pi
    stem, _, last = name.rpartition(".")
    record_id, part = (stem, last) if stem and last in _BOUNDS else (name, "value")
    if record_id not in figures:
        raise CatalogError(
            f"the formula uses {record_id!r}, which is no record",
            where=where,
            remedy="name an existing record id",
        )
    held = figures[record_id]
    figure: float | None = getattr(held, part)
    if figure is None and part != "value":
        figure = held.value
    if figure is None:
        raise CatalogError(
            f"the formula uses {name!r}, but record {record_id} has no {part}",
            where=where,
            remedy="use a figure that the record has: its value, .low or .high",
        )
    return figure
