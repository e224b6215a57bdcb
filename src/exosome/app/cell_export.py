"""``exosome cell export``: the mean field of a cell model as SBML, for other simulators."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from exosome.app.terminal import console
from exosome.catalog.load import load_catalog
from exosome.cell.endosome import most_ilvs_for, network
from exosome.cell.means import LOST, donor_means
from exosome.core.errors import InputError
from exosome.core.files import write_new
from exosome.numerics.sbml import write_sbml
from exosome.study.cell_sends import middle_pathway, plan, read_scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exosome.numerics.network import Network

_SECONDS_PER_HOUR = 3600.0


def export_cell(path: Path, *, scenario: str, form: str, numbers: Sequence[Path]) -> None:
    """Write the mean field of a scenario's cell as SBML and say what it loses.

    Parameters
    ----------
    path : Path
        File to write; it must not exist.
    scenario : str
        A bundled scenario of a cell, or a TOML file.
    form : str
        ``"means"``, or ``"classes"``: bodies by the vesicles that they hold.
    numbers : sequence of Path
        The user's own numbers.

    Raises
    ------
    InputError
        The scenario, a number, the form or the path cannot be used.
    """
    made, kind = _model(scenario, form, numbers)
    notes = (
        (
            f"{made.name}: rates of scenario {Path(scenario).stem!r}, each at the middle of its "
            "records. Time in hours, amounts in single things per cell."
        ),
        *LOST[kind],
    )
    text = write_sbml(made, mean_field=True, notes=notes, time_unit_s=_SECONDS_PER_HOUR)
    write_new(path, text.encode(), where="cell export")
    out = console()
    out.print(f"{path}: {len(made.species)} species, {len(made.reactions)} reactions",
              soft_wrap=True, highlight=False)  # fmt: skip
    for paragraph in notes:
        out.print(paragraph, highlight=False)


def _model(scenario: str, form: str, numbers: Sequence[Path]) -> tuple[Network, str]:
    """Return the network and the key of what its mean field loses."""
    where = f"{Path(scenario).stem}.toml"
    if form not in {"means", "classes"}:
        raise InputError(
            f"no form {form!r}", where="cell export", remedy="use --form means or --form classes"
        )
    planned = plan(read_scenario(scenario), load_catalog(tuple(numbers)), seed=1, where=where)
    pathway = middle_pathway(planned)
    if form == "means":
        return donor_means(pathway), "donor means"
    return network(pathway, most_ilvs_for(pathway)), "donor classes"
