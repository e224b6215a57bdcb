"""What one vesicle can hold: closed forms, and the law they are means of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.cell.cargo import (
    fraction_carrying,
    lumen_capacity,
    mean_lumen_volume_nm3,
    mean_membrane_area_nm2,
)
from exosome.core.random import Streams


def arrays(*values: float) -> tuple[np.ndarray, ...]:
    return tuple(np.full(1, value) for value in values)


def test_independent_loading_leaves_most_vesicles_empty() -> None:
    assert fraction_carrying(0.0) == 0.0
    assert fraction_carrying(0.00825) == pytest.approx(0.008216, abs=1e-6)
    assert fraction_carrying(1.0) == pytest.approx(1 - 1 / math.e)
    assert fraction_carrying(1e-12) == pytest.approx(1e-12, rel=1e-9)
    assert fraction_carrying(1e3) == 1.0


@given(st.floats(0.0, 50.0))
def test_no_more_vesicles_carry_than_there_are_copies(mean: float) -> None:
    assert 0.0 <= fraction_carrying(mean) <= min(mean, 1.0)


def test_a_population_of_one_size_is_a_sphere() -> None:
    area = mean_membrane_area_nm2(*arrays(120.0, 1.0, 5.0))[0]
    assert area == pytest.approx(math.pi * (120.0**2 + 110.0**2))
    lumen = mean_lumen_volume_nm3(*arrays(120.0, 1.0, 5.0))[0]
    assert lumen == pytest.approx(math.pi / 6 * 110.0**3)


@pytest.mark.parametrize("gsd", [1.2, 1.5])
def test_means_over_the_size_law_are_those_of_drawn_vesicles(gsd: float) -> None:
    n = 1_000_000
    drawn = 80.0 * gsd ** Streams(4).of("test.cargo").standard_normal(n)
    inner = drawn - 10.0
    areas, lumens = math.pi * (drawn**2 + inner**2), math.pi / 6 * inner**3
    for found, sample in (
        (mean_membrane_area_nm2(*arrays(80.0, gsd, 5.0))[0], areas),
        (mean_lumen_volume_nm3(*arrays(80.0, gsd, 5.0))[0], lumens),
    ):
        # Six standard errors: a one-in-a-billion event.
        assert abs(found - sample.mean()) < 6 * sample.std() / math.sqrt(n)


def test_capacity_is_volume_over_volume() -> None:
    found = lumen_capacity(np.array([4e5]), np.array([0.4]), np.array([40.0]))[0]
    assert found == pytest.approx(4000.0)
