"""A fit of whole-body data as a function: unknowns in, log-posterior out.

Unknowns are the numbers that the runs draw from, with their records as priors, and what only a
study knows: its scale against other studies, and its dose where it did not tell one. All
studies share one error. Unknowns live on natural logarithms, but for those that may be zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np

from exosome.assay.likelihood import log_likelihood, slopes
from exosome.assay.predict import moments_of, predicted
from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.observe import Conditions, signal, volumes_ml
from exosome.body.particles import Design, network, roles_of, values_of
from exosome.body.physiology import body
from exosome.body.routes import ROUTES
from exosome.body.sizes import size_classes
from exosome.catalog.roles import role_bounds
from exosome.core.errors import InputError
from exosome.delivery.pool import pool
from exosome.numerics.network import mean_fields
from exosome.numerics.summit import Expansion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exosome.assay.table import Experiment, Observation
    from exosome.body.physiology import Physiology
    from exosome.body.sizes import SizeClasses
    from exosome.catalog.load import Catalog
    from exosome.delivery.pool import Pool
    from exosome.numerics.network import Network

    Floats = NDArray[np.float64]

_TOLERANCE = 1e-7  # of the integrator: a hundredth of what a difference step moves
_STEP = 0.01  # of a prior's standard deviation: the step of differences
_FAR = 4.0  # standard deviations of a prior at which an unknown is stopped
_Z90 = 1.6448536269514722
SIZE, SPREAD, ERROR = "vesicle_diameter", "vesicle_diameter_gsd", "fit_sd.error"
POWER = "body_power.capacity_size"
LEAVES, BILE = "body_rate.solid_cell_loss", "body_rate.solid_faeces"
# The body's own vesicles are shown beside a dose and never measured: no data inform their level.
_SHAPES = ("body_gsd.", "body_radius.")
_UNSEEN = ("plasma_vesicles_per_ml",)

GROUPS: dict[str, tuple[str, ...]] = {
    "uptake by liver": ("body_clearance.liver_sinusoid", "uptake_share.liver.kupffer_cell"),
    "what the liver can hold": ("body_capacity.liver", "body_power.capacity_size"),
    "crowding at receptors": ("body_level.half_rate",),
    "through the liver's wall": (
        "body_clearance.hepatocyte", "body_fold.fenestral_exchange", "body_gsd.fenestra",
    ),
    "spleen": ("body_clearance.red_pulp", "body_capacity.red_pulp", "body_radius.spleen_slit"),
    "marrow": ("body_clearance.marrow", "body_capacity.marrow"),
    "held in lung vessels": (
        "body_clearance.lung_held", "body_capacity.lung_held", "body_rate.lung_release",
        "body_rate.lung_entry",
    ),
    "blood cells": ("body_clearance.blood_cells", "body_capacity.blood_cells"),
    "walls of vessels": (
        "body_clearance.endothelium", "body_clearance.transcytosis", "body_gsd.pore",
    ),
    "tissues": ("body_clearance.tissue", "body_radius.interstitium", "body_gsd.interstitium"),
    "lymph nodes": ("body_clearance.node", "body_capacity.node"),
    "digestion and lysis": ("body_rate.digestion", "body_rate.lysis"),
    "solid particles leaving cells": (LEAVES, BILE),
    "size": (SIZE, SPREAD, "body_power.uptake_size"),
    "error": (ERROR,),
}  # fmt: skip


def group_of(key: str) -> str:
    """Return the group of an unknown, in words."""
    role = key.partition("|")[0]
    if role == "dose" or role.startswith("material_density."):
        return "dose that was not told in particles"
    last = role.rpartition(".")[2]
    named = {
        "scale": "scale of a study",
        **{k: f"label: {one.name}" for k, one in LABELS.items()},
        **{k: f"kind: {one.name}" for k, one in KINDS.items()},
        **{k: f"route: {one.name}" for k, one in ROUTES.items()},
    }
    listed = (group for group, roles in GROUPS.items() if role in roles)
    return next(listed, named.get(last, "other"))


@dataclass(frozen=True, slots=True)
class Unknown:
    """One coordinate of the fit: a normal prior on the logarithm, or on the value itself.

    Parameters
    ----------
    key : str
        The role, or ``scale|STUDY`` and ``dose|STUDY``.
    centre, sd : float
        Of the prior, in the coordinate.
    low, high : float
        Where the coordinate is stopped: four deviations, or a physical limit.
    is_log : bool
        Whether the coordinate is a logarithm.
    """

    key: str
    centre: float
    sd: float
    low: float
    high: float
    is_log: bool = True
    records: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The group of the identifiability table."""
        return group_of(self.key)

    def value(self, coordinate: float) -> float:
        """Return the number that a coordinate stands for."""
        return math.exp(coordinate) if self.is_log else coordinate


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One experiment ready to run: its body, design, network, rows and moments."""

    experiment: Experiment
    held: Physiology
    design: Design
    network: Network
    rows: tuple[int, ...]
    observations: tuple[Observation, ...]
    hours: Floats
    roles: tuple[str, ...]
    columns: tuple[int, ...]
    volumes: Mapping[str, float]


@dataclass(frozen=True)
class Problem:
    """A fit.

    Parameters
    ----------
    observations : tuple of Observation
        All rows, also those that are only predicted.
    fitted : array of bool
        Rows that the likelihood takes.
    unknowns : tuple of Unknown
    fixed : mapping of role to float
        Numbers that have no spread.
    """

    observations: tuple[Observation, ...]
    fitted: NDArray[np.bool_]
    unknowns: tuple[Unknown, ...]
    fixed: Mapping[str, float]
    arms: tuple[Arm, ...]
    workers: int = 2

    @cached_property
    def index(self) -> dict[str, int]:
        """Return the column of each unknown."""
        return {one.key: i for i, one in enumerate(self.unknowns)}

    @cached_property
    def centre(self) -> Floats:
        """Return the middle of the prior."""
        return np.array([one.centre for one in self.unknowns])

    @cached_property
    def prior_sd(self) -> Floats:
        """Return the standard deviations of the prior."""
        return np.array([one.sd for one in self.unknowns])

    @cached_property
    def low(self) -> Floats:
        """Return lower limits."""
        return np.array([one.low for one in self.unknowns])

    @cached_property
    def high(self) -> Floats:
        """Return upper limits."""
        return np.array([one.high for one in self.unknowns])

    @cached_property
    def _bounds(self) -> tuple[Floats, Floats]:
        told = [one.told for one in self.observations]
        return np.array([t.low for t in told]), np.array([t.high for t in told])

    @cached_property
    def _errors(self) -> Floats:
        return np.sqrt([one.errors for one in self.observations])

    def fitting(self, fitted: NDArray[np.bool_]) -> Problem:
        """Return the same problem with other rows in the likelihood."""
        return replace(self, fitted=fitted)

    def predictions(self, points: Floats, *, every: bool = True) -> Floats:
        """Return what each row is about, with the scale of its study, shape (points, rows).

        Without ``every``, arms of which no row is fitted are not run and stay at zero.
        """
        out = np.zeros((points.shape[0], len(self.observations)))
        for arm in self.arms:
            if every or self.fitted[list(arm.rows)].any():
                out[:, list(arm.rows)] = self._of_arm(arm, points)
        for k, one in enumerate(self.observations):
            column = self.index.get(f"scale|{one.experiment.study}")
            if column is not None:
                out[:, k] += one.scale_power * points[:, column]
        return out

    def _of_arm(self, arm: Arm, points: Floats) -> Floats:
        """Run each different point once: differences in what an arm does not read cost nothing."""
        distinct, back = np.unique(points[:, list(arm.columns)], axis=0, return_inverse=True)
        sets = [self.numbers(arm, row) for row in distinct]
        doses = [_dose_of(arm, numbers) for numbers in sets]
        values = [_values(arm, numbers, dose) for numbers, dose in zip(sets, doses, strict=True)]
        given = np.array(doses)
        found = mean_fields(
            arm.network,
            arm.hours,
            values={key: np.array([v[key] for v in values]) for key in values[0]},
            relative_tolerance=_TOLERANCE,
            absolute_tolerance=_TOLERANCE * given / 1e6,
            workers=self.workers,
        )
        # What a detector sees is a factor of the point: the numbers of all points at once.
        seen = cast(
            "Mapping[str, float]", {key: np.array([[s[key]] for s in sets]) for key in sets[0]}
        )
        conditions = Conditions(arm.experiment.residual_blood)
        reported = signal(arm.design, arm.held, found.of, seen, conditions)
        labels = np.array([[v["dose_impurity"]] for v in values]) + given[:, None]
        percent = {organ: 100.0 * course / labels for organ, course in reported.items()}
        return predicted(arm.observations, arm.hours, percent, arm.volumes)[back.reshape(-1)]

    def numbers(self, arm: Arm, row: Floats) -> dict[str, float]:
        """Return every number of an arm; ``row`` holds the coordinates that it reads."""
        numbers = {role: self.fixed[role] for role in arm.roles if role in self.fixed}
        for column, coordinate in zip(arm.columns, row, strict=True):
            one = self.unknowns[column]
            role, _, _ = one.key.partition("|")
            numbers[role] = one.value(float(coordinate))
        return numbers

    def error_sd(self, points: Floats) -> Floats:
        """Return the error of each row at each point; an order carries two."""
        return np.exp(points[:, [self.index[ERROR]]]) * self._errors

    def log_posterior(self, points: Floats) -> Floats:
        """Return the log-posterior, up to a constant, of each point."""
        eta = self.predictions(points, every=False)
        likely = log_likelihood(eta, *self._bounds, self.error_sd(points))
        prior = -0.5 * np.square((points - self.centre) / self.prior_sd).sum(axis=1)
        return np.asarray(likely[:, self.fitted].sum(axis=1) + prior, dtype=np.float64)

    def jacobian(self, point: Floats, *, every: bool = True) -> tuple[Floats, Floats]:
        """Return predictions at a point and their slopes, shape (rows, unknowns)."""
        steps = _STEP * self.prior_sd
        steps = np.where(point + steps > self.high, -steps, steps)
        points = np.vstack([point, point + np.diag(steps)])
        eta = self.predictions(points, every=every)
        return eta[0], ((eta[1:] - eta[0]) / steps[:, None]).T

    def expand(self, point: Floats) -> Expansion:
        """Return value, gradient and Fisher information of the log-posterior about a point."""
        eta, jacobian = self.jacobian(point, every=False)
        sd = self.error_sd(point[None])[0]
        low, high = self._bounds
        by_eta, by_log_sd, inside = slopes(eta, low, high, sd)
        take = self.fitted
        gradient = jacobian[take].T @ by_eta[take]
        gradient[self.index[ERROR]] += by_log_sd[take].sum()
        information = jacobian[take].T @ (inside[take][:, None] * jacobian[take])
        # A value tells two units about the log of its error; what limits tell is not counted.
        is_value = take & (low == high)
        information[self.index[ERROR], self.index[ERROR]] += 2.0 * np.count_nonzero(is_value)
        away = (point - self.centre) / np.square(self.prior_sd)
        value = float(log_likelihood(eta, low, high, sd)[take].sum())
        value -= 0.5 * float(np.square((point - self.centre) / self.prior_sd).sum())
        return Expansion(
            value, gradient - away, information + np.diag(1.0 / np.square(self.prior_sd))
        )


def problem(
    observations: Sequence[Observation],
    catalog: Catalog,
    *,
    fitted: NDArray[np.bool_] | None = None,
    classes: int = 1,
    workers: int = 2,
    where: str = "fit",
) -> Problem:
    """Return the fit of a table.

    Parameters
    ----------
    fitted : array of bool, optional
        Rows that the likelihood takes; all by default.
    classes : int
        Size classes of each dose.

    Raises
    ------
    InputError
        An experiment cannot be run.
    MissingRecordError
        A number is unknown.
    """
    experiments = list(dict.fromkeys(one.experiment for one in observations))
    pools: dict[str, Pool] = {}
    for one in experiments:
        for role in _roles(one, catalog, classes):
            if role not in pools and not role.startswith("dose|"):
                pools[role] = pool(catalog, role, where=where)
    unknowns, fixed = _unknowns(pools)
    deviation = pool(catalog, "fit_sd.scale", where=where).median
    for study in dict.fromkeys(e.study for e in experiments):
        rows = [one for one in observations if one.experiment.study == study]
        if any(one.scale_power for one in rows):
            unknowns.append(_around(f"scale|{study}", 0.0, deviation))
    unknowns += [
        found for one in experiments if (found := _dose_unknown(one, catalog, where)) is not None
    ]
    unknowns = list({one.key: one for one in unknowns}.values())
    index = {one.key: i for i, one in enumerate(unknowns)}
    arms = tuple(_arm(one, observations, catalog, classes, fixed, index) for one in experiments)
    take = np.ones(len(observations), np.bool_) if fitted is None else fitted
    return Problem(tuple(observations), take, tuple(unknowns), fixed, arms, workers)


def _roles(one: Experiment, catalog: Catalog, classes: int) -> tuple[str, ...]:
    """Return the roles of an experiment's numbers."""
    design = _design(one, classes)
    seen = [
        r.role
        for r in catalog.values()
        if r.role.startswith("body_fold.seen_") and r.role.endswith(f".{one.label}")
    ]
    sizes = [SIZE] if one.diameter_nm is None else []
    spread = [SPREAD] if classes > 1 else []
    solid = [] if design.kind.is_degradable else [POWER, LEAVES, BILE]
    density = [f"material_density.{one.mass.material}"] if one.mass else []
    return tuple(
        dict.fromkeys((*roles_of(design), *seen, *sizes, *spread, *solid, *density, ERROR))
    )


