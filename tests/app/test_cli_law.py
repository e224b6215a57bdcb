"""Law, docket and article lint on the command line: answers, exit codes, one error each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from exosome.claims.docket import load_docket

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'schema_version = 1\n[product]\nname = "mine"\njurisdictions = ["US"]\n'
# Slips of the source article in few words, most of them its own; it does not say "transcribe".
SLIPS = """Exosomes are particles. These messenger cells have the ability to release.
Within a day exosomes transcribe genes.

They were first investigated in a 2010 finding. (2) In a 2016 study Edgar says more. (1)
A 2019 study agrees. (3) Zhang et al. state that MSCs release most. (2)
"""


def run(*arguments: str, cwd: Path, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "exosome.app.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},  # wide enough that no table cell wraps
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )


def shown(done: subprocess.CompletedProcess[str]) -> str:
    """Return what was printed, without its line ends."""
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.replace("│", " ").split())


def pages(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def refused(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("Error:") == 1
    assert "Remedy:" in done.stderr
    for words in expected:
        assert words in done.stderr, done.stderr


# --- law


def test_a_product_is_shown_rule_by_rule_and_written(tmp_path: Path) -> None:
    done = run(
        "law", "msc-ev-anti-ageing", "--as-of", "2022-09-05", "--html", "law.html", cwd=tmp_path
    )
    text = shown(done)
    for words in ("DRUG AND BIOLOGICAL PRODUCT", "not reached", "Not legal advice", "law.html"):
        assert words in text
    assert "drug and biological product" in (tmp_path / "law.html").read_text("utf-8")


def test_a_path_is_named_with_what_is_missing(tmp_path: Path) -> None:
    (page,) = pages(run("law", "msc-ev-anti-ageing", "--json", cwd=tmp_path))
    assert page["path"] == ["IND to study, BLA to market"]
    missing = {row["id"]: (row["answer"], row["said"]) for row in page["permissions"]}
    assert missing["us_312_40"] == ("no", "No: no IND in effect covers this use.")
    assert missing["us_351_a"][0] == "no"
    assert "without a licence" in missing["us_351_a"][1]


def test_expanded_cells_are_on_the_licensing_path_by_a_dated_rule(tmp_path: Path) -> None:
    done = run("law", "ryoncil", "--as-of", "2022-09-05", "--change", "culture_expanded=unknown",
               "--json", cwd=tmp_path)  # fmt: skip
    (page,) = pages(done)
    assert page["class"] == "hctp_351"
    assert "BLA to market" in page["path"][0]
    rule = next(row for row in page["trace"] if row["id"] == "us_1271_10_a_1")
    assert rule["facts"]["culture_expanded"] == "yes"
    assert (rule["answer"], rule["decisive"]) == ("no", True)
    assert rule["citation"] == "21 CFR 1271.10(a)(1), 1271.3(f)"
    assert "must not alter" in rule["paraphrase"]
    assert rule["in_force"] <= page["as_of"] < rule["as_of"]  # checked since; a note says so
    assert any("Rule texts were checked after 2022-09-05" in note for note in page["notes"])
    marketed = next(row for row in page["permissions"] if row["id"] == "us_351_a")
    assert marketed["answer"] == "no"  # licensed in 2024
    turned = next(row for row in page["change"]["steps"] if row["rule"] == "us_1271_10_a_1")
    assert (turned["before"], turned["after"]) == ("no", "unknown")


def test_places_are_answered_one_by_one(tmp_path: Path) -> None:
    done = run("law", "cosmetic-serum", "--jurisdiction", "EU,TW", "--as-of", "2022-09-05",
               "--json", cwd=tmp_path)  # fmt: skip
    found = {page["jurisdiction"]: page["class"] for page in pages(done)}
    assert found == {"EU": "prohibited_cosmetic_ingredient", "TW": "undetermined"}


def test_questions_are_asked_on_standard_input(tmp_path: Path) -> None:
    asking = ("law", "--ask", "--jurisdiction", "US", "--as-of", "2026-06-20")
    done = run(*asking, said="n\nn\n", cwd=tmp_path)
    assert "NONCLINICAL" in shown(done)
    assert "[y/n/?]" in done.stderr
    refused(run(*asking, said="y\n", cwd=tmp_path), "the answers ended")


def test_the_sentence_on_criterion_four_has_its_page(tmp_path: Path) -> None:
    done = run("law", "--criterion-4", "--html", "four.html", cwd=tmp_path)
    text = shown(done)
    for words in ("Not reached at 1271.3(d)(3)", "as of 2022-09-05", "Who gains"):
        assert words in text
    assert "1271.3(d)(3)" in (tmp_path / "four.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("law", "ryoncyl"), ("'ryoncyl'", "did you mean 'ryoncil'")),
        (("law", "ryoncil", "--jurisdiction", "Atlantis"), ("'Atlantis'", "US, EU, UK")),
        (("law", "ryoncil", "--change", "autologous=yes"), ("contradictory facts",)),
        (("docket", "S99"), ("neither a statement nor a claim", "S01 to S76")),
    ],
    ids=["product", "jurisdiction", "contradiction", "statement"],
)
def test_what_is_unknown_is_refused_with_one_error(
    arguments: tuple[str, ...], expected: tuple[str, ...], tmp_path: Path
) -> None:
    refused(run(*arguments, cwd=tmp_path), *expected)


def test_bad_product_files_are_refused_with_their_name(tmp_path: Path) -> None:
    (tmp_path / "torn.toml").write_text("schema_version = 1\n[product\n", "utf-8")
    refused(run("law", "torn.toml", cwd=tmp_path), "torn.toml:2", "not valid TOML")
    facts = "[donor]\nautologous = true\nunrelated_donor = true\n"
    (tmp_path / "two-minds.toml").write_text(HEAD + facts, "utf-8")
    refused(
        run("law", "two-minds.toml", "--html", "none.html", cwd=tmp_path),
        "two-minds.toml",
        "contradictory facts",
    )
    assert not (tmp_path / "none.html").exists()


# --- docket


def test_the_docket_is_shown_and_written(tmp_path: Path) -> None:
    assert "Easily overlooked" in shown(run("docket", cwd=tmp_path))
    done = run("docket", "--html", "docket.html", cwd=tmp_path)
    assert "Docket: docket.html" in shown(done)
    assert 'id="C42"' in (tmp_path / "docket.html").read_text("utf-8")


def test_a_statement_is_judged_in_full(tmp_path: Path) -> None:
    text = shown(run("docket", "S59", cwd=tmp_path))
    for words in ("C42", "false as worded", "1271.3(d)(3)", "not legal advice"):
        assert words in text


def test_one_hope_is_shown_with_both_its_speakers(tmp_path: Path) -> None:
    text = shown(run("docket", "S76", cwd=tmp_path))
    source, market = text.split("X5: S51, S76")
    for words in ("hold great promise", "Interest: Academic", "softened: promise", "review"):
        assert words in source
    for words in ("miracle cure", "Sell vesicle products", "stated as fact", "cites nothing"):
        assert words in market


def test_the_author_is_shown_to_sell_the_comparator(tmp_path: Path) -> None:
    text = shown(run("docket", "S65", cwd=tmp_path))
    assert "Interest: Sells stem-cell treatment, the comparator" in text
    assert "seller of the comparator as author" in text


# --- lint-article


def test_the_articles_own_slips_are_found_against_its_citations(tmp_path: Path) -> None:
    works = load_docket().works
    assert all(one.doi and one.year for one in works)
    (tmp_path / "text.txt").write_text(SLIPS, "utf-8")
    (tmp_path / "works.toml").write_text(
        "\n".join(
            f"[[work]]\nkey = {json.dumps(one.key)}\nauthors = {json.dumps(one.authors)}\n"
            f"year = {one.year}\nsort = {json.dumps(one.sort)}"
            for one in works
        ),
        "utf-8",
    )
    text = shown(run("lint-article", "text.txt", "--works", "works.toml", cwd=tmp_path))
    for words in (
        "“These messenger cells” vesicles are particles",
        "“exosomes transcribe” vesicles are particles",
        "year does not match its citation",
        "not to a work of 2010",
        "question-and-answer piece, not a study",
        "Zhang et al. 2019 is a review, not a study",
        "wrong author",
    ):
        assert words in text, words


def test_a_text_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    refused(run("lint-article", "absent.txt", cwd=tmp_path), "absent.txt", "does not exist")


def test_a_choice_that_a_page_would_ignore_is_refused(tmp_path: Path) -> None:
    for arguments in (["docket", "S59", "--html", "z.html"], ["law", "prp", "--criterion-4"]):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert "takes no further choice" in done.stderr
    assert not (tmp_path / "z.html").exists()
