"""An enzyme on or in vesicles: the level of its product in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.response import turnover_um_per_h
from exosome.numerics.relaxation import relax

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Amount = NDArray[np.float64]


def product_level(
    times_h: Amount,
    vesicles: ArrayLike,
    *,
    enzymes_per_vesicle: ArrayLike,
    kcat_per_s: ArrayLike,
    substrate_um: ArrayLike,
    km_um: ArrayLike,
    volume_ml: ArrayLike,
    loss_per_h: ArrayLike,
) -> Amount:
    """Return the product above its background, in µM, from a course of vesicles in a volume.

    Measured as: product concentration. ``dP/dt = n_V n_E kcat S / (Km + S) / volume - k P``
    (`response.turnover_um_per_h`), which settles at production over loss; the background obeys
    the same balance without vesicles and only adds. It stops holding where the substrate runs
    out, the product inhibits, or diffusion to a crowded vesicle limits.

    Parameters
    ----------
    times_h : array, shape (times,)
    vesicles : array, shape (..., times)
        Vesicles with active enzyme in the volume; for an enzyme of the lumen, opened ones.
    """

    def per_cell(one: ArrayLike) -> Amount:
        return np.asarray(one, dtype=np.float64)[..., None]

    made = turnover_um_per_h(
        np.asarray(vesicles, dtype=np.float64) * per_cell(enzymes_per_vesicle),
        per_cell(kcat_per_s),
        per_cell(substrate_um),
        per_cell(km_um),
        per_cell(volume_ml),
    )
    return relax(times_h, made, per_cell(loss_per_h))
