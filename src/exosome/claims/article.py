"""The source article, statement by statement: what stands, where, and what does not yet."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from exosome.core.records import read_records

if TYPE_CHECKING:
    from pathlib import Path

State = Literal["implemented", "not yet"]

STATEMENTS = 76


class Statement(BaseModel):
    """One statement of the article, and where the program implements it.

    ``quotes`` are the article's words, ``...`` marking what is left out;
    ``working`` says what an implementation must do. ``module`` is a dotted name
    and ``test`` a ``path::name``; both stay empty until both exist.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^S\d{2}$")]
    section: Annotated[str, StringConstraints(min_length=1)]
    quotes: tuple[str, ...]
    remark: str = ""
    kind: Annotated[str, StringConstraints(min_length=1)]
    working: Annotated[str, StringConstraints(min_length=1)]
    module: Annotated[str, StringConstraints(pattern=r"^(exosome(\.[a-z_]+)+)?$")] = ""
    test: Annotated[str, StringConstraints(pattern=r"^(tests/[a-z_/]+\.py::test_\w+)?$")] = ""
    report: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.quotes and not self.remark:
            raise ValueError(f"{self.id}: neither quoted nor described")
        return self

    @property
    def state(self) -> State:
        """Whether a module and a test stand for the statement.

        An installed package comes without its tests, so only the module is
        looked up here; ``missing`` looks up both in a source tree.
        """
        stands = bool(self.module and self.test) and _module_exists(self.module)
        return "implemented" if stands else "not yet"


class _Article(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    statement: Annotated[tuple[Statement, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _all_statements_in_order(self) -> Self:
        expected = [f"S{number:02d}" for number in range(1, STATEMENTS + 1)]
        if [one.id for one in self.statement] != expected:
            raise ValueError(f"the statements are not {expected[0]} to {expected[-1]} in order")
        return self


def _module_exists(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def read_statements(text: str, *, where: str) -> tuple[Statement, ...]:
    """Read the statements from TOML text.

    Raises
    ------
    CatalogError
        If the text is not TOML, an entry breaks a rule, or the statements are
        not S01 to S76 in order; ``where`` names the file.
    """
    return read_records(
        text,
        _Article,
        what="the list of statements",
        where=where,
        fields_of="exosome.claims.article.Statement",
    ).statement


@cache
def load_statements() -> tuple[Statement, ...]:
    """Return the 76 statements in the order of the article."""
    name = "article.toml"
    return read_statements(files("exosome.claims").joinpath(name).read_text("utf-8"), where=name)


def missing(statement: Statement, root: Path) -> tuple[str, ...]:
    """Return what the statement names and the source tree under ``root`` does not have.

    A test exists when its file defines a function, or a method of a test class,
    of that name.
    """
    absent: list[str] = []
    if statement.module and not _module_exists(statement.module):
        absent.append(statement.module)
    if statement.test:
        path, _, name = statement.test.partition("::")
        file = root / path
        tree = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        if name not in names:
            absent.append(statement.test)
    return tuple(absent)


@dataclass(frozen=True, slots=True)
class SectionCoverage:
    """How many statements of one section stand."""

    section: str
    implemented: int
    total: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which statements stand, which do not yet, and how many in each section."""

    implemented: tuple[Statement, ...]
    not_yet: tuple[Statement, ...]
    sections: tuple[SectionCoverage, ...]

    @property
    def total(self) -> int:
        """Number of statements."""
        return len(self.implemented) + len(self.not_yet)

    def __str__(self) -> str:
        return f"{len(self.implemented)} of {self.total} statements implemented"


def coverage(statements: tuple[Statement, ...] | None = None) -> Coverage:
    """Count what stands; with no argument, over the article's own statements."""
    held = load_statements() if statements is None else statements
    done = tuple(one for one in held if one.state == "implemented")
    sections = tuple(
        SectionCoverage(
            name,
            sum(one.section == name for one in done),
            sum(one.section == name for one in held),
        )
        for name in dict.fromkeys(one.section for one in held)
    )
    return Coverage(done, tuple(one for one in held if one.state == "not yet"), sections)
