from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from exosome.app.docket import (
    docket_page,
    headline,
    lint_page,
    outcome_levels,
    record_page,
    render_docket,
    show_article_lint,
    write_docket,
)
from exosome.claims.article import load_statements
from exosome.claims.article_lint import Finding
from exosome.claims.claim import bundled_claims
from exosome.claims.docket import (
    AFFIRMS,
    CEILING,
    DENIES,
    QUOTE_WORDS,
    VERDICT_MEANS,
    VERDICTS,
    DocketClaim,
    Hedge,
    Outcome,
    count_docket,
    find_claims,
    hedge_of,
    hedges_in,
    load_docket,
    read_docket,
)
from exosome.core.errors import CatalogError, InputError

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorials" / "docket.md"


def reference(name: str) -> str:
    path = REFERENCE / name
    if not path.is_file():
        pytest.skip(f"the reference file {name} is not beside this checkout")
    return path.read_text("utf-8")


def made(**changes: object) -> DocketClaim:
    entry: dict[str, object] = {
        "id": "C1",
        "statements": ["S01"],
        "quotes": ["words"],
        "lines": [1, 1],
        "types": ["M"],
        "speaker": "author",
        "verdict": "agrees",
        "reasons": ["so"],
        "literature": [{"says": "so", "reading": "read"}],
    }
    return DocketClaim.model_validate({**entry, **changes})


def printed(renderable: object) -> str:
    console = Console(width=200, record=True, file=None)
    with console.capture() as caught:
        console.print(renderable)
    return caught.get()


def reading_table() -> dict[str, list[str]]:
    """Rows of table 2.1 by claim id; row C20 stands there in five parts."""
    section = reference("evidence.md").split("### 2.1")[1].split("### 2.2")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| C")]
    return {row[0].strip(): [cell.strip() for cell in row] for row in rows}


# --- coverage


def test_every_statement_has_a_record_or_a_reason_for_none():
    docket = load_docket()
    assert docket.uncovered() == ()
    assert count_docket(docket).statements == len(load_statements()) == 76
    for one in load_statements():
        silent = [no for no in docket.no_claims if no.statement == one.id]
        assert bool(docket.about(one.id)) != bool(silent)


def test_the_rows_are_those_of_the_reading_table():
    rows = reading_table()
    assert [one.id for one in load_docket().claims if one.in_table] == list(rows)
    for one in load_docket().claims:
        if one.in_table:
            assert set(rows[one.id][2].split("/")) == set(one.types), one.id


def test_the_counts_are_those_that_the_reading_table_states():
    stated = re.search(
        r"Counts: (\d+) rows.*?False as worded (\d+) \(([^)]*)\); partly false or dated (\d+) "
        r"\(([^)]*)\); unsupported (\d+) \(([^)]*)\); contested (\d+) \(([^)]*)\); citation "
        r"errors (\d+) \(([^)]*)\)",
        reference("evidence.md"),
    )
    assert stated
    rows, *pairs = stated.groups()
    docket = load_docket()
    counts = count_docket(docket)
    assert counts.rows == int(rows)
    classes = [
        "false as worded",
        "partly false or dated",
        "unsupported",
        "contested",
        "citation error",
    ]
    for place, verdict in enumerate(classes):
        number, ids = pairs[2 * place], pairs[2 * place + 1]
        held = [one.id for one in docket.claims if one.in_table and one.verdict == verdict]
        assert dict(counts.by_verdict)[verdict] == int(number) == len(held)
        assert held == ids.split(", ")


def test_the_headline_states_the_counts_and_no_typed_number():
    counts = count_docket(load_docket())
    said = headline(counts)
    assert "49 rows" in said
    assert "false as worded 4, partly false or dated 4, unsupported 3, contested 1" in said
    fewer = load_docket().model_copy(update={"claims": load_docket().claims[:3]})
    assert headline(count_docket(fewer)).startswith(
        "3 rows of the reading table: false as worded 1"
    )


def test_certainty_is_that_of_the_reading_table():
    rows = reading_table()
    for one in load_docket().claims:
        if not one.in_table:
            assert one.certainty is None
            continue
        word = re.match(r"(high|moderate|low)(?![-\u2013])", rows[one.id][5])
        of_cause = set(one.types) & {"D", "M"}
        assert one.certainty == (word.group() if word and of_cause else None), one.id


def test_read_marks_are_not_better_than_in_the_reading_table():
    rows = reading_table()
    for one in load_docket().claims:
        if not one.in_table or one.id in {"C19", "C38", "C40", "C42"}:  # law: other notes
            continue
        row = " ".join(rows[one.id])
        for line in one.literature:
            if line.reading in {"read", "recalled"}:
                assert line.reading in row, (one.id, line.says)


# --- words and lines


