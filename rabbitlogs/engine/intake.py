"""Bytes of one source to its framers: finds and peels the wrapper, keeps the head that a neighbour may have to complete.

The head of a source is everything before the first line that begins a record for sure. It stays unread until the
analysis is merged (then it completes the last record of the part before) or asked for a report (then it is the beginning
of the log). So a log may be cut at any byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbitlogs.framing.blocks import BlockFramer
from rabbitlogs.framing.framer import Line
from rabbitlogs.framing.headers import BARE, JSON, REPORT
from rabbitlogs.sources.headed import Headed

if TYPE_CHECKING:
    from rabbitlogs.engine.analysis import Analysis

SAMPLE = 65536  # bytes that decide about the wrapper
_BACKWARDS = 64 << 20  # bytes of a log shown newest first that are kept to be read from the end; more is read in parts


class Intake:
    """The way of one source's bytes into an analysis."""

    def __init__(self, name: str, owner: Analysis, offset: int = 0) -> None:
        self.name, self.owner = name, owner
        self.start = offset  # in the source, where reading begins
        self.head = b""
        self.sampling = True
        self.bytes = 0
        self._live_lines = 0
        self._last = b"\n"  # byte fed
        self.envelope: Any = None
        self._raw = b""
        self._offset = 0
        self._line = 1
        self._backwards: dict[str, tuple[list[bytes], list[tuple[int, int, int]]]] = {}
        self._held = 0
        self._eol = b"\n"

    def feed(self, data: bytes) -> None:
        """Takes the next raw bytes."""
        self.bytes += len(data)
        if data:
            if self.owner.live:
                self._live_lines += data.count(b"\n")
            self._last = data[-1:]
        if self.sampling:
            self.head += data
            if len(self.head) >= SAMPLE:
                self._decide()
            return
        self._pass(data)

    @property
    def lines(self) -> int:
        """Line ends fed. They are counted where lines are told apart anyway, which is a tenth of the time of a large log;
        live, where that begins anew with each file of a log, as they come."""
        if self.owner.live:
            return self._live_lines
        if self.sampling:
            return self.head.count(b"\n")
        if self.envelope is not None:
            return self._line - 1 + self._raw.count(b"\n")
        state = self.owner.sources.get((self.name, ""))
        return state.framer.lines_fed if state is not None else 0

    @property
    def unended(self) -> bool:
        """Whether the last line fed has no end."""
        return self._last not in (b"\n", self._eol)

    @property
    def line_total(self) -> int:
        """Lines fed, the unended last one included."""
        return self.lines + self.unended

    def close(self) -> None:
        """Reads what is open to its end; the head stays for :meth:`take_head`."""
        if not self.sampling:
            self._finish(b"")

    def begin(self) -> None:
        """Reads the head as the beginning of the log, at once: nothing will be merged before it."""
        if self.sampling:
            self.sampling = False
            head = self.take_head()
            self.envelope = self._detect(head)
            self._pass(head)
        elif self.head:
            self.read_whole(self.take_head())

    def advance(self, *, settle: bool) -> None:
        """Live use: reads what is whole; with ``settle`` also the open record, since the log has been quiet."""
        if self.sampling and (settle or self.head.count(b"\n") > 1):
            head = self.take_head()
            self.sampling = False
            self.envelope = self._detect(head)
            self._pass(head, final=settle)
        elif settle and self.envelope is not None:
            self._pass(b"", final=True)
        for state in self.owner.states_of(self.name):
            if settle:
                state.framer.flush()
            else:
                state.framer.advance()

    def join(self, later: Intake) -> None:
        """Takes the head of the later part of the same source: its own last record ends with it."""
        head, size = later.take_head(), later.bytes
        self.feed(head)
        self.bytes += size - len(head)
        if later.sampling:
            return
        if self.sampling:
            self._decide()
        self._finish(b"")
        self._last = later._last
        self._line = self.lines + later._line - head.count(b"\n")
        self._raw, self._offset = later._raw, self._offset + later._offset - len(head)
        self.envelope = later.envelope

    def take_head(self) -> bytes:
        """The unread head; it is the caller's to read."""
        head, self.head = self.head, b""
        return head

    def read_whole(self, head: bytes) -> None:
        """Reads a head that is the beginning of the log."""
        if self.sampling:
            self.sampling = False
            self.envelope = self._detect(head)
            self._finish(head)
            return
        raw, offset, line = self._raw, self._offset, self._line
        self._raw, self._offset, self._line = b"", self.start, 1
        framers = {state.origin: state.framer for state in self.owner.states_of(self.name)}
        for state in self.owner.states_of(self.name):
            state.framer = BlockFramer(state, self.owner.memo, offset=self.start)
        self._finish(head)
        for state in self.owner.states_of(self.name):
            state.framer = framers.get(state.origin) or BlockFramer(state, self.owner.memo, offset=offset, line=line)
        self._raw, self._offset, self._line = raw, offset, line

    def _finish(self, data: bytes) -> None:
        """Reads bytes after which none follow: open records end."""
        self._pass(data, final=True)
        for state in self.owner.states_of(self.name):
            state.framer.flush()

    def _detect(self, sample: bytes) -> Any:
        from rabbitlogs.engine.reading import way_to_read

        self._eol = b"\r" if b"\r" in sample and b"\n" not in sample else b"\n"
        return way_to_read(sample[:SAMPLE].replace(self._eol, b"\n"), live=self.owner.live)

    def _decide(self) -> None:
        data = self.head
        self.envelope = self._detect(data)
        boundary = self._boundary(data)
        self.sampling = False
        self.head = data[:boundary]
        self._offset, self._line = self.start + boundary, 1 + data.count(b"\n", 0, boundary)
        if self.envelope is None:
            state = self.owner.state(self.name, "")
            state.framer = BlockFramer(state, self.owner.memo, offset=self._offset, line=self._line)
        self._pass(data[boundary:])

    def _boundary(self, data: bytes) -> int:
        """Where the first record begins that cannot be the continuation of one before; 0 where none is sure."""
        data = data.replace(self._eol, b"\n")
        if self.envelope is None:
            places, inner = [], data.split(b"\n")[:-1]
            at = 0
            for line in inner:
                places.append(at)
                at += len(line) + 1
        else:
            peeled, _ = self.envelope.peel(data, False)
            self.envelope = self._detect(data)  # a fresh one: it may remember parts of lines
            places, inner, at = [], [], 0
            for piece in peeled:
                places.append(at)
                inner.append(piece.inner)
                at += piece.raw
            if isinstance(self.envelope, Headed):
                return self.envelope.known_from(data)
        before: bytes | None = None
        for number, raw in enumerate(inner[:400]):
            read = Line(raw)
            if number and read.header.format in (JSON, REPORT):
                return places[number]
            if read.header.format != BARE:
                if before is not None and read.head != before and number > 1:
                    return places[number]
                before = read.head
        return 0

    def _pass(self, data: bytes, *, final: bool = False) -> None:
        if self._eol == b"\r":  # old Mac line ends, byte for byte
            data = data.replace(b"\r", b"\n")
        if self.envelope is None:
            if data:
                self.owner.state(self.name, "").framer.feed(data)
            return
        self._raw += data
        if len(self._raw) < SAMPLE and not (final or self.owner.live):
            return
        raw, at = self._raw, 0
        peeled, consumed = self.envelope.peel(raw, final)
        groups: dict[str, tuple[list[bytes], list[tuple[int, int, int]]]] = {}
        offset, line = self._offset, self._line
        for piece in peeled:
            lines, places = groups.setdefault(piece.origin, ([], []))
            lines.append(piece.inner)
            places.append((offset, piece.raw, line))
            offset += piece.raw
            line += raw.count(b"\n", at, at + piece.raw)
            at += piece.raw
        self._offset, self._line = offset, line
        self._raw = raw[consumed:]
        self._held += consumed
        for origin, (lines, places) in groups.items():
            state = self.owner.state(self.name, origin)
            state.envelope = self.envelope.name
            if not hasattr(self.envelope, "is_newest_first"):
                state.framer.feed_lines(lines, places)
                continue
            # from the end: everything has to be there first
            held = self._backwards.setdefault(origin, ([], []))
            held[0].extend(lines)
            held[1].extend(places)
        if self._backwards and (final or self._held > _BACKWARDS):
            self._held = 0
            for origin, (lines, places) in self._backwards.items():
                self.owner.state(self.name, origin).framer.feed_lines(lines[::-1], places[::-1])
            self._backwards.clear()
