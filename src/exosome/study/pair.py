"""One pair of sender and receiver cells: from numbers to what was released, received, answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.donor import Pathway, calibrated, expected
from exosome.cell.endosome import simulate_cells
from exosome.cell.expression import protein_made
from exosome.cell.handles import HANDLES
from exosome.cell.loading import Cargo, Independent, Packets
from exosome.cell.occupancy import engaged_by_solute, engaged_by_vesicles
from exosome.cell.packing import SizeLaw, passive_mean
from exosome.cell.receiving import receive
from exosome.cell.shedding import shed
from exosome.cell.silencing import Target, silence
from exosome.cell.switch import Switch, flip
from exosome.cell.turnover import product_level
from exosome.core.errors import BalanceError, InputError
from exosome.core.random import Streams
from exosome.numerics.special import ndtri
from exosome.study.cell_receives import recipient_of
from exosome.study.cell_to_cell import (
    DONOR_RATES,
    NO_RELEASE,
    effect_of,
    roles_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exosome.cell.endosome import Cells
    from exosome.cell.loading import Loading
    from exosome.cell.receiving import Received
    from exosome.cell.recipient import Recipient
    from exosome.study.cell_to_cell import MessageAsked, Plan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Numbers = Mapping[str, float]

_DIAMETERS = 512
LOOP = "switch.loop"
"""No number of the catalog: 0 where a knock-out blocks the feedback of a switch."""
NOTHING = Cargo(Independent(np.zeros(1)), functional=1.0, loss_per_h=0.0)
"""The cargo of a message that rides on the surface."""


def pathways(planned: Plan, numbers: Numbers) -> tuple[Pathway, Pathway]:
    """Return the sender's pathway, on and off."""
    one = np.ones(())
    on = calibrated(
        Pathway(
            endosome=one,
            ectosome=one,
            **{name: np.asarray(numbers[f"donor_rate.{name}"]) for name in DONOR_RATES},
        ),
        release_per_h=np.asarray(numbers[planned.release_role]),
        ectosome_share=np.asarray(numbers["ectosome_share"]),
        has_endosomes=planned.sender.has_endosomes,
    )
    return on, on.scaled(off_factors(planned.scenario.sender.off, numbers))


def off_factors(off: str, numbers: Numbers) -> dict[str, float]:
    """Return what multiplies the rates of a sender that is off."""
    if off == NO_RELEASE:
        return {"endosome": 0.0, "ectosome": 0.0}
    return {rate: numbers[role] for rate, role in HANDLES[off].roles}


def medium_ml(planned: Plan, numbers: Numbers) -> float:
    """Return the medium of one receiver."""
    asked = planned.scenario.receiver.medium_nl
    return numbers["medium_per_cell"] if asked is None else asked * 1e-6


def recipient(planned: Plan, numbers: Numbers, opening: float) -> Recipient:
    """Return the receiver's rates, with the share of vesicles that one opening module opens.

    Uptake was measured over the medium per cell of a culture; in more medium a vesicle meets the
    cell in proportion less often.
    """
    held = {role: np.asarray(value) for role, value in numbers.items()}
    measured = recipient_of(held, planned.uptake_role, np.asarray(opening))
    thinner = numbers["medium_per_cell"] / medium_ml(planned, numbers)
    return measured.scaled({"bind_specific": thinner, "bind_nonspecific": thinner})


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """What the senders released, and how it came to the receivers.

    ``arriving`` has the shape (receivers of all groups, hours watched); those of one group
    stand together. ``cells`` are the single senders, None where arrivals were drawn from the
    closed form.
    """

    arriving: Ints
    cells: Cells | None = None


def send(planned: Plan, pathway: Pathway, *, pairs: int, workers: int, purpose: str) -> Sent:
    """Return what independent groups of senders released into the medium of their receivers.

    Every vesicle goes to the share of the medium of one receiver, by chance: exact for one
    receiver, and for receivers that are alike.

    Raises
    ------
    BalanceError
        A vesicle released did not arrive: a defect of the program.
    """
    asked, clock = planned.scenario.pair, planned.clock
    cells = simulate_cells(
        pathway,
        cells=pairs * asked.senders,
        edges_h=np.arange(clock.sending + 1.0),
        seed=planned.seed,
        workers=workers,
        purpose=f"pair.send.{purpose}",
    )
    released = cells.released.reshape(pairs, asked.senders, clock.sending).sum(axis=1)
    rng = Streams(planned.seed).of(f"pair.mix.{purpose}")
    found = Sent(_mixed(released, asked.receivers, clock.watched, rng), cells)
    if int(found.arriving.sum()) != int(cells.released.sum()):
        raise BalanceError(
            "vesicles released and vesicles in the medium differ",
            where="pair",
            remedy="this is a defect of the program: report it with the command and the seed",
        )
    return found


