"""The studies that bear on a claim: recorded, selected, counted; zero is shown as zero.

Nothing in this module takes a computed result: a study is in vitro, animal or
human, so a simulation cannot raise the level of evidence.
"""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    StringConstraints,
    field_validator,
    model_validator,
)

from exosome.catalog.record import DOI, Reading
from exosome.claims.counts import Arm, RiskRatio, risk_ratio, upper_bound_of_zero_events
from exosome.core.errors import InputError
from exosome.core.records import read_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Design = Literal["in_vitro", "animal", "uncontrolled_human", "controlled_human"]
Level = Literal[
    "none", "in vitro", "animal", "uncontrolled human", "controlled human", "replicated"
]
Direction = Literal["for", "null", "against", "mixed"]
Kind = Literal["effect", "safety", "mechanism", "exposure"]
# What the compared arms differ by. `vesicles`: only by the vesicle product, against
# placebo or against a named comparator. `vesicles_and_more`: cells or another active
# ingredient as well, so the effect cannot be given to the vesicles. `none`: no arm to
# compare with, or arms that differ only in dose or co-treatment.
Contrast = Literal["none", "vesicles", "vesicles_and_more"]
Given = Literal["alone", "with_cells", "with_drug", "with_procedure", "with_other", "not_vesicles"]
# The kinds of the delivery chain, and two that only studies speak of.
Mechanism = Literal[
    "luminal_rna",
    "luminal_protein",
    "luminal_dna",
    "surface_ligand",
    "surface_enzyme",
    "soluble_coisolate",
    "antigen_presentation",
]
# What a model may do with the study: calibrate on it, predict it unseen, predict no
# effect, predict it before its result, take harm rates from it, or test that a defect
# of its report is caught.
ModelUse = Literal["CAL", "HO", "NULL", "PRE", "SAF", "TRAP"]

LEVELS: tuple[Level, ...] = get_args(Level)
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)

Tag = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
RegistryId = Annotated[
    str, StringConstraints(pattern=r"^(NCT\d{8}|ACTRN\d{14}|IRCT trial \d+|BLA \d{4})$")
]
Sentence = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_by_alias=True
    )


class Finding(_Strict):
    """One result of one study: population, comparator, outcome, direction.

    ``direction`` is read against the use: does the product do what it is given
    for (effect), is it tolerated (safety), does the step work (mechanism), does
    the vesicle get there (exposure). ``"unreported"`` finds nothing.
    """

    population: Sentence
    comparator: Sentence
    outcome: Sentence
    kind: Kind
    direction: Direction | Literal["unreported"]
    contrast: Contrast
    result: Sentence
    mechanisms: tuple[Mechanism, ...] = ()
    arms: Annotated[tuple[Arm, ...], Field(alias="arm")] = ()

    @model_validator(mode="after")
    def _mechanism_is_named(self) -> Self:
        if (self.kind == "mechanism") != bool(self.mechanisms):
            raise ValueError(f"{self.outcome}: a mechanism finding, and no other, names mechanisms")
        return self


class Study(_Strict):
    """One study, with its findings and the tags by which it is selected.

    A study of vesicles in general names no product, and a study in a dish no
    route: an empty tag list conflicts with nothing. ``population``,
    ``comparator`` and ``contrast`` are defaults for the findings. ``n`` is the
    number of people, 0 for dishes and animals, None where nobody printed it.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
    name: Sentence
    year: Annotated[int, Field(ge=1980, le=2100)]
    design: Design
    n: NonNegativeInt | None = None
    population: Sentence
    product: Sentence
    source: str = ""
    given: Given
    comparator: Sentence
    contrast: Contrast
    routes: tuple[Tag, ...] = ()
    targets: tuple[Tag, ...] = ()
    indications: tuple[Tag, ...] = ()
    products: tuple[Tag, ...] = ()
    use: tuple[ModelUse, ...] = ()
    reading: Reading
    locator: str = ""
    registry: tuple[RegistryId, ...] = ()
    doi: str = ""
    doi_checked: bool = False
    pmid: Annotated[str, StringConstraints(pattern=r"^\d*$")] = ""
    pmcid: Annotated[str, StringConstraints(pattern=r"^(PMC\d+)?$")] = ""
    catalog: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]\d{2,3}$")], ...] = ()
    note: str = ""
    findings: Annotated[tuple[Finding, ...], Field(alias="finding", min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _fill_findings(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        entry = cast("dict[str, Any]", given)
        shared = {
            key: entry[key] for key in ("population", "comparator", "contrast") if key in entry
        }
        return {**entry, "finding": [{**shared, **one} for one in entry.get("finding", [])]}

    @field_validator("doi")
    @classmethod
    def _doi_parses(cls, doi: str) -> str:
        if doi and not DOI.match(doi):
            raise ValueError(f"{doi!r} is not a DOI")
        return doi

    @model_validator(mode="after")
    def _record_is_whole(self) -> Self:
        human = self.design.endswith("human")
        compared = any(one.contrast != "none" for one in self.findings)
        problems = {
            "only a human study has people in n": not human and self.n != 0,
            "a human study has people in n, or None": human and self.n == 0,
            "a controlled study compares arms": self.design == "controlled_human" and not compared,
            "an uncontrolled study has no contrast": self.design == "uncontrolled_human"
            and compared,
            "name a use": human and not self.use,
            "give an identifier, or say in `note` why there is none": not self.identifiers
            and not self.note,
            "doi_checked without a doi": self.doi_checked and not self.doi,
        }
        for problem, found in problems.items():
            if found:
                raise ValueError(f"{self.id}: {problem}")
        return self

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Where to find the study: registry numbers, DOI, PMID, PMC number."""
        doi = (f"doi:{self.doi}",) if self.doi else ()
        pmid = (f"PMID {self.pmid}",) if self.pmid else ()
        return (*self.registry, *doi, *pmid, *((self.pmcid,) if self.pmcid else ()))

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """The mechanisms on which any of the findings bears."""
        found = {name for one in self.findings for name in one.mechanisms}
        return tuple(name for name in MECHANISMS if name in found)


