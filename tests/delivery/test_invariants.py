"""Saline, no cargo and no uptake: what must happen whatever the numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toys import luminal, problem

from exosome.catalog.load import load_catalog
from exosome.claims.claim import bundled_claims, read_claim
from exosome.core.random import Streams
from exosome.delivery import invariants
from exosome.delivery.invariants import check_invariants
from exosome.delivery.outcome import Packets
from exosome.delivery.problem import pose
from exosome.delivery.question import Luminal
from exosome.study.scenario import questions


@pytest.mark.parametrize("name", sorted(bundled_claims()))
def test_removals_do_what_they_must_in_every_bundled_claim(name: str) -> None:
    for asked in questions(read_claim(bundled_claims()[name]), where=name):
        one = pose(asked, load_catalog())
        found = {i.removed: i for i in check_invariants(one, one.draws(Streams(2), 100))}
        assert all(each.holds for each in found.values()), found
        is_luminal = isinstance(asked.mechanism, Luminal)
        assert ("cargo" in found) == is_luminal
        expected = "nothing is delivered" if is_luminal else "nothing changes"
        assert found["uptake"].expected == expected
        assert found["dose (saline)"].expected == "nothing is delivered"


@pytest.mark.parametrize("changes", [{}, {"loaded_copies": 50.0}])
def test_a_stated_loading_is_taken_away_too(changes: dict[str, float]) -> None:
    figures = {
        "vesicle_diameter": 80.0,
        "vesicle_diameter_gsd": 1.2,
        "bilayer_thickness": 5.0,
        "lumen_packing_limit": 0.5,
        "cargo_volume.natural_mirna": 40.0,
    }
    one = problem(figures, mechanism=luminal(**changes))
    assert all(i.holds for i in check_invariants(one, one.draws(Streams(2), 50)))


def test_a_broken_removal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    one = problem()
    draws = one.draws(Streams(2), 50)
    # A chain that delivered something with saline would answer like this.
    monkeypatch.setattr(invariants, "_saline", lambda problem, draws: (problem, draws))
    saline, *_ = check_invariants(one, draws)
    assert not saline.holds


def test_removals_leave_the_callers_draws_alone() -> None:
    one = problem()
    draws = one.draws(Streams(2), 50)
    before = one.margin(draws).copy()
    check_invariants(one, draws)
    assert (one.margin(draws) == before).all()
    assert isinstance(one.outcome(draws).effect, Packets)
    assert replace(one) == one
