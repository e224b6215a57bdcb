"""Cells from an AnnData file: places from ``obsm["spatial"]``, radius and type from ``obs``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exosome.core.errors import InputError
from exosome.core.files import read_bytes
from exosome.tissue.geometry import boxed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exosome.tissue.geometry import Layout

    Floats = NDArray[np.float64]

_PLACES, _RADIUS, _TYPE = "spatial", "radius", "type"
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file calls what is needed.

    Parameters
    ----------
    unit_um : float
        Length of one unit of the file, for places and radii: 1 if it is in um, the size of a
        pixel if it is in pixels.
    radius, type : str or None
        Columns of ``obs``; where they are not named, ``radius`` and ``type``.
    """

    unit_um: float = 1.0
    radius: str | None = None
    type: str | None = None


def from_anndata(path: Path | str, columns: Columns, *, radius_um: float, where: str) -> Layout:
    """Return the cells of an ``.h5ad`` file; counts of genes are not read.

    Places with two numbers are a section: all cells stand at the same height, and the box
    reaches one largest radius above and below them, so that its reflecting faces repeat the
    section. Overlap is found where the space is built.

    Parameters
    ----------
    path : Path or str
    columns : Columns
    radius_um : float
        Of every cell, where no column is named and ``obs`` has no ``radius``.
    where : str
        What asks for the file, for errors.

    Raises
    ------
    InputError
        The library is missing, the file cannot be read, something that is needed is not in it, a
        place is not finite, a radius not positive, or there is no cell.
    """
    path = Path(path)
    if not path.is_file():
        read_bytes(path, where=where)  # says what is wrong with it
    places, table = _read(path, where)
    if places.ndim != 2 or places.shape[1] not in (2, 3) or places.shape[0] != len(table):
        raise InputError(
            f"obsm[{_PLACES!r}] has the shape {places.shape}, for {len(table)} cells",
            where=where,
            remedy="give two or three coordinates for each cell",
        )
    if not len(table):
        raise InputError("there are no cells", where=where, remedy="give one row for each cell")
    names = [str(one) for one in table.index]
    finite = np.asarray(np.isfinite(places).all(axis=1))
    _check(finite, names, "a place that is not finite", where)
    radii = _radii(table, columns, radius_um, names, where)
    kinds = tuple(
        "cell" if one is None or one != one else str(one).strip() or "cell"  # noqa: PLR0124  (NaN)
        for one in _column(table, columns.type or _TYPE, "type_key", where).tolist()
    )
    flat = np.zeros((len(places), 3 - places.shape[1]))
    return boxed(columns.unit_um * np.concatenate([places, flat], axis=1), radii, kinds)


def _read(path: Path, where: str) -> tuple[Floats, Any]:
    """Return the places and the table of cells."""
    try:
        h5py: Any = import_module("h5py")
        read_elem: Any = import_module("anndata.io").read_elem
    except ImportError:
        raise InputError(
            "an AnnData file needs the library anndata, which is not installed",
            where=where,
            remedy="install it with: pip install 'exosome[exports]'",
        ) from None
    # A damaged file fails in whatever part of the two libraries comes upon the damage.
    faults = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)
    try:
        with h5py.File(path, "r") as file:
            held = sorted(file["obsm"]) if "obsm" in file else []
            if _PLACES not in held:
                raise InputError(
                    f"the file has no obsm[{_PLACES!r}]",
                    where=where,
                    remedy=f"store the coordinates of cells there; obsm holds: {_named(held)}",
                )
            places = np.asarray(read_elem(file[f"obsm/{_PLACES}"]), np.float64)
            return places, read_elem(file["obs"])
    except faults as fault:
        raise InputError(
            f"{str(path)!r} cannot be read as AnnData ({type(fault).__name__})",
            where=where,
            remedy="write it again with AnnData.write_h5ad, with numbers in obsm['spatial']",
        ) from fault


def _radii(table: Any, columns: Columns, radius_um: float, names: list[str], where: str) -> Floats:
    if columns.radius is None and _RADIUS not in table.columns:
        return np.full(len(table), radius_um)
    key = columns.radius or _RADIUS
    try:
        radii = columns.unit_um * _column(table, key, "radius_key", where).astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"the column {key!r} of obs is not numbers", where=where, remedy="give radii"
        ) from None
    _check(np.isfinite(radii) & (radii > 0.0), names, "a radius that is not positive", where)
    return radii


def _column(table: Any, key: str, option: str, where: str) -> NDArray[Any]:
    if key not in table.columns:
        raise InputError(
            f"obs has no column {key!r}",
            where=where,
            remedy=f"name it with {option}; obs has: {_named(table.columns)}",
        )
    return np.asarray(table[key])


def _check(good: NDArray[np.bool_], names: list[str], what: str, where: str) -> None:
    if not good.all():
        first = int(np.argmin(good))
        raise InputError(
            f"cell {names[first]!r} has {what}",
            where=where,
            remedy=f"mend or drop it; {int((~good).sum())} such cells in the file",
        )


def _named(held: Iterable[object]) -> str:
    every = [str(one) for one in held]
    shown = ", ".join(every[:_MOST_NAMED]) or "nothing"
    return shown + (" ..." if len(every) > _MOST_NAMED else "")
