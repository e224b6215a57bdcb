"""How kernels of this package are compiled: cached, without reordering any arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call and keep the machine code on disk.

    Unlike `exosome.numerics.network.kernel`, products and sums are not fused: a loop in vector
    instructions and its scalar rest must give the same bits, wherever a particle sits in it.
    """
    return _compiled(function, inline="never")


def inlined_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as `kernel` does, and copy the function into every caller."""
    return _compiled(function, inline="always")


def _compiled(function: Callable[P, R], *, inline: str) -> Callable[P, R]:
    # Numba ships no type stubs: its decorator returns an untyped dispatcher.
    compiled = cast("Any", numba).njit(cache=True, nogil=True, error_model="numpy", inline=inline)(
        function
    )
    return cast("Callable[P, R]", compiled)
