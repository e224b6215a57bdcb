"""The user's own numbers over the bundled ones."""

import pytest

from exosome.catalog.load import load_catalog
from exosome.catalog.overlay import usual_law
from exosome.core.errors import ExosomeError, InputError, MissingRecordError, UnitMismatchError


@pytest.fixture
def overlay(tmp_path):
    def write(text: str, name: str = "my.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


SHORT = "[[record]]\nrole = 'cell_count.hepatocyte'\nvalue = 1e11\nunit = 'cell'\n"


def test_the_short_form_is_enough(overlay):
    (own,) = load_catalog([overlay(SHORT)]).informing("cell_count.hepatocyte")
    assert (own.value, own.unit, own.origin, own.citation) == (1e11, "cell", "this lab", "this lab")
    assert (own.distribution, own.bound_kind, own.basis) == ("point", "none", "measured")
    assert own.locator == "my.toml, 1"


def test_own_numbers_replace_every_bundled_record_of_the_role(overlay):
    text = "[[record]]\nrole = 'opening.natural_vesicle'\nlow = 0.001\nhigh = 0.01\n"
    catalog = load_catalog([overlay(text + "unit = 'fraction'\nsource = 'notebook 7'\n")])
    (own,) = catalog.informing("opening.natural_vesicle")
    assert own.origin == "this lab"
    assert own.citation == "notebook 7"
    assert set(catalog.set_aside["opening.natural_vesicle"]) == {"f05", "f07", "k02", "k03"}
    assert catalog["f05"].role == ""
    assert catalog["f05"].value == 0.3
    assert catalog["f05"].origin == "catalog"


def test_the_bundled_catalog_is_left_alone(overlay):
    load_catalog([overlay(SHORT)])
    assert [r.id for r in load_catalog().informing("cell_count.hepatocyte")] == ["k33"]
    assert not load_catalog().set_aside


def test_several_own_numbers_and_files_stand_side_by_side(overlay):
    first, second = overlay(SHORT + SHORT.replace("1e11", "2e11")), overlay(SHORT, "b.toml")
    own = load_catalog([first, second]).informing("cell_count.hepatocyte")
    assert [r.id for r in own] == ["lab1", "lab2", "lab3"]


def test_a_new_role_can_be_informed(overlay):
    text = "[[record]]\nrole = 'cell_count.astrocyte'\nvalue = 5e10\nunit = 'cell'\n"
    with pytest.raises(MissingRecordError):
        load_catalog().informing("cell_count.astrocyte")
    assert len(load_catalog([overlay(text)]).informing("cell_count.astrocyte")) == 1


def test_the_id_of_a_bundled_record_takes_its_place_and_reaches_derived_ones(overlay):
    text = "[[record]]\nid = 'k30'\nvalue = 2e8\nunit = 'cell/g'\n"
    catalog = load_catalog([overlay(text)])
    assert catalog["k30"].origin == "this lab"
    assert catalog["k33"].value > 1.3 * load_catalog()["k33"].value
    assert "k33" not in catalog.set_aside


def test_figures_that_break_a_derived_record_are_the_overlays_fault(overlay):
    path = overlay("[[record]]\nid = 'd01'\nvalue = 0\nunit = 'copy/particle'\n")
    with pytest.raises(InputError) as caught:
        load_catalog([path])
    assert caught.value.where.startswith(f"{path}: catalog record ")


def test_a_bundled_id_keeps_its_role_and_sets_rivals_aside(overlay):
    text = "[[record]]\nid = 'd01'\nvalue = 0.02\nunit = 'copy/particle'\n"
    catalog = load_catalog([overlay(text)])
    (own,) = catalog.informing("copies_per_particle.natural_mirna")
    assert (own.id, own.value) == ("d01", 0.02)
    assert catalog.set_aside == {"copies_per_particle.natural_mirna": ("d04",)}


def test_own_formulas_may_use_bundled_records(overlay):
    text = (
        "[[record]]\nid = 'mine'\nrole = 'cell_count.hepatocyte'\nunit = 'cell'\n"
        "formula = 'k30*1500'\nformula_low = 'k30.low*1500'\nformula_high = 'k30.high*1500'\n"
    )
    (own,) = load_catalog([overlay(text)]).informing("cell_count.hepatocyte")
    assert own.value == pytest.approx(1.605e11)
    assert (own.basis, own.bound_kind, own.distribution) == ("derived", "range", "triangular")


@pytest.mark.parametrize(
    ("role", "value", "unit", "expected"),
    [
        ("opening.lnp", "2", "%", 0.02),
        ("release_rate.mcf7", "1", "vesicle/cell/min", 60.0),
        ("km.cd73", "500", "nM", 0.5),
        ("plasma_volume", "3", "L", 3000.0),
        ("vesicle_diameter", "0.08", "um", 80.0),
    ],
)
def test_other_units_are_converted_and_said_so(overlay, role, value, unit, expected):
    text = f"[[record]]\nrole = '{role}'\nvalue = {value}\nunit = '{unit}'\n"
    (own,) = load_catalog([overlay(text)]).informing(role)
    assert own.value == pytest.approx(expected)
    assert own.note == f"Given in {unit}."


def test_a_unit_of_another_kind_is_refused(overlay):
    text = "[[record]]\nrole = 'release_rate.mcf7'\nvalue = 1\nunit = 'vesicle/mL'\n"
    with pytest.raises(UnitMismatchError) as caught:
        load_catalog([overlay(text)])
    assert "record 1, value" in caught.value.where


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("# nothing\n", "no [[record]]"),
        ("record = []\n", "no [[record]]"),
        ("record = 3\n", "must be a [[record]] table"),
        ("[[record]\n", "not valid TOML"),
        ("[[records]]\nvalue = 1\n", "nearest is 'record'"),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = nan\nunit = 'fold'\n", "must be finite"),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = inf\nunit = 'fold'\n", "must be finite"),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = '0.6'\nunit = 'fold'\n", "without quotes"),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = true\nunit = 'fold'\n", "must be a number"),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = 0.6\n", "unit is missing"),
        ("[[record]]\nrole = 'uptake_cv'\nunit = 'fold'\n", "value is missing"),
        ("[[record]]\nvalue = 0.6\nunit = 'fold'\n", "role is missing"),
        ("[[record]]\nrole = 'uptake_cv'\nvalu = 0.6\nunit = 'fold'\n", "nearest is 'value'"),
        ("[[record]]\nrole = 'uptake_c'\nvalue = 0.6\nunit = 'fold'\n", "is no role"),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = 9\nunit = 'fold'\n", "physical limits"),
        (
            "[[record]]\nrole = 'uptake_cv'\nvalue = 1\nlow = 2\nhigh = 3\nunit = 'fold'\n",
            "outside",
        ),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = 1\nlow = 0.5\nunit = 'fold'\n", "both bounds"),
        ("[[record]]\nrole = 'uptake_cv'\nformula = 'nope'\nunit = 'fold'\n", "is no record"),
        ("[[record]]\nrole = 'uptake_cv'\nformula = 'k17'\nunit = '%'\n", "formula gives"),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = 1\nunit = 'fold'\nbasis = 'guess'\n", "unknown"),
        ("[[record]]\nid = 'a'\nrole = 'uptake_cv'\nvalue = 1\nunit = 'fold'\n" * 2, "used twice"),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = 1\nunit = 'fold'\napplies_to = 'x'\n", "a list"),
        ("[[record]]\nrole = 'uptake_cv'\nvalue = 1\nunit = 'fold'\nsource = ''\n", "no source"),
        ("x = " + "[" * 5000, "not valid TOML"),
        ("[[record]]\nrole = 'uptake_cv'\nunit = 'fold'\nvalue = " + "9" * 5000, "not valid TOML"),
        ("[[record]]\nrole = 'uptake_cv'\nunit = 'fold'\nvalue = " + "9" * 400, "must be finite"),
    ],
)
def test_a_bad_file_gives_one_input_error(overlay, text, what):
    path = overlay(text)
    with pytest.raises(InputError) as caught:
        load_catalog([path])
    assert what in caught.value.what + caught.value.where
    assert caught.value.remedy


