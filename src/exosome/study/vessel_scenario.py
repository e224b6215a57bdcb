"""A scenario file of a vessel: what may be asked, and reading it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from exosome.study.scenario import Strict, Word
from exosome.study.scenario_file import read_scenario_file
from exosome.study.space_scenario import ConditionsAsked, Number, Records, RunAsked

BUNDLED = ("vessel-exit",)


class VesselAsked(Strict):
    """The vessel, the tissue round it, and the vesicles in its blood."""

    kind: Word = "tumour"
    radius: str | None = None
    length: str = "200 um"
    edge: str = "200 um"
    cell_fraction: Number = 0.2
    types: dict[Word, Annotated[float, Field(gt=0.0, le=1.0, strict=False)]] = Field(
        default_factory=dict
    )
    concentration: str = "1e10 vesicle/mL"
    source: Literal["steady", "bolus"] = "steady"


class CargoAsked(Strict):
    """What a vesicle carries."""

    cargo: Word = "loaded_sirna"


class BloodConditions(ConditionsAsked):
    """What is switched on; the flow is that of the blood."""

    flow: bool = True


class VesselExit(Strict):
    """A scenario file of a vessel; ``uptake`` names roles by type of cell, and of the wall."""

    schema_version: Literal[1]
    vessel: VesselAsked
    run: RunAsked = RunAsked()
    vesicles: CargoAsked = CargoAsked()
    conditions: BloodConditions = BloodConditions()
    uptake: dict[Word, str] = Field(default_factory=dict)
    sources: Records = Field(default_factory=dict)


def read_vessel(name_or_file: str) -> VesselExit:
    """Return the bundled scenario ``vessel-exit``, or the one in a TOML file.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value in it is wrong.
    """
    return read_scenario_file(
        VesselExit,
        name_or_file,
        bundled=BUNDLED,
        remedy="mend this value; `exosome new scenario vessel-exit FILE` writes a full one",
    )
