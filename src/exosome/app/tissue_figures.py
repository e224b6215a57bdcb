"""Figures of the pages about the space between cells: SVG written by hand.

The picture and the map are drawn from the cells' own places; colours run from pale to dark, so
that they are told apart without hue.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Seven steps of a scale that is even in lightness (after viridis, read from dark to light).
SCALE = ("#fde725", "#90d743", "#35b779", "#21918c", "#31688e", "#443983", "#440154")
NONE, SENDER = "#b9bec4", "#d55e00"
TURN, TILT = math.radians(35.0), math.radians(24.0)  # of the block, seen from above one corner


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as a picture shows it: place, radius, amount (None for a sender)."""

    x: float
    y: float
    z: float
    radius: float
    amount: float | None


def step_of(amount: float, most: float) -> int | None:
    """Return the step of the scale, even in the logarithm; None for nothing."""
    if amount <= 0.0:
        return None
    if most <= 1.0:
        return len(SCALE) - 1
    return min(len(SCALE) - 1, int(len(SCALE) * math.log(amount) / math.log(most)))


def picture(
    cells: Sequence[Cell], size: tuple[float, float, float], *, key: str, source: str = "sender"
) -> str:
    """Return a view of the block from above one corner, cut open through the middle.

    Cells in front of the cut are left away; those behind are drawn from far to near. ``source``
    is what the legend calls a cell without an amount.
    """
    cos_t, sin_t, cos_p, sin_p = math.cos(TURN), math.sin(TURN), math.cos(TILT), math.sin(TILT)
    middle = tuple(0.5 * edge for edge in size)

    def project(x: float, y: float, z: float) -> tuple[float, float, float]:
        a, b, c = x - middle[0], y - middle[1], z - middle[2]
        across, deep = cos_t * a - sin_t * b, sin_t * a + cos_t * b
        return across, -(cos_p * c - sin_p * deep), cos_p * deep + sin_p * c

    kept = [one for one in cells if one.y >= middle[1] - one.radius or one.amount is None]
    most = max((one.amount or 0.0 for one in cells), default=1.0)
    reach = 0.5 * math.sqrt(sum(edge**2 for edge in size))
    scale = 195.0 / reach
    drawn: list[tuple[float, str]] = []
    for one in kept:
        x, y, deep = project(one.x, one.y, one.z)
        if one.amount is None:
            fill, near = f"url(#{key}-s)", -1e9
        else:
            step = step_of(one.amount, most)
            fill, near = f"url(#{key}-{'n' if step is None else step})", 0.0
        drawn.append(
            (
                -deep - near,
                (
                    f'<circle cx="{200 + scale * x:.1f}" cy="{190 + scale * y:.1f}" '
                    f'r="{scale * one.radius:.1f}" fill="{fill}"/>'
                ),
            )
        )
    shades = "".join(
        f'<radialGradient id="{key}-{name}" cx="0.35" cy="0.3" r="0.8"><stop offset="0" '
        f'stop-color="{_lighter(colour)}"/><stop offset="0.6" stop-color="{colour}"/>'
        f'<stop offset="1" stop-color="{_darker(colour)}"/></radialGradient>'
        for name, colour in [*enumerate(SCALE), ("n", NONE), ("s", SENDER)]
    )
    corners = [(x, y, z) for x in (0, size[0]) for y in (middle[1], size[1]) for z in (0, size[2])]

    def placed(corner: tuple[float, float, float]) -> tuple[float, float]:
        across, down = project(*corner)[:2]
        return 200 + scale * across, 190 + scale * down

    edges = "".join(
        _stroke(*placed(a), *placed(b))
        for i, a in enumerate(corners)
        for b in corners[i + 1 :]
        if sum(p != q for p, q in zip(a, b, strict=True)) == 1
    )
    balls = "".join(text for _, text in sorted(drawn, key=lambda pair: pair[0]))
    return _svg(
        key, "The block, cut open", "Cells coloured by the vesicles they took up.",
        f"<defs>{shades}</defs>{edges}{balls}{_legend(most, 396.0, source=source)}", 430.0,
    )  # fmt: skip


