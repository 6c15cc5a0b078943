"""Reading only part of a log: by time, by level."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.source_state import SourceState
from rabbitlogs.engine.state import iso
from rabbitlogs.errors import UsageError
from rabbitlogs.framing.blocks import Framed
from rabbitlogs.framing.framer import Line
from rabbitlogs.framing.levels import rank
from rabbitlogs.framing.times import to_seconds
from rabbitlogs.lazy import expression

if TYPE_CHECKING:
    from rabbitlogs.engine.catalogue import Catalogue
    from rabbitlogs.framing.blocks import Block

_AGO = expression(r"(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d|w)(?:\s+ago)?\Z")
_MINUTE = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}").match
_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_PROBE = 65536
_PLACES, _GLANCE = 256, 8192  # where a file is looked at to see whether its times are in order, and how far each look goes
_MARGIN = 60.0  # seconds before ``since`` where reading begins: neighbouring lines are not strictly in order


@dataclass(frozen=True, slots=True)
class Filter:
    """What to read: records from a moment on, up to a moment, of at least a level. Seconds since 1970."""

    since: float | None = None
    until: float | None = None
    level: str | None = None

    @property
    def is_active(self) -> bool:
        return self.since is not None or self.until is not None or self.level is not None

    def takes(self, time: str | None) -> bool:
        """Whether a header's time is within; what has no time belongs to what stands before it."""
        seconds = to_seconds(iso(time))
        return seconds is None or (
            (self.since is None or seconds >= self.since) and (self.until is None or seconds <= self.until)
        )

    def takes_minute(self, line: bytes) -> bool | None:
        """Whether all records of the minute that a line begins with are within, or none; None where that is not sure."""
        if _MINUTE(line) is None:
            return None
        seconds = to_seconds(iso(Line(line).header.time))
        if seconds is None:
            return None
        first = seconds // 60 * 60
        if (self.since is None or first >= self.since) and (self.until is None or first + 60 <= self.until):
            return True
        is_before = self.since is not None and first + 60 <= self.since
        return False if is_before or (self.until is not None and first > self.until) else None


def moment(text: str, option: str) -> float:
    """A moment a user wrote: ISO date or time, or how long ago (``2h``, ``30 min``, ``3d``).

    Without a zone it is taken as the log's own. Raises :class:`UsageError` with what to write instead.
    """
    ago = _AGO.match(text.strip())
    if ago:
        return time.time() - float(ago[1]) * _UNITS[ago[2]]
    seconds = to_seconds(text.strip())
    if seconds is None:
        raise UsageError(
            f"{option} {text!r} is no time. Write 2026-11-23, 2026-11-23T07:46:00, 2026-11-23T07:46:00+01:00, or 2h."
        )
    return seconds


class FilteredState(SourceState):
    """A source of which only some records count. It takes all of them, so it is slower than reading all."""

    def wants(self, kind: str | None) -> bool:
        return True

    def count(self, level: str, kind: str | None, number: int) -> None:
        """Counting waits for :meth:`records`, which knows which pass."""

    def records(self, level: str, kind: str | None, lines: int, block: Block, starts: list[int], shape: str) -> None:
        chosen = self._chosen(level, lines, block, starts)
        if not chosen:
            return
        super().count(level, kind, len(chosen))
        if kind is None or self.owner.wants(kind):
            super().records(level, kind, lines, block, chosen, shape)
        else:
            self.note_counted(kind, block.lines, chosen[0], chosen[-1], chosen, len(chosen))

    def seen(self, kind: str, block: Block, first: int, last: int, number: int, text: str, code: str) -> None:
        """Nothing is only counted here."""

    def _chosen(self, level: str, lines: int, block: Block, starts: list[int]) -> list[int]:
        """Which of some records count. Those of one minute are told together, unless it is where the time begins or ends."""
        chosen: Filter = self.owner.filter
        if chosen.level is not None and rank(level) < rank(chosen.level):
            return []
        if chosen.since is None and chosen.until is None:
            return starts
        minutes = [block.lines[start][:16] + block.lines[start][26:32] for start in starts]
        examples = dict(zip(minutes, starts, strict=True))
        told = {minute: chosen.takes_minute(block.lines[start]) for minute, start in examples.items()}
        if all(told.values()):
            return starts
        return [
            start
            for minute, start in zip(minutes, starts, strict=True)
            if (told[minute] if told[minute] is not None else chosen.takes(Framed(block, start, lines, None).open.header.time))
        ]


class FilteredAnalysis(Analysis):
    """An analysis of part of its sources."""

    def __init__(self, chosen: Filter, catalogue: Catalogue | None = None) -> None:
        super().__init__(catalogue)
        self.filter = chosen

    def state(self, name: str, origin: str) -> SourceState:
        state = self.sources.get((name, origin))
        if state is None:
            state = self.sources[name, origin] = FilteredState(name, origin, self)
        return state


def seek(path: str, since: float) -> int:
    """Where to begin reading a plain file so that nothing from a moment on is missed: found by halving, not by reading.

    Returns 0, for reading all of it, where the file's times cannot be read or are not in order: looked at in a few
    hundred places, evenly spread. A stretch out of order that is shorter than the way between two of them goes unseen.
    """
    with open(path, "rb", buffering=0) as file:
        low, high = 0, os.fstat(file.fileno()).st_size
        if not _in_order(file.fileno(), high):
            return 0
        while high - low > _PROBE:
            middle = (low + high) // 2
            found = _time_at(file.fileno(), middle)
            if found is None or found[1] >= since - _MARGIN:
                high = middle
            else:
                low = found[0]
        return low


def _in_order(file: int, size: int) -> bool:
    """Whether a file begins with a time, and the times of places all over it rise."""
    if _time_at(file, 0) is None:
        return False
    latest = float("-inf")
    places = max(1, min(_PLACES, size // _PROBE))
    for place in range(places):
        found = _time_at(file, size * place // places, _GLANCE)
        if found is None:
            continue
        if found[1] < latest - _MARGIN:
            return False
        latest = max(latest, found[1])
    return True


def _time_at(file: int, offset: int, reach: int = _PROBE) -> tuple[int, float] | None:
    """The first line that begins at or after an offset and has a time: where it begins, and its time."""
    data = os.pread(file, reach, offset)
    at = 0 if offset == 0 else data.find(b"\n") + 1
    while at >= 0:
        end = data.find(b"\n", at)
        if end < 0:
            return None
        seconds = to_seconds(iso(Line(data[at:end]).header.time))
        if seconds is not None:
            return offset + at, seconds
        at = end + 1
    return None