def _design(one: Experiment, classes: int) -> Design:
    return Design(KINDS[one.kind], ROUTES[one.route], LABELS[one.label], classes)


def _unknowns(pools: Mapping[str, Pool]) -> tuple[list[Unknown], dict[str, float]]:
    """Return an unknown for each number with a spread, and the others as they are."""
    unknowns: list[Unknown] = []
    fixed: dict[str, float] = {}
    for role, one in pools.items():
        low, high = one.support
        if low == high or role in _UNSEEN:
            fixed[role] = one.median
            continue
        below, middle, above = one.draw(np.array([0.05, 0.5, 0.95]))
        if len(one.records) > 1:  # a mixture's quantiles are not those of its coordinate
            drawn = np.sort(one.draw((np.arange(2048) + 0.5) / 2048))
            below, middle, above = np.quantile(drawn, (0.05, 0.5, 0.95))
        is_log = low > 0.0
        ends = np.log([below, middle, above]) if is_log else np.array([below, middle, above])
        # Openings outside their records' range cannot pass what the reference protein does.
        least, most = one.support if role.startswith(_SHAPES) else role_bounds(role)
        unknowns.append(
            Unknown(
                role, float(ends[1]), sd := float(ends[2] - ends[0]) / (2.0 * _Z90),
                max(float(ends[1]) - _FAR * sd, _limit(least, is_log=is_log)),
                min(float(ends[1]) + _FAR * sd, _limit(most, is_log=is_log)),
                is_log, tuple(r.id for r in one.records),
            )
        )  # fmt: skip
    return unknowns, fixed


