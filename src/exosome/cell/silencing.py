"""A miRNA in the cytosol: its target sites fill, target mRNA and protein fall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.response import occupied_share
from exosome.core.errors import InputError
from exosome.numerics.relaxation import relax

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Amount = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a miRNA and the pool of sites that it shares the miRNA with.

    Each figure is a number, or an array of draws that broadcasts against cells without times.

    Parameters
    ----------
    sites, kd_copies : array
        Target sites of the miRNA in one cell, all mRNAs together, and its dissociation
        constant as copies in one cell.
    mrna_half_life_h, protein_half_life_h : array
        Of the target, untreated.
    decay_fold, translation_fold : array
        How many times faster the mRNA decays, and slower it is translated, with every site
        occupied; 1 is no effect.
    """

    sites: ArrayLike
    kd_copies: ArrayLike
    mrna_half_life_h: ArrayLike
    protein_half_life_h: ArrayLike
    decay_fold: ArrayLike
    translation_fold: ArrayLike

    def __post_init__(self) -> None:
        if np.any(np.asarray(self.sites) < 0.0) or np.any(np.asarray(self.kd_copies) <= 0.0):
            raise InputError(
                "a pool of fewer than no sites, or a dissociation constant of zero",
                where="miRNA target",
                remedy="give sites of zero or more and a constant above zero",
            )
        if np.any(np.asarray(self.decay_fold) < 1.0) or np.any(
            np.asarray(self.translation_fold) < 1.0
        ):
            raise InputError(
                "a miRNA that raises its target",
                where="miRNA target",
                remedy="give folds of repression of 1 or more",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Silenced:
    """Courses: share of sites occupied; mRNA and protein as shares of the untreated cell."""

    occupied: Amount
    mrna: Amount
    protein: Amount

    @property
    def repression(self) -> Amount:
        """Share of the target protein that is missing."""
        return 1.0 - self.protein


def silence(times_h: Amount, copies: ArrayLike, target: Target) -> Silenced:
    """Return what a course of functional miRNA copies does to one target.

    Measured as: protein of the target, as a share of the untreated cell. Sites fill at
    equilibrium (`response.occupied_share`; binding takes minutes, decay takes hours). With share
    ``theta`` occupied, mRNA ``m`` and protein ``p`` follow
    ``dm/dt = k_m (1 - (1 + (F - 1) theta) m)`` and
    ``dp/dt = k_p ((1 - (1 - 1/T) theta) m - p)``, with folds ``F`` of decay and ``T`` of
    translation. A constant share gives ``p = (1 - (1 - 1/T) theta) / (1 + (F - 1) theta)``.

    It stops holding for sites with several affinities, for targets that destroy the miRNA, where
    the cell answers by making more target, and where the delivered miRNA displaces others from
    Argonaute. The miRNA that the cell has by itself only adds sites already taken.

    Parameters
    ----------
    times_h : array, shape (times,)
    copies : array, shape (..., times)
        Functional copies in the cytosol.

    References
    ----------
    Baek et al. (2008), doi:10.1038/nature07242, abstract: repression is mostly modest, and for
    the more repressed targets decay of the mRNA is the major part.
    """
    held = np.asarray(copies, dtype=np.float64)

    def per_cell(one: ArrayLike) -> Amount:
        return np.asarray(one, dtype=np.float64)[..., None]

    theta = occupied_share(held, per_cell(target.sites), per_cell(target.kd_copies))
    mrna_loss = np.log(2.0) / per_cell(target.mrna_half_life_h)
    protein_loss = np.log(2.0) / per_cell(target.protein_half_life_h)
    faster = 1.0 + (per_cell(target.decay_fold) - 1.0) * theta
    mrna = relax(times_h, mrna_loss, mrna_loss * faster, 1.0)
    translated = 1.0 - (1.0 - 1.0 / per_cell(target.translation_fold)) * theta
    protein = relax(times_h, protein_loss * translated * mrna, protein_loss, 1.0)
    return Silenced(theta, mrna, protein)
