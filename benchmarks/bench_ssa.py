"""Time exact stochastic simulation against GillesPy2 (C++), libRoadRunner and COPASI.

Run ``python benchmarks/bench_ssa.py [--replicates 10000] [--rounds 5]`` with the extra
``bench``, in an activated environment (GillesPy2 calls SCons by way of ``python``). Three
networks: W3, the endosome pathway, all first order; ligand and receptor,
with binding; a toggle switch with Hill functions. Every engine runs the same replicates
and saved points; engines take turns, round after round, in one process, each on one
thread (ours also on two). Whole-run wall time: seeding, simulation and handing over all
saved points as an array. Compilation and loading are done before and reported apart; ours
is measured with an empty cache. The peers read our own SBML export, GillesPy2 its own
objects. All means are compared, so that nobody gains by simulating something else.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

from exosome.numerics.network import Network, Parameter, Species, reaction, simulate
from exosome.numerics.sbml import write_sbml

POINTS = 25


def endosome() -> Network:
    """Return W3: all first order, about 20,854 reactions in 240 min."""
    rates = {"in_E": 2.0, "E_M": 0.1, "M_I": 1.0, "M_out": 0.05, "I_X": 0.02, "I_L": 0.06,
             "in_A": 0.5, "X_out": 0.01}  # fmt: skip
    equations = {"in_E": "-> E", "E_M": "E -> M", "M_I": "M -> M + I", "M_out": "M ->",
                 "I_X": "I -> X", "I_L": "I -> L", "in_A": "-> A", "X_out": "X ->"}  # fmt: skip
    return Network(
        "W3",
        tuple(Species(n, c) for n, c in zip("EMIXAL", (20, 20, 100, 0, 0, 0), strict=True)),
        tuple(reaction(n, e, constant=f"k_{n}") for n, e in equations.items()),
        tuple(Parameter(f"k_{n}", k) for n, k in rates.items()),
    )


def receptor() -> Network:
    """Return ligand and receptor: binding, unbinding, uptake, recycling, synthesis, decay."""
    rates = {"bind": 1e-3, "free": 0.5, "take": 0.1, "back": 0.05, "make_R": 5.0, "lose_R": 0.02,
             "make_L": 20.0, "eat": 0.02}  # fmt: skip
    equations = {"bind": "L + R -> C", "free": "C -> L + R", "take": "C -> I", "back": "I -> R",
                 "make_R": "-> R", "lose_R": "R ->", "make_L": "-> L", "eat": "I ->"}  # fmt: skip
    return Network(
        "receptor",
        tuple(Species(n, c) for n, c in zip("LRCI", (500, 200, 0, 0), strict=True)),
        tuple(reaction(n, e, constant=f"k_{n}") for n, e in equations.items()),
        tuple(Parameter(f"k_{n}", k) for n, k in rates.items()),
    )


def toggle() -> Network:
    """Return a toggle switch: two genes that shut each other, squared Hill functions."""
    return Network(
        "toggle",
        (Species("U", 50), Species("V", 0)),
        (
            reaction("make_U", "-> U", rate="a / (1 + (V / h) * (V / h)) + b"),
            reaction("make_V", "-> V", rate="a / (1 + (U / h) * (U / h)) + b"),
            reaction("lose_U", "U ->", constant="d"),
            reaction("lose_V", "V ->", constant="d"),
        ),
        (Parameter("a", 50.0), Parameter("b", 1.0), Parameter("h", 20.0), Parameter("d", 1.0)),
    )


def gillespy(network: Network, times: np.ndarray) -> Callable[[int], np.ndarray]:
    """Return GillesPy2's compiled C++ SSA."""
    import gillespy2

    logging.getLogger("GillesPy2").setLevel(logging.ERROR)
    model: Any = gillespy2.Model(name=network.name)
    for part in network.species:
        model.add_species(
            gillespy2.Species(name=part.name, initial_value=int(part.initial), mode="discrete")
        )
    for part in network.parameters:
        model.add_parameter(gillespy2.Parameter(name=part.name, expression=part.value))
    for one in network.reactions:
        law: dict[str, Any] = {}
        if hasattr(one.rate, "constant"):
            law["rate"] = model.listOfParameters[one.rate.constant]
        else:
            law["propensity_function"] = one.rate
        model.add_reaction(
            gillespy2.Reaction(
                name=one.name, reactants=dict(one.reactants), products=dict(one.products), **law
            )
        )
    model.timespan(gillespy2.TimeSpan(times))
    solver = gillespy2.SSACSolver(model=model)
    names = [part.name for part in network.species]

    def run(count: int) -> np.ndarray:
        results = solver.run(number_of_trajectories=count)
        return np.array([[one[name] for name in names] for one in results]).transpose(0, 2, 1)

    return run


