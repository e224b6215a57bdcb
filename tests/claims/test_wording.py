"""Verdicts and margins in words: exact, and never more than was found."""

from __future__ import annotations

import math
import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.claims import wording
from exosome.claims.claim import bundled_claims, read_claim
from exosome.claims.wording import (
    CAUTION,
    DISCLAIMER,
    NO_EFFECT,
    VERDICT_WORDS,
    fold,
    interval,
    mechanism_name,
    mechanism_note,
    plain,
    sentence,
)
from exosome.delivery.verdict import Margins, Verdict
from exosome.study.scenario import questions

MECHANISMS = [
    asked.mechanism
    for name, path in bundled_claims().items()
    for asked in questions(read_claim(path), where=name)
]
TEXTS = [
    *VERDICT_WORDS.values(),
    CAUTION,
    DISCLAIMER,
    NO_EFFECT,
    *(mechanism_name(one) for one in MECHANISMS),
    *(mechanism_note(one) for one in MECHANISMS),
]


def margins(*percentiles: float | None, nothing: float = 0.0) -> Margins:
    return Margins(percentiles, nothing, 0.0)


@pytest.mark.parametrize(
    ("margin", "words"),
    [
        (0.0, "1 times what is needed"),
        (1.0, "10 times what is needed"),
        (-1.0, "10 times too small"),
        (-0.30103, "2 times too small"),
        (2.4, "250 times what is needed"),
        (-2.9999, "1000 times too small"),
        (-3.0, "10^3.0 times too small"),
        (7.88, "10^7.9 times what is needed"),
        (None, "nothing delivered"),
        (-math.inf, "nothing delivered"),
    ],
)
def test_a_margin_says_by_what_factor(margin: float | None, words: str) -> None:
    assert fold(margin) == words


@given(st.floats(-30.0, 30.0))
def test_the_factor_read_back_is_the_margin(margin: float) -> None:
    words = fold(margin)
    assert words.endswith("too small") == (margin < 0.0)
    figure = words.split(" ")[0]
    power = float(figure[3:]) if figure.startswith("10^") else math.log10(float(figure))
    # Two digits of a factor, or one decimal of its power.
    assert power == pytest.approx(abs(margin), abs=0.051)


def test_an_interval_says_its_direction_once_and_both_where_they_differ() -> None:
    assert interval(margins(-2.0, -1.5, -1.2, -1.1, -1.0)) == "100 to 10 times too small"
    assert interval(margins(1.0, 1.1, 1.2, 1.5, 2.0)) == "10 to 100 times what is needed"
    assert interval(margins(-2.0, -1.0, 0.0, 1.0, 1.0)) == (
        "100 times too small to 10 times what is needed"
    )
    some = margins(None, -1.5, -1.2, -1.1, -1.0, nothing=0.2)
    assert interval(some) == "nothing delivered to 10 times too small"


def test_a_sentence_holds_name_verdict_and_interval() -> None:
    said = sentence("Luminal RNA: siRNA", "implausible", margins(-3.0, -2.5, -2.0, -1.5, -1.0))
    assert said.startswith("Luminal RNA: siRNA: implausible. ")
    assert "100 times too small (90 %: 10^3.0 to 10 times too small)" in said
    nothing = sentence("X", "implausible", margins(*(None,) * 5, nothing=1.0))
    assert "The dose is nothing" not in nothing


def test_every_verdict_has_words_that_claim_no_more_than_it() -> None:
    assert set(VERDICT_WORDS) == set(get_args(Verdict))
    assert "does not make it true" in VERDICT_WORDS["plausible"]
    assert "does not refute the effect" in CAUTION
    assert "clinical benefit" in DISCLAIMER


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_says_more_than_a_computation_can(text: str) -> None:
    banned = r"(?i)\b(proven|safe|cures?|validated|approved|guarantee\w*|exosomes?)\b"
    assert not re.search(banned, text)
    assert "_" not in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("natural_mirna", "natural miRNA"),
        ("kupffer_cell", "Kupffer cell"),
        ("pd1", "PD-1"),
        ("siglec10", "Siglec-10"),
        ("cas9_rnp", "Cas9 RNP"),
        ("tgf_beta", "TGF-β"),
        ("intra_articular", "intra-articular"),
        ("t_cell", "T cell"),
        ("joint", "joint"),
        ("", ""),
    ],
)
def test_names_are_shown_in_the_spelling_of_the_field(name: str, shown: str) -> None:
    assert plain(name) == shown


@pytest.mark.parametrize("name", sorted(bundled_claims()))
def test_mechanisms_of_one_claim_have_names_of_their_own(name: str) -> None:
    names = [
        mechanism_name(asked.mechanism)
        for asked in questions(read_claim(bundled_claims()[name]), where=name)
    ]
    assert len(set(names)) == len(names)


def test_all_words_that_a_reader_sees_stand_in_one_place() -> None:
    assert {"CAUTION", "DISCLAIMER", "NO_EFFECT", "VERDICT_WORDS"} <= set(vars(wording))
