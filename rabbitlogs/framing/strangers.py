"""Lines of no kind, told many at once: a log whose every line is different must not cost much more than one that repeats.

Where the shapes of many lines of a block are new, those that are written plainly under a usual header, and that nothing
in the grammars begins like or has a word of, are unknown for sure: the recogniser need not look at each.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING

from rabbitlogs.lazy import expression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbitlogs.parsing.recogniser import Recogniser

MANY = 64  # new shapes in a block
Heading = tuple[bool, str]  # of a header: whether its time has a zone, its level as written
Stranger = tuple[int, Heading, str]  # a line of no kind: which of the lines it is, what its header says, its message

# A line that is read as it stands (rabbitlogs.framing.framer.clean), whose header is that of 3.7 to 4.x.
_AS_IT_STANDS = bytes({*range(0x20, 0x7F)} - {*b"&`{"})
_LONGEST = 20000
_HEADER = expression(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.(?:[0-9]{6}([+-][0-9]{2}:[0-9]{2})|[0-9]{3})"
    rb" \[([a-z]+)\] <[0-9]+\.[0-9]+\.[0-9]+> "
)
_SHORTEST, _WIDEST = 24, 128  # bytes of a header: none longer is remembered
_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")


def strangers(lines: Sequence[bytes], reader: Recogniser, *, are_unknown: bool = False) -> list[Stranger]:
    """Which of these lines are of no kind for sure, in order, and what they say; the others have to be looked at.

    Args:
        are_unknown: it is known that they are of no kind; only their headers are looked at.
    """
    joined = b"\n".join(lines)
    if not joined.isascii():
        return []
    # with other digits the headers are few: what they say is found once for each
    heads = [line[: line.find(b"> ", _SHORTEST, _WIDEST) + 2] for line in joined.translate(_AS_ZERO).split(b"\n")]
    headings = list(map(_heading, heads))
    messages = [text[len(head) :] for head, text in zip(heads, joined.decode("ascii").split("\n"), strict=True)]
    plain = [heading is not None for heading in headings]
    if not _are_plain(list(compress(messages, plain))):
        plain = [is_usual and _are_plain([message]) for is_usual, message in zip(plain, messages, strict=True)]
    places = list(compress(range(len(lines)), plain))
    if not are_unknown:
        places = list(compress(places, reader.none_near([messages[at] for at in places])))
    return [(at, heading, messages[at]) for at in places if (heading := headings[at]) is not None]


@lru_cache(maxsize=4096)
def _heading(head: bytes) -> Heading | None:
    """What a header says; None where it is not a usual one."""
    match = _HEADER.fullmatch(head)
    return (match[1] is not None, match[2].decode("ascii")) if match is not None else None


def _are_plain(messages: list[str]) -> bool:
    """Whether messages are read as they stand: none is empty, very long, or has a blank too many."""
    joined = " \n ".join(messages)
    is_odd = "  " in f" {joined} " or joined.encode("ascii").translate(None, _AS_IT_STANDS + b"\n")
    return not is_odd and max(map(len, messages), default=0) <= _LONGEST
