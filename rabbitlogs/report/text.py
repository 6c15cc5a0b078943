"""The report for people: the verdict on one screen, then each finding."""

from __future__ import annotations

import textwrap
from typing import IO, TYPE_CHECKING, Any

from rich.text import Text

from rabbitlogs.framing.times import to_seconds
from rabbitlogs.report.style import COLOURS, console, heading, plain
from rabbitlogs.report.times import clock, duration, lasting, span, when
from rabbitlogs.report.verdict import judge

if TYPE_CHECKING:
    from rich.console import Console

    from rabbitlogs.model import Finding
    from rabbitlogs.report.report import Report

_SHOWN = 5  # findings in full without --all
_NOW, _OVER, _NAMED = 4, 3, 4  # lines of the verdict's heaps: it has to fit on one screen of 24 lines
_BARS = "▁▂▃▄▅▆▇█"


def write_text(report: Report, out: IO[str], *, everything: bool = False) -> None:
    """Writes the report as text: the verdict on one screen, then the findings one by one.

    Args:
        everything: every finding in full, harmless ones and effects too.
    """
    shown = console(out)
    verdict = judge(report)
    _sources(report, shown)
    shown.print()
    if not verdict.now:
        shown.print(plain(verdict.sentence, "bold"))
    else:
        _now(shown, verdict.now, report)
    _over(shown, verdict.over, report)
    if verdict.harmless:
        names = "; ".join(finding.title for finding in verdict.harmless[:_NAMED])
        more = f"; and {len(verdict.harmless) - _NAMED} more" if len(verdict.harmless) > _NAMED else ""
        _line(shown, plain(f"Looks frightening, is harmless: {names}{more}", "dim"))
    _timeline(report, shown)
    _coverage(report, shown)
    _cluster(report, shown)
    _baseline(report, shown)
    loud = [*verdict.now, *verdict.over]
    chosen = report.findings if everything else loud[:_SHOWN]
    for finding in chosen:
        shown.print()
        _finding(finding, shown)
    if everything:
        _unexplained(report, shown)
    left = len(report.findings) - len(chosen)
    if left > 0:
        shown.print()
        shown.print(plain(f"{left} more in full with --all.", "dim"))


def _line(shown: Console, text: Text) -> None:
    """One line, cut at the width: the verdict's size is certain."""
    shown.print(text, no_wrap=True, overflow="ellipsis", crop=True)


def _sources(report: Report, shown: Console) -> None:
    first, last = report.span()
    if len(report.sources) == 1:
        source = report.sources[0]
        parts = [f"{source['name']}: {source['records']:,} records"]
        if source["node"]:
            parts.append(f"node {source['node']}")
    else:
        nodes = sorted({s["node"] for s in report.sources if s["node"]})
        parts = [f"{len(report.sources)} logs: {report.totals['records']:,} records"]
        if nodes:
            parts.append(f"nodes {', '.join(nodes)}")
    for name, label in (("rabbitmq_version", "RabbitMQ"), ("erlang_version", "Erlang")):
        versions = sorted({str(s[name]) for s in report.sources if s[name]})
        if versions:
            parts.append(f"{label} {', '.join(versions)}")
    _line(shown, plain(", ".join(parts), "dim"))
    if first:
        length = lasting(first, last)
        _line(shown, plain(span(first, last) + (f" ({length})" if length else ""), "dim"))


def _now(shown: Console, findings: list[Finding], report: Report) -> None:
    heading(shown, "Wrong now")
    for finding in findings[:_NOW]:
        line = Text()
        line.append(f"{finding.severity:<9}", COLOURS.get(finding.severity, ""))
        line.append(finding.title, "bold")
        _line(shown, line)
        about = _subjects(finding)
        _line(shown, plain(f"         {when(finding, end=report.span()[1])}" + (f"; {about}" if about else ""), "dim"))
    if len(findings) > _NOW:
        _line(shown, plain(f"         and {len(findings) - _NOW} more", "dim"))
    step = next((s for finding in findings for s in finding.next), None)
    if step is not None:
        _line(shown, plain(f"Do first: {step.do}{':' if step.run else ''}"))
        if step.run:
            _line(shown, plain(f"  {step.run}", "bold"))