def _limit(bound: float, *, is_log: bool) -> float:
    if not is_log:
        return bound
    return math.log(bound) if bound > 0.0 else -math.inf


def _around(key: str, centre: float, sd: float) -> Unknown:
    return Unknown(key, centre, sd, centre - _FAR * sd, centre + _FAR * sd)


def _dose_unknown(one: Experiment, catalog: Catalog, where: str) -> Unknown | None:
    """Return the unknown dose of an experiment, None if its dose was told."""
    if one.mass is not None:
        return None
    if one.particles is not None:
        low, high = one.particles
        if low == high:
            return None
        if one.per_kg:
            low, high = (x * body(one.species).weight_g / 1000.0 for x in (low, high))
    else:
        found = pool(catalog, "fit_dose.mouse", where=where)
        ratio = body(one.species).weight_g / body("mouse").weight_g
        low, high = (x * ratio for x in found.support)
    middle = 0.5 * math.log(low * high)
    return _around(f"dose|{one.study}", middle, 0.5 * math.log(high / low) / _Z90)


def _arm(
    one: Experiment,
    observations: Sequence[Observation],
    catalog: Catalog,
    classes: int,
    fixed: Mapping[str, float],
    index: Mapping[str, int],
) -> Arm:
    held, design = body(one.species), _design(one, classes)
    rows = tuple(k for k, told in enumerate(observations) if told.experiment == one)
    told = tuple(observations[k] for k in rows)
    roles = _roles(one, catalog, classes)
    dose = f"dose|{one.study}"
    columns = [index[role] for role in roles if role in index and role != ERROR]
    if one.mass is None and (one.particles is None or one.particles[0] < one.particles[1]):
        columns.append(index[dose])
    names = dict.fromkeys(roles, 1.0) | dict(fixed)
    bare = values_of(design, held, size_classes(100.0, 1.0, classes), names | _HARMLESS, dose=1.0)
    return Arm(
        one, held, design, network(design, bare), rows, told, moments_of(told), roles,
        tuple(columns), volumes_ml(held),
    )  # fmt: skip


