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
    mean_fields,
    ode_reference,
    reaction,
)
from exosome.numerics.network.elimination import elimination
from exosome.numerics.network.rodas import factor_rows, solve_rows
from exosome.numerics.network.vectors import WIDTH

# Every operation of the tape, mass action of three orders, a rule and a fixed species.
EVERYTHING = Network(
    "everything", (Species("A", 3), Species("B", 2), Species("C", 1), Species("F", 4, fixed=True)),
    (
        reaction("pair", "2 A -> B", constant="k"),
        reaction("meet", "A + B + F -> A + C", constant=0.01),
        reaction("half", "B -> A", rate="B / (1 + B) * exp(-A / 10) + sqrt(C) * tanh(B)"),
        reaction("lose", "C ->", rate="k * C**3 / (1 + C**3) + 0.1 * C * (1 - sin(A) * 0.5)"),
        reaction("make", "-> C", rate="max(k, 0.3) + min(A, 2) + abs(A - y) * ln(1 + A)"),
        reaction("gate", "-> A", rate="(2 if A < 1.5 and not C > 90 else 0.5) + log10(1 + B**2)"),
        reaction("sway", "B ->", rate="B * (1 + cos(C) * 0.2) + B**1.5 / (2 + tan(y * 0.01)) "),
    ),
    (Parameter("k", 0.2), Parameter("y", 0.0)), rules=(("y", "A + 2 * B"),),
)  # fmt: skip

PREY = Network(
    "prey", (Species("X", 10), Species("Y", 5)),
    (
        reaction("birth", "X -> 2 X", constant="b"),
        reaction("eaten", "X + Y -> 2 Y", constant=0.1),
        reaction("death", "Y ->", constant=1.0),
    ),
    (Parameter("b", 1.0),),
)  # fmt: skip


def compiled(network, times, **options):
    return mean_field(network, times, **options).values


BACKENDS = {"compiled": compiled, "plain": ode_reference.mean_field}


