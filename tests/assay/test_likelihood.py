"""Likelihoods against closed forms: densities, normal probabilities, numerical derivatives."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from exosome.assay.likelihood import Told, log_likelihood, slopes
from exosome.core.errors import InputError

INF = math.inf


@pytest.mark.parametrize("value", [-3.0, 0.2, 2.4])
@pytest.mark.parametrize("sd", [0.1, 0.7])
def test_a_value_has_the_normal_density(value, sd):
    found = float(log_likelihood(0.4, value, value, sd))
    assert found == pytest.approx(math.log(NormalDist(0.4, sd).pdf(value)), rel=1e-9, abs=1e-9)


def test_limits_have_the_normal_probability():
    law = NormalDist(1.3, 0.6)
    assert float(log_likelihood(1.3, -INF, 1.0, 0.6)) == pytest.approx(math.log(law.cdf(1.0)))
    assert float(log_likelihood(1.3, 1.0, INF, 0.6)) == pytest.approx(math.log(1 - law.cdf(1.0)))
    between = math.log(law.cdf(2.0) - law.cdf(1.0))
    assert float(log_likelihood(1.3, 1.0, 2.0, 0.6)) == pytest.approx(between)


def test_an_order_is_the_probability_that_the_ratio_lies_on_its_side():
    """Two organs, each with an error of 0.3: their log-ratio has an error of 0.3 sqrt 2."""
    liver, spleen, sd = 20.0, 15.0, 0.3
    eta = math.log(liver / spleen)
    found = math.exp(float(log_likelihood(eta, 0.0, INF, sd * math.sqrt(2))))
    assert found == pytest.approx(NormalDist().cdf(eta / (sd * math.sqrt(2))))
    against = math.exp(float(log_likelihood(-eta, 0.0, INF, sd * math.sqrt(2))))
    assert found + against == pytest.approx(1.0)


def test_far_tails_keep_their_digits():
    """Forty errors away the probability underflows, its logarithm does not (Mills' ratio)."""
    z = 40.0
    mills = -0.5 * z * z - math.log(z * math.sqrt(2 * math.pi)) + math.log1p(-1 / z**2 + 3 / z**4)
    assert float(log_likelihood(0.0, z, INF, 1.0)) == pytest.approx(mills, rel=1e-9)
    assert float(log_likelihood(0.0, -INF, -z, 1.0)) == pytest.approx(mills, rel=1e-9)
    assert float(log_likelihood(0.0, z, z + 1, 1.0)) == pytest.approx(mills, rel=1e-9)


@pytest.mark.parametrize(
    ("low", "high"), [(0.5, 0.5), (-INF, 0.1), (0.4, INF), (-0.2, 0.9), (3.0, 3.4), (-9.0, -8.0)]
)
def test_slopes_are_the_derivatives(low, high):
    eta, sd, step = 0.3, 0.45, 1e-4
    by_eta, by_log_sd, information = (float(one) for one in slopes(eta, low, high, sd))

    def at(shift, stretch=0.0):
        return float(log_likelihood(eta + shift, low, high, sd * math.exp(stretch)))

    assert by_eta == pytest.approx((at(step) - at(-step)) / (2 * step), rel=1e-5, abs=1e-7)
    turned = (at(0, step) - at(0, -step)) / (2 * step)
    assert by_log_sd == pytest.approx(turned, rel=1e-5, abs=1e-7)
    bend = -(at(step) - 2 * at(0) + at(-step)) / step**2
    assert information == pytest.approx(bend, rel=1e-3, abs=1e-5)


def test_a_narrow_interval_is_a_value_with_its_width():
    """As the ends close in, the probability over the width is the density of a value."""
    width = 1e-5
    narrow = float(log_likelihood(0.0, 0.3 - width / 2, 0.3 + width / 2, 0.5)) - math.log(width)
    assert narrow == pytest.approx(float(log_likelihood(0.0, 0.3, 0.3, 0.5)), abs=1e-5)


@pytest.mark.parametrize("ends", [(1.0, 0.0), (math.nan, 1.0), (-INF, INF)])
def test_statements_that_say_nothing_are_refused(ends):
    with pytest.raises(InputError):
        Told(*ends)


def test_broadcasting_keeps_the_shape():
    assert log_likelihood(np.zeros((3, 1)), np.zeros(4), np.ones(4), 0.2).shape == (3, 4)
