"""How much a vesicle can carry, and how often it carries anything at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Amount = NDArray[np.float64]


def fraction_carrying(mean_copies: float) -> float:
    """Return the fraction of vesicles with at least one copy, if loading is independent.

    Independent loading gives Poisson copy numbers, so the empty share is
    ``exp(-mean_copies)``. At 0.01 copies per vesicle 99 % are empty: the mean is
    then a poor picture of any one vesicle.

    >>> round(fraction_carrying(0.01), 5)
    0.00995
    """
    return -math.expm1(-mean_copies)


def mean_membrane_area_nm2(median_nm: Amount, gsd: Amount, bilayer_nm: Amount) -> Amount:
    """Return the mean area of both leaflets of one vesicle, in nm².

    Spheres with a log-normal diameter: ``E[d]`` and ``E[d²]`` are
    ``median * exp(s²/2)`` and ``median² * exp(2 s²)``, with ``s = ln(gsd)``. The
    inner leaflet has the diameter less two bilayers, so the law stops holding
    near diameters of two bilayers (10 nm), far below any small vesicle.
    """
    s2 = np.log(gsd) ** 2
    mean_d = median_nm * np.exp(s2 / 2.0)
    mean_d2 = median_nm**2 * np.exp(2.0 * s2)
    inner = mean_d2 - 4.0 * bilayer_nm * mean_d + 4.0 * bilayer_nm**2
    return np.pi * (mean_d2 + inner)


def mean_lumen_volume_nm3(median_nm: Amount, gsd: Amount, bilayer_nm: Amount) -> Amount:
    """Return the mean lumen volume of one vesicle, in nm³, for a log-normal diameter.

    A 100 nm vesicle with a 5 nm bilayer has a lumen of a 90 nm sphere:

    >>> one = np.ones(1)
    >>> print(f"{mean_lumen_volume_nm3(100 * one, one, 5 * one)[0]:.3g}")
    3.82e+05
    """
    s2 = np.log(gsd) ** 2
    m1 = median_nm * np.exp(s2 / 2.0)
    m2 = median_nm**2 * np.exp(2.0 * s2)
    m3 = median_nm**3 * np.exp(4.5 * s2)
    h = 2.0 * bilayer_nm
    return np.pi / 6.0 * (m3 - 3.0 * h * m2 + 3.0 * h**2 * m1 - h**3)


def lumen_capacity(lumen_nm3: Amount, packing_limit: Amount, copy_nm3: Amount) -> Amount:
    """Return the most copies that fit into a lumen filled to ``packing_limit`` (a share)."""
    return lumen_nm3 * packing_limit / copy_nm3


def lumen_crowding(median_nm: Amount, gsd: Amount, bilayer_nm: Amount) -> Amount:
    """Return ``E[V²] / E[V]²`` of the lumen volume, for a log-normal diameter.

    Where copies follow the volume, copies sit in large vesicles: what one vesicle brings, seen
    from a copy in it, is this factor above the mean. It is 1 for vesicles of one size. The
    moments of the diameter are ``E[d^n] = median^n exp(n² s²/2)``; like the mean it stops holding
    near diameters of two bilayers.

    >>> one = np.ones(1)
    >>> print(f"{lumen_crowding(63 * one, 1.26 * one, 5 * one)[0]:.2f}")
    1.87
    """
    s2 = np.log(gsd) ** 2
    h = 2.0 * bilayer_nm
    cubed = mean_lumen_volume_nm3(median_nm, gsd, bilayer_nm) * 6.0 / np.pi
    sixth = sum(
        math.comb(6, n) * (-h) ** (6 - n) * median_nm**n * np.exp(n**2 * s2 / 2.0) for n in range(7)
    )
    return sixth / cubed**2
