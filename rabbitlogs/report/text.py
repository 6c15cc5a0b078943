"""The report for people: the verdict on one screen, then each finding."""

from __future__ import annotations

import textwrap
from typing import IO, TYPE_CHECKING, Any

from rabbitlogs.engine.cluster import HOW
from rabbitlogs.engine.state import OTHERS
from rabbitlogs.engine.verdict import begun, judge, until_of
from rabbitlogs.framing.levels import rank
from rabbitlogs.report.style import COLOURS, Draft, Screen, command_lines
from rabbitlogs.report.times import clock, counted, duration, lasting, plural, short, span, when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rabbitlogs.engine.report import Report
    from rabbitlogs.engine.verdict import Verdict
    from rabbitlogs.model import Finding

_WARNING = rank("warning")
_SHORT_LIVED, _MANY = 0.5, 1000  # the share of connections below a second, and how many, that are worth a word

_SHOWN = 5  # findings in full without --all
_ROWS = 24  # of a screen
_COMMAND = 4  # lines of the first command: the whole of it stands with its finding
_NOW, _OVER, _NAMED = 4, 3, 4  # lines of the verdict's heaps: it has to fit on one screen of 24 lines
_ROOMY = 2  # so few things wrong leave room for a second line about each
_LOSSES = 12  # lost nodes that are told one by one
_TELLING = ("user", "connection_name", "queue", "exchange", "node", "vhost", "upstream", "shovel", "client", "peer")
_BARS = "▁▂▃▄▅▆▇█"
_INDENT = " " * 9
_MARKS = {"stop": "x", "start": "S", "trouble": "!", "alarm": "A", "loss": "L", "partition": "P"}  # later ones on top


def write_text(report: Report, out: IO[str], *, everything: bool = False) -> None:
    """Writes the report as text: the verdict on one screen, what the log shows at a glance, then the findings one by one.

    Args:
        everything: every finding in full, harmless ones and effects too.
    """
    shown = Screen(out)
    verdict = judge(report)
    titles = {finding.id: finding.title for finding in report.findings}
    first, glance, origins = Draft(shown), Draft(shown), Draft(shown)
    _screen(report, verdict, first)
    _cluster(report, glance)
    _timeline(report, glance)
    _connections(report, glance, everything=everything)
    _origins(report, origins, everything=everything)
    first.onto(shown)
    _baseline(report, shown)
    has_room = len(first.lines) + len(glance.lines) < _ROWS
    if has_room:
        glance.onto(shown)
    if origins.lines and len(first.lines) + len(glance.lines) + len(origins.lines) < _ROWS:
        origins.onto(shown)
        origins.lines.clear()
    loud = [*verdict.now, *verdict.over]
    chosen = report.findings if everything else loud[:_SHOWN]
    end = report.span()[1]
    for finding in chosen:
        shown.line()
        write_finding(finding, shown, titles=titles, end=end)
    if not has_room:
        glance.onto(shown)
    if everything:
        origins.onto(shown)
    _unexplained(report, shown, everything=everything)
    _ignored(report, shown, everything=everything)
    left = len(report.findings) - len(chosen)
    if left > 0:
        shown.line()
        shown.line((f"{left} more in full with --all.", "dim"))


