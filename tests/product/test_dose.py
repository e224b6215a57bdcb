"""How many vesicles one unit of a dose is."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest

from exosome.core.errors import InputError
from exosome.core.units import DoseMetric
from exosome.product.dose import METRICS, phospholipids_per_vesicle, vesicles_per_unit

RATIOS = {
    "vesicles_per_particle": 0.5,
    "particles_per_ug_protein": 4e9,
    "particles_per_msc_hour": 20.0,
    "vesicle_diameter": 100.0,
    "vesicle_diameter_gsd": 1.0,
    "bilayer_thickness": 5.0,
    "membrane_protein_area_share": 0.2,
    "lipid_area": 0.5,
    "phospholipid_share": 0.6,
}


class Ratios:
    """Inputs that note what was asked."""

    def __init__(self, **changes: float) -> None:
        self._values = {**RATIOS, **changes}
        self.asked: list[str] = []

    def __getitem__(self, role: str) -> np.ndarray:
        self.asked.append(role)
        return np.full(2, self._values[role])

    def constant(self, value: float) -> np.ndarray:
        return np.full(2, value)


def one(metric: str, **changes: float) -> float:
    return float(vesicles_per_unit(metric, Ratios(**changes), where="test")[0])


def test_each_metric_is_its_own_ratio() -> None:
    assert one("vesicle") == 1.0
    assert one("particle") == 0.5
    assert one("ug_protein") == pytest.approx(2e9)
    assert one("msc_hour") == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("metric", "asked"),
    [
        ("vesicle", set()),
        ("particle", {"vesicles_per_particle"}),
        ("ug_protein", {"vesicles_per_particle", "particles_per_ug_protein"}),
        ("msc_hour", {"vesicles_per_particle", "particles_per_msc_hour"}),
    ],
)
def test_only_what_the_metric_needs_is_asked_for(metric: str, asked: set[str]) -> None:
    ratios = Ratios()
    vesicles_per_unit(metric, ratios, where="test")
    assert set(ratios.asked) == asked


def test_phospholipids_cover_both_leaflets_less_protein_and_cholesterol() -> None:
    # Spheres of 100 and 90 nm; 80 % of the area is lipid, 60 % of lipids are phospholipids.
    area = math.pi * (100.0**2 + 90.0**2)
    expected = area * 0.8 / 0.5 * 0.6
    assert phospholipids_per_vesicle(Ratios())[0] == pytest.approx(expected, rel=1e-12)
    assert one("pmol_phospholipid") == pytest.approx(6.02214076e11 / expected, rel=1e-12)


def test_more_lipid_on_each_vesicle_means_fewer_vesicles_in_a_picomole() -> None:
    base = one("pmol_phospholipid")
    assert one("pmol_phospholipid", vesicle_diameter=200.0) < base / 3.5
    assert one("pmol_phospholipid", vesicle_diameter_gsd=1.5) < base
    assert one("pmol_phospholipid", membrane_protein_area_share=0.6) == pytest.approx(2 * base)
    assert one("pmol_phospholipid", phospholipid_share=0.3) == pytest.approx(2 * base)


def test_a_vesicle_of_common_size_has_tens_of_thousands_of_phospholipids() -> None:
    # c20 gives some 8e4 lipid molecules for one small vesicle; phospholipids are part of them.
    found = float(phospholipids_per_vesicle(Ratios(vesicle_diameter=80.0))[0])
    assert 1e4 < found < 8e4


@pytest.mark.parametrize("metric", sorted(set(get_args(DoseMetric)) - set(METRICS)))
def test_masses_of_cargo_cells_and_volumes_count_no_vesicles(metric: str) -> None:
    with pytest.raises(InputError) as e:
        vesicles_per_unit(metric, Ratios(), where="x.toml dose")
    assert e.value.where == "x.toml dose"
    assert metric in e.value.what
    for known in METRICS:
        assert known in e.value.remedy


def test_every_metric_of_the_table_is_a_metric_of_doses() -> None:
    assert set(METRICS) < set(get_args(DoseMetric))
