"""The user's own numbers: a TOML file of records laid over the bundled catalog."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn, cast

from exosome.catalog.formula import Figures, compute
from exosome.catalog.roles import role_named
from exosome.catalog.table import NUMBERS, derivation_of, figures_of, record_of, table_problems
from exosome.core.errors import CatalogError, InputError
from exosome.core.files import read_toml
from exosome.core.units import convert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from exosome.catalog.record import Distribution, Sourced
    from exosome.catalog.table import Table

LARGEST_BYTES = 5_000_000
ORIGIN = "this lab"
_TEMPLATE = (
    "write records as [[record]] with at least role, value and unit, e.g. "
    'role = "uptake_cv", value = 0.6, unit = "fold"'
)


def read_overlays(paths: Sequence[Path], bundled: Mapping[str, Sourced]) -> list[Sourced]:
    """Return the user's own records, in the units of their roles.

    A record needs ``role``, ``value`` (or ``low`` and ``high``) and ``unit``;
    all else has a default. A record with the ``id`` of a bundled record takes
    that record's place, and its role where it names none.

    Raises
    ------
    InputError
        A file cannot be read, or a record breaks the rules of the catalog.
    UnitMismatchError
        A unit does not convert to the unit of the role.
    """
    drafts: dict[str, dict[str, object]] = {}
    places: dict[str, str] = {}
    for path in paths:
        for number, table in enumerate(_tables(path), 1):
            where = f"{path}: record {number}"
            draft = _completed(table, number=len(drafts) + 1, place=f"{path.name}, {number}")
            problems = table_problems(draft, required=("unit",))
            if problems:
                _refuse(problems[0], where)
            record_id = cast("str", draft["id"])
            if record_id in drafts:
                _refuse(f"the id {record_id!r} is used twice", where)
            _adopt_unit(draft, bundled.get(record_id), where)
            drafts[record_id], places[record_id] = draft, where
    figures = _figures(drafts, bundled)
    own: list[Sourced] = []
    for record_id, draft in drafts.items():
        where, found = places[record_id], figures[record_id]
        _check_limits(draft, found, where)
        try:
            own.append(record_of(_with_law(draft, found), found, origin=ORIGIN))
        except ValueError as fault:
            _refuse(str(fault), where)
    return own


def usual_law(
    value: float | None, low: float | None, high: float | None, unit: str
) -> Distribution:
    """Return the law to draw from for figures that were given without one.

    No bounds: a point. A range without a central value: uniform, or
    log-uniform where a positive range spans more than threefold. A value with
    bounds: triangular for fractions and for ranges that reach zero, log-normal
    where a positive range spans more than threefold.
    """
    if low is None or high is None:
        return "point"
    wide = low > 0 and high > 3 * low and unit != "fraction"
    if value is None:
        return "loguniform" if wide else "uniform"
    return "lognormal" if wide and low < value < high else "triangular"


def _refuse(what: str, where: str) -> NoReturn:
    raise InputError(what, where=where, remedy=_TEMPLATE)


def _tables(path: Path) -> list[Table]:
    content = read_toml(path, where="your own numbers", limit_bytes=LARGEST_BYTES)
    for key in content:
        if key != "record":
            near = get_close_matches(key, ["record"], n=1)
            _refuse(
                f"unknown key {key!r}" + ("; the nearest is 'record'" if near else ""), str(path)
            )
    tables = content.get("record", [])
    if not isinstance(tables, list) or not all(
        isinstance(table, dict) for table in cast("list[object]", tables)
    ):
        _refuse("'record' must be a [[record]] table", str(path))
    if not tables:
        _refuse("holds no [[record]]", str(path))
    return cast("list[Table]", tables)


def _completed(table: Table, *, number: int, place: str) -> dict[str, object]:
    """Fill in what the short form leaves out, but for what hangs on the figures."""
    draft: dict[str, object] = {
        "id": f"lab{number}",
        "citation": table.get("source", ORIGIN),
        "applies_to": [ORIGIN],
        "quantity": str(table.get("role") or f"own reading of {table.get('id')}"),
        **{key: given for key, given in table.items() if key != "source"},
    }
    if not draft.get("formula"):
        draft = {"basis": "measured", "reading": "read", "locator": place, **draft}
    return draft


def _adopt_unit(draft: dict[str, object], replaces: Sourced | None, where: str) -> None:
    """Bring ``draft`` to the unit of its role, or of the record that it replaces."""
    role = str(draft.get("role") or (replaces.role if replaces else ""))
    if role:
        draft["role"] = role
        wanted = role_named(role, where=where).unit
    elif replaces:
        wanted = replaces.unit
    else:
        _refuse("role is missing", where)
    unit = str(draft["unit"]).strip()
    if unit == wanted:
        return
    if draft.get("formula"):
        _refuse(f"a formula gives its result in {wanted}: write unit = {wanted!r}", where)
    for key in NUMBERS:
        if key in draft:
            draft[key] = convert(
                float(cast("float", draft[key])), unit, wanted, where=f"{where}, {key}"
            )
    draft["unit"] = wanted
    draft["note"] = f"{draft.get('note', '')} Given in {unit}.".strip()


def _figures(
    drafts: Mapping[str, dict[str, object]], bundled: Mapping[str, Sourced]
) -> dict[str, Figures]:
    figures = {record_id: figures_of(draft) for record_id, draft in drafts.items()}
    derivations = {
        record_id: found
        for record_id, draft in drafts.items()
        if (found := derivation_of(draft)) is not None
    }
    if derivations:
        known = {r.id: Figures(r.value, r.low, r.high) for r in bundled.values()}
        try:
            figures.update(compute(derivations, {**known, **figures}))
        except CatalogError as fault:
            raise InputError(fault.what, where=fault.where, remedy=fault.remedy) from fault
    return figures


def _check_limits(draft: Table, figures: Figures, where: str) -> None:
    if figures == Figures():
        _refuse("value is missing (or low and high)", where)
    role = str(draft.get("role", ""))
    if not role:
        return
    limits = role_named(role, where=where)
    for figure in (figures.value, figures.low, figures.high):
        if figure is not None and not limits.low <= figure <= limits.high:
            raise InputError(
                f"{figure:g} {limits.unit} lies outside the physical limits "
                f"[{limits.low:g}, {limits.high:g}] of {role!r}",
                where=where,
                remedy="check the figure and its unit",
            )


def _with_law(draft: Table, figures: Figures) -> dict[str, object]:
    """Add how the bounds are meant and the law to draw from, where they are not given."""
    law = usual_law(figures.value, figures.low, figures.high, str(draft["unit"]))
    bound_kind = "none" if figures.low is None else "range"
    return {"bound_kind": bound_kind, "distribution": law, **draft}
