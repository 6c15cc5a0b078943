"""From tallies to findings: intervals, correlations, cause above effect, rank.

Nothing here reads a log; it works on what an :class:`~rabbitlogs.engine.analysis.Analysis` remembers, so it costs the
same for a thousand lines and for a thousand million.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.catalogue import SEVERITIES, Rule
from rabbitlogs.engine.detectors import DETECTORS
from rabbitlogs.engine.overview import cluster, coverage, timeline
from rabbitlogs.engine.prose import command, fill, text_of
from rabbitlogs.engine.state import NO_MINUTE, OTHERS, Moment, Tally, before, seconds_key
from rabbitlogs.framing.times import to_seconds
from rabbitlogs.model import Advice, Cause, Finding
from rabbitlogs.report.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbitlogs.engine.analysis import Analysis

_SAMPLE = 400  # moments of an effect that are compared with a cause's
_LINES = 60  # records without times are near when they are this many lines apart
_SUBJECTS_SHOWN = 20
_LAST_RESORT_WITHIN = 2.0


def conclude(analysis: Analysis) -> Report:
    """The report of an analysis whose sources are closed."""
    rules = analysis.catalogue.rules
    tallies = dict(analysis.tallies)
    lifecycle: list[dict[str, Any]] = []
    silenced: dict[str, int] = {}
    plain = _plain_tallies(analysis)
    candidates: list[tuple[Rule, Tally]] = []
    for rule_id, tally in sorted({**plain, **tallies}.items()):
        rule = rules[rule_id]
        if analysis.catalogue.changes.get(rule_id, {}).get("silence"):
            silenced[rule_id] = tally.count
        elif rule.lifecycle:
            lifecycle.append({"id": rule_id, "title": rule.title, "count": tally.count, "first": tally.first, "last": tally.last})
        elif _stands(rule, tally, tallies, analysis):
            candidates.append((rule, tally))
    for rule in sorted(rules.values(), key=lambda rule: rule.id):
        if rule.correlate is not None and rule.correlate["type"] == "detector" and not rule.matches:
            found = DETECTORS[rule.correlate["name"]](analysis)
            if found is not None:
                candidates.append((rule, found))
    states = {rule.id: _state(rule, tally, tallies) for rule, tally in candidates}
    causes = _causes(candidates, analysis)
    findings = [_finding(rule, tally, states[rule.id], causes.get(rule.id), analysis) for rule, tally in candidates]
    by_id = {finding.id: finding for finding in findings}
    for finding in findings:
        if finding.caused_by:
            by_id[finding.caused_by].effects[finding.id] = finding.count
    findings.sort(key=_rank(findings))
    report = Report.of(analysis, findings, lifecycle)
    report.silenced = silenced
    report.timeline = timeline(analysis, _marks(findings, lifecycle))
    report.coverage = coverage(analysis, report)
    report.cluster = cluster(analysis)
    report.settings = dict(sorted((k, v) for state in analysis.sources.values() for k, v in state.settings.items()))
    return report


def _marks(findings: list[Finding], lifecycle: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Moments to see on the time line: starts, stops, and where lasting or severe conditions begin."""
    out = [
        {"time": row["first"], "id": row["id"]}
        for row in lifecycle
        if row["first"] and row["id"].split(".")[0] in ("boot", "resource")
    ]
    out += [
        {"time": f.first, "id": f.id}
        for f in findings
        if f.first and f.caused_by is None and (f.state != "instant" or f.severity == "critical")
    ]
    return out[:40]


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


def _stands(rule: Rule, tally: Tally, tallies: dict[str, Tally], analysis: Analysis) -> bool:
    """Whether what was counted is enough for the rule's correlation."""
    del analysis  # what a rule asks of a whole analysis is a detector's business
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
        return any(near(tally.moments.all(), other.moments.all(), correlate.get("within", 10)) > 0 for other in others)
    if kind == "unfinished":
        return bool(_unfinished(tally, correlate, tallies))
    return True


def _dense(minutes: Counter[int], at_least: int, within: float | None) -> bool:
    """Whether so many events lie within so many seconds, told by the minute; events without a time count together."""
    if within is None or set(minutes) == {NO_MINUTE}:
        return minutes.total() >= at_least
    width = max(1, math.ceil(within / 60))
    return any(sum(minutes[start + i] for i in range(width)) >= at_least for start in minutes if start != NO_MINUTE)


def _order(moment: Moment) -> tuple[float, str, int]:
    return (moment[0] if moment[0] is not None else 0.0, moment[1], moment[2])


