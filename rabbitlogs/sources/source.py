"""The two things that opening gives: a :class:`Source` for each log, and :class:`Sources`, all of them with what was left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .streams import BLOCK, Blocks, Note, regroup, to_utf8

Opener = Callable[[int, Note], Blocks]  # block size, where to say what went wrong → the bytes from the beginning


class Source:
    """One log: a named stream of bytes that can be read again and again (standard input and pipes: once).

    Reading never raises. What went wrong on the way stands in :attr:`notes` when the stream has ended.
    """

    __slots__ = ("_codec", "_open", "group", "name", "notes", "path", "size")

    def __init__(
        self,
        name: str,
        open_blocks: Opener,
        *,
        path: str | None = None,
        size: int | None = None,
        group: str = "",
        codec: str | None = None,
    ) -> None:
        self.name = name
        """What the reader of a report sees: ``rabbit@a.log``, ``bundle.tar.gz!node1/rabbit@a.log``, ``-``."""
        self.path = path
        """The file, if its bytes are the log's bytes and it can be read at any place; else None."""
        self.size = size
        """Bytes in the stream, where that is known without reading it."""
        self.group = group or name
        """The log that this is a part of: rotated files of one log share it."""
        self.notes: list[str] = []
        """Sentences without a subject: "stopped after ...: the limit is ...", "the gzip data ended early ..."."""
        self._open = open_blocks
        self._codec = codec

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """The log from its beginning, unpacked, UTF-16 turned to UTF-8, in blocks of about `size` bytes."""
        blocks = self._open(size, self._note)
        if self._codec:
            blocks = to_utf8(blocks, self._codec)
        # A plain file already comes in blocks of that size, and a pipe has to be passed on as it comes.
        return blocks if self.path or self.is_live else regroup(blocks, size)

    @property
    def is_live(self) -> bool:
        """Whether more may come at any time and what was read is gone: standard input, a pipe."""
        return isinstance(self._open, OneShot)

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def __repr__(self) -> str:
        return f"Source({self.name!r})"


class Problem(NamedTuple):
    """Something given that could not be read as a log."""

    name: str
    sentence: str  # what, where, what to try; complete, with the name in it
    kind: str  # missing, unreadable, empty, binary, no_logs, damaged, limit


@dataclass(slots=True)
class Sources:
    """What opening found: the logs in reading order, the files left out, and what went wrong."""

    sources: list[Source] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # name, reason
    problems: list[Problem] = field(default_factory=list)

    def __iter__(self) -> Iterator[Source]:
        return iter(self.sources)

    def __len__(self) -> int:
        return len(self.sources)


class OneShot:
    """A stream that cannot be read twice. Its beginning is kept until :meth:`release`, so that it can be looked at first."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._kept: list[bytes] | None = []
        self._spent = False

    def __call__(self, size: int, note: Note) -> Blocks:
        if self._spent:
            note("can be read only once, and was")
            return
        at = 0
        while True:
            if self._kept is not None and at < len(self._kept):
                block = self._kept[at]
            else:
                if self._kept is None:
                    self._spent = True
                try:
                    block = self._read(size)
                except (OSError, ValueError) as error:
                    note(f"reading stopped: {error}")
                    return
                if not block:
                    return
                if self._kept is not None:
                    self._kept.append(block)
            at += 1
            yield block

    def peek(self, note: Note) -> bytes:
        """The first line, or enough bytes to know what it is: not more, as more may be a long time coming."""
        head = b""
        for block in self(65536, note):
            head += block
            if b"\n" in head or len(head) >= 512:
                break
        return head

    def release(self) -> None:
        """From now on what is read is forgotten: the next reading is the last."""
        kept, self._kept = self._kept or [], None
        source = self._read

        def read(size: int) -> bytes:
            return kept.pop(0) if kept else source(size)

        self._read = read
