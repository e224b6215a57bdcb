"""Growth factors that vesicles give off outside cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.response import concentration_nm
from exosome.core.errors import BalanceError, InputError
from exosome.numerics.relaxation import relax

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Amount = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shed:
    """Molecules of a factor, courses of shape (..., times); they add up to what was given.

    Parameters
    ----------
    held : array
        Still on or in vesicles of the medium.
    free : array
        Dissolved.
    carried : array
        Taken away by vesicles that left the medium, summed since the start.
    lost : array
        Dissolved and then degraded or consumed, summed since the start.
    """

    held: Amount
    free: Amount
    carried: Amount
    lost: Amount

    def level_nm(self, volume_ml: ArrayLike) -> Amount:
        """Return the dissolved concentration in a volume."""
        return concentration_nm(self.free, np.asarray(volume_ml, dtype=np.float64))


def shed(
    times_h: Amount,
    given: ArrayLike,
    *,
    release_per_h: float,
    vesicle_loss_per_h: float,
    free_loss_per_h: float,
) -> Shed:
    """Return where the factor is when ``given`` molecules arrive on vesicles in each interval.

    Measured as: dissolved concentration, to be held against the Kd
    (`occupancy.engaged_by_solute`). Each molecule leaves its vesicle at ``release_per_h``,
    or goes with the vesicle out of the medium at ``vesicle_loss_per_h``; dissolved, it is lost at
    ``free_loss_per_h``. Arrivals of an interval come evenly over it. What left the vesicles in
    an interval is spread evenly over it too, so nothing is lost or made by the step. It
    stops holding where the factor binds back to vesicles or to matrix (heparan sulphate).

    Parameters
    ----------
    times_h : array, shape (times,)
    given : array, shape (..., times - 1)
        Molecules.

    Raises
    ------
    InputError
        A negative rate or amount.
    BalanceError
        Molecules were lost or made: a defect of the program.
    """
    arrived = np.asarray(given, dtype=np.float64)
    at = np.asarray(times_h, dtype=np.float64)
    if min(release_per_h, vesicle_loss_per_h, free_loss_per_h) < 0.0 or np.any(arrived < 0.0):
        raise InputError(
            "a rate or an amount is negative", where="shedding", remedy="give zero or more"
        )
    leaves = release_per_h + vesicle_loss_per_h
    to_free = release_per_h / leaves if leaves > 0.0 else 0.0
    held, free, carried, lost = (np.zeros((*arrived.shape[:-1], at.size)) for _ in range(4))
    for i, step in enumerate(np.diff(at)):
        pair, now = np.array([0.0, step]), arrived[..., i]
        after = relax(pair, (now / step)[..., None], leaves, held[..., i])[..., 1]
        out = held[..., i] + now - after
        dissolved = out * to_free
        still = relax(pair, (dissolved / step)[..., None], free_loss_per_h, free[..., i])[..., 1]
        held[..., i + 1], free[..., i + 1] = after, still
        carried[..., i + 1] = carried[..., i] + out - dissolved
        lost[..., i + 1] = lost[..., i] + free[..., i] + dissolved - still
    found = Shed(held, free, carried, lost)
    total = np.concatenate([np.zeros((*arrived.shape[:-1], 1)), arrived.cumsum(axis=-1)], axis=-1)
    gap = np.abs(held + free + carried + lost - total)
    if np.any(gap > 1e-9 * np.maximum(total, 1.0)):
        raise BalanceError(
            f"{float(gap.max()):.3g} molecules of a factor lost or made",
            where="shedding",
            remedy="this is a defect of the program: report it with the command and the seed",
        )
    return found
