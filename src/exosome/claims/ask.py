"""The whole way in one call: from a claim's name to its answer as plain tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exosome.catalog.load import load_catalog
from exosome.claims.answer import DEFAULT_SEED, answer
from exosome.claims.claim import find_claim, read_claim
from exosome.claims.summary import summarise_answer
from exosome.claims.tables import tables
from exosome.core.provenance import trace_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exosome.core.progress import Reporter
    from exosome.study.depths import Depth


@dataclass(frozen=True, slots=True)
class Asked:
    """An answered claim: the full summary, and the same as flat tables."""

    summary: dict[str, Any]

    @property
    def sentences(self) -> list[str]:
        """One sentence for each mechanism."""
        return list(self.summary["answer"]["sentences"])

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return one table as rows: margins, steps, places, variance, numbers and others."""
        return tables(self.summary)[name]


def ask(
    claim: str | Path,
    *,
    numbers: Sequence[Path] = (),
    seed: int = DEFAULT_SEED,
    depth: Depth = "envelope",
    workers: int = 2,
    reporter: Reporter | None = None,
) -> Asked:
    """Return the answer to a bundled claim or a claim file.

    Parameters
    ----------
    claim : str or Path
        Name of a bundled claim, or a TOML file.
    numbers : sequence of Path
        Files with your own measurements; they replace the catalog's.
    seed : int
        Root of all randomness: the same seed gives the same answer.
    depth : {"envelope", "engine"}
        Sourced shares, or the cell engines where there are any. Both are compared in any case.

    Raises
    ------
    InputError
        If a file cannot be used; the message says where and how to mend it.

    Examples
    --------
    >>> from exosome.claims.ask import ask
    >>> answered = ask("anti-ageing-skin")
    >>> answered.table("steps")[0]["unit"]
    'particle'
    """
    path = find_claim(str(claim))
    read = read_claim(path)
    catalog = load_catalog(tuple(numbers))
    name = str(claim) if str(claim) == path.stem else path.name
    found = answer(
        read, catalog, seed=seed, depth=depth, workers=workers, where=name, reporter=reporter
    )
    arguments = ["claim", name, "--seed", str(seed)]
    if depth != "envelope":
        arguments += ["--depth", depth]
    for file in numbers:
        arguments += ["--numbers", Path(file).name]
    origin = trace_run(seed=seed, arguments=arguments, input_files=(path, *numbers))
    provenance = {**origin.stable(), "command": origin.command}
    return Asked(summarise_answer(found, name=name, provenance=provenance))
