"""Exact simulation of many replicates side by side, in code generated for one network.

`WIDTH` replicates advance together, one reaction each per turn, every lane with its own
clock, counts and generator; a lane that has finished takes the next replicate. The loop
over lanes has no branches, so that the compiler turns it into vector instructions. All
numbers are 64-bit floats (counts are exact up to 2**53), uniforms have 52 bits, and the
logarithm is a series with a relative error below 1e-12. A replicate's result depends on
its own stream only, never on its lane or neighbours.

Serves networks whose rates do not depend on the time and that have no events.

References
----------
.. [1] Gillespie 1977, J Phys Chem 81, 2340 (direct method).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from exosome.numerics.network.expression import Apply, Expression, Number, Symbol, Time, symbols
from exosome.numerics.network.tables import slots_of

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from exosome.numerics.network.resolve import Resolved

    class RunLanes(Protocol):
        """The compiled loop; see `source` for its arguments."""

        def __call__(  # noqa: D102 - said above
            self,
            states: NDArray[np.uint64],
            start: NDArray[np.float64],
            still: NDArray[np.float64],
            times: NDArray[np.float64],
            columns: NDArray[np.int64],
            saved: NDArray[np.float64],
            status: NDArray[np.int64],
        ) -> int: ...


#: Replicates side by side. Eight vectors of eight hide the latency of the division.
WIDTH = 64

#: Reactions up to which lanes beat the kernel with a dependency graph (measured).
LANES_UP_TO = 64

_BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}
_COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_CALLS = {
    "exp": "math.exp", "ln": "np.log", "log10": "np.log10", "sqrt": "np.sqrt", "abs": "abs",
    "floor": "np.floor", "ceil": "np.ceil", "sin": "math.sin", "cos": "math.cos",
    "tan": "math.tan", "tanh": "math.tanh", "min": "min", "max": "max",
}  # fmt: skip


def is_served(resolved: Resolved) -> bool:
    """Return whether lanes can run a network."""
    return not resolved.events and not resolved.atoms and bool(resolved.rates)


def _code(tree: Expression, name_of: dict[str, str]) -> str:
    """Return a tree as source text over local names."""
    match tree:
        case Number(value):
            return f"({value!r})" if np.isfinite(value) else f"np.float64('{value!r}')"
        case Symbol(name):
            return name_of[name]
        case Time():
            return "0.0"
        case Apply("pow", (base, Number(value))) if value == int(value) and 1 <= value <= 8:
            inner = _code(base, name_of)
            return "(" + " * ".join([inner] * int(value)) + ")"
        case Apply(op, args):
            parts = [_code(part, name_of) for part in args]
            if op in _BINARY:
                return f"({parts[0]} {_BINARY[op]} {parts[1]})"
            if op in _COMPARE:
                return f"(1.0 if {parts[0]} {_COMPARE[op]} {parts[1]} else 0.0)"
            if op in _CALLS:
                return f"{_CALLS[op]}({', '.join(parts)})"
            match op:
                case "neg":
                    return f"(-{parts[0]})"
                case "not":
                    return f"(1.0 if {parts[0]} == 0.0 else 0.0)"
                case "and" | "or":
                    return f"(1.0 if {parts[0]} != 0.0 {op} {parts[1]} != 0.0 else 0.0)"
                case _:
                    return f"({parts[1]} if {parts[0]} != 0.0 else {parts[2]})"


def _unguarded(resolved: Resolved) -> list[str]:
    """Return the species that a rate does not keep from becoming negative by its form."""
    loose: set[str] = set()
    for one, law, change in zip(
        resolved.network.reactions, resolved.mass_action, resolved.changes, strict=True
    ):
        needs = dict(one.reactants) if law is not None else {}
        loose |= {name for name, by in change.items() if by < 0 and needs.get(name, 0) < -by}
    return sorted(loose)


def _signed(factor: int, term: str) -> str:
    return f" {'+' if factor > 0 else '-'} " + (
        term if abs(factor) == 1 else f"{abs(factor)}.0 * {term}"
    )


_NEXT = """\
            z = s0 + s3
            {word} = ((z << SHL23) | (z >> SHR41)) + s0
            w = s1 << SHL17
            s2 ^= s0
            s3 ^= s1
            s1 ^= s2
            s0 ^= s3
            s2 ^= w
            s3 = (s3 << SHL45) | (s3 >> SHR19)
