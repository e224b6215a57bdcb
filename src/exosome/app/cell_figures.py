"""Figures of the pages about cells: SVG written by hand, in the colours of the page.

All are drawn 400 wide, so that their text stays readable on a phone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.app.drawing import LEFT, RIGHT, SERIES, WIDTH, axis, box, nice, segment, svg, words
from exosome.app.figures import power_of_ten

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Flow:
    """One fate of a Sankey: words, and its count."""

    name: str
    count: int
    series: int


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled line of a chart."""

    name: str
    values: Sequence[float]
    series: int


def bursts(
    cells: Sequence[tuple[Sequence[int], Sequence[int]]],
    means: Sequence[float],
    low: float,
    high: float,
    *,
    hours: float,
) -> str:
    """Return the release of a few cells in time, over the mean of all with its interval.

    Each cell is its exosomes and ectosomes in equal bins, drawn on top of each other;
    ``means`` counts both; ``low`` and ``high`` bound the mean.
    """
    top = nice(max(1, *(a + b for one in cells for a, b in zip(*one, strict=True))))
    row, gap, mean_row = 48.0, 8.0, 84.0
    width = hours / len(means)
    x = axis(0.0, hours)
    parts: list[str] = []
    y = 38.0
    parts.append(words(0, 11, f"vesicles released in {width:.2g} h", "start", "muted"))
    for i, name in enumerate(("exosomes, in bursts", "ectosomes, one by one")):
        parts.append(box(LEFT + 150 * i, 18.0, 11.0, 11.0, SERIES[i]))
        parts.append(words(LEFT + 150 * i + 16, 28, name, "start"))
    for number, one in enumerate(cells, 1):
        base = y + row
        parts.append(segment(x(0), base, x(hours), base, "var(--rule)"))
        parts.append(words(LEFT - 6, y + 9, f"{top:g}", "end", "muted"))
        parts.append(words(LEFT - 6, base, "0", "end", "muted"))
        parts.append(words(x(hours), y + 9, f"cell {number}", "end"))
        for i, (exosomes, ectosomes) in enumerate(zip(*one, strict=True)):
            floor = base
            for count, colour in ((ectosomes, SERIES[1]), (exosomes, SERIES[0])):
                tall = row * count / top
                floor -= tall
                if count:
                    parts.append(box(x(i * width), floor, x(width) - x(0) - 1.0, tall, colour))
        y = base + gap
    y += 22.0
    base, most = y + mean_row, nice(max(*means, high))

    def up(value: float) -> float:
        return base - mean_row * value / most

    parts.append(words(0, y - 9, "mean of all cells", "start", "muted"))
    parts.append(
        f'<rect x="{x(0):.1f}" y="{up(high):.1f}" width="{x(hours) - x(0):.1f}" '
        f'height="{up(low) - up(high):.1f}" fill="{SERIES[0]}" opacity="0.22"/>'
    )
    points = " ".join(f"{x((i + 0.5) * width):.1f},{up(m):.1f}" for i, m in enumerate(means))
    parts.append(f'<polyline points="{points}" fill="none" stroke="{SERIES[0]}" stroke-width="2"/>')
    for value in (0.0, most / 2, most):
        parts.append(segment(x(0), up(value), x(hours), up(value), "var(--rule)"))
        parts.append(words(LEFT - 6, up(value) + 4, f"{value:g}", "end", "muted"))
    for i in range(5):
        at = hours * i / 4
        parts.append(words(x(at), base + 17, f"{at:g}", "middle", "muted"))
    parts.append(words((x(0) + x(hours)) / 2, base + 34, "hours", "middle", "muted"))
    said = f"Release of {len(cells)} cells in bins of {width:.2g} h, up to {top:g} in a bin."
    return svg("bursts", "Release of single cells in bursts", said, parts, base + 40)


