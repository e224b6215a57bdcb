"""``exosome catalog`` and ``exosome cite``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from exosome.app.terminal import console, record_page, record_table, role_table, todo_table
from exosome.catalog.bibliography import bibtex
from exosome.catalog.lint import lint
from exosome.catalog.load import load_catalog
from exosome.catalog.roles import all_roles, find_role
from exosome.catalog.search import search
from exosome.claims.claim import find_claim, read_claim
from exosome.claims.todo import todo
from exosome.core.errors import CatalogError, InputError
from exosome.core.progress import reporter_for
from exosome.study.plan import plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def search_catalog(words: Sequence[str], *, numbers: Sequence[Path]) -> None:
    """Print the records that match all words."""
    catalog = load_catalog(tuple(numbers))
    found = search(catalog, words)
    if not found:
        raise InputError(
            f"no record matches {' '.join(words)!r}",
            where="catalog search",
            remedy="use fewer or shorter words; words match from their beginning",
        )
    console().print(record_table(found))


def show_record(name: str, *, numbers: Sequence[Path]) -> None:
    """Print one record in full, or every record that informs a parameter."""
    catalog = load_catalog(tuple(numbers))
    if name in catalog:
        console().print(record_page(catalog[name], catalog))
        return
    if find_role(name) is not None:
        console().print(record_table(list(catalog.informing(name, where="catalog show"))))
        return
    raise InputError(
        f"{name!r} is neither a record nor a parameter",
        where="catalog show",
        remedy="`exosome catalog search WORDS` finds records by their words",
    )


def list_todo(count: int, *, quiet: bool) -> None:
    """Print what most deserves to be read or measured."""
    console().print(todo_table(todo(reporter=reporter_for(sys.stderr, quiet=quiet)), count))


def lint_catalog() -> None:
    """Print what breaks a rule of the catalog, or that nothing does."""
    findings = lint()
    for finding in findings:
        sys.stderr.write(f"{finding}\n")
    if findings:
        raise CatalogError(
            f"{len(findings)} findings", where="catalog lint", remedy="mend the records named above"
        )
    console().print(f"{len(load_catalog())} records, no finding")


def list_roles() -> None:
    """Print the model parameters."""
    console().print(role_table(all_roles()))


def cite_claim(name: str, *, numbers: Sequence[Path]) -> None:
    """Print BibTeX for every source that the answer to a claim draws from."""
    path = find_claim(name)
    planned = plan(read_claim(path), load_catalog(tuple(numbers)), seed=1, where=path.name)
    keys = {record.citation for record in planned.records if record.origin == "catalog"}
    sys.stdout.write(bibtex(key for key in keys if not key.startswith("assumed:")))
