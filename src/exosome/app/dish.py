"""``exosome dish`` and ``exosome run dish``: the terminal page, the HTML page and the tables."""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from exosome.app.dish_figures import Axis, Curve, Point, axis, bars, curves
from exosome.app.figures import Caption
from exosome.app.page_words import csv_of
from exosome.app.terminal import console
from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError
from exosome.core.files import write_all
from exosome.core.provenance import trace_run
from exosome.core.units import format_quantity, to_internal
from exosome.study.dish import DishScenario, plan_dish, read_dish
from exosome.study.dish_result import run_dish_plan
from exosome.study.dish_uptake import Well, infer, published_assays
from exosome.tissue.dish import covered_share, height_um
from exosome.tissue.uptake_curve import read_curve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from exosome.catalog.record import Sourced
    from exosome.delivery.pool import Pool
    from exosome.study.dish import DishPlan
    from exosome.study.dish_result import DishResult
    from exosome.study.dish_uptake import Assay, Inferred

    Values = dict[str, Any]

_LIMITS = {
    "cell-limited": "the cells hold uptake back: mixing the well would bring little more",
    "both": "cells and medium hold uptake back alike: each would help if it were faster",
    "well-limited": "the medium holds uptake back, not the cells: mixing the well would help",
}
_SHOWN_MATTERS = 5


# --- commands ------------------------------------------------------------------------------------


def run_dish(
    name_or_file: str,
    *,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    workers: int,  # noqa: ARG001  (one thread; the answer depends on none)
    quiet: bool,
) -> None:
    """Run a scenario of a dish, write its directory and print the page.

    Raises
    ------
    InputError
        The scenario, a number or the directory cannot be used.
    """
    own = [] if name_or_file == "dish" else [Path(name_or_file)]
    _answer(
        read_dish(name_or_file),
        where=f"{Path(name_or_file).stem}.toml",
        out=out or Path(f"{Path(name_or_file).stem}-run"),
        numbers=numbers,
        seed=seed,
        quiet=quiet,
        own=own,
    )


def calculate_dish(
    changes: Mapping[str, str], *, out: Path | None, numbers: Sequence[Path], seed: int
) -> None:
    """Print what a dish delivers, from options; write the page only if asked for."""
    told = dict(changes)
    bundled = read_dish("dish").dish
    if "area" in told or told.get("well", bundled.well) != bundled.well:
        # Another vessel: neither the volume nor the cells of the bundled well belong to it.
        if "cells" not in told:
            raise InputError(
                "how many cells are at the floor of this vessel is not known",
                where="exosome dish",
                remedy='give --cells, such as --cells "2.4e5 cell"',
            )
        told.setdefault("volume", "")
    if "area" in told:
        told["well"] = told.get("well", "")
    _answer(
        read_dish("dish", told),
        where="exosome dish",
        out=out,
        numbers=numbers,
        seed=seed,
        quiet=False,
        own=[],
    )


def check_dish(name_or_file: str, *, numbers: Sequence[Path]) -> None:
    """Validate a scenario and print what would run, from which numbers.

    Raises
    ------
    InputError
        The scenario or a number cannot be used.
    """
    scenario = read_dish(name_or_file)
    where = f"{Path(name_or_file).stem}.toml"
    planned = plan_dish(scenario, load_catalog(tuple(numbers)), seed=1, where=where)
    table = Table("record", "number", "value", "unit", "read", box=None, pad_edge=False)
    for one in planned.records:
        table.add_row(one.id, one.role, _range(one), one.unit, planned.read_as[one.id])
    console().print(Group(Text(_title(scenario), style="bold"), table))


