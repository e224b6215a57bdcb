"""Freeze the inputs of the controls: write the hash of each before its first run.

Run: python verify/freeze_controls.py --why "reason"

Run it only when a control is added or its inputs change on purpose. Every
freeze is kept in the file's history with its date and reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import exosome
from exosome.catalog.load import load_catalog
from exosome.claims.controls import control_names, frozen, input_hash


def main() -> int:
    """Write ``frozen.toml`` beside the control files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--why", required=True, help="why the inputs are frozen anew")
    why = parser.parse_args().why
    catalog, today = load_catalog(), f"{datetime.now(UTC):%Y-%m-%d}"
    hashes = {name: input_hash(name, catalog) for name in control_names()}
    held: dict[str, Any] = frozen()
    changed = sorted(name for name, digest in hashes.items() if held["hash"].get(name) != digest)
    if not changed:
        sys.stdout.write("nothing changed\n")
        return 0
    history = [*held.get("history", []), {"on": today, "controls": changed, "why": why}]
    lines = [f'frozen_on = "{today}"', "", "[hash]"]
    lines += [f'{name} = "{digest}"' for name, digest in hashes.items()]
    for entry in history:
        lines += ["", "[[history]]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    path = Path(exosome.__file__).parent / "claims" / "controls" / "frozen.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"frozen anew: {', '.join(changed)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
