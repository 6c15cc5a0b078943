"""The members of tar and zip archives, read front to back so that a cut or damaged archive gives what it still has."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

from .streams import Blocks, Limits, Meter, Note, guarded, inflate, regroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from tempfile import SpooledTemporaryFile

_IN_MEMORY = 16 << 20  # an archive's logs beyond this go to an unnamed temporary file


class Cursor:
    """A stream read by counts: headers with :meth:`take`, contents with :meth:`stream`."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._held = b""
        self.position = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end."""
        return b"".join(self.stream(count))

    def stream(self, count: int) -> Blocks:
        """The next `count` bytes as they come."""
        while count > 0:
            block = self._held or next(self._blocks, b"")
            if not block:
                return
            self._held = block[count:]
            block = block[:count]
            count -= len(block)
            self.position += len(block)
            yield block

    def rest(self) -> Blocks:
        """Everything that is left."""
        while block := self._held or next(self._blocks, b""):
            self._held = b""
            self.position += len(block)
            yield block

    def push_back(self, data: bytes) -> None:
        """Give back the last bytes read, to be read again."""
        self._held = data + self._held
        self.position -= len(data)


@dataclass(slots=True)
class Member:
    """One file of an archive while the archive is read: its data can be taken once, now."""

    name: str
    data: Blocks
    offset: int  # where the data begins in the archive
    size: int | None
    notes: list[str] = field(default_factory=list)


# ---------------------------------------------------------------------------------------------------------- tar


def tar_members(blocks: Blocks, note: Note) -> Iterator[Member]:
    """The regular files of a tar archive, in its order. The data of a member is gone once the next is asked for."""
    import tarfile

    cursor = Cursor(blocks)
    override: dict[str, str] = {}
    while True:
        header = cursor.take(512)
        if not header:
            note("the archive ended early: it has no end mark, so files may be missing")
            return
        if not header.strip(b"\x00"):
            return
        try:
            entry = tarfile.TarInfo.frombuf(header.ljust(512, b"\x00"), "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError) as error:
            note(f"the archive is damaged at byte {cursor.position - len(header)} ({error}); the files before it were read")
            return
        size = max(entry.size, 0)
        padding = -size % 512
        if entry.type in (b"L", b"K", b"x", b"g"):
            # Long names come as a member of their own, before the file they belong to.
            value = cursor.take(min(size, 1 << 20))
            cursor.take(max(size - (1 << 20), 0) + padding)
            if entry.type == b"L":
                override["path"] = value.rstrip(b"\x00").decode("utf-8", "surrogateescape")
            elif entry.type == b"x":
                override.update(_pax(value))
            continue
        name, override_size = override.get("path", entry.name), override.get("size", "")
        override = {}
        if override_size.isascii() and override_size.isdigit() and len(override_size) < 19:
            size = int(override_size)
            padding = -size % 512
        if entry.type in (b"1", b"2", b"3", b"4", b"5", b"6"):
            continue  # links, devices, folders: no data follows, whatever size is said
        start = cursor.position
        if entry.type in (b"0", b"\x00", b"7"):
            yield Member(name, cursor.stream(size), start, size)
        left = start + size + padding - cursor.position
        while left > 0 and (skipped := len(cursor.take(min(left, 1 << 20)))):
            left -= skipped
        if cursor.position < start + size:
            note(f"the archive ended early, in the middle of {name}")
            return


def _pax(value: bytes) -> dict[str, str]:
    """The records of a pax header, ``<length> <key>=<value>\\n`` each."""
    found: dict[str, str] = {}
    at = 0
    while at < len(value):
        digits, space, _ = value[at : at + 12].partition(b" ")
        if not space or not digits.isdigit() or int(digits) <= len(digits) + 1:
            break
        end = at + int(digits)
        key, _, content = value[at + len(digits) + 1 : end].rstrip(b"\n").partition(b"=")
        found[key.decode("utf-8", "replace")] = content.decode("utf-8", "surrogateescape")
        at = end
    return found


# ---------------------------------------------------------------------------------------------------------- zip

_LOCAL = struct.Struct("<4s5H3I2H")


def zip_directory(path: str) -> list[tuple[str, int, int]] | None:
    """Name, place of the header and unpacked size of each file, from the directory at the archive's end.

    None if there is no usable directory: then :func:`zip_members` finds what is left.
    """
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return [(entry.filename, entry.header_offset, entry.file_size) for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        return None


def zip_member(path: str, offset: int, size_known: int, limits: Limits, size: int, note: Note) -> Blocks:
    """The content of the member whose header stands at `offset`."""
    meter = Meter(read_range(path, offset, None, size, note))
    cursor = Cursor(meter)
    header = _local_header(cursor)
    if header is None:
        note("its header in the archive is damaged; nothing could be read")
        return
    yield from guarded(_zip_data(cursor, header, size_known, note), meter, limits, note)


def zip_members(blocks: Blocks, limits: Limits, note: Note) -> Iterator[Member]:
    """The files of a zip archive read front to back, without its directory."""
    meter = Meter(blocks)
    cursor = Cursor(meter)
    while True:
        place = cursor.position
        header = _local_header(cursor)
        if header is None:
            if not cursor.take(1):
                note("the archive ended early: its directory is missing, so files may be")
            return
        member = Member(header.name, iter(()), place, header.size)
        member.data = guarded(_zip_data(cursor, header, None, member.notes.append), meter, limits, member.notes.append)
        if not header.name.endswith("/"):
            yield member
        for _ in member.data:
            pass
        found = _find_header(cursor)
        if found is None:
            note("the archive ended early: its directory is missing, so files may be")
        if not found:
            return


@dataclass(frozen=True, slots=True)
class _Header:
    name: str
    method: int
    packed: int | None  # None if it is said only behind the data
    size: int | None
    encrypted: bool


def _local_header(cursor: Cursor) -> _Header | None:
    raw = cursor.take(_LOCAL.size)
    if len(raw) < _LOCAL.size or raw[:4] != b"PK\x03\x04":
        cursor.push_back(raw)
        return None
    _, _, flags, method, _, _, _, packed, size, name_length, extra_length = _LOCAL.unpack(raw)
    name = cursor.take(name_length).decode("utf-8" if flags & 0x800 else "cp437", "replace")
    extra = cursor.take(extra_length)
    known: tuple[int | None, int | None] = (packed, size)
    if packed == 0xFFFFFFFF or size == 0xFFFFFFFF:
        known = _zip64(extra)
    if flags & 8:
        known = (None, None)
    return _Header(name, method, known[0], known[1], bool(flags & 1))


def _zip64(extra: bytes) -> tuple[int | None, int | None]:
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, at)
        if tag == 1 and length >= 16 and at + 20 <= len(extra):
            size, packed = struct.unpack_from("<QQ", extra, at + 4)
            return packed, size
        at += 4 + length
    return None, None


def _zip_data(cursor: Cursor, header: _Header, size_known: int | None, note: Note) -> Blocks:
    if header.encrypted:
        note("is encrypted in the archive; unpack it with its password first")
        return
    if header.method == 8:
        # Deflate knows its own end, so it can be read where the size stands only behind it.
        source = cursor.rest() if header.packed is None else cursor.stream(header.packed)
        yield from _inflate_and_stay(source, cursor, header.packed is None, note)
    elif header.method == 0:
        length = size_known if header.packed is None else header.packed
        if length is None:
            note("its size is not known without the archive's directory; nothing could be read")
            return
        start = cursor.position
        yield from cursor.stream(length)
        if cursor.position - start < length:
            note("ended early: the archive is cut off")
    else:
        note(f"is packed by a method (number {header.method}) that is not read here; unpack the archive first")


def _inflate_and_stay(source: Blocks, cursor: Cursor, open_ended: bool, note: Note) -> Blocks:
    """Inflate, and leave the cursor right behind the data, as the next header stands there."""
    if not open_ended:
        yield from inflate(source, note, -15, "zip")
        return
    import zlib

    engine = zlib.decompressobj(-15)
    try:
        for block in source:
            while block and not engine.eof:
                out = engine.decompress(block, 1 << 20)
                block = engine.unused_data if engine.eof else engine.unconsumed_tail
                if engine.eof:
                    cursor.push_back(block)
                if out:
                    yield out
            if engine.eof:
                return
    except zlib.error as error:
        note(f"the zip data is damaged ({error}); what stands before the damage was read")
        return
    note("the zip data ended early: the archive is cut off")


def _find_header(cursor: Cursor) -> bool | None:
    """Move to the next member's header, past a data descriptor or damage; False at the directory, None at the end."""
    tail = b""
    while True:
        block = cursor.take(65536)
        if not block:
            return None
        data = tail + block
        member, directory = data.find(b"PK\x03\x04"), data.find(b"PK\x01\x02")
        if member >= 0 and (directory < 0 or member < directory):
            cursor.push_back(data[member:])
            return True
        if directory >= 0:
            return False
        tail = data[-3:]


