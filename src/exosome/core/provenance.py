"""What is needed to run again: versions, seed, command and the hash of every input."""

from __future__ import annotations

import hashlib
import platform
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from exosome import __version__
from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# The libraries that can change a digit or a pixel of the results.
_LIBRARIES = ("numpy", "scipy", "pint", "pydantic", "matplotlib", "pillow")


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of one result.

    Parameters
    ----------
    seed : int
        Root seed of all randomness.
    arguments : tuple of str
        The command line after the program's name.
    inputs : tuple of (str, str)
        File name without folders, and SHA-256 of its bytes.
    """

    seed: int
    arguments: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]

    @property
    def command(self) -> str:
        """The command as one shell line that can be pasted."""
        return shlex.join(["exosome", *self.arguments])

    def stable(self) -> dict[str, object]:
        """Return what two runs of the same question on one machine type share.

        It holds no time, host or path, and not the command, which may name an
        output directory or a number of workers: results that differ only in
        these are the same results, byte for byte.
        """
        return {
            "program": f"exosome {__version__}",
            "python": platform.python_version(),
            "libraries": {name: _version(name) for name in _LIBRARIES},
            "seed": self.seed,
            "inputs": [{"name": name, "sha256": digest} for name, digest in self.inputs],
        }

    def run_log(self) -> dict[str, object]:
        """Return what belongs to this one run: time, machine, folder and command."""
        return {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": platform.node(),
            "system": platform.platform(),
            "directory": str(Path.cwd()),
            "command": self.command,
        }


def trace_run(
    *, seed: int, arguments: Sequence[str], input_files: Iterable[Path | str]
) -> Provenance:
    """Return the provenance of a run; reads each input file once for its hash.

    Raises
    ------
    InputError
        If an input file can no longer be read.
    """
    inputs = tuple((Path(path).name, _sha256(Path(path))) for path in input_files)
    return Provenance(seed=seed, arguments=tuple(arguments), inputs=inputs)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise InputError(
            f"{str(path)!r} cannot be read ({fault.strerror})",
            where="provenance",
            remedy="leave the input files in place while the program runs",
        ) from fault


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"
