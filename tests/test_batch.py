"""Reading many records at once gives what reading them one by one gives."""

from __future__ import annotations

import json
import random
import re
import tomllib
from pathlib import Path

import pytest

from rabbitlogs.engine import source_state
from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.catalogue import rules_folder
from rabbitlogs.engine.events import events_of, lines_of
from rabbitlogs.engine.matching import needed
from rabbitlogs.engine.own_rules import load_catalogue
from rabbitlogs.framing import blocks
from rabbitlogs.framing.blocks import ShapeMemo
from rabbitlogs.framing.forms import forms, is_worded
from rabbitlogs.report.jsonl import event_line, event_lines
from rabbitlogs.sources import open_sources

_HEAD = re.compile(r"[0-9]{4}-[0-9-]+ [0-9:]+\.[0-9]{6}\+00:00 \[([a-z]+)\] <[0-9.]+> ")
SAMPLES = sorted(path for path in (Path(__file__).parent.parent / "samples").rglob("*.log") if path.stat().st_size < 200000)


def _one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record is read by itself, with the full expression."""
    monkeypatch.setattr(source_state, "WORTH", 10**9)
    monkeypatch.setattr(source_state, "learn", lambda *_, **__: None)


def _report(data: bytes) -> dict[str, object]:
    analysis = Analysis()
    analysis.feed(data, "a.log")
    return analysis.report().to_dict()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_at_once_or_one_by_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, subjects, times and evidence are the same, for a log repeated until batches form."""
    data = path.read_bytes()
    data = data * max(1, min(12, 400000 // len(data)))
    together = _report(data)
    _one_by_one(monkeypatch)
    assert _report(data) == together


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_written_at_once_or_one_by_one(path: Path) -> None:
    """The lines of ``parse`` are those of its events, in the order of the log."""
    data = path.read_bytes()
    data = data * max(1, min(12, 400000 // len(data)))
    (source,) = open_sources([data]).sources
    written = "".join(part.decode() for part in lines_of(source, event_line, event_lines))
    (source,) = open_sources([data]).sources
    assert written == "".join(map(event_line, events_of(source)))


HOSTILE = [
    "user '{user}' authenticated and granted access to vhost '/'",
    "closing AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, vhost: '{user}', user: '{user}'):\n"
    "client unexpectedly closed TCP connection",
    "Error on AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, state: starting):\n"
    "PLAIN login refused: user '{user}' - invalid credentials",
    "Channel error on connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, vhost: '/', user: '{user}'), channel {n}:\n"
    "operation queue.declare caused a channel exception not_found: no queue '{user}' in vhost '/'",
    "closing AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672):\nmissed heartbeats from client, timeout: {n}s",
]
NAMES = [
    "a", "", "10", "x, user: y", "a -> b", "):", "two  blanks", "tab\there", "a&lt;b", "é", "\udcff", "%s", '"', "\\", "{a}",
    "no exchange", " - invalid credentials", "o'brien", "'", "a' in vhost 'b",
]  # fmt: skip


def _as_json(text: str) -> str:
    """A log of 3.9+ as its JSON formatter writes it."""
    rows: list[dict[str, str]] = []
    for line in text.splitlines():
        head, _, message = line.partition("> ")
        time, level, pid = head[:32], head[34 : head.index("]")], head[head.index("<") :] + ">"
        if rows and (rows[-1]["time"], rows[-1]["pid"]) == (time, pid):
            rows[-1]["msg"] += "\n" + message
        else:
            rows.append({"time": time, "level": level, "msg": message, "pid": pid})
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


@pytest.mark.parametrize("form", ["logger", "lager", "json"])
@pytest.mark.parametrize("message", HOSTILE)
def test_names_are_not_read_as_words(message: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in quotes, however it looks, is counted as it is when each record is read by itself."""
    lines = []
    for n in range(400):
        zone = "" if form == "lager" else "571+00:00"
        head = f"2026-11-23 07:{n // 60:02}:{n % 60:02}.684{zone} [error] <0.{n}.0> "
        text = message.format(n=1000 + n, user=NAMES[n % 7 if n < 40 else n % len(NAMES)])
        lines.append(head + text.replace("\n", "\n" if form == "lager" else "\n" + head))
    log = "\n".join(lines) + "\n"
    data = (_as_json(log) if form == "json" else log).encode("utf-8", "surrogateescape")
    together = _report(data * 3)
    (source,) = open_sources([data]).sources
    written = "".join(part.decode() for part in lines_of(source, event_line, event_lines))
    (source,) = open_sources([data]).sources
    assert written == "".join(map(event_line, events_of(source)))
    _one_by_one(monkeypatch)
    assert _report(data * 3) == together


def _examples(copies: int) -> str:
    """The examples of all rules that are one record as 3.9+ writes it, each some times with other numbers and names."""
    records = []
    for file in sorted(Path(rules_folder()).glob("*/*.toml")):
        for example in tomllib.loads(file.read_text(encoding="utf-8")).get("example", ()):
            lines = [line for line in example["log"].split("\n") if line]
            heads = [_HEAD.match(line) for line in lines]
            if heads and heads[0] is not None and all(head is not None and head[0] == heads[0][0] for head in heads):
                records.append((heads[0][1], [line[len(heads[0][0]) :] for line in lines]))
    out = []
    chance = random.Random(7)
    for n in range(copies * len(records)):
        level, message = records[n % len(records)]
        head = f"2026-11-23 {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}.{n % 10**6:06}+00:00 [{level}] <0.{n + 300}.0> "
        text = "\n".join(message)
        text = re.sub(r"(?<=user ')[^']+", lambda _: f"svc-{chance.randrange(30)}", text)
        text = re.sub(r"(?<=queue ')[^']+", lambda _: f"orders.{'abcdef'[chance.randrange(6)]}.{chance.randrange(50)}", text)
        text = re.sub(r"(?<=\.)[0-9]+(?=:[0-9])", lambda _: str(chance.randrange(255)), text)
        out += [head + line + "\n" for line in text.split("\n")]
    return "".join(out)


@pytest.mark.parametrize("form", ["logger", "json"])
def test_examples_of_all_rules(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is learnt of a shape from its first records says of later ones what reading them says."""
    text = _examples(8)
    data = (_as_json(text) if form == "json" else text).encode()
    together = _report(data)
    _one_by_one(monkeypatch)
    assert _report(data) == together


def _renamed(message: str, chance: random.Random) -> str:
    """A message in which every name that stands without quotes is another one, of the same sort of letters."""

    def other(match: re.Match[str]) -> str:
        word = match[0]
        letters = "abcdef" if not word.lower().strip("abcdef") else "ghijklmnopqrstuvwxyz"
        name = "".join(chance.choices(letters, k=len(word)))
        name = name.upper() if word.isupper() else name if word.islower() else name[:-1] + name[-1:].upper()
        return name if not is_worded(name.encode()) and not is_worded(word.encode()) else word

    parts = re.split(r"('[^'\n]*')", message)
    parts[::2] = [re.sub(r"(?<![A-Za-z0-9])[A-Za-z]{2,}(?![A-Za-z0-9])", other, part) for part in parts[::2]]
    return "".join(parts)


@pytest.mark.parametrize("form", ["logger", "json"])
def test_names_without_quotes(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that differ in unquoted names are told by their form, and say what each says when it is looked at by itself."""
    chance = random.Random(11)
    rows = [line.partition("> ") for line in _examples(10).splitlines()]
    text = "".join(f"{head}> {_renamed(message, chance)}\n" for head, _, message in rows)
    data = (_as_json(text) if form == "json" else text).encode()
    told: list[str] = []
    of_form = ShapeMemo.of_form
    monkeypatch.setattr(ShapeMemo, "of_form", lambda memo, form: told.append(of_form(memo, form) or "") or told[-1] or None)
    monkeypatch.setattr(blocks, "_MISSED", 0)
    by_form = _report(data)
    assert len([code for code in told if code]) > 1500
    told.clear()
    monkeypatch.setattr(blocks, "_MISSED", 1 << 60)
    assert _report(data) == by_form
    assert not any(told)


_LIVES = [
    "accepting AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672)",
    "connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672): user 'svc-{u}' authenticated and granted access to vhost '/'",
    "closing AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, vhost: '/', user: 'svc-{u}')",
    "closing AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672):\nmissed heartbeats from client, timeout: 60s",
    "closing AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, vhost: '/', user: 'svc-{u}'):\n"
    "client unexpectedly closed TCP connection",
    "Error on AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, state: starting):\n"
    "PLAIN login refused: user 'svc-{u}' - invalid credentials",
    "HTTP access denied: user 'svc-{u}' - invalid credentials",
    "memory resource limit alarm set on node rabbit@a.", "memory resource limit alarm cleared on node rabbit@a",
    "nobody knows orders-{u}",
]  # fmt: skip


@pytest.mark.parametrize("cuts", [(0.5,), (0.1, 0.35, 0.9)])
def test_parts_of_a_large_log(cuts: tuple[float, ...]) -> None:
    """Evidence, connections and counts of parts that were merged are those of the whole, over many blocks."""
    chance = random.Random(3)
    lines = []
    for n in range(24000):
        message = chance.choices(_LIVES, weights=[30, 30, 20, 5, 5, 5, 3, 0.01, 0.01, 2])[0].format(
            n=n + 1000, u=chance.randrange(90)
        )
        head = f"2026-11-23 {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}.{n:06}+00:00 [error] <0.{n + 1000}.0> "
        lines += [head + line + "\n" for line in message.split("\n")]
    data = "".join(lines).encode()
    assert len(data) > 6 * blocks.BLOCK
    edges = [0, *[int(len(data) * cut) for cut in cuts], len(data)]
    whole = Analysis()
    parts = [Analysis(like=whole) for _ in edges[1:]]
    for part, begin, end in zip(parts, edges, edges[1:], strict=False):
        part.feed(data[begin:end], "a.log")
    for part in parts[1:]:
        parts[0].merge(part)
    assert parts[0].report().to_dict() == _report(data)


@pytest.mark.parametrize("cut", [0.3, 0.5, 0.8])
def test_evidence_of_parts(cut: float) -> None:
    """The lines shown are the same ones: the first few, the first of each kind, the last few of the rest."""
    records: dict[str, list[str]] = {}
    for line in _examples(6).splitlines(keepends=True):
        records.setdefault(line[: line.index("> ")], []).append(line)
    # half of them once only, in any order: so that kinds are met first in any part
    groups = [lines for n, lines in enumerate(records.values()) if n % 2 == 0 or n < len(records) // 6]
    random.Random(9).shuffle(groups)
    times = [head[:32] for head in records]
    data = "".join(time + line[32:] for time, lines in zip(times, groups, strict=False) for line in lines).encode()
    part, later = Analysis(), Analysis()
    part.feed(data[: int(len(data) * cut)], "a.log")
    later.feed(data[int(len(data) * cut) :], "a.log")
    part.merge(later)
    shown = [
        {f["id"]: [e["line"] for e in f["evidence"]] for f in r["findings"]} for r in (part.report().to_dict(), _report(data))
    ]
    assert shown[0] == shown[1]


def test_first_and_last_of_what_is_only_counted() -> None:
    """Times of lifecycle conditions are those of their first and last record, in whatever way these were read."""
    data = _examples(8).encode()
    (source,) = open_sources([data]).sources
    times: dict[str, list[str]] = {}
    for event in events_of(source):
        times.setdefault(event.kind, []).append(event.record.stamp or "")
    rules = load_catalogue().rules
    checked = 0
    for entry in _report(data)["lifecycle"]:  # type: ignore[attr-defined]
        matches = rules[entry["id"]].matches
        met = [time for match in matches for kind in match.kinds if not match.conditions for time in times.get(kind, ())]
        if len(met) == entry["count"]:
            checked += 1
            assert (entry["first"], entry["last"]) == (min(met), max(met)), entry["id"]
    assert checked > 40


def test_needed_texts_are_in_what_a_pattern_finds() -> None:
    """Looking for a pattern's needed texts first never misses what the pattern finds."""
    texts = [" ".join(message.split()) for message in _examples(1).splitlines()]
    checked = 0
    for rule in load_catalogue().rules.values():
        for match in rule.matches:
            for condition in match.conditions:
                if condition[1] not in ("like", "unlike") or not needed(condition[2]):
                    continue
                for text in texts:
                    if re.search(condition[2], text):
                        checked += 1
                        read = text.lower() if condition[2].startswith("(?i)") else text
                        assert any(known in read for known in needed(condition[2])), (condition[2], text)
    assert checked > 100


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("abcd?e", ("abc",)), ("abcd*", ("abc",)), ("abc{0,2}def", ("def",)), ("abcd+e", ("abcd",)), (r"x\.yz\[", ("x.yz[",)),
        ("abc|defg", ("abc", "defg")), ("abc|(de)+", ()), ("(abc|def)ghi", ("ghi",)), ("[abc]defg.hi", ("defg",)),
        ("(?i)aBc", ("abc",)), ("a(?i:bcd)", ()), ("(?P<n>abc)", ()), ("(abc|defg)(hij|k)?", ("abc", "defg")),
        ("(abc){2}d", ()), ("(abc)+d", ("abc",)), ("(abc)*?defg", ("defg",)), ("(?!abcdef)ghi", ("ghi",)), ("(?=abcdef)ghi", ("ghi",)),
        ("((ab|abcd)e|fgh)i", ()), ("((abcd|efgh)i|jkl)mn", ("abcd", "efgh", "jkl")), (r"(abc\|d|efgh)", ("abc|d", "efgh")),
        ("(?:abc)?defg", ("defg",)), ("|abc", ()), (r"abc\d+def", ("abc",)), ("a[]x]bcd", ("bcd",)),
        (r"ab[^\]]cdef", ("cdef",)), (r"[\\\]x]cdef", ("cdef",)),
    ],
)  # fmt: skip
def test_needed(pattern: str, texts: tuple[str, ...]) -> None:
    """One of these is in whatever the pattern finds."""
    assert needed(pattern) == texts


_WHO_MISSED = """
title = "A client that had said who it is missed its heartbeats"
severity = "error"
confidence = "high"
[[match]]
kind = "connection.heartbeat_missed"
timeout = { present = true }
session = { user = { present = true } }
[explain]
what = "It is gone."
"""


def test_what_earlier_lines_said_is_asked_each_time(tmp_path: Path) -> None:
    """A rule that asks whether the connection had a user answers for each connection, not for the first of the kind."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "named.toml").write_text(_WHO_MISSED, "utf-8")
    head = "2026-11-23 07:00:{n:02}.684571+00:00 [{level}] <0.{n}.0> "
    lines = []
    for n in range(20):
        client = f"10.0.0.5:{2000 + n} -> 10.0.0.2:5672"
        if n % 2:
            named = f"connection <0.{n}.0> ({client}): user 'app' authenticated and granted access to vhost '/'"
            lines.append(head.format(n=n, level="info") + named)
        error = head.format(n=n, level="error")
        lines += [f"{error}closing AMQP connection <0.{n}.0> ({client}):", f"{error}missed heartbeats from client, timeout: 60s"]
    analysis = Analysis(load_catalogue((str(tmp_path),), packages=False))
    analysis.feed("\n".join(lines) + "\n", "a.log")
    assert {f.id: f.count for f in analysis.report().findings}.get("own.named") == 10


@pytest.mark.parametrize(
    ("shape", "other", "is_alike"),
    [
        ("name: shop-xkqz", "name: shop-wvvjq", True), ("name: xkqz", "user: xkqz", False), ("xkqz: name", "Xkqz: name", False),
        ("closing xkqz", "opening xkqz", False), ("xkqz.wv", "xkqz-wv", False), ("[info] xkqz", "[error] xkqz", False),
        ("ID fefe", "ID xkqz", False), ("ID fefe", "ID bdbd", True),
    ],
)  # fmt: skip
def test_forms(shape: str, other: str, is_alike: bool) -> None:
    """Words of the grammars, punctuation and sorts of letters are the form; names are not."""
    one, two = forms([shape.encode(), other.encode()])
    assert (one == two) is is_alike


@pytest.mark.parametrize("count", [1, 400])
@pytest.mark.parametrize("secret", ["amqp://bob:hunter2@10.0.0.2:5672", '[{uri,<<"amqp">>},{password,<<"hunter2">>}]'])
def test_no_secret_is_written(secret: str, count: int) -> None:
    """``parse`` masks what is secret in a message, in its fields and in their terms; places and other fields stay."""
    line = f"2026-11-23 07:46:48.684571+00:00 [error] <0.2.0> Error trying to stop RabbitMQ: {secret}\n"
    (source,) = open_sources([(line * count).encode()]).sources
    rows = [json.loads(row) for part in lines_of(source, event_line, event_lines) for row in part.splitlines()]
    assert len(rows) == count
    for row in rows:
        assert "hunter2" not in str(row)
        assert row["message"].startswith("Error trying to stop RabbitMQ: ")
        assert "********" in row["message"]
        assert "********" in row["fields"]["problem"]
        assert row["length"] == len(line)
