"""The way of a dose: given, vesicles, organ, target cells.

Every stage says what it passes on and names where the rest stayed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exosome.core.balance import BalanceSheet
from exosome.core.constants import AVOGADRO_PER_MOL
from exosome.delivery.denominators import BoundToTarget, UptakeByTarget, Vesicles
from exosome.delivery.question import RETAINED, THROUGH_A_DEVICE, Luminal, NaturalRelease
from exosome.product.dose import vesicles_per_unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exosome.core.units import Dose
    from exosome.delivery.denominators import ArrivingVesicles, RetainedVesicles
    from exosome.delivery.draws import Noting
    from exosome.delivery.outcome import Step
    from exosome.delivery.question import Question

    Amount = NDArray[np.float64]

_UNIT_NAMES = {
    "ug_protein": "µg protein",
    "ug_rna": "µg RNA",
    "pmol_phospholipid": "pmol phospholipid",
    "msc_hour": "MSC·h",
}


@dataclass(frozen=True, slots=True)
class EngineShares:
    """Shares that engines computed in place of records; None where a record is asked.

    ``of_all`` is the share of the dose that target cells internalise, ``arriving`` of the dose
    that comes to them, ``acting`` of those that are internalised or bound.
    """

    of_all: Amount | None = None
    arriving: Amount | None = None
    acting: Amount | None = None


_BY_RECORD = EngineShares()


@dataclass(frozen=True, slots=True)
class Journey:
    """A dose on its way: the stages behind it and the vesicles accounted for so far."""

    given: Vesicles
    steps: tuple[Step, ...]
    sheet: BalanceSheet

    def passed(self, step: Step) -> Journey:
        """Return the journey with one more stage behind it."""
        return replace(self, steps=(*self.steps, step))

    def left(self, place: str, amount: Amount) -> Journey:
        """Return the journey with vesicles left behind in a named place."""
        return replace(self, sheet=self.sheet.put(place, amount))


def give(question: Question, inputs: Noting) -> Journey:
    """Return the vesicles given, from the dose in the units in which it was stated."""
    if isinstance(question.given, NaturalRelease):
        given = Vesicles(inputs[f"release_rate.{question.given.donor}"])
        step = inputs.step("released by one sender each hour", "vesicle", given.vesicles)
        return Journey(given, (step,), BalanceSheet("vesicle", given.vesicles))
    amount = _amount(question.given, question.body_weight_kg, inputs)
    unit = _UNIT_NAMES.get(question.given.metric, question.given.metric)
    stated = inputs.step("dose as stated", unit, amount)
    mechanism = question.mechanism
    by_mass = question.given.metric == "ug_rna" and question.carrier == "lnp"
    if by_mass and isinstance(mechanism, Luminal):
        copies = amount * 1e-6 / inputs[f"molar_mass.{mechanism.cargo}"] * AVOGADRO_PER_MOL
        given = Vesicles(copies / inputs[f"copies_per_vesicle.{mechanism.load}"])
        name = "carriers given"
    else:
        each = vesicles_per_unit(question.given.metric, inputs, where=f"{question.name}: dose")
        given = Vesicles(amount * each)
        name = "vesicles given"
    step = inputs.step(name, "vesicle", given.vesicles)
    return Journey(given, (stated, step), BalanceSheet("vesicle", given.vesicles))


def take_up(
    question: Question, inputs: Noting, journey: Journey, shares: EngineShares = _BY_RECORD
) -> tuple[UptakeByTarget, Journey]:
    """Return the vesicles that the target cells internalise."""
    if isinstance(question.given, NaturalRelease):
        within = question.given.within
        captured = shares.acting
        if captured is None:
            captured = inputs[f"captured_within.{within}"]
        taken = UptakeByTarget(journey.given.vesicles * captured)
        rest = journey.given.vesicles - taken.vesicles
        journey = journey.left("beyond the neighbours or lost", rest)
        name = f"internalised by all cells within {within}"
        return taken, journey.passed(inputs.step(name, "vesicle", taken.vesicles))
    if shares.of_all is not None:
        taken = UptakeByTarget(journey.given.vesicles * shares.of_all)
        rest = journey.given.vesicles - taken.vesicles
        journey = journey.left("elsewhere in the body or lost, never inside", rest)
        step = inputs.step("internalised by all target cells", "vesicle", taken.vesicles)
        return taken, journey.passed(step)
    if question.route in RETAINED:
        retained, journey = _retain(question, inputs, journey)
        organ = f"{question.organ}_lnp" if question.carrier == "lnp" else question.organ
        taken = retained.taken_up_by(inputs[f"uptake_share.{organ}.{question.target}"])
        rest = retained.vesicles - taken.vesicles
        journey = journey.left(f"other cells of the {question.organ}", rest)
    else:
        arriving, journey = arrive(question, inputs, journey, shares)
        inside = shares.acting
        if inside is None:
            inside = inputs[f"uptake_fraction.{_kinetics(question)}.{question.target}"]
        taken = arriving.internalised(inside)
        rest = arriving.vesicles - taken.vesicles
        journey = journey.left("around the target cells, not taken up", rest)
    step = inputs.step("internalised by all target cells", "vesicle", taken.vesicles)
    return taken, journey.passed(step)


def bind(
    question: Question, inputs: Noting, journey: Journey, shares: EngineShares = _BY_RECORD
) -> tuple[BoundToTarget, Journey]:
    """Return the vesicles that bind to the surface of the target cells.

    What an organ's cells took up has bound to them first, so on such routes
    uptake is the count of bound vesicles.
    """
    if question.route in RETAINED or isinstance(question.given, NaturalRelease):
        taken, journey = take_up(question, inputs, journey, shares)
        return BoundToTarget(taken.vesicles), journey
    arriving, journey = arrive(question, inputs, journey, shares)
    held = shares.acting
    if held is None:
        held = inputs[f"bound_fraction.{_kinetics(question)}.{question.target}"]
    bound = arriving.bound(held)
    journey = journey.left("around the target cells, not bound", arriving.vesicles - bound.vesicles)
    step = inputs.step("bound to all target cells", "vesicle", bound.vesicles)
    return bound, journey.passed(step)


def arrive(
    question: Question, inputs: Noting, journey: Journey, shares: EngineShares = _BY_RECORD
) -> tuple[ArrivingVesicles, Journey]:
    """Return the vesicles in the space around the target cells (exposure, not uptake)."""
    vesicles = journey.given
    if question.route in THROUGH_A_DEVICE:
        intact = vesicles.surviving(inputs[f"delivery_survival.{question.route}"])
        journey = journey.left("broken by the device", vesicles.vesicles - intact.vesicles)
        journey = journey.passed(inputs.step("intact after the device", "vesicle", intact.vesicles))
        vesicles = intact
    near = shares.arriving
    if near is None:
        near = inputs[f"arriving.{_kinetics(question)}.{question.target}"]
    arriving = vesicles.arriving(near)
    journey = journey.left("never near the target cells", vesicles.vesicles - arriving.vesicles)
    step = inputs.step("arriving around the target cells", "vesicle", arriving.vesicles)
    return arriving, journey.passed(step)


def target_cells(question: Question, inputs: Noting) -> Amount:
    """Return the number of cells that share the vesicles: those that take up, not the organ's."""
    if isinstance(question.given, NaturalRelease):
        return inputs[f"cells_within.{question.given.within}"]
    if question.cells is not None:
        return inputs.constant(question.cells)
    return inputs[f"cell_count.{question.target}"]


def _retain(
    question: Question, inputs: Noting, journey: Journey
) -> tuple[RetainedVesicles, Journey]:
    organ, given = question.organ, journey.given
    signal = inputs[f"organ_signal.{_kinetics(question)}.{organ}"]
    retained = given.retained(signal, inputs[f"residual_blood_share.{organ}"])
    in_organ = given.vesicles * signal
    journey = journey.left("elsewhere in the body", given.vesicles - in_organ)
    journey = journey.left(f"blood left in the {organ}", in_organ - retained.vesicles)
    step = inputs.step(f"retained in the {organ}", "vesicle", retained.vesicles)
    return retained, journey.passed(step)


def _kinetics(question: Question) -> str:
    """Return the catalog's name for a route: lipid nanoparticles do not move as vesicles do."""
    return f"lnp_{question.route}" if question.carrier == "lnp" else question.route


def _amount(dose: Dose, body_weight_kg: float | None, inputs: Noting) -> Amount:
    amount = inputs.constant(dose.amount)
    if not dose.per_kg:
        return amount
    if body_weight_kg is None:
        return amount * inputs["body_weight"]
    return amount * body_weight_kg
