"""The verdict: what is wrong now, what was wrong and is over, what looks frightening and is harmless."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.state import seconds_key
from rabbitlogs.framing.times import to_seconds

if TYPE_CHECKING:
    from rabbitlogs.engine.report import Report
    from rabbitlogs.model import Advice, Finding

_LOUD = ("warning", "error", "critical")
_UNREAD = ("warning", "error", "critical", "alert", "emergency")
_PART = "boot.failure_in_part"  # a reason alone, as command line tools print it too
_GAVE_UP = "gave up its start"  # what boot.failed says
_RECENT = 120.0  # seconds before the end of the log that still count as now
_PAUSES = 3  # or this many of the usual pauses of what repeats,
_FARTHEST, _FARTHEST_SHARE = 300.0, 0.05  # but no more than these seconds, or this share of the log's time span
_SPREADS = ("cluster", "metadata", "queue", "stream")  # areas where trouble of one kind brings the next
_MANY, _STRANGE = 20, 0.95  # records, and the share of them that is of no kind, where another program may have written them
_ONE_INCIDENT = 30.0  # seconds between the end of one and the beginning of the next that may belong together


@dataclass(slots=True)
class Verdict:
    """The findings that stand for themselves (effects are counted under their cause), sorted into three heaps.

    Attributes:
        no_start: the last start in the log ended in failure, so a node does not run, whatever the reason is called.
        began_with: of what is wrong now, what began first: it, or something shortly before it that is over.
        step: what to do first.
    """

    now: list[Finding] = field(default_factory=list)
    over: list[Finding] = field(default_factory=list)
    harmless: list[Finding] = field(default_factory=list)
    sentence: str = ""
    no_start: bool = False
    began_with: Finding | None = None
    step: Advice | None = None

    def to_dict(self) -> dict[str, Any]:
        """The verdict as the JSON report has it: ids of findings, and the first thing to say."""
        first = min((f for f in (*self.now, *self.over) if f.first), key=lambda f: seconds_key(f.first), default=None)
        return {
            "sentence": self.sentence,
            "now": [finding.id for finding in self.now],
            "over": [finding.id for finding in self.over],
            "harmless": [finding.id for finding in self.harmless],
            "first": first.id if first is not None else None,
            "began_with": self.began_with.id if self.began_with is not None else None,
            "do_first": self.step.to_dict() if self.step is not None else None,
        }


def judge(report: Report) -> Verdict:
    """Sorts findings by what a reader has to do about them.

    An open condition is wrong now. One without an end counts as now when it was last seen near the end of the log. An
    effect stands with its cause, unless it is open still and the cause is not.
    """
    verdict = Verdict()
    first, last = report.span()
    start, end = to_seconds(first), to_seconds(last)
    by_id = {finding.id: finding for finding in report.findings}

    def is_now(finding: Finding) -> bool:
        return finding.severity in _LOUD and (
            finding.state == "open" or (finding.state == "instant" and _recent(finding, start, end))
        )

    for finding in report.findings:
        root = _root(finding, by_id)
        if root is not finding:
            if finding.state == "open" and finding.severity in _LOUD and not is_now(root):
                verdict.now.append(finding)
        elif finding.severity not in _LOUD:
            verdict.harmless.append(finding)
        elif is_now(finding):
            verdict.now.append(finding)
        else:
            verdict.over.append(finding)
    verdict.no_start = bool(verdict.now) and _no_start(report)
    verdict.sentence = _sentence(verdict, report)
    verdict.began_with = _began_with(verdict)
    verdict.step = next((step for finding in verdict.now for step in finding.next), None)
    return verdict


def _root(finding: Finding, by_id: dict[str, Finding]) -> Finding:
    """What a finding follows from in the end: itself, where nothing that is in the report."""
    at, seen = finding, {finding.id}
    while at.caused_by in by_id and at.caused_by not in seen:
        at = by_id[at.caused_by]
        seen.add(at.id)
    return at


def begun(finding: Finding) -> str | None:
    """When what a finding says began: for an open one, when it began the last time."""
    return finding.details.get("since") or finding.first


def until_of(finding: Finding) -> str | None:
    """When what a finding says ended, or was seen last."""
    return finding.details.get("until") or finding.last


def _began_with(verdict: Verdict) -> Finding | None:
    """The first domino: going back from the worst of what is wrong now, as long as something led up to it.

    Only trouble between nodes spreads so that being earlier is telling; two clients' mistakes have nothing to do with each
    other.
    """
    if not verdict.now or begun(verdict.now[0]) is None:
        return None
    out = verdict.now[0]
    at = seconds_key(begun(out))
    others = [(seconds_key(begun(f)), f) for f in (*verdict.now, *verdict.over) if f.area in _SPREADS and begun(f) is not None]
    for seconds, finding in sorted(others, key=lambda pair: (-pair[0], pair[1].id)):
        ended = at if finding.state == "open" else seconds_key(until_of(finding))
        if out.area in _SPREADS and seconds < at <= ended + _ONE_INCIDENT:
            out, at = finding, seconds
    return out


def _recent(finding: Finding, start: float | None, end: float | None) -> bool:
    seen = to_seconds(finding.last)
    if seen is None or end is None or start is None:
        return True
    pause = (seen - (to_seconds(finding.first) or seen)) / max(1, finding.count - 1)
    return end - seen <= max(_RECENT, min(_PAUSES * pause, max(_FARTHEST, (end - start) * _FARTHEST_SHARE)))


def _no_start(report: Report) -> bool:
    """Whether the last start ended in failure: not one that ended a run, and none that worked came after it."""
    last = {row["id"]: row["last"] for row in report.lifecycle}
    if "boot.start_given_up" not in last:
        return False
    if {kind for kind in report.totals["by_kind"] if kind.startswith("boot.")} == {_PART}:
        return False
    ended, completed, begun = (last.get(f"boot.{name}") for name in ("start_given_up", "completed", "starting"))
    if ended is None or begun is None:  # no times, or the beginning of the start is not in the log
        return "boot.completed" not in last and not any(name.startswith("connection.") for name in last)
    return seconds_key(begun) <= seconds_key(ended) and (completed is None or seconds_key(completed) < seconds_key(begun))


def _sentence(verdict: Verdict, report: Report) -> str:
    if verdict.now:
        told = verdict.now[0].what
        return f"The node did not start. {told}" if verdict.no_start and _GAVE_UP not in told else told
    if verdict.over:
        return "Nothing is wrong at the end of this log; something was."
    unread = sum(int(row["count"]) for row in report.unexplained if row["level"] in _UNREAD)
    spoken, unknown = report.spoken, report.totals["unknown"]
    if unread and spoken >= _MANY and unknown >= spoken * _STRANGE:
        return f"Hardly anything of this was recognised, {unread:,} errors and warnings among it: it may be no log of RabbitMQ."
    if unread:
        return f"Nothing known to be wrong was found, but {unread:,} errors and warnings were not understood: see below."
    if report.totals["records"] and unknown == spoken:
        return "Not one record of this was recognised: it may be no log of RabbitMQ, so this says nothing."
    if unknown * 2 > spoken:
        return "Nothing known to be wrong was found, but most of this was not recognised: it may be no log of RabbitMQ."
    if report.unjudged:
        kinds = ", ".join([*report.unjudged][:3])
        return f"Nothing known to be wrong was found, but no rule judges these errors; rabbitlogs parse shows them: {kinds}."
    return "Nothing in this log is wrong."
