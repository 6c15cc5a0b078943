"""Messages nobody knows, grouped: what varies is one group, what says something else is another."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rabbitlogs import Analysis, explain, parse
from rabbitlogs.engine.own_rules import load_catalogue
from rabbitlogs.engine.source_state import SourceState
from rabbitlogs.engine.unknown import LIMIT, Templates, template_of
from rabbitlogs.engine.verdict import judge
from rabbitlogs.framing import blocks
from rabbitlogs.framing.framer import Line, OpenRecord, continues

if TYPE_CHECKING:
    from pathlib import Path

    from rabbitlogs.parsing.recogniser import Recogniser

_GADGET = """
title = "A gadget broke"
severity = "error"
confidence = "high"
[match]
kind = "unknown"
message = { like = "gadget 42 broke" }
[explain]
what = "It broke."
"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("worker 17 started on 'orders'", "worker 18 started on 'invoices'"),
        ("tried 10.0.0.1:5672 for 3 ms", "tried mq.example.com:5672 for 12 ms"),
        ("wrote /var/lib/a in <0.1.0>", "wrote /srv/b/c in <0.9.17>"),
        ("got {error,{a,[1,2]}} from rabbit@a", "got {error,timeout} from rabbit@b"),
        ("state #{a => 1} at v1.2.3", "state #{b => #{c => 2}} at v1.3.0-rc.1"),
    ],
)
def test_numbers_names_and_terms_do_not_tell(one: str, other: str) -> None:
    """Two messages that differ in those are of one group."""
    assert template_of(one) == template_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("worker 17 started", "worker 17 stopped"),
        ("[x] started [y]", "[x] stopped [y]"),
        ("{a,1} started {b,2}", "{a,1} stopped {b,2}"),
        ("event {started,<0.1.0>}", "event {stopped,<0.1.0>}"),
        ("it's started, isn't it", "it's stopped, isn't it"),
        ("job(5)started:5", "job(5)stopped:5"),
    ],
)
def test_words_tell(one: str, other: str) -> None:
    """``started`` and ``stopped`` are never merged, whatever stands around them."""
    assert template_of(one) != template_of(other)


@given(st.text(max_size=500), st.sampled_from(["started", "stopped"]))
def test_any_text_has_a_template(text: str, word: str) -> None:
    """And a word that stands alone is in it."""
    assert word in template_of(f"{word} {text}")


def test_errors_come_first_then_what_is_frequent() -> None:
    """The report names level, count and the first place of each group."""
    said = [*(("info", f"gadget {n} polished") for n in range(5)), *(("error", f"gadget {n} broke") for n in range(2))]
    said += [("error", f"gadget {n} bent") for n in range(3)]
    lines = [f"2026-11-23 07:46:{n:02}.684571+00:00 [{level}] <0.646.0> {text}" for n, (level, text) in enumerate(said)]
    analysis = Analysis()
    analysis.feed("\n".join(lines).encode(), "a.log")
    rows = analysis.report().to_dict()["unexplained"]
    assert [(row["level"], row["count"], row["template"], row["line"]) for row in rows] == [
        ("error", 3, "gadget <*> bent", 8),
        ("error", 2, "gadget <*> broke", 6),
        ("info", 5, "gadget <*> polished", 1),
    ]


