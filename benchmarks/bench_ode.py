"""Time the sparse mean field against libRoadRunner (CVODE) on a whole-body model.

Run ``python benchmarks/bench_ode.py [--patients 1000] [--rounds 20]`` with the extra ``bench``.
The model: 15 organs of the mouse (vascular, interstitial, internalised), venous and
arterial blood, lymph node, depot, degraded, excreted: 51 states; uptake that saturates and
fills up. Both engines integrate the same network, ours as described, the peer our own SBML
export, in one process, in turns, on one thread. Patients have doses from 1e9 to 1e12 and every
parameter scattered by 30 %. The accuracy is matched first: for each engine the loosest
tolerance of a ladder at which no count above 0.01 % of the dose is off by more than 1e-3 at
any saved time, against ours at 1e-11, which SciPy's Radau confirms for three patients.

The rate constants make the model stiff and saturable as a body is. They are no estimates.
Volumes and flows: body_mouse.csv (Shah and Betts 2012, as coded in github
john-harrold/ubiquity).
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exosome.core.random import Streams
from exosome.numerics.network import Network, Parameter, Species, mean_fields, reaction
from exosome.numerics.network.resolve import resolve
from exosome.numerics.network.slopes import planned
from exosome.numerics.sbml import write_sbml

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES_H = np.array([0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 24.0, 48.0, 72.0])
LADDER = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7)
MATCHED = 1e-3
SMALLEST_SHARE = 1e-4  # of the dose; below it a relative error says nothing
TO_LIVER = frozenset({"spleen", "pancreas", "small_intestine", "large_intestine"})
#: Clearance by uptake, mL/h, and what an organ can hold.
UPTAKE = {"liver": 40.0, "spleen": 3.0, "bone": 1.0, "lung": 0.5}
CAPACITY = {"liver": 2e11, "spleen": 2e10, "bone": 2e10}


def organs() -> dict[str, tuple[float, float, float]]:
    """Return plasma and interstitial volume (mL) and plasma flow (mL/h) of each organ."""
    with Path(__file__).with_name("body_mouse.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ("plasma_ml", "interstitial_ml", "plasma_flow_ml_per_h")
    return {
        row["organ"]: (float(row[names[0]]), float(row[names[1]]), float(row[names[2]]))
        for row in rows
    }


def body(classes: int = 1) -> Network:
    """Return the whole-body network of one or more size classes that share the capacity.

    With one class the internalised particles themselves fill an organ; with more, a species
    of its own counts what is occupied, so that classes meet there and nowhere else.
    """
    table = organs()
    flows = {name: flow for name, (_, _, flow) in table.items()}
    numbers = {"V_ven": 0.6, "V_art": 0.34, "V_node": 0.113, "k_depot": 0.3, "k_drain": 0.1,
               "k_deg": 0.12, "k_out": 0.5, "half": 5e11, "leak": 1 / 500}  # fmt: skip
    for name, (plasma, interstitial, flow) in table.items():
        numbers |= {f"Q_{name}": flow, f"V_{name}": plasma, f"W_{name}": interstitial,
                    f"P_{name}": 0.02 * flow, f"U_{name}": UPTAKE.get(name, 0.05),
                    f"C_{name}": CAPACITY.get(name, 5e9)}  # fmt: skip
    liver_out = " + ".join(f"Q_{name}" for name in ("liver", *sorted(TO_LIVER)))
    names = ["degraded", "excreted"]
    steps = []

    def step(equation: str, rate: str) -> None:
        steps.append(reaction(f"r{len(steps)}", equation, rate=rate))

    shared = classes > 1
    names += [f"O_{name}" for name in table if shared]
    for c in range(classes):
        names += [f"{what}_{c}" for what in ("ven", "art", "node", "depot")]
        # Larger particles leak less and are taken up faster.
        numbers |= {f"leak_{c}": 0.5**c if shared else 1.0, f"taken_{c}": 1.0 + 0.1 * c}
        step(f"ven_{c} -> v_lung_{c}", f"Q_lung / V_ven * ven_{c}")
        step(f"depot_{c} -> ven_{c}", f"k_depot * depot_{c}")
        step(f"depot_{c} -> node_{c}", f"k_drain * depot_{c}")
        lymph = "leak * Q_lung"
        step(f"node_{c} -> ven_{c}", f"{lymph} / V_node * node_{c}")
        for name in table:
            v, i, x = (f"{kind}_{name}_{c}" for kind in "vix")
            names += [v, i, x]
            if name != "lung":
                step(f"art_{c} -> {v}", f"Q_{name} / V_art * art_{c}")
            target = f"art_{c}" if name == "lung" else f"ven_{c}"
            target = f"v_liver_{c}" if name in TO_LIVER else target
            out = f"({liver_out})" if name == "liver" else f"Q_{name}"
            step(f"{v} -> {target}", f"{out} / V_{name} * {v}")
            step(f"{v} -> {i}", f"P_{name} * leak_{c} / V_{name} * {v}")
            step(f"{i} -> {v}", f"P_{name} * leak_{c} / W_{name} * {i}")
            step(f"{i} -> node_{c}", f"leak * Q_{name} / W_{name} * {i}")
            full = f"O_{name}" if shared else x
            filled = f" + O_{name}" if shared else ""
            step(
                f"{v} -> {x}{filled}",
                f"U_{name} * taken_{c} / V_{name} * {v} / (1 + {v} / (V_{name} * half))"
                f" * (1 - {full} / C_{name})",
            )
            step(f"{x}{filled} -> degraded", f"k_deg * {x}")
        step(f"v_kidney_{c} -> excreted", f"k_out / V_kidney * v_kidney_{c}")
    assert abs(sum(flows.values()) / flows["lung"] - 2) < 1e-6
    return Network(
        f"body {classes}", tuple(Species(name) for name in names), tuple(steps),
        tuple(Parameter(name, value) for name, value in numbers.items()),
    )  # fmt: skip


def virtual(network: Network, patients: int, classes: int = 1) -> dict[str, np.ndarray]:
    """Return parameters and doses of random patients; flows and volumes close again."""
    rng = Streams(1).of("bench.ode")
    values = {
        part.name: float(part.value) * rng.lognormal(0.0, 0.3, patients)  # type: ignore[arg-type]
        for part in network.parameters
    }
    into = [name for name in organs() if name != "lung"]
    values["Q_lung"] = np.sum([values[f"Q_{name}"] for name in into], axis=0)
    dose = 10 ** rng.uniform(9, 12, patients)
    for c in range(classes):
        values[f"ven_{c}"] = dose / classes * 0.8
        values[f"depot_{c}"] = dose / classes * 0.2
    return values


def dose_of(values: dict[str, np.ndarray]) -> np.ndarray:
    """Return what each patient got."""
    return np.sum([v for k, v in values.items() if k.startswith(("ven_", "depot_"))], axis=0)


def off(found: np.ndarray, exact: np.ndarray, dose: np.ndarray) -> float:
    """Return the largest relative error of counts that matter."""
    counts = np.abs(exact) > SMALLEST_SHARE * dose[:, None, None]
    return float(np.max(np.abs(found - exact)[counts] / np.abs(exact)[counts]))


def ours(network: Network, workers: int = 1) -> Callable[..., Any]:
    """Return our solver: values and tolerance to the courses of all species."""

    def run(values: dict[str, np.ndarray], tolerance: float) -> np.ndarray:
        floor = tolerance * SMALLEST_SHARE * dose_of(values)
        return mean_fields(
            network, TIMES_H, values=values, workers=workers, relative_tolerance=tolerance,
            absolute_tolerance=floor,
        ).values  # fmt: skip

    return run


def roadrunner(network: Network) -> Callable[..., Any]:
    """Return libRoadRunner on our SBML; parameters are handed over in one call."""
    import roadrunner as peer

    model = peer.RoadRunner(write_sbml(network, mean_field=True))
    names = [part.name for part in network.species]
    model.timeCourseSelections = names
    inner = model.model
    parameters = inner.getGlobalParameterIds()
    floating = inner.getFloatingSpeciesIds()
    times = [0.0, *TIMES_H]

    def run(values: dict[str, np.ndarray], tolerance: float) -> np.ndarray:
        patients = len(values["V_ven"])
        table = np.array([values[name] for name in parameters]).T
        zero = np.zeros(patients)
        amounts = np.array([values.get(name, zero) for name in floating]).T
        dose = dose_of(values)
        out = np.empty((patients, TIMES_H.size, len(names)))
        for p in range(patients):
            model.reset()
            inner.setGlobalParameterValues(table[p])
            inner.setFloatingSpeciesAmounts(amounts[p])
            model.integrator.relative_tolerance = tolerance
            model.integrator.absolute_tolerance = tolerance * SMALLEST_SHARE * dose[p]
            out[p] = np.asarray(model.simulate(times=times))[1:]
        return out

    return run


def loosest(
    run: Callable[..., Any], values: dict[str, np.ndarray], exact: np.ndarray
) -> tuple[float, float]:
    """Return the loosest tolerance of the ladder that meets the accuracy, and its error."""
    for tolerance in LADDER:
        error = off(run(values, tolerance), exact, dose_of(values))
        if error <= MATCHED:
            return tolerance, error
    raise SystemExit("no tolerance of the ladder reaches the accuracy")


def radau(network: Network, values: dict[str, np.ndarray], patient: int) -> np.ndarray:
    """Return SciPy's Radau on rates written out by our own description."""
    from scipy.integrate import solve_ivp

    from exosome.numerics.network.expression import evaluate

    names = [part.name for part in network.species]
    fixed = {name: float(v[patient]) for name, v in values.items()}
    rates = [network.propensity(one, mean_field=True) for one in network.reactions]
    change = np.zeros((len(names), len(rates)))
    for k, one in enumerate(network.reactions):
        for name, count in network.change(one).items():
            change[names.index(name), k] = count

    def slope(_t: float, y: np.ndarray) -> np.ndarray:
        known = fixed | dict(zip(names, y.tolist(), strict=True))
        return change @ np.array([evaluate(rate, known, 0.0) for rate in rates])

    start = np.array([fixed.get(name, 0.0) for name in names])
    found = solve_ivp(slope, (0.0, TIMES_H[-1]), start, "Radau", TIMES_H, rtol=1e-9,
                      atol=1e-12 * start.sum())  # fmt: skip
    return found.y.T