def _answer(
    scenario: DishScenario,
    *,
    where: str,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    quiet: bool,
    own: Sequence[Path],
) -> None:
    catalog = load_catalog(tuple(numbers))
    result = run_dish_plan(plan_dish(scenario, catalog, seed=seed, where=where))
    assays = published_assays(catalog, seed=seed, where=where)
    summary = dish_summary(result, assays)
    if not quiet:
        console().print(_terminal(summary))
    if out is None:
        return
    origin = trace_run(seed=seed, arguments=sys.argv[1:], input_files=[*own, *numbers])
    written = {
        "dish.html": dish_page(result, summary),
        "dish.json": _json(summary),
        "over-time.csv": csv_of(summary["over_time"]),
        "sizes.csv": csv_of(summary["sizes"]),
        "knock-outs.csv": csv_of(summary["knock_outs"]),
        "assays.csv": csv_of(summary["assays"]),
        "run-log.json": json.dumps(origin.run_log(), indent=1) + "\n",
    }
    write_all(out, {name: text.encode() for name, text in written.items()}, where="--out")
    console().print(f"Page: {out / 'dish.html'}", soft_wrap=True, highlight=False)


def infer_uptake(  # noqa: PLR0913  (one for each thing that a well is made of)
    file: Path,
    *,
    height: str,
    well: str,
    volume: str,
    cells: str,
    cell: str,
    dose: str,
    medium: str,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
) -> None:
    """Print the permeability of cells from a measured uptake curve.

    Raises
    ------
    InputError
        The file cannot be used, or the height of the medium is not known.
    """
    catalog = load_catalog(tuple(numbers))
    told, notes, added = _well_of(
        catalog, height=height, well=well, volume=volume, cells=cells, cell=cell, dose=dose
    )
    told = replace(told, medium=medium)
    found = infer(read_curve(file, added_per_cell=added), told, catalog, seed=seed)
    summary = inferred_summary(found, notes)
    console().print(_inferred_terminal(summary))
    if out is not None:
        written = {
            "uptake.html": inferred_page(found, summary),
            "uptake.json": _json(summary),
            "profile.csv": csv_of(
                [
                    {"permeability_um_per_s": float(k), "sum_of_squares": float(m)}
                    for k, m in zip(found.fit.grid_um_per_s, found.fit.misfit, strict=True)
                ]
            ),
        }
        write_all(out, {name: text.encode() for name, text in written.items()}, where="--out")
        console().print(f"Page: {out / 'uptake.html'}", soft_wrap=True, highlight=False)


def show_assays(*, numbers: Sequence[Path], seed: int) -> None:
    """Print every uptake record of the catalog with the limit that governs it."""
    catalog = load_catalog(tuple(numbers))
    console().print(_assay_table([_assay(one) for one in published_assays(catalog, seed=seed)]))


def _well_of(
    catalog: Any, *, height: str, well: str, volume: str, cells: str, cell: str, dose: str
) -> tuple[Well, list[str], float | None]:
    """Return the well that options describe, what was assumed, and what was added to a cell."""
    from exosome.core.units import parse_dose
    from exosome.delivery.problem import Sourcing
    from exosome.product.dose import vesicles_per_unit

    inputs = Sourcing(catalog, where="dish infer")
    notes: list[str] = []
    if bool(height) == bool(volume):
        raise InputError(
            "the height of the medium is not known",
            where="dish infer",
            remedy='give --height "3 mm", or --well and --volume',
        )
    area = float(inputs[f"well_area.{well}_well"][0]) if well else math.nan
    if volume and not well:
        raise InputError(
            "a volume gives no height without a well",
            where="dish infer --volume",
            remedy="give --well 96, 24, 12 or 6, or --height",
        )
    tall = (
        to_internal(height, "um", where="--height")
        if height
        else float(height_um(to_internal(volume, "mL", where="--volume"), area))
    )
    covered, footprint = 1.0, math.nan
    count = to_internal(cells, "cell", where="--cells") if cells else math.nan
    if cells and well:
        footprint = float(inputs[f"cell_footprint.{cell}"][0])
        covered = float(covered_share(count, footprint, area))
    else:
        notes.append("the floor is taken as confluent: give --well and --cells if it was not")
    added = None
    if dose:
        if not cells:
            raise InputError(
                "a dose gives nothing per cell without cells",
                where="dish infer --dose",
                remedy='give --cells "1e4 cell"',
            )
        said = parse_dose(dose, where="--dose")
        each = float(vesicles_per_unit(said.metric, inputs, where="--dose")[0])
        added = said.amount * each / count
        if said.metric != "vesicle":
            notes.append(f"{dose} taken as {said.amount * each:.3g} vesicles, the median")
    for name, value in (("--height", tall), ("--cells", count), ("covered floor", covered)):
        if value <= 0.0:
            raise InputError(f"{name} is not above 0", where="dish infer", remedy="give more")
    return Well(tall, covered, footprint), notes, added