def fates(
    sources: Sequence[Flow],
    ends: Sequence[Flow],
    *,
    key: str = "fates",
    middle_name: str = "formed",
    title: str = "Fate of every intraluminal vesicle",
) -> str:
    """Return a Sankey of vesicles: where they come from to the left, fates to the right."""
    total = max(sum(one.count for one in ends), 1)
    tall, left, middle, right = 230.0, 86.0, 170.0, 262.0
    parts: list[str] = []
    y = 26.0
    for one in sources:
        high = tall * one.count / total
        parts.append(_ribbon(left, y, middle, y, high, SERIES[one.series]))
        parts.append(_label(left - 6, y + high / 2, one, total, "end"))
        y += high
    parts.append(f'<rect x="{middle:.0f}" y="26" width="8" height="{tall:.0f}" fill="var(--ink)"/>')
    parts.append(words(middle + 4, 16, middle_name, "middle"))
    from_y, to_y, spare = 26.0, 14.0, 12.0
    for one in ends:
        high = tall * one.count / total
        room = max(high, 26.0)
        shift = to_y + (room - high) / 2
        parts.append(_ribbon(middle + 8, from_y, right, shift, max(high, 1.2), SERIES[one.series]))
        parts.append(_label(right + 6, shift + high / 2, one, total, "start"))
        from_y += high
        to_y += room + spare
    said = "; ".join(f"{one.name} {one.count:,} ({one.count / total:.2%})" for one in ends)
    return svg(key, title, said, parts, max(to_y, 270.0))


def sizes(
    edges_nm: Sequence[float], lines: Sequence[Series], *, low_nm: float, high_nm: float
) -> str:
    """Return histograms of diameters on a logarithmic axis, the article's range shaded."""
    first, last = math.log10(edges_nm[0]), math.log10(edges_nm[-1])
    x = axis(first, last)
    top = max(max(one.values) for one in lines)
    base, tall = 196.0, 160.0
    left, wide = x(math.log10(low_nm)), x(math.log10(high_nm)) - x(math.log10(low_nm))
    parts = [
        f'<g opacity="0.14">{box(left, base - tall, wide, tall, "var(--enough)")}</g>',
        words(left + 4, base - tall - 4, f"{low_nm:g} to {high_nm:g} nm", "start", "muted"),
        segment(x(first), base, x(last), base, "var(--rule)"),
    ]
    for place, one in enumerate(lines):
        points: list[str] = []
        for i, value in enumerate(one.values):
            up = base - tall * value / top
            points += [
                f"{x(math.log10(edges_nm[i])):.1f},{up:.1f}",
                f"{x(math.log10(edges_nm[i + 1])):.1f},{up:.1f}",
            ]
        dash = ' stroke-dasharray="5 3"' if place else ""
        parts.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{SERIES[one.series]}" '
            f'stroke-width="2"{dash}/>'
        )
        parts.append(
            segment(
                WIDTH - 112,
                50 + 18 * place,
                WIDTH - 92,
                50 + 18 * place,
                SERIES[one.series],
                dash,
            )
        )
        parts.append(words(WIDTH - 88, 54 + 18 * place, one.name, "start"))
    marks = (20, 30, 50, 100, 200, 500, 1000, 2000)
    parts.extend(
        words(x(math.log10(mark)), base + 17, str(mark), "middle", "muted")
        for mark in marks
        if first - 1e-9 <= math.log10(mark) <= last + 1e-9
    )
    parts.append(
        words((x(first) + x(last)) / 2, base + 34, "outer diameter, nm", "middle", "muted")
    )
    said = ", ".join(one.name for one in lines)
    return svg("sizes", "Diameters of released vesicles", said, parts, base + 40)


def copies(lines: Sequence[Series], *, floor: float, of: str = "vesicle") -> str:
    """Return the share of vesicles, or cells, by their copies, on a logarithmic upright axis."""
    count = len(lines[0].values)
    x = axis(-0.5, count - 0.5)
    low = math.floor(math.log10(floor))
    tall, y0 = 190.0, 20.0 + 17.0 * len(lines)
    base = y0 + tall

    def up(value: float) -> float:
        return base - tall * (math.log10(max(value, 10.0**low)) - low) / -low

    parts: list[str] = []
    for power in range(low, 1):
        at = up(10.0**power)
        parts.append(segment(LEFT, at, WIDTH - RIGHT, at, "var(--rule)"))
        parts.append(words(LEFT - 6, at + 4, power_of_ten(power), "end", "muted"))
    spread = (x(1) - x(0)) * 0.8 / len(lines)
    for place, one in enumerate(lines):
        colour = SERIES[one.series % len(SERIES)]
        parts.append(
            f'<rect x="{LEFT:.0f}" y="{8 + 17 * place}" width="11" height="11" fill="{colour}"/>'
        )
        parts.append(words(LEFT + 17, 18 + 17 * place, one.name, "start"))
        start = place * spread - 0.4 * (x(1) - x(0))
        parts.extend(
            box(x(k) + start, up(value), spread - 0.6, base - up(value), colour)
            for k, value in enumerate(one.values)
            if value > 0.0
        )
    for k in range(0, count, 2):
        label = f"{k}+" if k == count - 1 else str(k)
        parts.append(words(x(k), base + 17, label, "middle", "muted"))
    parts.append(words(WIDTH / 2, base + 34, f"copies in one {of}", "middle", "muted"))
    said = "; ".join(f"{one.name}: {one.values[0]:.4%} hold none" for one in lines)
    return svg("copies", f"Share of {of}s by their copies", said, parts, base + 40)


