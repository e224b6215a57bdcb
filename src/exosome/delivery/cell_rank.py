"""Which cell type releases the most vesicles, how sure that is, and why it is not settled."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from exosome.core.errors import CatalogError, InputError
from exosome.delivery.pool import Pool, pool, worst_status
from exosome.numerics.laws import law

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.core.random import Streams
    from exosome.delivery.pool import Status
    from exosome.numerics.laws import Law, LawKind

    Amount = NDArray[np.float64]

RATE_UNIT = "vesicle/cell/h"
CLAIMED = "msc"
"""Group of cell types that the article's two statements put first."""

Counted = Literal["vesicle", "particle"]
Known = Literal["ranked", "bounded", "unknown"]
Settled = Literal["supported", "contradicted", "cannot be settled"]

# A statement counts as supported or contradicted beyond these odds, and only if methods that
# count like with like say so at least twice.
_SURE = 0.95
_METHODS_NEEDED = 2
_OTHER_METHOD = "other"
_NOT_SEEN: frozenset[Status] = frozenset({"assumed", "recalled"})

_Word = Annotated[str, StringConstraints(min_length=1)]


class CellType(BaseModel):
    """A cell type and the catalog's parameters that hold its release rate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Word
    roles: Annotated[tuple[_Word, ...], Field(min_length=1)]
    group: str = ""
    between: tuple[_Word, _Word] | None = None
    has_endosomes: bool = True
    note: str = ""


class Method(BaseModel):
    """A way in which release rates were counted, and which way it errs.

    ``records`` maps the id of a release rate to the id of the record that holds
    what was counted, in the unit in which it was counted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Word
    counted: Counted
    bias: _Word
    records: dict[str, str]


