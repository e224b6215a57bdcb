"""How models ask for their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Inputs(Protocol):
    """Values of a model's parameters, one per draw.

    A model asks by the catalog's role name and gets an array. Asking is also
    how a plan learns which records a question needs: it hands the model an
    ``Inputs`` that writes down what was asked.
    """

    def __getitem__(self, role: str) -> NDArray[np.float64]:
        """Return the values of one parameter."""
        ...

    def constant(self, value: float) -> NDArray[np.float64]:
        """Return a declared value, repeated for every draw."""
        ...
