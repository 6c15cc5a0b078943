"""Erlang terms as values: what RabbitMQ prints of a reason, a state or a queue's name becomes nested Python objects.

===================================  ==================================================================
``{a,b}``                            tuple
``[a,b]``                            list; of ``[a|b]`` the tail is the last element
``#{k => v}``, ``#rec{k = v}``       dict (a record's name is under ``""``; a key of several parts is their text)
``ok``, ``'my atom'``                :class:`Atom`; ``true`` and ``false`` are bool
``"text"``                           str
``<<"text">>``, ``<<104,105>>``      :class:`Binary`: its text; bytes that are no UTF-8 are read as Latin-1
``<0.1.0>``                          :class:`Pid`
``#Ref<...>``                        :class:`Reference`
``#Port<...>``                       :class:`Port`
``#Fun<m.0.1>``, ``fun m:f/1``       :class:`Fun`
``17``, ``1.5e3``                    int, float
===================================  ==================================================================

Atoms, binaries, processes, references, ports and funs are strings with a name for their type, so that a value compares
with plain text and can be written as JSON. A term that stops in its middle, or that Erlang itself shortened (``...``),
keeps what is there, with :data:`CUT` where something is missing. Reading takes time in proportion to the text and
nesting is bounded, so no text, however hostile, is expensive; nothing raises.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, NamedTuple

from rabbitlogs.lazy import expression

DEPTH = 100  # brackets inside each other that are read; what is deeper is missing, as if cut


class Atom(str):
    """An Erlang atom, without its quotes."""

    __slots__ = ()


class Binary(str):
    """An Erlang binary, as text."""

    __slots__ = ()


class Pid(str):
    """An Erlang process, ``<0.1.0>``."""

    __slots__ = ()


class Reference(str):
    """An Erlang reference, ``#Ref<0.1.2.3>``."""

    __slots__ = ()


class Port(str):
    """An Erlang port, ``#Port<0.5>``."""

    __slots__ = ()


class Fun(str):
    """An Erlang function value, ``#Fun<module.0.1>`` or ``fun module:name/1``."""

    __slots__ = ()


CUT = Atom("...")  # stands where a term was shortened


class _Bytes(str):
    """The characters of a binary's string, each a byte."""

    __slots__ = ()


class Term(NamedTuple):
    """A term that was read: its value, where its text ends, and whether something of it is missing."""

    value: Any
    end: int
    cut: bool


