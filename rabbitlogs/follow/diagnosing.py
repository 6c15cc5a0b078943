"""From tallies that grow to what is said of them: a finding when first seen, an update while it repeats, its end."""

from __future__ import annotations

import copy
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.catalogue import SEVERITIES, Rule
from rabbitlogs.engine.causes import causes_of
from rabbitlogs.engine.detectors import DETECTORS
from rabbitlogs.engine.intervals import state_of
from rabbitlogs.engine.reasoning import stands
from rabbitlogs.engine.state import happened, seconds_key
from rabbitlogs.engine.wording import finding_of
from rabbitlogs.follow.items import Diagnosis, Item, Seen, Update, Withdrawn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.state import Tally
    from rabbitlogs.follow.feeding import Preview
    from rabbitlogs.model import Finding

EVERY = 1.0  # seconds between updates of one condition, and between looks at what needs more than one event
UNFINISHED_AFTER = 60.0  # seconds something may take before its missing end is a finding


class _Shown:
    """What was said of a condition last."""

    __slots__ = ("at", "count", "state", "title")

    def __init__(self, title: str, state: str, count: int, at: float) -> None:
        self.title, self.state, self.count, self.at = title, state, count, at


class Diagnoser:
    """Compares the tallies with what was said before.

    Args:
        watch: ids of normal events that are worth a word.
    """

    def __init__(self, analysis: Analysis, preview: Preview, watch: Iterable[str] = ()) -> None:
        self._analysis, self._preview = analysis, preview
        self._watch = frozenset(watch)
        self.shown: dict[str, _Shown] = {}
        self._counts: dict[str, int] = {}
        self._waiting: dict[str, float] = {}  # rules that need more than one event, and since when they are looked at
        self._recheck: set[str] = set()
        self._behind: set[str] = set()  # shown with a lower count than is known now
        self._looked = 0.0
        self._detected: dict[str, Tally] = {}  # what detectors say of the whole
        rules = analysis.catalogue.rules.values()
        self._ended_by: dict[str, list[str]] = {}
        for rule in rules:
            for closer in rule.enders:
                self._ended_by.setdefault(closer, []).append(rule.id)
        self._detectors = [
            (rule.id, DETECTORS[rule.correlate["name"]])
            for rule in rules
            if rule.correlate is not None and rule.correlate["type"] == "detector" and not rule.matches
        ]

    # what is known --------------------------------------------------------------------------------------------------

    def _extra(self) -> list[dict[str, Tally]]:
        """What is known beside the analysis's own tallies: of open records, of the whole."""
        extra = list(self._preview.tallies.values())
        return [*extra, self._detected] if self._detected else extra

    def _tallies(self) -> dict[str, Tally]:
        """The tallies with the open records' part."""
        real = self._analysis.tallies
        extra = self._extra()
        if not extra:
            return real
        out = dict(real)
        for part in extra:
            for rule_id, tally in part.items():
                known = out.get(rule_id)
                if known is None:
                    out[rule_id] = tally
                else:
                    out[rule_id] = joined = copy.deepcopy(known)
                    joined.merge(copy.deepcopy(tally))
        return out

    def _count_of(self, rule_id: str) -> int:
        tally = self._analysis.tallies.get(rule_id)
        parts = [tally, *(part.get(rule_id) for part in self._extra())]
        known = [part for part in parts if part is not None]
        return happened(sum(part.count for part in known), sum(part.again for part in known))

    def open_conditions(self) -> list[tuple[str, Rule, int]]:
        """Conditions that began and have not ended: id, rule, count."""
        rules = self._analysis.catalogue.rules
        return [(i, rules[i], self._count_of(i)) for i, shown in self.shown.items() if shown.state == "open"]

    def seed(self, shown: dict[str, str]) -> None:
        """Takes over what an earlier run has said: ids and states."""
        for rule_id, state in shown.items():
            rule = self._analysis.catalogue.rules.get(rule_id)
            if rule is not None:
                count = self._count_of(rule_id)
                self.shown[rule_id] = _Shown(rule.title, state, count, 0.0)
        rules = self._analysis.catalogue.rules
        # what was counted and not said before the end is said now
        self._counts = {i: self._count_of(i) for i in self._analysis.tallies if i in self.shown or rules[i].lifecycle}

    # what is said ---------------------------------------------------------------------------------------------------

    def changes(self, woken: float, *, quick: bool = True) -> Iterator[Item]:
        """What is new since the last call.

        Args:
            woken: when the reader learnt of the bytes (``time.monotonic``).
            quick: only what a single event tells; otherwise also updates and what needs more than one event.
        """
        now = time.monotonic()
        due = now - self._looked >= EVERY
        if due and not quick:
            found = {rule_id: detector(self._analysis) for rule_id, detector in self._detectors}
            self._detected = {rule_id: tally for rule_id, tally in found.items() if tally is not None}
        changed = self._changed()
        if not changed and not (due and not quick):
            return
        catalogue = self._analysis.catalogue
        fresh: list[str] = []
        for rule_id in changed:
            rule = catalogue.rules[rule_id]
            self._recheck.update(i for i in self._ended_by.get(rule_id, ()) if i in self.shown)
            if catalogue.changes.get(rule_id, {}).get("silence"):
                continue
            if rule.lifecycle:
                if rule_id in self._watch:
                    tally = self._tallies()[rule_id]
                    yield Seen(rule_id, rule.title, tally.number, tally.last)
            elif rule_id in self.shown:
                self._behind.add(rule_id)
                if (rule.interval or rule.over_after) and self.shown[rule_id].state == "closed":
                    self._recheck.add(rule_id)
            elif rule.correlate or rule.unless:
                self._waiting.setdefault(rule_id, now)
            else:
                fresh.append(rule_id)
        yield from self._withdrawn(changed)
        if fresh or self._recheck or (due and self._waiting):
            yield from self._findings(fresh, woken, now, due=due)
        if due and not quick:
            self._looked = now
            yield from self._updates(now)

    def _changed(self) -> list[str]:
        counts = self._counts
        extra = self._extra()
        if not extra:
            tallies = self._analysis.tallies
            changed = [i for i, tally in tallies.items() if counts.get(i) != tally.number]
            if len(counts) > len(tallies):
                changed += [i for i in counts if i not in tallies]
            for rule_id in changed:
                counts[rule_id] = self._count_of(rule_id)
                if not counts[rule_id]:
                    del counts[rule_id]
            return changed
        ids = set(self._analysis.tallies).union(counts, *extra)
        changed = []
        for rule_id in ids:
            count = self._count_of(rule_id)
            if counts.get(rule_id, 0) != count:
                changed.append(rule_id)
                if count:
                    counts[rule_id] = count
                else:
                    counts.pop(rule_id, None)
        return changed

    def _withdrawn(self, changed: list[str]) -> Iterator[Item]:
        for rule_id in changed:
            if rule_id in self.shown and not self._count_of(rule_id):
                yield Withdrawn(rule_id, self.shown.pop(rule_id).title)
                self._behind.discard(rule_id)
                self._recheck.discard(rule_id)

    def _findings(self, fresh: list[str], woken: float, now: float, *, due: bool) -> Iterator[Item]:
        rules = self._analysis.catalogue.rules
        tallies = self._tallies()
        if due:
            for rule_id, since in list(self._waiting.items()):
                rule, tally = rules[rule_id], tallies.get(rule_id)
                if tally is None:
                    del self._waiting[rule_id]
                elif not stands(rule, tally, tallies, self._analysis):
                    del self._waiting[rule_id]  # the next event of it will ask again
                elif self._may_be_told(rule, since, now):
                    del self._waiting[rule_id]
                    fresh.append(rule_id)
        found: list[tuple[Rule, Tally, str, bool]] = [
            (rules[i], tallies[i], self._state(rules[i], tallies), True) for i in fresh if i in tallies
        ]
        for rule_id in self._recheck:
            if rule_id not in tallies:
                continue
            rule, tally = rules[rule_id], tallies[rule_id]
            state = self._state(rule, tallies)
            if rule_id in self.shown and self.shown[rule_id].state != state:
                found.append((rule, tally, state, False))
        self._recheck.clear()
        found.sort(key=lambda f: (seconds_key(f[1].last if f[2] == "closed" else f[1].first), -SEVERITIES.index(f[0].severity)))
        for rule, tally, state, is_new in found:
            finding = self._explained(rule, tally, state, tallies)
            self.shown[rule.id] = _Shown(rule.title, state, tally.number, now)
            self._behind.discard(rule.id)
            self._waiting.pop(rule.id, None)
            if rule.correlate is not None and state == "closed":
                del self.shown[rule.id]  # what begins later has its own time to finish
            latency = round((time.monotonic() - woken) * 1000, 3)
            yield Diagnosis(finding, datetime.now(UTC).isoformat(), max(0.0, latency), is_new)

    def _state(self, rule: Rule, tallies: dict[str, Tally]) -> str:
        return state_of(rule, tallies[rule.id], tallies, self._analysis)

    @staticmethod
    def _may_be_told(rule: Rule, since: float, now: float) -> bool:
        correlate: dict[str, Any] = rule.correlate or {}
        if correlate.get("type") != "unfinished":
            return True
        return now - since >= float(correlate.get("within", UNFINISHED_AFTER))

    def unfinished(self) -> list[Finding]:
        """What began and has not ended by now, however short a time ago: the reason when a wait times out."""
        rules, tallies = self._analysis.catalogue.rules, self._tallies()
        return [
            self._explained(rule, tallies[rule.id], "open", tallies)
            for rule in rules.values()
            if rule.id in tallies
            and rule.correlate is not None
            and rule.correlate["type"] == "unfinished"
            and stands(rule, tallies[rule.id], tallies, self._analysis)
        ]

    def fired_by(self, kinds: frozenset[str]) -> list[str]:
        """Ids of the conditions that events of certain kinds are evidence of."""
        return [i for i, tally in self._tallies().items() if not kinds.isdisjoint(tally.first_fields)]

    def finding(self, rule_id: str) -> Finding | None:
        """A condition as it is known now; None where it was not seen."""
        tallies = self._tallies()
        rule = self._analysis.catalogue.rules.get(rule_id)
        if rule is None or rule_id not in tallies:
            return None
        return self._explained(rule, tallies[rule_id], self._state(rule, tallies), tallies)

    def _explained(self, rule: Rule, tally: Tally, state: str, tallies: dict[str, Tally]) -> Finding:
        rules = self._analysis.catalogue.rules
        ids = self.shown if rule.last_resort else [i for i in rule.caused_by if i in self.shown or i in tallies]
        others = [(rules[i], tallies[i]) for i in ids if i in tallies and i in rules and not rules[i].lifecycle and i != rule.id]
        others = [(r, t) for r, t in others if r.id in self.shown or stands(r, t, tallies, self._analysis)]
        cause = causes_of([(rule, tally), *others], self._analysis, tallies=tallies).get(rule.id)
        finding = finding_of(rule, tally, state, cause, self._analysis, tallies)
        for evidence in finding.evidence:  # a record that began in the file before this one
            evidence.offset, evidence.line = max(0, evidence.offset), max(0, evidence.line)
        return finding

    def _updates(self, now: float) -> Iterator[Item]:
        rules = self._analysis.catalogue.rules
        for rule_id in sorted(self._behind):
            shown = self.shown.get(rule_id)
            count = self._count_of(rule_id)
            if shown is None or count <= shown.count:
                self._behind.discard(rule_id)
                continue
            if now - shown.at < EVERY:
                continue
            self._behind.discard(rule_id)
            shown.count, shown.at = count, now
            tally = self._analysis.tallies.get(rule_id) or self._tallies()[rule_id]
            last, subjects = tally.last, {name: len(values) for name, values in tally.subjects.items() if values}
            for part in self._extra():
                if rule_id in part and part[rule_id] is not tally:
                    last = part[rule_id].last or last
                    for name, values in part[rule_id].subjects.items():
                        known = tally.subjects.get(name)
                        new = len(values) if known is None else sum(value not in known for value in values)
                        subjects[name] = subjects.get(name, 0) + new
            yield Update(rule_id, shown.title, rules[rule_id].severity, count, last, subjects)

    def finish(self, woken: float) -> Iterator[Item]:
        """What is left to say at the end: what is new, and the last counts."""
        self._looked = float("-inf")
        for shown in self.shown.values():
            shown.at = float("-inf")
        yield from self.changes(woken, quick=False)
