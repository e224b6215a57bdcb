"""The command line: names, options and exit codes; the work is done elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from exosome import __version__
from exosome.core.errors import ExosomeError, InputError

INTERRUPTED = 130


class TwoWords(TyperGroup):
    """Commands of two words beside one of the first word, such as ``body fit`` and ``body``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take the first two words for one where they name a command."""
        pair = " ".join(args[:2])
        words = [pair, *args[2:]] if pair in self.commands else args
        return super().resolve_command(ctx, words)


app = typer.Typer(
    name="exosome",
    cls=TwoWords,
    help="Does it add up? Vesicle-carried messages and treatments, in sourced numbers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
catalog_app = typer.Typer(
    help="Look up the numbers and how well each was read.", no_args_is_help=True
)
new_app = typer.Typer(help="Write a commented file to start from.", no_args_is_help=True)
app.add_typer(catalog_app, name="catalog")
app.add_typer(new_app, name="new")
cell_app = typer.Typer(help="What cells release, and how sure that is.", no_args_is_help=True)
app.add_typer(cell_app, name="cell")
dish_app = typer.Typer(
    help="How much of a dose touches the cells of a dish, and how much they take up.",
    invoke_without_command=True,
)
app.add_typer(dish_app, name="dish")

Numbers = Annotated[
    list[Path] | None,
    typer.Option("--numbers", help="Your own measurements (TOML); they replace the catalog's."),
]
Seed = Annotated[int, typer.Option(help="Root of all randomness.", min=0)]
Workers = Annotated[int, typer.Option(help="Threads; the answer does not depend on them.", min=1)]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no progress.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON and nothing else.")]


def _version(value: bool) -> None:  # noqa: FBT001  (typer's callback signature)
    if value:
        typer.echo(f"exosome {__version__}")
        raise typer.Exit


def _alone(option: str, *others: object) -> None:
    """Refuse what an option would ignore."""
    if any(others):
        raise InputError(
            f"{option} shows one page and takes no further choice",
            where=option,
            remedy="leave the other argument out, or the option",
        )


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print and exit.")
    ] = False,
) -> None:
    """Does it add up? Vesicle-carried messages and treatments, in sourced numbers."""


@app.command()
def claim(  # noqa: PLR0913, PLR0917  (one option for each question a user may put)
    name: Annotated[str, typer.Argument(help="A bundled claim or a file.", metavar="CLAIM")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Directory for the report, ./CLAIM-answer if not given.")
    ] = None,
    numbers: Numbers = None,
    seed: Seed = 1,
    workers: Workers = 2,
    depth: Annotated[
        Literal["envelope", "engine"],
        typer.Option(help="Sourced shares, or the cell engines; both are compared in any case."),
    ] = "envelope",
    listing: Annotated[bool, typer.Option("--list", help="List the bundled claims.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Answer a claim: does it add up, how sure are we, what would change it?"""
    from exosome.app.claims import answer_claim, list_claims

    if listing or not name:
        list_claims()
        return
    answer_claim(
        name,
        out=out,
        numbers=numbers or [],
        seed=seed,
        depth=depth,
        workers=workers,
        as_json=json,
        quiet=quiet,
    )


