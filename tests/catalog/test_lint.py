"""Every rule of the catalog is reported with file and id."""

import tomllib
from dataclasses import replace

import pytest

from exosome.catalog.lint import Finding, lint, lint_bibliography, lint_files
from exosome.catalog.load import Catalog, load_catalog

GOOD = """
[[record]]
id = "x1"
quantity = "a length"
value = 2.0
low = 1.0
high = 3.0
unit = "nm"
bound_kind = "range"
distribution = "triangular"
basis = "measured"
reading = "read"
citation = "chiu2016"
locator = "abstract"
applies_to = ["human"]
"""
SECOND = GOOD.replace('"x1"', '"x2"').replace("a length", "another length")


@pytest.fixture
def findings(tmp_path):
    def of(text: str) -> list[Finding]:
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return lint_files([path])

    return of


def test_the_bundled_files_are_clean():
    assert lint() == []
    assert lint_bibliography() == []


def test_the_loaded_catalog_is_clean():
    assert lint(load_catalog()) == []


def test_good_records_give_no_finding(findings):
    assert findings(GOOD + SECOND) == []


def without(key: str, text: str = GOOD) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith(f"{key} ="))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (without("citation"), "citation is missing"),
        (GOOD.replace('"chiu2016"', '""'), "citation is missing"),
        (without("quantity"), "quantity is missing"),
        (without("basis"), "basis is missing"),
        (GOOD.replace("value = 2.0", "value = 7.0"), "7 lies outside [1, 3]"),
        (GOOD.replace("low = 1.0", "low = nan"), "low must be finite"),
        (GOOD.replace("value = 2.0", 'value = "2 nm"'), "value must be a number"),
        (GOOD.replace('unit = "nm"', 'unit = "furlong"'), "unknown unit 'furlong'"),
        (GOOD.replace('unit = "nm"', 'unit = "nm/(24 h)"'), "unknown unit '(24'"),
        (GOOD + 'doi = "https://doi.org/10.1/x"\n', "is not a DOI"),
        (GOOD + "doi_checked = true\n", "doi_checked without a doi"),
        (GOOD.replace("chiu2016", "nobody1900"), "'nobody1900' is not in the bibliography"),
        (GOOD + 'role = "vesicle_diametre"\n', "is no role"),
        (GOOD + 'role = "vesicle_diameter_gsd"\n', "is given in fold, not in nm"),
        (GOOD + 'role = "vesicle_diameter"\n', "leaves the limits [30, 1000]"),
        (GOOD + 'rival = "one side"\n', "a rival position needs a role"),
        (GOOD + 'conflicts = ["zz9"]\n', "'zz9', which is no record"),
        (GOOD + 'conflicts = ["x1"]\n', "conflicts with itself"),
        (
            without("locator").replace('"measured"', '"derived"').replace('"read"', '"recalled"'),
            "a derived record gives its formula",
        ),
        (GOOD.replace('"read"', '"derived"'), "a derived record gives its formula"),
        (GOOD.replace('"measured"', '"assumed"'), "an assumption says why"),
        (GOOD.replace("chiu2016", "assumed: no number found"), "only an assumed record"),
        (
            GOOD.replace('"measured"', '"assumed"').replace("chiu2016", "assumed: dunno"),
            "an assumption says why it is made, in a few words",
        ),
        (without("locator"), "names the place where it was read"),
        (without("high"), "give both bounds or neither"),
        (GOOD.replace('"range"', '"none"'), "bounds need a bound_kind"),
        (GOOD.replace('"range"', '"rang"'), "the nearest is 'range'"),
        (GOOD.replace('"triangular"', '"zipf"'), "distribution 'zipf' is unknown"),
        (GOOD + "colour = 'red'\n", "unknown key 'colour'"),
        (GOOD + "note = 3\n", "note must be text"),
        (GOOD.replace('["human"]', '"human"'), "applies_to must be a list"),
        (GOOD + 'formula = "1+1"\n', "value is typed beside a formula"),
        (GOOD.replace('"x1"', '"x-1"'), "an id is letters, digits and dots"),
        (
            without("low", without("high", without("value"))).replace('"range"', '"none"'),
            "a statement has no distribution",
        ),
    ],
)
def test_each_broken_record_is_named_with_its_rule(findings, text, problem):
    found = findings(text + SECOND)
    assert any(problem in finding.problem for finding in found), found
    assert {finding.file for finding in found} == {"mine.toml"}
    assert {finding.id for finding in found} <= {"x1", "x-1"}


