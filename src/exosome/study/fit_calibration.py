"""The declared calibrations: which rows fit, which are held out, and how far predictions lie off.

The split stands in a file beside the data, with their hash, and was written before any fit.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from exosome.assay.table import read_table
from exosome.core.errors import InputError
from exosome.study.fit import fit
from exosome.study.fit_problem import problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exosome.assay.table import Observation
    from exosome.catalog.load import Catalog
    from exosome.study.fit import Fit, Seen


@dataclass(frozen=True, slots=True)
class Calibration:
    """One declared split of studies."""

    name: str
    fit: tuple[str, ...]
    held: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """What held-out values must reach."""

    fold_error: float
    coverage_low: float
    coverage_high: float


def declared() -> tuple[tuple[Calibration, ...], Bars, tuple[Observation, ...]]:
    """Return the calibrations, the bars and the rows.

    Raises
    ------
    InputError
        The data are not those for which the split was declared.
    """
    held = files("exosome.study")
    split: dict[str, Any] = tomllib.loads(held.joinpath("fits/split.toml").read_text("utf-8"))
    data = held.joinpath("fits/mouse.csv").read_bytes()
    if hashlib.sha256(data).hexdigest() != split["data_sha256"]:
        raise InputError(
            "the data have changed since the split was declared",
            where="fits/split.toml data_sha256",
            remedy="declare a split for the new data before fitting them",
        )
    found = tuple(
        Calibration(one["name"], tuple(one["fit"]), tuple(one["held"]))
        for one in split["calibration"]
    )
    return found, Bars(**split["bars"]), read_table(data.decode(), name="mouse.csv")


def calibrated(
    one: Calibration, rows: Sequence[Observation], catalog: Catalog, *, starts: int, workers: int
) -> Fit:
    """Return the fit of a calibration; its held-out rows are predicted, not fitted."""
    used = [row for row in rows if row.experiment.study in (*one.fit, *one.held)]
    mask = np.array([row.experiment.study in one.fit for row in used])
    asked = problem(used, catalog, fitted=mask, workers=workers, where=f"calibration {one.name}")
    return fit(asked, starts=starts)


def held_out(found: Fit) -> tuple[Seen, ...]:
    """Return the rows that were only predicted."""
    return tuple(row for row in found.seen if not row.fitted)
