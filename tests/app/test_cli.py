"""The command line as a user meets it: exit codes, one error each, nothing overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from typing import TYPE_CHECKING

import jsonschema
import pytest

from exosome.claims.claim import bundled_claims

if TYPE_CHECKING:
    from pathlib import Path

CLAIM = bundled_claims()["mirna-knee"].read_text("utf-8")


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "exosome.app.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("Error:") == 1
    assert "Remedy:" in done.stderr
    for words in expected:
        assert words in done.stderr, done.stderr


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answered")
    done = run("claim", "mirna-knee", "--out", "one", "--workers", "1", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "IMPOSSIBLE" in done.stdout
    return folder


def test_a_claim_leaves_a_report_a_summary_and_tables(answered: Path) -> None:
    found = {path.name for path in (answered / "one").iterdir()}
    assert {"report.html", "summary.json", "run-log.json", "steps.csv", "numbers.csv"} <= found
    steps = (answered / "one" / "steps.csv").read_text("utf-8").splitlines()
    assert steps[0].startswith("mechanism,name,unit,low,median,high")
    assert len(steps) > 8


def test_the_summary_keeps_its_published_schema(answered: Path) -> None:
    schema = json.loads(files("exosome.claims").joinpath("summary.schema.json").read_text("utf-8"))
    summary = json.loads((answered / "one" / "summary.json").read_text("utf-8"))
    jsonschema.validate(summary, schema)


def test_the_same_question_gives_the_same_bytes_on_one_and_two_workers(answered: Path) -> None:
    done = run("claim", "mirna-knee", "--out", "two", "--workers", "2", "--quiet", cwd=answered)
    assert done.returncode == 0, done.stderr
    for name in ("summary.json", "report.html", "steps.csv", "margins.csv", "numbers.csv"):
        assert (answered / "one" / name).read_bytes() == (answered / "two" / name).read_bytes()


def test_another_seed_gives_other_digits(answered: Path) -> None:
    done = run("claim", "mirna-knee", "--seed", "2", "--json", "--out", "s", cwd=answered)
    other = json.loads(done.stdout)
    first = json.loads((answered / "one" / "summary.json").read_text("utf-8"))
    assert (
        other["mechanisms"][0]["finding"]["margin"] != first["mechanisms"][0]["finding"]["margin"]
    )
    assert other["mechanisms"][0]["verdict"] == first["mechanisms"][0]["verdict"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("occupied_share", "occupied_sahre", ("unknown key 'occupied_sahre'", "'occupied_share'")),
        ("[effect]", "[efect]", ("unknown key 'efect'", "'effect'")),
        ("4e11 particle", "1e11", ("has no unit", ":18")),
        ("4e11 particle", "100 ug", ("does not say of what",)),
        ("4e11 particle", "2 nmol", ("moles of what",)),
        ("4e11 particle", "-4e11 particle", ("not an amount",)),
        ("4e11 particle", "nan particle", ("not finite",)),
        ("4e11 particle", "15 mL", ("how many vesicles",)),
        ("4e11 particle", "1e11 cell", ("how many vesicles",)),
        ('"luminal_rna"\ncargo', '"luminal_rma"\ncargo', ("luminal_rma", "'luminal_rna'")),
        ('organ = "joint"', 'organ = "jiont"', ("jiont", "joint")),
        ('cell = "synoviocyte"', 'cell = "synovicyte"', ("synovicyte", "synoviocyte'")),
        ('route = "intra_articular"', 'route = "oral"', ("'oral' is not one of",)),
        ("schema_version = 1", "schema_version = 2", ("schema_version",)),
        ("schema_version = 1", "schema_version = ", ("not valid TOML", "mine.toml:1")),
        ("occupied_share = 0.3", "occupied_share = 1.3", ("occupied_share",)),
    ],
)
def test_a_bad_claim_is_refused_with_one_error(
    tmp_path: Path, old: str, new: str, expected: tuple[str, ...]
) -> None:
    assert old in CLAIM
    (tmp_path / "mine.toml").write_text(CLAIM.replace(old, new, 1), "utf-8")
    refused(run("check", "mine.toml", cwd=tmp_path), "mine.toml", *expected)


def test_files_that_are_no_claims_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_bytes(b"")
    (tmp_path / "binary.toml").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "large.toml").write_bytes(b"# x\n" * 2_500_000)
    (tmp_path / "folder.toml").mkdir()
    for name in ("empty", "binary", "large", "folder", "absent"):
        refused(run("claim", f"{name}.toml", cwd=tmp_path), f"{name}.toml")
    refused(run("claim", "mirna-kne", cwd=tmp_path), "mirna-knee")
    assert not [path for path in tmp_path.iterdir() if path.name.endswith("-answer")]


def test_an_output_path_that_is_a_file_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine", "utf-8")
    refused(run("claim", "anti-ageing-skin", "--out", "taken", "--quiet", cwd=tmp_path), "taken")
    assert (tmp_path / "taken").read_text("utf-8") == "mine"


def test_own_numbers_replace_the_catalogs_and_are_marked(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(
        '[[record]]\nrole = "copies_per_particle.natural_mirna"\nvalue = 5.0\nlow = 4.0\n'
        'high = 6.0\nunit = "copy/particle"\nnote = "digital PCR"\n',
        "utf-8",
    )
    done = run("claim", "mirna-knee", "--numbers", "my.toml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)["numbers"]
    mine = [
        n
        for n in numbers
        if "copies_per_particle.natural_mirna" in n["roles"] and "answer" in n["used_for"]
    ]
    assert [n["origin"] for n in mine] == ["this lab"]
    assert mine[0]["status"] == "this lab"


def test_new_claim_is_valid_and_never_overwrites(tmp_path: Path) -> None:
    assert run("new", "claim", "fresh.toml", cwd=tmp_path).returncode == 0
    checked = run("check", "fresh.toml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    before = (tmp_path / "fresh.toml").read_bytes()
    refused(run("new", "claim", "fresh.toml", cwd=tmp_path), "exists already")
    assert (tmp_path / "fresh.toml").read_bytes() == before


def test_doses_convert_with_intervals_and_slips_are_caught(tmp_path: Path) -> None:
    converted = run("dose", "100 ug_protein", "--as", "vesicle", cwd=tmp_path)
    assert converted.returncode == 0
    assert " to " in converted.stdout
    slip = run("dose", "200 mg_protein", cwd=tmp_path)
    assert "NCT03384433" in slip.stdout
    assert "NCT03384433" not in run("dose", "200 ug_protein", cwd=tmp_path).stdout
    refused(run("dose", "100 ug", cwd=tmp_path), "ug_protein")
    refused(run("dose", "1e11", cwd=tmp_path), "no unit")
    refused(run("dose", "5 ug_rna", cwd=tmp_path), "how many vesicles")
    refused(run("dose", "1e9 vesicle", "--as", "vesicel", cwd=tmp_path), "vesicle")


def test_the_catalog_answers(tmp_path: Path) -> None:
    assert "d01" in run("catalog", "show", "d01", cwd=tmp_path).stdout
    assert "f05" in run("catalog", "show", "opening.natural_vesicle", cwd=tmp_path).stdout
    assert "d01" in run("catalog", "search", "miRNA", "copies", cwd=tmp_path).stdout
    refused(run("catalog", "search", "zebrafishbicycle", cwd=tmp_path), "no record")
    refused(run("catalog", "show", "d0001", cwd=tmp_path), "d0001")
    assert "no finding" in run("catalog", "lint", cwd=tmp_path).stdout
    assert "@article{" in run("cite", "mirna-knee", cwd=tmp_path).stdout


def test_the_article_is_traced(tmp_path: Path) -> None:
    shown = run("article", cwd=tmp_path)
    assert shown.stdout.count("S7") >= 7
    assert "of 76 statements implemented" in shown.stdout
    refused(run("article", "S99", cwd=tmp_path), "S99")


def test_schemas_are_published(tmp_path: Path) -> None:
    for which in ("claim", "summary"):
        assert json.loads(run("schema", which, cwd=tmp_path).stdout)["type"] == "object"
    refused(run("schema", "clam", cwd=tmp_path), "claim")
