"""``exosome body fit``: the terminal page, the HTML page and the tables of a fit."""

from __future__ import annotations

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

from exosome.app.fit_figures import Panel, fitted_courses, moved_bars, profile_lines, promises
from exosome.app.page_words import csv_of
from exosome.app.terminal import console
from exosome.assay.table import COLUMNS, read_table
from exosome.catalog.load import load_catalog
from exosome.core.files import read_text, write_all, write_new
from exosome.core.provenance import trace_run
from exosome.study.fit import courses_of, coverage, fit, fold_error, profiles
from exosome.study.fit_design import next_experiments
from exosome.study.fit_problem import problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from exosome.study.fit import Fit, FitCourse, Moved, Profile, Seen
    from exosome.study.fit_design import Promise

    Values = dict[str, Any]

_SHOWN = 12  # unknowns on the terminal and in the figure
_UNDER = {"informed": 0, "narrowed": 1, "at its prior": 2}


def run_body_fit(  # noqa: PLR0913  (one argument for each option)
    data: Path,
    *,
    out: Path | None,
    numbers: Sequence[Path],
    starts: int,
    classes: int,
    profiled: int,
    petab: bool,
    seed: int,
    workers: int,
    quiet: bool,
) -> None:
    """Fit a table, write its directory and print the page.

    Raises
    ------
    InputError
        The table, a number or the directory cannot be used.
    NumericalError
        No climb ended at a summit.
    """
    observations = read_table(read_text(data, where="data"), name=data.name)
    catalog = load_catalog(tuple(numbers))
    asked = problem(
        observations, catalog, classes=classes, workers=workers, where=f"fit of {data.name}"
    )
    found = fit(asked, starts=starts, seed=seed)
    summary = fit_summary(
        found, profiles(found, count=profiled), next_experiments(found, catalog), name=data.name
    )
    courses = courses_of(found, catalog, classes=classes)
    directory = out or Path(f"{data.stem}-fit")
    origin = trace_run(seed=seed, arguments=sys.argv[1:], input_files=[data, *numbers])
    written = {
        "body-fit.html": fit_page(summary, courses),
        "body-fit.json": json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "unknowns.csv": csv_of(summary["unknowns"]),
        "rows.csv": csv_of(summary["rows"]),
        "courses.csv": csv_of(_course_rows(courses)),
        "next-experiment.csv": csv_of(summary["next"]),
        "run-log.json": json.dumps(origin.run_log(), indent=1) + "\n",
    }
    if petab:
        from exosome.study.fit_export import petab_tables

        written |= petab_tables(found)
    write_all(directory, {name: text.encode() for name, text in written.items()}, where="--out")
    if not quiet:
        console().print(_terminal(summary))
    console().print(f"Page: {directory / 'body-fit.html'}", soft_wrap=True, highlight=False)


def write_new_fit(path: Path) -> None:
    """Write a commented table to fill in.

    Raises
    ------
    InputError
        The file exists, or cannot be written.
    """
    text = files("exosome.study").joinpath("fits/new.csv").read_text("utf-8")
    write_new(path, text.encode(), where="FILE")
    held = Table("column", "what it says", box=None, pad_edge=False)
    for column, meaning in COLUMNS.items():
        held.add_row(column, meaning)
    console().print(Group(held, Text(f"Wrote {path}")))


