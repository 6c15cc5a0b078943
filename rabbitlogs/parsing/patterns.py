"""Regular expressions from a kind's tree: how an open terminal ends, and what a match yields.

Every terminal becomes an atomic group, so a generated expression reads a message the way a lexer does, from left to
right without giving back: no message, however hostile, makes it run away. An open terminal ends before the first place
where what follows it can match; that look-ahead is derived from the tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from rabbitlogs.errors import GrammarError

Element = list[Any]
Seq = Sequence[Element]

_SOME = 4  # literal characters after which a look-ahead need not branch any more: branches of branches multiply
_ENOUGH = 16  # literal characters that make a look-ahead certain; a longer one only costs


class Capture:
    """What one capturing group yields: a field's name and the terminal that types it."""

    __slots__ = ("name", "type")

    def __init__(self, name: str, type_: str) -> None:
        self.name, self.type = name, type_


def look_ahead(rest: Seq, *, brief: bool = False) -> str:
    """A regex for what can follow, as far as it takes to be sure; ``\\Z`` for the end of the message.

    ``brief`` stops at the first literal: a message that is cut must not fail for what was to come after the cut.
    """
    out: list[str] = []
    known = 0
    for index, element in enumerate(rest):
        head, after = element[0], rest[index + 1 :]
        if head == "l":
            text = element[1]
            out.append(re.escape(text[: _ENOUGH * 2]))
            known += len(text)
            if known >= _ENOUGH or brief:
                return "".join(out)
        elif head == "t":
            out.append(f"(?:{element[2]})" if "|" in element[2] else element[2])
            known += 2
        elif head == "v":
            return "".join(out)
        elif head == "f":
            return "".join(out) + look_ahead([*element[2], *after], brief=brief)
        else:
            if known >= _SOME:
                return "".join(out)
            branches = element[1] if head == "a" else [element[1], []]
            ahead = list(dict.fromkeys(look_ahead([*branch, *after], brief=brief) for branch in branches))
            if "" in ahead:
                return "".join(out)
            return "".join(out) + (ahead[0] if len(ahead) == 1 else "(?:" + "|".join(ahead) + ")")
    out.append(r"\Z")
    return "".join(out)


def open_pattern(body: str, rest: Seq, kind: str, *, brief: bool = False) -> str:
    """The regex of an open terminal in its place: its lazy body up to what follows."""
    ahead = look_ahead(rest, brief=brief)
    border = border_of(rest)
    if not ahead:
        raise GrammarError(f"{kind}: two open terminals touch; put a literal or a closed terminal between them")
    if ahead == r"\Z" and body in (".+?", ".*?"):
        return body[:-1]
    if ahead == r"\Z" and body.endswith("|.)+?"):
        return ".{1,}"  # what steps over quoted parts has none to step over: all is its own; some of it may be another line
    if border and body in (".+?", ".*?"):
        # the same place, found faster: run to the first character that what follows can begin with, look there first
        run = f"[^{border}\\n\\x01]{'++' if body == '.+?' else '*+'}"
        return f"(?:{run}|{body})(?={ahead})"
    return f"{body}(?={ahead})"


def border_of(rest: Seq) -> str:
    """The characters what follows can begin with, as the inside of a character class; empty where that is not sure."""
    found = _first_characters(rest)
    return "".join(map(re.escape, sorted(found))) if found else ""


def _first_characters(rest: Seq) -> set[str] | None:
    for index, element in enumerate(rest):
        head, after = element[0], rest[index + 1 :]
        if head == "l":
            return {element[1][0]}
        if head == "f":
            return _first_characters([*element[2], *after])
        if head not in "aor":
            return None
        found: set[str] = set()
        for branch in element[1] if head == "a" else [element[1], []]:
            these = _first_characters([*branch, *after])
            if these is None:
                return None
            found |= these
        return found
    return None


def field_type(seq: Seq) -> str:
    """How a field's text becomes a value: ``present``, ``text``, ``list`` or the name of its only terminal."""
    terminals: list[str] = []
    state = {"fields": False, "repeat": False}

    def walk(part: Seq) -> None:
        for element in part:
            head = element[0]
            if head in "tv":
                if not element[1].startswith("_"):
                    terminals.append(element[1])
            elif head == "f":
                state["fields"] = True
                walk(element[2])
            elif head == "a":
                for branch in element[1]:
                    walk(branch)
            elif head in "or":
                state["repeat"] |= head == "r"
                walk(element[1])

    walk(seq)
    if not terminals and not state["fields"]:
        return "present"
    if state["fields"]:
        return "text"
    if state["repeat"]:
        return "list"
    return terminals[0] if len(terminals) == 1 else "text"


NEVER = "(?!)"  # a regex that nothing matches


