"""Simpler predictions of the same rows: what a body model has to beat, and where it does not.

Each baseline returns the logarithm that a row is about, NaN where it has nothing to say. None sees
the rows that it predicts:

* means of nanoparticles: one level for each organ, whatever the particle and the time (a published
  analysis of mice);
* means of the data: the geometric mean of what the fitted studies told of an organ;
* two exponentials for each organ: uptake into it and loss from it, fitted to the fitted studies;
* two compartments: blood and one more space, fitted to constants of the fitted studies;
* liposome unchanged: our own network with the published uptake of a liposome, nothing fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy.optimize import least_squares  # pyright: ignore[reportUnknownVariableType]

from exosome.assay.predict import constants
from exosome.body.observe import volumes_ml
from exosome.body.physiology import body, constant
from exosome.delivery.pool import pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from exosome.assay.table import Observation
    from exosome.catalog.load import Catalog
    from exosome.study.fit import Seen
    from exosome.study.fit_problem import Problem

    Floats = NDArray[np.float64]

_PRIOR_SD, _ERROR_SD = 1.5, 0.3  # natural logarithms, as the designs of experiments take them
_NOTHING = 1e-6  # of a clearance that the published liposome model does not have


@dataclass(frozen=True, slots=True)
class Against:
    """A baseline beside ours on the rows that both predict: geometric mean fold errors."""

    baseline: str
    rows: int
    ours: float
    theirs: float

    @property
    def we_win(self) -> bool:
        """Whether ours is nearer."""
        return self.ours < self.theirs


def against(name: str, seen: Sequence[Seen], predicted: Floats) -> Against | None:
    """Return a baseline beside ours; None if it predicts none of the rows."""
    known = [k for k in range(len(seen)) if math.isfinite(float(predicted[k]))]
    if not known:
        return None
    ours = [math.log(seen[k].fold) for k in known]
    theirs = [_off(seen[k].observation, float(predicted[k])) for k in known]
    return Against(name, len(known), _geometric(ours), _geometric(theirs))


def nanoparticle_means(rows: Sequence[Observation], catalog: Catalog) -> Floats:
    """Return the mean level of nanoparticles in each organ, at any time."""
    known = {
        one.role.rpartition(".")[2]: math.log(pool(catalog, one.role, where="baseline").median)
        for one in catalog.values()
        if one.role.startswith("body_mean.")
    }
    return _by_organ(rows, lambda organ, _hours: known.get(organ, math.nan))


def means_of_data(train: Sequence[Observation], rows: Sequence[Observation]) -> Floats:
    """Return the geometric mean of what was told of an organ for each gram, at any time."""
    told = _told_per_gram(train)
    known = {organ: float(np.mean(values)) for organ, (_, values) in told.items()}
    return _by_organ(rows, lambda organ, _hours: known.get(organ, math.nan))


def two_exponentials(train: Sequence[Observation], rows: Sequence[Observation]) -> Floats:
    """Return ``a exp(-k t) + b exp(-m t)`` of each organ with four told values or more.

    Levels are not below zero, so a rise is not followed; organs with fewer values have none.
    """
    laws = {
        organ: _exponentials(hours, logs)
        for organ, (hours, logs) in _told_per_gram(train).items()
        if hours.size >= 4
    }
    return _by_organ(rows, lambda organ, hours: laws[organ](hours) if organ in laws else math.nan)


def two_compartments(train: Sequence[Observation], rows: Sequence[Observation]) -> Floats:
    """Return constants of blood from two compartments fitted to those of other studies.

    A bolus into blood that loses at one rate and exchanges with one more space; four numbers, each
    with a wide prior. Constants are read off its course by the same definitions as off ours.
    """
    fitted = [one for one in train if one.sees == "constant"]
    if not fitted:
        return np.full(len(rows), math.nan)
    blood = volumes_ml(body(fitted[0].experiment.species))["blood"]
    middle = np.log([1.0, 1.0, 1.0, blood])  # rates of 1 per h, and the blood

    def residuals(x: Floats) -> Floats:
        eta = _constants_of(x, fitted)
        low = np.array([one.told.low for one in fitted])
        high = np.array([one.told.high for one in fitted])
        off = np.where(eta < low, eta - low, np.where(eta > high, eta - high, 0.0))
        return np.concatenate([off / _ERROR_SD, (x - middle) / _PRIOR_SD])

    best = _least(residuals, middle)
    eta = _constants_of(best, [one for one in rows if one.sees == "constant"])
    out = np.full(len(rows), math.nan)
    out[[k for k, one in enumerate(rows) if one.sees == "constant"]] = eta
    return out


def liposome_unchanged(asked: Problem, rows: Sequence[int]) -> Floats:
    """Return predictions of some rows by our network with the uptake of a published liposome.

    Clearances of liver and spleen are those of an AmBisome-like liposome (Kagan 2013, as coded);
    those of gut and rest are spread over all endothelium. What that model lacks is left out:
    holding by the lung, marrow, blood cells. Every kind is taken as that liposome.
    """
    point = asked.centre.copy()
    for key, value in _published_liposome(asked).items():
        if key in asked.index:
            point[asked.index[key]] = math.log(value)
    return asked.predictions(point[None])[0][list(rows)]


def _published_liposome(asked: Problem) -> dict[str, float]:
    """Return numbers of the network by role."""
    held = body("mouse")
    weight = 24.0 / held.weight_g  # the liposome's mouse against ours
    ml = {
        organ: 1000.0 * constant("mouse", organ, "liposome_uptake_clearance")
        for organ in ("liver", "spleen", "gi_tract", "rest")
    }
    wall = sum(o.endosomal_ml for name, o in held.organs.items() if name != "liver") * weight
    found = {
        "body_clearance.liver_sinusoid": ml["liver"] / (held.organs["liver"].total_ml * weight),
        "body_clearance.red_pulp": ml["spleen"] / (held.organs["spleen"].total_ml * weight),
        "body_clearance.endothelium": (ml["gi_tract"] + ml["rest"]) / wall,
        **{
            f"body_clearance.{what}": _NOTHING
            for what in ("lung_held", "marrow", "blood_cells", "transcytosis")
        },
    }
    folds = (one.key for one in asked.unknowns if one.key.startswith("body_fold."))
    kinds = ("phagocyte", "scavenger", "hepatocyte", "other")
    return found | {key: 1.0 for key in folds if key.split(".")[1] in kinds}


def _off(one: Observation, eta: float) -> float:
    return min(max(one.told.low - eta, eta - one.told.high, 0.0), 50.0)


def _geometric(logs: Sequence[float]) -> float:
    return math.exp(math.fsum(logs) / len(logs))


def _volume(one: Observation, organ: str) -> float:
    return volumes_ml(body(one.experiment.species)).get(organ, math.nan)


def _by_organ(rows: Sequence[Observation], per_gram: Callable[[str, float], float]) -> Floats:
    """Return rows about organs from a law of the logarithm of percent for each gram."""
    out = np.full(len(rows), math.nan)
    for k, one in enumerate(rows):
        if one.sees == "organ":
            whole = 0.0 if one.per_gram else math.log(_volume(one, one.what))
            out[k] = per_gram(one.what, one.hours) + whole
        elif one.sees == "order":
            above, below = per_gram(one.what, one.hours), per_gram(one.other, one.hours)
            out[k] = above - below + math.log(_volume(one, one.what) / _volume(one, one.other))
    return out


def _told_per_gram(train: Sequence[Observation]) -> dict[str, tuple[Floats, Floats]]:
    """Return hours and logarithms of values told of each organ."""
    found: dict[str, list[tuple[float, float]]] = {}
    for one in train:
        if one.sees == "organ" and one.told.is_value:
            whole = 0.0 if one.per_gram else math.log(_volume(one, one.what))
            found.setdefault(one.what, []).append((one.hours, one.told.low - whole))
    return {
        organ: (np.array([h for h, _ in pairs]), np.array([x for _, x in pairs]))
        for organ, pairs in found.items()
    }


def _exponentials(hours: Floats, logs: Floats) -> Callable[[float], float]:
    """Return the law through some values of an organ: least squares of logarithms."""
    span = float(hours.max())
    start = np.array([logs.max(), math.log(4.0 / span), logs.min(), math.log(0.1 / span)])

    def law(x: Floats, at: Floats) -> Floats:
        a, k, b, m = x
        return np.logaddexp(a - np.exp(k) * at, b - np.exp(m) * at)

    def residuals(x: Floats) -> Floats:
        return np.concatenate([law(x, hours) - logs, 0.01 * (x - start)])

    best = _least(residuals, start)
    return lambda at: float(law(best, np.array([at]))[0])


def _least(residuals: Callable[[Floats], Floats], start: Floats) -> Floats:
    """Return the point of least squares; SciPy's function has no types."""
    found: Any = cast("Any", least_squares)(residuals, start)
    return np.asarray(found.x, dtype=np.float64)


def _constants_of(x: Floats, rows: Sequence[Observation]) -> Floats:
    """Return logarithms of constants of two compartments: loss, exchange both ways, volume."""
    loss, out, back, volume = np.exp(x)
    total, product = loss + out + back, loss * back
    root = math.sqrt(max(total**2 - 4.0 * product, 0.0))
    fast, slow = (total + root) / 2.0, 2.0 * product / (total + root)
    found = np.empty(len(rows))
    for k, one in enumerate(rows):
        grid = [0.0, 1 / 60, 1 / 6, one.hours / 2.0, *np.geomspace(1 / 240, one.hours, 200)]
        hours = np.unique(np.array(grid))
        first = (fast - back) * np.exp(-fast * hours) + (back - slow) * np.exp(-slow * hours)
        level = 100.0 / volume * first / max(fast - slow, 1e-12)
        found[k] = math.log(float(constants(hours, level[None], one.hours)[one.what][0]))
    return found
