"""A run in space as VTK files: cells and vesicles as points, one file for each time.

Lengths are in um, times in s. Written through meshio, the extra ``exports``; ParaView opens the
``.pvd`` files, which are lists of times.
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np

from exosome.tissue.frames import STATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exosome.study.near_and_far import Result
    from exosome.tissue.frames import Film

    Arrays = dict[str, NDArray[np.generic]]

_MOST_POINTS = 3_000_000  # cells times frames; beyond it cells are written at fewer times


def paraview_files(result: Result, kinds: Sequence[str]) -> dict[str, bytes]:
    """Return the files of a run, by name.

    ``cells.pvd`` holds every cell over the run (radius, type, what it took up so far);
    ``vesicles.pvd`` the vesicles on their way at each time and those that ended since the time
    before; ``followed.pvd`` some vesicles from their release on. ``codes.csv`` names the whole
    numbers of ``type`` and ``state``, since points hold no text.

    Parameters
    ----------
    result : Result
    kinds : sequence of str
        Type of each cell, senders named as such.

    Raises
    ------
    ImportError
        meshio is not installed.
    """
    meshio: Any = import_module("meshio")
    names = sorted(set(kinds))
    codes = [("type", i, name) for i, name in enumerate(names)]
    codes += [("state", i, name) for i, name in enumerate(STATES)]
    lines = ["array,code,name", *(f'{array},{code},"{name}"' for array, code, name in codes)]
    files = {"codes.csv": ("\n".join(lines) + "\n").encode()}
    series = {
        "cells": _cells(result, np.array([names.index(kind) for kind in kinds], np.int32)),
        "vesicles": _vesicles(result.film),
        "followed": _vesicles(result.followed),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, moments in series.items():
            entries: list[tuple[float, str]] = []
            for number, (time, points, held) in enumerate(moments):
                file = f"{name}-{number:03d}.vtu"
                one = np.arange(len(points))[:, None]
                mesh = meshio.Mesh(points, [("vertex", one)], point_data=held)
                path = Path(folder, file)
                # The compressed form has no way to say that there are no points.
                packed = "zlib" if len(points) else None
                meshio.vtu.write(path, mesh, binary=True, compression=packed)
                files[file] = path.read_bytes()
                entries.append((time, file))
            files[f"{name}.pvd"] = _listed(entries)
    return files


def _cells(
    result: Result, types: NDArray[np.int32]
) -> list[tuple[float, NDArray[np.float32], Arrays]]:
    layout, film = result.plan.layout, result.film
    stride = -(-len(layout) * len(film) // _MOST_POINTS)
    chosen = list(range(len(film)))[::-1][::stride][::-1]  # the last time stays
    vesicles, copies = film.taken(len(layout)), film.copies_taken(len(layout))
    fixed: Arrays = {
        "cell": np.arange(len(layout), dtype=np.int32),
        "radius_um": layout.radii_um.astype(np.float32),
        "type": types,
        "sends": np.isin(np.arange(len(layout)), result.plan.senders).astype(np.int32),
    }
    return [
        (
            float(film.time_s[i]),
            layout.centres_um.astype(np.float32),
            {**fixed, "vesicles_taken": vesicles[i], "copies_taken": copies[i]},
        )
        for i in chosen
    ]


def _vesicles(film: Film) -> list[tuple[float, NDArray[np.float32], Arrays]]:
    return [
        (
            one.time_s,
            one.position_um,
            {
                "vesicle": one.slot,
                "state": one.became.astype(np.int32),
                "sender": film.sent.sender[one.slot],
                "diameter_nm": film.sent.diameter_nm[one.slot].astype(np.float32),
                "copies": film.sent.copies[one.slot],
            },
        )
        for one in film.moments()
    ]


def _listed(entries: Sequence[tuple[float, str]]) -> bytes:
    sets = "".join(
        f'<DataSet timestep="{time!r}" part="0" file={quoteattr(file)}/>\n'
        for time, file in entries
    )
    return (
        '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1">\n'
        f"<Collection>\n{sets}</Collection>\n</VTKFile>\n"
    ).encode()
