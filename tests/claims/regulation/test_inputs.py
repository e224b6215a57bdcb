"""Bad input ends in one clear error; what is not known ends in `undetermined`."""

from __future__ import annotations

import datetime as dt
import tomllib
from typing import TYPE_CHECKING

import pytest

from exosome.claims.claim import bundled_claims, read_claim
from exosome.claims.regulation.changes import change, parse_changes, preparation_steps
from exosome.claims.regulation.engine import decide
from exosome.claims.regulation.facts import parse_product, read_product
from exosome.claims.regulation.precedents import load_precedents, read_precedents
from exosome.claims.regulation.products import (
    bundled_product,
    bundled_products,
    find_product,
    jurisdictions_asked,
    legal_axis,
    parse_day,
)
from exosome.claims.regulation.rules import jurisdictions, read_rule_book, rule_book
from exosome.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

TODAY = dt.date(2026, 6, 20)
HEAD = 'schema_version = 1\n[product]\nname = "x"\njurisdictions = ["US"]\n'
RULE = """
name = "Nowhere"
regulator = "none"
start = "no_first"
reach = "Nowhere."
[classes.free]
name = "free"
[classes.free.paths]
open = "open"
[[rule]]
id = "no_first"
label = "first"
question = "Is it?"
citation = "none"
paraphrase = "It may be."
test = "human_use"
true = "class:free:open"
false = "class:free:open"
unknown = "undetermined"
as_of = 2026-01-01
in_force = 2000-01-01
reading = "recalled"
basis = "text"
"""


def read(text: str):
    return parse_product(tomllib.loads(text), where="x.toml", key="x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "[intent]\nhuman_usee = true\n", "did you mean 'human_use'"),
        (HEAD + "[intend]\nhuman_use = true\n", "did you mean 'intent'"),
        (HEAD + "[material]\nhuman_use = true\n", r"move it to \[intent\]"),
        (HEAD + '[intent]\nhuman_use = "maybe"\n', 'write true, false or "unknown"'),
        (HEAD + "[intent]\nhuman_use = 1\n", 'write true, false or "unknown"'),
        (HEAD + "[donor]\nautologous = true\nunrelated_donor = true\n", "contradictory facts"),
        (HEAD + "[preparation]\nall_others = true\n", "all_others = false"),
        (HEAD + '[label]\nhuman_use = "no"\n', "write true or false"),
        (HEAD + "[label]\nhumanuse = true\n", "did you mean 'human_use'"),
        ('schema_version = 2\n[product]\nname = "x"\n', "schema_version is 2"),
        ("[product]\nname = 'x'\n", "schema_version is None"),
        ("schema_version = 1\nproduct = 3\n", r"start it with \[product\]"),
        ("schema_version = 1\n[product]\nname = 3\n", "put it in quotes"),
        ('schema_version = 1\n[product]\njurisdictions = "US"\n', "not a list of texts"),
        (HEAD + "[status]\nlicensed = true\n[since]\nlicensed = 'soon'\n", "not a day"),
    ],
)
def test_a_bad_product_file_ends_in_one_clear_error(text, said) -> None:
    with pytest.raises(InputError, match=said):
        read(text)


def test_a_contradiction_through_what_follows_is_found() -> None:
    text = HEAD + "[material]\nextracellular_vesicles = true\nhuman_origin = true\n"
    with pytest.raises(InputError, match=r"contradictory facts: .*cells secrete vesicles"):
        read(text + "secreted_or_extracted = false\n")
    assert read(text + "all_others = false\n").facts["secreted_or_extracted"] is True


def test_malformed_toml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("schema_version = 1\n[product\n", "utf-8")
    with pytest.raises(InputError, match=r"bad\.toml:2"):
        read_product(path)


def test_unknown_facts_are_named_and_nothing_is_guessed() -> None:
    decision = decide(read(HEAD), jurisdiction="US", as_of=TODAY)
    assert decision.klass == "undetermined"
    assert "human_use" in {one.key for one in decision.missing}