class Background(_Strict):
    """A pooled review or an authority's notice: shown beside every claim, never counted."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
    name: Sentence
    year: int
    sort: Literal["review", "notice"]
    result: Sentence
    reading: Reading
    doi: str = ""
    pmid: str = ""
    note: str = ""


class EvidenceBook(_Strict):
    """All recorded studies, and how they were found."""

    scope: Sentence
    studies: Annotated[tuple[Study, ...], Field(alias="study", min_length=1)]
    background: tuple[Background, ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = Counter([one.id for one in (*self.studies, *self.background)])
        if twice := [name for name, times in ids.items() if times > 1]:
            raise ValueError(f"ids used twice: {', '.join(twice)}")
        return self


def read_book(text: str, *, where: str) -> EvidenceBook:
    """Read an evidence file from TOML text.

    Raises
    ------
    CatalogError
        If the text is not TOML or a record breaks a rule; ``where`` names the file.
    """
    return read_records(
        text,
        EvidenceBook,
        what="the evidence file",
        where=where,
        fields_of="exosome.claims.evidence.Study",
    )


@cache
def load_book() -> EvidenceBook:
    """Return the studies that come with the package."""
    name = "studies.toml"
    return read_book(files("exosome.claims").joinpath(name).read_text("utf-8"), where=name)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a claim asks of the evidence; an empty field asks nothing."""

    indication: str = ""
    routes: tuple[str, ...] = ()
    mechanisms: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """A study that applies to a question, why, and by which of its findings.

    ``on_use`` holds the findings that bear on the claimed use, ``on_mechanism``
    those that bear on a mechanism the question names.
    """

    study: Study
    because: tuple[str, ...]
    on_use: tuple[Finding, ...]
    on_mechanism: tuple[Finding, ...]


def _compatible(asked: Iterable[str], named: Iterable[str]) -> bool:
    wanted, found = set(asked), set(named)
    return not wanted or not found or bool(wanted & found)


def _use_reasons(study: Study, question: Asked) -> tuple[str, ...]:
    """Say why the study bears on the claimed use; nothing if it does not."""
    compatible = _compatible(question.routes, study.routes) and _compatible(
        question.products, study.products
    )
    if question.indication:
        if question.indication in study.indications and compatible:
            return (f"indication {question.indication}",)
        return ()
    if question.mechanisms:
        return ()
    shared = {
        "route": set(question.routes) & set(study.routes),
        "product": set(question.products) & set(study.products),
    }
    asked = {"route": question.routes, "product": question.products}
    if any(asked[name] and not shared[name] for name in asked):
        return ()
    return tuple(f"{name} {tag}" for name, tags in shared.items() for tag in sorted(tags)) or (
        "every study: the question names nothing",
    )


