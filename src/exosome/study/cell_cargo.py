"""What released vesicles take along: cargo asked for, and what a sample of them holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exosome.cell.packing import (
    AMOUNT_OF,
    COPIED,
    PLACE_OF,
    draw_copies,
    lipids_of,
    membrane_nm2,
    passive_mean,
)
from exosome.core.random import Streams
from exosome.study.scenario import Strict, Word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.delivery.pool import Pool

    Floats = NDArray[np.float64]

_COPY_BINS = 12


class CargoAsked(Strict):
    """One cargo and how it is packed."""

    name: Word
    kind: Literal[
        "mirna",
        "mrna",
        "lumenal_protein",
        "membrane_protein",
        "dna",
        "lipid",
        "cytokine_membrane",
        "cytokine_corona",
        "cytokine_soluble",
    ]
    packing: Literal["passive", "sorted", "packets"] = "passive"
    label: str = ""
    enrichment: Annotated[float, Field(gt=0.0, strict=False)] | None = None
    copies_per_packet: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _packing_is_told(self) -> Self:
        if (self.packing == "sorted") != (self.enrichment is not None):
            raise ValueError("enrichment belongs to packing = 'sorted', and only there")
        if (self.packing == "packets") != (self.copies_per_packet is not None):
            raise ValueError("copies_per_packet belongs to packing = 'packets', and only there")
        if self.packing != "passive" and PLACE_OF[self.kind] not in COPIED:
            raise ValueError(f"a {self.kind} is not sorted or packed; leave packing out")
        return self


def roles_of(cargo: CargoAsked) -> tuple[str, ...]:
    """Return the parameters that a cargo needs beyond those of every cell."""
    place = PLACE_OF[cargo.kind]
    more = ("lipid_area",) if place == "bilayer" else ()
    return (f"{AMOUNT_OF[place]}.{cargo.name}", *more)


@dataclass(frozen=True, slots=True, eq=False)
class CargoFound:
    """What a sample of released vesicles holds of one cargo.

    ``shares[k]`` is the share of vesicles with ``k`` copies; the last entry collects the rest.
    ``passive_low`` and ``passive_high`` bracket the mean of the null model over what is not known:
    passive packing, or for lipids, corona and soluble factors the law of their place. A soluble
    factor sits in no vesicle: its means are molecules beside each vesicle released.
    """

    asked: CargoAsked
    mean: float
    empty: float
    empty_independent: float
    fano: float
    shares: tuple[float, ...]
    passive_low: float
    passive: float
    passive_high: float


def packed(
    asked: tuple[CargoAsked, ...],
    diameter_nm: Floats,
    pools: Mapping[str, Pool],
    released_per_h: float,
    seed: int,
    *,
    where: str,
) -> tuple[CargoFound, ...]:
    """Return what a sample of released vesicles of these diameters holds of each cargo.

    Raises
    ------
    InputError
        A packet cannot reach the mean.
    """
    return tuple(
        _beside(one, pools, released_per_h)
        if PLACE_OF[one.kind] == "outside"
        else _inside(one, number, diameter_nm, pools, seed, where)
        for number, one in enumerate(asked)
    )


def _inside(
    asked: CargoAsked,
    number: int,
    diameter_nm: Floats,
    pools: Mapping[str, Pool],
    seed: int,
    where: str,
) -> CargoFound:
    amount = pools[roles_of(asked)[0]]
    volume = pools["donor_cell_volume"]
    passive = _mean(asked, diameter_nm, amount.median, volume.median, pools)
    wanted = passive * (asked.enrichment or 1.0)
    copies = draw_copies(
        wanted,
        Streams(seed).of("cell.cargo.copies", number),
        packet=asked.copies_per_packet,
        where=f"{where} cargo {number + 1}",
    )
    low, high = amount.support
    least, most = volume.support
    counts = np.bincount(np.minimum(copies, _COPY_BINS), minlength=_COPY_BINS + 1)
    average = float(copies.mean())
    return CargoFound(
        asked=asked,
        mean=average,
        empty=float((copies == 0).mean()),
        empty_independent=float(np.exp(-wanted).mean()),
        fano=float(copies.var() / average) if average else 1.0,
        shares=tuple((counts / copies.size).tolist()),
        passive_low=float(_mean(asked, diameter_nm, low, most, pools).mean()),
        passive=float(passive.mean()),
        passive_high=float(_mean(asked, diameter_nm, high, least, pools).mean()),
    )


def _mean(
    asked: CargoAsked,
    diameter_nm: Floats,
    amount: float,
    cell_um3: float,
    pools: Mapping[str, Pool],
) -> Floats:
    """Return the mean copies in each vesicle by the law of the cargo's place."""
    bilayer = pools["bilayer_thickness"].median
    match PLACE_OF[asked.kind]:
        case "bilayer":
            return amount * lipids_of(diameter_nm, bilayer, pools["lipid_area"].median)
        case "surface":
            return amount * membrane_nm2(diameter_nm) * 1e-6
        case place:
            return passive_mean(
                diameter_nm,
                place,
                copies_per_cell=amount,
                cell_um3=cell_um3,
                cell_um2=pools["donor_cell_surface"].median,
                bilayer_nm=bilayer,
            )


def _beside(asked: CargoAsked, pools: Mapping[str, Pool], released_per_h: float) -> CargoFound:
    """Return a soluble factor: no copy in any vesicle, so many molecules beside each."""
    amount = pools[roles_of(asked)[0]]
    low, middle, high = (
        x / released_per_h if released_per_h > 0.0 else 0.0
        for x in (amount.support[0], amount.median, amount.support[1])
    )
    none = (1.0, *(0.0 for _ in range(_COPY_BINS)))
    return CargoFound(asked, 0.0, 1.0, 1.0, 1.0, none, low, middle, high)
