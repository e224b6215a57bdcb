"""Defects of a text about vesicles: its words against its own citations and against itself.

The detectors are rules over the text and a declared list of what it cites; none knows the
answer for a particular article. Each works on wording and so has limits, said with it. A
finding is a place to look, with the words that caused it; no finding is no certificate.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from exosome.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Rule = Literal[
    "category slip",
    "subset taken for the set",
    "review cited as a study",
    "wrong author",
    "year does not match its citation",
    "self-contradiction",
    "seller of the comparator as author",
    "criterion 4 is the wrong question",
    "ethics approval shown as comfort",
    "information page that recruits",
]
RULE_MEANS: dict[Rule, str] = {
    "category slip": "vesicles are called cells, or are said to do what only cells do",
    "subset taken for the set": "exosomes are given as another name for extracellular vesicles",
    "review cited as a study": "what is called a study is a review, a Q&A or an opinion",
    "wrong author": "the author named is not the first author of the work cited",
    "year does not match its citation": "the year named is not that of the work cited",
    "self-contradiction": "two sentences cannot both hold",
    "seller of the comparator as author": "the author sells what the subject is compared with",
    "criterion 4 is the wrong question": (
        "the criteria for tissue products are applied to a secreted product before asking "
        "whether it is one"
    ),
    "ethics approval shown as comfort": "approval by a review board stands where a licence would",
    "information page that recruits": "general information ends in an application for treatment",
}
Sort = Literal["primary", "review", "Q&A", "opinion", "guideline", "registry", "news"]
_NOT_A_STUDY: dict[Sort, str] = {
    "review": "a review",
    "Q&A": "a question-and-answer piece",
    "opinion": "an opinion",
    "guideline": "a guideline",
    "news": "a news item",
}
Surname = Annotated[str, StringConstraints(min_length=2, strip_whitespace=True)]


class Work(BaseModel):
    """A work that a text cites: the mark it uses, who wrote it, when, and of what sort it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, StringConstraints(min_length=1)]
    authors: Annotated[tuple[Surname, ...], Field(min_length=1)]
    year: Annotated[int, Field(ge=1800, le=2100)]
    sort: Sort
    title: str = ""
    container: str = ""
    doi: str = ""

    def __str__(self) -> str:
        first, *others = self.authors
        return f"({self.key}) {first}{' et al.' if others else ''} {self.year}"


