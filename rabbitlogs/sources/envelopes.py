"""Wrappers round the broker's lines: which one a log has, and the lines without it.

Docker, CRI, compose, kubectl, journald, syslog, grep and people who paste put something before, or round, each line.
:func:`detect` looks at the beginning of a log and gives an :class:`Envelope`, whose :meth:`Envelope.peel` takes a stream
apart piece by piece: the inner lines, how many bytes of the stream each stands for, whose lines they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol

from rabbitlogs.lazy import expression

from . import carriers, frames, wrappers
from .frames import lines_of
from .header import carries_header, is_header, is_usual
from .wrappers import Frame, Strip, bind

_SAMPLE_LINES = 400
_CUT = 65536  # a sample of that size is the beginning of more
_LONGEST_HELD = 4 << 20  # bytes kept back for the rest of a line that comes in parts
_NESTING = 4


@dataclass(slots=True)
class Peeled:
    """One line without its wrapper."""

    inner: bytes  # without line end
    raw: int  # bytes of the stream this line stands for, with everything of the wrapper; 0 for further lines of one frame
    origin: str  # whose line it is where a wrapper interleaves several, else ""
    time: str | None  # the wrapper's time, in ISO form where the wrapper gives year and day


Frames = Callable[[bytes, bool], tuple[list[Frame], int]]


class Peeler(Protocol):
    """What takes a stream apart: an :class:`Envelope`, or :class:`Nested` ones."""

    name: str

    def peel(self, data: bytes, final: bool) -> tuple[list[Peeled], int]:
        """See :meth:`Envelope.peel`."""


class Envelope:
    """A wrapper, or several inside each other, from outside to inside."""

    __slots__ = ("_frames", "_strips", "name")

    def __init__(self, name: str, frames: Frames | None, strips: Sequence[Strip]) -> None:
        self.name = name
        """``docker``, ``cri``, ``syslog`` ...; nested ones from outside to inside: ``compose+timestamps``."""
        self._frames = frames
        self._strips = tuple(strips)

    def peel(self, data: bytes, final: bool) -> tuple[list[Peeled], int]:
        """The inner lines of `data`, and how many of its bytes they stand for.

        What is not yet whole at the end (a line, a frame, a line in parts) is left, to be given again with what follows;
        with `final` it is taken as it is. Lines that do not fit the wrapper come through unchanged. No bytes raise, the
        ``raw`` of all lines add up to the bytes consumed, and how a stream is cut into `data` makes no difference.
        """
        frames, _ = self._frames(data, final) if self._frames else lines_of(data, final)
        peeled: list[Peeled] = []
        parts: dict[str, tuple[list[bytes], str, str | None]] = {}
        carried = position = safe = safe_lines = 0  # safe: up to here nothing is held back
        only = self._strips[0] if len(self._strips) == 1 and not self._frames else None
        for content, raw, origin, time in frames:
            position += raw
            carried += raw
            # Nearly every line of nearly every log: one wrapper, one whole line in it, nothing held back.
            if only and content is not None and not parts and (fit := only(content)):
                text, whose, when, more = fit
                if text is not None and b"\n" not in text and (more is None or more[0] == wrappers.LAST):
                    peeled.append(Peeled(text, carried, whose, when))
                    carried, safe, safe_lines = 0, position, len(peeled)
                    continue
            for inner, whose, when, more in self._strip(content, origin, time):
                if inner is None:
                    continue
                if more is not None and more[0] == wrappers.PART:
                    parts.setdefault(more[1:], ([], whose, when))[0].append(inner)
                    continue
                if more is not None and (begun := parts.pop(more[1:], None)):
                    inner, whose, when = b"".join((*begun[0], inner)), begun[1], begun[2]
                peeled.append(Peeled(inner, carried, whose, when))
                carried = 0
            if position - safe > _LONGEST_HELD and (parts or carried):
                carried = _flush(peeled, parts, carried)
            if not parts and not carried:
                safe, safe_lines = position, len(peeled)
        if safe < position:
            if final:
                _flush(peeled, parts, carried)
                safe = position
            else:
                del peeled[safe_lines:]
        return peeled, safe

    def _strip(self, content: bytes | None, origin: str, time: str | None) -> list[wrappers.Stripped]:
        lines: list[wrappers.Stripped] = [(content, origin, time, None)]
        if content is not None and self._frames and b"\n" in content:
            lines = [(line, origin, time, None) for line in content.split(b"\n")]
        for strip in self._strips:
            inside: list[wrappers.Stripped] = []
            for line in lines:
                outer, whose, when, more = line
                if outer is None:
                    inside.append(line)
                    continue
                fit = strip(outer)
                if fit is None and outer.startswith(b"\xef\xbb\xbf"):
                    fit = strip(outer[3:])
                if fit is None:
                    # Not this wrapper's, so neither what should be inside of it.
                    inside.append(line)
                    continue
                inner, own, stamp, part = fit
                own = f"{whose}/{own}" if whose and own else whose or own
                stamp = stamp or when
                part = f"{part} {whose}" if part is not None else more
                if inner is not None and b"\n" in inner:
                    inside.extend((piece, own, stamp, None) for piece in inner.split(b"\n"))
                else:
                    inside.append((inner, own, stamp, part))
            lines = inside
        return lines

    def __repr__(self) -> str:
        return f"Envelope({self.name!r})"


class Nested:
    """An envelope whose lines, taken together, are in another that does not go by lines."""

    __slots__ = ("_inner", "_outer", "name")

    def __init__(self, outer: Peeler, inner: Peeler) -> None:
        self.name = f"{outer.name}+{inner.name}"
        self._outer, self._inner = outer, inner

    def peel(self, data: bytes, final: bool) -> tuple[list[Peeled], int]:
        """See :meth:`Envelope.peel`. A line of the outer envelope counts for the inner one's line that ends on it."""
        outer, consumed = self._outer.peel(data, final)
        text = b"".join(line.inner + b"\n" for line in outer)
        inner, used = self._inner.peel(text, final)
        peeled: list[Peeled] = []
        place = text_end = position = 0  # the next line of `outer`, and how far they and the inner lines reach
        whole = whole_raw = raw = total = 0  # up to where outer lines and inner lines end together
        origin = ""
        for line in inner:
            position += line.raw
            while place < len(outer) and text_end + len(outer[place].inner) + 1 <= position:
                text_end += len(outer[place].inner) + 1
                raw += outer[place].raw
                origin = outer[place].origin or origin
                place += 1
            own = f"{origin}/{line.origin}" if origin and line.origin else origin or line.origin
            peeled.append(Peeled(line.inner, raw, own, line.time))
            total, raw = total + raw, 0
            if text_end == position:
                whole, whole_raw = len(peeled), total
        if final and used == len(text):
            return peeled, consumed
        del peeled[whole:]
        return peeled, whole_raw

    def __repr__(self) -> str:
        return f"Nested({self.name!r})"


