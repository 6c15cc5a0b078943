"""What the first bytes of a broker's own line can look like, loosely, and how such a line is written.

Needed to tell a wrapped log from a bare one. The exact reading of headers is the framing's, from ``header.lark``; here a
line only has to be recognised as something that RabbitMQ itself begins a record with.
"""

from __future__ import annotations

import re
from functools import cache

from rabbitlogs.lazy import expression

LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")  # by syslog severity

# The spelling of old syslog (Nov 23) is what lines of the broker's syslog output get whose year is not known.
_TIME = rb"(?:\d{4}-\d\d-\d\d[ T]|[A-Z][a-z]{2} [ \d]\d )?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?"
_LEVEL = rb"\[[A-Za-z]{3,9}\]"
_PID = rb"<\d+\.\d+\.\d+>"
_STARTS = (
    # The last is Erlang's own formatter, which stands in where RabbitMQ's has crashed.
    _TIME
    + rb" (?: *(?:\[?[A-Za-z]{3,9}\]? +)?(?:"
    + _PID
    + rb"|emulator )| *"
    + _LEVEL
    + rb"|(?:"
    + "|".join(LEVELS).encode()
    + rb"): )",
    _LEVEL + rb" " + _PID,
    rb"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )?=[A-Z]{4,12} (?:REPORT|EVENT)====",
    rb"\d{10,16}(?:\.\d{1,9})? +(?:" + _LEVEL + rb"|" + _PID + rb")",
    rb"[A-Za-z]{3,4} \d{10,16} ",
    rb"(?:\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d |stunnel\d?(?:\[\d+\])?: )?LOG[0-7]\[",
    # The broker's JSON, whatever the order and, as long as there is a process, the names of its keys.
    rb'\{(?=[^\n]{0,4096}"<\d+\.\d+\.\d+>")',
    rb'\{(?=[^\n]{0,4096}"msg":)(?=[^\n]{0,4096}"(?:level|pid|time)":)',
)


@cache
def header() -> re.Pattern[bytes]:
    """Matches where a line begins like a record of the broker, in any of its formats, with or without colours."""
    return re.compile(rb"(?:\x1b\[[0-9;]*m)*(?:" + rb"|".join(_STARTS) + rb")")


_USUAL = expression(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+(?:[+-]\d\d:\d\d)? \[[a-z]+\] " + _PID)


def is_usual(line: bytes) -> bool:
    """Whether the line begins with a whole header of 3.7 and later, as nothing but a broker writes it."""
    return _USUAL.match(line) is not None


def usual_header(line: bytes) -> int:
    """Where such a header begins in the first bytes of a line; -1 if there is none."""
    found = _USUAL.search(line, 0, 400)
    return found.start() if found is not None else -1


@cache
def pid() -> re.Pattern[bytes]:
    """An Erlang process id as a whole."""
    return re.compile(_PID)


def is_header(line: bytes) -> bool:
    """Whether the line begins like a record of the broker."""
    return header().match(line) is not None


def carries_header(line: bytes) -> bool:
    """Whether a line of the broker stands in the line, behind what one wrapper or several put before it."""
    return header().search(line, 0, 400) is not None


def with_header(time: str | None, level: str | None, process: bytes | None, text: bytes) -> bytes:
    """Text as the broker would have written it to a file: every line under the same header of what is known."""
    parts = [time.encode()] if time else []
    if level:
        parts.append(b"[" + level.encode() + b"]")
    if process:
        parts.append(process)
    before = b" ".join(parts) + b" "
    return before + text.replace(b"\n", b"\n" + before)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def month_number(word: str) -> int | None:
    """1 to 12 for an English month or a numbered one (``2月``); None for other languages."""
    if word[:-1].isdigit() and word.endswith("月") and 1 <= int(word[:-1]) <= 12:
        return int(word[:-1])
    short = word[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else None


def spaced(iso: str) -> str:
    """An ISO time in the broker's spelling: a space for the T, +00:00 for Z."""
    text = iso.replace("T", " ", 1)
    return text[:-1] + "+00:00" if text.endswith("Z") else text


def from_microseconds(value: object) -> str | None:
    """Microseconds since 1970 as ISO time in UTC; None if that is not what `value` is."""
    import time

    try:
        seconds, micros = divmod(int(str(value)), 1_000_000)
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{micros:06d}+00:00"
    except (ValueError, OverflowError, OSError):
        return None
