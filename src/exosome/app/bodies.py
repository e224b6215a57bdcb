"""``exosome body`` and ``exosome run body``: the terminal page, the HTML page and the tables."""

from __future__ import annotations

import json
import math
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from exosome.app.body_figures import (
    Course,
    Frame,
    after_doses,
    against_own,
    courses,
    label_and_place,
    outline,
)
from exosome.app.page_words import csv_of
from exosome.app.terminal import console
from exosome.body.physiology import body
from exosome.catalog.load import load_catalog
from exosome.core.files import write_all
from exosome.core.provenance import trace_run
from exosome.study.body import (
    middle_network,
    middle_of,
    plan,
    read_scenario,
    run,
    scenario_of,
)
from exosome.study.body_informed import EXPERIMENTS, informed_by
from exosome.study.body_table import changes_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from exosome.body.published import Point
    from exosome.catalog.record import Sourced
    from exosome.study.body import Band, BodyResult, BodyScenario, Plan

    Values = dict[str, Any]

_CHARTS = ("blood", "liver", "spleen", "lung", "kidney", "gut", "bone", "brain")
_CHARTS_WITH_TUMOUR = (*_CHARTS[:5], "tumour", "gut", "bone")
_FLOOR = 0.01
_DOSES_DRAWN = 4
_FRAMES_H = (1.0 / 30.0, 1.0, 4.0)
_TABLE_H = (1.0 / 30.0, 0.25, 1.0, 4.0)
_SURFACES = {
    "equilibrium": "in equilibrium with opsonins from the start",
    "bare": "given bare, then exchanging with opsonins",
    "opsonised": "given opsonised, then exchanging with opsonins",
}
_END_NAMES = {
    "digested": "digested in cells",
    "lysed": "lysed",
    "swallowed": "swallowed",
    "free": "released label",
    "impurity": "impurity",
    "urine": "urine",
    "faeces": "gut contents",
    "bone_label": "released label in bone",
    "impurity_site": "impurity at the site",
}


def run_body(
    name_or_file: str,
    *,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    workers: int,
    quiet: bool,
) -> None:
    """Run a scenario of a dose in a body, write its directory and print the page.

    Raises
    ------
    InputError
        The scenario, a number or the directory cannot be used.
    """
    scenario = read_scenario(name_or_file)
    own = [] if name_or_file == "body" else [Path(name_or_file)]
    _run(
        scenario,
        stem=Path(name_or_file).stem,
        own=own,
        out=out,
        numbers=numbers,
        seed=seed,
        workers=workers,
        quiet=quiet,
    )


def run_body_asked(
    asked: Mapping[str, Mapping[str, object]],
    *,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    workers: int,
    quiet: bool,
    sbml: bool = False,
) -> None:
    """Run what the command line's options say, as `run_body` does a file; ``sbml`` adds body.xml.

    Raises
    ------
    InputError
        An option cannot be used.
    """
    scenario = scenario_of({"schema_version": 1, **asked}, where="exosome body")
    _run(
        scenario,
        stem=f"body-{scenario.body.species}",
        own=[],
        out=out,
        numbers=numbers,
        seed=seed,
        workers=workers,
        quiet=quiet,
        sbml=sbml,
    )


def check_body(name_or_file: str, *, numbers: Sequence[Path]) -> None:
    """Validate a scenario and print what would run, from which numbers.

    Raises
    ------
    InputError
        The scenario or a number cannot be used.
    """
    scenario = read_scenario(name_or_file)
    where = f"{Path(name_or_file).stem}.toml"
    planned = plan(scenario, load_catalog(tuple(numbers)), seed=1, where=where)
    table = Table("record", "number", "value", "unit", "read", box=None, pad_edge=False)
    for one in planned.records:
        table.add_row(one.id, one.role, _range(one), one.unit, planned.read_as[one.id])
    words = (
        f"{_fig(planned.dose)} {planned.design.kind.name}s into a {planned.held.species}, "
        f"{planned.design.route.name}, {planned.hours:g} h"
    )
    console().print(Group(Text(words, style="bold"), table))


