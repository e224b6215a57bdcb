"""Knock-outs of a vessel: one thing taken away, and the observable that must move."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.random import Streams
from exosome.numerics.brownian import Particles, advance
from exosome.study.space_knock_outs import knock_out
from exosome.study.space_world import world_of
from exosome.tissue.vesicles import Matrix, diameters, diffusivity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.brownian import Tube
    from exosome.study.space_knock_outs import Expected, KnockOut
    from exosome.study.space_setting import Conditions
    from exosome.study.vessel_plan import VesselPlan

    Floats = NDArray[np.float64]

_COMPARED = 3_000  # vesicles of each knock-out
_LEAVING = 60.0  # vesicles that are to leave in the comparison of walls
_MOST = 20_000


def vessel_knock_outs(planned: VesselPlan, workers: int) -> tuple[KnockOut, ...]:
    """Return what happens when one thing is taken away.

    Permeability and diffusion are taken from vesicles in the blood, flow from vesicles that start
    in one plane across it, the rest from vesicles that have just left.
    """
    control = replace(
        planned.conditions,
        matrix=Matrix(planned.middle("matrix_slow_down"), planned.middle("matrix_mesh")),
        loss_per_s=planned.middle("space_loss"),
        sites=None,
        binding=None,
    )
    bound = replace(control, binding=planned.binding(anomalous=False))
    trapped = replace(control, binding=planned.binding(anomalous=True))
    closed = tuple((0.0,) * len(row) for row in control.permeability_um_per_s)
    rows = [*_of_the_wall(planned, control, workers), *_of_the_flow(planned, control, workers)]
    behind: tuple[tuple[str, Conditions, Conditions, str, Expected], ...] = (
        ("no uptake", control, replace(control, permeability_um_per_s=closed), "taken up by cells",
         "to zero"),
        ("no loss", control, replace(control, loss_per_s=0.0), "taken up by cells", "rises"),
        ("no matrix", control, replace(control, matrix=Matrix()), "behind the wall, um", "rises"),
        ("no binding", bound, control, "behind the wall, um", "rises"),
        ("no heavy tail of waits", trapped, bound, "behind the wall, um", "rises"),
    )  # fmt: skip
    seen: dict[Conditions, dict[str, Floats]] = {}

    def compared(conditions: Conditions) -> dict[str, Floats]:
        if conditions not in seen:
            seen[conditions] = _behind(planned, conditions, workers)
        return seen[conditions]

    rows += [
        knock_out(change, watched, expected, compared(before)[watched], compared(after)[watched])
        for change, before, after, watched, expected in behind
    ]
    return tuple(rows)


def _of_the_wall(planned: VesselPlan, control: Conditions, workers: int) -> list[KnockOut]:
    """Return the rows of who leaves at all, from as many vesicles as make about sixty leave.

    Where that is too many, the wall compared is one that lets sixty of them through.
    """
    if planned.permeability_um_per_s == 0.0:
        return []
    until = 2.0 / control.loss_per_s
    followed = -math.expm1(-2.0) / control.loss_per_s  # mean time in the blood
    once = 2.0 * followed / planned.radius_um  # share that leaves, over the permeability
    let_through = max(planned.permeability_um_per_s, _LEAVING / (_MOST * once))
    count = min(_MOST, math.ceil(_LEAVING / min(1.0, let_through * once)))
    tube = replace(planned.tube, permeability_um_per_s=let_through)
    start = _across(planned, count, math.nan)

    def leave(tube: Tube, conditions: Conditions) -> Floats:
        p = _moved(planned, conditions, tube, start, until, workers)
        return ((p.fate >= 0) | ~tube.holds(p.position_um)).astype(np.float64)

    before = leave(tube, control)
    shut = replace(tube, permeability_um_per_s=0.0)
    still = replace(control, diffuses=False)
    return [
        knock_out("no permeability", "left the vessel", "to zero", before, leave(shut, control)),
        knock_out("no diffusion", "left the vessel", "to zero", before, leave(tube, still)),
    ]


def _of_the_flow(planned: VesselPlan, control: Conditions, workers: int) -> list[KnockOut]:
    """Return the row of the flow: how far vesicles come before one could have come round."""
    speed = planned.speed_um_per_s
    if not speed:
        return []
    length = float(planned.layout.size_um[2])
    start = _across(planned, _COMPARED, 0.25 * length)
    until = 0.25 * length / speed
    tube = planned.tube

    def along(tube: Tube) -> Floats:
        p = _moved(planned, control, tube, start, until, workers)
        return p.position_um[:, 2] - start[:, 2]

    still = replace(tube, mean_speed_um_per_s=0.0)
    return [knock_out("no flow", "way along the vessel, um", "falls", along(tube), along(still))]


def _behind(planned: VesselPlan, conditions: Conditions, workers: int) -> dict[str, Floats]:
    """Return what vesicles did that had just left, followed for eight life times."""
    length = float(planned.layout.size_um[2])
    rng = Streams(planned.seed).of("vessel.behind")
    turn, height = rng.uniform(0.0, 2.0 * math.pi, _COMPARED), rng.uniform(0.0, length, _COMPARED)
    x, y = planned.tube.centre_um
    out = planned.radius_um * (1.0 + 1e-6)
    start = np.column_stack([x + out * np.cos(turn), y + out * np.sin(turn), height])
    until = min(planned.duration_s, 8.0 / planned.middle("space_loss"))
    p = _moved(planned, conditions, planned.tube, start, until, workers)
    return {
        "taken up by cells": (p.fate >= 0).astype(np.float64),
        "behind the wall, um": planned.tube.height_um(p.position_um),
    }


def _across(planned: VesselPlan, count: int, height_um: float) -> Floats:
    """Return places spread evenly over the lumen, in one plane or (nan) over its whole length."""
    rng = Streams(planned.seed).of("vessel.compared")
    out = planned.radius_um * np.sqrt(rng.random(count)) * (1.0 - 1e-9)
    turn = rng.uniform(0.0, 2.0 * math.pi, count)
    length = float(planned.layout.size_um[2])
    z = rng.uniform(0.0, length, count) if math.isnan(height_um) else np.full(count, height_um)
    x, y = planned.tube.centre_um
    return np.column_stack([x + out * np.cos(turn), y + out * np.sin(turn), z])


def _moved(
    planned: VesselPlan, conditions: Conditions, tube: Tube, start: Floats, until: float,
    workers: int,
) -> Particles:  # fmt: skip
    size = diameters(
        len(start),
        planned.middle("vesicle_diameter"),
        planned.middle("vesicle_diameter_gsd"),
        planned.seed,
    )
    d = diffusivity(size, planned.middle("space_diffusivity_100nm"), conditions.matrix)
    p = Particles.at(start, d if conditions.diffuses else 0.0)
    advance(
        p, world_of(planned, conditions, tube), until, seed=planned.seed,
        bias=planned.scenario.run.bias, purpose="vessel.knock-out", workers=workers,
    )  # fmt: skip
    return p
