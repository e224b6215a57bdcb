"""Laws of the engine that hold for every product, seen or unseen."""

from __future__ import annotations

import datetime as dt
from itertools import product as combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exosome.claims.regulation.engine import criteria_alone, decide, questions_left
from exosome.claims.regulation.facts import Product, completed, vocabulary
from exosome.claims.regulation.interview import interview
from exosome.claims.regulation.kleene import conjunction, disjunction, negation
from exosome.claims.regulation.rules import jurisdictions
from exosome.claims.regulation.status import machine, standing_after, standing_of
from exosome.core.errors import InputError

TODAY = dt.date(2026, 6, 20)
KEYS = tuple(vocabulary().questions)
PLACES = st.sampled_from(jurisdictions())
DAYS = st.sampled_from([dt.date(1990, 1, 1), dt.date(2022, 9, 5), TODAY, dt.date(2028, 1, 1)])
partial = st.dictionaries(st.sampled_from(KEYS), st.booleans(), max_size=len(KEYS))
total = st.fixed_dictionaries({key: st.booleans() for key in KEYS})


def a_product(facts: dict[str, bool], **other) -> Product:
    try:
        known = completed(facts, where="test")
    except InputError:
        assume(False)
        raise
    return Product("any", "any", (), known, facts, **other)


def mostly_known(facts: dict[str, bool], hidden: set[str]) -> dict[str, bool]:
    """Return consistent facts: what contradicts earlier ones is dropped, then some are hidden."""
    held: dict[str, bool] = {}
    for key, value in facts.items():
        try:
            completed({**held, key: value}, where="test")
        except InputError:
            continue
        held[key] = value
    return {key: value for key, value in held.items() if key not in hidden}


@settings(max_examples=60)
@given(facts=total, hidden=st.sets(st.sampled_from(KEYS), max_size=40), place=PLACES, day=DAYS)
def test_resolving_an_unknown_never_flips_a_decided_answer(facts, hidden, place, day) -> None:
    stated = mostly_known(facts, hidden)
    before = decide(a_product(stated), jurisdiction=place, as_of=day)
    answers = {step.rule.id: step.answer for step in before.trace if step.answer is not None}
    for key in hidden:
        for value in (False, True):
            try:
                known = completed({**stated, key: value}, where="test")
            except InputError:
                continue
            after = decide(Product("any", "any", (), known, known), jurisdiction=place, as_of=day)
            if before.decided:
                assert after.klass == before.klass
            for step in after.trace:
                if step.answer is not None and step.rule.id in answers:
                    assert step.answer == answers[step.rule.id]


@settings(max_examples=40)
@given(facts=total, hidden=st.lists(st.sampled_from(KEYS), max_size=6, unique=True), place=PLACES)
def test_undetermined_means_that_completions_disagree(facts, hidden, place) -> None:
    stated = mostly_known(facts, set(hidden))
    decision = decide(a_product(stated), jurisdiction=place, as_of=TODAY)
    found = set()
    loose = [key for key in KEYS if key not in decision.product.facts]
    assume(len(loose) <= 9)
    for values in combinations((False, True), repeat=len(loose)):
        try:
            known = completed({**stated, **dict(zip(loose, values, strict=True))}, where="test")
        except InputError:
            continue
        one = decide(Product("any", "any", (), known, known), jurisdiction=place, as_of=TODAY)
        assert not one.missing
        found.add(one.klass_name)
    assert set(decision.possible) == found
    assert bool(decision.missing) == (len(found) > 1)


@settings(max_examples=60)
@given(facts=partial, label=partial, words=st.text(max_size=20), place=PLACES)
def test_a_label_never_changes_the_class(facts, label, words, place) -> None:
    bare = decide(a_product(facts), jurisdiction=place, as_of=TODAY)
    labelled = decide(
        a_product(facts, label=label, label_words=words), jurisdiction=place, as_of=TODAY
    )
    assert labelled.klass == bare.klass
    assert labelled.trace == bare.trace
    assert labelled.missing == bare.missing


@settings(max_examples=80)
@given(facts=total, hidden=st.sets(st.sampled_from(KEYS), max_size=30), place=PLACES, day=DAYS)
def test_every_leaf_names_a_rule_or_what_is_missing(facts, hidden, place, day) -> None:
    decision = decide(a_product(mostly_known(facts, hidden)), jurisdiction=place, as_of=day)
    if decision.missing:
        assert decision.klass == "undetermined"
        assert all(one.question for one in decision.missing)
        return
    assert decision.paths
    reached = any(step.reach == "reached" for step in decision.trace)
    assert decision.decisive or decision.missing_for_path or not reached
    if not reached:
        assert any(step.reach == "not in force" for step in decision.trace)
        assert decision.missing_rule
    if decision.klass == "undetermined":
        assert decision.missing_rule


@settings(max_examples=60)
@given(facts=total, place=PLACES)
def test_when_all_is_known_all_is_decided_or_no_rule_decides(facts, place) -> None:
    decision = decide(a_product(mostly_known(facts, set())), jurisdiction=place, as_of=TODAY)
    assume(len(decision.product.facts) == len(KEYS))
    assert not decision.missing
    assert not decision.missing_for_path
    assert all(step.reach != "may be reached" for step in decision.trace)


@settings(max_examples=60)
@given(facts=partial, place=PLACES)
def test_kleene_never_says_more_than_the_completions(facts, place) -> None:
    """By completion more is settled than by Kleene's tables, never less or otherwise."""
    decision = decide(a_product(facts), jurisdiction=place, as_of=TODAY)
    for step in decision.trace:
        if step.by_completion:
            assert step.answer is not None
            assert any(value is None for _, value in step.facts)


