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

from exosome.numerics.brownian import (
    DECAYED,
    LEFT,
    WALL,
    Binding,
    Face,
    Flow,
    Particles,
    Tube,
    World,
    advance,
)
from exosome.numerics.brownian.exact import (
    absorbed,
    caught_in_drift,
    caught_in_stream,
    moment,
    steady_rate,
)
from exosome.numerics.brownian.exact_tube import free_time, left_in_tube, shares_at_tube
from exosome.numerics.brownian.reference import advance_plainly, velocity_um_per_s
from exosome.tissue.influx import Bath, entries

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
    cases: tuple[tuple[float, float], ...] = ((8.0, 1.0), (8.0, 5.0), (10.0, 20.0), (15.0, 60.0)),
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
        # Directions are bounded less tightly than uptake: 2 % of the mean cosine where a sphere
        # takes all, since uptake by the next sphere depends on them weakly.
        loose = 0.02 if math.isinf(permeability) else 0.01
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


def with_tube(tube: Tube, size: tuple[float, float, float] = (240.0, 240.0, 60.0)) -> World:
    """A tube in an empty box, periodic along it, mirrors around."""
    return World(
        np.array(size), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), np.ones((1, 1)),
        np.zeros(1), faces=(Face(),) * 4 + (Face("periodic"),) * 2, tube=tube,
    )  # fmt: skip


def from_axis(world: World, distance: float, n: int) -> np.ndarray:
    x, y = world.tube.centre_um
    return np.tile([x + distance, y, world.size_um[2] / 2], (n, 1))


def uniform_in_tube(world: World, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle, r = rng.uniform(0, 2 * math.pi, n), world.tube.radius_um * np.sqrt(rng.random(n))
    x, y = world.tube.centre_um
    z = np.full(n, world.size_um[2] / 2)
    return np.stack([x + r * np.cos(angle), y + r * np.sin(angle), z], axis=1)


def wall_of_tube(
    n: int, move: Mover, *, radius: float = 20.0, diffusivity: float = 3.0,
    uptakes: tuple[float, ...] = (math.inf, 1.0, 0.1),
    inside: tuple[tuple[float, float], ...] = ((15.0, 10.0), (0.0, 40.0), (19.5, 5.0)),
    outside: tuple[tuple[float, float], ...] = ((21.0, 10.0), (30.0, 40.0), (25.0, 200.0)),
) -> Iterator[Row]:  # fmt: skip
    """What the wall of a tube takes up in time, from inside (Bessel series) and from outside."""
    for uptake in uptakes:
        world = with_tube(Tube((120.0, 120.0), radius, 0.0, uptake))
        for start, time in inside + outside:
            p = Particles.at(from_axis(world, start, n), diffusivity)
            move(p, world, time)
            ours, error = share(p.fate == WALL)
            if start < radius:
                exact = 1.0 - left_in_tube(start, time, radius, diffusivity, uptake)
            else:
                _, taken = shares_at_tube(
                    np.array([start]), time, radius, diffusivity, 0.0, uptake, 300.0
                )
                exact = float(taken[0])
            where = "inside" if start < radius else "outside"
            yield Row(f"taken by a tube's wall, u = {uptake:g}, {where} at {start:g} um in {time:g} s", ours, exact, error, 0.01)  # fmt: skip


def membrane(
    n: int, move: Mover, *, radius: float = 20.0, diffusivity: float = 3.0,
    walls: tuple[tuple[float, float], ...] = (
        (0.05, 0.0), (0.5, 0.0), (5.0, 0.0), (0.5, 0.5), (0.1, 0.1), (2.0, 0.2),
    ),
    starts: tuple[tuple[float, float], ...] = ((15.0, 20.0), (21.0, 5.0), (30.0, 40.0)),
) -> Iterator[Row]:  # fmt: skip
    """Who is inside after a time where the wall lets through and takes up, both ways."""
    for through, into in walls:
        world = with_tube(Tube((120.0, 120.0), radius, through, into))
        for start, time in starts:
            p = Particles.at(from_axis(world, start, n), diffusivity)
            move(p, world, time)
            inside, taken = shares_at_tube(
                np.array([start]), time, radius, diffusivity, through, into, 300.0
            )
            name = f"P = {through:g}, u = {into:g}, from {start:g} um in {time:g} s"
            ours, error = share(p.is_free & world.tube.holds(p.position_um))
            yield Row(f"inside, {name}", ours, float(inside[0]), error, 0.01)
            if into > 0.0:
                ours, error = share(p.fate == WALL)
                yield Row(f"taken, {name}", ours, float(taken[0]), error, 0.015)


def well_mixed(n: int) -> Iterator[Row]:
    """Where a wall is slow, a tube empties at the rate 2 P/R (less P R/4D of it)."""
    radius, d, slow = 5.0, 10.0, 0.01
    world = with_tube(Tube((120.0, 120.0), radius, 0.0, slow))
    p = Particles.at(uniform_in_tube(world, n, 21), d)
    advance(p, world, 250.0, seed=SEED, bias=BIAS)
    alive, error = share(p.is_free)
    yield Row("rate at which a slow wall empties a tube, over 2 u/R", -math.log(alive) / 250.0 / (2 * slow / radius), 1.0 / (1.0 + slow * radius / (4 * d)), error / alive / (250.0 * 2 * slow / radius))  # fmt: skip


def two_compartments(n: int) -> Iterator[Row]:
    """In a closed box both sides of a membrane come to, and keep, one concentration."""
    for through in (0.05, 0.5, 5.0):
        world = with_tube(Tube((30.0, 30.0), 12.0, through), (60.0, 60.0, 60.0))
        exact = math.pi * 12.0**2 / 3600.0
        for name, at, time in (
            ("from one, after 4,000 s", uniform_in_tube(world, n, 22), 4000.0 if through < 1 else 1000.0),
            ("kept for 200 s", np.random.default_rng(23).uniform(0.0, world.size_um, (n, 3)), 200.0),
        ):  # fmt: skip
            p = Particles.at(at, 3.0)
            advance(p, world, time, seed=SEED, bias=BIAS)
            ours, error = share(world.tube.holds(p.position_um))
            yield Row(f"share inside a tube at equilibrium, P = {through:g}, {name}", ours, exact, error)  # fmt: skip


def jump_at_membrane(n: int) -> Iterator[Row]:
    """A steady flux J per length from the axis: concentrations at the wall part by J/(2 pi R P)."""
    radius, d, through, until = 12.0, 3.0, 0.2, 3000.0
    world = World(
        np.array([100.0, 100.0, 20.0]), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64),
        np.ones((1, 1)), np.zeros(1), faces=(Face("absorbing"),) * 4 + (Face("periodic"),) * 2,
        tube=Tube((50.0, 50.0), radius, through),
    )  # fmt: skip
    rng = np.random.default_rng(24)
    p = Particles.at(from_axis(world, 0.0, n), d, clock_s=np.sort(rng.uniform(0.0, until, n)))
    advance(p, world, until, seed=SEED, bias=BIAS)
    height = world.tube.height_um(p.position_um[p.is_free])
    flux = n / until / 20.0
    ends, errors = [], []
    for low, high in ((0.8 * radius, radius), (radius, 1.2 * radius)):
        count = int(((height >= low - radius) & (height < high - radius)).sum())
        area = math.pi * (high**2 - low**2)
        r = np.linspace(low, high, 2001)
        # Between the source and the far wall, c falls as J/(2 pi D) log r.
        lean = float(np.trapezoid(2 * math.pi * r * np.log(radius / r), r)) / area
        ends.append(count / area / 20.0 - flux / (2 * math.pi * d) * lean)
        errors.append(math.sqrt(count) / area / 20.0)
    yield Row("steady jump of concentration at a membrane, over J/(2 pi R P)", (ends[0] - ends[1]) / (flux / (2 * math.pi * radius * through)), 1.0, math.hypot(*errors) / (flux / (2 * math.pi * radius * through)))  # fmt: skip


