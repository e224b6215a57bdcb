"""Transforms with a delay, on which Talbot's contour fails."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exosome.numerics.inversion import inverted, inverted_with_delays
from exosome.numerics.special import log_ndtr, ndtr


def first_passage(drift: float, time: float) -> float:
    """Share of walkers with drift 2p that have gone a distance of 1."""
    root = math.sqrt(2.0 * time)
    late = math.exp(2.0 * drift + float(log_ndtr(-(1.0 + 2.0 * drift * time) / root)))
    return float(ndtr((2.0 * drift * time - 1.0) / root)) + late


@pytest.mark.parametrize("time", [0.001, 0.004, 0.006, 0.02])
def test_a_front_that_arrives_with_a_delay_is_inverted(time: float) -> None:
    p = 100.0  # arrives at 1 / 2p = 0.005

    def transform(s: complex) -> np.ndarray:
        return np.array([np.exp(p - np.sqrt(s + p * p)) / s])

    known = first_passage(p, time)
    found = inverted_with_delays(transform, time, terms=8)[0]
    assert found == pytest.approx(known, abs=6e-4)
    if time == 0.001:
        assert abs(inverted(transform, time)[0] - known) > 0.1


@pytest.mark.parametrize(("nodes", "error"), [(8, 1e-3), (12, 1e-5), (20, 1e-9)])
def test_more_nodes_of_the_contour_leave_less_error(nodes: int, error: float) -> None:
    found = inverted(lambda s: np.array([1.0 / (s + 2.0) ** 2]), 0.7, nodes=nodes)[0]
    assert found == pytest.approx(0.7 * math.exp(-1.4), rel=error)
