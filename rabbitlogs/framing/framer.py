"""Lines to records, line by line: the careful way, and the only one that knows what belongs together.

Since 3.9 every line of a message repeats the header byte for byte; before, further lines stand bare. Two records can
share one header too. So a line continues the open record when it has the same header, or none, unless it begins like a
known message and the open record is already complete. JSON objects and ``=ERROR REPORT====`` lines always begin one.

The block path (:mod:`rabbitlogs.framing.blocks`) remembers this module's answers by the shape of the lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rabbitlogs.framing.headers import BARE, BARE_HEADER, JSON, LOGGER, REPORT, SINGLE, Header, parse_header
from rabbitlogs.framing.json_lines import parse_json_line
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.elsewhere import is_elsewhere, is_of_broker
from rabbitlogs.parsing.recogniser import Match, Recogniser, collapse, recogniser

if TYPE_CHECKING:
    from collections.abc import Sequence

BLANK = "blank"  # the kind of a record that says nothing: 3.6 begins each file with an empty line
MESSAGE_LIMIT = 65536  # characters of a message that are recognised; what is beyond is counted, not read
PARTS = 2048  # lines of a record that its message is made of
READ_LINES = 2 * PARTS  # lines of a record that are read for its message: some may be put together
RECORD_LIMIT = 4 << 20  # bytes of a record; a longer one goes on as a new record, so memory stays bounded
_EMPTY_LINE = ", "  # what the single-line formatter makes of the empty line that a message begins with
# standard output's banner ends without a line feed, and the log goes on behind it
_BANNER_END = expression(rb"\A *Starting broker\.\.\.(?=\d{4}-)")
_PART = "** "  # how each part of a report of a process that ended begins
_TERM_LINES = 64  # lines of a term without header and indentation that are held together
_FRAME = expression(r"at [\w.$<>/`\[\]]+ ?\(.*\)(?: in .*)?$|\.\.\. \d+ (?:more|common frames omitted)$")  # of a client's trace
_WRAPPED = 40  # the narrowest width at which people's windows wrap
_ANSI = expression(rb"\x1b\[[0-9;]*m")
_ENTITIES = rb"&(?:lt|gt|amp|quot|#39|#x27|nbsp);"
_ENTITY = expression(_ENTITIES)
# What word processors, chats and web pages make of blanks and quotes.
_TYPOGRAPHY = {0xA0: " ", 0x2007: " ", 0x202F: " ", 0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'}
_NOT_PLAIN = re.compile(rb"[\x00\x1b\r`]|\xc2\xa0|\xe2\x80|\xef\xbb\xbf|" + _ENTITIES).search  # what a line is freed of
_TYPESET = expression(rb"\xc2\xa0|\xe2\x80[\x87\x98\x99\x9c\x9d\xaf]")
TERM_START = frozenset(" \t{[<*-=})]\"'")


def clean(line: bytes) -> bytes:
    """A line as it is read: without its end, marks, colours, NULs, HTML entities and typographic quotes."""
    if line.endswith(b"\r"):
        line = line[:-1]
    if b"\x1b" in line:
        line = _ANSI.sub(b"", line)
    if b"\x00" in line:
        line = line.replace(b"\x00", b"")
    if line.startswith(b"\xef\xbb\xbf"):
        line = line[3:]
    if b"`" in line:
        line = _uncoded(line)
    if b"Starting broker..." in line:
        line = _BANNER_END.sub(b"", line)
    if b"&" in line and _ENTITY.search(line):
        import html

        line = html.unescape(line.decode("utf-8", "replace")).encode()
    if (b"\xc2\xa0" in line or b"\xe2\x80" in line) and _TYPESET.search(line):
        line = line.decode("utf-8", "replace").translate(_TYPOGRAPHY).encode()
    return line


def _uncoded(line: bytes) -> bytes:
    """A line without the backticks of code that begins or ends with it; the broker's own come in pairs."""
    if b"```" in line:
        line = line.removeprefix(b"```").removesuffix(b"```")  # a fence that was not given a line of its own
    number = line.count(b"`")
    if number == 2 and line[:1] == line[-1:] == b"`":
        return line[1:-1]
    if number == 1:
        return line.strip(b"`")
    return line


