"""Fit whole-body data: the summit of the posterior, and what the data moved.

The first thing that a fit says is which unknowns it informed and which stayed where their records
put them. Spreads are those of the local Fisher information (a normal law about the summit);
profiles show how far that law can be trusted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from exosome.assay.likelihood import log_likelihood
from exosome.core.errors import NumericalError
from exosome.core.random import Streams
from exosome.numerics.summit import Summit, climb, spread
from exosome.study.fit_problem import ERROR
from exosome.study.fit_problem import problem as problem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from exosome.assay.table import Experiment, Observation
    from exosome.catalog.load import Catalog
    from exosome.study.fit_problem import Problem, Unknown

    Floats = NDArray[np.float64]

Verdict = Literal["informed", "narrowed", "at its prior"]
# A third of the prior: what 0.5 is of the weak prior of 1.5 in `fit_design`. Set before any fit.
INFORMED, NARROWED = 1.0 / 3.0, 0.9
_Z90 = 1.6448536269514722
_PROFILE_AT = (-2.0, -1.0, 1.0, 2.0)
_COURSE = 24
_SAME_SUMMIT = 0.5  # in log-posterior: starts that end this close count as one


@dataclass(frozen=True, slots=True)
class Moved:
    """What the data did to one unknown: spreads on its coordinate, and the shift of its middle.

    ``shift`` is in standard deviations of the prior.
    """

    unknown: Unknown
    at: float
    sd: float

    @property
    def ratio(self) -> float:
        """Spread after over before."""
        return self.sd / self.unknown.sd

    @property
    def shift(self) -> float:
        """How far the middle moved."""
        return (self.at - self.unknown.centre) / self.unknown.sd

    @property
    def verdict(self) -> Verdict:
        """Whether the data informed it."""
        if self.ratio <= INFORMED:
            return "informed"
        return "narrowed" if self.ratio <= NARROWED else "at its prior"


@dataclass(frozen=True, slots=True)
class Seen:
    """One row against the fit, in its own unit.

    ``low`` and ``high`` bound the 90 % predictive interval: what is not known after the fit and
    the error of a measurement. ``fold`` is how far a value lies off, or how far outside a range.
    ``probability`` is that of what a limit, an interval or an order says.
    """

    observation: Observation
    fitted: bool
    predicted: float
    low: float
    high: float
    fold: float
    inside: bool
    probability: float | None


@dataclass(frozen=True, slots=True)
class Profile:
    """An unknown held at some places, all others climbing: the fall of the log-posterior.

    ``normal`` is the fall that the local normal law expects.
    """

    key: str
    at: tuple[float, ...]
    fall: tuple[float, ...]
    normal: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fit: the summit, its spread, what moved, rows against predictions."""

    problem: Problem
    summit: Summit
    ends: tuple[float, ...]
    starts: int
    covariance: Floats
    moved: tuple[Moved, ...]
    seen: tuple[Seen, ...]

    @property
    def same_summit(self) -> int:
        """Count the starts that ended at the best summit."""
        best = max(self.ends)
        return sum(best - one <= _SAME_SUMMIT for one in self.ends)

    def having(self, verdict: Verdict) -> tuple[Moved, ...]:
        """Return the unknowns with one verdict."""
        return tuple(one for one in self.moved if one.verdict == verdict)

    @property
    def sentence(self) -> str:
        """Say what the data moved, in one line: the first of every report."""
        total = len(self.moved)
        informed, narrowed = self.having("informed"), self.having("narrowed")
        stayed = total - len(informed) - len(narrowed)
        groups = ", ".join(dict.fromkeys(one.unknown.group for one in (*informed, *narrowed)))
        named = f" ({groups})" if groups else ""
        return (
            f"{_rows(int(self.problem.fitted.sum()))} moved {total - stayed} of {total} "
            f"unknowns{named}: {len(informed)} informed, {len(narrowed)} narrowed, "
            f"{stayed} stayed at their prior."
        )


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def fit(problem: Problem, *, starts: int = 4, seed: int = 1) -> Fit:
    """Return the best summit of climbs from the middle of the prior and from draws of it.

    Raises
    ------
    NumericalError
        No climb ended at a summit.
    """
    rng = Streams(seed).of("body.fit.starts")
    draws = problem.centre + problem.prior_sd * rng.standard_normal(
        (max(0, starts - 1), problem.centre.size)
    )
    first = [problem.centre, *np.clip(draws, problem.low, problem.high)]
    ends = [_climbed(problem, start) for start in first]
    return summed_up(problem, [end for end in ends if end is not None], starts=len(ends))


