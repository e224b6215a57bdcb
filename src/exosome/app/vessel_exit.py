"""Out of a vessel on the command line and on a page."""

from __future__ import annotations

import json
import math
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from exosome.app.cell_runs import record_table
from exosome.app.page_words import csv_of, figure, number_row, percent, rendered
from exosome.app.terminal import console
from exosome.app.tissue_figures import Cell, distances, picture, slab
from exosome.app.tissue_types import by_type, histogram
from exosome.catalog.load import load_catalog
from exosome.core.files import write_all
from exosome.core.progress import reporter_for
from exosome.core.provenance import trace_run
from exosome.study import snapshots
from exosome.study.vessel_exit import run_vessel
from exosome.study.vessel_plan import plan_vessel
from exosome.study.vessel_scenario import BUNDLED, read_vessel
from exosome.tissue.space import graphml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exosome.study.vessel_exit import VesselResult
    from exosome.study.vessel_plan import VesselPlan

Values = dict[str, Any]  # what a page shows, as plain values

_BINS = 30
_FEW = 10  # vesicles that left: below it the closed form says more than the count
_LAYERS = (0.0, 5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 100.0, 150.0, 250.0, 1000.0)  # um
_VESSEL = "vessel"


def run_vessel_exit(
    name_or_file: str,
    *,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    workers: int,
    quiet: bool,
) -> None:
    """Run a scenario of a vessel, write its directory and print the page.

    A run that was cut short goes on from its last snapshot when it is started again with the
    same scenario, numbers, seed and directory.

    Parameters
    ----------
    name_or_file : str
        The bundled scenario or a TOML file.
    out : Path or None
        Directory of the results; named after the scenario by default.
    numbers : sequence of Path
        The user's own numbers.
    seed, workers : int
        Root of all chance; threads, on which the result does not depend.
    quiet : bool
        Print the place of the page only.

    Raises
    ------
    InputError
        The scenario, a number or the directory cannot be used.
    """
    stem = Path(name_or_file).stem
    planned = _planned(name_or_file, numbers, seed)
    directory = out or Path(f"{stem}-run")
    write_all(directory, {}, where="--out")  # refused before hours are spent
    result = run_vessel(
        planned,
        workers=workers,
        directory=directory,
        reporter=reporter_for(sys.stderr, quiet=quiet),
    )
    own = [] if name_or_file in BUNDLED else [Path(name_or_file)]
    origin = trace_run(seed=seed, arguments=sys.argv[1:], input_files=[*own, *numbers])
    summary = vessel_summary(result, f"exosome run {name_or_file} --seed {seed}")
    written = {
        f"{stem}.html": vessel_page(result, summary),
        f"{stem}.json": json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "cells.csv": csv_of(_cell_rows(result)),
        "depths.csv": csv_of(_depth_rows(result)),
        "vessel-to-cells.graphml": graphml(result.links, (*planned.uptake.types, _VESSEL)),
        "knock-outs.csv": csv_of(summary["knock_outs"]),
        "run-log.json": json.dumps(origin.run_log(), indent=1) + "\n",
    }
    write_all(directory, {name: text.encode() for name, text in written.items()}, where="--out")
    snapshots.forget(directory)
    if not quiet:
        console().print(_terminal(summary))
    console().print(f"Page: {directory / f'{stem}.html'}", soft_wrap=True, highlight=False)


def check_vessel_exit(name_or_file: str, *, numbers: Sequence[Path]) -> None:
    """Validate a scenario and print what would run, from which numbers.

    Raises
    ------
    InputError
        The scenario or a number cannot be used.
    """
    planned = _planned(name_or_file, numbers, 1)
    words = (
        f"{len(planned.layout):,} cells ({planned.cell_fraction:.1%} of the tissue) round a vessel "
        f"of {figure(planned.radius_um)} um, {planned.duration_s / 3600.0:g} h: about "
        f"{planned.vesicles_in_lumen:,.0f} vesicles in the blood at the start"
    )
    table = record_table(planned.records, planned.read_as)
    console().print(Group(Text(words, style="bold"), table))


def _planned(name_or_file: str, numbers: Sequence[Path], seed: int) -> VesselPlan:
    where = f"{Path(name_or_file).stem}.toml"
    catalog = load_catalog(tuple(numbers))
    return plan_vessel(read_vessel(name_or_file), catalog, seed=seed, where=where)


