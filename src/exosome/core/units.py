"""The boundary between text with units and plain floats.

Counts have dimensions of their own. If a vesicle were a plain number, a bare
``1e11`` or a dose in cells would pass for vesicles; if a particle were an
amount of substance, so would moles of drug. Masses and lipid say of what they
are, because a microgram of vesicle protein and one of RNA are not the same dose.

The registry holds only the units of this field. Prefixes above kilo are left
out on purpose: ``Mg`` is a slip for ``mg`` more often than it is a tonne, and
in a larger registry ``EV`` reads as exavolt.
"""

from __future__ import annotations

import difflib
import math
import re
import threading
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, Literal, cast, get_args

from exosome.core.errors import UnitMismatchError

DoseMetric = Literal[
    "particle",
    "vesicle",
    "ug_protein",
    "pmol_phospholipid",
    "msc_hour",
    "ug_rna",
    "ug_drug",
    "cell",
    "ml",
]

METRIC_UNITS: dict[DoseMetric, str] = {
    metric: {"msc_hour": "msc*h", "ml": "mL"}.get(metric, metric)
    for metric in cast("tuple[DoseMetric, ...]", get_args(DoseMetric))
}

# pint's syntax: name = definition = symbol = other names (`_`: no symbol).
_PREFIXES = (
    "femto- = 1e-15 = f-",
    "pico- = 1e-12 = p-",
    "nano- = 1e-9 = n-",
    # U+00B5 and U+03BC look alike; both are typed, and `mc` is the hospital's.
    "micro- = 1e-6 = u- = \u00b5- = \u03bc- = mc-",
    "milli- = 1e-3 = m-",
    "centi- = 1e-2 = c-",
    "kilo- = 1e3 = k-",
)
_COUNTED = ("vesicle", "particle", "cell", "msc", "copy", "molecule", "lipid", "site")
_WEIGHED = ("g_protein", "g_rna", "g_drug", "mol_phospholipid")
_UNITS = (
    "meter = [length] = m = metre",
    "second = [time] = s = sec",
    "gram = [mass] = g",
    "mole = [substance] = mol",
    "kelvin = [temperature] = K",
    *(f"{thing} = [{thing}]" for thing in (*_COUNTED, *_WEIGHED) if thing != "copy"),
    "copy = [copy] = _ = copies",
    "fraction = []",
    "fold = []",
    "percent = 0.01",
    "minute = 60 * second = min",
    "hour = 60 * minute = h = hr",
    "day = 24 * hour = d",
    "week = 7 * day",
    "liter = 0.001 * meter ** 3 = L = l = litre",
    "molar = mole / liter = M",
    "dalton = 1.66053906892e-24 * gram = Da",
    "megadalton = 1e6 * dalton = MDa",
    "newton = kilogram * meter / second ** 2 = N",
    "pascal = newton / meter ** 2 = Pa",
    "joule = newton * meter = J",
    "poise = 0.1 * pascal * second = P",
)
_NAMES = (
    *(*_COUNTED, *_WEIGHED, "copies"),
    *("ug_protein", "mg_protein", "ug_rna", "mg_rna", "ug_drug", "mg_drug", "pmol_phospholipid"),
    *("nm", "um", "mm", "cm", "m", "s", "min", "h", "day", "week", "uL", "mL", "L", "fraction"),
    *(
        "fold",
        "percent",
        "ng",
        "ug",
        "mg",
        "g",
        "kg",
        "pmol",
        "nmol",
        "nM",
        "uM",
        "mM",
        "Da",
        "kDa",
    ),
)
# What people write for a vesicle, none of it a unit of the registry.
_MEANT_AS_VESICLE = ("ev", "evs", "sev", "sevs", "exosome", "exosomes")

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_FROM_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TIMES_TEN = re.compile(
    r"(?<=[0-9])\s*[\u00d7xX*]\s*10(?:(?:\^|\*\*)([+-]?[0-9]+)|([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))"
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![0-9.])")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf(?:inity)?|∞)(?!\w)", re.IGNORECASE)
_SEPARATED = re.compile(r"[+-]?[0-9]+(?:[,'_]|[ \u00a0\u2009\u202f][0-9]{3}(?![0-9]))")
_TERM = re.compile(
    r"\s*(?P<operator>[*/\u00b7\u00d7]?)\s*(?P<number>[0-9]+(?:\.[0-9]+)?(?![0-9.,_]))?\s*"
    r"(?:(?P<name>[^\W\d_](?:_?[^\W\d_])*|%)(?:(?:\*\*|\^)?(?P<power>-?[1-9](?![0-9.])|[²³]))?)?\s*"
)
_LONGEST_TEXT = 100
_REGISTRY_LOCK = threading.Lock()
_EXAMPLE_DOSES = (
    "such as '1e11 vesicle', '100 ug_protein', '60 pmol_phospholipid/kg', '4e7 msc*48h'"
)


