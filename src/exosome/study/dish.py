"""A culture dish: scenario, plan, run, result.

Every number that is not declared is drawn from its sources. An interval is over what is not known;
wells and cells are taken as alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

import numpy as np
from pydantic import Field, ValidationError, model_validator

from exosome.core.errors import InputError
from exosome.core.files import check_keys, parse_toml, read_text
from exosome.core.random import Streams
from exosome.core.units import parse_dose, to_internal
from exosome.delivery.draws import Draws, coordinates, draw
from exosome.delivery.problem import Sourcing
from exosome.numerics.column_reference import Slab, by_volumes
from exosome.numerics.sobol import sobol_indices
from exosome.product.dose import vesicles_per_unit
from exosome.study.scenario import Strict, Word
from exosome.tissue.dish import (
    covered_share,
    diffusivity_um2_per_s,
    encounter_permeability_um_per_s,
    floor_permeability_um_per_s,
    governing,
    height_um,
    reached_and_taken,
    settling_um_per_s,
    size_classes,
    taken_up,
    viscosity_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.core.inputs import Inputs
    from exosome.core.units import Dose
    from exosome.delivery.pool import Pool
    from exosome.tissue.dish import Limit, Reached

    Floats = NDArray[np.float64]

DRAWS = 2_000
_TIMES = 33
_SHOWN_NM = (30.0, 50.0, 80.0, 120.0, 200.0, 300.0, 500.0, 1000.0)
_BODY_C = 37.0
_WELLS = ("96", "24", "12", "6")


# --- scenario ------------------------------------------------------------------------------------


class DishAsked(Strict):
    """One well, what is added to it, and how long."""

    dose: str
    cells: str
    time: str
    cell: Word = "hela"
    well: Annotated[str, Field(pattern=r"^(96|24|12|6)$")] | None = None
    area: str | None = None
    volume: str | None = None
    mixing: Literal["static", "rocked"] = "static"
    medium: Word = "serum"
    temperature_c: Annotated[float, Field(strict=False)] = 37.0
    permeability: str | None = None
    footprint: str | None = None

    @model_validator(mode="after")
    def _floor_is_known(self) -> Self:
        if (self.well is None) == (self.area is None):
            raise ValueError("give either well (96, 24, 12 or 6) or area")
        if self.area is not None and self.volume is None:
            raise ValueError("a vessel given by its area needs a volume")
        return self


class MeasuredSizes(Strict):
    """A measured distribution of diameters."""

    diameters_nm: Annotated[tuple[Annotated[float, Field(strict=False)], ...], Field(strict=False)]
    shares: Annotated[tuple[Annotated[float, Field(strict=False)], ...], Field(strict=False)]

    @model_validator(mode="after")
    def _match(self) -> Self:
        if len(self.diameters_nm) != len(self.shares) or not self.shares:
            raise ValueError("give as many shares as diameters_nm, at least one")
        if min(self.diameters_nm) <= 0.0 or min(self.shares) < 0.0 or sum(self.shares) <= 0.0:
            raise ValueError("diameters must be above 0 nm, and shares 0 or more and not all 0")
        return self


class DishScenario(Strict):
    """A scenario file of a culture dish."""

    schema_version: Literal[1]
    dish: DishAsked
    sizes: MeasuredSizes | None = None
    sources: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict
    )


def read_dish(name_or_file: str, changes: Mapping[str, str] | None = None) -> DishScenario:
    """Return the bundled scenario ``dish``, or the one in a TOML file, with some keys changed.

    Parameters
    ----------
    changes : mapping, optional
        Keys of ``[dish]`` and their new values; an empty value takes the key away.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value in it is wrong.
    """
    if name_or_file == "dish":
        text = files("exosome.study").joinpath("scenarios/dish.toml").read_text("utf-8")
        where = "dish.toml"
    else:
        text = read_text(Path(name_or_file), where="scenario")
        where = Path(name_or_file).name
    table = parse_toml(text, name=where)
    check_keys(table, DishScenario.model_fields, where)
    for key, model in (("dish", DishAsked), ("sizes", MeasuredSizes)):
        held = table.get(key)
        if isinstance(held, dict):
            check_keys(
                list(cast("dict[str, object]", held)), model.model_fields, f"{where} [{key}]"
            )
    if changes:
        held = cast("dict[str, object]", table.get("dish", {}))
        table = {**table, "dish": {k: v for k, v in {**held, **changes}.items() if v != ""}}
    try:
        return DishScenario.model_validate(table)
    except ValidationError as found:
        fault = found.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise InputError(
            fault["msg"].removeprefix("Value error, "),
            where=f"{where} {key}".rstrip(),
            remedy="mend this value; `exosome new scenario dish FILE` writes a commented scenario",
        ) from None


# --- plan ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declared:
    """What the scenario states, in the units of the model; None where the catalog is asked."""

    dose: Dose
    cells: float
    time_s: float
    area_cm2: float | None
    volume_ml: float | None
    permeability_um_per_s: float | None
    footprint_um2: float | None


@dataclass(frozen=True, slots=True)
class DishPlan:
    """What will run, and where its numbers come from."""

    scenario: DishScenario
    declared: Declared
    pools: Mapping[str, Pool]
    seed: int
    where: str

    @property
    def records(self) -> tuple[Sourced, ...]:
        """Every record that is drawn from, by id."""
        found = {r.id: r for one in self.pools.values() for r in one.records}
        return tuple(found[key] for key in sorted(found))

    @property
    def read_as(self) -> dict[str, str]:
        """How well each record was read."""
        return {key: status for one in self.pools.values() for key, status in one.read_as.items()}


def plan_dish(
    scenario: DishScenario, catalog: Catalog, *, seed: int, where: str = "scenario"
) -> DishPlan:
    """Return the plan of a scenario: every number declared or pointing at its records.

    Raises
    ------
    InputError
        A quantity has no unit or the wrong one, a source does not exist, or a value is out of
        range.
    MissingRecordError
        The catalog has no record for a number that is not declared.
    """
    asked = scenario.dish

    def quantity(key: str, unit: str) -> float | None:
        text = getattr(asked, key)
        return None if text is None else _positive(text, unit, f"{where} dish.{key}")

    if not 0.0 <= asked.temperature_c <= 100.0:
        raise InputError(
            f"{asked.temperature_c:g} degrees Celsius are no culture",
            where=f"{where} dish.temperature_c",
            remedy="give 0 to 100, such as 37",
        )
    dose = parse_dose(asked.dose, where=f"{where} dish.dose")
    if dose.per_kg:
        raise InputError(
            "a dose per kilogram has no body here",
            where=f"{where} dish.dose",
            remedy="give what is added to one well",
        )
    declared = Declared(
        dose,
        cast("float", quantity("cells", "cell")),
        cast("float", quantity("time", "s")),
        quantity("area", "cm2"),
        quantity("volume", "mL"),
        quantity("permeability", "um/s"),
        quantity("footprint", "um2/cell"),
    )
    sourcing = Sourcing(catalog, only=scenario.sources, where=where)
    draft = DishPlan(scenario, declared, {}, seed, where)
    setting_of(draft, sourcing)
    for chosen in scenario.sources:
        if chosen not in sourcing.pools:
            raise InputError(
                f"sources are given for {chosen!r}, which the run does not use",
                where=f"{where} sources",
                remedy=f"numbers used: {', '.join(sorted(sourcing.pools))}",
            )
    return replace(draft, pools=sourcing.pools)


def _positive(text: str, unit: str, where: str) -> float:
    value = to_internal(text, unit, where=where)
    if value <= 0.0:
        raise InputError(f"{text!r} is not above 0", where=where, remedy="give more than nothing")
    return value


@dataclass(frozen=True, slots=True)
class Setting:
    """The dish in numbers: one value for each draw, and one for each draw and size class."""

    vesicles: Floats
    cells: float
    height_um: Floats
    covered: Floats
    footprint_um2: Floats
    permeability_um_per_s: Floats
    loss_per_s: Floats
    diameter_nm: Floats  # draw, class
    share: Floats  # class
    diffusivity_um2_per_s: Floats  # draw, class
    settling_um_per_s: Floats  # draw, class
    is_stirred: bool

    def reached(self, time_s: Floats | float) -> Reached:
        """Return shares after each time, averaged over sizes; shape (draw, time)."""
        each = self.by_size(time_s)
        weight = self.share[:, None]
        return type(each)(
            *(
                (getattr(each, name) * weight).sum(axis=1)
                for name in ("touched", "taken", "lost", "inside")
            )
        )

    def taken(self, time_s: Floats | float) -> Floats:
        """Return only the shares taken up after each time, at a third of the work."""
        if self.is_stirred:
            return self.reached(time_s).taken
        return (taken_up(**self._dish(time_s)) * self.share[:, None]).sum(axis=1)

    def by_size(self, time_s: Floats | float) -> Reached:
        """Return shares after each time; shape (draw, class, time)."""
        return reached_and_taken(**self._dish(time_s), is_stirred=self.is_stirred)

    def _dish(self, time_s: Floats | float) -> dict[str, Any]:
        one = (slice(None), None, None)
        return {
            "height_um": self.height_um[one],
            "time_s": np.atleast_1d(np.asarray(time_s, np.float64)),
            "permeability_um_per_s": self.permeability_um_per_s[one],
            "diffusivity_um2_per_s": self.diffusivity_um2_per_s[:, :, None],
            "settling_um_per_s": self.settling_um_per_s[:, :, None],
            "loss_per_s": self.loss_per_s[one],
            "covered": self.covered[one],
            "footprint_um2": self.footprint_um2[one],
        }

    @property
    def floor_um_per_s(self) -> Floats:
        """Permeability of the whole floor, averaged over sizes."""
        encounter = encounter_permeability_um_per_s(
            self.diffusivity_um2_per_s, self.covered[:, None], self.footprint_um2[:, None]
        )
        each = floor_permeability_um_per_s(
            self.permeability_um_per_s[:, None], self.covered[:, None], encounter
        )
        return (each * self.share).sum(axis=1)

    @property
    def biot(self) -> Floats:
        """Uptake at the floor against diffusion through the column."""
        mean = (self.diffusivity_um2_per_s * self.share).sum(axis=1)
        return self.floor_um_per_s * self.height_um / mean


def setting_of(planned: DishPlan, inputs: Inputs) -> Setting:
    """Return the dish for given values of the catalog's numbers, one for each draw."""
    asked, told = planned.scenario.dish, planned.declared
    size = inputs.constant(1.0).shape

    def declared_or(value: float | None, role: str) -> Floats:
        return np.asarray(inputs[role]) if value is None else np.full(size, value)

    each = vesicles_per_unit(told.dose.metric, inputs, where=f"{planned.where} dish.dose")
    plate = f"{asked.well}_well"
    area = declared_or(told.area_cm2, f"well_area.{plate}")
    volume = declared_or(told.volume_ml, f"well_volume.{plate}")
    viscosity = inputs[f"medium_viscosity.{asked.medium}"]
    if asked.temperature_c != _BODY_C:
        law = {key: inputs[f"water_viscosity_law.{key}"] for key in ("a", "b", "c")}
        viscosity = viscosity_at(viscosity, asked.temperature_c, **law)
    if planned.scenario.sizes is None:
        diameter, share = size_classes(inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"])
    else:
        sizes = planned.scenario.sizes
        diameter = np.broadcast_to(np.asarray(sizes.diameters_nm), (*size, len(sizes.shares)))
        share = np.asarray(sizes.shares) / sum(sizes.shares)
    footprint = declared_or(told.footprint_um2, f"cell_footprint.{asked.cell}")
    return Setting(
        vesicles=told.dose.amount * each,
        cells=told.cells,
        height_um=height_um(volume, area),
        covered=covered_share(told.cells, footprint, area),
        footprint_um2=footprint,
        permeability_um_per_s=declared_or(
            told.permeability_um_per_s, f"uptake_permeability.{asked.cell}"
        ),
        loss_per_s=np.asarray(inputs["medium_loss"]) / 3_600.0,
        diameter_nm=np.asarray(diameter),
        share=np.asarray(share),
        diffusivity_um2_per_s=diffusivity_um2_per_s(
            diameter, np.asarray(viscosity)[:, None], asked.temperature_c
        ),
        settling_um_per_s=settling_um_per_s(
            diameter,
            np.asarray(viscosity)[:, None],
            inputs["vesicle_density"][:, None],
            inputs["medium_density"][:, None],
        ),
        is_stirred=asked.mixing == "rocked",
    )


# --- run -----------------------------------------------------------------------------------------


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


def setting_at_medians(planned: DishPlan) -> Setting:
    """Return the dish with every number at its median."""
    middle = {role: np.full(1, one.median) for role, one in planned.pools.items()}
    return setting_of(planned, Draws(middle, 1))


def _draws(planned: DishPlan, size: int) -> Draws:
    roles = tuple(planned.pools)
    return draw(planned.pools, coordinates(roles, Streams(planned.seed), size), size)


def _intervals(drawn: Setting, found: Reached, mixed: Reached) -> tuple[Interval, ...]:
    each = drawn.vesicles / drawn.cells
    wanted: tuple[tuple[str, str, str, Floats], ...] = (
        ("added", "vesicles added", "vesicle/cell", each),
        ("touched_each", "vesicles that touch a cell", "vesicle/cell", each * found.touched[:, 0]),
        ("taken_each", "vesicles taken up", "vesicle/cell", each * found.taken[:, 0]),
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


def _knock_outs(planned: DishPlan, middle: Setting) -> tuple[KnockOut, ...]:
    """Change one thing at a time in the dish at its medians."""
    time = planned.declared.time_s

    def seen(setting: Setting) -> dict[str, float]:
        found = setting.reached(time)
        each = float(setting.vesicles[0]) / setting.cells
        return {
            "share that touches a cell": float(found.touched[0, 0]),
            "share taken up": float(found.taken[0, 0]),
            "share lost in the medium": float(found.lost[0, 0]) if setting.loss_per_s[0] else 0.0,
            "vesicles taken up by a cell": each * float(found.taken[0, 0]),
        }

    zero, one = np.zeros(1), (slice(None), None)
    touch, take, lose, count = (
        "share that touches a cell",
        "share taken up",
        "share lost in the medium",
        "vesicles taken up by a cell",
    )
    slow = middle.diffusivity_um2_per_s * 1e-6
    arms: list[tuple[str, Setting, dict[str, Any]]] = [
        (
            "no diffusion: vesicles only settle",
            replace(middle, diffusivity_um2_per_s=slow),
            {touch: "falls", take: "falls"},
        ),
        (
            "no sedimentation",
            replace(middle, settling_um_per_s=0.0 * middle.settling_um_per_s),
            {touch: "falls", take: "falls"},
        ),
        (
            "no uptake",
            replace(middle, permeability_um_per_s=zero),
            {take: "to zero", touch: "unchanged"},
        ),
        (
            "no loss in the medium",
            replace(middle, loss_per_s=zero),
            {take: "rises", lose: "to zero"},
        ),
        (
            "a column twice as high, same dose",
            replace(middle, height_um=2.0 * middle.height_um),
            {touch: "falls", take: "falls"},
        ),
        (
            "medium twice as viscous",
            replace(
                middle,
                diffusivity_um2_per_s=0.5 * middle.diffusivity_um2_per_s,
                settling_um_per_s=0.5 * middle.settling_um_per_s,
            ),
            {touch: "falls", take: "falls"},
        ),
        ("mixed without end", replace(middle, is_stirred=True), {take: "rises"}),
        (
            "all vesicles of the median diameter",
            replace(
                middle,
                share=np.ones(1),
                **{
                    name: getattr(middle, name)[one[0], middle.share.size // 2][:, None]
                    for name in ("diameter_nm", "diffusivity_um2_per_s", "settling_um_per_s")
                },
            ),
            {touch: "not settled"},
        ),
        (
            "twice the dose",
            replace(middle, vesicles=2.0 * middle.vesicles),
            {count: "rises", take: "unchanged"},
        ),
    ]
    if middle.is_stirred:  # in a mixed well nothing waits for diffusion or sedimentation
        arms = [
            one for one in arms if one[0].startswith(("no uptake", "no loss", "twice the dose"))
        ]
    control = seen(middle)
    return tuple(
        KnockOut(change, watched, told, control[watched], after[watched])
        for change, setting, expected in arms
        for after in (seen(setting),)
        for watched, told in expected.items()
    )


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
