from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency, fisher_exact
from scipy.stats.contingency import odds_ratio

from exosome.claims.counts import (
    Arm,
    CountTable,
    audit,
    audits,
    chi_square_p,
    figure_in_words,
    fisher_p,
    follows,
    odds_ratio_exact,
    risk_ratio,
    share_interval,
    upper_bound_of_zero_events,
)
from exosome.claims.docket import count_audits, load_docket
from exosome.claims.evidence import load_book
from exosome.core.errors import InputError


def arm(events: int, n: int, label: str = "treated", **printed: str) -> Arm:
    return Arm.model_validate({"label": label, "n": n, "events": events, "printed": printed})


def table(*arms: Arm, harm: bool = False) -> CountTable:
    return CountTable.model_validate(
        {"study": "made up", "outcome": "event", "harm": harm, "arm": arms}
    )


def zarrabi():
    return next(one for one in count_audits(load_docket()) if one.table.study == "Zarrabi 2023")


# --- the figures of the reading table


@pytest.mark.parametrize(
    ("events", "n", "percent", "low", "high"),
    [(20, 24, 83, 63, 95), (12, 20, 60, 36, 81), (7, 22, 32, 14, 55), (4, 11, 36, 11, 69)],
)
def test_exact_intervals_of_the_reading_table(events, n, percent, low, high):
    exact = share_interval(events, n, "Clopper-Pearson, exact")
    found = [round(100 * x) for x in (events / n, exact.low, exact.high)]
    assert found == [percent, low, high]


def test_the_recounts_of_the_one_trial_with_cells_and_vesicles():
    ratios = [one for one in zarrabi().figures if one.what.startswith("risk ratio")]
    found = [
        tuple(round(x, 2) for x in (one.value, one.interval.low, one.interval.high))
        for one in ratios
    ]
    assert found == [(0.82, 0.27, 2.50), (0.16, 0.01, 2.55)]
    ps = [one.value for one in zarrabi().figures if one.scale == "p"]
    assert [round(p, 2) for p in ps] == [1.0, 0.08]
    assert [one.interval.method for one in ratios] == ["log-Wald", "log-Wald, half an event added"]


@pytest.mark.parametrize(("n", "percent"), [(5, 45), (7, 35), (8, 31), (9, 28), (11, 24), (24, 12)])
def test_bounds_of_zero_events_stand_in_the_audit(n, percent):
    (bound,) = [
        one for one in audit(table(arm(0, n), harm=True)).figures if "still allows" in one.what
    ]
    assert round(100 * bound.value) == percent
    assert bound.interval.method == "one-sided 95 % upper bound, exact"


# --- what does not follow


def test_the_abstract_whose_ratio_does_not_follow_is_flagged():
    found = zarrabi()
    said = "\n".join(found.flags)
    assert "risk ratio 0.49 is printed, but 3 of 11 against 8 of 24 gives 0.82" in said
    assert "risk ratio 0.08 is printed, but 0 of 8 against 8 of 24 gives 0.16" in said
    assert "centred on 0.39, not on the printed 0.49" in said
    assert "p = 0.08 is printed; Fisher's exact test gives 1.00" in said
    assert "p = 0.07 is the one-sided Fisher value; two-sided it is 0.08" in said
    assert "would follow if control had 16 events of 24" in said
    agrees = {(one.arm, one.scale): one.agrees for one in found.figures if one.printed}
    assert agrees["MSC twice", "ratio"] is False
    assert agrees["MSC, then vesicles", "ratio"] is False
    assert agrees["MSC twice", "p"] is False


def test_no_other_recorded_table_is_flagged_and_flagged_ones_come_first():
    found = count_audits(load_docket())
    assert [one.table.study for one in found if one.flags] == ["Zarrabi 2023"]
    assert found[0].flags
    audited = {(one.table.study, one.table.outcome) for one in found}
    recorded = {
        (study.name, one.outcome)
        for study in load_book().studies
        for one in study.findings
        if one.arms
    }
    assert recorded <= audited


def clean_tables() -> tuple[CountTable, ...]:
    # Made up, each figure worked out by hand: a log-Wald ratio with a chi-squared p, a
    # Wilson interval, a crude odds ratio with Fisher's p.
    return (
        table(
            arm(30, 100, ratio="0.60", ratio_low="0.42", ratio_high="0.86", p="0.004"),
            arm(50, 100, "control"),
        ),
        table(arm(9, 60, percent="15", percent_low="8.1", percent_high="26.1")),
        table(
            arm(4, 40, measure="odds ratio", ratio="0.33", p="0.13"),
            arm(10, 40, "control"),
        ),
    )


@pytest.mark.parametrize("one", clean_tables(), ids=["ratio", "share", "odds"])
def test_clean_tables_raise_nothing(one):
    found = audit(one)
    assert found.flags == ()
    printed = [figure for figure in found.figures if figure.printed]
    assert printed
    assert all(figure.agrees for figure in printed)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (arm(12, 20, percent="70"), "70 % is printed; 12 of 20 is 60 %"),
        (arm(12, 20, percent="60", percent_low="50", percent_high="70"), "is printed; 12 of 20"),
    ],
)
def test_a_share_that_does_not_follow_is_flagged(made, words):
    (flag,) = audit(table(made)).flags
    assert words in flag


