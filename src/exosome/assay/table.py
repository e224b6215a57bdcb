"""Data to fit: a table with one row for each thing that was told, read into observations.

The columns are those of `COLUMNS`; docs/methods/body-fit.md explains them. A row says what was
seen (``organ``), when (``time``), how much (``value`` and ``unit``) in which experiment. Values
may be limits (``<10``), intervals (``6.9-8.8``) or rough (``~7``); the organ may be an order
(``spleen > liver``, unit ``rank``) or a constant of kinetics (``blood_t1/2``, ``CL``).
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from exosome.assay.likelihood import Told
from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.observe import SHOWN
from exosome.body.physiology import SPECIES
from exosome.body.routes import ROUTES
from exosome.core.errors import InputError
from exosome.core.files import check_keys
from exosome.core.units import parse_dose, to_internal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Sees = Literal["organ", "share", "order", "constant"]
NEEDED = ("study", "species", "label", "route", "dose", "organ", "value", "unit")
COLUMNS = {
    "study": "the study; its rows share a scale and an error",
    "doi": "where to find it",
    "species": "mouse, rat, rhesus or human; further words are a note",
    "kind": "kind of particle; a vesicle if empty",
    "label": "what was measured: a label's key, or words with its isotope or dye",
    "route": "iv, sc, im, ip ...",
    "size": "outer diameter, such as 100 nm; that of a vesicle if empty",
    "core": "diameter of the part that weighs, where a coat makes it smaller than the size",
    "material": "silica or gold: needed for a dose by mass",
    "dose": "with its unit: 1e10 vesicle, 1e9-1e11 particle, 10 mg/kg; empty if not told",
    "time": "such as 4 h; for constants the window over which blood was sampled",
    "time_h": "the same as a number of hours",
    "organ": "an organ, an order such as spleen > liver, or a constant such as CL",
    "value": "a number, <10, >3, 6.9-8.8 or ~7; empty for an order",
    "unit": "%ID/organ, %ID/g, % of organs, rank, or a constant's unit",
    "residual_blood": "share of their blood left in organs, 1 as dissected",
    "ev_source": "of what the vesicles were; also read as the kind",
    "sd": "not used: errors are fitted by study",
    "n": "animals; not used",
    "status": "how the row was read; not used",
    "note": "free words",
}
_ORGANS = {"venousblood": "blood", "gi_tract": "gut", "intestine": "gut", "node": "nodes"}
_AMOUNT_UNITS = {
    "%ID/organ": "organ", "%ID": "organ", "%ID/g": "gram", "%ID/mL": "gram",
    "% of organs": "share", "% of organ fluorescence": "share",
}  # fmt: skip
CONSTANTS = {
    "t1/2": ("min", 0), "t1/2_alpha": ("min", 0), "t1/2_beta": ("min", 0), "MRT_last": ("h", 0),
    "MRT_inf": ("h", 0), "CL": ("mL/h", -1), "Vss": ("mL", -1), "Vd": ("mL", -1),
    "AUC": ("%ID*h/mL", 1),
}  # fmt: skip
"""Constants of the blood course: their unit inside, and how a study's scale enters them."""
_LABEL_WORDS = {
    "iodine125": ("125i", "131i", "124i"), "indium111": ("111in",), "zirconium89": ("89zr",),
    "technetium99m": ("99mtc",), "luciferase": ("luc",), "fluorescent_protein": ("gfp",),
    "dye": ("dir", "did", "pkh", "fluorophore"), "core": ("icp",),
}  # fmt: skip
_NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*(?:-|–|to)\s*({_NUMBER})\s*(\S.*)?\Z")
_SIZE_IN_WORDS = re.compile(rf"({_NUMBER})\s*nm")
DEFAULT_WINDOW_H = 24.0


@dataclass(frozen=True, slots=True)
class MassDose:
    """A dose by mass: particles follow from the size and density of what weighs."""

    mg: float
    per_kg: bool
    material: str
    core_nm: float


@dataclass(frozen=True, slots=True)
class Experiment:
    """What was given to whom, and how organs were measured; rows of one experiment share a run.

    ``particles`` are two ends of a dose in particles (equal if it was told, ``per_kg`` or not),
    None where it was not told or told by mass.
    """

    study: str
    species: str
    kind: str
    label: str
    route: str
    diameter_nm: float | None
    particles: tuple[float, float] | None
    per_kg: bool
    mass: MassDose | None
    residual_blood: float


