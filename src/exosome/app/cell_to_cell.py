"""``exosome run cell-to-cell``: the terminal page, the HTML page and the tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from exosome.app.cell_figures import Band, Dot, Flow, bursts, dots, fates, panels
from exosome.app.cell_runs import record_table, write_run
from exosome.app.page_words import (
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
from exosome.cell.memory import LIVES
from exosome.study.cell_to_cell import NO_RELEASE, plan, read_scenario
from exosome.study.pair_run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from rich.console import RenderableType

    from exosome.numerics.information import Information
    from exosome.study.pair_packing import PackingFound
    from exosome.study.pair_run import Balance, CourseFound, MessageFound, Result
    from exosome.study.pair_run import Band as CellBand

    Floats = NDArray[np.float64]
    Values = dict[str, Any]

_SHOWN_SENDERS = 4
_LONGEST = 22  # letters over a panel
_PLACES = (
    ("outside", ("free", "recycled_out"), 4),
    ("bound", ("bound",), 3),
    ("in endosomes", ("early", "late"), 0),
    ("degraded", ("degraded",), 1),
    ("opened", ("opened",), 2),
    ("lost outside", ("lost",), 3),
)


def run_cell_to_cell(
    name_or_file: str,
    *,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    workers: int,
    quiet: bool,
) -> None:
    """Run a scenario of a message between cells, write its directory and print the page.

    Parameters
    ----------
    name_or_file : str
        ``"cell-to-cell"`` for the bundled scenario, or a TOML file.
    out : Path or None
        Directory of the results; ``./cell-to-cell-run`` or that of the file's name by default.
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
    summary = cell_to_cell_summary(result)
    write_run(
        "cell-to-cell",
        name_or_file,
        page=cell_to_cell_page(result, summary),
        summary=summary,
        tables={
            "knock-outs.csv": summary["knock_outs"],
            "bits.csv": _bits_rows(summary),
            "courses.csv": _course_rows(result),
        },
        out=out,
        numbers=numbers,
        seed=seed,
        shown=None if quiet else _terminal(summary),
    )


def check_cell_to_cell(name_or_file: str, *, numbers: Sequence[Path]) -> None:
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
    asked = scenario.pair
    words = (
        f"{planned.sender.name} to {planned.receiver.name}: {asked.pairs} groups of "
        f"{asked.senders} and {asked.receivers}, {len(scenario.message)} messages, "
        f"{planned.clock.watched} h"
    )
    console().print(Group(Text(words, style="bold"), table))


def cell_to_cell_summary(result: Result) -> Values:
    """Return the run as plain values: what the JSON file, the tables and the pages show."""
    planned = result.plan
    asked = planned.scenario.pair
    messages = [_message(one) for one in result.messages]
    return {
        "schema_version": 1,
        "sender": planned.sender.name,
        "receiver": planned.receiver.name,
        "off": "no release" if planned.scenario.sender.off == NO_RELEASE
        else in_words(planned.scenario.sender.off),
        "senders": asked.senders,
        "receivers": asked.receivers,
        "pairs": asked.pairs,
        "draws": asked.draws,
        "prior_on": asked.prior_on,
        "sends_for_h": planned.clock.sending,
        "read_at_h": planned.clock.read,
        "hours": planned.clock.watched,
        "seed": planned.seed,
        "release_role": planned.release_role,
        "uptake_role": planned.uptake_role,
        "uptake_is_own": planned.uptake_role in planned.receiver.roles
        and planned.scenario.receiver.uptake_role is None,
        "intervals": [interval_row(one) for one in result.intervals],
        "fullness": {"sites": result.fullness[0], "entry": result.fullness[1]},
        "balances": [_balance(one) for one in result.balances],
        "messages": messages,
        "packings": [_packing(one) for one in result.packings],
        "packings_in_words": _packing_words(result.packings),
        "knock_outs": [knock_out_row(one) for one in result.removals],
        "numbers": [number_row(one, planned.read_as[one.id]) for one in planned.records],
    }  # fmt: skip


