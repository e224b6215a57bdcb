"""Telling a person how far a long computation is, without the computation knowing how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Reporter(Protocol):
    """What a computation tells while it runs.

    ``start`` names a task and how many steps it has; ``advance`` says that some
    are done; ``finish`` ends the task, also after a failure. Tasks do not nest.
    """

    def start(self, task: str, total: int) -> None:
        """Begin ``task``, which has ``total`` steps."""
        ...

    def advance(self, steps: int = 1) -> None:
        """Report that ``steps`` more steps are done."""
        ...

    def finish(self) -> None:
        """End the task."""
        ...


class Silent:
    """Reports nothing (``--quiet``, tests, calls from Python)."""

    def start(self, task: str, total: int) -> None:
        """Say nothing."""

    def advance(self, steps: int = 1) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""


@dataclass(slots=True)
class PlainLog:
    """Writes one line for each tenth of a task: for logs and pipes."""

    stream: TextIO
    _task: str = field(default="", init=False)
    _total: int = field(default=0, init=False)
    _done: int = field(default=0, init=False)

    def start(self, task: str, total: int) -> None:
        """Begin ``task``, which has ``total`` steps."""
        self._task, self._total, self._done = task, total, 0

    def advance(self, steps: int = 1) -> None:
        """Write a line if another tenth of the task is done."""
        before = self._tenths()
        self._done += steps
        if self._tenths() > before:
            share = 10 * self._tenths()
            self.stream.write(f"{self._task}: {share} % ({self._done} of {self._total})\n")
            self.stream.flush()

    def finish(self) -> None:
        """End the task; the last line written stays the truth."""

    def _tenths(self) -> int:
        return 10 * self._done // self._total if self._total else 0


@dataclass(slots=True)
class TerminalBar:
    """Draws one line with a bar, the count and the time left: for a terminal."""

    stream: TextIO
    _progress: Progress | None = field(default=None, init=False)
    _task_id: TaskID | None = field(default=None, init=False)

    def start(self, task: str, total: int) -> None:
        """Begin ``task``, which has ``total`` steps."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        self.finish()
        self._progress = Progress(
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(file=self.stream),
        )
        self._task_id = self._progress.add_task(task, total=total)
        self._progress.start()

    def advance(self, steps: int = 1) -> None:
        """Move the bar."""
        if self._progress is not None and self._task_id is not None:
            self._progress.advance(self._task_id, steps)

    def finish(self) -> None:
        """Stop drawing and give the terminal back."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = self._task_id = None


def reporter_for(stream: TextIO, *, quiet: bool = False) -> Reporter:
    """Return the reporter that suits ``stream``: a bar, a plain log, or nothing."""
    if quiet:
        return Silent()
    return TerminalBar(stream) if stream.isatty() else PlainLog(stream)
