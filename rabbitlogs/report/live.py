"""What ``tail`` prints: each condition in full when it is new, a counter while it repeats, a footer on a terminal.

Everything that changes at once is written at once: the footer's lines are taken away, the new text is written, the footer
is drawn again. So nothing flickers, and what scrolled by stays in the terminal's history.
"""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import time
from typing import IO, TYPE_CHECKING

from rabbitlogs.follow.items import Diagnosis, Gap, Item, Notice, Seen, Update, Withdrawn
from rabbitlogs.privacy import visible
from rabbitlogs.report.style import COLOURS, Screen
from rabbitlogs.report.text import write_finding
from rabbitlogs.report.times import counted, duration, when

if TYPE_CHECKING:
    from rabbitlogs.engine.report import Report
    from rabbitlogs.follow.follower import Status

REDRAW = 0.25  # seconds between footers
_SHOWN_OPEN, _SHOWN_ACTIVE = 3, 3  # lines of the footer
_FIRST_COUNTER, _LONGEST = 2.0, 60.0  # seconds between counters of one condition: doubled each time
_QUIET_SEVERITIES = ("info", "notice")
_SYNC_BEGIN, _SYNC_END = "\x1b[?2026h", "\x1b[?2026l"  # terminals that know it show all of it at once
_ERASE = "\x1b[J"


