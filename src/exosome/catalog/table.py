"""From a ``[[record]]`` table of a TOML file to a record, and what can be wrong on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, cast, get_args

from exosome.catalog.formula import Derivation, Figures
from exosome.catalog.record import Basis, BoundKind, Distribution, Reading, Sourced

Table = Mapping[str, object]

KEYS = tuple(field.name for field in fields(Sourced) if field.name != "origin")
NUMBERS = ("value", "low", "high")
LISTS = ("applies_to", "conflicts")
FORMULAS = ("formula", "formula_low", "formula_high")
REQUIRED = ("id", "quantity", "unit", "distribution", "citation", "applies_to")
CHOICES: dict[str, tuple[str, ...]] = {
    "bound_kind": get_args(BoundKind),
    "distribution": get_args(Distribution),
    "basis": get_args(Basis),
    "reading": get_args(Reading),
}


def table_problems(table: Table, *, required: tuple[str, ...] = REQUIRED) -> list[str]:
    """Return what keeps ``table`` from being read, in words; empty if nothing does.

    Looks at keys and types only; what a record may say is the record's own
    business (`Sourced.problems`).
    """
    found = [problem for key, given in table.items() for problem in _key_problems(key, given)]
    found.extend(f"{key} is missing" for key in required if table.get(key) in ("", None, []))
    derived = bool(table.get("formula"))
    for key in ("basis", "reading"):
        if derived and table.get(key, "derived") != "derived":
            found.append(f"a record with a formula has {key} 'derived'")
        elif not derived and key not in table:
            found.append(f"{key} is missing")
    if derived and "value" in table:
        found.append("value is typed beside a formula; leave it out")
    return found


def derivation_of(table: Table) -> Derivation | None:
    """Return the formulas of a table that `table_problems` found readable, or None."""
    value, low, high = (str(table.get(key, "")) for key in FORMULAS)
    return Derivation(value, low, high, typed=figures_of(table)) if value or low or high else None


def figures_of(table: Table) -> Figures:
    """Return the figures typed in a table that `table_problems` found readable."""
    return Figures(*(_float(table.get(key)) for key in NUMBERS))


def record_of(table: Table, figures: Figures, *, origin: str = "catalog") -> Sourced:
    """Return the record of a table that `table_problems` found readable.

    Raises
    ------
    ValueError
        The record breaks a rule of the catalog (`Sourced.problems`).
    """
    given: dict[str, object] = {"locator": "", "bound_kind": "none"}
    if table.get("formula"):
        given["basis"] = given["reading"] = "derived"
    given.update(table)
    for key in LISTS:
        given[key] = tuple(cast("list[str]", given.get(key, ())))
    given.update(value=figures.value, low=figures.low, high=figures.high, origin=origin)
    # Types and choices were checked key by key in `table_problems`.
    return Sourced(**cast("dict[str, Any]", given))


def _key_problems(key: str, given: object) -> list[str]:
    if key not in KEYS:
        near = get_close_matches(key, KEYS, n=1)
        return [f"unknown key {key!r}" + (f"; the nearest is {near[0]!r}" if near else "")]
    if key in NUMBERS:
        return _number_problems(key, given)
    if key in LISTS:
        return [] if _is_words(given) else [f"{key} must be a list of words in quotes"]
    kind, said = (bool, "true or false") if key == "doi_checked" else (str, "text in quotes")
    if not isinstance(given, kind):
        return [f"{key} must be {said}"]
    if key not in CHOICES or given in CHOICES[key]:
        return []
    near = get_close_matches(str(given), CHOICES[key], n=1, cutoff=0.3)
    hint = f"the nearest is {near[0]!r}" if near else f"choose from {', '.join(CHOICES[key])}"
    return [f"{key} {given!r} is unknown; {hint}"]


def _number_problems(key: str, given: object) -> list[str]:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return [f"{key} must be a number without quotes; the unit stands in 'unit'"]
    figure = _float(given)
    if figure is None or not math.isfinite(figure):
        return [f"{key} must be finite"]
    return []


def _is_words(given: object) -> bool:
    return isinstance(given, list) and all(
        isinstance(word, str) and word for word in cast("list[object]", given)
    )


def _float(given: object) -> float | None:
    if not isinstance(given, int | float):
        return None
    try:
        return float(given)
    except OverflowError:  # TOML integers may have any number of digits
        return math.inf