@dataclass(frozen=True, slots=True)
class Dose:
    """The amount of product given at one time, in the metric in which it was stated.

    Parameters
    ----------
    amount : float
        In the unit ``METRIC_UNITS[metric]``; for each kilogram of body weight
        if ``per_kg``.
    metric : str
        What was counted, weighed or measured. No metric converts to another
        without a sourced ratio.
    per_kg : bool
        Whether the amount is for each kilogram of body weight.
    text : str
        The dose as it was written.
    """

    amount: float
    metric: DoseMetric
    per_kg: bool
    text: str


class _UnitFault(Exception):  # noqa: N818 - never leaves this module
    """A text that cannot be read, before the place where it stands is known."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy
        super().__init__(what)

    def at(self, where: str) -> UnitMismatchError:
        return UnitMismatchError(self.what, where=where, remedy=self.remedy)


def _registry() -> Any:
    # Two threads that ask first at the same time must not build one each: quantities
    # of two registries do not mix.
    with _REGISTRY_LOCK:
        return _built_registry()


@cache
def _built_registry() -> Any:
    import pint  # deferred: slow to import, and inner code never needs it

    # Fractions make every change of unit exact until the last rounding, so that
    # 0.1 mg and 100 ug are the same float. pint's own file is not loaded: its
    # `particle` is an amount of substance and its `count` a bare number, and
    # redefining them later leaves their old values in its cache.
    registry = cast("Any", pint.UnitRegistry)(None, non_int_type=Fraction)
    registry.load_definitions([*_PREFIXES, *_UNITS])
    return registry


def to_internal(text: str, unit: str, *, where: str) -> float:
    """Read a quantity such as ``"30 min"`` as a float in ``unit``.

    Parameters
    ----------
    text : str
        A number and its unit. A bare number is read only where ``unit`` has no
        dimension (``fraction``, ``fold``).
    unit : str
        Unit of the result, such as ``"copy/vesicle"``.
    where : str
        File and key, for the error.

    Returns
    -------
    float
        Finite; may be negative.

    Raises
    ------
    UnitMismatchError
        If the text is no quantity, is not finite or does not convert to ``unit``.

    Examples
    --------
    >>> to_internal("30 min", "s", where="example")
    1800.0
    """
    try:
        return _read_in(unit, text.strip())
    except _UnitFault as fault:
        raise fault.at(where) from None


def convert(value: float, from_unit: str, to_unit: str, *, where: str) -> float:
    """Return ``value`` given in ``from_unit`` as a float in ``to_unit``.

    Infinity stays infinity, so that an open bound can be converted.

    Raises
    ------
    UnitMismatchError
        If either unit is unknown, they differ in dimension, or ``value`` is not a number.

    Examples
    --------
    >>> convert(30.0, "%", "fraction", where="example")
    0.3
    """
    try:
        return _convert(value, from_unit, to_unit)
    except _UnitFault as fault:
        raise fault.at(where) from None


def parse_dose(text: str, *, where: str) -> Dose:
    """Read one dose in whichever metric it is stated.

    Particles, vesicles, micrograms of protein, RNA or drug, picomoles of
    phospholipid, producer cell-hours, cells and millilitres are kept apart:
    none of them implies another.

    Parameters
    ----------
    text : str
        Such as ``"1e11 vesicle"``, ``"0.3 mg_rna/kg"`` or ``"4e7 msc*48h"``.
    where : str
        File and key, for the error.

    Raises
    ------
    UnitMismatchError
        If the text is no positive, finite amount of product.

    Examples
    --------
    >>> parse_dose("0.2 mg_protein", where="example")
    Dose(amount=200.0, metric='ug_protein', per_kg=False, text='0.2 mg_protein')
    """
    try:
        return _read_dose(text.strip())
    except _UnitFault as fault:
        raise fault.at(where) from None


def format_quantity(value: float, unit: str, *, digits: int = 3) -> str:
    """Return a quantity as the field prints it.

    Parameters
    ----------
    value : float
        In ``unit``; may be infinite.
    unit : str
        Such as ``"vesicle"``, ``"um2"`` or ``"vesicle/cell/h"``.
    digits : int
        Significant figures.

    Raises
    ------
    ValueError
        If ``value`` is not a number: an answer never shows one.

    Examples
    --------
    >>> format_quantity(1.2e11, "vesicle")
    '1.2 × 10¹¹ vesicles'
    >>> format_quantity(1, "copy/cell")
    '1 copy/cell'
    """
    if math.isnan(value):
        raise ValueError(f"no number to show in {unit}")
    figure = _figure(value, digits)
    shown = _shown_unit(unit, plural=figure not in ("1", "-1"))
    # A percent sign or "-fold" follows its figure without a space.
    return figure + shown if shown in ("", "%", "-fold") else f"{figure} {shown}"


def _figure(value: float, digits: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if value == 0 or -4 < power < 5:
        # Rounded to significant figures first, then written without an exponent.
        plain = f"{float(f'{mantissa}e{power}'):.{max(digits - 1 - power, 0)}f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa} \u00d7 10{str(power).translate(_SUPERSCRIPTS)}"


def _shown_unit(unit: str, *, plural: bool) -> str:
    if unit in ("fraction", "1"):
        return ""
    if unit in ("%", "percent"):
        return "%"
    if unit == "fold":
        return "-fold"
    if unit.startswith("1/"):
        return f"per {_shown_unit(unit[2:], plural=False)}"
    first, slash, rest = unit.partition("/")
    if plural and first in _COUNTED and first != "msc":
        first = "copies" if first == "copy" else f"{first}s"
    shown = re.sub(r"\bmsc\b", "MSC", first + slash + rest)
    shown = re.sub(r"\bu(?=(?:g|m|L|M|mol|s)(?:\b|_|\d))", "\u00b5", shown)
    shown = re.sub(r"(?<=[a-z])(?:\*\*|\^)?([23])\b", lambda m: "²³"[int(m[1]) - 2], shown)
    return shown.replace("*", "\u00b7").replace("_", " ")


def _read_in(unit: str, said: str) -> float:
    number, quantity = _read(said)
    if said == number and not _is_dimensionless(_unit(unit)):
        raise _UnitFault(f"{said!r} has no unit", f"write '{number} {unit}'")
    return _ratio(quantity, unit, said=repr(said))


def _convert(value: float, from_unit: str, to_unit: str) -> float:
    if math.isnan(value):
        raise _UnitFault("the value is not a number", "give a figure")
    exact = Fraction(value) if math.isfinite(value) else Fraction(1)
    converted = _ratio(exact * _unit(from_unit), to_unit, said=f"'{value:g} {from_unit}'")
    return converted if math.isfinite(value) else value


def _read_dose(said: str) -> Dose:
    number, quantity = _read(said)
    if said == number:
        raise _UnitFault(
            f"{said!r} has no unit", f"say what was counted or weighed, {_EXAMPLE_DOSES}"
        )
    for metric, unit in METRIC_UNITS.items():
        for per_kg, full_unit in ((False, unit), (True, f"{unit}/kg")):
            if quantity.dimensionality == _unit(full_unit).dimensionality:
                amount = _ratio(quantity, full_unit, said=repr(said))
                if amount <= 0.0:
                    raise _UnitFault(
                        f"a dose of {said!r} is not an amount that can be given",
                        "give a dose above zero; for no treatment leave the dose out",
                    )
                return Dose(amount=amount, metric=metric, per_kg=per_kg, text=said)
    raise _not_a_dose(said, quantity)


def _read(said: str) -> tuple[str, Any]:
    """Return the number as written and the whole quantity."""
    if not said:
        raise _UnitFault("the quantity is empty", "write a number and its unit")
    if len(said) > _LONGEST_TEXT:
        raise _UnitFault(
            f"{said[:20]!r}... is too long for a quantity", "write a number and a unit"
        )
    written = _TIMES_TEN.sub(
        lambda m: f"e{m[1] or m[2].translate(_FROM_SUPERSCRIPTS)}",
        said,
    )
    if _NOT_FINITE.match(written):
        raise _UnitFault(f"{said!r} is not finite", "give a finite number")
    if _SEPARATED.match(written):
        raise _UnitFault(
            f"{said!r} has a comma or a separator inside its number",
            "write 1000 or 1e3 for a thousand, and a point before decimals",
        )
    found = _NUMBER.match(written)
    if found is None:
        raise _UnitFault(f"{said!r} does not start with a number", "write a number and its unit")
    # The float comes first: an exponent in the millions would take the exact
    # fraction minutes to build.
    rough = float(found[0])
    if not math.isfinite(rough):
        raise _UnitFault(f"{said!r} is not finite", "give a finite number")
    exact = Fraction(found[0]) if rough else Fraction(0)
    rest = written[found.end() :]
    if re.match(r"\s*\*", rest):
        raise _UnitFault(f"{said!r} is not a number and a unit", "put a space before the unit")
    return (said if written == found[0] else found[0]), exact * _unit(rest)


@lru_cache(maxsize=1024)
def _unit(expression: str) -> Any:
    """Return a unit as an exact pint quantity."""
    registry = _registry()
    product = registry.Quantity(Fraction(1))
    position, first = 0, True
    while position < len(expression):
        term = _TERM.match(expression, position)
        number, name = (term["number"], term["name"]) if term else (None, None)
        if term is None or not (number or name) or not (first or term["operator"]):
            raise _UnitFault(
                f"{expression.strip()!r} is not a unit",
                "join units with * and /, as in 'vesicle/cell/h'; powers as in 'nm2'",
            )
        if number and term["operator"] == "/":
            # "mg/2 mL" reads as (mg/2) mL to one person and mg/(2 mL) to another.
            raise _UnitFault(
                f"{expression.strip()!r} divides by a number", "work the number out first"
            )
        factor = registry.Quantity(Fraction(number or 1))
        if name:
            power = int((term["power"] or "1").translate(str.maketrans("²³", "23")))
            factor = factor * _named(name) ** power
        product = product / factor if term["operator"] == "/" else product * factor
        position, first = term.end(), False
    return product


def _named(name: str) -> Any:
    import pint

    registry = _registry()
    try:
        return registry.Quantity(Fraction(1), registry.Unit("percent" if name == "%" else name))
    except pint.UndefinedUnitError:
        raise _UnitFault(f"{name!r} is not a known unit", _nearest(name)) from None


def _nearest(name: str) -> str:
    if name.lower() in _MEANT_AS_VESICLE:
        return "write 'vesicle' (or 'particle' for what a counter counted)"
    near = [known for known in _NAMES if known.lower() == name.lower()]
    near = near or difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.65)
    if near:
        return f"did you mean {near[0]!r}?"
    return "use a unit of the field, such as vesicle, particle, ug_protein, nm, mL or h"


def _is_dimensionless(quantity: Any) -> bool:
    return not quantity.dimensionality


def _ratio(quantity: Any, unit: str, *, said: str) -> float:
    """Return ``quantity`` as a float in ``unit``."""
    target = _unit(unit)
    if quantity.dimensionality != target.dimensionality:
        raise _UnitFault(f"{said} is not a quantity in {unit}", _conversion_remedy(quantity, unit))
    try:
        return float((quantity / target).to_root_units().magnitude)
    except OverflowError:
        raise _UnitFault(f"{said} is too large", "give a number below 1e300") from None


def _conversion_remedy(quantity: Any, unit: str) -> str:
    remedy = f"give the number a unit that converts to {unit}"
    if any(quantity.dimensionality == _unit(bare).dimensionality for bare in ("g", "mol")):
        return f"{remedy}; a mass or an amount alone does not say of what it is"
    if any(thing in unit for thing in ("vesicle", "particle", "_protein", "_phospholipid")):
        return f"{remedy}; vesicles, particles, cells, protein and lipid need a sourced ratio"
    return remedy


def _not_a_dose(said: str, quantity: Any) -> _UnitFault:
    """Return the fault for a quantity that no dose metric fits."""

    def has(unit: str) -> bool:
        return any(
            quantity.dimensionality == _unit(shape).dimensionality for shape in (unit, f"{unit}/kg")
        )

    # mg/kg has no dimension left; its text still shows what it is.
    mass_per_mass = _is_dimensionless(quantity) and re.search(r"g\s*/\s*k?g$", said)
    if quantity.dimensionality == _unit("g").dimensionality or mass_per_mass:
        choices = [re.sub(r"g(?=\s*(?:$|/))", f"g_{of}", said, count=1) for of in _mass_kinds()]
        return _UnitFault(
            f"{said!r} does not say of what: protein, RNA or drug?",
            "write " + ", ".join(f"'{choice}'" for choice in choices[:-1]) + f" or '{choices[-1]}'",
        )
    if has("mol"):
        return _UnitFault(
            f"{said!r} does not say moles of what",
            "write 'pmol_phospholipid' for lipid; give RNA or drug as 'ug_rna' or 'ug_drug'",
        )
    if has("msc"):
        return _UnitFault(
            f"{said!r} does not say for how long the producer cells were cultured",
            f"multiply by the hours of conditioning, as in '{said.partition('/')[0].strip()}*48h'",
        )
    if has("copy") or has("molecule"):
        return _UnitFault(
            f"{said!r} counts cargo, not product",
            "give the vesicles or particles, or the cargo's mass as 'ug_rna' or 'ug_drug'",
        )
    if any(quantity.dimensionality == _unit(f"{u}/mL").dimensionality for u in _dose_units()):
        return _UnitFault(
            f"{said!r} is a concentration, not a dose",
            "multiply by the volume given: 1e10 particle/mL in 2 mL is '2e10 particle'",
        )
    return _UnitFault(f"{said!r} is not an amount of product", f"give a dose {_EXAMPLE_DOSES}")


def _mass_kinds() -> tuple[str, ...]:
    return tuple(unit.removeprefix("g_") for unit in _WEIGHED if unit.startswith("g_"))


def _dose_units() -> tuple[str, ...]:
    return (*(unit for unit in METRIC_UNITS.values() if unit != "mL"), "g", "mol")
