"""Several nodes' logs side by side: who lost whom, what became of the one that was lost, and whose clock is off."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.state import seconds_key, stamp_like
from rabbitlogs.framing.times import to_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbitlogs.engine.analysis import Analysis

LOST = ("cluster.node_down", "cluster.net_tick_timeout")
BACK = "cluster.node_up"
STOPPING, STARTING = "boot.stopping", "boot.starting"
_ONE_LOSS = 30.0  # seconds within which lines of one node about another are about one loss
_WAKES = 10.0  # seconds within which a node that is back says what it lost meanwhile, and a start follows the connection
_SKEW = 2.0  # seconds of clock difference worth stating
_ALIKE = 5.0  # seconds that differences of two clocks may differ among themselves
_JUST_BEFORE = 180.0  # seconds before a loss within which a stop explains it
_FARTHEST = 14 * 3600 + 60.0  # seconds: two time zones cannot be farther apart
_LOSSES = 50

Views = dict[tuple[str, str], list[float]]  # observer and subject: times
Group = dict[str, tuple[float, float | None]]  # observer: from when to when it missed the node


def nodes_of(analysis: Analysis) -> list[str]:
    """The nodes whose logs these are."""
    return sorted({state.node for state in analysis.sources.values() if state.node})


def clock_offsets(analysis: Analysis) -> dict[str, float]:
    """By node, how many seconds its clock is ahead of the first node's, from events both logged; only what is sure."""
    nodes = nodes_of(analysis)
    if len(nodes) < 2:
        return {}
    lost, back = _views(analysis, LOST), _views(analysis, (BACK,))
    members = sorted({*nodes, *(subject for _, subject in (*lost, *back))})
    out = {nodes[0]: 0.0}
    for _ in nodes:  # a node that shares no event with the first may share some with another
        for known, node in [(k, n) for k in sorted(out) for n in nodes if n not in out]:
            difference = _difference(node, known, members, lost, back)
            if difference is not None:
                out[node] = out[known] + difference
                break
    return {node: offset if abs(offset) >= _SKEW else 0.0 for node, offset in out.items()}


