"""Reaction networks with whole counts: one description, several solvers.

`Network` describes; `simulate` and `trajectory` run it exactly or by tau-leaping;
`mean_field` integrates its deterministic limit, `mean_fields` that of many sets of values.
Compiled code is loaded at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exosome.numerics.network.description import (
    Compartment,
    Event,
    MassAction,
    Network,
    Parameter,
    Reaction,
    Species,
    reaction,
)

if TYPE_CHECKING:
    from exosome.numerics.network.ensemble import (
        Ensemble,
        Trajectory,
        replaced,
        simulate,
        trajectory,
    )
    from exosome.numerics.network.ode import Course, Courses, mean_field, mean_fields

__all__ = [
    "Compartment",
    "Course",
    "Courses",
    "Ensemble",
    "Event",
    "MassAction",
    "Network",
    "Parameter",
    "Reaction",
    "Species",
    "Trajectory",
    "mean_field",
    "mean_fields",
    "reaction",
    "replaced",
    "simulate",
    "trajectory",
]


def __getattr__(name: str) -> object:
    """Load solvers, and with them NumPy and Numba, when first asked for."""
    from importlib import import_module

    integrated = {"Course", "Courses", "mean_field", "mean_fields"}
    where = "ode" if name in integrated else "ensemble"
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{where}"), name)
