"""A claim as it is made: its words and speaker, and the facts that physics needs."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field, ValidationError

from exosome.core.errors import InputError, UnitMismatchError
from exosome.core.files import parse_toml, read_text
from exosome.study.scenario import Scenario, Strict, Word, questions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydantic_core import ErrorDetails

SCHEMA_VERSION = 1


class Statement(Strict):
    """The claim's words, who says them, and how sure they sound."""

    title: str
    words: str = Field(description="the claim in the words of the one who makes it")
    speaker: str
    interest: str = Field(description="what the speaker gains if the claim is believed")
    hedge: Literal["none", "weak", "strong"] = Field(
        description="none: stated as fact; weak: 'may', 'could'; strong: 'hypothesise', 'unproven'"
    )
    source: str
    statements: Annotated[tuple[str, ...], Field(strict=False)] = ()


class EvidenceAsked(Strict):
    """Which recorded studies bear on the claim."""

    indication: str = ""
    routes: Annotated[tuple[Word, ...], Field(strict=False)] = ()
    mechanisms: Annotated[tuple[Word, ...], Field(strict=False)] = ()
    products: Annotated[tuple[Word, ...], Field(strict=False)] = ()


class Claim(Scenario):
    """A claim file."""

    schema_version: Literal[1]
    claim: Statement
    evidence: EvidenceAsked = EvidenceAsked()


def read_claim(path: Path) -> Claim:
    """Return the claim in a TOML file.

    Raises
    ------
    InputError
        If the file cannot be read, or a key or value is wrong; the message names
        the line and the nearest valid key.
    """
    text = read_text(path, where=str(path))
    return parse_claim(parse_toml(text, name=str(path)), text=text, where=str(path))


def parse_claim(table: dict[str, Any], *, text: str, where: str) -> Claim:
    """Return the claim in a parsed TOML table; ``text`` is searched for line numbers."""
    try:
        read = Claim.model_validate(table)
    except ValidationError as fault:
        # A misspelt key is also a missing one: the misspelling is what to mend.
        errors = sorted(
            fault.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden"
        )
        raise _explained(errors[0], table, text, where) from fault
    try:
        questions(read, where=where)
    except UnitMismatchError as fault:
        path: list[int | str] = ["dose", "amount"]
        at = f"{where}:{_line_of(path, text)} dose.amount"
        raise UnitMismatchError(fault.what, where=at, remedy=fault.remedy) from fault
    return read


def bundled_claims() -> dict[str, Path]:
    """Return the claims that come with the program, by name."""
    return _named("bundled")


def bundled_controls() -> dict[str, Path]:
    """Return the control files that come with the program, by name."""
    return _named("controls")


def find_claim(name: str) -> Path:
    """Return the file of a claim: a path as given, or the name of a bundled one.

    Raises
    ------
    InputError
        If there is neither; the nearest bundled name is given.
    """
    from pathlib import Path

    path = Path(name)
    known = bundled_claims()
    if name in known:
        return known[name]
    if path.suffix == ".toml" or path.exists():
        return path
    raise InputError(
        f"{name!r} is neither a file nor a bundled claim",
        where="claim",
        remedy=f"did you mean {_nearest(name, known)!r}? `exosome claim --list` shows all",
    )


def _named(folder: str) -> dict[str, Path]:
    from pathlib import Path

    found = sorted(Path(str(files("exosome.claims").joinpath(folder))).glob("*.toml"))
    return {path.stem: path for path in found}


def _explained(fault: ErrorDetails, table: dict[str, Any], text: str, where: str) -> InputError:
    path = [part for part in fault["loc"] if not _is_tag(part, table)]
    dotted = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
    line = _line_of(path, text) if path else None
    at = f"{where}:{line} {dotted}" if line else f"{where} {dotted}".rstrip()
    key = str(path[-1]) if path else ""
    if fault["type"] == "extra_forbidden":
        valid = _valid_keys(path)
        return InputError(
            f"unknown key {key!r}",
            where=at,
            remedy=f"did you mean {_nearest(key, valid)!r}? Valid keys: {', '.join(valid)}",
        )
    if fault["type"] == "missing":
        section = f"[{'.'.join(str(p) for p in path[:-1])}]" if len(path) > 1 else "the file"
        return InputError(
            f"{key!r} is missing",
            where=at,
            remedy=f"add it to {section}; `exosome new claim` writes a commented example",
        )
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] in ("literal_error", "union_tag_invalid"):
        given = _given(fault["input"])
        told = fault.get("ctx", {})
        tags = told.get("expected_tags", told.get("expected", ""))
        valid = re.findall(r"'([^']+)'", str(tags)) or [str(tags)]
        return InputError(
            f"{given!r} is not one of {', '.join(valid)}",
            where=at,
            remedy=f"did you mean {_nearest(given, valid)!r}?",
        )
    return InputError(message, where=at, remedy="mend this value; `exosome check` tests the file")


def _given(held: Any) -> str:  # what pydantic hands back is untyped
    """Return the offending value; of a table, its kind."""
    return str(cast("dict[str, Any]", held).get("kind") if isinstance(held, dict) else held)


def _nearest(word: str, known: Iterable[str]) -> str:
    names = list(known)
    return (get_close_matches(word, names, 1, 0.0) or names)[0]


def _is_tag(part: int | str, table: dict[str, Any]) -> bool:
    """Whether a part of an error's location is the name of a union's branch, not a key."""
    return (
        isinstance(part, str)
        and (
            part in _BRANCHES
            or part.endswith("Spec")
            or part.startswith(("literal[", "constrained"))
        )
        and part not in table
    )


_BRANCHES = (
    "luminal_rna",
    "luminal_protein",
    "surface_ligand",
    "surface_enzyme",
    "soluble_coisolate",
)


def _valid_keys(path: list[int | str]) -> list[str]:
    """Return the keys that are valid where ``path`` stops, by walking the JSON schema."""
    schema = Claim.model_json_schema()
    nodes = [schema]
    for part in path[:-1]:
        nodes = [step for node in nodes for step in _below(node, part, schema)]
    return sorted({key for node in nodes for key in node.get("properties", {})})


def _below(node: dict[str, Any], part: int | str, schema: dict[str, Any]) -> list[dict[str, Any]]:
    inner = (
        node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
    )
    return _resolved(inner, schema)


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in node:
        return _resolved(schema["$defs"][node["$ref"].rsplit("/", 1)[-1]], schema)
    branches = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]
    return [found for branch in branches for found in _resolved(branch, schema)] or [node]


def _line_of(path: list[int | str], text: str) -> int | None:
    """Return the line that a key stands on: the n-th table of its name, then the key."""
    lines = text.splitlines()
    start = 0
    for i, part in enumerate(path):
        if isinstance(part, int):
            continue
        if i + 1 < len(path) and isinstance(path[i + 1], int):
            heads = [n for n, one in enumerate(lines) if one.strip() == f"[[{part}]]"]
            nth = int(path[i + 1])
            if nth < len(heads):
                start = heads[nth]
            continue
        for n in range(start, len(lines)):
            if re.match(rf"\s*(\[\[?{re.escape(part)}\]\]?\s*$|{re.escape(part)}\s*=)", lines[n]):
                start = n
                break
        else:
            return start + 1 if start else None
    return start + 1
