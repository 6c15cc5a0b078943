"""The hot path: a stream of bytes to counted records, block by block.

Every line of a block is looked up by its shape at once; the answer is one character a line, so the block becomes a
string and the rest is string work in C:

* a *settled* line is a record by itself: it has a header and is a whole message of a known kind;
* every other line is *unsettled*: a message of several lines, a text without header, an unknown message. A run of them,
  with the settled line before it, goes through the careful framer (:mod:`rabbitlogs.framing.framer`), whose answers for
  short runs are remembered by shape too.

Only kinds that the sink wants, unknown messages, and lines never seen before are touched one by one. Of the last there may
be any number, where each has a name of its own; their forms (:mod:`rabbitlogs.framing.forms`) tell them together.

The last record of a block is always kept back, since the next block may continue it; so no block ever begins inside a
record, and neither the size of the chunks nor where they are cut makes a difference.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Protocol

from rabbitlogs.framing.forms import forms
from rabbitlogs.framing.framer import READ_LINES, TERM_START, Line, OpenRecord, begins_record, clean, continues
from rabbitlogs.framing.headers import BARE, CUSTOM, JSON, LAGER, LOGGER, REPORT, SINGLE, Header, formats_in_use
from rabbitlogs.framing.shapes import shapes
from rabbitlogs.framing.strangers import MANY, Heading, strangers
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.compiled import ambiguous_kinds
from rabbitlogs.parsing.recogniser import recogniser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbitlogs.parsing.recogniser import Recogniser

BLOCK = 524288  # bytes that are read at once
_KEPT = 8 << 20  # bytes of freed memory, or twice that, that the C library may keep for the next block
_PIECE = 1 << 18  # of a line that came out of a wrapper
LINE_LIMIT = 1 << 20  # a longer line is read in pieces of this size: a line of 100 MB must not need 100 MB

# Characters stand for line shapes. Settled lines that are only counted, settled lines the sink wants, unsettled lines.
# Of the unsettled ones, a first line stops in the middle of a kind (``closing AMQP connection ...:``): it begins a record.
_COUNTED, _WANTED, _FIRST, _UNSETTLED = 0x100, 0x5000, 0x10000, 0x20000
_LIMITS = {_COUNTED: 0x5000, _WANTED: 0xD800, _FIRST: 0x20000, _UNSETTLED: 0x110000 - 0x400}
# ``[^unsettled]`` is any settled one: a class of these themselves would take milliseconds to compile.
_EDGE = expression("[\U00010000-\U0010ffff][^\U00010000-\U0010ffff]")
_RUN = expression("[\U00010000-\U0010ffff]+")
_ANY_UNSETTLED = _RUN.search
PART = "_line"  # kinds that are one line of a longer message, met alone where the rest was lost
_DECORATED = (b"\x00", b"\x1b", b"\xef", b"`")  # NULs, a colour, a byte order mark or a quoting mark before a header
_STAMP, _INSTANT = 23, 26  # bytes of a line that lines with other headers differ in, nearly always; of 3.9 and later
_NEAR_END = 200  # lines from a block's end that are counted from there
_TOLD = 8  # lines of a record whose shapes are remembered together
_PLANNED = 2048  # lines with one header whose shapes are remembered together
_SHAPES = 64  # of settled lines of one wanted kind that are told apart
_MISSED = 1024  # lines of new shapes after which their forms are looked at
_ALIKE = 4  # shapes of one form that have the same answer; so will the next one
_PAUSE = 8  # blocks whose lines are not taken for strangers after one that had few
_LENT = 8192  # shapes that are remembered by their form; then these are forgotten
_MEMO_BYTES = 8 << 20  # of remembered shapes; beyond, everything is forgotten and learnt anew


_Told = tuple[int, str, str | None]  # how many lines a record has, its level and kind
_Wanted = dict[tuple[str, str | None, int, str], list[int]]  # level, kind, lines, shape: where such records begin


class Framed:
    """A record found in a stream: where it is, what its header says, and its message, read only when asked for."""

    __slots__ = ("_open", "block", "index", "lines")

    def __init__(self, block: Block, index: int, lines: int, record: OpenRecord | None) -> None:
        self.block, self.index, self.lines = block, index, lines
        self._open = record

    @property
    def open(self) -> OpenRecord:
        """The record as the careful framer reads it."""
        if self._open is None:
            known = self.block.read.get(self.index) if self.lines == 1 else None
            self._open = known if known is not None else self._read()
        return self._open

    def _read(self) -> OpenRecord:
        part = self.raw()[:READ_LINES]
        line = Line(part[0])
        record = OpenRecord(line)
        if len(part) > 1 and record.add_plain(part):
            return record
        for before, raw in pairwise(part):
            if raw != before:
                line = Line(raw)
            record.add(line)
        return record

    def raw(self) -> list[bytes]:
        """The record's lines as they stand in the stream, without line ends."""
        return self.block.lines[self.index : self.index + self.lines]


