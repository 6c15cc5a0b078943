"""``--since`` finds where to begin without reading what is before, and reads all where times are out of order."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rabbitlogs.api import analyse
from rabbitlogs.engine.filters import Filter, FilteredAnalysis, seek
from rabbitlogs.sources import open_sources

if TYPE_CHECKING:
    from pathlib import Path

BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
LINE = "{time} [info] <0.{n}.0> accepting AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672)\n"


def _log(first: int, last: int) -> str:
    return "".join(
        LINE.format(time=f"{BEGUN + timedelta(seconds=n):%Y-%m-%d %H:%M:%S.%f}+00:00", n=n) for n in range(first, last)
    )


def _records(path: Path, since: float) -> int:
    analysis = FilteredAnalysis(Filter(since=since))
    analyse(analysis, open_sources([str(path)]))
    return int(analysis.report().totals["records"])


def test_a_file_in_order_is_not_read_from_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few looks find the place; nothing from the moment on is missed."""
    path = tmp_path / "a.log"
    path.write_text(_log(0, 60000))
    since = (BEGUN + timedelta(seconds=55000)).timestamp()
    looked = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, offset: looked.append(size) or real(file, size, offset))
    start = seek(str(path), since)
    assert path.stat().st_size * 0.85 < start < path.stat().st_size * 55000 / 60000
    assert sum(looked) < path.stat().st_size / 3
    assert _records(path, since) == 5000


def test_a_file_out_of_order_is_read_whole(tmp_path: Path) -> None:
    """Two logs in one file, the later one first: halving would miss it."""
    path = tmp_path / "a.log"
    path.write_text(_log(30000, 40000) + _log(0, 30000))
    since = (BEGUN + timedelta(seconds=35000)).timestamp()
    assert seek(str(path), since) == 0
    assert _records(path, since) == 5000


def test_a_file_without_times_is_read_whole(tmp_path: Path) -> None:
    """There is nothing to halve by."""
    path = tmp_path / "a.log"
    path.write_text("no time here\n" * 20000)
    assert seek(str(path), BEGUN.timestamp()) == 0


@pytest.mark.parametrize(("since", "until"), [(61.5, None), (60.0, 180.0), (None, 119.999), (90.0, 100.0), (3600.0, None)])
def test_a_minute_at_the_edge_is_told_record_by_record(since: float | None, until: float | None) -> None:
    """What is told by the minute is what the times of the records say."""
    begun = BEGUN.timestamp()
    chosen = Filter(since=None if since is None else begun + since, until=None if until is None else begun + until)
    analysis = FilteredAnalysis(chosen)
    analysis.feed(_log(0, 300), "a.log")
    expected = sum((since is None or n >= since) and (until is None or n <= until) for n in range(300))
    assert analysis.report().totals["records"] == expected
