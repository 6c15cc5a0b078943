"""Records of one shape at once: which rules they fire is decided once, and their subjects are cut out, not parsed.

Records of one shape (:mod:`rabbitlogs.framing.shapes`) differ in digits and quoted text only, those of one form
(:mod:`rabbitlogs.framing.forms`) in names too. So where every field that a rule's condition looks at stands outside of
those, one record's answer is the answer of all; and the fields that are counted (users, clients, queues) stand between the
same words, or in the same pair of quotes, in each of them. Both are learnt from the first record of a shape, and held
against what the full expression says of the first few; where that differs, or cannot be told from the shape, the records
are read with the full expression.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.batch import is_plain, value_of
from rabbitlogs.engine.matching import holds, rules_out
from rabbitlogs.framing.forms import is_worded
from rabbitlogs.framing.framer import MESSAGE_LIMIT
from rabbitlogs.framing.headers import JSON, LAGER, LOGGER
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.fields import is_text
from rabbitlogs.parsing.recogniser import recogniser

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from rabbitlogs.engine.catalogue import Match, Rule
    from rabbitlogs.framing.blocks import Framed
    from rabbitlogs.parsing.patterns import Capture

    Fire = Callable[[dict[str, Any]], list[Rule]]
    Names = Callable[[list[Rule]], Collection[str]]  # the fields that rules count
    Asked = tuple[str, list[Any], bool]  # field, condition, whether its rule is ours
    Span = tuple[int, int, int]  # line of the record, first and last column

_DIGITS = b"0123456789"
_ASKED = 64  # conditions that are asked of each record here; where there are more, whole sets of values are remembered
_FIRED = 512  # sets of values whose rules are remembered
_HELD_AGAINST = 4  # records of a shape that are read with the full expression too
_REACH = 16  # characters before and after a field that may tell where it stands
STAMP = 32  # characters of a header's time, with microseconds and zone
_TIME = re.compile(rb"[0-9T:.,+Z -]+").match
_TOKEN = expression(r"\S+")
_TIME_KEY = expression(rb'"[a-z_]*time[a-z_]*" ?: ?"')  # of a JSON object


class Shaped:
    """What records of one shape have in common."""

    __slots__ = (
        "_across", "_between", "_by_form",
        "_fire", "_fired_by", "_fixed", "_held", "_names", "_open", "_pieces", "_quoted", "_same",
        "before_time", "is_json", "types",
    )  # fmt: skip

    def __init__(self, fire: Fire, types: dict[str, Capture], before_time: bytes, *, is_json: bool, by_form: bool) -> None:
        self._fire, self.types, self.before_time, self.is_json, self._by_form = fire, types, before_time, is_json, by_form
        self._fixed: dict[str, Any] = {}  # values that the shape tells
        self._same: dict[str, bytes] = {}  # their texts, of those that are counted
        self._open: list[Asked] = []
        self._names: list[str] = []  # fields that are looked at
        self._fired_by: dict[tuple[Any, ...], list[Rule]] = {}  # by the outcomes of the conditions left open, or the texts
        self._quoted: dict[int, list[tuple[str, int]]] = {}  # line of the record: field, and its place among what quotes cut
        self._between: list[tuple[str, int, bytes, bytes]] = []  # field, line of the record, what stands before and after
        self._across: dict[int, list[tuple[str, int, bytes, int, bytes]]] = {}  # the same of those among and over quotes
        self._pieces: dict[int, int] = {}  # of these lines: how many there are
        self._held = 0

    def columns(self, lines: Sequence[bytes], starts: Sequence[int]) -> dict[str, list[bytes]] | None:
        """The fields that are counted, by name, of records that begin at these lines.

        None where a text is not read as it stands: blanks to collapse, odd encodings.
        """
        out: dict[str, list[bytes]] = {}
        for at, count in self._pieces.items():
            pieces = [lines[start + at].split(b"'") for start in starts]
            if {*map(len, pieces)} != {count}:  # a name has a quote in it
                return None
            for name, place in self._quoted.get(at, ()):
                out[name] = [piece[place] for piece in pieces]
            for name, first, before, last, after in self._across.get(at, ()):
                out[name] = [_cut(piece, first, before, last, after) for piece in pieces]
        for name, at, before, after in self._between:
            if after:
                out[name] = [lines[start + at].partition(before)[2].partition(after)[0] for start in starts]
            else:
                out[name] = [lines[start + at].partition(before)[2] for start in starts]
        whole = b"\n".join([text for column in out.values() for text in column])
        if not is_plain(whole) or b"\r" in whole or (self.is_json and b"\\" in whole):
            return None
        for name, text in self._same.items():
            out[name] = [text] * len(starts)
        return out

    def stamps(self, lines: Sequence[bytes], starts: Sequence[int]) -> list[bytes]:
        """The times of records that begin at these lines, as far as :data:`STAMP` goes."""
        before = self.before_time
        if not before:
            return [lines[start][:STAMP] for start in starts]
        return [lines[start].partition(before)[2][:STAMP] for start in starts]

    def agrees(self, records: Sequence[Framed], columns: dict[str, list[bytes]], kind: str) -> bool:
        """Whether this says of records what the full expression says; only the first few of a shape are looked at."""
        for at, framed in enumerate(records):
            if self._held >= _HELD_AGAINST:
                return True
            self._held += 1
            fields = recogniser().fields_of(kind, framed.open.message)
            for name in self._names:
                value = value_of(self.types.get(name), columns[name][at]) if name in columns else self._fixed.get(name)
                if (fields.get(name) or None) != (value or None):
                    return False
        return True

    @property
    def is_settled(self) -> bool:
        """Whether enough records were held against the full expression."""
        return self._held >= _HELD_AGAINST

    def groups(self, columns: dict[str, list[bytes]], count: int) -> list[tuple[list[int] | None, list[Rule]]]:
        """The rules that records fire: places among the records (None: all), and rules."""
        if not self._open:
            return [(None, self._fired((), {}))]
        names = list(dict.fromkeys([name for name, _, _ in self._open if name in columns]))
        if len(self._open) > _ASKED:
            keys: list[tuple[Any, ...]] = list(zip(*[columns[name] for name in names], strict=True)) if names else [()] * count
        else:
            keys = self._outcomes(columns, count)
        if count == 1:
            return [(None, self._fired(keys[0], {name: value_of(self.types.get(name), columns[name][0]) for name in names}))]
        places: dict[tuple[Any, ...], list[int]] = {}
        for at, key in enumerate(keys):
            places.setdefault(key, []).append(at)
        out: list[tuple[list[int] | None, list[Rule]]] = []
        for key, chosen in places.items():
            values = {name: value_of(self.types.get(name), columns[name][chosen[0]]) for name in names}
            out.append((chosen if len(places) > 1 else None, self._fired(key, values)))
        return out

    def _outcomes(self, columns: dict[str, list[bytes]], count: int) -> list[tuple[Any, ...]]:
        """Of each record, which of the conditions left open hold."""
        outcomes: list[list[bool]] = []
        joined: dict[str, str] = {}
        for name, condition, trusted in self._open:
            texts = columns.get(name) or [b""] * count
            capture = self.types.get(name)
            if trusted and (capture is None or is_text(capture.type)):
                if name not in joined:
                    joined[name] = b"\n".join(texts).decode()
                if rules_out(condition, joined[name]):
                    outcomes.append([condition[1] == "unlike"] * count)
                    continue
            known = {text: holds(condition, value_of(capture, text), trusted=trusted) for text in set(texts)}
            outcomes.append([known[text] for text in texts])
        return list(zip(*outcomes, strict=True))

    def _fired(self, key: tuple[Any, ...], values: dict[str, Any]) -> list[Rule]:
        rules = self._fired_by.get(key)
        if rules is None:
            if len(self._fired_by) >= _FIRED:
                self._fired_by.clear()
            fields = {**self._fixed, **values}
            rules = self._fire({name: value for name, value in fields.items() if value is not None})
            self._fired_by[key] = rules
        return rules

    def decide(
        self, level: str, pairs: Sequence[tuple[Rule, Match]], loose: Collection[str], fixed: dict[str, Any]
    ) -> list[Rule]:
        """Notes which conditions are still open in records of this shape; returns the rules these can fire."""
        self._fixed = fixed
        rules = []
        for rule, rule_match in pairs:
            if rule_match.levels is not None and level not in rule_match.levels:
                continue
            mine = []
            for condition in rule_match.conditions:
                name = condition[0]
                if name in loose and condition[1] != "present":
                    mine.append((name, condition, rule_match.is_ours))
                elif not holds(condition, fixed.get(name), trusted=rule_match.is_ours):
                    break
            else:
                self._open.extend(mine)
                rules.append(rule)
        return rules

    def place_all(
        self, names: Collection[str], record: Sequence[bytes], spans: dict[str, Span | None], loose: Collection[str]
    ) -> bool:
        """Learns where fields stand. False where one of those that differ from record to record cannot be told."""
        self._names = sorted({*names, *(name for name, _, _ in self._open)})
        for name in self._names:
            if name not in spans:
                continue
            span = spans[name]
            if name not in loose:
                if span is None:  # it goes over several lines, and only its value is known
                    if name in names:
                        return False
                else:
                    self._same[name] = record[span[0]][span[1] : span[2]]
            elif span is None or not self._place(name, record, *span):
                return False
        return True

    def _place(self, name: str, record: Sequence[bytes], at: int, begin: int, end: int) -> bool:
        """Learns where a field stands in a record: in one of its lines, from one column to another. False where it cannot.

        Quotes cut a line in pieces, every other of which is quoted and may say anything: a field has all of it or none.
        """
        line = record[at]
        first, last = line.count(b"'", 0, begin), line.count(b"'", 0, end)
        start, stop = line.rfind(b"'", 0, begin) + 1, line.find(b"'", end) % (len(line) + 1)
        before = after = b""
        if begin > start:
            head = line[start:begin].translate(None, _DIGITS)
            heads = [head[-n:] for n in range(1, _REACH) if not self._by_form or _is_edge(head[-n:])]
            before = next((text for text in heads if head.count(text) == 1), b"")
            if first % 2 or not before or not line[start:begin].endswith(before):
                return False
        if end < stop:
            text = line[max(begin, line.rfind(b"'", 0, end) + 1) : end].translate(None, _DIGITS)
            rest = line[end : min(stop, end + _REACH)]
            tails = [rest[:n] for n in range(1, len(rest) + 1) if not self._by_form or _is_edge(rest[:n])]
            after = next((tail for tail in tails if (text + tail).find(tail) == len(text)), b"")
            if last % 2 or not after or after != after.translate(None, _DIGITS):
                return False
        if last or (first == last and not before and not after):
            self._pieces[at] = line.count(b"'") + 1
        if first == last and not before and not after:
            self._quoted.setdefault(at, []).append((name, first))
        elif last == 0:
            self._between.append((name, at, before, after))
        else:
            self._across.setdefault(at, []).append((name, first, before, last, after))
        return True


def _cut(pieces: list[bytes], first: int, before: bytes, last: int, after: bytes) -> bytes:
    """What stands between two texts, each in a piece of a line that quotes cut; without a text, the piece's end."""
    head = pieces[first].partition(before)[2] if before else pieces[first]
    if first == last:
        return head.partition(after)[0] if after else head
    tail = pieces[last].partition(after)[0] if after else pieces[last]
    return b"'".join([head, *pieces[first + 1 : last], tail])


