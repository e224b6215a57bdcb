"""Run cases of the Discrete Stochastic Model Test Suite and judge them.

Run ``python verify/dsmts.py FOLDER [--replicates 10000] [--seed 1] [--method auto]``. FOLDER
holds one folder for each case with its SBML Level 3 model, results and settings.

With n runs, expected mean mu and standard deviation sigma at each saved time:

    Z = sqrt(n) (mean - mu) / sigma
    Y = sqrt(n / 2) (S^2 / sigma^2 - 1) / sqrt(max((k - 1) / 2, 1))

k is the kurtosis of our own runs: the last factor is 1 for a normal law, and keeps Y of unit
size where tails are heavy (case 00003). Z must lie in the case's meanRange and Y in its
sdRange. The test has two declared stages. At most one excursion for each series of one
quantity passes; two or more send the case to a second run, four times as large and with
its own seed, which passes with at most one and decides. Any |Z| > 6 fails at once. Where
sigma is 0, mean and deviation must match exactly. Four or more do not fail at once, for
the points of a series are correlated: where one is outside, so are its neighbours, and a
sound solver would fail one run of 26 cases in four. The second run has twice the power.

The chance that a sound solver fails somewhere is estimated at the end: series of normal
variables with the correlation in time of our own runs go through the same rule.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exosome.core.errors import ExosomeError
from exosome.core.random import Streams
from exosome.numerics.network import simulate
from exosome.numerics.sbml import read_sbml

ALLOWED_Z, FATAL_Z = 3.0, 6.0
SECOND_STAGE = 4
NULL_DRAWS = 20_000


@dataclass(frozen=True)
class Case:
    """One case: model, saved times, expectations by column, ranges."""

    name: str
    model: Path
    times: np.ndarray
    expected: dict[str, np.ndarray]
    outputs: tuple[str, ...]
    concentrations: frozenset[str]
    mean_range: tuple[float, float]
    sd_range: tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Scores of one quantity: worst Z and Y, excursions, exactness where sigma is 0."""

    quantity: str
    worst_z: float
    worst_y: float
    plain_y: float
    outside_z: int
    outside_y: int
    exact: bool
    correlation: np.ndarray

    @property
    def outside(self) -> int:
        return max(self.outside_z, self.outside_y)


def read_case(folder: Path) -> Case:
    """Read one case folder."""
    name = folder.name
    settings: dict[str, str] = {}
    for line in (folder / f"{name}-settings.txt").read_text().splitlines():
        key, colon, value = line.partition(":")
        if colon:
            settings[key.strip()] = value.strip()
    with (folder / f"{name}-results.csv").open() as file:
        rows = list(csv.reader(file))
    columns = [column.strip() for column in rows[0]]
    table = np.array([[float(x) for x in row] for row in rows[1:] if row])
    low_mean, high_mean = (float(x) for x in settings["meanRange"].strip("() ").split(","))
    low_sd, high_sd = (float(x) for x in settings["sdRange"].strip("() ").split(","))
    named = [part.strip() for part in settings["output"].split(",")]
    quantities = tuple(dict.fromkeys(part.rpartition("-")[0] for part in named if part))
    inside = settings.get("concentration", "").split(",")
    models = sorted(folder.glob(f"{name}-sbml-l3v*.xml"))
    if not models:
        raise FileNotFoundError(f"{folder}: no Level 3 model")
    return Case(
        name, models[0], table[:, columns.index("time")],
        {column: table[:, k] for k, column in enumerate(columns)}, quantities,
        frozenset(part.strip() for part in inside if part.strip()),
        (low_mean, high_mean), (low_sd, high_sd),
    )  # fmt: skip


def score(case: Case, quantity: str, values: np.ndarray) -> Series:
    """Compare the runs of one quantity (replicates x times) with its expectation."""
    n = values.shape[0]
    mu, sigma = case.expected[f"{quantity}-mean"], case.expected[f"{quantity}-sd"]
    mean, variance = values.mean(axis=0), values.var(axis=0, ddof=1)
    random = sigma > 0
    fixed = ~random
    exact = bool(np.all(mean[fixed] == mu[fixed]) and np.all(variance[fixed] == 0))
    centred = values[:, random] - mean[random]
    spread = np.sqrt((centred**2).mean(axis=0))
    whole = np.where(spread > 0, spread, 1.0)
    kurtosis = ((centred / whole) ** 4).mean(axis=0)
    z = np.sqrt(n) * (mean - mu)[random] / sigma[random]
    plain = np.sqrt(n / 2) * (variance[random] / sigma[random] ** 2 - 1)
    y = plain / np.sqrt(np.maximum((kurtosis - 1) / 2, 1))
    correlation = (centred / whole).T @ (centred / whole) / n

    def outside(scores: np.ndarray, limits: tuple[float, float]) -> int:
        return int(np.sum(~((scores > limits[0]) & (scores < limits[1]))))

    def worst(scores: np.ndarray) -> float:
        return float(scores[np.argmax(np.abs(scores))]) if scores.size else 0.0

    return Series(
        quantity, worst(z), worst(y), worst(plain), outside(z, case.mean_range),
        outside(y, case.sd_range), exact, correlation,
    )  # fmt: skip