def test_quotes_stand_on_their_lines_and_are_few_words():
    lines = reference("source-article.txt").splitlines()

    def plain(text: str) -> str:
        return " ".join(text.replace("\u2019", "'").split()).casefold()

    for one in load_docket().claims:
        first, last = one.lines
        span = plain(" ".join(lines[first - 1 : last]))
        for quote in one.quotes:
            assert plain(quote) in span, (one.id, quote)
            assert len(quote.split()) <= QUOTE_WORDS
        for word in one.hedge_words:
            assert word.casefold() in span, (one.id, word)


def test_all_quotes_together_are_a_small_part_of_the_article():
    quoted = sum(len(quote.split()) for one in load_docket().claims for quote in one.quotes)
    assert quoted < 0.25 * len(reference("source-article.txt").split())


# --- hedges and verdicts


def test_hedges_are_read_and_the_strongest_counts():
    assert [one.word for one in hedges_in("It may be; some hypothesize.")] == ["may", "hypothesize"]
    assert hedge_of(("may", "hypothesize")) == "strong"
    assert hedge_of(("could be",)) == "weak"
    assert hedge_of(("is",)) == "none"
    assert hedges_in("Mayan dismay; it can act") == ()


def test_no_verdict_affirms_more_than_its_hedge_allows():
    for one in load_docket().claims:
        assert AFFIRMS.get(one.verdict, 0) <= CEILING[one.hedge], one.id
        if one.verdict in DENIES and one.hedge != "none":
            assert one.hedge_does_not_cover, one.id


HEDGED = {"none": [], "weak": ["may"], "strong": ["hypothesize"]}


@given(st.sampled_from(VERDICTS), st.sampled_from(get_args(Hedge)), st.booleans())
def test_a_record_is_built_exactly_when_its_verdict_keeps_to_the_hedge(verdict, hedge, says_why):
    allowed = AFFIRMS.get(verdict, 0) <= CEILING[hedge]
    denied = verdict in DENIES and hedge != "none" and not says_why
    changes = {
        "verdict": verdict,
        "hedge_words": HEDGED[hedge],
        "hedge_does_not_cover": "the premise" if says_why else "",
    }
    if allowed and not denied:
        assert made(**changes).hedge == hedge
    else:
        with pytest.raises(ValueError, match=r"hedge"):
            made(**changes)


def test_the_ordering_is_strict_and_a_stronger_hedge_allows_less():
    assert AFFIRMS["agrees"] > AFFIRMS["supported in part"] > AFFIRMS["weakly supported"]
    assert AFFIRMS["weakly supported"] > AFFIRMS["fair as a hypothesis"] > 0
    assert CEILING["none"] > CEILING["weak"] > CEILING["strong"]
    assert not DENIES & set(AFFIRMS)
    assert set(VERDICT_MEANS) == set(VERDICTS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quotes": ["a b c d e f g h i j k l m"]}, "more than 12 words"),
        ({"lines": [3, 2]}, "run backwards"),
        ({"hedge_words": ["surely"]}, "not hedge words: surely"),
        ({"quotes": ["it may act"]}, "hedge is not stored: may"),
        ({"types": ["T"], "certainty": "high"}, "D and M only"),
        ({"literature": []}, "say what literature says"),
        ({"id": "Z1"}, "id"),
        ({"verdict": "proven"}, "verdict"),
        ({"grade": "high"}, "grade"),
        ({"defects": ["typo"]}, "defects"),
        ({"reasons": []}, "reasons"),
    ],
)
def test_a_record_that_breaks_a_rule_cannot_be_built(changes, words):
    with pytest.raises(ValueError, match=words):
        made(**changes)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('speaker = "zhang"', 'speaker = "nobody"', "no speaker nobody"),
        ('cites = ["3"]', 'cites = ["9"]', "no work 9"),
        ('outcomes = ["systemic-ageing"]', 'outcomes = ["x"]', "no outcome x"),
        ('id = "C2"', 'id = "C1"', "claim used twice: C1"),
        ('statement = "S16"', 'statement = "S01"', "both claim and no claim: S01"),
        ('statement = "S16"', "statement = ", "cannot be used"),
    ],
)
def test_a_broken_docket_names_its_file(old, new, words):
    source = Path(__file__).parents[2] / "src" / "exosome" / "claims" / "docket.toml"
    text = source.read_text("utf-8")
    assert old in text
    with pytest.raises(CatalogError, match=r"mine\.toml") as caught:
        read_docket(text.replace(old, new, 1), where="mine.toml")
    assert words in str(caught.value)


# --- evidence


def test_runs_are_bundled_claims():
    known = set(bundled_claims())
    for one in load_docket().claims:
        assert set(one.runs) <= known, one.id


