"""The closed form beside a run: its laws at the medians, and its length over what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.random import Streams
from exosome.numerics.special import ndtri
from exosome.study.space_setting import BINDING_ROLES, SPACE_ROLES, binding_of
from exosome.tissue.range_law import RangeLaw, among_types, decay_with, mixture_within, range_law
from exosome.tissue.vesicles import Matrix, diffusivity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.study.space_setting import Conditions, Setting

    Floats = NDArray[np.float64]

_DRAWS = 4_000
_SIZES = 64  # quantiles of diameter in the closed form


@dataclass(frozen=True, slots=True, eq=False)
class MixedLaw:
    """Range laws of vesicles of many sizes and of both kinds, each with its share."""

    laws: tuple[RangeLaw, ...]
    shares: Floats

    def within(self, distance_um: Floats) -> Floats:
        """Return the share of those taken up that got no further than a distance."""
        return mixture_within(self.laws, self.shares, distance_um)


def mixed_law(planned: Setting, conditions: Conditions, from_membrane: float) -> MixedLaw:
    """Return the closed form of a run.

    Parameters
    ----------
    from_membrane : float
        Share of the vesicles that are ectosomes.
    """
    shares = (np.arange(_SIZES) + 0.5) / _SIZES
    size = planned.middle("vesicle_diameter") * np.exp(
        np.log(planned.middle("vesicle_diameter_gsd")) * ndtri(shares)
    )
    d = diffusivity(size, planned.middle("space_diffusivity_100nm"), conditions.matrix)
    layout = planned.layout
    table = np.array(conditions.permeability_um_per_s)
    columns = [(0, 1.0 - from_membrane), (1, from_membrane)]
    if np.array_equal(table[:, 0], table[:, 1]):
        columns = [(0, 1.0)]
    held = [
        (
            share,
            _among(
                table[:, column],
                planned.uptake.shares(),
                diffusivity_um2_per_s=float(one),
                cell_radius_um=float(np.mean(layout.radii_um)),
                cell_fraction=planned.cell_fraction,
                decay_per_s=decay_with(conditions.loss_per_s, conditions.binding),
                speed_um_per_s=conditions.flow_um_per_s,
            ),
        )
        for column, share in columns
        for one in d
    ]
    return MixedLaw(tuple(law for _, law in held), np.array([share for share, _ in held]))


def decay_length(planned: Setting, from_membrane: float) -> tuple[float, float, float]:
    """Return the decay length (um) of the median vesicle: 5 %, at the medians, 95 % of the draws.

    Cells of several types count with their mean rate of uptake, and so do kinds of vesicles.
    """
    streams = Streams(planned.seed)
    roles = (*SPACE_ROLES, *BINDING_ROLES, *planned.uptake.roles)
    drawn = {
        role: planned.pools[role].draw(streams.of(f"input.{role}").random(_DRAWS)) for role in roles
    }
    asked = planned.scenario.conditions
    weights = dict.fromkeys(planned.uptake.roles, 0.0)
    for row, share in zip(planned.uptake.rows, planned.uptake.shares(), strict=True):
        weights[row[1]] += share * from_membrane
        weights[row[0]] += share * (1.0 - from_membrane)
    if len(weights) == 1:  # exactly, not but for the rounding of a sum
        weights = dict.fromkeys(weights, 1.0)
    shares = np.array(list(weights.values()))

    def length(value: Mapping[str, float]) -> float:
        matrix = (
            Matrix(value["matrix_slow_down"], value["matrix_mesh"]) if asked.matrix else Matrix()
        )
        held = binding_of(value, anomalous=asked.anomalous) if asked.binding else None
        size = np.array([value["vesicle_diameter"]])
        law = _among(
            np.array([value[role] for role in weights]),
            shares,
            diffusivity_um2_per_s=float(
                diffusivity(size, value["space_diffusivity_100nm"], matrix)[0]
            ),
            cell_radius_um=value["tissue_cell_radius"],
            cell_fraction=planned.cell_fraction,
            decay_per_s=decay_with(value["space_loss"] if asked.loss else 0.0, held),
        )
        return float(law.length_um)

    every = np.array(
        [length({role: float(drawn[role][i]) for role in roles}) for i in range(_DRAWS)]
    )
    low, high = (float(x) for x in np.quantile(every, [0.05, 0.95]))
    return low, length({role: planned.middle(role) for role in roles}), high


def _among(permeability_um_per_s: Floats, shares: Floats, **told: float) -> RangeLaw:
    """Return the law among cells of several permeabilities, each with its share of the cells."""
    laws = [range_law(permeability_um_per_s=float(k), **told) for k in permeability_um_per_s]
    return among_types(laws, shares)
