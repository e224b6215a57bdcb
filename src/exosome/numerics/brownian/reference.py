"""The engine in plain NumPy: fixed steps, every particle against every sphere.

Slow and short, to be read beside the compiled kernel, which must pass the same tests. It takes
its chance from a stream of its own, so it agrees in law, not in bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.core.random import Streams
from exosome.numerics.brownian.particles import BOUND, DECAYED, FREE, LEFT
from exosome.numerics.brownian.tube import WALL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.brownian.particles import Particles
    from exosome.numerics.brownian.tube import Tube
    from exosome.numerics.brownian.world import World

    Floats = NDArray[np.float64]


def advance_plainly(
    particles: Particles, world: World, until_s: float, *, step_s: float, seed: int
) -> int:
    """Move every free particle to ``until_s`` by fixed steps, in place; return the steps.

    All free particles must stand at the same time. One sphere, the nearest, is looked at in a
    step, so ``step_s`` must be short against the gaps between spheres. A particle binds at the
    end of a step and is let go at the start of one; a held one that is lost is lost at once.
    """
    rng = Streams(seed).of("brownian.plain")
    free = np.flatnonzero(particles.is_free)
    held = np.zeros(0, np.int64)
    now = float(particles.clock_s[free[0]]) if free.size else until_s
    steps = 0
    while free.size + held.size and now < until_s:
        dt = min(step_s, until_s - now)
        _step(particles, world, free, dt, rng)
        now = until_s if dt == until_s - now else now + dt
        particles.clock_s[free] = now
        steps += free.size
        free = free[particles.fate[free] == FREE]
        if world.binding:
            free, held = _bind(particles, world, free, held, now, dt, rng)
    return steps


def _bind(
    p: Particles, world: World, free: NDArray[np.int64], held: NDArray[np.int64], now: float,
    dt: float, rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # fmt: skip
    """Hold some of the free particles, let some of the held go; return who is free and held."""
    lost = rng.random(held.size) < -np.expm1(-world.decay_per_s[p.kind[held]] * dt)
    p.fate[held[lost]], p.clock_s[held[lost]] = DECAYED, now
    held = held[~lost]
    due = p.clock_s[held] <= now
    p.fate[held[due]], p.clock_s[held[due]] = FREE, now
    rates = np.array([one.bind_per_s for one in world.binding])[p.kind[free]]
    binds = rng.random(free.size) < -np.expm1(-rates * dt)
    if world.tube is not None:
        binds &= ~world.tube.holds(p.position_um[free])
    caught = free[binds]
    for which in caught:
        how = world.binding[int(p.kind[which])]
        u = rng.random()
        tail = np.log(1.0 / u) if np.isinf(how.exponent) else u ** (-1.0 / how.exponent) - 1.0
        p.fate[which] = BOUND
        p.clock_s[which] = now + min(tail / how.release_per_s, how.longest_s)
    return (
        np.concatenate([free[~binds], held[due]]),
        np.concatenate([held[~due], caught]),
    )


def _step(
    p: Particles, world: World, free: NDArray[np.int64], dt: float, rng: np.random.Generator
) -> None:
    start = p.position_um[free]
    d = p.diffusivity_um2_per_s[free].astype(np.float64)
    kind = p.kind[free].astype(np.int64)
    end = start + np.sqrt(2.0 * d * dt)[:, None] * rng.standard_normal(start.shape)
    nearest = _nearest(start, world)
    half_way = start + 0.5 * dt * velocity_um_per_s(start, world, nearest)
    end += velocity_um_per_s(half_way, world, nearest) * dt
    fate = np.full(free.size, FREE, np.int32)
    if world.radii_um.size:
        met, by = _at_spheres(start, end, nearest, d, kind, dt, world, rng)
        # In a tube without spheres the nearest stands behind the wall.
        parted = _in_tube(start, world) != _in_tube(world.centres_um[nearest], world)
        end = np.where(parted[:, None], end, met)
        fate = np.where(parted, FREE, by).astype(np.int32)
    if world.tube is not None:
        _at_tube(start, end, fate, d, dt, world.tube, rng)
    _at_faces(start, end, fate, d, dt, world, rng)
    lost = rng.random(free.size) < -np.expm1(-world.decay_per_s[kind] * dt)
    p.fate[free] = np.where((fate == FREE) & lost, DECAYED, fate)
    p.position_um[free] = end
    p.draws[free] += np.uint32(1)


def _nearest(at: Floats, world: World) -> NDArray[np.int64]:
    if not world.radii_um.size:
        return np.zeros(len(at), np.int64)
    apart: Floats = np.sqrt(((at[:, None, :] - world.centres_um[None]) ** 2).sum(axis=2))
    parted = _in_tube(at, world)[:, None] != _in_tube(world.centres_um, world)[None]
    apart = np.where(parted, np.inf, apart - world.radii_um[None])
    return np.asarray(np.argmin(apart, axis=1), dtype=np.int64)


def _in_tube(at: Floats, world: World) -> NDArray[np.bool_]:
    return np.zeros(len(at), np.bool_) if world.tube is None else world.tube.holds(at)


def velocity_um_per_s(at: Floats, world: World, nearest: NDArray[np.int64] | None = None) -> Floats:
    """Return the flow at places, shape (place, 3); images of spheres at faces are not looked at."""
    v = _outside(at, _nearest(at, world) if nearest is None else nearest, world)
    if world.tube is None:
        return v
    inside = world.tube.holds(at)
    v = np.where(inside[:, None], 0.0, v)
    v[:, 2] += world.tube.speed_um_per_s(at)
    return v


def _outside(at: Floats, nearest: NDArray[np.int64], world: World) -> Floats:
    stream = np.asarray(world.flow.velocity_um_per_s)
    if world.flow.kind == "none":
        return np.zeros_like(at)
    if world.flow.kind == "uniform" or not world.radii_um.size:
        return np.broadcast_to(stream, at.shape)
    away = at - world.centres_um[nearest]
    r: Floats = np.sqrt((away**2).sum(axis=1))
    radius = world.radii_um[nearest]
    outer = world.shells_um[nearest]
    inside = np.clip((r - radius) / (outer - radius), 0.0, 1.0)
    ratio: Floats = radius / r
    alone = np.isinf(outer)
    stokes: Floats = 1.0 - 1.5 * ratio + 0.5 * ratio**3
    f: Floats = np.where(alone, stokes, inside**2 * (3.0 - 2.0 * inside))
    slope: Floats = np.where(
        alone, 1.5 * (ratio - ratio**3) / r, 6.0 * inside * (1.0 - inside) / (outer - radius)
    )
    half = 0.5 * slope * r
    normal = away / r[:, None]
    v = (f + half)[:, None] * stream - (half * (normal @ stream))[:, None] * normal
    return np.where((r <= radius)[:, None], 0.0, v)


def _depth(a: Floats, b: Floats, spread2: Floats, u: Floats) -> Floats:
    """Return how deep paths with gaps ``a`` and ``b`` at their ends went; 0 if not below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        deep = 0.5 * (np.sqrt((a - b) ** 2 - 2.0 * spread2 * np.log(u)) - a - b)
    return np.where(spread2 > 0.0, np.maximum(0.0, deep), np.maximum(0.0, -b))


