"""Vesicles in aggregates: what lodges in the lung at first passage, and what passes it.

An aggregate lodges where it is wider than the capillary that it meets. Both diameters are
log-normal, that of aggregates weighted by the vesicles in them, so the share that lodges is
``Phi(ln(aggregate / capillary) / sqrt(ln^2 g_a + ln^2 g_c))``. Lodged aggregates come apart into
single vesicles or are taken into cells of the lung's vessels. Those that pass are a size class of
their own, and come apart in blood. It stops holding for soft aggregates that squeeze through, for
growth in blood, and where so many lodge that flow is turned aside.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from exosome.body.design import arriving, step
from exosome.body.passage import scores
from exosome.numerics.network import Reaction, Species, reaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exosome.body.design import Design
    from exosome.body.sizes import Aggregates

AGGREGATE_ROLES = (
    "body_radius.lung_capillary", "body_gsd.lung_capillary",
    "body_rate.break_up", "body_rate.lodged_entry",
)  # fmt: skip
LARGE = {"blood": "large_plasma", "lung": "large_lung"}
"""Vesicles in aggregates that lodge, by the shown organ that they are in."""


def lodging_share(aggregates: Aggregates, capillary_nm: float, capillary_gsd: float) -> float:
    """Return the share of aggregated vesicles that lodge in capillaries of a median diameter."""
    spread = math.hypot(math.log(aggregates.gsd), math.log(capillary_gsd))
    away = math.log(aggregates.median_nm / capillary_nm)
    return NormalDist().cdf(away / spread) if spread > 0.0 else float(away > 0.0)


def passing_nm(aggregates: Aggregates, capillary_nm: float, capillary_gsd: float) -> float:
    """Return the geometric mean diameter of the aggregates that pass."""
    z = scores()
    logs = math.log(aggregates.median_nm) + math.log(aggregates.gsd) * z
    spread = max(math.log(capillary_gsd), 1e-9)
    normal = NormalDist()
    passes = np.array([normal.cdf((math.log(capillary_nm) - x) / spread) for x in logs])
    if passes.sum() <= 0.0:
        return capillary_nm
    return math.exp(float((passes * logs).sum() / passes.sum()))


def aggregate_species(*, at_start: bool) -> list[Species]:
    """Return vesicles in aggregates that lodge, in blood (where a bolus starts) and in the lung."""
    return [Species("large_plasma", "dose_large" if at_start else 0.0), Species("large_lung")]


def aggregate_steps(design: Design) -> list[Reaction]:
    """Return lodging, coming apart and uptake of aggregates; their label stays on until then."""
    classes, given = range(design.classes), design.given_as
    steps = [
        reaction("lodge", "large_plasma -> large_lung", constant="to_lung"),
        reaction(
            "enter_lodged",
            "large_lung -> n_endothelium_lung + l_endothelium_lung",
            constant="lodged_entry",
        ),
    ]
    steps += [
        reaction(
            f"loosen_{k}", f"large_lung -> {arriving('lung_v', f'{given}{k}')}", constant="loosen"
        )
        for k in classes
    ]
    steps += [
        reaction(f"lyse_{large}", f"{large} -> lysed + free", constant="lysis")
        for large in LARGE.values()
    ]
    blood = [p for p in design.places if p in ("plasma", "lung_held") or p.endswith("_v")]
    steps += [
        step(
            f"loosen_{place}_{letter}_{k}", place, f"{letter}{design.classes}",
            arriving(place, f"{letter}{k}"), "loosen",
        )
        for place in blood
        for letter in design.letters
        for k in classes
    ]  # fmt: skip
    return steps


def aggregate_values(
    design: Design,
    aggregates: Aggregates,
    numbers: Mapping[str, float],
    change: Mapping[str, float],
    *,
    given: float,
) -> dict[str, float]:
    """Return doses by size and the rates of aggregates; ``given`` is the whole dose."""
    lodging = lodging_share(aggregates, *_capillary(numbers))
    lodging = min(1.0, lodging * change.get("lodging", 1.0))
    clumped = aggregates.share * given
    single = (given - clumped) / design.classes
    return {
        **{f"dose_{k}": single for k in range(design.classes)},
        f"dose_{design.classes}": clumped * (1.0 - lodging),
        "dose_large": clumped * lodging,
        "loosen": numbers["body_rate.break_up"] / design.classes,
        "lodged_entry": numbers["body_rate.lodged_entry"],
    }


def passing_diameter_nm(aggregates: Aggregates, numbers: Mapping[str, float]) -> float:
    """Return the diameter that stands for the aggregates of a dose that pass capillaries."""
    return passing_nm(aggregates, *_capillary(numbers))


def _capillary(numbers: Mapping[str, float]) -> tuple[float, float]:
    return 2.0 * numbers["body_radius.lung_capillary"], numbers["body_gsd.lung_capillary"]
