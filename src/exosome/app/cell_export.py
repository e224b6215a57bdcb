"""``exosome cell export``: the mean field of a cell model as SBML, for other simulators."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from exosome.app.scenarios import engine_asked
from exosome.app.terminal import console
from exosome.catalog.load import load_catalog
from exosome.cell.means import LOST, donor_means
from exosome.core.errors import InputError
from exosome.core.files import write_new
from exosome.numerics.sbml import write_sbml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exosome.numerics.network import Network

_SECONDS_PER_HOUR = 3600.0
_SENDS = ("means", "classes")
_RECEIVES = ("low_fusion", "opens_30_percent")


def export_cell(path: Path, *, scenario: str, form: str | None, numbers: Sequence[Path]) -> None:
    """Write the mean field of a scenario's cell as SBML and say what it loses.

    Parameters
    ----------
    path : Path
        File to write; it must not exist.
    scenario : str
        ``cell-sends``, ``cell-receives``, or a TOML file of either kind.
    form : str, optional
        For a cell that sends ``means`` (the default), or ``classes``: bodies by the vesicles that
        they hold. For one that receives its opening module; the scenario's by default.
    numbers : sequence of Path
        The user's own numbers.

    Raises
    ------
    InputError
        The scenario, a number, the form or the path cannot be used.
    """
    made, kind = exported(scenario, form, numbers)
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
    out.print(
        f"{path}: {len(made.species)} species, {len(made.reactions)} reactions",
        soft_wrap=True,
        highlight=False,
    )
    for paragraph in notes:
        out.print(paragraph, highlight=False)


def exported(scenario: str, form: str | None, numbers: Sequence[Path] = ()) -> tuple[Network, str]:
    """Return the network of a scenario's cell, and the key in `LOST` of what it loses."""
    engine = engine_asked(scenario)
    if engine.name == "cell-sends":
        return _donor(scenario, form or "means", numbers)
    if engine.name == "cell-receives":
        return _recipient(scenario, form, numbers)
    raise InputError(
        f"{engine.name} is no scenario of one cell",
        where="cell export",
        remedy="give cell-sends, cell-receives, or a file of either kind",
    )


def _donor(scenario: str, form: str, numbers: Sequence[Path]) -> tuple[Network, str]:
    from exosome.cell.endosome import most_ilvs_for, network
    from exosome.study.cell_sends import middle_pathway, plan, read_scenario

    if form not in _SENDS:
        raise _no_form(form, _SENDS)
    where = f"{Path(scenario).stem}.toml"
    planned = plan(read_scenario(scenario), load_catalog(tuple(numbers)), seed=1, where=where)
    pathway = middle_pathway(planned)
    if form == "means":
        return donor_means(pathway), "donor means"
    return network(pathway, most_ilvs_for(pathway)), "donor classes"


def _recipient(scenario: str, form: str | None, numbers: Sequence[Path]) -> tuple[Network, str]:
    from exosome.cell.receiving import network
    from exosome.study.cell_receives import middle_recipient, plan, read_scenario

    where = f"{Path(scenario).stem}.toml"
    asked = read_scenario(scenario)
    module = form or asked.opening.module
    if module not in _RECEIVES:  # also a mixture of both: no cell is one
        raise _no_form(module, _RECEIVES)
    planned = plan(asked, load_catalog(tuple(numbers)), seed=1, where=where)
    given = {0: round(asked.given.vesicles_per_cell)}
    return network(middle_recipient(planned, module), given), "recipient"


def _no_form(form: str, known: tuple[str, ...]) -> InputError:
    return InputError(
        f"no form {form!r} of this cell",
        where="cell export",
        remedy="use " + " or ".join(f"--form {one}" for one in known),
    )
