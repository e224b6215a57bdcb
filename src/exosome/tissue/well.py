"""A recipient cell at the floor of a column of medium: what is bound, inside and opened, and when.

Each vesicle diffuses, settles and fades in the column, meets a cell, binds, lets go or enters, is
sorted back out or on, and ends. All of it is linear while cells do not fill, so the transform of
the column and that of the cell multiply, and one inversion gives the answer at any time. Where
diffusion is fast this is the recipient in a stirred medium (`exosome.cell.recipient`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from exosome.numerics.column import flux_transforms
from exosome.numerics.inversion import euler_nodes, talbot_nodes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Amount = NDArray[np.float64]
    Waves = NDArray[np.complex128]

Held = TypeVar("Held")

_SEALED = 1e-100  # a grip so weak that nothing is caught
_NODES = 8  # of the inversion; 12 change entries by 0.5 % at most, by 0.01 % at the end
_FAST = 6.0  # half the Peclet number from which the last vesicles arrive with a delay
_TERMS = 6  # of the inversion for those: errors near 2e-4
_BLOCK = 2048  # draws, times and nodes at a time, so that arrays stay in the cache: fourfold faster


@dataclass(frozen=True, slots=True, eq=False)
class Medium:
    """A column of medium and how its vesicles meet cells; rates in the caller's unit of time.

    One entry for each draw along the last axis; all but ``share`` and ``loss`` have size classes
    along a first one, and answers are averaged over it with ``share``.

    Parameters
    ----------
    share : array
        Of the vesicles in each size class; adds up to 1.
    turnover : array
        Time in which diffusion crosses the column, L^2 / D.
    half : array
        Half the Peclet number, v L / 2 D.
    loss : array
        Rate of loss in the medium.
    encounter : array
        Permeability with which vesicles meet cells, times L / D; infinite if cells cover the floor.
    """

    share: Amount
    turnover: Amount
    half: Amount
    loss: Amount
    encounter: Amount


@dataclass(frozen=True, slots=True, eq=False)
class Well:
    """Cells under a column of medium, in the medium's unit of time.

    Parameters
    ----------
    medium : Medium
        The column.
    bind_specific, bind_nonspecific : array
        Permeability of binding with nothing let go, times L / D; shape (size, draw).
    unbind_specific, unbind_nonspecific, internalise, mature, recycle, lysosome, opening : array
        Rates of the cell, as in `exosome.cell.recipient.Recipient`.
    copy_loss : array
        Rate at which copies in the cytosol are lost, one by one.
    """

    medium: Medium
    bind_specific: Amount
    bind_nonspecific: Amount
    unbind_specific: Amount
    unbind_nonspecific: Amount
    internalise: Amount
    mature: Amount
    recycle: Amount
    lysosome: Amount
    opening: Amount
    copy_loss: Amount


@dataclass(frozen=True, slots=True, eq=False)
class _Passage:
    """Transforms of where one vesicle is that starts in the medium at time zero."""

    first_in: Waves
    bound: Waves
    late: Waves


def _passage(w: Well, s: Waves) -> _Passage:
    """Return the transforms of occupancy.

    Cells hold on to what binds with the memory ``g(s) = sum K (s + k) / (s + u + k)``, in series
    with the encounter. What is bound is the net flux over ``s + k``. What a cell gives back is at
    its surface: it is caught again there, or gets into the column at its floor.
    """
    m, k = w.medium, w.internalise
    gap = 1.0 / m.encounter
    grip = (s + k) * (
        w.bind_specific / (s + w.unbind_specific + k)
        + w.bind_nonspecific / (s + w.unbind_nonspecific + k)
    )
    hold = grip + _SEALED
    caught, again = flux_transforms(m.half, 1.0 / hold + gap, (s + m.loss) * m.turnover)
    away = 1.0 / (1.0 + hold * gap)
    again = 1.0 - away + away * again
    stays, waits = 1.0 / (s + k), 1.0 / (s + w.mature + w.recycle)
    caught = caught * (grip / hold)  # exactly nothing where nothing binds
    first = caught * (k * stays)
    early = first * waits / (1.0 - again * (k * stays) * (w.recycle * waits))
    return _Passage(
        first_in=first,
        bound=(caught + again * (w.recycle * early)) * stays,
        late=w.mature * early / (s + w.lysosome + w.opening),
    )


def touched_by(medium: Medium, times: Amount) -> Amount:
    """Return the share of the vesicles given that has touched a cell at least once.

    Shape (time, draw), as of all answers here.
    """

    def transform(m: Medium, s: Waves) -> Waves:
        return flux_transforms(m.half, 1.0 / m.encounter, (s + m.loss) * m.turnover)[0] / s

    return _mean(medium, _some_medium, transform, times, medium)


def entered_by(well: Well, times: Amount) -> tuple[Amount, Amount]:
    """Return the share that has been inside a cell, and entries per vesicle given.

    One that a cell gave back may enter again, so there are more entries.
    """

    def transform(w: Well, s: Waves) -> Waves:
        passed = _passage(w, s)
        return np.stack([passed.first_in / s, w.internalise * passed.bound / s])

    inside, entries = _mean(well, _some, transform, times, well.medium)
    return inside, entries


def bound_at(well: Well, times: Amount) -> Amount:
    """Return the share of the vesicles given that is bound to the surface of a cell."""
    return _mean(well, _some, lambda w, s: _passage(w, s).bound, times, well.medium)


def copies_at(well: Well, times: Amount) -> Amount:
    """Return the mean copies in the cytosol per copy given; without their loss, the share opened.

    The reference for what `exosome.delivery.dish` sums from few exponentials.
    """

    def transform(w: Well, s: Waves) -> Waves:
        return w.opening * _passage(w, s).late / (s + w.copy_loss)

    return _mean(well, _some, transform, times, well.medium)


def _mean(
    held: Held,
    some: Callable[[Held, NDArray[np.intp]], Held],
    transform: Callable[[Held, Waves], Waves],
    times: Amount,
    medium: Medium,
) -> Amount:
    """Return a function of time, averaged over sizes, from its transform; by blocks of draws.

    Arrays in a transform have the axes (node and time, size, draw).
    """
    fast = (medium.half > _FAST).any(axis=0)
    parts: list[tuple[NDArray[np.intp], Amount]] = []
    for settles in (False, True):
        weights, nodes = euler_nodes(_TERMS) if settles else talbot_nodes(_NODES)
        at = (nodes[:, None] / times).reshape(-1, 1, 1)
        width = max(_BLOCK // at.size, 1)
        every = np.flatnonzero(fast == settles)
        for start in range(0, every.size, width):
            here = every[start : start + width]
            each = np.einsum("c,...cd->...d", medium.share, transform(some(held, here), at))
            each = each.reshape(*each.shape[:-2], nodes.size, times.size, here.size)
            found = np.einsum("n,...ntd->...td", weights, each).real
            parts.append((here, found / times[:, None]))
    whole = np.empty((*parts[0][1].shape[:-1], fast.size))
    for here, found in parts:
        whole[..., here] = found
    return whole


def _some_medium(medium: Medium, here: NDArray[np.intp]) -> Medium:
    """Return the medium for some of the draws."""
    names = [field.name for field in fields(medium) if field.name != "share"]
    return replace(medium, **{name: getattr(medium, name)[..., here] for name in names})


def _some(well: Well, here: NDArray[np.intp]) -> Well:
    """Return the well for some of the draws."""
    names = [field.name for field in fields(well) if field.name != "medium"]
    part = {name: getattr(well, name)[..., here] for name in names}
    return replace(well, medium=_some_medium(well.medium, here), **part)
