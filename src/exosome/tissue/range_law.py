"""How far a vesicle gets before it is taken up or lost: the closed form of near and far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exosome.numerics.brownian import Binding

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RangeLaw:
    """Distances from a sender at which vesicles of one size are taken up, on average over cells.

    Tissue is taken as a uniform medium: cells hinder diffusion (Maxwell's ``1 / (1 + phi/2)``)
    and take up each vesicle at a rate ``n 4 pi R^2 k D/(D + k R) / (1 - phi)``. With loss at
    ``decay`` the steady profile of a point source is ``exp(-r/L) / (4 pi D r)``,
    ``L = sqrt(D / rate)``, so distances have the density ``r exp(-r/L) / L^2``. It stops holding
    within a cell or two of the sender, where cells are not a medium, and where the box or the run
    ends first.
    """

    diffusivity_um2_per_s: float
    uptake_per_s: float
    decay_per_s: float
    speed_um_per_s: float = 0.0

    @property
    def length_um(self) -> float:
        """Decay length; infinite if nothing is taken up or lost."""
        rate = self.uptake_per_s + self.decay_per_s
        return math.sqrt(self.diffusivity_um2_per_s / rate) if rate > 0.0 else math.inf

    @property
    def taken_share(self) -> float:
        """Share of the vesicles that is taken up rather than lost."""
        rate = self.uptake_per_s + self.decay_per_s
        return self.uptake_per_s / rate if rate > 0.0 else 0.0

    def within(self, distance_um: Floats) -> Floats:
        """Return the share of those taken up that got no further than a distance.

        With flow of speed ``v``, ``a = v / 2D`` and ``b = sqrt(a^2 + 1/L^2)`` the density is
        ``r exp(-b r) sinh(a r) / (a r) / L^2``.
        """
        length = self.length_um
        if math.isinf(length):
            return np.zeros_like(distance_um)
        if self.speed_um_per_s == 0.0:
            x = distance_um / length
            return 1.0 - (1.0 + x) * np.exp(-x)
        a = self.speed_um_per_s / (2.0 * self.diffusivity_um2_per_s)
        b = math.sqrt(a * a + 1.0 / length**2)
        slow, fast = b - a, b + a
        tail = np.exp(-slow * distance_um) / slow - np.exp(-fast * distance_um) / fast
        return 1.0 - tail / (2.0 * a * length**2)


def range_law(
    *, diffusivity_um2_per_s: float, cell_radius_um: float, cell_fraction: float,
    permeability_um_per_s: Floats, shares: Floats, decay_per_s: float, speed_um_per_s: float = 0.0,
) -> RangeLaw:  # fmt: skip
    """Return the law of vesicles of one size among cells of one radius.

    Parameters
    ----------
    permeability_um_per_s, shares : array, shape (type,)
        Types of cells, and the share of the cells that each has: rates of uptake add up.
    """
    d, radius, phi = diffusivity_um2_per_s, cell_radius_um, cell_fraction
    k = permeability_um_per_s
    effective = float(shares @ (k * d / (d + k * radius))) if d > 0.0 else 0.0
    return RangeLaw(
        d / (1.0 + 0.5 * phi),
        3.0 * phi * effective / (radius * (1.0 - phi)),
        decay_per_s,
        speed_um_per_s,
    )


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
    weights = shares * np.array([one.taken_share for one in laws])
    if not weights.sum():
        return np.zeros_like(distance_um)
    held = np.array([one.within(distance_um) for one in laws])
    return np.asarray(weights @ held / weights.sum())
