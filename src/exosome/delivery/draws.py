"""Values of the parameters a question needs, drawn from the catalog's pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.delivery.outcome import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs
    from exosome.core.random import Streams
    from exosome.delivery.pool import Pool

    Amount = NDArray[np.float64]


class Draws:
    """Drawn values by role: the ``Inputs`` of a chain evaluation. Read only."""

    __slots__ = ("_size", "_values")

    def __init__(self, values: Mapping[str, Amount], size: int) -> None:
        self._values, self._size = dict(values), size

    def __getitem__(self, role: str) -> Amount:
        """Return the values of one parameter."""
        return self._values[role]

    def constant(self, value: float) -> Amount:
        """Return a declared value, repeated for every draw."""
        return np.full(self._size, value)

    def with_value(self, role: str, value: float | Amount) -> Draws:
        """Return the same draws with one parameter set."""
        return Draws({**self._values, role: np.broadcast_to(value, self._size)}, self._size)

    def first(self, size: int) -> Draws:
        """Return the first ``size`` draws, for a quick look."""
        return Draws({role: x[:size] for role, x in self._values.items()}, min(size, self._size))

    @property
    def size(self) -> int:
        """Number of draws."""
        return self._size


class Noting:
    """``Inputs`` that notes which parameters each step of an evaluation asked for.

    Steps carry the parameters that brought them about, so that a report can
    show their sources; noting what is asked keeps that list true by itself.
    """

    __slots__ = ("_asked", "_every", "_inputs")

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._asked: dict[str, None] = {}
        self._every: dict[str, None] = {}

    def __getitem__(self, role: str) -> Amount:
        """Return the values of one parameter and note that it was asked for."""
        self._asked[role] = self._every[role] = None
        return self._inputs[role]

    def constant(self, value: float) -> Amount:
        """Return a declared value, repeated for every draw."""
        return self._inputs.constant(value)

    def step(self, name: str, unit: str, amount: Amount) -> Step:
        """Return a step that carries the parameters asked for since the last one."""
        roles, self._asked = tuple(self._asked), {}
        return Step(name, unit, amount, roles)

    @property
    def asked(self) -> tuple[str, ...]:
        """Every parameter asked for so far, in order."""
        return tuple(self._every)


def coordinates(roles: tuple[str, ...], streams: Streams, size: int) -> dict[str, Amount]:
    """Return uniform draws for each role, addressed by the role's own name.

    Two claims that use the same parameter share its luck, and a claim's other
    parameters, names and order leave it unchanged.
    """
    return {role: streams.of(f"input.{role}").random(size) for role in roles}


def draw(pools: Mapping[str, Pool], u: Mapping[str, Amount], size: int) -> Draws:
    """Return the values of every pool at its coordinates ``u``."""
    return Draws({role: one.draw(u[role]) for role, one in pools.items()}, size)
