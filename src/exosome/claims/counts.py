"""Recounts: what the printed counts of a study give, and whether its printed figures follow.

Papers print shares, ratios and p values; a reader can recompute all three from the counts.
Every interval here names its method, and an exact one stands beside the approximate one.
A recount says nothing about cause: it only asks whether the arithmetic holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    model_validator,
)

from exosome.catalog.record import Reading  # noqa: TC001  (pydantic reads it)
from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Number = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?$")]
PValue = Annotated[str, StringConstraints(pattern=r"^[<]?0?\.\d+$|^1(\.0+)?$")]
Label = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Measure = Literal["risk ratio", "odds ratio"]
ShareMethod = Literal["Clopper-Pearson, exact", "Wilson score", "Wald, normal"]

_Z95 = 1.959963984540054
_LOG_ODDS_LIMIT = 60.0  # an odds ratio of 1e26 is infinite for any count of people


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_by_alias=True
    )


class Printed(_Strict):
    """Figures as a source prints them, digit for digit, so that rounding can be judged."""

    percent: Number | None = None
    percent_low: Number | None = None
    percent_high: Number | None = None
    measure: Measure = "risk ratio"
    ratio: Number | None = None
    ratio_low: Number | None = None
    ratio_high: Number | None = None
    p: PValue | None = None


class Arm(_Strict):
    """Counts of one arm; ``events`` are what the outcome counts."""

    label: Label
    n: PositiveInt
    events: NonNegativeInt
    printed_risk_ratio: PositiveFloat | None = None
    printed: Printed = Printed()

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        if self.events > self.n:
            raise ValueError(f"{self.label}: {self.events} events in {self.n}")
        return self


class CountTable(_Strict):
    """The counts of one outcome of one study; with two arms or more, the last is the control.

    ``harm`` marks an outcome whose absence is read as tolerance: no event in an arm
    then gets the bound that it still allows.
    """

    study: Label
    outcome: Label
    harm: bool = False
    locator: str = ""
    reading: Reading = "read"
    arms: Annotated[tuple[Arm, ...], Field(alias="arm", min_length=1)]


# --- shares


def upper_bound_of_zero_events(n: int, confidence: float = 0.95) -> float:
    """Return the event share that ``0 events in n`` still allows.

    The exact one-sided binomial bound, ``1 - (1 - confidence)**(1/n)``: the
    share at which seeing no event among ``n`` independent people has
    probability ``1 - confidence``. It holds for harms that the study would have
    seen and recorded, and for people like those studied.

    Raises
    ------
    InputError
        If ``n`` is not positive or ``confidence`` is not between 0 and 1.
    """
    if n < 1 or not 0.0 < confidence < 1.0:
        raise InputError(
            f"no bound exists for n = {n} and confidence = {confidence}",
            where="upper_bound_of_zero_events",
            remedy="give n >= 1 and a confidence between 0 and 1",
        )
    return 1.0 - (1.0 - confidence) ** (1.0 / n)


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided 95 % interval and the method that gave it."""

    method: str
    low: float
    high: float


def share_interval(events: int, n: int, method: ShareMethod) -> Interval:
    """Return the two-sided 95 % interval of an event share.

    ``Clopper-Pearson, exact`` inverts two one-sided binomial tests: it covers the
    true share at least 95 % of the time and is often wider than needed. ``Wilson
    score`` covers 95 % on average. ``Wald, normal`` is the share plus and minus
    1.96 standard errors, cut at 0 and 1: wrong near 0 and 1 and in small arms, and
    here only because papers print it.

    Raises
    ------
    InputError
        If ``events`` is not between 0 and ``n``.
    """
    if not 0 <= events <= n or n < 1:
        raise InputError(
            f"{events} events in {n} is no share",
            where="share_interval",
            remedy="give 0 <= events <= n and n >= 1",
        )
    share = events / n
    if method == "Wilson score":
        middle = (share + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
        half = _Z95 * math.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n**2)) / (1 + _Z95**2 / n)
        return Interval(method, max(0.0, middle - half), min(1.0, middle + half))
    if method == "Wald, normal":
        half = _Z95 * math.sqrt(share * (1 - share) / n)
        return Interval(method, max(0.0, share - half), min(1.0, share + half))
    from exosome.numerics.special import betaincinv

    low = 0.0 if events == 0 else float(betaincinv(events, n - events + 1, 0.025))
    high = 1.0 if events == n else float(betaincinv(events + 1, n - events, 0.975))
    return Interval(method, low, high)


