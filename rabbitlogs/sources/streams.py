"""Streams of blocks: reading, unpacking, UTF-16, and telling what the first bytes are.

A stream is an iterator of byte strings. Nothing here raises on damaged content: what could be read is delivered, and
one sentence goes to ``note``. Decompressors are imported when a magic number asks for them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class _Engine(Protocol):
        """What bz2 and lzma decompressors have in common."""

        @property
        def eof(self) -> bool: ...
        @property
        def needs_input(self) -> bool: ...
        @property
        def unused_data(self) -> bytes: ...

        def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


Blocks = Iterator[bytes]
Note = Callable[[str], None]

BLOCK = 262144
HEAD = 65536  # how much of a stream is looked at to tell what it is
_PIECE = 1 << 20  # most that one call of a decompressor may hand out


class Limits(NamedTuple):
    """Guards against archives made to fill a machine. What was read before a limit is kept, and a note names the limit."""

    max_ratio: int = 500  # unpacked to packed bytes, judged once `ratio_from` bytes are out
    ratio_from: int = 64 << 20
    max_bytes_total: int = 64 << 30  # unpacked bytes of one archive or one compressed file
    max_members: int = 20_000  # files of one folder or archive
    max_depth: int = 4  # containers inside containers: tar.gz is two


def read_file(path: str, size: int, note: Note) -> Blocks:
    """The bytes of a file in blocks of `size`, read without buffering."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        note(f"could not be opened again: {error.strerror or error}")
        return
    try:
        while block := os.read(handle, size):
            yield block
    except OSError as error:
        note(f"reading stopped: {error.strerror or error}")
    finally:
        os.close(handle)


def read_exactly(blocks: Blocks, count: int) -> bytes:
    """The first `count` bytes (fewer at the end of the stream), possibly more: a block is never split."""
    head = bytearray()
    while len(head) < count:
        block = next(blocks, None)
        if block is None:
            break
        head += block
    return bytes(head)


def regroup(blocks: Blocks, size: int) -> Blocks:
    """The same bytes in blocks of `size`, the last one shorter."""
    held: list[bytes] = []
    length = 0
    for block in blocks:
        held.append(block)
        length += len(block)
        if length < size:
            continue
        whole = b"".join(held) if len(held) > 1 else block
        cut = length - length % size
        for at in range(0, cut, size):
            yield whole[at : at + size]
        held = [whole[cut:]] if cut < length else []
        length -= cut
    if held:
        yield b"".join(held)


# ---------------------------------------------------------------------------------------------------------- what is it


# Formats we unpack.
_PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)

