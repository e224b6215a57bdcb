"""The run of a message between cells: arms, courses, bits, balance and intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.memory import MEMORIES, memories_of_courses, verdict_of_course
from exosome.cell.receiving import PLACES
from exosome.core.random import Streams
from exosome.numerics.information import information
from exosome.study.cell_to_cell import OPENING, effect_of
from exosome.study.findings import interval
from exosome.study.pair import (
    LOOP,
    Sent,
    answer,
    cargo_of,
    copies_that_answer,
    pathways,
    recipient,
    send,
    send_quickly,
    take_up,
)
from exosome.study.pair_packing import compare_packings
from exosome.study.pair_removals import removals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exosome.cell.effects import Effect
    from exosome.cell.memory import Memory
    from exosome.cell.receiving import Received
    from exosome.cell.recipient import Recipient
    from exosome.numerics.information import Information
    from exosome.study.cell_to_cell import MessageAsked, Plan
    from exosome.study.findings import Interval, KnockOut
    from exosome.study.pair import Answer, Numbers
    from exosome.study.pair_packing import PackingFound

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_DRAW_PAIRS = 16
_MOST_OPENING = 0.999  # a share of 1 has no rate


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A course over cells: mean, and the 5, 50 and 95 % of cells at each time."""

    mean: Floats
    low: Floats
    middle: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Bits about the sender's state that one stage of the message holds at the time of reading."""

    name: str
    bits: Information


@dataclass(frozen=True, slots=True, eq=False)
class CourseFound:
    """One message under one opening module.

    ``interval`` and ``driver_interval`` bound the means over what is not known, shape
    (2, times). ``memories`` counts receivers by verdict, ``verdict`` is that on the mean courses,
    and ``verdict_blocked`` the same without the feedback of a switch. ``bits`` follow the message
    from the medium to the response; ``without_release`` and ``without_uptake`` are the bits that
    the response holds then.
    """

    module: str
    opening: float
    driver: Band
    response: Band
    off: Floats
    interval: Floats
    driver_interval: Floats
    responding: float
    responding_off: float
    verdict: Memory
    verdict_blocked: Memory | None
    memories: Mapping[Memory, int]
    driver_half_life_h: float
    bits: tuple[Stage, ...]
    without_release: Information
    without_uptake: Information


