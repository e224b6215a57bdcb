"""A dose in a body, from a scenario to a result."""

import json

import numpy as np
import pytest

from exosome.app.bodies import body_page, body_summary
from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError, UnitMismatchError
from exosome.study.body import plan, read_scenario, run, scenario_of
from exosome.study.body_table import changes_table

CATALOG = load_catalog()


def asked(**tables):
    table = {"schema_version": 1, "body": {"species": "mouse"}, "dose": {"amount": "1e10 vesicle"},
             "run": {"draws": 12, "classes": 1}}  # fmt: skip
    for name, given in tables.items():
        table[name] = {**table.get(name, {}), **given}
    return scenario_of(table, where="test")


def result(**tables):
    return run(plan(asked(**tables), CATALOG, seed=5), workers=2)


@pytest.fixture(scope="module")
def usual():
    return result()


def test_the_bundled_scenario_is_the_default_of_the_command():
    bundled = read_scenario("body")
    assert bundled == scenario_of(
        {"schema_version": 1, "body": {"species": "mouse"}, "dose": {"amount": "1e10 vesicle"}},
        where="test",
    )


def test_one_and_two_threads_give_the_same_bytes():
    planned = plan(asked(), CATALOG, seed=5)
    one, two = run(planned, workers=1), run(planned, workers=2)
    assert json.dumps(body_summary(one)) == json.dumps(body_summary(two))
    for name in one.label:
        assert one.label[name].high.tobytes() == two.label[name].high.tobytes()


def test_the_balance_closes_for_every_draw_at_every_time(usual):
    assert usual.worst_gap <= 1e-12


def test_bands_hold_the_middle_and_percent_starts_at_a_hundred(usual):
    blood = usual.vesicles["blood"]
    assert blood.middle[0] == pytest.approx(100.0)
    for one in usual.vesicles.values():
        assert np.all(one.low <= one.high + 1e-12)
    total = sum(one.middle for one in usual.vesicles.values())
    assert np.all(total <= 100.0 + 1e-9)


def test_the_half_life_in_blood_is_that_of_its_record(usual):
    # Calibrated to a half-life of 7 min in the mouse, with some held by other organs.
    assert 3.0 < usual.half_life_min[1] < 15.0
    assert usual.half_life_min[0] < usual.half_life_min[1] < usual.half_life_min[2]


def test_every_run_states_dose_sizes_label_and_residual_blood(usual):
    summary = body_summary(usual)
    assert summary["dose"] == 1e10
    assert summary["diameter_nm"] > 0.0
    assert summary["diameter_gsd"] > 1.0
    assert summary["label"] == "125I on protein"
    assert summary["residual_blood"] == 1.0
    assert len(summary["identifiability"]) == 5
    summary["changes"] = []
    page = body_page(usual, summary)
    for said in ("particles", "125I on protein", "blood is left", "median", "informed"):
        assert said.lower() in page.lower(), said
    assert "http" not in page.split("</style>")[1].replace("http://www.w3.org", "")


def test_published_points_are_those_of_the_same_experiment(usual):
    assert [(p.organ, p.value) for p in usual.points] == [
        ("liver", 28.0), ("spleen", 1.6), ("lung", 7.0)
    ]  # fmt: skip
    assert 4.0 in usual.hours
    other = result(label={"key": "dye"})
    assert other.points == ()


def test_injected_cells_are_an_arm_of_their_own():
    found = result(dose={"amount": "1e6 cell"})
    lung = found.cells["lung"]
    assert lung.middle[0] > 60.0
    assert found.secreted is not None
    assert found.secreted.middle[-1] > 0.0
    assert found.worst_gap <= 1e-12


def test_individuals_spread_less_than_what_is_not_known(usual):
    found = result(run={"draws": 12, "classes": 1, "bands": "individuals"})
    assert found.worst_gap <= 1e-12
    k = list(found.hours).index(4.0)

    def width(one):
        liver = one.vesicles["liver"]
        return liver.high[k] - liver.low[k]

    assert 0.0 < width(found) < width(usual)
    assert found.vesicles["liver"].middle[k] == pytest.approx(usual.vesicles["liver"].middle[k])
    assert "bi01" in {one.id for one in found.plan.records}


def test_humans_are_given_by_the_kilogram():
    found = plan(
        asked(body={"species": "human"}, dose={"amount": "1e9 vesicle/kg"}), CATALOG, seed=1
    )
    assert found.dose == pytest.approx(71e9)


def test_the_table_of_changes_goes_where_it_must():
    rows = changes_table(CATALOG)
    assert [one for one in rows if not one.agrees] == []
    ladder = [one for one in rows if one.observable == "vesicles in blood at 1 h, %"
              and one.change.startswith("dose")]  # fmt: skip
    assert len(ladder) == 3
    assert ladder[-1].after > 20.0 > 5.0 > ladder[0].before


