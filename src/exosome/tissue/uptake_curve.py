"""From a measured uptake curve to the permeability of the cells.

A curve tells the permeability only as long as the cells, not the column of medium over them, hold
uptake back. Later every large permeability gives the same curve, and the interval has no upper end.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.core.files import read_text
from exosome.core.units import convert
from exosome.numerics.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LOWEST, _HIGHEST = 1e-7, 1e3  # um/s; a cell never took up slower, and any floor is a sink by then
_GRID = 241
_NORMAL_90 = 1.6448536269514722
_HEADER = re.compile(r"\s*(?P<name>[A-Za-z ]+?)\s*[\[(]\s*(?P<unit>[^\])]+?)\s*[\])]\s*\Z")


@dataclass(frozen=True, slots=True)
class Curve:
    """A measured curve: hours, shares of what was added, and their standard deviations if given."""

    hours: tuple[float, ...]
    shares: tuple[float, ...]
    deviations: tuple[float, ...] = ()


def read_curve(path: Path, *, added_per_cell: float | None = None) -> Curve:
    """Return a curve from a CSV file whose header gives units.

    Columns: ``time (h)`` (any time unit), ``taken (%)`` or ``taken (fraction)`` of what was added,
    or ``taken (vesicle/cell)`` where ``added_per_cell`` is known, and optionally ``sd`` in the same
    unit as ``taken``.

    Raises
    ------
    InputError
        A column, unit or value cannot be used; the line is named.
    """
    where = path.name
    rows = list(csv.reader(io.StringIO(read_text(path, where="dish infer"))))
    rows = [(i, row) for i, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise InputError("holds no measurement", where=where, remedy="give a header and rows")
    columns: dict[str, tuple[int, float]] = {}
    for place, header in enumerate(rows[0][1]):
        name, factor = _column(header, added_per_cell, where)
        if name in columns:
            raise InputError(f"has two columns {name!r}", where=where, remedy="leave one out")
        columns[name] = (place, factor)
    for name in ("time", "taken"):
        if name not in columns:
            raise InputError(
                f"has no column {name!r}",
                where=where,
                remedy="begin with a header such as 'time (h),taken (%)'",
            )
    found: dict[str, list[float]] = {name: [] for name in columns}
    for line, row in rows[1:]:
        for name, (place, factor) in columns.items():
            found[name].append(_value(row, place, f"{where}:{line} {name}") * factor)
        _check_row({name: held[-1] for name, held in found.items()}, f"{where}:{line}")
    return Curve(tuple(found["time"]), tuple(found["taken"]), tuple(found.get("sd", ())))


def _column(header: str, added_per_cell: float | None, where: str) -> tuple[str, float]:
    match = _HEADER.match(header)
    if match is None:
        raise InputError(
            f"column {header.strip()!r} has no unit",
            where=where,
            remedy="write the unit behind it, as in 'time (h)' or 'taken (%)'",
        )
    name, unit = match["name"].lower(), match["unit"]
    if name == "time":
        return name, convert(1.0, unit, "h", where=f"{where} {name}")
    if name not in ("taken", "sd"):
        raise InputError(
            f"column {name!r} is not known", where=where, remedy="use time, taken and sd"
        )
    if "cell" not in unit:
        return name, convert(1.0, unit, "fraction", where=f"{where} {name}")
    if added_per_cell is None:
        raise InputError(
            f"{name} is counted per cell, and what was added per cell is not known",
            where=where,
            remedy="give --dose and --cells, or shares of what was added",
        )
    return name, convert(1.0, unit, "vesicle/cell", where=f"{where} {name}") / added_per_cell


def _value(row: list[str], place: int, where: str) -> float:
    text = row[place].strip() if place < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{text!r} is no number", where=where, remedy="give a number, 0 or more")
    return value


def _check_row(row: dict[str, float], where: str) -> None:
    if row["time"] <= 0.0:
        raise InputError("time is not above 0", where=where, remedy="leave out the start")
    if not 0.0 <= row["taken"] <= 1.0:
        raise InputError(
            f"{100 * row['taken']:.3g} % of what was added is no share",
            where=where,
            remedy="give 0 to 100 %; check what the signal was divided by",
        )
    if row.get("sd", 1.0) <= 0.0:
        raise InputError("sd is not above 0", where=where, remedy="leave the column out")


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A permeability with its 90 % profile interval, and how the curve looks at it.

    ``high`` is infinite where a perfect sink fits as well; ``low`` is 0 where no uptake does.
    ``exponent`` is the slope of log share on log time (1: cell-limited, 1/2: well-limited), NaN
    with fewer than two points above 0. ``grid`` and ``misfit`` are the profile itself.
    """

    permeability_um_per_s: float
    low: float
    high: float
    deviation: float
    exponent: float
    grid_um_per_s: Floats
    misfit: Floats