# --- summaries -----------------------------------------------------------------------------------


def dish_summary(result: DishResult, assays: Sequence[Assay]) -> Values:
    """Return the run as plain values: what the JSON file, the tables and the pages show."""
    planned, line = result.plan, result.curves
    limit = max(result.limits, key=lambda name: result.limits[name])
    return {
        "schema_version": 1,
        "title": _title(planned.scenario),
        "asked": planned.scenario.dish.model_dump(mode="json"),
        "sizes_are": "measured" if planned.scenario.sizes else "the catalog's log-normal law",
        "seed": planned.seed,
        "answer": _answer_words(result),
        "intervals": [
            {
                "key": one.key,
                "name": one.name,
                "unit": one.unit,
                "low": one.low,
                "middle": one.middle,
                "high": one.high,
            }
            for one in result.intervals
        ],
        "limit": limit,
        "limit_in_words": _LIMITS[limit],
        "limits": dict(result.limits),
        "over_time": [
            {
                "hours": float(line.hours[i]),
                "taken_low": float(line.low[i]),
                "taken": float(line.middle[i]),
                "taken_high": float(line.high[i]),
                "touched": float(line.touched[i]),
                "taken_if_mixed": float(line.mixed[i]),
                "square_root_law": float(line.root[i]),
            }
            for i in range(line.hours.size)
        ],
        "sizes": [
            {
                "diameter_nm": one.diameter_nm,
                "diffusivity_um2_per_s": one.diffusivity_um2_per_s,
                "settles_um_per_day": one.settles_um_per_day,
                **dict(zip(("touched_low", "touched", "touched_high"), one.touched, strict=True)),
                **dict(zip(("taken_low", "taken", "taken_high"), one.taken, strict=True)),
            }
            for one in result.sizes
        ],
        "knock_outs": [
            {
                "change": one.change,
                "observable": one.observable,
                "expected": one.expected,
                "outcome": one.outcome,
                "agrees": one.agrees,
                "control": one.control,
                "changed": one.changed,
            }
            for one in result.knock_outs
        ],
        "matters": [
            {
                "role": one.role,
                "first": one.first,
                "total": one.total,
                "halfwidth": one.halfwidth,
                "read": planned.pools[one.role].status,
            }
            for one in result.matters
        ],
        "assays": [_assay(one) for one in assays],
        "numbers": _numbers(planned.pools),
    }


def _answer_words(result: DishResult) -> str:
    touched, taken = result.interval("touched"), result.interval("taken")
    each = result.interval("taken_each")
    hours = result.plan.declared.time_s / 3_600.0
    said = (
        f"After {_fig(hours)} h {_fig(touched.middle)} % of the dose has ever touched a cell "
        f"({_fig(touched.low)} to {_fig(touched.high)} %)"
        if not result.medians.is_stirred
        else f"After {_fig(hours)} h in a mixed well every vesicle has met the cells"
    )
    return (
        f"{said}; {_fig(taken.middle)} % is taken up ({_fig(taken.low)} to {_fig(taken.high)} %): "
        f"{_fig(each.middle)} vesicles in a cell ({_fig(each.low)} to {_fig(each.high)})."
    )


def _title(scenario: DishScenario) -> str:
    asked = scenario.dish
    place = f"a {asked.well}-well plate" if asked.well else f"{asked.area} of floor"
    volume = asked.volume or "the usual volume"
    return f"{asked.dose} in {volume} on {asked.cells} in {place}, {asked.time}"


def _assay(one: Assay) -> Values:
    return {
        "assay": one.name,
        "records": " ".join(one.records),
        "read": one.reading,
        "permeability_low_um_per_s": _finite(one.low),
        "permeability_um_per_s": _finite(one.middle),
        "permeability_high_um_per_s": _finite(one.high),
        "is_lower_bound": one.is_lower_bound,
        "limit": one.limit or "neither can be told",
        "sure": one.sure,
        "reason": one.reason,
    }


