"""The way of a dose: nothing is lost, nothing is made, and more never does less."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import LIVER, Drawn, catalog, dose, luminal, problem, question, record

from exosome.core.errors import InputError, MissingRecordError
from exosome.core.random import Streams
from exosome.core.units import parse_dose
from exosome.delivery.mechanisms import evaluate
from exosome.delivery.problem import pose
from exosome.delivery.question import (
    GivenTable,
    Independent,
    NaturalRelease,
    Packed,
    Question,
    Saturation,
    SolubleCoisolate,
    SurfaceEnzyme,
    SurfaceLigand,
    Titration,
)

ROUTES = ("intravenous", "inhaled", "intra_articular", "in_vitro")
METRICS = ("particle", "vesicle", "ug_protein", "pmol_phospholipid", "msc_hour")
ORGANS = {"intravenous": "liver", "inhaled": "lung", "intra_articular": "joint", "in_vitro": ""}
PACKINGS = st.one_of(
    st.just(Independent()),
    st.floats(0.3, 300.0).map(Packed),
    st.just(GivenTable((0, 4), (0.9, 0.1))),
)
NEEDS = st.one_of(st.floats(0.05, 0.9).map(Titration), st.floats(0.05, 0.9).map(Saturation))
SURFACE = st.sampled_from(
    (
        SurfaceLigand("pd_l1", "pd1"),
        SurfaceEnzyme("cd73", "adenosine", "joint", 0.5),
        SurfaceEnzyme("cd73", "adenosine", "joint", 0.5, volume_ml=0.1),
        SolubleCoisolate("tgf_beta", "joint", 0.5),
    )
)


@st.composite
def luminals(draw: st.DrawFn, *, tables: bool = True) -> object:
    natural = draw(st.booleans())
    packing = draw(PACKINGS.filter(lambda p: tables or not isinstance(p, GivenTable)))
    whole = isinstance(packing, GivenTable) or draw(st.booleans())
    return luminal(
        kind=draw(st.sampled_from(("luminal_rna", "luminal_protein"))),
        packing=packing,
        opening_rule="all_or_none" if whole else "partial",
        needed=draw(NEEDS),
        loaded_copies=draw(st.one_of(st.none(), st.floats(0.1, 1e5))),
        per_particle=natural,
    )


@st.composite
def questions(draw: st.DrawFn, *, tables: bool = True) -> Question:
    """Any question that a claim file can put, with any way of counting its dose."""
    mechanism = draw(st.one_of(luminals(tables=tables), SURFACE))
    route = draw(st.sampled_from(ROUTES))
    given_ = dose(
        10.0 ** draw(st.floats(2.0, 12.0)),
        draw(st.sampled_from(METRICS)),
        per_kg=draw(st.booleans()),
    )
    if isinstance(mechanism, SurfaceEnzyme) and route == "intravenous":
        route = "intra_articular"
    return question(
        mechanism=mechanism,
        given=given_,
        route=route,
        organ=ORGANS[route],
        target="cell_x",
        carrier=draw(st.sampled_from(("natural_vesicle", "fusogenic_vesicle", "lnp"))),
        cells=draw(st.one_of(st.none(), st.floats(1.0, 1e6))),
        body_weight_kg=draw(st.one_of(st.none(), st.floats(1.0, 200.0))),
    )


seeds = st.integers(0, 2**32)


@given(questions(), seeds)
def test_every_vesicle_and_every_copy_ends_in_one_named_place(asked: Question, seed: int) -> None:
    outcome = evaluate(asked, Drawn(seed))
    assert outcome.sheets
    for sheet in outcome.sheets:
        assert sheet.gap() <= 1e-12
        for _, amount in sheet.places:
            assert (amount >= -1e-12 * sheet.given).all()


@given(luminals(), seeds)
def test_a_natural_release_is_accounted_for_as_well(mechanism: object, seed: int) -> None:
    asked = question(
        mechanism=mechanism,
        given=NaturalRelease("cell_y", "100um"),
        route="neighbour",
        organ="",
        target="cell_x",
    )
    outcome = evaluate(asked, Drawn(seed))
    assert max(sheet.gap() for sheet in outcome.sheets) <= 1e-12
    assert "beyond the neighbours or lost" in dict(outcome.sheets[0].places)


@pytest.mark.parametrize(
    "mechanism", [SurfaceLigand("pd_l1", "pd1"), SolubleCoisolate("tgf_beta", "joint", 0.5)]
)
def test_vesicles_each_hour_are_not_compared_with_a_need_at_once(mechanism: object) -> None:
    # A release is a rate; without a time on the surface or a clearance it gives no amount.
    asked = question(
        mechanism=mechanism,
        given=NaturalRelease("cell_y", "100um"),
        route="neighbour",
        organ="",
        target="cell_x",
    )
    inputs = Drawn(1)
    try:
        evaluate(asked, inputs)
    except InputError:
        return
    assert any("loss" in role or "clearance" in role or "time" in role for role in inputs._held)


@given(questions(), seeds)
def test_transport_never_makes_a_vesicle(asked: Question, seed: int) -> None:
    steps = evaluate(asked, Drawn(seed)).steps
    names = [step.name for step in steps]
    counted = [step for step in steps[names.index("vesicles given") :] if step.unit == "vesicle"]
    assert counted
    for before, after in pairwise(counted):
        assert (after.amount <= before.amount * (1 + 1e-12)).all(), after.name


@given(questions(), seeds)
def test_every_step_is_a_number(asked: Question, seed: int) -> None:
    for step in evaluate(asked, Drawn(seed)).steps:
        assert np.isfinite(step.amount).all(), step.name
        assert (step.amount >= 0.0).all(), step.name


# More of these never lowers the margin, at any mechanism that asks for them.
MORE_IS_BETTER = (
    *("organ_signal.", "uptake_share.", "delivery_survival.", "arriving.", "uptake_fraction."),
    *("bound_fraction.", "opening.", "functional_fraction.", "copies_per", "ligand_copies."),
    *("enzyme_copies.", "soluble_per_particle.", "particles_per_ug_protein"),
)
LESS_IS_BETTER = (
    *("residual_blood_share.", "cell_count.", "needed_copies.", "target_sites", "seed_site_kd"),
    *("engaged_share_needed.", "product_needed.", "product_clearance.", "soluble_kd."),
)
SOLVER = 2e-3  # log10; the accuracy that the inversion states, with room


def margin(asked: Question, inputs: Drawn) -> np.ndarray:
    return evaluate(asked, inputs).effect.margin(0.5)


def never_lower(after: np.ndarray, before: np.ndarray, what: str) -> None:
    assert not np.isnan(after).any(), what
    assert (after >= before - SOLVER).all(), (what, before, after)


@settings(max_examples=60)
@given(questions(tables=False), seeds, st.floats(1.01, 100.0))
def test_more_dose_never_lowers_the_margin(asked: Question, seed: int, times: float) -> None:
    inputs = Drawn(seed, least=0.01, most=0.99)
    more = replace(asked, given=replace(asked.given, amount=asked.given.amount * times))
    gained = margin(more, inputs) - margin(asked, inputs)
    # The margin is a ratio of doses, so it gains exactly what the dose gained.
    np.testing.assert_allclose(gained, np.log10(times), atol=1e-9)


@settings(max_examples=60)
@given(questions(tables=False), seeds, st.floats(1.01, 100.0))
def test_more_transport_and_cargo_never_lower_the_margin(
    asked: Question, seed: int, times: float
) -> None:
    inputs = Drawn(seed, least=0.01, most=0.99)
    before = margin(asked, inputs)
    for role in [r for r in inputs._held if r.startswith(MORE_IS_BETTER)]:
        top = (
            0.999 if not role.startswith(("copies", "ligand", "enzyme", "sol", "part")) else np.inf
        )
        after = margin(asked, inputs.changed(role, lambda x, top=top: np.minimum(x * times, top)))
        never_lower(after, before, role)


@settings(max_examples=60)
@given(questions(tables=False), seeds, st.floats(1.01, 100.0))
def test_more_cells_or_more_needed_never_raise_the_margin(
    asked: Question, seed: int, times: float
) -> None:
    inputs = Drawn(seed, least=0.01, most=0.99)
    before = margin(asked, inputs)
    for role in [r for r in inputs._held if r.startswith(LESS_IS_BETTER)]:
        top = 0.999 if role.startswith(("res", "eng")) else np.inf
        after = margin(asked, inputs.changed(role, lambda x, top=top: np.minimum(x * times, top)))
        never_lower(before, after, role)
    if asked.cells is not None:
        never_lower(before, margin(replace(asked, cells=asked.cells * times), inputs), "cells")


@settings(max_examples=40)
@given(SURFACE, st.sampled_from(METRICS), seeds, st.floats(1.01, 10.0))
def test_purer_products_never_lower_the_margin_of_a_surface_mechanism(
    mechanism: object, metric: str, seed: int, times: float
) -> None:
    asked = question(
        mechanism=mechanism,
        given=dose(1e6, metric),
        route="intra_articular",
        organ="joint",
        target="cell_x",
    )
    inputs = Drawn(seed, least=0.01, most=0.99)
    before = margin(asked, inputs)
    if "vesicles_per_particle" not in inputs._held:
        return
    after = margin(asked, inputs.changed("vesicles_per_particle", lambda x: x * times))
    if isinstance(mechanism, SolubleCoisolate) and metric in ("vesicle", "pmol_phospholipid"):
        never_lower(before, after, "fewer particles beside the same vesicles: fewer co-isolates")
    else:
        never_lower(after, before, metric)


@settings(max_examples=40)
@given(st.sampled_from(("particle", "ug_protein", "msc_hour")), seeds, st.floats(1.01, 10.0))
def test_copies_per_particle_make_the_ratio_of_vesicles_cancel(
    metric: str, seed: int, times: float
) -> None:
    asked = question(given=dose(1e6, metric), target="cell_x")
    inputs = Drawn(seed, least=0.01, most=0.99)
    before = evaluate(asked, inputs)
    after = evaluate(asked, inputs.changed("vesicles_per_particle", lambda x: x * times))
    np.testing.assert_allclose(after.mean_field_margin, before.mean_field_margin, atol=1e-9)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("100 ug_protein", "0.1 mg_protein"),
        ("2e8 particle", "200000000 particles"),
        ("0.06 nmol_phospholipid/kg", "60 pmol_phospholipid/kg"),
        ("4e7 msc*48h", "4e7 msc*2 day"),
    ],
)
def test_the_unit_of_a_dose_changes_no_bit(one: str, other: str) -> None:
    inputs = Drawn(11, 200)
    asked = [
        question(given=parse_dose(text, where="test"), target="cell_x") for text in (one, other)
    ]
    first, second = (evaluate(each, inputs) for each in asked)
    assert np.array_equal(first.effect.margin(0.5), second.effect.margin(0.5))
    assert np.array_equal(first.mean_field_margin, second.mean_field_margin)


def test_a_dose_per_kilogram_takes_the_declared_weight_or_draws_one() -> None:
    asked = question(given=dose(1e10, per_kg=True), body_weight_kg=70.0)
    figures = catalog(LIVER)
    total = pose(asked, figures)
    steps = total.outcome(total.draws(Streams(1), 3)).steps
    assert steps[0].amount[0] == pytest.approx(7e11)
    assert "body_weight" not in total.roles
    drawn = pose(replace(asked, body_weight_kg=None), catalog({**LIVER, "body_weight": 80.0}))
    assert "body_weight" in drawn.roles
    assert drawn.outcome(drawn.draws(Streams(1), 3)).steps[0].amount[0] == pytest.approx(8e11)


def test_steps_name_the_parameters_that_brought_them_about() -> None:
    steps = problem().outcome(problem().draws(Streams(1), 2)).steps
    roles = {step.name: step.roles for step in steps}
    assert roles["vesicles given"] == ("vesicles_per_particle",)
    assert roles["internalised by one target cell"] == ("cell_count.hepatocyte",)
    named = [role for step in steps for role in step.roles]
    assert set(named) == set(problem().roles)


def test_an_organ_divides_what_it_holds_among_the_cells_that_take_up() -> None:
    one = problem({"residual_blood_share.liver": 0.2, "cell_count.hepatocyte": 1e8})
    outcome = one.outcome(one.draws(Streams(1), 1))
    steps = {step.name: float(step.amount[0]) for step in outcome.steps}
    # 1e12 x 0.5 x (1 - 0.2) x 0.5, in 1e8 cells; no uptake fraction enters anywhere.
    assert steps["retained in the liver"] == pytest.approx(4e11)
    assert steps["internalised by all target cells"] == pytest.approx(2e11)
    assert steps["internalised by one target cell"] == pytest.approx(2000.0)
    assert not any(role.startswith(("uptake_fraction", "arriving")) for role in one.roles)
    places = {name: float(amount[0]) for name, amount in outcome.sheets[0].places}
    assert places["elsewhere in the body"] == pytest.approx(5e11)
    assert places["blood left in the liver"] == pytest.approx(1e11)
    assert places["other cells of the liver"] == pytest.approx(2e11)


def test_a_carrier_made_of_lipid_uses_its_own_organ_shares() -> None:
    asked = question(
        carrier="lnp",
        given=dose(300.0, "ug_rna"),
        mechanism=luminal(cargo="sirna", load="lnp_sirna", per_particle=False),
    )
    inputs = Drawn(3)
    outcome = evaluate(asked, inputs)
    assert "organ_signal.lnp_intravenous.liver" in inputs._held
    assert "uptake_share.liver_lnp.hepatocyte" in inputs._held
    assert "vesicles_per_particle" not in inputs._held
    copies = {step.name: step.amount for step in outcome.steps}
    total = copies["carriers given"] * copies["copies in one vesicle"]
    # 300 µg over the molar mass is what was weighed, however it is packed.
    expected = 300e-6 / inputs["molar_mass.sirna"] * 6.02214076e23
    np.testing.assert_allclose(total, expected, rtol=1e-12)


@pytest.mark.parametrize("carrier", ["natural_vesicle", "fusogenic_vesicle"])
def test_a_mass_of_rna_says_nothing_of_how_many_vesicles_were_given(carrier: str) -> None:
    # What is known of lipid carriers (copies of siRNA in each) does not hold for vesicles.
    with pytest.raises(InputError):
        evaluate(question(given=dose(300.0, "ug_rna"), carrier=carrier), Drawn(3))


def test_a_mass_of_sirna_is_no_mass_of_another_cargo() -> None:
    asked = question(
        given=dose(300.0, "ug_rna"),
        carrier="lnp",
        mechanism=luminal(cargo="mrna", load="lnp_mrna", per_particle=False),
    )
    inputs = Drawn(3)
    try:
        evaluate(asked, inputs)
    except InputError:
        return
    assert "molar_mass.sirna" not in inputs._held
    assert "copies_per_vesicle.lnp_sirna" not in inputs._held


@pytest.mark.parametrize("metric", ["cell", "ml", "ug_drug"])
def test_doses_that_count_no_vesicles_are_refused(metric: str) -> None:
    with pytest.raises(InputError) as e:
        pose(question(given=dose(1.0, metric)), catalog(LIVER))
    assert metric in e.value.what
    assert "ug_protein" in e.value.remedy


def test_a_role_without_a_record_is_named() -> None:
    for role in problem().roles:
        figures = {name: figure for name, figure in LIVER.items() if name != role}
        with pytest.raises(MissingRecordError, match=role.replace(".", r"\.")):
            pose(question(), catalog(figures))


def test_a_problem_draws_each_parameter_by_its_own_name() -> None:
    wide = problem({"uptake_cv": (0.1, 1.0), "opening.natural_vesicle": (0.01, 0.5)})
    other = problem({"uptake_cv": (0.1, 1.0)}, mechanism=luminal(packing=Packed(9.0)))
    first, again = (wide.draws(Streams(5), 50) for _ in range(2))
    assert np.array_equal(first["uptake_cv"], again["uptake_cv"])
    # Another claim with other inputs shares the luck of the parameter both use.
    assert np.array_equal(first["uptake_cv"], other.draws(Streams(5), 50)["uptake_cv"])
    assert not np.array_equal(first["uptake_cv"], wide.draws(Streams(6), 50)["uptake_cv"])
    assert np.array_equal(first.first(7)["uptake_cv"], first["uptake_cv"][:7])
    assert first.first(7).size == 7


def test_settling_a_contradiction_leaves_all_other_draws_alone() -> None:
    opening = "opening.natural_vesicle"
    rivals = [
        record(opening, None, 0.1, 0.4, id="a", citation="a", rival="opens"),
        record(opening, None, 0.001, 0.01, id="b", citation="b", rival="shut"),
    ]
    one = problem({opening: rivals, "uptake_cv": (0.1, 1.0)})
    settled = one.holding(opening, "shut")
    assert settled.pools[opening].support == (0.001, 0.01)
    assert one.pools[opening].support == (0.001, 0.4)
    assert np.array_equal(
        settled.draws(Streams(2), 20)["uptake_cv"], one.draws(Streams(2), 20)["uptake_cv"]
    )