def vessel_summary(result: VesselResult, command: str) -> Values:
    """Return the run as plain values: what the JSON file, the tables and the page show."""
    planned, left = result.plan, result.left
    scenario, layout = planned.scenario, planned.layout
    copies = {row.place: row.mean for row in result.copies.rows()}
    return {
        "schema_version": 1,
        "title": f"Out of a {scenario.vessel.kind.replace('_', ' ')} vessel, among "
        f"{len(layout):,} cells",
        "command": command,
        "cells": len(layout),
        "size_um": [float(f"{edge:.4g}") for edge in layout.size_um],
        "cell_fraction": planned.cell_fraction,
        "radius_um": planned.radius_um,
        "cell_radius_um": float(layout.radii_um.mean()),
        "permeability_um_per_s": planned.permeability_um_per_s,
        "speed_um_per_s": planned.speed_um_per_s,
        "passage_s": planned.passage_s if math.isfinite(planned.passage_s) else None,
        "concentration_per_ml": planned.concentration_per_um3 * 1e12,
        "source": scenario.vessel.source,
        "settled_min": planned.settled_s / 60.0,
        "hours": planned.duration_s / 3600.0,
        "repeats": scenario.run.repeats,
        "windows": scenario.run.windows,
        "bias": scenario.run.bias,
        "seed": planned.seed,
        "steps": result.state.steps,
        "conditions": scenario.conditions.model_dump(mode="json"),
        "wall_keeps": planned.tube.uptake_um_per_s,
        "sent": len(result.sent),
        "copies_sent": int(result.sent.copies.sum()),
        "in_words": _words(result),
        "left": {
            "counted": left.counted,
            "expected": left.expected,
            "z": left.z,
            "per_hour": left.per_hour,
            "per_hour_law": left.per_hour_law,
            "per_passage": None if math.isnan(left.per_passage) else left.per_passage,
            "per_passage_law": None if math.isnan(left.per_passage_law) else left.per_passage_law,
        },
        "depth": _depths(result),
        "length_um": dict(zip(("low", "middle", "high"), result.length_um, strict=True)),
        "reached": float((result.uptake > 0).mean()),
        "layers": _layers(result),
        "types": by_type(result),
        "balance": [
            {"place": row.place, "vesicles": round(row.mean), "share": row.share,
             "copies": round(copies[row.place])}
            for row in result.vesicles.rows()
        ],
        "knock_outs": [
            {"change": one.change, "observable": one.observable, "expected": one.expected,
             "outcome": one.outcome, "agrees": one.agrees, "control": one.control,
             "changed": one.changed, "z": one.z}
            for one in result.knock_outs
        ],
        "numbers": [
            {**number_row(one, planned.read_as[one.id]), "unit": one.unit}
            for one in planned.records
        ],
    }  # fmt: skip


def vessel_page(result: VesselResult, summary: Values) -> str:
    """Return the self-contained HTML page."""
    return rendered("vessel_exit.html.j2", s=summary, **_figures(result))


def _depths(result: VesselResult) -> list[Values]:
    """Return how far behind the wall vesicles ended: counted beside the closed form."""
    if not result.depth_um.size:
        return []
    grid = np.linspace(0.0, 40.0 * result.length_um[1], 8001, dtype=np.float64)
    law = None if not np.all(np.isfinite(grid)) else result.beyond(grid)
    return [
        {
            "share": share,
            "counted_um": float(np.quantile(result.depth_um, share)),
            "law_um": None if law is None else float(np.interp(share, 1.0 - law, grid)),
        }
        for share in (0.5, 0.9, 0.99)
    ]


def _layers(result: VesselResult) -> list[Values]:
    """Return what cells took up by how far behind the wall they stand."""
    rows: list[Values] = []
    hours = result.plan.duration_s / 3600.0 * result.plan.scenario.run.repeats
    for low, high in pairwise(_LAYERS):
        here = (result.cell_depth_um >= low) & (result.cell_depth_um < high)
        if not here.any():
            continue
        taken = result.uptake[here]
        rows.append(
            {
                "from_um": low,
                "to_um": high,
                "cells": int(here.sum()),
                "vesicles": int(taken.sum()),
                "copies": int(result.copies_taken[here].sum()),
                "per_cell_and_hour": float(taken.mean()) / hours,
                "none": float((taken == 0).mean()),
            }
        )
    return rows


def _words(result: VesselResult) -> str:
    left, taken = result.left, int(result.uptake.sum())
    few = left.counted < _FEW
    hour = left.per_hour_law if few else left.per_hour
    way = left.per_passage_law if few else left.per_passage
    said = f"{percent(hour)}{' by the closed form' if few else ''}. "
    passage = (
        f"In an hour in the vessel {said.replace(' %', ' % of the vesicles leave it', 1)}"
        if math.isnan(way)
        else f"In one passage {percent(way)} of the vesicles leave the vessel, in an hour in it "
        + said
    )
    if not left.counted or not result.depth_um.size:
        return f"{passage}None of {len(result.sent):,} vesicles ended behind the wall here."
    middle = float(np.quantile(result.depth_um, 0.5))
    return (
        f"{passage}Of {left.counted:,} that left, {percent(taken / left.counted)} were taken up by "
        f"cells; half of them got no further than {figure(middle)} µm behind the wall. "
        f"{percent(float((result.uptake == 0).mean()))} of the cells got none in this time."
    )