def test_rounding_and_cutting_pass_and_another_digit_does_not():
    assert follows("0.82", 0.8182)
    assert follows("0.81", 0.8182)  # cut, not rounded
    assert not follows("0.83", 0.8182)
    assert follows("<0.05", 0.03)
    assert not follows("<0.05", 0.06)


def test_two_arms_without_an_event_have_shares_and_no_ratio():
    found = audit(table(arm(0, 10), arm(0, 12, "control"), harm=True))
    assert {one.scale for one in found.figures} == {"percent"}
    assert found.flags == ()


def test_everyone_with_the_event_leaves_no_odds_ratio():
    found = audit(table(arm(5, 5), arm(7, 7, "control")))
    assert [one.what for one in found.figures if one.scale == "ratio"] == ["risk ratio to control"]
    with pytest.raises(InputError, match="fix each other"):
        odds_ratio_exact(arm(5, 5), arm(7, 7))


def test_an_interval_names_its_method_in_words():
    share = audit(table(arm(12, 20))).figures[0]
    assert figure_in_words(share) == "60 % (95 % 36 to 81), Clopper-Pearson, exact"
    assert [one.method for one in share.beside] == ["Wilson score", "Wald, normal"]
    none = next(
        one for one in audit(table(arm(4, 4), arm(1, 9, "control"))).figures if "odds" in one.what
    )
    assert "no upper limit" in figure_in_words(none)


def test_flagged_tables_come_first():
    wrong = table(arm(12, 20, percent="70"))
    assert [bool(one.flags) for one in audits([*clean_tables(), wrong])] == [True, *[False] * 3]


# --- against another implementation

COUNTS = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_exact_and_wilson_intervals_agree_with_scipy(counts):
    events, n = counts
    for method, theirs in (("Clopper-Pearson, exact", "exact"), ("Wilson score", "wilson")):
        ours = share_interval(events, n, method)
        other = binomtest(events, n).proportion_ci(method=theirs)
        assert math.isclose(ours.low, other.low, abs_tol=1e-9)
        assert math.isclose(ours.high, other.high, abs_tol=1e-9)


@given(COUNTS, COUNTS)
def test_fisher_and_the_conditional_odds_ratio_agree_with_scipy(first, second):
    one, two = arm(*first), arm(*second, "control")
    cells = [[one.events, one.n - one.events], [two.events, two.n - two.events]]
    assert math.isclose(fisher_p(one, two), fisher_exact(cells).pvalue, rel_tol=1e-6)
    tails = [fisher_exact(cells, alternative=side).pvalue for side in ("less", "greater")]
    assert math.isclose(fisher_p(one, two, sides=1), min(tails), rel_tol=1e-6)
    if 0 < one.events + two.events < one.n + two.n:
        ours, theirs = odds_ratio_exact(one, two), odds_ratio(cells)
        bounds = theirs.confidence_interval(0.95)
        for mine, other in (
            (ours.ratio, theirs.statistic),
            (ours.low, bounds.low),
            (ours.high, bounds.high),
        ):
            assert mine == other or math.isclose(mine, other, rel_tol=1e-4)


@given(COUNTS, COUNTS)
def test_chi_squared_agrees_with_scipy(first, second):
    one, two = arm(*first), arm(*second, "control")
    cells = [[one.events, one.n - one.events], [two.events, two.n - two.events]]
    if 0 in {sum(row) for row in zip(*cells, strict=True)}:
        assert chi_square_p(one, two, corrected=False) == 1.0
        return
    plain = chi2_contingency(cells, correction=False).pvalue
    assert math.isclose(chi_square_p(one, two, corrected=False), plain, rel_tol=1e-9)


@given(COUNTS)
def test_the_zero_event_bound_is_the_one_sided_clopper_pearson_limit(counts):
    _, n = counts
    limit = binomtest(0, n, alternative="less").proportion_ci(0.95).high
    assert math.isclose(upper_bound_of_zero_events(n), limit, rel_tol=1e-9)


# --- refusals


def test_counts_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="is no share"):
        share_interval(5, 4, "Wilson score")
    with pytest.raises(InputError, match="had an event"):
        risk_ratio(arm(0, 5), arm(0, 6))
    with pytest.raises(ValueError, match="6 events in 5"):
        arm(6, 5)


def test_counts_of_the_docket_are_those_of_the_study_list():
    held = {one.name: one for one in load_book().studies}
    for one in load_docket().counts:
        assert one.study in held
        for finding in held[one.study].findings:
            if finding.outcome == one.outcome and finding.arms:
                assert [(a.label, a.n, a.events) for a in finding.arms] == [
                    (a.label, a.n, a.events) for a in one.arms
                ]
