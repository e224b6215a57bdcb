"""A scenario of a cell that sends, from the file to the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exosome.app.cells import (
    cell_sends_page,
    cell_sends_summary,
    check_cell_sends,
    list_cell_types,
    run_cell_sends,
)
from exosome.app.scenarios import write_new_scenario
from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError, MissingRecordError
from exosome.study.cell_sends import CellSends, Result, plan, read_scenario, run

SMALL = """
schema_version = 1
[cell]
type = "{cell}"
[run]
cells = 40
duration = "6 h"
[sizes]
law = "{law}"
[conditions]
handles = [{handles}]
{more}
"""


def written(
    folder: Path, cell: str = "mcf7", law: str = "article", handles: str = "", more: str = ""
) -> str:
    path = folder / "mine.toml"
    path.write_text(SMALL.format(cell=cell, law=law, handles=handles, more=more), "utf-8")
    return str(path)


def result_of(name: str, workers: int = 2) -> Result:
    return run(plan(read_scenario(name), load_catalog(), seed=1), workers=workers)


@pytest.fixture(scope="module")
def bundled() -> Result:
    scenario = read_scenario("cell-sends")
    few = scenario.model_copy(update={"run": scenario.run.model_copy(update={"cells": 200})})
    return run(plan(few, load_catalog(), seed=1))


def test_release_brackets_what_was_measured(bundled: Result) -> None:
    released = bundled.intervals[0]
    assert released.low < 60.0
    assert 60.0 <= released.middle <= 65.0
    assert bundled.fates[0][1] > 0


def test_every_vesicle_is_on_the_page(bundled: Result) -> None:
    assert sum(count for _, count in bundled.fates) == int(bundled.cells.formed.sum())


def test_cells_agree_with_the_closed_form(bundled: Result) -> None:
    assert len(bundled.checks) == 4
    for one in bundled.checks:
        assert abs(one.z) < 6.0, one  # a false alarm in 5e8


def test_every_knock_out_is_as_expected(bundled: Result) -> None:
    assert len({one.change for one in bundled.knock_outs}) >= 15
    assert all(one.applies for one in bundled.knock_outs)
    assert [one for one in bundled.knock_outs if not one.agrees] == []
    moved = {one.change for one in bundled.knock_outs if one.outcome != "unchanged"}
    assert moved == {one.change for one in bundled.knock_outs}  # nothing removed moves nothing


def test_size_does_not_tell_origin(bundled: Result, tmp_path: Path) -> None:
    assert abs(bundled.sizes.auc - 0.5) <= 0.03
    assert bundled.sizes.within >= 0.9
    assert "does not tell origin" in cell_sends_summary(bundled)["sizes"]["in_words"]
    differ = result_of(written(tmp_path, law="definition"))
    assert differ.sizes.auc > 0.6


def test_passive_bounds_hold_the_table_and_meet_the_measurement(bundled: Result) -> None:
    mirna = bundled.cargo[0]
    assert mirna.passive_low < 0.0019 < mirna.passive_high  # d05
    assert mirna.passive_low < 0.00825 < mirna.passive_high  # d01, measured
    sorted_in, packed = bundled.cargo[1], bundled.cargo[2]
    assert 7.0 < sorted_in.mean / mirna.mean < 14.0
    assert packed.empty > mirna.empty
    assert packed.fano > 5.0 * mirna.fano


def test_page_is_whole_and_says_what_it_must(bundled: Result) -> None:
    page = cell_sends_page(bundled, cell_sends_summary(bundled))
    for words in ("Size does not tell origin", "Knock-outs", "Fate of every", "assumed", "b01"):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") >= 5
    assert "not as expected" not in page


def test_files_and_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = written(tmp_path)
    for workers in (1, 2):
        run_cell_sends(
            name,
            out=tmp_path / str(workers),
            numbers=[],
            seed=7,
            workers=workers,
            quiet=workers > 1,
        )
    assert "A cell that sends" in capsys.readouterr().out
    for file in ("cell-sends.json", "cell-sends.html", "knock-outs.csv", "release.csv"):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()
    held = json.loads((tmp_path / "1" / "cell-sends.json").read_text("utf-8"))
    assert held["fates"]["gap"] == 0


def test_handles_move_the_run(tmp_path: Path) -> None:
    base = result_of(written(tmp_path))
    treated = result_of(written(tmp_path, handles='"rab27_loss"'))
    assert float(treated.closed.exosomes_per_h) < 0.5 * float(base.closed.exosomes_per_h)
    assert float(treated.closed.ectosomes_per_h) == float(base.closed.ectosomes_per_h)


def test_a_cell_without_endosomes_has_no_bursts(tmp_path: Path) -> None:
    found = result_of(written(tmp_path, cell="erythrocyte"))
    assert found.cells.exosomes.sum() == 0
    assert all(one.agrees for one in found.knock_outs)
    page = cell_sends_page(found, cell_sends_summary(found))
    assert "no endosomes" in page


def test_own_cell_with_own_number(tmp_path: Path) -> None:
    numbers = tmp_path / "my.toml"
    numbers.write_text(
        '[[record]]\nrole = "release_rate.mine"\nvalue = 10.0\nunit = "vesicle/cell/h"\n', "utf-8"
    )
    text = Path(written(tmp_path, cell="mine")).read_text("utf-8")
    path = tmp_path / "own.toml"
    path.write_text(text.replace('"mine"', '"mine"\nrelease_role = "release_rate.mine"'), "utf-8")
    planned = plan(read_scenario(str(path)), load_catalog((numbers,)), seed=1)
    assert planned.release_middle == 10.0
    assert planned.release.status == "this lab"


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"more": "[sizs]\n"}, "sizs"),
        ({"more": "temperatur_c = 30.0\n"}, "temperatur_c"),
        ({"more": "temperature_c = 4.0\n"}, "degrees"),
        ({"handles": '"rab28"'}, "rab28"),
        ({"law": "round"}, "origin_diameter"),
        ({"cell": "elephant"}, "elephant"),
        ({"more": '[[cargo]]\nname = "mrna"\nkind = "mrna"\npacking = "sorted"\n'}, "enrichment"),
        ({"more": '[[cargo]]\nname = "mrna"\nkind = "rna"\n'}, "kind|mirna"),
        ({"more": '[sources]\n"uptake_cv" = ["b01"]\n'}, "uptake_cv"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(
    tmp_path: Path, changed: dict[str, str], match: str
) -> None:
    with pytest.raises(InputError, match=match) as fault:
        plan(read_scenario(written(tmp_path, **changed)), load_catalog(), seed=1)
    assert fault.value.remedy


def test_unknown_release_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingRecordError, match="unknown"):
        plan(read_scenario(written(tmp_path, cell="t_cell")), load_catalog(), seed=1)


def test_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    list_cell_types()
    said = capsys.readouterr().out
    assert "unknown" in said
    assert "b01" in said
    check_cell_sends("cell-sends", numbers=[])
    assert "donor_rate.mvb_fusion" in capsys.readouterr().out
    write_new_scenario("cell-sends", tmp_path / "mine.toml")
    assert isinstance(read_scenario(str(tmp_path / "mine.toml")), CellSends)
    assert isinstance(read_scenario("cell-sends"), CellSends)


CARGO = """
[[cargo]]
name = "cholesterol"
kind = "lipid"
[[cargo]]
name = "growth_factor"
kind = "cytokine_corona"
[[cargo]]
name = "growth_factor"
kind = "cytokine_soluble"
[[cargo]]
name = "membrane_protein"
kind = "cytokine_membrane"
"""


def test_lipids_coronas_and_soluble_factors_follow_the_law_of_their_place(tmp_path: Path) -> None:
    found = {one.asked.kind: one for one in result_of(written(tmp_path, more=CARGO)).cargo}
    lipid, corona = found["lipid"], found["cytokine_corona"]
    # A small vesicle has some ten thousand lipids, of which a third or more are cholesterol.
    assert 3e3 < lipid.mean < 1e5
    assert lipid.empty == 0.0
    # Poisson copies around the law of the place: 200,000 vesicles, six standard errors.
    assert abs(corona.mean - corona.passive) < 6.0 * (corona.passive * corona.fano / 2e5) ** 0.5
    soluble = found["cytokine_soluble"]
    assert soluble.mean == 0.0
    assert soluble.empty == 1.0
    assert soluble.passive_low < soluble.passive < soluble.passive_high
    other = result_of(written(tmp_path, cell="msc_bone_marrow", more=CARGO))
    beside = next(one for one in other.cargo if one.asked.kind == "cytokine_soluble")
    # The same release of the factor beside another release of vesicles: inverse to it.
    released = load_catalog()["cc05"].value
    assert beside.passive * float(other.closed.vesicles_per_h) == pytest.approx(released, rel=1e-3)


@pytest.mark.parametrize(
    "packing",
    ['packing = "sorted"\nenrichment = 3.0', 'packing = "packets"\ncopies_per_packet = 9'],
)
def test_what_is_not_copied_from_the_cell_is_neither_sorted_nor_packed(
    tmp_path: Path, packing: str
) -> None:
    more = f'[[cargo]]\nname = "cholesterol"\nkind = "lipid"\n{packing}\n'
    with pytest.raises(InputError, match="not sorted or packed"):
        read_scenario(written(tmp_path, more=more))
