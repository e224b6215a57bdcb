"""Particles moved to a common time: the compiled kernel, on any number of threads."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError, NumericalError
from exosome.numerics.brownian.accuracy import Bounds, bounds_for
from exosome.numerics.brownian.binding import let_go
from exosome.numerics.brownian.kernel import NOT_DIFFUSING, OUT_OF_BOX, UNKNOWN_KIND, fault_of, move

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.brownian.particles import Particles
    from exosome.numerics.brownian.world import World

_LEAST, _MOST, _SHARES = 4096, 65_536, 6


@cache
def _threads(workers: int, _process: int) -> ThreadPoolExecutor:
    """Return threads that stay for the next call; a forked process has none of its parent's."""
    return ThreadPoolExecutor(workers, thread_name_prefix="brownian")


def key_of(seed: int, purpose: str) -> tuple[np.uint64, np.uint64]:
    """Return the two key words of a seed and a purpose (a dotted name)."""
    digest = blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest()
    return (
        np.uint64(int.from_bytes(digest[:4], "little")),
        np.uint64(int.from_bytes(digest[4:], "little")),
    )


def advance(  # noqa: PLR0913  (options of one call, by name)
    particles: Particles,
    world: World,
    until_s: float,
    *,
    seed: int,
    bias: float | Bounds = 0.005,
    step_s: float = 0.0,
    open_share: NDArray[np.float64] | None = None,
    purpose: str = "brownian",
    workers: int = 2,
) -> int:
    """Move every free particle to ``until_s``, in place, and return the number of steps taken.

    Each particle goes by itself with steps as long as `Bounds` allow, or, with ``step_s``, by
    fixed steps. The result is the same to the last bit for any number of workers.

    Parameters
    ----------
    bias : float or Bounds
        Relative error of uptake that is accepted; see `bounds_for` for what it means and
        docs/methods/space.md for how it was measured.
    step_s : float
        Length of a fixed step; 0 lets the engine choose. The bias then is what it is.
    open_share : array, shape (sphere,)
        Factor on each sphere's permeability until ``until_s``, for surfaces that fill.

    Raises
    ------
    InputError
        A time, a position or a diffusivity that is not a number; a particle in a sphere.
    NumericalError
        A particle was lost: a defect of the program.
    """
    kinds = min(world.decay_per_s.size, world.permeability_um_per_s.shape[1])
    arrays = (particles.position_um, particles.diffusivity_um2_per_s, particles.kind)
    _check(fault_of(*arrays, world.size_um, kinds), until_s, step_s)
    bounds = bias if isinstance(bias, Bounds) else bounds_for(bias)
    grid = world.grid(open_share)
    let_go(particles, until_s)
    k0, k1 = key_of(seed, purpose)
    n = len(particles)

    def part(low: int) -> int:
        return move(
            particles.position_um, particles.clock_s, particles.slot,
            particles.diffusivity_um2_per_s, particles.draws, particles.fate, particles.kind,
            low, min(n, low + size), until_s, step_s, bounds, grid, k0, k1,
        )  # fmt: skip

    # Enough blocks for threads to share evenly, none so small that handing it out costs.
    size = min(_MOST, max(_LEAST, -(-n // (_SHARES * workers))))
    blocks = range(0, n, size)
    if workers == 1 or len(blocks) < 2:
        steps = sum(part(low) for low in blocks)
    else:
        steps = sum(_threads(workers, os.getpid()).map(part, blocks))
    if fault_of(*arrays, world.size_um, kinds) == OUT_OF_BOX:
        raise NumericalError(
            "a particle has no place any more",
            where="space",
            remedy="this is a defect of the program: report it with the command and the seed",
        )
    return int(steps)


def _check(fault: int, until_s: float, step_s: float) -> None:
    problems = {
        "the time to reach must be finite": math.isfinite(until_s),
        "a fixed step must be zero or more": math.isfinite(step_s) and step_s >= 0.0,
        "positions must be finite and in the box": fault != OUT_OF_BOX,
        "diffusivities must be finite and not negative": fault != NOT_DIFFUSING,
        "a particle has a kind without permeabilities or decay": fault != UNKNOWN_KIND,
    }
    for rule, holds in problems.items():
        if not holds:
            raise InputError(rule, where="space", remedy="mend the particles given")