# Any radii in order give the network its shape; a run replaces every value.
_HARMLESS = {
    "body_radius.small_pore": 4.5, "body_radius.large_pore": 25.0,
    "body_radius.reference_protein": 5.3, "body_gsd.pore": 1.2, "body_gsd.fenestra": 1.2,
    "body_gsd.interstitium": 1.5,
}  # fmt: skip


def _sizes(arm: Arm, numbers: Mapping[str, float]) -> SizeClasses:
    told = arm.experiment.diameter_nm
    spread = numbers.get(SPREAD, 1.0)
    return size_classes(numbers[SIZE] if told is None else told, spread, arm.design.classes)


def _filled(arm: Arm, numbers: dict[str, float]) -> dict[str, float]:
    """Return numbers of a solid particle: small ones crowd cells less, loose ones reach the gut."""
    told = arm.experiment.diameter_nm
    if POWER not in numbers or told is None:
        return numbers
    fold = (2.0 * numbers["body_radius.uptake_reference"] / told) ** numbers[POWER]
    changed = {
        role: value * fold if role.startswith(("body_capacity.", "body_level.")) else value
        for role, value in numbers.items()
    }
    label = arm.design.label.key
    changed[f"body_rate.label_faeces.{label}"] += numbers[BILE]
    return changed


