"""The reference reader: lark's LALR parser over the same trees, one parser a grammar file.

It answers like the generated recogniser and is made from the same grammars, by another road: lark's contextual lexer
and parse tables instead of one regular expression a kind. Tests hold the two to the same answer. It is some fifty times
slower.

Each kind is a start symbol of its own, so kinds that begin alike never collide; in strict mode lark refuses terminals
that collide inside a kind.

A grammar's alternatives may begin alike (``"queue '" name "' is gone" | TEXT``), and lark's lexer commits to the first
terminal that matches. Where that leads nowhere the reader goes back and takes the next one: an alternative is one that
the message can be, not one that it can begin like.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rabbitlogs.parsing.fields import convert
from rabbitlogs.parsing.patterns import field_type, look_ahead, open_pattern

if TYPE_CHECKING:
    from lark import Lark

Seq = list[Any]


_WRITTEN_OUT = 2000  # plain sequences that one rule may become
# Priorities of terminals: what the recogniser tries first comes first for lark too. An optional part is there if it can be
# (the earlier one first), a literal is more specific than a regex, and of open alternatives the first written counts.
_OPTIONAL, _LITERAL, _CLOSED, _OPEN = 10_000, 0, -1, -2


class _Writer:
    """Writes the trees of a subsystem as one lark grammar, open terminals given their ends."""

    def __init__(self) -> None:
        self.rules: list[str] = []
        self.terminals: dict[tuple[str, int], str] = {}
        self.fields: dict[str, tuple[str, str]] = {}
        self._optionals = 0

    def kind(self, number: int, seq: Seq, name: str) -> str:
        start = f"k{number}"
        self.rules.append(f"{start}: {self._seq(seq, [], name)}")
        return start

    def _terminal(self, text: str, priority: int) -> str:
        return self.terminals.setdefault((text, priority), f"T{len(self.terminals)}")

    def _seq(self, seq: Seq, rest: Seq, kind: str, rank: int = _OPEN) -> str:
        """A sequence as lark writes it; ``rank`` is the priority of what it begins with, where that is open or optional."""
        out: list[str] = []
        written_out = _alternatives(seq)
        for index, element in enumerate(seq):
            head, after = element[0], [*seq[index + 1 :], *rest]
            rank = rank if index == 0 else _OPEN
            if head == "l":
                out.append(self._terminal(_string(element[1]), max(rank, _LITERAL)))
            elif head == "t":
                out.append(self._terminal(_regex(element[2]), max(rank, _CLOSED)))
            elif head == "v":
                body, maybe = element[2], element[2].endswith("*?")
                if maybe:  # lark knows no empty terminal: what may be empty is an optional, there unless what follows is
                    body = body[:-2] + "+?"
                text = open_pattern(body, after, kind)
                text = self._terminal(_regex(f"(?!{look_ahead(after)}){text}" if maybe else text), rank)
                out.append(f"({text})?" if maybe else text)
            elif head == "f":
                rule = f"f{len(self.fields)}"
                self.fields[rule] = (element[1], field_type(element[2]))
                self.rules.append(f"{rule}: {self._seq(element[2], after, kind, rank)}")
                out.append(rule)
            elif head == "a":
                ranked = enumerate(element[1])
                out.append("(" + " | ".join(self._seq(branch, after, kind, rank - i) for i, branch in ranked) + ")")
            elif head == "o":
                inside = self._seq(element[1], after, kind, _OPTIONAL - 100 * index)
                if written_out <= _WRITTEN_OUT:
                    out.append(f"({inside})?")
                    continue
                # lark writes `x?` out, and ten of them would be a thousand rules: a rule that may be empty instead
                rule = f"_o{self._optionals}"
                self._optionals += 1
                self.rules.append(f"{rule}: {inside} |")
                out.append(rule)
            else:
                out.append("(" + self._seq(element[1], [element, *after], kind) + ")*")
        return " ".join(out)

    def grammar(self) -> str:
        lines = list(self.rules)
        for (text, priority), name in self.terminals.items():
            lines.append(f"{name}.{priority}: {text}" if priority else f"{name}: {text}")
        return "\n".join(lines)


def _alternatives(seq: Seq) -> int:
    """How many plain sequences lark makes of one with optional parts and alternatives."""
    total = 1
    for element in seq:
        if element[0] == "o":
            total *= 1 + _alternatives(element[1])
        elif element[0] == "a":
            total *= sum(_alternatives(branch) for branch in element[1])
    return total


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _regex(pattern: str) -> str:
    return "/" + pattern.replace("/", "\\/") + "/s"


class ReferenceReader:
    """Parses messages of one grammar file with lark.

    Args:
        kinds: ``(name, tree)`` of each kind of the file.
        strict: let lark refuse terminals that collide and choices it would have to guess.
    """

    def __init__(self, kinds: list[tuple[str, Seq]], *, strict: bool = False) -> None:
        from lark import Lark

        writer = _Writer()
        self.starts = {name: writer.kind(number, seq, name) for number, (name, seq) in enumerate(kinds)}
        self._fields = writer.fields
        self.lark: Lark = Lark(
            writer.grammar(),
            parser="lalr",
            lexer="contextual",
            start=list(self.starts.values()),
            keep_all_tokens=True,
            strict=strict,
        )
        order = sorted(self.lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
        self._rank = {terminal.name: rank for rank, terminal in enumerate(order)}  # as lark's own lexer tries them
        self._terminals = {terminal.name: re.compile(terminal.pattern.to_regexp()) for terminal in order}

    def parse(self, name: str, message: str) -> dict[str, Any] | None:
        """The fields of a collapsed message as a kind, or None where it is not of that kind."""
        from lark.exceptions import UnexpectedInput

        try:
            tree = self.lark.parse(message, start=self.starts[name])
        except UnexpectedInput:
            tree = self._searched(self.starts[name], message)
        if tree is None:
            return None
        out: dict[str, Any] = {}
        self._collect(tree, message, out)
        return out

    def _searched(self, start: str, message: str) -> Any:
        """The tree of a message, tried with every terminal that matches in a place, or None where no way leads through.

        What can follow depends on the place and the parser's states alone, so no such pair is tried twice.
        """
        from lark import Token
        from lark.exceptions import UnexpectedToken

        ways: list[tuple[Any, list[Token]]] = [(self.lark.parse_interactive("", start=start), [])]
        tried: set[tuple[Any, ...]] = set()
        while ways:
            parser, tokens = ways.pop()
            place = tokens[-1].end_pos or 0 if tokens else 0
            here = (place, *parser.parser_state.state_stack)
            if here in tried:
                continue
            tried.add(here)
            if place == len(message):
                try:
                    parser.feed_eof()
                except UnexpectedToken:
                    continue
                return self._fed(start, tokens)
            names = sorted(parser.choices().keys() & self._terminals.keys(), key=self._rank.__getitem__, reverse=True)
            for name in names:
                found = self._terminals[name].match(message, place)
                if found is None:
                    continue
                token = Token(name, found.group(), start_pos=found.start(), end_pos=found.end())
                way = parser.copy(deepcopy_values=False)
                try:
                    way.feed_token(token)
                except UnexpectedToken:
                    continue
                ways.append((way, [*tokens, token]))
        return None

    def _fed(self, start: str, tokens: list[Any]) -> Any:
        """The tree of these tokens; that of a parser that went back and forth would have the marks of the other ways."""
        parser: Any = self.lark.parse_interactive("", start=start)
        for token in tokens:
            parser.feed_token(token)
        return parser.feed_eof()

    def _collect(self, tree: Any, message: str, out: dict[str, Any]) -> None:
        for child in tree.children:
            if not hasattr(child, "data"):
                continue
            name, type_ = self._fields[str(child.data)]
            if type_ in ("present", "text", "list"):
                tokens = list(child.scan_values(lambda token: True))
                text = message[tokens[0].start_pos : tokens[-1].end_pos] if tokens else ""
            else:
                variable = [t for t in child.children if not _is_literal(self.lark, t)]
                text = str(variable[0]) if variable else ""
            if name not in out:
                out[name] = convert(type_, text)
            self._collect(child, message, out)


def _is_literal(lark: Lark, token: Any) -> bool:
    return type(lark.get_terminal(token.type).pattern).__name__ == "PatternStr"