def cell_to_cell_page(result: Result, summary: Values) -> str:
    """Return the self-contained HTML page."""
    return rendered("cell_to_cell.html.j2", s=summary, **_figures(result, summary))


def _message(one: MessageFound) -> Values:
    return {
        "name": one.asked.name,
        "effect": one.effect.name,
        "key": one.effect.key,
        "driver": one.effect.driver,
        "needs_uptake": one.effect.driver == "copies",
        "measured": one.effect.measured,
        "unit": one.effect.unit,
        "stops": one.effect.stops,
        "detectable": one.detectable,
        "copies_at_once": one.needed,
        "modules": [_course(one, course) for course in one.courses],
    }


def _course(message: MessageFound, one: CourseFound) -> Values:
    peak = int(one.response.mean.argmax())
    return {
        "module": one.module if message.effect.driver == "copies" else "no opening needed",
        "opening": one.opening,
        "peak": float(one.response.mean[peak]),
        "peak_low": float(one.interval[0].max()),
        "peak_high": float(one.interval[1].max()),
        "peak_off": float(one.off.max()),
        "end": float(one.response.mean[-1]),
        "responding": one.responding,
        "responding_off": one.responding_off,
        "verdict": one.verdict,
        "verdict_blocked": one.verdict_blocked,
        "reason": _reason(message, one),
        "receivers_by_verdict": {str(k): v for k, v in one.memories.items()},
        "driver_half_life_h": one.driver_half_life_h,
        "bits": [{"stage": s.name, **_bits(s.bits)} for s in one.bits],
        "without_release": _bits(one.without_release),
        "without_uptake": _bits(one.without_uptake),
    }


def _reason(message: MessageFound, one: CourseFound) -> str:
    """Return in words why the verdict is what it is."""
    life = figure(one.driver_half_life_h)
    driver = {"copies": "copies", "bound": "bound vesicles", "outside": "vesicles outside"}[
        message.effect.driver
    ]
    if one.verdict == "no response":
        return (
            f"the mean response peaks at {figure(float(one.response.mean.max()))}, below "
            f"{figure(message.detectable)}, which counts as one"
        )
    if one.verdict == "reprogrammed":
        return (
            f"the response holds for more than {LIVES:g} half-lives ({life} h each) after the "
            f"{driver} fell below half of their peak"
        )
    if one.verdict == "transient":
        return (
            f"the response falls below half of its peak within {LIVES:g} half-lives ({life} h "
            f"each) of the {driver}"
        )
    return f"the watch ends before {LIVES:g} half-lives ({life} h each) of the {driver} are over"


def _bits(one: Information) -> Values:
    return {
        "bits": one.bits,
        "low": one.low,
        "high": one.high,
        "error_at_zero": one.null_sd,
        "p_value": one.p_value,
        "most": one.most,
        "is_zero": one.is_zero(),
    }


def _balance(one: Balance) -> Values:
    held = dict(one.places)
    return {
        "module": one.module,
        "released": one.released,
        "places": {name: sum(held[key] for key in keys) for name, keys, _ in _PLACES},
        "let_out": one.let_out,
        "copies": one.copies,
        "decayed": one.decayed,
        "gap": one.gap,
    }


def _packing(one: PackingFound) -> Values:
    return {
        "packing": one.name,
        "loaded": one.loaded,
        "mean_theory": one.mean_theory,
        "mean": one.mean,
        "needed": one.needed,
        "theory": one.theory,
        "simulated": one.simulated,
        "z": one.z,
        "responding": one.responding,
    }


def _packing_words(rows: Sequence[PackingFound]) -> str:
    if len(rows) < 2:
        return ""
    first, last = rows[0], rows[-1]
    return (
        f"At the same mean, {percent(first.simulated)} of the receivers get at least "
        f"{first.needed:,} copies where copies are spread over vesicles, and "
        f"{percent(last.simulated)} with {last.name}; the law of packets says "
        f"{percent(first.theory)} and {percent(last.theory)}."
    )


