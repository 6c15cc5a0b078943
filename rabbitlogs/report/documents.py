"""The report to pass on: Markdown for a ticket, one self-contained HTML page for a colleague. Everything is escaped."""

from __future__ import annotations

import html as _html
import re
from typing import TYPE_CHECKING

from rabbitlogs.engine.verdict import judge
from rabbitlogs.lazy import expression
from rabbitlogs.report.times import counted, span, when

if TYPE_CHECKING:
    from rabbitlogs.engine.report import Report
    from rabbitlogs.model import Finding

_SPECIAL = expression(r"([\\`*_{}\[\]<>#|~])")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text.replace("\n", " "))


def _fenced(text: str, language: str = "") -> list[str]:
    """A code block that its content cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence]


def markdown(report: Report) -> str:
    """The report as Markdown."""
    verdict = judge(report)
    out = ["# RabbitMQ log report", "", _escaped(verdict.sentence), ""]
    for source in report.sources:
        version = f", RabbitMQ {_escaped(source['rabbitmq_version'])}" if source["rabbitmq_version"] else ""
        number, when_ = counted(source["records"], "record"), span(source["first"], source["last"])
        out.append(f"- {_escaped(source['name'])}: {number}{version}, {when_}")
    for title, heap in (("Wrong now", verdict.now), ("Was wrong, is over", verdict.over), ("Harmless", verdict.harmless)):
        if heap:
            out += ["", f"## {title}", ""]
            out += [f"- **{finding.severity}**: {_escaped(finding.title)} ({when(finding)})" for finding in heap]
    for finding in report.findings:
        out += ["", *_markdown_finding(finding)]
    return "\n".join(out) + "\n"


def _markdown_finding(finding: Finding) -> list[str]:
    out = [
        f"## {_escaped(finding.title)}",
        "",
        f"`{finding.id}`, {finding.severity}, {when(finding)}",
        "",
        _escaped(finding.what),
    ]
    if finding.caused_by:
        out += ["", f"Follows from `{finding.caused_by}`."]
    if finding.why:
        out += ["", _escaped(finding.why)]
    if finding.harmless_when:
        out += ["", f"Harmless when: {_escaped(finding.harmless_when)}"]
    if finding.causes:
        out += ["", "Causes, most frequent first:", ""]
        out += [f"- {_escaped(c.cause)}" + (f" (tell: {_escaped(c.tell)})" if c.tell else "") for c in finding.causes]
    if finding.next:
        out += ["", "Next:", ""]
        for number, step in enumerate(finding.next, 1):
            costs = f" (disruptive: {_escaped(step.costs)})" if step.costs else ""
            out.append(f"{number}. {_escaped(step.do)}{costs}")
            if step.run:
                out += ["", *("   " + line for line in _fenced(step.run, "sh")), ""]
    out += ["", *(f"- <{url}>" for url in finding.docs)]
    for evidence in finding.evidence[:3]:
        out += ["", f"{_escaped(evidence.source)}, line {evidence.line}:", "", *_fenced(evidence.text)]
    return out


_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}
pre{background:#f4f4f4;padding:.6rem;overflow-x:auto;border-radius:4px}code{font-family:ui-monospace,monospace}
.critical,.error{color:#a40000}.warning{color:#8a5a00}.notice,.info{color:#555}
section{border-top:1px solid #ddd;margin-top:1.5rem}
small{color:#666}
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}pre{background:#222}.critical,.error{color:#ff8080}
.warning{color:#ffc266}.notice,.info,small{color:#aaa}section{border-color:#333}a{color:#8ab4f8}}
"""


def html(report: Report) -> str:
    """The report as one HTML page without scripts or outside references."""
    e = _html.escape
    verdict = judge(report)
    out = [
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>RabbitMQ log report</title><style>{_STYLE}</style></head><body>",
        f"<h1>RabbitMQ log report</h1><p>{e(verdict.sentence)}</p><ul>",
    ]  # fmt: skip
    for source in report.sources:
        version = f", RabbitMQ {e(source['rabbitmq_version'])}" if source["rabbitmq_version"] else ""
        number, when_ = counted(source["records"], "record"), e(span(source["first"], source["last"]))
        out.append(f"<li>{e(source['name'])}: {number}{version}, {when_}</li>")
    out.append("</ul>")
    for title, heap in (("Wrong now", verdict.now), ("Was wrong, is over", verdict.over), ("Harmless", verdict.harmless)):
        if heap:
            out.append(f"<h2>{title}</h2><ul>")
            out += [
                f'<li><b class="{e(f.severity)}">{e(f.severity)}</b> <a href="#{e(f.id)}">{e(f.title)}</a> '
                f"<small>{e(when(f))}</small></li>"
                for f in heap
            ]
            out.append("</ul>")
    for finding in report.findings:
        out += _html_finding(finding)
    return "\n".join([*out, "</body></html>"]) + "\n"


def _html_finding(finding: Finding) -> list[str]:
    e = _html.escape
    out = [
        f'<section id="{e(finding.id)}"><h2 class="{e(finding.severity)}">{e(finding.title)}</h2>',
        f"<p><small><code>{e(finding.id)}</code>, {e(finding.severity)}, {e(when(finding))}</small></p><p>{e(finding.what)}</p>",
    ]
    if finding.caused_by:
        out.append(f'<p>Follows from <a href="#{e(finding.caused_by)}">{e(finding.caused_by)}</a>.</p>')
    if finding.why:
        out.append(f"<p>{e(finding.why)}</p>")
    if finding.harmless_when:
        out.append(f"<p>Harmless when: {e(finding.harmless_when)}</p>")
    if finding.causes:
        out.append("<p>Causes, most frequent first:</p><ul>")
        out += [f"<li>{e(c.cause)}" + (f" <small>tell: {e(c.tell)}</small>" if c.tell else "") + "</li>" for c in finding.causes]
        out.append("</ul>")
    if finding.next:
        out.append("<p>Next:</p><ol>")
        for step in finding.next:
            costs = f" <small>disruptive: {e(step.costs)}</small>" if step.costs else ""
            run = f"<pre><code>{e(step.run)}</code></pre>" if step.run else ""
            out.append(f"<li>{e(step.do)}{costs}{run}</li>")
        out.append("</ol>")
    if finding.docs:
        links = " ".join(f'<a href="{e(url)}">{e(url)}</a><br>' for url in finding.docs if url.startswith("https://"))
        out.append(f"<p>{links}</p>")
    for evidence in finding.evidence[:3]:
        out.append(f"<p><small>{e(evidence.source)}, line {evidence.line}</small></p><pre>{e(evidence.text)}</pre>")
    out.append("</section>")
    return out
