"""The fourth criterion (S59): answers are computed; the texts of its readings are typed."""

from __future__ import annotations

import datetime as dt

from exosome.claims.regulation.criterion_four import criterion_four_page


def test_the_rule_is_not_reached_and_the_trace_says_where_it_left() -> None:
    page = criterion_four_page()
    assert page["as_of"] == "2022-09-05"
    for row in page["reached"]:
        assert row["criterion_four_reached"] == "not reached"
        assert row["left_at"] == "21 CFR 1271.3(d)(3)"
        assert "drug and biological product" in row["class"]


def test_arguing_it_anyway_fails_in_both_readings() -> None:
    intravenous, local = criterion_four_page()["arguendo"]
    assert [one["answer"] for one in intravenous["criteria"]] == [
        "fails",
        "fails",
        "holds",
        "fails",
    ]
    assert [one["answer"] for one in local["criteria"]] == ["fails", "fails", "holds", "holds"]
    for row in (intravenous, local):
        assert row["all_four"] == "fails"
        assert row["would_be"].startswith("351 HCT/P")


def test_the_regulator_had_spoken_before_the_article() -> None:
    page = criterion_four_page()
    assert [one["date"][:4] for one in page["regulator"]] == ["2019", "2020", "2020"]
    assert all(one["before_the_article"] for one in page["regulator"])
    assert any("simply untrue" in one["holding"] for one in page["regulator"])
    assert criterion_four_page(dt.date(2019, 1, 1))["regulator"] == []


def test_it_says_who_gains_and_shows_the_paths_side_by_side() -> None:
    page = criterion_four_page()
    assert any("Grand Cayman" in one["who"] for one in page["interests"])
    assert [one["kind"] for one in page["paths"]] == ["MSC", "vesicles of MSC", "drug in vesicles"]
    # Nothing is bypassed: every path ends at the same two doors.
    assert all("IND to study, BLA to market" in one["path"][0] for one in page["paths"])
    assert {one["verdict"] for one in page["readings"]} == {"wrong question", "fair", "incomplete"}
