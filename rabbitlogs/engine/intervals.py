"""Conditions that last: from when to when, told apart by key and by the node that logged them, and what is still open.

An alarm is logged by every node of a cluster, a lost peer by all that lost it: each node's log has its own beginnings and
ends, and what overlaps is one episode. ``closed_by`` ends what has the same key, ``ended_by`` all that is open on its node; what
``closed_by`` names does not end what began less than ``settle`` seconds before: it is said late of what was before. What
``repeats`` while it lasts, as failures to connect do that are tried again, is over where it was said no more for long. A
start of the broker ends what its last run had begun, unless the rule says that it does not (``restart = false``: a peer that was
away is away for the new run too).

What happens at a moment can be over as well: ``over_after`` names what shows it, as a client that was refused and connects.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.nodes import brokers
from rabbitlogs.engine.state import iso
from rabbitlogs.framing.times import to_seconds
from rabbitlogs.lazy import expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.catalogue import Rule
    from rabbitlogs.engine.state import Moment, Tally

_COMPLETED, _LOGINS = "boot.completed", ("connection.authenticated", "amqp10.authenticated")
_OF_THIS_HOST = expression(r"localhost|127\.0\.0\.1|\[?::1\b")
STARTS = "boot.starting"  # the condition that every start of a broker fires
_SILENCE = 60.0  # seconds, and five times the longest pause before, after which what repeats itself is over
_RECENT = 20  # repetitions that are looked at for that
SAME = 5.0  # seconds within which several nodes begin to log one and the same episode


@dataclass(slots=True)
class Episode:
    """One time that a condition lasted: ``end`` is None while it is open."""

    key: str
    begin: Moment
    end: Moment | None
    brokers: set[str] = field(default_factory=set)

    @property
    def is_open(self) -> bool:
        return self.end is None


def order(moment: Moment) -> tuple[float, str, int]:
    """Sorts moments by time; those of a log without times by their place."""
    return (moment[0] if moment[0] is not None else 0.0, moment[1], moment[2])


def episodes(rule: Rule, tally: Tally, tallies: Mapping[str, Tally], analysis: Analysis) -> list[Episode]:
    """The episodes of a condition that lasts, in their order."""
    interval: dict[str, Any] = rule.interval or {}
    where = brokers(analysis)
    ends = [tallies[i] for i in interval.get("closed_by", ()) if i in tallies]
    finals = [*interval.get("ended_by", ()), *([STARTS] if interval.get("restart", True) else [])]
    finish = [m for i in finals if i in tallies for m in tallies[i].moments.all()]
    lasts = _last_times(analysis, where)
    begun: dict[tuple[str, str], list[Moment]] = {}
    for key, moments in _named(tally).items():
        for moment in moments:
            begun.setdefault((key, where.get(moment[1], moment[1])), []).append(moment)
    found: list[Episode] = []
    for (key, broker), opened in sorted(begun.items()):
        closed = [m for end in ends for m in _ends_of(end, key, broker, where, lasts)]
        closed = _not_at_once(closed, opened, interval.get("settle", 0.0))
        closed += [m for m in finish if where.get(m[1], m[1]) == broker]
        if interval.get("repeats") and (last := _fell_silent(opened, lasts.get(broker))):
            closed.append(last)
        found += _paired(key, broker, opened, closed)
    found.sort(key=lambda episode: (order(episode.begin), episode.key))
    return _joined(found)


def _named(tally: Tally) -> dict[str, list[Moment]]:
    """A tally's moments by key. What a line did not name is the only one that others named, or stays without a name."""
    out = {key: moments.all() for key, moments in tally.keys.items()}
    unnamed = out.pop("", [])
    names = {key for key in out if key}
    for moment in unnamed:
        out.setdefault(next(iter(names)) if len(names) == 1 else "", []).append(moment)
    return out