def poiseuille(n: int) -> Iterator[Row]:
    """The flow in a tube: mean speed U, and dispersion D (1 + Pe^2/48) of Taylor and Aris."""
    radius, d = 10.0, 2.0
    for speed in (1.0, 20.0):
        world = with_tube(Tube((30.0, 30.0), radius, 0.0, 0.0, speed), (60.0, 60.0, 1e5))
        p = Particles.at(uniform_in_tube(world, n, 25), d)
        advance(p, world, 100.0, seed=SEED, bias=BIAS)
        early = p.position_um[:, 2].copy()
        advance(p, world, 350.0, seed=SEED, bias=BIAS)
        moved = p.position_um[:, 2] - 5e4
        peclet = speed * radius / d
        yield Row(f"mean speed in a tube, Pe = {peclet:g}, um/s", float(moved.mean()) / 350.0, speed, float(moved.std()) / 350.0 / n**0.5)  # fmt: skip
        # The variance has grown by 2 D (1 + Pe^2/48) t between 100 s and 350 s: the slowest mode
        # of the radius, 14.7 D/R^2, has gone by then. Its error, from halves of the same run.
        parts = [
            (float(b.var()) - float(a.var())) / 500.0
            for a, b in zip(np.array_split(early, 40), np.array_split(moved, 40), strict=True)
        ]
        exact = d * (1.0 + peclet**2 / 48.0)
        yield Row(f"dispersion along a tube, Pe = {peclet:g}, um2/s", float(np.mean(parts)), exact, float(np.std(parts)) / 40**0.5, 0.02)  # fmt: skip


