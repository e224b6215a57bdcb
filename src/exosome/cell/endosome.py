"""Many donor cells at once: the pathway as a reaction network, and a faster exact sampler.

Both start from a cell without endosomes and follow the same law. The network counts bodies by
the number of vesicles that they hold; the sampler draws each body's life at one go, which
is exact since bodies do not act on each other.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.donor import expected
from exosome.core.errors import BalanceError, InputError
from exosome.core.random import Streams
from exosome.numerics.network import Network, Parameter, Reaction, Species, reaction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.cell.donor import Pathway

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

FATES = ("secreted", "lysosomal", "back_fused", "inside")
_BLOCK_BODIES = 1_000_000
_MOST_BODIES = 300_000_000


def network(pathway: Pathway, most_ilvs: int) -> Network:
    """Return the pathway as a first-order network of bodies by their content.

    Species: early endosomes ``E``; bodies ``M_0`` to ``M_n`` with that many ILVs; the counters
    ``Exo``, ``Lys``, ``Back``, ``Formed`` (ILVs), ``Bursts`` and ``Ecto``. A body with
    ``most_ilvs`` takes up no more: choose it so large that hardly any body gets there (the mean
    burst times ten is ample). ``Exo + Lys + Back + sum n M_n = Formed`` holds at every moment.

    Raises
    ------
    InputError
        Fewer than one ILV fits, or the rates are arrays of draws.
    """
    if most_ilvs < 1:
        raise InputError("a body must hold a vesicle", where="network", remedy="give 1 or more")
    rates = {
        "k_form": pathway.endosome,
        "k_mature": pathway.maturation,
        "k_escrt": pathway.budding_escrt,
        "k_ceramide": pathway.budding_ceramide,
        "k_back": pathway.back_fusion,
        "k_fuse": pathway.mvb_fusion,
        "k_lysosome": pathway.mvb_lysosome,
        "k_ecto": pathway.ectosome,
    }
    steps: list[Reaction] = [
        reaction("form", "-> E", constant="k_form"),
        reaction("mature", "E -> M_0", constant="k_mature"),
        reaction("shed", "-> Ecto", constant="k_ecto"),
    ]
    for n in range(most_ilvs + 1):
        for end, where in (("fuse", "Exo"), ("lysosome", "Lys")):
            gone = f"{n} {where}" if n else ""
            mark = "Bursts" if end == "fuse" else ""
            right = " + ".join(part for part in (gone, mark) if part)
            steps.append(reaction(f"{end}_{n}", f"M_{n} -> {right}", constant=f"k_{end}"))
        if n < most_ilvs:
            steps.extend(
                reaction(f"{route}_{n}", f"M_{n} -> M_{n + 1} + Formed", constant=f"k_{route}")
                for route in ("escrt", "ceramide")
            )
        if n:
            steps.append(
                reaction(f"back_{n}", f"M_{n} -> M_{n - 1} + Back", constant=f"{n} * k_back")
            )
    bodies = [f"M_{n}" for n in range(most_ilvs + 1)]
    names = ["E", *bodies, "Exo", "Lys", "Back", "Formed", "Bursts", "Ecto"]
    return Network(
        "donor endosome",
        tuple(Species(name) for name in names),
        tuple(steps),
        tuple(Parameter(name, float(rate)) for name, rate in rates.items()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What many cells did.

    Parameters
    ----------
    edges_h : array, shape (bins + 1,)
        Window of observation; hours since the cells had warmed up.
    exosomes, bursts, ectosomes : array of int, shape (cells, bins)
        Released in each bin.
    formed, secreted, lysosomal, back_fused, inside : array of int, shape (cells,)
        ILVs since the cell was empty, warm-up included.
    escrt : array of int, shape (cells,)
        Of those formed, how many budded by the ESCRT-dependent route.
    burst_sizes : array of int
        ILVs of each burst in the window, all cells.
    """

    edges_h: Floats
    exosomes: Ints
    bursts: Ints
    ectosomes: Ints
    formed: Ints
    escrt: Ints
    secreted: Ints
    lysosomal: Ints
    back_fused: Ints
    inside: Ints
    burst_sizes: Ints

    @property
    def released(self) -> Ints:
        """Vesicles of both origins released in each bin."""
        return self.exosomes + self.ectosomes


def warm_up_h(pathway: Pathway) -> float:
    """Return the time after which an empty cell is within 1e-5 of its steady state."""
    slowest = min(float(pathway.maturation), float(pathway.mvb_fusion + pathway.mvb_lysosome))
    # Two stages in a row: their tail is below (1 + k t) exp(-k t), 1e-5 at k t = 14.3.
    return 14.3 / slowest


