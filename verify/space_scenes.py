"""Scenarios of space against their closed forms: who leaves a vessel, depths, ranges, sites.

``python verify/space_scenes.py`` prints one row for each: ours, exact, z and verdict. A row passes
within six standard errors plus what the closed form leaves out, which is named beside it.
"""

from __future__ import annotations

import math
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exosome.catalog.load import load_catalog
from exosome.study.near_and_far import run
from exosome.study.space_plan import plan
from exosome.study.space_saturation import taken_by_others
from exosome.study.space_scenario import read_scenario
from exosome.study.space_world import sent_by
from exosome.study.vessel_exit import run_vessel
from exosome.study.vessel_plan import plan_vessel
from exosome.study.vessel_scenario import read_vessel

if TYPE_CHECKING:
    from collections.abc import Iterator

SURE = 6.0
RECORD = """
[[record]]
id = "{id}"
quantity = "a number of this check"
role = "{role}"
value = {value}
unit = "{unit}"
bound_kind = "none"
distribution = "point"
basis = "assumed"
reading = "recalled"
citation = "assumed: for this check"
locator = ""
applies_to = ["a check"]
"""
VESSEL = """
schema_version = 1
[vessel]
kind = "check"
radius = "{radius} um"
edge = "{edge} um"
length = "60 um"
cell_fraction = {fraction}
source = "{source}"
concentration = "{per_ml} vesicle/mL"
[run]
duration = "{hours} h"
windows = 8
[conditions]
binding = {binding}
"""
NEAR = """
schema_version = 1
[tissue]
edge = "{edge} um"
cell_fraction = 0.2
[senders]
type = "monocyte"
[run]
duration = "{hours} h"
repeats = {repeats}
windows = {windows}
[conditions]
{conditions}
{sources}
"""


class Row(NamedTuple):
    """A quantity, ours and exact, its standard error, and what the closed form leaves out."""

    quantity: str
    ours: float
    exact: float
    error: float
    left_out: float = 0.01

    @property
    def z(self) -> float:
        return (self.ours - self.exact) / self.error if self.error else 0.0

    @property
    def passes(self) -> bool:
        return abs(self.ours - self.exact) <= SURE * self.error + self.left_out * abs(self.exact)


def vessel(folder: Path, permeability: float, **told: object):
    """Return the result of a vessel with a wall of some permeability."""
    (folder / "vessel.toml").write_text(VESSEL.format(**told))
    numbers = folder / "numbers.toml"
    numbers.write_text(
        RECORD.format(id="v1", role="vessel_permeability.check", value=permeability, unit="um/s")
        + RECORD.format(id="v2", role="vessel_speed.check", value=50.0, unit="um/s")
    )
    scenario = read_vessel(str(folder / "vessel.toml"))
    return run_vessel(plan_vessel(scenario, load_catalog((numbers,)), seed=1))


def exits(folder: Path, n: float) -> Iterator[Row]:
    """As many leave as 2 P/R says, from wide and narrow vessels, held up and left to fall."""
    for radius, permeability, source in (
        (5.0, 2e-3, "steady"), (5.0, 2e-3, "bolus"), (12.0, 4e-3, "steady"),
    ):  # fmt: skip
        found = vessel(
            folder, permeability, radius=radius, edge=100, fraction=0.1, source=source,
            per_ml=f"{n:g}", hours=1, binding="false",
        ).left  # fmt: skip
        name = f"left a vessel of {radius:g} um, {source}, against 2P/R"
        yield Row(name, found.counted, found.expected, math.sqrt(found.expected), 0.02)


def depths(folder: Path, n: float) -> Iterator[Row]:
    """Where vesicles end behind the wall, with and without binding to the matrix."""
    for radius, binding in ((5.0, "false"), (15.0, "false"), (5.0, "true")):
        found = vessel(
            folder, 5e-3, radius=radius, edge=160, fraction=0.05, source="steady",
            per_ml=f"{n * 25.0 / radius**2:g}", hours=1.5, binding=binding,
        )  # fmt: skip
        count = found.depth_um.size
        for depth in (5.0, 15.0, 40.0):
            exact = float(found.beyond(np.array([depth]))[0])
            ours = float((found.depth_um > depth).mean())
            error = math.sqrt(exact * (1.0 - exact) / count)
            name = f"beyond {depth:g} um behind a wall of {radius:g} um" + (
                ", binding" if binding == "true" else ""
            )
            yield Row(name, ours, exact, error, 0.05)


def near(folder: Path, numbers: str = "", **told: object):
    """Return the plan of a sender among cells."""
    (folder / "near.toml").write_text(NEAR.format(**told))
    (folder / "own.toml").write_text(numbers)
    own = (folder / "own.toml",) if numbers else ()
    return plan(read_scenario(str(folder / "near.toml")), load_catalog(own), seed=1)


def ranges(folder: Path, repeats: int) -> Iterator[Row]:
    """How far vesicles that bind get, beyond two cells, by exponential and heavy-tailed waits."""
    for name, conditions in (
        ("no binding", "binding = false"), ("binding", "binding = true"),
        ("heavy-tailed waits", "binding = true\nanomalous = true"),
    ):  # fmt: skip
        found = run(
            near(folder, edge=260, hours=24, repeats=repeats, windows=4, conditions=conditions,
                 sources="")
        )  # fmt: skip
        near_um, far_um = 32.0, 50.0
        held = found.distance_um[found.distance_um > near_um]
        law = found.law_within(np.array([near_um, far_um]))
        exact = float((1.0 - law[1]) / (1.0 - law[0]))
        ours = float((held > far_um).mean())
        error = math.sqrt(exact * (1.0 - exact) / held.size)
        yield Row(f"of those beyond 32 um beyond 50 um too, {name}", ours, exact, error, 0.12)


def filling(folder: Path, repeats: int) -> list[tuple[int, int]]:
    """What cells that fill take up, by the number of windows in which sites are counted."""
    numbers = RECORD.format(id="s1", role="binding_sites", value=6.0, unit="site/cell")
    planned = near(
        folder, numbers, edge=100, hours=2, repeats=repeats, windows=64,
        conditions="saturation = true", sources='[sources]\nbinding_sites = ["s1"]',
    )  # fmt: skip
    sent = sent_by(planned)
    return [
        (count, int(taken_by_others(planned, planned.conditions, sent, count, 2).sum()))
        for count in (2, 4, 8, 16, 32)
    ]


def main() -> int:
    share = 0.2 if "--quick" in sys.argv else 1.0
    held: list[Row] = []
    print(f"{'quantity':60} {'ours':>10} {'exact':>10} {'z':>6} {'off by':>8}  verdict")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for row in (
            *exits(folder, 6e11 * share), *depths(folder, 6e11 * share),
            *ranges(folder, max(1, round(10 * share))),
        ):  # fmt: skip
            held.append(row)
            off = f"{100 * (row.ours / row.exact - 1):+.2f} %"
            verdict = "holds" if row.passes else "DOES NOT HOLD"
            print(
                f"{row.quantity:60} {row.ours:10.4f} {row.exact:10.4f} {row.z:6.1f} {off:>8}  "
                f"{verdict}",
                flush=True,
            )
        print("\nCells that fill, sites counted once in each window (order of the error: one)")
        found = filling(folder, max(4, round(100 * share)))
    for (count, taken), (_, finer) in pairwise(found):
        print(
            f"  {count:3d} windows: {taken} taken up; halving them moves it by {finer - taken:+d}"
        )
    return 0 if all(row.passes for row in held) else 1


if __name__ == "__main__":
    raise SystemExit(main())