def fit_summary(
    found: Fit, held: Sequence[Profile], offered: Sequence[Promise], *, name: str
) -> Values:
    """Return the fit as plain values: what the JSON file, the tables and the pages show."""
    used = [row for row in found.seen if row.fitted]
    ranked = sorted(found.moved, key=lambda one: (_UNDER[one.verdict], one.ratio))
    return {
        "schema_version": 1,
        "sentence": found.sentence,
        "data": name,
        "starts": found.starts,
        "same_summit": found.same_summit,
        "log_posterior": found.summit.expansion.value,
        "fold_error": fold_error(used),
        "coverage": coverage(used),
        "error_sd": math.exp(found.summit.point[found.problem.index["fit_sd.error"]]),
        "groups": _groups(found),
        "unknowns": [_moved(one, found) for one in ranked],
        "rows": [_row(one) for one in found.seen],
        "profiles": [
            {
                "unknown": one.key,
                "at": list(one.at),
                "fall": list(one.fall),
                "normal": list(one.normal),
            }
            for one in held
        ],
        "next": [
            {
                "design": one.candidate.name,
                "measurements": one.candidate.measurements,
                "gain_nats": one.gain,
                "informed": len(one.informed),
                "of": len(one.keys),
                "which": " ".join(one.informed),
            }
            for one in offered
        ],
    }


def _groups(found: Fit) -> list[Values]:
    """Return the identifiability table by group: the most moved unknown of each stands for it."""
    groups: dict[str, list[Moved]] = {}
    for one in found.moved:
        groups.setdefault(one.unknown.group, []).append(one)
    rows = [
        {
            "group": group,
            "unknowns": len(held),
            "informed": sum(one.verdict == "informed" for one in held),
            "narrowed": sum(one.verdict == "narrowed" for one in held),
            "least_ratio": min(one.ratio for one in held),
            "largest_shift": max((one.shift for one in held), key=abs),
        }
        for group, held in groups.items()
    ]
    return sorted(rows, key=lambda row: float(row["least_ratio"]))


def _moved(one: Moved, found: Fit) -> Values:
    unknown = one.unknown
    scale = 1.6448536269514722 * one.sd
    column = found.problem.index[unknown.key]
    return {
        "unknown": unknown.key,
        "group": unknown.group,
        "verdict": one.verdict,
        "prior_sd": unknown.sd,
        "sd": one.sd,
        "ratio": one.ratio,
        "shift_in_prior_sds": one.shift,
        "prior": unknown.value(unknown.centre),
        "value": unknown.value(one.at),
        "low": unknown.value(one.at - scale),
        "high": unknown.value(one.at + scale),
        "at_limit": bool(found.summit.at_limit[column]),
        "records": " ".join(unknown.records),
    }


def _row(one: Seen) -> Values:
    seen = one.observation
    told = seen.told
    return {
        "study": seen.experiment.study,
        "row": seen.row,
        "what": seen.name,
        "unit": seen.unit,
        "told_low": None if math.isinf(told.low) else math.exp(told.low),
        "told_high": None if math.isinf(told.high) else math.exp(told.high),
        "predicted": one.predicted,
        "low": one.low,
        "high": one.high,
        "fold": one.fold,
        "inside": one.inside,
        "probability": one.probability,
    }


def _course_rows(courses: Sequence[FitCourse]) -> list[Values]:
    return [
        {"study": c.study, "organ": c.organ, "unit": c.unit, "hour": float(h), "low": float(a),
         "middle": float(b), "high": float(d)}
        for c in courses
        for h, a, b, d in zip(c.hours, c.low, c.middle, c.high, strict=True)
    ]  # fmt: skip


def fit_page(summary: Values, courses: Sequence[FitCourse]) -> str:
    """Return the self-contained HTML page."""
    from jinja2 import Environment, StrictUndefined

    held = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    held.filters.update(fig=_fig, named=_named, percent=_percent)
    package = files("exosome.app")
    style = re.search(
        r"<style>(.*?)</style>", package.joinpath("report.html.j2").read_text("utf-8"), re.DOTALL
    )
    text = package.joinpath("body_fit.html.j2").read_text("utf-8")
    return held.from_string(text).render(
        s=summary, style="" if style is None else style[1], **_figures(summary, courses)
    )


