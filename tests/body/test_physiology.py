"""Bodies that close, and tables that do not."""

import math

import numpy as np
import pytest

from exosome.body.physiology import (
    ORGANS,
    SPECIES,
    body,
    bundled_rows,
    constant,
    faults,
    individuals,
    of_sex,
    read_body,
    scaled,
)
from exosome.core.errors import InputError


def table(species: str) -> list[dict[str, str]]:
    return [
        dict(row)
        for row in bundled_rows()
        if row["species"] == species and row["source"].startswith("Shah & Betts")
    ]


def changed(rows: list[dict[str, str]], organ: str, parameter: str, /, **keys: str):
    assert any((r["organ"], r["parameter"]) == (organ, parameter) for r in rows)
    return [r | keys if (r["organ"], r["parameter"]) == (organ, parameter) else r for r in rows]


@pytest.mark.parametrize("species", SPECIES)
def test_spaces_and_flows_close_in_every_species(species):
    held = body(species)
    assert set(held.organs) == set(ORGANS)
    assert held.closure < 1e-6
    others = [one for name, one in held.organs.items() if name != "lung"]
    plasma = math.fsum(one.flow_plasma_ml_per_h for one in others)
    assert abs(plasma / held.cardiac_plasma_ml_per_h - 1.0) < 1e-6
    for row in table(species):
        if row["parameter"] == "volume_total":
            assert abs(held.organs[row["organ"]].total_ml / float(row["value"]) - 1.0) < 1e-6


@pytest.mark.parametrize("species", SPECIES)
def test_plasma_that_enters_the_lung_comes_back(species):
    held = body(species)
    lymph = held.lymph_ml_per_h
    back = math.fsum(
        one.flow_plasma_ml_per_h
        - (held.organs[name].lymph_ml_per_h if name == "liver" else 0.0)
        - (0.0 if name == "liver" else lymph[name])
        for name, one in held.organs.items()
        if name != "lung"
    )
    portal = lymph["liver"] - held.organs["liver"].lymph_ml_per_h
    total = back - portal + math.fsum(lymph.values())
    assert abs(total / (held.cardiac_plasma_ml_per_h + lymph["lung"]) - 1.0) < 1e-12


def test_rat_red_cells_in_a_mouse_table_are_refused_with_the_reason():
    cells = "volume_vascular_blood_cells"
    rat = {r["organ"]: r["value"] for r in table("rat") if r["parameter"] == cells}
    rows = [
        r | {"value": rat[r["organ"]]} if r["parameter"] == cells else r for r in table("mouse")
    ]
    with pytest.raises(InputError) as fault:
        read_body(rows, where="a mouse")
    said = fault.value.what
    assert "spaces of spleen make 3.06 of its volume" in said
    assert "0.773 mL" in said
    assert "another species" in said


def test_a_flow_that_does_not_close_is_refused_with_the_gap():
    rows = changed(table("mouse"), "other", "flow_plasma", value="10.9")
    with pytest.raises(InputError, match=r"1\.64 mL/h missing \(the flow of the lymph nodes\?\)"):
        read_body(rows, where="a mouse")


def test_mixed_lungs_are_refused():
    rows = changed(table("human"), "lung", "volume_total", value="500")
    assert any("lung with its blood mixed" in one for one in faults(rows))
    extra = {**rows[0], "organ": "lung_tissue", "parameter": "volume_total", "value": "500"}
    assert any("named for its blood" in one for one in faults([*table("human"), extra]))


@pytest.mark.parametrize(
    ("organ", "parameter", "keys", "said"),
    [
        ("liver", "volume_interstitial", {"unit": "L"}, "is in 'L', not in mL"),
        ("liver", "flow_plasma", {"value": "-1"}, "negative or no number"),
        ("kidney", "flow_lymph", {"value": "1.0"}, "lymph of kidney is 1 mL/h"),
        ("central", "central_plasma_volume", {"value": "2.5"}, "% of body weight"),
        ("kidney", "volume_cellular", {"organ": "gills"}, "unknown organ 'gills'"),
        ("kidney", "volume_cellular", {"species": "rat"}, "more than one species"),
        ("kidney", "volume_cellular", {"value": "nan"}, "no number"),
    ],
)
def test_each_fault_is_told(organ, parameter, keys, said):
    found = faults(changed(table("mouse"), organ, parameter, **keys))
    assert any(said in one for one in found), found


