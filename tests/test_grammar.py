"""The grammars: every case of the corpus is read as it should be, by both readers."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rabbitlogs.errors import GrammarError
from rabbitlogs.parsing.compiled import kind_text, table
from rabbitlogs.parsing.grammar import load_kinds, subsystem_files
from rabbitlogs.parsing.recogniser import Match, collapse, recogniser
from rabbitlogs.parsing.reference import ReferenceReader

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(__file__).parent / "corpus"
GRAMMARS = Path(__file__).parent.parent / "grammars"


def _cases() -> list[Any]:
    out = []
    for path in sorted(CORPUS.glob("*.toml")):
        for number, case in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["case"], 1):
            out.append(pytest.param(case, id=f"{path.stem}-{number}-{case['kind']}"))
    return out


_readers: dict[str, ReferenceReader] = {}


def _reference(kind: str) -> ReferenceReader:
    subsystem = kind.split(".")[0]
    if subsystem not in _readers:
        rows = [(name, json.loads(kind_text(table(), name)[1])) for name in table()["kinds"] if name.split(".")[0] == subsystem]
        _readers[subsystem] = ReferenceReader(rows)
    return _readers[subsystem]


@pytest.mark.parametrize("case", _cases())
def test_a_case_of_the_corpus_is_read(case: dict[str, Any]) -> None:
    """Right kind, right fields, nothing left over, and lark reads the same."""
    message = collapse(case["message"])
    match = recogniser().recognise(message)
    assert match is not None
    assert match.kind == case["kind"]
    assert match.rest is None
    for name, value in case.get("fields", {}).items():
        assert match.fields.get(name) == value, name
    assert _reference(match.kind).parse(match.kind, message) == match.fields


def _literals(seq: list[Any]) -> list[str]:
    """Every literal of a tree, at any depth."""
    out = []
    for head, *rest in seq:
        if head == "l":
            out.append(rest[0])
        elif head == "a":
            out.extend(literal for branch in rest[0] for literal in _literals(branch))
        elif head in "for":
            out.extend(_literals(rest[-1]))
    return out


def _with_words_of_its_kind() -> list[tuple[str, str]]:
    """Corpus messages in which a value is replaced by each of two wordings of the kind: ``user 'refused for user '``."""
    out = []
    for parameter in _cases():
        case = parameter.values[0]
        message = collapse(case["message"])
        words = sorted({collapse(w) for w in _literals(recogniser().entry(case["kind"]).tree())}, key=lambda w: (-len(w), w))
        values = [v for v in case.get("fields", {}).values() if isinstance(v, str) and len(v) > 2 and message.count(v) == 1]
        for value, word in zip(values[-2:], words[:2], strict=False):
            out.append((case["kind"], message.replace(value, word)))
    return out


def test_values_that_read_like_the_message_are_read_alike() -> None:
    """A value may itself be worded like a message of its kind: both readers read the same, or both read nothing."""
    changed = _with_words_of_its_kind()
    assert len(changed) > 1000
    differ = []
    for kind, message in changed:
        entry = recogniser().entry(kind)
        match = entry.match(message)
        if _reference(kind).parse(kind, message) != (entry.fields(match) if match else None):
            differ.append((kind, message))
    assert differ == []


def test_one_kind_is_the_most_specific() -> None:
    """Of the kinds that take a message to its end one has more literal characters than the others.

    This is what lark's strict mode is for, across all grammars and not only inside one: a message never belongs to a kind
    by the order in which kinds are written. (Strict mode itself cannot compare terminals that look ahead.)
    """
    ties = []
    for parameter in _cases():
        message = collapse(parameter.values[0]["message"])
        weights = sorted(entry.weight for entry in recogniser().takers(message))
        if len(weights) > 1 and weights[-1] == weights[-2]:
            ties.append(message)
    assert ties == []


def test_every_grammar_has_a_corpus() -> None:
    """A grammar without cases is a guess."""
    missing = {path.stem for path in subsystem_files(GRAMMARS)} - {path.stem for path in CORPUS.glob("*.toml")}
    assert not missing


def test_a_broken_grammar_says_where(tmp_path: Path) -> None:
    """The message names the file."""
    for name in ("terminals.lark", "common.lark"):
        (tmp_path / name).write_text((GRAMMARS / name).read_text(encoding="utf-8"), encoding="utf-8")
    broken = tmp_path / "queue.lark"
    broken.write_text('deleted: "queue " (\n', encoding="utf-8")
    with pytest.raises(GrammarError, match=r"queue\.lark"):
        load_kinds(broken)


def test_touching_open_terminals_are_refused(tmp_path: Path) -> None:
    """Two open texts side by side have no border; the error says what to write."""
    for name in ("terminals.lark", "common.lark"):
        (tmp_path / name).write_text((GRAMMARS / name).read_text(encoding="utf-8"), encoding="utf-8")
    path = tmp_path / "queue.lark"
    path.write_text('%import terminals (TEXT)\ndeleted: "queue " a b\na: TEXT\nb: TEXT\n', encoding="utf-8")
    from rabbitlogs.parsing.compiled import compile_file

    with pytest.raises(GrammarError, match="put a literal"):
        compile_file(path)


def test_a_longer_message_goes_to_the_nearest_kind() -> None:
    """A newer release that adds words to a message does not make it unknown; the unread part is kept."""
    match = recogniser().recognise("started TLS (SSL) listener on [::]:5671 with a new feature")
    assert match is not None
    assert match.kind == "listener.started_tls"
    assert match.rest == " with a new feature"


# what clients and tools print is no message of a release
_OTHERS = {"client", "openssl", "stunnel", "diagnostics"}


def _changed(change: Callable[[str], str]) -> list[tuple[str, str, Match | None]]:
    """Every message of the corpus changed in its tail: its kind, the changed message, and what is made of it."""
    out = []
    for parameter in _cases():
        case = parameter.values[0]
        if case["kind"].split(".")[0] in _OTHERS:
            continue
        message = change(collapse(case["message"]))
        out.append((case["kind"], message, recogniser().recognise(message)))
    return out


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda message: message + " and zymurgy was tried", 0.96),
        (lambda message: message.rstrip(".") + ", cause: zymurgy", 0.95),
        (lambda message: message.rpartition(" ")[0] + " zymurgy" if message.count(" ") > 6 else message + " zymurgy", 0.92),
    ],
    ids=["longer", "with-a-cause", "last-word-changed"],
)
def test_another_tail_keeps_the_kind(change: Callable[[str], str], least: float) -> None:
    """A newer release words the end of a message anew: it is near a known kind, and no word of it is lost."""
    rows = _changed(change)
    known = [(message, match) for _, message, match in rows if match is not None]
    assert len(known) > least * len(rows)
    for message, match in known:
        if match.rest is not None:
            assert "zymurgy" in " ".join([*map(str, match.fields.values()), match.rest]), message
    same = sum(match is not None and match.kind == kind for kind, _, match in rows)
    assert same > (least - 0.05) * len(rows)


@pytest.mark.parametrize(
    "message",
    [
        "Feature flags: all the hares are enabled",
        "Failed to create a burrow for node rabbit@r2: nodedown",
        "Failed to dig a hole: no spade",
    ],
)
def test_the_words_that_many_kinds_begin_with_are_near_to_none(message: str) -> None:
    """A new message must not be taken for the one kind whose few other literals are in it by chance."""
    assert recogniser().recognise(message) is None


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Partial partition detected: * We saw DOWN from ra", "cluster.partial_partition_detected"),
        (
            "queue 'q' in vhost '/': granting vote for {q,'rabbit@b'} with last indexterm {27,2} for term 15 prev",
            "raft.vote_granted",
        ),
        ('Peer discovery returned an error: "403". Will retry after a d', "discovery.query_failed_will_retry"),
    ],
)
def test_a_message_that_was_cut_off_keeps_its_kind(message: str, kind: str) -> None:
    """A paste ends anywhere: what is there is enough where only one kind has it."""
    match = recogniser().recognise(message)
    assert match is not None
    assert match.kind == kind


def test_equally_near_kinds_are_both_not_it() -> None:
    """``alarm set`` and ``alarm cleared`` are as near to a third word: neither is claimed."""
    assert recogniser().recognise("file descriptor limit alarm postponed") is None
    assert recogniser().recognise("file descriptor limit alarm cleared at last") is not None
