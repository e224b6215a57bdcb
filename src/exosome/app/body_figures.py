"""Figures of the page about a dose in a body: organs in time, the body shaded, label and place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exosome.app.drawing import SERIES, WIDTH, box, segment, svg, words
from exosome.app.figures import power_of_ten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


_DASH = ' stroke-dasharray="5 3"'


@dataclass(frozen=True, slots=True)
class Course:
    """One organ in time: the band and middle of its signal, its vesicles, and published points."""

    name: str
    low: Sequence[float]
    middle: Sequence[float]
    high: Sequence[float]
    vesicles: Sequence[float]
    points: Sequence[tuple[float, float]] = ()


def courses(
    hours: Sequence[float], organs: Sequence[Course], *, floor: float, of: str = "signal"
) -> str:
    """Return small charts, two in a row: percent of the dose against time, both logarithmic.

    Times from the second one on are drawn; what lies below ``floor`` percent is cut. ``of`` says
    what the solid line is; if that is vesicles, no dashed line is drawn.
    """
    tall, wide, gap_x, gap_y, left, top = 92.0, 158.0, 34.0, 50.0, 34.0, 62.0
    first, last = math.log10(hours[1]), math.log10(hours[-1])
    low = math.log10(floor)
    parts = [
        segment(left, 10, left + 22, 10, SERIES[0]),
        words(left + 27, 14, of, "start"),
        f'<g opacity="0.22">{box(left + 78, 4, 22, 12, SERIES[0])}</g>',
        words(left + 105, 14, "90 % interval", "start"),
        words(0, 36, "percent", "start", "muted"),
    ]
    if of != "vesicles":
        parts.append(segment(left + 192, 10, left + 214, 10, SERIES[1], _DASH))
        parts.append(words(left + 219, 14, "vesicles", "start"))
    if any(one.points for one in organs):
        parts.append(f'<circle cx="{left + 286:.0f}" cy="10" r="4" fill="var(--ink)"/>')
        parts.append(words(left + 295, 14, "published", "start"))
    for place, one in enumerate(organs):
        x0 = left + (place % 2) * (wide + gap_x)
        y0 = top + (place // 2) * (tall + gap_y)

        def x(hour: float, x0: float = x0) -> float:
            return x0 + wide * (math.log10(max(hour, hours[1])) - first) / (last - first)

        def y(percent: float, y0: float = y0) -> float:
            at = math.log10(max(percent, floor))
            return y0 + tall * (2.0 - min(at, 2.0)) / (2.0 - low)

        parts += _frame(x, y, x0, wide, hours[-1], low)
        parts.append(words(x0 + 2, y0 - 6, one.name, "start"))
        parts += _band(hours, one, x, y)
        if of != "vesicles":
            parts.append(_dashed(hours, one.vesicles, x, y))
        parts += [
            f'<circle cx="{x(h):.1f}" cy="{y(v):.1f}" r="4" fill="var(--ink)" '
            f'stroke="var(--paper)" stroke-width="1.5"/>'
            for h, v in one.points
        ]
    height = top + math.ceil(len(organs) / 2) * (tall + gap_y) + 2
    said = "; ".join(f"{one.name} up to {max(one.middle):.3g} %" for one in organs)
    return svg("courses", "Signal and vesicles of organs in time", said, parts, height)


def _frame(
    x: Callable[[float], float],
    y: Callable[[float], float],
    x0: float,
    wide: float,
    last: float,
    low: float,
) -> list[str]:
    parts: list[str] = []
    for power in range(math.ceil(low), 3):
        at = y(10.0**power)
        parts.append(segment(x0, at, x0 + wide, at, "var(--rule)"))
        label = f"{10.0**power:g}"
        parts.append(words(x0 - 4, at + 4, label, "end", "muted"))
    marks = ((1 / 60, "1 min"), (10 / 60, "10"), (1.0, "1 h"), (10.0, "10"), (100.0, "100"))
    foot = y(10.0**low)
    for hour, text in marks:
        if hour <= last * 1.001:
            parts.append(words(x(hour), foot + 17, text, "middle", "muted"))
    return parts


def _band(
    hours: Sequence[float],
    one: Course,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> list[str]:
    shown = range(1, len(hours))
    up = [f"{x(hours[k]):.1f},{y(one.high[k]):.1f}" for k in shown]
    down = [f"{x(hours[k]):.1f},{y(one.low[k]):.1f}" for k in reversed(shown)]
    middle = " ".join(f"{x(hours[k]):.1f},{y(one.middle[k]):.1f}" for k in shown)
    return [
        f'<polygon points="{" ".join(up + down)}" fill="{SERIES[0]}" opacity="0.22"/>',
        f'<polyline points="{middle}" fill="none" stroke="{SERIES[0]}" stroke-width="2"/>',
    ]


def _dashed(
    hours: Sequence[float],
    values: Sequence[float],
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> str:
    points = " ".join(f"{x(hours[k]):.1f},{y(values[k]):.1f}" for k in range(1, len(hours)))
    return f'<polyline points="{points}" fill="none" stroke="{SERIES[1]}" stroke-width="2"{_DASH}/>'


# Outlines in a box of 90 x 150, seen from the front: a rodent on its back, a primate upright.
_RODENT = (
    "M45 4C36 4 31 12 31 20C31 26 34 30 33 35C27 40 22 52 21 66C14 62 8 64 8 68C8 72 14 74 20 75"
    "C19 84 19 92 22 100C14 104 10 112 13 116C17 120 26 116 30 110C35 114 40 116 43 117"
    "C43 128 40 138 44 146C47 142 46 128 47 117C50 116 55 114 60 110C64 116 73 120 77 116"
    "C80 112 76 104 68 100C71 92 71 84 70 75C76 74 82 72 82 68C82 64 76 62 69 66"
    "C68 52 63 40 57 35C56 30 59 26 59 20C59 12 54 4 45 4Z"
)
_PRIMATE = (
    "M45 2C38 2 34 8 34 15C34 21 37 25 40 28L40 32C30 33 24 36 22 44L14 84C13 89 19 91 21 86"
    "L28 60L29 84C28 96 30 100 31 108L32 144C32 149 40 149 41 144L44 108L46 108L49 144"
    "C50 149 58 149 58 144L59 108C60 100 62 96 61 84L62 60L69 86C71 91 77 89 76 84L68 44"
    "C66 36 60 33 50 32L50 28C53 25 56 21 56 15C56 8 52 2 45 2Z"
)
_ORGANS: Mapping[str, Sequence[tuple[float, float, float, float]]] = {
    "brain": ((45, 14, 8, 7),),
    "lung": ((38, 48, 5, 9), (54, 48, 5, 9)),
    "heart": ((47, 54, 4, 5),),
    "liver": ((41, 67, 10, 6),),
    "spleen": ((57, 70, 3, 6),),
    "kidney": ((37, 80, 3, 5), (54, 82, 3, 5)),
    "gut": ((45, 93, 10, 7),),
    "muscle": ((36, 108, 3, 7),),
    "bone": ((55, 108, 2, 8),),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """The body at one time: percent of the dose for each mL, and the largest shares in words."""

    caption: str
    per_ml: Mapping[str, float]
    words: Sequence[str]


def outline(frames: Sequence[Frame], *, upright: bool) -> str:
    """Return the body at a few times, organs shaded by the percent of the dose in each mL."""
    path = _PRIMATE if upright else _RODENT
    most = max(max(one.per_ml.values()) for one in frames)
    low, high = math.log10(most) - 3.0, math.log10(most)
    step = WIDTH / len(frames)
    parts: list[str] = []
    for place, one in enumerate(frames):
        shift = place * step + (step - 90.0) / 2
        parts.append(f'<g transform="translate({shift:.1f} 22)">')
        parts.append(f'<path d="{path}" fill="var(--raised)" stroke="var(--muted)"/>')
        for organ, shapes in _ORGANS.items():
            value = one.per_ml.get(organ, 0.0)
            shade = 0.0 if value <= 0.0 else (math.log10(value) - low) / (high - low)
            for cx, cy, rx, ry in shapes:
                parts.append(
                    f'<ellipse cx="{cx}" cy="{cy}" rx="{rx}" ry="{ry}" fill="{SERIES[0]}" '
                    f'fill-opacity="{min(max(shade, 0.0), 1.0):.2f}" stroke="var(--muted)">'
                    f"<title>{organ} {value:.3g} % in a mL</title></ellipse>"
                )
        parts.append("</g>")
        centre = place * step + step / 2
        parts.append(words(centre, 14, one.caption, "middle"))
        parts += [
            words(centre, 190 + 15 * i, text, "middle", "muted") for i, text in enumerate(one.words)
        ]
    rows = max(len(one.words) for one in frames)
    foot = 190 + 15 * rows + 8
    for i in range(21):
        parts.append(
            f'<rect x="{100 + 8 * i}" y="{foot}" width="8.2" height="10" fill="{SERIES[0]}" '
            f'fill-opacity="{i / 20:.2f}"/>'
        )
    parts.append(words(94, foot + 10, _percent(10.0**low), "end", "muted"))
    parts.append(words(274, foot + 10, f"{_percent(10.0**high)} % in a mL", "start", "muted"))
    said = "; ".join(f"{one.caption}: {', '.join(one.words)}" for one in frames)
    return svg("outline", "The body with its organs shaded", said, parts, foot + 18)


def _percent(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-4 else _count(value)


def label_and_place(rows: Sequence[tuple[str, float, float]], *, hour: float, label: str) -> str:
    """Return bars by organ: what the detector reports over where the vesicles are, in percent."""
    most = max(max(a, b) for _, a, b in rows)
    left, tall = 78.0, 30.0
    wide = WIDTH - left - 64.0
    parts = [
        box(left, 4, 11, 11, SERIES[0]),
        words(left + 16, 14, label, "start"),
        box(left + 170, 4, 11, 11, SERIES[1]),
        words(left + 186, 14, "vesicles", "start"),
    ]
    for place, (name, signal, vesicles) in enumerate(rows):
        y = 30.0 + place * tall
        parts.append(words(left - 6, y + 15, name, "end"))
        for shift, value, colour in ((0.0, signal, SERIES[0]), (11.0, vesicles, SERIES[1])):
            parts.append(box(left, y + shift, wide * value / most, 9.0, colour))
            end = left + max(wide * value / most, 0.6) + 4
            parts.append(words(end, y + shift + 9, f"{value:.2g} %", "start", "muted"))
    height = 30.0 + tall * len(rows) + 4
    said = f"At {hour:g} h. " + "; ".join(f"{n}: {a:.3g} and {b:.3g} %" for n, a, b in rows)
    return svg("label", "What the label shows and where the vesicles are", said, parts, height)


def against_own(rows: Sequence[tuple[str, float]]) -> str:
    """Return amounts of vesicles on one logarithmic axis."""
    values = [value for _, value in rows]
    low = math.floor(math.log10(min(values)) - 0.2)
    high = math.ceil(math.log10(max(values)) + 0.2)
    left, tall = 8.0, 40.0
    wide = WIDTH - 2 * left - 20.0

    def x(value: float) -> float:
        return left + wide * (math.log10(value) - low) / (high - low)

    foot = 8.0 + tall * len(rows)
    parts: list[str] = []
    for power in range(low, high + 1, max(1, (high - low) // 6)):
        parts.append(segment(x(10.0**power), 8, x(10.0**power), foot, "var(--rule)"))
        parts.append(words(x(10.0**power), foot + 15, power_of_ten(power), "middle", "muted"))
    for place, (name, value) in enumerate(rows):
        y = 22.0 + place * tall
        colour = SERIES[0] if place == 0 else SERIES[2]
        parts.append(words(left, y, f"{name}: {_count(value)}", "start"))
        parts.append(segment(left, y + 10, x(value), y + 10, colour))
        parts.append(f'<circle cx="{x(value):.1f}" cy="{y + 10:.1f}" r="5" fill="{colour}"/>')
    parts.append(words(WIDTH / 2, foot + 31, "vesicles", "middle", "muted"))
    said = "; ".join(f"{name} {value:.3g}" for name, value in rows)
    return svg("own", "The dose against the body's own vesicles", said, parts, foot + 36)


def _count(value: float) -> str:
    power = math.floor(math.log10(value))
    return f"{value / 10.0**power:.2g} × {power_of_ten(power)}"


_DASHES = ("", ' stroke-dasharray="7 3"', ' stroke-dasharray="2 3"')


def after_doses(doses: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> str:
    """Return vesicles in blood against the time since each dose, both axes logarithmic.

    Each dose is a name, hours since it (the first is zero and not drawn) and percent of one dose.
    """
    left, top, wide, tall = 40.0, 24.0, WIDTH - 150.0, 150.0
    last = max(hours[-1] for _, hours, _ in doses)
    first, low, high = math.log10(1 / 60), -2.0, 2.0

    def x(hour: float) -> float:
        return left + wide * (math.log10(max(hour, 1 / 60)) - first) / (math.log10(last) - first)

    def y(percent: float) -> float:
        at = math.log10(max(percent, 10.0**low))
        return top + tall * (high - min(at, high)) / (high - low)

    parts = _frame(x, y, left, wide, last, low)
    parts.append(words(0, 12, "percent of one dose", "start", "muted"))
    parts.append(words(left + wide, top + tall + 34, "since the dose", "end", "muted"))
    for place, (name, hours, percent) in enumerate(doses):
        colour, dash = SERIES[place % len(SERIES)], _DASHES[place % len(_DASHES)]
        points = " ".join(
            f"{x(h):.1f},{y(p):.1f}" for h, p in zip(hours, percent, strict=True) if h > 0.0
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        at = top + 14.0 + 20.0 * place
        parts.append(segment(left + wide + 10, at - 4, left + wide + 34, at - 4, colour, dash))
        parts.append(words(left + wide + 39, at, name, "start"))
    said = "; ".join(f"{name}: {percent[-1]:.3g} % at the end" for name, _, percent in doses)
    return svg("doses", "Vesicles in blood after each dose", said, parts, top + tall + 42)
