"""The rules of the catalog, checked on its files as they stand."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, cast

from exosome.catalog.bibliography import OWN_NUMBERS, bibliography
from exosome.catalog.formula import Figures, compute
from exosome.catalog.load import number_files
from exosome.catalog.roles import all_roles, find_role, role_named
from exosome.catalog.table import (
    LISTS,
    NUMBERS,
    Table,
    derivation_of,
    figures_of,
    record_of,
    table_problems,
)
from exosome.core.errors import CatalogError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from exosome.catalog.record import Sourced

# Parts of units beyond those of the roles. A part that is not listed is more
# often a slip, or a remark that belongs to the quantity, than a new unit.
_MORE_UNITS = frozenset(
    [
        "1",
        "%",
        "%ID",
        "dimensionless",
        "reduction",
        "fold",
        "ratio",
        "s",
        "min",
        "h",
        "d",
        "day",
        "week",
        "nm",
        "um",
        "mm",
        "nm2",
        "um2",
        "cm2",
        "mm2",
        "m2",
        "mm3",
        "uL",
        "mL",
        "L",
        "kDa",
        "mPa",
        "IU",
        "pg",
        "ng",
        "ug",
        "mg",
        "g",
        "kg",
        "amol",
        "pmol",
        "nmol",
        "mol",
        "pM",
        "nM",
        "uM",
        "alveolus",
        "batch",
        "dose",
        "doubling",
        "event",
        "ilv",
        "million",
        "mouse",
        "mvb",
        "passage",
        "patient",
        "plate",
        "read",
        "well",
    ]
)
_PART = re.compile(r"[\s/*]+")
_ID = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*\Z")
_SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A rule that a record breaks: its file, its id and the rule, in words."""

    file: str
    id: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.id}: {self.problem}"


@dataclass(frozen=True, slots=True)
class _Entry:
    file: str
    id: str
    table: Table

    def finding(self, problem: str) -> Finding:
        return Finding(self.file, self.id, problem)


def lint(catalog: Mapping[str, Sourced] | None = None) -> list[Finding]:
    """Return every rule that the records of ``catalog`` break; empty if none.

    Without a catalog the bundled files are checked as they stand (`lint_files`),
    so that a record too broken to load is named and hides no other.
    """
    if catalog is None:
        return lint_files(number_files())
    return _check([_Entry(record.origin, key, _table(record)) for key, record in catalog.items()])


def lint_files(paths: Iterable[Path]) -> list[Finding]:
    """Return every rule that the records in the TOML files ``paths`` break.

    Conflicts and formulas may name records of any of the files.
    """
    entries: list[_Entry] = []
    found: list[Finding] = []
    for path in paths:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as fault:
            found.append(Finding(path.name, "(file)", f"not readable as TOML: {fault}"))
            continue
        strays = [key for key, held in content.items() if key != "record" or not _is_tables(held)]
        if strays:
            found.append(Finding(path.name, "(file)", f"{strays[0]!r} is no [[record]] table"))
            continue
        for number, table in enumerate(cast("list[Table]", content.get("record", [])), 1):
            entries.append(_Entry(path.name, str(table.get("id") or f"number {number}"), table))
    return sorted([*found, *_check(entries)])


def lint_bibliography() -> list[Finding]:
    """Return what is wrong with the bibliography: two keys for one work."""
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for work in bibliography().values():
        if work.doi:
            keys[work.doi.casefold()].append(work.key)
    return [
        Finding("bibliography", same[1], f"is the same work as {same[0]!r} (doi {doi})")
        for doi, same in keys.items()
        if len(same) > 1
    ]


@cache
def unit_parts() -> frozenset[str]:
    """Return the parts of which a record's unit may consist."""
    of_roles = {part for role in all_roles().values() for part in _PART.split(role.unit)}
    return frozenset(of_roles) | _MORE_UNITS


def _is_tables(held: object) -> bool:
    return isinstance(held, list) and all(
        isinstance(one, dict) for one in cast("list[object]", held)
    )


def _table(record: Sourced) -> Table:
    """Return a record as the table from which it could have been read."""
    held: dict[str, object] = {f.name: getattr(record, f.name) for f in fields(record)}
    del held["origin"]
    for key in NUMBERS:
        formula = held["formula" if key == "value" else f"formula_{key}"]
        if held[key] is None or formula:
            del held[key]
    for key in LISTS:
        held[key] = list(cast("tuple[str, ...]", held[key]))
    return held


