"""The article's sentence on the fourth criterion: what it asks, and what follows if one argues it.

Nothing on the page is typed that the engine or the precedents can give.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from exosome.claims.regulation.changes import said_at
from exosome.claims.regulation.engine import DISCLAIMER, criteria_alone, decide
from exosome.claims.regulation.kleene import conjunction
from exosome.claims.regulation.precedents import load_precedents
from exosome.claims.regulation.products import bundled_product
from exosome.claims.regulation.rules import rule_book
from exosome.core.files import parse_toml

if TYPE_CHECKING:
    from exosome.claims.regulation.kleene import Truth

_JURISDICTION = "US"


def criterion_four_page(as_of: dt.date | None = None) -> dict[str, Any]:
    """Return what there is to say about the sentence S59, as plain values.

    Parameters
    ----------
    as_of : date, optional
        The day whose rules and precedents are used; by default the article's own.

    Returns
    -------
    dict
        ``reached`` says for each product argued about whether the rule is reached and
        where the trace left the tree instead; ``arguendo`` what all four criteria would
        say; ``regulator`` what was said when, with ``before_the_article``;
        ``interests`` who gains; ``readings`` the sentence as law, as report, as of its
        date; ``paths`` the paths of cells, vesicles and drug side by side.
    """
    held = _sentence()
    written = dt.date.fromisoformat(held["article_date"])
    day = as_of or written
    argued = [_argued(row, held, day) for row in held["argued"]]
    return {
        "statement": held["statement"],
        "words": held["words"],
        "hedge": held["hedge"],
        "as_of": day.isoformat(),
        "jurisdiction": _JURISDICTION,
        "verdict": held["verdict"],
        "rule": rule_book(_JURISDICTION).rules[held["rule"]].citation,
        "reached": [{key: row[key] for key in _REACHED} for row in argued],
        "arguendo": [{key: row[key] for key in _ARGUENDO} for row in argued],
        "regulator": [
            {
                "date": one.date,
                "title": one.title,
                "holding": one.holding,
                "reading": one.reading,
                "before_the_article": one.known_from <= written,
            }
            for one in load_precedents()
            if one.id in held["regulator_said"] and one.stands_on(day)
        ],
        "interests": held["interest"],
        "readings": held["reading"],
        "paths": [_path(row, day) for row in held["compared"]],
        "disclaimer": DISCLAIMER,
    }


_REACHED = ("product", "reading", "criterion_four_reached", "left_at", "class", "path")
_ARGUENDO = ("product", "reading", "criteria", "all_four", "would_be")


def _argued(row: dict[str, str], held: dict[str, Any], day: dt.date) -> dict[str, Any]:
    product = bundled_product(row["product"])
    decision = decide(product, jurisdiction=_JURISDICTION, as_of=day)
    rules = rule_book(_JURISDICTION).rules
    answers = criteria_alone(
        product, tuple(held["criteria"]), jurisdiction=_JURISDICTION, as_of=day
    )
    all_four = conjunction(answers.values())
    step = next(one for one in decision.trace if one.rule.id == held["rule"])
    left_at = [one for one in decision.decisive if one.answer and "1271.3(d)" in one.rule.label]
    return {
        "product": product.name,
        "reading": row["reading"],
        "criterion_four_reached": said_at(step),
        "left_at": left_at[0].rule.citation if left_at else "",
        "class": decision.klass_name,
        "path": list(decision.paths),
        "criteria": [
            {
                "label": rules[key].label,
                "question": rules[key].question,
                "citation": rules[key].citation,
                "answer": _said(answer),
            }
            for key, answer in answers.items()
        ],
        "all_four": _said(all_four),
        "would_be": _would_be(all_four),
    }


def _would_be(all_four: Truth) -> str:
    classes = rule_book(_JURISDICTION).classes
    if all_four is None:
        return classes["undetermined"].name
    return classes["hctp_361" if all_four else "hctp_351"].name


def _path(row: dict[str, str], day: dt.date) -> dict[str, Any]:
    product = bundled_product(row["product"])
    decision = decide(product, jurisdiction=_JURISDICTION, as_of=day)
    return {
        "kind": row["kind"],
        "product": product.name,
        "class": decision.klass_name,
        "path": list(decision.paths),
        "decisive": [one.rule.label for one in decision.decisive],
        "permissions": [
            {"label": one.rule.label, "question": one.rule.question, "said": one.said}
            for one in decision.permissions
            if one.rule.id in ("us_312_40", "us_351_a")
        ],
    }


def _said(answer: Truth) -> str:
    return "unknown" if answer is None else "holds" if answer else "fails"


@cache
def _sentence() -> dict[str, Any]:
    name = "criterion_four.toml"
    text = files("exosome.claims.regulation").joinpath(name).read_text("utf-8")
    return parse_toml(text, name=name)
