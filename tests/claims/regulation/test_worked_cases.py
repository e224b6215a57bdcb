"""The worked cases of the reference notes: class, decisive rule, trace, precedents."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from exosome.claims.regulation.engine import decide
from exosome.claims.regulation.facts import vocabulary
from exosome.claims.regulation.rules import rule_book

TODAY = dt.date(2026, 6, 20)
ARTICLE = dt.date(2022, 9, 5)
STATUS = [key for key, one in vocabulary().questions.items() if one.section == "status"]


def steps(decision):
    return {step.rule.id: step for step in decision.trace}


def test_class_and_decisive_rules(case, product_of, facts_of) -> None:
    decision = decide(product_of(facts_of(case)), jurisdiction="US", as_of=TODAY)
    assert (decision.klass, decision.decided) == (case["class"], True)
    decisive = {step.rule.id: step.answer for step in decision.decisive}
    assert case["decisive"].items() <= decisive.items()
    assert all(steps(decision)[key].basis == "inference" for key in case.get("inferred", ()))
    known = {one.id for step in decision.trace for one in step.precedents}
    known |= {one.id for row in decision.permissions for one in row.precedents}
    assert set(case.get("precedents", ())) <= known


def test_class_elsewhere(case, product_of, facts_of) -> None:
    for place, klass in case.get("elsewhere", {}).items():
        decision = decide(product_of(facts_of(case)), jurisdiction=place, as_of=TODAY)
        assert decision.klass == klass
        assert all(step.rule.id.startswith(place.lower()) for step in decision.trace)


def test_nothing_but_the_facts_asked_for_counts(case, product_of, facts_of) -> None:
    """Another name, another order, and facts that no reached rule asks for: the same trace."""
    facts = facts_of(case)
    plain = decide(product_of(facts), jurisdiction="US", as_of=TODAY)
    asked = {key for step in plain.trace for key, _ in step.facts}
    chance = random.Random(1)  # an order to permute, no physics
    for _ in range(5):
        order = list(facts)
        chance.shuffle(order)
        shuffled = {key: facts[key] for key in order}
        extra = {key: chance.random() < 0.5 for key in STATUS if key not in shuffled}
        for never in ("licence_covers_this_use", "ind_covers_this_use", "life_threatening_disease"):
            extra.pop(never, None)
        other = product_of({**shuffled, **extra}, name=chance.choice(["Minimal", "361", "Ryoncil"]))
        again = decide(other, jurisdiction="US", as_of=TODAY)
        assert [(s.rule.id, s.reach, s.answer) for s in again.trace] == [
            (s.rule.id, s.reach, s.answer) for s in plain.trace
        ]
        assert again.klass == plain.klass
    assert asked


@pytest.mark.parametrize("key", ["E01", "E08", "E13", "E14", "E15", "E16", "E18", "E20"])
def test_no_criterion_is_reached_for_what_is_secreted(key, product_of, case_of) -> None:
    trace = steps(decide(product_of(case_of(key)), jurisdiction="US", as_of=TODAY))
    for name in trace:
        if name.startswith("us_1271_10_a"):
            assert trace[name].reach == "not reached"


def test_a_claim_alone_moves_e15_to_e14(product_of, case_of) -> None:
    facts = case_of("E15")
    claimed = {**facts, "structure_function_claim": True}
    assert decide(product_of(facts), jurisdiction="US", as_of=TODAY).klass == "cosmetic_possible"
    assert decide(product_of(claimed), jurisdiction="US", as_of=TODAY).klass == "drug_and_biologic"


def test_x1_expanded_access_is_lawful_for_one_patient_and_no_licence(product_of, case_of) -> None:
    facts = case_of("E01") | {
        "disease_claim": True,
        "expanded_access_individual": True,
        "physician_finds_drug_risk_not_above_disease_risk": True,
        "licensed": False,
    }
    decision = decide(product_of(facts), jurisdiction="US", as_of=TODAY)
    allowed = {one.rule.id: one for one in decision.permissions}
    assert allowed["us_312_310"].answer is True
    assert "exoflo_expanded_access_2020" in {one.id for one in allowed["us_312_310"].precedents}
    assert allowed["us_351_a"].answer is False


def test_x2_an_ind_for_one_disease_covers_no_sale_for_another(product_of, case_of) -> None:
    facts = case_of("E01") | {
        "ind_in_effect": True,
        "ind_covers_this_use": False,
        "licensed": False,
        "commercial_distribution": True,
    }
    decision = decide(product_of(facts), jurisdiction="US", as_of=TODAY)
    allowed = {one.rule.id: one for one in decision.permissions}
    assert allowed["us_312_7_a"].answer is True
    assert "kimera_warning_2023" in {one.id for one in allowed["us_312_7_a"].precedents}
    assert allowed["us_312_40"].answer is False


def test_x3_an_irb_approval_permits_nothing(product_of, case_of) -> None:
    facts = case_of("E02") | {"irb_approval": True, "ind_in_effect": False, "licensed": False}
    without = decide(product_of(facts | {"irb_approval": False}), jurisdiction="US", as_of=TODAY)
    decision = decide(product_of(facts), jurisdiction="US", as_of=TODAY)
    for one, other in zip(decision.permissions, without.permissions, strict=True):
        if one.rule.id == "us_irb":
            assert "neither an IND nor a licence" in one.said
        else:
            assert one.answer == other.answer
    assert decision.klass == without.klass


def test_svf_is_disputed_on_the_day_of_the_article_and_not_after(product_of, case_of) -> None:
    product = product_of(case_of("E06"))
    then = steps(decide(product, jurisdiction="US", as_of=ARTICLE))["us_1271_15_b"]
    now = steps(decide(product, jurisdiction="US", as_of=TODAY))["us_1271_15_b"]
    assert then.disputed
    assert not now.disputed
    assert "california_stem_cell_2024" not in {one.id for one in then.precedents}


def test_rules_and_precedents_of_the_day_of_the_article(product_of, case_of) -> None:
    decision = decide(product_of(case_of("E15")), jurisdiction="US", as_of=ARTICLE)
    trace = steps(decision)
    assert trace["us_mocra"].reach == "not in force"
    assert decision.klass == "cosmetic_possible"
    for step in trace.values():
        assert all(one.known_from <= ARTICLE for one in step.precedents)
        if step.reach in ("reached", "may be reached"):
            assert step.rule.in_force <= ARTICLE


def test_an_infused_mixture_of_cells_and_vesicles_stays_an_hctp(product_of, case_of) -> None:
    facts = case_of("E02") | {
        "extracellular_vesicles": True,
        "secreted_or_extracted": True,
        "mixed_with_other_article": True,
    }
    decision = decide(product_of(facts), jurisdiction="US", as_of=TODAY)
    assert decision.klass == "hctp_351"
    assert steps(decision)["us_1271_3_d_3"].basis == "inference"


@pytest.mark.parametrize(
    ("key", "changes", "klass"),
    [
        ("E03", {"culture_expanded": True}, "hctp_351"),
        ("E03", {"loaded_with_drug": True}, "hctp_351"),
        ("E03", {"mixed_with_other_article": True}, "hctp_351"),
        ("E03", {"bone_marrow": True}, "not_hctp_marrow"),
        ("E03", {"bone_marrow": True, "activated": True}, "hctp_351"),
        ("E09", {"micronised": True}, "hctp_351"),
        ("E03", {"micronised": True}, "hctp_361"),  # the definition is about structural tissue
        ("E02", {"blood_product": True}, "not_hctp_blood"),
        ("E02", {"vascularised_organ": True}, "not_hctp_organ"),
        ("E02", {"carrier_only": True}, "excepted"),
        ("E02", {"reproductive_use": True, "intimate_partner_transfer": True}, "excepted"),
        ("E06", {"same_hctp": True, "enzymatically_digested": False}, "excepted"),
        ("E06", {"same_hctp": True}, "hctp_351"),  # digested fat is not the fat removed
        ("E01", {"structure_function_claim": False, "appearance_claim": False}, "undetermined"),
        ("E15", {"topical_intact_skin": False}, "undetermined"),  # appearance, by needle
    ],
)
def test_unseen_products(key, changes, klass, product_of, case_of) -> None:
    decision = decide(product_of(case_of(key) | changes), jurisdiction="US", as_of=TODAY)
    assert decision.klass == klass
    assert decision.decisive


def test_plant_vesicles_are_no_hctp_and_no_human_product(product_of, case_of) -> None:
    facts = {k: v for k, v in case_of("E01").items() if k != "unrelated_donor"}
    facts |= {"human_origin": False, "bone_marrow": False, "ancillary_product": False}
    facts |= {"vessels_with_organ": False, "disease_claim": True}
    open_ = decide(product_of(facts), jurisdiction="US", as_of=TODAY)
    assert [one.key for one in open_.missing] == ["protein_or_analogous"]
    settled = decide(
        product_of(facts | {"protein_or_analogous": False}), jurisdiction="US", as_of=TODAY
    )
    assert settled.klass == "drug"


def test_criterion_four_passes_as_its_truth_table_says(product_of, case_of) -> None:
    base = {
        k: v
        for k, v in case_of("E03").items()
        if k not in ("autologous", "systemic_effect", "depends_on_living_cells")
    }
    for systemic in (False, True):
        for living in (False, True):
            for relief in ("autologous", "close_relative", "reproductive_use", "unrelated_donor"):
                facts = base | {"systemic_effect": systemic, "depends_on_living_cells": living}
                facts[relief] = True
                if relief in ("reproductive_use", "unrelated_donor"):
                    facts["autologous"] = False
                    facts["close_relative"] = False
                passes = not (systemic or living) or relief != "unrelated_donor"
                klass = decide(product_of(facts), jurisdiction="US", as_of=TODAY).klass
                assert klass == ("hctp_361" if passes else "hctp_351")


@pytest.mark.parametrize("place", ["EU", "UK", "JP", "KR", "TW", "KY"])
def test_no_us_rule_appears_elsewhere(place, product_of, case_of) -> None:
    decision = decide(product_of(case_of("E02")), jurisdiction=place, as_of=TODAY)
    assert all(step.rule.id.startswith(f"{place.lower()}_") for step in decision.trace)
    assert "1271" not in repr(decision.trace)
    assert decision.permissions == ()


def test_cayman_is_undetermined_for_want_of_a_rule(product_of, case_of) -> None:
    for key in ("E01", "E02", "E09"):
        decision = decide(product_of(case_of(key)), jurisdiction="KY", as_of=TODAY)
        assert decision.klass == "undetermined"
        assert "local counsel" in decision.missing_rule
        assert not decision.missing


def test_japans_gap_and_what_closes_it(product_of, case_of) -> None:
    facts = case_of("E01") | {"physician_own_use": True, "sold_as_drug": False}
    product = product_of(facts)
    assert decide(product, jurisdiction="JP", as_of=TODAY).klass == "outside"
    assert decide(product, jurisdiction="JP", as_of=ARTICLE).klass == "undetermined"
    sold = product_of(facts | {"sold_as_drug": True})
    assert decide(sold, jurisdiction="JP", as_of=TODAY).klass == "drug"
    cells = product_of(case_of("E02"))
    assert decide(cells, jurisdiction="JP", as_of=TODAY).klass == "regenerative_medicine"


def test_the_european_donor_rules_enter_in_2027(product_of, case_of) -> None:
    product = product_of(case_of("E01"))
    before = steps(decide(product, jurisdiction="EU", as_of=TODAY))["eu_soho"]
    after = steps(decide(product, jurisdiction="EU", as_of=dt.date(2027, 9, 1)))["eu_soho"]
    assert (before.reach, after.reach) == ("not in force", "reached")


def test_every_rule_has_its_citation_dates_and_reading() -> None:
    for code in ("US", "EU", "UK", "JP", "KR", "TW", "KY"):
        book = rule_book(code)
        for rule in (*book.rules.values(), *book.standing):
            assert rule.citation
            assert rule.as_of <= dt.date(2026, 6, 20)
            assert rule.review > rule.as_of
            assert rule.id.startswith(f"{code.lower()}_")
            assert len(rule.fingerprint) == 8
