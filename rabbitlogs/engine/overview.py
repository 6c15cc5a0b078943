"""The whole log at a glance: its time line, how much of it was understood, who saw whom, and what differs from a baseline."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rabbitlogs.framing.levels import LEVELS, rank
from rabbitlogs.framing.times import from_seconds

if TYPE_CHECKING:
    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.report.report import Report

CELLS = 60  # of a time line
_GAP = 3600.0  # seconds without a record that are worth a word
_GAP_TIMES = 20  # and this many times the usual pause
_PAIR_WITHIN = 120.0  # seconds within which two nodes' views of one event lie
_SKEW = 2.0  # seconds of clock difference worth stating
_JUMP = 5.0  # times a rate has to grow to be named
_JUMP_COUNT = 10


def timeline(analysis: Analysis, marks: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Records and problems over time, in equal cells; None where the log has no times.

    ``marks`` are moments worth seeing on it: starts, stops, alarms.
    """
    cells: Counter[tuple[int, str]] = Counter()
    for state in analysis.sources.values():
        cells.update(state.buckets)
    minutes = sorted({minute for minute, _ in cells})
    if not minutes:
        return None
    first, last = minutes[0], minutes[-1]
    width = max(1, -(-(last - first + 1) // CELLS))
    count = (last - first) // width + 1
    rows: dict[str, list[int]] = {"records": [0] * count}
    for (minute, what), number in cells.items():
        rows.setdefault(what, [0] * count)[(minute - first) // width] += number
    order = ["records", *[level for level in reversed(LEVELS) if level in rows]]
    return {
        "from": from_seconds(first * 60.0),
        "cell_seconds": width * 60,
        "counts": {name: rows[name] for name in order},
        "marks": sorted(marks, key=lambda mark: (str(mark["time"]), str(mark["id"]))),
    }


def gaps(analysis: Analysis) -> list[dict[str, Any]]:
    """The longest silences, where they are long and unusual for this log."""
    out: list[dict[str, Any]] = []
    for state in analysis.sources.values():
        minutes = sorted({minute for minute, _ in state.buckets})
        pauses = [(b - a) * 60.0 for a, b in pairwise(minutes)]
        if len(pauses) < 5:
            continue
        usual = median(pauses)
        for start, pause in zip(minutes, pauses, strict=False):
            if pause >= max(_GAP, usual * _GAP_TIMES):
                out.append({"source": state.name, "after": from_seconds(start * 60.0), "seconds": int(pause)})
    out.sort(key=lambda gap: (-gap["seconds"], gap["source"], str(gap["after"])))
    return out[:5]


def coverage(analysis: Analysis, report: Report) -> dict[str, Any]:
    """How far the report can be trusted: what was understood, and what the log itself lacks."""
    records, unknown = report.totals["records"], report.totals["unknown"]
    severe: Counter[str] = Counter()
    for state in analysis.sources.values():
        for (level, kind), number in state.counts.items():
            if kind == "unknown" and rank(level) >= rank("warning"):
                severe[level] += number
    started = {state.name for state in analysis.sources.values() if "rabbitmq_version" in state.facts}
    return {
        "understood": round((records - unknown) / records, 4) if records else 1.0,
        "unknown_by_level": dict(sorted(severe.items())),
        "gaps": gaps(analysis),
        "begins_in_the_middle": sorted({state.name for state in analysis.sources.values()} - started),
        "zone_known": all(stamp is None or "+" in stamp[19:] or "-" in stamp[19:] for stamp in report.span()),
    }


def cluster(analysis: Analysis) -> dict[str, Any] | None:
    """Who saw whom go down, whether the view is partial, and how far clocks differ; None for the log of one node."""
    views: dict[tuple[str, str], list[float]] = {}
    for tally in analysis.tallies.values():
        for pair, times in tally.pairs.items():
            views.setdefault(pair, []).extend(times)
    nodes = sorted({state.node for state in analysis.sources.values() if state.node})
    if len(nodes) < 2:
        return None
    matrix = {
        observer: {subject: len(views.get((observer, subject), ())) for subject in nodes if subject != observer}
        for observer in nodes
    }
    lost = {subject: [o for o in nodes if o != subject and matrix[o].get(subject)] for subject in nodes}
    partial = sorted(s for s, seen_by in lost.items() if seen_by and len(nodes) > 2 and len(seen_by) < len(nodes) - 1)
    skews = []
    for index, one in enumerate(nodes):
        for other in nodes[index + 1 :]:
            difference = _skew(views.get((one, other), []), views.get((other, one), []))
            if difference is not None and abs(difference) >= _SKEW:
                skews.append({"node": one, "other": other, "seconds": round(difference, 1)})
    return {"nodes": nodes, "saw_down": matrix, "partial": partial, "clock_skew": skews}


def _skew(mine: list[float], theirs: list[float]) -> float | None:
    """How far one clock is before another, from events both saw; None where there are too few."""
    differences = []
    for seconds in mine:
        nearest = min(theirs, key=lambda other: abs(other - seconds), default=None)
        if nearest is not None and abs(nearest - seconds) <= _PAIR_WITHIN:
            differences.append(seconds - nearest)
    return median(differences) if len(differences) >= 2 else None


def compare(now: Report, before: Report) -> dict[str, Any]:
    """What is new since a baseline: kinds never seen, rates that jumped, facts printed at boot that differ."""
    hours, hours_before = _hours(now), _hours(before)
    new, jumped = [], []
    for kind, count in now.totals["by_kind"].items():
        if kind == "unknown":
            continue
        was = before.totals["by_kind"].get(kind, 0)
        if not was:
            new.append({"kind": kind, "count": count})
        elif count >= _JUMP_COUNT and (rate := (count / hours) / (was / hours_before)) >= _JUMP:
            jumped.append({"kind": kind, "count": count, "per_hour": round(count / hours, 1), "times": round(rate, 1)})
    facts = []
    for name in ("node", "rabbitmq_version", "erlang_version", "format"):
        mine = sorted({str(s[name]) for s in now.sources if s[name]})
        theirs = sorted({str(s[name]) for s in before.sources if s[name]})
        if mine and theirs and mine != theirs:
            facts.append({"fact": name, "now": mine, "before": theirs})
    known = {finding.id for finding in before.findings}
    return {
        "new_findings": [finding.id for finding in now.findings if finding.id not in known],
        "new_kinds": sorted(new, key=lambda row: (-row["count"], row["kind"])),
        "rates_jumped": sorted(jumped, key=lambda row: (-row["times"], row["kind"])),
        "facts_differ": [*facts, *_settings(now, before)],
    }


def _settings(now: Report, before: Report) -> list[dict[str, Any]]:
    """Values printed at start that differ: memory and disk limits, file handles, listeners."""
    return [
        {"fact": name, "now": now.settings[name], "before": before.settings[name]}
        for name in sorted(now.settings.keys() & before.settings.keys())
        if now.settings[name] != before.settings[name]
    ]


def median(numbers: list[float]) -> float:
    """The middle one; the mean of the two in the middle. (``statistics`` takes longer to load than this to run.)"""
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _hours(report: Report) -> float:
    from rabbitlogs.engine.reasoning import span_seconds

    return max((span_seconds(*report.span()) or 0.0) / 3600, 1 / 60)