def test_graded_outcomes_are_those_of_the_reading_table():
    section = reference("evidence.md").split("### 2.2")[1].split("Modelled results")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| ")][1:]
    outcomes = load_docket().outcomes
    assert len(outcomes) == len(rows)
    for one, row in zip(outcomes, rows, strict=True):
        _, _, ocebm, grade, down = (cell.strip() for cell in row)
        stated = re.sub(r"[*\u2013]", "", grade).split(",")[0].strip()
        assert (one.ocebm, one.grade) == (ocebm, stated.replace("/", " or ")), one.id
        assert bool(one.down_for) == (down not in {"\u2013", ""}), one.id
        for reason in one.down_for:
            if reason.domain != "not assigned to a domain":
                assert reason.domain.split()[-1].removesuffix("ness") in down, (one.id, reason)


def test_a_computed_level_changes_no_grade_and_a_missing_grade_says_so():
    for one in load_docket().outcomes:
        before = one.graded("a reader")
        outcome_levels(one)
        assert one.graded("a reader") == before
    entry = load_docket().outcomes[0].model_dump() | {"grade": None, "down_for": ()}
    ungraded = Outcome.model_validate(entry)
    assert outcome_levels(ungraded)[0].startswith("controlled human, null")
    assert ungraded.graded("a reader") == "not graded"
    with pytest.raises(ValueError, match="reasons without a grade"):
        Outcome.model_validate(load_docket().outcomes[0].model_dump() | {"grade": None})


def test_levels_stand_per_population_comparator_and_outcome():
    by_id = {one.id: one for one in load_docket().outcomes}
    assert outcome_levels(by_id["systemic-ageing"]) == ["none: no recorded study"]
    assert outcome_levels(by_id["ev-against-msc"]) == [
        "no recorded study is selected for this question"
    ]
    lung = outcome_levels(by_id["lung-cancer-progression"])
    assert any(one.startswith("uncontrolled human, against: progression-free") for one in lung)


# --- finding and printing


def test_a_statement_or_a_claim_is_found_in_any_case():
    docket = load_docket()
    assert [one.id for one in find_claims(docket, "s26")] == ["C20b", "C20c", "C20d"]
    assert [one.id for one in find_claims(docket, "c20D")] == ["C20d"]
    assert find_claims(docket, "S42") == ()
    for wrong in ("S77", "C99", "criterion"):
        with pytest.raises(InputError, match="neither a statement nor a claim"):
            find_claims(docket, wrong)


def test_pages_show_every_record_and_every_overlooked_defect():
    docket = load_docket()
    text = printed(docket_page(docket))
    for one in docket.claims:
        assert re.search(rf"\b{one.id}\b", text)
    for words in ("category slip", "subset taken for the set", "review cited as a study"):
        assert words in text
    for words in ("wrong author", "year does not match", "self-contradiction"):
        assert words in text
    for words in ("seller of the comparator", "criterion 4 is the wrong question"):
        assert words in text
    record = printed(record_page(docket, "S59"))
    for words in ("false as worded", "not hedged", "1271.3(d)(3)", "inferred", "Grand Cayman"):
        assert words in record
    assert "No claim." in printed(record_page(docket, "s69"))


def test_every_outcome_of_a_record_shows_who_graded():
    text = printed(record_page(load_docket(), "C36"))
    assert "very low (one reader, provisional)" in text


def test_the_page_stands_alone_and_reads_without_javascript():
    page = render_docket()
    assert page == render_docket()
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "//" not in re.sub(r"\n\s*//.*", "", page)
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    for one in load_docket().claims:
        assert f'id="{one.id}"' in body
    for one in load_statements():
        assert f'id="{one.id}"' in body
    assert len(page) < 400_000
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(re.findall(r'id="([^"]+)"', page))
    # The filter works by script only, so it is shown by script only.
    assert re.search(r'<form id="filter" hidden', page)
    assert "Zarrabi 2023" in body
    assert "at most" in body


def test_words_of_the_records_cannot_break_the_page():
    docket = load_docket()
    sly = docket.claims[0].model_copy(update={"reasons": ("<script>alert(1)</script>",)})
    page = render_docket(docket.model_copy(update={"claims": (sly, *docket.claims[1:])}))
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_page_is_written_and_a_text_is_linted(tmp_path, capsys):
    write_docket(tmp_path / "docket.html")
    assert (tmp_path / "docket.html").read_text("utf-8") == render_docket()
    text, works = tmp_path / "a.txt", tmp_path / "w.toml"
    text.write_text("Exosomes are cells. A 2010 trial. (1)", "utf-8")
    works.write_text(
        '[[work]]\nkey = "1"\nauthors = ["Adler"]\nyear = 2011\nsort = "review"', "utf-8"
    )
    show_article_lint(text, works)
    assert "category slip" in capsys.readouterr().out


def test_no_finding_certifies_nothing():
    assert "certifies nothing" in printed(lint_page((), checked_citations=True))
    one = Finding("category slip", 1, "these cells", "not cells")
    assert "citations were not checked" in printed(lint_page((one,), checked_citations=False))


def test_the_tutorial_runs():
    blocks = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text("utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 5
    exec(compile("\n".join(blocks), str(TUTORIAL), "exec"), {})
