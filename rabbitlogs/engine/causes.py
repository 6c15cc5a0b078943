"""Cause above effect: which condition follows from which, told by time, process and place in the log.

A rule names what may cause it. That it did is shown by nearness: most of the effects lie close to one of the cause's moments, in
the same process, or inside the time that a lasting cause lasted. Times of several nodes are compared by one clock.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from rabbitlogs.engine.catalogue import SEVERITIES, Rule
from rabbitlogs.engine.intervals import episodes, unfinished, waits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.state import Moment, Tally

_SAMPLE = 400  # moments of an effect that are compared with a cause's
_LINES = 60  # records without times are near when they are this many lines apart
_LAST_RESORT_WITHIN = 2.0
_LATE = 5.0  # seconds by which a cause may be logged after its effect
_MOST = 0.5  # the share of an effect's moments that have to be near


class Places:
    """Where some moments are, by time, by process and by line, to be asked whether others are near."""

    __slots__ = ("lines", "processes", "times")

    def __init__(self, moments: Iterable[Moment]) -> None:
        self.times: list[float] = []
        self.processes: dict[tuple[str, str], list[float]] = {}
        self.lines: dict[str, list[int]] = {}
        for seconds, source, line, pid in moments:
            own = self.processes.setdefault((source, pid), []) if pid is not None else []
            if seconds is not None:
                self.times.append(seconds)
                own.append(seconds)
            self.lines.setdefault(source, []).append(line)
        self.times.sort()
        for places in self.lines.values():
            places.sort()


def near(effects: list[Moment], causes: Places, within: float) -> float:
    """The share of moments that have a cause near: the same process within a minute, or close in time or in lines."""
    if not effects or not causes.lines:
        return 0.0
    step = max(1, len(effects) // _SAMPLE)
    sample = effects[::step]
    times, processes, lines = causes.times, causes.processes, causes.lines
    hits = 0
    crowded = _is_crowded(sample, times, within)
    for seconds, source, line, pid in sample:
        if seconds is None or not times:
            hits += _beside(lines.get(source, ()), line - _LINES, line + _LINES)
        elif (not crowded and _beside(times, seconds - within, seconds + min(within, _LATE))) or any(
            abs(t - seconds) <= 60 for t in processes.get((source, pid or ""), ())
        ):
            hits += 1
    return hits / len(sample)


def _is_crowded(effects: list[Moment], causes: list[float], within: float) -> bool:
    """Whether causes are so frequent that anything would be near one: in a storm, being near proves nothing."""
    seconds = [m[0] for m in effects if m[0] is not None]
    if len(seconds) < 4 or len(causes) < 4:
        return False
    first, last = min(seconds), max(seconds)
    span = last - first
    if span < 10 * within:
        return False
    covered, end = 0.0, float("-inf")
    for time in causes:
        covered += max(0.0, min(time + within, last) - max(time - within, end, first))
        end = time + within
    return covered > 0.6 * span


def _beside(places: Sequence[float], first: float, last: float) -> bool:
    """Whether one of some places, in order, lies between two."""
    index = bisect_left(places, first)
    return index < len(places) and places[index] <= last


def causes_of(
    candidates: list[tuple[Rule, Tally]],
    analysis: Analysis,
    *,
    tallies: Mapping[str, Tally] | None = None,
    normal: Iterable[tuple[Rule, Tally]] = (),
    offsets: Mapping[str, float] | None = None,
) -> dict[str, str]:
    """Which condition is the effect of which, by id.

    Args:
        tallies: what ends lasting conditions; by default those of the analysis.
        normal: normal events that may be causes (a stop, a start) and are no effects themselves.
        offsets: by source, how far its clock is ahead, where that is known.
    """
    known = [*candidates, *normal]
    by_id = {rule.id: (rule, tally) for rule, tally in known}
    moments = _Moments(offsets or {})
    ends = analysis.tallies if tallies is None else tallies
    out: dict[str, str] = {}
    for rule, tally in candidates:
        mine = _still_open(rule, tally, ends, analysis, offsets or {}) or moments.of(tally)
        best: tuple[float, str] | None = None
        for cause in rule.caused_by:
            if cause not in by_id or cause == rule.id:
                continue
            other, its = by_id[cause]
            if rule.area == other.area == "connection" and _elsewhere(mine, moments.places_of(its)):
                continue
            share = near(mine, moments.places_of(its), rule.caused_within)
            if share < _MOST and other.interval:
                share = max(share, _during(mine, other, its, ends, analysis, offsets or {}))
            if share >= _MOST and (best is None or share > best[0]):
                best = share, cause
        if best is None and rule.last_resort:
            best = _specific_near(rule, tally, candidates, moments, analysis)
        if best is not None:
            out[rule.id] = best[1]
    return {effect: cause for effect, cause in out.items() if not _loops(effect, out)}


def _still_open(
    rule: Rule, tally: Tally, ends: Mapping[str, Tally], analysis: Analysis, offsets: Mapping[str, float]
) -> list[Moment]:  # fmt: skip
    """When what is open still began: that is what a reader wants explained. Empty where nothing is."""
    if rule.interval is None:
        return [shifted(e.begin, offsets) for e in unfinished(rule, tally, ends, analysis)] if waits(rule) else []
    return [shifted(e.begin, offsets) for e in episodes(rule, tally, ends, analysis) if e.is_open]


class _Moments:
    """The moments of tallies by one clock, each read once."""

    def __init__(self, offsets: Mapping[str, float]) -> None:
        self._offsets = offsets
        self._known: dict[int, list[Moment]] = {}
        self._places: dict[int, Places] = {}

    def of(self, tally: Tally) -> list[Moment]:
        known = self._known.get(id(tally))
        if known is None:
            known = self._known[id(tally)] = [shifted(m, self._offsets) for m in tally.moments.all()]
        return known

    def places_of(self, tally: Tally) -> Places:
        """Where they are."""
        places = self._places.get(id(tally))
        if places is None:
            places = self._places[id(tally)] = Places(self.of(tally))
        return places


def shifted(moment: Moment, offsets: Mapping[str, float]) -> Moment:
    """A moment by the common clock."""
    offset = offsets.get(moment[1])
    return (moment[0] - offset, *moment[1:]) if offset and moment[0] is not None else moment


def _specific_near(
    rule: Rule, tally: Tally, candidates: list[tuple[Rule, Tally]], moments: _Moments, analysis: Analysis
) -> tuple[float, str] | None:
    """The specific finding that a last resort repeats: near in time.

    Of several, one that the last resort is the general case of, then one of the same processes, then the most severe.
    """
    mine = moments.of(tally)
    processes = _processes(mine)
    best: tuple[tuple[bool, bool, float, int], str] | None = None
    for other, its in candidates:
        if other.last_resort or other.id == rule.id or SEVERITIES.index(other.severity) < SEVERITIES.index("warning"):
            continue
        share = near(mine, moments.places_of(its), _LAST_RESORT_WITHIN)
        if share < _MOST:
            continue
        is_child = rule.id in analysis.catalogue.ancestors(other.id)
        its_processes = moments.places_of(its).processes
        in_process = not processes.isdisjoint(its_processes)
        if rule.area == other.area == "connection" and not is_child and _elsewhere(mine, moments.places_of(its)):
            continue
        rank = is_child, in_process, share, SEVERITIES.index(other.severity)
        if best is None or rank > best[0]:
            best = rank, other.id
    return None if best is None else (best[0][2], best[1])


def _processes(moments: Iterable[Moment]) -> set[tuple[str, str]]:
    return {(source, pid) for _, source, _, pid in moments if pid is not None}


def _elsewhere(effects: list[Moment], causes: Places) -> bool:
    """Whether two conditions of connections met different ones: what became of one connection explains no error of another."""
    processes = _processes(effects)
    return bool(processes and causes.processes and processes.isdisjoint(causes.processes))


def _during(
    moments: list[Moment], rule: Rule, cause: Tally, ends: Mapping[str, Tally], analysis: Analysis, offsets: Mapping[str, float]
) -> float:
    """The share of moments that lie inside the episodes of a condition that lasts."""
    spans = []
    for episode in episodes(rule, cause, ends, analysis):
        begin, end = shifted(episode.begin, offsets)[0], shifted(episode.end, offsets)[0] if episode.end else float("inf")
        if begin is not None and end is not None:
            spans.append((begin, end))
    hits = sum(1 for seconds, *_ in moments if seconds is not None and any(a <= seconds <= b for a, b in spans))
    return hits / len(moments) if moments else 0.0


def _loops(start: str, causes: dict[str, str]) -> bool:
    """Whether following causes from here comes back here."""
    seen = {start}
    at = causes.get(start)
    while at is not None and at not in seen:
        seen.add(at)
        at = causes.get(at)
    return at == start and min(seen) == start
