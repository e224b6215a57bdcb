"""What regulators said and courts held, as known on a day."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from exosome.claims.regulation.facts import last_day
from exosome.claims.regulation.kleene import evaluate, names_in, parse_test
from exosome.claims.regulation.rules import Reading, jurisdiction_code, rule_book
from exosome.core.errors import InputError
from exosome.core.files import check_keys, parse_toml

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

_Day = Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]


class Precedent(BaseModel):
    """One statement of a regulator, court or legislature."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    date: _Day
    jurisdiction: str
    title: str
    holding: str
    rules: Annotated[tuple[str, ...], Field(min_length=1)]
    when: str
    stance: Literal["bears out", "goes against", "states"]
    until: _Day | None = None
    reading: Reading

    @property
    def known_from(self) -> dt.date:
        """The day on which it was surely known: of a year or a month, the last one."""
        return last_day(self.date, where=self.id)

    def stands_on(self, day: dt.date) -> bool:
        """Whether it was known and not yet overturned on a day."""
        return self.known_from <= day and (
            self.until is None or day < last_day(self.until, where=self.id)
        )


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    precedent: tuple[Precedent, ...]


@cache
def load_precedents() -> tuple[Precedent, ...]:
    """Return all precedents, oldest first."""
    name = "precedents.toml"
    text = files("exosome.claims.regulation").joinpath(name).read_text("utf-8")
    return read_precedents(text, where=name)


def read_precedents(text: str, *, where: str) -> tuple[Precedent, ...]:
    """Return the precedents in a TOML text, oldest first.

    Raises
    ------
    InputError
        If the text is not TOML, an entry breaks a rule, or it names a rule that is not held.
    """
    try:
        held = _Table.model_validate(parse_toml(text, name=where)).precedent
    except ValidationError as fault:
        raise InputError(
            f"the precedents cannot be used: {fault.errors(include_url=False)[0]['msg']}",
            where=where,
            remedy="the fields are those of exosome.claims.regulation.precedents.Precedent",
        ) from fault
    for one in held:
        at = f"{where} {one.id}"
        book = rule_book(jurisdiction_code(one.jurisdiction, where=at))
        check_keys(one.rules, {*book.rules, *(row.id for row in book.standing)}, at)
        names_in(parse_test(one.when, where=at))
    return tuple(sorted(held, key=lambda one: (one.known_from, one.id)))


def precedents_of(
    jurisdiction: str, day: dt.date, facts: Mapping[str, bool]
) -> tuple[Precedent, ...]:
    """Return what stood on a day in a jurisdiction and surely concerns such a product."""
    return tuple(
        one
        for one in load_precedents()
        if one.jurisdiction == jurisdiction
        and one.stands_on(day)
        and evaluate(parse_test(one.when, where=one.id), facts.get) is True
    )