def _figures(result: Result, summary: Values) -> dict[str, Any]:
    hours = result.times_h.tolist()
    main = result.messages[0]
    courses = [
        _drawn_band("came near, vesicles", result.arrived, None, 0),
        _drawn_band("in endosomes, vesicles", result.inside, None, 0),
    ]
    for i, one in enumerate(main.courses, 1):
        courses += [
            _drawn_band(f"{main.effect.driver}, {one.module}", one.driver, one.driver_interval, i),
            _drawn_band(f"response, {one.module}", one.response, one.interval, i),
        ]
    return {
        "sending": _sending(result),
        "courses": panels(
            courses, key="courses", title="From the medium to the response", hours=hours
        ),
        "others": panels(
            [
                _drawn_band(
                    _short(one.asked.name), one.courses[0].response, one.courses[0].interval, place
                )
                for place, one in enumerate(result.messages[1:], 1)
            ],
            key="others",
            title="Responses to the other messages",
            hours=hours,
        )
        if len(result.messages) > 1
        else "",
        "sankeys": [_sankey(one, result) for one in summary["balances"] if one["released"]],
        "ladder": _ladder(summary),
        "packed": dots(
            [
                Dot(
                    one.name.replace("copies to a vesicle", "per vesicle").replace(
                        "copies independent of each other", "independent copies"
                    ),
                    *_wilson(one.simulated, summary["pairs"] * summary["receivers"]),
                    0,
                    one.theory,
                )
                for one in result.packings
            ],
            key="packed",
            title="Share of receivers with enough copies",
            axis="share of receivers",
            most=1.0,
        )
        if result.packings
        else "",
    }


