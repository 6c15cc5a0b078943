"""A condition's tally and its rule's prose, put together: the finding that people and programs read."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.batch import key_names
from rabbitlogs.engine.intervals import Episode, episodes, unfinished, waits
from rabbitlogs.engine.nodes import brokers
from rabbitlogs.engine.prose import command, fill, places, text_of
from rabbitlogs.engine.state import OTHERS, Tally, stamp_like
from rabbitlogs.engine.versions import holds, releases
from rabbitlogs.framing.framer import Line
from rabbitlogs.framing.times import to_iso, to_seconds
from rabbitlogs.model import Advice, Cause, Finding

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.catalogue import Rule

_SUBJECTS_SHOWN = 20
_EPISODES_SHOWN = 20
_RATED = 10  # events that make a rate worth stating
_CONNECTION = ("user", "vhost", "client", "connection_name")  # what is told of one connection


def finding_of(
    rule: Rule,
    tally: Tally,
    state: str,
    cause: str | None,
    analysis: Analysis,
    tallies: Mapping[str, Tally] | None = None,
) -> Finding:
    """The finding of a condition that stands.

    Args:
        tallies: what ends lasting conditions; by default those of the analysis.
    """
    lasted = _lasted(rule, tally, analysis.tallies if tallies is None else tallies, analysis)
    text = rule.text()
    frequent = {name: min(counter.items(), key=_frequent_first)[0] for name, counter in tally.subjects.items() if counter}
    values = _values(rule, tally, analysis, lasted, {**tally.fields, **frequent})
    explain = text.get("explain", {})
    what = explain.get("what", rule.title)
    change = analysis.catalogue.changes.get(rule.id, {})
    known = releases(tally, analysis)
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
        count=_count(rule, tally, lasted),
        first=tally.first,
        last=tally.last,
        what=fill(
            what,
            _with_others(
                _values(rule, tally, analysis, lasted, {**tally.fields_naming(places(what)), **frequent}), tally, lasted
            ),
        ),
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
            if holds(n.get("since"), n.get("until"), known)
        ],
        docs=[d["url"] for d in text.get("docs", ())],
        caused_by=cause,
        subjects={name: _readable(counter) for name, counter in subjects.items()},
        evidence=tally.shown(),
        details={
            "distinct": {name: len(counter) - (OTHERS in counter) for name, counter in sorted(tally.subjects.items()) if counter},
            "nodes": _nodes(tally, analysis),
            **_duration(tally, lasted, state, analysis),
            "per_minute": _rate(tally),
            "connection": _connection(tally),
            "last_said": _last_said(rule, state, tally, analysis),
            **{name: value for name in ("owner", "runbook", "note") if (value := change.get(name) or text.get(name))},
        },
    )


def _lasted(rule: Rule, tally: Tally, tallies: Mapping[str, Tally], analysis: Analysis) -> list[Episode]:
    """When a condition lasted; of what waits for its end, what still does."""
    if rule.interval:
        return episodes(rule, tally, tallies, analysis)
    return unfinished(rule, tally, tallies, analysis) if waits(rule) else []


def _count(rule: Rule, tally: Tally, lasted: list[Episode]) -> int:
    """How often it happened: for what lasts, how often it began, where all beginnings are still known."""
    known = sum(moments.total for moments in tally.keys.values())
    kept = sum(len(moments.first) + len(moments.last) for moments in tally.keys.values())
    return len(lasted) if lasted and (waits(rule) or known == kept == tally.count) else tally.number


def _nodes(tally: Tally, analysis: Analysis) -> dict[str, int]:
    """Which nodes' logs say it, and how many lines of each."""
    where, out = brokers(analysis), dict[str, int]()
    named = {state.node for state in analysis.sources.values()}
    for source, number in tally.sources.items():
        node = where.get(source)
        if node in named:
            out[str(node)] = out.get(str(node), 0) + number
    return dict(sorted(out.items(), key=lambda item: (-item[1], item[0])))


