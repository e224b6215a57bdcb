"""A run in space for the Simularium viewer, a page on the web; the extra ``exports``.

Cells and vesicles are spheres coloured by type. The viewer's box has its origin in the middle.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from exosome.tissue.frames import LEFT, LOST, ON_THE_WAY, STATES, TAKEN, TAKEN_BACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exosome.study.near_and_far import Result
    from exosome.tissue.frames import Film

    Floats = NDArray[np.float64]

DRAWN_RADIUS_UM = 0.8  # of a vesicle, about twenty times its own: it could not be seen
MOST_CELLS = 4_000  # the viewer holds every cell in every frame
_COLOURS = {
    "sender": "#d55e00", ON_THE_WAY: "#1d2329", TAKEN: "#d33a8c", TAKEN_BACK: "#d55e00",
    LOST: "#8a9199", LEFT: "#8a9199",
}  # fmt: skip
_CELL_COLOURS = ("#b9bec4", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#cc79a7")


def simularium_file(result: Result, film: Film, kinds: Sequence[str], title: str) -> bytes:
    """Return a film as a trajectory in Simularium's JSON form.

    A vesicle is drawn with a radius of ``DRAWN_RADIUS_UM``; of many cells the ``MOST_CELLS``
    nearest to the first sender are written, and the description says so. A plot shows how many
    vesicles are on their way and how many were taken up.

    Parameters
    ----------
    result : Result
    film : Film
        The run, or vesicles followed from their release.
    kinds : sequence of str
        Type of each cell, senders named as such.
    title : str

    Raises
    ------
    ImportError
        simulariumio is not installed.
    """
    tools: Any = import_module("simulariumio")
    layout = result.plan.layout
    away = np.linalg.norm(
        layout.centres_um - layout.centres_um[int(result.plan.senders[0])], axis=1
    )
    cells = np.sort(np.argsort(away, kind="stable")[:MOST_CELLS])
    moments = film.moments()
    most = cells.size + max(one.slot.size for one in moments)
    shape = (len(moments), most)
    position, radius = np.zeros((*shape, 3)), np.zeros(shape)
    number = np.zeros(shape, np.int64)
    types: list[list[str]] = []
    for i, one in enumerate(moments):
        n = cells.size + one.slot.size
        position[i, :n] = np.concatenate([layout.centres_um[cells], one.position_um])
        position[i, :n] -= 0.5 * layout.size_um
        radius[i, :n] = np.concatenate(
            [layout.radii_um[cells], np.full(one.slot.size, DRAWN_RADIUS_UM)]
        )
        number[i, :n] = np.concatenate([cells, len(layout) + one.slot])
        types.append(
            [f"cell#{kinds[j]}" for j in cells] + [f"vesicle#{STATES[j]}" for j in one.became]
        )
    minutes = film.time_s / 60.0
    trajectory = tools.TrajectoryData(
        meta_data=tools.MetaData(
            box_size=layout.size_um.copy(),
            camera_defaults=tools.CameraData(
                position=np.array([0.0, 0.0, 1.5 * float(layout.size_um.max())])
            ),
            scale_factor=1.0,
            trajectory_title=title,
            model_meta_data=tools.ModelMetaData(
                title=title, description=_described(cells.size, len(layout))
            ),
        ),
        agent_data=tools.AgentData(
            times=np.round(minutes, 6),
            n_agents=np.array([cells.size + one.slot.size for one in moments]),
            viz_types=np.full(shape, 1000.0),
            unique_ids=number,
            types=types,
            positions=position.round(3),
            radii=radius.round(3),
            display_data=_displayed(tools, types),
        ),
        time_units=tools.UnitData("minute"),
        spatial_units=tools.UnitData("um"),
        plots=[_plot(film, minutes, [one.free for one in moments], len(layout))],
    )
    held = tools.JsonWriter.format_trajectory_data(trajectory)
    return (json.dumps(held, allow_nan=False, separators=(",", ":")) + "\n").encode()


def _plot(film: Film, minutes: Floats, free: list[int], cells: int) -> dict[str, object]:
    """Return a plot in Simularium's form; the library's own way to it prints to the screen."""
    lines = {"on the way": free, "taken up by cells": film.taken(cells).sum(axis=1).tolist()}
    return {
        "layout": {
            "title": "Vesicles",
            "xaxis": {"title": "time (min)"},
            "yaxis": {"title": "vesicles"},
        },
        "data": [
            {
                "name": name, "type": "scatter", "x": minutes.round(6).tolist(), "y": values,
                "mode": "lines",
            }
            for name, values in lines.items()
        ],
    }  # fmt: skip


def _displayed(tools: Any, types: list[list[str]]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    colours = {f"vesicle#{name}": _COLOURS[i] for i, name in enumerate(STATES)}
    colours["cell#sender"] = _COLOURS["sender"]
    others = sorted({name for frame in types for name in frame} - set(colours))
    for i, name in enumerate(others):
        colours[name] = _CELL_COLOURS[i % len(_CELL_COLOURS)]
    for name in sorted({name for frame in types for name in frame}):
        shown[name] = tools.DisplayData(
            name=name, display_type=tools.DISPLAY_TYPE.SPHERE, color=colours[name]
        )
    return shown


def _described(written: int, cells: int) -> str:
    words = (
        f"Vesicles are drawn with a radius of {DRAWN_RADIUS_UM} um, about twenty times their own. "
        "One that ended is shown where it did, in the first frame after."
    )
    if written < cells:
        words += f" Of {cells:,} cells the {written:,} nearest to the first sender are shown."
    return words
