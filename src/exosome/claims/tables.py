"""The answer as plain tables, one row for each thing, ready for a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any, cast

Row = dict[str, Any]


def tables(summary: dict[str, Any]) -> dict[str, list[Row]]:
    """Return the tables of a summary by name.

    ``margins``, ``steps``, ``places``, ``variance``, ``measurements``, ``curves``,
    ``controls``, ``dose`` and ``numbers``; each row is flat.
    """
    found: dict[str, list[Row]] = {
        name: [] for name in ("margins", "steps", "places", "variance", "measurements", "curves")
    }
    for one in summary["mechanisms"]:
        key = {"mechanism": one["name"]}
        found["steps"] += [key | _flat(row) for row in one["steps"]]
        found["places"] += [key | _flat(row) for row in one["places"]]
        finding = one.get("finding")
        if finding is None:
            continue
        margin = {"verdict": one["verdict"], **finding["margin"]}
        margin["mean_field_p50"] = finding["mean_field_margin"]["p50"]
        margin["best_case"] = finding["best_case"]["margin"]
        margin["conservation_ceiling"] = finding["conservation_ceiling"]["margin"]
        found["margins"].append(key | margin)
        found["variance"] += [key | _flat(row) for row in finding["variance"]["shares"]]
        found["measurements"] += [key | _flat(row) for row in finding["measurements"]]
        for curve in ("responding_by_packing", "responding_by_dose"):
            found["curves"] += _curve(key | {"curve": curve}, finding[curve])
    found["controls"] = [
        {"control": control["name"], **_flat(row)}
        for control in summary["controls"]
        for row in control["rows"]
    ]
    found["dose"] = [_flat(row) for row in summary["dose"]["metrics"]]
    found["numbers"] = [_flat(row) for row in summary["numbers"]]
    return found


def to_csv(rows: list[Row]) -> str:
    """Return rows as CSV text with a header; an empty table is an empty text."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(row: Row) -> Row:
    return {
        key: " ".join(cast("list[str]", value)) if isinstance(value, list) else value
        for key, value in row.items()
    }


def _curve(key: Row, curve: dict[str, list[float]] | None) -> list[Row]:
    if curve is None:
        return []
    columns = zip(curve["x"], curve["low"], curve["median"], curve["high"], strict=True)
    return [
        key | {"x": x, "low": low, "median": mid, "high": high} for x, low, mid, high in columns
    ]
