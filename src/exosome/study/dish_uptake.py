"""How permeable cells are: from a user's curve, and from what published assays say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exosome.core.constants import AVOGADRO_PER_MOL
from exosome.core.random import Streams
from exosome.delivery.draws import Draws, coordinates, draw
from exosome.delivery.problem import Sourcing
from exosome.tissue.dish import (
    diffusivity_um2_per_s,
    governing,
    reached_and_taken,
    settling_um_per_s,
    size_classes,
    taken_up,
)
from exosome.tissue.uptake_curve import fit, permeability_of_share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.core.inputs import Inputs
    from exosome.delivery.pool import Pool
    from exosome.tissue.dish import Limit
    from exosome.tissue.uptake_curve import Curve, Fit

    Floats = NDArray[np.float64]

_DRAWS, _ASSAY_DRAWS = 40, 200
_LARGE = 10.0  # um/s: a floor so permeable is a perfect sink in any well
_BODY_C = 37.0
_VESICLES_PER_UM3 = AVOGADRO_PER_MOL * 1e-12 * 1e-15  # in 1 pM: mol per L, L per um3


@dataclass(frozen=True, slots=True)
class Well:
    """The well of a curve at 37 degrees Celsius: height, what covers its floor, the medium."""

    height_um: float
    covered: float = 1.0
    footprint_um2: float = math.nan
    medium: str = "serum"


@dataclass(frozen=True, slots=True)
class _Column:
    """Vesicles of several sizes in a medium: one row for each draw."""

    diffusivity_um2_per_s: Floats  # draw, class
    settling_um_per_s: Floats
    loss_per_s: Floats  # draw
    share: Floats  # class

    def taken(
        self, height_um: Floats | float, time_s: Floats, permeability: Floats, well: Well
    ) -> Floats:
        """Return shares taken up; shape (draw, permeability, time).

        ``permeability`` has the shape (permeability,) or (draw, permeability).
        """
        each = taken_up(**self._dish(height_um, time_s, permeability, well))
        return (each * self.share[:, None, None]).sum(axis=1)

    def ceilings(
        self, height_um: Floats | float, time_s: Floats, permeability: Floats, well: Well
    ) -> tuple[Floats, Floats, Floats]:
        """Return shares taken, taken if the well were mixed, and touched; shapes as above."""
        told = self._dish(height_um, time_s, permeability, well)
        each = reached_and_taken(**told)
        mixed = reached_and_taken(**told, is_stirred=True).taken
        wide = (each.taken, mixed, np.broadcast_to(each.touched, each.taken.shape))
        taken, mixed, touched = ((one * self.share[:, None, None]).sum(axis=1) for one in wide)
        return taken, mixed, touched

    def _dish(
        self, height_um: Floats | float, time_s: Floats, permeability: Floats, well: Well
    ) -> dict[str, Any]:
        return {
            "height_um": np.reshape(height_um, (-1, 1, 1, 1)),
            "time_s": time_s,
            "permeability_um_per_s": np.atleast_2d(permeability)[:, None, :, None],
            "diffusivity_um2_per_s": self.diffusivity_um2_per_s[:, :, None, None],
            "settling_um_per_s": self.settling_um_per_s[:, :, None, None],
            "loss_per_s": self.loss_per_s[:, None, None, None],
            "covered": well.covered,
            "footprint_um2": well.footprint_um2,
        }


def _column(inputs: Inputs, medium: str) -> _Column:
    diameter, share = size_classes(
        inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"], classes=5
    )
    viscosity = np.asarray(inputs[f"medium_viscosity.{medium}"])[:, None]
    return _Column(
        diffusivity_um2_per_s(diameter, viscosity, _BODY_C),
        settling_um_per_s(
            diameter,
            viscosity,
            np.asarray(inputs["vesicle_density"])[:, None],
            np.asarray(inputs["medium_density"])[:, None],
        ),
        np.asarray(inputs["medium_loss"]) / 3_600.0,
        share,
    )


# --- a user's curve ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Inferred:
    """A curve, its fit, and the ceilings it is held against.

    ``medium_low`` and ``medium_high`` bound the best fits over what is not known of the medium and
    the vesicles; ``low`` and ``high`` of the fit are the scatter of the curve alone.
    """

    curve: Curve
    well: Well
    fit: Fit
    medium_low: float
    medium_high: float
    limit_early: Limit
    limit_late: Limit
    above_ceiling: int
    hours: Floats
    taken: Floats
    mixed: Floats
    touched: Floats
    pools: Mapping[str, Pool]

    @property
    def reason(self) -> str:
        """Return in words which limit the curve shows, and what follows for the permeability."""
        highest = max(self.fit.high, self.medium_high)
        return limit_in_words(self.limit_early, self.limit_late, is_bounded=math.isfinite(highest))


_AT: dict[str, str] = {
    "cell-limited": "cell-limited",
    "both": "between the limits",
    "well-limited": "well-limited",
}


def limit_in_words(early: Limit, late: Limit, *, is_bounded: bool) -> str:
    """Return what two regimes, at the first and the last point, say about a curve."""
    said = {
        ("cell-limited", "cell-limited"): "Cell-limited throughout: the cells hold uptake back, "
        "and the curve tells their permeability.",
        ("well-limited", "well-limited"): "Well-limited throughout: diffusion through the medium "
        "holds uptake back, and a larger permeability hardly changes the curve.",
    }.get(
        (early, late),
        f"{_AT[early].capitalize()} at the first point, {_AT[late]} at the last"
        if early != late
        else "Between the limits: cells and medium hold uptake back alike",
    )
    said = said if said.endswith(".") else said + "."
    return said if is_bounded else said + " The permeability has no upper bound."


def infer(
    curve: Curve, well: Well, catalog: Catalog, *, seed: int, where: str = "dish infer"
) -> Inferred:
    """Return the permeability of the cells under a measured curve.

    The fit stands at the medians of the medium and of the sizes. It is repeated for draws of them,
    since a medium half as viscous brings twice the vesicles.
    """
    sourcing = Sourcing(catalog, where=where)
    middle = _column(sourcing, well.medium)
    time = np.asarray(curve.hours) * 3_600.0
    found = fit(curve, lambda k: middle.taken(well.height_um, time, k, well)[0])
    best = found.permeability_um_per_s
    lowest, highest = _over_the_medium(curve, well, sourcing.pools, best, seed)
    shown = float(time.max()) * np.linspace(0.0, 1.0, 41) ** 2
    places = np.concatenate([time, shown])
    every = middle.ceilings(well.height_um, places, np.array([best]), well)
    taken, mixed, touched = (one[0, 0] for one in every)

    def at(i: int) -> Limit:
        return governing(float(taken[i]), float(mixed[i]), float(touched[i]))

    count = time.size
    return Inferred(
        curve=curve,
        well=well,
        fit=found,
        medium_low=lowest,
        medium_high=highest,
        limit_early=at(int(time.argmin())),
        limit_late=at(int(time.argmax())),
        above_ceiling=int((np.asarray(curve.shares) > touched[:count]).sum()),
        hours=shown / 3_600.0,
        taken=taken[count:],
        mixed=mixed[count:],
        touched=touched[count:],
        pools=sourcing.pools,
    )


def _over_the_medium(
    curve: Curve, well: Well, pools: Mapping[str, Pool], best: float, seed: int
) -> tuple[float, float]:
    """Return the 5th and 95th percentile of the best fit over draws of medium and sizes."""
    drawn = _column(_drawn(pools, seed, _DRAWS), well.medium)
    time = np.asarray(curve.hours) * 3_600.0
    middle = min(best, _LARGE)
    grid = np.append(np.geomspace(middle / 100.0, 100.0 * middle, 81), 1e4 * _LARGE)
    off = drawn.taken(well.height_um, time, grid, well) - np.asarray(curve.shares)
    if curve.deviations:
        off = off / np.asarray(curve.deviations)
    misfit = (off**2).sum(axis=2)
    at = misfit.argmin(axis=1)
    # The best of three neighbours on the logarithm, by the parabola through them.
    inner = np.clip(at, 1, grid.size - 3)
    left, here, right = (misfit[np.arange(at.size), inner + step] for step in (-1, 0, 1))
    bend = left - 2.0 * here + right
    shift = np.where(bend > 0.0, 0.5 * (left - right) / np.where(bend > 0.0, bend, 1.0), 0.0)
    step = math.log(grid[1] / grid[0])
    each = grid[inner] * np.exp(step * np.clip(shift, -1.0, 1.0))
    flat = misfit[:, -1] <= misfit.min(axis=1) * (1.0 + 1e-6)
    spread = np.sort(np.where(flat, math.inf, each))
    return float(spread[round(0.05 * (_DRAWS - 1))]), float(spread[round(0.95 * (_DRAWS - 1))])


def _drawn(pools: Mapping[str, Pool], seed: int, size: int) -> Draws:
    return draw(pools, coordinates(tuple(pools), Streams(seed), size), size)


# --- published assays ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assay:
    """What one published assay says about the permeability of its cells.

    Figures are None where the assay gives none. ``limit`` is None where neither limit can be told
    or nothing was taken up; ``sure`` is the share of draws that agree with ``limit``.
    """

    name: str
    records: tuple[str, ...]
    reading: str
    low: float | None
    middle: float | None
    high: float | None
    is_lower_bound: bool
    limit: Limit | None
    sure: float
    reason: str


# Records about uptake that give no curve and no share, and why nothing follows from them.
_SILENT = (
    ("f03", "a share of vesicles with two labels; no uptake in it"),
    ("f10", "a dose on cells in suspension for days; no share taken up"),
    ("f15", "a concentration of half-maximal uptake in ug/mL; no share of what was added"),
    ("f16", "a concentration of half-maximal uptake in ug/mL; no share of what was added"),
    ("f18", "a ratio of uptake at two temperatures; no share taken up"),
    ("f19", "a ranking of cells"),
    ("f21", "seen inside after some hours; no share, and a dye that makes artefacts"),
    ("k01", "no assay: the ceiling itself, computed for a perfect floor"),
)


def published_assays(catalog: Catalog, *, seed: int, where: str = "assays") -> tuple[Assay, ...]:
    """Return every uptake record of the catalog with the limit that governs it, or why none does.

    Heights of medium that a source does not state are drawn from usual plates; confluence is taken.
    """
    found = [
        _share_assay(catalog, seed, where),
        *(
            _positive_assay(catalog, seed, where, key, cells, footprint)
            for key, cells, footprint in (
                ("100pm", "fibroblasts", "spread"),
                ("50pm", "Huh7", "hela"),
            )
        ),
    ]
    silent = [
        Assay(
            catalog[key].quantity,
            (key,),
            catalog[key].reading,
            None,
            None,
            None,
            is_lower_bound=False,
            limit=None,
            sure=0.0,
            reason=reason,
        )
        for key, reason in _SILENT
        if key in catalog
    ]
    return (*found, *silent)


def _share_assay(catalog: Catalog, seed: int, where: str) -> Assay:
    """Return f04: a share of the added vesicles inside HeLa cells after an hour."""
    sourcing = Sourcing(catalog, where=where)
    _column(sourcing, "serum")
    for role in ("assay_share.hela", "assay_time.share_hela", "medium_height"):
        sourcing[role]
    inputs = _drawn(sourcing.pools, seed, _ASSAY_DRAWS)
    column, well = _column(inputs, "serum"), Well(1.0)
    hours = float(inputs["assay_time.share_hela"][0]) / 60.0
    share = inputs["assay_share.hela"] * hours
    height = inputs["medium_height"] * 1e3

    time = np.array([hours * 3_600.0])
    k = permeability_of_share(
        share, lambda one: column.taken(height, time, one[:, None], well)[:, 0, 0]
    )
    every = column.ceilings(height, time, k[:, None], well)
    taken, mixed, touched = (one[:, 0, 0] for one in every)
    each: list[Limit] = [
        governing(float(a), float(b), float(c))
        for a, b, c in zip(taken, mixed, touched, strict=True)
    ]
    limit, sure = _most(each)
    low, middle, high = (float(x) for x in np.quantile(k, [0.05, 0.5, 0.95], method="lower"))
    record = sourcing.pools["assay_share.hela"].records[0]
    percent = 100.0 * float(np.median(touched))
    return Assay(
        f"{record.quantity}, {', '.join(record.applies_to)}",
        _ids(sourcing.pools, ("assay_share.hela", "assay_time.share_hela", "medium_height")),
        _reading(sourcing.pools, ("assay_share.hela", "medium_height")),
        low,
        middle,
        high,
        is_lower_bound=False,
        limit=limit,
        sure=sure,
        reason=f"{100.0 * float(np.median(share)):.2g} % found inside where {percent:.2g} % can "
        "touch a cell in that time; the height of the medium is not stated and is assumed",
    )


def _positive_assay(
    catalog: Catalog, seed: int, where: str, key: str, cells: str, footprint: str
) -> Assay:
    """Return f01: nearly all cells positive, so at least some vesicles in nearly every cell.

    If vesicles enter independently, a share p of positive cells needs -ln(1 - p) in a cell. How
    many more there are the count of positive cells does not tell, so it is a lower bound.
    """
    sourcing = Sourcing(catalog, where=where)
    _column(sourcing, "serum")
    own = (f"assay_time.positive_{key}", f"assay_concentration.positive_{key}", "nearly_all_cells")
    for role in (*own, f"cell_footprint.{footprint}", "medium_height"):
        sourcing[role]
    inputs = _drawn(sourcing.pools, seed, _ASSAY_DRAWS)
    column, well = _column(inputs, "serum"), Well(1.0)
    time = np.array([float(inputs[own[0]][0]) * 60.0])
    height = inputs["medium_height"] * 1e3
    over_a_cell = _VESICLES_PER_UM3 * inputs[own[1]] * height
    over_a_cell = over_a_cell * inputs[f"cell_footprint.{footprint}"]
    needed = -np.log1p(-inputs["nearly_all_cells"])
    k = permeability_of_share(
        needed / over_a_cell, lambda one: column.taken(height, time, one[:, None], well)[:, 0, 0]
    )
    touched = column.ceilings(height, time, k[:, None], well)[2][:, 0, 0] * over_a_cell
    low, middle, high = (float(x) for x in np.quantile(k, [0.05, 0.5, 0.95], method="lower"))
    return Assay(
        f"nearly all {cells} positive after {time[0] / 60.0:g} min at {inputs[own[1]][0]:g} pM",
        ("f01", *_ids(sourcing.pools, own)),
        _reading(sourcing.pools, (*own, "medium_height")),
        low,
        middle,
        high,
        is_lower_bound=True,
        limit=None,
        sure=0.0,
        reason=f"about {_round(float(np.median(touched))):,.0f} vesicles touch a cell and "
        f"{float(np.median(needed)):.2g} on average make nearly all positive: such a count is a "
        "lower bound of the permeability, and shows neither limit",
    )


def _round(count: float) -> float:
    """Return two figures of a count."""
    return float(f"{count:.2g}")


def _most(each: Sequence[Limit]) -> tuple[Limit, float]:
    best = max(dict.fromkeys(each), key=each.count)
    return best, each.count(best) / len(each)


def _ids(pools: Mapping[str, Pool], roles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(r.id for role in roles for r in pools[role].records))


def _reading(pools: Mapping[str, Pool], roles: tuple[str, ...]) -> str:
    from exosome.delivery.pool import STATUSES

    held = {pools[role].status for role in roles}
    return next(name for name in STATUSES if name in held)
