"""A claim answered: physics, evidence and controls side by side, never merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exosome.claims.controls import ControlResult, run_controls
from exosome.claims.evidence import EvidenceSummary, evidence_for
from exosome.claims.regulation.products import find_product, jurisdictions_asked, legal_axis
from exosome.claims.regulation.rules import last_checked
from exosome.core.random import Streams
from exosome.core.units import parse_dose
from exosome.delivery.dose import DoseTable, in_all_metrics
from exosome.delivery.invariants import Invariant, check_invariants
from exosome.product.dose import METRICS
from exosome.product.trials import far_from_every_trial
from exosome.study.plan import DRAWS, SOBOL_SIZE, plan
from exosome.study.run import run

if TYPE_CHECKING:
    from exosome.catalog.load import Catalog
    from exosome.claims.claim import Claim
    from exosome.core.progress import Reporter
    from exosome.study.depths import Depth
    from exosome.study.plan import Plan
    from exosome.study.result import Result

DOSE_DRAWS = 20_000
DEFAULT_SEED = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything a report shows about one claim."""

    claim: Claim
    plan: Plan
    result: Result
    dose: DoseTable | None
    dose_warning: str
    evidence: EvidenceSummary
    legal: dict[str, Any] | None
    controls: tuple[ControlResult, ...]
    invariants: tuple[tuple[Invariant, ...], ...]


def answer(  # noqa: PLR0913  (sizes of the run, each with its default)
    claim: Claim,
    catalog: Catalog,
    *,
    seed: int = DEFAULT_SEED,
    draws: int = DRAWS,
    sobol_size: int = SOBOL_SIZE,
    depth: Depth = "envelope",
    workers: int = 2,
    where: str = "claim",
    reporter: Reporter | None = None,
) -> Answer:
    """Return the answer to a claim: the same for any number of workers.

    Raises
    ------
    MissingRecordError
        If the catalog holds no record for a number the claim needs.
    InputError
        If the dose does not say how many vesicles were given.
    """
    planned = plan(
        claim, catalog, seed=seed, draws=draws, sobol_size=sobol_size, depth=depth, where=where
    )
    result = run(planned, workers=workers, reporter=reporter)
    streams = Streams(seed)
    return Answer(
        claim,
        planned,
        result,
        dose_table(claim, catalog, streams, where=where),
        dose_warning(claim, where=where),
        evidence_for(
            indication=claim.evidence.indication,
            routes=claim.evidence.routes,
            mechanisms=claim.evidence.mechanisms,
            products=claim.evidence.products,
        ),
        legal_answer(claim),
        run_controls(seed=seed, workers=workers),
        tuple(
            check_invariants(problem, problem.draws(streams, 500)) for problem in planned.problems
        ),
    )


def dose_table(claim: Claim, catalog: Catalog, streams: Streams, *, where: str) -> DoseTable | None:
    """Return the claim's dose in every metric, or None if it is no count of vesicles."""
    if claim.dose.amount is None:
        return None
    dose = parse_dose(claim.dose.amount, where=f"{where} dose.amount")
    if dose.metric not in METRICS:
        return None
    weight = claim.body_weight_kg
    return in_all_metrics(
        dose, catalog, streams, size=DOSE_DRAWS, body_weight_kg=weight, where=where
    )


def legal_answer(claim: Claim) -> dict[str, Any] | None:
    """Return the legal axis of the claim's product, as of the day its rules were last checked.

    None where the claim names no product's legal facts.
    """
    if claim.law is None:
        return None
    product = find_product(claim.law.product)
    code = jurisdictions_asked(product, "")[0]
    return legal_axis(claim.law.product, last_checked(code), jurisdiction=code)


def dose_warning(claim: Claim, *, where: str) -> str:
    """Return a warning if the dose lies far from every registered trial dose, else nothing.

    Doses in a dish are not compared with trials in people.
    """
    if claim.dose.amount is None or claim.dose.route == "in_vitro":
        return ""
    dose = parse_dose(claim.dose.amount, where=f"{where} dose.amount")
    found = far_from_every_trial(dose.amount, dose.metric, per_kg=dose.per_kg)
    return "" if found is None else found.message
