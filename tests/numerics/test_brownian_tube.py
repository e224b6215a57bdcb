"""A tube with its wall and flow, binding to the matrix: laws on every backend, and what is refused.

Rows of `verify/space.py` pass within six standard errors (two-sided 2e-9) plus the bias asked for.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exosome.core.errors import InputError
from exosome.numerics.brownian import (
    BOUND,
    DECAYED,
    FREE,
    LEFT,
    WALL,
    Binding,
    Face,
    Flow,
    Particles,
    Tube,
    World,
    advance,
)
from exosome.numerics.brownian.exact_tube import left_in_tube, shares_at_tube


def _verify():
    path = Path(__file__).parents[2] / "verify" / "space.py"
    spec = importlib.util.spec_from_file_location("verify_space", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_space"] = module
    spec.loader.exec_module(module)
    return module


space = _verify()
MOVERS = space.MOVERS


def _hold(rows):
    rows = list(rows)
    assert rows
    for row in rows:
        assert row.passes, row


def _state(p):
    return p.position_um.tobytes() + p.fate.tobytes() + p.clock_s.tobytes() + p.draws.tobytes()


def test_series_and_equation_agree_on_a_tube_that_takes_up():
    for uptake in (math.inf, 1.0, 0.1):
        for start, time in ((0.0, 40.0), (15.0, 10.0), (19.5, 5.0)):
            series = 1.0 - left_in_tube(start, time, 20.0, 3.0, uptake)
            _, taken = shares_at_tube(np.array([start]), time, 20.0, 3.0, 0.0, uptake, 90.0)
            assert abs(taken[0] - series) < 1e-4


def test_the_equation_keeps_what_a_membrane_parts():
    inside, taken = shares_at_tube(np.array([5.0, 19.0, 21.0]), 5e4, 20.0, 3.0, 0.5, 0.0, 60.0)
    # At equilibrium every start has the same share inside: that of the area.
    assert np.abs(inside - 400.0 / 3600.0).max() < 1e-4
    assert np.abs(taken).max() < 1e-6  # rounding of the solver


@pytest.mark.parametrize("mover", MOVERS)
def test_the_wall_takes_up_what_theory_says(mover):
    n = 3_000 if mover == "plain" else 20_000
    _hold(
        space.wall_of_tube(
            n, MOVERS[mover], uptakes=(math.inf, 0.3), inside=((15.0, 10.0),),
            outside=((22.0, 10.0),),
        )
    )  # fmt: skip


@pytest.mark.parametrize("mover", MOVERS)
def test_a_membrane_parts_what_theory_says(mover):
    n = 3_000 if mover == "plain" else 20_000
    walls = ((0.2, 0.0), (5.0, 0.0), (0.3, 0.3))
    _hold(space.membrane(n, MOVERS[mover], walls=walls, starts=((15.0, 20.0), (21.0, 5.0))))


# Twenty cases of three rows each, at 2e-9.
@settings(max_examples=20, deadline=None)
@given(
    radius=st.floats(4.0, 25.0),
    where=st.floats(0.0, 1.8),
    diffusivity=st.floats(0.5, 8.0),
    scale=st.floats(0.1, 2.0),
    through=st.sampled_from([0.0, 0.05, 0.5, 5.0]),
    into=st.sampled_from([0.0, 0.1, 1.0, math.inf]),
)
def test_unseen_tubes(radius, where, diffusivity, scale, through, into):
    if abs(where - 1.0) < 0.02:
        where = 1.1
    world = space.with_tube(Tube((120.0, 120.0), radius, through, into))
    time = scale * radius**2 / (2.0 * diffusivity)
    p = Particles.at(space.from_axis(world, where * radius, 20_000), diffusivity)
    advance(p, world, time, seed=space.SEED)
    inside, taken = shares_at_tube(
        np.array([where * radius]), time, radius, diffusivity, through, into, 300.0
    )
    found = (
        (p.is_free & world.tube.holds(p.position_um), inside[0]),
        (p.fate == WALL, taken[0]),
    )
    for chosen, exact in found:
        ours, error = space.share(chosen)
        # A share near zero has a binomial error that the standard error does not tell.
        if exact > 1e-3:
            assert abs(ours - exact) <= 0.02 * exact + space.SURE * error, (ours, exact)
    assert ((p.fate == FREE) | (p.fate == WALL)).all()


def test_compartments_mix_and_flow_disperses():
    _hold(space.well_mixed(4_000))
    _hold(space.jump_at_membrane(40_000))
    _hold(space.poiseuille(4_000))


def test_a_tube_without_a_wall_is_no_tube():
    # Transparent, so the laws of free diffusion: mean square way 4 D t across, from anywhere.
    world = space.with_tube(Tube((120.0, 120.0), 10.0, math.inf))
    p = Particles.at(space.from_axis(world, 9.0, 20_000), 3.0)
    advance(p, world, 20.0, seed=1)
    away = ((p.position_um[:, :2] - [129.0, 120.0]) ** 2).sum(axis=1)
    assert abs(away.mean() / 240.0 - 1.0) < 0.005 + 6.0 / math.sqrt(20_000)


def test_nothing_goes_through_a_tight_wall_near_faces_and_cells():
    world = World(
        np.full(3, 40.0), np.array([[8.0, 8.0, 20.0], [20.0, 12.5, 20.0]]), np.array([4.0, 3.0]),
        np.zeros(2, np.int64), np.zeros((1, 1)), np.zeros(1), tube=Tube((20.0, 30.0), 9.9, 0.0),
    )  # fmt: skip
    at = np.random.default_rng(2).uniform(0.0, 40.0, (20_000, 3))
    at = at[(np.linalg.norm(at[:, None] - world.centres_um, axis=2) > world.radii_um).all(axis=1)]
    before = world.tube.holds(at)
    p = Particles.at(at, 3.0)
    advance(p, world, 60.0, seed=3)
    assert np.array_equal(world.tube.holds(p.position_um), before)
    gap = np.linalg.norm(p.position_um[:, None] - world.centres_um, axis=2) - world.radii_um
    assert (gap > -1e-6).all()


def _busy(**changes):
    faces = (Face("periodic"), Face("periodic"), Face(), Face(), Face("absorbing", 0.3), Face())
    base = {
        "size_um": np.full(3, 60.0),
        "centres_um": np.array([[10.0, 10, 20], [50.0, 10, 40], [30.0, 8, 30]]),
        "radii_um": np.array([6.0, 6.0, 5.0]),
        "sphere_kinds": np.zeros(3, np.int64),
        "permeability_um_per_s": np.array([[0.5]]),
        "decay_per_s": np.array([0.01]),
        "faces": faces,
        "flow": Flow("around", (0.0, 0.0, 0.3)),
        "tube": Tube((30.0, 42.0), 12.0, 0.3, 0.1, 10.0),
        "binding": (Binding(0.3, 0.5, 0.7, 50.0),),
    }
    return World(**{**base, **changes})


@pytest.mark.parametrize("step", [0.0, 0.05])
def test_threads_do_not_change_a_bit_with_all_of_it(step):
    world = _busy()
    at = space.between(world, 20_000, 6)
    states = []
    for workers in (1, 2, 3):
        p = Particles.at(at, 3.0)
        advance(p, world, 4.0, seed=9, step_s=step, workers=workers)
        advance(p, world, 8.0, seed=9, step_s=step, workers=workers)
        states.append(_state(p))
    assert states[0] == states[1] == states[2]
    assert {WALL, DECAYED, BOUND, FREE, LEFT - 4, 0} <= set(p.fate.tolist())
    held = p.is_bound
    assert (p.clock_s[held] >= 8.0).all()
    assert not world.tube.holds(p.position_um[held]).any()


@pytest.mark.parametrize("mover", MOVERS)
def test_binding_obeys_the_two_states(mover):
    # The plain twin binds at the end of a step: its steps are a hundredth of the time to bind.
    times = (0.5, 4.0) if mover == "plain" else (0.5, 4.0, 100.0)
    _hold(space.binds(4_000 if mover == "plain" else 20_000, MOVERS[mover], times))


def test_waits_without_a_mean():
    _hold(space.anomalous(10_000))


# Held, lost and let go at the same moments, however a run is cut.
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    bind=st.floats(0.01, 3.0),
    release=st.floats(0.01, 3.0),
    exponent=st.sampled_from([0.5, 0.9, 2.0, math.inf]),
    decay=st.sampled_from([0.0, 0.02]),
    windows=st.integers(2, 12),
)
def test_windows_do_not_change_who_is_bound(seed, bind, release, exponent, decay, windows):
    world = space.matrix(Binding(bind, release, exponent, 30.0), decay)
    states = []
    for count in (1, windows):
        p = Particles.at(np.full((300, 3), 5e5), 0.0)
        for window in range(count):
            advance(p, world, 40.0 * (window + 1) / count, seed=seed)
            assert (p.clock_s[p.is_free] == 40.0 * (window + 1) / count).all()
        states.append(p.fate.tobytes() + p.clock_s.tobytes() + p.position_um.tobytes())
    assert states[0] == states[1]


def test_binding_that_is_off_changes_nothing():
    at = space.between(_busy(), 2_000, 6)
    states = []
    for binding in ((), (Binding(0.0, 1.0),)):
        p = Particles.at(at, 3.0)
        advance(p, _busy(binding=binding), 5.0, seed=9)
        states.append(_state(p))
    assert states[0] == states[1]


def test_mean_waits():
    assert Binding(1.0, 0.5).mean_wait_s == 2.0
    assert Binding(1.0, 0.5).free_share == 1.0 / 3.0
    assert Binding(1.0, 2.0, 3.0).mean_wait_s == 0.25
    assert Binding(1.0, 1.0, 0.5).mean_wait_s == math.inf
    assert Binding(1.0, 1.0, 0.5).free_share == 0.0
    assert Binding(1.0, 1.0, 0.5, 8.0).mean_wait_s == pytest.approx(4.0)
    assert Binding(1.0, 1.0, 1.0, math.e - 1.0).mean_wait_s == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Tube((30.0, 30.0), 0.0, 1.0), "radius"),
        (lambda: Tube((30.0, math.nan), 5.0, 1.0), "axis"),
        (lambda: Tube((30.0, 30.0), 5.0, -1.0), "permeability"),
        (lambda: Tube((30.0, 30.0), 5.0, 1.0, mean_speed_um_per_s=math.inf), "speed"),
        (lambda: Binding(-1.0, 1.0), "binding"),
        (lambda: Binding(1.0, 0.0), "release"),
        (lambda: Binding(1.0, 1.0, 0.0), "exponent"),
        (lambda: Binding(1.0, 1.0, 0.5, 0.0), "longest"),
        (lambda: _busy(tube=Tube((30.0, 52.0), 12.0, 1.0)), "leaves the box"),
        (lambda: _busy(tube=Tube((30.0, 20.0), 12.0, 1.0)), "sphere 2 overlaps the wall"),
        (lambda: _busy(tube=Tube((30.0, 15.0), 15.0, 1.0, 0.0, 5.0)), "overlaps|in the flow"),
        (lambda: _busy(flow=Flow("uniform", (0.1, 0.0, 0.0))), "go along it"),
        (lambda: _busy(binding=(Binding(1.0, 1.0),) * 2), "each particle kind"),
    ],
)
def test_what_is_refused(make, says):
    with pytest.raises(InputError, match=says):
        make()


def test_flow_in_a_tube_is_that_of_fine_steps():
    world = space.with_tube(Tube((30.0, 30.0), 10.0, 0.3, 0.0, 5.0), (60.0, 60.0, 1e4))
    moved = {}
    for mover, n in (("events", 20_000), ("fixed steps", 20_000), ("plain", 4_000)):
        p = Particles.at(space.from_axis(world, 7.0, n), 2.0)
        MOVERS[mover](p, world, 20.0)
        moved[mover] = p.position_um[:, 2] - 5e3
    for mover in ("events", "fixed steps"):
        a, b = moved[mover], moved["plain"]
        error = math.hypot(a.std() / math.sqrt(a.size), b.std() / math.sqrt(b.size))
        # Six standard errors and the bias asked for.
        assert abs(a.mean() - b.mean()) < 0.01 * b.mean() + 6 * error
        spread = [one.std() / math.sqrt(2 * one.size) for one in (a, b)]
        assert abs(a.std() - b.std()) < 0.02 * b.std() + 6 * 1.5 * math.hypot(*spread)
