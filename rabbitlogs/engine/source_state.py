"""One stream of a source while it is read: what it counts, what its broker says of itself, what rules want of it.

It is the sink of the block framer (:mod:`rabbitlogs.framing.blocks`). What a rule wants is handed to the analysis that
owns it; counts, facts and times stay here.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache, partial
from itertools import islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from rabbitlogs.engine.batch import SESSION_NAMES, WORTH, value_of
from rabbitlogs.engine.sessions import CLOSED, Sessions, Where
from rabbitlogs.engine.sessions import KINDS as SESSION_KINDS
from rabbitlogs.engine.shaped import STAMP, Shaped, learn, time_of
from rabbitlogs.engine.state import (
    EVIDENCE_TEXT,
    FIRST_EVIDENCE,
    LAST_EVIDENCE,
    MOMENT_LIMIT,
    NO_MINUTE,
    SHAPES,
    Tally,
    UnreadEvidence,
    before,
    iso,
)
from rabbitlogs.engine.unknown import Templates
from rabbitlogs.framing.blocks import BLOCK, Block, BlockFramer, Framed
from rabbitlogs.framing.framer import MESSAGE_LIMIT, Line
from rabbitlogs.framing.headers import BARE, BARE_HEADER, LAGER, LOGGER, Header, parse_header
from rabbitlogs.framing.levels import rank
from rabbitlogs.framing.times import to_seconds
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.fields import is_text
from rabbitlogs.parsing.recogniser import collapse, recogniser
from rabbitlogs.privacy import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.catalogue import Rule
    from rabbitlogs.parsing.patterns import Capture

    _Groups = Sequence[tuple[list[int] | None, list[Rule]]]  # places among records (None: all), and the rules these fire
    _Found = tuple[dict[str, list[bytes]], dict[str, Capture], _Groups, list[bytes]]  # columns, types, groups, times

UNKNOWN = "unknown"
SEEN_OF_PEERS = frozenset({"cluster.node_down", "cluster.net_tick_timeout", "cluster.node_up"})
_NODE_NAME = expression(
    r"(?:^|[/\\!])([A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+?)(?:[-_](?:upgrade|sasl|tty))?\.(?:log|json)", re.IGNORECASE
)
# what a broker says of itself: kind, its field, the fact
_FACTS = {
    ("boot.starting", "version"): "rabbitmq_version",
    ("boot.starting", "erlang_version"): "erlang_version",
    ("boot.banner_printed", "version"): "rabbitmq_version",
    ("boot.erlang_version_checked", "erlang_version"): "erlang_version",
    ("boot.erlang_too_old", "erlang_version"): "erlang_version",
    ("boot.node_identified", "node"): "node",
}
# fields that hold the node's name inside of a path
_PATHS = {("boot.banner_printed", "log_files"), ("mnesia.data_directory_empty", "path")}
_NODE_IN_PATH = expression(r"/([A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+?)(?:[-_](?:upgrade|sasl|tty))?(?:\.(?:log|json)\b|/|\s|$)")
# what a start prints of its configuration, compared with a baseline's: kind, its fields
_SETTINGS = {
    "boot.starting": ("version", "erlang_version"),
    "boot.node_identified": ("config_files", "cookie_hash", "data_dir", "home_dir", "log_files"),
    "boot.completed": ("count", "plugins"),
    "alarm.memory_watermark_set": ("limit", "total"),
    "alarm.disk_limit_set": ("limit_mb",),
    "alarm.file_handles_limited": ("limit", "sockets"),
}
_LISTENERS = {"listener.started_tcp": "TCP", "listener.started_tls": "TLS"}
_LISTENERS_KEPT = 100
_SETTING = 500  # characters of a setting's value
_SAYING = frozenset(kind for kind, name in _FACTS if name == "node")  # what names the node for sure
FACT_KINDS = frozenset({kind for kind, _ in [*_FACTS, *_PATHS]}.union(_SETTINGS, _LISTENERS))
ADDRESSES = ("client", "peer")
_WARNING = rank("warning")
_ONE_DIGIT = bytes.maketrans(b"123456789", b"000000000")
_PLAIN = bytes(range(0x20, 0x7F)).translate(None, b"&`")
BUCKET = 60  # seconds of a time line's cell
_ONCE = object()  # what is learnt of a shape that was met once
_MINUTES = 4096  # minutes of a log that are remembered as read


class Note:
    """One event of a block, until the block is read."""

    __slots__ = ("fields", "index", "kind", "level", "lines", "session", "stamp")

    def __init__(
        self,
        index: int,
        lines: int,
        kind: str,
        level: str,
        fields: dict[str, Any] | None,
        session: Mapping[str, Any],
        stamp: bytes,
    ) -> None:
        self.index, self.lines, self.kind, self.level = index, lines, kind, level
        self.fields, self.session, self.stamp = fields, session, stamp


class Notes:
    """Many events of one kind in a block, until the block is read."""

    __slots__ = ("kind", "level", "lines", "stamps", "starts")

    def __init__(self, starts: list[int], lines: int, kind: str, level: str, stamps: list[bytes]) -> None:
        self.starts, self.lines, self.kind, self.level, self.stamps = starts, lines, kind, level, stamps


class SubjectValues:
    """The values of subjects of many events, in their order, read when a rule counts them."""

    def __init__(self, state: SourceState, columns: Mapping[str, list[bytes]], types: Mapping[str, Capture]) -> None:
        self._state, self._columns, self._types = state, columns, types
        self._said: list[Mapping[str, Any]] | None = None
        self._known: dict[str, list[str]] = {}

    def _sessions(self) -> list[Mapping[str, Any]]:
        """What earlier lines said of each event's connection."""
        if self._said is None:
            self._said = self._state.sessions.of_all(self._columns["client"])
        return self._said

    def of(self, name: str) -> list[str]:
        """The values of a subject; events that have none are left out."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> list[str]:
        plain = name.removeprefix("session.")
        own = self._columns.get(name, [])
        texts: list[str] = []
        if own:
            capture = self._types.get(name)
            if capture is None or is_text(capture.type):
                texts = b"\n".join(own).decode("utf-8", "replace").split("\n")
            else:
                texts = [str(value_of(capture, text)) if text else "" for text in own]
        if plain in SESSION_NAMES and "client" in self._columns and (not own or b"" in own):
            said = self._sessions()
            texts = texts or [""] * len(said)
            texts = [text or str(known.get(plain) or "") for text, known in zip(texts, said, strict=True)]
        if plain in ADDRESSES:
            texts = [text.rpartition(":")[0] or text for text in texts]
        return [text for text in texts if text] if "" in texts else texts


def without_port(name: str, value: str) -> str:
    """A peer by its address: its port says nothing a reader could count by."""
    return value.rpartition(":")[0] or value if name in ADDRESSES else value


def read_header(line: bytes) -> Header:
    """The header of a record's first line, whatever its format."""
    return Line(line).header


