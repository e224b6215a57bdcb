"""From a point to the spheres near it, in one look-up."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.brownian.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Indices = NDArray[np.int32]

_VOXELS_PER_SPACING = 3.5
_SLABS = 8
_BLOCK = 2  # voxels along each axis whose spheres are searched for together
_ROUNDING = 1e-3  # um: more than what single precision takes from a gap


@dataclass(frozen=True, slots=True, eq=False)
class Voxels:
    """A grid over the box, with a list of spheres for each voxel.

    Of ``listed``, the entries ``start[v]`` to ``start[v + 1]`` hold every sphere (or image) that
    is nearest or second nearest to some point of voxel ``v``, up to the reach of the world, by
    ``entry_gap_um``, their gap from the middle of the voxel.
    ``middle_um[v]`` is the gap from the middle of the voxel to the nearest sphere, up to the
    reach: a point at a distance from the middle has no sphere nearer than the difference.
    ``nearest_um`` is the gap from each real sphere to the next.
    """

    counts: NDArray[np.int64]
    start: NDArray[np.uint32]
    listed: NDArray[np.uint32]
    entry_gap_um: NDArray[np.float32]
    middle_um: NDArray[np.float32]
    nearest_um: Floats


@kernel
def _bins(spheres: Floats, low: Floats, edge: float, counts: Ints) -> tuple[Ints, Indices]:
    """Return the spheres sorted by the bin of their centre."""
    n = spheres.shape[0]
    where = np.empty(n, np.int64)
    start = np.zeros(counts[0] * counts[1] * counts[2] + 1, np.int64)
    for j in range(n):
        v = np.int64(0)
        for a in range(3):
            c = min(counts[a] - 1, max(0, np.int64((spheres[j, a] - low[a]) / edge)))
            v = v * counts[a] + c
        where[j] = v
        start[v + 1] += 1
    for v in range(start.size - 1):
        start[v + 1] += start[v]
    fill = start.copy()
    held = np.empty(n, np.int32)
    for j in range(n):
        held[fill[where[j]]] = j
        fill[where[j]] += 1
    return start, held


@kernel
def _search(
    x: float, y: float, z: float, spheres: Floats, low: Floats, edge: float, counts: Ints,
    start: Ints, held: Indices, largest: float, limit: float, skip: int, near: Indices,
    gaps: Floats,
) -> tuple[int, float, float]:  # fmt: skip
    """Fill ``near`` and ``gaps`` with spheres whose gap is within ``limit(second gap)``.

    Rings of bins are opened until no closer sphere can follow. Returns the number found, and
    the smallest and second smallest gap.
    """
    c = (
        min(counts[0] - 1, max(0, np.int64((x - low[0]) / edge))),
        min(counts[1] - 1, max(0, np.int64((y - low[1]) / edge))),
        min(counts[2] - 1, max(0, np.int64((z - low[2]) / edge))),
    )
    found = 0
    first = second = np.inf
    ring = 0
    most = max(counts[0], max(counts[1], counts[2]))
    while ring <= most:
        for i in range(max(0, c[0] - ring), min(counts[0], c[0] + ring + 1)):
            for j in range(max(0, c[1] - ring), min(counts[1], c[1] + ring + 1)):
                shell = abs(i - c[0]) == ring or abs(j - c[1]) == ring
                step = 1 if shell or ring == 0 else 2 * ring
                for k in range(c[2] - ring, c[2] + ring + 1, step):
                    if k < 0 or k >= counts[2]:
                        continue
                    v = (i * counts[1] + j) * counts[2] + k
                    for at in range(start[v], start[v + 1]):
                        s = held[at]
                        if s == skip:
                            continue
                        dx, dy, dz = spheres[s, 0] - x, spheres[s, 1] - y, spheres[s, 2] - z
                        gap = np.sqrt(dx * dx + dy * dy + dz * dz) - spheres[s, 3]
                        if found < near.size:
                            near[found], gaps[found] = s, gap
                            found += 1
                        if gap < first:
                            first, second = gap, first
                        elif gap < second:
                            second = gap
        # Everything not opened yet is at least this far away.
        beyond = ring * edge - largest
        if beyond > second + limit or (beyond > limit and second == np.inf and ring >= most):
            break
        ring += 1
    return found, first, second


@kernel
def _slab(
    size: Floats, voxels: Ints, spheres: Floats, low: Floats, edge: float, counts: Ints,
    start: Ints, held: Indices, largest: float, reach: float, begin: int, end: int,
) -> tuple[Indices, NDArray[np.float32], NDArray[np.uint32], NDArray[np.float32]]:  # fmt: skip
    """Return lengths and middles of the voxels of a slab along x, and the lists one by one.

    Spheres that matter to a block of voxels are searched for once, then told apart voxel by voxel.
    """
    ny, nz = voxels[1], voxels[2]
    lengths = np.zeros((end - begin) * ny * nz, np.int32)
    middle = np.empty(lengths.size, np.float32)
    listed = np.empty(8 * lengths.size, np.int32)
    entry_gap = np.empty(listed.size, np.float32)
    near = np.empty(4096, np.int32)
    gaps = np.empty(4096)
    h = size / voxels
    half = 0.5 * np.sqrt(h[0] * h[0] + h[1] * h[1] + h[2] * h[2])
    offset = np.zeros(lengths.size + 1, np.int64)
    at = np.int64(0)
    order = np.empty(lengths.size, np.int64)
    done = 0
    for i0 in range(begin, end, _BLOCK):
        for j0 in range(0, ny, _BLOCK):
            for k0 in range(0, nz, _BLOCK):
                i1, j1, k1 = min(end, i0 + _BLOCK), min(ny, j0 + _BLOCK), min(nz, k0 + _BLOCK)
                found, _, second = _search(
                    0.5 * (i0 + i1) * h[0], 0.5 * (j0 + j1) * h[1], 0.5 * (k0 + k1) * h[2],
                    spheres, low, edge, counts, start, held, largest, 2.0 * _BLOCK * half, -1,
                    near, gaps,
                )  # fmt: skip
                kept = 0
                for n in range(found):
                    if gaps[n] <= second + 2.0 * _BLOCK * half:
                        near[kept] = near[n]
                        kept += 1
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        for k in range(k0, k1):
                            x, y, z = (i + 0.5) * h[0], (j + 0.5) * h[1], (k + 0.5) * h[2]
                            first = second = np.inf
                            for n in range(kept):
                                s = near[n]
                                dx, dy, dz = spheres[s, 0] - x, spheres[s, 1] - y, spheres[s, 2] - z
                                gap = np.sqrt(dx * dx + dy * dy + dz * dz) - spheres[s, 3]
                                gaps[n] = gap
                                if gap < first:
                                    first, second = gap, first
                                elif gap < second:
                                    second = gap
                            v = ((i - begin) * ny + j) * nz + k
                            middle[v] = np.float32(min(first, reach) - _ROUNDING)
                            bound = min(second + 2.0 * half, reach + half)
                            order[done], offset[done] = v, at
                            done += 1
                            if at + kept > listed.size:
                                listed = np.concatenate((listed, np.empty_like(listed)))
                                entry_gap = np.concatenate((entry_gap, np.empty_like(entry_gap)))
                            # Nearest first, so that a search can end early.
                            for n in range(kept):
                                if gaps[n] > bound:
                                    continue
                                to = at + lengths[v]
                                gap = np.float32(gaps[n] - _ROUNDING)
                                while to > at and entry_gap[to - 1] > gap:
                                    entry_gap[to], listed[to] = entry_gap[to - 1], listed[to - 1]
                                    to -= 1
                                entry_gap[to], listed[to] = gap, near[n]
                                lengths[v] += 1
                            at += lengths[v]
    # From the order of blocks to that of voxels.
    begins = np.zeros(lengths.size + 1, np.int64)
    for v in range(lengths.size):
        begins[v + 1] = begins[v] + lengths[v]
    sorted_listed, sorted_gap = np.empty(at, np.uint32), np.empty(at, np.float32)
    for n in range(done):
        v = order[n]
        for m in range(lengths[v]):
            sorted_listed[begins[v] + m] = listed[offset[n] + m]
            sorted_gap[begins[v] + m] = entry_gap[offset[n] + m]
    return lengths, middle, sorted_listed, sorted_gap


@kernel
def _nearest(
    spheres: Floats, real: int, low: Floats, edge: float, counts: Ints, start: Ints,
    held: Indices, largest: float,
) -> tuple[Floats, Ints]:  # fmt: skip
    """Return for each real sphere its gap to the next sphere or image, and which."""
    gap = np.full(real, np.inf)
    which = np.full(real, -1, np.int64)
    near = np.empty(4096, np.int32)
    gaps = np.empty(4096)
    for s in range(real):
        found, _, _ = _search(
            spheres[s, 0], spheres[s, 1], spheres[s, 2],
            spheres, low, edge, counts, start, held, largest, 0.0, s, near, gaps,
        )  # fmt: skip
        for n in range(found):
            if gaps[n] - spheres[s, 3] < gap[s]:
                gap[s] = gaps[n] - spheres[s, 3]
                which[s] = near[n]
    return gap, which


def _bin_edge(spheres: Floats, low: Floats, high: Floats) -> float:
    spacing = (float(np.prod(high - low)) / max(1, spheres.shape[0])) ** (1.0 / 3.0)
    return max(spacing, float((high - low).max()) / 250.0)


def _binned(
    spheres: Floats,
) -> tuple[Floats, float, NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], float]:
    low, high = spheres[:, :3].min(axis=0) - 1e-6, spheres[:, :3].max(axis=0) + 1e-6
    edge = _bin_edge(spheres, low, high)
    counts = np.maximum(1, np.ceil((high - low) / edge)).astype(np.int64)
    start, held = _bins(spheres, low, edge, counts)
    return low, edge, counts, start, held, float(spheres[:, 3].max())


def overlapping(spheres: Floats, real: int) -> tuple[int, int] | None:
    """Return two spheres that overlap, the first a real one; None if none do."""
    if spheres.shape[0] < 2 or real == 0:
        return None
    low, edge, counts, start, held, largest = _binned(spheres)
    gap, which = _nearest(spheres, real, low, edge, counts, start, held, largest)
    worst = int(np.argmin(gap))
    # Spheres that touch to within rounding do not overlap; an image of the sphere itself
    # touches it where the sphere touches the face.
    return (worst, int(which[worst])) if gap[worst] < -1e-9 else None


def sort_into_voxels(
    size_um: Floats, spheres: Floats, real: int, reach_um: float, *, most: int
) -> Voxels:
    """Return the grid whose lists hold the two spheres nearest to any point.

    If the nearest two gaps from a voxel's centre are g1 and g2, no point of the voxel has its
    second sphere further than g2 + h, with h half the diagonal; and a sphere of gap g at the
    centre is no nearer than g - h. So the list holds all with g <= g2 + 2 h.
    """
    if real == 0:
        return Voxels(
            np.ones(3, np.int64),
            np.zeros(2, np.uint32),
            np.empty(0, np.uint32),
            np.empty(0, np.float32),
            np.array([np.inf], np.float32),
            np.empty(0),
        )
    spacing = (float(np.prod(size_um)) / real) ** (1.0 / 3.0)
    edge = max(spacing / _VOXELS_PER_SPACING, (float(np.prod(size_um)) / most) ** (1.0 / 3.0))
    counts = np.maximum(1.0, np.rint(size_um / edge)).astype(np.int64)
    low, bin_edge, bins, start, held, largest = _binned(spheres)

    def slab(part: tuple[int, int]) -> tuple[NDArray[np.generic], ...]:
        return _slab(
            size_um, counts, spheres, low, bin_edge, bins, start, held, largest, reach_um, *part
        )

    deep = int(counts[0])
    cuts = sorted({deep * part // _SLABS // _BLOCK * _BLOCK for part in range(_SLABS)} | {deep})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(slab, itertools.pairwise(cuts)))
    lengths, middle, listed, entry_gap = (np.concatenate(one) for one in zip(*parts, strict=True))
    begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint32)
    nearest, _ = _nearest(spheres, real, low, bin_edge, bins, start, held, largest)
    return Voxels(counts, begins, listed, entry_gap, middle, nearest)
