"""Cases whose answer is known, run by the same code as every claim.

A chain that cannot reproduce what has been measured should not be believed on
what has not. Inputs are frozen: ``frozen.toml`` holds a hash of each control
file together with every record it draws from, taken before the first run.
"""

from __future__ import annotations

import json
import math
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal, cast

import numpy as np
from pydantic import Field

from exosome.catalog.load import load_catalog
from exosome.core.random import Streams
from exosome.core.units import parse_dose
from exosome.delivery.outcome import Packets
from exosome.delivery.problem import pose
from exosome.numerics.special import gammaincinv
from exosome.study.scenario import Scenario, Strict, questions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.delivery.draws import Draws
    from exosome.delivery.problem import Problem

    Amount = NDArray[np.float64]

Score = Literal["reproduced", "missed", "sign reproduced", "sign missed"]

_DRAWS = 10_000
WIDE_POINTS = 50.0
"""A 90 % interval wider than this many percentage points tests little."""

FOLD_ALLOWED = math.sqrt(10.0)
"""A dose-response control whose medians are off by more than this factor is missed."""

_CELLS = 32  # quantile nodes over the cells of one draw


class ControlSpec(Strict):
    """What is known, and how the prediction is scored against it."""

    title: str
    known: str = Field(description="what was measured, in words")
    source: str
    scored_by: Literal["dose_response", "sign", "below"]
    doses: Annotated[tuple[str, ...], Field(strict=False)] = ()
    published: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="ids of the records that hold the published magnitudes"
    )
    caution: str = ""


class Control(Scenario):
    """A control file: a scenario and what is known about it."""

    schema_version: Literal[1]
    control: ControlSpec


