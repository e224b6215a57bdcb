"""Closed forms that every stochastic solver must meet: plain Python and kernels alike.

False-alarm rates. A z test at 6.1 standard errors fails a sound solver with probability 1e-9,
a chi-square test is held to p > 1e-9. Seeds are fixed and were not chosen; the fourth moments
that standard errors of variances need are taken from the law, or generously from the runs.
"""

import math

import numpy as np
import pytest
from scipy import stats

from exosome.numerics.network import Network, Parameter, Species, reaction, simulate

LIMIT_Z = 6.1
LEAST_P = 1e-9
REPLICATES = {"reference": 400, "direct": 20_000, "tree": 20_000, "lanes": 20_000}


@pytest.fixture(params=list(REPLICATES))
def method(request):
    return request.param


def final(network, until, method, name):
    run = simulate(network, [until], replicates=REPLICATES[method], seed=3, method=method)
    return run.of(name)[:, -1]


def check_mean(values, mean, variance):
    assert abs(values.mean() - mean) < LIMIT_Z * math.sqrt(variance / values.size)


def check_variance(values, variance):
    # Standard error of a sample variance, with the fourth moment of the runs, and room
    # for the error of that moment in the small samples of the reference.
    centred = (values - values.mean()) ** 2
    error = max(centred.std(), math.sqrt(2) * variance) / math.sqrt(values.size)
    assert abs(values.var(ddof=1) - variance) < LIMIT_Z * 1.2 * error


def check_law(values, cells, chances):
    """Chi-square of counts in cells; the last cell holds the rest."""
    observed = np.array([np.sum(values == k) for k in cells] + [np.sum(~np.isin(values, cells))])
    expected = np.append(chances, 1 - np.sum(chances)) * values.size
    # Cells that expect fewer than five go into the last one.
    few = expected < 5
    observed = np.append(observed[~few], observed[few].sum())
    expected = np.append(expected[~few], expected[few].sum())
    keep = expected > 0
    assert observed[~keep].sum() == 0
    fit = (observed[keep] - expected[keep]) ** 2 / np.maximum(expected[keep], 1e-3)
    keep_big = expected[keep] >= 5
    chi = fit[keep_big].sum()
    assert stats.chi2.sf(chi, max(keep_big.sum() - 1, 1)) > LEAST_P


def test_immigration_death_is_poisson(method):
    network = Network(
        "immigration-death", (Species("X"),),
        (reaction("in", "-> X", constant="a"), reaction("out", "X ->", constant=0.1)),
        (Parameter("a", 1.0),),
    )  # fmt: skip
    values = final(network, 12.0, method, "X")
    cells = np.arange(30)
    check_law(values, cells, stats.poisson.pmf(cells, 10 * (1 - math.exp(-1.2))))


def test_birth_death_has_its_moments_and_extinction(method):
    birth, death, start, until = 0.6, 0.5, 4, 5.0
    network = Network(
        "birth-death", (Species("X", start),),
        (reaction("birth", "X -> 2 X", constant=birth), reaction("death", "X ->", constant=death)),
    )  # fmt: skip
    values = final(network, until, method, "X")
    growth = math.exp((birth - death) * until)
    variance = start * growth * (growth - 1) * (birth + death) / (birth - death)
    check_mean(values, start * growth, variance)
    extinct = (death * (growth - 1) / (birth * growth - death)) ** start
    check_mean(values == 0, extinct, extinct * (1 - extinct))


def test_release_in_bursts_has_fano_factor_of_burst_size(method):
    network = Network("burst", (Species("X"),), (reaction("burst", "-> 7 X", constant=0.8),))
    values = final(network, 25.0, method, "X")
    # 7 x Poisson(20): mean 140, variance 980, Fano factor 7.
    check_mean(values, 140.0, 980.0)
    check_variance(values, 980.0)
    assert set(np.unique(values % 7)) == {0.0}


def test_bursts_with_decay_have_half_that_fano_factor(method):
    network = Network(
        "burst-decay", (Species("X"),),
        (reaction("burst", "-> 7 X", constant=0.8), reaction("out", "X ->", constant=1.0)),
    )  # fmt: skip
    values = final(network, 20.0, method, "X")
    # Stationary: mean 5.6, Fano factor (7 + 1) / 2.
    check_mean(values, 5.6, 22.4)
    check_variance(values, 22.4)


