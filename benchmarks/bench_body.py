"""Time the whole-body model: one thread, by number of size classes, and 1,000 virtual patients.

Run ``python benchmarks/bench_body.py [--patients 64] [--classes 1 5 10 20]``. Prints the states,
the time to prepare a design once, and milliseconds for one patient: best and median of three
rounds, each a batch with every number drawn from its records. libRoadRunner stands beside the
51-state model in `bench_ode.py`; here the cost of the full model is shown.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

import numpy as np

from exosome.body.design import Design
from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.particles import network, roles_of, values_of
from exosome.body.physiology import body
from exosome.body.routes import ROUTES
from exosome.body.sizes import Aggregates, size_classes
from exosome.catalog.load import load_catalog
from exosome.core.random import Streams
from exosome.delivery.pool import pool
from exosome.numerics.network import mean_fields

HOURS = np.array([0.0, 0.05, 0.25, 1.0, 4.0, 8.0, 24.0])
ROUNDS = 3
PLAIN = Design(KINDS["vesicle"], ROUTES["iv"], LABELS["iodine125"], 1)
MORE = {
    "opsonins": replace(PLAIN, surface="bare"),
    "antibodies": replace(PLAIN, surface="bare", antibodies=True),
    "aggregates": replace(PLAIN, aggregates=True),
    "tumour": replace(PLAIN, tumour=True),
    "all four": replace(PLAIN, surface="bare", antibodies=True, aggregates=True, tumour=True),
}


def patients_of(design: Design, count: int) -> dict[str, np.ndarray]:
    """Return the parameters of some patients, every number drawn."""
    catalog, streams = load_catalog(), Streams(1)
    drawn = {
        role: pool(catalog, role, where="bench").draw(streams.of(f"bench.{role}").random(count))
        for role in roles_of(design)
    }
    held, sizes = body("mouse"), size_classes(100.0, 1.4, design.classes)
    if design.aggregates:
        sizes = replace(sizes, aggregates=Aggregates(0.3, 6500.0, 1.5))
    if design.tumour:
        held = replace(held, tumour_ml=0.3)
    sets = [
        values_of(design, held, sizes, {r: float(x[i]) for r, x in drawn.items()}, dose=1e10)
        for i in range(count)
    ]
    return {key: np.array([one[key] for one in sets]) for key in sets[0]}


def main() -> None:
    """Print one line for each number of size classes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--patients", type=int, default=64)
    parser.add_argument("--classes", type=int, nargs="+", default=[1, 5, 10, 20])
    given = parser.parse_args()
    print("   design  states  prepare, s  ms per patient, best / median")
    designs = {f"{n} classes": replace(PLAIN, classes=n) for n in given.classes} | MORE
    for name, design in designs.items():
        values = patients_of(design, given.patients)
        described = network(design, values)

        def go(size: int, described=described, values=values) -> float:
            start = time.perf_counter()
            mean_fields(
                described, HOURS, values={k: v[:size] for k, v in values.items()},
                observe=["plasma_a0"], relative_tolerance=1e-5, absolute_tolerance=1e3, workers=1,
            )  # fmt: skip
            return time.perf_counter() - start

        first = go(8)
        each = [1e3 * go(given.patients) / given.patients for _ in range(ROUNDS)]
        print(
            f"{name:>10}  {len(described.species):6}  {first:10.1f}  "
            f"{min(each):.2f} / {statistics.median(each):.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
