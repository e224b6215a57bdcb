"""A scenario file of cells in space: what may be asked, and reading it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from exosome.study.scenario import Strict, Word
from exosome.study.scenario_file import read_scenario_file

BUNDLED = ("near-and-far", "niche")

Number = Annotated[float, Field(strict=False)]
Records = dict[str, Annotated[tuple[str, ...], Field(strict=False)]]


class TissueAsked(Strict):
    """Where cells stand, and of which types they are."""

    geometry: Literal["packed", "monolayer", "spheroid", "vessel", "table"] = "packed"
    edge: str = "300 um"
    height: str = "200 um"
    extent: str = "100 um"
    cell_fraction: Number = 0.2
    cells_file: str | None = None
    cells_unit: str | None = None
    radius_key: str | None = None
    type_key: str | None = None
    types: dict[Word, Annotated[float, Field(gt=0.0, le=1.0, strict=False)]] = Field(
        default_factory=dict
    )


class SendersAsked(Strict):
    """Which cells send."""

    type: Word
    count: Annotated[int, Field(ge=1)] = 1
    release_role: str | None = None


class RunAsked(Strict):
    """How long, how often, in how many windows, and how exactly."""

    duration: str = "24 h"
    repeats: Annotated[int, Field(ge=1, le=100_000)] = 1
    windows: Annotated[int, Field(ge=1, le=10_000)] = 48
    bias: Annotated[float, Field(gt=0.0, le=0.05, strict=False)] = 0.01


class VesiclesAsked(Strict):
    """What a vesicle carries."""

    cargo: Word = "loaded_sirna"
    rich_factor: Annotated[int, Field(ge=2)] = 100


class ConditionsAsked(Strict):
    """What is switched on.

    ``anomalous`` is binding to the matrix with a heavy tail of waits.
    """

    flow: bool = False
    matrix: bool = True
    loss: bool = True
    saturation: bool = False
    binding: bool = False
    anomalous: bool = False

    @model_validator(mode="after")
    def _waits_need_binding(self) -> Self:
        if self.anomalous and not self.binding:
            raise ValueError("anomalous waits are waits in the matrix: set binding = true as well")
        return self


class UptakeByVesicle(Strict):
    """The role of a cell's uptake for vesicles from endosomes and from the membrane."""

    exosome: str
    ectosome: str


UptakeAsked = dict[Word, str | UptakeByVesicle]


class NearAndFar(Strict):
    """A scenario file of cells in space.

    ``uptake`` names, for a type of cell, the role of its permeability; the type of senders is
    ``sender``, that of the other cells ``receiver`` unless types are given.
    """

    schema_version: Literal[1]
    tissue: TissueAsked
    senders: SendersAsked
    run: RunAsked = RunAsked()
    vesicles: VesiclesAsked = VesiclesAsked()
    conditions: ConditionsAsked = ConditionsAsked()
    uptake: UptakeAsked = Field(default_factory=dict)
    sources: Records = Field(default_factory=dict)


def read_scenario(name_or_file: str) -> NearAndFar:
    """Return a bundled scenario, or the one in a TOML file.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value in it is wrong.
    """
    scenario = read_scenario_file(
        NearAndFar,
        name_or_file,
        bundled=BUNDLED,
        remedy="mend this value; `exosome new scenario near-and-far FILE` writes a full one",
    )
    if scenario.tissue.cells_file is not None and name_or_file not in BUNDLED:
        beside = Path(name_or_file).parent / scenario.tissue.cells_file
        tissue = scenario.tissue.model_copy(update={"cells_file": str(beside)})
        scenario = scenario.model_copy(update={"tissue": tissue})
    return scenario