def applicable(
    studies: Iterable[Study],
    *,
    indication: str = "",
    routes: Sequence[str] = (),
    mechanisms: Sequence[str] = (),
    products: Sequence[str] = (),
) -> tuple[Applied, ...]:
    """Select the studies that bear on a question.

    A study bears on the *use* when it carries the indication and neither its
    routes nor its products conflict with those named; an empty list conflicts
    with nothing. A question that names routes or products only is about them: a
    study must share one of each named. A study bears on a *mechanism* when one
    of its findings is about a named mechanism and its products do not conflict;
    routes are not compared, since a step inside a cell has none. A study that
    bears only on a mechanism lends only those findings: an effect in another
    disease is never evidence for this one. A question that names nothing gets
    every study.

    Tags match whole: ``systemic_ageing`` does not find ``facial_skin_ageing``.

    Raises
    ------
    InputError
        If a mechanism is not one of ``MECHANISMS``.
    """
    question = Asked(indication, tuple(routes), tuple(mechanisms), tuple(products))
    for name in question.mechanisms:
        if name not in MECHANISMS:
            near = difflib.get_close_matches(name, MECHANISMS, 1) or MECHANISMS
            raise InputError(
                f"{name!r} is not a mechanism that studies are sorted by",
                where="mechanisms",
                remedy=f"use one of {', '.join(MECHANISMS)}; the nearest is {near[0]!r}",
            )
    selected: list[Applied] = []
    for study in studies:
        reasons = _use_reasons(study, question)
        wanted = set(question.mechanisms)
        steps = tuple(
            one
            for one in study.findings
            if wanted & set(one.mechanisms) and _compatible(question.products, study.products)
        )
        touched = sorted({name for one in steps for name in one.mechanisms} & wanted)
        because = (*reasons, *(f"mechanism {name}" for name in touched))
        if because:
            selected.append(Applied(study, because, study.findings if reasons else (), steps))
    return tuple(selected)


def level_of(study: Study, finding: Finding) -> Level:
    """Return the level of evidence that one finding of one study reaches alone.

    A finding without a result, or on something that is not vesicles, reaches
    none. A controlled trial counts as controlled only for outcomes on which arms
    were compared that differ by the vesicle product alone.
    """
    if finding.direction == "unreported" or study.given == "not_vesicles":
        return "none"
    if study.design == "in_vitro":
        return "in vitro"
    if study.design == "animal":
        return "animal"
    controlled = study.design == "controlled_human" and finding.contrast == "vesicles"
    return "controlled human" if controlled else "uncontrolled human"


def _highest(levels: Iterable[Level]) -> Level:
    found = set(levels)
    return next(level for level in reversed(LEVELS) if level in found)


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """Level and direction for one population, comparator and outcome."""

    population: str
    comparator: str
    outcome: str
    kind: Kind
    mechanisms: tuple[str, ...]
    level: Level
    direction: Direction
    studies: tuple[str, ...]
    recalled: bool


def _combined(directions: Iterable[Direction]) -> Direction:
    first, *others = directions
    return first if all(one == first for one in others) else "mixed"


def evidence_lines(findings: Iterable[tuple[Study, Finding]]) -> tuple[EvidenceLine, ...]:
    """Group findings by population, comparator, outcome and kind; give each its level.

    A line takes the level of its highest finding and the direction of the
    findings at that level. It is replicated when at least two controlled human
    studies agree on a direction other than mixed. It is ``recalled`` when nobody
    has opened any of the studies that give it its level.
    """
    groups: dict[tuple[str, str, str, Kind], list[tuple[Study, Finding]]] = {}
    for study, one in findings:
        if level_of(study, one) != "none":
            key = (
                one.population.casefold(),
                one.comparator.casefold(),
                one.outcome.casefold(),
                one.kind,
            )
            groups.setdefault(key, []).append((study, one))
    lines: list[EvidenceLine] = []
    for group in groups.values():
        level = _highest(level_of(study, one) for study, one in group)
        top = [(study, one) for study, one in group if level_of(study, one) == level]
        ways: dict[str, Direction] = {
            study.id: one.direction for study, one in top if one.direction != "unreported"
        }
        agreeing = Counter(way for way in ways.values() if way != "mixed")
        if level == "controlled human" and max(agreeing.values(), default=0) >= 2:
            level = "replicated"
        first = group[0][1]
        lines.append(
            EvidenceLine(
                first.population,
                first.comparator,
                first.outcome,
                first.kind,
                tuple(sorted({name for _, one in group for name in one.mechanisms})),
                level,
                _combined(ways.values()),
                tuple(dict.fromkeys(study.name for study, _ in group)),
                all(study.reading == "recalled" for study, _ in top),
            )
        )
    return tuple(sorted(lines, key=lambda line: -LEVELS.index(line.level)))