class Line:
    """One line, read: its header and the text after it."""

    __slots__ = ("extra", "head", "header", "size", "text")

    def __init__(self, raw: bytes) -> None:
        line = clean(raw)
        self.size = len(raw) + 1
        self.extra: dict[str, Any] | None = None
        if b'{"' in line or line.startswith(b"{"):
            parsed = parse_json_line(line)
            if parsed is not None:
                self.header, self.text, self.extra = parsed
                self.head = b""
                return
        self.header = parse_header(line)
        self.head = line[: self.header.start].rstrip()
        if self.header.stop is not None:
            self.head += line[self.header.stop :]
        text = line[self.header.start : self.header.stop]
        if self.header.format == LOGGER and self.head in text:
            text = text.replace(self.head, b"\n")  # the lines of one message in one line, as a web page's comments have them
        self.text = text.decode("utf-8", "replace")


_SEAM = 12  # characters on either side of where two lines meet


class OpenRecord:
    """A record whose end is not known yet."""

    __slots__ = ("_complete", "_message", "extra", "head", "header", "lines", "parts", "size")

    def __init__(self, line: Line) -> None:
        self.extra = line.extra
        self.header, self.head = line.header, line.head
        self.lines = 1
        self.size = line.size
        self.parts = [line.text]
        self._message: str | None = None
        self._complete: tuple[Match | None, bool] | None = None

    def add(self, line: Line) -> None:
        self.lines += 1
        self.size += line.size
        if self.header.format == BARE and wraps_into(self.parts[-1], line.text, recogniser()):
            self.parts[-1] += line.text
        elif len(self.parts) < PARTS:
            self.parts.append(line.text)
        self._message = self._complete = None

    def add_plain(self, lines: list[bytes]) -> bool:
        """Adds all lines but the first of a record of 3.9+, if each is plainly the header and text that is read as it stands."""
        if self.header.format != LOGGER or self.header.stop is not None or len(lines) > PARTS:
            return False
        head = lines[0][: self.header.start]
        whole = b"\n".join(lines[1:])
        begun = whole.replace(b"\n" + head, b"\n")
        if not whole.startswith(head) or whole.count(b"\n") * len(head) != len(whole) - len(begun) or _NOT_PLAIN(whole):
            return False
        begun = begun[len(head) :]
        if head.rstrip() in begun or any(b'{"' in line and parse_json_line(line) is not None for line in lines[1:]):
            return False
        self.parts += begun.decode("utf-8", "replace").split("\n")
        self.lines += len(lines) - 1
        self.size += len(whole) + 1
        self._message = self._complete = None
        return True

    @property
    def message(self) -> str:
        """The collapsed message so far."""
        if self._message is None:
            message = collapse("\n".join(self.parts)[: MESSAGE_LIMIT * 2])[:MESSAGE_LIMIT]
            self._message = message.removeprefix(_EMPTY_LINE)
        return self._message

    @property
    def category(self) -> str | None:
        """The broker's log category, where the format carries it (JSON: ``domain``, ``rabbitmq.connection``)."""
        domain = (self.extra or {}).get("domain")
        return str(domain).removeprefix("rabbitmq.") if domain else None

    def match(self, reader: Recogniser) -> Match | None:
        """The kind of the message so far."""
        return self._status(reader)[0]

    def kind(self, reader: Recogniser) -> str | None:
        """The kind of the record, ``blank`` where it says nothing; None where nobody knows its message."""
        match = self.match(reader)
        return match.kind if match is not None else None if self.message else BLANK

    def is_complete(self, reader: Recogniser) -> bool:
        """Whether the message so far is a whole message of a kind."""
        if self._complete is None:
            match = reader.whole(self.message)
            if match is None:  # which kind is near may never be asked
                return False
            self._complete = match, True
        return self._complete[1]

    def _status(self, reader: Recogniser) -> tuple[Match | None, bool]:
        if self._complete is None:
            match = reader.recognise(self.message)
            self._complete = match, match is not None and match.rest is None
        return self._complete

    def reaches_into(self, line: Line, reader: Recogniser) -> bool:
        """Whether the message, of no kind by itself, has words of the line in the same message as its own."""
        if self.match(reader) is not None:
            return False
        message = self.message
        return reader.reach(collapse(message + "\n" + line.text)) > len(collapse(message)) + 1

    def grows_with(self, line: Line, reader: Recogniser) -> bool:
        """Whether the message is carried on by this line: joined, they are more of a message than it was alone."""
        own = self.match(reader)
        complete = self.is_complete(reader)
        joined = collapse(self.message + "\n" + line.text)
        match = reader.recognise(joined)
        if match is None or match.rest is not None:
            return not complete and reader.wants_more(self.message) and reader.reach(joined) > len(self.message) + 1
        if not complete and not reader.wants_more(self.message):
            # its first line ends in open text; the two are one if together they tell more than the line alone
            alone = reader.recognise(collapse(line.text))
            return alone is None or reader.entry(match.kind).weight > reader.entry(alone.kind).weight
        if own is None or not complete:
            return True
        # a message that ends in open text would swallow anything: only a more telling kind may take the line
        if match.kind == own.kind or reader.entry(match.kind).weight <= reader.entry(own.kind).weight:
            return False
        alone = reader.recognise(collapse(line.text))
        if alone is None or alone.rest is not None:
            return True
        if alone.kind != match.kind:
            return alone.kind != own.kind
        # the line is of that kind without the message, which such open text may have swallowed too
        seam = f"{self.message[-_SEAM:]} {collapse(line.text)[:_SEAM]}"
        swallowed = any(isinstance(value, str) and seam in value for value in match.fields.values())
        return reader.entry(match.kind).openings is not None and not swallowed


