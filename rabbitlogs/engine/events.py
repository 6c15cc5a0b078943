"""Records and events of one source, for ``parse`` and ``read``: every record, in order, with its place."""

from __future__ import annotations

import re
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.batch import WORTH, Rows, is_bare, joined
from rabbitlogs.engine.source_state import UNKNOWN, SourceState
from rabbitlogs.engine.state import iso
from rabbitlogs.framing.blocks import BLOCK, Framed
from rabbitlogs.framing.framer import BLANK
from rabbitlogs.framing.headers import formats_in_use
from rabbitlogs.lazy import expression
from rabbitlogs.model import Event, Record
from rabbitlogs.parsing.recogniser import recogniser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rabbitlogs.framing.blocks import Block
    from rabbitlogs.sources import Source

_T = TypeVar("_T")

# A header whose time needs no more than a T to be ISO 8601: date, clock and zone, process. That it is one is known: all
# these lines have the shape of one that was read.
_HEADER = r"^([0-9-]{10}) ([0-9:]{8}(?:\.[0-9]{1,6})?(?:[+-][0-9:]{5})?) \[[a-z]+\] (<[0-9.]+>) "
_UNKNOWN = expression(_HEADER + r"[^\n]*+$", re.MULTILINE)


class _TextRows(Rows):
    """The expression of a kind's rows, with the header's parts before the fields."""

    def __init__(self, kind: str, names: Sequence[str]) -> None:
        super().__init__(kind, names)
        self._pattern = _UNKNOWN

    def find(self, text: bytes, *, is_known: bool) -> list[tuple[str | None, ...]]:
        """Header and fields of every message in a text that is ASCII; ``is_known``: of messages of a shape met before."""
        pattern = None if is_known else self.grow(text)
        if pattern is not None:
            self._pattern = re.compile(_HEADER + pattern.decode(), re.MULTILINE)
        return [match.groups() for match in self._pattern.finditer(text.decode())]


def _at(values: Sequence[_T], places: list[int]) -> list[_T]:
    """The values at some places, which are in order."""
    return list(values) if len(places) == len(values) else [values[at] for at in places]


def _messages(lines: list[bytes], starts: list[int]) -> list[str]:
    """What stands after the headers of lines that are ASCII."""
    return b"\n".join([lines[start].partition(b"> ")[2] for start in starts]).decode().split("\n")


class EventBatch:
    """Events of one level and kind that have the same fields, column by column."""

    __slots__ = ("clocks", "columns", "days", "kind", "level", "messages", "node", "pids", "places", "source")

    def __init__(
        self, source: str, node: str | None, level: str, kind: str, places: list[tuple[int, int, int]], days: list[str],
        clocks: list[str], pids: list[str], columns: list[tuple[str, str, list[str]]], messages: list[str],
    ) -> None:  # fmt: skip
        self.source, self.node, self.level, self.kind = source, node, level, kind
        self.places, self.days, self.clocks, self.pids, self.messages = places, days, clocks, pids, messages
        self.columns = columns  # field, the terminal that types it, its texts


