"""What stands before a message: format, time, level, process, and where the message begins.

The parts are ``grammars/header.lark``. A text header is any run of these parts at the start of a line, in any order, so
a custom ``log.file.formatter.plaintext.format`` is read without being told; it must hold a level and a time or a
process, or it is text and no header.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from rabbitlogs.framing.levels import LEVELS, NONE, level_of
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.compiled import terminals

if TYPE_CHECKING:
    from rabbitlogs.framing.templates import Template

LOGGER, LAGER, REPORT, JSON, BARE, CUSTOM, STUNNEL = "logger", "lager", "report", "json", "bare", "custom", "stunnel"
SINGLE = frozenset({JSON, REPORT, STUNNEL})  # each header of these begins a record, also one that equals the header before


class Header(NamedTuple):
    """A line's header. ``start`` is the index of the message in the line; ``blanks`` how many blanks the header has.

    ``stop`` is where the message ends, in a format that has something behind it.
    """

    format: str
    time: str | None
    level: str
    pid: str | None
    start: int
    blanks: int
    stop: int | None = None


BARE_HEADER = Header(BARE, None, NONE, None, 0, 0)
_ANSI = rb"(?:\x1b\[[0-9;]*m)*"


_SETTING = expression(r"^\s*log\.(file|console|exchange|syslog)\.formatter\.plaintext\.format\s*=\s*(.*?)\s*$", re.MULTILINE)

# what people leave of a header who take the time and the process off: [warning] text
_LEVEL_ALONE = expression(rb"\[(?:debug|info|notice|warning|error|critical)\] (?=\S)")


class _Patterns:
    """The expressions of headers, made from the grammar's terminals once."""

    def __init__(self) -> None:
        parts = {name: regex.encode() for name, regex in terminals().items()}
        time = b"(?:" + b"|".join(parts[n] for n in ("RFC3339", "EPOCH", "CUSTOM")) + b")"
        level, process = parts["LEVEL"], parts["PROCESS"]
        self.standard = expression(
            _ANSI + b"(" + parts["RFC3339"] + rb")(?: \[((?i:" + level + rb"))\] (?:(" + process + rb")(?:[ \t]|\Z)| (?=\S))?)"
        )
        self.clock = expression(_ANSI + b"(" + parts["CLOCK"] + rb") \[(" + level + rb")\](?: (?:(" + process + rb") )?|\Z)")
        self.token = expression(
            b"(?:(" + time + rb")|\[(" + level + rb")\]|(" + level + rb")(?=[ :|])|(" + process + b")|(" + parts["PLACE"] + rb"))"
            rb"(?:[:|]? (?:[-|:] )?(?: (?=(?:info|warn) ))?|[:|]\Z|\Z| ?\Z)",  # Spring fills a level up to five letters
            re.IGNORECASE,
        )
        self.report = expression(
            b"(?:(" + parts["RFC3339"] + rb") )?(" + parts["REPORT"] + rb")(?: (" + parts["REPORT_TIME"] + rb") ===)?"
        )
        head = b"(?:(" + parts["STUNNEL_TIME"] + b") |" + parts["STUNNEL_NAME"] + b")?"
        self.stunnel = expression(head + b"(" + parts["STUNNEL_LEVEL"] + rb")\[[^\]]*\]: ?")
        self.custom: list[Template] = []
        self.templates: list[str] = []


@cache
def _patterns() -> _Patterns:
    return _Patterns()


def use_format(template: str) -> None:
    """Reads lines of one more format from now on: a ``plaintext.format`` as rabbitmq.conf has it, ``$time [$level] $msg``.

    Known are ``$time $level $pid $msg``, in any order; any other name is passed over. Raises
    :class:`~rabbitlogs.errors.UsageError` where there is no ``$msg``.
    """
    from rabbitlogs.framing.templates import Template

    read = Template(template)
    patterns = _patterns()
    if not read.is_empty and template not in patterns.templates:
        patterns.custom.append(read)
        patterns.templates.append(template)


def formats_in_use() -> list[str]:
    """The formats given with :func:`use_format`, for another process to use too."""
    return list(_patterns().templates)


def formats_of_config(text: str) -> list[str]:
    """The plain text formats a ``rabbitmq.conf`` sets: for the log file, the console, the log exchange, syslog."""
    found = dict(_SETTING.findall(text))
    return list(dict.fromkeys(found[output] for output in ("file", "console", "exchange", "syslog") if output in found))


def parse_header(line: bytes) -> Header:
    """The header of a line; a line without one has the format ``bare`` and its message begins at 0.

    JSON lines are told by :mod:`rabbitlogs.framing.json_lines`, not here.
    """
    patterns = _patterns()
    for custom in patterns.custom:
        parts = custom.read(line)
        if parts is not None:
            return _header(CUSTOM, parts.time, parts.level or b"", parts.pid, parts.start, line, parts.stop)
    match = patterns.standard.match(line)
    if match is not None:
        time, level, pid = match.groups()
        zoned = time[-1:] == b"Z" or time[-6:-5] in (b"+", b"-") or len(time) > 24
        return _header(LOGGER if zoned else LAGER, time, level, pid, match.end(), line)
    first = line[:1]
    if first == b"=":
        return _report(patterns, line)
    match = patterns.clock.match(line)
    if match is not None:
        return _header(LAGER, None, match[2], match[3], match.end(), line)
    match = patterns.report.match(line) if b" =" in line[:30] else None
    if match is not None:
        return _report(patterns, line)
    match = patterns.stunnel.match(line) if b"LOG" in line[:32] else None
    if match is not None:
        stamp, level = match.groups()
        blanks = line.count(b" ", 0, match.end())
        return Header(STUNNEL, stamp.decode() if stamp else None, LEVELS[7 - int(level[3:])], None, match.end(), blanks)
    return _tokens(patterns, line)


def _header(
    format_: str, time: bytes | None, level: bytes, pid: bytes | None, end: int, line: bytes, stop: int | None = None
) -> Header:
    return Header(
        format_,
        time.decode() if time else None,
        level_of(level.decode()),
        pid.decode() if pid else None,
        end,
        line[:end].rstrip().count(b" ") + 1,  # as if exactly one blank followed, as one does where there is a message
        stop,
    )


def _report(patterns: _Patterns, line: bytes) -> Header:
    match = patterns.report.match(line)
    if match is None:
        return BARE_HEADER
    early, word, late = match.groups()
    level = level_of(word.decode().strip("=").split()[0])
    time = late or early
    return Header(REPORT, time.decode() if time else None, level, None, match.end(), line.count(b" ", 0, match.end()))


def _tokens(patterns: _Patterns, line: bytes) -> Header:
    """A custom header: parts in any order, at least a level and a time or process."""
    place, end = 0, len(line)
    time = level = pid = None
    while place < end and line[place : place + 1] == b"\x1b":
        stop = line.find(b"m", place)
        if stop < 0:
            break
        place = stop + 1
    for _ in range(6):
        match = patterns.token.match(line, place)
        if match is None:
            break
        a_time, boxed, word, process, _where = match.groups()
        if a_time and time is None and not (level and pid):
            time = a_time
        elif (boxed or word) and level is None:
            level = boxed or word
        elif process and pid is None:
            pid = process
        elif not (_where and time and level):
            break
        place = match.end()
    if level is None or (time is None and pid is None and not _LEVEL_ALONE.match(line)):
        return BARE_HEADER
    return _header(CUSTOM, time, level, pid, place, line)
