"""One particle after the other, step after step: the loop that all the time goes into.

Without flow, the distance of a Brownian path from the centre of a sphere is a Bessel process.
Given its two ends ``r0`` and ``r1`` over a step ``dt``, the path was at the surface ``R`` in
between with probability ``(exp(-(r0-R)(r1-R)/(D dt)) - q) / (1 - q)``, ``q = exp(-r0 r1/(D dt))``,
as the bridge of a Bessel process of dimension three is that of a Brownian path kept from zero.
The same uniform number, when it says *touched*, gives how deep the unhindered path would have
gone. That depth is the local time which the path, reflected, spends at the surface, and it is
taken up with probability ``1 - exp(-k depth / D)``, ``k`` the permeability. For a plane that is
the law of the radiation boundary; for a sphere it holds while the step is short against the
radius, which `Bounds.surface` sees to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.brownian.binding import next_event, settled
from exosome.numerics.brownian.compiled import inlined_kernel, kernel
from exosome.numerics.brownian.narrow import TURNED, narrowed
from exosome.numerics.brownian.philox import block, draw_steps, uniform
from exosome.numerics.brownian.shell import longest_in_shell
from exosome.numerics.brownian.tube import (
    above_wall,
    behind_wall,
    kept_on_side,
    longest_step,
    meet_wall,
)
from exosome.numerics.network.bits import as_float

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.brownian.accuracy import Bounds
    from exosome.numerics.brownian.world import Grid

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
# What a block of chance is for: the last word of its counter.
_STEP, _FIRST, _DECAY, _INSIDE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_SECOND = np.uint64(6)
_FACE = np.uint64(16)
_LANES = 128
_FREE, _DECAYED, _LEFT = -1, -2, -10
_NEGLIGIBLE = 25.0  # exp(-25) = 1e-11: below what 32-bit chance resolves
_FAR = 6.0  # standard deviations at which a path meets a surface once in 1e9 steps
OUT_OF_BOX, NOT_DIFFUSING, UNKNOWN_KIND = 1, 2, 3
_BIAS, _FRACTION = np.int64(1023), np.uint64(52)


@inlined_kernel
def decline(x: float) -> float:
    """Return exp(-x) for x of zero or more, to 1e-10 of it; the same bits on every machine."""
    n = np.floor(0.5 - x * 1.4426950408889634)
    r = -x - n * 0.6931471805599453
    p = 1.0 + r * (1.0 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (
        1 / 720 + r * (1 / 5040 + r / 40320)))))))  # fmt: skip
    if x > 700.0:
        return 0.0
    return p * as_float(np.uint64(np.int64(n) + _BIAS) << _FRACTION)  # pyright: ignore[reportCallIssue]


@inlined_kernel
def met(a: float, b: float, radius: float, spread2: float, u: float) -> tuple[bool, float]:
    """Return whether a path touched a surface, from gaps ``a`` to ``b``, and a fresh number.

    ``spread2`` is 2 D dt. A plane has an infinite radius. ``u`` decides; what it leaves undecided
    is again uniform, and independent: it is handed back between 0 and 1. If the path touched,
    that is ``q + (1 - q) u``, the number on the scale of the bridge of a plane.
    """
    p = decline(max(0.0, 2.0 * a * b) / spread2)
    if u >= p:
        return False, (u - p) / (1.0 - p)
    q = 0.0
    e = 2.0 * (radius + a) * max(radius + b, 0.0)
    if e < _NEGLIGIBLE * spread2:
        q = decline(e / spread2)
    limit = (p - q) / (1.0 - q)
    if u >= limit:
        return False, (u - limit) / (p - limit)
    return True, q + (1.0 - q) * u


@inlined_kernel
def end_gap(
    ax: float, ay: float, az: float, bx: float, by: float, bz: float, gap: float, radius: float,
    k: float,
) -> float:  # fmt: skip
    """Return the gap at the end ``b`` of a step from ``a``, both from the centre of a sphere.

    A path that lives on meets the surface, not what is below: its way along the surface curves
    with the radius, not with that of a point inside.
    """
    r2 = bx * bx + by * by + bz * bz
    below = np.sqrt(r2) - radius
    rise = (ax * bx + ay * by + az * bz) / (radius + gap)
    if k == np.inf or rise >= radius:
        return below
    return rise - radius + 0.5 * max(0.0, r2 - rise * rise) / radius


@inlined_kernel
def touched(a: float, b: float, radius: float, spread2: float, u: float) -> tuple[float, float]:
    """Return how deep a path went below a surface, 0 if it did not, and what `met` hands back."""
    is_met, v = met(a, b, radius, spread2, u)
    if not is_met:
        return 0.0, v
    d = a - b
    return max(0.0, 0.5 * (np.sqrt(d * d - 2.0 * spread2 * np.log(v)) - a - b)), v


@inlined_kernel
def fold(p: float, size: float, low: np.int8, high: np.int8) -> float:
    """Return a coordinate brought back into the box by its reflecting or periodic faces."""
    if p >= 0.0 and p <= size:
        return p
    if low == 2:
        p -= size * np.floor(p / size)
    else:
        while (p < 0.0 and low == 0) or (p > size and high == 0):
            p = -p if p < 0.0 else 2.0 * size - p
    return min(size, max(0.0, p))


@inlined_kernel
def around(
    dx: float, dy: float, dz: float, radius: float, outer: float, ux: float, uy: float, uz: float
) -> tuple[float, float, float]:
    """Return the flow at a point ``d`` from the centre of a sphere that stands in a stream."""
    r = np.sqrt(dx * dx + dy * dy + dz * dz)
    if r >= outer:
        return ux, uy, uz
    if r <= radius:
        return 0.0, 0.0, 0.0
    if outer == np.inf:
        a = radius / r
        f = 1.0 - 1.5 * a + 0.5 * a * a * a
        slope = (1.5 * a - 1.5 * a * a * a) / r
    else:
        w = (r - radius) / (outer - radius)
        f = w * w * (3.0 - 2.0 * w)
        slope = 6.0 * w * (1.0 - w) / (outer - radius)
    h = 0.5 * slope * r
    along = h * (ux * dx + uy * dy + uz * dz) / (r * r)
    return (f + h) * ux - along * dx, (f + h) * uy - along * dy, (f + h) * uz - along * dz


@inlined_kernel
def inside(
    x: float, y: float, z: float, cx: float, cy: float, cz: float, radius: float, gap: float,
    k: float, d: float, real: np.int32, size_x: float, size_y: float, size_z: float,
    s0: np.uint64, s1: np.uint64, n: np.uint64, k0: np.uint64, k1: np.uint64,
) -> tuple[np.int32, float, float, float]:  # fmt: skip
    """Return the fate and place of a particle whose step ended in a sphere.

    The step was not checked against it, the third nearest: rare, as the second nearest bounds it.
    """
    if k == np.inf:
        return real, x, y, z
    if k > 0.0:
        w0, _, _, _ = block(s0, s1, n, _INSIDE, k0, k1)
        # The least local time of a path that came to this depth.
        if uniform(w0) > decline(-k * gap / d):
            return real, x, y, z
    lift = radius * (1.0 + 1e-9) / max(1e-12, radius + gap)
    x = min(size_x, max(0.0, cx + (x - cx) * lift))
    y = min(size_y, max(0.0, cy + (y - cy) * lift))
    z = min(size_z, max(0.0, cz + (z - cz) * lift))
    return np.int32(_FREE), x, y, z


@kernel
def fault_of(
    position: NDArray[np.float64], diffusivity: NDArray[np.float32], kind: NDArray[np.uint16],
    size: NDArray[np.float64], kinds: int,
) -> int:  # fmt: skip
    """Return what is wrong with particles, or 0."""
    in_box = diffusing = known = True
    # No way out of the loop, so that it becomes vector instructions; NaN fails each comparison.
    for i in range(kind.size):
        x, y, z, d = position[i, 0], position[i, 1], position[i, 2], diffusivity[i]
        in_box &= (x >= 0.0) & (x <= size[0]) & (y >= 0.0) & (y <= size[1])
        in_box &= (z >= 0.0) & (z <= size[2])
        diffusing &= (d >= 0.0) & (d < np.inf)
        known &= kind[i] < kinds
    if not in_box:
        return OUT_OF_BOX
    if not diffusing:
        return NOT_DIFFUSING
    return 0 if known else UNKNOWN_KIND


@kernel
def move(
    position: NDArray[np.float64], clock: NDArray[np.float64], slot: NDArray[np.uint64],
    diffusivity: NDArray[np.float32], draws: NDArray[np.uint32], fate: NDArray[np.int32],
    kind: NDArray[np.uint16], low: int, high: int, until: float, fixed: float, bounds: Bounds,
    g: Grid, k0: np.uint64, k1: np.uint64,
) -> int:  # fmt: skip
    """Move the particles from ``low`` to ``high`` up to the time ``until``; return the steps.

    Particles sit in lanes: each round draws the chance of one step for all lanes, as vector
    instructions, looks up the voxel of each, so that the memory of all is asked for at once, and
    then moves each lane by one step. The lane of a particle that is done takes the next one.
    Since chance has an address, neither lanes nor rounds change any result.
    """
    # Arrays out of their tuple, once: handing tuples on would count references at each step.
    spheres, real_of, uptake = g.spheres, g.real, g.uptake
    begin, listed, entry_gap, middle = g.start, g.listed, g.entry_gap, g.middle
    faces, face_permeability, shell, rates = g.faces, g.face_permeability, g.shell, g.decay
    size_x, size_y, size_z = g.size[0], g.size[1], g.size[2]
    per_x, per_y, per_z = g.voxels_per_um[0], g.voxels_per_um[1], g.voxels_per_um[2]
    edge_x, edge_y, edge_z = 1.0 / per_x, 1.0 / per_y, 1.0 / per_z
    count_x, count_y, count_z = g.counts[0], g.counts[1], g.counts[2]
    reach, flow = g.reach, g.flow
    ux, uy, uz = g.velocity[0], g.velocity[1], g.velocity[2]
    speed = np.sqrt(ux * ux + uy * uy + uz * uz) if flow != 0 else 0.0
    has_walls = False
    for f in range(6):
        has_walls = has_walls or faces[f] == 1
    tube, binding = g.tube, g.binding
    has_tube, binds = tube.size > 0, binding.size > 0
    in_lumen = False
    plain = fixed > 0.0 and not (flow != 0 or has_walls or has_tube or binds)
    per_second, per_angle, per_surface = (
        1.0 / bounds.second,
        1.0 / bounds.angle,
        1.0 / bounds.surface,
    )
    least = bounds.floor

    at = np.empty(_LANES, np.uint32)
    s0, s1 = np.empty(_LANES, np.uint64), np.empty(_LANES, np.uint64)
    n = np.empty(_LANES, np.uint64)
    now, end = np.empty(_LANES), np.empty(_LANES)
    px, py, pz = np.empty(_LANES), np.empty(_LANES), np.empty(_LANES)
    words, normals = np.empty((3, _LANES), np.int32), np.empty((3, _LANES), np.float32)
    nu = np.empty(_LANES)
    head, head_gap = np.empty(_LANES, np.uint32), np.empty(_LANES)
    off, clear = np.empty(_LANES), np.empty(_LANES)
    alone = np.empty(_LANES, np.bool_)
    first_entry, last_entry = np.empty(_LANES, np.uint32), np.empty(_LANES, np.uint32)
    vacant, outcome = np.arange(_LANES).astype(np.uint32), np.empty(_LANES, np.int32)
    vacated = _LANES
    lanes = _LANES
    steps = 0
    upcoming = low
    while True:
        # Next particles into vacant lanes; when there are none left, the last lanes move up.
        filled = 0
        while filled < vacated and upcoming < high:
            i = upcoming
            upcoming += 1
            if fate[i] != _FREE or clock[i] >= until:
                continue
            lane = vacant[filled]
            filled += 1
            at[lane], now[lane] = i, clock[i]
            s0[lane], s1[lane], n[lane] = slot[i] & _LOW, slot[i] >> _HALF, np.uint64(draws[i])
            px[lane], py[lane], pz[lane] = position[i, 0], position[i, 1], position[i, 2]
            end[lane] = until
            decay = rates[kind[i]]
            if binds:
                end[lane] = next_event(
                    s0[lane], s1[lane], now[lane], until, binding[kind[i]], decay, k0, k1
                )
            elif decay > 0.0:
                w0, _, _, _ = block(s0[lane], s1[lane], n[lane], _DECAY, k0, k1)
                end[lane] = min(until, now[lane] - np.log(uniform(w0)) / decay)
        for entry in range(vacated - 1, filled - 1, -1):
            lane = vacant[entry]
            lanes -= 1
            at[lane], now[lane], end[lane] = at[lanes], now[lanes], end[lanes]
            s0[lane], s1[lane], n[lane] = s0[lanes], s1[lanes], n[lanes]
            px[lane], py[lane], pz[lane] = px[lanes], py[lanes], pz[lanes]
        vacated = 0
        if lanes == 0:
            return steps
        draw_steps(s0, s1, n, _STEP, k0, k1, words, normals, nu, lanes)
        for lane in range(lanes):
            x, y, z = px[lane], py[lane], pz[lane]
            cell_x = min(count_x - 1, np.int64(x * per_x))
            cell_y = min(count_y - 1, np.int64(y * per_y))
            cell_z = min(count_z - 1, np.int64(z * per_z))
            v = (cell_x * count_y + cell_y) * count_z + cell_z
            dx, dy, dz = (
                x - (cell_x + 0.5) * edge_x,
                y - (cell_y + 0.5) * edge_y,
                z - (cell_z + 0.5) * edge_z,
            )
            off[lane] = np.sqrt(dx * dx + dy * dy + dz * dz)
            clear[lane] = middle[v] - off[lane]
            first_entry[lane], last_entry[lane] = begin[v], begin[v + 1]
            # A fixed step of which no path comes near a sphere needs no more than its end.
            alone[lane] = plain and clear[lane] > _FAR * np.sqrt(
                2.0 * diffusivity[at[lane]] * fixed
            )
        for lane in range(lanes):
            entry = first_entry[lane]
            if alone[lane]:
                continue
            if entry < last_entry[lane]:
                s = listed[entry]
                dx, dy, dz = (
                    px[lane] - spheres[s, 0],
                    py[lane] - spheres[s, 1],
                    pz[lane] - spheres[s, 2],
                )
                head[lane] = s
                head_gap[lane] = np.sqrt(dx * dx + dy * dy + dz * dz) - spheres[s, 3]
            else:
                head[lane], head_gap[lane] = 0, np.inf
        for lane in range(lanes):
            i = at[lane]
            d = np.float64(diffusivity[i])
            own = kind[i]
            x, y, z = px[lane], py[lane], pz[lane]
            left = end[lane] - now[lane]
            state = _FREE
            dt = min(fixed, left)
            spread2 = 2.0 * d * dt
            sigma = np.sqrt(spread2)
            if alone[lane]:
                x = fold(x + sigma * normals[0, lane], size_x, faces[0], faces[1])
                y = fold(y + sigma * normals[1, lane], size_y, faces[2], faces[3])
                z = fold(z + sigma * normals[2, lane], size_z, faces[4], faces[5])
                steps += 1
                n[lane] += np.uint64(1)
                if dt < left:
                    now[lane] += dt
                    px[lane], py[lane], pz[lane] = x, y, z
                    continue
                px[lane], py[lane], pz[lane] = x, y, z
                now[lane] = end[lane]
                outcome[vacated], vacant[vacated] = _FREE, lane
                vacated += 1
                continue

            if has_tube:
                in_lumen = above_wall(tube, x, y) < 0.0
            first = second = -1
            gap1 = gap2 = reach
            # In fixed steps only what a path can meet matters, unless there is a flow around it.
            within = _FAR * sigma if fixed > 0.0 and flow != 2 else reach
            gap2 = within
            if head_gap[lane] < within and not (
                has_tube and behind_wall(tube, spheres, head[lane], in_lumen)
            ):
                first, gap1 = head[lane], head_gap[lane]
            for entry in range(first_entry[lane] + 1, last_entry[lane]):
                # Nearest to the middle first: none that follows can be nearer than this.
                if entry_gap[entry] - off[lane] > gap2:
                    break
                s = listed[entry]
                if has_tube and behind_wall(tube, spheres, s, in_lumen):
                    continue
                dx, dy, dz = x - spheres[s, 0], y - spheres[s, 1], z - spheres[s, 2]
                gap = np.sqrt(dx * dx + dy * dy + dz * dz) - spheres[s, 3]
                if gap < gap1:
                    second, gap2 = first, min(gap1, gap2)
                    first, gap1 = s, gap
                elif gap < gap2:
                    second, gap2 = s, gap
            if gap1 < 0.0:
                state, x, y, z = inside(
                    x, y, z, spheres[first, 0], spheres[first, 1], spheres[first, 2],
                    spheres[first, 3], gap1, uptake[first, own], d, real_of[first],
                    size_x, size_y, size_z, s0[lane], s1[lane], n[lane], k0, k1,
                )  # fmt: skip
                gap1 = 0.0

            if state == _FREE:
                # How long a step: as long as the bounds allow, at most what is left.
                if fixed == 0.0:
                    wall = np.inf
                    if has_walls:
                        wall = min(wall, x if faces[0] == 1 else np.inf)
                        wall = min(wall, size_x - x if faces[1] == 1 else np.inf)
                        wall = min(wall, y if faces[2] == 1 else np.inf)
                        wall = min(wall, size_y - y if faces[3] == 1 else np.inf)
                        wall = min(wall, z if faces[4] == 1 else np.inf)
                        wall = min(wall, size_z - z if faces[5] == 1 else np.inf)
                    radius = spheres[first, 3] if first >= 0 else reach
                    dt = left
                    if d > 0.0:
                        # The first surface is carried by the bridge, the second bounds the step.
                        sigma = gap2
                        if wall < gap2:
                            sigma = max(gap1, wall)
                        sigma *= per_second
                        if first >= 0:
                            sigma = min(sigma, max(radius * per_angle, gap1 * (1 / 3)))
                            if speed > 0.0 or uptake[first, own] != np.inf:
                                sigma = min(sigma, max(radius, gap1) * per_surface)
                        sigma = max(sigma, least * radius)
                        dt = 0.5 * sigma * sigma / d
                    if speed > 0.0:
                        scale = max(min(gap1, wall), 0.25 * radius)
                        dt = min(dt, scale / (bounds.drift * speed))
                        if flow == 2 and first >= 0:
                            dt = min(dt, longest_in_shell(
                                gap1, radius, shell[real_of[first]] - radius, speed,
                                bounds.drift, bounds.floor,
                            ))  # fmt: skip
                    if has_tube:
                        dt = min(dt, longest_step(
                            tube, x, y, d, min(gap1, wall), bounds.second, bounds.surface,
                            bounds.floor,
                        ))  # fmt: skip
                    # Not a sliver of a step at the end.
                    dt = left if dt >= left else min(dt, 0.5 * left)
                    spread2 = 2.0 * d * dt
                    sigma = np.sqrt(spread2)

                x1 = x + sigma * normals[0, lane]
                y1 = y + sigma * normals[1, lane]
                z1 = z + sigma * normals[2, lane]
                if speed > 0.0 and not in_lumen:
                    vx, vy, vz = ux, uy, uz
                    if flow == 2 and first >= 0:
                        # The mean of the flow at the start and at the end as far as it is known
                        # (Heun): the random way is in it, so the error is of second order.
                        cx, cy, cz = spheres[first, 0], spheres[first, 1], spheres[first, 2]
                        radius, outer = spheres[first, 3], shell[real_of[first]]
                        ax, ay, az = around(x - cx, y - cy, z - cz, radius, outer, ux, uy, uz)
                        bx, by, bz = around(
                            x1 + ax * dt - cx, y1 + ay * dt - cy, z1 + az * dt - cz,
                            radius, outer, ux, uy, uz,
                        )  # fmt: skip
                        vx, vy, vz = 0.5 * (ax + bx), 0.5 * (ay + by), 0.5 * (az + bz)
                    x1, y1, z1 = x1 + vx * dt, y1 + vy * dt, z1 + vz * dt

                # Surfaces, the nearest first. One number serves both until one is touched; most
                # steps are far enough from both for it to say so at once.
                u = nu[lane]
                chance = turning = 0.0
                per_spread2 = 1.0 / spread2
                for which in range(2):
                    s, gap = (first, gap1) if which == 0 else (second, gap2)
                    if s >= 0 and gap <= _FAR * sigma:
                        radius, k = spheres[s, 3], uptake[s, own]
                        cx, cy, cz = spheres[s, 0], spheres[s, 1], spheres[s, 2]
                        gap_end = end_gap(
                            x - cx, y - cy, z - cz, x1 - cx, y1 - cy, z1 - cz, gap, radius, k
                        )
                        p = decline(max(0.0, 2.0 * gap * gap_end) * per_spread2)
                        chance += p
                        if k == np.inf and fixed == 0.0:
                            turning = max(turning, p)
                for which in range(2 if u < chance or turning > TURNED else 0):
                    s, gap = (first, gap1) if which == 0 else (second, gap2)
                    if s < 0 or gap > _FAR * sigma:
                        continue
                    radius, k = spheres[s, 3], uptake[s, own]
                    cx, cy, cz = spheres[s, 0], spheres[s, 1], spheres[s, 2]
                    dx, dy, dz = x1 - cx, y1 - cy, z1 - cz
                    gap_end = end_gap(x - cx, y - cy, z - cz, dx, dy, dz, gap, radius, k)
                    depth, u = touched(gap, gap_end, radius, spread2, u)
                    ex, ey, ez = (
                        (x - cx) / (radius + gap),
                        (y - cy) / (radius + gap),
                        (z - cz) / (radius + gap),
                    )
                    if depth <= 0.0:
                        if k == np.inf and fixed == 0.0:
                            dx, dy, dz = narrowed(
                                dx, dy, dz, ex, ey, ez, gap, gap_end, radius, spread2
                            )
                            x1, y1, z1 = cx + dx, cy + dy, cz + dz
                        continue
                    if k == np.inf:
                        state = real_of[s]
                        break
                    purpose = _FIRST if which == 0 else _SECOND
                    w0, w1, _, _ = block(s0[lane], s1[lane], n[lane], purpose, k0, k1)
                    if k > 0.0 and uniform(w0) > decline(k * depth / d):
                        state = real_of[s]
                        break
                    u = uniform(w1)
                    rise = dx * ex + dy * ey + dz * ez
                    # The way along the surface is an arc, at heights between those of the ends.
                    dx, dy, dz = dx - rise * ex, dy - rise * ey, dz - rise * ez
                    along = np.sqrt(dx * dx + dy * dy + dz * dz)
                    arc = along / (radius + 0.25 * (gap + gap_end + depth))
                    up = (radius + gap_end + depth) * np.cos(arc)
                    on = (radius + gap_end + depth) * np.sin(arc) / max(along, 1e-12)
                    x1 = cx + up * ex + on * dx
                    y1 = cy + up * ey + on * dy
                    z1 = cz + up * ez + on * dz

                if has_tube and state == _FREE:
                    x1, y1, z1, state, in_lumen = meet_wall(
                        tube, x, y, x1, y1, z1, d, dt, s0[lane], s1[lane], n[lane], k0, k1
                    )
                if has_walls and state == _FREE:
                    for face in range(6):
                        if faces[face] != 1:
                            continue
                        axis, far = face // 2, face % 2 == 1
                        p0 = x if axis == 0 else (y if axis == 1 else z)
                        p1 = x1 if axis == 0 else (y1 if axis == 1 else z1)
                        edge = size_x if axis == 0 else (size_y if axis == 1 else size_z)
                        b0 = edge - p0 if far else p0
                        b1 = edge - p1 if far else p1
                        if b1 > 0.0 and 2.0 * b0 * b1 > _NEGLIGIBLE * spread2:
                            continue
                        depth = -b1
                        w1 = np.uint64(0)
                        if d > 0.0:
                            w0, w1, _, _ = block(
                                s0[lane], s1[lane], n[lane], _FACE + np.uint64(face), k0, k1
                            )
                            depth, _ = touched(b0, b1, np.inf, spread2, uniform(w0))
                        if depth <= 0.0:
                            continue
                        k = face_permeability[face]
                        if k == np.inf or (d > 0.0 and uniform(w1) > np.exp(-k * depth / d)):
                            state = _LEFT - face
                            break
                        p1 += -depth if far else depth
                        if axis == 0:
                            x1 = p1
                        elif axis == 1:
                            y1 = p1
                        else:
                            z1 = p1
                x = fold(x1, size_x, faces[0], faces[1])
                y = fold(y1, size_y, faces[2], faces[3])
                z = fold(z1, size_z, faces[4], faces[5])
                if has_tube:
                    x, y = kept_on_side(tube, x, y, in_lumen)

            steps += 1
            n[lane] += np.uint64(1)
            if state == _FREE and dt < left:
                now[lane] += dt
                px[lane], py[lane], pz[lane] = x, y, z
                continue
            px[lane], py[lane], pz[lane] = x, y, z
            if binds and state == _FREE and end[lane] < until:
                state, now[lane], end[lane] = settled(
                    s0[lane], s1[lane], now[lane], end[lane], until, binding[own], rates[own],
                    in_lumen, k0, k1,
                )  # fmt: skip
                if state == _FREE:
                    continue
            else:
                now[lane] = end[lane] if dt >= left else now[lane] + dt
            outcome[vacated] = state
            vacant[vacated] = lane
            vacated += 1

        # Particles that are done. A last step may have ended in a sphere that it was not checked
        # against.
        for entry in range(vacated):
            lane = vacant[entry]
            x, y, z = px[lane], py[lane], pz[lane]
            cell_x = min(count_x - 1, np.int64(x * per_x))
            cell_y = min(count_y - 1, np.int64(y * per_y))
            cell_z = min(count_z - 1, np.int64(z * per_z))
            v = (cell_x * count_y + cell_y) * count_z + cell_z
            dx, dy, dz = (
                x - (cell_x + 0.5) * edge_x,
                y - (cell_y + 0.5) * edge_y,
                z - (cell_z + 0.5) * edge_z,
            )
            off[lane] = np.sqrt(dx * dx + dy * dy + dz * dz)
            clear[lane] = middle[v] - off[lane]
            first_entry[lane], last_entry[lane] = begin[v], begin[v + 1]
        for done in range(vacated):
            lane = vacant[done]
            i = at[lane]
            x, y, z = px[lane], py[lane], pz[lane]
            state = outcome[done]
            if state == _FREE and clear[lane] < 0.0:
                for entry in range(first_entry[lane], last_entry[lane]):
                    if entry_gap[entry] > off[lane]:
                        break
                    s = listed[entry]
                    cx, cy, cz, radius = spheres[s, 0], spheres[s, 1], spheres[s, 2], spheres[s, 3]
                    dx, dy, dz = x - cx, y - cy, z - cz
                    r2 = dx * dx + dy * dy + dz * dz
                    if r2 < radius * radius:
                        state, x, y, z = inside(
                            x, y, z, cx, cy, cz, radius, np.sqrt(r2) - radius, uptake[s, kind[i]],
                            np.float64(diffusivity[i]), real_of[s], size_x, size_y, size_z,
                            s0[lane], s1[lane], n[lane], k0, k1,
                        )  # fmt: skip
                        break
            if state == _FREE and end[lane] < until:
                state = _DECAYED
            position[i, 0], position[i, 1], position[i, 2] = x, y, z
            clock[i], draws[i], fate[i] = now[lane], np.uint32(n[lane]), state