def _check(entries: Sequence[_Entry]) -> list[Finding]:
    found = [*_repeated_ids(entries), *_repeated_content(entries)]
    readable: list[_Entry] = []
    for entry in entries:
        problems = table_problems(entry.table)
        found.extend(map(entry.finding, problems))
        if not problems:
            readable.append(entry)
    figures, faults = _computed(readable)
    found.extend(faults)
    for entry in readable:
        own = figures.get(entry.id)
        if own is not None:
            found.extend(map(entry.finding, _record_problems(entry.table, own)))
        found.extend(map(entry.finding, _source_problems(entry.table)))
    found.extend(_conflict_findings(readable))
    return sorted(set(found))


def _repeated_ids(entries: Sequence[_Entry]) -> list[Finding]:
    first: dict[str, str] = {}
    found: list[Finding] = []
    for entry in entries:
        if entry.id in first:
            found.append(entry.finding(f"the id is already taken in {first[entry.id]}"))
        first.setdefault(entry.id, entry.file)
    return found


def _repeated_content(entries: Sequence[_Entry]) -> list[Finding]:
    first: dict[str, str] = {}
    found: list[Finding] = []
    for entry in entries:
        content = repr(sorted((k, repr(v)) for k, v in entry.table.items() if k != "id"))
        if first.setdefault(content, entry.id) != entry.id:
            found.append(entry.finding(f"says the same as {first[content]}"))
    return found


def _computed(entries: Sequence[_Entry]) -> tuple[dict[str, Figures], list[Finding]]:
    """Compute the derived figures; a broken formula is named and left out."""
    figures = {entry.id: figures_of(entry.table) for entry in entries}
    places = {entry.id: entry for entry in entries}
    waiting = {
        entry.id: found for entry in entries if (found := derivation_of(entry.table)) is not None
    }
    faults: list[Finding] = []
    while True:
        try:
            figures.update(compute(waiting, figures))
        except CatalogError as fault:
            broken = fault.where.rpartition(" ")[2]
            faults.append(places[broken].finding(fault.what))
            del waiting[broken], figures[broken]
        else:
            return figures, faults


def _record_problems(table: Table, figures: Figures) -> list[str]:
    """Check the figures, the unit and the role of one record."""
    found: list[str] = []
    try:
        record = record_of(table, figures)
    except ValueError as fault:
        return [str(fault).removeprefix(f"{table['id']}: ")]
    if not _ID.match(record.id):
        found.append("an id is letters, digits and dots, beginning with a letter")
    if figures != Figures():
        unit = record.unit.partition(" of ")[0]
        unknown = [part for part in _PART.split(unit) if part not in unit_parts()]
        if unknown:
            found.append(f"unknown unit {unknown[0]!r} in {record.unit!r}")
    if record.role:
        found.extend(_role_problems(record))
    elif record.rival:
        found.append("a rival position needs a role")
    return found


def _role_problems(record: Sourced) -> list[str]:
    role = find_role(record.role)
    if role is None:
        try:
            role_named(record.role, where=record.id)
        except InputError as fault:
            return [f"{fault.what}; {fault.remedy}"]
    else:
        figures = (record.value, record.low, record.high)
        if record.unit != role.unit:
            return [f"role {record.role!r} is given in {role.unit}, not in {record.unit}"]
        if not record.is_drawable:
            return [f"informs {record.role!r} but has no distribution"]
        if any(x is not None and not role.low <= x <= role.high for x in figures):
            return [f"leaves the limits [{role.low:g}, {role.high:g}] of {record.role!r}"]
    return []


def _source_problems(table: Table) -> list[str]:
    """Check what one record says about where its figures come from."""
    citation = str(table["citation"])
    found: list[str] = []
    if citation.startswith("assumed:"):
        if len(citation.partition(":")[2].strip()) < _SHORTEST_REASON:
            found.append("an assumption says why it is made, in a few words")
    elif citation != OWN_NUMBERS and citation not in bibliography():
        found.append(f"the citation key {citation!r} is not in the bibliography")
    if "derived" in (table.get("basis"), table.get("reading")):
        # What the source itself derived is found at its locator.
        done_in_source = table.get("reading") != "derived" and table.get("locator")
        if not (table.get("formula") or table.get("method") or done_in_source):
            found.append("a derived record gives its formula or method")
    return found


def _conflict_findings(entries: Sequence[_Entry]) -> list[Finding]:
    named = {e.id: set(cast("list[str]", e.table.get("conflicts", ()))) for e in entries}
    places = {entry.id: entry for entry in entries}
    found: list[Finding] = []
    for entry in entries:
        for other in sorted(named[entry.id]):
            if other == entry.id:
                found.append(entry.finding("conflicts with itself"))
            elif other not in places:
                found.append(entry.finding(f"conflicts with {other!r}, which is no record"))
            elif entry.id not in named[other]:
                found.append(places[other].finding(f"does not name its conflict with {entry.id}"))
    return found
