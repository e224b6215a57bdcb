"""A stream depends on seed, purpose and owner, and on nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exosome.core.random import Streams

address = st.tuples(st.integers(0, 2**63), st.text(min_size=1), st.integers(0, 2**31))


def first_draw(at: tuple[int, str, int]) -> int:
    seed, purpose, owner = at
    return int(Streams(seed).of(purpose, owner).integers(0, 2**63))


@given(address, address)
def test_order_of_use_does_not_matter(one, other) -> None:
    forwards = first_draw(one), first_draw(other)
    backwards = first_draw(other), first_draw(one)
    assert forwards == backwards[::-1]


@given(address, address)
def test_other_addresses_are_other_streams(one, other) -> None:
    # Two unlike addresses share a 63-bit first draw with probability 1e-19.
    assert (first_draw(one) == first_draw(other)) == (one == other)
