"""A claim as it is made: its words and speaker, and the facts that physics needs."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from exosome.claims.claim_errors import explain, line_of, nearest
from exosome.core.errors import InputError, UnitMismatchError
from exosome.core.files import parse_toml, read_text
from exosome.study.scenario import Scenario, Strict, Word, questions

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 1


class Statement(Strict):
    """The claim's words, who says them, and how sure they sound."""

    title: str
    words: str = Field(description="the claim in the words of the one who makes it")
    is_paraphrase: bool = Field(
        default=False, description="the words sum up what is said; they are shown without quotes"
    )
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


class LawAsked(Strict):
    """Whose legal facts apply."""

    product: str = Field(description="a bundled product's key, or a file of legal facts")


class Claim(Scenario):
    """A claim file."""

    schema_version: Literal[1]
    claim: Statement
    law: LawAsked | None = None
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
        errors = sorted(fault.errors(include_url=False), key=lambda one: _telling(one["type"]))
        raise explain(
            errors[0], table, text, schema=Claim.model_json_schema(), where=where
        ) from fault
    try:
        questions(read, where=where)
    except UnitMismatchError as fault:
        path: list[int | str] = ["dose", "amount"]
        at = f"{where}:{line_of(path, text)} dose.amount"
        raise UnitMismatchError(fault.what, where=at, remedy=fault.remedy) from fault
    return read


def _telling(kind: str) -> int:
    """Return how far down an error stands among those of one file, the most telling first.

    A misspelt key is also a missing one, and a wrong value is also none of the other
    forms that a key could have taken.
    """
    return {"extra_forbidden": 0, "missing": 2, "literal_error": 3, "too_short": 4}.get(kind, 1)


def bundled_claims() -> dict[str, Path]:
    """Return the claims that come with the program, by name."""
    return _named("bundled")


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
        remedy=f"did you mean {nearest(name, known)!r}? `exosome claim --list` shows all",
    )


def _named(folder: str) -> dict[str, Path]:
    from pathlib import Path

    found = sorted(Path(str(files("exosome.claims").joinpath(folder))).glob("*.toml"))
    return {path.stem: path for path in found}
