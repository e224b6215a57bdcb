"""What most deserves to be read: unread numbers by how much they move the bundled answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.catalog.load import load_catalog
from exosome.claims.claim import bundled_claims, read_claim
from exosome.core.random import Streams
from exosome.delivery.shares import variance_shares
from exosome.study.plan import plan

if TYPE_CHECKING:
    from exosome.catalog.record import Sourced
    from exosome.core.progress import Reporter

_SOBOL_SIZE = 1_024


@dataclass(frozen=True, slots=True)
class Todo:
    """A record that nobody has checked, and its weight in the bundled answers.

    ``weight`` is the total variance share of its parameter, divided among the
    parameter's records and averaged over the mechanisms of all bundled claims.
    """

    record: Sourced
    status: str
    weight: float
    claims: tuple[str, ...]


def todo(*, reporter: Reporter | None = None) -> tuple[Todo, ...]:
    """Return the records that are recalled, assumed or have an unchecked DOI, heaviest first."""
    catalog = load_catalog()
    problems = [
        (name, problem)
        for name, path in bundled_claims().items()
        for problem in plan(read_claim(path), catalog, seed=1, where=name).problems
    ]
    if reporter is not None:
        reporter.start("mechanisms", len(problems))
    weights: dict[str, float] = {}
    claims: dict[str, dict[str, None]] = {}
    for name, problem in problems:
        indices = variance_shares(problem, Streams(1), _SOBOL_SIZE).indices
        shares = dict(zip(indices.names, indices.total, strict=True))
        for role, one in problem.pools.items():
            for record in one.records:
                share = max(float(shares.get(role, 0.0)), 0.0) / len(one.records)
                weights[record.id] = weights.get(record.id, 0.0) + share / len(problems)
                claims.setdefault(record.id, {})[name] = None
        if reporter is not None:
            reporter.advance(1)
    if reporter is not None:
        reporter.finish()
    found = [
        Todo(record, status, weights.get(record.id, 0.0), tuple(claims.get(record.id, {})))
        for record in catalog.values()
        if (status := _open(record))
    ]
    return tuple(sorted(found, key=lambda one: (-one.weight, one.record.id)))


def _open(record: Sourced) -> str:
    """Return why a record needs a reader, or an empty text if it does not."""
    if record.basis == "assumed":
        return "assumed"
    if record.reading == "recalled":
        return "recalled"
    if record.doi and not record.doi_checked:
        return "DOI unchecked"
    return ""
