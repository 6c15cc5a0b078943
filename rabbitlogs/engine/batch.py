"""Many records of one kind at once: the fields a finding needs, for a whole block, in one pass of one expression.

A storm is ten thousand lines of one kind. Reading each by itself would cost more than finding them; so where a kind's
rules ask for nothing but fields, the lines of a block are joined and one generated expression gives all their fields.
It is the same expression as for a single message, so the answers are the same; if it does not find every line (blanks to
collapse, odd encodings), the lines are read one by one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.matching import holds
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.fields import convert
from rabbitlogs.parsing.patterns import Capture, compile_rows, optional_parts
from rabbitlogs.parsing.recogniser import recogniser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rabbitlogs.engine.catalogue import Match, Rule

    Pairs = Sequence[tuple[Rule, Match]]

_ENTITY = expression(rb"&[a-z#]")
_TIME = 23  # characters of a header's time, to the millisecond
BARE_MARK = b"\x01-> "
HEADER = rb"^[^>\n]++> "  # of any text line with a process
WORTH = 4  # fewer lines are read one by one
COUNTED = ("count", "distinct")  # correlations that need no more than counts by key and minute
SESSION_NAMES = ("user", "vhost", "client", "connection_name")


def key_names(names: str | Sequence[str]) -> Sequence[str]:
    """The fields a rule names, written as one or as a list."""
    return [names] if isinstance(names, str) else names


def counted_fields(rules: Sequence[Rule]) -> set[str]:
    """The fields whose values these rules count."""
    names = set(SESSION_NAMES) if rules else set()
    for rule in rules:
        names.update(rule.subjects or ("user", "vhost"))
        if rule.correlate is not None:
            names.update(key_names(rule.correlate.get("by", ())), key_names(rule.correlate.get("of", ())))
    return names


def is_plain(text: bytes) -> bool:
    """Whether a text is read as it stands: it has nothing that a line is freed of before it is read by itself."""
    if not text.isascii() or b"  " in text or b"\t" in text or b"\x00" in text or b"\x1b" in text:
        return False
    return b"&" not in text or _ENTITY.search(text) is None


def is_bare(first: bytes, second: bytes) -> bool:
    """Whether the second line of a record has no header; since 3.9 it has that of the first one."""
    return first[:_TIME] != second[:_TIME]


def _pair(first: bytes, second: bytes) -> bytes:
    """Two lines of a record as one; a bare one gets what stands for a header."""
    if first[:_TIME] != second[:_TIME]:
        return first + BARE_MARK + second if second else first
    # an empty second line (a message that ends in a line break) is nothing
    return first if second[-2:] in (b"> ", b"0>") else first + b"\x01" + second


def joined(lines: Sequence[bytes], starts: Sequence[int], count: int) -> bytes | None:
    """Records as one text: a line each, their own lines joined by ``\\x01``; None where they must be read one by one."""
    if count == 1:
        text = b"\n".join([lines[start] for start in starts])
    elif count == 2:
        text = b"\n".join([_pair(lines[start], lines[start + 1]) for start in starts])
    else:
        return None
    text = text.replace(b">  ", b"> ")  # a second line that is indented by one blank
    text = text.replace(b"\r", b"")
    if b" \n" in text or text.endswith(b" "):  # blanks at the end are no part of a message
        text = b"\n".join([line.rstrip(b" ") for line in text.split(b"\n")])
    return text if is_plain(text) else None


class Rows:
    """The fields of many messages of one kind, found by one expression."""

    def __init__(self, kind: str, names: Sequence[str]) -> None:
        self.names = names
        self._kind, self._seq = kind, recogniser().entry(kind).tree()
        self._absent = [(part, literal.encode()) for part, literal in optional_parts(self._seq)]
        self._made = False
        self.captures: list[Capture] = []

    def grow(self, text: bytes) -> bytes | None:
        """A new expression where a text has parts that the last one was not made for; None where that one will do.

        It is of the parts met so far, as a message's own expression is.
        """
        still = [part for part in self._absent if part[1] not in text]
        if self._made and len(still) == len(self._absent):
            return None
        self._absent, self._made = still, True
        pattern, self.captures = compile_rows(self._seq, self._kind, self.names, {part for part, _ in still})
        return pattern


class BatchPlan(Rows):
    """How to read all records of one kind in a block at once."""

    def __init__(self, kind: str, pairs: Pairs, counted: set[str]) -> None:
        self.conditions: dict[str, list[tuple[list[Any], bool]]] = {}
        for _, match in pairs:
            for condition in match.conditions:
                self.conditions.setdefault(condition[0], []).append((condition, match.is_ours))
        self.pairs = pairs
        known = recogniser().field_names(kind)
        super().__init__(kind, sorted({*self.conditions, *counted} & known))
        self._pattern: re.Pattern[bytes] | None = None

    def _find(self, text: bytes) -> list[tuple[bytes, ...]]:
        pattern = self.grow(text)
        if pattern is not None:  # findall gives tuples for two groups and more
            self._pattern = re.compile(HEADER + pattern + b"()" * (2 - len(self.captures)), re.MULTILINE)
        return self._pattern.findall(text) if self._pattern is not None else []

    def columns(self, lines: Sequence[bytes], starts: Sequence[int], count: int) -> dict[str, list[bytes]] | None:
        """The fields of records, by name, in their order; None where they must be read one by one."""
        text = joined(lines, starts, count)
        if text is None:
            return None
        rows = self._find(text)
        if len(rows) != len(starts):
            return None
        out: dict[str, list[bytes]] = {}
        for capture, column in zip(self.captures, zip(*rows, strict=True), strict=False):
            if b"\x01" in b"".join(column):  # a text that runs from line to line
                return None
            if capture.name in out:
                out[capture.name] = [old or new for old, new in zip(out[capture.name], column, strict=True)]
            else:
                out[capture.name] = list(column)
        return out

    def groups(
        self, columns: dict[str, list[bytes]], types: dict[str, Capture]
    ) -> Iterator[tuple[list[int] | None, dict[str, Any]]]:
        """Events that rules cannot tell apart, and the deciding fields of one of them; None stands for all events.

        Two events are alike when every condition on their fields has the same outcome, so a thousand user names are one
        group where a rule only asks whether there is a name.
        """
        deciding = [name for name in self.conditions if name in columns]
        if not deciding:
            yield None, {}
            return
        outcomes = []
        for name in deciding:
            texts = columns[name]
            known = {text: self._outcome(name, types.get(name), text) for text in set(texts)}
            outcomes.append([known[text] for text in texts])
        places: dict[tuple[Any, ...], list[int]] = {}
        for at, key in enumerate(zip(*outcomes, strict=True)):
            places.setdefault(key, []).append(at)
        for chosen in places.values():
            fields = {name: value_of(types.get(name), columns[name][chosen[0]]) for name in deciding}
            whole = chosen if len(places) > 1 else None
            yield whole, {name: value for name, value in fields.items() if value is not None}

    def _outcome(self, name: str, capture: Capture | None, text: bytes) -> tuple[bool, ...]:
        value = value_of(capture, text)
        return tuple(holds(condition, value, trusted=trusted) for condition, trusted in self.conditions[name])

    def types(self) -> dict[str, Capture]:
        """How each column's texts become values."""
        return {capture.name: capture for capture in reversed(self.captures)}


class Batches:
    """The plans of an analysis, made when a kind is first met in numbers.

    Args:
        pairs_of: the rules of a kind and how they match; None where a record's own fields are not all they look at.
        counted: the fields whose values rules count, or tell their events apart by.
    """

    def __init__(self, pairs_of: Callable[[str], Pairs | None], counted: Callable[[list[Rule]], set[str]]) -> None:
        self._pairs_of, self._counted = pairs_of, counted
        self._plans: dict[str, BatchPlan | None] = {}

    def plan(self, kind: str) -> BatchPlan | None:
        """The plan of a kind; None where its rules need to see each record."""
        if kind not in self._plans:
            pairs = self._pairs_of(kind)
            names = self._counted([rule for rule, _ in pairs]) if pairs is not None else set()
            self._plans[kind] = None if pairs is None else BatchPlan(kind, pairs, names)
        return self._plans[kind]


def value_of(capture: Capture | None, text: bytes) -> Any:
    """A column's text as the field it is; None where the record does not have it."""
    if not text:
        return None
    return convert(capture.type if capture else "text", text.decode())
