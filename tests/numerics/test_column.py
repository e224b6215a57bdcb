"""A column over a floor: closed limits, a finite-volume twin, walkers, unseen parameters."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.numerics.column import Column, shares, stirred, taken_by_inversion, taken_share
from exosome.numerics.column_reference import Slab, by_volumes, by_walkers

L_UM, D = 3_000.0, 6.57


def test_perfect_sink_follows_the_square_root_of_time() -> None:
    early = np.array([60.0, 600.0, 3_600.0])
    found = shares(Column(L_UM, D), early).taken
    np.testing.assert_allclose(found, 2.0 * np.sqrt(D * early / math.pi) / L_UM, rtol=1e-9)


def test_a_static_dish_delivers_what_is_known() -> None:
    """A quarter of a 3 mm column in a day, five per cent in the first hour, for 100 nm."""
    water, serum = D, D * 0.691 / 0.93
    hour, day = shares(Column(L_UM, np.array([[serum], [water]])), [3_600.0, 86_400.0]).taken.T
    assert hour[0] + 5e-4 >= 0.05
    assert hour[1] <= 0.06
    assert day[0] >= 0.24
    assert day[1] <= 0.285


def test_late_perfect_sink_is_the_slab_series() -> None:
    time = np.array([0.2, 0.5, 1.0, 3.0])
    n = np.arange(400)[:, None] + 0.5
    known = 1.0 - (2.0 / (np.pi * n) ** 2 * np.exp(-((np.pi * n) ** 2) * time)).sum(axis=0)
    np.testing.assert_allclose(shares(Column(1.0, 1.0), time).taken, known, rtol=1e-12)


@pytest.mark.parametrize("biot", [1e-8, 1e-5, 1e-3])
def test_slow_uptake_is_a_well_mixed_column(biot: float) -> None:
    column = Column(1.0, 1.0, 0.0, biot, 0.1 * biot)
    time = np.array([0.01, 1.0, 0.3 / biot, 3.0 / biot])
    # Diffusion across the column costs a share of biot / 3 of the uptake.
    np.testing.assert_allclose(
        shares(column, time).taken, stirred(column, time).taken, rtol=0.4 * biot + 1e-7, atol=1e-15
    )


def test_settling_alone_clears_the_column_at_constant_speed() -> None:
    """At a Peclet number of 30,000 the column falls as a block and the rest is gone."""
    fall = np.array([0.1, 0.5, 0.9, 1.2])
    found = shares(Column(1.0, 1.0, 3e4), fall / 3e4).taken
    np.testing.assert_allclose(found, np.minimum(fall, 1.0), atol=2e-4)


def test_settling_enriches_a_leaky_floor() -> None:
    """Slow uptake under settling takes from the exponential profile of sedimentation."""
    peclet, biot = 2.4, 1e-6
    rate = biot * peclet / -math.expm1(-peclet)
    found = float(shares(Column(1.0, 1.0, peclet, biot), 1e5).taken)
    assert found == pytest.approx(-math.expm1(-rate * 1e5), rel=1e-5)


def test_endless_loss_and_uptake_share_the_column() -> None:
    """With a loss k the perfect sink takes tanh(m)/m in the end, m = L sqrt(k/D)."""
    m = np.array([1e-3, 0.02, 0.5, 3.0, 20.0])
    found = shares(Column(1.0, 1.0, 0.0, math.inf, m**2), 1e9)
    np.testing.assert_allclose(found.taken, np.tanh(m) / m, rtol=1e-8)
    np.testing.assert_allclose(found.inside, 0.0, atol=1e-12)


def test_a_closed_floor_takes_nothing() -> None:
    found = shares(Column(1.0, 1.0, [0.0, 1.0, 50.0], 0.0, 0.5), 2.0)
    np.testing.assert_array_equal(found.taken, 0.0)
    np.testing.assert_allclose(found.inside, math.exp(-1.0), rtol=1e-12)


parameters = st.tuples(
    st.floats(0.0, 40.0),  # Peclet
    st.floats(-6.0, 6.0),  # log10 Biot
    st.one_of(st.just(0.0), st.floats(1e-5, 30.0)),  # loss
    st.floats(-5.0, 1.0),  # log10 time
)


@settings(max_examples=60, deadline=None)
@given(parameters)
def test_series_and_volumes_agree(drawn: tuple[float, float, float, float]) -> None:
    peclet, log_biot, loss, log_time = drawn
    biot, time = 10.0**log_biot, 10.0 ** max(log_time, -3.0)
    exact = shares(Column(1.0, 1.0, peclet, biot, loss), time)
    twin = by_volumes(Slab(1.0, 1.0, peclet, biot, loss), time, volumes=600, steps=600)
    for name in ("taken", "lost", "inside"):
        assert abs(float(getattr(exact, name)) - getattr(twin, name)) < 3e-5, name


@settings(max_examples=200, deadline=None)
@given(parameters)
def test_series_and_inversion_agree(drawn: tuple[float, float, float, float]) -> None:
    """Two exact ways that share no formula, at Peclet numbers on both sides of their seam."""
    peclet, log_biot, loss, log_time = drawn
    column = Column(1.0, 1.0, 0.125 * peclet, 10.0**log_biot, loss)
    time = 10.0**log_time
    ours = float(taken_share(column, time))
    assert ours == pytest.approx(float(taken_by_inversion(column, time)), abs=2e-9)
    assert ours == float(shares(column, time).taken)


@settings(max_examples=60, deadline=None)
@given(parameters, st.floats(0.5, 5_000.0), st.floats(0.05, 100.0))
def test_shares_balance_grow_and_scale(
    drawn: tuple[float, float, float, float], height: float, diffusivity: float
) -> None:
    peclet, log_biot, loss, log_time = drawn
    biot = 10.0**log_biot
    time = 10.0**log_time * np.array([1.0, 1.3, 2.0, 10.0])
    one = shares(Column(1.0, 1.0, peclet, biot, loss), time)
    np.testing.assert_allclose(one.taken + one.lost + one.inside, 1.0, atol=2e-9)
    # The inversion, which fast settling needs, is good to 1e-8 when all is taken.
    assert (np.diff(one.taken) >= -2e-8).all()
    # More permeable floors take more; a mixed column or a perfect sink more still.
    more = shares(Column(1.0, 1.0, peclet, 2.0 * biot, loss), time).taken
    sink = shares(Column(1.0, 1.0, peclet, math.inf, loss), time).taken
    assert (one.taken <= more + 2e-8).all()
    assert (more <= sink + 2e-8).all()
    # Only ratios matter: the same column in other units.
    unit = height / diffusivity
    scaled = Column(height, diffusivity, peclet / unit, biot / unit, loss * diffusivity / height**2)
    np.testing.assert_allclose(
        shares(scaled, time * height**2 / diffusivity).taken, one.taken, atol=2e-8
    )


@pytest.mark.parametrize("permeability", [0.5, math.inf])
@pytest.mark.parametrize("refined", ["space", "time"])
def test_volumes_are_second_order(permeability: float, refined: str) -> None:
    slab = Slab(1.0, 1.0, 1.0, permeability, 0.3)
    exact = float(shares(Column(1.0, 1.0, 1.0, permeability, 0.3), 0.2).taken)

    def error(n: int) -> float:
        volumes, steps = (n, 3_000) if refined == "space" else (2_500, n)
        return abs(by_volumes(slab, 0.2, volumes=volumes, steps=steps).taken - exact)

    order = math.log2(error(25) / error(50))
    assert 1.8 < order < 2.2


def test_volumes_lose_nothing() -> None:
    twin = by_volumes(Slab(2.0, 0.7, 1.3, 0.9, 0.2), 1.0, volumes=200, steps=100)
    assert twin.taken + twin.lost + twin.inside == pytest.approx(1.0, abs=1e-11)


@settings(max_examples=6, deadline=None)
@given(
    st.floats(0.0, 6.0),
    st.one_of(st.just(math.inf), st.floats(0.05, 20.0)),
    st.floats(0.0, 1.0),
    st.integers(0, 2**31),
)
def test_walkers_agree(peclet: float, biot: float, loss: float, seed: int) -> None:
    n = 40_000
    rng = Streams(seed).of("test.column.walkers")
    found = by_walkers(Slab(1.0, 1.0, peclet, biot, loss), 0.3, walkers=n, steps=50, rng=rng)
    known = shares(Column(1.0, 1.0, peclet, biot, loss), 0.3)
    for name in ("taken", "lost"):
        share = float(getattr(known, name))
        # Six standard errors of a share, and a thousandth for what shares one step: a false alarm
        # in 5e8.
        allowed = 6.0 * math.sqrt(max(share * (1.0 - share), 1e-4) / n) + 1e-3
        assert abs(getattr(found, name) - share) < allowed, name


def test_first_touch_is_a_perfect_sink() -> None:
    """Walkers that ever touch a floor that takes few are as many as a perfect sink takes."""
    n = 60_000
    rng = Streams(7).of("test.column.touch")
    found = by_walkers(Slab(1.0, 1.0, 0.5, 0.01, 0.0), 0.2, walkers=n, steps=50, rng=rng)
    known = float(shares(Column(1.0, 1.0, 0.5), 0.2).taken)
    # Those few that are taken had touched before. Six standard errors.
    assert abs(found.touched - known) < 6.0 * math.sqrt(known * (1.0 - known) / n) + 1e-3


def test_arrays_are_single_columns() -> None:
    rng = Streams(3).of("test.column.arrays")
    height, settling = rng.uniform(500.0, 6_000.0, 5), rng.uniform(0.0, 0.2, 5)
    permeability = np.array([0.0, 1e-4, 1e-2, 1.0, math.inf])
    time = np.array([0.0, 30.0, 3_600.0, 86_400.0])
    together = shares(
        Column(height[:, None], D, settling[:, None], permeability[:, None], 1e-6), time
    ).taken
    for i in range(5):
        for j in range(4):
            alone = shares(Column(height[i], D, settling[i], permeability[i], 1e-6), time[j])
            assert float(alone.taken) == pytest.approx(float(together[i, j]), rel=1e-12, abs=0.0)


def test_stirring_takes_a_perfect_floor_all_at_once() -> None:
    found = stirred(Column(L_UM, D), [0.0, 1.0])
    np.testing.assert_array_equal(found.taken, [0.0, 1.0])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("height_um", 0.0),
        ("diffusivity_um2_per_s", math.nan),
        ("settling_um_per_s", -1.0),
        ("permeability_um_per_s", math.nan),
        ("loss_per_s", math.inf),
    ],
)
def test_no_column_of_nonsense(field: str, value: float) -> None:
    values = {"height_um": 1.0, "diffusivity_um2_per_s": 1.0, field: value}
    with pytest.raises(InputError, match=field):
        Column(**values)


def test_no_time_before_zero() -> None:
    with pytest.raises(InputError, match="time"):
        shares(Column(1.0, 1.0), -1.0)


def test_no_warning_at_the_ends_of_every_range() -> None:
    ends = np.array([0.0, 1e-12, 1.0, 1e6])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for peclet in ends:
            for biot in (*ends, math.inf):
                found = shares(Column(1.0, 1.0, peclet, biot, ends), [[0.0], [1e-9], [1.0], [1e6]])
                assert np.isfinite(found.taken).all()
                assert ((found.taken >= 0.0) & (found.taken <= 1.0)).all()
