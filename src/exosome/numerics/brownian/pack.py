"""Spheres dropped at random, one by one, where they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.brownian.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TRIES_EACH = 3_000


@kernel
def _drop(
    tries: Floats, size: Floats, radius: float, keep: float, mode: int, extent: float,
    centres: Floats, found: int, grid: NDArray[np.int32], counts: NDArray[np.int64], cell: float,
) -> int:  # fmt: skip
    """Put down the tries that fit; return how many spheres there are then."""
    sx, sy, sz = size[0], size[1], size[2]
    apart2 = (2.0 * radius + keep) ** 2
    for t in range(tries.shape[0]):
        if found == centres.shape[0]:
            break
        x = radius + tries[t, 0] * (sx - 2.0 * radius)
        y = radius + tries[t, 1] * (sy - 2.0 * radius)
        z = radius + tries[t, 2] * (sz - 2.0 * radius)
        dx, dy, dz = x - 0.5 * sx, y - 0.5 * sy, z - 0.5 * sz
        if mode == 1:
            z = radius * (1.0 + 1e-9)
        elif (mode == 2 and dx * dx + dy * dy + dz * dz > (extent - radius) ** 2) or (
            mode == 3 and dx * dx + dy * dy < (extent + radius + keep) ** 2
        ):
            continue
        i, j, k = np.int64(x / cell), np.int64(y / cell), np.int64(z / cell)
        fits = True
        for a in range(max(0, i - 1), min(counts[0], i + 2)):
            for b in range(max(0, j - 1), min(counts[1], j + 2)):
                for c in range(max(0, k - 1), min(counts[2], k + 2)):
                    for slot in range(8):
                        other = grid[a, b, c, slot]
                        if other < 0 or not fits:
                            break
                        dx = centres[other, 0] - x
                        dy = centres[other, 1] - y
                        dz = centres[other, 2] - z
                        fits = dx * dx + dy * dy + dz * dz >= apart2
        if not fits:
            continue
        for slot in range(8):
            if grid[i, j, k, slot] < 0:
                grid[i, j, k, slot] = found
                break
        centres[found, 0], centres[found, 1], centres[found, 2] = x, y, z
        found += 1
    return found


def place(
    size_um: Floats, radius_um: float, count: int, keep_um: float, mode: int, extent_um: float,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """Return centres of up to ``count`` equal spheres that keep a distance and fit the box.

    Parameters
    ----------
    mode : int
        0 anywhere, 1 on the floor, 2 in a ball of radius ``extent_um`` in the middle, 3 outside
        a cylinder of that radius along the third axis.

    Notes
    -----
    Fewer come back if thousands of tries for each found no place.
    """
    cell = 2.0 * radius_um + keep_um
    counts = np.maximum(1, np.ceil(size_um / cell)).astype(np.int64)
    # Centres a diameter apart: at most eight of them share a cube of one diameter.
    grid = np.full((*counts.tolist(), 8), -1, np.int32)
    centres = np.empty((count, 3))
    found, tried = 0, 0
    while found < count and tried < _TRIES_EACH * count:
        tries = rng.random((20_000, 3))
        found = int(
            _drop(
                tries, size_um, radius_um, keep_um, mode, extent_um, centres, found, grid, counts,
                cell,
            )
        )  # fmt: skip
        tried += tries.shape[0]
    return centres[:found]