def _cell_rows(result: VesselResult) -> list[Values]:
    layout = result.plan.layout
    return [
        {
            "cell": i,
            "x_um": float(layout.centres_um[i, 0]),
            "y_um": float(layout.centres_um[i, 1]),
            "z_um": float(layout.centres_um[i, 2]),
            "radius_um": float(layout.radii_um[i]),
            "type": result.plan.uptake.types[i],
            "behind_the_wall_um": float(result.cell_depth_um[i]),
            "vesicles": int(result.uptake[i]),
            "copies": int(result.copies_taken[i]),
        }
        for i in range(len(layout))
    ]


def _depth_rows(result: VesselResult) -> list[Values]:
    longest = float(result.depth_um.max()) if result.depth_um.size else 1.0
    edges = np.linspace(0.0, longest, 61, dtype=np.float64)
    counts = np.histogram(result.depth_um, edges)[0]
    taken = np.histogram(result.taken_depth_um, edges)[0]
    law = -np.diff(result.beyond(edges))
    return [
        {
            "from_um": float(edges[i]),
            "to_um": float(edges[i + 1]),
            "ended": int(counts[i]),
            "taken_up": int(taken[i]),
            "share_closed_form": float(law[i]),
        }
        for i in range(counts.size)
    ]


def _figures(result: VesselResult) -> dict[str, str]:
    layout, radius = result.plan.layout, result.plan.radius_um
    width, deep, long = (float(edge) for edge in layout.size_um)
    longest = float(np.quantile(result.depth_um, 0.995)) if result.depth_um.size else 1.0
    edges = np.linspace(0.0, longest, _BINS + 1, dtype=np.float64)
    law: list[float] = []
    if result.plan.scenario.conditions.loss:
        law = (-np.diff(result.beyond(edges))).tolist()
    # The vessel, drawn as a row of balls along its axis.
    x, y = result.plan.tube.centre_um
    row = [Cell(x, y, z, radius, None) for z in np.arange(0.5 * radius, long, 0.5 * radius)]
    places = layout.centres_um.tolist()
    cells = [
        Cell(at[0], at[1], at[2], float(layout.radii_um[i]), float(result.uptake[i]))
        for i, at in enumerate(places)
    ]
    across = [
        Cell(one.x, 0.0, one.y, one.radius, one.amount)
        for one in cells
        if abs(one.z - 0.5 * long) <= 1.5 * one.radius
    ]
    return {
        "depth": distances(
            edges.tolist(),
            [int(c) for c in np.histogram(result.depth_um, edges)[0]],
            law,
            key="depth",
            label="distance behind the wall, µm",
            law_name="closed form, nothing fitted",
        ),
        "picture": picture([*cells, *row], (width, deep, long), key="block", source=_VESSEL),
        "across": slab(
            [*across, Cell(x, 0.0, y, radius, None)],
            width,
            deep,
            key="across",
            title="across the vessel, a slice of three cell radii",
            unit="vesicles taken up",
            source=_VESSEL,
        ),
        "per_type": histogram(result, key="per-type"),
    }


def _terminal(s: Values) -> Group:
    parts: list[Any] = [Text(s["title"], style="bold"), Text(s["in_words"])]
    left = s["left"]
    parts.append(
        Text(
            f"Left: {left['counted']:,}; 2P/R says {figure(left['expected'])} "
            f"({left['z']:+.1f} standard errors)"
        )
    )
    length = s["length_um"]
    parts.append(
        Text(
            f"Decay length {figure(length['middle'])} µm, {figure(length['low'])} to "
            f"{figure(length['high'])} µm over what is not known"
        )
    )
    table = Table("what became of it", "vesicles", "copies", box=None, pad_edge=False)
    for one in s["balance"]:
        table.add_row(one["place"], f"{one['vesicles']:,}", f"{one['copies']:,}")
    table.add_row("in the blood, all told", f"{s['sent']:,}", f"{s['copies_sent']:,}")
    layers = Table(
        "behind the wall, µm", "cells", "vesicles", "per cell and hour", "with none",
        box=None, pad_edge=False,
    )  # fmt: skip
    for one in s["layers"]:
        layers.add_row(
            f"{one['from_um']:g} to {one['to_um']:g}", f"{one['cells']:,}", f"{one['vesicles']:,}",
            figure(one["per_cell_and_hour"]), percent(one["none"]),
        )  # fmt: skip
    parts += [Text(""), table, Text(""), layers, Text("")]
    right = sum(one["agrees"] for one in s["knock_outs"])
    parts.append(Text(f"Knock-outs: {right} of {len(s['knock_outs'])} as expected", style="bold"))
    listed = Table("taken away", "watched", "expected", "outcome", box=None, pad_edge=False)
    for one in s["knock_outs"]:
        mark = "" if one["agrees"] else " (!)"
        listed.add_row(one["change"], one["observable"], one["expected"], f"{one['outcome']}{mark}")
    parts.append(listed)
    return Group(*parts)