_TOKEN = expression(
    r"""\s*+(?:
      (?P<open>\{|\[|\#\{|\#(?:[a-z][A-Za-z0-9_@]*+|'(?:[^'\\]++|\\.)*+')\{|<<)
    | (?P<close>\}|\]|>>)
    | (?P<comma>,|\||=>|:=|=)
    | (?P<cut>\.\.\.)
    | (?P<string>"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))
    | (?P<quoted>'(?:[^'\\]++|\\.)*+(?:'|\\?\Z))
    | (?P<pid><[0-9]++\.[0-9]++\.[0-9]++>)
    | (?P<ref>\#Ref<[0-9.]++>) | (?P<port>\#Port<[0-9.]++>)
    | (?P<fun>\#Fun<[^<>]*+>|fun\ [^\s,{}\[\]/]++/[0-9]++)
    | (?P<number>-?[0-9]++(?:\.[0-9]++(?:[eE][+-]?[0-9]++)?+)?+(?![0-9A-Za-z_.]))
    | (?P<atom>[a-z][A-Za-z0-9_@]*+(?![A-Za-z0-9_@.:-]))
    )""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPED = expression(r"\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|([0-7]{1,3})|\^(.)|(.))", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "d": "\x7f", "0": "\0"}
_SIZE = expression(r"\s*+(?:/[a-z0-9-]++|:[0-9]++)")
_CLOSES = {"{": "}", "[": "]", "<<": ">>"}
BRACKETS = ("{", "[", "<<", "#{")  # what tuples, lists, binaries and maps begin with
_SIMPLE = {"pid": Pid, "ref": Reference, "port": Port, "fun": Fun}


def parse_term(text: str) -> Any:
    """The value of a text that is one Erlang term; the text itself where it is not.

    >>> parse_term('{error,{no_exists,[rabbit_queue,{resource,<<"/">>,queue,<<"orders">>}]}}')
    ('error', ('no_exists', ['rabbit_queue', ('resource', '/', 'queue', 'orders')]))
    """
    term = read_term(text)
    return text if term is None or text[term.end :].strip() else term.value


def parse_brackets(text: str) -> Any | None:
    """The value of a text that is a tuple, a list, a map or a binary; None where it is something else."""
    if not text.startswith(BRACKETS):
        return None
    term = read_term(text)
    return None if term is None or text[term.end :].strip() else term.value


def read_term(text: str, start: int = 0) -> Term | None:
    """The term that a text begins with at a place, and where it ends; None where none begins."""
    return _Reader(text, start).read()


class _Reader:
    """Reads one term with a stack of open brackets instead of recursion."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._place = start
        self._cut = False
        self._separated = True  # whether a value may stand here: values have a comma between them
        self._stack: list[tuple[str, list[Any]]] = []

    def read(self) -> Term | None:
        text, stack = self._text, self._stack
        while True:
            match = _TOKEN.match(text, self._place)
            if match is None:
                return self._stopped()
            sort = match.lastgroup
            if sort == "comma":
                if not stack:
                    return None
                self._place = match.end()
                self._separated = True
                continue
            if sort not in ("close", "cut") and not self._separated:
                return self._stopped()
            if sort == "open":
                self._place = match.end()
                if len(stack) >= DEPTH:
                    return self._stopped()
                stack.append((match["open"], []))
                continue
            if sort == "close":
                if not stack or match["close"] != _CLOSES.get(stack[-1][0], "}"):
                    return self._stopped()
                self._place = match.end()
                value = _built(*stack.pop())
            else:
                value = self._atomic(match)
            if not stack:
                return Term(value, self._place, self._cut)
            stack[-1][1].append(value)
            self._separated = False

    def _atomic(self, match: re.Match[str]) -> Any:
        sort, raw = match.lastgroup or "", match[0].strip()
        self._place = match.end()
        if sort == "string":
            return self._string(raw)
        if sort == "quoted":
            self._cut |= len(raw) < 2 or not raw.endswith("'")
            return Atom(_unescaped(raw[1:-1] if not self._cut else raw[1:]))
        if sort == "number":
            size = _SIZE.match(self._text, self._place) if self._stack and self._stack[-1][0] == "<<" else None
            if size is not None:
                self._place = size.end()
            if raw.lstrip("-").isdigit():
                return int(raw[:4000])
            value = float(raw)
            return value if isfinite(value) else raw
        if sort == "cut":
            self._cut = True
            return CUT
        if sort == "atom":
            return {"true": True, "false": False}.get(raw, Atom(raw))
        return _SIMPLE[sort](raw)

    def _string(self, raw: str) -> str:
        """A string, and those that follow it at once: Erlang breaks a long one into several."""
        parts = []
        while True:
            whole = len(raw) > 1 and raw.endswith('"')
            parts.append(_unescaped(raw[1:-1] if whole else raw[1:]))
            self._cut |= not whole
            following = _TOKEN.match(self._text, self._place)
            if following is None or following.lastgroup != "string":
                break
            raw = following[0].strip()
            self._place = following.end()
        text = "".join(parts)
        if not self._stack or self._stack[-1][0] != "<<":
            return text
        encoding = _SIZE.match(self._text, self._place)
        self._place = encoding.end() if encoding else self._place
        # in a binary without /utf8 a character is a byte
        return text if encoding or any(character > "\xff" for character in text) else _Bytes(text)

    def _stopped(self) -> Term | None:
        """What was read of a term that goes no further: every open bracket closed, with a mark."""
        stack = self._stack
        at_end = not self._text[self._place :].strip()
        if not stack or not (at_end or len(stack) >= DEPTH or self._cut):
            return None
        opening, items = stack.pop()
        value = _built(opening, items if items[-1:] == [CUT] else [*items, CUT])
        while stack:
            opening, items = stack.pop()
            value = _built(opening, [*items, value])
        return Term(value, len(self._text), True)


def _built(opening: str, items: list[Any]) -> Any:
    if opening == "{":
        return tuple(items)
    if opening == "[":
        return items
    if opening == "<<":
        return _binary(items)
    named: dict[Any, Any] = {} if opening == "#{" else {"": Atom(opening[1:-1].strip("'"))}
    for index in range(0, len(items), 2):
        value = items[index + 1] if index + 1 < len(items) else CUT
        named[_key(items[index])] = value
    return named


def _key(key: Any) -> Any:
    return key if isinstance(key, str | int | float) else repr(key)


def _binary(items: list[Any]) -> Binary:
    parts = bytearray()
    for item in items:
        if isinstance(item, int):
            parts.append(item & 255)
        else:
            parts += str(item).encode("latin-1" if isinstance(item, _Bytes) else "utf-8", "surrogatepass")
    try:
        return Binary(parts.decode())
    except UnicodeDecodeError:
        return Binary(parts.decode("latin-1"))


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text

    def character(match: re.Match[str]) -> str:
        braced, plain, octal, control, named = match.groups()
        if braced or plain:
            code = int(braced or plain, 16)
            return chr(code) if code < 0x110000 else "\ufffd"
        if octal:
            return chr(int(octal, 8))
        if control:
            return chr(ord(control) & 31)
        return _NAMED.get(named, named)

    return _ESCAPED.sub(character, text)
