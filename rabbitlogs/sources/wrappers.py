"""The wrappers one by one: what each puts round a line, and how to take it off.

A wrapper of lines is a function from a line (without its end) to a :class:`Stripped`, or None for a line that is not its
own. The two wrappers that are not lines, octet-counted syslog and the journal's export format, cut frames themselves.
Patterns are compiled at first use, as most runs meet none of these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache, lru_cache, partial

from rabbitlogs.lazy import expression

from .header import (
    LEVELS,
    carries_header,
    from_microseconds,
    header,
    is_header,
    month_number,
    pid,
    spaced,
    usual_header,
    with_header,
)

# Inner text (may hold line breaks; None: the line is only the wrapper's), origin, time. Where a wrapper cuts long lines
# into parts, last PART or LAST and a name of the stream whose parts belong together; else None.
PART, LAST = "+", "."
Stripped = tuple[bytes | None, str, str | None, str | None]
Strip = Callable[[bytes], Stripped | None]


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


_ISO = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_RESET = rb"(?:\x1b\[0?m)?"

# Put together here, since a new byte string at each call would be hashed anew to find what was compiled from it.
_CRI = rb"(" + _ISO + rb") (stdout|stderr) ([FP])(?::\S+)?(?: (.*))?$"
_STAMPED = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))(?:[ \t](.*))?$"
# The name's colour ends before or after the blank; colours further on are the broker's.
_COMPOSE = (
    rb"`{0,3}(?:\x1b\[[0-9;]*m)*(?:\d{1,4}\|)?([A-Za-z0-9][\w.@-]{0,127}) *"
    + _RESET
    + rb"\|"
    + _RESET
    + rb"(?: "
    + _RESET
    + rb"(.*))?$"
)


def _text(raw: bytes | None) -> str:
    return raw.decode("utf-8", "replace") if raw else ""


def utf8(text: str) -> bytes:
    """The bytes of decoded JSON: escaped halves of surrogate pairs are kept rather than refused."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _json(line: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


# ---------------------------------------------------------------------------------------------------------- containers

_DOCKER_CUT = rb'\{"log":"((?:[^"\\\x00-\x1f]|\\u[0-9a-f]{4}|\\["\\/bfnrt])+)(?!.*\}$)'
_FLUENT_BIT = rb'\[\d{1,9}\] ([^\s:]{1,253}): \[\[?\d{9,10}\.\d{1,9},? .{0,4000}?"(?:log|message|MESSAGE)"=>"((?:[^"\\]|\\.)*+)"'
_DOCKER_PART = 16000  # docker cuts longer lines at 16 KiB; the parts have no line break at their end


def docker_json(line: bytes) -> Stripped | None:
    """``{"log":"text\\n","stream":"stdout","time":"..."}``, also with the additions of fluentd for a pod."""
    if not line.startswith(b"{") or b'"log"' not in line:
        return None
    value = _json(line)
    if value is None:  # a line that was cut off where it was copied, up to there
        if not (found := _compiled(_DOCKER_CUT).match(line)):
            return None
        text = json.loads('"' + found[1].decode("utf-8", "surrogateescape") + '"')
        return _without_end(utf8(text)), "", None, None
    if not isinstance(log := value.get("log"), str) or not ("stream" in value or "time" in value):
        return None
    said = utf8(log)
    stream, time, pod = value.get("stream"), value.get("time"), value.get("kubernetes")
    origin = ""
    if isinstance(pod, dict):
        origin = "/".join(str(pod[key]) for key in ("pod_name", "container_name") if isinstance(pod.get(key), str))
    when = time if isinstance(time, str) else None
    if len(said) >= _DOCKER_PART and not said.endswith(b"\n"):
        return said, origin, when, f"{PART}{origin} {stream}"
    return _without_end(said), origin, when, f"{LAST}{origin} {stream}"


