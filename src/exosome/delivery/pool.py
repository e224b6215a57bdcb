"""Rival records of one parameter, drawn from as an equal-weight mixture over studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np

from exosome.catalog.roles import role_bounds
from exosome.core.errors import CatalogError, InputError
from exosome.numerics.laws import Law, LawKind, law

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced


Status = Literal["assumed", "recalled", "second-hand", "derived", "read", "this lab"]
STATUSES: tuple[Status, ...] = get_args(Status)
"""How well a number was read, the least well read first."""


BoundSource = Literal["sourced bound", "assumed range", "edge of a fitted spread", "conservation"]


@dataclass(frozen=True, slots=True)
class Pool:
    """Every record that informs one parameter, grouped by study.

    Sources that disagree are kept side by side: a draw first picks a study,
    each with the same weight, then a record of that study, then a value from
    its law. Nothing is averaged. ``read_as`` says for each record how well the
    worst read number behind it was read.
    """

    role: str
    studies: tuple[tuple[Sourced, ...], ...]
    laws: tuple[tuple[Law, ...], ...]
    read_as: dict[str, Status]

    @property
    def status(self) -> Status:
        """How well the least well read record was read, the inputs of derived ones included."""
        return next(name for name in STATUSES if name in {self.read_as[r.id] for r in self.records})

    @property
    def records(self) -> tuple[Sourced, ...]:
        """All records, study by study."""
        return tuple(record for study in self.studies for record in study)

    @property
    def rivals(self) -> tuple[str, ...]:
        """Names of the contradicting positions held, in order; empty if there are not two."""
        names = tuple(dict.fromkeys(r.rival for r in self.records if r.rival))
        return names if len(names) > 1 else ()

    def draw(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values for ``u`` in [0, 1): one coordinate picks the study and the value.

        The map from ``u`` to a value is not monotone across studies, which a
        variance-based sensitivity analysis does not need.
        """
        values = np.empty_like(u)
        which, inside = _split(u, len(self.studies))
        for i, laws in enumerate(self.laws):
            here = which == i
            record, position = _split(inside[here], len(laws))
            found = np.empty_like(position)
            for j, one in enumerate(laws):
                chosen = record == j
                found[chosen] = one.quantile(position[chosen])
            values[here] = found
        return values

    @property
    def median(self) -> float:
        """Median of the mixture."""
        return float(np.median(self.draw((np.arange(2048) + 0.5) / 2048)))

    @property
    def support(self) -> tuple[float, float]:
        """Smallest and largest value that any of the records can take."""
        every = [one for study in self.laws for one in study]
        return min(one.low for one in every), max(one.high for one in every)

    @property
    def bounds_are(self) -> BoundSource:
        """What the ends of the support are: bounds from sources, assumed ranges or a cut spread.

        An end may come from any record of the mixture, so the weakest kind counts.
        """
        kinds = {record.bound_kind for record in self.records}
        if kinds & {"sd", "ci95", "90%", "multiplier"}:
            return "edge of a fitted spread"
        return "assumed range" if "prior" in kinds else "sourced bound"

    def holding(self, rival: str) -> Pool:
        """Return the pool with only the records of one contradicting position."""
        return _pool(self.role, [r for r in self.records if r.rival == rival], self.read_as)


def pool(catalog: Catalog, role: str, *, only: Sequence[str] = (), where: str) -> Pool:
    """Return the pool of records that inform ``role``.

    Parameters
    ----------
    only : sequence of str
        Ids of the records to use; all that inform the role if empty.

    Raises
    ------
    MissingRecordError
        If no record informs the role.
    InputError
        If ``only`` names a record that does not inform the role.
    """
    records = catalog.informing(role, where=where)
    if only:
        known = {r.id for r in records}
        for wanted in only:
            if wanted not in known:
                raise InputError(
                    f"record {wanted!r} does not inform {role!r}",
                    where=where,
                    remedy=f"choose from {', '.join(sorted(known))}",
                )
        records = tuple(r for r in records if r.id in only)
    read_as: dict[str, Status] = {
        r.id: worst_status([r, *catalog.inputs_of(r.id)]) for r in records
    }
    return _pool(role, records, read_as)


def status_of(record: Sourced) -> Status:
    """Return how well a record was read: assumed, recalled, second-hand, derived, read."""
    if record.origin != "catalog":
        return "this lab"
    # Where a source printed no figure and only an assumed range stands, the number is assumed.
    figure_is_assumed = record.value is None and record.bound_kind == "prior"
    return "assumed" if record.basis == "assumed" or figure_is_assumed else record.reading


def worst_status(records: Iterable[Sourced]) -> Status:
    """Return the status of the least well read of some records."""
    found = {status_of(record) for record in records}
    return next(name for name in STATUSES if name in found)


def _pool(role: str, records: Sequence[Sourced], read_as: dict[str, Status]) -> Pool:
    studies: dict[str, list[Sourced]] = {}
    for record in records:
        # "computed" says who did the sum, not whose measurement it was.
        study = record.id if record.citation == "computed" else record.citation
        studies.setdefault(study, []).append(record)
    grouped = tuple(tuple(study) for study in studies.values())
    laws = tuple(tuple(_law_of(r) for r in study) for study in grouped)
    return Pool(role, grouped, laws, read_as)


def _law_of(record: Sourced) -> Law:
    try:
        return law(
            cast("LawKind", record.distribution),
            value=record.value,
            low=record.low,
            high=record.high,
            bound_kind=record.bound_kind,
            limits=role_bounds(record.role),
        )
    except ValueError as fault:
        raise CatalogError(
            f"no {record.distribution} law can be drawn for {record.quantity!r}: {fault}",
            where=f"catalog record {record.id}",
            remedy="mend its value, bounds or distribution",
        ) from fault


def _split(u: NDArray[np.float64], parts: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    scaled = u * parts
    part = np.minimum(scaled.astype(np.intp), parts - 1)
    return part, scaled - part
