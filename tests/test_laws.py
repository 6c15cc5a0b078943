"""The laws of the design, as properties of any log."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rabbitlogs
from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.events import events_of
from rabbitlogs.sources import Source

SAMPLES = sorted(
    path for path in (Path(__file__).parent.parent / "samples").rglob("*") if path.suffix in (".log", ".txt", ".json")
)
_PIECES = [
    b"2026-11-23 07:46:48.684571+00:00 [info] <0.223.0> accepting AMQP connection 127.0.0.1:1 -> 127.0.0.1:5672",
    b"2026-11-23 07:46:48.684571+00:00 [error] <0.223.0> closing AMQP connection <0.1.0> (127.0.0.1:1 -> 127.0.0.1:5672):",
    b"2026-11-23 07:46:48.684571+00:00 [error] <0.223.0> missed heartbeats from client, timeout: 60s",
    b"2026-11-23 07:46:48.684571+00:00 [error] <0.223.0> ",
    b"2026-11-23 08:10:19.645 [warning] <0.273.0> something 'odd and unquoted",
    b"    {error,",
    b"=ERROR REPORT==== 20-Jun-2018::15:40:37 ===",
    b'{"time":"2026-11-23 07:49:10.292967+00:00","level":"error","msg":"hello\\nworld","pid":"<0.824.0>"}',
    b'{"a": {',
    b"\xff\xfe\x00broken \x1b[31mred",
    b"",
    b"BOOT FAILED",
    b"it's one quote",
]
_ENDS = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b""])
logs = st.lists(st.tuples(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=60)), _ENDS), max_size=25).map(
    lambda parts: b"".join(line + end for line, end in parts)
)
_quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@given(logs)
@_quick
def test_records_are_lossless(data: bytes) -> None:
    """Law 1: the records' bytes, joined, are the input, whatever the input is."""
    source = Source("a.log", lambda size, note: iter([data]))
    records = [event.record for event in events_of(source)]
    assert b"".join(data[r.offset : r.offset + r.length] for r in records) == data


@given(logs, st.lists(st.integers(0, 5000), max_size=6))
@_quick
def test_chunking_does_not_matter(data: bytes, cuts: list[int]) -> None:
    """Law 2: any pieces give the same report."""
    whole, parts = Analysis(), Analysis()
    whole.feed(data, "a.log")
    for piece in _pieces(data, cuts):
        parts.feed(piece, "a.log")
    assert whole.report().to_dict() == parts.report().to_dict()


@given(logs, st.lists(st.integers(0, 5000), min_size=1, max_size=4))
@_quick
def test_merging_does_not_matter(data: bytes, cuts: list[int]) -> None:
    """Law 3: the analyses of parts, cut at any byte and merged, give the report of the whole."""
    whole = Analysis()
    whole.feed(data, "a.log")
    first, *later = _pieces(data, cuts)
    merged = Analysis()
    merged.feed(first, "a.log")
    for piece in later:
        part = Analysis()
        part.feed(piece, "a.log")
        merged.merge(part)
    assert whole.report().to_dict() == merged.report().to_dict()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_keeps_the_laws(path: Path) -> None:
    """Real logs, cut at random places: lossless, and the same report from pieces and from merged parts."""
    data = path.read_bytes()
    assert b"".join(data[r.offset : r.offset + r.length] for r in rabbitlogs.read(data)) == data
    whole = Analysis()
    whole.feed(data, "a.log")
    expected = whole.report().to_dict()
    chance = random.Random(1)
    for _ in range(3):
        merged = Analysis()
        for number, piece in enumerate(_pieces(data, [chance.randrange(len(data) + 1) for _ in range(3)])):
            part = Analysis() if number else merged
            for start in range(0, len(piece), 7001):
                part.feed(piece[start : start + 7001], "a.log")
            if number:
                merged.merge(part)
        assert merged.report().to_dict() == expected


def test_totals_add_up(samples: Path) -> None:
    """Law 7: every record is counted once by level and once by kind."""
    for path in samples.rglob("*.log"):
        totals = rabbitlogs.explain(str(path)).totals
        assert sum(totals["by_level"].values()) == sum(totals["by_kind"].values()) == totals["records"]
        assert totals["bytes"] == path.stat().st_size
