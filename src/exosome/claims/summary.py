"""The answer as plain values: what ``summary.json`` holds and every page is made from."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

from exosome.catalog.bibliography import bibliography, bibtex
from exosome.catalog.roles import role_named
from exosome.claims.controls import FOLD_ALLOWED
from exosome.claims.credibility import credibility
from exosome.claims.wording import (
    CAUTION,
    DISCLAIMER,
    NO_EFFECT,
    mechanism_name,
    mechanism_note,
    parameter_name,
    plain,
    sentence,
    why,
)
from exosome.delivery.measurement import PRECISION_FOLD
from exosome.delivery.pool import status_of

if TYPE_CHECKING:
    from exosome.catalog.bibliography import Reference
    from exosome.catalog.record import Sourced
    from exosome.claims.answer import Answer
    from exosome.claims.claim import Claim
    from exosome.claims.controls import ControlResult
    from exosome.claims.evidence import EvidenceSummary
    from exosome.delivery.dose import Converted
    from exosome.delivery.extremes import Extreme
    from exosome.delivery.invariants import Invariant
    from exosome.delivery.problem import Problem
    from exosome.delivery.verdict import Margins
    from exosome.study.depths import DepthFound
    from exosome.study.result import Curve, Finding, MechanismResult

SCHEMA_VERSION = 1
_DIGITS = 6

Table = dict[str, Any]


def summarise_answer(answer: Answer, *, name: str, provenance: Table) -> Table:
    """Return the whole answer as JSON-able values, rounded to six digits.

    Parameters
    ----------
    name : str
        The claim as the command names it: a bundled name or a file name.
    provenance : dict
        What two runs of one question share (no time, host or path).
    """
    used = _used(answer)
    mechanisms = [
        _mechanism(found, invariants)
        for found, invariants in zip(answer.result.mechanisms, answer.invariants, strict=True)
    ]
    table: Table = {
        "schema_version": SCHEMA_VERSION,
        "claim": {"name": name, **_claim(answer.claim)},
        "answer": {
            "sentences": [one["sentence"] for one in mechanisms],
            "effect_declared": answer.plan.effect_declared,
            "caution": CAUTION,
            "disclaimer": DISCLAIMER,
        },
        "dose": _dose(answer),
        "mechanisms": mechanisms,
        "evidence": _evidence(answer.evidence),
        "legal": answer.legal,
        "controls": [_control(one) for one in answer.controls],
        "numbers": _numbers(used),
        "bibtex": bibtex(record.citation for record, _ in used.values()),
        "run": {
            **provenance,
            "draws": answer.result.draws,
            "sobol_size": answer.result.sobol_size,
            "depth": answer.plan.depth,
        },
    }
    table["credibility"] = credibility(table).as_table()
    rounded: Table = _rounded(table)
    return rounded


def _claim(claim: Claim) -> Table:
    dose = claim.dose
    given = dose.amount or f"the natural release of one {plain(dose.released_by or '')}"
    return {
        **claim.claim.model_dump(mode="json"),
        "product": claim.product.name,
        "carrier": plain(claim.product.carrier),
        "given": given,
        "route": plain(dose.route),
        "within": dose.within,
        "organ": claim.target.organ,
        "cell": plain(claim.target.cell),
        "cells": claim.target.cells,
        "effect": None if claim.effect is None else claim.effect.outcome,
        "responding_fraction": None if claim.effect is None else claim.effect.responding_fraction,
    }


def _dose(answer: Answer) -> Table:
    table, warning = answer.dose, answer.dose_warning
    # A dish has no plasma: its dose is not set against the body's own vesicles.
    in_a_body = answer.claim.dose.route != "in_vitro"
    if table is None:
        return {
            "stated": None,
            "metrics": [],
            "pool_share": None,
            "secretion_s": None,
            "warning": warning,
        }
    return {
        "stated": table.dose.text,
        "metrics": [_converted(row) for row in table.metrics],
        "pool_share": _converted(table.pool_share) if in_a_body else None,
        "secretion_s": _converted(table.secretion_s) if in_a_body else None,
        "warning": warning,
    }


def _converted(row: Converted) -> Table:
    return {**asdict(row), "roles": list(row.roles)}


def _mechanism(found: MechanismResult, invariants: tuple[Invariant, ...]) -> Table:
    problem, finding = found.problem, found.finding
    name = mechanism_name(problem.question.mechanism)
    table: Table = {
        "name": name,
        "kind": problem.question.mechanism.kind,
        "verdict": "undecided" if finding is None else finding.verdict,
        "note": mechanism_note(problem.question.mechanism),
        "why": (
            NO_EFFECT
            if finding is None
            else why(
                finding.verdict,
                finding.margins,
                ceiling=finding.ceiling,
                best_case=finding.best_case,
            )
        ),
        "sentence": (
            f"{name}: {NO_EFFECT}"
            if finding is None
            else sentence(name, finding.verdict, finding.margins)
        ),
        "steps": [
            {**asdict(step), "roles": list(step.roles), "records": _record_ids(problem, step.roles)}
            for step in found.steps
        ],
        "places": [asdict(place) for place in found.places],
        "balance_gap": found.balance_gap,
        "invariants": [asdict(one) for one in invariants],
        "inputs": [_input(problem, role) for role in problem.roles],
    }
    if finding is not None:
        table["finding"] = _finding(problem, finding)
    return table


def _finding(problem: Problem, finding: Finding) -> Table:
    indices = finding.shares.indices
    return {
        "margin": _margins(finding.margins),
        "mean_field_margin": _margins(finding.mean_field),
        "by_responding_fraction": [
            {"fraction": fraction, **_margins(margins)} for fraction, margins in finding.by_fraction
        ],
        "conservation_ceiling": _extreme(finding.ceiling),
        "best_case": _extreme(finding.best_case),
        "rivals": [
            {
                "role": one.role,
                "parameter": parameter_name(one.role),
                "position": one.position,
                "verdict": one.verdict,
                "margin": _margins(one.margins),
            }
            for one in finding.rivals
        ],
        "variance": {
            "shares": [
                {
                    "role": role,
                    "parameter": parameter_name(role),
                    "status": problem.pools[role].status,
                    "first": float(indices.first[i]),
                    "first_halfwidth": float(indices.first_halfwidth[i]),
                    "total": float(indices.total[i]),
                    "total_halfwidth": float(indices.total_halfwidth[i]),
                }
                for i, role in enumerate(indices.names)
            ],
            "by_status": finding.shares.by_status,
            "explained": indices.explained,
            "n": indices.n,
            "evaluations": indices.evaluations,
        },
        "flips": [
            {
                "changes": [
                    {
                        "role": change.role,
                        "parameter": parameter_name(change.role),
                        "value": change.value,
                        "unit": _unit(change.role),
                        "median": problem.pools[change.role].median,
                    }
                    for change in flip.changes
                ],
                "verdict": flip.verdict,
                "margin": _margins(flip.margins),
            }
            for flip in finding.flips
        ],
        "measurements": [
            {
                "role": one.role,
                "parameter": parameter_name(one.role),
                "wrong_before": one.wrong_before,
                "wrong_after": one.wrong_after,
                "gain": one.gain,
            }
            for one in finding.measurements
        ],
        "measurement_precision_fold": PRECISION_FOLD,
        "histogram": asdict(finding.histogram),
        "responding_by_packing": _curve(finding.responding_by_packing),
        "responding_by_dose": _curve(finding.responding_by_dose),
        "depths": _depths(finding.depths),
    }


def _depths(found: DepthFound | None) -> Table | None:
    """Return engine against envelope; None where no stage has an engine."""
    if found is None:
        return None
    return {
        "fold": found.fold,
        "reason": found.reason,
        "envelope": {"verdict": found.envelope_verdict, "margin": _margins(found.envelope)},
        "engine": {"verdict": found.engine_verdict, "margin": _margins(found.engine)},
        "steps": [
            {
                "name": one.name,
                "unit": one.unit,
                "envelope": None if one.envelope is None else asdict(one.envelope),
                "engine": None if one.engine is None else asdict(one.engine),
                "fold": one.fold,
            }
            for one in found.steps
        ],
        "stages": [{**asdict(one), "roles": list(one.roles)} for one in found.stages],
        "missing": [{"stage": stage, "why": why} for stage, why in found.missing],
    }


def _margins(margins: Margins) -> Table:
    p5, p25, p50, p75, p95 = margins.percentiles
    return {
        "p5": p5,
        "p25": p25,
        "p50": p50,
        "p75": p75,
        "p95": p95,
        "nothing_delivered": margins.nothing,
        "enough": margins.enough,
    }


def _extreme(extreme: Extreme) -> Table:
    margin = extreme.margin if math.isfinite(extreme.margin) else None
    return {
        "margin": margin,
        "values": [
            {
                "role": role,
                "parameter": parameter_name(role),
                "value": value,
                "unit": _unit(role),
                "bound": extreme.bounds[role],
            }
            for role, value in extreme.values.items()
        ],
    }


def _curve(curve: Curve | None) -> Table | None:
    return None if curve is None else asdict(curve)


def _input(problem: Problem, role: str) -> Table:
    one = problem.pools[role]
    low, high = one.support
    return {
        "role": role,
        "parameter": parameter_name(role),
        "unit": _unit(role),
        "median": one.median,
        "low": low,
        "high": high,
        "status": problem.pools[role].status,
        "records": [record.id for record in one.records],
    }


def _evidence(found: EvidenceSummary) -> Table:
    return {
        "sentence": found.count_sentence(),
        "scope": found.scope,
        "level": found.level,
        "direction": found.direction,
        "safety": str(found.headline("safety")),
        "effect": str(found.headline()),
        "tallies": [asdict(row) for row in found.use_tallies],
        "mechanism_tallies": [asdict(row) for row in found.mechanism_tallies],
        "studies": [
            {
                "name": one.study.name,
                "because": list(one.because),
                "findings": [
                    {
                        "population": finding.population,
                        "comparator": finding.comparator,
                        "outcome": finding.outcome,
                        "kind": finding.kind,
                        "direction": finding.direction,
                        "result": finding.result,
                    }
                    for finding in dict.fromkeys((*one.on_use, *one.on_mechanism))
                ],
                "design": one.study.design,
                "n": one.study.n,
                "year": one.study.year,
                "reading": one.study.reading,
                "identifiers": list(one.study.identifiers),
            }
            for one in found.applied
        ],
        "zero_events": [
            {**asdict(one), "upper_share": one.upper_share} for one in found.zero_events
        ],
        "background": [one.model_dump(mode="json") for one in found.background],
        "unmatched": list(found.unmatched),
    }


def _control(one: ControlResult) -> Table:
    return {
        **asdict(replace(one, used=())),
        "used": [record.id for record in one.used],
        "passed": one.passed,
        "weak": one.weak,
        "fold_allowed": FOLD_ALLOWED,
        "rows": [{**asdict(row), "records": list(row.records)} for row in one.rows],
    }


def _used(answer: Answer) -> dict[str, tuple[Sourced, list[str]]]:
    """Return every record used, by id, with what it served."""
    used: dict[str, tuple[Sourced, list[str]]] = {}
    places = {
        "answer": answer.plan.records,
        "depths": answer.plan.compared_records,
        "dose": answer.dose.records if answer.dose else (),
        "controls": tuple(r for control in answer.controls for r in control.used),
    }
    for place, records in places.items():
        for record in records:
            served = used.setdefault(record.id, (record, []))[1]
            if place not in served:
                served.append(place)
    return used


def _numbers(used: dict[str, tuple[Sourced, list[str]]]) -> list[Table]:
    works = bibliography()
    return [
        {
            "id": record.id,
            "quantity": record.quantity,
            "roles": [record.role] if record.role else [],
            "used_for": served,
            "value": record.value,
            "low": record.low,
            "high": record.high,
            "unit": record.unit,
            "bound_kind": record.bound_kind,
            "distribution": record.distribution,
            "basis": record.basis,
            "reading": record.reading,
            "status": status_of(record),
            "citation": record.citation,
            "work": _work(works[record.citation]) if record.citation in works else record.citation,
            "locator": record.locator,
            "doi": record.doi,
            "doi_checked": record.doi_checked,
            "origin": record.origin,
            "rival": record.rival,
            "note": record.note,
        }
        for record, served in (used[key] for key in sorted(used))
    ]


def _work(work: Reference) -> str:
    """Return a reference as one line: what is known of it and nothing else."""
    names = ", ".join(work.authors)
    year = str(work.year) if work.year else ""
    place = " ".join(part for part in (work.container, work.volume) if part)
    place = f"{place}:{work.pages}" if work.pages and place else place
    return ". ".join(part for part in (names, work.title or work.description, place, year) if part)


def _record_ids(problem: Problem, roles: tuple[str, ...]) -> list[str]:
    return [record.id for role in roles for record in problem.pools[role].records]


def _unit(role: str) -> str:
    return role_named(role, where="summary").unit


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
        case dict():
            held = cast("Table", value)
            return {key: _rounded(item) for key, item in held.items()}
        case list() | tuple():
            return [_rounded(item) for item in cast("list[Any]", value)]
        case _:
            return value
