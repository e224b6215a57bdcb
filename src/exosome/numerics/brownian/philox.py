"""Random numbers with an address: Philox4x32-10 in Numba, and its twin in NumPy.

A block of four 32-bit words is a function of a key (the seed) and a counter (who asks, what
for, how often before). So a particle's chance depends neither on the order in which particles
are stepped nor on how many threads step them.

References
----------
.. [1] Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011); the
   known-answer vectors of its library Random123 are in the tests.
.. [2] Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (1988),
   routine PPND7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.brownian.compiled import inlined_kernel, kernel
from exosome.numerics.network.bits import as_bits, as_float

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Floats = NDArray[np.float64]

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_ROOT_HALF, _EXPONENT = np.uint64(0x3FE6A09E667F3BCD), np.uint64(0xFFF0000000000000)
UNIT = 2.0**-32  # a word plus one half, times this, lies strictly between 0 and 1


@inlined_kernel
def block(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Return the four words of a counter and a key; all are 32-bit numbers held in uint64."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (
            (p1 >> _HALF) ^ c1 ^ k0,
            p1 & _LOW,
            (p0 >> _HALF) ^ c3 ^ k1,
            p0 & _LOW,
        )
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@inlined_kernel
def uniform(word: np.uint64) -> float:
    """Return a word as a number strictly between 0 and 1."""
    return (np.float64(np.int64(word)) + 0.5) * UNIT


@inlined_kernel
def _log(x: float) -> float:
    """Return the natural logarithm: exponent, then an odd series. No branch, so it vectorises."""
    bits = as_bits(x)  # pyright: ignore[reportCallIssue]
    raised = bits - _ROOT_HALF
    e = np.float64(np.int64(raised) >> np.int64(52))
    m = as_float(bits - (raised & _EXPONENT))
    f = (m - 1.0) / (m + 1.0)
    q = f * f
    series = 1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q / 13)))))
    return e * 0.6931471805599453 + 2.0 * f * series


@inlined_kernel
def normal(word: np.uint64) -> float:
    """Return a word as a standard normal number: the inverse of its distribution function.

    Rational approximations of Wichura, good to 6e-7; 32 bits reach 6.3 standard deviations.
    Both branches are computed, so that a loop over it becomes vector instructions.
    """
    q = uniform(word) - 0.5
    r = 0.180625 - q * q
    middle = (
        q
        * (((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)
        / (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1.0)
    )
    s = np.sqrt(-_log(0.5 - abs(q))) - 1.6
    tail = (((0.17023821103 * s + 1.3067284816) * s + 2.75681539) * s + 1.4234372777) / (
        (0.12021132975 * s + 0.7370016425) * s + 1.0
    )
    tail = -tail if q < 0.0 else tail
    return middle if abs(q) <= 0.425 else tail


@kernel
def draw_steps(
    s0: Words, s1: Words, n: Words, purpose: np.uint64, k0: np.uint64, k1: np.uint64,
    first: Floats, second: Floats, third: Floats, fourth: Floats, count: int,
) -> None:  # fmt: skip
    """Fill three normal numbers and one uniform number for each of ``count`` counters."""
    for i in range(count):
        w0, w1, w2, w3 = block(s0[i], s1[i], n[i], purpose, k0, k1)
        first[i] = normal(w0)
        second[i] = normal(w1)
        third[i] = normal(w2)
        fourth[i] = uniform(w3)


def blocks(counters: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Return the words of many counters, shape (n, 4): the twin of `block` in NumPy."""
    c0, c1, c2, c3 = (counters[:, i].astype(np.uint64) for i in range(4))
    k0, k1 = (np.uint64(word) for word in key)
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return np.stack([c0, c1, c2, c3], axis=1)


@kernel
def _compiled_blocks(counters: Words, k0: np.uint64, k1: np.uint64) -> Words:
    out = np.empty_like(counters)
    for i in range(counters.shape[0]):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = block(
            counters[i, 0], counters[i, 1], counters[i, 2], counters[i, 3], k0, k1
        )
    return out


@kernel
def _compiled_normals(words: Words) -> Floats:
    out = np.empty(words.size)
    for i in range(words.size):
        out[i] = normal(words[i])
    return out


def compiled_blocks(counters: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Return the words of many counters by the compiled function."""
    return _compiled_blocks(counters, np.uint64(key[0]), np.uint64(key[1]))


def compiled_normals(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return words as normal numbers by the compiled function."""
    return _compiled_normals(words)
