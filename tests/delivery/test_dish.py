"""The dish as the chain's way from the dose to the cells: limits, removals, errors of its cuts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exosome.catalog.load import load_catalog
from exosome.core.random import Streams
from exosome.delivery.dish import (
    MOMENTS,
    Floor,
    copies_in_a_dish,
    entry_in_a_dish,
    most_bound_in_a_dish,
    touched_in_a_dish,
    well_of,
)
from exosome.delivery.draws import Draws, coordinates, draw
from exosome.delivery.problem import Sourcing
from exosome.tissue import well
from exosome.tissue.dish import (
    covered_share,
    diffusivity_um2_per_s,
    height_um,
    reached_and_taken,
    settling_um_per_s,
    size_classes,
)
from exosome.tissue.well import bound_at, copies_at, entered_by

SIZE = 300
T_CELLS = Floor("t_cell", 1e4, "96_well")
HELA = Floor("hela", 4e4, "96_well")


def drawn(floor: Floor, size: int = SIZE) -> Draws:
    sourcing = Sourcing(load_catalog(), where="test")
    well_of(floor, sourcing)
    roles = tuple(sourcing.pools)
    return draw(sourcing.pools, coordinates(roles, Streams(1), size), size)


def changed(inputs: Draws, **factors: float) -> Draws:
    for role, factor in factors.items():
        held = next(r for r in inputs._values if r.startswith(role))
        inputs = inputs.with_value(held, factor * inputs[held])
    return inputs


@pytest.mark.parametrize("floor", [T_CELLS, HELA])
def test_what_gets_inside_has_touched(floor: Floor) -> None:
    inputs = drawn(floor)
    touched, inside = touched_in_a_dish(floor, inputs), entry_in_a_dish(floor, inputs).inside
    assert (inside > 0.0).all()
    assert (inside <= touched + 1e-9).all()
    assert (touched <= 1.0).all()
    assert 0.2 < float(np.median(touched)) < 0.4


def test_the_share_held_after_an_hour_is_the_permeability_times_the_hour_over_the_height() -> None:
    # Few cells and a short contact: cells hold uptake back, and nothing settles or is lost.
    inputs = changed(drawn(T_CELLS), medium_loss=0.0).with_value("contact_time.in_vitro", 1.0)
    inputs = inputs.with_value("vesicle_density", 1.0).with_value("medium_density", 1.0)
    w = well_of(T_CELLS, inputs)
    one = np.ones(1)
    held = entered_by(w, one)[1][0] + bound_at(w, one)[0]
    area = inputs["well_area.96_well"]
    height = height_um(inputs["well_volume.96_well"], area)
    covered = 1e4 * inputs["cell_footprint.t_cell"] / (1e8 * area)
    known = inputs["uptake_permeability.t_cell"] * covered * 3_600.0 / height
    # What was given back within the hour and binding twice are of first order.
    assert held == pytest.approx(known, rel=0.06)


@pytest.mark.parametrize(
    ("factors", "touched_moves", "inside_moves"),
    [
        ({"medium_viscosity": 1e4}, "falls", "same"),  # no diffusion and no settling
        ({"uptake_permeability": 0.0}, "same", "to zero"),
        ({"medium_loss": 0.0}, "rises", "rises"),
        ({"vesicle_density": 0.5}, "falls", "falls"),  # lighter than the medium: nothing settles
        ({"contact_time": 0.5}, "falls", "falls"),
    ],
)
def test_each_part_of_the_dish_moves_what_it_must(
    factors: dict[str, float], touched_moves: str, inside_moves: str
) -> None:
    inputs = drawn(T_CELLS)
    other = changed(inputs, **factors)
    moved = {
        "touched": (touched_in_a_dish(T_CELLS, inputs), touched_in_a_dish(T_CELLS, other)),
        "inside": tuple(entry_in_a_dish(T_CELLS, one).inside for one in (inputs, other)),
    }
    for name, expected in (("touched", touched_moves), ("inside", inside_moves)):
        before, after = moved[name]
        if expected == "to zero":
            assert (after < 1e-12).all()
        elif expected == "falls":
            assert (after <= before * (1.0 + 1e-6)).all()
            assert np.median(after) < 0.999 * np.median(before)
        elif expected == "rises":
            assert (after >= before * (1.0 - 1e-6)).all()
            assert np.median(after) > 1.0001 * np.median(before)
        elif name == "touched":
            assert np.array_equal(before, after)


def test_without_diffusion_and_settling_next_to_nothing_touches_or_enters() -> None:
    still = changed(drawn(HELA), medium_viscosity=1e8)
    assert touched_in_a_dish(HELA, still).max() < 1e-4
    assert entry_in_a_dish(HELA, still).inside.max() < 1e-4


def test_uptake_is_cell_limited_early_and_well_limited_late() -> None:
    # Confluent cells with a large permeability: early the share is K t / L, late what can arrive.
    inputs = changed(drawn(HELA), uptake_permeability=0.05)
    early = inputs.with_value("contact_time.in_vitro", 0.02)
    strong = changed(inputs, uptake_permeability=1e4)
    late = strong.with_value("contact_time.in_vitro", 200.0)
    touched = touched_in_a_dish(HELA, late)
    assert entry_in_a_dish(HELA, late).inside == pytest.approx(touched, rel=0.05)
    doubled = changed(early, uptake_permeability=2.0)
    ratio = entry_in_a_dish(HELA, doubled).inside / entry_in_a_dish(HELA, early).inside
    assert ratio == pytest.approx(2.0, rel=0.02)
    assert (entry_in_a_dish(HELA, early).inside < 0.1 * touched_in_a_dish(HELA, early)).all()


def test_all_shares_grow_with_the_hours() -> None:
    inputs = drawn(T_CELLS, 100)
    before = (np.zeros(100), np.zeros(100))
    for hours in (0.5, 4.0, 24.0, 120.0, 1_000.0):
        at = inputs.with_value("contact_time.in_vitro", hours)
        after = touched_in_a_dish(T_CELLS, at), entry_in_a_dish(T_CELLS, at).inside
        for less, more in zip(before, after, strict=True):
            assert (more > less).all()
        before = after


def test_a_taller_column_brings_less_of_the_dose_and_less_of_it_inside() -> None:
    inputs = drawn(HELA)
    tall = changed(inputs, well_volume=2.0)
    assert (touched_in_a_dish(HELA, tall) < touched_in_a_dish(HELA, inputs)).all()
    assert (entry_in_a_dish(HELA, tall).inside < entry_in_a_dish(HELA, inputs).inside).all()


def test_what_touches_is_the_column_of_the_calculator() -> None:
    inputs, floor = drawn(HELA), HELA
    diameter, share = size_classes(
        inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"], classes=9
    )
    viscosity = inputs["medium_viscosity.serum"][:, None]
    area = inputs["well_area.96_well"]
    exact = reached_and_taken(
        height_um(inputs["well_volume.96_well"], area)[:, None],
        3_600.0 * inputs["contact_time.in_vitro"][:, None],
        inputs["uptake_permeability.hela"][:, None],
        diffusivity_um2_per_s(diameter, viscosity, 37.0),
        settling_um_per_s=settling_um_per_s(
            diameter,
            viscosity,
            inputs["vesicle_density"][:, None],
            inputs["medium_density"][:, None],
        ),
        loss_per_s=inputs["medium_loss"][:, None] / 3_600.0,
        covered=covered_share(floor.cells, inputs["cell_footprint.hela"], area)[:, None],
        footprint_um2=inputs["cell_footprint.hela"][:, None],
    )
    known = (exact.touched * share).sum(axis=1)
    # Three classes of size in place of nine.
    off = np.abs(touched_in_a_dish(floor, inputs) / known - 1.0)
    assert np.quantile(off, 0.95) < 0.005
    assert off.max() < 0.05


@pytest.mark.parametrize("floor", [T_CELLS, HELA])
def test_three_sizes_stand_for_nine(floor: Floor) -> None:
    inputs, one = drawn(floor), np.ones(1)
    few, many = (entered_by(well_of(floor, inputs, classes=count), one)[0][0] for count in (3, 9))
    off = np.abs(few / many - 1.0)
    assert np.median(off) < 0.002
    assert np.quantile(off, 0.95) < 0.08
    assert off.max() < 0.25
    assert few.mean() == pytest.approx(many.mean(), rel=0.02)


@pytest.mark.parametrize("floor", [T_CELLS, HELA])
@pytest.mark.parametrize("loss", [0.004, 0.03, 0.3])
def test_copies_at_their_peak_are_those_of_the_exact_chain(floor: Floor, loss: float) -> None:
    inputs = drawn(floor)
    hours, share = inputs["contact_time.in_vitro"], 0.3
    entry = entry_in_a_dish(floor, inputs)
    found = copies_in_a_dish(entry, inputs, np.full(SIZE, share), np.full(SIZE, loss))
    w = well_of(floor, inputs)
    w = replace(w, opening=w.lysosome * share / (1.0 - share))
    fine = np.geomspace(1.0 / 256.0, 1.0, 40)
    exact = copies_at(replace(w, copy_loss=loss * hours), fine)
    off = np.abs(found.max(axis=0) / exact.max(axis=0) - 1.0)
    assert np.quantile(off, 0.98) < 0.08  # the rest settles fast and forgets fast
    assert off.max() < 0.2
    opened = copies_in_a_dish(entry, inputs, np.full(SIZE, share), np.zeros(SIZE))[-1]
    assert opened == pytest.approx(copies_at(w, np.ones(1))[0], rel=0.01)
    assert found.shape == (MOMENTS.size, SIZE)


@pytest.mark.parametrize("floor", [T_CELLS, HELA])
def test_most_are_bound_near_one_of_six_moments(floor: Floor) -> None:
    inputs = drawn(floor)
    fine = bound_at(well_of(floor, inputs), np.geomspace(1.0 / 1_024.0, 1.0, 60)).max(axis=0)
    found = most_bound_in_a_dish(floor, inputs)
    assert (found <= fine * (1.0 + 1e-3)).all()
    assert np.quantile(found / fine, 0.05) > 0.9


def test_the_nodes_of_the_inversion_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = drawn(T_CELLS)
    few = entry_in_a_dish(T_CELLS, inputs), touched_in_a_dish(T_CELLS, inputs)
    monkeypatch.setattr(well, "_NODES", 20)
    monkeypatch.setattr(well, "_TERMS", 14)
    monkeypatch.setattr(well, "_FAST", 2.5)
    assert few[0].inside == pytest.approx(entry_in_a_dish(T_CELLS, inputs).inside, rel=5e-3)
    assert few[1] == pytest.approx(touched_in_a_dish(T_CELLS, inputs), rel=1e-3)


def test_t_cells_take_up_less_than_hela_cells() -> None:
    taken = [
        float(np.median(entry_in_a_dish(floor, drawn(floor)).inside))
        for floor in (Floor("t_cell", 1e4, "96_well"), Floor("hela", 1e4, "96_well"))
    ]
    assert taken[0] < 0.1 * taken[1]


def test_blocks_of_draws_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = drawn(T_CELLS)
    before = entry_in_a_dish(T_CELLS, inputs).inside
    monkeypatch.setattr(well, "_BLOCK", 64)
    assert np.allclose(entry_in_a_dish(T_CELLS, inputs).inside, before, rtol=1e-12)
