"""The verdict: what is wrong now, what was wrong and is over, what looks frightening and is harmless."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rabbitlogs.engine.state import seconds_key
from rabbitlogs.framing.times import to_seconds

if TYPE_CHECKING:
    from rabbitlogs.model import Finding
    from rabbitlogs.report.report import Report

_LOUD = ("warning", "error", "critical")
_UNREAD = ("warning", "error", "critical", "alert", "emergency")
_RECENT = 300.0  # seconds before the end of the log that still count as now
_RECENT_SHARE = 0.05  # or this share of its span


@dataclass(slots=True)
class Verdict:
    """The findings that stand for themselves (effects are counted under their cause), sorted into three heaps."""

    now: list[Finding] = field(default_factory=list)
    over: list[Finding] = field(default_factory=list)
    harmless: list[Finding] = field(default_factory=list)
    sentence: str = ""

    def to_dict(self) -> dict[str, object]:
        """The verdict as the JSON report has it: ids of findings, and the first thing to say."""
        first = min((f for f in (*self.now, *self.over) if f.first), key=lambda f: seconds_key(f.first), default=None)
        return {
            "sentence": self.sentence,
            "now": [finding.id for finding in self.now],
            "over": [finding.id for finding in self.over],
            "harmless": [finding.id for finding in self.harmless],
            "first": first.id if first is not None else None,
        }


def judge(report: Report) -> Verdict:
    """Sorts findings by what a reader has to do about them.

    An open condition is wrong now. One without an end counts as now when it was last seen near the end of the log.
    """
    verdict = Verdict()
    first, last = report.span()
    start, end = to_seconds(first), to_seconds(last)
    for finding in report.findings:
        if finding.caused_by is not None:
            continue
        if finding.severity not in _LOUD:
            verdict.harmless.append(finding)
        elif finding.state == "open" or (finding.state == "instant" and _recent(finding, start, end)):
            verdict.now.append(finding)
        else:
            verdict.over.append(finding)
    verdict.sentence = _sentence(verdict, report)
    return verdict


def _recent(finding: Finding, start: float | None, end: float | None) -> bool:
    seen = to_seconds(finding.last)
    if seen is None or end is None or start is None:
        return True
    return end - seen <= max(_RECENT, (end - start) * _RECENT_SHARE)


def _sentence(verdict: Verdict, report: Report) -> str:
    if verdict.now:
        return verdict.now[0].what
    if verdict.over:
        return "Nothing is wrong at the end of this log; something was."
    unread = sum(int(row["count"]) for row in report.unexplained if row["level"] in _UNREAD)
    if unread:
        return f"Nothing known to be wrong was found, but {unread:,} errors and warnings were not understood: see below."
    return "Nothing in this log is wrong."
