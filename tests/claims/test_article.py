from __future__ import annotations

import re
from pathlib import Path

import pytest

from exosome.claims.article import (
    Statement,
    coverage,
    load_statements,
    missing,
    read_statements,
)
from exosome.core.errors import CatalogError

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "reference"


def reference(name: str) -> str:
    path = REFERENCE / name
    if not path.is_file():
        pytest.skip(f"the reference file {name} is not beside this checkout")
    return path.read_text("utf-8")


def made(**changes: str) -> Statement:
    entry = {
        "id": "S01",
        "section": "x",
        "quotes": ["words"],
        "kind": "claim",
        "working": "works",
    }
    return Statement.model_validate({**entry, **changes})


def test_the_statements_are_s01_to_s76():
    assert [one.id for one in load_statements()] == [f"S{i:02d}" for i in range(1, 77)]


def test_ids_and_sections_match_the_reference_list():
    text = reference("article-statements.md")
    listed = re.findall(r"^\| (S\d\d) \|", text, flags=re.MULTILINE)
    assert [one.id for one in load_statements()] == listed
    per_section = [
        len(re.findall(r"^\| S\d\d \|", part, flags=re.MULTILINE))
        for part in text.split("### ")[1:]
    ]
    assert [one.total for one in coverage().sections] == per_section


def test_quotes_stand_in_the_article():
    def plain(text: str) -> str:
        return " ".join(text.replace("\u2019", "'").casefold().split())

    article = plain(reference("source-article.txt"))
    for one in load_statements():
        for quote in one.quotes:
            for part in plain(quote).split("..."):
                assert part.strip() in article, (one.id, part)


@pytest.mark.parametrize("one", load_statements(), ids=lambda one: one.id)
def test_what_a_statement_names_exists(one):
    assert missing(one, ROOT) == ()
    if one.state == "implemented":
        assert one.module
        assert one.test
    else:
        assert not one.report, "a report cannot show what does not stand"


def test_coverage_is_counted():
    found = coverage()
    assert found.total == 76
    assert len(found.implemented) == sum(one.state == "implemented" for one in load_statements())
    assert sum(one.total for one in found.sections) == 76
    assert sum(one.implemented for one in found.sections) == len(found.implemented)
    assert str(found) == f"{len(found.implemented)} of 76 statements implemented"


def test_the_evidence_statements_stand():
    assert {"S20", "S50", "S75"} <= {one.id for one in coverage().implemented}


def test_a_module_without_a_test_or_without_existence_is_not_yet():
    test = "tests/claims/test_article.py::test_coverage_is_counted"
    assert made(module="exosome.claims.evidence", test=test).state == "implemented"
    assert made(module="exosome.claims.evidence").state == "not yet"
    assert made(test=test).state == "not yet"
    assert made(module="exosome.claims.nothing", test=test).state == "not yet"
    assert made(module="exosome.nowhere.nothing", test=test).state == "not yet"


def test_missing_names_what_is_absent():
    one = made(module="exosome.nowhere.nothing", test="tests/claims/test_article.py::test_nothing")
    assert missing(one, ROOT) == (one.module, one.test)
    assert missing(made(test="tests/no/test_file.py::test_nothing"), ROOT) == (
        "tests/no/test_file.py::test_nothing",
    )
    assert missing(made(), ROOT) == ()


@pytest.mark.parametrize(
    "text",
    [
        "statement = ",
        "statement = []",
        '[[statement]]\nid = "S02"\nsection = "x"\nquotes = ["w"]\nkind = "k"\nworking = "w"',
        '[[statement]]\nid = "S01"\nsection = "x"\nquotes = []\nkind = "k"\nworking = "w"',
    ],
)
def test_a_broken_list_names_itself(text):
    with pytest.raises(CatalogError, match=r"mine\.toml"):
        read_statements(text, where="mine.toml")
