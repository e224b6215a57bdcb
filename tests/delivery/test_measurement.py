"""The next best measurement: what knowing one input would save of wrong answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from toys import problem

from exosome.catalog.load import load_catalog
from exosome.claims.claim import bundled_claims, read_claim
from exosome.core.random import Streams
from exosome.delivery.measurement import PRECISION_FOLD, Measurement, next_measurements
from exosome.delivery.problem import Problem, pose
from exosome.study.scenario import questions

STREAMS = Streams(3)


def measured(one: Problem, size: int = 20_000) -> tuple[Measurement, ...]:
    draws = one.draws(STREAMS, size)
    return next_measurements(one, draws, one.margin(draws), STREAMS)


def test_the_only_unknown_that_straddles_the_answer_is_worth_measuring() -> None:
    # Needed: 1e12 x 0.25 x opening x 0.01 / 1e6 copies per cell of 100, i.e. opening above 0.04.
    one = problem({"opening.natural_vesicle": (0.0004, 0.9), "uptake_cv": 0.0})
    (only,) = measured(one)
    assert only.role == "opening.natural_vesicle"
    assert only.wrong_before > 0.3
    # What is left is the error of the measurement itself: a 1.25-fold band of 3.4 decades.
    assert only.wrong_after < 0.1 * only.wrong_before
    assert only.gain == only.wrong_before - only.wrong_after


def test_what_is_left_is_the_error_of_the_measurement() -> None:
    one = problem({"opening.natural_vesicle": (0.0004, 0.9), "uptake_cv": 0.0})
    (only,) = measured(one)
    # Close to the threshold the answer is wrong with probability Q(|z|), z in measurement errors;
    # integrated over a uniform logarithm this is 2 x 0.3989 x sd / width / 2.
    width = math.log(0.9 / 0.0004)
    expected = 2 * 0.398942 * math.log(PRECISION_FOLD) / width
    assert only.wrong_after == pytest.approx(expected, abs=0.02)


def test_an_input_that_decides_nothing_is_worth_nothing() -> None:
    figures = {
        "opening.natural_vesicle": (0.0004, 0.9),
        "vesicles_per_particle": (0.9, 1.1),
        "uptake_cv": 0.0,
    }
    gains = {m.role: m.gain for m in measured(problem(figures))}
    # Bins of 312 draws: sorting by chance gains no more than their noise.
    assert gains["vesicles_per_particle"] < 0.03
    assert gains["opening.natural_vesicle"] > 0.25


def test_a_settled_question_needs_no_measurement() -> None:
    one = problem({"opening.natural_vesicle": (0.5, 0.9), "uptake_cv": (0.3, 0.9)})
    for found in measured(one, 2000):
        assert (found.wrong_before, found.wrong_after, found.gain) == (0.0, 0.0, 0.0)


def test_inputs_without_spread_are_left_out() -> None:
    assert measured(problem(), 500) == ()


@pytest.mark.parametrize("name", sorted(bundled_claims()))
def test_a_measurement_never_loses_and_never_saves_more_than_is_wrong(name: str) -> None:
    for asked in questions(read_claim(bundled_claims()[name]), where=name):
        one = pose(asked, load_catalog())
        found = measured(one, 2000)
        assert [m.gain for m in found] == sorted((m.gain for m in found), reverse=True)
        for each in found:
            assert 0.0 <= each.wrong_after <= each.wrong_before <= 0.5
            assert 0.0 <= each.gain <= each.wrong_before


def test_draws_at_zero_are_measured_as_well() -> None:
    one = problem({"opening.natural_vesicle": (0.0, 0.08), "uptake_cv": 0.0})
    draws = one.draws(STREAMS, 4000).with_value(
        "opening.natural_vesicle", np.where(np.arange(4000) % 2, 0.0, 0.08)
    )
    (only,) = next_measurements(one, draws, one.margin(draws), STREAMS)
    assert only.wrong_before == pytest.approx(0.5)
    assert only.wrong_after == pytest.approx(0.0, abs=0.01)