class Block:
    """Whole lines of a stream, and where each stands in its source."""

    __slots__ = ("_ends", "data", "first_line", "line_count", "lines", "offset", "places", "read", "strangers", "terminated")

    def __init__(self, data: bytes, offset: int, first_line: int, places: Sequence[tuple[int, int, int]] | None) -> None:
        self.data, self.offset, self.first_line, self.places = data, offset, first_line, places
        self.lines = data.split(b"\n")
        self.line_count = len(self.lines)
        self.terminated = True
        self.read: dict[int, OpenRecord] = {}  # lines read already, since their shapes were new
        self.strangers: dict[int, str] = {}  # the messages of lines of no kind that were told together
        self._ends: list[int] | None = None

    def place(self, index: int, lines: int) -> tuple[int, int, int]:
        """Offset, length in bytes and line number of a record of this block."""
        if self.places is not None:
            part = self.places[index : index + lines]
            first = min(part)  # not the first where a log is read from its end
            return first[0], sum(p[1] for p in part), first[2]
        if self._ends is None and self.terminated and self.line_count - index <= _NEAR_END:
            rest = [len(line) + 1 for line in self.lines[index:]]
            return self.offset + len(self.data) + 1 - sum(rest), sum(rest[:lines]), self.first_line + index
        ends = self._line_ends()
        before = ends[index] + index
        length = ends[index + lines] + index + lines - before
        if not self.terminated and index + lines == self.line_count:
            length -= 1
        return self.offset + before, length, self.first_line + index

    def _line_ends(self) -> list[int]:
        """How many characters there are before each line, line feeds left out."""
        if self._ends is None:
            self._ends = [0, *accumulate(map(len, self.lines))]
        return self._ends

    def line_numbers(self, starts: Sequence[int]) -> list[int]:
        """The line number of each of these lines."""
        if self.places is not None:
            return [self.places[at][2] for at in starts]
        return [self.first_line + at for at in starts]

    def places_of(self, starts: Sequence[int], lines: int) -> list[tuple[int, int, int]]:
        """:meth:`place` of many records, each of so many lines."""
        if self.places is not None or not self.terminated:
            return [self.place(start, lines) for start in starts]
        ends, offset, line = self._line_ends(), self.offset, self.first_line
        return [(offset + (before := ends[at] + at), ends[at + lines] + at + lines - before, line + at) for at in starts]


class Sink(Protocol):
    """Who takes the records of a stream."""

    block_size: int  # bytes that are read at once

    def wants(self, kind: str | None) -> bool:
        """Whether records of a kind are to be handed over one by one, not only counted."""

    def leads(self, kind: str | None) -> bool:
        """Whether records of a kind are handed over before the others of their block, which lean on what they say; in order."""

    def count(self, level: str, kind: str | None, number: int) -> None:
        """Records of one level and kind, some number of them."""

    def seen(self, kind: str, block: Block, first: int, last: int, number: int, text: str, code: str) -> None:
        """Where counted kinds stand in a block: first and last line, how many, and their characters in its text."""

    def records(self, level: str, kind: str | None, lines: int, block: Block, starts: list[int], shape: str) -> None:
        """Records of a wanted kind, or unknown ones, each of so many lines, in order. They have been counted.

        ``shape`` is the same for records that differ only in digits and quoted text, or only in names too
        (:attr:`ShapeMemo.formed`), in this block and later ones until the memo forgets; empty where that is not known.
        """

    def span(self, block: Block, size: int, lines: int) -> None:
        """A block was read: so many bytes and lines of the source."""


class _Seen:
    """What is remembered of a shape."""

    __slots__ = ("blanks", "format", "kind", "level")

    def __init__(self, level: str, kind: str | None, format_: str, blanks: int) -> None:
        self.level, self.kind, self.format, self.blanks = level, kind, format_, blanks


class _Alike:
    """What is remembered of a form: what its shapes are, how many were met, and the character of all further ones."""

    __slots__ = ("code", "met", "outcome")

    def __init__(self, outcome: tuple[Any, ...]) -> None:
        self.outcome: tuple[Any, ...] | None = outcome
        self.met = 1
        self.code: str | None = None


# What lines with one header are: of each record its level, kind, number of lines, whether it is wanted, its shape.
_Plan = list[tuple[str, str | None, int, bool, str]]