def _flush(peeled: list[Peeled], parts: dict[str, tuple[list[bytes], str, str | None]], carried: int) -> int:
    """Give what was held back as it is."""
    for pieces, origin, time in parts.values():
        peeled.append(Peeled(b"".join(pieces), carried, origin, time))
        carried = 0
    parts.clear()
    if carried:
        peeled.append(Peeled(b"", carried, "", None))
    return 0


# ---------------------------------------------------------------------------------------------------------- detection


def detect(sample: bytes, year: int | None = None) -> Peeler | None:
    """The envelope of a log that begins with `sample` (64 KiB are plenty), or None if its lines are the broker's own.

    `year` is for syslog and journal times, which have none; without it, and without a full date in the sample, they stay
    as they are (``Nov 23 08:11:36``).
    """
    return _detect(sample.removeprefix(b"\xef\xbb\xbf"), year, _NESTING)


def looks_like_broker_log(sample: bytes, share: float = 0.0) -> bool:
    """Whether more than `share` of the lines begin like records of the broker, bare or in an envelope."""
    lines = _sample_lines(sample.removeprefix(b"\xef\xbb\xbf"))
    if _share(lines, is_header) > share:
        return True
    # Most files of most folders have nothing of a broker in them, and are not worth a closer look.
    if not re.search(rb"<\d+\.\d+\.\d+>|REPORT====|\[[A-Za-z]{3,9}\] |\"msg|(?i:rabbit)", sample):
        return False
    envelope = detect(sample)
    if envelope is None or envelope.name.startswith("json+json"):  # a document that quotes a log, like our own reports
        return False
    inner = [line.inner for line in envelope.peel(sample, True)[0] if line.inner.strip()]
    return _share(inner[:_SAMPLE_LINES], is_header) > share


