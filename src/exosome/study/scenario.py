"""The physical part of a claim file: checked, frozen, in the field's own units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from exosome.core.errors import InputError, UnitMismatchError
from exosome.core.units import parse_dose, to_internal
from exosome.delivery.question import (
    ORGAN_OF_ROUTE,
    RETAINED,
    Carrier,
    GivenTable,
    Independent,
    Luminal,
    NaturalRelease,
    OpeningRule,
    Packed,
    Question,
    Route,
    Saturation,
    SolubleCoisolate,
    SurfaceEnzyme,
    SurfaceLigand,
    Titration,
)

if TYPE_CHECKING:
    from exosome.delivery.question import Mechanism, Packing

DEFAULT_FRACTION = 0.5


class Strict(BaseModel):
    """Base of every input model: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


def _word(text: str) -> str:
    if not text or not text.replace("_", "").isalnum() or text != text.lower():
        raise ValueError("use a name of lower-case letters, digits and underscores")
    return text


Word = Annotated[str, AfterValidator(_word)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]


def _quantity(unit: str) -> Any:
    def check(text: str) -> str:
        try:
            amount = to_internal(text, unit, where="value")
        except UnitMismatchError as fault:
            told = {"what": fault.what, "remedy": fault.remedy}
            raise PydanticCustomError("unit_mismatch", "{what}", told) from fault
        if amount <= 0.0:
            raise ValueError("must be above zero")
        return text

    return AfterValidator(check)


class Product(Strict):
    """What is given."""

    name: str
    carrier: Carrier = "natural_vesicle"
    tags: tuple[Word, ...] = Field(default=(), strict=False)


class DoseGiven(Strict):
    """How much is given, and how; or which natural release takes the place of a dose."""

    route: Route
    amount: str | None = Field(default=None, description="a quantity with its unit")
    body_weight: Annotated[str, _quantity("kg")] | None = None
    released_by: Word | None = None
    within: Word | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        natural = self.route == "neighbour"
        if natural and (self.released_by is None or self.within is None):
            raise ValueError("route 'neighbour' needs released_by and within, and no amount")
        if not natural and (self.released_by is not None or self.within is not None):
            raise ValueError("released_by and within belong to route 'neighbour' alone")
        if natural and self.amount is not None:
            raise ValueError("a natural release has no amount: the sender's own rate is the dose")
        if not natural and self.amount is None:
            raise ValueError('give an amount with its unit, such as amount = "2e8 particle"')
        return self


class Target(Strict):
    """The cells that must respond."""

    cell: Word
    organ: Word | None = None
    cells: Annotated[str, _quantity("cell")] | None = None
    plate: Literal["96_well", "24_well", "12_well", "6_well"] | None = Field(
        default=None, description="whose well, for a dish: the engines need its floor and height"
    )


class Effect(Strict):
    """What counts as the effect, and in how many of the target cells."""

    outcome: str
    responding_fraction: Share = DEFAULT_FRACTION


class PackedSpec(Strict):
    """All copies sit in vesicles that hold this many."""

    copies: Annotated[float, Field(gt=0.0, strict=False)]


class TableSpec(Strict):
    """A measured law of copies per vesicle."""

    copies: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False)]
    shares: Annotated[tuple[Annotated[float, Field(ge=0.0)], ...], Field(strict=False)]

    @model_validator(mode="after")
    def _is_a_law(self) -> Self:
        if len(self.copies) != len(self.shares) or not self.copies:
            raise ValueError("copies and shares must have the same, non-zero length")
        if abs(sum(self.shares) - 1.0) > 1e-6:
            raise ValueError(f"shares add up to {sum(self.shares):g}, not 1")
        return self


class LuminalSpec(Strict):
    """Cargo from inside the vesicle acts in the cytosol."""

    kind: Literal["luminal_rna", "luminal_protein"]
    cargo: Word
    loading: Word | None = None
    loaded_copies: Annotated[float, Field(gt=0.0, strict=False)] | None = None
    packing: Literal["independent"] | PackedSpec | TableSpec = "independent"
    opening: OpeningRule = "all_or_none"
    occupied_share: Share | None = None
    share_of_maximum: Share | None = None

    @model_validator(mode="after")
    def _one_need(self) -> Self:
        if self.occupied_share is not None and self.share_of_maximum is not None:
            raise ValueError("give occupied_share (miRNA titration) or share_of_maximum, not both")
        if self.occupied_share is not None and not self.cargo.startswith("natural_"):
            raise ValueError("occupied_share is for a natural miRNA; give share_of_maximum")
        if isinstance(self.packing, TableSpec) and self.opening == "partial":
            raise ValueError("a given table of copies is available for all_or_none opening only")
        return self

    def mechanism(self) -> Mechanism:
        """Return the mechanism for the delivery chain."""
        natural = self.cargo.startswith("natural_")
        titration = self.share_of_maximum is None and natural
        needed = (
            Titration(self.occupied_share or DEFAULT_FRACTION)
            if titration
            else Saturation(self.share_of_maximum or DEFAULT_FRACTION)
        )
        return Luminal(
            kind=self.kind,
            cargo=self.cargo,
            load=self.loading or self.cargo,
            packing=_packing(self.packing),
            opening_rule=self.opening,
            needed=needed,
            loaded_copies=self.loaded_copies,
            per_particle=natural,
        )


