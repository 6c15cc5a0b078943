"""The rotated parts beside a log, and telling by content which of them hold what was read.

Rotation renames, copies, compresses and removes, so neither a name nor an inode says for long which bytes are behind it.
A part is known by its first bytes and by the bytes just before the place that was read in it, wherever they stand now.
Nothing here remembers what was read; that is :mod:`rabbitlogs.follow.files`.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rabbitlogs.sources.names import split_rotation, strip_compression
from rabbitlogs.sources.streams import BLOCK, Limits, packing, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = 256  # first bytes that tell one log from another: about two lines with their times
TAIL = 64  # bytes before the place already read; fewer first bytes than these are no proof
_LISTINGS = 20  # tries to list a folder that does not change meanwhile
_PEEK = 4096  # packed bytes unpacked at a time when only the first bytes are wanted
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)

Identity = tuple[int, int]  # device, inode


class MovedError(Exception):
    """A part was not where the listing showed it: the folder has to be looked at again."""


@dataclass(slots=True)
class Position:
    """Where reading is: which file, how far, and how many of the bytes before are not part of a record yet."""

    device: int
    inode: int
    head: bytes
    offset: int
    tail: bytes
    line: int = 1
    back: int = 0

    @property
    def identity(self) -> Identity:
        return self.device, self.inode

    def to_dict(self) -> dict[str, Any]:
        return {
            "device": self.device, "inode": self.inode, "head": self.head.hex(), "offset": self.offset,
            "tail": self.tail.hex(), "line": self.line, "back": self.back,
        }  # fmt: skip

    @classmethod
    def of(cls, raw: Any) -> Position | None:
        """A position read from a state file; None where it is none."""
        try:
            return cls(
                int(raw["device"]), int(raw["inode"]), bytes.fromhex(raw["head"]), max(0, int(raw["offset"])),
                bytes.fromhex(raw["tail"]), int(raw["line"]), max(0, int(raw["back"])),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(slots=True)
class Opened:
    """A file that is open, and how far it was read."""

    path: str
    handle: int
    identity: Identity
    head: bytes = b""  # of what was read
    offset: int = 0
    tail: bytes = b""
    size: int = 0  # as last seen
    until: float = 0.0
    blocks: Iterator[bytes] | None = None  # of a packed one: read these instead of the handle
    is_part: bool = False  # opened as a rotated part: nobody empties it
    problems: list[str] = field(default_factory=list)  # what unpacking says

    def position(self) -> Position:
        return Position(*self.identity, self.head, self.offset, self.tail)

    def took(self, data: bytes) -> None:
        """These bytes were read."""
        if self.offset == 0:
            self.head = data[:HEAD]
        elif self.offset == len(self.head) < HEAD:
            self.head = (self.head + data[: HEAD - len(self.head)])[:HEAD]
        self.offset += len(data)
        self.tail = data[-TAIL:] if len(data) >= TAIL else (self.tail + data)[-TAIL:]

    def go_to(self, offset: int) -> None:
        """As if everything before a place had been read."""
        before = min(TAIL, offset)
        self.head = pread(self.handle, min(HEAD, offset), 0)
        self.tail = pread(self.handle, before, offset - before)
        self.offset = offset

    def holds(self, place: Position) -> bool:
        """Whether it has the bytes that were read up to a place: itself under another name, or a copy."""
        if self.size < place.offset or not alike(pread(self.handle, HEAD, 0), place.head):
            return False
        before = len(place.tail)
        return pread(self.handle, before, place.offset - before) == place.tail

    def close(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1


@dataclass(frozen=True, slots=True)
class Part:
    """A rotated part as the folder's listing shows it."""

    path: str
    age: tuple[int, str, int]
    identity: Identity
    size: int

    @property
    def is_packed(self) -> bool:
        """Whether its name says that it is compressed."""
        return strip_compression(self.path) != self.path


