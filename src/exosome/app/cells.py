"""``exosome run cell-sends``: the terminal page, the HTML page and the tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from exosome.app.cell_figures import Flow, Series, bursts, copies, fates, sizes
from exosome.app.cell_runs import record_table, write_run
from exosome.app.figures import Caption, Row, amounts
from exosome.app.page_words import (
    check_row,
    figure,
    in_words,
    interval_row,
    knock_out_row,
    log_or_none,
    number_row,
    percent,
    rendered,
    value_range,
)
from exosome.app.terminal import console
from exosome.catalog.load import load_catalog
from exosome.cell.donor import donor_types
from exosome.cell.packing import PLACE_OF
from exosome.study.cell_sends import plan, read_scenario, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from exosome.catalog.record import Sourced
    from exosome.study.cell_cargo import CargoFound
    from exosome.study.cell_sends import Interval, Result

    Values = dict[str, Any]

_SHOWN_CELLS = 4
_PLACE_WORDS = {
    "lumen": "in the lumen",
    "membrane": "in the membrane",
    "bilayer": "of the bilayer",
    "surface": "on the outside (corona)",
    "outside": "beside the vesicles, in none of them",
}
_LISTED_CELLS = 100  # in release.csv
_FATE_NAMES = {
    "lysosomal": ("lysosome", 1),
    "back_fused": ("fused back", 3),
    "inside": ("still inside", 4),
    "secreted": ("secreted", 2),
}


def run_cell_sends(
    name_or_file: str,
    *,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    workers: int,
    quiet: bool,
) -> None:
    """Run a scenario of a cell that sends, write its directory and print the page.

    Parameters
    ----------
    name_or_file : str
        ``"cell-sends"`` for the bundled scenario, or a TOML file.
    out : Path or None
        Directory of the results; ``./cell-sends-run`` or that of the file's name by default.
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
    summary = cell_sends_summary(result)
    write_run(
        "cell-sends",
        name_or_file,
        page=cell_sends_page(result, summary),
        summary=summary,
        tables={
            "knock-outs.csv": summary["knock_outs"],
            "cargo.csv": summary["cargo"],
            "release.csv": _release_rows(result),
        },
        out=out,
        numbers=numbers,
        seed=seed,
        shown=None if quiet else _terminal(summary),
    )


def check_cell_sends(name_or_file: str, *, numbers: Sequence[Path]) -> None:
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
    words = f"{planned.kind.name}: {scenario.run.cells} cells for {planned.hours:g} h"
    console().print(Group(Text(words, style="bold"), table))


def list_cell_types(*, numbers: Sequence[Path] = ()) -> None:
    """Print every cell type with the records behind its release rate, or why it is unknown."""
    catalog = load_catalog(tuple(numbers))
    table = Table("cell", "release", "records", "how it was found", box=None, pad_edge=False)
    for key, one in donor_types().items():
        found = [r for r in catalog.values() if r.role in one.roles]
        if not found:
            table.add_row(key, "unknown", "", one.note)
        for record in found:
            table.add_row(key, value_range(record), record.id, record.method)
    console().print(table)


def cell_sends_summary(result: Result) -> Values:
    """Return the run as plain values: what the JSON file, the tables and the pages show."""
    planned = result.plan
    total = sum(count for _, count in result.fates)
    return {
        "schema_version": 1,
        "cell": planned.kind.name,
        "cell_note": planned.kind.note,
        "release_role": planned.release.role,
        "cells": planned.scenario.run.cells,
        "hours": planned.hours,
        "seed": planned.seed,
        "conditions": planned.scenario.conditions.model_dump(mode="json"),
        "size_law": planned.scenario.sizes.law,
        "intervals": [interval_row(one) for one in result.intervals],
        "checks": [check_row(one) for one in result.checks],
        "fates": {
            "formed": total,
            "by_escrt": int(result.cells.escrt.sum()),
            **dict(result.fates),
            "gap": int(result.cells.formed.sum()) - total,
        },
        "fate_intervals": [interval_row(one) for one in result.fate_intervals],
        "sizes": {
            "within_40_to_100_nm": result.sizes.within,
            "auc": result.sizes.auc,
            "auc_closed_form": result.sizes.auc_law,
            "other_law": result.sizes.other_name,
            "other_auc": result.sizes.other_auc,
            "in_words": _size_words(result.sizes.auc),
            "lumen_ratio_40_to_100_nm": _lumen_ratio(),
        },
        "cargo": [_cargo(one, planned.measured[one.asked.name]) for one in result.cargo],
        "knock_outs": [knock_out_row(one) for one in result.knock_outs],
        "numbers": [number_row(one, planned.read_as[one.id]) for one in planned.records],
    }