def _climbed(problem: Problem, start: Floats) -> Summit | None:
    """Climb with a wide error first: far from the summit a narrow one chases single rows.

    None if the climb led to where the model cannot be integrated; the fit counts such starts.
    """
    try:
        return _two_climbs(problem, start)
    except NumericalError:
        return None


def _two_climbs(problem: Problem, start: Floats) -> Summit:
    held = np.zeros(start.size, np.bool_)
    held[problem.index[ERROR]] = True
    wide = start.copy()
    wide[problem.index[ERROR]] = 0.0
    first = climb(
        problem.expand, problem.log_posterior, wide, low=problem.low, high=problem.high,
        held=held, most=15, tolerance=0.05,
    )  # fmt: skip
    return climb(
        problem.expand, problem.log_posterior, first.point, low=problem.low, high=problem.high
    )


def summed_up(problem: Problem, summits: Sequence[Summit], *, starts: int) -> Fit:
    """Return the fit of the best of some summits.

    Raises
    ------
    NumericalError
        None of them is one.
    """
    reached = [one for one in summits if one.converged]
    if not reached:
        raise NumericalError(
            "no climb ended at a summit",
            where="fit",
            remedy="give more starts, or look for rows that contradict each other",
        )
    best = max(reached, key=lambda one: one.expansion.value)
    covariance = spread(best.expansion.information)
    sds = np.sqrt(np.diag(covariance))
    moved = tuple(
        Moved(unknown, float(at), float(sd))
        for unknown, at, sd in zip(problem.unknowns, best.point, sds, strict=True)
    )
    ends = tuple(one.expansion.value for one in reached)
    return Fit(
        problem, best, ends, starts, covariance, moved, seen(problem, best.point, covariance)
    )


def seen(problem: Problem, point: Floats, covariance: Floats) -> tuple[Seen, ...]:
    """Return every row against what the fit predicts, held-out rows included."""
    eta, jacobian = problem.jacobian(point)
    error = problem.error_sd(point[None])[0]
    unknown = np.einsum("ri,ij,rj->r", jacobian, covariance, jacobian)
    sd = np.sqrt(unknown + np.square(error))
    found: list[Seen] = []
    for k, one in enumerate(problem.observations):
        told = one.told
        below, above = eta[k] - _Z90 * sd[k], eta[k] + _Z90 * sd[k]
        off = max(told.low - eta[k], eta[k] - told.high, 0.0)
        chance = None
        if not told.is_value:
            chance = math.exp(float(log_likelihood(eta[k], told.low, told.high, sd[k])))
        found.append(
            Seen(
                one, bool(problem.fitted[k]), math.exp(eta[k]), math.exp(below), math.exp(above),
                math.exp(min(off, 50.0)), bool(told.low <= above and told.high >= below), chance,
            )
        )  # fmt: skip
    return tuple(found)


def fold_error(rows: Sequence[Seen]) -> float:
    """Return the geometric mean fold error of values; ranges count by how far outside they lie."""
    return math.exp(math.fsum(math.log(one.fold) for one in rows) / len(rows))


def coverage(rows: Sequence[Seen]) -> float:
    """Return the share of rows inside their 90 % predictive interval."""
    return sum(one.inside for one in rows) / len(rows)


def profiles(found: Fit, *, count: int = 3) -> tuple[Profile, ...]:
    """Return profiles of the unknowns that the data narrowed most."""
    problem = found.problem
    ranked = sorted(range(len(found.moved)), key=lambda i: found.moved[i].ratio)
    chosen = [i for i in ranked if found.moved[i].verdict != "at its prior"][:count]
    return tuple(_profile(found, i, problem) for i in chosen)


