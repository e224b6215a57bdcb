"""Variance shares against closed forms, and against SALib."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exosome.core.errors import InputError, NumericalError
from exosome.core.random import Streams
from exosome.numerics.sobol import sobol_indices

# A half-width is 1.645 standard errors, so this many are six standard errors: a false
# alarm has a chance near 2e-9 for each compared share.
SIX_ERRORS = 6 / 1.6448536


def ishigami(points):
    x = math.pi * (2 * points - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def ishigami_shares():
    a, b = 7.0, 0.1
    one = 0.5 * (1 + b * math.pi**4 / 5) ** 2
    two = a**2 / 8
    both = b**2 * math.pi**8 * (1 / 18 - 1 / 50)
    whole = one + two + both
    return np.array([one, two, 0]) / whole, np.array([one + both, two, both]) / whole, whole


WEIGHTS = np.array([0.0, 1.0, 4.5, 9.0, 99.0])


def sobol_g(points):
    return np.prod((np.abs(4 * points - 2) + WEIGHTS) / (1 + WEIGHTS), axis=1)


def sobol_g_shares():
    part = 1 / 3 / (1 + WEIGHTS) ** 2
    whole = np.prod(1 + part) - 1
    return part / whole, part * np.prod(1 + part) / (1 + part) / whole, whole


@pytest.mark.parametrize(
    ("model", "shares", "inputs"),
    [(ishigami, ishigami_shares, 3), (sobol_g, sobol_g_shares, 5)],
)
def test_closed_forms(model, shares, inputs):
    first, total, variance = shares()
    names = [f"x{i}" for i in range(inputs)]
    found = sobol_indices(model, names, 40_000, Streams(1).of("test.sobol"))
    assert (np.abs(found.first - first) < SIX_ERRORS * found.first_halfwidth + 1e-12).all()
    assert (np.abs(found.total - total) < SIX_ERRORS * found.total_halfwidth + 1e-12).all()
    # The variance of a mean of squares, from the fourth moment bounded by 20 variances.
    assert found.variance == pytest.approx(variance, rel=6 * math.sqrt(20 / 80_000))
    assert found.evaluations == 40_000 * (inputs + 2)
    assert found.first_halfwidth.max() < 0.03


def test_intervals_hold_nine_times_in_ten():
    first, total, _ = ishigami_shares()
    inside = []
    for owner in range(300):
        found = sobol_indices(ishigami, "abc", 500, Streams(2).of("test.sobol.cover", owner))
        inside.append(
            np.concatenate(
                [
                    np.abs(found.first - first) < found.first_halfwidth,
                    np.abs(found.total - total) < found.total_halfwidth,
                ]
            )
        )
    covered = np.mean(inside, axis=0)
    # 300 trials at 0.9: six standard errors are 0.104 (a false alarm near 1e-9 each);
    # 0.03 more for the finite sample of 500.
    assert (np.abs(covered - 0.9) < 0.134).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=6), st.integers(0, 2**32))
def test_shares_of_a_sum_are_its_variances(slopes, seed):
    slopes = np.array(slopes)
    names = [f"x{i}" for i in range(slopes.size)]
    found = sobol_indices(lambda x: 5 + x @ slopes, names, 4000, Streams(seed).of("test.sum"))
    expected = slopes**2 / (slopes**2).sum()
    assert (np.abs(found.first - expected) < SIX_ERRORS * found.first_halfwidth + 1e-9).all()
    assert (np.abs(found.total - expected) < SIX_ERRORS * found.total_halfwidth + 1e-9).all()
    assert abs(found.explained - 1) < SIX_ERRORS * found.first_halfwidth.sum() + 1e-9


def test_groups_vary_together():
    first, total, _ = ishigami_shares()
    found = sobol_indices(
        ishigami, "abc", 40_000, Streams(3).of("test.groups"), groups={"a and c": ["a", "c"]}
    )
    assert found.names == ("a and c", "b")
    # Input c acts through a only, so the pair owns its interaction.
    pair = 1 - first[1]
    assert abs(found.first[0] - pair) < SIX_ERRORS * found.first_halfwidth[0]
    assert abs(found.total[0] - pair) < SIX_ERRORS * found.total_halfwidth[0]
    assert abs(found.total[1] - total[1]) < SIX_ERRORS * found.total_halfwidth[1]


def test_one_group_of_all_owns_everything():
    found = sobol_indices(
        sobol_g, "abcde", 2000, Streams(4).of("test.all"), groups={"all": list("abcde")}
    )
    assert abs(found.first[0] - 1.0) <= 4 * found.first_halfwidth[0]
    assert abs(found.total[0] - 1) < SIX_ERRORS * found.total_halfwidth[0]


def test_an_unused_input_has_no_share():
    found = sobol_indices(lambda x: x[:, 0] ** 2, "ab", 1000, Streams(5).of("test.unused"))
    assert found.total[1] == 0
    assert abs(found.first[0] - 1.0) <= 4 * found.first_halfwidth[0]


@pytest.mark.parametrize("level", [0.0, 0.1, 1e9])
def test_a_constant_model_has_no_shares(level):
    found = sobol_indices(lambda x: np.full(len(x), level), "ab", 100, Streams(6).of("test.flat"))
    assert found.first.tolist() == found.total.tolist() == [0, 0]


def test_large_offsets_cost_no_digits():
    rngs = [Streams(7).of("test.offset") for _ in range(2)]
    here = sobol_indices(ishigami, "abc", 1000, rngs[0])
    far = sobol_indices(lambda x: 1e6 + ishigami(x), "abc", 1000, rngs[1])
    assert np.allclose(here.first, far.first, atol=1e-7)


def test_values_that_are_no_numbers_are_counted():
    def model(x):
        return np.where(x[:, 0] < 0.5, np.nan, x[:, 0])

    with pytest.raises(NumericalError, match=r"\d+ of 200 model values are not finite"):
        sobol_indices(model, "ab", 200, Streams(8).of("test.nan"))


@pytest.mark.parametrize(
    "call",
    [
        lambda rng: sobol_indices(ishigami, "abc", 1, rng),
        lambda rng: sobol_indices(ishigami, "aab", 10, rng),
        lambda rng: sobol_indices(ishigami, "abc", 10, rng, groups={"g": ["a", "z"]}),
        lambda rng: sobol_indices(ishigami, "abc", 10, rng, groups={"g": ["a"], "h": ["a"]}),
        lambda rng: sobol_indices(ishigami, "abc", 10, rng, groups={"c": ["a"]}),
        lambda rng: sobol_indices(lambda x: x, "abc", 10, rng),
    ],
)
def test_what_cannot_be_shared_out_is_refused(call):
    with pytest.raises(InputError, match="Remedy"):
        call(Streams(9).of("test.refused"))


def test_salib_finds_the_same():
    pytest.importorskip("SALib")
    with warnings.catch_warnings():
        # A peer's own deprecation notes are not ours to answer.
        warnings.simplefilter("ignore")
        from SALib.analyze import sobol as salib_analyze
        from SALib.sample import sobol as salib_sample

        problem = {"num_vars": 5, "names": list("abcde"), "bounds": [[0, 1]] * 5}
        points = salib_sample.sample(problem, 2**12, calc_second_order=False, seed=11)
        peer = salib_analyze.analyze(
            problem, sobol_g(points), calc_second_order=False, conf_level=0.9, seed=12
        )
    ours = sobol_indices(sobol_g, "abcde", 2**12, Streams(10).of("test.salib"))
    # The peer samples a low-discrepancy sequence, so its error is below its interval;
    # the false alarm is set by ours: six standard errors, near 2e-9 for each share.
    first = np.abs(ours.first - peer["S1"])
    total = np.abs(ours.total - peer["ST"])
    assert (first < SIX_ERRORS * np.hypot(ours.first_halfwidth, peer["S1_conf"])).all()
    assert (total < SIX_ERRORS * np.hypot(ours.total_halfwidth, peer["ST_conf"])).all()
