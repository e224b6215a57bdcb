"""Words, figures, rows and tables that pages share."""

from __future__ import annotations

import csv
import io
import math
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exosome.catalog.record import Sourced
    from exosome.study.findings import Check, Interval, KnockOut

    Values = dict[str, Any]


def rendered(template: str, **shown: object) -> str:
    """Return a self-contained page from one of the package's templates."""
    from jinja2 import Environment, StrictUndefined

    held = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    held.filters.update(fig=figure, percent=percent, miRNA=in_words)
    package = files("exosome.app")
    report = package.joinpath("report.html.j2").read_text("utf-8")
    style = re.search(r"<style>(.*?)</style>", report, re.DOTALL)
    text = package.joinpath(template).read_text("utf-8")
    # One house style, kept in one place.
    return held.from_string(text).render(style="" if style is None else style[1], **shown)


def check_row(one: Check) -> Values:
    """Return a check against a closed form as plain values."""
    return {
        "name": one.name,
        "simulated": one.simulated,
        "closed_form": one.closed_form,
        "standard_error": one.standard_error,
        "z": one.z,
    }


def knock_out_row(one: KnockOut) -> Values:
    """Return a knock-out as plain values."""
    return {
        "change": one.change,
        "observable": one.observable,
        "expected": one.expected,
        "outcome": one.outcome,
        "agrees": one.agrees,
        "control": one.control,
        "changed": one.changed,
        "z": one.z,
        "records": " ".join(one.records),
    }


def number_row(one: Sourced, read: str) -> Values:
    """Return a number of the catalog as plain values."""
    return {
        "id": one.id,
        "quantity": one.quantity,
        "role": one.role,
        "value": value_range(one),
        "read": read,
        "source": one.citation,
        "note": one.note,
    }


def interval_row(one: Interval) -> Values:
    """Return an interval as plain values."""
    return {
        "name": one.name,
        "unit": one.unit,
        "low": one.low,
        "middle": one.middle,
        "high": one.high,
    }


def in_words(word: str) -> str:
    """Return a key of the catalog as words."""
    return (
        word.replace("_", " ")
        .replace("mirna", "miRNA")
        .replace("mrna", "mRNA")
        .replace("sirna", "siRNA")
    )


def log_or_none(value: float | None) -> float | None:
    """Return the decimal logarithm of a value above zero, else None."""
    return None if value is None or value <= 0.0 else math.log10(value)


def csv_of(rows: Sequence[Values]) -> str:
    """Return rows as CSV text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["nothing"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def value_range(record: Sourced) -> str:
    """Return the bounds of a record, or its value, as text."""
    if record.low is not None and record.high is not None:
        return f"{figure(record.low)} to {figure(record.high)}"
    return "" if record.value is None else figure(record.value)


def figure(value: float) -> str:
    """Return three figures, without a letter e where people count on."""
    if value == 0.0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        return (f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.3g}'):g}").replace(
            "-", "−"
        )
    mantissa, _, power = f"{value:.2e}".partition("e")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{float(mantissa):g} × 10{raised}".replace("-", "−")


def percent(share: float) -> str:
    """Return a share in percent; what is near 0 or 100 keeps the figures that matter."""
    percent = 100.0 * share
    if percent > 99.0 and percent < 100.0:
        digits = min(6, 1 - math.floor(math.log10(100.0 - percent)))
        return f"{percent:.{digits}f} %"
    return f"{figure(percent)} %"