def matrix(binding: Binding, decay: float = 0.0, box: float = 1e6) -> World:
    return World(
        np.full(3, box), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), np.ones((1, 1)),
        np.array([decay]), binding=(binding,),
    )  # fmt: skip


def binds(n: int, move: Mover, times: tuple[float, ...] = (0.5, 5.0, 100.0)) -> Iterator[Row]:
    """Exponential waits: bound share, mean square way at all times, decay of all alike."""
    how, d, decay = Binding(0.5, 0.2), 2.0, 0.004
    world = matrix(how, decay)
    rate = how.bind_per_s + how.release_per_s
    for time in times:
        p = Particles.at(np.full((n, 3), 5e5), d)
        move(p, world, time)
        here = p.is_there
        ours, error = share(p.is_bound[here])
        exact = how.bind_per_s / rate * -math.expm1(-rate * time)
        yield Row(f"bound share after {time:g} s", ours, exact, error)
        square = ((p.position_um[here] - 5e5) ** 2).sum(axis=1)
        yield Row(f"mean square way after {time:g} s, um2", float(square.mean()), 6 * d * free_time(how, time), float(square.std()) / here.sum() ** 0.5)  # fmt: skip
        ours, error = share(here)
        yield Row(f"share alive, bound or free, after {time:g} s", ours, math.exp(-decay * time), error, 0.0)  # fmt: skip
    if times[-1] >= 100.0:
        late = float(square.mean()) / (6 * times[-1]) / (d * how.free_share)
        # What is left of the start, when all were free: k/(r (k + r) t).
        yield Row("  diffusivity in the long run over D/(1 + k/r)", late, 1.0, float(square.std()) / here.sum() ** 0.5 / float(square.mean()), 0.05)  # fmt: skip


def anomalous(n: int) -> Iterator[Row]:
    """Waits without a mean: the mean square way against its transform, and its exponent."""
    how, d = Binding(10.0, 1.0, 0.6), 2.0
    held = []
    for time in (1.0, 30.0, 1e3, 3e4):
        p = Particles.at(np.full((n, 3), 5e5), d)
        advance(p, matrix(how), time, seed=SEED + len(held), bias=BIAS)
        square = ((p.position_um - 5e5) ** 2).sum(axis=1)
        mean, error = float(square.mean()), float(square.std()) / n**0.5
        held.append((time, mean, error / mean))
        yield Row(f"mean square way, waits (1 + t)^-0.6, after {time:g} s, um2", mean, 6 * d * free_time(how, time), error)  # fmt: skip
    # The exponent comes to 0.6 slowly, with t^-0.4: over this span the transform has 0.585.
    (early, a, e), (late, b, f) = held[-2:]
    span = math.log(late / early)
    exact = math.log(free_time(how, late) / free_time(how, early)) / span
    yield Row("  exponent of its growth from 1e3 to 3e4 s (0.6 in the end)", math.log(b / a) / span, exact, math.hypot(e, f) / span, 0.0)  # fmt: skip


def bath(n: int, permeability: float) -> Iterator[Row]:
    """A box before a bath comes to its concentration; between bath and sink lies a straight line."""
    d, c, edge, length, until = 3.0, 2e-7 * n, 60.0, 40.0, 3000.0
    depth = 0.5
    reach = length + (0.0 if math.isinf(permeability) else d / permeability)
    for far in (Face(), Face("absorbing")):
        world = World(
            np.array([edge, edge, length]), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64),
            np.ones((1, 1)), np.zeros(1),
            faces=(Face("periodic"),) * 4 + (Face("absorbing", permeability), far),
        )  # fmt: skip
        born = entries(Bath(4, c, permeability, depth), world, until, np.array([d]), SEED)
        p = Particles.at(born.position_um, d, clock_s=born.time_s)
        advance(p, world, until, seed=SEED, bias=BIAS)
        z = p.position_um[p.is_free, 2]
        for low, high in ((depth, 10.0), (10.0, 20.0), (20.0, 40.0)):
            count = int(((z >= low) & (z < high)).sum())
            exact = c * edge**2 * (high - low)
            if far.kind == "absorbing":
                exact *= (length - 0.5 * (low + high)) / reach
            name = "and a sink" if far.kind == "absorbing" else "alone"
            yield Row(f"vesicles {low:g} to {high:g} um from a bath {name}, k = {permeability:g}", count, exact, math.sqrt(exact), 0.0)  # fmt: skip
        if far.kind == "absorbing":
            out = int(((p.fate == LEFT - 5) & (p.clock_s > until / 2)).sum())
            yield Row(f"steady flux D c/(L + D/k), k = {permeability:g}, vesicles", out, d * c / reach * edge**2 * until / 2, math.sqrt(out), 0.0)  # fmt: skip


