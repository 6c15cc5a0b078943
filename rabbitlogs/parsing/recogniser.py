"""Which kind is this message, and what are its fields? The fast reader, generated from the grammars.

A message is looked up by how it begins: kinds are filed under the first characters of their opening literal; the few
that begin with a name or a process are filed under a word that each of their messages contains. Of the candidates, the
most specific one (most literal characters) that matches to the end wins, as it does for the LALR reader
(:mod:`rabbitlogs.parsing.reference`); a test holds the two to the same answer.

A message that no kind matches to the end goes to the nearest kind it begins like, with its unread rest: a newer release
that adds words to a message does not make it unknown.

Regular expressions are compiled at first use: a log meets a few dozen kinds of thousands.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from functools import cached_property, lru_cache, partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from rabbitlogs.lazy import expression
from rabbitlogs.parsing.compiled import kind_text, long_text, table
from rabbitlogs.parsing.fields import convert
from rabbitlogs.parsing.patterns import compile_seq, optional_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rabbitlogs.parsing.patterns import Capture

_KEY = 5  # characters of an opening literal that file it
_WHOLE_AFTER = 3000  # messages after which a kind's expression is made whole
_NEAR, _NEAR_SHARE = 12, 0.7  # literal characters, and share of a kind's, that a message must have to be near it
_CUT = 24  # literal characters, where a message stops in the middle of a kind: there are no other words to say that it is not
_ALIKE_SHARE = 0.75  # the same, where a literal ends in other words: what is missing may be the verb
_NEAR_FLOATING = 20  # literal characters, where a kind begins with something else than a literal
_WORDS = expression(r"\s*\S+\s*")
_WORD = expression(r"[A-Za-z_]{3,}")
_LETTER = expression(r"[A-Za-z]")
_WORDS_ONLY = bytes(code if chr(code).isalpha() or code in b"_\n" else 0x20 for code in range(128)) + bytes(128)
_FIELD = expression(r'\["f","([a-z_0-9]+)"')  # fields in a tree's text


@lru_cache(maxsize=4096)
def _shortened(literal: str) -> list[str]:
    """A literal, and what is left of it without its last word, without its last two, and so on."""
    words = _WORDS.findall(literal)
    return ["".join(words[:count]) for count in range(len(words), 0, -1)]


def _common(literal: str, message: str) -> str:
    """The words of a literal that a message begins with."""
    return next((part for part in _shortened(literal) if message.startswith(part)), "")


def _stops_in(message: str, place: int, literal: str) -> bool:
    """Whether a message ends, from some place on, in the word before a literal or in the middle of the literal."""
    if " " not in message[place:]:
        return True
    size = literal.rfind(message[-1]) + 1  # beginnings of the literal that end like the message
    while size > 1 and not message.endswith(literal[:size], place):
        size = literal.rfind(message[-1], 0, size - 1) + 1
    return size > 1


def _captured(match: re.Match[str]) -> int:
    """How many characters of a match are in groups."""
    total = covered = 0
    for start, end in sorted(match.regs[1:]):
        if start >= covered and end > start:
            total, covered = total + end - start, end
    return total


def collapse(message: str) -> str:
    """A message as it is matched: every run of blanks and line breaks is one blank, none at either end."""
    return " ".join(message.split())


class Match(NamedTuple):
    """A recognised message: its kind, its fields, and what the grammar left unread at the end (None: nothing)."""

    kind: str
    fields: dict[str, Any]
    rest: str | None


_Parts = tuple[list[Any], list[tuple[int, str]]]  # a tree, and its parts that a message need not have, by id


class _Expression:
    """The regular expression of a kind, of what has been met of it.

    A kind may have hundreds of alternatives and an expression that takes a tenth of a second to compile, of which a log
    meets two. So the expression leaves out the parts whose literals no message had so far, and grows when one has.
    After many messages it is made whole, which costs less than looking for literals.
    """

    __slots__ = ("_absent", "_entry", "_pattern", "_prefix", "_uses", "captures")

    def __init__(self, entry: KindEntry, *, prefix: bool) -> None:
        self._entry, self._prefix = entry, prefix
        # parts no message had so far, by their place among all, with the literal that tells of each
        self._absent = [(at, literal) for at, (_, literal) in enumerate(entry.parts(prefix)[1])]
        self._pattern: re.Pattern[str] | None = None
        self._uses = 0
        self.captures: list[Capture] = []

    def match(self, message: str) -> re.Match[str] | None:
        """What the whole expression says of a message."""
        absent = self._absent
        if absent:
            self._uses += 1
            still = [part for part in absent if part[1] not in message] if self._uses < _WHOLE_AFTER else []
            if len(still) != len(absent):
                self._absent, self._pattern = still, None
        if self._pattern is None:
            tree, parts = self._entry.parts(self._prefix)
            ids = {parts[at][0] for at, _ in self._absent}
            text, self.captures = compile_seq(tree, self._entry.name, prefix=self._prefix, absent=ids)
            self._pattern = re.compile(text, re.DOTALL)
        return self._pattern.match(message)

    def made(self, match: re.Match[str]) -> bool:
        """Whether a match is one of this expression's."""
        return match.re is self._pattern


