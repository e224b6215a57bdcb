"""The donor cell: rates of its endosomal pathway, cell types, and what follows in closed form.

An early endosome becomes a multivesicular body (MVB). Intraluminal vesicles (ILVs) bud into it
by two routes and fuse back one by one, until the body meets the plasma membrane, where all of
them leave as one burst, or the lysosome. Ectosomes bud from the plasma membrane apart from this.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Amount = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DonorType:
    """A kind of cell, and the catalog's roles that may hold its release rate, its own first."""

    key: str
    name: str
    roles: tuple[str, ...]
    has_endosomes: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Pathway:
    """Rates of one donor cell per hour; scalars, or one entry for each draw.

    Parameters
    ----------
    endosome : array
        Early endosomes formed by the cell.
    maturation : array
        Early endosome to empty multivesicular body.
    budding_escrt, budding_ceramide : array
        ILVs into one body, by each route.
    back_fusion : array
        Per ILV in a body.
    mvb_fusion, mvb_lysosome : array
        Of one body with the plasma membrane, and with the lysosome.
    ectosome : array
        Ectosomes shed by the cell.
    """

    endosome: Amount
    maturation: Amount
    budding_escrt: Amount
    budding_ceramide: Amount
    back_fusion: Amount
    mvb_fusion: Amount
    mvb_lysosome: Amount
    ectosome: Amount

    def __post_init__(self) -> None:
        for field in fields(self):
            held = np.asarray(getattr(self, field.name), dtype=np.float64)
            if not np.all(np.isfinite(held)) or np.any(held < 0.0):
                raise InputError(
                    f"rate {field.name!r} is negative or not a number",
                    where="donor pathway",
                    remedy="give rates of zero or more, per hour",
                )
            object.__setattr__(self, field.name, held)
        if np.any(self.mvb_fusion + self.mvb_lysosome <= 0.0):
            raise InputError(
                "multivesicular bodies have no end: fusion and lysosome rates are both zero",
                where="donor pathway",
                remedy="keep one of mvb_fusion and mvb_lysosome above zero",
            )

    @property
    def budding(self) -> Amount:
        """ILVs formed in one body per hour, both routes."""
        return self.budding_escrt + self.budding_ceramide

    def scaled(self, factors: Mapping[str, float]) -> Pathway:
        """Return the pathway with some rates multiplied; the names are those of the fields."""
        known = {field.name for field in fields(self)}
        unknown = sorted(factors.keys() - known)
        if unknown:
            raise InputError(
                f"no rate {unknown[0]!r}",
                where="donor pathway",
                remedy=f"rates: {', '.join(sorted(known))}",
            )
        changed = {name: getattr(self, name) * factor for name, factor in factors.items()}
        return replace(self, **changed)


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What a cell does in its steady state, in closed form.

    ``exosomes_per_h``, ``ectosomes_per_h``, ``bursts_per_h``: means. ``ilvs_per_burst``: mean,
    empty bodies included. ``fano``: variance over mean of exosomes released in any window of
    time. ``secreted``, ``lysosomal``, ``back_fused``: shares of the ILVs formed.
    ``bodies``, ``ilvs_inside``: mean numbers in the cell.
    """

    exosomes_per_h: Amount
    ectosomes_per_h: Amount
    bursts_per_h: Amount
    ilvs_per_burst: Amount
    fano: Amount
    secreted: Amount
    lysosomal: Amount
    back_fused: Amount
    bodies: Amount
    ilvs_inside: Amount

    @property
    def vesicles_per_h(self) -> Amount:
        """Mean vesicles of both origins released per hour."""
        return self.exosomes_per_h + self.ectosomes_per_h

    @property
    def fano_all(self) -> Amount:
        """Variance over mean of all vesicles released in a window: ectosomes are Poisson."""
        total = self.vesicles_per_h
        variance = self.exosomes_per_h * self.fano + self.ectosomes_per_h
        return np.divide(variance, total, out=np.ones_like(variance), where=total > 0.0)


def expected(pathway: Pathway) -> Expected:
    """Return the steady state of a pathway.

    Bodies form as a Poisson process, also behind the stage of early endosomes (departures of
    an infinite-server queue). A body lives an exponential time ``T`` of rate
    ``k = mvb_fusion + mvb_lysosome`` and, given ``T``, holds a Poisson number of ILVs of mean
    ``m(T) = b / f * (1 - exp(-f T))``, with budding ``b`` and back-fusion ``f`` per ILV. So
    ``E[m] = b / (f + k)`` and ``E[m^2] = 2 b^2 / ((k + f)(k + 2 f))``. Bursts are marks of a
    Poisson process, hence releases in any window are compound Poisson with the Fano factor
    ``E[N^2] / E[N] = 1 + 2 b / (k + 2 f)``. Exact; it stops holding while a cell starts up, and
    where bodies hinder each other or rates drift.
    """
    p = pathway
    ends = p.mvb_fusion + p.mvb_lysosome
    per_burst = p.budding / (p.back_fusion + ends)
    bursts = p.endosome * p.mvb_fusion / ends
    kept = ends / (p.back_fusion + ends)
    return Expected(
        exosomes_per_h=bursts * per_burst,
        ectosomes_per_h=p.ectosome,
        bursts_per_h=bursts,
        ilvs_per_burst=per_burst,
        fano=1.0 + 2.0 * p.budding / (ends + 2.0 * p.back_fusion),
        secreted=kept * p.mvb_fusion / ends,
        lysosomal=kept * p.mvb_lysosome / ends,
        back_fused=1.0 - kept,
        bodies=p.endosome / ends,
        ilvs_inside=p.endosome / ends * per_burst,
    )


def calibrated(
    pathway: Pathway, *, release_per_h: Amount, ectosome_share: Amount, has_endosomes: bool = True
) -> Pathway:
    """Return the pathway whose mean release is ``release_per_h``, ectosomes a given share of it.

    The formation of endosomes and the shedding of ectosomes are set; all other rates stay. This
    is calibration: agreement with that release rate is no test of the model. A cell without
    endosomes sheds all of it.

    Raises
    ------
    InputError
        The pathway secretes nothing, so no formation rate gives the release.
    """
    share = ectosome_share if has_endosomes else np.ones_like(ectosome_share)
    if not has_endosomes:
        return replace(
            pathway, endosome=np.zeros_like(release_per_h), ectosome=release_per_h * share
        )
    per_endosome = expected(replace(pathway, endosome=np.ones_like(release_per_h))).exosomes_per_h
    if np.any(per_endosome <= 0.0):
        raise InputError(
            "no multivesicular body secretes, so the release rate cannot be reached",
            where="donor pathway",
            remedy="calibrate before a mechanism is removed",
        )
    return replace(
        pathway,
        endosome=release_per_h * (1.0 - share) / per_endosome,
        ectosome=release_per_h * share,
    )


@cache
def donor_types() -> Mapping[str, DonorType]:
    """Return every cell type by its key, those of unknown release rate included."""
    listed = tomllib.loads(files("exosome.cell").joinpath("types.toml").read_text("utf-8"))["cell"]
    return MappingProxyType(
        {
            key: DonorType(
                key,
                one["name"],
                tuple(one["roles"]),
                one.get("has_endosomes", True),
                one.get("note", ""),
            )
            for key, one in listed.items()
        }
    )


def donor_type(key: str, *, where: str) -> DonorType:
    """Return a cell type.

    Raises
    ------
    InputError
        There is no such type.
    """
    types = donor_types()
    if key not in types:
        raise InputError(
            f"{key!r} is no cell type of this package",
            where=where,
            remedy=f"choose from {', '.join(types)}; "
            "or give release_role and your own record with --numbers",
        )
    return types[key]