def cell_sends_page(result: Result, summary: Values) -> str:
    """Return the self-contained HTML page."""
    return rendered(
        "cell_sends.html.j2", s=summary, places=_PLACE_WORDS, **_figures(result, summary)
    )


def _figures(result: Result, summary: Values) -> dict[str, str]:
    cells, planned = result.cells, result.plan
    width = planned.hours / cells.released.shape[1]
    release = next(one for one in result.intervals if one.name == "vesicles released")
    formed, by_escrt = summary["fates"]["formed"], summary["fates"]["by_escrt"]
    kinds = [
        Series(_cargo_name(one), one.shares, i)
        for i, one in enumerate([c for c in result.cargo if _is_countable(c)][:_LARGEST])
    ]
    return {
        "bursts": bursts(
            list(
                zip(
                    cells.exosomes[:_SHOWN_CELLS].tolist(),
                    cells.ectosomes[:_SHOWN_CELLS].tolist(),
                    strict=True,
                )
            ),
            cells.released.mean(axis=0).tolist(),
            release.low * width,
            release.high * width,
            hours=planned.hours,
        ),
        "fates": fates(
            [Flow("ESCRT", by_escrt, 0), Flow("ceramide", formed - by_escrt, 3)],
            [Flow(words, summary["fates"][key], i) for key, (words, i) in _FATE_NAMES.items()],
        )
        if formed
        else "",
        "sizes": sizes(
            result.sizes.edges_nm.tolist(),
            [
                Series("exosomes", result.sizes.exosome.tolist(), 0),
                Series("ectosomes", result.sizes.ectosome.tolist(), 1),
            ],
            low_nm=40.0,
            high_nm=100.0,
        ),
        "copies": copies(kinds, floor=1e-5) if kinds else "",
        "rates": amounts(
            _rate_rows(result, release),
            axis_label="vesicles released by one cell in one hour",
            caption=Caption(
                key="rates",
                title="Release rate: the model and the records",
                description="The run's interval above every record of the catalog.",
            ),
        ),
    }


_LARGEST = 5


def _rate_rows(result: Result, release: Interval) -> list[Row]:
    rows = [
        Row(
            label="this run",
            value=f"{figure(release.low)} to {figure(release.high)}",
            short=figure(release.middle),
            note="90 % interval",
            low=log_or_none(release.low),
            middle=log_or_none(release.middle),
            high=log_or_none(release.high),
        )
    ]
    for record in result.plan.release.records:
        low, high = record.low, record.high
        middle = record.value
        if middle is None and low is not None and high is not None:
            middle = math.sqrt(low * high)
        rows.append(
            Row(
                label=f"{record.id}, {result.plan.read_as[record.id]}",
                value=value_range(record),
                short=value_range(record),
                note=record.citation.partition(":")[0],
                low=log_or_none(low),
                middle=log_or_none(middle),
                high=log_or_none(high),
                series=1,
            )
        )
    return rows