class KindEntry:
    """One kind in the recogniser; its expressions are made when first needed.

    Args:
        head: its opening literals, its weight, its literals, whether it begins with the first of these.
        parts: gives the kind's tree and its optional parts, of messages or of their beginnings, when asked: trees are
            large, and hardly needed once expressions are made.
    """

    __slots__ = ("_begins_so", "_full", "_literals", "_prefix", "_required", "name", "openings", "parts", "weight")

    def __init__(self, name: str, head: list[Any], parts: Callable[[bool], _Parts]) -> None:
        self.name, self.parts = name, parts
        self.openings: list[str] | None = head[0]
        self.weight: int = head[1]
        self._literals: list[str] = head[2]
        self._begins_so: bool = head[3]
        self._required = sorted(self._literals, key=len, reverse=True)
        self._full: _Expression | None = None
        self._prefix: _Expression | None = None

    def tree(self) -> list[Any]:
        """The kind's tree."""
        return self.parts(False)[0]

    def match(self, message: str) -> re.Match[str] | None:
        """Matches a whole message of this kind."""
        for literal in self._required:
            if literal not in message:
                return None
        if self._full is None:
            self._full = _Expression(self, prefix=False)
        return self._full.match(message)

    def begin(self, message: str) -> re.Match[str] | None:
        """Matches as much of this kind as a message gives."""
        if self._prefix is None:
            self._prefix = _Expression(self, prefix=True)
        return self._prefix.match(message)

    def shared(self, message: str) -> tuple[int, int, bool]:
        """What a message has of this kind's literals, in their order.

        Returns:
            How many characters; what has no letter, such as a colon, stands in any message and does not count. Where
            the last one ends. Whether the message stops there, in the middle of what comes next.
        """
        read = place = 0
        for literal in self.openings or ():
            read = place = max(read, len(_common(literal, message)))
        required = self._literals
        if self.openings is not None and required and self._begins_so:
            if place < len(required[0]):
                return read, place, _stops_in(message, place, required[0][place:])
            required = required[1:]
        for literal in required:
            at = message.find(literal, place)
            if at >= 0:
                read, place = read + len(literal) * (_LETTER.search(literal) is not None), at + len(literal)
                continue
            stops = _stops_in(message, place, literal)
            for part in _shortened(literal):
                at = message.find(part, place)
                if at >= 0:
                    return read + len(part), at + len(part), stops
            return read, place, stops
        return read, place, False

    def captures(self, match: re.Match[str]) -> Sequence[Capture]:
        """What the groups of the last match are."""
        made = self._prefix if self._prefix is not None and self._prefix.made(match) else self._full
        return made.captures if made else ()

    def fields(self, match: re.Match[str]) -> dict[str, Any]:
        """The fields of the last match; a part that is not in the message has no field."""
        out: dict[str, Any] = {}
        for capture, text in zip(self.captures(match), match.groups(), strict=True):
            if text is not None and capture.name not in out:
                out[capture.name] = convert(capture.type, text)
        return out


def _is_whole(message: str, read: int, entry: KindEntry, match: re.Match[str] | None, end: int) -> bool:
    """Whether nothing of a kind is missing in a message: what was read of it is one, or as good as one where it was cut."""
    if end == len(message):
        return read >= entry.weight
    return match is not None and entry.match(message[:end].rstrip()) is not None


