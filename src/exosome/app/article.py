"""``exosome article``."""

from __future__ import annotations

from difflib import get_close_matches

from exosome.app.terminal import article_table, console
from exosome.claims.article import coverage, load_statements
from exosome.core.errors import InputError


def show_article(wanted: str) -> None:
    """Print all statements with their state, or one of them in full."""
    statements = load_statements()
    if wanted:
        known = {one.id: one for one in statements}
        if wanted.upper() not in known:
            near = get_close_matches(wanted.upper(), known, 1, 0.0)[0]
            raise InputError(
                f"{wanted!r} is no statement", where="article", remedy=f"did you mean {near!r}?"
            )
        statements = (known[wanted.upper()],)
    console().print(article_table(statements, coverage(), in_full=bool(wanted)))
