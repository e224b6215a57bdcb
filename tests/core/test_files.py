"""Files from people are refused kindly; results are replaced whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from exosome.core.errors import InputError
from exosome.core.files import check_keys, parse_toml, read_text, read_toml, write_all


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a\0b", "not a UTF-8 text file"),
        (b"\xff\xfea\0", "not a UTF-8 text file"),
        (b"caf\xe9", "not a UTF-8 text file"),
        (b"", "is empty"),
        (b" \r\n\t", "is empty"),
        (b"x" * 10_000_000, "larger than 4 MB"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "claim.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=fault) as caught:
        read_text(path, where="--claim")
    assert caught.value.where == "--claim"
    assert "claim.toml" in caught.value.what
    assert caught.value.remedy


def test_a_missing_file_brings_up_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "claim.toml").write_text("a = 1")
    with pytest.raises(InputError, match=r"does not exist(.|\n)*did you mean '.*claim\.toml'"):
        read_text(tmp_path / "clam.toml", where="--claim")


@pytest.mark.parametrize(
    "name", [".", "claim.toml/inner.toml", "nowhere/claim.toml", "a\0b", "y" * 999]
)
def test_a_path_that_leads_nowhere_is_an_input_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "claim.toml").write_text("a = 1")
    with pytest.raises(InputError, match="Remedy: "):
        read_text(tmp_path / name, where="--claim")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no endless device on this system")
def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(InputError, match=r"larger than 0\.001 MB"):
        read_text("/dev/zero", where="--claim", limit_bytes=1000)


def test_a_byte_order_mark_and_foreign_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "claim.toml"
    path.write_bytes("\ufeffa = 1\r\nb = 'µ'\r\n".encode())
    assert read_toml(path) == {"a": 1, "b": "µ"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = = 2\n", 2),
        ("a = 1\n[t]\nb = 1e11 vesicle\n", 3),
        ('a = """x\n\n', 3),
        ("a = 1\na = 2", 2),
    ],
)
def test_a_syntax_error_names_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "claim.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="not valid TOML") as caught:
        read_toml(path)
    assert caught.value.where == f"{path}:{line}"


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5000])
def test_a_text_that_exhausts_the_reader_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match="nested too deeply, or a number too long"):
        parse_toml(text, name="claim.toml")


def test_files_are_written_beside_what_is_there(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    write_all(out, {"summary.json": b"1", "report.html": b"2"})
    (out / "notes.txt").write_text("mine")
    paths = write_all(out, {"summary.json": b"3"})
    assert paths == (out / "summary.json",)
    assert {path.name: path.read_text() for path in out.iterdir()} == {
        "summary.json": "3",
        "report.html": "2",
        "notes.txt": "mine",
    }


@pytest.mark.parametrize("below", ["", "out", "out/deeper"])
def test_an_output_path_blocked_by_a_file_is_refused(tmp_path: Path, below: str) -> None:
    blocking = tmp_path / "results"
    blocking.write_text("keep me")
    with pytest.raises(InputError, match="results' is a file, not a directory"):
        write_all(blocking / below, {"summary.json": b"1"})
    assert blocking.read_text() == "keep me"


def test_a_full_disk_leaves_the_earlier_results(tmp_path: Path, monkeypatch) -> None:
    write_all(tmp_path, {"a": b"old a", "b": b"old b"})
    synced = []

    def fill_up(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(InputError, match="No space left"):
        write_all(tmp_path, {"a": b"new a", "b": b"new b"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"old a",
        "b": b"old b",
    }


def test_a_directory_in_the_place_of_a_file_stops_everything(tmp_path: Path) -> None:
    write_all(tmp_path, {"a": b"old"})
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        write_all(tmp_path, {"a": b"new", "b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_name_that_leaves_the_directory_is_a_defect(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a plain file name"):
        write_all(tmp_path / "out", {"../a": b"1"})


def test_an_unknown_key_gets_the_nearest_valid_one() -> None:
    check_keys({"dose": 1}, ("dose", "route"), "claim.toml")
    with pytest.raises(InputError, match="unknown key 'does'") as caught:
        check_keys({"does": 1}, ("dose", "route"), "claim.toml [given]")
    assert caught.value.remedy == "did you mean 'dose'?"
    with pytest.raises(InputError, match="valid keys: dose, route"):
        check_keys({"zzz": 1}, ("route", "dose"), "claim.toml")