class ShapeMemo:
    """Shape to character, and what the character stands for. Bounded; shared by all streams of an analysis."""

    def __init__(self) -> None:
        self.epoch = 0
        self._ambiguous = ambiguous_kinds()  # their lines differ only in what a shape throws away
        self._clear()

    def _clear(self) -> None:
        self.codes: dict[bytes, str] = {}
        self.seen: dict[str, _Seen] = {}
        self._settled: dict[tuple[str, str, str], list[str]] = {}
        self.mixed: set[str] = set()  # characters that stand for many shapes
        self.learnt: dict[str, Any] = {}  # what sinks remember of a shape
        self._twins: dict[str, str] = {}
        self.plans: dict[str, _Plan] = {}  # of lines with one header, by their characters
        self.told: dict[str, _Told] = {}  # what records are whose lines have these shapes
        self.carried: dict[str, bool] = {}  # whether the last of these lines belongs to the record of those before
        self.strange: dict[tuple[Heading, bool], str] = {}  # the character of lines of no kind, whatever they say
        self.any_text: set[str] = set()  # these characters: what follows such a line has to be looked at
        self.bare: set[str] = set()  # characters of lines without header
        self.missed = 0  # lines whose shapes were new
        self.is_strange = False  # most of them, in the last block, were of no kind
        self.pause = 0  # blocks in which nobody looks for strangers
        self.unread: set[str] = set()  # characters of lines that nobody has read: what they say alone has to be looked at
        self._details: dict[tuple[str, str, int], str] = {}
        self._met: set[int] = set()  # hashes of shapes of such lines
        self._alike: dict[bytes, _Alike] = {}  # what is remembered of a form
        self.formed: set[str] = set()  # characters that stand for the shapes of one form
        self._lent: list[bytes] = []
        self.size = 0
        self._next = {place: place for place in _LIMITS}

    @property
    def is_full(self) -> bool:
        return self.size > _MEMO_BYTES or any(self._next[k] >= limit for k, limit in _LIMITS.items())

    def forget(self) -> None:
        """Starts anew; characters handed out before mean nothing any more."""
        self.epoch += 1
        self._clear()

    def learn(self, shape: bytes, block: Block, index: int, wants: Sink) -> str:
        """The character of a line whose shape is new."""
        line = Line(block.lines[index])
        header = line.header
        kind: str | None = None
        place = _UNSETTLED
        if header.format not in (BARE, REPORT):
            record = OpenRecord(line)
            reader = recogniser()
            whole = record.is_complete(reader)
            if not whole and header.format != JSON and begins_record(line.text, reader) and reader.wants_more(record.message):
                place = _FIRST  # of what kind, if the record ends here, is told when it does
            else:
                kind = record.kind(reader)
            if header.format == JSON or (
                whole and kind is not None and not kind.endswith(PART) and reader.begins(record.message)
            ):
                place = _WANTED if wants.wants(kind) else _COUNTED
            elif place == _UNSETTLED and begins_record(line.text, reader) and reader.wants_more(record.message):
                place = _FIRST
            block.read[index] = record
        if place in (_FIRST, _UNSETTLED):
            code = self._new(place, header, kind)
            if place == _FIRST and kind is None:
                self.unread.add(code)
        else:  # settled lines of one kind are alike, whatever their shapes; of wanted ones the first shapes are told apart
            key = header.level, kind or "", header.format
            known = self._settled.setdefault(key, [])
            if not known or (place == _WANTED and len(known) <= _SHAPES and kind not in self._ambiguous):
                known.append(self._new(place, header, kind))
            code = known[-1]
            if place != _WANTED or len(known) > _SHAPES or kind in self._ambiguous:
                self.mixed.add(code)
        if kind not in self._ambiguous:
            self.codes[shape] = code
            self.size += len(shape) + 120
        return code

    def detail(self, shape: bytes, before: str) -> str | None:
        """The character of a line that goes on with the line before, if its shape was not met so far: most never come again."""
        known = hash(shape)
        if known in self._met:
            return None
        self._met.add(known)
        self.size += 100
        entry = self.seen[before]
        key = entry.level, entry.format, entry.blanks
        code = self._details.get(key)
        if code is None:
            code = self._details[key] = self._any(_Seen(entry.level, None, entry.format, entry.blanks))
            self.unread.add(code)
        return code

    def of_form(self, form: bytes) -> str | None:
        """The character of a line whose shape is new, by its form, of which enough shapes were met."""
        alike = self._alike.get(form)
        return alike.code if alike is not None else None

    def lend(self, shape: bytes, code: str) -> None:
        """Remembers a shape's character for a while, that was told by its form."""
        if len(self._lent) >= _LENT:
            for lent in self._lent:
                self.codes.pop(lent, None)
            self._lent.clear()
        self._lent.append(shape)
        self.codes[shape] = code

    def resembles(self, form: bytes, code: str) -> None:
        """Remembers what a shape of this form is; after some that are the same, all are taken to be."""
        entry = self.seen[code]
        place = max(begin for begin in _LIMITS if begin <= ord(code))
        outcome = place, entry.level, entry.kind, entry.format, entry.blanks
        alike = self._alike.get(form)
        if alike is None:
            self._alike[form] = _Alike(outcome)
            self.size += len(form) + 300
        elif alike.outcome != outcome or entry.kind in self._ambiguous:
            alike.outcome = None
        else:
            alike.met += 1
            if alike.met == _ALIKE:
                alike.code = code if place == _COUNTED else self._stands_for_form(place, entry)

    def _stands_for_form(self, place: int, entry: _Seen) -> str:
        if entry.kind is None and place == _UNSETTLED:
            return self._any(entry)
        code = self._add(place, entry)
        (self.formed if entry.kind is not None else self.mixed).add(code)
        return code

    def stranger(self, key: tuple[Heading, bool], line: bytes) -> str:
        """The character of a line of no kind: what its header says, whether it may belong to a line beside it."""
        code = self.strange.get(key)
        if code is None:
            header = Line(line).header
            entry = _Seen(header.level, None, header.format, header.blanks)
            code = self.strange[key] = self._any(entry) if key[1] else self._add(_WANTED, entry)
            self.mixed.add(code)
        return code

    def _any(self, entry: _Seen) -> str:
        """A character for lines that may say anything."""
        code = self._add(_UNSETTLED, entry)
        self.any_text.add(code)
        self.mixed.add(code)
        return code

    def twin(self, code: str) -> str:
        """The unsettled character of a settled one's lines."""
        known = self._twins.get(code)
        if known is None:
            entry = self.seen[code]
            known = self._twins[code] = self._add(_UNSETTLED, entry)
            for alike in (self.mixed, self.formed):
                if code in alike:
                    alike.add(known)
        return known

    def _new(self, place: int, header: Header, kind: str | None) -> str:
        return self._add(place, _Seen(header.level, kind, header.format, header.blanks))

    def _add(self, place: int, entry: _Seen) -> str:
        code = chr(self._next[place])
        self._next[place] += 1
        self.seen[code] = entry
        if entry.format == BARE:
            self.bare.add(code)
        return code


