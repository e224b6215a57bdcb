"""Search finds records by any of their words."""

from exosome.catalog.load import load_catalog
from exosome.catalog.search import search


def ids(words) -> list[str]:
    return [record.id for record in search(load_catalog(), words)]


def test_all_words_must_match_in_any_case():
    assert "k39" in ids("KUPFFER human liver")
    assert "k34" not in ids("kupffer zebra")


def test_a_word_matches_the_beginning_of_another():
    assert "k39" in ids("kupf")
    assert "k39" not in ids("upffer")


def test_words_may_come_one_by_one_or_in_one_text():
    assert ids(["natural", "mirna"]) == ids("natural mirna")
    assert "d01" in ids("copies_per_particle.natural_mirna")


def test_the_id_comes_first():
    assert ids("d01")[0] == "d01"
    assert ids("k33")[0] == "k33"


def test_names_rank_above_remarks():
    found = ids("hepatocyte")
    assert found.index("k33") < found.index("k36")


def test_sources_and_notes_are_searched():
    assert {"b05", "b06", "b10"} <= set(ids("auber2022"))
    assert "k86" in ids("criterion preparation vial")


def test_no_words_find_nothing():
    assert ids("") == ids([]) == ids(" . ") == []
