"""The catalog: every cited number of the package, and the user's own numbers over them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from exosome.catalog.formula import Derivation, Figures, compute, references
from exosome.catalog.roles import (
    all_roles,
    find_role,
    role_bounds,
    role_is_transport,
    role_named,
    role_unit,
)
from exosome.catalog.table import derivation_of, figures_of, record_of, table_problems
from exosome.core.errors import CatalogError, InputError, MissingRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exosome.catalog.record import Sourced
    from exosome.catalog.table import Table

__all__ = [
    "Catalog",
    "all_roles",
    "find_role",
    "load_catalog",
    "number_files",
    "role_bounds",
    "role_is_transport",
    "role_unit",
]

NUMBERS = Path(__file__).with_name("numbers")


@dataclass(frozen=True, slots=True)
class Catalog(Mapping[str, "Sourced"]):
    """Every record by its id; never changed, only replaced by a new catalog.

    Parameters
    ----------
    records : Mapping of str to Sourced
        The records in the order of their files.
    set_aside : Mapping of str to tuple of str
        Role, and the ids of the bundled records that no longer inform it since
        the user's own numbers do. These records stay in the catalog without a
        role.
    """

    records: Mapping[str, Sourced]
    set_aside: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def __getitem__(self, record_id: str) -> Sourced:
        return self.records[record_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def informing(self, role: str, *, where: str = "catalog") -> tuple[Sourced, ...]:
        """Return the records that inform ``role``: rival readings of one quantity.

        Raises
        ------
        InputError
            No such role exists.
        MissingRecordError
            The role exists, but no record informs it.
        """
        role_named(role, where=where)
        found = tuple(record for record in self.records.values() if record.role == role)
        if not found:
            stem = f"{role.split('.', maxsplit=1)[0]}."
            like = sorted({r.role for r in self.records.values() if r.role.startswith(stem)})
            near = get_close_matches(role, like, n=1, cutoff=0.8)
            known = f"; known: {', '.join(like)}" if like else ""
            raise MissingRecordError(
                f"no record informs {role!r}",
                where=where,
                remedy=(f"did you mean {near[0]!r}? Otherwise " if near else "")
                + f'write a [[record]] with role = "{role}" into a file of your own numbers '
                + f"and pass it with --numbers my.toml{known}",
            )
        return found

    def inputs_of(self, record_id: str) -> tuple[Sourced, ...]:
        """Return the records from which a derived one is computed, at any depth.

        How well a derived number is known hangs on these, so a report that says
        how a number was read looks here. Records that the catalog no longer
        holds are passed over.
        """
        found: dict[str, Sourced] = {}
        waiting = [record_id]
        while waiting:
            for used in sorted(_uses(self.records[waiting.pop()])):
                if used in self.records and used not in found:
                    found[used] = self.records[used]
                    waiting.append(used)
        return tuple(found.values())

    def without(self, ids: Iterable[str]) -> Catalog:
        """Return this catalog without some records.

        Records derived from them keep the figures that they have.
        """
        gone = frozenset(ids)
        return replace(self, records={k: r for k, r in self.records.items() if k not in gone})

    def replaced(self, record: Sourced) -> Catalog:
        """Return this catalog with ``record`` in place of the one with its id, or added.

        Records derived from it are computed anew. The record itself counts as
        typed: it keeps its figures and loses its formula. Where a computed
        value leaves bounds that were typed, the bounds are stretched to it.
        """
        typed = replace(record, formula="", formula_low="", formula_high="")
        return replace(self, records=with_records(self.records, [typed]))


def load_catalog(overlays: Sequence[Path] = ()) -> Catalog:
    """Return the bundled catalog, with the user's own numbers laid over it.

    A number of the user's replaces *all* bundled records of its role, since a
    measurement in hand beats a reading of the literature; it carries the origin
    "this lab". The bundled files are read once in a process.

    Raises
    ------
    CatalogError
        A bundled file breaks the rules of the catalog.
    InputError
        An overlay cannot be read or breaks them.
    """
    bundled = _bundled()
    if not overlays:
        return bundled
    from exosome.catalog.overlay import read_overlays

    own = read_overlays(tuple(overlays), bundled)
    taken = {record.role for record in own if record.role}
    own_ids = {record.id for record in own}
    set_aside = {
        role: tuple(r.id for r in bundled.values() if r.role == role and r.id not in own_ids)
        for role in sorted(taken)
    }
    retired = {record_id for ids in set_aside.values() for record_id in ids}
    kept = {k: replace(r, role="") if k in retired else r for k, r in bundled.items()}
    try:
        records = with_records(kept, own)
    except CatalogError as fault:
        raise InputError(
            f"with your own numbers, {fault.what}",
            where=f"{', '.join(map(str, overlays))}: {fault.where}",
            remedy="check the figures of the records that it is computed from",
        ) from fault
    return Catalog(records, {role: ids for role, ids in set_aside.items() if ids})


def number_files() -> tuple[Path, ...]:
    """Return the bundled files of records, in the order in which they are read."""
    return tuple(sorted(NUMBERS.glob("*.toml")))


def read_tables(path: Path) -> list[Table]:
    """Return the ``[[record]]`` tables of one file.

    Raises
    ------
    CatalogError
        The file is not TOML, or holds something else than records.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise CatalogError(
            f"not readable as TOML: {fault}", where=path.name, remedy="mend the file"
        ) from fault
    strays = [key for key in content if key != "record"]
    tables = content.get("record", [])
    if strays or not isinstance(tables, list):
        raise CatalogError(
            f"holds {strays[0] if strays else 'record'!r} where [[record]] tables belong",
            where=path.name,
            remedy="write every record as a [[record]] table",
        )
    return cast("list[Table]", tables)


