"""Near and far: cells that send, cells that take up, and the space between them.

Numbers stand at their medians in the simulated space, and are drawn over in closed form for the
interval of the range, so that what is not known is not mixed with chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.progress import Reporter, Silent
from exosome.numerics.brownian import DECAYED, FREE
from exosome.study import snapshots
from exosome.study.space_knock_outs import knock_outs
from exosome.study.space_law import decay_length, mixed_law
from exosome.study.space_packings import packings
from exosome.study.space_saturation import filled, opening
from exosome.study.space_world import sent_by, world_of
from exosome.tissue.frames import Film, Frames, follow
from exosome.tissue.space import Link, Sent, State, balance, is_held, links, windows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from exosome.core.balance import BalanceSheet
    from exosome.study.space_knock_outs import KnockOut
    from exosome.study.space_law import MixedLaw
    from exosome.study.space_packings import Packing
    from exosome.study.space_plan import Plan
    from exosome.study.space_saturation import Filled

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_FOLLOWED = 4.0  # life times of a film: two in a hundred would still be free, were there only loss


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What happened in space.

    ``distance_um`` is that from the sender's centre of every vesicle that another cell took up.
    ``film`` is the run at even times, ``followed`` some of its vesicles from their release on.
    """

    plan: Plan
    sent: Sent
    state: State
    vesicles: BalanceSheet
    copies: BalanceSheet
    links: tuple[Link, ...]
    uptake: Ints
    copies_taken: Ints
    distance_um: Floats
    law: MixedLaw
    length_um: tuple[float, float, float]  # 5 %, at the medians, 95 %
    packings: tuple[Packing, ...]
    knock_outs: tuple[KnockOut, ...]
    filled: Filled | None
    film: Film
    followed: Film

    def law_within(self, distance_um: Floats) -> Floats:
        """Return the closed form's share within a distance, over all sizes of vesicle."""
        return self.law.within(distance_um)


def run(
    planned: Plan,
    *,
    workers: int = 2,
    directory: Path | None = None,
    reporter: Reporter | None = None,
) -> Result:
    """Return the result of a plan; the same for any number of workers and wherever it was cut.

    With a ``directory``, a snapshot is kept there after each window, and a run that finds its
    own snapshot goes on from it.
    """
    told = reporter or Silent()
    sent = sent_by(planned)
    world = world_of(planned, planned.conditions)
    count = planned.scenario.run.windows
    fingerprint = planned.fingerprint
    kept = None if directory is None else snapshots.found(directory, fingerprint)
    state = State.fresh(sent) if kept is None else State.of(kept)
    frames = Frames.fresh(sent) if kept is None else Frames.of(kept)
    told.start("windows of time", count)
    told.advance(state.window)
    try:
        for done in windows(
            state, sent, world, duration_s=planned.duration_s, count=count, seed=planned.seed,
            bias=planned.scenario.run.bias, workers=workers,
            share_open=opening(planned, planned.conditions, count),
        ):  # fmt: skip
            frames = frames.after(done, count)
            if directory is not None:
                snapshots.keep(directory, fingerprint, {**done.arrays(), **frames.arrays()})
            told.advance()
    finally:
        told.finish()
    film = Film(sent, state, frames, planned.duration_s, count)
    until = min(planned.duration_s, _FOLLOWED / planned.middle("space_loss"))
    followed = follow(
        sent, world, until, seed=planned.seed, bias=planned.scenario.run.bias, workers=workers
    )
    return _result(planned, film, followed, workers)


def _result(planned: Plan, film: Film, followed: Film, workers: int) -> Result:
    sent, state = film.sent, film.state
    vesicles, cargo = balance(state, sent)
    cells = len(planned.layout)
    taken = state.fate >= 0
    uptake = np.bincount(state.fate[taken], minlength=cells)
    held = np.bincount(state.fate[taken], weights=sent.copies[taken], minlength=cells)
    from_membrane = float(sent.kind.mean())
    sites = filled(planned, sent, state, workers)
    rows = knock_outs(planned, sent, workers)
    return Result(
        plan=planned,
        sent=sent,
        state=state,
        vesicles=vesicles,
        copies=cargo,
        links=links(state, sent),
        uptake=uptake,
        copies_taken=held.astype(np.int64),
        distance_um=_distances(planned, sent, state.fate, state.end_um),
        law=mixed_law(planned, planned.conditions, from_membrane),
        length_um=decay_length(planned, from_membrane),
        packings=packings(planned, state, sent),
        knock_outs=rows if sites is None else (*rows, sites.knock_out),
        filled=sites,
        film=film,
        followed=followed,
    )


def _distances(planned: Plan, sent: Sent, fate: NDArray[np.int32], end: Floats) -> Floats:
    other = (fate >= 0) & (fate != sent.sender)
    away = end[other] - planned.layout.centres_um[sent.sender[other]]
    return np.linalg.norm(away, axis=1)


def shares(result: Result) -> dict[str, int]:
    """Return counts of vesicles by what became of them."""
    fate, sender = result.state.fate, result.sent.sender
    return {
        "taken up by other cells": int(((fate >= 0) & (fate != sender)).sum()),
        "taken up by the sender": int((fate == sender).sum()),
        "lost": int((fate == DECAYED).sum()),
        "bound to the matrix": int(is_held(fate).sum()),
        "still free": int((fate == FREE).sum()),
    }
