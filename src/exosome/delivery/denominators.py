"""Vesicle counts that remember what they are counts of.

Counting twice is the classic mistake of this field: an organ's retained label
is multiplied by an in-vitro uptake, or copies per counted particle multiply
purified vesicles. Here each amount has its own type, and a type offers only the
steps that make sense from it. There is no way from :class:`RetainedVesicles`
to an uptake fraction, since what an organ retains has been taken up already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Amount = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CopiesPerVesicle:
    """Mean copies of a cargo in one vesicle."""

    copies: Amount


@dataclass(frozen=True, slots=True)
class CopiesPerParticle:
    """Mean copies of a cargo for each counted particle, as most assays report it."""

    copies: Amount

    def per_vesicle(self, vesicles_per_particle: Amount) -> CopiesPerVesicle:
        """Return the mean copies in one vesicle, if all copies counted sit in vesicles."""
        return CopiesPerVesicle(self.copies / vesicles_per_particle)


@dataclass(frozen=True, slots=True)
class OpenedPerCell:
    """Vesicles that opened inside one target cell, mean over cells."""

    vesicles: Amount


@dataclass(frozen=True, slots=True)
class BoundPerCell:
    """Vesicles bound to the surface of one target cell, mean over cells."""

    vesicles: Amount


@dataclass(frozen=True, slots=True)
class UptakePerCell:
    """Vesicles internalised by one target cell, mean over cells."""

    vesicles: Amount

    def opened(self, fraction: Amount) -> OpenedPerCell:
        """Return those whose content reaches the cytosol."""
        return OpenedPerCell(self.vesicles * fraction)

    def have_bound(self) -> BoundPerCell:
        """Return them as bound vesicles: what was taken up touched the surface first."""
        return BoundPerCell(self.vesicles)


@dataclass(frozen=True, slots=True)
class UptakeByTarget:
    """Vesicles internalised by all target cells together."""

    vesicles: Amount

    def per_cell(self, cells: Amount) -> UptakePerCell:
        """Return the mean for one of the cells that take up (never all cells of the organ)."""
        return UptakePerCell(self.vesicles / cells)


@dataclass(frozen=True, slots=True)
class BoundToTarget:
    """Vesicles bound to the surface of all target cells together."""

    vesicles: Amount

    def per_cell(self, cells: Amount) -> BoundPerCell:
        """Return the mean for one target cell."""
        return BoundPerCell(self.vesicles / cells)


@dataclass(frozen=True, slots=True)
class RetainedVesicles:
    """Vesicles that an organ holds as a label shows them, less blood: uptake already."""

    vesicles: Amount

    def taken_up_by(self, share: Amount) -> UptakeByTarget:
        """Return the share that one cell type of the organ took up."""
        return UptakeByTarget(self.vesicles * share)


@dataclass(frozen=True, slots=True)
class ArrivingVesicles:
    """Vesicles in the space around the target cells: exposure, not uptake."""

    vesicles: Amount

    def internalised(self, fraction: Amount) -> UptakeByTarget:
        """Return those that the target cells internalise."""
        return UptakeByTarget(self.vesicles * fraction)

    def bound(self, fraction: Amount) -> BoundToTarget:
        """Return those that bind to the surface of the target cells."""
        return BoundToTarget(self.vesicles * fraction)


@dataclass(frozen=True, slots=True)
class Vesicles:
    """Vesicles given, or left intact after a device."""

    vesicles: Amount

    def surviving(self, fraction: Amount) -> Vesicles:
        """Return those intact after a device such as a nebuliser."""
        return Vesicles(self.vesicles * fraction)

    def retained(self, label_signal: Amount, residual_blood: Amount) -> RetainedVesicles:
        """Return those an organ retains: the label's share of the dose, less blood left in it."""
        return RetainedVesicles(self.vesicles * label_signal * (1.0 - residual_blood))

    def arriving(self, fraction: Amount) -> ArrivingVesicles:
        """Return those that arrive around the target cells."""
        return ArrivingVesicles(self.vesicles * fraction)


@dataclass(frozen=True, slots=True)
class CountedParticles:
    """Particles as an instrument counted them; not all of them are vesicles."""

    particles: Amount

    def vesicles(self, vesicles_per_particle: Amount) -> Vesicles:
        """Return the vesicles among and beside them."""
        return Vesicles(self.particles * vesicles_per_particle)
