"""Stages of the chain by mechanism: closed forms of the cell engines, in place of sourced shares.

Each function takes one array entry for each draw and returns what the engine says of a stage.
Which stages a question computes so is `exosome.delivery.question.Question.engines`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.cargo import lumen_crowding, mean_lumen_volume_nm3
from exosome.cell.donor import Pathway, expected
from exosome.cell.recipient import (
    Recipient,
    binding_rate,
    bound_at,
    copies_at,
    copies_from_inside,
    internalised_by,
    opened_by,
    opened_share,
)
from exosome.delivery.organ import is_in_the_body
from exosome.delivery.question import Independent, Luminal, NaturalRelease, SurfaceLigand

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs
    from exosome.delivery.question import EngineStage, Question

    Amount = NDArray[np.float64]

STAGE_WORDS: dict[EngineStage, tuple[str, str]] = {
    "release": (
        "vesicles leave one by one",
        "vesicles of one multivesicular body leave together, so neighbours get them in bursts",
    ),
    "content": (
        "copies for each particle, as counted in isolates",
        "the concentration of the donor's cytosol in the lumen (passive packing, the null model)",
    ),
    "organ": (
        "the label's share of the organ, less its blood, times the cell type's share of it",
        "flow, fenestrae and uptake in every organ of a human body, for the sizes of the dose",
    ),
    "uptake": (
        "the share that arrives in days times the share of these that is internalised or bound",
        "binding, entry, recycling and loss over the time of contact, from what is held after 1 h",
    ),
    "opening": (
        "all copies that ever come out, at one moment",
        "sorting, recycling, opening against the lysosome, loss of copies: those there at the peak",
    ),
}
"""What the envelope and the engine take for a stage."""


def stages_for(question: Question) -> tuple[EngineStage, ...]:
    """Return the stages of a question that the cell engines can compute, in the chain's order."""
    mechanism = question.mechanism
    if question.carrier != "natural_vesicle":
        # The rates inside cells are those of vesicles; the body carries other particles too.
        return ("organ",) * (isinstance(mechanism, Luminal) and is_in_the_body(question))
    uptake: tuple[EngineStage, ...] = ("uptake",) if question.route == "in_vitro" else ()
    if isinstance(mechanism, SurfaceLigand):
        return uptake
    if not isinstance(mechanism, Luminal):
        return ()
    found: list[EngineStage] = []
    if isinstance(question.given, NaturalRelease):
        found.append("release")
    natural = mechanism.per_particle and mechanism.loaded_copies is None
    if natural and isinstance(mechanism.packing, Independent):
        found.append("content")
    organ: tuple[EngineStage, ...] = ("organ",) if is_in_the_body(question) else ()
    return (*found, *organ, *uptake, "opening")


@dataclass(frozen=True, slots=True)
class Content:
    """What one vesicle holds.

    ``copies`` is the mean; ``crowding`` says how much more a vesicle holds in the mean if it is
    chosen by a copy in it (1 if all vesicles are alike).
    """

    copies: Amount
    crowding: Amount


@dataclass(frozen=True, slots=True)
class Opening:
    """What becomes of a vesicle that a cell took in, and what is left of it when most is there.

    ``opened`` and ``given_back`` are shares of the internalised vesicles. ``kept`` is the mean
    share of an opened vesicle's copies that is in the cytosol at the moment when most is;
    ``together`` is the mean of that share squared, over the mean: how far the copies of one
    vesicle are there at the same time. ``fellows``: how many more vesicles of the same burst a
    cell took up beside one that it took up. At envelope depth all copies are there at once (1, 1)
    and vesicles come alone (0).
    """

    opened: Amount
    given_back: Amount
    kept: Amount
    together: Amount
    fellows: Amount


def passive_content(cargo: str, inputs: Inputs) -> Content:
    """Return the copies in one vesicle that takes the concentration of its cell along.

    Copies per cell times lumen over cell volume, averaged over the size law. It holds for cargo
    that is free in the cytosol and neither sorted nor kept out; no vesicle per counted particle
    enters, since nothing is counted.
    """
    size = (
        inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"], inputs["bilayer_thickness"]
    )  # fmt: skip
    lumen_um3 = mean_lumen_volume_nm3(*size) * 1e-9
    copies = inputs[f"copies_per_cell.{cargo}"] * lumen_um3 / inputs["donor_cell_volume"]
    return Content(copies, lumen_crowding(*size))