def _over(shown: Console, findings: list[Finding], report: Report) -> None:
    if not findings:
        return
    shown.print()
    heading(shown, "Was wrong, is over")
    for finding in findings[:_OVER]:
        line = Text()
        line.append(f"{finding.severity:<9}", COLOURS.get(finding.severity, ""))
        line.append(finding.title)
        line.append(f"  ({when(finding)})", "dim")
        _line(shown, line)
    if len(findings) > _OVER:
        _line(shown, plain(f"         and {len(findings) - _OVER} more", "dim"))


def _bars(counts: list[int]) -> str:
    top = max(counts, default=0)
    return "".join(" " if not n else _BARS[min(len(_BARS) - 1, (n * len(_BARS) - 1) // top)] for n in counts)


def _timeline(report: Report, shown: Console) -> None:
    line = report.timeline
    if line is None or len(line["counts"]["records"]) < 3:
        return
    shown.print()
    problems = [
        sum(row[i] for name, row in line["counts"].items() if name in ("error", "critical", "alert", "emergency"))
        for i in range(len(line["counts"]["records"]))
    ]
    warnings = line["counts"].get("warning", [])
    for label, counts in (("records", line["counts"]["records"]), ("warnings", warnings), ("errors", problems)):
        if any(counts):
            _line(shown, plain(f"{label:<9}|{_bars(counts)}|", "dim"))
    marks = _marks(line)
    if marks.strip():
        _line(shown, plain(f"         |{marks}| ^ start, stop or alarm; each cell is {duration(line['cell_seconds'])}", "dim"))


def _marks(line: dict[str, Any]) -> str:
    cells = [" "] * len(line["counts"]["records"])
    start = to_seconds(line["from"]) or 0.0
    for mark in line["marks"]:
        seconds = to_seconds(mark["time"])
        if seconds is not None:
            at = int((seconds - start) // line["cell_seconds"])
            if 0 <= at < len(cells):
                cells[at] = "^"
    return "".join(cells)


def _coverage(report: Report, shown: Console) -> None:
    unknown, records = report.totals["unknown"], report.totals["records"]
    parts = []
    if unknown and records:
        severe = sum(report.coverage.get("unknown_by_level", {}).values())
        parts.append(f"{100 * (records - unknown) / records:.1f} % of {records:,} records understood")
        if severe:
            parts.append(f"{severe:,} errors and warnings not")
    parts += [
        f"nothing logged for {duration(gap['seconds'])} after {clock(gap['after'])}"
        for gap in report.coverage.get("gaps", ())[:1]
    ]
    if parts:
        _line(shown, plain("; ".join(parts) + ".", "dim"))


def _cluster(report: Report, shown: Console) -> None:
    view = report.cluster
    if view is None or not any(any(row.values()) for row in view["saw_down"].values()):
        return
    shown.print()
    heading(shown, "Who saw whom go down")
    for observer, row in view["saw_down"].items():
        seen = ", ".join(f"{subject} {count} times" for subject, count in row.items() if count)
        shown.print(plain(f"{observer}: {seen or 'nobody'}"))
    if view["partial"]:
        shown.print(plain(f"A partial partition: {', '.join(view['partial'])} was lost by some nodes and not by others."))
    for skew in view["clock_skew"]:
        shown.print(plain(f"The clock of {skew['node']} is about {skew['seconds']} s from that of {skew['other']}."))


def _baseline(report: Report, shown: Console) -> None:
    new = report.baseline
    if new is None:
        return
    shown.print()
    heading(shown, "Against the baseline")
    if not any(new.values()):
        shown.print(plain("Nothing new, no rate jumped, no setting differs."))
    for finding_id in new["new_findings"]:
        shown.print(plain(f"new finding: {finding_id}"))
    for row in new["new_kinds"][:10]:
        shown.print(plain(f"never seen before: {row['kind']}, {row['count']:,} times"))
    for row in new["rates_jumped"][:10]:
        shown.print(plain(f"{row['times']} times as often: {row['kind']}, {row['per_hour']:,} an hour"))
    for row in new["facts_differ"]:
        shown.print(plain(f"{row['fact']}: {row['now']}, was {row['before']}"))


def _finding(finding: Finding, shown: Console) -> None:
    title = Text()
    title.append(f"{finding.severity}: ", COLOURS.get(finding.severity, ""))
    title.append(finding.title, "bold")
    title.append(f"   {finding.id}", "dim")
    shown.print(title, soft_wrap=True)
    _body(shown, finding.what)
    if finding.caused_by:
        _body(shown, f"This follows from {finding.caused_by}.")
    if finding.why:
        _body(shown, finding.why)
    if finding.harmless_when:
        _body(shown, f"Harmless when: {finding.harmless_when}")
    seen, about = when(finding), _subjects(finding)
    _body(shown, f"{seen[0].upper()}{seen[1:]}." + (f" {about}." if about else ""), style="dim")
    if finding.causes:
        _body(shown, "Causes, most frequent first:", style="bold")
        for cause in finding.causes:
            _body(shown, f"- {cause.cause}" + (f" (tell: {cause.tell})" if cause.tell else ""), 4)
    if finding.next:
        _body(shown, "Next:", style="bold")
        for number, step in enumerate(finding.next, 1):
            costs = f" (disruptive: {step.costs})" if step.risk == "disruptive" else ""
            _body(shown, f"{number}. {step.do}{costs}", 4)
            if step.run:
                shown.print(plain(f"       {step.run}", "bold"), soft_wrap=True)
    for url in finding.docs:
        shown.print(plain(f"  {url}", "cyan"), soft_wrap=True)
    for name, value in finding.details.items():
        if name in ("owner", "runbook", "note"):
            _body(shown, f"{name}: {value}")
    for effect, count in finding.effects.items():
        _body(shown, f"Followed by {effect}, {count:,} times.")
    for evidence in finding.evidence[:3]:
        _body(shown, f"{evidence.source}:{evidence.line}", style="dim")
        lines = _unrepeated(evidence.text.split("\n"))
        for line in lines[:4]:
            _body(shown, line if len(line) <= 400 else line[:397] + "...", 4, "dim")
        if len(lines) > 4:
            _body(shown, f"... {len(lines) - 4} more lines", 4, "dim")


def _unrepeated(lines: list[str]) -> list[str]:
    """The lines of a record; the header that newer brokers repeat on each is shown once."""
    head = lines[0][: lines[0].find("> ") + 2]
    if len(head) < 24:
        return lines
    return [lines[0], *("  " + line.removeprefix(head) if line.startswith(head) else line for line in lines[1:])]


def _body(shown: Console, text: str, indent: int = 2, style: str = "") -> None:
    """A paragraph, indented and wrapped; words longer than a line are left whole, to be copied."""
    width = max(40, shown.width - 1)
    for part in textwrap.wrap(
        text, width, initial_indent=" " * indent, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    ) or [""]:
        shown.print(plain(part, style), soft_wrap=True)


def _subjects(finding: Finding) -> str:
    parts = []
    for name, values in finding.subjects.items():
        top = next(iter(values.items()), None)
        if top is None:
            continue
        label = name.replace("_", " ")
        distinct = finding.details.get("distinct", {}).get(name, len(values))
        if distinct == 1:
            parts.append(f"{label} {top[0]}")
        else:
            share = f" {min(100, 100 * top[1] // finding.count)} %" if finding.count else ""
            parts.append(f"{distinct:,} {_plural(label)}, {top[0]}{share}")
    return "; ".join(parts)


def _plural(word: str) -> str:
    if word.endswith(("s", "x", "ch")):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def _unexplained(report: Report, shown: Console) -> None:
    if not report.unexplained:
        return
    shown.print()
    heading(shown, "Not understood")
    for row in report.unexplained[:40]:
        shown.print(plain(f"  {row['count']:,} x {row['level']}, first at {row['source']}:{row['line']}", "dim"))
        _body(shown, str(row["template"])[:200], 4, "dim")
