"""A dish from the file to the page, and permeabilities from curves and published assays."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from exosome.app.dish import (
    calculate_dish,
    check_dish,
    dish_page,
    dish_summary,
    infer_uptake,
    run_dish,
)
from exosome.app.scenarios import engine_of, write_new_scenario
from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError, MissingRecordError, UnitMismatchError
from exosome.study.dish import DishPlan, plan_dish, read_dish, setting_at_medians
from exosome.study.dish_result import DishResult, run_dish_plan
from exosome.study.dish_uptake import Well, infer, published_assays
from exosome.tissue.dish import taken_up
from exosome.tissue.uptake_curve import Curve

if TYPE_CHECKING:
    from pathlib import Path


def planned_with(**changes: str) -> DishPlan:
    return plan_dish(read_dish("dish", changes), load_catalog(), seed=1)


def few(**changes: str) -> DishResult:
    return run_dish_plan(planned_with(**changes), draws=100)


@pytest.fixture(scope="module")
def bundled() -> DishResult:
    return run_dish_plan(planned_with())


def test_a_quarter_touches_a_cell_in_a_day(bundled: DishResult) -> None:
    """24 to 28 % of a 3 mm column of 100 nm vesicles; smaller ones and settling add some."""
    found = bundled.interval("touched")
    assert found.low < 24.0 < found.high
    assert 22.0 < found.middle < 29.0
    assert bundled.interval("height").middle == pytest.approx(3.1, abs=0.1)
    # A cell that takes up vesicles one by one gets none with probability exp(-mean).
    most, least = bundled.interval("none").high, bundled.interval("none").low
    assert most == pytest.approx(100.0 * np.exp(-bundled.interval("taken_each").low), rel=0.02)
    assert least < 1e-6


def test_everything_given_is_somewhere(bundled: DishResult) -> None:
    setting = bundled.medians
    found = setting.reached(np.array([60.0, 86_400.0]))
    np.testing.assert_allclose(found.taken + found.lost + found.inside, 1.0, atol=1e-8)
    curves = bundled.curves
    assert (curves.low <= curves.middle).all()
    assert (curves.middle <= curves.high).all()
    assert (np.diff(curves.middle) >= 0.0).all()
    assert (curves.touched <= curves.root * 1.2).all()


def test_profile_agrees_with_the_series(bundled: DishResult) -> None:
    assert bundled.profile is not None
    time = np.array([3_600.0 * h for h in bundled.profile.hours])
    exact = bundled.medians.taken(time)[0]
    np.testing.assert_allclose(bundled.profile.taken, exact, rtol=2e-3)


def test_every_knock_out_is_as_expected(bundled: DishResult) -> None:
    assert [one for one in bundled.knock_outs if not one.agrees] == []
    moved = {one.change for one in bundled.knock_outs if one.outcome != "unchanged"}
    assert moved == {one.change for one in bundled.knock_outs}  # nothing removed moves nothing
    assert {"no sedimentation", "no uptake", "no loss in the medium"} <= moved
    assert any(change.startswith("no diffusion") for change in moved)


def test_small_and_large_vesicles_arrive_and_those_between_do_not(bundled: DishResult) -> None:
    touched = [one.touched[1] for one in bundled.sizes]
    least = touched.index(min(touched))
    assert 0 < least < len(touched) - 1
    assert 100.0 < bundled.sizes[least].diameter_nm < 400.0


def test_unknown_uptake_or_counting_matters_most(bundled: DishResult) -> None:
    first = {one.role: one.first for one in bundled.matters}
    both = first["uptake_permeability.hela"] + first["vesicles_per_particle"]
    assert both > 0.7
    assert sum(first.values()) == pytest.approx(1.0, abs=0.25)


def test_more_permeable_cells_turn_the_limit() -> None:
    poor = few(permeability="1e-4 um/s")
    rich = few(permeability="10 um/s")
    assert poor.limits["cell-limited"] == 1.0
    assert rich.limits["well-limited"] == 1.0
    assert rich.interval("taken").middle < rich.interval("touched").middle * 1.001


def test_a_deeper_well_gives_each_cell_no_more() -> None:
    """Doubling volume and dose keeps the concentration; a day's diffusion reaches no further."""
    cells = {"permeability": "10 um/s"}
    one = few(volume="100 uL", dose="3e6 vesicle", **cells)
    two = few(volume="200 uL", dose="6e6 vesicle", **cells)
    assert two.interval("taken_each").middle == pytest.approx(
        one.interval("taken_each").middle, rel=0.05
    )
    assert two.interval("taken").middle == pytest.approx(
        0.5 * one.interval("taken").middle, rel=0.05
    )


