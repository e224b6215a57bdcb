"""What is known about a product: yes, no or unknown for every question that a rule can ask.

A product file gives the facts as *objective intent* and preparation show them. What its
label says is kept apart: it is compared with the facts and never used as one.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from exosome.core.errors import InputError
from exosome.core.files import check_keys, parse_toml, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA_VERSION = 1
SECTIONS = ("intent", "material", "preparation", "donor", "use", "procedure", "status")
_ABOUT = ("key", "name", "jurisdictions", "words", "source", "note")
_REST = "all_others"


@dataclass(frozen=True, slots=True)
class Question:
    """One fact that a rule can ask for."""

    key: str
    section: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """Facts that cannot all hold unless ``then`` holds too; with no ``then``, never."""

    given: tuple[str, ...]
    then: str
    why: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every question in the order in which rules ask, and what cannot hold together."""

    questions: Mapping[str, Question]
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A product as its file describes it.

    ``facts`` holds what is known, with what follows from it; a missing key is
    unknown. ``stated`` holds only what the file says. ``label`` is what the label
    says and decides nothing. ``since`` dates facts that have not always held.
    """

    key: str
    name: str
    jurisdictions: tuple[str, ...]
    facts: Mapping[str, bool]
    stated: Mapping[str, bool]
    label: Mapping[str, bool] = field(default_factory=dict[str, bool])
    label_words: str = ""
    since: Mapping[str, dt.date] = field(default_factory=dict[str, dt.date])
    words: str = ""
    source: str = ""
    note: str = ""
    notes: Mapping[str, str] = field(default_factory=dict[str, str])


@cache
def vocabulary() -> Vocabulary:
    """Return the questions that rules can ask."""
    held = _bundled("facts.toml")
    questions = [
        Question(row["key"], row["section"], row["question"], row.get("hint", ""))
        for row in held["fact"]
    ]
    clauses = [Clause(tuple(row["facts"]), "", row["why"]) for row in held["never"]]
    clauses += [Clause(tuple(row["given"]), row["then"], row["why"]) for row in held["implies"]]
    return Vocabulary({one.key: one for one in questions}, tuple(clauses))


def read_product(path: Path) -> Product:
    """Return the product described in a TOML file.

    Raises
    ------
    InputError
        If the file cannot be read, a key is unknown (the nearest is named), a value is
        not true, false or "unknown", or two facts contradict each other.
    """
    return parse_product(read_toml(path, where="product"), where=str(path), key=path.stem)


def parse_product(table: Mapping[str, Any], *, where: str, key: str) -> Product:
    """Return the product in parsed TOML tables; ``where`` names them in errors."""
    check_keys(table, ("schema_version", "product", "label", "since", *SECTIONS), where)
    if table.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"schema_version is {table.get('schema_version')!r}",
            where=where,
            remedy=f"write schema_version = {SCHEMA_VERSION} in the first line",
        )
    about = _table(table, "product", where)
    check_keys(about, _ABOUT, f"{where} [product]")
    stated: dict[str, bool] = {}
    rest: list[str] = []
    notes: dict[str, str] = {}
    for section in SECTIONS:
        held = _table(table, section, where)
        stated |= _facts_of(section, held, where)
        rest += _rest_of(section, held, where)
        if "note" in held:
            notes[section] = _text(held, "note", f"{where} [{section}]")
    # What a file names comes first: "all others are a no" must not deny what follows from it.
    named = completed(stated, where=where)
    stated |= {name: False for name in rest if name not in named}
    label = _table(table, "label", where)
    words = _text(label, "words", f"{where} [label]")
    at = f"{where} [product]"
    return Product(
        key=_text(about, "key", at) or key,
        name=_text(about, "name", at) or key,
        jurisdictions=_texts(about, "jurisdictions", at),
        facts=completed(stated, where=where),
        stated=stated,
        label=_label_of({k: v for k, v in label.items() if k != "words"}, where),
        label_words=words,
        since=_since_of(_table(table, "since", where), stated, where),
        words=_text(about, "words", at),
        source=_text(about, "source", at),
        note=_text(about, "note", at),
        notes=notes,
    )


def on_day(product: Product, day: dt.date) -> Product:
    """Return a product as it stood on a day: what began later did not hold yet.

    Raises
    ------
    InputError
        If the facts of that day contradict each other.
    """
    later = {key: False for key, start in product.since.items() if start > day}
    if not later:
        return product
    stated = {**product.stated, **later}
    return replace(product, stated=stated, facts=completed(stated, where=product.key))


def last_day(text: str, *, where: str) -> dt.date:
    """Return the day of ``YYYY-MM-DD``, or the last one of ``YYYY-MM`` or ``YYYY``.

    What happened some day in 2022 is surely known on its last day, not before.

    >>> last_day("2024-12", where="an example")
    datetime.date(2024, 12, 31)

    Raises
    ------
    InputError
        If the text is none of the three.
    """
    parts = text.split("-")
    try:
        year, month, day = (*(int(part) for part in parts), 0, 0)[:3]
        month = month or 12
        return dt.date(year, month, day or calendar.monthrange(year, month)[1])
    except (ValueError, calendar.IllegalMonthError):
        raise InputError(
            f"{text!r} is not a day, a month or a year",
            where=where,
            remedy="write it as 2022-09-05, 2022-09 or 2022",
        ) from None


def check_facts(facts: Mapping[str, bool], *, where: str) -> None:
    """Refuse facts that no rule asks for, naming the nearest one that a rule does.

    Raises
    ------
    InputError
        At the first unknown fact.
    """
    check_keys(facts, vocabulary().questions, where)


def completed(stated: Mapping[str, bool], *, where: str) -> dict[str, bool]:
    """Return the facts with all that follows from them by the meaning of the words.

    An autologous product has no unrelated donor, vesicles of human cells are secreted
    human products, and so on; nothing is added that another completion could deny.

    Raises
    ------
    InputError
        If a fact is unknown to the vocabulary, or two of them contradict each other.
    """
    check_facts(stated, where=where)
    facts = dict(stated)
    grown = True
    while grown:
        before = len(facts)
        for clause in vocabulary().clauses:
            _follow(clause, facts, stated, where)
        grown = len(facts) > before
    return facts


def follows(facts: Mapping[str, bool], key: str, *, value: bool, where: str) -> dict[str, bool]:
    """Return completed facts after one more is known."""
    return completed({**facts, key: value}, where=where)


def _follow(clause: Clause, facts: dict[str, bool], stated: Mapping[str, bool], where: str) -> None:
    """Add the one fact that a clause leaves no choice about, or refuse the contradiction."""
    wanted = dict.fromkeys(clause.given, False)  # a clause is satisfied by any of these
    if clause.then:
        wanted[clause.then] = True
    if any(facts.get(key) is value for key, value in wanted.items()):
        return
    loose = [key for key in wanted if key not in facts]
    if len(loose) == 1:
        facts[loose[0]] = wanted[loose[0]]
    if loose:
        return
    said = [f"{key} = {_toml(facts[key])}" for key in wanted]
    derived = [key for key in wanted if key not in stated]
    hint = f" ({', '.join(derived)} follows from the other facts)" if derived else ""
    raise InputError(
        f"contradictory facts: {' and '.join(said)}{hint}; {clause.why}",
        where=where,
        remedy='correct one of them, or write "unknown" for what is not known',
    )


def _facts_of(section: str, held: Mapping[str, Any], where: str) -> dict[str, bool]:
    questions = vocabulary().questions
    own = [key for key, one in questions.items() if one.section == section]
    at = f"{where} [{section}]"
    for key in held:
        if key in questions and key not in own:
            raise InputError(
                f"{key!r} stands in the wrong section",
                where=at,
                remedy=f"move it to [{questions[key].section}]",
            )
    check_keys(held, (*own, _REST, "note"), at)
    found: dict[str, bool] = {}
    for key in own:
        value = held.get(key, "unknown")
        if value == "unknown":
            continue
        if not isinstance(value, bool):
            raise InputError(
                f"{key} = {value!r} is not an answer",
                where=at,
                remedy='write true, false or "unknown"',
            )
        found[key] = value
    return found


def _rest_of(section: str, held: Mapping[str, Any], where: str) -> list[str]:
    """Return the facts of a section that its file answers with one "all others are a no"."""
    if _REST not in held:
        return []
    if held[_REST] is not False:
        raise InputError(
            f"{_REST} = {held[_REST]!r}",
            where=f"{where} [{section}]",
            remedy=f"write {_REST} = false if every fact not named here is a no, or leave it out",
        )
    questions = vocabulary().questions.values()
    return [one.key for one in questions if one.section == section and one.key not in held]


def _label_of(label: Mapping[str, Any], where: str) -> dict[str, bool]:
    at = f"{where} [label]"
    check_keys(label, vocabulary().questions, at)
    for key, value in label.items():
        if not isinstance(value, bool):
            raise InputError(
                f"{key} = {value!r} is not an answer", where=at, remedy="write true or false"
            )
    return dict(label)


def _since_of(
    since: Mapping[str, Any], stated: Mapping[str, bool], where: str
) -> dict[str, dt.date]:
    at = f"{where} [since]"
    check_keys(since, (key for key, held in stated.items() if held), at)
    return {key: last_day(str(day), where=f"{at} {key}") for key, day in since.items()}


def _table(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    held = table.get(key, {})
    if not isinstance(held, dict):
        raise InputError(f"{key!r} is not a table", where=where, remedy=f"start it with [{key}]")
    return cast("Mapping[str, Any]", held)


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    held = table.get(key, "")
    if not isinstance(held, str):
        raise InputError(f"{key} = {held!r} is not text", where=where, remedy="put it in quotes")
    return held


def _texts(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    held = table.get(key, [])
    if not isinstance(held, list) or not all(
        isinstance(one, str) for one in cast("list[object]", held)
    ):
        raise InputError(
            f"{key} = {held!r} is not a list of texts",
            where=where,
            remedy=f'write {key} = ["...", "..."]',
        )
    return tuple(cast("list[str]", held))


def _toml(value: bool) -> str:  # noqa: FBT001  (a value to print, not a switch)
    return "true" if value else "false"


def _bundled(name: str) -> dict[str, Any]:
    text = files("exosome.claims.regulation").joinpath(name).read_text("utf-8")
    return parse_toml(text, name=name)
