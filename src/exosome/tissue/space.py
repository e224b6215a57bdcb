"""A run in space: windows of time, each moving every vesicle, between snapshots."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.balance import BalanceSheet
from exosome.core.errors import BalanceError
from exosome.numerics.brownian import BOUND, DECAYED, FREE, LEFT, WALL, Particles, advance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from exosome.numerics.brownian import World

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """Every vesicle of a run before it moves: what it is, whence and when.

    ``kind`` is the column of the table of permeabilities: 0 from endosomes, 1 from the membrane.
    """

    time_s: Floats
    sender: NDArray[np.int32]
    start_um: Floats
    diameter_nm: Floats
    diffusivity_um2_per_s: Floats
    copies: Ints
    kind: NDArray[np.uint16]

    def __len__(self) -> int:
        return int(self.time_s.size)


@dataclass(slots=True, eq=False)
class State:
    """How far a run has come: enough to go on from, byte for byte.

    ``fate``, ``end_s`` and ``end_um`` have one entry for each vesicle, by its slot: the cell
    that took it up, or a code of the engine; ``window`` windows are done. ``free`` holds those
    that are still there, moving or bound to the matrix.
    """

    window: int
    fate: NDArray[np.int32]
    end_s: Floats
    end_um: Floats
    free: Particles
    steps: int = 0

    @classmethod
    def fresh(cls, sent: Sent) -> State:
        """Return the state before the first window."""
        n = len(sent)
        return cls(
            0,
            np.full(n, FREE, np.int32),
            sent.time_s.copy(),
            sent.start_um.copy(),
            Particles.at(np.zeros((0, 3)), 0.0),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the state as named arrays, for a file."""
        held = {f"free.{f.name}": getattr(self.free, f.name) for f in fields(Particles)}
        counts = np.array([self.window, self.steps], np.int64)
        return {
            "counts": counts, "fate": self.fate, "end_s": self.end_s, "end_um": self.end_um, **held,
        }  # fmt: skip

    @classmethod
    def of(cls, arrays: dict[str, NDArray[np.generic]]) -> State:
        """Return the state that `arrays` described."""
        free = Particles(*(arrays[f"free.{f.name}"] for f in fields(Particles)))  # pyright: ignore[reportArgumentType]
        window, steps = (int(x) for x in arrays["counts"])  # pyright: ignore[reportArgumentType]
        return cls(window, arrays["fate"], arrays["end_s"], arrays["end_um"], free, steps)  # pyright: ignore[reportArgumentType]


def windows(  # noqa: PLR0913  (options of one call, by name)
    state: State,
    sent: Sent,
    world: World,
    *,
    duration_s: float,
    count: int,
    seed: int,
    bias: float,
    workers: int,
    share_open: Callable[[State], Floats] | None = None,
) -> Iterator[State]:
    """Run from ``state`` on, window by window, and hand the state out after each.

    Vesicles born in a window start at their own time. ``share_open`` gives the factor on each
    cell's permeability from what it has taken up so far, for cells that fill: it is held for a
    window, an error of first order in its length. The result does not depend on where a run was
    cut nor on the number of workers, since a vesicle's chance is addressed by its slot.
    """
    while state.window < count:
        end = duration_s * (state.window + 1) / count
        begin = duration_s * state.window / count
        low, high = np.searchsorted(sent.time_s, [begin, end], side="left")
        if state.window == count - 1:
            high = len(sent)
        born = Particles.at(
            sent.start_um[low:high],
            sent.diffusivity_um2_per_s[low:high],
            first_slot=int(low),
            clock_s=sent.time_s[low:high],
            diameter_nm=sent.diameter_nm[low:high],
            owner=sent.sender[low:high],
            kind=sent.kind[low:high],
        )
        moving = state.free.joined(born)
        state.steps += advance(
            moving,
            world,
            end,
            seed=seed,
            bias=bias,
            open_share=None if share_open is None else share_open(state),
            purpose="tissue.space",
            workers=workers,
        )
        slot = moving.slot.astype(np.int64)
        state.fate[slot] = moving.fate
        state.end_s[slot] = moving.clock_s
        state.end_um[slot] = moving.position_um
        state.free = moving.where(moving.is_there)
        state.window += 1
        yield state