def _last_times(analysis: Analysis, where: Mapping[str, str]) -> dict[str, float]:
    out: dict[str, float] = {}
    for state in analysis.sources.values():
        seconds = to_seconds(state.last)
        if seconds is not None:
            broker = where.get(state.name, state.name)
            out[broker] = max(out.get(broker, seconds), seconds)
    return out


def _ends_of(tally: Tally, key: str, broker: str, where: Mapping[str, str], lasts: Mapping[str, float]) -> Iterable[Moment]:
    """What ends a key's episode in one node's log: its own line, or another's once this log has ended.

    Lines without a key end every key of their log, and every line ends what has none.
    """
    if not key:
        yield from (m for m in tally.moments.all() if where.get(m[1], m[1]) == broker)
        return
    named = tally.keys.get(key)
    for moment in named.all() if named is not None else ():
        mine = where.get(moment[1], moment[1]) == broker
        if mine or (moment[0] is not None and moment[0] > lasts.get(broker, float("inf"))):
            yield moment
    unnamed = tally.keys.get("")
    if unnamed is not None:
        yield from (m for m in unnamed.all() if where.get(m[1], m[1]) == broker)


def _not_at_once(closed: list[Moment], opened: list[Moment], after: float) -> list[Moment]:
    """Ends that do not follow within some seconds on a beginning: what was noticed late was before it."""
    begun = sorted(m[0] for m in opened if m[0] is not None) if after else []
    return [m for m in closed if m[0] is None or bisect_right(begun, m[0]) == bisect_right(begun, m[0] - after)]


def _fell_silent(begins: list[Moment], end: float | None) -> Moment | None:
    """The last time of what is said again and again while it lasts, where the log goes on for long without it."""
    known = sorted((m for m in begins if m[0] is not None), key=order)[-_RECENT:]
    if end is None or len(known) < 3:
        return None
    times = [m[0] for m in known if m[0] is not None]
    longest = max(after - before for before, after in pairwise(times))
    return known[-1] if end - times[-1] > max(_SILENCE, 5 * longest) else None


def _paired(key: str, broker: str, opened: list[Moment], closed: list[Moment]) -> Iterable[Episode]:
    current: Episode | None = None
    for moment, is_end in sorted(
        [*((m, False) for m in opened), *((m, True) for m in closed)], key=lambda pair: (order(pair[0]), pair[1])
    ):
        if is_end:
            if current is not None:
                current.end = moment
                yield current
                current = None
        elif current is None:
            current = Episode(key, moment, None, {broker})
    if current is not None:
        yield current


def _joined(found: list[Episode]) -> list[Episode]:
    """Episodes of one key that several nodes logged at the same time are one; it is open while any of them is."""
    out: list[Episode] = []
    latest: dict[str, Episode] = {}
    for episode in found:
        before = latest.get(episode.key)
        if before is not None and _overlap(before, episode):
            before.brokers |= episode.brokers
            if before.end is not None and (episode.end is None or order(episode.end) > order(before.end)):
                before.end = episode.end
            continue
        latest[episode.key] = episode
        out.append(episode)
    return out


def _overlap(before: Episode, after: Episode) -> bool:
    if before.brokers == after.brokers:
        return False  # one node says one after the other
    if before.end is None or before.begin[0] is None or after.begin[0] is None:
        return True
    return after.begin[0] <= max(before.end[0] or 0.0, before.begin[0] + SAME)


def waits(rule: Rule) -> bool:
    """Whether a condition is that something began and did not end."""
    return rule.correlate is not None and rule.correlate["type"] == "unfinished"


