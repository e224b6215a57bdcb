"""Many recipient cells at once: the uptake as a reaction network, and a faster exact sampler.

The network holds sites and entry that fill up; the sampler holds where they do not, and follows
thousands of cells with any number of vesicles. Both count every vesicle and every copy.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import BalanceError, InputError
from exosome.core.random import Streams
from exosome.numerics.network import Network, Parameter, Reaction, Species, reaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.cell.loading import Cargo
    from exosome.cell.recipient import Recipient

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

_BLOCK_CELLS = 256
_BLOCK_OPENED = 2_000_000
_MOST_OPENED = 500_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """What many cells received, at each moment.

    Parameters
    ----------
    times_h : array, shape (times,)
        Hours, evenly spaced from 0.
    uptake : array, shape (cells,)
        How much a cell binds, relative to the mean cell.
    given : array of int, shape (cells, times)
        Vesicles that came near the cell so far. Each is in one of the next eight places.
    free, bound, early, late, degraded, recycled_out, opened, lost : array of int
        ``recycled_out``: outside and intact again; bound again, they count as bound.
    internalised : array of int
        Vesicles that have been inside at least once; no place of its own.
    released, copies, decayed : array of int
        Functional copies let out into the cytosol so far, those there now, those lost since.
    """

    times_h: Floats
    uptake: Floats
    given: Ints
    free: Ints
    bound: Ints
    early: Ints
    late: Ints
    degraded: Ints
    recycled_out: Ints
    opened: Ints
    lost: Ints
    internalised: Ints
    released: Ints
    copies: Ints
    decayed: Ints


PLACES = ("free", "bound", "early", "late", "degraded", "recycled_out", "opened", "lost")

# States of one vesicle. Those after a first stay inside are told apart, so that every vesicle
# that was ever inside can be counted. COMING is a vesicle still to arrive within the step.
_FREE, _ON_SITE, _ON_SURFACE, _EARLY, _LATE, _AGAIN, _SITE_AGAIN, _SURFACE_AGAIN = range(8)
_DEGRADED, _OPENED, _LOST, _LOST_AGAIN, _COMING = range(8, 13)
_MOVING = (_FREE, _ON_SITE, _ON_SURFACE, _EARLY, _LATE, _AGAIN, _SITE_AGAIN, _SURFACE_AGAIN)
_NEVER_IN = (_FREE, _ON_SITE, _ON_SURFACE, _LOST)
_STATES = 12
_WHERE = {
    "free": (_FREE,),
    "bound": (_ON_SITE, _ON_SURFACE, _SITE_AGAIN, _SURFACE_AGAIN),
    "early": (_EARLY,),
    "late": (_LATE,),
    "degraded": (_DEGRADED,),
    "recycled_out": (_AGAIN,),
    "opened": (_OPENED,),
    "lost": (_LOST, _LOST_AGAIN),
}


def _generator(r: Recipient, uptake: Floats) -> Floats:
    """Return the rates from state to state for each cell, shape (cells, states, states)."""
    rates = np.zeros((uptake.size, _STATES, _STATES))
    for outside, site, surface, gone in (
        (_FREE, _ON_SITE, _ON_SURFACE, _LOST),
        (_AGAIN, _SITE_AGAIN, _SURFACE_AGAIN, _LOST_AGAIN),
    ):
        rates[:, outside, site] = uptake * float(r.bind_specific)
        rates[:, outside, surface] = uptake * float(r.bind_nonspecific)
        rates[:, outside, gone] = float(r.loss_outside)
        rates[:, site, outside] = float(r.unbind_specific)
        rates[:, surface, outside] = float(r.unbind_nonspecific)
        rates[:, site, _EARLY] = rates[:, surface, _EARLY] = float(r.internalise)
    rates[:, _EARLY, _LATE] = float(r.mature)
    rates[:, _EARLY, _AGAIN] = float(r.recycle)
    rates[:, _LATE, _DEGRADED] = float(r.lysosome)
    rates[:, _LATE, _OPENED] = float(r.opening)
    every = np.arange(_STATES)
    rates[:, every, every] = -rates.sum(axis=2)
    return rates


def _halvings(rates: Floats, step_h: float) -> list[Floats]:
    """Return the chances of moves over the step, its half, its quarter and so on.

    Level ``m`` covers ``step / 2**m``, shape (cells, states + 1, states). The last row belongs to
    a vesicle that arrives at a uniform moment of that stretch. The shortest stretch is a Taylor
    series with a norm below 0.05, so that it is exact to rounding; each longer one follows from
    the next: ``P(2t) = P(t) P(t)``, ``A(2t) = (A(t) P(t) + A(t)) / 2``.
    """
    norm = float(np.abs(rates).max()) * step_h
    levels = int(max(12, np.ceil(np.log2(max(norm, 1.0) / 0.05))))
    small = rates * (step_h / 2.0**levels)
    move = np.broadcast_to(np.eye(_STATES), small.shape).copy()
    come, term = move.copy(), move.copy()
    for order in range(1, 9):
        term = term @ small / order
        move += term
        come += term / (order + 1)
    arrive = come[:, :1, :]
    found: list[Floats] = []
    for level in range(levels + 1):
        if level:
            arrive = (arrive @ move + arrive) / 2.0
            move = move @ move
        chances = np.concatenate([move, arrive], axis=1)
        np.maximum(chances, 0.0, out=chances)
        chances /= chances.sum(axis=2, keepdims=True)
        found.append(chances)
    return found[::-1]


def _moment_of_opening(
    moves: list[Floats], cell: Ints, state: Ints, step_h: float, rng: np.random.Generator
) -> Floats:
    """Return when vesicles open that start a step in ``state`` and are open at its end.

    The step is halved again and again: at each middle the state is drawn given that the vesicle
    is open at the end of the stretch. Exact down to the shortest stretch, 1/4096 of a step or
    less, in which the moment is uniform.
    """
    at = np.zeros(cell.size)
    state = state.copy()
    for level in range(1, len(moves)):
        half, width = moves[level], step_h / 2.0**level
        coming = state == _COMING
        middle = np.zeros((cell.size, _STATES + 1))
        middle[:, :_STATES] = half[cell, state]
        middle[coming] *= 0.5
        middle[coming, _COMING] = 0.5
        middle *= half[cell, :, _OPENED]
        middle = np.cumsum(middle, axis=1)
        total = middle[:, -1]
        there = (middle <= (rng.random(cell.size) * total)[:, None]).sum(axis=1)
        there = np.where(total > 0.0, there, state)  # chances too small for floats: no move
        later = there != _OPENED
        at[later] += width
        state[later] = there[later]
    return at + rng.random(cell.size) * (step_h / 2.0 ** (len(moves) - 1))


def receive(  # noqa: PLR0913 - keyword only
    recipient: Recipient,
    *,
    cells: int,
    given: int | Ints,
    times_h: Floats,
    cargo: Cargo,
    seed: int,
    uptake_cv: float = 0.0,
    workers: int = 2,
    purpose: str = "cell.recipient",
) -> Received:
    """Return what independent recipient cells received, drawn exactly.

    Given a cell's uptake factor (gamma, mean 1), which multiplies both rates of binding, its
    vesicles do not feel each other: over each step the vesicles of one state move on by one
    multinomial draw with the chances of the chain. Vesicles that open and hold copies get the
    moment of opening, their copies act each with a chance and are lost one by one. There is no
    error of a step in time. It stops holding where `recipient.saturation` is not small. The same
    bytes for any number of workers.

    Parameters
    ----------
    given : int, or array of int, shape (cells, times - 1)
        Vesicles around each cell at time zero; or those that arrive in each step, at moments
        that are uniform in it and independent of each other.
    times_h : array
        Moments to report, evenly spaced from 0.
    cargo : Cargo
        Copies in the vesicles given, and their fate.
    uptake_cv : float
        Spread of the uptake factor between cells, over its mean.

    Raises
    ------
    InputError
        No cells, moments that are not even, negative counts, or more openings than can be drawn.
    BalanceError
        Vesicles or copies were lost or made: a defect of the program.
    """
    times = np.asarray(times_h, dtype=np.float64)
    steps = np.diff(times)
    if cells < 1 or times.size < 2 or times[0] != 0.0 or not np.all(steps > 0.0):
        raise InputError(
            "cells must be at least 1, and the moments must increase from 0",
            where="recipient cells",
            remedy="give for example 1000 cells and 24 h in steps of 1 h",
        )
    if not np.allclose(steps, steps[0], rtol=1e-9):
        raise InputError(
            "the moments are not evenly spaced",
            where="recipient cells",
            remedy="give for example np.linspace(0, 24, 25)",
        )
    if any(np.ndim(getattr(recipient, field.name)) for field in fields(recipient)):
        raise InputError(
            "the rates are arrays of draws, and cells need one number each",
            where="recipient cells",
            remedy="give the medians",
        )
    start, arriving = _arrivals(given, cells, steps.size)
    rare = float(recipient.opening) > 0.0
    each = float(start.mean() + arriving.sum(axis=1).mean()) * cargo.loading.share if rare else 0.0
    if cells * each > _MOST_OPENED:
        raise InputError(
            f"{cells * each:.2g} loaded vesicles around {cells} cells are too many to follow",
            where="recipient cells",
            remedy=f"ask for at most {max(1, int(_MOST_OPENED / each))} cells, or fewer vesicles",
        )
    size = int(np.clip(_BLOCK_OPENED / max(each, 1.0), 1, _BLOCK_CELLS))
    streams = Streams(seed)

    def block(first: int) -> Received:
        rng = streams.of(purpose, first)
        held = slice(first, min(first + size, cells))
        return _block(recipient, times, start[held], arriving[held], cargo, uptake_cv, rng)

    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        return _joined(list(pool.map(block, range(0, cells, size))))


def _arrivals(given: int | Ints, cells: int, steps: int) -> tuple[Ints, Ints]:
    """Return the vesicles of each cell at the start, and those that arrive in each step."""
    if isinstance(given, int | np.integer):
        start = np.full(cells, int(given), dtype=np.int64)
        arriving = np.zeros((cells, steps), dtype=np.int64)
    else:
        start = np.zeros(cells, dtype=np.int64)
        arriving = np.asarray(given)
    if arriving.shape != (cells, steps) or not np.issubdtype(arriving.dtype, np.integer):
        raise InputError(
            f"vesicles given have the shape {arriving.shape} and the type {arriving.dtype}",
            where="recipient cells",
            remedy=f"give one whole number, or whole numbers of shape ({cells}, {steps})",
        )
    if start.min() < 0 or arriving.min() < 0:
        raise InputError(
            "a negative number of vesicles is given",
            where="recipient cells",
            remedy="give zero or more",
        )
    return start, arriving.astype(np.int64)


def _block(
    r: Recipient,
    times: Floats,
    start: Ints,
    arriving: Ints,
    cargo: Cargo,
    uptake_cv: float,
    rng: np.random.Generator,
) -> Received:
    cells, step = start.size, float(times[1])
    shape = (cells, times.size)
    if uptake_cv > 0.0:
        uptake = rng.gamma(uptake_cv**-2.0, uptake_cv**2.0, cells)
        kind = np.arange(cells)
    else:  # all cells alike: one set of chances
        uptake, kind = np.ones(cells), np.zeros(cells, dtype=np.int64)
    moves = _halvings(_generator(r, uptake if uptake_cv > 0.0 else uptake[:1]), step)
    whole = moves[0]
    place = np.zeros((cells, _STATES), dtype=np.int64)
    place[:, _FREE] = start
    path = np.zeros((*shape, _STATES), dtype=np.int64)
    path[:, 0] = place
    released, copies, decayed = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    for i in range(times.size - 1):
        moved = np.zeros_like(place)
        moved[:, _DEGRADED:] = place[:, _DEGRADED:]
        opening: list[tuple[int, Ints]] = []
        for state in (*_MOVING, _COMING):
            count = arriving[:, i] if state == _COMING else place[:, state]
            if not count.any():
                continue
            gone = rng.multinomial(count, whole[kind, state])
            moved += gone
            opening.append((state, gone[:, _OPENED]))
        place = moved
        path[:, i + 1] = place
        fresh, kept = _let_out(moves, kind, opening, step, cargo, rng)
        alive = rng.binomial(copies[:, i], np.exp(-cargo.loss_per_h * step))
        released[:, i + 1] = released[:, i] + fresh
        copies[:, i + 1] = alive + kept
        decayed[:, i + 1] = decayed[:, i] + (copies[:, i] - alive) + (fresh - kept)
    so_far = start[:, None] + np.concatenate(
        [np.zeros((cells, 1), dtype=np.int64), np.cumsum(arriving, axis=1)], axis=1
    )
    found = Received(
        times_h=times,
        uptake=uptake,
        given=so_far,
        **{name: path[:, :, list(states)].sum(axis=2) for name, states in _WHERE.items()},
        internalised=so_far - path[:, :, list(_NEVER_IN)].sum(axis=2),
        released=released,
        copies=copies,
        decayed=decayed,
    )
    check_balance(found)
    return found


def _let_out(
    moves: list[Floats],
    kind: Ints,
    opening: list[tuple[int, Ints]],
    step: float,
    cargo: Cargo,
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """Return the functional copies let out in a step, and those of them left at its end."""
    cells = kind.size
    owners: list[Ints] = []
    states: list[Ints] = []
    for state, count in opening:
        loaded = rng.binomial(count, cargo.loading.share)
        owners.append(np.repeat(np.arange(cells), loaded))
        states.append(np.full(owners[-1].size, state, dtype=np.int64))
    owner = np.concatenate(owners) if owners else np.zeros(0, dtype=np.int64)
    if not owner.size:
        none = np.zeros(cells, dtype=np.int64)
        return none, none
    acting = rng.binomial(cargo.loading.draw(owner.size, rng), cargo.functional)
    left_h = step - _moment_of_opening(moves, kind[owner], np.concatenate(states), step, rng)
    kept = rng.binomial(acting, np.exp(-cargo.loss_per_h * left_h))

    def summed(counts: Ints) -> Ints:
        # Sums of counts far below 2**53 are exact in the floats that bincount adds.
        return np.bincount(owner, weights=counts, minlength=cells).astype(np.int64)

    return summed(acting), summed(kept)


def check_balance(found: Received) -> None:
    """Check that every vesicle given is in one place, and every copy let out there or lost.

    Raises
    ------
    BalanceError
        Vesicles or copies were lost or made.
    """
    placed = sum(getattr(found, name) for name in PLACES)
    vesicles = int(np.abs(placed - found.given).sum())
    held = int(np.abs(found.copies + found.decayed - found.released).sum())
    if vesicles or held:
        raise BalanceError(
            f"{vesicles} vesicles and {held} copies lost or made",
            where="recipient cells",
            remedy="this is a defect of the program: report it with the command and the seed",
        )


def _joined(parts: list[Received]) -> Received:
    return Received(
        times_h=parts[0].times_h,
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Received)
            if field.name != "times_h"
        },
    )


def network(recipient: Recipient, given: Mapping[int, int], *, loss_per_h: float = 0.0) -> Network:
    """Return the uptake as a reaction network with sites and entry that fill up.

    ``given`` maps functional copies in a vesicle to the vesicles given with so many; the classes
    compete for the sites ``S`` and for entry. Binding takes a free site (``Free + S``), entry
    slows down as ``k B / (1 + k B / most)``. A site is free again as soon as its vesicle is
    inside. Species for class ``n``: ``Free_n``, ``Site_n``, ``Surface_n``, ``Early_n``,
    ``Late_n``. Counters: ``Degraded``, ``Opened``, ``Lost``, ``Recycled`` and ``Entered``
    (events), ``Copies`` in the cytosol and ``Decayed``. At every moment what is outside, bound,
    early and late, with ``Degraded + Opened + Lost``, is what was given.

    Raises
    ------
    InputError
        Nothing is given, or the rates are arrays of draws.
    """
    if not given or any(n < 0 or count < 0 for n, count in given.items()):
        raise InputError(
            "vesicles and their copies must be zero or more, in at least one class",
            where="network",
            remedy="give for example {0: 90, 10: 10}",
        )
    r = recipient
    if any(np.ndim(getattr(r, field.name)) for field in fields(r)):
        raise InputError(
            "the rates are arrays of draws", where="network", remedy="give the medians"
        )
    sites = round(float(r.sites))
    # Binding of one vesicle with all sites free is what the rate says; without sites there is none.
    rates = {
        "k_site": float(r.bind_specific) / sites if sites else 0.0,
        "k_surface": float(r.bind_nonspecific),
        "k_off_site": float(r.unbind_specific),
        "k_off_surface": float(r.unbind_nonspecific),
        "k_in": float(r.internalise),
        "k_most": float(r.entries_per_h),
        "k_mature": float(r.mature),
        "k_recycle": float(r.recycle),
        "k_lysosome": float(r.lysosome),
        "k_open": float(r.opening),
        "k_loss": float(r.loss_outside),
        "k_decay": loss_per_h,
    }
    bound = " + ".join(f"Site_{n} + Surface_{n}" for n in given)
    species = [Species("S", sites)]
    steps: list[Reaction] = []
    for n, count in given.items():
        species.append(Species(f"Free_{n}", count))
        species += [Species(f"{place}_{n}") for place in ("Site", "Surface", "Early", "Late")]
        out = f"Opened + {n} Copies" if n else "Opened"
        slow = f"k_most / (k_most + k_in * ({bound}))" if rates["k_most"] else "0"
        into = {place: f"k_in * {place}_{n} * {slow}" for place in ("Site", "Surface")}
        steps += [
            reaction(f"bind_{n}", f"Free_{n} + S -> Site_{n}", constant="k_site"),
            reaction(f"stick_{n}", f"Free_{n} -> Surface_{n}", constant="k_surface"),
            reaction(f"unbind_{n}", f"Site_{n} -> Free_{n} + S", constant="k_off_site"),
            reaction(f"unstick_{n}", f"Surface_{n} -> Free_{n}", constant="k_off_surface"),
            reaction(f"enter_{n}", f"Site_{n} -> Early_{n} + S + Entered", rate=into["Site"]),
            reaction(f"engulf_{n}", f"Surface_{n} -> Early_{n} + Entered", rate=into["Surface"]),
            reaction(f"mature_{n}", f"Early_{n} -> Late_{n}", constant="k_mature"),
            reaction(f"recycle_{n}", f"Early_{n} -> Free_{n} + Recycled", constant="k_recycle"),
            reaction(f"degrade_{n}", f"Late_{n} -> Degraded", constant="k_lysosome"),
            reaction(f"open_{n}", f"Late_{n} -> {out}", constant="k_open"),
            reaction(f"lose_{n}", f"Free_{n} -> Lost", constant="k_loss"),
        ]
    steps.append(reaction("decay", "Copies -> Decayed", constant="k_decay"))
    counters = ("Degraded", "Opened", "Lost", "Recycled", "Entered", "Copies", "Decayed")
    species += [Species(name) for name in counters]
    return Network(
        "recipient uptake",
        tuple(species),
        tuple(steps),
        tuple(Parameter(name, value) for name, value in rates.items()),
    )
