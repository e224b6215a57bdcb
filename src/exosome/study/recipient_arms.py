"""Knock-outs of the recipient cell: one thing changed, what is watched, what came."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.handles import temperature_factor
from exosome.cell.loading import Cargo, Independent, Packets
from exosome.cell.receiving import network, receive
from exosome.cell.recipient import opened_by
from exosome.numerics.network import simulate
from exosome.study.cell_receives import HANDLES, TRAFFIC, untreated
from exosome.study.findings import compared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from exosome.cell.recipient import Recipient
    from exosome.study.cell_receives import Plan
    from exosome.study.findings import KnockOut, Told

    Floats = NDArray[np.float64]
    Seen = Callable[[Recipient, str, Cargo], Mapping[str, Floats]]

_CELLS, _GIVEN, _HOURS = 400, 2_000, 24
_FULL_GIVEN, _FULL_RUNS, _FULL_HOURS = 300, 200, 6.0


@dataclass(frozen=True, slots=True)
class _Arm:
    """One knock-out: factors on rates, what is watched with what is expected, and the records."""

    change: str
    factors: Mapping[str, float]
    watched: Mapping[str, Told]
    records: tuple[str, ...] = ()


def knock_outs(planned: Plan, numbers: Mapping[str, Floats], workers: int) -> tuple[KnockOut, ...]:
    """Return what each change did to untreated cells, with chance of its own in each arm.

    Cells do not differ in uptake here, and each vesicle carries one copy on average that acts, so
    that small changes show. The module is the one that opens; where a row says so, the other.
    """
    opens, low = (
        untreated(planned, numbers, np.asarray(planned.openings[name].median))
        for name in ("opens_30_percent", "low_fusion")
    )
    loss = float(numbers[planned.cargo[0].loss])
    plain = Cargo(Independent(np.ones(1)), 1.0, loss)

    def seen(recipient: Recipient, name: str, cargo: Cargo = plain) -> Mapping[str, Floats]:
        got = receive(
            recipient,
            cells=_CELLS,
            given=_GIVEN,
            times_h=np.linspace(0.0, _HOURS, _HOURS + 1, dtype=np.float64),
            cargo=cargo,
            seed=planned.seed,
            workers=workers,
            purpose=f"cell.recipient.arm.{name}",
        )
        found = {
            "internalised": got.internalised[:, -1],
            "bound at 1 h": got.bound[:, 1],
            "in early endosomes at 1 h": got.early[:, 1],
            "recycled, outside": got.recycled_out[:, -1],
            "degraded": got.degraded[:, -1],
            "opened": got.opened[:, -1],
            "lost outside": got.lost[:, -1],
            "copies in the cytosol": got.copies[:, -1],
            "copies received": got.released[:, -1],
            "cells with a copy": got.released[:, -1] > 0,
        }
        return {key: values.astype(np.float64) for key, values in found.items()}

    control = seen(opens, "control")
    rows = [
        compared(arm.change, what, told, control[what], there[what], arm.records)
        for arm in _arms(planned, numbers)
        for there in (seen(opens.scaled(arm.factors), arm.change),)
        for what, told in arm.watched.items()
    ]
    kept = seen(opens, "kept", replace(plain, loss_per_h=0.0))
    rows += [
        compared("no decay of cargo", what, told, control[what], kept[what], ())
        for what, told in _told({"copies in the cytosol": "rises", "opened": "unchanged"})
    ]
    closed = seen(low, "low")
    ids = tuple(r.id for r in planned.openings["low_fusion"].records)
    rows.append(
        compared(
            "low_fusion in place of opens_30_percent",
            "opened",
            "falls",
            control["opened"],
            closed["opened"],
            ids,
        )
    )
    fusogen = planned.pools["opening.fusogenic_vesicle"]
    armed = seen(opened_by(low, np.asarray(fusogen.median)), "fusogen")
    rows.append(
        compared(
            "a fusogen on the vesicles, from low_fusion",
            "opened",
            "rises",
            closed["opened"],
            armed["opened"],
            tuple(r.id for r in fusogen.records),
        )
    )
    return (*rows, *_packing(planned, numbers, opens, seen), *_full(planned, opens, workers))


def _told(watched: Mapping[str, Told]) -> list[tuple[str, Told]]:
    return list(watched.items())


def _arms(planned: Plan, numbers: Mapping[str, Floats]) -> list[_Arm]:
    arms = [
        _Arm("no specific binding", {"bind_specific": 0.0},
             {"internalised": "falls", "bound at 1 h": "falls"}),
        _Arm("no unspecific binding", {"bind_nonspecific": 0.0}, {"internalised": "falls"}),
        _Arm("no binding at all", {"bind_specific": 0.0, "bind_nonspecific": 0.0},
             {"internalised": "to zero", "opened": "to zero"}),
        _Arm("no unbinding", {"unbind_specific": 0.0, "unbind_nonspecific": 0.0},
             {"internalised": "rises"}),
        _Arm("no internalisation", {"internalise": 0.0},
             {"internalised": "to zero", "bound at 1 h": "rises"}),
        _Arm("no recycling", {"recycle": 0.0},
             {"recycled, outside": "to zero", "degraded": "rises"}),
        _Arm("maturation ten times slower", {"mature": 0.1},
             {"in early endosomes at 1 h": "rises", "opened": "falls"}),
        _Arm("no opening", {"opening": 0.0},
             {"opened": "to zero", "copies in the cytosol": "to zero", "degraded": "rises"}),
        _Arm("no lysosome", {"lysosome": 0.0}, {"degraded": "to zero", "opened": "rises"}),
        _Arm("no loss outside", {"loss_outside": 0.0},
             {"lost outside": "to zero", "internalised": "rises"}),
    ]  # fmt: skip
    told: dict[str, dict[str, Told]] = {
        "acid_block": {"opened": "to zero", "internalised": "unchanged"},
        "cold": {"internalised": "falls", "bound at 1 h": "rises"},
        "heparin": {"internalised": "falls"},
    }
    for key, watched in told.items():
        words, rates = HANDLES[key]
        roles = {rate: f"handle.{key}.{rate}" for rate in rates}
        factors = {rate: float(numbers[role]) for rate, role in roles.items()}
        ids = tuple(r.id for role in roles.values() for r in planned.pools[role].records)
        arms.append(_Arm(words, factors, watched, ids))
    cool = temperature_factor(27.0, float(numbers["trafficking_q10"]), where="knock-outs")
    ids = tuple(r.id for r in planned.pools["trafficking_q10"].records)
    arms.append(
        _Arm("27 °C in place of 37 °C", dict.fromkeys(TRAFFIC, cool), {"opened": "falls"}, ids)
    )
    return arms


def _packing(
    planned: Plan, numbers: Mapping[str, Floats], opens: Recipient, seen: Seen
) -> list[KnockOut]:
    """Put the same copies into a hundredth of the vesicles."""
    mean = min(float(numbers[planned.cargo[0].copies]), 1.0)
    loose = seen(opens, "loose", Cargo(Independent(np.array([mean])), 1.0, 0.0))
    packed = seen(opens, "packed", Cargo(Packets(mean, 100), 1.0, 0.0))
    return [
        compared("100 copies to a vesicle, same mean", what, told, loose[what], packed[what], ())
        for what, told in _told({"copies received": "unchanged", "cells with a copy": "falls"})
    ]


def _full(planned: Plan, opens: Recipient, workers: int) -> list[KnockOut]:
    """Fill the sites and the entry of cells, in the reaction network."""

    def entered(recipient: Recipient) -> Floats:
        runs = simulate(
            network(recipient, {0: _FULL_GIVEN}),
            [0.0, _FULL_HOURS],
            replicates=_FULL_RUNS,
            seed=planned.seed,
            threads=workers,
            observe=["Entered"],
        )
        return runs.of("Entered")[:, -1].astype(np.float64)

    control = entered(opens)
    ids = {
        role: tuple(r.id for r in planned.pools[role].records)
        for role in ("binding_sites", "entry_capacity")
    }
    return [
        compared(words, "entries in 6 h", "falls", control, entered(changed), ids[role])
        for words, changed, role in (
            ("one site in place of all", replace(opens, sites=np.ones(())), "binding_sites"),
            (
                "entry of one vesicle an hour at most",
                replace(opens, entries_per_h=np.ones(())),
                "entry_capacity",
            ),
        )
    ]
