"""How a log has to be read, where its structure alone does not tell: judged by whether its messages make sense.

:mod:`rabbitlogs.sources.envelopes` recognises wrappers by what they look like. A custom text format, lines cut at a
width, a log shown newest first can look like anything; each way of reading them is tried on the beginning of the log,
and the one that makes more of it messages of known kinds is taken. A log that reads well as it is is left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from rabbitlogs.framing.framer import Line, frame
from rabbitlogs.framing.headers import BARE
from rabbitlogs.framing.templates import Template, guess
from rabbitlogs.framing.times import to_iso, to_seconds
from rabbitlogs.parsing.recogniser import recogniser
from rabbitlogs.sources import frames
from rabbitlogs.sources.envelopes import Envelope, Peeler, detect, inside
from rabbitlogs.sources.header import with_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbitlogs.sources.envelopes import Peeled
    from rabbitlogs.sources.wrappers import Stripped

_LINES = 60  # looked at to tell whether a log reads well
_WELL = 0.9
_BETTER = 0.04
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
    best = detect(sample)
    lines = _inside(best, sample)
    score = _readability(lines[:_LINES])
    for way, better in _ways(best, sample, lines, score):
        own = _inside(way, sample)
        if (other := _readability(own[:_LINES])) >= score + better:
            best, lines, score = way, own, other + _BETTER / 100  # the first of equals
    if frames.are_said_twice([line for line in lines if line.strip()]) and not _is_of_several(best, sample):
        best = inside(best, Envelope("said-twice", frames.said_once, ()))
        lines = _inside(best, sample)
    if not live and _is_newest_first(lines):
        best = NewestFirst(best)
    return best


def _inside(way: Peeler | None, sample: bytes) -> list[bytes]:
    if way is None:
        return [line.removesuffix(b"\r") for line in sample.split(b"\n")]
    return [line.inner for line in way.peel(sample, True)[0]]


def _is_of_several(way: Peeler | None, sample: bytes) -> bool:
    """Whether the wrapper interleaves the lines of several programs or nodes."""
    return way is not None and len({line.origin for line in way.peel(sample, True)[0] if line.inner}) > 1


def _readability(lines: list[bytes]) -> float:
    """The share of the text that is messages of known kinds, under headers."""
    read = total = 0.0
    for record in frame([Line(line) for line in lines if line.strip()]):
        size = min(len(record.message), _TELLING)
        total += len(record.message)
        match = record.match(recogniser())
        if match is not None and size:
            read += size * (1.0 if match.rest is None else 0.3) * (0.7 if record.header.format == BARE else 1.0)
    return read / total if total else 0.0


def _ways(found: Peeler | None, sample: bytes, lines: list[bytes], score: float) -> Iterator[tuple[Peeler, float]]:
    """Other ways in which the log could be meant, and by how much each has to read better to be believed."""
    raw = [line.removesuffix(b"\r") for line in sample.split(b"\n")]
    for outer, own in ((None, raw), (found, lines)) if found is not None else ((None, raw),):
        width = frames.wrap_width(own)
        if width is None or (sure := _go_on(own, width)) is None:
            continue
        wrapped = inside(outer, Envelope("wrapped", partial(frames.unwrapped, width=width), ()))
        inner = detect(b"\n".join(_inside(wrapped, sample)))
        yield wrapped if inner is None else inside(wrapped, inner), 0.0 if sure else _BETTER
    for outer, own in ((found, lines), (None, raw)) if found is not None else ((None, raw),):
        if own and own[0].lstrip().startswith(b"{"):
            continue
        for text in guess(own):
            # What any log can be read as is worth a try only where the usual reading is poor.
            if score >= _WELL and text.endswith("$msg") and "$mfa" not in text:
                continue
            # A process or a time behind each of many lines is no accident; the messages alone may read as well with it.
            sure = not text.endswith("$msg") and len(own) > 4
            way = Envelope(f"format {text}", None, (partial(_as_usual, template=Template(text)),))
            yield inside(outer, way), 0.0 if sure else _BETTER


def _go_on(lines: list[bytes], width: int) -> bool | None:
    """Whether full lines go on in the next, which does not begin as lines here do; None if they do not.

    Sure is it where all lines with such a beginning follow full ones. Where others do too, a message's own further
    lines have no header, or a mailer broke the lines between words.
    """
    lines = [line for line in lines if line.strip()]
    full = [len(line) >= width and frames.width_of(line) == width for line in lines]
    usual = Counter(_beginning(line) for line, before in zip(lines[1:], full, strict=False) if not before)
    usual.update([_beginning(lines[0])])
    common = {beginning for beginning, number in usual.items() if number >= 0.1 * usual.total()}
    odd = [_beginning(line) not in common and Line(line).header.format == BARE for line in lines]
    going_on = [before for before, is_odd in zip(full, odd[1:], strict=False) if is_odd]
    if sum(going_on) < max(0.8 * sum(full[:-1]), 0.5 * len(going_on)):
        return None
    return sum(going_on) >= 0.9 * len(going_on)


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
    """Whether the times of the lines only ever fall, and reading from the end makes more of them."""
    first, last = next(_times(lines), None), next(_times(lines[::-1]), None)
    if first is None or last is None or first <= last or any(a < b for a, b in pairwise(_times(lines))):
        return False
    return _readability(lines[::-1][:200]) >= _readability(lines[:200])
