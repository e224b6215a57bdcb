"""Vesicles from a bath: equilibrium, the straight line to a sink, and what is refused."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from exosome.core.errors import InputError
from exosome.numerics.brownian import Face, Flow, Particles, Tube, World, advance
from exosome.tissue.influx import Bath, entries


def _verify():
    path = Path(__file__).parents[2] / "verify" / "space.py"
    spec = importlib.util.spec_from_file_location("verify_space", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_space"] = module
    spec.loader.exec_module(module)
    return module


space = _verify()


def _box(first, last=None, **changes):
    base = {
        "size_um": np.array([60.0, 60.0, 40.0]),
        "centres_um": np.zeros((0, 3)),
        "radii_um": np.zeros(0),
        "sphere_kinds": np.zeros(0, np.int64),
        "permeability_um_per_s": np.zeros((1, 1)),
        "decay_per_s": np.zeros(1),
        "faces": (Face("periodic"),) * 4 + (first, last or Face()),
    }
    return World(**{**base, **changes})


def _after(world, baths, until, diffusivities, seed=5, share=None):
    born = [entries(bath, world, until, diffusivities, seed, share) for bath in baths]
    which = np.concatenate([one.which for one in born])
    p = Particles.at(
        np.concatenate([one.position_um for one in born]),
        diffusivities[which],
        clock_s=np.concatenate([one.time_s for one in born]),
        class_of=which.astype(np.uint16),
    )
    advance(p, world, until, seed=seed)
    return p


@pytest.mark.parametrize("permeability", [math.inf, 0.3])
def test_equilibrium_and_straight_line(permeability):
    # Counts are Poisson: six standard errors, two-sided 2e-9 a row.
    for row in space.bath(60_000 if permeability < 1 else 20_000, permeability):
        assert row.passes, row


@pytest.mark.parametrize("permeability", [math.inf, 0.5])
def test_every_size_comes_to_its_own_concentration(permeability):
    d, share, c = np.array([1.0, 4.0]), np.array([0.25, 0.75]), 0.02
    world = _box(Face("absorbing", permeability))
    p = _after(world, [Bath(4, c, permeability)], 4000.0, d, share=share)
    z = p.position_um[:, 2]
    for kind in (0, 1):
        count = int((p.is_free & (z > 0.5) & (p.class_of == kind)).sum())
        exact = c * share[kind] * 3600.0 * 39.5
        assert abs(count - exact) < 6 * math.sqrt(exact), kind


def test_cells_at_the_face_exclude_and_keep_the_concentration():
    centres = np.array([[15.0, 15.0, 6.0], [57.0, 40.0, 6.2], [30.0, 30.0, 30.0]])
    world = _box(Face("absorbing"), centres_um=centres, radii_um=np.array([6.0, 6.0, 9.0]),
                 sphere_kinds=np.zeros(3, np.int64))  # fmt: skip
    p = _after(world, [Bath(4, 0.02, depth_um=0.25)], 3000.0, np.array([3.0]))
    volume = 3600.0 * 39.75 - 4 / 3 * math.pi * (2 * 6.0**3 + 9.0**3)
    count = int((p.is_free & (p.position_um[:, 2] > 0.25)).sum())
    assert abs(count - 0.02 * volume) < 6 * math.sqrt(0.02 * volume) + 0.01 * 0.02 * volume


@pytest.mark.parametrize("speed", [0.5, -0.5])
def test_a_flow_carries_the_concentration_in_and_out(speed):
    world = _box(Face("absorbing"), Face("absorbing"), flow=Flow("uniform", (0.0, 0.0, speed)))
    p = _after(world, [Bath(4, 0.02), Bath(5, 0.02)], 800.0, np.array([3.0]))
    z = p.position_um[p.is_free, 2]
    for low, high in ((0.5, 13.0), (13.0, 26.0), (26.0, 39.5)):
        exact = 0.02 * 3600.0 * (high - low)
        assert abs(int(((z > low) & (z < high)).sum()) - exact) < 6 * math.sqrt(exact)


def test_a_flow_in_a_tube_brings_its_own():
    world = _box(Face("absorbing"), Face("absorbing"), tube=Tube((30.0, 30.0), 20.0, 0.3, 0.0, 5.0))
    p = _after(world, [Bath(4, 0.02), Bath(5, 0.02)], 800.0, np.array([3.0]))
    at = p.position_um[p.is_free & (np.abs(p.position_um[:, 2] - 20.0) < 19.5)]
    inside = int(world.tube.holds(at).sum())
    area = math.pi * 400.0
    for count, exact in (
        (inside, 0.02 * area * 39.0),
        (len(at) - inside, 0.02 * (3600.0 - area) * 39.0),
    ):
        assert abs(count - exact) < 6 * math.sqrt(exact) + 0.01 * exact


def test_births_have_an_address():
    world = _box(Face("absorbing", 0.3))
    one, two = (entries(Bath(4, 0.02, 0.3), world, 500.0, np.array([3.0]), 7) for _ in range(2))
    other = entries(Bath(4, 0.02, 0.3), world, 500.0, np.array([3.0]), 8)
    assert one.position_um.tobytes() == two.position_um.tobytes()
    assert one.position_um.tobytes() != other.position_um.tobytes()
    assert (np.diff(one.time_s) >= 0.0).all()
    assert len(entries(Bath(4, 0.0, 0.3), world, 500.0, np.array([3.0]), 7)) == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Bath(6, 1.0), "faces 0 to 5"),
        (lambda: Bath(0, -1.0), "concentration"),
        (lambda: Bath(0, math.nan), "concentration"),
        (lambda: Bath(0, 1.0, 0.0), "permeability"),
        (lambda: Bath(0, 1.0, depth_um=0.0), "depth"),
        (lambda: _born(_box(Face()), Bath(4, 1.0)), "absorbing"),
        (lambda: _born(_box(Face("absorbing", 0.2)), Bath(4, 1.0, 0.3)), "absorbing"),
        (
            lambda: _born(
                _box(Face("absorbing", 0.3), flow=Flow("uniform", (0.0, 0.0, 1.0))),
                Bath(4, 1.0, 0.3),
            ),
            "membrane",
        ),
        (lambda: _born(_box(Face("absorbing")), Bath(4, 1.0, depth_um=50.0)), "beyond the box"),
    ],
)
def test_what_is_refused(make, says):
    with pytest.raises(InputError, match=says):
        make()


def _born(world, bath):
    return entries(bath, world, 10.0, np.array([3.0]), 1)
