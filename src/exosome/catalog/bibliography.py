"""The works that the records cite, and their BibTeX."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from exosome import __version__
from exosome.core.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER = Path(__file__).parent
ITSELF = "exosome"
OWN_NUMBERS = "this lab"

# In titles and authors an entry may say in brackets what could not be seen.
_SAID_IN_BRACKETS = re.compile(r"[\[(].*[\])]\Z")
_SURNAME_FIRST = re.compile(r"(?P<surname>.+?) (?P<initials>[A-Z](?:[ .-]*[A-Z])*\.?)\Z")
_TEX_SPECIAL = re.compile(r"[\\{}$&#%_~^]")
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A work that records cite.

    Fields stay empty where the entry was made without seeing them. ``title`` is
    the work's own, ``description`` says in our words what it is;
    ``doi_checked`` says whether the DOI was seen to lead to the work.
    """

    key: str
    authors: tuple[str, ...] = ()
    title: str = ""
    description: str = ""
    container: str = ""
    year: int = 0
    volume: str = ""
    pages: str = ""
    doi: str = ""
    doi_checked: bool = False
    url: str = ""
    note: str = ""


def bibliography_files() -> tuple[Path, ...]:
    """Return the bundled bibliography files, in the order in which they are read."""
    return tuple(sorted(FOLDER.glob("bibliography*.toml")))


@cache
def bibliography() -> Mapping[str, Reference]:
    """Return every work by its citation key.

    Where several files have the key, the first one counts and later ones fill
    what it leaves empty.

    Raises
    ------
    CatalogError
        A bibliography file cannot be read, or an entry has an unknown field.
    """
    found: dict[str, Reference] = {}
    for path in bibliography_files():
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
            raise CatalogError(
                f"not readable as TOML: {fault}", where=path.name, remedy="mend the file"
            ) from fault
        for key, table in tables.items():
            entry = _reference(key, table, where=f"{path.name}: {key}")
            found[key] = _filled(found[key], entry) if key in found else entry
    return MappingProxyType(found)


def bibtex(keys: Iterable[str]) -> str:
    """Return BibTeX for the works cited under ``keys`` and for this package, sorted by key.

    Citations that name no work (``"assumed: why"``, the user's own numbers) are
    passed over, so the citations of any set of records can be given as they
    are. A description in our words stands in square brackets where the title is
    not known.

    Raises
    ------
    CatalogError
        A key is not in the bibliography.
    """
    works = bibliography()
    wanted = {k for k in keys if not k.startswith("assumed:") and k != OWN_NUMBERS} | {ITSELF}
    for key in sorted(wanted):
        if key not in works:
            raise CatalogError(
                f"the citation key {key!r} is not in the bibliography",
                where="bibliography",
                remedy="add an entry for it",
            )
    return "\n".join(_entry(works[key]) for key in sorted(wanted))


def _reference(key: str, table: object, *, where: str) -> Reference:
    known = {field.name for field in fields(Reference)} - {"key"}
    if not isinstance(table, dict):
        raise CatalogError("is not a table", where=where, remedy=f"write [{key}] and its fields")
    entry = cast("dict[str, Any]", table)
    unknown = [name for name in entry if name not in known]
    if unknown:
        raise CatalogError(
            f"unknown field {unknown[0]!r}", where=where, remedy=f"use {', '.join(sorted(known))}"
        )
    known_fields = dict(entry)
    title = str(entry.get("title", ""))
    if _SAID_IN_BRACKETS.match(title):
        known_fields |= {"title": "", "description": entry.get("description") or title[1:-1]}
    authors = [str(name) for name in entry.get("authors", ())]
    known_fields["authors"] = tuple(n for n in authors if not _SAID_IN_BRACKETS.match(n))
    return Reference(key=key, **known_fields)


def _filled(first: Reference, second: Reference) -> Reference:
    names = [field.name for field in fields(Reference)]
    merged: dict[str, Any] = {n: getattr(first, n) or getattr(second, n) for n in names}
    merged["doi_checked"] = first.doi_checked or (
        second.doi_checked and first.doi in ("", second.doi)
    )
    return Reference(**merged)


def _entry(work: Reference) -> str:
    printed = work.container not in ("", "preprint", "arXiv")
    lines = [
        ("author", " and ".join(_authors(work.authors))),
        ("title", _tex(work.title) or _tex(f"[{work.description}]")),
        ("journal" if printed else "howpublished", _tex(work.container)),
        ("year", str(work.year) if work.year else ""),
        ("volume", _tex(work.volume)),
        ("pages", _tex(work.pages).replace("-", "--")),
        ("version", __version__ if work.key == ITSELF else ""),
        ("doi", work.doi),
        ("url", work.url),
        ("note", _tex(work.note)),
    ]
    kind = "article" if printed else "software" if work.key == ITSELF else "misc"
    body = "".join(f",\n  {name} = {{{text}}}" for name, text in lines if text)
    return f"@{kind}{{{work.key}{body}\n}}\n"


def _authors(names: tuple[str, ...]) -> list[str]:
    shown: list[str] = []
    more = False
    for given in names:
        name = given.removeprefix("and ")
        more = more or name in ("others", "et al.") or name.endswith(" et al.")
        name = name.removesuffix(" et al.")
        if name in ("others", "et al."):
            continue
        surname_first = _SURNAME_FIRST.match(name)
        if surname_first:
            shown.append(f"{_tex(surname_first['surname'])}, {surname_first['initials']}")
        elif name.startswith("The ") or name.endswith((" lab", " group")):
            shown.append(f"{{{_tex(name)}}}")  # a body, not a person with first names
        else:
            shown.append(_tex(name))
    return [*shown, "others"] if more and shown else shown


def _tex(text: str) -> str:
    return _TEX_SPECIAL.sub(lambda found: _TEX.get(found[0], "\\" + found[0]), text)
