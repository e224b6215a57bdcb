"""Where particles move: a box with faces, spheres in it, what they let through, and flow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.brownian.binding import Binding, rows_of
from exosome.numerics.brownian.tube import Tube, row_of
from exosome.numerics.brownian.voxels import Voxels, overlapping, sort_into_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

FaceKind = Literal["reflecting", "absorbing", "periodic"]
FlowKind = Literal["none", "uniform", "around"]
_MOST_VOXELS = 4_000_000
_REACH = 4.0  # mean spacings of spheres: further than this no second sphere is looked for


@dataclass(frozen=True, slots=True)
class Face:
    """What one face of the box does.

    A reflecting face through which particles come in (influx) is a reflecting face on which the
    caller puts newborn particles. ``permeability_um_per_s`` of an absorbing face may be finite:
    then it lets only some of what touches it through.
    """

    kind: FaceKind = "reflecting"
    permeability_um_per_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Flow:
    """A steady drift.

    ``uniform`` drifts everywhere alike, through spheres too (sedimentation, or a law to test).
    ``around`` is divergence-free, does not enter spheres and stands still on their surfaces:
    ``v = curl(f(r) U x r / 2)`` about the nearest sphere. Without shells, ``f`` is that of
    creeping flow about one sphere alone, exact for a single one. With several spheres each has
    a shell that ends half-way to its nearest neighbour, in which ``f`` rises smoothly from 0 to 1;
    outside all shells the flow is ``U``.
    """

    kind: FlowKind = "none"
    velocity_um_per_s: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Grid(NamedTuple):
    """The world as the compiled kernels read it."""

    size: Floats
    faces: NDArray[np.int8]
    face_permeability: Floats
    spheres: Floats  # x, y, z, radius; images at faces after the real ones
    real: NDArray[np.int32]
    uptake: Floats  # sphere or image, particle kind: permeability as far as the surface is open
    voxels_per_um: Floats
    counts: NDArray[np.int64]
    start: NDArray[np.uint32]
    listed: NDArray[np.uint32]
    entry_gap: NDArray[np.float32]
    middle: NDArray[np.float32]
    reach: float
    flow: int
    velocity: Floats
    shell: Floats
    decay: Floats
    tube: Floats  # as `exosome.numerics.brownian.tube.row_of` gives it; empty without one
    binding: Floats  # particle kind, four numbers; empty without


@dataclass(frozen=True, eq=False)
class World:
    """A box from the origin to ``size_um``, with spheres that do not overlap.

    Parameters
    ----------
    size_um : array, shape (3,)
    centres_um : array, shape (sphere, 3)
    radii_um : array, shape (sphere,)
    sphere_kinds : array of int, shape (sphere,)
        Row of the permeability table.
    permeability_um_per_s : array, shape (sphere kind, particle kind)
        Flux into the surface over the concentration at it; 0 reflects, inf absorbs all.
    decay_per_s : array, shape (particle kind,)
        First-order loss.
    faces : six faces
        Low x, high x, low y, high y, low z, high z.
    flow : Flow
        Outside the tube, if there is one; then it must go along the third axis.
    tube : Tube, optional
        A vessel along the third axis. Spheres may stand in it only if it has no flow.
    binding : tuple of Binding, shape (particle kind,)
        How particles bind to the matrix, outside the tube; empty if they do not.

    Raises
    ------
    InputError
        A number that is not finite, a sphere that overlaps another or the wall of the tube or
        leaves the box, a periodic face without its partner, a tube that leaves the box, or a
        flow across it.
    """

    size_um: Floats
    centres_um: Floats
    radii_um: Floats
    sphere_kinds: Ints
    permeability_um_per_s: Floats
    decay_per_s: Floats
    faces: tuple[Face, ...] = field(default=(Face(),) * 6)
    flow: Flow = Flow()
    tube: Tube | None = None
    binding: tuple[Binding, ...] = ()

    def __post_init__(self) -> None:
        n = self.centres_um.shape[0]
        checks = {
            "the box needs three positive edges": self.size_um.shape == (3,)
            and bool(np.all(np.isfinite(self.size_um)) and np.all(self.size_um > 0.0)),
            "sphere centres must be finite, shape (sphere, 3)": self.centres_um.shape == (n, 3)
            and bool(np.all(np.isfinite(self.centres_um))),
            "sphere radii must be positive and finite": self.radii_um.shape == (n,)
            and bool(np.all(np.isfinite(self.radii_um)) and np.all(self.radii_um > 0.0)),
            "permeabilities must be zero or more": not bool(
                np.any(np.isnan(self.permeability_um_per_s) | (self.permeability_um_per_s < 0.0))
            ),
            "decay rates must be zero or more": bool(
                np.all(np.isfinite(self.decay_per_s)) and np.all(self.decay_per_s >= 0.0)
            ),
            "a world has six faces": len(self.faces) == 6,
            "the velocity must be finite": all(map(math.isfinite, self.flow.velocity_um_per_s)),
            "binding needs one entry for each particle kind": not self.binding
            or len(self.binding) == self.decay_per_s.size,
        }
        for rule, holds in checks.items():
            if not holds:
                raise _refused(rule)
        for axis in range(3):
            kinds = {self.faces[2 * axis].kind, self.faces[2 * axis + 1].kind}
            if "periodic" in kinds and len(kinds) == 2:
                raise _refused("a periodic face needs a periodic face opposite")
        if n and (
            int(self.sphere_kinds.min()) < 0
            or int(self.sphere_kinds.max()) >= self.permeability_um_per_s.shape[0]
        ):
            raise _refused("a sphere has a kind without permeabilities")
        self._check_places()

    def _check_places(self) -> None:
        low = (self.centres_um - self.radii_um[:, None]).min(axis=0, initial=math.inf)
        high = (self.centres_um + self.radii_um[:, None]).max(axis=0, initial=-math.inf)
        inside = [
            self.faces[2 * axis].kind == "periodic"
            or (low[axis] >= 0.0 and high[axis] <= self.size_um[axis])
            for axis in range(3)
        ]
        centred = np.all((self.centres_um >= 0.0) & (self.centres_um <= self.size_um))
        if not all(inside) or not centred:
            raise _refused("a sphere leaves the box")
        pair = overlapping(self._spheres, self.radii_um.size)
        if pair is not None:
            a, b = int(self._real[pair[0]]), int(self._real[pair[1]])
            raise _refused(f"spheres {a} and {b} overlap")
        if self.tube is not None:
            self._check_tube(self.tube)

    def _check_tube(self, tube: Tube) -> None:
        axis = np.asarray(tube.centre_um)
        if np.any(axis < tube.radius_um) or np.any(axis > self.size_um[:2] - tube.radius_um):
            raise _refused("the tube leaves the box")
        height = tube.height_um(self.centres_um)
        crossing = np.flatnonzero(np.abs(height) < self.radii_um)
        if crossing.size:
            raise _refused(f"sphere {int(crossing[0])} overlaps the wall of the tube")
        if tube.mean_speed_um_per_s != 0.0 and np.any(height < 0.0):
            raise _refused("a sphere stands in the flow inside the tube")
        if self.flow.kind != "none" and any(self.flow.velocity_um_per_s[:2]):
            raise _refused("the flow outside a tube must go along it, or it would cross its wall")

    @cached_property
    def reach_um(self) -> float:
        """Distance beyond which images and neighbours need not be known."""
        spacing = (float(np.prod(self.size_um)) / max(1, self.radii_um.size)) ** (1.0 / 3.0)
        return min(_REACH * spacing, float(self.size_um.min()))

    @cached_property
    def _images(self) -> tuple[Floats, NDArray[np.int32]]:
        """Spheres with their images at reflecting and periodic faces, and whose they are.

        A path that a face reflects touches a sphere where the path unfolded touches its mirror
        image, so a search among spheres and images needs no other thought of faces.
        """
        held = [np.column_stack([self.centres_um, self.radii_um])]
        owner = [np.arange(self.radii_um.size, dtype=np.int32)]
        for axis in range(3):
            spheres, real = np.concatenate(held), np.concatenate(owner)
            edge = float(self.size_um[axis])
            more, whose = [spheres], [real]
            for side in (0, 1):
                kind = self.faces[2 * axis + side].kind
                if kind == "absorbing":
                    continue
                image = spheres.copy()
                if kind == "periodic":
                    image[:, axis] += edge if side else -edge
                else:
                    image[:, axis] = (2.0 * edge if side else 0.0) - image[:, axis]
                gap = (image[:, axis] - edge if side else -image[:, axis]) - image[:, 3]
                near = gap <= self.reach_um
                more.append(image[near])
                whose.append(real[near])
            held, owner = more, whose
        return np.ascontiguousarray(np.concatenate(held)), np.concatenate(owner)

    @property
    def _spheres(self) -> Floats:
        return self._images[0]

    @property
    def _real(self) -> NDArray[np.int32]:
        return self._images[1]

    @cached_property
    def shells_um(self) -> Floats:
        """Outer radius of each sphere's shell of disturbed flow; inf for a sphere alone."""
        if self.tube is not None:
            # No shell reaches through the wall, so no flow does.
            gap = np.abs(self.tube.height_um(self.centres_um)) - self.radii_um
            return self.radii_um + np.minimum(gap, 0.5 * self.voxels.nearest_um)
        if self.radii_um.size == 1:
            return np.array([math.inf])
        return self.radii_um + 0.5 * self.voxels.nearest_um

    @cached_property
    def tube_images_um(self) -> Floats:
        """Axes of the images of the tube at reflecting and periodic faces, shape (image, 2)."""
        if self.tube is None:
            return np.zeros((0, 2))
        found: list[Floats] = [np.asarray(self.tube.centre_um, dtype=np.float64)]
        for axis in (0, 1):
            edge = float(self.size_um[axis])
            for side, held in ((0, list(found)), (1, list(found))):
                kind = self.faces[2 * axis + side].kind
                for one in held if kind != "absorbing" else ():
                    image = one.copy()
                    image[axis] = (
                        one[axis] + (edge if side else -edge)
                        if kind == "periodic"
                        else (2.0 * edge if side else 0.0) - one[axis]
                    )
                    found.append(image)
        return np.array(found[1:]).reshape(-1, 2)

    @cached_property
    def voxels(self) -> Voxels:
        """Which spheres can be nearest or second nearest to a point of each voxel."""
        return sort_into_voxels(
            self.size_um, self._spheres, self.radii_um.size, self.reach_um, most=_MOST_VOXELS
        )

    def grid(self, open_share: Floats | None = None) -> Grid:
        """Return the world as arrays; ``open_share`` scales each sphere's permeability."""
        kinds = {"reflecting": 0, "absorbing": 1, "periodic": 2}
        voxels = self.voxels
        velocity = np.asarray(self.flow.velocity_um_per_s, dtype=np.float64)
        return Grid(
            self.size_um,
            np.array([kinds[f.kind] for f in self.faces], dtype=np.int8),
            np.array([f.permeability_um_per_s for f in self.faces]),
            self._spheres,
            self._real,
            self._uptake(open_share),
            voxels.counts / self.size_um,
            voxels.counts,
            voxels.start,
            voxels.listed,
            voxels.entry_gap_um,
            voxels.middle_um,
            self.reach_um,
            {"none": 0, "uniform": 1, "around": 2}[self.flow.kind],
            velocity,
            self.shells_um if self.flow.kind == "around" else np.zeros(self.radii_um.size),
            np.ascontiguousarray(self.decay_per_s, dtype=np.float64),
            row_of(self.tube, self.tube_images_um),
            rows_of(self.binding),
        )

    def _uptake(self, open_share: Floats | None) -> Floats:
        of_sphere = self.permeability_um_per_s[self.sphere_kinds]
        if open_share is not None:
            of_sphere = np.where(open_share[:, None] > 0.0, of_sphere * open_share[:, None], 0.0)
        return np.ascontiguousarray(of_sphere[self._real], dtype=np.float64)

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k in self.__dataclass_fields__}


def _refused(what: str) -> InputError:
    return InputError(
        what, where="space", remedy="mend the box, the spheres or the numbers given for them"
    )