def _screen(report: Report, verdict: Verdict, shown: Screen | Draft) -> None:
    """The verdict: at most 24 lines."""
    _sources(report, shown)
    shown.line()
    if not verdict.now:
        for part in textwrap.wrap(verdict.sentence, shown.width - 1):
            shown.line((part, "bold"))
    else:
        _now(shown, verdict, report)
    _over(shown, verdict.over, report)
    if verdict.harmless:
        more = len(verdict.harmless) - _NAMED
        names = "; ".join(finding.title for finding in verdict.harmless[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
        for part in textwrap.wrap(f"Looks frightening, is harmless: {names}", shown.width - 1, max_lines=2, placeholder=" …"):
            shown.line((part, "dim"))
    _coverage(report, shown)


def _sources(report: Report, shown: Screen | Draft) -> None:
    first, last = report.span()
    if len(report.sources) == 1:
        name = str(report.sources[0]["name"])
        parts = [f"{name if len(name) <= 50 else '…' + name[-49:]}: {counted(report.totals['records'], 'record')}"]
    else:
        parts = [f"{len(report.sources)} logs: {counted(report.totals['records'], 'record')}"]
    nodes = sorted({s["node"] for s in report.sources if s["node"]})
    if len(nodes) > 3:
        parts.append(f"{len(nodes)} nodes")
    elif nodes and not (len(nodes) == 1 and nodes[0] in parts[0]):
        parts.append(f"node{'s' if len(nodes) > 1 else ''} {', '.join(nodes)}")
    shown.line((", ".join(parts), "dim"), cut=True)
    versions = []
    for field, label in (("rabbitmq_version", "RabbitMQ"), ("erlang_version", "Erlang")):
        known = sorted({str(s[field]) for s in report.sources if s[field]})
        if known:
            versions.append(f"{label} {', '.join(known)}")
    length = lasting(first, last)
    when_ = [span(first, last) + (f" ({length})" if length else "")] if first else []
    line = "; ".join([*when_, ", ".join(versions)] if versions else when_)
    if len(line) > shown.width:
        line = "; ".join([*when_, *versions[:1]])
    if line:
        shown.line((line, "dim"), cut=True)


def _origins(report: Report, shown: Screen | Draft, *, everything: bool) -> None:
    """What each log says of its node, and which of its lines says it; a zone alone only with ``everything``."""
    rows = [(source["name"], told) for source in report.sources if (told := _told(source))]
    if not rows or not (everything or any(source["node"] or source["rabbitmq_version"] for source in report.sources)):
        return
    shown.line()
    shown.line(("Who says so", "bold"))
    for name, told in rows:
        if len(report.sources) > 1:
            _body(shown, name, style="dim")
        _body(shown, told, 2 if len(report.sources) == 1 else 4, "dim", 2)


def _told(source: Mapping[str, Any]) -> str:
    """Node, versions and zone of a log, each with what says it; nothing where the log says none of it."""
    facts = {"node": "node", "rabbitmq_version": "RabbitMQ", "erlang_version": "Erlang", "zone": "zone"}
    said = source["said_by"]
    parts = [f"{label} {source[name]} ({said[name]})" for name, label in facts.items() if source[name] is not None]
    return "; ".join([*parts, "no zone in its times"] if source["first"] and source["zone"] is None else parts)


def _ignored(report: Report, shown: Screen | Draft, *, everything: bool) -> None:
    """The files of a folder or an archive that were not read: with ``everything`` each with its reason."""
    if not report.ignored:
        return
    shown.line()
    if everything:
        shown.line(("Not read", "bold"))
        for row in report.ignored:
            _body(shown, f"{row['name']}: {row['reason']}", style="dim", hanging=2)
        return
    number = len(report.ignored)
    text = f"{counted(number, 'other file')} not read: {', '.join(row['name'] for row in report.ignored[:20])}"
    for part in textwrap.wrap(text, shown.width - 1, max_lines=2, placeholder=" … (all with --all)"):
        shown.line((part, "dim"))


def _now(shown: Screen | Draft, verdict: Verdict, report: Report) -> None:
    end = report.span()[1]
    shown.line(("Wrong now: the node did not start" if verdict.no_start else "Wrong now", "bold"))
    for finding in verdict.now[:_NOW]:
        severity = (f"{finding.severity:<9}", COLOURS.get(finding.severity, ""))
        shown.line(severity, (finding.title, "bold"), cut=True)
        rows = 2 if len(verdict.now) <= _ROOMY else 1
        for part in textwrap.wrap(
            "; ".join(_facts(finding, report, end)), shown.width - len(_INDENT), max_lines=rows, placeholder=" …"
        ):
            shown.line((_INDENT + part, "dim"))
    if len(verdict.now) > _NOW:
        shown.line((f"{_INDENT}and {len(verdict.now) - _NOW} more", "dim"), cut=True)
    first = verdict.began_with
    if first is not None and first is not verdict.now[0]:
        nodes = _about(first)[0] or _some(list(first.details.get("nodes", ())))
        place = f" ({nodes})" if nodes and len(report.sources) > 1 else ""
        shown.line((f"Began with: {first.title}{place}, {short(begun(first), end)}", "dim"), cut=True)
    if verdict.step is not None:
        shown.line(f"Do first: {verdict.step.do}{':' if verdict.step.run else ''}", cut=True)
        if verdict.step.run:
            for row in command_lines(verdict.step.run, shown.width - 3)[:_COMMAND]:
                shown.line((f"  {row}", "bold"))


def _facts(finding: Finding, report: Report, end: str | None) -> list[str]:
    """Where, since when and how often, about whom, and what follows from it: the most telling first."""
    about, seen_by = _about(finding)
    parts = [f"{about}, seen by {seen_by}" if seen_by else about] if about else []
    if not about and len({s["node"] for s in report.sources if s["node"]}) > 1:
        nodes = _some(list(finding.details.get("nodes", ())))
        parts = [f"on {nodes}"] if nodes else []
    parts.append(when(finding, end=end, briefly=True, is_now=True))
    effects = sum(finding.effects.values())
    if effects:
        parts.append(f"{effects:,} more follow{'s' if effects == 1 else ''} from it")
    subjects = _subjects(finding, without=("node",) if about else ())
    return [*parts, subjects] if subjects else parts


def _about(finding: Finding) -> tuple[str, str]:
    """The nodes that a finding is about, those where it is open still, and who says so where it is others."""
    open_keys = [e["key"] for e in finding.details.get("episodes", ()) if e["to"] is None and "@" in e["key"]]
    named = list(dict.fromkeys(open_keys)) or [value for value in finding.subjects.get("node", {}) if value != OTHERS]
    if not named:
        return "", ""
    says = [node for node in finding.details.get("nodes", {}) if node not in named]
    return _some(named), _some(says)


def _some(names: list[str]) -> str:
    """Names in a sentence, at most two by name."""
    if len(names) <= 2:
        return " and ".join(names)
    return f"{names[0]} and {len(names) - 1} more"


def _over(shown: Screen | Draft, findings: list[Finding], report: Report) -> None:
    if not findings:
        return
    end = report.span()[1]
    shown.line()
    shown.line(("Was wrong, is over", "bold"))
    for finding in findings[:_OVER]:
        severity = (f"{finding.severity:<9}", COLOURS.get(finding.severity, ""))
        title, facts = finding.title, when(finding, end=end, briefly=True)
        room = shown.width - len(_INDENT) - len(facts) - 4
        if len(title) > room:
            facts = f"{f'{finding.count:,} times, ' if finding.count > 1 else ''}until {short(until_of(finding), end)}"
            room = shown.width - len(_INDENT) - len(facts) - 4
        shown.line(severity, title if len(title) <= room else title[: max(0, room - 1)] + "…", (f"  ({facts})", "dim"), cut=True)
    if len(findings) > _OVER:
        shown.line((f"{_INDENT}and {len(findings) - _OVER} more", "dim"), cut=True)


def _bars(counts: list[int]) -> str:
    top = max(counts, default=0)
    return "".join(" " if not n else _BARS[min(len(_BARS) - 1, (n * len(_BARS) - 1) // top)] for n in counts)


def _timeline(report: Report, shown: Screen | Draft) -> None:
    line = report.timeline
    if line is None or len(line["counts"]["records"]) < 3:
        return
    counts: dict[str, list[int]] = line["counts"]
    shown.line()
    shown.line((f"Over time, each cell {duration(line['cell_seconds'])} from {clock(line['from'])}", "bold"), cut=True)
    for name, row in counts.items():
        if any(row):
            label = name if name == "records" else plural(name) if name in ("error", "warning", "alert") else name
            shown.line((f"{label:<9}|{_bars(row)}| {'' if name == 'records' else f'{sum(row):,}'}".rstrip(), "dim"), cut=True)
    marks, used = _marks(line)
    if used:
        shown.line((f"{_INDENT}|{marks}| {', '.join(f'{_MARKS[what]} {what}' for what in used)}", "dim"))


def _marks(line: dict[str, Any]) -> tuple[str, list[str]]:
    """A line of letters, one a cell: what matters more stands over what matters less."""
    cells = [" "] * len(line["counts"]["records"])
    order = list(_MARKS)
    for mark in sorted(line["marks"], key=lambda mark: order.index(mark["what"])):
        cells[mark["cell"]] = _MARKS[mark["what"]]
    return "".join(cells), [what for what, letter in _MARKS.items() if letter in cells]


def _coverage(report: Report, shown: Screen | Draft) -> None:
    """How far the report can be trusted, in one or two lines."""
    told, records = report.coverage, report.totals["records"]
    parts = []
    severe = sum(told.get("unknown_by_level", {}).values())
    if report.spoken:
        parts.append(f"{_percent(report.spoken - report.totals['unknown'], report.spoken)} of the records understood")
    if severe:
        parts.append(f"{severe:,} errors and warnings not")
    parts += [f"nothing logged for {duration(gap['seconds'])} after {clock(gap['after'])}" for gap in told.get("gaps", ())[:1]]
    lost = told.get("lost_by_the_logger", {})
    if lost:
        parts.append("the log has holes: " + " and ".join(f"{n:,} x {name.replace('_', ' ')}" for name, n in lost.items()))
    middle = told.get("begins_in_the_middle", ())
    if middle and records:
        whose = "the log" if len(report.sources) == 1 else _some(list(middle))
        parts.append(f"no start at the beginning of {whose}: what was before is not known")
    if not told.get("version_known") and records:
        parts.append("no version named")
    said = "; ".join(parts)
    for part in textwrap.wrap(f"{said[0].upper()}{said[1:]}." if said else "", shown.width - 1, max_lines=2, placeholder=" …"):
        shown.line((part, "dim"))


def _percent(part: int, whole: int) -> str:
    """A share that says 100 % only of all."""
    return "all" if part == whole else f"{min(99.9, 100 * part / whole):.1f} %"


def _cluster(report: Report, shown: Screen | Draft) -> None:
    view = report.cluster
    if view is None or not (view["losses"] or view["clock_skew"]):
        return
    shown.line()
    shown.line(("Nodes that others lost", "bold"))
    end = report.span()[1]
    real = [loss for loss in view["losses"] if loss["how"] != "mirrored"]
    for loss in real[:_LOSSES]:
        missed = f", not by {_some(loss['not_seen_by'])}: a partial partition" if loss["partial"] else ""
        length = lasting(loss["time"], loss["back"])
        back = f"back after {length or 'less than 1 s'}" if loss["back"] else "not back"
        text = f"{short(loss['time'], end)} {loss['node']}, by {_some(loss['seen_by'])}{missed}; {back}; {HOW[loss['how']]}"
        _body(shown, text, hanging=2)
    if len(real) > _LOSSES:
        _body(shown, f"and {len(real) - _LOSSES} more", style="dim")
    _matrix(view["saw_down"], shown)
    for skew in view["clock_skew"]:
        ahead = "ahead of" if skew["seconds"] > 0 else "behind"
        text = f"The clock of {skew['node']} is about {duration(abs(skew['seconds']))} {ahead} that of {skew['other']}"
        _body(shown, f"{text}; causes and effects are compared by one clock.")


def _matrix(saw: dict[str, dict[str, int]], shown: Screen | Draft) -> None:
    """Who saw whom go down, how often."""
    columns = sorted({subject for row in saw.values() for subject, count in row.items() if count})
    if not columns or len(saw) < 2:
        return
    wide = max(len(observer) for observer in saw) + 2
    if wide + sum(len(column) + 2 for column in columns) > shown.width - 2:
        return
    shown.line((f"  {'saw down':<{wide}}" + "".join(f"{column}  " for column in columns).rstrip(), "dim"))
    for observer, row in saw.items():
        cells = "".join(f"{'-' if c == observer else row.get(c, 0):<{len(c) + 2}}" for c in columns)
        shown.line((f"  {observer:<{wide}}{cells}".rstrip(), "dim"))


def _connections(report: Report, shown: Screen | Draft, *, everything: bool) -> None:
    told = report.connections
    if told is None or not told["looked_at"]:
        return
    short_lived = told["lifetime"] is not None and told["lifetime"]["below_1s"] >= _SHORT_LIVED
    if not everything and not (short_lived and told["closed"] >= _MANY):
        return
    shown.line()
    text = f"Connections: {told['opened']:,} opened, {told['closed']:,} closed"
    if told["lifetime"] is not None:
        text += f"; {told['lifetime']['below_1s'] * 100:.0f} % lived less than a second"
    _body(shown, text, 0)
    for name, label in (("user", "user"), ("address", "address"), ("connection_name", "name")):
        rows = [f"{value} {part * 100:.0f} %" for value, part in told["shares"][name].items() if part >= 0.01]
        if rows:
            _body(shown, f"by {label}: {', '.join(rows)}", style="dim")


def _baseline(report: Report, shown: Screen | Draft) -> None:
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
        whose = f"{row['node']}: " if len(report.settings) > 1 else ""
        shown.line(f"{whose}{row['fact']}: {row['now'] or 'not there'}, was {row['before'] or 'not there'}")


def write_finding(
    finding: Finding, shown: Screen | Draft, *, titles: Mapping[str, str] | None = None, end: str | None = None
) -> None:
    """Writes one finding in full.

    Args:
        titles: of other findings, by id, to name causes and effects.
        end: the time of the log's end.
    """

    def named(other: str) -> str:
        title = (titles or {}).get(other)
        return f"{title} ({other})" if title else other

    severity = (f"{finding.severity}: ", COLOURS.get(finding.severity, ""))
    shown.line(severity, (finding.title, "bold"), (f"   {finding.id}", "dim"))
    until = finding.details.get("until")
    over = f"Over since {clock(until)}; while it lasted: " if finding.state == "closed" and until else ""
    _body(shown, over + finding.what)
    if finding.caused_by:
        _body(shown, f"This follows from: {named(finding.caused_by)}.")
    if finding.why:
        _body(shown, finding.why)
    if finding.harmless_when:
        _body(shown, f"Harmless when: {finding.harmless_when}")
    seen, about = when(finding, end=end), _subjects(finding)
    _body(shown, f"{seen[0].upper()}{seen[1:]}." + (f" {about[0].upper()}{about[1:]}." if about else ""), style="dim")
    nodes = finding.details.get("nodes", {})
    if len(nodes) > 1:
        _body(shown, f"Logged by {', '.join(nodes)}.", style="dim")
    connection = _connection(finding)
    if connection:
        _body(shown, connection, style="dim")
    if finding.details.get("last_said"):
        _body(shown, f"The last it said: {finding.details['last_said']}", style="dim")
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
                for row in command_lines(step.run, shown.width - 8):
                    shown.line((f"       {row}", "bold"))
    for url in finding.docs:
        shown.line((f"  {url}", "cyan"))
    for name, value in finding.details.items():
        if name in ("owner", "runbook", "note"):
            _body(shown, f"{name}: {value}")
    for effect, count in finding.effects.items():
        _body(shown, f"Followed by: {named(effect)}, {f'{count:,} times' if count > 1 else 'once'}.")
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


def _connection(finding: Finding) -> str:
    """The connection a finding is about, or the first of several."""
    told = finding.details.get("connection")
    if not told:
        return ""
    named = {"user": "user", "vhost": "vhost", "connection_name": "name"}
    parts = [told["client"], *(f"{label} {told[name]}" for name, label in named.items() if told[name])]
    if told["open_seconds"] is not None:
        parts.append(f"open for {duration(told['open_seconds'])}")
    which = "The connection" if finding.count == 1 else "The first connection"
    return f"{which}: {', '.join(parts)}." if len(parts) > 1 else ""


def _body(shown: Screen | Draft, text: str, indent: int = 2, style: str = "", hanging: int = 0) -> None:
    """A paragraph, indented and wrapped; words longer than a line are left whole, to be copied."""
    width = max(40, shown.width - 1)
    for part in textwrap.wrap(
        text, width, initial_indent=" " * indent, subsequent_indent=" " * (indent + hanging), break_long_words=False,
        break_on_hyphens=False,
    ) or [""]:  # fmt: skip
        shown.line((part, style))


_STANDS_OUT = 5  # per cent of the events that make one of many worth naming, when they are also more than its part


def _subjects(finding: Finding, without: Sequence[str] = ()) -> str:
    """Whom a finding is about: the one, or how many and the one with the largest share."""
    parts = []
    open_ = {part for e in finding.details.get("episodes", ()) if e["to"] is None for part in e["key"].split("|")}
    for name, values in sorted(finding.subjects.items(), key=_telling):
        if name in without:
            continue
        still = {value: number for value, number in values.items() if value in open_}
        values = still or values
        top = next(iter(values.items()), None)
        if top is None:
            continue
        label = name.replace("_", " ")
        distinct = len(still) or finding.details.get("distinct", {}).get(name, len(values))
        if distinct == 1:
            parts.append(f"{label} {_brief(top[0])}")
        else:
            whole = max(finding.count, sum(values.values()))
            share = 100 * top[1] // whole if whole else 0
            many = f"more than {distinct:,}" if OTHERS in values else f"{distinct:,}"
            stands_out = top[0] != OTHERS and share >= max(_STANDS_OUT, 120 // distinct)
            named = f", {_brief(top[0])} {share} %" if stands_out else ""
            parts.append(f"{many} {plural(label)}{named}")
    return "; ".join(parts)


def _telling(subject: tuple[str, Any]) -> tuple[int, str]:
    """Sorts subjects: whose, then what, then from where."""
    return (_TELLING.index(subject[0]) if subject[0] in _TELLING else len(_TELLING), subject[0])


def _brief(value: str) -> str:
    return value if len(value) <= 48 else value[:47] + "…"


def _unexplained(report: Report, shown: Screen | Draft, *, everything: bool) -> None:
    """What the grammar does not know, errors first; without ``everything`` only the first errors and warnings."""
    rows = report.unexplained[:40] if everything else [row for row in report.unexplained if rank(row["level"]) >= _WARNING][:3]
    if not rows:
        return
    shown.line()
    shown.line(("Not understood", "bold"))
    for row in rows:
        shown.line((f"  {row['count']:,} x {row['level']}, first at {row['source']}:{row['line']}", "dim"))
        _body(shown, str(row["template"])[:200], 4, "dim")