@app.command("run")
def run_scenario(
    name: Annotated[str, typer.Argument(help="A bundled scenario or a file.", metavar="SCENARIO")],
    out: Annotated[
        Path | None, typer.Option(help="Directory for the page, ./SCENARIO-run if not given.")
    ] = None,
    numbers: Numbers = None,
    seed: Seed = 1,
    workers: Workers = 2,
    quiet: Quiet = False,
    export: Annotated[
        str,
        typer.Option(
            help="near-and-far, niche: also write vtk (ParaView), anndata (scanpy, squidpy) or "
            "simularium files; several with commas. Needs exosome\\[exports].",
            metavar="FORMATS",
        ),
    ] = "",
) -> None:
    """Run a scenario of one of the engines."""
    from exosome.app.scenarios import engine_asked

    engine = engine_asked(name)
    chosen = engine.asked(export)
    engine.run(
        name, out=out, numbers=numbers or [], seed=seed, workers=workers, quiet=quiet, **chosen
    )


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="A bundled claim or a file.", metavar="CLAIM")],
    numbers: Numbers = None,
) -> None:
    """Validate a claim or a scenario and print the plan: what will run, from which numbers."""
    from exosome.app.claims import check_claim
    from exosome.app.scenarios import engine_of

    engine = engine_of(name)
    checked = check_claim if engine is None else engine.check
    checked(name, numbers=numbers or [])


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="A bundled claim or a file.", metavar="A")],
    second: Annotated[str, typer.Argument(help="Another one.", metavar="B")],
    numbers: Numbers = None,
    seed: Seed = 1,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Set two claims side by side; both run with the same luck."""
    from exosome.app.claims import compare_claims

    compare_claims(first, second, numbers=numbers or [], seed=seed, workers=workers, quiet=quiet)


@app.command()
def dose(
    amount: Annotated[str, typer.Argument(help='Such as "100 ug_protein" or "1e9 vesicle/kg".')],
    to: Annotated[
        str, typer.Option("--as", help="One metric only, such as vesicle.", metavar="METRIC")
    ] = "",
    body_weight: Annotated[
        str, typer.Option(help='For doses per kilogram, such as "3.5 kg".')
    ] = "",
    numbers: Numbers = None,
    seed: Seed = 1,
) -> None:
    """Convert a dose to every metric of the field, with intervals."""
    from exosome.app.doses import convert_dose

    convert_dose(amount, to=to, body_weight=body_weight, numbers=numbers or [], seed=seed)


@app.command("body")
def body_asked(  # noqa: PLR0913, PLR0917  (one option for each question a user may put)
    species: Annotated[str, typer.Argument(help="mouse, rat, rhesus or human.")],
    dose: Annotated[
        str, typer.Option(help='Such as "1e10 vesicle" or "1e6 cell".')
    ] = "1e10 vesicle",
    route: Annotated[
        str, typer.Option(help="iv, sc, im, id, ip, ia, local, intratumoral, inhaled, nasal.")
    ] = "iv",
    kind: Annotated[
        str, typer.Option(help="vesicle, peg_vesicle, liposome, peg_liposome, lnp, rigid.")
    ] = "",
    diameter: Annotated[str, typer.Option(help='Median diameter, such as "110 nm".')] = "",
    repeat: Annotated[
        list[str] | None, typer.Option(help='Time of a further dose, such as "7 d"; repeatable.')
    ] = None,
    surface: Annotated[
        str, typer.Option(help="equilibrium, or follow opsonins from: bare, opsonised.")
    ] = "",
    antibodies: Annotated[
        bool | None,
        typer.Option(
            "--antibodies/--no-antibodies",
            help="Whether doses raise antibodies; if not said, with PEG and --repeat they do.",
        ),
    ] = None,
    aggregated: Annotated[
        float | None, typer.Option(help="Share of the vesicles that is in aggregates.")
    ] = None,
    aggregate_diameter: Annotated[
        str, typer.Option(help='Median diameter of the aggregates, such as "5 um".')
    ] = "",
    tumour: Annotated[str, typer.Option(help='Weight of a tumour, such as "300 mg".')] = "",
    label: Annotated[str, typer.Option(help="iodine125, dye, indium111, luciferase ...")] = "",
    weight: Annotated[str, typer.Option(help='Body weight, such as "25 g".')] = "",
    residual_blood: Annotated[
        float | None, typer.Option(help="Share of its blood left in a dissected organ.")
    ] = None,
    duration: Annotated[str, typer.Option(help="How long to follow it.")] = "24 h",
    draws: Annotated[int, typer.Option(help="Draws for the bands.", min=0)] = 100,
    sbml: Annotated[bool, typer.Option("--sbml", help="Also write the model as SBML.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Directory for the page, ./body-SPECIES-run if not given.")
    ] = None,
    numbers: Numbers = None,
    seed: Seed = 1,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Follow a dose through a body: organs in time, what the label shows, the balance."""
    from exosome.app.bodies import run_body_asked

    body = {"species": species, "weight": weight, "tumour": tumour}
    given: dict[str, object] = {
        "amount": dose,
        "route": route,
        "kind": kind,
        "diameter": diameter,
        "repeats": repeat,
        "surface": surface,
        "antibodies": antibodies,
        "aggregated": aggregated,
        "aggregate_diameter": aggregate_diameter,
    }
    carried = {"key": label, "residual_blood": residual_blood}
    asked = {"body": body, "dose": given, "label": carried}
    chosen = {
        name: {key: value for key, value in table.items() if value not in ("", None)}
        for name, table in asked.items()
    }
    run_body_asked(
        {**chosen, "run": {"duration": duration, "draws": draws}},
        out=out,
        numbers=numbers or [],
        seed=seed,
        workers=workers,
        quiet=quiet,
        sbml=sbml,
    )


