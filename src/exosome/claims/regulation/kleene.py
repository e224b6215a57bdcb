"""Three-valued logic: yes, no and unknown, and the small expressions that rules are written in.

Unknown is ``None``. It is never read as yes or as no.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Truth = bool | None


def conjunction(answers: Iterable[Truth]) -> Truth:
    """Return Kleene's *and*: no beats unknown, unknown beats yes.

    >>> conjunction([True, None]), conjunction([False, None])
    (None, False)
    """
    held = tuple(answers)
    if any(answer is False for answer in held):
        return False
    return None if any(answer is None for answer in held) else True


def disjunction(answers: Iterable[Truth]) -> Truth:
    """Return Kleene's *or*: yes beats unknown, unknown beats no.

    >>> disjunction([True, None]), disjunction([False, None])
    (True, None)
    """
    return negation(conjunction(negation(answer) for answer in answers))


def negation(answer: Truth) -> Truth:
    """Return Kleene's *not*; what is unknown stays unknown."""
    return None if answer is None else not answer


@dataclass(frozen=True, slots=True)
class Name:
    """A fact, or another rule, by its key."""

    key: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a test."""

    part: Test


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; with no parts it always does."""

    parts: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds; with no parts it never does."""

    parts: tuple[Test, ...]


Test = Name | Not | All | Any


def parse_test(text: str, *, where: str) -> Test:
    """Return the test written as ``"a and not (b or c)"``; ``always`` and ``never`` are constants.

    Raises
    ------
    InputError
        If the text is anything but names, ``and``, ``or``, ``not`` and brackets.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise _not_a_test(text, where) from None
    return _read(tree, text, where)


def names_in(test: Test) -> tuple[str, ...]:
    """Return the keys in a test, in the order of their first appearance."""
    match test:
        case Name(key):
            return (key,)
        case Not(part):
            return names_in(part)
        case All(parts) | Any(parts):
            return tuple(dict.fromkeys(key for part in parts for key in names_in(part)))


def evaluate(test: Test, answer_of: Callable[[str], Truth]) -> Truth:
    """Return Kleene's value of a test.

    Kleene's tables look at each part alone, so ``a or not a`` is unknown while
    ``a`` is. `exosome.claims.regulation.diagram` decides such cases.
    """
    match test:
        case Name(key):
            return answer_of(key)
        case Not(part):
            return negation(evaluate(part, answer_of))
        case All(parts):
            return conjunction(evaluate(part, answer_of) for part in parts)
        case Any(parts):
            return disjunction(evaluate(part, answer_of) for part in parts)


def _read(tree: ast.expr, text: str, where: str) -> Test:
    match tree:
        case ast.Name(id="always"):
            return All(())
        case ast.Name(id="never"):
            return Any(())
        case ast.Name(id=key):
            return Name(key)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return Not(_read(part, text, where))
        case ast.BoolOp(op=op, values=parts):
            read = tuple(_read(part, text, where) for part in parts)
            return All(read) if isinstance(op, ast.And) else Any(read)
        case _:
            raise _not_a_test(text, where)


def _not_a_test(text: str, where: str) -> InputError:
    return InputError(
        f"{text!r} is not a test",
        where=where,
        remedy="write fact names joined by 'and', 'or', 'not' and brackets",
    )
