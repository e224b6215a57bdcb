"""``exosome run cell-receives``: the terminal page, the HTML page and the tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from exosome.app.cell_figures import Band, Flow, Mark, Series, copies, decades, fates, panels
from exosome.app.cell_runs import record_table, write_run
from exosome.app.page_words import (
    check_row,
    figure,
    in_words,
    interval_row,
    knock_out_row,
    number_row,
    percent,
    rendered,
)
from exosome.app.terminal import console
from exosome.catalog.load import load_catalog
from exosome.study.cell_receives import HANDLES, MODULES, plan, read_scenario, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from rich.console import RenderableType

    from exosome.study.cell_receives import CargoFound, Result

    Floats = NDArray[np.float64]
    Values = dict[str, Any]

_COPY_BINS = 12
_LISTED_CELLS = 100  # in cells.csv
_SILENCED = (
    "occupied_low",
    "occupied",
    "occupied_high",
    "missing_low",
    "missing",
    "missing_high",
    "missing_cells_mean",
    "missing_cells_90",
)
_MODULE_NAMES = {"opens_30_percent": "opens (about 30 %)", "low_fusion": "low fusion"}
_ENDS = {
    "degraded": ("degraded", 1),
    "early": ("early endosome", 3),
    "late": ("late endosome", 4),
    "given back": ("given back", 0),
    "opened": ("opened", 2),
}


def run_cell_receives(
    name_or_file: str,
    *,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    workers: int,
    quiet: bool,
) -> None:
    """Run a scenario of a cell that receives, write its directory and print the page.

    Parameters
    ----------
    name_or_file : str
        ``"cell-receives"`` for the bundled scenario, or a TOML file.
    out : Path or None
        Directory of the results; ``./cell-receives-run`` or that of the file's name by default.
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
    scenario = read_scenario(name_or_file)
    where = f"{Path(name_or_file).stem}.toml"
    result = run(
        plan(scenario, load_catalog(tuple(numbers)), seed=seed, where=where), workers=workers
    )
    summary = cell_receives_summary(result)
    write_run(
        "cell-receives",
        name_or_file,
        page=cell_receives_page(result, summary),
        summary=summary,
        tables={
            "knock-outs.csv": summary["knock_outs"],
            "cargo.csv": summary["cargo"],
            "courses.csv": _course_rows(result),
            "cells.csv": _cell_rows(result),
        },
        out=out,
        numbers=numbers,
        seed=seed,
        shown=None if quiet else _terminal(summary),
    )


def check_cell_receives(name_or_file: str, *, numbers: Sequence[Path]) -> None:
    """Validate a scenario and print what would run, from which numbers.

    Raises
    ------
    InputError
        The scenario or a number cannot be used.
    """
    scenario = read_scenario(name_or_file)
    where = f"{Path(name_or_file).stem}.toml"
    planned = plan(scenario, load_catalog(tuple(numbers)), seed=1, where=where)
    table = record_table(planned.records, planned.read_as)
    words = (
        f"{planned.kind.name}: {scenario.run.cells} cells, "
        f"{scenario.given.vesicles_per_cell} vesicles around each, {planned.hours:g} h"
    )
    console().print(Group(Text(words, style="bold"), table))


def cell_receives_summary(result: Result) -> Values:
    """Return the run as plain values: what the JSON file, the tables and the pages show."""
    planned = result.plan
    asked = planned.scenario
    trade = result.trade
    return {
        "schema_version": 1,
        "cell": planned.kind.name,
        "cell_note": planned.kind.note,
        "uptake_role": planned.uptake,
        "uptake_is_own": planned.uptake in planned.kind.roles,
        "cells": asked.run.cells,
        "hours": planned.hours,
        "given": asked.given.vesicles_per_cell,
        "copies_needed": asked.response.copies_needed,
        "seed": planned.seed,
        "opening": asked.opening.model_dump(mode="json"),
        "conditions": {
            "handles": [HANDLES[key][0] for key in asked.conditions.handles],
            "temperature_c": asked.conditions.temperature_c,
        },
        "modules": [
            {
                "module": name,
                "words": _MODULE_NAMES[name],
                "share": interval_row(result.opening_shares[name]),
                "records": " ".join(r.id for r in planned.openings[name].records),
                **_ends(result, name),
            }
            for name in MODULES
        ],
        "intervals": [interval_row(one) for one in result.intervals],
        "fullness": [interval_row(one) for one in result.fullness],
        "checks": [check_row(one) for one in result.checks],
        "cargo": [_cargo(one) for one in result.cargo],
        "trade": {
            "taken_per_h": interval_row(trade.taken_per_h),
            "released_per_h": trade.released_per_h,
            "even_at": trade.even_at,
            "records": " ".join(trade.records),
        },
        "knock_outs": [knock_out_row(one) for one in result.knock_outs],
        "numbers": [number_row(one, planned.read_as[one.id]) for one in planned.records],
    }


