"""The report for people: the verdict on one screen, then each finding."""

from __future__ import annotations

import textwrap
from typing import IO, TYPE_CHECKING, Any

from rabbitlogs.engine.state import OTHERS
from rabbitlogs.framing.times import to_seconds
from rabbitlogs.report.style import COLOURS, Screen
from rabbitlogs.report.times import clock, duration, lasting, span, when
from rabbitlogs.report.verdict import judge

if TYPE_CHECKING:
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
    shown = Screen(out)
    verdict = judge(report)
    _sources(report, shown)
    shown.line()
    if not verdict.now:
        shown.line((verdict.sentence, "bold"))
    else:
        _now(shown, verdict.now, report)
    _over(shown, verdict.over, report)
    if verdict.harmless:
        names = "; ".join(finding.title for finding in verdict.harmless[:_NAMED])
        more = f"; and {len(verdict.harmless) - _NAMED} more" if len(verdict.harmless) > _NAMED else ""
        shown.line((f"Looks frightening, is harmless: {names}{more}", "dim"), cut=True)
    _timeline(report, shown)
    _coverage(report, shown)
    _cluster(report, shown)
    _baseline(report, shown)
    loud = [*verdict.now, *verdict.over]
    chosen = report.findings if everything else loud[:_SHOWN]
    for finding in chosen:
        shown.line()
        _finding(finding, shown)
    if everything:
        _unexplained(report, shown)
    left = len(report.findings) - len(chosen)
    if left > 0:
        shown.line()
        shown.line((f"{left} more in full with --all.", "dim"))


def _sources(report: Report, shown: Screen) -> None:
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
    shown.line((", ".join(parts), "dim"), cut=True)
    if first:
        length = lasting(first, last)
        shown.line((span(first, last) + (f" ({length})" if length else ""), "dim"), cut=True)


def _now(shown: Screen, findings: list[Finding], report: Report) -> None:
    shown.line(("Wrong now", "bold"))
    for finding in findings[:_NOW]:
        severity = (f"{finding.severity:<9}", COLOURS.get(finding.severity, ""))
        shown.line(severity, (finding.title, "bold"), cut=True)
        about = _subjects(finding)
        shown.line((f"         {when(finding, end=report.span()[1])}" + (f"; {about}" if about else ""), "dim"), cut=True)
    if len(findings) > _NOW:
        shown.line((f"         and {len(findings) - _NOW} more", "dim"), cut=True)
    step = next((s for finding in findings for s in finding.next), None)
    if step is not None:
        shown.line(f"Do first: {step.do}{':' if step.run else ''}", cut=True)
        if step.run:
            shown.line((f"  {step.run}", "bold"), cut=True)


def _over(shown: Screen, findings: list[Finding], report: Report) -> None:
    if not findings:
        return
    shown.line()
    shown.line(("Was wrong, is over", "bold"))
    for finding in findings[:_OVER]:
        severity = (f"{finding.severity:<9}", COLOURS.get(finding.severity, ""))
        shown.line(severity, finding.title, (f"  ({when(finding)})", "dim"), cut=True)
    if len(findings) > _OVER:
        shown.line((f"         and {len(findings) - _OVER} more", "dim"), cut=True)


def _bars(counts: list[int]) -> str:
    top = max(counts, default=0)
    return "".join(" " if not n else _BARS[min(len(_BARS) - 1, (n * len(_BARS) - 1) // top)] for n in counts)


def _timeline(report: Report, shown: Screen) -> None:
    line = report.timeline
    if line is None or len(line["counts"]["records"]) < 3:
        return
    shown.line()
    problems = [
        sum(row[i] for name, row in line["counts"].items() if name in ("error", "critical", "alert", "emergency"))
        for i in range(len(line["counts"]["records"]))
    ]
    warnings = line["counts"].get("warning", [])
    for label, counts in (("records", line["counts"]["records"]), ("warnings", warnings), ("errors", problems)):
        if any(counts):
            shown.line((f"{label:<9}|{_bars(counts)}|", "dim"), cut=True)
    marks = _marks(line)
    if marks.strip():
        shown.line((f"         |{marks}| ^ start, stop or alarm; each cell is {duration(line['cell_seconds'])}", "dim"), cut=True)


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


def _coverage(report: Report, shown: Screen) -> None:
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
        shown.line(("; ".join(parts) + ".", "dim"), cut=True)


def _cluster(report: Report, shown: Screen) -> None:
    view = report.cluster
    if view is None or not any(any(row.values()) for row in view["saw_down"].values()):
        return
    shown.line()
    shown.line(("Who saw whom go down", "bold"))
    for observer, row in view["saw_down"].items():
        seen = ", ".join(f"{subject} {count} times" for subject, count in row.items() if count)
        shown.line(f"{observer}: {seen or 'nobody'}")
    if view["partial"]:
        shown.line(f"A partial partition: {', '.join(view['partial'])} was lost by some nodes and not by others.")
    for skew in view["clock_skew"]:
        shown.line(f"The clock of {skew['node']} is about {skew['seconds']} s from that of {skew['other']}.")


def _baseline(report: Report, shown: Screen) -> None:
    new = report.baseline
    if new is None:
        return
    shown.line()
    shown.line(("Against the baseline", "bold"))
    if not any(new.values()):
        shown.line("Nothing new, no rate jumped, no setting differs.")
    for finding_id in new["new_findings"]:
        shown.line(f"new finding: {finding_id}")
    for row in new["new_kinds"][:10]:
        shown.line(f"never seen before: {row['kind']}, {row['count']:,} times")
    for row in new["rates_jumped"][:10]:
        shown.line(f"{row['times']} times as often: {row['kind']}, {row['per_hour']:,} an hour")
    for row in new["facts_differ"]:
        shown.line(f"{row['fact']}: {row['now']}, was {row['before']}")


def _finding(finding: Finding, shown: Screen) -> None:
    severity = (f"{finding.severity}: ", COLOURS.get(finding.severity, ""))
    shown.line(severity, (finding.title, "bold"), (f"   {finding.id}", "dim"))
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
                shown.line((f"       {step.run}", "bold"))
    for url in finding.docs:
        shown.line((f"  {url}", "cyan"))
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


def _body(shown: Screen, text: str, indent: int = 2, style: str = "") -> None:
    """A paragraph, indented and wrapped; words longer than a line are left whole, to be copied."""
    width = max(40, shown.width - 1)
    for part in textwrap.wrap(
        text, width, initial_indent=" " * indent, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    ) or [""]:
        shown.line((part, style))


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
            many = f"more than {distinct:,}" if OTHERS in values else f"{distinct:,}"
            named = "" if top[0] == OTHERS else f", {top[0]}{share}"
            parts.append(f"{many} {_plural(label)}{named}")
    return "; ".join(parts)


def _plural(word: str) -> str:
    if word.endswith(("s", "x", "ch")):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def _unexplained(report: Report, shown: Screen) -> None:
    if not report.unexplained:
        return
    shown.line()
    shown.line(("Not understood", "bold"))
    for row in report.unexplained[:40]:
        shown.line((f"  {row['count']:,} x {row['level']}, first at {row['source']}:{row['line']}", "dim"))
        _body(shown, str(row["template"])[:200], 4, "dim")