def _run(  # noqa: PLR0913 - keyword only, the options of a run
    scenario: BodyScenario,
    *,
    stem: str,
    own: Sequence[Path],
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    workers: int,
    quiet: bool,
    sbml: bool = False,
) -> None:
    catalog = load_catalog(tuple(numbers))
    planned = plan(scenario, catalog, seed=seed, where=f"{stem}.toml" if own else "exosome body")
    exported = _sbml(planned) if sbml else {}  # first: it may lack its extra
    result = run(planned, workers=workers)
    changes = changes_table(catalog, species=planned.held.species)
    summary = body_summary(result)
    summary["changes"] = [
        {
            "change": one.change,
            "observable": one.observable,
            "expected": one.expected,
            "outcome": one.outcome,
            "agrees": one.agrees,
            "before": one.before,
            "after": one.after,
        }
        for one in changes
    ]
    directory = out or Path(f"{stem}-run")
    origin = trace_run(seed=seed, arguments=sys.argv[1:], input_files=[*own, *numbers])
    written = {
        "body.html": body_page(result, summary),
        "body.json": json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "courses.csv": csv_of(_course_rows(result)),
        "balance.csv": csv_of(_balance_rows(result)),
        "changes.csv": csv_of(summary["changes"]),
        "informed.csv": csv_of(summary["identifiability"]),
        "run-log.json": json.dumps(origin.run_log(), indent=1) + "\n",
        **exported,
    }
    write_all(directory, {name: text.encode() for name, text in written.items()}, where="--out")
    if not quiet:
        console().print(_terminal(summary))
    console().print(f"Page: {directory / 'body.html'}", soft_wrap=True, highlight=False)


def _sbml(planned: Plan) -> dict[str, str]:
    """Return the model at the middle of every number as an SBML document, by its file's name."""
    from exosome.numerics.sbml import write_sbml

    what = (
        f"Particles in a {planned.held.species}, {planned.design.route.name}; amounts are "
        "numbers, the time is in hours."
    )
    source = (
        "Values are the middle of records within wide bounds, most of them assumed; body.json "
        "beside it says where each comes from. SBML keeps no record of that."
    )
    notes = (what, source)
    return {
        "body.xml": write_sbml(
            middle_network(planned), mean_field=True, notes=notes, time_unit_s=3600.0
        )
    }