def _ends(result: Result, module: str) -> Values:
    """Return where the vesicles of all cells are at the end, counted."""
    got = result.cells[module]

    def total(name: str) -> int:
        return int(getattr(got, name)[:, -1].sum())

    inside = {name: total(name) for name in ("degraded", "early", "late", "opened")}
    internalised = total("internalised")
    placed = sum(
        total(name)
        for name in (
            "free", "bound", "early", "late", "degraded", "recycled_out", "opened", "lost"
        )
    )  # fmt: skip
    return {
        "given": total("given"),
        "internalised": internalised,
        **inside,
        # Outside again, bound again or lost after a stay inside: what is left of those inside.
        "given_back": internalised - sum(inside.values()),
        "gap": total("given") - placed,
    }


def cell_receives_page(result: Result, summary: Values) -> str:
    """Return the self-contained HTML page."""
    return rendered("cell_receives.html.j2", s=summary, **_figures(result, summary))


def _figures(result: Result, summary: Values) -> dict[str, Any]:
    percents = [
        Band(
            f"{one.name}, %",
            (100.0 * one.low).tolist(),
            (100.0 * one.middle).tolist(),
            (100.0 * one.high).tolist(),
            i,
        )
        for i, one in enumerate(result.courses)
    ]
    sankeys = [
        fates(
            [Flow("taken in", one["internalised"], 0)],
            [
                Flow(words, one["given_back" if key == "given back" else key], i)
                for key, (words, i) in _ENDS.items()
            ],
            key=f"fates-{one['module']}",
            middle_name="inside",
            title=f"Fate of every internalised vesicle, {one['words']}",
        )
        for one in summary["modules"]
        if one["internalised"]
    ]
    in_time = [_in_time(one) for one in result.cargo]
    missing = [
        Band(
            f"{_short(one)}, %",
            (100.0 * one.silencing.missing.low).tolist(),
            (100.0 * one.silencing.missing.middle).tolist(),
            (100.0 * one.silencing.missing.high).tolist(),
            0 if one.module == "opens_30_percent" else 1,
        )
        for one in result.cargo
        if one.silencing is not None
    ]
    per_cell = [
        Series(f"{_name(one)}, {_MODULE_NAMES[one.module]}", _shares(one), i)
        for i, one in enumerate(result.cargo[:4])
    ]
    return {
        "courses": panels(
            percents,
            key="courses",
            title="Where the vesicles given are",
            hours=result.courses[0].times_h.tolist(),
        ),
        "sankeys": sankeys,
        "held": _held(result),
        "copies_in_time": panels(
            in_time,
            key="copies-in-time",
            title="Functional copies in the cytosol",
            hours=result.times_h.tolist(),
        ),
        "copies": copies(per_cell, floor=0.5 / summary["cells"], of="cell"),
        "missing": panels(
            missing,
            key="missing",
            title="Share of the target protein that is missing",
            hours=result.times_h.tolist(),
        )
        if missing
        else "",
        "filling": _filling(result),
    }


def _in_time(one: CargoFound) -> Band:
    """Return the course of one cargo, in thousands where copies are many."""
    many = float(one.course.high.max()) >= 1e4
    scale = 1e-3 if many else 1.0
    course = one.course
    return Band(
        _short(one) + (", thousands" if many else ""),
        (scale * course.low).tolist(),
        (scale * course.middle).tolist(),
        (scale * course.high).tolist(),
        0 if one.module == "opens_30_percent" else 1,
        (scale * one.low).tolist(),
        (scale * one.high).tolist(),
    )


