"""A culture dish: scenario, plan, and the dish in numbers.

Every number that is not declared is drawn from its sources. An interval is over what is not known;
wells and cells are taken as alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

import numpy as np
from pydantic import Field, model_validator

from exosome.core.errors import InputError
from exosome.core.units import parse_dose, to_internal
from exosome.delivery.draws import Draws
from exosome.delivery.problem import Sourcing
from exosome.product.dose import vesicles_per_unit
from exosome.study.scenario import Strict, Word
from exosome.study.scenario_file import read_tables, scenario_of
from exosome.tissue.dish import (
    covered_share,
    diffusivity_um2_per_s,
    encounter_permeability_um_per_s,
    floor_permeability_um_per_s,
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
    from exosome.tissue.dish import Reached

    Floats = NDArray[np.float64]

_BODY_C = 37.0


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
    table, where = read_tables(name_or_file, ("dish",))
    held = table.get("dish")
    if changes and isinstance(held, dict):
        told = {**cast("dict[str, object]", held), **changes}
        table = {**table, "dish": {key: value for key, value in told.items() if value != ""}}
    return scenario_of(
        DishScenario,
        table,
        where=where,
        remedy="mend this value; `exosome new scenario dish FILE` writes a commented scenario",
    )


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


def setting_at_medians(planned: DishPlan) -> Setting:
    """Return the dish with every number at its median."""
    middle = {role: np.full(1, one.median) for role, one in planned.pools.items()}
    return setting_of(planned, Draws(middle, 1))
