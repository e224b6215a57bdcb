"""Particles in a body: balance, limits, saturation, labels and injected cells."""

from dataclasses import replace

import numpy as np
import pytest

from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.observe import Conditions, ledger, signal, vesicles
from exosome.body.particles import (
    CROWDED,
    POPULATIONS,
    SATURABLE,
    VESICLE_ENDS,
    Design,
    network,
    roles_of,
    values_of,
)
from exosome.body.physiology import ORGANS, SPECIES, body
from exosome.body.routes import NODES, ROUTES
from exosome.body.sizes import size_classes
from exosome.catalog.load import load_catalog
from exosome.core.errors import BalanceError, InputError
from exosome.delivery.pool import pool
from exosome.numerics.network import mean_field, mean_fields
from exosome.numerics.network.ensemble import replaced

CATALOG = load_catalog()
PLAIN = Design(KINDS["vesicle"], ROUTES["iv"], LABELS["iodine125"], 1)
HOURS = np.array([0.0, 1 / 60, 0.25, 1.0, 4.0, 24.0])


def numbers_of(design: Design) -> dict[str, float]:
    return {role: pool(CATALOG, role, where="test").median for role in roles_of(design)}


def run(design=PLAIN, *, dose=1e10, species="mouse", nm=100.0, change=None, numbers=None):
    numbers = numbers_of(design) | (numbers or {})
    held = body(species)
    sizes = size_classes(nm, 1.4, design.classes)
    values = values_of(design, held, sizes, numbers, dose=dose, change=change)
    found = mean_fields(
        network(design, values), HOURS, values=values,
        relative_tolerance=1e-7, absolute_tolerance=1e-13 * dose, workers=1,
    )  # fmt: skip
    return (lambda name: found.of(name)[0]), values


@pytest.mark.parametrize("species", SPECIES)
@pytest.mark.parametrize("route", ["iv", "sc", "inhaled"])
def test_every_particle_and_every_label_is_somewhere(species, route):
    design = replace(PLAIN, route=ROUTES[route])
    of, values = run(design, species=species)
    given = np.full(HOURS.size, 1e10)
    found = ledger(design, of, given, given + values["dose_impurity"])
    assert found.vesicle_gap <= 1e-12
    assert found.label_gap <= 1e-12


@pytest.mark.parametrize(
    "design",
    [
        replace(PLAIN, infusion_h=0.5),
        replace(PLAIN, repeats_h=(0.5, 3.0)),
    ],
    ids=["infusion", "repeats"],
)
def test_doses_in_time_enter_wholly(design):
    of, values = run(design)
    if design.infusion_h:
        share = np.minimum(HOURS / 0.5, 1.0)
    else:
        share = 1.0 + (HOURS >= 0.5) + (HOURS >= 3.0)
    found = ledger(design, of, 1e10 * share, (1e10 + values["dose_impurity"]) * share)
    assert max(found.vesicle_gap, found.label_gap) <= 1e-12


@pytest.mark.parametrize(
    "design",
    [
        replace(PLAIN, classes=3),
        replace(PLAIN, infusion_h=0.5),
        replace(PLAIN, repeats_h=(0.5,)),
        replace(PLAIN, route=ROUTES["sc"]),
        replace(PLAIN, by_cells=True),
    ],
    ids=["classes", "infusion", "repeats", "depot", "cells"],
)
def test_the_count_of_a_crowded_place_is_the_sum_of_what_is_there(design):
    of, _ = run(design)
    for place in CROWDED:
        there = np.sum([of(name) for name in design.intact(place)], axis=0)
        assert np.abs(of(f"near_{place}") - there).max() <= 1e-12 * 1e10, place


def test_a_lost_particle_would_be_noticed():
    of, values = run()
    given = np.full(HOURS.size, 1e10)
    with pytest.raises(BalanceError):
        ledger(PLAIN, lambda n: of(n) * (n != "n_kupffer"), given, given + values["dose_impurity"])


def test_the_network_agrees_with_a_plain_twin():
    # The same law written with arrays and integrated by SciPy's Radau: independent of the network's
    # parser, its symbolic derivative and its solver.
    from scipy.integrate import solve_ivp

    of, values = run(dose=1e11)
    names, slope = plain_twin(values)
    start = np.zeros(len(names))
    start[names.index("plasma")] = values["dose_0"]
    found = solve_ivp(
        slope, (0.0, HOURS[-1]), start, method="Radau", t_eval=HOURS, rtol=1e-8, atol=1e-3
    )
    for name in ("plasma", "liver_v", "liver_i", "lung_held", "muscle_i", "node_limb"):
        ours = of(f"{name}_a0") + of(f"{name}_b0")
        twin = found.y[names.index(name)]
        assert np.abs(ours - twin).max() < 1e-5 * values["dose_0"], name
    for key in ("kupffer", "hepatocyte", "red_pulp", "tissue_muscle", "endothelium_lung"):
        twin = found.y[names.index(f"n_{key}")]
        assert np.abs(of(f"n_{key}") - twin).max() < 1e-5 * values["dose_0"], key