def _line_start(data: bytes, line: int, count: int) -> int:
    """Where a line near the end of a block begins."""
    at = len(data)
    for _ in range(count - line):
        at = data.rfind(b"\n", 0, at)
    return at + 1


def _zone(stamp: str) -> str:
    """The zone of an ISO time; empty where it has none."""
    return stamp[19:].lstrip(".,0123456789")


@lru_cache(maxsize=64)
def _other_minute(head: bytes) -> re.Pattern[bytes]:
    """A line that begins with another time than this one (a line end and a minute), written like it."""
    return re.compile(rb"\n(?!" + re.escape(head[1:]) + rb")" + re.sub(rb"[0-9]", b"[0-9]", re.escape(head[1:11])))


class Ordered(NamedTuple):
    """What a source remembers that depends on the order of reading."""

    plain: dict[str, list[Any]]
    templates: Templates
    sessions: Sessions
    facts: dict[str, Any]
    settings: dict[str, Any]
    final: bytes | None


class SourceState:
    """Everything known of one source. The sink of its framer."""

    block_size = BLOCK

    def __init__(self, name: str, origin: str, owner: Analysis) -> None:
        self.name, self.origin = name, origin
        self.owner = owner
        self.envelope: str | None = None
        self.bytes = 0
        self.lines = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self.formats: Counter[str] = Counter()
        self.first: str | None = None
        self.last: str | None = None
        self.final: bytes | None = None  # the last line that has a header
        found = _NODE_NAME.search(name) or _NODE_NAME.search(origin)
        self.node: str | None = found[1] if found else None
        self.node_from = "file name" if found else None
        self.facts: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self.sessions = Sessions()
        self.templates = Templates()
        self.plain: dict[str, list[Any]] = {}  # counted kind: first raw line, last raw line
        self._here: dict[str, tuple[int, int]] = {}  # counted kind: first and last line in the block that is read
        self.buckets: Counter[tuple[int, str]] = Counter()
        self.noted: dict[str, list[Note | Notes]] = {}
        self._minutes: dict[bytes, int] = {}
        self._edges: list[bytes] = []  # the first and the last time of a block's records that were read together
        self._minute: int | None = None  # of the last line read
        self.framer = BlockFramer(self, owner.memo, offset=owner.intake(name).start)

    # the sink -----------------------------------------------------------------------------------------------------

    def wants(self, kind: str | None) -> bool:
        return self.owner.wants(kind)

    def leads(self, kind: str | None) -> bool:
        return kind in FACT_KINDS

    def count(self, level: str, kind: str | None, number: int) -> None:
        self.counts[level, kind or UNKNOWN] += number

    def seen(self, kind: str, block: Block, first: int, last: int, number: int, text: str, code: str) -> None:
        self.note_counted(kind, block.lines, first, last, [first] if not code else (text, code), number)

    def note_counted(self, kind: str, lines: list[bytes], first: int, last: int, where: Where, number: int) -> None:
        """Keeps what is asked of records that are only counted: the first and last of a kind, the lines of connections."""
        entry = self.plain.setdefault(kind, [lines[first], lines[last]])
        low, high = self._here.get(kind, (-1, -1))  # a block's records do not come in order
        if first < low and entry[0] is lines[low]:
            entry[0] = lines[first]
        if last > high:
            entry[1] = lines[last]
        self._here[kind] = min(first, low) if low >= 0 else first, max(last, high)
        if kind in SESSION_KINDS:
            self.sessions.put_aside(kind, lines, where, number)
        elif kind == CLOSED:
            self.sessions.put_closing(lines, where, number)

    def span(self, block: Block, size: int, lines: int) -> None:
        """Notes the size and the times of a block."""
        self.settle_notes(block)
        self._here.clear()
        self.bytes += size
        self.lines += lines
        data = block.data
        end = len(data) if lines >= block.line_count else _line_start(data, lines, block.line_count) - 1
        whole = end
        at, first, last = 0, BARE_HEADER, data.rfind(b"\n", 0, end) + 1
        for _ in range(20):  # the first line that has a header: usually the first
            stop = data.find(b"\n", at, end)
            first = Line(data[at : stop if stop >= 0 else end]).header
            if first.format != BARE or stop < 0:
                break
            at = stop + 1
        if first.format != BARE:
            self.formats[first.format] += 1
        stamp = iso(first.time)
        if stamp is not None:
            self._saw(stamp)
        begun = stamp
        for _ in range(50):  # the last line that has a time: usually the last
            stamp = iso(Line(data[last:end]).header.time)
            if stamp is not None or last <= 0:
                break
            end = last - 1
            last = data.rfind(b"\n", 0, end) + 1
        if stamp is not None:
            self._saw(stamp)
            self.final = data[last : min(end, last + EVIDENCE_TEXT)]
        for edge in self._edges:  # where a block begins or ends with many lines that have no time
            stamp_of_edge = iso(time_of(edge) or None)
            if stamp_of_edge is not None:
                self._saw(stamp_of_edge)
        self._edges.clear()
        if begun is not None:
            self._spread(block, lines, whole, str(first.time), begun, stamp or begun)

    def settle_notes(self, block: Block) -> None:
        """Takes over what was noted of a block's events, in their order: times, evidence, the first one's fields."""
        for rule_id, notes in self.noted.items():
            tally = self.owner.tallies[rule_id]
            if len(notes) == 1 and isinstance(notes[0], Note):
                self._settle_one(tally, notes[0], block)
            else:
                self._settle_many(tally, notes, block)
        self.noted.clear()

    def _settle_many(self, tally: Tally, notes: list[Note | Notes], block: Block) -> None:
        """Many events of one condition in a block: what each would leave behind, for the first and the last ones only."""
        owners: list[Note | Notes] | None = None
        if len(notes) == 1 and isinstance(notes[0], Notes):
            starts, stamps = notes[0].starts, notes[0].stamps
        else:
            every: list[tuple[int, bytes, Note | Notes]] = []
            for note in notes:
                if isinstance(note, Note):
                    every.append((note.index, note.stamp, note))
                else:
                    every += zip(note.starts, note.stamps, repeat(note), strict=False)
            every.sort(key=itemgetter(0))
            starts, stamps = [start for start, _, _ in every], [stamp for _, stamp, _ in every]
            owners = [note for _, _, note in every]

        def event(at: int) -> Note:
            note = notes[0] if owners is None else owners[at]
            return note if isinstance(note, Note) else Note(starts[at], note.lines, note.kind, note.level, None, {}, b"")

        count = len(starts)
        edges = set(stamps)
        if count > 2 and len({stamp[10:11] for stamp in stamps}) == 1:  # written alike, they are in order as texts
            edges = {min(stamps), max(stamps)}
        for stamp in edges:
            tally.saw(iso(time_of(stamp) or None))
        first = set(range(min(FIRST_EVIDENCE - len(tally.evidence), count)))
        kinds = {note.kind for note in notes} - tally.first_fields.keys()
        if len(tally.first_fields) >= SHAPES:
            kinds = kinds - tally.shapes.keys() if len(tally.shapes) < SHAPES else set()
        if kinds:
            order = [notes[0].kind] if owners is None else [note.kind for note in owners]
            first.update(order.index(kind) for kind in kinds)
        last = list(islice((at for at in range(count - 1, -1, -1) if at not in first), LAST_EVIDENCE))[::-1]
        if first:
            for at in sorted(first.union(last)):
                self._show(tally, event(at), block)
        else:
            tally.late = [*tally.late, *[self._unread(event(at), block) for at in last]][-LAST_EVIDENCE:]
        self._keep_moments(tally, starts, block)

    def _keep_moments(self, tally: Tally, starts: list[int], block: Block) -> None:
        lines, name, line = block.lines, self.name, block.first_line
        room = tally.moments.room()
        skipped = len(starts) - room - MOMENT_LIMIT // 2
        if skipped > 0:
            starts = starts[:room] + starts[room + skipped :]
            tally.moments.skip(skipped)
        places = [line + start for start in starts] if block.places is None else [block.places[start][2] for start in starts]
        size = None if b"{" in {lines[start][:1] for start in starts} else 80  # as much of a line as its header takes
        tally.moments.extend([(lines[start][:size], name, at, None) for start, at in zip(starts, places, strict=True)])

    def _settle_one(self, tally: Tally, note: Note, block: Block) -> None:
        header = read_header(block.lines[note.index])
        stamp = iso(header.time)
        tally.saw(stamp)
        tally.moments.add((to_seconds(stamp), self.name, block.place(note.index, note.lines)[2], header.pid))
        self._show(tally, note, block)

    def _unread(self, note: Note, block: Block) -> UnreadEvidence:
        offset, _, line = block.place(note.index, note.lines)
        raw = block.lines[note.index : note.index + min(note.lines, 40)]
        return UnreadEvidence(self.name, line, offset, note.level, raw, note.kind)

    def _show(self, tally: Tally, note: Note, block: Block) -> None:
        """Keeps an event as evidence, and its fields if it is the first of its kind."""
        tally.keep(self._unread(note, block).read())
        if note.kind not in tally.first_fields and len(tally.first_fields) < SHAPES:
            fields, session = note.fields, note.session
            if fields is None:
                fields = recogniser().fields_of(note.kind, Framed(block, note.index, note.lines, None).open.message)
                session = self.session(fields)()
            own = {**fields, "node_of_log": self.node}
            tally.first_fields[note.kind] = {**{f"session.{k}": v for k, v in session.items()}, **own}

    def _spread(self, block: Block, lines: int, end: int, raw: str, first: str, last: str) -> None:
        """Counts a block's lines by the minute; a line without a time is of the minute of the line before.

        Args:
            end: where the lines end in the block's bytes.
            raw: the block's first time as the log has it; ``first`` and ``last`` are its first and last one in ISO 8601.
        """
        seconds = to_seconds(first)
        if seconds is None:
            return
        minute = int(seconds) // BUCKET
        zone = _zone(first)
        is_iso = raw[:16].replace(" ", "T") == first[:16]
        if is_iso and self._spread_two(block, lines, end, raw, first, last):
            return
        size = 16 if is_iso else len(raw)
        before = self._before_time(block.lines[0], raw)
        heads = [line[:size] if not before else line.partition(before)[2][:size] for line in block.lines[:lines]]
        numbers = Counter(heads)
        minutes: dict[bytes, int | None] = {}
        for text in numbers:
            at = to_seconds(iso(text.decode("latin-1") + (":00" + zone if is_iso else "")))
            minutes[text] = None if at is None else int(at) // BUCKET
        known = [at for at in minutes.values() if at is not None]
        if not before and known != sorted(known):  # out of order: the first and the last time may be anywhere
            stamps = [line[: len(raw)] for line, text in zip(block.lines, heads, strict=False) if minutes[text] is not None]
            for edge in (min(stamps), max(stamps)):
                stamp = iso(edge.decode("latin-1"))
                if stamp is not None:
                    self._saw(stamp)
        if None not in minutes.values():
            for text, number in numbers.items():
                self.buckets[minutes[text] or 0, "records"] += number
            self._minute = minutes[heads[-1]]
            return
        current = minute if self._minute is None else self._minute
        for text in heads:
            found = minutes[text]
            current = current if found is None else found
            self.buckets[current, "records"] += 1
        self._minute = current

    def _spread_two(self, block: Block, lines: int, end: int, raw: str, first: str, last: str) -> bool:
        """Counts the lines of a block that has one minute or two, as most have; False where it has others."""
        data, begin = block.data, block.lines[0].find(raw.encode())
        before = b"\n" + block.lines[0][:begin]
        head = before + raw[:16].encode()
        late = head[:-5] + last[11:16].encode()
        if begin < 0 or last < first or _zone(last) != _zone(first):
            return False
        minute, after = (int(to_seconds(time) or 0) // BUCKET for time in (first, last))
        has_late = late != head and first[:10] == last[:10]
        early = others = 0
        if begin or _zone(first):  # as JSON and of 3.9+ every line has a time
            early = data.count(head, 0, end) + 1
            others = data.count(late, 0, end) if has_late else 0
        if early + others != lines:  # what begins with no time is of the minute of the lines before it
            turn = data.find(late, 0, end) if has_late else -1
            if begin or (late != head and turn < 0) or _other_minute(head).search(data, 0, turn if turn >= 0 else end):
                return False
            if turn >= 0 and _other_minute(late).search(data, turn + 1, end):
                return False
            others = data.count(b"\n", turn, end) if turn >= 0 else 0
            early = lines - others
        self.buckets[minute, "records"] += early
        if others:
            self.buckets[after, "records"] += others
        self._minute = after if others else minute
        return True

    @staticmethod
    def _before_time(line: bytes, raw: str) -> bytes:
        """What stands right before a line's time, where that does not begin the line (JSON)."""
        at = line.find(raw.encode())
        return line[max(0, at - 8) : at] if at > 0 else b""

    def _saw(self, stamp: str) -> None:
        if self.first is None or before(stamp, self.first):
            self.first = stamp
        if self.last is None or before(self.last, stamp):
            self.last = stamp

    def records(self, level: str, kind: str | None, lines: int, block: Block, starts: list[int], shape: str) -> None:
        if kind in SESSION_KINDS:
            self.sessions.put_aside(kind, block.lines, starts, len(starts))
        if kind is not None and kind not in FACT_KINDS and self._at_once(level, kind, lines, block, starts, shape):
            return
        if kind is None and block.strangers:
            starts = self._strangers(level, lines, block, starts)
        times: Mapping[int, int] = {}
        if kind is None and lines == 1 and len(starts) >= WORTH:
            starts, times = self._alike(block, starts)
        found = [Framed(block, start, lines, None) for start in starts]
        quiet = (
            kind is None
            and len(starts) >= WORTH
            and self.owner.is_quiet("\n".join([framed.open.message[:MESSAGE_LIMIT] for framed in found]))
        )
        for framed in found:
            self.record(level, kind, framed, quiet=quiet, number=times.get(framed.index, 1))

    def _strangers(self, level: str, lines: int, block: Block, starts: list[int]) -> list[int]:
        """Counts unknown messages that were told together, if no rule wants any of them; returns where the others begin."""
        known = block.strangers
        at = [start for start in starts if start in known] if lines == 1 else []
        messages = [known[start] for start in at]
        room = self.templates.room()
        if 0 < room < len(starts):  # which of the last ones are told apart depends on their order
            return starts
        if len(at) < WORTH or not self.owner.is_quiet("\n".join(messages)):
            return starts
        self.templates.add_all(level, messages, self.name, block.line_numbers(at))
        stamps = [block.lines[start][:STAMP] for start in at]
        self._widen(stamps)
        if rank(level) >= _WARNING:
            self._count_minutes(level, stamps)
        return [start for start in starts if start not in known]

    def _widen(self, stamps: list[bytes]) -> None:
        """Notes the first and the last of these times."""
        for edge in (min(stamps), max(stamps)):
            if not self._edges or not self._edges[0] <= edge <= self._edges[-1]:
                self._edges.append(edge)
                self._edges = [min(self._edges), max(self._edges)]

    def _alike(self, block: Block, starts: list[int]) -> tuple[list[int], Mapping[int, int]]:
        """Of unknown lines, those to be read: of lines without header that differ in digits only, the first stands for all.

        No digit is a part of a template, so this counts as one by one does. Also returns how many each of these stands for.
        """
        text = b"\n".join([block.lines[start] for start in starts])
        forms = text.translate(_ONE_DIGIT).split(b"\n")
        numbers = Counter(forms)
        if len(numbers) * 2 > len(forms) or not self.owner.is_quiet("\n".join(map(collapse, text.decode("latin-1").split("\n")))):
            return starts, {}
        first = dict(zip(reversed(forms), reversed(starts), strict=True))
        # what is cleaned before it is read, and what has digits beyond ASCII, is read one by one
        once = {
            form
            for form, start in first.items()
            if not form.translate(None, _PLAIN) and Framed(block, start, 1, None).open.header.format == BARE
        }
        kept = [start for start, form in zip(starts, forms, strict=True) if form not in once or first[form] == start]
        return kept, {first[form]: numbers[form] for form in once}

    def _at_once(self, level: str, kind: str, lines: int, block: Block, starts: list[int], shape: str) -> bool:
        """Reads all records of a kind in one pass, where its rules allow."""
        owner = self.owner
        if owner.is_watched:
            return False
        found = self._by_shape(level, kind, lines, block, starts, shape) or self._by_expression(level, kind, lines, block, starts)
        if found is None:
            return False
        columns, types, groups, stamps = found
        self._widen(stamps)
        if rank(level) >= _WARNING:
            self._count_minutes(level, stamps)
        owner.observe_all(self, kind, level, lines, block, starts, groups, columns, types, stamps)
        return True

    def _by_shape(self, level: str, kind: str, lines: int, block: Block, starts: list[int], shape: str) -> _Found | None:
        """What records of one shape say, if that can be told from the shape."""
        if not shape:
            return None
        owner = self.owner
        learnt = owner.memo.learnt
        if shape not in learnt and len(starts) == 1:
            learnt[shape] = _ONCE  # most shapes of a small log never come again
            return None
        if learnt.get(shape, _ONCE) is _ONCE:
            learnt[shape] = None
            pairs = owner.by_shape(kind)
            if pairs is not None:
                fire = partial(owner.matcher.fire_alone, kind, level)
                by_form = not owner.memo.formed.isdisjoint(shape)
                learnt[shape] = learn(
                    kind, level, Framed(block, starts[0], lines, None), pairs, fire, owner.counted_by, by_form=by_form
                )
        shaped: Shaped | None = learnt[shape]
        columns = shaped.columns(block.lines, starts) if shaped is not None else None
        if shaped is None or columns is None:
            return None
        if not shaped.is_settled and not shaped.agrees([Framed(block, at, lines, None) for at in starts], columns, kind):
            learnt[shape] = None
            return None
        return columns, shaped.types, shaped.groups(columns, len(starts)), shaped.stamps(block.lines, starts)

    def _by_expression(self, level: str, kind: str, lines: int, block: Block, starts: list[int]) -> _Found | None:
        """What records of one kind say, found by one expression for all; None where it cannot."""
        if len(starts) < WORTH:
            return None
        owner = self.owner
        plan = owner.batches.plan(kind)
        first = block.lines[starts[0]]
        if plan is None or parse_header(first).format not in (LOGGER, LAGER) or first.find(b"> ", 24, 96) < 0:
            return None
        columns = plan.columns(block.lines, starts, lines)
        if columns is None:
            return None
        types = plan.types()
        groups = [(at, owner.matcher.fire_alone(kind, level, fields)) for at, fields in plan.groups(columns, types)]
        return columns, types, groups, [block.lines[start][:STAMP] for start in starts]

    def _count_minutes(self, level: str, stamps: list[bytes]) -> None:
        if len(stamps) == 1:
            counted: Mapping[int, int] = {self.minute_of(stamps[0]): 1}
        else:
            counted = self._minutes_of(stamps)
        for minute, number in counted.items():
            if minute != NO_MINUTE:
                self.buckets[minute, level] += number

    def _minutes_of(self, stamps: list[bytes]) -> Counter[int]:
        """How many of some times are of which minute."""
        out: Counter[int] = Counter()
        for (minute, zone), number in Counter([(stamp[:16], stamp[26:]) for stamp in stamps]).items():
            found = self._minutes.get(minute + zone)
            if found is None:
                out[self.minute_of(next(s for s in stamps if s[:16] == minute and s[26:] == zone))] += number
            else:
                out[found] += number
        return out

    def minute_of(self, stamp: bytes) -> int:
        """The minute of a time."""
        key = stamp[:16] + stamp[26:]
        found = self._minutes.get(key)
        if found is None:
            if len(self._minutes) > _MINUTES:
                self._minutes.clear()
            seconds = to_seconds(iso(time_of(stamp) or None))
            found = self._minutes[key] = NO_MINUTE if seconds is None else int(seconds) // BUCKET
        return found

    def record(self, level: str, kind: str | None, framed: Framed, *, quiet: bool = False, number: int = 1) -> None:
        """One record, by itself.

        Args:
            quiet: it is known that no rule wants it.
            number: how many unknown ones of this template it stands for; they have no time and no rule wants them.
        """
        record = framed.open
        header = record.header
        stamp = iso(header.time)
        if stamp is not None:
            self._saw(stamp)
            if rank(level) >= _WARNING:
                seconds = to_seconds(stamp)
                if seconds is not None:
                    self.buckets[int(seconds) // BUCKET, level] += 1
        if kind is None:
            message = record.message
            if message:
                self.templates.add(level, message, self.name, framed.block.place(framed.index, framed.lines)[2], number)
            if quiet or number > 1:
                return
            fields: dict[str, Any] = {"message": message}
        else:
            fields = recogniser().fields_of(kind, record.message)
            if kind in FACT_KINDS:
                self._facts(kind, fields)
        self.owner.observe(self, kind or UNKNOWN, level, header, stamp, fields, framed)

    # --------------------------------------------------------------------------------------------------------------

    def _facts(self, kind: str, fields: Mapping[str, Any]) -> None:
        for name, value in fields.items():
            fact = _FACTS.get((kind, name))
            if fact == "node":
                self.node, self.node_from = str(value), kind
            elif fact is not None:
                self.facts[fact], self.facts[f"{fact} from"] = value, kind
                self.facts[f"{fact}s"] = self.facts.get(f"{fact}s", frozenset()) | {str(value)}
            elif (kind, name) in _PATHS and self.node is None and (found := _NODE_IN_PATH.search(str(value))):
                self.node, self.node_from = found[1], f"a path in {kind}"
        if kind == "boot.starting":  # what listened before this start listens no more
            self.settings = {name: value for name, value in self.settings.items() if not name.startswith("listener.")}
        for name in _SETTINGS.get(kind, ()):
            if fields.get(name) is not None:
                self.settings[f"{kind}.{name}"] = printable(" ".join(str(fields[name]).split()))[:_SETTING]
        if kind in _LISTENERS and len(self.settings) < _LISTENERS_KEPT:
            self.settings[printable(f"listener.{fields.get('interface')}:{fields.get('port')}")[:_SETTING]] = _LISTENERS[kind]

    def session(self, fields: Mapping[str, Any]) -> Callable[[], Mapping[str, Any]]:
        """What earlier lines of an event's connection said, looked up when asked."""
        return lambda: self.sessions.of(fields.get("client"))

    def adopt(self, owner: Analysis) -> None:
        """Moves to another analysis."""
        self.owner = owner
        self.framer.adopt(self, owner.memo)

    def shift(self, shifts: Mapping[str, tuple[int, int]]) -> None:
        """Moves the places of a later part behind the earlier one."""
        offset, line = shifts.get(self.name, (0, 0))
        self.templates.shift(line)
        self.framer.shift(offset, line)

    def set_aside(self) -> Ordered:
        """Takes out what depends on the order of reading."""
        aside = Ordered(self.plain, self.templates, self.sessions, self.facts, self.settings, self.final)
        self.plain, self.templates, self.sessions = {}, Templates(), Sessions()
        self.facts, self.settings, self.final = {}, {}, None
        return aside

    def append(self, later: Ordered) -> None:
        """Adds what depends on the order of reading, of a later part."""
        self.sessions.merge(later.sessions)
        self.templates.merge(later.templates)
        if "boot.starting.version" in later.settings:  # what listened before this start listens no more
            self.settings = {name: value for name, value in self.settings.items() if not name.startswith("listener.")}
        for name, value in later.facts.items():
            self.facts[name] = self.facts.get(name, frozenset()) | value if isinstance(value, frozenset) else value
        self.settings.update(later.settings)
        self.final = later.final or self.final
        for kind, (first, last) in later.plain.items():
            mine = self.plain.setdefault(kind, [first, last])
            mine[1] = last

    def merge(self, later: SourceState) -> None:
        """Adds the same stream's later part."""
        self.counts.update(later.counts)
        self.formats.update(later.formats)
        self.bytes += later.bytes
        self.lines += later.lines
        self.envelope = self.envelope or later.envelope
        for stamp in (later.first, later.last):
            if stamp is not None:
                self._saw(stamp)
        if later.node is not None and (self.node is None or later.node_from in _SAYING):
            self.node, self.node_from = later.node, later.node_from
        self.append(later.set_aside())
        self.buckets.update(later.buckets)
        self._minute = self._minute if later._minute is None else later._minute
        self.framer = later.framer
        self.framer.adopt(self, self.owner.memo)

    def format(self) -> str:
        """The format most of the log is in."""
        return self.formats.most_common(1)[0][0] if self.formats else BARE

    def zone(self) -> str | None:
        """The time zone of the log's last time, ``+00:00``; None where its times have none."""
        found = re.search(r"[+-]\d\d:\d\d$", self.last or "")
        return found[0] if found else None

    def shown_name(self) -> str:
        """The source's name, with the stream where the wrapper interleaves several."""
        return f"{self.name} [{self.origin}]" if len(self.owner.states_of(self.name)) > 1 else self.name

    def to_dict(self) -> dict[str, Any]:
        intake, alone = self.owner.intakes[self.name], len(self.owner.states_of(self.name)) == 1
        return {
            "name": self.shown_name(), "bytes": intake.bytes if alone else self.bytes,
            "lines": intake.line_total if alone else self.lines, "records": sum(self.counts.values()),
            "format": self.format(), "envelope": self.envelope, "node": self.node,
            "rabbitmq_version": self.facts.get("rabbitmq_version"), "erlang_version": self.facts.get("erlang_version"),
            "first": self.first, "last": self.last, "zone": self.zone(),
            "said_by": {
                "node": self.node_from, "rabbitmq_version": self.facts.get("rabbitmq_version from"),
                "erlang_version": self.facts.get("erlang_version from"), "zone": "times" if self.zone() else None,
            },
        }  # fmt: skip
