"""Few rich vesicles against many poor ones, at the same mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.loading import Independent, Packets
from exosome.cell.reaching import chance_of_copies, chance_of_opening
from exosome.study.pair import answer, cargo_of, recipient, take_up

if TYPE_CHECKING:
    from exosome.cell.loading import Loading
    from exosome.study.cell_to_cell import MessageAsked, Plan
    from exosome.study.pair import Sent

PACKETS = (10, 100, 1000)


@dataclass(frozen=True, slots=True)
class PackingFound:
    """The same mean copies in another packing, in receivers of the same vesicles.

    ``loaded`` is the share of vesicles that hold any copy; ``mean_theory`` and ``mean`` are the
    functional copies let out by the end; ``theory`` and ``simulated`` the share of receivers
    with at least ``needed``, ``z`` their difference in standard errors; ``responding`` the share
    whose effect counts as a response.
    """

    name: str
    loaded: float
    mean_theory: float
    mean: float
    needed: int
    theory: float
    simulated: float
    z: float
    responding: float


def compare_packings(
    planned: Plan, message: MessageAsked, needed: int | None, sent: Sent, *, workers: int
) -> tuple[PackingFound, ...]:
    """Return the packings of a message's cargo at its mean; none where it has no cargo.

    ``needed`` copies make a response if let out at once; where no number does, one is asked for.
    """
    if message.cargo is None:
        return ()
    numbers = planned.medians
    held = cargo_of(message, numbers)
    mean = held.loading.mean
    kinds: list[tuple[str, Loading]] = [
        ("copies independent of each other", Independent(np.full(1, mean)))
    ]
    kinds += [(f"{n:,} copies to a vesicle", Packets(mean, n)) for n in PACKETS if mean <= n]
    cell = recipient(planned, numbers, planned.openings[0][1].median)
    hours = planned.clock.watched
    copies = needed or 1
    found: list[PackingFound] = []
    for place, (name, loading) in enumerate(kinds):
        cargo = replace(held, loading=loading)
        got = take_up(
            planned,
            cell,
            sent,
            cargo,
            uptake_cv=numbers["uptake_cv"],
            workers=workers,
            purpose=f"packing.{place}",
        )
        opening = chance_of_opening(cell, got.uptake, planned.clock.sending, hours)
        coming = sent.arriving[:, : planned.clock.sending]
        chance = chance_of_copies(coming, opening, cargo, copies)
        enough = got.released[:, -1] >= copies
        spread = float((chance * (1.0 - chance)).sum()) ** 0.5
        gap = float(enough.sum() - chance.sum())
        expected = (coming * opening).sum(axis=1) * loading.mean * cargo.functional
        found.append(
            PackingFound(
                name=name,
                loaded=loading.share,
                mean_theory=float(expected.mean()),
                mean=float(got.released[:, -1].mean()),
                needed=copies,
                theory=float(chance.mean()),
                simulated=float(enough.mean()),
                z=gap / spread if spread > 1e-6 else 0.0,
                responding=float(answer(planned, message, numbers, got, cell).responding.mean()),
            )
        )
    return tuple(found)
