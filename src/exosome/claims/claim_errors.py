"""What is wrong in a claim file, said so that it can be mended: line, key, remedy."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from exosome.core.errors import InputError, UnitMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    Schema = dict[str, Any]

MECHANISM_KINDS = (
    "luminal_rna",
    "luminal_protein",
    "surface_ligand",
    "surface_enzyme",
    "soluble_coisolate",
)


def explain(
    fault: ErrorDetails, table: dict[str, Any], text: str, *, schema: Schema, where: str
) -> InputError:
    """Return a validation fault as one of our errors.

    Parameters
    ----------
    table, text : dict, str
        The file as parsed and as written; the text is searched for the line.
    schema : dict
        JSON Schema of the file, from which valid keys are named.
    """
    path = [part for part in fault["loc"] if not _is_tag(part, table)]
    dotted = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
    line = line_of(path, text) if path else None
    at = f"{where}:{line} {dotted}" if line else f"{where} {dotted}".rstrip()
    told = fault.get("ctx", {})
    if fault["type"] == "unit_mismatch":
        return UnitMismatchError(told["what"], where=at, remedy=told["remedy"])
    what, remedy = _words(fault, path, schema)
    return InputError(what, where=at, remedy=remedy)


def _words(fault: ErrorDetails, path: list[int | str], schema: Schema) -> tuple[str, str]:
    """Return what is wrong and how to mend it."""
    key = str(path[-1]) if path else ""
    told = fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            valid = _valid_keys(path, schema)
            remedy = f"did you mean {nearest(key, valid)!r}? Valid keys: {', '.join(valid)}"
            return f"unknown key {key!r}", remedy
        case "missing":
            inner = ".".join(str(part) for part in path[:-1])
            section = f"[{inner}]" if inner else "the file"
            remedy = f"add it to {section}; `exosome new claim` writes a commented example"
            return f"{key!r} is missing", remedy
        case "union_tag_not_found":
            return "'kind' is missing", f"add kind = one of {', '.join(MECHANISM_KINDS)}"
        case "tuple_type":
            what = f"{key!r} is one table, and a list of tables is needed"
            return what, f"write [[{key}]] in place of [{key}]"
        case "literal_error" | "union_tag_invalid":
            given = _given(fault["input"])
            tags = told.get("expected_tags", told.get("expected", ""))
            valid = re.findall(r"'([^']+)'", str(tags)) or [str(tags)]
            what = f"{given!r} is not one of {', '.join(valid)}"
            return what, f"did you mean {nearest(given, valid)!r}?"
        case _:
            what = fault["msg"].removeprefix("Value error, ")
            return what, "mend this value; `exosome schema claim` prints what each key may hold"


def _given(held: Any) -> str:  # what pydantic hands back is untyped
    """Return the offending value; of a table, its kind."""
    return str(cast("dict[str, Any]", held).get("kind") if isinstance(held, dict) else held)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like ``word``."""
    names = list(known)
    return (get_close_matches(word, names, 1, 0.0) or names)[0]


def _is_tag(part: int | str, table: dict[str, Any]) -> bool:
    """Whether a part of an error's location is the name of a union's branch, not a key."""
    return (
        isinstance(part, str)
        and (
            part in MECHANISM_KINDS
            or part.endswith("Spec")
            or part.startswith(("literal[", "constrained"))
        )
        and part not in table
    )


def _valid_keys(path: list[int | str], schema: Schema) -> list[str]:
    """Return the keys that are valid where ``path`` stops, by walking the JSON schema."""
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


def line_of(path: list[int | str], text: str) -> int | None:
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