def with_records(records: Mapping[str, Sourced], new: Sequence[Sourced]) -> dict[str, Sourced]:
    """Return ``records`` with ``new`` ones laid in, and what derives from them computed anew."""
    merged = {**records, **{record.id: record for record in new}}
    touched = {record.id for record in new}
    stale: dict[str, Derivation] = {}
    derived = [r for r in merged.values() if r.formula and r.id not in touched]
    found = True
    while found:
        found = False
        for record in derived:
            if record.id not in stale and touched & _uses(record):
                stale[record.id] = Derivation(
                    record.formula,
                    record.formula_low,
                    record.formula_high,
                    typed=Figures(record.value, record.low, record.high),
                )
                touched.add(record.id)
                found = True
    known = {r.id: Figures(r.value, r.low, r.high) for r in merged.values()}
    for record_id, figures in compute(stale, known).items():
        merged[record_id] = replace(merged[record_id], value=figures.value, **_stretched(figures))
    return merged


def _stretched(figures: Figures) -> dict[str, float | None]:
    middle, low, high = figures.value, figures.low, figures.high
    if low is None or high is None or middle is None:
        return {"low": low, "high": high}
    return {"low": min(low, middle), "high": max(high, middle)}


def _uses(record: Sourced) -> frozenset[str]:
    where = f"catalog record {record.id}"
    return frozenset[str]().union(
        *(
            references(expression, where=where)
            for expression in (record.formula, record.formula_low, record.formula_high)
            if expression
        )
    )


@cache
def _bundled() -> Catalog:
    tables: dict[str, tuple[Table, str]] = {}
    for path in number_files():
        for number, table in enumerate(read_tables(path), 1):
            where = f"{path.name}: record {table.get('id', number)}"
            problems = table_problems(table)
            if not problems and str(table["id"]) in tables:
                problems = [f"the id is already taken in {tables[str(table['id'])][1]}"]
            if problems:
                raise CatalogError(problems[0], where=where, remedy="mend the record")
            tables[str(table["id"])] = table, where
    derivations = {
        record_id: derivation
        for record_id, (table, _) in tables.items()
        if (derivation := derivation_of(table))
    }
    figures = {record_id: figures_of(table) for record_id, (table, _) in tables.items()}
    figures.update(compute(derivations, figures))
    records: dict[str, Sourced] = {}
    for record_id, (table, where) in tables.items():
        try:
            records[record_id] = record_of(table, figures[record_id])
        except ValueError as fault:
            raise CatalogError(str(fault), where=where, remedy="mend the record") from fault
    return Catalog(records)
