"""Times, durations and numbers in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbitlogs.framing.times import to_seconds

if TYPE_CHECKING:
    from rabbitlogs.model import Finding


_TO_THE_END = 60.0  # seconds before the end of the log within which something goes on to the end


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


def short(stamp: str | None, day: str | None) -> str:
    """A time without its zone, and without its date where that is the day of the log's end."""
    if not stamp:
        return "an unknown time"
    return stamp[11:19] if day is not None and stamp[:10] == day[:10] else stamp[:19].replace("T", " ")


def rate(per_minute: float | None) -> str:
    """A rate in the unit that gives a number worth reading."""
    if per_minute is None:
        return ""
    if per_minute >= 120:
        return f"{per_minute / 60:,.0f} a second"
    if per_minute >= 1:
        return f"{per_minute:,.0f} a minute"
    return f"{per_minute * 60:,.0f} an hour" if per_minute * 60 >= 1 else f"{per_minute * 1440:,.0f} a day"


def storm(finding: Finding) -> str:
    """How often, in how long, how fast: ``4,312 times in 8 min (539 a minute)``."""
    if finding.count <= 1:
        return "once"
    start, end = to_seconds(finding.first), to_seconds(finding.last)
    length = roughly(end - start) if start is not None and end is not None and end - start >= 1 else ""
    fast = rate(finding.details.get("per_minute"))
    return f"{finding.count:,} times" + (f" in {length}" if length else "") + (f" ({fast})" if fast else "")


def roughly(seconds: float) -> str:
    """A duration in one unit, in two where the first is a small number."""
    text = duration(seconds).split(" ")
    return " ".join(text[:2] if len(text) < 3 or int(text[0]) >= 10 else text[:4])


def share(part: float | None) -> str:
    """A share of the log's time as a whole per cent; empty where that says nothing."""
    return f"{part * 100:.0f} % of the log" if part is not None and 0.01 <= part < 0.995 else ""


def when(finding: Finding, *, end: str | None = None, briefly: bool = False, is_now: bool = False) -> str:
    """How often and when a finding was seen, whether it is still so and for how long, as one phrase.

    Args:
        end: the time of the log's end.
        briefly: times without the day and zone that they share with the end.
        is_now: it counts as wrong now, so what matters is since when.
    """

    def at(stamp: str | None) -> str:
        return short(stamp, end) if briefly else clock(stamp)

    if finding.first is None:
        return storm(finding)
    details = finding.details
    if finding.state == "open":
        since = details.get("since") or finding.first
        length, part = lasting(since, end), share(details.get("share"))
        often = f"; {finding.count:,} times in all" + (f", {part}" if part else "") if finding.count > 1 else ""
        return f"since {at(since)}, still so" + (f" after {length}" if length else "") + often
    if finding.state == "closed" and details.get("until"):
        total, until = details.get("seconds"), details["until"]
        often = f"{finding.count:,} times, " if finding.count > 1 else ""
        lasted = f", {duration(total)}{' in all' if finding.count > 1 else ''}" if total is not None else ""
        return f"{often}{at(finding.first)} to {at(until)}{lasted}" if briefly else f"{often}{span(finding.first, until)}{lasted}"
    if briefly and is_now:
        seen, over = to_seconds(finding.last), to_seconds(end)
        last = "" if seen is None or over is None or over - seen < _TO_THE_END else f", last {at(finding.last)}"
        return f"since {at(finding.first)}, {storm(finding)}{last}" if finding.count > 1 else f"at {at(finding.first)}"
    if finding.count <= 1 or finding.first[:19] == (finding.last or "")[:19]:
        return f"{storm(finding)}, {at(finding.first)}"
    return (
        f"{storm(finding)}, {at(finding.first)} to {at(finding.last)}"
        if briefly
        else (f"{storm(finding)}, {span(finding.first, finding.last)}")
    )


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 record``, ``1,312 records``."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def plural(word: str) -> str:
    """More than one of it."""
    if word.endswith(("s", "x", "ch")):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") else word + "s"
