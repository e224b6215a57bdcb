from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from exosome.claims.ask import ask
from exosome.claims.banned import banned_words
from exosome.claims.credibility import credibility


@cache
def _asked(name: str) -> str:
    return json.dumps(ask(name, numbers=[], seed=1, workers=2).summary)


def summary(name: str = "mirna-liver-kupffer") -> dict[str, Any]:
    return json.loads(_asked(name))


def reach(block, aspect: str) -> str:
    return next(one.reach for one in block.applicability if one.aspect == aspect)


def test_the_block_is_a_pure_function_of_the_summary():
    held = summary()
    before = deepcopy(held)
    assert credibility(held) == credibility(held)
    assert held == before
    assert json.loads(json.dumps(credibility(held).as_table()))


def test_question_context_and_what_it_is_not_for():
    block = credibility(summary())
    assert "1.2e12 particle" in block.question
    assert "50 % of the cells" in block.question
    context = dict(block.context)
    assert context["target"] == "Kupffer cells of the liver" or "kupffer" in context["target"]
    assert any("no clinical outcome" in one for one in block.not_for)
    assert any("evidence" in one for one in block.not_for)


def test_without_an_effect_the_question_says_so_and_there_is_no_budget():
    block = credibility(summary("anti-ageing-skin"))
    assert "No effect is declared" in block.question
    assert block.budget == ()
    assert reach(block, "outcome in people") == "outside"


def test_a_failed_knock_out_and_a_missed_control_show():
    held = summary()
    held["mechanisms"][0]["invariants"][0]["holds"] = False
    for control in held["controls"]:
        control["passed"] = False
    block = credibility(held)
    knock_outs = next(one for one in block.verification if one.name == "knock-outs")
    assert knock_outs.state == "in part"
    assert "failed: " in knock_outs.found
    assert all(one.state == "not done" for one in block.validation)
    assert any("MISSED" in one.found for one in block.validation)


def test_a_control_that_tests_little_or_something_else_says_so():
    block = credibility(summary())
    assert not any(one.state == "done" for one in block.validation)
    assert any("agreement tests little" in one.found for one in block.validation)
    other = summary("cd73-joint")
    assert all(
        "no mechanism of this question" in one.found
        for one in credibility(other).validation
        if one.name.startswith("control")
    )
    other["controls"][0]["name"] = "somebody-elses"
    assert "bearing is not known" in credibility(other).validation[0].found


def test_a_narrow_reproduced_control_that_bears_is_done():
    held = summary()
    control = held["controls"][1]
    for row in control["rows"]:
        row["low"], row["high"] = row["median"] - 5.0, row["median"] + 5.0
    assert credibility(held).validation[1].state == "done"
    control["unchanged"] = False
    assert credibility(held).validation[1].state == "in part"


@pytest.mark.parametrize(
    ("row", "expected"), [("controlled", "inside"), ("uncontrolled", "near"), ("animal", "outside")]
)
def test_applicability_follows_the_studies_of_the_use(row, expected):
    held = summary()
    for one in held["evidence"]["tallies"]:
        one["studies"] = int(one["row"] == row)
    assert reach(credibility(held), "outcome in people") == expected


def test_applicability_of_mechanism_inputs_and_sources():
    held = summary()
    assert reach(credibility(held), "mechanism") == "outside"  # dishes only, asked of a body
    held["claim"]["route"] = "in the dish"
    assert reach(credibility(held), "mechanism") == "inside"
    for one in held["mechanisms"][0]["inputs"]:
        one["status"] = "read"
    assert reach(credibility(held), "inputs") == "inside"
    held["mechanisms"][0]["finding"]["rivals"] = []
    assert reach(credibility(held), "agreement of sources") == "not known"


def test_the_sentence_names_what_lies_outside():
    block = credibility(summary())
    assert block.sentence.startswith("Outside the recorded data in: ")
    assert set(block.outside) == {
        one.aspect for one in block.applicability if one.reach == "outside"
    }


def test_the_budget_is_by_read_status_and_adds_nothing_up():
    (budget,) = credibility(summary()).budget
    by_status = summary()["mechanisms"][0]["finding"]["variance"]["by_status"]
    assert dict(budget.by_status) == {k: v for k, v in by_status.items() if k != "unread"}
    assert budget.unread == by_status["unread"]
    shares = [share for _, share in budget.by_status]
    assert shares == sorted(shares, reverse=True)
    assert len(budget.largest) == 3
    held = summary()
    held["mechanisms"][0]["finding"]["variance"]["explained"] = 0.9
    assert credibility(held).budget[0].caution == ""
    held["mechanisms"][0]["finding"]["rivals"][0]["verdict"] = "plausible"
    assert "gives plausible" in credibility(held).budget[0].structure


def test_thirteen_factors_and_no_composite_number():
    block = credibility(summary())
    assert len(block.factors) == 13
    assert {one.group for one in block.factors} == {"verification", "validation", "applicability"}
    keys = set(block.as_table())
    assert not {key for key in keys if "score" in key or "grade" in key or "index" in key}


def test_reproducibility_names_versions_seed_inputs_and_command():
    shown = dict(credibility(summary()).reproducibility)
    assert shown["seed"] == "1"
    assert "sha256" in shown["inputs"]
    assert shown["command"].startswith("exosome claim mirna-liver-kupffer")


def test_the_words_of_the_block_are_clean():
    text = json.dumps(credibility(summary()).as_table(), ensure_ascii=False).replace('"', " ")
    assert banned_words(text) == []
