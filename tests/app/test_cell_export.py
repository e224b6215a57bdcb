from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from exosome.app.cell_export import export_cell
from exosome.catalog.load import load_catalog
from exosome.cell.donor import expected
from exosome.core.errors import InputError
from exosome.numerics.network import mean_field
from exosome.numerics.sbml import read_sbml
from exosome.study.cell_receives import read_scenario as read_scenario_receives
from exosome.study.cell_sends import middle_pathway, plan, read_scenario

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", ["means", "classes"])
def test_what_is_written_settles_at_the_scenarios_release(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cell.xml"
    export_cell(path, scenario="cell-sends", form=form, numbers=[])
    assert "Lost: " in capsys.readouterr().out.replace("\n", " ").replace("  ", " ")
    assert "Lost: " in path.read_text("utf-8")
    network = read_sbml(path)
    course = mean_field(network, [400.0, 401.0], observe=("Exo", "Ecto"))
    planned = plan(read_scenario("cell-sends"), load_catalog(), seed=1)
    closed = expected(middle_pathway(planned))
    exosomes, ectosomes = np.diff(course.values, axis=0)[0]
    assert ectosomes == pytest.approx(float(closed.ectosomes_per_h), rel=1e-6)
    # The classes leave out what is above the most that a body holds: e^-10 of the tail.
    assert exosomes == pytest.approx(float(closed.exosomes_per_h), rel=1e-3)


@pytest.mark.parametrize("form", ["low_fusion", "opens_30_percent"])
def test_the_cell_that_receives_keeps_every_vesicle_given(form: str, tmp_path: Path) -> None:
    path = tmp_path / "cell.xml"
    export_cell(path, scenario="cell-receives", form=form, numbers=[])
    network = read_sbml(path)
    given = read_scenario_receives("cell-receives").given.vesicles_per_cell
    course = mean_field(network, [1.0, 10.0, 48.0])
    places = ("Free_0", "Site_0", "Surface_0", "Early_0", "Late_0", "Degraded", "Opened", "Lost")
    held = sum(course.of(name) for name in places)
    assert np.allclose(held, given, rtol=1e-10)
    assert np.all(np.diff(course.of("Opened")) > 0)


def test_bad_forms_and_files_in_the_way_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cell.xml"
    with pytest.raises(InputError, match="no form"):
        export_cell(path, scenario="cell-sends", form="mean", numbers=[])
    with pytest.raises(InputError, match="no form 'mixture'"):
        export_cell(path, scenario="cell-receives", form=None, numbers=[])
    with pytest.raises(InputError, match="neither"):
        export_cell(path, scenario="cell-feeds", form=None, numbers=[])
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        export_cell(path, scenario="cell-sends", form="means", numbers=[])
    assert path.read_text() == "mine"
