"""A fit handed to others: through pyPESTO with our simulator, and as PEtab tables.

Both need the extra ``fit``. PEtab (version 1) holds one SBML model, conditions, observables,
measurements and parameters. Its parameters here are folds about the fit of those unknowns that
enter the model's rates as powers (clearances, capacities, rates of labels, doses); the others, such
as radii of pores, are what the fit found. Limits, intervals, orders and constants of kinetics have
no place in it; `petab_tables` says how many rows were left out.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from exosome.body.observe import Conditions, signal
from exosome.core.errors import InputError, NumericalError
from exosome.numerics.network import Parameter
from exosome.numerics.sbml import write_sbml
from exosome.study.fit_problem import ERROR, SIZE, arm_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exosome.numerics.network import Network
    from exosome.study.fit import Fit
    from exosome.study.fit_problem import Arm, Problem

    Floats = NDArray[np.float64]

_OWN = ("own", "secrete", "clear_own")
_NO_POWERS = ("scale|", "body_gsd.", "body_radius.", SIZE)  # shapes and sizes
_POWER_STEPS = (0.1, 0.5)


def through_pypesto(asked: Problem, *, starts: int, seed: int) -> tuple[float, ...]:
    """Return the log-posteriors at which pyPESTO's climbs end, the best first.

    pyPESTO draws the starts between the limits of each unknown and climbs with L-BFGS-B on our
    log-posterior and its gradient; the first start is the middle of the prior.

    Raises
    ------
    ImportError
        pyPESTO is not installed.
    """
    import logging
    from importlib import import_module

    # An extra, without types.
    tools: Any = import_module("pypesto")
    optimise: Any = import_module("pypesto.optimize")

    def value_and_slope(point: Floats) -> tuple[float, Floats]:
        try:
            here = asked.expand(np.asarray(point, dtype=np.float64))
        except NumericalError:  # a place that cannot be integrated is no summit
            return math.inf, np.zeros(asked.centre.size)
        return -here.value, -here.gradient

    tools.logging.log(level=logging.ERROR, name="pypesto")
    # Far corners of the box stop the integrator; two deviations about the prior do not.
    low = np.maximum(asked.low, asked.centre - 2.0 * asked.prior_sd)
    high = np.minimum(asked.high, asked.centre + 2.0 * asked.prior_sd)
    posed = tools.Problem(
        objective=tools.Objective(fun=value_and_slope, grad=True),
        lb=asked.low, ub=asked.high, lb_init=low, ub_init=high,
        x_guesses=asked.centre[None], x_names=[one.key for one in asked.unknowns],
    )  # fmt: skip
    state = np.random.get_state()  # noqa: NPY002  (pyPESTO draws from the global generator)
    np.random.seed(seed)  # noqa: NPY002
    try:
        found = optimise.minimize(
            posed,
            optimizer=optimise.ScipyOptimizer(method="L-BFGS-B", options={"maxiter": 200}),
            n_starts=starts, progress_bar=False,
        )  # fmt: skip
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return tuple(-float(one) for one in found.optimize_result.fval)


def petab_tables(found: Fit) -> dict[str, str]:
    """Return the files of a PEtab problem, by name.

    Raises
    ------
    InputError
        The experiments need models of different structure, or no row can be written.
    """
    asked = found.problem
    arms = [arm for arm in asked.arms if _writable(arm, asked)]
    if not arms:
        raise InputError(
            "no row is a value of an organ", where="--petab",
            remedy="PEtab holds values; fit without --petab",
        )  # fmt: skip
    if len({arm.network.species for arm in arms}) > 1:
        raise InputError(
            "experiments by several routes need several models", where="--petab",
            remedy="PEtab holds one model: fit the routes apart",
        )  # fmt: skip
    point = found.summit.point
    powers = _powers(asked, arms, point)
    values = [arm_values(asked, arm, point) for arm in arms]
    model = _model(arms[0].network, values[0], powers)
    uses = [{asked.unknowns[c].key for c in arm.columns} for arm in arms]
    names = sorted(key for key in values[0] if not key.startswith("own_"))
    conditions = [
        {
            "conditionId": f"arm_{k}",
            **{f"base_{name}": repr(held[name]) for name in names},
            **{f"f_{_id(key)}": f"fold_{_id(key)}" if key in uses[k] else "1.0" for key in powers},
        }
        for k, held in enumerate(values)
    ]
    observables, measurements, left = _told(asked, arms)
    parameters = _parameters(asked, powers, point)
    return {
        "petab-model.xml": write_sbml(model, mean_field=True, time_unit_s=3600.0),
        "petab-conditions.tsv": _tsv(conditions),
        "petab-observables.tsv": _tsv(observables),
        "petab-measurements.tsv": _tsv(measurements),
        "petab-parameters.tsv": _tsv(parameters),
        "petab-problem.yaml": _YAML,
        "petab-readme.txt": (
            f"{len(measurements)} of {int(asked.fitted.sum())} fitted rows are values of organs "
            f"and stand here; {left} limits, intervals, orders and constants have no place in "
            "PEtab 1. "
            f"{len(powers)} of {len(asked.unknowns)} unknowns are estimated, as folds about the "
            "fit; the others are fixed where it ended.\n"
        ),
    }


_YAML = """format_version: 1
parameter_file: petab-parameters.tsv
problems:
- condition_files: [petab-conditions.tsv]
  measurement_files: [petab-measurements.tsv]
  observable_files: [petab-observables.tsv]
  sbml_files: [petab-model.xml]
