"""The one place that touches Numba: a decorator that compiles, caches and keeps its types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call and keep the machine code on disk.

    Threads may run it together (the lock is released). Division by zero gives infinity, as
    in NumPy; products and sums may be fused, nothing else is reordered.
    """
    return _compiled(function, inline=False)


def inlined_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as `kernel` does, and copy the machine code into every caller.

    For short functions of `Tables`: a call would pass each of its arrays field by field.
    """
    return _compiled(function, inline=True)


def _compiled(function: Callable[P, R], *, inline: bool) -> Callable[P, R]:
    # Numba ships no type stubs: its decorator returns an untyped dispatcher.
    compiled = cast("Any", numba).njit(
        cache=True,
        nogil=True,
        error_model="numpy",
        fastmath={"contract"},
        forceinline=inline,
    )(function)
    return cast("Callable[P, R]", compiled)
