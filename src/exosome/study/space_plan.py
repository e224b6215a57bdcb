"""The plan of a run in space: cells and their places, numbers and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.donor import DonorType, donor_type
from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.core.units import to_internal
from exosome.delivery.pool import pool
from exosome.study.space_setting import BINDING_ROLES, SITE_ROLES, SPACE_ROLES, Setting
from exosome.study.space_uptake import uptake_of
from exosome.tissue import geometry
from exosome.tissue.cells_anndata import Columns, from_anndata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.delivery.pool import Pool
    from exosome.study.space_scenario import NearAndFar, TissueAsked
    from exosome.tissue.geometry import Layout

    Ints = NDArray[np.int64]

RATES = (
    "maturation", "budding_escrt", "budding_ceramide", "back_fusion", "mvb_fusion", "mvb_lysosome",
)  # fmt: skip
_SENDER_ROLES = ("ectosome_share", *(f"donor_rate.{name}" for name in RATES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Setting):
    """What will run: cells, which of them send, numbers and where they come from."""

    scenario: NearAndFar
    kind: DonorType
    release: Pool
    senders: Ints

    @property
    def every_pool(self) -> tuple[Pool, ...]:
        """The pools of all numbers, the release first."""
        return (self.release, *self.pools.values())

    @property
    def flow_between_cells(self) -> float:
        """Speed of the fluid between cells, um/s."""
        return self.middle("interstitial_flow") if self.scenario.conditions.flow else 0.0


def plan(scenario: NearAndFar, catalog: Catalog, *, seed: int, where: str = "scenario") -> Plan:
    """Return the plan of a scenario: every number pointing at its records.

    Raises
    ------
    InputError
        Cells that cannot stand like this, a cell type, time or source that does not exist, or a
        vesicle larger than the mesh.
    MissingRecordError
        A number that the run needs is unknown.
    """
    asked = scenario.senders
    kind = (
        DonorType(asked.type, asked.type.replace("_", " "), (asked.release_role,))
        if asked.release_role
        else donor_type(asked.type, where=f"{where} senders.type")
    )
    held = {record.role for record in catalog.values()}
    release_role = next((role for role in kind.roles if role in held), kind.roles[0])

    def pooled(role: str) -> Pool:
        return pool(catalog, role, only=scenario.sources.get(role, ()), where=where)

    radius = pooled("tissue_cell_radius").median
    layout = layout_of(scenario.tissue, radius, seed, where)
    senders = _senders(layout, asked.count, seed, where)
    uptake = uptake_of(scenario.uptake, layout.kinds, senders, where=where)
    roles = ["interstitial_flow", *SPACE_ROLES, *BINDING_ROLES, *_SENDER_ROLES, *uptake.roles]
    if scenario.conditions.saturation:
        windows_are_many(scenario.run.windows, where)
        roles += SITE_ROLES
    roles.append(f"copies_per_vesicle.{scenario.vesicles.cargo}")
    sources_are_used(scenario.sources, (*roles, release_role), where)
    pools = {role: pooled(role) for role in roles}
    if scenario.conditions.matrix:
        fits_the_mesh(pools, where)
    return Plan(
        scenario=scenario,
        kind=kind,
        release=pooled(release_role),
        pools=pools,
        layout=layout,
        senders=senders,
        uptake=uptake,
        duration_s=duration_s(scenario.run.duration, where),
        seed=seed,
        where=where,
    )


def windows_are_many(windows: int, where: str) -> None:
    """Refuse cells that fill in too few windows to see the error that windows make.

    Raises
    ------
    InputError
        There are fewer than eight.
    """
    if windows < 8:
        raise InputError(
            f"cells fill, and their sites are counted in {windows} windows only",
            where=f"{where} run.windows",
            remedy="give at least 8, or saturation = false",
        )


def duration_s(asked: str, where: str) -> float:
    """Return the length of a run in seconds.

    Raises
    ------
    InputError
        It is no time, not above zero, or longer than a year.
    """
    hours = to_internal(asked, "h", where=f"{where} run.duration")
    if not 0.0 < hours <= 24.0 * 365:
        raise InputError(
            f"a duration of {hours:g} h", where=f"{where} run.duration", remedy="give 1 h to 1 year"
        )
    return 3600.0 * hours


def sources_are_used(
    sources: Mapping[str, tuple[str, ...]], roles: tuple[str, ...], where: str
) -> None:
    """Refuse a choice of records for a number that the run does not use.

    Raises
    ------
    InputError
        At the first such number.
    """
    for chosen in sources:
        if chosen not in roles:
            raise InputError(
                f"sources are given for {chosen!r}, which the run does not use",
                where=f"{where} sources",
                remedy=f"numbers used: {', '.join(sorted(set(roles)))}",
            )


def fits_the_mesh(pools: Mapping[str, Pool], where: str) -> None:
    """Refuse a matrix in which the median vesicle cannot move.

    Raises
    ------
    InputError
        The vesicle is as large as the mesh, or larger.
    """
    mesh, size = pools["matrix_mesh"].median, pools["vesicle_diameter"].median
    if size >= mesh:
        raise InputError(
            f"a vesicle of {size:.3g} nm is larger than the mesh of {mesh:.3g} nm: nothing moves",
            where=f"{where} conditions.matrix",
            remedy="give a wider matrix_mesh with --numbers, or matrix = false",
        )


def length_um(asked: str, where: str) -> float:
    """Return a length in um, from 0 (excluded) to 10 cm.

    Raises
    ------
    InputError
        It is no length, or out of range.
    """
    length = to_internal(asked, "um", where=where)
    if not 0.0 < length <= 1e5:
        raise InputError(f"a length of {length:g} um", where=where, remedy="give 1 um to 10 cm")
    return length


def layout_of(asked: TissueAsked, radius: float, seed: int, where: str) -> Layout:
    """Return where cells of one radius (um) stand, and of which types they are.

    Raises
    ------
    InputError
        They cannot stand like this, or shares of types do not make a whole.
    """
    rng = Streams(seed).of("tissue.layout")
    at = f"{where} tissue"
    lengths = {
        name: length_um(getattr(asked, name), f"{at}.{name}")
        for name in ("edge", "height", "extent")
    }
    edge, share = lengths["edge"], asked.cell_fraction
    if asked.geometry == "table":
        if asked.cells_file is None:
            raise InputError(
                "geometry is a table, and no table is named",
                where=at,
                remedy='add cells_file = "cells.csv"',
            )
        if asked.types:
            raise InputError(
                "types are given twice: in the table of cells and as shares",
                where=f"{at}.types",
                remedy="take [tissue.types] away",
            )
        return _from_file(asked, asked.cells_file, radius, at)
    if asked.geometry == "monolayer":
        layout = geometry.monolayer(edge, lengths["height"], radius, share, rng, where=at)
    elif asked.geometry == "spheroid":
        layout = geometry.spheroid(edge, radius, share, lengths["extent"], rng, where=at)
    elif asked.geometry == "vessel":
        layout = geometry.vessel(edge, radius, share, lengths["extent"], rng, where=at)
    else:
        layout = geometry.packed(edge, radius, share, rng, where=at)
    return of_types(layout, asked.types, seed, at)


def _from_file(asked: TissueAsked, file: str, radius: float, at: str) -> Layout:
    where = f"{at}.cells_file"
    if Path(file).suffix != ".h5ad":
        for key in ("cells_unit", "radius_key", "type_key"):
            if getattr(asked, key) is not None:
                raise InputError(
                    f"{key} is for AnnData files, and {Path(file).name!r} is a table",
                    where=f"{at}.{key}",
                    remedy="leave it out; a table has the columns x, y, z, radius (um) and type",
                )
        return geometry.from_table(file, where=where)
    unit = to_internal(asked.cells_unit or "1 um", "um", where=f"{at}.cells_unit")
    if not 1e-6 <= unit <= 1e6:
        raise InputError(
            f"a unit of {unit:g} um", where=f"{at}.cells_unit", remedy='such as "0.5 um" a pixel'
        )
    columns = Columns(unit, asked.radius_key, asked.type_key)
    return from_anndata(file, columns, radius_um=radius, where=where)


def of_types(layout: Layout, shares: Mapping[str, float], seed: int, where: str) -> Layout:
    """Return the layout with its receivers of several types, drawn at random at given shares.

    Raises
    ------
    InputError
        The shares do not add up to one.
    """
    if not shares:
        return layout
    if abs(sum(shares.values()) - 1.0) > 1e-6:
        raise InputError(
            f"shares of types add up to {sum(shares.values()):g}",
            where=f"{where}.types",
            remedy="give shares that add up to 1",
        )
    names = sorted(shares)
    drawn = Streams(seed).of("tissue.types").random(len(layout))
    which = np.searchsorted(np.cumsum([shares[name] for name in names]), drawn, side="right")
    kinds = tuple(
        names[min(int(i), len(names) - 1)] if kind == "receiver" else kind
        for i, kind in zip(which, layout.kinds, strict=True)
    )
    return replace(layout, kinds=kinds)


def _senders(layout: Layout, count: int, seed: int, where: str) -> Ints:
    named = np.array([i for i, kind in enumerate(layout.kinds) if kind == "sender"], np.int64)
    if named.size:
        return named
    if count > len(layout):
        raise InputError(
            f"{count} senders among {len(layout)} cells",
            where=f"{where} senders.count",
            remedy="ask for fewer senders or more cells",
        )
    if count == 1:
        return np.array([layout.nearest_to(0.5 * layout.size_um)], np.int64)
    rng = Streams(seed).of("tissue.senders")
    return np.sort(rng.choice(len(layout), count, replace=False)).astype(np.int64)