def test_a_rocked_well_is_the_ceiling_of_the_cells() -> None:
    still, rocked = (few(mixing=how) for how in ("static", "rocked"))
    assert rocked.interval("taken").middle == pytest.approx(still.interval("mixed").middle)
    assert rocked.profile is None
    assert all(one.agrees for one in rocked.knock_outs)
    assert "mixed" in dish_page(rocked, dish_summary(rocked, ()))


def test_measured_sizes_replace_the_law(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    write_new_scenario("dish", path)
    text = path.read_text("utf-8")
    path.write_text(f"{text}\n[sizes]\ndiameters_nm = [100]\nshares = [1]\n", "utf-8")
    planned = plan_dish(read_dish(str(path)), load_catalog(), seed=1)
    assert "vesicle_diameter" not in planned.pools
    assert setting_at_medians(planned).diameter_nm.tolist() == [[100.0]]


def test_cold_medium_is_slower() -> None:
    table = read_dish("dish").model_dump(mode="json")
    table["dish"]["temperature_c"] = 4.0
    cold = plan_dish(type(read_dish("dish")).model_validate(table), load_catalog(), seed=1)
    assert "water_viscosity_law.b" in cold.pools
    there, here = setting_at_medians(cold), setting_at_medians(planned_with())
    ratio = float(there.diffusivity_um2_per_s[0, 3] / here.diffusivity_um2_per_s[0, 3])
    assert ratio == pytest.approx(0.6925 / 1.5676 * 277.15 / 310.15, rel=0.015)


def test_own_numbers_and_sources_are_used(tmp_path: Path) -> None:
    own = tmp_path / "my.toml"
    own.write_text(
        '[[record]]\nrole = "uptake_permeability.mine"\nvalue = 0.02\nunit = "um/s"\n'
        '[[record]]\nrole = "cell_footprint.mine"\nvalue = 500.0\nunit = "um2/cell"\n',
        "utf-8",
    )
    catalog = load_catalog((own,))
    planned = plan_dish(read_dish("dish", {"cell": "mine"}), catalog, seed=1)
    assert float(setting_at_medians(planned).permeability_um_per_s[0]) == pytest.approx(0.02)
    with pytest.raises(MissingRecordError, match="mine"):
        planned_with(cell="mine")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"dose": "1e11"}, UnitMismatchError),
        ({"dose": "1e11 cell"}, InputError),
        ({"dose": "1e9 vesicle/kg"}, InputError),
        ({"dose": "1 mL"}, InputError),
        ({"cells": "1e4"}, UnitMismatchError),
        ({"time": "-1 h"}, InputError),
        ({"volume": "0 uL"}, InputError),
        ({"volume": "3 mm"}, UnitMismatchError),
        ({"well": "95"}, InputError),
        ({"well": ""}, InputError),
        ({"area": "5 cm2"}, InputError),
        ({"mixing": "shaken"}, InputError),
        ({"medium": "honey"}, MissingRecordError),
        ({"permeability": "0.01 um"}, UnitMismatchError),
        ({"volum": "1 mL"}, InputError),
    ],
)
def test_what_is_no_dish_is_refused(changes: dict[str, str], fault: type[Exception]) -> None:
    with pytest.raises(fault) as found:
        planned_with(**changes)
    assert "Remedy" in str(found.value)


