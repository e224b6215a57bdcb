"""The bundled catalog loads, is complete and answers by role."""

import subprocess
import sys
from dataclasses import replace

import pytest

from exosome.catalog import load
from exosome.catalog.load import Catalog, all_roles, load_catalog, role_bounds, role_unit
from exosome.core.errors import CatalogError, InputError, MissingRecordError


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_every_bundled_record_builds_and_there_are_enough(catalog):
    assert len(catalog) >= 300
    assert all(catalog[key].id == key for key in catalog)
    assert all(not record.problems() for record in catalog.values())


def test_the_bundled_files_are_read_once(catalog):
    assert load_catalog() is catalog


def test_loading_needs_no_heavy_import():
    code = (
        "import sys; from exosome.catalog.load import load_catalog; load_catalog();"
        "assert not {'numpy', 'pint', 'scipy', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_records_with_a_role_have_its_unit_and_keep_its_limits(catalog):
    for record in catalog.values():
        if not record.role:
            continue
        low, high = role_bounds(record.role)
        assert record.unit == role_unit(record.role), record.id
        for figure in (record.value, record.low, record.high):
            assert figure is None or low <= figure <= high, record.id


def test_rivals_stand_side_by_side(catalog):
    rivals = {r.id: r.rival for r in catalog.informing("opening.natural_vesicle")}
    assert rivals == {
        "f05": "opens",
        "f07": "below detection",
        "k02": "below detection",
        "k03": "below detection",
    }
    assert {r.rival for r in catalog.informing("target_sites")} == {
        "1.5e5 sites",
        "thousands of sites",
    }


def test_undetected_opening_is_a_limit_and_says_that_it_is_assumed(catalog):
    for key in ("k02", "k03", "f07"):
        record = catalog[key]
        assert (record.value, record.low, record.high) == (None, 0.0, 0.01)
        assert record.distribution == "below_limit"
        assert "0.01 is an assumed limit" in record.note


@pytest.mark.parametrize(
    ("role", "ids"),
    [
        ("particles_per_ug_protein", {"k86", "i09"}),
        ("vesicle_diameter", {"c03", "c04"}),
        ("particles_per_msc_hour", {"b15h", "b16h"}),
        ("plasma_vesicles_per_ml", {"h01"}),
        ("plasma_volume", {"k72"}),
        ("plasma_secretion_per_min", {"b10"}),
        ("organ_signal.intravenous.liver", {"h10"}),
        ("cell_count.kupffer_cell", {"k39"}),
        ("cell_count.hepatocyte", {"k33"}),
        ("cell_count.lsec", {"k38"}),
        ("cell_count.synoviocyte", {"k64"}),
        ("cell_count.chondrocyte", {"k62"}),
        ("cell_count.alveolar_macrophage", {"k67"}),
        ("uptake_cv", {"k17"}),
        ("opening.fusogenic_vesicle", {"k05"}),
        ("opening.lnp", {"f11", "k10", "f13e"}),
        ("copies_per_particle.natural_mirna", {"d01", "d04"}),
        ("seed_site_kd", {"k43"}),
        ("needed_copies.sirna", {"k19"}),
        ("contact_patch", {"k81"}),
        ("receptors_per_cell.pd1.t_cell", {"k84"}),
        ("enzyme_copies.cd73", {"k87"}),
        ("km.cd73", {"k88"}),
        ("kcat.cd73", {"k89"}),
        ("product_needed.adenosine", {"k93"}),
        ("release_rate.monocyte", {"b05h"}),
        ("release_rate.erythrocyte", {"b06h"}),
        ("release_rate.mcf7", {"b01", "b04h"}),
        ("release_rate.mda_mb_231", {"b02"}),
    ],
)
def test_roles_are_informed_by_their_sources(catalog, role, ids):
    assert ids <= {record.id for record in catalog.informing(role)}


def test_unchecked_transcriptions_inform_nothing(catalog):
    transcribed = [r for r in catalog.values() if r.citation == "choi2022"]
    assert len(transcribed) == 18
    assert all(not r.role and "not to be used" in r.note for r in transcribed)


def test_conflicts_are_mutual(catalog):
    for record in catalog.values():
        for other in record.conflicts:
            assert record.id in catalog[other].conflicts, (record.id, other)


def test_a_role_without_records_is_a_missing_record(catalog):
    with pytest.raises(MissingRecordError) as caught:
        catalog.informing("cell_count.astronaut", where="claim.toml: target")
    assert caught.value.where == "claim.toml: target"
    assert "no record informs 'cell_count.astronaut'" in caught.value.what
    assert 'role = "cell_count.astronaut"' in caught.value.remedy
    assert "--numbers my.toml" in caught.value.remedy


@pytest.mark.parametrize(
    ("role", "near"),
    [
        ("uptake_cvs", "uptake_cv"),
        ("cell_count", "cell_count.*"),
        ("cell_counts.hepatocyte", "cell_count.*"),
        ("cell_count.*", "cell_count.*"),
        ("cell_count.", "cell_count.*"),
        ("openning.lnp", "opening.*"),
    ],
)
def test_an_unknown_role_is_refused_with_the_nearest(catalog, role, near):
    with pytest.raises(InputError) as caught:
        catalog.informing(role)
    assert repr(near) in caught.value.remedy


def test_a_role_like_nothing_is_refused_too(catalog):
    with pytest.raises(InputError, match="is no role"):
        catalog.informing("zzz")


def test_every_role_has_a_unit_a_meaning_and_ordered_limits():
    for role in all_roles().values():
        assert role.unit
        assert role.meaning
        assert role.low < role.high
    assert role_unit("cell_count.hepatocyte") == "cell"
    assert role_bounds("opening.lnp") == (0.0, 1.0)


def test_transport_shares_are_marked():
    assert load.role_is_transport("opening.lnp")
    assert not load.role_is_transport("cell_count.hepatocyte")


def test_without_takes_records_out_of_a_new_catalog(catalog):
    less = catalog.without(["k33", "h10"])
    assert "k33" not in less
    assert "k33" in catalog
    assert less["k26"] == catalog["k26"]
    with pytest.raises(MissingRecordError):
        less.informing("cell_count.hepatocyte")


def test_replaced_computes_derived_records_anew(catalog):
    k30 = replace(catalog["k30"], value=2.0e8, high=3.0e8)
    other = catalog.replaced(k30)
    assert other["k33"].value == pytest.approx((2.0e8 * 1.39e8) ** 0.5 * 1800)
    assert other["k33"].high == pytest.approx(5.4e11)
    # One step further: LSEC are counted from hepatocytes.
    ratio = other["k38"].value / catalog["k38"].value
    assert ratio == pytest.approx(other["k33"].value / catalog["k33"].value)
    assert catalog["k30"].value == 1.07e8


def test_replaced_keeps_the_given_figures_of_a_derived_record(catalog):
    fixed = replace(catalog["k33"], value=1.5e11)
    other = catalog.replaced(fixed)
    assert other["k33"].value == 1.5e11
    assert other.replaced(catalog["k30"])["k33"].value == 1.5e11


def test_replaced_stretches_typed_bounds(catalog):
    far = replace(catalog["h01"], value=1.0e8)
    other = catalog.replaced(far)
    assert other["h04"].value == pytest.approx(1.5e12 / 3e11)
    assert other["h04"].high == other["h04"].value


def test_replaced_refuses_what_cannot_be_computed(catalog):
    with pytest.raises(CatalogError, match="has no value"):
        catalog.replaced(replace(catalog["d01"], value=0.0))


def test_inputs_of_a_derived_record_reach_the_measured_ones(catalog):
    assert {r.id for r in catalog.inputs_of("k38")} >= {"k33", "k30", "k31"}
    assert catalog.inputs_of("k30") == ()
    assert {r.id for r in catalog.without(["k33"]).inputs_of("k38")} == set()


def test_a_broken_bundled_file_is_named(tmp_path, monkeypatch):
    def attempt(text: str) -> CatalogError:
        (tmp_path / "z.toml").write_text(text)
        monkeypatch.setattr(load, "NUMBERS", tmp_path)
        load._bundled.cache_clear()
        try:
            with pytest.raises(CatalogError) as caught:
                load_catalog()
        finally:
            monkeypatch.undo()
            load._bundled.cache_clear()
        assert caught.value.where.startswith("z.toml")
        return caught.value

    good = (
        "[[record]]\nid = 'x1'\nquantity = 'a'\nvalue = 1.0\nunit = 'nm'\ndistribution = 'point'\n"
        "basis = 'measured'\nreading = 'recalled'\ncitation = 'chiu2016'\napplies_to = ['a']\n"
    )
    assert "TOML" in attempt("[[record").what
    assert "[[record]]" in attempt("x = 1").what
    assert "already taken" in attempt(good + good).what
    assert "quantity is missing" in attempt(good.replace("quantity = 'a'\n", "")).what
    assert "lies outside" in attempt(good + "low = 2.0\nhigh = 3.0\nbound_kind = 'range'\n").what
