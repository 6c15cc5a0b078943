"""The shape of a line: what is left of it without digits and quoted text. Lines of one shape are of one kind.

A broker repeats a few hundred shapes with other numbers and names. All lines of a block get their shapes at once with
three passes of the standard library in C; nothing is done line by line.
"""

from __future__ import annotations

from rabbitlogs.lazy import expression

_DIGITS = b"0123456789"
_QUOTED = expression(rb"'[^'\n]*'")


def shapes(block: bytes, lines: int) -> list[bytes]:
    """The shapes of a block's lines.

    Args:
        block: whole lines, joined by line feeds, without the last one.
        lines: how many lines it has. An odd quote in a line lets the fast way swallow a line end; then every line is
            looked at by itself.
    """
    bare = block.translate(None, _DIGITS)
    if b"'" in bare:
        found = b"'".join(bare.split(b"'")[::2]).split(b"\n")
        if len(found) == lines:
            return found
        return _QUOTED.sub(b"'", bare).split(b"\n")
    return bare.split(b"\n")
