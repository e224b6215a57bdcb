"""The next best experiment: how much each design would narrow what is not known.

A design is a set of measurements that were not made yet. What it would tell is its Fisher
information at the present summit; with that of the data it gives the spreads that a fit would have
afterwards. That is a local promise: it holds where the model does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.assay.likelihood import Told
from exosome.assay.table import Experiment, Observation
from exosome.delivery.pool import pool
from exosome.numerics.summit import spread
from exosome.study.fit import INFORMED
from exosome.study.fit_problem import ERROR, problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.study.fit import Fit
    from exosome.study.fit_problem import Problem

    Floats = NDArray[np.float64]

STUDY = "next experiment"
LATE_H, EARLY_H = (4.0, 24.0), (1 / 30, 1 / 12, 0.25, 0.5, 1.0)
ORGANS = ("liver", "spleen", "lung", "kidney", "heart", "brain", "muscle")
LADDER = (1e9, 1e11, 1e12)
USUAL_DOSE = 1e10

ELEVEN = (
    "body_clearance.liver_sinusoid", "body_level.half_rate", "body_capacity.liver",
    "body_clearance.red_pulp", "body_clearance.marrow", "body_clearance.lung_held",
    "body_rate.lung_release", "body_clearance.endothelium", "body_fold.fenestral_exchange",
    "body_clearance.transcytosis", "body_rate.label_cell_loss.iodine125",
)  # fmt: skip
"""Eleven grouped parameters: uptake, half-rate and room of the liver, spleen, marrow, lung and
back, walls of other organs, two permeabilities, degradation."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A design: doses in particles for a mouse, times of organs, times of blood."""

    name: str
    doses: tuple[float, ...]
    organs_h: tuple[float, ...]
    blood_h: tuple[float, ...]

    @property
    def measurements(self) -> int:
        """How many values it yields."""
        return len(self.doses) * (len(self.organs_h) * len(ORGANS) + len(self.blood_h))

    def takes(self, one: Observation) -> bool:
        """Whether a row belongs to the design."""
        given = one.experiment.particles
        times = self.blood_h if one.what == "blood" else self.organs_h
        return given is not None and given[0] in self.doses and one.hours in times


