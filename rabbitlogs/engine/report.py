"""The report: what an analysis concluded, as data. Every output format starts here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.catalogue import is_named
from rabbitlogs.framing.framer import BLANK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.model import Finding

SCHEMA = "rabbitlogs.report/1"
_ERRORS = ("error", "critical", "alert", "emergency")
# logged as errors, and no errors: a test of the levels, a mistaken level; unknown messages are told apart
_TELLS_NOTHING = ("blank", "unknown", "boot.log_level_tested", "discovery.etcd_nodes_found")


class Report:
    """What was found.

    Attributes:
        findings: ordered: what to look at first comes first.
        lifecycle: normal events worth a count: starts, accepted connections, cleared alarms.
        unexplained: messages the grammar does not know, grouped, errors first.
        sources, totals: what was read; totals account for every byte and record.
        problems: sentences about what could not be read.
        unjudged: kinds of records logged as errors that no rule has an eye on, with their numbers.
        ignored: what was found in a folder or an archive and is no log of a broker, with the reason.
    """

    def __init__(self) -> None:
        self.sources: list[dict[str, Any]] = []
        self.totals: dict[str, Any] = {}
        self.findings: list[Finding] = []
        self.lifecycle: list[dict[str, Any]] = []
        self.unexplained: list[dict[str, Any]] = []
        self.unjudged: dict[str, int] = {}
        self.problems: list[str] = []
        self.ignored: list[dict[str, str]] = []
        self.silenced: dict[str, int] = {}
        self.timeline: dict[str, Any] | None = None
        self.coverage: dict[str, Any] = {}
        self.cluster: dict[str, Any] | None = None
        self.connections: dict[str, Any] | None = None
        self.settings: dict[str, dict[str, str]] = {}
        self.baseline: dict[str, Any] | None = None

    @classmethod
    def of(cls, analysis: Analysis, findings: list[Finding], lifecycle: list[dict[str, Any]]) -> Report:
        report = cls()
        report.findings, report.lifecycle = findings, lifecycle
        given = {name: place for place, name in enumerate(analysis.intakes)}
        report.sources = [s.to_dict() for s in sorted(analysis.sources.values(), key=lambda s: given[s.name])]
        levels: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        for state in analysis.sources.values():
            for (level, kind), number in state.counts.items():
                levels[level] += number
                kinds[kind] += number
        report.totals = {
            "bytes": sum(s["bytes"] for s in report.sources),
            "lines": sum(s["lines"] for s in report.sources),
            "records": sum(levels.values()),
            "by_level": dict(sorted(levels.items())),
            "by_kind": dict(sorted(kinds.items())),
            "unknown": kinds.get("unknown", 0),
            "unframed_bytes": 0,
        }
        severe = {kind for state in analysis.sources.values() for level, kind in state.counts if level in _ERRORS}
        judged = {*analysis.catalogue.by_kind, *_TELLS_NOTHING}
        report.unjudged = {kind: kinds[kind] for kind in sorted(severe - judged)}
        from rabbitlogs.engine.unknown import Templates

        templates = Templates()
        for state in analysis.sources.values():
            templates.merge(state.templates)
        report.unexplained = templates.rows()
        report.problems = [*analysis.problems, *analysis.catalogue.problems]
        report.ignored = [{"name": name, "reason": reason} for name, reason in analysis.ignored]
        return report

    @property
    def spoken(self) -> int:
        """How many records say something: all but the blank ones."""
        return int(self.totals["records"]) - int(self.totals["by_kind"].get(BLANK, 0))

    def span(self) -> tuple[str | None, str | None]:
        """First and last time of all sources."""
        from rabbitlogs.engine.state import seconds_key

        firsts = [s["first"] for s in self.sources if s["first"]]
        lasts = [s["last"] for s in self.sources if s["last"]]
        return min(firsts, key=seconds_key, default=None), max(lasts, key=seconds_key, default=None)

    def select(self, only: Sequence[str] = (), ignore: Sequence[str] = ()) -> None:
        """Keeps findings by id or area: those in ``only`` (when given), without those in ``ignore``."""
        if only:
            self.findings = [f for f in self.findings if is_named(f.id, only)]
        if ignore:
            self.findings = [f for f in self.findings if not is_named(f.id, ignore)]

    def to_dict(self) -> dict[str, Any]:
        """Exactly what ``explain --format json`` prints."""
        from rabbitlogs import __version__
        from rabbitlogs.engine.verdict import judge

        return {
            "schema": SCHEMA,
            "version": __version__,
            "sources": self.sources,
            "totals": self.totals,
            "findings": [finding.to_dict() for finding in self.findings],
            "lifecycle": [{k: row[k] for k in ("id", "count", "first", "last")} for row in self.lifecycle],
            "unexplained": self.unexplained[:200],
            "verdict": judge(self).to_dict(),
            "timeline": self.timeline,
            "coverage": self.coverage,
            "cluster": self.cluster,
            "connections": self.connections,
            "settings": self.settings,
            "baseline": self.baseline,
            "silenced": self.silenced,
            "problems": self.problems,
            "ignored": self.ignored,
        }
