"""The best that sources allow and the best that conservation allows; and the verdict on them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from toys import LIVER, catalog, dose, luminal, problem, question, record

from exosome.catalog.load import load_catalog
from exosome.claims.claim import bundled_claims, read_claim
from exosome.core.errors import NumericalError
from exosome.core.random import Streams
from exosome.delivery.extremes import conservation_ceiling, sourced_best_case
from exosome.delivery.problem import pose
from exosome.delivery.question import Packed, SurfaceLigand
from exosome.delivery.verdict import judge, summarise
from exosome.study.scenario import questions

WIDE = {
    "organ_signal.intravenous.liver": (0.05, 0.6),
    "residual_blood_share.liver": (0.0, 0.3),
    "uptake_share.liver.hepatocyte": (0.01, 0.5),
    "cell_count.hepatocyte": (1e6, 1e8),
    "uptake_cv": (0.3, 1.2),
    "copies_per_particle.natural_mirna": (0.001, 0.05),
    "opening.natural_vesicle": (0.001, 0.2),
    "functional_fraction.natural_mirna": (0.1, 0.9),
    "needed_copies.natural_mirna": (50.0, 5000.0),
}


@pytest.mark.parametrize("name", sorted(bundled_claims()))
def test_no_draw_of_a_bundled_claim_beats_the_best_case_nor_that_the_ceiling(name: str) -> None:
    asked = questions(read_claim(bundled_claims()[name]), where=name)
    for one in (pose(each, load_catalog()) for each in asked):
        best, ceiling = sourced_best_case(one).margin, conservation_ceiling(one).margin
        assert float(one.margin(one.draws(Streams(8), 3000)).max()) <= best + 1e-9
        assert best <= ceiling + 1e-9


@settings(max_examples=25)
@given(
    st.sampled_from((0.01, 0.1, 0.5, 0.9)),
    st.one_of(st.none(), st.floats(1.0, 500.0)),
    st.sampled_from(("all_or_none", "partial")),
    st.integers(0, 2**32),
)
def test_no_draw_beats_the_best_case(
    fraction: float, packet: float | None, rule: str, seed: int
) -> None:
    changes = {} if packet is None else {"packing": Packed(packet)}
    one = problem(
        WIDE, mechanism=luminal(opening_rule=rule, **changes), responding_fraction=fraction
    )
    best, ceiling = sourced_best_case(one).margin, conservation_ceiling(one).margin
    # 3e-4 of a mean is the stated accuracy of the inversion; 2e-3 leaves room.
    assert float(one.margin(one.draws(Streams(seed), 500)).max()) <= best + 2e-3
    assert best <= ceiling + 2e-3


def test_the_best_case_sets_monotone_inputs_to_their_favourable_ends() -> None:
    best = sourced_best_case(problem(WIDE))
    for role, (low, high) in WIDE.items():
        less = role.startswith(("residual", "cell_count", "needed", "uptake_cv"))
        assert best.values[role] == (low if less else high)
    assert best.bounds["uptake_cv"] == "sourced bound"


def test_at_the_ceiling_every_vesicle_arrives_and_opens() -> None:
    ceiling = conservation_ceiling(problem(WIDE))
    for role in WIDE:
        shared = role.startswith(("organ", "uptake_share", "opening", "functional", "residual"))
        assert (ceiling.bounds[role] == "conservation") == shared
    assert ceiling.values["residual_blood_share.liver"] == 0.0
    assert ceiling.values["opening.natural_vesicle"] == 1.0
    # Cargo, cells and need stay where sources put them.
    assert ceiling.values["copies_per_particle.natural_mirna"] == 0.05
    assert ceiling.values["cell_count.hepatocyte"] == 1e6
    mean = math.log10(1e12 * 0.05 / 1e6 / 50.0)
    assert ceiling.margin >= mean - 0.05


def test_the_edge_of_a_fitted_spread_is_never_called_a_sourced_bound() -> None:
    sd = record("uptake_cv", 0.5, 0.4, 0.6, id="sd", bound_kind="sd", distribution="normal")
    one = problem({"uptake_cv": sd})
    for extreme in (sourced_best_case(one), conservation_ceiling(one)):
        assert extreme.bounds["uptake_cv"] == "edge of a fitted spread"


@pytest.mark.parametrize(
    ("fraction", "low", "high"), [(0.01, 0.3, 1.2), (0.1, 0.3, 5.0), (0.3, 0.3, 5.0)]
)
def test_the_best_spread_between_cells_is_found_wherever_it_lies(
    fraction: float, low: float, high: float
) -> None:
    one = problem({"uptake_cv": (low, high)}, responding_fraction=fraction)
    found = sourced_best_case(one)

    def loss(spread: float) -> float:
        return -float(one.margin(one.at({**found.values, "uptake_cv": spread}))[0])

    truth = minimize_scalar(loss, bounds=(low, high), method="bounded")
    # At half of the cells the narrowest spread is best; here it is not.
    assert found.values["uptake_cv"] > low
    assert found.margin > -loss(low) + 0.01
    assert found.margin == pytest.approx(max(-truth.fun, -loss(high)), abs=1e-3)
    # "At or beyond every draw" is what makes failing here a strong statement.
    assert float(one.margin(one.draws(Streams(3), 2000)).max()) <= found.margin + 1e-9


def test_inputs_that_do_nothing_stay_where_they_are() -> None:
    level = sourced_best_case(problem({"vesicles_per_particle": (0.5, 2.0)}))
    assert 0.5 <= level.values["vesicles_per_particle"] <= 2.0


def test_a_contact_patch_is_no_law_of_conservation() -> None:
    # Receptors move in the membrane, so how many stand in a patch limits nothing by itself:
    # conservation allows each vesicle as many engagements as it has ligands.
    figures = {
        "vesicles_per_particle": 1.0,
        "arriving.in_vitro.t_cell": 0.5,
        "bound_fraction.in_vitro.t_cell": 0.1,
        "uptake_cv": 0.0,
        "receptors_per_cell.pd1.t_cell": 1000.0,
        "ligand_copies.pd_l1": 30.0,
        "cell_surface.t_cell": 1000.0,
        "contact_patch": 5000.0,
        "engaged_share_needed.pd1": 0.1,
    }
    asked = question(
        mechanism=SurfaceLigand("pd_l1", "pd1"),
        given=dose(1e6, "vesicle"),
        route="in_vitro",
        organ="",
        target="t_cell",
        cells=1e4,
    )
    ceiling = conservation_ceiling(pose(asked, catalog(figures)))
    # 100 vesicles on each cell, 30 ligands each, 100 receptors needed.
    assert ceiling.margin >= math.log10(100 * 30 / 100) - 0.1


def test_where_nothing_is_delivered_the_best_case_says_so() -> None:
    dead = problem({"copies_per_particle.natural_mirna": 0.0, "uptake_cv": (0.3, 1.2)})
    assert sourced_best_case(dead).margin == -math.inf
    assert conservation_ceiling(dead).margin == -math.inf


def test_a_lower_bound_of_zero_does_not_trap_the_climb() -> None:
    one = problem({"opening.natural_vesicle": (0.0, 0.4), "uptake_cv": (0.3, 1.2)})
    assert sourced_best_case(one).values["opening.natural_vesicle"] == 0.4
    assert math.isfinite(sourced_best_case(pose(question(), catalog(LIVER))).margin)


JUDGED = [
    # ceiling, best case, 5th and 95th percentile, verdict
    (-0.1, -0.5, -3.0, -1.0, "impossible"),
    (-0.1, -0.5, None, None, "impossible"),
    (-math.inf, -math.inf, None, None, "impossible"),
    (0.0, -0.1, -3.0, -1.0, "not reached within sourced bounds"),
    (2.0, -0.1, None, -1.0, "not reached within sourced bounds"),
    (2.0, 0.0, -3.0, -0.01, "implausible"),
    (2.0, 1.0, None, -0.01, "implausible"),
    (2.0, 1.0, None, None, "implausible"),
    (2.0, 1.0, -3.0, 0.0, "undecided"),
    (2.0, 1.0, -0.01, 0.9, "undecided"),
    (2.0, 1.0, None, 0.9, "undecided"),
    (2.0, 1.0, 0.0, 0.9, "undecided"),
    (2.0, 1.0, 0.01, 0.9, "plausible"),
]


@pytest.mark.parametrize(("ceiling", "best", "low", "high", "verdict"), JUDGED)
def test_the_verdict_follows_the_limits_first_and_the_draws_after(
    ceiling: float, best: float, low: float | None, high: float | None, verdict: str
) -> None:
    # A hundred draws with the wanted 5th and 95th of them.
    drawn = np.concatenate(
        [
            np.full(5, -math.inf if low is None else low),
            np.full(90, -math.inf if high is None else high),
            np.full(5, -math.inf if high is None else high),
        ]
    )
    margins = summarise(drawn)
    assert (margins.low, margins.high) == (low, high)
    assert judge(margins, ceiling, best) == verdict


def test_percentiles_are_drawn_values_and_nothing_stands_below_them_all() -> None:
    drawn = np.array([-math.inf] * 30 + [float(i) for i in range(70)])
    found = summarise(np.random.default_rng(0).permutation(drawn))
    assert found.percentiles == (None, None, 19.0, 44.0, 64.0)
    assert found.nothing == pytest.approx(0.3)
    assert found.enough == pytest.approx(0.7)
    single = summarise(np.array([-1.5]))
    assert single.percentiles == (-1.5,) * 5


def test_a_margin_that_is_no_number_is_never_summarised_in_silence() -> None:
    with pytest.raises(NumericalError):
        summarise(np.array([0.1, math.nan, 0.3]))


@pytest.mark.parametrize("fraction", [0.5, 0.1, 0.01])
def test_conservation_does_not_spread_the_dose_over_cells_that_need_not_respond(
    fraction: float,
) -> None:
    # Nothing but an observed spread of uptake keeps a dose from ending in the few cells asked
    # for. All copies given, shared by these cells alone, is what conservation allows.
    one = problem(WIDE, responding_fraction=fraction)
    allowed = math.log10(1e12 * 0.05 / (fraction * 1e6 * 50.0))
    assert conservation_ceiling(one).margin >= allowed - 0.02


def test_a_load_computed_from_an_assumption_forbids_nothing() -> None:
    for claim in ("immune-cells-in-a-dish", "inhaled-covid"):
        asked = questions(read_claim(bundled_claims()[claim]), where=claim)
        for one in (pose(each, load_catalog()) for each in asked):
            if "soluble_per_particle.tgf_beta" in one.pools:
                assert math.isinf(conservation_ceiling(one).binding)
