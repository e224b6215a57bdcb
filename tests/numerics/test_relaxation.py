"""The first-order balance against closed forms and its plain twin."""

from __future__ import annotations

import numpy as np
import pytest

from exosome.core.errors import InputError
from exosome.numerics.relaxation import relax, weights
from exosome.numerics.relaxation_reference import relax_plainly

TIMES = np.array([0.0, 0.3, 1.0, 5.0, 30.0])


@pytest.mark.parametrize("rate", [0.0, 1e-6, 0.2, 4.0])
@pytest.mark.parametrize("which", ["fast", "plain"])
def test_constant_drive_gives_the_closed_form(rate: float, which: str) -> None:
    flat = np.ones(TIMES.size)
    if which == "fast":
        found = relax(TIMES, 3.0 * flat, rate, 7.0)
    else:
        found = np.array(relax_plainly(TIMES, 3.0 * flat, rate * flat, 7.0))
    gained = 3.0 * TIMES if rate == 0.0 else -3.0 / rate * np.expm1(-rate * TIMES)
    expected = 7.0 * np.exp(-rate * TIMES) + gained
    assert found == pytest.approx(expected, rel=1e-8)


def test_both_agree_on_courses_that_change() -> None:
    rng = np.random.default_rng(5)
    source, rate = rng.random((3, TIMES.size)), rng.random((3, TIMES.size))
    fast = relax(TIMES, source, rate, np.array([0.0, 1.0, 2.0]))
    for i in range(3):
        assert fast[i] == pytest.approx(relax_plainly(TIMES, source[i], rate[i], float(i)))


def test_error_falls_as_the_square_of_the_step() -> None:
    errors = []
    for steps in (20, 40, 80):
        at = np.linspace(0.0, 10.0, steps + 1)
        found = relax(at, np.exp(-0.5 * at), 0.2)
        errors.append(np.abs(found - (np.exp(-0.2 * at) - np.exp(-0.5 * at)) / 0.3).max())
    assert 3.5 < errors[0] / errors[1] < 4.5
    assert 3.5 < errors[1] / errors[2] < 4.5


def test_weights_join_without_a_step() -> None:
    around = np.array([1e-3 * (1 - 1e-9), 1e-3 * (1 + 1e-9)])
    for one in weights(around):
        assert abs(one[0] - one[1]) < 1e-11


@pytest.mark.parametrize(
    ("times", "source", "rate"),
    [([0.0, 0.0], 1.0, 1.0), ([0.0], 1.0, 1.0), ([0.0, 1.0], np.nan, 1.0), ([0.0, 1.0], 1.0, -1.0)],
)
def test_nonsense_is_refused(times: list[float], source: float, rate: float) -> None:
    with pytest.raises(InputError):
        relax(np.array(times), source, rate)
