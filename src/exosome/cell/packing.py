"""Vesicle sizes by origin, and how many copies of a cargo each vesicle takes along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.special import ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Place = Literal["lumen", "membrane", "bilayer", "surface", "outside"]
PLACE_OF: dict[str, Place] = {
    "lumenal_protein": "lumen",
    "membrane_protein": "membrane",
    "mrna": "lumen",
    "mirna": "lumen",
    "dna": "lumen",
    "lipid": "bilayer",
    "cytokine_membrane": "membrane",
    "cytokine_corona": "surface",
    "cytokine_soluble": "outside",
}
"""Where each kind of cargo sits.

Lumenal cargo scales with volume and membrane cargo with area; a lipid is a share of the bilayer; a
corona covers the outside; a soluble factor leaves the cell beside the vesicles and sits in none.
"""
COPIED: tuple[Place, ...] = ("lumen", "membrane")
"""Places whose cargo comes from copies in or on the cell, so that cells may sort or pack it."""
AMOUNT_OF: dict[Place, str] = {
    "lumen": "copies_per_cell",
    "membrane": "copies_per_cell",
    "bilayer": "lipid_share",
    "surface": "corona_density",
    "outside": "soluble_release",
}
"""The parameter that says how much of a cargo there is, by its place."""


@dataclass(frozen=True, slots=True)
class SizeLaw:
    """A log-normal law of outer diameters, weighted by number."""

    median_nm: float
    gsd: float

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Return ``count`` diameters in nm."""
        return self.median_nm * np.exp(np.log(self.gsd) * rng.standard_normal(count))

    def share_within(self, low_nm: float, high_nm: float) -> float:
        """Return the share of diameters from ``low_nm`` to ``high_nm``."""
        z = np.log(np.array([low_nm, high_nm]) / self.median_nm) / np.log(self.gsd)
        low, high = ndtr(z)
        return float(high - low)


def lumen_nm3(diameter_nm: Floats, bilayer_nm: float) -> Floats:
    """Return the volume inside spheres of an outer diameter; zero below two bilayers.

    >>> import numpy as np
    >>> low, high = lumen_nm3(np.array([40.0, 100.0]), 5.0)
    >>> round(float(high / low), 1)
    27.0
    """
    return np.pi / 6.0 * np.maximum(diameter_nm - 2.0 * bilayer_nm, 0.0) ** 3


def membrane_nm2(diameter_nm: Floats) -> Floats:
    """Return the outer area of spheres."""
    return np.pi * diameter_nm**2


def lipids_of(diameter_nm: Floats, bilayer_nm: float, lipid_nm2: float) -> Floats:
    """Return the lipid molecules of both leaflets of spheres; none below two bilayers.

    >>> import numpy as np
    >>> print(f"{lipids_of(np.array([100.0]), 5.0, 0.5)[0]:.3g}")
    1.14e+05
    """
    inner = np.maximum(diameter_nm - 2.0 * bilayer_nm, 0.0)
    both = np.pi * (diameter_nm**2 + inner**2)
    return np.where(inner > 0.0, both / lipid_nm2, 0.0)


def auc_of_size(first: SizeLaw, second: SizeLaw) -> float:
    """Return the chance that a vesicle of the second law is larger than one of the first.

    It is the area under the curve of a classifier that sees size only: 0.5 says that size
    tells nothing. Exact for two log-normal laws; a threshold from either side counts, so the
    value is given as 0.5 or more.
    """
    apart = np.log(second.median_nm / first.median_nm)
    wide = np.hypot(np.log(first.gsd), np.log(second.gsd))
    value = float(ndtr(np.array([apart / wide]))[0])
    return max(value, 1.0 - value)


def auc_measured(first_nm: Floats, second_nm: Floats) -> float:
    """Return the same chance from two samples of diameters (Mann-Whitney), ties halved."""
    order = np.sort(first_nm)
    below = np.searchsorted(order, second_nm, side="left")
    upto = np.searchsorted(order, second_nm, side="right")
    value = float((below + upto).mean() / (2.0 * order.size))
    return max(value, 1.0 - value)


def passive_mean(
    diameter_nm: Floats,
    place: Place,
    *,
    copies_per_cell: float,
    cell_um3: float,
    cell_um2: float,
    bilayer_nm: float,
) -> Floats:
    """Return the mean copies in each vesicle if it takes the cell's concentration along.

    The null model: copies per cell times lumen over cell volume, or vesicle over cell area; for
    cargo of the lumen and the membrane only.
    It ignores the nucleus, crowding and sorting, and lets copies be independent of each other.
    """
    if place == "lumen":
        return copies_per_cell * lumen_nm3(diameter_nm, bilayer_nm) / (cell_um3 * 1e9)
    return copies_per_cell * membrane_nm2(diameter_nm) / (cell_um2 * 1e6)


def draw_copies(
    mean: Floats, rng: np.random.Generator, *, packet: int | None = None, where: str = "cargo"
) -> Ints:
    """Return whole copies in each vesicle.

    Independent copies are Poisson. With ``packet`` a vesicle holds that many or none, at the
    same mean: the chance is ``mean / packet``.

    Raises
    ------
    InputError
        The mean exceeds the packet, so that no chance gives it.
    """
    if packet is None:
        return rng.poisson(mean)
    chance = mean / packet
    if np.any(chance > 1.0):
        raise InputError(
            f"vesicles hold {float(mean.max()):.3g} copies in the mean, more than {packet} in one",
            where=where,
            remedy="give more copies per loaded vesicle, or pack independently",
        )
    return packet * (rng.random(mean.size) < chance).astype(np.int64)
