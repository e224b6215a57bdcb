"""A message between cells, from the file to the page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from exosome.app.cell_to_cell import (
    cell_to_cell_page,
    cell_to_cell_summary,
    check_cell_to_cell,
    run_cell_to_cell,
)
from exosome.app.scenarios import engine_of, write_new_scenario
from exosome.catalog.load import load_catalog
from exosome.cell.loading import Cargo, Independent, Packets
from exosome.cell.reaching import chance_of_copies, chance_of_opening
from exosome.cell.receiving import receive
from exosome.core.errors import InputError, MissingRecordError
from exosome.core.random import Streams
from exosome.study.cell_to_cell import plan, read_scenario
from exosome.study.pair import pathways, recipient, send
from exosome.study.pair_run import Result, run

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """
schema_version = 1
[pair]
senders = 2
receivers = {receivers}
pairs = {pairs}
sends_for = "12 h"
duration = "{hours} h"
read_at = "36 h"
draws = 8
[sender]
type = "mcf7"
release_record = "b01"
off = "{off}"
[receiver]
type = "hela"
medium_nl = 1.0
"""
SWITCH = """
[[message]]
name = "a loaded mRNA"
effect = "switch"
cargo = "mrna"
copies_per_vesicle = 6.0
packing = "packets"
copies_per_packet = 20
"""
OTHERS = """
[[message]]
name = "a natural miRNA"
effect = "silencing"
cargo = "natural_mirna"
[[message]]
name = "protein"
effect = "expression"
cargo = "mrna"
copies_per_vesicle = 5.0
[[message]]
name = "PD-L1"
effect = "receptor"
ligand = "pd_l1"
receptor = "pd1"
target = "t_cell"
[[message]]
name = "CD73"
effect = "enzyme"
enzyme = "cd73"
product = "adenosine"
setting = "in_vitro"
[[message]]
name = "growth factor"
effect = "growth_factor"
factor = "growth_factor"
"""


def text_of(
    *,
    messages: str = SWITCH + OTHERS,
    receivers: int = 1,
    pairs: int = 64,
    off: str = "no_release",
    hours: int = 72,
) -> str:
    head = SMALL.format(receivers=receivers, pairs=pairs, off=off, hours=hours)
    return head + messages


def written(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Result:
    name = written(tmp_path_factory.mktemp("pair"), text_of())
    return run(plan(read_scenario(name), load_catalog(), seed=1))


def test_every_vesicle_and_every_copy_is_on_the_page(small: Result) -> None:
    assert len(small.balances) == 2
    for one in small.balances:
        assert one.gap == 0
        assert sum(count for _, count in one.places) == one.released > 0
        assert one.copies + one.decayed == one.let_out
    # The same vesicles under both modules; they differ by opening.
    first, second = (dict(one.places) for one in small.balances)
    assert first["opened"] > 10 * second["opened"]
    assert 0.0 < max(small.fullness) < 0.1


def test_the_response_tells_of_the_sender_and_nothing_without_release_or_uptake(
    small: Result,
) -> None:
    main = small.messages[0].courses[0]
    assert main.module == "opens"
    assert main.bits[0].bits.bits == pytest.approx(1.0, abs=0.02)
    assert main.bits[-1].bits.bits > 0.1
    assert not main.bits[-1].bits.is_zero(1e-9)
    for message in small.messages:
        for course in message.courses:
            # 8 courses, 2 knock-outs of each: a false alarm in 1e9.
            assert course.without_release.is_zero(1e-9 / 16)
            if message.effect.driver != "outside":
                assert course.without_uptake.is_zero(1e-9 / 16)


def test_a_natural_mirna_is_lost_in_the_cell(small: Result) -> None:
    for course in small.messages[1].courses:
        assert course.responding == 0.0
        assert course.verdict == "no response"
        assert course.bits[-1].bits.is_zero(1e-9)
        assert course.response.mean.max() < 1e-4


def test_macromolecules_per_cell_and_day_follow_from_the_balance(small: Result) -> None:
    rows = {one.name: one for one in small.intervals}
    for balance in small.balances:
        per_day = rows[f"functional copies let out in a day, {balance.module}"]
        assert per_day.unit == "copy/receiver/d"
        assert per_day.middle == pytest.approx(balance.let_out / 64 / (72 / 24))
        assert per_day.low <= per_day.high


def test_rival_modules_stand_side_by_side(small: Result) -> None:
    opens, low = small.messages[0].courses
    assert (opens.module, low.module) == ("opens", "below detection")
    assert opens.responding > low.responding
    assert len(small.messages[3].courses) == 1  # a surface ligand needs no opening


def test_the_switch_remembers_and_is_transient_or_silent_when_its_feedback_is_blocked(
    small: Result,
) -> None:
    opens = small.messages[0].courses[0]
    assert opens.verdict == "reprogrammed"
    assert opens.verdict_blocked in ("transient", "no response")
    assert opens.response.mean[-1] > 1.0
    assert sum(opens.memories.values()) == 64


def test_packing_changes_who_responds_as_the_law_says(small: Result) -> None:
    rows = small.packings
    assert [one.name.split()[0] for one in rows] == ["copies", "10", "100", "1,000"]
    for one in rows:
        assert abs(one.z) < 6.0, one  # a false alarm in 5e8
        assert one.mean_theory == pytest.approx(rows[0].mean_theory, rel=0.3)
    assert rows[-1].theory < rows[0].theory
    assert rows[-1].loaded < rows[0].loaded


def test_every_knock_out_is_as_expected_and_moves_something(small: Result) -> None:
    changes = {one.change for one in small.removals}
    assert len(changes) >= 20
    assert all(one.applies for one in small.removals), [
        one for one in small.removals if not one.applies
    ]
    assert [one for one in small.removals if not one.agrees] == []
    moved = {one.change for one in small.removals if one.outcome != "unchanged"}
    assert moved == changes


def test_page_is_whole_and_says_what_it_must(small: Result) -> None:
    page = cell_to_cell_page(small, cell_to_cell_summary(small))
    for words in ("What the receiver learns", "below detection", "Lost or made: 0", "rs40", "bits"):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") >= 6
    assert "not as expected" not in page
    assert "nan" not in page.lower().replace("nano", "")


def test_receivers_of_one_group_share_what_was_released(tmp_path: Path) -> None:
    name = written(tmp_path, text_of(messages=SWITCH, receivers=3, pairs=40))
    planned = plan(read_scenario(name), load_catalog(), seed=3)
    on, off = pathways(planned, planned.medians)
    sent = send(planned, on, pairs=40, workers=1, purpose="test")
    assert sent.cells is not None
    assert sent.arriving.shape == (120, 72)
    by_group = sent.arriving.reshape(40, 3, 72).sum(axis=(1, 2))
    assert by_group.tolist() == sent.cells.released.reshape(40, -1).sum(axis=1).tolist()
    assert float(off.endosome) == float(off.ectosome) == 0.0


def test_more_medium_dilutes_uptake(tmp_path: Path) -> None:
    plain = plan(read_scenario(written(tmp_path, text_of(messages=SWITCH))), load_catalog(), seed=1)
    text = text_of(messages=SWITCH).replace("medium_nl = 1.0", "medium_nl = 50.0")
    thin = plan(read_scenario(written(tmp_path, text)), load_catalog(), seed=1)
    ratio = (
        recipient(plain, plain.medians, 0.1).bind_specific
        / recipient(thin, thin.medians, 0.1).bind_specific
    )
    assert float(ratio) == pytest.approx(50.0)


def test_files_and_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = written(
        tmp_path, text_of(messages=SWITCH, receivers=2, pairs=32, hours=40, off="rab27_loss")
    )
    for workers in (1, 2):
        run_cell_to_cell(
            name,
            out=tmp_path / str(workers),
            numbers=[],
            seed=7,
            workers=workers,
            quiet=workers > 1,
        )
    assert "A message between cells" in capsys.readouterr().out
    for file in ("cell-to-cell.json", "cell-to-cell.html", "bits.csv", "courses.csv"):
        first, second = ((tmp_path / str(n) / file).read_bytes() for n in (1, 2))
        assert first == second
    summary = json.loads((tmp_path / "1" / "cell-to-cell.json").read_text("utf-8"))
    assert summary["off"] == "rab27 loss"
    assert summary["balances"][0]["gap"] == 0


def test_bundled_scenario_is_checked_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_cell_to_cell("cell-to-cell", numbers=[])
    assert "5 messages" in capsys.readouterr().out
    target = tmp_path / "new.toml"
    write_new_scenario("cell-to-cell", target)
    engine = engine_of(str(target))
    assert engine is not None
    assert engine.name == "cell-to-cell"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('effect = "switch"', 'effect = "magic"'), "effect"),
        (('off = "no_release"', 'off = "prayer"'), "no handle"),
        (('read_at = "36 h"', 'read_at = "100 h"'), "beyond"),
        (('sends_for = "12 h"', 'sends_for = "12.5 h"'), "12.5 h"),
        (('cargo = "mrna"\ncopies', "copies"), "needs 'cargo'"),
        (("copies_per_packet = 20", "copies_per_packet = 2"), "vesicles"),
        (('type = "hela"', 'type = "hella"'), "hella"),
        (("[pair]", "[pair]\nsender = 3"), "sender"),
        (('sends_for = "12 h"', 'sends_for = "12 mL"'), "12 mL"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    text = text_of(messages=SWITCH, pairs=32).replace(*change)
    with pytest.raises(InputError) as found:
        run(plan(read_scenario(written(tmp_path, text)), load_catalog(), seed=1))
    assert words in str(found.value)


def test_an_unknown_uptake_is_said_and_can_be_given(tmp_path: Path) -> None:
    text = text_of(messages=SWITCH, pairs=32).replace('type = "hela"', 'type = "b_cell"')
    name = written(tmp_path, text)
    with pytest.raises(MissingRecordError, match="unknown"):
        plan(read_scenario(name), load_catalog(), seed=1)
    own = tmp_path / "own.toml"
    own.write_text(
        '[[record]]\nrole = "uptake_in_1h.b_cell"\nvalue = 0.002\nunit = "fraction"\n', "utf-8"
    )
    assert plan(read_scenario(name), load_catalog((own,)), seed=1).uptake_role.endswith("b_cell")


@pytest.mark.parametrize("loading", [Packets(0.5, 10), Independent(np.array([0.2, 0.8]))])
def test_law_of_enough_copies_meets_the_sampler(
    tmp_path: Path, loading: Packets | Independent
) -> None:
    planned = plan(
        read_scenario(written(tmp_path, text_of(messages=SWITCH))), load_catalog(), seed=1
    )
    cell = recipient(planned, planned.medians, 0.3)
    cells, cargo = 3_000, Cargo(loading, functional=0.4, loss_per_h=0.3)
    rng = Streams(4).of("test.reaching")
    coming = np.zeros((cells, 18), dtype=np.int64)
    coming[:, :6] = rng.poisson(200.0, (cells, 6))
    got = receive(
        cell, cells=cells, given=coming, times_h=np.arange(19.0), cargo=cargo, seed=2, uptake_cv=0.7
    )
    opening = chance_of_opening(cell, got.uptake, 6, 18)
    for needed in (1, 8, 25):
        chance = chance_of_copies(coming[:, :6], opening, cargo, needed)
        enough = (got.released[:, -1] >= needed).sum()
        error = float((chance * (1 - chance)).sum()) ** 0.5
        assert abs(enough - chance.sum()) < 6 * error  # a false alarm in 5e8


def test_law_of_enough_copies_has_its_closed_forms() -> None:
    coming, opening = np.array([[3, 4]]), np.array([[0.2, 0.5]])
    whole = Cargo(Packets(5.0, 5), functional=1.0, loss_per_h=0.0)
    none = 0.8**3 * 0.5**4
    one = 3 * 0.2 * 0.8**2 * 0.5**4 + 0.8**3 * 4 * 0.5**4
    assert chance_of_copies(coming, opening, whole, 5) == pytest.approx(1 - none, abs=1e-10)
    assert chance_of_copies(coming, opening, whole, 6) == pytest.approx(1 - none - one, abs=1e-10)
    assert chance_of_copies(coming, opening, whole, 0).tolist() == [1.0]
    poisson = Cargo(Independent(np.array([2.0])), functional=0.5, loss_per_h=0.0)
    sure = chance_of_copies(np.array([[6]]), np.array([[1.0]]), poisson, 3)
    assert sure == pytest.approx(1 - np.exp(-6.0) * (1 + 6 + 18), abs=1e-10)