@dataclass(frozen=True, slots=True)
class Band:
    """A course with what surrounds it: the interval of its middle, and the spread of cells."""

    name: str
    low: Sequence[float]
    middle: Sequence[float]
    high: Sequence[float]
    series: int
    cells_low: Sequence[float] = ()
    cells_high: Sequence[float] = ()


def panels(bands: Sequence[Band], *, key: str, title: str, hours: Sequence[float]) -> str:
    """Return small courses in time, two in a row, each on a scale of its own from zero.

    The pale band is the interval of the line over what is not known; bars, where given, are the
    middle of the cells.
    """
    wide, tall, gap = 148.0, 84.0, 52.0
    last = hours[-1]
    parts: list[str] = []
    for number, one in enumerate(bands):
        left = LEFT + (wide + LEFT + 4.0) * (number % 2)
        base = 30.0 + tall + (tall + gap) * (number // 2)
        top = nice(max(*one.high, *one.middle, *one.cells_high, 1e-12))
        colour = SERIES[one.series % len(SERIES)]

        def at(hour: float, value: float, left: float = left, base: float = base,
               top: float = top) -> str:  # fmt: skip
            return f"{left + wide * hour / last:.1f},{base - tall * value / top:.1f}"

        parts.append(words(left, base - tall - 8, one.name, "start"))
        for value in (0.0, top / 2, top):
            up = base - tall * value / top
            parts.append(segment(left, up, left + wide, up, "var(--rule)"))
            shown = f"{value:,.0f}" if value >= 1000.0 else f"{value:.3g}"
            parts.append(words(left - 5, up + 4, shown, "end", "muted"))
        around = [at(t, v) for t, v in zip(hours, one.high, strict=True)]
        around += [at(t, v) for t, v in zip(hours[::-1], one.low[::-1], strict=True)]
        parts.append(f'<polygon points="{" ".join(around)}" fill="{colour}" opacity="0.25"/>')
        for t, low, high in zip(hours, one.cells_low, one.cells_high, strict=False):
            if high > low:
                (x, y1), (_, y2) = (at(t, v).split(",") for v in (low, high))
                parts.append(segment(float(x), float(y1), float(x), float(y2), "var(--muted)"))
        line = " ".join(at(t, v) for t, v in zip(hours, one.middle, strict=True))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for share in (0.0, 0.5, 1.0):
            x = left + wide * share
            parts.append(words(x, base + 15, f"{last * share:g}", "middle", "muted"))
        parts.append(words(left + wide / 2, base + 29, "hours", "middle", "muted"))
    rows = (len(bands) + 1) // 2
    said = "; ".join(f"{one.name}: {one.middle[-1]:.3g} at the end" for one in bands)
    return svg(key, title, said, parts, 30.0 + (tall + gap) * rows)


@dataclass(frozen=True, slots=True)
class Mark:
    """A measured point: where it lies across, its bounds upright, and its words."""

    x: float
    low: float
    middle: float
    high: float
    name: str
    series: int


def decades(
    bands: Sequence[Band],
    marks: Sequence[Mark],
    *,
    key: str,
    title: str,
    at: Sequence[float],
    labels: tuple[str, str],
    bottom: float,
) -> str:
    """Return courses on two logarithmic axes, with measured points over them.

    ``labels`` are those of the axis across and of the upright one.
    """
    lines = len(bands) + len(marks)
    first, last = math.log10(at[0]), math.log10(at[-1])
    x = axis(first, last)
    highest = max(*(max(one.high) for one in bands), *(m.high for m in marks), bottom * 10.0)
    low, top = math.floor(math.log10(bottom)), math.ceil(math.log10(highest))
    tall, y0 = 190.0, 30.0 + 17.0 * lines
    base = y0 + tall

    def up(value: float) -> float:
        return base - tall * (math.log10(max(value, 10.0**low)) - low) / (top - low)

    parts = [words(0, 11, labels[1], "start", "muted")]
    for power in range(low, top + 1):
        y = up(10.0**power)
        parts.append(segment(x(first), y, x(last), y, "var(--rule)"))
        parts.append(words(LEFT - 6, y + 4, power_of_ten(power), "end", "muted"))
    powers = range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)
    parts.extend(words(x(p), base + 17, power_of_ten(p), "middle", "muted") for p in powers)
    parts.append(words((x(first) + x(last)) / 2, base + 34, labels[0], "middle", "muted"))
    for number, one in enumerate(bands):
        colour = SERIES[one.series % len(SERIES)]
        across = [x(math.log10(value)) for value in at]
        around = [f"{a:.1f},{up(v):.1f}" for a, v in zip(across, one.high, strict=True)]
        around += [f"{a:.1f},{up(v):.1f}" for a, v in zip(across[::-1], one.low[::-1], strict=True)]
        parts.append(f'<polygon points="{" ".join(around)}" fill="{colour}" opacity="0.25"/>')
        line = " ".join(f"{a:.1f},{up(v):.1f}" for a, v in zip(across, one.middle, strict=True))
        dash = ' stroke-dasharray="6 3"' if number else ""
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        y = 26.0 + 17.0 * number
        parts.append(segment(LEFT, y - 4, LEFT + 20, y - 4, colour, dash))
        parts.append(words(LEFT + 26, y, one.name, "start"))
    for number, one in enumerate(marks, len(bands)):
        colour = SERIES[one.series % len(SERIES)]
        place, y = x(math.log10(one.x)), 26.0 + 17.0 * number
        parts.append(segment(place, up(one.low), place, up(one.high), colour))
        parts.append(_dot(place, up(one.middle), colour) + _dot(LEFT + 10, y - 4, colour))
        parts.append(words(LEFT + 26, y, one.name, "start"))
    said = "; ".join(one.name for one in (*bands, *marks))
    return svg(key, title, said, parts, base + 40)


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval on a line of its own; ``told`` is what a law says, if any."""

    name: str
    low: float
    middle: float
    high: float
    series: int
    told: float | None = None


def dots(rows: Sequence[Dot], *, key: str, title: str, axis: str, most: float) -> str:
    """Return values with intervals, one below the other, on an axis from 0 to ``most``.

    A short upright stroke is the value that a law gives.
    """
    left, right, step = 190.0, WIDTH - 18.0, 24.0
    base = 14.0 + step * len(rows)

    def x(value: float) -> float:
        return left + (right - left) * min(max(value / most, 0.0), 1.0)

    parts: list[str] = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = x(share * most)
        parts.append(segment(at, 6.0, at, base, "var(--rule)"))
        parts.append(words(at, base + 16, f"{share * most:g}", "middle", "muted"))
    for place, one in enumerate(rows):
        y, colour = 20.0 + step * place, SERIES[one.series % len(SERIES)]
        parts.append(words(left - 8, y + 4, one.name, "end"))
        parts.append(segment(x(one.low), y, x(one.high), y, colour))
        if one.told is not None:
            parts.append(segment(x(one.told), y - 9, x(one.told), y + 9, "var(--ink)", " "))
        parts.append(_dot(x(one.middle), y, colour))
    parts.append(words((left + right) / 2, base + 33, axis, "middle", "muted"))
    said = "; ".join(f"{one.name}: {one.middle:.3g}" for one in rows)
    return svg(key, title, said, parts, base + 40)


def _dot(x: float, y: float, colour: str) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}" stroke="var(--paper)" '
        f'stroke-width="1.5"/>'
    )


def _label(x: float, y: float, flow: Flow, total: int, anchor: str) -> str:
    return words(x, y - 2, flow.name, anchor) + words(
        x, y + 12, f"{100 * flow.count / total:.3g} %", anchor, "muted"
    )


def _ribbon(x1: float, y1: float, x2: float, y2: float, high: float, colour: str) -> str:
    bend = (x1 + x2) / 2
    return (
        f'<path d="M{x1:.1f} {y1:.1f}C{bend:.1f} {y1:.1f} {bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}'
        f"V{y2 + high:.1f}C{bend:.1f} {y2 + high:.1f} {bend:.1f} {y1 + high:.1f} {x1:.1f} "
        f'{y1 + high:.1f}Z" fill="{colour}" opacity="0.75"/>'
    )
