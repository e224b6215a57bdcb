"""Where cells stand: packed at random, on a floor, in a ball, round a vessel, or from a table."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.core.files import read_text
from exosome.numerics.brownian.pack import place

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Spheres dropped one by one where they fit jam near 0.38 of the volume (random sequential
# addition); reaching it takes ever longer, so a little less is the limit here.
MOST_PACKED = 0.32
_KEEP_APART_UM = 0.05  # so that a vesicle fits between any two cells
_COLUMNS = ("x", "y", "z", "radius", "type")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Cells in a box from the origin to ``size_um``.

    Parameters
    ----------
    size_um : array, shape (3,)
    centres_um : array, shape (cell, 3)
    radii_um : array, shape (cell,)
    kinds : tuple of str, one for each cell
    """

    size_um: Floats
    centres_um: Floats
    radii_um: Floats
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def cell_fraction(self) -> float:
        """Share of the box that is cells."""
        volume = 4.0 / 3.0 * math.pi * float(np.sum(self.radii_um**3))
        return volume / float(np.prod(self.size_um))

    def nearest_to(self, point_um: Floats) -> int:
        """Return the cell whose centre is nearest to a point."""
        return int(np.argmin(np.linalg.norm(self.centres_um - point_um, axis=1)))


def packed(
    edge_um: float, radius_um: float, cell_fraction: float, rng: np.random.Generator, *, where: str
) -> Layout:
    """Return cells at random in a cube, at a share of its volume.

    Each cell is dropped where it fits (random sequential addition), which knows no order and
    no contact; tissue that is denser is not packed like this.

    Raises
    ------
    InputError
        No cell fits, or more are asked for than dropped spheres can fill.
    """
    if not 0.0 < cell_fraction <= MOST_PACKED:
        raise InputError(
            f"a cell fraction of {cell_fraction:g} cannot be packed from spheres at random",
            where=where,
            remedy=f"give more than 0 and at most {MOST_PACKED:g}; denser tissue is not spheres",
        )
    count = round(cell_fraction * edge_um**3 / (4.0 / 3.0 * math.pi * radius_um**3))
    return _filled(np.full(3, edge_um), radius_um, count, rng, where=where, mode=0, extent=0.0)


def monolayer(
    edge_um: float, height_um: float, radius_um: float, covered: float, rng: np.random.Generator,
    *, where: str,
) -> Layout:  # fmt: skip
    """Return cells that sit on the floor of a box and cover a share of it."""
    if not 0.0 < covered <= 0.5:  # discs dropped at random jam near 0.547 of a plane
        raise InputError(
            f"cells cannot cover {covered:g} of a floor at random",
            where=where,
            remedy="give more than 0 and at most 0.5",
        )
    count = round(covered * edge_um**2 / (math.pi * radius_um**2))
    size = np.array([edge_um, edge_um, height_um])
    return _filled(size, radius_um, count, rng, where=where, mode=1, extent=0.0)


def spheroid(
    edge_um: float, radius_um: float, cell_fraction: float, ball_um: float,
    rng: np.random.Generator, *, where: str,
) -> Layout:  # fmt: skip
    """Return a ball of cells in the middle of a cube; the fraction is that of the ball."""
    if not 0.0 < cell_fraction <= MOST_PACKED or 2.0 * ball_um > edge_um or ball_um <= radius_um:
        raise InputError(
            f"a ball of radius {ball_um:g} um cannot be filled to {cell_fraction:g} here",
            where=where,
            remedy=f"the ball must fit the box, be larger than a cell, and hold at most "
            f"{MOST_PACKED:g} of cells",
        )
    count = round(cell_fraction * (ball_um / radius_um) ** 3)
    return _filled(np.full(3, edge_um), radius_um, count, rng, where=where, mode=2, extent=ball_um)


