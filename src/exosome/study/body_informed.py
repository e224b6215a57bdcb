"""Which numbers an experiment would inform: local Fisher information of a few designs.

Observables are the signal of organs and blood at some times and doses, with a log-normal error.
Sensitivities are central differences of their logarithms at the middle of every number. A group of
numbers is informed if its posterior standard deviation falls below half a natural logarithm, from a
weak prior of 1.5. Local and linear: it says what a design cannot tell, not what a fit would find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.body.observe import Conditions, signal
from exosome.body.particles import network, values_of
from exosome.body.sizes import size_classes
from exosome.numerics.network import mean_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exosome.body.particles import Design
    from exosome.body.physiology import Physiology

    Floats = NDArray[np.float64]

PRIOR_SD, ERROR_SD, INFORMED_SD = 1.5, 0.3, 0.5
"""Natural logarithms: of the prior, of one measured value, and what counts as informed."""
_STEP = 0.1
_BLIND = 1e-12  # percent of the dose; nothing is measured below

GROUPS: Mapping[str, tuple[str, ...]] = {
    "uptake by liver sinusoids": ("body_clearance.liver_sinusoid",),
    "uptake by hepatocytes": ("body_clearance.hepatocyte",),
    "uptake by spleen": ("body_clearance.red_pulp",),
    "uptake by marrow": ("body_clearance.marrow",),
    "holding by the lung": ("body_clearance.lung_held",),
    "release from the lung": ("body_rate.lung_release",),
    "endothelium and transcytosis": ("body_clearance.endothelium", "body_clearance.transcytosis"),
    "level of half rate": ("body_level.half_rate",),
    "room in liver": ("body_capacity.liver",),
    "digestion": ("body_rate.digestion",),
    "loss of label from cells": ("body_rate.label_cell_loss",),
}
"""Groups of numbers that a fit would move together; the last one belongs to the label."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is measured: organs and times, at some doses for a liver of a mouse."""

    name: str
    organs: tuple[str, ...]
    hours: tuple[float, ...]
    doses: tuple[float, ...]


_ORGANS = ("liver", "spleen", "lung", "kidney")
_LATE = (4.0, 24.0)
_EARLY = (1.0 / 30.0, 1.0 / 12.0, 0.25, 0.5, 1.0, *_LATE)
EXPERIMENTS = (
    Experiment("organs at 4 and 24 h, 1e10", _ORGANS, _LATE, (1e10,)),
    Experiment("the same with blood", (*_ORGANS, "blood"), _LATE, (1e10,)),
    Experiment("organs and blood from 2 min on, 1e10", (*_ORGANS, "blood"), _EARLY, (1e10,)),
    Experiment("the same at 1e9 and 1e12", (*_ORGANS, "blood"), _EARLY, (1e9, 1e12)),
    Experiment("the same at 1e9, 1e11 and 1e12", (*_ORGANS, "blood"), _EARLY, (1e9, 1e11, 1e12)),
)


@dataclass(frozen=True, slots=True)
class Informed:
    """A design, and the posterior standard deviation (natural logarithm) of each group."""

    experiment: Experiment
    posterior_sd: Mapping[str, float]

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups that the design informs."""
        return tuple(name for name, sd in self.posterior_sd.items() if sd < INFORMED_SD)


def informed_by(
    experiments: Sequence[Experiment],
    design: Design,
    held: Physiology,
    numbers: Mapping[str, float],
    *,
    diameter_nm: float,
    scale: float = 1.0,
    workers: int = 2,
) -> list[Informed]:
    """Return what each experiment informs, an intravenous bolus of one size.

    Parameters
    ----------
    numbers : mapping of role to float
        The middle of every number of the design.
    scale : float
        Factor on doses: the liver of the species over that of the mouse.
    """
    plain = design.bolus(1)
    hours = np.unique([0.0, *(h for one in experiments for h in one.hours)])
    doses = sorted({dose for one in experiments for dose in one.doses})
    slopes = {
        dose: _slopes(plain, held, numbers, hours, scale * dose, diameter_nm, workers)
        for dose in doses
    }
    return [_informed(one, slopes, hours) for one in experiments]


def _slopes(
    design: Design,
    held: Physiology,
    numbers: Mapping[str, float],
    hours: Floats,
    dose: float,
    diameter_nm: float,
    workers: int,
) -> dict[str, Floats]:
    """Return, for each organ, the slope of log signal by each group: shape (groups, times)."""
    sets = [
        {**numbers, **{key: numbers[key] * np.exp(side * _STEP) for key in _keys(roles, design)}}
        for roles in GROUPS.values()
        for side in (1.0, -1.0)
    ]
    sizes = size_classes(diameter_nm, 1.0, 1)
    values = [values_of(design, held, sizes, one, dose=dose) for one in sets]
    found = mean_fields(
        network(design, values[0]),
        hours,
        values={key: np.array([v[key] for v in values]) for key in values[0]},
        relative_tolerance=1e-8,
        absolute_tolerance=1e-13 * dose,
        workers=workers,
    )
    seen = signal(design, held, found.of, numbers, Conditions(1.0))
    logs = {organ: np.log(np.maximum(100.0 * x / dose, _BLIND)) for organ, x in seen.items()}
    return {organ: (x[0::2] - x[1::2]) / (2.0 * _STEP) for organ, x in logs.items()}


def _keys(roles: tuple[str, ...], design: Design) -> tuple[str, ...]:
    label = (f"{role}.{design.label.key}" if "label" in role else role for role in roles)
    return tuple(label)


def _informed(
    one: Experiment, slopes: Mapping[float, dict[str, Floats]], hours: Floats
) -> Informed:
    at = [int(np.searchsorted(hours, h)) for h in one.hours]
    rows = [slopes[dose][organ][:, at].T for dose in one.doses for organ in one.organs]
    jacobian = np.concatenate(rows)
    information = jacobian.T @ jacobian / ERROR_SD**2 + np.eye(len(GROUPS)) / PRIOR_SD**2
    sd = np.sqrt(np.diag(np.linalg.inv(information)))
    return Informed(one, dict(zip(GROUPS, sd.tolist(), strict=True)))
