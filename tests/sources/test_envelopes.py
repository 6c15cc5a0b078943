"""Wrappers are recognised by their lines, and taken off without losing a byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rabbitlogs
from rabbitlogs.sources.envelopes import Envelope, Peeled, detect, looks_like_broker_log

DATA = Path(__file__).parent / "data"

BARE = [
    b"2026-11-23 07:46:48.684571+00:00 [info] <0.223.0> accepting AMQP connection <0.1.0> (10.0.0.9:5 -> 10.0.0.2:5672)",
    b"2026-11-23 07:46:48.700001+00:00 [notice] <0.821.0> TLS server: In state certify received CLIENT ALERT: Fatal - Unknown CA",
    b"2026-11-23 07:46:48.700001+00:00 [notice] <0.821.0> ",
    b"2026-11-23 07:46:49.123456+00:00 [error] <0.300.0> closing AMQP connection <0.300.0> (10.0.0.9:6 -> 10.0.0.2:5672):",
    b'2026-11-23 07:46:49.123456+00:00 [error] <0.300.0> {bad_header,<<"GET / H\\n">>}',
    "2026-11-23 07:46:50.000000+00:00 [warning] <0.9.0> 4 ticks missed — net_tick_timeout".encode(),
]
OLD = [
    b"=ERROR REPORT==== 7-Oct-2016::07:05:48 ===",
    b'webmachine error: path="/api/whoami"',
    b'"Unauthorized"',
    b"",
    b"=INFO REPORT==== 8-Oct-2016::06:31:23 ===",
    b"    LDAP CHECK: login for someone",
]
JSON_LINES = [
    b'{"time":"2023-11-06 11:15:21.746666+00:00","level":"info","msg":"started","pid":"<0.7073.0>"}',
    b'{"level":"info","msg":"a\\nb","time":"2023-11-06 11:15:21.746891+00:00","pid":"<0.7073.0>"}',
]


def docker(line: bytes) -> bytes:
    log = line.decode("utf-8", "surrogateescape") + "\n"
    return json.dumps({"log": log, "stream": "stdout", "time": "2026-11-23T07:46:49.5Z"}, separators=(",", ":")).encode()


def journal_json(line: bytes) -> bytes:
    message: object = line.decode() if line.isascii() else list(line)
    return json.dumps(
        {"__REALTIME_TIMESTAMP": "1795421181429292", "MESSAGE": message, "_HOSTNAME": "mq1", "_COMM": "beam.smp"}
    ).encode()


WRAPS: dict[str, tuple[str, Callable[[bytes], bytes], str, str | None]] = {
    "docker": ("docker", docker, "", "2026-11-23T07:46:49.5Z"),
    "cri": ("cri", lambda s: b"2016-10-06T00:17:09.669794202Z stdout F " + s, "", "2016-10-06T00:17:09.669794202Z"),
    "timestamps": (
        "timestamps",
        lambda s: b"2016-10-06T00:17:09.669794202Z " + s,
        "",
        "2016-10-06T00:17:09.669794202Z",
    ),
    "Docker Desktop": ("timestamps", lambda s: b"2026-08-07 09:33:55 " + s, "", "2026-08-07T09:33:55"),
    "12 hours": ("timestamps", lambda s: b"8/7/2026 9:33:55 AM " + s, "", None),
    "Kibana": ("timestamps", lambda s: b"Aug 7, 2026 @ 09:33:55.123 " + s, "", None),
    "compose": ("compose", lambda s: b"name-1  | " + s, "name-1", None),
    "swarm": ("compose", lambda s: b"stack_mq.1.ab12cd34@host1    | " + s, "stack_mq.1.ab12cd34@host1", None),
    "Testcontainers": ("prefixed", lambda s: b"12:13:14.156 [tc-stream-1] INFO  container.mq - STDOUT: " + s, "", None),
    "compose in colours": ("compose", lambda s: b"\x1b[36mname-1  | \x1b[0m" + s, "name-1", None),
    "docker service": ("compose", lambda s: b"mq_rabbit.1.q5e5k@host-3    | " + s, "mq_rabbit.1.q5e5k@host-3", None),
    "kubectl": ("kubectl", lambda s: b"[pod/rabbit-0/rabbitmq] " + s, "pod/rabbit-0/rabbitmq", None),
    "journal short": ("journald", lambda s: b"Oct 02 19:42:12 mq3 rabbitmq-server[618]: " + s, "mq3", None),
    "journal short-precise": (
        "journald",
        lambda s: b"Oct 02 19:42:12.551084 mq3 rabbitmq-server[618]: " + s,
        "mq3",
        None,
    ),
    "journal short-iso": (
        "journald",
        lambda s: b"2026-11-23T19:42:12+0200 mq3 rabbitmq-server[618]: " + s,
        "mq3",
        "2026-11-23T19:42:12+0200",
    ),
    "journal short-full": (
        "journald",
        lambda s: b"Mon 2026-11-23 19:42:12 CET mq3 rabbitmq-server[6]: " + s,
        "mq3",
        "2026-11-23T19:42:12",
    ),
    "journal short-unix": (
        "journald",
        lambda s: b"1795421181.429292 mq3 rabbitmq-server[6]: " + s,
        "mq3",
        "2026-11-23T08:06:21.429292+00:00",
    ),
    "journal in Chinese": ("journald", lambda s: "2月 20 14:18:14 mq3 rabbitmq-server[90]: ".encode() + s, "mq3", None),
    "journal json": ("journald", journal_json, "mq1", "2026-11-23T08:06:21.429292+00:00"),
    "virtual machine": ("journald", lambda s: b"vm1 # [   45.876449] rabbitmq-server[1752]: " + s, "vm1", None),
    "syslog 3164": ("syslog", lambda s: b"<30>Nov 23 08:11:36 mq1 rabbitmq-server[17]: " + s, "mq1", None),
    "syslog 5424": (
        "syslog",
        lambda s: b'<30>1 2026-11-23T08:12:52.73Z mq1 rabbitmq-server 17 - [a@1 b="c\\]d"][e f="g"] \xef\xbb\xbf' + s,
        "mq1",
        "2026-11-23T08:12:52.73Z",
    ),
    "grep -H": ("grep", lambda s: b"log/rabbit@a-1.log:" + s, "log/rabbit@a-1.log", None),
    "quoted": ("quoted", lambda s: b"> " + s, "", None),
    "indented": ("indented", lambda s: b"    " + s, "", None),
    "colours spelled out": ("colours", lambda s: b"^[[38;5;160m" + s + b"^[[0m", "", None),
    "colours in part": ("colours", lambda s: b"[38;5;160m" + s + b"[0m", "", None),
    "stern": ("prefixed", lambda s: b"mq-server-2 rabbitmq " + s, "mq-server-2 rabbitmq", None),
}


def peel_all(envelope: Envelope, data: bytes) -> list[Peeled]:
    peeled, consumed = envelope.peel(data, True)
    assert consumed == len(data) == sum(line.raw for line in peeled)
    return peeled


def peel_by(envelope: Envelope, data: bytes, sizes: list[int]) -> list[Peeled]:
    """Feed a stream in pieces of the sizes given, over and over."""
    peeled: list[Peeled] = []
    held, at, turn = b"", 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        turn += 1
        held += data[at : at + size]
        at += size
        lines, consumed = envelope.peel(held, False)
        assert sum(line.raw for line in lines) == consumed
        peeled += lines
        held = held[consumed:]
    return peeled + peel_all(envelope, held)


@pytest.mark.parametrize("name", WRAPS)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_wrapped_log_gives_the_lines_of_the_bare_one(name: str, ending: bytes) -> None:
    expected, wrap, origin, time = WRAPS[name]
    data = b"".join(wrap(line) + ending for line in BARE)
    envelope = detect(data)
    assert envelope is not None
    assert envelope.name == expected
    peeled = peel_all(envelope, data)
    assert [line.inner for line in peeled] == BARE
    assert {line.origin for line in peeled} == {origin}
    if time is not None:
        assert {line.time for line in peeled} == {time}


@pytest.mark.parametrize("name", [name for name in WRAPS if name not in ("grep -H", "stern", "Testcontainers")])
@pytest.mark.parametrize("lines", [OLD, JSON_LINES], ids=["3.6", "json"])
def test_other_formats_come_out_of_a_wrapper_too(name: str, lines: list[bytes]) -> None:
    expected, wrap, _, _ = WRAPS[name]
    data = b"\n".join(map(wrap, lines))
    envelope = detect(data)
    assert envelope is not None
    assert envelope.name == expected
    assert [line.inner for line in peel_all(envelope, data)] == lines


NESTS = [
    ("compose", "timestamps"),
    ("kubectl", "timestamps"),
    ("compose", "cri"),
    ("quoted", "compose"),
    ("quoted", "journal short"),
    ("docker", "syslog 5424"),
    ("journal json", "docker"),
    ("cri", "compose"),
    ("indented", "cri"),
]


@pytest.mark.parametrize(("outer", "inner"), NESTS)
def test_two_wrappers_come_off(outer: str, inner: str) -> None:
    data = b"".join(WRAPS[outer][1](WRAPS[inner][1](line)) + b"\n" for line in BARE)
    envelope = detect(data)
    assert envelope is not None
    assert envelope.name == f"{WRAPS[outer][0]}+{WRAPS[inner][0]}"
    assert [line.inner for line in peel_all(envelope, data)] == BARE


def test_a_viewer_shows_a_time_of_its_own_before_each_line() -> None:
    """However many different times there are, they are nobody's name."""
    data = b"".join(b"2026-11-23 09:%02d:%02d %b\n" % (n // 60, n % 60, BARE[n % 2]) for n in range(100))
    envelope = detect(data)
    assert envelope is not None
    assert {line.origin for line in peel_all(envelope, data)} == {""}
    assert [line.inner for line in peel_all(envelope, data)] == BARE[:2] * 50


def test_what_a_client_quotes_is_read_and_its_own_lines_stay() -> None:
    line = b"2026-11-23 09:10:%02d ERROR Worker - the broker said: 2026-11-23 09:10:11.1+00:00 [error] <0.1.0> no\n"
    other = b"2026-11-23 09:10:%02d INFO Worker - at work\n"
    data = b"".join((other % n + line % n + other % n) for n in range(10, 30))
    envelope = detect(data)
    assert envelope is not None
    inner = [peeled.inner for peeled in peel_all(envelope, data)]
    assert inner[:3] == [
        b"2026-11-23 09:10:10 INFO Worker - at work",
        b"2026-11-23 09:10:11.1+00:00 [error] <0.1.0> no",
        inner[0],
    ]


@pytest.mark.parametrize("name", ["compose", "kubectl", "cri", "journal short", "Docker Desktop", "stern", "window"])
def test_a_wrapper_is_seen_where_a_person_wrote_more_than_the_broker(name: str) -> None:
    wrap = WRAPS[name][1] if name in WRAPS else lambda line: "│ ".encode() + line + "      │".encode()
    words = [b"It worked until last week.", b"services:", b"  mq:", b"    image: rabbitmq:4", b"And this is what it says:", b""]
    data = b"\n".join([*words * 3, *map(wrap, BARE[:2]), b"", *words])
    envelope = detect(data)
    assert envelope is not None
    inner = [line.inner for line in peel_all(envelope, data)]
    assert [line for line in inner if line and line not in words] == BARE[:2]


@pytest.mark.parametrize("name", ["syslog_5424", "syslog_5424_counted"])
def test_syslog_of_a_broker_becomes_what_its_file_holds(name: str) -> None:
    """The same run was logged to a file and to syslog: pid and level come back from where syslog keeps them."""
    data = (DATA / f"{name}.log").read_bytes()
    envelope = detect(data)
    assert envelope is not None
    assert envelope.name == "syslog"
    inner = b"".join(line.inner + b"\n" for line in peel_all(envelope, data))
    assert inner == (DATA / f"{name}.broker.log").read_bytes()


def test_old_syslog_keeps_its_time_without_a_year() -> None:
    data = (DATA / "syslog_3164.log").read_bytes()
    broker = (DATA / "syslog_3164.broker.log").read_bytes().splitlines()
    envelope = detect(data)
    assert envelope is not None
    assert [line.inner for line in peel_all(envelope, data)] == [b"Nov 23 08:19:18" + line[32:] for line in broker]
    dated = detect(data, year=2026)
    assert dated is not None
    assert [line.inner for line in peel_all(dated, data)] == [line[:19] + line[32:] for line in broker]
    assert peel_all(dated, data)[0].time == "2026-11-23T08:19:18"


def test_a_named_process_in_syslog_has_no_pid() -> None:
    data = (
        b"<28>1 2026-11-23T08:12:32.555666Z mq1 rabbitmq-server 17 rabbit_alarm - memory resource limit alarm set\n"
        b"<28>Nov 23 08:11:45 mq1 rabbitmq-server[17] rabbit_alarm - memory resource limit alarm set\n"
    )
    envelope = detect(data)
    assert envelope is not None
    assert peel_all(envelope, data)[0].inner == (b"2026-11-23 08:12:32.555666+00:00 [warning] memory resource limit alarm set")
    old = detect(data.splitlines()[1])
    assert old is not None
    assert [line.inner for line in peel_all(old, data.splitlines()[1])] == [
        b"Nov 23 08:11:45 [warning] memory resource limit alarm set"
    ]


def test_the_journal_handler_of_the_broker_gives_level_and_pid_as_fields() -> None:
    entry = {
        "__REALTIME_TIMESTAMP": "1795421181429292",
        "MESSAGE": "closing AMQP connection <0.9.0>:\nmissed heartbeats",
        "PRIORITY": "3",
        "ERL_PID": "<0.9.0>",
        "SYSLOG_TIMESTAMP": "2026-11-23T08:06:21.400000Z",
    }
    expected = [
        b"2026-11-23 08:06:21.400000+00:00 [error] <0.9.0> closing AMQP connection <0.9.0>:",
        b"2026-11-23 08:06:21.400000+00:00 [error] <0.9.0> missed heartbeats",
    ]
    data = json.dumps(entry).encode() + b"\n"
    envelope = detect(data)
    assert envelope is not None
    peeled = peel_all(envelope, data)
    assert [line.inner for line in peeled] == expected
    assert [line.raw for line in peeled] == [len(data), 0]

    message = entry.pop("MESSAGE").encode()
    head = b"__CURSOR=s=1\n" + b"".join(f"{key}={value}\n".encode() for key, value in entry.items())
    export = (head + b"MESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\n\n") * 2
    envelope = detect(export)
    assert envelope is not None
    assert envelope.name == "journald"
    assert [line.inner for line in peel_all(envelope, export)] == expected * 2


def test_long_lines_cut_by_a_wrapper_are_joined_again() -> None:
    """Parts of two streams can alternate; each is joined with its own."""
    stamp = b"2016-10-06T00:17:09.669794202Z "
    data = (
        stamp + b"stdout P 2026-11-23 07:46:48.684571+00:00 [info] <0.1.0> one \n"
        + stamp + b"stderr P err \n"
        + stamp + b"stdout F two\n"
        + stamp + b"stderr F or\n"
        + stamp + b"stdout F alone\n"
    )  # fmt: skip
    envelope = detect(data)
    assert envelope is not None
    expected = [b"2026-11-23 07:46:48.684571+00:00 [info] <0.1.0> one two", b"err or", b"alone"]
    assert [line.inner for line in peel_all(envelope, data)] == expected
    assert peel_by(envelope, data, [1]) == peel_all(envelope, data)

    long = b"x" * 40000
    cut = [long[:16384], long[16384:32768], long[32768:] + b"\n"]
    data = b"".join(
        docker(piece).replace(b'\\n"', b'"', 1 if i < 2 else 0) + b"\n" for i, piece in enumerate(p.rstrip(b"\n") for p in cut)
    )
    envelope = detect(data)
    assert envelope is not None
    assert [line.inner for line in peel_all(envelope, data)] == [long]


def test_a_part_that_is_never_finished_is_given_in_the_end() -> None:
    data = b"2016-10-06T00:17:09.669794202Z stdout P half"
    envelope = detect(data)
    assert envelope is not None
    assert envelope.peel(data + b"\n", False) == ([], 0)
    assert [line.inner for line in peel_all(envelope, data)] == [b"half"]


def test_lines_that_do_not_fit_come_through_unchanged() -> None:
    data = b"".join(docker(line) + b"\n" for line in BARE) + b'{"log":\nplain\n{"log": 5}\n\n'
    envelope = detect(data)
    assert envelope is not None
    assert [line.inner for line in peel_all(envelope, data)] == [
        *BARE,
        b'{"log":',
        b"plain",
        b'{"log": 5}',
        b"",
    ]


@pytest.mark.parametrize("end", [50, 120, -45, -20, -1])
def test_a_line_that_was_cut_off_where_it_was_copied_is_read_up_to_there(end: int) -> None:
    text = b'2026-11-23 07:46:48.684571+00:00 [error] <0.1.0> {badmatch,<<"h\xc3\xa9">>} \\ and much that does not matter'
    cut = docker(text)[:end]
    data = b"".join(docker(line) + b"\n" for line in BARE) + cut + b"\n"
    envelope = detect(data)
    assert envelope is not None
    inner = peel_all(envelope, data)[-1].inner
    assert text.startswith(inner)
    assert len(inner) >= min(len(text), len(cut) - 24)


def test_streams_of_compose_are_told_apart() -> None:
    data = b"".join(b"mq-1   | " + line + b"\nshop-1 | at work %d\n" % n for n, line in enumerate(BARE))
    envelope = detect(data)
    assert envelope is not None
    peeled = peel_all(envelope, data)
    assert [line.inner for line in peeled if line.origin == "mq-1"] == BARE
    assert len([line for line in peeled if line.origin == "shop-1"]) == len(BARE)


def test_other_programs_of_a_host_are_streams_of_their_own() -> None:
    data = b"".join(b"Oct 02 19:42:12 mq3 rabbitmq-server[618]: " + line + b"\n" for line in BARE)
    data += b"Oct 02 19:42:12 mq3 systemd[1]: rabbitmq-server.service: Main process exited\n"
    envelope = detect(data)
    assert envelope is not None
    last = peel_all(envelope, data)[-1]
    assert (last.origin, last.inner) == ("mq3/systemd", b"rabbitmq-server.service: Main process exited")
    # The broker's lines name the year, so the journal's times are dated.
    assert last.time == "2026-10-02T19:42:12"


def test_what_systemctl_says_of_a_unit_does_not_hide_its_journal() -> None:
    data = b"""\
* rabbitmq-server.service - RabbitMQ broker
   Loaded: loaded (/lib/systemd/system/rabbitmq-server.service; enabled; vendor preset: enabled)
   Active: activating (auto-restart) (Result: exit-code) since Wed 2026-02-18 12:01:53 UTC; 6s ago
  Process: 27628 ExecStart=/usr/sbin/rabbitmq-server (code=exited, status=1/FAILURE)
 Main PID: 27628 (code=exited, status=1/FAILURE)

Feb 18 12:01:53 mq3 systemd[1]: Failed to start RabbitMQ broker.
Feb 18 12:01:53 mq3 systemd[1]: rabbitmq-server.service: Unit entered failed state.
"""
    envelope = detect(data)
    assert envelope is not None
    assert b"Failed to start RabbitMQ broker." in [line.inner for line in peel_all(envelope, data)]


def test_what_compose_says_in_its_own_name_is_no_line_of_a_container() -> None:
    data = b"""\
Creating network "shop_default" with the default driver
Creating shop_mq_1 ... done
Attaching to shop_mq_1
mq_1  | Error: process_not_running
shop_mq_1 exited with code 1
"""
    envelope = detect(data)
    assert envelope is not None
    assert envelope.name == "compose"
    assert b"Error: process_not_running" in [line.inner for line in peel_all(envelope, data)]


def test_dots_for_a_time_that_was_cut_away_come_off() -> None:
    data = b"".join(b"... " + line[33:] + b"\n" for line in BARE)
    envelope = detect(data)
    assert envelope is not None
    assert [line.inner for line in peel_all(envelope, data)] == [line[33:] for line in BARE]


@pytest.mark.parametrize("separator", [b"\t", b" ", b"  ", b": ", b" | "])
def test_line_numbers_of_an_editor_come_off(separator: bytes) -> None:
    data = b"".join(b"%6d%b%b\n" % (number, separator, line) for number, line in enumerate(BARE, 98))
    envelope = detect(data)
    assert envelope is not None
    assert envelope.name == "numbered"
    assert [line.inner for line in peel_all(envelope, data)] == BARE


def test_grep_with_numbers_and_context() -> None:
    data = b"12:" + BARE[0] + b"\n13-  more\n--\n40:" + BARE[1] + b"\n41-\n"
    envelope = detect(data)
    assert envelope is not None
    assert envelope.name == "grep"
    assert [line.inner for line in peel_all(envelope, data)] == [BARE[0], b"  more", BARE[1], b""]
    data = b"a-1.log:12:" + BARE[0] + b"\na-1.log-13-  more\n--\na-1.log.1:40:" + BARE[1] + b"\n"
    envelope = detect(data)
    assert envelope is not None
    assert [(line.origin, line.inner) for line in peel_all(envelope, data)] == [
        ("a-1.log", BARE[0]),
        ("a-1.log", b"  more"),
        ("a-1.log.1", BARE[1]),
    ]


def test_grep_numbers_come_off_amid_words_of_a_person() -> None:
    """A date behind the number is the header's: no word that stands before a header that begins with the time of day."""
    data = b"I see:\n\n" + b"".join(b"%d:%b\n" % (number, BARE[0]) for number in range(1065, 1071))
    envelope = detect(data)
    assert envelope is not None
    assert [line.inner for line in peel_all(envelope, data)][2:] == [BARE[0]] * 6


def test_blanks_before_the_first_line_alone_come_off() -> None:
    """A block that was pasted behind a blank, or from within a list, has its first line pushed to the right."""
    data = b"  " + BARE[0] + b"\n" + BARE[1] + b"\n"
    envelope = detect(data)
    assert envelope is not None
    assert [line.inner for line in peel_all(envelope, data)] == BARE[:2]


def test_the_name_of_a_machine_that_vagrant_sets_up_comes_off() -> None:
    data = b"    default: " + BARE[0] + b"\n    default: " + BARE[1] + b"\n    default: \n==> default: rabbitmq done\n"
    envelope = detect(data)
    assert envelope is not None
    assert envelope.name == "vagrant"
    assert [line.inner for line in peel_all(envelope, data)] == [*BARE[:2], b"", b"rabbitmq done"]
    data = b"    name: rabbit\n    port: 5672\n    rabbit: yes\n"
    assert detect(data) is None


def test_code_fences_are_no_lines_of_the_log() -> None:
    data = b"```text\n" + b"\n".join(BARE) + b"\n```\n"
    envelope = detect(data)
    assert envelope is not None
    assert envelope.name == "fenced"
    assert [line.inner for line in peel_all(envelope, data)] == [*BARE, b""]
    nested = b"```\n" + b"".join(b"mq-1 | " + line + b"\n" for line in BARE) + b"```\n"
    envelope = detect(nested)
    assert envelope is not None
    assert envelope.name == "fenced+compose"


def test_a_quotation_keeps_the_end_of_a_binary() -> None:
    """``>>`` closes an Erlang binary; only the quotation's own mark goes."""
    data = b"> " + BARE[0] + b"\n> >>,{state,1}}\n>\n"
    envelope = detect(data)
    assert envelope is not None
    assert [line.inner for line in peel_all(envelope, data)] == [BARE[0], b">>,{state,1}}", b""]


BARE_LOGS = {
    "logger": b"\n".join(BARE),
    "3.6": b"\n".join(OLD),
    "json": b"\n".join(JSON_LINES),
    "banner": b"\n  ##  ##      RabbitMQ 3.13.7\n  ##  ##\n  ##########  Copyright (c) 2007-2024\n  ######  ##\n  ##########  Licensed\n\n"
    b"  Erlang:      26.2.5 [jit]\n  TLS Library: OpenSSL - OpenSSL 3.1.6\n\n  Starting broker..." + JSON_LINES[0] + b"\n",
    "start of 3.8": b"08:11:24.675 [error] \n08:11:24.681 [error] BOOT FAILED\n08:11:24.681 [error] ===========\n",
    "ISO time": b"2026-11-23T08:08:45.177355+00:00 [NOTICE] <0.820.0> Logging: switching\n2026-11-23T08:08:45.177355+00:00 [INFO] <0.1.0> on\n",
    "epoch": b"1795421227.761709 [ntc] <0.826.0> tls.erl:315 text\n1795421228.761709 [ntc] <0.826.0> tls.erl:315 text\n",
    "crashed formatter": b'2026-11-23T07:54:15.257692+00:00 error: FORMATTER CRASH: {"x: ~ts",[<0.1.0>]}\n',
    "renamed keys": b'{"ts":1795421134379733,"severity":"notice","message":"TLS","process":"<0.820.0>"}\n',
    "micros": b"NOTI 1795421181429292 text\nNOTI 1795421181429293 text\n",
    "colours": b"\x1b[38;5;87m" + BARE[1] + b"\x1b[0m\n\x1b[38;5;87m" + BARE[2] + b"\x1b[0m\n",
    "trace": b"2018-02-28 06:58:44.578 [error] <0.1.0> CRASH REPORT\n"
    + b'    [{gen_server2,handle_msg,2,[{file,"src/gen_server2.erl"},{line,1067}]},\n     {proc_lib,wake_up,3,[]}]\n' * 40,
    "bare terms": b'{"init terminating in do_boot",{error,{a,"b: c"}}}\nKernel pid terminated (application_controller) ({x,y})\n',
    "pids": b"<0.1975331.0> undefined,undefined}}},\n<0.1975331.0> [{rabbit_classic_queue_store_v2,'-read/3-fun-0-',3,\n",
    "numbers": b"1\n2\n3\n",
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", BARE_LOGS)
def test_a_bare_log_has_no_envelope(name: str) -> None:
    assert detect(BARE_LOGS[name]) is None


def test_what_a_broker_log_looks_like() -> None:
    assert looks_like_broker_log(b"\n".join(BARE))
    assert looks_like_broker_log(b"".join(docker(line) + b"\n" for line in BARE))
    for name in ("crashed formatter", "renamed keys", "3.6", "json", "epoch", "micros", "start of 3.8"):
        assert looks_like_broker_log(BARE_LOGS[name]), name
    assert not looks_like_broker_log(b"listeners.tcp.default = 5672\nlog.file.level = debug\n")
    assert not looks_like_broker_log(b'{\n "evidence": [\n  "' + BARE[0] + b'"\n ]\n}\n')


# ------------------------------------------------------------------------------------------------------- laws

SAMPLES: dict[str, bytes] = {
    **{name: b"".join(wrap(line) + b"\n" for line in BARE) for name, (_, wrap, _, _) in WRAPS.items()},
    "counted": (DATA / "syslog_5424_counted.log").read_bytes(),
    "export": b"".join(
        b"__CURSOR=s=%d\n__REALTIME_TIMESTAMP=1795421181429292\n_HOSTNAME=mq\nMESSAGE\n%b%b\n\n"
        % (n, len(line).to_bytes(8, "little"), line)
        for n, line in enumerate(BARE)
    ),
    "fenced": b"```\n" + b"\n".join(BARE) + b"\n```\n",
    "grep -n": b"".join(b"%d:%b\n" % (n * 7, line) for n, line in enumerate(BARE)),
    "numbers": b"".join(b"  %d  %b\n" % (n, line) for n, line in enumerate(BARE)),
    "cri in parts": b"".join(
        b"2016-10-06T00:17:09.6Z stdout P %b\n2016-10-06T00:17:09.6Z stderr P x\n2016-10-06T00:17:09.6Z stdout F %b\n"
        b"2016-10-06T00:17:09.6Z stderr F y\n" % (line[:70], line[70:])
        for line in BARE
    ),
    "compose+timestamps": b"".join(b"mq | 2016-10-06T00:17:09.669794202Z " + line + b"\n" for line in BARE),
}
ENVELOPES: dict[str, Envelope] = {name: found for name, data in SAMPLES.items() if (found := detect(data))}


def test_every_sample_has_an_envelope() -> None:
    assert ENVELOPES.keys() == SAMPLES.keys()


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A wrapped log with pieces cut out, doubled, or replaced by any bytes."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    data = SAMPLES[name]
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(start + 200, len(data))))
        data = (
            data[:start] + draw(st.sampled_from([b"", data[start:end] * 2, b"\n", b"99 <"]) | st.binary(max_size=20)) + data[end:]
        )
    return name, data


@settings(max_examples=300, deadline=None)
@given(damaged(), st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_pieces_make_no_difference(case: tuple[str, bytes], sizes: list[int]) -> None:
    name, data = case
    assert peel_by(ENVELOPES[name], data, sizes) == peel_all(ENVELOPES[name], data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.binary(max_size=400), st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_any_bytes_can_be_peeled(name: str, data: bytes, sizes: list[int]) -> None:
    assert peel_by(ENVELOPES[name], data, sizes) == peel_all(ENVELOPES[name], data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    envelope = detect(data)
    if envelope is not None:
        peel_all(envelope, data)
    looks_like_broker_log(data)


@settings(max_examples=100, deadline=None)
@given(damaged())
def test_detection_of_damaged_logs_never_raises(case: tuple[str, bytes]) -> None:
    envelope = detect(case[1])
    if envelope is not None:
        peel_all(envelope, case[1])


def test_line_breaks_inside_a_json_message_are_its_own() -> None:
    """A term after a line break of a message looks like a line of its own, and is none."""
    rows = [
        '{"time":"2026-11-23 07:46:48.684571+00:00","level":"error","pid":"<0.1.0>","msg":"Error on AMQP connection <0.1.0>:'
        '\\n{noproc,{gen_server,call,[<0.31.0>,{info,[x]},15000]}}","domain":"rabbitmq.connection",'
        '"mfa":["rabbit_reader","start_connection",4],"file":"rabbit_reader.erl","line":17}',
        '{"msg":"Ready to start client connection listeners","mfa":["rabbit","x",1],"pid":"<0.2.0>","level":"info",'
        '"time":"2026-11-23 07:46:49.684571+00:00"}',
    ]
    moved = '{"file":"rabbit_reader.erl","msg":"closing AMQP connection <0.1.0> (10.0.0.1:40100 -> 10.0.0.2:5672):\\n'
    moved += '{handshake_timeout,handshake}","level":"error","pid":"<0.1.0>","time":"2026-11-23 07:46:50.684571+00:00"}'
    events = list(rabbitlogs.parse(rabbitlogs.Text("\n".join([*rows, moved]))))
    assert [event.record.format for event in events] == ["json"] * 3
    assert "unknown" not in [event.kind for event in events]


_FETCHED = [
    ("info", BARE[0] + b"\n"),
    ("notice", BARE[1] + b"\n" + BARE[2] + b"\n"),
    ("error", BARE[3] + b"\n" + BARE[4] + b"\n"),
]
_COLUMNS = ["routing_key", "exchange", "message_count", "payload", "payload_bytes", "payload_encoding", "redelivered"]


def _rows() -> list[list[str]]:
    return [[key, "amq.rabbitmq.log", "0", body.decode(), str(len(body)), "string", "False"] for key, body in _FETCHED]


def _in_ascii(rows: list[list[str]]) -> str:
    """The table of ``rabbitmqadmin get``: line breaks of a cell stand as they are."""
    wide = [max(len(row[n]) for row in [_COLUMNS, *rows]) + 2 for n in range(len(_COLUMNS))]
    rule = "+" + "+".join("-" * width for width in wide) + "+\n"
    title = "|" + "|".join(name.center(width) for name, width in zip(_COLUMNS, wide, strict=True)) + "|\n"
    body = ["|" + "|".join(f" {cell}".ljust(width) for cell, width in zip(row, wide, strict=True)) + "|\n" for row in rows]
    return rule + title + rule + "".join(body) + rule


def _in_boxes(rows: list[list[str]]) -> str:
    """The table of the second ``rabbitmqadmin``: drawn with box characters, a cell's line breaks inside the cell."""
    wide = [max(len(part) for row in [_COLUMNS, *rows] for part in row[n].split("\n")) for n in range(len(_COLUMNS))]
    out = ["┌" + "┬".join("─" * (width + 2) for width in wide) + "┐"]
    for row in [_COLUMNS, *rows]:
        parts = [cell.rstrip("\n").split("\n") for cell in row]
        for n in range(max(map(len, parts))):
            cells = ((part[n] if n < len(part) else "").ljust(width) for part, width in zip(parts, wide, strict=True))
            out.append("│ " + " │ ".join(cells) + " │")
        out.append("├" + "┼".join("─" * (width + 2) for width in wide) + "┤")
    return "\n".join(out) + "\n"


def _in_json(rows: list[list[str]]) -> str:
    return json.dumps([dict(zip(_COLUMNS, row, strict=True)) for row in rows], indent=2)


@pytest.mark.parametrize("printed", [_in_ascii, _in_boxes, _in_json])
def test_messages_fetched_from_the_log_exchange(printed: Callable[[list[list[str]]], str]) -> None:
    """As ``rabbitmqadmin get`` prints them they are the events that their bodies are, and nothing else."""
    bare = [(event.kind, event.fields) for event in rabbitlogs.parse(b"".join(body for _, body in _FETCHED))]
    shown = printed(_rows()).encode()
    assert [(event.kind, event.fields) for event in rabbitlogs.parse(shown)] == bare
    assert sum(record.length for record in rabbitlogs.read(shown)) == len(shown)
