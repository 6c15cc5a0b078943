"""How a log has to be read, where its structure alone does not tell: judged by whether its messages make sense.

:mod:`rabbitlogs.sources.envelopes` recognises wrappers by what they look like. A custom text format, lines cut at a
width, a log shown newest first can look like anything; each way of reading them is tried on the beginning of the log,
and the one that makes more of it messages of known kinds is taken. A log that reads well as it is is left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from rabbitlogs.framing.framer import Line, frame
from rabbitlogs.framing.headers import BARE, LAGER, LOGGER
from rabbitlogs.framing.templates import Template, guess
from rabbitlogs.framing.times import to_iso, to_seconds
from rabbitlogs.parsing.recogniser import recogniser
from rabbitlogs.sources import carriers, frames
from rabbitlogs.sources.envelopes import Envelope, Peeler, detect, inside
from rabbitlogs.sources.headed import Headed, without_headings
from rabbitlogs.sources.header import carries_header, with_header

if TYPE_CHECKING:
    from rabbitlogs.sources.envelopes import Peeled
    from rabbitlogs.sources.wrappers import Stripped

_LINES = 60  # looked at to tell whether a log reads well
_WELL, _POOR = 0.9, 0.6
_BETTER, _AT_ALL, _AS_WELL = 0.04, 0.0005, -0.01
_SPECIFIC = 0.1  # what a literal character of a kind counts beyond being read
_WORDED = 3  # literal characters a kind has, unless it is told by one word anywhere in a text, as any way to read leaves it
_TELLING = 800  # characters of one message that count: what lumps everything together reads nothing well


class NewestFirst:
    """A log whose newest lines come first, in whatever it is wrapped. Its lines are to be read from its end."""

    is_newest_first = True

    def __init__(self, envelope: Peeler | None) -> None:
        self._envelope = envelope or Envelope("", None, ())
        self.name = "+".join(filter(None, (self._envelope.name, "newest-first")))

    def peel(self, data: bytes, final: bool) -> tuple[list[Peeled], int]:
        """The lines in the order in which they stand."""
        return self._envelope.peel(data, final)


def way_to_read(sample: bytes, *, live: bool = False) -> Peeler | None:
    """What takes a log apart that begins with `sample`; None if its lines are the broker's own.

    With `live` the log is being written, so its newest lines are its last.
    """
    if (text := without_headings(sample)) is not None:
        return Headed(way_to_read(text, live=True))
    best = detect(sample)
    if frames.are_said_twice(_owned(best, sample)):
        best = inside(best, Envelope("said-twice", frames.said_once, ()))
    lines = _inside(best, sample)
    score = _readability(lines[:_LINES])
    for ways in (_put_together, _carried, _formats):
        for way, better in ways(best, sample, lines, score):
            own = _inside(way, sample)
            if (other := _readability(own[:_LINES])) >= score + better:
                best, lines, score = way, own, max(score, other) + _BETTER / 100  # the first of equals
    if not live and _is_newest_first(lines):
        best = NewestFirst(best)
    return best


def _owned(way: Peeler | None, sample: bytes) -> list[tuple[str, bytes]]:
    """The lines that are not blank, and whose they are."""
    if way is None:
        return [("", line) for line in _inside(None, sample) if line.strip()]
    return [(line.origin, line.inner) for line in way.peel(sample, True)[0] if line.inner.strip()]


def _inside(way: Peeler | None, sample: bytes) -> list[bytes]:
    if way is None:
        return [line.removesuffix(b"\r") for line in sample.split(b"\n")]
    return [line.inner for line in way.peel(sample, True)[0]]


def _readability(lines: list[bytes]) -> float:
    """The share of the text that is messages of known kinds, under headers; a little more, the more specific they are."""
    read = literal = total = 0.0
    reader = recogniser()
    for record in frame([Line(line) for line in lines if line.strip()]):
        length = len(record.message) - record.message.count(" ")
        size = min(length, _TELLING)
        total += length
        match = record.match(reader)
        if match is not None and size:
            weight = reader.entry(match.kind).weight if match.rest is None else 0
            read += size * (1.0 if weight >= _WORDED else 0.3) * (0.7 if record.header.format == BARE else 1.0)
            literal += min(weight, size)
    return (read + _SPECIFIC * literal) / total if total else 0.0


Ways = Iterator[tuple[Peeler, float]]  # how else a log could be meant, and by how much it has to read better so


def _outside(found: Peeler | None, sample: bytes, lines: list[bytes]) -> list[tuple[Peeler | None, list[bytes]]]:
    """The lines as they stand, and those inside of what was found."""
    raw: tuple[Peeler | None, list[bytes]] = None, _inside(None, sample)
    return [raw] if found is None else [(found, lines), raw]


def _put_together(found: Peeler | None, sample: bytes, lines: list[bytes], score: float) -> Ways:
    """Lines that were cut at a width."""
    for outer, own in reversed(_outside(found, sample, lines)):
        width = frames.wrap_width(own)
        usual = _usual_beginnings(own, width) if width is not None else None
        if width is None or usual is None or (better := _go_on(own, width, usual)) is None:
            continue
        begins = partial(_begins_as_usual, usual=usual)
        wrapped = inside(outer, Envelope("wrapped", partial(frames.unwrapped, width=width, begins=begins), ()))
        inner = detect(b"\n".join(_inside(wrapped, sample)))
        yield wrapped if inner is None else inside(wrapped, inner), better


def _usual_beginnings(lines: list[bytes], width: int) -> frozenset[bytes]:
    """How lines begin that follow no full line."""
    lines = [line for line in lines if line.strip()]
    usual = Counter(_beginning(line) for before, line in pairwise(lines) if frames.width_of(before) != width)
    usual.update(map(_beginning, lines[:1]))
    return frozenset(beginning for beginning, number in usual.items() if number >= 0.1 * usual.total())


def _begins_as_usual(line: bytes, usual: frozenset[bytes]) -> bool:
    return _beginning(line) in usual or Line(line).header.format != BARE


def _go_on(lines: list[bytes], width: int, usual: frozenset[bytes]) -> float | None:
    """By how much lines that were cut at `width` have to read better when put together; None if they look not cut.

    Cut lines go on in one that does not begin as lines here do. They need not read better where all lines with such a
    beginning follow full ones. Where others do too, a message's further lines have no header, or a mailer broke the
    lines between words; one and the same line again and again is as wide each time by then.
    """
    lines = [line for line in lines if line.strip()]
    full = {re.sub(rb"\d+", b"0", line) for line in lines if frames.width_of(line) == width}
    pairs = [(frames.width_of(before) == width, not _begins_as_usual(line, usual)) for before, line in pairwise(lines)]
    odd = sum(is_odd for _, is_odd in pairs)
    both = sum(is_full and is_odd for is_full, is_odd in pairs)
    if not both or both < max(0.8 * sum(is_full for is_full, _ in pairs), 0.5 * odd):
        return None
    has_headers = any(Line(line).header.format != BARE or carries_header(line) for line in lines)
    if both < 0.9 * odd or not has_headers:
        return _BETTER
    return _AS_WELL if len(full) > 1 else _AT_ALL


def _carried(found: Peeler | None, sample: bytes, lines: list[bytes], score: float) -> Ways:
    """Lines in a custom format in the objects of a log store: the longest text of each is the likeliest."""
    if score >= _POOR:
        return
    objects = [value for line in lines[:_LINES] if (value := carriers.object_of(line)) is not None]
    if len(objects) < 0.5 * len(lines[:_LINES]) or all(str(value.get("pid", "")).startswith("<0.") for value in objects):
        return  # the broker's own objects carry a message, however long, and no lines
    for path in carriers.longest_texts(objects):
        carried = inside(found, Envelope("json", None, (partial(carriers.carrier, path=path),)))
        inner = detect(b"\n".join(_inside(carried, sample)))
        way = carried if inner is None else inside(carried, inner)
        yield way, _BETTER
        yield from _formats(way, sample, _inside(way, sample), 0.0)


def _formats(found: Peeler | None, sample: bytes, lines: list[bytes], score: float) -> Ways:
    """Custom text formats."""
    for outer, own in _outside(found, sample, lines):
        if own and own[0].lstrip().startswith(b"{"):
            continue
        headers = [Line(line).header for line in own[:_LINES] if line.strip()]
        headed = [header for header in headers if header.format != BARE]
        is_headed = len(headed) >= 0.8 * len(headers)
        if score >= _WELL and is_headed and all(h.format in (LOGGER, LAGER) and h.time and h.pid for h in headed):
            continue  # everything a format could tell is read already
        for text in guess(own):
            if is_headed and "$time" not in text and "$pid" not in text:
                continue  # the usual reading knows more of these lines than the level
            # What any log can be read as is worth a try only where the usual reading is poor.
            if score >= _WELL and text.endswith("$msg") and "$mfa" not in text:
                continue
            # A process or a time behind each of many lines is no accident; the messages alone may read as well with it.
            sure = not text.endswith("$msg") and len(own) > 4
            way = Envelope(f"format {text}", None, (partial(_as_usual, template=Template(text)),))
            yield inside(outer, way), 0.0 if sure else _BETTER


def _beginning(line: bytes) -> bytes:
    """How a line begins, any digits and any letters being alike."""
    return re.sub(rb"[a-z]", b"a", re.sub(rb"[A-Z]", b"A", re.sub(rb"\d", b"0", line[:5])))


def _as_usual(line: bytes, template: Template) -> Stripped | None:
    """A line of a custom format under the usual header."""
    parts = template.read(line)
    if parts is None:
        return None
    time = parts.time.decode() if parts.time else None
    level = parts.level.decode() if parts.level else "none"
    pid = parts.pid or (None if time else b"<none>")
    return with_header(time, level, pid, line[parts.start : parts.stop]), "", None, None


def _times(lines: list[bytes]) -> Iterator[float]:
    for line in lines:
        stamp = Line(line).header.time
        seconds = to_seconds(to_iso(stamp)) if stamp else None
        if seconds is not None:
            yield seconds


def _is_newest_first(lines: list[bytes]) -> bool:
    """Whether the times of the lines, of which there are some, only ever fall, and reading from the end makes more of them."""
    times = list(_times(lines))
    if len(times) < 2 or any(a < b for a, b in pairwise(times)):
        return False
    first, last = times[0], times[-1]
    # Where the times tell nothing, the messages have to tell more, and what stands last begins a record.
    forward = _readability(lines[:200])
    if last == first:
        ending = next(line for line in reversed(lines) if line.strip())
        if forward >= _POOR or Line(ending).header.format == BARE:
            return False
    return _readability(lines[::-1][:200]) >= forward + (0.0 if last < first else 2 * _BETTER)
