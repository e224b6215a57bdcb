"""``exosome cell rank`` and ``exosome cell show``."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from exosome.app.terminal import console
from exosome.catalog.load import load_catalog
from exosome.core.files import write_all
from exosome.core.random import Streams
from exosome.core.units import format_quantity
from exosome.delivery.cell_rank import RATE_UNIT, find_cell, percent, rank_cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exosome.delivery.cell_rank import CellRanking, CellRate

Values = dict[str, Any]

_DRAWS = 50_000
_MARKS = {"supported": "△", "contradicted": "✗", "cannot be settled": "?"}
_COLUMNS = (
    "cell", "name", "known", "unit", "median", "low_90", "high_90", "p_first",
    "record", "record_median", "record_low_90", "record_high_90",
    "counted", "method", "bias", "read", "citation", "note",
)  # fmt: skip
_UNIT_NOTE = (
    "Rates are vesicles per cell and hour. Where particles were counted, they were turned into "
    "vesicles (0.1 to 3 per particle, catalog p01 and p02); the last table compares what was "
    "counted."
)


def show_cell_rank(
    *,
    numbers: Sequence[Path] = (),
    seed: int = 1,
    as_json: bool = False,
    table: Path | None = None,
    html: Path | None = None,
) -> None:
    """Print which cell type releases the most vesicles, how sure that is and why not more.

    Parameters
    ----------
    numbers : sequence of Path
        The user's own release rates (TOML), which replace the catalog's of the same role.
    as_json : bool
        Print the ranking as JSON and nothing else.
    table : Path, optional
        Also write one line per record to this CSV file.
    html : Path, optional
        Also write the page there.

    Raises
    ------
    InputError
        If a file cannot be read or written.
    """
    ranking = rank_cells(load_catalog(tuple(numbers)), Streams(seed), _DRAWS)
    if table is not None:
        write_all(table.parent, {table.name: ranking_csv(ranking).encode()}, where="--csv")
    if html is not None:
        page = ranking_html(ranking, seed=seed)
        write_all(html.parent, {html.name: page.encode()}, where="--html")
    if as_json:
        _print_json({"seed": seed, "unit": RATE_UNIT, **asdict(ranking)})
        return
    console().print(ranking_page(ranking))
    for path in (table, html):
        if path is not None:
            console().print(f"Written: {path}", soft_wrap=True, highlight=False)


def show_cell(
    name: str, *, numbers: Sequence[Path] = (), seed: int = 1, as_json: bool = False
) -> None:
    """Print what is known of one cell type's release rate, record by record.

    Raises
    ------
    InputError
        If the cell type is not listed; the nearest is named.
    """
    key = find_cell(name)
    ranking = rank_cells(load_catalog(tuple(numbers)), Streams(seed), _DRAWS)
    rate = ranking.rate(key)
    if as_json:
        odds = ranking.exceeds.get(key, {})
        _print_json({"seed": seed, "unit": RATE_UNIT, **asdict(rate), "exceeds": odds})
        return
    console().print(cell_page(rate, ranking))


def ranking_page(ranking: CellRanking) -> RenderableType:
    """Return the ranking as a terminal page."""
    answers = Table.grid(padding=(0, 2, 1, 0))
    for one in ranking.answers:
        words = Text(f"“{one.words}”\n", style="italic")
        words.append(f"{_MARKS[one.verdict]} {one.verdict}", style="bold")
        words.append(f"  ({one.asks})\n{one.sentence}", style="not italic")
        answers.add_row(Text(one.statement, style="bold"), words)
    rates = Table(
        "cell type", "median", "90 % interval", "P(first)", "method", "read",
        title=f"Release rate, {RATE_UNIT}", box=None, pad_edge=False,
        title_justify="left", title_style="bold",
    )  # fmt: skip
    for one in ranking.rates:
        rates.add_row(
            Text(one.name, style="bold"),
            _figure(one.median) if one.median is not None else one.known,
            _interval(one),
            "" if one.first is None else percent(one.first),
            "\n".join(f"{e.record}: {e.method_name} [{e.counted}s]" for e in one.estimates),
            "\n".join(e.read for e in one.estimates),
        )
    return Group(
        Text("Do MSCs release the most?\n", style="bold"),
        answers,
        Text("Why it cannot be settled" if _unsettled(ranking) else "What it rests on", "bold"),
        *(Padding(Text(f"• {one}"), (0, 0, 0, 2)) for one in ranking.reasons),
        Padding(rates, (1, 0)),
        _pairs(ranking),
        Padding(_alike(ranking), (1, 0)),
        Text(f"{_UNIT_NOTE} {ranking.draws:,} draws; ties share the first place.", style="dim"),
    )


def cell_page(rate: CellRate, ranking: CellRanking) -> RenderableType:
    """Return one cell type as a terminal page."""
    grid = Table.grid(padding=(0, 2))
    shown = {
        "release rate": f"{_figure(rate.median)} {RATE_UNIT}" if rate.median is not None else "",
        "known": {
            "ranked": "",
            "bounded": "bounds only, no number of its own",
            "unknown": "unknown: no record informs it",
        }[rate.known],
        "90 % interval" if rate.known == "ranked" else "between": _interval(rate),
        "P(first)": ""
        if rate.first is None
        else f"{percent(rate.first)} (among the types with a number)",
        "note": rate.note,
    }
    for label, value in shown.items():
        if value:
            grid.add_row(Text(label, style="dim"), value)
    parts: list[RenderableType] = [Text(f"{rate.name} ({rate.key})", style="bold"), grid]
    if rate.estimates:
        table = Table(
            "record", "median", "90 % interval", "counted", "method", "errs", "read", "source",
            box=None, pad_edge=False,
        )  # fmt: skip
        for one in rate.estimates:
            table.add_row(
                Text(one.record, style="bold"),
                _figure(one.median),
                f"{_figure(one.low)} to {_figure(one.high)}",
                f"{one.counted}s",
                one.method_name,
                one.bias,
                one.read,
                one.citation,
            )
        parts.append(Padding(table, (1, 0, 0, 0)))
    odds = ranking.exceeds.get(rate.key, {})
    if odds:
        names = {one.key: one.name for one in ranking.rates}
        said = "; ".join(f"{names[key]} {percent(p)}" for key, p in odds.items())
        parts.append(Text(f"\nP(releases more than …): {said}"))
    return Group(*parts)


def ranking_csv(ranking: CellRanking) -> str:
    """Return the ranking as CSV: one line per record, one for a cell type without any."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in ranking.rates:
        head = [one.key, one.name, one.known, RATE_UNIT, one.median, one.low, one.high, one.first]
        if not one.estimates:
            writer.writerow([*head, *[""] * 9, one.note])
        for e in one.estimates:
            writer.writerow(
                [
                    *head, e.record, e.median, e.low, e.high,
                    e.counted, e.method_name, e.bias, e.read, e.citation, one.note,
                ]
            )  # fmt: skip
    return out.getvalue()


