"""Times and durations in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbitlogs.framing.times import to_seconds

if TYPE_CHECKING:
    from rabbitlogs.model import Finding


def clock(stamp: str | None) -> str:
    """A time as people read it: no fraction, no T, the zone where the log has one."""
    if not stamp:
        return "an unknown time"
    base, zone = stamp[:19].replace("T", " "), stamp[19:].lstrip(".0123456789")
    return f"{base} {'UTC' if zone in ('+00:00', 'Z') else zone}".strip()


def duration(seconds: float) -> str:
    """A duration in at most two units."""
    whole = int(seconds)
    parts = ((whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    return " ".join([f"{number} {unit}" for number, unit in parts if number][:2]) or "less than 1 s"


def lasting(first: str | None, last: str | None) -> str:
    """How long something went on; empty where that is not known or no time at all."""
    start, end = to_seconds(first), to_seconds(last)
    return "" if start is None or end is None or end - start < 1 else duration(end - start)


def span(first: str | None, last: str | None) -> str:
    """From when to when, the day and the zone said once where they are the same."""
    start, end = clock(first), clock(last)
    if start == end:
        return start
    if start[:10] == end[:10] and start[19:] == end[19:]:
        return f"{start[:19]} to {end[11:]}"
    return f"{start} to {end}"


def when(finding: Finding, *, end: str | None = None) -> str:
    """How often and when a finding was seen, as one phrase."""
    times = f"{finding.count:,} times" if finding.count > 1 else "once"
    if finding.first is None:
        return times
    if finding.state == "open":
        length = lasting(finding.first, end)
        return f"{times}, since {clock(finding.first)}, still open" + (f" after {length}" if length else "")
    length = lasting(finding.first, finding.last)
    return f"{times}{' in ' + length if length else ''}, {span(finding.first, finding.last)}"
