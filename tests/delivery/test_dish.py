"""The dish as the chain's way from the dose to the cells."""

from __future__ import annotations

import numpy as np
import pytest

from exosome.catalog.load import load_catalog
from exosome.core.random import Streams
from exosome.delivery.dish import reached_in_a_well
from exosome.delivery.draws import Draws, coordinates, draw
from exosome.delivery.problem import Sourcing

SIZE = 400


def drawn(target: str) -> Draws:
    sourcing = Sourcing(load_catalog(), where="test")
    one = np.ones(1)
    reached_in_a_well(target, sourcing, hours=24.0 * one, cells=1e4 * one, plate="96_well")
    roles = tuple(sourcing.pools)
    return draw(sourcing.pools, coordinates(roles, Streams(1), SIZE), SIZE)


@pytest.mark.parametrize("target", ["hela", "t_cell", "spread"])
def test_shares_add_up_and_taking_needs_touching(target: str) -> None:
    inputs = drawn(target)
    told = {"cells": inputs.constant(1e4), "plate": "96_well"}
    day = reached_in_a_well(target, inputs, hours=inputs.constant(24.0), **told)
    assert day.taken.shape == (SIZE,)
    np.testing.assert_allclose(day.taken + day.lost + day.inside, 1.0, atol=1e-8)
    assert (day.taken <= day.touched).all()
    # Loss in the medium and the height, 2 to 6 mm, spread what touches: 14 to 45 % or so in a day.
    assert 0.1 < float(np.median(day.touched)) < 0.4
    week = reached_in_a_well(target, inputs, hours=inputs.constant(168.0), **told)
    assert (week.taken > day.taken).all()


def test_more_cells_take_more_of_the_dose_and_less_each() -> None:
    inputs = drawn("hela")
    few, many = (
        reached_in_a_well(
            "hela",
            inputs,
            hours=inputs.constant(24.0),
            cells=inputs.constant(count),
            plate="96_well",
        ).taken
        for count in (1e3, 1e4)
    )
    assert (many > few).all()
    assert (many < 10.0 * few * 1.001).all()


def test_t_cells_take_up_less_than_hela_cells() -> None:
    at = {"plate": "96_well"}
    found = {
        target: reached_in_a_well(
            target,
            inputs,
            hours=inputs.constant(24.0),
            cells=inputs.constant(1e4),
            **at,
        )
        for target in ("hela", "t_cell")
        for inputs in (drawn(target),)
    }
    assert np.median(found["t_cell"].taken) < 0.1 * np.median(found["hela"].taken)
