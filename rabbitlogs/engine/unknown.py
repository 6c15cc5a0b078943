"""Messages the grammar does not know, grouped into templates: what varies becomes ``<*>``, the words stay.

``started`` and ``stopped`` stay apart, since words are never merged; only numbers, names in quotes, processes,
references, paths and addresses are.
"""

from __future__ import annotations

import re
from typing import Any

from rabbitlogs.privacy import printable

LIMIT = 2000
_VARIABLE = re.compile(
    r"""'[^']*'|"[^"]*"|<<[^>]*>>|<[0-9.]+>|\#(?:Ref|Fun|Port)<[^>]*>|\S*[0-9@/\\]\S*|\{.*\}|\[.*\]""", re.DOTALL
)
_SAME = re.compile(r"<\*>(?:[\s,]+<\*>)+")


def template_of(message: str) -> str:
    """The template of a message."""
    return _SAME.sub("<*>", _VARIABLE.sub("<*>", message[:400]))[:300]


class Templates:
    """Unknown messages by level and template, with count and the first place. Bounded: the rest counts as one group."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str], list[Any]] = {}

    def add(self, level: str, message: str, source: str, line: int) -> None:
        key = level, template_of(message)
        group = self.groups.get(key)
        if group is None:
            if len(self.groups) >= LIMIT:
                key = level, "(more kinds of messages than are told apart)"
            group = self.groups.setdefault(key, [0, source, line])
        group[0] += 1

    def merge(self, later: Templates) -> None:
        for key, (count, source, line) in later.groups.items():
            if key not in self.groups and len(self.groups) >= LIMIT:
                key = key[0], "(more kinds of messages than are told apart)"
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
