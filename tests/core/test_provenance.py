"""Everything needed to run again, kept apart from what changes with each run."""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import TYPE_CHECKING

import pytest

from exosome.core.errors import InputError
from exosome.core.provenance import trace_run

if TYPE_CHECKING:
    from pathlib import Path


def test_the_stable_part_depends_on_content_not_on_place_or_time(tmp_path: Path) -> None:
    stable = []
    for name in ("one", "two"):
        claim = tmp_path / name / "claim.toml"
        claim.parent.mkdir()
        claim.write_bytes(b"a = 1\n")
        arguments = ["check", str(claim), "--out", str(tmp_path / name)]
        stable.append(trace_run(seed=7, arguments=arguments, input_files=[claim]).stable())
    assert json.dumps(stable[0]) == json.dumps(stable[1])
    assert str(tmp_path) not in json.dumps(stable)
    assert stable[0]["seed"] == 7
    assert stable[0]["inputs"] == [
        {"name": "claim.toml", "sha256": hashlib.sha256(b"a = 1\n").hexdigest()}
    ]


def test_the_versions_are_those_that_ran() -> None:
    import numpy as np

    import exosome

    stable = trace_run(seed=1, arguments=[], input_files=[]).stable()
    assert stable["program"] == f"exosome {exosome.__version__}"
    assert stable["libraries"]["numpy"] == np.__version__


def test_the_command_can_be_pasted_into_a_shell() -> None:
    arguments = ("check", "my claim.toml", "--set", "opening='0.3; rm -r x'")
    traced = trace_run(seed=1, arguments=arguments, input_files=[])
    assert shlex.split(traced.command) == ["exosome", *arguments]
    assert traced.run_log()["command"] == traced.command


def test_an_input_that_went_away_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        trace_run(seed=1, arguments=[], input_files=[tmp_path / "gone.toml"])
