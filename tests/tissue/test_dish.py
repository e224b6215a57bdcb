"""The dish: diffusivity, settling, floor, sizes, shares; independent of any scenario."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.numerics.column import Column, shares
from exosome.tissue.dish import (
    covered_share,
    diffusivity_um2_per_s,
    encounter_permeability_um_per_s,
    floor_permeability_um_per_s,
    governing,
    height_um,
    reached_and_taken,
    settling_um_per_s,
    size_classes,
    taken_up,
    viscosity_at,
)

WATER = {"a": 0.02414, "b": 247.8, "c": 140.0}


def test_diffusivity_and_settling_are_those_of_the_catalog() -> None:
    catalog = load_catalog()
    for key, diameter in (("e01", 50.0), ("e02", 100.0), ("e03", 150.0), ("e04", 200.0)):
        ours = float(diffusivity_um2_per_s(diameter, 0.691, 37.0))
        assert ours == pytest.approx(catalog[key].value, rel=1e-9)
    speed = 1e3 * float(settling_um_per_s(100.0, 0.691, 1.15, 0.993))
    assert speed == pytest.approx(catalog["k80"].value, rel=1e-3)  # 9.81 there, 9.80665 here


def test_settling_grows_with_the_square_of_the_diameter_and_never_floats() -> None:
    one, two = settling_um_per_s([100.0, 200.0], 0.9, 1.12, 1.0)
    assert two == pytest.approx(4.0 * one)
    assert float(settling_um_per_s(100.0, 0.9, 0.95, 1.0)) == 0.0


def test_viscosity_follows_water() -> None:
    # Read in the table of td01's source: 0.6925 at 37, 1.0087 at 20, 1.5676 mPa s at 4 degrees.
    for celsius, known in ((37.0, 0.6925), (20.0, 1.0087), (4.0, 1.5676)):
        ours = float(viscosity_at(0.6925, celsius, **WATER))
        assert ours == pytest.approx(known, rel=0.015)


def test_a_well_is_as_deep_as_its_volume_over_its_area() -> None:
    assert float(height_um(0.1, 0.32)) == pytest.approx(3_125.0)
    assert float(covered_share(1e4, 800.0, 0.32)) == pytest.approx(0.25)
    assert float(covered_share(1e6, 800.0, 0.32)) == 1.0


@given(st.floats(30.0, 300.0), st.floats(1.0, 1.6))
def test_size_classes_keep_the_moments_of_the_law(median: float, gsd: float) -> None:
    diameter, share = size_classes(median, gsd)
    sigma = math.log(gsd)
    assert share.sum() == pytest.approx(1.0)
    for power in (-1.0, 1.0, 2.0):
        known = median**power * math.exp(0.5 * (power * sigma) ** 2)
        assert float((share * diameter**power).sum()) == pytest.approx(known, rel=2e-4)


def test_size_average_is_that_of_many_drawn_vesicles() -> None:
    """Seven classes against 20,000 single diameters from the law itself."""
    diameter, share = size_classes(80.0, 1.45)
    drawn = 80.0 * np.exp(math.log(1.45) * Streams(5).of("test.sizes").standard_normal(20_000))

    def taken(nm: np.ndarray) -> np.ndarray:
        return taken_up(
            3_000.0,
            86_400.0,
            0.05,
            diffusivity_um2_per_s(nm, 0.9, 37.0),
            settling_um_per_s=settling_um_per_s(nm, 0.9, 1.15, 1.0),
        )

    every = taken(drawn)
    # Six standard errors and 0.2 % for the quadrature.
    allowed = 6.0 * every.std() / math.sqrt(drawn.size) + 2e-3 * every.mean()
    assert abs(float((share * taken(diameter)).sum()) - every.mean()) < allowed


def test_confluent_cells_are_the_floor_and_sparse_ones_are_not() -> None:
    full = encounter_permeability_um_per_s(5.0, 1.0, 800.0)
    assert np.isinf(full)
    assert float(floor_permeability_um_per_s(0.01, 1.0, full)) == pytest.approx(0.01)
    covered = np.array([1e-4, 1e-2, 0.3, 0.9])
    found = encounter_permeability_um_per_s(5.0, covered, 800.0)
    assert (np.diff(found) > 0.0).all()
    # Few disks far apart: 4 D a each, n = covered / footprint of them on 1 um2.
    radius = math.sqrt(800.0 / math.pi)
    assert found[0] == pytest.approx(4.0 * 5.0 * radius * 1e-4 / 800.0, rel=1e-3)
    # Through millimetres of medium a floor of which a quarter is cells is nearly a perfect sink.
    here = reached_and_taken(3_000.0, 86_400.0, 1.0, 5.0, covered=0.25, footprint_um2=800.0)
    perfect = float(shares(Column(3_000.0, 5.0), 86_400.0).taken)
    assert 0.95 * perfect < float(here.touched) < perfect


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.5, 8.0),
    st.floats(-6.0, 1.0),
    st.floats(0.5, 20.0),
    st.floats(0.0, 0.02),
    st.floats(0.01, 1.0),
    st.floats(0.1, 96.0),
)
def test_every_vesicle_is_somewhere(
    mm: float, log_k: float, diffusivity: float, settling: float, covered: float, hours: float
) -> None:
    told = {
        "settling_um_per_s": settling,
        "loss_per_s": 1e-6,
        "covered": covered,
        "footprint_um2": 800.0,
    }
    args = (1e3 * mm, 3_600.0 * hours, 10.0**log_k, diffusivity)
    found = reached_and_taken(*args, **told)
    mixed = reached_and_taken(*args, **told, is_stirred=True)
    assert float(found.taken + found.lost + found.inside) == pytest.approx(1.0, abs=1e-8)
    assert float(found.taken) <= float(found.touched)
    assert float(taken_up(*args, **told)) == pytest.approx(float(found.taken), abs=1e-12)
    # Settling can gather vesicles at the cells, where mixing would spread them again.
    if settling == 0.0:
        assert float(found.taken) <= float(mixed.taken) + 1e-9


def test_draws_sizes_and_times_stand_along_axes() -> None:
    height = np.array([2_000.0, 3_000.0])[:, None, None]
    diffusivity = np.array([3.0, 6.0, 9.0])[None, :, None]
    time = np.array([0.0, 3_600.0, 7_200.0, 86_400.0])
    found = reached_and_taken(height, time, 0.01, diffusivity)
    assert found.taken.shape == (2, 3, 4)
    alone = reached_and_taken(3_000.0, 7_200.0, 0.01, 9.0)
    assert found.taken[1, 2, 2] == pytest.approx(float(alone.taken), rel=1e-12)


def test_words_follow_the_nearer_ceiling() -> None:
    assert governing(0.01, 0.0105, 0.25) == "cell-limited"
    assert governing(0.24, 0.9, 0.25) == "well-limited"
    assert governing(0.1, 0.2, 0.25) == "both"
    assert governing(0.0, 0.0, 0.25) == "cell-limited"
    # Heavy vesicles lie on the cells: more than a mixed well would give them.
    assert governing(0.967, 0.05, 0.972) == "well-limited"
    assert governing(0.051, 0.05, 0.972) == "cell-limited"


def test_sparse_cells_need_a_size() -> None:
    with pytest.raises(InputError, match="cover"):
        reached_and_taken(3_000.0, 60.0, 0.01, 5.0, covered=0.5)
