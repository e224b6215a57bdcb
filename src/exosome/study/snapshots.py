"""Snapshots of a long run: written whole or not at all, and refused if they belong to another."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from exosome.core.files import write_all

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "snapshot.npz"
_MARK = "fingerprint"


def keep(directory: Path, fingerprint: str, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write a snapshot over the last one; a full disk leaves the last one as it was."""
    held = io.BytesIO()
    mark = np.frombuffer(fingerprint.encode(), np.uint8)
    np.savez(held, **{_MARK: mark}, **arrays)  # pyright: ignore[reportArgumentType]
    write_all(directory, {FILE: held.getvalue()}, where="--out")


def found(directory: Path, fingerprint: str) -> dict[str, NDArray[np.generic]] | None:
    """Return the arrays of the snapshot in a directory; None if there is none of this run.

    A snapshot that is damaged or belongs to another seed, scenario or set of numbers is passed
    over: the run then starts anew and replaces it.
    """
    try:
        with (directory / FILE).open("rb") as file, np.load(file, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile):
        return None
    mark = arrays.pop(_MARK, np.zeros(0, np.uint8))
    return arrays if mark.tobytes().decode(errors="replace") == fingerprint else None


def forget(directory: Path) -> None:
    """Remove the snapshot of a run that is done."""
    (directory / FILE).unlink(missing_ok=True)
