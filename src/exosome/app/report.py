"""The report: one HTML page made from the summary alone.

The page is a pure function of the summary: no time, host or path, and the same
summary gives the same bytes. It is complete without JavaScript and needs no network.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from exosome.app import figures
from exosome.app.figures import Caption, Line, Row
from exosome.claims.evidence import ROW_WORDS
from exosome.claims.wording import fold, parameter_name, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jinja2 import Template

Table = dict[str, Any]
"""Values of the summary, which is JSON: what a key holds is said in `claims.summary`."""

READ_MARKS = {
    "assumed": ("?", "nobody measured it: chosen, with the reason given as its source"),
    "recalled": ("○", "nobody here has opened the source yet"),
    "second-hand": ("◐", "another text reports it"),
    "derived": ("ƒ", "computed from other records"),
    "read": ("●", "seen in the source's own text"),
    "this lab": ("⌂", "the user's own number"),
}
"""How well a number was read, the least well read first: a mark and what it means."""

_VERDICT_MARKS = {
    "impossible": "×",
    "not reached within sourced bounds": "▽",
    "implausible": "▼",
    "undecided": "?",
    "plausible": "▲",
}
_HEDGES = {
    "none": "none: stated as fact",
    "weak": "weak: ‘may’, ‘could’, ‘potential’",
    "strong": "strong: presented as a hypothesis",
}
_DIRECTIONS = {
    "for": "▲ for",
    "null": "○ no difference",
    "against": "▼ against",
    "mixed": "◆ mixed",
    "unreported": "– not reported",
}
_METRICS = {
    "particle": "particles, as an instrument counts them",
    "vesicle": "vesicles",
    "ug_protein": "µg protein",
    "pmol_phospholipid": "pmol phospholipid",
    "msc_hour": "MSC·h (cells × hours that release as much)",
}
_BOUNDS = {
    "range": "range in the source",
    "hard": "hard limits",
    "prior": "chosen bounds",
    "sd": "± one standard deviation",
    "ci95": "95 % confidence interval",
    "90%": "90 % interval",
    "multiplier": "spread of a fit",
    "none": "no bounds given",
}
_UNITS = {
    "": "",
    "fraction": "(fraction)",
    "fold": "(fold)",
    "um2": "µm²",
    "nm2": "nm²",
    "nm3/copy": "nm³/copy",
    "uM": "µM",
    "1/h": "h⁻¹",
    "1/s": "s⁻¹",
    "ug_protein": "µg protein",
    "pmol_phospholipid": "pmol phospholipid",
    "msc_hour": "MSC·h",
}
_MARGIN_AXIS = "margin = log₁₀ (dose given / dose needed), no unit"
_WIDE_POINTS = 50.0
"""A control whose 90 % interval spans more percentage points than this tests little."""
_NOTICEABLE = 0.01
"""A gain below this lies within the error of its own estimate (see delivery.measurement)."""
_MEASUREMENTS_SHOWN = 5

_POWER = re.compile(r"10\^(-?\d+(?:\.\d+)?)")


def render_report(summary: Table) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    summary : dict
        What `exosome.claims.summary.summarise_answer` returns, or the same read
        back from ``summary.json``.
    """
    known = {one["id"] for one in summary["numbers"]}
    mechanisms = [
        _mechanism(one, i, summary) for i, one in enumerate(summary["mechanisms"], start=1)
    ]
    return _template().render(
        summary=summary,
        claim=_claim(summary["claim"]),
        asked=_asked(summary["claim"]),
        overview=_overview(summary["mechanisms"]),
        mechanisms=mechanisms,
        dose=_dose(summary),
        evidence=_evidence(summary["evidence"]),
        legal=summary["legal"],
        credibility=summary["credibility"],
        controls=_controls(summary["controls"]),
        numbers=[_number_row(one) for one in summary["numbers"]],
        known=known,
        read_marks=READ_MARKS,
        read_counts=_read_counts(summary["numbers"]),
        run=_run(summary["run"]),
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # Typed Any: jinja2 infers the type of a filter from those that it comes with.
    filters = cast("dict[str, Any]", environment.filters)
    filters.update(
        number=_unbroken_number,
        percent=_unbroken_percent,
        fold=fold,
        powers=_powers,
        slug=_slug,
        doi_address=_doi_address,
        verdict_mark=_verdict_mark,
        bar=_bar,
    )
    source = files("exosome.app").joinpath("report.html.j2").read_text("utf-8")
    return environment.from_string(source)


def number(value: float) -> str:
    """Return a number as people print it, with three significant digits at most.

    >>> [number(x) for x in (1.23456e12, 1e11, 0.00825, 0.0, -2.5, 47.0, 1.8e-4, 99999.0)]
    ['1.23 × 10¹²', '10¹¹', '0.00825', '0', '−2.5', '47', '1.8 × 10⁻⁴', '10⁵']
    """
    if value == 0.0:
        return "0"
    digits, exponent = f"{abs(value):.2e}".split("e")
    power = int(exponent)
    sign = "−" if value < 0.0 else ""
    if -3 <= power <= 3:
        places = max(0, 2 - power)
        fixed = f"{abs(value):.{places}f}" if power <= 2 else f"{float(f'{abs(value):.3g}'):.0f}"
        return sign + (fixed.rstrip("0").rstrip(".") if "." in fixed else fixed)
    mantissa = digits.rstrip("0").rstrip(".")
    ten = figures.power_of_ten(power)
    return sign + (ten if mantissa == "1" else f"{mantissa} × {ten}")


def percent(share: float) -> str:
    """Return a share as a percentage; one too near 0 or 100 to print says which side it is on.

    >>> [percent(x) for x in (0.0, 0.3323, 0.07815, 0.9999972, 1.0, 3e-7, 1e-60)]
    ['0 %', '33.2 %', '7.81 %', '> 99.9 %', '100 %', '3 × 10⁻⁵ %', '< 10⁻⁹ %']
    """
    points = 100.0 * share
    if 0.0 < points < 1e-9:
        return "< 10⁻⁹ %"
    if 99.95 < points < 100.0:
        return "> 99.9 %"
    return f"{number(points)} %"


def quantity(low: float, median: float, high: float, unit: str = "") -> str:
    """Return a median with its 90 % interval and unit.

    >>> quantity(19.0, 118.7, 2876.6, "ug_protein")
    '119 (19 to 2880) µg protein'
    """
    words = number(median) if low == high else f"{number(median)} ({number(low)} to {number(high)})"
    return f"{words} {_unit(unit)}".rstrip()


def _unbroken(words: str) -> str:
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def _unbroken_number(value: float) -> str:
    return _unbroken(number(value))


def _unbroken_percent(share: float) -> str:
    return _unbroken(percent(share))


def _unit(unit: str) -> str:
    return _UNITS.get(unit, unit)


def _slug(name: str) -> str:
    """Return a name fit for an anchor."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name)


def _doi_address(doi: str) -> str:
    return f"https://doi.org/{quote(doi, safe='/:;().-_')}"


def _verdict_mark(verdict: str) -> str:
    return _VERDICT_MARKS.get(verdict, "?")


def _powers(text: str) -> list[tuple[str, str]]:
    """Return a text in pieces: words, and the exponent of the ``10^x`` that follows them.

    >>> _powers("it is 10^8.0 times")
    [('it is 10', '8.0'), (' times', '')]
    """
    pieces: list[tuple[str, str]] = []
    end = 0
    for found in _POWER.finditer(text):
        pieces.append((text[end : found.start()] + "10", found[1]))
        end = found.end()
    return [*pieces, (text[end:], "")]


def _bar(share: float | None) -> str:
    """Return a share as a length in percent of a bar, cut at both ends."""
    return f"{100.0 * min(1.0, max(0.0, share or 0.0)):.2f}"


def _worst(statuses: Iterable[str]) -> str:
    found = set(statuses)
    return next((name for name in READ_MARKS if name in found), "")


def _claim(claim: Table) -> Table:
    return {**claim, "hedge_words": _HEDGES.get(claim["hedge"], claim["hedge"])}


def _asked(claim: Table) -> list[tuple[str, str]]:
    fraction = claim["responding_fraction"]
    named = [
        ("Product", claim["product"]),
        ("Carrier", claim["carrier"]),
        ("Given", claim["given"]),
        ("Route", claim["route"]),
        ("Within", claim["within"]),
        ("Organ", claim["organ"]),
        ("Target cells", claim["cell"]),
        ("Number of target cells", claim["cells"]),
        ("Effect that would count", claim["effect"] or "none declared, so no verdict is possible"),
        (
            "Share of cells that must respond",
            None if fraction is None else percent(float(fraction)),
        ),
    ]
    return [(name, value) for name, value in named if value]


def _run(run: Table) -> list[tuple[str, str]]:
    """Return provenance as rows of words; nested values become one row each."""
    words = {
        "program": "Program",
        "python": "Python",
        "seed": "Seed",
        "draws": "Draws of what is not known",
        "sobol_size": "Base sample of the variance shares",
        "depth": "Depth of the answer",
    }
    rows: list[tuple[str, str]] = []
    for key, value in run.items():
        if key == "command":
            continue
        if key == "libraries":
            rows += [(f"Library {name}", str(version)) for name, version in value.items()]
        elif key == "inputs":
            rows += [(f"SHA-256 of {one['name']}", str(one["sha256"])) for one in value]
        else:
            rows.append((words.get(key, plain(key)), str(value)))
    return rows


def _dose(summary: Table) -> Table:
    dose = summary["dose"]
    holders: dict[str, list[str]] = {}
    for one in summary["numbers"]:
        for role in one["roles"]:
            holders.setdefault(role, []).append(one["id"])

    def through(row: Table) -> list[Table]:
        return [
            {"parameter": parameter_name(role), "records": holders.get(role, [])}
            for role in row["roles"]
        ]

    pool, secretion = dose["pool_share"], dose["secretion_s"]
    return {
        **dose,
        "rows": [
            {**row, "words": _METRICS.get(row["metric"], row["metric"]), "through": through(row)}
            for row in dose["metrics"]
        ],
        "pool": None if pool is None else {**pool, "through": through(pool)},
        "secretion": None if secretion is None else {**secretion, "through": through(secretion)},
    }


def _overview(mechanisms: Sequence[Table]) -> Table | None:
    """Return the margins of all mechanisms on one axis, if any mechanism has one."""
    rows: list[Row] = []
    for one in mechanisms:
        if "finding" in one:
            margin = one["finding"]["margin"]
            rows.append(
                _margin_row(
                    one["name"], margin, note=f"{_verdict_mark(one['verdict'])} {one['verdict']}"
                )
            )
    if not rows:
        return None
    caption = Caption(
        key="overview",
        title="Margin of every mechanism",
        description="; ".join(one["sentence"] for one in mechanisms),
    )
    return {
        "svg": figures.margins(
            rows, axis_label=_MARGIN_AXIS, enough=Line(0.0, "just enough"), caption=caption
        )
    }


def _margin_row(
    label: str, margin: Table, *, note: str = "", mark: figures.Mark = "interval"
) -> Row:
    words = _margin_words(margin["p5"], margin["p50"], margin["p95"])
    return Row(
        label=label,
        value="" if note else words,
        short=note or _signed(margin["p50"]),
        note=note,
        low=margin["p5"],
        middle=margin["p50"],
        high=margin["p95"],
        quartiles=(margin["p25"], margin["p75"]),
        mark=mark,
    )


def _signed(margin: float | None) -> str:
    if margin is None:
        return "nothing delivered"
    return f"{margin:.1f}".replace("-", "−").replace("−0.0", "0.0")


def _margin_words(low: float | None, middle: float | None, high: float | None) -> str:
    return f"{_signed(middle)} ({_signed(low)} to {_signed(high)})"


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Read-status, share of the doubt and records of the inputs of one mechanism."""

    rows: dict[str, Table]
    shares: dict[str, Table]

    @classmethod
    def of(cls, mechanism: Table) -> _Inputs:
        finding = mechanism.get("finding")
        shares: list[Table] = [] if finding is None else finding["variance"]["shares"]
        return cls(
            {one["role"]: one for one in mechanism["inputs"]},
            {one["role"]: one for one in shares},
        )

    def brought_in(self, roles: Sequence[str]) -> list[Table]:
        return [
            {**self.rows[role], "share": self.total(role) if self.shares else None}
            for role in roles
        ]

    def note(self, roles: Sequence[str]) -> str:
        """Return the worst read-status and the summed share of the doubt of some inputs."""
        if not roles:
            return ""
        status = _worst(self.rows[role]["status"] for role in roles)
        if not self.shares:
            return status
        return f"{status}, {_rough(sum(self.total(role) for role in roles))}"

    def total(self, role: str) -> float:
        """Return the total share of an input; an input without spread has none."""
        return float(self.shares[role]["total"]) if role in self.shares else 0.0


def _rough(share: float) -> str:
    """Return a share in whole percent: an estimate has no more digits than that."""
    if 0.0 < share < 0.005:
        return "< 1 %"
    return f"{100.0 * share:.0f} %"


def _mechanism(mechanism: Table, index: int, summary: Table) -> Table:
    inputs = _Inputs.of(mechanism)
    finding = mechanism.get("finding")
    places: dict[str, list[Table]] = {}
    for place in mechanism["places"]:
        places.setdefault(place["thing"], []).append(place)
    return {
        **mechanism,
        "anchor": f"m{index}",
        "waterfall": _waterfall(mechanism, inputs, f"m{index}"),
        "steps": [
            {
                **step,
                "inputs": inputs.brought_in(step["roles"]),
                "amount": quantity(step["low"], step["median"], step["high"], step["unit"]),
            }
            for step in mechanism["steps"]
        ],
        "places": places,
        "finding": None if finding is None else _finding(mechanism, finding, f"m{index}", summary),
        "groups": _input_groups(mechanism, inputs),
        "invariants_hold": all(one["holds"] for one in mechanism["invariants"]),
    }


def _waterfall(mechanism: Table, inputs: _Inputs, anchor: str) -> str:
    steps = mechanism["steps"]
    units = list(dict.fromkeys(step["unit"] for step in steps if step["unit"]))
    rows: list[Row] = []
    for i, step in enumerate(steps):
        is_need = "finding" in mechanism and i == len(steps) - 1
        is_factor = not step["unit"]
        rows.append(
            Row(
                label=step["name"],
                value=quantity(step["low"], step["median"], step["high"], step["unit"]),
                short=f"{number(step['median'])} {_unit(step['unit'])}".rstrip(),
                note=inputs.note(step["roles"]),
                low=_log10(step["low"]),
                middle=_log10(step["median"]),
                high=_log10(step["high"]),
                mark="need" if is_need else "factor" if is_factor else "interval",
                series=len(units) if is_factor else units.index(step["unit"]),
                linked=i > 0 and not is_need and step["unit"] == steps[i - 1]["unit"],
            )
        )
    said = [f"{row.label} {row.value}" for row in rows]
    return figures.amounts(
        rows,
        axis_label="amount, in the unit named in each row (powers of ten)",
        caption=Caption(
            key=f"{anchor}-steps",
            title=f"{mechanism['name']}: what is left after each step",
            description="Median and 90 % interval: " + "; ".join(said),
        ),
    )


def _log10(value: float) -> float | None:
    return math.log10(value) if value > 0.0 else None


def _finding(mechanism: Table, finding: Table, anchor: str, summary: Table) -> Table:
    return {
        **finding,
        "distribution": _distribution(mechanism, finding, anchor),
        "level": _same_for_every_share(finding["by_responding_fraction"]),
        "packing_figure": _packing_figure(mechanism, finding, anchor, summary),
        "packing_words": _curve_words(finding["responding_by_packing"]),
        "dose_figure": _dose_figure(mechanism, finding, anchor, summary),
        "dose_words": _crossing_words(finding["responding_by_dose"]),
        "depths": None if finding["depths"] is None else _depths(finding["depths"]),
        "unread": _unread_words(finding["variance"]["by_status"].get("unread", 0.0)),
        "flip_words": _flip_words(mechanism["verdict"], finding["flips"]),
        "flips": [
            {
                **flip,
                "changes": [
                    {**one, "unit": _unit(one["unit"]), "end": _end_of(one)}
                    for one in flip["changes"]
                ],
            }
            for flip in finding["flips"]
        ],
        "measurement_words": _measurement_words(finding["measurements"]),
        "measurements": finding["measurements"][:_MEASUREMENTS_SHOWN],
        "extremes": [
            _extreme("Best case within the sources", finding["best_case"]),
            _extreme("Conservation ceiling", finding["conservation_ceiling"]),
        ],
    }


def _depths(depths: Table) -> Table:
    """Return engine against envelope in words."""

    def spread(one: Table | None, unit: str) -> str:
        return "no such step" if one is None else quantity(**one, unit=unit)

    return {
        **depths,
        "steps": [
            {
                **step,
                "envelope": spread(step["envelope"], step["unit"]),
                "engine": spread(step["engine"], step["unit"]),
            }
            for step in depths["steps"]
            if step["fold"] is None or not math.isclose(step["fold"], 1.0)
        ],
        "stages": [
            {**one, "parameters": [parameter_name(role) for role in one["roles"]]}
            for one in depths["stages"]
        ],
    }


def _same_for_every_share(margins: Sequence[Table]) -> bool:
    """Whether the share of cells makes no difference, since all of them feel the same level."""
    return len({(one["p5"], one["p50"], one["p95"]) for one in margins}) == 1


def _extreme(name: str, extreme: Table) -> Table:
    return {
        "name": name,
        "margin": extreme["margin"],
        "values": [{**one, "unit": _unit(one["unit"])} for one in extreme["values"]],
    }


def _distribution(mechanism: Table, finding: Table, anchor: str) -> str:
    ceiling, best = finding["conservation_ceiling"]["margin"], finding["best_case"]["margin"]
    rows = [
        _margin_row("this dose", finding["margin"]),
        _margin_row("if every cell got the mean (no packets)", finding["mean_field_margin"]),
        Row(
            label="best case within the sources",
            value=_signed(best),
            short=_signed(best),
            middle=best,
            mark="best case",
        ),
        Row(
            label="ceiling set by conservation",
            value=_signed(ceiling),
            short=_signed(ceiling),
            middle=ceiling,
            mark="ceiling",
        ),
    ]
    histogram = finding["histogram"]
    said = "; ".join(f"{row.label} {row.value}" for row in rows)
    return figures.margin_distribution(
        histogram["edges"],
        histogram["shares"],
        rows,
        axis_label=_MARGIN_AXIS,
        enough=Line(0.0, "just enough"),
        caption=Caption(
            key=f"{anchor}-margin",
            title=f"{mechanism['name']}: distribution of the margin",
            description=f"Median and 90 % interval, log10: {said}. Zero is just enough.",
        ),
    )


def _packing_figure(mechanism: Table, finding: Table, anchor: str, summary: Table) -> str | None:
    curve = finding["responding_by_packing"]
    if curve is None:
        return None
    return figures.response(
        curve["x"],
        curve["low"],
        curve["median"],
        curve["high"],
        axis_label="copies in each loaded vesicle (same total)",
        declared=summary["claim"]["responding_fraction"],
        marked=None,
        caption=Caption(
            key=f"{anchor}-packing",
            title=f"{mechanism['name']}: cells that respond, against packing",
            description=_curve_words(curve),
        ),
    )


def _dose_figure(mechanism: Table, finding: Table, anchor: str, summary: Table) -> str:
    curve = finding["responding_by_dose"]
    return figures.response(
        curve["x"],
        curve["low"],
        curve["median"],
        curve["high"],
        axis_label="multiples of the dose given",
        declared=summary["claim"]["responding_fraction"],
        marked=Line(1.0, "dose given"),
        caption=Caption(
            key=f"{anchor}-dose",
            title=f"{mechanism['name']}: cells that respond, against dose",
            description=_crossing_words(curve),
        ),
    )


def _curve_words(curve: Table | None) -> str:
    if curve is None:
        return ""
    best = max(range(len(curve["x"])), key=lambda i: (curve["median"][i], curve["high"][i]))
    if max(curve["high"]) < 1e-4:
        return (
            "However the copies are packed, fewer than 0.01 % of the cells respond "
            "(95th percentile)."
        )
    median, high = percent(curve["median"][best]), percent(curve["high"][best])
    return (
        f"The most cells respond at {number(curve['x'][best])} copies in each loaded vesicle: "
        f"{median} of them (median; 95th percentile {high})."
    )


def _crossing_words(curve: Table) -> str:
    """Say between which multiples of the dose half of the cells come to respond, in the median."""
    reached = [x for x, median in zip(curve["x"], curve["median"], strict=True) if median >= 0.5]
    if not reached:
        return (
            f"In the median, fewer than half of the cells respond even at "
            f"{number(curve['x'][-1])} times the dose."
        )
    if reached[0] == curve["x"][0]:
        return (
            f"In the median, half of the cells or more respond already at "
            f"{number(curve['x'][0])} times the dose."
        )
    return (
        f"In the median, half of the cells or more respond from about "
        f"{number(reached[0])} times the dose."
    )


def _unread_words(unread: float) -> str:
    share = "Practically all" if unread >= 0.995 else f"{100.0 * unread:.0f} %"
    return f"{share} of the doubt rests on numbers nobody here has read (recalled or assumed)."


def _end_of(change: Table) -> str:
    return "upper" if change["value"] > change["median"] else "lower"


def _flip_words(verdict: str, flips: Sequence[Table]) -> str:
    if flips:
        return ""
    if verdict == "impossible":
        return (
            "Nothing inside the sources turns this verdict: even with transport, uptake, opening "
            "and function taken as complete, and every other input at its most favourable sourced "
            "value, the dose falls short."
        )
    if verdict == "not reached within sourced bounds":
        return (
            "Nothing inside the sources turns this verdict: with every input at its most "
            "favourable sourced value at once, the dose still falls short. Only a source that "
            "lies outside the present ones could."
        )
    return "No set of up to three inputs, each fixed at an end of its range, turns this verdict."


def _measurement_words(measurements: Sequence[Table]) -> str:
    """Say plainly when no single measurement would make the answer less often wrong."""
    if not measurements:
        return "No input is uncertain, so there is nothing to measure."
    best = measurements[0]
    if best["wrong_before"] < _NOTICEABLE:
        before = "in fewer than 1 of 100 draws" if best["wrong_before"] else "in no draw at all"
        return (
            "No single measurement would change the answer. Whether the dose suffices is answered "
            f"wrongly {before}, so there is hardly any error left to remove."
        )
    if best["gain"] < _NOTICEABLE:
        return (
            "No single measurement would change the answer noticeably: the best lowers the "
            f"probability of a wrong answer from {percent(best['wrong_before'])} by less than one "
            "percentage point, which is the error of this estimate. Several inputs would have to "
            "be measured together."
        )
    return (
        f"Measure {best['parameter']} first: it lowers the probability of a wrong answer from "
        f"{percent(best['wrong_before'])} to {percent(best['wrong_after'])}."
    )


def _input_groups(mechanism: Table, inputs: _Inputs) -> list[Table]:
    """Return the inputs grouped by read-status, the worst read first, the largest share first."""
    finding = mechanism.get("finding")
    totals: dict[str, float] = {} if finding is None else finding["variance"]["by_status"]
    groups: list[Table] = []
    for status in READ_MARKS:
        held: list[Table] = [row for row in mechanism["inputs"] if row["status"] == status]
        held.sort(key=lambda row: -inputs.total(row["role"]))
        rows = [
            {**row, "unit": _unit(row["unit"]), "variance": inputs.shares.get(row["role"])}
            for row in held
        ]
        if rows:
            groups.append({"status": status, "total": totals.get(status), "rows": rows})
    return groups


def _evidence(evidence: Table) -> Table:
    def tallied(rows: Sequence[Table]) -> list[Table]:
        return [
            {
                **row,
                "words": ROW_WORDS.get(row["row"], plain(row["row"])),
                "counts_people": row["row"] not in {"animal", "in_vitro"},
            }
            for row in rows
        ]

    studies = [
        {
            **study,
            "design": study["design"].replace("_", " "),
            "because": [
                reason.replace("_", " ").replace(" rna", " RNA").replace("covid19", "COVID-19")
                for reason in study["because"]
            ],
            "findings": [
                {**one, "direction_words": _DIRECTIONS.get(one["direction"], one["direction"])}
                for one in study["findings"]
            ],
            "identifiers": [
                {"doi": one.removeprefix("doi:") if one.startswith("doi:") else "", "text": one}
                for one in study["identifiers"]
            ],
        }
        for study in evidence["studies"]
    ]
    return {
        **evidence,
        "use": tallied(evidence["tallies"]),
        "mechanism": tallied(evidence["mechanism_tallies"]),
        "studies": studies,
    }


def _controls(controls: Sequence[Table]) -> list[Table]:
    found: list[Table] = []
    for one in controls:
        rows = [
            {
                **row,
                "case": row["case"].replace("_rna/", " RNA/"),
                "predicted": _points(row["low"], row["median"], row["high"]),
                "published_words": _published(row),
                "weak": row["high"] - row["low"] > _WIDE_POINTS,
            }
            for row in one["rows"]
        ]
        found.append(
            {
                **one,
                "rows": rows,
                "hash": one["hash"][:12],
                "figure": _control_figure(one),
                "all_weak": all(row["weak"] for row in rows if not row["is_rival"]),
            }
        )
    return found


def _points(low: float, median: float, high: float) -> str:
    low_words, median_words, high_words = (
        _unbroken(percent(x / 100.0)) for x in (low, median, high)
    )
    return f"{median_words} ({low_words} to {high_words})"


def _published(row: Table) -> str:
    middle, low, high = row["published"], row["published_low"], row["published_high"]
    if middle is not None:
        bounds = "" if low is None or high is None else f" ({number(low)} to {number(high)})"
        return f"{_unbroken(f'{number(middle)} %')}{bounds}"
    if high is not None:
        top = _unbroken(f"{number(high)} %")
        return f"{number(low)} to {top}" if low else f"at most {top}"
    return "only the sign is scored"


def _control_figure(control: Table) -> str:
    rows = [
        Row(
            label=row["case"].replace("_rna/", " RNA/"),
            value=_points(row["low"], row["median"], row["high"]),
            short=percent(row["median"] / 100.0),
            note=f"{row['score']}{' (rival)' if row['is_rival'] else ''}",
            low=row["low"],
            middle=row["median"],
            high=row["high"],
            published=(row["published_low"], row["published"], row["published_high"]),
        )
        for row in control["rows"]
    ]
    return figures.percents(
        rows,
        axis_label="percent",
        caption=Caption(
            key=f"control-{_slug(control['name'])}",
            title=f"{control['title']}: predicted and published",
            description="; ".join(f"{row.label}: predicted {row.value}" for row in rows),
        ),
    )


def _number_row(record: Table) -> Table:
    return {
        **record,
        "figure": _figure_of(record),
        "bounds": _BOUNDS.get(record["bound_kind"], record["bound_kind"]),
        "parameters": [parameter_name(role) for role in record["roles"]],
    }


def _figure_of(record: Table) -> str:
    value, low, high, unit = (record[key] for key in ("value", "low", "high", "unit"))
    if record["distribution"] == "below_limit" and high is not None:
        words = f"not detected; limit {number(high)}"
    elif low is None or high is None:
        words = "no figure" if value is None else number(value)
    elif value is None:
        words = f"{number(low)} to {number(high)}"
    else:
        words = f"{number(value)} ({number(low)} to {number(high)})"
    return f"{words} {_unit(unit)}".rstrip()


def _read_counts(numbers: Sequence[Table]) -> list[tuple[str, int]]:
    statuses = [one["status"] for one in numbers]
    return [(name, statuses.count(name)) for name in READ_MARKS]
