"""Mechanism by mechanism against hand arithmetic; packets against means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from toys import Drawn, dose, luminal, problem, question

from exosome.core.random import Streams
from exosome.delivery.mechanisms import evaluate
from exosome.delivery.question import (
    GivenTable,
    Independent,
    NaturalRelease,
    Packed,
    SolubleCoisolate,
    SurfaceEnzyme,
    SurfaceLigand,
    Titration,
)
from exosome.delivery.verdict import summarise

CELLS = 1e4


class Known(dict):  # type: ignore[type-arg]
    """Inputs of one draw, given by hand."""

    def __getitem__(self, role: str) -> np.ndarray:
        return np.full(1, dict.__getitem__(self, role))

    def constant(self, value: float) -> np.ndarray:
        return np.full(1, value)


ISSUE = Known(
    {
        "arriving.in_vitro.t_cell": 1.0,
        "uptake_fraction.in_vitro.t_cell": 1.0,
        "uptake_cv": 0.0,
        "copies_per_particle.natural_mirna": 0.00825,
        "vesicles_per_particle": 1.0,
        "opening.natural_vesicle": 0.3,
        "functional_fraction.natural_mirna": 1.0,
        "needed_copies.natural_mirna": 100.0,
    }
)


def in_a_dish(mechanism: object, *, each: float = 5000.0, **changes: object):
    return question(
        mechanism=mechanism,
        given=dose(each * CELLS, "vesicle"),
        route="in_vitro",
        organ="",
        target="t_cell",
        cells=CELLS,
        **changes,
    )


def test_packing_decides_whether_any_cell_responds() -> None:
    # 0.00825 copies in each of 5,000 vesicles per cell, 30 % open whole, 100 copies needed.
    packed = evaluate(in_a_dish(luminal(packing=Packed(100.0))), ISSUE)
    alone = evaluate(in_a_dish(luminal(packing=Independent())), ISSUE)
    assert packed.effect.responding()[0] == pytest.approx(1 - math.exp(-0.12375), rel=1e-9)
    assert packed.effect.responding()[0] == pytest.approx(0.116, abs=5e-4)
    assert alone.effect.responding()[0] < 1e-50
    # The mean does not see the difference.
    for outcome in (packed, alone):
        assert outcome.mean_field_margin[0] == pytest.approx(-0.91, abs=5e-3)
    assert packed.effect.margin(0.1)[0] > 0.0 > alone.effect.margin(0.1)[0]


def test_a_measured_law_of_copies_acts_as_the_packets_it_describes() -> None:
    share = 0.00825 / 100
    table = GivenTable((0.0, 100.0), (1.0 - share, share))
    given = evaluate(in_a_dish(luminal(packing=table)), ISSUE).effect
    packed = evaluate(in_a_dish(luminal(packing=Packed(100.0))), ISSUE).effect
    assert given.responding()[0] == pytest.approx(packed.responding()[0], rel=1e-6)
    assert given.margin(0.5)[0] == pytest.approx(packed.margin(0.5)[0], abs=1e-3)


def test_the_mean_beside_a_measured_law_is_that_of_the_law() -> None:
    # Copies come from the table, whatever the catalog says of the mean.
    outcome = evaluate(in_a_dish(luminal(packing=GivenTable((0.0, 4.0), (0.5, 0.5)))), ISSUE)
    effect = outcome.effect
    assert effect.mean_delivered[0] == pytest.approx(effect.arrivals[0] * 2.0)
    steps = {step.name: float(step.amount[0]) for step in outcome.steps}
    assert steps["copies in one vesicle"] == pytest.approx(2.0)
    assert steps["copies in the cytosol of one cell"] == pytest.approx(1500.0 * 2.0)


def test_a_measured_law_replaces_the_mean_of_the_catalog_and_does_not_ask_for_it() -> None:
    inputs = Drawn(4)
    evaluate(in_a_dish(luminal(packing=GivenTable((0.0, 4.0), (0.5, 0.5)))), inputs)
    assert "copies_per_particle.natural_mirna" not in inputs._held


@pytest.mark.parametrize("needed", [3e6, 1e8])
def test_a_measured_law_can_be_asked_for_many_copies(needed: float) -> None:
    # A natural miRNA must reach millions of copies where few of them become functional.
    known = Known({**ISSUE, "needed_copies.natural_mirna": needed})
    asked = in_a_dish(luminal(packing=GivenTable((0.0, 1.0, 10.0), (0.9, 0.09, 0.01))))
    found = float(evaluate(asked, known).effect.margin(0.5)[0])
    # So many packets are needed that the mean decides, within some per cent.
    assert found == pytest.approx(math.log10(1500.0 * 0.19 / needed), abs=0.05)


def test_a_measured_law_where_nothing_functions_delivers_nothing() -> None:
    known = Known({**ISSUE, "functional_fraction.natural_mirna": 0.0})
    asked = in_a_dish(luminal(packing=GivenTable((0.0, 4.0), (0.5, 0.5))))
    assert np.isneginf(evaluate(asked, known).effect.margin(0.5)).all()


def test_a_measured_law_of_empty_vesicles_delivers_nothing() -> None:
    asked = in_a_dish(luminal(packing=GivenTable((0.0,), (1.0,))))
    assert np.isneginf(evaluate(asked, ISSUE).effect.margin(0.5)).all()


@pytest.mark.parametrize("rule", ["all_or_none", "partial"])
@pytest.mark.parametrize("packing", [Independent(), Packed(7.0)])
def test_both_ways_of_opening_deliver_the_same_mean(rule: str, packing: object) -> None:
    outcome = evaluate(in_a_dish(luminal(packing=packing, opening_rule=rule)), ISSUE)
    effect = outcome.effect
    assert effect.mean_delivered[0] == pytest.approx(5000 * 0.3 * 0.00825)
    jump = effect.jump
    mean = float(np.ravel(getattr(jump, "size", None) or jump.mean)[0])  # type: ignore[union-attr]
    assert float(effect.arrivals[0]) * mean == pytest.approx(effect.mean_delivered[0])


def test_partial_opening_reaches_more_cells_where_a_packet_is_more_than_enough() -> None:
    # 1 in 100 vesicles carries 1,000 copies and 10 are needed: leaking wastes fewer packets.
    known = Known({**ISSUE, "copies_per_particle.natural_mirna": 10.0})
    known["needed_copies.natural_mirna"] = 10.0
    whole = evaluate(in_a_dish(luminal(packing=Packed(1000.0)), each=100.0), known).effect
    leaky = evaluate(
        in_a_dish(luminal(packing=Packed(1000.0), opening_rule="partial"), each=100.0), known
    ).effect
    assert whole.mean_delivered[0] == pytest.approx(leaky.mean_delivered[0])
    assert leaky.responding()[0] > whole.responding()[0] + 0.2


def test_a_packet_smaller_than_the_mean_load_leaves_no_vesicle_empty() -> None:
    known = Known({**ISSUE, "copies_per_particle.natural_mirna": 50.0})
    effect = evaluate(in_a_dish(luminal(packing=Packed(20.0))), known).effect
    assert float(np.ravel(effect.jump.size)[0]) == 50.0  # type: ignore[union-attr]
    assert effect.arrivals[0] == pytest.approx(1500.0)


def test_a_stated_loading_cannot_exceed_what_the_lumen_holds() -> None:
    figures = {
        "vesicle_diameter": 80.0,
        "vesicle_diameter_gsd": 1.0,
        "bilayer_thickness": 5.0,
        "lumen_packing_limit": 0.5,
        "cargo_volume.natural_mirna": 40.0,
    }
    fits = math.pi / 6 * 70.0**3 * 0.5 / 40.0
    for stated, held in ((100.0, 100.0), (1e9, fits)):
        one = problem(figures, mechanism=luminal(loaded_copies=stated))
        steps = one.outcome(one.draws(Streams(1), 1)).steps
        loaded = next(step for step in steps if step.name == "copies in one vesicle")
        assert float(loaded.amount[0]) == pytest.approx(held)
        assert "copies_per_particle.natural_mirna" not in one.roles


def test_titration_asks_for_copies_that_occupy_the_sites() -> None:
    figures = {"target_sites": 1000.0, "seed_site_kd": 50.0}
    one = problem(figures, mechanism=luminal(needed=Titration(0.3)))
    steps = one.outcome(one.draws(Streams(1), 1)).steps
    assert float(steps[-1].amount[0]) == pytest.approx(0.3 * 1000 + 50 * 0.3 / 0.7)


def test_a_steady_trickle_builds_up_over_the_life_of_the_cargo() -> None:
    known = Known(
        {
            "release_rate.donor": 400.0,
            "captured_within.100um": 0.5,
            "cells_within.100um": 100.0,
            "cargo_loss.natural_mirna": 0.02,
            **{k: v for k, v in ISSUE.items() if not k.endswith("t_cell")},
        }
    )
    asked = question(
        given=NaturalRelease("donor", "100um"), route="neighbour", organ="", target="neighbour"
    )
    steps = {s.name: float(s.amount[0]) for s in evaluate(asked, known).steps}
    assert steps["internalised by one target cell"] == pytest.approx(2.0)
    assert steps["taken up in one life of the cargo"] == pytest.approx(100.0)
    # dC/dt = f u - k C at rest.
    assert steps["copies in the cytosol of one cell"] == pytest.approx(2 * 0.3 * 0.00825 / 0.02)


SURFACE = Known(
    {
        "vesicles_per_particle": 1.0,
        "arriving.in_vitro.t_cell": 1.0,
        "bound_fraction.in_vitro.t_cell": 0.5,
        "uptake_cv": 0.0,
        "receptors_per_cell.pd1.t_cell": 1000.0,
        "ligand_copies.pd_l1": 4.0,
        "cell_surface.t_cell": 100.0,
        "contact_patch": 1e6,
        "engaged_share_needed.pd1": 0.1,
    }
)
LIGAND = SurfaceLigand("pd_l1", "pd1")


def test_a_vesicle_engages_no_more_receptors_than_it_has_ligands_or_reaches() -> None:
    steps = {s.name: float(s.amount[0]) for s in evaluate(in_a_dish(LIGAND), SURFACE).steps}
    # The patch is 1 µm² of 100 µm²: ten receptors, but only four ligands.
    assert steps["receptors engaged by one vesicle"] == pytest.approx(4.0)
    assert steps["bound to one target cell"] == pytest.approx(2500.0)
    # 10,000 engagements, but the cell has 1,000 receptors.
    assert steps["receptors engaged on one cell"] == pytest.approx(1000.0)
    assert steps["receptors to engage at once"] == pytest.approx(100.0)
    sparse = Known({**SURFACE, "contact_patch": 1e4})
    reached = {s.name: float(s.amount[0]) for s in evaluate(in_a_dish(LIGAND), sparse).steps}
    assert reached["receptors engaged by one vesicle"] == pytest.approx(0.1)


def test_a_cell_without_the_receptor_does_not_respond() -> None:
    bare = Known({**SURFACE, "receptors_per_cell.pd1.t_cell": 0.0})
    assert np.isneginf(evaluate(in_a_dish(LIGAND), bare).effect.margin(0.5)).all()


def test_a_surface_ligand_needs_no_opening() -> None:
    inputs = Drawn(9)
    evaluate(in_a_dish(LIGAND), inputs)
    assert not any(role.startswith(("opening", "uptake_fraction")) for role in inputs._held)


ENZYME = Known(
    {
        "vesicles_per_particle": 1.0,
        "kcat.cd73": 100.0,
        "km.cd73": 20.0,
        "substrate.cd73.in_vitro": 20.0,
        "enzyme_copies.cd73": 5.0,
        "product_clearance.adenosine.in_vitro": 2.0,
        "enzyme_per_cell.cd73.t_cell": 0.0,
        "product_needed.adenosine": 1.0,
    }
)
MAKES = SurfaceEnzyme("cd73", "adenosine", "in_vitro", 0.5, volume_ml=0.1)


def test_an_enzyme_holds_its_product_against_clearance() -> None:
    outcome = evaluate(in_a_dish(MAKES), ENZYME)
    # 5e7 vesicles x 5 copies x 100/s x 1/2, in 0.1 mL, over an hour, cleared at 2/h.
    made_um_per_h = 5e7 * 5 * 100 * 0.5 * 3600 / 6.02214076e23 / 1e-4 * 1e6
    assert outcome.effect.mean_delivered[0] == pytest.approx(made_um_per_h / 2.0)
    assert outcome.effect.margin(0.5)[0] == pytest.approx(math.log10(made_um_per_h / 2.0))
    assert outcome.effect.margin(0.01)[0] == outcome.effect.margin(0.5)[0]


def test_vesicles_must_exceed_what_the_cells_make_themselves() -> None:
    busy = Known({**ENZYME, "enzyme_per_cell.cd73.t_cell": 1e7})
    effect = evaluate(in_a_dish(MAKES), busy).effect
    # 5e7 x 5 against 1e4 x 1e7 copies of the same enzyme in the same fluid.
    assert effect.margin(0.5)[0] == pytest.approx(math.log10(2.5e8 / 1e11))


def test_a_soluble_factor_counts_against_particles_not_vesicles() -> None:
    factor = SolubleCoisolate("tgf_beta", "in_vitro", 0.5, volume_ml=0.1)
    asked = question(
        mechanism=factor,
        given=dose(1e9),
        route="in_vitro",
        organ="",
        target="t_cell",
        cells=CELLS,
    )
    known = Known(
        {
            "vesicles_per_particle": 0.25,
            "soluble_per_particle.tgf_beta": 2.0,
            "soluble_kd.tgf_beta": 0.01,
        }
    )
    outcome = evaluate(asked, known)
    nanomolar = 1e9 * 2.0 / 6.02214076e23 / 1e-4 * 1e9
    assert outcome.effect.mean_delivered[0] == pytest.approx(nanomolar)
    assert outcome.effect.margin(0.5)[0] == pytest.approx(math.log10(nanomolar / 0.01))


NOTHING = {
    "opening": {"opening.natural_vesicle": 0.0},
    "cargo": {"copies_per_particle.natural_mirna": 0.0},
    "organ": {"organ_signal.intravenous.liver": 0.0},
    "function": {"functional_fraction.natural_mirna": 0.0},
    "only blood": {"residual_blood_share.liver": 1.0},
}


@pytest.mark.parametrize("what", NOTHING)
@pytest.mark.parametrize("packing", [Independent(), Packed(5.0)])
@pytest.mark.parametrize("rule", ["all_or_none", "partial"])
def test_nothing_delivered_is_its_own_outcome(what: str, packing: object, rule: str) -> None:
    one = problem(NOTHING[what], mechanism=luminal(packing=packing, opening_rule=rule))
    draws = one.draws(Streams(1), 20)
    for fraction in (0.01, 0.5, 0.99):
        assert np.isneginf(one.margin(draws, fraction)).all()
    outcome = one.outcome(draws)
    assert np.isneginf(outcome.mean_field_margin).all()
    assert (outcome.effect.responding() == 0.0).all()
    found = summarise(outcome.effect.margin(0.5))
    assert found.percentiles == (None,) * 5
    assert (found.nothing, found.enough) == (1.0, 0.0)


@pytest.mark.parametrize(
    "mechanism", [luminal(), LIGAND, MAKES, SolubleCoisolate("tgf_beta", "in_vitro", 0.5)]
)
def test_no_dose_delivers_nothing_by_any_mechanism(mechanism: object) -> None:
    asked = question(
        mechanism=mechanism,
        given=dose(0.0),
        route="in_vitro",
        organ="",
        target="t_cell",
    )
    margins = evaluate(asked, Drawn(2, least=0.1, most=0.9)).effect.margin(0.5)
    assert np.isneginf(margins).all()