def _finite(value: float | None) -> float | None:
    """Return None for what has no end: JSON knows no infinity."""
    return None if value is None or not math.isfinite(value) else value


def _numbers(pools: Mapping[str, Pool]) -> list[Values]:
    rows: dict[str, Values] = {}
    for one in pools.values():
        for record in one.records:
            rows[record.id] = {
                "id": record.id,
                "quantity": record.quantity,
                "role": record.role,
                "value": _range(record),
                "unit": record.unit,
                "read": one.read_as[record.id],
                "source": record.citation,
                "note": record.note,
            }
    return [rows[key] for key in sorted(rows)]


def inferred_summary(found: Inferred, notes: Sequence[str]) -> Values:
    """Return an inferred permeability as plain values."""
    one = found.fit
    return {
        "schema_version": 1,
        "permeability_um_per_s": _finite(one.permeability_um_per_s),
        "low": one.low,
        "high": _finite(one.high),
        "medium_low": _finite(found.medium_low),
        "medium_high": _finite(found.medium_high),
        "height_mm": found.well.height_um / 1e3,
        "covered": found.well.covered,
        "exponent": _finite(one.exponent),
        "deviation": _finite(one.deviation),
        "limit_early": found.limit_early,
        "limit_late": found.limit_late,
        "reason": found.reason,
        "above_ceiling": found.above_ceiling,
        "points": [
            {"hours": h, "taken": s}
            for h, s in zip(found.curve.hours, found.curve.shares, strict=True)
        ],
        "notes": list(notes),
        "numbers": _numbers(found.pools),
    }


# --- terminal ------------------------------------------------------------------------------------


def _terminal(s: Values) -> RenderableType:
    table = Table("", "5 %", "median", "95 %", "", box=None, pad_edge=False)
    for one in s["intervals"]:
        table.add_row(
            one["name"], _fig(one["low"]), _fig(one["middle"]), _fig(one["high"]), one["unit"]
        )
    agreed = ", ".join(f"{name} {share:.0%}" for name, share in s["limits"].items() if share)
    right = sum(one["agrees"] for one in s["knock_outs"])
    matters = ", ".join(
        f"{_named(one['role'])} {one['first']:.0%} ({one['read']})"
        for one in s["matters"][:_SHOWN_MATTERS]
        if one["first"] >= 0.01
    )
    return Group(
        Text(s["title"], style="bold"),
        Text(s["answer"]),
        Text(""),
        table,
        Text(""),
        Text(f"Limit: {s['limit']}. {s['limit_in_words'].capitalize()} ({agreed} of draws)."),
        Text(f"What matters most for the vesicles in a cell: {matters or 'no single number'}."),
        Text(f"Knock-outs: {right} of {len(s['knock_outs'])} as expected."),
        Text(""),
        Text("Published uptake assays and what limits them", style="bold"),
        _assay_table([one for one in s["assays"] if one["permeability_um_per_s"] is not None]),
        Text("`exosome dish assays` lists the others and why they tell nothing."),
    )


def _assay_table(rows: Sequence[Values]) -> RenderableType:
    table = Table("assay", "permeability, µm/s", "limit", "why", box=None, pad_edge=False)
    for one in rows:
        table.add_row(one["assay"], _permeability(one), _limit(one), one["reason"])
    return table


def _permeability(one: Values) -> str:
    if one["permeability_um_per_s"] is None and one["permeability_low_um_per_s"] is None:
        return "none"
    if one["is_lower_bound"]:
        return f"at least {_fig(one['permeability_low_um_per_s'])}"
    middle, high = one["permeability_um_per_s"], one["permeability_high_um_per_s"]
    said = "no upper bound" if high is None else f"to {_fig(high)}"
    low = _fig(one["permeability_low_um_per_s"])
    return f"{'perfect sink' if middle is None else _fig(middle)} ({low} {said})"


