"""Messages the grammar does not know, grouped into templates: what varies becomes ``<*>``, the words stay.

``started`` and ``stopped`` stay apart, since no word is ever replaced: only numbers, what has digits, names in quotes,
processes, references, paths, addresses and terms are, and of a term its first atom stays. A miner that learns what
varies (drain3) merges words that it meets in one place, and costs more than reading the log does.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

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
_ATOM = re.compile(r"[a-z][A-Za-z_@]*+(?=(,)|\Z)")
_SAME = re.compile(r"<\*>(?:[\s,:.]+<\*>)+")


_MAY_VARY = re.compile(r"""[0-9'"`<#{\[@/\\]|[^\x00-\x7f]""")  # without one of these there is nothing to replace


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
        self.groups: dict[tuple[str, str], list[Any]] = {}

    def add(self, level: str, message: str, source: str, line: int, number: int = 1) -> None:
        """Counts a message; ``number`` of them, where it is known that their template is the same."""
        key = level, template_of(message)
        group = self.groups.get(key)
        if group is None:
            if len(self.groups) >= LIMIT:
                key = level, _REST
            group = self.groups.setdefault(key, [0, source, line])
        group[0] += number
        if line < group[2] and source == group[1]:  # a block's records do not come in order
            group[2] = line

    def room(self) -> int:
        """How many more templates are told apart."""
        return max(0, LIMIT - len(self.groups))

    def add_all(self, level: str, messages: list[str], source: str, lines: list[int]) -> None:
        """Counts messages, each of which stands in a line of its own, in order."""
        groups = self.groups
        is_plain = _MAY_VARY.search("\n".join(messages)) is None
        for message, line in zip(messages, lines, strict=True):
            key = level, message[:300] if is_plain else template_of(message)
            group = groups.get(key)
            if group is not None:
                group[0] += 1
                if line < group[2] and source == group[1]:
                    group[2] = line
            elif len(groups) < LIMIT:
                groups[key] = [1, source, line]
            else:
                groups.setdefault((level, _REST), [0, source, line])[0] += 1

    def merge(self, later: Templates) -> None:
        for key, (count, source, line) in later.groups.items():
            if key not in self.groups and len(self.groups) >= LIMIT:
                key = key[0], _REST
            group = self.groups.setdefault(key, [0, source, line])
            group[0] += count

    def rows(self) -> list[dict[str, object]]:
        """The groups, errors first, then by count."""
        from rabbitlogs.framing.levels import rank

        rows = [
            {"template": printable(template), "level": level, "count": group[0], "source": group[1], "line": group[2]}
            for (level, template), group in self.groups.items()
        ]
        rows.sort(key=lambda row: (-rank(str(row["level"])), -int(row["count"]), str(row["template"])))
        return rows
