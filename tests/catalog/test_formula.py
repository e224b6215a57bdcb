"""Arithmetic over records."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.catalog.formula import Derivation, Figures, compute, evaluate, references
from exosome.core.errors import CatalogError

FIGURES = {
    "k30": Figures(4.0, 1.0, 9.0),
    "r": Figures(None, 2.0, 3.0),
    "lab.a": Figures(5.0),
    "none": Figures(),
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2*k30 + 1", 9.0),
        ("-k30", -4.0),
        ("k30.high - k30.low", 8.0),
        ("sqrt(k30) ** 3", 8.0),
        ("log(exp(2))", 2.0),
        ("pi*r.low", 2 * math.pi),
        ("k30/(r.high - 1)", 2.0),
        ("lab.a*2", 10.0),
        ("lab.a.low", 5.0),
        ("1e3", 1000.0),
        (" 1 + 1 ", 2.0),
    ],
)
def test_expressions_have_their_values(expression, value):
    assert evaluate(expression, FIGURES, where="here") == pytest.approx(value)


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("k31", "'k31', which is no record"),
        ("r", "has no value"),
        ("none.low", "has no low"),
        ("1/0", "has no value"),
        ("log(-1)", "has no value"),
        ("(-8) ** 0.5", "has no value"),
        ("9.0**9**9", "has no value"),
        ("9**9**9", "has no value"),
        ("1e308*10", "not finite"),
        ("k30 +", "not an arithmetic"),
        ("", "not an arithmetic"),
        ("__import__('os')", "cannot be computed"),
        ("k30.__class__", "no record"),
        ("(1).real", "cannot be computed"),
        ("[1][0]", "cannot be computed"),
        ("k30 if 1 else 2", "cannot be computed"),
        ("k30 // 2", "cannot be computed"),
        ("sqrt(1, 2)", "cannot be computed"),
        ("sqrt(x=1)", "cannot be computed"),
        ("sin(1)", "cannot be computed"),
        ("True", "cannot be computed"),
        ("'a'", "cannot be computed"),
        ("1 < 2", "cannot be computed"),
        ("+1", "cannot be computed"),
        ("(" * 5000 + "1" + ")" * 5000, "not an arithmetic"),
        ("a\0b", "not an arithmetic"),
    ],
)
def test_all_else_is_refused(expression, what):
    with pytest.raises(CatalogError) as caught:
        evaluate(expression, FIGURES, where="here")
    assert what in caught.value.what
    assert caught.value.where == "here"


def test_references_are_the_ids_used():
    expression = "sqrt(k30.low)*pi + lab.a/r.high - log(k30)"
    assert references(expression, where="here") == {"k30", "lab.a", "r"}


def test_derivations_may_use_one_another_in_any_order():
    steps = {"b": Derivation("a*2", "a.low", "a.high*4"), "a": Derivation("k30/2", "1", "2*1")}
    found = compute(steps, FIGURES)
    assert found == {"a": Figures(2.0, 1.0, 2.0), "b": Figures(4.0, 1.0, 8.0)}


def test_typed_bounds_beside_a_formula_are_kept():
    found = compute({"a": Derivation("k30", typed=Figures(None, 3.0, 7.0))}, FIGURES)
    assert found["a"] == Figures(4.0, 3.0, 7.0)


@pytest.mark.parametrize("steps", [{"a": "a"}, {"a": "b+1", "b": "c", "c": "a.low"}])
def test_circles_are_refused(steps):
    with pytest.raises(CatalogError, match="in a circle: a -> "):
        compute({key: Derivation(text, text, text) for key, text in steps.items()}, FIGURES)


@given(st.text(max_size=30))
def test_any_text_gives_a_number_or_a_catalog_error(text):
    with suppress(CatalogError):
        assert math.isfinite(evaluate(text, FIGURES, where="here"))
