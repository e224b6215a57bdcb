"""What a cell needs before it responds, against hand arithmetic and limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.cell.response import (
    concentration_nm,
    copies_for_occupied_share,
    engaged_per_vesicle,
    occupied_share,
    odds,
    turnover_um_per_h,
)

amounts = st.floats(1e-3, 1e9)


def arrays(*values: float) -> tuple[np.ndarray, ...]:
    return tuple(np.full(1, value) for value in values)


@given(st.floats(0.001, 0.999), amounts, amounts)
def test_titration_and_its_inverse_agree(share: float, sites: float, kd: float) -> None:
    copies = copies_for_occupied_share(share, *arrays(sites, kd))
    assert occupied_share(copies, *arrays(sites, kd))[0] == pytest.approx(share, rel=1e-6)


@given(amounts, amounts, amounts)
def test_titration_solves_its_equilibrium(copies: float, sites: float, kd: float) -> None:
    share = float(occupied_share(*arrays(copies, sites, kd))[0])
    assert 0.0 <= share <= 1.0
    bound = share * sites
    free_copies, free_sites = copies - bound, sites - bound
    assert bound <= min(copies, sites) * (1 + 1e-9)
    # Free copies times free sites over complexes is the dissociation constant; the
    # differences lose digits in proportion to what they are differences of.
    slack = 1e-6 * (copies + sites) ** 2 + 1e-9 * kd * bound
    assert abs(free_copies * free_sites - kd * bound) <= slack


def test_titration_at_its_limits() -> None:
    # Tight binding: every copy finds a site, until there are more copies than sites.
    assert occupied_share(*arrays(200.0, 1000.0, 1e-9))[0] == pytest.approx(0.2)
    assert occupied_share(*arrays(5000.0, 1000.0, 1e-9))[0] == pytest.approx(1.0)
    # Few sites: the hyperbola.
    assert occupied_share(*arrays(50.0, 1e-6, 50.0))[0] == pytest.approx(0.5)
    # Few copies: the root nearly cancels, the product form does not.
    assert occupied_share(*arrays(1e-9, 1e5, 20.0))[0] == pytest.approx(1e-9 / (1e5 + 20), rel=1e-9)


def test_a_third_of_eighty_thousand_sites_takes_tens_of_thousands_of_copies() -> None:
    found = copies_for_occupied_share(0.3, *arrays(8e4, 18.0))[0]
    assert found == pytest.approx(24_000 + 18 * 0.3 / 0.7)


def test_odds_give_a_share_of_a_hyperbola() -> None:
    for share in (0.1, 0.5, 0.9):
        x = odds(share)
        assert x / (1 + x) == pytest.approx(share)


def test_turnover_against_hand_arithmetic() -> None:
    # 6.022e11 enzymes (1 pmol) at 10/s, half saturated, in 1 mL: 18,000 pmol/mL in an hour.
    found = turnover_um_per_h(*arrays(6.02214076e11, 10.0, 5.0, 5.0, 1.0))[0]
    assert found == pytest.approx(18.0)
    saturated = turnover_um_per_h(*arrays(6.02214076e11, 10.0, 5e9, 5.0, 1.0))[0]
    assert saturated == pytest.approx(36.0)


def test_a_nanomole_in_a_litre_is_nanomolar() -> None:
    assert concentration_nm(*arrays(6.02214076e14, 1000.0))[0] == pytest.approx(1.0)


def test_a_vesicle_engages_the_lesser_of_its_ligands_and_the_receptors_it_reaches() -> None:
    # 1e4 receptors on 100 µm², a patch of 0.5 µm²: 50 within reach.
    assert engaged_per_vesicle(*arrays(10.0, 1e4, 100.0, 5e5))[0] == 10.0
    assert engaged_per_vesicle(*arrays(80.0, 1e4, 100.0, 5e5))[0] == pytest.approx(50.0)
    assert engaged_per_vesicle(*arrays(0.0, 1e4, 100.0, 5e5))[0] == 0.0


def test_a_vesicle_engages_no_more_receptors_than_the_cell_has() -> None:
    # A patch larger than the cell (of a platelet, say) reaches all receptors, not more.
    assert engaged_per_vesicle(*arrays(1e6, 100.0, 1.0, 4e6))[0] <= 100.0
