"""Rules of law as records: read from TOML, checked, dated. Nothing is decided here."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from exosome.claims.regulation.facts import vocabulary
from exosome.claims.regulation.kleene import names_in, parse_test
from exosome.core.errors import InputError
from exosome.core.files import check_keys, parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exosome.claims.regulation.kleene import Test

Reading = Literal["read", "second-hand", "recalled", "inferred"]
Basis = Literal["text", "inference"]
Said = Annotated[str, StringConstraints(min_length=1)]

# A text of law is looked up again after a year.
REVIEW_AFTER = dt.timedelta(days=365)
CLASS = "class:"
_BOOKS = {"US": "us", "EU": "eu", "UK": "uk", "JP": "jp", "KR": "kr", "TW": "tw", "KY": "ky"}
_OTHER_NAMES = {"GB": "UK", "USA": "US"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Asked(_Strict):
    """What every rule has, whether it leads on or stands beside the class."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    label: Said
    question: Said
    citation: Said
    paraphrase: Said
    test: Said
    true: Said
    false: Said
    as_of: dt.date
    in_force: dt.date
    reading: Reading
    basis: Basis
    inference_if: str = "never"
    basis_note: str = ""

    @property
    def review(self) -> dt.date:
        """The day from which the text should be looked up again."""
        return self.as_of + REVIEW_AFTER

    @property
    def asks(self) -> Test:
        """The test, parsed."""
        return parse_test(self.test, where=self.id)

    @property
    def inferred_when(self) -> Test:
        """When the step rests on an inference though the rule is text."""
        return parse_test(self.inference_if, where=self.id)

    @property
    def fingerprint(self) -> str:
        """Eight digits that change when question, citation, test or consequence change."""
        said = "\n".join((self.question, self.citation, self.test, self.true, self.false))
        return sha256(said.encode()).hexdigest()[:8]


class Rule(_Asked):
    """One question on the way to a class.

    ``true`` and ``false`` name the next rule, or ``class:NAME:PATH``. ``unknown`` can
    never name a class: an unknown is no pass.
    """

    unknown: Literal["undetermined", "continue"]
    decides_true: Annotated[tuple[str, ...], Field(strict=False)] = ()
    decides_false: Annotated[tuple[str, ...], Field(strict=False)] = ()
    decides_if: str = "always"

    @property
    def decisive_when(self) -> Test:
        """The condition under which the rule is worth naming as decisive."""
        return parse_test(self.decides_if, where=self.id)


class Standing(_Asked):
    """One question about what is allowed now; its answers are sentences."""

    unknown: Said


class Outcome(_Strict):
    """A class, and the paths that can go with it."""

    name: Said
    paths: Annotated[dict[str, str], Field(min_length=1)]


class _Classes(_Strict):
    classes: Annotated[tuple[str, ...], Field(strict=False)] = ()