def run_case(case: Case, replicates: int, seed: int, purpose: str, method: str) -> list[Series]:
    """Simulate one case and score every quantity that it lists."""
    network = read_sbml(case.model)
    place = {part.name: part.compartment for part in network.species}
    sizes = {p for q in case.outputs if q in case.concentrations for p in [place.get(q)] if p}
    observe = tuple(dict.fromkeys((*case.outputs, *sorted(sizes))))
    ensemble = simulate(
        network, case.times, replicates=replicates, seed=seed, observe=observe,
        purpose=purpose, method=method,
    )  # fmt: skip
    scores: list[Series] = []
    for quantity in case.outputs:
        values = ensemble.of(quantity)
        size = place.get(quantity)
        if quantity in case.concentrations and size:
            values = values / ensemble.of(size)
        scores.append(score(case, quantity, values))
    return scores


def verdict(series: list[Series]) -> str:
    """Return 'pass', 'again' or 'fail' for the series of one run."""
    if any(not one.exact or abs(one.worst_z) > FATAL_Z for one in series):
        return "fail"
    return "again" if any(one.outside >= 2 for one in series) else "pass"


def false_alarm(correlations: list[np.ndarray]) -> float:
    """Return the estimated chance that a sound solver fails in any of the series by Z."""
    rng = Streams(0).of("verify.dsmts.null")
    sound = 1.0
    for correlation in correlations:
        if not correlation.size:
            continue
        values, vectors = np.linalg.eigh(correlation)
        root = vectors * np.sqrt(np.maximum(values, 0))
        draws = rng.standard_normal((NULL_DRAWS, root.shape[1])) @ root.T
        again = np.mean((np.abs(draws) >= ALLOWED_Z).sum(axis=1) >= 2)
        sound *= 1 - again**2
    return 1 - sound


def main() -> int:
    """Judge every case of a folder; return 0 if all pass."""
    options = argparse.ArgumentParser(description="Discrete Stochastic Model Test Suite")
    options.add_argument("folder", type=Path)
    options.add_argument("--replicates", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--method", default="auto")
    chosen = options.parse_args()
    folders = sorted(p for p in chosen.folder.iterdir() if (p / f"{p.name}-settings.txt").exists())
    print(f"{'case':7s}{'quantity':10s}{'worst Z':>9s}{'worst Y':>9s}{'plain Y':>9s}"
          f"{'outside':>9s}  verdict")  # fmt: skip
    began, failed, correlations, second = time.perf_counter(), [], [], []
    for folder in folders:
        try:
            case = read_case(folder)
            series = run_case(
                case, chosen.replicates, chosen.seed, f"dsmts.{folder.name}", chosen.method
            )
            outcome = verdict(series)
            if outcome == "again":
                second.append(f"{case.name} ({max(one.outside for one in series)} outside)")
                series = run_case(
                    case, SECOND_STAGE * chosen.replicates, chosen.seed,
                    f"dsmts.second.{folder.name}", chosen.method,
                )  # fmt: skip
                outcome = "pass (2nd)" if verdict(series) == "pass" else "fail"
        except (ExosomeError, OSError, KeyError, ValueError) as fault:
            print(f"{folder.name:7s}{type(fault).__name__}: {fault}")
            failed.append(folder.name)
            continue
        for one in series:
            print(f"{case.name:7s}{one.quantity:10s}{one.worst_z:9.2f}{one.worst_y:9.2f}"
                  f"{one.plain_y:9.2f}{one.outside_z:5d}{one.outside_y:4d}  "
                  f"{outcome if one.exact else 'fail: not exact where sd is 0'}")  # fmt: skip
        correlations += [one.correlation for one in series]
        if not outcome.startswith("pass"):
            failed.append(case.name)
    alarm = false_alarm(correlations)
    print(f"{len(folders) - len(failed)} of {len(folders)} cases pass; "
          f"{chosen.replicates:,} replicates, seed {chosen.seed}, method {chosen.method}, "
          f"{time.perf_counter() - began:.1f} s")  # fmt: skip
    print(f"second stage: {', '.join(second) or 'none'}; failed: {', '.join(failed) or 'none'}")
    print(f"chance that a sound solver fails at least one case: {alarm:.4f}")
    return 1 if failed or not folders else 0


if __name__ == "__main__":
    sys.exit(main())
