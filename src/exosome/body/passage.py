"""Through a vessel wall: how much of a solute or particle of one size follows the fluid.

Pores, slits and fenestrae are distributions of radii. A particle is held back by steric exclusion
and friction in each pore (hindrance), so passage falls with size but never ends at a cut-off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Mid-points of 201 equal shares of a normal law: enough that the answer moves by less than 1e-4
# of the largest passage when doubled.
_SHARES, _FEW = 201, 41
_BLOCK = 1024  # draws at a time, so that their points stay in the cache


@dataclass(frozen=True, slots=True)
class Pores:
    """Openings whose radius is log-normal: median in nm and geometric standard deviation.

    The law is weighted by what passes (flow through pores, area of fenestrae), so that
    its median is the radius that fits of flow find.
    """

    radius_nm: float
    gsd: float

    def __post_init__(self) -> None:
        if not self.radius_nm > 0.0 or not self.gsd >= 1.0:
            raise InputError(
                f"openings of radius {self.radius_nm:g} nm and spread {self.gsd:g}",
                where="pores",
                remedy="give a radius above zero and a geometric standard deviation from 1",
            )

    def radii_nm(self) -> NDArray[np.float64]:
        """Return radii that stand for equal shares of the law."""
        return self.radius_nm * np.exp(scores() * math.log(self.gsd))


@cache
def scores(shares: int = _SHARES) -> NDArray[np.float64]:
    """Return normal scores of equal shares."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((k + 0.5) / shares) for k in range(shares)])


def hindrance(
    solute_nm: NDArray[np.float64] | float, pore_nm: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Return the share of a hard sphere that follows the fluid through cylindrical pores.

    ``W = P (2 - P) (1 - 2/3 a^2 - 0.163 a^3)`` with ``a`` the ratio of the radii and
    ``P = (1 - a)^2`` the room that its centre has; zero where it does not fit. One minus it is the
    reflection coefficient. It stops holding for soft particles, which squeeze, and for charge.
    """
    ratio = solute_nm / np.asarray(pore_nm, dtype=np.float64)
    room = np.where(ratio < 1.0, (1.0 - np.minimum(ratio, 1.0)) ** 2, 0.0)
    friction = np.maximum(1.0 - 2.0 / 3.0 * ratio**2 - 0.163 * ratio**3, 0.0)
    return room * (2.0 - room) * friction


def diffusive_hindrance(
    solute_nm: NDArray[np.float64] | float, pore_nm: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Return diffusion through a cylindrical pore over that in free fluid, for a hard sphere.

    Renkin's ``(1 - a)^2 (1 - 2.104 a + 2.09 a^3 - 0.95 a^5)`` with ``a`` the ratio of the radii; it
    is an expansion about small ``a`` and is cut at zero where the sphere does not fit.
    """
    ratio = np.minimum(solute_nm / np.asarray(pore_nm, dtype=np.float64), 1.0)
    drag = 1.0 - 2.104 * ratio + 2.09 * ratio**3 - 0.95 * ratio**5
    return (1.0 - ratio) ** 2 * np.maximum(drag, 0.0)


@lru_cache(maxsize=4096)
def diffusing(solute_nm: float, pores: Pores) -> float:
    """Return diffusion of a solute of this radius through openings over that in free fluid."""
    return float(diffusive_hindrance(solute_nm, pores.radii_nm()).mean())


@lru_cache(maxsize=4096)
def passing(solute_nm: float, pores: Pores) -> float:
    """Return the share of a solute of this radius that follows the fluid through openings."""
    return float(hindrance(solute_nm, pores.radii_nm()).mean())


def passing_all(
    solute_nm: NDArray[np.float64], radius_nm: NDArray[np.float64], gsd: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return `passing` for arrays of draws that broadcast, one entry for each.

    Fewer points stand for the law than in `passing`: the two differ by at most 2e-3 of the largest.
    """
    every = np.broadcast_arrays(solute_nm, radius_nm, gsd)
    solute, median, spread = (one.ravel() for one in every)
    found = np.empty(solute.size)
    for start in range(0, found.size, _BLOCK):
        here = slice(start, start + _BLOCK)
        radii = median[here, None] * np.exp(scores(_FEW) * np.log(spread[here, None]))
        found[here] = hindrance(solute[here, None], radii).mean(axis=-1)
    return found.reshape(every[0].shape)


@dataclass(frozen=True, slots=True)
class Wall:
    """The wall of an organ's capillaries: small and large pores and the large ones' share of flow.

    ``published`` is ``1 - reflection coefficient`` of the reference protein, and ``large_share`` is
    set so that it comes out: the wall is anchored at one size and predicts the others.
    """

    small: Pores
    large: Pores
    large_share: float

    def passing(self, solute_nm: float) -> float:
        """Return the share of a solute that lymph flow carries across, one minus reflection."""
        through_small = passing(solute_nm, self.small)
        through_large = passing(solute_nm, self.large)
        return through_small + self.large_share * (through_large - through_small)


def anchored_wall(
    small: Pores, large: Pores, *, solute_nm: float, published: float, where: str
) -> Wall:
    """Return the wall that passes ``published`` of a solute of one radius.

    Raises
    ------
    InputError
        These pores cannot pass that much, or pass more whatever their shares.
    """
    low, high = passing(solute_nm, small), passing(solute_nm, large)
    share = (published - low) / (high - low) if high > low else math.inf
    if not -1e-12 <= share <= 1.0:
        raise InputError(
            f"pores of {small.radius_nm:g} and {large.radius_nm:g} nm pass {low:.3g} to {high:.3g} "
            f"of a solute of {solute_nm:g} nm, not {published:.3g}",
            where=where,
            remedy="mend the radii, their spread or the reflection coefficient",
        )
    return Wall(small, large, max(share, 0.0))
