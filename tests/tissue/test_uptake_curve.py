"""Permeability from curves: what is put in comes out, with an interval that knows its limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.tissue.dish import taken_up
from exosome.tissue.uptake_curve import Curve, fit, permeability_of_share, read_curve

if TYPE_CHECKING:
    from pathlib import Path

HOURS = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 24.0])


def model(permeability: np.ndarray) -> np.ndarray:
    return taken_up(3_000.0, HOURS * 3_600.0, permeability[:, None], 6.0)


def curve_of(permeability: float, noise: float = 0.0, seed: int = 0) -> Curve:
    exact = model(np.array([permeability]))[0]
    error = noise * Streams(seed).of("test.curve").standard_normal(HOURS.size)
    return Curve(tuple(HOURS), tuple(np.clip(exact * (1.0 + error), 0.0, 1.0)))


@settings(max_examples=15, deadline=None)
@given(st.floats(-5.0, -0.5))
def test_exact_curves_give_their_permeability(log_k: float) -> None:
    found = fit(curve_of(10.0**log_k), model)
    assert found.permeability_um_per_s == pytest.approx(10.0**log_k, rel=2e-3)


def test_interval_covers_as_often_as_it_says() -> None:
    """Nine of ten intervals hold the truth; 40 curves, errors independent and normal."""
    truth, held = 0.01, 0
    exact = model(np.array([truth]))[0]
    deviation = 0.05 * exact
    for seed in range(40):
        error = deviation * Streams(seed).of("test.curve.cover").standard_normal(HOURS.size)
        measured = Curve(tuple(HOURS), tuple(np.maximum(exact + error, 0.0)), tuple(deviation))
        found = fit(measured, model)
        held += found.low <= truth <= found.high
    # Binomial(40, 0.9): 21 or fewer happen once in 5e8 runs.
    assert held >= 22
    assert found.high < 2.0 * found.low  # an interval without ends would hold everything


def test_a_well_limited_curve_has_no_upper_bound() -> None:
    found = fit(curve_of(1e3, noise=0.03, seed=2), model)
    assert math.isinf(found.high)
    assert found.low > 0.05
    assert found.exponent == pytest.approx(0.5, abs=0.05)


def test_a_cell_limited_curve_is_bounded_on_both_sides() -> None:
    found = fit(curve_of(0.002, noise=0.03, seed=3), model)
    assert 0.0 < found.low < found.permeability_um_per_s < found.high < 0.004
    assert found.exponent == pytest.approx(1.0, abs=0.06)


def test_one_point_has_no_interval() -> None:
    found = fit(Curve((1.0,), (0.01,)), lambda k: taken_up(3e3, [3_600.0], k[:, None], 6.0))
    assert (found.low, found.high) == (0.0, math.inf)
    assert math.isnan(found.exponent)
    assert math.isfinite(found.permeability_um_per_s)


def test_shares_are_inverted_draw_by_draw() -> None:
    truth = np.array([1e-4, 3e-3, 0.1])
    height = np.array([2e3, 3e3, 4e3])

    def taken(k: np.ndarray) -> np.ndarray:
        return taken_up(height, 3_600.0, k, 6.0)

    np.testing.assert_allclose(permeability_of_share(taken(truth), taken), truth, rtol=1e-5)
    beyond = permeability_of_share(np.array([0.0, 0.5, 0.9]), taken)
    assert beyond[0] == 0.0
    assert np.isinf(beyond[1:]).all()  # more than diffusion can bring in an hour


def written(folder: Path, text: str) -> Path:
    path = folder / "curve.csv"
    path.write_text(text, "utf-8")
    return path


def test_units_stand_in_the_header(tmp_path: Path) -> None:
    path = written(tmp_path, "time (min),taken (%),sd [%]\n60,1.0,0.2\n\n240,3.5,0.5\n")
    found = read_curve(path)
    assert found.hours == pytest.approx((1.0, 4.0))
    assert found.shares == pytest.approx((0.01, 0.035))
    assert found.deviations == pytest.approx((0.002, 0.005))


def test_counts_need_what_was_added(tmp_path: Path) -> None:
    path = written(tmp_path, "time (h),taken (vesicle/cell)\n1,3\n")
    assert read_curve(path, added_per_cell=300.0).shares == pytest.approx((0.01,))
    with pytest.raises(InputError, match="per cell"):
        read_curve(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("time (h),taken (%)\n", "no measurement"),
        ("time,taken (%)\n1,2\n", "no unit"),
        ("time (h),taken (kg)\n1,2\n", "kg"),
        ("time (h),uptake (%)\n1,2\n", "not known"),
        ("time (h),time (min)\n1,2\n", "two columns"),
        ("time (h),sd (%)\n1,2\n", "no column 'taken'"),
        ("time (h),taken (%)\n1,two\n", "curve.csv:2"),
        ("time (h),taken (%)\n1\n", "curve.csv:2"),
        ("time (h),taken (%)\n1,nan\n", "no number"),
        ("time (h),taken (%)\n0,2\n", "above 0"),
        ("time (h),taken (%)\n1,2\n2,120\n", "curve.csv:3"),
        ("time (h),taken (%),sd (%)\n1,2,0\n", "sd"),
    ],
)
def test_one_clear_error_for_each_way_to_be_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as fault:
        read_curve(written(tmp_path, text))
    assert said in str(fault.value)
    assert fault.value.remedy
