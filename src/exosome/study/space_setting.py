"""What every run in space stands on: numbers at their medians, cells, and the physics."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome import __version__
from exosome.numerics.brownian import Binding
from exosome.tissue.frames import MOST_DRAWN, MOST_FRAMES
from exosome.tissue.saturation import Sites
from exosome.tissue.vesicles import Matrix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exosome.catalog.record import Sourced
    from exosome.delivery.pool import Pool
    from exosome.study.space_scenario import NearAndFar
    from exosome.study.space_uptake import Uptake
    from exosome.study.vessel_scenario import VesselExit
    from exosome.tissue.geometry import Layout

SPACE_ROLES = (
    "space_diffusivity_100nm", "matrix_slow_down", "matrix_mesh", "space_loss",
    "tissue_cell_radius", "vesicle_diameter", "vesicle_diameter_gsd",
)  # fmt: skip
BINDING_ROLES = ("matrix_bound_ratio", "matrix_hold", "matrix_wait_exponent")
SITE_ROLES = ("binding_sites", "site_return")


@dataclass(frozen=True, slots=True)
class Conditions:
    """The physics between cells: what a knock-out changes.

    ``permeability_um_per_s`` has a row for each kind of cell and a column for each kind of
    vesicle, as `Uptake` orders them; ``flow_um_per_s`` is that between cells; ``sites`` is None
    where cells do not fill, ``binding`` where the matrix holds nothing.
    """

    matrix: Matrix
    permeability_um_per_s: tuple[tuple[float, ...], ...]
    loss_per_s: float
    flow_um_per_s: float
    diffuses: bool = True
    sites: Sites | None = None
    binding: Binding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Cells in a block of space, and every number of a run with its sources."""

    scenario: NearAndFar | VesselExit
    pools: Mapping[str, Pool]
    layout: Layout
    uptake: Uptake
    duration_s: float
    seed: int
    where: str

    @property
    def every_pool(self) -> tuple[Pool, ...]:
        """The pools of all numbers."""
        return tuple(self.pools.values())

    @property
    def records(self) -> tuple[Sourced, ...]:
        """Every record that informs the run, by id."""
        found = {r.id: r for one in self.every_pool for r in one.records}
        return tuple(found[key] for key in sorted(found))

    @property
    def read_as(self) -> dict[str, str]:
        """How well each record was read."""
        return {key: status for one in self.every_pool for key, status in one.read_as.items()}

    def middle(self, role: str) -> float:
        """Return the median of a number."""
        return self.pools[role].median

    @property
    def cell_fraction(self) -> float:
        """Share of the space between faces that is cells."""
        return self.layout.cell_fraction

    @property
    def matrix(self) -> Matrix:
        """The matrix between cells at the medians; none if it is switched off."""
        if not self.scenario.conditions.matrix:
            return Matrix()
        return Matrix(self.middle("matrix_slow_down"), self.middle("matrix_mesh"))

    @property
    def flow_between_cells(self) -> float:
        """Speed of the fluid between cells, um/s."""
        return 0.0

    @property
    def conditions(self) -> Conditions:
        """The physics of the run at the medians."""
        asked = self.scenario.conditions
        return Conditions(
            self.matrix,
            self.uptake.table({role: self.middle(role) for role in self.uptake.roles}),
            self.middle("space_loss") if asked.loss else 0.0,
            self.flow_between_cells,
            sites=Sites(self.middle("binding_sites"), self.middle("site_return"))
            if asked.saturation
            else None,
            binding=self.binding(anomalous=asked.anomalous) if asked.binding else None,
        )

    def binding(self, *, anomalous: bool) -> Binding:
        """Return how the matrix holds vesicles at the medians, with a heavy tail or without."""
        value = {role: self.middle(role) for role in BINDING_ROLES}
        return binding_of(value, anomalous=anomalous)

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides the result."""
        asked = self.scenario.model_dump(mode="json")
        if "tissue" in asked:
            asked["tissue"].pop("cells_file")  # where the file lies decides nothing
        told = {
            "program": __version__,
            "scenario": asked,
            "numbers": {one.role: one.median for one in self.every_pool},
            "types": self.uptake.types,
            "seed": self.seed,
            "frames": [MOST_FRAMES, MOST_DRAWN],
        }
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        for part in (self.layout.size_um, self.layout.centres_um, self.layout.radii_um):
            digest.update(part.tobytes())
        return digest.hexdigest()


def binding_of(value: Mapping[str, float], *, anomalous: bool) -> Binding:
    """Return how the matrix holds vesicles, from the numbers of its roles."""
    return Binding(
        value["matrix_bound_ratio"] / value["matrix_hold"],
        1.0 / value["matrix_hold"],
        value["matrix_wait_exponent"] if anomalous else math.inf,
    )