def _at_spheres(
    start: Floats, end: Floats, nearest: NDArray[np.int64], d: Floats, kind: NDArray[np.int64],
    dt: float, world: World, rng: np.random.Generator,
) -> tuple[Floats, NDArray[np.int32]]:  # fmt: skip
    """Return where particles are after meeting the nearest sphere, and who was taken up."""
    centre, radius = world.centres_um[nearest], world.radii_um[nearest]
    k = world.permeability_um_per_s[world.sphere_kinds[nearest], kind]
    from_centre = start - centre
    r0: Floats = np.sqrt((from_centre**2).sum(axis=1))
    up = from_centre / r0[:, None]
    arrow = end - centre
    rise = np.sum(arrow * up, axis=1)
    along: Floats = np.sqrt(((arrow - rise[:, None] * up) ** 2).sum(axis=1))
    below: Floats = np.sqrt((arrow**2).sum(axis=1)) - radius
    lives_on = (rise < radius) & np.isfinite(k)
    b: Floats = np.where(lives_on, rise - radius + 0.5 * along**2 / radius, below)
    depth = _depth(r0 - radius, b, 2.0 * d * dt, rng.random(r0.size))
    passes = np.where(
        np.isinf(k), 1.0, -np.expm1(-np.where(np.isinf(k), 0.0, k) * depth / np.maximum(d, 1e-300))
    )
    taken = (depth > 0.0) & (rng.random(r0.size) < passes)
    height = radius + b + depth
    arc = along / (radius + 0.25 * (r0 - radius + b + depth))
    side = (arrow - rise[:, None] * up) / np.maximum(along, 1e-12)[:, None]
    put_back = centre + height[:, None] * (np.cos(arc)[:, None] * up + np.sin(arc)[:, None] * side)
    end = np.where(((depth > 0.0) & ~taken)[:, None], put_back, end)
    return end, np.where(taken, nearest, FREE).astype(np.int32)


