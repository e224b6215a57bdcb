"""Doses among cells: a sender's neighbourhood and a joint, limits and removals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from exosome.catalog.load import load_catalog
from exosome.core.random import Streams
from exosome.delivery.draws import Draws, coordinates, draw
from exosome.delivery.problem import Sourcing
from exosome.delivery.space import taken_in_a_joint, taken_within

SIZE = 400


def near(inputs: Draws, within: float = 100.0, cells: float = 800.0) -> np.ndarray:
    return taken_within(within, inputs.constant(cells), inputs)


def joint(inputs: Draws, cells: float = 3e8) -> np.ndarray:
    return taken_in_a_joint(inputs.constant(cells), inputs)


def drawn(law) -> Draws:
    sourcing = Sourcing(load_catalog(), where="test")
    law(sourcing)
    roles = tuple(sourcing.pools)
    return draw(sourcing.pools, coordinates(roles, Streams(1), SIZE), SIZE)


@pytest.fixture(params=["near", "joint"])
def place(request: pytest.FixtureRequest):
    law = {"near": near, "joint": joint}[request.param]
    return law, drawn(law)


def test_shares_are_shares_and_more_cells_take_more(place) -> None:
    law, inputs = place
    few, many = (law(inputs, cells=count) for count in (200.0, 600.0))
    assert (few > 0.0).all()
    assert (many <= 1.0 + 1e-12).all()
    assert (many > few).all()


def test_without_uptake_nothing_is_taken_up(place) -> None:
    law, inputs = place
    assert law(inputs.with_value("surface_permeability.tissue_cell", 0.0)).max() == 0.0


def test_loss_takes_away_from_uptake() -> None:
    inputs = drawn(near)
    fast = inputs.with_value("space_loss", 1e3)
    none = inputs.with_value("space_loss", 0.0).with_value("interstitial_flow", 0.0)
    none = none.with_value("matrix_mesh", 1e6)
    assert near(fast).max() < 1e-4
    far = taken_within(1e5, inputs.constant(800e9), none)
    assert far == pytest.approx(1.0, abs=1e-6)


def test_flow_carries_past_the_neighbours_and_a_longer_way_catches_more() -> None:
    inputs = drawn(near)
    still = inputs.with_value("interstitial_flow", 0.0)
    assert (near(inputs) < near(still)).all()
    density = 800.0 / 100.0**3
    shares = [near(inputs, within, density * within**3) for within in (20.0, 50.0, 100.0, 300.0)]
    for less, more in itertools.pairwise(shares):
        assert (more >= less).all()


def test_a_mesh_finer_than_every_vesicle_lets_none_reach_a_cell() -> None:
    inputs = drawn(near).with_value("matrix_mesh", 1.0)
    assert near(inputs).max() == 0.0


def test_more_balls_than_fit_are_taken_as_smaller_ones() -> None:
    inputs = drawn(near)
    crowded = near(inputs, cells=50_000.0)
    assert np.isfinite(crowded).all()
    assert (crowded <= 1.0).all()


def test_a_joint_that_nothing_leaves_gives_all_to_its_lining() -> None:
    inputs = drawn(joint)
    closed = inputs.with_value("body_rate.lysis", 0.0)
    for way in ("lymph", "blood"):
        closed = closed.with_value(f"body_rate.depot_{way}.ia", 0.0)
    assert joint(closed) == pytest.approx(1.0)
    drained = inputs.with_value("body_rate.depot_lymph.ia", 1e6)
    assert np.median(joint(drained)) < 1e-3
    larger = inputs.with_value("compartment_volume.joint", 100.0)
    assert (joint(larger) < joint(inputs)).all()


def test_a_joint_is_a_race_of_two_rates() -> None:
    # One size, one cell: clearance of its surface over the volume, against lysis alone.
    inputs = drawn(joint)
    told = {
        "vesicle_diameter": 100.0, "vesicle_diameter_gsd": 1.0, "tissue_cell_radius": 8.0,
        "surface_permeability.tissue_cell": 0.01, "space_diffusivity_100nm": 6.0,
        "compartment_volume.joint": 2.0, "body_rate.lysis": 0.5, "body_rate.depot_lymph.ia": 0.0,
        "body_rate.depot_blood.ia": 0.0,
    }  # fmt: skip
    for role, value in told.items():
        inputs = inputs.with_value(role, value)
    uptake = 1e6 * 4.0 * np.pi * 8.0**2 * 0.01 * 6.0 / (6.0 + 0.08) / 2e12 * 3_600.0
    assert joint(inputs, 1e6) == pytest.approx(uptake / (uptake + 0.5), rel=1e-6)


@pytest.mark.parametrize("law", [near, joint])
def test_three_sizes_stand_for_nine(law, monkeypatch: pytest.MonkeyPatch) -> None:
    from exosome.delivery import space

    inputs = drawn(law)
    few = law(inputs)
    monkeypatch.setattr(space, "_CLASSES", 9)
    off = np.abs(few / law(inputs) - 1.0)
    assert np.quantile(off, 0.95) < 0.02
    assert off.max() < 0.1
