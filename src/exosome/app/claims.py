"""``exosome claim``, ``check``, ``compare`` and ``new claim``."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from exosome.app.terminal import claim_list, comparison, console, page, plan_page
from exosome.catalog.load import load_catalog
from exosome.claims.ask import ask
from exosome.claims.claim import bundled_claims, find_claim, read_claim
from exosome.claims.tables import tables, to_csv
from exosome.core.files import write_all, write_new
from exosome.core.progress import reporter_for
from exosome.core.provenance import trace_run
from exosome.study.plan import plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exosome.study.depths import Depth


def list_claims() -> None:
    """Print the bundled claims."""
    console().print(claim_list({name: read_claim(p) for name, p in bundled_claims().items()}))


def answer_claim(
    name: str,
    *,
    out: Path | None,
    numbers: Sequence[Path],
    seed: int,
    depth: Depth,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Answer a claim, write its directory and print the page."""
    from pathlib import Path

    directory = out or Path(f"{Path(name).stem}-answer")
    read_claim(find_claim(name))
    write_all(directory, {}, where="--out")  # refused now rather than after the run
    reporter = reporter_for(sys.stderr, quiet=quiet or as_json)
    asked = ask(name, numbers=numbers, seed=seed, depth=depth, workers=workers, reporter=reporter)
    files_written = _files(asked.summary, numbers=numbers, seed=seed)
    write_all(directory, files_written, where="--out")
    if as_json:
        sys.stdout.write(files_written["summary.json"].decode())
        return
    console().print(page(asked.summary))
    console().print(f"Report: {directory / 'report.html'}", soft_wrap=True, highlight=False)


def check_claim(name: str, *, numbers: Sequence[Path]) -> None:
    """Validate a claim file and print what would run."""
    path = find_claim(name)
    read = read_claim(path)
    planned = plan(read, load_catalog(tuple(numbers)), seed=1, where=path.name)
    console().print(plan_page(read, planned))


def compare_claims(
    first: str, second: str, *, numbers: Sequence[Path], seed: int, workers: int, quiet: bool
) -> None:
    """Print two claims side by side."""
    reporter = reporter_for(sys.stderr, quiet=quiet)
    summaries = [
        ask(name, numbers=numbers, seed=seed, workers=workers, reporter=reporter).summary
        for name in (first, second)
    ]
    console().print(comparison(*summaries))


def write_new_claim(path: Path) -> None:
    """Write the commented template, never over a file."""
    text = files("exosome.claims").joinpath("template.toml").read_bytes()
    write_new(path, text, where="new claim")
    console().print(f"{path}: fill it in, then `exosome check {path}`", highlight=False)


def _files(summary: dict[str, Any], *, numbers: Sequence[Path], seed: int) -> dict[str, bytes]:
    """Return everything a run leaves behind, by file name."""
    from exosome.app.report import render_report

    origin = trace_run(seed=seed, arguments=sys.argv[1:], input_files=numbers)
    found = {
        "report.html": render_report(summary),
        "summary.json": json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "run-log.json": json.dumps(origin.run_log(), indent=1) + "\n",
    }
    found |= {f"{name}.csv": to_csv(rows) for name, rows in tables(summary).items() if rows}
    return {name: text.encode() for name, text in found.items()}
