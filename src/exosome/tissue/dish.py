"""A culture dish: what a column of medium brings to the cells under it.

Vesicles diffuse and settle by their size, fade in the medium and are taken up at the floor, where
cells cover a share of it. The column itself is solved in :mod:`exosome.numerics.column`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from exosome.core.constants import BOLTZMANN_J_PER_K, KELVIN_AT_0_C, STANDARD_GRAVITY_M_PER_S2
from exosome.core.errors import InputError
from exosome.numerics.column import Column, shares, stirred, taken_share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

Limit = Literal["cell-limited", "well-limited", "both"]

NEAR = 0.8
"""How much of a ceiling is reached where that ceiling is said to govern: a convention."""

_MPA_S, _NM, _G_PER_ML = 1e-3, 1e-9, 1e3  # in SI units
_BODY_C = 37.0  # at which the catalog gives viscosities


# --- the medium and a vesicle in it --------------------------------------------------------------


def viscosity_at(
    viscosity_mpa_s: ArrayLike, temperature_c: float, *, a: ArrayLike, b: ArrayLike, c: ArrayLike
) -> Floats:
    """Return a medium's viscosity at a temperature, from its viscosity at 37 degrees Celsius.

    Media follow water, whose viscosity is A 10^(B / (T - C)): solutes change the factor and not
    the law, which holds for dilute media between 0 and 100 degrees Celsius.
    """
    a, b, c = (np.asarray(one, np.float64) for one in (a, b, c))
    kelvin = KELVIN_AT_0_C + temperature_c
    there, here = (
        a * 10.0 ** (b / (one - c)) for one in (kelvin, np.asarray(KELVIN_AT_0_C + _BODY_C))
    )
    return np.asarray(viscosity_mpa_s, np.float64) * there / here


def diffusivity_um2_per_s(
    diameter_nm: ArrayLike, viscosity_mpa_s: ArrayLike, temperature_c: float
) -> Floats:
    """Return the diffusivity of a sphere, k T / 3 pi eta d (Stokes-Einstein).

    A corona of protein makes the hydrodynamic diameter larger than that of the membrane, and the
    diffusivity smaller by the same factor.
    """
    eta = np.asarray(viscosity_mpa_s, np.float64) * _MPA_S
    diameter = np.asarray(diameter_nm, np.float64) * _NM
    energy = BOLTZMANN_J_PER_K * (KELVIN_AT_0_C + temperature_c)
    return energy / (3.0 * math.pi * eta * diameter) * 1e12


def settling_um_per_s(
    diameter_nm: ArrayLike,
    viscosity_mpa_s: ArrayLike,
    vesicle_density_g_per_ml: ArrayLike,
    medium_density_g_per_ml: ArrayLike,
) -> Floats:
    """Return the settling speed of a sphere (Stokes), 0 for what is no denser than the medium.

    What would float gathers at the top instead, which this dish leaves out.
    """
    eta = np.asarray(viscosity_mpa_s, np.float64) * _MPA_S
    diameter = np.asarray(diameter_nm, np.float64) * _NM
    heavier = _G_PER_ML * (
        np.asarray(vesicle_density_g_per_ml, np.float64)
        - np.asarray(medium_density_g_per_ml, np.float64)
    )
    speed = heavier * STANDARD_GRAVITY_M_PER_S2 * diameter**2 / (18.0 * eta) * 1e6
    return np.maximum(speed, 0.0)


def size_classes(
    median_nm: ArrayLike, gsd: ArrayLike, *, classes: int = 7
) -> tuple[Floats, Floats]:
    """Return diameters and number shares that stand for a log-normal law.

    Gauss-Hermite nodes on the logarithm: averages of smooth functions of the diameter are exact
    for polynomials of degree ``2 classes - 1`` in it.

    Returns
    -------
    diameter_nm : array
        Shape of the arguments and one more axis, the last, for the classes.
    share : array
        One for each class; they add up to 1.
    """
    node, weight = np.polynomial.hermite_e.hermegauss(classes)
    median = np.asarray(median_nm, np.float64)[..., None]
    spread = np.log(np.asarray(gsd, np.float64))[..., None]
    return median * np.exp(spread * node), weight / weight.sum()


# --- the floor -----------------------------------------------------------------------------------


def height_um(volume_ml: ArrayLike, area_cm2: ArrayLike) -> Floats:
    """Return the height of medium over a flat floor; the meniscus is left out."""
    volume = np.asarray(volume_ml, np.float64)
    return volume / np.asarray(area_cm2, np.float64) * 1e4


def covered_share(cells: ArrayLike, footprint_um2: ArrayLike, area_cm2: ArrayLike) -> Floats:
    """Return the share of the floor under cells, 1 at most: what is more lies on other cells."""
    wanted = np.asarray(cells, np.float64) * np.asarray(footprint_um2, np.float64)
    return np.minimum(wanted / (np.asarray(area_cm2, np.float64) * 1e8), 1.0)


def encounter_permeability_um_per_s(
    diffusivity_um2_per_s: ArrayLike, covered: ArrayLike, footprint_um2: ArrayLike
) -> Floats:
    """Return the permeability of a floor on which round cells are perfect sinks.

    4 D a for each disk of radius a (Berg and Purcell), over the share not covered, which makes
    the floor a perfect sink at confluence (the same factor as Zwanzig's for absorbers on a
    sphere). Between the ends it interpolates. It matters only for very sparse cells: the diffusion
    through a millimetre of medium is a hundred times slower.
    """
    covered = np.asarray(covered, np.float64)
    radius = np.sqrt(np.asarray(footprint_um2, np.float64) / math.pi)
    flat = 4.0 * np.asarray(diffusivity_um2_per_s, np.float64) * covered / (math.pi * radius)
    bare = 1.0 - covered
    return np.where(bare > 0.0, np.nan_to_num(flat) / np.where(bare > 0.0, bare, 1.0), np.inf)


def floor_permeability_um_per_s(
    uptake_um_per_s: ArrayLike, covered: ArrayLike, encounter_um_per_s: ArrayLike
) -> Floats:
    """Return the permeability of the whole floor: uptake and encounter in series."""
    uptake = np.asarray(uptake_um_per_s, np.float64) * np.asarray(covered, np.float64)
    encounter = np.asarray(encounter_um_per_s, np.float64)
    with np.errstate(divide="ignore"):
        return 1.0 / (1.0 / uptake + 1.0 / encounter)


# --- the dish ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reached:
    """Shares of what was added: ever touched a cell, taken up, lost in the medium, still in it.

    What is taken up has touched; the other three add up to 1.
    """

    touched: Floats
    taken: Floats
    lost: Floats
    inside: Floats


def reached_and_taken(  # noqa: PLR0913  (one for each thing that a dish is made of)
    height_um: ArrayLike,
    time_s: ArrayLike,
    permeability_um_per_s: ArrayLike,
    diffusivity_um2_per_s: ArrayLike,
    *,
    settling_um_per_s: ArrayLike = 0.0,
    loss_per_s: ArrayLike = 0.0,
    covered: ArrayLike = 1.0,
    footprint_um2: ArrayLike = math.nan,
    is_stirred: bool = False,
) -> Reached:
    """Return which shares of the added vesicles reach the cells of a dish and enter them.

    One value for each draw; all arguments broadcast against each other, so draws may stand along
    one axis, size classes along a second and times along a third. Average over size classes
    afterwards (shares are linear in what was added).

    Parameters
    ----------
    height_um : array_like
        Of the medium, evenly mixed at time 0.
    time_s : array_like
        Since the vesicles were added.
    permeability_um_per_s : array_like
        Of the cells: uptake per covered floor area and time over the concentration at the cell.
    diffusivity_um2_per_s : array_like
        Of the vesicles in the medium.
    settling_um_per_s, loss_per_s : array_like
        Sedimentation and first-order loss; both 0 unless given.
    covered : array_like
        Share of the floor under cells, above 0.
    footprint_um2 : array_like
        Floor under one cell; needed only where ``covered`` is below 1.
    is_stirred : bool
        Medium mixed faster than cells take up: the ceiling that the cells set.

    Raises
    ------
    InputError
        A value is out of its range.
    """
    encounter = _encounter(diffusivity_um2_per_s, covered, footprint_um2)
    floor = floor_permeability_um_per_s(permeability_um_per_s, covered, encounter)
    solve = stirred if is_stirred else shares

    def column(permeability: Floats) -> Column:
        return Column(height_um, diffusivity_um2_per_s, settling_um_per_s, permeability, loss_per_s)

    taken = solve(column(floor), time_s)
    met = column(encounter)
    touched = stirred(met, time_s).taken if is_stirred else taken_share(met, time_s)
    return Reached(np.maximum(touched, taken.taken), taken.taken, taken.lost, taken.inside)


def taken_up(
    height_um: ArrayLike,
    time_s: ArrayLike,
    permeability_um_per_s: ArrayLike,
    diffusivity_um2_per_s: ArrayLike,
    *,
    settling_um_per_s: ArrayLike = 0.0,
    loss_per_s: ArrayLike = 0.0,
    covered: ArrayLike = 1.0,
    footprint_um2: ArrayLike = math.nan,
) -> Floats:
    """Return only the share taken up in a static dish, as :func:`reached_and_taken` would.

    Raises
    ------
    InputError
        A value is out of its range.
    """
    encounter = _encounter(diffusivity_um2_per_s, covered, footprint_um2)
    floor = floor_permeability_um_per_s(permeability_um_per_s, covered, encounter)
    column = Column(height_um, diffusivity_um2_per_s, settling_um_per_s, floor, loss_per_s)
    return taken_share(column, time_s)


def _encounter(
    diffusivity_um2_per_s: ArrayLike, covered: ArrayLike, footprint_um2: ArrayLike
) -> Floats:
    if not (np.isfinite(footprint_um2) | (np.asarray(covered) >= 1.0)).all():
        raise InputError(
            "cells do not cover the floor, and how much of it one cell covers is not known",
            where="dish",
            remedy="give footprint_um2",
        )
    return encounter_permeability_um_per_s(diffusivity_um2_per_s, covered, footprint_um2)


def governing(taken: float, mixed: float, touched: float) -> Limit:
    """Return which ceiling holds uptake back: that of the cells, that of the well, or both.

    ``mixed`` is what the same cells would take from a stirred well, ``touched`` what a perfect
    floor would take from this well. Where uptake reaches :data:`NEAR` of one of them and is nearer
    to it than to the other, that one governs. Settling gathers vesicles at the cells, so uptake may
    pass ``mixed``; then only what touches and is not taken up can tell.
    """
    of_cells, of_well = (taken / one if one > 0.0 else 1.0 for one in (mixed, touched))
    if of_cells > 1.0:
        return "well-limited" if of_well >= NEAR else "cell-limited"
    if max(of_cells, of_well) < NEAR:
        return "both"
    return "cell-limited" if of_cells >= of_well else "well-limited"
