"""Four bodies in numbers: spaces, flows and lymph of 15 organs, checked before they are used.

A table of physiology is believed only if it closes: the spaces of an organ make up the organ, the
flows of the organs make up the cardiac output, lymph is the stated share of plasma flow, and
blood is a credible share of the body. Published tables that break one of these were used for years.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from exosome.core.errors import InputError
from exosome.core.random import Streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Sex = Literal["male", "female"]

SPECIES = ("mouse", "rat", "rhesus", "human")
ORGANS = (
    "lung", "liver", "spleen", "kidney", "heart", "brain", "muscle", "skin", "adipose", "bone",
    "small_intestine", "large_intestine", "pancreas", "thymus", "other",
)  # fmt: skip
PORTAL = ("spleen", "small_intestine", "large_intestine", "pancreas")
"""Organs whose blood passes the liver before it comes back."""

_SPACES = (
    "volume_vascular_plasma",
    "volume_vascular_blood_cells",
    "volume_interstitial",
    "volume_endosomal",
    "volume_cellular",
)
_FLOWS = ("flow_plasma", "flow_blood_cells", "flow_lymph")
_CENTRAL = (
    "central_plasma_volume",
    "central_blood_cell_volume",
    "lymph_node_volume",
    "lymph_node_plasma_flow",
)
_UNITS: dict[str, str] = {
    **dict.fromkeys((*_SPACES, "volume_total", *_CENTRAL[:3]), "mL"),
    **dict.fromkeys((*_FLOWS, "lymph_node_plasma_flow"), "mL/h"),
}
# Tolerances of the validator, wider than the rounding of the printed tables (three figures) and
# narrower than every published slip: 0.4 % of cardiac output, 5 % of an organ.
_SPACE_SLACK, _FLOW_SLACK, _LYMPH_SLACK = 0.01, 0.002, 0.01
_PLASMA_PER_LYMPH = 500.0  # the rule of the source, stated in its text
_BLOOD_SHARE = (0.045, 0.095)  # of body weight, mL per g; Brown's mouse at 4.9 % to a rabbit's 9 %
_CELL_RATIO = (0.6, 1.1)  # blood-cell space over plasma space: haematocrit 0.38 to 0.52


@dataclass(frozen=True, slots=True)
class Organ:
    """One organ: its spaces in mL and its flows in mL per hour; ``lymph`` leaves it as lymph."""

    name: str
    plasma_ml: float
    blood_cells_ml: float
    interstitial_ml: float
    endosomal_ml: float
    cellular_ml: float
    flow_plasma_ml_per_h: float
    flow_blood_cells_ml_per_h: float
    lymph_ml_per_h: float

    @property
    def total_ml(self) -> float:
        """Volume of the organ with its blood."""
        return (
            self.plasma_ml
            + self.blood_cells_ml
            + self.interstitial_ml
            + self.endosomal_ml
            + self.cellular_ml
        )


@dataclass(frozen=True, slots=True)
class Physiology:
    """A body that closes.

    Flows of the liver are its arterial ones; portal blood comes from `PORTAL`. ``node_ml`` is
    the volume of all lymph nodes, ``tumour_ml`` that of a tumour beside the organs.
    """

    species: str
    population: str
    weight_g: float
    organs: Mapping[str, Organ]
    plasma_ml: float
    blood_cells_ml: float
    node_ml: float
    sources: tuple[str, ...] = ()
    tumour_ml: float = 0.0

    @property
    def cardiac_plasma_ml_per_h(self) -> float:
        """Plasma flow through the lung, which is the sum over all other organs."""
        return self.organs["lung"].flow_plasma_ml_per_h

    @property
    def cardiac_cells_ml_per_h(self) -> float:
        """Flow of blood cells through the lung."""
        return self.organs["lung"].flow_blood_cells_ml_per_h

    @property
    def lymph_ml_per_h(self) -> Mapping[str, float]:
        """Lymph of each organ; the liver's rests on its whole inflow, portal blood included.

        Only plasma that has not become lymph upstream reaches the liver.
        """
        lymph = {name: one.lymph_ml_per_h for name, one in self.organs.items()}
        portal = sum(self.organs[o].flow_plasma_ml_per_h - lymph[o] for o in PORTAL)
        liver = self.organs["liver"]
        lymph["liver"] += portal * liver.lymph_ml_per_h / liver.flow_plasma_ml_per_h
        return lymph

    @property
    def closure(self) -> float:
        """Largest relative gap of flows and of plasma balance: sums against what they make up."""
        others = [one for name, one in self.organs.items() if name != "lung"]
        plasma = sum(one.flow_plasma_ml_per_h for one in others) / self.cardiac_plasma_ml_per_h
        cells = sum(one.flow_blood_cells_ml_per_h for one in others) / self.cardiac_cells_ml_per_h
        return max(abs(plasma - 1.0), abs(cells - 1.0))


Row = dict[str, str]


@cache
def bundled_rows() -> tuple[Mapping[str, str], ...]:
    """Return the rows of the bundled table; each keeps its source and how it was read."""
    text = files("exosome.body").joinpath("physiology.csv").read_text("utf-8")
    return tuple(MappingProxyType(row) for row in csv.DictReader(io.StringIO(text)))


@cache
def constant(species: str, organ: str, parameter: str) -> float:
    """Return one number of the bundled table that stands once for a species (or ``all``).

    Raises
    ------
    InputError
        No row, or more than one, gives it.
    """
    found = [
        float(row["value"])
        for row in bundled_rows()
        if row["species"] in (species, "all")
        and row["organ"] == organ
        and row["parameter"] == parameter
    ]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} rows give {parameter} of {organ} in {species}",
            where="physiology table",
            remedy="ask for a parameter that the table holds once",
        )
    return found[0]


@cache
def body(species: str) -> Physiology:
    """Return the reference body of a species, normalised so that it closes.

    Raises
    ------
    InputError
        There is no such species.
    """
    if species not in SPECIES:
        raise InputError(
            f"no body of a {species!r}", where="body", remedy=f"choose from {', '.join(SPECIES)}"
        )
    rows = [
        row
        for row in bundled_rows()
        if row["species"] == species and row["source"].startswith("Shah & Betts")
    ]
    return read_body(rows, where=f"physiology of the {species}")


def read_body(rows: Sequence[Mapping[str, str]], *, where: str) -> Physiology:
    """Return the body that a table describes.

    Parameters
    ----------
    rows : sequence of mappings
        With the keys species, population, bw_kg, organ, parameter, value, unit and source; one
        species. ``volume_total`` of an organ includes its blood.
    where : str
        Name of the table, for errors.

    Raises
    ------
    InputError
        The table does not close, mixes conventions, lacks a number or has a wrong unit. The
        error names every fault.
    """
    found = faults(rows)
    if found:
        raise InputError(
            "; ".join(found),
            where=where,
            remedy="mend these rows against their source; a table that does not close is not used",
        )
    held = _values(rows)
    first = rows[0]
    node_flow = held.get(("central", "lymph_node_plasma_flow"), 0.0)
    organs = {name: _organ(name, held) for name in ORGANS}
    # The nodes have no blood of their own here: their flow joins the rest of the body, as the
    # source's code does for the mouse.
    other = organs["other"]
    cells = node_flow * other.flow_blood_cells_ml_per_h / other.flow_plasma_ml_per_h
    organs["other"] = replace(
        other,
        flow_plasma_ml_per_h=other.flow_plasma_ml_per_h + node_flow,
        flow_blood_cells_ml_per_h=other.flow_blood_cells_ml_per_h + cells,
        lymph_ml_per_h=other.lymph_ml_per_h + node_flow / _PLASMA_PER_LYMPH,
    )
    weight = held.get(("whole_body", "body_weight"), float(first["bw_kg"]) * 1000.0)
    return _closed(
        Physiology(
            species=first["species"],
            population=first["population"],
            weight_g=weight,
            organs=MappingProxyType(organs),
            plasma_ml=held["central", "central_plasma_volume"],
            blood_cells_ml=held["central", "central_blood_cell_volume"],
            node_ml=held["central", "lymph_node_volume"],
            sources=tuple(dict.fromkeys(row["source"] for row in rows)),
        )
    )


def _organ(name: str, held: Mapping[tuple[str, str], float]) -> Organ:
    spaces = [held[name, space] for space in _SPACES]
    total = held[name, "volume_total"]
    scale = total / math.fsum(spaces)  # the printed spaces are rounded; the total stands
    plasma, cells, interstitial, endosomal, cellular = (scale * space for space in spaces)
    flow = held[name, "flow_plasma"]
    return Organ(
        name, plasma, cells, interstitial, endosomal, cellular,
        flow_plasma_ml_per_h=flow,
        flow_blood_cells_ml_per_h=held[name, "flow_blood_cells"],
        lymph_ml_per_h=flow / _PLASMA_PER_LYMPH,
    )  # fmt: skip


def _closed(held: Physiology) -> Physiology:
    """Return the body with the flows of the organs scaled to the lung's."""
    others = [one for name, one in held.organs.items() if name != "lung"]
    plasma = held.cardiac_plasma_ml_per_h / math.fsum(o.flow_plasma_ml_per_h for o in others)
    cells = held.cardiac_cells_ml_per_h / math.fsum(o.flow_blood_cells_ml_per_h for o in others)
    organs = {
        name: one
        if name == "lung"
        else replace(
            one,
            flow_plasma_ml_per_h=one.flow_plasma_ml_per_h * plasma,
            flow_blood_cells_ml_per_h=one.flow_blood_cells_ml_per_h * cells,
            lymph_ml_per_h=one.lymph_ml_per_h * plasma,
        )
        for name, one in held.organs.items()
    }
    return replace(held, organs=MappingProxyType(organs))


