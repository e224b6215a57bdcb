"""The responses in plain Python, one cell at a time, by small Runge-Kutta steps: the twin."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Slope = Callable[[float, list[float]], list[float]]


def integrate(
    slope: Slope, start: Sequence[float], times: Sequence[float], parts: int = 200
) -> list[list[float]]:
    """Return the states at all times of ``dy/dt = slope(t, y)``, by the classic fourth order."""
    found = [list(start)]
    for begin, end in pairwise(times):
        step, state = (end - begin) / parts, list(found[-1])
        for part in range(parts):
            t = begin + part * step

            def moved(by: Sequence[float], far: float, held: list[float] = state) -> list[float]:
                return [a + far * b for a, b in zip(held, by, strict=True)]

            a = slope(t, state)
            b = slope(t + step / 2, moved(a, step / 2))
            c = slope(t + step / 2, moved(b, step / 2))
            d = slope(t + step, moved(c, step))
            state = [
                y + step / 6 * (p + 2 * q + 2 * r + s)
                for y, p, q, r, s in zip(state, a, b, c, d, strict=True)
            ]
        found.append(state)
    return found


def between(times: Sequence[float], course: Sequence[float]) -> Callable[[float], float]:
    """Return a course as a function of time, in straight lines."""

    def at(t: float) -> float:
        i = next((j for j in range(1, len(times) - 1) if t < times[j]), len(times) - 1)
        share = (t - times[i - 1]) / (times[i] - times[i - 1])
        return course[i - 1] + share * (course[i] - course[i - 1])

    return at


def occupied_plainly(copies: float, sites: float, kd: float) -> float:
    """Return the share of sites taken: ``bound K = (T - bound)(M - bound)``, by halving."""
    low, high = 0.0, min(copies, sites)
    for _ in range(200):
        bound = (low + high) / 2
        if bound * kd < (sites - bound) * (copies - bound):
            low = bound
        else:
            high = bound
    return low / sites


def silence_plainly(
    times: Sequence[float],
    copies: Sequence[float],
    *,
    sites: float,
    kd_copies: float,
    mrna_half_life_h: float,
    protein_half_life_h: float,
    decay_fold: float,
    translation_fold: float,
) -> list[list[float]]:
    """Return mRNA and protein of a miRNA's target, as shares of the untreated cell."""
    held = between(times, copies)
    km, kp = math.log(2) / mrna_half_life_h, math.log(2) / protein_half_life_h

    def slope(t: float, y: list[float]) -> list[float]:
        theta = occupied_plainly(held(t), sites, kd_copies)
        loss = km * (1 + (decay_fold - 1) * theta)
        made = kp * (1 - (1 - 1 / translation_fold) * theta) * y[0]
        return [km - loss * y[0], made - kp * y[1]]

    return integrate(slope, [1.0, 1.0], times)


def express_plainly(
    times: Sequence[float], start: float, *, mrna_loss: float, made: float, loss: float
) -> list[list[float]]:
    """Return mRNA and protein after ``start`` copies of mRNA at the first time; rates per hour."""
    return integrate(
        lambda _, y: [-mrna_loss * y[0], made * y[0] - loss * y[1]], [start, 0.0], times
    )


def flip_plainly(
    times: Sequence[float],
    signal: Sequence[float],
    *,
    feedback: float,
    hill: float,
    leak: float,
    half_life_h: float,
    start: float,
) -> list[float]:
    """Return the cell's own factor under a course of delivered factor."""
    u, k = between(times, signal), math.log(2) / half_life_h

    def slope(t: float, y: list[float]) -> list[float]:
        power = (y[0] + u(t)) ** hill
        return [k * (leak + feedback * power / (1 + power) - y[0])]

    return [one[0] for one in integrate(slope, [start], times)]


def shed_plainly(
    times: Sequence[float],
    arrive_per_h: float,
    *,
    release_per_h: float,
    vesicle_loss_per_h: float,
    free_loss_per_h: float,
) -> list[list[float]]:
    """Return molecules held, free, carried away and lost, for steady arrivals."""

    def slope(_: float, y: list[float]) -> list[float]:
        return [
            arrive_per_h - (release_per_h + vesicle_loss_per_h) * y[0],
            release_per_h * y[0] - free_loss_per_h * y[1],
            vesicle_loss_per_h * y[0],
            free_loss_per_h * y[1],
        ]

    return integrate(slope, [0.0, 0.0, 0.0, 0.0], times)
