"""Figures of a fit: what the data moved, courses over points, profiles, the next experiment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.app.drawing import SERIES, WIDTH, box, segment, svg, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MARKS_H = (
    (1 / 60, "1 min"), (1 / 6, "10 min"), (1.0, "1 h"), (6.0, "6 h"), (24.0, "1 d"), (96.0, "4 d"),
    (240.0, "10 d"), (960.0, "40 d"), (2400.0, "100 d"),
)  # fmt: skip
_APART = 34.0  # between the middles of two marks


@dataclass(frozen=True, slots=True)
class Panel:
    """One organ of one study: the fit, its band and the rows; ends of rows that are ranges."""

    name: str
    unit: str
    hours: Sequence[float]
    low: Sequence[float]
    middle: Sequence[float]
    high: Sequence[float]
    points: Sequence[tuple[float, float, float]]
    fitted: bool


def fitted_courses(panels: Sequence[Panel], *, key: str, title: str) -> str:
    """Return small charts, two in a row, each with its own axes, both logarithmic.

    Rows that were fitted are full dots, rows that were only predicted are rings; a limit is an
    open triangle at its end.
    """
    tall, wide, gap_x, gap_y, left, top = 84.0, 156.0, 40.0, 52.0, 38.0, 58.0
    parts = [
        segment(left, 10, left + 22, 10, SERIES[0]),
        words(left + 27, 14, "fit", "start"),
        f'<g opacity="0.22">{box(left + 52, 4, 22, 12, SERIES[0])}</g>',
        words(left + 79, 14, "90 % interval", "start"),
        f'<circle cx="{left + 186:.0f}" cy="10" r="4" fill="var(--ink)"/>',
        words(left + 194, 14, "fitted", "start"),
        _ring(left + 252, 10),
        words(left + 260, 14, "held out", "start"),
    ]
    for place, one in enumerate(panels):
        x0 = left + (place % 2) * (wide + gap_x)
        y0 = top + (place // 2) * (tall + gap_y)
        parts += _panel(one, x0, y0, wide, tall)
    height = top + math.ceil(len(panels) / 2) * (tall + gap_y)
    said = "; ".join(f"{one.name}: {len(one.points)} rows" for one in panels)
    return svg(key, title, said, parts, height)


def _ring(x: float, y: float) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var(--paper)" stroke="var(--ink)" '
        f'stroke-width="1.5"/>'
    )


def _panel(one: Panel, x0: float, y0: float, wide: float, tall: float) -> list[str]:
    first, last = math.log10(one.hours[0]), math.log10(one.hours[-1])
    shown = [v for v in (*one.low, *one.high) if v > 0.0]
    shown += [v for _, low, high in one.points for v in (low, high) if 0.0 < v < math.inf]
    top = math.ceil(math.log10(max(shown)))
    foot = max(math.floor(math.log10(min(shown))), top - 5)

    def x(hour: float) -> float:
        return x0 + wide * (math.log10(hour) - first) / (last - first)

    def y(value: float) -> float:
        at = min(max(math.log10(max(value, 1e-12)), foot), top)
        return y0 + tall * (top - at) / (top - foot)

    parts = [words(x0, y0 - 7, f"{one.name}, {one.unit}", "start")]
    for power in range(foot, top + 1):
        parts.append(segment(x0, y(10.0**power), x0 + wide, y(10.0**power), "var(--rule)"))
        parts.append(words(x0 - 4, y(10.0**power) + 4, f"{10.0**power:g}", "end", "muted"))
    last_mark = -_APART
    for hour, text in _MARKS_H:
        if one.hours[0] <= hour <= one.hours[-1] and x(hour) - last_mark >= _APART:
            last_mark = x(hour)
            parts.append(words(last_mark, y0 + tall + 17, text, "middle", "muted"))
    up = [f"{x(h):.1f},{y(v):.1f}" for h, v in zip(one.hours, one.high, strict=True)]
    down = [f"{x(h):.1f},{y(v):.1f}" for h, v in zip(one.hours, one.low, strict=True)]
    middle = " ".join(f"{x(h):.1f},{y(v):.1f}" for h, v in zip(one.hours, one.middle, strict=True))
    band = " ".join(up + down[::-1])
    parts.append(f'<polygon points="{band}" fill="{SERIES[0]}" opacity="0.22"/>')
    parts.append(f'<polyline points="{middle}" fill="none" stroke="{SERIES[0]}" stroke-width="2"/>')
    parts += [_mark(point, x, y, fitted=one.fitted) for point in one.points]
    return parts


def _mark(
    point: tuple[float, float, float],
    x: Callable[[float], float],
    y: Callable[[float], float],
    *,
    fitted: bool,
) -> str:
    hour, low, high = point
    if low == high:
        at = x(hour), y(low)
        if not fitted:
            return _ring(*at)
        return (
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4" fill="var(--ink)" '
            f'stroke="var(--paper)" stroke-width="1.5"/>'
        )
    if low > 0.0 and high < math.inf:
        return segment(x(hour), y(low), x(hour), y(high), "var(--ink)", ' stroke-linecap="round"')
    end, down = (high, 1.0) if low <= 0.0 else (low, -1.0)
    px, py = x(hour), y(end)
    return (
        f'<path d="M{px - 4:.1f} {py:.1f}L{px + 4:.1f} {py:.1f}L{px:.1f} {py + 7 * down:.1f}Z" '
        f'fill="none" stroke="var(--ink)" stroke-width="1.5"/>'
    )


def moved_bars(rows: Sequence[tuple[str, float, float]]) -> str:
    """Return, for each unknown, its spread before (pale) and after (full): natural logarithms."""
    left, tall = 190.0, 19.0
    wide = WIDTH - left - 44.0
    most = max(before for _, before, _ in rows)
    parts = [
        f'<g opacity="0.3">{box(left, 2, 14, 11, SERIES[0])}</g>',
        words(left + 19, 12, "prior", "start"),
        box(left + 66, 2, 14, 11, SERIES[0]),
        words(left + 85, 12, "after the fit", "start"),
    ]
    for place, (name, before, after) in enumerate(rows):
        y = 24.0 + place * tall
        parts.append(words(left - 6, y + 11, name, "end"))
        parts.append(f'<g opacity="0.3">{box(left, y, wide * before / most, 13, SERIES[0])}</g>')
        parts.append(box(left, y + 3, wide * after / most, 7, SERIES[0]))
        end = left + wide * before / most + 4
        parts.append(words(end, y + 11, f"{after:.2f}", "start", "muted"))
    said = "; ".join(f"{name} {before:.2f} to {after:.2f}" for name, before, after in rows)
    height = 28.0 + tall * len(rows)
    return svg("moved", "Spreads before and after the fit", said, parts, height)


def profile_lines(
    profiles: Sequence[tuple[str, Sequence[float], Sequence[float], Sequence[float]]],
) -> str:
    """Return the fall of the log-posterior against each unknown: profile and local normal law."""
    tall, wide, gap, left, top = 84.0, 156.0, 40.0, 38.0, 48.0
    parts = [
        segment(left, 10, left + 22, 10, SERIES[0]),
        words(left + 27, 14, "profile", "start"),
        segment(left + 84, 10, left + 106, 10, SERIES[1], ' stroke-dasharray="5 3"'),
        words(left + 111, 14, "local normal law", "start"),
    ]
    for place, (name, at, fall, normal) in enumerate(profiles):
        x0 = left + (place % 2) * (wide + gap)
        y0 = top + (place // 2) * (tall + 52.0)
        deep = min(*fall, *normal, -1.0)
        span = max(at) - min(at)

        def x(value: float, x0: float = x0, first: float = min(at), span: float = span) -> float:
            return x0 + wide * (value - first) / span

        def y(value: float, y0: float = y0, deep: float = deep) -> float:
            return y0 + tall * value / deep

        parts.append(words(x0, y0 - 7, name, "start"))
        for level in (0.0, -_CUT):
            parts.append(segment(x0, y(level), x0 + wide, y(level), "var(--rule)"))
            parts.append(words(x0 - 4, y(level) + 4, f"{level:.3g}", "end", "muted"))
        for falls, colour, more in (
            (fall, SERIES[0], ""),
            (normal, SERIES[1], ' stroke-dasharray="5 3"'),
        ):
            path = " ".join(f"{x(a):.1f},{y(f):.1f}" for a, f in zip(at, falls, strict=True))
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{more}/>'
            )
        parts += [
            words(x(value), y0 + tall + 17, f"{value:.2f}", "middle", "muted")
            for value in (min(at), max(at))
        ]
        parts.append(words(x0 + wide / 2, y0 + tall + 17, "natural log", "middle", "muted"))
    said = "; ".join(f"{name}: falls to {min(fall):.2f}" for name, _, fall, _ in profiles)
    height = top + math.ceil(len(profiles) / 2) * (tall + 52.0)
    return svg("profiles", "Profiles of the log-posterior", said, parts, height)


_CUT = 1.35  # half of the 90 % point of chi-square with one degree of freedom (2.706)


def promises(rows: Sequence[tuple[str, float, int]]) -> str:
    """Return what each design would take away of what is not known, in nats."""
    tall = 36.0
    most = max([1e-9, *(gain for _, gain, _ in rows)])
    wide = WIDTH - 110.0
    parts: list[str] = []
    for place, (name, gain, informed) in enumerate(rows):
        y = place * tall
        parts.append(words(0, y + 14, name, "start"))
        parts.append(box(0, y + 19, wide * gain / most, 9, SERIES[0]))
        end = max(wide * gain / most, 0.6) + 5
        parts.append(words(end, y + 28, f"{gain:.1f} nats, {informed}", "start", "muted"))
    said = "; ".join(f"{name}: {gain:.2f} nats" for name, gain, _ in rows)
    return svg("next", "What each design would tell", said, parts, tall * len(rows) + 4)