# ---------------------------------------------------------------------------------------------------------- places


def read_range(path: str, offset: int, length: int | None, size: int, note: Note) -> Blocks:
    """A part of a file on disk, without a length up to its end."""
    try:
        with open(path, "rb", buffering=0) as handle:
            handle.seek(offset)
            left = length
            while left is None or left > 0:
                block = handle.read(size if left is None else min(size, left))
                if not block:
                    if left is not None:
                        note("ended early: the archive is cut off")
                    return
                if left is not None:
                    left -= len(block)
                yield block
    except OSError as error:
        note(f"reading stopped: {error.strerror or error}")


class Spool:
    """Where the logs of an archive that cannot be read at any place are kept: first in memory, then on disk, unnamed."""

    def __init__(self) -> None:
        self._file: SpooledTemporaryFile[bytes] | None = None
        self._lock = Lock()
        self._end = 0

    def keep(self, blocks: Blocks, note: Note) -> tuple[int, int]:
        """Store a stream; where it stands and how long it is."""
        from tempfile import SpooledTemporaryFile
        from weakref import finalize

        start = self._end
        try:
            if self._file is None:
                self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - lives as long as its sources
                finalize(self, self._file.close)
            for block in regroup(blocks, 1 << 18):
                self._file.seek(self._end)
                self._file.write(block)
                self._end += len(block)
        except OSError as error:
            note(f"unpacking stopped: {error.strerror or error} (in the folder for temporary files; set TMPDIR to another)")
        return start, self._end - start

    def read(self, start: int, length: int, size: int, note: Note) -> Blocks:
        """A stored stream again."""
        at, end = start, start + length
        while at < end and self._file is not None:
            with self._lock:
                self._file.seek(at)
                block = self._file.read(min(size, end - at))
            if not block:
                note("its temporary copy is incomplete")
                return
            at += len(block)
            yield block


def spooled(spool: Spool, blocks: Blocks, note: Note) -> tuple[partial[Blocks], int]:
    """Store a stream and give back how to open it, with its length."""
    start, length = spool.keep(blocks, note)
    return partial(spool.read, start, length), length