def cri(line: bytes) -> Stripped | None:
    """``2016-10-06T00:17:09.669794202Z stdout F text``; P for a part of a longer line."""
    found = _compiled(_CRI).match(line)
    if not found:
        return None
    mark = PART if found[3] == b"P" else LAST
    return found[4] or b"", "", found[1].decode(), mark + found[2].decode()


def timestamps(line: bytes) -> Stripped | None:
    """``docker logs --timestamps``, ``kubectl logs --timestamps``: an ISO time and a space before the line."""
    found = _compiled(_STAMPED).match(line)
    return (found[2] or b"", "", found[1].decode(), None) if found else None


# What a viewer shows before each line: Docker Desktop, log stores, consoles. No line of the broker follows a time with a time.
_SHOWN_DATE = (
    rb"(?:(\d{4})[-/.](\d\d)[-/.](\d\d)|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|(?:[A-Z][a-z]{2},? )?[A-Z][a-z]{2} \d{1,2},?(?: \d{4})?"
    rb"|\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{2,4})"
)
_SHOWN = (
    rb"\[?(?:" + _SHOWN_DATE + rb"(?:T|,? (?:[@-] )?))?(\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?)"
    rb"(?: ?([AP]M|[ap]\.m\.|[ap]m(?![a-z])))?"
    rb"(?: ?(Z|UTC|GMT|[A-Z]{1,3}[SD]T|CES?T|EES?T|WES?T|MSK|[+-]\d\d(?::?\d\d)?)(?![A-Za-z0-9]))?"
    rb"\]?(?:[ \t]?[|:-](?=[ \t]))?[ \t]?(.*)$"
)


def shown(line: bytes) -> Stripped | None:
    """``2026-08-07 09:33:55 text``: the time at which a viewer got the line, in whatever spelling and zone of its own."""
    found = _compiled(_SHOWN).match(line)
    if not found or (is_header(line) and not _compiled(rb"=[A-Z]{4,12} (?:REPORT|EVENT)====").match(found[7])):
        return None
    year, month, day, clock, half, zone, text = found.groups()
    time = None
    if year and not half and (zone is None or zone == b"Z" or zone[:1] in b"+-"):
        time = b"%b-%b-%bT%b%b" % (year, month, day, clock.replace(b",", b"."), zone or b"")
    if text.startswith((b" ", b"\t")) and is_header(text.lstrip()):
        text = text.lstrip()
    return text, "", _text(time) or None, None


def compose(line: bytes) -> Stripped | None:
    """``name-1  | text``, with or without colours; ``service.1.id@host  | text`` of ``docker service logs``."""
    found = _compiled(_COMPOSE).match(line)
    return (found[2] or b"", _text(found[1]), None, None) if found else None


def fluentbit(line: bytes) -> Stripped | None:
    """``[0] tag: [[1700000000.123, {}], {"log"=>"text"}]``: what Fluent Bit prints on its standard output."""
    found = _compiled(_FLUENT_BIT).match(line)
    if not found:
        return None
    text = _compiled(rb"\\(.)").sub(lambda m: {b"n": b"\n", b"t": b"\t", b"r": b""}.get(m[1], m[1]), found[2])
    return _without_end(text), _text(found[1]), None, None


def kubectl(line: bytes) -> Stripped | None:
    """``[pod/rabbit-0/rabbitmq] text``."""
    found = _compiled(rb"\[(pod/[^\s/\]]+/[^\s\]]+)\](?: (.*))?$").match(line)
    return (found[2] or b"", _text(found[1]), None, None) if found else None


def labelled(line: bytes) -> Stripped | None:
    """``2026-11-23T07:46:48Z {app="rabbitmq", pod="rabbit-0"} text`` of logcli."""
    found = _compiled(rb"(" + _ISO + rb") \{((?:[A-Za-z_]\w{0,99}=\"[^\"\n]{0,999}\"(?:, ?)?){1,99})\} ?(.*)$").match(line)
    if not found:
        return None
    pod = _compiled(rb'(?:^|[ ,])pod="([^"]{1,253})"').search(found[2])
    return found[3], _text(pod[1]) if pod else "", found[1].decode(), None