def ranking_html(ranking: CellRanking, *, seed: int) -> str:
    """Return the ranking as one HTML page with its figure inside."""
    from jinja2 import Environment, StrictUndefined

    held = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    held.filters |= {"figure": _figure, "percent": percent, "interval": _interval}
    text = files("exosome.app").joinpath("cell_rank.html.j2").read_text("utf-8")
    return held.from_string(text).render(
        ranking=ranking,
        drawing=_drawing(ranking),
        unit=RATE_UNIT,
        unit_note=_UNIT_NOTE,
        marks=_MARKS,
        unsettled=_unsettled(ranking),
        seed=seed,
    )


def _drawing(ranking: CellRanking) -> str:
    from exosome.app.figures import Caption, Row, amounts

    rows = [
        Row(
            label=one.name,
            value=f"{_figure(one.median)} ({_interval(one)})",
            short=_figure(one.median),
            note=f"P(first) {percent(one.first)}",
            low=math.log10(one.low),
            middle=math.log10(one.median),
            high=math.log10(one.high),
            series=0 if one.group == ranking.claimed else 1,
        )
        for one in ranking.rates
        if one.median and one.low and one.high and one.first is not None
    ]
    said = "; ".join(f"{one.label}: {one.value}" for one in rows)
    return amounts(
        rows,
        axis_label="vesicles per cell and hour",
        caption=Caption(
            key="cell-rates",
            title="Vesicles released per cell and hour, by cell type",
            description=f"Medians with 90 % intervals. {said}.",
        ),
    )


def _pairs(ranking: CellRanking) -> Table:
    table = Table(
        "other cell type", "P(MSC more)", "within one method",
        title="MSC (best type) against each other type", box=None, pad_edge=False,
        title_justify="left", title_style="bold",
    )  # fmt: skip
    names = {one.method: one.name for one in ranking.alike}
    for one in ranking.pairs:
        table.add_row(
            Text(one.name, style="bold"),
            percent(one.more),
            "; ".join(f"{percent(p)} ({names[m]})" for m, p in one.alike.items()) or "none",
        )
    return table


def _alike(ranking: CellRanking) -> Table:
    table = Table(
        "method", "cell type", "median, as counted", "P(first)", "rests on",
        title="Like with like: ranked within one method", box=None, pad_edge=False,
        title_justify="left", title_style="bold",
    )  # fmt: skip
    for one in ranking.alike:
        for i, (name, median, first) in enumerate(one.first):
            table.add_row(
                Text(one.name if i == 0 else "", style="bold"),
                name,
                f"{_figure(median)} {one.unit}",
                percent(first),
                ""
                if i
                else "figures that were read"
                if one.measured
                else "assumed or recalled only",
            )
    return table


def _unsettled(ranking: CellRanking) -> bool:
    return any(one.verdict == "cannot be settled" for one in ranking.answers)


def _interval(one: CellRate) -> str:
    if one.low is None or one.high is None:
        return ""
    return f"{_figure(one.low)} to {_figure(one.high)}"


def _figure(value: float | None) -> str:
    return "" if value is None else format_quantity(value, "1", digits=2)


def _print_json(values: Values) -> None:
    sys.stdout.write(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