def _values(rows: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], float]:
    return {(row["organ"], row["parameter"]): float(row["value"]) for row in rows}


def faults(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return, in words, everything that keeps a table from being a body; none if it is one."""
    found = _row_faults(rows)
    if found:
        return found  # sums over wrong rows would only repeat them
    held = _values(rows)
    missing = [
        f"{parameter} of {organ} is missing"
        for organ in ORGANS
        for parameter in (*_SPACES, "volume_total", "flow_plasma", "flow_blood_cells")
        if (organ, parameter) not in held
    ]
    missing += [f"{name} is missing" for name in _CENTRAL[:3] if ("central", name) not in held]
    if missing:
        return missing
    return [*_space_faults(held), *_flow_faults(held), *_blood_faults(rows, held)]


def _row_faults(rows: Sequence[Mapping[str, str]]) -> list[str]:
    found: list[str] = []
    if not rows:
        return ["the table is empty"]
    for key in ("species", "population"):
        named = {row[key] for row in rows}
        if len(named) > 1:
            found.append(f"rows of more than one {key}: {', '.join(sorted(named))}")
    seen: dict[tuple[str, str], str] = {}
    for row in rows:
        organ, parameter, unit = row["organ"], row["parameter"], row["unit"]
        if organ not in (*ORGANS, "central", "whole_body"):
            blood = organ.removeprefix("lung_") in ("tissue", "with_blood")
            reason = (
                "a lung named for its blood: give one lung, with its blood" if blood else
                f"organs are {', '.join(ORGANS)}"
            )  # fmt: skip
            found.append(f"unknown organ {organ!r} ({reason})")
            continue
        wanted = _UNITS.get(parameter)
        if wanted is not None and unit != wanted:
            found.append(f"{parameter} of {organ} is in {unit!r}, not in {wanted}")
        try:
            value = float(row["value"])
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0.0:
            found.append(f"{parameter} of {organ} is {row['value']!r}: negative or no number")
        if (organ, parameter) in seen and seen[organ, parameter] != row["value"]:
            found.append(f"two values of {parameter} of {organ}: one table, one convention")
        seen[organ, parameter] = row["value"]
    return found


def _space_faults(held: Mapping[tuple[str, str], float]) -> list[str]:
    found: list[str] = []
    for organ in ORGANS:
        spaces = [held[organ, space] for space in _SPACES]
        total = held[organ, "volume_total"]
        ratio = math.fsum(spaces) / total if total else math.inf
        if abs(ratio - 1.0) <= _SPACE_SLACK:
            continue
        why = _why_spaces_fail(organ, spaces, total, ratio)
        found.append(f"spaces of {organ} make {ratio:.3g} of its volume{why}")
    held_cells = math.fsum(held[organ, _SPACES[1]] for organ in ORGANS)
    pool = held["central", "central_blood_cell_volume"]
    if held_cells > 2.0 * pool:
        found.append(
            f"the organs hold {held_cells:.3g} mL of blood cells against a pool of {pool:.3g} mL: "
            "a column of another species"
        )
    return found


def _why_spaces_fail(organ: str, spaces: Sequence[float], total: float, ratio: float) -> str:
    """Return the likeliest reason; cells of another species before conventions of blood."""
    if not _CELL_RATIO[0] <= spaces[1] / spaces[0] <= _CELL_RATIO[1]:
        return f" (its blood cells are {spaces[1] / spaces[0]:.3g} times its plasma)"
    if abs(math.fsum(spaces[2:]) / total - 1.0) <= _SPACE_SLACK:
        return " (they fit without blood: a volume of tissue only, spaces with blood)"
    if organ == "lung" and not 0.7 <= ratio <= 1.4:
        return " (a lung with its blood mixed with a lung of tissue only)"
    return ""


def _flow_faults(held: Mapping[tuple[str, str], float]) -> list[str]:
    found: list[str] = []
    for flow, words in (("flow_plasma", "plasma"), ("flow_blood_cells", "blood cells")):
        lung = held["lung", flow]
        summed = math.fsum(held[organ, flow] for organ in ORGANS if organ != "lung")
        if flow == "flow_plasma":
            node = held.get(("central", "lymph_node_plasma_flow"), 0.0)
        else:
            node = held.get(("central", "lymph_node_plasma_flow"), 0.0) * (
                held["other", flow] / held["other", "flow_plasma"]
            )
        gap = lung - summed - node
        if abs(gap) > _FLOW_SLACK * lung:
            found.append(
                f"flows of {words} sum to {summed + node:.5g} of a cardiac output of {lung:.5g} "
                f"mL/h: {gap:.3g} mL/h {'missing' if gap > 0 else 'too much'}"
                + (" (the flow of the lymph nodes?)" if gap > 0 and not node else "")
            )
    for organ in ORGANS:
        lymph = held.get((organ, "flow_lymph"))
        wanted = held[organ, "flow_plasma"] / _PLASMA_PER_LYMPH
        if lymph is not None and abs(lymph - wanted) > _LYMPH_SLACK * wanted:
            found.append(
                f"lymph of {organ} is {lymph:.4g} mL/h, not its plasma flow over "
                f"{_PLASMA_PER_LYMPH:g} ({wanted:.4g})"
            )
    return found


def _blood_faults(
    rows: Sequence[Mapping[str, str]], held: Mapping[tuple[str, str], float]
) -> list[str]:
    weight = held.get(("whole_body", "body_weight"), float(rows[0]["bw_kg"]) * 1000.0)
    plasma, cells = (held["central", name] for name in _CENTRAL[:2])
    share = (plasma + cells) / weight
    found: list[str] = []
    if not _BLOOD_SHARE[0] <= share <= _BLOOD_SHARE[1]:
        found.append(
            f"blood is {100.0 * share:.3g} % of body weight, outside "
            f"{100 * _BLOOD_SHARE[0]:g} to {100 * _BLOOD_SHARE[1]:g} %"
        )
    if not _CELL_RATIO[0] <= cells / plasma <= _CELL_RATIO[1]:
        found.append(f"blood cells are {cells / plasma:.3g} times the plasma")
    return found


def bearing(held: Physiology, tumour_g: float, *, where: str) -> Physiology:
    """Return a body that bears a tumour of a weight; 1 g is taken for 1 mL.

    Raises
    ------
    InputError
        The tumour is none, or a fifth of the body and more.
    """
    if not 0.0 < tumour_g < 0.2 * held.weight_g:
        raise InputError(
            f"a tumour of {tumour_g:g} g in a body of {held.weight_g:g} g",
            where=where,
            remedy="give a weight below a fifth of the body's",
        )
    return replace(held, tumour_ml=tumour_g)


def scaled(
    held: Physiology, weight_g: float, *, flow_exponent: float, where: str = "body weight"
) -> Physiology:
    """Return the body of an animal of another weight, within its species.

    Volumes go with weight, flows with weight to ``flow_exponent``. It is no bridge between
    species, and it stops holding where composition changes with weight (growth, obesity).

    Raises
    ------
    InputError
        The weight lies outside a third to three times the reference.
    """
    ratio = weight_g / held.weight_g
    if not 1.0 / 3.0 <= ratio <= 3.0:
        raise InputError(
            f"{weight_g:g} g is not the weight of an adult {held.species} "
            f"(reference {held.weight_g:g} g)",
            where=where,
            remedy="give a third to three times the reference weight, or another species",
        )
    flow: dict[str, float] = dict.fromkeys(ORGANS, float(ratio**flow_exponent))
    return _varied(
        held,
        volume=dict.fromkeys(ORGANS, ratio),
        flow=flow,
        blood=ratio,
        weight=ratio,
    )


def of_sex(held: Physiology, sex: Sex) -> Physiology:
    """Return the body of a sex, where the table has data: cardiac output and blood of humans.

    The reference bodies are those of the sources: the human one is male, the animals are of
    unstated or mixed sex. Organ volumes stay; only blood and flows are known by sex here.

    Raises
    ------
    InputError
        There are no data by sex for the species.
    """
    if held.species != "human":
        raise InputError(
            f"no physiology by sex is at hand for the {held.species}",
            where="sex",
            remedy="leave the sex out",
        )
    if sex == "male":
        return held
    blood = _female_over_male("blood_volume")
    return _varied(
        held,
        volume=dict.fromkeys(ORGANS, 1.0),
        flow=dict.fromkeys(ORGANS, _female_over_male("cardiac_output")),
        blood=blood,
        weight=1.0,
    )


def _female_over_male(parameter: str) -> float:
    row = next(
        row
        for row in bundled_rows()
        if row["parameter"] == parameter and row["source"].startswith("ICRP")
    )
    return float(row["note"].removeprefix("female ")) / float(row["value"])


def individuals(
    held: Physiology, count: int, *, volume_cv: float, flow_cv: float, shared: float, seed: int
) -> list[Physiology]:
    """Return virtual individuals around a reference body, each of which closes.

    Every volume and flow is log-normal around the reference (its median). A share ``shared`` of
    the variance is common to all volumes of one individual (size), and the same common part
    drives its flows, so large bodies have large hearts. Flows are then scaled to the sum that
    they make up. Individual ``i`` does not depend on ``count``.

    Raises
    ------
    InputError
        Variability is negative or ``shared`` is no share.
    """
    if volume_cv < 0.0 or flow_cv < 0.0 or not 0.0 <= shared <= 1.0:
        raise InputError(
            "variability must be zero or more, and the shared part between 0 and 1",
            where="virtual individuals",
            remedy="give coefficients of variation such as 0.2, and shared = 0.5",
        )
    return [_individual(held, i, volume_cv, flow_cv, shared, seed) for i in range(count)]


def _individual(
    held: Physiology, i: int, volume_cv: float, flow_cv: float, shared: float, seed: int
) -> Physiology:
    rng = Streams(seed).of("body.individual", i)
    size = float(rng.standard_normal())
    own = rng.standard_normal(2 * len(ORGANS) + 1)
    spread_volume = math.sqrt(math.log1p(volume_cv**2))
    spread_flow = math.sqrt(math.log1p(flow_cv**2))
    a, b = math.sqrt(shared), math.sqrt(1.0 - shared)

    def factor(spread: float, z: float) -> float:
        return math.exp(spread * (a * size + b * z))

    volume = {o: factor(spread_volume, float(own[k])) for k, o in enumerate(ORGANS)}
    flow = {o: factor(spread_flow, float(own[len(ORGANS) + k])) for k, o in enumerate(ORGANS)}
    blood = factor(spread_volume, float(own[-1]))
    before = math.fsum(one.total_ml for one in held.organs.values())
    after = math.fsum(one.total_ml * volume[name] for name, one in held.organs.items())
    return _varied(held, volume=volume, flow=flow, blood=blood, weight=after / before)


def _varied(
    held: Physiology,
    *,
    volume: Mapping[str, float],
    flow: Mapping[str, float],
    blood: float,
    weight: float,
) -> Physiology:
    """Return a body with organs, flows and blood multiplied; the lung carries what others sum to.

    The heart's output is the sum of what the organs take, so a draw never breaks the balance.
    """
    organs = {
        name: Organ(
            name,
            one.plasma_ml * blood,
            one.blood_cells_ml * blood,
            one.interstitial_ml * volume[name],
            one.endosomal_ml * volume[name],
            one.cellular_ml * volume[name],
            flow_plasma_ml_per_h=one.flow_plasma_ml_per_h * flow[name],
            flow_blood_cells_ml_per_h=one.flow_blood_cells_ml_per_h * flow[name],
            lymph_ml_per_h=one.lymph_ml_per_h * flow[name],
        )
        for name, one in held.organs.items()
    }
    others = [one for name, one in organs.items() if name != "lung"]
    lung = organs["lung"]
    plasma = math.fsum(one.flow_plasma_ml_per_h for one in others)
    organs["lung"] = replace(
        lung,
        flow_plasma_ml_per_h=plasma,
        flow_blood_cells_ml_per_h=math.fsum(one.flow_blood_cells_ml_per_h for one in others),
        lymph_ml_per_h=plasma * held.organs["lung"].lymph_ml_per_h / held.cardiac_plasma_ml_per_h,
    )
    return replace(
        held,
        weight_g=held.weight_g * weight,
        organs=MappingProxyType(organs),
        plasma_ml=held.plasma_ml * blood,
        blood_cells_ml=held.blood_cells_ml * blood,
        node_ml=held.node_ml * weight,
    )
