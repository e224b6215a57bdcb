"""The plan of a vessel: its wall and flow, the cells round it, and the vesicles in its blood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.core.units import to_internal
from exosome.delivery.pool import pool
from exosome.numerics.brownian import Tube
from exosome.study.space_plan import (
    duration_s,
    fits_the_mesh,
    length_um,
    of_types,
    sources_are_used,
    windows_are_many,
)
from exosome.study.space_setting import BINDING_ROLES, SITE_ROLES, SPACE_ROLES, Setting
from exosome.study.space_uptake import uptake_of
from exosome.study.space_world import carrying, not_too_many
from exosome.tissue import geometry
from exosome.tissue.space import Sent
from exosome.tissue.vesicles import copies, diameters, diffusivity
from exosome.tissue.vessel_law import exit_per_s

if TYPE_CHECKING:
    from exosome.catalog.load import Catalog
    from exosome.delivery.pool import Pool
    from exosome.study.vessel_scenario import VesselExit

WALL = "wall"


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselPlan(Setting):
    """What will run: a vessel along the third axis of a block of tissue, in its middle.

    ``concentration_per_um3`` is that of the blood at the start, ``wall_role`` the uptake of the
    wall itself, if it has any.
    """

    scenario: VesselExit
    radius_um: float
    concentration_per_um3: float
    wall_role: str | None

    @property
    def permeability_um_per_s(self) -> float:
        """Permeability of the wall at the median."""
        return self.middle(f"vessel_permeability.{self.scenario.vessel.kind}")

    @property
    def speed_um_per_s(self) -> float:
        """Mean speed of the blood at the median; 0 if it is switched off."""
        if not self.scenario.conditions.flow:
            return 0.0
        return self.middle(f"vessel_speed.{self.scenario.vessel.kind}")

    @property
    def tube(self) -> Tube:
        """The vessel as the engine knows it."""
        return Tube(
            (0.5 * float(self.layout.size_um[0]), 0.5 * float(self.layout.size_um[1])),
            self.radius_um,
            self.permeability_um_per_s,
            self.middle(self.wall_role) if self.wall_role else 0.0,
            self.speed_um_per_s,
        )

    @property
    def cell_fraction(self) -> float:
        """Share of the tissue outside the vessel that is cells."""
        x, y, _ = self.layout.size_um.tolist()
        return self.layout.cell_fraction / (1.0 - math.pi * self.radius_um**2 / (x * y))

    @property
    def passage_s(self) -> float:
        """Time of one passage at the mean speed; infinite without flow."""
        speed = self.speed_um_per_s
        return float(self.layout.size_um[2]) / speed if speed else math.inf

    @property
    def vesicles_in_lumen(self) -> float:
        """Vesicles in the blood of all the vessels of the run at the start, on average."""
        volume = math.pi * self.radius_um**2 * float(self.layout.size_um[2])
        return self.concentration_per_um3 * volume * self.scenario.run.repeats

    @property
    def gone_per_s(self) -> float:
        """Rate at which a vesicle of the blood leaves, is lost, or stays in the wall."""
        tube = self.tube
        through = tube.permeability_um_per_s + tube.uptake_um_per_s
        return self.conditions.loss_per_s + exit_per_s(through, self.radius_um)

    @property
    def lumen_seconds(self) -> float:
        """Time that all vesicles together spend in the blood, on average."""
        n, gone, time = self.vesicles_in_lumen, self.gone_per_s, self.duration_s
        if self.scenario.vessel.source == "steady" or gone == 0.0:
            return n * time
        return n * -math.expm1(-gone * time) / gone

    @property
    def settled_s(self) -> float:
        """Time from which on the profile behind the wall stands, for a steady source.

        Eight life times, at most half of the run. Before that, what has ended ended near the wall.
        """
        loss = self.conditions.loss_per_s
        return min(0.5 * self.duration_s, 8.0 / loss if loss else math.inf)

    def sent(self) -> Sent:
        """Return every vesicle of the blood: when and where it is there first.

        All are spread evenly over the lumen. A steady source makes up for what leaves, is lost
        or stays in the wall, at the rate at which that happens. The sender of all is the vessel,
        which has the number after the last cell.

        Raises
        ------
        InputError
            There are more than a desk machine holds.
        """
        n, steady = self.vesicles_in_lumen, self.scenario.vessel.source == "steady"
        born = n * self.gone_per_s * self.duration_s if steady else 0.0
        not_too_many(n + born, f"{self.where} vessel.concentration")
        rng = Streams(self.seed).of("vessel.source")
        there, later = int(rng.poisson(n)), int(rng.poisson(born))
        time = np.concatenate([np.zeros(there), np.sort(rng.uniform(0.0, self.duration_s, later))])
        count = time.size
        if not count:
            raise InputError(
                "there is not a single vesicle in the blood",
                where=f"{self.where} vessel.concentration",
                remedy="give a higher concentration, or more repeats",
            )
        out = self.radius_um * np.sqrt(rng.random(count)) * (1.0 - 1e-9)
        turn = rng.uniform(0.0, 2.0 * math.pi, count)
        x, y = self.tube.centre_um
        start = np.column_stack(
            [
                x + out * np.cos(turn),
                y + out * np.sin(turn),
                rng.uniform(0.0, float(self.layout.size_um[2]), count),
            ]
        )
        size = diameters(
            count, self.middle("vesicle_diameter"), self.middle("vesicle_diameter_gsd"), self.seed
        )
        share, each = carrying(self.middle(f"copies_per_vesicle.{self.scenario.vesicles.cargo}"), 1)
        return Sent(
            time,
            np.full(count, len(self.layout), np.int32),
            start,
            size,
            diffusivity(size, self.middle("space_diffusivity_100nm"), self.matrix),
            copies(count, share, each, self.seed),
            np.zeros(count, np.uint16),
        )


def plan_vessel(
    scenario: VesselExit, catalog: Catalog, *, seed: int, where: str = "scenario"
) -> VesselPlan:
    """Return the plan of a vessel: every number pointing at its records.

    Raises
    ------
    InputError
        A vessel that does not fit, cells that cannot stand like this, a type, time or source
        that does not exist, or a vesicle larger than the mesh.
    MissingRecordError
        A number that the run needs is unknown.
    """
    asked = scenario.vessel

    def pooled(role: str) -> Pool:
        return pool(catalog, role, only=scenario.sources.get(role, ()), where=where)

    at = f"{where} vessel"
    roles = [f"vessel_permeability.{asked.kind}"]
    if scenario.conditions.flow:
        roles.append(f"vessel_speed.{asked.kind}")
    if asked.radius is None:
        roles.append(f"vessel_radius.{asked.kind}")
        radius = pooled(roles[-1]).median
    else:
        radius = length_um(asked.radius, f"{at}.radius")
    layout = geometry.round_tube(
        length_um(asked.edge, f"{at}.edge"),
        length_um(asked.length, f"{at}.length"),
        pooled("tissue_cell_radius").median,
        asked.cell_fraction,
        radius,
        Streams(seed).of("tissue.layout"),
        where=at,
    )
    layout = of_types(layout, asked.types, seed, at)
    cells = {name: role for name, role in scenario.uptake.items() if name != WALL}
    uptake = uptake_of(cells, layout.kinds, np.zeros(0, np.int64), where=where)
    wall_role = scenario.uptake.get(WALL)
    roles += [*SPACE_ROLES, *BINDING_ROLES, *uptake.roles, *([wall_role] if wall_role else [])]
    if scenario.conditions.saturation:
        windows_are_many(scenario.run.windows, where)
        roles += SITE_ROLES
    roles.append(f"copies_per_vesicle.{scenario.vesicles.cargo}")
    sources_are_used(scenario.sources, tuple(roles), where)
    pools = {role: pooled(role) for role in roles}
    if scenario.conditions.matrix:
        fits_the_mesh(pools, where)
    per_ml = to_internal(asked.concentration, "vesicle/mL", where=f"{at}.concentration")
    if not 0.0 < per_ml <= 1e15:
        raise InputError(
            f"{per_ml:g} vesicles in a mL of blood",
            where=f"{at}.concentration",
            remedy="give more than 0 and at most 1e15 vesicle/mL",
        )
    return VesselPlan(
        scenario=scenario,
        pools=pools,
        layout=layout,
        uptake=uptake,
        duration_s=duration_s(scenario.run.duration, where),
        seed=seed,
        where=where,
        radius_um=radius,
        concentration_per_um3=1e-12 * per_ml,
        wall_role=wall_role,
    )
