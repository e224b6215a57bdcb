"""``exosome docket`` and ``exosome lint-article``: the article's claims, judged one by one."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from exosome.app.terminal import console
from exosome.claims.article import load_statements
from exosome.claims.article_lint import RULE_MEANS, lint_article, read_works
from exosome.claims.counts import figure_in_words
from exosome.claims.docket import (
    HEDGE_WORDS,
    TYPE_WORDS,
    VERDICT_MEANS,
    VERDICTS,
    Docket,
    DocketClaim,
    Outcome,
    count_audits,
    count_docket,
    find_claims,
    load_docket,
)
from exosome.claims.evidence import load_book
from exosome.core.files import read_text, write_all

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Template

    from exosome.claims.article_lint import Finding
    from exosome.claims.counts import CountAudit
    from exosome.claims.docket import DocketCounts, Verdict

# Marks that read without colour, from what affirms most to what denies most.
MARKS: dict[Verdict, tuple[str, str]] = {
    "agrees": ("●", "bold blue"),
    "supported in part": ("◕", "blue"),
    "weakly supported": ("◔", "cyan"),
    "fair as a hypothesis": ("?", "cyan"),
    "no direct evidence": ("○", "cyan"),
    "no verdict": ("□", "dim"),
    "contested": ("◆", "magenta"),
    "unsupported": ("∅", "yellow"),
    "citation error": ("§", "yellow"),
    "partly false or dated": ("±", "yellow"),
    "false as worded": ("✗", "bold red"),
}
READ_MARKS = {
    "read": "●",
    "second-hand": "◐",
    "recalled": "○",
    "computed": "ƒ",
    "inferred": "∴",
    "unmarked": "·",
    "derived": "ƒ",
}
DISCLAIMER = (
    "About words, not about people: not medical and not legal advice. Verdicts and grades are "
    "those of one reader and provisional; nothing computed raises a level of evidence."
)


def show_docket(wanted: str = "") -> None:
    """Print the whole docket, or the records of one statement or claim."""
    docket = load_docket()
    if wanted:
        console().print(record_page(docket, wanted))
    else:
        console().print(docket_page(docket))


def write_docket(path: Path) -> None:
    """Write the docket as one self-contained HTML page, in place of any file of that name."""
    write_all(path.parent, {path.name: render_docket().encode()}, where="--html")
    console().print(f"Docket: {path}", soft_wrap=True, highlight=False)


def show_article_lint(article: Path, works: Path | None) -> None:
    """Print the defects of a text; citations are checked against a declared bibliography."""
    known = read_works(read_text(works, where=str(works)), where=str(works)) if works else ()
    found = lint_article(read_text(article, where=str(article)), known)
    console().print(lint_page(found, checked_citations=bool(known)))


# --- terminal


def docket_page(docket: Docket) -> RenderableType:
    """Return counts, what is easily overlooked, and every record in one line."""
    counts = count_docket(docket)
    table = Table("claim", "statements", "words", "line", "hedge", "verdict", box=None)
    for one in docket.claims:
        table.add_row(
            Text(one.id, style="bold"),
            " ".join(one.statements),
            Text(_words(one)),
            _span(one),
            one.hedge,
            _verdict(one),
        )
    return Group(
        Text("The docket of the source article", style="bold"),
        Text(headline(counts)),
        Padding(_verdict_table(counts), (1, 0)),
        Text("Easily overlooked", style="bold"),
        _overlooked(docket),
        Padding(table, (1, 0)),
        _not_claims(docket),
        Text("\nOne of them: exosome docket S59. As a page: exosome docket --html FILE", "dim"),
        Text(DISCLAIMER, style="dim"),
    )


def record_page(docket: Docket, wanted: str) -> RenderableType:
    """Return the records of one statement, or one record, in full."""
    claims = find_claims(docket, wanted)
    if not claims:
        silent = next(o for o in docket.no_claims if o.statement == wanted.strip().upper())
        statement = next(o for o in load_statements() if o.id == silent.statement)
        words = " / ".join(statement.quotes) or statement.remark
        return Group(Text(f"{silent.statement}  “{words}”"), Text(f"No claim. {silent.why}"))
    return Group(*(_record(docket, one) for one in claims), Text(DISCLAIMER, style="dim"))


def headline(counts: DocketCounts) -> str:
    """Return the counts of the docket in one sentence."""
    verdicts = dict(counts.by_verdict)
    said = ", ".join(
        f"{word} {verdicts[word]}"
        for word in (
            "false as worded",
            "partly false or dated",
            "unsupported",
            "contested",
            "citation error",
        )
    )
    return (
        f"{counts.rows} rows of the reading table: {said}. {counts.added} further records; "
        f"{counts.statements} statements covered, {counts.no_claims} of them no claim. "
        f"{counts.cited_works} works are cited, {counts.cited_primary} of them primary."
    )


def lint_page(found: tuple[Finding, ...], *, checked_citations: bool) -> RenderableType:
    """Return the findings of a text as a table."""
    table = Table("line", "defect", "words", "why", box=None, pad_edge=False)
    for one in found:
        table.add_row(str(one.line), Text(one.rule, style="bold"), f"“{one.words}”", one.says)
    note = "" if checked_citations else " No bibliography was given: citations were not checked."
    count = f"{len(found)} found." if found else "Nothing found, which certifies nothing."
    return Group(table, Text(f"\n{count}{note}", style="dim"))


def _verdict(claim: DocketClaim) -> Text:
    mark, style = MARKS[claim.verdict]
    return Text(f"{mark} {claim.verdict}", style=style)


def _words(claim: DocketClaim) -> str:
    said = " … ".join(claim.quotes)
    return f"“{said if len(said) <= 44 else said[:43] + '…'}”"


def _span(claim: DocketClaim) -> str:
    first, last = claim.lines
    return str(first) if first == last else f"{first} to {last}"


def _verdict_table(counts: DocketCounts) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for word, count in counts.by_verdict:
        mark, style = MARKS[word]
        table.add_row(str(count), Text(f"{mark} {word}", style=style), VERDICT_MEANS[word])
    return table


def _overlooked(docket: Docket) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for rule, claims in overlooked(docket):
        names = ", ".join(one.id for one in claims)
        table.add_row(Text(rule, style="bold"), names, RULE_MEANS[rule])
    return table


def overlooked(docket: Docket) -> list[tuple[Any, list[DocketClaim]]]:
    """Return each defect with the records that show it, in the order of the rules."""
    return [
        (rule, [one for one in docket.claims if rule in one.defects])
        for rule in RULE_MEANS
        if any(rule in one.defects for one in docket.claims)
    ]


def _not_claims(docket: Docket) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for one in docket.no_claims:
        table.add_row(Text(one.statement, style="bold"), f"no claim: {one.why}")
    return table


def _record(docket: Docket, claim: DocketClaim) -> RenderableType:
    speaker = docket.speaker_of(claim)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column()
    for name, value in record_rows(docket, claim):
        grid.add_row(name, value)
    parts: list[RenderableType] = [
        Text(" … ".join(f"“{quote}”" for quote in claim.quotes), style="italic"),
        Text(f"{speaker.name}. Interest: {speaker.interest}.", style="dim"),
        _verdict(claim),
        *(Text(f"  {reason}") for reason in claim.reasons),
        grid,
    ]
    parts += [_outcome(one, docket.reader) for one in docket.outcomes_of(claim)]
    title = f"{claim.id}: {', '.join(claim.statements)}"
    return Panel(Group(*parts), title=Text(title, style="bold"), title_align="left")


def record_rows(docket: Docket, claim: DocketClaim) -> list[tuple[str, str]]:
    """Return what a record says besides its words, speaker and verdict, as labels and text."""
    kinds = ", ".join(TYPE_WORDS[kind] for kind in claim.types)
    hedge = HEDGE_WORDS[claim.hedge]
    rows = [
        ("line", f"{_span(claim)} of the article"),
        ("type", kinds + (", quantitative" if claim.quantitative else "")),
        ("hedge", f"{hedge}: {', '.join(claim.hedge_words)}" if claim.hedge_words else hedge),
        (
            "cites",
            "; ".join(f"{work}, {work.sort}" for work in docket.works_of(claim)) or "nothing",
        ),
        *(
            ("literature", f"{one.says} [{READ_MARKS[one.reading]} {one.reading}]")
            for one in claim.literature
        ),
        (
            "certainty",
            f"{claim.certainty}, of the mechanism or definition ({docket.reader})"
            if claim.certainty
            else "",
        ),
        ("not hedged", claim.hedge_does_not_cover),
        *(("defect", f"{rule}: {RULE_MEANS[rule]}") for rule in claim.defects),
        ("run", ", ".join(f"exosome claim {name}" for name in claim.runs) or "none bears on it"),
    ]
    return [(name, value) for name, value in rows if value]


def _outcome(outcome: Outcome, reader: str) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    for name, value in outcome_rows(outcome, reader):
        table.add_row(name, value)
    title = Text(f"{outcome.intervention}: {outcome.outcome}", style="bold")
    return Padding(Group(title, table), (1, 0, 0, 2))


def outcome_rows(outcome: Outcome, reader: str) -> list[tuple[str, str]]:
    """Return a graded outcome as labels and text, with the level of the recorded studies."""
    down = "; ".join(f"{one.domain}: {one.why}" for one in outcome.down_for)
    return [
        ("population", outcome.population),
        ("against", outcome.comparator),
        ("best evidence", outcome.best),
        (
            "GRADE",
            f"{outcome.graded(reader)}{f', {outcome.direction}' if outcome.direction else ''}",
        ),
        ("down for", down or ("no reason per domain was given" if outcome.grade else "")),
        ("OCEBM", f"level {outcome.ocebm}"),
        *(
            ("" if place else "in the list", line)
            for place, line in enumerate(outcome_levels(outcome))
        ),
    ]


def outcome_levels(outcome: Outcome) -> list[str]:
    """Return level and direction of the recorded studies, per population and comparator."""
    found = outcome.studies()
    if found is None:
        return ["no recorded study is selected for this question"]
    lines = [
        f"{one.level}, {one.direction}: {one.outcome}, {one.population}, against "
        f"{one.comparator} ({', '.join(one.studies)})"
        for one in found.lines
        if one.kind == "effect"
    ]
    return lines or ["none: no recorded study"]


# --- page


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold())


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["slug"] = _slug
    return environment.from_string(
        files("exosome.app").joinpath("docket.html.j2").read_text("utf-8")
    )


def render_docket(docket: Docket | None = None) -> str:
    """Return the docket as one HTML page that needs no network and reads without JavaScript."""
    held = docket or load_docket()
    counts = count_docket(held)
    audits = count_audits(held)
    return _template().render(
        docket=held,
        counts=counts,
        headline=headline(counts),
        verdicts=VERDICTS,
        means=VERDICT_MEANS,
        marks={word: mark for word, (mark, _) in MARKS.items()},
        types=TYPE_WORDS,
        hedges=HEDGE_WORDS,
        read_marks=READ_MARKS,
        rules=RULE_MEANS,
        overlooked=overlooked(held),
        records=[_record_values(held, one) for one in held.claims],
        outcomes=[
            {"id": one.id, "title": one, "rows": outcome_rows(one, held.reader)}
            for one in held.outcomes
        ],
        flagged=[_audit_values(one) for one in audits if one.flags],
        clean=[_audit_values(one) for one in audits if not one.flags],
        words=_statement_words(),
        scope=load_book().scope,
        disclaimer=DISCLAIMER,
    )


def _record_values(docket: Docket, claim: DocketClaim) -> dict[str, Any]:
    return {
        "claim": claim,
        "speaker": docket.speaker_of(claim),
        "works": docket.works_of(claim),
        "span": _span(claim),
        "outcomes": docket.outcomes_of(claim),
    }


def _audit_values(audit: CountAudit) -> dict[str, Any]:
    return {
        "study": audit.table.study,
        "outcome": audit.table.outcome,
        "reading": audit.table.reading,
        "locator": audit.table.locator,
        "flags": audit.flags,
        "figures": [
            {
                "arm": one.arm,
                "what": one.what,
                "said": figure_in_words(one),
                "printed": one.printed,
                "agrees": one.agrees,
                "by": one.by,
            }
            for one in audit.figures
        ],
    }


def _statement_words() -> dict[str, str]:
    """Return the first few words of each statement."""
    found: dict[str, str] = {}
    for one in load_statements():
        words = (one.quotes[0] if one.quotes else one.remark).split()
        found[one.id] = " ".join(words[:8]) + (" …" if len(words) > 8 else "")
    return found