def body_summary(result: BodyResult) -> Values:
    """Return everything that the page says, as plain values."""
    planned = result.plan
    design, held = planned.design, planned.held
    dose_words = f"{_fig(planned.dose)} {'cells' if design.by_cells else _plural(design.kind.name)}"
    return {
        "species": held.species,
        "population": held.population,
        "weight_g": held.weight_g,
        "dose": planned.dose,
        "dose_in_words": dose_words,
        "by_cells": design.by_cells,
        "kind": design.kind.name,
        "route": design.route.name,
        "is_deposited": design.route.deposits,
        "label": design.label.name,
        "residual_blood": planned.conditions.residual_blood,
        "diameter_nm": result.sizes.median_nm,
        "diameter_gsd": result.sizes.gsd,
        "class_diameters_nm": list(result.sizes.diameters_nm),
        "surface": _SURFACES[
            "bare" if design.antibodies and design.surface == "equilibrium" else design.surface
        ],
        "opsonised": _course_at_times(result, result.opsonised),
        "antibody": _course_at_times(result, result.antibody),
        "aggregated": 0.0 if result.sizes.aggregates is None else result.sizes.aggregates.share,
        "aggregate_nm": None
        if result.sizes.aggregates is None
        else result.sizes.aggregates.median_nm,
        "tumour_g": held.tumour_ml,
        "doses": [
            {
                "hour": one.hour,
                "half_life_min": [None if math.isinf(x) else x for x in one.half_life_min],
                "over_first": list(one.over_first),
            }
            for one in result.doses
        ],
        "infusion_h": design.infusion_h,
        "repeats_h": list(design.repeats_h),
        "changed": dict(planned.scenario.change),
        "hours": planned.hours,
        "draws": planned.scenario.run.draws,
        "bands": planned.scenario.run.bands,
        "seed": planned.seed,
        "half_life_min": [None if math.isinf(x) else x for x in result.half_life_min],
        "organs": _organ_rows(result),
        "per_cell": [
            {
                "cell": name,
                "low": float(band.low.max()),
                "middle": float(band.middle.max()),
                "high": float(band.high.max()),
            }
            for name, band in result.per_cell.items()
        ],
        "balance": _balance_rows(result),
        "worst_gap": result.worst_gap,
        "own": {
            "pool": result.own_pool,
            "secreted_per_h": result.own_per_h,
            "dose_over_pool": planned.dose / result.own_pool,
            "peak_fold": float(result.own.middle.max()),
            "start_fold": float(result.own.middle[0]),
        },
        "cells": [
            {"place": place, **_at_times(result, band.middle)}
            for place, band in result.cells.items()
        ],
        "secreted": None
        if result.secreted is None
        else {
            "low": float(result.secreted.low[-1]),
            "middle": float(result.secreted.middle[-1]),
            "high": float(result.secreted.high[-1]),
        },
        "points": [_point_row(result, one) for one in result.points],
        "numbers": [
            {
                "id": one.id,
                "quantity": one.quantity,
                "role": one.role,
                "value": _range(one),
                "unit": one.unit,
                "read": planned.read_as[one.id],
                "source": one.citation,
                "note": one.note,
            }
            for one in planned.records
        ],
        "read_counts": _read_counts(result),
        "identifiability": [] if design.by_cells else _identifiability(result),
    }


def _identifiability(result: BodyResult) -> list[Values]:
    """Return which groups of numbers each of a few experiments would inform, with this label."""
    planned = result.plan
    liver = planned.held.organs["liver"].total_ml / body("mouse").organs["liver"].total_ml
    found = informed_by(
        EXPERIMENTS,
        planned.design,
        planned.held,
        middle_of(planned),
        diameter_nm=result.sizes.median_nm,
        scale=liver,
    )
    return [
        {
            "design": one.experiment.name,
            "informed": len(one.groups),
            "of": len(one.posterior_sd),
            "groups": ", ".join(one.groups) or "none",
            **{f"sd, {name}": sd for name, sd in one.posterior_sd.items()},
        }
        for one in found
    ]


def _plural(name: str) -> str:
    return "vesicles" if name == "vesicle" else f"{name}s"


def _read_counts(result: BodyResult) -> dict[str, int]:
    found: dict[str, int] = {}
    for status in result.plan.read_as.values():
        found[status] = found.get(status, 0) + 1
    return dict(sorted(found.items()))


def _nearest(result: BodyResult, hour: float) -> int:
    return min(range(result.hours.size), key=lambda k: abs(float(result.hours[k]) - hour))


def _shown_hours(result: BodyResult, wanted: Sequence[float]) -> list[float]:
    last = float(result.hours[-1])
    return [*(h for h in wanted if h < 0.9 * last), last]


def _at_times(result: BodyResult, course: Any) -> dict[str, float]:
    return {
        f"at {_time(hour)}": float(course[_nearest(result, hour)])
        for hour in _shown_hours(result, _TABLE_H)
    }


def _course_at_times(result: BodyResult, band: Band | None) -> dict[str, float] | None:
    """Return the middle of a course two minutes after each dose; None if there is no course."""
    if band is None:
        return None
    starts = [0.0, *result.plan.design.repeats_h]
    return {
        "at 2 min" if not start else f"at {_time(start)} and 2 min": float(
            band.middle[_nearest(result, start + 1.0 / 30.0)]
        )
        for start in starts
    }