CANDIDATES = (
    Candidate("organs at 4 and 24 h, one dose", (USUAL_DOSE,), LATE_H, ()),
    Candidate("and blood at the same times", (USUAL_DOSE,), LATE_H, LATE_H),
    Candidate("early blood only, one dose", (USUAL_DOSE,), (), EARLY_H),
    Candidate(
        "organs and blood, 2 min to 24 h, one dose", (USUAL_DOSE,), (*EARLY_H, *LATE_H),
        (*EARLY_H, *LATE_H),
    ),
    Candidate("two doses (1e9, 1e12), organs and blood from 2 min", (LADDER[0], LADDER[2]),
              (*EARLY_H, *LATE_H), (*EARLY_H, *LATE_H)),
    Candidate("three doses (1e9, 1e11, 1e12), organs and blood from 2 min", LADDER,
              (*EARLY_H, *LATE_H), (*EARLY_H, *LATE_H)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Promise:
    """What a design would do.

    Parameters
    ----------
    informed : tuple of str
        Unknowns whose spread would fall to a third of their prior or below.
    gain : float
        Fall of the log-volume of what is not known (D-optimality), in nats.
    sd : mapping by position
        Spread of each unknown afterwards.
    """

    candidate: Candidate
    informed: tuple[str, ...]
    gain: float
    keys: tuple[str, ...]
    sd: tuple[float, ...]


def _rows(template: Experiment, doses: Sequence[float]) -> tuple[Observation, ...]:
    told = Told(0.0, 0.0)  # a value; which one does not enter what it would tell
    times = (*EARLY_H, *LATE_H)
    return tuple(
        Observation(
            Experiment(
                STUDY, template.species, template.kind, template.label, template.route,
                template.diameter_nm, (dose, dose), per_kg=False, mass=None,
                residual_blood=template.residual_blood,
            ),
            "organ", organ, "", per_gram=False, hours=hours, told=told, unit="%ID/organ", row=0,
        )
        for dose in doses
        for hours in times
        for organ in ("blood", *ORGANS)
    )  # fmt: skip


def next_experiments(found: Fit, catalog: Catalog) -> tuple[Promise, ...]:
    """Return what every candidate promises after a fit, the most telling first.

    The next experiment is made with the species, kind, label and route of the fit's first row, as
    a study of its own with its own scale, at the candidates' doses, which were chosen for a mouse.
    """
    template = next(
        one.experiment
        for one, used in zip(found.problem.observations, found.problem.fitted, strict=True)
        if used
    )
    planned = problem(_rows(template, (*LADDER, USUAL_DOSE)), catalog, where="next experiment")
    known = {one.unknown.key: one for one in found.moved}
    at = np.array([known[u.key].at if u.key in known else u.centre for u in planned.unknowns])
    _, jacobian = planned.jacobian(at)
    keys = [one.unknown.key for one in found.moved]
    new = [u for u in planned.unknowns if u.key not in known]
    prior = np.array([*(one.unknown.sd for one in found.moved), *(u.sd for u in new)])
    before = np.zeros((prior.size, prior.size))
    before[: len(keys), : len(keys)] = found.summit.expansion.information
    for k, one in enumerate(new, len(keys)):
        before[k, k] = 1.0 / one.sd**2
    keys += [u.key for u in new]
    place = [keys.index(u.key) for u in planned.unknowns]
    wide = np.zeros((jacobian.shape[0], prior.size))
    wide[:, place] = jacobian
    error = float(planned.error_sd(at[None])[0, 0])
    kept = [i for i, key in enumerate(keys) if not key.startswith("scale|") and key != ERROR]
    found_promises = [
        _promise(one, planned, wide, before, prior, keys, error, kept) for one in CANDIDATES
    ]
    return tuple(sorted(found_promises, key=lambda one: -one.gain))


def _promise(
    candidate: Candidate,
    planned: Problem,
    jacobian: Floats,
    before: Floats,
    prior: Floats,
    keys: Sequence[str],
    error: float,
    kept: Sequence[int],
) -> Promise:
    take = np.array([candidate.takes(one) for one in planned.observations])
    rows = jacobian[take]
    after = spread(before + rows.T @ rows / error**2)[np.ix_(kept, kept)]
    at_first = spread(before)[np.ix_(kept, kept)]
    sds = np.sqrt(np.diag(after))
    gain = 0.5 * (np.linalg.slogdet(at_first)[1] - np.linalg.slogdet(after)[1])
    named = [keys[i] for i in kept]
    limits = INFORMED * prior[list(kept)]
    informed = tuple(key for key, sd, most in zip(named, sds, limits, strict=True) if sd <= most)
    return Promise(candidate, informed, float(gain), tuple(named), tuple(sds.tolist()))


def before_any_data(catalog: Catalog, *, workers: int = 2) -> tuple[Promise, ...]:
    """Return what each design informs of `ELEVEN` parameters before any data.

    All other numbers are taken as known; the eleven have a weak prior, a measurement has the error
    that the catalog assumes. Vesicles with 125I in a vein of a mouse.
    """
    template = Experiment(
        STUDY, "mouse", "vesicle", "iodine125", "iv", None, (1.0, 1.0), per_kg=False, mass=None,
        residual_blood=1.0,
    )  # fmt: skip
    planned = problem(
        _rows(template, (*LADDER, USUAL_DOSE)), catalog, workers=workers, where="designs"
    )
    _, jacobian = planned.jacobian(planned.centre)
    columns = [planned.index[key] for key in ELEVEN]
    weak = pool(catalog, "fit_sd.weak_prior", where="designs").median
    error = pool(catalog, ERROR, where="designs").median
    prior = np.full(len(ELEVEN), weak)
    before = np.diag(1.0 / np.square(prior))
    kept = list(range(len(ELEVEN)))
    return tuple(
        _promise(one, planned, jacobian[:, columns], before, prior, ELEVEN, error, kept)
        for one in CANDIDATES
    )
