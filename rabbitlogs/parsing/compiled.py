"""The compiled grammars: built once from ``grammars/*.lark``, then loaded in milliseconds.

A wheel carries the table. In a checkout it is built at first use and kept in the user's cache directory under the
digest of the grammars; where that cannot be written it is built in memory each time, which costs seconds, not answers.
The table is JSON: nothing that is read back can run.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from typing import Any

from rabbitlogs.lazy import expression
from rabbitlogs.resources import grammar_folder

FORMAT = 8  # of the table; a new one is a new file
_KEY = 5
_DROPPED = expression(r"[0-9]|'[^']*'")
_ESCAPE = expression(r"\\+.")  # in a tree's text, of JSON and of expressions
_WORD = expression(r"[A-Za-z]+")
_INNER_WORD = expression(r"(?<![A-Za-z_])[A-Za-z_]{3,}(?![A-Za-z_])")


def build_table(folder: str) -> dict[str, Any]:
    """Compiles every grammar of a folder. Imports lark; takes seconds."""
    from pathlib import Path

    from rabbitlogs.parsing.grammar import load_terminals, subsystem_files

    headers = load_terminals(Path(folder) / "header.lark")
    return join_rows(headers, [row for path in subsystem_files(Path(folder)) for row in compile_file(path)])


def compile_file(path: Any) -> list[list[Any]]:
    """The rows of one grammar file: name, head and tree as text, opening literals, and literals that file it if it has none.

    A kind's head is what tells most messages from it without its tree, which is large.
    """
    from rabbitlogs.errors import GrammarError
    from rabbitlogs.parsing.grammar import load_kinds
    from rabbitlogs.parsing.patterns import compile_seq, literals, openings, weight

    rows = []
    for kind in load_kinds(path):
        compile_seq(kind.seq, kind.name)
        begins = openings(kind.seq)
        required = literals(kind.seq)
        if begins is None and not required:
            raise GrammarError(f"{kind.name}: a kind needs a literal that all its messages contain")
        # as text: the head is parsed when a log first meets the kind's opening, the tree when it has all its literals
        head = [begins, weight(kind.seq), required, bool(kind.seq) and kind.seq[0][0] == "l"]
        text = "\n".join(json.dumps(part, separators=(",", ":")) for part in (head, kind.seq))
        rows.append([kind.name, text, begins, required if begins is None else []])
    return rows


def join_rows(headers: dict[str, str], rows: list[list[Any]]) -> dict[str, Any]:
    """The table of all kinds, with the places a message is looked up by."""
    table: dict[str, Any] = {"format": FORMAT, "kinds": {}, "openings": {}, "short": {}, "words": {}, "anywhere": []}
    table["headers"] = headers
    for name, text, begins, required in rows:
        table["kinds"][name] = text
        for opening in begins or ():
            names = table["openings" if len(opening) >= _KEY else "short"].setdefault(opening[:_KEY], [])
            if name not in names:
                names.append(name)
        if begins is None:
            # a word at the edge of a literal may touch text that is not ours, so only whole words inside it count
            words = [w for text in required for w in _INNER_WORD.findall(_inside(text))]
            if words:
                table["words"].setdefault(max(words, key=len), []).append(name)
            else:
                table["anywhere"].append([max(required, key=len), name])
    table["ambiguous"] = ambiguous(rows)
    table["vocabulary"] = " ".join(vocabulary([*headers.values(), *(text.partition("\n")[2] for _, text, *_ in rows)]))
    return table


def vocabulary(texts: list[str]) -> list[str]:
    """Every word of literals and expressions, also as it is when digits are left out, as they are in a line's shape."""
    whole = _ESCAPE.sub(" ", "\n".join(texts))
    return sorted({*_WORD.findall(whole), *_WORD.findall(re.sub("[0-9]", "", whole))})


def ambiguous(rows: list[list[Any]]) -> list[str]:
    """Kinds that are told from another one only by what the shape of a line leaves out: digits and quoted text."""
    groups: dict[str, list[str]] = {}
    for name, text, *_ in rows:
        for skeleton in skeletons(json.loads(text.partition("\n")[2])):
            groups.setdefault(_DROPPED.sub("", skeleton), []).append(name)
    return sorted({name for names in groups.values() if len(set(names)) > 1 for name in names})