def _detect(sample: bytes, year: int | None, depth: int) -> Peeler | None:
    lines = _sample_lines(sample)
    if not lines or depth == 0:
        return None
    envelope = _outermost(sample, lines, year)
    if envelope is None:
        return None
    whole = len(sample) < _CUT  # else its last line is a part of one, most likely
    peeled = [line for line in envelope.peel(sample, whole)[0] or envelope.peel(sample, True)[0] if line.inner]
    inner = _detect(b"\n".join(line.inner for line in peeled), year, depth - 1)
    if inner is None:
        # Where several streams are interleaved, the broker's may be the smaller part.
        for origin in sorted({line.origin for line in peeled})[:16]:
            own = [line.inner for line in peeled if line.origin == origin]
            if 2 < len(own) < len(peeled) and (inner := _detect(b"\n".join(own), year, depth - 1)):
                break
    return envelope if inner is None else inside(envelope, inner)


def inside(outer: Peeler | None, inner: Peeler) -> Peeler:
    """One envelope inside of another."""
    if outer is None:
        return inner
    if not isinstance(outer, Envelope) or not isinstance(inner, Envelope) or inner._frames:
        return Nested(outer, inner)
    return Envelope(f"{outer.name}+{inner.name}", outer._frames, (*outer._strips, *inner._strips))


def _sample_lines(sample: bytes) -> list[bytes]:
    lines = sample.split(b"\n")
    if len(lines) > 1 and len(sample) >= _CUT:
        lines.pop()  # cut in the middle, most likely
    return [line.removesuffix(b"\r") for line in lines if line.strip()][:_SAMPLE_LINES]


def _share(lines: Sequence[bytes], test: Callable[[bytes], object]) -> float:
    return sum(1 for line in lines if test(line)) / len(lines) if lines else 0.0


def _outermost(sample: bytes, lines: list[bytes], year: int | None) -> Envelope | None:
    if all(map(is_usual, lines)) and b"\\n" not in sample and b"&" not in sample:
        return None  # as most logs are: nothing else needs to be loaded to see it
    if envelope := _html(lines) or _certain(sample, lines, year) or _fence(lines):
        return envelope
    if b"=> {" in sample and any(map(carriers.task_result, lines)):
        return Envelope("ansible", None, (carriers.task_result,))
    if b"\\n" in sample and any(map(carriers.escaped_breaks, lines)):
        return Envelope("escaped", None, (carriers.escaped_breaks,))
    if re.search(rb"\[[0-9;]{0,16}m", sample) and _share(lines, wrappers.colours) >= 0.3:
        return Envelope("colours", None, (wrappers.colours,))
    if wrappers.pushed(lines[0]) and not all(line[:1].isspace() for line in lines):
        return Envelope("indented", None, (wrappers.pushed,))
    if _share(lines, is_header) >= 0.5:
        return None
    for find in (
        _quoted,
        _compose,
        _timestamps,
        _shown,
        _numbered,
        _grep,
        _csv,
        _strings,
        _table,
        _provisioned,
        _indented,
        _marked,
        _behind,
        _prefixed,
        _coloured_before,
        _anything,
    ):
        if envelope := find(lines):
            return envelope
    return _amid_prose(lines, year)


def _amid_prose(lines: list[bytes], year: int | None) -> Envelope | None:
    """The wrapper of the lines that carry one of the broker, where the words of a person or another log are the most."""
    carrying = [line for line in lines if carries_header(line) and _BROKERS_OWN.search(line)]
    if not 1 < len(carrying) < len(lines):
        return None
    envelope = _outermost(b"\n".join(carrying), carrying, year)
    # What goes by lines lets all others through as they are.
    return envelope if envelope is not None and envelope._frames is None else None


_BROKERS_OWN = expression(rb"<\d+\.\d+\.\d+>|REPORT====")