@pytest.mark.parametrize(("tables", "said"), [
    ({"body": {"species": "hamster"}}, "no body of a 'hamster'"),
    ({"dose": {"amount": "1e10"}}, "1e10"),
    ({"dose": {"amount": "100 ug_protein"}}, "is not a number of vesicles"),
    ({"dose": {"route": "mouth"}}, "'mouth' is no route"),
    ({"dose": {"kind": "crystal"}}, "'crystal' is no kind"),
    ({"dose": {"kind": "lnp", "amount": "1e10 particle"}}, "the size of a lipid nanoparticle"),
    ({"dose": {"repeats": ["48 h"]}}, "after the run has ended"),
    ({"dose": {"infusion": "-1 h"}}, "not later"),
    ({"label": {"key": "paint"}}, "'paint' is no label"),
    ({"label": {"residual_blood": 2.0}}, "residual blood"),
    ({"run": {"duration": "1 s"}}, "a duration"),
    ({"body": {"weight": "5 kg"}}, "not the weight"),
    ({"body": {"sex": "female"}}, "no physiology by sex"),
    ({"change": {"gills": 0.0}}, "nothing called 'gills'"),
    ({"sources": {"release_rate.msc": ["b16v"]}}, "does not use"),
])  # fmt: skip
def test_bad_input_gives_one_clear_error(tables, said):
    with pytest.raises((InputError, UnitMismatchError)) as fault:
        plan(asked(**tables), CATALOG, seed=1)
    assert said in str(fault.value)
    assert fault.value.remedy


def test_unknown_keys_and_wrong_files_are_refused(tmp_path):
    bad = tmp_path / "mine.toml"
    bad.write_text('schema_version = 1\n[body]\nspecies = "mouse"\n[dose]\namont = "1e9 vesicle"\n')
    with pytest.raises(InputError, match="amont"):
        read_scenario(str(bad))
    with pytest.raises(InputError):
        read_scenario(str(tmp_path / "missing.toml"))


def test_a_second_dose_with_peg_is_told_from_the_first():
    dose = {"amount": "1.5e10 particle", "kind": "peg_liposome", "diameter": "100 nm",
            "repeats": ["7 d"]}  # fmt: skip
    found = result(dose=dose, run={"duration": "8 d", "draws": 12, "classes": 1})
    first, second = found.doses
    assert (first.hour, second.hour) == (0.0, 168.0)
    assert first.over_first == (1.0, 1.0, 1.0)
    ratio = second.half_life_min[1] / first.half_life_min[1]
    assert second.over_first[1] == pytest.approx(ratio)
    assert second.over_first[0] < ratio < second.over_first[2] <= 1.01
    assert ratio < 0.5
    assert found.half_life_min == first.half_life_min
    assert found.worst_gap <= 1e-12
    assert found.points == ()  # published values are of one dose
    summary = body_summary(found)
    assert summary["antibody"]["at 7 d and 2 min"] > 5.0
    assert summary["antibody"]["at 2 min"] < 1e-9
    assert summary["opsonised"]["at 7 d and 2 min"] > 5.0
    summary["changes"] = []
    assert "doses raise antibodies" in body_page(found, summary)


def test_antibodies_are_raised_by_peg_and_repeats_or_if_asked():
    def raised(**dose):
        return plan(asked(dose=dose, run={"duration": "60 h"}), CATALOG, seed=1).design.antibodies

    peg = {"amount": "1e10 particle", "kind": "peg_vesicle", "diameter": "100 nm"}
    assert raised(**peg, repeats=["48 h"])
    assert not raised(**peg)
    assert not raised(**peg, repeats=["48 h"], antibodies=False)
    assert not raised(repeats=["48 h"])
    assert raised(repeats=["48 h"], antibodies=True)


def test_aggregates_and_a_tumour_are_organs_of_a_run(usual):
    found = result(
        body={"species": "mouse", "tumour": "300 mg"},
        dose={"aggregated": 0.5, "aggregate_diameter": "30 um"},
    )
    assert found.worst_gap <= 1e-12
    assert found.vesicles["tumour"].middle[-1] > 0.0
    assert "tumour" not in usual.vesicles
    k = int(np.argmin(np.abs(found.hours - 0.25)))
    assert found.vesicles["lung"].middle[k] > 40.0
    assert {"bg05", "bt05"} <= {one.id for one in found.plan.records}
    summary = body_summary(found)
    assert summary["aggregated"] == 0.5
    assert summary["aggregate_nm"] == pytest.approx(30_000.0)
    summary["changes"] = []
    page = body_page(found, summary)
    assert "in aggregates" in page
    assert "a tumour of" in page


def test_the_surface_of_a_dose_is_a_choice(usual):
    bare = result(dose={"surface": "bare"})
    assert usual.opsonised is None
    assert bare.opsonised is not None
    share = bare.opsonised.middle
    assert share[0] == 0.0
    assert share[int(np.argmin(np.abs(bare.hours - 1.0)))] > 30.0
    assert "bo_vesicle_on" in {one.id for one in bare.plan.records}


@pytest.mark.parametrize(("tables", "said"), [
    ({"dose": {"aggregated": 0.2}}, "size of the aggregates"),
    ({"dose": {"aggregated": 2.0, "aggregate_diameter": "5 um"}}, "a share of aggregated"),
    ({"dose": {"aggregate_diameter": "5 um"}}, "a share of aggregated"),
    ({"dose": {"aggregated": 0.2, "aggregate_diameter": "5 mm"}}, "aggregates of"),
    ({"dose": {"aggregated": 0.2, "aggregate_diameter": "5 um", "route": "sc"}}, "from a vein"),
    ({"body": {"tumour": "20 g"}}, "a tumour of"),
    ({"dose": {"route": "intratumoral"}}, "no tumour to put a dose into"),
    ({"change": {"opsonins": 0.0}}, "nothing called 'opsonins'"),
])  # fmt: skip
def test_bad_surfaces_aggregates_and_tumours_give_one_clear_error(tables, said):
    with pytest.raises((InputError, UnitMismatchError)) as fault:
        plan(asked(**tables), CATALOG, seed=1)
    assert said in str(fault.value)
    assert fault.value.remedy
