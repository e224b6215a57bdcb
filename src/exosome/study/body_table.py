"""One thing changed at a time in a body, what was watched, and which way it had to go.

A mechanism whose removal moves nothing is no mechanism. Every row is a pair of runs at the middle
of every number, alike but for the change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from exosome.body.design import Design
from exosome.body.observe import Conditions, signal, vesicles
from exosome.body.particles import network, roles_of, values_of
from exosome.body.physiology import body
from exosome.body.sizes import Aggregates, size_classes
from exosome.delivery.pool import pool
from exosome.numerics.network import mean_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from exosome.body.physiology import Physiology
    from exosome.body.sizes import SizeClasses
    from exosome.catalog.load import Catalog

    Floats = NDArray[np.float64]

Direction = Literal["rises", "falls", "unchanged"]
# Two runs of the same numbers differ by rounding and by the error of the integrator only (1e-6 of
# a step), so a thousandth is a change. Nothing here is drawn.
_SAME = 1e-3
_CLASSES = 3
_LATER_H = 168.0
_CLUMPED = Aggregates(0.5, 30_000.0, 1.3)
_TUMOUR_ML = 0.3  # for a liver of a mouse


@dataclass(frozen=True, slots=True)
class Changed:
    """A change, the observable, the expected direction and what came of it."""

    change: str
    observable: str
    expected: Direction
    before: float
    after: float

    @property
    def outcome(self) -> Direction:
        """Return what the observable did."""
        if abs(self.after - self.before) <= _SAME * max(abs(self.before), 1e-12):
            return "unchanged"
        return "rises" if self.after > self.before else "falls"

    @property
    def agrees(self) -> bool:
        """Whether it went where it had to."""
        return self.outcome == self.expected


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What a run shows at a few times: signal and vesicles (percent), cells, nodes, own level."""

    hours: Floats
    label: Mapping[str, Floats]
    vesicles: Mapping[str, Floats]
    cells: Mapping[str, Floats]
    own: Floats

    def at(self, which: Mapping[str, Floats], name: str, hour: float) -> float:
        """Return one value."""
        return float(which[name][int(np.argmin(np.abs(self.hours - hour)))])


_HOURS = np.array([0.0, 1.0 / 30.0, 0.25, 1.0, 4.0, 8.0, 24.0])


def watched(
    design: Design,
    held: Physiology,
    catalog: Catalog,
    *,
    dose: float,
    sizes: SizeClasses,
    change: Mapping[str, float] | None = None,
    residual_blood: float = 1.0,
    hours: Floats = _HOURS,
) -> Watched:
    """Return what one run at the middle of every number shows."""
    numbers = {role: pool(catalog, role, where="body").median for role in roles_of(design)}
    numbers |= {
        one.role: pool(catalog, one.role, where="body").median
        for one in catalog.values()
        if one.role.startswith("body_fold.seen_")
    }
    values = values_of(design, held, sizes, numbers, dose=dose, change=change)
    found = mean_fields(
        network(design, values),
        hours,
        values=values,
        relative_tolerance=1e-7,
        absolute_tolerance=1e-12 * dose,
        workers=1,
    )

    def of(name: str) -> Floats:
        return found.of(name)[0]

    given = dose + values["dose_impurity"]
    seen = signal(design, held, of, numbers, Conditions(residual_blood))
    return Watched(
        hours,
        {name: 100.0 * x / given for name, x in seen.items()},
        {name: 100.0 * x / dose for name, x in vesicles(design, of).items()},
        {p.key: 100.0 * of(f"n_{p.key}") / dose for p in design.populations},
        of("own") / values["own_level"],
    )