def _certain(sample: bytes, lines: list[bytes], year: int | None) -> Envelope | None:
    """Wrappers so particular that a line of theirs can be nothing else."""
    if re.match(rb"\s{0,4}\d{1,8} <\d{1,3}>(?:1 |[A-Z][a-z]{2} )", sample):
        return Envelope("syslog", partial(wrappers.octet_counted, year=year or _year_in(sample)), ())
    if frames.is_verbose(sample):
        return Envelope("journald", frames.journal_verbose, ())
    if re.match(rb"__CURSOR=[^\n]*\n(?:[^\n]*\n){0,3}__REALTIME_TIMESTAMP=", sample):
        return Envelope("journald", wrappers.journal_export, ())
    for name, strip in (
        ("docker", wrappers.docker_json),
        ("journald", wrappers.journal_json),
        ("cri", wrappers.cri),
        ("kubectl", wrappers.kubectl),
        ("fluentbit", wrappers.fluentbit),
    ):
        if _share(lines, strip) >= 0.5:
            return Envelope(name, None, (strip,))
    if envelope := _json(sample, lines):
        return envelope
    if _share(lines, wrappers.labelled) >= 0.6:
        return Envelope("logcli", None, (wrappers.labelled,))
    if _share(_below_status(lines), wrappers.syslog) >= 0.5:
        return _syslog_or_journal(sample, lines, year)
    return None


# what systemctl status says of a unit before the last lines of its journal
_STATUS = expression(
    rb"\s*(?:\S{1,3} )?[\w.@-]+\.service - |\s+(?:Loaded|Active|Docs|Drop-In|Process|Main PID|Status|Tasks|Memory|CPU|CGroup"
    rb"|Invocation|TriggeredBy|Error|IO|IP|FD Store|Mem peak): |\s+(?:\xe2\x94[\x94\x9c]\xe2\x94\x80|[|`]-)"
)


def _below_status(lines: list[bytes]) -> list[bytes]:
    """The lines without what ``systemctl status`` puts above them."""
    return [line for line in lines if not _STATUS.match(line)] if any(map(_STATUS.match, lines[:8])) else lines


def _json(sample: bytes, lines: list[bytes]) -> Envelope | None:
    """Objects over several lines or in an array, and objects that carry a line of the broker in a field."""
    if not re.search(rb'\{\s*"', sample[:8192]):
        return None
    objects = [value for line in lines[:60] if (value := carriers.object_of(line)) is not None]
    if len(objects) >= 0.5 * len(lines[:60]):
        if path := carriers.carrying_path(objects):
            return Envelope("json", None, (bind(carriers.carrier, path=path),))
        in_list = any(map(_IN_LIST.match, lines[:60]))
        return Envelope("json", frames.json_values, ()) if in_list else None
    if not sample.lstrip().startswith((b"{", b"[")) and (strings := _strings(lines)):  # what a tool shows of a list of lines
        return strings
    in_array = re.match(rb'[^\[{"]{0,200}[\[{]', sample)
    if in_array and (preamble := frames.json_preamble(sample)) is not None and _share(lines, _JSON_LINE.match) >= 0.5:
        cut = partial(frames.json_values, preamble=preamble)
        whole = any(content and content.startswith(b"{") for content, *_ in cut(sample, False)[0])
        return Envelope("json", cut, ()) if whole else None
    return None


_IN_LIST = expression(rb"\s*(?:\[\s*\{|,\s*\{|\{.*[,\]]\s*$)")
_PAIR = expression(rb'[\s{]*"[^"]*"\s*:')
_JSON_LINE = expression(rb'\s*(?:"[^"]*"\s*:|[\[{\]}]+,?\s*$|\[?\s*\{\s*"|"[^"]*",?$|[\d.]+,?$)')


