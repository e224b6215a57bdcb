"""Rate expressions: a small tree that is read, checked, differentiated and compiled.

A tree is made of `Number`, `Symbol`, `Time` and `Apply`. Truth is a number, 1 or 0, so
that one evaluator serves rates and triggers. Nothing here runs text as code: `parse`
accepts arithmetic only, and the compilers see slots of arrays, never names.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    Value: TypeAlias = "float | NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Symbol:
    """The value of a species (a count), parameter, compartment or rule."""

    name: str


@dataclass(frozen=True, slots=True)
class Time:
    """The time of the run."""


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation of `ARITY` on its arguments."""

    op: str
    args: tuple[Expression, ...]


Expression: TypeAlias = Number | Symbol | Time | Apply

#: Every operation and its number of arguments. `if` is (condition, then, otherwise).
ARITY = {
    "add": 2, "sub": 2, "mul": 2, "div": 2, "pow": 2, "min": 2, "max": 2,
    "lt": 2, "le": 2, "gt": 2, "ge": 2, "eq": 2, "ne": 2, "and": 2, "or": 2,
    "neg": 1, "not": 1, "exp": 1, "ln": 1, "log10": 1, "sqrt": 1, "abs": 1,
    "floor": 1, "ceil": 1, "sin": 1, "cos": 1, "tan": 1, "tanh": 1, "if": 3,
}  # fmt: skip

COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}
_CALLS = frozenset(
    {"exp", "log10", "sqrt", "abs", "floor", "ceil", "sin", "cos", "tan", "tanh", "min", "max"}
) | {"ln"}


def parse(text: str) -> Expression:
    """Return the tree of an arithmetic text such as ``"k * X * (X - 1) / 2"``.

    Python's arithmetic, comparisons, ``and``/``or``/``not``, ``a if c else b`` and the
    functions ``exp ln log10 sqrt abs floor ceil sin cos tan tanh min max``. The name
    ``time`` is the time of the run; every other name is a symbol.

    Raises
    ------
    InputError
        The text is no such expression.

    Examples
    --------
    >>> evaluate(parse("2 * k if X > 3 else 0"), {"k": 0.5, "X": 4.0}, 0.0)
    1.0
    """
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as fault:
        raise _unreadable(text) from fault
    return _read(body, text)


def _unreadable(text: str) -> InputError:
    return InputError(
        "not an arithmetic expression",
        where=f"expression {text!r}",
        remedy="use + - * / **, comparisons, 'a if c else b' and the functions of `parse`",
    )