def _limit(one: Values) -> str:
    return f"{one['limit']} ({one['sure']:.0%} of draws)" if one["sure"] else str(one["limit"])


def _inferred_terminal(s: Values) -> RenderableType:
    parts: list[RenderableType] = [
        Text(f"Uptake permeability under {_fig(s['height_mm'])} mm of medium", style="bold"),
        Text(f"  best fit              {_or_sink(s['permeability_um_per_s'])}"),
        Text(f"  90 %, scatter         {_fig(s['low'])} to {_or_none(s['high'])}"),
        Text(
            f"  90 %, medium, sizes   {_or_none(s['medium_low'])} to {_or_none(s['medium_high'])}"
        ),
        Text(s["reason"]),
    ]
    if s["exponent"] is not None:
        parts.append(
            Text(
                f"The share grows as time to the power {s['exponent']:.2f} "
                "(1 cell-limited, 0.5 well-limited)."
            )
        )
    if s["above_ceiling"]:
        parts.append(
            Text(
                f"{s['above_ceiling']} of {len(s['points'])} points lie above what a static column "
                "can bring: mixing, a thinner layer, suspended cells, or a label that left its "
                "vesicles."
            )
        )
    parts += [Text(f"Note: {note}.") for note in s["notes"]]
    return Group(*parts)


def _or_none(value: float | None) -> str:
    return "no upper bound" if value is None else f"{_fig(value)} µm/s"


def _or_sink(value: float | None) -> str:
    return "a perfect sink" if value is None else f"{_fig(value)} µm/s"


# --- pages ---------------------------------------------------------------------------------------


def dish_page(result: DishResult, summary: Values) -> str:
    """Return the self-contained HTML page of a dish."""
    return _rendered("dish.html.j2", s=summary, **_dish_figures(result, summary))


def inferred_page(found: Inferred, summary: Values) -> str:
    """Return the self-contained HTML page of an inferred permeability."""
    return _rendered("dish_uptake.html.j2", s=summary, curve=_inferred_figure(found))