def _csv(lines: list[bytes]) -> Envelope | None:
    """A table of comma-separated values with a column of the broker's lines."""
    sample = b"\n".join(lines[:200])
    for delimiter in (b",", b";", b"\t"):
        if delimiter == b";" and b"\x1b[" in sample:
            continue  # colours have them too
        at, rows = 0, list[list[bytes]]()
        while at < len(sample) and len(rows) < 60:
            row, end = frames.read_row(sample, at, delimiter, final=True)
            if end is None:
                break
            rows.append(row)
            at = end
        rows = [row for row in rows if any(row)]
        hits = Counter(
            n for row in rows if len(row) > 1 for n, field in enumerate(row) if carries_header(field) and not _is_piece(field)
        )
        if hits:
            column, number = hits.most_common(1)[0]
            width = Counter(map(len, rows)).most_common(1)[0]
            # A broker's own line may have a comma too; only quotes, or a column before it, make it a field.
            quoted = sample.count(b'"' + delimiter) + sample.count(delimiter + b'"') >= number
            # Where all rows have as many fields, each line of a message may be a row of its own.
            most = 0.05 if width[0] > 1 and width[1] >= 0.95 * len(rows) else 0.5
            if number >= most * len(rows) and width[1] >= 0.8 * len(rows) and (column > 0 or quoted):
                return Envelope("csv", partial(frames.csv_rows, delimiter=delimiter, column=column), ())
    return None


def _is_piece(field: bytes) -> bool:
    """Whether a field is a piece of a JSON object that was cut at its commas."""
    return _PAIR.match(field) is not None and not (field.startswith(b"{") and field.endswith(b"}") and b"," in field)


def _syslog_or_journal(sample: bytes, lines: list[bytes], year: int | None) -> Envelope:
    sent_by_broker = rb"<\d{1,3}>|[^\n]{0,300}?\S+\[\d+\] <\d+\.\d+\.\d+> - "
    name = "syslog" if _share(lines, re.compile(sent_by_broker).match) >= 0.5 else "journald"
    return Envelope(name, None, (bind(wrappers.syslog, year=year or _year_in(sample)),))


def _year_in(sample: bytes) -> int | None:
    """The year of full dates inside the lines, if it is one and the same."""
    years = set(re.findall(rb"\b(20\d\d)-[01]\d-[0-3]\d[ T]\d\d:\d\d:\d\d", sample))
    return int(years.pop()) if len(years) == 1 else None


def _html(lines: list[bytes]) -> Envelope | None:
    """Text as it stands in the source of a web page. (A broker's own line can have an entity too, but not for every <.)"""
    if any(b"<" in line and not _TAG.search(line) for line in lines):
        return None
    if _share(lines, _ENTITY.search) < 0.3 and _share(lines, _IN_TAGS.match) < 0.8:
        return None
    return Envelope("html", None, (wrappers.html_text,))


_TAG = expression(rb"</?(?:pre|code|p|br|div|span|li|td|tr)\b", re.IGNORECASE)
_IN_TAGS = expression(rb"<([a-z]{1,10})(?: [^<>]{0,200})?>.*</\1>(?:<br ?/?>)?$")
_ENTITY = expression(rb"&(?:lt|gt|quot|amp|apos|#\d{2,5}|#x[0-9a-fA-F]{2,4});")


def _fence(lines: list[bytes]) -> Envelope | None:
    fences = [line for line in lines if (fit := wrappers.fenced(line)) and fit[0] is None]
    return Envelope("fenced", None, (wrappers.fenced,)) if len(fences) > 1 or lines[:1] == fences else None


def _quoted(lines: list[bytes]) -> Envelope | None:
    depths = [len(found[1].replace(b" ", b"")) for line in lines if (found := re.match(rb" {0,3}((?:> ?)+)", line))]
    if len(depths) < 0.8 * len(lines):
        return None
    # ">>" also ends an Erlang binary: only as many marks as every line has are quotation.
    return Envelope("quoted", None, (bind(wrappers.quoted, depth=min(depths)),))


def _has_header(lines: Sequence[bytes], strip: Strip, test: Callable[[bytes], bool] = carries_header) -> bool:
    """Whether the broker's lines, or those of another wrapper, appear when this one is taken off."""
    inner = [fit[0] for line in lines if (fit := strip(line)) and fit[0]]
    return any(map(test, inner)) or _certain(b"\n".join(inner), inner, None) is not None


# what docker-compose says in its own name, before and behind the lines of the containers
_COMPOSE_OWN = expression(
    rb" ?(?:(?:Creating|Recreating|Starting|Stopping|Removing|Pulling|Attaching to|Building|Network|Container|Volume) "
    rb"|\[\+\] |\S+ exited with code \d+)"
)