def slab(
    cells: Sequence[Cell], width: float, height: float, *, key: str, title: str, unit: str,
    source: str = "sender",
) -> str:  # fmt: skip
    """Return the cells of one slice as discs, coloured by what they took up."""
    scale = min(380.0 / width, 380.0 / height)
    most = max((one.amount or 0.0 for one in cells), default=1.0)
    parts: list[str] = []
    for one in cells:
        step = None if one.amount is None else step_of(one.amount, most)
        fill = SENDER if one.amount is None else NONE if step is None else SCALE[step]
        parts.append(
            f'<circle cx="{10 + scale * one.x:.1f}" cy="{24 + scale * (height - one.z):.1f}" '
            f'r="{scale * one.radius:.1f}" fill="{fill}"/>'
        )
    tall = 24.0 + scale * height
    bar = 50.0 * scale
    parts.append(
        f'<path d="M10 {tall + 8:.0f}h{bar:.1f}" stroke="var(--ink)" stroke-width="2"/>'
        + _text(16 + bar, tall + 12, "50 um".replace("u", "µ"), "start")
        + _text(10, 14, f"{title}", "start", "ink")
        + _legend(most, tall + 22.0, unit, source)
    )
    return _svg(key, title, f"Each disc is a cell, coloured by {unit}.", "".join(parts), tall + 58)


def distances(
    edges: Sequence[float], counts: Sequence[int], law: Sequence[float], *, key: str, label: str,
    law_name: str,
) -> str:  # fmt: skip
    """Return a histogram of shares with intervals, and the closed form over it.

    ``law`` holds the share of each bin. Whiskers: two standard errors of a count.
    """
    total = max(1, sum(counts))
    shares = [c / total for c in counts]
    errors = [2.0 * math.sqrt(max(c, 1)) / total for c in counts]
    top = max(*(s + e for s, e in zip(shares, errors, strict=True)), *law, 1e-9) * 1.06
    left, wide, high, base = 46.0, 344.0, 190.0, 214.0
    x = [left + wide * e / edges[-1] for e in edges]
    parts: list[str] = []
    for i, (share, error) in enumerate(zip(shares, errors, strict=True)):
        y = base - high * share / top
        parts.append(
            f'<rect x="{x[i] + 0.5:.1f}" y="{y:.1f}" width="{x[i + 1] - x[i] - 1:.1f}" '
            f'height="{base - y:.1f}" fill="var(--series-1)" opacity="0.55"/>'
        )
        middle = 0.5 * (x[i] + x[i + 1])
        parts.append(
            f'<path d="M{middle:.1f} {base - high * max(0.0, share - error) / top:.1f}'
            f'V{base - high * (share + error) / top:.1f}" stroke="var(--ink)"/>'
        )
    if law:
        path = "L".join(
            f"{0.5 * (x[i] + x[i + 1]):.1f} {base - high * p / top:.1f}" for i, p in enumerate(law)
        )
        parts.append(
            f'<path d="M{path}" fill="none" stroke="var(--series-2)" stroke-width="2.5"/>'
            + _text(left + wide, 20, law_name, "end", "series-2")
        )
    parts.append(_text(left + wide, 36, "bars: simulated, with two standard errors", "end"))
    for i in range(5):
        value = edges[-1] * i / 4
        parts.append(_text(left + wide * i / 4, base + 16, f"{value:.3g}", "middle"))
    for i in range(1, 4):
        share = top * i / 4
        parts.append(
            _text(left - 4, base - high * i / 4 + 4, f"{100 * share:.2g} %", "end")
            + f'<path d="M{left} {base - high * i / 4:.1f}h{wide}" stroke="var(--rule)"/>'
        )
    parts.append(f'<path d="M{left} {base}h{wide}" stroke="var(--ink)"/>')
    parts.append(_text(left + wide / 2, base + 34, label, "middle"))
    return _svg(key, label, "Histogram with the closed form.", "".join(parts), base + 42)


