"""``exosome body`` as a user meets it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "exosome.app.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    where = tmp_path_factory.mktemp("body")
    done = run("body", "mouse", "--dose", "1e10 vesicle", "--draws", "8", "--out", "m", cwd=where)
    assert done.returncode == 0, done.stderr
    assert "Morishita 2015" in done.stdout
    assert "observables move where they must" in done.stdout
    return where / "m"


def test_everything_lies_in_one_folder(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "body.html", "body.json", "courses.csv", "balance.csv", "changes.csv", "informed.csv",
        "run-log.json",
    }  # fmt: skip
    summary = json.loads((folder / "body.json").read_text("utf-8"))
    assert summary["worst_gap"] <= 1e-12
    assert all(one["agrees"] for one in summary["changes"])
    assert len(summary["numbers"]) > 40


def test_the_ledgers_sum_to_a_hundred_percent(folder):
    text = (folder / "balance.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    for ledger in ("vesicles", "label"):
        for when in (key for key in rows[0] if key.startswith("at ")):
            total = sum(float(row[when]) for row in rows if row["ledger"] == ledger)
            assert total == pytest.approx(100.0, abs=1e-9)


def test_the_page_stands_alone(folder):
    page = (folder / "body.html").read_text("utf-8")
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert page.count("<svg") == 4
    assert len(re.findall(r'<circle[^>]*fill="var\(--ink\)" stroke', page)) == 3  # published points


def test_the_model_is_written_as_sbml_and_read_back(tmp_path):
    pytest.importorskip("libsbml")
    from exosome.numerics.network import mean_field
    from exosome.numerics.sbml import read_sbml

    done = run("body", "mouse", "--draws", "2", "--sbml", "--quiet", "--out", "m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    held = read_sbml(tmp_path / "m" / "body.xml")
    found = mean_field(held, [0.0, 4.0], relative_tolerance=1e-6, absolute_tolerance=1e3)
    kupffer = sum(found.of(name)[1] for name in ("n_kupffer", "n_scavenger"))
    assert 0.1 < kupffer / 1e10 < 0.6


def test_a_schedule_is_written_as_sbml_with_every_size(tmp_path):
    pytest.importorskip("libsbml")
    from exosome.numerics.network import mean_field
    from exosome.numerics.sbml import read_sbml

    done = run(
        "body", "mouse", "--kind", "peg_vesicle", "--dose", "1e10 particle", "--diameter", "100 nm",
        "--repeat", "12 h", "--draws", "2", "--sbml", "--quiet", "--out", "m", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    held = read_sbml(tmp_path / "m" / "body.xml")
    found = mean_field(held, [0.0, 11.999, 12.0], relative_tolerance=1e-6, absolute_tolerance=1e3)
    given = sum(found.of(f"plasma_a{k}") for k in range(3))
    assert given[2] - given[1] == pytest.approx(1e10, rel=1e-3)


def test_the_scenario_is_written_checked_and_run(tmp_path):
    assert run("new", "scenario", "body", "mine.toml", cwd=tmp_path).returncode == 0
    checked = run("check", "mine.toml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "1 × 10¹⁰ vesicles into a mouse" in checked.stdout
    text = (tmp_path / "mine.toml").read_text("utf-8")
    text = text.replace("draws = 100", "draws = 4").replace("classes = 3", "classes = 1")
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    done = run("run", "mine.toml", "--out", "mine", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "body.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mouse", "--dose", "1e10"), "1e10"),
        (("mouse", "--route", "mouth"), "'mouth' is no route"),
        (("mouse", "--residual-blood", "3"), "residual blood"),
        (("dog",), "no body of a 'dog'"),
    ],
)
def test_bad_input_gives_one_error(arguments, said, tmp_path):
    done = run("body", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("Error:") == 1
    assert said in done.stderr
    assert "Remedy:" in done.stderr
    assert not any(tmp_path.iterdir())


def test_a_schedule_is_asked_for_on_the_command_line(tmp_path):
    done = run(
        "body", "mouse", "--dose", "1e10 particle", "--kind", "peg_vesicle", "--diameter", "100 nm",
        "--repeat", "5 d", "--repeat", "7 d", "--duration", "8 d", "--aggregated", "0.1",
        "--aggregate-diameter", "10 um", "--tumour", "200 mg", "--draws", "4", "--out", "m",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "after the dose at 5 d" in done.stdout
    assert "after the dose at 7 d" in done.stdout
    assert "antibody raised" in done.stdout
    summary = json.loads((tmp_path / "m" / "body.json").read_text("utf-8"))
    assert [one["hour"] for one in summary["doses"]] == [0.0, 120.0, 168.0]
    assert summary["doses"][1]["half_life_min"][1] < summary["doses"][0]["half_life_min"][1]
    assert {"tumour"} <= {one["organ"] for one in summary["organs"]}
    assert summary["worst_gap"] <= 1e-12


def test_a_share_of_aggregates_without_a_size_is_one_error(tmp_path):
    done = run("body", "mouse", "--aggregated", "0.1", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("Error:") == 1
    assert "size of the aggregates" in done.stderr
    assert not any(tmp_path.iterdir())
