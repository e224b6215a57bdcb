"""One dose in every metric: exact where it was stated, a distribution everywhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exosome.catalog.load import Catalog, load_catalog
from exosome.core.errors import InputError, MissingRecordError
from exosome.core.random import Streams
from exosome.core.units import parse_dose
from exosome.delivery.dose import Converted, DoseTable, in_all_metrics
from exosome.product.dose import METRICS

DOSES = ["1e11 particle", "3e10 vesicle", "100 ug_protein", "60 pmol_phospholipid", "4e7 msc*48h"]


def table(text: str, catalog: Catalog | None = None, *, seed: int = 1, **more: float) -> DoseTable:
    return in_all_metrics(
        parse_dose(text, where="test"),
        catalog or load_catalog(),
        Streams(seed),
        size=4000,
        **more,  # type: ignore[arg-type]
    )


def rows(found: DoseTable) -> dict[str, Converted]:
    return {row.metric: row for row in found.metrics}


@pytest.mark.parametrize("text", DOSES)
def test_the_stated_metric_is_exact_and_no_other_is(text: str) -> None:
    found = table(text)
    assert tuple(row.metric for row in found.metrics) == METRICS
    for row in (*found.metrics, found.pool_share, found.secretion_s):
        assert np.isfinite([row.low, row.median, row.high]).all()
        if row.metric == found.dose.metric:
            assert row.low == row.median == row.high == found.dose.amount
            assert row.roles == ()
        else:
            assert 0.0 < row.low < row.median < row.high
            assert row.roles


def test_the_infants_lipid_dose_is_half_a_billion_vesicles_for_each_kilogram() -> None:
    # i29 derives 4.5e8 (1.5e8 to 1.5e9) vesicles/kg from 60 pmol/kg; here lipids are drawn.
    published = load_catalog()["i29"]
    found = rows(table("60 pmol_phospholipid/kg", body_weight_kg=1.0))["vesicle"]
    assert published.value == pytest.approx(4.5e8, rel=0.01)
    assert found.low < published.value < found.high
    assert published.low < found.median < published.high  # type: ignore[operator]


def test_a_dose_per_kilogram_is_given_for_a_declared_or_a_drawn_body() -> None:
    declared = rows(table("1e10 particle/kg", body_weight_kg=70.0))["particle"]
    assert declared.low == declared.median == declared.high == 7e11
    drawn = rows(table("1e10 particle/kg"))["particle"]
    assert drawn.low < drawn.median < drawn.high
    assert drawn.roles == ("body_weight",)
    assert 5e11 < drawn.median < 9e11


@pytest.mark.parametrize("metric", ["ug_protein", "msc_hour"])
def test_conversions_share_their_draws_so_that_ratios_stay_exact(metric: str) -> None:
    # Particles per µg do not depend on how many of them are vesicles, so neither may the result.
    ratio = {"ug_protein": "particles_per_ug_protein", "msc_hour": "particles_per_msc_hour"}[metric]
    catalog = load_catalog()
    known = catalog.informing(ratio)[0]
    fixed = catalog
    for other in catalog.informing(ratio)[1:]:  # kept: other records are computed from them
        fixed = fixed.replaced(replace(other, role=""))
    fixed = fixed.replaced(
        replace(
            known,
            value=2e9,
            low=None,
            high=None,
            bound_kind="none",
            distribution="point",
            formula="",
            formula_low="",
            formula_high="",
        )
    )
    found = rows(table("1e11 particle", fixed))[metric]
    for figure in (found.low, found.median, found.high):
        assert figure == pytest.approx(50.0, rel=1e-9)


@pytest.mark.parametrize("factor", [2.0, 1e-3])
def test_twice_the_dose_is_twice_every_row(factor: float) -> None:
    one, other = table("1e11 particle"), table(f"{1e11 * factor} particle")
    for first, second in zip(
        (*one.metrics, one.pool_share, one.secretion_s),
        (*other.metrics, other.pool_share, other.secretion_s),
        strict=True,
    ):
        assert second.low == pytest.approx(first.low * factor, rel=1e-9)
        assert second.high == pytest.approx(first.high * factor, rel=1e-9)


def test_there_and_back_again() -> None:
    # The median vesicles of a protein dose, given as vesicles, hold that protein dose again.
    vesicles = rows(table("100 ug_protein"))["vesicle"]
    back = rows(table(f"{vesicles.median} vesicle"))["ug_protein"]
    assert back.low < 100.0 < back.high
    assert back.median == pytest.approx(100.0, rel=0.3)


def test_a_dose_stands_beside_the_bodys_own_vesicles() -> None:
    found = table("1.2e12 vesicle")
    assert set(found.pool_share.roles) == {"plasma_vesicles_per_ml", "plasma_volume"}
    assert found.secretion_s.roles == ("plasma_secretion_per_min",)
    per_min = load_catalog().informing("plasma_secretion_per_min")
    middle = np.median([r.value for r in per_min if r.value])
    assert found.secretion_s.median == pytest.approx(1.2e12 / middle * 60, rel=1.0)


def test_units_of_one_dose_change_no_digit() -> None:
    assert table("100 ug_protein").metrics == table("0.1 mg_protein").metrics


def test_seeds_differ_and_repeat() -> None:
    assert table("1e11 particle", seed=1) == table("1e11 particle", seed=1)
    assert table("1e11 particle", seed=1).metrics != table("1e11 particle", seed=2).metrics


@pytest.mark.parametrize("text", ["1e7 cell", "5 mL", "0.3 mg_rna/kg", "10 mg_drug", "2e6 cell/kg"])
def test_what_counts_no_vesicles_is_not_converted(text: str) -> None:
    with pytest.raises(InputError) as e:
        table(text)
    assert "particle" in e.value.remedy


def test_a_missing_ratio_is_named() -> None:
    catalog = load_catalog()
    role = "particles_per_msc_hour"
    without = catalog.without(r.id for r in catalog.informing(role))
    with pytest.raises(MissingRecordError, match=role):
        table("1e11 particle", without)
