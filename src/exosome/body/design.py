"""What a run looks like apart from its numbers: places, states and cells that take particles up.

Names. ``PLACE_aK`` are intact particles of size class K at a place, by state: ``a`` labelled, ``b``
without its label; where the surface is followed these are bare, and ``c`` and ``d`` are the same,
opsonised. Where a dose holds aggregates, the last class are vesicles in aggregates that pass
capillaries; ``large_plasma`` and ``large_lung`` are those in aggregates that do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from exosome.body.physiology import ORGANS
from exosome.body.routes import NODES, ROUTES
from exosome.core.errors import InputError
from exosome.numerics.network import Reaction, reaction

if TYPE_CHECKING:
    from exosome.body.kinds import Kind
    from exosome.body.labels import Label
    from exosome.body.routes import Route

Sort = Literal["phagocyte", "scavenger", "hepatocyte", "other"]
Surface = Literal["equilibrium", "bare", "opsonised"]


@dataclass(frozen=True, slots=True)
class Population:
    """Cells that take particles up from one place.

    ``sort`` says which factor of a kind of particle applies; ``saturable`` ones have a finite
    rate and a finite capacity.
    """

    key: str
    place: str
    sort: Sort
    organ: str
    saturable: bool = False


POPULATIONS = (
    Population("kupffer", "liver_v", "phagocyte", "liver", saturable=True),
    Population("scavenger", "liver_v", "scavenger", "liver", saturable=True),
    Population("hepatocyte", "liver_i", "hepatocyte", "liver"),
    Population("red_pulp", "spleen_v", "phagocyte", "spleen", saturable=True),
    Population("marrow", "bone_v", "phagocyte", "bone", saturable=True),
    Population("blood_cells", "plasma", "other", "blood", saturable=True),
    *(Population(f"endothelium_{o}", f"{o}_v", "other", o) for o in ORGANS if o != "liver"),
    *(Population(f"tissue_{o}", f"{o}_i", "other", o) for o in ORGANS if o != "liver"),
    *(Population(f"node_{g}", f"node_{g}", "phagocyte", "nodes", saturable=True) for g in NODES),
)
DEPOT_CELLS = Population("depot_cells", "depot", "other", "depot")
TUMOUR_CELLS = (
    Population("tumour_phagocyte", "tumour_i", "phagocyte", "tumour"),
    Population("tumour_cell", "tumour_i", "other", "tumour"),
)
SATURABLE = tuple(one for one in POPULATIONS if one.saturable)
CROWDED = (*dict.fromkeys(one.place for one in SATURABLE), "lung_held")
"""Places where particles hinder each other. ``near_PLACE`` counts all that are there: it is their
sum at every moment, and as a species of its own it keeps the network sparse for many classes."""
PHAGOCYTES = tuple(one.key for one in POPULATIONS if one.sort == "phagocyte")
FENESTRATED = ("liver", "spleen")
VESICLE_ENDS = ("digested", "lysed", "swallowed")
LABEL_ENDS = ("free", "impurity", "urine", "faeces", "bone_label")


@dataclass(frozen=True, slots=True)
class Design:
    """What a run looks like, apart from its numbers.

    Parameters
    ----------
    kind, route, label : Kind, Route, Label
        What is given, where, and what it carries.
    classes : int
        Size classes.
    infusion_h : float
        Length of an intravenous infusion; 0 for a bolus.
    repeats_h : tuple of float
        Times of further doses like the first.
    by_cells : bool
        The dose is living cells (MSC) that secrete vesicles where they lodge; these carry no label.
    surface : str
        ``equilibrium``: uptake is that of the mixture of bare and opsonised particles found in
        blood. ``bare`` or ``opsonised``: both states are followed, and this is how it is given.
    antibodies : bool
        Doses raise antibodies that opsonise later ones; the surface is then followed.
    aggregates : bool
        Some of the dose is in aggregates.
    tumour : bool
        The body bears a tumour.
    """

    kind: Kind
    route: Route
    label: Label
    classes: int
    infusion_h: float = 0.0
    repeats_h: tuple[float, ...] = ()
    by_cells: bool = False
    surface: Surface = "equilibrium"
    antibodies: bool = False
    aggregates: bool = False
    tumour: bool = False

    def __post_init__(self) -> None:
        if self.route.place.startswith("tumour") and not self.tumour:
            raise InputError(
                "there is no tumour to put a dose into",
                where="dosing",
                remedy='give the tumour\'s weight, such as tumour = "300 mg", or use route local',
            )
        if self.aggregates and (self.by_cells or self.route.starts != "plasma"):
            raise InputError(
                "aggregates are followed from a vein only: what becomes of them in a depot "
                "nobody has measured",
                where="dosing",
                remedy="use route iv and a dose of particles, or leave aggregates out",
            )
        if self.by_cells and (self.route.key != "iv" or self.infusion_h or self.repeats_h):
            raise InputError(
                "cells that secrete in the body are given once, as a bolus into a vein",
                where="dosing",
                remedy="use route iv, without infusion or repeats",
            )
        if self.infusion_h < 0.0 or any(not t > 0.0 for t in self.repeats_h):
            raise InputError(
                "times of doses must be later than the first, and infusions not negative",
                where="dosing",
                remedy="give hours above zero",
            )
        if self.infusion_h and (self.route.starts != "plasma" or self.repeats_h):
            raise InputError(
                "an infusion goes into a vein, and once",
                where="dosing",
                remedy="give a bolus, or route iv without repeats",
            )

    def bolus(self, classes: int) -> Design:
        """Return one intravenous bolus of single particles of the same kind and label."""
        return Design(self.kind, ROUTES["iv"], self.label, classes)

    @property
    def populations(self) -> tuple[Population, ...]:
        """Populations of the run; those of a depot or tumour only if there is one."""
        depot = (DEPOT_CELLS,) if self.route.is_depot else ()
        return (*POPULATIONS, *depot, *(TUMOUR_CELLS if self.tumour else ()))

    @property
    def places(self) -> tuple[str, ...]:
        """Places where intact particles can be."""
        spaces = [f"{o}_{part}" for o in ORGANS for part in "vi"]
        nodes = [f"node_{g}" for g in NODES]
        depot = ["depot"] if self.route.is_depot else []
        tumour = ["tumour_v", "tumour_i"] if self.tumour else []
        return ("plasma", *spaces, "lung_held", *nodes, *depot, *tumour)

    @property
    def follows_surface(self) -> bool:
        """Whether bare and opsonised particles are states of their own."""
        return self.surface != "equilibrium" or self.antibodies

    @property
    def letters(self) -> str:
        """States of an intact particle, apart from its size."""
        return "abcd" if self.follows_surface else "ab"

    @property
    def labelled(self) -> str:
        """Those of them that carry label."""
        return "ac" if self.follows_surface else "a"

    @property
    def given_as(self) -> str:
        """State of what is given."""
        return "c" if self.surface == "opsonised" else "a"

    @property
    def sizes(self) -> int:
        """Size classes, with that of aggregates that pass capillaries."""
        return self.classes + self.aggregates

    @property
    def states(self) -> list[tuple[str, str]]:
        """Every state of an intact particle, such as a0, with its size class."""
        return [(f"{letter}{k}", str(k)) for letter in self.letters for k in range(self.sizes)]

    def intact(self, place: str, letters: str = "") -> tuple[str, ...]:
        """Return the species of intact particles at a place, of some states or all."""
        return tuple(
            f"{place}_{state}{k}" for state in letters or self.letters for k in range(self.sizes)
        )


def near(place: str) -> str:
    """Return the count of all intact particles at a place where they crowd each other."""
    return f"near_{place}"


def arriving(place: str, state: str) -> str:
    """Return the right side of a step that brings a particle to a place."""
    return f"{place}_{state}" + (f" + {near(place)}" if place in CROWDED else "")


def step(name: str, place: str, state: str, right: str, rate: str) -> Reaction:
    """Return one particle's leaving of a place; ``state`` is its state and size, such as a0."""
    here = f"{place}_{state}"
    left = f"{here} + {near(place)}" if place in CROWDED else here
    return reaction(name, f"{left} -> {right}", rate=f"{rate} * {here}")


def moves(design: Design, name: str, here: str, there: str, rate: str) -> list[Reaction]:
    """Return one first-order step for every size and state; ``rate`` may hold ``{k}``."""
    return [
        step(f"{name}_{state}", here, state, arriving(there, state), rate.format(k=k))
        for state, k in design.states
    ]