def vessel(
    edge_um: float, radius_um: float, cell_fraction: float, lumen_um: float,
    rng: np.random.Generator, *, where: str,
) -> Layout:  # fmt: skip
    """Return cells round an empty cylinder along the third axis, the first of them its wall.

    The wall is a layer of cells (kind ``wall``) that touch the lumen; what lies behind are
    receivers. Particles pass between wall cells: the wall is a fence, not a membrane.
    """
    if not 0.0 < cell_fraction <= MOST_PACKED or lumen_um + 3.0 * radius_um > 0.5 * edge_um:
        raise InputError(
            f"a vessel of radius {lumen_um:g} um does not fit, or {cell_fraction:g} is too dense",
            where=where,
            remedy="choose a wider box, a narrower vessel or fewer cells",
        )
    rings = max(1, int(edge_um // (2.0 * radius_um + _KEEP_APART_UM)))
    stand = lumen_um + radius_um
    around = int(math.pi / math.asin((radius_um + 0.5 * _KEEP_APART_UM) / stand))
    turns = 2.0 * math.pi * np.arange(around) / around
    heights = (np.arange(rings) + 0.5) * edge_um / rings
    angle, height = (grid.ravel() for grid in np.meshgrid(turns, heights))
    wall = np.column_stack(
        [0.5 * edge_um + stand * np.cos(angle), 0.5 * edge_um + stand * np.sin(angle), height]
    )
    outside = edge_um**3 - math.pi * (stand + radius_um) ** 2 * edge_um
    count = round(cell_fraction * outside / (4.0 / 3.0 * math.pi * radius_um**3))
    rest = _filled(
        np.full(3, edge_um), radius_um, count, rng, where=where, mode=3, extent=stand + radius_um
    )
    return Layout(
        rest.size_um,
        np.concatenate([wall, rest.centres_um]),
        np.full(len(wall) + len(rest), radius_um),
        ("wall",) * wall.shape[0] + rest.kinds,
    )


def round_tube(
    edge_um: float, length_um: float, radius_um: float, cell_fraction: float, lumen_um: float,
    rng: np.random.Generator, *, where: str,
) -> Layout:  # fmt: skip
    """Return cells in a block round an empty cylinder along the third axis.

    The fraction is that of the tissue outside the cylinder. No cell reaches into it, so that its
    wall can be a membrane of its own.

    Raises
    ------
    InputError
        The cylinder leaves no room for a cell, or the tissue is too dense.
    """
    if lumen_um + 2.0 * radius_um + _KEEP_APART_UM > 0.5 * edge_um:
        raise InputError(
            f"a vessel of radius {lumen_um:g} um and a cell do not fit in {edge_um:g} um",
            where=where,
            remedy="choose a wider block or a narrower vessel",
        )
    if not 0.0 < cell_fraction <= MOST_PACKED:
        raise InputError(
            f"a cell fraction of {cell_fraction:g} cannot be packed from spheres at random",
            where=where,
            remedy=f"give more than 0 and at most {MOST_PACKED:g}; denser tissue is not spheres",
        )
    tissue = (edge_um**2 - math.pi * lumen_um**2) * length_um
    count = round(cell_fraction * tissue / (4.0 / 3.0 * math.pi * radius_um**3))
    size = np.array([edge_um, edge_um, length_um])
    return _filled(size, radius_um, count, rng, where=where, mode=3, extent=lumen_um)


def from_table(path: Path | str, *, where: str) -> Layout:
    """Return the cells of a CSV file with the columns x, y, z, radius (um) and type.

    The box reaches one largest radius beyond the outermost cells. Overlap is found where the
    space is built.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, a value is no positive number, or there is
        no cell in it.
    """
    rows = csv.DictReader(io.StringIO(read_text(path, where=where, limit_bytes=200_000_000)))
    missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise InputError(
            f"the table of cells has no column {missing[0]!r}",
            where=where,
            remedy=f"give the columns {', '.join(_COLUMNS)}; lengths in um",
        )
    held: list[tuple[float, ...]] = []
    kinds: list[str] = []
    for number, row in enumerate(rows, 2):
        try:
            one = tuple(float(row[name]) for name in _COLUMNS[:4])
        except (TypeError, ValueError):
            one = (math.nan,) * 4
        if not all(map(math.isfinite, one)) or one[3] <= 0.0:
            raise InputError(
                "a cell needs finite x, y, z and a positive radius",
                where=f"{where} line {number}",
                remedy="mend this line; lengths are in um",
            )
        held.append(one)
        kinds.append((row["type"] or "cell").strip())
    if not held:
        raise InputError("there are no cells", where=where, remedy="give one line for each cell")
    table = np.array(held)
    return boxed(table[:, :3], table[:, 3].copy(), tuple(kinds))


def boxed(centres_um: Floats, radii_um: Floats, kinds: tuple[str, ...]) -> Layout:
    """Return cells in a box that reaches one largest radius beyond the outermost of them."""
    margin = float(radii_um.max())
    low = (centres_um - radii_um[:, None]).min(axis=0) - margin
    high = (centres_um + radii_um[:, None]).max(axis=0) + margin
    return Layout(high - low, centres_um - low, radii_um, kinds)


def _filled(
    size: Floats, radius: float, count: int, rng: np.random.Generator, *, where: str, mode: int,
    extent: float,
) -> Layout:  # fmt: skip
    if count < 1 or not math.isfinite(radius) or radius <= 0.0 or 2.0 * radius >= size.min():
        raise InputError(
            "there is no room for a single cell, or none is asked for",
            where=where,
            remedy="choose a larger box, smaller cells or a higher cell fraction",
        )
    centres = place(size, radius, count, _KEEP_APART_UM, mode, extent, rng)
    if centres.shape[0] < count:
        raise InputError(
            f"only {centres.shape[0]} of {count} cells found a place",
            where=where,
            remedy="ask for a lower cell fraction",
        )
    return Layout(size, centres, np.full(count, radius), ("receiver",) * count)