@app.command("body fit")
def body_fit(  # noqa: PLR0913, PLR0917  (one option for each question a user may put)
    data: Annotated[Path, typer.Argument(help="A table (CSV); `exosome new fit` writes one.")],
    out: Annotated[
        Path | None, typer.Option(help="Directory for the page, ./DATA-fit if not given.")
    ] = None,
    starts: Annotated[int, typer.Option(help="Climbs, the first from the priors.", min=1)] = 3,
    classes: Annotated[int, typer.Option(help="Size classes of a dose.", min=1)] = 1,
    profiled: Annotated[
        int, typer.Option("--profiles", help="Profiles, of what moved most.", min=0)
    ] = 2,
    petab: Annotated[
        bool, typer.Option("--petab", help="Also write the problem as PEtab tables.")
    ] = False,
    numbers: Numbers = None,
    seed: Seed = 1,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Fit whole-body data: what they moved, what stayed at its prior, what to measure next."""
    from exosome.app.body_fit import run_body_fit

    run_body_fit(
        data,
        out=out,
        numbers=numbers or [],
        starts=starts,
        classes=classes,
        profiled=profiled,
        petab=petab,
        seed=seed,
        workers=workers,
        quiet=quiet,
    )


@app.command()
def cite(
    name: Annotated[str, typer.Argument(help="A bundled claim or a file.", metavar="CLAIM")],
    numbers: Numbers = None,
) -> None:
    """Print BibTeX for everything that a claim's answer uses."""
    from exosome.app.numbers import cite_claim

    cite_claim(name, numbers=numbers or [])


@app.command()
def law(  # noqa: PLR0913, PLR0917  (one option for each question a user may put)
    product: Annotated[
        str, typer.Argument(help="A bundled product or a file.", metavar="PRODUCT")
    ] = "",
    as_of: Annotated[str, typer.Option(help="Rules and precedents of this day [today].")] = "",
    jurisdiction: Annotated[
        str, typer.Option(help="US, EU, UK, JP, KR, TW, KY; several with commas; all.")
    ] = "",
    change: Annotated[
        list[str] | None, typer.Option(help="Change a fact, such as culture_expanded=no.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write the page to this file.")] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask only what can still change the answer.")
    ] = False,
    criterion_4: Annotated[
        bool, typer.Option("--criterion-4", help="The article's sentence on criterion 4.")
    ] = False,
    refuse_stale: Annotated[
        bool, typer.Option("--refuse-stale", help="Refuse rules past their review date.")
    ] = False,
    json: Json = False,
) -> None:
    """Classify a product by the law of a place and day, rule by rule. Not legal advice."""
    from exosome.app.law import show_criterion_four, show_law

    if criterion_4:
        _alone("--criterion-4", product, jurisdiction, change, ask, refuse_stale)
        show_criterion_four(as_of=as_of, html=html, as_json=json)
        return
    show_law(
        product,
        as_of=as_of,
        jurisdiction=jurisdiction,
        ask=ask,
        html=html,
        changes=tuple(change or ()),
        as_json=json,
        refuse_stale=refuse_stale,
    )


@app.command()
def docket(
    wanted: Annotated[str, typer.Argument(help="A statement (S59) or a claim (C42).")] = "",
    html: Annotated[Path | None, typer.Option("--html", help="Write the page to a file.")] = None,
) -> None:
    """Judge the article's claims one by one."""
    from exosome.app.docket import show_docket, write_docket

    if html is not None:
        _alone("--html", wanted)
        write_docket(html)
    else:
        show_docket(wanted)


@app.command("lint-article")
def lint_article(
    text: Annotated[Path, typer.Argument(help="A plain text.")],
    works: Annotated[Path | None, typer.Option(help="What it cites (TOML).")] = None,
) -> None:
    """Find a text's defects against its own citations and itself."""
    from exosome.app.docket import show_article_lint

    show_article_lint(text, works)


