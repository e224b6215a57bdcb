"""What a person sees in the terminal. Colour is never the only signal."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from exosome.claims.wording import plain
from exosome.core.units import format_quantity
from exosome.delivery.pool import status_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.catalog.roles import Role
    from exosome.claims.article import Coverage, Statement
    from exosome.claims.claim import Claim
    from exosome.claims.todo import Todo
    from exosome.delivery.dose import Converted, DoseTable
    from exosome.study.plan import Plan

Values = dict[str, Any]

# Marks that read without colour; the colours are apart for most colour-blind eyes.
_MARKS = {
    "impossible": ("✗", "bold red"),
    "not reached within sourced bounds": ("✗", "red"),
    "implausible": ("▽", "yellow"),
    "undecided": ("?", "cyan"),
    "plausible": ("△", "bold blue"),
}
_BAR = 34
_WIDE = 120  # columns from which the bars fit
_METRIC_NAMES = {
    "particle": "counted particles",
    "vesicle": "vesicles",
    "ug_protein": "µg protein",
    "pmol_phospholipid": "pmol phospholipid",
    "msc_hour": "MSC·h (producer cells x hours)",
}


@cache
def console() -> Console:
    """Return the console that pages are printed on."""
    return Console()


def page(summary: Values) -> RenderableType:
    """Return the answer page of a claim."""
    return Group(
        _heading(summary["claim"]),
        *(_mechanism(one, summary["numbers"]) for one in summary["mechanisms"]),
        _beside(summary),
        Text(summary["answer"]["caution"], style="italic"),
        Text(summary["answer"]["disclaimer"], style="dim"),
    )


def claim_list(claims: Mapping[str, Claim]) -> RenderableType:
    """Return the bundled claims as a table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True, style="bold")
    table.add_column("claim")
    table.add_column("dose")
    for name, one in claims.items():
        table.add_row(name, one.claim.title, one.dose.amount or "natural release")
    return Group(table, Text("\nAnswer one with: exosome claim NAME", style="dim"))


def plan_page(claim: Claim, plan: Plan) -> RenderableType:
    """Return what would run and from which numbers."""
    table = Table("parameter", "median", "range", "records", "read", box=None, pad_edge=False)
    seen: set[str] = set()
    for problem in plan.problems:
        for role, one in problem.pools.items():
            if role in seen:
                continue
            seen.add(role)
            low, high = one.support
            marks = ", ".join(dict.fromkeys(status_of(r) for r in one.records))
            ids = " ".join(r.id for r in one.records)
            table.add_row(role, _short(one.median), f"{_short(low)} to {_short(high)}", ids, marks)
    unread = sum(status_of(r) in ("assumed", "recalled") for r in plan.records)
    effect = "" if plan.effect_declared else " No effect is declared: there will be no verdict."
    return Group(
        Text(claim.claim.title, style="bold"),
        Text(
            f"Valid. {plan.draws:,} draws for each mechanism ({len(plan.problems)}), about "
            f"{1 + 0.5 * len(plan.problems):.0f} s; {len(plan.records)} records, {unread} of them "
            f"assumed or recalled.{effect}"
        ),
        Padding(table, (1, 0)),
    )


def comparison(first: Values, second: Values) -> RenderableType:
    """Return two answers side by side."""
    table = Table("", first["claim"]["name"], second["claim"]["name"], show_lines=True)
    rows = [
        ("claim", [s["claim"]["title"] for s in (first, second)]),
        ("dose", [f"{s['claim']['given']}, {s['claim']['route']}" for s in (first, second)]),
        ("target", [_target(s["claim"]) for s in (first, second)]),
    ]
    for label, cells in rows:
        table.add_row(Text(label, style="bold"), *cells)
    names = list(dict.fromkeys(m["name"] for s in (first, second) for m in s["mechanisms"]))
    for name in names:
        table.add_row(
            Text(name, style="bold"),
            *(
                Group(*(_verdict_lines(m) for m in s["mechanisms"] if m["name"] == name))
                if any(m["name"] == name for m in s["mechanisms"])
                else Text("not claimed", style="dim")
                for s in (first, second)
            ),
        )
    table.add_row(Text("law", style="bold"), *(_legal(s["legal"]) for s in (first, second)))
    table.add_row(
        Text("evidence", style="bold"),
        *(f"{s['evidence']['effect']}. {s['evidence']['sentence']}" for s in (first, second)),
    )
    return table


