"""Lines of no kind, told many at once: a log whose every line is different must not cost much more than one that repeats.

Where the shapes of many lines of a block are new, those that are written plainly under a usual header, and that nothing
in the grammars begins like or has a word of, are unknown for sure: the recogniser need not look at each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbitlogs.parsing.recogniser import Recogniser

MANY = 64  # new shapes in a block
# A line that is read as it stands (rabbitlogs.framing.framer.clean), whose header is that of 3.7 to 4.x; or any other.
_PLAIN = re.compile(
    r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.(?:[0-9]{6}([+-][0-9]{2}:[0-9]{2})|[0-9]{3})"
    r" \[([a-z]+)\] <[0-9]+\.[0-9]+\.[0-9]+> ([!-%'-_a-z|}~][ -%'-_a-z|}~]{0,20000})|.*)$",
    re.MULTILINE,
)


class Stranger(NamedTuple):
    """A line of no kind: whether its time has a zone, its level as written, its message."""

    is_zoned: bool
    level: str
    message: str


def strangers(lines: Sequence[bytes], reader: Recogniser, *, are_unknown: bool = False) -> list[Stranger | None]:
    """Which of these lines are of no kind for sure; None for those that have to be looked at.

    Args:
        are_unknown: it is known that they are of no kind; only their headers are looked at.
    """
    try:
        rows = _PLAIN.findall(b"\n".join(lines).decode("ascii"))
    except UnicodeDecodeError:
        return [None] * len(lines)
    plain = [at for at, row in enumerate(rows) if row[2] and row[2][-1] != " " and "  " not in row[2]]
    unknown = [True] * len(plain) if are_unknown else reader.none_near([rows[at][2] for at in plain])
    out: list[Stranger | None] = [None] * len(lines)
    for at, is_unknown in zip(plain, unknown, strict=True):
        if is_unknown:
            zone, level, message = rows[at]
            out[at] = Stranger(zone != "", level, message)
    return out