def begins_record(text: str, reader: Recogniser) -> bool:
    """Whether a line's text begins like a known message and not like a term, a list or an indented detail.

    The runtime's last words are terms that begin with words of their own, ``{"init terminating in do_boot",...``.
    """
    is_detail = not text or (text[0] in TERM_START and not text.startswith('{"'))
    return not is_detail and reader.begins(collapse(text[:400]))


def wraps_into(first: str, second: str, reader: Recogniser) -> bool:
    """Whether a line without header was cut in the middle of a word by something that wraps at a width.

    It was when the two, put together, are a whole message of a kind and neither alone is one.
    """
    if len(first) < _WRAPPED or first[-1:].isspace() or not second[:1].strip():
        return False
    match = reader.recognise(collapse(first + second)[:MESSAGE_LIMIT])
    if match is None or match.rest is not None:
        return False
    alone = (reader.recognise(collapse(part)[:MESSAGE_LIMIT]) for part in (first, second))
    return all(match is None or match.rest is not None for match in alone)


def continues(record: OpenRecord, line: Line, reader: Recogniser) -> bool:
    """Whether a line belongs to the open record."""
    header = line.header
    if record.size + line.size > RECORD_LIMIT:
        return False
    if header.format == BARE:
        return _bare_continues(record, line, reader)
    if header.format in SINGLE or line.head != record.head or record.header.format == JSON:
        return False
    text = line.text
    if not begins_record(text, reader) or not record.message:  # in this order: a message is costly to put together
        return True
    return record.grows_with(line, reader)


