"""The bundled products' legal facts, and the legal axis of a report."""

from __future__ import annotations

import datetime as dt
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exosome.claims.regulation.changes import said_at
from exosome.claims.regulation.engine import DISCLAIMER, decide
from exosome.claims.regulation.facts import read_product
from exosome.claims.regulation.rules import jurisdiction_code
from exosome.core.errors import InputError

if TYPE_CHECKING:
    from exosome.claims.regulation.engine import Decision, Missing, Permission, Step
    from exosome.claims.regulation.facts import Product
    from exosome.claims.regulation.precedents import Precedent


@cache
def bundled_products() -> dict[str, Path]:
    """Return the files of the products that come with the program, by key."""
    folder = Path(str(files("exosome.claims.regulation").joinpath("products")))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


@cache
def bundled_product(key: str) -> Product:
    """Return a bundled product.

    Raises
    ------
    InputError
        If there is none of that key; the nearest one is named.
    """
    _must_be_bundled(key)
    return read_product(bundled_products()[key])


def _must_be_bundled(key: str) -> None:
    if key not in bundled_products():
        near = get_close_matches(key, bundled_products(), 1, 0.0)[0]
        raise InputError(
            f"{key!r} is neither a file nor a bundled product",
            where="product",
            remedy=f"did you mean {near!r}? `exosome law` lists all",
        )


def find_product(name: str) -> Product:
    """Return a product from a file, or the bundled one of that key.

    Raises
    ------
    InputError
        If there is neither, or the file cannot be used.
    """
    if name in bundled_products():
        return bundled_product(name)
    if Path(name).suffix == ".toml" or Path(name).exists():
        return read_product(Path(name))
    return bundled_product(name)


def parse_day(text: str) -> dt.date:
    """Return the day of ``YYYY-MM-DD``.

    Raises
    ------
    InputError
        If the text is no such day.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a day", where="--as-of", remedy="write it as 2022-09-05"
        ) from None


def jurisdictions_asked(product: Product, wanted: str) -> tuple[str, ...]:
    """Return the codes to answer for: those wanted, or the product's first.

    ``wanted`` is a code, several with commas, ``all`` for all of the product's, or empty.

    Raises
    ------
    InputError
        If nothing is wanted and the product names none, or a code has no rule book.
    """
    own = tuple(
        jurisdiction_code(code, where=f"{product.key}: product.jurisdictions")
        for code in product.jurisdictions
    )
    if wanted.strip().lower() == "all" and own:
        return own
    if wanted.strip() and wanted.strip().lower() != "all":
        return tuple(jurisdiction_code(one, where="--jurisdiction") for one in wanted.split(","))
    if not own:
        raise InputError(
            "no jurisdiction is given",
            where=f"{product.key}: product.jurisdictions",
            remedy='add jurisdictions = ["US"] to [product], or give --jurisdiction',
        )
    return own[:1]


def legal_axis(product_key: str, as_of: str | dt.date, *, jurisdiction: str = "") -> dict[str, Any]:
    """Return a product's legal axis as plain values, ready for JSON.

    Parameters
    ----------
    product_key : str
        A bundled product or a file.
    as_of : str or date
        The day, such as ``2022-09-05``.
    jurisdiction : str
        A code; by default the first one that the product names.

    Raises
    ------
    InputError
        As in `find_product`, `parse_day` and `exosome.claims.regulation.engine.decide`.
    """
    product = find_product(product_key)
    day = as_of if isinstance(as_of, dt.date) else parse_day(as_of)
    code = jurisdictions_asked(product, jurisdiction)[0]
    return as_values(decide(product, jurisdiction=code, as_of=day))


def as_values(decision: Decision) -> dict[str, Any]:
    """Return a decision as plain values, ready for JSON."""
    decisive = decision.decisive
    return {
        "product": decision.product.key,
        "product_name": decision.product.name,
        "jurisdiction": decision.jurisdiction,
        "jurisdiction_name": decision.jurisdiction_name,
        "as_of": decision.as_of.isoformat(),
        "class": decision.klass,
        "class_name": decision.klass_name,
        "decided": decision.decided,
        "path": list(decision.paths),
        "possible_classes": list(decision.possible),
        "missing_facts": [_missing(one) for one in decision.missing],
        "missing_facts_for_path": [_missing(one) for one in decision.missing_for_path],
        "missing_rule": decision.missing_rule,
        "decisive_rules": [
            {
                "id": step.rule.id,
                "label": step.rule.label,
                "citation": step.rule.citation,
                "answer": said_at(step),
                "basis": step.basis,
                "reading": step.rule.reading,
            }
            for step in decisive
        ],
        "past_review": list(decision.past_review),
        "trace": [_step(step) for step in decision.trace],
        "permissions": [_permission(one) for one in decision.permissions],
        "precedents": _precedents(decision),
        "label_notes": list(decision.label_notes),
        "notes": list(decision.notes),
        "disclaimer": DISCLAIMER,
    }


def _missing(one: Missing) -> dict[str, Any]:
    return {"fact": one.key, "question": one.question, "rules": list(one.rules)}


def _step(step: Step) -> dict[str, Any]:
    return {
        "id": step.rule.id,
        "label": step.rule.label,
        "question": step.rule.question,
        "citation": step.rule.citation,
        "paraphrase": step.rule.paraphrase,
        "reach": step.reach,
        "answer": said_at(step),
        "settled_by_completion": step.by_completion,
        "basis": step.basis,
        "basis_note": step.rule.basis_note if step.basis == "inference" else "",
        "reading": step.rule.reading,
        "decisive": step.decisive,
        "consequence": step.consequence,
        "facts": {key: _said(value) for key, value in step.facts},
        "as_of": step.rule.as_of.isoformat(),
        "in_force": step.rule.in_force.isoformat(),
        "review": step.rule.review.isoformat(),
        "past_review": step.past_review,
        "disputed": step.disputed,
        "precedents": [_precedent(one) for one in step.precedents],
        "fingerprint": step.rule.fingerprint,
    }


def _permission(one: Permission) -> dict[str, Any]:
    return {
        "id": one.rule.id,
        "label": one.rule.label,
        "question": one.rule.question,
        "citation": one.rule.citation,
        "answer": _said(one.answer),
        "said": one.said,
        "missing_facts": list(one.missing),
        "basis": one.basis,
        "reading": one.rule.reading,
        "as_of": one.rule.as_of.isoformat(),
        "past_review": one.past_review,
        "precedents": [_precedent(held) for held in one.precedents],
    }


def _precedents(decision: Decision) -> list[dict[str, str]]:
    """Return what bears on the rules shown, each once, oldest first."""
    shown = (*decision.trace, *decision.permissions)
    held = {one.id: one for row in shown for one in row.precedents}
    return [_precedent(one) for one in sorted(held.values(), key=lambda one: one.known_from)]


def _precedent(one: Precedent) -> dict[str, str]:
    return {
        "id": one.id,
        "date": one.date,
        "title": one.title,
        "holding": one.holding,
        "stance": one.stance,
        "reading": one.reading,
    }


def _said(value: bool | None) -> str:  # noqa: FBT001  (a value to print, not a switch)
    return "unknown" if value is None else "yes" if value else "no"
