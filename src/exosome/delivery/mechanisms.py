"""How vesicles that arrived could act, and what a cell needs for it, mechanism by mechanism."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

import numpy as np

from exosome.cell.cargo import lumen_capacity, mean_lumen_volume_nm3
from exosome.cell.response import (
    concentration_nm,
    copies_for_occupied_share,
    engaged_per_vesicle,
    odds,
    turnover_um_per_h,
)
from exosome.core.balance import BalanceSheet
from exosome.core.errors import InputError
from exosome.delivery.chain import arrive, bind, give, take_up, target_cells
from exosome.delivery.denominators import CopiesPerParticle, CopiesPerVesicle
from exosome.delivery.draws import Noting
from exosome.delivery.engine import (
    Content,
    Opening,
    after_one_uptake,
    after_uptake_in_a_dish,
    entry_of,
    fellows_of_a_burst,
    passive_content,
    recipient_inside,
    shares_for,
    steady_trickle,
)
from exosome.delivery.outcome import Level, Outcome, Packets
from exosome.delivery.question import (
    ARRIVING,
    GivenTable,
    Independent,
    Luminal,
    NaturalRelease,
    Packed,
    Question,
    SolubleCoisolate,
    SurfaceEnzyme,
    SurfaceLigand,
    Titration,
)
from exosome.numerics.compound import Fixed, Poisson, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.core.inputs import Inputs
    from exosome.delivery.chain import Journey
    from exosome.delivery.denominators import UptakePerCell
    from exosome.delivery.outcome import Step
    from exosome.numerics.compound import Jump

    Amount = NDArray[np.float64]


def evaluate(question: Question, inputs: Inputs) -> Outcome:
    """Return the whole chain for every draw: what is delivered, needed and left where.

    Raises
    ------
    InputError
        If the dose does not say how many vesicles were given, or a release per
        hour meets a need that has no time scale.
    BalanceError
        If a vesicle or a copy ends in no named place, or in two.
    """
    natural = isinstance(question.given, NaturalRelease)
    if natural and not isinstance(question.mechanism, Luminal):
        raise InputError(
            "a natural release is a rate, and this mechanism needs an amount at one time",
            where=question.name,
            remedy="state a luminal mechanism, whose cargo has a known life, or give a dose",
        )
    noting = Noting(inputs)
    journey = give(question, noting)
    match question.mechanism:
        case Luminal() as luminal:
            outcome = _luminal(question, luminal, noting, journey)
        case SurfaceLigand() as ligand:
            outcome = _surface_ligand(question, ligand, noting, journey)
        case SurfaceEnzyme() as enzyme:
            outcome = _surface_enzyme(question, enzyme, noting, journey)
        case SolubleCoisolate() as soluble:
            outcome = _soluble(question, soluble, noting, journey)
        case _ as never:
            assert_never(never)
    for sheet in outcome.sheets:
        sheet.close()
    return outcome


def _luminal(question: Question, luminal: Luminal, inputs: Noting, journey: Journey) -> Outcome:
    natural = isinstance(question.given, NaturalRelease)
    taken, journey = take_up(question, inputs, journey, shares_for(question, inputs))
    cells = target_cells(question, inputs)
    each = taken.per_cell(cells)
    steps = [inputs.step("internalised by one target cell", "vesicle", each.vesicles)]
    given = journey.given.vesicles
    captured = np.divide(each.vesicles, given, out=np.zeros_like(given), where=given > 0.0)
    if natural:
        # A steady trickle: what one cell takes up during one mean life of the
        # cargo acts together. Exact for the mean; the packets' own decay is the engine's.
        each = type(each)(each.vesicles / inputs[f"cargo_loss.{luminal.cargo}"])
        steps.append(inputs.step("taken up in one life of the cargo", "vesicle", each.vesicles))
    cv = inputs["uptake_cv"]
    steps.append(inputs.step("cell-to-cell spread of uptake (CV)", "", cv))
    content = _content(question, luminal, inputs)
    steps.append(inputs.step("copies in one vesicle", "copy", content.copies))
    opening = _opening(question, luminal, inputs)
    if "release" in question.engines:
        opening = replace(opening, fellows=fellows_of_a_burst(inputs) * captured)
    arrivals, jump = _packets(luminal, each, content, opening)
    if luminal.opening_rule == "all_or_none":
        opened = each.opened(opening.opened).vesicles
        steps.append(inputs.step("opened in one target cell", "vesicle", opened))
    else:
        leaked = content.copies * opening.opened
        steps.append(inputs.step("released by one internalised vesicle", "copy", leaked))
    in_cytosol = each.vesicles * opening.opened * content.copies * opening.kept
    steps.append(inputs.step("copies in the cytosol of one cell", "copy", in_cytosol))
    functional = inputs[f"functional_fraction.{luminal.cargo}"]
    steps.append(inputs.step("functional copies in one cell", "copy", in_cytosol * functional))
    needed = _needed_copies(luminal, inputs)
    steps.append(inputs.step("functional copies needed", "copy", needed))
    sheets = _luminal_sheets(
        luminal,
        journey,
        taken.vesicles,
        content.copies,
        opening,
        functional,
        by_engine="opening" in question.engines,
    )
    # A cell needs `needed` functional copies, so `needed / functional` in the cytosol;
    # where nothing functions, no number of copies is enough.
    with np.errstate(divide="ignore"):
        in_cytosol_needed = needed / functional
    effect = Packets(arrivals, jump, in_cytosol, in_cytosol_needed, cv)
    return Outcome(effect, (*journey.steps, *steps), sheets)


def _opening(question: Question, luminal: Luminal, inputs: Noting) -> Opening:
    """Return what becomes of internalised vesicles: the sourced share, or by the engine."""
    share = inputs[f"opening.{question.carrier}"]
    one = np.ones_like(share)
    if "opening" not in question.engines:
        return Opening(share, 0.0 * one, one, one, 0.0 * one)
    if isinstance(question.given, NaturalRelease):
        return steady_trickle(recipient_inside(inputs, share))
    loss = inputs[f"cargo_loss.{luminal.cargo}"]
    entry = entry_of(question, inputs)
    if entry is None:
        return after_one_uptake(recipient_inside(inputs, share), loss)
    return after_uptake_in_a_dish(entry, inputs, share, loss)


def _copies_per_vesicle(luminal: Luminal, inputs: Noting) -> CopiesPerVesicle:
    if isinstance(luminal.packing, GivenTable):
        return CopiesPerVesicle(inputs.constant(luminal.packing.mean))
    if luminal.loaded_copies is not None:
        lumen = mean_lumen_volume_nm3(
            inputs["vesicle_diameter"], inputs["vesicle_diameter_gsd"], inputs["bilayer_thickness"]
        )
        capacity = lumen_capacity(
            lumen, inputs["lumen_packing_limit"], inputs[f"cargo_volume.{luminal.cargo}"]
        )
        return CopiesPerVesicle(np.minimum(luminal.loaded_copies, capacity))
    if luminal.per_particle:
        counted = CopiesPerParticle(inputs[f"copies_per_particle.{luminal.load}"])
        return counted.per_vesicle(inputs["vesicles_per_particle"])
    return CopiesPerVesicle(inputs[f"copies_per_vesicle.{luminal.load}"])


def _content(question: Question, luminal: Luminal, inputs: Noting) -> Content:
    if "content" in question.engines:
        return passive_content(luminal.load, inputs)
    copies = _copies_per_vesicle(luminal, inputs).copies
    return Content(copies, np.ones_like(copies))


def _packets(
    luminal: Luminal, each: UptakePerCell, content: Content, opening: Opening
) -> tuple[Amount, Jump]:
    """Return the mean number of acting vesicles for one cell and the law of their content.

    All-or-none opening thins vesicles; partial release thins copies. A packet of
    ``k`` copies that leaks a share ``p`` releases a binomial number, drawn here as
    Poisson with the same mean: its variance is overstated by ``1 / (1 - p)``.

    Where an engine says that vesicles differ, come in bursts or have lost copies, packets of one
    law with the exact mean and variance of the sum stand for them: a compound Poisson sum of
    jumps ``J`` has the Fano factor ``1 + E[J(J-1)] / E[J]``.
    """
    whole = luminal.opening_rule == "all_or_none"
    share, together = opening.opened, opening.together
    acting = (each.opened(share).vesicles if whole else each.vesicles) * opening.kept
    leak = np.ones_like(share) if whole else share
    match luminal.packing:
        case Independent():
            # E[J(J-1)]/E[J]: from the same vesicle, and from those that came with it and act.
            fellows = opening.fellows * (share if whole else 1.0)
            size = (content.crowding + fellows) * together
            return acting / size, Poisson(content.copies * leak * size)
        case Packed(copies=size):
            # Where the mean load exceeds the packet, every vesicle is loaded with the mean.
            held = np.maximum(size, content.copies)
            left = held * together
            if whole:  # some of a packet's copies may be gone: 1 + (held - 1) together
                left = left + (1.0 - together)
            arrivals = acting * (content.copies / held) * (held / left)
            return arrivals, Fixed(left) if whole else Poisson(left * share)
        case GivenTable(copies=sizes, shares=shares):
            return acting, Table(np.array(sizes), np.array(shares))
        case _ as never:
            assert_never(never)


def _needed_copies(luminal: Luminal, inputs: Noting) -> Amount:
    match luminal.needed:
        case Titration(occupied_share=share):
            return copies_for_occupied_share(share, inputs["target_sites"], inputs["seed_site_kd"])
        case _ as saturation:
            return inputs[f"needed_copies.{luminal.cargo}"] * odds(saturation.share_of_maximum)


def _luminal_sheets(
    luminal: Luminal,
    journey: Journey,
    taken: Amount,
    copies: Amount,
    opening: Opening,
    functional: Amount,
    *,
    by_engine: bool,
) -> tuple[BalanceSheet, BalanceSheet]:
    back, opened, vesicles = opening.given_back, opening.opened, journey.sheet
    if by_engine:
        vesicles = vesicles.put("given back by target cells, intact", taken * back)
    if luminal.opening_rule == "all_or_none":
        unopened = taken * (1.0 - back - opened)
        vesicles = vesicles.put("inside target cells, unopened", unopened)
        vesicles = vesicles.put("inside target cells, opened", taken * opened)
    else:
        vesicles = vesicles.put("inside target cells, leaking", taken * (1.0 - back))
    given, released = journey.given.vesicles * copies, taken * copies * opened
    there = released * opening.kept
    sheet = BalanceSheet("copy", given)
    sheet = sheet.put("never internalised by target cells", given - taken * copies)
    sheet = sheet.put("kept inside vesicles", taken * copies * (1.0 - opened))
    if by_engine:
        sheet = sheet.put("in the cytosol before or after most are there", released - there)
    sheet = sheet.put("in the cytosol, not functional", there * (1.0 - functional))
    return vesicles, sheet.put("functional", there * functional)


def _surface_ligand(
    question: Question, ligand: SurfaceLigand, inputs: Noting, journey: Journey
) -> Outcome:
    bound, journey = bind(question, inputs, journey, shares_for(question, inputs))
    each = bound.per_cell(target_cells(question, inputs))
    steps = [inputs.step("bound to one target cell", "vesicle", each.vesicles)]
    cv = inputs["uptake_cv"]
    steps.append(inputs.step("cell-to-cell spread of uptake (CV)", "", cv))
    receptors = inputs[f"receptors_per_cell.{ligand.receptor}.{question.target}"]
    engaged = engaged_per_vesicle(
        inputs[f"ligand_copies.{ligand.ligand}"],
        receptors,
        inputs[f"cell_surface.{question.target}"],
        inputs["contact_patch"],
    )
    steps.append(inputs.step("receptors engaged by one vesicle", "receptor", engaged))
    # No cell engages more receptors than it has.
    total = np.minimum(each.vesicles * engaged, receptors)
    steps.append(inputs.step("receptors engaged on one cell", "receptor", total))
    # A cell without the receptor cannot respond, however little share would do.
    share = inputs[f"engaged_share_needed.{ligand.receptor}"]
    needed = np.where(receptors > 0.0, receptors * share, np.inf)
    steps.append(inputs.step("receptors to engage at once", "receptor", needed))
    sheet = journey.sheet.put("bound to target cells", bound.vesicles)
    effect = Packets(each.vesicles, Poisson(engaged), total, needed, cv)
    return Outcome(effect, (*journey.steps, *steps), (sheet,))


def _surface_enzyme(
    question: Question, enzyme: SurfaceEnzyme, inputs: Noting, journey: Journey
) -> Outcome:
    present, journey = _in_the_setting(question, inputs, journey)
    carried = present * inputs[f"enzyme_copies.{enzyme.enzyme}"]
    steps = [inputs.step("enzyme copies on the vesicles", "copy", carried)]
    resident = target_cells(question, inputs)
    resident = resident * inputs[f"enzyme_per_cell.{enzyme.enzyme}.{question.target}"]
    steps.append(inputs.step("enzyme copies on the cells", "copy", resident))
    held = _against_background if enzyme.against_background else _by_kinetics
    level, own = held(enzyme, carried, resident, inputs)
    steps.append(inputs.step("product held by the vesicles", "uM", level))
    steps.append(inputs.step("product held by the cells' own enzyme", "uM", own))
    half = inputs[f"product_needed.{enzyme.product}"]
    # Below the cells' own output the vesicles would not be noticed, however potent the product.
    needed = np.maximum(half * odds(enzyme.share_of_maximum), own)
    steps.append(inputs.step("product needed", "uM", needed))
    sheet = journey.sheet.put("acting in the fluid around the target cells", present)
    return Outcome(Level(level, needed), (*journey.steps, *steps), (sheet,))


def _by_kinetics(
    enzyme: SurfaceEnzyme, carried: Amount, resident: Amount, inputs: Noting
) -> tuple[Amount, Amount]:
    """Return the product that vesicles and cells hold at steady state, in uM, from kinetics.

    The substrate is held where it is: where little of it is supplied this
    overstates both, and a measured level of the product is the better ground.
    """
    volume = _volume_ml(enzyme.volume_ml, enzyme.setting, inputs)
    kcat, km = inputs[f"kcat.{enzyme.enzyme}"], inputs[f"km.{enzyme.enzyme}"]
    substrate = inputs[f"substrate.{enzyme.enzyme}.{enzyme.substrate or enzyme.setting}"]
    clearance = inputs[f"product_clearance.{enzyme.product}.{enzyme.setting}"]
    by_vesicles = turnover_um_per_h(carried, kcat, substrate, km, volume) / clearance
    by_cells = turnover_um_per_h(resident, kcat, substrate, km, volume) / clearance
    return by_vesicles, by_cells


def _against_background(
    enzyme: SurfaceEnzyme, carried: Amount, resident: Amount, inputs: Noting
) -> tuple[Amount, Amount]:
    """Return the product that vesicles and cells hold, in uM, from the level that was measured.

    The resident enzyme holds the measured level; vesicles with the same enzyme,
    substrate and clearance add in proportion to their copies. Kinetic constants
    cancel. It is an upper limit where other sources feed the level.
    """
    level = inputs[f"product_background.{enzyme.product}.{enzyme.setting}"]
    return level * carried / resident, level


def _soluble(
    question: Question, soluble: SolubleCoisolate, inputs: Noting, journey: Journey
) -> Outcome:
    # Co-isolated molecules are counted against particles, and travel without vesicles.
    particles = journey.given.vesicles / inputs["vesicles_per_particle"]
    molecules = particles * inputs[f"soluble_per_particle.{soluble.factor}"]
    steps: list[Step] = [inputs.step("co-isolated molecules given", "molecule", molecules)]
    reached = molecules
    sheet = BalanceSheet("molecule", molecules)
    if question.route in ARRIVING and question.route != "in_vitro":
        reached = molecules * inputs[f"arriving.{question.route}.{question.target}"]
        steps.append(inputs.step("molecules around the target cells", "molecule", reached))
        sheet = sheet.put("never near the target cells", molecules - reached)
    volume = _volume_ml(soluble.volume_ml, soluble.setting, inputs)
    level = concentration_nm(reached, volume)
    steps.append(inputs.step("concentration around the target cells", "nM", level))
    needed = inputs[f"soluble_kd.{soluble.factor}"] * odds(soluble.share_of_maximum)
    steps.append(inputs.step("concentration needed", "nM", needed))
    sheet = sheet.put("around the target cells", reached)
    vesicles = journey.sheet.put("given, not the agent of this mechanism", journey.given.vesicles)
    return Outcome(Level(level, needed), (*journey.steps, *steps), (vesicles, sheet))


def _in_the_setting(question: Question, inputs: Noting, journey: Journey) -> tuple[Amount, Journey]:
    """Return the vesicles in the fluid where an enzyme acts; in a dish that is all of them."""
    if question.route == "in_vitro":
        return journey.given.vesicles, journey
    arriving, journey = arrive(question, inputs, journey)
    return arriving.vesicles, journey


def _volume_ml(declared: float | None, setting: str, inputs: Noting) -> Amount:
    return (
        inputs[f"compartment_volume.{setting}"] if declared is None else inputs.constant(declared)
    )
