"""Which rule does an event fire? Conditions on fields, and the choice among rules that all match."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import contains
from typing import Any

from rabbitlogs.engine.catalogue import SEVERITIES, Catalogue, Match, Rule
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.elsewhere import is_another_program, is_elsewhere

Lookup = Callable[[str], Any]
_PATTERN_SECONDS = 0.05  # a user's pattern may take for one field
_CHOSEN = 64  # different events of a kind whose rules are remembered
_REMEMBERED = 4000  # characters of what such an event says
_OF_ANOTHER = ("elsewhere", "another_program")  # tests that make a match no more special
_LIKE_LIMIT = 20000  # characters of a field that a pattern looks at


@lru_cache(maxsize=4096)
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_TOKENS = expression(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?(?::|<?[=!]))?|\{[0-9,]*\}|.", re.DOTALL)
_SHORTEST = 3  # characters of a text that is worth looking for
_ANY_CASE = "(?i)"
_ODD_CASE = re.compile("[\u0130\u0131\u017f\u212a]").search  # letters that patterns take for i, s and k


@lru_cache(maxsize=4096)
def needed(pattern: str) -> tuple[str, ...]:
    """Texts one of which is in everything that a pattern finds; empty where that is not sure. Looking for them is faster.

    Of a pattern that takes letters in any case they are in small letters.
    """
    plain = pattern.removeprefix(_ANY_CASE)
    if re.search(r"\(\?[a-zA-Z-]", plain):  # flags further in, names
        return ()
    texts = _alternatives(iter(_TOKENS.findall(plain)))
    if min(map(len, texts)) < _SHORTEST:
        return ()
    return texts if plain == pattern else tuple([text.lower() for text in texts])


def _alternatives(parts: Iterator[str]) -> tuple[str, ...]:
    """:func:`needed` of a pattern's parts up to the end of a group: the most telling texts of each alternative."""
    out: list[str] = []
    run, before = "", ""
    known: list[tuple[str, ...]] = [("",)]
    for part in itertools.chain(parts, "|"):
        if part in ("|", ")"):
            best: tuple[str, ...] = max([*known, (run,)], key=_telling)
            out += best
            run, known = "", [("",)]
            if part == ")":
                break
        elif part[0] == "(":
            inner = _alternatives(parts)
            known += [(run,), inner if part in ("(", "(?:") else ("",)]
            run = ""
        elif part in ("*", "?") or (part[0] == "{" and len(part) > 1):  # what it follows need not be there
            if before[:1] == "(":
                known.pop()
            known.append((run[:-1],))
            run = ""
        elif len(part) == 1 and part not in "+.^$":
            run += part
        elif part[0] == "\\" and not part[1].isalnum():
            run += part[1]
        else:
            known.append((run,))
            run = ""
        before = part
    return tuple(out)


def _telling(texts: tuple[str, ...]) -> tuple[int, int]:
    """For sorting: long texts, and few, tell most."""
    return min(map(len, texts)), -len(texts)


def _lacks(pattern: str, text: str, has: Callable[[str, str], bool] = contains) -> bool:
    """Whether a text has none of what all that a pattern finds has."""
    texts = needed(pattern)
    if texts and pattern.startswith(_ANY_CASE):
        if not text.isascii() and _ODD_CASE(text):
            return False
        text = text.lower()
    return bool(texts) and not any(has(text, known) for known in texts)


@lru_cache(maxsize=1024)
def _timed(pattern: str) -> Any:
    """A pattern of a user's rule: the ``regex`` module stops it after a while, so it cannot hang us."""
    import regex

    return regex.compile(pattern)


_UNSURE = expression(r"\(\?(?![:imsx])|\\[AZBG]|[*+?}]\+")  # what may find less in a longer text


@lru_cache(maxsize=4096)
def _anywhere(pattern: str) -> re.Pattern[str] | None:
    """A pattern that, where it finds nothing in lines, tells that the pattern finds nothing in any of them."""
    return None if _UNSURE.search(pattern) else re.compile(pattern, re.MULTILINE)


def _long_has(text: str, known: str) -> bool:
    """Whether a long text has a short one. A single character is found many times faster, and rare ones tell."""
    return all(mark in text for mark in _rare(known)) and known in text


@lru_cache(maxsize=4096)
def _rare(known: str) -> frozenset[str]:
    return frozenset(character for character in known if not character.islower() and character != " ")


def rules_out(condition: list[Any], lines: str) -> bool:
    """Whether a condition's pattern is in none of many texts, each a line. False where that is not sure."""
    if condition[1] not in ("like", "unlike"):
        return False
    if _lacks(condition[2], lines, _long_has):
        return True
    pattern = _anywhere(condition[2])
    return pattern is not None and pattern.search(lines) is None


def _found(pattern: str, text: str, *, trusted: bool) -> bool:
    if trusted:
        if _lacks(pattern, text):
            return False
        return _regex(pattern).search(text) is not None
    try:
        return _timed(pattern).search(text, timeout=_PATTERN_SECONDS) is not None
    except TimeoutError:
        return False


def holds(condition: list[Any], value: Any, *, trusted: bool = True) -> bool:
    """Whether one condition holds for a field's value (None: the field is missing).

    Args:
        trusted: the rule is ours; a user's pattern gets a time limit, and counts as not found when it takes longer.
    """
    _, operator, want = condition
    if operator == "present":
        return (value is not None) is bool(want)
    if operator == "elsewhere":
        return (value is not None and is_elsewhere(str(value)[:_LIKE_LIMIT])) is bool(want)
    if operator == "another_program":
        return (value is not None and is_another_program(str(value)[:_LIKE_LIMIT])) is bool(want)
    if operator == "unlike":
        return value is None or not _found(want, str(value)[:_LIKE_LIMIT], trusted=trusted)
    if operator == "not":
        return value not in (want if isinstance(want, list) else [want])
    if value is None:
        return False
    if operator == "in":
        return value in want or str(value) in want
    if operator == "like":
        return _found(want, str(value)[:_LIKE_LIMIT], trusted=trusted)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    return bool(number >= want if operator == "min" else number <= want)


