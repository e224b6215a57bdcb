"""The cells of a run in space as AnnData, for scanpy and squidpy; the extra ``exports``."""

from __future__ import annotations

import json
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exosome.study.near_and_far import Result


def anndata_file(result: Result, kinds: Sequence[str], origin: Mapping[str, object]) -> bytes:
    """Return the cells as an ``.h5ad`` file.

    Cells are ``obs`` (``type``, ``sends``, ``radius``, ``vesicles_sent``, ``vesicles_taken``,
    ``copies_taken``), their centres in um ``obsm["spatial"]``. ``obsp["vesicles"]`` and
    ``obsp["copies"]`` are sparse: the row sent, the column took up. ``uns["exosome"]`` says
    where it comes from. There is no ``X``: nothing was measured on genes.

    Parameters
    ----------
    result : Result
    kinds : sequence of str
        Type of each cell, senders named as such.
    origin : mapping
        Program, versions, seed and inputs (`exosome.core.provenance.Provenance.stable`).

    Raises
    ------
    ImportError
        anndata is not installed.
    """
    anndata: Any = import_module("anndata")
    pandas: Any = import_module("pandas")
    planned, layout = result.plan, result.plan.layout
    count = len(layout)
    cells = pandas.DataFrame(
        {
            "type": pandas.Categorical(kinds),
            "sends": np.isin(np.arange(count), planned.senders),
            "radius": layout.radii_um,
            "vesicles_sent": np.bincount(result.sent.sender, minlength=count),
            "vesicles_taken": result.uptake,
            "copies_taken": result.copies_taken,
        },
        index=[f"cell{i}" for i in range(count)],
    )
    scenario = planned.scenario.model_dump(mode="json", exclude={"tissue": {"cells_file"}})
    held = anndata.AnnData(
        obs=cells,
        obsm={"spatial": layout.centres_um},
        obsp={"vesicles": _matrix(result, "vesicles"), "copies": _matrix(result, "copies")},
        uns={
            "exosome": {
                "origin": json.dumps(origin),
                "scenario": json.dumps(scenario),
                "seed": planned.seed,
                "hours": planned.duration_s / 3600.0,
                "length_unit": "um",
                "box": layout.size_um,
                "cargo": planned.scenario.vesicles.cargo,
                "records": np.array([one.id for one in planned.records], np.str_),
                "read": np.array([planned.read_as[one.id] for one in planned.records], np.str_),
            }
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cells.h5ad")
        held.write_h5ad(path, compression="gzip")
        return path.read_bytes()


def _matrix(result: Result, what: str) -> Any:
    from scipy.sparse import csr_array

    count = len(result.plan.layout)
    amounts = np.array([getattr(one, what) for one in result.links], np.int64)
    rows = np.array([one.sender for one in result.links], np.int64)
    columns = np.array([one.receiver for one in result.links], np.int64)
    return csr_array((amounts, (rows, columns)), shape=(count, count))
