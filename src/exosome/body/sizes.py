"""The sizes of a dose: a log-normal law of diameters in classes of equal number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from exosome.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Aggregates:
    """The part of a dose that is in aggregates: its share of the vesicles, and diameters.

    The law of diameters is log-normal, weighted by the vesicles in each aggregate.
    """

    share: float
    median_nm: float
    gsd: float

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise InputError(
                f"a share of aggregated vesicles of {self.share:g}",
                where="aggregates of the dose",
                remedy="give a share above 0 and up to 1",
            )
        if not 100.0 <= self.median_nm <= 2e5 or not 1.0 <= self.gsd <= 3.0:
            raise InputError(
                f"aggregates of {self.median_nm:g} nm with a spread of {self.gsd:g}",
                where="aggregates of the dose",
                remedy="give 0.1 to 200 um and a geometric standard deviation of 1 to 3",
            )


@dataclass(frozen=True, slots=True)
class SizeClasses:
    """Diameters that each stand for the same number of particles.

    The law is log-normal in number: median and geometric standard deviation of outer diameters.
    ``aggregates`` are the vesicles that are not single.
    """

    median_nm: float
    gsd: float
    diameters_nm: tuple[float, ...]
    aggregates: Aggregates | None = None


def size_classes(median_nm: float, gsd: float, count: int) -> SizeClasses:
    """Return ``count`` classes of equal number, each at the median of its part of the law.

    Raises
    ------
    InputError
        The law is no log-normal of nanoparticles, or there is no class.
    """
    if not 1.0 < median_nm < 2000.0 or not 1.0 <= gsd <= 3.0:
        raise InputError(
            f"a median diameter of {median_nm:g} nm with a spread of {gsd:g}",
            where="sizes of the dose",
            remedy="give 1 to 2000 nm and a geometric standard deviation of 1 to 3",
        )
    if not 1 <= count <= 50:
        raise InputError(f"{count} size classes", where="sizes of the dose", remedy="give 1 to 50")
    normal = NormalDist()
    spread = math.log(gsd)
    centres = [normal.inv_cdf((k + 0.5) / count) for k in range(count)]
    return SizeClasses(median_nm, gsd, tuple(median_nm * math.exp(spread * z) for z in centres))
