"""Who releases the most: odds, ties, unknown types and when a verdict may be given."""

from __future__ import annotations

from math import sqrt

import pytest
from toys import catalog, record

from exosome.catalog.load import load_catalog
from exosome.core.errors import CatalogError, InputError
from exosome.core.random import Streams
from exosome.delivery.cell_rank import cell_types, find_cell, rank_cells, read_cell_types

DRAWS = 20_000
TYPES = """
[cell.msc_cord]
name = "MSC, cord"
group = "msc"
roles = ["release_rate.msc_cord", "release_rate.msc"]
[cell.msc_adipose]
name = "MSC, adipose"
group = "msc"
roles = ["release_rate.msc_adipose", "release_rate.msc"]
[cell.mcf7]
name = "MCF7"
roles = ["release_rate.mcf7"]
{more}
[method.one]
name = "first count"
counted = "vesicle"
bias = "none told"
records = {{ m1 = "m1", t1 = "t1" }}
[method.two]
name = "second count"
counted = "vesicle"
bias = "none told"
records = {{ m2 = "m2", t2 = "t2" }}
"""
UNKNOWN = '[cell.hela]\nname = "HeLa"\nroles = ["release_rate.hela"]'


def toy(msc: tuple[float, ...], tumour: tuple[float, ...], *, spread: float = 1.0, **more: str):
    """Return a catalog with one study per rate, the first and second by methods one and two."""
    found = {}
    for letter, cell, rates in (("m", "msc", msc), ("t", "mcf7", tumour)):
        role = f"release_rate.{cell}"
        found[role] = [
            record(
                role, rate, id=f"{letter}{i}", citation=f"{letter}{i}", unit="vesicle/cell/h",
                low=rate / spread, high=rate * spread, bound_kind="range",
                distribution="loguniform", **more,
            )
            for i, rate in enumerate(rates, 1)
        ]  # fmt: skip
    return catalog(found)


def ranked(numbers, *, more: str = ""):
    types = read_cell_types(TYPES.format(more=more), where="test")
    return rank_cells(numbers, Streams(3), DRAWS, types=types)


@pytest.fixture(scope="module")
def bundled():
    return rank_cells(load_catalog(), Streams(1), DRAWS)


def test_one_record_of_two_types_is_one_number_and_ties_share_the_first_place():
    found = ranked(toy((100.0,), (100.0,), spread=10.0))
    # Three types, two numbers: the group is first in half of the draws, not in two thirds.
    # Six binomial standard errors: a false alarm is a one-in-a-billion event.
    assert abs(found.first - 0.5) < 6 * sqrt(0.25 / DRAWS)
    assert found.rate("msc_cord").first == pytest.approx(found.rate("msc_adipose").first)
    assert sum(one.first for one in found.rates) == pytest.approx(1.0)
    assert found.exceeds["msc_cord"]["msc_adipose"] == 0.5


def test_odds_of_two_loguniform_rates_follow_the_closed_form():
    # ln A and ln B uniform with half-width h, centres d apart (d < 2h):
    # P(A > B) = 1 - (2h - d)² / 8h².
    found = ranked(toy((200.0,), (100.0,), spread=4.0))
    wanted = 1.0 - (4.0 - 1.0) ** 2 / 32.0
    assert abs(found.pairs[0].more - wanted) < 6 * sqrt(wanted * (1 - wanted) / DRAWS)


def test_one_method_never_settles_a_statement_and_two_that_agree_do():
    assert {one.verdict for one in ranked(toy((900.0,), (1.0,))).answers} == {"cannot be settled"}
    assert {a.verdict for a in ranked(toy((900.0, 800.0), (1.0, 2.0))).answers} == {"supported"}
    assert {a.verdict for a in ranked(toy((1.0, 2.0), (900.0, 800.0))).answers} == {"contradicted"}


def test_methods_that_disagree_settle_nothing():
    # Each study is taken half of the time, so one method alone moves the odds off the ends.
    found = ranked(toy((900.0, 1.0), (1.0, 900.0)))
    assert {one.verdict for one in found.answers} == {"cannot be settled"}
    assert found.pairs[0].alike == {"one": 1.0, "two": 0.0}