def _drawn_band(name: str, cells: CellBand, interval: Floats | None, series: int) -> Band:
    """Return a course for the figure, with a bar for the cells every few hours."""
    every = max(1, cells.mean.size // 24)
    low, high = cells.low.copy(), cells.high.copy()
    hidden = [i for i in range(cells.mean.size) if i % every]
    low[hidden] = high[hidden] = 0.0
    span = (cells.mean, cells.mean) if interval is None else interval
    return Band(
        name,
        span[0].tolist(),
        cells.mean.tolist(),
        span[1].tolist(),
        series,
        low.tolist(),
        high.tolist(),
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…"


def _sending(result: Result) -> str:
    cells = result.sent.cells
    if cells is None or not cells.released.any():
        return ""
    mean = cells.released.mean(axis=0)
    return bursts(
        list(
            zip(
                cells.exosomes[:_SHOWN_SENDERS].tolist(),
                cells.ectosomes[:_SHOWN_SENDERS].tolist(),
                strict=True,
            )
        ),
        mean.tolist(),
        float(mean.mean()),
        float(mean.mean()),
        hours=float(result.plan.clock.sending),
    )


def _sankey(one: Values, result: Result) -> str:
    cells = result.sent.cells
    exosomes = int(cells.exosomes.sum()) if cells else one["released"]
    return fates(
        [
            Flow("exosomes", exosomes, 0),
            Flow("ectosomes", one["released"] - exosomes, 1),
        ],
        [Flow(name, one["places"][name], series) for name, _, series in _PLACES],
        key=f"fates-{one['module'].replace(' ', '-')}",
        middle_name="released",
        title=f"Where every vesicle released is at the end, module {one['module']}",
    )


def _ladder(summary: Values) -> str:
    """Draw the bits of the first message, stage by stage, with both nulls below."""
    rows: list[Dot] = []
    main = summary["messages"][0]
    most = max(1e-9, main["modules"][0]["without_release"]["most"])
    for place, module in enumerate(main["modules"]):
        staged = module["bits"] if place == 0 else module["bits"][-3:]
        rows += [
            Dot(
                one["stage"] if len(main["modules"]) < 2 else f"{one['stage']} ({'ab'[place]})",
                one["low"],
                one["bits"],
                one["high"],
                place,
            )
            for one in staged
        ]
    for key, words in (("without_release", "no release"), ("without_uptake", "no uptake")):
        one = main["modules"][0][key]
        rows.append(Dot(f"response, {words}", one["low"], one["bits"], one["high"], 3))
    return dots(rows, key="ladder", title="Bits about the sender's state", axis="bits", most=most)


def _wilson(share: float, count: int) -> tuple[float, float, float]:
    """Return a share between the ends of its 90 % interval (Wilson)."""
    z = 1.645
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return max(middle - half, 0.0), share, min(middle + half, 1.0)


def _bits_rows(summary: Values) -> list[Values]:
    rows: list[Values] = []
    for message in summary["messages"]:
        for module in message["modules"]:
            staged = [(one["stage"], one) for one in module["bits"]]
            staged += [
                ("the response, no release", module["without_release"]),
                ("the response, no uptake", module["without_uptake"]),
            ]
            rows += [
                {
                    "message": message["name"],
                    "module": module["module"],
                    "stage": stage,
                    "bits": one["bits"],
                    "low": one["low"],
                    "high": one["high"],
                    "error_at_zero": one["error_at_zero"],
                    "p_value": one["p_value"],
                }
                for stage, one in staged
            ]
    return rows


def _course_rows(result: Result) -> list[Values]:
    return [
        {
            "message": message.asked.name,
            "module": one.module,
            "hour": float(hour),
            "driver_mean": float(one.driver.mean[i]),
            "driver_cells_5": float(one.driver.low[i]),
            "driver_cells_95": float(one.driver.high[i]),
            "response_mean": float(one.response.mean[i]),
            "response_cells_5": float(one.response.low[i]),
            "response_cells_95": float(one.response.high[i]),
            "mean_5": float(one.interval[0][i]),
            "mean_95": float(one.interval[1][i]),
            "response_off_mean": float(one.off[i]),
        }
        for message in result.messages
        for one in message.courses
        for i, hour in enumerate(result.times_h)
    ]


def _terminal(s: Values) -> RenderableType:
    parts: list[RenderableType] = [
        Text(
            f"A message between cells: {s['senders']} {s['sender']} to {s['receivers']} "
            f"{s['receiver']}, {s['pairs']} groups, {s['hours']} h",
            style="bold",
        ),
        Text(""),
    ]
    table = Table(
        Column("for one receiver", min_width=22),
        "5 %",
        "simulated",
        "95 %",
        box=None,
        pad_edge=False,
    )
    for one in s["intervals"]:
        table.add_row(one["name"], *(figure(one[key]) for key in ("low", "middle", "high")))
    parts += [table, Text("")]
    for one in s["balances"]:
        held = ", ".join(f"{name} {count:,}" for name, count in one["places"].items())
        parts.append(
            Text(
                f"{one['module']}: {one['released']:,} released = {held}; copies let out "
                f"{one['let_out']:,} = {one['copies']:,} there + {one['decayed']:,} lost"
            )
        )
    parts.append(Text(""))
    columns = ("message", "module", "respond", "bits", "no release", "no uptake")
    told = Table(*columns, Column("verdict", min_width=12), box=None, pad_edge=False)
    for message in s["messages"]:
        for one in message["modules"]:
            told.add_row(
                message["name"],
                one["module"],
                percent(one["responding"]),
                _bits_words(one["bits"][-1]),
                _bits_words(one["without_release"]),
                _bits_words(one["without_uptake"]),
                one["verdict"],
            )
    parts += [told, Text("")]
    if s["packings"]:
        parts += [Text(s["packings_in_words"]), Text("")]
    right = sum(one["agrees"] for one in s["knock_outs"])
    parts.append(Text(f"Knock-outs: {right} of {len(s['knock_outs'])} as expected", style="bold"))
    listed = Table("changed", "watched", "expected", "outcome", box=None, pad_edge=False)
    for one in s["knock_outs"]:
        mark = "" if one["agrees"] else " (!)"
        listed.add_row(one["change"], one["observable"], one["expected"], f"{one['outcome']}{mark}")
    parts.append(listed)
    return Group(*parts)


def _bits_words(one: Values) -> str:
    if one["is_zero"]:
        return f"0 within ±{one['error_at_zero']:.1g}"
    return f"{figure(one['bits'])} ({figure(one['low'])} to {figure(one['high'])})"
