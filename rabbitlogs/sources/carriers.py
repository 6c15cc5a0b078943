"""Lines of other programs' exports that carry a line of the broker in one of their parts: JSON fields, table cells, strings.

What a log shipper or a log store adds differs from one to the next and changes with their versions, so no names are
known here: the part that holds the broker's lines is found by looking for them.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from .header import carries_header, is_header
from .wrappers import Stripped, _compiled, _json, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]
LIST = "*"  # in a path: each of a list
_DEEPEST = 6


def texts_in(value: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every string in a JSON value with the way to it; what is nested in objects as the broker's own JSON comes as text."""
    if isinstance(value, str):
        yield path, value
    elif len(path) >= _DEEPEST:
        return
    elif isinstance(value, dict):
        if path and isinstance(value.get("msg"), str) and ("level" in value or "time" in value):
            yield path, json.dumps(value)
        for key, inner in value.items():
            yield from texts_in(inner, (*path, str(key)))
    elif isinstance(value, list):
        for inner in value[:100]:
            yield from texts_in(inner, (*path, LIST))


def carrying_path(values: list[dict[str, object]]) -> Path | None:
    """The way to the strings that begin like the broker's lines, in objects of one kind; None if there is none."""
    hits: Counter[Path] = Counter()
    for value in values:
        hits.update({path for path, text in texts_in(value) if carries_header(utf8(text))})
    if not hits:
        return None
    path, number = min(hits.items(), key=lambda hit: (-hit[1], len(hit[0]), hit[0]))
    return path if number >= max(1, len(values) // 20) else None


def longest_texts(values: list[dict[str, object]]) -> list[Path]:
    """The ways to the two longest strings that nearly all objects have."""
    sizes: Counter[Path] = Counter()
    number: Counter[Path] = Counter()
    for value in values:
        for path, text in dict(texts_in(value)).items():
            if LIST not in path and " " in text:
                sizes[path] += min(len(text), 200)
                number[path] += 1
    return [path for path, _ in sizes.most_common() if number[path] >= 0.8 * len(values)][:2]


def at_path(value: object, path: Path) -> Iterator[str]:
    """The strings at the end of a way."""
    if not path:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield json.dumps(value)
    elif path[0] == LIST and isinstance(value, list):
        for inner in value:
            yield from at_path(inner, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from at_path(value[path[0]], path[1:])


_POD, _CONTAINER, _HOST = ("pod_name", "pod"), ("container_name", "container"), ("hostname", "host")


def object_of(line: bytes) -> dict[str, object] | None:
    """The object that a line is, perhaps one of an array's."""
    start = line.find(b"{")
    if start < 0 or line[:start].strip(b" \t,[\x1e") not in (b"", b"data:"):
        return None
    return _json(line[start:].rstrip(b" \t,]"))


def carrier(line: bytes, path: Path) -> Stripped | None:
    """A JSON object that carries one line or more at the end of `path`."""
    value = object_of(line)
    if value is None:
        return None
    found = [text.removesuffix("\n").removesuffix("\r") for text in at_path(value, path)]
    if not found:
        return None
    return utf8("\n".join(found)), _origin(value), None, None


def _origin(value: dict[str, object]) -> str:
    """Pod and container, else the host: where a store mixes several, each has records of its own."""
    names: dict[str, str] = {}
    for path, text in texts_in({key: inner for key, inner in value.items() if isinstance(inner, str | dict)}):
        if LIST not in path and len(path) <= 4 and len(text) <= 253:
            names.setdefault(path[-1], text)
            names.setdefault(".".join(path[-2:]), text)
    pod = next((names[key] for key in _POD if key in names), "")
    container = next((names[key] for key in _CONTAINER if key in names), "")
    host = names.get("host.name") or next((names[key] for key in _HOST if key in names), "")
    return "/".join(part for part in (pod, container) if part) or host


def string(line: bytes) -> Stripped | None:
    """A line as a JSON or Python string, perhaps one of a list: ``"text",``."""
    found = _compiled(rb"""[ \t\[]*("(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')[ \t]*[,\]]{0,2}[ \t]*$""").match(line)
    if not found:
        return (None, "", None, None) if _compiled(rb"[ \t]*[\[\]{}]+,?[ \t]*$").match(line) else None  # of the list itself
    text = found[1]
    if text.startswith(b"'"):
        text = b'"' + text[1:-1].replace(b"\\'", b"'").replace(b'\\"', b'"').replace(b'"', b'\\"') + b'"'
    try:
        value = json.loads(text.decode("utf-8", "surrogateescape"), strict=False)
    except ValueError:
        value = text[1:-1].decode("utf-8", "surrogateescape")
    return utf8(value.rstrip("\r\n")), "", None, None


_BAR = "│".encode()
_CORNERS = tuple(corner.encode() for corner in "┌├└╞╭╰")


def barred(line: bytes) -> bytes:
    """A line of a table, its bars those of ASCII also where the table is drawn with box characters; a rule is a ``+``."""
    text = line.strip()
    if text.startswith(_CORNERS):
        return b"+"
    return text.replace(_BAR, b"|") if text.startswith(_BAR) else text


def is_rule(line: bytes) -> bool:
    """Whether a line only divides the rows of a table."""
    text = barred(line)
    return text.startswith((b"|", b"+")) and not text.strip(b"|-+=: ")


def cell(line: bytes, column: int, columns: int = 1, title: bytes = b"") -> Stripped | None:
    """A row of a table with upright bars (markdown, ``rabbitmqadmin get``); rules and the title are only the table's.

    A text that has line breaks, as a log message does, may run on in bare lines, the cells behind it after the last.
    """
    text = barred(line)
    if is_rule(line):
        return None, "", None, None
    behind = columns - column - 1
    is_row = text.startswith(b"|")
    if behind > 0 and text.endswith(b"|") and (not is_row or text.count(b"|") == behind + 1):
        inner, *cells = line.rstrip()[:-1].rsplit(b"|", behind)
        return (inner.rstrip() or None, "", None, None) if len(cells) == behind else None
    if not is_row:
        # the first line of what was marked in a window, without its left edge
        alone = columns == 1 and text.endswith((b"|", _BAR))
        return (text.removesuffix(b"|").removesuffix(_BAR).rstrip(), "", None, None) if alone else None
    cells = text[1:-1].split(b"|") if text.endswith(b"|") else text[1:].split(b"|", column)
    if column >= len(cells):
        return None
    inner = cells[column].strip()
    return None if title and inner == title else inner, "", None, None


def task_result(line: bytes) -> Stripped | None:
    """``fatal: [host]: FAILED! => {"stderr": "text", ...}``: what a command printed, as Ansible shows it."""
    found = _compiled(_TASK_RESULT).match(line)
    if not found:
        return None
    try:
        result = json.loads(found[2].decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    said = [value for key in ("stdout", "stderr", "msg") if isinstance(value := result.get(key), str) and value.strip()]
    return (utf8("\n".join(said)), found[1].decode("utf-8", "replace"), None, None) if said else None


_TASK_RESULT = (
    rb"[ \t]*(?:fatal|failed|ok|changed|skipping): \[([^\]\s]{1,253})[^\]]*\](?:: [A-Z]+!?)?:? (?:\([^)]{0,200}\) )?"
    rb"=> (\{.+\})\s*$"
)


def escaped_breaks(line: bytes) -> Stripped | None:
    """Line breaks written out as ``\\n`` between lines of the broker; those of a JSON object are its own."""
    if b"\\n" not in line or line.lstrip().startswith(b'{"'):
        return None
    parts = line.replace(b"\\r\\n", b"\\n").split(b"\\n")
    lines = [parts[0]]
    for part in parts[1:]:
        if is_header(part):
            lines.append(part)
        else:  # inside a message the two characters are the broker's own
            lines[-1] += b"\\n" + part
    return (b"\n".join(lines), "", None, None) if len(lines) > 1 else None
