"""The table of knock-outs of a message between cells: one thing changed at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.handles import HANDLES
from exosome.study.findings import KnockOut, compared
from exosome.study.pair import LOOP, NOTHING, answer, cargo_of, pathways, recipient, send, take_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.cell.loading import Cargo
    from exosome.cell.receiving import Received
    from exosome.cell.recipient import Recipient
    from exosome.study.cell_to_cell import MessageAsked, Plan
    from exosome.study.findings import Told
    from exosome.study.pair import Numbers, Sent

    Floats = NDArray[np.float64]

_PAIRS = 120
_NEAR, _IN, _OPENED = "vesicles that came near", "vesicles taken in", "vesicles opened"
_OUT, _LEFT = "copies let out", "copies left at the end"
_BACK, _LOST = "vesicles given back, outside", "vesicles lost outside"


@dataclass(frozen=True, slots=True)
class _Arm:
    """One change: factors on the sender, on the receiver and on numbers; what is watched.

    ``effect`` names the message whose response is watched; the first one by default. Numbers
    multiply their catalog medians.
    """

    change: str
    watched: tuple[tuple[str, Told], ...]
    send: Mapping[str, float] = field(default_factory=dict[str, float])
    receive: Mapping[str, float] = field(default_factory=dict[str, float])
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    empty: bool = False
    effect: str | None = None


def removals(planned: Plan, *, workers: int) -> tuple[KnockOut, ...]:
    """Return what each change did, in senders that are on and the first opening module.

    Arms that change the sender or the way of the vesicles run with chance of their own. Arms that
    change a law of response only are read on the control's cells, pair by pair. Effects of later
    messages are driven by the vesicles, and by the copies, of the first.
    """
    scenario = planned.scenario
    fewer = scenario.pair.model_copy(update={"pairs": min(_PAIRS, scenario.pair.pairs)})
    small = replace(planned, scenario=scenario.model_copy(update={"pair": fewer}))
    control = _World(small, _Arm("control", ()), workers)
    found: list[KnockOut] = []
    for arm in _arms(small):
        of_law_only = not (arm.send or arm.receive or arm.empty or _touches_cargo(small, arm))
        there = _World(
            small,
            arm,
            workers,
            # The same vesicles come near wherever the sender is left as it is.
            sent=None if arm.send else control.sent,
            got=control.got if of_law_only else None,
        )
        for name, expected in arm.watched:
            before, after = control.seen(name, arm), there.seen(name, arm)
            found.append(_compared(arm, name, expected, before, after, paired=of_law_only))
    return tuple(found)


def _touches_cargo(planned: Plan, arm: _Arm) -> bool:
    cargo = planned.scenario.message[0].cargo
    return bool(arm.numbers.keys() & {f"functional_fraction.{cargo}", f"cargo_loss.{cargo}"})


class _World:
    """The first message under one change: what receivers received and how they answer."""

    def __init__(
        self,
        planned: Plan,
        arm: _Arm,
        workers: int,
        *,
        sent: Sent | None = None,
        got: Received | None = None,
    ) -> None:
        self._planned = planned
        self._numbers = _changed(planned.medians, arm.numbers)
        cell = recipient(planned, planned.medians, planned.openings[0][1].median)
        self._cell: Recipient = cell.scaled(dict(arm.receive))
        self.sent = sent or self._sent(arm, workers)
        if got is None:
            cargo: Cargo = (
                NOTHING if arm.empty else cargo_of(planned.scenario.message[0], self._numbers)
            )
            got = take_up(
                planned,
                self._cell,
                self.sent,
                cargo,
                uptake_cv=self._numbers["uptake_cv"],
                workers=workers,
                purpose=f"arm.{arm.change}",
            )
        self.got = got

    def _sent(self, arm: _Arm, workers: int) -> Sent:
        on = pathways(self._planned, self._planned.medians)[0].scaled(dict(arm.send))
        pairs = self._planned.scenario.pair.pairs
        return send(self._planned, on, pairs=pairs, workers=workers, purpose=f"arm.{arm.change}")

    def seen(self, name: str, arm: _Arm) -> Floats:
        """Return an observable, one value for each receiver."""
        got = self.got
        held = {
            _NEAR: got.given,
            _IN: got.internalised,
            _OPENED: got.opened,
            _OUT: got.released,
            _LEFT: got.copies,
            _BACK: got.recycled_out,
            _LOST: got.lost,
        }
        if name in held:
            return held[name][:, -1].astype(np.float64)
        reply = answer(
            self._planned, _message(self._planned, arm.effect), self._numbers, got, self._cell
        )
        if name.startswith("response at the end"):
            return reply.response[:, -1]
        return reply.response.max(axis=1)


def _message(planned: Plan, effect: str | None) -> MessageAsked:
    every = planned.scenario.message
    return next((one for one in every if one.effect == effect), every[0])


def _changed(numbers: Numbers, factors: Mapping[str, float]) -> dict[str, float]:
    held = {LOOP: 1.0, **numbers}
    return {role: value * factors.get(role, 1.0) for role, value in held.items()}


def _compared(
    arm: _Arm, name: str, told: Told, before: Floats, after: Floats, *, paired: bool
) -> KnockOut:
    found = compared(arm.change, name, told, before, after, ())
    if not paired:
        return found
    gaps = after - before
    error = float(gaps.std()) / gaps.size**0.5
    return replace(found, z=float(gaps.mean()) / error if error > 0.0 else 0.0)


def _arms(planned: Plan) -> list[_Arm]:
    messages = planned.scenario.message
    first = messages[0]
    main = f"response: {first.effect}"
    rab27 = {rate: planned.medians[role] for rate, role in HANDLES["rab27_loss"].roles}
    none = {"bind_specific": 0.0, "bind_nonspecific": 0.0}
    by_copies = first.cargo is not None
    unbound: list[tuple[str, Told]] = [(_IN, "to zero")]
    if by_copies or first.effect == "receptor":
        unbound.append((main, "to zero"))
    arms = [
        _Arm("no release", ((_NEAR, "to zero"), (main, "to zero")), send=_silent()),
        _Arm("sender: loss of Rab27", ((_NEAR, "falls"),), send=rab27),
        _Arm("sender: no back-fusion", ((_NEAR, "rises"),), send={"back_fusion": 0.0}),
        _Arm("receiver: no binding", tuple(unbound), receive=none),
        _Arm("receiver: no specific sites", ((_IN, "falls"),), receive={"bind_specific": 0.0}),
        _Arm("receiver: no entry", ((_IN, "to zero"),), receive={"internalise": 0.0}),
        _Arm("receiver: no late endosome", ((_OPENED, "to zero"),), receive={"mature": 0.0}),
        _Arm("receiver: no recycling", ((_BACK, "to zero"),), receive={"recycle": 0.0}),
        _Arm("receiver: no way to the lysosome", ((_OPENED, "rises"),), receive={"lysosome": 0.0}),
        _Arm(
            "receiver: no opening",
            ((_OPENED, "to zero"), (_IN, "unchanged")),
            receive={"opening": 0.0},
        ),
        _Arm("no loss outside cells", ((_LOST, "to zero"),), receive={"loss_outside": 0.0}),
        _Arm("ten times the medium", ((_IN, "falls"),), receive=dict.fromkeys(none, 0.1)),
    ]
    if by_copies:
        cargo = first.cargo
        arms += [
            _Arm(
                "empty vesicles",
                ((_OUT, "to zero"), (_OPENED, "unchanged"), (main, "to zero")),
                empty=True,
            ),
            _Arm(
                "a tenth of the copies acts",
                ((_OUT, "falls"),),
                numbers={f"functional_fraction.{cargo}": 0.1},
            ),
            _Arm(
                "copies are never lost", ((_LEFT, "rises"),), numbers={f"cargo_loss.{cargo}": 0.0}
            ),
        ]
    for one in messages:
        arms += _arms_of_law(one)
    return arms


def _silent() -> dict[str, float]:
    return {"endosome": 0.0, "ectosome": 0.0}


def _arms_of_law(one: MessageAsked) -> list[_Arm]:
    """Return the arms that change the law of one message's response."""
    seen = f"response: {one.effect}"
    end = f"response at the end: {one.effect}"
    every: dict[str, list[tuple[str, Told, str, float]]] = {
        "silencing": [
            ("ten times the target sites", "falls", "target_sites", 10.0),
            ("no decay of the target's mRNA by miRNA", "falls", "repression.mrna_decay", 0.0),
            ("sites bind a thousandth as well", "falls", "seed_site_kd", 1e3),
        ],
        "expression": [
            ("no translation", "to zero", "translation_rate", 0.0),
            ("protein lives a tenth as long", "falls", "protein_half_life", 0.1),
        ],
        "switch": [
            ("no translation", "to zero", "translation_rate", 0.0),
            ("feedback blocked", "falls", LOOP, 0.0),
        ],
        "receptor": [
            ("no ligand", "to zero", f"ligand_copies.{one.ligand}", 0.0),
            ("a tenth of the contact", "falls", "contact_patch", 0.1),
        ],
        "enzyme": [
            ("no turnover", "to zero", f"kcat.{one.enzyme}", 0.0),
            (
                "ten times the loss of product",
                "falls",
                f"product_clearance.{one.product}.{one.setting}",
                10.0,
            ),
        ],
        "growth_factor": [
            ("the factor stays on its vesicles", "to zero", f"factor_release.{one.factor}", 0.0),
            ("no loss of dissolved factor", "rises", f"factor_loss.{one.factor}", 0.0),
        ],
    }
    return [
        _Arm(
            change,
            ((end if role == LOOP else seen, expected),),
            numbers={role: factor},
            effect=one.effect,
        )
        for change, expected, role, factor in every[one.effect]
    ]
