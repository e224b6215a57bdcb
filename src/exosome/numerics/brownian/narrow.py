"""Directions of those that live on beside a sphere that takes all.

A free step says where a path ends; that it never touched the sphere on its way says that it kept
away from it, where the same way along turns by a smaller angle. The angle that a path turns by
spreads with ``integral D dt / r^2``. Halfway between heights ``a`` and ``b``, a path that never
touched the surface has the mean height ``(F(m) - p F(n)) / (1 - p)``, with ``m = (a + b)/2``,
``n = (b - a)/2``, ``p = exp(-2 a b/spread2)`` and ``F`` the mean size of a normal number with
that mean and the variance ``spread2/4`` (reflection principle); any path has ``m``. The angle is
narrowed by the ratio of the two integrals by Simpson's rule. Its root would be the spread of
angles if ``1/r^2`` were that of the mean path; but free paths stray close to the centre, so their
integral is larger. The ratio in place of the root was chosen on one sphere (7.5 um, 3 um2/s)
and then held on others (docs/methods/space.md).
"""

from __future__ import annotations

import numpy as np

from exosome.numerics.brownian.compiled import inlined_kernel, kernel

# A chance to have touched below which those that did not turn nearly as all do.
TURNED = 0.1


@inlined_kernel
def _size(mean: float, variance: float) -> float:
    """Return the mean size of a normal number to 0.1 %; the closed form has an error function."""
    square = mean * mean
    return np.sqrt(square + 2.0 / np.pi * variance * np.exp(-0.565 * square / variance))


@kernel
def narrowed(
    dx: float, dy: float, dz: float, ex: float, ey: float, ez: float, gap: float, gap_end: float,
    radius: float, spread2: float,
) -> tuple[float, float, float]:  # fmt: skip
    """Return the end of a step (from the centre) that turned less, about the unit vector ``e``."""
    p = np.exp(-2.0 * gap * gap_end / spread2)
    if p < TURNED:
        return dx, dy, dz
    half, v = 0.5 * (gap + gap_end), 0.25 * spread2
    height = (_size(half, v) - p * _size(0.5 * (gap_end - gap), v)) / max(1.0 - p, 1e-9)
    r0, r1 = radius + gap, radius + gap_end
    ends = 1.0 / (r0 * r0) + 1.0 / (r1 * r1)
    ratio = (ends + 4.0 / (radius + height) ** 2) / (ends + 4.0 / (radius + half) ** 2)
    rise = dx * ex + dy * ey + dz * ez
    dx, dy, dz = dx - rise * ex, dy - rise * ey, dz - rise * ez
    along = np.sqrt(dx * dx + dy * dy + dz * dz)
    turn = np.arctan2(along, rise) * ratio
    up, on = r1 * np.cos(turn), r1 * np.sin(turn) / max(along, 1e-12)
    return up * ex + on * dx, up * ey + on * dy, up * ez + on * dz