"""


def _writable(arm: Arm, asked: Problem) -> bool:
    return any(
        asked.fitted[k] and one.sees == "organ" and one.told.is_value
        for k, one in zip(arm.rows, arm.observations, strict=True)
    )


def _id(key: str) -> str:
    return re.sub(r"\W+", "_", key)


def _powers(asked: Problem, arms: Sequence[Arm], point: Floats) -> dict[str, dict[str, float]]:
    """Return, for each unknown that acts as powers, the power of each parameter of the model.

    An unknown that acts otherwise on any rate, or differently in two arms, is not returned.
    """
    found: dict[str, dict[str, float]] = {}
    for column, one in enumerate(asked.unknowns):
        if not one.is_log or one.key == ERROR or one.key.startswith(_NO_POWERS):
            continue
        using = [arm for arm in arms if column in arm.columns]
        each = [_power_of(asked, arm, point, column) for arm in using]
        if each and all(one is not None and one == each[0] for one in each) and each[0]:
            found[one.key] = each[0]
    return found


def _power_of(asked: Problem, arm: Arm, point: Floats, column: int) -> dict[str, float] | None:
    base = arm_values(asked, arm, point)
    seen: list[dict[str, float]] = []
    for step in _POWER_STEPS:
        moved = point.copy()
        moved[column] += step
        after = arm_values(asked, arm, moved)
        powers: dict[str, float] = {}
        for name, value in base.items():
            if name.startswith("own_") or after[name] == value:
                continue
            if value <= 0.0:
                return None
            power = math.log(after[name] / value) / step
            if abs(power - round(power)) > 1e-6:
                return None
            if round(power):
                powers[name] = float(round(power))
        seen.append(powers)
    return seen[0] if seen[0] == seen[1] else None


def _model(
    network: Network, values: Mapping[str, float], powers: Mapping[str, Mapping[str, float]]
) -> Network:
    """Return the model without the body's own vesicles, its parameters as base times folds."""
    ruled = {name for name, _ in network.rules}
    kept = [name for name in values if not name.startswith("own_")]
    parameters = [Parameter(f"base_{name}", values[name]) for name in kept]
    parameters += [Parameter(f"f_{_id(key)}", 1.0) for key in powers]
    for name in kept:
        terms = [f"base_{name}"]
        for key, held in powers.items():
            if name in held:
                factor = f"f_{_id(key)}"
                terms.append(factor if held[name] == 1.0 else f"{factor} ** ({held[name]!r})")
        parameters.append(Parameter(name, " * ".join(terms)))
    parameters += [one for one in network.parameters if one.name in ruled]
    return replace(
        network,
        species=tuple(one for one in network.species if one.name not in _OWN),
        reactions=tuple(one for one in network.reactions if one.name not in _OWN),
        parameters=tuple(parameters),
    )


def _weights(arm: Arm, organ: str, numbers: Mapping[str, float]) -> dict[str, float]:
    """Return how much of each species a detector reports of an organ: the signal is linear."""
    names = [one.name for one in arm.network.species]
    unit = np.eye(len(names))
    place = {name: k for k, name in enumerate(names)}
    reported = signal(
        arm.design, arm.held, lambda name: unit[place[name]], numbers,
        Conditions(arm.experiment.residual_blood),
    )  # fmt: skip
    return {name: float(w) for name, w in zip(names, reported[organ], strict=True) if w != 0.0}


def _told(
    asked: Problem, arms: Sequence[Arm]
) -> tuple[list[dict[str, str]], list[dict[str, str]], int]:
    """Return observables, measurements and the count of rows that cannot be written."""
    observables: dict[str, dict[str, str]] = {}
    measurements: list[dict[str, str]] = []
    for k, arm in enumerate(arms):
        doses = " + ".join([*(f"dose_{i}" for i in range(arm.design.classes)), "dose_impurity"])
        scale = f"scale|{arm.experiment.study}"
        for row, one in zip(arm.rows, arm.observations, strict=True):
            if not asked.fitted[row] or one.sees != "organ" or not one.told.is_value:
                continue
            name = f"obs_{k}_{one.what}"
            seen = _weights(arm, one.what, asked.fixed)
            terms = " + ".join(f"{w!r} * {species}" for species, w in seen.items())
            per = arm.volumes[one.what] if one.per_gram else 1.0
            formula = f"100 * ({terms}) / ({doses}) / {per!r}"
            if scale in asked.index:
                formula += f" * {_id(scale)}"
            observables[name] = {
                "observableId": name,
                "observableFormula": formula,
                "observableTransformation": "log",
                "noiseFormula": "error_sd",
                "noiseDistribution": "normal",
            }
            measurements.append(
                {
                    "observableId": name,
                    "simulationConditionId": f"arm_{k}",
                    "measurement": repr(math.exp(one.told.low)),
                    "time": repr(one.hours),
                }
            )
    return list(observables.values()), measurements, int(asked.fitted.sum()) - len(measurements)


def _parameters(
    asked: Problem, powers: Mapping[str, Mapping[str, float]], point: Floats
) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for column, one in enumerate(asked.unknowns):
        at = float(point[column])
        if one.key == ERROR:
            name, shift = "error_sd", 0.0
        elif one.key.startswith("scale|"):
            name, shift = _id(one.key), 0.0
        elif one.key in powers:
            name, shift = f"fold_{_id(one.key)}", at
        else:
            continue
        rows.append(
            {
                "parameterId": name,
                "parameterScale": "log",
                "lowerBound": repr(math.exp(one.low - shift)),
                "upperBound": repr(math.exp(one.high - shift)),
                "nominalValue": repr(math.exp(at - shift)),
                "estimate": "1",
                "objectivePriorType": "parameterScaleNormal",
                "objectivePriorParameters": f"{one.centre - shift!r};{one.sd!r}",
            }
        )
    return rows


def _tsv(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n", delimiter="\t")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
