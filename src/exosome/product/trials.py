"""Doses that trials have given or registered, to hold a stated dose against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    StringConstraints,
    model_validator,
)

from exosome.catalog.record import Reading  # noqa: TC001 - pydantic reads it at run time
from exosome.core.errors import InputError
from exosome.core.records import read_records

TrialMetric = Literal[
    "particle",
    "vesicle",
    "ug_protein",
    "ug_protein_per_kg",
    "pmol_phospholipid_per_kg",
    "msc_eq_per_kg",
    "ml",
    "mhc_ii_molecule",
]
TRIAL_METRICS: tuple[TrialMetric, ...] = get_args(TrialMetric)

# A stated dose this many times above or below every trial is told.
FAR_FOLD = 100.0
# A ratio within `SLIP_WITHIN` of `SLIP_FOLD` looks like a wrong prefix of the unit.
SLIP_FOLD = 1000.0
SLIP_WITHIN = 3.0

_AS_COUNTED = frozenset({"particle", "vesicle"})
# Which two units a thousandfold slip confuses; counts have no prefix to confuse.
_SLIP_OF = {
    "ug_protein": "µg/mg",
    "ug_protein_per_kg": "µg/mg",
    "pmol_phospholipid_per_kg": "pmol/nmol",
    "ml": "µL/mL",
}


class TrialDose(BaseModel):
    """One dose of one trial, in the unit in which it was stated.

    ``amount_low`` and ``amount_high`` span the dose levels of a single
    administration. One trial has two entries where it states its dose twice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    id: Annotated[
        str,
        StringConstraints(pattern=r"^(NCT\d{8}|IRCT trial \d+|PMID \d+|10\.\d{4,9}/\S+)$"),
    ]
    label: Annotated[str, StringConstraints(min_length=1)]
    route: Annotated[str, StringConstraints(min_length=1)]
    indication: Annotated[str, StringConstraints(min_length=1)]
    amount_low: PositiveFloat
    amount_high: PositiveFloat
    metric: TrialMetric
    schedule: Annotated[str, StringConstraints(min_length=1)]
    catalog: Annotated[str, StringConstraints(pattern=r"^([a-z]\d{2,3})?$")] = ""
    reading: Reading
    note: str = ""

    @model_validator(mode="after")
    def _amounts_are_ordered(self) -> Self:
        if self.amount_low > self.amount_high:
            raise ValueError(f"{self.id}: amount_low exceeds amount_high")
        return self

    def __str__(self) -> str:
        span = (
            f"{self.amount_low:g}"
            if self.amount_low == self.amount_high
            else f"{self.amount_low:g} to {self.amount_high:g}"
        )
        doubt = "" if self.reading == "read" else f", {self.reading}"
        return f"{self.id} ({span} {self.metric}, {self.route}, {self.indication}{doubt})"


