"""First-order balances driven by a course: ``dx/dt = source(t) - rate(t) x``, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def relax(times: Floats, source: ArrayLike, rate: ArrayLike, start: ArrayLike = 0.0) -> Floats:
    """Return ``x`` at every time, for ``dx/dt = source(t) - rate(t) x``.

    Between two times the source runs in a straight line and the rate is the mean of its two
    ends; the step is exact for such courses, however long it is. So a constant drive gives the
    closed form to rounding, and a smooth one an error of second order in the step. Where a
    course jumps inside a step, the step is what limits.

    Parameters
    ----------
    times : array, shape (times,)
        Increasing; the first is that of ``start``.
    source, rate : array, broadcast to shape (..., times)
        Per unit of time; the rate is zero or more.
    start : array, broadcast to shape (...)
        ``x`` at the first time.

    Raises
    ------
    InputError
        Times that do not increase, a rate below zero, or a figure that is not finite.
    """
    at, drive, decay, first = checked(times, source, rate, start)
    found = np.empty(drive.shape)
    found[..., 0] = first
    for i, step in enumerate(np.diff(at)):
        k = 0.5 * (decay[..., i] + decay[..., i + 1])
        begin, rise = drive[..., i], drive[..., i + 1] - drive[..., i]
        kept, whole, ramp = weights(k * step)
        found[..., i + 1] = found[..., i] * kept + step * (begin * whole + rise * ramp)
    return found


def weights(z: Floats) -> tuple[Floats, Floats, Floats]:
    """Return ``exp(-z)``, ``(1 - exp(-z)) / z`` and ``(1 - (1 - exp(-z)) / z) / z``.

    They weigh the value, a constant source and a source that rises from 0 to 1 in one step of
    length ``z`` in mean lives. Near 0 the quotients lose their digits, so a series takes over.
    """
    z = np.asarray(z, dtype=np.float64)
    small = z < 1e-3
    safe = np.where(small, 1.0, z)
    whole = np.where(small, 1.0 - z / 2.0 + z**2 / 6.0 - z**3 / 24.0, -np.expm1(-safe) / safe)
    ramp = np.where(small, 0.5 - z / 6.0 + z**2 / 24.0 - z**3 / 120.0, (1.0 - whole) / safe)
    return np.exp(-z), whole, ramp


def checked(
    times: Floats, source: ArrayLike, rate: ArrayLike, start: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the four as arrays of one shape.

    Raises
    ------
    InputError
        As `relax` says.
    """
    at = np.asarray(times, dtype=np.float64)
    if at.ndim != 1 or at.size < 2 or not np.all(np.diff(at) > 0.0):
        raise InputError(
            "times must increase, and there must be two or more",
            where="course",
            remedy="give for example 0, 1, 2 h",
        )
    drive, decay = (np.asarray(one, dtype=np.float64) for one in (source, rate))
    first = np.asarray(start, dtype=np.float64)
    shape = np.broadcast_shapes(drive.shape, decay.shape, (*first.shape, 1), at.shape)
    for name, one in (("source", drive), ("rate", decay), ("start", first)):
        if not np.all(np.isfinite(one)):
            raise InputError(
                f"the {name} is not finite",
                where="course",
                remedy="give finite numbers at every time",
            )
    if np.any(decay < 0.0):
        raise InputError(
            "a rate of loss is negative", where="course", remedy="give rates of zero or more"
        )
    return (
        at,
        np.broadcast_to(drive, shape),
        np.broadcast_to(decay, shape),
        np.broadcast_to(first, shape[:-1]),
    )