@dataclass(frozen=True, slots=True)
class Observation:
    """One row: what was seen of which experiment, and what it says.

    Parameters
    ----------
    sees : str
        An ``organ``, its ``share`` of all organs seen with it, an ``order`` or a ``constant``.
    what : str
        The organ or the constant; of an order, the organ above.
    other : str
        Of an order, the organ below.
    per_gram : bool
        Whether the amount is told for each gram.
    hours : float
        When; of a constant, the end of its window.
    told : Told
        In the logarithm of percent of the dose, or of the constant's unit in `CONSTANTS`.
    """

    experiment: Experiment
    sees: Sees
    what: str
    other: str
    per_gram: bool
    hours: float
    told: Told
    unit: str
    row: int

    @property
    def scale_power(self) -> int:
        """How the scale of a study enters: amounts rise with it, clearances fall."""
        if self.sees == "constant":
            return CONSTANTS[self.what][1]
        return 1 if self.sees == "organ" else 0

    @property
    def errors(self) -> float:
        """Errors of one measurement in the variance: an order compares two."""
        return 2.0 if self.sees == "order" else 1.0

    @property
    def name(self) -> str:
        """Name it in words."""
        if self.sees == "order":
            return f"{self.what} above {self.other}, {self.hours:g} h"
        if self.sees == "constant":
            return f"{self.what} of blood"
        return f"{self.what}, {self.hours:g} h"


def read_table(text: str, *, name: str) -> tuple[Observation, ...]:
    """Return the observations of a table in CSV.

    Raises
    ------
    InputError
        A column is missing or unknown, a row cannot be read, or a study mixes units.
    """
    lines = csv.DictReader(io.StringIO(text), restkey="", strict=True)
    try:
        rows = list(lines)
    except csv.Error as fault:
        raise InputError(f"not a table: {fault}", where=name, remedy="write CSV") from None
    held = [column.strip() for column in lines.fieldnames or ()]
    missing = [column for column in NEEDED if column not in held]
    if missing or not {"time", "time_h"} & set(held):
        absent = missing or ["time"]
        raise InputError(
            f"missing column{'s' * (len(absent) > 1)}: {', '.join(absent)}",
            where=name,
            remedy=f"needed: {', '.join((*NEEDED, 'time'))}; "
            "`exosome new fit FILE` writes a commented table",
        )
    check_keys(held, COLUMNS, name)
    found = tuple(
        one
        for number, row in enumerate(rows, 2)
        if not row["study"].startswith("#")
        for one in (_observation(_clean(row, f"{name}:{number}"), f"{name}:{number}", number),)
    )
    if not found:
        raise InputError("no rows", where=name, remedy="give at least one observation")
    _one_unit(found, name)
    return found


def _clean(row: Mapping[str, object], where: str) -> dict[str, str]:
    if "" in row:
        raise InputError(
            "more fields than columns", where=where, remedy='put text with commas in quotes ("")'
        )
    return {key.strip(): str(value or "").strip() for key, value in row.items()}


def _one_unit(found: Iterable[Observation], name: str) -> None:
    """Refuse a study that tells amounts in several units: one of them is a slip of the pen."""
    units: dict[str, Observation] = {}
    for one in found:
        if one.sees in ("organ", "share"):
            first = units.setdefault(one.experiment.study, one)
            if (first.sees, first.per_gram) != (one.sees, one.per_gram):
                raise InputError(
                    f"study {one.experiment.study!r} mixes units: {first.unit!r} in row "
                    f"{first.row} and {one.unit!r} here",
                    where=f"{name}:{one.row} unit",
                    remedy="give all organs of a study in one unit, or name two studies",
                )


