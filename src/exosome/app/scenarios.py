"""Which engine a scenario belongs to: by its bundled name, or by the table that marks its file."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exosome.app.terminal import console
from exosome.core.errors import InputError
from exosome.core.files import parse_toml, read_text, write_new

if TYPE_CHECKING:
    from collections.abc import Callable

SPACE_FORMATS = ("vtk", "anndata", "simularium")


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine with a bundled scenario.

    Parameters
    ----------
    name : str
        The bundled scenario, ``study/scenarios/NAME.toml``.
    mark : str
        The table that every file of this kind has and no other kind has.
    module, runs, checks : str
        Where the command line's functions are. ``runs`` takes ``(name_or_file, *, out, numbers,
        seed, workers, quiet)``, ``checks`` takes ``(name_or_file, *, numbers)``.
    formats : tuple of str
        Files of other programs that ``runs`` writes if they are named in ``formats``.
    """

    name: str
    mark: str
    module: str
    runs: str
    checks: str
    formats: tuple[str, ...] = ()

    @property
    def run(self) -> Callable[..., None]:
        """The function that runs a scenario, loaded when asked for."""
        return self._held(self.runs)

    @property
    def check(self) -> Callable[..., None]:
        """The function that validates a scenario, loaded when asked for."""
        return self._held(self.checks)

    def asked(self, export: str) -> dict[str, tuple[str, ...]]:
        """Return the option ``formats`` of ``runs`` from a list with commas; none if it is empty.

        Raises
        ------
        InputError
            The engine writes no such files.
        """
        named = tuple(dict.fromkeys(one.strip() for one in export.split(",") if one.strip()))
        for one in named:
            if one not in self.formats:
                raise InputError(
                    f"{self.name} is not written as {one!r}",
                    where="--export",
                    remedy=f"give some of {', '.join(self.formats)}, with commas"
                    if self.formats
                    else "leave the option out; near-and-far and niche have exports",
                )
        return {"formats": named} if named else {}

    def _held(self, name: str) -> Any:
        return getattr(import_module(self.module), name)


ENGINES = (
    Engine("cell-sends", "cell", "exosome.app.cells", "run_cell_sends", "check_cell_sends"),
    Engine("body", "body", "exosome.app.bodies", "run_body", "check_body"),
    Engine(
        "cell-receives",
        "recipient",
        "exosome.app.cell_receives",
        "run_cell_receives",
        "check_cell_receives",
    ),
    Engine(
        "cell-to-cell",
        "pair",
        "exosome.app.cell_to_cell",
        "run_cell_to_cell",
        "check_cell_to_cell",
    ),
    Engine("dish", "dish", "exosome.app.dish", "run_dish", "check_dish"),
    Engine(
        "near-and-far", "tissue", "exosome.app.tissue", "run_tissue", "check_tissue", SPACE_FORMATS
    ),
    Engine("niche", "tissue", "exosome.app.tissue", "run_tissue", "check_tissue", SPACE_FORMATS),
    Engine(
        "vessel-exit",
        "vessel",
        "exosome.app.vessel_exit",
        "run_vessel_exit",
        "check_vessel_exit",
    ),
)


def engine_of(name_or_file: str) -> Engine | None:
    """Return the engine of a bundled scenario or of a file; None if it is neither.

    A file that cannot be read belongs to no engine: what is wrong with it is said by whoever
    reads it next.
    """
    for one in ENGINES:
        if name_or_file == one.name:
            return one
    path = Path(name_or_file)
    if not path.is_file():
        return None
    try:
        tables = parse_toml(read_text(path, where="scenario"), name=path.name)
    except InputError:
        return None
    return next((one for one in ENGINES if one.mark in tables), None)


def engine_asked(name_or_file: str) -> Engine:
    """Return the engine of a scenario that is to run.

    Raises
    ------
    InputError
        There is no such scenario, the file cannot be read, or no table of it names an engine.
    """
    found = engine_of(name_or_file)
    if found is not None:
        return found
    path = Path(name_or_file)
    if path.suffix != ".toml" and not path.exists():
        from difflib import get_close_matches

        names = [one.name for one in ENGINES]
        near = get_close_matches(name_or_file, names, n=1, cutoff=0.4)
        raise InputError(
            f"{name_or_file!r} is neither a bundled scenario nor a file",
            where="run",
            remedy=(f"did you mean {near[0]!r}? " if near else "")
            + f"bundled scenarios: {', '.join(names)}",
        )
    parse_toml(read_text(path, where="scenario"), name=path.name)
    marks = ", ".join(f"[{one.mark}] ({one.name})" for one in ENGINES)
    raise InputError(
        "no table says which engine runs it",
        where=path.name,
        remedy=f"add one of {marks}; `exosome new scenario NAME FILE` writes a commented file",
    )


def write_new_scenario(name: str, path: Path) -> None:
    """Write a bundled, commented scenario, never over a file."""
    engine = next((one for one in ENGINES if one.name == name), None)
    if engine is None:
        raise InputError(
            f"{name!r} is no bundled scenario",
            where="new scenario",
            remedy=f"choose from {', '.join(one.name for one in ENGINES)}",
        )
    text = files("exosome.study").joinpath(f"scenarios/{engine.name}.toml").read_bytes()
    write_new(path, text, where="new scenario")
    console().print(f"{path}: change it, then `exosome run {path}`", highlight=False)
