"""``exosome law``: class, path and trace; one changed fact; the sentence on criterion 4."""

from __future__ import annotations

import datetime as dt
import json
import sys
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from exosome.app.terminal import console
from exosome.claims.regulation.changes import change, parse_changes, preparation_steps
from exosome.claims.regulation.criterion_four import criterion_four_page
from exosome.claims.regulation.engine import DISCLAIMER, decide
from exosome.claims.regulation.facts import Product, vocabulary
from exosome.claims.regulation.interview import interview
from exosome.claims.regulation.products import (
    as_values,
    bundled_product,
    bundled_products,
    find_product,
    jurisdictions_asked,
    parse_day,
)
from exosome.core.errors import InputError
from exosome.core.files import write_all

if TYPE_CHECKING:
    from pathlib import Path

    from exosome.claims.regulation.changes import Change
    from exosome.claims.regulation.engine import Missing
    from exosome.claims.regulation.kleene import Truth

Values = dict[str, Any]

_ASKED = ("reached", "may be reached")
_MARKS = {"yes": "✓ yes", "no": "✗ no", "unknown": "? unknown"}
_ANSWERS: dict[str, Truth] = {
    "y": True,
    "yes": True,
    "n": False,
    "no": False,
    "?": None,
    "u": None,
    "unknown": None,
}


def show_law(
    product: str,
    *,
    as_of: str = "",
    jurisdiction: str = "",
    ask: bool = False,
    html: Path | None = None,
    changes: tuple[str, ...] = (),
    as_json: bool = False,
    refuse_stale: bool = False,
) -> None:
    """Print what the rules of a day say about a product, rule by rule.

    Parameters
    ----------
    product : str
        A file, or a bundled product; with ``ask`` it may be empty.
    as_of : str
        ``YYYY-MM-DD``; today by default.
    jurisdiction : str
        A code, several with commas, or ``all``; by default the product's first.
    ask : bool
        Ask on standard input, and only what can still change the answer.
    html : Path, optional
        Also write the page there.
    changes : tuple of str
        Facts to change, such as ``culture_expanded=no``: both traces are compared.
    as_json : bool
        Print the values as JSON and nothing else.
    refuse_stale : bool
        Refuse to answer from a rule past its review date.

    Raises
    ------
    InputError
        If a file, fact, day or jurisdiction cannot be used.
    """
    if not product and not ask:
        list_products()
        return
    day = parse_day(as_of) if as_of else dt.datetime.now(tz=dt.UTC).date()
    held = find_product(product) if product else _empty_product(jurisdiction)
    codes = jurisdictions_asked(held, jurisdiction)
    if ask:
        held = _asked(held, jurisdiction=codes[0], day=day)
    turned = parse_changes(changes, where="--change")
    pages: list[Values] = []
    for code in codes:
        decision = decide(held, jurisdiction=code, as_of=day, refuse_stale=refuse_stale)
        page = as_values(decision)
        steps = preparation_steps(held, jurisdiction=code, as_of=day)
        page["preparation"] = [_change_values(one) for one in steps]
        page["change"] = (
            _change_values(change(held, turned, jurisdiction=code, as_of=day)) if turned else None
        )
        pages.append(page)
    if html is not None:
        _write(html, "law_page.html.j2", title=held.name, pages=pages, disclaimer=DISCLAIMER)
    if as_json:
        sys.stdout.write(json.dumps(pages, indent=2, ensure_ascii=False) + "\n")
        return
    for page in pages:
        console().print(law_page(page))
    if html is not None:
        console().print(f"Page: {html}", soft_wrap=True, highlight=False)


def show_criterion_four(
    *, as_of: str = "", html: Path | None = None, as_json: bool = False
) -> None:
    """Print the page on the article's sentence about the fourth criterion.

    Raises
    ------
    InputError
        If the day is none, or the page cannot be written.
    """
    page = criterion_four_page(parse_day(as_of) if as_of else None)
    if html is not None:
        _write(html, "criterion_four.html.j2", title="The fourth criterion", page=page)
    if as_json:
        sys.stdout.write(json.dumps(page, indent=2, ensure_ascii=False) + "\n")
        return
    console().print(criterion_page(page))


def list_products() -> None:
    """Print the bundled products."""
    table = Table("name", "product", "offered in", box=None, pad_edge=False)
    for key in bundled_products():
        one = bundled_product(key)
        table.add_row(Text(key, style="bold"), one.name, ", ".join(one.jurisdictions))
    console().print(
        Group(table, Text("\nAsk with: exosome law NAME, or exosome law FILE.toml", style="dim"))
    )


