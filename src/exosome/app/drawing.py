"""Marks of hand-written SVG drawings, in the colours of the page.

All drawings are 400 wide, so that their text stays readable on a phone.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, LEFT, RIGHT = 400.0, 44.0, 8.0
SERIES = tuple(f"var(--series-{i})" for i in range(1, 6))


def box(x: float, y: float, wide: float, high: float, colour: str) -> str:
    """Return a filled rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide, 0.6):.1f}" height="{high:.1f}" '
        f'fill="{colour}"/>'
    )


def axis(low: float, high: float) -> Callable[[float], float]:
    """Return the scale from axis units to px between the margins."""

    def place(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)

    return place


def nice(value: float) -> float:
    """Return the next round number at or above a value."""
    step = 10.0 ** math.floor(math.log10(value))
    return next(m * step for m in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0) if m * step >= value)


def words(x: float, y: float, text: str, anchor: str, tone: str = "ink") -> str:
    """Return a text; ``tone`` is a colour of the page."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="var(--{tone})" '
        f'font-size="12">{escape(text)}</text>'
    )


def segment(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    """Return a straight line; ``more`` adds attributes."""
    width = 2 if more or "series" in colour else 1
    return (
        f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}" fill="none"{more}/>'
    )


def svg(key: str, title: str, said: str, parts: Sequence[str], height: float) -> str:
    """Return a whole drawing with words for those who cannot see it."""
    return (
        f'<svg class="drawing" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" '
        f'aria-labelledby="{key}-title {key}-desc"><title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(said)}</desc>{"".join(parts)}</svg>'
    )
