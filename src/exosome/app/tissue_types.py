"""Uptake by type of cell, and who sent how much to which type: tables and figures of a page."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from exosome.app.tissue_figures import chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exosome.study.near_and_far import Result
    from exosome.study.vessel_exit import VesselResult

Values = dict[str, Any]

_MOST_SENDERS = 20
_MOST_TYPES = 5  # the page has so many tones that are told apart


def by_type(result: Result | VesselResult) -> list[Values]:
    """Return what each type of cell took up."""
    uptake = result.plan.uptake
    table = result.plan.conditions.permeability_um_per_s
    out: list[Values] = []
    for name in sorted(set(uptake.types)):
        cells = np.array([kind == name for kind in uptake.types])
        rows = [i for i in range(len(uptake.rows)) if np.any(uptake.row_of[cells] == i)]
        taken = result.uptake[cells]
        out.append(
            {
                "type": name,
                "cells": int(cells.sum()),
                "roles": sorted({role for row in rows for role in uptake.rows[row]}),
                "permeability_um_per_s": sorted({k for row in rows for k in table[row]}),
                "vesicles": int(taken.sum()),
                "copies": int(result.copies_taken[cells].sum()),
                "per_cell": float(taken.mean()),
                "per_area": float(taken.sum())
                / float(np.sum(4.0 * math.pi * result.plan.layout.radii_um[cells] ** 2)),
                "most": int(taken.max()),
                "none": float((taken == 0).mean()),
            }
        )
    return out


def matrix(result: Result) -> Values:
    """Return vesicles and copies from each sender to itself, to other senders and to each type.

    At most twenty senders are listed, those that were taken up most; all are in the files.
    """
    senders = {int(i) for i in result.plan.senders}
    types = sorted(set(result.plan.uptake.types) - {"sender"})
    columns = ["itself", *(["other senders"] if len(senders) > 1 else []), *types]
    held: dict[int, dict[str, list[int]]] = {
        one: {name: [0, 0] for name in columns} for one in sorted(senders)
    }
    for link in result.links:
        if link.sender == link.receiver:
            column = "itself"
        elif link.receiver in senders:
            column = "other senders"
        else:
            column = result.plan.uptake.types[link.receiver]
        held[link.sender][column][0] += link.vesicles
        held[link.sender][column][1] += link.copies
    order = sorted(held, key=lambda one: (-sum(v for v, _ in held[one].values()), one))
    most = max((v for row in held.values() for v, _ in row.values()), default=1)
    return {
        "columns": columns,
        "senders": len(order),
        "rows": [
            {
                "sender": one,
                "cells": [
                    {"vesicles": v, "copies": c, "shade": _shade(v, most)}
                    for v, c in (held[one][name] for name in columns)
                ],
            }
            for one in order[:_MOST_SENDERS]
        ],
    }


def histogram(result: Result | VesselResult, *, key: str) -> str:
    """Return a chart of how many vesicles cells of each type took up, in doubling classes."""
    types = sorted(set(result.plan.uptake.types))[:_MOST_TYPES]
    most = int(result.uptake.max(initial=1))
    edges = [0, 1]
    while edges[-1] <= most:
        edges.append(2 * edges[-1])
    names = [
        "0" if low == 0 else (f"{low}" if high == low + 1 else f"{low:,}–{high - 1:,}")
        for low, high in pairwise(edges)
    ]
    series: list[tuple[str, list[float]]] = []
    for name in types:
        chosen = np.array([kind == name for kind in result.plan.uptake.types])
        shares = _shares(result.uptake[chosen], edges)
        said = name.replace("_", " ")
        series.append((f"{said} ({int(chosen.sum()):,})", shares))
    return chart(
        names,
        series,
        key=key,
        label="vesicles that a cell took up",
        measure="share of the cells of a type",
    )


def _shares(taken: NDArray[np.int64], edges: Sequence[int]) -> list[float]:
    counts = np.histogram(taken, np.array(edges, dtype=np.float64) - 0.5)[0]
    return (counts / max(1, taken.size)).tolist()


def _shade(vesicles: int, most: int) -> int:
    """Return how dark a field of the matrix is: 0 for none, 1 to 5 evenly in the logarithm."""
    if vesicles <= 0:
        return 0
    return 1 + min(4, int(5.0 * math.log(vesicles) / max(math.log(most), 1e-9)))