def _values(arm: Arm, numbers: dict[str, float], dose: float) -> dict[str, float]:
    values = values_of(arm.design, arm.held, _sizes(arm, numbers), _filled(arm, numbers), dose=dose)
    if LEAVES in numbers:  # nothing digests a solid particle, but cells let it go
        values["cell_loss"] += numbers[LEAVES]
    return values


def arm_values(asked: Problem, arm: Arm, point: Floats) -> dict[str, float]:
    """Return the parameters of an arm's network at a point."""
    numbers = asked.numbers(arm, point[list(arm.columns)])
    return _values(arm, numbers, _dose_of(arm, numbers))


def _dose_of(arm: Arm, numbers: Mapping[str, float]) -> float:
    one = arm.experiment
    kg = arm.held.weight_g / 1000.0
    if one.mass is not None:
        grams = one.mass.mg * (kg if one.mass.per_kg else 1.0) / 1000.0
        volume_ml = math.pi / 6.0 * (one.mass.core_nm * 1e-7) ** 3
        return grams / (numbers[f"material_density.{one.mass.material}"] * volume_ml)
    if "dose" in numbers:
        return numbers["dose"]
    if one.particles is None:
        raise InputError("no dose", where=f"study {one.study}", remedy="tell a dose")
    return one.particles[0] * (kg if one.per_kg else 1.0)
