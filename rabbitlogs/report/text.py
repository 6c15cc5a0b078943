"""The report for people: the verdict on one screen, then each finding."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from rabbitlogs.report.style import COLOURS, console, heading, plain
from rabbitlogs.report.times import clock, when
from rabbitlogs.report.verdict import judge

if TYPE_CHECKING:
    from rich.console import Console

    from rabbitlogs.model import Finding
    from rabbitlogs.report.report import Report

_SHOWN = 5  # findings in full without --all
_LISTED = 6  # lines of one heap of the verdict


def write_text(report: Report, out: IO[str], *, everything: bool = False) -> None:
    """Writes the report as text.

    Args:
        everything: every finding in full, harmless ones and effects too.
    """
    shown = console(out)
    _sources(report, shown)
    verdict = judge(report)
    if not report.findings:
        shown.print()
        heading(shown, verdict.sentence)
    _heap(shown, "Wrong now", verdict.now, report)
    _heap(
        shown, "Was wrong, is over" if verdict.now else "Nothing is wrong at the end of this log. What was:", verdict.over, report
    )
    _heap(shown, "Looks frightening, is harmless", verdict.harmless, report)
    _unexplained(report, shown, everything)
    loud = [*verdict.now, *verdict.over]
    chosen = report.findings if everything else loud[:_SHOWN]
    for finding in chosen:
        shown.print()
        _finding(finding, shown)
    if not everything and len(report.findings) > len(chosen):
        shown.print()
        shown.print(plain(f"{len(report.findings) - len(chosen)} more in full with --all.", "dim"))


def _sources(report: Report, shown: Console) -> None:
    for source in report.sources[:4]:
        parts = [source["name"]]
        if source["node"]:
            parts.append(f"node {source['node']}")
        if source["rabbitmq_version"]:
            parts.append(f"RabbitMQ {source['rabbitmq_version']}")
        if source["erlang_version"]:
            parts.append(f"Erlang {source['erlang_version']}")
        parts.append(f"{source['records']:,} records")
        if source["first"]:
            parts.append(f"{clock(source['first'])} to {clock(source['last'])}")
        shown.print(plain(", ".join(parts), "dim"))
    if len(report.sources) > 4:
        shown.print(plain(f"and {len(report.sources) - 4} more logs", "dim"))


def _heap(shown: Console, title: str, findings: list[Finding], report: Report) -> None:
    if not findings:
        return
    shown.print()
    heading(shown, title)
    for finding in findings[:_LISTED]:
        line = Text("  ")
        line.append(f"{finding.severity:<8}  ", COLOURS.get(finding.severity, ""))
        line.append(finding.title)
        line.append(f"  ({when(finding, end=report.span()[1])})", "dim")
        shown.print(line)
    if findings and title == "Wrong now" and findings[0].next:
        step = findings[0].next[0]
        shown.print(Padding(plain(f"Do first: {step.do}" + (":" if step.run else ".")), (0, 0, 0, 2)))
        if step.run:
            shown.print(Padding(plain(step.run, "bold"), (0, 0, 0, 4)), soft_wrap=True)
    if len(findings) > _LISTED:
        shown.print(plain(f"  and {len(findings) - _LISTED} more", "dim"))


def _finding(finding: Finding, shown: Console) -> None:
    title = Text()
    title.append(f"{finding.severity}: ", COLOURS.get(finding.severity, ""))
    title.append(finding.title, "bold")
    title.append(f"   {finding.id}", "dim")
    shown.print(title)
    _body(shown, plain(finding.what))
    if finding.caused_by:
        _body(shown, plain(f"This follows from {finding.caused_by}."))
    if finding.why:
        _body(shown, plain(finding.why))
    seen = when(finding)
    if finding.harmless_when:
        _body(shown, plain(f"Harmless when: {finding.harmless_when}"))
    _body(shown, plain(f"{seen[0].upper()}{seen[1:]}.{_subjects(finding)}", "dim"))
    if finding.causes:
        _body(shown, plain("Causes, most frequent first:", "bold"))
        for cause in finding.causes:
            _body(shown, plain(f"- {cause.cause}" + (f" (tell: {cause.tell})" if cause.tell else "")), 4)
    if finding.next:
        _body(shown, plain("Next:", "bold"))
        for number, step in enumerate(finding.next, 1):
            costs = f" (disruptive: {step.costs})" if step.risk == "disruptive" else ""
            _body(shown, plain(f"{number}. {step.do}{costs}"), 4)
            if step.run:
                shown.print(Padding(plain(step.run, "bold"), (0, 0, 0, 7)), soft_wrap=True)
    for url in finding.docs:
        shown.print(Padding(plain(url, "cyan"), (0, 0, 0, 2)), soft_wrap=True)
    for effect, count in finding.effects.items():
        _body(shown, plain(f"Followed by {effect}, {count:,} times."))
    for evidence in finding.evidence[:3]:
        _body(shown, plain(f"{evidence.source}:{evidence.line}", "dim"))
        lines = evidence.text.split("\n")
        for line in lines[:4]:
            _body(shown, plain(line if len(line) <= 400 else line[:397] + "...", "dim"), 4)
        if len(lines) > 4:
            _body(shown, plain(f"... {len(lines) - 4} more lines", "dim"), 4)


def _body(shown: Console, text: Text, indent: int = 2) -> None:
    shown.print(Padding(text, (0, 0, 0, indent)))


def _subjects(finding: Finding) -> str:
    parts = []
    for name, values in finding.subjects.items():
        top = next(iter(values.items()), None)
        if top is None:
            continue
        share = f" ({100 * top[1] // finding.count} %)" if len(values) > 1 and finding.count else ""
        others = f" and {len(values) - 1} more" if len(values) > 1 else ""
        parts.append(f"{name.replace('_', ' ')} {top[0]}{share}{others}")
    return (" " + "; ".join(parts) + ".") if parts else ""


def _unexplained(report: Report, shown: Console, everything: bool) -> None:
    errors = [row for row in report.unexplained if row["level"] in ("error", "critical", "alert", "emergency")]
    unknown, records = report.totals["unknown"], report.totals["records"]
    if not unknown or not records:
        return
    shown.print()
    understood = 100 * (records - unknown) / records
    heading(shown, f"Not understood: {unknown:,} of {records:,} records ({understood:.1f} % understood)")
    for row in (report.unexplained if everything else errors[:3])[:40]:
        shown.print(plain(f"  {row['count']:,} x {row['level']}, first at {row['source']}:{row['line']}", "dim"))
        shown.print(Padding(plain(str(row["template"])[:200], "dim"), (0, 0, 0, 4)))