class _Buffer(io.StringIO):
    """Text collected to be written at once, styled as its destination."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def counter(update: Update) -> str:
    """How often a condition was seen so far: ``x 312, last 14:03:22, 3 users``."""
    parts = [f"x {update.count:,}"]
    if update.last:
        parts.append(f"last {update.last[11:19]}")
    parts += [counted(number, name.replace("_", " ")) for name, number in list(update.subjects.items())[:2]]
    return ", ".join(parts)


class TextPrinter:
    """Text for people: plain lines when piped, a footer below them on a terminal."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._is_terminal = out.isatty() and os.environ.get("TERM") != "dumb"
        self._footer: list[str] = []
        self._drawn_at = 0.0
        self._counters: dict[str, tuple[float, float]] = {}  # when to print the next, and after how long the one after
        self._active: dict[str, tuple[float, Update]] = {}
        self._waiting: dict[str, Update] = {}
        self._begun = time.monotonic()

    def show(self, items: list[Item]) -> None:
        """Prints what is new."""
        buffer = _Buffer(self._is_terminal)
        screen = Screen(buffer)
        for item in items:
            self._item(item, screen)
        self._write(buffer.getvalue())

    @property
    def wants_status(self) -> bool:
        """Whether :meth:`tick` has use for how things stand."""
        return self._is_terminal

    def tick(self, status: Status | None) -> None:
        """Prints counters that are due, and draws the footer anew."""
        now = time.monotonic()
        buffer = _Buffer(self._is_terminal)
        screen = Screen(buffer)
        for rule_id in [i for i, (due, _) in self._counters.items() if due <= now and i in self._waiting]:
            self._print_counter(self._waiting.pop(rule_id), screen, now)
        text = buffer.getvalue()
        if status is None or not self._is_terminal:
            self._write(text)
        elif text or now - self._drawn_at >= REDRAW:
            self._drawn_at = now
            self._write(text, self._lines(status, now))

    def close(self, report: Report, status: Status) -> None:
        """Takes the footer away and prints the summary of what was seen."""
        buffer = _Buffer(self._is_terminal)
        screen = Screen(buffer)
        for update in list(self._waiting.values()):  # printing one takes it away
            self._print_counter(update, screen, time.monotonic())
        lost = f", {status.lost_bytes:,} bytes lost" if status.lost_bytes else ""
        length = duration(time.monotonic() - self._begun)
        screen.line()
        screen.line(
            (f"Followed {counted(status.sources, 'log')} for {length}: {counted(sum_of(report), 'record')}{lost}.", "bold")
        )
        if not report.findings:
            screen.line("No condition was seen.")
        for finding in report.findings:
            severity = (f"{finding.severity:<9}", COLOURS.get(finding.severity, ""))
            effect = f", follows from {finding.caused_by}" if finding.caused_by else ""
            screen.line(severity, finding.title, (f"  ({when(finding)}{effect})", "dim"))
        self._write(buffer.getvalue(), [])

    # lines ----------------------------------------------------------------------------------------------------------

    def _item(self, item: Item, screen: Screen) -> None:
        now = time.monotonic()
        if isinstance(item, Diagnosis):
            self._diagnosis(item, screen)
            self._counters[item.finding.id] = now + _FIRST_COUNTER, _FIRST_COUNTER * 2
        elif isinstance(item, Update):
            self._active[item.id] = now, item
            due, _ = self._counters.get(item.id, (0.0, 0.0))
            if due <= now:
                self._print_counter(item, screen, now)
            else:
                self._waiting[item.id] = item
        elif isinstance(item, Withdrawn):
            self._waiting.pop(item.id, None)
            self._active.pop(item.id, None)
            screen.line((f"withdrawn: {item.title}: the record went on after a pause and says something else.", "dim"))
        elif isinstance(item, Seen):
            screen.line((f"{item.last[11:19] if item.last else 'now'} {item.title} ({item.id})", "green"))
        elif isinstance(item, Gap):
            number = "an unknown number of bytes was" if item.lost_bytes is None else f"{item.lost_bytes:,} bytes were"
            screen.line((f"gap: {visible(item.source)} was {item.reason}; {number} lost.", "yellow"))
        elif isinstance(item, Notice):
            screen.line((visible(item.text), "dim"))

    def _diagnosis(self, diagnosis: Diagnosis, screen: Screen) -> None:
        finding = diagnosis.finding
        if diagnosis.is_new and finding.caused_by is None and finding.severity not in _QUIET_SEVERITIES:
            screen.line()
            write_finding(finding, screen)
            return
        severity = (f"{finding.severity}: ", COLOURS.get(finding.severity, ""))
        if not diagnosis.is_new and finding.state == "closed":
            self._waiting.pop(finding.id, None)
            screen.line(("over: ", "green"), (finding.title, "bold"), (f"   {finding.id} ({when(finding)})", "dim"))
        elif finding.caused_by:
            tail = f"   {finding.id}, follows from {finding.caused_by}"
            screen.line(severity, finding.title, (tail, "dim"))
        else:
            again = "again: " if not diagnosis.is_new else ""
            screen.line((again, "yellow"), severity, (finding.title, "bold"), (f"   {finding.id}", "dim"))
            screen.line(f"  {finding.what}")

    def _print_counter(self, update: Update, screen: Screen, now: float) -> None:
        _, pause = self._counters.get(update.id, (0.0, _FIRST_COUNTER))
        pause = max(pause, _FIRST_COUNTER)
        self._counters[update.id] = now + pause, min(pause * 2, _LONGEST)
        self._waiting.pop(update.id, None)
        screen.line((f"{counter(update)}  ", "dim"), update.title, (f"   {update.id}", "dim"))

    # the footer -----------------------------------------------------------------------------------------------------

    def _lines(self, status: Status, now: float) -> list[str]:
        """The footer: how much is read, what is open, what repeats. No line is wider than the terminal."""
        width = max(20, min(shutil.get_terminal_size((80, 24)).columns, 80) - 1)
        parts = [f"{status.records:,} records", f"{status.per_second:,.0f}/s", f"{len(status.open)} open"]
        if status.sources != 1:
            parts.append(f"{status.sources} logs")
        out = ["\x1b[2m" + _cut("── " + ", ".join(parts) + " ", width) + "\x1b[0m"]
        for rule_id, title, count in status.open[-_SHOWN_OPEN:]:
            self._active.pop(rule_id, None)
            out.append(_cut(f"open  x {count:,}  {title}", width))
        if len(status.open) > _SHOWN_OPEN:
            out.append(_cut(f"      and {len(status.open) - _SHOWN_OPEN} more open", width))
        self._active = {i: (at, update) for i, (at, update) in self._active.items() if now - at < 10}
        active = sorted(self._active.values(), key=lambda entry: -entry[0])[:_SHOWN_ACTIVE]
        out += [_cut(f"{counter(update)}  {update.title}", width) for _, update in active]
        return out

    def _write(self, text: str, footer: list[str] | None = None) -> None:
        """Writes text above the footer; ``footer`` replaces it."""
        if not self._is_terminal:
            if text:
                self._out.write(text)
                self._out.flush()
            return
        new = self._footer if footer is None else footer
        if not text and new == self._footer:
            return
        self._out.write(_SYNC_BEGIN + self._taken_away() + text + "".join(f"{line}\n" for line in new) + _SYNC_END)
        self._out.flush()
        self._footer = new

    def _taken_away(self) -> str:
        """What removes the footer: a terminal made narrower since has wrapped its lines."""
        if not self._footer:
            return ""
        width = max(1, shutil.get_terminal_size((80, 24)).columns)
        rows = sum(max(1, math.ceil(len(_plain(line)) / width)) for line in self._footer)
        return f"\r\x1b[{rows}A{_ERASE}"


class JsonPrinter:
    """One JSON object a line, each written as it comes."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def show(self, items: list[Item]) -> None:
        """Prints what is new."""
        for item in items:
            self._out.write(json.dumps(item.to_dict(), separators=(",", ":"), default=str) + "\n")
        self._out.flush()

    wants_status = False

    def tick(self, status: Status | None) -> None:
        """Nothing: objects are written when there is something to say."""

    def close(self, report: Report, status: Status) -> None:
        """Nothing: a reader counts for itself."""


def sum_of(report: Report) -> int:
    """How many records a report is about."""
    return int(report.totals["records"])


def _cut(text: str, width: int) -> str:
    text = visible(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def _plain(line: str) -> str:
    return line.replace("\x1b[2m", "").replace("\x1b[0m", "")
