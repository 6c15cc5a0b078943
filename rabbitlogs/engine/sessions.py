"""What one connection said of itself earlier: user, virtual host, client-provided name.

The lines that introduce a connection are only put aside; they are read when a finding asks. Bounded by the number of
connections, the oldest forgotten first, so the answers do not depend on who asked before.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from rabbitlogs.parsing.recogniser import recogniser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbitlogs.framing.blocks import Framed

LIMIT = 20000  # connections remembered
KINDS = frozenset(
    {"connection.authenticated", "connection.granted", "connection.named", "connection.client_provided_name", "connection.accepted"}
)  # fmt: skip
_NOTHING: Mapping[str, Any] = {}


class Sessions:
    """Fields of connections by their process and by their client address."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, list[bytes], Framed | None]] = deque(maxlen=LIMIT)
        self._known: dict[str, dict[str, Any]] = {}

    def put_aside(self, kind: str, framed: Framed) -> None:
        """Remembers the record that introduces a connection, unread."""
        self._waiting.append((kind, [framed.block.lines[framed.index]], None))

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
        from rabbitlogs.framing.framer import Line
        from rabbitlogs.parsing.recogniser import collapse

        reader = recogniser()
        for kind, raw, _ in self._waiting:
            line = Line(raw[0])
            fields = reader.fields_of(kind, collapse(line.text))
            started = line.header.time
            keys = [key for key in (fields.get("client"), fields.get("pid"), line.header.pid) if isinstance(key, str)]
            entry = next((self._known[key] for key in keys if key in self._known), None)
            if entry is None or entry.get("_client") not in (None, fields.get("client")):
                entry = {"_client": fields.get("client"), "started": started}
            entry.update(fields)
            for key in keys:
                self._known.pop(key, None)
                self._known[key] = entry
        self._waiting.clear()
        while len(self._known) > LIMIT * 2:
            del self._known[next(iter(self._known))]

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
