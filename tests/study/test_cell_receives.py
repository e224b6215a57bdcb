"""A scenario of a cell that receives, from the file to the page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from exosome.app.cell_receives import (
    cell_receives_page,
    cell_receives_summary,
    check_cell_receives,
    run_cell_receives,
)
from exosome.app.scenarios import engine_of, write_new_scenario
from exosome.catalog.load import load_catalog
from exosome.cell.loading import Cargo, Independent, Packets
from exosome.cell.receiving import receive
from exosome.cell.recipient import Recipient, opened_by
from exosome.core.errors import InputError, MissingRecordError
from exosome.numerics.compound import Fixed, Poisson, survival
from exosome.study.cell_receives import CellReceives, Result, plan, read_scenario, run

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """
schema_version = 1
[recipient]
type = "{cell}"
{role}
[given]
vesicles_per_cell = {given}
[run]
cells = 60
duration = "12 h"
[opening]
module = "{module}"
{weight}
[conditions]
handles = [{handles}]
{more}
[[cargo]]
name = "natural_mirna"
kind = "mirna"
packing = "independent"
{cargo}
"""


def written(folder: Path, **changed: str) -> str:
    told = {
        "cell": "hela",
        "role": "",
        "given": "400",
        "module": "opens_30_percent",
        "weight": "",
        "handles": "",
        "more": "",
        "cargo": "",
        **changed,
    }
    path = folder / "mine.toml"
    path.write_text(SMALL.format(**told), "utf-8")
    return str(path)


def result_of(name: str, workers: int = 2) -> Result:
    return run(plan(read_scenario(name), load_catalog(), seed=1), workers=workers)


@pytest.fixture(scope="module")
def bundled() -> Result:
    scenario = read_scenario("cell-receives")
    few = scenario.model_copy(update={"run": scenario.run.model_copy(update={"cells": 200})})
    return run(plan(few, load_catalog(), seed=1))


def test_every_vesicle_is_on_the_page(bundled: Result) -> None:
    for one in cell_receives_summary(bundled)["modules"]:
        assert one["gap"] == 0
        assert one["given"] == 200 * 5_000
        inside = sum(one[key] for key in ("degraded", "early", "late", "opened", "given_back"))
        assert inside == one["internalised"] > 0


def test_cells_agree_with_the_closed_form(bundled: Result) -> None:
    assert len(bundled.checks) >= 12
    for one in bundled.checks:
        # A count of a few rare packets is not normal: its mean is below ten events there.
        if one.simulated * 200 > 1_000:
            assert abs(one.z) < 6.0, one  # a false alarm in 5e8


def test_both_modules_are_reported_and_lie_apart(bundled: Result) -> None:
    opens, low = (bundled.opening_shares[name] for name in ("opens_30_percent", "low_fusion"))
    assert opens.middle > 0.2
    assert low.high <= 0.01
    many, few = (bundled.cells[name].opened[:, -1].mean() for name in bundled.cells)
    assert many > 20.0 * few
    opened = next(one for one in bundled.courses if one.name == "opened")
    # A mixture spans both positions.
    assert opened.high[-1] > 20.0 * opened.low[-1]


def test_every_knock_out_is_as_expected(bundled: Result) -> None:
    assert len({one.change for one in bundled.knock_outs}) >= 15
    assert all(one.applies for one in bundled.knock_outs)
    assert [one for one in bundled.knock_outs if not one.agrees] == []
    moved = {one.change for one in bundled.knock_outs if one.outcome != "unchanged"}
    assert moved == {one.change for one in bundled.knock_outs}  # nothing removed moves nothing


def test_uptake_is_calibrated_to_its_record(bundled: Result) -> None:
    held = float(np.interp(1.0, bundled.held.times_h, bundled.held.middle))
    assert held == pytest.approx(0.01, rel=0.1)  # f04


def first_answer(cargo: Cargo, cells: int) -> np.ndarray:
    """Return copies received by cells that take in all of 5,000 vesicles, of which 30 % open."""
    quick = {name: np.asarray(50.0) for name in ("internalise", "mature", "lysosome")}
    none = dict.fromkeys(
        ("bind_nonspecific", "unbind_specific", "unbind_nonspecific", "recycle", "loss_outside"),
        np.asarray(0.0),
    )
    room = {"sites": np.asarray(1e9), "entries_per_h": np.asarray(1e9)}
    bare = Recipient(
        bind_specific=np.asarray(50.0), opening=np.asarray(0.0), **quick, **none, **room
    )
    got = receive(
        opened_by(bare, np.asarray(0.3)),
        cells=cells,
        given=5_000,
        times_h=np.array([0.0, 4.0]),
        cargo=cargo,
        seed=2,
    )
    assert np.all(got.internalised[:, -1] == 5_000)
    return got.released[:, -1]


def test_packets_change_who_responds_as_theory_says() -> None:
    cells, needed, mean = 20_000, 100, 0.00825
    told = float(survival(5_000 * 0.3 * mean / 100, needed, Fixed(100.0), 0.0))
    assert told == pytest.approx(0.1164, abs=5e-5)
    packed = first_answer(Cargo(Packets(mean, 100), 1.0, 0.0), cells)
    loose = first_answer(Cargo(Independent(np.array([mean])), 1.0, 0.0), cells)
    # Six standard errors of a share: a false alarm in 5e8.
    assert abs((packed >= needed).mean() - told) < 6.0 * np.sqrt(told * (1.0 - told) / cells)
    assert float(survival(5_000 * 0.3, needed, Poisson(mean), 0.0)) < 1e-50
    assert (loose >= needed).sum() == 0
    # The mean is the same: 12.375 copies in a cell.
    for copies in (packed, loose):
        error = copies.std(ddof=1) / np.sqrt(cells)
        assert abs(copies.mean() - 12.375) < 6.0 * error


def test_page_is_whole_and_says_what_it_must(bundled: Result) -> None:
    page = cell_receives_page(bundled, cell_receives_summary(bundled))
    for words in ("Knock-outs", "Fate of every", "assumed", "f05", "k02", "not a prediction"):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") >= 7
    assert "not as expected" not in page
    assert "nan" not in page.lower().replace("nano", "").replace("domin", "")


def test_files_and_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = written(tmp_path)
    for workers in (1, 2):
        run_cell_receives(
            name,
            out=tmp_path / str(workers),
            numbers=[],
            seed=7,
            workers=workers,
            quiet=workers > 1,
        )
    assert "A cell that receives" in capsys.readouterr().out
    files = ("cell-receives.json", "cell-receives.html", "knock-outs.csv", "cells.csv",
             "courses.csv", "cargo.csv")  # fmt: skip
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()
    held = json.loads((tmp_path / "1" / "cell-receives.json").read_text("utf-8"))
    assert [one["gap"] for one in held["modules"]] == [0, 0]


def test_handles_move_the_run(tmp_path: Path) -> None:
    base = result_of(written(tmp_path))
    blocked = result_of(written(tmp_path, handles='"acid_block"'))
    cold = result_of(written(tmp_path, handles='"cold"'))
    assert base.cells["opens_30_percent"].opened.sum() > 0
    assert blocked.cells["opens_30_percent"].opened.sum() == 0
    assert cold.intervals[0].middle < 0.7 * base.intervals[0].middle


def test_b_cell_is_source_and_sink(tmp_path: Path) -> None:
    with pytest.raises(MissingRecordError, match="unknown"):
        plan(read_scenario(written(tmp_path, cell="b_cell")), load_catalog(), seed=1)
    name = written(tmp_path, cell="b_cell", role='uptake_role = "uptake_in_1h.hela"')
    trade = result_of(name).trade
    assert trade.records
    assert trade.released_per_h is not None
    assert trade.even_at is not None
    low, high = trade.even_at
    assert 0.0 < low < high
    off = result_of(
        written(tmp_path, cell="b_cell", role='uptake_role = "uptake_in_1h.hela"\ntakes_up = false')
    )
    assert all(got.internalised.sum() == 0 for got in off.cells.values())
    assert off.trade.even_at is None
    assert off.trade.released_per_h == trade.released_per_h
    page = cell_receives_page(off, cell_receives_summary(off))
    assert "It takes up nothing: a source" in page
    assert "More than 60 % of B cells" in page  # f20, read
    # At the even point the cell takes up what it releases.
    share = trade.taken_per_h.high / 400
    assert low * share == pytest.approx(trade.released_per_h[0])


def test_own_cell_with_own_number(tmp_path: Path) -> None:
    numbers = tmp_path / "my.toml"
    numbers.write_text(
        '[[record]]\nrole = "uptake_in_1h.mine"\nvalue = 0.05\nunit = "fraction"\n', "utf-8"
    )
    name = written(tmp_path, cell="mine", role='uptake_role = "uptake_in_1h.mine"')
    planned = plan(read_scenario(name), load_catalog((numbers,)), seed=1)
    assert planned.pools["uptake_in_1h.mine"].status == "this lab"


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"more": "[runs]\n"}, "runs"),
        ({"more": "temperatur_c = 30.0\n"}, "temperatur_c"),
        ({"more": "temperature_c = 4.0\n"}, "degrees"),
        ({"handles": '"rab27_loss"'}, "rab27_loss"),
        ({"cell": "elephant"}, "elephant"),
        ({"given": "0"}, "greater than or equal to 1"),
        ({"module": "opens"}, "opens_30_percent"),
        ({"module": "mixture"}, "weight_opens"),
        ({"weight": "weight_opens = 0.5"}, "weight_opens"),
        ({"cargo": "copies_per_packet = 10"}, "copies_per_packet"),
        ({"cargo": '[sources]\n"b" = ["b01"]\n'}, "'b'"),
        ({"cargo": '[sources]\n"opening.natural_vesicle" = ["f05"]\n'}, "low_fusion"),
        ({"cargo": '[[cargo]]\nname = "gold"\nkind = "other"\n'}, "gold"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(
    tmp_path: Path, changed: dict[str, str], match: str
) -> None:
    with pytest.raises(InputError, match=match) as fault:
        plan(read_scenario(written(tmp_path, **changed)), load_catalog(), seed=1)
    assert fault.value.remedy


def test_checks_and_new_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_cell_receives("cell-receives", numbers=[])
    assert "rc07" in capsys.readouterr().out
    write_new_scenario("cell-receives", tmp_path / "new.toml")
    engine = engine_of(str(tmp_path / "new.toml"))
    assert engine is not None
    assert engine.name == "cell-receives"
    assert isinstance(read_scenario(str(tmp_path / "new.toml")), CellReceives)
