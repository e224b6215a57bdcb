"""Cells in space on the command line and on a page."""

from __future__ import annotations

import base64
import json
import math
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from exosome.app.page_words import csv_of, figure, value_range
from exosome.app.terminal import console
from exosome.app.tissue_exports import exported, exports_can_be_written
from exosome.app.tissue_figures import Cell, distances, picture, slab
from exosome.app.tissue_types import by_type, histogram, matrix
from exosome.catalog.load import load_catalog
from exosome.core.files import write_all
from exosome.core.progress import reporter_for
from exosome.core.provenance import trace_run
from exosome.study import snapshots
from exosome.study.near_and_far import run, shares
from exosome.study.space_plan import plan
from exosome.study.space_scenario import BUNDLED, read_scenario
from exosome.tissue.space import graphml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exosome.study.near_and_far import Result

Values = dict[str, Any]  # what a page shows, as plain values

_BINS = 30
_MOST_DRAWN = 8_000
_LARGEST = 8
_EARLY = 0.1  # of a film of vesicles from their release on: the still, while most are on the way


def run_tissue(
    name_or_file: str,
    *,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    workers: int,
    quiet: bool,
    formats: Sequence[str] = (),
) -> None:
    """Run a scenario of cells in space, write its directory and print the page.

    A run that was cut short goes on from its last snapshot when it is started again with the
    same scenario, numbers, seed and directory.

    Parameters
    ----------
    name_or_file : str
        A bundled scenario or a TOML file.
    out : Path or None
        Directory of the results; named after the scenario by default.
    numbers : sequence of Path
        The user's own numbers.
    seed, workers : int
        Root of all chance; threads, on which the result does not depend.
    quiet : bool
        Print the place of the page only.
    formats : sequence of {"vtk", "anndata", "simularium"}
        Files for other programs.

    Raises
    ------
    InputError
        The scenario, a number or the directory cannot be used, or a library is missing.
    """
    exports_can_be_written(formats)
    stem = Path(name_or_file).stem
    planned = plan(
        read_scenario(name_or_file), load_catalog(tuple(numbers)), seed=seed, where=f"{stem}.toml"
    )
    directory = out or Path(f"{stem}-run")
    directory_is_usable(directory)
    result = run(
        planned,
        workers=workers,
        directory=directory,
        reporter=reporter_for(sys.stderr, quiet=quiet),
    )
    own = [] if name_or_file in BUNDLED else [Path(name_or_file)]
    origin = trace_run(seed=seed, arguments=sys.argv[1:], input_files=[*own, *numbers])
    summary = tissue_summary(result, f"exosome run {name_or_file} --seed {seed}")
    kinds = planned.uptake.types
    written = {
        f"{stem}.html": tissue_page(result, summary),
        f"{stem}.json": json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "cells.csv": csv_of(_cell_rows(result, kinds)),
        "who-to-whom.csv": csv_of([
            {"sender": one.sender, "receiver": one.receiver, "vesicles": one.vesicles,
             "copies": one.copies} for one in result.links
        ]),
        "who-to-whom.graphml": graphml(result.links, kinds),
        "distances.csv": csv_of(_distance_rows(result)),
        "knock-outs.csv": csv_of(summary["knock_outs"]),
        "run-log.json": json.dumps(origin.run_log(), indent=1) + "\n",
    }  # fmt: skip
    folders = exported(result, formats, kinds, title=str(summary["title"]), origin=origin.stable())
    for folder, held in folders.items():
        write_all(directory / folder, held, where="--out")
    write_all(directory, {name: text.encode() for name, text in written.items()}, where="--out")
    snapshots.forget(directory)
    if not quiet:
        console().print(_terminal(summary))
    console().print(f"Page: {directory / f'{stem}.html'}", soft_wrap=True, highlight=False)


def directory_is_usable(directory: Path) -> None:
    """Refuse a directory that cannot be written before hours are spent.

    Raises
    ------
    InputError
        It cannot be written.
    """
    write_all(directory, {}, where="--out")