def _duration(tally: Tally, lasted: list[Episode], state: str, analysis: Analysis) -> dict[str, Any]:
    """Since when it is so, and for how long it was in all: in seconds, and as a share of the log's time span."""
    firsts = [t for s in analysis.sources.values() if (t := to_seconds(s.first)) is not None]
    lasts = [t for s in analysis.sources.values() if (t := to_seconds(s.last)) is not None]
    if not lasted or not firsts or not lasts or any(e.begin[0] is None for e in lasted):
        return {"since": tally.first if state == "open" else None, "until": None, "seconds": None, "share": None, "episodes": []}
    whole, end = max(lasts) - min(firsts), max(lasts)
    spans = sorted((e.begin[0] or 0.0, end if e.end is None else e.end[0] or end) for e in lasted)
    total, reached = 0.0, float("-inf")
    for begin, until in spans:  # what several keys share is counted once
        total += max(0.0, until - max(begin, reached))
        reached = max(reached, until)
    begun = min((e.begin[0] or 0.0 for e in lasted if e.is_open), default=None)
    ended = max((e.end[0] for e in lasted if e.end is not None and e.end[0] is not None), default=None)
    return {
        "since": stamp_like(begun, tally.first) if begun is not None else None,
        "until": stamp_like(ended, tally.first) if begun is None and ended is not None else None,
        "seconds": round(total, 3),
        "share": round(min(1.0, total / whole), 4) if whole > 0 else None,
        "episodes": [
            {
                "key": text_of(episode.key),
                "from": stamp_like(episode.begin[0] or 0.0, tally.first),
                "to": stamp_like(episode.end[0], tally.first) if episode.end and episode.end[0] is not None else None,
                "nodes": sorted(episode.brokers),
            }
            for episode in islice(lasted, _EPISODES_SHOWN)
        ],
    }


def _rate(tally: Tally) -> float | None:
    """Events a minute, where there are enough to speak of a rate."""
    first, last = to_seconds(tally.first), to_seconds(tally.last)
    if tally.number < _RATED or first is None or last is None or last - first < 1.0:
        return None
    return round(tally.number * 60 / (last - first), 1)


def _connection(tally: Tally) -> dict[str, Any] | None:
    """The first connection a condition is about: what its own line says, and what earlier lines of it said."""
    for fields in tally.first_fields.values():
        told = {name: value for name in _CONNECTION if (value := fields.get(name, fields.get(f"session.{name}"))) is not None}
        if "client" not in told:
            continue
        begun, ended = fields.get("session.started"), tally.first
        start, end = to_seconds(to_iso(begun) if isinstance(begun, str) else None), to_seconds(ended)
        seconds = round(end - start, 3) if start is not None and end is not None and end >= start else None
        return {**{name: text_of(told[name]) if name in told else None for name in _CONNECTION}, "open_seconds": seconds}
    return None


def _last_said(rule: Rule, state: str, tally: Tally, analysis: Analysis) -> str | None:
    """The last line of a log in which something begun did not end: what it waits for, as far as a log can tell."""
    if state != "open" or not waits(rule) or (rule.correlate or {}).get("by"):
        return None
    lines = [state.final for state in analysis.sources.values() if state.name in tally.sources and state.final]
    return text_of(Line(lines[-1]).text) if lines else None


def _readable(counter: Mapping[str, int]) -> dict[str, int]:
    """Values as they are shown, those that read alike together."""
    out: dict[str, int] = {}
    for value, number in counter.items():
        out[text_of(value)] = out.get(text_of(value), 0) + number
    return out


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


def _values(rule: Rule, tally: Tally, analysis: Analysis, lasted: list[Episode], event: Mapping[str, Any]) -> dict[str, Any]:
    """The fields for the prose: an event's and the frequent subjects; of what lasts, those of what is open still."""
    values = dict(event)
    for episode in [e for e in lasted if e.is_open][:1]:
        names = key_names(rule.interval.get("key", ()) if rule.interval else (rule.correlate or {}).get("by", ()))
        values.update({n: v for n, v in zip(names, episode.key.split("|"), strict=False) if v and n in values})
    source = next(iter(tally.sources), "")
    node = tally.fields.get("node_of_log") or next((s.node for s in analysis.states_of(source) if s.node), None)
    still = [episode for episode in lasted if episode.is_open]
    lost = {episode.key for episode in still}
    says = (broker for episode in still for broker in sorted(episode.brokers) if "@" in broker and broker not in lost)
    values["node_of_log"] = next(says, node)
    values.setdefault("node", node)
    return values


def _with_others(values: dict[str, Any], tally: Tally, lasted: list[Episode]) -> dict[str, Any]:
    """The values for the first sentence: where an event names one of many, it says so."""
    out = dict(values)
    still = {episode.key for episode in lasted if episode.is_open}
    for name, counter in tally.subjects.items():
        among = counter.keys() & still or counter.keys()
        if len(among) > 1 and isinstance(out.get(name), str):
            others = len(among) - 1
            out[name] = f"{out[name]} (and {others:,} other{'s' if others > 1 else ''})"
    return out