def test_what_is_no_file_of_numbers_gives_one_input_error(tmp_path):
    binary, large = tmp_path / "b.toml", tmp_path / "l.toml"
    binary.write_bytes(bytes(range(256)) * 10)
    large.write_bytes(b"#" * 5_000_001)
    for path in (tmp_path, tmp_path / "missing.toml", binary, large):
        with pytest.raises(InputError) as caught:
            load_catalog([path])
        assert str(path) in str(caught.value)


def test_every_error_of_an_overlay_names_its_file(overlay):
    path = overlay("[[record]]\nrole = 'uptake_cv'\nvalue = 9\nunit = 'fold'\n")
    with pytest.raises(ExosomeError) as caught:
        load_catalog([path])
    assert caught.value.where == f"{path}: record 1"


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "law"),
    [
        (1.0, None, None, "nm", "point"),
        (None, 1.0, 2.0, "nm", "uniform"),
        (None, 1.0, 20.0, "nm", "loguniform"),
        (None, 0.1, 0.9, "fraction", "uniform"),
        (5.0, 1.0, 20.0, "nm", "lognormal"),
        (1.0, 1.0, 20.0, "nm", "triangular"),
        (1.0, 0.0, 20.0, "nm", "triangular"),
        (0.5, 0.1, 0.9, "fraction", "triangular"),
    ],
)
def test_the_usual_law(value, low, high, unit, law):
    assert usual_law(value, low, high, unit) == law
