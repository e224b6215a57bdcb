"""Which unknown matters: shares of the variance, and how well each was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from toys import luminal, problem, record

from exosome.catalog.load import load_catalog
from exosome.claims.claim import bundled_claims, read_claim
from exosome.core.random import Streams
from exosome.delivery.problem import pose
from exosome.delivery.question import Packed
from exosome.delivery.shares import variance_shares
from exosome.study.scenario import questions

if TYPE_CHECKING:
    from pathlib import Path

    from exosome.catalog.record import Sourced

STREAMS = Streams(3)


def spread(role: str, low: float, high: float, **more: str) -> Sourced:
    return record(role, None, low, high, id=role, **more)


ASSUMED = {"basis": "assumed", "reading": "recalled", "citation": "assumed: why"}
RECALLED = {"reading": "recalled"}

# Two decades, one decade and half a decade of log-uniform doubt: the variances of
# independent logarithms add up as the squares of their widths.
ADDITIVE = {
    "cell_count.hepatocyte": spread("cell_count.hepatocyte", 1e6, 1e8),
    "organ_signal.intravenous.liver": spread(
        "organ_signal.intravenous.liver", 0.05, 0.5, **RECALLED
    ),
    "uptake_share.liver.hepatocyte": spread(
        "uptake_share.liver.hepatocyte", 0.1, 0.5, distribution="loguniform", **ASSUMED
    ),
    "uptake_cv": 0.5,
}
WIDTHS = {
    "cell_count.hepatocyte": 2.0,
    "organ_signal.intravenous.liver": 1.0,
    "uptake_share.liver.hepatocyte": np.log10(5.0),
}


def test_shares_of_an_additive_chain_are_the_squares_of_the_widths() -> None:
    found = variance_shares(
        problem(ADDITIVE, mechanism=luminal(packing=Packed(1.0))), STREAMS, 4096
    )
    indices = found.indices
    total = sum(width**2 for width in WIDTHS.values())
    assert indices.names == tuple(role for role in problem(ADDITIVE).roles if role in WIDTHS)
    for i, role in enumerate(indices.names):
        expected = WIDTHS[role] ** 2 / total
        # Half-widths are of 90 % intervals; four of them are missed once in 1e10.
        assert abs(indices.first[i] - expected) < 4 * indices.first_halfwidth[i]
        assert abs(indices.total[i] - expected) < 4 * indices.total_halfwidth[i]
        assert indices.total_halfwidth[i] < 0.05
    assert indices.explained == pytest.approx(1.0, abs=0.08)


def test_groups_are_the_inputs_read_in_the_same_way() -> None:
    found = variance_shares(problem(ADDITIVE), STREAMS, 4096)
    total = sum(width**2 for width in WIDTHS.values())
    assert found.by_status["read"] == pytest.approx(4.0 / total, abs=0.05)
    assert found.by_status["recalled"] == pytest.approx(1.0 / total, abs=0.05)
    assert found.by_status["assumed"] == pytest.approx(np.log10(5.0) ** 2 / total, abs=0.05)
    # Unread is recalled and assumed together, not one by one.
    assert found.unread == pytest.approx((1.0 + np.log10(5.0) ** 2) / total, abs=0.05)


def test_a_number_computed_from_an_unread_one_is_itself_unread() -> None:
    cells = record(
        "cell_count.hepatocyte",
        None,
        1e6,
        1e8,
        id="made",
        basis="derived",
        reading="derived",
        formula="z*1e6",
        formula_low="z*1e6",
        formula_high="z*1e8",
    )
    guess = record("lipid_area", 1.0, id="z", **ASSUMED)
    figures = {"cell_count.hepatocyte": [cells, guess]}
    found = variance_shares(problem(figures), STREAMS, 512)
    assert found.unread == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("name", ["sirna-vesicles-iv", "mirna-liver-kupffer"])
def test_inputs_of_a_bundled_claim_explain_its_margin(name: str) -> None:
    (asked,) = questions(read_claim(bundled_claims()[name]), where=name)
    found = variance_shares(pose(asked, load_catalog()), STREAMS, 4096)
    assert 0.8 <= found.indices.explained <= 1.2
    assert (found.indices.total > -0.05).all()
    assert (found.indices.first < found.indices.total + 0.15).all()
    assert 0.0 <= found.unread <= 1.1


def test_own_numbers_are_counted_as_this_lab(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(
        '[[record]]\nrole = "opening.natural_vesicle"\n'
        'value = 0.01\nlow = 0.0001\nhigh = 0.3\nunit = "fraction"\ndistribution = "lognormal"\n',
        encoding="utf-8",
    )
    name = "sirna-vesicles-iv"
    (asked,) = questions(read_claim(bundled_claims()[name]), where=name)
    found = variance_shares(pose(asked, load_catalog((own,))), STREAMS, 1024)
    before = variance_shares(pose(asked, load_catalog()), STREAMS, 1024)
    assert found.by_status["this lab"] > 0.1
    assert "this lab" not in before.by_status
    assert found.unread < before.unread


def test_a_question_without_doubt_has_no_shares() -> None:
    found = variance_shares(problem(), STREAMS, 64)
    assert found.indices.names == ()
    assert found.indices.variance == 0.0
    assert found.unread == 0.0


def test_draws_that_deliver_nothing_do_not_break_the_shares() -> None:
    sometimes = [
        record("opening.natural_vesicle", 0.0, id="a", citation="a"),
        record("opening.natural_vesicle", 0.2, id="b", citation="b"),
    ]
    found = variance_shares(
        problem({"opening.natural_vesicle": sometimes, "uptake_cv": (0.3, 1.0)}), STREAMS, 1024
    )
    assert np.isfinite(found.indices.total).all()
    assert found.indices.names == ("uptake_cv", "opening.natural_vesicle")


def test_an_input_that_decides_whether_anything_is_delivered_is_no_idle_input() -> None:
    # "Nothing" must not pass for the least that is delivered: here that is also the most.
    sometimes = [
        record("opening.natural_vesicle", 0.0, id="a", citation="a"),
        record("opening.natural_vesicle", 0.2, id="b", citation="b"),
    ]
    found = variance_shares(problem({"opening.natural_vesicle": sometimes}), STREAMS, 1024)
    assert found.indices.total.tolist() == pytest.approx([1.0], abs=0.05)


def test_a_question_that_never_delivers_has_no_shares() -> None:
    dead = problem({"opening.natural_vesicle": 0.0, "uptake_cv": (0.3, 1.0)})
    found = variance_shares(dead, STREAMS, 64)
    assert found.indices.total.tolist() == [0.0]
