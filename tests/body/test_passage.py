"""Hindrance: what follows the fluid, by size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.body.passage import Pores, anchored_wall, hindrance, passing
from exosome.body.sizes import size_classes
from exosome.core.errors import InputError


def test_hindrance_at_its_ends():
    assert hindrance(0.0, 10.0) == pytest.approx(1.0)
    assert hindrance(10.0, 10.0) == 0.0
    assert hindrance(20.0, 10.0) == 0.0
    # by hand at half the radius: P = 0.25, P (2 - P) = 0.4375, times 1 - 1/6 - 0.020375
    assert hindrance(5.0, 10.0) == pytest.approx(0.4375 * (1 - 1 / 6 - 0.020375))


@given(small=st.floats(0.1, 200), factor=st.floats(1.01, 10), gsd=st.floats(1.0, 2.5))
def test_larger_particles_pass_less_and_wider_pores_pass_more(small, factor, gsd):
    pores = Pores(60.0, gsd)
    assert passing(small * factor, pores) <= passing(small, pores)
    assert passing(small, Pores(60.0 * factor, gsd)) >= passing(small, pores) - 1e-12


def test_a_distribution_of_fenestrae_is_no_cut_off():
    # A vesicle of 120 nm against mean fenestrae of man (107 nm) and mouse (141 nm).
    human, mouse = Pores(107.0 / 2, 1.3), Pores(141.0 / 2, 1.3)
    assert 0.0 < passing(60.0, human) < passing(60.0, mouse) < 0.2
    assert passing(60.0, Pores(107.0 / 2, 1.0)) == 0.0


def test_the_mean_over_radii_is_that_of_many_draws():
    rng = np.random.default_rng(1)
    drawn = 60.0 * np.exp(np.log(1.3) * rng.standard_normal(200_000))
    values = hindrance(40.0, drawn)
    # six standard errors of the mean of the draws, and 1e-3 for 201 equal shares
    slack = 6 * values.std() / np.sqrt(values.size) + 1e-3 * values.mean()
    assert abs(passing(40.0, Pores(60.0, 1.3)) - values.mean()) < slack


def test_a_wall_returns_its_anchor_and_refuses_the_impossible():
    wall = anchored_wall(
        Pores(4.5, 1.2), Pores(25.0, 1.2), solute_nm=5.3, published=0.05, where="wall"
    )
    assert wall.passing(5.3) == pytest.approx(0.05)
    assert wall.passing(3.0) > 0.1 > 0.05 > wall.passing(10.0) > wall.passing(20.0) > 0.0
    assert wall.passing(50.0) < 1e-6
    with pytest.raises(InputError, match="pass"):
        anchored_wall(Pores(4.5, 1.2), Pores(25.0, 1.2), solute_nm=5.3, published=0.99, where="w")
    with pytest.raises(InputError):
        Pores(0.0, 1.2)
    with pytest.raises(InputError):
        Pores(10.0, 0.9)


def test_size_classes_keep_the_law():
    one = size_classes(100.0, 1.4, 1)
    assert one.diameters_nm == (100.0,)
    many = size_classes(100.0, 1.4, 50)
    logs = np.log(many.diameters_nm)
    assert np.exp(logs.mean()) == pytest.approx(100.0)
    assert logs.std() == pytest.approx(np.log(1.4), rel=0.03)
    for wrong in ((0.5, 1.4, 3), (100.0, 0.9, 3), (100.0, 1.4, 0)):
        with pytest.raises(InputError):
            size_classes(*wrong)
