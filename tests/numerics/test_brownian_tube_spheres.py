"""Spheres beside a tube: nothing is taken up through its wall."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exosome.numerics.brownian import Particles, Tube, World, advance
from exosome.numerics.brownian.reference import advance_plainly


def _world(permeability):
    at = np.array([[26.0, 20.0, 10.0], [14.0, 20.0, 20.0], [20.0, 26.0, 30.0]])
    return World(
        np.array([40.0, 40.0, 40.0]), at, np.full(3, 0.99), np.zeros(3, np.int64),
        np.full((1, 1), math.inf), np.zeros(1), tube=Tube((20.0, 20.0), 5.0, permeability),
    )  # fmt: skip


@pytest.mark.parametrize("backend", ["compiled", "plain"])
def test_no_sphere_takes_up_through_a_shut_wall(backend):
    rng = np.random.default_rng(1)
    turn, out = rng.uniform(0.0, 2.0 * math.pi, 5000), 4.9 * np.sqrt(rng.random(5000))
    start = np.column_stack(
        [20.0 + out * np.cos(turn), 20.0 + out * np.sin(turn), rng.uniform(0.0, 40.0, 5000)]
    )
    p, world = Particles.at(start, 3.0), _world(0.0)
    if backend == "compiled":
        advance(p, world, 20.0, seed=1)
    else:
        advance_plainly(p, world, 20.0, step_s=0.1, seed=1)
    assert p.is_free.all()
    assert world.tube.holds(p.position_um).all()


def test_through_a_leaky_wall_both_take_up_alike():
    rng = np.random.default_rng(2)
    n = 20_000
    turn, out = rng.uniform(0.0, 2.0 * math.pi, n), 4.9 * np.sqrt(rng.random(n))
    start = np.column_stack(
        [20.0 + out * np.cos(turn), 20.0 + out * np.sin(turn), rng.uniform(0.0, 40.0, n)]
    )
    shares = []
    for move in (
        lambda p: advance(p, _world(1.0), 40.0, seed=1),
        lambda p: advance_plainly(p, _world(1.0), 40.0, step_s=0.05, seed=1),
    ):
        p = Particles.at(start, 3.0)
        move(p)
        shares.append((p.fate >= 0).mean())
    error = math.sqrt(2.0 * shares[1] / n)
    # Six standard errors of the difference, and the bias of steps and of the fixed ones.
    assert abs(shares[0] - shares[1]) < 6.0 * error + 0.03 * shares[1]