@app.command()
def article(
    section: Annotated[str, typer.Argument(help="One statement, such as S22.")] = "",
) -> None:
    """Trace the 76 statements of the source article: implemented where, shown by which test."""
    from exosome.app.article import show_article

    show_article(section)


@app.command()
def schema(
    which: Annotated[str, typer.Argument(help="claim or summary", metavar="claim|summary")],
) -> None:
    """Print the JSON Schema of claim files or of summary.json."""
    from exosome.app.schemas import print_schema

    print_schema(which)


@cell_app.command("rank")
def cell_rank(
    numbers: Numbers = None,
    seed: Seed = 1,
    json: Json = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Also write one line for each record.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Also write the page.")] = None,
) -> None:
    """Do MSCs release the most? The odds, and why it cannot be settled."""
    from exosome.app.cell_rank import show_cell_rank

    show_cell_rank(numbers=numbers or [], seed=seed, as_json=json, table=csv, html=html)


@cell_app.command("list")
def cell_list(numbers: Numbers = None) -> None:
    """List the cell types and what is known of their release."""
    from exosome.app.cells import list_cell_types

    list_cell_types(numbers=numbers or [])


@cell_app.command("show")
def cell_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as monocyte.")],
    numbers: Numbers = None,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Show one cell type's release rate, record by record."""
    from exosome.app.cell_rank import show_cell

    show_cell(name, numbers=numbers or [], seed=seed, as_json=json)


@cell_app.command("export")
def cell_export(
    path: Annotated[Path, typer.Argument(metavar="FILE.xml", help="Must not exist.")],
    scenario: Annotated[
        str, typer.Option(help="A bundled scenario of a cell, or a file.")
    ] = "cell-sends",
    form: Annotated[
        str | None,
        typer.Option(
            help="cell-sends: means (default) or classes; cell-receives: low_fusion or "
            "opens_30_percent."
        ),
    ] = None,
    numbers: Numbers = None,
) -> None:
    """Write a cell's mean field as SBML for other simulators, and say what it loses."""
    from exosome.app.cell_export import export_cell

    export_cell(path, scenario=scenario, form=form, numbers=numbers or [])


@dish_app.callback()
def dish(  # noqa: PLR0913, PLR0917  (one option for each thing that a dish is made of)
    context: typer.Context,
    dose: Annotated[str, typer.Option(help='Such as "3e6 particle" or "5 ug_protein".')] = "",
    well: Annotated[str, typer.Option(help="Plate: 96, 24, 12 or 6.")] = "",
    area: Annotated[str, typer.Option(help='Another vessel\'s floor, such as "55 cm2".')] = "",
    volume: Annotated[str, typer.Option(help='Medium, such as "100 uL".')] = "",
    cells: Annotated[str, typer.Option(help='At the floor, such as "1e4 cell".')] = "",
    time: Annotated[str, typer.Option(help='Such as "24 h".')] = "",
    cell: Annotated[str, typer.Option(help="hela, spread, t_cell or your own.")] = "",
    permeability: Annotated[str, typer.Option(help='Of the cells, such as "0.01 um/s".')] = "",
    footprint: Annotated[str, typer.Option(help='Such as "800 um2/cell".')] = "",
    medium: Annotated[str, typer.Option(help="serum or water.")] = "",
    mixing: Annotated[str, typer.Option(help="static or rocked.")] = "",
    out: Annotated[Path | None, typer.Option(help="Also write the page to a directory.")] = None,
    numbers: Numbers = None,
    seed: Seed = 1,
) -> None:
    """How much of a dose touches the cells of a dish, and how much they take up."""
    if context.invoked_subcommand is not None:
        return
    from exosome.app.dish import calculate_dish

    told = {
        "dose": dose, "well": well, "area": area, "volume": volume, "cells": cells,
        "time": time, "cell": cell, "permeability": permeability, "footprint": footprint,
        "medium": medium, "mixing": mixing,
    }  # fmt: skip
    if not any(told.values()):
        typer.echo(context.get_help())
        return
    changes = {key: value for key, value in told.items() if value}
    calculate_dish(changes, out=out, numbers=numbers or [], seed=seed)


