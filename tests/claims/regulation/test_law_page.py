"""What `exosome law` prints and writes."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from exosome.app.law import show_criterion_four, show_law
from exosome.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

ADVICE = "Not legal advice and not medical advice"
BANNED = ("proven", "cures", "FDA-approved", "validated", " safe ")


def test_the_page_shows_class_trace_and_disclaimer(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    show_law("msc-ev-anti-ageing", as_of="2022-09-05", changes=("loaded_with_drug=yes",))
    said = " ".join(capsys.readouterr().out.split())
    for words in ("DRUG AND BIOLOGICAL PRODUCT", "not reached", "inference", "not in force"):
        assert words in said
    assert ADVICE in said
    assert "simply untrue" in said


def test_json_and_html_carry_the_same_answer(capsys, tmp_path: Path) -> None:
    page = tmp_path / "law.html"
    show_law("cosmetic-serum", as_of="2026-06-20", jurisdiction="all", as_json=True, html=page)
    held = json.loads(capsys.readouterr().out)
    text = page.read_text("utf-8")
    assert [one["jurisdiction"] for one in held] == ["US", "EU", "UK", "TW"]
    for one in held:
        assert one["class_name"] in text
    assert ADVICE in text
    assert "<script" not in text
    assert "http" not in text.split("</style>")[1]


def test_the_page_on_criterion_four(capsys, tmp_path: Path) -> None:
    page = tmp_path / "four.html"
    show_criterion_four(html=page)
    said = " ".join(capsys.readouterr().out.split())
    for words in ("Not reached at 1271.3(d)(3)", "Who gains", "Grand Cayman", ADVICE):
        assert words in said
    assert "Not reached at 1271.3(d)(3)" in page.read_text("utf-8")


def test_asking_stops_when_nothing_can_change_the_answer(capsys, monkeypatch) -> None:
    # Not for humans and no diagnostic: two questions settle the class.
    monkeypatch.setattr("sys.stdin", io.StringIO("n\nhm\nn\n"))
    show_law("", as_of="2026-06-20", jurisdiction="US", ask=True)
    shown = capsys.readouterr()
    assert "2 questions asked of" in shown.err
    assert "Answer y (yes), n (no) or ?" in shown.err
    assert "NONCLINICAL" in shown.out


def test_answers_that_end_too_early_are_one_clear_error(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(InputError, match="the answers ended before the questions did"):
        show_law("", as_of="2026-06-20", jurisdiction="US", ask=True)
    capsys.readouterr()


def test_without_a_product_the_bundled_ones_are_listed(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    show_law("")
    assert "cayman-msc-infusion" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["msc-ev-anti-ageing", "ryoncil", "cayman-msc-infusion", "prp"])
def test_no_banned_word_is_printed(name, capsys) -> None:
    show_law(name, as_of="2026-06-20")
    said = f" {' '.join(capsys.readouterr().out.split())} "
    for word in BANNED:
        assert word not in said
