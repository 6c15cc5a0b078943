"""Analysis: feed it bytes, merge it with another, ask it for a report.

It is what ``explain``, ``tail``, the library and a pool of workers all use. Its memory is bounded whatever it is fed.
Feeding in any pieces, and merging the analyses of parts, gives the report of the whole: an analysis keeps the bytes
before the first sure record boundary of each source (its head) and those of the last open record (its tail) unread, so
that a neighbour's bytes can be joined to them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.batch import COUNTED, SESSION_NAMES, Batches, counted_fields, key_names, value_of
from rabbitlogs.engine.catalogue import Catalogue, Rule, default_catalogue
from rabbitlogs.engine.intake import Intake
from rabbitlogs.engine.matching import Matcher
from rabbitlogs.engine.shaped import STAMP
from rabbitlogs.engine.source_state import (
    BUCKET,
    FACT_KINDS,
    SEEN_OF_PEERS,
    UNKNOWN,
    Note,
    Notes,
    SourceState,
    SubjectValues,
    read_header,
    without_port,
)
from rabbitlogs.engine.state import (
    NO_MINUTE,
    Moment,
    Tally,
    iso,
)
from rabbitlogs.framing.blocks import Block, Framed, ShapeMemo
from rabbitlogs.framing.levels import rank
from rabbitlogs.framing.times import to_seconds
from rabbitlogs.parsing.recogniser import collapse, recogniser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rabbitlogs.engine.catalogue import Match
    from rabbitlogs.engine.report import Report
    from rabbitlogs.framing.headers import Header
    from rabbitlogs.parsing.patterns import Capture

_LOUD = ("warning", "error", "critical", "alert", "emergency")


class Analysis:
    """A mergeable analysis of any number of logs.

    >>> analysis = Analysis()
    >>> analysis.feed(b"2026-11-23 07:46:48.684571+00:00 [info] <0.223.0> Server startup complete; 3 plugins started.\\n")
    >>> analysis.report().findings
    []

    Args:
        catalogue: the rules; by default those that come with the package.
        on_event: called with the rule's id and its tally whenever a condition is seen, for live use.
        live: read each record as soon as it can be told whole (:meth:`advance`).
        like: share what this analysis, of the same process and rules, has learnt of kinds and shapes.
    """

    def __init__(
        self, catalogue: Catalogue | None = None, *, on_event: Callable[[str, Tally], None] | None = None, live: bool = False,
        like: Analysis | None = None,
    ) -> None:  # fmt: skip
        self.catalogue: Catalogue = like.catalogue if like is not None else catalogue or default_catalogue()
        self.memo: ShapeMemo = like.memo if like is not None else ShapeMemo()
        self.sources: dict[tuple[str, str], SourceState] = {}
        self.intakes: dict[str, Intake] = {}
        self.tallies: dict[str, Tally] = {}
        self.problems: list[str] = []
        self.ignored: list[tuple[str, str]] = []  # what was found and is no log: name, reason
        self.matcher: Matcher = like.matcher if like is not None else Matcher(self.catalogue)
        self._wanted: dict[str | None, bool] = {}
        self._by_rule: dict[str, bool] = {}
        self._keys_ended: dict[str, list[Sequence[str]]] = {}
        self._on_event = on_event
        self.live = live
        self.filter: Any = None
        self._ends = frozenset(i for rule in self.catalogue.rules.values() for i in rule.enders)
        self.batches: Batches = like.batches if like is not None else Batches(self.by_shape, self.counted_by)

    # input --------------------------------------------------------------------------------------------------------

    def feed(self, data: bytes | str, source: str = "-") -> None:
        """Takes the next bytes of a source; text is taken as UTF-8. Any pieces will do."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        self.intake(source).feed(data)

    def intake(self, name: str) -> Intake:
        """The way in of a source, made when first named."""
        intake = self.intakes.get(name)
        if intake is None:
            intake = self.intakes[name] = Intake(name, self)
        return intake

    def state(self, name: str, origin: str) -> SourceState:
        """The state of one stream of a source, made when first seen."""
        state = self.sources.get((name, origin))
        if state is None:
            state = self.sources[name, origin] = SourceState(name, origin, self)
        return state

    def advance(self, source: str, *, settle: bool = False) -> None:
        """Live use: diagnoses every record of a source that is whole.

        With ``settle`` the last one too, open until now: the log has been quiet for a moment.
        """
        self.intake(source).advance(settle=settle)

    def states_of(self, name: str) -> list[SourceState]:
        """The streams of a source."""
        return [state for (source, _), state in self.sources.items() if source == name]

    def close(self) -> None:
        """Ends all sources: open records become records, heads are read. Called by :meth:`report`."""
        for intake in self.intakes.values():
            intake.close()
        later, self.tallies = self.tallies, {}
        for intake in self.intakes.values():
            head = intake.take_head()
            if head:  # it stands before what was read already
                ordered = [(state, state.set_aside()) for state in self.states_of(intake.name)]
                intake.read_whole(head)
                for state, after in ordered:
                    state.append(after)
        self._merge_tallies(later)

    def _merge_tallies(self, later: dict[str, Tally]) -> None:
        for rule_id, tally in later.items():
            mine = self.tallies.get(rule_id)
            if mine is None:
                self.tallies[rule_id] = tally
            else:
                mine.merge(tally)

    # the engine's side of the sink --------------------------------------------------------------------------------

    def wants(self, kind: str | None) -> bool:
        """Whether records of a kind are looked at one by one."""
        known = self._wanted.get(kind)
        if known is None:
            known = self._wanted[kind] = kind is None or self.wants_by_rule(kind)
        return known

    def wants_by_rule(self, kind: str) -> bool:
        """Whether a rule looks at this kind's fields; a rule that only counts needs no look at all."""
        known = self._by_rule.get(kind)
        if known is None:
            pairs = self.catalogue.of_kind(kind)
            counts = all(self._only_counts(rule) for rule, _ in pairs)
            known = self._by_rule[kind] = bool(pairs and not counts) or kind in FACT_KINDS
        return known

    def _only_counts(self, rule: Rule) -> bool:
        """Whether a rule can be told from how many records of its kinds there are, the first and the last one."""
        if not rule.lifecycle or rule.interval or rule.correlate or rule.id in self._ends:
            return False
        return all(
            not match.conditions and kind not in FACT_KINDS and len(self.catalogue.by_kind[kind]) == 1
            for match in rule.matches
            for kind in match.kinds
        )

    @property
    def is_watched(self) -> bool:
        """Whether someone wants to know of each event."""
        return self._on_event is not None

    def observe(
        self, state: SourceState, kind: str, level: str, header: Header, stamp: str | None, fields: dict[str, Any], framed: Framed
    ) -> None:
        """One event: fires rules and keeps what their findings need."""
        session = state.session(fields)
        is_judged = bool(fields) or kind == UNKNOWN
        for rule in self.matcher.fire(kind, level, fields, session):
            is_judged = True
            tally = self._tally(rule)
            tally.count += 1
            tally.again += kind in rule.restated_by
            tally.sources[state.name] += 1
            self._subjects(rule, tally, fields, session)
            self._keep_keys(rule, tally, state, fields, session, (to_seconds(stamp), state.name, 0, header.pid), framed)
            state.noted.setdefault(rule.id, []).append(
                Note(
                    framed.index, framed.lines, kind, level, fields, {} if kind in tally.first_fields else session(),
                    (header.time or "").encode()[:STAMP],
                )
            )  # fmt: skip
            if self._on_event is not None:
                state.settle_notes(framed.block)
                self._on_event(rule.id, tally)
        if not is_judged and level in _LOUD:
            self._tell_unread(state, kind, level, framed)

    def _tell_unread(self, state: SourceState, kind: str, level: str, framed: Framed) -> None:
        """What is only alike a kind, and says nothing that a rule of that kind asks for, was not understood."""
        message = framed.open.message
        match = recogniser().recognise(collapse(message))
        if match is not None and match.rest is not None and any(not rule.lifecycle for rule, _ in self.catalogue.by_kind[kind]):
            state.templates.add(level, message, state.name, framed.block.place(framed.index, framed.lines)[2])

    def is_quiet(self, messages: str) -> bool:
        """Whether no rule wants any of these unknown messages, each a line."""
        return self.matcher.is_quiet(UNKNOWN, "message", messages)

    def observe_all(
        self, state: SourceState, kind: str, level: str, lines: int, block: Block, starts: list[int],
        groups: Iterable[tuple[list[int] | None, list[Rule]]], columns: dict[str, list[bytes]], types: Mapping[str, Capture],
        stamps: list[bytes],
    ) -> None:  # fmt: skip
        """All events of one kind in a block at once; the same outcome as one by one."""
        for places, rules in groups:
            if not rules:
                continue
            if places is None:
                chosen, times, mine = starts, stamps, columns
            else:
                chosen, times = [starts[at] for at in places], [stamps[at] for at in places]
                mine = {name: [column[at] for at in places] for name, column in columns.items()}
            subjects = SubjectValues(state, mine, types)
            for rule in rules:
                tally = self._tally(rule)
                tally.count += len(chosen)
                tally.again += len(chosen) if kind in rule.restated_by else 0
                tally.sources[state.name] += len(chosen)
                for name in rule.subjects or ("user", "vhost"):
                    values = subjects.of(name)
                    if values:
                        tally.subject_values(name.removeprefix("session."), values)
                correlate = rule.correlate
                if correlate is not None and correlate["type"] in COUNTED:
                    self._all_dense(correlate, tally, state, mine, types, times)
                elif rule.interval or correlate or rule.id in self._ends:
                    self._all_keys(rule, tally, state, block, chosen, mine, types)
                state.noted.setdefault(rule.id, []).append(Notes(chosen, lines, kind, level, times))

    def by_shape(self, kind: str) -> list[tuple[Rule, Match]] | None:
        """The rules of a kind and how they match, if a record's own fields are all they look at; None where not."""
        pairs = self.catalogue.of_kind(kind)
        if kind in FACT_KINDS or not pairs:
            return None
        if any(rule.id in SEEN_OF_PEERS or any(c[0].startswith("session.") for c in match.conditions) for rule, match in pairs):
            return None
        return pairs

    def counted_by(self, rules: list[Rule]) -> set[str]:
        """The fields whose values these rules count, or tell their events apart by."""
        names = counted_fields(rules)
        for rule in rules:
            for keys in self._key_fields(rule):
                names.update(keys)
        return names

    def _key_fields(self, rule: Rule) -> list[Sequence[str]]:
        """The fields that a lasting condition's events are told apart by, or those of the conditions that it ends."""
        if rule.correlate:
            return [] if rule.correlate["type"] in COUNTED else [key_names(rule.correlate.get("by", ()))]
        if rule.interval:
            return [key_names(rule.interval.get("key", ()))]
        return self._ended_keys(rule.id) if rule.id in self._ends else []

    def _all_keys(
        self, rule: Rule, tally: Tally, state: SourceState, block: Block, starts: list[int],
        columns: Mapping[str, list[bytes]], types: Mapping[str, Capture],
    ) -> None:  # fmt: skip
        """Notes the moments of a block's events under their keys, as :meth:`_keep_keys` does one by one."""
        for at, start in enumerate(starts):
            fields = {
                name: value_of(types.get(name), columns[name][at])
                for names in self._key_fields(rule)
                for name in names
                if name in columns and columns[name][at]
            }
            header = read_header(block.lines[start])
            moment = to_seconds(iso(header.time)), state.name, block.place(start, 1)[2], header.pid
            self._note(rule, tally, state, fields, moment)

    def _tally(self, rule: Rule) -> Tally:
        tally = self.tallies.get(rule.id)
        if tally is None:
            tally = self.tallies[rule.id] = Tally()
        return tally

    @staticmethod
    def _subjects(rule: Rule, tally: Tally, fields: Mapping[str, Any], session: Callable[[], Mapping[str, Any]]) -> None:
        for name in rule.subjects or ("user", "vhost"):
            value = session().get(name[8:]) if name.startswith("session.") else fields.get(name)
            if value is None and name in SESSION_NAMES:
                value = session().get(name)
            if value is not None and value != "":
                tally.subject(name.removeprefix("session."), without_port(name, str(value)))

    @staticmethod
    def _all_dense(
        correlate: Mapping[str, Any], tally: Tally, state: SourceState, columns: Mapping[str, list[bytes]],
        types: Mapping[str, Capture], stamps: list[bytes],
    ) -> None:  # fmt: skip
        """Counts a block's events by key and minute, as :meth:`_keep_keys` does one by one."""
        names = key_names(correlate.get("by", ()))
        none = [b""] * len(stamps)
        keys: list[tuple[bytes, ...]] = list(zip(*[columns.get(name) or none for name in names], strict=True)) if names else []
        heads = [stamp[:16] + stamp[26:] for stamp in stamps]
        for (key, head), number in Counter(zip(keys or [()] * len(stamps), heads, strict=True)).items():
            words = (
                str(value_of(types.get(n), t) if t else (state.node if n == "node" else ""))
                for n, t in zip(names, key, strict=True)
            )
            minute = state.minute_of(stamps[heads.index(head)])
            tally.dense("|".join(words), minute, number)
        if correlate["type"] == "distinct":
            of = correlate["of"]
            for text, number in Counter(columns.get(of, [])).items():
                if text:
                    tally.subject(of, without_port(of, str(value_of(types.get(of), text))), number)

    def _keep_keys(
        self, rule: Rule, tally: Tally, state: SourceState, fields: Mapping[str, Any],
        session: Callable[[], Mapping[str, Any]], moment: Moment, framed: Framed,
    ) -> None:  # fmt: skip
        correlate = rule.correlate
        if correlate is not None and correlate["type"] in COUNTED:
            key = "|".join(
                str(fields.get(name, state.node if name == "node" else "")) for name in key_names(correlate.get("by", ()))
            )
            tally.dense(key, NO_MINUTE if moment[0] is None else int(moment[0]) // BUCKET)
            if correlate["type"] == "distinct":
                value = fields.get(correlate["of"], session().get(correlate["of"]))
                if value is not None:
                    tally.subject(correlate["of"], without_port(correlate["of"], str(value)))
        elif rule.interval or correlate or rule.id in self._ends:
            line = framed.block.place(framed.index, framed.lines)[2]
            self._note(rule, tally, state, fields, (moment[0], moment[1], line, moment[3]))
        if state.node and rule.id in SEEN_OF_PEERS and isinstance(fields.get("node"), str):
            tally.pair(state.node, fields["node"], moment[0])

    def _note(self, rule: Rule, tally: Tally, state: SourceState, fields: Mapping[str, Any], moment: Moment) -> None:
        """Notes a moment under every key that its event has, or that the conditions which it may end could have."""
        for key in sorted({_key(names, fields, state.node) for names in self._key_fields(rule)}):
            tally.key(key, moment)

    def _ended_keys(self, rule_id: str) -> list[Sequence[str]]:
        known = self._keys_ended.get(rule_id)
        if known is None:
            known = self._keys_ended[rule_id] = [
                key_names(other.interval.get("key", ()))
                for other in self.catalogue.rules.values()
                if rule_id in other.enders and other.interval and rule_id in other.interval.get("closed_by", ())
            ] or [()]
        return known

    # moving between processes --------------------------------------------------------------------------------------

    def detach(self) -> None:
        """Drops what another process has already (rules, memos), so that the rest can be sent there."""
        self.catalogue = self.memo = self.matcher = self.batches = self._on_event = None  # type: ignore[assignment]
        self._wanted, self._by_rule = {}, {}
        for tally in self.tallies.values():
            tally.settle()
        for state in self.sources.values():
            state.framer.adopt(state, None)  # type: ignore[arg-type]
            state.sessions.settle()

    # merging ------------------------------------------------------------------------------------------------------

    def merge(self, other: Analysis) -> None:
        """Adds another analysis: of other sources, or of the later part of the same ones.

        Where a source is in both, the other's head completes this one's open record. The other analysis is used up.
        """
        shifts: dict[str, tuple[int, int]] = {}
        for name, theirs in other.intakes.items():
            if name not in self.intakes:
                self.intakes[name] = theirs
                theirs.owner = self
                continue
            mine = self.intakes[name]
            shifts[name] = mine.bytes, mine.line_total - mine.unended
            mine.join(theirs)
        for tally in other.tallies.values():
            tally.shift(shifts)
        self._merge_tallies(other.tallies)
        for key, state in other.sources.items():
            state.shift(shifts)
            known = self.sources.get(key)
            state.adopt(self)
            if known is None:
                self.sources[key] = state
            else:
                known.merge(state)
        self.problems.extend(other.problems)
        self.ignored.extend(other.ignored)

    # output -------------------------------------------------------------------------------------------------------

    def report(self) -> Report:
        """The report of everything fed so far."""
        from rabbitlogs.engine.reasoning import conclude

        self.close()
        return conclude(self)


def _key(names: Iterable[str], fields: Mapping[str, Any], node: str | None) -> str:
    """What an event is told apart by; empty where the line names none of it. A line that names no node means its own."""
    values = [fields.get(name, node if name == "node" else None) for name in names]
    return "|".join("" if value is None else str(value) for value in values) if any(v is not None for v in values) else ""


def level_rank(level: str) -> int:
    """For sorting by level."""
    return rank(level)