def roadrunner_gillespie(network: Network, times: np.ndarray) -> Callable[[int], np.ndarray]:
    """Return libRoadRunner's gillespie, saving on a grid."""
    import roadrunner

    model = roadrunner.RoadRunner(write_sbml(network))
    model.setIntegrator("gillespie")
    model.integrator.setValue("variable_step_size", False)  # noqa: FBT003 - its interface
    names = [part.name for part in network.species]

    def run(count: int) -> np.ndarray:
        out = np.empty((count, times.size, len(names)))
        for k in range(count):
            model.reset()
            out[k] = model.simulate(0, float(times[-1]), times.size, names)
        return out

    return run


def copasi(network: Network, times: np.ndarray) -> Callable[[int], np.ndarray]:
    """Return COPASI's direct method through its own task."""
    import COPASI

    model = COPASI.CRootContainer.addDatamodel()
    model.importSBMLFromString(write_sbml(network))
    task = model.getTask("Time-Course")
    task.setMethodType(COPASI.CTaskEnum.Method_directMethod)
    problem = task.getProblem()
    problem.setStepNumber(times.size - 1)
    problem.setDuration(float(times[-1]))
    problem.setTimeSeriesRequested(True)
    task.getMethod().getParameter("Max Internal Steps").setIntValue(1_000_000_000)
    names = [part.name for part in network.species]

    def run(count: int) -> np.ndarray:
        out = np.empty((count, times.size, len(names)))
        for k in range(count):
            task.initialize(COPASI.CCopasiTask.OUTPUT_UI)
            if not task.process(True):  # noqa: FBT003 - its interface
                raise RuntimeError(COPASI.CCopasiMessage.getAllMessageText())
            series = task.getTimeSeries()
            columns = [series.getTitle(c) for c in range(series.getNumVariables())]
            for i, name in enumerate(names):
                c = columns.index(name)
                for p in range(times.size):
                    out[k, p, i] = series.getData(p, c)
            task.restore()
        return out

    return run


def main() -> None:
    """Print one table for each network."""
    options = argparse.ArgumentParser()
    options.add_argument("--replicates", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    share = chosen.replicates // chosen.rounds
    print(f"{os.cpu_count()} shared cores; {chosen.replicates:,} replicates in {chosen.rounds} "
          f"rounds in turns; {POINTS} saved points")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EXOSOME_CACHE"] = folder
        for network, until in ((endosome(), 240.0), (receptor(), 100.0), (toggle(), 100.0)):
            compare(network, np.linspace(0.0, until, POINTS), share, chosen.rounds)


def compare(network: Network, times: np.ndarray, share: int, rounds: int) -> None:
    """Run all engines in turns on one network and print their times."""
    fired = 0

    def ours(threads: int) -> Callable[[int], np.ndarray]:
        turn = 0

        def run(count: int) -> np.ndarray:
            nonlocal turn, fired
            result = simulate(
                network, times, replicates=count, seed=1, threads=threads, first=turn * count
            )
            turn += 1
            fired = result.fired
            return result.values

        return run

    engines = {
        "ours, 1 thread": lambda: ours(1),
        "ours, 2 threads": lambda: ours(2),
        "GillesPy2 SSACSolver": lambda: gillespy(network, times),
        "COPASI directMethod": lambda: copasi(network, times),
        "libRoadRunner gillespie": lambda: roadrunner_gillespie(network, times),
    }
    runs: dict[str, Callable[[int], np.ndarray]] = {}
    ready: dict[str, float] = {}
    for name, build in engines.items():
        start = time.perf_counter()
        runs[name] = build()
        runs[name](2)
        ready[name] = time.perf_counter() - start
    spent: dict[str, list[float]] = {name: [] for name in runs}
    ends: dict[str, list[np.ndarray]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            values = run(share)
            spent[name].append(time.perf_counter() - start)
            ends[name].append(values[:, -1])
    events = fired / share
    print(f"\n{network.name}: {len(network.species)} species, {len(network.reactions)} reactions, "
          f"{events:,.0f} reactions fired in each replicate")  # fmt: skip
    print(f"{'':26s}{'total s':>9s}{'M events/s':>12s}{'worst |z|':>11s}{'ready s':>9s}"
          f"{'ours (1 thr) is faster: min / median / max':>46s}")  # fmt: skip
    reference = np.concatenate(ends["ours, 1 thread"])
    for name, seconds in spent.items():
        final = np.concatenate(ends[name])
        error = np.sqrt((final.var(0) + reference.var(0)) / len(final))
        z = np.abs(final.mean(0) - reference.mean(0)) / np.where(error > 0, error, 1)
        ratios = [s / o for s, o in zip(seconds, spent["ours, 1 thread"], strict=True)]
        rate = events * len(final) / sum(seconds) / 1e6
        print(f"{name:26s}{sum(seconds):9.2f}{rate:12.2f}{z.max():11.2f}{ready[name]:9.2f}"
              f"{min(ratios):20.1f} / {statistics.median(ratios):.1f} / "
              f"{max(ratios):.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