def taken(v, population, here, inside):
    key = population.key
    rate = v[f"take_{key}_0"] * here
    if population.saturable:
        rate *= (1.0 - inside / v[f"room_{key}"]) / (1.0 + here * v[f"half_{key}"])
    return rate


def plain_twin(v):
    """Return names and slopes of intact particles and those in cells; label left out."""
    names = ["plasma", *(f"{o}_{p}" for o in ORGANS for p in "vi"), "lung_held",
             *(f"node_{g}" for g in NODES), *(f"n_{p.key}" for p in POPULATIONS)]  # fmt: skip
    at = {name: k for k, name in enumerate(names)}
    portal = ("spleen", "small_intestine", "large_intestine", "pancreas")

    def slope(_t, x):
        d = np.zeros(len(names))

        def move(here, there, rate):
            d[at[here]] -= rate
            if there is not None:
                d[at[there]] += rate

        move("plasma", "lung_v", v["to_lung"] * x[at["plasma"]])
        for o in ORGANS:
            in_organ, outside = x[at[f"{o}_v"]], x[at[f"{o}_i"]]
            if o != "lung":
                move("lung_v", f"{o}_v", v[f"in_{o}"] * x[at["lung_v"]])
                goes = "liver_v" if o in portal else "plasma"
                move(f"{o}_v", goes, v[f"out_{o}"] * in_organ)
            move(f"{o}_v", f"{o}_i", v[f"cross_{o}_0"] * in_organ)
            if o in ("liver", "spleen"):
                move(f"{o}_i", f"{o}_v", v[f"return_{o}_0"] * outside)
            group = next(g for g, organs in NODES.items() if o in organs)
            move(f"{o}_i", f"node_{group}", v[f"drain_{o}_0"] * outside)
        for g in NODES:
            move(f"node_{g}", "plasma", v[f"empty_{g}"] * x[at[f"node_{g}"]])
        held = x[at["lung_held"]]
        room = 1.0 - held / v["room_lung_held"]
        move("lung_v", "lung_held", v["hold_0"] * x[at["lung_v"]] * room)
        move("lung_held", "lung_v", v["release"] * held)
        move("lung_held", "n_endothelium_lung", v["entry"] * held)
        for p in POPULATIONS:
            move(p.place, f"n_{p.key}", taken(v, p, x[at[p.place]], x[at[f"n_{p.key}"]]))
            move(f"n_{p.key}", None, v["digestion"] * x[at[f"n_{p.key}"]])
        for k in range(len(names) - len(POPULATIONS)):
            d[k] -= v["lysis"] * x[k]
        return d

    return names, slope


def test_cells_never_hold_more_than_they_can():
    of, values = run(dose=1e14)
    for one in SATURABLE:
        assert of(f"n_{one.key}").max() <= values[f"room_{one.key}"] * (1.0 + 1e-9), one.key


def test_a_small_dose_is_linear_and_a_large_one_is_not():
    tiny, _ = run(dose=1e3)
    small, _ = run(dose=1e6)
    blood = vesicles(PLAIN, small)["blood"] / 1e6
    assert blood == pytest.approx(vesicles(PLAIN, tiny)["blood"] / 1e3, rel=1e-4, abs=1e-9)
    large, _ = run(dose=1e12)
    assert vesicles(PLAIN, large)["blood"][3] / 1e12 > 5.0 * blood[3]


def test_size_classes_of_one_size_are_one_class():
    one, _ = run(nm=100.0)
    many = replace(PLAIN, classes=3)
    numbers = numbers_of(many)
    sizes = size_classes(100.0, 1.0, 3)
    values = values_of(many, body("mouse"), sizes, numbers, dose=1e10)
    found = mean_fields(network(many, values), HOURS, values=values,
                        relative_tolerance=1e-7, absolute_tolerance=1e-3, workers=1)  # fmt: skip
    liver = vesicles(many, lambda n: found.of(n)[0])["liver"]
    assert liver == pytest.approx(vesicles(PLAIN, one)["liver"], rel=1e-4, abs=1e4)


def test_intact_vesicles_never_reach_urine_but_their_label_does():
    quiet = {
        f"body_rate.{k}.iodine125": 0.0
        for k in ("label_leak", "label_cell_loss", "impurity_urine", "impurity_liver")
    }
    of, _ = run(numbers=quiet | {"body_rate.lysis": 0.0})
    assert of("urine").max() == 0.0
    assert run()[0]("urine")[-1] > 0.3e10