class _Register(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    dose: Annotated[tuple[TrialDose, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _entries_are_unique(self) -> Self:
        keys = [(one.id, one.metric) for one in self.dose]
        if twice := {
            f"{name} in {metric}" for name, metric in keys if keys.count((name, metric)) > 1
        }:
            raise ValueError(f"entered twice: {', '.join(sorted(twice))}")
        return self


def read_trial_doses(text: str, *, where: str) -> tuple[TrialDose, ...]:
    """Read a register of trial doses from TOML text.

    Raises
    ------
    CatalogError
        If the text is not TOML or an entry breaks a rule; ``where`` names the file.
    """
    return read_records(
        text,
        _Register,
        what="the register of trial doses",
        where=where,
        fields_of="exosome.product.trials.TrialDose",
    ).dose


@cache
def load_trial_doses() -> tuple[TrialDose, ...]:
    """Return the register that comes with the package."""
    name = "trial_doses.toml"
    text = files("exosome.product").joinpath(name).read_text("utf-8")
    return read_trial_doses(text, where=name)


@dataclass(frozen=True, slots=True)
class DoseWarning:
    """What a stated dose looks like beside the trials.

    Parameters
    ----------
    kind : {"far", "unit_slip", "no_trial"}
        Far from every trial; far, and by about a thousandfold; or no trial
        states its dose in this metric, so nothing was compared.
    nearest : TrialDose or None
        The trial whose dose is nearest.
    fold : float
        Stated dose over the nearest dose if above it, the inverse if below; 1
        where nothing was compared.
    slip : TrialDose or None
        The trial from which the dose is nearest to exactly a thousandfold away.
    message : str
        The same in words.
    """

    kind: Literal["far", "unit_slip", "no_trial"]
    nearest: TrialDose | None
    fold: float
    slip: TrialDose | None
    message: str


def fold_from(amount: float, trial: TrialDose) -> float:
    """Return how many times the amount lies above or below the trial's levels; 1 within them."""
    return max(amount / trial.amount_high, trial.amount_low / amount, 1.0)


def comparable_trials(
    metric: str, *, per_kg: bool, trials: tuple[TrialDose, ...] | None = None
) -> tuple[TrialDose, ...]:
    """Return the trials whose doses are stated in the same metric.

    Particles and vesicles are compared with each other as counted, since
    registries do not tell them apart. A dose per kg is never compared with a
    total dose: no body weight is assumed here.

    Raises
    ------
    InputError
        If the metric is per kg by its name and ``per_kg`` says otherwise.
    """
    if metric.endswith("_per_kg") and not per_kg:
        raise InputError(
            f"{metric!r} is a dose per kg, yet the dose is said to be a total",
            where="per_kg",
            remedy="set per_kg, or name the metric of a total dose",
        )
    name = f"{metric.removesuffix('_per_kg')}_per_kg" if per_kg else metric
    same = _AS_COUNTED if name in _AS_COUNTED else {name}
    held = load_trial_doses() if trials is None else trials
    return tuple(one for one in held if one.metric in same)


def far_from_every_trial(
    amount: float,
    metric: str,
    *,
    per_kg: bool,
    trials: tuple[TrialDose, ...] | None = None,
) -> DoseWarning | None:
    """Warn of a dose that lies 100 times or more away from every recorded trial dose.

    Only the amount of one administration is compared; route, product and
    disease are not. Trial doses in one metric already span up to four orders of
    magnitude, so silence does not mean that a dose is usual, and a warning does
    not mean that it is wrong. A dose near a thousandfold from a trial is named
    as a likely slip of the unit's prefix (µg for mg), which published tables of
    these trials contain.

    Parameters
    ----------
    amount : float
        The stated dose of one administration, in ``metric``.
    metric : str
        One of ``TRIAL_METRICS``, or any other unit; the suffix ``_per_kg`` may
        be left to ``per_kg``.
    per_kg : bool
        Whether the amount is per kg of body weight.
    trials : tuple of TrialDose, optional
        A register in place of the bundled one.

    Raises
    ------
    InputError
        If the amount is not positive and finite, or ``per_kg`` contradicts the
        metric.
    """
    if not (math.isfinite(amount) and amount > 0.0):
        raise InputError(
            f"{amount!r} is not a dose",
            where="amount",
            remedy="give a positive, finite amount",
        )
    others = comparable_trials(metric, per_kg=per_kg, trials=trials)
    unit = f"{metric.removesuffix('_per_kg')}{'/kg' * per_kg}"
    if not others:
        return DoseWarning(
            "no_trial",
            None,
            1.0,
            None,
            f"No recorded trial states its dose in {unit}; {amount:g} {unit} was not compared.",
        )
    folds = {trial: fold_from(amount, trial) for trial in others}
    nearest = min(folds, key=folds.__getitem__)
    fold = folds[nearest]
    if fold < FAR_FOLD:
        return None
    side = "above" if amount > nearest.amount_high else "below"
    which = (
        f"the nearest of {len(others)} recorded trial doses"
        if len(others) > 1
        else "the only recorded trial dose in this metric"
    )
    said = [f"{amount:g} {unit} lies {fold:.4g} times {side} {which}: {nearest}."]
    slip = min(others, key=lambda trial: abs(math.log(folds[trial] / SLIP_FOLD)))
    units = _SLIP_OF.get(slip.metric, "")
    if not units or abs(math.log(folds[slip] / SLIP_FOLD)) > math.log(SLIP_WITHIN):
        slip = None
    else:
        said.append(
            f"It is {folds[slip]:.4g} times away from {slip}: a {units} slip is likely. {slip.note}"
        )
    if metric.removesuffix("_per_kg") in _AS_COUNTED:
        said.append("Registries do not tell particles from vesicles: both are compared as counted.")
    return DoseWarning("unit_slip" if slip else "far", nearest, fold, slip, " ".join(said).strip())