def divergence(world: World, points: int = 4000, h: float = 1e-5) -> tuple[float, float]:
    """Largest divergence of the flow (over its speed and the least radius), and on surfaces."""
    rng = np.random.default_rng(31)
    at = rng.uniform(0.2, 0.8, (points, 3)) * world.size_um
    gap = np.linalg.norm(at[:, None] - world.centres_um, axis=2) - world.radii_um
    edge = np.abs(gap - (world.shells_um - world.radii_um)).min(axis=1)
    at = at[(gap.min(axis=1) > 2 * h) & (edge > 2 * h)]
    total = np.zeros(len(at))
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = h
        total += (velocity_um_per_s(at + step, world) - velocity_um_per_s(at - step, world))[:, axis] / (2 * h)  # fmt: skip
    speed = float(np.linalg.norm(world.flow.velocity_um_per_s))
    arrow = rng.standard_normal((50, 1, 3))
    arrow /= np.linalg.norm(arrow, axis=2)[..., None]
    skin = (world.centres_um + arrow * world.radii_um[None, :, None]).reshape(-1, 3)
    slip = float(np.linalg.norm(velocity_um_per_s(skin, world), axis=1).max())
    return float(np.abs(total).max()) / speed * float(world.radii_um.min()), slip / speed


def interstitial(n: int) -> Iterator[Row]:
    """The flow among cells: no sources, still at their surfaces, and it keeps a mixture mixed."""
    packing = packed(0.25, seed=33, box=80.0)
    for centres, radii, name in (
        (packing.centres_um, packing.radii_um, "25 % cells"),
        (np.full((1, 3), 40.0), np.array([8.0]), "one cell"),
    ):
        inside = np.all((centres > radii[:, None]) & (centres < 80.0 - radii[:, None]), axis=1)
        world = World(
            np.full(3, 80.0), centres[inside], radii[inside], np.zeros(int(inside.sum()), np.int64),
            np.zeros((1, 1)), np.zeros(1), faces=(Face("periodic"),) * 6,
            flow=Flow("around", (1.0, 0.5, -0.7)),
        )  # fmt: skip
        apart, slip = divergence(world)
        # Central differences of steps of 1e-5 um; a flow that is not free of sources by design
        # would show of order one, in thin shells of a hundred.
        yield Row(f"largest divergence over U/R, {name}", apart, 0.0, 1e-4 / SURE)
        yield Row(f"largest speed on a surface over U, {name}", slip, 0.0, 1e-9 / SURE)
    yield from mixture(packing, n, 0.3, 0.03)
    yield from mixture(packing, n, 2.0, 0.1)


def mixture(packing: World, n: int, speed: float, bias: float) -> Iterator[Row]:
    """Particles spread evenly between cells that reflect stay so, before and behind each cell.

    The bias is what was measured, not what was asked for: shells thinner than the least step
    are not resolved (docs/methods/space.md).
    """
    world = World(
        packing.size_um, packing.centres_um, packing.radii_um, packing.sphere_kinds,
        np.zeros((1, 1)), np.zeros(1), faces=packing.faces, flow=Flow("around", (speed, 0.0, 0.0)),
    )  # fmt: skip
    p = Particles.at(between(world, n, 34), 3.0)
    advance(p, world, 4.0, seed=SEED, bias=BIAS)
    fresh = between(world, 4 * n, 35)
    for name, chosen in (
        ("within 1 um before a cell", lambda at: _beside_cell(world, at, -1.0)),
        ("within 1 um behind a cell", lambda at: _beside_cell(world, at, 1.0)),
        ("in the lower third", lambda at: at[:, 0] < world.size_um[0] / 3),
    ):
        ours, error = share(chosen(p.position_um))
        exact, other = share(chosen(fresh))
        yield Row(
            f"even mixture in a flow of {speed:g} um/s, share {name}",
            ours,
            exact,
            math.hypot(error, other),
            bias,
        )


def _beside_cell(world: World, at: np.ndarray, side: float) -> np.ndarray:
    found = np.zeros(len(at), bool)
    for centre, radius in zip(world.centres_um, world.radii_um, strict=True):
        arrow = at - centre
        arrow[:, 0] -= world.size_um[0] * np.round(arrow[:, 0] / world.size_um[0])
        found |= (np.linalg.norm(arrow, axis=1) < radius + 1.0) & (side * arrow[:, 0] > 0.0)
    return found


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
    yield from wall_of_tube(n, by_events)
    yield from membrane(n, by_events)
    yield from well_mixed(n // 10)
    yield from two_compartments(n // 10)
    yield from jump_at_membrane(n)
    yield from poiseuille(n // 4)
    yield from binds(n, by_events)
    yield from anomalous(n // 4)
    for permeability in (math.inf, 0.3):
        yield from bath(n // 4, permeability)
    yield from interstitial(n)


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