"""

_TEMPLATE = """\
import math

import numpy as np

from exosome.numerics.network.bits import as_bits, as_float
from exosome.numerics.network.kernel import kernel

SHL17, SHL23, SHL45 = np.uint64(17), np.uint64(23), np.uint64(45)
SHR19, SHR41, SHR12 = np.uint64(19), np.uint64(41), np.uint64(12)
SIGN_FREE = np.uint64(52)
ONE = np.uint64(0x3FF0000000000000)
ROOT_HALF = np.uint64(0x3FE6A09E667F3BCD)


@kernel
def run_lanes(states, start, still, times, columns, saved, status):
    x = np.zeros(({rows}, {width}))
    s = np.zeros((4, {width}), np.uint64)
    replicate = np.full({width}, -1, np.int64)
    point = np.zeros({width}, np.int64)
{load_still}
    taken, active, fired, crossed = 0, 0, 0, 1
    for l in range({width}):
        x[{stop}, l] = -1.0
    while True:
        if crossed > 0:
            for l in range({width}):
                if x[{ahead}, l] < x[{stop}, l]:
                    continue
                r = replicate[l]
                if r >= 0:
                    k = point[l]
                    for c in range(columns.size):
                        saved[r, k, c] = x[columns[c], l]
                    x[{time}, l] = x[{stop}, l]
                    # Not a number compares false: it is no positive waiting time either.
                    if not (x[{ahead}, l] >= 0.0 and x[{low_rate}, l] >= 0.0):
                        status[r] = {bad_rate}
                    elif x[{low_count}, l] < 0.0:
                        status[r] = {negative}
                    point[l] = k + 1
                    if k + 1 < times.size and status[r] == 0:
                        x[{stop}, l] = times[k + 1]
                    else:
                        r = -1
                        replicate[l] = -1
                        active -= 1
                if r < 0:
                    for c in range({moving}):
                        x[c, l] = start[c]
                    x[{time}, l] = 0.0
                    x[{low_rate}, l] = 0.0
                    x[{low_count}, l] = 0.0
                    if taken < states.shape[0]:
                        for c in range(4):
                            s[c, l] = states[taken, c]
                        x[{stop}, l] = times[0]
                        replicate[l] = taken
                        point[l] = 0
                        taken += 1
                        active += 1
                    else:
                        x[{stop}, l] = np.inf
            if active == 0:
                return fired
        crossed = 0
        for l in range({width}):
            s0 = s[0, l]
            s1 = s[1, l]
            s2 = s[2, l]
            s3 = s[3, l]
{next_a}{next_b}\
            s[0, l] = s0
            s[1, l] = s1
            s[2, l] = s2
            s[3, l] = s3
{load_moving}
{rates}
            # -log of a uniform from (0, 1]: exponent, then an odd series in f.
            bits = as_bits(2.0 - as_float((word_a >> SHR12) | ONE))
            raised = bits - ROOT_HALF
            exponent = (raised >> SIGN_FREE) << SIGN_FREE
            m = as_float(bits - exponent)
            e = float(np.int64(raised) >> np.int64(52))
            f = (m - 1.0) / (m + 1.0)
            q = f * f
            log = e * 0.6931471805599453 + 2.0 * f * (1.0 + q * (1 / 3 + q * (1 / 5 + q * (
                1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13 + q / 15)))))))
            ahead = x[{time}, l] - log / {total}{guard}
            fires = ahead < x[{stop}, l]
            x[{ahead}, l] = ahead
            x[{time}, l] = ahead if fires else x[{time}, l]
            target = (as_float((word_b >> SHR12) | ONE) - 1.0) * {total}
            target = target if fires else np.inf
{choice}
{update}
            crossed += 0 if fires else 1
            # A lane without a replicate runs on, harmlessly, and does not count.
            fired += 1 if ahead < x[{stop}, l] and x[{stop}, l] < np.inf else 0
