"""Streams, threads, events, crossings of time, errors and the mean field."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from exosome.core.errors import InputError, NumericalError
from exosome.core.random import Streams
from exosome.numerics.network import (
    Event,
    Network,
    Parameter,
    Species,
    mean_field,
    reaction,
    replaced,
    simulate,
    trajectory,
)
from exosome.numerics.network.expression import derivative, evaluate, parse
from exosome.numerics.network.seeds import replicate_states

PASSING = Network(
    "passing", (Species("A", 9), Species("B")),
    (
        reaction("in", "-> A", constant="k"),
        reaction("bind", "2 A -> B", constant=0.05),
        reaction("out", "B ->", rate="0.2 * B / (1 + A)"),
    ),
    (Parameter("k", 2.0),),
)  # fmt: skip
EXACT = ("reference", "direct", "tree")


def test_start_states_are_those_of_the_streams():
    for seed in (0, 7, 2**35 + 1, 2**70):
        states = replicate_states(seed, "network.ssa", 5, 3)
        for row, state in enumerate(states):
            stream = Streams(seed).of("network.ssa", 5 + row)
            assert np.array_equal(stream.bit_generator.random_raw(4), state)


@pytest.mark.parametrize("method", ["lanes", "direct", "tree", "tau"])
def test_threads_and_blocks_do_not_change_a_byte(method):
    times = np.linspace(0, 20, 9)
    one, two = (
        simulate(PASSING, times, replicates=700, seed=1, method=method, threads=n) for n in (1, 2)
    )
    assert one.values.tobytes() == two.values.tobytes()
    assert one.fired == two.fired > 0
    tail = simulate(PASSING, times, replicates=50, seed=1, method=method, first=333)
    assert tail.values.tobytes() == one.values[333:383].tobytes()


def test_trajectory_is_the_saved_run():
    times = np.linspace(0, 20, 9)
    saved = simulate(PASSING, times, replicates=3, seed=1, method="direct")
    run = trajectory(PASSING, 20.0, seed=1, replicate=2)
    last = [np.searchsorted(run.times, t, side="right") - 1 for t in times]
    begun = [k >= 0 for k in last]
    assert np.array_equal(run.values[last][begun], saved.values[2][begun])
    assert len(run.times) > 20
    long = trajectory(replaced(PASSING, k=2000.0), 20.0, seed=1)
    assert long.times.size > 4096
    assert np.all(np.diff(long.times) > 0)


def timed(trigger, **options):
    return Network(
        "timed", (Species("X", 3),), (reaction("still", "-> X", constant=0.0),),
        (Parameter("done", 0.0),),
        events=(Event("set", trigger, (("X", "X + 10"), ("done", "1")), **options),),
    )  # fmt: skip


@pytest.mark.parametrize("method", EXACT[:2])
@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("time >= 2", [3, 3, 13, 13]),  # true at 2: saved with it
        ("time > 2", [3, 3, 3, 13]),  # true only after 2
        ("2 * time >= 5", [3, 3, 3, 13]),
        ("not time < 1.5", [3, 3, 13, 13]),
        ("time >= 1 and X < 5", [3, 13, 13, 13]),
        ("time > X / 2 and done == 0", [3, 3, 13, 13]),
        ("time >= 0", [13, 13, 13, 13]),
        ("X > 2", [13, 13, 13, 13]),
        ("X > 50", [3, 3, 3, 3]),
    ],
)
def test_events_land_on_their_moment(method, trigger, expected):
    run = simulate(timed(trigger), [0, 1, 2, 3], replicates=2, seed=1, method=method)
    assert run.values[:, :, 0].tolist() == [expected] * 2


def test_event_true_before_the_start_does_not_happen():
    run = simulate(timed("X > 2", initially=True), [0, 1], replicates=1, seed=1)
    assert run.values[0, :, 0].tolist() == [3, 3]


@pytest.mark.parametrize("method", EXACT[:2])
def test_simultaneous_events_keep_or_renew_their_values(method):
    def pair(*, early, persistent=True):
        return Network(
            "pair", (Species("X", 1), Species("Y", 1)), (reaction("no", "-> X", constant=0.0),),
            events=(
                Event("first", "time >= 1", (("X", 5.0),)),
                Event(
                    "second", "time >= 1 and X < 3", (("Y", "X"),), persistent,
                    values_at_trigger=early,
                ),
            ),
        )  # fmt: skip

    def end(network):
        return simulate(network, [2.0], replicates=1, seed=1, method=method).values[0, 0].tolist()

    assert end(pair(early=True)) == [5, 1]
    assert end(pair(early=False)) == [5, 5]
    assert end(pair(early=True, persistent=False)) == [5, 1]
    assert end(pair(early=False, persistent=False)) == [5, 1]


@pytest.mark.parametrize("method", EXACT)
def test_rate_that_switches_in_time_is_exact(method):
    # Rate 4 until 2.5, then 0: Poisson(10) at the end, none later.
    network = Network(
        "window", (Species("X"),), (reaction("in", "-> X", rate="4 if time < 2.5 else 0"),)
    )
    n = 300 if method == "reference" else 20_000
    run = simulate(network, [2.5, 9.0], replicates=n, seed=2, method=method).of("X")
    assert np.array_equal(run[:, 0], run[:, 1])
    assert abs(run[:, 1].mean() - 10) < 6.1 * np.sqrt(10 / n)  # false alarm 1e-9


def test_rules_and_constants_are_observed():
    network = Network(
        "rules", (Species("X", 5), Species("S", 4, fixed=True)),
        (reaction("in", "S -> X", constant=1.0),), (Parameter("y", 0.0),),
        rules=(("y", "2 * X + time"),),
    )  # fmt: skip
    run = simulate(network, [0.0, 1.0], replicates=5, seed=1, observe=("y", "X", "S"))
    assert np.array_equal(run.of("y"), 2 * run.of("X") + run.times)
    assert np.all(run.of("S") == 4)


@pytest.mark.parametrize("method", [*EXACT, "lanes"])
@pytest.mark.parametrize(
    ("rate", "what"), [("2.5 - X", "propensity"), ("1 / (X - 3)", "propensity"), ("1", "negative")]
)
def test_unsound_rates_are_errors(method, rate, what):
    side = "X ->" if what == "negative" else "-> X"
    network = Network("unsound", (Species("X", 2),), (reaction("r", side, rate=rate),))
    with pytest.raises(NumericalError, match=what):
        simulate(network, [0.0, 500.0], replicates=2, seed=1, method=method)


@pytest.mark.parametrize("method", EXACT[:2])
def test_events_that_break_counts_or_never_end_are_errors(method):
    still = (reaction("in", "-> X", constant=0.0),)
    halve = (Event("halve", "time >= 1", (("X", "X / 2"),)),)
    half = Network("half", (Species("X", 3),), still, events=halve)
    with pytest.raises(NumericalError, match="no count"):
        simulate(half, [2.0], replicates=1, seed=1, method=method)
    swing = (Event("up", "X < 1", (("X", 1.0),)), Event("down", "X > 0", (("X", 0.0),)))
    endless = Network("endless", (Species("X", 0),), still, events=swing)
    with pytest.raises(NumericalError, match="events"):
        simulate(endless, [2.0], replicates=1, seed=1, method=method)


@pytest.mark.parametrize(
    "build",
    [
        lambda: reaction("r", "A + 1.5 B -> C", constant=1),
        lambda: reaction("r", "A -> B"),
        lambda: parse("__import__('os')"),
        lambda: parse("k *"),
        lambda: Network("n", (Species("X"), Species("X")), ()),
        lambda: Network("n", (Species("X"),), (reaction("r", "X ->", constant="k"),)),
        lambda: Network("n", (Species("X"),), (), rules=(("X", "X + 1"),)),
        lambda: simulate(
            Network("n", (Species("X", 1.5),), (reaction("r", "X ->", constant=1),)),
            [1], replicates=1, seed=1,
        ),
        lambda: simulate(
            Network("n", (Species("X", 1),), (reaction("r", "X ->", rate="X * time"),)),
            [1], replicates=1, seed=1,
        ),
        lambda: simulate(PASSING, [2, 1], replicates=1, seed=1),
        lambda: simulate(PASSING, [1], replicates=1, seed=1, observe=("Z",)),
        lambda: simulate(timed("time > 1"), [1], replicates=1, seed=1, method="lanes"),
        lambda: mean_field(timed("X > 5"), [1]),
    ],
)  # fmt: skip
def test_bad_input_is_refused(build):
    with pytest.raises(InputError):
        build()


def test_large_networks_take_the_tree_and_agree():
    # A chain of 40: the total is conserved, the end fills as a sum of 40 waiting times.
    n = 40
    chain = Network(
        "chain", tuple(Species(f"S{k}", 50 if k == 0 else 0) for k in range(n + 1)),
        tuple(reaction(f"r{k}", f"S{k} -> S{k + 1}", constant=1.0) for k in range(n)),
    )  # fmt: skip
    for method in ("tree", "direct"):
        run = simulate(chain, [40.0], replicates=400, seed=1, method=method)
        assert np.all(run.values.sum(axis=2) == 50)
        # Chance that a Gamma(40) time is below 40 (0.521); z at 6.1: false alarm 1e-9.
        assert abs(run.of(f"S{n}").mean() - 50 * 0.521) < 6.1 * np.sqrt(50 * 0.25 / 400) + 0.1


def test_mean_field_has_order_four():
    prey = Network(
        "prey", (Species("X", 10), Species("Y", 5)),
        (
            reaction("birth", "X -> 2 X", constant=1.0),
            reaction("eaten", "X + Y -> 2 Y", constant=0.1),
            reaction("death", "Y ->", constant=1.0),
        ),
    )  # fmt: skip
    exact = mean_field(prey, [5.0], relative_tolerance=1e-13, absolute_tolerance=1e-13).values
    errors = [abs(mean_field(prey, [5.0], fixed_step=h).values - exact).max() for h in (0.1, 0.05)]
    assert np.log2(errors[0] / errors[1]) > 3.7


def test_mean_field_is_that_of_scipy_on_a_stiff_problem():
    robertson = Network(
        "robertson", (Species("A", 1), Species("B"), Species("C")),
        (
            reaction("slow", "A -> B", constant=0.04),
            reaction("fast", "B + C -> A + C", constant=1e4),
            reaction("pair", "2 B -> C + B", constant=6e7),
        ),
    )  # fmt: skip
    times = [0.4, 40.0, 4e3, 4e5]
    ours = mean_field(robertson, times, relative_tolerance=1e-9, absolute_tolerance=1e-13)

    def slope(_t, y):
        a, b, c = y
        return [-0.04 * a + 1e4 * b * c, 0.04 * a - 1e4 * b * c - 3e7 * b * b, 3e7 * b * b]

    theirs = solve_ivp(slope, (0, 4e5), [1, 0, 0], "Radau", times, rtol=1e-10, atol=1e-14)
    assert np.allclose(ours.values, theirs.y.T, rtol=1e-7, atol=0)


def test_mean_field_lands_on_timed_events_and_switches():
    network = Network(
        "dose", (Species("X", 0),),
        (
            reaction("out", "X ->", constant=0.3),
            reaction("in", "-> X", rate="2 if time < 1 else 0"),
        ),
        events=(Event("dose", "time >= 4", (("X", "X + 5"),)),),
    )  # fmt: skip
    values = mean_field(network, [0.5, 1, 4, 6], relative_tolerance=1e-11).values[:, 0]
    x1 = 2 / 0.3 * (1 - np.exp(-0.3))
    x4 = x1 * np.exp(-0.9) + 5
    assert np.allclose(
        values, [2 / 0.3 * (1 - np.exp(-0.15)), x1, x4, x4 * np.exp(-0.6)], rtol=1e-8
    )


def test_derivatives_are_those_of_differences():
    for text in ("X**3 / (1 + Y)", "exp(-X) * ln(Y + 1)", "sqrt(X) + X**Y", "max(X, 2*Y) * tanh(X)",
                 "(X if Y > 1 else -X) + abs(X - 3) + log10(X)"):  # fmt: skip
        tree = parse(text)
        at, h = {"X": 1.3, "Y": 1.7}, 1e-6
        for name, value in at.items():
            up, down = ({**at, name: value + s * h} for s in (1, -1))
            numeric = (evaluate(tree, up, 0) - evaluate(tree, down, 0)) / (2 * h)
            assert evaluate(derivative(tree, name), at, 0) == pytest.approx(numeric, rel=1e-6)


def test_describing_a_network_loads_no_solver():
    code = "import sys, exosome.numerics.network; print({'numba', 'numpy'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
