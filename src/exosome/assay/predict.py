"""What a run of the body says of each observation: the logarithm that its row told.

Constants of kinetics come from the simulated course in blood over the window in which the study
sampled, by the definitions of `constants`; no published half-life is ever compared with a rate of
the model.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exosome.assay.table import Observation

    Floats = NDArray[np.float64]

_FLOOR = 1e-9  # percent of the dose: below it every amount is nothing
_ALPHA_FROM_H, _ALPHA_TO_H = 1.0 / 60.0, 1.0 / 6.0
_GRID = 40


def moments_of(observations: Sequence[Observation]) -> Floats:
    """Return the moments that a run must save, from 0: those of rows, and a grid for constants."""
    wanted = {0.0}
    for one in observations:
        wanted.add(one.hours)
        if one.sees == "constant":
            wanted |= {_ALPHA_FROM_H, _ALPHA_TO_H, one.hours / 2.0}
            wanted |= set(np.geomspace(1.0 / 240.0, one.hours, _GRID).tolist())
    rounded = np.round(np.array(sorted(wanted), dtype=np.float64), 9)
    return np.asarray(np.unique(rounded), dtype=np.float64)


def predicted(
    observations: Sequence[Observation],
    hours: Floats,
    signal: Mapping[str, Floats],
    volumes_ml: Mapping[str, float],
) -> Floats:
    """Return the logarithm of what each row is about, shape (patients, rows).

    Parameters
    ----------
    observations : sequence of Observation
        Rows of one experiment.
    hours : array
        Saved moments, those of `moments_of` among them.
    signal : mapping of organ to array of shape (patients, moments)
        What the detector reports, percent of the label given.
    volumes_ml : mapping of organ to float
        1 mL is taken for 1 g.
    """
    together = _seen_together(observations)
    patients = next(iter(signal.values())).shape[0]
    out = np.empty((patients, len(observations)))
    blood = signal["blood"] / volumes_ml["blood"]
    held: dict[float, dict[str, Floats]] = {}
    for k, one in enumerate(observations):
        if one.sees == "constant":
            if one.hours not in held:
                held[one.hours] = constants(hours, blood, one.hours)
            out[:, k] = held[one.hours][one.what]
            continue
        at = int(np.argmin(np.abs(hours - one.hours)))
        here = np.maximum(signal[one.what][:, at], _FLOOR)
        if one.sees == "order":
            here = here / np.maximum(signal[one.other][:, at], _FLOOR)
        elif one.sees == "share":
            others = [signal[organ][:, at] for organ in together[one.hours]]
            here = 100.0 * here / np.maximum(np.sum(others, axis=0), _FLOOR)
        elif one.per_gram:
            here = here / volumes_ml[one.what]
        out[:, k] = here
    return np.log(out)


def _seen_together(observations: Sequence[Observation]) -> dict[float, set[str]]:
    found: dict[float, set[str]] = {}
    for one in observations:
        if one.sees == "share":
            found.setdefault(one.hours, set()).add(one.what)
    return found


def constants(hours: Floats, level: Floats, window_h: float) -> dict[str, Floats]:
    """Return the constants of a course in blood, in the units of `table.CONSTANTS`.

    ``t1/2`` is when half of the level at the start is gone; ``alpha`` the halving time of the
    line between 1 and 10 min, ``beta`` of the line between the middle and the end of the
    window, which also carries the area beyond it. Areas are exact for straight lines in logarithms.

    Parameters
    ----------
    hours : array of shape (moments,)
    level : array of shape (patients, moments)
        Percent of the dose in a mL of blood.
    window_h : float
        Until when blood was sampled.
    """
    inside = hours <= window_h * (1.0 + 1e-9)
    t = hours[inside]
    c = np.maximum(level[:, inside], _FLOOR)
    log_c = np.log(c)
    last = _rate(t, log_c, window_h / 2.0, window_h)
    first = _rate(t, log_c, _ALPHA_FROM_H, min(_ALPHA_TO_H, window_h))
    area, moment = _areas(t, c, log_c)
    tail = c[:, -1] / last
    area_all = area + tail
    moment_all = moment + tail * (t[-1] + 1.0 / last)
    clearance = 100.0 / area_all
    stay = moment_all / area_all
    return {
        "t1/2": 60.0 * _halving(t, log_c, last),
        "t1/2_alpha": 60.0 * math.log(2.0) / first,
        "t1/2_beta": 60.0 * math.log(2.0) / last,
        "MRT_last": moment / area,
        "MRT_inf": stay,
        "CL": clearance,
        "Vss": clearance * stay,
        "Vd": clearance / last,
        "AUC": area_all,
    }


def _rate(t: Floats, log_c: Floats, from_h: float, to_h: float) -> Floats:
    """Return the rate of the line between two moments; a level that rises falls at 1e-6 per h."""
    a, b = (int(np.argmin(np.abs(t - x))) for x in (from_h, to_h))
    return np.maximum((log_c[:, a] - log_c[:, b]) / (t[b] - t[a]), 1e-6)


def _areas(t: Floats, c: Floats, log_c: Floats) -> tuple[Floats, Floats]:
    """Return area and first moment of lines in logarithms, exactly."""
    step = np.diff(t)
    rate = -np.diff(log_c, axis=1) / step
    steep = np.abs(rate * step) > 1e-4  # else the series is exact to rounding
    safe = np.where(steep, rate, 1.0)
    start, end, t0, t1 = c[:, :-1], c[:, 1:], t[:-1], t[1:]
    area = np.where(steep, (start - end) / safe, 0.5 * (start + end) * step)
    inner = (start * t0 - end * t1) / safe + (start - end) / np.square(safe)
    moment = np.where(steep, inner, 0.5 * (start * t0 + end * t1) * step)
    return area.sum(axis=1), moment.sum(axis=1)


def _halving(t: Floats, log_c: Floats, last: Floats) -> Floats:
    """Return when the level has halved; beyond the window by the last rate."""
    half = log_c[:, :1] - math.log(2.0)
    below = log_c <= half
    out = t[-1] + (log_c[:, -1] - half[:, 0]) / last
    for i in np.flatnonzero(below.any(axis=1)):
        k = int(np.argmax(below[i]))
        part = (log_c[i, k - 1] - half[i, 0]) / (log_c[i, k - 1] - log_c[i, k])
        out[i] = t[k - 1] + part * (t[k] - t[k - 1])
    return out