def part_of(values: dict[str, np.ndarray], first: int, count: int) -> dict[str, np.ndarray]:
    """Return some patients."""
    return {name: v[first : first + count] for name, v in values.items()}


def against_peer(patients: int, rounds: int) -> None:
    """Match the accuracy, take turns, compare all patients."""
    network = body()
    plan, constants = planned(resolve(network, stochastic=False))
    cut = plan.elimination
    print(f"{len(network.species)} states, {len(network.parameters)} parameters, "
          f"{len(network.reactions)} reactions; factors {cut.entries} non-zeros (dense "
          f"{cut.size**2}), {cut.update.size} multiply-adds; {len(constants.trees)} numbers "
          f"for each patient, {plan.rate_code} instructions for rates and "
          f"{plan.tape.shape[0] - plan.rate_code} more for their slopes")  # fmt: skip
    values = virtual(network, patients)
    few = part_of(values, 0, 64)
    exact = ours(network)(few, 1e-11)
    for p in range(3):
        check = off(radau(network, values, p)[None], exact[p : p + 1], dose_of(few)[p : p + 1])
        print(f"reference against Radau, patient {p}: {check:.1e}")
    engines = {"ours": ours(network), "libRoadRunner": roadrunner(network)}
    chosen = {}
    for name, run in engines.items():
        chosen[name], error = loosest(run, few, exact)
        print(f"{name}: tolerance {chosen[name]:g}, error {error:.1e} on {len(exact)} patients")
    spent: dict[str, list[float]] = {name: [] for name in engines}
    share = max(1, patients // rounds)
    for turn in range(rounds):
        now = part_of(values, turn * share, share)
        for name, run in engines.items():
            used = _timed(lambda run=run, now=now, name=name: run(now, chosen[name]))
            spent[name].append([1e3 * seconds / share for seconds in used])
    print(f"min / median / max of {rounds} rounds of {share} patients, one thread each:")
    for clock, what in ((0, "wall"), (1, "processor")):
        each = {name: [one[clock] for one in times] for name, times in spent.items()}
        ratios = [b / a for a, b in zip(each["ours"], each["libRoadRunner"], strict=True)]
        for name, ms in each.items():
            print(f"  {what} time, {name}: {_range(ms, 3)} ms per patient")
        print(f"  {what} time, libRoadRunner over ours: {_range(ratios, 1)}")
    both = [run(values, chosen[name]) for name, run in engines.items()]
    print(f"agreement of the two on {patients} patients: {off(*both, dose_of(values)):.1e}")
    balance = np.max(np.abs(both[0].sum(axis=2) / dose_of(values)[:, None] - 1))
    print(f"balance of ours: {balance:.1e} of the dose")
    for count in (1, 8, 64, patients):
        now = part_of(values, 0, count)
        seconds = _least(lambda now=now: ours(network)(now, chosen["ours"]), 5)
        print(f"{count} patients at a time: {1e3 * seconds / count:.3f} ms each (processor time)")
    for workers in (1, 2):
        solve = ours(network, workers)
        took = [_timed(lambda run=solve: run(values, chosen["ours"])) for _ in range(5)]
        print(f"{patients} patients on {workers} thread(s): wall {_range([t[0] for t in took], 2)}"
              f", processor {_range([t[1] for t in took], 2)} s")  # fmt: skip
    floor = chosen["ours"] * SMALLEST_SHARE * dose_of(values)
    done = mean_fields(network, TIMES_H, values=values, workers=1, absolute_tolerance=floor,
                       relative_tolerance=chosen["ours"])  # fmt: skip
    print(f"steps: {done.steps.min()} / {np.median(done.steps):.0f} / {done.steps.max()}")
    operations = _operations(plan)
    seconds = _least(lambda: ours(network)(values, chosen["ours"]), 5)
    rate = operations * done.steps.sum() / seconds
    print(f"{operations} floating-point operations in a step; {rate / 1e9:.2f} billion a second")


def _operations(plan: Any) -> int:
    """Return the operations of one step: matrix, factors, six slopes and six solutions."""
    cut = plan.elimination
    solve = 2 * (cut.entries - cut.size) + cut.size
    slope = 2 * plan.linear_column.size + plan.rate_code + 2 * plan.rate_state.size
    build = plan.linear_place.size + 2 * plan.slope_place.size
    build += plan.tape.shape[0] - plan.rate_code + 2 * cut.update.size + cut.lower_column.size
    # Sums over earlier stages: 10 for the points, 15 for the sides, of two operations each.
    return 6 * (solve + slope) + build + cut.size * (2 * 25 + 8)


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Return wall and processor time: the latter suffers less from other work on the machine."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def _least(work: Callable[[], Any], rounds: int) -> float:
    """Return the least processor time of some rounds."""
    return min(_timed(work)[1] for _ in range(rounds))


def _range(found: list[float], digits: int) -> str:
    """Return min / median / max."""
    three = min(found), statistics.median(found), max(found)
    return " / ".join(f"{one:.{digits}f}" for one in three)


def by_classes(picture: Path | None) -> None:
    """Print the cost against the number of size classes, and draw it."""
    cost = {}
    print("\nsize classes: states, non-zeros, ms of the processor per patient, per class, to plan")
    for classes in (1, 5, 10, 20):
        network = body(classes)
        start = time.perf_counter()
        plan, _ = planned(resolve(network, stochastic=False))
        ready = time.perf_counter() - start
        values = virtual(network, 64, classes)
        run = ours(network)
        run(part_of(values, 0, 8), 1e-4)
        ms = 1e3 * _least(lambda run=run, values=values: run(values, 1e-4), 3) / 64
        cost[classes] = ms
        print(f"{classes}: {len(network.species)}, {plan.elimination.entries}, {ms:.3f}, "
              f"{ms / classes:.3f}, {ready:.2f} s")  # fmt: skip

    if picture is not None:
        draw(cost, picture)


def draw(cost: dict[int, float], picture: Path) -> None:
    """Draw the measured cost over the number of size classes, and what is proportional."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "exosome"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.0, 3.4), layout="constrained")
    classes = np.array(list(cost))
    axes.plot(classes, list(cost.values()), "o", color="#0072B2", label="measured")
    axes.plot(classes, classes * cost[1], "--", color="#555555", label="in proportion to one class")
    axes.set(xlabel="size classes (51 to 997 states)", ylabel="ms per patient and core",
             xlim=(0, None), ylim=(0, None))  # fmt: skip
    axes.legend(frameon=False)
    figure.savefig(picture, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Print the comparison, then the cost by size classes."""
    options = argparse.ArgumentParser()
    options.add_argument("--patients", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--picture", type=Path, help="draw the cost by size classes (SVG)")
    chosen = options.parse_args()
    print(f"{os.cpu_count()} shared cores, load {os.getloadavg()[0]:.1f}")
    against_peer(chosen.patients, chosen.rounds)
    by_classes(chosen.picture)


if __name__ == "__main__":
    main()
