"""A tumour: what crosses its wall, what keeps it in, and where the tumour changes nothing."""

from dataclasses import replace

import pytest

from exosome.body.design import Design
from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.passage import Pores, diffusing, diffusive_hindrance
from exosome.body.physiology import bearing, body
from exosome.body.routes import ROUTES
from exosome.body.tumour import permeability
from exosome.core.errors import InputError

PLAIN = Design(KINDS["vesicle"], ROUTES["iv"], LABELS["core"], 1)
BORNE = replace(PLAIN, tumour=True)
STEALTH = replace(BORNE, kind=KINDS["peg_liposome"])


@pytest.mark.parametrize("more", [{}, {"infusion_h": 0.5}, {"route": ROUTES["sc"]}, {"classes": 3},
                                  {"surface": "bare"}])  # fmt: skip
def test_every_particle_and_every_label_is_somewhere(dosed, more):
    run = dosed(replace(BORNE, **more), tumour_ml=0.3)
    assert run.gap <= 1e-12
    assert run.percent("tumour")[-1] > 0.0


def test_a_small_tumour_leaves_the_rest_of_the_body_as_it_was(dosed):
    without = dosed(PLAIN)
    borne = dosed(BORNE, tumour_ml=1e-6)
    for organ in ("blood", "liver", "lung", "spleen", "muscle"):
        assert borne.percent(organ) == pytest.approx(without.percent(organ), rel=1e-4, abs=1e-6)
    # Far from crowding, the share of a small tumour goes with its weight.
    twice = dosed(BORNE, tumour_ml=2e-6)
    assert twice.percent("tumour")[3] == pytest.approx(2.0 * borne.percent("tumour")[3], rel=1e-4)


def test_what_circulates_longer_reaches_the_tumour_more(dosed):
    short = dosed(replace(BORNE, kind=KINDS["liposome"]), tumour_ml=0.3)
    long = dosed(STEALTH, tumour_ml=0.3)
    assert long.percent("tumour")[-1] > 5.0 * short.percent("tumour")[-1]


def test_the_pressure_inside_keeps_particles_out_and_its_wall_lets_them_in(dosed):
    usual = dosed(STEALTH, tumour_ml=0.3).percent("tumour")[4]
    assert dosed(STEALTH, tumour_ml=0.3, change={"tumour_pores": 0.0}).percent("tumour")[4] == 0.0
    relieved = dosed(STEALTH, tumour_ml=0.3, change={"tumour_pressure": 0.0})
    assert relieved.percent("tumour")[4] > 1.2 * usual


def test_permeability_is_anchored_at_one_size_and_falls_with_size(dosed):
    numbers = dosed(BORNE, tumour_ml=0.3).numbers
    known = numbers["body_clearance.tumour_permeability"]
    at = [permeability(r, numbers) for r in (5.0, 45.0, 100.0, 300.0)]
    assert at[1] == pytest.approx(known)
    assert at[0] > at[1] > at[2] > at[3] > 0.0
    # Through pores far wider than the particle only its own diffusion is left: as one over radius.
    wide = numbers | {"body_radius.tumour_pore": 1e6}
    assert permeability(20.0, wide) / permeability(40.0, wide) == pytest.approx(2.0, rel=1e-3)


def test_diffusion_in_pores_has_its_limits():
    assert diffusive_hindrance(0.0, 10.0) == 1.0
    assert diffusive_hindrance(10.0, 10.0) == 0.0
    assert diffusive_hindrance(20.0, 10.0) == 0.0
    assert diffusing(50.0, Pores(100.0, 1.0)) < diffusing(20.0, Pores(100.0, 1.0))


def test_a_steady_infusion_reaches_the_steady_state_of_the_wall(dosed):
    # Nothing inside takes up or drains: plasma and interstitium stand as the wall says.
    still = {"body_clearance.tissue": 0.0, "body_clearance.tumour_phagocyte": 0.0,
             "body_share.tumour_counterpressure": 1.0, "body_rate.lysis": 0.0}  # fmt: skip
    design = replace(BORNE, infusion_h=400.0)
    run = dosed(design, tumour_ml=0.3, numbers=still, hours=(0.0, 200.0, 390.0))
    inside = run.of("tumour_i_a0") + run.of("tumour_i_b0")
    blood = run.of("tumour_v_a0") + run.of("tumour_v_b0")
    ratio = run.numbers["body_share.tumour_interstitium"] / run.numbers["body_share.tumour_plasma"]
    assert inside[-1] / blood[-1] == pytest.approx(ratio, rel=2e-3)


def test_tumours_that_make_no_sense_are_refused():
    for grams in (0.0, -1.0, 10.0):
        with pytest.raises(InputError, match="a tumour of"):
            bearing(body("mouse"), grams, where="test")


INTO = replace(BORNE, route=ROUTES["intratumoral"])


@pytest.mark.parametrize("more", [{}, {"repeats_h": (2.0, 8.0)}, {"surface": "bare"}])
def test_a_dose_into_the_tumour_is_all_somewhere(dosed, more):
    run = dosed(replace(INTO, **more), tumour_ml=0.3)
    assert run.gap <= 1e-12
    assert run.percent("tumour")[0] == pytest.approx(100.0)


def test_a_dose_into_the_tumour_stays_there_and_leaves_by_its_wall_and_lymph(dosed):
    into, by_vein = dosed(INTO, tumour_ml=0.3), dosed(BORNE, tumour_ml=0.3)
    assert into.percent("tumour")[4] > 100.0 * by_vein.percent("tumour")[4]
    assert into.percent("liver")[4] > 0.0
    # Without pores nothing goes straight back to its vessels; fluid still carries some to nodes.
    shut = dosed(INTO, tumour_ml=0.3, change={"tumour_pores": 0.0})
    assert shut.of("tumour_v_a0")[1] < 1e-2 * into.of("tumour_v_a0")[1]
    assert shut.of("node_limb_a0").max() > 0.0
    # Relieved of pressure, more fluid goes through the tumour and takes more of the dose along.
    relieved = dosed(INTO, tumour_ml=0.3, change={"tumour_pressure": 0.0})
    assert relieved.percent("tumour")[4] < into.percent("tumour")[4]


def test_a_dose_into_no_tumour_is_refused():
    with pytest.raises(InputError, match="no tumour to put a dose into"):
        replace(PLAIN, route=ROUTES["intratumoral"])
    with pytest.raises(InputError, match="into a vein"):
        replace(INTO, infusion_h=1.0)
    with pytest.raises(InputError, match="from a vein only"):
        replace(INTO, aggregates=True)
