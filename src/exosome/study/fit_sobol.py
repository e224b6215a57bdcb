"""Which groups of numbers a predicted row hangs on, before any fit: variance shares (Sobol)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.core.random import Streams
from exosome.numerics.sobol import SobolResult, sobol_indices
from exosome.numerics.special import ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.study.fit_problem import Problem

    Floats = NDArray[np.float64]


def sobol_of_row(asked: Problem, row: int, *, n: int = 128, seed: int = 1) -> SobolResult:
    """Return the shares of each group in the variance of one row's logarithm, over the priors."""
    groups: dict[str, list[str]] = {}
    for one in asked.unknowns:
        groups.setdefault(one.group, []).append(one.key)

    def model(cube: Floats) -> Floats:
        z = ndtri(np.clip(cube, 1e-4, 1.0 - 1e-4))
        points = np.clip(asked.centre + asked.prior_sd * z, asked.low, asked.high)
        return asked.predictions(points)[:, row]

    names = [one.key for one in asked.unknowns]
    # A group may bear the name of its only member.
    return sobol_indices(model, names, n, Streams(seed).of("body.fit.sobol"), groups)
