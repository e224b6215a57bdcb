"""From facts to class, path and trace: what the rules of one jurisdiction and day say.

The result is decided when every completion of the unknown facts that is free of
contradiction gives the same class (supervaluation); otherwise it is undetermined, and
the facts that can still change it are named. The same holds for each rule's own answer
and for whether it is reached at all. No answer is likelier than another here.

This stops holding where a rule leaves a matter to judgment: the test then asks for the
judgment as a fact, and an expert may answer it differently.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from exosome.claims.regulation.compiled import NEVER, compiled_book
from exosome.claims.regulation.facts import on_day, vocabulary
from exosome.claims.regulation.kleene import evaluate, names_in
from exosome.claims.regulation.precedents import precedents_of
from exosome.claims.regulation.rules import CLASS, class_and_path, rule_book
from exosome.core.errors import InputError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from exosome.claims.regulation.compiled import Compiled
    from exosome.claims.regulation.diagram import Node, Value
    from exosome.claims.regulation.facts import Product
    from exosome.claims.regulation.kleene import Truth
    from exosome.claims.regulation.precedents import Precedent
    from exosome.claims.regulation.rules import Rule, RuleBook, Standing

Reach = Literal["reached", "may be reached", "not reached", "not in force"]
DISCLAIMER = (
    "Not legal advice and not medical advice. Rules as paraphrased here, on the day named; "
    "the texts, the regulator and counsel decide."
)
_UNREACHED = "\0not reached"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the trace.

    ``answer`` is yes, no or unknown over all completions that reach the rule;
    ``by_completion`` says that the facts alone left it open and only looking at every
    completion settled it. ``basis`` is ``text`` or ``inference``.
    """

    rule: Rule
    reach: Reach
    answer: Truth
    by_completion: bool
    basis: Literal["text", "inference"]
    decisive: bool
    consequence: str
    facts: tuple[tuple[str, Truth], ...]
    precedents: tuple[Precedent, ...]
    past_review: bool
    disputed: bool


@dataclass(frozen=True, slots=True)
class Permission:
    """What is allowed now, or not, by one rule beside the class."""

    rule: Standing
    answer: Truth
    said: str
    missing: tuple[str, ...]
    precedents: tuple[Precedent, ...]
    past_review: bool
    basis: Literal["text", "inference"]


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that can still change the class, and what it asks."""

    key: str
    question: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of one jurisdiction on one day.

    ``klass`` is ``undetermined`` if completions disagree or no rule held here decides;
    ``possible`` are the classes that remain. ``missing`` are facts that can change the
    class, ``missing_for_path`` those that can only change the path.
    """

    product: Product
    jurisdiction: str
    jurisdiction_name: str
    as_of: dt.date
    klass: str
    klass_name: str
    decided: bool
    paths: tuple[str, ...]
    possible: tuple[str, ...]
    missing: tuple[Missing, ...]
    missing_for_path: tuple[Missing, ...]
    missing_rule: str
    trace: tuple[Step, ...]
    permissions: tuple[Permission, ...]
    label_notes: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def decisive(self) -> tuple[Step, ...]:
        """The rules on which the class turns."""
        return tuple(step for step in self.trace if step.decisive)

    @property
    def past_review(self) -> tuple[str, ...]:
        """Reached rules whose text should be looked up again."""
        return tuple(step.rule.id for step in self.trace if step.past_review)


def decide(
    product: Product, *, jurisdiction: str, as_of: dt.date, refuse_stale: bool = False
) -> Decision:
    """Return the class, path and trace of a product under one jurisdiction's law.

    Parameters
    ----------
    product : Product
        Its facts; what they leave out is unknown. Its label is compared, not used.
    jurisdiction : str
        Code such as ``US``. It must be one of the product's own, if the product names any.
    as_of : date
        Rules and precedents of that day are used; later ones are not.
    refuse_stale : bool
        Refuse to answer if a rule that is reached is past its review date.

    Raises
    ------
    InputError
        If the jurisdiction has no rule book or is not the product's, or a rule is stale
        and ``refuse_stale`` is set.
    """
    where = f"{product.key}: jurisdiction"
    book = rule_book(jurisdiction)
    if product.jurisdictions and book.jurisdiction not in product.jurisdictions:
        raise InputError(
            f"the product is offered in {', '.join(product.jurisdictions)}, not in "
            f"{book.jurisdiction}; law of {book.name} is not emitted for it",
            where=where,
            remedy=f'if it is also offered there, add "{book.jurisdiction}" to '
            "product.jurisdictions in its file",
        )
    product = on_day(product, as_of)
    decision = _decided(product, compiled_book(book.jurisdiction, as_of), as_of)
    if refuse_stale and decision.past_review:
        raise InputError(
            f"past the review date on {as_of}: {', '.join(decision.past_review)}",
            where=where,
            remedy="look the texts up and renew as_of in the rule file, or ask for an earlier day",
        )
    return decision