def _held(result: Result) -> str:
    """Draw what cells hold, in percent of the vesicles given, with the catalog's points over it."""
    records = {record.id: record for record in result.plan.shown}
    marks: list[Mark] = []
    f04, k01, f21 = (records.get(key) for key in ("f04", "k01", "f21"))
    if f04 and f04.value and f04.low and f04.high:
        words = "f04: HeLa, share of added in 1 h (recalled)"
        marks.append(Mark(1.0, 100 * f04.low, 100 * f04.value, 100 * f04.high, words, 1))
    if k01 and k01.value and k01.low and k01.high:
        words = "k01: most that diffuses to a cell layer in 1 h"
        marks.append(Mark(1.1, k01.low, k01.value, k01.high, words, 3))
    one = result.held
    if f21 and f21.value and f21.value <= one.times_h[-1]:
        at = 100.0 * _between(f21.value, one.times_h, one.middle)
        marks.append(
            Mark(f21.value, at, at, at, "f21: seen inside MSC by 4 h, no share printed", 2)
        )
    return decades(
        [
            Band(
                "held by the cells, model",
                (100.0 * one.low).tolist(),
                (100.0 * one.middle).tolist(),
                (100.0 * one.high).tolist(),
                0,
            )
        ],
        [mark for mark in marks if mark.x <= one.times_h[-1]],
        key="held",
        title="Share of the vesicles given that cells hold",
        at=one.times_h.tolist(),
        labels=("hours", "% of the vesicles given"),
        bottom=0.01,
    )


def _filling(result: Result) -> str:
    one, given = result.filling, float(result.plan.scenario.given.vesicles_per_cell)

    def line(name: str, values: Sequence[float], series: int) -> Band:
        return Band(name, values, values, values, series)

    entries = _between(given, one.given, one.filling)
    marks = [Mark(given, entries, entries, entries, "this run", 2)] if entries > 0.0 else []
    return decades(
        [
            line("sites and entry fill up", one.filling.tolist(), 0),
            line("never full (closed form)", one.linear.tolist(), 1),
        ],
        [mark for mark in marks if one.given[0] <= given <= one.given[-1]],
        key="filling",
        title="Entries by the end against vesicles given",
        at=one.given.tolist(),
        labels=("vesicles around one cell", "entries into one cell by the end"),
        bottom=1.0,
    )


def _between(at: float, x: Floats, y: Floats) -> float:
    from numpy import interp

    return float(interp(at, x, y))


def _shares(one: CargoFound) -> list[float]:
    cells = sum(count for _, count in one.counts)
    shares = [0.0] * (_COPY_BINS + 1)
    for copies_held, count in one.counts:
        shares[min(copies_held, _COPY_BINS)] += count / cells
    return shares


def _cargo(one: CargoFound) -> Values:
    return {
        "cargo": _name(one),
        "module": one.module,
        "packing": one.asked.packing,
        "copies_per_vesicle": one.copies_per_vesicle,
        "mean": float(one.mean[-1]),
        "mean_low": float(one.course.low[-1]),
        "mean_told": float(one.course.middle[-1]),
        "mean_high": float(one.course.high[-1]),
        "cells_10": float(one.low[-1]),
        "cells_50": float(one.median[-1]),
        "cells_90": float(one.high[-1]),
        "none": one.none,
        "none_told": one.none_told,
        "responding": one.responding,
        "responding_told": one.responding_told,
        **_silenced(one),
    }


def _silenced(one: CargoFound) -> Values:
    """Return what a miRNA does to a target at the end; empty texts for other cargoes."""
    found = one.silencing
    if found is None:
        return dict.fromkeys(_SILENCED, "")
    occupied, missing = found.occupied, found.missing
    ends = [float(end[-1]) for c in (occupied, missing) for end in (c.low, c.middle, c.high)]
    return dict(zip(_SILENCED, (*ends, found.cells_mean, found.cells_90), strict=True))


