"""Which log calls of a RabbitMQ source tree does no kind cover?  ``python -m rabbitlogs.parsing.coverage PATH``

The next release of RabbitMQ is one run away: check its source out, run this, and each line it prints is a message to
add to ``grammars/``. It finds the calls that log (``?LOG_WARNING``, ``rabbit_log:error`` and their like), takes the
format where it is a literal (joined with others, with macros of the file, with a part that is computed), fills its
directives with values that fit the arguments' names, then with values of several sorts, and asks the recogniser. A
format counts as covered when one filling is read to its end.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rabbitlogs.parsing.recogniser import Recogniser, collapse, recogniser

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEVELS = "debug|info|notice|warning|error|critical|alert|emergency"
_CALL = re.compile(
    rf"(?:\?LOG_(?P<macro>{_LEVELS.upper()})|\?(?P<short>DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR)(?:_IF)?"
    rf"|(?:rabbit_log\w*|logger|lager|error_logger):(?P<function>{_LEVELS}|info_msg|warning_msg|error_msg)"
    rf"|(?:rabbit_log\w*|logger):log|\?LOG)\s*\("
)
_SHORT = {"warn": "warning", "err": "error", "info_msg": "info", "warning_msg": "warning", "error_msg": "error"}
_COMMENT = re.compile(r"%[^\n]*")
_STRING = re.compile(r'\s*(?:\+\+\s*)?"((?:[^"\\]|\\.)*)"', re.DOTALL)
_DIRECTIVE = re.compile(r"~(?:[0-9*]*\.?[0-9*]*\.?[^a-zA-Z~]?)?[tlk]*[a-zA-Z~]")
_ESCAPE = {"n": "\n", "t": "\t", "s": " ", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_SAMPLES = (
    "17", "<0.100.0>", "orders", "{error,enoent}", "rabbit@host", "'rabbit@host'", "a sentence of text", "10.0.0.5:58667",
    "10.0.0.5:58667 -> 10.0.0.2:5672", "queue 'orders' in vhost '/'", "exchange 'x' in vhost '/'", "/var/lib/rabbitmq/x",
    "[a,b]", "3.13.7", "true", "#Ref<0.1.2.3>", "rabbit_reader:init/1", "1M, 12s", "2.5",
)  # fmt: skip
_TRIES = 60
# what an argument's expression says of its value
_HINTS = (
    (re.compile(r"^\?MODULE$"), None),
    (re.compile(r"FUNCTION_NAME"), "init"),
    (re.compile(r"self\(\)|Pid$|^Pid"), "<0.100.0>"),
    (re.compile(r"\brs\(|resource"), "queue 'orders' in vhost '/'"),
    (re.compile(r"Conn(?:Name|Str|ectionName)|conn_name|log_name"), "10.0.0.5:58667 -> 10.0.0.2:5672"),
    (re.compile(r"node\(\)|Node$"), "rabbit@host"),
    (
        re.compile(r"length\(|_size\(|^Channel$|Port$|Count$|Limit$|Size$|Timeout$|^N$|Num|ARITY|LINE|Milli|Micro|Term$|Index$"),
        "17",
    ),
    (re.compile(r"Name$|User|VHost|Username"), "orders"),
)
_DEFINE = re.compile(r'^-define\((\w+),\s*((?:\s*"(?:[^"\\]|\\.)*")+)\s*\)\.', re.MULTILINE)
_COMPUTED = re.compile(r"\s*(?:\+\+\s*)?\?(\w+)|\s*\+\+\s*[\w:]+(?:\([^()]*\))?")


@dataclass(frozen=True, slots=True)
class Call:
    """One log call: where it is, its level where the call names it, its format and the expressions of its arguments."""

    path: str
    line: int
    level: str
    format: str
    arguments: tuple[str, ...] = ()


def log_calls(path: Path) -> Iterator[Call]:
    """The calls of one Erlang file whose format is a literal."""
    text = path.read_text(encoding="utf-8", errors="replace")
    masked = _COMMENT.sub(lambda m: " " * len(m[0]) if m[0].count('"') % 2 == 0 else m[0], text)
    # a macro that logs is no call: its uses are
    definitions = [m.span() for m in re.compile(r"^-define\(.*?\)\.\s*$", re.DOTALL | re.MULTILINE).finditer(masked)]
    macros = {name: "".join(_STRING.findall(strings)) for name, strings in _DEFINE.findall(masked)}
    for match in _CALL.finditer(masked):
        found, end = _literal(masked, match.end(), macros)
        if found is None or any(begin < match.start() < stop for begin, stop in definitions):
            continue
        level = (match["macro"] or match["short"] or match["function"] or "none").lower()
        yield Call(str(path), text.count("\n", 0, match.start()) + 1, _SHORT.get(level, level), found, _arguments(masked, end))


def _literal(text: str, at: int, macros: dict[str, str]) -> tuple[str | None, int]:
    """The string literals from here on, joined, where a call's format stands, and where they end.

    A level or domain before it is passed over; macros of the file stand for their strings, and whatever else is joined
    to a literal for any text.
    """
    skipped = re.compile(r"\s*[a-zA-Z_?][\w.:#{}()=> ]{0,60},").match(text, at)
    for start in (at, skipped.end() if skipped else at):
        parts: list[str] = []
        place = start
        while True:
            if (match := _STRING.match(text, place)) is not None:
                parts.append(match[1])
            elif (match := _COMPUTED.match(text, place)) is not None and (parts or match[1] in macros):
                parts.append(macros.get(match[1] or "", "~ts"))
            else:
                break
            place = match.end()
        if parts:
            return _unescaped("".join(parts)), place
    return None, at


def _arguments(text: str, at: int) -> tuple[str, ...]:
    """The expressions in the list that follows a format; none where there is no list."""
    opened = re.compile(r"\s*,\s*\[").match(text, at)
    if opened is None:
        return ()
    found, depth, start = [], 0, opened.end()
    for match in re.compile(r'"(?:[^"\\]|\\.)*"|[(\[{]|[)\]}]|,').finditer(text, start):
        if match[0] in "([{":
            depth += 1
        elif match[0] in ")]}":
            depth -= 1
            if depth < 0:
                found.append(text[start : match.start()].strip())
                break
        elif match[0] == "," and not depth:
            found.append(text[start : match.start()].strip())
            start = match.end()
    return tuple(found)


def _hinted(expression: str, module: str) -> str | None:
    for pattern, sample in _HINTS:
        if pattern.search(expression):
            return sample or module
    return None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPE.get(m[1], m[1]), text, flags=re.DOTALL)


def is_covered(call: Call, reader: Recogniser) -> bool:
    """Whether a kind reads a message of a call to its end, with one of several fillings of its directives."""
    format_ = call.format
    chance = random.Random(format_)  # noqa: S311 - the same tries each run
    directives = sum(1 for m in _DIRECTIVE.finditer(format_) if m[0][-1] not in "n~")
    hints = [_hinted(expression, Path(call.path).stem) for expression in call.arguments]
    for attempt in range(1 if not directives else _TRIES):
        given = iter(hints)

        def filled(match: re.Match[str], attempt: int = attempt, given: Iterator[str | None] = given) -> str:
            end = match[0][-1]
            if end in "n~":
                return "\n" if end == "n" else "~"
            hint = next(given, None)
            if hint is not None and attempt % 2 == 0:
                return hint
            if end in "bBcgfe":
                return "17"
            return _SAMPLES[attempt] if attempt < len(_SAMPLES) else chance.choice(_SAMPLES)

        message = collapse(_DIRECTIVE.sub(filled, format_))
        if not message:
            return True
        match = reader.recognise(message)
        if match is not None and match.rest is None:
            return True
    return False


def uncovered(root: Path) -> tuple[list[Call], Counter[str]]:
    """The calls below a folder that no kind covers, and how many calls were looked at, by level."""
    reader = recogniser()
    known: dict[tuple[str, tuple[str, ...]], bool] = {}
    out: list[Call] = []
    seen: Counter[str] = Counter()
    for path in sorted(root.rglob("*.erl")):
        if path.name.endswith("_SUITE.erl") or any(p == "test" or p.startswith("rabbitmq_ct_") for p in path.parts):
            continue
        for call in log_calls(path):
            if len(_DIRECTIVE.sub("", call.format).strip()) < 3:
                continue
            seen[call.level] += 1
            key = call.format, call.arguments
            if key not in known:
                known[key] = is_covered(call, reader)
            if not known[key]:
                out.append(call)
    return out, seen


def main() -> int:
    """Prints one line a call that no kind covers, and the shares by level. Exit code 1 when there are any."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.stderr.write("usage: python -m rabbitlogs.parsing.coverage PATH-TO-A-RABBITMQ-SOURCE-CHECKOUT\n")
        return 2
    root = Path(sys.argv[1])
    calls, seen = uncovered(root)
    missing: Counter[str] = Counter(call.level for call in calls)
    for call in calls:
        sys.stdout.write(f"{Path(call.path).relative_to(root)}:{call.line}: {call.level}: {call.format!r}\n")
    for level, total in sorted(seen.items()):
        sys.stderr.write(f"{level}: {total - missing[level]} of {total} calls covered\n")
    return 1 if calls else 0


if __name__ == "__main__":
    sys.exit(main())
