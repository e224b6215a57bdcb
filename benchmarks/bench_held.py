"""A tissue that secretes as much as it takes up: a million free vesicles among 1,000 cells, held.

Run ``python benchmarks/bench_held.py [--hours 1] [--vesicles 1000000]``. The cells of W1 (a cube of
300 um, 1,000 spheres of 7.5 um, reflecting walls) with the catalog's medians as ``near-and-far``
has them: permeability of the surface, loss, diffusivity by log-normal size in the matrix. A
vesicle that is taken up or lost is replaced, at that moment, by one at the membrane of a cell
drawn at random, so their number is the same at all times. Printed are vesicle-seconds for each
second of wall and processor time, steps, memory and the balance; and what 24 h would take if
less was run. ``--hard`` lets cells take all that touches them, as in W1.
"""

from __future__ import annotations

import argparse
import math
import resource
import time

import numpy as np
from bench_space import outside, spheres

from exosome.catalog.load import load_catalog
from exosome.numerics.brownian import DECAYED, Particles, World, advance
from exosome.study.space_plan import plan
from exosome.study.space_scenario import read_scenario
from exosome.tissue.vesicles import diameters, diffusivity

_DAY_S = 86_400.0
_WINDOW_S = 600.0


def tissue(*, hard: bool) -> tuple[World, np.ndarray, float]:
    """Return the space, diffusivities to draw from, and the loss per second."""
    planned = plan(read_scenario("near-and-far"), load_catalog(), seed=1)
    size = diameters(
        100_000, planned.middle("vesicle_diameter"), planned.middle("vesicle_diameter_gsd"), 1
    )
    d = diffusivity(size, planned.middle("space_diffusivity_100nm"), planned.matrix)
    w = spheres(1000, 300.0, 7.5, 0.5, seed=1)
    k = math.inf if hard else planned.middle("surface_permeability.tissue_cell")
    loss = planned.conditions.loss_per_s
    world = World(
        w.size_um, w.centres_um, w.radii_um, w.sphere_kinds, np.array([[k]]), np.array([loss])
    )
    return world, d, loss


def at_membranes(world: World, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return places on the membranes of cells drawn at random."""
    cell = rng.integers(0, world.radii_um.size, count)
    arrow = rng.standard_normal((count, 3))
    arrow /= np.linalg.norm(arrow, axis=1)[:, None]
    at = world.centres_um[cell] + arrow * (world.radii_um[cell] * (1.0 + 1e-9))[:, None]
    return np.clip(at, 0.0, world.size_um)


def held(world: World, d: np.ndarray, count: int, until_s: float, workers: int) -> dict[str, float]:
    """Run with the number of free vesicles held, and return what it took and what happened."""
    rng = np.random.default_rng(2)
    p = Particles.at(outside(world, count, seed=3), d[rng.integers(0, d.size, count)])
    born, taken, lost, steps = count, 0, 0, 0
    world.grid()
    wall, cpu = time.perf_counter(), time.process_time()
    now = 0.0
    while now < until_s:
        now = min(until_s, now + _WINDOW_S)
        moving, kept = p, []
        while True:
            steps += advance(moving, world, now, seed=1, bias=0.01, workers=workers)
            free = moving.is_free
            kept.append(moving.where(free))
            ended = np.flatnonzero(~free)
            if not ended.size:
                break
            lost += int((moving.fate[ended] == DECAYED).sum())
            taken += int((moving.fate[ended] >= 0).sum())
            moving = Particles.at(
                at_membranes(world, ended.size, rng),
                d[rng.integers(0, d.size, ended.size)],
                first_slot=born,
                clock_s=moving.clock_s[ended],
            )
            born += ended.size
        p = kept[0]
        for more in kept[1:]:
            p = p.joined(more)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if len(p) != count or born != count + taken + lost:
        raise SystemExit("the balance does not close")
    return {
        "wall": wall, "cpu": cpu, "steps": steps, "taken": taken, "lost": lost, "born": born,
    }  # fmt: skip


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--hours", type=float, default=1.0)
    ask.add_argument("--vesicles", type=int, default=1_000_000)
    ask.add_argument("--workers", type=int, default=2)
    ask.add_argument("--hard", action="store_true")
    asked = ask.parse_args()
    world, d, loss = tissue(hard=asked.hard)
    k = world.permeability_um_per_s[0, 0]
    print(f"permeability {k:.3g} um/s, loss {loss:.3g} /s, D {np.median(d):.3g} um2/s (median)")
    until = 3600.0 * asked.hours
    held(world, d, 10_000, 10.0, 1)
    r = held(world, d, asked.vesicles, until, asked.workers)
    total = asked.vesicles * until
    print(
        f"{asked.vesicles:,} vesicles held for {asked.hours:g} h = {total:.3g} vesicle-seconds: "
        f"{r['wall']:.0f} s of wall time, {r['cpu']:.0f} s of processor time, "
        f"{asked.workers} threads"
    )
    print(
        f"{1e-6 * total / r['wall']:.1f} M vesicle-seconds/s; {r['steps'] / total:.3f} steps for "
        f"each vesicle-second, {1e9 * r['cpu'] / r['steps']:.0f} ns each"
    )
    print(
        f"taken up {r['taken']:,.0f}, lost {r['lost']:,.0f}, "
        f"born {r['born']:,.0f} = {asked.vesicles:,} + taken up + lost: closed"
    )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    if until < _DAY_S:
        day = r["wall"] * _DAY_S / until / 60
        print(f"24 h, extrapolated from {asked.hours:g} h: {day:.0f} min of wall time")


if __name__ == "__main__":
    main()
