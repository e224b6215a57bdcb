"""An antibody in a body, with nothing fitted: predicted against published tissue levels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.body.passage import Pores
from exosome.body.physiology import body
from exosome.body.protein import Handling, Protein, protein_network, tissue_nm
from exosome.body.published import published
from exosome.delivery.pool import pool
from exosome.numerics.network import mean_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exosome.body.published import Point
    from exosome.catalog.load import Catalog

DOSE_MG_PER_KG, ANTIBODY_DA = 8.0, 150_000.0
"""Of the published rows: 8 mg/kg of an antibody of 150 kDa."""
_CORRECTED = ("brain",)
"""Organs whose published values had the blood in them taken off; all others keep it."""


def handling(catalog: Catalog) -> Handling:
    """Return how walls and endothelium handle proteins, at the middle of every number."""

    def of(role: str) -> float:
        return pool(catalog, role, where="protein").median

    spread = of("body_gsd.pore")
    return Handling(
        fcrn_nm=of("body_protein.fcrn"),
        uptake_per_h=of("body_rate.pinocytosis"),
        degradation_per_h=of("body_rate.endosome_degradation"),
        recycled_to_plasma=of("body_share.recycled"),
        lymph_reflection=of("body_share.lymph_reflection"),
        node_emptying=of("body_fold.node_emptying"),
        reference_radius_nm=of("body_radius.reference_protein"),
        small=Pores(of("body_radius.small_pore"), spread),
        large=Pores(of("body_radius.large_pore"), spread),
        glomerulus=Pores(of("body_radius.glomerulus"), of("body_gsd.glomerulus")),
        filtered_share=of("body_share.filtered"),
    )


def antibody(catalog: Catalog, species: str) -> Protein:
    """Return IgG as it binds to FcRn of a species."""

    def of(role: str) -> float:
        return pool(catalog, role, where="antibody").median

    return Protein(
        "IgG",
        of("body_radius.reference_protein"),
        of(f"body_binding.{species}"),
        of(f"body_rate.fcrn_off.{species}"),
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """A published level and the predicted one, in nM."""

    point: Point
    predicted_nm: float

    @property
    def log_fold(self) -> float:
        """Natural logarithm of predicted over published."""
        return math.log(self.predicted_nm / (1000.0 * self.point.value))


def compare_antibody(catalog: Catalog) -> list[Compared]:
    """Return every published row of the antibody 7E3 beside its prediction. Nothing is fitted."""
    points = [one for one in published() if one.kind == "protein"]
    held = body("mouse")
    dose = DOSE_MG_PER_KG * held.weight_g / 1000.0 / ANTIBODY_DA * 1e6
    network = protein_network(held, antibody(catalog, "mouse"), handling(catalog), dose_nmol=dose)
    hours = np.unique([0.0, *(one.time_h for one in points)])
    found = mean_field(network, hours, relative_tolerance=1e-7, absolute_tolerance=1e-10)
    rows = [dict(zip(found.names, values, strict=True)) for values in found.values.tolist()]
    compared: list[Compared] = []
    for one in points:
        values = rows[int(np.searchsorted(hours, one.time_h))]
        if one.organ == "blood":
            level = 1000.0 * values["plasma"] / held.plasma_ml
        else:
            organs = ("small_intestine", "large_intestine") if one.organ == "gut" else (one.organ,)
            left = 0.0 if one.organ in _CORRECTED else 1.0
            level = tissue_nm(values, held, organs, residual_blood=left)
        compared.append(Compared(one, level))
    return compared


def average_fold_error(rows: Sequence[Compared]) -> float:
    """Return the geometric mean of fold errors, each taken above 1."""
    return math.exp(math.fsum(abs(one.log_fold) for one in rows) / len(rows))
