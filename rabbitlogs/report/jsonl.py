"""One event as one line of JSON, for ``parse``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rabbitlogs.model import Event

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str).encode


def event_line(event: Event) -> bytes:
    """The line of an event, with its line feed."""
    record = event.record
    row = {
        "source": record.source, "line": record.line, "offset": record.offset, "length": record.length,
        "time": record.stamp, "level": record.level, "pid": record.pid, "node": record.node,
        "category": record.category, "kind": event.kind, "fields": event.fields, "terms": event.terms, "rest": event.rest,
        "message": record.message,
    }  # fmt: skip
    return _encode(row).encode() + b"\n"