def test_a_label_that_is_never_lost_follows_the_vesicles():
    still = {f"body_rate.{k}.core": 0.0 for k in ("label_leak", "label_cell_loss")} | {
        "body_rate.digestion": 0.0,
        "body_rate.lysis": 0.0,
    }
    design = replace(PLAIN, label=LABELS["core"])
    of, _ = run(design, numbers=still)
    held = body("mouse")
    seen = signal(design, held, of, numbers_of(design), Conditions(0.0))
    where = vesicles(design, of)
    for organ in ("liver", "spleen", "lung", "kidney"):
        assert seen[organ] == pytest.approx(where[organ], rel=1e-9, abs=1e-3)


def test_residual_blood_adds_what_blood_holds():
    of, _ = run()
    held, numbers = body("mouse"), numbers_of(PLAIN)
    wet = signal(PLAIN, held, of, numbers, Conditions(1.0))["kidney"]
    half = signal(PLAIN, held, of, numbers, Conditions(0.5))["kidney"]
    dry = signal(PLAIN, held, of, numbers, Conditions(0.0))["kidney"]
    assert half == pytest.approx(0.5 * (wet + dry))
    assert wet[1] > 10.0 * dry[1]
    with pytest.raises(InputError):
        Conditions(1.5)


def test_the_own_vesicles_stay_at_their_level_in_an_untouched_body():
    of, values = run(dose=1.0)
    assert of("own") == pytest.approx(np.full(HOURS.size, values["own_level"]), rel=1e-6)
    bare, changed = run(dose=1.0, change={"phagocytes": 0.0})
    assert changed["own_start"] > 1.5 * changed["own_level"]
    assert bare("own") == pytest.approx(np.full(HOURS.size, changed["own_start"]), rel=1e-6)


def test_injected_cells_are_held_by_the_lung_and_leave_it_over_a_day_or_more():
    design = replace(PLAIN, by_cells=True)
    of, _ = run(design, dose=1e6)
    cells = np.sum([of(f"cells_{p}") for p in ("lung", "liver", "spleen", "other", "dead")], axis=0)
    assert np.abs(cells / 1e6 - 1.0).max() < 1e-12
    lung = of("cells_lung") / 1e6
    assert lung[1] > 0.6
    assert 0.05 < lung[-1] < 0.5
    found = ledger(design, of, of("secreted"), np.zeros(HOURS.size))
    assert found.vesicle_gap <= 1e-12
    # What cells in the lung shed passes on: the liver ends with more of it than the lung.
    where = vesicles(design, of)
    assert where["liver"][-1] > where["lung"][-1] > 0.0


def test_a_local_depot_exposes_its_place_more_than_the_body():
    design = replace(PLAIN, route=ROUTES["local"])
    of, values = run(design)
    where = vesicles(design, of)
    place = np.trapezoid(where["depot"], HOURS)
    assert place > 10.0 * np.trapezoid(where["blood"], HOURS)
    given = np.full(HOURS.size, 1e10)
    assert ledger(design, of, given, given + values["dose_impurity"]).vesicle_gap <= 1e-12


def test_every_route_kind_and_label_has_its_numbers():
    for route in ROUTES.values():
        numbers_of(replace(PLAIN, route=route, tumour=bool(route.place)))
    for kind in KINDS.values():
        numbers_of(replace(PLAIN, kind=kind))
    for label in LABELS.values():
        numbers_of(replace(PLAIN, label=label))


def test_export_holds_the_values_of_the_draw():
    numbers = numbers_of(PLAIN)
    values = values_of(PLAIN, body("mouse"), size_classes(100.0, 1.4, 1), numbers, dose=1e10)
    written = replaced(network(PLAIN, values), **values)
    found = mean_field(written, HOURS, relative_tolerance=1e-7, absolute_tolerance=1e-3)
    of, _ = run()
    assert found.of("n_kupffer") == pytest.approx(of("n_kupffer"), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spleens": 0.0}, "nothing called 'spleens'"),
        ({"lymph": -1.0}, "negative"),
        ({"phagocytes": float("nan")}, "negative"),
    ],
)
def test_changes_that_make_no_sense_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        run(change=change)


def test_designs_that_make_no_sense_are_refused():
    for wrong in (
        {"infusion_h": -1.0},
        {"infusion_h": 1.0, "route": ROUTES["sc"]},
        {"repeats_h": (0.0,)},
        {"by_cells": True, "route": ROUTES["sc"]},
    ):
        with pytest.raises(InputError):
            replace(PLAIN, **wrong)
    with pytest.raises(InputError, match="a dose of"):
        run(dose=0.0)


def test_ends_are_the_only_exits():
    of, _ = run()
    inside = vesicles(PLAIN, of)
    assert sum(x[-1] for x in inside.values()) + sum(of(e)[-1] for e in VESICLE_ENDS) == (
        pytest.approx(1e10, rel=1e-12)
    )