def fit(curve: Curve, model: Callable[[Floats], Floats]) -> Fit:
    """Return the least-squares permeability of a curve and its profile interval.

    With standard deviations, the interval is where the weighted squares exceed the least by the
    normal 90 % quantile squared. Without them the scatter is estimated from the curve itself, and
    Student's t takes the normal's place. With a single point and no deviation there is no interval.

    Parameters
    ----------
    model : callable
        Takes permeabilities (um/s) and returns the shares taken, shape (permeability, time).
    """
    taken = np.asarray(curve.shares)
    weight = 1.0 / np.asarray(curve.deviations) ** 2 if curve.deviations else np.ones(taken.size)

    def squares(permeability: Floats) -> Floats:
        return (weight * (model(permeability) - taken) ** 2).sum(axis=1)

    grid = np.geomspace(_LOWEST, _HIGHEST, _GRID)
    misfit = squares(grid)
    best = _lowest(squares, grid, misfit)
    least = float(squares(np.array([best]))[0])
    free = taken.size - 1
    if curve.deviations:
        allowed = least + _NORMAL_90**2
    elif free > 0:
        allowed = least * (1.0 + float(stdtrit(float(free), 0.95)) ** 2 / free)
    else:
        allowed = math.inf
    low, high = _interval(squares, grid, misfit, best, allowed)
    return Fit(
        best if best < grid[-1] else math.inf,
        low,
        high,
        math.sqrt(least / max(free, 1)) if not curve.deviations else math.nan,
        _exponent(curve),
        grid,
        misfit,
    )


def _lowest(squares: Callable[[Floats], Floats], grid: Floats, misfit: Floats) -> float:
    i = int(misfit.argmin())
    # A flat end is a perfect sink (or no uptake): the end of the grid stands for it.
    if misfit[-1] <= misfit[i] * (1.0 + 1e-9):
        return float(grid[-1])
    if i == 0:
        return float(grid[0])
    low, high = math.log(grid[i - 1]), math.log(grid[min(i + 1, grid.size - 1)])
    for _ in range(6):  # each time eight times nearer
        inner = np.linspace(low, high, 17)
        at = int(squares(np.exp(inner)).argmin())
        low, high = inner[max(at - 1, 0)], inner[min(at + 1, 16)]
    return math.exp(0.5 * (low + high))


def _interval(
    squares: Callable[[Floats], Floats],
    grid: Floats,
    misfit: Floats,
    best: float,
    allowed: float,
) -> tuple[float, float]:
    if math.isinf(allowed):
        return 0.0, math.inf
    inside = misfit <= allowed

    def edge(out: float, within: float) -> float:
        for _ in range(5):  # each time sixteen times nearer
            path = np.geomspace(within, out, 17)
            beyond = np.flatnonzero(squares(path) > allowed)
            first = int(beyond[0]) if beyond.size else 16
            within, out = float(path[max(first - 1, 0)]), float(path[max(first, 1)])
        return within

    below = np.flatnonzero(~inside & (grid < best))
    above = np.flatnonzero(~inside & (grid > best))
    low = 0.0 if below.size == 0 else edge(float(grid[below[-1]]), best)
    high = math.inf if above.size == 0 else edge(float(grid[above[0]]), best)
    return low, high


def _exponent(curve: Curve) -> float:
    pairs = [
        (math.log(h), math.log(s)) for h, s in zip(curve.hours, curve.shares, strict=True) if s > 0
    ]
    x, y = (np.asarray([one[i] for one in pairs]) for i in (0, 1))
    if x.size < 2 or np.ptp(x) == 0.0:
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / (x**2).sum())


def permeability_of_share(share: Floats, model: Callable[[Floats], Floats]) -> Floats:
    """Return the permeability at which a share is taken, one for each draw.

    Infinite where even a perfect sink takes less: then the well is not what the model says it is,
    or the share is not one of intact vesicles.

    Parameters
    ----------
    model : callable
        Takes permeabilities, one for each draw, and returns the shares taken.
    """
    low, high = (np.full(share.shape, math.log(one)) for one in (_LOWEST, _HIGHEST))
    for _ in range(30):
        middle = 0.5 * (low + high)
        more = model(np.exp(middle)) < share
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    found = np.exp(0.5 * (low + high))
    beyond = model(np.full(share.shape, _HIGHEST)) <= share
    return np.where(beyond, np.inf, np.where(share <= 0.0, 0.0, found))
