"""The rules of one jurisdiction and day as decision diagrams, made once and kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from exosome.claims.regulation.diagram import Diagrams
from exosome.claims.regulation.facts import vocabulary
from exosome.claims.regulation.kleene import names_in
from exosome.claims.regulation.rules import CLASS, in_force, rule_book

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from exosome.claims.regulation.diagram import Node
    from exosome.claims.regulation.facts import Clause
    from exosome.claims.regulation.rules import Rule, RuleBook

# The value of completions that contradict themselves; no rule can name it.
NEVER = "\0contradiction"


@dataclass(frozen=True, slots=True)
class Compiled:
    """The rules of one day as diagrams over the facts.

    ``consistent`` is yes where facts do not contradict each other; ``outcome`` is the
    consequence ``class:NAME:PATH``, or `NEVER`; ``tests`` and ``reaches`` are, for each
    rule, its answer and whether one comes to it. ``later`` are rules not yet in force.
    """

    book: RuleBook
    later: tuple[Rule, ...]
    diagrams: Diagrams
    consistent: Node
    outcome: Node
    tests: Mapping[str, Node]
    reaches: Mapping[str, Node]


@cache
def compiled_book(jurisdiction: str, day: dt.date) -> Compiled:
    """Return the diagrams of a jurisdiction's rules as in force on a day."""
    whole = rule_book(jurisdiction)
    book = in_force(whole, day)
    asked = _facts_in_order(whole)
    diagrams = Diagrams(asked)
    tests = _tests(whole, diagrams)
    consistent = _consistent(diagrams, asked)
    outcome = _outcome(book, diagrams, tests)
    return Compiled(
        book=book,
        later=tuple(rule for key, rule in whole.rules.items() if key not in book.rules),
        diagrams=diagrams,
        consistent=consistent,
        outcome=diagrams.choose(consistent, outcome, diagrams.leaf(NEVER)),
        tests=tests,
        reaches=_reaches(book, diagrams, tests),
    )


def _tests(book: RuleBook, diagrams: Diagrams) -> dict[str, Node]:
    tests: dict[str, Node] = {}

    def node_of(key: str) -> Node:
        if key not in book.rules:
            return diagrams.fact(key)
        if key not in tests:
            tests[key] = diagrams.test(book.rules[key].asks, node_of)
        return tests[key]

    for key in book.rules:
        node_of(key)
    return tests


def _consistent(diagrams: Diagrams, asked: tuple[str, ...]) -> Node:
    consistent = diagrams.yes
    for clause in vocabulary().clauses:
        if _members(clause) <= {*asked}:
            broken = diagrams.yes
            for key in clause.given:
                broken = diagrams.choose(diagrams.fact(key), broken, diagrams.no)
            if clause.then:
                broken = diagrams.choose(diagrams.fact(clause.then), diagrams.no, broken)
            consistent = diagrams.choose(broken, diagrams.no, consistent)
    return consistent


def _outcome(book: RuleBook, diagrams: Diagrams, tests: Mapping[str, Node]) -> Node:
    outcomes: dict[str, Node] = {}

    def outcome_of(target: str) -> Node:
        if target.startswith(CLASS):
            return diagrams.leaf(target)
        if target not in outcomes:
            rule = book.rules[target]
            outcomes[target] = diagrams.choose(
                tests[target], outcome_of(rule.true), outcome_of(rule.false)
            )
        return outcomes[target]

    return outcome_of(book.start)


def _reaches(book: RuleBook, diagrams: Diagrams, tests: Mapping[str, Node]) -> dict[str, Node]:
    reaches = dict.fromkeys(book.rules, diagrams.no)
    if book.start in reaches:
        reaches[book.start] = diagrams.yes
    for key, rule in book.rules.items():  # a rule leads only to later ones
        says_no = diagrams.choose(tests[key], diagrams.no, diagrams.yes)
        for target, taken in ((rule.true, tests[key]), (rule.false, says_no)):
            if target in reaches:
                arriving = diagrams.choose(taken, reaches[key], diagrams.no)
                reaches[target] = diagrams.choose(arriving, diagrams.yes, reaches[target])
    return reaches


def _facts_in_order(book: RuleBook) -> tuple[str, ...]:
    """Return the facts of all tests, and those that restrict them, as the vocabulary orders."""
    used: set[str] = set()
    for rule in book.rules.values():
        used |= {key for key in names_in(rule.asks) if key not in book.rules}
    before = -1
    while len(used) > before:
        before = len(used)
        for clause in vocabulary().clauses:
            if _members(clause) & used:
                used |= _members(clause)
    return tuple(key for key in vocabulary().questions if key in used)


def _members(clause: Clause) -> set[str]:
    return {*clause.given, clause.then} - {""}