def matches(match: Match, level: str, lookup: Lookup) -> bool:
    """Whether an event of one of the match's kinds fulfils it."""
    if match.levels is not None and level not in match.levels:
        return False
    return all(holds(condition, lookup(condition[0]), trusted=match.is_ours) for condition in match.conditions)


class _Candidates:
    """The rules of one kind, filed under the value of the field that most of them ask for by equality."""

    def __init__(self, pairs: list[tuple[Rule, Match]]) -> None:
        asked = Counter(c[0] for _, match in pairs for c in match.conditions if c[1] == "in")
        self._field = min(asked, key=lambda name: (-asked[name], name)) if asked else None
        own: dict[str, list[int]] = {}  # value asked for: places among the pairs
        others = []  # places of those that do not ask
        for place, (_, match) in enumerate(pairs):
            wanted = {str(v) for c in match.conditions if c[0] == self._field and c[1] == "in" for v in c[2]}
            for value in wanted:
                own.setdefault(value, []).append(place)
            if not wanted:
                others.append(place)
        self._others = [pairs[place] for place in others]
        self._by_value = {value: [pairs[place] for place in sorted(others + places)] for value, places in own.items()}

    def of(self, lookup: Lookup) -> list[tuple[Rule, Match]]:
        """The rules an event can fire, as far as that one field tells."""
        if self._field is None:
            return self._others
        return self._by_value.get(str(lookup(self._field)), self._others)


class _Plan:
    """How the rules of a kind are chosen, and what was chosen for events that say the same."""

    __slots__ = ("beside", "chosen", "present", "said", "winners")

    def __init__(self, both: list[tuple[Rule, Match]]) -> None:
        # those of which one wins, and those that count beside (correlations)
        self.winners = _Candidates([pair for pair in both if pair[0].correlate is None])
        self.beside = _Candidates([pair for pair in both if pair[0].correlate is not None])
        asked = [condition for _, match in both for condition in match.conditions]
        said = {condition[0] for condition in asked if condition[1] != "present"}
        looks_back = any(condition[0].startswith("session.") for condition in asked)  # at what earlier lines said
        self.said = None if looks_back else sorted(said)
        self.present = sorted({condition[0] for condition in asked} - said)
        self.chosen: dict[tuple[Any, ...], list[Rule]] = {}

    def key(self, level: str, fields: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """What an event says of all that the rules ask; None where that is not worth remembering."""
        if self.said is None:
            return None
        values = [fields.get(name) for name in self.said]
        if sum([len(value) for value in values if isinstance(value, (str, list))]) > _REMEMBERED:
            return None
        return (level, *map(repr, values), *[fields.get(name) is not None for name in self.present])


class Matcher:
    """Finds the rules an event fires."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._plans: dict[str, _Plan] = {}

    def _plan(self, kind: str) -> _Plan:
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = _Plan(self._catalogue.of_kind(kind))
        return plan

    def is_quiet(self, kind: str, field: str, lines: str) -> bool:
        """Whether no rule can be fired by events of a kind that have this one field only, whose texts are these lines."""
        both = self._catalogue.of_kind(kind)
        return all(
            match.is_ours and any(c[0] == field and c[1] == "like" and rules_out(c, lines) for c in match.conditions)
            for _, match in both
        )

    def fire_alone(self, kind: str, level: str, fields: Mapping[str, Any]) -> list[Rule]:
        """The rules an event fires that says all by itself, without its connection's earlier lines."""
        return self.fire(kind, level, fields, dict)

    def fire(self, kind: str, level: str, fields: Mapping[str, Any], session: Callable[[], Mapping[str, Any]]) -> list[Rule]:
        """The rules an event fires: the best of those that match, and every correlation that counts it."""
        plan = self._plan(kind)
        key = plan.key(level, fields)
        if key is None:
            return self._choose(plan, level, fields, session)
        chosen = plan.chosen.get(key)
        if chosen is None:
            if len(plan.chosen) >= _CHOSEN:
                plan.chosen.clear()
            chosen = plan.chosen[key] = self._choose(plan, level, fields, session)
        return chosen

    def _choose(
        self, plan: _Plan, level: str, fields: Mapping[str, Any], session: Callable[[], Mapping[str, Any]]
    ) -> list[Rule]:  # fmt: skip
        def lookup(name: str) -> Any:
            if name.startswith("session."):
                return session().get(name[8:])
            return fields.get(name)

        fired = [(rule, match) for rule, match in plan.winners.of(lookup) if matches(match, level, lookup)]
        out = [self._best(fired)] if fired else []
        for rule, match in plan.beside.of(lookup):
            if rule not in out and matches(match, level, lookup):
                out.append(rule)
        return out

    def _best(self, fired: list[tuple[Rule, Match]]) -> Rule:
        if len(fired) == 1:
            return fired[0][0]
        general = frozenset().union(*(self._catalogue.ancestors(rule.id) for rule, _ in fired))
        rest = [pair for pair in fired if pair[0].id not in general] or fired
        best = max(
            rest,
            key=lambda p: (not p[0].last_resort, _specific(p[1]), SEVERITIES.index(p[0].severity), _reverse(p[0].id)),
        )
        return best[0]


def _specific(match: Match) -> int:
    asked = sum(condition[1] not in _OF_ANOTHER for condition in match.conditions)
    return 2 * asked + (match.levels is not None) - (len(match.kinds) > 3)


def _reverse(text: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in text)