@settings(max_examples=40)
@given(facts=total, place=PLACES)
def test_the_interview_asks_only_what_can_change_the_answer_and_ends(facts, place) -> None:
    truth = mostly_known(facts, set())
    assume(len(completed(truth, where="test")) == len(KEYS))
    truth = completed(truth, where="test")
    start = Product("any", "any", (), {}, {})
    told, asked = interview(start, lambda one: truth[one.key], jurisdiction=place, as_of=TODAY)
    whole = decide(a_product(truth), jurisdiction=place, as_of=TODAY)
    short = decide(told, jurisdiction=place, as_of=TODAY)
    assert short.klass == whole.klass
    assert asked <= len(KEYS)
    assert not questions_left(told, jurisdiction=place, as_of=TODAY)


def test_an_interview_of_one_who_knows_nothing_ends_undetermined() -> None:
    told, asked = interview(
        Product("any", "any", (), {}, {}), lambda _: None, jurisdiction="US", as_of=TODAY
    )
    assert asked > 0
    assert told.facts == {}
    assert decide(told, jurisdiction="US", as_of=TODAY).klass == "undetermined"


def test_all_81_combinations_of_the_criteria_are_monotone() -> None:
    values = (True, False, None)
    for row in combinations(values, repeat=4):
        before = conjunction(row)
        for place, held in enumerate(row):
            if held is None and before is not None:
                for settled in (True, False):
                    assert conjunction((*row[:place], settled, *row[place + 1 :])) is before


@given(st.lists(st.sampled_from([True, False, None]), max_size=5))
def test_kleene_obeys_de_morgan(answers) -> None:
    assert negation(disjunction(answers)) is conjunction(negation(one) for one in answers)


def test_relief_settles_criterion_four_whatever_is_unknown() -> None:
    """Systemic or not, living or not: autologous passes. Kleene's tables alone cannot see it."""
    one = a_product({"autologous": True})
    answer = criteria_alone(one, ("us_1271_10_a_4",), jurisdiction="US", as_of=TODAY)
    assert answer == {"us_1271_10_a_4": True}


EVENTS = st.lists(st.sampled_from(sorted(machine().event)), max_size=12)


@given(EVENTS)
def test_nothing_but_an_ind_in_effect_leads_on(events) -> None:
    standing = standing_after(events)
    if "ind_takes_effect" not in events:
        assert standing == "unauthorised"
    if "licence_granted" not in events:
        assert standing != "licensed"


@given(EVENTS, st.integers(0, 12))
def test_an_irb_approval_changes_no_standing(events, place) -> None:
    with_board = [*events[:place], "irb_approves", *events[place:]]
    assert standing_after(with_board) == standing_after(events)


@given(partial, st.booleans())
def test_standing_ignores_the_board(facts, approval) -> None:
    assert standing_of({**facts, "irb_approval": approval}) == standing_of(facts)


def test_a_fact_from_outside_the_rule_book_is_refused() -> None:
    with pytest.raises(InputError, match="unknown key 'cultur_expanded'"):
        completed({"cultur_expanded": True}, where="test")


def sketched(facts: dict[str, bool]) -> str:
    """The engine sketch of the reference notes (regulation.md, 1.7), for complete facts."""
    f = facts.__getitem__
    if f("in_vitro_diagnostic"):
        return "not_hctp_ivd"
    if not f("human_use"):
        return "nonclinical"
    minimal = not (
        f("culture_expanded")
        or f("enzymatically_digested")
        or f("activated")
        or f("gene_modified")
        or f("other_alteration")
        or (f("micronised") and f("structural_tissue"))
    )
    alone = not (
        f("loaded_with_drug")
        or f("mixed_with_other_article")
        or f("combined_with_device")
        or f("storage_agent_concern")
    )
    relief = f("autologous") or f("close_relative") or f("reproductive_use")
    fourth = (not f("systemic_effect") and not f("depends_on_living_cells")) or relief
    hctp = f("contains_human_cells_or_tissue")
    if hctp:
        met = minimal and f("homologous_use_only") and alone and fourth
        return "hctp_361" if met else "hctp_351"
    if f("disease_claim") or f("structure_function_claim"):
        return "gene_therapy_biologic" if f("expresses_nucleic_acid") else "drug_and_biologic"
    if f("appearance_claim") and f("topical_intact_skin"):
        return "cosmetic_possible"
    return "undetermined"


# What has a leaf of its own, outside the sketch.
OWN_LEAF = ("vascularised_organ", "blood_product", "bone_marrow", "ancillary_product")
OWN_LEAF += ("vessels_with_organ", "carrier_only", "stores_for_own_use_only", "same_hctp")
OWN_LEAF += ("intimate_partner_transfer", "animal_source", "semen")


@settings(max_examples=300)
@given(facts=total, secreted=st.booleans())
def test_the_engine_agrees_with_the_sketch_of_the_notes(facts, secreted) -> None:
    # An article is secreted, or consists of cells or tissue; mixtures are tested by name.
    material = {
        "human_origin": True,
        "contains_human_cells_or_tissue": not secreted,
        "secreted_or_extracted": secreted,
        "extracellular_vesicles": secreted,
        **dict.fromkeys(OWN_LEAF, False),
    }
    facts = material | {key: held for key, held in facts.items() if key not in material}
    known = completed(mostly_known(facts, set()), where="test")
    assume(len(known) == len(KEYS))
    decision = decide(Product("any", "any", (), known, known), jurisdiction="US", as_of=TODAY)
    assert decision.klass == sketched(known)
