"""The pages of `exosome cell rank` and `exosome cell show`."""

from __future__ import annotations

import csv
import json
import re

import pytest

from exosome.app.cell_rank import show_cell, show_cell_rank
from exosome.app.terminal import console
from exosome.core.errors import InputError

OWN = """
[[record]]
id = "mine1"
quantity = "release rate of HeLa in our hands"
role = "release_rate.hela"
value = 1e6
unit = "vesicle/cell/h"
bound_kind = "none"
distribution = "point"
basis = "measured"
reading = "read"
citation = "our notebook"
locator = "page 3"
applies_to = ["human", "HeLa"]
method = "flow cytometry"
"""


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    console.cache_clear()  # a console keeps the width it was made with
    yield
    console.cache_clear()


def test_the_page_answers_both_statements_and_says_why(capsys):
    show_cell_rank()
    said = capsys.readouterr().out
    assert said.count("cannot be settled") >= 3
    assert "S22" in said
    assert "S38" in said
    assert "Why it cannot be settled" in said
    assert "unknown" in said
    assert "particle/cell/h" in said
    assert "vesicle/cell/h" in said


def test_json_csv_and_html_hold_the_same_ranking(tmp_path, capsys):
    show_cell_rank(as_json=True, table=tmp_path / "r.csv", html=tmp_path / "r.html")
    told = json.loads(capsys.readouterr().out)
    assert told["unit"] == "vesicle/cell/h"
    assert [one["verdict"] for one in told["answers"]] == ["cannot be settled"] * 2
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert {row["cell"] for row in rows} == {one["key"] for one in told["rates"]}
    for row in rows:
        one = next(x for x in told["rates"] if x["key"] == row["cell"])
        assert (float(row["median"]) if row["median"] else None) == one["median"]
    page = (tmp_path / "r.html").read_text()
    assert "<svg" in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)  # nothing outside the file
    for one in told["rates"]:
        assert one["name"] in page


def test_a_users_own_rate_takes_part_under_its_role(tmp_path, capsys):
    mine = tmp_path / "mine.toml"
    mine.write_text(OWN)
    show_cell_rank(numbers=(mine,), as_json=True)
    told = json.loads(capsys.readouterr().out)
    hela = next(one for one in told["rates"] if one["key"] == "hela")
    assert hela["first"] == 1.0
    assert hela["estimates"][0]["method_name"] == "flow cytometry"
    assert told["answers"][0]["verdict"] == "cannot be settled"  # one count by one method


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("HeLa", "unknown"),
        ("T cell", "bounds only"),
        ("MCF7", "isolated by ultracentrifugation"),
        ("msc_cord", "no rate of its own"),
    ],
)
def test_show_prints_what_is_known_of_one_type(name, words, capsys):
    show_cell(name)
    assert words in capsys.readouterr().out.replace("No rate", "no rate")


def test_show_as_json_and_an_unknown_name(capsys):
    show_cell("monocyte", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["key"] == "monocyte"
    assert 0.9 < told["exceeds"]["msc_cord"] <= 1.0
    with pytest.raises(InputError, match="did you mean"):
        show_cell("monocite")