def test_sources_must_be_used() -> None:
    scenario = read_dish("dish").model_copy(update={"sources": {"cell_count.hepatocyte": ("k30",)}})
    with pytest.raises(InputError, match="does not use"):
        plan_dish(scenario, load_catalog(), seed=1)


def test_same_bytes_for_any_workers_and_all_on_the_page(tmp_path: Path, capsys) -> None:
    for workers in (1, 2):
        run_dish(
            "dish",
            out=tmp_path / str(workers),
            numbers=[],
            seed=1,
            workers=workers,
            quiet=True,
        )
    names = sorted(p.name for p in (tmp_path / "1").iterdir())
    assert names == [
        "assays.csv",
        "dish.html",
        "dish.json",
        "knock-outs.csv",
        "over-time.csv",
        "run-log.json",
        "sizes.csv",
    ]
    for name in names:
        if name != "run-log.json":
            one, two = ((tmp_path / w / name).read_bytes() for w in ("1", "2"))
            assert one == two, name
    summary = json.loads((tmp_path / "1" / "dish.json").read_text("utf-8"))
    page = (tmp_path / "1" / "dish.html").read_text("utf-8")
    for record in summary["numbers"]:
        assert f'id="n-{record["id"]}"' in page
    assert page.count("<svg") == 4
    assert "http://" not in page
    assert "https://" not in page
    capsys.readouterr()


def test_command_line_of_the_calculator(tmp_path: Path, capsys) -> None:
    dish = {"area": "55 cm2", "volume": "10 mL", "cells": "6e6 cell"}
    calculate_dish(dish, out=None, numbers=[], seed=1)
    said = capsys.readouterr().out
    assert "55 cm2" in said
    assert "Page:" not in said
    check_dish("dish", numbers=[])
    assert "td08" in capsys.readouterr().out
    engine = engine_of("dish")
    assert engine is not None
    assert engine.mark == "dish"


def test_another_well_brings_its_own_volume_and_needs_its_cells(capsys) -> None:
    with pytest.raises(InputError, match="how many cells"):
        calculate_dish({"well": "6"}, out=None, numbers=[], seed=1)
    with pytest.raises(InputError, match="volume"):
        calculate_dish({"area": "55 cm2", "cells": "1e6 cell"}, out=None, numbers=[], seed=1)
    both = {"area": "55 cm2", "well": "6", "cells": "1e6 cell"}
    with pytest.raises(InputError, match="either"):
        calculate_dish(both, out=None, numbers=[], seed=1)
    planned = planned_with(well="24", volume="", cells="2e5 cell")
    assert {"well_volume.24_well", "well_area.24_well"} <= set(planned.pools)
    tall = float(setting_at_medians(planned).height_um[0])
    assert 2_500.0 < tall < 5_300.0
    capsys.readouterr()


# --- permeability --------------------------------------------------------------------------------


def test_inferred_permeability_is_that_of_the_curve() -> None:
    """A curve made with the model's own medians at one size comes back within its interval."""
    hours = (0.5, 1.0, 2.0, 4.0, 8.0)
    wiggle = (1.03, 0.98, 1.01, 0.97, 1.02)
    for truth, late in ((0.002, "cell-limited"), (30.0, "well-limited")):
        exact = taken_up(3_000.0, np.array(hours) * 3_600.0, truth, 5.7)
        curve = Curve(hours, tuple(exact * wiggle))
        found = infer(curve, Well(3_000.0), load_catalog(), seed=1)
        assert found.limit_late == late
        if late == "cell-limited":
            assert found.medium_low < truth < found.medium_high * 1.1
            assert found.fit.low > 0.5 * truth
            assert "tells their permeability" in found.reason
        else:
            assert np.isinf(found.medium_high)
            assert "no upper bound" in found.reason


