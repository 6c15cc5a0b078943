"""What one connection said of itself earlier: user, virtual host, client-provided name.

The lines that introduce a connection are only put aside; they are read when a finding asks. Bounded by the number of
connections, the oldest forgotten first, so the answers do not depend on who asked before.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

from rabbitlogs.framing.framer import Line
from rabbitlogs.parsing.recogniser import Recogniser, collapse, recogniser

if TYPE_CHECKING:
    from collections.abc import Mapping


LIMIT = 20000  # connections remembered
KINDS = frozenset({"connection.authenticated", "connection.named"})
_NOTHING: Mapping[str, Any] = {}


class Sessions:
    """Fields of connections by their process and by their client address."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, list[bytes], list[int] | tuple[str, str], int]] = deque()
        self._count = 0
        self._known: dict[str, dict[str, Any]] = {}

    def put_aside(self, kind: str, lines: list[bytes], where: list[int] | tuple[str, str], number: int) -> None:
        """Remembers the lines that introduce connections, unread: a block's lines and where among them."""
        self._waiting.append((kind, lines, where, number))
        self._count += number
        while self._count - self._waiting[0][3] >= LIMIT:
            self._count -= self._waiting.popleft()[3]

    def of(self, *keys: str | None) -> Mapping[str, Any]:
        """What is known of the connection with one of these processes or client addresses."""
        if self._waiting:
            self._read()
        for key in keys:
            found = self._known.get(key) if key else None
            if found is not None:
                return found
        return _NOTHING

    def _read(self) -> None:
        reader = recogniser()
        for kind, lines, where, _ in self._waiting:
            indexes = where if isinstance(where, list) else [m.start() for m in re.finditer(where[1], where[0])]
            for index in indexes:
                self._introduce(reader, kind, lines[index])
        self._waiting.clear()
        self._count = 0
        while len(self._known) > LIMIT * 2:
            del self._known[next(iter(self._known))]

    def _introduce(self, reader: Recogniser, kind: str, raw: bytes) -> None:
        line = Line(raw)
        fields = reader.fields_of(kind, collapse(line.text))
        keys = [key for key in (fields.get("client"), fields.get("pid"), line.header.pid) if isinstance(key, str)]
        entry = next((self._known[key] for key in keys if key in self._known), None)
        if entry is None or entry.get("client") not in (None, fields.get("client")):
            entry = {"started": line.header.time}
        entry.update(fields)
        for key in keys:
            self._known.pop(key, None)
            self._known[key] = entry

    def settle(self) -> None:
        """Reads what was put aside; what is left is plain data."""
        self._read()

    def merge(self, later: Sessions) -> None:
        """Takes over what a later part of the log says."""
        self._read()
        later._read()
        for key, entry in later._known.items():
            self._known.pop(key, None)
            self._known[key] = entry
        while len(self._known) > LIMIT * 2:
            del self._known[next(iter(self._known))]
