"""One growing log file across its rotations: every byte once, in order, and a word where bytes were lost.

A log and its rotated parts are one chain, oldest first. Where reading is in that chain is known by content (see
:mod:`rabbitlogs.follow.parts`), and the chain is listed anew for every decision, so no decision grows old:

- A file is read on while its first bytes and those before the place read so far are what they were. A file that was
  emptied, or emptied and filled again beyond that place, fails this, and reading goes on in the part that holds the place.
- After a file comes the oldest part newer than all that were read, or else the log itself, once it holds something.
- A new file's first bytes are believed when the chain, listed after they were read, has nothing that comes before.
- When nothing in the chain was read, what was read last has been removed, and nobody can tell what was between: that is said.

Nothing here waits or watches.
"""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass

from rabbitlogs.follow.parts import (
    HEAD,
    TAIL,
    Identity,
    MovedError,
    Opened,
    Part,
    Parts,
    Position,
    alike,
    count_lines,
    identity_of,
    open_file,
    pread,
    size_of,
)  # fmt: skip

CHUNK = 1 << 20
LATE = 10.0  # seconds an old file is still looked at after the new one has begun
_OLD = 4  # of these at once
_READ = 64  # files remembered as read
_READ_BEFORE = 8  # newest of the parts that are there at the start
_TRIES = 20  # to look at a folder that changes meanwhile


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
        self._parts = Parts(path)
        self._now: Opened | None = None
        self._from_start = from_start
        self._resume = resume
        self._read: deque[Position] = deque(maxlen=_READ)  # ends of what was read, newest last
        self._before: Position | None = None  # the end of the file read before this one
        self._old: deque[Opened] = deque()  # renamed files that may still be written to
        self._emptied: Identity | None = None  # by a copytruncate: the writer may be in the middle of a line
        self._trouble = ""
        self._is_first = True

    @property
    def is_open(self) -> bool:
        """Whether there is a file now."""
        return self._now is not None

    def close(self) -> None:
        """Closes what is open."""
        for opened in (*self._old, *((self._now,) if self._now else ())):
            opened.close()
        self._old.clear()
        self._now = None

    def position(self, back: int) -> Position | None:
        """Where reading is; ``back`` bytes before are not part of a record yet."""
        if self._now is None:
            return self._resume
        place = self._now.position()
        if self._before is not None and (back > place.offset or not place.offset):  # the open record began before
            self._before.back = min(max(0, back - place.offset), self._before.offset)
            return self._before
        place.back = min(back, place.offset)
        return place

    def beginning(self) -> bytes:
        """The first bytes of the file, for telling its wrapper."""
        if self._now is None:
            return b""
        if self._now.blocks is not None:
            return self._now.head
        try:
            return pread(self._now.handle, 65536, 0)
        except OSError:
            return b""

    # reading ------------------------------------------------------------------------------------------------------

    def read(self) -> list[Step]:
        """What is new, up to about a megabyte; :attr:`more` says whether there is more at once."""
        steps: list[Step] = []
        self.more = False
        for _ in range(_TRIES):
            try:
                self._look(steps)
                break
            except MovedError:  # nothing was changed by halves: looking again is all it takes
                continue
        return steps

    def _look(self, steps: list[Step]) -> None:
        self._read_late(steps)
        opened = self._now or self._open_first(steps)
        if opened is None:
            return
        data = self._next(opened, steps)
        if self._now is None:
            return
        if data is None or not self._comes_next(opened, data):
            self._leave(opened, steps)
            return
        if data and not opened.offset and not opened.is_part and not self._unread(opened)[1]:
            steps.append(Lost("rotated", None))
        if data and (opened.blocks is not None or len(data) >= CHUNK):
            self._give(opened, data, steps)
            self.more = True
        else:
            self._give(opened, data, steps)
            if not opened.offset or identity_of(self.path) != opened.identity:
                self._go_on(opened, steps)

    def _next(self, opened: Opened, steps: list[Step]) -> bytes | None:
        """The bytes after the place already read; None when the bytes before it are not what they were."""
        if opened.blocks is not None:
            data = next(opened.blocks, b"")
            if not data and opened.problems:
                opened.problems.clear()
                steps.append(Lost("rotated", None))  # a damaged part
            return data
        before = len(opened.tail)
        try:
            size = os.fstat(opened.handle).st_size
            block = pread(opened.handle, before + CHUNK, opened.offset - before)
            # last, so that bytes read after the file was emptied and filled again are not taken for its next
            head = pread(opened.handle, len(opened.head), 0) if opened.offset and len(block) > before else opened.head
        except OSError as error:  # a file system that went away, a stale handle
            self._say(steps, f"{self.path} could not be read: {(error.strerror or str(error)).lower()}; trying again")
            opened.close()
            self._before, self._resume, self._now = None, opened.position(), None
            return b""
        if size < opened.offset or block[:before] != opened.tail or head != opened.head:
            return None
        opened.size = max(size, opened.offset)
        data = block[before:]
        if opened.offset == 0 and data.startswith(b"\0"):
            data = self._without_hole(opened, data)
        return data

    @staticmethod
    def _without_hole(opened: Opened, data: bytes) -> bytes:
        """After a copytruncate a writer that does not append goes on at its old place: what is before is a hole."""
        try:
            start = os.lseek(opened.handle, 0, os.SEEK_DATA)
        except (OSError, AttributeError):
            start = 0
        if start:
            data = pread(opened.handle, CHUNK, start)
        text = data.lstrip(b"\0")
        opened.offset = start + len(data) - len(text)
        opened.head = bytes(min(HEAD, opened.offset))
        return text

    @staticmethod
    def _give(opened: Opened, data: bytes, steps: list[Step]) -> None:
        if data:
            opened.took(data)
            steps.append(Data(data))

    def _comes_next(self, opened: Opened, data: bytes) -> bool:
        """Whether a file's first bytes follow what was read: it may have been copied and emptied since the last look.

        Listed after the bytes were read, the chain has every part that comes before them.
        """
        if not data or opened.is_part or len(opened.head) >= HEAD:
            return True
        head = (opened.head + data)[:HEAD]
        is_in_place = identity_of(self.path) == opened.identity  # asked before: what has gone since is in the chain
        unread, _ = self._unread()
        heads = [found for part in unread if (found := self._parts.head(part))]
        if not heads or alike(heads[0], head):
            return True
        if opened.offset:  # does a part begin as what was read, and go on otherwise?
            return not any(alike(found, opened.head) and not alike(found, head) for found in heads)
        # a file that is neither in the chain nor its end has fallen off it: it was before all that is there
        return not is_in_place and not any(alike(found, head) for found in heads)

    def _read_late(self, steps: list[Step]) -> None:
        now = time.monotonic()
        while self._old and self._old[0].until < now:
            self._old.popleft().close()
        for opened in self._old:
            try:
                data = pread(opened.handle, CHUNK, opened.offset)
            except OSError:
                continue
            if data:
                if not opened.offset:
                    self._read.append(Position(*opened.identity, data[:HEAD], 0, b""))
                opened.took(data)
                steps.append(Data(data, late=True))

    # where reading begins -------------------------------------------------------------------------------------------

    def _open_path(self, steps: list[Step] | None = None) -> Opened | None:
        try:
            opened = open_file(self.path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if steps is not None:
                reason = (getattr(error, "strerror", None) or str(error)).lower()
                self._say(steps, f"{self.path} could not be opened: {reason}; trying again")
            return None
        self._trouble = ""
        return opened

    def _say(self, steps: list[Step], text: str) -> None:
        if text != self._trouble:
            self._trouble = text
            steps.append(Trouble(text))

    def _open_first(self, steps: list[Step]) -> Opened | None:
        """Opens the file where it is there: at the remembered place, at its end, or at its start."""
        opened = self._open_path(steps)
        try:
            if self._resume is not None:
                return self._open_again(opened, self._resume, steps)
            if self._is_first:
                self._note_parts(self._parts.listed(), opened)
            if opened is not None and not self._from_start:
                self._go_to_end(opened)
            self._is_first, self._from_start = False, True  # what appears later is new from its first byte
            self._now = opened
            return opened
        finally:
            if opened is not None and opened is not self._now:
                opened.close()

    def _note_parts(self, parts: list[Part], log: Opened | None) -> None:
        """Takes parts for read, the newest being enough, but not a copy being made of what will be read."""
        for part in parts[-_READ_BEFORE:]:
            if log is None or not (part.identity == log.identity or self._parts.is_copy(part, log)):
                self._read.append(self._parts.end_of(part))

    def _go_to_end(self, opened: Opened) -> None:
        """After the last whole line: a line being written now is new."""
        end, place = opened.size, opened.size
        while place > 0:
            begin = max(0, place - 65536)
            found = pread(opened.handle, place - begin, begin).rfind(b"\n")
            if found >= 0:
                place = begin + found + 1
                break
            place = begin
        if end - place > CHUNK:  # no line that long is being written
            place = end
        opened.go_to(place)
        self.start_offset, self.start_line = place, 1 + count_lines(opened.handle, place)

    def _open_again(self, log: Opened | None, place: Position, steps: list[Step]) -> Opened | None:
        """Goes on at a place remembered: in the file itself, or where rotation has put it."""
        if log is not None and log.holds(place):
            found = log, 1 + count_lines(log.handle, place.offset - place.back)
            log.go_to(place.offset - place.back)
            if self._is_first:
                self._note_parts(self._parts.listed(), log)
        else:
            parts = self._unread()[0]
            held = self._find(parts, place)
            if held is not None:
                index, found = held[0], held[1:]
                if self._is_first:
                    self._note_parts(parts[:index], log)
            elif log is None:
                return None
            else:
                self._note_parts(parts, log)
                steps += [Lost("rotated", None if place.offset else 0), Begin(False)]
                found = log, 1
        opened, self.start_line = found
        self.start_offset, self._now, self._resume, self._is_first = opened.offset, opened, None, False
        return opened

    def _find(self, parts: list[Part], place: Position) -> tuple[int, Opened, int] | None:
        """The part that holds a place, opened there: its index, itself, and the line."""
        for index, part in enumerate(parts):
            found = self._parts.open_at(part, place)
            if found is not None:
                return index, *found
        return None

    # files that come and go -----------------------------------------------------------------------------------------

    def _unread(self, done: Opened | None = None) -> tuple[list[Part], bool]:
        """The parts newer than all that were read, oldest first, and whether none before them can be missing.

        Args:
            done: a file that was read to its end, beside those remembered.
        """
        parts = self._parts.listed()
        read = [*self._read, *((done.position(),) if done else ())]
        newest = next((index for index in reversed(range(len(parts))) if self._parts.was_read(parts[index], read)), -1)
        unread = [part for part in parts[newest + 1 :] if not self._parts.is_empty(part)]
        if newest < 0 and parts:
            # where something was read, it has fallen off the chain, and others may have after it
            has_read = bool(self._read) or (done is not None and bool(done.head))
            is_next = bool(unread) and done is not None and unread[0].identity == done.identity
            return unread, is_next or not has_read
        return unread, True

    def _leave(self, opened: Opened, steps: list[Step]) -> None:
        """The file was emptied under us, and perhaps filled again: what was not read of it may stand in a copy."""
        if opened.offset == 0:
            self._go_on(opened, steps)
            return
        place = opened.position()
        unread, is_sure = self._unread()
        found = self._find(unread, place)
        self.more = True
        self._emptied = opened.identity
        self._before = place
        if found is not None:
            opened.close()
            self._now = found[1]
            return
        lost = 0
        # a copy can also end before the place: what was written between the copy and the cut was read
        if is_sure and not any(self._parts.was_read(part, [place]) for part in unread):
            lost = max(0, opened.size - opened.offset)
            steps.append(Lost("truncated", lost))
        self._read.append(place)
        opened.head, opened.offset, opened.tail, opened.size = b"", 0, b"", 0
        steps.append(Begin(not lost))

    def _go_on(self, opened: Opened, steps: list[Step]) -> None:
        """Goes on to what comes after a file, once that holds something; until then the file is the log."""
        fresh, is_sure = self._following(opened, steps)
        if fresh is None:
            return
        self.more = True
        if fresh.identity == opened.identity and not opened.offset:  # it has got its first bytes just now
            fresh.close()
            return
        is_in_place = identity_of(self.path) == opened.identity
        if opened.offset and opened.blocks is None and not is_in_place:
            data = self._next(opened, steps)  # written between our last look and the first line of the new file
            if data is None or data or self._now is None:
                fresh.close()
                if self._now is not None:
                    self._leave(opened, steps) if data is None else self._give(opened, data, steps)
                return
        if not is_sure:
            steps.append(Lost("rotated", None))
        ends = not opened.tail or opened.tail.endswith(b"\n") or self._emptied == identity_of(self.path)
        steps.append(Begin(ends and is_sure))
        if opened.head:
            self._read.append(opened.position())
        if opened.offset:
            self._before = opened.position()
        self._put_aside(opened, fresh, is_in_place=is_in_place)
        self._now = fresh

    def _following(self, done: Opened, steps: list[Step]) -> tuple[Opened | None, bool]:
        """The file after all that were read, opened, and whether none before it can be missing."""
        log = self._open_path()  # first: what is renamed or copied after that is in the chain
        fresh = None
        try:
            unread, is_sure = self._unread(done)
            for part in unread:
                if log is not None and part.identity == log.identity:
                    break  # renamed just now, or the log is a link to it
                if log is not None and self._parts.is_copy(part, log):
                    continue  # wanted only when the log is emptied
                fresh = self._open_part(part, steps)
                if fresh is not None:
                    return fresh, is_sure
            if log is not None and size_of(log):
                for place in (done.position(), *reversed(self._read)):
                    if place.offset >= TAIL and log.holds(place):  # replaced by a copy of itself, or brought back
                        log.go_to(place.offset)
                        break
                fresh = log
            return fresh, is_sure
        finally:
            if log is not None and log is not fresh:
                log.close()

    def _open_part(self, part: Part, steps: list[Step]) -> Opened | None:
        """Opens a part to be read whole; one that cannot be read is lost, which is said once."""
        head = self._parts.head(part)
        opened = self._parts.open(part) if head else None
        if opened is not None:
            opened.head = head
        else:
            steps.append(Lost("rotated", None))
            self._read.append(Position(*part.identity, b"", 0, b""))
        return opened

    def _put_aside(self, opened: Opened, fresh: Opened, *, is_in_place: bool) -> None:
        """Closes a file that was read, or keeps it for a while where a writer may still hold it."""
        for old in [old for old in self._old if old.identity == fresh.identity]:
            old.close()
            self._old.remove(old)
        is_part_to_be_read = not opened.offset and size_of(opened)
        if is_in_place or opened.blocks is not None or opened.identity == fresh.identity or is_part_to_be_read:
            opened.close()
        else:
            opened.until = time.monotonic() + LATE
            self._old.append(opened)
            if len(self._old) > _OLD:
                self._old.popleft().close()


__all__ = ["Begin", "Data", "GrowingFile", "Lost", "Position", "Step", "Trouble"]
