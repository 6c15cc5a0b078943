"""Reading many records at once gives what reading them one by one gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from rabbitlogs.engine import analysis as module
from rabbitlogs.engine.analysis import Analysis

SAMPLES = sorted(path for path in (Path(__file__).parent.parent / "samples").rglob("*.log") if path.stat().st_size < 200000)


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
    monkeypatch.setattr(module, "WORTH", 10**9)
    assert _report(data) == together