class Recogniser:
    """Finds the kind of a message among all kinds.

    Args:
        compiled: the compiled grammars as :func:`rabbitlogs.parsing.compiled.load_table` gives them.
    """

    def __init__(self, compiled: dict[str, Any]) -> None:
        self.kinds: dict[str, KindEntry] = {}
        self._table = compiled
        self._names: dict[str, Any] = compiled["kinds"]
        self._by_opening: dict[str, list[str]] = compiled["openings"]
        self._short: dict[str, list[str]] = compiled["short"]
        self._short_firsts = frozenset(opening[:1] for opening in self._short)
        self._by_word: dict[str, list[str]] = compiled["words"]
        self._words = frozenset(self._by_word)
        self._anywhere: list[list[str]] = compiled["anywhere"]
        self._marks = {character for literal, _ in self._anywhere for character in literal if not character.islower()}
        self._last_parts = lru_cache(maxsize=8)(self._parts)  # asked for several times in a row
        self._looked = 0  # messages that were searched for the literals that stand anywhere

    def __len__(self) -> int:
        return len(self._names)

    def names(self) -> list[str]:
        """Every kind's name."""
        return list(self._names)

    def vocabulary(self) -> list[str]:
        """Every word of every kind and header, in ASCII letters."""
        return long_text(self._table, self._table["vocabulary"]).split()

    def entry(self, name: str) -> KindEntry:
        """One kind by name."""
        entry = self.kinds.get(name)
        if entry is None:
            head = json.loads(kind_text(self._table, name)[0])
            entry = self.kinds[name] = KindEntry(name, head, partial(self._last_parts, name))
        return entry

    def _parts(self, name: str, prefix: bool) -> _Parts:
        tree: list[Any] = json.loads(kind_text(self._table, name)[1])
        return tree, optional_parts(tree, prefix=prefix)

    @cached_property
    def _any(self) -> re.Pattern[str]:
        """The literals that stand anywhere: compiled when there are many messages to search."""
        return re.compile("|".join(re.escape(literal) for literal, _ in self._anywhere) or "(?!)")

    def _opened(self, message: str) -> list[KindEntry]:
        """Kinds one of whose opening literals the message begins with."""
        names = self._by_opening.get(message[:_KEY])
        found = [] if names is None else [self.entry(name) for name in names]
        if message[:1] in self._short_firsts:
            for length in (1, 2, 3, 4):
                short = self._short.get(message[:length])
                if short is not None and len(message) >= length:
                    found.extend(self.entry(name) for name in short)
        if not found:
            return []
        return [e for e in found if any(map(message.startswith, e.openings or ()))]

    def _floating(self, message: str) -> list[KindEntry]:
        """Kinds that begin with no literal and one of whose words the message has."""
        by_word = self._by_word
        hits = by_word.keys() & set(_WORD.findall(message))
        names = [name for word in hits for name in by_word[word]]
        self._looked += 1
        if self._looked < _WHOLE_AFTER or self._any.search(message) is not None:
            names.extend([name for literal, name in self._anywhere if literal in message])
        return [self.entry(name) for name in names]

    def recognise(self, message: str) -> Match | None:
        """The kind and fields of a collapsed message; None where no kind is near."""
        opened, floating = self._opened(message), self._floating(message)
        return self._taken(message, opened, floating) or self._nearest(message, opened, floating)

    def whole(self, message: str) -> Match | None:
        """The kind that takes a collapsed message to its end, with its fields; None where none does."""
        return self._taken(message, self._opened(message), self._floating(message))

    def _taken(self, message: str, opened: list[KindEntry], floating: list[KindEntry]) -> Match | None:
        candidates = opened + floating
        if len(candidates) > 1:
            candidates.sort(key=lambda entry: (-entry.weight, entry.name))
        for entry in candidates:
            match = entry.match(message)
            if match is not None:
                return Match(entry.name, entry.fields(match), None)
        return None

    def none_near(self, messages: list[str]) -> list[bool]:
        """Of which of many collapsed messages, in ASCII, it is sure that :meth:`recognise` finds no kind."""
        firsts, openings, short = self._short_firsts, self._by_opening, tuple(self._short)
        near = [message[:_KEY] in openings or (message[0] in firsts and message.startswith(short)) for message in messages]
        left = [at for at, is_near in enumerate(near) if not is_near]
        joined = "\n".join([messages[at] for at in left])
        words = self._words.intersection(joined.encode().translate(_WORDS_ONLY).decode().split())
        missing = {mark for mark in self._marks if mark not in joined}
        telling = [re.compile(rf"(?<![A-Za-z_]){word}(?![A-Za-z_])") for word in words]
        telling += [re.compile(re.escape(text)) for text, _ in self._anywhere if missing.isdisjoint(text) and text in joined]
        begins = [0, *accumulate([len(messages[at]) + 1 for at in left])]
        for pattern in telling:
            found = pattern.search(joined)
            while found is not None:
                place = bisect_right(begins, found.start())
                near[left[place - 1]] = True
                found = pattern.search(joined, begins[place])
        return [not is_near for is_near in near]

    def takers(self, message: str) -> list[KindEntry]:
        """Every kind that takes a collapsed message to its end; the one with the most literal characters is its kind."""
        found = {entry.name: entry for entry in (*self._opened(message), *self._floating(message))}
        return [entry for entry in found.values() if entry.match(message) is not None]

    def begins(self, message: str) -> bool:
        """Whether a message begins like a kind, by an opening literal long enough to be no accident."""
        for entry in self._opened(message):
            if any(len(o) >= 8 and message.startswith(o) for o in entry.openings or ()):
                return True
            if entry.match(message) is not None:
                return True
        return False

    def _nearest(self, message: str, opened: list[KindEntry], floating: list[KindEntry]) -> Match | None:
        """The kind that most of a message's words are of, where none takes it to its end.

        A kind is near when the message has most of its literals, in their order; it may stop in the middle, go on after
        the end, or end in other words. Two kinds that are equally near, such as ``alarm set`` and ``alarm cleared`` to
        ``alarm raised``, are both not it; nor is the only one near enough if others have as many words of the message,
        as all kinds have that begin with ``Feature flags:``.
        """
        begun = [self.entry(name) for name in self._by_opening.get(message[:_KEY], ())]
        near: list[tuple[int, KindEntry, re.Match[str] | None, int]] = []
        alike: list[int] = []  # how much of the message each kind has, near or not
        for entry in {entry.name: entry for entry in (*opened, *begun, *floating)}.values():
            match = entry.begin(message) if entry in opened else None
            end = 0 if match is None else match.end()
            read = 0 if match is None else end - _captured(match)
            shared, place, stops = entry.shared(message)
            alike.append(max(read, shared))
            least = _NEAR if entry.openings else _NEAR_FLOATING
            if read < (_CUT if end == len(message) else max(least, entry.weight * _NEAR_SHARE)):
                read = 0
            if shared < (_CUT if stops else max(least, entry.weight * _ALIKE_SHARE)):
                shared = 0
            if shared and not read and entry.openings is None and entry.begin(message) is None:
                shared = 0  # what it begins with is no literal, and is not there: the unit, say, of another service
            if read or shared:
                near.append((max(read, shared), entry, match, max(end, place)))
        most = max((read for read, *_ in near), default=0)
        nearest = [found for found in near if found[0] == most]
        if sum(read >= most for read in alike) > 1:  # the one of which nothing is missing
            nearest = [found for found in nearest if _is_whole(message, *found)]
        if len(nearest) != 1:
            return None
        _, entry, match, end = nearest[0]
        match = match or entry.begin(message)
        return (
            Match(entry.name, {}, message[end:])
            if match is None
            else Match(entry.name, entry.fields(match), message[match.end() :])
        )

    def reach(self, message: str) -> int:
        """How far into a message a kind that it begins like can be followed."""
        return max((m.end() for entry in self._opened(message) if (m := entry.begin(message))), default=0)

    def wants_more(self, message: str) -> bool:
        """Whether a message is the beginning of a kind and stops in its middle."""
        size = len(message)
        return not message or any(
            (begun := entry.begin(message)) is not None and begun.end() == size for entry in self._opened(message)
        )

    def fields_of(self, name: str, message: str) -> dict[str, Any]:
        """The fields of a collapsed message whose kind is known."""
        entry = self.entry(name)
        match = entry.match(message)
        if match is None:
            match = entry.begin(message)
        return {} if match is None else entry.fields(match)

    def field_names(self, name: str) -> frozenset[str]:
        """Names of the fields a kind can have; empty for a name that is no kind."""
        return frozenset(_FIELD.findall(kind_text(self._table, name)[1])) if name in self._names else frozenset()


_shared: list[Recogniser] = []


def recogniser() -> Recogniser:
    """The recogniser of all kinds, made once a process."""
    if not _shared:
        _shared.append(Recogniser(table()))
    return _shared[0]
