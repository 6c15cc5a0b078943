"""What wakes the reader: watchdog where the system tells of changes, a clock where it does not.

A wake-up is only a hint. The reader decides by itself what changed, and looks at everything once a second whoever calls.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

POLLING_VARIABLE = "RABBITLOGS_POLLING"
_SILENT = ("nfs", "cifs", "smb", "9p", "fuse", "vboxsf", "virtiofs", "ceph", "gluster", "lustre", "afs", "prl_fs", "drvfs")


class Wake:
    """Waiting that ends when something was touched, or when asked to stop."""

    def __init__(self) -> None:
        # a re-entrant lock: a signal handler that stops may interrupt this very thread while it holds it
        self._condition = threading.Condition(threading.RLock())
        self._touched: set[str] = set()
        self._all = False
        self.stopped = False
        self.at = 0.0  # when the first touch not taken yet came
        self.touches = 0

    def touch(self, path: str | None = None) -> None:
        """Something changed: a path, or nobody knows what."""
        self.touches += 1
        with self._condition:
            if not self._touched and not self._all:
                self.at = time.monotonic()
            if path is None:
                self._all = True
            else:
                self._touched.add(path)
            self._condition.notify_all()

    def stop(self) -> None:
        """Ends all waiting, now and later."""
        with self._condition:
            self.stopped = True
            self._condition.notify_all()

    def take(self) -> tuple[set[str], bool]:
        """What was touched since the last time, and whether everything has to be looked at."""
        with self._condition:
            taken, everything = self._touched, self._all
            self._touched, self._all = set(), False
        return taken, everything

    def wait(self, seconds: float, also: threading.Event | None = None) -> None:
        """Waits for a touch, a stop, or some seconds; a foreign stop event is looked at twenty times a second."""
        end = time.monotonic() + seconds
        with self._condition:
            while not (self._touched or self._all or self.stopped):
                left = end - time.monotonic()
                if left <= 0 or (also is not None and also.is_set()):
                    return
                self._condition.wait(left if also is None else min(left, 0.05))

    def rest(self, seconds: float) -> None:
        """Waits some seconds whatever is touched, so that a fast writer's lines are read many at a time."""
        end = time.monotonic() + seconds
        with self._condition:
            while not self.stopped and (left := end - time.monotonic()) > 0:
                self._condition.wait(left)


def tells_of_changes(folder: str, mounts: str = "/proc/self/mountinfo") -> bool:
    """Whether the file system of a folder can be expected to tell of changes made elsewhere."""
    try:
        with open(mounts, encoding="utf-8", errors="replace") as file:
            table = [line.split(" ") for line in file]
    except OSError:
        return True
    real = os.path.realpath(folder)
    best, kind = "", ""
    for row in table:
        if len(row) < 9 or "-" not in row:
            continue
        place = row[4].replace("\\040", " ")
        if (real == place or real.startswith(place.rstrip("/") + "/")) and len(place) >= len(best):
            best, kind = place, row[row.index("-") + 1]
    return not kind.startswith(_SILENT)


class Watcher:
    """Watches folders and touches the :class:`Wake` with the paths that change in them.

    Args:
        polling: True never watches; False always tries; None decides by the environment and the file system.
    """

    def __init__(self, wake: Wake, polling: bool | None = None) -> None:
        self._wake = wake
        if polling is None and (setting := os.environ.get(POLLING_VARIABLE, "").lower()):
            polling = setting not in ("0", "no", "false", "off")
        self._forced = polling
        self._observer: Any = None
        self._watches: dict[tuple[str, bool], tuple[Any, tuple[int, int]]] = {}
        self._failed: set[tuple[str, bool]] = set()
        self._missed = 0
        self.is_polling = bool(polling)
        self.is_paused = False

    def watch(self, folders: Iterable[tuple[str, bool]]) -> None:
        """Watches these folders (each alone, or with what is below) and no others; those not there yet are tried again."""
        if self._forced or self.is_paused:
            return
        wanted = set(folders)
        polling = False
        for key in [key for key in self._watches if key not in wanted or self._identity(key[0]) != self._watches[key][1]]:
            self._drop(key)
        for key in wanted - self._watches.keys():
            identity = self._identity(key[0])
            if identity is None:
                polling = True  # it may appear at any time
            elif key in self._failed or (self._forced is None and not tells_of_changes(key[0])) or not self._add(key, identity):
                polling = True
                self._failed.add(key)
        self.is_polling = polling or self._missed >= 3

    def pause(self) -> None:
        """Stops being told: so much is written that the telling costs more than the reading."""
        self.is_paused = True
        for key in list(self._watches):
            self._drop(key)

    def resume(self) -> None:
        """Is told again, from the next :meth:`watch` on."""
        self.is_paused = False

    def told(self) -> None:
        """A change was found that had been told of."""
        if not self.is_polling:
            self._missed = 0

    def missed(self) -> None:
        """A change was found that nothing told of. The third time the watcher is no longer relied on."""
        if self.is_paused:
            return
        self._missed += 1
        if self._missed >= 3 and self._forced is None:
            self.is_polling = True

    def close(self) -> None:
        """Ends watching and all its threads."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None
        self._watches.clear()

    @staticmethod
    def _identity(folder: str) -> tuple[int, int] | None:
        try:
            found = os.stat(folder)
        except (OSError, ValueError):
            return None
        return found.st_dev, found.st_ino

    def _add(self, key: tuple[str, bool], identity: tuple[int, int]) -> bool:
        from watchdog import events

        folder, recursive = key
        wake = self._wake

        class Handler(events.FileSystemEventHandler):
            def dispatch(self, event: events.FileSystemEvent) -> None:
                wake.touch(os.fsdecode(event.src_path))
                if event.dest_path:
                    wake.touch(os.fsdecode(event.dest_path))

        wanted = [
            events.FileModifiedEvent, events.FileCreatedEvent, events.FileMovedEvent, events.FileDeletedEvent,
            events.DirCreatedEvent, events.DirMovedEvent, events.DirDeletedEvent,
        ]  # fmt: skip
        try:
            if self._observer is None:
                from watchdog.observers import Observer

                self._observer = Observer()
                self._observer.start()
            watch = self._observer.schedule(Handler(), folder, recursive=recursive, event_filter=wanted)
        except (OSError, RuntimeError):  # no watches left, a folder that vanished just now
            return False
        self._watches[key] = watch, identity
        return True

    def _drop(self, key: tuple[str, bool]) -> None:
        watch, _ = self._watches.pop(key)
        with suppress(KeyError, OSError, RuntimeError):
            self._observer.unschedule(watch)
