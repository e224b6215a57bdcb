"""Vesicles that come in through a face of the box from a bath.

Behind a face of permeability ``k`` a bath of concentration ``c`` sends ``k c`` vesicles per area
and time; each starts at the face and may leave through it again, which is the law of the
membrane: ``flux = k (c - c_face)``. A face of the engine that absorbs with ``k`` does the rest.

An open face (``k`` infinite) holds the concentration ``c``. Of the endless number of vesicles that
cross it and turn back, only those are born that come as deep as ``depth``: at that depth, at a rate
of ``D c / depth`` per area, with a flow ``v`` into the box at ``v c / (1 - exp(-v depth / D))``,
while the face absorbs all that return. Beyond the depth the steady profile is that of an open
face; within it the concentration falls to zero at the face, so ``c depth / 2`` per area is
missing, and a change is late by the order of ``depth^2 / D``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.core.random import Streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.brownian import World

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bath:
    """A bath behind one face.

    Parameters
    ----------
    face : int
        Low x, high x, low y, high y, low z, high z: 0 to 5. In the world it must be an absorbing
        face with the same permeability.
    per_um3 : float
        Vesicles in a volume of the bath.
    permeability_um_per_s : float
        Flux over the difference of concentrations; inf is an open face.
    depth_um : float
        Of an open face, at which vesicles are born; small against the gaps to cells.

    Raises
    ------
    InputError
        A number that is negative or no number, or a face that does not exist.
    """

    face: int
    per_um3: float
    permeability_um_per_s: float = math.inf
    depth_um: float = 0.5

    def __post_init__(self) -> None:
        rules = {
            "a bath lies behind one of the faces 0 to 5": self.face in range(6),
            "the concentration of a bath must be finite and zero or more": (
                0.0 <= self.per_um3 < math.inf
            ),
            "the permeability of a face must be positive": self.permeability_um_per_s > 0.0,
            "the depth of birth must be positive and finite": 0.0 < self.depth_um < math.inf,
        }
        for rule, holds in rules.items():
            if not holds:
                raise InputError(rule, where="tissue", remedy="mend the numbers of the bath")


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Vesicles that come in, by time: when, where, and which of the bath's kinds each is."""

    time_s: Floats
    position_um: Floats
    which: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.time_s.size)


def entries(
    bath: Bath,
    world: World,
    duration_s: float,
    diffusivity_um2_per_s: Floats,
    seed: int,
    share: Floats | None = None,
) -> Entries:
    """Return every vesicle that comes in from a bath within a time.

    They are a Poisson process in time and over the face. Through an open face small vesicles come
    in more often, as they diffuse faster; through a membrane all kinds alike. No vesicle is born
    in a cell.

    Parameters
    ----------
    diffusivity_um2_per_s : array, shape (kind,)
        Of the kinds (sizes) in the bath.
    share : array, shape (kind,)
        Of each kind in the bath's concentration; alike if not given.

    Raises
    ------
    InputError
        A face of the world that is not absorbing with the bath's permeability, a flow through a
        membrane, or a depth beyond the box.
    """
    _check(bath, world)
    kinds = diffusivity_um2_per_s.size
    part = np.full(kinds, 1.0 / kinds) if share is None else share / share.sum()
    axis, far = divmod(bath.face, 2)
    others = [a for a in range(3) if a != axis]
    depth = bath.depth_um if math.isinf(bath.permeability_um_per_s) else 0.0
    rng = Streams(seed).of("tissue.influx", bath.face)
    area = float(np.prod(world.size_um[others]))
    fastest = _fastest(world, axis, far)
    most = bath.per_um3 * area * part * _rate(bath, fastest, diffusivity_um2_per_s)
    counts = rng.poisson(most * duration_s)
    which = np.repeat(np.arange(kinds), counts)
    at = np.empty((which.size, 3))
    at[:, others] = rng.random((which.size, 2)) * world.size_um[others]
    at[:, axis] = world.size_um[axis] - depth if far else depth
    time = rng.random(which.size) * duration_s
    d = diffusivity_um2_per_s[which]
    kept = rng.random(which.size) * _rate(bath, fastest, d) < _rate(
        bath, _inward(world, at, axis, far), d
    )
    kept &= ~_in_a_cell(world, at)
    order = np.flatnonzero(kept)[np.argsort(time[kept], kind="stable")]
    return Entries(time[order], at[order], which[order])


def _check(bath: Bath, world: World) -> None:
    axis, _ = divmod(bath.face, 2)
    face = world.faces[bath.face]
    velocity = world.flow.velocity_um_per_s[axis] if world.flow.kind != "none" else 0.0
    lumen = world.tube.mean_speed_um_per_s if world.tube is not None and axis == 2 else 0.0
    open_ = math.isinf(bath.permeability_um_per_s)
    rules = {
        "the face of a bath must be absorbing, with its permeability": face.kind == "absorbing"
        and face.permeability_um_per_s == bath.permeability_um_per_s,
        "a flow goes through the membrane before a bath": open_ or not (velocity or lumen),
        "vesicles of a bath would be born beyond the box": not open_
        or bath.depth_um < float(world.size_um[axis]),
    }
    for rule, holds in rules.items():
        if not holds:
            raise InputError(rule, where="tissue", remedy="mend the bath or the face of the world")


def _rate(bath: Bath, inward: Floats | float, d: Floats) -> Floats:
    """Return births over area and concentration, um/s, with a flow ``inward``."""
    if not math.isinf(bath.permeability_um_per_s):
        return np.full(d.shape, bath.permeability_um_per_s)
    x = np.asarray(inward) * bath.depth_um / d
    # x / (1 - exp(-x)), one at x = 0 and without overflow at large negative x.
    safe = np.where(np.abs(x) < 1e-9, 1.0, x)
    ratio = np.where(safe > 0.0, 1.0, np.exp(np.minimum(safe, 0.0)))
    return (
        d
        / bath.depth_um
        * np.where(np.abs(x) < 1e-9, 1.0, np.abs(safe) * ratio / -np.expm1(-np.abs(safe)))
    )


def _inward(world: World, at: Floats, axis: int, far: int) -> Floats:
    outside = world.flow.velocity_um_per_s[axis] if world.flow.kind != "none" else 0.0
    along = np.full(len(at), outside)
    if world.tube is not None and axis == 2:
        along = np.where(world.tube.holds(at), world.tube.speed_um_per_s(at), along)
    return -along if far else along


def _fastest(world: World, axis: int, far: int) -> float:
    """Return the largest speed inwards at the face: births are drawn for it, and thinned."""
    outside = world.flow.velocity_um_per_s[axis] if world.flow.kind != "none" else 0.0
    sign = -1.0 if far else 1.0
    speeds = [sign * outside]
    if world.tube is not None and axis == 2:
        speeds += [0.0, 2.0 * sign * world.tube.mean_speed_um_per_s]
    return max(speeds)


def _in_a_cell(world: World, at: Floats) -> NDArray[np.bool_]:
    """Return which places lie in a sphere, its images at periodic faces included."""
    inside = np.zeros(len(at), bool)
    for centre, radius in zip(world.centres_um, world.radii_um, strict=True):
        apart = np.abs(at - centre)
        for axis in range(3):
            if world.faces[2 * axis].kind == "periodic":
                apart[:, axis] = np.minimum(apart[:, axis], world.size_um[axis] - apart[:, axis])
        inside |= (apart**2).sum(axis=1) < radius * radius
    return inside