@dataclass(frozen=True, slots=True, eq=False)
class MessageFound:
    """What one message did, module by module; one module where nothing has to open."""

    asked: MessageAsked
    effect: Effect
    detectable: float
    needed: int | None
    courses: tuple[CourseFound, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """Where vesicles and copies are at the end, all groups together, under one module.

    ``released`` by the senders = the sum of ``places``; ``let_out`` = ``copies`` + ``decayed``.
    """

    module: str
    released: int
    places: tuple[tuple[str, int], ...]
    let_out: int
    copies: int
    decayed: int

    @property
    def gap(self) -> int:
        """Vesicles and copies lost or made: none, or the run has failed before."""
        lost = self.released - sum(count for _, count in self.places)
        return abs(lost) + abs(self.let_out - self.copies - self.decayed)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What the pairs did. ``sent`` shows single senders that are on, group by group.

    ``fullness``: at the fullest hour of the mean receiver, bound vesicles over sites, and entry
    over its capacity. Well below 1 the vesicles do not feel each other, as the engine takes it.
    """

    plan: Plan
    times_h: Floats
    sent: Sent
    messages: tuple[MessageFound, ...]
    balances: tuple[Balance, ...]
    intervals: tuple[Interval, ...]
    packings: tuple[PackingFound, ...]
    removals: tuple[KnockOut, ...]
    arrived: Band
    inside: Band
    fullness: tuple[float, float]


def run(planned: Plan, *, workers: int = 2) -> Result:
    """Return the result of a plan; the same for any number of workers."""
    pairs = planned.scenario.pair.pairs
    on, off = pathways(planned, planned.medians)
    arms = {
        name: send(planned, pathway, pairs=pairs, workers=workers, purpose=name)
        for name, pathway in (("on", on), ("off", off))
    }
    arms["silent"] = Sent(np.zeros_like(arms["on"].arriving))
    drawn = _drawn(planned, workers)
    main = _heard(planned, 0, arms, drawn, workers)
    # Vesicles move alike whatever they carry: a message on the surface needs no run of its own.
    shared = main.got[0]
    others = [
        _heard(planned, place, arms, drawn, workers, shared).found
        for place in range(1, len(planned.scenario.message))
    ]
    modules = [one.module for one in main.found.courses]
    kept = [(module, got["on"]) for module, got in zip(modules, main.got, strict=True)]
    middles = {
        key: value
        for module, got in kept
        for key, value in _figures(arms["on"], got, module).items()
    }
    first = kept[0][1]
    return Result(
        plan=planned,
        times_h=first.times_h,
        sent=arms["on"],
        messages=(main.found, *others),
        balances=tuple(_balance(module, arms["on"], got) for module, got in kept),
        intervals=tuple(
            interval(*name, np.asarray(middle), np.asarray(drawn.means[name]))
            for name, middle in middles.items()
        ),
        packings=compare_packings(
            planned, main.found.asked, main.found.needed, arms["on"], workers=workers
        ),
        removals=removals(planned, workers=workers),
        arrived=_band(first.given),
        inside=_band(first.early + first.late),
        fullness=_fullness(planned, first),
    )


def _fullness(planned: Plan, got: Received) -> tuple[float, float]:
    cell = recipient(planned, planned.medians, planned.openings[0][1].median)
    most = float(got.bound.mean(axis=0).max())
    return most / float(cell.sites), most * float(cell.internalise / cell.entries_per_h)


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """One message, and what every arm received, module by module."""

    found: MessageFound
    got: tuple[Mapping[str, Received], ...]


def _heard(
    planned: Plan,
    place: int,
    arms: Mapping[str, Sent],
    drawn: _Drawn,
    workers: int,
    shared: Mapping[str, Received] | None = None,
) -> _Heard:
    """Return what one message did; on the surface it takes the vesicles that are ``shared``."""
    message, numbers = planned.scenario.message[place], planned.medians
    needs_opening = effect_of(message).driver == "copies"
    courses: list[CourseFound] = []
    every: list[Mapping[str, Received]] = []
    detectable = 0.0
    for module, held in planned.openings if needs_opening else planned.openings[:1]:
        cell = recipient(planned, numbers, held.median)
        one = _Arms(planned, message, place, module, numbers, cell, workers)
        got = shared if shared and message.cargo is None else one.everything(arms)
        replies = {name: answer(planned, message, numbers, r, cell) for name, r in got.items()}
        detectable = replies["on"].detectable
        courses.append(one.course(got, replies, drawn.courses[place, module], opening=held.median))
        every.append(got)
    hours = planned.clock.watched
    needed = copies_that_answer(message, numbers, hours=hours) if message.cargo else None
    found = MessageFound(message, effect_of(message), detectable, needed, tuple(courses))
    return _Heard(found, tuple(every))


@dataclass(frozen=True, slots=True)
class _Arms:
    """One message under one module, with everything that its arms share."""

    planned: Plan
    message: MessageAsked
    place: int
    module: str
    numbers: Numbers
    cell: Recipient
    workers: int

    def everything(self, arms: Mapping[str, Sent]) -> dict[str, Received]:
        """Return what every arm received, and both without uptake."""
        got = {name: self.received(arm, name) for name, arm in arms.items()}
        for name in ("on", "off"):
            key = f"no uptake {name}"
            got[key] = self.received(arms[name], key, binds=False)
        return got

    def received(self, sent: Sent, name: str, *, binds: bool = True) -> Received:
        """Return what an arm received; an arm that does not bind takes up nothing."""
        none = {"bind_specific": 0.0, "bind_nonspecific": 0.0}
        return take_up(
            self.planned,
            self.cell if binds else self.cell.scaled(none),
            sent,
            cargo_of(self.message, self.numbers),
            uptake_cv=self.numbers["uptake_cv"],
            workers=self.workers,
            # Modules share their chance, so that they differ by opening only.
            purpose=f"{self.place}.{name}",
        )

    def course(
        self,
        got: Mapping[str, Received],
        replies: Mapping[str, Answer],
        drawn: Floats,
        *,
        opening: float,
    ) -> CourseFound:
        """Return what the arms of this message say together."""
        on, off = replies["on"], replies["off"]
        times = got["on"].times_h
        half_life = min(on.driver_half_life_h, float(times[-1]) * 1e3)
        many = memories_of_courses(
            times, on.driver, on.response, half_life, detectable=on.detectable
        )
        return CourseFound(
            module=self.module,
            opening=opening,
            driver=_band(on.driver),
            response=_band(on.response),
            off=off.response.mean(axis=0),
            interval=np.quantile(drawn[:, 1], [0.05, 0.95], axis=0),
            driver_interval=np.quantile(drawn[:, 0], [0.05, 0.95], axis=0),
            responding=float(on.responding.mean()),
            responding_off=float(off.responding.mean()),
            verdict=_verdict(times, on, half_life),
            verdict_blocked=self._blocked(got["on"], half_life, on.detectable),
            memories={name: int((many == i).sum()) for i, name in enumerate(MEMORIES)},
            driver_half_life_h=half_life,
            bits=self._stages(got, replies),
            without_release=self._read(replies["silent"], replies["silent"], "no release"),
            without_uptake=self._read(
                replies["no uptake on"], replies["no uptake off"], "no uptake"
            ),
        )

    def _blocked(self, got: Received, half_life: float, detectable: float) -> Memory | None:
        if self.message.effect != "switch":
            return None
        numbers = {**self.numbers, LOOP: 0.0}
        reply = answer(self.planned, self.message, numbers, got, self.cell)
        return _verdict(got.times_h, replace(reply, detectable=detectable), half_life)

    def _stages(
        self, got: Mapping[str, Received], replies: Mapping[str, Answer]
    ) -> tuple[Stage, ...]:
        at = self.planned.clock.read
        watched: list[tuple[str, Ints, Ints]] = [
            (words, getattr(got["on"], name)[:, at], getattr(got["off"], name)[:, at])
            for words, name in (
                ("vesicles that came near", "given"),
                ("vesicles taken in", "internalised"),
                ("vesicles opened", "opened"),
                ("copies let out", "released"),
            )
        ]
        kept = {"copies": 4, "bound": 1, "outside": 1}[effect_of(self.message).driver]
        stages = [
            Stage(words, self._bits(a.astype(np.float64), b.astype(np.float64), words))
            for words, a, b in watched[:kept]
        ]
        return (*stages, Stage("the response", self._read(replies["on"], replies["off"], "reply")))

    def _read(self, on: Answer, off: Answer, name: str) -> Information:
        """Return the bits of the response, untreated cells varying by what counts as one."""
        at = self.planned.clock.read
        streams = Streams(self.planned.seed)

        def noisy(one: Answer, arm: str) -> Floats:
            rng = streams.of(f"pair.readout.{name}.{arm}", self.place)
            level = one.response[:, at]
            return level + one.detectable * rng.standard_normal(level.size)

        return self._bits(noisy(on, "on"), noisy(off, "off"), name)

    def _bits(self, on: Floats, off: Floats, name: str) -> Information:
        # Receivers of one group share their senders; one of each is independent.
        each = self.planned.scenario.pair.receivers
        rng = Streams(self.planned.seed).of(f"pair.bits.{name}", self.place)
        prior = self.planned.scenario.pair.prior_on
        return information(on[::each], off[::each], rng=rng, prior_on=prior)


def _verdict(times: Floats, reply: Answer, half_life: float) -> Memory:
    return verdict_of_course(
        times,
        reply.driver.mean(axis=0),
        reply.response.mean(axis=0),
        half_life,
        detectable=reply.detectable,
    )


def _band(course: Floats | Ints) -> Band:
    low, middle, high = np.quantile(course, [0.05, 0.5, 0.95], axis=0)
    return Band(course.mean(axis=0), low, middle, high)


def _balance(module: str, sent: Sent, got: Received) -> Balance:
    return Balance(
        module=module,
        released=int(sent.arriving.sum()),
        places=tuple((name, int(getattr(got, name)[:, -1].sum())) for name in PLACES),
        let_out=int(got.released[:, -1].sum()),
        copies=int(got.copies[:, -1].sum()),
        decayed=int(got.decayed[:, -1].sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Over draws: mean drivers and responses by message and module, and mean figures.

    Courses have the shape (draws, 2, times): what drives the response, and the response.
    """

    courses: Mapping[tuple[int, str], Floats]
    means: Mapping[tuple[str, str], Sequence[float]]


def _drawn(planned: Plan, workers: int) -> _Drawn:
    """Return mean courses over draws of every number that is not known."""
    streams = Streams(planned.seed)
    count = planned.scenario.pair.draws
    every = {
        role: one.draw(streams.of(f"input.{role}").random(count))
        for role, one in planned.pools.items()
        if role != OPENING
    }
    u = streams.of(f"input.{OPENING}").random(count)
    shares = {name: held.draw(u) for name, held in planned.openings}
    courses: dict[tuple[int, str], list[Floats]] = {}
    means: dict[tuple[str, str], list[float]] = {}
    for draw in range(count):
        numbers = {role: float(values[draw]) for role, values in every.items()}
        rng = streams.of("pair.draws", draw)
        sent = send_quickly(planned, pathways(planned, numbers)[0], _DRAW_PAIRS, rng)
        got: Received | None = None
        for place, message in enumerate(planned.scenario.message):
            cargo = cargo_of(message, numbers)
            for module, held in shares.items():
                cell = recipient(planned, numbers, min(float(held[draw]), _MOST_OPENING))
                if got is None or message.cargo is not None:
                    got = take_up(
                        planned,
                        cell,
                        sent,
                        cargo,
                        uptake_cv=numbers["uptake_cv"],
                        workers=workers,
                        purpose=f"draw.{draw}.{place}",
                    )
                reply = answer(planned, message, numbers, got, cell)
                both = np.stack([reply.driver.mean(axis=0), reply.response.mean(axis=0)])
                courses.setdefault((place, module), []).append(both)
                if place == 0:
                    for name, value in _figures(sent, got, module).items():
                        means.setdefault(name, []).append(value)
                if effect_of(message).driver != "copies":
                    break
    return _Drawn({key: np.stack(values) for key, values in courses.items()}, means)


def _figures(sent: Sent, got: Received, module: str) -> dict[tuple[str, str], float]:
    """Return the means of one draw that the page gives intervals for."""
    common = {
        ("vesicles that came near", "vesicle/receiver"): float(sent.arriving.sum(axis=1).mean()),
        ("vesicles taken in", "vesicle/receiver"): float(got.internalised[:, -1].mean()),
    }
    suffix = f", {module}" if module else ""
    let_out, per_day = float(got.released[:, -1].mean()), 24.0 / float(got.times_h[-1])
    return {
        **common,
        (f"vesicles opened{suffix}", "vesicle/receiver"): float(got.opened[:, -1].mean()),
        (f"functional copies let out{suffix}", "copy/receiver"): let_out,
        (f"functional copies let out in a day{suffix}", "copy/receiver/d"): let_out * per_day,
    }