def test_weights_count_in_every_fit() -> None:
    """A far, uncertain point moves neither the fit nor its repeats over the medium."""
    hours = (0.5, 1.0, 2.0, 24.0)
    exact = taken_up(3_000.0, np.array(hours) * 3_600.0, 0.005, 5.7)
    off = (*exact[:3], 0.5 * exact[3])
    curve = Curve(hours, off, (*(0.02 * exact[:3]), 0.5))
    found = infer(curve, Well(3_000.0), load_catalog(), seed=1)
    best = found.fit.permeability_um_per_s
    assert best == pytest.approx(0.005, rel=0.03)
    assert found.medium_low == pytest.approx(best, rel=0.05)
    assert found.medium_high == pytest.approx(best, rel=0.05)


def test_sparse_cells_are_more_permeable_than_confluent_ones() -> None:
    curve = Curve((1.0, 2.0, 4.0), (0.002, 0.0041, 0.0079))
    full, sparse = (
        infer(curve, well, load_catalog(), seed=1).fit.permeability_um_per_s
        for well in (Well(3_000.0), Well(3_000.0, 0.25, 800.0))
    )
    assert sparse == pytest.approx(4.0 * full, rel=0.05)


def test_published_assays_say_which_limit_governs() -> None:
    catalog = load_catalog()
    assays = published_assays(catalog, seed=1)
    by_record = {one.records[0]: one for one in assays}
    assert {"f01", "f03", "f04", "f21", "k01"} <= set(by_record)
    hela = by_record["f04"]
    assert hela.limit == "cell-limited"
    assert 0.5 < hela.sure < 1.0  # 3 % in an hour would be half of what can arrive
    assert hela.low is not None
    assert hela.low < 0.01 < (hela.high or np.inf)
    # The catalog's closed approximation of the same inversion, at one height.
    value = catalog["td31"].value
    assert value is not None
    exact = taken_up(2_631.6, 3_600.0, value, catalog["e02"].value)
    assert float(exact) == pytest.approx(0.01, rel=0.02)
    assert by_record["f01"].is_lower_bound
    assert all(one.reason for one in assays)
    assert by_record["f21"].middle is None


def test_infer_from_the_command_line(tmp_path: Path, capsys) -> None:
    path = tmp_path / "curve.csv"
    path.write_text("time (h),taken (%)\n1,0.4\n2,0.8\n4,1.5\n8,3.1\n", "utf-8")
    told = dict.fromkeys(("well", "volume", "cells", "dose"), "")
    told |= {"cell": "hela", "medium": "serum"}
    infer_uptake(path, height="3 mm", **told, out=tmp_path / "o", numbers=[], seed=1)
    said = capsys.readouterr().out
    assert "Cell-limited" in said
    assert "confluent" in said
    held = json.loads((tmp_path / "o" / "uptake.json").read_text("utf-8"))
    assert held["low"] < held["permeability_um_per_s"] < held["high"]
    assert "<svg" in (tmp_path / "o" / "uptake.html").read_text("utf-8")
    with pytest.raises(InputError, match="height"):
        infer_uptake(path, height="", **told, out=None, numbers=[], seed=1)
    with pytest.raises(InputError, match="without a well"):
        infer_uptake(path, height="", **{**told, "volume": "1 mL"}, out=None, numbers=[], seed=1)
    path.write_text("time (h),taken (vesicle/cell)\n1,1\n4,4.2\n", "utf-8")
    counted = {
        **told, "well": "96", "volume": "100 uL", "cells": "1e4 cell", "dose": "3e6 vesicle",
    }  # fmt: skip
    infer_uptake(path, height="", **counted, out=None, numbers=[], seed=1)
    assert "µm/s" in capsys.readouterr().out


def test_points_above_the_ceiling_are_named() -> None:
    curve = Curve((1.0, 2.0), (0.3, 0.5))
    found = infer(curve, Well(3_000.0), load_catalog(), seed=1)
    assert found.above_ceiling == 2
    assert np.isinf(found.fit.permeability_um_per_s)


def test_no_loss_without_loss(bundled: DishResult) -> None:
    still = replace(bundled.medians, loss_per_s=np.zeros(1))
    assert float(still.reached(86_400.0).lost[0, 0]) < 1e-12