class _Book(_Strict):
    name: Said
    regulator: Said
    start: Said
    reach: Said
    classes: dict[str, Outcome]
    rule: Annotated[tuple[Rule, ...], Field(min_length=1, strict=False)]
    standing: Annotated[tuple[Standing, ...], Field(strict=False)] = ()
    standing_applies: _Classes = _Classes()


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules of one jurisdiction, in the order in which they are asked."""

    jurisdiction: str
    name: str
    regulator: str
    start: str
    reach: str
    classes: Mapping[str, Outcome]
    rules: Mapping[str, Rule]
    standing: tuple[Standing, ...]
    standing_classes: tuple[str, ...]


def jurisdictions() -> tuple[str, ...]:
    """Return the codes of the jurisdictions that have a rule book."""
    return tuple(_BOOKS)


def jurisdiction_code(name: str, *, where: str) -> str:
    """Return the code of a jurisdiction.

    Raises
    ------
    InputError
        If no rule book is held for it.
    """
    code = _OTHER_NAMES.get(name.strip().upper(), name.strip().upper())
    if code not in _BOOKS:
        raise InputError(
            f"no rule book is held for {name!r}",
            where=where,
            remedy=f"held are {', '.join(_BOOKS)}; no law is guessed from another country's",
        )
    return code


@cache
def rule_book(jurisdiction: str) -> RuleBook:
    """Return the rules of a jurisdiction.

    Raises
    ------
    InputError
        If there is no rule book for it.
    """
    code = jurisdiction_code(jurisdiction, where="jurisdiction")
    name = f"rules/{_BOOKS[code]}.toml"
    text = files("exosome.claims.regulation").joinpath(name).read_text("utf-8")
    return read_rule_book(text, jurisdiction=code, where=name)


def last_checked(jurisdiction: str) -> dt.date:
    """Return the newest day on which a rule of the book was checked.

    A report answers as of this day unless told otherwise, so that the same
    question gives the same answer on any day; `exosome law` answers as of today.
    """
    return max(rule.as_of for rule in rule_book(jurisdiction).rules.values())


def read_rule_book(text: str, *, jurisdiction: str, where: str) -> RuleBook:
    """Return the rule book in a TOML text.

    Raises
    ------
    InputError
        If the text is not TOML, a field is missing or unknown, a test or consequence
        names something that does not exist, or rules lead in a circle.
    """
    table = parse_toml(text, name=where)
    check_keys(table, _Book.model_fields, where)
    try:
        held = _Book.model_validate(table)
    except ValidationError as fault:
        raise _explained(fault, where) from fault
    rules = {one.id: one for one in held.rule}
    book = RuleBook(
        jurisdiction=jurisdiction,
        name=held.name,
        regulator=held.regulator,
        start=held.start,
        reach=held.reach,
        classes=held.classes,
        rules=rules,
        standing=held.standing,
        standing_classes=held.standing_applies.classes,
    )
    if len(rules) != len(held.rule):
        raise InputError("a rule id occurs twice", where=where, remedy="rename one of them")
    _check_names(book, where)
    _check_order(book, where)
    return book


def in_force(book: RuleBook, day: dt.date) -> RuleBook:
    """Return the rule book of a day: rules that came later are passed over.

    A rule that is not yet in force leads where its *no* leads; if the first rule is not,
    the next one starts.
    """
    later = {key: one for key, one in book.rules.items() if one.in_force > day}

    def onward(target: str) -> str:
        while target in later:
            target = later[target].false
        return target

    rules = {
        key: one.model_copy(update={"true": onward(one.true), "false": onward(one.false)})
        for key, one in book.rules.items()
        if key not in later
    }
    return RuleBook(
        jurisdiction=book.jurisdiction,
        name=book.name,
        regulator=book.regulator,
        start=onward(book.start),
        reach=book.reach,
        classes=book.classes,
        rules=rules,
        standing=tuple(one for one in book.standing if one.in_force <= day),
        standing_classes=book.standing_classes,
    )


def class_and_path(target: str) -> tuple[str, str]:
    """Return the class and the path of a consequence ``class:NAME:PATH``."""
    name, _, path = target.removeprefix(CLASS).partition(":")
    return name, path


def _check_names(book: RuleBook, where: str) -> None:
    known = {*vocabulary().questions, *book.rules}
    for rule in (*book.rules.values(), *book.standing):
        at = f"{where} {rule.id}"
        tests = [rule.asks, rule.inferred_when]
        if isinstance(rule, Rule):
            tests.append(rule.decisive_when)
            for target in (rule.true, rule.false):
                _check_target(target, book, at)
            check_keys((*rule.decides_true, *rule.decides_false), book.classes, at)
        for test in tests:
            check_keys(names_in(test), known, at)
    check_keys(book.standing_classes, book.classes, f"{where} standing_applies")
    check_keys((book.start,), book.rules, f"{where} start")


def _check_target(target: str, book: RuleBook, where: str) -> None:
    if not target.startswith(CLASS):
        check_keys((target,), book.rules, where)
        return
    name, path = class_and_path(target)
    check_keys((name,), book.classes, where)
    check_keys((path,), book.classes[name].paths, where)


def _check_order(book: RuleBook, where: str) -> None:
    """Refuse a consequence that leads back: rules are asked from top to bottom."""
    place = {key: n for n, key in enumerate(book.rules)}
    for key, rule in book.rules.items():
        for target in (rule.true, rule.false):
            if target in place and place[target] <= place[key]:
                raise InputError(
                    f"{key!r} leads back to {target!r}",
                    where=where,
                    remedy="let each rule lead to a later one, or to a class",
                )


def _explained(fault: ValidationError, where: str) -> InputError:
    # A misspelt key is also a missing one: the misspelling is what to mend.
    errors = fault.errors(include_url=False)
    first = min(errors, key=lambda one: one["type"] != "extra_forbidden")
    at = ".".join(str(part) for part in first["loc"])
    valid = {"rule": Rule, "standing": Standing}.get(str(first["loc"][0]))
    remedy = "the fields are those of exosome.claims.regulation.rules.Rule"
    if first["type"] == "extra_forbidden" and valid is not None:
        try:
            check_keys((str(first["loc"][-1]),), valid.model_fields, f"{where} {at}")
        except InputError as named:
            return named
    return InputError(first["msg"], where=f"{where} {at}", remedy=remedy)