def test_an_unknown_type_leaves_any_open_and_the_tested_settled():
    found = ranked(toy((900.0, 800.0), (1.0, 2.0)), more=UNKNOWN)
    assert {a.statement: a.verdict for a in found.answers} == {
        "S22": "cannot be settled",
        "S38": "supported",
    }
    assert "HeLa" in found.reasons[0]
    assert "at most" in found.answers[0].sentence
    assert found.rate("hela").known == "unknown"
    assert found.rate("hela").median is None


def test_one_rival_that_releases_more_is_enough_against_the_first_place():
    assert ranked(toy((1.0, 2.0), (900.0, 800.0)), more=UNKNOWN).answers[0].verdict == (
        "contradicted"
    )


def test_recalled_figures_settle_nothing():
    found = ranked(toy((900.0, 800.0), (1.0, 2.0), reading="recalled"))
    assert {one.verdict for one in found.answers} == {"cannot be settled"}
    assert "all are assumed or recalled" in found.reasons[-1]


def test_the_bundled_numbers_settle_neither_statement(bundled):
    assert [a.statement for a in bundled.answers] == ["S22", "S38"]
    assert {a.verdict for a in bundled.answers} == {"cannot be settled"}
    # P(first) depends on rivals by other methods; the tenfold between methods moves it widely.
    assert bundled.if_biased[0] < 0.01 < 0.2 < bundled.if_biased[1]
    assert sum(one.first or 0.0 for one in bundled.rates) == pytest.approx(1.0)
    known = {one.key: one.known for one in bundled.rates}
    assert len(known) == 14
    assert {key for key, how in known.items() if how == "unknown"} == {
        "hela",
        "macrophage",
        "platelet",
    }
    assert {key for key, how in known.items() if how == "bounded"} == {"t_cell", "b_cell"}


def test_msc_and_hek293_tie_by_assumption_and_the_report_says_so(bundled):
    medium = next(one for one in bundled.alike if one.method == "medium_nta")
    assert medium.has_claimed
    assert not medium.measured
    assert medium.unit == "particle/cell/h"
    assert any("assumed or recalled" in one for one in bundled.reasons)


def test_every_bundled_release_rate_of_a_listed_type_has_one_method(bundled):
    assert {e.method for one in bundled.rates for e in one.estimates} == set(cell_types().method)


def test_methods_and_bounds_name_records_of_the_catalog():
    numbers = load_catalog()
    held = cell_types()
    for method in held.method.values():
        for rate, counted in method.records.items():
            assert numbers[rate].unit == "vesicle/cell/h"
            assert numbers[counted].unit.startswith(f"{method.counted}/")
            assert numbers[counted].unit.endswith("/h")
    assert {key for one in held.cell.values() for key in one.between or ()} <= set(numbers)


def test_counted_particles_become_a_tenth_to_three_vesicles():
    numbers = load_catalog()
    for rate, counted in (("b15v", "b15h"), ("b16v", "b16h"), ("b17v", "b17h"), ("b18v", "b18h")):
        one, seen = numbers[rate], numbers[counted]
        assert one.low == pytest.approx(0.1 * seen.low)
        assert one.high == pytest.approx(3.0 * seen.high)
        assert seen.low < one.value < seen.high


def test_the_ranking_depends_on_the_seed_only(bundled):
    assert rank_cells(load_catalog(), Streams(1), DRAWS) == bundled
    assert rank_cells(load_catalog(), Streams(2), DRAWS) != bundled


def test_cells_are_found_by_key_or_name_and_the_nearest_is_named():
    assert find_cell("MDA-MB-231") == "mda_mb_231"
    assert find_cell("t cell") == "t_cell"
    assert find_cell("MSC, bone marrow") == "msc_bone_marrow"
    with pytest.raises(InputError, match="did you mean 'platelet'"):
        find_cell("platlet")


def test_broken_input_is_refused():
    with pytest.raises(InputError, match="at least 1 draw"):
        rank_cells(load_catalog(), Streams(1), 0)
    with pytest.raises(CatalogError, match=r"types\.toml"):
        read_cell_types("[cell.a]\nname = 3", where="types.toml")
    with pytest.raises(InputError, match="nothing to rank"):
        ranked(toy((), (1.0,)))
    between = UNKNOWN + '\nbetween = ["zz", "m1"]'
    with pytest.raises(CatalogError, match="'zz' is no record"):
        ranked(toy((1.0,), (1.0,)), more=between)
