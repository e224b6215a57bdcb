"""Laws drawn from a value and its bounds: closed forms, edges and physical limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from exosome.catalog.load import load_catalog, role_bounds
from exosome.delivery.pool import pool
from exosome.numerics.laws import law

U = np.concatenate([[0.0, 1e-12], np.linspace(0.001, 0.999, 501), [1.0 - 1e-12, 1.0]])
ANY = (-math.inf, math.inf)
SHARE = (0.0, 1.0)
TWO_PIECE = ("normal", "lognormal")
KINDS = ("point", "uniform", "loguniform", "triangular", *TWO_PIECE, "below_limit")
BOUND_KINDS = ("range", "hard", "prior", "sd", "ci95", "90%", "multiplier")


@st.composite
def figures(draw: st.DrawFn) -> tuple[float, float, float]:
    """A positive value with bounds on either side, possibly touching."""
    value = draw(st.floats(1e-6, 1e12))
    below, above = draw(st.floats(0.0, 6.0)), draw(st.floats(0.0, 6.0))
    return value, value * 10**-below, value * 10**above


@given(figures(), st.sampled_from(KINDS), st.sampled_from(BOUND_KINDS))
def test_quantiles_never_fall_and_never_leave_the_support(
    given_: tuple[float, float, float], kind: str, bound_kind: str
) -> None:
    value, low, high = given_
    one = law(kind, value=value, low=low, high=high, bound_kind=bound_kind, limits=(0.0, math.inf))
    found = one.quantile(U)
    scale = max(abs(one.low), abs(one.high))
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -1e-9 * scale).all()
    assert (found >= one.low * (1 - 1e-12)).all()
    assert (found <= one.high * (1 + 1e-12)).all()
    assert one.low >= 0.0


@given(figures(), st.sampled_from(TWO_PIECE), st.sampled_from(BOUND_KINDS))
def test_the_printed_value_is_the_median_of_a_two_piece_law(
    given_: tuple[float, float, float], kind: str, bound_kind: str
) -> None:
    value, low, high = given_
    one = law(kind, value=value, low=low, high=high, bound_kind=bound_kind, limits=ANY)
    assert one.quantile(np.array([0.5]))[0] == pytest.approx(value, rel=1e-9)


@given(figures())
def test_triangular_law_has_its_closed_form(given_: tuple[float, float, float]) -> None:
    value, low, high = given_
    assume(high > 1.001 * low)
    one = law("triangular", value=value, low=low, high=high, bound_kind="prior", limits=ANY)
    turn = (value - low) / (high - low)
    expected = stats.triang.ppf(U, turn, loc=low, scale=high - low)
    np.testing.assert_allclose(one.quantile(U), expected, rtol=1e-9, atol=1e-9 * high)


def test_uniform_loguniform_and_below_limit_have_their_closed_forms() -> None:
    bounds = {"low": 0.01, "high": 4.0, "bound_kind": "range", "limits": ANY}
    np.testing.assert_allclose(
        law("uniform", value=None, **bounds).quantile(U), 0.01 + 3.99 * U, rtol=1e-12
    )
    np.testing.assert_allclose(
        law("loguniform", value=None, **bounds).quantile(U), 0.01 * 400.0**U, rtol=1e-12
    )
    # Nothing was seen below the limit: no value under it is favoured.
    nothing_seen = law(
        "below_limit", value=None, low=0.0, high=0.02, bound_kind="prior", limits=SHARE
    )
    np.testing.assert_allclose(nothing_seen.quantile(U), 0.02 * U, rtol=1e-12)


@pytest.mark.parametrize("kind", TWO_PIECE)
@pytest.mark.parametrize(
    ("bound_kind", "outside"),
    [("sd", 0.158655), ("ci95", 0.025), ("90%", 0.05), ("multiplier", 0.05)],
)
def test_bounds_of_an_estimate_keep_their_meaning(
    kind: str, bound_kind: str, outside: float
) -> None:
    one = law(kind, value=10.0, low=7.0, high=16.0, bound_kind=bound_kind, limits=ANY)
    grid = (np.arange(200_000) + 0.5) / 200_000
    drawn = one.quantile(grid)
    # The cut at three standard deviations moves 0.27 % of the mass.
    assert np.mean(drawn < 7.0) == pytest.approx(outside, abs=0.0015)
    assert np.mean(drawn > 16.0) == pytest.approx(outside, abs=0.0015)


def test_an_estimate_is_cut_three_standard_deviations_out() -> None:
    normal = law("normal", value=10.0, low=8.0, high=13.0, bound_kind="sd", limits=ANY)
    assert (normal.low, normal.high) == (pytest.approx(4.0), pytest.approx(19.0))
    fold = law("lognormal", value=10.0, low=5.0, high=30.0, bound_kind="sd", limits=ANY)
    assert (fold.low, fold.high) == (pytest.approx(1.25), pytest.approx(270.0))
    confident = law("normal", value=10.0, low=8.0, high=13.0, bound_kind="ci95", limits=ANY)
    assert confident.high == pytest.approx(10.0 + 3 * 3.0 / 1.959964)


@pytest.mark.parametrize("kind", TWO_PIECE)
@pytest.mark.parametrize("bound_kind", ["range", "hard", "prior"])
def test_bounds_of_the_quantity_are_never_left(kind: str, bound_kind: str) -> None:
    one = law(kind, value=10.0, low=7.0, high=16.0, bound_kind=bound_kind, limits=ANY)
    assert (one.low, one.high) == (7.0, 16.0)
    assert one.quantile(np.array([0.0]))[0] == pytest.approx(7.0)
    assert one.quantile(np.array([1.0]))[0] == pytest.approx(16.0)


@pytest.mark.parametrize("kind", ["uniform", "triangular", "normal", "lognormal"])
@pytest.mark.parametrize("bound_kind", ["range", "sd"])
def test_no_draw_leaves_the_physical_limits(kind: str, bound_kind: str) -> None:
    one = law(kind, value=0.7, low=0.2, high=1.9, bound_kind=bound_kind, limits=SHARE)
    drawn = one.quantile(U)
    assert drawn.min() >= 0.0
    assert drawn.max() <= 1.0
    assert one.high == 1.0


def test_a_physical_limit_cuts_a_spread_and_does_not_narrow_it() -> None:
    # Printed as 0.9 +/- 0.2: the limit at 1 removes a tail, and says nothing of the SD.
    cut = law("normal", value=0.9, low=0.7, high=1.1, bound_kind="sd", limits=SHARE)
    free = law("normal", value=0.9, low=0.7, high=1.1, bound_kind="sd", limits=ANY)
    assert cut.spread_low == pytest.approx(free.spread_low)
    assert cut.spread_high == pytest.approx(free.spread_high)


@pytest.mark.parametrize("kind", ["uniform", "triangular", "normal", "lognormal", "below_limit"])
def test_figures_outside_the_physical_limits_build_no_law(kind: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (the catalog adds where and what)
        law(kind, value=1.7, low=1.5, high=2.0, bound_kind="range", limits=SHARE)


def test_a_point_outside_the_physical_limits_builds_no_law() -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        law("point", value=1.2, low=None, high=None, bound_kind="none", limits=SHARE)


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_that_meet_give_the_value_itself(kind: str) -> None:
    one = law(kind, value=3.0, low=3.0, high=3.0, bound_kind="range", limits=(0.0, math.inf))
    np.testing.assert_allclose(one.quantile(U), 3.0, rtol=1e-12)


@pytest.mark.parametrize("kind", TWO_PIECE)
def test_a_value_at_its_own_bound_keeps_half_of_the_draws_there(kind: str) -> None:
    one = law(kind, value=3.0, low=3.0, high=9.0, bound_kind="range", limits=ANY)
    drawn = one.quantile(U)
    assert np.all(drawn[U <= 0.5] == pytest.approx(3.0))
    assert drawn[-1] == pytest.approx(9.0)


def test_a_lower_bound_of_zero_mirrors_the_upper_piece_in_logarithms() -> None:
    one = law("lognormal", value=0.01, low=0.0, high=0.05, bound_kind="range", limits=SHARE)
    assert one.low == 0.0
    # The bounds of a range are read as the middle 90 %.
    assert one.quantile(np.array([0.05]))[0] == pytest.approx(0.01**2 / 0.05, rel=1e-5)
    assert one.quantile(np.array([0.0]))[0] == 0.0


def test_bounds_without_a_centre_need_no_value_and_a_value_needs_no_bounds() -> None:
    spread = law("loguniform", value=None, low=1.0, high=100.0, bound_kind="range", limits=ANY)
    assert spread.value == pytest.approx(10.0)
    single = law("lognormal", value=4.0, low=None, high=None, bound_kind="none", limits=ANY)
    assert (single.low, single.high) == (4.0, 4.0)


@pytest.mark.parametrize(
    ("kind", "value", "low", "high"),
    [
        ("point", None, None, None),
        ("point", None, 1.0, 2.0),
        ("loguniform", None, 0.0, 1.0),
        ("lognormal", 0.0, 0.0, 1.0),
        ("lognormal", None, 0.1, 1.0),
        ("normal", None, 0.1, 1.0),
        ("triangular", None, 0.1, 1.0),
    ],
)
def test_figures_that_make_no_law_are_refused(
    kind: str, value: float | None, low: float | None, high: float | None
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        law(kind, value=value, low=low, high=high, bound_kind="range", limits=ANY)


def test_every_record_of_the_catalog_draws_inside_its_physical_limits() -> None:
    catalog = load_catalog()
    roles = sorted({r.role for r in catalog.values() if r.role and r.is_drawable})
    assert len(roles) > 50
    for role in roles:
        one = pool(catalog, role, where="test")
        low, high = role_bounds(role)
        for study in one.laws:
            for each in study:
                drawn = each.quantile(U)
                assert np.isfinite(drawn).all(), role
                assert drawn.min() >= low - 1e-12 * abs(low), role
                assert drawn.max() <= high * (1 + 1e-12), role
