"""Out of a vessel: vesicles in the blood, through the wall, among the cells behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.progress import Reporter, Silent
from exosome.numerics.brownian import DECAYED, FREE
from exosome.numerics.brownian import WALL as IN_THE_WALL
from exosome.study import snapshots
from exosome.study.space_law import decay_length, mixed_law
from exosome.study.space_saturation import opening
from exosome.study.space_world import world_of
from exosome.study.vessel_knock_outs import vessel_knock_outs
from exosome.tissue.space import Link, Sent, State, is_held, links, sheets, windows
from exosome.tissue.vessel_law import DepthLaw, beyond_all, exit_per_s, left_in_passage

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from exosome.core.balance import BalanceSheet
    from exosome.study.space_knock_outs import KnockOut
    from exosome.study.vessel_plan import VesselPlan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Exit:
    """How many vesicles left: counted, and from the closed form.

    Parameters
    ----------
    counted : int
    expected : float
        ``2 P / R`` times the time that vesicles spent in the blood.
    per_hour, per_hour_law : float
        Share of the vesicles in the blood that leaves in an hour of circulation here.
    per_passage, per_passage_law : float
        Share that leaves on one way along the length; nan without flow.
    """

    counted: int
    expected: float
    per_hour: float
    per_hour_law: float
    per_passage: float
    per_passage_law: float

    @property
    def z(self) -> float:
        """Distance from the closed form in standard errors of a count."""
        return (self.counted - self.expected) / math.sqrt(max(self.expected, 1e-300))


@dataclass(frozen=True, slots=True, eq=False)
class VesselResult:
    """What left the vessel and where it came to.

    ``depth_um`` is the distance behind the wall of every vesicle that was taken up by a cell or
    lost there, for a steady source once the profile stands; ``taken_depth_um`` that of those that
    were taken up, at any time; ``cell_depth_um`` that of the near side of each cell.
    """

    plan: VesselPlan
    sent: Sent
    state: State
    vesicles: BalanceSheet
    copies: BalanceSheet
    links: tuple[Link, ...]
    left: Exit
    uptake: Ints
    copies_taken: Ints
    depth_um: Floats
    taken_depth_um: Floats
    cell_depth_um: Floats
    depths: tuple[DepthLaw, ...]
    weights: Floats
    length_um: tuple[float, float, float]  # 5 %, at the medians, 95 %
    knock_outs: tuple[KnockOut, ...]

    def beyond(self, depth_um: Floats) -> Floats:
        """Return the closed form's share that ends further behind the wall than a distance."""
        return beyond_all(self.depths, self.weights, depth_um)


def run_vessel(
    planned: VesselPlan,
    *,
    workers: int = 2,
    directory: Path | None = None,
    reporter: Reporter | None = None,
) -> VesselResult:
    """Return the result of a plan; the same for any number of workers and wherever it was cut.

    With a ``directory``, a snapshot is kept there after each window, and a run that finds its
    own snapshot goes on from it.
    """
    told = reporter or Silent()
    sent = planned.sent()
    world = world_of(planned, planned.conditions, planned.tube)
    count = planned.scenario.run.windows
    fingerprint = planned.fingerprint
    kept = None if directory is None else snapshots.found(directory, fingerprint)
    state = State.fresh(sent) if kept is None else State.of(kept)
    told.start("windows of time", count)
    told.advance(state.window)
    try:
        for done in windows(
            state, sent, world, duration_s=planned.duration_s, count=count, seed=planned.seed,
            bias=planned.scenario.run.bias, workers=workers,
            share_open=opening(planned, planned.conditions, count),
        ):  # fmt: skip
            if directory is not None:
                snapshots.keep(directory, fingerprint, done.arrays())
            told.advance()
    finally:
        told.finish()
    return _result(planned, sent, state, workers)


def _result(planned: VesselPlan, sent: Sent, state: State, workers: int) -> VesselResult:
    fate, tube, cells = state.fate, planned.tube, len(planned.layout)
    inside = tube.holds(state.end_um) & (fate < 0) & (fate != IN_THE_WALL)
    behind = ~inside & (fate != IN_THE_WALL)
    taken = fate >= 0
    vesicles, cargo = sheets(
        sent,
        {
            "taken up by cells": taken,
            "lost behind the wall": behind & (fate == DECAYED),
            "bound to the matrix": behind & is_held(fate),
            "still free behind the wall": behind & (fate == FREE),
            "taken up by the vessel wall": fate == IN_THE_WALL,
            "lost in the blood": inside & (fate == DECAYED),
            "still in the blood": inside & (fate == FREE),
        },
    )
    ended = behind & (taken | (fate == DECAYED))
    if planned.scenario.vessel.source == "steady":
        ended &= state.end_s >= planned.settled_s
    law = mixed_law(planned, planned.conditions, 0.0)
    held = np.bincount(fate[taken], weights=sent.copies[taken], minlength=cells)
    return VesselResult(
        plan=planned,
        sent=sent,
        state=state,
        vesicles=vesicles,
        copies=cargo,
        links=links(state, sent),
        left=_exit(planned, int(behind.sum())),
        uptake=np.bincount(fate[taken], minlength=cells),
        copies_taken=held.astype(np.int64),
        depth_um=tube.height_um(state.end_um[ended]),
        taken_depth_um=tube.height_um(state.end_um[taken]),
        cell_depth_um=tube.height_um(planned.layout.centres_um) - planned.layout.radii_um,
        depths=tuple(DepthLaw(planned.radius_um, float(one.length_um)) for one in law.laws),
        weights=law.shares,
        length_um=decay_length(planned, 0.0),
        knock_outs=vessel_knock_outs(planned, workers),
    )


def _exit(planned: VesselPlan, counted: int) -> Exit:
    rate = exit_per_s(planned.permeability_um_per_s, planned.radius_um)
    seen = counted / planned.lumen_seconds
    passage = planned.passage_s
    return Exit(
        counted,
        rate * planned.lumen_seconds,
        -math.expm1(-3600.0 * seen),
        -math.expm1(-3600.0 * rate),
        -math.expm1(-passage * seen) if math.isfinite(passage) else math.nan,
        left_in_passage(
            planned.permeability_um_per_s, planned.radius_um,
            float(planned.layout.size_um[2]), planned.speed_um_per_s,
        ) if planned.speed_um_per_s else math.nan,
    )  # fmt: skip
