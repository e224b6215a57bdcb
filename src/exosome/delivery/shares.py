"""Which unknown matters: shares of the margin's variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.delivery.draws import draw
from exosome.delivery.pool import STATUSES
from exosome.numerics.sobol import SobolResult, sobol_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.core.random import Streams
    from exosome.delivery.draws import Memory
    from exosome.delivery.problem import Problem

_UNREAD = ("assumed", "recalled")
_PILOT = 2_000
_BELOW_ALL = 1.0


@dataclass(frozen=True, slots=True)
class Shares:
    """Sobol shares of the margin's variance, by input and by how well inputs were read.

    ``by_status`` holds the total share of each group of inputs: what the
    variance would lose, on average, if all inputs of the group were known.
    Draws that deliver nothing have no margin; they count as a decade below the
    smallest margin of a pilot sample.
    """

    indices: SobolResult
    by_status: dict[str, float]

    @property
    def unread(self) -> float:
        """Total share that rests on numbers nobody here has read: recalled or assumed."""
        return self.by_status.get("unread", 0.0)


def variance_shares(problem: Problem, streams: Streams, size: int) -> Shares:
    """Return first-order and total Sobol shares of the margin.

    Inputs without spread (points) are left out: their share is zero.
    """
    varying = tuple(r for r, one in problem.pools.items() if one.support[0] < one.support[1])
    status = {role: problem.pools[role].status for role in varying}

    pilot = problem.margin(problem.draws(streams, _PILOT))
    finite = pilot[np.isfinite(pilot)]
    floor = float(finite.min()) - _BELOW_ALL if finite.size else 0.0

    memory: Memory = {}  # points differ in one input at a time

    def margin(u: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = {role: u[:, i] for i, role in enumerate(varying)}
        for role in problem.roles:
            columns.setdefault(role, np.zeros(len(u)))
        return np.maximum(problem.margin(draw(problem.pools, columns, len(u), memory)), floor)

    def total_of(groups: dict[str, list[str]]) -> dict[str, float]:
        named = {name: roles for name, roles in groups.items() if roles}
        found = sobol_indices(margin, varying, size, streams.of("sobol"), groups=named)
        return dict(zip(found.names, map(float, found.total), strict=True))

    by_status = {name: [role for role in varying if status[role] == name] for name in STATUSES}
    unread = [role for role in varying if status[role] in _UNREAD]
    seen = [role for role in varying if status[role] not in _UNREAD]
    totals = total_of(by_status) | {
        "unread": total_of({"unread": unread, "seen": seen}).get("unread", 0.0)
    }
    result = sobol_indices(margin, varying, size, streams.of("sobol"))
    return Shares(result, totals)