def _name(one: CargoFound) -> str:
    return one.asked.label or in_words(one.asked.name)


def _short(one: CargoFound) -> str:
    module = "opens" if one.module == "opens_30_percent" else "low fusion"
    packed = f"{one.asked.copies_per_packet} × " if one.asked.copies_per_packet else ""
    name = in_words(one.asked.name).removeprefix("natural ").removeprefix("loaded ")
    return f"{packed}{name}: {module}"


def _course_rows(result: Result) -> list[Values]:
    rows: list[Values] = []
    courses = [*result.courses, result.held, *(one.course for one in result.cargo)]
    names = [*(one.name for one in result.courses), result.held.name]
    names += [f"copies of {_name(one)}, {one.module}" for one in result.cargo]
    for name, one in zip(names, courses, strict=True):
        rows += [
            {
                "quantity": name,
                "unit": one.unit,
                "hour": float(hour),
                "low": float(one.low[i]),
                "middle": float(one.middle[i]),
                "high": float(one.high[i]),
            }
            for i, hour in enumerate(one.times_h)
        ]
    return rows


def _cell_rows(result: Result) -> list[Values]:
    names = ("free", "bound", "early", "late", "degraded", "recycled_out", "opened", "lost")
    return [
        {
            "module": module,
            "cell": cell + 1,
            "hour": float(hour),
            **{name: int(getattr(got, name)[cell, i]) for name in names},
            "copies": int(got.copies[cell, i]),
        }
        for module, got in result.cells.items()
        for cell in range(min(_LISTED_CELLS, got.given.shape[0]))
        for i, hour in enumerate(result.times_h)
    ]


def _terminal(s: Values) -> RenderableType:
    words = f"A cell that receives: {s['cell']}, {s['given']:,} vesicles around each of"
    parts: list[RenderableType] = [
        Text(f"{words} {s['cells']} cells, {s['hours']:g} h", style="bold"),
        Text(s["cell_note"]) if s["cell_note"] else Text(""),
    ]
    table = Table("", "5 %", "at the medians", "95 %", "", box=None, pad_edge=False)
    for one in (*s["intervals"], *s["fullness"]):
        table.add_row(
            one["name"], figure(one["low"]), figure(one["middle"]), figure(one["high"]), one["unit"]
        )
    parts += [table, Text(""), Text("Fate of every internalised vesicle", style="bold")]
    ends = Table("", *(m["words"] for m in s["modules"]), box=None, pad_edge=False)
    for key, (name, _) in _ENDS.items():
        field = "given_back" if key == "given back" else key
        ends.add_row(
            name,
            *(f"{m[field]:,}  {_share(m[field], m['internalised'])}" for m in s["modules"]),
        )
    ends.add_row("taken in", *(f"{m['internalised']:,}" for m in s["modules"]))
    ends.add_row("lost or made", *(str(m["gap"]) for m in s["modules"]))
    parts += [ends, Text(""), Text("Functional copies in one cell at the end", style="bold")]
    held = Table(
        "cargo", "module", "mean", "90 % of not known", "cells with none",
        f"cells with {s['copies_needed']}", "in theory", box=None, pad_edge=False,
    )  # fmt: skip
    for one in s["cargo"]:
        held.add_row(
            one["cargo"],
            one["module"],
            figure(one["mean"]),
            f"{figure(one['mean_low'])} to {figure(one['mean_high'])}",
            percent(one["none"]),
            percent(one["responding"]),
            percent(one["responding_told"]),
        )
    parts += [held, Text("")]
    right = sum(one["agrees"] for one in s["knock_outs"])
    parts.append(Text(f"Knock-outs: {right} of {len(s['knock_outs'])} as expected", style="bold"))
    listed = Table("changed", "watched", "expected", "outcome", box=None, pad_edge=False)
    for one in s["knock_outs"]:
        mark = "" if one["agrees"] else " (!)"
        listed.add_row(one["change"], one["observable"], one["expected"], f"{one['outcome']}{mark}")
    parts.append(listed)
    return Group(*parts)


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "none"
