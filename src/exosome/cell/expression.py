"""A delivered mRNA: the protein that a cell makes from it, and how long it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.relaxation import relax

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Amount = NDArray[np.float64]


def mrna_left(times_h: Amount, opened: ArrayLike, half_life_h: ArrayLike) -> Amount:
    """Return the mRNA copies in the cytosol when ``opened`` copies enter in each interval.

    First-order decay; the copies of an interval enter evenly over it. Means, not whole copies:
    for those, the recipient engine draws every loss.

    Parameters
    ----------
    times_h : array, shape (times,)
    opened : array, shape (..., times - 1)
    """
    entered = np.asarray(opened, dtype=np.float64)
    at = np.asarray(times_h, dtype=np.float64)
    loss = np.log(2.0) / np.asarray(half_life_h, dtype=np.float64)[..., None]
    found = np.zeros((*np.broadcast_shapes(entered.shape[:-1], loss.shape[:-1]), at.size))
    for i, step in enumerate(np.diff(at)):
        pair = np.array([0.0, step])
        source = entered[..., i : i + 1] / step
        found[..., i + 1] = relax(pair, source, loss, found[..., i])[..., 1]
    return found


def protein_made(
    times_h: Amount,
    mrna: ArrayLike,
    *,
    proteins_per_mrna_h: ArrayLike,
    protein_half_life_h: ArrayLike,
) -> Amount:
    """Return the protein copies in a cell from a course of mRNA copies in its cytosol.

    Measured as: copies of the protein in one cell. ``dP/dt = b m(t) - k P``, exact for a course
    in straight lines. One mRNA copy of half-life ``t_m`` makes ``b t_m / ln 2`` proteins in all.
    It stops holding where ribosomes run short, where innate sensing shuts translation off, and
    where the protein needs partners, cuts or export.

    Parameters
    ----------
    times_h : array, shape (times,)
    mrna : array, shape (..., times)
    proteins_per_mrna_h, protein_half_life_h : array
        Numbers, or draws that broadcast against cells without times.

    References
    ----------
    Leonhardt et al. (2014), abstract: onset, life and rate of expression after delivery of mRNA,
    cell by cell, follow such a two-step balance.
    """
    made = np.asarray(proteins_per_mrna_h, dtype=np.float64)[..., None]
    loss = np.log(2.0) / np.asarray(protein_half_life_h, dtype=np.float64)[..., None]
    return relax(times_h, made * np.asarray(mrna, dtype=np.float64), loss)