def send_quickly(planned: Plan, pathway: Pathway, pairs: int, rng: np.random.Generator) -> Sent:
    """Return arrivals with the mean and the Fano factor of the closed form, hour by hour.

    Negative binomial. It stands in for single bodies where only means are asked for, since a
    draw of the rates may open millions of bodies.
    """
    asked, clock = planned.scenario.pair, planned.clock
    closed = expected(pathway)
    mean = float(closed.vesicles_per_h) * asked.senders
    excess = float(closed.fano_all) - 1.0
    shape = (pairs, clock.sending)
    if mean > 0.0 and excess > 1e-9:
        lively = rng.gamma(mean / excess, excess, shape)
        released = rng.poisson(np.minimum(lively, 1e12))
    else:
        released = rng.poisson(mean, shape)
    return Sent(_mixed(released, asked.receivers, clock.watched, rng))


def _mixed(released: Ints, receivers: int, hours: int, rng: np.random.Generator) -> Ints:
    pairs, sending = released.shape
    found = np.zeros((pairs, receivers, hours), dtype=np.int64)
    if receivers == 1:
        found[:, 0, :sending] = released
    else:
        split = rng.multinomial(released, np.full(receivers, 1.0 / receivers))
        found[:, :, :sending] = split.transpose(0, 2, 1)
    return found.reshape(pairs * receivers, hours)


def loading_of(message: MessageAsked, numbers: Numbers) -> Loading:
    """Return how many copies the vesicles hold: declared, or by the passive law.

    Raises
    ------
    InputError
        The mean exceeds what fits a packet.
    """
    if message.copies_per_vesicle is not None:
        means = np.full(1, message.copies_per_vesicle)
    else:
        role = roles_of(message)
        law = SizeLaw(numbers[role["diameter"]], numbers[role["gsd"]])
        z = ndtri((np.arange(_DIAMETERS) + 0.5) / _DIAMETERS)  # equally frequent vesicles
        means = passive_mean(
            law.median_nm * np.exp(np.log(law.gsd) * z),
            "lumen",
            copies_per_cell=numbers[role["in_donor"]],
            cell_um3=numbers[role["donor_volume"]],
            cell_um2=1.0,  # of no use to a cargo of the lumen
            bilayer_nm=numbers[role["bilayer"]],
        )
    means = means * (message.enrichment or 1.0)
    if message.copies_per_packet is None:
        return Independent(means)
    return Packets(float(means.mean()), message.copies_per_packet)


def cargo_of(message: MessageAsked, numbers: Numbers) -> Cargo:
    """Return the cargo of a message and its fate in the cytosol."""
    if message.cargo is None:
        return NOTHING
    role = roles_of(message)
    return Cargo(
        loading_of(message, numbers),
        functional=min(numbers[role["functional"]], 1.0),
        loss_per_h=numbers[role["loss"]],
    )


def take_up(
    planned: Plan,
    cell: Recipient,
    sent: Sent,
    cargo: Cargo,
    *,
    uptake_cv: float,
    workers: int,
    purpose: str,
) -> Received:
    """Return what the receivers did with the vesicles that came near them."""
    return receive(
        cell,
        cells=sent.arriving.shape[0],
        given=sent.arriving,
        times_h=np.arange(planned.clock.watched + 1.0),
        cargo=cargo,
        seed=planned.seed,
        uptake_cv=uptake_cv,
        workers=workers,
        purpose=f"pair.receive.{purpose}",
    )


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Courses of one message in each receiver, shape (cells, times).

    ``driver`` is what drives the response (copies, vesicles bound, vesicles outside), with the
    half-life that it has by itself; ``detectable`` is the least peak that counts.
    """

    driver: Floats
    response: Floats
    driver_half_life_h: float
    detectable: float

    @property
    def responding(self) -> NDArray[np.bool_]:
        """Whether each receiver's response ever counts."""
        return self.response.max(axis=-1) >= self.detectable


