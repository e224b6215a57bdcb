"""Asking a person only what can still change the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exosome.claims.regulation.engine import questions_left
from exosome.claims.regulation.facts import completed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from exosome.claims.regulation.engine import Missing
    from exosome.claims.regulation.facts import Product
    from exosome.claims.regulation.kleene import Truth


def interview(
    product: Product,
    answer_to: Callable[[Missing], Truth],
    *,
    jurisdiction: str,
    as_of: dt.date,
) -> tuple[Product, int]:
    """Return the product with the answers given, and how many questions were asked.

    A question is asked only if some completion of what is still unknown makes its answer
    change the class. "Don't know" leaves the fact unknown; it is not asked again.

    Raises
    ------
    InputError
        If the jurisdiction has no rule book.
    """
    unknown_to_person: set[str] = set()
    asked = 0
    while True:
        left = questions_left(product, jurisdiction=jurisdiction, as_of=as_of)
        open_questions = [one for one in left if one.key not in unknown_to_person]
        if not open_questions:
            return product, asked
        question = open_questions[0]
        answer = answer_to(question)
        asked += 1
        if answer is None:
            unknown_to_person.add(question.key)
            continue
        stated = {**product.stated, question.key: answer}
        product = replace(product, stated=stated, facts=completed(stated, where=question.key))