def questions_left(product: Product, *, jurisdiction: str, as_of: dt.date) -> tuple[Missing, ...]:
    """Return the facts that can still change the class, in the order in which rules ask."""
    held = compiled_book(rule_book(jurisdiction).jurisdiction, as_of)
    return _missing(held, on_day(product, as_of).facts, _by_class(held))


def criteria_alone(
    product: Product, rules: tuple[str, ...], *, jurisdiction: str, as_of: dt.date
) -> dict[str, Truth]:
    """Return what rules would say if one came to them, whether or not one does.

    For arguing a point only: the answers decide nothing.
    """
    held = compiled_book(rule_book(jurisdiction).jurisdiction, as_of)
    return {key: _answer(held, held.tests[key], held.consistent, product.facts) for key in rules}


def _decided(product: Product, held: Compiled, as_of: dt.date) -> Decision:
    facts, book = product.facts, held.book
    left = held.diagrams.given(held.outcome, facts)
    targets = sorted(cast("frozenset[str]", held.diagrams.values(left) - {NEVER}))
    classes = sorted({class_and_path(target)[0] for target in targets})
    klass = classes[0] if len(classes) == 1 else "undetermined"
    decided = len(classes) == 1 and klass != "undetermined"
    paths = tuple(
        book.classes[name].paths[path]
        for name, path in (class_and_path(target) for target in targets)
        if len(classes) == 1
    )
    missing = _missing(held, facts, _by_class(held))
    known = precedents_of(book.jurisdiction, as_of, facts)
    applies = bool({*classes} & {*book.standing_classes})
    missing_for_path = tuple(
        one for one in _missing(held, facts, held.outcome) if one not in missing
    )
    return Decision(
        product=product,
        jurisdiction=book.jurisdiction,
        jurisdiction_name=book.name,
        as_of=as_of,
        klass=klass,
        klass_name=book.classes[klass].name,
        decided=decided,
        paths=paths,
        possible=tuple(book.classes[name].name for name in classes),
        missing=missing,
        missing_for_path=missing_for_path if len(classes) == 1 else (),
        missing_rule="; ".join(paths) if klass == "undetermined" and len(classes) == 1 else "",
        trace=_trace(held, facts, klass, as_of, known),
        permissions=tuple(_permission(rule, facts, as_of, known) for rule in book.standing)
        if applies
        else (),
        label_notes=_label_notes(product),
        notes=_notes(held, as_of),
    )


def _by_class(held: Compiled) -> Node:
    def class_of(value: Value) -> Value:
        return value if value == NEVER else class_and_path(str(value))[0]

    return held.diagrams.relabelled(held.outcome, class_of)


def _missing(held: Compiled, facts: Mapping[str, bool], outcome: Node) -> tuple[Missing, ...]:
    """Return the unknown facts that change a result in some completion, others being equal."""
    diagrams = held.diagrams
    left = diagrams.given(outcome, facts)
    never = diagrams.leaf(NEVER)
    found: list[Missing] = []
    for key in diagrams.facts(left):
        no, yes = (diagrams.given(left, {key: side}) for side in (False, True))
        if diagrams.differ(no, yes, apart_from=never):
            rules = tuple(
                name
                for name, rule in held.book.rules.items()
                if key in names_in(rule.asks)
                and True in diagrams.values(_where_reached(held, name, facts))
            )
            found.append(Missing(key, vocabulary().questions[key].text, rules))
    return tuple(found)


def _where_reached(held: Compiled, key: str, facts: Mapping[str, bool]) -> Node:
    reach = held.diagrams.choose(held.consistent, held.reaches[key], held.diagrams.no)
    return held.diagrams.given(reach, facts)


def _answer(held: Compiled, test: Node, condition: Node, facts: Mapping[str, bool]) -> Truth:
    """Return what a test says over every completion for which ``condition`` holds."""
    asked = held.diagrams.choose(condition, test, held.diagrams.leaf(_UNREACHED))
    found = held.diagrams.values(held.diagrams.given(asked, facts)) - {_UNREACHED}
    return cast("bool", next(iter(found))) if len(found) == 1 else None


def _reach(held: Compiled, key: str, facts: Mapping[str, bool]) -> Reach:
    possible = held.diagrams.choose(held.consistent, held.reaches[key], held.diagrams.leaf(NEVER))
    found = held.diagrams.values(held.diagrams.given(possible, facts)) - {NEVER}
    if False not in found:
        return "reached"
    return "may be reached" if True in found else "not reached"


