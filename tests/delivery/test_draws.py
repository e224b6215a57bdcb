"""What is computed once for the same draws, and when it is computed again."""

from __future__ import annotations

import numpy as np

from exosome.delivery.draws import Draws, Noting


def asked(draws: Draws, log: list[int]) -> tuple[np.ndarray, tuple[str, ...]]:
    noting = Noting(draws)

    def law(inputs: Noting) -> np.ndarray:
        log.append(1)
        return inputs["a"] * inputs["b"]

    return noting.once("product", law), noting.asked


def test_a_law_is_computed_once_for_draws_that_differ_elsewhere() -> None:
    draws = Draws({role: np.arange(4.0) for role in "abc"}, 4)
    log: list[int] = []
    first, roles = asked(draws, log)
    again, noted = asked(draws.with_value("c", 7.0), log)
    assert log == [1]
    assert again is first
    assert noted == roles == ("a", "b")


def test_a_law_is_computed_again_where_its_parameters_differ() -> None:
    draws = Draws({role: np.arange(4.0) for role in "abc"}, 4)
    log: list[int] = []
    asked(draws, log)
    other, _ = asked(draws.with_value("b", 2.0), log)
    assert np.array_equal(other, 2.0 * np.arange(4.0))
    back, _ = asked(draws, log)  # the first is kept beside the last
    assert np.array_equal(back, np.arange(4.0) ** 2)
    assert len(log) == 2
    last, _ = asked(draws.with_value("b", 3.0), log)
    assert np.array_equal(last, 3.0 * np.arange(4.0))
    assert np.array_equal(asked(draws.first(2), log)[0], np.array([0.0, 1.0]))


def test_what_is_not_drawn_is_never_kept() -> None:
    class Table(dict[str, float]):
        def __getitem__(self, role: str) -> np.ndarray:
            return np.full(1, super().__getitem__(role))

        def constant(self, value: float) -> np.ndarray:
            return np.full(1, value)

    noting, log = Noting(Table(a=2.0)), []  # type: ignore[arg-type]
    for _ in range(2):
        found = noting.once("key", lambda inputs: log.append(1) or inputs["a"])
        assert found[0] == 2.0
    assert len(log) == 2
