"""The report: complete, self-contained, honest about zeros and gaps, and the same bytes twice."""

from __future__ import annotations

import copy
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from exosome.app.figures import Caption, Line, Row, amounts, margin_distribution, margins
from exosome.app.report import READ_MARKS, render_report
from exosome.catalog.load import load_catalog
from exosome.claims.answer import answer
from exosome.claims.claim import bundled_claims, read_claim
from exosome.claims.summary import summarise_answer
from exosome.core.provenance import trace_run
from exosome.delivery.shares import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Summary = dict[str, Any]

CLAIMS = ("immune-cells-in-a-dish", "anti-ageing-skin", "neighbour-signal")


class Page(HTMLParser):
    """What a reader sees, what is linked, and what a browser would run or fetch."""

    VOID = ("meta", "br", "input", "rect", "path", "use")

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.handlers: list[str] = []
        self.feed(source)
        self.close()
        self.text = " ".join("".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag not in ("sup", "span", "a", "em", "strong"):
            self.words.append(" ")
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "action", "xlink:href", "data", "srcset", "poster"):
                self.links.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)


def summarised(name: str) -> Summary:
    claim = read_claim(bundled_claims()[name])
    # Small samples: the page's form does not depend on how many draws stand behind it.
    found = answer(claim, load_catalog(), draws=2_000, sobol_size=64, where=name)
    traced = trace_run(seed=1, arguments=["claim", name, "--seed", "1"], input_files=())
    origin = {**traced.stable(), "command": traced.command}
    return json.loads(json.dumps(summarise_answer(found, name=name, provenance=origin)))


@pytest.fixture(scope="module")
def summaries() -> dict[str, Summary]:
    return {name: summarised(name) for name in CLAIMS}


@pytest.fixture(scope="module")
def sources(summaries: dict[str, Summary]) -> dict[str, str]:
    return {name: render_report(summary) for name, summary in summaries.items()}


