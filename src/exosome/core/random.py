"""Chance with an address: every random stream is named by what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Streams:
    """All randomness of one run, derived from one root seed.

    A stream depends on the seed, its purpose and its owner, never on call
    order, thread count or which other streams were used. Changing one input of
    a claim therefore leaves every unrelated draw of the other arm the same.
    """

    seed: int

    def of(self, purpose: str, owner: int = 0) -> np.random.Generator:
        """Return the stream for ``purpose`` (a dotted name) and ``owner``."""
        import numpy as np  # deferred: naming a seed needs no arrays

        label = int.from_bytes(blake2b(purpose.encode(), digest_size=8).digest())
        key = np.random.SeedSequence([self.seed, label, owner])
        return np.random.Generator(np.random.Philox(key))
