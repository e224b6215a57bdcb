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
from exosome.numerics.brownian.narrow import narrowed
from exosome.numerics.brownian.philox import block, draw_steps, uniform
from exosome.numerics.brownian.shell import longest_in_shell
from exosome.numerics.brownian.tube import above_wall, kept_on_side, longest_step, meet_wall

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.brownian.accuracy import Bounds
    from exosome.numerics.brownian.world import Grid

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
# What a block of chance is for: the last word of its counter.
_STEP, _MORE, _DECAY, _INSIDE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_FACE = np.uint64(16)
_LANES = 128
_FREE, _DECAYED, _LEFT = -1, -2, -10
_NEGLIGIBLE = 25.0  # exp(-25) = 1e-11: below what 32-bit chance resolves


@inlined_kernel
def touched(a: float, b: float, radius: float, spread2: float, u: float) -> float:
    """Return how deep the path went below a surface, from gaps ``a`` to ``b``; 0 if it did not.

    ``spread2`` is 2 D dt. A plane has an infinite radius.
    """
    p = 1.0
    if b >= 0.0:
        p = np.exp(-2.0 * a * b / spread2)
    q = 0.0
    e = 2.0 * (radius + a) * max(radius + b, 0.0) / spread2
    if e < _NEGLIGIBLE:
        q = np.exp(-e)
    v = q + (1.0 - q) * u
    if b >= 0.0 and v >= p:
        return 0.0
    d = a - b
    return max(0.0, 0.5 * (np.sqrt(d * d - 2.0 * spread2 * np.log(v)) - a - b))


@inlined_kernel
def fold(p: float, size: float, low: np.int8, high: np.int8) -> float:
    """Return a coordinate brought back into the box by its reflecting or periodic faces."""
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


