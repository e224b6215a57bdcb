"""Cells that fill: what sites change in a run, and how the error falls with its windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.study.space_knock_outs import KnockOut, knock_out
from exosome.study.space_world import world_of
from exosome.tissue.space import State, windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exosome.study.space_plan import Plan
    from exosome.study.space_setting import Conditions, Setting
    from exosome.tissue.space import Sent

    Floats = NDArray[np.float64]

_SURE = 4.0


@dataclass(frozen=True, slots=True)
class Convergence:
    """What was taken up by others, by the number of windows in which sites are counted anew."""

    windows: tuple[int, ...]
    taken: tuple[int, ...]

    @property
    def error(self) -> float:
        """What the last run still has too many, as a share: its distance from half the windows.

        The error is of first order in the window, so that halving it takes away as much again.
        """
        return abs(self.taken[-1] - self.taken[-2]) / max(1, self.taken[-1])


@dataclass(frozen=True, slots=True)
class Filled:
    """What came of sites that fill: the fullest cell, the knock-out, the order of the error."""

    fullest: float  # share of its sites that is taken at the end
    knock_out: KnockOut
    convergence: Convergence


def opening(
    planned: Setting, conditions: Conditions, count: int
) -> Callable[[State], Floats] | None:
    """Return what tells each cell's share of open sites before a window; None if none fill."""
    sites = conditions.sites
    if sites is None:
        return None
    cells, repeats = len(planned.layout), planned.scenario.run.repeats

    def share_open(state: State) -> Floats:
        now = planned.duration_s * state.window / count
        return 1.0 - sites.taken(state.fate, state.end_s, now, cells, repeats=repeats)

    return share_open


def filled(planned: Plan, sent: Sent, state: State, workers: int) -> Filled | None:
    """Return what sites changed in a finished run; None if cells do not fill.

    Three more runs share the chance of the first: without sites, and with half and a quarter
    of the windows.
    """
    conditions = planned.conditions
    if conditions.sites is None:
        return None
    count = planned.scenario.run.windows
    counts = sorted({max(1, count // 4), max(1, count // 2)})
    coarse = [int(taken_by_others(planned, conditions, sent, n, workers).sum()) for n in counts]
    here = _by_others(state, sent)
    free = taken_by_others(planned, replace(conditions, sites=None), sent, count, workers)
    share = conditions.sites.taken(
        state.fate, state.end_s, planned.duration_s, len(planned.layout),
        repeats=planned.scenario.run.repeats,
    )  # fmt: skip
    # A vesicle meets a site that is taken as often as sites are taken where it goes. Where that
    # keeps out fewer than chance moves, nothing is expected to be seen.
    hindered = float(share[state.fate[state.fate >= 0]].sum())
    expected = "rises" if hindered > 4.0 * _SURE**2 else "unchanged"
    return Filled(
        float(share.max()),
        knock_out(
            "no saturation", "taken up by others", expected,
            here.astype(np.float64), free.astype(np.float64),
        ),
        Convergence((*counts, count), (*coarse, int(here.sum()))),
    )  # fmt: skip


def taken_by_others(
    planned: Plan, conditions: Conditions, sent: Sent, count: int, workers: int
) -> NDArray[np.bool_]:
    """Return which vesicles cells other than their senders took up, in so many windows."""
    state = State.fresh(sent)
    for _ in windows(
        state, sent, world_of(planned, conditions), duration_s=planned.duration_s, count=count,
        seed=planned.seed, bias=planned.scenario.run.bias, workers=workers,
        share_open=opening(planned, conditions, count),
    ):  # fmt: skip
        pass
    return _by_others(state, sent)


def _by_others(state: State, sent: Sent) -> NDArray[np.bool_]:
    return (state.fate >= 0) & (state.fate != sent.sender)