# ---------------------------------------------------------------------------------------------------------- syslog


_DAY = rb"([^\s\d\"'|>*+-]{3,12}\.?|\d{1,2}\xe6\x9c\x88) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)"
_HOST = rb"((?!(?:\d{1,9}[:-])?\d{4}-\d\d-\d\d)[A-Za-z0-9_][\w.:%-]{0,254})"
_PROGRAM = rb"([A-Za-z0-9_(][^\s\[\]:<>]{0,127})(?:\[([\w.-]+)\])?"
_LINE = (
    rb"(?:<(\d{1,3})>)?"
    rb"(?:" + _DAY + rb"|(" + _ISO + rb")|[A-Z][a-z]{2} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) \S{1,6}|(\d{9,10}\.\d{6})"
    rb"|\[ *\d+\.\d{3,6}\])"
    rb" " + _HOST + rb" " + _PROGRAM + rb"(?::(?: (.*))?| (<\d+\.\d+\.\d+>|[a-z][\w@]{0,254}) - ?(.*)|: ?(.*))$"
)
# What a virtual machine's console shows of the journal: no host of its own, and perhaps a tester's name in front.
_CONSOLE = rb"(?:" + _HOST + rb" # )?\[ *\d+\.\d{3,6}\] " + _PROGRAM + rb":(?: (.*))?$"


def syslog_line(line: bytes, year: int | None = None) -> Stripped | None:
    """RFC 3164 with or without priority, what journalctl prints (short, short-iso, short-precise, ...), rsyslog's files."""
    found = _compiled(_LINE).match(line)
    if not found:
        found = _compiled(_CONSOLE).match(line)
        return (found[4] or b"", _origin(found[1], found[2]), None, None) if found else None
    (priority, month, day, clock, iso, full, unix, host, program, number, text, process, own, tight) = found.groups()
    if not priority and _text(host).lower().rstrip(":") in _level_words():
        return None
    if iso:
        time: str | None = iso.decode().replace(" ", "T", 1)
    elif full:
        time = full.decode().replace(" ", "T", 1)
    elif unix:
        time = from_microseconds(unix.replace(b".", b"").decode())
    elif month:
        time = _day_time(_text(month), day.decode(), clock.decode(), year)
    else:
        time = None
    origin = _origin(host, program)
    if process is None or number is None:
        return _controls(text if text is not None else tight or b""), origin, time, None
    own = _controls(own)
    return _broker_line(own, time, priority, process), origin, time, None


def _controls(text: bytes) -> bytes:
    """Text with the control characters that rsyslog writes as ``#012``."""
    if b"#0" not in text:
        return text
    return _compiled(rb"#(012|015|011|033)").sub(lambda found: bytes([int(found[1], 8)]), text).replace(b"\r", b"")


@cache
def _level_words() -> frozenset[str]:
    short = {
        "dbg",
        "inf",
        "ntc",
        "wrn",
        "err",
        "crt",
        "alr",
        "emg",
        "warn",
        "noti",
        "erro",
        "debu",
        "crit",
        "aler",
        "emer",
    }
    return frozenset(LEVELS) | short


@lru_cache(maxsize=256)
def _day_time(month: str, day: str, clock: str, year: int | None) -> str:
    """ISO if the year is known; else as it was written, since a guessed year would be worse than none."""
    number = month_number(month)
    if year is None or number is None:
        return f"{month} {day:>2} {clock}"
    return f"{year:04d}-{number:02d}-{int(day):02d}T{clock}"


@lru_cache(maxsize=1024)
def _origin(host: bytes | None, program: bytes) -> str:
    """The host; lines of other programs beside the broker's are a stream of their own."""
    name, whole = _text(program), _text(host)
    if any(word in name.lower() for word in ("rabbit", "beam", "erl")):
        return whole
    return f"{whole}/{name}" if whole else name


