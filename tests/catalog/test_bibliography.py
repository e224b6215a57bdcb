"""Every citation leads to a work, and the BibTeX is well formed."""

import re

import pytest

from exosome import __version__
from exosome.catalog import bibliography as module
from exosome.catalog.bibliography import Reference, bibliography, bibtex
from exosome.catalog.load import load_catalog
from exosome.catalog.record import DOI
from exosome.core.errors import CatalogError


def entries(text: str) -> dict[str, dict[str, str]]:
    """Read BibTeX by counting braces; fails where they do not balance."""
    found: dict[str, dict[str, str]] = {}
    for chunk in re.split(r"(?m)^@", text)[1:]:
        depth = 0
        plain = re.sub(r"\\[{}]", "", chunk)
        for i, letter in enumerate(plain):
            depth += {"{": 1, "}": -1}.get(letter, 0)
            assert depth >= 0
            if not depth and "{" in plain[: i + 1]:
                assert not plain[i + 1 :].strip()
        assert depth == 0
        head = re.match(r"(\w+)\{([\w-]+)", chunk)
        assert head
        fields = dict(re.findall(r"(?m)^  (\w+) = \{(.*)\},?$", chunk))
        assert head[2] not in found
        found[head[2]] = {"type": head[1], **fields}
    return found


def test_every_record_cites_a_known_work():
    works = bibliography()
    for record in load_catalog().values():
        if not record.citation.startswith("assumed: "):
            assert record.citation in works, record.id


def test_a_doi_of_a_record_is_the_doi_of_its_work():
    works = bibliography()
    for record in load_catalog().values():
        if record.doi and not record.citation.startswith("assumed: "):
            assert works[record.citation].doi in ("", record.doi), record.id


def test_every_work_says_what_it_is():
    for work in bibliography().values():
        assert work.title or work.description, work.key
        assert not work.doi or DOI.match(work.doi), work.key
        assert work.doi or not work.doi_checked, work.key
        assert 1850 <= work.year <= 2026 or not work.year, work.key


def test_all_of_the_bibliography_is_well_formed_bibtex():
    found = entries(bibtex(bibliography()))
    assert set(found) == set(bibliography())
    assert list(found) == sorted(found)
    assert all(fields["title"] for fields in found.values())


def test_the_package_itself_is_always_cited():
    found = entries(bibtex(["chevillet2014", "assumed: no number found", "this lab"]))
    assert list(found) == ["chevillet2014", "exosome"]
    assert found["exosome"]["version"] == __version__
    assert found["exosome"]["author"] == "{The exosome developers}"
    assert found["chevillet2014"]["author"] == "Chevillet and others"
    assert found["chevillet2014"]["doi"] == "10.1073/pnas.1408301111"
    assert found["chevillet2014"]["type"] == "article"


def test_a_description_is_not_passed_off_as_a_title():
    assert entries(bibtex(["chevillet2014"]))["chevillet2014"]["title"].startswith("[")
    title = entries(bibtex(["cd63release2025"]))["cd63release2025"]["title"]
    assert title.startswith("Lack of evidence for cargo release")


def test_an_unknown_key_is_refused():
    with pytest.raises(CatalogError, match="nobody1900"):
        bibtex(["nobody1900"])


def test_special_characters_are_escaped(monkeypatch):
    work = Reference(
        key="odd",
        authors=("A. O_dd", "Smith J K", "Jones et al."),
        title=r"50 % {of} $x$ & #1 ~ ^ \ all_",
        container="J Odd",
        pages="1-2",
    )
    works = {"odd": work, "exosome": bibliography()["exosome"]}
    monkeypatch.setattr(module, "bibliography", lambda: works)
    odd = entries(bibtex(["odd"]))["odd"]
    assert odd["author"] == r"A. O\_dd and Smith, J K and Jones and others"
    assert odd["pages"] == "1--2"
    assert r"50 \% \{of\} \$x\$ \& \#1" in odd["title"]
    assert r"\textbackslash{} all\_" in odd["title"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[a", "TOML"),
        ("a = 3", "is not a table"),
        ("[a]\ncolour = 'red'", "unknown field 'colour'"),
    ],
)
def test_a_broken_file_is_named(tmp_path, monkeypatch, text, what):
    (tmp_path / "bibliography.toml").write_text(text)
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    bibliography.cache_clear()
    try:
        with pytest.raises(CatalogError) as caught:
            bibliography()
    finally:
        monkeypatch.undo()
        bibliography.cache_clear()
    assert what in caught.value.what
    assert "bibliography.toml" in caught.value.where


def test_a_later_file_fills_what_an_earlier_one_leaves_empty(tmp_path, monkeypatch):
    (tmp_path / "bibliography.toml").write_text("[a]\ndescription = 'first'\ndoi = '10.1234/x'\n")
    (tmp_path / "bibliography_b.toml").write_text(
        "[a]\ntitle = '(second)'\nyear = 2001\nauthors = ['(not seen)']\n"
        "doi = '10.1234/x'\ndoi_checked = true\n"
    )
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    bibliography.cache_clear()
    try:
        (work,) = bibliography().values()
    finally:
        monkeypatch.undo()
        bibliography.cache_clear()
    assert (work.description, work.title, work.year, work.authors) == ("first", "", 2001, ())
    assert work.doi_checked