@pytest.fixture(params=CLAIMS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def summary(name: str, summaries: dict[str, Summary]) -> Summary:
    return copy.deepcopy(summaries[name])


@pytest.fixture
def source(name: str, sources: dict[str, str]) -> str:
    return sources[name]


def test_the_same_summary_gives_the_same_bytes_and_stays_as_it_was(
    summary: Summary, source: str
) -> None:
    before = copy.deepcopy(summary)
    assert render_report(summary) == source
    assert summary == before


def test_the_page_is_small(source: str) -> None:
    assert len(source.encode()) < 600_000


def test_nothing_is_fetched_from_anywhere(source: str) -> None:
    page = Page(source)
    for link in page.links:
        assert link.startswith(("#", "https://doi.org/10.")), link
    assert not {"link", "img", "iframe", "object", "embed", "base", "form", "image"} & {*page.tags}
    # Addresses occur as targets of links and as text of the BibTeX; nothing is imported.
    bare = re.sub(r"<pre>.*?</pre>", "", source, flags=re.DOTALL)
    bare = re.sub(r'href="https://doi\.org/[^"]*"', "", bare)
    assert re.findall(r'https?://[^"<\s]*', bare) == []
    assert "@import" not in source
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", source))
    assert "default-src 'none'" in source


def test_elements_nest_and_every_inner_link_arrives_once(source: str) -> None:
    page = Page(source)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    inner = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert inner <= set(page.ids)


def test_sections_stand_in_order(source: str) -> None:
    found = " ".join(re.findall(r'<section id="(\w+)"', source))
    assert found == "claim answer dose mechanisms evidence law controls numbers limits again"


def test_the_first_figure_comes_before_any_script_and_each_is_described(source: str) -> None:
    assert source.index("<svg") < source.index("<script")
    assert source.count("<script") == 1
    drawings = re.findall(r'<svg class="drawing[^>]*>', source)
    for drawing in drawings:
        assert 'role="img"' in drawing
        title, description = re.search(r'aria-labelledby="(\S+) (\S+)"', drawing).groups()
        assert f'<title id="{title}">' in source
        assert f'<desc id="{description}">' in source


def test_claim_speaker_sentences_and_caution_are_shown(summary: Summary, source: str) -> None:
    text = Page(source).text
    claim = summary["claim"]
    for key in ("words", "speaker", "interest", "source", "given"):
        assert claim[key] in text
    for one in summary["mechanisms"]:
        assert one["sentence"] in text
        assert one["note"] in text
        for step in one["steps"]:
            assert step["name"] in text
        for place in one["places"]:
            assert place["place"] in text
        for held in one["inputs"]:
            assert held["parameter"] in text
    assert summary["answer"]["caution"] in text
    assert summary["answer"]["disclaimer"] in text
    assert summary["run"]["command"] in text


def test_every_number_is_listed_and_every_record_of_a_mechanism_links_to_it(
    summary: Summary, source: str
) -> None:
    page = Page(source)
    for one in summary["numbers"]:
        row = "n-" + one["id"].replace("_", "-")
        assert row in page.ids
        assert " ".join(one["quantity"].split()) in page.text
        if "answer" in one["used_for"]:
            assert f"#{row}" in page.links
        if one["doi"]:
            checked = "DOI checked" if one["doi_checked"] else "DOI not checked"
            assert f"doi:{one['doi']} ({checked})" in page.text


def test_every_control_shows_when_it_was_frozen(summary: Summary, source: str) -> None:
    text = Page(source).text
    for one in summary["controls"]:
        assert one["title"] in text
        assert one["known"] in text
        assert f"frozen on {one['frozen_on']}, hash {one['hash'][:12]}, unchanged" in text


def test_zeros_are_shown_with_how_the_studies_were_found(summary: Summary, source: str) -> None:
    text = Page(source).text
    assert summary["evidence"]["sentence"] in text
    assert text.count(summary["evidence"]["scope"]) >= 3
    assert "A simulation never raises this" in text


def strings_in(value: object) -> Iterator[str]:
    match value:
        case str():
            yield " ".join(value.split())
        case dict():
            for held in value.values():
                yield from strings_in(held)
        case list():
            for held in value:
                yield from strings_in(held)


def test_no_placeholder_reaches_the_reader(summary: Summary, source: str) -> None:
    text = Page(source).text
    for words in strings_in(summary):
        if "None " in words:  # a sentence of a source may begin with it
            text = text.replace(words, "")
    for word in ("NaN", "nan", "None", "inf", "Undefined", "True", "False"):
        assert not re.search(rf"\b{word}\b", text), word
    assert "#0a0b" not in source  # the figures' stand-in colours


def test_a_claim_without_an_effect_gets_no_margin_and_says_why(sources: dict[str, str]) -> None:
    text = Page(sources["anti-ageing-skin"]).text
    assert "the claim defines no effect" in text
    assert "none declared, so no verdict is possible" in text
    assert "What to measure next" not in text
    assert "just enough" not in text


def test_a_natural_release_is_not_converted(sources: dict[str, str]) -> None:
    text = Page(sources["neighbour-signal"]).text
    assert "That is no administered count of vesicles" in text


def test_statuses_are_those_of_the_summary() -> None:
    assert tuple(READ_MARKS) == STATUSES


def test_hostile_words_stay_words(summaries: dict[str, Summary]) -> None:
    summary = copy.deepcopy(summaries["neighbour-signal"])
    hostile = (
        "<script>alert('x')</script>\"><img src=x onerror=alert(1)> $x_1$ {{ 7*7 }} 漢字 & 10^3.5"
    )
    summary["claim"].update(words=hostile, title=hostile, speaker=hostile, name=hostile)
    summary["dose"]["warning"] = hostile
    for one in summary["mechanisms"]:
        one.update(name=hostile, sentence=hostile, why=hostile, note=hostile)
        for part in (*one["steps"], *one["places"]):
            part["name" if "name" in part else "place"] = hostile
        for held in one["inputs"]:
            held["parameter"] = hostile
    for one in summary["numbers"]:
        one.update(
            quantity=hostile, note=hostile, work=hostile, doi="10.1000/a\"><b>'c", unit=hostile
        )
    for one in summary["controls"]:
        one.update(title=hostile, caution=hostile)
    for one in summary["evidence"]["studies"]:
        one.update(name=hostile, identifiers=['doi:10.1000/<i>" onclick=alert(1)'])
    source = render_report(summary)
    page = Page(source)
    assert page.tags.count("script") == 1
    assert page.handlers == []
    assert "img" not in page.tags
    assert hostile in page.text
    assert html.escape("<script>alert") in source
    assert all(link.startswith(("#", "https://doi.org/10.")) for link in page.links)


def test_nothing_delivered_is_said_in_words(summaries: dict[str, Summary]) -> None:
    summary = copy.deepcopy(summaries["neighbour-signal"])
    finding = summary["mechanisms"][0]["finding"]
    nothing = dict.fromkeys(("p5", "p25", "p50", "p75", "p95")) | {
        "nothing_delivered": 1.0,
        "enough": 0.0,
    }
    finding["margin"] = finding["mean_field_margin"] = nothing
    finding["by_responding_fraction"] = [{"fraction": 0.5, **nothing}]
    finding["histogram"] = {"edges": [], "shares": []}
    finding["conservation_ceiling"]["margin"] = finding["best_case"]["margin"] = None
    for one in finding["rivals"]:
        one["margin"] = nothing
    for step in summary["mechanisms"][0]["steps"][3:]:
        step.update(low=0.0, median=0.0, high=0.0)
    text = Page(render_report(summary)).text
    assert "100 % of the draws deliver nothing at all" in text
    assert not re.search(r"\b(None|nan|inf)\b", text)


def test_a_broken_control_and_a_broken_invariant_are_loud(summaries: dict[str, Summary]) -> None:
    summary = copy.deepcopy(summaries["neighbour-signal"])
    summary["controls"][0]["unchanged"] = False
    summary["controls"][0]["passed"] = False
    summary["mechanisms"][0]["invariants"][0]["holds"] = False
    text = Page(render_report(summary)).text
    assert "CHANGED since they were frozen" in text
    assert "○ missed" in text
    assert "FAILS: do not use this answer" in text


def test_a_wide_prediction_is_called_a_weak_test(summaries: dict[str, Summary]) -> None:
    summary = copy.deepcopy(summaries["neighbour-signal"])
    for control in summary["controls"]:
        for row in control["rows"]:
            row.update(low=10.0, median=30.0, high=60.0)
    assert "weak test" not in Page(render_report(summary)).text.replace("marked as a weak test", "")
    summary["controls"][0]["rows"][0]["high"] = 60.1
    assert "weak test: the interval is wide" in Page(render_report(summary)).text


def test_a_verdict_that_nothing_turns_says_so(summaries: dict[str, Summary]) -> None:
    summary = copy.deepcopy(summaries["neighbour-signal"])
    one = summary["mechanisms"][0]
    for verdict in ("impossible", "not reached within sourced bounds"):
        one["verdict"], one["finding"]["flips"] = verdict, []
        assert "Nothing inside the sources turns this verdict" in Page(render_report(summary)).text
    one["verdict"] = "undecided"
    assert "No set of up to three inputs" in Page(render_report(summary)).text


def test_measurements_that_change_nothing_are_not_sold(summaries: dict[str, Summary]) -> None:
    summary = copy.deepcopy(summaries["neighbour-signal"])
    finding = summary["mechanisms"][0]["finding"]
    first = finding["measurements"][0]
    first.update(wrong_before=0.3, wrong_after=0.295, gain=0.005)
    assert "No single measurement would change the answer noticeably" in render_report(summary)
    first.update(wrong_after=0.2, gain=0.1)
    text = Page(render_report(summary)).text
    assert f"Measure {first['parameter']} first" in text
    assert "from 30 % to 20 %" in text


CAPTION = Caption(key="k", title="A & B", description="<none>")


def test_a_figure_has_ids_of_its_own_and_no_address() -> None:
    rows = [
        Row(label="given $1", value="1 vesicle", low=-1.0, middle=0.0, high=1.0),
        Row(label="opened", low=None, middle=-2.0, high=-1.0, linked=True),
        Row(label="nothing"),
        Row(label="needed", low=0.0, middle=0.5, high=1.0, mark="need"),
    ]
    drawing = amounts(rows, axis_label="amount", caption=CAPTION)
    assert "given $1" in drawing
    assert "http" not in drawing
    assert '<title id="k-title">A &amp; B</title>' in drawing
    assert all(one.startswith("k-") for one in re.findall(r' id="([^"]*)"', drawing))
    other = amounts(rows, axis_label="amount", caption=Caption(key="z", title="", description=""))
    assert not {*re.findall(r' id="([^"]*)"', drawing)} & {*re.findall(r' id="([^"]*)"', other)}


@pytest.mark.parametrize("low", [-300.0, -0.2, 5.0])
def test_margins_are_drawn_however_far_from_enough(low: float) -> None:
    row = Row(label="this dose", low=low, middle=low + 1.0, high=low + 2.0)
    enough = Line(0.0, "just enough")
    drawing = margins([row], axis_label="margin", enough=enough, caption=CAPTION)
    assert drawing.count("just enough") == 1
    drawing = margin_distribution(
        (low, low + 1.0, low + 2.0),
        (0.4, 0.6),
        [row],
        axis_label="margin",
        enough=enough,
        caption=CAPTION,
    )
    assert "tallest bin: 60 % of draws" in drawing


BROWSER = next(
    (
        found
        for one in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(one))
    ),
    None,
)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_phone_needs_no_sideways_scrolling(sources: dict[str, str], tmp_path: Path) -> None:
    # A window cannot be as narrow as a phone, but a frame can.
    measure = "document.title = 'width ' + this.contentDocument.documentElement.scrollWidth"
    frames = html.escape(sources["immune-cells-in-a-dish"])
    outer = tmp_path / "phone.html"
    outer.write_text(
        f'<!doctype html><title></title><iframe width="390" height="800" frameborder="0" '
        f'onload="{measure}" srcdoc="{frames}"></iframe>',
        "utf-8",
    )
    arguments = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", outer.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"<title>width (\d+)</title>", done.stdout)
    assert found, done.stderr[-2000:]
    assert int(found[1]) <= 390
