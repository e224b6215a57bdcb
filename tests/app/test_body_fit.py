"""``exosome body fit`` from the command line: what it writes, says first and refuses."""

import csv
import json

import pytest
from typer.testing import CliRunner

from exosome.app.cli import app
from exosome.core.errors import ExosomeError

HEAD = "study,species,kind,label,route,size,dose,time,organ,value,unit\n"
ROW = "A,mouse,vesicle,iodine125,iv,,1e10 vesicle,15 min,blood,30,%ID/organ\n"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    pytest.importorskip("libsbml")
    place = tmp_path_factory.mktemp("fit")
    (place / "data.csv").write_text(HEAD + ROW + ROW.replace("blood,30", "brain,<1"))
    asked = ["body", "fit", str(place / "data.csv"), "--out", str(place / "out")]
    found = CliRunner().invoke(app, [*asked, "--starts", "1", "--profiles", "1", "--petab"])
    assert found.exit_code == 0, found.output
    return place / "out", found.output


def test_the_first_line_says_what_the_data_moved(written):
    directory, said = written
    assert said.startswith("2 rows moved")
    summary = json.loads((directory / "body-fit.json").read_text())
    assert next(iter(summary.items())) == ("schema_version", 1)
    page = (directory / "body-fit.html").read_text()
    first = page.index(summary["sentence"])
    assert first < page.index("Rows against the fit</h2>")


def test_tables_hold_every_unknown_and_row(written):
    directory, _ = written
    summary = json.loads((directory / "body-fit.json").read_text())
    with (directory / "unknowns.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(summary["unknowns"])
    with (directory / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["what"] for row in rows] == ["blood, 0.25 h", "brain, 0.25 h"]
    assert rows[1]["told_low"] == ""
    assert (directory / "petab-problem.yaml").exists()
    with (directory / "courses.csv").open() as file:
        for row in csv.DictReader(file):
            assert float(row["low"]) <= float(row["middle"]) <= float(row["high"])


def test_a_page_needs_nothing_from_elsewhere(written):
    page = (written[0] / "body-fit.html").read_text()
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ROW.replace("1e10 vesicle", "1e10"), "has no unit"),
        (ROW.replace("blood", "liverr"), "is no organ"),
        (ROW.replace(",30,", ",nan,"), "is no value"),
        (ROW + ROW.replace("%ID/organ", "%ID/g"), "mixes units"),
    ],
)
def test_bad_data_give_one_error_and_write_nothing(tmp_path, row, said):
    (tmp_path / "data.csv").write_text(HEAD + row)
    asked = ["body", "fit", str(tmp_path / "data.csv"), "--out", str(tmp_path / "out")]
    found = CliRunner().invoke(app, asked)
    assert isinstance(found.exception, ExosomeError)
    assert said in str(found.exception)
    assert not (tmp_path / "out").exists()


def test_body_of_a_species_is_still_its_own_command():
    found = CliRunner().invoke(app, ["body", "--help"])
    assert "SPECIES" in found.output.upper()
    assert "--starts" in CliRunner().invoke(app, ["body", "fit", "--help"]).output


def test_a_new_table_is_written_once(tmp_path):
    path = tmp_path / "new.csv"
    assert CliRunner().invoke(app, ["new", "fit", str(path)]).exit_code == 0
    again = CliRunner().invoke(app, ["new", "fit", str(path)])
    assert isinstance(again.exception, ExosomeError)
