"""From tallies to findings: what stands, what lasts, cause above effect, rank.

Nothing here reads a log; it works on what an :class:`~rabbitlogs.engine.analysis.Analysis` remembers, so it costs the
same for a thousand lines and for a thousand million.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.catalogue import SEVERITIES, Rule
from rabbitlogs.engine.causes import Places, causes_of, near
from rabbitlogs.engine.cluster import clock_offsets, cluster
from rabbitlogs.engine.detectors import DETECTORS
from rabbitlogs.engine.intervals import STARTS, order, state_of, unfinished
from rabbitlogs.engine.nodes import brokers
from rabbitlogs.engine.overview import connections, coverage, settings, timeline
from rabbitlogs.engine.report import Report
from rabbitlogs.engine.state import NO_MINUTE, Tally, seconds_key
from rabbitlogs.engine.versions import holds, releases
from rabbitlogs.engine.wording import finding_of
from rabbitlogs.framing.times import to_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.model import Finding

_COMPLETED = "boot.completed"
_OF_A_START = ("boot", "config")  # areas whose conditions concern one start: the next that succeeds ends them


def conclude(analysis: Analysis) -> Report:
    """The report of an analysis whose sources are closed."""
    rules = analysis.catalogue.rules
    tallies = {**_plain_tallies(analysis), **analysis.tallies}
    lifecycle: list[dict[str, Any]] = []
    silenced: dict[str, int] = {}
    candidates: list[tuple[Rule, Tally]] = []
    normal: list[tuple[Rule, Tally]] = []
    for rule_id, tally in sorted(tallies.items()):
        rule = rules[rule_id]
        if not holds(rule.since, rule.until, releases(tally, analysis)):
            continue
        if analysis.catalogue.changes.get(rule_id, {}).get("silence"):
            silenced[rule_id] = tally.number
        elif rule.lifecycle:
            row = {"id": rule_id, "title": rule.title, "count": tally.number, "first": tally.first, "last": tally.last}
            lifecycle.append(row)
            normal.append((rule, tally))
        elif stands(rule, tally, analysis.tallies, analysis):
            candidates.append((rule, tally))
    for rule in sorted(rules.values(), key=lambda rule: rule.id):
        if not rule.kinds and rule.correlate is not None and rule.correlate["type"] == "detector":
            found = DETECTORS[rule.correlate["name"]](analysis)
            if found is not None:
                candidates.append((rule, found))
    offsets = clock_offsets(analysis)
    causes = causes_of(candidates, analysis, normal=normal, offsets=_by_source(analysis, offsets))
    # a normal event that explains something is worth a line above what it explains
    candidates += [(rule, tally) for rule, tally in normal if rule.id in causes.values()]
    findings = [
        finding_of(rule, tally, _settled(rule, tally, analysis), causes.get(rule.id), analysis) for rule, tally in candidates
    ]
    by_id = {finding.id: finding for finding in findings}
    for finding in findings:
        if finding.caused_by:
            by_id[finding.caused_by].effects[finding.id] = finding.count
    findings.sort(key=_rank(findings))
    report = Report.of(analysis, findings, lifecycle)
    report.silenced = silenced
    report.timeline = timeline(analysis, _marks(findings, tallies))
    report.coverage = coverage(analysis, report)
    report.cluster = cluster(analysis, offsets)
    report.connections = connections(analysis)
    report.settings = settings(analysis)
    return report


def _by_source(analysis: Analysis, offsets: Mapping[str, float]) -> dict[str, float]:
    return {state.name: offsets[state.node] for state in analysis.sources.values() if state.node and offsets.get(state.node)}


def _settled(rule: Rule, tally: Tally, analysis: Analysis) -> str:
    """The state of a condition; one of a start that failed is over when a later start succeeded."""
    state = state_of(rule, tally, analysis.tallies, analysis)
    if state != "instant" or rule.area not in _OF_A_START or not tally.sources:
        return state
    where = brokers(analysis)
    starts, ends = (analysis.tallies.get(i) for i in (STARTS, _COMPLETED))
    if starts is None or ends is None:
        return state
    for broker in {where.get(source, source) for source in tally.sources}:
        last, begun, done = (
            max((m for m in its.moments.all() if where.get(m[1], m[1]) == broker), key=order, default=None)
            for its in (tally, starts, ends)
        )
        if last is None or begun is None or done is None or not order(last) < order(begun) < order(done):
            return state
    return "closed"


_MARKED = {
    "boot.starting": "start", "boot.stopping": "stop", "resource.memory_alarm": "alarm", "resource.disk_alarm": "alarm",
    "resource.file_handle_alarm": "alarm", "cluster.node_down": "loss", "cluster.partition_detected": "partition",
}  # fmt: skip
_MARKS = 200


def _marks(findings: list[Finding], tallies: Mapping[str, Tally]) -> list[dict[str, Any]]:
    """Moments to see on the time line: starts, stops, alarms, lost nodes, and where severe conditions begin."""
    out = []
    for rule_id, what in _MARKED.items():
        tally = tallies.get(rule_id)
        if tally is not None:
            seen = sorted({int(m[0]) for m in tally.moments.all() if m[0] is not None})
            out += [{"seconds": second, "id": rule_id, "what": what} for second in seen]
    for finding in findings:
        seconds = to_seconds(finding.first)
        if seconds is not None and finding.caused_by is None and finding.id not in _MARKED and finding.severity == "critical":
            out.append({"seconds": int(seconds), "id": finding.id, "what": "trouble"})
    out.sort(key=lambda mark: (mark["seconds"], mark["id"]))
    return out[:_MARKS]


def _plain_tallies(analysis: Analysis) -> dict[str, Tally]:
    """Tallies of conditions whose kinds are only counted."""
    from rabbitlogs.engine.state import iso
    from rabbitlogs.framing.framer import Line

    out: dict[str, Tally] = {}
    for state in analysis.sources.values():
        totals: Counter[str] = Counter()
        for (_, kind), number in state.counts.items():
            totals[kind] += number
        for kind, (first, last) in state.plain.items():
            if kind in analysis.tallies:
                continue
            for rule, _ in analysis.catalogue.by_kind.get(kind, ()):
                if not rule.lifecycle or rule.id in analysis.tallies:
                    continue
                tally = out.setdefault(rule.id, Tally())
                tally.count += totals[kind]
                for raw in (first, last):
                    tally.saw(iso(Line(raw).header.time))
    return out


# does it stand? -----------------------------------------------------------------------------------------------------


def stands(rule: Rule, tally: Tally, tallies: dict[str, Tally], analysis: Analysis) -> bool:
    """Whether what was counted is enough for the rule's correlation."""
    if rule.unless is not None and _made_good(rule.unless, tally, tallies, analysis):
        return False
    correlate = rule.correlate
    if correlate is None:
        return True
    kind = correlate["type"]
    if kind == "count":
        return any(_dense(m, correlate["at_least"], correlate.get("within")) for m in tally.minutes.values())
    if kind == "distinct":
        return bool(len(tally.subjects.get(correlate["of"], ())) >= correlate["at_least"])
    if kind == "sequence":
        after = correlate["after"]
        others = [tallies[i] for i in ([after] if isinstance(after, str) else after) if i in tallies]
        mine, within = tally.moments.all(), correlate.get("within", 10)
        return any(near(mine, Places(other.moments.all()), within) > 0 for other in others)
    if kind == "unfinished":
        return bool(unfinished(rule, tally, tallies, analysis))
    return True


