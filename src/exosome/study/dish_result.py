"""What a dish delivers: intervals, curves, profiles, knock-outs, and which number matters most."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from exosome.core.random import Streams
from exosome.delivery.draws import Draws, coordinates, draw
from exosome.numerics.column_reference import Slab, by_volumes
from exosome.numerics.sobol import sobol_indices
from exosome.study.dish import MeasuredSizes, setting_at_medians, setting_of
from exosome.tissue.dish import (
    encounter_permeability_um_per_s,
    floor_permeability_um_per_s,
    governing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.study.dish import DishPlan, Setting
    from exosome.tissue.dish import Limit, Reached

    Floats = NDArray[np.float64]

DRAWS = 2_000
_TIMES = 33
_SHOWN_NM = (30.0, 50.0, 80.0, 120.0, 200.0, 300.0, 500.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Interval:
    """A quantity: median and 90 % interval over what is not known."""

    key: str
    name: str
    unit: str
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Shares over time: the band of what is taken up, and what it is held against.

    ``touched`` and ``mixed`` are the ceilings of the well and of the cells, ``root`` the law of
    the square root of time for a perfect floor, all at the medians of what is drawn.
    """

    hours: Floats
    low: Floats
    middle: Floats
    high: Floats
    touched: Floats
    mixed: Floats
    root: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Concentration over the height of the column at some times, 1 at the start."""

    middle_mm: Floats
    hours: tuple[float, ...]
    relative: tuple[Floats, ...]
    taken: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SizeRow:
    """What one diameter does in this dish."""

    diameter_nm: float
    diffusivity_um2_per_s: float
    settles_um_per_day: float
    touched: tuple[float, float, float]
    taken: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class KnockOut:
    """One thing changed, what was watched, and what came of it."""

    change: str
    observable: str
    expected: Literal["falls", "rises", "to zero", "unchanged", "not settled"]
    control: float
    changed: float

    @property
    def outcome(self) -> str:
        """Return in words what the observable did; no chance is involved."""
        if self.changed == 0.0 and self.control > 0.0:
            return "to zero"
        if abs(self.changed - self.control) <= 1e-9 * abs(self.control):
            return "unchanged"
        return "rises" if self.changed > self.control else "falls"

    @property
    def agrees(self) -> bool:
        """Whether the outcome is the expected one."""
        return self.expected in (self.outcome, "not settled")


@dataclass(frozen=True, slots=True)
class Matter:
    """Share of the variance of log vesicles taken up that one number explains alone."""

    role: str
    first: float
    total: float
    halfwidth: float


@dataclass(frozen=True, slots=True, eq=False)
class DishResult:
    """What the dish delivers."""

    plan: DishPlan
    intervals: tuple[Interval, ...]
    limits: Mapping[Limit, float]
    curves: Curves
    profile: Profile | None
    sizes: tuple[SizeRow, ...]
    knock_outs: tuple[KnockOut, ...]
    matters: tuple[Matter, ...]
    medians: Setting

    def interval(self, key: str) -> Interval:
        """Return one interval by its key."""
        return next(one for one in self.intervals if one.key == key)


def run_dish_plan(planned: DishPlan, *, draws: int = DRAWS) -> DishResult:
    """Return the result of a plan.

    Parameters
    ----------
    draws : int
        Draws behind every interval; half of them behind the band over time, and a quarter, for
        each number and twice more, behind the variance shares.
    """
    inputs = _draws(planned, draws)
    drawn, middle = setting_of(planned, inputs), setting_at_medians(planned)
    time = planned.declared.time_s
    found = drawn.reached(time)
    mixed = replace(drawn, is_stirred=True).reached(time)
    return DishResult(
        plan=planned,
        intervals=_intervals(drawn, found, mixed),
        limits=_limits(found, mixed),
        curves=_curves(planned, setting_of(planned, inputs.first(max(draws // 2, 2))), middle),
        profile=None if drawn.is_stirred else _profile(planned, middle),
        sizes=_sizes(planned, inputs),
        knock_outs=_knock_outs(planned, middle),
        matters=_matters(planned, max(draws // 4, 2)),
        medians=middle,
    )


def _draws(planned: DishPlan, size: int) -> Draws:
    roles = tuple(planned.pools)
    return draw(planned.pools, coordinates(roles, Streams(planned.seed), size), size)


def _intervals(drawn: Setting, found: Reached, mixed: Reached) -> tuple[Interval, ...]:
    each = drawn.vesicles / drawn.cells
    none = np.exp(-each * found.taken[:, 0])  # if vesicles enter one by one and cells are alike
    wanted: tuple[tuple[str, str, str, Floats], ...] = (
        ("added", "vesicles added", "vesicle/cell", each),
        ("touched_each", "vesicles that touch a cell", "vesicle/cell", each * found.touched[:, 0]),
        ("taken_each", "vesicles taken up", "vesicle/cell", each * found.taken[:, 0]),
        ("none", "cells that take up none, by chance alone", "%", 100.0 * none),
        ("touched", "share that ever touches a cell", "%", 100.0 * found.touched[:, 0]),
        ("taken", "share taken up", "%", 100.0 * found.taken[:, 0]),
        ("lost", "share lost in the medium", "%", 100.0 * found.lost[:, 0]),
        ("inside", "share still in the medium", "%", 100.0 * found.inside[:, 0]),
        ("mixed", "share taken up if the well were mixed", "%", 100.0 * mixed.taken[:, 0]),
        ("height", "height of the medium", "mm", drawn.height_um / 1e3),
        ("covered", "floor under cells", "%", 100.0 * drawn.covered),
        ("biot", "Biot number: uptake against diffusion", "", drawn.biot),
    )
    return tuple(
        Interval(key, name, unit, *(float(x) for x in np.quantile(values, [0.05, 0.5, 0.95])))
        for key, name, unit, values in wanted
    )


def _limits(found: Reached, mixed: Reached) -> dict[Limit, float]:
    each = [
        governing(float(a), float(b), float(c))
        for a, b, c in zip(found.taken[:, 0], mixed.taken[:, 0], found.touched[:, 0], strict=True)
    ]
    names: tuple[Limit, ...] = ("cell-limited", "both", "well-limited")
    return {name: each.count(name) / len(each) for name in names}


def _curves(planned: DishPlan, drawn: Setting, middle: Setting) -> Curves:
    time = planned.declared.time_s * np.linspace(0.0, 1.0, _TIMES) ** 2
    low, half, high = np.quantile(drawn.taken(time), [0.05, 0.5, 0.95], axis=0)
    static = replace(middle, is_stirred=False)
    root = 2.0 * np.sqrt(middle.diffusivity_um2_per_s[0][:, None] * time / math.pi)
    return Curves(
        time / 3_600.0,
        low,
        half,
        high,
        static.reached(time).touched[0],
        replace(middle, is_stirred=True).reached(time).taken[0],
        (root * middle.share[:, None]).sum(axis=0) / float(middle.height_um[0]),
    )


def _profile(planned: DishPlan, middle: Setting) -> Profile:
    """Return profiles at a twenty-fourth, a quarter and all of the time, by finite volumes."""
    times = tuple(planned.declared.time_s * part for part in (1.0 / 24.0, 0.25, 1.0))
    height = float(middle.height_um[0])
    encounter = encounter_permeability_um_per_s(
        middle.diffusivity_um2_per_s, middle.covered[:, None], middle.footprint_um2[:, None]
    )
    floor = floor_permeability_um_per_s(
        middle.permeability_um_per_s[:, None], middle.covered[:, None], encounter
    )
    relative: list[Floats] = []
    taken: list[float] = []
    place = np.zeros(0)
    for time in times:
        every = [
            by_volumes(
                Slab(
                    height,
                    float(middle.diffusivity_um2_per_s[0, i]),
                    float(middle.settling_um_per_s[0, i]),
                    float(floor[0, i]),
                    float(middle.loss_per_s[0]),
                ),
                time,
                volumes=120,
                steps=120,
            )
            for i in range(middle.share.size)
        ]
        place = every[0].middle_um
        weights = middle.share.tolist()
        relative.append(
            height * np.average([one.density_per_um for one in every], axis=0, weights=weights)
        )
        taken.append(sum(w * one.taken for w, one in zip(weights, every, strict=True)))
    return Profile(
        place / 1e3, tuple(one / 3_600.0 for one in times), tuple(relative), tuple(taken)
    )


def _sizes(planned: DishPlan, inputs: Draws) -> tuple[SizeRow, ...]:
    """Return what single diameters do, with the other numbers drawn."""
    shown = MeasuredSizes(diameters_nm=_SHOWN_NM, shares=(1.0,) * len(_SHOWN_NM))
    alone = replace(planned, scenario=planned.scenario.model_copy(update={"sizes": shown}))
    each = setting_of(alone, inputs)
    found = each.by_size(planned.declared.time_s)
    rows: list[SizeRow] = []
    for i, diameter in enumerate(_SHOWN_NM):
        touched, taken = (
            tuple(float(x) for x in np.quantile(one[:, i, 0], [0.05, 0.5, 0.95]))
            for one in (found.touched, found.taken)
        )
        rows.append(
            SizeRow(
                diameter,
                float(np.median(each.diffusivity_um2_per_s[:, i])),
                float(np.median(each.settling_um_per_s[:, i])) * 86_400.0,
                cast("tuple[float, float, float]", touched),
                cast("tuple[float, float, float]", taken),
            )
        )
    return tuple(rows)


_TOUCH, _TAKE, _LOSE, _COUNT = (
    "share that touches a cell",
    "share taken up",
    "share lost in the medium",
    "vesicles taken up by a cell",
)


def _knock_outs(planned: DishPlan, middle: Setting) -> tuple[KnockOut, ...]:
    """Change one thing at a time in the dish at its medians."""
    time = planned.declared.time_s

    def seen(setting: Setting) -> dict[str, float]:
        found = setting.reached(time)
        taken = float(found.taken[0, 0])
        return {
            _TOUCH: float(found.touched[0, 0]),
            _TAKE: taken,
            _LOSE: float(found.lost[0, 0]) if setting.loss_per_s[0] else 0.0,
            _COUNT: float(setting.vesicles[0]) / setting.cells * taken,
        }

    arms = [*_arms_anywhere(middle), *([] if middle.is_stirred else _arms_of_a_column(middle))]
    control = seen(middle)
    return tuple(
        KnockOut(change, watched, told, control[watched], after[watched])
        for change, setting, expected in arms
        for after in (seen(setting),)
        for watched, told in expected.items()
    )


def _arms_of_a_column(middle: Setting) -> list[tuple[str, Setting, dict[str, Any]]]:
    """Return what is changed where vesicles have to reach the cells; a mixed well has none."""
    half = {
        name: 0.5 * getattr(middle, name) for name in ("diffusivity_um2_per_s", "settling_um_per_s")
    }
    one_size = {
        name: getattr(middle, name)[:, middle.share.size // 2][:, None]
        for name in ("diameter_nm", "diffusivity_um2_per_s", "settling_um_per_s")
    }
    slow = middle.diffusivity_um2_per_s * 1e-6
    still = 0.0 * middle.settling_um_per_s
    falls = {_TOUCH: "falls", _TAKE: "falls"}
    return [
        (
            "no diffusion: vesicles only settle",
            replace(middle, diffusivity_um2_per_s=slow),
            falls,
        ),
        ("no sedimentation", replace(middle, settling_um_per_s=still), falls),
        (
            "a column twice as high, same dose",
            replace(middle, height_um=2.0 * middle.height_um),
            falls,
        ),
        ("medium twice as viscous", replace(middle, **half), falls),
        ("mixed without end", replace(middle, is_stirred=True), {_TAKE: "rises"}),
        (
            "all vesicles of the median diameter",
            replace(middle, share=np.ones(1), **one_size),
            {_TOUCH: "not settled"},
        ),
    ]


def _arms_anywhere(middle: Setting) -> list[tuple[str, Setting, dict[str, Any]]]:
    """Return what is changed in any well."""
    zero = np.zeros(1)
    return [
        (
            "no uptake",
            replace(middle, permeability_um_per_s=zero),
            {_TAKE: "to zero", _TOUCH: "unchanged"},
        ),
        (
            "no loss in the medium",
            replace(middle, loss_per_s=zero),
            {_TAKE: "rises", _LOSE: "to zero"},
        ),
        (
            "twice the dose",
            replace(middle, vesicles=2.0 * middle.vesicles),
            {_COUNT: "rises", _TAKE: "unchanged"},
        ),
    ]


def _matters(planned: DishPlan, size: int) -> tuple[Matter, ...]:
    """Return variance shares of log vesicles taken up by a cell, the largest first."""
    roles = tuple(planned.pools)

    def taken(points: Floats) -> Floats:
        u = {role: points[:, i] for i, role in enumerate(roles)}
        setting = setting_of(planned, draw(planned.pools, u, points.shape[0]))
        taken_share = setting.taken(planned.declared.time_s)[:, 0]
        each = setting.vesicles / setting.cells * taken_share
        return np.log10(np.maximum(each, 1e-12))

    found = sobol_indices(taken, roles, size, Streams(planned.seed).of("dish.shares"))
    rows = [
        Matter(role, float(found.first[i]), float(found.total[i]), float(found.first_halfwidth[i]))
        for i, role in enumerate(roles)
    ]
    return tuple(sorted(rows, key=lambda row: -row.first))
