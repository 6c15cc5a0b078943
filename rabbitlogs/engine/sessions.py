"""What one connection said of itself earlier: user, virtual host, client-provided name.

The lines that introduce a connection are only put aside; they are read when a finding asks. Bounded by the number of
connections, the oldest forgotten first, so the answers do not depend on who asked before.
"""

from __future__ import annotations

import re
from collections import deque
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from rabbitlogs.framing.framer import Line
from rabbitlogs.parsing.recogniser import collapse, recogniser

if TYPE_CHECKING:
    from collections.abc import Mapping


LIMIT = 20000  # connections remembered
NAMED = "connection.named"
KINDS = frozenset({"connection.authenticated", NAMED})
Known = tuple[str, bytes, Any]  # kind, line, and what an earlier line of the connection said
_NOTHING: Mapping[str, Any] = {}


class Sessions:
    """Fields of connections by their client address."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, list[bytes], list[int] | tuple[str, str], int]] = deque()
        self._count = 0
        self._named = False  # whether connections give names: then a connection has two lines
        self._known: dict[bytes, dict[str, Any] | Known] = {}

    def put_aside(self, kind: str, lines: list[bytes], where: list[int] | tuple[str, str], number: int) -> None:
        """Remembers the lines that introduce connections, unread: a block's lines and where among them."""
        self._waiting.append((kind, lines, where, number))
        self._count += number
        while self._count - self._waiting[0][3] >= LIMIT:
            self._count -= self._waiting.popleft()[3]

    def of(self, *keys: str | None) -> Mapping[str, Any]:
        """What is known of the connection with one of these client addresses."""
        if self._waiting:
            self.settle()
        for key in keys:
            found = self._known.get(key.encode()) if key else None
            if found is not None:
                return found if isinstance(found, dict) else self._introduce(found)
        return _NOTHING

    def settle(self) -> None:
        """Files what was put aside under its client address; the lines themselves stay unread until asked for."""
        for kind, lines, where, _ in self._waiting:
            indexes = where if isinstance(where, list) else [m.start() for m in re.finditer(where[1], where[0])]
            chosen = [lines[index] for index in indexes]
            clients = _clients(chosen)
            if kind != NAMED and not self._named:
                self._known.update(zip(clients, zip(repeat(kind), chosen, repeat(None)), strict=True))
                continue
            self._named = True
            for client, line in zip(clients, chosen, strict=True):
                before = self._known.pop(client, None)
                self._known[client] = (kind, line, before if kind == NAMED or isinstance(before, tuple) else None)
        self._waiting.clear()
        self._count = 0
        self._trim()

    def _trim(self) -> None:
        """Forgets the oldest connections, many at a time: removing the first of a dict again and again is slow."""
        if len(self._known) > LIMIT * 3:
            for key in list(islice(self._known, len(self._known) - LIMIT * 2)):
                del self._known[key]

    def _introduce(self, found: Known) -> dict[str, Any]:
        """Reads the lines of one connection, the earlier one first, and remembers what they say."""
        kind, raw, earlier = found
        fields: dict[str, Any] = {}
        if earlier is not None:
            fields.update(earlier if isinstance(earlier, dict) else self._introduce(earlier))
        line = Line(raw)
        fields.update(recogniser().fields_of(kind, collapse(line.text)))
        fields.setdefault("started", line.header.time)
        if isinstance(fields.get("client"), str):
            self._known[fields["client"].encode()] = fields
        return fields

    def merge(self, later: Sessions) -> None:
        """Takes over what a later part of the log says."""
        self.settle()
        later.settle()
        for key, entry in later._known.items():
            self._known.pop(key, None)
            self._known[key] = entry
        self._trim()


def _clients(lines: list[bytes]) -> list[bytes]:
    """The client addresses of lines that introduce connections: what stands before the arrow."""
    pieces = b"\n".join(lines).split(b" -> ")
    if len(pieces) != len(lines) + 1:  # a line without an arrow, or with two
        return [line.partition(b" -> ")[0].rpartition(b" ")[2].lstrip(b'("') for line in lines]
    del pieces[-1]
    return [piece[piece.rfind(b" ") + 1 :].lstrip(b'("') for piece in pieces]
