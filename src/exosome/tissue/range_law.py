"""How far a vesicle gets before it is taken up or lost: the closed form of near and far."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from exosome.numerics.brownian import Binding

    Floats = NDArray[np.float64]

_NO_FLOW = 1e-4  # drift over diffusion along the way: below, flow moves the share by less than this


@dataclass(frozen=True, slots=True, eq=False)
class RangeLaw:
    """Distances from a sender at which vesicles of one size are taken up, on average over cells.

    Tissue is taken as a uniform medium: cells hinder diffusion (Maxwell's ``1 / (1 + phi/2)``)
    and take up each vesicle at a rate ``n 4 pi R^2 k D/(D + k R) / (1 - phi)``. With loss at
    ``decay`` the steady profile of a point source is ``exp(-r/L) / (4 pi D r)``,
    ``L = sqrt(D / rate)``, so distances have the density ``r exp(-r/L) / L^2``. It stops holding
    within a cell or two of the sender, where cells are not a medium, and where the box or the run
    ends first. Scalars, or one entry for each draw.
    """

    diffusivity_um2_per_s: Floats
    uptake_per_s: Floats
    decay_per_s: Floats
    speed_um_per_s: Floats

    @property
    def length_um(self) -> Floats:
        """Decay length; infinite if nothing is taken up or lost."""
        rate = self.uptake_per_s + self.decay_per_s
        endless = np.full(np.broadcast(self.diffusivity_um2_per_s, rate).shape, np.inf)
        square = np.divide(self.diffusivity_um2_per_s, rate, out=endless, where=rate > 0.0)
        return np.sqrt(square)

    @property
    def taken_share(self) -> Floats:
        """Share of the vesicles that is taken up rather than lost."""
        rate = self.uptake_per_s + self.decay_per_s
        return np.divide(self.uptake_per_s, rate, out=np.zeros(rate.shape), where=rate > 0.0)

    def within(self, distance_um: ArrayLike) -> Floats:
        """Return the share of those taken up that got no further than a distance.

        With flow of speed ``v``, ``a = v / 2D`` and ``b = sqrt(a^2 + 1/L^2)`` the density is
        ``r exp(-b r) sinh(a r) / (a r) / L^2``.
        """
        distance = np.asarray(distance_um, np.float64)
        length = self.length_um
        # What does not move stays within any distance.
        x = np.divide(
            distance, length, out=np.full(np.broadcast(distance, length).shape, np.inf),
            where=length > 0.0,
        )  # fmt: skip
        x = np.minimum(x, 700.0)
        still = 1.0 - (1.0 + x) * np.exp(-x)
        d = np.where(self.diffusivity_um2_per_s > 0.0, self.diffusivity_um2_per_s, 1.0)
        a = self.speed_um_per_s / (2.0 * d)
        flows = (a * distance > _NO_FLOW) & (self.diffusivity_um2_per_s > 0.0) & np.isfinite(length)
        a = np.where(a > 0.0, a, 1.0)
        back = np.where(np.isfinite(length) & (length > 0.0), length, 1.0) ** -2.0
        fast = a + np.sqrt(a * a + back)
        slow = back / fast  # the difference, without its cancellation
        tail = np.exp(-slow * distance) / slow - np.exp(-fast * distance) / fast
        return np.where(flows, 1.0 - tail * back / (2.0 * a), still)


def range_law(
    *, diffusivity_um2_per_s: ArrayLike, cell_radius_um: ArrayLike, cell_fraction: ArrayLike,
    permeability_um_per_s: ArrayLike, decay_per_s: ArrayLike, speed_um_per_s: ArrayLike = 0.0,
) -> RangeLaw:  # fmt: skip
    """Return the law of vesicles of one size among equal cells."""
    d, radius, phi, permeability, decay, speed = (
        np.asarray(one, np.float64)
        for one in (
            diffusivity_um2_per_s, cell_radius_um, cell_fraction, permeability_um_per_s,
            decay_per_s, speed_um_per_s,
        )
    )  # fmt: skip
    reached = d + permeability * radius
    effective = np.divide(permeability * d, reached, out=np.zeros(reached.shape), where=d > 0.0)
    return RangeLaw(
        d / (1.0 + 0.5 * phi), 3.0 * phi * effective / (radius * (1.0 - phi)), decay, speed
    )


def among_types(laws: Sequence[RangeLaw], shares: Floats) -> RangeLaw:
    """Return the law among cells of several types, from those of each alone: rates add up.

    Parameters
    ----------
    shares : array, shape (type,)
        Share of the cells that each type has.
    """
    rates = [share * one.uptake_per_s for one, share in zip(laws, shares, strict=True)]
    return replace(laws[0], uptake_per_s=np.sum(rates, axis=0))


def decay_with(loss_per_s: float, binding: Binding | None) -> float:
    """Return the rate at which free vesicles are lost, those that are held meanwhile included.

    At rest, free vesicles bind at the rate ``b`` and come back unless they are lost while held:
    ``loss + b (1 - E[exp(-loss W)])`` with ``W`` the time held. For an exponential time with rate
    ``r`` this is ``loss (1 + b / (r + loss))``. Nothing else changes in the steady profile.
    """
    if binding is None or loss_per_s == 0.0:
        return loss_per_s
    return loss_per_s + binding.bind_per_s * _lost_while_held(loss_per_s, binding)


def _lost_while_held(loss: float, binding: Binding) -> float:
    r, a = binding.release_per_s, binding.exponent
    if math.isinf(a):
        return loss / (r + loss)
    # The integral over t of loss exp(-loss t) (1 + r t)^-a, in the logarithm of 1 + r t, in which
    # it is smooth: beyond 40 life times nothing is left.
    y = np.linspace(0.0, math.log1p(40.0 * r / loss), 4001)
    t = np.expm1(y) / r
    return float(np.trapezoid(loss / r * np.exp(-loss * t + (1.0 - a) * y), y))


def mixture_within(laws: Sequence[RangeLaw], shares: Floats, distance_um: Floats) -> Floats:
    """Return `RangeLaw.within` for vesicles of many sizes, each weighted by what is taken up."""
    weights = shares * np.array([float(one.taken_share) for one in laws])
    if not weights.sum():
        return np.zeros_like(distance_um)
    held = np.array([one.within(distance_um) for one in laws])
    return np.asarray(weights @ held / weights.sum())
