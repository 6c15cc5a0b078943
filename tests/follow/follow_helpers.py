"""What the tests of following share: a small catalogue, lines that fire its rules, a follower run by hand."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rabbitlogs.engine.catalogue import Catalogue, Rule, build_index
from rabbitlogs.follow import Diagnosis, Follower, Gap, Item, Update

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEADLINE = 30.0

RULES = {
    "connection.heartbeat_missed": """
title = "A client missed its heartbeats"
severity = "error"
subjects = ["client", "user"]
[[match]]
kind = "connection.heartbeat_missed"
[explain]
what = "Nothing came from {client}."
""",
    "connection.closed_abruptly": """
title = "A client vanished"
severity = "warning"
[[match]]
kind = "connection.closed_abruptly"
[explain]
what = "The client was gone."
""",
}


def catalogue(folder: Path, rules: dict[str, str] = RULES) -> Catalogue:
    """A catalogue of a few rules of our own."""
    for rule_id, text in rules.items():
        area, _, name = rule_id.partition(".")
        (folder / area).mkdir(parents=True, exist_ok=True)
        (folder / area / f"{name}.toml").write_text(text, encoding="utf-8")
    return Catalogue(Rule(row, str(folder)) for row in build_index(str(folder)))


def stamp(number: int) -> str:
    """A time that is different for every number and grows with it."""
    return f"2026-02-{1 + number // 86400:02d} {number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.{number % 1000:03d}000+00:00"


def plain(number: int) -> bytes:
    """A record of one line that fires nothing."""
    return f"{stamp(number)} [info] <0.{number}.0> Message number {number} of no interest\n".encode()


def beat(number: int, reason: str = "missed heartbeats from client, timeout: 60s") -> bytes:
    """A record of two lines that is a missed heartbeat; its first line alone is not."""
    head = f"{stamp(number)} [error] <0.{number}.0> "
    client = f"10.0.{number // 250 % 250}.{number % 250}:{1024 + number % 60000}"
    return f"{head}closing AMQP connection <0.{number}.0> ({client} -> 10.9.9.9:5672):\n{head}{reason}\n".encode()


def gone(number: int) -> bytes:
    """The same, of a client that vanished."""
    return beat(number, "client unexpectedly closed TCP connection")


class Live:
    """A follower in a thread, and what it has said so far."""

    def __init__(self, *sources: object, rules: Catalogue, **options: object) -> None:
        self.follower = Follower(*map(str, sources), catalogue=rules, **options)  # type: ignore[arg-type]
        self.items: list[Item] = []
        self.error: BaseException | None = None
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(DEADLINE)

    def _run(self) -> None:
        try:
            for item in self.follower.ticks(0.02):
                if item is None:  # the first look at everything is done
                    self._ready.set()
                with self._news:
                    if item is not None:
                        self.items.append(item)
                    self._news.notify_all()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.error = error
        finally:
            self._ready.set()
            with self._news:
                self._news.notify_all()

    def until(self, condition: Callable[[Live], bool], what: str = "") -> None:
        """Waits until something is so."""
        end = time.monotonic() + DEADLINE
        with self._news:
            while not condition(self):
                if self.error is not None:
                    raise self.error
                left = end - time.monotonic()
                assert left > 0, f"not so in time: {what}; said: {self.items}"
                assert self._thread.is_alive(), f"ended before: {what}; said: {self.items}"
                self._news.wait(left)

    def until_bytes(self, number: int) -> None:
        """Waits until so many bytes were read."""
        self.until(lambda live: live.follower.status().bytes >= number, f"{number} bytes read")

    def until_count(self, rule_id: str, number: int) -> None:
        """Waits until so many events of a condition were said."""
        self.until(lambda live: live.said(rule_id) >= number, f"{rule_id} x {number}")

    def said(self, rule_id: str) -> int:
        """The count said last of a condition."""
        for item in reversed(self.items):
            if isinstance(item, Update) and item.id == rule_id:
                return item.count
            if isinstance(item, Diagnosis) and item.finding.id == rule_id:
                return item.finding.count
        return 0

    def diagnoses(self) -> list[Diagnosis]:
        return [item for item in self.items if isinstance(item, Diagnosis)]

    def gaps(self) -> list[Gap]:
        return [item for item in self.items if isinstance(item, Gap)]

    def stop(self) -> None:
        """Ends following and waits for its thread."""
        self.follower.stop()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.follower.stop()
        self._thread.join(DEADLINE)


def totals(live: Live) -> dict[str, object]:
    """What a report says of a followed log that reading it whole has to say too."""
    report = live.follower.report()
    return shown(report.to_dict())


def shown(report: dict[str, object]) -> dict[str, object]:
    """The part of a report that does not depend on how the bytes were cut into files."""
    found: Sequence[dict[str, object]] = report["findings"]  # type: ignore[assignment]
    whole: dict[str, object] = report["totals"]  # type: ignore[assignment]
    return {
        "totals": {key: whole[key] for key in ("bytes", "lines", "records", "by_level", "by_kind", "unknown")},
        "findings": [{key: f[key] for key in ("id", "state", "count", "first", "last", "subjects", "what")} for f in found],
    }