def fellows_of_a_burst(inputs: Inputs) -> Amount:
    """Return how many vesicles leave in the same moment as one, in the mean.

    ``E[N(N - 1)] / E[N]`` of the vesicles ``N`` in a burst, times the share of vesicles that
    leave in bursts. It depends on the rates of one multivesicular body only, not on how many
    the cell has.
    """
    one = np.ones_like(inputs["ectosome_share"])
    names = ("maturation", "budding_escrt", "budding_ceramide", "back_fusion", "mvb_fusion")
    rates = {name: inputs[f"donor_rate.{name}"] for name in (*names, "mvb_lysosome")}
    pathway = Pathway(endosome=one, ectosome=one, **rates)
    return (expected(pathway).fano - 1.0) * (1.0 - inputs["ectosome_share"])


def recipient_inside(inputs: Inputs, opening: Amount) -> Recipient:
    """Return the recipient for vesicles that are inside already; outside it has no rates."""
    none = np.zeros_like(opening)
    outside = ("bind_specific", "bind_nonspecific", "unbind_specific", "unbind_nonspecific")
    unused = (*outside, "internalise", "loss_outside", "sites", "entries_per_h")
    inside = {name: inputs[f"recipient_rate.{name}"] for name in ("mature", "recycle", "lysosome")}
    return opened_by(
        Recipient(**dict.fromkeys(unused, none), **inside, opening=none), _openable(opening)
    )


def after_one_uptake(recipient: Recipient, loss: Amount) -> Opening:
    """Return the opening of vesicles that were all taken up at one moment.

    What the cell gives back is gone for it. The peak is sought on a grid of times and its height
    raised by a parabola through the three highest: within 1 % (tests).
    """
    r = recipient
    back = r.recycle / (r.mature + r.recycle)
    ends = r.opening + r.lysosome
    opened = (1.0 - back) * np.divide(r.opening, ends, out=np.zeros_like(ends), where=ends > 0.0)
    slow = 1.0 / r.mature + 1.0 / np.maximum(ends, 1e-12)
    times = [slow * x for x in np.geomspace(0.02, 8.0, 14)]

    def left(power: float) -> Amount:
        return np.stack([copies_from_inside(r, t, loss=power * loss) for t in times])

    return _at_the_peak(opened, back, left(1.0), left(2.0))


def steady_trickle(recipient: Recipient) -> Opening:
    """Return the opening of vesicles that keep coming, in the steady state.

    The mean is that of all copies opened in one life of the cargo. A packet is met at a random
    age, so that ``E[s²] / E[s]`` is one half.
    """
    r = recipient
    back = r.recycle / (r.mature + r.recycle)
    ends = r.opening + r.lysosome
    opened = (1.0 - back) * np.divide(r.opening, ends, out=np.zeros_like(ends), where=ends > 0.0)
    one = np.ones_like(opened)
    return Opening(opened, back, one, 0.5 * one, 0.0 * one)


def recipient_in_a_well(target: str, inputs: Inputs, opening: Amount) -> tuple[Recipient, Amount]:
    """Return the recipient with rates for each time of contact in place of the hour, and that time.

    The rates of binding are those that give the share held after one hour. So the time of contact
    is 1, whatever it is in each draw.
    """
    hours = inputs["contact_time.in_vitro"]
    rates = ("unbind_specific", "unbind_nonspecific", "internalise")
    known = {name: inputs[f"recipient_rate.{name}"] for name in rates}
    specific, nonspecific = binding_rate(
        inputs[f"uptake_in_1h.{target}"],
        specific=inputs["specific_binding_share"],
        unbind=(known["unbind_specific"], known["unbind_nonspecific"]),
        internalise=known["internalise"],
    )
    inside = ("mature", "recycle", "lysosome", "loss_outside")
    known |= {name: inputs[f"recipient_rate.{name}"] for name in inside}
    none = np.zeros_like(hours)
    scaled = {name: rate * hours for name, rate in known.items()}
    recipient = Recipient(
        bind_specific=specific * hours,
        bind_nonspecific=nonspecific * hours,
        **scaled,
        opening=none,
        sites=none,
        entries_per_h=none,
    )
    return opened_by(recipient, _openable(opening)), hours


