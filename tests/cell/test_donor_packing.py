"""Sizes and copies of released vesicles."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exosome.catalog.load import load_catalog
from exosome.cell.packing import (
    SizeLaw,
    auc_measured,
    auc_of_size,
    draw_copies,
    lipids_of,
    lumen_nm3,
    membrane_nm2,
    passive_mean,
)
from exosome.core.errors import InputError
from exosome.core.random import Streams

CELL = {"cell_um3": 2000.0, "cell_um2": math.pi * 100.0, "bilayer_nm": 5.0}


def value(record: str) -> float:
    held = load_catalog()[record].value
    assert held is not None
    return held


def test_article_law_puts_nine_in_ten_between_40_and_100_nm() -> None:
    law = SizeLaw(value("dn50"), value("dn51"))
    assert law.share_within(40.0, 100.0) == pytest.approx(0.95, abs=1e-6)
    sample = law.draw(20_000, Streams(1).of("test.size"))
    inside = ((sample >= 40.0) & (sample <= 100.0)).mean()
    assert abs(inside - 0.95) < 6.0 * math.sqrt(0.95 * 0.05 / 20_000)


def test_lumen_is_27_fold_and_membrane_six_fold() -> None:
    ends = np.array([40.0, 100.0])
    low, high = lumen_nm3(ends, 5.0)
    assert low == pytest.approx(1.4e4, rel=0.02)
    assert high == pytest.approx(3.8e5, rel=0.02)
    assert high / low == pytest.approx(27.0)
    area = membrane_nm2(ends)
    assert area[1] / area[0] == pytest.approx(6.25)


def test_passive_packing_brackets_the_table() -> None:
    catalog = load_catalog()
    hundred = np.array([100.0])
    mirna = passive_mean(hundred, "lumen", copies_per_cell=1e4, **CELL)[0]
    assert mirna == pytest.approx(value("d05"))
    wide = [
        passive_mean(hundred, "lumen", copies_per_cell=1e4, **{**CELL, "cell_um3": v})[0]
        for v in (4000.0, 1000.0)
    ]
    d05 = catalog["d05"]
    assert (wide[0], wide[1]) == pytest.approx((d05.low, d05.high))
    assert passive_mean(hundred, "lumen", copies_per_cell=100.0, **CELL)[0] == pytest.approx(
        value("d06")
    )
    marker = passive_mean(hundred, "membrane", copies_per_cell=value("d09"), **CELL)[0]
    assert marker == pytest.approx(value("d10"))


def test_size_tells_nothing_under_one_law_and_much_under_two() -> None:
    one = SizeLaw(63.2, 1.26)
    rng = Streams(2).of("test.auc")
    assert auc_of_size(one, one) == pytest.approx(0.5)
    assert auc_measured(one.draw(50_000, rng), one.draw(50_000, rng)) < 0.53
    exosome = SizeLaw(value("dn54"), value("dn55"))
    ectosome = SizeLaw(value("dn56"), value("dn57"))
    law = auc_of_size(exosome, ectosome)
    assert law > 0.6
    seen = auc_measured(exosome.draw(20_000, rng), ectosome.draw(20_000, rng))
    assert abs(seen - law) < 0.015  # six standard errors of an AUC of 0.9 at this size
    assert auc_measured(np.ones(3), np.ones(4)) == 0.5


def test_copies_follow_their_laws() -> None:
    rng = Streams(3).of("test.copies")
    mean = np.full(200_000, 0.05)
    plain, packed = draw_copies(mean, rng), draw_copies(mean, rng, packet=20)
    assert abs((plain == 0).mean() - math.exp(-0.05)) < 6.0 * math.sqrt(0.049 / 200_000)
    assert set(np.unique(packed)) == {0, 20}
    assert abs(packed.mean() - 0.05) < 6.0 * math.sqrt(20 * 0.05 / 200_000)
    assert abs((packed > 0).mean() - 0.0025) < 6.0 * math.sqrt(0.0025 / 200_000)
    with pytest.raises(InputError, match="in the mean"):
        draw_copies(np.array([30.0]), rng, packet=20)


def test_lipids_fill_both_leaflets_of_a_sphere() -> None:
    # 100 nm outside, 90 nm inside, half a square nanometre for each lipid.
    both = np.pi * (100.0**2 + 90.0**2) / 0.5
    assert lipids_of(np.array([100.0]), 5.0, 0.5)[0] == pytest.approx(both)
    assert lipids_of(np.array([9.0]), 5.0, 0.5)[0] == 0.0
