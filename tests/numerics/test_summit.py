"""Climbing: exact on quadratics, stops at bounds, leaves held coordinates, finds bent summits."""

import numpy as np
import pytest

from exosome.numerics.summit import Expansion, climb, spread


def quadratic(centre, precision):
    def values(points):
        away = points - centre
        return -0.5 * np.einsum("ni,ij,nj->n", away, precision, away)

    def expand(point):
        away = point - centre
        return Expansion(float(values(point[None])[0]), -precision @ away, precision)

    return expand, values


CENTRE = np.array([1.0, -2.0, 0.5])
PRECISION = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]])
FAR = np.full(3, 1e3)


def test_a_quadratic_is_climbed_in_one_step():
    expand, values = quadratic(CENTRE, PRECISION)
    found = climb(expand, values, np.zeros(3), low=-FAR, high=FAR)
    assert found.converged
    assert found.iterations <= 2
    assert found.point == pytest.approx(CENTRE)
    assert not found.at_limit.any()
    assert spread(found.expansion.information) == pytest.approx(np.linalg.inv(PRECISION))


def test_a_bound_holds_and_the_others_climb_around_it():
    """With the first held at 0.2 the summit of the rest follows from the linear equations."""
    expand, values = quadratic(CENTRE, PRECISION)
    high = np.array([0.2, 1e3, 1e3])
    found = climb(expand, values, np.zeros(3), low=-FAR, high=high)
    rest = CENTRE[1:] - np.linalg.solve(PRECISION[1:, 1:], PRECISION[1:, 0] * (0.2 - CENTRE[0]))
    assert found.at_limit.tolist() == [True, False, False]
    assert found.point == pytest.approx([0.2, *rest], abs=1e-6)


def test_a_held_coordinate_stays():
    expand, values = quadratic(CENTRE, PRECISION)
    held = np.array([False, True, False])
    found = climb(expand, values, np.zeros(3), low=-FAR, high=FAR, held=held)
    assert found.point[1] == 0.0
    assert not found.at_limit.any()


def test_a_bent_valley_is_followed():
    """Least squares with residuals 10 (y - x^2) and 1 - x: the summit is at (1, 1)."""

    def residuals(point):
        return np.array([10.0 * (point[1] - point[0] ** 2), 1.0 - point[0]])

    def values(points):
        return np.array([-0.5 * np.sum(residuals(p) ** 2) for p in points])

    def expand(point):
        slope = np.array([[-20.0 * point[0], 10.0], [-1.0, 0.0]])
        r = residuals(point)
        return Expansion(float(values(point[None])[0]), -slope.T @ r, slope.T @ slope)

    found = climb(
        expand, values, np.array([-1.2, 1.0]), low=-FAR[:2], high=FAR[:2], most=100, tolerance=1e-12
    )
    assert found.converged
    assert found.point == pytest.approx([1.0, 1.0], abs=1e-4)


def test_too_few_iterations_are_told():
    expand, values = quadratic(CENTRE, PRECISION * 1.0)

    def bent(points):
        return values(points) - 0.01 * np.sum(points**4, axis=1)

    found = climb(expand, bent, np.full(3, 8.0), low=-FAR, high=FAR, most=1)
    assert not found.converged