def internalised_in_a_well(recipient: Recipient) -> Amount:
    """Return the share of the vesicles given that was inside at least once at the end."""
    return np.clip(_in_blocks(lambda r, _: internalised_by(r, 1.0), recipient), 0.0, 1.0)


def most_bound_in_a_well(recipient: Recipient) -> Amount:
    """Return the share of the vesicles given that is on the surface at the moment when most is."""
    bound = _in_blocks(lambda r, _: bound_at(_at_moments(r), 1.0), recipient)
    return np.clip(_parabola(bound), 0.0, 1.0)


def after_uptake_in_a_well(recipient: Recipient, loss: Amount, internalised: Amount) -> Opening:
    """Return the opening of vesicles that come in while they are around; ``loss`` per contact.

    Copies are read at the moment of the contact at which most are there.
    """

    def of_internalised(share: Amount) -> Amount:
        some = np.broadcast_to(internalised > 0.0, share.shape)
        return np.maximum(np.divide(share, internalised, out=np.zeros_like(share), where=some), 0.0)

    def left(r: Recipient, here: slice) -> Amount:
        moments = loss[here] * _MOMENTS[:, None]
        losses = np.stack([moments, 2.0 * moments])
        return copies_at(_at_moments(r), 1.0, functional=np.ones_like(loss[here]), loss=losses)

    opened = of_internalised(_in_blocks(lambda r, _: opened_share(r, 1.0), recipient))
    once, twice = of_internalised(_in_blocks(left, recipient))
    return _at_the_peak(np.minimum(opened, 1.0), np.zeros_like(opened), once, twice)


_MOMENTS = np.geomspace(1.0 / 256.0, 1.0, 9)
"""Moments of a contact at which copies are counted, evenly spaced in the logarithm."""
_BLOCK = 512  # draws at a time, so that the arrays of a block stay in the cache: threefold faster


def _at_moments(recipient: Recipient) -> Recipient:
    """Return the recipient once for each moment, which becomes its unit of time."""
    rates = {field.name: getattr(recipient, field.name) for field in fields(recipient)}
    return Recipient(**{name: rate * _MOMENTS[:, None] for name, rate in rates.items()})


def _in_blocks(law: Callable[[Recipient, slice], Amount], recipient: Recipient) -> Amount:
    """Return a law of many draws, block by block along the last axis."""
    rates = {field.name: getattr(recipient, field.name) for field in fields(recipient)}
    size = rates["mature"].size
    blocks = [slice(at, at + _BLOCK) for at in range(0, size, _BLOCK)]
    found = [
        law(Recipient(**{name: rate[here] for name, rate in rates.items()}), here)
        for here in blocks
    ]
    return np.concatenate(found, axis=-1)


def _openable(opening: Amount) -> Amount:
    return np.minimum(opening, 1.0 - 1e-9)  # a hazard opens all but never at once


def _at_the_peak(opened: Amount, back: Amount, once: Amount, twice: Amount) -> Opening:
    """Return the opening at the highest of some moments; both arrays: (moments, draws)."""
    top = once.argmax(axis=0)[None, :]
    highest = np.take_along_axis(once, top, axis=0)[0]
    squared = np.take_along_axis(twice, top, axis=0)[0]
    one = np.ones_like(opened)
    together = np.divide(squared, highest, out=one.copy(), where=highest > 0.0)
    kept = np.divide(_parabola(once), opened, out=one.copy(), where=opened > 0.0)
    return Opening(opened, back, np.minimum(kept, 1.0), np.minimum(together, 1.0), 0.0 * one)


def _parabola(values: Amount) -> Amount:
    """Return the top of the parabola through the highest of some values and its neighbours."""
    top = np.clip(values.argmax(axis=0), 1, values.shape[0] - 2)[None, :]

    def beside(k: int) -> Amount:
        return np.take_along_axis(values, top + k, axis=0)[0]

    before, at, after = beside(-1), beside(0), beside(1)
    bend = before - 2.0 * at + after
    rise = np.divide((before - after) ** 2, -8.0 * bend, out=np.zeros_like(at), where=bend < 0.0)
    inside = np.abs(before - after) <= -2.0 * bend  # the top lies between the neighbours
    return np.where(inside, at + rise, values.max(axis=0))
