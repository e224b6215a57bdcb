"""Values of the parameters a question needs, drawn from the catalog's pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from exosome.delivery.outcome import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs
    from exosome.core.random import Streams
    from exosome.delivery.pool import Pool

    Amount = NDArray[np.float64]
    Memory = dict[object, list[tuple[dict[str, Amount], object]]]


Found = TypeVar("Found")


class Draws:
    """Drawn values by role: the ``Inputs`` of a chain evaluation. Read only.

    ``memory`` keeps what `Noting.once` found for these draws, and for those that differ from them
    in some roles.
    """

    __slots__ = ("_size", "_values", "memory")

    def __init__(
        self, values: Mapping[str, Amount], size: int, memory: Memory | None = None
    ) -> None:
        self._values, self._size = dict(values), size
        self.memory: Memory = {} if memory is None else memory

    def __getitem__(self, role: str) -> Amount:
        """Return the values of one parameter."""
        return self._values[role]

    def constant(self, value: float) -> Amount:
        """Return a declared value, repeated for every draw."""
        return np.full(self._size, value)

    def with_value(self, role: str, value: float | Amount) -> Draws:
        """Return the same draws with one parameter set."""
        values = {**self._values, role: np.broadcast_to(value, self._size)}
        return Draws(values, self._size, self.memory)

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

    def once(self, key: object, law: Callable[[Noting], Found]) -> Found:
        """Return what a costly law makes of the parameters, computed once for the same values.

        What was found first and last is kept with the draws, beside the values that it came from.
        Where only other parameters differ (a rival position, an input taken for known) it is used
        again.
        ``key`` must name the law and all that it depends on beside the parameters.
        """
        memory = self._inputs.memory if isinstance(self._inputs, Draws) else {}
        kept = memory.setdefault(key, [])
        for values, found in kept:
            if all(np.array_equal(self._inputs[role], held) for role, held in values.items()):
                self._note(values)
                return cast("Found", found)
        asked = Noting(self._inputs)
        found = law(asked)
        self._note(asked.asked)
        kept[1:] = [({role: self._inputs[role] for role in asked.asked}, found)]
        return found

    def _note(self, roles: Iterable[str]) -> None:
        self._asked |= dict.fromkeys(roles)
        self._every |= dict.fromkeys(roles)

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


def draw(
    pools: Mapping[str, Pool], u: Mapping[str, Amount], size: int, memory: Memory | None = None
) -> Draws:
    """Return the values of every pool at its coordinates ``u``; ``memory`` as in `Draws`."""
    return Draws({role: one.draw(u[role]) for role, one in pools.items()}, size, memory)