class Parts:
    """The rotated parts of one log.

    Every method but :meth:`listed` takes a part of the newest listing.

    Raises:
        MovedError: The part is no longer there as it was, or the folder does not stop changing. Look again.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._folder, self._name = os.path.split(self._path)

    def listed(self) -> list[Part]:
        """The parts, oldest first, empty ones among them.

        A listing made while parts are being renamed shows one twice or not at all; two alike are true.
        """
        before = self._list()
        for _ in range(_LISTINGS):
            found = self._list()
            if [(p.path, p.identity) for p in found] == [(p.path, p.identity) for p in before]:
                break
            before = found
        else:
            raise MovedError
        # while a part is being compressed it is there twice: the plain one, which sorts first, is whole
        plain = {part.path for part in found if not part.is_packed}
        return [p for p in found if not (p.is_packed and strip_compression(p.path) in plain)]

    def _list(self) -> list[Part]:
        out: list[Part] = []
        try:
            entries = list(os.scandir(self._folder))
        except OSError:
            return out
        for entry in entries:
            if entry.name == self._name or not entry.name.startswith(self._name[:1]):
                continue
            group, age = split_rotation(entry.name)
            if group != self._name and (age[0] == 2 or not entry.name.startswith(self._name)):
                continue  # another log, or a.log.bak and a.log~, of which nobody knows the age
            try:
                found = entry.stat()
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                out.append(Part(entry.path, age, (found.st_dev, found.st_ino), found.st_size))
        out.sort(key=lambda part: (part.age, len(part.path), part.path))
        return out

    def head(self, part: Part) -> bytes:
        """The first bytes of a part, unpacked; empty where it is empty or cannot be read."""
        return self._first_bytes(part) or b""

    def end_of(self, part: Part) -> Position:
        """A place by which a part that was read, or need not be, is known again."""
        return Position(*part.identity, self.head(part), 0, b"")

    def is_empty(self, part: Part) -> bool:
        """Whether there is nothing in a part; of one that cannot be read nobody knows."""
        return self._first_bytes(part) == b""

    def _first_bytes(self, part: Part) -> bytes | None:
        """Read anew every time: an inode is given away with the size and, within a tick of the clock, the time it had."""
        if not part.size:
            return b""
        opened = self.open(part, _PEEK)
        if opened is None:
            return None
        try:
            if opened.blocks is None:
                return pread(opened.handle, HEAD, 0)
            head = b""
            while len(head) < HEAD and (block := next(opened.blocks, b"")):
                head += block
            return head[:HEAD] or (None if opened.problems else b"")
        except OSError:
            return None
        finally:
            opened.close()

    def open(self, part: Part, block: int = BLOCK) -> Opened | None:
        """Opens a part; None where that is not allowed."""
        try:
            opened = open_file(part.path)
        except FileNotFoundError as error:
            raise MovedError from error
        except OSError:
            return None
        if opened is None:
            return None
        if opened.identity != part.identity or self._is_being_packed(part):
            opened.close()
            raise MovedError
        opened.is_part = True
        kind = packing(pread(opened.handle, 512, 0)) if part.is_packed else None
        if kind in ("gzip", "xz", "bzip2", "zstd"):
            opened.blocks = unpack(kind, _blocks(opened.handle, block), Limits(), opened.problems.append)
        return opened

    def _is_being_packed(self, part: Part) -> bool:
        """Whether the plain twin of a packed part is still there; it goes when all of it is packed."""
        plain = strip_compression(part.path)
        return part.is_packed and plain != self._path and os.path.isfile(plain)

    def open_at(self, part: Part, place: Position) -> tuple[Opened, int] | None:
        """Opens a part at a place read before (less the bytes read for nothing), and says in which line that is.

        None where the part does not hold what was read up to the place.
        """
        if not alike(self.head(part), place.head):
            return None
        opened = self.open(part)
        if opened is None:
            return None
        start = place.offset - place.back
        if opened.blocks is None:
            if opened.holds(place):
                opened.go_to(start)
                return opened, 1 + count_lines(opened.handle, start)
        elif (found := _from_place(opened.blocks, place)) is not None:
            opened.blocks, line = found
            opened.head, opened.offset, opened.tail = place.head, start, b"" if place.back else place.tail
            return opened, line
        opened.close()
        return None

    def was_read(self, part: Part, places: list[Position]) -> bool:
        """Whether what was read up to one of some places is this part, or this part a copy of its beginning."""
        head = self.head(part)
        return any(self._was_read(part, head, place) for place in places)

    def _was_read(self, part: Part, head: bytes, place: Position) -> bool:
        if not head or not place.head:  # nobody can tell what is in it
            return head == place.head and part.identity == place.identity
        if head != place.head and not self._is_start(part, head, place):
            return False
        if part.is_packed or part.size < place.offset or not place.tail:
            return True
        opened = self.open(part)
        if opened is None:
            return False
        held = opened.holds(place)
        opened.close()
        return held

    @staticmethod
    def _is_start(part: Part, head: bytes, place: Position) -> bool:
        """Whether one begins as the other, with enough bytes to tell by."""
        return alike(head, place.head) and (min(len(head), len(place.head)) >= TAIL or part.identity == place.identity)

    def is_copy(self, part: Part, log: Opened) -> bool:
        """Whether a part is a copy of the log, whole or being made; it is wanted only when the log is emptied."""
        head = self.head(part)
        return (part.is_packed or part.size <= size_of(log)) and alike(head, pread(log.handle, HEAD, 0))


def open_file(path: str) -> Opened | None:
    """Opens a file; None where it is no regular one.

    Raises:
        OSError: It is not there, or may not be read.
    """
    handle = os.open(path, _FLAGS)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        return None
    return Opened(path, handle, (found.st_dev, found.st_ino), size=found.st_size)


def identity_of(path: str) -> Identity | None:
    """Device and inode of a file; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def size_of(opened: Opened) -> int:
    """The size of an open file now."""
    try:
        return os.fstat(opened.handle).st_size
    except OSError:
        return opened.size


