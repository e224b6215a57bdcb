"""Time the packet laws against a plain simulation and a plain transform.

Run ``python benchmarks/bench_compound.py`` for the times, and with ``--accuracy`` for
the table of errors in ``docs/methods/packets.md`` (two minutes). All rivals take turns
in one run, so a busy machine slows them alike; the best of the rounds counts. Ratios
are for equal accuracy: the simulation draws as many units as bring its standard error
to the stated error of ours, and the transform is exact.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.random import Streams
from exosome.numerics.compound import Fixed, Poisson, mean_reaching, survival
from exosome.numerics.compound_reference import simulate_totals
from exosome.numerics.special import betainc, betaincinv, gammainc, gammaincinv

if TYPE_CHECKING:
    from collections.abc import Callable

STATED_ERROR = 3e-4
ELEMENTS = 100_000
RIVALS = 12
ROUNDS = 5


def plain_transform(mean: float, needed: float, c: float, cv: float) -> float:
    """Return the survival from an untilted transform that holds the whole law."""
    centre = mean * c
    spread = np.sqrt(centre * (1 + c) + (centre * cv) ** 2)
    # Exponential tails of the exposure: forty spreads leave out less than 1e-12.
    length = 1 << int(np.ceil(np.log2(max(needed, centre + 40 * spread, 16))))
    phase = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    gap = mean * -np.expm1(c * (phase - 1))
    transform = (1 + gap * cv**2) ** (-1 / cv**2)
    return float(np.fft.irfft(transform, length)[int(needed) :].sum())


def full_sum(mean: float, needed: float, c: float, cv: float) -> float:
    """Return the survival, summed over every number of arrivals that may be needed."""
    low, high = gammaincinv(needed, [1e-17, 1.0 - 1e-16])
    first, last = max(1.0, np.floor(low / c)), np.ceil(1.3 * high / c) + 30.0
    count = np.arange(first, last + 1)
    chance = np.diff(gammainc(needed, count * c), prepend=0.0)
    if cv == 0:
        return float(chance @ gammainc(count, mean))
    return float(chance @ betainc(count, 1 / cv**2, mean / (mean + 1 / cv**2)))


def accuracy() -> None:
    """Print the largest errors of `mean_reaching` and `survival` against the full sum."""
    rng = Streams(2).of("benchmark.compound.accuracy")
    n = 400
    print("largest relative error of the mean; in brackets, error of the share")
    for title, lowest, highest in (
        ("1 to 24", 1, 24),
        ("25 to 100", 25, 100),
        ("101 to 1,000", 101, 1000),
        ("1,001 to 30,000", 1001, 30_000),
    ):
        for spread in (0.0, 0.1, 0.6):
            row: list[str] = []
            for fraction in (1e-4, 0.01, 0.1, 0.5, 0.99):
                needed = np.ceil(np.exp(rng.uniform(np.log(lowest - 0.5), np.log(highest), n)))
                c = 10 ** rng.uniform(-1.5, 2.5, n)
                cv = spread * rng.uniform(0.5, 2.0, n)
                mean = mean_reaching(fraction, needed, Poisson(c), cv)
                worst = worst_share = 0.0
                for one in zip(mean, needed, c, cv, strict=True):
                    here, above = full_sum(*one), full_sum(one[0] * 1.001, *one[1:])
                    worst_share = max(worst_share, abs(here - fraction))
                    worst = max(worst, abs(here - fraction) / (above - here) * 0.001)
                row.append(f"{worst:.0e} ({worst_share:.0e})")
            print(f"| {title} | {spread:g} |", " | ".join(row), "|")


def best_of(rivals: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the shortest time of each rival in seconds, taken in turns."""
    best = dict.fromkeys(rivals, np.inf)
    for _ in range(ROUNDS):
        for name, run in rivals.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main() -> None:
    """Print times for one element, and ratios."""
    rng = Streams(1).of("benchmark.compound")
    needed = np.ceil(10 ** rng.uniform(0, 6, ELEMENTS))
    c = 10 ** rng.uniform(-4, 4, ELEMENTS)
    cv = rng.uniform(0.3, 1.2, ELEMENTS)
    shape = 1 / cv**2
    level = mean_reaching(0.5, needed, Poisson(c), cv)
    count = np.maximum(needed / c, 1)
    size = np.ceil(c)
    share = np.full(ELEMENTS, 0.5)
    mean = mean_reaching(share, count, Fixed(1.0), cv)
    odds = mean / (mean + shape)

    few = np.flatnonzero((needed < 1e4) & (c > 1e-2) & (c < 1e2))[:RIVALS]
    draws = int(0.25 / STATED_ERROR**2)

    def transform_few() -> None:
        for i in few:
            plain_transform(level[i], needed[i], c[i], cv[i])

    def simulate_few() -> None:
        for i in few[:2]:
            simulate_totals(level[i], Poisson(c[i]), cv[i], draws, rng)

    best = best_of(
        {
            "one betainc": lambda: betainc(count, shape, odds),
            "one betaincinv": lambda: betaincinv(count, shape, share),
            "survival, poisson": lambda: survival(level, needed, Poisson(c), cv),
            "survival, fixed": lambda: survival(level, needed, Fixed(size), cv),
            "mean_reaching 1 %, poisson": lambda: mean_reaching(0.01, needed, Poisson(c), cv),
            "mean_reaching 10 %, poisson": lambda: mean_reaching(0.1, needed, Poisson(c), cv),
            "mean_reaching 50 %, poisson": lambda: mean_reaching(0.5, needed, Poisson(c), cv),
            "mean_reaching 50 %, fixed": lambda: mean_reaching(0.5, needed, Fixed(size), cv),
            "plain transform": transform_few,
            "plain simulation": simulate_few,
        }
    )
    each = {"plain transform": RIVALS, "plain simulation": 2}
    print(f"{os.cpu_count()} cores, one used; best of {ROUNDS} rounds in turns")
    print(f"{ELEMENTS:,} elements: threshold 1 to 1e6, c 1e-4 to 1e4, cv 0.3 to 1.2")
    print(f"{'':30s}{'us each':>12s}{'each second':>14s}{'betaincs':>12s}")
    betainc_us = best["one betainc"] / ELEMENTS * 1e6
    for name, seconds in best.items():
        us = seconds / each.get(name, ELEMENTS) * 1e6
        print(f"{name:30s}{us:12.2f}{1e6 / us:14,.0f}{us / betainc_us:12,.1f}")
    gap = max(abs(plain_transform(level[i], needed[i], c[i], cv[i]) - 0.5) for i in few)
    print(f"largest difference of a share from the plain transform: {gap:.1e}")
    ours = best["survival, poisson"] / ELEMENTS
    for name, elements in each.items():
        print(f"{name}: {best[name] / elements / ours:,.0f} times as long as ours, for each share")
    print(f"(transform and simulation: {RIVALS} and 2 elements, thresholds below 1e4)")
    print(f"(simulation: {draws:,} units, for a standard error of {STATED_ERROR:g})")


if __name__ == "__main__":
    accuracy() if "--accuracy" in sys.argv else main()
