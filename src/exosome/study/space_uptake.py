"""Which cell takes up which vesicle how well: types of cells and their permeabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.study.space_scenario import UptakeByVesicle

    Ints = NDArray[np.int64]

DEFAULT_ROLE = "surface_permeability.tissue_cell"
SENDER = "sender"
Row = tuple[str, str]  # the roles for vesicles from endosomes and from the membrane


@dataclass(frozen=True, slots=True, eq=False)
class Uptake:
    """Types of cells, and the roles of the permeabilities that they share.

    ``row_of`` says for each cell which of ``rows`` is its own.
    """

    types: tuple[str, ...]
    rows: tuple[Row, ...]
    row_of: Ints

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that some cell has, once."""
        return tuple(dict.fromkeys(role for row in self.rows for role in row))

    def shares(self) -> NDArray[np.float64]:
        """Return the share of the cells that each row has."""
        return np.bincount(self.row_of, minlength=len(self.rows)) / self.row_of.size

    def table(self, value: Mapping[str, float]) -> tuple[tuple[float, ...], ...]:
        """Return the permeabilities, rows by kinds of vesicles, from those of the roles."""
        return tuple(tuple(value[role] for role in row) for row in self.rows)


def uptake_of(
    asked: Mapping[str, str | UptakeByVesicle], kinds: tuple[str, ...], senders: Ints, *, where: str
) -> Uptake:
    """Return which permeability each cell has.

    A sender has that of ``sender`` if it is given, else that of its own type; a type without an
    entry has that of a typical cell of tissue.

    Raises
    ------
    InputError
        An entry is for a type that no cell has, or names no permeability.
    """
    known = sorted({*kinds, SENDER} if senders.size else {*kinds})
    for name, entry in asked.items():
        if name not in known:
            raise InputError(
                f"no cell is of the type {name!r}",
                where=f"{where} uptake",
                remedy=f"types here: {', '.join(known)}",
            )
        for role in _row(entry):
            if not role.startswith("surface_permeability."):
                raise InputError(
                    f"{role!r} is no permeability of a cell",
                    where=f"{where} uptake.{name}",
                    remedy=f"name a role such as {DEFAULT_ROLE!r}",
                )
    types = list(kinds)
    held = [_row(asked[kind]) if kind in asked else _row(DEFAULT_ROLE) for kind in kinds]
    for sender in senders:
        types[int(sender)] = SENDER
        if SENDER in asked:
            held[int(sender)] = _row(asked[SENDER])
    rows = tuple(dict.fromkeys(held))
    number = {row: i for i, row in enumerate(rows)}
    return Uptake(tuple(types), rows, np.array([number[row] for row in held], np.int64))


def _row(entry: str | UptakeByVesicle) -> Row:
    return (entry, entry) if isinstance(entry, str) else (entry.exosome, entry.ectosome)
