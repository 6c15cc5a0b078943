"""From what a user gives (files, folders, archives, ``-``, text) to the logs in it, in the order they have to be read."""

from __future__ import annotations

import io
import os
import stat
import sys
from contextlib import suppress
from functools import partial

from .names import Age, natural, split_rotation, strip_compression
from .source import OneShot, Opener, Problem, Source, Sources
from .streams import HEAD, Blocks, Limits, Note, binary_reason, packing, read_exactly, read_file, unpack, utf16_of
from .text import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

    Item = str | os.PathLike[str] | bytes | IO[bytes] | IO[str] | Text

_DEFAULT = Limits()


def open_sources(items: Iterable[Item], limits: Limits = _DEFAULT) -> Sources:
    """Find the logs in `items`: paths of files, folders and archives, ``"-"``, file objects, content as bytes or Text.

    Rotated parts of one log come oldest first, whatever order they were given in; otherwise the order given is kept,
    and inside folders and archives the order of names. A path that cannot be read becomes a problem, not an exception.
    Content is read only as far as needed to know what it is, but compressed archives are unpacked here.

    Raises:
        TypeError: An item is none of these.
    """
    finder = _Finder(limits)
    for index, item in enumerate(items):
        finder.index = index
        finder.add(item)
    return finder.result()