def _bare_continues(record: OpenRecord, line: Line, reader: Recogniser) -> bool:
    text = line.text
    if record.header.format == JSON:
        return False
    blank = not text.strip()
    if _ends_trace_of_another(record, text):
        return True
    if record.header.format != BARE and not blank and _is_anothers(record, line, reader):
        return False
    if record.header.format == REPORT:
        return True
    if record.header.format != BARE:
        # Every line of a message of 3.9+ has the header, so standard output's banner and BOOT FAILED, which have none,
        # are not the last message's, however they are indented; they are where headers of continuations were lost.
        begins = reader.begins(collapse(text[:400])) if record.header.format == LOGGER else begins_record(text, reader)
        if blank or not begins:
            return True
        if record.grows_with(line, reader):
            return True
        # below a message nobody knows, or one that was whole before terms were printed below it, a line that is a whole
        # message of its own is not its continuation
        return not record.is_complete(reader) and not (
            (record.match(reader) is None or _was_whole(record, reader)) and OpenRecord(line).is_complete(reader)
        )
    if blank or _FRAME.match(text):
        return True
    if text[0] in " \t":
        return not reader.begins(collapse(text[:400])) or record.reaches_into(line, reader)
    if _stops_within_a_term(record):
        return True
    if text.startswith(_PART) and record.parts[0].startswith(_PART):
        return not reader.begins(collapse(text[:400]))
    return record.grows_with(line, reader) or (record.lines == 1 and wraps_into(record.parts[-1], text, reader))


def _was_whole(record: OpenRecord, reader: Recogniser) -> bool:
    """Whether the first line of a record is a whole message, and what follows it without a header a term."""
    if record.header.format != LOGGER or record.lines < 2 or record.parts[1][:1] not in TERM_START:
        return False
    first = reader.recognise(collapse(record.parts[0]))
    return first is not None and first.rest is None


def _is_anothers(record: OpenRecord, line: Line, reader: Recogniser) -> bool:
    """Whether a line without header, below a broker's message, is surely not the broker's: people paste a client's log there.

    What a client library prints is no part of any message of the broker. Nor is what stands below an empty line and a
    message of 3.9+ that is whole: an empty line of such a message would have the header too.
    """
    if line.text[0] in " \t" or line.text[0] in TERM_START:
        return False
    match = reader.recognise(collapse(line.text[:400]))
    if match is not None and match.rest is None and match.kind.startswith("client."):
        own_heading = record.header.pid is None and record.header.format != REPORT and record.match(reader) is None
        return not own_heading and not record.grows_with(line, reader)
    below_a_gap = record.header.format == LOGGER and record.lines > 1 and not record.parts[-1].strip()
    return below_a_gap and record.is_complete(reader) and not record.grows_with(line, reader)


def _ends_trace_of_another(record: OpenRecord, text: str) -> bool:
    """Whether a line is the last word of a trace that an application has of another service, such as a database.

    By itself it would be what it says when the broker cannot be reached.
    """
    if text.startswith("Caused by: "):
        return is_elsewhere(record.message) and not is_of_broker(text)
    if record.parts[-1][:1] not in (" ", "\t") or text[:1] in ("", " ", "\t"):
        return False
    begun = any(part.startswith("Traceback (most recent call last)") for part in record.parts)
    return begun and is_elsewhere(record.message) and not is_of_broker(text)


def _stops_within_a_term(record: OpenRecord) -> bool:
    """Whether a message stops at a comma or a bracket inside an Erlang term, so that it must go on.

    Where a term was pasted without its header, and a web page took its indentation, nothing else holds it together.
    """
    if record.lines >= _TERM_LINES or not record.parts[-1].rstrip().endswith((",", "{", "[")):
        return False
    message = record.message
    return message.count("{") > message.count("}") or message.count("[") > message.count("]")


def frame(lines: Sequence[Line], reader: Recogniser | None = None) -> list[OpenRecord]:
    """The records of consecutive lines, the first of which begins one."""
    reader = reader or recogniser()
    records: list[OpenRecord] = []
    for line in lines:
        if records and continues(records[-1], line, reader):
            records[-1].add(line)
        else:
            records.append(OpenRecord(line))
    return records


NO_HEADER: Header = BARE_HEADER
