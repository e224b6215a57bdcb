"""How small steps must be for a bias that the caller states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from exosome.core.errors import InputError


class Bounds(NamedTuple):
    """Limits of one step, as ratios of a length to the spread sigma = sqrt(2 D dt).

    The radial bridge carries absorption by one sphere without flow, and nothing else. So
    ``second`` bounds sigma by the gap to the second nearest surface, ``angle`` by the radius
    of the nearest sphere or a third of the gap to it (directions of survivors), ``surface`` by
    its radius or the gap, where its surface lets particles live on or where there is flow, and
    ``drift`` the path drifted in one step, by the gap or a quarter of the radius. ``floor`` is
    the smallest sigma over the radius of the nearest sphere.
    """

    second: float
    angle: float
    surface: float
    drift: float
    floor: float


@dataclass(frozen=True, slots=True)
class _Measured:
    bias: float
    bounds: Bounds


# Each row was measured (docs/methods/space.md, table of bounds; verify/space.py measures again).
_ROWS = (
    _Measured(0.01, Bounds(2.0, 0.8, 4.0, 2.0, 0.06)),
    _Measured(0.005, Bounds(2.5, 1.2, 6.0, 3.0, 0.04)),
    _Measured(0.0025, Bounds(4.0, 2.0, 9.0, 5.0, 0.03)),
    _Measured(0.001, Bounds(12.0, 4.0, 14.0, 10.0, 0.01)),
)
FINEST = _ROWS[-1].bias


def bounds_for(bias: float) -> Bounds:
    """Return the bounds of the coarsest measured row whose bias is no more than asked.

    Parameters
    ----------
    bias : float
        Relative error of uptake that is accepted, such as 0.005.

    Raises
    ------
    InputError
        A bias below the smallest that was measured, or not a number.
    """
    for row in _ROWS:
        if row.bias <= bias:
            return row.bounds
    raise InputError(
        f"a bias of {bias:g} is below what was measured",
        where="bias",
        remedy=f"give {FINEST:g} or more; 0.005 is a good start",
    )