class _Finder:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.index = 0
        self._found: list[tuple[int, str, Age, Source]] = []
        self._skipped: list[tuple[str, str]] = []
        self._problems: list[Problem] = []
        self._seen: dict[tuple[int, int], str] = {}
        self._streams: list[OneShot] = []
        self._names: dict[str, int] = {}

    def result(self) -> Sources:
        for stream in self._streams:
            stream.release()
        first: dict[str, int] = {}
        for index, group, _, _ in self._found:
            first.setdefault(group, index)
        self._found.sort(key=lambda f: (first[f[1]], natural(f[1]), f[2], natural(f[3].name)))
        return Sources([found[3] for found in self._found], self._skipped, self._problems)

    # ------------------------------------------------------------------------------------------------ what is given

    def add(self, item: object) -> None:
        if isinstance(item, Text):
            self._add_content(item.content.encode("utf-8", "surrogatepass"), item.name, is_text=True)
        elif isinstance(item, (bytes, bytearray, memoryview)):
            self._add_content(bytes(item), "bytes")
        elif isinstance(item, (str, os.PathLike)):
            path = os.fspath(item)
            path = os.fsdecode(path) if isinstance(path, bytes) else path
            self._add_stdin() if path == "-" else self._add_path(path)
        elif callable(getattr(item, "read", None)):
            self._add_file_object(item)
        else:
            raise TypeError(f"a path, bytes, a file object or rabbitlogs.Text was expected, not {type(item).__name__}")

    def _add_content(self, content: bytes, name: str, *, is_text: bool = False) -> None:
        count = self._names[name] = self._names.get(name, 0) + 1
        name = name if count == 1 else f"{name} ({count})"
        opener = partial(_read_bytes, content)
        if is_text and content:
            self._keep(Source(name, opener, size=len(content)), name)
        else:
            self._add_stream(name, opener, group=name, size=len(content), explicit=True)

    def _add_stdin(self) -> None:
        if (0, -1) in self._seen:
            self._skipped.append(("-", "standard input was given twice"))
            return
        self._seen[0, -1] = "-"
        if sys.stdin is None:
            self._problem("-", "missing", "There is no standard input here. Give the path of a log.")
            return
        stream = getattr(sys.stdin, "buffer", sys.stdin)
        self._add_once("-", getattr(stream, "read1", stream.read))

    def _add_file_object(self, item: object) -> None:
        named = getattr(item, "name", None)
        name = _shown(named) if isinstance(named, str) else "stream"
        count = self._names[name] = self._names.get(name, 0) + 1
        name = name if count == 1 else f"{name} ({count})"
        start: int | None = None
        with suppress(Exception):
            start = item.tell() if item.seekable() else None  # type: ignore[attr-defined]
        if start is None:
            self._add_once(name, partial(_read_any, item))
            return
        try:
            self._add_stream(name, partial(_read_object, item, start), group=name, explicit=True)
        finally:
            with suppress(Exception):
                item.seek(start)  # type: ignore[attr-defined]

    def _add_once(self, name: str, read: object) -> None:
        stream = OneShot(partial(_as_bytes, read))
        self._streams.append(stream)
        self._add_stream(name, stream, group=name, explicit=True)

    def _add_path(self, path: str) -> None:
        name = _shown(path)
        try:
            found = os.stat(path)
        except (OSError, ValueError) as error:
            self._no_such(path, name, error)
            return
        if stat.S_ISDIR(found.st_mode):
            self._add_folder(path, name)
        elif stat.S_ISREG(found.st_mode):
            self._add_file(path, name, found, explicit=True)
        else:
            # A pipe, as in `explain <(zcat old.gz)`, or a device.
            try:
                handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            except OSError as error:
                self._unreadable(name, error)
                return
            self._add_once(name, partial(_read_to_end, io.FileIO(handle, closefd=True)))

    def _no_such(self, path: str, name: str, error: OSError | ValueError) -> None:
        if isinstance(error, PermissionError):
            self._unreadable(name, error)
        elif "\n" in path:
            self._problem(
                _shown(path.strip().split("\n", 1)[0][:60]),
                "missing",
                "A path was expected, and this looks like log text. Give rabbitlogs.Text(...), or the text on standard input.",
            )
        else:
            self._problem(
                name,
                "missing",
                f"{name} does not exist. Check the path; `rabbitmq-diagnostics log_location` prints where a node's logs are.",
            )

    def _unreadable(self, name: str, error: OSError) -> None:
        reason = (error.strerror or str(error)).lower()
        advice = " Read it as root or as the broker's user (often rabbitmq)." if isinstance(error, PermissionError) else ""
        self._problem(name, "unreadable", f"{name} could not be read: {reason}.{advice}")

    # ------------------------------------------------------------------------------------------------ files and folders

    def _add_file(self, path: str, name: str, found: os.stat_result, *, explicit: bool) -> None:
        identity = (found.st_dev, found.st_ino)
        if found.st_ino and identity in self._seen:
            self._skipped.append((name, f"the same file as {self._seen[identity]}"))
            return
        self._seen[identity] = name
        try:
            with open(path, "rb", buffering=0):
                pass
        except OSError as error:
            if explicit or _is_log_name(path):
                self._unreadable(name, error)
            else:
                self._skipped.append((name, "not readable"))
            return
        group = os.path.join(os.path.dirname(os.path.normpath(name)), split_rotation(os.path.basename(name))[0])
        self._add_stream(
            name, partial(read_file, path), group=group, path=path, size=found.st_size, explicit=explicit, on_disk=path
        )

    def _add_folder(self, folder: str, name: str) -> None:
        before, files = (len(self._found), len(self._problems)), 0
        for path, error in _walk(folder):
            shown = _shown(path)
            if error is not None:
                self._unreadable(shown, error)
                continue
            files += 1
            if files > self.limits.max_members:
                self._problem(
                    name,
                    "limit",
                    f"{name} holds more than {self.limits.max_members} files; the rest was not looked at. "
                    "Give the folder of the logs themselves.",
                )
                break
            try:
                found = os.stat(path)
            except OSError:
                self._skipped.append((shown, "a link to nothing" if os.path.islink(path) else "gone meanwhile"))
                continue
            if stat.S_ISREG(found.st_mode):
                self._add_file(path, shown, found, explicit=False)
            else:
                self._skipped.append((shown, "a link to a folder" if stat.S_ISDIR(found.st_mode) else "not a file"))
        if (len(self._found), len(self._problems)) == before:
            self._problem(name, "no_logs", self._without_logs(name, files, "folder"))

    def _without_logs(self, name: str, files: int, what: str) -> str:
        if not files:
            return f"The {what} {name} is empty."
        empty = sum(1 for other, reason in self._skipped if reason == "empty" and other.startswith(name))
        seen = f"{files} file{'s' if files > 1 else ''} looked at" + (f", {empty} of them empty" if empty else "")
        return (
            f"No RabbitMQ log was found in the {what} {name} ({seen}). To read a file whatever it looks like, name it; "
            "`rabbitmq-diagnostics log_location` prints where a node writes its logs."
        )

    # ------------------------------------------------------------------------------------------------ streams

    def _add_stream(
        self,
        name: str,
        opener: Opener,
        *,
        group: str,
        explicit: bool,
        path: str | None = None,
        size: int | None = None,
        on_disk: str | None = None,
        depth: int = 0,
    ) -> None:
        """Look at the first bytes and keep the stream as a log, unpack it, or say why it is neither."""
        notes: list[str] = []
        head = opener.peek(notes.append) if isinstance(opener, OneShot) else read_exactly(opener(HEAD, notes.append), HEAD)
        kind = packing(head)
        if kind and depth >= self.limits.max_depth:
            self._refuse(name, f"packed more than {self.limits.max_depth} times, which is the limit", "limit", explicit)
        elif kind == "tar" or kind == "zip":
            self._add_archive(name, opener, kind, explicit, on_disk, depth)
        elif kind:
            unpacked = partial(_open_packed, kind, opener, self.limits)
            self._add_stream(name, unpacked, group=group, explicit=explicit, depth=depth + 1)
        elif not head:
            self._add_nothing(name, notes, explicit)
        else:
            reason = binary_reason(head)
            if reason and path and not head.strip(b"\x00") and _ends_in_text(path):
                reason = None  # a long run of zeros in front of text: copytruncate
            if reason:
                self._refuse(name, reason, "binary", explicit)
                return
            codec = utf16_of(head)
            if not explicit and (other := _other_than_log(name, head, codec)):
                self._skipped.append((name, other))
                return
            source = Source(name, opener, path=None if codec else path, size=None if codec else size, codec=codec)
            self._keep(source, group)

    def _add_nothing(self, name: str, notes: list[str], explicit: bool) -> None:
        if notes:
            kind = "damaged" if "damaged" in notes[0] or "early" in notes[0] else "unreadable"
            self._problem(name, kind, f"Nothing could be read from {name}: {notes[0]}.")
        elif explicit:
            what = "Standard input" if name == "-" else name
            self._problem(
                name,
                "empty",
                f"{what} is empty. A node that fails early writes only to its standard output: see "
                "`journalctl -u rabbitmq-server` or `docker logs`.",
            )
        else:
            self._skipped.append((name, "empty"))

    def _refuse(self, name: str, reason: str, kind: str, explicit: bool) -> None:
        if explicit:
            self._problem(name, kind, f"{name} was not read: {reason}.")
        else:
            self._skipped.append((name, reason))

    def _keep(self, source: Source, group: str) -> None:
        source.group = group
        age = split_rotation(os.path.basename(source.name.rpartition("!")[2]))[1]
        self._found.append((self.index, group, age, source))

    def _problem(self, name: str, kind: str, sentence: str) -> None:
        self._problems.append(Problem(name, sentence, kind))

    # ------------------------------------------------------------------------------------------------ archives

    def _add_archive(self, name: str, opener: Opener, kind: str, explicit: bool, on_disk: str | None, depth: int) -> None:
        before, notes, files = (len(self._found), len(self._problems)), list[str](), 0
        for member, member_opener, size in self._members(opener, kind, on_disk, notes):
            files += 1
            if files > self.limits.max_members:
                notes.append(f"more than {self.limits.max_members} files, which is the limit: the rest was not looked at")
                break
            shown = f"{name}!{_shown(member)}"
            folder, _, base = shown.rpartition("/") if "/" in _shown(member) else (f"{name}!", "", _shown(member))
            stem = split_rotation(base)[0]
            group = f"{folder}/{stem}" if "/" in _shown(member) else f"{folder}{stem}"
            if isinstance(member_opener, str):
                self._skipped.append((shown, member_opener))
            else:
                self._add_stream(shown, member_opener, group=group, size=size, explicit=False, depth=depth + 1)
        for note in notes:
            self._problem(name, "limit" if "limit" in note else "damaged", f"{name}: {note}.")
        if (len(self._found), len(self._problems)) == before:
            if explicit:
                self._problem(name, "no_logs", self._without_logs(name, files, "archive"))
            else:
                self._skipped.append((name, "an archive without logs"))

    def _members(
        self, opener: Opener, kind: str, on_disk: str | None, notes: list[str]
    ) -> Iterator[tuple[str, Opener | str, int | None]]:
        """Name, opener (or why there is none) and size of each file in an archive."""
        from . import archives

        listed = archives.zip_directory(on_disk) if on_disk and kind == "zip" else None
        if on_disk and listed is not None:
            for name, offset, size in listed:
                yield name, partial(archives.zip_member, on_disk, offset, size, self.limits), size
            return
        blocks = opener(HEAD, notes.append)
        if kind == "tar":
            members = archives.tar_members(blocks, notes.append)
        else:
            members = archives.zip_members(blocks, self.limits, notes.append)
        spool = archives.Spool()
        for member in members:
            if on_disk and kind == "tar" and member.size is not None:
                yield member.name, partial(archives.read_range, on_disk, member.offset, member.size), member.size
                continue
            # Look before keeping: a bundle may hold far more than logs.
            head = read_exactly(member.data, HEAD)
            if not packing(head) and (reason := _unwanted(member.name, head)):
                yield member.name, reason, None
                continue
            place, length = archives.spooled(spool, _chained(head, member.data), member.notes.append)
            kept = partial(_with_notes, tuple(member.notes), place)
            yield member.name, kept, length


