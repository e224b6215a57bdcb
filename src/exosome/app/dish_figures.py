"""Figures of the dish: curves with bands and measured points, SVG in the colours of the page.

Drawn 400 wide, so that their text stays readable on a phone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exosome.app.figures import Caption

_WIDTH, _LEFT, _RIGHT, _TALL = 400.0, 46.0, 10.0, 210.0
_SERIES = tuple(f"var(--series-{i})" for i in range(1, 6))
_DASHES = ("", ' stroke-dasharray="7 4"', ' stroke-dasharray="2 3"', ' stroke-dasharray="9 3 2 3"')


@dataclass(frozen=True, slots=True)
class Curve:
    """A line: its words, colour, dash (0 is none) and, if it has one, its band."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    series: int
    dash: int = 0
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A measured point with its range; the words stand in the legend once."""

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """Words of an axis, its end (its start is 0 unless logarithmic) and its ticks."""

    words: str
    low: float
    high: float
    ticks: Sequence[float]
    is_log: bool = False

    def place(self, value: float, start: float, length: float) -> float:
        """Return where a value stands, in px."""
        low, high, at = self.low, self.high, max(min(value, self.high), self.low)
        if self.is_log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return start + length * (at - low) / (high - low)


def axis(words: str, high: float, *, is_whole: bool = True) -> Axis:
    """Return a linear axis from 0 with four or five round ticks.

    It ends at a tick if it is whole, else where the values end.
    """
    high = high if high > 0.0 else 1.0
    step = 10.0 ** math.floor(math.log10(high / 4.0))
    step = next(m * step for m in (1.0, 2.0, 2.5, 5.0, 10.0) if high / (m * step) <= 5.0)
    if not is_whole and high % 6.0 == 0.0:
        step = high / 4.0  # hours: 6, 12, 18, 24
    count = math.ceil(high / step - 1e-9) if is_whole else math.floor(high / step + 1e-9)
    end = count * step if is_whole else high
    return Axis(words, 0.0, end, tuple(i * step for i in range(count + 1)))


def curves(
    lines: Sequence[Curve], points: Sequence[Point], *, x: Axis, y: Axis, caption: Caption
) -> str:
    """Return curves with their bands, points over them; a line ends where it leaves the frame."""
    names = [*(one.name for one in lines), *dict.fromkeys(one.name for one in points)]
    top = 14.0 + 16.0 * len(names) + 18.0
    base, right = top + _TALL, _WIDTH - _RIGHT

    def across(value: float) -> float:
        return x.place(value, _LEFT, right - _LEFT)

    def up(value: float) -> float:
        return base - (y.place(value, 0.0, _TALL))

    parts = [_words(0.0, top - 8.0, y.words, "start", "muted"), *_legend(lines, names)]
    for tick in y.ticks:
        parts.append(_rule(_LEFT, up(tick), right, up(tick)))
        parts.append(_words(_LEFT - 6.0, up(tick) + 4.0, f"{tick:g}", "end", "muted"))
    for tick in x.ticks:
        parts.append(_rule(across(tick), base, across(tick), base + 4.0))
        parts.append(_words(across(tick), base + 18.0, f"{tick:g}", "middle", "muted"))
    parts.append(_words((_LEFT + right) / 2, base + 36.0, x.words, "middle", "muted"))
    for one in lines:
        if one.low is not None and one.high is not None:
            edge = [(across(a), up(b)) for a, b in zip(one.x, one.high, strict=True)]
            edge += [(across(a), up(b)) for a, b in reversed([*zip(one.x, one.low, strict=True)])]
            ring = " ".join(f"{a:.1f},{b:.1f}" for a, b in edge)
            colour = _SERIES[one.series]
            parts.append(f'<polygon points="{ring}" fill="{colour}" opacity="0.22"/>')
    parts += [_path(_cut(one, across, up, y.high), one, 2.2) for one in lines]
    for one in points:
        if one.low is not None and one.high is not None:
            parts.append(
                f'<path d="M{across(one.x):.1f} {up(one.low):.1f}V{up(one.high):.1f}" '
                'stroke="var(--ink)" stroke-width="1.6" fill="none"/>'
            )
        parts.append(_diamond(across(one.x), up(one.y)))
    key = escape(caption.key)
    return (
        f'<svg class="drawing" viewBox="0 0 {_WIDTH:.0f} {base + 42.0:.0f}" role="img" '
        f'aria-labelledby="{key}-title {key}-desc"><title id="{key}-title">'
        f'{escape(caption.title)}</title><desc id="{key}-desc">{escape(caption.description)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _legend(lines: Sequence[Curve], names: Sequence[str]) -> list[str]:
    parts: list[str] = []
    for i, name in enumerate(names):
        at = 10.0 + 16.0 * i
        is_line = i < len(lines)
        parts.append(
            _path([(0.0, at), (26.0, at)], lines[i], 2.2) if is_line else _diamond(13.0, at)
        )
        parts.append(_words(32.0, at + 4.0, name, "start"))
    return parts


def bars(rows: Sequence[tuple[str, float]], *, words: str, caption: Caption) -> str:
    """Return horizontal bars of shares of 1, the words of each above its bar."""
    row, top = 34.0, 6.0
    right = _WIDTH - 48.0
    parts: list[str] = []
    for i, (name, share) in enumerate(rows):
        at = top + row * i
        wide = max(right * min(max(share, 0.0), 1.0), 0.8)
        parts.append(_words(0.0, at + 11.0, name, "start"))
        parts.append(
            f'<rect x="0" y="{at + 16:.1f}" width="{wide:.1f}" height="11" fill="{_SERIES[0]}"/>'
        )
        parts.append(_words(wide + 6.0, at + 26.0, f"{100.0 * max(share, 0.0):.0f} %", "start"))
    base = top + row * len(rows)
    parts.append(_words(0.0, base + 14.0, words, "start", "muted"))
    key = escape(caption.key)
    return (
        f'<svg class="drawing" viewBox="0 0 {_WIDTH:.0f} {base + 20.0:.0f}" role="img" '
        f'aria-labelledby="{key}-title {key}-desc"><title id="{key}-title">'
        f'{escape(caption.title)}</title><desc id="{key}-desc">{escape(caption.description)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _cut(
    one: Curve, across: Callable[[float], float], up: Callable[[float], float], top: float
) -> list[tuple[float, float]]:
    """Return the points of a line up to where it leaves the frame."""
    found: list[tuple[float, float]] = []
    before: tuple[float, float] | None = None
    for a, b in zip(one.x, one.y, strict=True):
        if b > top:
            if before is not None and b > before[1]:
                part = (top - before[1]) / (b - before[1])
                found.append((across(before[0] + part * (a - before[0])), up(top)))
            break
        found.append((across(a), up(b)))
        before = (a, b)
    return found


def _path(points: Sequence[tuple[float, float]], one: Curve, width: float) -> str:
    ring = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    return (
        f'<polyline points="{ring}" fill="none" stroke="{_SERIES[one.series]}" '
        f'stroke-width="{width}"{_DASHES[one.dash]}/>'
    )


def _diamond(x: float, y: float) -> str:
    return (
        f'<path d="M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5Z" fill="var(--ink)" '
        'stroke="var(--paper)" stroke-width="1.2"/>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="var(--rule)" fill="none"/>'


def _words(x: float, y: float, text: str, anchor: str, tone: str = "ink") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="var(--{tone})" '
        f'font-size="12">{escape(text)}</text>'
    )
