"""What one changed fact does to the class, the path and the trace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exosome.claims.regulation.engine import decide
from exosome.claims.regulation.facts import check_facts, completed, vocabulary
from exosome.core.errors import InputError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from exosome.claims.regulation.engine import Decision, Step
    from exosome.claims.regulation.facts import Product
    from exosome.claims.regulation.kleene import Truth


@dataclass(frozen=True, slots=True)
class ChangedStep:
    """A rule that is reached or answered differently."""

    rule: str
    label: str
    citation: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """Two decisions that differ by the facts changed, and where their traces part."""

    facts: tuple[tuple[str, Truth], ...]
    before: Decision
    after: Decision
    steps: tuple[ChangedStep, ...]

    @property
    def changes_class(self) -> bool:
        """Whether the class is another."""
        return self.before.klass != self.after.klass

    @property
    def changes_path(self) -> bool:
        """Whether the paths are others."""
        return self.before.paths != self.after.paths


def with_facts(product: Product, changes: Mapping[str, Truth]) -> Product:
    """Return a product with some facts changed, or made unknown by ``None``.

    What the file states otherwise stays; what followed from the old facts is derived anew.

    Raises
    ------
    InputError
        If a fact is not in the vocabulary, or the result contradicts itself.
    """
    check_facts({key: bool(value) for key, value in changes.items()}, where=product.key)
    stated = {key: held for key, held in product.stated.items() if key not in changes}
    stated |= {key: held for key, held in changes.items() if held is not None}
    return replace(product, stated=stated, facts=completed(stated, where=product.key))


def change(
    product: Product,
    changes: Mapping[str, Truth],
    *,
    jurisdiction: str,
    as_of: dt.date,
) -> Change:
    """Return what changing facts does, rule by rule.

    Raises
    ------
    InputError
        As in `with_facts` and `exosome.claims.regulation.engine.decide`.
    """
    before = decide(product, jurisdiction=jurisdiction, as_of=as_of)
    other = with_facts(product, changes)
    after = decide(other, jurisdiction=jurisdiction, as_of=as_of)
    steps = tuple(
        ChangedStep(old.rule.id, old.rule.label, old.rule.citation, said_at(old), said_at(new))
        for old, new in zip(before.trace, after.trace, strict=True)
        if said_at(old) != said_at(new)
    )
    return Change(tuple(changes.items()), before, after, steps)


def preparation_steps(product: Product, *, jurisdiction: str, as_of: dt.date) -> tuple[Change, ...]:
    """Return, for each preparation step, what doing it (or leaving it out) would change.

    Steps whose turn would contradict the other facts are left out.
    """
    found: list[Change] = []
    for key, question in vocabulary().questions.items():
        if question.section != "preparation" or key not in product.facts:
            continue
        turned = {key: not product.facts[key]}
        try:
            found.append(change(product, turned, jurisdiction=jurisdiction, as_of=as_of))
        except InputError:
            # The turned step contradicts what else the file states: no such product exists.
            continue
    return tuple(found)


def parse_changes(texts: tuple[str, ...], *, where: str) -> dict[str, Truth]:
    """Return the facts in texts such as ``culture_expanded=no``.

    Raises
    ------
    InputError
        If a text is not ``fact=yes``, ``fact=no`` or ``fact=unknown``.
    """
    answers: dict[str, Truth] = {
        "yes": True,
        "true": True,
        "no": False,
        "false": False,
        "unknown": None,
    }
    found: dict[str, Truth] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or value.lower() not in answers:
            raise InputError(
                f"{text!r} is not a change of a fact",
                where=where,
                remedy="write fact=yes, fact=no or fact=unknown, such as culture_expanded=no",
            )
        found[key] = answers[value.lower()]
    check_facts({key: bool(value) for key, value in found.items()}, where=where)
    return found


def said_at(step: Step) -> str:
    """Return how a step ended, in words: ``not reached``, or its answer."""
    if step.reach in ("not reached", "not in force"):
        return step.reach
    said = "unknown" if step.answer is None else "yes" if step.answer else "no"
    return said if step.reach == "reached" else f"{said}, if reached"
