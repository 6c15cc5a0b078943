"""Messages the grammar does not know, grouped into templates: what varies becomes ``<*>``, the words stay.

``started`` and ``stopped`` stay apart, since no word is ever replaced: only numbers, what has digits, names in quotes,
processes, references, paths, addresses and terms are, and of a term its first atom stays. A miner that learns what
varies (drain3) merges words that it meets in one place, and costs more than reading the log does.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from rabbitlogs.lazy import expression
from rabbitlogs.privacy import printable

LIMIT = 2000
_REST = "(more kinds of messages than are told apart)"


def _nested(depth: int) -> str:
    """What may stand between brackets, brackets inside each other to a depth."""
    inner = r"[^{}\[\]]*+" if depth == 0 else _nested(depth - 1)
    return rf"(?:[^{{}}\[\]]++|[{{\[]{inner}[}}\]])*+"


@cache
def _variable() -> re.Pattern[str]:
    """What varies in a message; compiled when a log has a message nobody knows."""
    return re.compile(_VARIABLE, re.VERBOSE)


_VARIABLE = (
    r"""(?<!\w)'[^']*+'(?!\w)|"[^"]*+"|`[^`]*+`|<<[^>]*+>>|<[0-9.]++>|\#(?:Ref|Fun|Port)<[^>]*+>
    |(?P<bracketed>\#?[{\[](?P<inside>"""
    + _nested(6)
    + r""")[}\]])
    |(?<![\w.%+~$-])[\w.%+~$-]*+[@/\\][^\s()=,;"'`{}\[\]]*+
    |(?<![\w.-])(?:[\w-]++\.)++[\w-]++:[0-9]++(?!\w)
    |(?<!\w)[^\W\d]*+[0-9][\w.%+-]*+"""
)
_ATOM = expression(r"[a-z][A-Za-z_@]*+(?=(,)|\Z)")
_SAME = expression(r"<\*>(?:[\s,:.]+<\*>)+")


_VARYING = "0123456789'\"`<#{[@/\\"  # without one of these, and in ASCII, there is nothing to replace
_MAY_VARY = expression(rf"[{re.escape(_VARYING)}]|[^\x00-\x7f]")


def template_of(message: str) -> str:
    """The template of a message."""
    if _MAY_VARY.search(message, 0, 400) is None:
        return message[:300]
    return _SAME.sub("<*>", _variable().sub(_replacement, message[:400]))[:300]


def _replacement(match: re.Match[str]) -> str:
    if match["bracketed"] is None:
        return "<*>"
    atom = _ATOM.match(match["inside"])
    if atom is None or match["bracketed"][0] == "#":
        return "<*>"
    opening, closing = match["bracketed"][0], match["bracketed"][-1]
    return f"{opening}{atom[0]},<*>{closing}" if atom[1] else match["bracketed"]


class Templates:
    """Unknown messages by level and template, with count and the first place. Bounded: the rest counts as one group."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, list[Any]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def _of(self, level: str) -> dict[str, list[Any]]:
        groups = self._groups.get(level)
        if groups is None:
            groups = self._groups[level] = {}
        return groups

    def add(self, level: str, message: str, source: str, line: int, number: int = 1) -> None:
        """Counts a message; ``number`` of them, where it is known that their template is the same."""
        groups, template = self._of(level), template_of(message)
        group = groups.get(template)
        if group is None:
            group = groups.setdefault(template if self.room() else _REST, [0, source, line])
        group[0] += number
        if line < group[2] and source == group[1]:  # a block's records do not come in order
            group[2] = line

    def room(self) -> int:
        """How many more templates are told apart."""
        return max(0, LIMIT - len(self))

    def add_all(self, level: str, messages: list[str], source: str, lines: list[int]) -> None:
        """Counts messages, each of which stands in a line of its own, in order."""
        groups, room = self._of(level), self.room()
        together = "\n".join(messages)
        is_plain = together.isascii() and len(together.encode().translate(None, _VARYING.encode())) == len(together)
        templates = [message[:300] for message in messages] if is_plain else [template_of(message) for message in messages]
        if not room and groups.keys().isdisjoint(templates):
            groups.setdefault(_REST, [0, source, lines[0]])[0] += len(messages)
            return
        for template, line in zip(templates, lines, strict=True):
            group = groups.get(template)
            if group is not None:
                group[0] += 1
                if line < group[2] and source == group[1]:
                    group[2] = line
            elif room:
                room -= 1
                groups[template] = [1, source, line]
            else:
                groups.setdefault(_REST, [0, source, line])[0] += 1

    def merge(self, later: Templates) -> None:
        for level, theirs in later._groups.items():
            groups, room = self._of(level), self.room()
            for template, (count, source, line) in theirs.items():
                group = groups.get(template)
                if group is None:
                    group = groups.setdefault(template if room else _REST, [0, source, line])
                    room = max(0, room - 1)
                group[0] += count

    def shift(self, lines: int) -> None:
        """Moves the places of a later part behind the earlier one."""
        for groups in self._groups.values():
            for group in groups.values():
                group[2] += lines

    def rows(self) -> list[dict[str, object]]:
        """The groups, errors first, then by count."""
        from rabbitlogs.framing.levels import rank

        rows = [
            {"template": printable(template), "level": level, "count": group[0], "source": group[1], "line": group[2]}
            for level, groups in self._groups.items()
            for template, group in groups.items()
        ]
        rows.sort(key=lambda row: (-rank(str(row["level"])), -int(row["count"]), str(row["template"])))
        return rows
