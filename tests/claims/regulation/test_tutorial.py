"""The tutorial on law: its Python runs, its file is a product, its commands work."""

from __future__ import annotations

import doctest
import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from exosome.app.cli import app

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tutorial(project: Path, tmp_path: Path, monkeypatch) -> str:
    text = (project / "docs/tutorials/law.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    (toml,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "membrane.toml").write_text(toml, "utf-8")
    return text


def test_its_python_runs(tutorial: str) -> None:
    parsed = doctest.DocTestParser().get_doctest(tutorial, {}, "law.md", "law.md", 0)
    assert len(parsed.examples) > 10
    assert doctest.DocTestRunner().run(parsed).failed == 0


def test_its_commands_work(tutorial: str) -> None:
    if "law" not in {one.name or one.callback.__name__ for one in app.registered_commands}:
        pytest.skip("the command line has no `law` yet")
    commands = re.findall(r"^exosome (law .*)$", tutorial, re.MULTILINE)
    assert len(commands) > 4
    for command in commands:
        answers = "n\nn\n" if "--ask" in command else None
        ran = CliRunner().invoke(app, command.split(), input=answers)
        assert ran.exit_code == 0, ran.output
        assert "Not legal advice" in ran.output