def check_tissue(name_or_file: str, *, numbers: Sequence[Path]) -> None:
    """Validate a scenario and print what would run, from which numbers.

    Raises
    ------
    InputError
        The scenario or a number cannot be used.
    """
    planned = plan(
        read_scenario(name_or_file),
        load_catalog(tuple(numbers)),
        seed=1,
        where=f"{Path(name_or_file).stem}.toml",
    )
    table = Table("record", "number", "value", "unit", "read", box=None, pad_edge=False)
    for one in planned.records:
        table.add_row(one.id, one.role, value_range(one), one.unit, planned.read_as[one.id])
    hours = planned.duration_s / 3600.0
    expected = planned.release.median * hours * planned.scenario.run.repeats * planned.senders.size
    words = (
        f"{len(planned.layout):,} cells ({planned.layout.cell_fraction:.1%} of the volume), "
        f"{planned.senders.size} senders, {hours:g} h: about {expected:,.0f} vesicles"
    )
    console().print(Group(Text(words, style="bold"), table))


def tissue_summary(result: Result, command: str) -> Values:
    """Return the run as plain values: what the JSON file, the tables and the page show."""
    planned = result.plan
    layout, scenario = planned.layout, planned.scenario
    found = shares(result)
    away = result.distance_um
    sent = len(result.sent)
    medians = _medians(result)
    copies = {row.place: row.mean for row in result.copies.rows()}
    others = [one for one in result.links if one.sender != one.receiver]
    largest = sorted(others, key=lambda one: (-one.vesicles, one.sender, one.receiver))
    name = "Near and far" if planned.senders.size == 1 else "A niche"
    return {
        "schema_version": 1,
        "title": f"{name}: {planned.kind.name} among {len(layout):,} cells",
        "command": command,
        "cells": len(layout),
        "size_um": [float(f"{edge:.4g}") for edge in layout.size_um],
        "cell_fraction": layout.cell_fraction,
        "radius_um": float(layout.radii_um.mean()),
        "uniform": scenario.tissue.geometry == "packed",
        "senders": int(planned.senders.size),
        "sender_type": planned.kind.name,
        "release_per_h": planned.release.median,
        "hours": planned.duration_s / 3600.0,
        "repeats": scenario.run.repeats,
        "windows": scenario.run.windows,
        "bias": scenario.run.bias,
        "seed": planned.seed,
        "steps": result.state.steps,
        "conditions": scenario.conditions.model_dump(mode="json"),
        "sent": sent,
        "copies_sent": int(result.sent.copies.sum()),
        "in_words": _words(found, sent, medians, planned.layout.radii_um.mean()),
        "length_um": dict(zip(("low", "middle", "high"), result.length_um, strict=True)),
        "medians": medians,
        "reached": float((result.uptake > 0).mean()),
        "mean_distance_um": float(away.mean()) if away.size else None,
        "balance": [
            {"place": row.place, "vesicles": round(row.mean), "share": row.share,
             "copies": round(copies[row.place])}
            for row in result.vesicles.rows()
        ],
        "largest": [
            {
                "sender": one.sender,
                "receiver": one.receiver,
                "apart_um": math.dist(
                    layout.centres_um[one.sender], layout.centres_um[one.receiver]
                ),
                "vesicles": one.vesicles,
                "copies": one.copies,
            }
            for one in largest[:_LARGEST]
        ],
        "packings": [
            {"name": one.name, "carrying": one.carrying, "copies_each": one.copies_each,
             "mean_copies": one.mean_copies, "sd": math.sqrt(one.variance),
             "reached": one.reached}
            for one in result.packings
        ],
        "knock_outs": [
            {"change": one.change, "observable": one.observable, "expected": one.expected,
             "outcome": one.outcome, "agrees": one.agrees, "control": one.control,
             "changed": one.changed, "z": one.z}
            for one in result.knock_outs
        ],
        "numbers": [
            {"id": one.id, "quantity": one.quantity, "role": one.role, "value": value_range(one),
             "unit": one.unit, "read": planned.read_as[one.id], "source": one.citation,
             "note": one.note}
            for one in planned.records
        ],
        "types": by_type(result),
        "matrix": matrix(result),
        "filled": _filled(result),
    }  # fmt: skip


