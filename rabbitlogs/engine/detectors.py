"""What a rule cannot say as data: named functions that look at a whole analysis.

A rule without a ``[[match]]`` calls one with ``[correlate] type = "detector", name = "..."``; its prose, metadata and
examples stay in the TOML. A detector gives the tally of its condition, or None where it does not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbitlogs.engine.intervals import STARTS, episodes, order
from rabbitlogs.engine.nodes import brokers
from rabbitlogs.engine.state import Tally, iso, seconds_key, stamp_like
from rabbitlogs.framing.framer import Line
from rabbitlogs.framing.times import to_seconds
from rabbitlogs.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.state import Moment

CHURN_KINDS = ("connection.closed", "connection.closed_abruptly")
CHURN_PER_MINUTE = 600  # connections closed a minute, on average over a log, that are more than applications should need
CHURN_AT_LEAST = 1000


def connection_churn(analysis: Analysis) -> Tally | None:
    """Connections are closed at a high rate, told from the counts of a log and its time span.

    Counting costs nothing; looking at each of the most frequent lines of a log would.
    """
    tally = Tally()
    for state in analysis.sources.values():
        closed = sum(number for (_, kind), number in state.counts.items() if kind in CHURN_KINDS)
        first, last = to_seconds(state.first), to_seconds(state.last)
        if closed < CHURN_AT_LEAST or first is None or last is None:
            continue
        per_minute = closed * 60 / max(last - first, 1.0)
        if per_minute < CHURN_PER_MINUTE:
            continue
        tally.count += closed
        tally.saw(state.first)
        tally.saw(state.last)
        tally.sources[state.name] += closed
        tally.first_fields.setdefault("churn", {"per_minute": round(per_minute), "node_of_log": state.node})
        for raw in state.plain.get(CHURN_KINDS[0], ())[:2]:
            header = Line(raw).header
            text = raw.decode("utf-8", "replace")
            tally.evidence.append(Evidence(state.name, 0, 0, iso(header.time), header.level, text))
    return tally if tally.count else None


def majority_lost(analysis: Analysis) -> Tally | None:
    """A node that still writes has lost most nodes that it and its peers name, and they are not back.

    Members are known by name only: those whose logs these are, and those a node saw come or go. Two nodes have no majority
    without each other anyway; that is what the lost node itself is told for.
    """
    rule = analysis.catalogue.rules.get(_LOST)
    lost = analysis.tallies.get(_LOST)
    if rule is None or lost is None:
        return None
    open_ = [e for e in episodes(rule, lost, analysis.tallies, analysis) if e.is_open]
    own = {state.node for state in analysis.sources.values() if state.node}
    back = analysis.tallies.get(_BACK)
    members = own.union(*(pair for tally in (lost, back) if tally is not None for pair in tally.pairs))
    down = {episode.key for episode in open_ if episode.key in members}
    left = sorted({broker for episode in open_ for broker in episode.brokers if broker not in down})
    if len(members) < _CLUSTER or len(down) * 2 < len(members) or not left:
        return None
    tally = Tally()
    begins = sorted((e.begin for e in open_ if e.key in down), key=order)
    tally.count = 1
    last = begins[-1]  # with the last of them the majority was gone
    stamp = stamp_like(last[0], lost.last) if last[0] is not None else lost.last
    tally.saw(stamp)
    _add(tally, last)
    since = begins[0][0]
    tally.evidence = [e for e in lost.shown() if since is None or seconds_key(e.time) >= since - 0.001]
    tally.first_fields["majority"] = {
        "down": len(down), "members": len(members), "names": ", ".join(sorted(down)), "node_of_log": left[0],
    }  # fmt: skip
    return tally


def run_broken_off(analysis: Analysis) -> Tally | None:
    """A node starts again although its run before had come up and did not say that it ended."""
    where = brokers(analysis)
    marks: dict[str, list[tuple[Moment, str]]] = {}
    for rule_id in (_COMPLETED, STARTS, *_ENDS):
        known = analysis.tallies.get(rule_id)
        for moment in known.moments.all() if known is not None else ():
            if moment[0] is not None:
                marks.setdefault(where.get(moment[1], moment[1]), []).append((moment, rule_id))
    broken: list[tuple[str, Moment]] = []
    for broker, seen in marks.items():
        is_up = False
        for moment, rule_id in sorted(seen, key=lambda mark: order(mark[0])):
            if rule_id == STARTS and is_up:
                broken.append((broker, moment))
            is_up = rule_id == _COMPLETED
    starts = analysis.tallies.get(STARTS)
    if not broken or starts is None:
        return None
    broken.sort(key=lambda entry: order(entry[1]))
    tally = Tally()
    tally.count = len(broken)
    for _, moment in broken:
        tally.saw(stamp_like(moment[0] or 0.0, starts.last))  # all of them have times
        _add(tally, moment)
    places = {(moment[1], moment[2]) for _, moment in broken}
    tally.evidence = [evidence for evidence in starts.shown() if (evidence.source, evidence.line) in places]
    tally.first_fields["run"] = {"broker": broken[0][0], "node_of_log": broken[0][0] if "@" in broken[0][0] else None}
    return tally


def listeners_missing(analysis: Analysis) -> Tally | None:
    """A node's last start, which completed, did not open ports that the start before it had opened."""
    ready, starts = analysis.tallies.get(_READY), analysis.tallies.get(STARTS)
    done = analysis.tallies.get(_COMPLETED)
    if ready is None or starts is None or done is None:
        return None
    where = brokers(analysis)
    all_done = _times(done.moments.all(), where)
    changed = analysis.tallies.get(_PLUGINS)  # a plugin that was disabled on purpose takes its ports along
    switched_off = _times([m for key, ms in changed.keys.items() if key.strip("[]") for m in ms.all()], where) if changed else {}
    all_opened = {key: _times(moments.all(), where) for key, moments in ready.keys.items() if key}
    tally = Tally()
    ports: set[str] = set()
    for broker, begun in sorted(_times(starts.moments.all(), where).items()):
        ends = [*begun[1:], float("inf")]
        completed = all_done.get(broker, [])
        runs = [(a, b) for a, b in zip(begun, ends, strict=True) if any(a <= time < b for time in completed)]
        if len(runs) < 2 or runs[-1][0] != begun[-1]:
            continue
        opened = {key: times.get(broker, []) for key, times in all_opened.items()}
        before, now = ({key for key, times in opened.items() if any(a <= t < b for t in times)} for a, b in runs[-2:])
        if not before - now or any(runs[-2][0] <= time < runs[-1][0] for time in switched_off.get(broker, ())):
            continue
        ports |= before - now
        tally.count += 1
        last = next(m for m in reversed(done.moments.all()) if m[0] == completed[-1])
        tally.saw(stamp_like(completed[-1], done.last))
        _add(tally, last)
        tally.evidence += [e for e in done.shown() if (e.source, e.line) == (last[1], last[2])]
        tally.first_fields.setdefault("ports", {"node_of_log": broker if "@" in broker else None})
    if not tally.count:
        return None
    tally.first_fields["ports"]["ports"] = ", ".join(sorted(ports))
    return tally