def test_twins_take_the_same_steps():
    # Away from the kinks of min, max and the gate both do the same arithmetic.
    times = [0.05, 0.1]
    ours, plain = (run(EVERYTHING, times, fixed_step=0.01) for run in BACKENDS.values())
    assert np.allclose(ours, plain, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_order_is_four(backend):
    run = BACKENDS[backend]
    exact = solve_ivp(
        lambda _t, y: [y[0] - 0.1 * y[0] * y[1], 0.1 * y[0] * y[1] - y[1]], (0, 2), [10, 5],
        "DOP853", [2.0], rtol=1e-13, atol=1e-13,
    ).y.T  # fmt: skip
    errors = [abs(run(PREY, [2.0], fixed_step=h) - exact).max() for h in (0.1, 0.05, 0.025)]
    assert np.all(np.log2(np.divide(errors[:-1], errors[1:])) > 3.8)
    assert np.all(np.log2(np.divide(errors[:-1], errors[1:])) < 4.4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_true_error_follows_the_tolerance(backend):
    # Stiff and not linear: the slowest rate is 1e-1, the fastest 1e4.
    stiff = Network(
        "stiff", (Species("A", 1e3), Species("B"), Species("C"), Species("D")),
        (
            reaction("out", "A -> B", constant=1.0),
            reaction("fast", "B -> C", constant=1e4),
            reaction("back", "C -> B", constant=5e3),
            reaction("take", "C -> D", rate="300 * C / (100 + C) * (1 - D / 2000)"),
            reaction("lose", "D ->", constant=0.1),
        ),
    )  # fmt: skip
    times = [0.01, 0.3, 2.0, 20.0]
    exact = compiled(stiff, times, relative_tolerance=1e-13, absolute_tolerance=1e-12)

    def slope(_t, y):
        a, b, c, d = y
        take = 300 * c / (100 + c) * (1 - d / 2000)
        return [-a, a - 1e4 * b + 5e3 * c, 1e4 * b - 5e3 * c - take, take - 0.1 * d]

    peer = solve_ivp(slope, (0, 20), [1e3, 0, 0, 0], "Radau", times, rtol=1e-10, atol=1e-10).y.T
    assert np.allclose(exact, peer, rtol=1e-8, atol=1e-7)
    tolerances = np.array([1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
    errors = []
    for tolerance in tolerances:
        found = BACKENDS[backend](
            stiff, times, relative_tolerance=tolerance, absolute_tolerance=1e-3 * tolerance
        )
        errors.append(np.max(abs(found - exact) / (1e-3 + abs(exact))))
    assert np.all(np.array(errors) < 5 * tolerances)
    slope_of_logs = np.polyfit(np.log(tolerances), np.log(errors), 1)[0]
    assert 0.75 < slope_of_logs < 1.25


def test_more_saved_moments_do_not_move_the_course():
    few = mean_field(PREY, [3.0, 6.0], relative_tolerance=1e-8).values
    many = mean_field(PREY, np.linspace(0, 6, 601), relative_tolerance=1e-8).values
    assert np.allclose(many[[300, 600]], few, rtol=1e-6)
    assert np.array_equal(many[0], [10, 5])


def test_what_no_reaction_makes_or_takes_is_kept():
    closed = Network(
        "closed", tuple(Species(n, c) for n, c in zip("ABCD", (1e10, 3, 0, 0), strict=True)),
        (
            reaction("f", "A -> B", constant=1e3),
            reaction("g", "B -> C", rate="5 * B / (1 + B / 1e9)"),
            reaction("h", "C -> D", constant=0.1),
            reaction("i", "C -> A", constant=1.0),
        ),
    )  # fmt: skip
    found = mean_field(closed, np.geomspace(1e-4, 1e3, 20), relative_tolerance=1e-5)
    assert np.allclose(found.values.sum(axis=1), 1e10 + 3, rtol=1e-12)


DOSED = Network(
    "dosed", (Species("X", "x0"), Species("Y")),
    (
        reaction("out", "X ->", constant="k"),
        reaction("in", "-> X", rate="r if time > t1 and time < t2 else 0"),
        reaction("mark", "-> Y", rate="s"),
    ),
    (Parameter("k", 0.3), Parameter("r", 2.0), Parameter("t1", 1.0), Parameter("t2", 2.0),
     Parameter("t3", 4.0), Parameter("d", 5.0), Parameter("x0", 0.0), Parameter("s", 0.0)),
    events=(
        Event("dose", "time >= t3", (("X", "X + d"), ("s", "s + 1"))),
        Event("again", "time >= 2 * t3", (("X", "X + d"),)),
    ),
)  # fmt: skip


def dosed(times, k, t1, t2, t3, d, x0):
    """X by superposition."""
    x = x0 * np.exp(-k * times)
    for sign, t in ((1, t1), (-1, t2)):
        x += sign * 2.0 / k * (1 - np.exp(-k * np.maximum(times - t, 0)))
    for t in (t3, 2 * t3):
        x += d * np.exp(-k * np.maximum(times - t, 0)) * (times >= t)
    return x


def test_each_patient_has_doses_and_infusions_at_its_own_times():
    rng = Streams(1).of("test.dosed")
    n = 21
    values = {
        "k": rng.uniform(0.1, 3, n), "t1": rng.uniform(0, 2, n), "d": rng.uniform(1, 9, n),
        "x0": rng.uniform(0, 5, n),
    }  # fmt: skip
    values["t2"] = values["t1"] + rng.uniform(0, 8, n)
    values["t3"] = rng.uniform(0.5, 12, n)  # some second doses come after the last saved time
    values["t3"][:2] = 4.0, 2.0  # at saved times
    times = np.linspace(0, 16, 17)
    found = mean_fields(
        DOSED, times, values=values, observe=("X", "Y", "s"), relative_tolerance=1e-10
    )
    for p in range(n):
        own = {name: float(v[p]) for name, v in values.items()}
        assert np.allclose(found.of("X")[p], dosed(times, **own), rtol=1e-8, atol=1e-9)
        # A parameter that events change, seen at saved times, and what it drives.
        assert np.array_equal(found.of("s")[p], times >= own["t3"])
        assert np.allclose(found.of("Y")[p], np.maximum(times - own["t3"], 0), atol=1e-9)


def test_what_nothing_moves_stays_and_what_only_events_move_jumps():
    still = Network(
        "still", (Species("X", 3),), (), (Parameter("k", 1.0),),
        events=(Event("set", "time > 1", (("k", "k + 1"),)),),
    )  # fmt: skip
    found = mean_field(still, [0.5, 1.0, 2.0], observe=("X", "k"))
    assert np.array_equal(found.values, [[3, 1], [3, 1], [3, 2]])


def many_prey(n):
    rng = Streams(2).of("test.prey")
    return {"b": rng.uniform(0.5, 2, n), "X": rng.uniform(5, 20, n)}


def test_same_bytes_for_any_threads_and_any_neighbours():
    values, times = many_prey(150), [1.0, 2.5, 7.0]
    one = mean_fields(PREY, times, values=values, workers=1)
    two = mean_fields(PREY, times, values=values, workers=2)
    assert one.values.tobytes() == two.values.tobytes()
    assert np.array_equal(one.steps, two.steps)
    turned = mean_fields(PREY, times, values={k: v[::-1] for k, v in values.items()})
    assert turned.values[::-1].tobytes() == one.values.tobytes()
    for p in (0, 77):
        alone = mean_fields(PREY, times, values={k: v[p] for k, v in values.items()})
        assert alone.values[0].tobytes() == one.values[p].tobytes()


def test_many_patients_are_each_what_the_twin_says():
    values = many_prey(9)
    many = mean_fields(PREY, [2.0], values=values, relative_tolerance=1e-10)
    for p in range(9):
        own = Network(
            "own", (Species("X", values["X"][p]), Species("Y", 5)), PREY.reactions,
            (Parameter("b", float(values["b"][p])),),
        )  # fmt: skip
        assert np.allclose(many.values[p], ode_reference.mean_field(own, [2.0]), rtol=1e-8)


def test_the_patient_that_fails_is_named():
    # dX/dt = X^2 reaches infinity at 1 / X(0).
    runaway = Network("runaway", (Species("X", 0.1),), (reaction("grow", "-> X", rate="X * X"),))
    values = np.full(20, 0.1)
    values[13] = 4.0
    with pytest.raises(NumericalError, match=r"patient 13, after time 0\.25: .*1 of 20"):
        mean_fields(runaway, [1.0], values={"X": values})
    broken = Network(
        "broken", (Species("X", 1.0),), (reaction("r", "X ->", rate="1 + ln(X) / 1e9"),)
    )
    with pytest.raises(NumericalError, match="patient 0"):
        mean_field(broken, [5.0])


@pytest.mark.parametrize(
    "options",
    [
        {"values": {"Z": 1.0}},
        {"values": {"b": [1.0, 2.0], "X": [1.0, 2.0, 3.0]}},
        {"values": {"b": [1.0, np.nan]}},
        {"values": {"b": [[1.0]]}},
        {"values": {"b": []}},
        {"relative_tolerance": 0.0},
        {"absolute_tolerance": [1e-9, 1e-9]},
        {"absolute_tolerance": -1.0},
        {"fixed_step": 0.0},
        {"workers": 0},
        {"observe": ("Q",)},
    ],
)
def test_bad_arguments_are_refused(options):
    with pytest.raises(InputError):
        mean_fields(PREY, [1.0], **options)


@pytest.mark.parametrize("times", [[], [2.0, 1.0], [-1.0], [np.inf], [np.nan]])
def test_bad_times_are_refused(times):
    with pytest.raises(InputError):
        mean_fields(PREY, times)


def test_elimination_fills_in_no_arrow_and_solves_any_pattern():
    # An arrow that points the wrong way fills in completely if taken in its own order.
    arrow = [(0, j) for j in range(30)] + [(i, 0) for i in range(30)]
    assert elimination(30, arrow).entries == 30 + 58
    rng = Streams(3).of("test.elimination")
    for n in (1, 7, 40):
        entries = [(int(i), int(j)) for i, j in rng.integers(0, n, (3 * n, 2))]
        plan = elimination(n, entries)
        places = plan.places()
        rank = {int(p): k for k, p in enumerate(plan.order)}
        dense = np.zeros((WIDTH, n, n))
        m = np.zeros((plan.entries, WIDTH))
        for i, j in {*entries, *((i, i) for i in range(n))}:
            value = rng.normal(size=WIDTH) + (8.0 if i == j else 0.0)
            dense[:, rank[i], rank[j]] = value
            m[places[rank[i], rank[j]]] = value
        side = rng.normal(size=(n, WIDTH))
        inverse, loss, x = np.empty((n, WIDTH)), np.empty((2, WIDTH)), side.copy()
        _, lower_at, lower_column, upper_at, upper_column, update_at, update = plan
        factor_rows(
            lower_at, lower_column, upper_at, update_at, update, m, inverse, loss,
            np.ones((1, WIDTH)),
        )  # fmt: skip
        solve_rows(lower_at, lower_column, upper_at, upper_column, m, inverse, x, 0)
        for lane in range(WIDTH):
            assert np.allclose(dense[lane] @ x[:, lane], side[:, lane], atol=1e-10)
