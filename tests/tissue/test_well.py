"""Cells under a column: against the column alone, the stirred recipient and compartments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from exosome.cell import recipient as stirred
from exosome.core.random import Streams
from exosome.numerics.column import Column, taken_share
from exosome.tissue.well import (
    Medium,
    Well,
    bound_at,
    copies_at,
    entered_by,
    touched_by,
)

TIMES = np.array([0.02, 0.2, 1.0])


@pytest.fixture
def precise(monkeypatch: pytest.MonkeyPatch) -> None:
    """More nodes than the chain needs, so that what is left is the law."""
    from exosome.tissue import well

    monkeypatch.setattr(well, "_NODES", 20)
    monkeypatch.setattr(well, "_TERMS", 14)


CELL = {
    "unbind_specific": 3.0, "unbind_nonspecific": 20.0, "internalise": 8.0, "mature": 12.0,
    "recycle": 9.0, "lysosome": 5.0, "opening": 2.0, "copy_loss": 0.0,
}  # fmt: skip


def well(**changes: Any) -> Well:
    """One draw, one size, unless arrays say otherwise: strong binding and much recycling."""
    held: dict[str, Any] = {
        "turnover": 2.0, "half": 0.4, "loss": 0.3, "encounter": 3.0,
        "bind_specific": 1.5, "bind_nonspecific": 2.5, **CELL, **changes,
    }  # fmt: skip
    sized = ("turnover", "half", "encounter", "bind_specific", "bind_nonspecific")
    held = {
        name: np.atleast_2d(value) if name in sized else np.atleast_1d(value)
        for name, value in held.items()
    }
    column = {name: held.pop(name) for name in ("turnover", "half", "loss", "encounter")}
    return Well(medium=Medium(share=np.ones(1), **column), **held)


def compartments(w: Well, slices: int) -> tuple[np.ndarray, dict[str, int]]:
    """Return the matrix of rates of a column cut into slices, over a cell, at uniform slices.

    Fluxes between slices are exponentially fitted, so that settling is exact in each.
    """
    held = {name: getattr(w, name) for name in w.__slots__ if name != "medium"}
    held |= {name: getattr(w.medium, name) for name in w.medium.__slots__}
    get = {name: float(np.squeeze(value)) for name, value in held.items()}
    unit, height = 1.0 / get["turnover"], 1.0 / slices
    names = ["surface", "specific", "nonspecific", "early", "late", "opened"]
    at = {name: slices + i for i, name in enumerate([*names, "degraded", "lost", "entries"])}
    rates = np.zeros((slices + 9, slices + 9))

    def moves(out: int, into: int, rate: float) -> None:
        rates[into, out] += rate
        rates[out, out] -= rate

    drop = 2.0 * get["half"] * height
    down, up = drop / -np.expm1(-drop), drop / np.expm1(drop)
    for i in range(slices - 1):  # slice 0 is at the floor
        moves(i + 1, i, unit * down / height**2)
        moves(i, i + 1, unit * up / height**2)
    # Half a slice of fluid and the encounter stand between a slice and the cells' surface, a thin
    # slice of its own: it holds next to nothing.
    thin = 1e-4
    half = drop / 2.0
    down, up = (1.0 / (height / 2.0)) * np.array([half / -np.expm1(-half), half / np.expm1(half)])
    gap = 1.0 + up / get["encounter"]
    moves(0, at["surface"], unit * down / height / gap)
    moves(at["surface"], 0, unit * up / thin / gap)
    for kind in ("specific", "nonspecific"):
        moves(at["surface"], at[kind], unit * get[f"bind_{kind}"] / thin)
        moves(at[kind], at["surface"], get[f"unbind_{kind}"])
        moves(at[kind], at["early"], get["internalise"])
        rates[at["entries"], at[kind]] += get["internalise"]  # a counter, not a place
    moves(at["early"], at["late"], get["mature"])
    moves(at["early"], at["surface"], get["recycle"])
    moves(at["late"], at["opened"], get["opening"])
    moves(at["late"], at["degraded"], get["lysosome"])
    for i in range(slices):
        moves(i, at["lost"], get["loss"])
    return rates, at


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encounter": 1e9, "half": 1e-6},
        {"half": 3.0, "loss": 0.0},
        {"bind_specific": 40.0, "encounter": 0.3},
    ],
)
@pytest.mark.usefixtures("precise")
def test_a_well_is_its_column_cut_into_slices(changes: dict[str, float]) -> None:
    w, slices = well(**changes), 400
    rates, at = compartments(w, slices)
    start = np.zeros(len(rates))
    start[:slices] = 1.0 / slices
    inside, entries = entered_by(w, TIMES)
    bound, opened = bound_at(w, TIMES), copies_at(w, TIMES)
    for i, time in enumerate(TIMES):
        there = expm(rates * time) @ start
        assert entries[i, 0] == pytest.approx(there[at["entries"]], rel=0.01)
        assert bound[i, 0] == pytest.approx(
            there[at["specific"]] + there[at["nonspecific"]], rel=0.01
        )
        assert opened[i, 0] == pytest.approx(there[at["opened"]], rel=0.02)
    assert (inside <= entries).all()


def test_what_touches_is_what_a_perfect_sink_takes_at_any_speed_of_settling() -> None:
    rng = Streams(1).of("test.well")
    n = 3_000
    half = 10.0 ** rng.uniform(-3.0, 2.0, (1, n))
    turnover = 10.0 ** rng.uniform(-1.0, 2.0, (1, n))
    encounter = 10.0 ** rng.uniform(-1.0, 3.0, (1, n))
    loss = rng.uniform(0.0, 2.0, n)
    rest = {name: np.ones(n) for name in CELL}
    rest |= {name: np.ones((1, n)) for name in ("bind_specific", "bind_nonspecific")}
    w = well(half=half, turnover=turnover, encounter=encounter, loss=loss, **rest)
    # Height and diffusivity 1 in units of the turnover.
    column = Column(1.0, 1.0, 2.0 * half[0], encounter[0], loss * turnover[0])
    known = taken_share(column, 1.0 / turnover[0])
    np.testing.assert_allclose(touched_by(w.medium, np.ones(1))[0], known, rtol=3e-3)


@pytest.mark.usefixtures("precise")
def test_what_binds_for_good_and_enters_at_once_is_what_the_floor_takes() -> None:
    w = well(
        unbind_specific=0.0, unbind_nonspecific=0.0, internalise=1e7, recycle=0.0, encounter=3.0,
    )  # fmt: skip
    floor = 1.0 / (1.0 / 4.0 + 1.0 / 3.0)
    known = taken_share(Column(1.0, 1.0, 0.8, floor, 0.6), TIMES / 2.0)
    inside, entries = entered_by(w, TIMES)
    np.testing.assert_allclose(inside[:, 0], known, rtol=2e-3)
    np.testing.assert_allclose(entries, inside, rtol=1e-6)


@pytest.mark.parametrize("faster", [1e3, 1e6])
@pytest.mark.usefixtures("precise")
def test_fast_diffusion_is_the_stirred_medium(faster: float) -> None:
    # The same permeabilities over L and D: diffusion alone is faster.
    w = well(
        turnover=2.0 / faster, encounter=np.inf, bind_specific=1.5 / faster,
        bind_nonspecific=2.5 / faster, half=0.0,
    )  # fmt: skip
    rates = {name: np.full(1, rate) for name, rate in CELL.items() if name != "copy_loss"}
    cell = stirred.Recipient(
        bind_specific=np.full(1, 0.75), bind_nonspecific=np.full(1, 1.25),
        loss_outside=np.full(1, 0.3), sites=np.ones(1), entries_per_h=np.ones(1), **rates,
    )  # fmt: skip
    error = 2e-3 + 3.0 / faster
    one = np.ones(1)
    forgets = replace(w, copy_loss=4.0 * one)
    for i, time in enumerate(TIMES):
        copies = stirred.copies_at(cell, time, functional=one, loss=4.0 * one)
        for ours, known in (
            (entered_by(w, TIMES)[0], stirred.internalised_by(cell, time)),
            (bound_at(w, TIMES), stirred.bound_at(cell, time)),
            (copies_at(w, TIMES), stirred.opened_share(cell, time)),
            (copies_at(forgets, TIMES), copies),
        ):  # fmt: skip
            assert ours[i, 0] == pytest.approx(known[0], rel=4.0 * error)


def test_sizes_are_averaged_by_their_shares() -> None:
    small, large = well(half=0.1, turnover=1.0).medium, well(half=1.0, turnover=4.0).medium
    names = ("half", "turnover", "encounter")
    sized = {n: np.concatenate([getattr(small, n), getattr(large, n)]) for n in names}
    both = replace(small, share=np.array([0.3, 0.7]), **sized)
    mean = 0.3 * touched_by(small, TIMES) + 0.7 * touched_by(large, TIMES)
    np.testing.assert_allclose(touched_by(both, TIMES), mean, rtol=1e-12)