class _Works(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    work: tuple[Work, ...]


def read_works(text: str, *, where: str) -> tuple[Work, ...]:
    """Read a bibliography: TOML with one ``[[work]]`` for each citation mark.

    Raises
    ------
    InputError
        If the text is not TOML or an entry breaks a rule; ``where`` names the file.
    """
    try:
        return _Works.model_validate(tomllib.loads(text)).work
    except (tomllib.TOMLDecodeError, ValidationError) as fault:
        raise InputError(
            f"the bibliography cannot be used: {fault}",
            where=where,
            remedy="give [[work]] tables with key, authors, year and sort",
        ) from fault


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect: the rule, the line, the words, and what is wrong with them."""

    rule: Rule
    line: int
    words: str
    says: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.rule}: \u2018{self.words}\u2019: {self.says}"


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    line: int
    paragraph: int


_ABBREVIATION = re.compile(
    r"\b(?:et al|vs|e\.g|i\.e|Dr|Prof|Fig|No|no|vol|pp|cf|approx|St|ca|[A-Z])\.$"
)
_MARKED = r"[\[(]\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*[\])]"
_END = re.compile(rf"[.!?][\u201d\"')\]]*(?:\s*{_MARKED})*(?:\s+|$)")
_REFERENCE = re.compile(r"^\s*[\[(]?\d{1,3}[\])]?\.?\s+\w[^.]{0,200}[.,].*(?:https?://|doi|\d{4})")
_MARK = re.compile(r"[\[(](\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*)[\])]")


def lint_article(text: str, works: Sequence[Work] = ()) -> tuple[Finding, ...]:
    """Return the defects of a text, in the order of its lines.

    Parameters
    ----------
    text : str
        The article as plain text, one paragraph for each line or set apart by blank lines.
    works : sequence of Work
        What it cites, by the number in round or square brackets. Rules on citations
        are silent without it.
    """
    sentences = tuple(_sentences(text))
    found = [
        *_category_slips(sentences),
        *_subset_for_set(sentences),
        *_reviews_as_studies(sentences, works),
        *_wrong_authors(sentences, works),
        *_wrong_years(sentences, works),
        *_contradictions(sentences),
        *_sellers(sentences),
        *_wrong_question(sentences),
        *_comfort(sentences),
        *_recruiting(sentences),
    ]
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda one: (one.line, one.rule)))


def _sentences(text: str) -> Iterator[_Sentence]:
    """Split prose into sentences with their lines; entries of a reference list are no prose."""
    paragraph = 0
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            paragraph += 1
            continue
        if _REFERENCE.match(content):
            continue
        start = 0
        for match in _END.finditer(content):
            if _ABBREVIATION.search(content[: match.start() + 1]):
                continue
            said = content[start : match.end()].strip()
            if said:
                yield _Sentence(said, line, paragraph)
            start = match.end()
        if rest := content[start:].strip():
            yield _Sentence(rest, line, paragraph)


def _clip(text: str, match: re.Match[str]) -> str:
    words = text[match.start() : match.end()].split()
    return " ".join(words if len(words) <= 12 else [*words[:11], "\u2026"])


# --- what vesicles are

_VESICLE = r"(?:exosomes?|ectosomes?|(?:micro|bio)?vesicles?|small EVs?|EVs?|particles?)"
_CELL = (
    r"(?:cells?|MSCs?|macrophages?|neurons?|platelets?|lymphocytes?|monocytes?|neutrophils?"
    r"|\w{2,}cytes?|\w{2,}blasts?|stem cells?|donors?|tissues?)"
)
_CELLULAR = re.compile(
    r"\bcell(?:ular)?[\s-]+to[\s-]+cell\b|\b(?:from|of|by|inside|outside|within)\s+(?:a|the|each|one)"
    r"\s+(?:\w+\s+)?cell\b|\bcell(?=[\s-]+(?:communication|membranes?|biology|culture|free|derived))"
    r"|\b(?:inter|extra)?cellular\b",
    re.IGNORECASE,
)
_THESE_CELLS = re.compile(r"^(?:these|those|such)\s+(?:\w+\s+){0,2}cells\b", re.IGNORECASE)
_PLACED = r"(?:in|inside|outside|within|by|from|of|to|into|for|near|between|on|not)"
_ARE_CELLS = re.compile(
    rf"\b{_VESICLE}\s+(?:are|is)\s+(?:(?!{_PLACED}\b)\w+\s+){{0,2}}cells?\b"
    rf"(?!\s*[-\s](?:derived|free|surface|products?|fragments?))"
    rf"|\bexosome\s+cells?\b|\b(?:living|live|viable)\s+{_VESICLE}\b",
    re.IGNORECASE,
)
_DO_AS_CELLS = re.compile(
    rf"\b{_VESICLE}\s+(?:can\s+|also\s+|then\s+)?(?:divide|proliferate|replicate|self-renew"
    rf"|differentiate|transcribe|metaboli[sz]e)s?\b",
    re.IGNORECASE,
)


def _category_slips(sentences: Sequence[_Sentence]) -> Iterator[Finding]:
    """Flag "these cells" where vesicles were spoken of and no cells, and cell verbs.

    Limit: for what "these" points to, only the sentence before is read, and whether the
    same adjective stood before vesicles ("messenger particles ... these messenger cells").
    """
    said = "vesicles are particles that cells release; they are not cells"
    for before, one in zip((None, *sentences), sentences, strict=False):
        match = _THESE_CELLS.search(one.text)
        if match and before is not None and before.paragraph == one.paragraph:
            plain = _CELLULAR.sub(" ", before.text)
            of_vesicles = re.search(rf"\b{_VESICLE}\b", plain, re.IGNORECASE) and not re.search(
                rf"\b{_CELL}\b", plain, re.IGNORECASE
            )
            if of_vesicles or _same_adjective(match, sentences):
                yield Finding("category slip", one.line, _clip(one.text, match), said)
        plain = _CELLULAR.sub(" ", one.text)
        for pattern in (_ARE_CELLS, _DO_AS_CELLS):
            if found := pattern.search(plain):
                yield Finding("category slip", one.line, _clip(plain, found), said)


def _same_adjective(match: re.Match[str], sentences: Sequence[_Sentence]) -> bool:
    words = match.group().split()[1:-1]
    if not words:
        return False
    of_vesicles = re.compile(rf"\b{re.escape(words[-1])}\s+{_VESICLE}\b", re.IGNORECASE)
    return any(of_vesicles.search(other.text) for other in sentences)


_EV = r"(?:extracellular\s+vesicles?|EVs)"
_SAME = (
    r"(?:also\s+(?:known|called|referred\s+to|termed)|a\.?k\.?a\.?|otherwise\s+known|synonym(?:s|ous)?"
    r"\s+(?:of|for|with)|identical\s+(?:to|with)|the\s+same\s+(?:thing\s+)?as|another\s+(?:name|word)"
    r"\s+for|interchangeabl[ey]\s+with)"
)
_ALSO_KNOWN = re.compile(rf"\b{_SAME}(?:\s+(?:as|are|is|by)){{0,2}}\s+{_EV}\b", re.IGNORECASE)
_BRACKETED = re.compile(rf"\bexosomes\s*(?:\(\s*{_EV}\s*\)|,\s*or\s+{_EV}\s*,)", re.IGNORECASE)
_BOTH_WAYS = re.compile(
    rf"\bexosomes?\s+and\s+{_EV}\s+(?:are|mean)\s+(?:\w+\s+)?(?:the\s+same|synonym|interchangeable)",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(?:not|never|no longer|wrongly|loosely|incorrectly)\b", re.IGNORECASE)


def _subset_for_set(sentences: Sequence[_Sentence]) -> Iterator[Finding]:
    """Flag exosomes given as another name for extracellular vesicles.

    "Exosomes are extracellular vesicles" is true and passes: a subset belongs to its set.
    """
    said = "exosomes are one kind of extracellular vesicle; the words are not interchangeable"
    for place, one in enumerate(sentences):
        near = " ".join(
            other.text
            for other in sentences[max(0, place - 2) : place + 1]
            if other.paragraph == one.paragraph
        )
        for pattern in (_ALSO_KNOWN, _BRACKETED, _BOTH_WAYS):
            match = pattern.search(one.text)
            if not match or _NEGATED.search(one.text):
                continue
            lead = one.text[: match.start()]
            if pattern is _ALSO_KNOWN and (
                re.search(r"\b(?:vesicles|EVs)\W*$", lead, re.IGNORECASE)
                or not re.search(r"\bexosomes?\b", near, re.IGNORECASE)
            ):
                continue
            yield Finding("subset taken for the set", one.line, _clip(one.text, match), said)


# --- what is cited

_YEAR = r"(?:1[89]|20)\d{2}"
_STUDY = r"(?:study|trial|finding|experiment|investigation)"
_CALLED_STUDY = re.compile(
    rf"\b(?:an?\s+|the\s+|their\s+|this\s+|one\s+)(?:{_YEAR}\s+)?(?:\w+\s+){{0,2}}?{_STUDY}\b"
    rf"|\b\w+(?:\s+et\s+al\.?)?(?:'s|\u2019s)?\s+{_YEAR}\s+{_STUDY}\b",
    re.IGNORECASE,
)
_YEAR_OF_WORK = re.compile(
    rf"\b({_YEAR})\s+(?:\w+\s+){{0,2}}?(?:{_STUDY}|paper|article|report|review|publication)\b"
    rf"|\b(?:published|reported|described|shown)\s+in\s+({_YEAR})\b",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b[Aa]ccording\s+to\s+(?:Dr\.?\s+)?((?-i:[A-Z][a-z]+(?:-[A-Z][a-z]+)?))(?!\w)(?!\s+(?:[A-Z]|guid))"
    r"|\b((?-i:[A-Z][a-z]+(?:-[A-Z][a-z]+)?))\s+(?:et\s+al\b|and\s+(?:colleagues|co-?workers|others)\b)"
)
_NO_NAMES = frozenset({"The", "This", "These", "Some", "Many", "Several", "Our", "Their", "Most"})


def _keys(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for match in _MARK.finditer(text):
        for part in re.split(r"\s*[,;]\s*", match.group(1)):
            first, _, last = part.replace("\u2013", "-").partition("-")
            top = int(last) if last.strip() else int(first)
            found += [str(number) for number in range(int(first), min(top, int(first) + 50) + 1)]
    return tuple(found)


def _marked(text: str, works: Sequence[Work]) -> tuple[Work, ...]:
    """Return the works to which the marks of a sentence point."""
    known = {one.key: one for one in works}
    return tuple(known[key] for key in _keys(text) if key in known)


def _around(sentences: Sequence[_Sentence], place: int, works: Sequence[Work]) -> tuple[Work, ...]:
    """Return the work that the paragraph marks next, or else marked last."""
    same = [i for i, one in enumerate(sentences) if one.paragraph == sentences[place].paragraph]
    after = [i for i in same if i > place]
    before = [i for i in reversed(same) if i < place]
    found = (_marked(sentences[i].text, works) for i in (*after, *before))
    return next((works[:1] for works in found if works), ())


def _named_in(text: str, works: Sequence[Work]) -> tuple[Work, ...]:
    """Return the works whose first author or whose journal and year the sentence names."""
    return tuple(
        one
        for one in works
        if re.search(rf"\b{re.escape(one.authors[0])}\b", text)
        or (str(one.year) in text and one.container and _letters(one.container) in _letters(text))
    )


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.casefold().replace("&", "and"))


def _reviews_as_studies(sentences: Sequence[_Sentence], works: Sequence[Work]) -> Iterator[Finding]:
    """Flag "a study" where the work named or marked is a review, a Q&A or an opinion.

    Only one study is meant: "several studies" may be what a review reports.
    """
    for place, one in enumerate(sentences):
        match = _CALLED_STUDY.search(one.text)
        if not match or re.search(r"\bthis study (?:aims|was)\b", one.text, re.IGNORECASE):
            continue
        meant = _marked(one.text, works) or _named_in(one.text, works)
        # "The study" takes up a work named before; "a study" without a mark may be any.
        if not meant and re.match(r"(?:the|this|their)\b", match.group(), re.IGNORECASE):
            meant = _around(sentences, place, works)
        if meant and all(work.sort in _NOT_A_STUDY for work in meant):
            work = meant[0]
            says = f"{work} is {_NOT_A_STUDY[work.sort]}, not a study"
            yield Finding("review cited as a study", one.line, _clip(one.text, match), says)


def _wrong_authors(sentences: Sequence[_Sentence], works: Sequence[Work]) -> Iterator[Finding]:
    """Flag a name in the text that is not the first author of the work it cites.

    Where the sentence has no mark, the last mark before it is read; the name is
    flagged only if another declared work has it, so that a name without any citation passes.
    """
    last: Work | None = None
    for one in sentences:
        own = _marked(one.text, works)
        for match in _NAMED.finditer(one.text):
            name = match.group(1) or match.group(2)
            if name in _NO_NAMES:
                continue
            if own and not any(work.authors[0] == name for work in own):
                work = own[0]
                also = ", a later author," if name in work.authors[1:] else ""
                says = f"the mark points to {work}; {name}{also} is not its first author"
                yield Finding("wrong author", one.line, _clip(one.text, match), says)
            elif (
                not own
                and last is not None
                and last.authors[0] != name
                and name in last.authors
                and str(last.year) not in one.text
            ):
                says = (
                    f"no mark stands here; the one before points to {last}, of which {name} is "
                    f"not the first author"
                )
                yield Finding("wrong author", one.line, _clip(one.text, match), says)
        last = own[-1] if own else last


def _wrong_years(sentences: Sequence[_Sentence], works: Sequence[Work]) -> Iterator[Finding]:
    """Flag a study dated in the text otherwise than the work that the sentence marks.

    Limit: preprints, issues dated after their year, and reprints differ without fault.
    """
    for one in sentences:
        match = _YEAR_OF_WORK.search(one.text)
        if not match:
            continue
        year = int(match.group(1) or match.group(2))
        meant = _marked(one.text, works)
        if not meant or any(work.year == year for work in meant):
            continue
        if any(work.year == year for work in _named_in(one.text, works)):
            continue
        says = f"the mark points to {meant[0]}, not to a work of {year}"
        yield Finding("year does not match its citation", one.line, _clip(one.text, match), says)


# --- what contradicts itself

_HEDGED = re.compile(
    r"\b(?:may|might|could|thought|believed|proposed|suggest\w*|hypothes\w*|possibly|perhaps)\b",
    re.IGNORECASE,
)
_UNKNOWN = r"(?:unknown|not\s+known|unclear|a\s+mystery)"
_PAIRS: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"\b(?:are|is)\s+(?:essential|vital|necessary|crucial|responsible|indispensable)\s+(?:for|to)\b",
            re.IGNORECASE,
        ),
        re.compile(
            rf"\bfunctions?\s+(?:of\s+(?:\w+\s+){{1,2}}|\w+\s+)?(?:remains?|are|is)\s+(?:\w+\s+)?{_UNKNOWN}\b",
            re.IGNORECASE,
        ),
        "a function is asserted in one place and all functions are unknown in another",
    ),
    (
        re.compile(
            r"\b(?:is|are|was|were|been)\s+(?:shown|demonstrated|established|proven)\s+to\s+be\s+"
            r"(?:effective|efficacious)\b",
            re.IGNORECASE,
        ),
        re.compile(r"\bno\s+(?:conclusive\s+)?(?:evidence|data|proof)\b", re.IGNORECASE),
        "effect is asserted in one place and denied any evidence in another",
    ),
    (
        re.compile(r"\bcannot\s+(?:replicate|divide)\b", re.IGNORECASE),
        _DO_AS_CELLS,
        "they cannot replicate in one place and do in another",
    ),
)


def _contradictions(sentences: Sequence[_Sentence]) -> Iterator[Finding]:
    """Flag pairs of unhedged sentences about vesicles that cannot both hold.

    Limit: a short list of opposed wordings, not understanding.
    """
    about = [
        (one, re.search(r"\b(?:exosomes?|vesicles?|EVs?|particles?)\b", one.text, re.IGNORECASE))
        for one in sentences
    ]
    spoken = [one for one, hit in about if hit]
    for asserts, denies, said in _PAIRS:
        first = [one for one in spoken if asserts.search(one.text) and not _HEDGED.search(one.text)]
        for other in spoken:
            match = denies.search(other.text)
            if not match or not first:
                continue
            against = other if other in first else first[0]
            where = (
                "the same sentence"
                if against is other
                else f"line {against.line}: \u2018{_clip_found(asserts, against.text)}\u2019"
            )
            yield Finding(
                "self-contradiction", other.line, _clip(other.text, match), f"{said} ({where})"
            )


def _clip_found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return _clip(text, match) if match else ""


# --- who gains

_ROLE = re.compile(
    r"\b(?:medical\s+director|founder|co-founder|owner|chief\s+\w+(?:\s+\w+)?\s+officer|CEO|president|employee|"
    r"consultant|partner)\b[^.]*",
    re.IGNORECASE,
)
# A thing that is sold, how a text names it, and how it is named where it is compared.
_SOLD: tuple[tuple[str, str], ...] = (
    (
        "stem cell",
        r"(?:stem[\s-]+cell(?:s|\s+therap\w+|\s+treatments?)?|MSCs?|mesenchymal\s+\w+\s+cells?)",
    ),
    ("platelet-rich plasma", r"(?:platelet[\s-]+rich\s+plasma|PRP)"),
    ("exosome", r"(?:exosomes?(?:\s+(?:therap\w+|products?))?|extracellular\s+vesicles?)"),
    ("lipid nanoparticle", r"(?:lipid\s+nanoparticles?|LNPs?|liposomes?)"),
)
_SELLS = re.compile(
    r"\b(?:clinic|clinics|company|manufacturer|laborator\w+|practice|spa)\b", re.IGNORECASE
)
_COMPARES = (
    r"(?:unlike|instead\s+of|rather\s+than|compared\s+(?:with|to)|(?:more|less|better|worse|safer|cheaper)"
    r"(?:\s+\w+){{0,2}}\s+than|superior\s+to|inferior\s+to|versus|vs\.?|alternative\s+to)\s+(?:\w+\s+){{0,2}}{thing}"
)
_DISCLOSED = re.compile(
    r"\b(?:conflicts?\s+of\s+interest|competing\s+interests?|financial\s+interests?|disclosures?)\b",
    re.IGNORECASE,
)


def _sellers(sentences: Sequence[_Sentence]) -> Iterator[Finding]:
    """Flag an author who works for a seller of something that the text compares the subject with.

    Silent where the text speaks of the conflict of interest. Limit: reads a list of
    products and roles, and only what the text itself says about its author.
    """
    if any(_DISCLOSED.search(one.text) for one in sentences):
        return
    for one in sentences:
        role = _ROLE.search(one.text)
        if not role or not _SELLS.search(one.text):
            continue
        for name, thing in _SOLD:
            if not re.search(rf"\b{thing}\b", one.text, re.IGNORECASE):
                continue
            compares = re.compile(rf"\b{_COMPARES.format(thing=thing)}\b", re.IGNORECASE)
            where = next((other for other in sentences if compares.search(other.text)), None)
            if where is not None:
                says = (
                    f"the author works for a seller of {name} treatment; line {where.line} "
                    f"compares: \u2018{_clip_found(compares, where.text)}\u2019; no interest is "
                    f"declared"
                )
                yield Finding(
                    "seller of the comparator as author", one.line, _clip(one.text, role), says
                )


# --- law

_CRITERIA = re.compile(
    r"\b(?:(?:4th|fourth|first|second|third|four|\d)\s+(?:criteri\w+)|criteri\w+)\b[^.]{0,80}?"
    r"\b(?:361|HCT\s*/?\s*P\w*|1271\.10)|\b(?:361|1271\.10)\b[^.]{0,60}\bcriteri\w+",
    re.IGNORECASE,
)
_SECRETED = re.compile(
    r"\b(?:exosomes?|vesicles?|EVs|secretome|conditioned\s+medi\w+|amniotic\s+fluid|milk)\b",
    re.IGNORECASE,
)
_TISSUE = re.compile(
    r"\b(?:membrane|dermis|skin\s+graft|bone|cartilage|tendon|cornea|fascia|tissue)s?\b",
    re.IGNORECASE,
)
_THRESHOLD = re.compile(
    r"1271\.3\(d\)|\bsecreted\s+or\s+extracted\b|\bnot\s+(?:an?\s+)?(?:HCT|tissue\s+product)",
    re.IGNORECASE,
)


def _wrong_question(sentences: Sequence[_Sentence]) -> Iterator[Finding]:
    """Flag the four criteria applied to a secreted product without the question before them.

    21 CFR 1271.3(d)(3) takes secreted or extracted human products out of the definition
    of tissue products; the criteria of 1271.10(a) are asked of tissue products only.
    """
    if any(_THRESHOLD.search(one.text) for one in sentences):
        return
    for place, one in enumerate(sentences):
        match = _CRITERIA.search(one.text)
        if _TISSUE.search(one.text) and not _SECRETED.search(one.text):
            continue  # the criteria are asked of a tissue product, as they should be
        near = " ".join(
            other.text for other in sentences[: place + 1] if other.paragraph == one.paragraph
        )
        if match and _SECRETED.search(near):
            says = (
                "whether a secreted product is a tissue product at all (1271.3(d)(3)) comes before "
                "any of the four criteria"
            )
            yield Finding(
                "criterion 4 is the wrong question", one.line, _clip(one.text, match), says
            )


_BOARD = re.compile(
    r"\b(?:IRB|ethics(?:[\s-]+committee|[\s-]+board)?|institutional\s+review\s+board)[\s-]+(?:approved|approval)\b",
    re.IGNORECASE,
)
_LICENCE = re.compile(
    r"\b(?:IND|investigational\s+new\s+drug|licen[cs]ed?|BLA|NCT\d{8}|not\s+(?:an?\s+)?approv\w+|clinical\s+trial)\b"
)
_APPLY = re.compile(
    r"\b(?:apply\s+for\s+(?:a\s+)?treatment|candidate\s+for\s+(?:a\s+)?(?:treatment|therapy)|book\s+(?:a|your)\s+"
    r"(?:treatment|consultation)|screening\s+application|request\s+(?:a\s+)?treatment)\b",
    re.IGNORECASE,
)
_INFORMS = re.compile(
    r"\b(?:general\s+information|not\s+(?:intended|a\s+substitute)[^.]*medical\s+advice|educational\s+purposes)\b",
    re.IGNORECASE,
)


def _comfort(sentences: Sequence[_Sentence]) -> Iterator[Finding]:
    """Flag approval by a review board with no word, in the same paragraph, on what it is not."""
    for one in sentences:
        near = " ".join(o.text for o in sentences if o.paragraph == one.paragraph)
        match = _BOARD.search(one.text)
        if match and not _LICENCE.search(near):
            says = "approval by a review board is neither an IND nor a licence"
            yield Finding(
                "ethics approval shown as comfort", one.line, _clip(one.text, match), says
            )


def _recruiting(sentences: Sequence[_Sentence]) -> Iterator[Finding]:
    """Flag a text that calls itself information and asks the reader to apply."""
    informs = next((one for one in sentences if _INFORMS.search(one.text)), None)
    if informs is None:
        return
    for one in sentences:
        if match := _APPLY.search(one.text):
            says = f"line {informs.line} calls the page information"
            yield Finding("information page that recruits", one.line, _clip(one.text, match), says)
            return
