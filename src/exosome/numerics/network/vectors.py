"""Rows of eight numbers that are loaded, combined and stored as one vector each.

The arrays have the shape (rows, `WIDTH`), C order. Numba must assume that two arrays may
overlap, so that it does not turn a loop over eight elements into vector instructions;
these functions say it outright. Each lane is computed as if it stood alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[np.float64]
    #: Array and row of the result, then array and row of each of the two operands.
    Combine: TypeAlias = Callable[[Rows, int, Rows, int, Rows, int], None]

#: Lanes: one register of AVX-512, two of AVX2.
WIDTH = 8


# Numba's extension interface is untyped: it hands over types, a builder and a signature.
def _address(context: Any, builder: Any, signature: Any, args: Any, which: int) -> Any:
    """Return the address of a row as that of a vector."""
    array = context.make_array(signature.args[which])(context, builder, args[which])
    number = args[which + 1]
    first = builder.mul(number, ir.Constant(number.type, WIDTH))
    vector = ir.VectorType(ir.DoubleType(), WIDTH)
    return builder.bitcast(builder.gep(array.data, [first]), vector.as_pointer())


def _combination(emit: Callable[[Any, Any, Any, Any], Any]) -> Combine:
    """Return an intrinsic that stores what ``emit(builder, old, a, b)`` computes."""

    def typed(_typing: Any, out: Any, i: Any, a: Any, j: Any, b: Any, k: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = _address(context, builder, signature, args, 0)
            old, left, right = (
                builder.load(_address(context, builder, signature, args, which), align=8)
                for which in (0, 2, 4)
            )
            builder.store(emit(builder, old, left, right), place, align=8)
            return context.get_dummy_value()

        return types.void(out, i, a, j, b, k), build

    return cast("Combine", intrinsic(typed))


_FUSED = ("contract",)

#: out[i] += a[j] * b[k]
add_product = _combination(
    lambda builder, old, a, b: builder.fadd(old, builder.fmul(a, b, flags=_FUSED), flags=_FUSED)
)
#: out[i] -= a[j] * b[k]
take_product = _combination(
    lambda builder, old, a, b: builder.fsub(old, builder.fmul(a, b, flags=_FUSED), flags=_FUSED)
)
#: out[i] = a[j] * b[k], and so on
product = _combination(lambda builder, _, a, b: builder.fmul(a, b))
total = _combination(lambda builder, _, a, b: builder.fadd(a, b))
difference = _combination(lambda builder, _, a, b: builder.fsub(a, b))
quotient = _combination(lambda builder, _, a, b: builder.fdiv(a, b))
#: out[i] = the larger of a[j] and b[k]; a[j] where one is not a number
larger = _combination(
    lambda builder, _, a, b: builder.select(builder.fcmp_ordered("<", a, b), b, a)
)
