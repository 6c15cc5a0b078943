"""Records and events of one source, for ``parse`` and ``read``: every record, in order, with its place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.analysis import UNKNOWN, Analysis, SourceState
from rabbitlogs.engine.state import iso
from rabbitlogs.framing.blocks import Framed
from rabbitlogs.model import Event, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbitlogs.framing.blocks import Block
    from rabbitlogs.sources import Source


class _Collector(SourceState):
    """Takes every record as an event instead of counting it."""

    def __init__(self, name: str, origin: str, owner: Analysis) -> None:
        super().__init__(name, origin, owner)
        self.events: list[Event] = owner.events  # type: ignore[attr-defined]

    def wants(self, kind: str | None) -> bool:
        return True

    def records(self, level: str, kind: str | None, lines: int, block: Block, starts: list[int], shape: str) -> None:
        for start in starts:
            event = self._event(level, kind, Framed(block, start, lines, None))
            if block.places is None or lines == 1:
                self.events.append(event)
            else:
                self.events.extend(_in_segments(event, block.places[start : start + lines]))

    def _event(self, level: str, kind: str | None, framed: Framed) -> Event:
        from rabbitlogs.parsing.recogniser import recogniser

        open_record = framed.open
        header = open_record.header
        offset, length, line = framed.block.place(framed.index, framed.lines)
        fields: dict[str, Any] = {}
        rest = None
        if kind is not None:
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
        yield Event(record, event.kind, event.fields, event.rest) if not number else Event(record, UNKNOWN, {})


class _Reading(Analysis):
    """An analysis that only frames: its states collect events."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def state(self, name: str, origin: str) -> SourceState:
        state = self.sources.get((name, origin))
        if state is None:
            state = self.sources[name, origin] = _Collector(name, origin, self)
        return state


def events_of(source: Source) -> Iterator[Event]:
    """The events of one source, streaming: a block is read when its events are asked for."""
    reading = _Reading()
    intake = reading.intake(source.name)
    for block in source.blocks():
        intake.feed(block)
        if intake.head and not intake.sampling:
            intake.begin()
        yield from _taken(reading)
    intake.begin()
    intake.close()
    yield from _taken(reading)


def _taken(reading: _Reading) -> list[Event]:
    events = sorted(reading.events, key=lambda event: event.record.offset)
    reading.events.clear()
    return events
