"""Chains of exponential stages that are fed: against quadrature, near rates included."""

from __future__ import annotations

import numpy as np
import pytest

from exosome.numerics.stages import fed_third_stage, third_stage


def by_quadrature(
    weights: list[float], feeds: tuple[float, ...], stages: tuple[float, ...], time: float
) -> float:
    n = 200_000
    u = (np.arange(n) + 0.5) * time / n
    fed = sum(w * f * np.exp(-f * u) for w, f in zip(weights, feeds, strict=True))
    left = third_stage(*(np.full(1, x) for x in stages), time - u)
    return float((fed * left).sum() * time / n)


@pytest.mark.parametrize(
    "stages",
    [
        (700.0, 110.0, 4.0),
        (700.0, 110.0, 0.0),
        (50.0, 12.0, 3.0),  # two at the rates of feeds
        (12.0, 12.0, 12.0),
        (0.4, 100.02, 0.5),
    ],
)
def test_a_fed_chain_is_the_convolution_of_feed_and_stages(stages: tuple[float, ...]) -> None:
    feeds, weights = (0.5, 3.0, 12.0, 100.0), [0.4, -0.1, 0.2, 0.05]
    times = np.array([0.01, 0.2, 1.0])
    rates = tuple(np.full(2, x) for x in stages)
    found = fed_third_stage(np.tile(np.array(weights)[:, None], 2), feeds, rates, times)  # type: ignore[arg-type]
    assert found.shape == (3, 2)
    for at, row in zip(times, found, strict=True):
        expected = by_quadrature(weights, feeds, stages, float(at))
        assert row == pytest.approx(max(expected, 0.0), rel=2e-3, abs=1e-8)