def _filled(result: Result) -> Values | None:
    if result.filled is None:
        return None
    found = result.filled
    return {
        "sites": result.plan.middle("binding_sites"),
        "return_min": result.plan.middle("site_return") / 60.0,
        "fullest": found.fullest,
        "error": found.convergence.error,
        "rows": [
            {"windows": count, "taken": taken}
            for count, taken in zip(found.convergence.windows, found.convergence.taken, strict=True)
        ],
    }


def tissue_page(result: Result, summary: Values) -> str:
    """Return the self-contained HTML page."""
    from jinja2 import Environment, StrictUndefined

    held = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    held.filters.update(fig=figure, percent=_percent)
    package = files("exosome.app")
    report = package.joinpath("report.html.j2").read_text("utf-8")
    style = re.search(r"<style>(.*?)</style>", report, re.DOTALL)
    text = package.joinpath("tissue.html.j2").read_text("utf-8")
    return held.from_string(text).render(
        s=summary, style="" if style is None else style[1], films=_films(result), **_figures(result)
    )


def _films(result: Result) -> list[Values]:
    from exosome.app.tissue_film import filmed

    planned, followed = result.plan, result.followed
    words = (
        f"{len(followed.sent):,} of the vesicles, all with their clocks set to zero at their "
        "release. Paths have the law of the run, not its luck."
    )
    day = "The run itself; a vesicle seen in one frame has often ended by the next."
    told = ((followed, "min", _EARLY, words), (result.film, "h", 1.0, day))
    shown: list[Values] = []
    for film, unit, still, words in told:
        made = filmed(film, planned.layout, planned.senders, unit=unit, still=still)
        every = film.duration_s / (made.frames - 1)
        apart = f"{figure(every)} s" if every < 60.0 else f"{figure(every / 60.0)} min"
        shown.append({
            "words": f"{words} A frame every {apart}; the darkest cell took up {made.most:,}.",
            "moving": base64.b64encode(made.moving).decode(),
            "still": base64.b64encode(made.still).decode(),
        })  # fmt: skip
    return shown


def _figures(result: Result) -> dict[str, str]:
    import numpy as np

    layout = result.plan.layout
    packings = {one.name: one for one in result.packings}
    longest = float(np.quantile(result.distance_um, 0.995)) if result.distance_um.size else 1.0
    edges = np.linspace(0.0, longest, _BINS + 1, dtype=np.float64)
    counts = np.histogram(result.distance_um, edges)[0]
    law: list[float] = []
    if result.plan.scenario.conditions.loss:
        law = np.diff(result.law_within(edges)).tolist()
    waited = _waits(result) / 60.0
    latest = float(np.quantile(waited, 0.995)) if waited.size else 1.0
    times = np.linspace(0.0, latest, _BINS + 1, dtype=np.float64)
    sender = int(result.plan.senders[0])
    middle = layout.centres_um[sender]
    near = np.abs(layout.centres_um[:, 1] - middle[1]) <= layout.radii_um[sender]
    width, height = float(layout.size_um[0]), float(layout.size_um[2])

    def cut(amounts: Any, key: str, title: str, unit: str) -> str:
        cells = _cells(result, amounts, [int(i) for i in np.flatnonzero(near)])
        return slab(cells, width, height, key=key, title=title, unit=unit)

    every = list(range(len(layout)))[:_MOST_DRAWN]
    return {
        "distance": distances(
            edges.tolist(),
            [int(c) for c in counts],
            law,
            key="distance",
            label="distance from the sender, µm",
            law_name="closed form, nothing fitted",
        ),
        "time": distances(
            times.tolist(),
            [int(c) for c in np.histogram(waited, times)[0]],
            [],
            key="time",
            label="time from release to uptake, min",
            law_name="",
        ),
        "picture": picture(
            _cells(result, result.uptake, every),
            (width, float(layout.size_um[1]), height),
            key="block",
        ),
        "map": cut(result.uptake, "map", "uptake in a slice", "vesicles taken up"),
        "poor": cut(packings["poor and many"].per_cell, "poor", "poor and many", "copies"),
        "rich": cut(packings["rich and rare"].per_cell, "rich", "rich and rare", "copies"),
        "per_type": histogram(result, key="per-type"),
    }


