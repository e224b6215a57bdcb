"""Proteins in the body: balance, limits, and sizes other than the one it was anchored at."""

from dataclasses import replace

import numpy as np
import pytest

from exosome.body.passage import Pores
from exosome.body.physiology import ORGANS, SPECIES, body, constant
from exosome.body.protein import (
    Handling,
    Protein,
    protein_network,
    tissue_nm,
    wall_passage,
)
from exosome.core.errors import InputError
from exosome.numerics.network import mean_field

HANDLING = Handling(
    fcrn_nm=49_800.0,
    uptake_per_h=3.66e-2,
    degradation_per_h=42.9,
    recycled_to_plasma=0.715,
    lymph_reflection=0.2,
    node_emptying=9.1,
    reference_radius_nm=5.3,
    small=Pores(4.5, 1.2),
    large=Pores(25.0, 1.2),
    glomerulus=Pores(3.8, 1.05),
    filtered_share=0.2,
)
IGG = Protein("IgG", 5.3, 0.0806, 6.55)
HOURS = np.array([0.0, 0.1, 1.0, 24.0, 168.0, 720.0])


def run(protein: Protein, handling: Handling = HANDLING, species: str = "mouse", dose: float = 1.0):
    network = protein_network(body(species), protein, handling, dose_nmol=dose)
    return mean_field(network, HOURS, relative_tolerance=1e-7, absolute_tolerance=1e-12 * dose)


@pytest.mark.parametrize("species", SPECIES)
def test_nothing_is_lost_in_any_species(species):
    dose = 53.3 * body(species).weight_g / 1000.0  # 8 mg/kg
    found = run(IGG, species=species, dose=dose)
    amount = sum(found.of(name) for name in found.names if not name.endswith("_f"))
    gap = np.abs(amount / dose - 1.0)
    # Blood turns over 200 times an hour, so in 30 days a million doses pass each equation:
    # rounding alone drifts in proportion to the time.
    assert gap[:4].max() < 1e-12
    assert gap.max() < 2e-11
    free = sum(found.of(f"{o}_f") + found.of(f"{o}_b") for o in ORGANS)
    assert np.abs(free / free[0] - 1.0).max() < 1e-12


def test_the_size_of_the_antibody_returns_the_published_reflection():
    passage = wall_passage(HANDLING, 5.3)
    for organ in ORGANS:
        published = constant("all", organ, "vascular_reflection_coefficient_IgG")
        assert passage[organ] == pytest.approx(1.0 - published, abs=1e-9)


def test_other_proteins_of_that_size_are_followed_by_their_own_size():
    held = body("mouse")
    levels = {}
    for radius in (3.6, 4.8, 5.3, 6.0, 9.0):
        found = run(replace(IGG, radius_nm=radius))
        values = dict(zip(found.names, found.values[3], strict=True))
        tissue = tissue_nm(values, held, ("muscle",), residual_blood=0.0)
        levels[radius] = tissue / (1000.0 * values["plasma"] / held.plasma_ml)
    ratios = list(levels.values())
    assert ratios == sorted(ratios, reverse=True)
    # an antibody a tenth smaller or larger is not a different drug: within 30 percent
    assert levels[4.8] / levels[5.3] < 1.3
    assert levels[5.3] / levels[6.0] < 1.3


def test_without_the_receptor_an_antibody_is_gone_in_days():
    with_it, without = run(IGG), run(IGG, replace(HANDLING, fcrn_nm=0.0))
    assert with_it.of("plasma")[4] > 5.0 * without.of("plasma")[4]
    unbound = run(replace(IGG, on_per_nm_h=0.0))
    assert unbound.of("plasma")[4] == pytest.approx(without.of("plasma")[4], rel=1e-6)


def test_small_proteins_leave_by_urine_and_antibodies_do_not():
    small = run(Protein("fragment", 2.5, 0.0, 0.0))
    assert small.of("urine")[3] > 0.5
    assert run(IGG).of("urine")[-1] < 1e-6


def test_the_literal_reading_of_the_uptake_differs_fifteenfold():
    # Fifteen organs each take the product of the whole body: all of them together, 15 times it.
    held = body("mouse")
    network = protein_network(held, IGG, HANDLING, dose_nmol=1.0)
    values = {one.name: float(one.value) for one in network.parameters}
    taken = sum(values[f"drink_v_{o}"] * held.organs[o].plasma_ml for o in ORGANS)
    whole = 3.66e-2 * sum(held.organs[o].endosomal_ml for o in ORGANS)
    assert taken == pytest.approx(15.0 * whole)
    assert whole == pytest.approx(4.79e-3, rel=1e-3)  # mL/h: the source's 4.79e-6 L/h


def test_residual_blood_counts_in_amount_and_volume():
    held = body("mouse")
    values = {f"liver_{part}": 0.0 for part in "vieb"} | {"liver_v": 1.0, "liver_i": 2.0}
    organ = held.organs["liver"]
    assert tissue_nm(values, held, ("liver",), residual_blood=1.0) == pytest.approx(
        3000.0 / organ.total_ml
    )
    assert tissue_nm(values, held, ("liver",), residual_blood=0.0) == pytest.approx(
        2000.0 / (organ.total_ml - organ.plasma_ml - organ.blood_cells_ml)
    )


def test_impossible_proteins_are_refused():
    with pytest.raises(InputError):
        Protein("none", 0.0, 0.0, 0.0)
    with pytest.raises(InputError):
        Protein("none", 1.0, -1.0, 0.0)
