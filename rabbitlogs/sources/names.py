"""What a file's name tells: which log it belongs to, and how old a rotated part of that log is.

RabbitMQ and logrotate agree on the direction: ``.0`` or ``.1`` is the part rotated last, higher numbers are older,
and the bare name is the part still written to. Dated parts sort by their date.
"""

from __future__ import annotations

import re
from functools import cache

_COMPRESSED = (".gz", ".xz", ".bz2", ".zst", ".zstd", ".lzma", ".z", ".tgz", ".txz", ".tbz2", ".tbz", ".tzst")

# A name without a date or number has this age: newer than every rotated part.
_CURRENT = (2, "", 0)

Age = tuple[int, str, int]


@cache
def _dated() -> re.Pattern[str]:
    # logrotate's dateext (-20240101, -20240101-1704067200), its custom forms (.2024-01-01, _2024-01-01T00-00-00),
    # and kubelet's (.20240101-120000); before or after the extension ".log".
    return re.compile(r"[-._](\d{4}-?\d\d-?\d\d(?:[-_T.]?\d{2,10}(?:[-:.]?\d\d){0,2}Z?)?)(?=$|\.(?:log|txt|out)$)")


def strip_compression(name: str) -> str:
    """The name without endings that only say how the bytes are packed."""
    lower = name.lower()
    for ending in _COMPRESSED:
        if lower.endswith(ending) and len(name) > len(ending):
            return strip_compression(name[: -len(ending)])
    return name


def split_rotation(name: str) -> tuple[str, Age]:
    """The name of the log that a file is a part of, and the part's age as a key that sorts oldest first."""
    name = strip_compression(name)
    found = _dated().search(name)
    if found:
        digits = re.sub(r"\D", "", found[1])
        # "log-2024-01-01" and "log-20240101" are one day; a number behind the date counts upward with time.
        return name[: found.start()] + name[found.end() :], (0, digits, 0)
    stem, dot, number = name.rpartition(".")
    if dot and stem and number.isascii() and number.isdigit() and len(number) <= 6:
        return stem, (1, "", -int(number))
    return name, _CURRENT


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key under which ``node2`` comes before ``node10``."""
    parts = re.split(r"([0-9]+)", name)
    return [(1, int(part[:18]), part) if part[:1].isdigit() and part.isascii() else (0, 0, part) for part in parts if part]