# Formats we can only name, so that the reader of a problem knows what to do.
_NAMED = (
    (b"\x1f\x9d", "a file packed by `compress`; unpack it first (uncompress, 7z)"),
    (b"\x04\x22\x4d\x18", "an lz4 file; unpack it first (lz4 -d)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first (7z x)"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first (unrar x)"),
    (b"LPKSHHRH", "a binary systemd journal; export it first (journalctl --file=... -o short-iso)"),
    (b"\x89PNG", "an image; a log has to be text"),
    (b"\xff\xd8\xff", "an image; a log has to be text"),
    (b"GIF8", "an image; a log has to be text"),
    (b"%PDF-", "a PDF document; copy its text"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"SQLite format 3\x00", "a database"),
    (b"\xd4\xc3\xb2\xa1", "a network capture"),
    (b"\x0a\x0d\x0d\x0a", "a network capture"),
    (b"FOR1", "a compiled Erlang module"),
)


def packing(head: bytes) -> str | None:
    """Which container the first bytes announce: gzip, xz, bzip2, zstd, zip, tar; None for anything else."""
    for magic, name in _PACKED:
        if head.startswith(magic) and (name != "bzip2" or head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")):
            return name
    return "tar" if head[257:262] == b"ustar" or _is_old_tar(head) else None


def _is_old_tar(head: bytes) -> bool:
    """A tar header without the word ustar is known by its check sum only."""
    if len(head) < 512 or head[0] == 0 or not head[148:156].strip(b" 0\x00").isdigit():
        return False
    try:
        said = int(head[148:156].strip(b" \x00"), 8)
    except ValueError:
        return False
    return said == sum(head[:148]) + 256 + sum(head[156:512])


def utf16_of(head: bytes) -> str | None:
    """The codec of UTF-16 text, by its byte order mark or by where the zero bytes stand; None for other text."""
    if head.startswith(b"\xff\xfe"):
        return "utf-16-le"
    if head.startswith(b"\xfe\xff"):
        return "utf-16-be"
    pairs = min(len(head), 4096) // 2
    if pairs < 8:
        return None
    high, low = head[1 : 2 * pairs : 2].count(0), head[0 : 2 * pairs : 2].count(0)
    # Broker text is mostly ASCII, so one byte of nearly every pair is zero, and the other hardly ever.
    if high > pairs * 0.7 and low < pairs * 0.05:
        return "utf-16-le"
    if low > pairs * 0.7 and high < pairs * 0.05:
        return "utf-16-be"
    return None


_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\b\x1b")) + b"\x7f"


def binary_reason(head: bytes) -> str | None:
    """Why these first bytes cannot be a log, or None if they can.

    Stray control bytes and broken UTF-8 are fine; so are runs of zeros, in front, where copytruncate leaves them in a
    file whose writer kept its offset, or inside, where a power loss does.
    """
    for magic, what in _NAMED:
        if head.startswith(magic):
            return what
    if utf16_of(head):
        return None
    body = re.sub(rb"\x00{16,}", b"", head).lstrip(b"\x00")
    if not body:
        return "nothing but zero bytes" if head else None
    controls = len(body) - len(body.translate(None, _CONTROLS))
    # Random bytes have 11 % of controls; text has none, and a term dump with raw binaries few.
    return "binary data, not text" if controls > len(body) * 0.06 else None


# ---------------------------------------------------------------------------------------------------------- unpacking


def unpack(kind: str, blocks: Blocks, limits: Limits, note: Note) -> Blocks:
    """The content of one compressed stream (also several joined), until its end, its damage, or a limit."""
    reader = {"gzip": _gunzip, "xz": _unxz, "bzip2": _bunzip2, "zstd": _unzstd}[kind]
    meter = Meter(blocks)
    return guarded(reader(meter, note), meter, limits, note)


class Meter:
    """An iterator of blocks that knows how many bytes went through."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self.count = 0

    def __iter__(self) -> Meter:
        return self

    def __next__(self) -> bytes:
        block = next(self._blocks)
        self.count += len(block)
        return block


def guarded(blocks: Blocks, packed: Meter, limits: Limits, note: Note) -> Blocks:
    """Pass blocks on until they are too many for `limits`; of the block that is too much, what is within them."""
    total = 0
    for block in blocks:
        by_ratio = max(limits.ratio_from, limits.max_ratio * max(packed.count, 1))
        room = min(limits.max_bytes_total, by_ratio) - total
        total += len(block)
        if len(block) <= room:
            yield block
            continue
        if room:
            yield block[:room]
        if total > limits.max_bytes_total:
            note(f"stopped after {total} unpacked bytes: the limit is {limits.max_bytes_total}")
        else:
            note(
                f"stopped after {total} unpacked bytes out of {packed.count}: "
                f"more than the limit of {limits.max_ratio} to 1, as in an archive made to do harm"
            )
        return


def _gunzip(blocks: Blocks, note: Note) -> Blocks:
    yield from inflate(blocks, note, 31, "gzip")


def inflate(blocks: Blocks, note: Note, window: int, name: str) -> Blocks:
    """The content of gzip members one after the other (window 31), or of one raw deflate stream (-15).

    zlib throws away what it unpacked in the call that meets the damage. So the state before each call is kept, and
    that call is repeated byte by byte.
    """
    import zlib

    engine = zlib.decompressobj(window)
    started = False
    for block in blocks:
        data = block
        while data:
            if engine.eof:
                data = data.lstrip(b"\x00") if window == 31 else b""  # padding between members and at the end
                if not data:
                    break
                if data[0] != 0x1F:
                    note(f"bytes after the end of the {name} data were not read")
                    return
                engine = zlib.decompressobj(window)
            before = engine.copy()
            try:
                out = engine.decompress(data, _PIECE)
            except zlib.error as error:
                with suppress(zlib.error):
                    for at in range(len(data)):
                        out = before.decompress(data[at : at + 1])
                        if out:
                            yield out
                note(_damage(name, error, started))
                return
            started = started or bool(out)
            if out:
                yield out
            data = engine.unused_data if engine.eof else engine.unconsumed_tail
    if not engine.eof:
        note(f"the {name} data ended early: the file is cut off")


def _unxz(blocks: Blocks, note: Note) -> Blocks:
    import lzma

    # A memory limit would refuse files of `xz -9e`; 1 GiB is above any preset and far below a hostile dictionary.
    yield from _by_pieces(blocks, note, "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=1 << 30), lzma.LZMAError)


def _bunzip2(blocks: Blocks, note: Note) -> Blocks:
    import bz2

    yield from _by_pieces(blocks, note, "bzip2", bz2.BZ2Decompressor, OSError)


def _by_pieces(blocks: Blocks, note: Note, name: str, make: Callable[[], _Engine], failure: type[Exception]) -> Blocks:
    """bz2 and lzma cannot be copied: they hand out small pieces, so that damage costs at most one of those."""
    engine = make()
    started = False
    for block in blocks:
        data = block
        while data or not engine.needs_input:
            if engine.eof:
                data = data.lstrip(b"\x00")
                if not data:
                    break
                engine = make()
            try:
                out = engine.decompress(data, 1024)
            except (failure, ValueError, EOFError, MemoryError) as error:
                note(_damage(name, error, started))
                return
            started = started or bool(out)
            if out:
                yield out
            data = engine.unused_data if engine.eof else b""
    if not engine.eof:
        note(f"the {name} data ended early: the file is cut off")


def _unzstd(blocks: Blocks, note: Note) -> Blocks:
    try:
        import zstandard
    except ImportError:
        note("is packed with zstd, and the Python package zstandard is not installed: pip install zstandard")
        return
    context = zstandard.ZstdDecompressor()
    engine = context.decompressobj()
    started = fed = False
    for block in blocks:
        # Small inputs bound what one call may hand out, and what is lost with it when the data is damaged.
        for at in range(0, len(block), 512):
            data = block[at : at + 512]
            while data:
                if engine.eof:
                    engine = context.decompressobj()
                fed = True
                try:
                    out = engine.decompress(data)
                except (zstandard.ZstdError, MemoryError) as error:
                    note(_damage("zstd", error, started))
                    return
                started = started or bool(out)
                if out:
                    yield out
                data = engine.unused_data if engine.eof else b""
    if fed and not engine.eof:
        note("the zstd data ended early: the file is cut off")


def _damage(name: str, error: BaseException, started: bool) -> str:
    reason = str(error) or type(error).__name__
    return f"the {name} data is damaged ({reason}); " + (
        "what stands before the damage was read" if started else "nothing could be read"
    )


# ---------------------------------------------------------------------------------------------------------- text


def to_utf8(blocks: Blocks, codec: str) -> Blocks:
    """A UTF-16 stream as UTF-8, without the byte order mark; what cannot be decoded becomes U+FFFD."""
    import codecs

    decoder = codecs.getincrementaldecoder(codec)("replace")
    first = True
    for block in blocks:
        text = decoder.decode(block)
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        if text:
            yield text.encode("utf-8", "replace")
    if text := decoder.decode(b"", True):
        yield text.encode("utf-8", "replace")
