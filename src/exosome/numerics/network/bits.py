"""Views of bits as a float or an integer, for loops that become vector instructions."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


# Numba's extension interface is untyped: it hands over types, a builder and a signature.
@intrinsic
def as_float(_typing: Any, _word: Any) -> Any:
    """Return the float with the bits of an unsigned integer."""

    def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.uint64), emit


@intrinsic
def as_bits(_typing: Any, _number: Any) -> Any:
    """Return the bits of a float as an unsigned integer."""

    def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.uint64(types.float64), emit


@intrinsic
def as_single(_typing: Any, _word: Any) -> Any:
    """Return the float of single precision with the bits of a 32-bit integer."""

    def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), emit


@intrinsic
def as_single_bits(_typing: Any, _number: Any) -> Any:
    """Return the bits of a float of single precision as a 32-bit integer."""

    def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), emit
