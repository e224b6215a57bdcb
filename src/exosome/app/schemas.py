"""``exosome schema``: the published JSON Schemas."""

from __future__ import annotations

import json
import sys
from importlib.resources import files

from exosome.core.errors import InputError


def claim_schema() -> str:
    """Return the JSON Schema of claim files."""
    from exosome.claims.claim import Claim

    return json.dumps(Claim.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def print_schema(which: str) -> None:
    """Print one schema."""
    if which == "claim":
        sys.stdout.write(claim_schema())
    elif which == "summary":
        sys.stdout.write(files("exosome.claims").joinpath("summary.schema.json").read_text("utf-8"))
    else:
        raise InputError(
            f"there is no schema {which!r}", where="schema", remedy="choose claim or summary"
        )
