"""The lark grammars as trees of elements: one tree for each message kind.

``grammars/*.lark`` are the one source of truth for RabbitMQ's wording. lark loads them; this module walks what lark
loaded, puts every rule in place and gives a small tree per kind, from which both readers are made: the generated
recogniser (:mod:`rabbitlogs.parsing.recogniser`) and the LALR parser (:mod:`rabbitlogs.parsing.reference`).

Conventions that make a grammar a schema (``grammars/README.md``):

* a rule that no other rule uses is a kind, ``<file>.<rule>``;
* a named rule inside it is a field; one without a terminal is a flag (present or not);
* a ``_rule`` is structure without a name;
* a terminal whose regex is lazy (``+?`` at its end) is open: it runs up to what follows it.

An element is a list, so that a tree is plain JSON:

=====================  ==================================================
``["l", text]``        literal text
``["t", name, regex]`` a closed terminal
``["v", name, regex]`` an open terminal (the regex is its lazy body)
``["f", name, seq]``   a field
``["a", [seq, ...]]``  alternatives
``["o", seq]``         optional
``["r", seq]``         any number of times
=====================  ==================================================
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rabbitlogs.errors import GrammarError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Element = list[Any]
Seq = list[Element]

_RULE = re.compile(r"^([a-z][a-z0-9_]*)\s*:", re.MULTILINE)  # rules written in the file itself, not imported ones
_NOT_SUBSYSTEMS = {"terminals", "common", "header", "erlang"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One message kind of a grammar: its name and the tree of what RabbitMQ writes for it."""

    name: str
    seq: Seq
    path: str


def subsystem_files(folder: Path) -> list[Path]:
    """The message grammars of a folder, sorted by name: every ``*.lark`` but the shared vocabularies."""
    return sorted(p for p in folder.glob("*.lark") if p.stem not in _NOT_SUBSYSTEMS)


def load_kinds(path: Path) -> list[Kind]:
    """The kinds of one grammar file, in the order they are written.

    Raises :class:`~rabbitlogs.errors.GrammarError` with file and reason when lark cannot load it.
    """
    from lark.exceptions import LarkError
    from lark.load_grammar import GrammarBuilder

    builder = GrammarBuilder(import_paths=[str(path.parent)])
    try:
        builder.load_grammar(path.read_text(encoding="utf-8"), str(path))
        grammar = builder.build()
    except LarkError as error:
        raise GrammarError(f"{path}: {error}") from error
    rules = {str(name): (params, tree) for name, params, tree, _ in grammar.rule_defs}
    terms = {str(name): tree for name, (tree, _) in grammar.term_defs}
    walker = _Walker(rules, terms, path)
    used = {name for _, tree in rules.values() for name in walker.rules_in(tree)}
    kinds = []
    for name in _RULE.findall(path.read_text(encoding="utf-8")):
        if name in used or name not in rules:
            continue
        kinds.append(Kind(f"{path.stem}.{name}", walker.inline(name), path.name))
    return kinds


def load_terminals(path: Path) -> dict[str, str]:
    """The regexes of a file of terminals, by name."""
    from lark.load_grammar import GrammarBuilder

    builder = GrammarBuilder(import_paths=[str(path.parent)])
    builder.load_grammar(path.read_text(encoding="utf-8"), str(path))
    terms = {str(name): tree for name, (tree, _) in builder.build().term_defs}
    walker = _Walker({}, terms, path)
    return {name: walker.terminal(name)[2] for name in terms}


