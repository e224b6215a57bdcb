"""Receptors that a signal engages from outside: by vesicles bound to a cell, or by a solute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.response import engaged_per_vesicle

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Amount = NDArray[np.float64]


def engaged_by_vesicles(
    bound: ArrayLike,
    *,
    ligands: ArrayLike,
    receptors: ArrayLike,
    cell_surface_um2: ArrayLike,
    patch_nm2: ArrayLike,
) -> Amount:
    """Return the share of a cell's receptors that its bound vesicles engage.

    Measured as: share of receptors engaged. No uptake is needed. Each bound vesicle engages what
    its contact patch holds (`response.engaged_per_vesicle`); vesicles exclude each other, so
    patches do not overlap and their receptors add, up to all of them. It stops holding where
    receptors diffuse into the patch, the membrane wraps the vesicle, or receptors go inside.

    Parameters
    ----------
    bound : array
        Vesicles bound to one cell, any shape; times last.
    ligands, receptors, cell_surface_um2, patch_nm2 : array
        Broadcast against ``bound``.
    """
    number, most = (np.asarray(one, dtype=np.float64) for one in (bound, receptors))
    each = engaged_per_vesicle(
        *(np.asarray(one, dtype=np.float64) for one in (ligands, most, cell_surface_um2, patch_nm2))
    )
    return np.minimum(number * each / most, 1.0)


def engaged_by_solute(concentration_nm: ArrayLike, kd_nm: ArrayLike) -> Amount:
    """Return the share of receptors that a dissolved ligand occupies, ``c / (c + K)``.

    Measured as: share of receptors engaged. Binding at equilibrium, ligand in excess of
    receptors. It stops holding where receptors use the ligand up, and for ligands with two feet.
    """
    level = np.asarray(concentration_nm, dtype=np.float64)
    return level / (level + np.asarray(kd_nm, dtype=np.float64))
