"""Which files of other programs a run in space is written for, and what each of them needs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exosome.study.near_and_far import Result

_NEEDS = {"vtk": "meshio", "anndata": "anndata", "simularium": "simulariumio"}


def exports_can_be_written(formats: Sequence[str]) -> None:
    """Refuse a format whose library is missing before hours are spent.

    Raises
    ------
    InputError
        A library is not installed.
    """
    for one in formats:
        if find_spec(_NEEDS[one]) is None:
            raise InputError(
                f"{one} files need the library {_NEEDS[one]}, which is not installed",
                where="--export",
                remedy="install it with: pip install 'exosome[exports]'",
            )


def exported(
    result: Result,
    formats: Sequence[str],
    kinds: Sequence[str],
    *,
    title: str,
    origin: Mapping[str, object],
) -> dict[str, dict[str, bytes]]:
    """Return the files of each format, by the folder that they go to; '' is the run's own."""
    own: dict[str, bytes] = {}
    folders: dict[str, dict[str, bytes]] = {"": own}
    if "anndata" in formats:
        from exosome.study.space_anndata import anndata_file

        own["cells.h5ad"] = anndata_file(result, kinds, origin)
    if "simularium" in formats:
        from exosome.study.space_simularium import simularium_file

        for name, film in (("run", result.film), ("followed", result.followed)):
            own[f"{name}.simularium"] = simularium_file(result, film, kinds, title)
    if "vtk" in formats:
        from exosome.study.space_paraview import paraview_files

        folders["paraview"] = paraview_files(result, kinds)
    return folders
