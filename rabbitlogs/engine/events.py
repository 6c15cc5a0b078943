"""Records and events of one source, for ``parse`` and ``read``: every record, in order, with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.analysis import UNKNOWN, Analysis, SourceState
from rabbitlogs.engine.state import iso
from rabbitlogs.framing.blocks import Framed
from rabbitlogs.model import Event, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbitlogs.framing.blocks import Block
    from rabbitlogs.sources import Source


class _Collector(SourceState):
    """Takes every record as an event instead of counting it."""

    def __init__(self, name: str, origin: str, owner: Analysis) -> None:
        super().__init__(name, origin, owner)
        self.events: list[Event] = owner.events  # type: ignore[attr-defined]

    def wants(self, kind: str | None) -> bool:
        return True

    def records(self, level: str, kind: str | None, lines: int, block: Block, starts: list[int]) -> None:
        self.events.extend(self._event(level, kind, Framed(block, start, lines, None)) for start in starts)

    def _event(self, level: str, kind: str | None, framed: Framed) -> Event:
        from rabbitlogs.parsing.recogniser import recogniser

        open_record = framed.open
        header = open_record.header
        offset, length, line = framed.block.place(framed.index, framed.lines)
        fields: dict[str, Any] = {}
        rest = None
        if kind is not None:
            match = open_record.match(recogniser())
            if match is not None:
                kind, fields, rest = match.kind, match.fields, match.rest
        record = Record(
            source=self.name, line=line, offset=offset, length=length, stamp=iso(header.time), level=level, pid=header.pid,
            node=self.node, category=open_record.category, message="\n".join(open_record.parts), format=header.format,
        )  # fmt: skip
        return Event(record, kind or UNKNOWN, fields, rest)


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