def _rendered(template: str, **values: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    held = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    held.filters.update(
        fig=_fig, permeability=_permeability, limit=_limit, or_none=_or_none, or_sink=_or_sink
    )
    package = files("exosome.app")
    report = package.joinpath("report.html.j2").read_text("utf-8")
    style = re.search(r"<style>(.*?)</style>", report, re.DOTALL)
    text = package.joinpath(template).read_text("utf-8")
    return held.from_string(text).render(style="" if style is None else style[1], **values)


def _percent(values: Any) -> list[float]:
    return [100.0 * float(one) for one in values]


def _dish_figures(result: DishResult, summary: Values) -> Values:
    line = result.curves
    hours = [float(one) for one in line.hours]
    tops = [float(line.high.max()), float(line.touched.max())]
    lines = [
        Curve(
            "taken up: median and 90 %",
            hours,
            _percent(line.middle),
            0,
            0,
            _percent(line.low),
            _percent(line.high),
        ),
        Curve("ceiling of these cells, if the well were mixed", hours, _percent(line.mixed), 2, 2),
    ]
    if not result.medians.is_stirred:
        lines[1:1] = [
            Curve("ceiling of the well: ever touched a cell", hours, _percent(line.touched), 1, 1),
            Curve("square-root law for a perfect floor", hours, _percent(line.root), 3, 3),
        ]
    points = _published_points(result.plan, hours[-1])
    top = min(100.0, 115.0 * max(tops))
    over_time = curves(
        lines,
        points,
        x=axis("hours", hours[-1], is_whole=False),
        y=axis("% of the dose", top),
        caption=Caption(
            key="over-time",
            title="Share of the dose taken up over time",
            description=summary["answer"],
        ),
    )
    sizes = result.sizes
    diameters = [one.diameter_nm for one in sizes]
    by_size = curves(
        [
            Curve(
                "ever touches a cell: median and 90 %",
                diameters,
                _percent(one.touched[1] for one in sizes),
                1,
                1,
                _percent(one.touched[0] for one in sizes),
                _percent(one.touched[2] for one in sizes),
            ),
            Curve(
                "taken up: median and 90 %",
                diameters,
                _percent(one.taken[1] for one in sizes),
                0,
                0,
                _percent(one.taken[0] for one in sizes),
                _percent(one.taken[2] for one in sizes),
            ),
        ],
        [],
        x=Axis("diameter, nm (logarithmic)", diameters[0], diameters[-1], diameters, is_log=True),
        y=axis("% of the vesicles of that size", 100.0),
        caption=Caption(
            key="sizes",
            title="What touches and what is taken up, by diameter",
            description="Small vesicles diffuse, large ones settle; those between do neither well.",
        ),
    )
    matters = bars(
        [
            (f"{_named(one['role'])}, {one['read']}", one["first"])
            for one in summary["matters"][:_SHOWN_MATTERS]
        ],
        words="share of the variance of the logarithm of vesicles in a cell",
        caption=Caption(
            key="matters",
            title="Which number matters most",
            description="Variance shares of what is not known.",
        ),
    )
    return {
        "over_time": over_time,
        "has_points": bool(points),
        "by_size": by_size,
        "matters": matters,
        "profile": _profile_figure(result),
    }


def _published_points(planned: DishPlan, most_hours: float) -> list[Point]:
    """Return measured shares of this cell type that fall into the time shown."""
    if planned.scenario.dish.cell != "hela" or most_hours < 1.0:
        return []
    record = load_catalog()["f04"]
    if record.value is None or record.low is None or record.high is None:
        return []
    return [
        Point(
            "HeLa, share in 1 h (f04, recalled; its well not stated)",
            1.0,
            100.0 * record.value,
            100.0 * record.low,
            100.0 * record.high,
        )
    ]


def _profile_figure(result: DishResult) -> str:
    held = result.profile
    if held is None:
        return ""
    height = [float(one) for one in held.middle_mm]
    lines = [
        Curve(f"after {_fig(hours)} h", height, _percent(relative), i, i)
        for i, (hours, relative) in enumerate(zip(held.hours, held.relative, strict=True))
    ]
    most = max(max(one.y) for one in lines)
    return curves(
        lines,
        [],
        x=axis("height above the cells, mm", max(height), is_whole=False),
        y=axis("concentration, % of the start", max(most, 100.0)),
        caption=Caption(
            key="profile",
            title="Concentration over the height of the medium",
            description="Depletion spreads from the cells upwards; far from them nothing happens.",
        ),
    )


def _inferred_figure(found: Inferred) -> str:
    hours = [float(one) for one in found.hours]
    top = max(*found.curve.shares, float(found.touched.max()), float(found.taken.max()))
    deviations = found.curve.deviations or (0.0,) * len(found.curve.shares)
    return curves(
        [
            Curve("best fit", hours, _percent(found.taken), 0),
            Curve("ceiling of the well: ever touched a cell", hours, _percent(found.touched), 1, 1),
            Curve("ceiling of these cells, if mixed", hours, _percent(found.mixed), 2, 2),
        ],
        [
            Point("measured", h, 100.0 * s, 100.0 * max(s - sd, 0.0), 100.0 * (s + sd))
            for h, s, sd in zip(found.curve.hours, found.curve.shares, deviations, strict=True)
        ],
        x=axis("hours", hours[-1], is_whole=False),
        y=axis("% of what was added", min(110.0 * top, 100.0)),
        caption=Caption(key="uptake", title="Uptake curve and its fit", description=found.reason),
    )


# --- words and files -----------------------------------------------------------------------------


def _json(summary: Values) -> str:
    return json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _named(role: str) -> str:
    """Return a role as words: the parameter, and what it is of in brackets."""
    name, dot, of = role.partition(".")
    said = name.replace("_", " ")
    return f"{said} ({of.replace('_', ' ')})" if dot else said


def _range(record: Sourced) -> str:
    if record.low is not None and record.high is not None:
        return f"{_fig(record.low)} to {_fig(record.high)}"
    return "" if record.value is None else _fig(record.value)


def _fig(value: float) -> str:
    """Return three figures as the field prints them."""
    if 1e-3 <= abs(value) < 1e6 and abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return format_quantity(value, "1").replace("-", "−")