def _time(hour: float) -> str:
    if hour < 1.0:
        return f"{60.0 * hour:.3g} min"
    return f"{hour:.3g} h" if hour < 72.0 else f"{hour / 24.0:.3g} d"


def _organ_rows(result: BodyResult) -> list[Values]:
    hour = _main_hour(result)
    k = _nearest(result, hour)
    rows: list[Values] = []
    for name, band in result.label.items():
        place = result.vesicles[name]
        volume = result.volumes.get(name)
        signal = float(band.middle[k])
        rows.append(
            {
                "organ": name,
                "hour": float(result.hours[k]),
                "signal_low": float(band.low[k]),
                "signal": signal,
                "signal_high": float(band.high[k]),
                "signal_per_ml": None if volume is None else signal / volume,
                "vesicles_low": float(place.low[k]),
                "vesicles": float(place.middle[k]),
                "vesicles_high": float(place.high[k]),
            }
        )
    return rows


def _main_hour(result: BodyResult) -> float:
    return min(4.0, float(result.hours[-1]))


def _point_row(result: BodyResult, one: Point) -> Values:
    k = _nearest(result, one.time_h)
    volume = result.volumes.get(one.organ, 1.0)
    scale = 1.0 if one.unit == "%ID/organ" else 1.0 / volume
    band = result.label[one.organ]
    low, middle, high = (scale * float(x[k]) for x in (band.low, band.middle, band.high))
    inside = low <= one.value <= high
    return {
        "study": one.study,
        "organ": one.organ,
        "hour": one.time_h,
        "published": one.value,
        "unit": one.unit,
        "low": low,
        "middle": middle,
        "high": high,
        "inside": inside,
        "read": one.status,
        "note": one.note,
    }


def _balance_rows(result: BodyResult) -> list[Values]:
    rows: list[Values] = []
    for ledger, of in (("vesicles", result.sheet.vesicles), ("label", result.sheet.label)):
        if ledger == "label" and result.plan.design.by_cells:
            continue
        total = sum(course for course in of.values())
        for place, course in of.items():
            share = {
                f"at {_time(h)}": 100.0
                * float(course[_nearest(result, h)])
                / max(float(total[_nearest(result, h)]), 1e-300)  # type: ignore[index]
                for h in _shown_hours(result, _TABLE_H)
            }
            rows.append({"ledger": ledger, "place": _END_NAMES.get(place, place), **share})
    return rows


def _course_rows(result: BodyResult) -> list[Values]:
    return [
        {
            "organ": name,
            "hours": float(hour),
            **{
                f"{what}_{part}": float(getattr(bands[name], part)[k])
                for what, bands in (("signal", result.label), ("vesicles", result.vesicles))
                for part in ("low", "middle", "high")
            },
        }
        for name in result.label
        for k, hour in enumerate(result.hours)
    ]


def body_page(result: BodyResult, summary: Values) -> str:
    """Return the self-contained HTML page."""
    from jinja2 import Environment, StrictUndefined

    held = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    held.filters.update(fig=_fig, time=_time, weight=_weight)
    package = files("exosome.app")
    report = package.joinpath("report.html.j2").read_text("utf-8")
    style = re.search(r"<style>(.*?)</style>", report, re.DOTALL)
    text = package.joinpath("body.html.j2").read_text("utf-8")
    return held.from_string(text).render(
        s=summary,
        style="" if style is None else style[1],  # one house style, kept in one place
        **_figures(result, summary),
    )