def changes_table(catalog: Catalog, *, species: str = "mouse") -> list[Changed]:
    """Return the table for a species: vesicles with 125I, intravenous, but for what a row says."""
    from exosome.body.kinds import KINDS
    from exosome.body.labels import LABELS
    from exosome.body.routes import ROUTES

    held = body(species)
    plain = Design(KINDS["vesicle"], ROUTES["iv"], LABELS["iodine125"], _CLASSES)
    size = pool(catalog, "vesicle_diameter", where="body").median
    spread = pool(catalog, "vesicle_diameter_gsd", where="body").median
    scale = held.organs["liver"].total_ml / body("mouse").organs["liver"].total_ml

    def go(
        chosen: Design = plain,
        *,
        dose: float = 1e10,
        change: Mapping[str, float] | None = None,
        diameter_nm: float = size,
        residual_blood: float = 1.0,
        hours: Floats = _HOURS,
    ) -> Watched:
        sizes = size_classes(diameter_nm, spread, chosen.classes)
        if chosen.aggregates:
            sizes = replace(sizes, aggregates=_CLUMPED)
        return watched(
            chosen, replace(held, tumour_ml=_TUMOUR_ML * scale) if chosen.tumour else held, catalog,
            dose=dose * scale, sizes=sizes, change=change, residual_blood=residual_blood,
            hours=hours,
        )  # fmt: skip

    base = go()
    rows: list[Changed] = []

    def row(change: str, observable: str, expected: Direction, before: float, after: float) -> None:
        rows.append(Changed(change, observable, expected, before, after))

    bare = go(change={"phagocytes": 0.0})
    text = "phagocytes removed"
    row(
        text,
        "vesicles in blood at 1 h, %",
        "rises",
        base.at(base.vesicles, "blood", 1.0),
        bare.at(bare.vesicles, "blood", 1.0),
    )
    row(
        text,
        "signal of the liver at 1 h, %",
        "falls",
        base.at(base.label, "liver", 1.0),
        bare.at(bare.label, "liver", 1.0),
    )
    row(
        text,
        "the body's own vesicles in plasma, before the dose, fold",
        "rises",
        float(base.own[0]),
        float(bare.own[0]),
    )
    shut = go(change={"fenestrae": 0.0})
    row(
        "fenestrae blocked",
        "vesicles in hepatocytes at 4 h, %",
        "falls",
        base.at(base.cells, "hepatocyte", 4.0),
        shut.at(shut.cells, "hepatocyte", 4.0),
    )
    row(
        "fenestrae blocked",
        "vesicles in Kupffer cells at 15 min, %",
        "rises",
        base.at(base.cells, "kupffer", 0.25),
        shut.at(shut.cells, "kupffer", 0.25),
    )
    sc = replace(plain, route=ROUTES["sc"])
    skin, slow = go(sc), go(sc, change={"lymph": 0.5})
    row(
        "lymph flow halved, subcutaneous dose",
        "vesicles in lymph nodes at 4 h, %",
        "falls",
        skin.at(skin.vesicles, "nodes", 4.0),
        slow.at(slow.vesicles, "nodes", 4.0),
    )
    row(
        "lymph flow halved, subcutaneous dose",
        "vesicles still at the site at 4 h, %",
        "rises",
        skin.at(skin.vesicles, "depot", 4.0),
        slow.at(slow.vesicles, "depot", 4.0),
    )
    ladder = [go(dose=d) for d in (1e9, 1e10, 1e11, 1e12)]
    for lower, higher, words in zip(
        ladder, ladder[1:], ("1e9 to 1e10", "1e10 to 1e11", "1e11 to 1e12"), strict=False
    ):
        row(
            f"dose {words} for a liver of a mouse",
            "vesicles in blood at 1 h, %",
            "rises",
            lower.at(lower.vesicles, "blood", 1.0),
            higher.at(higher.vesicles, "blood", 1.0),
        )
    row(
        "dose 1e9 to 1e12 for a liver of a mouse",
        "vesicles in liver at 1 h, %",
        "falls",
        ladder[0].at(ladder[0].vesicles, "liver", 1.0),
        ladder[-1].at(ladder[-1].vesicles, "liver", 1.0),
    )
    metal = go(replace(plain, label=LABELS["indium111"]))
    row(
        "label 125I to 111In",
        "signal of the liver at 24 h, %",
        "rises",
        base.at(base.label, "liver", 24.0),
        metal.at(metal.label, "liver", 24.0),
    )
    row(
        "label 125I to 111In",
        "vesicles in the liver at 24 h, %",
        "unchanged",
        base.at(base.vesicles, "liver", 24.0),
        metal.at(metal.vesicles, "liver", 24.0),
    )
    light = go(replace(plain, label=LABELS["luciferase"]))
    row(
        "label 125I to luciferase",
        "signal of lung over signal of liver at 1 h",
        "rises",
        base.at(base.label, "lung", 1.0) / base.at(base.label, "liver", 1.0),
        light.at(light.label, "lung", 1.0) / light.at(light.label, "liver", 1.0),
    )
    dry = go(residual_blood=0.0)
    row(
        "organs perfused",
        "signal of the kidney at 2 min, %",
        "falls",
        base.at(base.label, "kidney", 1 / 30),
        dry.at(dry.label, "kidney", 1 / 30),
    )
    large = go(diameter_nm=2.5 * size)
    row(
        "vesicles 2.5 times as wide",
        "vesicles in hepatocytes at 4 h, %",
        "falls",
        base.at(base.cells, "hepatocyte", 4.0),
        large.at(large.cells, "hepatocyte", 4.0),
    )
    free = go(change={"lung_held": 0.0})
    row(
        "nothing held in lung vessels",
        "vesicles in lung at 1 h, %",
        "falls",
        base.at(base.vesicles, "lung", 1.0),
        free.at(free.vesicles, "lung", 1.0),
    )
    coat = go(replace(plain, kind=KINDS["peg_liposome"]), diameter_nm=100.0)
    bare_lipid = go(replace(plain, kind=KINDS["liposome"]), diameter_nm=100.0)
    row(
        "PEG on a liposome",
        "particles in blood at 4 h, %",
        "rises",
        bare_lipid.at(bare_lipid.vesicles, "blood", 4.0),
        coat.at(coat.vesicles, "blood", 4.0),
    )
    one_size = replace(plain, classes=1)
    return [*rows, *_opsonins(go, one_size), *_again(go, one_size), *_clumped(go, one_size),
            *_tumour(go, one_size)]  # fmt: skip


