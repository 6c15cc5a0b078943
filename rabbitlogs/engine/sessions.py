"""What one connection said of itself earlier: user, virtual host, client-provided name.

The lines that introduce a connection are only put aside; they are read when a finding asks. Bounded by the number of
connections, the oldest forgotten first, so the answers do not depend on who asked before.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.state import iso
from rabbitlogs.framing.framer import Line
from rabbitlogs.framing.times import to_seconds
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.recogniser import collapse, recogniser

if TYPE_CHECKING:
    from collections.abc import Mapping


LIMIT = 20000  # connections remembered
CLOSINGS = 2000  # ends of connections remembered
_BLOCKS = 8  # blocks of lines that are held unread
CLOSED = "connection.closed"
NAMED = "connection.named"
KINDS = frozenset({"connection.authenticated", NAMED})
Where = list[int] | tuple[str, str]  # lines of a block; or the block's text, and the character that stands for them
_TOGETHER = 512  # connections that are filed in one dict at least
_NOTHING: Mapping[str, Any] = {}
_CLIENT = expression(rb"\(([^ ]+) -> ")
_SAMPLE = 400  # ended connections that are read


class Sessions:
    """Fields of connections by their client address."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, list[bytes], Where, int]] = deque()
        # of each block: kind, the lines by client, how many. Small dicts: one large one costs many times more to fill.
        self._filed: deque[tuple[str, dict[bytes, bytes], int]] = deque()
        self._count = 0
        self._kinds: set[str] = set()
        self._closing: deque[tuple[list[bytes], list[Where], int]] = deque()  # of each block: lines, where among them, how many
        self._closings = 0
        self._closed: list[bytes] = []

    def __getstate__(self) -> dict[str, Any]:
        """To be moved to another process, tens of thousands of lines are few long texts."""
        state = self.__dict__.copy()
        state["_filed"] = [(kind, b"\n".join(lines), b"\n".join(lines.values()), n) for kind, lines, n in self._filed]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        filed = [
            (kind, dict(zip(clients.split(b"\n"), lines.split(b"\n"), strict=True)), n)
            for kind, clients, lines, n in state["_filed"]
        ]
        self.__dict__.update(state, _filed=deque(filed))

    def put_aside(self, kind: str, lines: list[bytes], where: Where, number: int) -> None:
        """Remembers the lines that introduce connections, unread: a block's lines and where among them."""
        self._waiting.append((kind, lines, where, number))
        self._kinds.add(kind)
        self._count += number
        self._trim()
        if len(self._waiting) >= _BLOCKS:  # each holds a whole block
            self._settle_waiting()

    def put_closing(self, lines: list[bytes], where: Where, number: int) -> None:
        """Remembers the lines that end connections in order, unread; the last ones are kept."""
        wheres: list[Where] = [where]
        if self._closing and self._closing[-1][0] is lines:
            _, known, count = self._closing.pop()
            wheres, number = [*known, where], count + number
            self._closings -= count
        elif len(self._closing) >= _BLOCKS:
            self._settle_closings()
        self._closing.append((lines, wheres, number))
        self._closings += number
        while self._closings - self._closing[0][2] >= CLOSINGS:
            self._closings -= self._closing.popleft()[2]

    def _settle_closings(self) -> None:
        for lines, wheres, _ in self._closing:
            self._closed += [lines[at] for at in sorted([at for where in wheres for at in _places(where)])]
        self._closing.clear()
        self._closings = 0
        del self._closed[:-CLOSINGS]

    def closed(self) -> list[dict[str, Any]]:
        """What is known of connections that ended in order, the last ones: user, client, name, seconds they were open."""
        self._settle_closings()
        lines = [Line(raw) for raw in self._closed[:: max(1, len(self._closed) // _SAMPLE)]]
        out: list[dict[str, Any]] = [dict(recogniser().fields_of(CLOSED, collapse(line.text))) for line in lines]
        introduced = self.of_all([str(fields.get("client")).encode() for fields in out])
        for line, fields, known in zip(lines, out, introduced, strict=True):
            begun = known.get("started")
            start, end = to_seconds(iso(begun) if isinstance(begun, str) else None), to_seconds(iso(line.header.time))
            if start is not None and end is not None and end >= start:
                fields["seconds"] = end - start
            for name in ("user", "connection_name"):
                if fields.get(name) is None:
                    fields[name] = known.get(name)
        return out

    def _trim(self) -> None:
        """Forgets the oldest connections."""
        while self._filed and self._count - self._filed[0][2] >= LIMIT:
            self._count -= self._filed.popleft()[2]
        while not self._filed and self._waiting and self._count - self._waiting[0][3] >= LIMIT:
            self._count -= self._waiting.popleft()[3]

    def of(self, client: str | None) -> Mapping[str, Any]:
        """What is known of the connection with this client address."""
        return self.of_all([client.encode()])[0] if client else _NOTHING

    def of_all(self, clients: list[bytes]) -> list[Mapping[str, Any]]:
        """What is known of the connections with these client addresses."""
        if self._waiting:
            self._settle_waiting()
        open_ = set(clients)
        found: dict[bytes, list[tuple[str, bytes]]] = {}
        for kind, lines, _ in reversed(self._filed):  # the latest line of each kind first
            for client in lines.keys() & open_:
                mine = found.setdefault(client, [])
                if kind not in [known for known, _ in mine]:
                    mine.append((kind, lines[client]))
                    if len(mine) == len(self._kinds):
                        open_.discard(client)
            if not open_:
                break
        if not found:
            return [_NOTHING] * len(clients)
        read = {client: self._introduce(lines) for client, lines in found.items()}
        return [read.get(client, _NOTHING) for client in clients]

    def settle(self) -> None:
        """Lets go of blocks: takes out of them the lines that were put aside."""
        self._settle_waiting()
        self._settle_closings()

    def _settle_waiting(self) -> None:
        """Files what was put aside under its client address; the lines themselves stay unread until asked for."""
        for kind, lines, where, number in self._waiting:
            chosen = _chosen(lines, where)
            self._file(kind, dict(zip(_clients(chosen), chosen, strict=True)), number)
        self._waiting.clear()
        self._trim()

    def _file(self, kind: str, lines: dict[bytes, bytes], number: int) -> None:
        """Files lines by client: with the last ones of their kind, as long as those are few."""
        for back in range(1, min(len(self._filed), len(self._kinds)) + 1):
            known, before, count = self._filed[-back]
            if known == kind:
                if count < _TOGETHER:
                    before.update(lines)
                    self._filed[-back] = kind, before, count + number
                    return
                break
        self._filed.append((kind, lines, number))

    @staticmethod
    def _introduce(lines: list[tuple[str, bytes]]) -> Mapping[str, Any]:
        """Reads the lines that introduce a connection, the latest first; earlier ones may be of another connection."""
        fields: dict[str, Any] = {}
        pid: str | None = None
        times: list[str] = []
        for number, (kind, raw) in enumerate(lines):
            line = Line(raw)
            if number and line.header.pid != pid:
                break
            pid = line.header.pid
            fields = {**recogniser().fields_of(kind, collapse(line.text)), **fields}
            if line.header.time is not None:
                times.append(line.header.time)
        return {"started": min(times), **fields} if times else fields  # in which order a block's kinds are filed is chance

    def merge(self, later: Sessions) -> None:
        """Takes over what a later part of the log says."""
        self.settle()
        later.settle()
        self._filed.extend(later._filed)
        self._kinds |= later._kinds
        self._count += later._count
        self._closed = [*self._closed, *later._closed][-CLOSINGS:]
        self._trim()


def _places(where: Where) -> list[int]:
    return where if isinstance(where, list) else [found.start() for found in re.finditer(where[1], where[0])]


def _chosen(lines: list[bytes], where: Where) -> list[bytes]:
    return [lines[at] for at in _places(where)]


def _clients(lines: list[bytes]) -> list[bytes]:
    """The client addresses of lines that introduce connections: what stands before the arrow."""
    found: list[bytes] = _CLIENT.findall(b"\n".join(lines))
    if len(found) == len(lines):
        return found
    return [line.partition(b" -> ")[0].rpartition(b" ")[2].lstrip(b'("') for line in lines]  # one has none, or two
