"""The docket: every claim of the source article as a record, with what is known of it.

A record holds a few quoted words, who says them and what they gain, how firmly, what is
cited, what primary literature says and how well that was read, and a verdict with its reasons.
The verdict never affirms more than the hedge allows, and no number of a page is typed:
all are counted from the records.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    field_validator,
    model_validator,
)

from exosome.claims.article import load_statements
from exosome.claims.article_lint import Rule, Work
from exosome.claims.counts import CountAudit, CountTable, audits
from exosome.claims.evidence import EvidenceSummary, evidence_for, load_book
from exosome.core.errors import InputError
from exosome.core.records import read_records

Type = Literal["D", "M", "T", "R", "S", "B"]
TYPE_WORDS: dict[Type, str] = {
    "D": "definition",
    "M": "mechanism",
    "T": "therapy",
    "R": "regulation",
    "S": "social or market",
    "B": "bibliographic",
}
Hedge = Literal["none", "weak", "strong"]
HEDGE_WORDS: dict[Hedge, str] = {
    "none": "stated as fact",
    "weak": "softened",
    "strong": "put forward as a hypothesis",
}
# How firmly a word commits its speaker.
_LEXICON: dict[Hedge, tuple[str, ...]] = {
    "strong": ("hypothesi[sz]ed?", "hypothesis", "theory", "proposed?", "speculated?", "unproven"),
    "weak": (
        "may",
        "might",
        "could",
        "potential(?:ly)?",
        "promis(?:e|ing)",
        "possibl[ey]",
        "thought to",
        "attributed",
        "suggests?",
        "believed?",
        "argues?",
        "seems?",
        "appears?",
        "likely",
        "reported(?:ly)?",
    ),
}
Verdict = Literal[
    "agrees",
    "supported in part",
    "weakly supported",
    "fair as a hypothesis",
    "no direct evidence",
    "no verdict",
    "contested",
    "unsupported",
    "citation error",
    "partly false or dated",
    "false as worded",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
VERDICT_MEANS: dict[Verdict, str] = {
    "agrees": "what was read agrees with the words as they stand",
    "supported in part": "right within a limit that the words leave out",
    "weakly supported": "some support, of low certainty",
    "fair as a hypothesis": "reasonable to ask; not shown",
    "no direct evidence": "nothing was found that tests it directly",
    "no verdict": "an opinion, a forecast or a status: nothing to judge",
    "contested": "careful sources disagree",
    "unsupported": "stated as found, and no source that would show it was found",
    "citation error": "the source is not what the words say it is",
    "partly false or dated": "part of it is wrong, or was right and no longer is",
    "false as worded": "wrong as it stands, whatever the evidence",
}
AFFIRMS: dict[Verdict, int] = {
    "agrees": 4,
    "supported in part": 3,
    "weakly supported": 2,
    "fair as a hypothesis": 1,
}
"""How much a verdict affirms; one that is not listed affirms nothing."""
CEILING: dict[Hedge, int] = {"none": 4, "weak": 3, "strong": 1}
"""The most that a verdict may affirm of words so hedged."""
DENIES: frozenset[Verdict] = frozenset({"partly false or dated", "false as worded"})

Reading = Literal["read", "second-hand", "recalled", "computed", "inferred", "unmarked"]
Certainty = Literal["high", "moderate", "low"]
Grade = Literal["high", "moderate", "low", "very low", "none or very low"]
Domain = Literal[
    "risk of bias",
    "inconsistency",
    "indirectness",
    "imprecision",
    "publication bias",
    "not assigned to a domain",
]
QUOTE_WORDS = 12

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
StatementId = Annotated[str, StringConstraints(pattern=r"^S\d{2}$")]
ClaimId = Annotated[str, StringConstraints(pattern=r"^(C\d{1,2}[a-z]?|X\d{1,2})$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_alias=True)


class Speaker(_Strict):
    """Who says it, and what they gain if it is believed."""

    key: Text
    name: Text
    interest: Text


class Literature(_Strict):
    """What a source says to the claim, and how well it was read."""

    says: Text
    reading: Reading


def hedge_of(words: tuple[str, ...]) -> Hedge:
    """Return the strength of a set of hedge words: that of the strongest.

    >>> hedge_of(("may",)), hedge_of(("proposed", "could")), hedge_of(())
    ('weak', 'strong', 'none')
    """
    found = {one.hedge for word in words for one in hedges_in(word)}
    return "strong" if "strong" in found else "weak" if "weak" in found else "none"


@dataclass(frozen=True, slots=True)
class HedgeWord:
    """One hedge found in a text, and how strong it is."""

    word: str
    hedge: Hedge


def hedges_in(text: str) -> tuple[HedgeWord, ...]:
    """Return the hedge words of a text, in order.

    Words are matched whole and without their meaning: the month of May, or a quoted
    hedge, is found as well. "Can" is not a hedge here: it states an ability.
    """
    found = [
        (match.start(), HedgeWord(match.group().casefold(), strength))
        for strength, patterns in _LEXICON.items()
        for match in re.finditer(rf"\b(?:{'|'.join(patterns)})\b", text, re.IGNORECASE)
    ]
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))


class DocketClaim(_Strict):
    """One claim of the article.

    A verdict may affirm no more than the hedge allows (``CEILING``). It may deny
    hedged words only where it names what the hedge does not cover. Certainty of a
    mechanism stands on definitions and mechanisms only; a grade stands on outcomes.
    """

    id: ClaimId
    statements: Annotated[tuple[StatementId, ...], Field(min_length=1)]
    quotes: Annotated[tuple[Text, ...], Field(min_length=1)]
    lines: tuple[PositiveInt, PositiveInt]
    types: Annotated[tuple[Type, ...], Field(min_length=1)]
    quantitative: bool = False
    speaker: Text
    hedge_words: tuple[Text, ...] = ()
    cites: tuple[Text, ...] = ()
    certainty: Certainty | None = None
    verdict: Verdict
    hedge_does_not_cover: str = ""
    reasons: Annotated[tuple[Text, ...], Field(min_length=1)]
    literature: tuple[Literature, ...] = ()
    outcomes: tuple[Text, ...] = ()
    runs: tuple[Text, ...] = ()
    defects: tuple[Rule, ...] = ()

    @field_validator("quotes")
    @classmethod
    def _quotes_are_short(cls, quotes: tuple[str, ...]) -> tuple[str, ...]:
        for quote in quotes:
            if len(quote.split()) > QUOTE_WORDS:
                raise ValueError(f"{quote!r} quotes more than {QUOTE_WORDS} words")
        return quotes

    @model_validator(mode="after")
    def _record_holds(self) -> Self:
        unknown = [word for word in self.hedge_words if not hedges_in(word)]
        left_out = [
            one.word
            for quote in self.quotes
            for one in hedges_in(quote)
            if not any(one.word in held.casefold() for held in self.hedge_words)
        ]
        cause = "M" in self.types or "D" in self.types
        affirms = AFFIRMS.get(self.verdict, 0)
        problems = {
            "the lines run backwards": self.lines[0] > self.lines[1],
            f"not hedge words: {', '.join(unknown)}": bool(unknown),
            f"the quote's hedge is not stored: {', '.join(left_out)}": bool(left_out),
            f"{self.verdict!r} affirms more than a {self.hedge} hedge allows": affirms
            > CEILING[self.hedge],
            "a denial of hedged words names what the hedge does not cover": self.verdict in DENIES
            and self.hedge != "none"
            and not self.hedge_does_not_cover,
            "certainty of a mechanism stands on D and M only": self.certainty is not None
            and not cause,
            "say what literature says, or give no verdict": not self.literature
            and self.verdict != "no verdict",
        }
        for problem, found in problems.items():
            if found:
                raise ValueError(f"{self.id}: {problem}")
        return self

    @property
    def hedge(self) -> Hedge:
        """How firmly it is said, from the hedge words."""
        return hedge_of(self.hedge_words)

    @property
    def in_table(self) -> bool:
        """Whether the claim is a row of the reading table (C), or was added here (X)."""
        return self.id.startswith("C")


class NoClaim(_Strict):
    """A statement of the article that claims nothing, and why."""

    statement: StatementId
    why: Text


class DownFor(_Strict):
    """A reason for a grade, under the domain that the reader named, if any."""

    domain: Domain
    why: Text


class Outcome(_Strict):
    """One question with a grade that a person gave: population, product, comparator, outcome.

    ``indication``, ``routes`` and ``products`` select recorded studies, whose level
    and direction stand beside the grade and never change it.
    """

    id: Text
    population: Text
    intervention: Text
    comparator: Text
    outcome: Text
    best: Text
    ocebm: Annotated[str, StringConstraints(pattern=r"^[1-5]$")]
    grade: Grade | None = None
    direction: Literal["", "for", "null", "against", "mixed"] = ""
    down_for: tuple[DownFor, ...] = ()
    indication: str = ""
    routes: tuple[Text, ...] = ()
    products: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _reasons_belong_to_a_grade(self) -> Self:
        if self.down_for and self.grade is None:
            raise ValueError(f"{self.id}: reasons without a grade")
        return self

    def graded(self, reader: str) -> str:
        """Return the grade with who gave it, or ``not graded``."""
        return f"{self.grade} ({reader})" if self.grade else "not graded"

    def studies(self) -> EvidenceSummary | None:
        """Return the recorded studies of the question; None where no tag selects any."""
        if not (self.indication or self.routes or self.products):
            return None
        return evidence_for(indication=self.indication, routes=self.routes, products=self.products)


class Docket(_Strict):
    """All records of one article."""

    article_date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    reader: Text
    speakers: Annotated[tuple[Speaker, ...], Field(alias="speaker", min_length=1)]
    works: Annotated[tuple[Work, ...], Field(alias="work")] = ()
    claims: Annotated[tuple[DocketClaim, ...], Field(alias="claim", min_length=1)]
    no_claims: Annotated[tuple[NoClaim, ...], Field(alias="no_claim")] = ()
    outcomes: Annotated[tuple[Outcome, ...], Field(alias="outcome")] = ()
    counts: Annotated[tuple[CountTable, ...], Field(alias="count")] = ()

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        known: dict[str, list[str]] = {
            "speaker": [one.key for one in self.speakers],
            "work": [one.key for one in self.works],
            "claim": [one.id for one in self.claims],
            "outcome": [one.id for one in self.outcomes],
            "no_claim": [one.statement for one in self.no_claims],
        }
        for kind, keys in known.items():
            if twice := [key for key, times in Counter(keys).items() if times > 1]:
                raise ValueError(f"{kind} used twice: {', '.join(twice)}")
        for one in self.claims:
            used = {"speaker": (one.speaker,), "work": one.cites, "outcome": one.outcomes}
            for kind, keys in used.items():
                if absent := set(keys) - set(known[kind]):
                    raise ValueError(f"{one.id}: no {kind} {', '.join(sorted(absent))}")
        both = {s for one in self.claims for s in one.statements} & set(known["no_claim"])
        if both:
            raise ValueError(f"both claim and no claim: {', '.join(sorted(both))}")
        return self

    def speaker_of(self, claim: DocketClaim) -> Speaker:
        """Return who makes the claim."""
        return next(one for one in self.speakers if one.key == claim.speaker)

    def works_of(self, claim: DocketClaim) -> tuple[Work, ...]:
        """Return the works that the article cites for the claim."""
        return tuple(one for one in self.works if one.key in claim.cites)

    def outcomes_of(self, claim: DocketClaim) -> tuple[Outcome, ...]:
        """Return the graded outcomes that bear on the claim."""
        return tuple(one for one in self.outcomes if one.id in claim.outcomes)

    def about(self, statement: str) -> tuple[DocketClaim, ...]:
        """Return the records of one statement."""
        return tuple(one for one in self.claims if statement in one.statements)

    def uncovered(self) -> tuple[str, ...]:
        """Return the statements of the article that have neither a record nor a reason for none."""
        covered = {s for one in self.claims for s in one.statements}
        covered |= {one.statement for one in self.no_claims}
        return tuple(one.id for one in load_statements() if one.id not in covered)


def read_docket(text: str, *, where: str) -> Docket:
    """Read a docket from TOML text.

    Raises
    ------
    CatalogError
        If the text is not TOML or a record breaks a rule; ``where`` names the file.
    """
    return read_records(
        text, Docket, what="the docket", where=where, fields_of="exosome.claims.docket.DocketClaim"
    )


@cache
def load_docket() -> Docket:
    """Return the docket of the source article."""
    name = "docket.toml"
    return read_docket(files("exosome.claims").joinpath(name).read_text("utf-8"), where=name)


def find_claims(docket: Docket, wanted: str) -> tuple[DocketClaim, ...]:
    """Return the records of a statement (``S59``) or of a claim (``C42``).

    A statement that is no claim has none; ask ``Docket.no_claims`` for the reason.

    Raises
    ------
    InputError
        If there is no such statement or claim.
    """
    name = wanted.strip()
    statement = name.upper()
    if statement in {one.id for one in load_statements()}:
        return docket.about(statement)
    found = tuple(one for one in docket.claims if one.id.casefold() == name.casefold())
    if not found:
        raise InputError(
            f"{wanted!r} is neither a statement nor a claim",
            where="docket",
            remedy="give S01 to S76, or a claim such as C42; `exosome docket` lists all",
        )
    return found


@dataclass(frozen=True, slots=True)
class DocketCounts:
    """What the page says in numbers; every one is counted from the records.

    ``by_verdict`` counts the rows of the reading table only, ``added`` the records
    beside it; ``defects`` counts the records that show each defect.
    """

    rows: int
    added: int
    statements: int
    no_claims: int
    by_verdict: tuple[tuple[Verdict, int], ...]
    by_type: tuple[tuple[Type, int], ...]
    by_hedge: tuple[tuple[Hedge, int], ...]
    defects: tuple[tuple[Rule, int], ...]
    cited_works: int
    cited_primary: int
    with_a_run: int


def count_docket(docket: Docket) -> DocketCounts:
    """Count the records."""
    rows = [one for one in docket.claims if one.in_table]
    verdicts = Counter(one.verdict for one in rows)
    types = Counter(kind for one in rows for kind in one.types)
    hedges = Counter(one.hedge for one in rows)
    defects = Counter(rule for one in docket.claims for rule in one.defects)
    rules: tuple[Rule, ...] = get_args(Rule)
    return DocketCounts(
        len(rows),
        len(docket.claims) - len(rows),
        len({s for one in docket.claims for s in one.statements} | _silent(docket)),
        len(docket.no_claims),
        tuple((one, verdicts[one]) for one in VERDICTS),
        tuple((one, types[one]) for one in TYPE_WORDS),
        tuple((one, hedges[one]) for one in HEDGE_WORDS),
        tuple((one, defects[one]) for one in rules if defects[one]),
        len(docket.works),
        sum(one.sort == "primary" for one in docket.works),
        sum(bool(one.runs) for one in docket.claims),
    )


def _silent(docket: Docket) -> set[str]:
    return {one.statement for one in docket.no_claims}


def count_audits(docket: Docket) -> tuple[CountAudit, ...]:
    """Recount every table of the docket, and every arm of the recorded studies beside them.

    A table of the docket stands for the study's own counts of the same outcome,
    since it also holds what the source prints about them.
    """
    held = {(one.study, one.outcome) for one in docket.counts}
    recorded = [
        CountTable.model_validate(
            {
                "study": study.name,
                "outcome": one.outcome,
                "harm": one.kind == "safety",
                "reading": study.reading,
                "locator": study.locator,
                "arm": one.arms,
            }
        )
        for study in load_book().studies
        for one in study.findings
        if one.arms and (study.name, one.outcome) not in held
    ]
    return audits((*docket.counts, *recorded))
