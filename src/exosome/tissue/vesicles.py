"""How vesicles of one size move between cells, and when cells send them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.donor import expected
from exosome.cell.endosome import simulate_cells
from exosome.core.errors import InputError
from exosome.core.random import Streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.cell.donor import Pathway

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_SAMPLED_CELLS = 400  # for the law of burst sizes


@dataclass(frozen=True, slots=True)
class Matrix:
    """The matrix between cells.

    ``slow_down`` divides the diffusivity of anything small (tortuosity, viscosity); ``mesh_nm``
    is the width of its gaps. A mesh of infinity and a slow-down of one are free fluid.
    """

    slow_down: float = 1.0
    mesh_nm: float = math.inf

    def share_left(self, diameter_nm: Floats) -> Floats:
        """Return the factor on free diffusion: ``(1 - d/mesh)^2 / slow_down``, zero beyond.

        The square is the room a sphere's centre has in a round gap. It stops holding where the
        matrix gives way: vesicles were seen to move in gels with a finer mesh (e09).
        """
        open_ = np.clip(1.0 - diameter_nm / self.mesh_nm, 0.0, 1.0)
        return open_**2 / self.slow_down


def diffusivity(diameter_nm: Floats, at_100_nm: float, matrix: Matrix) -> Floats:
    """Return diffusivities in um2/s: Stokes-Einstein, so inverse to the diameter, in the matrix."""
    return at_100_nm * 100.0 / diameter_nm * matrix.share_left(diameter_nm)


@dataclass(frozen=True, slots=True, eq=False)
class Releases:
    """Every vesicle that cells send in a run, by the time of its release.

    ``sender`` is the cell, ``burst`` the release that it belongs to: all vesicles of a burst
    leave at one point of the membrane at one moment. ``from_membrane`` marks ectosomes.
    """

    time_s: Floats
    sender: NDArray[np.int32]
    burst: NDArray[np.int32]
    from_membrane: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.time_s.size)


def releases(
    pathway: Pathway, senders: Ints, duration_s: float, repeats: int, seed: int
) -> Releases:
    """Return the releases of every sender, ``repeats`` times over.

    Multivesicular bodies fuse as a Poisson process with independent sizes and ectosomes bud one
    by one (`exosome.cell.donor.expected`): so the number of bursts is Poisson and their sizes
    are drawn from those of many simulated cells. Exact in the steady state of the cell.
    """
    law = expected(pathway)
    hours = duration_s / 3600.0
    sizes = np.ones(1, np.int64)
    if float(law.bursts_per_h) > 0.0:
        window = max(1.0, 50.0 / float(law.bursts_per_h) / _SAMPLED_CELLS * 40.0)
        sizes = simulate_cells(
            pathway,
            cells=_SAMPLED_CELLS,
            edges_h=np.array([0.0, window]),
            seed=seed,
            purpose="tissue.bursts",
        ).burst_sizes
    times: list[Floats] = []
    who: list[Ints] = []
    which: list[Ints] = []
    budded: list[NDArray[np.bool_]] = []
    burst = 0
    for sender in senders:
        rng = Streams(seed).of("tissue.release", int(sender))
        bursts = int(rng.poisson(float(law.bursts_per_h) * hours * repeats))
        held = rng.choice(sizes, bursts) if bursts else np.zeros(0, np.int64)
        single = int(rng.poisson(float(law.ectosomes_per_h) * hours * repeats))
        counts = np.concatenate([held, np.ones(single, np.int64)])
        at = rng.uniform(0.0, duration_s, counts.size)
        times.append(np.repeat(at, counts))
        who.append(np.full(int(counts.sum()), sender, np.int64))
        which.append(burst + np.repeat(np.arange(counts.size), counts))
        budded.append(np.repeat(np.arange(counts.size) >= bursts, counts))
        burst += counts.size
    time = np.concatenate(times) if times else np.zeros(0)
    order = np.argsort(time, kind="stable")
    if not order.size:
        raise InputError(
            "no cell releases a single vesicle in this time",
            where="tissue",
            remedy="run longer, more often (repeats), or with a cell that releases more",
        )
    return Releases(
        time[order],
        np.concatenate(who)[order].astype(np.int32),
        np.concatenate(which)[order].astype(np.int32),
        np.concatenate(budded)[order],
    )


def places(held: Releases, centres_um: Floats, radii_um: Floats, seed: int) -> Floats:
    """Return where each vesicle starts: on its sender's membrane, one point for each burst."""
    bursts = int(held.burst.max()) + 1
    arrows = Streams(seed).of("tissue.site").standard_normal((bursts, 3))
    arrows /= np.linalg.norm(arrows, axis=1)[:, None]
    reach = radii_um[held.sender] * (1.0 + 1e-9)
    return centres_um[held.sender] + arrows[held.burst] * reach[:, None]


def diameters(count: int, median_nm: float, gsd: float, seed: int) -> Floats:
    """Return log-normal diameters."""
    draws = Streams(seed).of("tissue.size").standard_normal(count)
    return np.exp(math.log(median_nm) + math.log(gsd) * draws)


def copies(count: int, carrying: float, each: int, seed: int) -> Ints:
    """Return copies of a cargo in each vesicle: ``each`` in a share of them, none in the rest."""
    return each * (Streams(seed).of("tissue.cargo").random(count) < carrying).astype(np.int64)
