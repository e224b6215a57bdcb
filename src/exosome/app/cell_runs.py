"""What every run of a scenario of cells leaves behind, and what every check of one prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table

from exosome.app.page_words import csv_of, value_range
from exosome.app.terminal import console
from exosome.core.files import write_all
from exosome.core.provenance import trace_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from exosome.catalog.record import Sourced

    Values = dict[str, Any]


def write_run(  # noqa: PLR0913 - keyword only
    name: str,
    name_or_file: str,
    *,
    page: str,
    summary: Values,
    tables: Mapping[str, Sequence[Values]],
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    shown: RenderableType | None,
) -> None:
    """Write the directory of a run: page, summary, tables and log; print the terminal page.

    Parameters
    ----------
    name : str
        The bundled scenario, after which page and summary are called.
    name_or_file : str
        What the user ran; the directory is ``./STEM-run`` unless ``out`` says otherwise.
    shown : renderable or None
        The terminal page; only the place of the page is printed without it.

    Raises
    ------
    InputError
        The directory cannot be written.
    """
    directory = out or Path(f"{Path(name_or_file).stem}-run")
    own = [] if name_or_file == name else [Path(name_or_file)]
    origin = trace_run(seed=seed, arguments=sys.argv[1:], input_files=[*own, *numbers])
    written = {
        f"{name}.html": page,
        f"{name}.json": json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        **{file: csv_of(rows) for file, rows in tables.items()},
        "run-log.json": json.dumps(origin.run_log(), indent=1) + "\n",
    }
    write_all(directory, {file: text.encode() for file, text in written.items()}, where="--out")
    if shown is not None:
        console().print(shown)
    console().print(f"Page: {directory / f'{name}.html'}", soft_wrap=True, highlight=False)


def record_table(records: Sequence[Sourced], read_as: Mapping[str, str]) -> Table:
    """Return the records that a plan draws from, and how well each was read."""
    number = Column("number", overflow="fold")
    table = Table("record", number, "value", "unit", "read", box=None, pad_edge=False)
    for one in records:
        table.add_row(one.id, one.role, value_range(one), one.unit, read_as[one.id])
    return table