def test_an_unknown_jurisdiction_is_refused() -> None:
    with pytest.raises(InputError, match="no rule book is held for 'Atlantis'"):
        jurisdictions_asked(read(HEAD), "Atlantis")
    with pytest.raises(InputError, match="no jurisdiction is given"):
        jurisdictions_asked(read("schema_version = 1\n"), "")
    assert jurisdictions_asked(read("schema_version = 1\n"), "gb,US") == ("UK", "US")


def test_us_law_is_not_emitted_for_the_cayman_clinic() -> None:
    with pytest.raises(InputError, match="law of United States is not emitted"):
        legal_axis("cayman-msc-infusion", "2026-06-20", jurisdiction="US")
    axis = legal_axis("cayman-msc-infusion", "2026-06-20")
    assert axis["jurisdiction"] == "KY"
    assert axis["class"] == "undetermined"
    assert "us_" not in {row["id"][:3] for row in axis["trace"]}


def test_a_stale_rule_says_so_and_can_be_refused() -> None:
    product = bundled_product("ryoncil")
    day = dt.date(2030, 1, 1)
    decision = decide(product, jurisdiction="US", as_of=day)
    assert "us_1271_3_d" in decision.past_review
    assert decide(product, jurisdiction="US", as_of=dt.date(2022, 9, 5)).past_review == ()
    with pytest.raises(InputError, match="past the review date on 2030-01-01"):
        decide(product, jurisdiction="US", as_of=day, refuse_stale=True)


@pytest.mark.parametrize("text", ["yesterday", "2022-13-01", "05.09.2022", ""])
def test_a_day_is_a_day(text) -> None:
    with pytest.raises(InputError, match="is not a day"):
        parse_day(text)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('test = "human_use"', 'test = "human_usee"', "did you mean 'human_use'"),
        ('test = "human_use"', 'test = "human_use + 1"', "is not a test"),
        ('true = "class:free:open"', 'true = "class:fre:open"', "did you mean 'free'"),
        ('true = "class:free:open"', 'true = "class:free:shut"', "unknown key 'shut'"),
        ('true = "class:free:open"', 'true = "no_first"', "leads back"),
        ('unknown = "undetermined"', 'unknown = "class:free:open"', "rule.0.unknown"),
        ('reading = "recalled"', 'reading = "sure"', "rule.0.reading"),
        ('label = "first"', 'lable = "first"', "did you mean 'label'"),
        ('start = "no_first"', 'start = "nofirst"', "did you mean 'no_first'"),
        ("as_of = 2026-01-01", 'as_of = "last year"', "rule.0.as_of"),
        ('name = "Nowhere"', 'nme = "Nowhere"', "did you mean 'name'"),
        ("[[rule]]", "[[rule", "not valid TOML"),
    ],
)
def test_a_bad_rule_file_ends_in_one_clear_error(old, new, said) -> None:
    assert read_rule_book(RULE, jurisdiction="NO", where="no.toml").start == "no_first"
    with pytest.raises(InputError, match=said):
        read_rule_book(RULE.replace(old, new, 1), jurisdiction="NO", where="no.toml")


def test_no_unknown_leads_to_a_class() -> None:
    for code in jurisdictions():
        for rule in rule_book(code).rules.values():
            assert rule.unknown in ("undetermined", "continue")
            if rule.unknown == "continue":
                assert rule.true == rule.false


def test_precedents_are_dated_and_name_rules() -> None:
    days = [one.known_from for one in load_precedents()]
    assert days == sorted(days)
    exoflo = next(one for one in load_precedents() if one.id == "exoflo_rmat_2022")
    assert exoflo.known_from == dt.date(2022, 12, 31)  # only the year is known
    bad = '[[precedent]]\nid = "a"\ndate = "2020"\njurisdiction = "US"\ntitle = "t"\n'
    bad += 'holding = "h"\nrules = ["us_312_7_b"]\nwhen = "always"\nstance = "states"\n'
    bad += 'reading = "read"\n'
    with pytest.raises(InputError, match="did you mean 'us_312_7_a'"):
        read_precedents(bad, where="p.toml")
    with pytest.raises(InputError, match="cannot be used"):
        read_precedents(bad.replace('"2020"', '"lately"'), where="p.toml")


