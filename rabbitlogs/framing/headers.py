"""What stands before a message: format, time, level, process, and where the message begins.

The parts are ``grammars/header.lark``. A text header is any run of these parts at the start of a line, in any order, so
a custom ``log.file.formatter.plaintext.format`` is read without being told; it must hold a level and a time or a
process, or it is text and no header.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from rabbitlogs.errors import UsageError
from rabbitlogs.framing.levels import LEVELS, NONE, level_of
from rabbitlogs.parsing.compiled import terminals

LOGGER, LAGER, REPORT, JSON, BARE, CUSTOM, STUNNEL = "logger", "lager", "report", "json", "bare", "custom", "stunnel"
SINGLE = frozenset({JSON, REPORT, STUNNEL})  # each header of these begins a record, also one that equals the header before


class Header(NamedTuple):
    """A line's header. ``start`` is the index of the message in the line; ``blanks`` how many blanks the header has."""

    format: str
    time: str | None
    level: str
    pid: str | None
    start: int
    blanks: int


BARE_HEADER = Header(BARE, None, NONE, None, 0, 0)
_ANSI = rb"(?:\x1b\[[0-9;]*m)*"


_VARIABLE = re.compile(r"([^$]*)(?:\$(\w+))?")
_SETTING = re.compile(r"^\s*log\.(file|console)\.formatter\.plaintext\.format\s*=\s*(.*?)\s*$", re.MULTILINE)

# what people leave of a header who take the time and the process off: [warning] text
_LEVEL_ALONE = re.compile(rb"\[(?:debug|info|notice|warning|error|critical)\] (?=\S)")


class _Patterns:
    """The expressions of headers, made from the grammar's terminals once."""

    def __init__(self) -> None:
        parts = {name: regex.encode() for name, regex in terminals().items()}
        time = b"(?:" + b"|".join(parts[n] for n in ("RFC3339", "EPOCH", "CUSTOM")) + b")"
        level, process = parts["LEVEL"], parts["PROCESS"]
        self.standard = re.compile(
            _ANSI + b"(" + parts["RFC3339"] + rb")(?: \[((?i:" + level + rb"))\] (?:(" + process + rb")(?:[ \t]|\Z)| (?=\S))?)"
        )
        self.clock = re.compile(_ANSI + b"(" + parts["CLOCK"] + rb") \[(" + level + rb")\] ")
        self.token = re.compile(
            b"(?:(" + time + rb")|\[(" + level + rb")\]|(" + level + rb")(?=[ :|])|(" + process + b")|(" + parts["PLACE"] + rb"))"
            rb"(?:[:|]? (?:[-|:] )?|[:|]\Z|\Z| ?\Z)",
            re.IGNORECASE,
        )
        self.report = re.compile(
            b"(?:(" + parts["RFC3339"] + rb") )?(" + parts["REPORT"] + rb")(?: (" + parts["REPORT_TIME"] + rb") ===)?"
        )
        head = b"(?:(" + parts["STUNNEL_TIME"] + b") |" + parts["STUNNEL_NAME"] + b")?"
        self.stunnel = re.compile(head + b"(" + parts["STUNNEL_LEVEL"] + rb")\[[^\]]*\]: ?")
        self.custom: list[re.Pattern[bytes]] = []
        self.templates: list[str] = []


@cache
def _patterns() -> _Patterns:
    return _Patterns()


def use_format(template: str) -> None:
    """Reads lines of one more format from now on: a ``plaintext.format`` as rabbitmq.conf has it, ``$time [$level] $msg``.

    Known are ``$time $level $pid $msg $file $line $mfa $domain`` and any other name, which is passed over. Raises
    :class:`~rabbitlogs.errors.UsageError` where there is no ``$msg``.
    """
    parts = {name: regex.encode() for name, regex in terminals().items()}
    time = b"(?:" + b"|".join(parts[n] for n in ("RFC3339", "EPOCH", "CUSTOM", "CLOCK")) + b")"
    known = {"time": time, "level": b"(?i:" + parts["LEVEL"] + b")", "pid": parts["PROCESS"]}
    head, found, _ = template.strip().strip("'\"").partition("$msg")
    if not found:
        raise UsageError(f"the format {template!r} has no $msg. Write it as rabbitmq.conf has it: '$time [$level] $pid $msg'.")
    out = []
    for text, name in _VARIABLE.findall(head):
        out.append(re.escape(text.encode()).replace(rb"\ ", b" +"))
        if name in known:
            out.append(b"(?P<" + name.encode() + b">" + known.pop(name) + b")")
        elif name:
            out.append(rb"\S*")
    patterns = _patterns()
    compiled = re.compile(_ANSI + b"".join(out))
    if compiled.groups and compiled not in patterns.custom:
        patterns.custom.append(compiled)
        patterns.templates.append(template)


def formats_in_use() -> list[str]:
    """The formats given with :func:`use_format`, for another process to use too."""
    return list(_patterns().templates)


def format_of_config(text: str) -> str | None:
    """The plain text format a ``rabbitmq.conf`` sets for its log file, or else for the console; None where it sets none."""
    found = dict(_SETTING.findall(text))
    return found.get("file") or found.get("console")


def parse_header(line: bytes) -> Header:
    """The header of a line; a line without one has the format ``bare`` and its message begins at 0.

    JSON lines are told by :mod:`rabbitlogs.framing.json_lines`, not here.
    """
    patterns = _patterns()
    for custom in patterns.custom:
        match = custom.match(line)
        if match is not None:
            parts = match.groupdict()
            return _header(CUSTOM, parts.get("time"), parts.get("level") or b"", parts.get("pid"), match.end(), line)
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
        return _header(LAGER, None, match[2], None, match.end(), line)
    match = patterns.report.match(line) if b" =" in line[:30] else None
    if match is not None:
        return _report(patterns, line)
    match = patterns.stunnel.match(line) if b"LOG" in line[:32] else None
    if match is not None:
        stamp, level = match.groups()
        blanks = line.count(b" ", 0, match.end())
        return Header(STUNNEL, stamp.decode() if stamp else None, LEVELS[7 - int(level[3:])], None, match.end(), blanks)
    return _tokens(patterns, line)


def _header(format_: str, time: bytes | None, level: bytes, pid: bytes | None, end: int, line: bytes) -> Header:
    return Header(
        format_,
        time.decode() if time else None,
        level_of(level.decode()),
        pid.decode() if pid else None,
        end,
        line[:end].rstrip().count(b" ") + 1,  # as if exactly one blank followed, as one does where there is a message
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
