"""Two plain twins of the column: finite volumes, and walkers.

Both solve the problem of :mod:`exosome.numerics.column` from its definition and know nothing of
its series. They are what that series is tested against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


_solve_banded = cast("Any", linalg).solve_banded  # SciPy ships no types


@dataclass(frozen=True, slots=True)
class Slab:
    """One column with plain numbers, as in :class:`exosome.numerics.column.Column`."""

    height_um: float
    diffusivity_um2_per_s: float
    settling_um_per_s: float
    permeability_um_per_s: float
    loss_per_s: float


@dataclass(frozen=True, slots=True)
class Volumes:
    """Shares at the end, and the profile: share per um at the middle of each volume."""

    taken: float
    lost: float
    inside: float
    middle_um: Floats
    density_per_um: Floats


def by_volumes(slab: Slab, time_s: float, *, volumes: int, steps: int) -> Volumes:
    """Return the column at ``time_s`` by finite volumes.

    Fluxes are exponentially fitted (exact for a steady flux between two middles), so any settling
    speed is stable; time is Crank-Nicolson after four half steps of implicit Euler, which damp the
    jump at an absorbing floor. Second order in both. Volumes are narrow at the floor: their edges
    are at L x (x = (i / n)^2), so the error falls as 1 / n^2.
    """
    edges = slab.height_um * (np.arange(volumes + 1) / volumes) ** 2
    width, middle = np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    gap = np.diff(middle)
    d, v, k = slab.diffusivity_um2_per_s, slab.settling_um_per_s, slab.permeability_um_per_s
    theta = v * gap / d
    # Downward flux between i and i + 1: (D / gap) (B(-theta) c[i + 1] - B(theta) c[i]).
    down, up = d / gap * _bernoulli(-theta), d / gap * _bernoulli(theta)
    first = middle[0] * v / d
    resistance = middle[0] / d * (-np.expm1(-first) / first if first > 0.0 else 1.0)
    floor = 0.0 if k == 0.0 else 1.0 / (np.exp(-first) / k + resistance)
    main = -_outflow(up, down, floor, volumes) / width - slab.loss_per_s
    above, below = down / width[:-1], up / width[1:]
    share = np.full(volumes, 1.0 / slab.height_um)
    taken = lost = 0.0
    step = time_s / steps
    schedule = [(0.5 * step, 1.0)] * 4 + [(step, 0.5)] * (steps - 2)
    for dt, weight in schedule:
        right = share.copy()
        if weight < 1.0:
            right += dt * (1.0 - weight) * _apply(main, above, below, share)
        banded = np.zeros((3, volumes))
        banded[0, 1:] = -dt * weight * above
        banded[1] = 1.0 - dt * weight * main
        banded[2, :-1] = -dt * weight * below
        new: Floats = _solve_banded((1, 1), banded, right)
        between = weight * new + (1.0 - weight) * share
        taken += dt * floor * float(between[0])
        lost += dt * slab.loss_per_s * float(between @ width)
        share = new
    return Volumes(taken, lost, float(share @ width), middle, share)


def _outflow(up: Floats, down: Floats, floor: float, volumes: int) -> Floats:
    out = np.zeros(volumes)
    out[:-1] += up
    out[1:] += down
    out[0] += floor
    return out


def _apply(main: Floats, above: Floats, below: Floats, share: Floats) -> Floats:
    result = main * share
    result[:-1] += above * share[1:]
    result[1:] += below * share[:-1]
    return result


def _bernoulli(x: Floats) -> Floats:
    small = np.abs(x) < 1e-8
    safe = np.where(small, 1.0, x)
    return np.where(small, 1.0 - 0.5 * x, safe / np.expm1(safe))


@dataclass(frozen=True, slots=True)
class Walkers:
    """Shares of walkers that the floor took, that were lost, that ever touched the floor."""

    taken: float
    lost: float
    touched: float


def by_walkers(
    slab: Slab, time_s: float, *, walkers: int, steps: int, rng: np.random.Generator
) -> Walkers:
    """Return the column at ``time_s`` from single walkers.

    A reflected walk is the free walk pushed up by as much as its running minimum lies below the
    floor. That push is the local time there, and a floor of permeability K takes a walker with
    probability 1 - exp(-K push / D). The minimum of a free step given its ends is drawn exactly and
    does not depend on the drift, so the floor is exact for any step. The top is treated the same
    way, after the floor: the error is of the order of exp(-L^2 / 4 D dt), nothing at
    the steps used.
    """
    d, v, top = slab.diffusivity_um2_per_s, slab.settling_um_per_s, slab.height_um
    dt = time_s / steps
    place = top * rng.random(walkers)
    alive, touched = np.ones(walkers, bool), np.zeros(walkers, bool)
    taken, lost = np.zeros(walkers, bool), np.zeros(walkers, bool)
    for _ in range(steps):
        free = place - v * dt + np.sqrt(2.0 * d * dt) * rng.standard_normal(walkers)
        reach = np.sqrt((free - place) ** 2 - 4.0 * d * dt * np.log1p(-rng.random(walkers)))
        push = np.maximum(-0.5 * (place + free - reach), 0.0)
        touched |= alive & (push > 0.0)
        if np.isinf(slab.permeability_um_per_s):
            caught = push > 0.0
        else:
            caught = rng.random(walkers) < -np.expm1(-slab.permeability_um_per_s * push / d)
        # The highest point of the step, by the same law upside down.
        above = np.sqrt((free - place) ** 2 - 4.0 * d * dt * np.log1p(-rng.random(walkers)))
        excess = np.maximum(0.5 * (place + free + above) - top, 0.0)
        place = free + push - excess
        fades = rng.random(walkers) < -np.expm1(-slab.loss_per_s * dt)
        # Where both fall into one step a fair coin says which came first: second order in dt.
        first = rng.random(walkers) < 0.5
        taken |= alive & caught & (~fades | first)
        lost |= alive & fades & (~caught | ~first)
        alive &= ~(caught | fades)
    return Walkers(float(taken.mean()), float(lost.mean()), float(touched.mean()))