def _figures(result: BodyResult, summary: Values) -> dict[str, str]:
    by_cells = result.plan.design.by_cells
    bands = result.vesicles if by_cells else result.label
    charts_of = _CHARTS_WITH_TUMOUR if result.plan.design.tumour else _CHARTS
    shown = [name for name in charts_of if name in bands]
    if result.plan.design.route.is_depot:
        shown = ["depot", "nodes", *shown[:6]]
    charts = [
        Course(
            name,
            bands[name].low.tolist(),
            bands[name].middle.tolist(),
            bands[name].high.tolist(),
            result.vesicles[name].middle.tolist(),
            [
                (p.time_h, p.value * (1.0 if p.unit == "%ID/organ" else result.volumes[name]))
                for p in result.points
                if p.organ == name and p.time_h <= float(result.hours[-1])
            ],
        )
        for name in shown
    ]
    frames: list[Frame] = []
    for hour in _shown_hours(result, _FRAMES_H):
        k = _nearest(result, hour)
        percent = {name: float(bands[name].middle[k]) for name in bands}
        top = sorted(percent, key=lambda n: -percent[n])[:3]
        frames.append(
            Frame(
                _time(float(result.hours[k])),
                {n: percent[n] / result.volumes[n] for n in percent if n in result.volumes},
                [f"{n} {percent[n]:.2g} %" for n in top],
            )
        )
    rows = sorted(summary["organs"], key=lambda one: -max(one["signal"], one["vesicles"]))[:9]
    own = summary["own"]
    given = summary["secreted"]["middle"] if by_cells else summary["dose"]
    return {
        "courses": courses(
            result.hours.tolist(), charts, floor=_FLOOR, of="vesicles" if by_cells else "signal"
        ),
        "doses_figure": _doses_figure(result),
        "outline": outline(frames, upright=summary["species"] in ("human", "rhesus")),
        "label_figure": ""
        if by_cells
        else label_and_place(
            [(one["organ"], one["signal"], one["vesicles"]) for one in rows],
            hour=_main_hour(result),
            label=f"signal, {summary['label']}",
        ),
        "own_figure": against_own(
            [
                ("secreted by the cells" if by_cells else "the dose", given),
                ("the body’s own in plasma", own["pool"]),
                ("the body’s own made in an hour", own["secreted_per_h"]),
            ]
        ),
    }


def _doses_figure(result: BodyResult) -> str:
    """Return blood after each of the first doses; nothing for one dose."""
    if len(result.doses) < 2:
        return ""
    starts = [one.hour for one in result.doses]
    ends = [*starts[1:], math.inf]
    one = 100.0 / len(starts)  # percent of all doses in one of them
    drawn: list[tuple[str, list[float], list[float]]] = []
    for start, end in zip(starts[:_DOSES_DRAWN], ends[:_DOSES_DRAWN], strict=True):
        here = (result.hours >= start - 1e-9) & (result.hours < end - 1e-9)
        since = result.hours[here] - start
        name = f"at {_time(start)}" if start else "at the start"
        blood = result.vesicles["blood"].middle[here] * 100.0 / one
        drawn.append((name, since.tolist(), blood.tolist()))
    return after_doses(drawn)


