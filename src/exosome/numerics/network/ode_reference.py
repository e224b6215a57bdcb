"""The plain twin of the mean field: RODAS4 with dense matrices, one set of values, NumPy only.

Reads rates as trees by name and shares with the fast solver nothing but the coefficients of
the method. For networks without events and without time; slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError, NumericalError
from exosome.numerics.network.description import start_values
from exosome.numerics.network.expression import derivative, evaluate, reads_time
from exosome.numerics.network.rodas import GAMMA, A, C

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exosome.numerics.network.description import Network

    Floats = NDArray[np.float64]


class _Rates:
    """Slopes and Jacobian of a network at a state."""

    def __init__(self, network: Network) -> None:
        rates = [network.propensity(one, mean_field=True) for one in network.reactions]
        if network.events or any(reads_time(rate) for rate in rates):
            raise InputError(
                "the plain twin knows neither events nor time",
                where=f"mean field of network {network.name!r}",
                remedy="use mean_field",
            )
        self.start = {name: float(value) for name, value in start_values(network).items()}
        self.names = tuple(part.name for part in network.species)
        self._rates = rates
        self._change = np.zeros((len(self.names), len(rates)))
        for k, one in enumerate(network.reactions):
            for name, count in network.change(one).items():
                self._change[self.names.index(name), k] = count
        self._derivatives = [[derivative(rate, name) for name in self.names] for rate in rates]

    def slope(self, y: Floats) -> Floats:
        """Return the slope of every species."""
        known = self.start | dict(zip(self.names, y.tolist(), strict=True))
        return self._change @ np.array([evaluate(rate, known, 0.0) for rate in self._rates])

    def jacobian(self, y: Floats) -> Floats:
        """Return the derivatives of the slopes."""
        known = self.start | dict(zip(self.names, y.tolist(), strict=True))
        rows = [[evaluate(tree, known, 0.0) for tree in row] for row in self._derivatives]
        return self._change @ np.array(rows).reshape(len(self._rates), len(self.names))


def _step(rates: _Rates, base: Floats, h: float) -> tuple[Floats, Floats]:
    """Return the state after one step and the estimate of its error."""
    matrix = np.eye(base.size) / (h * GAMMA) - rates.jacobian(base)
    k: list[Floats] = []
    y = base
    for stage in range(6):
        if stage < 5:
            y = base + sum((A[stage, s] * k[s] for s in range(stage)), np.zeros_like(base))
        else:
            y = y + k[4]
        side = sum((C[stage, s] * k[s] for s in range(stage)), np.zeros_like(base)) / h
        found = np.linalg.solve(matrix, rates.slope(y) + side)
        k.append(np.asarray(found, np.float64))
    return y + k[5], k[5]


def mean_field(
    network: Network,
    times: ArrayLike,
    *,
    relative_tolerance: float = 1e-9,
    absolute_tolerance: float = 1e-9,
    fixed_step: float | None = None,
) -> Floats:
    """Return the counts of all species at the saved times, shape (times, species).

    Raises
    ------
    InputError
        The network has events or reads the time.
    NumericalError
        The step became too small.
    """
    rates = _Rates(network)
    y = np.array([rates.start[name] for name in rates.names])
    saved: list[Floats] = []
    now, h = 0.0, fixed_step or 1e-6
    for due in np.asarray(times, np.float64):
        while now < due:
            used = min(h, float(due) - now)
            new, miss = _step(rates, y, used)
            scale = absolute_tolerance + relative_tolerance * np.maximum(abs(y), abs(new))
            error = float(np.max(abs(miss) / scale))
            if fixed_step or error <= 1.0:
                now, y = (float(due) if used < h or now + used >= due else now + used), new
            if not fixed_step:
                h = used * min(5.0, max(0.1, 0.9 * max(error, 1e-12) ** -0.25))
            if not h > 1e-15 * max(1.0, now):
                raise NumericalError(
                    "the step became too small",
                    where=f"network {network.name!r}",
                    remedy="loosen the tolerances",
                )
        saved.append(y)
    return np.array(saved)
