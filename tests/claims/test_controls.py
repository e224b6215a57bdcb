"""Controls: known answers by the same code, with inputs frozen, and able to fail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exosome.catalog.load import load_catalog
from exosome.claims import controls
from exosome.claims.controls import (
    ControlResult,
    control_names,
    frozen,
    input_hash,
    run_control,
    run_controls,
)

if TYPE_CHECKING:
    from exosome.catalog.load import Catalog

LNP, CAS9, SPLIT = "lnp-dose-response", "fusogenic-cas9", "split-luciferase"


@pytest.fixture(scope="module")
def known() -> dict[str, ControlResult]:
    return {one.name: one for one in run_controls(seed=1, workers=2)}


def scaled(role: str, factor: float) -> Catalog:
    """The bundled catalog with every record of a role made larger or smaller."""
    found = load_catalog()
    for record in found.informing(role):
        figures = {
            key: None if figure is None else min(figure * factor, 1.0)
            for key, figure in (
                ("value", record.value),
                ("low", record.low),
                ("high", record.high),
            )
        }
        found = found.replaced(replace(record, **figures))
    return found


def test_inputs_are_as_they_were_frozen(known: dict[str, ControlResult]) -> None:
    held = frozen()["hash"]
    assert isinstance(held, dict)
    assert set(held) == set(control_names()) == {LNP, CAS9, SPLIT}
    for name, result in known.items():
        assert input_hash(name, load_catalog()) == held[name] == result.hash
        assert result.unchanged


@pytest.mark.parametrize(
    ("record", "breaks"),
    [
        ("f11", {LNP}),
        ("q48", {LNP}),
        ("k05", {CAS9}),
        ("q86", {SPLIT}),
        ("p100", {CAS9, SPLIT}),
        ("d04", {SPLIT}),
    ],
)
def test_a_changed_number_breaks_the_seals_of_the_controls_that_use_it(
    record: str, breaks: set[str]
) -> None:
    bundled = load_catalog()
    other = bundled.replaced(replace(bundled[record], note="read again"))
    changed = {n for n in control_names() if input_hash(n, other) != input_hash(n, bundled)}
    assert changed == breaks


def test_every_control_is_reproduced_by_the_rows_that_decide(
    known: dict[str, ControlResult],
) -> None:
    for result in known.values():
        assert result.passed, result.name
        assert result.source
        assert result.caution


def test_the_lipid_carrier_follows_its_published_dose_response(
    known: dict[str, ControlResult],
) -> None:
    rows = known[LNP].rows
    assert [row.case for row in rows] == [
        "0.01 mg_rna/kg",
        "0.05 mg_rna/kg",
        "0.15 mg_rna/kg",
        "0.3 mg_rna/kg",
    ]
    for row in rows:
        assert row.published is not None
        assert row.low <= row.published <= row.high
        assert row.score == "reproduced"
    medians = [row.median for row in rows]
    assert medians == sorted(medians)
    assert medians[-1] - medians[0] > 25.0
    published = [row.published for row in rows]
    assert published == sorted(published)  # type: ignore[type-var]


def odds(percent: float) -> float:
    return percent / (100.0 - percent)


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_tenfold_error_moves_the_lowest_dose_by_much(
    factor: float, known: dict[str, ControlResult]
) -> None:
    wrong = run_control(LNP, scaled("opening.lnp", factor), seed=1)
    lowest, right = wrong.rows[0].median, known[LNP].rows[0].median
    # On the scale where a tenfold change of a hyperbola is tenfold.
    assert odds(lowest) / odds(right) == pytest.approx(factor, rel=0.5)
    # The top dose saturates and shows far less of it.
    top = abs(wrong.rows[-1].median - known[LNP].rows[-1].median)
    assert abs(lowest - right) > 1.2 * top
    assert not wrong.unchanged


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_tenfold_error_is_not_called_reproduced(factor: float) -> None:
    # This control exists to catch a tenfold error; an interval from 1 to 97 % catches nothing.
    assert not run_control(LNP, scaled("opening.lnp", factor), seed=1).passed


def test_a_prediction_that_misses_is_said_to_miss() -> None:
    bundled = load_catalog()
    other = bundled.replaced(replace(bundled["q48"], value=0.1, low=None, high=None))
    found = run_control(LNP, other, seed=1)
    assert [row.score for row in found.rows] == [
        "reproduced",
        "reproduced",
        "missed",
        "reproduced",
    ]
    assert not found.passed


def test_the_fusogen_raises_the_fraction_of_cells_that_respond(
    known: dict[str, ControlResult],
) -> None:
    with_it, without = known[CAS9].rows
    assert with_it.median > 10 * max(without.median, 0.1)
    assert {with_it.score, without.score} == {"sign reproduced"}
    assert with_it.published is None  # the editing percentage has not been read


@pytest.mark.parametrize(("low", "high"), [(1e-6, 1e-4), (1e-3, 1e-2)])
def test_a_fusogen_that_opens_nothing_misses_its_sign(low: float, high: float) -> None:
    bundled = load_catalog()
    other = bundled.replaced(replace(bundled["k05"], value=None, low=low, high=high))
    found = run_control(CAS9, other, seed=1)
    assert not found.passed
    assert {row.score for row in found.rows} == {"sign missed"}


def test_the_position_that_vesicles_open_is_missed_by_the_fusion_assays(
    known: dict[str, ControlResult],
) -> None:
    rows = {row.case: row for row in known[SPLIT].rows}
    opens = rows["opened, sources that say: opens"]
    shut = rows["opened, sources that say: below detection"]
    pooled = rows["opened, all sources pooled"]
    assert opens.score == "missed"
    assert (shut.score, pooled.score) == ("reproduced", "reproduced")
    assert opens.is_rival
    assert shut.is_rival
    assert not pooled.is_rival
    assert known[SPLIT].passed


def test_a_world_in_which_all_vesicles_open_misses_the_fusion_assays() -> None:
    bundled = load_catalog()
    other = bundled.without(
        r.id for r in bundled.informing("opening.natural_vesicle") if r.rival != "opens"
    )
    assert not run_control(SPLIT, other, seed=1).passed


def test_controls_repeat_for_any_number_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "_DRAWS", 500)
    assert run_controls(seed=3, workers=1) == run_controls(seed=3, workers=2)
    assert run_controls(seed=3, workers=1) != run_controls(seed=4, workers=1)