class BlockFramer:
    """Frames one stream and hands what it finds to a sink.

    Feeding it in any pieces gives the same records. Nothing is lost: the records' lengths add up to the bytes fed.
    """

    def __init__(self, sink: Sink, memo: ShapeMemo | None = None, *, offset: int = 0, line: int = 1) -> None:
        self._sink = sink
        self._size = sink.block_size
        self._memo = memo if memo is not None else ShapeMemo()
        self._pending = b""
        self._places: list[tuple[int, int, int]] | None = None
        self._parts: list[bytes] = []
        self._waiting = 0
        self.offset, self.line = offset, line
        self._framed: tuple[int, int, list[_Told]] = (-1, -1, [])
        self._eol: bytes | None = None

    @property
    def pending(self) -> bytes:
        """Bytes fed that no record has been made of yet."""
        return self._pending + b"".join(self._parts)

    @property
    def lines_fed(self) -> int:
        """Line ends fed."""
        return self.line - 1 + self._pending.count(b"\n") + sum([part.count(b"\n") for part in self._parts])

    def adopt(self, sink: Sink, memo: ShapeMemo) -> None:
        """Goes on for another sink."""
        self._sink, self._memo = sink, memo
        self._framed = (-1, -1, [])

    def shift(self, offset: int, line: int) -> None:
        """Moves the place of what is still to be read behind an earlier part of the stream."""
        self.offset += offset
        self.line += line
        if self._places is not None:
            self._places = [(o + offset, size, n + line) for o, size, n in self._places]

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the stream."""
        if self._eol != b"\n":
            data = self._line_ends(data)
        self._parts.append(data)
        self._waiting += len(data)
        if self._waiting >= self._size:
            self._drain(final=False)

    def _line_ends(self, data: bytes) -> bytes:
        """Old Mac line ends become line feeds, byte for byte; the first line end of a stream decides."""
        if self._eol is None:
            joined = (self._parts[-1][-1:] if self._parts else b"") + data
            first = min((i for i in (joined.find(b"\r"), joined.find(b"\n")) if i >= 0), default=-1)
            if first < 0 or (joined[first:] == b"\r"):
                return data
            self._eol = b"\r" if joined[first : first + 1] == b"\r" and joined[first + 1 : first + 2] != b"\n" else b"\n"
            if self._eol == b"\r" and self._parts:
                self._parts = [b"".join(self._parts).replace(b"\r", b"\n")]
        return data.replace(b"\r", b"\n") if self._eol == b"\r" else data

    def advance(self) -> None:
        """Reads everything but the last record, without waiting for a block to fill: for a log that is being written."""
        self._drain(final=False)
        cut = self._pending.rfind(b"\n") + 1
        if cut:
            kept = self._block(self._pending[:cut], final=False)
            self._pending = self._pending[cut - kept :]
            self._waiting = len(self._pending)

    def flush(self) -> None:
        """Ends the stream: what is open becomes a record."""
        self._drain(final=True)

    def feed_lines(self, lines: Sequence[bytes], places: Sequence[tuple[int, int, int]]) -> None:
        """Takes whole lines whose places in the source (offset, length, number) are known: a wrapper was peeled off."""
        if not lines:
            return
        if max(map(len, lines)) > _PIECE:
            lines, places = _in_pieces(lines, places)
        if self._places is None:
            self._places = []
        self._places.extend(places)
        self._parts.append(b"\n".join(line.replace(b"\n", b" ") for line in lines) + b"\n")
        self._waiting += len(self._parts[-1])
        if self._waiting >= self._size:
            self._drain(final=False)

    def _drain(self, *, final: bool) -> None:
        _keep_memory()
        size = self._size
        data = self._pending + b"".join(self._parts)
        self._parts.clear()
        start = 0
        while len(data) - start >= size:
            cut = data.rfind(b"\n", start, start + size) + 1
            if cut <= start:
                cut = data.find(b"\n", start + size, start + LINE_LIMIT) + 1
            if cut <= start:
                if len(data) - start < LINE_LIMIT:
                    break
                start += LINE_LIMIT
                self._block(data[start - LINE_LIMIT : start], final=True)
                continue
            kept = self._block(data[start:cut], final=False)
            while kept == cut - start:  # one open record fills the block: look at a larger one
                larger = self._larger(data, start, cut)
                if larger is None:
                    break
                cut = larger
                kept = self._block(data[start:cut], final=False)
            if kept == cut - start:
                break
            start = cut - kept
        data = data[start:]
        if final and data:
            self._block(data, final=True)
            data = b""
        self._pending = data
        self._waiting = len(data) if final else 0
        if not final:
            self._waiting = len(data) if len(data) < size else size - min(len(data) // 2, size)

    @staticmethod
    def _larger(data: bytes, start: int, cut: int) -> int | None:
        """The end of a block twice as large, or None where the bytes are not there yet."""
        target = start + (cut - start) * 2
        if len(data) < target:
            return None
        found = data.rfind(b"\n", cut, target) + 1
        return found if found > cut else (data.find(b"\n", target) + 1 or None)

    def _block(self, data: bytes, *, final: bool) -> int:
        """Frames whole lines; returns how many bytes at the end are kept back."""
        whole = data.endswith(b"\n")
        body = data[:-1] if whole else data
        memo, sink = self._memo, self._sink
        if memo.is_full:
            memo.forget()
        block = Block(body, self.offset, self.line, self._places)
        block.terminated = whole
        count = block.line_count
        found = shapes(body, count)
        codes = list(map(memo.codes.get, found))
        if None in codes:
            self._learn(codes, found, block)
        text = "".join(codes)  # type: ignore[arg-type]
        if _has_unsettled(text):
            unsettled = self._unsettle(text, block)
            if unsettled is not None:
                text, codes = "".join(unsettled), unsettled  # type: ignore[assignment]
        if not final:
            kept_from = self._last_record(text, block)
            if kept_from == 0:
                return len(data)
            text = text[:kept_from]
        else:
            kept_from = count
        self._read(text, codes[:kept_from], block)  # type: ignore[arg-type]
        if kept_from == count:
            kept = 0
        elif kept_from == count - 1:
            kept = len(data) - (body.rfind(b"\n") + 1)
        else:
            kept = sum(map(len, block.lines[kept_from:])) + count - kept_from - (0 if whole else 1)
        self.offset += len(data) - kept
        self.line += kept_from if whole or kept_from < count else kept_from - 1
        if self._places is not None:
            self._places = self._places[kept_from:]
        sink.span(block, len(data) - kept if block.places is None else sum(p[1] for p in block.places[:kept_from]), kept_from)
        return kept

    def _learn(self, codes: list[str | None], found: list[bytes], block: Block) -> None:
        """Finds the characters of lines whose shapes are new: by their forms, as lines of no kind, or one by one."""
        memo = self._memo
        new = [at for at, code in enumerate(codes) if code is None]
        form_of: dict[int, bytes] = {}
        details: set[int] = set()
        if not formats_in_use():
            lines = block.lines
            details = {at for at in new if lines[at][:_STAMP] == lines[at - 1][:_STAMP] and _is_detail(lines, at)}
            others = [at for at in reversed(new) if at not in details]
            others = sorted(dict(zip(map(found.__getitem__, others), others, strict=True)).values())  # the first of each shape
            memo.missed += len(others)
            if memo.is_strange:
                self._find_strangers(codes, others, block)
            if memo.missed > _MISSED:
                form_of = self._take_known(codes, found, [at for at in others if codes[at] is None], block)
            if not memo.is_strange:
                self._find_strangers(codes, [at for at in others if codes[at] is None], block)
            memo.is_strange = len(block.strangers) * 2 > len(others)
        for at in new:
            if codes[at] is None:
                shape, form = found[at], form_of.get(at, b"")
                code = memo.codes.get(shape) or memo.of_form(form)
                before = codes[at - 1]
                if code is None and at in details and before is not None and before >= "\U00010000":
                    code = memo.detail(shape, before)
                if code is None:
                    code = memo.learn(shape, block, at, self._sink)
                    if form:
                        memo.resembles(form, code)
                codes[at] = code

    def _find_strangers(self, codes: list[str | None], places: list[int], block: Block) -> None:
        """Finds lines of no kind among many, as long as there are some."""
        self._memo.pause -= 1
        if len(places) >= MANY and self._memo.pause < 0:
            self._take_strangers(codes, places, block)
            if len(block.strangers) * 8 < len(places):
                self._memo.pause = _PAUSE

    def _take_known(self, codes: list[str | None], found: list[bytes], places: list[int], block: Block) -> dict[int, bytes]:
        """Finds the characters of lines of known forms. Returns the forms of all."""
        if not places:
            return {}
        memo = self._memo
        form_of = dict(zip(places, forms([found[at] for at in places]), strict=True))
        unknown = []
        for at, form in form_of.items():
            code = codes[at] = memo.of_form(form)
            if code is not None:
                if code in memo.any_text:
                    unknown.append(at)
                else:
                    memo.lend(found[at], code)
        self._take_strangers(codes, unknown, block, are_unknown=True)
        return form_of

    def _take_strangers(self, codes: list[str | None], places: list[int], block: Block, *, are_unknown: bool = False) -> None:
        """Finds the characters of lines of no kind that are plainly such."""
        lines = block.lines
        found = strangers([lines[at] for at in places], recogniser(), are_unknown=are_unknown)
        # between two lines with other headers, one of them is a record by itself
        at = [-1, *[places[row[0]] for row in found], -1]
        goes_on = [b != a + 1 or lines[a][:_INSTANT] == lines[b][:_INSTANT] for a, b in pairwise(at)]
        known = self._memo.strange
        for index, (_, heading, message), before, after in zip(at[1:], found, goes_on, goes_on[1:], strict=False):
            key = heading, before or after
            codes[index] = known.get(key) or self._memo.stranger(key, lines[index])
            block.strangers[index] = message

    def _unsettle(self, text: str, block: Block) -> list[str] | None:
        """Makes a settled line unsettled where it follows an unsettled one with the same header: it may belong to it.

        Returns the lines' characters, None where they stay as they are.
        """
        seen, lines = self._memo.seen, block.lines
        changed: list[str] | None = None
        for edge in _EDGE.finditer(text):
            index = edge.end() - 1
            # other times, other headers: nearly always (a custom format may begin with the message)
            if lines[index][:_STAMP] != lines[index - 1][:_STAMP] and seen[text[index]].format != CUSTOM:
                continue
            while index < len(text) and text[index] < "\U00010000":
                entry = seen[text[index]]
                if entry.format == JSON or _head(lines[index - 1], seen[text[index - 1]]) != _head(lines[index], entry):
                    break
                changed = changed if changed is not None else list(text)
                changed[index] = self._memo.twin(text[index])
                index += 1
        return changed

    def _last_record(self, text: str, block: Block) -> int:
        """The line where the last record begins."""
        last = len(text) - 1
        if text[last] < "\U00010000":
            return last
        start = last
        while start > 0 and text[start] >= "\U00010000":
            start -= 1
        if text[start] >= "\U00010000":
            start = 0
        # only the last group matters: a line whose header differs from the one before begins one for sure
        begin = self._last_group(text, block, start)
        group = self._group(text, block, begin, len(text))
        kept_from = len(text) - group[-1][0]
        self._framed = (begin, kept_from, group[:-1])
        return kept_from

    def _read(self, text: str, codes: list[str], block: Block) -> None:
        """Reads the records of a block's lines, of which a character each says what they are: as a text, and as a list."""
        sink, seen = self._sink, self._memo.seen
        wanted: _Wanted = {}
        numbers = Counter(codes)  # of the list, whose characters are the memo's: they are not hashed anew
        settled = text
        if _has_unsettled(text):
            taken = self._runs(text, block, wanted)
            for at in taken:  # read with the run that follows; blanked out, so indexes stay true
                numbers[codes[at]] -= 1
                codes[at] = " "
            settled = "".join(codes) if taken else text
        for code, number in numbers.items():
            if code >= "\U00010000" or not number:
                continue
            entry = seen[code]
            sink.count(entry.level, entry.kind, number)
            if code < "\u5000":
                if entry.kind is not None:
                    sink.seen(entry.kind, block, settled.find(code), settled.rfind(code), number, settled, code)
            else:
                starts = [match.start() for match in re.finditer(code, settled)]
                key = entry.level, entry.kind, 1, self._shape(code)
                wanted.setdefault(key, []).extend(starts)
        for (level, kind, lines, shape), starts in list(wanted.items()):
            if shape and self._memo.learnt.get(shape, True) is None:  # what cannot be told from the shape goes together
                wanted.setdefault((level, kind, lines, ""), []).extend(starts)
                del wanted[level, kind, lines, shape]
        leading = [(start, *key) for key, starts in wanted.items() if sink.leads(key[1]) for start in starts]
        for start, level, kind, lines, _ in sorted(leading):
            sink.records(level, kind, lines, block, [start], "")
        for (level, kind, lines, shape), starts in wanted.items():
            if not sink.leads(kind):
                starts.sort()
                sink.records(level, kind, lines, block, starts, shape)

    def _runs(self, text: str, block: Block, wanted: _Wanted) -> list[int]:
        """Reads the runs of unsettled lines. Groups of lines with one header whose shapes are known are told by a glance.

        Returns where the settled lines are that runs begin with.
        """
        plans, bare, sink, raw = self._memo.plans, self._memo.bare, self._sink, block.lines
        met: dict[str, list[int]] = {}
        taken: list[int] = []
        for run in _RUN.finditer(text):
            start, end = run.span()
            if start and text[start] >= "\U00020000":  # the settled line before may be the first of its lines
                start -= 1
                taken.append(start)
            if end - start == 2 and (key := text[start:end]) in plans:  # the usual one, told at once
                head = raw[start][: raw[start].find(b">", 24, 96) + 1]
                if head and (key[1] in bare or raw[start + 1].startswith(head)):
                    met.setdefault(key, []).append(start)
                    continue
            while start < end:
                start = self._known(text, start, end, raw, met)
                if start < end:
                    start = self._careful(text, block, start, end, met, wanted)
        for key, begins in met.items():
            starts = begins
            for level, kind, lines, is_wanted, shape in plans[key]:
                sink.count(level, kind, len(starts))
                if is_wanted:
                    wanted.setdefault((level, kind, lines, shape), []).extend(starts)
                elif kind is not None:
                    for start in starts:
                        sink.seen(kind, block, start, start, 1, "", "")
                starts = [start + lines for start in starts]
        return taken

    def _known(self, text: str, start: int, end: int, lines: list[bytes], met: dict[str, list[int]]) -> int:
        """Takes groups of lines with one header from a run, as long as their plans are known; returns where that ends."""
        plans, bare = self._memo.plans, self._memo.bare
        while start < end:
            head = lines[start][: lines[start].find(b">", 24, 96) + 1]
            stop = start + 1
            if stop < end and text[stop] in bare:
                while stop < end and text[stop] in bare:
                    stop += 1
                if stop < end and lines[stop].startswith(head):
                    return start
            elif head:
                while stop < end and lines[stop].startswith(head):
                    stop += 1
            key = text[start:stop]
            plan = plans.get(key)
            # what is not plainly another header has to be looked at with care
            if plan is None or not head or (stop < end and (text[stop] in bare or not lines[stop][:1].isdigit())):
                return start
            met.setdefault(key, []).append(start)
            start = stop
        return end

    def _group_starts(self, text: str, block: Block, start: int, end: int) -> Iterator[int]:
        """Lines after the first of a run that begin a record for sure: their header is not the one of the line before."""
        seen, lines = self._memo.seen, block.lines
        if self._memo.bare.issuperset(text[start + 1 : end]):
            return
        before = _head(lines[start], seen[text[start]])
        for index in range(start + 1, end):
            entry = seen[text[index]]
            if entry.format == BARE:
                continue
            head = _head(lines[index], entry)
            if head != before or entry.format in SINGLE:
                yield index
            before = head

    def _last_group(self, text: str, block: Block, start: int) -> int:
        """The last of :meth:`_group_starts` of a run that goes on to the end of the text, found from there."""
        seen, lines = self._memo.seen, block.lines
        index = len(text) - 1
        while index > start:
            entry = seen[text[index]]
            if entry.format == BARE:
                index -= 1
                continue
            before = index - 1
            while before > start and seen[text[before]].format == BARE:
                before -= 1
            if entry.format in SINGLE or _head(lines[index], entry) != _head(lines[before], seen[text[before]]):
                return index
            index = before
        return start

    def _careful(
        self, text: str, block: Block, begin: int, end: int, met: dict[str, list[int]], wanted: _Wanted
    ) -> int:  # fmt: skip
        """Reads the lines with one header that a run goes on with, for which there is no plan yet; returns where they end."""
        stop = next(self._group_starts(text, block, begin, end), end)
        sink = self._sink
        group = self._group(text, block, begin, stop)
        if stop - begin <= _PLANNED and self._plan(text[begin:stop], group):
            met.setdefault(text[begin:stop], []).append(begin)
            return stop
        index = begin
        for lines, level, kind in group:
            sink.count(level, kind, 1)
            if kind is None or sink.wants(kind):
                wanted.setdefault((level, kind, lines, ""), []).append(index)
            else:
                sink.seen(kind, block, index, index, 1, "", "")
            index += lines
        return stop

    def _shape(self, key: str) -> str:
        """What a record of these lines' shapes is known by; empty where one of them stands for many."""
        return key if self._memo.mixed.isdisjoint(key) else ""

    def _plan(self, key: str, group: list[_Told]) -> bool:
        """Remembers what lines with one header are, of a broker's usual formats; False where that would be too much."""
        seen, bare, wants = self._memo.seen, self._memo.bare, self._sink.wants
        if key in self._memo.plans:
            return True
        if len(key) > 1 and not self._memo.any_text.isdisjoint(key):
            return False
        first = seen[key[0]].format
        if first not in (LOGGER, LAGER) or not (all(seen[code].format == first for code in key[1:]) or bare.issuperset(key[1:])):
            return False
        records: _Plan = []
        at = 0
        for lines, level, kind in group:
            shape = self._shape(key[at : at + lines]) if kind is not None else ""
            records.append((level, kind, lines, kind is None or wants(kind), shape))
            at += lines
        self._memo.plans[key] = records
        self._memo.size += 300 + 12 * len(key)
        return True

    def _group(self, text: str, block: Block, start: int, end: int) -> list[_Told]:
        """The records of lines that may belong together: how many lines, level, kind."""
        if end - start == 1:
            entry = self._memo.seen[text[start]]
            if text[start] in self._memo.unread:
                return [(1, entry.level, OpenRecord(Line(block.lines[start])).kind(recogniser()))]
            if entry.format not in (BARE, REPORT):
                return [(1, entry.level, entry.kind)]
        if self._framed[:2] == (start, end):
            return self._framed[2]
        reader = recogniser()
        told, carried = self._memo.told, self._memo.carried
        if not self._memo.any_text.isdisjoint(text[start:end]):
            told, carried = {}, {}
        out: list[_Told] = []
        begin = start
        while begin < end:
            stop = begin + 1
            goes_on: bool | None = False
            while stop < end and stop - begin < _TOLD and (goes_on := carried.get(text[begin : stop + 1])):
                stop += 1
            known = None if stop < end and goes_on is not False else told.get(text[begin:stop])
            if known is None:
                known = self._read_record(text, block, begin, end, reader, told, carried)
            out.append(known)
            begin += known[0]
        return out

    def _read_record(
        self,
        text: str,
        block: Block,
        begin: int,
        end: int,
        reader: Recogniser,
        all_told: dict[str, _Told],
        carried: dict[str, bool],
    ) -> _Told:
        """The record that begins at a line, read by the careful framer and remembered by the shapes of its lines."""
        memo, lines = self._memo, block.lines
        line = Line(lines[begin])
        record = OpenRecord(line)
        stop = begin + 1
        while stop < end:
            if lines[stop] != lines[stop - 1]:
                line = Line(lines[stop])
            goes_on = continues(record, line, reader)
            if stop - begin < _TOLD:
                carried[text[begin : stop + 1]] = goes_on
                memo.size += 150
            if not goes_on:
                break
            record.add(line)
            stop += 1
        told = record.lines, record.header.level, record.kind(reader)
        if record.lines <= _TOLD:
            all_told[text[begin:stop]] = told
            memo.size += 200
        return told