def test_what_a_source_derived_is_found_at_its_locator(findings):
    assert findings(GOOD.replace('"measured"', '"derived"')) == []


def test_a_record_without_an_id_is_named_by_its_place(findings):
    (finding,) = findings(without("id"))
    assert (finding.id, finding.problem) == ("number 1", "id is missing")


def test_a_statement_informs_no_role(findings):
    text = without("low", without("high", without("value"))).replace('"range"', '"none"')
    text = text.replace('"triangular"', '"none"') + '\nrole = "vesicle_diameter"\n'
    assert "has no distribution" in findings(text)[0].problem


def test_an_id_is_given_once(findings):
    found = findings(GOOD + SECOND.replace('"x2"', '"x1"'))
    assert "already taken in mine.toml" in found[0].problem


def test_the_same_content_under_two_ids_is_found(findings):
    found = findings(GOOD + GOOD.replace('"x1"', '"x2"'))
    assert found == [Finding("mine.toml", "x2", "says the same as x1")]


def test_a_conflict_is_named_on_both_sides(findings):
    found = findings(GOOD + 'conflicts = ["x2"]\n' + SECOND)
    assert found == [Finding("mine.toml", "x2", "does not name its conflict with x1")]
    assert findings(GOOD + 'conflicts = ["x2"]\n' + SECOND + 'conflicts = ["x1"]\n') == []


def derived(record_id: str, formula: str) -> str:
    lines = ("value", "low", "high", "basis", "reading")
    text = GOOD.replace('"x1"', f'"{record_id}"').replace("a length", f"length {record_id}")
    for key in lines:
        text = without(key, text)
    return text.replace('"range"', '"none"').replace("triangular", "point") + (
        f'\nformula = "{formula}"\n'
    )


def test_broken_formulas_are_named_and_hide_nothing(findings):
    text = GOOD + derived("y1", "x1*2") + derived("y2", "zz*2") + derived("y3", "2 +")
    text += derived("y4", "y5") + derived("y5", "y4")
    found = {finding.id: finding.problem for finding in findings(text)}
    assert "y1" not in found
    assert "'zz', which is no record" in found["y2"]
    assert "not an arithmetic expression" in found["y3"]
    assert "in a circle" in found["y4"]


def test_a_file_that_is_not_toml_is_named(tmp_path):
    bad, stray, good = tmp_path / "a.toml", tmp_path / "b.toml", tmp_path / "c.toml"
    bad.write_text("[[record")
    stray.write_text("recrod = []")
    good.write_text(GOOD)
    found = lint_files([bad, stray, good, tmp_path / "missing.toml"])
    assert [finding.file for finding in found] == ["a.toml", "b.toml", "missing.toml"]
    assert str(found[0]).startswith("a.toml: (file): not readable as TOML")


def test_a_catalog_in_memory_is_checked_too():
    catalog = load_catalog()
    lone = replace(catalog["g02"], id="g02", citation="nobody1900")
    found = lint(Catalog({**catalog, "g02": lone}))
    assert [(f.file, f.id) for f in found] == [("catalog", "g02")]


def test_bundled_files_write_no_formula_and_value_together():
    from exosome.catalog.load import number_files

    for path in number_files():
        for table in tomllib.loads(path.read_text())["record"]:
            assert not ("formula" in table and "value" in table), table["id"]
