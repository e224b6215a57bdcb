"""Run cases of the Discrete Stochastic Model Test Suite and judge them.

Run ``python verify/dsmts.py FOLDER [--replicates 10000] [--seed 1] [--method auto]``. FOLDER
holds one folder for each case with its SBML Level 3 model, results and settings.

With n runs, expected mean mu and standard deviation sigma at each saved time:

    Z = sqrt(n) (mean - mu) / sigma
    Y = sqrt(n / 2) (S^2 / sigma^2 - 1) / sqrt(max((k - 1) / 2, 1))

k is the kurtosis of our own runs: the last factor is 1 for a normal law, and keeps Y of unit
size where tails are heavy (case 00003). Z must lie in the case's meanRange and Y in its
sdRange. Where sigma is 0, mean and deviation must match exactly.

The test has two declared stages. At most one excursion for each series of one quantity
passes; two or three send the case to a second run, four times as large and with its own
chance, which passes with at most one and decides. Four or more, or any |Z| > 6, fail at once.

Each saved point has its own n runs. Were the points of a series taken from the same runs,
they would be correlated, excursions would come in groups, and this rule would fail a sound
solver in one suite of four. With points that are independent the number of excursions is
binomial, and the chance that a sound solver fails somewhere is printed at the end.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exosome.core.errors import ExosomeError
from exosome.numerics.network import simulate
from exosome.numerics.sbml import read_sbml

ALLOWED_Z, FATAL_Z = 3.0, 6.0
SECOND_STAGE = 4
PASSING, DECIDED_AGAIN = 1, 3  # excursions that pass, and that a second run decides
BEYOND_3 = math.erfc(3 / math.sqrt(2))  # of a normal score: 0.0027


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
    random_points: int

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

    def outside(scores: np.ndarray, limits: tuple[float, float]) -> int:
        return int(np.sum(~((scores > limits[0]) & (scores < limits[1]))))

    def worst(scores: np.ndarray) -> float:
        return float(scores[np.argmax(np.abs(scores))]) if scores.size else 0.0

    return Series(
        quantity, worst(z), worst(y), worst(plain), outside(z, case.mean_range),
        outside(y, case.sd_range), exact, int(random.sum()),
    )  # fmt: skip


def run_case(case: Case, replicates: int, seed: int, purpose: str, method: str) -> list[Series]:
    """Simulate one case and score every quantity that it lists."""
    network = read_sbml(case.model)
    place = {part.name: part.compartment for part in network.species}
    sizes = {p for q in case.outputs if q in case.concentrations for p in [place.get(q)] if p}
    observe = tuple(dict.fromkeys((*case.outputs, *sorted(sizes))))
    saved = {name: np.empty((replicates, case.times.size)) for name in observe}
    for k, moment in enumerate(case.times):
        ensemble = simulate(
            network, [moment], replicates=replicates, seed=seed, observe=observe,
            purpose=f"{purpose}.{k}", method=method,
        )  # fmt: skip
        for name in observe:
            saved[name][:, k] = ensemble.of(name)[:, 0]
    scores: list[Series] = []
    for quantity in case.outputs:
        values = saved[quantity]
        size = place.get(quantity)
        if quantity in case.concentrations and size:
            values = values / saved[size]
        scores.append(score(case, quantity, values))
    return scores


def verdict(series: list[Series], *, decides: bool = False) -> str:
    """Return 'pass', 'again' or 'fail' for one run; a run that decides is not repeated."""
    most = max(one.outside for one in series)
    if any(not one.exact or abs(one.worst_z) > FATAL_Z for one in series):
        return "fail"
    if most <= PASSING:
        return "pass"
    return "again" if most <= DECIDED_AGAIN and not decides else "fail"


def false_alarm(points: list[int]) -> float:
    """Return the chance that a sound solver fails by Z in any of series of so many points."""
    sound = 1.0
    for n in points:
        chance = [
            math.comb(n, k) * BEYOND_3**k * (1 - BEYOND_3) ** (n - k)
            for k in range(DECIDED_AGAIN + 1)
        ]
        again = sum(chance[PASSING + 1 :])
        second = 1 - sum(chance[: PASSING + 1])
        sound *= 1 - (1 - sum(chance)) - again * second
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
    began, failed, points, second = time.perf_counter(), [], [], []
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
                again = verdict(series, decides=True)
                outcome = "pass (2nd)" if again == "pass" else "fail"
        except (ExosomeError, OSError, KeyError, ValueError) as fault:
            print(f"{folder.name:7s}{type(fault).__name__}: {fault}")
            failed.append(folder.name)
            continue
        for one in series:
            print(f"{case.name:7s}{one.quantity:10s}{one.worst_z:9.2f}{one.worst_y:9.2f}"
                  f"{one.plain_y:9.2f}{one.outside_z:5d}{one.outside_y:4d}  "
                  f"{outcome if one.exact else 'fail: not exact where sd is 0'}")  # fmt: skip
        points += [one.random_points for one in series]
        if not outcome.startswith("pass"):
            failed.append(case.name)
    alarm = false_alarm(points)
    print(f"{len(folders) - len(failed)} of {len(folders)} cases pass; "
          f"{chosen.replicates:,} replicates, seed {chosen.seed}, method {chosen.method}, "
          f"{time.perf_counter() - began:.1f} s")  # fmt: skip
    print(f"second stage: {', '.join(second) or 'none'}; failed: {', '.join(failed) or 'none'}")
    print(f"chance that a sound solver fails at least one case: {alarm:.4f}")
    return 1 if failed or not folders else 0


if __name__ == "__main__":
    sys.exit(main())
