"""Stages by the cell engines: against sampling, quadrature and the engines' own simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from toys import LIVER, luminal, problem, question

from exosome.cell.cargo import lumen_crowding
from exosome.cell.donor import Pathway, calibrated
from exosome.cell.endosome import simulate_cells
from exosome.cell.loading import Cargo, Packets
from exosome.cell.packing import SizeLaw, passive_mean
from exosome.cell.receiving import receive
from exosome.cell.recipient import Recipient
from exosome.core.random import Streams
from exosome.delivery import engine, organ
from exosome.delivery.mechanisms import evaluate
from exosome.delivery.question import Packed
from exosome.numerics.compound import Fixed, Poisson, survival
from exosome.numerics.stages import third_stage

SIZE = {"vesicle_diameter": 70.0, "vesicle_diameter_gsd": 1.3, "bilayer_thickness": 5.0}
DONOR = {"copies_per_cell.natural_mirna": 1e5, "donor_cell_volume": 2000.0}
BODY = {
    "donor_rate.maturation": 4.0,
    "donor_rate.budding_escrt": 20.0,
    "donor_rate.budding_ceramide": 10.0,
    "donor_rate.back_fusion": 0.2,
    "donor_rate.mvb_fusion": 0.02,
    "donor_rate.mvb_lysosome": 0.82,
    "ectosome_share": 0.3,
}


class Known(dict[str, float]):
    """Inputs of one draw, from a table."""

    def __getitem__(self, role: str) -> np.ndarray:
        return np.full(1, super().__getitem__(role))

    def constant(self, value: float) -> np.ndarray:
        return np.full(1, value)


def recipient(**rates: float) -> Recipient:
    names = (
        "bind_specific", "bind_nonspecific", "unbind_specific", "unbind_nonspecific",
        "internalise", "mature", "recycle", "lysosome", "opening", "loss_outside", "sites",
        "entries_per_h",
    )  # fmt: skip
    return Recipient(**{name: np.full(1, rates.get(name, 0.0)) for name in names})


def test_passive_content_is_the_mean_of_vesicles_drawn_one_by_one() -> None:
    found = engine.passive_content("natural_mirna", Known(SIZE | DONOR))
    n = 200_000
    drawn = SizeLaw(70.0, 1.3).draw(n, Streams(1).of("test.content"))
    each = passive_mean(
        drawn, "lumen", copies_per_cell=1e5, cell_um3=2000.0, cell_um2=1.0, bilayer_nm=5.0
    )
    # Six standard errors: a false alarm in 5e8.
    assert abs(each.mean() - found.copies[0]) < 6.0 * each.std() / math.sqrt(n)
    squared = (each**2) / found.copies[0] ** 2
    assert abs(squared.mean() - found.crowding[0]) < 6.0 * squared.std() / math.sqrt(n)


def test_vesicles_of_one_size_are_not_crowded() -> None:
    one = np.ones(1)
    assert lumen_crowding(80.0 * one, one, 5.0 * one)[0] == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("needed", [120.0, 200.0])
def test_packets_of_one_law_stand_for_vesicles_of_many_sizes(needed: float) -> None:
    # 30 opened vesicles of mean 5 copies whose lumens differ: the share of cells that collect
    # enough, by brute force and by the packets with the same mean and variance.
    content = engine.passive_content("natural_mirna", Known(SIZE | DONOR))
    scale = 5.0 / content.copies[0]
    crowding = float(content.crowding[0])
    share = survival(
        np.array([30.0 / crowding]), np.array([needed]), Poisson(np.array([5.0 * crowding])),
        np.zeros(1),
    )[0]  # fmt: skip
    rng, cells = Streams(2).of("test.sizes"), 40_000
    arrived = rng.poisson(30.0, cells)
    sizes = SizeLaw(70.0, 1.3).draw(int(arrived.sum()), rng)
    mean = passive_mean(
        sizes, "lumen", copies_per_cell=1e5, cell_um3=2000.0, cell_um2=1.0, bilayer_nm=5.0
    )
    copies = rng.poisson(mean * scale)
    total = np.bincount(np.repeat(np.arange(cells), arrived), weights=copies, minlength=cells)
    brute = float((total >= needed).mean())
    # Two moments of three: the third differs, which costs up to 0.02 of the cells here.
    assert share == pytest.approx(brute, abs=0.02)
    ignored = survival(np.array([30.0]), np.array([needed]), Poisson(np.full(1, 5.0)), np.zeros(1))
    assert abs(ignored[0] - brute) > abs(share - brute)


def test_fellows_of_a_burst_are_those_of_simulated_cells() -> None:
    rates = {key.removeprefix("donor_rate."): value for key, value in BODY.items()}
    share = rates.pop("ectosome_share")
    one = np.ones(())
    pathway = calibrated(
        Pathway(endosome=one, ectosome=one, **{k: np.asarray(v) for k, v in rates.items()}),
        release_per_h=np.asarray(60.0),
        ectosome_share=np.asarray(share),
    )
    cells = simulate_cells(pathway, cells=2_000, edges_h=np.array([0.0, 24.0]), seed=3)
    n = cells.burst_sizes.astype(float)
    met = (n * (n - 1.0)).sum() / n.sum() * (1.0 - share)
    # Standard error of a ratio, by its linearised residuals.
    residual = (n * (n - 1.0) - met / (1.0 - share) * n) / n.mean()
    error = residual.std() / math.sqrt(n.size) * (1.0 - share)
    found = engine.fellows_of_a_burst(Known(BODY))[0]
    assert abs(met - found) < 6.0 * error


@pytest.mark.parametrize("rates", [(4.0, 1.0, 0.3), (1.0, 1.0, 1.0), (5.0, 0.8, 8.0)])
def test_third_stage_is_a_convolution(rates: tuple[float, float, float]) -> None:
    a, b, k = (np.full(1, x) for x in rates)
    t, n = 1.7, 4_000
    u = (np.arange(n) + 0.5) * t / n
    opened = (
        (np.exp(-a * u) - np.exp(-b * u)) / (b - a) if rates[0] != rates[1] else u * np.exp(-a * u)
    )
    assert third_stage(a, b, k, t)[0] == pytest.approx(
        float((opened * np.exp(-k * (t - u))).sum() * t / n), rel=1e-3
    )


@pytest.mark.parametrize("loss", [0.03, 0.3, 5.0])
def test_the_peak_after_one_uptake_is_found_within_a_hundredth(loss: float) -> None:
    cell = recipient(mature=5.5, recycle=0.5, lysosome=0.82, opening=0.1)
    found = engine.after_one_uptake(cell, np.full(1, loss))
    times = np.geomspace(1e-3, 50.0, 20_000)
    course = 5.5 * 0.1 * third_stage(np.full(1, 6.0), np.full(1, 0.92), np.full(1, loss), times)
    assert (found.opened * found.kept)[0] == pytest.approx(course.max(), rel=0.01)
    assert found.opened[0] == pytest.approx(5.5 / 6.0 * 0.1 / 0.92)
    assert 0.0 < found.together[0] < 1.0


def test_the_peak_after_one_uptake_is_that_of_simulated_cells() -> None:
    # Bound and inside at once, nothing given back: 400 vesicles in each of 500 cells.
    loss, cells, given = 0.3, 500, 400
    cell = recipient(
        bind_nonspecific=3e4, internalise=3e4, mature=4.0, lysosome=0.7, opening=0.7, sites=1e9,
        entries_per_h=1e9,
    )  # fmt: skip
    expected = engine.after_one_uptake(cell, np.full(1, loss))
    scalar = Recipient(
        **{name: np.asarray(float(getattr(cell, name)[0])) for name in cell.__slots__}
    )
    cargo = Cargo(Packets(5.0, 5), functional=1.0, loss_per_h=loss)
    times = np.linspace(0.0, 6.0, 61)
    got = receive(scalar, cells=cells, given=given, times_h=times, cargo=cargo, seed=4)
    mean = got.copies.mean(axis=0)
    top = int(mean.argmax())
    error = got.copies[:, top].std() / math.sqrt(cells)
    wanted = given * 5.0 * float((expected.opened * expected.kept)[0])
    # The highest of 61 means lies above the mean's own top by at most a few errors.
    assert abs(mean[top] - wanted) < 6.0 * error + 0.01 * wanted
    # Variance over mean of the copies: packets of 5, of which some copies are gone. Vesicles are
    # a fixed number here, so each brings p copies' worth less variance than a Poisson number.
    p = wanted / given
    fano = 1.0 + 4.0 * float(expected.together[0]) - p
    spread = got.copies[:, top].var() / mean[top]
    assert spread == pytest.approx(fano, rel=6.0 * math.sqrt(2.0 / cells))


def test_a_trickle_of_packets_has_the_variance_of_packets_met_at_a_random_age() -> None:
    # Packets of 20 copies, 3 an hour, copies lost at 0.5 an hour: Fano factor (20 + 1) / 2.
    rng, cells, loss, rate, size = Streams(5).of("test.trickle"), 20_000, 0.5, 3.0, 20
    number = rng.poisson(rate * 40.0, cells)
    age = rng.random(int(number.sum())) * 40.0
    left = rng.binomial(size, np.exp(-loss * age))
    copies = np.bincount(np.repeat(np.arange(cells), number), weights=left, minlength=cells)
    met = copies.var() / copies.mean()
    steady = engine.steady_trickle(recipient(mature=1.0, lysosome=1.0, opening=1.0))
    fano = 1.0 + (size - 1.0) * float(steady.together[0])
    assert met == pytest.approx(fano, rel=6.0 * math.sqrt(2.0 / cells))
    assert copies.mean() == pytest.approx(rate / loss * size, rel=0.02)


def test_copies_of_a_dish_are_read_where_most_are() -> None:
    from exosome.catalog.load import load_catalog
    from exosome.delivery.dish import MOMENTS, Floor, copies_in_a_dish, entry_in_a_dish, well_of
    from exosome.delivery.problem import Sourcing

    inputs, floor = Sourcing(load_catalog(), where="test"), Floor("t_cell", 1e4, "96_well")
    well_of(floor, inputs)
    entry, share, loss = entry_in_a_dish(floor, inputs), np.full(1, 0.3), np.full(1, 0.03)
    found = engine.after_uptake_in_a_dish(entry, inputs, share, loss)
    copies = copies_in_a_dish(entry, inputs, share, loss)
    assert (entry.inside * found.opened * found.kept)[0] == pytest.approx(copies.max(), rel=0.02)
    assert 0.0 < found.together[0] < 1.0
    last = copies_in_a_dish(entry, inputs, share, 0.0 * loss)[-1]
    assert (entry.inside * found.opened)[0] == pytest.approx(last[0])
    assert MOMENTS[-1] == 1.0


@pytest.mark.parametrize("packing", [None, Packed(50.0)])
def test_balance_and_mean_hold_with_the_opening_engine(packing: Packed | None) -> None:
    rates = {"recipient_rate.mature": 5.5, "recipient_rate.recycle": 0.5}
    rates |= {"recipient_rate.lysosome": 0.82, "cargo_loss.natural_mirna": 0.2}
    mechanism = luminal() if packing is None else luminal(packing=packing)
    question = problem({}, mechanism=mechanism).question
    known = Known(LIVER | rates)
    plain = evaluate(question, known)
    deep = evaluate(replace(question, engines=frozenset({"opening"})), known)
    for outcome in (plain, deep):
        effect = outcome.effect
        jump = effect.jump
        size = jump.size if isinstance(jump, Fixed) else jump.mean
        assert float(effect.arrivals[0] * size[0]) == pytest.approx(effect.mean_delivered[0])
        for sheet in outcome.sheets:
            assert sheet.gap() < 1e-12
    # Recycling and the loss of copies can only take away.
    assert 0.0 < deep.effect.mean_delivered[0] < plain.effect.mean_delivered[0]


def _body_inputs(count: int = 200) -> dict[str, np.ndarray]:
    from exosome.body.kinds import KINDS
    from exosome.body.labels import LABELS
    from exosome.body.particles import Design, roles_of
    from exosome.body.routes import ROUTES
    from exosome.catalog.load import load_catalog
    from exosome.delivery.pool import pool

    catalog = load_catalog()
    design = Design(KINDS["vesicle"], ROUTES["iv"], LABELS["iodine125"], 1)
    roles = (*roles_of(design), "vesicle_diameter", "vesicle_diameter_gsd")
    streams = Streams(3)
    return {
        role: pool(catalog, role, where="test").draw(streams.of(role).random(count))
        for role in roles
    }


def test_few_sizes_stand_for_the_law_of_the_dose(monkeypatch):
    asked, inputs = question(target="kupffer_cell"), _body_inputs()
    few = organ.taken_in_the_body(asked, inputs)
    monkeypatch.setattr(organ, "_SIZES", 10)
    assert few == pytest.approx(organ.taken_in_the_body(asked, inputs), rel=0.02)


def test_the_body_gives_the_organ_stage_of_an_intravenous_dose_to_the_liver():
    plain = question(target="kupffer_cell")
    assert "organ" in engine.stages_for(plain)
    assert "organ" not in engine.stages_for(replace(plain, route="inhaled"))
    assert "organ" not in engine.stages_for(replace(plain, target="fibroblast"))


def test_the_share_taken_is_that_of_the_body_and_closes_the_balance():
    from exosome.catalog.load import load_catalog
    from exosome.claims.claim import bundled_claims, read_claim
    from exosome.delivery.problem import pose
    from exosome.study.scenario import questions

    claim = read_claim(bundled_claims()["mirna-liver-kupffer"])
    asked = questions(claim, where="test")[0]
    deep = pose(replace(asked, engines=frozenset({"organ"})), load_catalog())
    draws = deep.draws(Streams(1), 500)
    outcome = deep.outcome(draws)  # closes every sheet, or raises
    step = next(s for s in outcome.steps if s.name == "internalised by all target cells")
    given = next(s for s in outcome.steps if s.name == "vesicles given")
    share = step.amount / given.amount
    assert share == pytest.approx(organ.taken_in_the_body(asked, draws))
    assert 0.1 < np.median(share) < 0.7


def _at(name: str, which: int, engines: frozenset, catalog=None):
    from exosome.catalog.load import load_catalog
    from exosome.claims.claim import bundled_claims, read_claim
    from exosome.delivery.problem import pose
    from exosome.study.scenario import questions

    asked = questions(read_claim(bundled_claims()[name]), where="test")[which]
    deep = pose(replace(asked, engines=engines), catalog or load_catalog())
    return deep, deep.draws(Streams(1), 300)


def amounts(deep, draws) -> dict[str, np.ndarray]:
    return {step.name: step.amount for step in deep.outcome(draws).steps}


@pytest.mark.parametrize("which", [0, 1])
def test_the_column_gives_what_is_at_the_cells_and_the_cells_what_they_hold(which: int) -> None:
    from exosome.delivery.dish import (
        Floor,
        entry_in_a_dish,
        most_bound_in_a_dish,
        touched_in_a_dish,
    )

    deep, draws = _at("immune-cells-in-a-dish", which, frozenset({"arrival", "uptake"}))
    found, floor = amounts(deep, draws), Floor("t_cell", 1e4, "96_well")
    given, near = found["vesicles given"], found["arriving around the target cells"]
    assert near == pytest.approx(given * touched_in_a_dish(floor, draws))
    if which == 0:
        held = found["internalised by all target cells"]
        assert held == pytest.approx(given * entry_in_a_dish(floor, draws).inside)
    else:
        held = found["bound to all target cells"]
        assert held == pytest.approx(given * most_bound_in_a_dish(floor, draws))
    assert not any(r.startswith(("uptake_in_1h", "arriving", "medium_height")) for r in deep.roles)
    for sheet in deep.outcome(draws).sheets:
        assert np.max(np.abs(sheet.gap())) < 1e-12


@pytest.mark.parametrize(("name", "law"), [("neighbour-signal", "near"), ("mirna-knee", "joint")])
def test_the_space_between_cells_gives_what_local_doses_leave_in_cells(name: str, law: str) -> None:
    from exosome.delivery.space import taken_in_a_joint, taken_within

    deep, draws = _at(name, 0, frozenset({"uptake"}))
    found = amounts(deep, draws)
    if law == "near":
        given = found["released by one sender each hour"]
        share = taken_within(100.0, draws["cells_within.100um"], draws)
        taken = found["internalised by all cells within 100um"]
    else:
        given = found["arriving around the target cells"]
        share = taken_in_a_joint(draws["cell_count.synoviocyte"], draws)
        taken = found["internalised by all target cells"]
    assert taken == pytest.approx(given * share)
    for sheet in deep.outcome(draws).sheets:
        assert np.max(np.abs(sheet.gap())) < 1e-12


def test_what_no_engine_can_say_is_left_out_with_the_reason() -> None:
    dish = question(route="in_vitro", organ="", target="t_cell", cells=1e4, plate="96_well")
    assert engine.left_out(dish) == ()
    assert engine.stages_for(dish) == ("content", "arrival", "uptake", "opening")
    for lacks in ("plate", "cells"):
        asked = replace(dish, **{lacks: "" if lacks == "plate" else None})
        assert engine.stages_for(asked) == ("content", "opening")
        assert [stage for stage, _ in engine.left_out(asked)] == ["arrival", "uptake"]
        assert lacks in engine.left_out(asked)[0][1]
    for route, target in (("inhaled", "alveolar_macrophage"), ("intra_articular", "chondrocyte")):
        asked = question(route=route, organ="", target=target)
        assert "uptake" not in engine.stages_for(asked)
        assert [stage for stage, _ in engine.left_out(asked)] == ["uptake"]
    assert engine.left_out(question()) == ()
    assert engine.left_out(replace(dish, carrier="lnp", plate="")) == ()


def test_the_body_carries_other_cells_and_carriers():
    plain = question(target="kupffer_cell")
    skin = replace(plain, organ="skin", target="fibroblast")
    assert "organ" in engine.stages_for(skin)
    assert "organ" not in engine.stages_for(replace(skin, organ="liver"))
    # Inside cells there are rates of vesicles only.
    assert engine.stages_for(replace(plain, carrier="lnp", target="hepatocyte")) == ("organ",)
    assert engine.stages_for(replace(plain, carrier="lnp", route="in_vitro")) == ()
    fusogenic = replace(plain, carrier="fusogenic_vesicle")
    assert engine.stages_for(fusogenic) == ("organ",)
    inputs = _body_inputs()
    assert organ.taken_in_the_body(fusogenic, inputs) == pytest.approx(
        organ.taken_in_the_body(plain, inputs)
    )


def test_fibroblasts_of_skin_get_their_share_of_what_leaves_vessels_there():
    plain = question(target="fibroblast", organ="skin")
    inputs = _body_inputs() | {"uptake_share.skin.fibroblast": np.full(200, 0.5)}
    all_of_it = organ.taken_in_the_body(
        plain, inputs | {"uptake_share.skin.fibroblast": np.ones(200)}
    )
    half = organ.taken_in_the_body(plain, inputs)
    assert half == pytest.approx(0.5 * all_of_it)
    # Next to nothing leaves continuous vessels.
    assert np.median(half) < 1e-3 * np.median(
        organ.taken_in_the_body(question(target="kupffer_cell"), inputs)
    )


def test_the_organ_stage_of_lipid_nanoparticles_keeps_the_published_response():
    from exosome.catalog.load import load_catalog
    from exosome.claims.controls import read_control
    from exosome.delivery.problem import pose
    from exosome.study.scenario import questions

    (asked,) = questions(read_control("lnp-dose-response"), where="test")
    deep = pose(replace(asked, engines=frozenset({"organ"})), load_catalog())
    draws = deep.draws(Streams(1), 500)
    outcome = deep.outcome(draws)  # closes every sheet, or raises
    step = next(s for s in outcome.steps if s.name == "internalised by all target cells")
    given = next(s for s in outcome.steps if s.name == "carriers given")
    share = step.amount / given.amount
    assert share == pytest.approx(organ.taken_in_the_body(asked, draws))
    # Apolipoprotein E leads them to hepatocytes: most of the dose ends there.
    assert 0.15 < np.median(share) < 0.8
