"""The recipient cell: closed form, network and sampler against each other and against theory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from exosome.cell.loading import Cargo, Counted, Independent, Packets
from exosome.cell.receiving import PLACES, network, receive
from exosome.cell.recipient import (
    RATES,
    Recipient,
    binding_rate,
    copies_at,
    fates,
    opened_by,
    opened_share,
    places_at,
    recipient_type,
    recipient_types,
    saturation,
)
from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.numerics.network import mean_field, simulate
from exosome.numerics.sbml import write_sbml

SMALL = {
    "bind_specific": 0.2,
    "bind_nonspecific": 0.1,
    "unbind_specific": 1.0,
    "unbind_nonspecific": 4.0,
    "internalise": 2.0,
    "mature": 5.0,
    "recycle": 2.0,
    "lysosome": 0.8,
    "opening": 0.5,
    "loss_outside": 0.1,
    "sites": 1e6,
    "entries_per_h": 1e9,
}
RUNS, GIVEN = 2_000, 60
# Six standard errors: one false alarm in 5e8 for each figure that is compared.
SURE = 6.0
TIMES = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def recipient(**changed: float) -> Recipient:
    return Recipient(**{name: np.asarray(x) for name, x in {**SMALL, **changed}.items()})


def cargo(mean: float = 1.5, functional: float = 1.0, loss: float = 0.3) -> Cargo:
    return Cargo(Packets(mean, 3), functional, loss)


def chain(r: Recipient, hours: float) -> dict[str, float]:
    """Return the places by a matrix exponential: the plain twin of the closed form."""
    names = ["free", "site", "surface", "early", "late", "degraded", "opened", "lost"]
    q = np.zeros((8, 8))

    def step(a: str, b: str, rate: np.ndarray) -> None:
        q[names.index(a), names.index(b)] += float(rate)

    step("free", "site", r.bind_specific)
    step("free", "surface", r.bind_nonspecific)
    step("site", "free", r.unbind_specific)
    step("surface", "free", r.unbind_nonspecific)
    step("site", "early", r.internalise)
    step("surface", "early", r.internalise)
    step("early", "late", r.mature)
    step("early", "free", r.recycle)
    step("late", "degraded", r.lysosome)
    step("late", "opened", r.opening)
    step("free", "lost", r.loss_outside)
    q -= np.diag(q.sum(axis=1))
    return dict(zip(names, expm(q * hours)[0], strict=True))


rates = st.floats(0.01, 20.0)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(rates, min_size=10, max_size=10), hours=st.floats(0.05, 100.0))
def test_closed_form_is_the_matrix_exponential(values: list[float], hours: float) -> None:
    r = recipient(**dict(zip(RATES, values, strict=True)))
    p, twin = places_at(r, hours), chain(r, hours)
    assert p.free + p.recycled_out == pytest.approx(twin["free"], abs=1e-9)
    assert p.bound == pytest.approx(twin["site"] + twin["surface"], abs=1e-9)
    for name in ("early", "late", "degraded", "opened", "lost"):
        assert getattr(p, name) == pytest.approx(twin[name], abs=1e-9)
    assert opened_share(r, hours) == pytest.approx(twin["opened"], abs=1e-9)


def test_closed_form_takes_draws_and_the_start() -> None:
    r = recipient(internalise=np.array([1.0, 2.0, 3.0]))
    many = places_at(r, 2.0)
    for i, k in enumerate((1.0, 2.0, 3.0)):
        alone = places_at(recipient(internalise=k), 2.0)
        assert many.late[i] == pytest.approx(float(alone.late), rel=1e-9)
    start = places_at(r, 0.0)
    assert start.free.tolist() == [1.0, 1.0, 1.0]
    assert start.opened.tolist() == [0.0, 0.0, 0.0]


@settings(max_examples=60, deadline=None)
@given(values=st.lists(rates, min_size=10, max_size=10))
def test_fates_add_up_and_are_the_far_end_of_the_course(values: list[float]) -> None:
    r = recipient(**dict(zip(RATES, values, strict=True)))
    end, late = fates(r), places_at(r, 3e4)
    assert float(end.opened + end.degraded + end.lost) == pytest.approx(1.0, abs=1e-12)
    assert float(end.opened) == pytest.approx(float(late.opened), abs=1e-7)
    assert float(end.lost) == pytest.approx(float(late.lost), abs=1e-7)
    assert float(end.internalised) == pytest.approx(float(late.internalised), abs=1e-7)


def test_fates_without_ways_on() -> None:
    assert float(fates(recipient(loss_outside=0.0)).lost) == 0.0
    none = fates(recipient(bind_specific=0.0, bind_nonspecific=0.0, loss_outside=0.0))
    assert float(none.outside) == 1.0
    round_and_round = fates(recipient(mature=0.0, loss_outside=0.0))
    assert float(round_and_round.outside) == 1.0


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_opening_module_is_put_in(share: float) -> None:
    end = fates(opened_by(recipient(recycle=0.7), np.asarray(share)))
    assert float(end.opened / (end.opened + end.degraded)) == pytest.approx(share, abs=1e-12)
    with pytest.raises(InputError, match="below 1"):
        opened_by(recipient(), np.asarray(1.0))


def test_binding_is_calibrated_to_the_first_hour() -> None:
    r = recipient(recycle=0.5)
    for share in (0.003, 0.01, 0.03):
        site, surface = binding_rate(
            np.asarray(share),
            specific=np.asarray(0.6),
            unbind=(r.unbind_specific, r.unbind_nonspecific),
            internalise=r.internalise,
        )
        p = places_at(
            recipient(
                recycle=0.5,
                loss_outside=0.0,
                bind_specific=float(site),
                bind_nonspecific=float(surface),
            ),
            1.0,
        )
        held = float(p.bound + p.early + p.late + p.degraded + p.opened)
        assert held == pytest.approx(share, rel=0.05)
        assert site / (site + surface) == pytest.approx(0.6)


def by_network() -> dict[str, np.ndarray]:
    classes = {0: GIVEN // 2, 3: GIVEN // 2}
    net = network(recipient(), classes, loss_per_h=0.3)
    runs = simulate(net, TIMES, replicates=RUNS, seed=5, observe=[one.name for one in net.species])

    def total(place: str) -> np.ndarray:
        return np.asarray(sum(runs.of(f"{place}_{n}") for n in classes))

    return {
        "outside": total("Free"),
        "bound": total("Site") + total("Surface"),
        "early": total("Early"),
        "late": total("Late"),
        "degraded": runs.of("Degraded"),
        "opened": runs.of("Opened"),
        "lost": runs.of("Lost"),
        "copies": runs.of("Copies"),
    }


def by_sampler() -> dict[str, np.ndarray]:
    # Each vesicle is loaded with a chance of a half; in the network just half of them are.
    got = receive(recipient(), cells=RUNS, given=GIVEN, times_h=TIMES, cargo=cargo(), seed=5)
    found = {name: getattr(got, name).astype(float) for name in (*PLACES, "copies")}
    found["outside"] = found.pop("free") + found.pop("recycled_out")
    return found


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[str, np.ndarray]]:
    return {"network": by_network(), "sampler": by_sampler()}


def apart(sample: np.ndarray, mean: float) -> float:
    return float((sample.mean() - mean) / (sample.std(ddof=1) / np.sqrt(sample.size)))


@pytest.mark.parametrize("how", ["network", "sampler"])
def test_means_match_the_closed_form(how: str, drawn: dict[str, dict[str, np.ndarray]]) -> None:
    found = drawn[how]
    for i in (1, 3, 6):
        p = places_at(recipient(), float(TIMES[i]))
        told = {name: getattr(p, name) for name in PLACES}
        told["outside"] = told.pop("free") + told.pop("recycled_out")
        for name, share in told.items():
            assert abs(apart(found[name][:, i], GIVEN * float(share))) < SURE, (name, i)


@pytest.mark.parametrize("how", ["network", "sampler"])
def test_variances_are_binomial(how: str, drawn: dict[str, dict[str, np.ndarray]]) -> None:
    # Vesicles that do not feel each other: binomial counts in every place.
    p = places_at(recipient(), 3.0)
    for name in ("bound", "late", "opened", "degraded"):
        share = float(getattr(p, name))
        off = (drawn[how][name][:, 3] - GIVEN * share) ** 2
        assert abs(apart(off, GIVEN * share * (1.0 - share))) < SURE, name


@pytest.mark.parametrize("how", ["network", "sampler"])
def test_copies_match_the_closed_form(how: str, drawn: dict[str, dict[str, np.ndarray]]) -> None:
    for i in (1, 3, 6):
        each = copies_at(
            recipient(), float(TIMES[i]), functional=np.asarray(1.0), loss=np.asarray(0.3)
        )
        assert abs(apart(drawn[how]["copies"][:, i], GIVEN * 1.5 * float(each))) < SURE


def test_copies_that_do_not_act_are_left_out() -> None:
    got = receive(
        recipient(), cells=RUNS, given=GIVEN, times_h=TIMES, cargo=cargo(functional=0.2), seed=6
    )
    each = copies_at(recipient(), 6.0, functional=np.asarray(0.2), loss=np.asarray(0.3))
    assert abs(apart(got.copies[:, -1].astype(float), GIVEN * 1.5 * float(each))) < SURE


def test_every_vesicle_is_in_one_place(drawn: dict[str, dict[str, np.ndarray]]) -> None:
    for found in drawn.values():
        names = ("outside", "bound", "early", "late", "degraded", "opened", "lost")
        assert np.all(sum(found[name] for name in names) == GIVEN)


def test_copies_of_one_vesicle_come_together() -> None:
    # Packets of n at the same mean: with no loss and all acting, opened vesicles are binomial and
    # the copies their n-fold, so variance over mean is n (1 - share). Independent copies: Poisson
    # in each vesicle, so it is 1 + c - c share.
    r, share = recipient(), float(opened_share(recipient(), 6.0))
    for loading, told in (
        (Packets(1.0, 20), 20.0 - share),
        (Independent(np.array([1.0])), 2.0 - share),
    ):
        got = receive(
            r, cells=4_000, given=200, times_h=TIMES, cargo=Cargo(loading, 1.0, 0.0), seed=9
        )
        copies = got.copies[:, -1].astype(float)
        mean = 200 * share
        assert abs(apart(copies, mean)) < SURE
        assert abs(apart((copies - mean) ** 2 / mean, told)) < SURE


def test_arrivals_within_a_step_are_uniform_in_it() -> None:
    # Vesicles that come in over the first 2 h, in steps of 2 h and of 0.1 h: the same law.
    r, cells = recipient(), 3_000
    coarse = receive(
        r,
        cells=cells,
        given=np.array([[100, 0]] * cells),
        times_h=np.array([0.0, 2.0, 4.0]),
        cargo=cargo(),
        seed=3,
    )
    grid = np.linspace(0.0, 2.0, 401)
    told = np.trapezoid([float(places_at(r, t).opened) for t in grid], grid) / 2.0
    assert abs(apart(coarse.opened[:, 1].astype(float), 100 * told)) < SURE
    held = [float(copies_at(r, t, functional=np.asarray(1.0), loss=np.asarray(0.3))) for t in grid]
    told = 100 * 1.5 * np.trapezoid(held, grid) / 2.0
    assert abs(apart(coarse.copies[:, 1].astype(float), float(told))) < SURE
    assert np.all(coarse.given[:, 1:] == 100)


def test_cells_spread_by_their_uptake() -> None:
    r = recipient(bind_specific=0.002, bind_nonspecific=0.0, loss_outside=0.0)
    got = receive(r, cells=4_000, given=20_000, times_h=TIMES, cargo=cargo(), seed=4, uptake_cv=0.7)
    assert abs(apart(got.uptake, 1.0)) < SURE
    assert abs(apart((got.uptake - 1.0) ** 2, 0.49)) < SURE
    inside = got.internalised[:, -1]
    assert np.corrcoef(inside, got.uptake)[0, 1] > 0.98
    assert inside.std() / inside.mean() == pytest.approx(0.7, abs=0.1)


def test_result_does_not_depend_on_workers() -> None:
    runs = [
        receive(
            recipient(),
            cells=600,
            given=50,
            times_h=TIMES,
            cargo=cargo(),
            seed=8,
            uptake_cv=0.5,
            workers=w,
        )
        for w in (1, 2)
    ]
    for name in (*PLACES, "copies", "internalised", "uptake"):
        assert np.array_equal(getattr(runs[0], name), getattr(runs[1], name))


def test_full_sites_and_entry_take_up_less() -> None:
    def inside(given: int, **changed: float) -> float:
        course = mean_field(network(recipient(**changed), {0: given}), [0.5])
        return float(np.asarray(course.values)[-1, list(course.names).index("Entered")])

    room = inside(1000)
    assert inside(1000, sites=20) < 0.8 * room
    assert inside(1000, entries_per_h=20.0) < 0.8 * room
    linear = saturation(recipient(), np.asarray(1000.0), 6.0)
    assert float(linear.worst) < 1e-3
    full = saturation(recipient(sites=20.0, entries_per_h=20.0), np.asarray(1000.0), 6.0)
    assert float(full.sites) > 1.0
    assert float(full.entry) > 1.0
    none = saturation(recipient(sites=0.0), np.asarray(1.0), 6.0)
    assert np.isinf(float(none.sites))


def test_network_keeps_sites_and_vesicles() -> None:
    net = network(recipient(sites=5.0), {0: 30, 4: 20}, loss_per_h=0.2)
    runs = simulate(net, TIMES, replicates=200, seed=2, observe=[s.name for s in net.species])
    on = sum(runs.of(f"Site_{n}") for n in (0, 4))
    assert np.all(on + runs.of("S") == 5)
    outside = sum(
        runs.of(f"{p}_{n}") for p in ("Free", "Site", "Surface", "Early", "Late") for n in (0, 4)
    )
    assert np.all(outside + runs.of("Degraded") + runs.of("Opened") + runs.of("Lost") == 50)
    assert np.all((runs.of("Copies") + runs.of("Decayed")) % 4 == 0)
    assert runs.of("Recycled").max() > 0


def test_libroadrunner_integrates_the_exported_network_as_we_do() -> None:
    pytest.importorskip("libsbml", reason="needs the extra sbml")
    roadrunner = pytest.importorskip("roadrunner", reason="needs the extra bench")
    net = network(recipient(sites=20.0, entries_per_h=30.0), {0: 300, 4: 100}, loss_per_h=0.2)
    names = ("Free_0", "S", "Late_4", "Degraded", "Opened", "Copies")
    model = roadrunner.RoadRunner(write_sbml(net, mean_field=True))
    model.integrator.relative_tolerance = 1e-11
    model.integrator.absolute_tolerance = 1e-11
    theirs = np.array(model.simulate(0, 6, 7, list(names)))
    ours = mean_field(net, TIMES, observe=names)
    assert np.allclose(theirs, ours.values, rtol=1e-6, atol=1e-9)
    assert ours.values[-1, 1] < 20.0  # sites are taken: not the linear regime


def test_loading_laws_keep_their_mean() -> None:
    rng = Streams(1).of("test.loading")
    n = 200_000
    for law in (
        Packets(0.5, 10),
        Independent(np.array([0.008])),
        Independent(np.array([0.1, 2.0, 30.0])),
        Counted(np.array([0, 0, 0, 1, 5])),
    ):
        copies = law.draw(n, rng)
        assert copies.min() >= 1
        # The mean of loaded vesicles times their share is the mean of all.
        error = max(copies.std() / np.sqrt(n), 1e-12) * law.share
        assert abs(copies.mean() * law.share - law.mean) < SURE * error + 1e-12


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="negative"):
        recipient(mature=-1.0)
    with pytest.raises(InputError, match="no way on"):
        recipient(mature=0.0, recycle=0.0)
    with pytest.raises(InputError, match="no rate 'uptake'"):
        recipient().scaled({"uptake": 2.0})
    with pytest.raises(InputError, match="no share of vesicles"):
        Packets(20.0, 10)
    with pytest.raises(InputError, match="zero or more"):
        Independent(np.array([-1.0]))
    with pytest.raises(InputError, match="chance of 0 to 1"):
        Cargo(Packets(1.0, 1), 1.5, 0.0)
    with pytest.raises(InputError, match="zero or more"):
        network(recipient(), {})
    with pytest.raises(InputError, match="arrays of draws"):
        network(recipient(mature=np.ones(2)), {0: 1})

    def ask(**changed: object) -> None:
        told = {"cells": 2, "given": 5, "times_h": TIMES, "cargo": cargo(), "seed": 1}
        receive(recipient(), **{**told, **changed})

    with pytest.raises(InputError, match="cells must be"):
        ask(cells=0)
    with pytest.raises(InputError, match="not evenly spaced"):
        ask(times_h=np.array([0.0, 1.0, 3.0]))
    with pytest.raises(InputError, match="shape"):
        ask(given=np.zeros((2, 2), dtype=np.int64))
    with pytest.raises(InputError, match="negative number"):
        ask(given=-1)
    with pytest.raises(InputError, match="too many to follow"):
        ask(cells=10**6, given=10**6)


def test_types_name_roles_and_unknown_ones_are_refused() -> None:
    assert recipient_type("hela", where="x").roles == ("uptake_in_1h.hela",)
    assert recipient_types()["b_cell"].donor == "b_cell"
    with pytest.raises(InputError, match="no recipient type"):
        recipient_type("elephant", where="x")
