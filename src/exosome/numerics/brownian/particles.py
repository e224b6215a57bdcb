"""Particles as arrays: what each is, where, and how far its own clock has come."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FREE = -1
DECAYED = -2
BOUND = -4  # to the matrix; one less for a particle that will be lost before it is let go
LEFT = -10  # less the number of the face


@dataclass(slots=True, eq=False)
class Particles:
    """Independent particles; the engine changes the arrays in place.

    Parameters
    ----------
    position_um : array of float64, shape (particle, 3)
    clock_s : array of float64
        Time up to which the particle is known; a particle born later than the rest starts there.
    slot : array of uint64
        Permanent number: with the seed and the draw number the address of all its chance.
    diffusivity_um2_per_s, diameter_nm : array of float32
    draws : array of uint32
        Steps taken.
    fate : array of int32
        The sphere that took it up, or ``FREE``, ``DECAYED``, ``LEFT`` minus a face, ``WALL``
        (the wall of a tube), or ``BOUND`` (held by the matrix until its clock).
    owner : array of int32
        Where it came from.
    kind, class_of : array of uint16
        Row of permeability and decay; whatever else a caller sorts by.
    """

    position_um: NDArray[np.float64]
    clock_s: NDArray[np.float64]
    slot: NDArray[np.uint64]
    diffusivity_um2_per_s: NDArray[np.float32]
    diameter_nm: NDArray[np.float32]
    draws: NDArray[np.uint32]
    fate: NDArray[np.int32]
    owner: NDArray[np.int32]
    kind: NDArray[np.uint16]
    class_of: NDArray[np.uint16]

    def __len__(self) -> int:
        return int(self.fate.size)

    @classmethod
    def at(
        cls,
        position_um: NDArray[np.float64],
        diffusivity_um2_per_s: NDArray[np.float64] | float,
        *,
        first_slot: int = 0,
        clock_s: NDArray[np.float64] | float = 0.0,
        diameter_nm: NDArray[np.float64] | float = 0.0,
        owner: NDArray[np.int32] | int = -1,
        kind: NDArray[np.uint16] | int = 0,
        class_of: NDArray[np.uint16] | int = 0,
    ) -> Particles:
        """Return free particles at given places."""
        n = len(position_um)

        def full(value: object, dtype: type[np.generic]) -> Any:
            return np.ascontiguousarray(np.broadcast_to(np.asarray(value), (n,)).astype(dtype))

        return cls(
            np.array(position_um, dtype=np.float64, order="C"),
            full(clock_s, np.float64),
            np.arange(first_slot, first_slot + n, dtype=np.uint64),
            full(diffusivity_um2_per_s, np.float32),
            full(diameter_nm, np.float32),
            np.zeros(n, np.uint32),
            np.full(n, FREE, np.int32),
            full(owner, np.int32),
            full(kind, np.uint16),
            full(class_of, np.uint16),
        )

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Particles:
        """Return a copy of some of the particles; they keep their slots."""
        return Particles(
            *(np.ascontiguousarray(getattr(self, f.name)[chosen]) for f in fields(self))
        )

    def joined(self, more: Particles) -> Particles:
        """Return these particles and ``more``, in this order."""
        return Particles(
            *(np.concatenate([getattr(self, f.name), getattr(more, f.name)]) for f in fields(self))
        )

    @property
    def is_free(self) -> NDArray[np.bool_]:
        """Which particles still move."""
        return self.fate == FREE

    @property
    def is_bound(self) -> NDArray[np.bool_]:
        """Which particles the matrix holds at the time to which they were moved."""
        return (self.fate == BOUND) | (self.fate == BOUND - 1)

    @property
    def is_there(self) -> NDArray[np.bool_]:
        """Which particles are in the space, moving or held."""
        return self.is_free | self.is_bound


def bytes_per_particle() -> int:
    """Return the memory that one particle takes."""
    one = Particles.at(np.zeros((1, 3)), 1.0)
    return sum(int(getattr(one, f.name).nbytes) for f in fields(one))