def dose_page(table: DoseTable, catalog: Catalog, *, only: str, warning: str) -> RenderableType:
    """Return a dose in one or all metrics."""
    rows = [row for row in table.metrics if not only or row.metric == only]
    shown = Table("metric", "median", "90 % interval", "rests on", box=None, pad_edge=False)
    for row in (*rows, *(() if only else (table.pool_share, table.secretion_s))):
        exact = row.low == row.high
        percent = row.metric.startswith("share")
        ends = [_percent(x) if percent else _short(x) for x in (row.low, row.high)]
        shown.add_row(
            Text(_METRIC_NAMES.get(row.metric, row.metric), style="bold"),
            _amount(row.median, row.metric),
            "as stated" if exact else " to ".join(ends),
            _sources(row, catalog),
        )
    parts: list[RenderableType] = [Text(f"{table.dose.text}\n", style="bold"), shown]
    if warning:
        parts.append(Padding(Panel(warning, title="Warning", border_style="yellow"), (1, 0, 0, 0)))
    parts.append(
        Text("\nEach conversion is a distribution, never one constant. Not dosing advice.", "dim")
    )
    return Group(*parts)


def record_table(records: Sequence[Sourced]) -> RenderableType:
    """Return records as a table."""
    table = Table("id", "quantity", "value", "read", "applies to", "source", box=None)
    for record in records:
        table.add_row(
            Text(record.id, style="bold"),
            record.quantity,
            _value(record),
            status_of(record),
            ", ".join(record.applies_to),
            record.citation,
        )
    return table


def record_page(record: Sourced, catalog: Catalog) -> RenderableType:
    """Return one record in full, and those it disagrees with."""
    table = Table.grid(padding=(0, 2))
    rows = {
        "quantity": record.quantity,
        "value": _value(record),
        "bounds are": record.bound_kind,
        "drawn as": record.distribution,
        "informs": record.role or "no parameter of a model",
        "position": record.rival,
        "basis": record.basis,
        "read": status_of(record),
        "source": record.citation,
        "where in it": record.locator,
        "DOI": f"{record.doi} ({'checked' if record.doi_checked else 'unchecked'})"
        if record.doi
        else "",
        "applies to": ", ".join(record.applies_to),
        "method": record.method,
        "formula": record.formula,
        "note": record.note,
        "origin": record.origin,
    }
    for name, value in rows.items():
        if value:
            table.add_row(Text(name, style="dim"), value)
    parts: list[RenderableType] = [Text(record.id, style="bold"), table]
    rivals = [catalog[key] for key in record.conflicts if key in catalog]
    if rivals:
        parts += [Text("\nDisagrees with", style="bold"), record_table(rivals)]
    return Group(*parts)


def todo_table(found: Sequence[Todo], count: int) -> RenderableType:
    """Return the records that most deserve a reader."""
    table = Table("id", "quantity", "why", "weight", "claims", box=None, pad_edge=False)
    for one in found[:count]:
        table.add_row(
            Text(one.record.id, style="bold"),
            one.record.quantity,
            one.status,
            f"{100 * one.weight:.1f} %",
            str(len(one.claims)),
        )
    note = (
        f"\n{len(found)} records are assumed, recalled or have an unchecked DOI. Weight: mean "
        "share of the doubt in the bundled answers that rests on the record."
    )
    return Group(table, Text(note, style="dim"))


def role_table(roles: Mapping[str, Role]) -> RenderableType:
    """Return the model parameters as a table."""
    table = Table("parameter", "unit", "meaning", box=None, pad_edge=False)
    for name, role in roles.items():
        table.add_row(Text(name, style="bold"), role.unit, role.meaning)
    return table


def article_table(
    statements: Sequence[Statement], coverage: Coverage, *, in_full: bool
) -> RenderableType:
    """Return the article's statements and where each is implemented."""
    table = Table("id", "the article's words", "state", "where", "test", box=None, pad_edge=False)
    for one in statements:
        words = " / ".join(one.quotes) or one.remark
        done = one.state == "implemented"
        table.add_row(
            Text(one.id, style="bold"),
            words if in_full else _cut(words, 48),
            Text("✓ implemented" if done else "· not yet", style="bold" if done else "dim"),
            one.module.removeprefix("exosome."),
            one.test if in_full else one.test.rpartition("::")[2],
        )
    parts: list[RenderableType] = [table, Text(f"\n{coverage}", style="bold")]
    if in_full:
        parts[1:1] = [Text(f"\n{one.working}") for one in statements]
    return Group(*parts)


