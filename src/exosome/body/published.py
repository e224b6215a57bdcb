"""What has been measured of particles and proteins in bodies, as points to draw over curves."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Point:
    """One published value of one organ at one time.

    ``unit`` is ``%ID/organ``, ``%ID/g`` or ``umol/l``; ``size_nm`` is None where it was not told.
    """

    study: str
    doi: str
    species: str
    kind: str
    label: str
    size_nm: float | None
    route: str
    dose: str
    time_h: float
    organ: str
    value: float
    unit: str
    status: str
    note: str


@cache
def published() -> tuple[Point, ...]:
    """Return every point of the bundled table."""
    text = files("exosome.body").joinpath("published.csv").read_text("utf-8")
    return tuple(
        Point(
            **{
                **row,
                "size_nm": float(row["size_nm"]) if row["size_nm"] else None,
                "time_h": float(row["time_h"]),
                "value": float(row["value"]),
            }  # type: ignore[arg-type]
        )
        for row in csv.DictReader(io.StringIO(text))
    )


def matching(*, species: str, kind: str, label: str, route: str) -> tuple[Point, ...]:
    """Return the points of one species, kind of particle, label and route."""
    return tuple(
        one
        for one in published()
        if (one.species, one.kind, one.label, one.route) == (species, kind, label, route)
    )
