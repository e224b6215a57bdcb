"""A question with the sources of every number it needs: ready to be drawn and evaluated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.delivery.draws import Draws, coordinates, draw
from exosome.delivery.mechanisms import evaluate
from exosome.delivery.pool import pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.core.random import Streams
    from exosome.delivery.outcome import Outcome
    from exosome.delivery.pool import Pool
    from exosome.delivery.question import Question

    Amount = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mechanism's question and the pools of records it draws from, by role."""

    question: Question
    pools: dict[str, Pool]

    @property
    def roles(self) -> tuple[str, ...]:
        """The parameters of the question, in the order in which the chain asks for them."""
        return tuple(self.pools)

    def draws(self, streams: Streams, size: int) -> Draws:
        """Return ``size`` draws of every parameter."""
        return draw(self.pools, coordinates(self.roles, streams, size), size)

    def at(self, values: dict[str, float]) -> Draws:
        """Return a single draw with the given values."""
        return Draws({role: np.full(1, values[role]) for role in self.pools}, 1)

    def outcome(self, draws: Draws) -> Outcome:
        """Return the chain's answer for every draw."""
        return evaluate(self.question, draws)

    def margin(self, draws: Draws, fraction: float | None = None) -> Amount:
        """Return log10(dose / needed dose) for every draw; -inf where nothing is delivered."""
        wanted = self.question.responding_fraction if fraction is None else fraction
        return evaluate(self.question, draws).effect.margin(wanted)

    def holding(self, role: str, rival: str) -> Problem:
        """Return the problem with one contradicting position taken for settled."""
        return replace(self, pools={**self.pools, role: self.pools[role].holding(rival)})


class Sourcing:
    """``Inputs`` of a first evaluation: finds the sources of whatever the chain asks for."""

    def __init__(
        self, catalog: Catalog, *, only: Mapping[str, Sequence[str]] | None = None, where: str
    ) -> None:
        self._catalog, self._only, self._where = catalog, only or {}, where
        self.pools: dict[str, Pool] = {}

    def __getitem__(self, role: str) -> Amount:
        """Return the median of a parameter's pooled sources."""
        if role not in self.pools:
            self.pools[role] = pool(
                self._catalog, role, only=self._only.get(role, ()), where=self._where
            )
        return np.full(1, self.pools[role].median)

    def constant(self, value: float) -> Amount:
        """Return a single declared value."""
        return np.full(1, value)


def pose(question: Question, catalog: Catalog) -> Problem:
    """Return the problem: one evaluation at the medians finds every source it needs.

    Raises
    ------
    MissingRecordError
        If the catalog has no record for a parameter; the role is named.
    """
    inputs = Sourcing(catalog, only=dict(question.only), where=question.name)
    evaluate(question, inputs)
    return Problem(question, inputs.pools)
