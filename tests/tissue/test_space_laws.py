"""Closed forms and small laws of the space between cells: depth, binding, sites that fill."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.numerics.brownian import Binding
from exosome.tissue.range_law import among_types, decay_with, range_law
from exosome.tissue.saturation import Sites
from exosome.tissue.vessel_law import DepthLaw, exit_per_s, left_in_passage

lengths = st.floats(1.0, 200.0)


@given(length=lengths, depth=st.floats(0.0, 300.0))
def test_behind_a_wide_vessel_the_depth_is_exponential(length, depth):
    found = DepthLaw(1e7, length).beyond(np.array([depth]))[0]
    assert found == pytest.approx(math.exp(-depth / length), rel=1e-4)


@given(radius=st.floats(1.0, 100.0), length=lengths)
def test_depths_integrate_the_steady_profile(radius, length):
    scipy = pytest.importorskip("scipy.special")
    law = DepthLaw(radius, length)
    x = np.linspace(0.0, 40.0 * length, 40_001)
    density = (radius + x) * scipy.kve(0, (radius + x) / length) * np.exp(-x / length)
    summed = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))]) / density.sum()
    assert np.abs((1.0 - summed) - law.beyond(x)).max() < 1e-3
    assert law.beyond(np.zeros(1))[0] == 1.0


def test_passages_add_up_to_the_rate():
    rate = exit_per_s(0.01, 5.0)
    once = left_in_passage(0.01, 5.0, 100.0, 50.0)
    assert (1.0 - once) ** 1800 == pytest.approx(math.exp(-3600.0 * rate))
    assert left_in_passage(0.01, 5.0, 100.0, 0.0) == 1.0
    assert left_in_passage(0.0, 5.0, 100.0, 0.0) == 0.0


@given(
    loss=st.floats(1e-4, 0.1), ratio=st.floats(0.01, 20.0), hold=st.floats(1.0, 600.0),
    exponent=st.floats(0.3, 3.0),
)  # fmt: skip
def test_loss_while_held_by_integral_and_by_formula(loss, ratio, hold, exponent):
    plain = decay_with(loss, Binding(ratio / hold, 1.0 / hold))
    assert plain == pytest.approx(loss * (1.0 + (ratio / hold) / (1.0 / hold + loss)))
    heavy = decay_with(loss, Binding(ratio / hold, 1.0 / hold, exponent))
    # The same integral by Monte Carlo over the time held; the mean of a share with 10^5 draws
    # has a standard error of 0.0016 at most.
    u = np.random.default_rng(1).random(100_000)
    held = (u ** (-1.0 / exponent) - 1.0) * hold
    lost = float(-np.expm1(-loss * held).mean())
    assert heavy == pytest.approx(loss + ratio / hold * lost, abs=6.0 * 0.0016 * ratio / hold)
    assert decay_with(loss, None) == loss
    assert decay_with(0.0, Binding(1.0, 1.0)) == 0.0


@given(k=st.floats(1e-4, 1.0), other=st.floats(1e-4, 1.0), share=st.floats(0.0, 1.0))
def test_types_of_cells_add_their_uptake(k, other, share):
    def law(permeability):
        return range_law(
            diffusivity_um2_per_s=2.0, cell_radius_um=6.0, cell_fraction=0.2,
            permeability_um_per_s=permeability, decay_per_s=0.003,
        )  # fmt: skip

    found = among_types([law(k), law(other)], np.array([share, 1.0 - share]))
    alone = [float(law(one).uptake_per_s) for one in (k, other)]
    assert float(found.uptake_per_s) == pytest.approx(share * alone[0] + (1.0 - share) * alone[1])


def test_sites_fill_and_come_back():
    fate = np.array([0, 0, 1, -1, -2], np.int32)
    end = np.array([0.0, 10.0, 10.0, 3.0, 4.0])
    for_ever = Sites(4.0).taken(fate, end, 10.0, 3)
    assert for_ever.tolist() == [0.5, 0.25, 0.0]
    assert Sites(1.0).taken(fate, end, 10.0, 3).tolist() == [1.0, 1.0, 0.0]  # never more than all
    half = Sites(4.0, 10.0 / math.log(2.0)).taken(fate, end, 10.0, 3)
    assert half == pytest.approx([0.375, 0.25, 0.0])
    twice = Sites(4.0).taken(fate, end, 10.0, 3, repeats=2)
    assert twice.tolist() == [0.25, 0.125, 0.0]


@pytest.mark.parametrize("return_s", [math.inf, 30.0])
def test_counting_sites_once_in_a_window_is_an_error_of_first_order(return_s):
    # Vesicles come evenly, and each is let in by an even sequence: no chance in this.
    n, sites, chance, time = 200_000, 20_000.0, 0.5, 60.0
    come = (np.arange(n) + 0.5) / n * time
    even = (np.arange(n) * (math.sqrt(5.0) - 1.0) / 2.0) % 1.0
    law = Sites(sites, return_s)

    def taken(windows):
        fate = np.full(n, -1, np.int32)
        for window in range(windows):
            begin = time * window / windows
            share = 1.0 - law.taken(fate, come, begin, 1)[0]
            here = (come >= begin) & (come < time * (window + 1) / windows)
            fate[here & (even < chance * share)] = 0
        return int((fate == 0).sum())

    rate = n / time * chance
    gone = rate / sites + (0.0 if math.isinf(return_s) else 1.0 / return_s)
    # dB/dt = rate (1 - B/N) - B/return; what is taken is the integral of the first term.
    rest = rate / gone
    held = rest * time + (rest / gone) * math.expm1(-gone * time)
    exact = rate * time - rate / sites * held
    off = [taken(windows) - exact for windows in (32, 64, 128, 256)]
    assert all(one > 0 for one in off)
    for coarse, fine in pairwise(off):
        assert 1.7 < coarse / fine < 2.4
