"""A balance sheet closes, or it says where it does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.core.balance import BalanceSheet
from exosome.core.errors import BalanceError

weights = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=8).filter(lambda w: sum(w) > 1e-3)


@given(weights, st.floats(1e-3, 1e15))
def test_a_complete_split_closes(split: list[float], amount: float) -> None:
    sheet = BalanceSheet("vesicle", amount)
    for number, weight in enumerate(split):
        sheet = sheet.put(f"place {number}", amount * weight / sum(split))
    assert sheet.close() is sheet
    assert sum(row.share for row in sheet.rows()) == pytest.approx(1.0)


@given(weights, st.floats(1e-3, 1e15), st.floats(1e-8, 0.9), st.sampled_from([-1, 1]))
def test_what_is_lost_or_made_is_named(split, amount: float, share: float, sign: int) -> None:
    sheet = BalanceSheet("copy", amount)
    for number, weight in enumerate(split):
        sheet = sheet.put(f"place {number}", (1 + sign * share) * amount * weight / sum(split))
    with pytest.raises(BalanceError, match="made" if sign > 0 else "lost") as caught:
        sheet.close()
    assert caught.value.where == "balance of copy"
    assert all(f"place {number}" in caught.value.what for number in range(len(split)))


def test_every_draw_has_to_close() -> None:
    given_amount = np.array([10.0, 20.0, 30.0])
    sheet = BalanceSheet("vesicle", given_amount).put("liver", [10.0, 15.0, 35.0])
    assert sheet.gap() == 0.25
    with pytest.raises(BalanceError, match="5 of 20 lost in draw 1"):
        sheet.close()
    assert sheet.put("urine", [0.0, 5.0, 0.0]).gap() == pytest.approx(1 / 6)


def test_nothing_given_means_nothing_found() -> None:
    empty = BalanceSheet("copy", [0.0, 4.0]).put("cytosol", [0.0, 4.0])
    assert empty.close() is empty
    conjured = BalanceSheet("copy", [0.0, 4.0]).put("cytosol", [1.0, 4.0])
    assert conjured.gap() == np.inf
    with pytest.raises(BalanceError, match="made in draw 0"):
        conjured.close()


def test_a_sheet_is_a_value() -> None:
    amount = np.array([1.0, 2.0])
    empty = BalanceSheet("vesicle", amount)
    filled = empty.put("liver", amount)
    amount[0] = 99.0
    assert empty.places == ()
    assert filled.close() is filled
    with pytest.raises(ValueError, match="read-only"):
        filled.given[0] = 5.0


@pytest.mark.parametrize(
    ("amount", "fault"),
    [
        (-1.0, "negative"),
        (float("nan"), "not finite"),
        (float("inf"), "not finite"),
        ([1.0, 2.0], "shape"),
    ],
)
def test_a_place_holds_a_real_amount(amount, fault: str) -> None:
    with pytest.raises(BalanceError, match=fault):
        BalanceSheet("vesicle", 10.0).put("liver", amount)


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf")])
def test_what_is_given_is_a_real_amount(amount: float) -> None:
    with pytest.raises(BalanceError):
        BalanceSheet("vesicle", amount)


def test_the_rounding_of_a_subtraction_is_no_negative_amount() -> None:
    rest = 1e11 - (0.1e11 + 0.2e11 + 0.7e11) - 1e-5
    assert BalanceSheet("vesicle", 1e11).put("liver", 1e11).put("rest", rest).gap() < 1e-15


def test_rounding_is_forgiven_by_draw_not_by_the_largest_draw() -> None:
    with pytest.raises(BalanceError, match="negative"):
        BalanceSheet("vesicle", [1e15, 0.0]).put("liver", [0.0, -1.0])


def test_a_place_is_filled_once() -> None:
    with pytest.raises(BalanceError, match="'liver' is filled twice"):
        BalanceSheet("vesicle", 10.0).put("liver", 1.0).put("liver", 9.0)


def test_rows_keep_the_order_and_give_mean_median_and_share() -> None:
    sheet = BalanceSheet("vesicle", [10.0, 10.0, 40.0]).put("b", [0.0, 0.0, 30.0]).put("a", 10.0)
    first, second = sheet.close().rows()
    assert first == ("b", 10.0, 0.0, 0.5)
    assert second == ("a", 10.0, 10.0, 0.5)
