"""The objects of the library: record, event, finding. Frozen, small, without behaviour worth the name.

line → record → event → finding: a *record* is one framed log entry, an *event* a record whose message the grammar
understood, a *finding* a condition that events are evidence of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Record:
    """One framed log entry.

    Attributes:
        source: the name of the log it stands in.
        line: number of its first line, from 1.
        offset: of its first byte in the source (after decompression).
        length: in bytes, line ends included; the records' bytes joined are the input.
        stamp: its time as ISO 8601, with a zone only where the log has one; None where it has no time.
        level: one of RabbitMQ's eight, or ``none``.
        pid: the Erlang process that logged it.
        node: the node whose log it is, where known.
        category: the broker's log category or domain, where the format carries it.
        message: its text without headers, lines joined by line feeds.
        format: ``logger``, ``lager``, ``report``, ``json``, ``custom`` or ``bare``.
    """

    source: str
    line: int
    offset: int
    length: int
    stamp: str | None
    level: str
    pid: str | None
    node: str | None
    category: str | None
    message: str
    format: str

    @property
    def time(self) -> datetime | None:
        """The record's time; naive where the log has no zone."""
        from datetime import datetime

        try:
            return datetime.fromisoformat(self.stamp) if self.stamp else None
        except ValueError:
            return None

    @property
    def zone_known(self) -> bool:
        """Whether the log says which zone its times are in."""
        time = self.time
        return time is not None and time.tzinfo is not None


@dataclass(frozen=True, slots=True)
class Event:
    """A record and what the grammar made of it; ``kind`` is ``unknown`` where it made nothing.

    ``rest`` is what a newer wording added that the grammar does not know.
    """

    record: Record
    kind: str
    fields: dict[str, Any]
    rest: str | None = None

    @property
    def terms(self) -> dict[str, Any]:
        """The fields that are Erlang terms (tuples, lists, maps, binaries), as nested values, by the field's name.

        >>> import rabbitlogs
        >>> log = "2026-11-23 07:46:48.684571+00:00 [error] <0.2.0> Error trying to stop RabbitMQ: {error,{bad,[<<\"q\">>]}}"
        >>> next(rabbitlogs.parse(rabbitlogs.Text(log))).terms
        {'problem': ('error', ('bad', ['q']))}
        """
        from rabbitlogs.parsing.terms import parse_brackets

        found = ((name, parse_brackets(value)) for name, value in self.fields.items() if isinstance(value, str))
        return {name: value for name, value in found if value is not None}


@dataclass(slots=True)
class Evidence:
    """One record that a finding rests on. ``text`` has no control characters and no passwords."""

    source: str
    line: int
    offset: int
    time: str | None
    level: str
    text: str
    kind: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source, "line": self.line, "offset": self.offset, "time": self.time, "level": self.level,
            "text": self.text,
        }  # fmt: skip


@dataclass(slots=True)
class Cause:
    """A possible cause and how to tell that it is this one."""

    cause: str
    tell: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"cause": self.cause, "tell": self.tell}


@dataclass(slots=True)
class Advice:
    """One next step. A ``disruptive`` one says what it costs."""

    do: str
    run: str | None = None
    risk: str = "safe"
    costs: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"do": self.do, "run": self.run, "risk": self.risk, "costs": self.costs}


@dataclass(slots=True)
class Finding:
    """A condition found in the log, explained.

    Attributes:
        state: ``open`` (began and has not ended), ``closed``, or ``instant``.
        effects: ids of findings that follow from this one, with their counts.
        subjects: what it is about, by field: value and count, most frequent first.
    """

    id: str
    title: str
    area: str
    severity: str
    confidence: str
    state: str
    count: int
    first: str | None
    last: str | None
    what: str
    why: str | None
    harmless_when: str | None
    causes: list[Cause] = field(default_factory=list)
    next: list[Advice] = field(default_factory=list)
    docs: list[str] = field(default_factory=list)
    caused_by: str | None = None
    effects: dict[str, int] = field(default_factory=dict)
    subjects: dict[str, dict[str, int]] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The finding as the JSON report has it."""
        return {
            "id": self.id, "title": self.title, "area": self.area, "severity": self.severity,
            "confidence": self.confidence, "state": self.state, "count": self.count, "first": self.first,
            "last": self.last, "what": self.what, "why": self.why, "harmless_when": self.harmless_when,
            "causes": [c.to_dict() for c in self.causes], "next": [n.to_dict() for n in self.next],
            "docs": list(self.docs), "caused_by": self.caused_by, "effects": dict(self.effects),
            "subjects": {k: dict(v) for k, v in self.subjects.items()},
            "evidence": [e.to_dict() for e in self.evidence],
            **self.details,
        }  # fmt: skip