def _observation(row: dict[str, str], where: str, number: int) -> Observation:
    experiment = _experiment(row, where)
    unit = row["unit"]
    organ = row["organ"]
    constant = organ.removeprefix("blood_").removeprefix("plasma_")
    if ">" in organ or unit == "rank":
        above, _, below = (part.strip() for part in organ.partition(">"))
        if not below or row["value"]:
            raise InputError(
                f"an order reads 'spleen > liver' and has no value, not {organ!r}",
                where=f"{where} organ",
                remedy="name two organs with > between them and leave value empty",
            )
        if unit != "rank":
            raise _unit_fault(unit, "rank", where)
        two = _organ(above, where), _organ(below, where)
        hours = _hours(row, where)
        return Observation(
            experiment,
            "order",
            *two,
            per_gram=False,
            hours=hours,
            told=Told(0.0, math.inf),
            unit=unit,
            row=number,
        )
    if constant in CONSTANTS:
        inside = CONSTANTS[constant][0]
        factor = _factor(unit, inside, where)
        window = _hours(row, where, default=DEFAULT_WINDOW_H)
        told = _told(row["value"], factor, where)
        return Observation(
            experiment, "constant", constant, "", per_gram=False, hours=window, told=told,
            unit=unit, row=number,
        )  # fmt: skip
    what = _organ(organ, where)
    if unit not in _AMOUNT_UNITS:
        raise _unit_fault(unit, ", ".join(_AMOUNT_UNITS), where)
    how = _AMOUNT_UNITS[unit]
    sees: Sees = "share" if how == "share" else "organ"
    told = _told(row["value"], 1.0, where)
    hours = _hours(row, where)
    return Observation(experiment, sees, what, "", how == "gram", hours, told, unit, number)


def _unit_fault(unit: str, allowed: str, where: str) -> InputError:
    return InputError(
        f"{unit!r} is no unit of this observation", where=f"{where} unit", remedy=f"use {allowed}"
    )


def _organ(text: str, where: str) -> str:
    found = _ORGANS.get(text, text)
    if found not in SHOWN:
        raise InputError(
            f"{text!r} is no organ, order or constant",
            where=f"{where} organ",
            remedy=f"organs: {', '.join(SHOWN)}; constants: {', '.join(CONSTANTS)}",
        )
    return found


def _told(text: str, factor: float, where: str) -> Told:
    """Return the logarithm of a value, a limit or an interval."""
    place = f"{where} value"
    span = _RANGE.match(text)
    if span and not span[3]:
        low, high = (_positive(part, place) * factor for part in (span[1], span[2]))
        if not low < high:
            raise InputError(
                f"the interval {text!r} ends before it begins", where=place, remedy="swap its ends"
            )
        return Told(math.log(low), math.log(high))
    value = math.log(_positive(text.lstrip("<>~≈ "), place) * factor)
    if text.startswith("<"):
        return Told(-math.inf, value)
    if text.startswith(">"):
        return Told(value, math.inf)
    return Told(value, value)