def _made_good(unless: Mapping[str, Any], tally: Tally, tallies: Mapping[str, Tally], analysis: Analysis) -> bool:
    """Whether what failed was one way of several: its log tells of success, and of no failure of the whole near it."""
    if not tally.first_fields.keys() <= set(unless["kinds"]):
        return False  # another kind of event tells that the whole failed
    ways = [kind for i in unless["succeeds"] for kinds in analysis.catalogue.rules[i].kinds for kind in kinds]
    states = [state for state in analysis.sources.values() if state.name in tally.sources]
    if not any(kind in ways for state in states for _, kind in state.counts):
        return False
    mine, within = tally.moments.all(), unless.get("within", 5)
    return not any(near(mine, Places(tallies[i].moments.all()), within) > 0 for i in unless["fails"] if i in tallies)


def _dense(minutes: Counter[int], at_least: int, within: float | None) -> bool:
    """Whether so many events lie within so many seconds, told by the minute; events without a time count together."""
    if within is None or set(minutes) == {NO_MINUTE}:
        return minutes.total() >= at_least
    width = max(1, math.ceil(within / 60))
    return any(sum(minutes[start + i] for i in range(width)) >= at_least for start in minutes if start != NO_MINUTE)


def _rank(findings: Iterable[Finding]) -> Any:
    """Severity, open before closed, recent before old, what has no time first; an effect right after what caused it."""
    by_id = {finding.id: finding for finding in findings}

    def own(finding: Finding) -> tuple[Any, ...]:
        return (
            -SEVERITIES.index(finding.severity),
            {"open": 0, "instant": 1, "closed": 2}[finding.state],
            -seconds_key(finding.last) if finding.last else float("-inf"),
            seconds_key(finding.first),
            -finding.count,
            finding.id,
        )

    def key(finding: Finding) -> tuple[Any, ...]:
        chain = [finding]
        while chain[-1].caused_by in by_id and len(chain) < 10:
            chain.append(by_id[chain[-1].caused_by])
        return tuple(own(f) for f in reversed(chain))

    return key


def span_seconds(first: str | None, last: str | None) -> float | None:
    """Seconds between two times of a log."""
    start, end = to_seconds(first), to_seconds(last)
    return None if start is None or end is None else max(0.0, end - start)


__all__ = ["conclude", "span_seconds", "stands"]
