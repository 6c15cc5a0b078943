"""Sources that are not files: standard input and other pipes, read by a thread that can be stopped."""

from __future__ import annotations

import os
import stat
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rabbitlogs.follow.watching import Wake

_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")  # what a shell gives for <(command)
HELD = 16 << 20  # bytes waiting for the reader; the writer waits meanwhile
CHUNK = 1 << 18


def open_pipe(path: str) -> int | None:
    """A descriptor of a path that is a pipe or a device; None where it is neither.

    A named pipe is kept open when its writer leaves, so that the next one can go on.
    """
    for place in _DESCRIPTORS:
        if path.startswith(place) and path[len(place) :].isdigit():
            return os.dup(int(path[len(place) :]))
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISFIFO(mode):
            return os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        if stat.S_ISCHR(mode):
            return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    return None


class Pipe:
    """Reads a file descriptor as bytes come. :attr:`ended` is set when nothing more will come.

    Args:
        is_ours: close the descriptor in the end.
    """

    def __init__(self, name: str, handle: int, wake: Wake, *, is_ours: bool = False) -> None:
        self._is_ours = is_ours
        self.name, self.notices = name, deque[str]()
        self.ended = False
        self._handle, self._wake = handle, wake
        self._parts: deque[bytes] = deque()
        self._held = 0
        self._room = threading.Condition()
        self._stopping = False
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name=f"rabbitlogs-{name}", daemon=True)
        self._thread.start()

    def take(self) -> bytes:
        """What has come since the last time."""
        with self._room:
            data = b"".join(self._parts)
            self._parts.clear()
            self._held = 0
            self._room.notify_all()
        return data

    def lost(self) -> int | None:
        """Bytes that could not be kept: none, the writer waits."""
        return 0

    def close(self) -> None:
        """Stops the thread."""
        with self._room:
            self._stopping = True
            self._room.notify_all()
        os.write(self._stop_write, b"x")
        self._thread.join(1.0)  # on Windows a read cannot be interrupted; the thread is a daemon there
        if not self._thread.is_alive():
            os.close(self._stop_read)
            os.close(self._stop_write)
            if self._is_ours:
                os.close(self._handle)

    def _run(self) -> None:
        try:
            while not self._stopping and self._wait():
                data = os.read(self._handle, CHUNK)
                if not data:
                    break
                with self._room:
                    self._parts.append(data)
                    self._held += len(data)
                    self._wake.touch(self.name)
                    while self._held >= HELD and not self._stopping:
                        self._room.wait()
        except OSError as error:
            self.notices.append(f"{self.name} could not be read further: {(error.strerror or str(error)).lower()}")
        self.ended = True
        self._wake.touch(self.name)

    def _wait(self) -> bool:
        """Waits for bytes; False when it is time to stop."""
        if os.name == "nt":
            return True
        import selectors

        with selectors.DefaultSelector() as selector:
            selector.register(self._stop_read, selectors.EVENT_READ)
            try:
                selector.register(self._handle, selectors.EVENT_READ)
            except (OSError, ValueError):  # an ordinary file: always ready
                return True
            return all(key.fd != self._stop_read for key, _ in selector.select())
