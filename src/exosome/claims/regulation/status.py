"""A product's standing before FDA: no IND, IND in effect, licensed; and what can change it.

The machine knows only acts of FDA and of the sponsor before FDA. An IRB approval, a
designation or an expanded-access authorisation leaves the standing as it was.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from exosome.claims.regulation.rules import rule_book
from exosome.core.files import check_keys, parse_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Level(_Strict):
    """One standing; a higher rank permits more."""

    name: str
    rank: int


class Event(_Strict):
    """Something that happens, and the rule that says what it is."""

    name: str
    rule: str


class Transition(_Strict):
    """The one act that moves a product from one standing to another."""

    source: str = Field(alias="from")
    event: str
    to: str


class Machine(_Strict):
    """All standings, events and transitions of one regulator."""

    start: str
    standing: dict[str, Level]
    event: dict[str, Event]
    transition: Annotated[tuple[Transition, ...], Field(min_length=1)]


@cache
def machine() -> Machine:
    """Return the standings before FDA."""
    name = "status_us.toml"
    text = files("exosome.claims.regulation").joinpath(name).read_text("utf-8")
    held = Machine.model_validate(parse_toml(text, name=name))
    rules = {one.id for one in rule_book("US").standing}
    check_keys((one.rule for one in held.event.values()), rules, name)
    for one in held.transition:
        check_keys((one.source, one.to), held.standing, name)
        check_keys((one.event,), held.event, name)
    return held


def advance(standing: str, event: str) -> str:
    """Return the standing after an event; most events change nothing.

    >>> advance("unauthorised", "irb_approves")
    'unauthorised'
    >>> advance("unauthorised", "ind_takes_effect")
    'investigational'

    Raises
    ------
    InputError
        If the standing or the event is not one of the machine.
    """
    held = machine()
    check_keys((standing,), held.standing, "standing")
    check_keys((event,), held.event, "event")
    for one in held.transition:
        if (one.source, one.event) == (standing, event):
            return one.to
    return standing


def standing_after(events: Iterable[str]) -> str:
    """Return the standing after a history that starts without an IND."""
    standing = machine().start
    for event in events:
        standing = advance(standing, event)
    return standing


def standing_of(facts: Mapping[str, bool]) -> str:
    """Return the standing that the facts show for the use asked about, or ``unknown``.

    Only an IND in effect or a licence is a standing; every other fact is left aside.
    """
    licence, ind = facts.get("licence_covers_this_use"), facts.get("ind_covers_this_use")
    if licence:
        return "licensed"
    if licence is None:
        return "unknown"
    if ind is None:
        return "unknown"
    return "investigational" if ind else "unauthorised"