@lru_cache(maxsize=1)
def _keep_memory() -> None:
    """Has the C library keep the memory of a block for the next one, which costs a tenth of the time or more to get anew.

    glibc gives freed memory back beyond a bound that grows with the largest piece it ever got back (mallopt(3),
    M_MMAP_THRESHOLD). This piece is never written to, so it costs nothing; elsewhere it does nothing.
    """
    bytes(_KEPT)


def _in_pieces(lines: Sequence[bytes], places: Sequence[tuple[int, int, int]]) -> tuple[list[bytes], list[tuple[int, int, int]]]:
    """Lines too long to be read at once, in pieces; the first stands for the bytes of all."""
    pieces: list[bytes] = []
    where: list[tuple[int, int, int]] = []
    for line, (offset, length, number) in zip(lines, places, strict=True):
        for at in range(0, max(len(line), 1), _PIECE):
            pieces.append(line[at : at + _PIECE])
            where.append((offset + length, 0, number) if at else (offset, length, number))
    return pieces, where


def _is_detail(lines: Sequence[bytes], at: int) -> bool:
    """Whether a line of 3.9+ has the header of the one before and goes on like a term or a list."""
    line, before = lines[at], lines[at - 1] if at else b""
    stop = line.find(b"> ", 24, 96) + 2
    return stop > 2 and line[:stop] == before[:stop] and line[stop : stop + 1].decode("latin-1") in TERM_START


def _head(line: bytes, entry: _Seen) -> bytes | list[bytes]:
    """A line's header: up to its process where it has one, else its words, so that an empty line which lost its last
    blank still equals its neighbours."""
    if line[:1] in _DECORATED or b"\xc2\xa0" in line[:64]:  # a blank that a web page has made unbreakable
        line = clean(line)
    if entry.format == CUSTOM:
        return Line(line).head
    # the first ">" ends the process only where one follows the level
    has_process = entry.format in (LOGGER, LAGER) and 0 < line.find(b"] <") < 64
    border = line.find(b">", 24, 96) if has_process else -1
    return line[:border] if border > 0 else line.split(b" ", entry.blanks)[: entry.blanks]


def _has_unsettled(text: str) -> bool:
    return _ANY_UNSETTLED(text) is not None


def header_of(framed: Framed) -> Header:
    """The header of a record."""
    return framed.open.header
