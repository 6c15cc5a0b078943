"""A progress bar on standard error, for people who wait: none when piped, none for the first second."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbitlogs.sources import Sources

_PATIENCE = 1.0  # seconds before the bar appears


@contextmanager
def progress_of(opened: Sources) -> Iterator[Callable[[int], None] | None]:
    """Counts bytes read; shows rate and time left once it has taken a second. Yields None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    sizes = [source.size for source in opened.sources]
    bar = _Bar(sum(size or 0 for size in sizes) if all(sizes) else None)
    try:
        yield bar.advance
    finally:
        bar.stop()


class _Bar:
    def __init__(self, total: int | None) -> None:
        self._total = total
        self._done = 0
        self._begun = time.monotonic()
        self._rich: tuple[object, object] | None = None

    def advance(self, number: int) -> None:
        self._done += number
        if self._rich is None and time.monotonic() - self._begun > _PATIENCE:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

            shown = Progress(
                BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
                console=Console(file=sys.stderr), transient=True,
            )  # fmt: skip
            shown.start()
            self._progress, self._task = shown, shown.add_task("", total=self._total)
            self._rich = (shown, self._task)
        if self._rich is not None:
            self._progress.update(self._task, completed=self._done)

    def stop(self) -> None:
        if self._rich is not None:
            self._progress.stop()