def _unwanted(name: str, head: bytes) -> str | None:
    if not head:
        return "empty"
    return binary_reason(head) or _other_than_log(name, head, utf16_of(head))


# ---------------------------------------------------------------------------------------------------------- openers


def _open_packed(kind: str, opener: Opener, limits: Limits, size: int, note: Note) -> Blocks:
    return unpack(kind, opener(size, note), limits, note)


def _read_bytes(content: bytes, size: int, note: Note) -> Blocks:
    for at in range(0, len(content), size):
        yield content[at : at + size]


def _read_object(stream: object, start: int, size: int, note: Note) -> Blocks:
    try:
        stream.seek(start)  # type: ignore[attr-defined]
        while block := _read_any(stream, size):
            yield block
    except (OSError, ValueError) as error:
        note(f"reading stopped: {error}")


def _read_to_end(pipe: io.FileIO, size: int) -> bytes:
    """Reads a pipe, and closes it at its end."""
    if pipe.closed:
        return b""
    block = pipe.read(size) or b""
    if not block:
        pipe.close()
    return block


def _read_any(stream: object, size: int) -> bytes:
    return _as_bytes(stream.read, size)  # type: ignore[attr-defined]


def _as_bytes(read: object, size: int) -> bytes:
    block = read(size)  # type: ignore[operator]
    if isinstance(block, str):
        return block.encode("utf-8", "surrogateescape")
    return bytes(block or b"")