"""


def source(resolved: Resolved) -> str:
    """Return the text of a module with the loop ``run_lanes`` for one network.

    Names of the network do not enter the text, only slots, numbers and operations.
    """
    from exosome.numerics.network.machine import BAD_RATE, NEGATIVE

    slots = slots_of(resolved)
    moving = len(resolved.moving)
    time, stop, ahead, low_rate, low_count = range(moving, moving + 5)
    name_of = {
        name: f"x{slot}" if slot < moving else f"p{slot - moving}" for name, slot in slots.items()
    }
    used = [name for name in slots if slots[name] >= moving]
    rates, running, free = list[str](), "", list[str]()
    for j, tree in enumerate(resolved.rates):
        rates.append(f"a{j} = {_code(tree, name_of)}")
        rates.append(f"c{j} = {running}a{j}")
        running = f"c{j} + "
        law = resolved.mass_action[j]
        if law is None or symbols(law) & set(resolved.moving):
            free.append(f"a{j}")
    if free:
        # Written so that a rate that is not a number also counts as bad.
        rates.append(f"low = x[{low_rate}, l]")
        rates += [f"low = low if {rate} >= 0.0 and {rate} < np.inf else -1.0" for rate in free]
        rates.append(f"x[{low_rate}, l] = low")
    count = len(resolved.rates)
    choice = [f"b{j} = 1.0 if target >= c{j} else 0.0" for j in range(count)]
    update: list[str] = []
    for name in resolved.moving:
        by = [change.get(name, 0) for change in resolved.changes]
        # Reaction j is chosen where b[j - 1] = 1 and b[j] = 0; b[-1] = 1 always. Nothing
        # fires where the target is infinite: all b are 1 and the terms cancel.
        terms = [_signed(by[0], "1.0")] if by[0] else []
        for j in range(count):
            step = (by[j + 1] if j + 1 < count else 0) - by[j]
            if step:
                terms.append(_signed(step, f"b{j}"))
        update.append(f"x{slots[name]} = x{slots[name]} + ({''.join(terms)})")
        update.append(f"x[{slots[name]}, l] = x{slots[name]}")
    loose = _unguarded(resolved)
    if loose:
        update.append(f"few = x[{low_count}, l]")
        update += [f"few = min(few, x{slots[name]})" for name in loose]
        update.append(f"x[{low_count}, l] = few")

    def block(lines: list[str], depth: int) -> str:
        return "\n".join(" " * depth + line for line in lines)

    return _TEMPLATE.format(
        rows=moving + 5, width=WIDTH, moving=moving, time=time, stop=stop, ahead=ahead,
        low_rate=low_rate, low_count=low_count, bad_rate=BAD_RATE, negative=NEGATIVE,
        load_still=block([f"p{slots[n] - moving} = still[{slots[n] - moving}]" for n in used], 4),
        load_moving=block([f"x{k} = x[{k}, l]" for k in range(moving)], 12),
        next_a=_NEXT.format(word="word_a"), next_b=_NEXT.format(word="word_b"),
        rates=block(rates, 12), choice=block(choice, 12), update=block(update, 12),
        total=f"c{count - 1}",
        # A lane whose rates are unsound stops: its waiting time is not a number.
        guard=f"\n{' ' * 12}ahead = ahead if low >= 0.0 else np.nan" if free else "",
    )  # fmt: skip


def _folder() -> Path:
    """Return where generated modules are kept, as EXOSOME_CACHE or the user's cache says."""
    chosen = os.environ.get("EXOSOME_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "exosome" / "networks"


@cache
def _temporary_folder() -> TemporaryDirectory[str]:
    """Return a folder that lives as long as this process."""
    return TemporaryDirectory(prefix="exosome-networks-")


@cache
def _module(text: str) -> ModuleType:
    """Write, import and remember a generated module; the machine code is kept beside it."""
    name = "lanes_" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    folder = _folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        folder = Path(_temporary_folder().name)
    path = folder / f"{name}.py"
    if not path.exists() or path.read_text() != text:
        # Replaced in one step, so that two processes never read half a file.
        with NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False) as part:
            part.write(text)
        Path(part.name).replace(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def run_lanes(resolved: Resolved) -> RunLanes:
    """Return the compiled loop of one network; the first call of it compiles."""
    return cast("RunLanes", _module(source(resolved)).run_lanes)