def _opsonins(go: Callable[..., Watched], plain: Design) -> list[Changed]:
    """Return what opsonins lead, and whom they do not."""
    followed = replace(plain, surface="bare")
    usual, alone = go(followed), go(followed, change={"opsonins": 0.0})
    watch: tuple[tuple[str, str, float, Direction], ...] = (
        ("vesicles in liver at 15 min, %", "liver", 0.25, "falls"),
        ("vesicles in spleen at 1 h, %", "spleen", 1.0, "falls"),
        ("vesicles in blood at 1 h, %", "blood", 1.0, "rises"),
    )
    text = "opsonins removed, dose given bare"
    rows = [
        Changed(text, what, way, usual.at(usual.vesicles, at, h), alone.at(alone.vesicles, at, h))
        for what, at, h, way in watch
    ]
    cells = [one.at(one.cells, "kupffer", 1.0) for one in (usual, alone)]
    return [*rows, Changed(text, "vesicles in Kupffer cells at 1 h, %", "falls", *cells)]


def _again(go: Callable[..., Watched], plain: Design) -> list[Changed]:
    """Return a second dose of PEG-liposomes against the first, and without antibodies."""
    from exosome.body.kinds import KINDS

    design = replace(
        plain, kind=KINDS["peg_liposome"], surface="bare", antibodies=True, repeats_h=(_LATER_H,)
    )
    how = {"diameter_nm": 100.0, "hours": np.array([0.0, 1.0, _LATER_H, _LATER_H + 1.0])}
    raised, never = go(design, **how), go(design, **how, change={"antibodies": 0.0})
    first = raised.at(raised.vesicles, "blood", 1.0)
    second, without = (one.at(one.vesicles, "blood", _LATER_H + 1.0) for one in (raised, never))
    what = "particles in blood 1 h after a dose, % of one"
    text = "PEG-liposomes again after 7 d"
    return [
        Changed(f"{text}, against the first time", what, "falls", first, second),
        Changed(f"{text}, antibodies removed", what, "rises", second, without),
    ]


def _clumped(go: Callable[..., Watched], plain: Design) -> list[Changed]:
    """Return what aggregates do, and what is left of it if none lodges."""
    clumped = replace(plain, aggregates=True)
    single, lodged, passed = go(plain), go(clumped), go(clumped, change={"lodging": 0.0})
    none, some, few = (one.at(one.vesicles, "lung", 0.25) for one in (single, lodged, passed))
    what, text = "vesicles in lung at 15 min, %", "half of the dose in aggregates of 30 um"
    return [
        Changed(text, what, "rises", none, some),
        Changed(f"{text}, none lodges", what, "falls", some, few),
    ]


def _tumour(go: Callable[..., Watched], plain: Design) -> list[Changed]:
    """Return what lets particles into a tumour and what keeps them out."""
    from exosome.body.kinds import KINDS

    borne = replace(plain, tumour=True)
    reached = go(borne)
    others: tuple[tuple[str, Direction, Watched], ...] = (
        ("pores of a tumour's vessels closed", "falls", go(borne, change={"tumour_pores": 0.0})),
        ("pressure inside a tumour relieved", "rises", go(borne, change={"tumour_pressure": 0.0})),
        ("PEG-liposomes in place of vesicles", "rises",
         go(replace(borne, kind=KINDS["peg_liposome"]), diameter_nm=100.0)),
    )  # fmt: skip
    before = reached.at(reached.vesicles, "tumour", 4.0)
    return [
        Changed(text, "particles in a tumour at 4 h, %", way, before,
                one.at(one.vesicles, "tumour", 4.0))
        for text, way, one in others
    ]  # fmt: skip
