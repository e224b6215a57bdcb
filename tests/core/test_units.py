"""The unit boundary: what passes, what is refused, and that no change of unit changes an amount."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exosome.core.errors import UnitMismatchError
from exosome.core.units import METRIC_UNITS, convert, format_quantity, parse_dose, to_internal

ACCEPTED = [
    ("1e11 vesicle", 1e11, "vesicle", False),
    ("1e11 vesicles", 1e11, "vesicle", False),
    ("1e11vesicle", 1e11, "vesicle", False),
    ("2 × 10¹¹ vesicles", 2e11, "vesicle", False),
    ("2 x 10^8 particles", 2e8, "particle", False),
    ("2e8 particle", 2e8, "particle", False),
    ("1e9 vesicle/kg", 1e9, "vesicle", True),
    ("1e6 vesicle/g", 1e9, "vesicle", True),
    ("100 ug_protein", 100.0, "ug_protein", False),
    ("0.2 mg_protein", 200.0, "ug_protein", False),
    ("200 \u00b5g_protein", 200.0, "ug_protein", False),
    ("200 \u03bcg_protein", 200.0, "ug_protein", False),
    ("200 mcg_protein", 200.0, "ug_protein", False),
    ("60 pmol_phospholipid/kg", 60.0, "pmol_phospholipid", True),
    ("0.06 nmol_phospholipid", 60.0, "pmol_phospholipid", False),
    ("4e7 msc*48h", 1.92e9, "msc_hour", False),
    ("4e7 msc * 48 h", 1.92e9, "msc_hour", False),
    ("4e7 msc*2 day", 1.92e9, "msc_hour", False),
    ("1.4e6 msc*48h/kg", 6.72e7, "msc_hour", True),
    ("0.3 mg_rna/kg", 300.0, "ug_rna", True),
    ("5 mg_drug", 5000.0, "ug_drug", False),
    ("1e6 cell", 1e6, "cell", False),
    ("1e6 cells/kg", 1e6, "cell", True),
    ("15 mL", 15.0, "ml", False),
    ("0.015 L", 15.0, "ml", False),
]

REFUSED = [
    ("1e11", "has no unit", "ug_protein"),
    ("100 ug", "does not say of what", "'100 ug_protein', '100 ug_rna' or '100 ug_drug'"),
    ("0.3 mg/kg", "does not say of what", "'0.3 mg_rna/kg'"),
    ("2 nmol", "moles of what", "pmol_phospholipid"),
    ("4e7 msc", "how long", "'4e7 msc*48h'"),
    ("1e10 particle/mL", "concentration", "multiply by the volume given"),
    ("5 ug_protein/mL", "concentration", "multiply by the volume given"),
    ("1e11 copy", "counts cargo", "ug_rna"),
    ("1e11 molecule", "counts cargo", "ug_rna"),
    ("-1e11 vesicle", "not an amount that can be given", "above zero"),
    ("0 vesicle", "not an amount that can be given", "above zero"),
    ("nan vesicle", "not finite", "finite"),
    ("inf vesicle", "not finite", "finite"),
    ("-Infinity vesicle", "not finite", "finite"),
    ("1e400 vesicle", "not finite", "finite"),
    ("1e999999999 vesicle", "not finite", "finite"),
    ("", "empty", "number and its unit"),
    (" \n", "empty", "number and its unit"),
    ("abc", "does not start with a number", "number and its unit"),
    ("vesicle", "does not start with a number", "number and its unit"),
    ("1,000 vesicle", "separator", "1e3"),
    ("1 000 vesicle", "separator", "1e3"),
    ("1_000 vesicle", "separator", "1e3"),
    ("1e11 vesicel", "not a known unit", "'vesicle'"),
    ("1e11 EV", "not a known unit", "'vesicle'"),
    ("1e11 exosomes", "not a known unit", "'vesicle'"),
    ("1e11 MSC*48h", "not a known unit", "'msc'"),
    ("5 Mg_protein", "not a known unit", "'mg_protein'"),
    ("1e11 count", "not a known unit", "vesicle"),
    ("1e11 molec", "not a known unit", "'molecule'"),
    ("48 h", "not an amount of product", "'1e11 vesicle'"),
    ("1e11 vesicle/week", "not an amount of product", "'1e11 vesicle'"),
    ("1e11 vesicle*vesicle", "not an amount of product", "'1e11 vesicle'"),
    ("1e11 %", "not an amount of product", "'1e11 vesicle'"),
    ("10 mg_protein/2 mL", "divides by a number", "work the number out"),
    ("1e11 vesicle kg", "is not a unit", "join units"),
    ("9**9**9 vesicle", "not a number and a unit", "space"),
    ("9" * 200 + " vesicle", "too long", "number"),
    ("__import__('os')", "does not start with a number", "number and its unit"),
]


@pytest.mark.parametrize(("text", "amount", "metric", "per_kg"), ACCEPTED)
def test_a_dose_keeps_its_metric(text: str, amount: float, metric: str, per_kg: bool) -> None:
    dose = parse_dose(f" {text} ", where="claim.toml: dose")
    assert (dose.amount, dose.metric, dose.per_kg, dose.text) == (amount, metric, per_kg, text)


@pytest.mark.parametrize(("text", "what", "remedy"), REFUSED)
def test_a_wrong_dose_is_refused_with_its_own_remedy(text: str, what: str, remedy: str) -> None:
    with pytest.raises(UnitMismatchError) as caught:
        parse_dose(text, where="claim.toml:7 dose")
    assert caught.value.where == "claim.toml:7 dose"
    assert what in caught.value.what
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("wanted", ["vesicle", "particle", "cell", "copy"])
@pytest.mark.parametrize("text", ["1e11", "100 ug", "2 nmol", "1 percent", "3 fold"])
def test_bare_numbers_masses_and_moles_are_no_counts(text: str, wanted: str) -> None:
    with pytest.raises(UnitMismatchError, match="Remedy: "):
        to_internal(text, wanted, where="here")


@pytest.mark.parametrize("one", ["vesicle", "particle", "cell", "msc", "copy", "molecule", "site"])
@pytest.mark.parametrize("other", ["vesicle", "particle", "cell", "msc", "copy", "mol", "fraction"])
def test_counted_things_do_not_convert_to_each_other(one: str, other: str) -> None:
    if one == other:
        assert convert(3.0, one, other, where="here") == 3.0
    else:
        with pytest.raises(UnitMismatchError):
            convert(3.0, one, other, where="here")


@pytest.mark.parametrize(
    ("value", "from_unit", "to_unit", "expected"),
    [
        (30.0, "%", "fraction", 0.3),
        (2.0, "1/min", "1/h", 120.0),
        (2.0, "h^-1", "1/h", 2.0),
        (3.0, "nM", "uM", 0.003),
        (7.0, "vesicle/cell/min", "vesicle/cell/h", 420.0),
        (1.0, "um3", "fL", 1.0),
        (1.0, "um2/s", "nm2/ms", 1000.0),
        (25.0, "nm²", "um**2", 2.5e-5),
        (1.5, "L", "mL", 1500.0),
        (1.0, "particle/ug_protein", "particle/mg_protein", 1000.0),
        (math.inf, "nM", "uM", math.inf),
    ],
)
def test_catalog_units_convert(value: float, from_unit: str, to_unit: str, expected: float) -> None:
    assert convert(value, from_unit, to_unit, where="d01") == expected


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(UnitMismatchError, match="not a number"):
        convert(math.nan, "nM", "uM", where="d01")


def test_a_bare_number_is_read_only_without_dimension() -> None:
    assert to_internal("0.3", "fraction", where="here") == 0.3
    assert to_internal("30%", "fraction", where="here") == 0.3
    with pytest.raises(UnitMismatchError, match=r"has no unit\n  Remedy: write '5 nm'"):
        to_internal("5", "nm", where="here")


@given(
    digits=st.integers(1, 10**12),
    power=st.integers(-6, 6),
    unit=st.sampled_from(["g_protein", "g_rna", "g_drug", "mol_phospholipid"]),
    prefixes=st.tuples(*[st.sampled_from(["p", "n", "u", "\u00b5", "m", ""])] * 2),
    per_kg=st.booleans(),
)
def test_a_change_of_unit_never_changes_the_amount(digits, power, unit, prefixes, per_kg) -> None:
    scale = {"p": -12, "n": -9, "u": -6, "\u00b5": -6, "m": -3, "": 0}
    base = Decimal(digits).scaleb(power)
    texts = [f"{base.scaleb(-scale[prefix])} {prefix}{unit}{'/kg' * per_kg}" for prefix in prefixes]
    first, second = (parse_dose(text, where="here") for text in texts)
    # Equal to the last bit: the arithmetic is exact until one final rounding.
    assert (first.amount, first.metric, first.per_kg) == (
        second.amount,
        second.metric,
        second.per_kg,
    )


@given(value=st.floats(1e-300, 1e300), unit=st.sampled_from(["um", "1/min", "copy/vesicle", "%"]))
def test_there_and_back_is_the_same_value(value: float, unit: str) -> None:
    other = {"um": "cm", "1/min": "1/week", "copy/vesicle": "copy/kvesicle", "%": "fraction"}[unit]
    there = convert(value, unit, other, where="here")
    assert math.isclose(convert(there, other, unit, where="here"), value, rel_tol=4e-16)


@example("1e99999999 vesicle")
@example("9**9**9**9 h")
@example("1e-99999999 vesicle")
@example("5e-324 fvesicle")
@given(st.one_of(st.text(max_size=40), st.from_regex(r"[0-9.e+-]{1,8} ?[a-zµ_*/^0-9 ]{0,20}")))
def test_no_text_gets_past_the_boundary_or_breaks_it(text: str) -> None:
    try:
        dose = parse_dose(text, where="here")
    except UnitMismatchError:
        return
    assert dose.metric in METRIC_UNITS
    assert 0.0 < dose.amount < math.inf


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (1.2e11, "vesicle", "1.2 × 10¹¹ vesicles"),
        (1, "vesicle", "1 vesicle"),
        (0, "cell", "0 cells"),
        (-1.5e10, "vesicle", "-1.5 × 10¹⁰ vesicles"),
        (12345.0, "copy", "12300 copies"),
        (2.5, "copy/vesicle", "2.5 copies/vesicle"),
        (200.0, "ug_protein", "200 µg protein"),
        (60.0, "pmol_phospholipid/kg", "60 pmol phospholipid/kg"),
        (1.92e9, "msc*h", "1.92 × 10⁹ MSC·h"),
        (50.0, "um2", "50 µm²"),
        (3.0, "1/h", "3 per h"),
        (12.34, "%", "12.3%"),
        (0.3, "fraction", "0.3"),
        (2.0, "fold", "2-fold"),
        (999.96, "nm", "1000 nm"),
        (99999.0, "nm", "1 × 10⁵ nm"),
        (1.5e-7, "fraction", "1.5 × 10⁻⁷"),
        (math.inf, "vesicle", "∞ vesicles"),
    ],
)
def test_quantities_are_shown_as_the_field_writes_them(value, unit: str, shown: str) -> None:
    assert format_quantity(value, unit) == shown


def test_not_a_number_is_never_shown() -> None:
    with pytest.raises(ValueError, match="no number"):
        format_quantity(math.nan, "vesicle")


@given(st.floats(1e-12, 1e20), st.sampled_from(["vesicle", "particle", "cell"]))
def test_what_is_shown_can_be_read_back(value: float, unit: str) -> None:
    shown = format_quantity(value, unit)
    # Three significant figures: half a unit of the third is at most 0.5 %.
    assert math.isclose(to_internal(shown, unit, where="here"), value, rel_tol=5.001e-3)


def test_threads_that_ask_first_at_the_same_time_share_one_registry() -> None:
    # Run apart, so that nothing has been read yet: two registries do not mix.
    code = (
        "import sys; sys.setswitchinterval(1e-6)\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from exosome.core.units import parse_dose, to_internal\n"
        "texts = [f'{i}e3 vesicle' for i in range(1, 9)]\n"
        "with ThreadPoolExecutor(8) as threads:\n"
        "    list(threads.map(lambda t: parse_dose(t, where='t'), texts))\n"
        "    list(threads.map(lambda i: to_internal(f'{i} h', 's', where='t'), range(1, 9)))\n"
    )
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
