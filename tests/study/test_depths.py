"""Engine against envelope: what is compared, why they differ, and what has no engine."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from exosome.catalog.load import load_catalog
from exosome.claims.claim import bundled_claims, read_claim
from exosome.core.random import Streams
from exosome.delivery.invariants import check_invariants
from exosome.study.depths import FAR_FOLD, DepthFound, at_depths, ceiling, compare
from exosome.study.plan import plan
from exosome.study.run import run
from exosome.study.scenario import questions

DRAWS = 300


def found(name: str, which: int = 0) -> DepthFound | None:
    question = questions(read_claim(bundled_claims()[name]), where=name)[which]
    return compare(at_depths(question, load_catalog()), Streams(1), DRAWS)


@pytest.mark.parametrize(
    ("name", "which", "stages"),
    [
        ("mirna-knee", 0, ("content", "uptake", "opening")),
        ("neighbour-signal", 0, ("release", "content", "uptake", "opening")),
        ("immune-cells-in-a-dish", 0, ("content", "arrival", "uptake", "opening")),
        ("immune-cells-in-a-dish", 1, ("arrival", "uptake")),
        ("sirna-vesicles-iv", 0, ("organ", "opening")),
        ("mirna-liver-kupffer", 0, ("content", "organ", "opening")),
    ],
)
def test_each_engine_alone_moves_the_answer_and_brings_numbers_of_its_own(
    name: str, which: int, stages: tuple[str, ...]
) -> None:
    one = found(name, which)
    assert one is not None
    assert tuple(stage.stage for stage in one.stages) == stages
    for stage in one.stages:
        assert stage.roles
        assert stage.fold is not None
        # Bursts of a sender shared by hundreds of cells move the packets, hardly the dose needed.
        if stage.stage != "release":
            assert abs(np.log10(stage.fold)) > 1e-3
    changed = [step for step in one.steps if step.fold is not None and step.fold != 1.0]
    assert changed


@pytest.mark.parametrize(
    ("name", "which", "told"),
    [
        (
            "immune-cells-in-a-dish",
            0,
            {
                "arrival": "the column of medium: .* of the dose touches a cell in 120 h",
                "uptake": "of what touches them gets inside in 120 h",
            },
        ),
        (
            "immune-cells-in-a-dish",
            1,
            {"arrival": "touches a cell", "uptake": "bound at the moment when most is"},
        ),
        ("neighbour-signal", 0, {"uptake": "of what a cell sends is taken up within 100um"}),
        ("mirna-knee", 0, {"uptake": "of what is in it is taken up"}),
        ("mirna-liver-kupffer", 0, {"organ": "of the dose ends in the target cells"}),
    ],
)
def test_the_page_says_which_share_the_engine_found(
    name: str, which: int, told: dict[str, str]
) -> None:
    one = found(name, which)
    assert one is not None
    for stage in one.stages:
        if stage.stage not in told:
            assert stage.finds == ""
            continue
        assert re.search(told[stage.stage], stage.finds)
        low, high = re.search(r"\((\S.*?) to (\S.*?)\)", stage.finds).groups()  # type: ignore[union-attr]
        assert 0.0 < as_number(low) < as_number(high) <= 1.0


def as_number(told: str) -> float:
    """Read a share that is told in per cent or as one in so many."""
    if told.startswith("1 in "):
        return 1.0 / float(told.removeprefix("1 in ").replace(",", ""))
    return float(told.removesuffix(" %")) / 100.0


@pytest.mark.parametrize(
    "name", ["immune-cells-in-a-dish", "neighbour-signal", "mirna-knee", "mirna-liver-kupffer"]
)
def test_removals_do_what_they_must_at_engine_depth(name: str) -> None:
    claim = read_claim(bundled_claims()[name])
    planned = plan(claim, load_catalog(), seed=1, draws=DRAWS, depth="engine", where=name)
    for problem in planned.problems:
        for one in check_invariants(problem, problem.draws(Streams(1), 200)):
            assert one.holds, (problem.question.name, one.removed)


def test_a_dish_without_a_plate_keeps_its_envelope_and_says_why() -> None:
    name = "immune-cells-in-a-dish"
    question = replace(questions(read_claim(bundled_claims()[name]), where=name)[0], plate="")
    depths = at_depths(question, load_catalog())
    assert [stage for stage, _ in depths.missing] == ["arrival", "uptake"]
    assert "target.plate" in depths.missing[0][1]
    assert {stage for stage, _ in depths.alone} == {"content", "opening"}


def test_a_mechanism_without_an_engine_says_so() -> None:
    assert found("cd73-joint") is None
    assert found("immune-cells-in-a-dish", 4) is None


def test_the_reason_is_given_beyond_a_factor_of_ten_and_names_the_stage() -> None:
    for name, which in (("immune-cells-in-a-dish", 1), ("mirna-knee", 0), ("exo-cd24", 0)):
        one = found(name, which)
        if one is None:
            continue
        assert one.fold is not None
        far = not 1.0 / FAR_FOLD <= one.fold <= FAR_FOLD
        assert bool(one.reason) == far
        if far:
            assert any(stage.envelope_takes in one.reason for stage in one.stages)


def test_a_stage_whose_engine_lacks_a_number_stays_at_envelope_depth_and_is_named() -> None:
    name = "immune-cells-in-a-dish"
    question = replace(
        questions(read_claim(bundled_claims()[name]), where=name)[0], target="fibroblast"
    )
    catalog = load_catalog()
    held = [r for r in catalog.values() if r.role.endswith(".t_cell")]
    for record in held:
        if record.role.startswith(("arriving", "uptake_fraction")):
            other = record.role.replace("t_cell", "fibroblast")
            catalog = catalog.replaced(replace(record, role=other))
    depths = at_depths(question, catalog)
    assert [stage for stage, _ in depths.missing] == ["arrival", "uptake"]
    assert "cell_footprint.fibroblast" in depths.missing[0][1]
    assert {stage for stage, _ in depths.alone} == {"content", "opening"}


def test_the_column_stands_without_what_the_cells_take_up() -> None:
    name = "immune-cells-in-a-dish"
    question = questions(read_claim(bundled_claims()[name]), where=name)[0]
    catalog = load_catalog().without(["td32"])
    depths = at_depths(question, catalog)
    assert [stage for stage, _ in depths.missing] == ["uptake"]
    assert "uptake_permeability.t_cell" in depths.missing[0][1]
    assert {stage for stage, _ in depths.alone} == {"content", "arrival", "opening"}
    arrival = next(one for stage, one in depths.alone if stage == "arrival")
    assert not any(role.startswith(("recipient_rate", "uptake_perm")) for role in arrival.roles)


def test_no_engine_takes_back_what_conservation_allows() -> None:
    name = "mirna-liver-kupffer"
    question = questions(read_claim(bundled_claims()[name]), where=name)[0]
    depths = at_depths(question, load_catalog())
    assert ceiling(depths, "engine").binding >= ceiling(depths, "envelope").binding
    assert depths.engine is not None
    margins = depths.engine.margin(depths.engine.draws(Streams(1), 2_000))
    assert margins.max() <= ceiling(depths, "engine").binding


@pytest.mark.parametrize("name", ["neighbour-signal", "immune-cells-in-a-dish"])
def test_an_answer_at_engine_depth_is_the_same_for_any_number_of_workers(name: str) -> None:
    claim = read_claim(bundled_claims()[name])
    planned = plan(
        claim, load_catalog(), seed=1, draws=DRAWS, sobol_size=32, depth="engine", where=name
    )
    one, two = (run(planned, workers=workers) for workers in (1, 2))
    with np.printoptions(floatmode="unique", threshold=100_000):
        assert repr(one) == repr(two)
    first = one.mechanisms[0]
    assert first.balance_gap < 1e-12
    assert first.problem.question.engines
