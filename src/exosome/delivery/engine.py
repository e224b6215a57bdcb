"""Stages of the chain by mechanism: closed forms of the cell engines, in place of sourced shares.

Each function takes one array entry for each draw and returns what the engine says of a stage.
Which stages a question computes so is `exosome.delivery.question.Question.engines`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.cell.cargo import lumen_crowding, mean_lumen_volume_nm3
from exosome.cell.donor import Pathway, expected
from exosome.cell.recipient import Recipient, copies_from_inside, opened_by
from exosome.core.errors import InputError
from exosome.core.units import to_internal
from exosome.delivery.chain import EngineShares, target_cells
from exosome.delivery.dish import (
    Floor,
    copies_in_a_dish,
    entry_in_a_dish,
    most_bound_in_a_dish,
    touched_in_a_dish,
)
from exosome.delivery.organ import is_in_the_body, taken_in_the_body
from exosome.delivery.question import Independent, Luminal, NaturalRelease, SurfaceLigand
from exosome.delivery.space import taken_in_a_joint, taken_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs
    from exosome.delivery.dish import Entry
    from exosome.delivery.draws import Noting
    from exosome.delivery.question import EngineStage, Question

    Amount = NDArray[np.float64]

_STAGE_WORDS: dict[EngineStage, tuple[str, str]] = {
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
    "arrival": (
        "the share that comes to the cells in days",
        "diffusion, settling and loss in the column of medium over the cells",
    ),
    "uptake": (
        "the share of what is around the cells that is internalised or bound",
        "binding, entry and recycling over the contact, from the cells' uptake permeability",
    ),
    "opening": (
        "all copies that ever come out, at one moment",
        "sorting, recycling, opening against the lysosome, loss of copies: those there at the peak",
    ),
}
_UPTAKE_WORDS = {
    "neighbour": (
        "the share of what a cell sends that is taken up within a distance",
        "diffusion, flow, loss and uptake in the space between cells, for vesicles of every size",
    ),
    "intra_articular": (
        "the share of what is around the cells that is internalised or bound",
        "uptake by all lining cells, taken as wholly exposed, against lymph, blood and lysis",
    ),
}


def stage_words(question: Question, stage: EngineStage) -> tuple[str, str]:
    """Return what the envelope and the engine take for a stage of a question."""
    if stage == "uptake" and question.route in _UPTAKE_WORDS:
        return _UPTAKE_WORDS[question.route]
    return _STAGE_WORDS[stage]


def stages_for(question: Question) -> tuple[EngineStage, ...]:
    """Return the stages of a question that the engines can compute, in the chain's order."""
    mechanism = question.mechanism
    if question.carrier != "natural_vesicle":
        # The rates inside cells are those of vesicles; the body carries other particles too.
        return ("organ",) * (isinstance(mechanism, Luminal) and is_in_the_body(question))
    reach = () if left_out(question) else _REACH.get(question.route, ())
    if isinstance(mechanism, SurfaceLigand):
        return reach
    if not isinstance(mechanism, Luminal):
        return ()
    found: list[EngineStage] = []
    if isinstance(question.given, NaturalRelease):
        found.append("release")
    natural = mechanism.per_particle and mechanism.loaded_copies is None
    if natural and isinstance(mechanism.packing, Independent):
        found.append("content")
    organ: tuple[EngineStage, ...] = ("organ",) if is_in_the_body(question) else ()
    return (*found, *organ, *reach, "opening")


_REACH: dict[str, tuple[EngineStage, ...]] = {
    "in_vitro": ("arrival", "uptake"),
    "neighbour": ("uptake",),
    "intra_articular": ("uptake",),
}


