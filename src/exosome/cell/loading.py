"""How many copies of a cargo each vesicle given holds, and what becomes of them in the cytosol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


class Loading(Protocol):
    """How many copies a vesicle holds: the share that holds any, and how many those hold."""

    @property
    def share(self) -> float:
        """Share of vesicles with at least one copy."""
        ...

    @property
    def mean(self) -> float:
        """Mean copies in a vesicle, empty ones included."""
        ...

    def draw(self, count: int, rng: np.random.Generator) -> Ints:
        """Return the copies of ``count`` vesicles that hold at least one."""
        ...


@dataclass(frozen=True, slots=True)
class Packets:
    """Every loaded vesicle holds the same number of copies, all others none."""

    mean: float
    copies: int

    def __post_init__(self) -> None:
        if self.copies < 1 or not 0.0 <= self.mean <= self.copies:
            raise InputError(
                f"no share of vesicles with {self.copies} copies has a mean of {self.mean:.3g}",
                where="cargo",
                remedy="give more copies to a loaded vesicle, or a lower mean",
            )

    @property
    def share(self) -> float:
        """Share of vesicles with at least one copy."""
        return self.mean / self.copies

    def draw(self, count: int, rng: np.random.Generator) -> Ints:  # noqa: ARG002 - all alike
        """Return the copies of ``count`` loaded vesicles."""
        return np.full(count, self.copies, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Independent:
    """Copies are loaded one by one: Poisson, with a mean that may differ from vesicle to vesicle.

    Parameters
    ----------
    means : array
        Means of equally frequent vesicles, such as those of many drawn diameters.
    """

    means: Floats

    def __post_init__(self) -> None:
        held = np.atleast_1d(np.asarray(self.means, dtype=np.float64))
        if held.size == 0 or not np.all(np.isfinite(held)) or np.any(held < 0.0):
            raise InputError(
                "mean copies must be numbers of zero or more",
                where="cargo",
                remedy="mend the mean copies per vesicle",
            )
        object.__setattr__(self, "means", held)

    @property
    def mean(self) -> float:
        """Mean copies in a vesicle, empty ones included."""
        return float(self.means.mean())

    @property
    def share(self) -> float:
        """Share of vesicles with at least one copy."""
        return float(-np.expm1(-self.means).mean())

    def draw(self, count: int, rng: np.random.Generator) -> Ints:
        """Return the copies of ``count`` vesicles that hold at least one.

        Let copies arrive along a time of one: the first, given that there is one, at a truncated
        exponential time, the others as a Poisson number in what is left.
        """
        mean = self.means
        if mean.size > 1:
            weight = -np.expm1(-mean)
            mean = mean[rng.choice(mean.size, count, p=weight / weight.sum())]
        u = rng.random(count)
        first = -np.log1p(u * np.expm1(-mean))
        return 1 + rng.poisson(np.maximum(mean - first, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Copies as they were counted in a sample of vesicles, such as those that a cell released."""

    copies: Ints

    @property
    def mean(self) -> float:
        """Mean copies in a vesicle, empty ones included."""
        return float(self.copies.mean())

    @property
    def share(self) -> float:
        """Share of vesicles with at least one copy."""
        return float((self.copies > 0).mean())

    def draw(self, count: int, rng: np.random.Generator) -> Ints:
        """Return the copies of ``count`` vesicles that hold at least one."""
        return rng.choice(self.copies[self.copies > 0], count)


@dataclass(frozen=True, slots=True)
class Cargo:
    """One cargo of the vesicles given, and what becomes of it in the cytosol.

    Parameters
    ----------
    loading : Loading
        Copies in each vesicle.
    functional : float
        Chance that a copy that reached the cytosol acts.
    loss_per_h : float
        Rate at which an acting copy is lost.
    """

    loading: Loading
    functional: float
    loss_per_h: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.functional <= 1.0 or not 0.0 <= self.loss_per_h < np.inf:
            raise InputError(
                "a cargo acts with a chance of 0 to 1 and is lost at a rate of zero or more",
                where="cargo",
                remedy="mend functional or loss_per_h",
            )
