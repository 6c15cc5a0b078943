"""Tells others of new conditions: a command, a web address. A receiver that hangs delays nobody but itself."""

from __future__ import annotations

import json
import os
import queue
import shlex
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rabbitlogs.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbitlogs.follow.items import Diagnosis

WAITING = 100  # conditions waiting for a slow receiver; more are dropped and counted
BURST = 10  # conditions at once
PER_SECOND = 1.0  # and afterwards
PATIENCE = 30.0  # seconds a command may run
WEB_PATIENCE = 10.0


class Notifier:
    """Hands each new condition to a receiver, in a thread of its own.

    Args:
        send: delivers one JSON document; returns what went wrong, or None.
    """

    def __init__(self, name: str, send: Callable[[bytes], str | None]) -> None:
        self.name = name
        self.dropped = 0
        self.problems: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._send = send
        self._queue: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"rabbitlogs-{name}", daemon=True)
        self._thread.start()

    def offer(self, diagnosis: Diagnosis) -> None:
        """Queues a condition; never waits."""
        try:
            self._queue.put_nowait(json.dumps(diagnosis.to_dict(), default=str).encode())
        except queue.Full:
            self.dropped += 1

    def close(self, patience: float = 2.0) -> None:
        """Gives the receiver a moment for what is waiting, then leaves."""
        with suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(patience)
        self._closing.set()

    def _run(self) -> None:
        tokens, last = float(BURST), time.monotonic()
        while (document := self._queue.get()) is not None:
            now = time.monotonic()
            tokens, last = min(float(BURST), tokens + (now - last) * PER_SECOND), now
            if tokens < 1 and self._closing.wait((1 - tokens) / PER_SECOND):
                return
            tokens -= 1
            problem = self._send(document)
            if problem:
                self.problems.put(f"{self.name}: {problem}")


def command_receiver(command: str) -> Callable[[bytes], str | None]:
    """Runs a command for each condition, its JSON on standard input; no shell is involved."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--exec {command!r}: {error}") from error
    if not words:
        raise UsageError("--exec needs a command")

    def send(document: bytes) -> str | None:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own command, without a shell
                words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            return f"{words[0]} could not be run: {(error.strerror or str(error)).lower()}"
        try:
            process.communicate(document, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            if hasattr(os, "killpg"):
                with suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
            return f"{words[0]} did not end within {PATIENCE:.0f} s and was killed"
        return f"{words[0]} ended with {process.returncode}" if process.returncode else None

    return send


def web_receiver(url: str) -> Callable[[bytes], str | None]:
    """Posts the JSON of each condition to an address."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise UsageError(f"--webhook {url!r}: an http or https address was expected")

    def send(document: bytes) -> str | None:
        from http.client import HTTPException
        from urllib.request import Request, urlopen

        request = Request(url, document, {"Content-Type": "application/json", "User-Agent": "rabbitlogs"})  # noqa: S310
        try:
            with urlopen(request, timeout=WEB_PATIENCE):  # noqa: S310 - the scheme was checked
                return None
        except (OSError, HTTPException, ValueError) as error:
            return str(error)

    return send
