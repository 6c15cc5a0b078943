"""What an analysis remembers: bounded, mergeable, in the order of the log."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rabbitlogs.framing.times import to_iso, to_seconds
from rabbitlogs.model import Evidence
from rabbitlogs.privacy import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SUBJECT_LIMIT = 2000  # distinct values of one subject that are counted by name
MOMENT_LIMIT = 1000  # moments kept of one condition: the first half and the last half
FIRST_EVIDENCE, LAST_EVIDENCE, SHAPES = 3, 2, 6
KEY_LIMIT = 512  # keys (nodes, queues, users ...) an interval or a correlation tells apart
PAIR_TIMES = 200  # moments kept of what one node saw of another
NO_MINUTE = -1  # of events without a time
EVIDENCE_TEXT = 4000  # characters of an evidence text
OTHERS = "(others)"

Moment = tuple[float | None, str, int, str | None]  # seconds, source, line, pid
Unread = tuple[bytes, str, int, None]  # the line's beginning instead of its seconds


def as_read(moment: Moment | Unread) -> Moment:
    """A moment with its time and process, read now if they had not been."""
    beginning, source, line, pid = moment
    if not isinstance(beginning, bytes):
        return beginning, source, line, pid
    from rabbitlogs.framing.framer import Line

    header = Line(beginning).header
    return to_seconds(iso(header.time)), source, line, header.pid


def _moved(moment: Moment | Unread, lines: int) -> Moment | Unread:
    return (moment[0], moment[1], moment[2] + lines, moment[3])  # type: ignore[return-value]


class UnreadEvidence(NamedTuple):
    """An event that may become evidence: most are followed by another before anyone asks."""

    source: str
    line: int
    offset: int
    level: str
    raw: list[bytes]
    kind: str

    def read(self) -> Evidence:
        """The evidence."""
        from rabbitlogs.framing.framer import Line

        text = b"\n".join(self.raw)[: EVIDENCE_TEXT * 2].decode("utf-8", "replace")
        stamp = iso(Line(self.raw[0]).header.time)
        return Evidence(self.source, self.line, self.offset, stamp, self.level, text, self.kind)


class Moments:
    """When something happened: all of it up to a bound, then the first and the last half."""

    __slots__ = ("first", "last", "total")

    def __init__(self) -> None:
        self.first: list[Moment | Unread] = []
        self.last: list[Moment | Unread] = []
        self.total = 0

    def add(self, moment: Moment | Unread) -> None:
        """Adds one; an unread one is a line's beginning, read when asked for."""
        self.total += 1
        if len(self.first) < MOMENT_LIMIT // 2:
            self.first.append(moment)
            return
        self.last.append(moment)
        if len(self.last) > MOMENT_LIMIT:
            del self.last[: MOMENT_LIMIT // 2]

    def extend(self, moments: list[Moment | Unread]) -> None:
        """Adds many."""
        self.total += len(moments)
        room = self.room()
        self.first.extend(moments[:room])
        self.last.extend(moments[room:])
        if len(self.last) > MOMENT_LIMIT:
            del self.last[: -(MOMENT_LIMIT // 2)]

    def skip(self, number: int) -> None:
        """Counts moments that are not kept: neither among the first nor, with those still to come, among the last."""
        self.total += number

    def room(self) -> int:
        """How many more of the first are kept."""
        return max(0, MOMENT_LIMIT // 2 - len(self.first))

    def merge(self, later: Moments) -> None:
        total = self.total + later.total
        for moment in later.first + later.last[-(MOMENT_LIMIT // 2) :]:
            self.add(moment)
        self.total = total

    def all(self) -> list[Moment]:
        """The moments kept, in order; each is read once."""
        first, last = [as_read(m) for m in self.first], [as_read(m) for m in self.last[-(MOMENT_LIMIT // 2) :]]
        self.first[:], self.last[:] = first, last
        return first + last


class Tally:
    """What is known of one condition: how often, when, about whom, and the lines that show it."""

    __slots__ = (
        "again",
        "count",
        "evidence",
        "first",
        "first_fields",
        "keys",
        "last",
        "last_evidence",
        "late",
        "minutes",
        "moments",
        "pairs",
        "shapes",
        "sources",
        "subjects",
    )

    def __init__(self) -> None:
        self.count = 0
        self.again = 0  # of these, lines that say once more what another line says
        self.first: str | None = None
        self.last: str | None = None
        self.subjects: dict[str, Counter[str]] = {}
        self.first_fields: dict[str, dict[str, Any]] = {}  # by kind, of its first event
        self.evidence: list[Evidence] = []
        self.last_evidence: list[Evidence] = []
        self.late: list[UnreadEvidence] = []  # the last events, made evidence when it is asked for
        self.shapes: dict[str, Evidence] = {}
        self.moments = Moments()
        self.keys: dict[str, Moments] = {}
        self.sources: Counter[str] = Counter()
        self.minutes: dict[str, Counter[int]] = {}
        self.pairs: dict[tuple[str, str], list[float]] = {}

    @property
    def number(self) -> int:
        """How often it happened: a line that says it once more counts only where the other line is not there."""
        return happened(self.count, self.again)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the event that says most: the first of its kind, the kind with most fields."""
        return max(self.first_fields.values(), key=len, default={})

    @fields.setter
    def fields(self, fields: dict[str, Any]) -> None:
        self.first_fields = {"": fields}

    def fields_naming(self, names: Iterable[str]) -> dict[str, Any]:
        """The fields of the first event that has most of these; events of one condition name different things."""
        wanted = list(names)
        return max(
            self.first_fields.values(), key=lambda fields: sum(fields.get(name) is not None for name in wanted), default={}
        )

    def subject(self, name: str, value: Any, number: int = 1) -> None:
        """Counts one value of a subject."""
        counter = self.subjects.setdefault(name, Counter())
        text = str(value)
        if text not in counter and len(counter) >= SUBJECT_LIMIT:
            text = OTHERS
        counter[text] += number

    def subject_values(self, name: str, values: list[str]) -> None:
        """Counts many values of a subject, in their order."""
        counter = self.subjects.setdefault(name, Counter())
        if len(counter) + len(values) <= SUBJECT_LIMIT:
            counter.update(values)
        elif len(counter) >= SUBJECT_LIMIT:
            known = [value for value in values if value in counter]
            counter.update(known)
            if len(known) < len(values):
                counter[OTHERS] += len(values) - len(known)
        else:
            for value in values:
                self.subject(name, value)

    def key(self, value: str, moment: Moment) -> None:
        """Notes a moment under a key, for intervals and correlations."""
        moments = self.keys.get(value)
        if moments is None:
            if len(self.keys) >= KEY_LIMIT:
                value = OTHERS
            moments = self.keys.setdefault(value, Moments())
        moments.add(moment)

    def dense(self, key: str, minute: int, number: int = 1) -> None:
        """Counts events under a key by the minute, for correlations that ask how many in how short a time."""
        minutes = self.minutes.get(key)
        if minutes is None:
            if len(self.minutes) >= KEY_LIMIT:
                key = OTHERS
            minutes = self.minutes.setdefault(key, Counter())
        minutes[minute] += number

    def pair(self, observer: str, subject: str, seconds: float | None) -> None:
        """Notes that one node saw something of another."""
        if seconds is not None and (len(self.pairs) < KEY_LIMIT or (observer, subject) in self.pairs):
            times = self.pairs.setdefault((observer, subject), [])
            if len(times) < PAIR_TIMES:
                times.append(seconds)

    def saw(self, stamp: str | None) -> None:
        """Widens the time span."""
        if stamp is None:
            return
        if self.first is None or before(stamp, self.first):
            self.first = stamp
        if self.last is None or not before(stamp, self.last):
            self.last = stamp

    def shift(self, shifts: Mapping[str, tuple[int, int]]) -> None:
        """Moves places behind those of an earlier part of the same source: by bytes and lines."""
        self.settle()
        if not any(name in shifts for name in self.sources):
            return
        for evidence in (*self.evidence, *self.last_evidence, *self.shapes.values()):
            offset, line = shifts.get(evidence.source, (0, 0))
            evidence.offset += offset
            evidence.line += line
        for moments in (self.moments, *self.keys.values()):
            for part in (moments.first, moments.last):
                part[:] = [_moved(m, shifts.get(m[1], (0, 0))[1]) for m in part]

    def settle(self) -> None:
        """Makes evidence of the last events, if that is still to be done."""
        late, self.late = self.late, []
        for unread in late:
            self.keep(unread.read())

    def keep(self, evidence: Evidence) -> None:
        """Keeps a record as evidence: the first few, the first of each kind, and the last few of the rest."""
        if self.late:
            self.settle()
        if len(self.evidence) < FIRST_EVIDENCE:
            self.evidence.append(evidence)
        elif evidence.kind not in self.first_fields and len(self.shapes) < SHAPES and evidence.kind not in self.shapes:
            self.shapes[evidence.kind] = evidence
        else:
            self.last_evidence.append(evidence)
            del self.last_evidence[:-LAST_EVIDENCE]

    def shown(self) -> list[Evidence]:
        """The evidence to show: first, different shapes, last; in the order of the log."""
        self.settle()
        out = {(e.source, e.offset): e for e in [*self.evidence, *self.shapes.values(), *self.last_evidence[-LAST_EVIDENCE:]]}
        shown = sorted(out.values(), key=lambda e: (seconds_key(e.time), e.source, e.offset))
        return [replace(e, text=printable(e.text)[:EVIDENCE_TEXT]) for e in shown]

    def _know(self, kind: str, fields: dict[str, Any] | None) -> None:
        if fields is not None and len(self.first_fields) < SHAPES:
            self.first_fields.setdefault(kind, fields)

    def merge(self, later: Tally) -> None:
        self.settle()
        later.settle()
        self.count += later.count
        self.again += later.again
        self.saw(later.first)
        self.saw(later.last)
        for name, counter in later.subjects.items():
            for value, number in counter.items():
                self.subject(name, value, number)
        for evidence in sorted((*later.evidence, *later.shapes.values(), *later.last_evidence), key=lambda e: e.offset):
            self.keep(evidence)
            self._know(evidence.kind, later.first_fields.get(evidence.kind))
        for kind, fields in later.first_fields.items():
            self._know(kind, fields)
        self.moments.merge(later.moments)
        for value, moments in later.keys.items():
            mine = self.keys.get(value)
            if mine is None and len(self.keys) < KEY_LIMIT:
                self.keys[value] = moments
            else:
                self.keys.setdefault(value if mine is not None else OTHERS, Moments()).merge(moments)
        self.sources.update(later.sources)
        for key, minutes in later.minutes.items():
            for minute, number in minutes.items():
                self.dense(key, minute, number)
        for pair, times in later.pairs.items():
            seen = self.pairs.setdefault(pair, [])
            seen.extend(times[: PAIR_TIMES - len(seen)])


def happened(count: int, again: int) -> int:
    """How often something happened that was logged so many times, some of them again."""
    return max(count - again, again)


def before(one: str, other: str) -> bool:
    """Whether an ISO time is before another; text order where both are written alike."""
    if len(one) == len(other) and one[26:] == other[26:]:
        return one < other
    return (to_seconds(one) or 0.0) < (to_seconds(other) or 0.0)


def seconds_key(stamp: str | None) -> float:
    """A sort key of a time; what has none comes first."""
    seconds = to_seconds(stamp)
    return float("-inf") if seconds is None else seconds


def stamp_like(seconds: float, example: str | None) -> str:
    """Seconds since 1970 as a log writes its times: in the zone of an example, without one where the log has none."""
    example = example or ""
    zone = datetime.fromisoformat(example).tzinfo if to_seconds(example) is not None else UTC
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.astimezone(zone).isoformat() if zone is not None else moment.replace(tzinfo=None).isoformat()


class Span:
    """First and last header time of something, kept raw until asked for: the hot path does not read times."""

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first: str | None = None
        self.last: str | None = None

    def stamps(self) -> tuple[str | None, str | None]:
        return iso(self.first), iso(self.last)


_stamps: dict[str, str | None] = {}


def iso(raw: str | None) -> str | None:
    """A header's time as ISO 8601; remembered, since the lines of a moment share it."""
    if raw is None:
        return None
    known = _stamps.get(raw)
    if known is None and raw not in _stamps:
        if len(_stamps) > 4096:
            _stamps.clear()
        known = _stamps[raw] = to_iso(raw)
    return known