def test_cargo_of_arriving_vesicles_is_compound_poisson(method):
    network = Network(
        "cargo", (Species("X"), Species("V")),
        (
            reaction("poor", "-> V + X", constant=0.3),
            reaction("fair", "-> V + 4 X", constant=0.2),
            reaction("rich", "-> V + 30 X", constant=0.02),
        ),
    )  # fmt: skip
    run = simulate(network, [6.0], replicates=REPLICATES[method], seed=4, method=method)
    copies, vesicles = run.of("X")[:, 0], run.of("V")[:, 0]
    check_mean(copies, 6 * (0.3 + 0.8 + 0.6), 6 * (0.3 + 3.2 + 18.0))
    check_variance(copies, 6 * (0.3 + 3.2 + 18.0))
    none = math.exp(-6 * 0.52)
    check_mean(copies == 0, none, none * (1 - none))
    check_law(vesicles, np.arange(15), stats.poisson.pmf(np.arange(15), 3.12))


def test_two_state_switching_is_binomial_in_time(method):
    on, off, cells = 0.3, 0.7, 20
    network = Network(
        "switch", (Species("A", 0), Species("B", cells)),
        (reaction("on", "B -> A", constant=on), reaction("off", "A -> B", constant=off)),
    )  # fmt: skip
    run = simulate(network, [1.5, 30.0], replicates=REPLICATES[method], seed=5, method=method)
    for column, time in enumerate((1.5, 30.0)):
        chance = on / (on + off) * (1 - math.exp(-(on + off) * time))
        ks = np.arange(cells + 1)
        check_law(run.of("A")[:, column], ks, stats.binom.pmf(ks, cells, chance))


def test_switching_gene_has_its_fano_factor(method):
    on, off, make, lose = 0.2, 0.4, 12.0, 1.0
    network = Network(
        "telegraph", (Species("G", 0), Species("D", 1), Species("X")),
        (
            reaction("on", "D -> G", constant=on),
            reaction("off", "G -> D", constant=off),
            reaction("make", "-> X", rate=f"{make} * G"),
            reaction("lose", "X ->", constant=lose),
        ),
    )  # fmt: skip
    values = final(network, 25.0, method, "X")
    mean = make / lose * on / (on + off)
    fano = 1 + make * off / ((on + off) * (on + off + lose))
    check_mean(values, mean, fano * mean)
    check_variance(values, fano * mean)


def test_pairing_reaches_its_equilibrium_law(method):
    # 2 A <-> B from 12 A: stationary weights prod of (births / deaths) along the ladder.
    pair, split, start = 0.1, 0.5, 12
    network = Network(
        "pairing", (Species("A", start), Species("B")),
        (
            reaction("pair", "2 A -> B", constant=pair),
            reaction("split", "B -> 2 A", constant=split),
        ),
    )  # fmt: skip
    weights = [1.0]
    for k in range(start // 2):
        left = start - 2 * k
        weights.append(weights[-1] * pair * left * (left - 1) / 2 / (split * (k + 1)))
    values = final(network, 60.0, method, "B")
    check_law(values, np.arange(start // 2), np.array(weights[:-1]) / sum(weights))


def test_tau_leaping_keeps_moments_within_its_measured_bias():
    network = Network(
        "large", (Species("X", 0),),
        (reaction("in", "-> X", constant=5000.0), reaction("out", "X ->", constant=0.5)),
    )  # fmt: skip
    run = simulate(network, [2.0, 20.0], replicates=2000, seed=6, method="tau", epsilon=0.03)
    for column, time in enumerate((2.0, 20.0)):
        mean = 10_000 * (1 - math.exp(-0.5 * time))
        values = run.of("X")[:, column]
        assert abs(values.mean() / mean - 1) < 0.03
        # Bias of the variance about epsilon; six standard errors of 2,000 runs are 0.19.
        assert abs(values.var() / mean - 1) < 0.24
    finer = simulate(network, [2.0], replicates=2000, seed=6, method="tau", epsilon=0.005)
    mean = 10_000 * (1 - math.exp(-1.0))
    assert abs(finer.of("X").mean() / mean - 1) < 0.006


def test_tau_leaping_never_goes_below_zero():
    network = Network(
        "scarce", (Species("A", 30), Species("B", 3000)),
        (reaction("meet", "A + B -> B", constant=1e-3), reaction("fade", "B ->", constant=1.0)),
    )  # fmt: skip
    run = simulate(network, np.linspace(0, 10, 11), replicates=500, seed=7, method="tau")
    assert run.values.min() >= 0
