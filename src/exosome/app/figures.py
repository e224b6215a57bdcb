"""Figures of the report: small SVG drawings that take the colours of the page.

Matplotlib draws each figure in stand-in colours and with text left as text. What it
writes is then made fit for a page: ids become unique, colours become CSS variables
(so a figure follows dark mode), and everything that points outside the file goes.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal, cast

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

# Stand-in colours; the page defines what each variable looks like by day and by night.
_COLOURS = {
    "#0a0b01": "var(--ink)",
    "#0a0b02": "var(--muted)",
    "#0a0b03": "var(--rule)",
    "#0a0b04": "var(--enough)",
    "#0a0b05": "var(--paper)",
    "#0a0b10": "var(--series-1)",
    "#0a0b11": "var(--series-2)",
    "#0a0b12": "var(--series-3)",
    "#0a0b13": "var(--series-4)",
    "#0a0b14": "var(--series-5)",
}
_INK, _MUTED, _RULE, _ENOUGH, _PAPER, *SERIES = _COLOURS
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small, searchable, read aloud
    "svg.hashsalt": "exosome",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.size": 12.0,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "lines.solid_capstyle": "butt",
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}

_WIDTH = 720.0  # px of a full-width drawing; 1 pt of matplotlib is 1 px of its SVG
_SIDE = 26.0  # px left and right of the axes, so that the outer tick labels fit
_ROW = 52.0  # px for one row: a line of text above its bar
_AXIS = 58.0  # px for the ticks and the label of the horizontal axis
_HEADER = 24.0
_HALF_WIDTH, _HALF_HEIGHT = 360.0, 250.0

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Mark = Literal["interval", "need", "factor", "best case", "ceiling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a row chart: words, and where its bar and mark stand on the axis.

    Positions are in axis units (log10 where the axis is logarithmic). A position
    of None lies below every number: nothing was delivered. ``short`` replaces
    ``value`` and ``note`` on a narrow screen.
    """

    label: str
    value: str = ""
    short: str = ""
    note: str = ""
    low: float | None = None
    middle: float | None = None
    high: float | None = None
    quartiles: tuple[float | None, float | None] | None = None
    mark: Mark = "interval"
    series: int = 0
    linked: bool = False  # a line leads here from the row above
    published: tuple[float | None, float | None, float | None] | None = None

    @property
    def positions(self) -> list[float]:
        """Every position that the axis has to cover."""
        every = (self.low, self.middle, self.high, *(self.published or ()))
        return [x for x in every if x is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What identifies a figure: the key of its ids, and words for those who cannot see it."""

    key: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Line:
    """A labelled position that stands across all rows."""

    at: float
    label: str


def power_of_ten(exponent: int) -> str:
    """Return ten to a whole power in print.

    >>> power_of_ten(12), power_of_ten(-3), power_of_ten(0)
    ('10¹²', '10⁻³', '1')
    """
    return "1" if exponent == 0 else f"10{str(exponent).translate(_SUPERSCRIPT)}"


def amounts(rows: Sequence[Row], *, axis_label: str, caption: Caption) -> str:
    """Return rows of amounts on one axis of powers of ten (positions are log10).

    A row marked ``need`` draws a line upwards through the rows of its own series,
    which share its unit, so that what is there can be compared with what is needed.
    """
    low, high = _span(rows)
    with _canvas(_WIDTH, _HEADER / 2 + _ROW * len(rows) + _AXIS) as figure:
        axes = _rows_axes(figure, len(rows), top=_HEADER / 2)
        _decades(axes, low, high)
        for i, row in enumerate(rows):
            if row.mark == "need" and row.middle is not None:
                same = [j for j, other in enumerate(rows) if other.series == row.series]
                axes.plot(
                    [row.middle] * 2, [min(same) + 0.45, i + 0.62], color=_INK, lw=1, ls=(0, (3, 3))
                )
        _draw_rows(axes, rows)
        axes.set_xlabel(axis_label, color=_MUTED, labelpad=8)
        return _inline(figure, caption, "rows")


def margins(rows: Sequence[Row], *, axis_label: str, enough: Line, caption: Caption) -> str:
    """Return rows of margins (log10) on one axis, with a line where the dose is just enough."""
    with _canvas(_WIDTH, _HEADER + _ROW * len(rows) + _AXIS) as figure:
        axes = _rows_axes(figure, len(rows), top=_HEADER)
        _margin_axis(axes, rows, enough, bottom=len(rows))
        _draw_rows(axes, rows)
        axes.set_xlabel(axis_label, color=_MUTED, labelpad=8)
        return _inline(figure, caption, "rows")


def margin_distribution(
    edges: Sequence[float],
    shares: Sequence[float],
    rows: Sequence[Row],
    *,
    axis_label: str,
    enough: Line,
    caption: Caption,
) -> str:
    """Return the margin's histogram above rows of marks on the same axis.

    ``edges`` has one entry more than ``shares``; the first row is the dose as
    given, whose 5, 50 and 95 % positions are also drawn through the histogram.
    """
    histogram = 130.0
    height = _HEADER + histogram + _ROW * len(rows) + _AXIS
    with _canvas(_WIDTH, height) as figure:
        axes = _rows_axes(figure, len(rows), top=_HEADER + histogram)
        _margin_axis(axes, rows, None, bottom=len(rows), edges=_filled(edges, shares))
        top = _axes(figure, _SIDE, _HEADER, _WIDTH - 2 * _SIDE, histogram)
        tallest = max(shares, default=1.0)
        top.set_xlim(axes.get_xlim())
        top.set_ylim(0.0, tallest * 1.08)
        top.set_xticks([])
        top.set_yticks([])
        _shade_enough(top, enough, 0.0, tallest * 1.08)
        if shares:  # none where every draw delivers nothing
            top.stairs(shares, edges, fill=True, color=SERIES[0], alpha=0.45, lw=0)
            top.stairs(shares, edges, color=SERIES[0], lw=1.2)
            said = (
                f"tallest bin: {100 * tallest:.2g} % of draws",
                f"(bins of {edges[1] - edges[0]:.2g})",
            )
            for words, height in zip(said, (1.0, 0.87), strict=True):
                _text(top, _across(0.0), height * tallest, words, "wide")
        top.plot(top.get_xlim(), [0, 0], color=_RULE, lw=1)
        _percentile_lines(top, rows[0])
        _shade_enough(axes, Line(enough.at, ""), len(rows), 0.0)
        _draw_rows(axes, rows)
        axes.set_xlabel(axis_label, color=_MUTED, labelpad=8)
        return _inline(figure, caption, "rows")


def percents(rows: Sequence[Row], *, axis_label: str, caption: Caption) -> str:
    """Return rows of percentages from 0 to 100, with published values beside predictions."""
    with _canvas(_WIDTH, _HEADER / 2 + _ROW * len(rows) + _AXIS) as figure:
        axes = _rows_axes(figure, len(rows), top=_HEADER / 2)
        axes.set_xlim(0.0, 100.0)
        ticks = [0, 20, 40, 60, 80, 100]
        _ticks(axes, ticks, [str(x) for x in ticks])
        _draw_rows(axes, rows)
        axes.set_xlabel(axis_label, color=_MUTED, labelpad=8)
        return _inline(figure, caption, "rows")


def response(
    x: Sequence[float],
    low: Sequence[float],
    middle: Sequence[float],
    high: Sequence[float],
    *,
    axis_label: str,
    declared: float | None,
    marked: Line | None,
    caption: Caption,
) -> str:
    """Return the fraction of cells that respond (0 to 1, drawn in percent) against log10 of ``x``.

    The band is the 90 % interval over what is not known, the line the median.
    ``declared`` draws the fraction that the claim declares, ``marked`` one ``x``.
    """
    with _canvas(_HALF_WIDTH, _HALF_HEIGHT) as figure:
        left, top = 46.0, 26.0
        axes = _axes(figure, left, top, _HALF_WIDTH - left - 18.0, _HALF_HEIGHT - top - 50.0)
        at = [math.log10(one) for one in x]
        axes.set_xlim(at[0], at[-1])
        axes.set_ylim(0.0, 100.0)
        for share in (0, 25, 50, 75, 100):
            axes.plot([at[0], at[-1]], [share] * 2, color=_RULE, lw=1)
        axes.set_yticks([0, 50, 100], ["0 %", "50 %", "100 %"], color=_MUTED)
        axes.annotate(
            "cells that respond", (0, 1), (-left, 6), xycoords="axes fraction",
            textcoords="offset points", ha="left", va="bottom", color=_MUTED,
        )  # fmt: skip
        axes.tick_params(length=0, pad=7)
        ends = (math.ceil(at[0]), math.floor(at[-1]))
        ticks = _whole_steps(*ends, most=7)
        axes.set_xticks(ticks, [power_of_ten(one) for one in ticks], color=_MUTED)
        if declared is not None:
            axes.plot(
                [at[0], at[-1]], [100 * declared] * 2, color=_INK, lw=1, ls=(0, (3, 3)), zorder=3
            )
        if marked is not None:
            place = math.log10(marked.at)
            axes.plot([place] * 2, [0, 100], color=_INK, lw=1, zorder=3)
            axes.text(place, 103, marked.label, ha="left", va="bottom", color=_INK)
        axes.fill_between(
            at,
            [100 * one for one in low],
            [100 * one for one in high],
            color=SERIES[0],
            alpha=0.28,
            lw=0,
        )
        axes.plot(at, [100 * one for one in middle], color=SERIES[0], lw=2.4, zorder=4)
        axes.set_xlabel(axis_label, color=_MUTED, labelpad=8)
        return _inline(figure, caption, "half")


def _filled(edges: Sequence[float], shares: Sequence[float]) -> tuple[float, ...]:
    """Return the outer edges of the bins that hold anything."""
    held = [i for i, share in enumerate(shares) if share > 0.0]
    return (edges[held[0]], edges[held[-1] + 1]) if held else ()


def _span(rows: Sequence[Row]) -> tuple[int, int]:
    found = [x for row in rows for x in row.positions] or [0.0]
    low, high = math.floor(min(found)), math.ceil(max(found))
    return low, max(high, low + 1)


def _whole_steps(low: int, high: int, *, most: int) -> list[int]:
    step = next(s for s in (1, 2, 3, 4, 5, 10, 20, 50, 100) if (high - low) / s <= most - 1)
    return [x for x in range(low, high + 1) if x % step == 0]


def _margin_axis(
    axes: Any, rows: Sequence[Row], enough: Line | None, *, bottom: int, edges: Sequence[float] = ()
) -> None:
    found = [x for row in rows for x in row.positions] + list(edges)
    low, high = math.floor(min([*found, -1.0])), math.ceil(max([*found, 1.0]))
    axes.set_xlim(low, high)
    ticks = _whole_steps(low, high, most=9)
    _ticks(axes, ticks, [str(x).replace("-", "−") for x in ticks])
    if enough is not None:
        _shade_enough(axes, enough, bottom, 0.0)


def _shade_enough(axes: Any, enough: Line, bottom: float, top: float) -> None:
    """Shade where the dose suffices; between the lines of words only, where there are rows."""
    low, high = axes.get_xlim()
    lanes = [(i + 0.44, i + 0.8) for i in range(int(bottom))] or [(bottom, top)]
    for lane in lanes:
        axes.fill_between([enough.at, high], *lane, color=_ENOUGH, alpha=0.16, lw=0)
    axes.plot([enough.at] * 2, [bottom, top], color=_INK, lw=1.4)
    place = (enough.at - low) / (high - low)
    side = "right" if place > 0.8 else "left" if place < 0.2 else "center"
    if enough.label:
        axes.annotate(
            enough.label,
            (enough.at, top),
            (0, 4),
            textcoords="offset points",
            ha=side,
            va="bottom",
            color=_INK,
            fontweight="bold",
        )


def _percentile_lines(axes: Any, row: Row) -> None:
    low, high = axes.get_xlim()
    top = axes.get_ylim()[1]
    # A label takes up to 60 px on a narrow screen; nearer than that only the median keeps one.
    nearest = 60.0 / (_WIDTH - 2 * _SIDE) * (high - low)
    for place, label in ((row.low, "5 %"), (row.middle, "50 %"), (row.high, "95 %")):
        if place is None:
            continue
        axes.plot([place] * 2, [0, top], color=_INK, lw=1, ls=(0, (2, 3)))
        alone = row.middle is None or place == row.middle or abs(place - row.middle) > nearest
        clear = abs(place) > 1.6 * nearest  # of the words over the line at 0
        if alone and clear:
            axes.annotate(
                label, (place, top), (0, 4), textcoords="offset points",
                ha="center", va="bottom", color=_MUTED,
            )  # fmt: skip


def _decades(axes: Any, low: int, high: int) -> None:
    axes.set_xlim(low, high)
    ticks = _whole_steps(low, high, most=9)
    _ticks(axes, ticks, [power_of_ten(x) for x in ticks])


def _ticks(axes: Any, at: Sequence[float], labels: Sequence[str]) -> None:
    bottom, top = axes.get_ylim()
    for x in at:
        axes.plot([x] * 2, [bottom, top], color=_RULE, lw=1, zorder=0)
    axes.set_xticks(at, labels, color=_MUTED)
    axes.tick_params(length=0, pad=5)


def _rows_axes(figure: Any, count: int, *, top: float) -> Any:
    axes = _axes(figure, _SIDE, top, _WIDTH - 2 * _SIDE, _ROW * count)
    axes.set_ylim(count, 0)
    axes.set_yticks([])
    return axes


def _draw_rows(axes: Any, rows: Sequence[Row]) -> None:
    left = axes.get_xlim()[0]
    start, value, end = (_across(px) for px in (0.0, 0.4 * _WIDTH, _WIDTH))
    before: tuple[float, float] | None = None
    for i, row in enumerate(rows):
        y = i + 0.62
        _text(axes, start, i + 0.33, row.label, "")
        _text(axes, value, i + 0.33, row.value, "wide")
        _text(axes, end, i + 0.33, row.note, "wide")
        _text(axes, end, i + 0.33, row.short, "narrow")
        colour = SERIES[row.series % len(SERIES)]
        if row.middle is not None and before is not None and row.linked:
            axes.plot([before[0], row.middle], [before[1], y], color=colour, lw=1, zorder=1)
        _bar(axes, row, y, colour, left)
        if row.published is not None:
            _published(axes, row.published, y)
        before = None if row.middle is None else (row.middle, y)


def _bar(axes: Any, row: Row, y: float, colour: str, left: float) -> None:
    low = left if row.low is None else row.low
    if row.high is not None and row.high > low:
        axes.plot([low, row.high], [y] * 2, color=colour, lw=8, alpha=0.42, zorder=2)
        if row.quartiles is not None and row.quartiles[1] is not None:
            start = left if row.quartiles[0] is None else row.quartiles[0]
            axes.plot([start, row.quartiles[1]], [y] * 2, color=colour, lw=8, zorder=2)
    if row.low is None and row.mark == "interval" and row.high is not None:
        _mark(axes, left, y, shape="<", size=9.0, fill=colour, edge=_PAPER)
    if row.middle is None:
        return
    shape, fill, size = {
        "interval": ("o", _INK, 9.0),
        "need": ("s", _INK, 9.0),
        "factor": ("o", _PAPER, 9.0),
        "best case": ("D", _PAPER, 9.0),
        "ceiling": ("^", _PAPER, 10.5),
    }[row.mark]
    edge = _PAPER if fill == _INK else _INK
    _mark(axes, row.middle, y, shape=shape, size=size, fill=fill, edge=edge)


def _published(
    axes: Any, published: tuple[float | None, float | None, float | None], y: float
) -> None:
    low, middle, high = published
    if low is not None and high is not None:
        axes.plot([low, high], [y + 0.2] * 2, color=SERIES[1], lw=2, zorder=5)
        for end in (low, high):
            axes.plot([end] * 2, [y + 0.13, y + 0.27], color=SERIES[1], lw=2, zorder=5)
    if middle is not None:
        _mark(axes, middle, y + 0.2, shape="D", size=8.0, fill=SERIES[1], edge=_PAPER)


def _mark(axes: Any, x: float, y: float, *, shape: str, size: float, fill: str, edge: str) -> None:
    axes.plot(
        [x], [y], ls="none", marker=shape, ms=size, mfc=fill, mec=edge, mew=1.2,
        clip_on=False, zorder=6,
    )  # fmt: skip


def _across(px: float) -> float:
    """Return a distance from the left edge of the drawing as a fraction of the rows' axes."""
    return (px - _SIDE) / (_WIDTH - 2 * _SIDE)


def _text(axes: Any, x: float, y: float, words: str, shown: str) -> None:
    if words:
        axes.text(
            x,
            y,
            words,
            transform=axes.get_yaxis_transform(),
            ha="right" if x >= 1.0 else "left",
            va="baseline",
            zorder=7,
            color=_INK if shown in ("", "narrow") else _MUTED,
            gid=f"shown-{shown}" if shown else None,
        )


@contextmanager
def _canvas(width: float, height: float) -> Generator[Any]:
    # Typed Any here and below: matplotlib's stubs leave most argument types open.
    with warnings.catch_warnings(), cast("Any", mpl).rc_context(_STYLE):
        # The browser draws the text in a font of its own; what matplotlib's lacks is no loss.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield Figure(figsize=(width / 72.0, height / 72.0))


def _axes(figure: Any, left: float, top: float, width: float, height: float) -> Any:
    """Return axes without a frame, placed in px from the upper left corner."""
    across, down = figure.get_size_inches() * 72.0
    axes = figure.add_axes(
        (left / across, 1.0 - (top + height) / down, width / across, height / down)
    )
    axes.set_frame_on(False)
    return axes


def _inline(figure: Any, caption: Caption, css_class: str) -> str:
    """Return the drawing as an SVG element for a page."""
    file = io.StringIO()
    cast("Any", FigureCanvasSVG(figure)).print_svg(file, metadata=_NO_METADATA)
    return _fit_for_page(file.getvalue(), caption, css_class)


_REFERENCE = re.compile(r'(?:xlink:href="#|url\(#)([^")]+)')
_ID = re.compile(r' id="([^"]+)"')
_NUMBERS = re.compile(r' (d|x|y|transform)="([^"]*)"')


def _fit_for_page(svg: str, caption: Caption, css_class: str) -> str:
    view = re.search(r'viewBox="([^"]+)"', svg)
    body = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", svg, flags=re.DOTALL)
    body = re.sub(r"<style.*?</style>|<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    new = {
        old: f"{caption.key}-{i}" for i, old in enumerate(dict.fromkeys(_REFERENCE.findall(body)))
    }

    def renamed(match: re.Match[str]) -> str:
        old = match[1]
        if old in new:
            return f' id="{new[old]}"'
        return f' class="{old.removeprefix("shown-")}"' if old.startswith("shown-") else ""

    body = _ID.sub(renamed, body)
    for old, name in new.items():
        body = body.replace(f'xlink:href="#{old}"', f'href="#{name}"')
        body = body.replace(f"url(#{old})", f"url(#{name})")
    for stand_in, variable in _COLOURS.items():
        body = body.replace(stand_in, variable)
    body = re.sub(r' transform="rotate\(-?0 [^"]*"', "", body)
    body = re.sub(r"font-family: [^;\"]*(; )?", "", body)
    body = _NUMBERS.sub(_shortened, body)
    body = re.sub(r">\s+<", "><", body).replace("<defs></defs>", "").strip()
    # Groups that held only an id, or nothing, are left over.
    body = re.sub(r"<g(?: [^>]*)?/>", "", body)
    key = escape(caption.key)
    return (
        f'<svg class="drawing {css_class}" viewBox="{view[1] if view else ""}" role="img" '
        f'aria-labelledby="{key}-title {key}-desc">'
        f'<title id="{key}-title">{escape(caption.title)}</title>'
        f'<desc id="{key}-desc">{escape(caption.description)}</desc>{body}</svg>'
    )


def _shortened(match: re.Match[str]) -> str:
    """Return an attribute of coordinates with two decimals at most, on one line."""
    numbers = re.sub(r"(\.\d\d)\d+", r"\1", match[2])
    return f' {match[1]}="{" ".join(numbers.split())}"'