def test_groups_are_bounded() -> None:
    """Beyond a limit new groups are one; nothing is lost from the count, also when two logs are put together."""
    first, second = Templates(), Templates()
    for number in range(LIMIT + 50):
        first.add("info", "word" * (number // 26 + 1) + chr(97 + number % 26), "a", 1)
    second.add("info", "something else", "b", 1)
    first.merge(second)
    assert len(first) <= LIMIT + 1
    assert sum(int(str(row["count"])) for row in first.rows()) == LIMIT + 51


def _many_lines() -> bytes:
    """Lines without header, whose shapes repeat: single ones, one that is carried on, blank ones, others that look alike."""
    lines = []
    for number in range(400):
        lines += [f"line {number} of {number * 7}", "gadget polished", "\tby hand", f"it's {number} o'clock &#39; `x`"]
        lines += ["", f"naïve ٣{number}", f"v{number}.2 <0.{number}.0> [{number}]"]
    return "\n".join(lines).encode()


def test_many_at_once_count_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of one form are counted together; the report is the same as when each is read by itself."""
    data = _many_lines()
    together, alone = Analysis(), Analysis()
    together.feed(data, "a.log")
    told = together.report().to_dict()
    monkeypatch.setattr(SourceState, "_alike", lambda self, block, starts: (starts, {}))
    alone.feed(data, "a.log")
    assert told == alone.report().to_dict()
    assert sorted({row["count"] for row in told["unexplained"]}) == [1, 400]  # digits beyond ASCII are told apart


def test_shapes_that_repeat_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a line carries on the one before is asked once for each pair of shapes, however many lines there are."""
    asked = []

    def counting(record: OpenRecord, line: Line, reader: Recogniser) -> bool:
        asked.append(line)
        return continues(record, line, reader)

    monkeypatch.setattr(blocks, "continues", counting)
    analysis = Analysis()
    analysis.feed(b"".join(b"line %d of 9\nfoo\n\tbar %d\n" % (n, n) for n in range(20000)), "a.log")
    totals = analysis.report().totals
    assert (totals["lines"], totals["records"]) == (60000, 40000)
    assert len(asked) < 100


def test_a_rule_for_unknown_messages_sees_each_of_them(tmp_path: Path) -> None:
    """Lines that differ in digits only are told apart by a rule that asks for a number."""
    own = tmp_path / "own" / "gadget.toml"
    own.parent.mkdir()
    own.write_text(_GADGET, "utf-8")
    analysis = Analysis(load_catalogue((str(tmp_path),), packages=False))
    analysis.feed(b"".join(b"gadget %d broke\n" % n for n in range(500)), "a.log")
    assert [(f.id, f.count) for f in analysis.report().findings] == [("own.gadget", 1)]


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"\n\n \n", b"\xef\xbb\xbf\n"])
def test_a_record_of_blank_lines_is_no_unknown_message(blank: bytes) -> None:
    """RabbitMQ 3.6 begins each file with an empty line: it is a record, and there is nothing in it to understand."""
    data = blank + b"=INFO REPORT==== 23-Nov-2026::08:04:41 ===\nServer startup complete; 3 plugins started.\n"
    analysis = Analysis()
    analysis.feed(data, "a.log")
    report = analysis.report()
    assert report.totals["by_kind"]["blank"] == 1
    assert report.totals["unknown"] == 0
    assert sum(report.totals["by_kind"].values()) == report.totals["records"] == 2
    assert report.unexplained == []
    assert report.coverage["understood"] == 1.0
    assert next(event.kind for event in parse(data)) == "blank"


def test_a_header_without_a_message_is_blank() -> None:
    """And it is so however many there are, and also where a known message follows."""
    head = b"2026-11-23 07:46:48.%06d+00:00 [info] <0.223.0> "
    data = b"".join(head % n + b"\n" for n in range(50)) + head % 77 + b"Server startup complete; 3 plugins started.\n"
    analysis = Analysis()
    analysis.feed(data, "a.log")
    assert analysis.report().totals["by_kind"] == {"blank": 50, "boot.completed": 1}
    assert [event.kind for event in parse(data)] == ["blank"] * 50 + ["boot.completed"]


def test_blank_lines_before_no_log_do_not_make_it_one() -> None:
    """Where nothing that says something was recognised, the verdict says so."""
    report = explain(b"\ngadget polished\nwidget polished\n")
    assert "Not one record of this was recognised" in report.to_dict()["verdict"]["sentence"]


def _words(seed: int, lines: int) -> bytes:
    """Lines of words nobody has seen before, with beginnings, words and marks of known messages among them."""
    chance = random.Random(seed)
    known = [
        "accepting",
        "connection",
        "TLS",
        "g",
        "error",
        "failed",
        ",",
        "{",
        "'a'",
        "  ",
        "<0.1.0>",
        "é",
        "node rabbit@a down",
    ]
    out, head = [], ""
    for n in range(lines):
        words = ["".join(chance.choices("abcdefghij", k=chance.randint(2, 9))) for _ in range(6)]
        if n % 3 == 0:
            words[chance.randrange(6)] = chance.choice(known)
        level = chance.choice(["info", "warning", "error", "debug"])
        zone = "+00:00" if n % 7 else ""
        stamp = f"2026-11-23 07:{n // 60 % 60:02}:{n % 60:02}.{n % 1000:03}{'000' if zone else ''}{zone}"
        if n % 13 != 5:  # else it has the header of the line before, and may belong to it
            head = f"{stamp} [{level}] <0.{n}.0> "
        out.append(("" if n % 17 == 3 else head) + " ".join(words) + "\n")
    return "".join(out).encode()


@pytest.mark.parametrize("seed", range(4))
def test_strangers_are_what_they_are_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that are told together to be of no kind: what looking at each of them says, below the limit and beyond."""
    data = _words(seed, 1500 if seed % 2 else 3500)

    def report() -> dict[str, object]:
        analysis = Analysis()
        analysis.feed(data, "a.log")
        return analysis.report().to_dict()

    together = report()
    monkeypatch.setattr(blocks, "MANY", 10**9)
    assert report() == together


def test_an_error_that_no_rule_judges_is_not_called_well() -> None:
    line = b"2024-01-01 00:00:00.100000+00:00 [%b] <0.1.0> Failed to stop a message store for vhost eu: vhost no longer exists!\n"
    assert (
        "no rule judges these errors; rabbitlogs parse shows them: queue.store_not_stopped."
        in judge(explain(line % b"error")).sentence
    )
    assert judge(explain(line % b"info")).sentence == "Nothing in this log is wrong."
