from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.core.errors import CatalogError, InputError
from exosome.product.trials import (
    FAR_FOLD,
    TRIAL_METRICS,
    TrialDose,
    comparable_trials,
    far_from_every_trial,
    fold_from,
    load_trial_doses,
    read_trial_doses,
)

NUMBERS = Path(__file__).parents[3] / "shared" / "reference" / "biology-numbers.csv"


def trial(low: float, high: float, metric: str = "ug_protein", **changes: object) -> TrialDose:
    entry = {
        "id": "NCT00000001",
        "label": "x",
        "route": "intravenous",
        "indication": "x",
        "amount_low": low,
        "amount_high": high,
        "metric": metric,
        "schedule": "single",
        "reading": "read",
    }
    return TrialDose.model_validate({**entry, **changes})


def test_amounts_match_the_rows_they_name():
    if not NUMBERS.is_file():
        pytest.skip("the reference table of numbers is not beside this checkout")
    rows = {row["id"]: row for row in csv.DictReader(NUMBERS.read_text("utf-8").splitlines())}
    checked = 0
    for dose in load_trial_doses():
        if dose.catalog in {"", "k86"}:  # k86 holds the ratio of two doses, not a dose
            continue
        row = rows[dose.catalog]
        low, high = (float(row[key] or row["value"]) for key in ("low", "high"))
        assert (dose.amount_low, dose.amount_high) == (low, high), dose.id
        assert dose.reading == row["status"]
        checked += 1
    assert checked >= 14


def test_every_trial_dose_row_of_the_table_is_recorded():
    if not NUMBERS.is_file():
        pytest.skip("the reference table of numbers is not beside this checkout")
    rows = csv.DictReader(NUMBERS.read_text("utf-8").splitlines())
    stated = {row["id"] for row in rows if row["quantity"].startswith("Trial dose")}
    assert stated <= {dose.catalog for dose in load_trial_doses()}


def test_a_milligram_for_a_microgram_is_caught():
    warning = far_from_every_trial(200_000.0, "ug_protein", per_kg=False)
    assert warning is not None
    assert warning.kind == "unit_slip"
    assert warning.slip is not None
    assert warning.slip.id == "NCT03384433"
    assert fold_from(200_000.0, warning.slip) == 1000.0
    assert warning.nearest is not None
    assert warning.nearest.id == "PMID 18362931"
    assert warning.fold == 400.0
    for words in ("NCT03384433", "1000 times", "µg/mg slip is likely", "prints 200 mg"):
        assert words in warning.message


@pytest.mark.parametrize(
    ("amount", "metric"),
    [(200.0, "ug_protein"), (1e11, "vesicle"), (1e9, "particle"), (15.0, "ml")],
)
def test_doses_near_a_trial_pass(amount, metric):
    assert far_from_every_trial(amount, metric, per_kg=False) is None


def test_counts_get_no_slip_and_say_that_they_are_as_counted():
    warning = far_from_every_trial(1e15, "vesicle", per_kg=False)
    assert warning is not None
    assert (warning.kind, warning.slip) == ("far", None)
    assert "both are compared as counted" in warning.message
    assert "recalled" in warning.message  # the nearest dose was never read


def test_particles_and_vesicles_share_one_register():
    particles = comparable_trials("particle", per_kg=False)
    assert particles == comparable_trials("vesicle", per_kg=False)
    assert {dose.metric for dose in particles} == {"particle", "vesicle"}


def test_a_dose_per_kg_is_compared_with_doses_per_kg_only():
    assert far_from_every_trial(60.0, "pmol_phospholipid_per_kg", per_kg=True) is None
    assert far_from_every_trial(60.0, "pmol_phospholipid", per_kg=True) is None
    warning = far_from_every_trial(60_000.0, "pmol_phospholipid", per_kg=True)
    assert warning is not None
    assert warning.fold == 300.0
    assert "the only recorded trial dose in this metric" in warning.message
    with pytest.raises(InputError, match="per kg"):
        far_from_every_trial(60.0, "pmol_phospholipid_per_kg", per_kg=False)


@pytest.mark.parametrize(
    ("metric", "per_kg"), [("particle", True), ("pmol_phospholipid", False), ("ug_rna", False)]
)
def test_nothing_to_compare_with_is_said(metric, per_kg):
    warning = far_from_every_trial(1.0, metric, per_kg=per_kg)
    assert warning is not None
    assert (warning.kind, warning.nearest) == ("no_trial", None)
    assert "was not compared" in warning.message


@pytest.mark.parametrize("amount", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_dose_is_refused(amount):
    with pytest.raises(InputError, match="is not a dose"):
        far_from_every_trial(amount, "ml", per_kg=False)


def test_the_slip_is_told_within_three_times_of_a_thousand():
    one = (trial(1.0, 1.0),)
    kinds = {100.0: "far", 330.0: "far", 340.0: "unit_slip", 2990.0: "unit_slip", 3010.0: "far"}
    for fold, kind in kinds.items():
        warning = far_from_every_trial(fold, "ug_protein", per_kg=False, trials=one)
        assert warning is not None
        assert warning.kind == kind
    below = far_from_every_trial(0.001, "ug_protein", per_kg=False, trials=one)
    assert below is not None
    assert below.kind == "unit_slip"
    assert "below" in below.message


@given(st.floats(1e-6, 1e18), st.sampled_from(["particle", "ug_protein", "ml"]))
def test_a_warning_means_that_every_trial_is_far(amount, metric):
    warning = far_from_every_trial(amount, metric, per_kg=False)
    folds = [fold_from(amount, one) for one in comparable_trials(metric, per_kg=False)]
    assert (warning is not None) == (min(folds) >= FAR_FOLD)
    if warning is not None:
        assert warning.fold == min(folds)


def test_every_metric_is_used():
    assert {dose.metric for dose in load_trial_doses()} == set(TRIAL_METRICS)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "NCT123"},
        {"amount_low": 3.0},
        {"amount_high": 0.0},
        {"metric": "nmol"},
        {"catalog": "row 3"},
        {"dose": 1},
    ],
)
def test_a_record_that_breaks_a_rule_cannot_be_built(change):
    with pytest.raises(ValueError, match="TrialDose"):
        trial(1.0, 2.0, **change)


def test_a_broken_register_names_itself():
    entry = "[[dose]]\n" + "\n".join(
        f"{key} = {value!r}" for key, value in trial(1.0, 2.0).model_dump().items()
    )
    assert len(read_trial_doses(entry, where="mine.toml")) == 1
    for text in ("dose = ", "dose = []", f"{entry}\n{entry}"):
        with pytest.raises(CatalogError, match=r"mine\.toml"):
            read_trial_doses(text, where="mine.toml")
