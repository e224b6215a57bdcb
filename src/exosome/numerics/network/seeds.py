"""Start states of generators for many replicates at once.

Replicate ``r`` of purpose ``p`` owns the stream ``Streams(seed).of(p, r)``. Building ten
thousand such streams one by one takes about as long as simulating them, so this module
computes for all of them together the first four 64-bit words that each would give. They
are the start state of a xoshiro256++ generator inside a kernel. A test compares them with
the streams themselves.

References
----------
.. [1] NumPy, ``SeedSequence`` and ``Philox`` (the algorithms computed here).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def _words(number: int) -> list[int]:
    """Return a number as 32-bit words, lowest first, as `SeedSequence` reads it."""
    words = [number & 0xFFFFFFFF]
    while number := number >> 32:
        words.append(number & 0xFFFFFFFF)
    return words


def _hashed(value: Words, constant: int, factor: int) -> tuple[Words, int]:
    """Return `SeedSequence`'s hash of 32-bit words and the next hash constant."""
    value = value ^ np.uint64(constant)
    constant = constant * factor & 0xFFFFFFFF
    value = value * np.uint64(constant) & _LOW
    return value ^ (value >> np.uint64(16)), constant


def _mixed(x: Words, y: Words) -> Words:
    value = (x * np.uint64(0xCA01F9DD) - y * np.uint64(0x4973F715)) & _LOW
    return value ^ (value >> np.uint64(16))


def _keys(seed: int, label: int, owners: Words) -> list[Words]:
    """Return the two words with which `SeedSequence` keys a Philox generator."""
    entropy = [np.full_like(owners, word) for word in (*_words(seed), *_words(label))]
    entropy.append(owners)
    pool: list[Words] = []
    constant = 0x43B0D7E5
    for k in range(4):
        word = entropy[k] if k < len(entropy) else np.zeros_like(owners)
        hashed, constant = _hashed(word, constant, 0x931E8875)
        pool.append(hashed)
    for source in range(4):
        for target in range(4):
            if source != target:
                hashed, constant = _hashed(pool[source], constant, 0x931E8875)
                pool[target] = _mixed(pool[target], hashed)
    for word in entropy[4:]:
        for target in range(4):
            hashed, constant = _hashed(word, constant, 0x931E8875)
            pool[target] = _mixed(pool[target], hashed)
    out: list[Words] = []
    constant = 0x8B51F9DD
    for k in range(4):
        hashed, constant = _hashed(pool[k], constant, 0x58F38DED)
        out.append(hashed)
    return [out[0] | out[1] << _HALF, out[2] | out[3] << _HALF]


def _product(x: Words, factor: int) -> tuple[Words, Words]:
    """Return the high and the low word of ``x * factor``."""
    a, b = np.uint64(factor >> 32), np.uint64(factor & 0xFFFFFFFF)
    high, low = x >> _HALF, x & _LOW
    middle = high * b + (low * b >> _HALF)
    other = low * a + (middle & _LOW)
    return high * a + (middle >> _HALF) + (other >> _HALF), x * np.uint64(factor)


def replicate_states(seed: int, purpose: str, first: int, count: int) -> Words:
    """Return the start states of replicates ``first`` to ``first + count - 1``.

    Parameters
    ----------
    seed : int
        Root seed, as for `Streams`.
    purpose : str
        Dotted name of what the chance is for.
    first, count : int
        Replicates, below 2**32.

    Returns
    -------
    array of uint64, shape (count, 4)
        Row ``i`` equals ``Streams(seed).of(purpose, first + i).bit_generator.random_raw(4)``.
    """
    label = int.from_bytes(blake2b(purpose.encode(), digest_size=8).digest())
    owners = np.arange(first, first + count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        k0, k1 = _keys(seed, label, owners)
        # The first block of a Philox generator has the counter (1, 0, 0, 0).
        c0, c1, c2, c3 = (np.full_like(owners, word) for word in (1, 0, 0, 0))
        for turn in range(10):
            if turn:
                k0 = k0 + np.uint64(0x9E3779B97F4A7C15)
                k1 = k1 + np.uint64(0xBB67AE8584CAA73B)
            high0, low0 = _product(c0, 0xD2E7470EE14C6C93)
            high1, low1 = _product(c2, 0xCA5A826395121157)
            c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
    return np.ascontiguousarray(np.stack([c0, c1, c2, c3], axis=1))