def _unfinished(tally: Tally, correlate: dict[str, Any], tallies: dict[str, Tally]) -> list[str]:
    """Keys whose last beginning has no end after it."""
    out = []
    for key, moments in tally.keys.items():
        begun = max(moments.all(), key=_order)
        ends = [m for i in correlate.get("finished_by", ()) if i in tallies for m in tallies[i].moments.all()]
        if not any(_order(end) >= _order(begun) and end[1] == begun[1] for end in ends):
            out.append(key)
    return out


def _state(rule: Rule, tally: Tally, tallies: dict[str, Tally]) -> str:
    """``open`` when a condition that lasts has not ended for at least one of its keys."""
    if rule.correlate is not None and rule.correlate["type"] == "unfinished":
        return "open"
    if rule.interval is None:
        return "instant"
    closers = [tallies[i] for i in rule.interval.get("closed_by", ()) if i in tallies]
    for key, moments in tally.keys.items():
        last_open = max(moments.all(), key=_order)
        ends = [m for closer in closers for k in (key, "") if k in closer.keys for m in closer.keys[k].all()]
        if not any(_order(end) >= _order(last_open) for end in ends):
            return "open"
    return "closed"


# cause above effect -------------------------------------------------------------------------------------------------


def near(effects: list[Moment], causes: list[Moment], within: float) -> float:
    """The share of moments that have a cause near: the same process within a minute, or close in time or in lines."""
    if not effects or not causes:
        return 0.0
    step = max(1, len(effects) // _SAMPLE)
    sample = effects[::step]
    times = sorted(m[0] for m in causes if m[0] is not None)
    processes: dict[tuple[str, str], list[float]] = {}
    lines: dict[str, list[int]] = {}
    for seconds, source, line, pid in causes:
        if pid is not None and seconds is not None:
            processes.setdefault((source, pid), []).append(seconds)
        lines.setdefault(source, []).append(line)
    for places in lines.values():
        places.sort()
    hits = 0
    crowded = _is_crowded(sample, times, within)
    for seconds, source, line, pid in sample:
        if seconds is None or not times:
            hits += _beside(lines.get(source, ()), line, _LINES)
        elif (not crowded and _beside(times, seconds, within)) or any(
            abs(t - seconds) <= 60 for t in processes.get((source, pid or ""), ())
        ):
            hits += 1
    return hits / len(sample)


def _is_crowded(effects: list[Moment], causes: list[float], within: float) -> bool:
    """Whether causes are so frequent that anything would be near one: in a storm, being near proves nothing."""
    seconds = [m[0] for m in effects if m[0] is not None]
    if len(seconds) < 4 or len(causes) < 4:
        return False
    span = max(seconds) - min(seconds)
    if span < 10 * within:
        return False
    covered, end = 0.0, float("-inf")
    for time in causes:
        covered += max(0.0, min(time + within, max(seconds)) - max(time - within, end, min(seconds)))
        end = time + within
    return covered > 0.6 * span


def _beside(places: Any, place: float, within: float) -> bool:
    index = bisect_left(places, place - within)
    return bool(index < len(places) and places[index] <= place + within)


def _causes(candidates: list[tuple[Rule, Tally]], analysis: Analysis) -> dict[str, str]:
    """Which finding is the effect of which."""
    tallies = {rule.id: tally for rule, tally in candidates}
    rules = {rule.id: rule for rule, _ in candidates}
    out: dict[str, str] = {}
    for rule, tally in candidates:
        moments = tally.moments.all()
        best: tuple[float, str] | None = None
        for cause in rule.caused_by:
            other = tallies.get(cause)
            if other is None or cause == rule.id:
                continue
            share = near(moments, other.moments.all(), rule.caused_within)
            if share < 0.5 and rules[cause].interval:
                share = max(share, _during(moments, other, rules[cause], analysis))
            if share >= 0.5 and (best is None or share > best[0]):
                best = share, cause
        if best is None and rule.last_resort:
            best = _specific_near(rule, tally, candidates)
        if best is not None:
            out[rule.id] = best[1]
    return {effect: cause for effect, cause in out.items() if not _loops(effect, out)}


def _specific_near(rule: Rule, tally: Tally, candidates: list[tuple[Rule, Tally]]) -> tuple[float, str] | None:
    """The specific finding that a last resort repeats: near in time, most severe first."""
    best: tuple[float, int, str] | None = None
    for other, its in candidates:
        if other.last_resort or other.id == rule.id or SEVERITIES.index(other.severity) < SEVERITIES.index("warning"):
            continue
        share = near(tally.moments.all(), its.moments.all(), _LAST_RESORT_WITHIN)
        if share >= 0.5:
            found = share, SEVERITIES.index(other.severity), other.id
            if best is None or found[:2] > best[:2]:
                best = found
    return None if best is None else (best[0], best[2])


def _during(moments: list[Moment], cause: Tally, rule: Rule, analysis: Analysis) -> float:
    """The share of moments that lie inside the intervals of a condition that lasts."""
    closers = [analysis.tallies[i] for i in (rule.interval or {}).get("closed_by", ()) if i in analysis.tallies]
    ends = sorted(m[0] for closer in closers for m in closer.moments.all() if m[0] is not None)
    begins = sorted(m[0] for m in cause.moments.all() if m[0] is not None)
    if not begins or not moments:
        return 0.0
    hits = 0
    for seconds, *_ in moments:
        if seconds is None:
            continue
        index = bisect_left(begins, seconds + 0.001)
        if index and not any(begins[index - 1] <= end < seconds for end in ends):
            hits += 1
    return hits / len(moments)


def _loops(start: str, causes: dict[str, str]) -> bool:
    """Whether following causes from here comes back here."""
    seen = {start}
    at = causes.get(start)
    while at is not None and at not in seen:
        seen.add(at)
        at = causes.get(at)
    return at == start and min(seen) == start


# words --------------------------------------------------------------------------------------------------------------


def _finding(rule: Rule, tally: Tally, state: str, cause: str | None, analysis: Analysis) -> Finding:
    text = rule.text()
    values = _values(tally, analysis)
    explain = text.get("explain", {})
    change = analysis.catalogue.changes.get(rule.id, {})
    subjects = {
        name: dict(sorted(_told(counter).items(), key=_frequent_first)[:_SUBJECTS_SHOWN])
        for name, counter in sorted(tally.subjects.items())
        if counter
    }
    return Finding(
        id=rule.id,
        title=rule.title,
        area=rule.area,
        severity=change.get("severity", rule.severity),
        confidence=rule.confidence,
        state=state,
        count=tally.count,
        first=tally.first,
        last=tally.last,
        what=fill(explain.get("what", rule.title), _with_others(values, tally)),
        why=fill(explain["why"], values) if explain.get("why") else None,
        harmless_when=fill(explain["harmless_when"], values) if explain.get("harmless_when") else None,
        causes=[
            Cause(fill(c["cause"], values), fill(c["tell"], values) if c.get("tell") else None) for c in explain.get("causes", ())
        ],
        next=[
            Advice(
                fill(n["do"], values), command(n["run"], values) if n.get("run") else None, n.get("risk", "safe"), n.get("costs")
            )
            for n in text.get("next", ())
        ],
        docs=[d["url"] for d in text.get("docs", ())],
        caused_by=cause,
        subjects={name: {text_of(value): number for value, number in counter.items()} for name, counter in subjects.items()},
        evidence=tally.shown(),
        details={
            "distinct": {name: len(counter) - (OTHERS in counter) for name, counter in sorted(tally.subjects.items()) if counter},
            **{name: value for name in ("owner", "runbook", "note") if (value := change.get(name) or text.get(name))},
        },
    )


def _told(counter: Counter[str]) -> dict[str, int]:
    """The values of a subject that can be told by name: all, or where there were too many to keep, the frequent ones.

    Of too many values those met first are kept, so among the rare ones it is chance which have a name.
    """
    if OTHERS not in counter:
        return dict(counter)
    floor = counter.total() / 100
    out = {value: number for value, number in counter.items() if value != OTHERS and number >= floor}
    out[OTHERS] = counter.total() - sum(out.values())
    return out


def _frequent_first(item: tuple[str, int]) -> tuple[bool, int, str]:
    value, number = item
    return value == OTHERS, -number, value


def _values(tally: Tally, analysis: Analysis) -> dict[str, Any]:
    values = dict(tally.fields)
    for name, counter in tally.subjects.items():
        if counter:
            values[name] = min(counter.items(), key=_frequent_first)[0]
    source = next(iter(tally.sources), "")
    node = tally.fields.get("node_of_log") or next((s.node for s in analysis.states_of(source) if s.node), None)
    values["node_of_log"] = node
    values.setdefault("node", node)
    return values


def _with_others(values: dict[str, Any], tally: Tally) -> dict[str, Any]:
    """The values for the first sentence: where an event names one of many, it says so."""
    out = dict(values)
    for name, counter in tally.subjects.items():
        if len(counter) > 1 and isinstance(out.get(name), str):
            others = len(counter) - 1
            out[name] = f"{out[name]} (and {others:,} other{'s' if others > 1 else ''})"
    return out


def _rank(findings: Iterable[Finding]) -> Any:
    """Severity, open before closed, recent before old; an effect right after what caused it."""
    by_id = {finding.id: finding for finding in findings}

    def own(finding: Finding) -> tuple[Any, ...]:
        return (
            -SEVERITIES.index(finding.severity),
            {"open": 0, "instant": 1, "closed": 2}[finding.state],
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


__all__ = ["before", "conclude", "near", "span_seconds"]