def time_of(stamp: bytes) -> str:
    """The time that a stamp begins with: what follows a shorter one in its line is cut off."""
    found = _TIME(stamp)
    return found[0].rstrip().decode() if found is not None else ""


def is_told_by_shape(line: bytes, begin: int, end: int, *, by_form: bool = False) -> bool:
    """Whether a text in a line is the same in all lines of its shape, or of its form."""
    text = line[begin:end]
    if b"'" in text or text != text.translate(None, _DIGITS) or line.count(b"'", 0, begin) % 2:
        return False
    return not by_form or (is_worded(text) and not line[:begin][-1:].isalnum() and not line[end : end + 1].isalnum())


def _is_edge(text: bytes) -> bool:
    """Whether a text next to a name is the same in all lines of a form, and nothing there can look like it."""
    return not text[:1].isalnum() and not text[-1:].isalnum() and is_worded(text)


def learn(
    kind: str, level: str, framed: Framed, pairs: Sequence[tuple[Rule, Match]], fire: Fire, counted: Names, *, by_form: bool
) -> Shaped | None:  # fmt: skip
    """What records of a shape have in common, learnt from one of them; None where the shape does not tell.

    Args:
        pairs: the rules that records of this kind may fire, and how they match.
        counted: the fields whose values rules count.
        by_form: only their form is the same (:mod:`rabbitlogs.framing.forms`).
    """
    record = framed.raw()
    tokens = _tokens(framed, record)
    before_time = _before_time(framed, record[0])
    entry = recogniser().entry(kind)
    message = framed.open.message
    match = entry.match(message)
    if tokens is None or before_time is None or match is None or len(message) >= MESSAGE_LIMIT:
        return None
    types: dict[str, Capture] = {}
    spans: dict[str, Span | None] = {}
    fixed: dict[str, Any] = {}
    loose = set()  # fields of which only the record itself tells what they say
    for capture, (begin, end) in zip(entry.captures(match), match.regs[1:], strict=True):
        if begin < 0 or begin == end or capture.name in types:
            continue
        types[capture.name] = capture
        text = message[begin:end]
        fixed[capture.name] = value_of(capture, text.encode())
        span = spans[capture.name] = _span(tokens, record, begin, end, text.encode())
        if span is None:
            line, column = _word_at(tokens, begin)
            is_told = is_told_by_shape(record[line][:column] + text.encode(), column, column + len(text), by_form=by_form)
        else:
            is_told = is_told_by_shape(record[span[0]], span[1], span[2], by_form=by_form)
        if not is_told and capture.type != "present":
            loose.add(capture.name)
    shaped = Shaped(fire, types, before_time, is_json=framed.open.header.format == JSON, by_form=by_form)
    rules = shaped.decide(level, pairs, loose, fixed)
    return shaped if shaped.place_all(counted(rules), record, spans, loose) else None


