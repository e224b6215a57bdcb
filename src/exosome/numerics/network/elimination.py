"""Gaussian elimination of a sparse matrix, planned once for all matrices of one pattern.

The pivots stand on the diagonal in the order of Markowitz: at each turn the one whose
elimination can fill in the fewest entries. For ``1 / (h gamma) - J`` of a network, exchanges
of rows are not needed: losses stand on the diagonal of J, and a shorter step makes it
dominant. The solver watches the pivots and shortens its step where that fails.

References
----------
.. [1] Duff, Erisman, Reid 2017, Direct Methods for Sparse Matrices, section 7.2 (Markowitz).
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Elimination(NamedTuple):
    """Where the factors stand, and what is subtracted from what.

    Values are kept as entries below the diagonal by rows, then those above it by rows, then
    the diagonal. Rows and columns are numbered in the order of elimination.
    """

    order: Ints  # the original number of each row
    lower_at: Ints
    lower_column: Ints
    upper_at: Ints
    upper_column: Ints
    # For each entry below the diagonal, (i, k): where the entries of row k times this
    # factor are subtracted.
    update_at: Ints
    update: Ints

    @property
    def size(self) -> int:
        """Rows of the matrix."""
        return self.order.size

    @property
    def entries(self) -> int:
        """Numbers kept: both factors with the diagonal once."""
        return self.lower_column.size + self.upper_column.size + self.order.size

    def places(self) -> dict[tuple[int, int], int]:
        """Return where the value of each (row, column) is kept, in the order of elimination."""
        below, above = self.lower_column.size, self.upper_column.size
        found = {(i, i): below + above + i for i in range(self.size)}
        for at, columns, first in (
            (self.lower_at, self.lower_column, 0),
            (self.upper_at, self.upper_column, below),
        ):
            for i in range(self.size):
                for e in range(int(at[i]), int(at[i + 1])):
                    found[i, int(columns[e])] = first + e
        return found


def _markowitz(
    size: int, entries: Iterable[tuple[int, int]]
) -> list[tuple[int, set[int], set[int]]]:
    """Return pivots in order, each with the rows and the columns that its elimination meets."""
    row = [{i} for i in range(size)]
    column = [{i} for i in range(size)]
    for i, j in entries:
        row[i].add(j)
        column[j].add(i)

    def cost(i: int) -> int:
        return (len(row[i]) - 1) * (len(column[i]) - 1)

    heap = [(cost(i), i) for i in range(size)]
    heapq.heapify(heap)
    done = [False] * size
    pivots: list[tuple[int, set[int], set[int]]] = []
    while heap:
        price, p = heapq.heappop(heap)
        if done[p] or price != cost(p):
            continue
        done[p] = True
        rows, columns = column[p] - {p}, row[p] - {p}
        for i in rows:
            row[i] |= columns
            row[i].discard(p)
        for j in columns:
            column[j] |= rows
            column[j].discard(p)
        for i in rows | columns:
            heapq.heappush(heap, (cost(i), i))
        pivots.append((p, rows, columns))
    return pivots


def elimination(size: int, entries: Iterable[tuple[int, int]]) -> Elimination:
    """Return the plan for matrices with these entries and a full diagonal."""
    pivots = _markowitz(size, entries)
    rank = {p: k for k, (p, _, _) in enumerate(pivots)}
    upper = [sorted(rank[j] for j in columns) for _, _, columns in pivots]
    lower: list[list[int]] = [[] for _ in range(size)]
    for k, (_, rows, _) in enumerate(pivots):
        for i in rows:
            lower[rank[i]].append(k)  # k increases, so that each row is sorted
    lower_at, upper_at = _offsets(lower), _offsets(upper)
    below, above = int(lower_at[-1]), int(upper_at[-1])
    update: list[int] = []
    update_at = [0]
    for i in range(size):
        place = {k: int(lower_at[i]) + e for e, k in enumerate(lower[i])}
        place |= {j: below + int(upper_at[i]) + e for e, j in enumerate(upper[i])}
        place[i] = below + above + i
        for k in lower[i]:
            update.extend(place[j] for j in upper[k])
            update_at.append(len(update))
    return Elimination(
        np.array([p for p, _, _ in pivots], np.int64),
        lower_at, np.array([k for one in lower for k in one], np.int64),
        upper_at, np.array([j for one in upper for j in one], np.int64),
        np.array(update_at, np.int64), np.array(update, np.int64),
    )  # fmt: skip


def _offsets(lists: list[list[int]]) -> Ints:
    return np.cumsum([0, *(len(one) for one in lists)], dtype=np.int64)