class _Walker:
    """Turns lark's rule trees into element trees, every rule put in place."""

    def __init__(self, rules: dict[str, tuple[Any, Any]], terms: dict[str, Any], path: Path) -> None:
        self._rules = rules
        self._terms = terms
        self._path = path
        self._stack: list[str] = []

    def rules_in(self, tree: Any) -> Iterator[str]:
        """Names of the rules a rule's tree uses."""
        for node in tree.iter_subtrees():
            for child in node.children:
                if type(child).__name__ == "NonTerminal":
                    yield str(child.name)

    def inline(self, name: str, arguments: tuple[Seq, ...] = ()) -> Seq:
        if name in self._stack:
            raise GrammarError(f"{self._path}: rule {name} uses itself; a message is not recursive")
        params, tree = self._rules[name]
        self._stack.append(name)
        try:
            return merge_literals(self._seq(tree, dict(zip(map(str, params), arguments, strict=True))))
        finally:
            self._stack.pop()

    def _seq(self, tree: Any, scope: dict[str, Seq]) -> Seq:
        kind = tree.data
        if kind == "expansions":
            branches = [self._seq(child, scope) for child in tree.children]
            return branches[0] if len(branches) == 1 else [["a", branches]]
        if kind == "expansion":
            return [element for child in tree.children for element in self._seq(child, scope)]
        if kind == "alias":
            return self._seq(tree.children[0], scope)
        if kind == "maybe":
            return [["o", self._seq(tree.children[0], scope)]]
        if kind == "expr":
            return self._repeat(tree, scope)
        if kind == "value":
            return self._value(tree.children[0], scope)
        raise GrammarError(f"{self._path}: {self._stack[-1]}: cannot use {kind!r} here")

    def _repeat(self, tree: Any, scope: dict[str, Seq]) -> Seq:
        seq, op = self._seq(tree.children[0], scope), str(tree.children[1])
        if len(tree.children) != 2:
            raise GrammarError(f"{self._path}: {self._stack[-1]}: write ranges out (a? a? a?)")
        if op == "?":
            return [["o", seq]]
        return [["r", seq]] if op == "*" else [*seq, ["r", seq]]

    def _value(self, value: Any, scope: dict[str, Seq]) -> Seq:
        what = type(value).__name__
        if what == "NonTerminal":
            return self._use(str(value.name), (), scope)
        if what == "Terminal":
            return [self.terminal(str(value.name))]
        if value.data == "template_usage":
            arguments = tuple(self._seq(child, scope) for child in value.children[1:])
            return self._use(str(value.children[0].name), arguments, scope)
        if value.data == "literal":
            return [self._literal(value.children[0], self._stack[-1])]
        raise GrammarError(f"{self._path}: {self._stack[-1]}: cannot use {value.data!r} here")

    def _use(self, name: str, arguments: tuple[Seq, ...], scope: dict[str, Seq]) -> Seq:
        if name in scope:
            return scope[name]
        seq = self.inline(name, arguments)
        return seq if name.startswith("_") else [["f", name.rsplit("__", 1)[-1], seq]]

    def terminal(self, name: str) -> Element:
        tree = self._terms[name]
        literals = list(tree.find_data("literal"))
        if len(literals) != 1:
            raise GrammarError(f"{self._path}: terminal {name}: write it as one string or one regex")
        element = self._literal(literals[0].children[0], name)
        return element if element[0] == "l" else [element[0], name.rsplit("__", 1)[-1], element[2]]

    def _literal(self, token: Any, name: str) -> Element:
        text = str(token)
        if text.startswith('"'):
            if not text.endswith('"'):
                raise GrammarError(f"{self._path}: {name}: literals take no flags")
            return ["l", ast.literal_eval(text)]
        body = text[1 : text.rindex("/")].replace("\\/", "/")
        return ["v" if body.endswith(("+?", "*?")) else "t", name, body]


def merge_literals(seq: Seq) -> Seq:
    """The same sequence with neighbouring literals joined, at every depth."""
    out: Seq = []
    for element in seq:
        head = element[0]
        if head == "l":
            if out and out[-1][0] == "l":
                out[-1] = ["l", out[-1][1] + element[1]]
            else:
                out.append(element)
        elif head == "f":
            out.append(["f", element[1], merge_literals(element[2])])
        elif head == "a":
            out.append(["a", [merge_literals(branch) for branch in element[1]]])
        elif head in "or":
            out.append([head, merge_literals(element[1])])
        else:
            out.append(element)
    return out