def law_page(page: Values) -> RenderableType:
    """Return the answer of one jurisdiction for the terminal."""
    parts: list[RenderableType] = [_answer_panel(page), _trace_table(page["trace"])]
    parts += _precedent_lines(page)
    if page["permissions"]:
        parts.append(_permission_table(page["permissions"]))
    if page["preparation"]:
        parts.append(_preparation_table(page["preparation"]))
    if page["change"]:
        parts.append(_change_table(page["change"]))
    parts += [Text(f"Label: {note}", style="yellow") for note in page["label_notes"]]
    parts += [Text(note, style="dim") for note in page["notes"]]
    parts.append(Text(page["disclaimer"], style="bold"))
    return Group(*parts)


def criterion_page(page: Values) -> RenderableType:
    """Return the page on the fourth criterion for the terminal."""
    parts: list[RenderableType] = [
        Panel(
            Group(
                Text(f"“{page['words']}”", style="italic"),
                Text(page["verdict"], style="bold"),
            ),
            title=f"{page['statement']}: {page['rule']}, as of {page['as_of']}",
        )
    ]
    table = Table("the product", "criterion 4", "left at", "class", box=None, pad_edge=False)
    for row in page["reached"]:
        table.add_row(row["product"], row["criterion_four_reached"], row["left_at"], row["class"])
    parts += [_heading("Is the rule reached?"), table]
    for row in page["arguendo"]:
        said = ", ".join(f"{one['label']} {one['answer']}" for one in row["criteria"])
        parts.append(Text(f"If one argues it {row['reading']}: {said}. {row['would_be']}."))
    parts.append(_heading("What the regulator said"))
    parts += [
        Text(
            f"{one['date']}  {one['title']}: {one['holding']} "
            f"({'before' if one['before_the_article'] else 'after'} the article; {one['reading']})"
        )
        for one in page["regulator"]
    ]
    parts.append(_heading("Who gains if it is believed"))
    parts += [Text(f"{one['who']}: {one['gain']}") for one in page["interests"]]
    parts.append(_heading("The sentence, read three ways"))
    parts += [Text(f"{one['name']}: {one['verdict']}. {one['why']}") for one in page["readings"]]
    parts.append(_heading("Cells, vesicles, drug: the paths side by side"))
    paths = Table("", "class", "path", "may be marketed?", box=None, pad_edge=False)
    for one in page["paths"]:
        marketed = [row["said"] for row in one["permissions"] if row["label"].endswith("351(a)")]
        paths.add_row(
            Text(one["kind"], style="bold"), one["class"], "; ".join(one["path"]), *marketed
        )
    parts += [paths, Text(page["disclaimer"], style="bold")]
    return Group(*parts)


def _asked(product: Product, *, jurisdiction: str, day: dt.date) -> Product:
    questions = vocabulary().questions

    def answer_to(missing: Missing) -> Truth:
        hint = questions[missing.key].hint
        if hint:
            sys.stderr.write(f"  ({hint})\n")
        while True:
            sys.stderr.write(f"{missing.question} [y/n/?] ")
            sys.stderr.flush()
            said = sys.stdin.readline()
            if not said:
                raise InputError(
                    "the answers ended before the questions did",
                    where="--ask",
                    remedy="answer every question with y, n or ? (unknown)",
                )
            if said.strip().lower() in _ANSWERS:
                return _ANSWERS[said.strip().lower()]
            sys.stderr.write("Answer y (yes), n (no) or ? (unknown).\n")

    told, count = interview(product, answer_to, jurisdiction=jurisdiction, as_of=day)
    sys.stderr.write(f"{count} questions asked of {len(questions)}.\n")
    return told


def _empty_product(jurisdiction: str) -> Product:
    codes = tuple(one.strip() for one in jurisdiction.split(",") if one.strip())
    return Product("asked", "Product described by answers", codes, {}, {})