def _heading(claim: Values) -> RenderableType:
    shown = f"{claim['words']} (paraphrased)" if claim["is_paraphrase"] else f"“{claim['words']}”"
    words = Text(shown, style="italic")
    who = Text(f"{claim['speaker']}. Interest: {claim['interest']}.", style="dim")
    asked = Text(f"{claim['product']}, {claim['given']}, {claim['route']}, to {_target(claim)}")
    return Panel(Group(words, who, asked), title=Text(claim["title"], style="bold"))


def _target(claim: Values) -> str:
    organ = f" of the {plain(claim['organ'])}" if claim["organ"] else ""
    return f"{claim['cell']}s{organ}"


def _mechanism(one: Values, numbers: list[Values]) -> RenderableType:
    read = {n["id"]: n["status"] for n in numbers}
    parts: list[RenderableType] = [_verdict_lines(one), _waterfall(one["steps"], read)]
    finding = one.get("finding")
    if finding:
        parts.append(_doubt(one, finding))
    parts.append(Padding(Text(one["note"], style="dim"), (0, 0, 0, 2)))
    return Padding(Group(*parts), (1, 0))


def _verdict_lines(one: Values) -> Text:
    mark, style = _MARKS[one["verdict"]]
    text = Text()
    text.append(f"{mark} {one['verdict'].upper()}", style=style)
    text.append(f"  {one['name']}", style="bold")
    said = one["sentence"].removeprefix(f"{one['name']}: ")
    said = said.removeprefix(f"{one['verdict']}. ")
    text.append(f"\n  {said}\n  ({one['why']})" if one.get("finding") else f"\n  {said}")
    return text


def _waterfall(steps: list[Values], read: dict[str, str]) -> RenderableType:
    counted = [s for s in steps if s["unit"] and s["median"] > 0.0]
    low = min((math.log10(s["low"]) for s in counted if s["low"] > 0.0), default=0.0)
    high = max((math.log10(s["high"]) for s in counted), default=1.0)
    low = max(low, high - 24.0)
    wide = console().width >= _WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("stage")
    table.add_column("median", no_wrap=True)
    table.add_column("90 % interval", no_wrap=True)
    if wide:
        table.add_column("few to many (log scale)", no_wrap=True)
    table.add_column("read", style="dim")
    for step in steps:
        stated = step["low"] == step["high"]
        interval = "as stated" if stated else f"{_short(step['low'])} to {_short(step['high'])}"
        statuses = ", ".join(sorted({read[key] for key in step["records"]}))
        bar = [_bar(step, low, high) if step in counted else ""] if wide else []
        amount = format_quantity(step["median"], step["unit"] or "1", digits=2)
        table.add_row(step["name"], amount, interval, *bar, statuses)
    return Padding(table, (0, 0, 0, 2))


def _bar(step: Values, low: float, high: float) -> Text:
    def at(value: float) -> int:
        place = (math.log10(max(value, 10.0**low)) - low) / max(high - low, 1e-9)
        return round(min(max(place, 0.0), 1.0) * (_BAR - 1))

    start, middle, end = at(step["low"]), at(step["median"]), at(step["high"])
    cells = ["─" if start <= i <= end else " " for i in range(_BAR)]
    cells[middle] = "●"
    return Text("".join(cells), style="blue")


def _doubt(one: Values, finding: Values) -> RenderableType:
    lines = Table.grid(padding=(0, 2))
    lines.add_row(
        "best case considered",
        _margin(finding["best_case"]["margin"]),
        "conservation ceiling",
        _margin(finding["conservation_ceiling"]["margin"]),
        "mean field",
        _margin(finding["mean_field_margin"]["p50"]),
    )
    text = Text()
    shares = sorted(finding["variance"]["shares"], key=lambda s: -s["total"])[:3]
    top = ", ".join(f"{s['parameter']} {100 * s['total']:.0f} %" for s in shares)
    unread = 100 * min(max(finding["variance"]["by_status"].get("unread", 0.0), 0.0), 1.0)
    text.append(f"Doubt: {top}. {unread:.0f} % rests on numbers nobody here has read.\n")
    for parameter in dict.fromkeys(r["parameter"] for r in finding["rivals"]):
        held = [r for r in finding["rivals"] if r["parameter"] == parameter]
        said = "; ".join(f"“{r['position']}”: {r['verdict']}" for r in held)
        text.append(f"Sources contradict each other on {parameter}. {said}.\n")
    text.append(_depths(finding["depths"]))
    text.append(_flips(one["verdict"], finding["flips"]))
    text.append(_next(finding["measurements"]))
    return Padding(Group(lines, text), (0, 0, 0, 2))


