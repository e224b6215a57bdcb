"""Counting twice cannot be written: not at run time, and not for the type checker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest

from exosome.delivery import denominators
from exosome.delivery.denominators import (
    ArrivingVesicles,
    CopiesPerParticle,
    CopiesPerVesicle,
    CountedParticles,
    RetainedVesicles,
    Vesicles,
)

if TYPE_CHECKING:
    from pathlib import Path

ONE = np.ones(1)

# Each way onwards that an amount has; anything else is a way to count twice.
WAYS = {
    "ArrivingVesicles": {"internalised", "bound"},
    "BoundPerCell": set(),
    "BoundToTarget": {"per_cell"},
    "CopiesPerParticle": {"per_vesicle"},
    "CopiesPerVesicle": set(),
    "CountedParticles": {"vesicles"},
    "OpenedPerCell": set(),
    "RetainedVesicles": {"taken_up_by"},
    "UptakeByTarget": {"per_cell"},
    "UptakePerCell": {"opened", "have_bound"},
    "Vesicles": {"surviving", "retained", "arriving"},
}

MISUSE = """\
import numpy as np
from numpy.typing import NDArray
from exosome.delivery.denominators import (
    ArrivingVesicles, CopiesPerParticle, CopiesPerVesicle, RetainedVesicles, UptakeByTarget,
    UptakePerCell, Vesicles,
)
def right(one: NDArray[np.float64]) -> None:
    taken: UptakeByTarget = RetainedVesicles(one).taken_up_by(one)
    taken = ArrivingVesicles(one).internalised(one)
    taken.per_cell(one).opened(one)
    copies: CopiesPerVesicle = CopiesPerParticle(one).per_vesicle(one)
    print(copies)
def wrong(one: NDArray[np.float64]) -> None:
    RetainedVesicles(one).internalised(one)
    RetainedVesicles(one).bound(one)
    ArrivingVesicles(one).taken_up_by(one)
    Vesicles(one).internalised(one)
    RetainedVesicles(one).per_cell(one)
    print(UptakePerCell(one) * CopiesPerParticle(one))
    copies: CopiesPerVesicle = CopiesPerParticle(one)
    arriving: ArrivingVesicles = RetainedVesicles(one)
    print(copies, arriving)
"""


def test_what_an_organ_retains_has_been_taken_up_already() -> None:
    held = Vesicles(ONE).retained(ONE * 0.5, ONE * 0.1)
    assert isinstance(held, RetainedVesicles)
    for way in ("internalised", "bound", "arriving", "per_cell", "opened"):
        assert not hasattr(held, way)


def test_every_amount_offers_only_the_steps_that_make_sense_from_it() -> None:
    kinds = {
        name: {
            way
            for way in vars(kind)
            if not way.startswith("_") and callable(getattr(kind, way, None))
        }
        for name, kind in vars(denominators).items()
        if isinstance(kind, type) and kind.__module__ == denominators.__name__
    }
    assert kinds == WAYS


def test_copies_per_particle_multiply_vesicles_only_through_the_ratio() -> None:
    counted = CopiesPerParticle(ONE * 0.01)
    assert not isinstance(counted, CopiesPerVesicle)
    with pytest.raises(TypeError):
        counted * Vesicles(ONE)  # type: ignore[operator]
    with pytest.raises(TypeError):
        counted.copies * Vesicles(ONE)  # type: ignore[operator]
    assert counted.per_vesicle(ONE * 0.5).copies[0] == pytest.approx(0.02)


def test_copies_do_not_depend_on_how_particles_are_read_as_vesicles() -> None:
    ratio = np.array([0.1, 0.6, 1.0, 3.0])
    vesicles = CountedParticles(np.full(4, 1e9)).vesicles(ratio).vesicles
    copies = CopiesPerParticle(np.full(4, 0.008)).per_vesicle(ratio).copies
    np.testing.assert_allclose(vesicles * copies, 8e6, rtol=1e-12)


def test_retained_is_the_label_less_the_blood_left_in_the_organ() -> None:
    held = Vesicles(np.array([1000.0])).retained(ONE * 0.4, ONE * 0.25)
    assert held.vesicles[0] == pytest.approx(300.0)
    assert held.taken_up_by(ONE * 0.5).per_cell(ONE * 10.0).vesicles[0] == pytest.approx(15.0)
    assert ArrivingVesicles(ONE).bound(ONE * 0.2).per_cell(ONE * 2.0).vesicles[0] == 0.1


@pytest.mark.skipif(find_spec("pyright") is None, reason="pyright is not installed")
def test_the_type_checker_refuses_to_count_twice(tmp_path: Path, project: Path) -> None:
    snippet = tmp_path / "misuse.py"
    snippet.write_text(MISUSE, encoding="utf-8")
    (tmp_path / "pyrightconfig.json").write_text(
        json.dumps({"extraPaths": [str(project / "src")]}), encoding="utf-8"
    )
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pyright", "--outputjson"),
            *("--pythonpath", sys.executable, "--project", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
    )
    try:
        found = json.loads(ran.stdout)["generalDiagnostics"]
    except (json.JSONDecodeError, KeyError):
        pytest.skip(f"pyright did not run: {ran.stderr.strip()[:200]}")
    lines = MISUSE.splitlines()
    first_wrong = next(i for i, line in enumerate(lines) if line.startswith("def wrong")) + 1
    flagged = {one["range"]["start"]["line"] for one in found if one["severity"] == "error"}
    assert flagged == set(range(first_wrong, len(lines) - 1))
