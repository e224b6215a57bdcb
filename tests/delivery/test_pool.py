"""Rival records side by side: equal weight over studies, and nothing averaged."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import pytest
from toys import catalog, record

from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError, MissingRecordError
from exosome.core.random import Streams
from exosome.delivery.pool import pool

if TYPE_CHECKING:
    from pathlib import Path

    from exosome.delivery.pool import Pool

CV = "uptake_cv"
OPENING = "opening.natural_vesicle"


def points(*studies: tuple[str, list[float]], role: str = CV, **more: str) -> Pool:
    records = [
        record(role, value, id=f"{citation}{i}", citation=citation, **more)
        for citation, values in studies
        for i, value in enumerate(values)
    ]
    return pool(catalog({role: records}), role, where="test")


def test_studies_weigh_the_same_however_many_records_they_print() -> None:
    one = points(("a2020", [0.1, 0.2]), ("b2021", [0.9]))
    n = 200_000
    drawn = one.draw(Streams(7).of("test.pool").random(n))
    # Six binomial standard errors: a false alarm is a one-in-a-billion event.
    assert abs(np.mean(drawn == 0.9) - 0.5) < 6 * sqrt(0.25 / n)
    assert abs(np.mean(drawn == 0.1) - 0.25) < 6 * sqrt(0.25 * 0.75 / n)
    assert set(np.unique(drawn)) == {0.1, 0.2, 0.9}


def test_weights_are_exact_on_an_even_grid() -> None:
    one = points(("a", [1.0, 2.0, 3.0]), ("b", [4.0]), ("c", [0.5]))
    drawn = one.draw((np.arange(9000) + 0.5) / 9000)
    shares = {value: float(np.mean(drawn == value)) for value in (1.0, 2.0, 3.0, 4.0, 0.5)}
    assert shares == pytest.approx({1.0: 1 / 9, 2.0: 1 / 9, 3.0: 1 / 9, 4.0: 1 / 3, 0.5: 1 / 3})


def test_own_derivations_from_different_sources_are_not_one_study() -> None:
    # "computed" says who did the sum, not whose measurement it was.
    records = [
        record(CV, 0.1, id="x1", citation="computed", basis="derived", reading="derived"),
        record(CV, 0.2, id="x2", citation="computed", basis="derived", reading="derived"),
        record(CV, 0.9, id="y1", citation="b2021"),
    ]
    one = pool(catalog({CV: records}), CV, where="test")
    drawn = one.draw((np.arange(9000) + 0.5) / 9000)
    assert float(np.mean(drawn == 0.9)) == pytest.approx(1 / 3, abs=1e-3)


def test_the_last_coordinate_stays_inside_the_last_study() -> None:
    one = points(("a", [1.0]), ("b", [2.0]), ("c", [3.0]))
    assert one.draw(np.array([0.0, np.nextafter(1.0, 0.0), 1.0])).tolist() == [1.0, 3.0, 3.0]


def test_nothing_is_averaged() -> None:
    one = points(("a", [0.01]), ("b", [4.0]))
    assert set(one.draw(np.linspace(0.0, 0.999, 1000))) == {0.01, 4.0}


def test_support_spans_all_records_and_the_median_is_that_of_the_mixture() -> None:
    records = [
        record(CV, None, 0.1, 0.3, id="a1", citation="a", distribution="uniform"),
        record(CV, None, 1.0, 3.0, id="b1", citation="b", distribution="uniform"),
    ]
    one = pool(catalog({CV: records}), CV, where="test")
    assert one.support == (0.1, 3.0)
    # Half of the mass lies in each range, so the median lies between them.
    assert 0.3 - 1e-3 <= one.median <= 1.0 + 1e-3
    assert points(("a", [0.2]), ("b", [0.4]), ("c", [0.9])).median == 0.4


def test_the_spread_of_an_estimate_is_no_bound_of_the_quantity() -> None:
    sd = record(CV, 0.5, 0.4, 0.6, id="a1", bound_kind="sd", distribution="normal")
    one = pool(catalog({CV: sd}), CV, where="test")
    assert one.support == pytest.approx((0.2, 0.8))
    assert one.bounds_are == "edge of a fitted spread"


def test_bounds_are_called_what_they_are() -> None:
    measured = record(CV, None, 0.1, 0.3, id="a1", citation="a")
    prior = record(
        *(CV, None, 0.2, 0.9),
        id="b1",
        bound_kind="prior",
        basis="assumed",
        reading="recalled",
        citation="assumed: why",
    )
    assert pool(catalog({CV: [measured]}), CV, where="test").bounds_are == "sourced bound"
    # The upper end comes from the assumption, so the pair is no sourced bound.
    assert pool(catalog({CV: [measured, prior]}), CV, where="test").bounds_are == "assumed range"


def test_only_named_records_are_used() -> None:
    bundled = load_catalog()
    one = pool(bundled, OPENING, only=("f05",), where="test")
    assert [r.id for r in one.records] == ["f05"]
    assert one.rivals == ()
    with pytest.raises(InputError, match=r"'f11' does not inform 'opening\.natural_vesicle'") as e:
        pool(bundled, OPENING, only=("f05", "f11"), where="my.toml sources")
    assert e.value.where == "my.toml sources"
    assert "f05" in e.value.remedy


def test_contradicting_positions_are_named_and_can_be_held_alone() -> None:
    one = pool(load_catalog(), OPENING, where="test")
    assert one.rivals == ("opens", "below detection")
    opens, shut = (one.holding(position) for position in one.rivals)
    assert opens.support[1] > shut.support[1]
    assert {r.id for r in opens.records} | {r.id for r in shut.records} == {
        r.id for r in one.records
    }
    # A single named position contradicts nobody.
    assert points(("a", [0.1]), rival="alone", role=OPENING).rivals == ()


def test_a_missing_number_names_its_role_and_how_to_give_it() -> None:
    with pytest.raises(MissingRecordError) as e:
        pool(load_catalog(), "cell_count.unicorn_cell", where="my.toml mechanism[0]")
    assert "'cell_count.unicorn_cell'" in e.value.what
    assert e.value.where == "my.toml mechanism[0]"
    assert 'role = "cell_count.unicorn_cell"' in e.value.remedy
    assert "cell_count.hepatocyte" in e.value.remedy


def test_a_name_that_is_no_role_is_refused() -> None:
    with pytest.raises(InputError, match="no role"):
        pool(load_catalog(), "cell_cuont.hepatocyte", where="test")


def test_own_numbers_replace_every_bundled_record_of_their_role(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(
        f'[[record]]\nrole = "{OPENING}"\nvalue = 2.0\nunit = "percent"\n', encoding="utf-8"
    )
    one = pool(load_catalog((own,)), OPENING, where="test")
    assert len(one.records) == 1
    assert one.support == (0.02, 0.02)
    assert one.rivals == ()
    assert one.status == "this lab"


def test_status_is_that_of_the_least_well_read_record_or_of_what_it_was_computed_from() -> None:
    read = record(CV, 0.5, id="a1")
    guess = record(CV, 0.5, id="a2", basis="assumed", reading="recalled", citation="assumed: why")
    assert pool(catalog({CV: [read]}), CV, where="test").status == "read"
    assert pool(catalog({CV: [read, guess]}), CV, where="test").status == "assumed"
    told = record(CV, 0.5, id="a3", reading="recalled", citation="c")
    assert pool(catalog({CV: [read, told]}), CV, where="test").status == "recalled"
    computed = record(
        CV, 0.5, id="a4", basis="derived", reading="derived", citation="d", formula="2*z"
    )
    base = record("vesicle_diameter", 0.25 * 200, id="z", reading="recalled", citation="c")
    known = catalog({CV: [read, computed], "vesicle_diameter": base})
    assert pool(known, CV, where="test").status == "recalled"


def test_holding_one_position_shows_how_well_that_position_was_read() -> None:
    read = record(OPENING, 0.3, id="a1", rival="opens")
    guess = record(
        OPENING,
        0.001,
        id="a2",
        rival="shut",
        basis="assumed",
        reading="recalled",
        citation="assumed: why",
    )
    one = pool(catalog({OPENING: [read, guess]}), OPENING, where="test")
    assert one.status == "assumed"
    assert one.holding("opens").status == "read"