def _answer_panel(page: Values) -> RenderableType:
    lines: list[RenderableType] = [Text(page["class_name"].upper(), style="bold")]
    if page["path"]:
        lines.append(Text(f"Path: {' or: '.join(page['path'])}"))
    if page["decisive_rules"]:
        said = "; ".join(f"{one['citation']}: {one['answer']}" for one in page["decisive_rules"])
        lines.append(Text(f"Turns on: {said}"))
    if page["missing_facts"]:
        lines.append(Text(f"Possible: {'; '.join(page['possible_classes'])}"))
        lines += [
            Text(f"Missing: {one['fact']}. {one['question']}", style="yellow")
            for one in page["missing_facts"]
        ]
    elif page["missing_rule"]:
        lines.append(Text(f"No rule decides: {page['missing_rule']}", style="yellow"))
    lines += [
        Text(f"Missing for the path: {one['fact']}. {one['question']}")
        for one in page["missing_facts_for_path"]
    ]
    if page["past_review"]:
        names = ", ".join(row["label"] for row in page["trace"] if row["past_review"])
        lines.append(Text(f"Past their review date: {names}", style="yellow"))
    title = f"{page['product_name']}: {page['jurisdiction_name']}, as of {page['as_of']}"
    return Panel(Group(*lines), title=title)


def _trace_table(trace: list[Values]) -> RenderableType:
    table = Table("rule", "question", "answer", "step", "read", "then", box=None, pad_edge=False)
    for asked, rows in groupby(trace, key=lambda row: row["reach"] in _ASKED):
        if not asked:
            for reach, unasked in groupby(rows, key=lambda row: row["reach"]):
                names = ", ".join(row["label"] for row in unasked)
                table.add_row("", names, reach, "", "", "", style="dim")
            continue
        for row in rows:
            table.add_row(*_trace_row(row), style="bold" if row["decisive"] else "")
    return Padding(table, (1, 0))


def _trace_row(row: Values) -> tuple[str, ...]:
    read = [row["reading"]]
    if row["past_review"]:
        read.append("past review")
    if row["disputed"]:
        read.append("disputed that day")
    return (
        ("▶ " if row["decisive"] else "  ") + row["label"],
        row["question"],
        _MARKS.get(row["answer"], str(row["answer"])),
        row["basis"],
        ", ".join(read),
        row["consequence"],
    )


def _precedent_lines(page: Values) -> list[RenderableType]:
    lines: list[RenderableType] = [
        Text(f"{row['label']}: {row['basis_note']}")
        for row in page["trace"]
        if row["basis_note"] and row["decisive"]
    ]
    if page["precedents"]:
        lines.append(_heading("What regulators said and courts held by that day"))
    lines += [
        Text(f"{one['date']}  {one['title']} ({one['stance']}; {one['reading']}): {one['holding']}")
        for one in page["precedents"]
    ]
    return lines


def _permission_table(rows: list[Values]) -> RenderableType:
    table = Table("question", "answer", "rule", "read", box=None, pad_edge=False)
    for row in rows:
        missing = f" Missing: {', '.join(row['missing_facts'])}." if row["missing_facts"] else ""
        table.add_row(row["question"], row["said"] + missing, row["label"], row["reading"])
    return Group(_heading("What is allowed now"), table)


def _preparation_table(rows: list[Values]) -> RenderableType:
    table = Table("one step changed", "class", "rules that change", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row["change"],
            row["class_after"] if row["changes_class"] else "the same",
            ", ".join(one["label"] for one in row["steps"]) or "none",
        )
    return Group(_heading("If one preparation step were different"), table)


def _change_table(row: Values) -> RenderableType:
    table = Table("rule", "before", "after", box=None, pad_edge=False)
    for one in row["steps"]:
        table.add_row(one["label"], one["before"], one["after"])
    said = (
        f"{row['class_before']} becomes {row['class_after']}"
        if row["changes_class"]
        else f"The class stays: {row['class_after']}"
    )
    if row["changes_path"]:
        said += f". Path: {' or: '.join(row['path_after'])}"
    return Group(_heading(f"Changed: {row['change']}"), Text(said), table)


def _change_values(one: Change) -> Values:
    words = {True: "yes", False: "no", None: "unknown"}
    return {
        "change": ", ".join(f"{key} = {words[value]}" for key, value in one.facts),
        "class_before": one.before.klass_name,
        "class_after": one.after.klass_name,
        "changes_class": one.changes_class,
        "changes_path": one.changes_path,
        "path_after": list(one.after.paths),
        "steps": [
            {
                "rule": row.rule,
                "label": row.label,
                "citation": row.citation,
                "before": row.before,
                "after": row.after,
            }
            for row in one.steps
        ],
    }


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _write(path: Path, template: str, **values: Any) -> None:
    from jinja2 import Environment, StrictUndefined

    held = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    text = files("exosome.app").joinpath(template).read_text("utf-8")
    page = held.from_string(text).render(**values)
    write_all(path.parent, {path.name: page.encode()}, where="--html")
