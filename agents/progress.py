"""The progress line of a run: rate, time left, the validation score against the best baseline."""
from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class RunProgress:
    """A live bar on a terminal; plain lines, one per validation, anywhere else."""

    def __init__(self, total: int, done: int, name: str, console: Console | None = None):
        self.console = console or Console()
        self.total, self.done, self.first = total, done, done
        self.began = time.monotonic()
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(20), TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"), console=self.console,
            disable=not self.console.is_terminal)
        self.task = self.bar.add_task(name, total=total, completed=done, rate="", note="")
        self.note = ""

    def __enter__(self) -> RunProgress:
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.bar.stop()

    @property
    def rate(self) -> float:
        """Environment steps per second since the start of this process."""
        return (self.done - self.first) / max(1e-9, time.monotonic() - self.began)

    def advance(self, done: int) -> None:
        """So many environment steps are done now."""
        self.done = done
        self.bar.update(self.task, completed=done, rate=f"{self.rate:,.0f} steps/s")

    def say(self, note: str) -> None:
        """What stands behind the bar; a line of its own where there is no bar."""
        self.note = note
        self.bar.update(self.task, note=note)
        if not self.console.is_terminal:
            left = (self.total - self.done) / max(1e-9, self.rate)
            self.console.print(f"{self.done:,} of {self.total:,} steps, {self.rate:,.0f} steps/s, "
                               f"{max(0.0, left) / 60:.1f} min left, {note}", soft_wrap=True)
