from __future__ import annotations

import pytest

from exosome.app.docket import render_docket
from exosome.claims.article import load_statements
from exosome.claims.article_lint import RULE_MEANS
from exosome.claims.banned import banned_words
from exosome.claims.claim import bundled_claims, read_claim
from exosome.claims.credibility import NOT_FOR
from exosome.claims.docket import VERDICT_MEANS, load_docket
from exosome.claims.wording import CAUTION, DISCLAIMER, NO_EFFECT, VERDICT_WORDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The product is proven to work.", ["proven"]),
        ("It is safe and cures pain.", ["safe", "cures"]),
        ("An FDA-approved therapy.", ["FDA-approved"]),
        ("A product approved by the FDA.", ["FDA-approved"]),
        ("The model is validated.", ["validated"]),
        ("This will cure it; clinical-grade vesicles.", ["cures", "validated"]),
        ("Not only proven.", ["proven"]),
        ("Not cheap. It is proven.", ["proven"]),
        ("FDA\u2011approved", ["FDA-approved"]),
    ],
)
def test_banned_words_are_found(text, words):
    assert [one.word for one in banned_words(text)] == words


@pytest.mark.parametrize(
    "text",
    [
        "Unproven; safety was looked at; a miracle cure is another word; secure; thread-safe.",
        "The clinic says \u201csafe and proven\u201d.",
        'It is called "FDA-approved".',
        "No dose is proven safe.",
        "There are no FDA-approved exosome products.",
        "Validated against the published dose-response, for the liver.",
        "<p>They say <q>proven</q> and <blockquote>it cures</blockquote></p>",
        '<p class="words quoted">safe</p><style>.safe { }</style>',
    ],
)
def test_quotes_denials_and_objects_pass(text):
    assert banned_words(text) == []


def test_a_finding_says_where_and_what_instead():
    (found,) = banned_words("One line.\nIt is safe.")
    assert (found.word, found.line) == ("safe", 2)
    assert "bound" in str(found)


def test_an_open_quotation_mark_hides_no_page():
    assert banned_words("\u201cnever closed " + "x " * 400 + "It is proven.\u201d")


def test_what_this_part_prints_is_clean():
    printed = [
        *VERDICT_WORDS.values(),
        *VERDICT_MEANS.values(),
        *RULE_MEANS.values(),
        *NOT_FOR,
        CAUTION,
        DISCLAIMER,
        NO_EFFECT,
        *(one.working for one in load_statements()),
        *(read_claim(path).claim.title for path in bundled_claims().values()),
    ]
    for claim in load_docket().claims:
        printed += [*claim.reasons, *(one.says for one in claim.literature)]
    assert [str(one) for text in printed for one in banned_words(text)] == []
    assert [str(one) for one in banned_words(render_docket())] == []