class SurfaceLigandSpec(Strict):
    """Ligands on bound vesicles engage receptors."""

    kind: Literal["surface_ligand"]
    ligand: Word
    receptor: Word

    def mechanism(self) -> Mechanism:
        """Return the mechanism for the delivery chain."""
        return SurfaceLigand(self.ligand, self.receptor)


class SurfaceEnzymeSpec(Strict):
    """An enzyme on the vesicles makes a product that acts."""

    kind: Literal["surface_enzyme"]
    enzyme: Word
    product: Word
    setting: Word
    substrate: Word | None = None
    against_background: bool = False
    share_of_maximum: Share = DEFAULT_FRACTION
    volume: Annotated[str, _quantity("mL")] | None = None

    def mechanism(self) -> Mechanism:
        """Return the mechanism for the delivery chain."""
        return SurfaceEnzyme(
            self.enzyme,
            self.product,
            self.setting,
            self.share_of_maximum,
            _ml(self.volume),
            self.substrate or "",
            self.against_background,
        )


class SolubleSpec(Strict):
    """A co-isolated soluble factor acts."""

    kind: Literal["soluble_coisolate"]
    factor: Word
    setting: Word
    share_of_maximum: Share = DEFAULT_FRACTION
    volume: Annotated[str, _quantity("mL")] | None = None

    def mechanism(self) -> Mechanism:
        """Return the mechanism for the delivery chain."""
        return SolubleCoisolate(self.factor, self.setting, self.share_of_maximum, _ml(self.volume))


MechanismSpec = Annotated[
    LuminalSpec | SurfaceLigandSpec | SurfaceEnzymeSpec | SolubleSpec,
    Field(discriminator="kind"),
]


class Scenario(Strict):
    """The facts of a claim that the physics needs; words and speakers stand elsewhere."""

    product: Product
    dose: DoseGiven
    target: Target
    effect: Effect | None = None
    mechanism: Annotated[tuple[MechanismSpec, ...], Field(min_length=1, strict=False)]
    sources: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict, description="parameter -> ids of the only records to use"
    )

    @model_validator(mode="after")
    def _organ_where_needed(self) -> Self:
        if self.dose.route in RETAINED and self.target.organ is None:
            raise ValueError(f"route {self.dose.route!r} needs target.organ")
        if self.dose.route not in RETAINED and self.target.organ is not None:
            fits = ORGAN_OF_ROUTE.get(self.dose.route)
            if self.target.organ != fits:
                said = f"means the {fits}" if fits else "has no organ"
                raise ValueError(
                    f"target.organ is {self.target.organ!r}, but route {self.dose.route!r} {said}"
                )
        return self

    @model_validator(mode="after")
    def _plate_in_a_dish(self) -> Self:
        if self.target.plate is not None and self.dose.route != "in_vitro":
            raise ValueError("target.plate belongs to route 'in_vitro' alone")
        return self

    @property
    def body_weight_kg(self) -> float | None:
        """Body weight that the dose declares, if any."""
        declared = self.dose.body_weight
        return None if declared is None else to_internal(declared, "kg", where="dose.body_weight")


def questions(scenario: Scenario, *, where: str) -> tuple[Question, ...]:
    """Return one physical question for each mechanism that the scenario names.

    Raises
    ------
    InputError
        If the dose is not a quantity from which vesicles can be counted.
    """
    return tuple(
        _question(scenario, spec.mechanism(), f"{where} mechanism[{i}]", where)
        for i, spec in enumerate(scenario.mechanism)
    )


def _question(scenario: Scenario, mechanism: Mechanism, name: str, where: str) -> Question:
    dose, target = scenario.dose, scenario.target
    return Question(
        name=name,
        carrier=scenario.product.carrier,
        given=_given(dose, where),
        route=dose.route,
        target=target.cell,
        mechanism=mechanism,
        responding_fraction=(
            scenario.effect.responding_fraction if scenario.effect else DEFAULT_FRACTION
        ),
        organ=target.organ or "",
        cells=None if target.cells is None else to_internal(target.cells, "cell", where=where),
        plate=target.plate or "",
        body_weight_kg=scenario.body_weight_kg,
        only=tuple((role, ids) for role, ids in scenario.sources.items()),
    )


def _given(dose: DoseGiven, where: str) -> Any:
    if dose.released_by is not None and dose.within is not None:
        return NaturalRelease(dose.released_by, dose.within)
    if dose.amount is None:
        raise InputError(
            "no amount is given", where=f"{where} dose", remedy="add amount with its unit"
        )
    return parse_dose(dose.amount, where=f"{where} dose.amount")


def _packing(spec: Literal["independent"] | PackedSpec | TableSpec) -> Packing:
    match spec:
        case PackedSpec(copies=copies):
            return Packed(copies)
        case TableSpec(copies=copies, shares=shares):
            total = sum(shares)  # 1 within the tolerance of the check; exact for the kernel
            return GivenTable(tuple(map(float, copies)), tuple(s / total for s in shares))
        case _:
            return Independent()


def _ml(text: str | None) -> float | None:
    return None if text is None else to_internal(text, "mL", where="mechanism.volume")
