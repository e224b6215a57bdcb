"""The chance that a cell's vesicles let out enough copies: the law behind the sampler."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.loading import Independent, Packets
from exosome.cell.recipient import opened_share
from exosome.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.cell.loading import Cargo, Loading
    from exosome.cell.recipient import Recipient

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Complexes = NDArray[np.complex128]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


def chance_of_opening(cell: Recipient, uptake: Floats, hours: int, until: int) -> Floats:
    """Return the chance that a vesicle is open by ``until``, for each cell and hour of arrival.

    A vesicle arrives at a uniform moment of its hour; the mean over it is taken by four Gauss
    points of the closed form. Shape (cells, hours).

    Parameters
    ----------
    uptake : array, shape (cells,)
        How much each cell binds, relative to the mean cell.
    """
    each = replace(
        cell,
        bind_specific=cell.bind_specific * uptake,
        bind_nonspecific=cell.bind_nonspecific * uptake,
    )
    found = np.zeros((uptake.size, hours))
    for hour in range(hours):
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            left = until - hour - 0.5 * (1.0 + node)
            if left > 0.0:
                found[:, hour] += 0.5 * weight * opened_share(each, left)
    return np.clip(found, 0.0, 1.0)


def generating(loading: Loading, functional: float, z: Complexes) -> Complexes:
    """Return ``E z^J`` of the functional copies ``J`` in one vesicle.

    Each copy acts by itself with chance ``functional``, so ``z`` becomes ``1 - f + f z``: to the
    power of the packet, or in the exponent of a Poisson number.

    Raises
    ------
    InputError
        The loading has no such law here.
    """
    acting = 1.0 - functional + functional * z
    if isinstance(loading, Packets):
        return 1.0 - loading.share + loading.share * acting**loading.copies
    if isinstance(loading, Independent):
        means = loading.means
        if means.size > 512:  # of many drawn means, as many quantiles tell the same
            means = np.asarray(np.quantile(means, (np.arange(512) + 0.5) / 512))
        return np.asarray(np.exp(np.multiply.outer(acting - 1.0, means)).mean(axis=-1))
    raise InputError(
        "copies that were counted have no law",
        where="chance of enough copies",
        remedy="give packets or independent copies",
    )


def chance_of_copies(arriving: Ints, opening: Floats, cargo: Cargo, needed: int) -> Floats:
    """Return the chance that at least ``needed`` functional copies are let out, for each cell.

    Given how many vesicles came in each hour, they are independent: the generating function of
    the copies is ``product over hours of (1 - o + o G(z))^n``, with the chance ``o`` of being open
    and the law ``G`` of one vesicle. Its first coefficients follow from its values on a circle of
    radius ``r < 1`` with ``M`` nodes: what wraps around is damped by ``r^M = 1e-12``, and rounding
    grows by ``r^-needed``, a thousand at most. Loss of copies after they were let out does not
    enter.

    Parameters
    ----------
    arriving : array of int, shape (cells, hours)
    opening : array, shape (cells, hours)
    """
    if needed < 1:
        return np.ones_like(opening[:, 0])
    size = 1 << int(np.ceil(np.log2(max(4 * needed, 64))))
    radius = 10.0 ** (-12.0 / size)
    z = radius * np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    law = generating(cargo.loading, cargo.functional, z) - 1.0
    whole = np.ones((arriving.shape[0], z.size), dtype=np.complex128)
    for hour in range(arriving.shape[1]):
        count = arriving[:, hour]
        if count.any():
            whole *= (1.0 + opening[:, hour, None] * law) ** count[:, None]
    # Values at conjugate nodes are conjugate, so half of the circle is enough.
    terms: Floats = np.asarray(np.fft.irfft(whole, n=size, axis=1), dtype=np.float64)
    grown = np.exp(-np.log(radius) * np.arange(needed))
    fewer: Floats = np.asarray(terms[:, :needed] @ grown)
    return np.clip(1.0 - fewer, 0.0, 1.0)