def _depths(depths: Values | None) -> str:
    if depths is None:
        return ""
    stages = ", ".join(one["stage"] for one in depths["stages"])
    sides = [depths[side]["verdict"] for side in ("envelope", "engine")]
    verdict = f"both {sides[0]}" if sides[0] == sides[1] else f"{sides[0]} against {sides[1]}"
    if depths["fold"] is None:
        return f"Engine against envelope ({stages}): most draws deliver nothing; {verdict}.\n"
    reason = f" Reason: {depths['reason']}." if depths["reason"] else ""
    found = [one["finds"] for one in depths["stages"] if one["finds"]]
    told = f" Found: {'; '.join(found)}." if found else ""
    return (
        f"Engine over envelope ({stages}): dose over need times {_short(depths['fold'])}; "
        f"{verdict}.{reason}{told}\n"
    )


def _flips(verdict: str, flips: list[Values]) -> str:
    if not flips:
        if verdict in ("impossible", "not reached within sourced bounds"):
            return "No value considered turns this verdict.\n"
        return "No set of up to three inputs, each inside its range, turns this verdict.\n"
    said: list[str] = []
    for flip in flips:
        changes = " and ".join(
            f"{c['parameter']} were {format_quantity(c['value'], c['unit'])} "
            f"(median {_short(c['median'])})"
            for c in flip["changes"]
        )
        said.append(f"It would be {flip['verdict']} if {changes}.\n")
    return "".join(said)


def _next(measurements: list[Values]) -> str:
    best = measurements[0] if measurements else None
    if best is None or best["gain"] < 0.001:
        return "No single measurement would change the answer."
    return (
        f"Measure next: {best['parameter']}; the chance of a wrong answer falls from "
        f"{100 * best['wrong_before']:.1f} % to {100 * best['wrong_after']:.1f} %."
    )


def _beside(summary: Values) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    evidence = summary["evidence"]
    grid.add_row(Text("evidence", style="bold"), f"{evidence['effect']}. {evidence['sentence']}")
    grid.add_row(Text("law", style="bold"), _legal(summary["legal"]))
    pool = summary["dose"]["pool_share"]
    if pool is not None:
        seconds = summary["dose"]["secretion_s"]
        grid.add_row(
            Text("dose", style="bold"),
            f"{_percent(pool['median'])} of the body's own plasma vesicles "
            f"({_percent(pool['low'])} to {_percent(pool['high'])}); "
            f"{_short(seconds['median'])} s of its normal secretion",
        )
    if summary["dose"]["warning"]:
        grid.add_row(Text("warning", style="bold yellow"), summary["dose"]["warning"])
    for control in summary["controls"]:
        state = "reproduced" if control["passed"] else "MISSED"
        state += ", but weakly tested (wide interval)" if control["weak"] else ""
        if control["fold_error"] is not None:
            state += f"; medians off {_short(control['fold_error'])}-fold in dose"
        grid.add_row(Text("control", style="bold"), f"{control['title']}: {state}")
    return Padding(grid, (0, 0, 1, 0))


def _legal(legal: Values | None) -> str:
    if legal is None:
        return "not asked: the claim names no product's legal facts"
    where = f"{legal['jurisdiction_name']}, as of {legal['as_of']}"
    if not legal["decided"]:
        missing = "; ".join(one["question"] for one in legal["missing_facts"])
        return f"{where}: undetermined. Missing: {missing or legal['missing_rule']}"
    rules = ", ".join(one["citation"] for one in legal["decisive_rules"])
    stale = len(legal["past_review"])
    note = f"; {stale} of the rules used are past their review date" if stale else ""
    return f"{where}: {legal['class_name']} ({rules}){note}"


def _sources(row: Converted, catalog: Catalog) -> str:
    return " ".join(r.id for role in row.roles for r in catalog.informing(role, where="dose"))


def _amount(value: float, metric: str) -> str:
    return _percent(value) if metric.startswith("share") else _short(value)


def _value(record: Sourced) -> str:
    if record.value is None and record.low is None:
        return record.unit
    bounds = ""
    if record.low is not None and record.high is not None:
        bounds = f"{_short(record.low)} to {_short(record.high)}"
    if record.value is None:
        return f"{bounds} {record.unit}"
    return f"{_short(record.value)} {record.unit}" + (f" ({bounds})" if bounds else "")


def _margin(margin: float | None) -> str:
    return "nothing delivered" if margin is None else f"10^{margin:+.1f}"


def _percent(share: float) -> str:
    return f"{_short(100.0 * share)} %"


def _short(value: float) -> str:
    return format_quantity(value, "1", digits=2)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
