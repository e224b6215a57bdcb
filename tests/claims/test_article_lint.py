from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from exosome.claims.article_lint import RULE_MEANS, Rule, Work, lint_article, read_works
from exosome.claims.docket import load_docket
from exosome.core.errors import InputError

SOURCE = Path(__file__).parents[3] / "shared" / "reference" / "source-article.txt"

WORKS = (
    Work(key="1", authors=("Adler",), year=2011, sort="Q&A", container="Journal of Cells"),
    Work(key="2", authors=("Brand", "Cole"), year=2015, sort="review", container="Vesicle Letters"),
    Work(key="3", authors=("Dunn", "Eads"), year=2018, sort="primary", container="Membrane Papers"),
)


def rules(text: str, works: tuple[Work, ...] = WORKS) -> list[str]:
    return [one.rule for one in lint_article(text, works)]


# --- the article itself


@pytest.fixture
def article() -> str:
    if not SOURCE.is_file():
        pytest.skip("the reference file source-article.txt is not beside this checkout")
    return SOURCE.read_text("utf-8")


def test_the_articles_own_defects_are_found_where_the_docket_has_them(article):
    docket = load_docket()
    found = lint_article(article, docket.works)
    assert {one.rule for one in found} == set(get_args(Rule))
    for one in found:
        assert any(
            one.rule in claim.defects and claim.lines[0] <= one.line <= claim.lines[1]
            for claim in docket.claims
        ), str(one)
    for claim in docket.claims:
        if claim.id == "C44":  # the reference list itself; its defects show in the text
            continue
        for rule in claim.defects:
            assert any(
                one.rule == rule and claim.lines[0] <= one.line <= claim.lines[1] for one in found
            ), (claim.id, rule)


def test_without_a_bibliography_the_rules_on_citations_are_silent(article):
    silent = {"review cited as a study", "wrong author", "year does not match its citation"}
    assert not silent & {one.rule for one in lint_article(article)}


def test_another_bibliography_gives_other_answers(article):
    docket = load_docket()
    studies = tuple(one.model_copy(update={"sort": "primary"}) for one in docket.works)
    assert "review cited as a study" not in rules(article, studies)
    years = tuple(
        one.model_copy(update={"year": 2010}) if one.key == "2" else one for one in docket.works
    )
    assert "year does not match its citation" not in rules(article, years)


# --- each rule on short texts


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("category slip", "Vesicles are small bubbles of membrane. These tiny cells carry RNA."),
        ("category slip", "Exosomes are cells that talk."),
        ("category slip", "Once inside, exosomes divide and spread."),
        ("category slip", "We infuse living exosomes."),
        ("subset taken for the set", "Exosomes, also called extracellular vesicles, carry RNA."),
        ("subset taken for the set", "Exosomes (extracellular vesicles) are tiny."),
        ("subset taken for the set", "Exosomes and extracellular vesicles are the same thing."),
        ("review cited as a study", "A 2015 study in mice showed uptake. (2)"),
        ("review cited as a study", "According to an experiment by Adler, cells talk."),
        ("wrong author", "Cole et al. report that uptake is fast. (2)"),
        ("wrong author", "Finch and colleagues saw it first. [3]"),
        ("year does not match its citation", "A 2009 report showed release from cells. (3)"),
        (
            "self-contradiction",
            "Exosomes are vital for signalling. The functions of exosomes are still unknown.",
        ),
        (
            "self-contradiction",
            "Vesicles have been shown to be effective. There is no evidence for vesicles in man.",
        ),
        (
            "seller of the comparator as author",
            "Unlike PRP, exosomes keep.\n\nThe writer is founder of a PRP clinic.",
        ),
        (
            "criterion 4 is the wrong question",
            "Exosomes meet the fourth criterion of 361 HCT/Ps.",
        ),
        (
            "criterion 4 is the wrong question",
            "Conditioned medium is minimally processed, so 1271.10 criteria 1 and 2 hold.",
        ),
        ("ethics approval shown as comfort", "All treatments are IRB approved."),
        (
            "information page that recruits",
            "This is general information.\n\nBook your consultation now.",
        ),
    ],
)
def test_a_defect_is_found_in_few_words(rule, text):
    assert rules(text) == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "Exosomes are taken up by macrophages. These cells then clear them.",
        "Exosomes are extracellular vesicles of endosomal origin.",
        "Ectosomes, also known as microvesicles, are extracellular vesicles.",
        "Extracellular vesicles, also known as EVs, include exosomes.",
        "Exosomes are not the same as extracellular vesicles.",
        "Exosomes are in every cell's medium. Vesicles are cell-derived.",
        "Several studies have reported uptake. (2)",
        "A 2018 study measured uptake. (3)",
        "Dunn et al. measured uptake. (3)",
        "Brand and Cole review uptake. (2)",
        "Exosomes may be vital for signalling; their functions are unknown.",
        "The founder of a PRP clinic wrote this. He compares nothing.",
        "Unlike PRP, exosomes keep.\n\nCompeting interest: a PRP clinic's founder wrote this.",
        "Under 1271.3(d)(3) exosomes are no HCT/P, so the fourth criterion of 361 is not reached.",
        "Skin grafts meet the four criteria of 361 HCT/Ps.",
        "The trial has IRB approval and an IND.",
        "Book your consultation now.",
    ],
)
def test_a_sound_sentence_passes(text):
    assert rules(text) == []


