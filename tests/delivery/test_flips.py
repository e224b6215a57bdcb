"""What would turn a verdict, checked by running it again from scratch."""

from __future__ import annotations

from itertools import combinations

import pytest
from toys import problem, record

from exosome.catalog.load import load_catalog
from exosome.claims.claim import bundled_claims, read_claim
from exosome.core.random import Streams
from exosome.delivery.extremes import conservation_ceiling, sourced_best_case
from exosome.delivery.flips import Flip, smallest_flip
from exosome.delivery.problem import Problem, pose
from exosome.delivery.verdict import judge, summarise
from exosome.study.scenario import questions

STREAMS = Streams(3)
SIZE = 4000


def bundled(name: str, which: int = 0) -> Problem:
    asked = questions(read_claim(bundled_claims()[name]), where=name)
    return pose(asked[which], load_catalog())


def verdict_and_flips(one: Problem, size: int = SIZE) -> tuple[str, tuple[Flip, ...]]:
    draws = one.draws(STREAMS, size)
    limits = conservation_ceiling(one).margin, sourced_best_case(one).margin
    verdict = judge(summarise(one.margin(draws)), *limits)
    return verdict, smallest_flip(one, draws, verdict, *limits)


def verdict_with(one: Problem, changes: dict[str, float]) -> str:
    draws = one.draws(STREAMS, SIZE)
    for role, value in changes.items():
        draws = draws.with_value(role, value)
    limits = conservation_ceiling(one).margin, sourced_best_case(one).margin
    return judge(summarise(one.margin(draws)), *limits)


CASES = [
    ("sirna-vesicles-iv", 0),
    ("cd73-joint", 0),
    ("immune-cells-in-a-dish", 2),
    ("immune-cells-in-a-dish", 3),
]


@pytest.mark.parametrize(("name", "which"), CASES)
def test_what_is_said_to_turn_a_verdict_turns_it_when_run_again(name: str, which: int) -> None:
    one = bundled(name, which)
    before, flips = verdict_and_flips(one)
    assert flips
    for flip in flips:
        changes = {change.role: change.value for change in flip.changes}
        assert len(changes) == len(flip.changes) <= 3
        for role, value in changes.items():
            low, high = one.pools[role].support
            assert low <= value <= high
        after = verdict_with(one, changes)
        assert after == flip.verdict
        assert after != before


@pytest.mark.parametrize(("name", "which"), CASES)
def test_no_smaller_set_of_changes_would_do(name: str, which: int) -> None:
    one = bundled(name, which)
    before, flips = verdict_and_flips(one)
    order = ("implausible", "undecided", "plausible")
    ends = [
        (role, value)
        for role, pool in one.pools.items()
        if pool.support[0] < pool.support[1]
        for value in pool.support
    ]
    for flip in flips:
        up = order.index(flip.verdict) > order.index(before)
        for size in range(1, len(flip.changes)):
            for tried in combinations(ends, size):
                found = verdict_with(one, dict(tried))
                turned = found in order and (
                    order.index(found) > order.index(before)
                    if up
                    else order.index(found) < order.index(before)
                )
                assert not turned, tried


def test_a_single_decisive_input_is_found_in_both_directions() -> None:
    one = problem({"opening.natural_vesicle": (1e-6, 0.9), "cell_count.hepatocyte": (1e6, 1.2e6)})
    verdict, flips = verdict_and_flips(one)
    assert verdict == "undecided"
    assert {flip.verdict for flip in flips} == {"plausible", "implausible"}
    for flip in flips:
        (change,) = flip.changes
        assert change.role == "opening.natural_vesicle"
        assert change.value == (0.9 if flip.verdict == "plausible" else 1e-6)


@pytest.mark.parametrize(
    ("opening", "verdict"), [((0.5, 0.9), "plausible"), ((1e-9, 1e-4), "implausible")]
)
def test_a_verdict_that_no_source_can_turn_has_no_flip(
    opening: tuple[float, float], verdict: str
) -> None:
    figures = {"opening.natural_vesicle": opening, "cell_count.hepatocyte": (1e6, 1.2e6)}
    one = problem(figures)
    draws = one.draws(STREAMS, SIZE)
    assert smallest_flip(one, draws, verdict, 1.0, 1.0) == ()


@pytest.mark.parametrize("verdict", ["impossible", "not reached within sourced bounds"])
def test_what_fails_at_its_limits_cannot_be_turned_inside_the_sources(verdict: str) -> None:
    one = problem({"opening.natural_vesicle": (1e-6, 0.9)})
    assert smallest_flip(one, one.draws(STREAMS, 200), verdict, -1.0, -1.0) == ()


def test_where_nothing_is_ever_delivered_nothing_is_looked_for_below() -> None:
    sometimes = problem({"opening.natural_vesicle": (0.0, 0.9), "uptake_cv": (0.3, 0.9)})
    dead = problem({"opening.natural_vesicle": 0.0, "uptake_cv": (0.3, 0.9)})
    assert verdict_and_flips(dead)[1] == ()
    assert verdict_and_flips(sometimes)[0] in ("undecided", "plausible")


def test_a_turn_is_found_where_half_of_the_draws_deliver_nothing() -> None:
    # The 5th percentile is "nothing" whatever is changed; the 95th is what decides here.
    organ = "organ_signal.intravenous.liver"
    figures = {
        organ: [record(organ, 0.0, id="a", citation="a"), record(organ, 0.5, id="b", citation="b")],
        "opening.natural_vesicle": record(
            "opening.natural_vesicle", None, 1e-9, 0.1, id="o", distribution="loguniform"
        ),
    }
    one = problem(figures)
    before, flips = verdict_and_flips(one)
    assert before == "implausible"
    assert verdict_with(one, {"opening.natural_vesicle": 0.1}) == "undecided"
    assert [flip.verdict for flip in flips] == ["undecided"]
    assert len(flips[0].changes) == 1
