"""The model parameters that a record may inform: their names, units and limits."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("roles.toml")


@dataclass(frozen=True, slots=True)
class Role:
    """A model parameter that records inform.

    Parameters
    ----------
    name : str
        Dotted name; a ``*`` stands for one dotted word.
    unit : str
        Unit in which every record of this role is given.
    meaning : str
        What the parameter is.
    low, high : float
        Physical limits, in ``unit``, that no draw leaves.
    is_transport : bool
        Whether conservation alone could take this share to its best end.
    ceiling : float or None
        Upper end at the conservation ceiling where geometry, not a law, sets it.
    """

    name: str
    unit: str
    meaning: str
    low: float
    high: float
    is_transport: bool
    ceiling: float | None = None


@cache
def all_roles() -> Mapping[str, Role]:
    """Return every role by its name, in the order of ``roles.toml``.

    Names with a ``*`` are patterns: ``cell_count.*`` covers
    ``cell_count.hepatocyte``.
    """
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))["role"]
    return MappingProxyType(
        {
            name: Role(
                name,
                table["unit"],
                table["meaning"],
                float(table.get("bounds", (-math.inf, math.inf))[0]),
                float(table.get("bounds", (-math.inf, math.inf))[1]),
                bool(table.get("transport", False)),
                table.get("ceiling"),
            )
            for name, table in tables.items()
        }
    )


@cache
def find_role(role: str) -> Role | None:
    """Return the role or pattern that ``role`` names, or None."""
    roles = all_roles()
    if role in roles and "*" not in role:
        return roles[role]
    words = role.split(".")
    if not all(words) or "*" in words:
        return None
    for name, found in roles.items():
        pattern = name.split(".")
        if len(pattern) == len(words) and all(
            p in ("*", w) for p, w in zip(pattern, words, strict=True)
        ):
            return found
    return None


def role_named(role: str, *, where: str) -> Role:
    """Return the role or pattern that ``role`` names.

    Raises
    ------
    InputError
        No such role; the remedy names the nearest one.
    """
    found = find_role(role)
    if found is None:
        names = list(all_roles())
        first = role.partition(".")[0]
        same_start = [name for name in names if name.partition(".")[0] == first]
        near = same_start or get_close_matches(role, names, n=1, cutoff=0.5)
        stems = {name.partition(".")[0]: name for name in names}
        near = near or [stems[s] for s in get_close_matches(first, stems, n=1, cutoff=0.6)]
        raise InputError(
            f"{role!r} is no role of this package",
            where=where,
            remedy=f"the nearest is {near[0]!r} (a * stands for one word)"
            if near
            else "see `exosome catalog roles` for the names",
        )
    return found


def role_unit(role: str, *, where: str = "catalog") -> str:
    """Return the unit in which records of ``role`` are given.

    Raises
    ------
    InputError
        No such role.
    """
    return role_named(role, where=where).unit


def role_bounds(role: str, *, where: str = "catalog") -> tuple[float, float]:
    """Return the physical limits of ``role``, in its unit; they may be infinite.

    Raises
    ------
    InputError
        No such role.
    """
    found = role_named(role, where=where)
    return found.low, found.high


def role_is_transport(role: str, *, where: str = "catalog") -> bool:
    """Return whether conservation alone could take ``role`` to its best end.

    Raises
    ------
    InputError
        No such role.
    """
    return role_named(role, where=where).is_transport
