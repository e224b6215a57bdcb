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
from exosome.numerics.network.bits import as_single, as_single_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Floats = NDArray[np.float64]

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
UNIT = 2.0**-32  # a word plus one half, times this, lies strictly between 0 and 1
_SIGN = np.int64(2**31)

# Single precision, so that eight of them go into one instruction; Numba widens bare literals.
_f = np.float32
_ZERO, _HALF_ONE, _ONE, _TWO, _SCALE = _f(0.0), _f(0.5), _f(1.0), _f(2.0), _f(UNIT)
_SPLIT, _CENTRE, _SHIFT, _LN2 = _f(0.425), _f(0.180625), _f(1.6), _f(0.6931471805599453)
_A = (_f(3.3871327179), _f(50.434271938), _f(159.29113202), _f(59.10937472))
_B = (_f(17.895169469), _f(78.757757664), _f(67.1875636))
_C = (_f(1.4234372777), _f(2.75681539), _f(1.3067284816), _f(0.17023821103))
_D = (_f(0.7370016425), _f(0.12021132975))
_L3, _L5, _L7, _L9 = _f(1 / 3), _f(1 / 5), _f(1 / 7), _f(1 / 9)
_ROOT_HALF, _EXPONENT, _MANTISSA = np.int32(0x3F3504F3), np.int32(-0x800000), np.int32(23)
_TOP, _LAST = np.int32(31), np.int32(0x7FFFFFFF)


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
def centred(word: np.uint64) -> np.int32:
    """Return a word less one half of its range, as `normal` takes it."""
    return np.int32(np.int64(word) - _SIGN)


@inlined_kernel
def _log(x: np.float32) -> np.float32:
    """Return the natural logarithm: exponent, then an odd series. No branch, so it vectorises."""
    bits = as_single_bits(x)  # pyright: ignore[reportCallIssue]
    raised = bits - _ROOT_HALF
    e = np.float32(raised >> _MANTISSA)
    m = as_single(bits - (raised & _EXPONENT))  # pyright: ignore[reportCallIssue]
    f = (m - _ONE) / (m + _ONE)
    q = f * f
    return e * _LN2 + _TWO * f * (_ONE + q * (_L3 + q * (_L5 + q * (_L7 + q * _L9))))


@inlined_kernel
def normal(i: np.int32) -> np.float32:
    """Return a centred word as a standard normal number: the inverse of its distribution.

    Rational approximations of Wichura in single precision, good to 3e-7 of the number or of
    one; 32 bits reach 6.3 standard deviations, since the tail is counted from its end. Both
    branches are computed, so that a loop over it becomes vector instructions.
    """
    q = (np.float32(i) + _HALF_ONE) * _SCALE
    r = _CENTRE - q * q
    middle = (
        q
        * (((_A[3] * r + _A[2]) * r + _A[1]) * r + _A[0])
        / (((_B[2] * r + _B[1]) * r + _B[0]) * r + _ONE)
    )
    beyond = (np.float32(_LAST - (i ^ (i >> _TOP))) + _HALF_ONE) * _SCALE
    s = np.sqrt(-_log(beyond)) - _SHIFT
    tail = (((_C[3] * s + _C[2]) * s + _C[1]) * s + _C[0]) / ((_D[1] * s + _D[0]) * s + _ONE)
    tail = -tail if q < _ZERO else tail
    return middle if abs(q) <= _SPLIT else tail


@kernel
def draw_steps(
    s0: Words, s1: Words, n: Words, purpose: np.uint64, k0: np.uint64, k1: np.uint64,
    words: NDArray[np.int32], normals: NDArray[np.float32], uniforms: Floats, count: int,
) -> None:  # fmt: skip
    """Fill three normal numbers and one uniform number for each of ``count`` counters.

    ``words`` and ``normals`` have three rows, one for each axis. Words first, then numbers: loops
    of one width each, as mixed ones become half as wide.
    """
    for i in range(count):
        w0, w1, w2, w3 = block(s0[i], s1[i], n[i], purpose, k0, k1)
        words[0, i] = centred(w0)
        words[1, i] = centred(w1)
        words[2, i] = centred(w2)
        uniforms[i] = uniform(w3)
    for axis in range(3):
        row, out = words[axis], normals[axis]
        for i in range(count):
            out[i] = normal(row[i])


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
def _compiled_normals(words: Words) -> NDArray[np.float32]:
    out = np.empty(words.size, np.float32)
    for i in range(words.size):
        out[i] = normal(centred(words[i]))
    return out


def compiled_blocks(counters: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Return the words of many counters by the compiled function."""
    return _compiled_blocks(counters, np.uint64(key[0]), np.uint64(key[1]))


def compiled_normals(words: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Return words as normal numbers by the compiled function."""
    return _compiled_normals(words)