def _terminal(s: Values) -> RenderableType:
    parts: list[RenderableType] = [
        Text(f"A cell that sends: {s['cell']}, {s['cells']} cells, {s['hours']:g} h", style="bold"),
        Text(s["cell_note"]) if s["cell_note"] else Text(""),
    ]
    table = Table("", "5 %", "simulated", "95 %", "", box=None, pad_edge=False)
    for one in s["intervals"]:
        table.add_row(
            one["name"], figure(one["low"]), figure(one["middle"]), figure(one["high"]), one["unit"]
        )
    parts += [table, Text(""), Text("Fate of every intraluminal vesicle", style="bold")]
    formed = s["fates"]["formed"]
    for key, (words, _) in _FATE_NAMES.items():
        count = s["fates"][key]
        share = percent(count / formed) if formed else "none"
        parts.append(Text(f"  {words:13} {count:>14,}  {share}"))
    parts.append(Text(f"  formed        {formed:>14,}  nothing lost or made"))
    parts += [Text(""), Text("Cargo of one released vesicle", style="bold")]
    held = Table("cargo", "mean copies", "hold none", "law, bounds", box=None, pad_edge=False)
    for one in s["cargo"]:
        bounds = f"{figure(one['passive_low'])} to {figure(one['passive_high'])}"
        held.add_row(one["cargo"], figure(one["mean"]), percent(one["empty"]), bounds)
    parts += [held, Text(""), Text(s["sizes"]["in_words"]), Text("")]
    right = sum(one["agrees"] for one in s["knock_outs"])
    parts.append(Text(f"Knock-outs: {right} of {len(s['knock_outs'])} as expected", style="bold"))
    listed = Table("changed", "watched", "expected", "outcome", box=None, pad_edge=False)
    for one in s["knock_outs"]:
        mark = "" if one["agrees"] else " (!)"
        listed.add_row(one["change"], one["observable"], one["expected"], f"{one['outcome']}{mark}")
    parts.append(listed)
    return Group(*parts)


def _cargo(one: CargoFound, measured: Sequence[Sourced]) -> Values:
    return {
        "cargo": _cargo_name(one),
        "kind": one.asked.kind,
        "place": PLACE_OF[one.asked.kind],
        "contested": one.asked.kind == "dna",
        "packing": one.asked.packing,
        "mean": one.mean,
        "empty": one.empty,
        "empty_if_independent": one.empty_independent,
        "fano": one.fano,
        "passive_low": one.passive_low,
        "passive": one.passive,
        "passive_high": one.passive_high,
        "measured": "; ".join(f"{value_range(r)} {r.unit} ({r.id})" for r in measured),
    }


def _is_countable(one: CargoFound) -> bool:
    """Whether a figure of copies by vesicle shows anything of a cargo."""
    return PLACE_OF[one.asked.kind] != "outside" and one.shares[-1] < 0.5


def _cargo_name(one: CargoFound) -> str:
    return one.asked.label or in_words(one.asked.name)


def _size_words(auc: float) -> str:
    if abs(auc - 0.5) <= 0.03:
        return (
            f"Size does not tell origin: a classifier that sees diameters only has an AUC of "
            f"{auc:.2f}, the toss of a coin."
        )
    return (
        f"With these size laws a classifier that sees diameters only has an AUC of {auc:.2f}: it "
        "tells the two laws apart, and origin only as far as the laws are right."
    )


def _lumen_ratio() -> float:
    import numpy as np

    from exosome.cell.packing import lumen_nm3

    low, high = lumen_nm3(np.array([40.0, 100.0]), 5.0)
    return float(high / low)


def _release_rows(result: Result) -> list[Values]:
    cells = result.cells
    return [
        {
            "cell": cell + 1,
            "from_h": float(cells.edges_h[i]),
            "to_h": float(cells.edges_h[i + 1]),
            "exosomes": int(cells.exosomes[cell, i]),
            "bursts": int(cells.bursts[cell, i]),
            "ectosomes": int(cells.ectosomes[cell, i]),
        }
        for cell in range(min(_LISTED_CELLS, cells.exosomes.shape[0]))
        for i in range(cells.exosomes.shape[1])
    ]