def answer(
    planned: Plan, message: MessageAsked, numbers: Numbers, got: Received, cell: Recipient
) -> Answer:
    """Return how receivers answer to one message."""
    n = {short: numbers[role] for short, role in roles_of(message).items()}
    n["loop"] = numbers.get(LOOP, 1.0)
    times = got.times_h
    driver_kind = effect_of(message).driver
    if driver_kind == "copies":
        copies = got.copies.astype(np.float64)
        response, detectable = _to_copies(message.effect, n, times, copies)
        return Answer(copies, response, _half_life(n["loss"]), detectable)
    leaving = float(_capture(cell) + cell.loss_outside)
    if driver_kind == "bound":
        bound = got.bound.astype(np.float64)
        share = engaged_by_vesicles(
            bound,
            ligands=n["ligands"],
            receptors=n["receptors"],
            cell_surface_um2=n["surface"],
            patch_nm2=n["patch"],
        )
        return Answer(bound, share, _half_life(leaving), n["detectable"])
    outside = (got.free + got.recycled_out + got.bound).astype(np.float64)
    volume = medium_ml(planned, numbers)
    if message.effect == "enzyme":
        response = product_level(
            times,
            outside,
            enzymes_per_vesicle=n["enzymes"],
            kcat_per_s=n["kcat"],
            substrate_um=n["substrate"],
            km_um=n["km"],
            volume_ml=volume,
            loss_per_h=n["clearance"],
        )
    else:
        given = np.diff(got.given, axis=1) * n["held"]
        given[:, 0] += got.given[:, 0] * n["held"]
        factor = shed(
            times,
            given,
            release_per_h=n["release"],
            vesicle_loss_per_h=leaving,
            free_loss_per_h=n["loss"],
        )
        response = engaged_by_solute(factor.level_nm(volume), n["kd"])
    return Answer(outside, response, _half_life(leaving), n["detectable"])


def _to_copies(
    effect: str, n: Mapping[str, float], times: Floats, copies: Floats
) -> tuple[Floats, float]:
    """Return the response to copies in the cytosol, and the least peak that counts."""
    if effect == "silencing":
        target = Target(
            n["sites"],
            n["kd"],
            n["mrna_half_life"],
            n["protein_half_life"],
            max(n["decay_fold"], 1.0),  # a fold of 1 is no effect
            max(n["translation_fold"], 1.0),
        )
        return silence(times, copies, target).repression, n["detectable"]
    life = n["protein_half_life"] if effect == "expression" else n["half_life"]
    made = protein_made(
        times, copies, proteins_per_mrna_h=n["translation"], protein_half_life_h=life
    )
    if effect == "expression":
        return made, n["detectable"]
    one = switch_of(n)
    levels = one.steady_levels()
    # What tips the cell counts; where nothing can, half-maximal feedback does.
    enough = levels[1] - levels[0] if len(levels) > 1 else 1.0
    return flip(times, made / n["half_copies"], one), enough


def switch_of(n: Mapping[str, float]) -> Switch:
    """Return the switch of a message's numbers, by short name."""
    return Switch(n["feedback"], max(n["hill"], 1.0), n["leak"], n["half_life"], n.get("loop", 1.0))


def copies_that_answer(message: MessageAsked, numbers: Numbers, *, hours: int) -> int | None:
    """Return the fewest functional copies, let out at once, whose course counts as a response.

    Found on the mean decay of that many copies; None if a million are not enough.

    Raises
    ------
    InputError
        The message has no copies.
    """
    if message.cargo is None:
        raise InputError(
            f"{message.name!r} has no cargo", where="message", remedy="ask for one with a cargo"
        )
    n = {short: numbers[role] for short, role in roles_of(message).items()}
    times = np.arange(hours * 4 + 1.0) / 4.0
    pulse = np.exp(-n["loss"] * times)

    def answers(copies: int) -> bool:
        response, detectable = _to_copies(message.effect, n, times, copies * pulse)
        return float(response.max()) >= detectable

    high = 1
    while not answers(high):
        high *= 2
        if high > 1_000_000:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if answers(middle) else (middle, high)
    return high


def _half_life(loss_per_h: float) -> float:
    return float(np.log(2.0) / loss_per_h) if loss_per_h > 0.0 else np.inf


def _capture(cell: Recipient) -> Floats:
    """Return the rate at which a vesicle outside goes in, letting go and binding again."""
    into = np.zeros(())
    for a, u in (
        (cell.bind_specific, cell.unbind_specific),
        (cell.bind_nonspecific, cell.unbind_nonspecific),
    ):
        if float(cell.internalise + u) > 0.0:
            into = into + a * cell.internalise / (cell.internalise + u)
    return into