def test_every_bundled_product_is_answered_everywhere_it_is_offered() -> None:
    classes = {}
    for key in bundled_products():
        product = bundled_product(key)
        for code in product.jurisdictions:
            axis = legal_axis(key, "2026-06-20", jurisdiction=code)
            assert axis["decided"] or axis["missing_facts"] or axis["missing_rule"]
            assert axis["disclaimer"].startswith("Not legal advice and not medical advice")
            classes[key, code] = axis["class"]
    assert classes["msc-ev-anti-ageing", "US"] == "drug_and_biologic"
    assert classes["knee-injection", "US"] == "drug_and_biologic"
    assert classes["sirna-loaded-vesicles", "US"] == "drug_and_biologic"
    assert classes["exo-cd24", "US"] == "drug_and_biologic"
    assert classes["exoflo-trial", "US"] == "drug_and_biologic"
    assert classes["amniotic-fluid", "US"] == "drug_and_biologic"
    assert classes["amniotic-membrane", "US"] == "hctp_361"
    assert classes["ryoncil", "US"] == "hctp_351"
    assert classes["prp", "US"] == "not_hctp_blood"
    assert classes["cosmetic-serum", "US"] == "cosmetic_possible"
    assert classes["cosmetic-serum", "EU"] == "prohibited_cosmetic_ingredient"
    assert classes["cayman-msc-infusion", "KY"] == "undetermined"


def test_bundled_claims_find_their_product() -> None:
    for name, path in bundled_claims().items():
        asked = read_claim(path).law
        if asked is not None:
            assert asked.product in bundled_products(), name
    assert read_claim(bundled_claims()["neighbour-signal"]).law is None
    with pytest.raises(InputError, match="did you mean 'ryoncil'"):
        find_product("ryoncyl")


def test_a_licence_does_not_reach_back() -> None:
    def marketed(day: str) -> str:
        rows = legal_axis("ryoncil", day)["permissions"]
        return next(row["answer"] for row in rows if row["id"] == "us_351_a")

    assert (marketed("2022-09-05"), marketed("2025-01-01")) == ("no", "yes")


def test_one_changed_step_changes_the_trace() -> None:
    product = bundled_product("amniotic-membrane")
    turned = change(product, {"micronised": True}, jurisdiction="US", as_of=TODAY)
    assert turned.changes_class
    changed = {one.rule: (one.before, one.after) for one in turned.steps}
    assert changed["us_1271_10_a_1"] == ("yes", "no")
    assert changed["us_1271_20"] == ("not reached", "yes")
    by_step = {
        one.facts[0][0]: one for one in preparation_steps(product, jurisdiction="US", as_of=TODAY)
    }
    for step in ("culture_expanded", "micronised", "loaded_with_drug", "mixed_with_other_article"):
        assert by_step[step].after.klass == "hctp_351"
        assert by_step[step].steps


def test_a_change_can_make_a_fact_unknown() -> None:
    product = bundled_product("amniotic-membrane")
    turned = change(product, {"micronised": None}, jurisdiction="US", as_of=TODAY)
    assert [one.key for one in turned.after.missing] == ["micronised"]
    assert parse_changes(("micronised=unknown",), where="x") == {"micronised": None}
    for bad in ("micronised", "micronised=perhaps", "micronized=yes"):
        with pytest.raises(InputError):
            parse_changes((bad,), where="x")


def test_a_label_of_research_use_only_is_compared_and_not_used() -> None:
    text = HEAD + "[label]\nhuman_use = false\nwords = 'research use only'\n"
    text += "[intent]\nhuman_use = true\n"
    notes = decide(read(text), jurisdiction="US", as_of=TODAY).label_notes
    assert any("The label says no, objective intent says yes" in note for note in notes)
    alone = decide(read(text.replace("human_use = true", "")), jurisdiction="US", as_of=TODAY)
    assert "human_use" in {one.key for one in alone.missing}
    assert "A label alone does not settle it" in alone.label_notes[0]