def simulate_cells(
    pathway: Pathway,
    *,
    cells: int,
    edges_h: Floats,
    seed: int,
    workers: int = 2,
    warm_h: float | None = None,
    purpose: str = "cell.donor",
) -> Cells:
    """Return what independent donor cells released, drawn exactly.

    Endosomes arrive as a Poisson process from ``warm_h`` before the window on. Each waits an
    exponential time to become a body, which then lives an exponential time and ends at the
    plasma membrane or the lysosome by the ratio of the rates. Given the time that it has been
    open, ``d``, a body has formed Poisson numbers of ILVs, independent of each other: of mean
    ``m = b / f (1 - exp(-f d))`` still there, and ``b d - m`` fused back (marking of a Poisson
    process). No step in time, no truncation. The same bytes for any number of workers.

    Raises
    ------
    InputError
        No cells, edges that do not increase from 0, or more bodies than can be drawn.
    BalanceError
        Vesicles were lost or made: a defect of the program.
    """
    edges = np.asarray(edges_h, dtype=np.float64)
    if cells < 1 or edges.size < 2 or edges[0] != 0.0 or not np.all(np.diff(edges) > 0.0):
        raise InputError(
            "cells must be at least 1, and the bins must increase from 0",
            where="donor cells",
            remedy="give for example 1000 cells and 24 h in bins of 1 h",
        )
    warm = warm_up_h(pathway) if warm_h is None else warm_h
    each = float(pathway.endosome) * (warm + float(edges[-1]))
    if cells * each > _MOST_BODIES:
        raise InputError(
            f"{cells} cells would open {cells * each:.2g} multivesicular bodies",
            where="donor cells",
            remedy=f"ask for at most {max(1, int(_MOST_BODIES / each))} cells, or fewer hours",
        )
    size = int(np.clip(_BLOCK_BODIES / max(each, 1.0), 1, 4096))
    starts = range(0, cells, size)
    streams = Streams(seed)

    def block(first: int) -> Cells:
        rng = streams.of(purpose, first)
        return _block(pathway, min(size, cells - first), edges, warm, rng)

    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        return _joined(list(pool.map(block, starts)))


def _block(
    pathway: Pathway, cells: int, edges: Floats, warm: float, rng: np.random.Generator
) -> Cells:
    p, bins, until = pathway, edges.size - 1, float(edges[-1])
    number = rng.poisson(float(p.endosome) * (warm + until), cells)
    total = int(number.sum())
    owner = np.repeat(np.arange(cells), number)
    opened = rng.random(total) * (warm + until) - warm
    opened += rng.standard_exponential(total) / float(p.maturation)
    is_open = opened < until  # the others are early endosomes still
    owner, opened = owner[is_open], opened[is_open]
    ends = float(p.mvb_fusion + p.mvb_lysosome)
    life = rng.standard_exponential(opened.size) / ends
    closed = opened + life
    has_ended = closed < until
    secretes = has_ended & (rng.random(opened.size) * ends < float(p.mvb_fusion))
    spent = np.minimum(life, until - opened)
    budding, back = float(p.budding), float(p.back_fusion)
    mean_held = -np.expm1(-back * spent) * (budding / back) if back > 0.0 else budding * spent
    held = rng.poisson(mean_held)
    returned = rng.poisson(np.maximum(budding * spent - mean_held, 0.0))

    def summed(counts: Ints, chosen: NDArray[np.bool_]) -> Ints:
        found = np.bincount(owner[chosen], weights=counts[chosen], minlength=cells)
        return found.astype(np.int64)

    everyone = np.ones(owner.size, dtype=bool)
    formed = summed(held + returned, everyone)
    budding_escrt = float(p.budding_escrt)
    seen = secretes & (closed >= 0.0)
    slot = owner[seen] * bins + np.searchsorted(edges, closed[seen], side="right") - 1
    shape = (cells, bins)
    found = Cells(
        edges_h=edges,
        exosomes=_tally(slot, held[seen], shape),
        bursts=_tally(slot, np.ones(slot.size, dtype=np.int64), shape),
        ectosomes=rng.poisson(np.broadcast_to(float(p.ectosome) * np.diff(edges), shape)),
        formed=formed,
        escrt=rng.binomial(formed, budding_escrt / budding if budding > 0.0 else 0.0),
        secreted=summed(held, secretes),
        lysosomal=summed(held, has_ended & ~secretes),
        back_fused=summed(returned, everyone),
        inside=summed(held, ~has_ended),
        burst_sizes=held[seen],
    )
    accounted = found.secreted + found.lysosomal + found.back_fused + found.inside
    if not np.array_equal(accounted, found.formed):
        raise BalanceError(
            f"{int(np.abs(accounted - found.formed).sum())} intraluminal vesicles lost or made",
            where="donor cells",
            remedy="this is a defect of the program: report it with the command and the seed",
        )
    return found


def _tally(slot: Ints, counts: Ints, shape: tuple[int, int]) -> Ints:
    # Sums of counts far below 2**53 are exact in the floats that bincount adds.
    found = np.bincount(slot, weights=counts, minlength=shape[0] * shape[1])
    return found.astype(np.int64).reshape(shape)


def _joined(parts: list[Cells]) -> Cells:
    def of(name: str) -> Ints:
        return np.concatenate([getattr(part, name) for part in parts])

    return Cells(
        edges_h=parts[0].edges_h,
        exosomes=of("exosomes"),
        bursts=of("bursts"),
        ectosomes=of("ectosomes"),
        formed=of("formed"),
        escrt=of("escrt"),
        secreted=of("secreted"),
        lysosomal=of("lysosomal"),
        back_fused=of("back_fused"),
        inside=of("inside"),
        burst_sizes=of("burst_sizes"),
    )


def most_ilvs_for(pathway: Pathway) -> int:
    """Return a content that hardly any body exceeds: ten mean bursts and ten.

    A body's content has at most the tail of an exponential life times a Poisson number: e^-10.
    """
    return int(10.0 * float(expected(pathway).ilvs_per_burst)) + 10