def _terminal(s: Values) -> RenderableType:
    half = s["half_life_min"]
    parts: list[RenderableType] = [
        Text(
            f"{s['dose_in_words']} into a {s['species']} of {_weight(s['weight_g'])}, {s['route']}",
            style="bold",
        ),
        Text(
            f"sizes: median {_fig(s['diameter_nm'])} nm, spread {_fig(s['diameter_gsd'])}; label: "
            f"{s['label']}; residual blood: {_fig(100.0 * s['residual_blood'])} % left in organs"
        ),
        Text(
            "half gone from blood in "
            + ("more than the run" if half[1] is None else f"{_fig(half[1])} min")
            + f" ({_minutes(half[0])} to {_minutes(half[2])})"
        ),
        *_after_doses(s),
        Text(""),
    ]
    hour = s["organs"][0]["hour"]
    table = Table(
        f"at {_time(hour)}",
        "signal, %",
        "90 %",
        "% in a mL",
        "vesicles, %",
        "90 %",
        box=None,
        pad_edge=False,
    )
    for one in s["organs"]:
        per = one["signal_per_ml"]
        table.add_row(
            one["organ"],
            _fig(one["signal"]),
            f"{_fig(one['signal_low'])} to {_fig(one['signal_high'])}",
            "" if per is None else _fig(per),
            _fig(one["vesicles"]),
            f"{_fig(one['vesicles_low'])} to {_fig(one['vesicles_high'])}",
        )
    parts += [table, Text("")]
    for one in s["cells"]:
        at = ", ".join(f"{when[3:]} {_fig(v)} %" for when, v in one.items() if when != "place")
        parts.append(Text(f"cells, {one['place']}: {at}"))
    if s["secreted"]:
        parts.append(
            Text(f"secreted: {_fig(s['secreted']['middle'])} vesicles "
                 f"({_fig(s['secreted']['low'])} to {_fig(s['secreted']['high'])})")
        )  # fmt: skip
    own = s["own"]
    parts += [
        Text(
            f"The body's own: {_fig(own['pool'])} in plasma, {_fig(own['secreted_per_h'])} made "
            f"in an hour; the dose is {_fig(own['dose_over_pool'])} times the pool"
            if not s["by_cells"]
            else f"The body's own: {_fig(own['pool'])} in plasma, "
            f"{_fig(own['secreted_per_h'])} made in an hour"
        ),
        Text(f"Lost or made: {s['worst_gap']:.1e} of the dose, any draw, any time"),
    ]
    for one in s["points"]:
        parts.append(
            Text(
                f"published: {one['organ']} {_fig(one['published'])} {one['unit']} at "
                f"{_time(one['hour'])} ({one['study']}); here {_fig(one['middle'])} "
                f"({_fig(one['low'])} to {_fig(one['high'])})"
            )
        )
    right = sum(one["agrees"] for one in s["changes"])
    parts.append(Text(f"Changes: {right} of {len(s['changes'])} observables move where they must"))
    if s["identifiability"]:
        first, last = s["identifiability"][0], s["identifiability"][-1]
        parts.append(
            Text(
                f"Informed: {first['design']}: {first['informed']} of {first['of']} groups of "
                f"numbers; {last['design']}: {last['informed']}. All others stay at their prior"
            )
        )
    counts = ", ".join(f"{n} {status}" for status, n in s["read_counts"].items())
    parts.append(Text(f"Numbers: {counts}"))
    return Group(*parts)


def _after_doses(s: Values) -> list[RenderableType]:
    """Return a line for each further dose, and one for what covers the vesicles."""
    lines: list[RenderableType] = []
    for one in s["doses"][1:]:
        low, middle, high = (_minutes(x) for x in one["half_life_min"])
        when = _time(one["hour"])
        over = _fig(one["over_first"][1])
        lines.append(
            Text(
                f"after the dose at {when}: half gone in {middle} ({low} to {high}), {over} times "
                "the first"
            )
        )
    for what, of in (("opsonised in blood", "opsonised"), ("antibody raised", "antibody")):
        if s[of]:
            at = ", ".join(f"{when} {_fig(value)} %" for when, value in s[of].items())
            lines.append(Text(f"{what}: {at}"))
    return lines


def _weight(grams: float) -> str:
    return f"{_fig(grams)} g" if grams < 1000.0 else f"{_fig(grams / 1000.0)} kg"


def _minutes(value: float | None) -> str:
    return "more than the run" if value is None else f"{_fig(value)} min"


def _range(record: Sourced) -> str:
    if record.low is not None and record.high is not None:
        return f"{_fig(record.low)} to {_fig(record.high)}"
    return "" if record.value is None else _fig(record.value)


def _fig(value: float, letter: Literal["×"] = "×") -> str:
    """Return three figures, without a letter e where people count on."""
    if value == 0.0 or abs(value) < 1e-12:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.3g}'):g}"
    mantissa, _, power = f"{value:.2e}".partition("e")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{float(mantissa):g} {letter} 10{raised}"
