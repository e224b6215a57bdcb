"""Information in bits between a binary state and a scalar response, from samples of both arms.

The state of a sender is on or off; a receiver answers with a number. How well the number tells
the state is their mutual information: 0 bits if it tells nothing, at most the entropy of the
state (1 bit at equal odds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.special import gammaincc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

RESAMPLES = 1_000
"""Tables drawn for the interval, and again for the null."""


@dataclass(frozen=True, slots=True)
class Information:
    """Bits that a response holds about a binary state.

    Parameters
    ----------
    bits : float
        Estimate, its first-order bias taken off; it may lie a little below zero.
    low, high : float
        90 % interval by bootstrap, inside 0 and the entropy of the state.
    null_sd : float
        Standard deviation of the estimate when states are dealt out at random: its error at 0.
    p_value : float
        Chance of as much by luck if the response did not depend on the state.
    most : float
        Entropy of the state.
    bins : int
        Classes of response that were told apart.
    on, off : int
        Samples in each arm.
    """

    bits: float
    low: float
    high: float
    null_sd: float
    p_value: float
    most: float
    bins: int
    on: int
    off: int

    def is_zero(self, false_alarm: float = 1e-4) -> bool:
        """Whether nothing beyond chance was found, at a stated rate of false alarms."""
        return self.p_value >= false_alarm


def bits_of_tables(on: ArrayLike, off: ArrayLike, prior_on: float = 0.5) -> Floats:
    """Return the information of discrete laws: probabilities of each class, in both arms.

    ``sum over states s and classes k of prior_s p_sk log2(p_sk / mix_k)``, with
    ``mix = prior_on p_on + (1 - prior_on) p_off``. The last axis runs over the classes.

    >>> print(f"{bits_of_tables([0.9, 0.1], [0.1, 0.9]):.3f}")  # symmetric channel: 1 - h(0.1)
    0.531
    """
    p_on, p_off = (np.asarray(one, dtype=np.float64) for one in (on, off))
    mix = prior_on * p_on + (1.0 - prior_on) * p_off
    found = np.zeros(mix.shape[:-1])
    for prior, one in ((prior_on, p_on), (1.0 - prior_on, p_off)):
        part = np.zeros(np.broadcast_shapes(one.shape, mix.shape))
        ratio = np.divide(one, mix, out=np.ones_like(part), where=(one > 0.0) & (mix > 0.0))
        np.multiply(one, np.log2(ratio), out=part)
        found = found + prior * part.sum(axis=-1)
    return np.asarray(found)


def bias_of_tables(on: Ints, off: Ints, prior_on: float = 0.5) -> Floats:
    """Return by how much the plain estimate from counts exceeds the truth, to first order.

    Second-order expansion of ``sum p log p``: a class of share ``p`` in an arm of ``n`` samples
    adds ``prior (1 - p) / 2n`` by that arm and takes off ``prior^2 p (1 - p) / (2 n mix)`` by the
    mixture, in nats. For equal arms and one law it is the known ``(classes - 1) / 2N``. It stops
    holding where most classes have hardly been seen.
    """
    n_on, n_off = (one.sum(axis=-1, keepdims=True) for one in (on, off))
    arms = ((prior_on, on / n_on, n_on), (1.0 - prior_on, off / n_off, n_off))
    mix = sum(prior * p for prior, p, _ in arms)
    total = np.zeros(np.broadcast_shapes(on.shape, off.shape))
    for prior, p, n in arms:
        seen = p > 0.0
        spread = p * (1.0 - p)
        by_mix = np.divide(prior**2 * spread, 2.0 * n * mix, out=np.zeros_like(total), where=seen)
        total = total + np.where(seen, prior * (1.0 - p) / (2.0 * n), 0.0) - by_mix
    return np.asarray(total.sum(axis=-1) / math.log(2.0))


def edges_of(on: Floats, off: Floats, *, prior_on: float, classes: int) -> Floats:
    """Return the upper ends of the classes but the last; values up to an end belong to it.

    Classes hold equal shares of the mixture of both arms at the prior; equal values stay
    together. If there are no more distinct values than ``classes``, each is a class. Shares of
    ``prior_on`` and ``1 - prior_on`` are ends too, so that a response that tells the state
    without fail is never cut amiss. Which arm a value came from is used for its weight only.
    """
    pooled = np.concatenate([on, off])
    weight = np.concatenate(
        [np.full(on.size, prior_on / on.size), np.full(off.size, (1.0 - prior_on) / off.size)]
    )
    values, which = np.unique(pooled, return_inverse=True)
    if values.size <= classes:
        return values[:-1]
    upto = np.cumsum(np.bincount(which, weights=weight))
    shares = np.arange(1, classes) / classes
    shares = np.unique(np.concatenate([shares, [prior_on, 1.0 - prior_on]]))
    # The end of a class is the value whose cumulated share is nearest to the one asked for.
    after = np.clip(np.searchsorted(upto, shares), 1, values.size - 1)
    nearer = after - (np.abs(upto[after - 1] - shares) <= np.abs(upto[after] - shares))
    return values[np.unique(nearer[nearer < values.size - 1])]


def classes_for(samples: int) -> int:
    """Return how many classes a smaller arm of ``samples`` bears: even, about twice its cube root.

    The bias that is left after correction falls as (classes / samples)^2 and what binning loses
    as 1 / classes^2, so the classes grow slower than the square root.
    """
    return max(4, 2 * round(samples ** (1.0 / 3.0)))


def information(
    on: ArrayLike, off: ArrayLike, *, rng: np.random.Generator, prior_on: float = 0.5
) -> Information:
    """Return the bits that a response holds about a state, from independent samples of each arm.

    Responses are sorted into classes (`edges_of`), the plain estimate is taken from the counts
    and its first-order bias taken off. Sorting loses information, so with many samples the
    estimate approaches the truth from below. The interval is a basic bootstrap within arms; the
    null deals out the states at random, and its plain estimate follows a gamma law to good
    approximation (chi-square for one law and equal arms), which gives the p-value beyond what
    resamples reach. Samples must be independent: several receivers of one sender are not.

    Raises
    ------
    InputError
        An arm of fewer than 8 samples, a value that is not finite, or a prior outside (0, 1).
    """
    first, second = (np.ravel(np.asarray(one, dtype=np.float64)) for one in (on, off))
    smallest = min(first.size, second.size)
    if smallest < 8 or not (np.all(np.isfinite(first)) and np.all(np.isfinite(second))):
        raise InputError(
            f"arms of {first.size} and {second.size} samples, or values that are not finite",
            where="information",
            remedy="give at least 8 finite responses in each arm",
        )
    if not 0.0 < prior_on < 1.0:
        raise InputError(
            f"a prior of {prior_on:g} for the state on",
            where="information",
            remedy="give a share between 0 and 1, ends excluded",
        )
    edges = edges_of(first, second, prior_on=prior_on, classes=classes_for(smallest))
    counted = edges.size + 1
    n_on, n_off = (
        np.bincount(np.searchsorted(edges, one), minlength=counted) for one in (first, second)
    )
    plain = float(_plain(n_on, n_off, prior_on))
    bias = float(bias_of_tables(n_on, n_off, prior_on))
    most = float(bits_of_tables([1.0, 0.0], [0.0, 1.0], prior_on))
    more_on, more_off = (
        rng.multinomial(one.sum(), one / one.sum(), RESAMPLES) for one in (n_on, n_off)
    )
    # In the world of the resamples the truth is the plain estimate.
    errors = _plain(more_on, more_off, prior_on)
    errors = errors - bias_of_tables(more_on, more_off, prior_on) - plain
    upper, lower = np.quantile(errors, [0.95, 0.05])
    null_sd, p_value = _null(plain, n_on, n_off, prior_on, rng)
    bits = plain - bias
    return Information(
        bits=bits,
        low=float(np.clip(bits - upper, 0.0, most)),
        high=float(np.clip(bits - lower, 0.0, most)),
        null_sd=null_sd,
        p_value=p_value,
        most=most,
        bins=counted,
        on=first.size,
        off=second.size,
    )


def _plain(on: Ints, off: Ints, prior_on: float) -> Floats:
    of_on = on / on.sum(axis=-1, keepdims=True)
    return bits_of_tables(of_on, off / off.sum(axis=-1, keepdims=True), prior_on)


def _null(
    plain: float, on: Ints, off: Ints, prior_on: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the spread of the estimate under random states, and the chance of ``plain``."""
    both = on + off
    if both.size < 2:
        return 0.0, 1.0
    dealt = rng.multivariate_hypergeometric(both, int(on.sum()), RESAMPLES)
    values = _plain(dealt, both - dealt, prior_on)
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if spread == 0.0:
        return 0.0, 1.0 if plain <= mean else 0.0
    shape, scale = (mean / spread) ** 2, spread**2 / mean
    corrected = values - bias_of_tables(dealt, both - dealt, prior_on)
    return float(corrected.std(ddof=1)), float(gammaincc(shape, max(plain, 0.0) / scale))
