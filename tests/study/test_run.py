"""From plan to result: the same for any number of workers, and true to its parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from toys import luminal, problem, record

from exosome.catalog.load import load_catalog
from exosome.claims.claim import bundled_claims, read_claim
from exosome.core.errors import MissingRecordError
from exosome.core.random import Streams
from exosome.delivery.extremes import conservation_ceiling, sourced_best_case
from exosome.delivery.problem import pose
from exosome.delivery.question import GivenTable, Packed, Titration
from exosome.delivery.verdict import judge, summarise
from exosome.study import run as running
from exosome.study.depths import Depths
from exosome.study.plan import DRAWS, Plan, plan
from exosome.study.run import FRACTIONS, run, run_all

if TYPE_CHECKING:
    from exosome.study.result import Result

WIDE = {
    "opening.natural_vesicle": (0.001, 0.9),
    "cell_count.hepatocyte": (1e6, 1e7),
    "uptake_cv": (0.3, 1.2),
}


def planned(*problems: object, draws: int = 400, declared: bool = True, seed: int = 5) -> Plan:
    depths = tuple(Depths(one, None) for one in problems)  # type: ignore[arg-type]
    return Plan(depths, declared, seed, draws, 64)


def claim_plan(name: str, *, seed: int = 1, draws: int = 300) -> Plan:
    claim = read_claim(bundled_claims()[name])
    return plan(claim, load_catalog(), seed=seed, draws=draws, sobol_size=64, where=name)


def as_text(result: Result) -> str:
    """Every figure of a result, to the last bit."""
    with np.printoptions(floatmode="unique", threshold=100_000):
        return repr([asdict(one) for one in result.mechanisms])


@dataclass
class Told:
    """A reporter that writes down what it was told."""

    said: list[str] = field(default_factory=list)

    def start(self, task: str, total: int) -> None:
        self.said.append(f"start {total}")

    def advance(self, steps: int = 1) -> None:
        self.said.append("advance")

    def finish(self) -> None:
        self.said.append("finish")


def test_the_number_of_workers_changes_no_bit() -> None:
    # One toy and one real claim with several mechanisms.
    both = planned(problem(WIDE), problem(mechanism=luminal(packing=Packed(30.0))))
    for each in (both, claim_plan("immune-cells-in-a-dish")):
        assert as_text(run(each, workers=1)) == as_text(run(each, workers=2))


def test_the_same_seed_repeats_and_another_does_not() -> None:
    one, again, other = (planned(problem(WIDE), seed=seed) for seed in (5, 5, 6))
    assert as_text(run(one)) == as_text(run(again))
    assert as_text(run(one)) != as_text(run(other))


def test_plans_run_side_by_side_as_they_run_alone() -> None:
    first = planned(problem(WIDE))
    second = planned(problem(), problem(WIDE), seed=9)
    together = run_all((first, second))
    assert as_text(together[0]) == as_text(run(first))
    assert as_text(together[1]) == as_text(run(second))
    assert (together[0].seed, together[1].seed) == (5, 9)


def test_a_reporter_hears_each_mechanism_once() -> None:
    told = Told()
    run(planned(problem(), problem(WIDE)), workers=2, reporter=told)
    assert told.said == ["start 2", "advance", "advance", "finish"]


def test_a_reporter_hears_the_end_of_a_run_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(running, "_mechanism", fail)
    told = Told()
    with pytest.raises(RuntimeError, match="broken"):
        run(planned(problem()), reporter=told)
    assert told.said[-1] == "finish"


def test_a_finding_is_made_of_what_its_parts_say() -> None:
    one = problem(WIDE)
    (found,) = run(planned(one)).mechanisms
    finding = found.finding
    assert finding is not None
    draws = one.draws(Streams(5), 400)
    drawn = one.margin(draws)
    assert finding.margins == summarise(drawn)
    assert finding.mean_field == summarise(one.outcome(draws).mean_field_margin)
    assert finding.ceiling == conservation_ceiling(one)
    assert finding.best_case == sourced_best_case(one)
    assert finding.verdict == judge(
        finding.margins, finding.ceiling.margin, finding.best_case.margin
    )
    assert tuple(f for f, _ in finding.by_fraction) == FRACTIONS == (0.01, 0.1, 0.5)
    for fraction, margins in finding.by_fraction:
        assert margins == summarise(one.margin(draws, fraction))
    low, mid, high = (m.median for _, m in finding.by_fraction)
    assert low > mid > high  # type: ignore[operator]


def test_the_declared_fraction_decides_the_verdict() -> None:
    few = problem(WIDE, responding_fraction=0.01)
    many = problem(WIDE, responding_fraction=0.9)
    first, second = (run(planned(one)).mechanisms[0].finding for one in (few, many))
    assert first is not None
    assert second is not None
    assert first.margins.median > second.margins.median  # type: ignore[operator]


def test_without_an_effect_there_is_no_finding_and_no_need() -> None:
    (with_need,) = run(planned(problem(WIDE))).mechanisms
    (without,) = run(planned(problem(WIDE), declared=False)).mechanisms
    assert without.finding is None
    assert [s.name for s in without.steps] == [s.name for s in with_need.steps[:-1]]
    assert "needed" in with_need.steps[-1].name
    assert not any("needed" in step.name for step in without.steps)


def test_the_histogram_holds_every_draw_that_delivers_something() -> None:
    sometimes = [
        record("opening.natural_vesicle", 0.0, id="a", citation="a"),
        record("opening.natural_vesicle", 0.2, id="b", citation="b"),
    ]
    one = problem({"opening.natural_vesicle": sometimes, "uptake_cv": (0.3, 1.2)})
    finding = run(planned(one)).mechanisms[0].finding
    assert finding is not None
    assert sum(finding.histogram.shares) == pytest.approx(1.0 - finding.margins.nothing)
    assert 0.3 < finding.margins.nothing < 0.7
    assert len(finding.histogram.edges) == len(finding.histogram.shares) + 1


def test_a_question_that_delivers_nothing_is_answered_without_a_number() -> None:
    dead = problem({"opening.natural_vesicle": 0.0, "uptake_cv": (0.3, 1.2)})
    finding = run(planned(dead)).mechanisms[0].finding
    assert finding is not None
    assert finding.verdict == "not reached within sourced bounds"
    assert finding.margins.percentiles == (None,) * 5
    assert finding.margins.nothing == 1.0
    assert finding.histogram.shares == ()
    assert finding.flips == ()


@pytest.mark.parametrize("name", ["mirna-liver-kupffer", "exo-cd24", "cd73-joint"])
def test_the_balance_of_a_real_claim_closes(name: str) -> None:
    (found,) = run(claim_plan(name)).mechanisms
    assert found.balance_gap <= 1e-12
    for thing in {place.thing for place in found.places}:
        shares = [place.share for place in found.places if place.thing == thing]
        assert all(0.0 <= share <= 1.0 for share in shares)
    for place in found.places:
        assert place.share_low <= place.share <= place.share_high


def test_curves_rise_with_dose_and_show_what_packing_does() -> None:
    (found,) = run(planned(problem(WIDE))).mechanisms
    assert found.finding is not None
    dose = found.finding.responding_by_dose
    for line in (dose.low, dose.median, dose.high):
        assert list(line) == sorted(line)
        assert 0.0 <= line[0] <= line[-1] <= 1.0
    packing = found.finding.responding_by_packing
    assert packing is not None
    assert packing.x[0] == 1.0
    assert all(
        low <= mid <= high
        for low, mid, high in zip(packing.low, packing.median, packing.high, strict=True)
    )


def test_a_claim_of_a_surface_mechanism_has_no_curve_of_packing() -> None:
    (found,) = run(claim_plan("exo-cd24")).mechanisms
    assert found.finding is not None
    assert found.finding.responding_by_packing is None


def test_each_contradicting_position_gets_its_own_verdict() -> None:
    opening = "opening.natural_vesicle"
    rivals = [
        record(opening, None, 0.5, 0.9, id="a", citation="a", rival="opens"),
        record(opening, None, 1e-7, 1e-6, id="b", citation="b", rival="shut"),
    ]
    one = problem({opening: rivals})
    finding = run(planned(one)).mechanisms[0].finding
    assert finding is not None
    assert finding.verdict == "undecided"
    found = {rival.position: rival.verdict for rival in finding.rivals}
    assert found == {"opens": "plausible", "shut": "not reached within sourced bounds"}


def test_a_position_is_measured_against_its_own_ceiling() -> None:
    # With many target sites the need exceeds what conservation allows; with few it does not.
    sites = [
        record("target_sites", 10.0, id="a", citation="a", rival="few sites"),
        record("target_sites", 1e9, id="b", citation="b", rival="many sites"),
    ]
    figures = {"target_sites": sites, "seed_site_kd": 1.0}
    one = problem(figures, mechanism=luminal(needed=Titration(0.3)))
    finding = run(planned(one)).mechanisms[0].finding
    assert finding is not None
    settled = one.holding("target_sites", "many sites")
    assert conservation_ceiling(settled).margin < 0.0
    verdicts = {rival.position: rival.verdict for rival in finding.rivals}
    assert verdicts["many sites"] == "impossible"


def test_a_measured_law_of_copies_can_be_run_from_end_to_end() -> None:
    table = GivenTable((0.0, 1.0, 10.0), (0.9, 0.09, 0.01))
    figures = {**WIDE, "functional_fraction.natural_mirna": (0.1, 1.0)}
    one = problem(figures, mechanism=luminal(packing=table))
    finding = run(planned(one, draws=60)).mechanisms[0].finding
    assert finding is not None
    assert finding.ceiling.margin >= finding.best_case.margin - 0.01
    assert None not in finding.margins.percentiles


def test_a_plan_names_every_record_it_draws_from_and_its_defaults() -> None:
    one = claim_plan("mirna-liver-kupffer", draws=DRAWS)
    ids = [record.id for record in one.records]
    assert ids == sorted(set(ids))
    assert {"d01", "d04", "f05", "p66"} <= set(ids)
    assert one.effect_declared
    assert not claim_plan("anti-ageing-skin").effect_declared


@pytest.mark.parametrize("name", sorted(bundled_claims()))
def test_a_missing_source_of_any_number_is_refused_by_name(name: str) -> None:
    for asked in claim_plan(name).problems:
        for role, pool in asked.pools.items():
            without = load_catalog().without(record.id for record in pool.records)
            with pytest.raises(MissingRecordError) as e:
                pose(asked.question, without)
            assert f"{role!r}" in e.value.what
            assert e.value.where == asked.question.name