def unfinished(rule: Rule, tally: Tally, tallies: Mapping[str, Tally], analysis: Analysis) -> list[Episode]:
    """What began and has no end after its last beginning on the same node."""
    correlate: dict[str, Any] = rule.correlate or {}
    where = brokers(analysis)
    enders = [tallies[i] for i in correlate.get("finished_by", ()) if i in tallies]
    # who follows a log waits by the clock on the wall: a log that says nothing more does not go on
    lasts, within = _last_times(analysis, where), 0.0 if analysis.live else float(correlate.get("within", 0.0))
    out: list[Episode] = []
    for key, moments in tally.keys.items():
        last: dict[str, Moment] = {}
        for moment in moments.all():
            broker = where.get(moment[1], moment[1])
            if broker not in last or order(moment) > order(last[broker]):
                last[broker] = moment
        for broker, begun in last.items():
            if within and begun[0] is not None and lasts.get(broker, begun[0]) - begun[0] < within:
                continue  # the log ends before it could have ended
            ends = [m for tally in enders for m in _moments_of(tally, key)]
            if not any(order(end)[0] >= order(begun)[0] and _after(end, begun, broker, where) for end in ends):
                out.append(Episode(key, begun, None, {broker}))
    return _joined(sorted(out, key=lambda episode: (order(episode.begin), episode.key)))


def _moments_of(tally: Tally, key: str) -> list[Moment]:
    """What may end a key: moments under it; all where either knows no keys."""
    if not key or not any(tally.keys):
        return tally.moments.all()
    named = tally.keys.get(key)
    return named.all() if named is not None else []


def _after(end: Moment, begun: Moment, broker: str, where: Mapping[str, str]) -> bool:
    if where.get(end[1], end[1]) != broker:
        return False
    return end[1] != begun[1] or order(end) >= order(begun)


def state_of(rule: Rule, tally: Tally, tallies: Mapping[str, Tally], analysis: Analysis) -> str:
    """``open`` when a condition that lasts has not ended for at least one of its keys, ``closed`` when all have."""
    if waits(rule):
        return "open" if unfinished(rule, tally, tallies, analysis) else "closed"
    if rule.correlate is not None and rule.correlate.get("lasts"):
        return "open"  # its detector finds only what is so at the end of the log
    if rule.interval is None:
        return "closed" if rule.over_after and _is_over(rule, tally, tallies, analysis) else "instant"
    return "open" if any(e.is_open for e in episodes(rule, tally, tallies, analysis)) else "closed"


def _is_over(rule: Rule, tally: Tally, tallies: Mapping[str, Tally], analysis: Analysis) -> bool:
    """Whether below the last line of this condition something calls it over, wherever it was logged.

    What a client says of its connections ends what the same client met. A broker that has started ends what clients met
    before in the same log only if some client logged in then, and not what they met at an address of their own host: in a
    container that is never the broker.
    """
    last: dict[str, int] = {}
    for moment in tally.moments.all():
        last[moment[1]] = max(last.get(moment[1], 0), moment[2])
    shown = [m for i in rule.over_after if i != _COMPLETED and i in tallies for m in tallies[i].moments.all()]
    starts = _COMPLETED in rule.over_after and not any(
        _OF_THIS_HOST.search(e.text) for e in (*tally.evidence, *tally.last_evidence)
    )
    return bool(last) and all(
        any(m[1] == source and m[2] > line for m in shown)
        or (starts and any(m[2] > line for m in _starts_that_served(_log_of(source), tallies, analysis)))
        for source, line in last.items()
    )


def _log_of(source: str) -> str:
    """The log that a source is a part of: several nodes and clients may write into one."""
    return source.partition(" [")[0]


def _starts_that_served(log: str, tallies: Mapping[str, Tally], analysis: Analysis) -> list[Moment]:
    """The starts of a log's brokers after which a client logged in."""
    from rabbitlogs.framing.framer import Line

    stamps = [tallies[i].last for i in _LOGINS if i in tallies]
    for state in analysis.sources.values():
        if _log_of(state.name) == log:
            stamps += [iso(Line(state.plain[kind][1]).header.time) for kind in _LOGINS if kind in state.plain]
    login = max((seconds for seconds in map(to_seconds, stamps) if seconds is not None), default=None)
    done = tallies[_COMPLETED].moments.all() if _COMPLETED in tallies else []
    return [m for m in done if _log_of(m[1]) == log and m[0] is not None and login is not None and m[0] <= login]