def _profile(found: Fit, i: int, problem: Problem) -> Profile:
    held = np.zeros(problem.centre.size, np.bool_)
    held[i] = True
    sd = found.moved[i].sd
    at: list[float] = []
    fall: list[float] = []
    for steps in _PROFILE_AT:
        place = float(np.clip(found.moved[i].at + steps * sd, problem.low[i], problem.high[i]))
        # Others start where the normal law puts them, given this one.
        shift = found.covariance[:, i] / found.covariance[i, i] * (place - found.moved[i].at)
        start = np.clip(found.summit.point + shift, problem.low, problem.high)
        start[i] = place
        end = climb(
            problem.expand, problem.log_posterior, start, low=problem.low, high=problem.high,
            held=held, most=10, tolerance=0.02,
        )  # fmt: skip
        at.append(place)
        fall.append(end.expansion.value - found.summit.expansion.value)
    normal = tuple(-0.5 * ((x - found.moved[i].at) / sd) ** 2 for x in at)
    return Profile(found.moved[i].unknown.key, tuple(at), tuple(fall), normal)


@dataclass(frozen=True, slots=True, eq=False)
class FitCourse:
    """One organ of one study in time: the fit with the 90 % interval of what is not known."""

    study: str
    organ: str
    unit: str
    hours: Floats
    low: Floats
    middle: Floats
    high: Floats
    rows: tuple[Seen, ...]


def courses_of(found: Fit, catalog: Catalog, *, classes: int = 1) -> tuple[FitCourse, ...]:
    """Return the courses of every organ that a study measured, as its rows tell them."""
    of: dict[tuple[Experiment, str, str], list[Seen]] = {}
    for row in found.seen:
        one = row.observation
        if one.sees == "organ":
            of.setdefault((one.experiment, one.what, one.unit), []).append(row)
    if not of:
        return ()
    virtual: list[Observation] = []
    for rows in of.values():
        last = max(row.observation.hours for row in rows)
        grid = np.geomspace(min(1 / 30, last / 10), 1.5 * last, _COURSE)
        virtual += [replace(rows[0].observation, hours=round(float(h), 9)) for h in grid]
    planned = problem_of(virtual, catalog, classes=classes, workers=found.problem.workers)
    place = [found.problem.index[one.key] for one in planned.unknowns]
    eta, jacobian = planned.jacobian(found.summit.point[place])
    inner = found.covariance[np.ix_(place, place)]
    sd = np.sqrt(np.einsum("ri,ij,rj->r", jacobian, inner, jacobian))
    out: list[FitCourse] = []
    for k, ((experiment, organ, unit), rows) in enumerate(of.items()):
        at = slice(k * _COURSE, (k + 1) * _COURSE)
        hours = np.array([one.hours for one in virtual[at]])
        out.append(
            FitCourse(
                experiment.study, organ, unit, hours, np.exp(eta[at] - _Z90 * sd[at]),
                np.exp(eta[at]), np.exp(eta[at] + _Z90 * sd[at]), tuple(rows),
            )
        )  # fmt: skip
    return tuple(out)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A study predicted by the others."""

    study: str
    rows: tuple[Seen, ...]


def leave_one_out(found: Fit, *, tell: Callable[[str], None] | None = None) -> tuple[LeftOut, ...]:
    """Return each study of a fit predicted by the others, climbing on from the summit."""
    problem = found.problem
    names = [one.experiment.study for one in problem.observations]
    out: list[LeftOut] = []
    for study in dict.fromkeys(n for n, used in zip(names, problem.fitted, strict=True) if used):
        if tell is not None:
            tell(study)
        mask = problem.fitted & np.array([name != study for name in names])
        other = problem.fitting(mask)
        end = climb(
            other.expand, other.log_posterior, found.summit.point,
            low=other.low, high=other.high,
        )  # fmt: skip
        rows = seen(other, end.point, spread(end.expansion.information))
        held = tuple(row for row in rows if row.observation.experiment.study == study)
        out.append(LeftOut(study, held))
    return tuple(out)