def _add(tally: Tally, moment: Moment) -> None:
    tally.sources[moment[1]] += 1
    tally.moments.add(moment)


def _times(moments: list[Moment], where: Mapping[str, str]) -> dict[str, list[float]]:
    """Times by broker, in order."""
    out: dict[str, list[float]] = {}
    for moment in sorted(moments, key=order):
        if moment[0] is not None:
            out.setdefault(where.get(moment[1], moment[1]), []).append(moment[0])
    return out


_READY = "boot.listener_ready"
_PLUGINS = "boot.plugins_changed"
_COMPLETED = "boot.completed"
_ENDS = ("boot.stopping", "boot.stopped", "boot.sigterm_received", "boot.failed", "runtime.crash_dump")
_LOST, _BACK = "cluster.node_down", "cluster.node_up"
_CLUSTER = 3  # nodes that make a majority worth the name

# what a detector gives a rule's prose
FIELDS = {
    "connection_churn": frozenset({"per_minute"}),
    "majority_lost": frozenset({"down", "members", "names"}),
    "run_broken_off": frozenset({"broker"}),
    "listeners_missing": frozenset({"ports"}),
}
DETECTORS: dict[str, Callable[[Analysis], Tally | None]] = {
    "connection_churn": connection_churn,
    "majority_lost": majority_lost,
    "run_broken_off": run_broken_off,
    "listeners_missing": listeners_missing,
}
