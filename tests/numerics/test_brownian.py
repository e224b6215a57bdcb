"""Particles among spheres: laws on every backend, chance by address, and what is refused.

Rows of `verify/space.py` pass within six standard errors (two-sided 2e-9) plus the bias asked
for; the module is loaded here so that both lanes hold the same laws.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from exosome.core.errors import InputError
from exosome.numerics.brownian import (
    DECAYED,
    FREE,
    LEFT,
    Bounds,
    Face,
    Flow,
    Particles,
    World,
    advance,
    bounds_for,
    bytes_per_particle,
)
from exosome.numerics.brownian.philox import blocks, compiled_blocks, compiled_normals


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
    for row in rows:
        assert row.passes, row


# Salmon et al.'s library Random123, file kat_vectors, philox4x32 with 10 rounds.
KNOWN = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


@pytest.mark.parametrize("make", [blocks, compiled_blocks])
@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_gives_the_published_words(make, counter, key, words):
    assert tuple(int(w) for w in make(np.array([counter], np.uint64), key)[0]) == words


def test_normal_numbers_are_the_inverse_of_their_distribution():
    words = np.concatenate(
        [np.array([0, 1, 2**31, 2**32 - 1], np.uint64), np.arange(0, 2**32, 99991, np.uint64)]
    )
    exact = ndtri((words.astype(float) + 0.5) * 2.0**-32)
    off = np.abs(compiled_normals(words) - exact)
    assert (off / np.maximum(1.0, np.abs(exact))).max() < 5e-7


@pytest.mark.parametrize("mover", MOVERS)
@pytest.mark.parametrize("permeability", [math.inf, 0.5, 0.0])
def test_one_sphere_takes_up_what_theory_says(mover, permeability):
    n = 4_000 if mover == "plain" else 20_000
    _hold(
        space.sphere(n, MOVERS[mover], permeability=permeability, cases=((8.5, 2.0), (11.0, 15.0)))
    )


@pytest.mark.parametrize("mover", MOVERS)
def test_drift_and_decay(mover):
    _hold(space.drift(4_000, MOVERS[mover]))
    if mover != "plain":  # whose clock of decay has the resolution of its step
        _hold(space.decay_length(10_000, MOVERS[mover]))


def test_flow_sizes_bath_and_many_spheres():
    _hold(space.drift_on_sphere(20_000))
    _hold(space.stream(20_000))
    _hold(space.sizes(20_000))
    _hold(space.steady(40_000, permeability=1.0))
    _hold(space.many(20_000))


# Twenty cases, two rows each, at 2e-9.
@settings(max_examples=20, deadline=None)
@given(
    radius=st.floats(3.0, 12.0),
    gap=st.floats(0.5, 15.0),
    diffusivity=st.floats(0.5, 8.0),
    scale=st.floats(0.2, 4.0),
    permeability=st.sampled_from([math.inf, 0.02, 0.3, 3.0, 30.0]),
)
def test_unseen_spheres(radius, gap, diffusivity, scale, permeability):
    time = scale * (radius + gap) ** 2 / (2.0 * diffusivity)
    # A share near zero has a binomial error that the standard error does not tell.
    rows = [
        row
        for row in space.sphere(
            20_000,
            space.by_events,
            permeability=permeability,
            cases=((radius + gap, time),),
            radius=radius,
            diffusivity=diffusivity,
        )
        if row.exact > 1e-3
    ]
    # The bias asked for is 0.005; directions were measured on few geometries: 0.08 here.
    assert rows
    for row in rows:
        loose = 0.08 if row.quantity.startswith("mean") else 0.01
        assert abs(row.ours - row.exact) <= loose * row.exact + space.SURE * row.error, row


def test_error_of_a_filling_surface_halves_with_its_window():
    (_, a), (_, b), (_, c) = space.filling((8, 16, 32), n=100_000)
    # The three runs share their chance only in part: the difference of two shares of about 0.3
    # has a standard error of 0.002, so six of them bound the noise on the ratio's top.
    assert a > b > c
    assert abs((a - b) - 2.0 * (b - c)) < 6 * 0.002 * 3


@pytest.mark.parametrize("permeability", [math.inf, 0.4])
def test_a_plane_takes_up_what_theory_says(permeability):
    n, a, d, t = 40_000, 4.0, 3.0, 6.0
    faces = [Face()] * 6
    faces[4] = Face("absorbing", permeability)
    world = World(
        np.full(3, 500.0), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64),
        np.ones((1, 1)), np.zeros(1), faces=tuple(faces),
    )  # fmt: skip
    p = Particles.at(np.tile([250.0, 250.0, a], (n, 1)), d)
    advance(p, world, t, seed=3)
    found = (p.fate == LEFT - 4).mean()
    s, h = a / math.sqrt(4 * d * t), permeability / d
    exact = math.erfc(s)
    if not math.isinf(permeability):
        exact -= math.exp(h * a + h * h * d * t) * math.erfc(s + h * math.sqrt(d * t))
    assert abs(found - exact) < 6 * math.sqrt(exact * (1 - exact) / n)


def _small(n=20_000, **changes):
    world = space.packed(0.2, seed=4, box=80.0)
    if changes:
        world = World(
            world.size_um, world.centres_um, world.radii_um, world.sphere_kinds,
            np.array([[0.5]]), np.array([1e-2]), faces=world.faces, **changes,
        )  # fmt: skip
    return world, space.between(world, n, seed=5)


def _state(p):
    return p.position_um.tobytes() + p.fate.tobytes() + p.clock_s.tobytes() + p.draws.tobytes()


@pytest.mark.parametrize("step", [0.0, 0.05])
def test_threads_do_not_change_a_bit(step):
    world, at = _small(flow=Flow("around", (0.2, 0.0, 0.1)))
    states = []
    for workers in (1, 2, 3):
        p = Particles.at(at, 3.0)
        advance(p, world, 2.0, seed=9, step_s=step, workers=workers)
        states.append(_state(p))
    assert states[0] == states[1] == states[2]


def test_a_particle_does_not_depend_on_its_company():
    world, at = _small(flow=Flow())
    whole, part = Particles.at(at, 3.0), Particles.at(at, 3.0)
    order = np.random.default_rng(0).permutation(len(whole))[:5_000]
    part = part.where(order)
    for p in (whole, part):
        advance(p, world, 2.0, seed=9)
    assert _state(whole.where(order)) == _state(part)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), fraction=st.floats(0.02, 0.3), decay=st.floats(0.0, 0.1))
def test_every_particle_has_one_fate_and_a_place(seed, fraction, decay):
    world = space.packed(fraction, seed=seed % 1000, box=60.0)
    world = World(
        world.size_um, world.centres_um, world.radii_um, world.sphere_kinds,
        np.array([[1.0]]), np.array([decay]), faces=world.faces,
    )  # fmt: skip
    p = Particles.at(space.between(world, 2_000, seed), 2.0)
    advance(p, world, 5.0, seed=seed)
    advance(p, world, 9.0, seed=seed)
    taken = (p.fate >= 0) & (p.fate < world.radii_um.size)
    assert (taken | (p.fate == FREE) | (p.fate == DECAYED)).all()
    assert (p.clock_s[p.fate == FREE] == 9.0).all()
    assert (p.clock_s <= 9.0).all()
    assert ((p.position_um >= 0.0) & (p.position_um <= world.size_um)).all()
    # No one is free inside a sphere.
    gap = np.linalg.norm(p.position_um[:, None] - world.centres_um, axis=2) - world.radii_um
    assert (gap[p.fate == FREE] > -1e-6).all()


def test_voxel_lists_hold_the_two_nearest():
    world, at = _small(3_000, flow=Flow())
    grid = world.grid()
    voxel = np.minimum((at * grid.voxels_per_um).astype(int), grid.counts - 1)
    voxel = (voxel[:, 0] * grid.counts[1] + voxel[:, 1]) * grid.counts[2] + voxel[:, 2]
    gaps = np.linalg.norm(at[:, None] - grid.spheres[None, :, :3], axis=2) - grid.spheres[:, 3]
    nearest = np.argsort(gaps, axis=1)[:, :2]
    for v, two, gap in zip(voxel, nearest, gaps, strict=True):
        listed = set(grid.listed[grid.start[v] : grid.start[v + 1]].tolist())
        assert {int(s) for s in two if gap[s] < grid.reach} <= listed
        entries = grid.entry_gap[grid.start[v] : grid.start[v + 1]]
        assert np.all(np.diff(entries) >= 0.0)
    off = np.linalg.norm(
        at - (np.floor(at * grid.voxels_per_um) + 0.5) / grid.voxels_per_um, axis=1
    )
    assert np.all(grid.middle[voxel] - off <= gaps.min(axis=1))
    assert np.all(grid.middle[voxel] + off >= np.minimum(gaps.min(axis=1), grid.reach) - 2e-3)


def test_memory_of_a_particle():
    assert bytes_per_particle() <= 64


def test_finer_bounds_for_smaller_bias():
    rows = [bounds_for(bias) for bias in (0.01, 0.005, 0.0025, 0.001)]
    for coarse, fine in pairwise(rows):
        assert all(a < b for a, b in zip(coarse[:4], fine[:4], strict=True))
        assert coarse.floor > fine.floor
    with pytest.raises(InputError, match="below what was measured"):
        bounds_for(1e-5)
    with pytest.raises(InputError):
        bounds_for(math.nan)


def _world(**changes):
    base = {
        "size_um": np.full(3, 50.0),
        "centres_um": np.array([[15.0, 15.0, 15.0], [35.0, 35.0, 35.0]]),
        "radii_um": np.array([5.0, 5.0]),
        "sphere_kinds": np.zeros(2, np.int64),
        "permeability_um_per_s": np.array([[1.0]]),
        "decay_per_s": np.zeros(1),
    }
    return World(**{**base, **changes})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"centres_um": np.array([[15.0, 15, 15], [20.0, 15, 15]])}, "spheres 0 and 1 overlap"),
        ({"centres_um": np.array([[15.0, 15, 15], [47.0, 15, 15]])}, "leaves the box"),
        ({"centres_um": np.array([[15.0, 15, 15], [np.nan, 15, 15]])}, "finite"),
        ({"radii_um": np.array([5.0, 0.0])}, "positive"),
        ({"permeability_um_per_s": np.array([[-1.0]])}, "permeabilities"),
        ({"decay_per_s": np.array([np.nan])}, "decay"),
        ({"sphere_kinds": np.array([0, 1])}, "kind without permeabilities"),
        ({"faces": (Face("periodic"), *(Face(),) * 5)}, "periodic face opposite"),
        ({"size_um": np.array([50.0, 0.0, 50.0])}, "three positive edges"),
    ],
)
def test_worlds_that_cannot_be(changes, says):
    with pytest.raises(InputError, match=says):
        _world(**changes)


@pytest.mark.parametrize(
    ("particles", "until", "says"),
    [
        (Particles.at(np.full((1, 3), np.nan), 1.0), 1.0, "positions"),
        (Particles.at(np.full((1, 3), 60.0), 1.0), 1.0, "positions"),
        (Particles.at(np.full((1, 3), 25.0), np.nan), 1.0, "diffusivities"),
        (Particles.at(np.full((1, 3), 25.0), 1.0), math.inf, "time"),
        (Particles.at(np.full((1, 3), 25.0), 1.0, kind=3), 1.0, "kind"),
    ],
)
def test_particles_that_cannot_be(particles, until, says):
    with pytest.raises(InputError, match=says):
        advance(particles, _world(), until, seed=1)


def test_zero_diffusivity_stays():
    p = Particles.at(np.full((1, 3), 25.0), 0.0)
    advance(p, _world(), 10.0, seed=1, bias=Bounds(2.0, 1.0, 3.0, 2.0, 0.05))
    assert p.position_um.tolist() == [[25.0, 25.0, 25.0]]