def chart(
    names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], *, key: str, label: str,
    measure: str,
) -> str:  # fmt: skip
    """Return grouped bars of shares: one group for each name, one tone for each series."""
    top = max((share for _, shares in series for share in shares), default=1.0) or 1.0
    top = min(1.0, 1.06 * top)
    left, wide, high, base = 46.0, 344.0, 190.0, 230.0
    group = wide / max(1, len(names))
    bar = 0.84 * group / max(1, len(series))
    parts = [_text(left - 40, 14, measure, "start")]
    for i in range(1, 5):
        y = base - high * i / 4
        parts.append(
            _text(left - 4, y + 4, f"{100 * top * i / 4:.3g} %", "end")
            + f'<path d="M{left} {y:.1f}h{wide}" stroke="var(--rule)"/>'
        )
    for j, (name, shares) in enumerate(series):
        for i, share in enumerate(shares):
            tall = high * share / top
            parts.append(
                f'<rect x="{left + group * i + 0.08 * group + bar * j:.1f}" '
                f'y="{base - tall:.1f}" width="{max(0.5, bar - 0.5):.1f}" height="{tall:.1f}" '
                f'fill="var(--series-{j + 1})"/>'
            )
        y = base + 54.0 + 16.0 * j
        parts.append(
            f'<rect x="{left}" y="{y - 10}" width="12" height="12" '
            f'fill="var(--series-{j + 1})"/>' + _text(left + 18, y, name, "start", "ink")
        )
    # Not so many names that they meet.
    every = max(1, math.ceil(len(names) * max(map(len, names)) / 45))
    for i, name in enumerate(names):
        if i % every == 0:
            parts.append(_text(left + group * (i + 0.5), base + 16, name, "middle"))
    parts.append(f'<path d="M{left} {base}h{wide}" stroke="var(--ink)"/>')
    parts.append(_text(left + wide / 2, base + 34, label, "middle"))
    return _svg(key, label, f"Bars: {measure}.", "".join(parts), base + 50 + 16 * len(series))


def _legend(most: float, y: float, unit: str = "vesicles taken up", source: str = "sender") -> str:
    parts = [f'<rect x="10" y="{y}" width="22" height="12" fill="{NONE}"/>']
    parts.append(_text(21, y + 26, "0", "middle"))
    for i, colour in enumerate(SCALE):
        parts.append(f'<rect x="{40 + 22 * i}" y="{y}" width="22" height="12" fill="{colour}"/>')
    parts.append(_text(40, y + 26, "1", "start") if most >= 1 else "")
    parts.append(_text(40 + 22 * len(SCALE), y + 26, f"{most:,.0f}", "end"))
    parts.append(_text(202, y + 10, unit + ", logarithmic", "start"))
    parts.append(
        f'<circle cx="209" cy="{y + 22}" r="6" fill="{SENDER}"/>'
        + _text(220, y + 26, source, "start")
    )
    return "".join(parts)


def _stroke(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="var(--rule)"/>'


def _text(x: float, y: float, words: str, anchor: str, tone: str = "muted") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="var(--{tone})" '
        f'font-size="12">{escape(words)}</text>'
    )


def _mixed(colour: str, other: int, share: float) -> str:
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(p + (other - p) * share):02x}" for p in parts)


def _lighter(colour: str) -> str:
    return _mixed(colour, 255, 0.45)


def _darker(colour: str) -> str:
    return _mixed(colour, 0, 0.35)


def _svg(key: str, title: str, said: str, body: str, height: float) -> str:
    return (
        f'<svg class="drawing" viewBox="0 0 400 {height:.0f}" role="img" '
        f'aria-labelledby="{key}-title {key}-desc"><title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(said)}</desc>{body}</svg>'
    )
