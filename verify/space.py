"""Particles against theory: quantity, ours, exact, z, verdict.

    python verify/space.py            # every law, some minutes
    python verify/space.py --quick    # with fewer particles

A row passes if ours lies within six standard errors of the exact figure plus the bias that was
asked for (0.005 of it, unless the row says otherwise). Exit code 1 if any row does not. The
same functions, with fewer particles, are run by tests/numerics/test_brownian.py.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from exosome.numerics.brownian import DECAYED, Face, Flow, Particles, World, advance
from exosome.numerics.brownian.exact import (
    absorbed,
    caught_in_drift,
    caught_in_stream,
    moment,
    steady_rate,
)
from exosome.numerics.brownian.reference import advance_plainly

SURE = 6.0  # standard errors: two-sided false alarms of 2e-9 a row
BIAS = 0.005
SEED = 20_261_126
Mover = Callable[[Particles, World, float], int]


@dataclass(frozen=True)
class Row:
    quantity: str
    ours: float
    exact: float
    error: float  # standard error of ours (and of the exact figure where it is simulated)
    bias: float = BIAS

    @property
    def z(self) -> float:
        return (self.ours - self.exact) / self.error if self.error else 0.0

    @property
    def passes(self) -> bool:
        return abs(self.ours - self.exact) <= self.bias * abs(self.exact) + SURE * self.error


def by_events(particles: Particles, world: World, until: float) -> int:
    return advance(particles, world, until, seed=SEED, bias=BIAS)


def by_steps(particles: Particles, world: World, until: float) -> int:
    return advance(particles, world, until, seed=SEED, step_s=until / 200)


def plainly(particles: Particles, world: World, until: float) -> int:
    return advance_plainly(particles, world, until, step_s=until / 200, seed=SEED)


MOVERS: dict[str, Mover] = {"events": by_events, "fixed steps": by_steps, "plain": plainly}


def one_sphere(
    radius: float = 7.5,
    permeability: float = math.inf,
    flow: Flow | None = None,
    box: float = 900.0,
) -> World:
    return World(
        np.full(3, box),
        np.full((1, 3), box / 2),
        np.array([radius]),
        np.zeros(1, np.int64),
        np.array([[permeability]]),
        np.zeros(1),
        flow=flow or Flow(),
    )


def beside(world: World, distance: float, n: int, cosine: float = 1.0) -> np.ndarray:
    """Places at a distance from the sphere, at an angle to the third axis."""
    arrow = distance * np.array([math.sqrt(1.0 - cosine**2), 0.0, cosine])
    return np.tile(world.centres_um[0] + arrow, (n, 1))


def share(found: np.ndarray) -> tuple[float, float]:
    mean = float(found.mean())
    return mean, math.sqrt(max(mean * (1.0 - mean), 1.0 / found.size) / found.size)


def sphere(
    n: int, move: Mover, *, permeability: float = math.inf,
    cases: tuple[tuple[float, float], ...] = ((8.0, 1.0), (10.0, 20.0), (15.0, 60.0)),
    radius: float = 7.5, diffusivity: float = 3.0,
) -> Iterator[Row]:  # fmt: skip
    """Transient uptake by one sphere, and the directions of those that live on."""
    world = one_sphere(radius, permeability)
    for start, time in cases:
        p = Particles.at(beside(world, start, n), diffusivity)
        move(p, world, time)
        name = f"k = {permeability:g}, from {start:g} um in {time:g} s"
        ours, error = share(p.fate >= 0)
        exact = absorbed(start, time, radius, diffusivity, permeability)
        yield Row(f"taken up, {name}", ours, exact, error if exact else 0.0)
        arrow = p.position_um - world.centres_um[0]
        cosine = arrow[:, 2] / np.linalg.norm(arrow, axis=1) * p.is_free
        theory = moment(1, start, time, radius, diffusivity, permeability)
        # Directions are bounded less tightly than uptake: 5 % of the mean cosine where a sphere
        # takes all, since uptake by the next sphere depends on them weakly.
        loose = 0.05 if math.isinf(permeability) else 0.01
        yield Row(
            f"mean cosine, {name}",
            float(cosine.mean()),
            theory,
            float(cosine.std()) / n**0.5,
            loose,
        )


def steady(n: int, *, permeability: float) -> Iterator[Row]:
    """The rate of uptake from a bath: 4 pi D R c, less for a surface that lets through a part."""
    radius, d, box = 5.0, 4.0, 160.0
    world = one_sphere(radius, permeability, box=box)
    rng = np.random.default_rng(5)
    at = rng.uniform(0.0, box, (n, 3))
    at = at[np.linalg.norm(at - box / 2, axis=1) > radius]
    concentration = n / box**3
    p = Particles.at(at, d)
    early, late = 60.0, 120.0  # walls 80 um away are felt after (80 um)^2 / (2 d) = 800 s
    advance(p, world, early, seed=SEED, bias=BIAS)
    before = int((p.fate >= 0).sum())
    advance(p, world, late, seed=SEED, bias=BIAS)
    count = int((p.fate >= 0).sum()) - before
    rate = count / (late - early) / concentration
    error = math.sqrt(count) / (late - early) / concentration
    reach = np.linspace(radius, 400.0, 8001)[1:]
    taken = [
        np.trapezoid(
            4 * math.pi * reach**2
            * np.array([absorbed(float(r), t, radius, d, permeability) for r in reach]),
            reach,
        )
        for t in (early, late)
    ]  # fmt: skip
    exact = float(taken[1] - taken[0]) / (late - early)
    yield Row(f"rate over c from a bath, k = {permeability:g}, um3/s", rate, exact, error)
    limit = steady_rate(radius, d, permeability)
    # What is left of the transient at these times, R/sqrt(pi D t) for a sphere that takes all.
    yield Row("  the same over its steady value 4 pi D R kR/(kR+D)", rate / limit, 1.0, error / limit, 0.17)  # fmt: skip


def drift(n: int, move: Mover) -> Iterator[Row]:
    """Drift in free space, and a sphere through which a uniform drift goes."""
    empty = World(
        np.full(3, 4000.0), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), np.ones((1, 1)),
        np.zeros(1), flow=Flow("uniform", (0.5, -1.0, 0.25)),
    )  # fmt: skip
    p = Particles.at(np.full((n, 3), 2000.0), 3.0)
    move(p, empty, 50.0)
    for axis, v in enumerate((0.5, -1.0, 0.25)):
        moved = p.position_um[:, axis] - 2000.0
        yield Row(f"drift {v:g} um/s along axis {axis}, um in 50 s", float(moved.mean()), 50.0 * v, float(moved.std()) / n**0.5, 0.0)  # fmt: skip
    squares = ((p.position_um - p.position_um.mean(axis=0)) ** 2).sum(axis=1)
    yield Row("mean square way about the drift, um2", float(squares.mean()), 6 * 3.0 * 50, float(squares.std()) / n**0.5, 0.0)  # fmt: skip


def drift_on_sphere(n: int) -> Iterator[Row]:
    for speed, cosine in ((1.0, -1.0), (1.0, 1.0), (0.3, 0.0)):
        world = one_sphere(7.5, math.inf, Flow("uniform", (0.0, 0.0, speed)))
        p = Particles.at(beside(world, 10.0, n, cosine), 3.0)
        advance(p, world, 300.0, seed=SEED, bias=BIAS)
        ours, error = share(p.fate >= 0)
        exact = caught_in_drift(10.0, cosine, 7.5, 3.0, speed)
        yield Row(f"caught, drift {speed:g} um/s, cosine {cosine:g}", ours, exact, error, 0.01)


def stream(n: int) -> Iterator[Row]:
    """A sphere in creeping flow: shares caught by start, at Peclet numbers v R / D of 1 and 5."""
    for speed in (0.4, 2.0):
        starts = np.array([[9.0, -1.0], [15.0, -1.0], [15.0, 0.0], [9.0, 1.0]])
        exact = caught_in_stream(starts, 20.0, 7.5, 3.0, speed)
        world = one_sphere(7.5, math.inf, Flow("around", (0.0, 0.0, speed)))
        for (distance, cosine), theory in zip(starts, exact, strict=True):
            p = Particles.at(beside(world, distance, n, cosine), 3.0)
            advance(p, world, 20.0, seed=SEED, bias=BIAS)
            ours, error = share(p.fate >= 0)
            yield Row(
                f"caught, Pe = {speed * 7.5 / 3:g}, from {distance:g} um, cosine {cosine:g}",
                ours, float(theory), error, 0.01,
            )  # fmt: skip


def sherwood(n: int) -> Iterator[Row]:
    """Uptake rate from a stream over that from a bath at rest, against the equation solved."""
    radius, d, speed, box = 7.5, 3.0, 2.0, 330.0
    world = one_sphere(radius, math.inf, Flow("around", (0.0, 0.0, speed)), box)
    rng = np.random.default_rng(6)
    low, high = np.array([105.0, 105.0, 35.0]), np.array([225.0, 225.0, 225.0])
    at = rng.uniform(low, high, (n, 3))
    at = at[np.linalg.norm(at - box / 2, axis=1) > radius]
    p = Particles.at(at, d)
    concentration = n / float(np.prod(high - low))
    early, late = 20.0, 40.0
    advance(p, world, early, seed=SEED, bias=BIAS)
    before = int((p.fate >= 0).sum())
    advance(p, world, late, seed=SEED, bias=BIAS)
    count = int((p.fate >= 0).sum()) - before
    scale = (late - early) * concentration * 2.0 * math.pi * d * radius
    nodes, weights = np.polynomial.legendre.leggauss(24)
    distance = radius + (125.0 - radius) * np.linspace(0.0, 1.0, 120)[1:] ** 1.5
    grid = np.array([[r, c] for r in distance for c in nodes])
    mean = [
        float(
            np.trapezoid(
                2 * math.pi * distance**2
                * (caught_in_stream(grid, t, radius, d, speed).reshape(-1, 24) @ weights),
                distance,
            )
        )
        for t in (early, late)
    ]  # fmt: skip
    exact = (mean[1] - mean[0]) / ((late - early) * 2.0 * math.pi * d * radius)
    ours, error = count / scale, math.sqrt(count) / scale
    yield Row("Sherwood number (on the diameter), Pe = v 2R / D = 10, 20 to 40 s", ours, exact, error, 0.01)  # fmt: skip
    # Clift, Grace and Weber's correlation for creeping flow, Sh = 1 + (1 + Pe)^(1/3), recalled.
    yield Row("  the same against 1 + (1 + Pe)^(1/3), good to 3 %", ours, 1 + 11 ** (1 / 3), error, 0.05)  # fmt: skip


def decay_length(n: int, move: Mover) -> Iterator[Row]:
    """Particles that decay at a rate k end at a mean distance from a plane source of sqrt(D/k)."""
    d, k = 3.0, 0.02
    world = World(
        np.full(3, 2000.0), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), np.ones((1, 1)),
        np.array([k]),
    )  # fmt: skip
    p = Particles.at(np.full((n, 3), 1000.0), d)
    move(p, world, 600.0)
    gone = p.fate == DECAYED
    away = np.abs(p.position_um[gone, 0] - 1000.0)
    # Along one axis the law is exp(-x / L) / L, L = sqrt(D/k), when no one lives on.
    length = math.sqrt(d / k)
    yield Row("decay length sqrt(D/k), um", float(away.mean()), length, float(away.std()) / n**0.5, 0.005)  # fmt: skip
    lived = share(~gone)
    yield Row("share alive after 600 s", lived[0], math.exp(-k * 600.0), lived[1], 0.0)


def sizes(n: int) -> Iterator[Row]:
    """Vesicles of many sizes: uptake is the mean over sizes, not that of the mean size."""
    world = one_sphere()
    diameters = np.exp(np.random.default_rng(8).normal(math.log(100.0), 0.5, n))
    d = 4.5 * 100.0 / diameters
    p = Particles.at(beside(world, 12.0, n), d)
    advance(p, world, 5.0, seed=SEED, bias=BIAS)
    ours, error = share(p.fate >= 0)
    held = np.quantile(d, (np.arange(400) + 0.5) / 400)
    exact = float(np.mean([absorbed(12.0, 5.0, 7.5, float(one)) for one in held]))
    yield Row("taken up, log-normal sizes", ours, exact, error)


def packed(fraction: float, seed: int, *, box: float = 120.0) -> World:
    """Spheres of two sizes at random, in a box with mirrors on two sides and periodic faces."""
    rng = np.random.default_rng(seed)
    centres: list[np.ndarray] = []
    radii: list[float] = []
    while sum(4 / 3 * math.pi * r**3 for r in radii) < fraction * box**3:
        r = 8.0 if len(radii) < 0.4 * fraction * box**3 / 2145 else 5.0
        c = rng.uniform(r, box - r, 3)
        apart = [float(np.linalg.norm(c - o)) - r - q for o, q in zip(centres, radii, strict=True)]
        if all(gap > 0.05 for gap in apart):
            centres.append(c)
            radii.append(r)
    return World(
        np.full(3, box), np.array(centres), np.array(radii), np.zeros(len(radii), np.int64),
        np.array([[math.inf]]), np.zeros(1),
        faces=(Face("periodic"), Face("periodic"), Face(), Face(), Face(), Face()),
    )  # fmt: skip


def between(world: World, n: int, seed: int) -> np.ndarray:
    """Places outside all spheres."""
    rng = np.random.default_rng(seed)
    out: list[np.ndarray] = []
    while sum(map(len, out)) < n:
        x = rng.uniform(0.0, world.size_um, (4 * n // 3 + 10, 3))
        free = np.ones(len(x), bool)
        for c, r in zip(world.centres_um, world.radii_um, strict=True):
            shift = np.abs(x - c)
            shift[:, 0] = np.minimum(shift[:, 0], world.size_um[0] - shift[:, 0])
            free &= (shift**2).sum(axis=1) > r * r
        out.append(x[free])
    return np.concatenate(out)[:n]


def many(n: int) -> Iterator[Row]:
    """Many spheres of two sizes against fine steps, at two cell fractions."""
    for fraction, time in ((0.05, 20.0), (0.25, 4.0)):
        world = packed(fraction, seed=11)
        at = between(world, n, seed=12)
        fine, p = Particles.at(at, 3.0, first_slot=n), Particles.at(at, 3.0)
        advance(fine, world, time, seed=SEED, step_s=time / 2000)
        advance(p, world, time, seed=SEED, bias=BIAS)
        ours, error = share(p.fate >= 0)
        exact, other = share(fine.fate >= 0)
        yield Row(f"taken up among spheres, {fraction:.0%} of the volume, fine steps", ours, exact, math.hypot(error, other))  # fmt: skip


def filling(
    windows: tuple[int, ...] = (8, 16, 32, 64), n: int = 200_000
) -> list[tuple[int, float]]:
    """A surface that fills: what is taken up, by the number of windows between its updates."""
    capacity = 0.4 * n
    found = []
    for count in windows:
        world = one_sphere(7.5, 2.0)
        p = Particles.at(beside(world, 9.0, n), 3.0)
        for window in range(count):
            bound = float((p.fate >= 0).sum())
            share_open = np.array([max(0.0, 1.0 - bound / capacity)])
            advance(p, world, 6.0 * (window + 1) / count, seed=SEED, bias=0.0025, open_share=share_open)  # fmt: skip
        found.append((count, float((p.fate >= 0).mean())))
    return found


def rows(n: int) -> Iterator[Row]:
    for permeability in (math.inf, 5.0, 0.5, 0.05, 0.0):
        yield from sphere(n, by_events, permeability=permeability)
    for permeability in (math.inf, 1.0):
        yield from steady(4 * n, permeability=permeability)
    yield from drift(n, by_events)
    yield from drift_on_sphere(n)
    yield from stream(n)
    yield from sherwood(2 * n)
    yield from decay_length(n, by_events)
    yield from sizes(n)
    yield from many(n)


def main() -> int:
    n = 40_000 if "--quick" in sys.argv else 400_000
    held = []
    print(f"{'quantity':68} {'ours':>10} {'exact':>10} {'z':>6} {'off by':>8}  verdict")
    for row in rows(n):
        held.append(row)
        off = f"{100 * (row.ours / row.exact - 1):+.2f} %" if row.exact else ""
        verdict = "holds" if row.passes else "DOES NOT HOLD"
        print(f"{row.quantity:68} {row.ours:10.5f} {row.exact:10.5f} {row.z:6.1f} {off:>8}  {verdict}", flush=True)  # fmt: skip
    print("\nA surface that fills, updated at the start of each window (order of the error: one)")
    found = filling(n=n // 2)
    for (count, taken), (_, finer) in pairwise(found):
        print(f"  {count:3d} windows: taken up {taken:.5f}; halving them moves it by {finer - taken:+.5f}")  # fmt: skip
    return 0 if all(row.passes for row in held) else 1


if __name__ == "__main__":
    raise SystemExit(main())
