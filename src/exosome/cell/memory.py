"""Whether a response outlives the cargo that made it: reprogrammed, or transient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Amount = NDArray[np.float64]

Memory = Literal["no response", "transient", "reprogrammed", "not settled: watched too short"]
MEMORIES: tuple[Memory, ...] = get_args(Memory)
LIVES = 5.0
"""Half-lives of the cargo that a response must outlive it by."""
LEVEL = 0.5
"""Share of its own peak below which a course counts as over."""


def end_of(times_h: Amount, course: ArrayLike, level: float = LEVEL) -> Amount:
    """Return when courses fall below ``level`` of their own peak for good; infinite if they do not.

    Straight lines between the times. A course of zeros is over at the first time.
    """
    at, held = np.asarray(times_h, dtype=np.float64), np.asarray(course, dtype=np.float64)
    line = level * held.max(axis=-1, keepdims=True)
    up = (held >= line) & (held > 0.0)
    last = held.shape[-1] - 1 - np.argmax(up[..., ::-1], axis=-1)
    last = np.where(up.any(axis=-1), last, -1)
    here = np.clip(last, 0, at.size - 2)[..., None]
    before = np.take_along_axis(held, here, axis=-1)[..., 0]
    after = np.take_along_axis(held, here + 1, axis=-1)[..., 0]
    fall = before - after
    share = np.divide(before - line[..., 0], fall, out=np.zeros_like(fall), where=fall > 0.0)
    begin, step = at[here[..., 0]], np.diff(at)[here[..., 0]]
    ended = begin + np.clip(share, 0.0, 1.0) * step
    ended = np.where(last < 0, at[0], ended)
    return np.where(last == at.size - 1, np.inf, ended)


def memories_of_courses(
    times_h: Amount,
    cargo: ArrayLike,
    response: ArrayLike,
    cargo_half_life_h: float,
    *,
    detectable: float,
) -> NDArray[np.int64]:
    """Return the verdict on many courses, as places in `MEMORIES`; see `verdict_of_course`."""
    at = np.asarray(times_h, dtype=np.float64)
    load, reply = (np.asarray(one, dtype=np.float64) for one in (cargo, response))
    if not (cargo_half_life_h > 0.0 and detectable > 0.0):
        raise InputError(
            "a cargo half-life or a detectable response that is not above zero",
            where="verdict of a course",
            remedy="give both above zero",
        )
    if (
        np.any(load < 0.0)
        or not np.all(np.isfinite(load))
        or not np.all(np.isfinite(reply))
        or load.shape[-1:] != at.shape
        or reply.shape[-1:] != at.shape
    ):
        raise InputError(
            "courses that are not finite, of other lengths than the times, or negative cargo",
            where="verdict of a course",
            remedy="give one finite cargo and response for each time",
        )
    gone, over = end_of(at, load), end_of(at, reply)
    bar = gone + LIVES * cargo_half_life_h
    settled = np.where(
        over <= bar,
        MEMORIES.index("transient"),
        np.where(
            bar < at[-1],
            MEMORIES.index("reprogrammed"),
            MEMORIES.index("not settled: watched too short"),
        ),
    )
    # Cargo and response both up at the end of the window: nothing is settled.
    settled = np.where(
        np.isinf(gone) & np.isinf(over),
        MEMORIES.index("not settled: watched too short"),
        settled,
    )
    silent = reply.max(axis=-1) < detectable
    return np.where(silent, MEMORIES.index("no response"), settled).astype(np.int64)


def verdict_of_course(
    times_h: Amount,
    cargo: ArrayLike,
    response: ArrayLike,
    cargo_half_life_h: float,
    *,
    detectable: float,
) -> Memory:
    """Return whether a response outlives its cargo by more than five of the cargo's half-lives.

    A course is over when it falls below half of its own peak for good. With the cargo over at
    ``g`` and the response at ``r``:

    * *no response*: the peak of the response stays below ``detectable``;
    * *transient*: ``r <= g + 5 half-lives``;
    * *reprogrammed*: ``r > g + 5 half-lives``, which the watched time must cover;
    * *not settled*: the response is still up at the end of a watched time that stops before
      ``g + 5 half-lives``, or before the cargo was over.

    It says how long a response lasts, not why: a protein that lives much longer than its mRNA
    passes without any feedback. A response that overshoots and then holds less than half of
    its peak counts as over.

    Parameters
    ----------
    times_h : array, shape (times,)
    cargo, response : array, shape (times,)
        The response is the change from the untreated course, zero if nothing happened.
    detectable : float
        Least peak that counts as a response.
    """
    place = memories_of_courses(times_h, cargo, response, cargo_half_life_h, detectable=detectable)
    return MEMORIES[int(place)]
