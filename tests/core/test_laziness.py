"""Asking for help costs no second: heavy libraries load only when something is computed."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import exosome.core

HEAVY = ("numpy", "pint", "numba", "scipy", "matplotlib", "pydantic")
REPORT = f"import sys; print('loaded:', *(m for m in {HEAVY!r} if m in sys.modules))"
CORE = [f"exosome.core.{found.name}" for found in pkgutil.iter_modules(exosome.core.__path__)]

ASK_FOR_HELP = """
import sys
from exosome.app.cli import main
sys.argv = ["exosome", "--help"]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""


def last_line_of(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()[-1]


@pytest.mark.parametrize("start", ["import exosome", ASK_FOR_HELP], ids=["import", "help"])
def test_start_loads_no_heavy_library(start: str) -> None:
    assert last_line_of(f"{start}\n{REPORT}") == "loaded:"


def test_core_imports_where_heavy_libraries_are_missing() -> None:
    # None in sys.modules makes an import fail as if the library were not installed.
    block = f"import sys; sys.modules.update(dict.fromkeys({HEAVY!r}))"
    assert last_line_of(f"{block}\nimport {', '.join(CORE)}\nprint('imported')") == "imported"
