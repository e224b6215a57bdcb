"""What moves and where: the vesicles of a plan, and the space that the engine runs in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.donor import Pathway, calibrated
from exosome.core.errors import InputError
from exosome.numerics.brownian import Face, Flow, World
from exosome.study.space_plan import RATES
from exosome.tissue.space import Sent
from exosome.tissue.vesicles import copies, diameters, diffusivity, places, releases

if TYPE_CHECKING:
    from exosome.numerics.brownian import Tube
    from exosome.study.space_plan import Plan
    from exosome.study.space_setting import Conditions, Setting

MOST_VESICLES = 20_000_000


def sent_by(planned: Plan) -> Sent:
    """Return every vesicle of a run before it moves.

    Raises
    ------
    InputError
        None is sent, or more than the memory of a desk machine holds.
    """
    asked, layout = planned.scenario, planned.layout
    expected_count = (
        planned.release.median * planned.duration_s / 3600.0 * asked.run.repeats
    ) * planned.senders.size
    not_too_many(expected_count, f"{planned.where} run")
    held = releases(
        _pathway(planned), planned.senders, planned.duration_s, asked.run.repeats, planned.seed
    )
    n = len(held)
    size = diameters(
        n, planned.middle("vesicle_diameter"), planned.middle("vesicle_diameter_gsd"), planned.seed
    )
    share, each = carrying(planned.middle(f"copies_per_vesicle.{asked.vesicles.cargo}"), 1)
    return Sent(
        held.time_s,
        held.sender,
        places(held, layout.centres_um, layout.radii_um, planned.seed),
        size,
        diffusivity(size, planned.middle("space_diffusivity_100nm"), planned.matrix),
        copies(n, share, each, planned.seed),
        held.from_membrane.astype(np.uint16),
    )


def not_too_many(expected_count: float, where: str) -> None:
    """Refuse a run of more vesicles than it can hold.

    Raises
    ------
    InputError
        More than 20 million are expected.
    """
    if expected_count > MOST_VESICLES:
        raise InputError(
            f"about {expected_count:.2g} vesicles would be sent",
            where=where,
            remedy=f"ask for fewer senders, repeats or hours: at most {MOST_VESICLES:,}",
        )


def carrying(mean: float, factor: int) -> tuple[float, int]:
    """Return the share of vesicles that carry, and copies in each, at a mean.

    With a factor of one, cargo is spread as evenly as whole copies allow.
    """
    each = factor * max(1, math.ceil(mean))
    return mean / each, each


def world_of(planned: Setting, conditions: Conditions, tube: Tube | None = None) -> World:
    """Return the space of a plan under conditions, in a box whose faces reflect.

    A vessel goes on for ever: with a ``tube`` the faces that it crosses are periodic.

    Raises
    ------
    InputError
        Cells overlap or leave the box.
    """
    layout = planned.layout
    table = np.array(conditions.permeability_um_per_s, dtype=np.float64)
    kinds = len(conditions.permeability_um_per_s[0])
    return World(
        layout.size_um,
        layout.centres_um,
        layout.radii_um,
        planned.uptake.row_of,
        table,
        np.full(kinds, conditions.loss_per_s),
        faces=(*(Face(),) * 4, *(Face("periodic" if tube else "reflecting"),) * 2),
        flow=Flow("around", (0.0, 0.0, conditions.flow_um_per_s))
        if conditions.flow_um_per_s
        else Flow(),
        tube=tube,
        binding=(conditions.binding,) * kinds if conditions.binding else (),
    )


def _pathway(planned: Plan) -> Pathway:
    one = np.asarray(1.0)
    return calibrated(
        Pathway(
            endosome=one,
            ectosome=one,
            **{name: np.asarray(planned.middle(f"donor_rate.{name}")) for name in RATES},
        ),
        release_per_h=np.asarray(planned.release.median),
        ectosome_share=np.asarray(planned.middle("ectosome_share")),
        has_endosomes=planned.kind.has_endosomes,
    )