@dataclass(frozen=True, slots=True)
class ControlRow:
    """One comparison of a prediction with what was measured, in percent.

    A rival's row shows what one contradicting position alone would predict; it
    does not decide whether the control is reproduced.
    """

    case: str
    low: float
    median: float
    high: float
    published: float | None
    published_low: float | None
    published_high: float | None
    score: Score
    records: tuple[str, ...]
    is_rival: bool = False


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A control with its rows and whether its inputs are as they were frozen.

    ``fold_error`` is by what factor of dose a dose-response control's medians are
    off, as the geometric mean over its doses: wide intervals alone would let a
    tenfold error pass.
    """

    name: str
    title: str
    known: str
    source: str
    caution: str
    rows: tuple[ControlRow, ...]
    frozen_on: str
    hash: str
    unchanged: bool
    used: tuple[Sourced, ...]
    fold_error: float | None

    @property
    def weak(self) -> bool:
        """Whether every deciding prediction is so wide that hardly anything could miss it."""
        return all(row.high - row.low > WIDE_POINTS for row in self.rows if not row.is_rival)

    @property
    def passed(self) -> bool:
        """Whether every row that decides was reproduced, and the medians are not far off."""
        near = self.fold_error is None or 1.0 / FOLD_ALLOWED <= self.fold_error <= FOLD_ALLOWED
        rows = all(row.score.endswith("reproduced") for row in self.rows if not row.is_rival)
        return near and rows


def run_controls(*, seed: int, workers: int = 2) -> tuple[ControlResult, ...]:
    """Return every bundled control, run on the bundled catalog (never on a user's numbers)."""
    catalog = load_catalog()
    names = control_names()
    with ThreadPoolExecutor(max_workers=max(1, workers)) as threads:
        return tuple(threads.map(partial(run_control, catalog=catalog, seed=seed), names))


def run_control(name: str, catalog: Catalog, *, seed: int) -> ControlResult:
    """Return one control, scored."""
    control = read_control(name)
    spec = control.control
    (question,) = questions(control, where=f"control {name}")
    problem = pose(question, catalog)
    streams = Streams(seed)
    match spec.scored_by:
        case "dose_response":
            rows = _dose_response(spec, problem, catalog, streams)
        case "sign":
            rows = _sign(spec, problem, catalog, streams)
        case "below":
            rows = _below(spec, problem, catalog, streams)
    digest = input_hash(name, catalog)
    used = _used(name, catalog)
    held = frozen()
    return ControlResult(
        name,
        spec.title,
        spec.known,
        spec.source,
        spec.caution,
        rows,
        str(held["frozen_on"]),
        digest,
        cast("dict[str, str]", held["hash"]).get(name) == digest,
        used,
        _fold_error(rows) if spec.scored_by == "dose_response" else None,
    )


def control_names() -> tuple[str, ...]:
    """Return the names of the bundled controls."""
    folder = files("exosome.claims").joinpath("controls")
    return tuple(
        sorted(
            one.name.removesuffix(".toml")
            for one in folder.iterdir()
            if one.name.endswith(".toml") and one.name != "frozen.toml"
        )
    )


def read_control(name: str) -> Control:
    """Return one bundled control file."""
    return Control.model_validate(tomllib.loads(_text(name)))


def frozen() -> dict[str, object]:
    """Return the date and the hashes under which the controls' inputs were frozen."""
    return tomllib.loads(_text("frozen"))


def input_hash(name: str, catalog: Catalog) -> str:
    """Return the hash of a control file and of every record that it uses."""
    records = {record.id: asdict(record) for record in _used(name, catalog)}
    content = _text(name) + json.dumps(records, sort_keys=True)
    return sha256(content.encode()).hexdigest()


def _used(name: str, catalog: Catalog) -> tuple[Sourced, ...]:
    """Return every record that a control draws from or is scored by, in the order of ids."""
    control = read_control(name)
    (question,) = questions(control, where=f"control {name}")
    used = {r.id for one in pose(question, catalog).pools.values() for r in one.records}
    return tuple(catalog[key] for key in sorted(used | set(control.control.published)))


def _text(name: str) -> str:
    return files("exosome.claims").joinpath("controls", f"{name}.toml").read_text("utf-8")


def _dose_response(
    spec: ControlSpec, problem: Problem, catalog: Catalog, streams: Streams
) -> tuple[ControlRow, ...]:
    """Score the mean response of all cells at each dose against the published reduction."""
    draws = problem.draws(streams, _DRAWS)
    spread = _uptake_of_cells(draws["uptake_cv"])
    rows: list[ControlRow] = []
    for text, record_id in zip(spec.doses, spec.published, strict=True):
        dose = parse_dose(text, where=f"control dose {text!r}")
        posed = replace(problem, question=replace(problem.question, given=dose))
        predicted = 100.0 * _mean_response(posed, draws, spread)
        low, median, high = (float(x) for x in np.quantile(predicted, [0.05, 0.5, 0.95]))
        known = catalog[record_id]
        if known.value is None:
            raise ValueError(f"published record {record_id} has no value")
        score: Score = "reproduced" if low <= known.value <= high else "missed"
        rows.append(
            ControlRow(
                text, low, median, high, known.value, known.low, known.high, score, (record_id,)
            )
        )
    return tuple(rows)


def _fold_error(rows: tuple[ControlRow, ...]) -> float:
    """Return the geometric mean of predicted over published odds, which are linear in dose."""
    logs = [
        math.log(row.median / (100.0 - row.median))
        - math.log(row.published / (100.0 - row.published))
        for row in rows
        if row.published is not None
    ]
    return math.exp(sum(logs) / len(logs))


def _uptake_of_cells(cv: Amount) -> Amount:
    """Return quantiles of the cells' uptake over its mean, shape (draw, cell): a gamma law."""
    nodes = (np.arange(_CELLS) + 0.5) / _CELLS
    shape = 1.0 / cv[:, None] ** 2
    return gammaincinv(shape, nodes[None, :]) / shape


def _mean_response(problem: Problem, draws: Draws, spread: Amount) -> Amount:
    """Return the mean over cells of x / (1 + x), x being functional copies over half-maximum.

    Within a cell thousands of copies make the packet noise small, so it is left out.
    """
    effect = problem.outcome(draws).effect
    if not isinstance(effect, Packets):
        raise TypeError("a dose-response control needs a luminal mechanism")
    x = (effect.mean_delivered / effect.needed)[:, None] * spread
    return np.mean(x / (1.0 + x), axis=1)


def _sign(
    spec: ControlSpec, problem: Problem, catalog: Catalog, streams: Streams
) -> tuple[ControlRow, ...]:
    """Score only whether the fusogen raises the fraction of cells that respond, as published."""
    bare = pose(replace(problem.question, carrier="natural_vesicle"), catalog)
    with_fusogen = _responding(problem, streams)
    without = _responding(bare, streams)
    higher = float((with_fusogen > without).mean())
    score: Score = (
        "sign reproduced" if np.median(with_fusogen) > 1.0 and higher > 0.5 else "sign missed"
    )
    return (
        _row("with the fusogen, cells that respond", with_fusogen, score, spec.published),
        _row("without it, cells that respond", without, score, ()),
    )


def _below(
    spec: ControlSpec, problem: Problem, catalog: Catalog, streams: Streams
) -> tuple[ControlRow, ...]:
    """Score the share of internalised vesicles that open against a detection limit."""
    known = catalog[spec.published[0]]
    if known.high is None:
        raise ValueError(f"published record {known.id} has no upper bound")
    limit = 100.0 * known.high
    role = f"opening.{problem.question.carrier}"
    rows: list[ControlRow] = []
    cases = [("all sources pooled", problem, False)]
    cases += [
        (f"sources that say: {rival}", problem.holding(role, rival), True)
        for rival in problem.pools[role].rivals
    ]
    for case, posed, is_rival in cases:
        opened = 100.0 * posed.draws(streams, _DRAWS)[role]
        # The median, not the lower end: a wide interval must not pass for agreement.
        score: Score = "reproduced" if float(np.median(opened)) <= limit else "missed"
        row = _row(f"opened, {case}", opened, score, spec.published, high=limit)
        rows.append(replace(row, is_rival=is_rival))
    return tuple(rows)


def _responding(problem: Problem, streams: Streams) -> Amount:
    return 100.0 * problem.outcome(problem.draws(streams, _DRAWS)).effect.responding()


def _row(
    case: str, values: Amount, score: Score, records: tuple[str, ...], *, high: float | None = None
) -> ControlRow:
    low, median, top = (float(x) for x in np.quantile(values, [0.05, 0.5, 0.95]))
    return ControlRow(
        case, low, median, top, None, 0.0 if high is not None else None, high, score, records
    )
