"""Opsonins and antibodies: limits, knock-outs, and the time course of accelerated clearance."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.body.design import SATURABLE, Design
from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.physiology import ORGANS, PORTAL
from exosome.body.routes import NODES, ROUTES
from exosome.body.sizes import Aggregates
from exosome.body.surface import opsonised_over_mixture, opsonised_share
from exosome.core.errors import InputError

PLAIN = Design(KINDS["vesicle"], ROUTES["iv"], LABELS["iodine125"], 1)
BARE = replace(PLAIN, surface="bare")
PEG = replace(
    PLAIN, kind=KINDS["peg_liposome"], label=LABELS["core"], surface="bare", antibodies=True
)
ON, OFF, F = (
    "body_rate.opsonise.vesicle",
    "body_rate.opsonin_loss",
    "body_share.bare_uptake.vesicle",
)


@given(binding=st.floats(0.0, 1e3), loss=st.floats(1e-3, 1e3), bare=st.floats(1e-3, 1.0))
def test_the_mixture_is_taken_up_as_it_was_measured(binding, loss, bare):
    share = opsonised_share(binding, loss)
    fast = opsonised_over_mixture(share, bare)
    assert share * fast + (1.0 - share) * bare * fast == pytest.approx(1.0)
    assert fast >= 1.0 - 1e-12
    assert fast <= 1.0 / bare * (1.0 + 1e-12)


@pytest.mark.parametrize("surface", ["bare", "opsonised"])
@pytest.mark.parametrize("numbers", [{ON: 2e5, OFF: 1e5}, {F: 1.0}], ids=["fast", "indifferent"])
def test_fast_exchange_or_indifferent_cells_give_the_mixture_back(dosed, surface, numbers):
    mixed = dosed(PLAIN)
    followed = dosed(replace(PLAIN, surface=surface), numbers=numbers)
    # With exchange 1e4 times as fast as uptake, the way is off by about as little.
    for organ in ("blood", "liver", "spleen", "lung", "nodes", "muscle"):
        assert followed.percent(organ) == pytest.approx(mixed.percent(organ), rel=2e-3, abs=2e-3)


def test_opsonins_come_and_go_as_two_states_do(dosed):
    # Where nothing tells the states apart and all stay in blood, the share is a two-state law.
    on, off = 3.0, 2.0
    run = dosed(BARE, numbers={ON: on, OFF: off, F: 1.0})
    covered, every = (
        np.sum([run.of(f"{p}_{s}0") for p in ("plasma", "muscle_v") for s in letters], axis=0)
        for letters in ("cd", "abcd")
    )
    share = covered / every
    law = on / (on + off) * -np.expm1(-(on + off) * run.hours)
    assert share == pytest.approx(law, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("species", ["mouse", "human"])
def test_without_opsonins_liver_spleen_and_kupffer_cells_get_less(dosed, species):
    usual = dosed(BARE, species=species)
    without = dosed(BARE, species=species, change={"opsonins": 0.0})
    for organ in ("liver", "spleen"):
        assert without.percent(organ)[3] < 0.96 * usual.percent(organ)[3]
    assert without.at("n_kupffer", 1.0) < 0.5 * usual.at("n_kupffer", 1.0)
    assert without.percent("blood")[3] > 1.5 * usual.percent("blood")[3]
    # What opsonins do not lead takes over.
    assert without.at("n_scavenger", 1.0) > usual.at("n_scavenger", 1.0)
    # The body's own vesicles stay longer too.
    assert without.values["own_start"] > 1.2 * without.values["own_level"]
    assert max(usual.gap, without.gap) <= 1e-12


def test_an_opsonised_dose_is_cleared_before_a_bare_one(dosed):
    early = [dosed(replace(PLAIN, surface=s)).percent("blood")[2] for s in ("opsonised", "bare")]
    assert early[0] < early[1]


@pytest.mark.parametrize("design", [
    BARE,
    replace(BARE, classes=3, infusion_h=0.5),
    replace(BARE, route=ROUTES["sc"]),
    replace(PEG, repeats_h=(2.0, 8.0)),
    replace(BARE, by_cells=True),
], ids=["bolus", "infusion", "depot", "repeats", "cells"])  # fmt: skip
def test_every_particle_and_every_label_is_somewhere(dosed, design):
    run = dosed(design, dose=1e6 if design.by_cells else 1e10)
    if not design.by_cells:
        assert run.gap <= 1e-12
    for place in dict.fromkeys(one.place for one in SATURABLE):
        there = np.sum([run.of(name) for name in design.intact(place)], axis=0)
        assert np.abs(run.of(f"near_{place}") - there).max() <= 1e-12 * max(run.dose, there.max())


def second_dose(dosed, gap_h, **how):
    """Return vesicles in blood at 1 h after the first and the second dose, in percent of one."""
    design = replace(how.pop("design", PEG), repeats_h=(gap_h,))
    run = dosed(design, hours=(0.0, 1.0, gap_h - 1e-3, gap_h, gap_h + 1.0), **how)
    blood = run.percent("blood")
    # What the first dose left goes its own way: it is taken off, and is small after days.
    return blood[1], blood[4] - blood[2], run


def test_a_second_dose_after_days_is_cleared_faster(dosed):
    first, second, run = second_dose(dosed, 168.0, dose=1.5e10)
    assert second < 0.6 * first
    assert run.gap <= 1e-12


def test_the_effect_needs_days_and_wanes(dosed):
    left = {gap: second_dose(dosed, gap, dose=1.5e10)[1] for gap in (72.0, 168.0, 336.0, 1000.0)}
    assert left[168.0] < left[72.0] < left[1000.0]
    assert left[168.0] < left[336.0] < left[1000.0]
    first, second, _ = second_dose(dosed, 1000.0, dose=1.5e10)
    assert second == pytest.approx(first, rel=0.01)


def test_without_antibodies_doses_are_alike(dosed):
    for how in (
        {"change": {"antibodies": 0.0}},
        {"design": replace(PEG, antibodies=False)},
    ):
        first, second, _ = second_dose(dosed, 168.0, dose=1e8, **how)
        assert second == pytest.approx(first, rel=2e-3)


def test_a_large_first_dose_raises_less_antibody(dosed):
    titre = {
        dose: run.at("antibody", 168.0) / dose
        for dose in (1e6, 1.5e9, 3e12)
        for run in [second_dose(dosed, 168.0, dose=dose)[2]]
    }
    assert titre[1e6] < 0.2 * titre[1.5e9]
    assert titre[3e12] < 0.7 * titre[1.5e9]


def test_b_cells_are_neither_made_nor_lost(dosed):
    _, _, run = second_dose(dosed, 168.0, dose=1.5e10)
    names = ("naive", "primed_1", "primed_2", "primed_3", "secreting", "spent")
    assert np.sum([run.of(n) for n in names], axis=0) == pytest.approx(
        np.full(run.hours.size, run.dose), rel=1e-9
    )
    assert run.of("antibody").max() < run.dose  # all secreting for ever would keep up 1


def test_vesicles_without_peg_are_hardly_touched_by_antibodies(dosed):
    # Most of them are opsonised anyway: antibodies can add what the mixture lacks, 1.4 times.
    design = replace(PEG, kind=KINDS["vesicle"])
    first, second, run = second_dose(dosed, 168.0, dose=1.5e10, design=design)
    assert 0.6 * first < second < first
    share = opsonised_share(run.numbers[ON], run.numbers[OFF])
    assert opsonised_over_mixture(share, run.numbers[F]) < 1.5


def test_what_is_not_followed_cannot_be_changed(dosed):
    with pytest.raises(InputError, match="nothing called 'opsonins'"):
        dosed(PLAIN, change={"opsonins": 0.0})
    with pytest.raises(InputError, match="nothing called 'antibodies'"):
        dosed(BARE, change={"antibodies": 0.0})


def test_the_network_agrees_with_a_plain_twin(dosed):
    # The same law in arrays, integrated by SciPy's Radau: surface, lodging, tumour, antibodies, one
    # size and no label. Independent of the network's parser, its derivative and its solver.
    from scipy.integrate import solve_ivp

    design = replace(PEG, aggregates=True, tumour=True)
    run = dosed(
        design, dose=1e11, tumour_ml=0.3, aggregates=Aggregates(0.3, 6500.0, 1.5),
        numbers={"body_rate.antibody_ripening": 2.0},
    )  # fmt: skip
    names, start, slope = twin(run)
    found = solve_ivp(
        slope, (0.0, run.hours[-1]), start, method="Radau", t_eval=run.hours, rtol=1e-8, atol=1e-2
    )
    assert found.success
    for k, name in enumerate(names):
        ours = sum(run.of(n) for n in name.split("+"))
        assert np.abs(ours - found.y[k]).max() < 2e-5 * run.dose, name
    assert run.at("antibody", 24.0) > 1e-3 * run.dose  # so that it has been compared


def twin(run):  # noqa: C901 - one law, written out
    """Return names of sums of species, their start and their slopes."""
    v, design = run.values, run.design
    places, cells = list(design.places), list(design.populations)
    names = [f"{p}_{a}{k}+{p}_{b}{k}" for p in places for a, b in ("ab", "cd") for k in (0, 1)]
    names += [f"n_{one.key}" for one in cells] + ["large_plasma", "large_lung"]
    names += ["naive", "primed_1", "primed_2", "primed_3", "secreting", "antibody"]
    size = 4 * len(places)
    inside = {one.key: size + i for i, one in enumerate(cells)}
    large = size + len(cells)
    start = np.zeros(len(names))
    first = 4 * places.index("plasma")
    start[first], start[first + 1] = v["dose_0"], v["dose_1"]
    start[large], start[large + 2] = v["dose_large"], v["b_cells"]
    lymph = {o: g for g, organs in NODES.items() for o in organs} | {"tumour": "limb"}
    blood = [p for p in places if p in ("plasma", "lung_held") or p.endswith("_v")]

    def slope(_t, x):  # noqa: C901 - as above
        d = np.zeros_like(x)
        at = x[:size].reshape(len(places), 2, 2)  # place, surface, size
        to = d[:size].reshape(len(places), 2, 2)
        here = {p: i for i, p in enumerate(places)}

        def flow(a, b, rates):
            moved = np.array(rates) * at[here[a]]
            to[here[a]] -= moved
            if b is not None:
                to[here[b]] += moved
            return moved.sum()

        both = [0, 1]
        flow("plasma", "lung_v", v["to_lung"])
        for o in [*ORGANS, "tumour"]:
            if o != "lung":
                goes = "liver_v" if o in PORTAL else "plasma"
                flow("lung_v", f"{o}_v", v[f"in_{o}"])
                flow(f"{o}_v", goes, v[f"out_{o}"])
            flow(f"{o}_v", f"{o}_i", [v[f"cross_{o}_{k}"] for k in both])
            if o in ("liver", "spleen", "tumour"):
                flow(f"{o}_i", f"{o}_v", [v[f"return_{o}_{k}"] for k in both])
            flow(f"{o}_i", f"node_{lymph[o]}", [v[f"drain_{o}_{k}"] for k in both])
        for g in NODES:
            flow(f"node_{g}", "plasma", v[f"empty_{g}"])
        room = 1.0 - at[here["lung_held"]].sum() / v["room_lung_held"]
        flow("lung_v", "lung_held", [v[f"hold_{k}"] * room for k in both])
        flow("lung_held", "lung_v", v["release"])
        d[inside["endothelium_lung"]] += flow("lung_held", None, v["entry"])
        for one in cells:
            rate = np.array([[v[f"take_{one.key}_{k}"] for k in both]] * 2)
            if one.sort == "phagocyte":
                rate[0] *= v["bare_uptake"]
            n = x[inside[one.key]]
            if one.saturable:
                crowd = at[here[one.place]].sum() * v[f"half_{one.key}"]
                rate *= (1.0 - n / v[f"room_{one.key}"]) / (1.0 + crowd)
            d[inside[one.key]] += flow(one.place, None, rate) - v["digestion"] * n
        titre = x[large + 7] / v["b_cells"]
        coat = v["opsonise"] + v["antibody_binding"] * titre
        change = coat * at[:, 0] - v["strip"] * at[:, 1]
        to[:, 0] -= change
        to[:, 1] += change
        for p in blood:
            apart = v["loosen"] * at[here[p], :, 1]
            to[here[p], :, 1] -= apart
            to[here[p], :, 0] += apart
        to -= v["lysis"] * at
        lodged = v["to_lung"] * x[large]
        apart, taken = v["loosen"] * x[large + 1], v["lodged_entry"] * x[large + 1]
        d[large] = -lodged - v["lysis"] * x[large]
        d[large + 1] = lodged - apart - taken - v["lysis"] * x[large + 1]
        to[here["lung_v"], 0, 0] += apart
        d[inside["endothelium_lung"]] += taken
        spleen, naive = x[inside["red_pulp"]], x[large + 2]
        primed = v["priming"] * spleen / (spleen + v["stimulus_half"]) * naive
        d[large + 2] = -primed - v["priming"] * spleen / v["tolerated"] * naive
        steps = v["ripening"] * x[large + 3 : large + 6]
        d[large + 3 : large + 6] = [primed - steps[0], steps[0] - steps[1], steps[1] - steps[2]]
        d[large + 6] = steps[2] - v["retiring"] * x[large + 6]
        d[large + 7] = v["antibody_decay"] * (x[large + 6] - x[large + 7])
        return d

    return names, start, slope
