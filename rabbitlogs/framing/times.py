"""Times as brokers write them, to ISO 8601 and to seconds. A log without a zone stays without one: nothing is guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rabbitlogs.lazy import expression

if TYPE_CHECKING:
    import re

_ISO = expression(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?: ?(Z|[+-]\d\d:?\d\d))?\Z")
_REPORT = expression(r"(\d{1,2})-([A-Z][a-z]{2})-(\d{4})::(\d\d:\d\d:\d\d)(?:\.(\d+))?( UTC)?\Z")
_MONTHS = {m: i for i, m in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)}
_CUSTOM = expression(
    r"(?:(?P<a>\d{1,4})[-/.](?P<m>\d{1,2}|[A-Z][a-z]{2})[-/.](?P<b>\d{2,4})[ T:]+|(?P<mon>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) )"
    r"(?P<clock>\d\d:\d\d:\d\d)(?:[.,](?P<f>\d+))?(?: ?(?P<z>[+-]\d\d:?\d\d|Z|UTC))?\Z"
)


def to_iso(raw: str) -> str | None:
    """A time as ISO 8601, with its zone where the text has one; None where no date can be read from it."""
    match = _ISO.match(raw)
    if match is not None:
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        return _join(f"{year}-{month}-{day}T{hour}:{minute}:{second}", fraction, zone)
    if raw.replace(".", "", 1).isdigit():
        return _from_epoch(raw)
    match = _REPORT.match(raw)
    if match is not None:
        day, name, year, clock, fraction, utc = match.groups()
        number = _MONTHS.get(name)
        return (number and _join(f"{year}-{number:02}-{int(day):02}T{clock}", fraction, "Z" if utc else None)) or None
    match = _CUSTOM.match(raw)
    return None if match is None else _from_custom(match)


def _from_custom(match: re.Match[str]) -> str | None:
    part = match.groupdict()
    if part["mon"]:  # no year in the text: nothing to be sure of but month, day and clock
        return None
    month = part["m"] if part["m"].isdigit() else str(_MONTHS.get(part["m"], 0))
    year, day = (part["a"], part["b"]) if len(part["a"]) == 4 else (part["b"], part["a"])
    if len(year) != 4 or not 1 <= int(month) <= 12:
        return None
    return _join(f"{year}-{int(month):02}-{int(day):02}T{part['clock']}", part["f"], part["z"])


def _join(base: str, fraction: str | None, zone: str | None) -> str:
    if zone in ("Z", "UTC"):
        zone = "+00:00"
    elif zone and ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    return f"{base}{'.' + fraction[:6] if fraction else ''}{zone or ''}"


def _from_epoch(raw: str) -> str | None:
    digits = len(raw.split(".")[0])
    scale = {10: 1.0, 13: 1e3, 16: 1e6}.get(digits)
    if scale is None:
        return None
    whole = int(raw.split(".")[0])
    micros = round(whole % scale * 1e6 / scale) if scale != 1.0 else round(float("0" + raw[digits:] if "." in raw else 0) * 1e6)
    try:
        return datetime.fromtimestamp(int(whole // scale), UTC).replace(microsecond=min(micros, 999999)).isoformat()
    except (OverflowError, OSError, ValueError):
        return None


def from_seconds(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def to_seconds(iso: str | None) -> float | None:
    """Seconds since 1970 of an ISO time. A time without zone counts as UTC: right for differences inside one log."""
    if not iso:
        return None
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