@kernel
def move(
    position: NDArray[np.float64], clock: NDArray[np.float64], slot: NDArray[np.uint64],
    diffusivity: NDArray[np.float32], draws: NDArray[np.uint32], fate: NDArray[np.int32],
    kind: NDArray[np.uint16], low: int, high: int, until: float, fixed: float, bounds: Bounds,
    g: Grid, k0: np.uint64, k1: np.uint64,
) -> int:  # fmt: skip
    """Move the particles from ``low`` to ``high`` up to the time ``until``; return the steps.

    Particles sit in lanes: each round draws the chance of one step for all lanes, as vector
    instructions, and then moves each lane by one step. A lane whose particle is done takes the
    next one. Since chance has an address, neither lanes nor rounds change any result.
    """
    # Arrays out of their tuple, once: handing tuples on would count references at each step.
    spheres, real_of, kind_of, permeability = g.spheres, g.real, g.kind_of, g.permeability
    open_share, begin, listed, clearance = g.open_share, g.start, g.listed, g.clearance
    faces, face_permeability, shell, rates = g.faces, g.face_permeability, g.shell, g.decay
    size_x, size_y, size_z = g.size[0], g.size[1], g.size[2]
    per_x, per_y, per_z = g.voxels_per_um[0], g.voxels_per_um[1], g.voxels_per_um[2]
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

    at = np.empty(_LANES, np.int64)
    s0, s1 = np.empty(_LANES, np.uint64), np.empty(_LANES, np.uint64)
    n = np.empty(_LANES, np.uint64)
    now, end = np.empty(_LANES), np.empty(_LANES)
    px, py, pz = np.empty(_LANES), np.empty(_LANES), np.empty(_LANES)
    nx, ny, nz, nu = np.empty(_LANES), np.empty(_LANES), np.empty(_LANES), np.empty(_LANES)
    steps = 0
    lanes = 0
    upcoming = low
    while True:
        while lanes < _LANES and upcoming < high:
            i = upcoming
            upcoming += 1
            if fate[i] != _FREE or clock[i] >= until:
                continue
            at[lanes], now[lanes] = i, clock[i]
            s0[lanes], s1[lanes], n[lanes] = slot[i] & _LOW, slot[i] >> _HALF, np.uint64(draws[i])
            px[lanes], py[lanes], pz[lanes] = position[i, 0], position[i, 1], position[i, 2]
            end[lanes] = until
            decay = rates[kind[i]]
            if binds:
                end[lanes] = next_event(
                    s0[lanes], s1[lanes], now[lanes], until, binding[kind[i]], decay, k0, k1
                )
            elif decay > 0.0:
                w0, _, _, _ = block(s0[lanes], s1[lanes], n[lanes], _DECAY, k0, k1)
                end[lanes] = min(until, now[lanes] - np.log(uniform(w0)) / decay)
            lanes += 1
        if lanes == 0:
            return steps
        draw_steps(s0, s1, n, _STEP, k0, k1, nx, ny, nz, nu, lanes)
        lane = 0
        while lane < lanes:
            i = at[lane]
            d = np.float64(diffusivity[i])
            own = kind[i]
            x, y, z = px[lane], py[lane], pz[lane]
            left = end[lane] - now[lane]
            state = _FREE
            dt = 0.0
            if has_tube:
                in_lumen = above_wall(tube, x, y) < 0.0
            # Twice at most: to find what limits the step, and after the last one of a particle.
            for turn in range(2):
                if turn == 1 and (state != _FREE or dt < left):
                    break
                cell_x = min(count_x - 1, max(0, np.int64(x * per_x)))
                cell_y = min(count_y - 1, max(0, np.int64(y * per_y)))
                cell_z = min(count_z - 1, max(0, np.int64(z * per_z)))
                v = (cell_x * count_y + cell_y) * count_z + cell_z
                clear = np.float64(clearance[v])
                first = second = -1
                gap1 = gap2 = reach
                # Nothing to look for: at the end where no sphere is, and in fixed steps of which
                # no path comes near one (7 sigma).
                if turn == 1:
                    looks = clear <= 0.0
                else:
                    looks = not (fixed > 0.0 and clear > 0.0 and clear * clear > 98.0 * d * fixed)
                if looks or (turn == 0 and flow == 2):
                    for entry in range(begin[v], begin[v + 1]):
                        s = listed[entry]
                        if has_tube and in_lumen != (
                            above_wall(tube, spheres[s, 0], spheres[s, 1]) < 0.0
                        ):
                            continue  # behind the wall
                        dx, dy, dz = x - spheres[s, 0], y - spheres[s, 1], z - spheres[s, 2]
                        gap = np.sqrt(dx * dx + dy * dy + dz * dz) - spheres[s, 3]
                        if gap < gap1:
                            second, gap2 = first, gap1
                            first, gap1 = s, gap
                        elif gap < gap2:
                            second, gap2 = s, gap
                if gap1 < 0.0:
                    # A step ended in a sphere that it was not checked against, the third nearest:
                    # rare, as the second nearest bounds it.
                    real = real_of[first]
                    radius = spheres[first, 3]
                    k = permeability[kind_of[real], own] * open_share[real]
                    if k == np.inf:
                        state = real
                    elif k > 0.0:
                        w0, _, _, _ = block(s0[lane], s1[lane], n[lane], _INSIDE, k0, k1)
                        # The least local time of a path that came to this depth.
                        if uniform(w0) > np.exp(k * gap1 / d):
                            state = real
                    if state == _FREE:
                        lift = radius * (1.0 + 1e-9) / max(1e-12, radius + gap1)
                        x = spheres[first, 0] + (x - spheres[first, 0]) * lift
                        y = spheres[first, 1] + (y - spheres[first, 1]) * lift
                        z = spheres[first, 2] + (z - spheres[first, 2]) * lift
                        x = min(size_x, max(0.0, x))
                        y = min(size_y, max(0.0, y))
                        z = min(size_z, max(0.0, z))
                        gap1 = 0.0
                if turn == 1 or state != _FREE:
                    break

                # How long a step: as long as the bounds allow, at most what is left.
                if fixed > 0.0:
                    dt = min(fixed, left)
                else:
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
                        sigma /= bounds.second
                        if first >= 0:
                            sigma = min(sigma, max(radius / bounds.angle, gap1 / 3.0))
                            soft = permeability[kind_of[real_of[first]], own] != np.inf
                            if soft or speed > 0.0:
                                sigma = min(sigma, max(radius, gap1) / bounds.surface)
                        sigma = max(sigma, bounds.floor * radius)
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
                x1, y1, z1 = x + sigma * nx[lane], y + sigma * ny[lane], z + sigma * nz[lane]
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

                # Surfaces, the nearest first, which uses the number already drawn.
                drawn = False
                e0 = e1 = e2 = np.uint64(0)
                for which in range(2):
                    s = first if which == 0 else second
                    gap = gap1 if which == 0 else gap2
                    if s < 0 or gap > 6.5 * sigma:
                        continue
                    radius = spheres[s, 3]
                    cx, cy, cz = spheres[s, 0], spheres[s, 1], spheres[s, 2]
                    dx, dy, dz = x1 - cx, y1 - cy, z1 - cz
                    r1 = np.sqrt(dx * dx + dy * dy + dz * dz)
                    if 2.0 * gap * (r1 - radius) > _NEGLIGIBLE * spread2:
                        continue
                    real = real_of[s]
                    k = permeability[kind_of[real], own] * open_share[real]
                    gap_end = r1 - radius
                    r0 = radius + gap
                    ex, ey, ez = (x - cx) / r0, (y - cy) / r0, (z - cz) / r0
                    if k != np.inf:
                        # A path that lives on meets the surface, not what is below: its way along
                        # the surface curves with the radius, not with that of a point inside.
                        rise = dx * ex + dy * ey + dz * ez
                        along2 = max(0.0, r1 * r1 - rise * rise)
                        if rise < radius:
                            gap_end = rise - radius + 0.5 * along2 / radius
                    u = nu[lane]
                    if which == 1:
                        if not drawn:
                            e0, e1, e2, _ = block(s0[lane], s1[lane], n[lane], _MORE, k0, k1)
                            drawn = True
                        u = uniform(e0)
                    depth = touched(gap, gap_end, radius, spread2, u)
                    if depth <= 0.0:
                        if k == np.inf and fixed == 0.0:
                            dx, dy, dz = narrowed(
                                dx, dy, dz, ex, ey, ez, gap, gap_end, radius, spread2
                            )
                            x1, y1, z1 = cx + dx, cy + dy, cz + dz
                        continue
                    if k == np.inf:
                        state = real
                        break
                    if k > 0.0:
                        if not drawn:
                            e0, e1, e2, _ = block(s0[lane], s1[lane], n[lane], _MORE, k0, k1)
                            drawn = True
                        if uniform(e1 if which == 0 else e2) > np.exp(-k * depth / d):
                            state = real
                            break
                    # The way along the surface is an arc, at heights between those of the ends.
                    rise = dx * ex + dy * ey + dz * ez
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
                            depth = touched(b0, b1, np.inf, spread2, uniform(w0))
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
                lane += 1
                continue
            if binds and state == _FREE and end[lane] < until:
                state, now[lane], end[lane] = settled(
                    s0[lane], s1[lane], now[lane], end[lane], until, binding[own], rates[own],
                    in_lumen, k0, k1,
                )  # fmt: skip
                if state == _FREE:
                    px[lane], py[lane], pz[lane] = x, y, z
                    lane += 1
                    continue
            else:
                now[lane] = end[lane] if dt >= left else now[lane] + dt
                if state == _FREE and end[lane] < until:
                    state = _DECAYED
            position[i, 0], position[i, 1], position[i, 2] = x, y, z
            clock[i], draws[i], fate[i] = now[lane], np.uint32(n[lane]), state
            lanes -= 1
            at[lane], now[lane], end[lane] = at[lanes], now[lanes], end[lanes]
            s0[lane], s1[lane], n[lane] = s0[lanes], s1[lanes], n[lanes]
            px[lane], py[lane], pz[lane] = px[lanes], py[lanes], pz[lanes]
            nx[lane], ny[lane], nz[lane], nu[lane] = nx[lanes], ny[lanes], nz[lanes], nu[lanes]
