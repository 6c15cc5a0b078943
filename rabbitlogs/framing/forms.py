"""The form of a shape: its words, without the names in it.

A name in quotes is no part of a shape (:mod:`rabbitlogs.framing.shapes`), but many stand without: the names that clients
give their connections, MQTT's client identifiers, shovels. Where every line brings another one, every line has a shape of
its own. Names are words that no message of the grammars has; what is left without them is the form.
"""

from __future__ import annotations

from functools import lru_cache

from rabbitlogs.framing.levels import spellings
from rabbitlogs.lazy import expression
from rabbitlogs.parsing.recogniser import recogniser

_WORD = expression(rb"([A-Za-z]+)")
_LIMIT = 32768  # words that are remembered
# What stands for a name, so that an expression which takes one takes all: words themselves, which no message has.
_HEX, _SMALL, _CAPITALS, _MIXED = b"zqh", b"zqs", b"zqc", b"zqm"


class _Words(dict[bytes, bytes]):
    """What stands for a word in a form."""

    def __missing__(self, word: bytes) -> bytes:
        if word.islower():
            name = _HEX if not word.translate(None, b"abcdef") else _SMALL
        else:
            name = _CAPITALS if word.isupper() else _MIXED
        if len(self) < _LIMIT:
            self[word] = name
        return name


@lru_cache(maxsize=1)
def _words() -> _Words:
    """The words of the grammars, each as it is."""
    known = {word.encode() for word in [*recogniser().vocabulary(), *spellings()]}
    return _Words(zip(known, known, strict=True))


def forms(shapes: list[bytes]) -> list[bytes]:
    """The forms of shapes."""
    words = _words()
    parts = _WORD.split(b"\n".join(shapes))
    parts[1::2] = map(words.__getitem__, parts[1::2])
    return b"".join(parts).split(b"\n")


def is_worded(text: bytes) -> bool:
    """Whether a text has no name in it."""
    words = _words()
    return all(words[word] == word for word in _WORD.findall(text))