@dish_app.command("infer")
def dish_infer(  # noqa: PLR0913, PLR0917  (one option for each thing that a well is made of)
    curve: Annotated[Path, typer.Argument(help="CSV: time (h),taken (%) and perhaps sd (%).")],
    height: Annotated[str, typer.Option(help='Of the medium, such as "3 mm".')] = "",
    well: Annotated[str, typer.Option(help="Plate, with --volume: 96, 24, 12 or 6.")] = "",
    volume: Annotated[str, typer.Option(help='Medium, such as "100 uL".')] = "",
    cells: Annotated[str, typer.Option(help='Such as "1e4 cell"; confluent if left out.')] = "",
    cell: Annotated[str, typer.Option(help="Whose footprint: hela, spread, t_cell.")] = "hela",
    dose: Annotated[str, typer.Option(help="Only for counts: what was added to the well.")] = "",
    medium: Annotated[str, typer.Option(help="serum or water.")] = "serum",
    out: Annotated[Path | None, typer.Option(help="Also write the page to a directory.")] = None,
    numbers: Numbers = None,
    seed: Seed = 1,
) -> None:
    """Infer the uptake permeability of cells from a measured curve."""
    from exosome.app.dish import infer_uptake

    infer_uptake(
        curve, height=height, well=well, volume=volume, cells=cells, cell=cell, dose=dose,
        medium=medium, out=out, numbers=numbers or [], seed=seed,
    )  # fmt: skip


@dish_app.command("assays")
def dish_assays(numbers: Numbers = None, seed: Seed = 1) -> None:
    """List published uptake assays and which limit governs each."""
    from exosome.app.dish import show_assays

    show_assays(numbers=numbers or [], seed=seed)


@new_app.command("claim")
def new_claim(
    path: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
) -> None:
    """Write a commented claim file to fill in."""
    from exosome.app.claims import write_new_claim

    write_new_claim(path)


@new_app.command("cell")
def new_cell(
    path: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
) -> None:
    """Write a commented scenario of a cell that sends."""
    from exosome.app.scenarios import write_new_scenario

    write_new_scenario("cell-sends", path)


@new_app.command("fit")
def new_fit(
    path: Annotated[Path, typer.Argument(help="Table to write; it must not exist.")],
) -> None:
    """Write a commented table of whole-body data to fill in."""
    from exosome.app.body_fit import write_new_fit

    write_new_fit(path)


@new_app.command("scenario")
def new_scenario(
    name: Annotated[str, typer.Argument(help="A bundled scenario, such as cell-sends.")],
    path: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
) -> None:
    """Write a bundled, commented scenario to change."""
    from exosome.app.scenarios import write_new_scenario

    write_new_scenario(name, path)


@catalog_app.command("search")
def catalog_search(
    words: Annotated[list[str], typer.Argument(help="All must match.")],
    numbers: Numbers = None,
) -> None:
    """Find records by their words."""
    from exosome.app.numbers import search_catalog

    search_catalog(words, numbers=numbers or [])


@catalog_app.command("show")
def catalog_show(
    record: Annotated[str, typer.Argument(help="A record's id, such as d01, or a parameter.")],
    numbers: Numbers = None,
) -> None:
    """Show one record, or all that inform a parameter, with what disagrees."""
    from exosome.app.numbers import show_record

    show_record(record, numbers=numbers or [])


@catalog_app.command("todo")
def catalog_todo(
    count: Annotated[int, typer.Option(help="How many to print.", min=1)] = 20,
    quiet: Quiet = False,
) -> None:
    """List what is recalled, unchecked or assumed, by how much it moves the bundled answers."""
    from exosome.app.numbers import list_todo

    list_todo(count, quiet=quiet)


@catalog_app.command("lint")
def catalog_lint() -> None:
    """Check every rule of the catalog."""
    from exosome.app.numbers import lint_catalog

    lint_catalog()


@catalog_app.command("roles")
def catalog_roles() -> None:
    """List the model parameters that a record can inform."""
    from exosome.app.numbers import list_roles

    list_roles()


def main() -> None:
    """Run the command line; errors made on purpose end in one message and an exit code."""
    try:
        app()
    except ExosomeError as fault:
        sys.stderr.write(f"Error: {fault}\n")
        raise SystemExit(fault.exit_code) from None
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Nothing was overwritten; run the same command again.\n")
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