def _difference(one: str, other: str, members: list[str], lost: Views, back: Views) -> float | None:
    """How far one node's clock is ahead of another's; None where too few events are shared.

    That two nodes are connected again both learn at one moment, and two that stay learn at one moment what becomes of a
    third. Not so what they learn of each other's end: a node that hangs learns of it when it wakes.
    """
    thirds = [((one, n), (other, n)) for n in members if n not in (one, other)]
    seen = [(back, [((one, other), (other, one)), *thirds]), (lost, thirds)]
    pairs = [(views.get(mine, []), views.get(theirs, [])) for views, both in seen for mine, theirs in both]
    pairs = [(_apart(mine, _ONE_LOSS), _apart(theirs, _ONE_LOSS)) for mine, theirs in pairs]
    differences = sorted(a - b for mine, theirs in pairs for a in mine for b in theirs if abs(a - b) <= _FARTHEST)
    if any(abs(difference) <= _SKEW for difference in differences):
        return 0.0  # clocks that differ do not agree by chance
    best: tuple[int, float, float] | None = None
    for start, low in enumerate(differences):
        group = differences[start : bisect_left(differences, low + _ALIKE)]
        middle = group[len(group) // 2]
        if len(group) >= 2 and (best is None or (len(group), -abs(middle)) > best[:2]):
            best = len(group), -abs(middle), middle
    return None if best is None else best[2]


def cluster(analysis: Analysis, offsets: Mapping[str, float]) -> dict[str, Any] | None:
    """Who saw whom go down, what each loss was, whether a view is partial, and how far clocks differ.

    None for the log of one node.
    """
    nodes = nodes_of(analysis)
    if len(nodes) < 2:
        return None
    lost, back = _shifted(_views(analysis, LOST), offsets), _shifted(_views(analysis, (BACK,)), offsets)
    members = sorted({*nodes, *(subject for _, subject in lost), *(subject for _, subject in back)})
    losses = _losses(analysis, members, nodes, lost, back, offsets)
    matrix = {
        observer: {
            subject: len(_apart(lost.get((observer, subject), ()), _ONE_LOSS)) for subject in members if subject != observer
        }
        for observer in nodes
    }
    skews = [{"node": node, "other": nodes[0], "seconds": round(offset, 1)} for node, offset in sorted(offsets.items()) if offset]
    return {
        "nodes": nodes,
        "saw_down": matrix,
        "losses": losses[:_LOSSES],
        "partial": sorted({loss["node"] for loss in losses if loss["partial"] and loss["how"] != "mirrored"}),
        "clock_skew": skews,
    }


def _views(analysis: Analysis, rules: Iterable[str]) -> Views:
    out: Views = {}
    for rule in rules:
        tally = analysis.tallies.get(rule)
        for pair, times in (tally.pairs if tally is not None else {}).items():
            out.setdefault(pair, []).extend(times)
    return {pair: sorted(times) for pair, times in out.items()}


def _shifted(views: Views, offsets: Mapping[str, float]) -> Views:
    return {pair: [time - offsets.get(pair[0], 0.0) for time in times] for pair, times in views.items()}


def _apart(times: Iterable[float], within: float) -> list[float]:
    """The first of each group of times."""
    out: list[float] = []
    last: float | None = None
    for time in sorted(times):
        if last is None or time - last > within:
            out.append(time)
        last = time
    return out


def _losses(
    analysis: Analysis, members: list[str], nodes: list[str], lost: Views, back: Views, offsets: Mapping[str, float]
) -> list[dict[str, Any]]:  # fmt: skip
    """Each time that a node was lost: by whom, until when, and what its own log says; in the order of time."""
    example = next((state.last for state in analysis.sources.values() if state.last), None)
    found = [(begin, subject, group) for subject in members for begin, group in _groups(subject, lost, back)]
    found.sort(key=lambda loss: loss[:2])
    out: list[dict[str, Any]] = []
    for begin, subject, group in found:
        by = sorted(group)
        ends = [end for _, end in group.values()]
        came = None if any(end is None for end in ends) else max(end for end in ends if end is not None)
        lost_then = [
            node for node in nodes
            if any(node == lost_one and b <= begin <= max(_until(g, o) for o in g) for b, lost_one, g in found)
        ]  # fmt: skip
        others = [n for n in nodes if n not in (subject, *lost_then) and _was_logging(analysis, n, begin, offsets)]
        # what a node says of the others when it comes back is the other side of its own loss
        mirrored = all(node in lost_then for node in by)
        out.append({
            "node": subject,
            "time": stamp_like(begin, example),
            "seen_by": by,
            "not_seen_by": [node for node in others if node not in by],
            "partial": not mirrored and any(node in by for node in others) and any(node not in by for node in others),
            "back": stamp_like(came, example) if came is not None else None,
            "how": "mirrored" if mirrored else _how(analysis, subject, begin, came, offsets),
        })  # fmt: skip
    return out


def _until(group: Group, observer: str) -> float:
    """When an observer had the lost node back, with a moment to say what it lost itself meanwhile."""
    end = group[observer][1]
    return float("inf") if end is None else end + _WAKES


def _groups(subject: str, lost: Views, back: Views) -> list[tuple[float, Group]]:
    """The losses of one node: who missed it from when to when; views that overlap are one loss."""
    spans: list[tuple[float, float | None, str]] = []
    for (observer, who), downs in lost.items():
        if who != subject:
            continue
        ups, until = back.get((observer, subject), []), float("-inf")
        for down in downs:
            if down > until:
                up = next((time for time in ups if time > down), None)
                spans.append((down, up, observer))
                until = float("inf") if up is None else up
    out: list[tuple[float, Group]] = []
    for down, up, observer in sorted(spans, key=lambda span: (span[0], span[2])):
        group = out[-1][1] if out else {}
        ends = [end for _, end in group.values()]
        reach = float("inf") if None in ends else max((end for end in ends if end is not None), default=float("-inf"))
        if group and (down <= reach or down - out[-1][0] <= _WAKES) and observer not in group:
            group[observer] = down, up
        elif group and observer in group and down - out[-1][0] <= _WAKES:
            group[observer] = group[observer][0], up
        else:
            out.append((down, {observer: (down, up)}))
    return out


def _was_logging(analysis: Analysis, node: str, at: float, offsets: Mapping[str, float]) -> bool:
    """Whether a node's log covers a moment."""
    shift = offsets.get(node, 0.0)
    firsts, lasts = [], []
    for state in analysis.sources.values():
        if state.node == node:
            firsts.append(seconds_key(state.first) - shift)
            lasts.append(seconds_key(state.last) - shift)
    return bool(firsts) and min(firsts) <= at <= max(lasts)


def _how(analysis: Analysis, node: str, at: float, came: float | None, offsets: Mapping[str, float]) -> str:
    """What the lost node's own log says of that time: one of the words in :data:`HOW`."""
    states = [state for state in analysis.sources.values() if state.node == node]
    if not states:
        return "no_log"
    shift = offsets.get(node, 0.0)
    names = {state.name for state in states}

    def own(rule: str) -> list[float]:
        tally = analysis.tallies.get(rule)
        moments = tally.moments.all() if tally is not None else []
        return sorted(m[0] - shift for m in moments if m[1] in names and m[0] is not None)

    starts, stops = [t for t in own(STARTING) if t > at], own(STOPPING)
    if any(at - _JUST_BEFORE <= stop <= at + 1.0 and not any(stop < s < at for s in own(STARTING)) for stop in stops):
        return "stopped"
    last = max((seconds for state in states if (seconds := to_seconds(state.last)) is not None), default=None)
    if last is not None and last - shift <= at + 1.0:
        return "log_ends"
    begun = next((t for t in starts if came is None or t <= came + _WAKES), None)
    return "restarted" if begun is not None and not any(at < stop < begun for stop in stops) else "ran_on"


HOW = {
    "stopped": "it was stopped: its own log says so",
    "log_ends": "its own log ends there without a stop: killed, crashed, or the machine is gone",
    "restarted": "it started again without having stopped: killed or crashed",
    "ran_on": "it did not stop: it hung, or the network between the nodes failed",
    "no_log": "its own log is not here",
    "mirrored": "said by a node that was lost itself",
}