@dataclass(frozen=True, slots=True)
class Headline:
    """The highest level reached, its direction, and what the lower levels say.

    ``by_level`` runs from the highest level down, so that a lower level that
    points the other way stays in sight. ``recalled`` marks a level for which no
    source has been opened.
    """

    level: Level
    direction: Direction | None
    by_level: tuple[tuple[Level, Direction], ...]
    recalled: bool

    def __str__(self) -> str:
        if self.direction is None:
            return self.level
        return f"{self.level}, {self.direction}{' (recalled, not read)' * self.recalled}"


Row = Literal[
    "controlled", "combined", "uncontrolled", "animal", "in_vitro", "unreported", "not_vesicles"
]
ROW_WORDS: dict[Row, str] = {
    "controlled": "controlled human, arms differ by the vesicle product alone",
    "combined": "controlled human, arms also differ by cells or another ingredient",
    "uncontrolled": "uncontrolled human",
    "animal": "animal",
    "in_vitro": "in vitro",
    "unreported": "registered, stopped or unpublished: no result",
    "not_vesicles": "comparator that is not vesicles",
}
_ROW_OF_LEVEL: dict[Level, Row] = {
    "controlled human": "controlled",
    "uncontrolled human": "uncontrolled",
    "animal": "animal",
    "in vitro": "in_vitro",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many studies of one sort, with how many people.

    ``people`` sums the studies that print a number; ``people_unknown`` counts
    those that do not.
    """

    row: Row
    studies: int
    people: int
    people_unknown: int

    def __str__(self) -> str:
        said = f"{ROW_WORDS[self.row]}: {self.studies}"
        if self.row in {"animal", "in_vitro"}:
            return said
        unknown = f", number not known in {self.people_unknown}" if self.people_unknown else ""
        return f"{said} ({self.people} people{unknown})"


def _row(study: Study, findings: Sequence[Finding]) -> Row:
    if study.given == "not_vesicles":
        return "not_vesicles"
    level = _highest(level_of(study, one) for one in findings)
    if level == "none":
        return "unreported"
    combined = level == "uncontrolled human" and study.design == "controlled_human"
    return "combined" if combined else _ROW_OF_LEVEL[level]


def tallies(studies: Iterable[tuple[Study, Sequence[Finding]]]) -> tuple[Tally, ...]:
    """Count studies by sort, each once, in the highest row it reaches; zeros stay."""
    rows: dict[Row, list[Study]] = {row: [] for row in ROW_WORDS}
    for study, findings in studies:
        rows[_row(study, findings)].append(study)
    return tuple(
        Tally(
            row,
            len(held),
            sum(one.n or 0 for one in held),
            sum(one.n is None for one in held),
        )
        for row, held in rows.items()
    )


@dataclass(frozen=True, slots=True)
class ZeroEvents:
    """A study that saw no harm, and the share of people harmed that this still allows."""

    study: str
    outcome: str
    arm: str
    n: int

    @property
    def upper_share(self) -> float:
        """One-sided 95 % upper bound of the event share."""
        return upper_bound_of_zero_events(self.n)

    def __str__(self) -> str:
        return (
            f"{self.study}, {self.outcome}: 0 of {self.n}; up to "
            f"{100 * self.upper_share:.0f} % is not excluded (one-sided 95 %)"
        )


def recount(finding: Finding) -> tuple[RiskRatio, ...]:
    """Recompute each arm's risk ratio against the finding's last arm, its control."""
    if len(finding.arms) < 2 or finding.contrast == "none":
        return ()
    *arms, control = finding.arms
    return tuple(risk_ratio(arm, control) for arm in arms if arm.events or control.events)


@dataclass(frozen=True, slots=True)
class EvidenceSummary:
    """What the recorded studies say to one question.

    The use and the mechanism are counted apart: a mechanism shown in a dish is
    no evidence of a use. Effect and safety have headlines of their own.
    """

    question: Asked
    applied: tuple[Applied, ...]
    lines: tuple[EvidenceLine, ...]
    background: tuple[Background, ...]
    unmatched: tuple[str, ...]
    scope: str

    @property
    def use_tallies(self) -> tuple[Tally, ...]:
        """Counts of the studies of the claimed use; every row, zeros included."""
        return tallies((one.study, one.on_use) for one in self.applied if one.on_use)

    @property
    def mechanism_tallies(self) -> tuple[Tally, ...]:
        """Counts of the studies of the named mechanisms; every row, zeros included."""
        return tallies((one.study, one.on_mechanism) for one in self.applied if one.on_mechanism)

    @property
    def controlled_human(self) -> Tally:
        """Controlled human studies of the claimed use; ``studies`` is 0 when there are none."""
        return self.use_tallies[0]

    def headline(self, kind: Kind = "effect", mechanism: str = "") -> Headline:
        """Return the highest level and its direction for one kind of finding.

        With ``mechanism``, only the lines that bear on it are read.
        """
        found: dict[Level, list[EvidenceLine]] = {}
        for line in self.lines:
            if line.kind == kind and (not mechanism or mechanism in line.mechanisms):
                found.setdefault(line.level, []).append(line)
        by_level: tuple[tuple[Level, Direction], ...] = tuple(
            (level, _combined(line.direction for line in found[level]))
            for level in reversed(LEVELS)
            if level in found
        )
        if not by_level:
            return Headline("none", None, (), recalled=False)
        level, direction = by_level[0]
        recalled = all(line.recalled for line in found[level])
        return Headline(level, direction, by_level, recalled)

    @property
    def level(self) -> Level:
        """Level of the evidence for the claimed effect."""
        return self.headline().level

    @property
    def direction(self) -> Direction | None:
        """Direction of the evidence for the claimed effect; None where there is none."""
        return self.headline().direction

    @property
    def zero_events(self) -> tuple[ZeroEvents, ...]:
        """Each arm in which no harm was seen, for the bound that belongs beside it."""
        return tuple(
            ZeroEvents(one.study.name, finding.outcome, arm.label, arm.n)
            for one in self.applied
            for finding in one.on_use
            if finding.kind == "safety"
            for arm in finding.arms
            if arm.events == 0
        )

    @property
    def recounts(self) -> tuple[tuple[str, RiskRatio], ...]:
        """Risk ratios recomputed from printed counts, with the study's name."""
        return tuple(
            (one.study.name, ratio)
            for one in self.applied
            for finding in one.on_use
            for ratio in recount(finding)
        )

    def count_sentence(self) -> str:
        """Say in one sentence how many controlled human studies there are, zero included."""
        if self.question.mechanisms and not self.question.indication:
            return "The question names a mechanism and no use: no study of a use was counted."
        tally = self.controlled_human
        unknown = f" and {tally.people_unknown} without a number" if tally.people_unknown else ""
        return (
            f"Controlled human studies of this use in which the arms differ by the vesicle "
            f"product alone: {tally.studies} ({tally.people} people{unknown})."
        )


def known_tags(studies: Iterable[Study]) -> dict[str, tuple[str, ...]]:
    """Return every indication, route and product that a study carries, sorted."""
    held = tuple(studies)
    return {
        "indication": tuple(sorted({tag for one in held for tag in one.indications})),
        "route": tuple(sorted({tag for one in held for tag in one.routes})),
        "product": tuple(sorted({tag for one in held for tag in one.products})),
    }


def _unmatched(studies: Iterable[Study], question: Asked) -> tuple[str, ...]:
    """Name each asked tag that no study carries, and the nearest tag that one does."""
    known = known_tags(studies)
    asked = {
        "indication": (question.indication,) if question.indication else (),
        "route": question.routes,
        "product": question.products,
    }
    said: list[str] = []
    for name, tags in asked.items():
        for tag in tags:
            if tag not in known[name]:
                near = difflib.get_close_matches(tag, known[name], 1)
                hint = f"; the nearest tag is {near[0]!r}" if near else ""
                said.append(f"no recorded study carries {name} {tag!r}{hint}")
    return tuple(said)


def evidence_for(
    *,
    indication: str = "",
    routes: Sequence[str] = (),
    mechanisms: Sequence[str] = (),
    products: Sequence[str] = (),
    book: EvidenceBook | None = None,
) -> EvidenceSummary:
    """Return what the recorded studies say to a question.

    Selection follows ``applicable``, levels ``evidence_lines``. A tag that no
    study carries is not an error, since the honest answer may be zero; it is
    named in ``unmatched`` so that a misspelt tag cannot pass for an empty field.

    Raises
    ------
    InputError
        If a mechanism is not one of ``MECHANISMS``.
    """
    held = book or load_book()
    question = Asked(indication, tuple(routes), tuple(mechanisms), tuple(products))
    applied = applicable(
        held.studies,
        indication=indication,
        routes=routes,
        mechanisms=mechanisms,
        products=products,
    )
    # A finding that bears on use and mechanism stands in both lists; it is one line.
    findings = [
        (one.study, finding)
        for one in applied
        for finding in one.study.findings
        if finding in one.on_use or finding in one.on_mechanism
    ]
    return EvidenceSummary(
        question,
        applied,
        evidence_lines(findings),
        held.background,
        _unmatched(held.studies, question),
        held.scope,
    )