class _Collector(SourceState):
    """Takes every record as an event instead of counting it."""

    block_size = BLOCK // 2  # of every record much more is kept: what is larger is beyond a processor's cache

    def __init__(self, name: str, origin: str, owner: Analysis) -> None:
        super().__init__(name, origin, owner)
        self.events: list[Event] = owner.events  # type: ignore[attr-defined]
        self._rows: dict[str | None, _TextRows] = {}

    def wants(self, kind: str | None) -> bool:
        return True

    def span(self, block: Block, size: int, lines: int) -> None:
        self.bytes += size
        self.lines += lines

    def records(self, level: str, kind: str | None, lines: int, block: Block, starts: list[int], shape: str) -> None:
        if self.owner.as_lines is not None and self._in_batches(level, kind, lines, block, starts, shape):  # type: ignore[attr-defined]
            return
        for start in starts:
            event = self._event(level, kind, Framed(block, start, lines, None))
            if block.places is None or lines == 1:
                self.events.append(event)
            else:
                self.events.extend(_in_segments(event, block.places[start : start + lines]))

    def _in_batches(self, level: str, kind: str | None, count: int, block: Block, starts: list[int], shape: str) -> bool:
        """Makes many events at once, where they are written plainly; False where they must be read one by one."""
        if len(starts) < WORTH or kind == BLANK or block.places is not None or count > 2 or formats_in_use():
            return False
        lines = block.lines
        whole = joined(lines, starts, count)
        if whole is None or b"\r" in lines[starts[0]] or (count == 2 and kind is None):
            return False
        plan = self._rows.get(kind)
        if plan is None and kind is not None:
            plan = self._rows[kind] = _TextRows(kind, sorted(recogniser().field_names(kind)))
        learnt = self.owner.memo.learnt
        is_known = bool(learnt.get(shape))
        if shape:
            learnt[shape] = True
        if plan is not None:
            rows = plan.find(whole, is_known=is_known)
        else:
            rows = [match.groups() for match in _UNKNOWN.finditer(whole.decode())]
        if len(rows) != len(starts):
            return False
        captures = plan.captures if plan is not None else []
        days, clocks, pids, *columns = zip(*rows, strict=True)
        del columns[len(captures) :]
        if count == 2 and any("\x01" in "".join([value for value in column if value]) for column in columns):
            return False
        messages = _messages(lines, starts)
        if count == 2:
            bare = [is_bare(lines[start], lines[start + 1]) for start in starts]
            if any(bare) and not all(bare):
                return False
            after = [start + 1 for start in starts]
            seconds = [lines[at].decode() for at in after] if bare[0] else _messages(lines, after)
            messages = [f"{one}\n{two}" for one, two in zip(messages, seconds, strict=True)]
        places = block.places_of(starts, count)
        groups: dict[tuple[bool, ...], list[int]] = {}
        if any(0 < column.count(None) < len(rows) for column in columns):
            for at, row in enumerate(rows):
                groups.setdefault(tuple([value is None for value in row]), []).append(at)
        for chosen in groups.values() or [list(range(len(rows)))]:
            own: dict[str, tuple[str, str, list[Any]]] = {}
            for capture, column in zip(captures, columns, strict=True):
                if capture.name not in own and column[chosen[0]] is not None:
                    own[capture.name] = capture.name, capture.type, _at(column, chosen)
            self.owner.take(  # type: ignore[attr-defined]
                EventBatch(
                    self.name, self.node, level, kind or UNKNOWN, _at(places, chosen), _at(days, chosen), _at(clocks, chosen),
                    _at(pids, chosen), list(own.values()), _at(messages, chosen),
                )
            )  # fmt: skip
        return True

    def _event(self, level: str, kind: str | None, framed: Framed) -> Event:
        open_record = framed.open
        header = open_record.header
        offset, length, line = framed.block.place(framed.index, framed.lines)
        fields: dict[str, Any] = {}
        rest = None
        if kind is not None and kind != BLANK:
            entry = recogniser().entry(kind)
            found = entry.match(open_record.message)
            if found is not None:
                fields = entry.fields(found)
            else:
                match = open_record.match(recogniser())
                if match is not None:
                    kind, fields, rest = match.kind, match.fields, match.rest
        record = Record(
            source=self.name, line=line, offset=offset, length=length, stamp=iso(header.time), level=level, pid=header.pid,
            node=self.node, category=open_record.category, message="\n".join(open_record.parts), format=header.format,
        )  # fmt: skip
        return Event(record, kind or UNKNOWN, fields, rest)


def _in_segments(event: Event, places: Sequence[tuple[int, int, int]]) -> Iterator[Event]:
    """A record whose lines another stream interrupts: the first piece is the record, the others stand for their bytes.

    So the records' bytes, joined, are still the input.
    """
    pieces: list[tuple[int, int, int]] = []
    for offset, length, line in sorted(places):
        if pieces and pieces[-1][0] + pieces[-1][1] == offset:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + length, pieces[-1][2])
        elif length or not pieces:
            pieces.append((offset, length, line))
    for number, (offset, length, line) in enumerate(pieces):
        record = replace(
            event.record, offset=offset, length=length, line=line, message=event.record.message if not number else ""
        )
        yield Event(record, event.kind, event.fields, event.rest) if not number else Event(record, BLANK, {})


class _Reading(Analysis):
    """An analysis that only frames: its states collect events."""

    def __init__(self, as_lines: Callable[[EventBatch], list[str]] | None = None) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.as_lines = as_lines
        self.lines: list[tuple[int, str]] = []

    def take(self, batch: EventBatch) -> None:
        """Writes many events."""
        if self.as_lines is not None:
            self.lines.extend(zip([place[0] for place in batch.places], self.as_lines(batch), strict=True))

    def state(self, name: str, origin: str) -> SourceState:
        state = self.sources.get((name, origin))
        if state is None:
            state = self.sources[name, origin] = _Collector(name, origin, self)
        return state


def events_of(source: Source) -> Iterator[Event]:
    """The events of one source, streaming: a block is read when its events are asked for."""
    for reading in _read(source, _Reading()):
        yield from _taken(reading)


def lines_of(source: Source, as_line: Callable[[Event], str], as_lines: Callable[[EventBatch], list[str]]) -> Iterator[bytes]:
    """The events of one source as they are written; those of one kind in a block are made and written together."""
    for reading in _read(source, _Reading(as_lines)):
        lines = reading.lines
        lines.extend([(event.record.offset, as_line(event)) for event in reading.events])
        lines.sort(key=itemgetter(0))
        yield "".join([line for _, line in lines]).encode()
        lines.clear()
        reading.events.clear()


def _read(source: Source, reading: _Reading) -> Iterator[_Reading]:
    """Reads a source; gives the reading whenever it may have something new."""
    intake = reading.intake(source.name)
    for block in source.blocks():
        intake.feed(block)
        if intake.head and not intake.sampling:
            intake.begin()
        yield reading
    intake.begin()
    intake.close()
    yield reading


def _taken(reading: _Reading) -> list[Event]:
    events = sorted(reading.events, key=lambda event: event.record.offset)
    reading.events.clear()
    return events