def _figures(summary: Values, courses: Sequence[FitCourse]) -> Values:
    studies = dict.fromkeys(one.study for one in courses)
    shown = summary["unknowns"][:_SHOWN]
    return {
        "moved": moved_bars([(_named(u["unknown"]), u["prior_sd"], u["sd"]) for u in shown]),
        "studies": [
            (
                study,
                fitted_courses(
                    [_panel(one) for one in courses if one.study == study],
                    key=f"courses-{place}",
                    title=f"Fit and rows of {study}",
                ),
            )
            for place, study in enumerate(studies)
        ],
        "profiled": profile_lines(
            [
                (_named(p["unknown"]), *_with_summit(p["at"], p["fall"], p["normal"]))
                for p in summary["profiles"]
            ]
        )
        if summary["profiles"]
        else "",
        "offered": promises(
            [(n["design"], n["gain_nats"], n["informed"]) for n in summary["next"]]
        ),
    }


def _with_summit(
    at: Sequence[float], fall: Sequence[float], normal: Sequence[float]
) -> tuple[list[float], list[float], list[float]]:
    """Return a profile with its summit in the middle."""
    half = len(at) // 2
    # Places are symmetric steps about the summit.
    middle = 0.5 * (at[half - 1] + at[half])
    return (
        [*at[:half], middle, *at[half:]],
        [*fall[:half], 0.0, *fall[half:]],
        [*normal[:half], 0.0, *normal[half:]],
    )


def _panel(one: FitCourse) -> Panel:
    return Panel(
        one.organ,
        one.unit,
        one.hours.tolist(),
        one.low.tolist(),
        one.middle.tolist(),
        one.high.tolist(),
        [
            (
                row.observation.hours,
                math.exp(row.observation.told.low),
                math.exp(row.observation.told.high),
            )
            for row in one.rows
        ],
        all(row.fitted for row in one.rows),
    )


def _terminal(s: Values) -> RenderableType:
    table = Table("unknown", "verdict", "prior sd", "sd", "shift", box=None, pad_edge=False)
    for one in s["unknowns"][:_SHOWN]:
        table.add_row(
            _named(one["unknown"]), one["verdict"], f"{one['prior_sd']:.2f}", f"{one['sd']:.2f}",
            f"{one['shift_in_prior_sds']:+.1f}",
        )  # fmt: skip
    rest = len(s["unknowns"]) - _SHOWN
    rows = Table("row", "told", "fit", "90 %", "fold", box=None, pad_edge=False)
    for one in s["rows"]:
        mark = "" if one["inside"] else " (!)"
        rows.add_row(
            f"{one['study']}: {one['what']}", _told(one), _fig(one["predicted"]),
            f"{_fig(one['low'])} to {_fig(one['high'])}", f"{one['fold']:.2f}{mark}",
        )  # fmt: skip
    offered = Table("design", "values", "nats", "informed", box=None, pad_edge=False)
    for one in s["next"]:
        offered.add_row(
            one["design"], str(one["measurements"]), f"{one['gain_nats']:.1f}",
            f"{one['informed']} of {one['of']}",
        )  # fmt: skip
    return Group(
        Text(s["sentence"], style="bold"),
        Text(
            f"{s['same_summit']} of {s['starts']} starts ended at the best summit; fold error "
            f"{s['fold_error']:.2f}, error of a measurement {s['error_sd']:.2f} (natural log)."
        ),
        Text(""),
        table,
        Text(f"and {rest} more in unknowns.csv" if rest > 0 else ""),
        Text(""),
        rows,
        Text(""),
        Text("The next experiment, the most telling first", style="bold"),
        offered,
    )


def _told(one: Values) -> str:
    low, high = one["told_low"], one["told_high"]
    if low is None:
        return f"<{_fig(high)}"
    if high is None:
        return f">{_fig(low)}"
    return _fig(low) if low == high else f"{_fig(low)} to {_fig(high)}"


def _named(key: str) -> str:
    """Return a role as words, such as ``clearance: red pulp``."""
    role, _, owner = key.partition("|")
    words = role.removeprefix("body_").replace(".", ": ", 1).replace(".", ", ").replace("_", " ")
    return f"{words} of {owner}" if owner else words


def _fig(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2g}" if 1e-3 <= abs(value) < 100 or value == 0 else f"{value:.3g}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f}"
