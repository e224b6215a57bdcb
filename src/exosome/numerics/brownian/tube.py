"""A vessel: a straight tube along the third axis, its thin wall, and the flow inside.

Across a thin wall of permeability ``P`` the flux is ``P (c_in - c_out)``. The distance of a path
from such a plane is that of a reflected path; only its side changes, at a rate of ``P/D`` per local
time (the snapping-out Brownian motion). So after a local time ``L`` it stands on the other side
with probability ``(1 - exp(-2 P L / D)) / 2``, however often it went through: exact for a plane
and any ``P``, and ``1 - exp(-P L / D)`` where ``P L`` is small. Uptake by the wall itself comes
first, with ``1 - exp(-u L / D)``.

The distance from the axis is a Bessel process of dimension two. Its bridge is that of a Brownian
path weighted by ``exp(integral of D/(4 r^2))``; the weight is left out, so the bridge at the wall
is that of a plane between the two true distances. What that neglects is of the order of
``D dt / (4 R^2)``, and `Bounds.surface` keeps sigma below a part of the radius (or of the gap).

References
----------
.. [1] Lejay, "The snapping out Brownian motion", Ann. Appl. Probab. 26 (2016); recalled.
.. [2] Taylor (1953), Aris (1956): dispersion in a tube, ``D (1 + Pe^2/48)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.brownian.compiled import inlined_kernel, kernel
from exosome.numerics.brownian.philox import block, centred, normal, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WALL = -3  # fate of what the wall of a tube took up
_TUBE, _SHEAR = np.uint64(4), np.uint64(5)  # what a block of chance is for
_NEGLIGIBLE = 25.0
_BEND = 0.3
_FREE = -1


@dataclass(frozen=True, slots=True)
class Tube:
    """A circular cylinder along the whole third axis of the box, with a thin wall.

    Parameters
    ----------
    centre_um : pair of float
        Where its axis crosses the plane of the first two axes.
    radius_um : float
    permeability_um_per_s : float
        Flux through the wall over the difference of the concentrations at its two sides; 0 lets
        nothing through, inf is no wall at all.
    uptake_um_per_s : float
        Flux into the wall itself over the concentration at it, from either side; inf takes all
        that touches. The fate of what it took is `WALL`.
    mean_speed_um_per_s : float
        Mean speed of the flow inside, along the third axis: ``v = 2 U (1 - r^2/R^2)``.

    Raises
    ------
    InputError
        A number that is not finite (but for the two fluxes), negative, or a radius of zero.
    """

    centre_um: tuple[float, float]
    radius_um: float
    permeability_um_per_s: float
    uptake_um_per_s: float = 0.0
    mean_speed_um_per_s: float = 0.0

    def __post_init__(self) -> None:
        rules = {
            "the axis of a tube must be finite": all(map(math.isfinite, self.centre_um)),
            "the radius of a tube must be positive and finite": 0.0 < self.radius_um < math.inf,
            "permeability and uptake of a tube's wall must be zero or more": (
                self.permeability_um_per_s >= 0.0 and self.uptake_um_per_s >= 0.0
            ),
            "the speed in a tube must be finite": math.isfinite(self.mean_speed_um_per_s),
        }
        for rule, holds in rules.items():
            if not holds:
                raise InputError(rule, where="space", remedy="mend the numbers of the tube")

    def height_um(self, at_um: Floats) -> Floats:
        """Return how far places are outside the wall; negative inside, shape (place,)."""
        apart = at_um[:, :2] - np.asarray(self.centre_um)
        return np.sqrt((apart**2).sum(axis=1)) - self.radius_um

    def holds(self, at_um: Floats) -> NDArray[np.bool_]:
        """Return which places lie inside."""
        return self.height_um(at_um) < 0.0

    def speed_um_per_s(self, at_um: Floats) -> Floats:
        """Return the speed of the flow along the third axis at places; 0 outside."""
        share = 1.0 - ((self.height_um(at_um) + self.radius_um) / self.radius_um) ** 2
        return 2.0 * self.mean_speed_um_per_s * np.maximum(0.0, share)


def row_of(tube: Tube | None, images_um: Floats) -> Floats:
    """Return the tube as the kernels read it: six numbers, then axes of its images.

    An empty array is no tube. ``images_um`` has the shape (image, 2).
    """
    if tube is None:
        return np.empty(0)
    own = [
        *tube.centre_um, tube.radius_um, tube.permeability_um_per_s, tube.uptake_um_per_s,
        tube.mean_speed_um_per_s,
    ]  # fmt: skip
    return np.concatenate([np.array(own, dtype=np.float64), images_um.ravel()])


@inlined_kernel
def _deep(a: float, b: float, spread2: float, u: float) -> float:
    """Return how deep a path between gaps ``a`` and ``b`` went below a plane; 0 if it did not."""
    return max(0.0, 0.5 * (np.sqrt((a - b) ** 2 - 2.0 * spread2 * np.log(u)) - a - b))


@kernel
def _mean_height(a: float, b: float, spread2: float) -> float:
    """Return the mean over a Brownian bridge of its distance from zero: Gauss, three points."""
    total = 0.0
    for i in range(3):
        s = 0.5 + (i - 1) * 0.3872983346207417
        weight = 8.0 / 18.0 if i == 1 else 5.0 / 18.0
        m, v = a + (b - a) * s, spread2 * s * (1.0 - s)
        folded = m * math.erf(m / np.sqrt(2.0 * v)) + np.sqrt(2.0 * v / np.pi) * np.exp(
            -0.5 * m * m / v
        )
        total += weight * folded
    return total


@kernel
def above_wall(tube: Floats, x: float, y: float) -> float:
    """Return how far a place is outside the wall; negative inside."""
    dx, dy = x - tube[0], y - tube[1]
    return np.sqrt(dx * dx + dy * dy) - tube[2]


@kernel
def longest_step(
    tube: Floats, x: float, y: float, d: float, nearest: float, second: float, surface: float,
    floor: float,
) -> float:  # fmt: skip
    """Return the longest step that the wall and its images at the faces allow, in s.

    The bridge carries the nearest surface, so the second nearest bounds sigma; ``nearest`` is
    the gap to whatever else is there.
    """
    if d <= 0.0:
        return np.inf
    height = above_wall(tube, x, y)
    gap, radius = abs(height), tube[2]
    sigma = max(gap, nearest) / second
    if height > 0.0:
        for image in range(6, tube.size, 2):
            dx, dy = x - tube[image], y - tube[image + 1]
            sigma = min(sigma, (np.sqrt(dx * dx + dy * dy) - radius) / second)
    sigma = max(min(sigma, max(gap, radius) / surface), floor * radius)
    return 0.5 * sigma * sigma / d


@kernel
def meet_wall(
    tube: Floats, x: float, y: float, x1: float, y1: float, z1: float, d: float, dt: float,
    s0: np.uint64, s1: np.uint64, n: np.uint64, k0: np.uint64, k1: np.uint64,
) -> tuple[float, float, float, int, bool]:  # fmt: skip
    """Return where a step ends after the wall and the flow inside, its fate, and if inside."""
    radius, through, into, mean_speed = tube[2], tube[3], tube[4], tube[5]
    ax, ay, bx, by = x - tube[0], y - tube[1], x1 - tube[0], y1 - tube[1]
    spread2 = 2.0 * d * dt
    r0 = np.sqrt(ax * ax + ay * ay)
    r1 = np.sqrt(bx * bx + by * by)
    inside = r0 < radius
    side = -1.0 if inside else 1.0
    gap, gap_end = side * (r0 - radius), side * (r1 - radius)
    state = _FREE
    ends_inside = inside
    touches = gap_end <= 0.0 or 2.0 * gap * gap_end <= _NEGLIGIBLE * spread2
    touches = touches and spread2 > 0.0
    if touches:
        w0, w1, w2, _ = block(s0, s1, n, _TUBE, k0, k1)
        ex, ey = (ax / r0, ay / r0) if r0 > 0.0 else (1.0, 0.0)
        rise = bx * ex + by * ey
        tx, ty = bx - rise * ex, by - rise * ey
        along = np.sqrt(tx * tx + ty * ty)
        flat = side * (rise - radius)
        u = uniform(w0)
        if through > 0.0:
            # Twice the depth of the lower of the two ends mirrored up: the local time at a wall
            # that lets all through, from either side. If the wall let the path choose its side
            # anew, at a rate of 2 P/D of it, the path ends as a free one does; if not, at the
            # mirror image.
            depth = 2.0 * _deep(gap, gap_end, spread2, u) + min(0.0, 2.0 * gap_end)
            free = depth > 0.0 and uniform(w2) > np.exp(-2.0 * through * depth / d)
            height, arc = abs(flat), along / radius
            moves = gap_end < 0.0 and not free
            ends_inside = r1 < radius if free else inside
            if not free:
                # Such a path never strayed behind the wall, where the bend pulls the other way:
                # from inside it meets the wall more. The factor was chosen on one radius.
                depth *= 1.0 - side * _BEND * np.sqrt(spread2) / radius
        else:
            # A path that lives on meets the wall and not what is behind it: its way along the
            # wall curves with the radius.
            free = False
            if flat < 0.0 and into != np.inf:
                gap_end = flat + side * 0.5 * along * along / radius
            depth = _deep(gap, gap_end, spread2, u)
            height = gap_end + depth
            arc = along / (radius + side * 0.25 * (gap + height))
            moves = depth > 0.0
        if depth > 0.0 and (
            into == np.inf or (into > 0.0 and uniform(w1) > np.exp(-into * depth / d))
        ):
            state = WALL
        elif moves:
            up = max(0.0, radius + side * height)
            on = up * np.sin(arc) / max(along, 1e-12)
            up *= np.cos(arc)
            bx, by = up * ex + on * tx, up * ey + on * ty
    if mean_speed != 0.0 and (inside or ends_inside):
        if touches:
            # Of a path between two heights that the wall reflects, with or without touching it:
            # those of the free path and, with weight q, of that to the mirror image. The variance
            # is that of a path from the wall to the wall, 7/60 - pi/32.
            high = abs(np.sqrt(bx * bx + by * by) - radius)
            q = np.exp(-2.0 * gap * high / spread2)
            height = _mean_height(gap, high, spread2) + q * _mean_height(gap, -high, spread2)
            height /= 1.0 + q
            square = radius * (radius - 2.0 * height) + spread2 / 6.0
            square += (gap * gap + high * high + (1.0 - q) / (1.0 + q) * gap * high) / 3.0
            spread = 0.0185 * 4.0 * radius * radius * spread2
        else:
            # r^2 over the bridge between two places has this mean and variance, so a path that
            # is free is carried with both exact.
            mx, my, px, py = 0.5 * (ax + bx), 0.5 * (ay + by), bx - ax, by - ay
            square = mx * mx + my * my + (px * px + py * py) / 12.0 + spread2 / 3.0
            spread = 4.0 * spread2 * (
                (mx * mx + my * my) / 12.0 + (px * px + py * py) / 720.0
            ) + spread2 * spread2 / 22.5  # fmt: skip
        w0, _, _, _ = block(s0, s1, n, _SHEAR, k0, k1)
        slow = (square + np.sqrt(spread) * normal(centred(w0))) / (radius * radius)
        share = 1.0 if inside == ends_inside else 0.5
        z1 += share * 2.0 * mean_speed * (1.0 - slow) * dt
    return tube[0] + bx, tube[1] + by, z1, state, ends_inside


@kernel
def kept_on_side(tube: Floats, x: float, y: float, inside: bool) -> tuple[float, float]:
    """Return a place put back to its side of the wall, if rounding or a face put it off."""
    height = above_wall(tube, x, y)
    if (height < 0.0) == inside:
        return x, y
    radius = tube[2]
    lift = radius * ((1.0 - 1e-9) if inside else (1.0 + 1e-9)) / max(1e-12, radius + height)
    return tube[0] + (x - tube[0]) * lift, tube[1] + (y - tube[1]) * lift