def _read(node: ast.expr, text: str) -> Expression:
    """Return the tree of one node of Python's grammar."""
    match node:
        case ast.Constant(value=bool(value)):
            return Number(float(value))
        case ast.Constant(value=int(value) | float(value)):
            return Number(float(value))
        case ast.Name(id="time"):
            return Time()
        case ast.Name(id=name):
            return Symbol(name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return Apply(_BINARY[type(op)], (_read(left, text), _read(right, text)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _read(operand, text)
            return Number(-inner.value) if isinstance(inner, Number) else Apply("neg", (inner,))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _read(operand, text)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Apply("not", (_read(operand, text),))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            return Apply(_COMPARE[type(op)], (_read(left, text), _read(right, text)))
        case ast.BoolOp(op=op, values=values):
            kind = "and" if isinstance(op, ast.And) else "or"
            return folded(kind, [_read(value, text) for value in values])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return Apply("if", tuple(_read(part, text) for part in (test, body, orelse)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if (
            name in _CALLS and len(args) == ARITY[name]
        ):
            return Apply(name, tuple(_read(part, text) for part in args))
        case _:
            raise _unreadable(text)


def folded(op: str, parts: list[Expression]) -> Expression:
    """Return ``parts`` joined from the left by a binary operation."""
    tree = parts[0]
    for part in parts[1:]:
        tree = Apply(op, (tree, part))
    return tree


def symbols(tree: Expression) -> frozenset[str]:
    """Return the names that a tree reads."""
    match tree:
        case Symbol(name):
            return frozenset({name})
        case Apply(_, args):
            return frozenset[str]().union(*(symbols(part) for part in args))
        case _:
            return frozenset()


def reads_time(tree: Expression) -> bool:
    """Return whether a tree reads the time of the run."""
    return isinstance(tree, Time) or (
        isinstance(tree, Apply) and any(reads_time(part) for part in tree.args)
    )


def substitute(tree: Expression, values: Mapping[str, Expression]) -> Expression:
    """Return the tree with symbols replaced by trees."""
    match tree:
        case Symbol(name):
            return values.get(name, tree)
        case Apply(op, args):
            return Apply(op, tuple(substitute(part, values) for part in args))
        case _:
            return tree


@cache
def _functions() -> dict[str, Callable[..., Value]]:
    """Return NumPy's function for every operation; truth comes out as 1.0 or 0.0."""
    import numpy as np

    def truth(function: Callable[..., NDArray[np.bool_]]) -> Callable[..., Value]:
        return lambda *args: np.where(function(*args), 1.0, 0.0)

    def choice(condition: Value, then: Value, otherwise: Value) -> Value:
        return np.where(np.not_equal(condition, 0.0), then, otherwise)

    return {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
        "pow": np.power, "min": np.minimum, "max": np.maximum, "neg": np.negative,
        "exp": np.exp, "ln": np.log, "log10": np.log10, "sqrt": np.sqrt, "abs": np.abs,
        "floor": np.floor, "ceil": np.ceil, "sin": np.sin, "cos": np.cos, "tan": np.tan,
        "tanh": np.tanh,
        "lt": truth(np.less), "le": truth(np.less_equal), "gt": truth(np.greater),
        "ge": truth(np.greater_equal), "eq": truth(np.equal), "ne": truth(np.not_equal),
        "and": truth(np.logical_and), "or": truth(np.logical_or), "not": truth(np.logical_not),
        "if": choice,
    }  # fmt: skip


def evaluate(tree: Expression, values: Mapping[str, Value], time: Value) -> Value:
    """Return the value of a tree, on floats or on arrays that broadcast together.

    Both branches of an ``if`` are computed; the one not taken may divide by zero. The
    result of an operation that has none is infinite or not a number, never an exception.
    """
    import numpy as np

    with np.errstate(all="ignore"):
        value = _evaluate(tree, values, time, _functions())
    return float(value) if np.ndim(value) == 0 else value


def _evaluate(
    tree: Expression,
    values: Mapping[str, Value],
    time: Value,
    functions: dict[str, Callable[..., Value]],
) -> Value:
    match tree:
        case Number(value):
            return value
        case Symbol(name):
            return values[name]
        case Time():
            return time
        case Apply(op, args):
            return functions[op](*(_evaluate(part, values, time, functions) for part in args))


def affine_in_time(tree: Expression) -> tuple[Expression, Expression] | None:
    """Return ``(a, b)`` such that the tree is ``a + b * time``, or None if it is not."""
    if not reads_time(tree):
        return tree, Number(0.0)
    if isinstance(tree, Time):
        return Number(0.0), Number(1.0)
    if not isinstance(tree, Apply) or tree.op not in {"add", "sub", "neg", "mul", "div"}:
        return None
    parts = [affine_in_time(part) for part in tree.args]
    if any(part is None for part in parts):
        return None
    known = [part for part in parts if part is not None]
    if tree.op in {"add", "sub", "neg"}:
        return (
            Apply(tree.op, tuple(part[0] for part in known)),
            Apply(tree.op, tuple(part[1] for part in known)),
        )
    left, right = tree.args
    if tree.op == "mul" and reads_time(left) and not reads_time(right):
        return Apply("mul", (known[0][0], right)), Apply("mul", (known[0][1], right))
    if tree.op == "mul" and not reads_time(left):
        return Apply("mul", (left, known[1][0])), Apply("mul", (left, known[1][1]))
    if tree.op == "div" and not reads_time(right):
        return Apply("div", (known[0][0], right)), Apply("div", (known[0][1], right))
    return None


def simplified(tree: Expression) -> Expression:
    """Return the tree with constants folded and neutral elements removed."""
    if not isinstance(tree, Apply):
        return tree
    args = tuple(simplified(part) for part in tree.args)
    if all(isinstance(part, Number) for part in args):
        value = evaluate(Apply(tree.op, args), {}, 0.0)
        if isinstance(value, float) and math.isfinite(value):
            return Number(value)
    match tree.op, args:
        case ("add", (Number(0.0), other)) | ("add" | "sub", (other, Number(0.0))):
            return other
        case ("mul", (Number(0.0), _)) | ("mul", (_, Number(0.0))) | ("div", (Number(0.0), _)):
            return Number(0.0)
        case ("mul", (Number(1.0), other)) | ("mul" | "div" | "pow", (other, Number(1.0))):
            return other
        case _:
            return Apply(tree.op, args)


def derivative(tree: Expression, name: str) -> Expression:
    """Return the derivative of a tree with respect to one symbol.

    Comparisons, ``floor`` and ``ceil`` count as constant, which holds away from their steps.
    """
    return simplified(_derivative(tree, name))


def _derivative(tree: Expression, name: str) -> Expression:
    zero, one = Number(0.0), Number(1.0)
    if isinstance(tree, Symbol) and tree.name == name:
        return one
    if not isinstance(tree, Apply) or name not in symbols(tree):
        return zero
    a = tree.args[0]
    da = _derivative(a, name)
    if len(tree.args) == 1:
        inner: Expression
        match tree.op:
            case "neg":
                return Apply("neg", (da,))
            case "exp":
                inner = tree
            case "ln":
                inner = Apply("div", (one, a))
            case "log10":
                inner = Apply("div", (Number(1.0 / math.log(10.0)), a))
            case "sqrt":
                inner = Apply("div", (Number(0.5), tree))
            case "abs":
                inner = Apply("if", (Apply("lt", (a, zero)), Number(-1.0), one))
            case "sin":
                inner = Apply("cos", (a,))
            case "cos":
                inner = Apply("neg", (Apply("sin", (a,)),))
            case "tan":
                inner = Apply("add", (one, Apply("mul", (tree, tree))))
            case "tanh":
                inner = Apply("sub", (one, Apply("mul", (tree, tree))))
            case _:
                return zero
        return Apply("mul", (inner, da))
    b = tree.args[1]
    db = _derivative(b, name)
    match tree.op:
        case "add" | "sub":
            return Apply(tree.op, (da, db))
        case "mul":
            return Apply("add", (Apply("mul", (da, b)), Apply("mul", (a, db))))
        case "div":
            above = Apply("sub", (da, Apply("mul", (tree, db))))
            return Apply("div", (above, b))
        case "pow" if name not in symbols(b):
            lower = Apply("pow", (a, simplified(Apply("sub", (b, one)))))
            return Apply("mul", (Apply("mul", (b, lower)), da))
        case "pow":
            growth = Apply(
                "add",
                (
                    Apply("mul", (db, Apply("ln", (a,)))),
                    Apply("div", (Apply("mul", (b, da)), a)),
                ),
            )
            return Apply("mul", (tree, growth))
        case "min" | "max":
            first = Apply("lt" if tree.op == "min" else "gt", (a, b))
            return Apply("if", (first, da, db))
        case "if":
            return Apply("if", (a, db, _derivative(tree.args[2], name)))
        case _:
            return zero
