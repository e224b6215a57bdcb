"""Responses in time: closed forms, limits, knock-outs and the plain twin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exosome.cell.effects_reference import (
    express_plainly,
    flip_plainly,
    occupied_plainly,
    shed_plainly,
    silence_plainly,
)
from exosome.cell.expression import mrna_left, protein_made
from exosome.cell.memory import MEMORIES, end_of, memories_of_courses, verdict_of_course
from exosome.cell.occupancy import engaged_by_solute, engaged_by_vesicles
from exosome.cell.response import occupied_share
from exosome.cell.shedding import shed
from exosome.cell.silencing import Target, silence
from exosome.cell.switch import Switch, flip
from exosome.cell.turnover import product_level
from exosome.core.constants import AVOGADRO_PER_MOL
from exosome.core.errors import InputError

TIMES = np.linspace(0.0, 96.0, 97)
TARGET = Target(5_000.0, 20.0, 9.0, 24.0, 3.0, 1.5)


# A miRNA and its target


def test_constant_mirna_settles_at_the_closed_form() -> None:
    long = np.linspace(0.0, 2_000.0, 401)
    found = silence(long, np.full(long.size, 2_500.0), TARGET)
    theta = float(occupied_share(*(np.asarray(x) for x in (2_500.0, 5_000.0, 20.0))))
    assert found.protein[-1] == pytest.approx((1 - theta / 3) / (1 + 2 * theta), rel=1e-9)
    assert found.mrna[-1] == pytest.approx(1 / (1 + 2 * theta), rel=1e-9)


def test_no_mirna_no_repression_and_more_sites_less() -> None:
    assert np.all(silence(TIMES, np.zeros(97), TARGET).repression == pytest.approx(0.0, abs=1e-12))
    copies = np.full(97, 1_000.0)
    few, many = (
        silence(TIMES, copies, replace(TARGET, sites=s)).repression[-1] for s in (1e3, 1.5e5)
    )
    assert many < few / 20
    full = silence(TIMES, copies, replace(TARGET, sites=1e3))
    for knocked in ({"decay_fold": 1.0}, {"translation_fold": 1.0}, {"kd_copies": 1e12}):
        assert silence(TIMES, copies, replace(TARGET, **knocked)).repression[-1] < few
    assert np.all(np.diff(full.protein) < 0.0)


def test_silencing_agrees_with_its_plain_twin() -> None:
    times = np.linspace(0.0, 48.0, 97)
    copies = 4_000.0 * np.exp(-0.05 * times)
    fast = silence(times, copies, TARGET)
    plain = np.array(
        silence_plainly(
            times.tolist(),
            copies.tolist(),
            sites=5_000.0,
            kd_copies=20.0,
            mrna_half_life_h=9.0,
            protein_half_life_h=24.0,
            decay_fold=3.0,
            translation_fold=1.5,
        )
    )
    assert fast.mrna == pytest.approx(plain[:, 0], abs=2e-4)
    assert fast.protein == pytest.approx(plain[:, 1], abs=2e-4)
    assert occupied_plainly(2_500.0, 5_000.0, 20.0) == pytest.approx(
        float(occupied_share(*(np.asarray(x) for x in (2_500.0, 5_000.0, 20.0))))
    )


def test_draws_and_cells_run_side_by_side() -> None:
    copies = np.array([[0.0] * 97, [500.0] * 97])[:, None, :]
    both = silence(TIMES, copies, replace(TARGET, sites=np.array([1e3, 1e4, 1e5])))
    assert both.protein.shape == (2, 3, 97)
    alone = silence(TIMES, np.full(97, 500.0), replace(TARGET, sites=1e4))
    assert both.protein[1, 1] == pytest.approx(alone.protein)


# mRNA to protein


@pytest.mark.parametrize("loss", [0.03, np.log(2) / 9.0, 0.4])
def test_protein_from_a_pulse_of_mrna(loss: float) -> None:
    times = np.linspace(0.0, 60.0, 1_201)
    k = np.log(2) / 9.0
    mrna = 10.0 * np.exp(-k * times)
    found = protein_made(
        times, mrna, proteins_per_mrna_h=40.0, protein_half_life_h=np.log(2) / loss
    )
    if loss == k:
        closed = 400.0 * times * np.exp(-k * times)
    else:
        closed = 400.0 * (np.exp(-k * times) - np.exp(-loss * times)) / (loss - k)
    assert found == pytest.approx(closed, rel=2e-4, abs=1e-3)
    plain = np.array(express_plainly([0.0, 20.0, 60.0], 10.0, mrna_loss=k, made=40.0, loss=loss))
    assert found[[0, 400, 1200]] == pytest.approx(plain[:, 1], rel=2e-4, abs=1e-3)


def test_one_mrna_makes_what_its_life_allows() -> None:
    times = np.linspace(0.0, 400.0, 4_001)
    mrna = mrna_left(times, np.concatenate([[1.0], np.zeros(3_999)]), 9.0)
    made = protein_made(times, mrna, proteins_per_mrna_h=40.0, protein_half_life_h=1e9)
    assert made[-1] == pytest.approx(40.0 * 9.0 / np.log(2), rel=1e-4)
    assert mrna[-1] < 1e-12
    assert np.all(protein_made(times, 0 * mrna, proteins_per_mrna_h=40, protein_half_life_h=9) == 0)


def test_a_steady_signal_settles_where_gain_meets_loss() -> None:
    # dC/dt = f u - k C settles at f u / k.
    opened = np.full(2_000, 0.6)
    found = mrna_left(np.linspace(0.0, 400.0, 2_001), opened, 9.0)
    assert found[-1] == pytest.approx(0.6 / 0.2 / (np.log(2) / 9.0))


# Receptors


def test_bound_vesicles_engage_their_patches() -> None:
    share = engaged_by_vesicles(
        np.array([0, 1, 10, 10**9]),
        ligands=50.0,
        receptors=1e5,
        cell_surface_um2=1_000.0,
        patch_nm2=4_000.0,
    )
    assert share.tolist() == pytest.approx([0.0, 4e-6, 4e-5, 1.0])
    none = engaged_by_vesicles(5, ligands=0.0, receptors=1e5, cell_surface_um2=1e3, patch_nm2=4e3)
    assert float(none) == 0.0


def test_a_solute_occupies_by_its_kd() -> None:
    assert engaged_by_solute([0.0, 2.0, 6.0], 2.0).tolist() == pytest.approx([0.0, 0.5, 0.75])


# Enzymes


def test_product_settles_at_production_over_loss() -> None:
    numbers = {
        "enzymes_per_vesicle": 10.0,
        "kcat_per_s": 100.0,
        "substrate_um": 5.0,
        "km_um": 5.0,
        "volume_ml": 1.0,
        "loss_per_h": 0.5,
    }
    found = product_level(TIMES, np.full(97, 1e9), **numbers)
    made = 1e9 * 10 * 100 * 0.5 * 3600 / (AVOGADRO_PER_MOL * 1e-3) * 1e6
    assert found[-1] == pytest.approx(made / 0.5, rel=1e-9)
    assert found[10] == pytest.approx(made / 0.5 * -np.expm1(-5.0), rel=1e-9)
    for knocked in ("enzymes_per_vesicle", "kcat_per_s", "substrate_um"):
        assert not product_level(TIMES, np.full(97, 1e9), **{**numbers, knocked: 0.0}).any()
    assert not product_level(TIMES, np.zeros(97), **numbers).any()


# Growth factors


def test_shed_factor_adds_up_and_agrees_with_its_twin() -> None:
    rates = {"release_per_h": 0.3, "vesicle_loss_per_h": 0.1, "free_loss_per_h": 0.09}
    times = np.linspace(0.0, 48.0, 481)
    found = shed(times, np.full(480, 5.0), **rates)
    plain = np.array(shed_plainly([0.0, 24.0, 48.0], 50.0, **rates))
    for place, one in enumerate((found.held, found.free, found.carried, found.lost)):
        assert one[[0, 240, 480]] == pytest.approx(plain[:, place], rel=1e-3, abs=1e-9)
    total = found.held + found.free + found.carried + found.lost
    assert total[-1] == pytest.approx(2_400.0, rel=1e-12)
    assert found.level_nm(1.0)[-1] == pytest.approx(found.free[-1] / 6.02214076e11)


def test_no_release_no_factor() -> None:
    found = shed(
        TIMES, np.full(96, 5.0), release_per_h=0.0, vesicle_loss_per_h=0.0, free_loss_per_h=1.0
    )
    assert not found.free.any()
    assert found.held[-1] == pytest.approx(480.0)


# The switch

BISTABLE = Switch(feedback=4.0, hill=2.0, leak=0.02, half_life_h=6.0)
LEAKY = replace(BISTABLE, feedback=0.8)


def test_levels_of_a_switch_solve_its_balance() -> None:
    levels = BISTABLE.steady_levels()
    assert len(levels) == 3
    for y in levels:
        assert float(BISTABLE.production(np.asarray(y))) == pytest.approx(y, rel=1e-12)
    # Without leak and with Hill 2 the balance is y^2 - a y + 1 = 0, besides zero.
    bare = replace(BISTABLE, leak=0.0).steady_levels()
    assert bare[1:] == pytest.approx((2 - 3**0.5, 2 + 3**0.5), rel=1e-9)
    assert not LEAKY.is_bistable
    assert not replace(BISTABLE, hill=1.0).is_bistable


def test_a_signal_tips_the_switch_above_its_threshold_only() -> None:
    least = BISTABLE.least_signal()
    assert least is not None
    long = np.linspace(0.0, 4_000.0, 801)
    below, above = (flip(long, np.full(801, f * least), BISTABLE)[-1] for f in (0.98, 1.02))
    low, tipping, high = BISTABLE.steady_levels()
    assert below < tipping - low
    assert above > 0.9 * (high - low)
    assert LEAKY.least_signal() is None


@pytest.mark.parametrize("one", [BISTABLE, LEAKY], ids=["bistable", "leaky"])
def test_switch_agrees_with_its_plain_twin(one: Switch) -> None:
    times = np.linspace(0.0, 60.0, 31)
    signal = 0.4 * np.exp(-0.05 * times)
    plain = flip_plainly(
        times.tolist(),
        signal.tolist(),
        feedback=one.feedback,
        hill=one.hill,
        leak=one.leak,
        half_life_h=one.half_life_h,
        start=one.resting,
    )
    assert flip(times, signal, one) == pytest.approx(np.array(plain) - one.resting, abs=1e-3)


def test_no_signal_leaves_every_switch_at_rest() -> None:
    for one in (BISTABLE, LEAKY, replace(BISTABLE, leak=0.0)):
        assert float(flip(TIMES, np.zeros(97), one).max()) < 1e-9


# Reprogrammed or transient

PULSE = np.exp(-np.log(2) / 6.0 * TIMES)  # cargo of half-life 6 h


def test_a_switch_is_reprogrammed_and_a_leaky_one_is_not() -> None:
    for one, expected in ((BISTABLE, "reprogrammed"), (LEAKY, "transient")):
        response = flip(TIMES, 1.0 * PULSE, one)
        assert verdict_of_course(TIMES, PULSE, response, 6.0, detectable=0.01) == expected
    quiet = flip(TIMES, 1e-6 * PULSE, BISTABLE)
    assert verdict_of_course(TIMES, PULSE, quiet, 6.0, detectable=0.01) == "no response"


def test_too_short_a_watch_settles_nothing() -> None:
    response = flip(TIMES, PULSE, BISTABLE)
    short = TIMES <= 30.0  # cargo is over at 6 h, the bar lies at 36 h
    found = verdict_of_course(TIMES[short], PULSE[short], response[short], 6.0, detectable=0.01)
    assert found == "not settled: watched too short"
    steady = np.ones(97)
    assert verdict_of_course(TIMES, steady, steady, 6.0, detectable=0.01) == found
    assert verdict_of_course(TIMES, steady, PULSE, 6.0, detectable=0.01) == "transient"


def test_a_course_is_over_when_it_falls_below_half_for_good() -> None:
    assert float(end_of(TIMES, PULSE)) == pytest.approx(6.0, rel=1e-2)
    back = np.where(TIMES == 50.0, 1.0, PULSE)
    assert float(end_of(TIMES, back)) == pytest.approx(50.5, abs=0.01)
    assert float(end_of(TIMES, np.zeros(97))) == 0.0
    assert np.isinf(end_of(TIMES, TIMES))


def test_verdicts_turn_at_five_half_lives() -> None:
    # A response of half-life s, released like the cargo, is over s after the start.
    lasts = np.array([10.0, 34.0, 38.0, 90.0])
    response = np.exp(-np.log(2) / lasts[:, None] * TIMES)
    found = memories_of_courses(TIMES, PULSE, response, 6.0, detectable=0.01)
    assert [MEMORIES[i] for i in found] == ["transient"] * 2 + ["reprogrammed"] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: verdict_of_course(TIMES, PULSE, PULSE, 0.0, detectable=0.1),
        lambda: verdict_of_course(TIMES, -PULSE, PULSE, 6.0, detectable=0.1),
        lambda: verdict_of_course(TIMES, PULSE, PULSE[:5], 6.0, detectable=0.1),
        lambda: flip(TIMES, -PULSE, BISTABLE),
        lambda: Switch(1.0, 0.5, 0.0, 1.0),
        lambda: replace(TARGET, decay_fold=0.5),
        lambda: replace(TARGET, kd_copies=0.0),
        lambda: shed(TIMES, -PULSE[1:], release_per_h=1, vesicle_loss_per_h=0, free_loss_per_h=0),
    ],
)
def test_nonsense_is_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(InputError):
        wrong()