class CellTypes(BaseModel):
    """The cell types that are ranked, and the methods behind their rates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell: Annotated[dict[str, CellType], Field(min_length=2)]
    method: dict[str, Method]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One record's release rate of one cell type: vesicles per cell and hour.

    ``counted`` says what was counted; counted particles are already turned into
    vesicles in ``median``, ``low`` and ``high`` (90 % interval of the law).
    """

    record: str
    citation: str
    method: str
    method_name: str
    counted: Counted
    bias: str
    read: Status
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CellRate:
    """A cell type with its release rate (vesicles per cell and hour) and its odds to be first.

    A type that is only bounded, or unknown, has no median and is not ranked.
    """

    key: str
    name: str
    group: str
    known: Known
    median: float | None
    low: float | None
    high: float | None
    first: float | None
    estimates: tuple[Estimate, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Probability that the claimed group releases more than one other cell type.

    ``alike`` holds the same probability method by method, where one method
    counted both.
    """

    other: str
    name: str
    more: float
    alike: dict[str, float]


@dataclass(frozen=True, slots=True)
class Alike:
    """Cell types that one method counted, in the unit it counted, and who is first among them.

    ``measured`` is false if every rate is an assumed or recalled figure.
    """

    method: str
    name: str
    unit: str
    first: tuple[tuple[str, float, float], ...]
    has_claimed: bool
    measured: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the methods lie apart for one cell type: largest over smallest median.

    ``measured`` is false if any of the rates is an assumed or recalled figure.
    """

    key: str
    name: str
    methods: tuple[str, ...]
    fold: float
    measured: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on one statement, with the probability it rests on."""

    statement: str
    words: str
    asks: str
    verdict: Settled
    probability: float
    sentence: str


@dataclass(frozen=True, slots=True)
class CellRanking:
    """Who releases the most vesicles per cell and hour, with every doubt counted.

    ``rates`` are ordered by median, then the types without a number.
    ``exceeds[a][b]`` is the probability that ``a`` releases more than ``b``,
    ties counted half. ``if_biased`` is the probability that the claimed group is
    first if its own rates err by ``bias_fold`` down and up.
    """

    claimed: str
    draws: int
    rates: tuple[CellRate, ...]
    first: float
    pairs: tuple[Pair, ...]
    alike: tuple[Alike, ...]
    spreads: tuple[Spread, ...]
    bias_fold: float
    if_biased: tuple[float, float]
    exceeds: dict[str, dict[str, float]]
    answers: tuple[Answer, ...]
    reasons: tuple[str, ...]

    def rate(self, key: str) -> CellRate:
        """Return the row of one cell type."""
        return next(one for one in self.rates if one.key == key)


@cache
def cell_types() -> CellTypes:
    """Return the bundled cell types.

    Raises
    ------
    CatalogError
        If the bundled file breaks its rules.
    """
    text = files("exosome.cell").joinpath("types.toml").read_text("utf-8")
    return read_cell_types(text, where="types.toml")


def read_cell_types(text: str, *, where: str) -> CellTypes:
    """Read cell types from TOML text.

    Raises
    ------
    CatalogError
        If the text is not TOML or an entry breaks a rule; ``where`` names the file.
    """
    try:
        return CellTypes.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as fault:
        raise CatalogError(
            f"the cell types cannot be used: {fault}", where=where, remedy="mend the entry named"
        ) from fault


def find_cell(name: str, *, types: CellTypes | None = None) -> str:
    """Return the key of a cell type given its key or its name in words.

    Raises
    ------
    InputError
        If no such cell type is listed; the nearest is named.
    """
    from difflib import get_close_matches

    cells = (types or cell_types()).cell
    words = {key.casefold(): key for key in cells}
    words |= {one.name.casefold(): key for key, one in cells.items()}
    asked = name.strip().casefold()
    for form in (asked, asked.replace("-", "_").replace(" ", "_")):
        if form in words:
            return words[form]
    near = get_close_matches(asked, words, n=1, cutoff=0.5)
    raise InputError(
        f"{name!r} is no cell type listed here",
        where="cell show",
        remedy=(f"did you mean {words[near[0]]!r}? " if near else "")
        + f"Cell types: {', '.join(cells)}",
    )


def rank_cells(
    catalog: Catalog, streams: Streams, size: int, *, types: CellTypes | None = None
) -> CellRanking:
    """Return how likely each cell type is to release the most vesicles per cell and hour.

    Each draw picks for each cell type a study (equal weight) and a record of it,
    then a rate from that record's law. A record that informs several cell types
    is drawn once, so that one assumption is not counted as three. Ties share the
    first place. The claimed group stands by its best member, the reading most
    favourable to the claim. Types without a number take no part, so every
    probability of being first is an upper bound while any type is unknown.

    It stops holding where methods err together: errors that two records of one
    study share (the clearance behind a mass balance, the particles per vesicle)
    are drawn apart, which only the comparison within one method, made in the
    unit that was counted, leaves out.

    Parameters
    ----------
    catalog : Catalog
        The numbers; a user's own release rates take part under their role.
    size : int
        Number of draws, at least 1.

    Raises
    ------
    InputError
        If ``size`` is below 1, or no type of the claimed group or no other type has a number.
    CatalogError
        If the cell types name a record or role that does not exist.
    """
    if size < 1:
        raise InputError(f"{size} draws", where="cell rank", remedy="ask for at least 1 draw")
    held = types or cell_types()
    pools = {key: _pool_of(catalog, one) for key, one in held.cell.items()}
    known = {key: one for key, one in pools.items() if one is not None}
    mine = [key for key in known if held.cell[key].group == CLAIMED]
    others = [key for key in known if held.cell[key].group != CLAIMED]
    if not mine or not others:
        raise InputError(
            "there is nothing to rank: one side has no release rate",
            where="cell rank",
            remedy="give numbers with --numbers my.toml for an MSC type and for another cell type",
        )
    draws = _Draws(streams, size)
    rates = {key: draws.of_pool(key, one) for key, one in known.items()}
    first = _share_first(rates)
    best = np.maximum.reduce([rates[key] for key in mine])
    alike = _alike(catalog, held, known, draws)
    pairs = tuple(
        Pair(
            key,
            held.cell[key].name,
            _exceeds(best, rates[key]),
            {one.method: odds[key] for one, odds in alike if key in odds},
        )
        for key in others
    )
    rows = [
        _row(catalog, held, key, pools[key], rates.get(key), first.get(key)) for key in held.cell
    ]
    rows.sort(key=lambda one: (one.median is None, -(one.median or 0.0), one.known))
    spreads = tuple(s for one in rows if (s := _spread(one.key, one.name, one.estimates)))
    seen = [one.fold for one in spreads if one.measured]
    fold = max(seen or [one.fold for one in spreads], default=1.0)
    group_first = sum(first[key] for key in mine)
    biased = (_first_if(rates, mine, 1.0 / fold), _first_if(rates, mine, fold))
    shown = tuple(one for one, _ in alike)
    measured = {one.method for one in shown if one.measured}
    return CellRanking(
        claimed=CLAIMED,
        draws=size,
        rates=tuple(rows),
        first=group_first,
        pairs=pairs,
        alike=shown,
        spreads=spreads,
        bias_fold=fold,
        if_biased=biased,
        exceeds={a: {b: _exceeds(x, rates[b]) for b in rates if b != a} for a, x in rates.items()},
        answers=_answers(rows, pairs, group_first, measured),
        reasons=_reasons(rows, shown, spreads, fold, biased),
    )


class _Draws:
    """Draws of laws, each addressed by its record, so that one record is one number."""

    def __init__(self, streams: Streams, size: int) -> None:
        self._streams, self._size = streams, size
        self._held: dict[str, Amount] = {}

    def of_record(self, record: str, one: Law) -> Amount:
        if record not in self._held:
            u = self._streams.of(f"cell_rank.record.{record}").random(self._size)
            self._held[record] = one.quantile(u)
        return self._held[record]

    def of_pool(self, key: str, one: Pool) -> Amount:
        pick = self._streams.of(f"cell_rank.study.{key}")
        study = pick.integers(len(one.studies), size=self._size)
        within = pick.random(self._size)
        values = np.empty(self._size)
        for i, (records, laws) in enumerate(zip(one.studies, one.laws, strict=True)):
            index = (within * len(records)).astype(np.intp)
            for j, (record, drawn) in enumerate(zip(records, laws, strict=True)):
                here = (study == i) & (index == j)
                values[here] = self.of_record(record.id, drawn)[here]
        return values


def _pool_of(catalog: Catalog, cell: CellType) -> Pool | None:
    """Return the records of all the cell's roles as one pool; None if there are none."""
    told = {record.role for record in catalog.values()}
    found = [pool(catalog, role, where="cell rank") for role in cell.roles if role in told]
    if not found:
        return None
    studies: dict[str, tuple[tuple[Sourced, ...], tuple[Law, ...]]] = {}
    read_as: dict[str, Status] = {}
    for one in found:
        read_as |= one.read_as
        for records, laws in zip(one.studies, one.laws, strict=True):
            # Two roles may hold records of one study, which then weighs once.
            before, drawn = studies.get(records[0].citation, ((), ()))
            studies[records[0].citation] = (before + records, drawn + laws)
    return Pool(
        cell.roles[0],
        tuple(records for records, _ in studies.values()),
        tuple(laws for _, laws in studies.values()),
        read_as,
    )


def _share_first(rates: Mapping[str, Amount]) -> dict[str, float]:
    table = np.vstack(list(rates.values()))
    winners = np.equal(table, np.max(table, axis=0))
    share: Amount = np.mean(winners / np.sum(winners, axis=0), axis=1)
    return {key: float(share[i]) for i, key in enumerate(rates)}


def _first_if(rates: Mapping[str, Amount], mine: Sequence[str], fold: float) -> float:
    """Return how often one of ``mine`` is first if all their rates are ``fold`` times as large."""
    first = _share_first({k: x * fold if k in mine else x for k, x in rates.items()})
    return sum(first[key] for key in mine)


def _exceeds(a: Amount, b: Amount) -> float:
    more, same = np.count_nonzero(a > b), np.count_nonzero(a == b)
    return (more + 0.5 * same) / a.size


def _method_of(held: CellTypes, record: Sourced) -> tuple[str, str, Counted, str]:
    for key, method in held.method.items():
        if record.id in method.records:
            return key, method.name, method.counted, method.bias
    return _OTHER_METHOD, record.method or "not told", "vesicle", "not told"


def _row(
    catalog: Catalog,
    held: CellTypes,
    key: str,
    one: Pool | None,
    drawn: Amount | None,
    first: float | None,
) -> CellRate:
    cell = held.cell[key]
    known: Known = "ranked"
    low = median = high = None
    if one is not None and drawn is not None:
        low, median, high = (float(x) for x in np.quantile(drawn, (0.05, 0.5, 0.95)))
    elif cell.between is not None:
        known = "bounded"
        least, most = (_record(catalog, name, key) for name in cell.between)
        low, high = least.low, most.high
    else:
        known = "unknown"
    return CellRate(
        key=key,
        name=cell.name,
        group=cell.group,
        known=known,
        median=median,
        low=low,
        high=high,
        first=first,
        estimates=() if one is None else _estimates(held, one),
        note=cell.note,
    )


def _record(catalog: Catalog, name: str, key: str) -> Sourced:
    try:
        return catalog[name]
    except KeyError:
        raise CatalogError(
            f"{name!r} is no record of the catalog",
            where=f"cell types, {key}",
            remedy="name a record that exists",
        ) from None


def _estimates(held: CellTypes, one: Pool) -> tuple[Estimate, ...]:
    found: list[Estimate] = []
    for records, laws in zip(one.studies, one.laws, strict=True):
        for record, drawn in zip(records, laws, strict=True):
            key, name, counted, bias = _method_of(held, record)
            low, median, high = (float(x) for x in drawn.quantile(np.array([0.05, 0.5, 0.95])))
            found.append(
                Estimate(
                    record.id, record.citation, key, name, counted, bias,
                    one.read_as[record.id], median, low, high,
                )
            )  # fmt: skip
    return tuple(found)


def _alike(
    catalog: Catalog, held: CellTypes, known: Mapping[str, Pool], draws: _Draws
) -> list[tuple[Alike, dict[str, float]]]:
    """Rank within each method that has two records or more, in the unit it counted.

    With each ranking comes the probability that the claimed group exceeds each other type.
    """
    found: list[tuple[Alike, dict[str, float]]] = []
    for key, method in held.method.items():
        cells = {
            record: [c for c, one in known.items() if any(r.id == record for r in one.records)]
            for record in method.records
        }
        cells = {record: users for record, users in cells.items() if users}
        if len(cells) < 2:
            continue
        counted = {record: _record(catalog, method.records[record], key) for record in cells}
        amounts = {
            record: draws.of_record(one.id, _law_as_counted(one)) for record, one in counted.items()
        }
        first = _share_first(amounts)
        by_cell = {cell: amounts[record] for record, users in cells.items() for cell in users}
        mine = [x for cell, x in by_cell.items() if held.cell[cell].group == CLAIMED]
        shown = Alike(
            method=key,
            name=method.name,
            unit=f"{method.counted}/cell/h",
            first=tuple(
                (
                    " / ".join(held.cell[c].name for c in users),
                    float(np.median(amounts[record])),
                    first[record],
                )
                for record, users in cells.items()
            ),
            has_claimed=bool(mine),
            measured=not {
                worst_status([one, *catalog.inputs_of(one.id)]) for one in counted.values()
            }
            <= _NOT_SEEN,
        )
        odds = {
            cell: _exceeds(np.maximum.reduce(mine), x)
            for cell, x in by_cell.items()
            if mine and held.cell[cell].group != CLAIMED
        }
        found.append((shown, odds))
    return found


def _law_as_counted(record: Sourced) -> Law:
    return law(
        cast("LawKind", record.distribution),
        value=record.value,
        low=record.low,
        high=record.high,
        bound_kind=record.bound_kind,
        limits=(0.0, np.inf),
    )


def _spread(key: str, name: str, estimates: Sequence[Estimate]) -> Spread | None:
    medians = {one.method_name: one.median for one in estimates}
    if len(medians) < 2 or min(medians.values()) <= 0.0:
        return None
    fold = max(medians.values()) / min(medians.values())
    seen = not any(one.read in _NOT_SEEN for one in estimates)
    return Spread(key, name, tuple(medians), fold, seen)


def _settled(odds: float, alike: Sequence[float], *, complete: bool) -> Settled:
    """Return a verdict only where like-with-like methods agree with the odds, twice."""
    if len(alike) >= _METHODS_NEEDED:
        if complete and min(odds, *alike) >= _SURE:
            return "supported"
        if max(odds, *alike) <= 1.0 - _SURE:
            return "contradicted"
    return "cannot be settled"


def _answers(
    rates: Sequence[CellRate], pairs: Sequence[Pair], first: float, measured: AbstractSet[str]
) -> tuple[Answer, ...]:
    missing = sum(one.known != "ranked" for one in rates)
    verdicts: list[Settled] = [
        _settled(
            one.more, [p for method, p in one.alike.items() if method in measured], complete=True
        )
        for one in pairs
    ]
    # To be first, every other type has to be beaten; one that is not suffices against it.
    every: Settled = "cannot be settled"
    if "contradicted" in verdicts:
        every = "contradicted"
    elif not missing and set(verdicts) == {"supported"} and first >= _SURE:
        every = "supported"
    tested: Settled = "cannot be settled"
    if verdicts.count(verdicts[0]) == len(verdicts):
        tested = verdicts[0]
    mean = float(np.mean([one.more for one in pairs]))
    least, most = (f(pairs, key=lambda one: one.more) for f in (min, max))
    upper = "at most " if missing else ""
    return (
        Answer(
            "S22",
            "MSCs have the highest amount of exosomes out of any cell",
            "first among all cell types",
            every,
            first,
            f"As the numbers stand, P(an MSC type is first) is {upper}{percent(first)} over the "
            f"{len(rates) - missing} types with a number; {missing} of {len(rates)} types have "
            "none and could only lower it.",
        ),
        Answer(
            "S38",
            "MSCs were able to produce higher amounts of exosomes than other cells",
            "higher than the others tested, one comparison at a time",
            tested,
            mean,
            f"P(MSC release more) runs from {percent(least.more)} ({least.name}) to "
            f"{percent(most.more)} ({most.name}) over {len(pairs)} comparisons, "
            f"{percent(mean)} on average; {verdicts.count('supported')} are supported, "
            f"{verdicts.count('contradicted')} contradicted.",
        ),
    )


def _reasons(
    rates: Sequence[CellRate],
    alike: Sequence[Alike],
    spreads: Sequence[Spread],
    fold: float,
    biased: tuple[float, float],
) -> tuple[str, ...]:
    found: list[str] = []
    unknown = [one.name for one in rates if one.known == "unknown"]
    bounded = [one.name for one in rates if one.known == "bounded"]
    if unknown or bounded:
        only = f" {', '.join(bounded)}: bounds only." if bounded else ""
        found.append(
            f"{len(unknown) + len(bounded)} of {len(rates)} cell types have no number of their "
            f"own ({', '.join(unknown + bounded)}); any of them could be first as far as "
            f"its own numbers go.{only}"
        )
    beside = [one for one in alike if one.has_claimed]
    measured = [one for one in beside if one.measured]
    found.append(
        f"Methods that counted MSC beside another listed cell type: {len(beside)}; with a figure "
        f"that was measured and seen in its source: {len(measured)}."
        + "".join(
            f" In '{one.name}' every figure is assumed or recalled."
            for one in beside
            if not one.measured
        )
    )
    if spreads:
        named = "; ".join(
            f"{one.name} {one.fold:.2g}-fold"
            + ("" if one.measured else ", of assumed or recalled figures")
            for one in spreads
        )
        found.append(
            f"For one and the same cell type methods lie far apart ({named}). If the "
            f"rates of MSC err by {fold:.2g}-fold, P(first) runs from {percent(biased[0])} to "
            f"{percent(biased[1])}."
        )
    ranked = [one for one in rates if one.known == "ranked"]
    mine = [one for one in ranked if one.group == CLAIMED]
    low = min(one.low for one in mine if one.low is not None)
    high = max(one.high for one in mine if one.high is not None)
    rivals = [one for one in ranked if one.group != CLAIMED]
    over = [
        one.name
        for one in rivals
        if one.low is not None and one.high is not None and one.low <= high and low <= one.high
    ]
    found.append(
        f"The 90 % interval of MSC overlaps that of {len(over)} of {len(rivals)} other types "
        f"with a number{': ' + ', '.join(over) if over else ''}."
    )
    top = max(ranked, key=lambda one: one.median or 0.0)
    own = {e.method for one in mine for e in one.estimates}
    if top.group != CLAIMED and not own & {e.method for e in top.estimates}:
        said = ", ".join(dict.fromkeys(e.method_name for e in top.estimates))
        found.append(
            f"The largest median is that of {top.name} ({said}), a method by which no MSC was "
            "counted: the order of the two may be the order of the methods."
        )
    seen = [e for one in mine for e in one.estimates if e.read not in _NOT_SEEN]
    if not seen:
        found.append("No release rate of MSC was seen in its source: all are assumed or recalled.")
    return tuple(found)


def percent(share: float) -> str:
    """Return a probability in percent, as far as draws can tell it."""
    # A finite number of draws never says never, nor always.
    if share < 0.001:
        return "less than 0.1 %"
    if share > 0.999:
        return "more than 99.9 %"
    return f"{100.0 * share:.{2 if share < 0.1 else 3}g} %"
