"""Frames of a run: where vesicles were at even times, for moving pictures and other programs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from exosome.numerics.brownian import DECAYED
from exosome.tissue.space import Sent, State, windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.brownian import World

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MOST_FRAMES = 60
MOST_DRAWN = 2_000  # vesicles of a frame; 60 such frames are 2.4 MB
ON_THE_WAY, TAKEN, TAKEN_BACK, LOST, LEFT = range(5)
STATES = (
    "on the way", "taken up by another cell", "taken up by the sender", "lost",
    "out through a face",
)  # fmt: skip


def frames_of(count: int) -> int:
    """Return the number of frames of so many windows."""
    return min(count, MOST_FRAMES)


def is_kept(window: int, count: int) -> bool:
    """Whether a frame is kept at the end of a window, the first being 1; the last always is.

    The kept ones are spread as evenly as whole windows allow.
    """
    kept = frames_of(count)
    return window * kept % count < kept


def thinned(slot: Ints, most: int = MOST_DRAWN) -> Ints:
    """Return the indices of at most ``most`` vesicles, every 2^k-th by slot.

    Slots follow the time of release, so the choice is even in time. Strides are powers of two, so
    that a vesicle kept where there are many is kept where there are few: one can be followed.
    """
    stride, chosen = 1, np.arange(slot.size)
    while chosen.size > most:
        stride *= 2
        chosen = np.flatnonzero(slot % stride == 0)
    return chosen


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """The free vesicles of each frame, one frame after the other.

    Parameters
    ----------
    counts : array of int, shape (frame,)
        Vesicles of each frame.
    slot : array of int, shape (vesicle of a frame,)
        Its permanent number.
    position_um : array of float32, shape (vesicle of a frame, 3)
    """

    counts: Ints
    slot: Ints
    position_um: NDArray[np.float32]

    @classmethod
    def fresh(cls, sent: Sent) -> Frames:
        """Return the frame at time zero: the vesicles that start with the clock."""
        slot = np.flatnonzero(sent.time_s <= 0.0).astype(np.int64)
        slot = slot[thinned(slot)]
        return cls(np.array([slot.size]), slot, sent.start_um[slot].astype(np.float32))

    @classmethod
    def of(cls, arrays: dict[str, NDArray[np.generic]]) -> Frames:
        """Return the frames that `arrays` described."""
        return cls(*(arrays[f"frames.{f.name}"] for f in fields(cls)))  # pyright: ignore[reportArgumentType]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the frames as named arrays, for a snapshot."""
        return {f"frames.{f.name}": getattr(self, f.name) for f in fields(self)}

    def after(self, state: State, count: int) -> Frames:
        """Return these frames, and that of the window just done if it is one of those kept."""
        if not is_kept(state.window, count):
            return self
        slot = state.free.slot.astype(np.int64)
        chosen = thinned(slot)
        return Frames(
            np.append(self.counts, chosen.size),
            np.concatenate([self.slot, slot[chosen]]),
            np.concatenate([self.position_um, state.free.position_um[chosen].astype(np.float32)]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Vesicles of one frame: those on their way, then those that ended since the frame before.

    ``became`` indexes ``STATES``; a vesicle that ended stands where it did. ``free`` counts all
    that are on their way, those that are not shown too.
    """

    time_s: float
    free: int
    slot: Ints
    position_um: NDArray[np.float32]
    became: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A run at even times, the first of them its start."""

    sent: Sent
    state: State
    frames: Frames
    duration_s: float
    count: int  # windows

    def __len__(self) -> int:
        return int(self.frames.counts.size)

    @property
    def time_s(self) -> Floats:
        """Times of the frames."""
        kept = [0, *(w for w in range(1, self.count + 1) if is_kept(w, self.count))]
        return self.duration_s * np.array(kept, np.float64) / self.count

    def moments(self) -> tuple[Moment, ...]:
        """Return what each frame shows, at most ``MOST_DRAWN`` on the way and as many ended."""
        time = self.time_s
        there = np.zeros(len(self.sent), np.bool_)
        there[self.state.free.slot.astype(np.int64)] = True
        ended = np.flatnonzero(~there)
        ended = ended[np.argsort(self.state.end_s[ended], kind="stable")]
        cuts = np.searchsorted(self.state.end_s[ended], time, side="right")
        cuts[-1] = ended.size
        born = np.searchsorted(self.sent.time_s, time, side="left")
        born[0], born[-1] = np.searchsorted(self.sent.time_s, 0.0, side="right"), len(self.sent)
        stops = np.cumsum(self.frames.counts)
        out: list[Moment] = []
        for i in range(len(self)):
            here = slice(int(stops[i] - self.frames.counts[i]), int(stops[i]))
            gone = np.sort(ended[cuts[i - 1] : cuts[i]]) if i else ended[:0]
            gone = gone[thinned(gone)]
            slot = self.frames.slot[here]
            out.append(
                Moment(
                    float(time[i]),
                    int(born[i] - cuts[i]),
                    np.concatenate([slot, gone]),
                    np.concatenate(
                        [self.frames.position_um[here], self.state.end_um[gone].astype(np.float32)]
                    ),
                    np.concatenate([np.full(slot.size, ON_THE_WAY, np.int8), self._became(gone)]),
                )
            )
        return tuple(out)

    def taken(self, cells: int) -> Ints:
        """Return the vesicles that each cell has taken up by each frame, shape (frame, cell)."""
        return self._amounts(cells, None)

    def copies_taken(self, cells: int) -> Ints:
        """Return the copies that each cell has taken up by each frame, shape (frame, cell)."""
        return self._amounts(cells, self.sent.copies)

    def _amounts(self, cells: int, weights: Ints | None) -> Ints:
        took = np.flatnonzero(self.state.fate >= 0)
        frame = np.searchsorted(self.time_s, self.state.end_s[took], side="left")
        frame = np.minimum(frame, len(self) - 1)
        place = frame * cells + self.state.fate[took]
        held = np.bincount(
            place,
            weights=None if weights is None else weights[took],
            minlength=len(self) * cells,
        )
        return np.cumsum(held.reshape(len(self), cells), axis=0).astype(np.int64)

    def _became(self, slot: Ints) -> NDArray[np.int8]:
        fate = self.state.fate[slot]
        found = np.full(slot.size, LEFT, np.int8)
        found[fate == DECAYED] = LOST
        found[fate >= 0] = TAKEN
        found[fate == self.sent.sender[slot]] = TAKEN_BACK
        return found


def follow(
    sent: Sent, world: World, until_s: float, *, seed: int, bias: float, workers: int
) -> Film:
    """Return a film of an even choice of vesicles that all start at time zero.

    A run of days has frames far apart, and few vesicles live from one to the next. Here the same
    vesicles are seen again and again: the clock of each starts at its release. Paths have the law
    of the run's, not its luck; the surfaces of cells do not fill.
    """
    chosen = slice(0, len(sent), -(-len(sent) // MOST_DRAWN))
    some = Sent(
        np.zeros_like(sent.time_s[chosen]),
        *(getattr(sent, f.name)[chosen] for f in fields(Sent)[1:]),
    )
    state, frames = State.fresh(some), Frames.fresh(some)
    for done in windows(
        state, some, world, duration_s=until_s, count=MOST_FRAMES, seed=seed, bias=bias,
        workers=workers,
    ):  # fmt: skip
        frames = frames.after(done, MOST_FRAMES)
    return Film(some, state, frames, until_s, MOST_FRAMES)
