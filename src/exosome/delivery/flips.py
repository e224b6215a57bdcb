"""The smallest set of changes that would turn a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from exosome.delivery.verdict import Verdict, judge, summarise

if TYPE_CHECKING:
    from exosome.delivery.draws import Draws
    from exosome.delivery.problem import Problem
    from exosome.delivery.verdict import Margins

_QUICK = 2_000  # draws for the search; what is found is run again on all of them
_MOST = 3
_KEPT = 8  # changes, ranked by what each does alone, from which sets are formed


@dataclass(frozen=True, slots=True)
class Change:
    """One input taken for known, at a value inside its sourced support."""

    role: str
    value: float


@dataclass(frozen=True, slots=True)
class Flip:
    """A smallest set of changes that turns the verdict, with the result of the rerun."""

    changes: tuple[Change, ...]
    verdict: Verdict
    margins: Margins


def smallest_flip(
    problem: Problem, draws: Draws, verdict: Verdict, ceiling: float, best_case: float
) -> tuple[Flip, ...]:
    """Return the smallest sets of changes that turn the verdict, one for each new verdict.

    An input is changed by taking it for known at either end of its support.
    Sets of one, two and three changes are tried in turn, formed from the inputs
    that move the margin most; each set found is verified by a rerun on all
    draws. A verdict of ``impossible`` or ``not reached within sourced bounds``
    cannot be turned inside the sources: the result is empty.
    """
    if verdict in ("impossible", "not reached within sourced bounds"):
        return ()
    quick = draws.first(_QUICK)
    ends = [
        Change(role, value)
        for role, one in problem.pools.items()
        if one.support[0] < one.support[1]
        for value in one.support
    ]
    middle = summarise(problem.margin(quick)).median
    flips: list[Flip] = []
    for upwards in (True, False):
        ranked = _ranked(problem, quick, ends, verdict, upwards=upwards)
        if middle is None and not upwards:
            break
        flip = _search(problem, draws, quick, ranked, verdict, (ceiling, best_case), upwards)
        if flip is not None:
            flips.append(flip)
    return tuple(flips)


def _ranked(
    problem: Problem, quick: Draws, ends: list[Change], verdict: Verdict, *, upwards: bool
) -> list[Change]:
    """Return, for each input, the end that moves the deciding percentile most; best first."""
    effect: dict[str, tuple[float, Change]] = {}
    # An implausible verdict turns by its 95th percentile, a plausible one by its 5th.
    by_high = verdict == "implausible" or (verdict == "undecided" and not upwards)
    for change in ends:
        margins = summarise(problem.margin(quick.with_value(change.role, change.value)))
        deciding = margins.high if by_high else margins.low
        moved = float("-inf") if deciding is None else deciding
        score = moved if upwards else -moved
        if change.role not in effect or score > effect[change.role][0]:
            effect[change.role] = (score, change)
    best = sorted(effect.values(), key=lambda item: (-item[0], item[1].role))
    return [change for _, change in best[:_KEPT]]


def _search(
    problem: Problem,
    draws: Draws,
    quick: Draws,
    ranked: list[Change],
    verdict: Verdict,
    limits: tuple[float, float],
    upwards: bool,  # noqa: FBT001
) -> Flip | None:
    wanted = _turned(verdict, upwards=upwards)
    if not ranked or _verdict_after(problem, quick, tuple(ranked), limits)[0] not in wanted:
        return None  # not even all of them together
    for size in range(1, _MOST + 1):
        for changes in combinations(ranked, size):
            if _verdict_after(problem, quick, changes, limits)[0] not in wanted:
                continue
            found, margins = _verdict_after(problem, draws, changes, limits)
            if found in wanted:
                return Flip(changes, found, margins)
    return None


def _verdict_after(
    problem: Problem, draws: Draws, changes: tuple[Change, ...], limits: tuple[float, float]
) -> tuple[Verdict, Margins]:
    for change in changes:
        draws = draws.with_value(change.role, change.value)
    margins = summarise(problem.margin(draws))
    return judge(margins, *limits), margins


_UP: dict[Verdict, tuple[Verdict, ...]] = {
    "implausible": ("undecided", "plausible"),
    "undecided": ("plausible",),
}
_DOWN: dict[Verdict, tuple[Verdict, ...]] = {
    "plausible": ("undecided", "implausible"),
    "undecided": ("implausible",),
}


def _turned(verdict: Verdict, *, upwards: bool) -> tuple[Verdict, ...]:
    """Return the verdicts that count as turned, in one direction."""
    return (_UP if upwards else _DOWN).get(verdict, ())
