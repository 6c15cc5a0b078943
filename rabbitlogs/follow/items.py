"""What following yields, one object for each line of ``tail --format jsonl``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rabbitlogs.model import Finding


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A condition seen for the first time, or one whose state changed (``finding.state``: open, closed, instant).

    Attributes:
        at: when it was diagnosed, ISO 8601 in UTC.
        latency_ms: from when the reader learnt of the bytes to now.
        is_new: False where only the state changed.
    """

    finding: Finding
    at: str
    latency_ms: float
    is_new: bool = True

    def to_dict(self) -> dict[str, Any]:
        return {"type": "finding", "at": self.at, "latency_ms": self.latency_ms, "finding": self.finding.to_dict()}


@dataclass(frozen=True, slots=True)
class Update:
    """A condition known already was seen again: at most one a second for each condition.

    Attributes:
        subjects: how many different users, peers ... it is about so far.
    """

    id: str
    title: str
    severity: str
    count: int
    last: str | None
    subjects: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {"type": "update", "id": self.id, "count": self.count, "last": self.last, "subjects": dict(self.subjects)}


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A condition was diagnosed when the log paused, and what was written next showed that it had not been one."""

    id: str
    title: str

    def to_dict(self) -> dict[str, Any]:
        return {"type": "withdrawn", "id": self.id}


@dataclass(frozen=True, slots=True)
class Seen:
    """A normal event that was asked for (``watch``), such as the end of a start, was seen."""

    id: str
    title: str
    count: int
    last: str | None

    def to_dict(self) -> dict[str, Any]:
        return {"type": "seen", "id": self.id, "count": self.count, "last": self.last}


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a log that could not be read.

    Attributes:
        reason: ``rotated``, ``truncated`` or ``reopened``.
        lost_bytes: how many at least; None where nobody can know.
    """

    source: str
    reason: str
    lost_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        return {"type": "gap", "source": self.source, "reason": self.reason, "lost_bytes": self.lost_bytes}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the following itself: a log that is not there yet, a state file that cannot be written."""

    text: str

    def to_dict(self) -> dict[str, Any]:
        return {"type": "notice", "text": self.text}


Item = Diagnosis | Update | Withdrawn | Seen | Gap | Notice