CLEAN_SCIENCE = """Small vesicles in blood

Cells release vesicles of several kinds. Small extracellular vesicles, of which exosomes are the
ones of endosomal origin, hold protein and RNA. Most hold no copy of any one RNA. A 2018 study
counted them. (3)

Brand et al. review how macrophages take them up. (2) These cells clear most of a dose within an
hour. Whether vesicles are essential for signalling at a distance is open; some functions may exist,
and one question-and-answer article lists them. (1)

Conflict of interest: none declared.

(1) Adler, A. "What are vesicles?" Journal of Cells, 2011, doi:10.1000/a.
(2) Brand, B., Cole, C. "Vesicles reviewed." Vesicle Letters, 2015, doi:10.1000/b.
(3) Dunn, D., Eads, E. "Counting vesicles." Membrane Papers, 2018, doi:10.1000/c.
"""

CLEAN_CLINIC = """What we offer, and what it is not

We treat knees with stem cells. Vesicles are not part of what we do. The owner of this clinic
wrote this page, and has a financial interest in stem cell treatment; unlike vesicles, cells stay.

In the United States a secreted product such as a vesicle preparation is not an HCT/P under
1271.3(d)(3), so the four criteria of 361 are not asked of it. Our protocol has approval from a
review board (IRB approval); that is neither an IND nor a licence.

Dunn et al. measured what a knee holds. (3) No 2011 study did so.
"""


@pytest.mark.parametrize("text", [CLEAN_SCIENCE, CLEAN_CLINIC], ids=["science", "clinic"])
def test_two_clean_texts_raise_nothing(text):
    assert [str(one) for one in lint_article(text, WORKS)] == []


# --- form


def test_findings_come_in_order_with_line_and_words():
    text = "Exosomes are cells.\n\nA 2009 study by Dunn saw it. (3)\n"
    first, second = lint_article(text, WORKS)
    assert (first.line, second.line) == (1, 3)
    assert "line 3" in str(second)
    assert "2009 study" in second.words


def test_a_sentence_ends_neither_at_et_al_nor_before_its_mark():
    assert rules("Cole et al. say so. (2) Dunn et al. do not. (3)") == ["wrong author"]
    assert rules("Cole et al. say \u201cthey act.\u201d (2)") == ["wrong author"]


def test_a_range_of_marks_is_read():
    assert rules("Eads et al. saw it. [1-3]") == ["wrong author"]
    assert rules("Dunn et al. saw it. [1-3]") == []


def test_an_empty_text_has_no_defect():
    assert lint_article("") == ()


def test_every_rule_is_explained():
    assert set(RULE_MEANS) == set(get_args(Rule))


def test_a_bibliography_is_read_and_a_broken_one_refused():
    text = '[[work]]\nkey = "1"\nauthors = ["Adler"]\nyear = 2011\nsort = "Q&A"\n'
    assert str(read_works(text, where="w.toml")[0]) == "(1) Adler 2011"
    for broken in ("work = ", text.replace("Q&A", "essay"), ""):
        with pytest.raises(InputError, match=r"w\.toml"):
            read_works(broken, where="w.toml")


def test_criteria_asked_of_a_tissue_product_are_no_defect():
    text = (
        "Exosomes are secreted by cells. "
        "The four criteria of 21 CFR 1271.10 apply to amniotic membrane."
    )
    assert not [one for one in lint_article(text, ()) if "criterion 4" in one.rule]