def _cells(result: Result, amounts: Any, which: Sequence[int]) -> list[Cell]:
    layout = result.plan.layout
    senders = {int(i) for i in result.plan.senders}
    cells: list[Cell] = []
    for i in which:
        x, y, z = layout.centres_um[i].tolist()
        amount = None if i in senders else float(amounts[i])
        cells.append(Cell(x, y, z, float(layout.radii_um[i]), amount))
    return cells


def _waits(result: Result) -> Any:
    fate, sent = result.state.fate, result.sent
    other = (fate >= 0) & (fate != sent.sender)
    return result.state.end_s[other] - sent.time_s[other]


def _medians(result: Result) -> dict[str, float | None]:
    import numpy as np

    if not result.distance_um.size:
        return {"simulated": None, "law": None}
    grid = np.linspace(0.0, 20.0 * result.length_um[1], 4001, dtype=np.float64)
    if not np.all(np.isfinite(grid)):
        return {"simulated": float(np.median(result.distance_um)), "law": None}
    within = result.law_within(grid)
    return {
        "simulated": float(np.median(result.distance_um)),
        "law": float(np.interp(0.5, within, grid)),
    }


def _words(
    found: dict[str, int], sent: int, medians: dict[str, float | None], radius: float
) -> str:
    taken = found["taken up by other cells"]
    middle = medians["simulated"]
    if middle is None:
        return f"None of {sent:,} vesicles was taken up by another cell."
    return (
        f"Of {sent:,} vesicles {_percent(taken / sent)} were taken up by other cells, half of them "
        f"within {figure(middle)} µm: {figure(middle / (2.0 * radius))} cell diameters. The sender "
        f"took back {_percent(found['taken up by the sender'] / sent)}, and "
        f"{_percent(found['lost'] / sent)} were lost on the way."
    )


def _cell_rows(result: Result, kinds: Sequence[str]) -> list[Values]:
    layout = result.plan.layout
    return [
        {
            "cell": i,
            "x_um": float(layout.centres_um[i, 0]),
            "y_um": float(layout.centres_um[i, 1]),
            "z_um": float(layout.centres_um[i, 2]),
            "radius_um": float(layout.radii_um[i]),
            "type": kinds[i],
            "vesicles": int(result.uptake[i]),
            "copies": int(result.copies_taken[i]),
            **{
                f"copies {one.name}".replace(" ", "_"): int(one.per_cell[i])
                for one in result.packings
            },
        }
        for i in range(len(layout))
    ]


def _distance_rows(result: Result) -> list[Values]:
    import numpy as np

    longest = float(result.distance_um.max()) if result.distance_um.size else 1.0
    edges = np.linspace(0.0, longest, 61, dtype=np.float64)
    counts = np.histogram(result.distance_um, edges)[0]
    law = np.diff(result.law_within(edges))
    return [
        {
            "from_um": float(edges[i]),
            "to_um": float(edges[i + 1]),
            "vesicles": int(counts[i]),
            "share_closed_form": float(law[i]),
        }
        for i in range(counts.size)
    ]


def _terminal(s: Values) -> Group:
    parts: list[Any] = [Text(s["title"], style="bold"), Text(s["in_words"])]
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
    table.add_row("sent", f"{s['sent']:,}", f"{s['copies_sent']:,}")
    parts += [Text(""), table, Text("")]
    right = sum(one["agrees"] for one in s["knock_outs"])
    parts.append(Text(f"Knock-outs: {right} of {len(s['knock_outs'])} as expected", style="bold"))
    listed = Table("taken away", "watched", "expected", "outcome", box=None, pad_edge=False)
    for one in s["knock_outs"]:
        mark = "" if one["agrees"] else " (!)"
        listed.add_row(one["change"], one["observable"], one["expected"], f"{one['outcome']}{mark}")
    parts.append(listed)
    return Group(*parts)


def _percent(share: float) -> str:
    return f"{figure(100.0 * share)} %"