def _chained(head: bytes, rest: Blocks) -> Blocks:
    yield head
    yield from rest


def _with_notes(notes: tuple[str, ...], opener: Opener, size: int, note: Note) -> Blocks:
    for sentence in notes:
        note(sentence)
    return opener(size, note)


# ---------------------------------------------------------------------------------------------------------- helpers


def _walk(folder: str) -> Iterator[tuple[str, OSError | None]]:
    """The files below a folder in the order of their names; a folder that cannot be read comes with its error."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: natural(entry.name))
    except OSError as error:
        yield folder, error
        return
    folders = []
    for entry in listed:
        # Hidden folders hold version control and caches, never logs.
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                folders.append(entry.path)
        else:
            yield entry.path, None
    for path in folders:
        yield from _walk(path)


def _shown(name: str) -> str:
    """A name that any terminal and any encoding can take."""
    if not name.isascii():
        name = name.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return name if name.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in name)


def _ends_in_text(path: str) -> bool:
    try:
        with open(path, "rb", buffering=0) as handle:
            handle.seek(-min(HEAD, os.path.getsize(path)), os.SEEK_END)
            tail = handle.read(HEAD)
    except OSError:
        return False
    return binary_reason(tail) is None


_LOG_ENDINGS = (".log", ".out", ".err", "_log", "_err", "-log")
_LOG_NAMES = {"messages", "syslog", "console", "journal", "daemon.log", "stdout", "stderr"}
_KINDS = (
    ((".conf", ".config", ".cfg", ".ini", ".toml", ".yml", ".yaml", ".env", ".properties"), "a configuration file"),
    ((".pem", ".crt", ".cer", ".key", ".csr", ".p12"), "a certificate or key"),
    ((".html", ".htm", ".css", ".js", ".svg", ".md", ".rst"), "a document"),
    ((".json", ".csv", ".xml"), "data, not a log"),
    ((".py", ".sh", ".bat", ".ps1", ".erl", ".ex", ".rb", ".java", ".go"), "a program's source"),
)


def _is_log_name(name: str) -> bool:
    stem = split_rotation(os.path.basename(strip_compression(name).lower()))[0]
    return stem.endswith(_LOG_ENDINGS) or stem in _LOG_NAMES


def _other_than_log(name: str, head: bytes, codec: str | None) -> str | None:
    """Why a text file found in a folder or archive is left out; None if it is a broker's log."""
    if head.startswith(b"=erl_crash_dump"):
        return "an Erlang crash dump, not a log"
    if codec:
        head = head.decode(codec, "replace").encode("utf-8", "replace")
    base = os.path.basename(name.rpartition("!")[2]).lower()
    is_log_name = _is_log_name(base)
    if is_log_name and "rabbit" in base:
        return None
    from .envelopes import looks_like_broker_log

    if looks_like_broker_log(head) or (is_log_name and b"rabbit" in head.lower()):
        return None
    stem = strip_compression(base)
    for endings, what in _KINDS:
        if stem.endswith(endings):
            return what
    return "no lines of a RabbitMQ log at its beginning"
