"""What a run found, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exosome.delivery.extremes import Extreme
    from exosome.delivery.flips import Flip
    from exosome.delivery.measurement import Measurement
    from exosome.delivery.problem import Problem
    from exosome.delivery.shares import Shares
    from exosome.delivery.verdict import Margins, Verdict
    from exosome.study.depths import DepthFound


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One bar of the waterfall: median and 90 % interval over what we do not know."""

    name: str
    unit: str
    low: float
    median: float
    high: float
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlaceSummary:
    """Where a share of the vesicles, copies or molecules ended."""

    thing: str
    place: str
    share_low: float
    share: float
    share_high: float


@dataclass(frozen=True, slots=True)
class RivalVerdict:
    """The verdict if one of two contradicting positions were settled."""

    role: str
    position: str
    verdict: Verdict
    margins: Margins


@dataclass(frozen=True, slots=True)
class Histogram:
    """Share of draws in bins of the margin; draws that deliver nothing are not binned."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A quantity against another: median and 90 % interval."""

    x: tuple[float, ...]
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """The margin of one mechanism and everything that qualifies it.

    ``depths`` is None where no stage of the mechanism has an engine.
    """

    verdict: Verdict
    margins: Margins
    mean_field: Margins
    by_fraction: tuple[tuple[float, Margins], ...]
    ceiling: Extreme
    best_case: Extreme
    rivals: tuple[RivalVerdict, ...]
    shares: Shares
    flips: tuple[Flip, ...]
    measurements: tuple[Measurement, ...]
    histogram: Histogram
    responding_by_packing: Curve | None
    responding_by_dose: Curve
    depths: DepthFound | None


@dataclass(frozen=True, slots=True)
class MechanismResult:
    """One mechanism: what is delivered, where the rest stayed, and the finding.

    ``finding`` is None where the claim declares no effect: without a need there
    is nothing to compare with, and no verdict.
    """

    problem: Problem
    steps: tuple[StepSummary, ...]
    places: tuple[PlaceSummary, ...]
    balance_gap: float
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Result:
    """All mechanisms of one scenario."""

    mechanisms: tuple[MechanismResult, ...]
    seed: int
    draws: int
    sobol_size: int