_ONLY_IF_ANY = ("bound to the matrix", "taken up by the vessel wall")


def is_held(fate: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which vesicles the matrix holds."""
    return (fate == BOUND) | (fate == BOUND - 1)


def balance(state: State, sent: Sent) -> tuple[BalanceSheet, BalanceSheet]:
    """Return where every vesicle and every copy is, exactly.

    Raises
    ------
    BalanceError
        One is missing: a defect of the program.
    """
    return sheets(
        sent,
        {
            "taken up by other cells": (state.fate >= 0) & (state.fate != sent.sender),
            "taken up by the sender": state.fate == sent.sender,
            "lost before uptake": state.fate == DECAYED,
            "out through a face": state.fate <= LEFT,
            "taken up by the vessel wall": state.fate == WALL,
            "bound to the matrix": is_held(state.fate),
            "still free": state.fate == FREE,
        },
    )


def sheets(sent: Sent, places: dict[str, NDArray[np.bool_]]) -> tuple[BalanceSheet, BalanceSheet]:
    """Return the balance of vesicles and of copies over places, each with who is there.

    Raises
    ------
    BalanceError
        A vesicle or a copy is nowhere, or in two places: a defect of the program.
    """
    weights = (("vesicle", np.ones(len(sent), np.int64)), ("copy", sent.copies))
    out: list[BalanceSheet] = []
    for thing, weight in weights:
        whole = int(weight.sum())
        held = BalanceSheet(thing, float(whole))
        total = 0
        for name, here in places.items():
            amount = int(weight[here].sum())
            total += amount
            if amount or name not in _ONLY_IF_ANY:
                held = held.put(name, float(amount))
        if total != whole:
            raise BalanceError(
                f"{whole - total} of {whole} lost",
                where=f"balance of {thing} in space",
                remedy="this is a defect of the program: report it with the command and the seed",
            )
        out.append(held.close())
    return out[0], out[1]


@dataclass(frozen=True, slots=True)
class Link:
    """What one cell sent to another."""

    sender: int
    receiver: int
    vesicles: int
    copies: int


def links(state: State, sent: Sent) -> tuple[Link, ...]:
    """Return who sent how much to whom, by sender and receiver."""
    taken = state.fate >= 0
    pair = sent.sender[taken].astype(np.int64) << 32 | state.fate[taken]
    found, which = np.unique(pair, return_inverse=True)
    vesicles = np.bincount(which, minlength=found.size)
    copies = np.bincount(which, weights=sent.copies[taken], minlength=found.size)
    return tuple(
        Link(int(p >> 32), int(p & 0xFFFFFFFF), int(v), int(c))
        for p, v, c in zip(found, vesicles, copies, strict=True)
    )


def graphml(all_links: tuple[Link, ...], kinds: tuple[str, ...]) -> str:
    """Return the links as a directed, weighted graph in GraphML; kinds name its cells."""
    from xml.sax.saxutils import escape

    cells = sorted({c for one in all_links for c in (one.sender, one.receiver)})
    nodes = "".join(
        f'<node id="c{c}"><data key="type">{escape(kinds[c])}</data></node>\n' for c in cells
    )
    edges = "".join(
        f'<edge source="c{one.sender}" target="c{one.receiver}">'
        f'<data key="vesicles">{one.vesicles}</data><data key="copies">{one.copies}</data></edge>\n'
        for one in all_links
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
        '<key id="type" for="node" attr.name="type" attr.type="string"/>\n'
        '<key id="vesicles" for="edge" attr.name="vesicles" attr.type="long"/>\n'
        '<key id="copies" for="edge" attr.name="copies" attr.type="long"/>\n'
        f'<graph edgedefault="directed">\n{nodes}{edges}</graph>\n</graphml>\n'
    )