def left_out(question: Question) -> tuple[tuple[EngineStage, str], ...]:
    """Return the stages that have an engine on some route, but not for this question, and why."""
    if question.carrier != "natural_vesicle":
        return ()
    if not isinstance(question.mechanism, Luminal | SurfaceLigand):
        return ()
    why = ""
    match question.route:
        case "in_vitro" if question.cells is None or not question.plate:
            lacks = "cells" if question.cells is None else "plate"
            why = f"the claim does not say target.{lacks}, without which no column stands over them"
            return (("arrival", why), ("uptake", why))
        case "neighbour" if _distance_um(question) is None:
            why = "the neighbourhood is no distance"
        case "intra_articular" if question.target != "synoviocyte":
            why = "no record says how vesicles move in cartilage"
        case "inhaled":
            why = (
                "the fluid on the lung is a film thinner than a cell, so there is no space between "
                "cells, and no record says what macrophages and the competing epithelium take up "
                "for each area"
            )
        case _:
            pass
    return (("uptake", why),) if why else ()


def _distance_um(question: Question) -> float | None:
    if not isinstance(question.given, NaturalRelease):
        return None
    try:
        return to_internal(question.given.within, "um", where=question.name)
    except InputError:
        return None


def entry_of(question: Question, inputs: Noting) -> Entry | None:
    """Return how the dose gets into the cells of a well, if an engine is asked for that."""
    if question.route != "in_vitro" or "uptake" not in question.engines:
        return None
    floor = _floor(question)
    return inputs.once(("entry", floor), lambda asked: entry_in_a_dish(floor, asked))


def shares_for(question: Question, inputs: Noting) -> EngineShares:
    """Return the shares of the dose's way that the question leaves to engines."""
    engines = question.engines
    if "organ" in engines:
        key = ("organ", question.organ, question.target, question.carrier)
        return EngineShares(
            of_all=inputs.once(key, lambda asked: taken_in_the_body(question, asked))
        )
    if not engines & {"arrival", "uptake"}:
        return EngineShares()
    if question.route == "in_vitro":
        return _shares_in_a_dish(question, inputs)
    within = _distance_um(question)

    def taken(asked: Noting) -> Amount:
        cells = target_cells(question, asked)
        if within is None:
            return taken_in_a_joint(cells, asked)
        return taken_within(within, cells, asked)

    return EngineShares(acting=inputs.once(("among cells", question.route, within), taken))


def _shares_in_a_dish(question: Question, inputs: Noting) -> EngineShares:
    floor = _floor(question)
    touched = inputs.once(("touched", floor), lambda asked: touched_in_a_dish(floor, asked))
    arriving = touched if "arrival" in question.engines else None
    if "uptake" not in question.engines:
        return EngineShares(arriving=arriving)
    if isinstance(question.mechanism, SurfaceLigand):
        held = inputs.once(("bound", floor), lambda asked: most_bound_in_a_dish(floor, asked))
    else:
        held = inputs.once(("entry", floor), lambda asked: entry_in_a_dish(floor, asked)).inside
    share = np.divide(held, touched, out=np.zeros_like(held), where=touched > 0.0)
    return EngineShares(arriving=arriving, acting=np.minimum(share, 1.0))


def _floor(question: Question) -> Floor:
    if question.cells is None:
        raise InputError(
            "no number of cells in the dish", where=question.name, remedy="add target.cells"
        )
    return Floor(question.target, question.cells, question.plate)


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


def after_uptake_in_a_dish(entry: Entry, inputs: Inputs, share: Amount, loss: Amount) -> Opening:
    """Return the opening of vesicles that come in while they are around; ``loss`` per hour.

    Copies are read at the moment of the contact at which most are there.
    """
    share = _openable(share)

    def of_internalised(copies: Amount) -> Amount:
        some = np.broadcast_to(entry.inside > 0.0, copies.shape)
        return np.divide(copies, entry.inside, out=np.zeros_like(copies), where=some)

    none = np.zeros_like(loss)
    opened = of_internalised(copies_in_a_dish(entry, inputs, share, none)[-1])
    once, twice = (
        of_internalised(copies_in_a_dish(entry, inputs, share, power * loss))
        for power in (1.0, 2.0)
    )
    return _at_the_peak(np.minimum(opened, 1.0), np.zeros_like(opened), once, twice)


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
