"""Bits between a binary state and a response: closed forms, limits, error and plain twin."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.numerics.information import (
    bias_of_tables,
    bits_of_tables,
    classes_for,
    edges_of,
    information,
)
from exosome.numerics.information_reference import bits_of_densities, bits_plainly


def stream(name: str, owner: int = 0) -> np.random.Generator:
    return Streams(11).of(f"test.information.{name}", owner)


def entropy(p: float) -> float:
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def normal(mean: float, y: float) -> float:
    return math.exp(-((y - mean) ** 2) / 2) / math.sqrt(2 * math.pi)


@pytest.mark.parametrize("flip", [0.01, 0.11, 0.4])
def test_binary_symmetric_channel(flip: float) -> None:
    assert bits_of_tables([1 - flip, flip], [flip, 1 - flip]) == pytest.approx(1 - entropy(flip))
    n = 40_000
    rng = stream("channel", round(100 * flip))
    found = information(rng.random(n) > flip, rng.random(n) < flip, rng=rng)
    # Delta method: the error of 1 - h(f) is |log2((1 - f) / f)| times that of f, over two arms.
    error = abs(math.log2((1 - flip) / flip)) * math.sqrt(flip * (1 - flip) / (2 * n))
    # Six standard errors (a false alarm in 5e8) and the second-order rest of the bias.
    assert abs(found.bits - (1 - entropy(flip))) < 6 * error + 10 / n
    assert found.bins == 2


@pytest.mark.parametrize("apart", [0.5, 2.0, 4.0])
@pytest.mark.parametrize("prior", [0.5, 0.2])
def test_two_gaussians_by_quadrature(apart: float, prior: float) -> None:
    exact = bits_of_densities(
        lambda y: normal(apart, y), lambda y: normal(0.0, y), -8.0, apart + 8.0, prior
    )
    n = 30_000
    rng = stream("gauss", round(apart))
    found = information(
        apart + rng.standard_normal(n), rng.standard_normal(n), rng=rng, prior_on=prior
    )
    error = (found.high - found.low) / (2 * 1.645)
    # Six standard errors (a false alarm in 5e8); sixty classes lose less than 1 % of the bits.
    assert abs(found.bits - exact) < 6 * error + 0.01 * exact
    assert found.most == pytest.approx(entropy(prior))


@pytest.mark.parametrize(("on", "off"), [(0.2, 0.05), (4.0, 1.0), (30.0, 3.0)])
def test_two_poissons_by_their_sum(on: float, off: float) -> None:
    k = np.arange(200.0)
    logs = np.array([math.lgamma(one + 1) for one in k])
    laws = [np.exp(k * math.log(m) - m - logs) for m in (on, off)]
    exact = float(bits_of_tables(*laws))
    n = 30_000
    rng = stream("poisson", round(on))
    found = information(rng.poisson(on, n), rng.poisson(off, n), rng=rng)
    error = (found.high - found.low) / (2 * 1.645)
    assert abs(found.bits - exact) < 6 * error + 0.01 * exact  # as above


@pytest.mark.parametrize("owner", range(8))
@pytest.mark.parametrize("law", ["normal", "poisson", "rare"])
def test_independent_response_tells_nothing(law: str, owner: int) -> None:
    rng = stream(f"null.{law}", owner)
    draw = {
        "normal": rng.standard_normal,
        "poisson": lambda n: rng.poisson(3.0, n),
        "rare": lambda n: rng.random(n) < 0.01,
    }[law]
    found = information(draw(1_500), draw(1_500), rng=rng)
    assert found.is_zero(1e-9 / 24)  # 24 tables: a false alarm in 1e9
    assert found.low == 0.0 or found.low < 3 * found.null_sd


def test_bias_is_gone_on_average_and_was_there_before() -> None:
    repeats, n = 400, 300
    rng = stream("bias")
    both = [information(*rng.standard_normal((2, n)), rng=rng) for _ in range(repeats)]
    bits = np.array([one.bits for one in both])
    error = bits.std(ddof=1) / math.sqrt(repeats)
    left = (classes_for(n) / n) ** 2 / math.log(2)  # the order that the correction leaves
    assert abs(bits.mean()) < 6 * error + left  # a false alarm in 5e8
    uncorrected = (classes_for(n) - 1) / (4 * n * math.log(2))
    assert uncorrected > 10 * (6 * error + left) / 6  # so the test would have seen it


def test_p_values_are_uniform_under_the_null() -> None:
    rng = stream("uniform")
    p = np.array([information(*rng.standard_normal((2, 400)), rng=rng).p_value for _ in range(400)])
    # Kolmogorov-Smirnov: sqrt(n) D exceeds 3.27 once in 1e9; the gamma law is approximate.
    order = np.sort(p)
    distance = np.abs(order - (np.arange(400) + 0.5) / 400).max()
    assert distance < 3.27 / math.sqrt(400)


def test_a_response_that_tells_the_state_gives_its_entropy() -> None:
    rng = stream("certain")
    found = information(5.0 + rng.random(700), rng.random(900), rng=rng, prior_on=0.3)
    assert found.bits == pytest.approx(entropy(0.3), abs=0.02)
    assert information(np.ones(50), np.zeros(90), rng=rng).bits == pytest.approx(1.0)
    assert not found.is_zero(1e-9)


def test_one_answer_for_all_is_zero_bits() -> None:
    found = information(np.zeros(20), np.zeros(30), rng=stream("flat"))
    assert (found.bits, found.p_value, found.bins) == (0.0, 1.0, 1)
    assert found.is_zero()


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    repeats, n = 300, 600
    exact = bits_of_densities(lambda y: normal(1.0, y), lambda y: normal(0.0, y), -8.0, 9.0)
    rng = stream("cover")
    hits = 0
    for _ in range(repeats):
        found = information(1.0 + rng.standard_normal(n), rng.standard_normal(n), rng=rng)
        hits += found.low <= exact <= found.high
    # 90 % asked for; six binomial standard errors (a false alarm in 5e8) and 2 % for binning.
    assert abs(hits / repeats - 0.9) < 6 * math.sqrt(0.9 * 0.1 / repeats) + 0.02


@pytest.mark.parametrize("prior", [0.5, 0.3])
def test_plain_twin_agrees(prior: float) -> None:
    rng = stream("twin")
    on, off = rng.poisson(4.0, 300).astype(float), rng.poisson(2.0, 200).astype(float)
    edges = edges_of(on, off, prior_on=prior, classes=6)
    counts = [
        np.bincount(np.searchsorted(edges, one), minlength=edges.size + 1) for one in (on, off)
    ]
    shares = [one / one.sum() for one in counts]
    bits, bias = bits_plainly(on.tolist(), off.tolist(), edges.tolist(), prior)
    assert bits_of_tables(*shares, prior) == pytest.approx(bits)
    assert bias_of_tables(*counts, prior) == pytest.approx(bias)
    assert information(on, off, rng=rng, prior_on=prior).on == 300


def test_equal_arms_of_one_law_have_the_known_bias() -> None:
    counts = np.array([100, 100, 100, 100])
    assert bias_of_tables(counts, counts) == pytest.approx(3 / (2 * 800 * math.log(2)))


def test_nonsense_is_refused() -> None:
    rng = stream("refused")
    for on, off, prior in (
        (np.ones(3), np.ones(30), 0.5),
        (np.full(30, np.nan), np.ones(30), 0.5),
        (np.ones(30), np.ones(30), 1.0),
    ):
        with pytest.raises(InputError):
            information(on, off, rng=rng, prior_on=prior)
