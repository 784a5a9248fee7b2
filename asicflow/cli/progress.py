"""Show the stages while they run: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from asicflow.pipeline import TITLES


class StageView:
    """A listener of the pipeline that prints one line per stage.

    On a terminal the running stage shows a spinner with its last message; in a
    log file every message is a line with the seconds since the stage began.
    """

    def __init__(self, console: Console, stages: Sequence[str]) -> None:
        self.console = console
        self.stages = stages
        self._status: Status | None = None
        self._start = time.monotonic()
        self._last = ""

    def __enter__(self) -> StageView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def begin(self, stage: str) -> None:
        """Announce a stage."""
        self._start = time.monotonic()
        self._last = ""
        if self.console.is_terminal:
            self._status = self.console.status(self._head(stage), spinner="dots")
            self._status.start()
        else:
            self.console.print(self._head(stage))

    def progress(self, stage: str, message: str) -> None:
        """Show what the stage is doing."""
        if message == self._last:
            return
        self._last = message
        if self._status is not None:
            self._status.update(f"{self._head(stage)}: {escape(message)}")
        elif not self.console.is_terminal and stage in self.stages:
            seconds = time.monotonic() - self._start
            self.console.print(f"      {seconds:6.1f} s  {escape(message)}", highlight=False, soft_wrap=True)
        else:
            self.console.print(escape(message), highlight=False, soft_wrap=True)

    def skipped(self, stage: str) -> None:
        """Say that a stage is up to date."""
        self.console.print(f"{self._head(stage)} [dim]up to date[/]")

    def done(self, stage: str, seconds: float) -> None:
        """Say that a stage finished."""
        self._stop()
        self.console.print(f"{self._head(stage)} [green]done[/] in {seconds:.1f} s", highlight=False)

    def _head(self, stage: str) -> str:
        number = self.stages.index(stage) + 1
        return f"[bold][{number}/{len(self.stages)}] {stage:<8}[/] {TITLES[stage]}"

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