def _broker_line(text: bytes, time: str | None, priority: bytes | None, process: bytes) -> bytes:
    """Text that the broker sent to syslog without its header, under the header it would have had in a file.

    A process that has a name (``rabbit_alarm``) is given by that instead of its id; no header of the broker has a name
    there, so it is left out.
    """
    if is_header(text):
        return text
    level = LEVELS[int(priority) & 7] if priority else None
    return with_header(spaced(time) if time else None, level, process if pid().fullmatch(process) else None, text)


_BOM = b"\xef\xbb\xbf"


def syslog_5424(line: bytes) -> Stripped | None:
    """RFC 5424: ``<29>1 time host program pid message-id structured-data text``."""
    found = _compiled(rb"<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (?=[-\[])").match(line)
    if not found:
        return None
    priority, stamp, host, program, _, message_id = found.groups()
    end = _after_structured_data(line, found.end())
    if end is None or line[end : end + 1] not in (b"", b" "):
        return None
    text = _controls(line[end + 1 :].removeprefix(_BOM))
    time = None if stamp == b"-" else _text(stamp)
    origin = _origin(None if host == b"-" else host, program)
    if pid().fullmatch(message_id) or _compiled(rb"[a-z][\w@]*$").match(message_id):
        text = _broker_line(text, time, priority, message_id)
    return text, origin, time, None


def _after_structured_data(line: bytes, at: int) -> int | None:
    if line[at : at + 1] == b"-":
        return at + 1
    element = _compiled(rb'\[[^\s\]"=]{1,64}(?: [^\s=\]"]{1,64}="(?:[^"\\\]]|\\.)*")*\]')
    while found := element.match(line, at):
        at = found.end()
    return at if line[at - 1 : at] == b"]" else None


def syslog(line: bytes, year: int | None = None) -> Stripped | None:
    """Either kind of syslog line."""
    return syslog_5424(line) or syslog_line(line, year)


# A frame: content or None for bytes between frames, raw bytes, origin, time.
Frame = tuple[bytes | None, int, str, str | None]
_LONGEST_FRAME = 16 << 20
_LONGEST_GARBAGE = 65536


def octet_counted(data: bytes, final: bool, year: int | None = None) -> tuple[list[Frame], int]:
    """Syslog over TCP as RFC 6587 counts it: ``108 <29>1 ...`` with nothing between one frame and the next."""
    count = _compiled(rb"[\r\n ]{0,4}(\d{1,8}) (?=<\d{1,3}>)")
    resume = _compiled(rb"\n|(?=\d{1,8} <\d{1,3}>1 )")
    frames: list[Frame] = []
    at = 0
    while at < len(data):
        found = count.match(data, at)
        if found and int(found[1]) <= _LONGEST_FRAME:
            end = found.end() + int(found[1])
            if end > len(data):
                if not final:
                    break
                end = len(data)
            content = data[found.end() : end]
            inner, origin, time, _ = syslog(content, year) or (content, "", None, None)
            frames.append((inner, end - at, origin, time))
        else:
            # A count may still be coming in; else these bytes are no frame, up to a line end or the next count.
            if not final and len(data) - at < 24:
                break
            limit = at + _LONGEST_GARBAGE
            stop = resume.search(data, at + 1, limit)
            if stop is None and len(data) < limit and not final:
                break
            end = stop.end() if stop else min(limit, len(data))
            frames.append((_without_end(data[at:end]), end - at, "", None))
        at = end
    return frames, at


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


# ---------------------------------------------------------------------------------------------------------- journal