def _positive(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(
            f"{text!r} is no number", where=where, remedy="give 28, <10, >3, 6.9-8.8 or ~7"
        ) from None
    if not math.isfinite(value):
        raise InputError(
            f"{text!r} is no value", where=where, remedy="leave out rows that were not measured"
        )
    if not value > 0.0:
        raise InputError(
            f"a value of {text}",
            where=where,
            remedy="no value is zero to a log-normal error: give a detection limit, such as <0.01",
        )
    return value


def _factor(unit: str, inside: str, where: str) -> float:
    """Return what turns a constant's unit into the one inside."""
    if inside == "%ID*h/mL":
        known = {"%ID*h/mL": 1.0, "%ID*h/g": 1.0, "%ID*min/mL": 1 / 60.0, "%ID*min/g": 1 / 60.0}
        if unit not in known:
            raise _unit_fault(unit, ", ".join(known), where)
        return known[unit]
    return to_internal(f"1 {unit}", inside, where=f"{where} unit")


def _hours(row: Mapping[str, str], where: str, default: float | None = None) -> float:
    text = row.get("time", "") or row.get("time_h", "")
    if not text:
        if default is not None:
            return default
        raise InputError(
            "no time", where=f"{where} time", remedy="say when, such as 4 h, or drop the row"
        )
    if row.get("time", ""):
        span = _RANGE.match(text)
        text = f"{span[2]} {span[3] or ''}" if span else text
        hours = to_internal(text, "h", where=f"{where} time")
    else:
        hours = _positive(text.rpartition("-")[2], f"{where} time_h")
    if not hours > 0.0:
        raise InputError(
            f"a time of {text}", where=f"{where} time", remedy="give a time after the dose"
        )
    return hours


def _experiment(row: Mapping[str, str], where: str) -> Experiment:
    if not row["study"]:
        raise InputError("no study", where=f"{where} study", remedy="name the study")
    species = row["species"].replace("/", " ").split()
    if not species or species[0] not in SPECIES:
        raise InputError(
            f"{row['species']!r} is no species", where=f"{where} species",
            remedy=f"species: {', '.join(SPECIES)}",
        )  # fmt: skip
    kind, in_words = _kind(row, where)
    size = _length(row.get("size", ""), f"{where} size") or in_words
    if size is None and kind != "vesicle":
        raise InputError(
            f"the size of a {KINDS[kind].name} is not told",
            where=f"{where} size",
            remedy="give its outer diameter, such as 80 nm",
        )
    route = row["route"].lower()
    if route not in ROUTES:
        raise InputError(
            f"{row['route']!r} is no route", where=f"{where} route",
            remedy=f"routes: {', '.join(ROUTES)}",
        )  # fmt: skip
    particles, per_kg, mass = _dose(row, size, where)
    left = row.get("residual_blood", "")
    share = (
        _positive(left, f"{where} residual_blood") if left not in ("", "0") else float(left or 1)
    )
    if share > 1.0:
        raise InputError(
            f"a share of blood of {left}", where=f"{where} residual_blood", remedy="give 0 to 1"
        )
    return Experiment(
        row["study"], species[0], kind, _label(row["label"], where), route, size, particles,
        per_kg, mass, share,
    )  # fmt: skip


def _kind(row: Mapping[str, str], where: str) -> tuple[str, float | None]:
    """Return the kind, and a size that its words tell."""
    if row.get("kind", ""):
        key = row["kind"].lower().replace("-", "_").replace(" ", "_")
        if key not in KINDS:
            raise InputError(
                f"{row['kind']!r} is no kind of particle", where=f"{where} kind",
                remedy=f"kinds: {', '.join(KINDS)}",
            )  # fmt: skip
        return key, None
    words = row.get("ev_source", "")
    if not words.startswith("comparator"):
        return "vesicle", None
    told = _SIZE_IN_WORDS.search(words)
    size = float(told[1]) if told else None
    low = words.lower()
    peg = "peg" in low
    if "liposome" in low:
        return ("peg_liposome" if peg else "liposome"), size
    if "sio2" in low or "au" in low.split()[1:2] or "peg-au" in low or "peg-coated au" in low:
        return ("peg_rigid" if peg else "rigid"), size
    raise InputError(
        f"{words!r} is no kind of particle", where=f"{where} ev_source",
        remedy=f"add a column kind: {', '.join(KINDS)}",
    )  # fmt: skip


def _label(text: str, where: str) -> str:
    if text in LABELS:
        return text
    low = text.lower()
    found = [key for key, words in _LABEL_WORDS.items() if any(word in low for word in words)]
    if len(found) != 1:
        raise InputError(
            f"{text!r} is no label" if not found else f"{text!r} names several labels",
            where=f"{where} label",
            remedy=f"labels: {', '.join(LABELS)}",
        )
    return found[0]


def _material(words: str) -> str:
    if "SiO2" in words:
        return "silica"
    return "gold" if "Au" in words else ""


def _length(text: str, where: str) -> float | None:
    return to_internal(text, "nm", where=where) if text else None


def _dose(
    row: Mapping[str, str], size: float | None, where: str
) -> tuple[tuple[float, float] | None, bool, MassDose | None]:
    text, place = row["dose"], f"{where} dose"
    if not text or text.endswith((" dye", "cpm")):  # an activity says nothing of particles
        return None, False, None
    if re.fullmatch(rf"{_NUMBER}", text):
        raise InputError(
            f"the dose {text!r} has no unit", where=place,
            remedy='say of what, such as "1e10 vesicle"; leave it empty if it was not told',
        )  # fmt: skip
    mass = re.fullmatch(rf"({_NUMBER})\s*(ug|mg)(/kg)?", text)
    if mass:
        material = row.get("material", "") or _material(row.get("ev_source", ""))
        weighs = _length(row.get("core", ""), f"{where} core") or size
        if not material or weighs is None:
            raise InputError(
                f"the dose {text!r} is a mass of what?", where=place,
                remedy="give material (silica or gold) and size, or the dose in particles",
            )  # fmt: skip
        mg = float(mass[1]) * (1e-3 if mass[2] == "ug" else 1.0)
        return None, False, MassDose(mg, bool(mass[3]), material, weighs)
    span = _RANGE.match(text)
    parts = (f"{span[1]} {span[3]}", f"{span[2]} {span[3]}") if span and span[3] else (text, text)
    read = [parse_dose(part, where=place) for part in parts]
    if read[0].metric not in ("vesicle", "particle"):
        raise InputError(
            f"{text!r} is not a number of particles", where=place,
            remedy='convert it first: `exosome dose "100 ug_protein" --as vesicle`',
        )  # fmt: skip
    return (read[0].amount, read[1].amount), read[0].per_kg, None
