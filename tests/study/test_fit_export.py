"""The fit as PEtab: valid by its own rules, and the same numbers as ours through SBML."""

import csv
import io
import math

import numpy as np
import pytest

from exosome.assay.table import read_table
from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError
from exosome.numerics.network import mean_fields
from exosome.study.fit import fit
from exosome.study.fit_export import petab_tables, through_pypesto
from exosome.study.fit_problem import problem

HEAD = "study,species,kind,label,route,size,dose,time,organ,value,unit\n"
ROWS = (
    "A,mouse,vesicle,iodine125,iv,,1e10 vesicle,15 min,liver,40,%ID/organ\n"
    "A,mouse,vesicle,iodine125,iv,,1e10 vesicle,15 min,blood,30,%ID/organ\n"
    "A,mouse,vesicle,iodine125,iv,,1e10 vesicle,4 h,brain,<1,%ID/organ\n"
    "B,mouse,vesicle,indium111,iv,,1e9-1e11 vesicle,1 h,spleen,20,%ID/g\n"
)


@pytest.fixture(scope="module")
def found():
    return fit(problem(read_table(HEAD + ROWS, name="data.csv"), load_catalog(())), starts=1)


@pytest.fixture(scope="module")
def tables(found):
    pytest.importorskip("libsbml")
    return petab_tables(found)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


# PEtab uses parts of pandas that newer ones warn of.
@pytest.mark.filterwarnings("ignore")
def test_petab_accepts_the_problem(tables, tmp_path):
    petab = pytest.importorskip("petab.v1")
    for name, text in tables.items():
        path = tmp_path / name
        path.write_text(text)
    held = petab.Problem.from_yaml(str(tmp_path / "petab-problem.yaml"))
    assert not petab.lint_problem(held)
    assert len(held.measurement_df) == 3


def test_what_cannot_be_written_is_counted(tables):
    assert "3 of 4 fitted rows" in tables["petab-readme.txt"]
    assert "1 limits" in tables["petab-readme.txt"]


@pytest.mark.parametrize("moved", [False, True])
def test_the_tables_give_our_predictions(found, tables, tmp_path, moved):
    """Simulate the SBML by the conditions and evaluate the observables: ours to 1e-4."""
    from exosome.numerics.sbml import read_sbml

    path = tmp_path / "model.xml"
    path.write_text(tables["petab-model.xml"])
    model = read_sbml(path)
    folds = {
        row["parameterId"]: float(row["nominalValue"])
        for row in rows_of(tables["petab-parameters.tsv"])
    }
    point = found.summit.point.copy()
    if moved:
        for key in ("body_clearance.liver_sinusoid", "body_level.half_rate", "dose|B", "scale|A"):
            point[found.problem.index[key]] += 0.4
            name = key.replace("|", "_").replace(".", "_")
            at = f"fold_{name}" if f"fold_{name}" in folds else name
            folds[at] *= math.exp(0.4)
    ours = np.exp(found.problem.predictions(point[None])[0])[[0, 1, 3]]
    conditions = {row["conditionId"]: row for row in rows_of(tables["petab-conditions.tsv"])}
    formulas = {
        row["observableId"]: row["observableFormula"]
        for row in rows_of(tables["petab-observables.tsv"])
    }
    theirs = []
    for row in rows_of(tables["petab-measurements.tsv"]):
        condition = conditions[row["simulationConditionId"]]
        values = {
            name: folds[text] if text in folds else float(text)
            for name, text in condition.items()
            if name != "conditionId"
        }
        names = [one.name for one in model.species]
        run = mean_fields(
            model,
            [0.0, float(row["time"])],
            values=values,
            relative_tolerance=1e-8,
            absolute_tolerance=1e2,
            observe=[*names, "dose_0", "dose_impurity"],
            workers=1,
        )
        space = {n: float(run.of(n)[0, -1]) for n in (*names, "dose_0", "dose_impurity")}
        theirs.append(eval(formulas[row["observableId"]], {}, space | folds))  # our own text
    assert theirs == pytest.approx(ours.tolist(), rel=1e-4)


def test_a_table_without_values_cannot_be_written(found):
    rows = read_table(HEAD + ROWS.splitlines(keepends=True)[2], name="data.csv")
    asked = problem(rows, load_catalog(()))
    with pytest.raises(InputError, match="no row is a value"):
        petab_tables(type(found)(asked, found.summit, (), 1, found.covariance, (), ()))


def test_pypesto_ends_at_our_summit():
    pytest.importorskip("pypesto")
    rows = read_table(HEAD + ROWS.splitlines(keepends=True)[0], name="data.csv")
    asked = problem(rows, load_catalog(()))
    ours = fit(asked, starts=1).summit.expansion.value
    # Both stop where an iteration gains less than a thousandth.
    assert through_pypesto(asked, starts=1, seed=1)[0] == pytest.approx(ours, abs=0.02)
