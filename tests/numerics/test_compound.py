"""Laws of totals that arrive in packets; both the fast form and its plain twin obey them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from exosome.core.errors import InputError, NumericalError
from exosome.core.random import Streams
from exosome.numerics.compound import (
    Fixed,
    Poisson,
    Table,
    binomial,
    mean_reaching,
    survival,
    table_survival,
    thin_arrivals,
    thin_units,
)
from exosome.numerics.compound_reference import simulate_totals, survival_by_sum

FORMS = {
    "fast": lambda mean, needed, jump, cv: float(survival(mean, needed, jump, cv)),
    "plain": survival_by_sum,
}
# Stated in the docstrings: errors of a share, and of a mean for fractions 0.01 to 0.99.
SHARE_ERROR, MEAN_ERROR, TAIL_MEAN_ERROR = 3e-4, 3e-4, 3e-3

cvs = st.one_of(st.just(0.0), st.floats(0.05, 2.0))
jumps = st.one_of(
    st.builds(Fixed, st.integers(1, 12)),
    st.builds(Poisson, st.floats(0.02, 12.0)),
    st.builds(binomial, st.integers(1, 12), st.floats(0.05, 0.95)),
)


def full_sum(mean, needed, c, cv):
    """The survival for Poisson jumps, summed over every number of arrivals needed."""
    first = max(1.0, math.floor(special.gammaincinv(needed, 1e-17) / c))
    last = math.ceil(special.gammainccinv(needed, 1e-17) / c) + 1.0
    count = np.arange(first, last + 1)
    chance = np.diff(special.gammainc(needed, count * c), prepend=0.0)
    if cv == 0:
        return float(chance @ special.gammainc(count, mean))
    shape = 1 / cv**2
    return float(chance @ special.betainc(count, shape, mean / (mean + shape)))


@pytest.mark.parametrize("form", FORMS)
def test_packing_decides_whether_cells_respond(form):
    # 0.00825 copies for each vesicle, 5,000 vesicles taken up, 30 % open, 100 copies needed.
    opened = float(thin_arrivals(5000, 0.3))
    packed = FORMS[form](opened * 0.00825 / 100, 100, Fixed(100), 0.0)
    assert packed == pytest.approx(1 - math.exp(-0.12375), rel=1e-9)
    assert packed == pytest.approx(0.116, abs=5e-4)
    alone = FORMS[form](opened, 100, Poisson(0.00825), 0.0)
    assert abs(alone) < 1e-12
    # The mean-field margin sees no difference between the two.
    assert math.log10(opened * 0.00825 / 100) == pytest.approx(-0.91, abs=5e-3)


def test_independent_loading_reaches_no_cell_at_all():
    assert 0 < survival(1500, 100, Poisson(0.00825)) < 1e-50


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cv", [0.0, 0.8])
@pytest.mark.parametrize(
    "jump",
    [Fixed(3), Poisson(0.3), Poisson(5.0), binomial(4, 0.5), Table([0, 1, 9], [0.5, 0.4, 0.1])],
)
@pytest.mark.parametrize("needed", [1, 17, 60])
def test_a_million_drawn_totals_agree(form, cv, jump, needed):
    n = 200_000 if form == "plain" else 1_000_000
    mean = 1.3 * needed / (3 if isinstance(jump, Fixed) else 2)
    rng = Streams(17).of(f"test.compound.{form}.{cv}.{needed}")
    share = np.mean(simulate_totals(mean, jump, cv, n, rng) >= needed)
    law = FORMS[form](mean, needed, jump, cv)
    # Bernstein's inequality for n independent trials: a false alarm has a chance below
    # 2 exp(-21.4) = 1e-9. For common events that is 6.5 standard errors.
    alarm = 21.4
    reach = alarm / 3 + math.sqrt(alarm**2 / 9 + 2 * alarm * n * law * (1 - law))
    assert abs(share - law) < reach / n + SHARE_ERROR


@settings(max_examples=60, deadline=None)
@given(mean=st.floats(0.01, 60), needed=st.integers(1, 60), jump=jumps, cv=cvs)
def test_fast_form_equals_its_plain_twin(mean, needed, jump, cv):
    error = abs(float(survival(mean, needed, jump, cv)) - survival_by_sum(mean, needed, jump, cv))
    written_out = needed <= 24 or not isinstance(jump, Poisson)
    assert error < (1e-11 if written_out else SHARE_ERROR)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None)
@given(
    mean=st.floats(0.01, 40),
    more=st.floats(1.0, 3.0),
    needed=st.integers(1, 40),
    jump=jumps,
    cv=cvs,
)
def test_more_arrivals_never_lower_the_share(form, mean, more, needed, jump, cv):
    law = FORMS[form]
    assert law(mean * more, needed, jump, cv) >= law(mean, needed, jump, cv) - 2e-12


@settings(max_examples=200, deadline=None)
@given(
    log_mean=st.floats(-3, 9),
    more=st.floats(1.0, 2.0),
    log_needed=st.floats(0, 6),
    log_jump=st.floats(-4, 4),
    cv=cvs,
)
def test_share_rises_with_the_mean_and_falls_with_the_threshold(
    log_mean, more, log_needed, log_jump, cv
):
    mean, needed, jump = 10**log_mean, 10**log_needed, Poisson(10**log_jump)
    here = survival(mean, needed, jump, cv)
    assert 0 <= here <= 1
    # Every form is a positive mixture, so only rounding can break the first order;
    # across forms the second one holds to the stated error of a share.
    assert survival(mean * more, needed, jump, cv) >= here - 1e-10
    assert survival(mean, needed * more, jump, cv) <= here + 2 * SHARE_ERROR


@settings(max_examples=200, deadline=None)
@given(
    fraction=st.floats(1e-6, 1 - 1e-6),
    log_needed=st.floats(-0.5, 6),
    log_jump=st.floats(-4, 4),
    cv=cvs,
    law=st.sampled_from([Fixed, Poisson]),
)
def test_mean_reaching_inverts_survival(fraction, log_needed, log_jump, cv, law):
    jump = law(10**log_jump)
    mean = mean_reaching(fraction, 10**log_needed, jump, cv)
    assert np.isfinite(mean)
    found = float(survival(mean, 10**log_needed, jump, cv))
    # Beyond, SciPy's incomplete gamma function and its inverse disagree in the tails.
    many = 10 ** (log_needed - log_jump) > 5e6
    assert abs(found - fraction) < 1e-6 * min(fraction, 1 - fraction) + (5e-6 if many else 1e-9)


@settings(max_examples=30, deadline=None)
@given(fraction=st.floats(0.001, 0.999), needed=st.integers(1, 300), cv=cvs, p=st.floats(0.1, 0.9))
def test_mean_reaching_inverts_a_table(fraction, needed, cv, p):
    jump = binomial(6, p)
    mean = mean_reaching(fraction, needed, jump, cv)
    assert abs(float(survival(mean, needed, jump, cv)) - fraction) < 1e-8


def test_mean_reaching_meets_its_stated_error():
    n = 300
    rng = Streams(5).of("test.compound.accuracy")
    needed = np.ceil(10 ** rng.uniform(0, 4, n))
    c = 10 ** rng.uniform(-2, 3, n)
    cv = np.where(rng.random(n) < 0.4, 0.0, rng.uniform(0.3, 1.2, n))
    fraction = rng.choice([1e-4, 0.01, 0.1, 0.5, 0.9, 0.99], n)
    mean = mean_reaching(fraction, needed, Poisson(c), cv)
    for i in range(n):
        low, high = (full_sum(mean[i] * x, needed[i], c[i], cv[i]) for x in (0.999, 1.001))
        here = full_sum(mean[i], needed[i], c[i], cv[i])
        error = abs(here - fraction[i]) / (high - low) * 0.002
        if needed[i] <= 24:
            allowed = 1e-6
        elif fraction[i] < 0.01:
            allowed = TAIL_MEAN_ERROR
        else:
            allowed = MEAN_ERROR if cv[i] == 0 else 1e-4
        assert error < allowed, (needed[i], c[i], cv[i], fraction[i])
        assert abs(float(survival(mean[i], needed[i], Poisson(c[i]), cv[i])) - here) < SHARE_ERROR


@pytest.mark.parametrize("cv", [0.0, 0.5, 1.2])
@pytest.mark.parametrize("needed", [1, 20, 30, 1000, 100_000])
def test_rare_single_units_are_arrivals(needed, cv):
    # Poisson jumps of a tiny mean bring one unit or none.
    tiny = 1e-9
    for fraction in (0.01, 0.5, 0.99):
        single = mean_reaching(fraction, needed, Fixed(1), cv)
        assert mean_reaching(fraction, needed, Poisson(tiny), cv) * tiny == pytest.approx(
            float(single), rel=1e-7
        )


@pytest.mark.parametrize("cv", [0.0, 0.7])
@pytest.mark.parametrize("needed", [1, 7, 8, 100])
def test_table_equals_the_closed_forms(needed, cv):
    assert float(survival(20, needed, Table([7], [1.0]), cv)) == pytest.approx(
        float(survival(20, needed, Fixed(7), cv)), abs=3e-12
    )
    units = np.arange(60)
    chances = np.exp(units * math.log(2.0) - 2.0 - special.gammaln(units + 1.0))
    found = table_survival(20, needed, Table(units, chances / chances.sum()), cv)
    allowed = found.error_bound + (1e-12 if needed <= 24 else SHARE_ERROR)
    assert abs(found.value - float(survival(20, needed, Poisson(2.0), cv))) < allowed
    assert abs(found.value - full_sum(20, needed, 2.0, cv)) < found.error_bound + 1e-12


def test_table_states_a_bound_that_holds_for_long_grids():
    # Fixed jumps have an exact answer at any length.
    found = table_survival(3e4, 1e5, Table([3], [1.0]), 0.5)
    assert abs(found.value - float(survival(3e4, 1e5, Fixed(3), 0.5))) < found.error_bound < 1e-8


def test_table_refuses_an_endless_grid():
    with pytest.raises(NumericalError, match="grid"):
        table_survival(1.0, 1e9, binomial(3, 0.5))


def test_one_unit_needs_one_arrival_that_is_not_empty():
    c, mean, cv = 0.7, 3.0, 0.9
    empty = math.exp(-c)
    expected = 1 - (1 + mean * (1 - empty) * cv**2) ** (-1 / cv**2)
    assert float(survival(mean, 1, Poisson(c), cv)) == pytest.approx(expected, rel=1e-12)


def test_partial_release_and_whole_opening_are_rivals():
    # Equal mean counts, different answers: opening whole keeps the packets.
    whole = survival(thin_arrivals(10, 0.2), 50, Fixed(50))
    parts = survival(10, 50, thin_units(Fixed(50), 0.2))
    assert float(whole) == pytest.approx(1 - math.exp(-2.0))
    assert float(parts) > 0.8


def test_thinning_twice_is_thinning_once():
    thinned = thin_units(thin_units(Fixed(8), 0.5), 0.4)
    direct = thin_units(Fixed(8), 0.2)
    assert np.allclose(thinned.probabilities, direct.probabilities, atol=1e-14)
    assert float(np.asarray(thin_units(Poisson(3.0), 0.5).mean)) == 1.5


def test_thresholds_between_whole_units_count_as_the_next():
    assert survival(5, 2.5, Poisson(1.0)) == survival(5, 3, Poisson(1.0))
    assert survival(5, 2.5, binomial(2, 0.5)) == survival(5, 3, binomial(2, 0.5))
    # 0.3 / 0.1 is above 3 in floating point.
    assert survival(5, 0.3, Fixed(0.1)) == survival(5, 3, Fixed(1))


def test_edges_are_numbers_never_nan():
    assert mean_reaching([0.0, 0.5, 1.0], 3, Poisson(1.0), 0.5).tolist()[0] == 0
    assert np.isinf(mean_reaching([1.0, 0.5], [3, np.inf], Poisson(1.0), 0.5)).all()
    assert mean_reaching(0.5, [0, -4], Poisson(0.0)).tolist() == [0, 0]
    for nothing in (Poisson(0.0), Fixed(0.0), Table([0], [1.0])):
        assert np.isinf(mean_reaching(0.5, 1, nothing))
        assert survival(10, 1, nothing) == 0
    assert survival([0, 1, np.inf], [1, 0, 5], Poisson(1.0)).tolist() == [0, 1, 1]
    # One unit in two has an exposure that is 0 within rounding: no dose reaches it.
    assert np.isinf(mean_reaching(0.5, 1, Poisson(1.0), 900.0))


@pytest.mark.parametrize("cv", [0.0, 1e-8, 1e-3, 0.05, 10.0, 30.0])
@pytest.mark.parametrize("jump", [Fixed(1), Poisson(0.01), Poisson(1.0), Poisson(300.0)])
def test_very_small_and_very_large_spreads_hold(cv, jump):
    needed = np.array([1, 20, 300, 3000, 10**6])
    mean = mean_reaching(0.3, needed, jump, cv)
    assert np.allclose(survival(mean, needed, jump, cv), 0.3, atol=1e-6)


def test_arrays_broadcast_and_scalars_stay_scalars():
    assert mean_reaching(0.5, np.full((3, 1), 9.0), Poisson([0.1, 2.0]), 0.4).shape == (3, 2)
    assert mean_reaching(0.5, 9.0, Fixed(2.0)).shape == ()
    assert survival(np.ones((2, 0)), 1.0, Poisson(1.0)).shape == (2, 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: survival(-1, 1, Fixed(1)),
        lambda: survival(1, np.nan, Fixed(1)),
        lambda: survival(1, 1, Poisson(np.nan)),
        lambda: survival(1, 1, Poisson(1.0), 1e4),
        lambda: mean_reaching(1.5, 1, Fixed(1)),
        lambda: mean_reaching(-0.1, 1, Fixed(1)),
        lambda: thin_arrivals(1.0, 1.2),
        lambda: thin_units(Fixed([2.0, 3.0]), 0.5),
        lambda: binomial(2.5, 0.5),
        lambda: Table([1, 2], [0.5]),
        lambda: Table([1.5], [1.0]),
        lambda: Table([1, 2], [0.5, 0.6]),
    ],
)
def test_what_is_no_law_is_refused(call):
    with pytest.raises(InputError, match="Remedy"):
        call()


def test_the_plain_twin_says_when_it_is_too_slow():
    with pytest.raises(NumericalError, match="one by one"):
        survival_by_sum(1e6, 2, Fixed(1))
    assert survival_by_sum(3.0, 0, Fixed(1)) == 1
    assert survival_by_sum(0.0, 1, Poisson(1.0)) == 0


def test_the_plain_twin_draws_the_right_moments():
    mean, cv, n = 5.0, 0.8, 400_000
    totals = simulate_totals(mean, Fixed(2), cv, n, Streams(3).of("test.compound.moments"))
    variance = 4 * (mean + (mean * cv) ** 2)
    # Six standard errors of a mean: a false alarm has a chance near 2e-9.
    assert abs(totals.mean() - 2 * mean) < 6 * math.sqrt(variance / n)