def _at_tube(
    start: Floats, end: Floats, fate: NDArray[np.int32], d: Floats, dt: float, tube: Tube,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Let the wall of a tube take, reflect or let through what meets it, in place."""
    height = tube.height_um(start)
    side = np.where(height < 0.0, -1.0, 1.0)
    b: Floats = side * tube.height_um(end)
    depth = _depth(np.abs(height), b, 2.0 * d * dt, rng.random(d.size))
    with np.errstate(invalid="ignore"):
        if tube.permeability_um_per_s > 0.0:
            depth = 2.0 * depth + np.minimum(0.0, 2.0 * b)
            chance = -np.expm1(-2.0 * tube.permeability_um_per_s * depth / d)
            anew = (depth > 0.0) & (rng.random(d.size) < chance)
            new = np.where(anew, b, np.abs(b))
        else:
            new = b + depth
        taken = rng.random(d.size) < -np.expm1(-tube.uptake_um_per_s * depth / d)
    fate[(depth > 0.0) & taken & (fate == FREE)] = WALL
    axis = np.asarray(tube.centre_um)
    scale = (tube.radius_um + side * new) / np.maximum(1e-12, tube.radius_um + side * b)
    end[:, :2] = axis + (end[:, :2] - axis) * np.abs(scale)[:, None]


def _at_faces(
    start: Floats, end: Floats, fate: NDArray[np.int32], d: Floats, dt: float, world: World,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Let faces take particles, reflect them or bring them round, in place."""
    for face, held in enumerate(world.faces):
        axis, far = divmod(face, 2)
        size = float(world.size_um[axis])
        if held.kind == "absorbing":
            a = size - start[:, axis] if far else start[:, axis]
            b = size - end[:, axis] if far else end[:, axis]
            depth = _depth(a, b, 2.0 * d * dt, rng.random(d.size))
            k = held.permeability_um_per_s
            passes = np.ones(d.size) if np.isinf(k) else -np.expm1(-k * depth / d)
            gone = (depth > 0.0) & (rng.random(d.size) < passes) & (fate == FREE)
            fate[gone] = LEFT - face
            kept = (depth > 0.0) & ~gone
            end[kept, axis] += np.where(far, -depth[kept], depth[kept])
        elif held.kind == "periodic":
            end[:, axis] %= size
        else:
            beyond = (end[:, axis] > size) if far else (end[:, axis] < 0.0)
            end[beyond, axis] = (2.0 * size if far else 0.0) - end[beyond, axis]
    np.clip(end, 0.0, world.size_um, out=end)
