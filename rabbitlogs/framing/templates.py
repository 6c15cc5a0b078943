"""Custom text formats: ``log.*.formatter.plaintext.format``, as rabbitmq.conf has it or found out from the lines.

A :class:`Template` reads lines of one format, ``$time|$level|$pid|$msg``: what stands before the message is repeated on
each line of it, what stands behind it too (rabbit_logger_text_fmt, prepend_prefix_to_msg_and_add_color). :func:`guess`
gives the formats that lines could be in; which one is right, who knows the messages can tell.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import NamedTuple

from rabbitlogs.errors import UsageError
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.compiled import terminals

_VARIABLE = expression(r"([^$]*)(?:\$(\w+))?")
_BEFORE = rb"[\s\[\](){}|:;,\-=/#*>\"']*?(?:[A-Za-z_.@]{1,16}=\"?)?"  # what people put between the parts
_BEHIND = rb"[\s\])}|:;,\-=/#*>\"']*(?:[A-Za-z_.@]{1,16}=\"?)?"
_TRIES = 6  # parts on one side of a message


class Parts(NamedTuple):
    """A line of a custom format, taken apart."""

    time: bytes | None
    level: bytes | None
    pid: bytes | None
    start: int  # of the message in the line
    stop: int


@cache
def _tokens() -> dict[str, bytes]:
    """The expressions of the parts, by their names in a format."""
    parts = {name: regex.encode() for name, regex in terminals().items()}
    return {
        "time": b"(?:" + b"|".join(parts[n] for n in ("RFC3339", "EPOCH", "CUSTOM", "CLOCK")) + b")",
        "level": b"(?i:" + parts["LEVEL"] + b")(?![A-Za-z0-9])",
        "pid": parts["PROCESS"],
        "mfa": b"(?:" + parts["PLACE"] + b")",
    }


class Template:
    """Reads lines of one format.

    Raises:
        UsageError: The format has no ``$msg``.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip().strip("'\"")
        head, found, tail = self.text.partition("$msg")
        if not found:
            raise UsageError(f"the format {text!r} has no $msg. Write it as rabbitmq.conf has it: '$time [$level] $pid $msg'.")
        names: set[str] = set()
        self._head = re.compile(_pattern(head, names), re.DOTALL)
        self._tail = re.compile(_pattern(tail, names) + rb"\s*\Z", re.DOTALL) if tail.strip() else None
        self.is_empty = not names

    def read(self, line: bytes) -> Parts | None:
        """The parts of a line; None where it is no line of this format."""
        found = self._head.match(line)
        if found is None:
            return None
        parts = found.groupdict()
        stop = len(line)
        if self._tail is not None:
            behind = self._tail.search(line, max(found.end(), stop - 200))
            if behind is None:
                return None
            parts.update(behind.groupdict())
            stop = behind.start()
        return Parts(parts.get("time"), parts.get("level"), parts.get("pid"), min(found.end(), stop), stop)


def _pattern(text: str, names: set[str]) -> bytes:
    """The expression of one side of a format; the blanks at its end may be missing, where the message is empty."""
    out: list[bytes] = []
    ansi = rb"(?:\x1b\[[0-9;]*m)*"
    for literal, name in _VARIABLE.findall(text):
        out.append(re.sub(rb"(?:\\ )+", rb" +", re.escape(literal.encode())))
        if name in ("time", "level", "pid") and name not in names:
            names.add(name)
            out.append(b"(?P<" + name.encode() + b">" + _tokens()[name] + b")")
        elif name == "mfa":
            out.append(rb"(?:" + _tokens()["mfa"] + rb"|\S+)")
        elif name:
            out.append(rb"(?:<unknown \w+>|\S*)")
    pattern = ansi + b"".join(out)
    return pattern[:-2] + b"(?: |\\Z)" if pattern.endswith(b" +") else pattern


def guess(lines: list[bytes]) -> list[str]:
    """Formats that most of the lines could be in, the one with most parts first."""
    lines = [line for line in lines if line.strip()][:80]
    heads = [_parts_before(line) for line in lines]
    out: list[str] = []
    support: Counter[tuple[tuple[bytes, str], ...]] = Counter()
    for head, _ in heads:
        support.update({head[:n] for n in range(len(head) + 1)})
    least = max(1, round(0.8 * len(lines)))
    for prefix in sorted((p for p, number in support.items() if number >= least), key=len, reverse=True):
        own = [
            (line, ends[len(prefix)]) for line, (head, ends) in zip(lines, heads, strict=True) if head[: len(prefix)] == prefix
        ]
        rests = [line[end:] for line, end in own]
        gap = _common(rests)
        used = {name for _, name in prefix}
        # Separators that all messages begin with may be the format's, or the messages' own.
        fronts = dict.fromkeys([_text(prefix) + gap, _text(prefix) + gap[: len(gap) - len(gap.lstrip())]])
        backs = _backs(rests, used, least)
        out.extend(f"{front}$msg{back}" for back in backs for front in fronts)
    # A level's word alone may be a word of the message; in brackets, or with a time or process, it is none.
    return [text for text in out if re.search(r"\$(?:time|pid)|[\[(<|]\$level|^\$level:", text)][:16]


def _text(parts: tuple[tuple[bytes, str], ...]) -> str:
    return "".join(f"{re.sub(rb'[ ]+', b' ', before).decode('latin-1')}${name}" for before, name in parts)


def _parts_before(line: bytes) -> tuple[tuple[tuple[bytes, str], ...], list[int]]:
    """What a line begins with, part by part, and where each ends."""
    at, parts, ends, seen = 0, list[tuple[bytes, str]](), [0], set[str]()
    for _ in range(_TRIES):
        found = [
            (match.end(1), name, match)
            for name, pattern in _tokens().items()
            if name not in seen and (match := _compiled(b"(" + _BEFORE + b")" + pattern).match(line, at))
        ]
        if not found:
            break
        _, name, nearest = min(found)
        parts.append((nearest[1], name))
        seen.add(name)
        at = nearest.end()
        ends.append(at)
    return tuple(parts), ends


def _common(rests: list[bytes]) -> str:
    """The separators with which all messages seem to begin: they belong to the format."""
    rests = [rest for rest in rests if rest.strip()]
    if not rests:
        return ""
    gaps = [_compiled(_BEHIND).match(rest) for rest in rests]
    texts = [gap[0] if gap else b"" for gap in gaps]
    first, last = min(texts), max(texts)
    length = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    shared = first[:length]
    return re.sub(rb" +", b" ", shared).decode("latin-1")


def _backs(rests: list[bytes], used: set[str], least: int) -> list[str]:
    """What could stand behind the messages, longest first; nothing is the last possibility."""
    found: Counter[str] = Counter()
    for number, rest in enumerate(rests):
        if number == 10 and found.total() < 5:  # hardly any so far: nothing stands behind the messages
            break
        back, end = "", len(rest.rstrip())
        seen = set(used)
        for _ in range(_TRIES):
            for name, pattern in _tokens().items():
                part = None if name in seen else _ending(pattern).search(rest, max(0, end - 120), end)
                if part is not None:
                    seen.add(name)
                    gap = re.sub(rb" +", b" ", part[1]).decode("latin-1")
                    back = f"{gap}${name}{part[2].decode('latin-1').rstrip()}{back}"
                    end = part.start()
                    found[back] += 1
                    break
            else:
                break
    return [*sorted((back for back, number in found.items() if number >= least), key=len, reverse=True), ""]


@cache
def _ending(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"([ \t]?(?:[|;=-] ?)?[\[({]?)" + pattern + rb"([\])}|\"' ]*)\Z")


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)