def _trace(
    held: Compiled,
    facts: Mapping[str, bool],
    klass: str,
    as_of: dt.date,
    known: tuple[Precedent, ...],
) -> tuple[Step, ...]:
    steps: list[Step] = []
    for key, rule in rule_book(held.book.jurisdiction).rules.items():
        if key not in held.book.rules:
            steps.append(_unasked(rule, "not in force"))
            continue
        reach = _reach(held, key, facts)
        if reach == "not reached":
            steps.append(_unasked(rule, reach))
            continue
        rule = held.book.rules[key]  # noqa: PLW2901  (the same rule, leading on as of that day)
        condition = held.diagrams.choose(held.consistent, held.reaches[key], held.diagrams.no)
        answer = _answer(held, held.tests[key], condition, facts)
        plain = evaluate(rule.asks, lambda name: _kleene(held, name, facts))
        bearing = tuple(one for one in known if key in one.rules)
        steps.append(
            Step(
                rule=rule,
                reach=reach,
                answer=answer,
                by_completion=answer is not None and plain is None,
                basis=_basis(rule, facts),
                decisive=reach == "reached" and _is_decisive(rule, answer, klass, facts),
                consequence=_consequence(rule, answer, held.book),
                facts=tuple((name, facts.get(name)) for name in _leaves(rule, held)),
                precedents=bearing,
                past_review=as_of > rule.review,
                disputed=any(one.stance == "goes against" for one in bearing),
            )
        )
    return _last_word(tuple(steps), klass)


def _last_word(steps: tuple[Step, ...], klass: str) -> tuple[Step, ...]:
    """Make sure that a class names the rule it comes from, if none was named as decisive."""
    if any(step.decisive for step in steps):
        return steps
    asked = [n for n, step in enumerate(steps) if step.reach == "reached"]
    if not asked or (klass == "undetermined" and steps[asked[-1]].answer is None):
        return steps
    last = asked[-1]
    return (*steps[:last], replace(steps[last], decisive=True), *steps[last + 1 :])


def _unasked(rule: Rule, reach: Reach) -> Step:
    return Step(
        rule=rule,
        reach=reach,
        answer=None,
        by_completion=False,
        basis=rule.basis,
        decisive=False,
        consequence="",
        facts=(),
        precedents=(),
        past_review=False,
        disputed=False,
    )


def _kleene(held: Compiled, name: str, facts: Mapping[str, bool]) -> Truth:
    rules = rule_book(held.book.jurisdiction).rules
    if name in rules:
        return evaluate(rules[name].asks, lambda inner: _kleene(held, inner, facts))
    return facts.get(name)


def _leaves(rule: Rule, held: Compiled) -> tuple[str, ...]:
    """Return the facts on which a rule rests, through the rules that it names."""
    rules = rule_book(held.book.jurisdiction).rules
    found: dict[str, None] = {}
    for name in names_in(rule.asks):
        found |= dict.fromkeys(_leaves(rules[name], held) if name in rules else (name,))
    return tuple(found)


def _basis(rule: Rule | Standing, facts: Mapping[str, bool]) -> Literal["text", "inference"]:
    # An unknown cannot clear a step of being an inference.
    cleared = evaluate(rule.inferred_when, facts.get) is False
    return rule.basis if cleared else "inference"


def _is_decisive(rule: Rule, answer: Truth, klass: str, facts: Mapping[str, bool]) -> bool:
    if answer is None or evaluate(rule.decisive_when, facts.get) is not True:
        return False
    return klass in (rule.decides_true if answer else rule.decides_false)


def _consequence(rule: Rule, answer: Truth, book: RuleBook) -> str:
    if answer is None:
        return "asked on" if rule.unknown == "continue" else rule.unknown
    target = rule.true if answer else rule.false
    if not target.startswith(CLASS):
        return f"ask {book.rules[target].label}"
    return book.classes[class_and_path(target)[0]].name


def _permission(
    rule: Standing, facts: Mapping[str, bool], as_of: dt.date, known: tuple[Precedent, ...]
) -> Permission:
    answer = evaluate(rule.asks, facts.get)
    said = rule.unknown if answer is None else rule.true if answer else rule.false
    return Permission(
        rule=rule,
        answer=answer,
        said=said,
        missing=tuple(key for key in names_in(rule.asks) if key not in facts)
        if answer is None
        else (),
        precedents=tuple(one for one in known if rule.id in one.rules),
        past_review=as_of > rule.review,
        basis=_basis(rule, facts),
    )


def _label_notes(product: Product) -> tuple[str, ...]:
    """Say where the label departs from objective intent; the label decides nothing."""
    notes: list[str] = []
    for key, said in product.label.items():
        question = vocabulary().questions[key].text
        meant = product.facts.get(key)
        label = "yes" if said else "no"
        if meant is None:
            notes.append(
                f"{question} The label says {label}. A label alone does not settle it: give the "
                f"fact {key} from objective intent."
            )
        elif meant is not said:
            notes.append(
                f"{question} The label says {label}, objective intent says "
                f"{'yes' if meant else 'no'}. Intent counts."
            )
    return tuple(notes)


def _notes(held: Compiled, as_of: dt.date) -> tuple[str, ...]:
    notes = [held.book.reach]
    checked = [rule.as_of for rule in held.book.rules.values()]
    if any(day > as_of for day in checked):
        notes.append(
            f"Rule texts were checked after {as_of}; that they read the same on that day was "
            "not established. Days of entry into force are recalled."
        )
    if held.later:
        names = ", ".join(rule.label for rule in held.later)
        notes.append(f"Not in force on {as_of} and not used: {names}.")
    return tuple(notes)