def _compose(lines: list[bytes]) -> Envelope | None:
    inner = [line for line in lines if not _COMPOSE_OWN.match(line)]
    few = len(lines) < 3 or not inner
    if _share(inner, wrappers.compose) < 0.6 or (few and not _has_header(inner, wrappers.compose)):
        return None
    return Envelope("compose", None, (wrappers.compose,))


def _timestamps(lines: list[bytes]) -> Envelope | None:
    if _share(lines, wrappers.timestamps) < 0.8 or _share(lines, is_header) > 0.2:
        return None
    # Seconds with more than six digits are never the broker's own; with fewer, a whole header has to follow.
    nanoseconds = _share(lines, re.compile(rb"\S{19}\.\d{7,9}[Z+-]").match) >= 0.5
    return (
        Envelope("timestamps", None, (wrappers.timestamps,)) if nanoseconds or _has_header(lines, wrappers.timestamps) else None
    )


def _shown(lines: list[bytes]) -> Envelope | None:
    if _share(lines, wrappers.shown) < 0.6:
        return None
    inner = [fit[0] for line in lines if (fit := wrappers.shown(line)) and fit[0]]
    # A client's own log has a time in front of each line too, and may quote a line of the broker: behind words of its own.
    if not any(
        is_header(line) or wrappers.words_before_header(line) or ((fit := wrappers.compose(line)) and is_header(fit[0] or b""))
        for line in inner
    ):
        return None
    return Envelope("timestamps", None, (wrappers.shown,))


def _numbered(lines: list[bytes]) -> Envelope | None:
    found = [re.match(rb"[ \t]*(\d{1,9})(?!\d)", line) for line in lines]
    numbers = [int(match[1]) for match in found if match]
    if len(numbers) < 2 or len(numbers) < 0.8 * len(lines):
        return None
    follow = sum(1 for before, after in pairwise(numbers) if before < after <= before + 3)
    if follow < 0.8 * (len(numbers) - 1):
        return None
    rests = [line[match.end(1) :] for line, match in zip(lines, found, strict=True) if match and line[match.end(1) :].strip()]
    for separator in (b"\t", b" | ", " │ ".encode(), b" |", "│".encode(), b": ", b":", b". ", b"  ", b" "):
        if sum(1 for rest in rests if rest.startswith(separator)) >= 0.95 * len(rests):
            strip = bind(wrappers.numbered, separator=separator)
            name = "grep" if separator == b":" else "numbered"
            return Envelope(name, None, (strip,)) if _has_header(lines, strip) else None
    return None


def _grep(lines: list[bytes]) -> Envelope | None:
    strip: Strip
    for strip in (wrappers.grep_number, wrappers.grep_file_number):
        if _share(lines, strip) >= 0.9 and _has_header(lines, strip, is_header):
            return Envelope("grep", None, (strip,))
    files = {_before_colon(line, fit) for line in lines if (fit := wrappers.grep_file(line)) and fit[0]}
    if not files or len(files) > 64:
        return None
    strip = bind(wrappers.grep_file, files=tuple(sorted(files, key=lambda name: (-len(name), name))))
    return Envelope("grep", None, (strip,)) if _share(lines, strip) >= 0.9 else None


def _before_colon(line: bytes, fit: wrappers.Stripped) -> bytes:
    return line[: len(line) - len(fit[0] or b"") - 1]


def _strings(lines: list[bytes]) -> Envelope | None:
    if _share(lines, carriers.string) < 0.5 or not _has_header(lines, carriers.string):
        return None
    return Envelope("strings", None, (carriers.string,))


def _table(lines: list[bytes]) -> Envelope | None:
    texts = [carriers.barred(line) for line in lines]
    rows = [text[1:].removesuffix(b"|").split(b"|") for text in texts if text.startswith(b"|")]
    hits = Counter(n for row in rows for n, cell in enumerate(row) if carries_header(cell))
    if len(rows) + texts.count(b"+") < 0.5 * len(lines) or not hits:
        return None
    column = hits.most_common(1)[0][0]
    first = rows[0][column].strip() if column < len(rows[0]) else b""
    title = first if any(map(carriers.is_rule, lines[:3])) and not carries_header(first) else b""
    return Envelope("table", None, (bind(carriers.cell, column=column, columns=len(rows[0]), title=title),))