def pread(handle: int, size: int, offset: int) -> bytes:
    """Bytes at a place of an open file."""
    if hasattr(os, "pread"):
        return os.pread(handle, size, offset)
    os.lseek(handle, offset, os.SEEK_SET)
    return os.read(handle, size)


def alike(one: bytes, other: bytes) -> bool:
    """Whether two files begin alike, as far as both go; files without a byte are like nothing."""
    size = min(len(one), len(other))
    return size > 0 and one[:size] == other[:size]


def count_lines(handle: int, end: int) -> int:
    """Lines before a place, so that evidence can name its line; not of files so large that starting would be slow."""
    if end > 256 << 20:
        return 0
    lines = place = 0
    while place < end:
        block = pread(handle, min(1 << 20, end - place), place)
        if not block:
            break
        lines += block.count(b"\n")
        place += len(block)
    return lines


def _blocks(handle: int, size: int) -> Iterator[bytes]:
    """A file's bytes from its beginning; what reads it may seek meanwhile."""
    place = 0
    while block := pread(handle, size, place):
        yield block
        place += len(block)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _from_place(blocks: Iterator[bytes], place: Position) -> tuple[Iterator[bytes], int] | None:
    """A stream from a place on, and the line that is in; None where it does not hold what was read up to it."""
    done, line = 0, 1
    recent = b""
    start = place.offset - place.back
    keep = place.back + TAIL
    for block in blocks:
        joined = recent + block
        base = done - len(recent)
        line += block.count(b"\n")
        done += len(block)
        if done >= place.offset:
            if joined[max(0, place.offset - base - len(place.tail)) : place.offset - base] != place.tail:
                return None
            rest = joined[start - base :]
            return _chained(rest, blocks), line - rest.count(b"\n")
        recent = joined[-keep:]
    return None
