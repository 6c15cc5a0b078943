"""RabbitMQ's JSON lines: one object a record, with default or renamed and dropped fields (``log.*.formatter.json.field_map``).

The keys are told by what they hold, so a renamed ``msg`` or ``time`` needs no configuration.
"""

from __future__ import annotations

import json
from typing import Any

from rabbitlogs.framing.headers import JSON, Header
from rabbitlogs.framing.levels import NONE, level_of
from rabbitlogs.framing.times import to_iso
from rabbitlogs.lazy import expression

_MESSAGE_KEYS = ("msg", "message", "m", "text", "body", "event", "log")
_PID = expression(r"<\d+\.\d+\.\d+>\Z")
_OBJECT = expression(rb'\{\s*"[^"]{1,64}"\s*:')


def parse_json_line(line: bytes) -> tuple[Header, str, dict[str, Any]] | None:
    """Header, message and the remaining fields of a JSON record, or None where the line is no such record.

    Text glued before the object (the start banner's last line) is passed over.
    """
    found = _OBJECT.search(line[:4096])
    if found is None:
        return None
    try:
        value = json.loads(line[found.start() :].decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return _record(value) if isinstance(value, dict) else None


def _record(value: dict[str, Any]) -> tuple[Header, str, dict[str, Any]] | None:
    rest = dict(value)
    level_key: str | None = next((k for k in ("level", "severity", "lvl") if k in rest), None)
    if level_key is None or level_of(str(rest[level_key])) == NONE:
        level_key = next((k for k, v in rest.items() if isinstance(v, str) and level_of(v) != NONE), None)
    message_key = next((k for k in _MESSAGE_KEYS if isinstance(rest.get(k), str)), None)
    time_key: str | None = next((k for k in ("time", "ts", "timestamp", "t", "@timestamp") if k in rest), None)
    if time_key is None:
        time_key = next((k for k, v in rest.items() if k != message_key and _time(v) is not None), None)
    pid_key = next((k for k in ("pid",) if k in rest), None)
    if pid_key is None:
        pid_key = next((k for k, v in rest.items() if k != "gl" and isinstance(v, str) and _PID.match(v)), None)
    if message_key is None:
        taken = {level_key, time_key, pid_key}
        texts = [
            k for k, v in rest.items() if isinstance(v, str) and k not in taken and k not in ("domain", "file", "gl", "node")
        ]
        message_key = max(texts, key=lambda k: len(rest[k]), default=None)
    if message_key is None or (level_key is None and time_key is None and message_key not in _MESSAGE_KEYS[:2]):
        return None
    level = level_of(str(rest.pop(level_key))) if level_key else NONE
    message = str(rest.pop(message_key))
    time = _text(rest.pop(time_key)) if time_key else None
    pid = rest.pop(pid_key) if pid_key else None
    if pid is None and isinstance(rest.get("error"), str):  # an operator's or client's log: Go keeps the error apart
        message = f"{message}: {rest['error']}"
    return Header(JSON, time, level, pid if isinstance(pid, str) else None, 0, 0), message, rest


def _text(value: Any) -> str:
    return str(value)


def _time(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return to_iso(str(value))
