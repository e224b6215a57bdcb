"""Independent Brownian particles among spheres in a box: event-driven, fixed-step and plain."""

from __future__ import annotations

from exosome.numerics.brownian.accuracy import Bounds, bounds_for
from exosome.numerics.brownian.advance import advance
from exosome.numerics.brownian.binding import Binding
from exosome.numerics.brownian.particles import (
    BOUND,
    DECAYED,
    FREE,
    LEFT,
    Particles,
    bytes_per_particle,
)
from exosome.numerics.brownian.tube import WALL, Tube
from exosome.numerics.brownian.world import Face, Flow, World

__all__ = [
    "BOUND",
    "DECAYED",
    "FREE",
    "LEFT",
    "WALL",
    "Binding",
    "Bounds",
    "Face",
    "Flow",
    "Particles",
    "Tube",
    "World",
    "advance",
    "bounds_for",
    "bytes_per_particle",
]