# --- ratios


@dataclass(frozen=True, slots=True)
class RiskRatio:
    """A ratio of two event shares with its 95 % interval, and the ratio the source prints."""

    arm: str
    control: str
    ratio: float
    low: float
    high: float
    printed: float | None

    @property
    def agrees(self) -> bool | None:
        """Whether the printed ratio is within a tenth of the counted one; None if none printed."""
        if self.printed is None:
            return None
        return abs(math.log(self.printed / self.ratio)) <= math.log(1.1)


def risk_ratio(arm: Arm, control: Arm) -> RiskRatio:
    """Recompute a risk ratio from counts.

    The interval is the usual one on the logarithm of the ratio (log-Wald). Where
    either arm has no event, half an event is added to each cell of both arms; for a
    handful of events the interval is rough.

    Raises
    ------
    InputError
        If both arms have no event: their ratio is not defined.
    """
    if arm.events == 0 and control.events == 0:
        raise InputError(
            f"neither {arm.label!r} nor {control.label!r} had an event",
            where="risk_ratio",
            remedy="use upper_bound_of_zero_events for each arm",
        )
    extra = 0.5 if 0 in {arm.events, control.events} else 0.0
    a, n_a = arm.events + extra, arm.n + 2 * extra
    b, n_b = control.events + extra, control.n + 2 * extra
    ratio = (a / n_a) / (b / n_b)
    spread = 1.96 * math.sqrt(1 / a - 1 / n_a + 1 / b - 1 / n_b)
    return RiskRatio(
        arm.label,
        control.label,
        ratio,
        ratio * math.exp(-spread),
        ratio * math.exp(spread),
        arm.printed_risk_ratio,
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


@dataclass(frozen=True, slots=True)
class _Conditional:
    """The events of one arm, given both arm sizes and all events: hypergeometric weights."""

    seen: int
    low: int
    log_weights: tuple[float, ...]

    @classmethod
    def of(cls, arm: Arm, control: Arm) -> _Conditional:
        total = arm.events + control.events
        low, high = max(0, total - control.n), min(arm.n, total)
        return cls(
            arm.events,
            low,
            tuple(
                _log_choose(arm.n, x) + _log_choose(control.n, total - x)
                for x in range(low, high + 1)
            ),
        )

    def chances(self, log_odds_ratio: float) -> list[float]:
        tilted = [w + log_odds_ratio * i for i, w in enumerate(self.log_weights)]
        top = max(tilted)
        weights = [math.exp(w - top) for w in tilted]
        total = sum(weights)
        return [w / total for w in weights]

    def mean(self, log_odds_ratio: float) -> float:
        return self.low + sum(i * p for i, p in enumerate(self.chances(log_odds_ratio)))

    def at_most(self, log_odds_ratio: float) -> float:
        return sum(self.chances(log_odds_ratio)[: self.seen - self.low + 1])

    def at_least(self, log_odds_ratio: float) -> float:
        return sum(self.chances(log_odds_ratio)[self.seen - self.low :])


def _where_it_rises_to(rising: Callable[[float], float], level: float) -> float:
    low, high = -_LOG_ODDS_LIMIT, _LOG_ODDS_LIMIT
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < level else (low, middle)
    return math.exp((low + high) / 2)


@dataclass(frozen=True, slots=True)
class OddsRatio:
    """A conditional odds ratio with its exact 95 % interval; bounds may be 0 or infinite."""

    ratio: float
    low: float
    high: float


def odds_ratio_exact(arm: Arm, control: Arm) -> OddsRatio:
    """Return the conditional odds ratio of two arms with its exact interval.

    Given both arm sizes and the total of events, the events of one arm follow
    Fisher's noncentral hypergeometric law, whose parameter is the odds ratio. The
    estimate is the one under which the mean equals what was seen; each limit is the
    odds ratio at which a result as extreme has a chance of 2.5 %. Covers at least
    95 %. It is an odds ratio: further from 1 than the risk ratio of the same counts
    unless events are rare.

    Raises
    ------
    InputError
        If neither arm, or every person of both arms, had an event.
    """
    table = _Conditional.of(arm, control)
    if len(table.log_weights) == 1:
        raise InputError(
            f"the counts of {arm.label!r} and {control.label!r} fix each other",
            where="odds_ratio_exact",
            remedy="compare arms of which some, not all, had an event",
        )
    highest = table.low + len(table.log_weights) - 1
    least, most = table.seen == table.low, table.seen == highest
    low = 0.0 if least else _where_it_rises_to(table.at_least, 0.025)
    high = math.inf if most else _where_it_rises_to(lambda x: -table.at_most(x), -0.025)
    if least:
        return OddsRatio(0.0, low, high)
    return OddsRatio(math.inf if most else _where_it_rises_to(table.mean, table.seen), low, high)


def fisher_p(arm: Arm, control: Arm, *, sides: Literal[1, 2] = 2) -> float:
    """Return Fisher's exact p for equal event shares in two arms.

    Two-sided: the chance, given the margins, of all tables at most as likely as the
    one seen. One-sided: the smaller of the two tails.
    """
    table = _Conditional.of(arm, control)
    if sides == 1:
        return min(1.0, table.at_most(0.0), table.at_least(0.0))
    chances = table.chances(0.0)
    seen = chances[table.seen - table.low]
    # Tables as likely as the one seen count, in spite of rounding in the sums.
    return min(1.0, sum(p for p in chances if p <= seen * (1 + 1e-7)))


def chi_square_p(arm: Arm, control: Arm, *, corrected: bool) -> float:
    """Return Pearson's chi-squared p on one degree of freedom, with or without Yates' correction.

    An approximation: poor where an expected count is below about 5. 1 where no
    person, or every person, had an event.
    """
    a, b = arm.events, arm.n - arm.events
    c, d = control.events, control.n - control.events
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 1.0
    total = a + b + c + d
    apart = abs(a * d - b * c) - (total / 2 if corrected else 0.0)
    return math.erfc(math.sqrt(total * max(apart, 0.0) ** 2 / margins / 2))


# --- the audit


@dataclass(frozen=True, slots=True)
class Figure:
    """One recomputed figure, the method of its interval, and what the source prints.

    ``scale`` says how to print it; ``beside`` holds the same figure by other
    methods; ``agrees`` is None where the source prints nothing; ``by`` names the
    method that gives what is printed.
    """

    arm: str
    what: str
    scale: Literal["percent", "ratio", "p"]
    value: float
    interval: Interval | None
    beside: tuple[Interval, ...] = ()
    printed: str = ""
    agrees: bool | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class CountAudit:
    """The figures of one table and what does not follow; no flag means the arithmetic holds."""

    table: CountTable
    figures: tuple[Figure, ...]
    flags: tuple[str, ...]


def follows(printed: str, value: float) -> bool:
    """Say whether ``value``, rounded or cut to the printed digits, is the printed number.

    >>> follows("0.82", 0.8182), follows("0.49", 0.8182), follows("<0.01", 0.004)
    (True, False, True)
    """
    if printed.startswith("<"):
        return value < float(printed[1:])
    unit = 10.0 ** -len(printed.partition(".")[2])
    shift = value - float(printed)
    # Rounding moves a number by half a unit; cutting digits off, by less than one.
    return -0.5 * unit * (1 + 1e-9) <= shift < unit * (1 - 1e-9) or abs(shift) <= 0.5 * unit


def audit(table: CountTable) -> CountAudit:
    """Recompute every figure that the counts allow and hold it against what is printed."""
    *arms, last = table.arms
    control = last if arms else None
    figures: list[Figure] = []
    flags: list[str] = []
    for arm in table.arms:
        found = _share(arm)
        figures.append(found)
        if found.agrees is False:
            flags.append(
                f"{arm.label}: {found.printed} is printed; {arm.events} of {arm.n} is "
                f"{_in_words(found)}"
            )
        if table.harm and arm.events == 0:
            bound = upper_bound_of_zero_events(arm.n)
            figures.append(
                Figure(
                    arm.label,
                    f"what 0 of {arm.n} still allows, at most",
                    "percent",
                    bound,
                    Interval("one-sided 95 % upper bound, exact", 0.0, bound),
                )
            )
    for arm in arms if control else ():
        compared, said = _compared(arm, control or arm)
        figures += compared
        flags += said
    return CountAudit(table, tuple(figures), tuple(flags))


def _share(arm: Arm) -> Figure:
    methods: tuple[ShareMethod, ...] = ("Clopper-Pearson, exact", "Wilson score", "Wald, normal")
    exact, *others = (share_interval(arm.events, arm.n, method) for method in methods)
    share, given = arm.events / arm.n, arm.printed
    said, agrees, by = "", None, ""
    if given.percent:
        said, agrees = f"{given.percent} %", follows(given.percent, 100 * share)
    if given.percent_low and given.percent_high:
        said += f" ({given.percent_low} to {given.percent_high})"
        by = next(
            (
                one.method
                for one in (exact, *others)
                if follows(given.percent_low, 100 * one.low)
                and follows(given.percent_high, 100 * one.high)
            ),
            "",
        )
        agrees = bool(by) and agrees is not False
    what = f"share with the event, {arm.events} of {arm.n}"
    return Figure(arm.label, what, "percent", share, exact, tuple(others), said.strip(), agrees, by)


def _compared(arm: Arm, control: Arm) -> tuple[list[Figure], list[str]]:
    if arm.events == control.events == 0:
        return [], []
    given = arm.printed
    counted = risk_ratio(arm, control)
    added = ", half an event added" if 0 in {arm.events, control.events} else ""
    wald = Interval(f"log-Wald{added}", counted.low, counted.high)
    risk = Figure(arm.label, f"risk ratio to {control.label}", "ratio", counted.ratio, wald)
    figures, flags = [risk], list[str]()
    whole = arm.events + control.events == arm.n + control.n
    exact = None if whole else odds_ratio_exact(arm, control)
    if exact is not None:
        conditional = Interval("exact conditional", exact.low, exact.high)
        figures.append(
            Figure(arm.label, f"odds ratio to {control.label}", "ratio", exact.ratio, conditional)
        )
    printed = given.ratio or (f"{arm.printed_risk_ratio:g}" if arm.printed_risk_ratio else "")
    if printed:
        place = 0 if given.measure == "risk ratio" else 1
        checked, said = _ratio_checked(figures[place], printed, arm, control)
        figures[place] = checked
        flags += said
    figures.append(_p_checked(arm, control))
    if figures[-1].agrees is False:
        flags.append(
            f"{arm.label}: p = {given.p} is printed; Fisher's exact test gives "
            f"{_short(figures[-1].value)} and no usual test gives the printed value"
        )
    elif "one-sided" in figures[-1].by:
        flags.append(
            f"{arm.label}: p = {given.p} is the one-sided Fisher value; two-sided it is "
            f"{_short(figures[-1].value)}"
        )
    return figures, flags


def _ratio_checked(
    figure: Figure, printed: str, arm: Arm, control: Arm
) -> tuple[Figure, list[str]]:
    given, flags = arm.printed, list[str]()
    ratios = {figure.what.partition(" to ")[0]: figure.value}
    if given.measure == "odds ratio" and (crude := _crude_odds_ratio(arm, control)):
        ratios["crude odds ratio"] = crude
    by = next((name for name, value in ratios.items() if follows(printed, value)), "")
    agrees = bool(by)
    said = printed
    if not agrees:
        flags.append(
            f"{arm.label}: {given.measure} {printed} is printed, but {arm.events} of {arm.n} "
            f"against {control.events} of {control.n} gives {_in_words(figure)}"
        )
        flags += _exchanged(printed, arm, control)
    if given.ratio_low and given.ratio_high:
        said += f" ({given.ratio_low} to {given.ratio_high})"
        if not _centred(printed, given.ratio_low, given.ratio_high):
            middle = math.sqrt(float(given.ratio_low) * float(given.ratio_high))
            flags.append(
                f"{arm.label}: the printed interval {given.ratio_low} to {given.ratio_high} is "
                f"centred on {_short(middle)}, not on the printed {printed}"
            )
            agrees = False
    return (
        Figure(
            figure.arm,
            figure.what,
            figure.scale,
            figure.value,
            figure.interval,
            figure.beside,
            said,
            agrees,
            by,
        ),
        flags,
    )


def _crude_odds_ratio(arm: Arm, control: Arm) -> float | None:
    inside = (arm.n - arm.events) * control.events
    return arm.events * (control.n - control.events) / inside if inside else None


def _centred(printed: str, low: str, high: str) -> bool:
    """Say whether a ratio can be the middle, on a log scale, of its interval as rounded.

    Log-Wald and most model-based intervals are symmetric on that scale; an exact or
    bootstrap interval need not be, so a tenth is let pass, as for the ratio itself.
    """

    def span(text: str) -> tuple[float, float]:
        half = 0.5 * 10.0 ** -len(text.partition(".")[2])
        return max(float(text) - half, 1e-12), float(text) + 2 * half

    (a, b), (c, d), (e, f) = span(low), span(high), span(printed)
    least, most = math.sqrt(a * c), math.sqrt(b * d)
    return e <= most * 1.1 and f >= least / 1.1


def _exchanged(printed: str, arm: Arm, control: Arm) -> list[str]:
    """Name exchanges of events and non-events under which the printed ratio would follow."""

    def turned(one: Arm) -> Arm:
        return one.model_copy(update={"events": one.n - one.events})

    tries = (
        ((arm, turned(control)), control),
        ((turned(arm), control), arm),
    )
    said: list[str] = []
    for (first, second), changed in tries:
        if first.events == second.events == 0:
            continue
        if follows(printed, risk_ratio(first, second).ratio):
            said.append(
                f"{arm.label}: the printed ratio would follow if {changed.label} had "
                f"{changed.n - changed.events} events of {changed.n}, that is, if those with "
                f"and without the event had been exchanged; only the authors can say"
            )
    return said


def _p_checked(arm: Arm, control: Arm) -> Figure:
    two = fisher_p(arm, control)
    figure = Figure(
        arm.label, f"p against {control.label}, Fisher exact, two-sided", "p", two, None
    )
    printed = arm.printed.p
    if printed is None:
        return figure
    tests = {
        "Fisher exact, two-sided": two,
        "chi-squared": chi_square_p(arm, control, corrected=False),
        "chi-squared, Yates": chi_square_p(arm, control, corrected=True),
        "Fisher exact, one-sided": fisher_p(arm, control, sides=1),
    }
    by = next((name for name, value in tests.items() if follows(printed, value)), "")
    return Figure(figure.arm, figure.what, "p", two, None, printed=printed, agrees=bool(by), by=by)


def audits(tables: Iterable[CountTable]) -> tuple[CountAudit, ...]:
    """Audit every table, those with flags first."""
    return tuple(sorted((audit(table) for table in tables), key=lambda one: not one.flags))


def figure_in_words(figure: Figure) -> str:
    """Return a figure with its interval and the method of it, as a page prints it."""
    said = _in_words(figure)
    if figure.interval is None:
        return said
    return f"{said}, {figure.interval.method}"


def _in_words(figure: Figure) -> str:
    if figure.scale == "percent":
        value = f"{100 * figure.value:.0f} %"
        ends: Sequence[str] = (
            [f"{100 * x:.0f}" for x in (figure.interval.low, figure.interval.high)]
            if figure.interval and not figure.what.startswith("what 0 of")
            else ()
        )
    else:
        value = _short(figure.value)
        ends = (
            [_short(x) for x in (figure.interval.low, figure.interval.high)]
            if figure.interval
            else ()
        )
    return f"{value} (95 % {ends[0]} to {ends[1]})" if ends else value


def _short(value: float) -> str:
    if math.isinf(value):
        return "no upper limit"
    return f"{value:.2f}" if value >= 0.005 or value == 0.0 else f"{value:.2g}"
