"""Worked cases and a way to make a product of plain facts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from exosome.claims.regulation.facts import Product, completed

if TYPE_CHECKING:
    from collections.abc import Callable

_TABLE = tomllib.loads(Path(__file__).with_name("worked_cases.toml").read_text("utf-8"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = _TABLE["case"]
        metafunc.parametrize("case", cases, ids=[one["id"] for one in cases])


@pytest.fixture(scope="session")
def product_of() -> Callable[..., Product]:
    def make(facts: dict[str, bool], *, name: str = "made up", **other: Any) -> Product:
        return Product("made-up", name, (), completed(facts, where="test"), facts, **other)

    return make


@pytest.fixture(scope="session")
def facts_of() -> Callable[[dict[str, Any]], dict[str, bool]]:
    def merged(case: dict[str, Any]) -> dict[str, bool]:
        return {**_TABLE["kind"][case["kind"]], **case["facts"]}

    return merged


@pytest.fixture(scope="session")
def case_of(facts_of: Callable[[dict[str, Any]], dict[str, bool]]) -> Callable[[str], dict]:
    return lambda key: facts_of(next(one for one in _TABLE["case"] if one["id"] == key))
