"""One growing log file across its rotations: every byte once, in order, and a word where bytes were lost.

A file is known by device, inode and its first bytes; the bytes just before the place already read are compared on every
look, so a file that was emptied and filled again beyond that place is not taken for one that grew. After a rename the old
file is read to its end. After a copytruncate the rest is read from the copy. Nothing here waits or watches.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rabbitlogs.sources.names import split_rotation, strip_compression

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = 256  # first bytes that tell one log from another: about two lines with their times
TAIL = 64  # bytes before the place already read
CHUNK = 1 << 20
_LISTINGS = 20  # tries to list a folder that does not change meanwhile
LATE = 10.0  # seconds an old file is still looked at after the new one has begun
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Data:
    """The next bytes; ``late`` ones were written to the old file after the new one had begun."""

    data: bytes
    late: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """What follows stands at the beginning of another file.

    ``joins`` says that it is the same stream: a record may go on. Otherwise what is open ends here.
    """

    joins: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """Bytes between the last and the next were lost; None where their number is not known."""

    reason: str
    lost_bytes: int | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """The file cannot be read now; said once until it can."""

    text: str


Step = Data | Begin | Lost | Trouble


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
class _Open:
    """A file that is open: the one being read, or one that was renamed away."""

    path: str
    handle: int
    device: int
    inode: int
    head: bytes = b""
    offset: int = 0
    tail: bytes = b""
    size: int = 0  # as last seen
    until: float = 0.0
    blocks: Iterator[bytes] | None = None  # of a compressed one, instead of the handle
    continues: bool = False  # emptied by a copytruncate: the writer may be in the middle of a line

    def position(self) -> Position:
        return Position(self.device, self.inode, self.head, self.offset, self.tail)

    def took(self, data: bytes) -> None:
        if self.offset == 0:  # whatever stood there when the file was opened
            self.head = data[:HEAD]
        elif len(self.head) < HEAD and self.offset == len(self.head):
            self.head = (self.head + data[: HEAD - len(self.head)])[:HEAD]
        self.offset += len(data)
        self.tail = data[-TAIL:] if len(data) >= TAIL else (self.tail + data)[-TAIL:]

    def close(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1


@dataclass(slots=True)
class _Sibling:
    """A rotated part beside the log."""

    path: str
    age: tuple[int, str, int]
    identity: tuple[int, int]
    size: int


class GrowingFile:
    """Follows one path.

    Args:
        path: of the log; it need not exist yet.
        from_start: read what is there already; otherwise begin after the last whole line.
        resume: a position remembered earlier; it goes before ``from_start``.
    """

    def __init__(self, path: str, *, from_start: bool = False, resume: Position | None = None) -> None:
        self.path = path
        self.more = False  # whether read() should be called again at once
        self.start_offset = 0
        self.start_line = 1
        self._now: _Open | None = None
        self._from_start = from_start
        self._resume = resume
        self._before: Position | None = None  # the end of the file read before this one
        self._old: deque[_Open] = deque()
        self._queue: deque[_Open] = deque()  # rotated parts to read before the current file
        self._known: dict[tuple[int, int], bytes] = {}  # rotated parts: identity and first bytes
        self._heads: deque[bytes] = deque(maxlen=64)
        self._trouble = ""
        self._joins = True
        self._first = True

    @property
    def is_open(self) -> bool:
        """Whether there is a file now."""
        return self._now is not None

    def close(self) -> None:
        """Closes what is open."""
        for opened in (*self._old, *self._queue, *((self._now,) if self._now else ())):
            opened.close()
        self._old.clear()
        self._queue.clear()
        self._now = None

    def position(self, back: int) -> Position | None:
        """Where reading is; ``back`` bytes before are not part of a record yet."""
        if self._now is None:
            return self._resume
        place = self._now.position()
        if back > place.offset and self._before is not None:  # the open record began in the file before
            self._before.back = min(back - place.offset, self._before.offset)
            return self._before
        place.back = min(back, place.offset)
        return place

    def beginning(self) -> bytes:
        """The first bytes of the file, for telling its wrapper."""
        if self._now is None or self._now.handle < 0:
            return b""
        try:
            return _pread(self._now.handle, 65536, 0)
        except OSError:
            return b""

    # reading ------------------------------------------------------------------------------------------------------

    def read(self) -> list[Step]:
        """What is new, up to about a megabyte; :attr:`more` says whether there is more at once."""
        steps: list[Step] = []
        self.more = False
        self._read_late(steps)
        if self._now is None and not self._open_first(steps):
            return steps
        while self._now is not None:
            opened = self._now
            # so near to the beginning the bytes before tell little: another log begins with the same date
            begun = opened.tail if opened.offset == len(opened.tail) < TAIL and not self._queue else None
            data = self._next(opened, steps)
            if self._now is not opened:
                return steps
            if data is None:  # emptied or rewritten
                self._emptied(opened, steps)
                self.more = True
                return steps
            if data and begun is not None and opened.blocks is None and self._read_missed_first(opened, begun):
                self.more = True
                return steps
            if data:
                steps.append(Data(data))
                self.more = len(data) >= CHUNK or bool(self._queue) or opened.blocks is not None
                if self.more:
                    return steps
            if self._queue:
                self._switch(self._queue.popleft(), steps)
                self.more = True
                return steps
            if not self._is_replaced(opened, steps):
                return steps
        return steps

    def _next(self, opened: _Open, steps: list[Step]) -> bytes | None:
        """The bytes after the place already read; None when the bytes before it are not what they were."""
        if opened.blocks is not None:
            data = next(opened.blocks, b"")
            if data:
                opened.took(data)
            else:
                opened.blocks = None
            return data
        if opened.handle < 0:
            return b""
        before = len(opened.tail)
        try:
            size = os.fstat(opened.handle).st_size
            block = _pread(opened.handle, before + CHUNK, opened.offset - before)
        except OSError as error:  # a file system that went away, a stale handle
            self._say(steps, f"{self.path} could not be read: {(error.strerror or str(error)).lower()}; trying again")
            opened.close()
            self._before, self._resume, self._now = None, opened.position(), None
            return b""
        if size < opened.offset or block[:before] != opened.tail:
            return None
        opened.size = max(size, opened.offset)
        data = block[before:]
        if data and opened.offset == 0 and data.startswith(b"\0"):
            data = self._without_hole(opened, data)
        if data:
            opened.took(data)
        return data

    def _read_missed_first(self, opened: _Open, begun: bytes) -> bool:
        """Whether a file that was seen empty, or nearly, was filled, copied and emptied since: then the copy comes first."""
        parts = self._parts_missed(opened, opened, older=True)
        if not parts:
            return False
        first = parts[0]
        if first.blocks is None and begun and _pread(first.handle, len(begun), 0) == begun:
            first.offset, first.tail = len(begun), begun
        opened.offset, opened.tail, opened.head = 0, b"", b""
        opened.continues = True
        self._queue.extend([*parts[1:], opened])
        self._now = parts[0]
        return True

    @staticmethod
    def _without_hole(opened: _Open, data: bytes) -> bytes:
        """After a copytruncate a writer that does not append goes on at its old place: what is before is a hole."""
        try:
            start = os.lseek(opened.handle, 0, os.SEEK_DATA)
        except (OSError, AttributeError):
            start = 0
        if start:
            data = _pread(opened.handle, CHUNK, start)
        text = data.lstrip(b"\0")
        opened.offset = start + len(data) - len(text)
        return text

    def _read_late(self, steps: list[Step]) -> None:
        now = time.monotonic()
        while self._old and self._old[0].until < now:
            self._old.popleft().close()
        for opened in self._old:
            try:
                data = _pread(opened.handle, CHUNK, opened.offset)
            except OSError:
                continue
            if data:
                opened.took(data)
                steps.append(Data(data, late=True))

    # files that come and go -----------------------------------------------------------------------------------------

    def _open_path(self, path: str, steps: list[Step] | None = None) -> _Open | None:
        try:
            handle = os.open(path, _FLAGS)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if steps is not None:
                reason = (getattr(error, "strerror", None) or str(error)).lower()
                self._say(steps, f"{path} could not be opened: {reason}; trying again")
            return None
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            return None
        try:
            head = _pread(handle, HEAD, 0)
        except OSError:
            head = b""
        self._trouble = ""
        return _Open(path, handle, found.st_dev, found.st_ino, head, size=found.st_size)

    def _say(self, steps: list[Step], text: str) -> None:
        if text != self._trouble:
            self._trouble = text
            steps.append(Trouble(text))

    def _open_first(self, steps: list[Step]) -> bool:
        """Opens the file where it is there: at the remembered place, at its end, or at its start."""
        if self._resume is not None:
            return self._open_again(self._resume, steps)
        if self._first:
            self._note_siblings()
        opened = self._open_path(self.path, steps)
        if opened is None:
            self._from_start = True  # what appears later is new from its first byte
            self._first = False
            return False
        if not self._from_start:
            self._go_to_end(opened)
        self._first, self._from_start = False, True
        self._now = opened
        return True

    def _go_to_end(self, opened: _Open) -> None:
        """After the last whole line: a line being written now is new."""
        end, place = opened.size, opened.size
        while place > 0:
            begin = max(0, place - 65536)
            found = _pread(opened.handle, place - begin, begin).rfind(b"\n")
            if found >= 0:
                place = begin + found + 1
                break
            place = begin
        if end - place > CHUNK:  # no line that long is being written
            place = end
        opened.offset = place
        opened.tail = _pread(opened.handle, min(TAIL, place), place - min(TAIL, place))
        self.start_offset, self.start_line = place, 1 + self._count_lines(opened.handle, place)

    @staticmethod
    def _count_lines(handle: int, end: int) -> int:
        """Lines before a place, so that evidence can name its line; not of files so large that starting would be slow."""
        if end > 256 << 20:
            return 0
        lines = place = 0
        while place < end:
            block = _pread(handle, min(CHUNK, end - place), place)
            if not block:
                break
            lines += block.count(b"\n")
            place += len(block)
        return lines

    @staticmethod
    def _same_content(opened: _Open, place: Position) -> bool:
        """Whether an open file holds what was read, at least to the place: a copy of it, or itself under another name."""
        if opened.size < place.offset or not _alike(opened.head, place.head):
            return False
        before = len(place.tail)
        return _pread(opened.handle, before, place.offset - before) == place.tail

    def _open_again(self, place: Position, steps: list[Step]) -> bool:
        """Goes on at a place remembered: in the file itself, or where rotation has put it."""
        self._note_siblings()
        opened = self._open_path(self.path, steps)
        if opened is not None and self._same_content(opened, place):
            self._resume = None
            self._at(opened, place)
            self._now = opened
            return True
        parts = self._parts_since(place, opened)
        if not parts and opened is None:
            return False
        self._resume = None
        if not parts:
            steps.append(Lost("rotated", None if place.offset else 0))
            steps.append(Begin(False))
        elif opened is not None:
            self._queue.append(opened)
        if parts:
            self._now = parts[0]
            self._queue.extendleft(reversed(parts[1:]))
        else:
            self._now = opened
        return True

    def _at(self, opened: _Open, place: Position) -> None:
        start = place.offset - place.back
        opened.offset = start
        opened.tail = _pread(opened.handle, min(TAIL, start), start - min(TAIL, start))
        self.start_offset, self.start_line = start, 1 + self._count_lines(opened.handle, start)

    def _emptied(self, opened: _Open, steps: list[Step]) -> None:
        """The file was emptied under us, and perhaps filled again: the rest may stand in a copy."""
        place = opened.position()
        known_lost = max(0, opened.size - opened.offset)
        parts = self._parts_since(place, opened)
        if parts:
            known_lost = 0
        else:
            steps.append(Lost("truncated", known_lost))
        self._before = place
        self._joins = not known_lost
        opened.offset, opened.tail, opened.head = 0, b"", b""
        try:
            opened.head = _pread(opened.handle, HEAD, 0)
            opened.size = os.fstat(opened.handle).st_size
        except OSError:
            opened.size = 0
        if parts:
            opened.continues = True
            self._queue.extend(self._with_itself(parts[1:], opened))
            self._now = parts[0]
        else:
            steps.append(Begin(self._joins))
            self._joins = True
        self._heads.append(place.head)

    @staticmethod
    def _with_itself(parts: list[_Open], opened: _Open) -> list[_Open]:
        """Parts to read with the emptied file among them: last, unless it was renamed and is one of them itself."""
        for index, part in enumerate(parts):
            if (part.device, part.inode) == (opened.device, opened.inode):
                part.close()
                return [*parts[:index], opened, *parts[index + 1 :]]
        return [*parts, opened]

    def _is_replaced(self, opened: _Open, steps: list[Step]) -> bool:
        """Goes on to a new file under the path, once it holds something; until then the old one is the log."""
        try:
            found = os.stat(self.path)
        except (OSError, ValueError):
            return False
        if (found.st_dev, found.st_ino) == (opened.device, opened.inode) or not stat.S_ISREG(found.st_mode):
            return False
        if not found.st_size:
            return False
        last = self._next(opened, steps)  # written between our last look and the first line of the new file
        if last is None:
            self._emptied(opened, steps)
        elif last:
            steps.append(Data(last))
        if last is None or last:
            self.more = True
            return False
        fresh = self._open_path(self.path, steps)
        if fresh is None:
            return False
        place = opened.position()
        if place.offset and self._same_content(fresh, place):  # replaced by a copy of itself
            fresh.offset, fresh.tail = place.offset, place.tail
            opened.close()
            self._now = fresh
            self.more = True
            return False
        missed = self._parts_missed(opened, fresh)
        self._queue.extend(missed if fresh in missed else [*missed, fresh])
        self._switch(self._queue.popleft(), steps)
        self.more = True
        return False

    def _switch(self, fresh: _Open, steps: list[Step]) -> None:
        """Ends one file and begins the next."""
        opened = self._now
        if opened is not None:
            if opened.handle != fresh.handle:
                self._before = opened.position()
                self._finished(opened)
                if opened.handle >= 0 and not any(o.handle == opened.handle for o in self._queue):
                    opened.until = time.monotonic() + LATE
                    self._old.append(opened)
                    if len(self._old) > 4:
                        self._old.popleft().close()
            whole = not opened.tail or opened.tail.endswith(b"\n") or fresh.continues
            fresh.continues = False
            steps.append(Begin(whole and self._joins))
            self._joins = True
        self._now = fresh

    def _finished(self, opened: _Open) -> None:
        """Remembers a file that was read to its end, under whatever name it will be found."""
        self._heads.append(opened.head)
        if opened.blocks is None:
            self._known[opened.device, opened.inode] = opened.head

    # rotated parts ---------------------------------------------------------------------------------------------------

    def _siblings(self) -> list[_Sibling]:
        """The rotated parts of this log beside it, oldest first.

        A listing made while parts are being renamed shows one twice or not at all. It is true when the next one still
        has all of it; a part that has only come since does no harm.
        """
        before = self._listed()
        for _ in range(_LISTINGS):
            found = self._listed()
            if {(s.path, s.identity) for s in before} <= {(s.path, s.identity) for s in found}:
                break
            before = found
        return before

    def _listed(self) -> list[_Sibling]:
        folder, name = os.path.split(os.path.abspath(self.path))
        out: list[_Sibling] = []
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return out
        for entry in entries:
            if entry.name == name or not entry.name.startswith(name[:1]):
                continue
            group, age = split_rotation(entry.name)
            if group != name and not entry.name.startswith(name):
                continue
            try:
                found = entry.stat()
            except OSError:
                continue
            if not stat.S_ISREG(found.st_mode):
                continue
            if group != name and age[0] == 2:  # a.log.bak, a.log~: as old as its last change says
                continue
            out.append(_Sibling(entry.path, age, (found.st_dev, found.st_ino), found.st_size))
        out.sort(key=lambda s: (s.age, len(s.path), s.path))
        # while a part is being compressed it is there twice: the plain one is whole
        return [s for before, s in zip([None, *out], out, strict=False) if before is None or before.age != s.age]

    def _note_siblings(self, siblings: list[_Sibling] | None = None) -> None:
        """Remembers rotated parts that need not be read: what comes beside them later is new.

        Only parts that were looked at may be remembered, never a listing made later: a part can come at any moment.
        """
        for sibling in self._siblings() if siblings is None else siblings:
            self._known[sibling.identity] = _head_of(sibling.path)

    def _open_part(self, sibling: _Sibling) -> _Open | None:
        opened = self._open_path(sibling.path)
        if opened is None:
            return None
        if (opened.device, opened.inode) != sibling.identity:  # another by now; the next look will find both
            opened.close()
            return None
        if strip_compression(sibling.path) != sibling.path and not opened.head.startswith(b"20"):
            opened.blocks = _unpacked(sibling.path)
            opened.head = b""
        return opened

    def _parts_since(self, place: Position, current: _Open | None) -> list[_Open]:
        """The rotated part that holds a place, opened there, and all newer ones; empty where it is not found."""
        siblings = self._siblings()
        if current is not None:  # a copy being made of what will be read anyway; it is wanted when that is emptied
            size, head = _size_of(current), _head_now(current)
            siblings = [s for s in siblings if s.size > size or not _alike(_head_of(s.path), head)]
        for index in reversed(range(len(siblings))):
            opened = self._open_part(siblings[index])
            if opened is None:
                continue
            if opened.blocks is not None:
                blocks = _from_place(opened.blocks, place)
                if blocks is None:
                    opened.close()
                    continue
                opened.blocks, opened.head = blocks, place.head
                opened.offset, opened.tail = place.offset - place.back, b""
            elif self._same_content(opened, place):
                self._at(opened, place)
            else:
                opened.close()
                continue
            self._note_siblings(siblings[: index + 1])  # what is older was read
            out = [opened]
            for sibling in siblings[index + 1 :]:
                newer = self._open_part(sibling)
                if newer is not None and newer.blocks is None and _alike(newer.head, place.head):
                    newer.close()
                elif newer is not None:
                    self._note_siblings([sibling])
                    out.append(newer)
            return out
        return []

    def _parts_missed(self, old: _Open, fresh: _Open, *, older: bool = False) -> list[_Open]:
        """Parts that were written and rotated away between two looks: after a file, or (``older``) before it.

        Args:
            fresh: the file read next; where it has been rotated meanwhile, it stands among the parts.
        """
        out: list[_Open] = []
        siblings = self._siblings()
        there = {sibling.identity for sibling in siblings}
        self._known = {identity: head for identity, head in self._known.items() if identity in there}
        mine = next((i for i, s in enumerate(siblings) if s.identity == (old.device, old.inode)), None)
        if mine is not None:
            siblings = siblings[:mine] if older else siblings[mine + 1 :]
        for sibling in siblings:
            if sibling.identity == (fresh.device, fresh.inode):
                if fresh is not old:
                    out.append(fresh)
                continue
            if sibling.identity == (old.device, old.inode) or not sibling.size:
                continue
            known_as = self._known.get(sibling.identity)  # an inode can have been given to another file meanwhile
            if known_as is not None and _alike(known_as, _head_of(sibling.path)):
                continue
            opened = self._open_part(sibling)
            if opened is None:
                continue
            head, size = opened.head, opened.size
            if opened.blocks is not None:
                first = next(opened.blocks, b"")
                head, size = first[:HEAD], len(first)
                opened.blocks = _chained(first, opened.blocks)
            # a copy is not longer than what it was made of; it is wanted when that is emptied, so it is not known yet
            if any(size <= _size_of(whole) and _alike(head, _head_now(whole)) for whole in (old, fresh)):
                opened.close()
                continue
            self._note_siblings([sibling])
            if any(_is_beginning(head, known) for known in self._heads):
                opened.close()
                continue
            out.append(opened)
        return out


def _size_of(opened: _Open) -> int:
    """The size of an open file now."""
    try:
        return os.fstat(opened.handle).st_size if opened.handle >= 0 else opened.size
    except OSError:
        return opened.size


def _head_now(opened: _Open) -> bytes:
    """The first bytes of an open file now."""
    if opened.handle < 0 or opened.blocks is not None:
        return opened.head
    try:
        return _pread(opened.handle, HEAD, 0)
    except OSError:
        return opened.head


def _pread(handle: int, size: int, offset: int) -> bytes:
    """Bytes at a place of an open file."""
    if hasattr(os, "pread"):
        return os.pread(handle, size, offset)
    os.lseek(handle, offset, os.SEEK_SET)
    return os.read(handle, size)


def _head_of(path: str) -> bytes:
    """The first bytes of a file as they are; empty where it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _alike(one: bytes, other: bytes) -> bool:
    """Whether two files begin alike, as far as both go; files without a byte are like nothing."""
    size = min(len(one), len(other))
    return size > 0 and one[:size] == other[:size]


def _is_beginning(head: bytes, known: bytes) -> bool:
    """Whether the first bytes of a file are those of a log that was read to its end."""
    return head == known or (len(known) >= TAIL and head.startswith(known))


def _unpacked(path: str) -> Iterator[bytes]:
    """A compressed part, unpacked; empty where it cannot be."""
    from rabbitlogs.sources import open_sources

    for source in open_sources([path]).sources:
        yield from source.blocks()


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _from_place(blocks: Iterator[bytes], place: Position) -> Iterator[bytes] | None:
    """A stream from a place on; None where it does not hold what was read up to it."""
    done = 0
    recent = b""
    start = place.offset - place.back
    keep = max(TAIL, place.back + TAIL)
    for block in blocks:
        if not done and not _alike(block[:HEAD], place.head):
            return None
        joined = recent + block
        base = done - len(recent)
        done += len(block)
        if done >= place.offset:
            if joined[max(0, place.offset - base - len(place.tail)) : place.offset - base] != place.tail:
                return None
            return _chained(joined[start - base :], blocks)
        recent = joined[-keep:]
    return None
