"""Out of a vessel: rate of leaving, depth behind the wall, knock-outs, resuming, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from exosome.app.vessel_exit import run_vessel_exit, vessel_page, vessel_summary
from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError, MissingRecordError
from exosome.core.progress import Silent
from exosome.study import snapshots
from exosome.study.vessel_exit import run_vessel
from exosome.study.vessel_plan import plan_vessel
from exosome.study.vessel_scenario import read_vessel

SMALL = """
schema_version = 1
[vessel]
kind = "{kind}"
radius = "{radius}"
edge = "{edge}"
length = "50 um"
cell_fraction = {fraction}
source = "{source}"
concentration = "{concentration}"
{more}
[run]
duration = "{duration}"
windows = {windows}
[sources]
"vessel_permeability.tumour" = ["my1"]
"vessel_speed.tumour" = ["my2"]
{end}
"""
RECORD = """
[[record]]
id = "{id}"
quantity = "a number of the test"
role = "{role}"
value = {value}
unit = "um/s"
bound_kind = "none"
distribution = "point"
basis = "assumed"
reading = "recalled"
citation = "assumed: so that many leave"
locator = ""
applies_to = ["a test"]
"""
PERMEABILITY = 0.005  # um/s: P R / 4 D is 0.005, so the lumen is mixed


def _planned(folder, seed=1, **changes):
    told = {
        "kind": "tumour", "radius": "5 um", "edge": "120 um", "fraction": 0.15, "more": "",
        "source": "steady", "concentration": "2e11 vesicle/mL", "duration": "20 min",
        "windows": 4, "end": "",
    }  # fmt: skip
    path = folder / "small.toml"
    path.write_text(SMALL.format(**{**told, **changes}))
    numbers = folder / "numbers.toml"
    numbers.write_text(
        RECORD.format(id="my1", role="vessel_permeability.tumour", value=PERMEABILITY)
        + RECORD.format(id="my2", role="vessel_speed.tumour", value=20.0)
        + RECORD.format(id="my3", role="surface_permeability.mine", value=0.02)
    )
    return plan_vessel(read_vessel(str(path)), load_catalog((numbers,)), seed=seed)


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    return run_vessel(_planned(tmp_path_factory.mktemp("vessel")))


@pytest.mark.parametrize("source", ["steady", "bolus"])
def test_as_many_leave_as_the_rate_2p_over_r_says(tmp_path, steady, source):
    result = steady if source == "steady" else run_vessel(_planned(tmp_path, source=source))
    left = result.left
    assert left.counted > 100
    # Six standard errors of a count, and one percent of an imperfectly mixed lumen and of steps.
    assert abs(left.counted - left.expected) < 6.0 * np.sqrt(left.expected) + 0.01 * left.expected
    # What is not gone stays: the balance closes in vesicles and in copies.
    assert sum(row.mean for row in result.vesicles.rows()) == len(result.sent)
    assert sum(row.mean for row in result.copies.rows()) == result.sent.copies.sum()
    assert sum(one.vesicles for one in result.links) == result.uptake.sum()


def test_a_steady_source_holds_the_blood_at_its_concentration(steady):
    there = {row.place: row.mean for row in steady.vesicles.rows()}["still in the blood"]
    # A Poisson count about what the blood holds on average.
    assert abs(there - steady.plan.vesicles_in_lumen) < 6.0 * np.sqrt(there)


def test_depths_follow_the_closed_form(tmp_path):
    planned = _planned(
        tmp_path, fraction=0.05, concentration="1.5e11 vesicle/mL", edge="140 um", duration="80 min"
    )
    result = run_vessel(planned)
    n = result.depth_um.size
    assert n > 1000
    for depth in (3.0, 10.0, 25.0, 50.0):
        found = (result.depth_um > depth).mean()
        # Six standard errors of a share, and 2 % for cells that are no medium near the wall.
        assert abs(found - result.beyond(np.array([depth]))[0]) < 6.0 * 0.5 / np.sqrt(n) + 0.02


def test_no_cell_takes_up_through_a_shut_wall(tmp_path):
    text = RECORD.format(id="my9", role="vessel_permeability.shut", value=0.0)
    text += RECORD.format(id="my8", role="vessel_speed.shut", value=20.0)
    (tmp_path / "shut.toml").write_text(text)
    _planned(tmp_path)
    path = tmp_path / "small.toml"
    told = path.read_text().replace('kind = "tumour"', 'kind = "shut"')
    path.write_text(told[: told.index("[sources]")])
    catalog = load_catalog((tmp_path / "shut.toml",))
    result = run_vessel(plan_vessel(read_vessel(str(path)), catalog, seed=1))
    assert result.left.counted == 0
    assert result.uptake.sum() == 0


def test_every_knock_out_moves_its_observable(steady):
    assert len(steady.knock_outs) == 8
    assert all(one.agrees for one in steady.knock_outs), steady.knock_outs


def test_a_wall_that_takes_up_keeps_vesicles(tmp_path):
    planned = _planned(tmp_path, end='[uptake]\nwall = "surface_permeability.mine"')
    result = run_vessel(planned)
    kept = {row.place: row.mean for row in result.vesicles.rows()}["taken up by the vessel wall"]
    # Inside, u against P: four are kept for each that leaves; some more from outside.
    assert kept > 3.0 * result.left.counted


class _Cut(Silent):
    """Stops a run after a few windows, as a person does."""

    def __init__(self, after):
        self.left = after

    def advance(self, steps=1):
        self.left -= steps
        if self.left < 0:
            raise KeyboardInterrupt


def test_a_run_that_was_cut_goes_on_to_the_same_bytes(tmp_path, steady):
    planned = _planned(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_vessel(planned, directory=tmp_path, reporter=_Cut(2))
    assert (tmp_path / snapshots.FILE).exists()
    again = run_vessel(planned, directory=tmp_path, workers=1)
    assert again.state.fate.tobytes() == steady.state.fate.tobytes()
    assert again.state.end_um.tobytes() == steady.state.end_um.tobytes()


def test_a_disk_that_fills_leaves_the_snapshot_before(tmp_path, monkeypatch, steady):
    import exosome.core.files as core

    planned, calls, real = _planned(tmp_path), [], core.os.fsync

    def full(file):
        calls.append(file)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        real(file)

    monkeypatch.setattr("exosome.core.files.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        run_vessel(planned, directory=tmp_path)
    monkeypatch.undo()
    kept = snapshots.found(tmp_path, planned.fingerprint)
    assert kept is not None
    assert int(kept["counts"][0]) == 2  # windows that were done
    again = run_vessel(planned, directory=tmp_path)
    assert again.state.fate.tobytes() == steady.state.fate.tobytes()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"radius": "60 um"}, "do not fit"),
        ({"fraction": 0.0}, "cannot be packed"),
        ({"fraction": 0.6}, "cannot be packed"),
        ({"edge": "20 um"}, "do not fit"),
        ({"concentration": "0 vesicle/mL"}, "vesicles in a mL"),
        ({"concentration": "1e10"}, "has no unit"),
        ({"concentration": "1e15 vesicle/mL"}, "would be sent"),
        ({"duration": "0 h"}, "a duration of 0 h"),
        ({"more": "types = { a = 0.5 }"}, "add up to 0.5"),
        ({"end": '[uptake]\nmacrophage = "surface_permeability.mine"'}, "no cell is of the type"),
        ({"end": '[uptake]\nreceiver = "vesicle_diameter"'}, "is no permeability"),
        ({"more": "colour = 1"}, "unknown key 'colour'"),
    ],
)
def test_bad_scenarios_give_one_clear_error(tmp_path, changes, says):
    with pytest.raises(InputError, match=says):
        run_vessel(_planned(tmp_path, **changes))


def test_a_vessel_without_numbers_is_refused(tmp_path):
    planned = _planned(tmp_path)
    path = tmp_path / "small.toml"
    told = path.read_text().replace('"tumour"', '"garden"')
    path.write_text(told[: told.index("[sources]")])
    assert planned.layout.kinds
    with pytest.raises(MissingRecordError, match="garden"):
        plan_vessel(read_vessel(str(path)), load_catalog(), seed=1)


def test_the_page_holds_what_was_found(tmp_path, steady):
    summary = vessel_summary(steady, "exosome run small.toml")
    json.dumps(summary, allow_nan=False)
    page = vessel_page(steady, summary)
    assert page.count("<svg") == 4
    assert f"{steady.left.counted:,}" in page
    assert "nan" not in page.lower().replace("nanoparticle", "")
    (tmp_path / "file").write_text("earlier")
    with pytest.raises(InputError, match="is a file"):
        run_vessel_exit(
            "vessel-exit", out=tmp_path / "file", numbers=[], seed=1, workers=1, quiet=True
        )


def test_bundled_vessels_can_run():
    planned = plan_vessel(read_vessel("vessel-exit"), load_catalog(), seed=1)
    assert len(planned.layout) > 100
    assert 1e-6 < planned.permeability_um_per_s < 1e-2
