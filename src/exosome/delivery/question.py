"""The physical question behind a claim: what is given, where, and what must happen there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from exosome.core.units import Dose

OpeningRule = Literal["all_or_none", "partial"]
Carrier = Literal["natural_vesicle", "fusogenic_vesicle", "lnp"]
Route = Literal["intravenous", "inhaled", "intra_articular", "in_vitro", "neighbour"]

EngineStage = Literal["release", "content", "organ", "arrival", "uptake", "opening"]
"""A stage that an engine can compute in place of a sourced fraction, in the chain's order."""

# Routes whose organ shares come from a label: what is retained was taken up already.
RETAINED: tuple[Route, ...] = ("intravenous",)
# Routes that bring vesicles into the space around the cells: uptake is a further step.
ARRIVING: tuple[Route, ...] = ("inhaled", "intra_articular", "in_vitro")
ORGAN_OF_ROUTE: dict[Route, str] = {"inhaled": "lung", "intra_articular": "joint"}
# Routes through a device that may break vesicles.
THROUGH_A_DEVICE: tuple[Route, ...] = ("inhaled",)


@dataclass(frozen=True, slots=True)
class Independent:
    """Copies are loaded independently of each other: Poisson copies per vesicle."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Copies sit in rare vesicles that hold ``copies`` each; all others are empty."""

    copies: float


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A measured law of copies per vesicle: ``shares[i]`` of vesicles hold ``copies[i]``."""

    copies: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean copies of one vesicle."""
        return sum(c * s for c, s in zip(self.copies, self.shares, strict=True))


Packing = Independent | Packed | GivenTable


@dataclass(frozen=True, slots=True)
class Titration:
    """A miRNA must occupy a share of its target-site pool."""

    occupied_share: float


@dataclass(frozen=True, slots=True)
class Saturation:
    """Copies must give a share of the maximal effect, with a catalogued half-maximum."""

    share_of_maximum: float


@dataclass(frozen=True, slots=True)
class Luminal:
    """Cargo from inside the vesicle acts in the cytosol of the target cell.

    ``loaded_copies`` is a loading that the claim states (copies per vesicle); it
    is checked against what the lumen can hold. Without it the catalog's copies
    per counted particle (natural cargo) or per carrier (loaded cargo) are used;
    ``load`` is the catalog's name for that loading.
    """

    kind: Literal["luminal_rna", "luminal_protein"]
    cargo: str
    load: str
    packing: Packing
    opening_rule: OpeningRule
    needed: Titration | Saturation
    loaded_copies: float | None = None
    per_particle: bool = True


@dataclass(frozen=True, slots=True)
class SurfaceLigand:
    """Ligands on bound vesicles engage receptors of the target cell; no uptake is needed."""

    ligand: str
    receptor: str
    kind: Literal["surface_ligand"] = "surface_ligand"


@dataclass(frozen=True, slots=True)
class SurfaceEnzyme:
    """An enzyme on the vesicles makes a product that acts on the target cells.

    ``substrate`` names the catalog's setting for the substrate where it differs
    from the setting itself (a dish to which substrate was added). With
    ``against_background`` the product's own measured level calibrates the
    setting: resident cells hold it, and vesicles add their share of the enzyme.
    """

    enzyme: str
    product: str
    setting: str
    share_of_maximum: float
    volume_ml: float | None = None
    substrate: str = ""
    against_background: bool = False
    kind: Literal["surface_enzyme"] = "surface_enzyme"


@dataclass(frozen=True, slots=True)
class SolubleCoisolate:
    """A soluble factor that was isolated together with the vesicles acts on the target cells."""

    factor: str
    setting: str
    share_of_maximum: float
    volume_ml: float | None = None
    kind: Literal["soluble_coisolate"] = "soluble_coisolate"


Mechanism = Luminal | SurfaceLigand | SurfaceEnzyme | SolubleCoisolate


@dataclass(frozen=True, slots=True)
class NaturalRelease:
    """The sender's own release takes the place of a dose."""

    donor: str
    within: str


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that the delivery chain must know, for one mechanism.

    ``cells`` is the number of target cells where the claim declares it (a
    dish); otherwise the catalog's count is used. ``plate`` names the well of a dish, such as
    ``"96_well"``. ``only`` restricts a parameter
    to named records. ``name`` is where error messages point to. ``engines`` are the stages that
    the cell engines compute; all others are at envelope depth.
    """

    name: str
    carrier: Carrier
    given: Dose | NaturalRelease
    route: Route
    target: str
    mechanism: Mechanism
    responding_fraction: float
    organ: str = ""
    cells: float | None = None
    plate: str = ""
    body_weight_kg: float | None = None
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    engines: frozenset[EngineStage] = frozenset()
