"""No word that promises more than was found, in anything that a user can be shown."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from exosome.app.cli import app
from exosome.app.docket import docket_page, record_page, render_docket
from exosome.app.law import list_products, show_criterion_four, show_law
from exosome.app.report import render_report
from exosome.app.terminal import article_table, claim_list, page
from exosome.catalog.load import load_catalog
from exosome.claims.answer import answer
from exosome.claims.article import coverage, load_statements
from exosome.claims.banned import banned_words
from exosome.claims.claim import bundled_claims, read_claim
from exosome.claims.docket import load_docket
from exosome.claims.regulation.products import bundled_products
from exosome.claims.summary import summarise_answer
from exosome.core.provenance import trace_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

ROOT = Path(__file__).parents[2]
PROSE = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DAYS = ("2022-09-05", "2026-06-20")

# The first quotes a speaker who says "safe", the second denies an approval; the lint
# lets both pass, and nothing else of theirs.
CLAIMS = ("inhaled-covid", "anti-ageing-skin-declared", "exo-cd24")

# Words that a browser shows or reads out although they are no text of an element.
SPOKEN = ("alt", "aria-label", "content", "data-name", "placeholder", "summary", "title", "value")


class Attributes(HTMLParser):
    """What stands in attributes that reach a reader: the lint itself skips all tags."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.words += [value for name, value in attrs if name in SPOKEN and value]


def wide() -> Console:
    return Console(record=True, width=120, file=io.StringIO())


def printed(renderable: RenderableType) -> str:
    console = wide()
    console.print(renderable)
    return console.export_text()


def assert_clean(text: str) -> None:
    assert text.strip()
    assert [str(one) for one in banned_words(text)] == []


def assert_clean_page(source: str) -> None:
    assert_clean(source)
    for words in Attributes(source).words:
        assert [str(one) for one in banned_words(words)] == []


@pytest.fixture(scope="module", params=CLAIMS)
def summary(request: pytest.FixtureRequest) -> dict[str, Any]:
    name = request.param
    path = bundled_claims()[name]
    found = answer(read_claim(path), load_catalog(), draws=2_000, sobol_size=256, where=name)
    origin = trace_run(seed=1, arguments=["claim", name], input_files=(path,))
    provenance = {**origin.stable(), "command": origin.command}
    return json.loads(json.dumps(summarise_answer(found, name=name, provenance=provenance)))


@pytest.fixture
def on_paper(monkeypatch: pytest.MonkeyPatch) -> Console:
    """Let pages of law be printed to a record of known width."""
    console = wide()
    monkeypatch.setattr("exosome.app.law.console", lambda: console)
    return console


def test_reports_and_answer_pages_are_clean(summary: dict[str, Any]) -> None:
    source = render_report(summary)
    assert_clean_page(source)
    assert_clean(printed(page(summary)))


def test_a_word_that_nobody_is_quoted_for_is_found(summary: dict[str, Any]) -> None:
    promising = {**summary["answer"], "caution": "Proven in every study."}
    changed = {**summary, "answer": promising}
    assert [one.word for one in banned_words(render_report(changed))] == ["proven"]
    assert [one.word for one in banned_words(printed(page(changed)))] == ["proven"]


def test_a_word_in_an_attribute_is_found() -> None:
    source = '<p title="Safe for all" aria-label="Cures pain">text</p>'
    assert banned_words(source) == []
    with pytest.raises(AssertionError, match="Safe for all"):
        assert_clean_page(source)


@pytest.mark.parametrize("name", sorted(bundled_products()))
def test_pages_of_law_are_clean(name: str, on_paper: Console, tmp_path: Path) -> None:
    for day in DAYS:
        written = tmp_path / f"{day}.html"
        show_law(name, as_of=day, changes=("loaded_with_drug=yes",), html=written)
        assert_clean_page(written.read_text("utf-8"))
    assert_clean(on_paper.export_text())


def test_every_jurisdiction_is_clean(on_paper: Console, tmp_path: Path) -> None:
    show_law("cosmetic-serum", as_of=DAYS[1], jurisdiction="all", html=tmp_path / "all.html")
    list_products()
    assert_clean(on_paper.export_text())
    assert_clean_page((tmp_path / "all.html").read_text("utf-8"))


def test_the_page_on_criterion_four_is_clean(on_paper: Console, tmp_path: Path) -> None:
    show_criterion_four(html=tmp_path / "four.html")
    assert_clean(on_paper.export_text())
    assert_clean_page((tmp_path / "four.html").read_text("utf-8"))


def test_the_docket_and_each_of_its_records_are_clean() -> None:
    docket = load_docket()
    assert_clean(printed(docket_page(docket)))
    assert_clean_page(render_docket(docket))
    for one in load_statements():
        assert_clean(printed(record_page(docket, one.id)))


def test_lists_are_clean() -> None:
    assert_clean(printed(article_table(load_statements(), coverage(), in_full=True)))
    assert_clean(
        printed(claim_list({name: read_claim(path) for name, path in bundled_claims().items()}))
    )


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of a command and of everything below it."""
    yield path
    # Some releases of typer bring a click of their own, so its classes cannot be named.
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


def test_the_help_of_every_command_is_clean() -> None:
    found = list(commands(typer.main.get_command(app)))
    assert {("law",), ("docket",), ("lint-article",), ("catalog", "todo")} <= set(found)
    for path in found:
        shown = CliRunner().invoke(app, [*path, "--help"])
        assert shown.exit_code == 0, path
        assert_clean(shown.output)


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.stem)
def test_documents_are_clean(path: Path) -> None:
    assert_clean(path.read_text("utf-8"))
