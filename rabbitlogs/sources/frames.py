"""Wrappers whose units are not lines: JSON documents, CSV, ``journalctl -o verbose``, lines cut at a width, lines said twice.

Each is a function from bytes (and whether they are the last) to frames and how many bytes those stand for; see
:data:`~rabbitlogs.sources.wrappers.Frame`. What is not whole yet is left for the next call.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from .header import is_header
from .wrappers import Frame, _compiled, _journal_entry, _without_end

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONGEST = 16 << 20  # bytes kept back for the end of one unit; then its lines are taken as they are


def lines_of(data: bytes, final: bool) -> tuple[list[Frame], int]:
    """Whole lines; with `final` the rest too."""
    *whole, last = data.split(b"\n")
    frames: list[Frame] = [(line.removesuffix(b"\r"), len(line) + 1, "", None) for line in whole]
    if final and last:
        frames.append((last.removesuffix(b"\r"), len(last), "", None))
    return frames, sum(frame[1] for frame in frames)


# ---------------------------------------------------------------------------------------------------------- JSON

_TOKEN = rb'"(?:[^"\\]|\\.)*+"|[{}\[\]]'
_OBJECT = rb'\{(?=\s*+"(?:[^"\\]|\\.)*+"\s*:)'  # an Erlang term has no colon there


def json_values(data: bytes, final: bool, preamble: bytes = b"") -> tuple[list[Frame], int]:
    """JSON objects that are spread over lines, or stand in an array: each becomes one line.

    `preamble` is what a document has before the first of its objects (``{"hits":{"hits":[`` of Elasticsearch). Text
    between objects passes line by line.
    """
    frames: list[Frame] = []
    find, opening = _compiled(_TOKEN), _compiled(_OBJECT)
    done = 0
    while True:
        if preamble and data.startswith(preamble, done):
            frames.append((None, len(preamble), "", None))
            done += len(preamble)
        found = opening.search(data, done)
        stop = found.start() if found else len(data)
        if found is None and not final and (last := data.rfind(b"{", done)) >= max(done, stop - 4096):
            stop = last  # perhaps the beginning of one
        done = _between(data, done, stop, frames, met=stop < len(data), final=final)
        if found is None:
            return frames, done
        end = _object_end(find, data, found.start())
        if end is None:
            if not final and len(data) - done < _LONGEST:
                return frames, done
            end = (data.find(b"\n", found.start()) + 1) or len(data)
        text = data[found.start() : end].replace(b"\r", b"").replace(b"\n", b" ").strip()
        frames.append((text, end - done, "", None))
        done = end


def _object_end(find: re.Pattern[bytes], data: bytes, at: int) -> int | None:
    open_ = 0
    for found in find.finditer(data, at):
        token = found[0]
        if token in (b"{", b"["):
            open_ += 1
        elif token in (b"}", b"]"):
            open_ -= 1
            if open_ <= 0:
                return found.end()
    return None


_SEPARATORS = b" \t\r\n,[]{}\x1e"


def _between(data: bytes, done: int, stop: int, frames: list[Frame], *, met: bool, final: bool) -> int:
    """Frames for whole lines of text before `stop`; where they end."""
    while done < stop:
        end = data.find(b"\n", done, stop) + 1
        if not end:
            if met or not final:
                return done
            end = stop
        line = _without_end(data[done:end])
        frames.append(
            (line if line.strip(_SEPARATORS) and not line.rstrip().endswith((b":", b"[")) else None, end - done, "", None)
        )
        done = end
    return done


def json_preamble(sample: bytes) -> bytes | None:
    """What stands in a sample before the first of the JSON objects that repeat; None if no object could be a record."""
    counts: Counter[int] = Counter()
    first: dict[int, int] = {}
    open_ = 0
    for found in _compiled(_TOKEN).finditer(sample):
        token = found[0]
        if token == b"{" and _compiled(_OBJECT).match(sample, found.start()):
            counts[open_] += 1
            first.setdefault(open_, found.start())
        open_ = max(open_ + (token in (b"{", b"[")) - (token in (b"}", b"]")), 0)
    repeated = [depth for depth, number in counts.items() if number > 1] or list(counts)
    if not repeated:
        return None
    preamble = sample[: first[min(repeated)]]
    return preamble if preamble.strip(_SEPARATORS) else b""


# ---------------------------------------------------------------------------------------------------------- CSV


def csv_rows(data: bytes, final: bool, delimiter: bytes, column: int) -> tuple[list[Frame], int]:
    """The text of one column of a table of comma-separated values, whose quoted fields may run over lines."""
    frames: list[Frame] = []
    at = 0
    while at < len(data):
        row, end = read_row(data, at, delimiter, final=final)
        if end is None:
            if not final and len(data) - at < _LONGEST:
                break
            end = (data.find(b"\n", at) + 1) or len(data)
            row = [_without_end(data[at:end])]
        field = row[column] if column < len(row) else (row[0] if len(row) == 1 else None)
        frames.append((field, end - at, "", None))
        at = end
    return frames, at


def read_row(data: bytes, at: int, delimiter: bytes, *, final: bool) -> tuple[list[bytes], int | None]:
    """The fields of a row, and where the next begins; None if its end is not there."""
    field = _field(delimiter)
    row: list[bytes] = []
    while True:
        found = field.match(data, at)
        if found is None or (found.end() == len(data) and not found[3] and not final):
            return row, None
        row.append(found[2] if found[1] is None else found[1].replace(b'""', b'"'))
        at = found.end()
        if found[3] != delimiter:
            return row, at


@cache
def _field(delimiter: bytes) -> re.Pattern[bytes]:
    one = re.escape(delimiter)
    return re.compile(rb'(?:[ ]?"((?:[^"]|"")*+)"[ ]*|([^"\n\r' + one + rb"][^\n\r" + one + rb"]*+|))(" + one + rb"|\r?\n|\Z)")


# ---------------------------------------------------------------------------------------------------------- journal

_VERBOSE = rb"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? \S{1,6} \[s=[0-9a-f]+;"
_VERBOSE_FIELD = rb"    ([A-Z_][A-Z0-9_]{0,63})=(.*)"


def is_verbose(sample: bytes) -> bool:
    """Whether a sample is the output of ``journalctl -o verbose``."""
    return re.search(rb"^" + _VERBOSE + rb"[^\n]*\n    [A-Z_]", sample, re.MULTILINE) is not None


def journal_verbose(data: bytes, final: bool) -> tuple[list[Frame], int]:
    """``journalctl -o verbose``: a line with the time, then a field a line, further lines of a field under its text."""
    frames: list[Frame] = []
    begin, field = _compiled(_VERBOSE), _compiled(_VERBOSE_FIELD)
    done = at = 0
    fields: dict[str, bytes] = {}
    last: tuple[str, int] | None = None
    stamp = ""

    def close(end: int) -> None:
        nonlocal done
        if fields:
            inner, origin, time, _ = _journal_entry(fields) if "MESSAGE" in fields else (None, "", None, None)
            frames.append((inner, end - done, origin, time or stamp))
            done = end
        fields.clear()

    while at < len(data):
        end = data.find(b"\n", at) + 1
        if not end:
            if not final:
                break
            end = len(data)
        line = _without_end(data[at:end])
        if begin.match(line):
            close(at)
            day, clock, zone = line[4:].decode("ascii", "replace").split(" ")[:3]
            stamp, last = f"{day}T{clock}{'+00:00' if zone == 'UTC' else ''}", None
            fields["__BEGUN"] = b""
        elif fields and (found := field.match(line)):
            fields.setdefault(found[1].decode(), found[2])
            last = found[1].decode(), found.start(2)
        elif fields and last and line[: last[1]].strip() == b"" and line.strip():
            fields[last[0]] += b"\n" + line[last[1] :]
        else:
            close(at)
            frames.append((line, end - done, "", None))
            done = end
        at = end
    if final:
        close(len(data))
    return frames, done


# ---------------------------------------------------------------------------------------------------------- lines


def unwrapped(data: bytes, final: bool, width: int, begins: Callable[[bytes], bool] = is_header) -> tuple[list[Frame], int]:
    """Lines that a window or a mailer cut at a width, put together: a full line goes on in the next.

    `begins` tells the lines that begin one of their own, whatever the length of the line before.
    """
    frames: list[Frame] = []
    done = at = 0
    parts: list[bytes] = []
    while True:
        end = data.find(b"\n", at) + 1
        if not end and not final:
            break
        end = end or len(data)
        if at == end:
            if parts:
                frames.append((b"".join(parts), at - done, "", None))
                done = at
            break
        line = _without_end(data[at:end])
        if parts and begins(line):  # a line that is as long as that by itself
            frames.append((b"".join(parts), at - done, "", None))
            parts, done = [], at
        parts.append(line)
        at = end
        if width_of(line) != width or at - done > _LONGEST:
            frames.append((b"".join(parts), at - done, "", None))
            parts, done = [], at
    return frames, done


def width_of(line: bytes) -> int:
    """How many characters a line has."""
    return len(line) if line.isascii() else len(line.decode("utf-8", "replace"))


def wrap_width(lines: list[bytes]) -> int | None:
    """The width at which lines look cut: the widest, met more than once. None if there is none."""
    widths = Counter(map(width_of, lines))
    widest = max(widths, default=0)
    return widest if widest >= 40 and widths[widest] > 1 and len(lines) > 2 else None


def said_once(data: bytes, final: bool) -> tuple[list[Frame], int]:
    """Lines that are each said twice, as where standard output and standard error both go to one log: said once."""
    lines, _ = lines_of(data, final)
    frames: list[Frame] = []
    done = at = 0
    while at < len(lines):
        if at + 1 == len(lines) and not final:
            break
        frames.append(lines[at])
        done += lines[at][1]
        if at + 1 < len(lines) and lines[at + 1][0] == lines[at][0]:
            at += 1
            frames.append((None, lines[at][1], "", None))
            done += lines[at][1]
        at += 1
    return frames, done


def are_said_twice(lines: Sequence[object]) -> bool:
    """Whether nearly every line is followed by itself."""
    paired = at = 0
    while at < len(lines):
        twice = at + 1 < len(lines) and lines[at] == lines[at + 1]
        paired += 2 * twice
        at += 1 + twice
    return len(set(lines)) > 1 and paired >= 0.9 * len(lines)