def _marked(lines: list[bytes]) -> Envelope | None:
    """A list, a comment, a patch: the same mark before each line."""
    marks = Counter(found[0] for line in lines if (found := _MARK.match(line)))
    if not marks:
        return None
    mark, number = marks.most_common(1)[0]
    strip = bind(wrappers.indented, by=mark)
    return Envelope("marked", None, (strip,)) if number >= 0.8 * len(lines) and _has_header(lines, strip) else None


_MARK = expression(rb"[ \t]*(?:[*+#|-]+|//|\xe2\x80[\xa2\x93]|\xc2\xb7|\xe2\x94\x82)[ \t]*")


def _provisioned(lines: list[bytes]) -> Envelope | None:
    """Vagrant and Packer: the machine's name before what its commands print."""
    names = Counter(found[1] for line in lines if (found := wrappers.MACHINE.match(line)))
    if not names:
        return None
    name, number = names.most_common(1)[0]
    if number < max(2, 0.8 * len(lines)) or not any(b"rabbit" in line for line in lines):
        return None
    return Envelope("vagrant", None, (bind(wrappers.provisioned, name=name),))


def _indented(lines: list[bytes]) -> Envelope | None:
    blanks = [line[: len(line) - len(line.lstrip(b" \t"))] for line in lines]
    by = min(blanks, key=len)
    if not by or any(not blank.startswith(by) for blank in blanks):
        return None
    strip = bind(wrappers.indented, by=by)
    found = _has_header(lines, strip, is_header) or _share(lines, carries_header) >= 0.5
    return Envelope("indented", None, (strip,)) if found else None


def _coloured_before(lines: list[bytes]) -> Envelope | None:
    """Colours of what stands before the broker's lines; what it is shows when they are gone."""
    found = _share(lines, wrappers.coloured_before) >= 0.5
    return Envelope("colours", None, (wrappers.coloured_before,)) if found else None


def _anything(lines: list[bytes]) -> Envelope | None:
    """Whatever stands before whole headers."""
    return Envelope("prefixed", None, (wrappers.from_header,)) if _share(lines, wrappers.from_header) >= 0.8 else None


def _words_before_wrapper(lines: list[bytes]) -> set[bytes]:
    """The same one to three words before lines that are in a wrapper."""
    for count in (1, 2, 3):
        words = re.compile(rb"(?:[A-Za-z0-9\[(][^\s{]{0,127}[ \t]{1,64}){%d}" % count)
        prefixes = Counter(found[0] for line in lines if (found := words.match(line)))
        common = {prefix for prefix, number in prefixes.items() if number > 1}
        rests = [line[found.end() :] for line in lines if (found := words.match(line)) and found[0] in common]
        if len(common) > 16 or len(rests) < 0.8 * len(lines) or not any(map(carries_header, rests)):
            continue
        if _certain(b"\n".join(rests), rests, None) or _share(rests, wrappers.compose) >= 0.6:
            return common
    return set()


def _behind(lines: list[bytes]) -> Envelope | None:
    """Another program's own log line before each of the broker's: a time, a thread, a level, a name."""
    shapes = {shape for line in lines if (shape := wrappers.shape_before_header(line))}
    if not 0 < len(shapes) <= 12:
        return None
    strip = bind(wrappers.behind, shapes=tuple(sorted(shapes, key=lambda shape: (-len(shape), shape))))
    return Envelope("prefixed", None, (strip,)) if _share(lines, strip) >= 0.6 else None


def _prefixed(lines: list[bytes]) -> Envelope | None:
    known = {prefix for line in lines if (prefix := wrappers.words_before_header(line))}
    if not known:
        known = _words_before_wrapper(lines)
    if not known and len(lines) >= 3:
        # Only continuation lines: an address in front of each is still no part of them.
        addresses = {found[0] if (found := re.match(rb"\d{1,3}(?:\.\d{1,3}){3}[ \t]", line)) else b"" for line in lines}
        known = addresses if len(addresses) == 1 else set()
    if not known or b"" in known or len(known) > 16:
        return None
    strip = bind(wrappers.prefixed, known=tuple(sorted(known, key=lambda prefix: (-len(prefix), prefix))))
    return Envelope("prefixed", None, (strip,)) if _share(lines, strip) >= 0.6 else None