def journal_json(line: bytes) -> Stripped | None:
    """``journalctl -o json``, one object a line (also json-sse and json-seq)."""
    line = line.removeprefix(b"data: ").removeprefix(b"\x1e")
    if not line.startswith(b"{") or b'"MESSAGE"' not in line:
        return None
    value = _json(line)
    if value is None or not any(key in value for key in ("__REALTIME_TIMESTAMP", "__CURSOR", "_BOOT_ID", "_TRANSPORT")):
        return None
    fields = {key: as_bytes for key, content in value.items() if (as_bytes := _field(content)) is not None}
    return _journal_entry(fields) if "MESSAGE" in fields else None


def _field(content: object) -> bytes | None:
    """A field of the journal: a string, numbers for bytes that are not UTF-8, or a list where it occurs twice."""
    if isinstance(content, str):
        return utf8(content)
    if isinstance(content, list) and content:
        if all(isinstance(number, int) and 0 <= number < 256 for number in content):
            return bytes(content)
        return _field(content[0])
    return None


def _journal_entry(fields: dict[str, bytes]) -> Stripped:
    text = fields["MESSAGE"].removesuffix(b"\n")
    time = from_microseconds(_text(fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields.get("__REALTIME_TIMESTAMP")))
    program = fields.get("SYSLOG_IDENTIFIER") or fields.get("_COMM") or b"rabbitmq-server"
    process = fields.get("ERL_PID")
    if process and pid().fullmatch(process) and not is_header(text):
        # RabbitMQ's own journal handler (log.journald): level and process are fields, the message has no header.
        said = _text(fields.get("SYSLOG_TIMESTAMP"))
        own = said if _compiled(_ISO).fullmatch(said.encode()) else time
        priority = fields.get("PRIORITY", b"")
        level = LEVELS[int(priority)] if priority in (b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7") else None
        if own:
            text = with_header(spaced(own), level, process, text)
    return text, _origin(fields.get("_HOSTNAME"), program), time, None


_LONGEST_FIELD = 32 << 20


def journal_export(data: bytes, final: bool) -> tuple[list[Frame], int]:
    """``journalctl -o export``: fields line by line, those with line breaks counted, entries apart by an empty line."""
    name = _compiled(rb"([A-Z_][A-Z0-9_]{0,63})(?:=([^\n]*))?(\n|$)")
    frames: list[Frame] = []
    done = at = 0
    fields: dict[str, bytes] = {}

    def close(end: int) -> None:
        nonlocal done
        inner, origin, time, _ = _journal_entry(fields) if "MESSAGE" in fields else (None, "", None, None)
        frames.append((inner, end - done, origin, time))
        fields.clear()
        done = end

    while at < len(data):
        line_end = data.find(b"\n", at)
        if line_end < 0 and not final:
            break
        line_end = len(data) if line_end < 0 else line_end
        if line_end == at:
            at += 1
            close(at)
            continue
        found = name.match(data, at)
        if not found or found.end(2 if found[2] is not None else 1) != line_end:
            # Not a field. Before an entry it is a line of its own, inside of one it goes with it.
            at = min(line_end + 1, len(data))
            if not fields:
                frames.append((_without_end(data[done:at]), at - done, "", None))
                done = at
            continue
        if found[2] is not None:
            value, at = found[2], min(line_end + 1, len(data))
        else:
            start = line_end + 9
            length = int.from_bytes(data[line_end + 1 : start], "little")
            if start > len(data) and not final:
                break
            if length > _LONGEST_FIELD:
                value, at = b"", min(line_end + 1, len(data))  # not a count: the data is damaged here
            else:
                if start + length + 1 > len(data) and not final:
                    break
                value, at = data[start : start + length], min(start + length + 1, len(data))
        fields.setdefault(found[1].decode(), value)
    if final and done < len(data):
        close(len(data))
    return frames, done


# ---------------------------------------------------------------------------------------------------------- by hand


# The escape character as pagers, programs and JSON spell it; lost, what is left stands at the ends of the line.
_COLOURS = rb"(?:\^\[|\\x1[bB]|\\u001[bB]|\\033|\\e|\xe2\x90\x9b)\[[0-9;]{0,16}m|\A\[[0-9;]{1,16}m|(?<!\x1b)\[0?m\Z"


def colours(line: bytes) -> Stripped | None:
    """``^[[0m``, ``[38;5;160m2026-``: colours whose escape character was spelled out or got lost."""
    text, found = _compiled(_COLOURS).subn(b"", line)
    if found and line[:1] == b"[":  # lost at the beginning, so lost inside as well
        text = _compiled(rb"(?<!\x1b)\[[0-9;]{0,16}m").sub(b"", text)
    return (text, "", None, None) if found else None


def coloured_before(line: bytes) -> Stripped | None:
    """The line without colours, where something coloured stands before what is the broker's, such as the name of a pod."""
    if not line.startswith(b"\x1b[") or is_header(line):
        return None
    return _compiled(rb"\x1b\[[0-9;]*m").sub(b"", line), "", None, None


def quoted(line: bytes, depth: int) -> Stripped | None:
    """``> text`` of mail and markdown, `depth` times."""
    found = _compiled(rb"[ ]{0,3}(?:>[ ]?){1,%d}(.*)$" % depth).match(line)
    return (found[1], "", None, None) if found else None


def html_text(line: bytes) -> Stripped | None:
    """``&lt;0.1.0&gt;`` for ``<0.1.0>``, perhaps with tags around the line."""
    import html

    line = _compiled(rb"^(?:<[a-z]{1,10}(?: [^<>]{0,200})?>)+|(?:</?[a-z]{1,10} ?/?>){1,8}$").sub(b"", line)
    return html.unescape(line.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape"), "", None, None


def fenced(line: bytes) -> Stripped | None:
    """The lines that open and close a block of code; what is between them is untouched."""
    if _compiled(rb" {0,3}(?:```+|~~~+) ?[\w.+-]*\s*$").match(line):
        return None, "", None, None
    return line, "", None, None


def indented(line: bytes, by: bytes) -> Stripped | None:
    """A block pushed to the right as a whole."""
    return (line[len(by) :], "", None, None) if line.startswith(by) else None


MACHINE = expression(rb"(?:    |==> )([A-Za-z0-9][\w.-]{0,127}):(?: |$)")


def provisioned(line: bytes, name: bytes) -> Stripped | None:
    """``    default: text``, ``==> default: text``: what a command printed on a machine that Vagrant or Packer sets up."""
    found = MACHINE.match(line)
    return (line[found.end() :], "", None, None) if found and found[1] == name else None


def pushed(line: bytes) -> Stripped | None:
    """A line of the broker with blanks before it, as the first of a pasted block often has: no header begins with any."""
    return (text, "", None, None) if line[:1] in b" \t" and is_header(text := line.lstrip(b" \t")) else None


def numbered(line: bytes, separator: bytes) -> Stripped | None:
    """``  12  text`` of editors, ``cat -n``, ``less -N``."""
    if is_header(line):
        return None
    found = _compiled(rb"[ \t]*\d{1,9}(?:" + re.escape(separator) + rb"(.*)|[ \t]*)$").match(line)
    return (found[1] or b"", "", None, None) if found else None


def grep_number(line: bytes) -> Stripped | None:
    """``grep -n``: ``12:text``, and ``13-text`` for lines of context."""
    if is_header(line):
        return None
    found = _compiled(rb"\d{1,10}[:-](.*)$").match(line)
    return (found[1], "", None, None) if found else _separator(line)


_FILE = rb"((?!\d{1,4}[/.-][\dA-Za-z]{2,3}[/.-]\d{2,4}[:T ])(?:[A-Za-z]:)?[^\s:\"'][^\t\n:]{0,4095}?)"
_FILE_NUMBER = _FILE + rb"(?::\d{1,10}:|-\d{1,10}-)(.*)$"
_FILE_ONLY = _FILE + rb":(?=(.*))"


def grep_file_number(line: bytes) -> Stripped | None:
    """``grep -nH``: ``file:12:text``, ``file-13-text``."""
    if is_header(line):
        return None
    found = _compiled(_FILE_NUMBER).match(line)
    return (found[2], _text(found[1]), None, None) if found else _separator(line)


def grep_file(line: bytes, files: tuple[bytes, ...] = ()) -> Stripped | None:
    """``grep -H``: ``file:text``; ``file-text`` where the file is known."""
    if is_header(line):
        return None
    for name in files:
        if line.startswith(name) and line[len(name) : len(name) + 1] in (b":", b"-"):
            return line[len(name) + 1 :], _text(name), None, None
    found = _compiled(_FILE_ONLY).match(line)
    if found and (is_header(found[2]) or (_is_path(found[1]) and carries_header(found[2]))):
        return found[2], _text(found[1]), None, None
    return _separator(line)


def _is_path(name: bytes) -> bool:
    return _compiled(rb"(?:[^\s\"'{}|,:<>]*/)?[^\s\"'{}|,:<>/]*(?:\.log|/)[^\s\"'{}|,:<>]*$").match(name) is not None


def _separator(line: bytes) -> Stripped | None:
    """The line that grep puts between groups of context belongs to no file."""
    return (None, "", None, None) if line == b"--" else None


def prefixed(line: bytes, known: tuple[bytes, ...]) -> Stripped | None:
    """The same one to three words before each line: ``pod container text`` of stern, an address, a host."""
    for prefix in known:
        if line.startswith(prefix):
            return line[len(prefix) :], _text(prefix.strip()), None, None
        if line == prefix.rstrip():
            return b"", _text(line), None, None
    found = words_before_header(line)
    return (line[len(found) :], _text(found.strip()), None, None) if found else None


def from_header(line: bytes) -> Stripped | None:
    """A line from its whole header on, as nothing but a broker writes it."""
    start = usual_header(line)
    return (line[start:], "", None, None) if start > 0 else None


def words_before_header(line: bytes) -> bytes | None:
    """One to three words that stand before what looks like the beginning of a broker's line."""
    if is_header(line):
        return None
    at = 0
    for _ in range(3):
        found = _compiled(rb"(?:\.\.\.|\xe2\x80\xa6|[A-Za-z0-9\[(])[^\s]{0,127}[ \t]{1,64}").match(line, at)
        if not found:
            return None
        if _compiled(_DATE_ENDS).search(found[0]):
            return None  # the date of a header whose beginning something else stands in front of
        at = found.end()
        if header().match(line, at):
            return line[:at]
    return None


_DATE_ENDS = rb"[:|>-]\d{4}-\d\d-\d\d[ \t]+$"


_CLOCK = rb"[^\"'{}\\\n]{0,100}?\d{1,2}:\d\d:\d\d[^\"'{}\\\n]{0,100}$"


def shape_before_header(line: bytes) -> bytes | None:
    """What stands before the beginning of a broker's line, a time among it, as a pattern that fits any other number too."""
    found = header().search(line, 0, 220)
    if not found or not found.start() or not _compiled(_CLOCK).match(line[: found.start()]):
        return None
    return _compiled(rb"\d+").sub(rb"\\d+", re.escape(line[: found.start()].rstrip())) + rb"[ \t]?"


def behind(line: bytes, shapes: tuple[bytes, ...]) -> Stripped | None:
    """``12:13:14.15 [thread-2] INFO  container - text``: what another program logs before each line, its numbers any."""
    found = None if is_header(line) else _compiled(rb"(?:" + rb"|".join(shapes) + rb")(.*)$").match(line)
    return (found[1], "", None, None) if found else None


def bind(strip: Callable[..., Stripped | None], **arguments: object) -> Strip:
    """A wrapper with what detection learned about it."""
    return partial(strip, **arguments)
