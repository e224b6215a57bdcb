"""Freeze the inputs of the controls: write the hash of each before its first run.

Run it only when a control is added or its inputs are changed on purpose, and say
why in the changelog.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import exosome
from exosome.catalog.load import load_catalog
from exosome.claims.controls import control_names, input_hash


def main() -> int:
    """Write ``frozen.toml`` beside the control files."""
    catalog = load_catalog()
    path = Path(exosome.__file__).parent / "claims" / "controls" / "frozen.toml"
    lines = [f'frozen_on = "{datetime.now(UTC):%Y-%m-%d}"', "", "[hash]"]
    lines += [f'{name} = "{input_hash(name, catalog)}"' for name in control_names()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(control_names())} controls frozen\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