def test_missing_rows_and_empty_tables_are_told():
    assert faults([]) == ["the table is empty"]
    rows = [r for r in table("rat") if r["organ"] != "heart"]
    assert any("volume_interstitial of heart is missing" in one for one in faults(rows))


def test_every_row_keeps_its_source_and_how_it_was_read():
    for row in bundled_rows():
        assert row["source"], row
        assert row["status"] in ("read", "derived", "recalled"), row


def test_weight_scales_volumes_and_flows():
    held = body("mouse")
    small = scaled(held, 20.0, flow_exponent=0.75)
    assert small.weight_g == pytest.approx(20.0)
    assert small.closure < 1e-12
    ratio = 20.0 / 28.0
    assert small.organs["liver"].total_ml == pytest.approx(ratio * held.organs["liver"].total_ml)
    assert small.cardiac_plasma_ml_per_h == pytest.approx(
        ratio**0.75 * held.cardiac_plasma_ml_per_h
    )
    with pytest.raises(InputError, match="is not the weight of an adult mouse"):
        scaled(held, 280.0, flow_exponent=0.75)


def test_sex_is_known_for_humans_only():
    woman = of_sex(body("human"), "female")
    assert woman.cardiac_plasma_ml_per_h / body("human").cardiac_plasma_ml_per_h == pytest.approx(
        5.9 / 6.5
    )
    assert woman.plasma_ml / body("human").plasma_ml == pytest.approx(3.9 / 5.3)
    assert of_sex(body("human"), "male") == body("human")
    with pytest.raises(InputError, match="no physiology by sex"):
        of_sex(body("mouse"), "female")


def test_individuals_vary_as_asked_keep_their_correlation_and_close():
    held = body("human")
    count = 2000
    some = individuals(held, count, volume_cv=0.2, flow_cv=0.3, shared=0.5, seed=3)
    assert max(one.closure for one in some) < 1e-12
    liver = np.log([one.organs["liver"].interstitial_ml for one in some])
    skin = np.log([one.organs["skin"].interstitial_ml for one in some])
    kidney = np.log([one.organs["kidney"].flow_plasma_ml_per_h for one in some])
    # Medians and spreads of 2,000 log-normals: six standard errors, false alarm about 1e-9 each.
    spread = math.sqrt(math.log1p(0.04))
    reference = math.log(held.organs["liver"].interstitial_ml)
    assert abs(liver.mean() - reference) < 6 * spread / math.sqrt(count)
    assert abs(liver.std() / spread - 1.0) < 6 / math.sqrt(2 * count)
    for other in (skin, kidney):
        # A correlation of 0.5 has the standard error (1 - r^2) / sqrt(n).
        assert abs(np.corrcoef(liver, other)[0, 1] - 0.5) < 6 * 0.75 / math.sqrt(count)
    again = individuals(held, 3, volume_cv=0.2, flow_cv=0.3, shared=0.5, seed=3)
    assert again == some[:3]
    with pytest.raises(InputError):
        individuals(held, 1, volume_cv=-0.1, flow_cv=0.1, shared=0.5, seed=1)


def test_constants_stand_once():
    assert constant("mouse", "liver", "sinusoid_fenestra_diameter") == 141.0
    assert constant("human", "liver", "sinusoid_fenestra_diameter") == 107.0
    with pytest.raises(InputError):
        constant("rhesus", "liver", "sinusoid_fenestra_diameter")
    with pytest.raises(InputError, match="no body of a 'hamster'"):
        body("hamster")
