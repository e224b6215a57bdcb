"""The range law: limits, and the share taken up near a place against single vesicles."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exosome.core.random import Streams
from exosome.numerics.brownian import Flow, Particles, World, advance
from exosome.tissue import geometry
from exosome.tissue.range_law import range_law

EDGE, MARGIN, RADIUS = 240.0, 90.0, 7.5


def law(**changes: float):
    told = {
        "diffusivity_um2_per_s": 4.0, "cell_radius_um": RADIUS, "cell_fraction": 0.2,
        "permeability_um_per_s": 0.05, "decay_per_s": 0.002, **changes,
    }  # fmt: skip
    return range_law(**told)


def near(fraction: float, permeability: float, within: float, *, speed: float = 0.0):
    """Share of vesicles let go between cells that cells within a distance take up.

    With its error and with the share of space that cells fill where the vesicles start: more than
    in the whole box, at whose faces no cell is cut.
    """
    rng = Streams(1).of("test.range")
    layout = geometry.packed(EDGE, RADIUS, fraction, rng, where="test")
    flow = Flow("around", (0.0, 0.0, speed)) if speed else Flow()
    world = World(
        layout.size_um, layout.centres_um, layout.radii_um, np.zeros(len(layout), np.int64),
        np.array([[permeability]]), np.array([0.002]), flow=flow,
    )  # fmt: skip
    at = MARGIN + (EDGE - 2.0 * MARGIN) * rng.random((15_000, 3))
    away = np.linalg.norm(at[:, None, :] - layout.centres_um[None], axis=2)
    outside = (away > layout.radii_um).all(axis=1)
    start = at[outside]
    moved = Particles.at(start, 4.0)
    advance(moved, world, 3_000.0, seed=2, bias=0.01)
    gone = np.linalg.norm(moved.position_um - start, axis=1)
    hits = (moved.fate >= 0) & (gone <= within)
    error = math.sqrt(hits.mean() * (1.0 - hits.mean()) / len(start))
    return float(hits.mean()), error, 1.0 - float(outside.mean())


@pytest.mark.parametrize(
    ("fraction", "permeability", "within"),
    [(0.1, 0.05, 40.0), (0.25, 0.05, 40.0), (0.25, 0.2, 15.0), (0.1, 0.01, 80.0)],
)
def test_the_share_taken_up_nearby_is_that_of_single_vesicles(
    fraction: float, permeability: float, within: float
) -> None:
    found, error, filled = near(fraction, permeability, within)
    one = law(cell_fraction=filled, permeability_um_per_s=permeability)
    known = float(one.taken_share * one.within(within))
    # Tissue is no medium at the scale of a cell: 8 % of the share beside six standard errors;
    # 2 to 7 % were met, most where a quarter of space is cells that take up strongly.
    assert abs(found - known) < 6.0 * error + 0.08 * known


def test_flow_carries_vesicles_past_their_neighbours() -> None:
    still, error, filled = near(0.1, 0.01, 40.0)
    found, _, _ = near(0.1, 0.01, 40.0, speed=0.5)
    one = law(cell_fraction=filled, permeability_um_per_s=0.01, speed_um_per_s=0.5)
    known = float(one.taken_share * one.within(40.0))
    assert found < still - 6.0 * error
    assert abs(found - known) < 6.0 * error + 0.1 * known


def test_what_does_not_move_stays_and_is_only_lost() -> None:
    one = law(diffusivity_um2_per_s=0.0)
    assert float(one.taken_share) == 0.0
    assert float(one.within(1.0)) == 1.0


def test_without_uptake_nothing_and_without_loss_all_is_taken_up() -> None:
    assert float(law(permeability_um_per_s=0.0).taken_share) == 0.0
    assert float(law(decay_per_s=0.0).taken_share) == 1.0
    assert float(law(decay_per_s=0.0, permeability_um_per_s=0.0).length_um) == math.inf
    assert float(law(decay_per_s=0.0, permeability_um_per_s=0.0).within(1e3)) == 0.0


def test_the_density_adds_up_with_and_without_flow() -> None:
    r = np.geomspace(0.01, 1e4, 300)
    for speed in (0.0, 1e-6, 0.01, 1.0):
        within = law(speed_um_per_s=speed).within(r)
        assert (np.diff(within) >= -1e-12).all()
        assert within[-1] == pytest.approx(1.0, abs=1e-6)
    slow, none = law(speed_um_per_s=1e-5).within(r), law().within(r)
    np.testing.assert_allclose(slow, none, atol=1e-4)


def test_arrays_give_what_their_entries_give() -> None:
    d, k = np.array([0.0, 0.5, 4.0]), np.array([0.1, 0.0, 0.3])
    speed = np.array([0.0, 0.2, 0.4])
    every = range_law(
        diffusivity_um2_per_s=d, cell_radius_um=RADIUS, cell_fraction=0.2,
        permeability_um_per_s=k, decay_per_s=0.001, speed_um_per_s=speed,
    )  # fmt: skip
    for i in range(3):
        one = law(
            diffusivity_um2_per_s=d[i], permeability_um_per_s=k[i], decay_per_s=0.001,
            speed_um_per_s=speed[i],
        )  # fmt: skip
        assert every.within(50.0)[i] == float(one.within(50.0))
        assert every.taken_share[i] == float(one.taken_share)
