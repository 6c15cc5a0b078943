"""Reading many records at once gives what reading them one by one gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from rabbitlogs.engine import source_state
from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.events import events_of, lines_of
from rabbitlogs.report.jsonl import event_line, event_lines
from rabbitlogs.sources import open_sources

SAMPLES = sorted(path for path in (Path(__file__).parent.parent / "samples").rglob("*.log") if path.stat().st_size < 200000)


def _one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record is read by itself, with the full expression."""
    monkeypatch.setattr(source_state, "WORTH", 10**9)
    monkeypatch.setattr(source_state, "learn", lambda *_: None)


def _report(data: bytes) -> dict[str, object]:
    analysis = Analysis()
    analysis.feed(data, "a.log")
    return analysis.report().to_dict()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_at_once_or_one_by_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, subjects, times and evidence are the same, for a log repeated until batches form."""
    data = path.read_bytes()
    data = data * max(1, min(12, 400000 // len(data)))
    together = _report(data)
    _one_by_one(monkeypatch)
    assert _report(data) == together


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_written_at_once_or_one_by_one(path: Path) -> None:
    """The lines of ``parse`` are those of its events, in the order of the log."""
    data = path.read_bytes()
    data = data * max(1, min(12, 400000 // len(data)))
    (source,) = open_sources([data]).sources
    written = "".join(part.decode() for part in lines_of(source, event_line, event_lines))
    (source,) = open_sources([data]).sources
    assert written == "".join(map(event_line, events_of(source)))


HOSTILE = [
    "user '{user}' authenticated and granted access to vhost '/'",
    "closing AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, vhost: '{user}', user: '{user}'):\n"
    "client unexpectedly closed TCP connection",
    "Error on AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, state: starting):\n"
    "PLAIN login refused: user '{user}' - invalid credentials",
    "Channel error on connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, vhost: '/', user: '{user}'), channel {n}:\n"
    "operation queue.declare caused a channel exception not_found: no queue '{user}' in vhost '/'",
    "closing AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672):\nmissed heartbeats from client, timeout: {n}s",
]
NAMES = [
    "a", "", "10", "x, user: y", "a -> b", "):", "two  blanks", "tab\there", "a&lt;b", "é", "\udcff", "%s", '"', "\\", "{a}",
    "no exchange", " - invalid credentials",
]  # fmt: skip


@pytest.mark.parametrize("lager", [False, True])
@pytest.mark.parametrize("message", HOSTILE)
def test_names_are_not_read_as_words(message: str, lager: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in quotes, however it looks, is counted as it is when each record is read by itself."""
    lines = []
    for n in range(400):
        zone = "" if lager else "571+00:00"
        head = f"2026-11-23 07:{n // 60:02}:{n % 60:02}.684{zone} [error] <0.{n}.0> "
        text = message.format(n=1000 + n, user=NAMES[n % 7 if n < 40 else n % len(NAMES)])
        lines.append(head + text.replace("\n", "\n" if lager else "\n" + head))
    data = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    together = _report(data * 3)
    (source,) = open_sources([data]).sources
    written = "".join(part.decode() for part in lines_of(source, event_line, event_lines))
    (source,) = open_sources([data]).sources
    assert written == "".join(map(event_line, events_of(source)))
    _one_by_one(monkeypatch)
    assert _report(data * 3) == together
