"""The whole log at a glance: its time line, its connections, how much was understood, what differs from a baseline."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.nodes import brokers
from rabbitlogs.engine.prose import text_of
from rabbitlogs.engine.state import seconds_key, stamp_like
from rabbitlogs.framing.framer import BLANK
from rabbitlogs.framing.levels import LEVELS, rank
from rabbitlogs.framing.times import to_seconds

if TYPE_CHECKING:
    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.report import Report
    from rabbitlogs.engine.source_state import SourceState

CELLS = 60  # of a time line
_GAP = 3600.0  # seconds without a record that are worth a word
_GAP_TIMES = 20  # and this many times the usual pause
_OPENED = frozenset({"connection.accepted"})
_CLOSED = frozenset({"connection.closed", "connection.closed_abruptly"})
_SHARES = 5  # users, addresses and names that are told
_START_TAKES = 300.0  # seconds into a log within which its first start begins
# what a broker's logging says of its own losses: words, kinds
_LOSSY = {
    "handlers_removed": frozenset({"runtime.log_handler_removed"}),
    "messages_dropped": frozenset(
        {"lager.messages_dropped", "runtime.log_events_dropped", "runtime.log_events_flushed", "lager.sink_killed"}
    ),
}
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
    example = next((state.last for state in analysis.sources.values() if state.last), None)
    first, last = minutes[0], minutes[-1]
    width = max(1, -(-(last - first + 1) // CELLS))
    count = (last - first) // width + 1
    rows: dict[str, list[int]] = {"records": [0] * count}
    for (minute, what), number in cells.items():
        rows.setdefault(what, [0] * count)[(minute - first) // width] += number
    order = ["records", *[level for level in reversed(LEVELS) if level in rows]]
    return {
        "from": stamp_like(first * 60.0, example),
        "cell_seconds": width * 60,
        "counts": {name: rows[name] for name in order},
        "marks": [
            {"time": stamp_like(mark["seconds"], example), "id": mark["id"], "what": mark["what"],
             "cell": int((mark["seconds"] // 60 - first) // width)}
            for mark in marks if first <= mark["seconds"] // 60 <= last
        ],
    }  # fmt: skip


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
                out.append({"source": state.name, "after": stamp_like(start * 60.0, state.last), "seconds": int(pause)})
    out.sort(key=lambda gap: (-gap["seconds"], gap["source"], str(gap["after"])))
    return out[:5]


def coverage(analysis: Analysis, report: Report) -> dict[str, Any]:
    """How far the report can be trusted: what was understood, and what the log itself lacks."""
    spoken, unknown = report.spoken, report.totals["unknown"]
    severe: Counter[str] = Counter()
    for state in analysis.sources.values():
        for (level, kind), number in state.counts.items():
            if kind == "unknown" and rank(level) >= rank("warning"):
                severe[level] += number
    lossy = {name: _number(analysis, kinds) for name, kinds in _LOSSY.items()}
    return {
        "understood": round((spoken - unknown) / spoken, 4) if spoken else 1.0,
        "unknown_by_level": dict(sorted(severe.items())),
        "gaps": gaps(analysis),
        "begins_in_the_middle": _in_the_middle(analysis),
        "version_known": any(source["rabbitmq_version"] for source in report.sources),
        "zone_known": all(stamp is None or "+" in stamp[19:] or "-" in stamp[19:] for stamp in report.span()),
        "lost_by_the_logger": {name: number for name, number in lossy.items() if number},
    }


def _in_the_middle(analysis: Analysis) -> list[str]:
    """Brokers whose earliest log does not begin with a start: what happened before it is not known."""
    where = brokers(analysis)
    earliest: dict[str, SourceState] = {}
    for state in sorted(analysis.sources.values(), key=lambda state: (seconds_key(state.first), state.name)):
        earliest.setdefault(where.get(state.name, state.name), state)
    starts = analysis.tallies.get("boot.starting")
    begun = {m[1]: m[0] for m in reversed(starts.moments.all() if starts is not None else [])}
    out = []
    for broker, state in earliest.items():
        first, start = to_seconds(state.first), begun.get(state.name)
        if start is None and state.name in begun:  # the banner of standard output has no time
            continue
        if first is not None and (start is None or start - first > _START_TAKES):
            out.append(broker)
    return sorted(out)


def connections(analysis: Analysis) -> dict[str, Any] | None:
    """How many connections came and went, and of the last that ended in order: whose they were and how long they lived.

    None where none was logged.
    """
    opened = _number(analysis, _OPENED)
    closed = _number(analysis, _CLOSED)
    if not opened and not closed:
        return None
    known = [fields for state in analysis.sources.values() for fields in state.sessions.closed()]
    counts: dict[str, Counter[str]] = {"user": Counter(), "address": Counter(), "connection_name": Counter()}
    for fields in known:
        client = fields.get("client")
        values = {**fields, "address": client.rpartition(":")[0] if isinstance(client, str) else None}
        for name, counter in counts.items():
            if values.get(name):
                counter[text_of(values[name])] += 1
    seconds = [fields["seconds"] for fields in known if "seconds" in fields]
    return {
        "opened": opened,
        "closed": closed,
        "looked_at": len(known),
        "shares": {
            name: {value: round(n / len(known), 3) for value, n in sorted(c.items(), key=lambda i: (-i[1], i[0]))[:_SHARES]}
            for name, c in counts.items()
        },
        "lifetime": {"median": round(median(seconds), 3), "below_1s": round(sum(s < 1 for s in seconds) / len(seconds), 3)}
        if seconds
        else None,
    }


def _number(analysis: Analysis, kinds: frozenset[str]) -> int:
    return sum(n for state in analysis.sources.values() for (_, kind), n in state.counts.items() if kind in kinds)


def settings(analysis: Analysis) -> dict[str, dict[str, str]]:
    """By node, what its last start printed of its configuration."""
    out: dict[str, dict[str, str]] = {}
    where = brokers(analysis)
    for state in sorted(analysis.sources.values(), key=lambda state: (seconds_key(state.last), state.name)):
        if state.settings:
            out.setdefault(where.get(state.name, state.name), {}).update(sorted(state.settings.items()))
    return dict(sorted(out.items()))


def compare(now: Report, before: Report) -> dict[str, Any]:
    """What is new since a baseline: kinds never seen, rates that jumped, facts printed at boot that differ."""
    hours, hours_before = _hours(now), _hours(before)
    new, jumped = [], []
    for kind, count in now.totals["by_kind"].items():
        if kind in ("unknown", BLANK):
            continue
        was = before.totals["by_kind"].get(kind, 0)
        if not was:
            new.append({"kind": kind, "count": count})
        elif count >= _JUMP_COUNT and (rate := (count / hours) / (was / hours_before)) >= _JUMP:
            jumped.append({"kind": kind, "count": count, "per_hour": round(count / hours, 1), "times": round(rate, 1)})
    known = {finding.id for finding in before.findings}
    return {
        "new_findings": [finding.id for finding in now.findings if finding.id not in known],
        "new_kinds": sorted(new, key=lambda row: (-row["count"], row["kind"])),
        "rates_jumped": sorted(jumped, key=lambda row: (-row["times"], row["kind"])),
        "facts_differ": _settings(now, before),
    }


def _settings(now: Report, before: Report) -> list[dict[str, Any]]:
    """What a start printed that differs: versions, files, limits, listeners. Nodes are compared with themselves."""
    pairs = [(node, now.settings[node], before.settings[node]) for node in now.settings if node in before.settings]
    if not pairs and len(now.settings) == len(before.settings) == 1:
        (node, mine), (_, theirs) = *now.settings.items(), *before.settings.items()
        pairs = [(node, mine, theirs)]
    return [
        {"node": node, "fact": name, "now": mine.get(name), "before": theirs.get(name)}
        for node, mine, theirs in pairs
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name) != theirs.get(name) and (name in mine.keys() & theirs.keys() or name.startswith("listener."))
    ]


def median(numbers: list[float]) -> float:
    """The middle one; the mean of the two in the middle. (``statistics`` takes longer to load than this to run.)"""
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _hours(report: Report) -> float:
    from rabbitlogs.engine.reasoning import span_seconds

    return max((span_seconds(*report.span()) or 0.0) / 3600, 1 / 60)
