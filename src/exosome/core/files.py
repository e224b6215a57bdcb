"""Reading what a person gives us, and writing so that nothing is left half done."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A claim is a few kilobytes and a whole catalog a few hundred; ten megabytes is
# a sequencing file given by mistake.
TEXT_LIMIT_BYTES = 4_000_000

_TOML_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")


def read_bytes(path: Path | str, *, where: str, limit_bytes: int = TEXT_LIMIT_BYTES) -> bytes:
    """Return the content of a file that a person named, at most ``limit_bytes`` long.

    Raises
    ------
    InputError
        If the file is missing, a directory, unreadable or larger than the limit.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            # One byte more than allowed, so that an endless device is refused too.
            content = file.read(limit_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{str(path)!r} does not exist", where=where, remedy=_missing_remedy(path)
        ) from None
    except IsADirectoryError:
        raise InputError(
            f"{str(path)!r} is a directory", where=where, remedy="give the file inside it"
        ) from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL character in the path
        raise InputError(
            f"{str(path)!r} cannot be read ({_reason(fault)})",
            where=where,
            remedy="check the path and its permissions",
        ) from fault
    if len(content) > limit_bytes:
        raise InputError(
            f"{str(path)!r} is larger than {limit_bytes / 1e6:g} MB",
            where=where,
            remedy="check that it is the file you meant",
        )
    return content


def read_text(path: Path | str, *, where: str, limit_bytes: int = TEXT_LIMIT_BYTES) -> str:
    """Return the text of a UTF-8 file that a person named.

    Parameters
    ----------
    path : Path or str
        The file; a byte order mark at its start is dropped.
    where : str
        Option or step that asks for the file, for the error.
    limit_bytes : int
        Larger files are refused unread.

    Raises
    ------
    InputError
        If the file is missing, a directory, unreadable, too large, not text or empty.
    """
    content = read_bytes(path, where=where, limit_bytes=limit_bytes)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(
            f"{str(path)!r} is not a UTF-8 text file",
            where=where,
            remedy="give a text file; if it is one, save it with the encoding UTF-8",
        )
    if not text.strip():
        raise InputError(
            f"{str(path)!r} is empty", where=where, remedy="fill the file or give another"
        )
    return text


def read_toml(
    path: Path | str, *, where: str = "reading", limit_bytes: int = TEXT_LIMIT_BYTES
) -> dict[str, object]:
    """Return the tables of a TOML file that a person named.

    Raises
    ------
    InputError
        As in `read_text`, and with ``file:line`` if the file breaks the syntax of TOML.
    """
    return parse_toml(read_text(path, where=where, limit_bytes=limit_bytes), name=str(path))


def parse_toml(text: str, *, name: str) -> dict[str, object]:
    """Return the tables of a TOML text; ``name`` is its file name in errors.

    Raises
    ------
    InputError
        With ``name:line`` if the text breaks the syntax of TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        said = str(fault)
        found = _TOML_LINE.search(said)
        line = int(found[1]) if found else text.count("\n") + 1
        clause = said[: found.start()].strip() if found else said
        raise InputError(
            f"not valid TOML: {clause[:1].lower()}{clause[1:]}",
            where=f"{name}:{line}",
            remedy=_syntax_remedy(text, line),
        ) from None
    except (RecursionError, ValueError):  # thousands of brackets; a number of thousands of digits
        raise InputError(
            "not valid TOML: nested too deeply, or a number too long",
            where=name,
            remedy="check that it is the file you meant",
        ) from None


def write_all(
    directory: Path | str, files: Mapping[str, bytes], *, where: str = "writing"
) -> tuple[Path, ...]:
    """Write ``files`` into ``directory`` and return their paths.

    Everything is first written to a temporary directory beside the targets and
    moved only when all of it is there. A full disk, a lost permission or an
    interrupt while writing therefore leaves earlier results as they were. The
    moves themselves happen one by one: a power cut between two of them can leave
    a new file next to an old one, but never half a file. Other files in
    ``directory`` are left alone.

    Parameters
    ----------
    directory : Path or str
        Created, with its parents, if missing.
    files : mapping of str to bytes
        File names without folders, and what to write.
    where : str
        Option or step that asks for it, for the error.

    Raises
    ------
    InputError
        If the directory is a file, or it cannot be written.
    """
    directory = Path(directory)
    for name in files:
        if Path(name).name != name:
            raise ValueError(f"{name!r} is not a plain file name")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        targets = {name: directory / name for name in files}
        for name, target in targets.items():
            if target.is_dir():
                raise InputError(
                    f"{str(target)!r} is a directory, and the file {name!r} is to go there",
                    where=where,
                    remedy="choose another output directory",
                )
        # In the same directory, hence on the same disk: a move is then one step.
        staging = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=directory))
        try:
            for name, content in files.items():
                _write_through(staging / name, content)
            for name, target in targets.items():
                (staging / name).replace(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"{_first_file(directory)!r} is a file, not a directory",
            where=where,
            remedy="choose another output directory, or move that file away",
        ) from None
    except (OSError, ValueError) as fault:
        raise InputError(
            f"{str(directory)!r} cannot be written ({_reason(fault)})",
            where=where,
            remedy="choose an output directory that you may write, with room on its disk",
        ) from fault
    return tuple(targets.values())


def write_new(path: Path, content: bytes, *, where: str) -> None:
    """Write a file that must not exist yet.

    Raises
    ------
    InputError
        If it exists, or cannot be written.
    """
    if path.exists():
        raise InputError(
            f"{str(path)!r} exists already",
            where=where,
            remedy="choose another name; nothing was overwritten",
        )
    write_all(path.parent, {path.name: content}, where=where)


def check_keys(mapping: Iterable[str], allowed: Iterable[str], where: str) -> None:
    """Refuse keys that nothing reads, naming the nearest valid key.

    Parameters
    ----------
    mapping : mapping or iterable of str
        What was given.
    allowed : iterable of str
        The valid keys.
    where : str
        File and table, for the error.

    Raises
    ------
    InputError
        At the first unknown key.
    """
    valid = sorted(allowed)
    for key in mapping:
        if key not in valid:
            near = difflib.get_close_matches(key, valid, n=1, cutoff=0.6)
            remedy = f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(valid)}"
            raise InputError(f"unknown key {key!r}", where=where, remedy=remedy)


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # a full disk may say so only here


def _first_file(directory: Path) -> str:
    """Return the part of a path that is in the way."""
    blocking = [part for part in (directory, *directory.parents) if part.is_file()]
    return str(blocking[0] if blocking else directory)


def _missing_remedy(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return f"check the path: {str(path.parent)!r} is no directory that can be read"
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"did you mean {str(path.parent / near[0])!r}?" if near else "check the path"


def _syntax_remedy(text: str, line: int) -> str:
    lines = text.splitlines()
    shown = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    mend = "text stands in quotes, keys are unique, tables start with [name]"
    return f"mend the line {shown[:60]!r}: {mend}" if shown else f"mend the line: {mend}"


def _reason(fault: OSError | ValueError) -> str:
    return (fault.strerror if isinstance(fault, OSError) else None) or str(fault)