_Tokens = tuple[list[int], list[tuple[int, int, int]]]  # where words begin in the message; their line, first and last column


def _tokens(framed: Framed, record: Sequence[bytes]) -> _Tokens | None:
    """Where the words of a record's message stand in its lines; None where that is not plain."""
    opened = framed.open
    header = opened.header
    if header.format == JSON:
        return _json_tokens(opened.parts[0], record[0])
    if header.format not in (LOGGER, LAGER) or len(opened.parts) != len(record):
        return None
    words: list[tuple[int, int, int]] = []
    for at, (text, line) in enumerate(zip(opened.parts, record, strict=True)):
        raw = text.encode()
        if not line.endswith(raw) or not text.isascii():
            return None
        column = len(line) - len(raw)
        words += [(at, column + found.start(), column + found.end()) for found in _TOKEN.finditer(text)]
    return [0, *accumulate(stop - start + 1 for _, start, stop in words)], words


def _json_tokens(text: str, line: bytes) -> _Tokens | None:
    """The same for the message of a JSON object."""
    escaped = json.dumps(text)[1:-1]
    column = line.find(escaped.encode())
    if column < 0 or not text.isascii() or line.count(escaped.encode()) != 1:
        return None
    columns = [column, *accumulate([len(json.dumps(character)) - 2 for character in text], initial=column)][1:]
    words = [(0, columns[found.start()], columns[found.end()]) for found in _TOKEN.finditer(text)]
    lengths = [found.end() - found.start() + 1 for found in _TOKEN.finditer(text)]
    return [0, *accumulate(lengths)], words


def _word_at(tokens: _Tokens, place: int) -> tuple[int, int]:
    """The line and column of a character of the message."""
    begins, words = tokens
    number = min(bisect_right(begins, place), len(words)) - 1
    line, column, _ = words[number]
    return line, column + place - begins[number]


def _span(tokens: _Tokens, record: Sequence[bytes], begin: int, end: int, text: bytes) -> Span | None:
    """Where a text of the message stands; None where it runs over lines or is not written as it is read."""
    line, column = _word_at(tokens, begin)
    last, stop = _word_at(tokens, end - 1)
    if line != last or record[line][column : stop + 1] != text:
        return None
    return line, column, stop + 1


def _before_time(framed: Framed, line: bytes) -> bytes | None:
    """What stands right before a record's time; empty where that begins the line."""
    time = framed.open.header.time
    if time is None:
        return None
    at = line.find(time.encode())
    if at == 0:
        return b""
    if framed.open.header.format != JSON or at < 0:
        return None
    found = _TIME_KEY.search(line)
    return found[0] if found is not None and found.end() == at else None