def skeletons(seq: list[Any], limit: int = 32) -> list[str]:
    """The literal texts a kind's messages are made of, one for each choice of its alternatives, up to a limit."""
    out = [""]
    for element in seq:
        head = element[0]
        if head == "l":
            out = [text + element[1] for text in out]
        elif head in "tv":
            out = [text + "\x00" for text in out]
        else:
            branches = {"f": [element[2] if head == "f" else []], "a": element[1], "o": [element[1], []], "r": [element[1], []]}[
                head
            ]
            tails = [tail for branch in branches for tail in skeletons(branch, limit)]
            out = [text + tail for text in out for tail in tails][:limit]
    return out


def _inside(text: str) -> str:
    """A literal without the word characters at its edges."""
    return re.sub(r"^[A-Za-z_]+|[A-Za-z_]+$", " ", text)


def digest(folder: str) -> str:
    """A digest of the grammars' names, contents and of the table's format."""
    import hashlib

    sha = hashlib.sha256(str(FORMAT).encode())
    for name in sorted(os.listdir(folder)):
        if name.endswith(".lark"):
            sha.update(name.encode())
            with open(os.path.join(folder, name), "rb") as file:
                sha.update(file.read())
    return sha.hexdigest()[:32]


def cache_folder() -> str:
    """The user's cache directory for rabbitlogs, after the XDG convention."""
    base = os.environ.get("RABBITLOGS_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return os.path.join(base or os.path.join(os.path.expanduser("~"), ".cache"), "rabbitlogs")


def load_table() -> dict[str, Any]:
    """The compiled grammars, from the wheel, the cache, or built now."""
    folder = grammar_folder()
    shipped = os.path.join(folder, "compiled.json")
    if os.path.exists(shipped):
        return read_table(shipped)
    path = os.path.join(cache_folder(), f"grammar-{digest(folder)}.json")
    with contextlib.suppress(OSError, ValueError):
        return read_table(path)
    table = build_table(folder)
    index, texts = split_table(table)
    write_private(_texts_of(path), texts)
    write_private(path, index)
    return table


def split_table(table: dict[str, Any]) -> tuple[bytes, bytes]:
    """A table as two files: an index that is read at each start, and long texts, of which a log needs a few dozen."""
    kinds, texts = {}, bytearray()
    for name, text in table["kinds"].items():
        kinds[name] = [len(texts), len(text)]
        texts += text.encode("ascii")
    words = [len(texts), len(table["vocabulary"])]
    texts += table["vocabulary"].encode("ascii")
    return json.dumps({**table, "kinds": kinds, "vocabulary": words}, separators=(",", ":")).encode(), bytes(texts)


def read_table(path: str) -> dict[str, Any]:
    """A table written by :func:`split_table`; its long texts are read from their file one by one."""
    with open(path, "rb") as file:
        table: dict[str, Any] = json.loads(file.read())
    table["texts"] = os.open(_texts_of(path), os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    return table


def _texts_of(path: str) -> str:
    return path.removesuffix(".json") + ".texts"


def long_text(table: dict[str, Any], text: str | list[int]) -> str:
    """A kind's head and tree, or the vocabulary, as text: it stands in the table, or in the file of long texts."""
    if isinstance(text, str):
        return text
    offset, length = text
    return os.pread(table["texts"], length, offset).decode("ascii")


def kind_text(table: dict[str, Any], name: str) -> tuple[str, str]:
    """A kind's head and its tree, as JSON."""
    head, _, tree = long_text(table, table["kinds"][name]).partition("\n")
    return head, tree


def write_private(path: str, content: bytes) -> None:
    """Writes a cache file atomically, readable by the user alone; a cache that cannot be written is no error."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        part = f"{path}.{os.getpid()}"
        with open(part, "wb") as file:
            file.write(content)
        os.replace(part, path)


_loaded: dict[str, Any] = {}


def table() -> dict[str, Any]:
    """The compiled grammars, loaded once a process."""
    if not _loaded:
        _loaded.update(load_table())
    return _loaded


def ambiguous_kinds() -> frozenset[str]:
    """Kinds whose messages differ from another kind's only in digits or in quoted text."""
    return frozenset(table()["ambiguous"])


def terminals() -> dict[str, str]:
    """The regexes of ``header.lark``, by terminal name."""
    return table()["headers"]  # type: ignore[no-any-return]
