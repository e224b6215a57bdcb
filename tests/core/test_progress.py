"""Reporters say as much as their stream can show."""

from __future__ import annotations

import io

import pytest

from exosome.core.progress import PlainLog, Reporter, Silent, TerminalBar, reporter_for


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def run_through(reporter: Reporter, total: int, step: int = 1) -> None:
    reporter.start("ensemble", total)
    for _ in range(0, total, step):
        reporter.advance(step)
    reporter.finish()


@pytest.mark.parametrize(
    ("total", "step", "lines"), [(1000, 1, 10), (3, 1, 3), (10, 5, 2), (0, 1, 0)]
)
def test_a_log_gets_one_line_for_each_tenth(total: int, step: int, lines: int) -> None:
    stream = io.StringIO()
    run_through(PlainLog(stream), total, step)
    written = stream.getvalue().splitlines()
    assert len(written) == lines
    if total:
        assert written[-1] == f"ensemble: 100 % ({total} of {total})"


def test_a_terminal_gets_a_bar() -> None:
    stream = Terminal()
    reporter = reporter_for(stream)
    assert isinstance(reporter, TerminalBar)
    reporter.advance()  # before any task: nothing to draw
    run_through(reporter, 4)
    run_through(reporter, 4)
    assert "ensemble" in stream.getvalue()


def test_quiet_writes_nothing() -> None:
    stream = Terminal()
    reporter = reporter_for(stream, quiet=True)
    assert isinstance(reporter, Silent)
    run_through(reporter, 4)
    assert stream.getvalue() == ""
    assert isinstance(reporter_for(io.StringIO()), PlainLog)
