"""Knock-outs in space: one thing taken away, and the observable that must move."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from exosome.numerics.brownian import Particles, advance
from exosome.study.space_world import world_of
from exosome.tissue.vesicles import Matrix, diffusivity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.study.space_plan import Plan
    from exosome.study.space_setting import Conditions
    from exosome.tissue.space import Sent

    Floats = NDArray[np.float64]

Expected = Literal["falls", "rises", "to zero", "unchanged"]

_COMPARED = 3_000  # vesicles of each knock-out
_SURE = 4.0  # standard errors; a false alarm in one row of 16,000


@dataclass(frozen=True, slots=True)
class KnockOut:
    """One thing changed, what was watched, and what came of it."""

    change: str
    observable: str
    expected: Expected
    control: float
    changed: float
    z: float

    @property
    def outcome(self) -> str:
        """Return in words what the observable did."""
        if self.changed == 0.0 and self.control != 0.0:
            return "to zero"
        if abs(self.z) < _SURE:
            return "unchanged"
        return "rises" if self.z > 0.0 else "falls"

    @property
    def agrees(self) -> bool:
        """Whether the outcome is the expected one."""
        return self.expected == self.outcome


def knock_out(
    change: str, observable: str, expected: Expected, before: Floats, after: Floats
) -> KnockOut:
    """Return the row of a change from what the same vesicles did before and after it.

    Both runs share their chance, so the spread is that of each vesicle's own difference.
    """
    apart = after - before
    spread = float(apart.std()) / math.sqrt(apart.size)
    # All alike, and not nothing: no spread, and no doubt either.
    z = float(apart.mean()) / spread if spread else math.copysign(1e3, apart[0]) * (apart[0] != 0)
    return KnockOut(change, observable, expected, float(before.mean()), float(after.mean()), z)


def knock_outs(planned: Plan, sent: Sent, workers: int) -> tuple[KnockOut, ...]:
    """Return what happens when one thing is taken away.

    Diffusion, uptake, flow, loss and the matrix go one by one; then binding to the matrix, and
    the heavy tail of its waits, from runs that have them.
    """
    control = replace(
        planned.conditions,
        matrix=Matrix(planned.middle("matrix_slow_down"), planned.middle("matrix_mesh")),
        loss_per_s=planned.middle("space_loss"),
        flow_um_per_s=planned.middle("interstitial_flow"),
        sites=None,
        binding=None,
    )
    bound = replace(control, binding=planned.binding(anomalous=False))
    trapped = replace(control, binding=planned.binding(anomalous=True))
    closed = tuple((0.0,) * len(row) for row in control.permeability_um_per_s)
    changes: tuple[tuple[str, Conditions, Conditions, str, Expected], ...] = (
        ("no diffusion", control, replace(control, diffuses=False), "taken up by others",
         "to zero"),
        ("no uptake", control, replace(control, permeability_um_per_s=closed),
         "taken up by others", "to zero"),
        ("no flow", control, replace(control, flow_um_per_s=0.0), "way along the flow, um",
         "falls"),
        ("no loss", control, replace(control, loss_per_s=0.0), "taken up by others", "rises"),
        ("no matrix", control, replace(control, matrix=Matrix()), "way across the flow, um",
         "rises"),
        ("no binding", bound, control, "way across the flow, um", "rises"),
        ("no heavy tail of waits", trapped, bound, "way across the flow, um", "rises"),
    )  # fmt: skip
    seen: dict[Conditions, dict[str, Floats]] = {}

    def compared(conditions: Conditions) -> dict[str, Floats]:
        if conditions not in seen:
            seen[conditions] = _compared(planned, sent, conditions, workers)
        return seen[conditions]

    return tuple(
        knock_out(change, watched, expected, compared(before)[watched], compared(after)[watched])
        for change, before, after, watched, expected in changes
    )


def _compared(planned: Plan, sent: Sent, conditions: Conditions, workers: int) -> dict[str, Floats]:
    """Return what some vesicles did under conditions.

    Vesicles start when the clock does, and are followed for eight life times: nearly all end.
    """
    step = max(1, len(sent) // _COMPARED)
    some = slice(0, step * _COMPARED, step)
    d = diffusivity(
        sent.diameter_nm[some], planned.middle("space_diffusivity_100nm"), conditions.matrix
    )
    p = Particles.at(
        sent.start_um[some],
        d if conditions.diffuses else 0.0,
        owner=sent.sender[some],
        kind=sent.kind[some],
    )
    until = min(planned.duration_s, 8.0 / planned.middle("space_loss"))
    advance(
        p, world_of(planned, conditions), until, seed=planned.seed, bias=planned.scenario.run.bias,
        purpose="tissue.knock-out", workers=workers,
    )  # fmt: skip
    other = (p.fate >= 0) & (p.fate != p.owner)
    moved = p.position_um - sent.start_um[some]
    return {
        "taken up by others": other.astype(np.float64),
        "way along the flow, um": moved[:, 2],
        "way across the flow, um": np.abs(moved[:, 0]),
    }