def compile_seq(
    seq: Seq, kind: str, *, prefix: bool = False, only: Collection[str] | None = None, absent: Collection[int] = ()
) -> tuple[str, list[Capture]]:
    """The regex of a kind and its captures, in the order of the groups.

    With ``only`` just the fields of these names are captured. With ``prefix`` the regex matches as much of the kind as a
    message gives, from its start. ``absent`` are the ids of parts (:func:`optional_parts`) that cannot be in the messages
    at hand: they are left out, which changes no answer (what follows an open terminal is still derived from the whole
    tree) and makes an expression of tens of thousands of characters a short one.
    """
    captures: list[Capture] = []

    def build(part: Seq, rest: Seq, inside: Capture | None) -> str | None:
        """The regex of a part; None, and nothing captured, where no message at hand can have it."""
        out: list[str] = []
        known = len(captures)
        for index, element in enumerate(part):
            text = one(element, [*part[index + 1 :], *rest], inside)
            if text is None:
                del captures[known:]
                return None
            out.append(text)
        return "".join(out)

    def one(element: Element, after: Seq, inside: Capture | None) -> str | None:
        head = element[0]
        if head == "l":
            return re.escape(str(element[1]))
        if head in "tv":
            body = element[2] if head == "t" else open_pattern(element[2], after, kind, brief=prefix)
            atom = f"(?>{body})"
            return f"({atom})" if inside is not None and not element[1].startswith("_") else atom
        if head == "f":
            return field(element, after)
        if head == "a":
            branches = [build(branch, after, inside) for branch in element[1] if id(branch) not in absent]
            found = [branch for branch in branches if branch is not None]
            return "(?:" + "|".join(found) + ")" if found else None
        again = head != "o"
        inner = build(element[1], [element, *after] if again else after, inside) if id(element[1]) not in absent else None
        return "" if inner is None else f"(?:{inner})*+" if again else f"(?:{inner})?"

    def field(element: Element, after: Seq) -> str | None:
        if only is not None and element[1] not in only:
            return build(element[2], after, None)
        capture = Capture(element[1], field_type(element[2]))
        captures.append(capture)
        single = capture.type not in ("present", "text", "list")
        body = build(element[2], after, capture if single else None)
        return body if single or body is None else f"({body})"

    whole: str | None = _prefix(seq, build, absent) if prefix else build(seq, [], None)
    if whole is None:
        return NEVER, []
    return (whole if prefix else whole + r"\Z"), captures


def _prefix(seq: Seq, build: Callable[[Seq, Seq, None], str | None], absent: Collection[int]) -> str | None:
    """Nested optionals, innermost last: ``e1(?:e2(?:e3)?)?``; alternatives at the end in whole, else begun.

    A message cannot be followed beyond a literal that it has not.
    """
    parts: list[str] = []
    for index, element in enumerate(seq):
        if index and id(element) in absent:
            break
        part = build([element], seq[index + 1 :], None)
        if element[0] == "a" and index == len(seq) - 1:
            begun = [_prefix(branch, build, absent) for branch in element[1] if branch and id(branch) not in absent]
            found = [text for text in (part, *begun) if text is not None]
            part = "(?:" + "|".join(found) + ")" if found else None
        if part is None:
            break
        parts.append(part)
    pattern = None
    for part in reversed(parts):
        pattern = f"{part}(?:{pattern})?" if pattern else part
    return pattern


def optional_parts(seq: Seq, *, prefix: bool = False) -> list[tuple[int, str]]:
    """The parts a message of a kind need not have, by id, each with the longest literal that tells that it is there.

    They are alternatives, options and repetitions. An id is that of the part in this very tree. With ``prefix`` a message
    may stop before any literal, and inside the alternatives at the end; what tells those is the literal they begin with.
    """
    out: list[tuple[int, str]] = []
    for index, element in enumerate(seq):
        head = element[0]
        if head == "l" and prefix and index:
            out.append((id(element), element[1]))
        elif head == "f":
            out.extend(optional_parts(element[2]))
        elif head in "aor":
            begun = prefix and head == "a" and index == len(seq) - 1
            for branch in element[1] if head == "a" else [element[1]]:
                told_by = literals(branch[:1] if begun else branch)
                if told_by:
                    out.append((id(branch), max(told_by, key=len)))
                out.extend(optional_parts(branch, prefix=begun))
    return out


def openings(seq: Seq) -> list[str] | None:
    """The literals a kind can begin with, or None where it begins with something else."""
    if not seq:
        return None
    head = seq[0][0]
    if head == "l":
        return [seq[0][1]]
    if head == "f":
        return openings([*seq[0][2], *seq[1:]])
    if head not in "ao":
        return None
    branches = seq[0][1] if head == "a" else [seq[0][1], []]
    found: list[str] = []
    for branch in branches:
        these = openings([*branch, *seq[1:]])
        if these is None:
            return None
        found.extend(these)
    return list(dict.fromkeys(found))


def weight(seq: Seq) -> int:
    """How many literal characters a message must have to be of this kind: the measure of how specific it is."""
    total = 0
    for element in seq:
        head = element[0]
        if head == "l":
            total += len(element[1])
        elif head == "f":
            total += weight(element[2])
        elif head == "a":
            total += min(map(weight, element[1]))
        elif head == "t":
            total += 1
    return total


def literals(seq: Seq) -> list[str]:
    """The literals every message of this kind contains."""
    out: list[str] = []
    for element in seq:
        if element[0] == "l":
            out.append(element[1])
        elif element[0] == "f":
            out.extend(literals(element[2]))
    return out


def compile_rows(seq: Seq, kind: str, names: Collection[str], absent: Collection[int] = ()) -> tuple[bytes, list[Capture]]:
    """A regex that finds every message of a kind in many lines at once, capturing only some fields.

    Of the message only; what stands before it is the caller's. A line is ``header> message``; the lines of one message
    are joined by ``\\x01``, each with its header. It says exactly what :func:`compile_seq` says of the same message, if
    the message has no blanks to collapse; who counts fewer matches than lines has one of those.
    """
    pattern, captures = compile_seq(seq, kind, only=names, absent=absent)
    pattern = pattern.replace(r"\Z", "$").replace(",? ", r"(?:\x01[^>\n]++> |,? )")
    # open text ends with its line: what runs over into the next line is read one by one
    pattern = (
        pattern.replace("(?>.+", r"(?>[^\n\x01]+")
        .replace("(?>.*", r"(?>[^\n\x01]*")
        .replace("|.+?)", r"|[^\n\x01]+?)")
        .replace("|.*?)", r"|[^\n\x01]*?)")
    )
    return pattern.encode(), captures
