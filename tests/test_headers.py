"""What stands before a message, in every spelling a broker can be set to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import rabbitlogs
from rabbitlogs.errors import UsageError
from rabbitlogs.framing.headers import formats_of_config, parse_header, use_format
from rabbitlogs.framing.levels import LEVELS
from rabbitlogs.framing.times import to_iso, to_seconds


@pytest.mark.parametrize(
    ("line", "format_", "stamp", "level", "pid"),
    [
        (
            "2026-11-23 07:46:48.684571+00:00 [info] <0.223.0> text",
            "logger",
            "2026-11-23T07:46:48.684571+00:00",
            "info",
            "<0.223.0>",
        ),
        (
            "2026-11-23T07:46:48.684571+02:00 [NOTICE] <0.223.0> text",
            "logger",
            "2026-11-23T07:46:48.684571+02:00",
            "notice",
            "<0.223.0>",
        ),
        ("2026-11-23 08:10:19.645 [error] <0.273.0> text", "lager", "2026-11-23T08:10:19.645", "error", "<0.273.0>"),
        ("2026-11-23 08:10:19.645 [error] emulator text", "lager", "2026-11-23T08:10:19.645", "error", "emulator"),
        ("08:11:24.675 [error] text", "lager", None, "error", None),
        ("NOTI 1795421181429292 text", "custom", "2026-11-23T08:06:21.429292+00:00", "notice", None),
        ("1795421227.761709 [ntc] <0.826.0> text", "custom", "2026-11-23T08:07:07.761709+00:00", "notice", "<0.826.0>"),
        (
            "\x1b[1;31m2026-11-23 07:46:48.684571+00:00 [error] <0.2.0> text",
            "logger",
            "2026-11-23T07:46:48.684571+00:00",
            "error",
            "<0.2.0>",
        ),
        ("2026.03.02 11:20:14 LOG3[7]: text", "stunnel", "2026-03-02T11:20:14", "error", None),
        ("2026.03.02 11:20:14 LOG5[ui]: text", "stunnel", "2026-03-02T11:20:14", "notice", None),
        ("LOG4[3101:139876]: text", "stunnel", None, "warning", None),
        ("stunnel[123]: LOG3[7]: text", "stunnel", None, "error", None),
        ("stunnel: LOG7[main]: text", "stunnel", None, "debug", None),
        (
            "2026-11-23 07:46:48.684571+00:00 [error] <unknown pid> text",
            "logger",
            "2026-11-23T07:46:48.684571+00:00",
            "error",
            "<unknown pid>",
        ),
        ("2026-04-02T10:00:02.551Z  INFO text", "custom", "2026-04-02T10:00:02.551+00:00", "info", None),
        # the first character was lost in pasting: no year, so no time
        ("024-05-05 05:55:43.006747+00:00 [error] <0.826.0> text", "custom", None, "error", "<0.826.0>"),
        ("05-05-2024 05:55:43.006747+02:00 [error] text", "custom", "2024-05-05T05:55:43.006747+02:00", "error", None),
        ("2024-05-05T05:55:43.006747+00:00 error: text", "custom", "2024-05-05T05:55:43.006747+00:00", "error", None),
    ],
)
def test_a_header_is_read(line: str, format_: str, stamp: str | None, level: str, pid: str | None) -> None:
    """Format, time, level and process; the message begins where the header ends."""
    header = parse_header(line.encode())
    assert (header.format, header.level, header.pid) == (format_, level, pid)
    assert (to_iso(header.time) if header.time else None) == stamp
    assert line.encode()[header.start :] == b"text"


def test_an_empty_line_of_an_early_start_has_its_header() -> None:
    """What copies a log takes the blank at the end of an empty message away."""
    header = parse_header(b"08:11:24.675 [error]")
    assert (header.format, header.level, header.start) == ("lager", "error", 20)


@pytest.mark.parametrize(
    ("form", "words"),
    {
        "lc": "debug info notice warning error critical alert emergency",
        "uc": "DEBUG INFO NOTICE WARNING ERROR CRITICAL ALERT EMERGENCY",
        "lc3": "dbg inf ntc wrn err crt alt emg",
        "uc3": "DBG INF NTC WRN ERR CRT ALT EMG",
        "lc4": "dbug info noti warn erro crit alrt emgc",
        "uc4": "DBUG INFO NOTI WARN ERRO CRIT ALRT EMGC",
    }.items(),
)
def test_every_level_format(form: str, words: str) -> None:
    """The eight levels as ``log.*.formatter.level_format`` writes them (rabbit_logger_fmt_helpers, format_level1)."""
    for level, word in zip(LEVELS, words.split(), strict=True):
        for line in (f"2026-11-23 07:46:48.684571+00:00 [{word}] <0.223.0> text", f"{word} 1795421181429292 text"):
            header = parse_header(line.encode())
            assert (header.level, line[header.start :]) == (level, "text"), form


def test_stunnel_lines_are_records_of_their_own() -> None:
    """Two unknown lines with one head are two records, each with its time and level; also by way of syslog."""
    lines = ["LOG5[ui]: one", "LOG5[ui]: another", "LOG3[7]: SSL_accept: Peer suddenly disconnected"]
    for head in ("2026.03.02 11:20:14 ", "stunnel[123]: ", "Mar  2 11:20:14 host stunnel[123]: ", "stunnel: "):
        report = rabbitlogs.explain(rabbitlogs.Text("".join(f"{head}{line}\n" for line in lines)))
        assert report.totals["by_level"] == {"error": 1, "notice": 2}, head
        assert report.totals["by_kind"] == {"stunnel.accept_aborted": 1, "unknown": 2}, head


@pytest.mark.parametrize("line", ["hello world", "error: something bad", "", "[error]", "12345", "{}", "<0.1.0> text"])
def test_text_is_no_header(line: str) -> None:
    """What only looks a little like one is text."""
    assert parse_header(line.encode()).format == "bare"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("=ERROR REPORT==== 20-Jun-2018::15:40:37 ===", "error"),
        ("=ERROR EVENT==== 20-Jun-2018::15:40:37.123456 ===", "error"),
        ("=CRASH REPORT==== 20-Jun-2018::15:40:37 ===", "error"),
        ("2018-06-20 15:40:37 =SUPERVISOR REPORT====", "error"),
        ("=INFO REPORT==== 1-Jul-2018::05:40:37 UTC ===", "info"),
    ],
)
def test_a_report_header_is_read(line: str, level: str) -> None:
    """The format up to 3.6, SASL's, and lager's crash.log."""
    header = parse_header(line.encode())
    assert (header.format, header.level) == ("report", level)
    assert to_seconds(to_iso(header.time or "")) is not None


def test_a_format_without_msg_is_refused() -> None:
    """It says how to write one."""
    with pytest.raises(UsageError, match=r"no \$msg"):
        use_format("$time $level")


def test_a_configuration_names_its_format() -> None:
    """File before console; comments do not count."""
    text = "# log.file.formatter.plaintext.format = $msg\nlog.console.formatter.plaintext.format = $level $msg\nlog.file.formatter.plaintext.format = $pid|$msg\n"
    assert formats_of_config(text) == ["$pid|$msg", "$level $msg"]
    assert formats_of_config("listeners.tcp.1 = 5672") == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("[[$pid]] $level; $msg", ["[[<0.1.0>]] error; {}", "[[<0.1.0>]] error; {}"]),
        ("$msg -- $level/$pid", ["{} -- error/<0.1.0>", "{} -- error/<0.1.0>"]),
        ("$level $domain: $msg ($time)", ["error [rabbitmq,connection]: {} (1795421227.761709)"] * 2),
    ],
)
def test_a_format_given_is_read(text: str, lines: list[str], tmp_path: Path) -> None:
    """Any order of the parts, from the option and from the configuration, by each command that reads files."""
    messages = [
        "closing AMQP connection <0.1.0> (10.0.0.5:1 -> 10.0.0.2:5672):",
        "missed heartbeats from client, timeout: 60s",
    ]
    log, config = tmp_path / "rabbit.log", tmp_path / "rabbitmq.conf"
    log.write_text("".join(line.format(m) + "\n" for line, m in zip(lines, messages, strict=True)), encoding="utf-8")
    config.write_text(f"log.file.formatter.plaintext.format = {text}\n", encoding="utf-8")
    for option in (["--log-format", text], ["--config", str(config)]):
        command = [sys.executable, "-m", "rabbitlogs", "explain", "--format", "json", *option, str(log)]
        report = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
        assert report["totals"]["by_level"] == {"error": 1}
        assert report["sources"][0]["format"] == "custom"
        assert [f["id"] for f in report["findings"]] == ["connection.heartbeat_missed"]
    command = [sys.executable, "-m", "rabbitlogs", "parse", "--log-format", text, str(log)]
    records = [
        json.loads(row) for row in subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.splitlines()
    ]
    assert [(r["kind"], r["message"]) for r in records] == [("connection.heartbeat_missed", "\n".join(messages))]


def test_a_header_behind_the_banner_is_read() -> None:
    """The banner's last line has no line feed; the single-line formatter begins with what was an empty line."""
    text = """  Starting broker...2026-11-23 07:46:48.684571+00:00 [info] <0.229.0> , node           : rabbit@a, home dir       : /var/lib/rabbitmq, config file(s) : (none), cookie hash    : x, log(s)         : <stdout>, database dir   : /var/lib/rabbitmq/mnesia/rabbit@a
 completed with 0 plugins.
"""
    first, second = rabbitlogs.parse(rabbitlogs.Text(text))
    assert (first.kind, first.fields["node"], first.record.level) == ("boot.node_identified", "rabbit@a", "info")
    assert first.record.length == text.index("\n") + 1
    assert second.kind == "boot.broker_started"


def test_a_header_may_have_lost_its_date() -> None:
    """A clock with microseconds and zone, and lager's clock before a process: people cut the date off."""
    cases = (
        (b"10:22:33.123456+00:00 [error] <0.55.0> hello", "custom", "<0.55.0>"),
        (b"10:22:33.123 [error] <0.55.0> hello", "lager", "<0.55.0>"),
        (b"10:22:33.123 [error] hello", "lager", None),
    )
    for line, form, process in cases:
        header = parse_header(line)
        assert (header.format, header.level, header.pid) == (form, "error", process), line
        assert line[header.start :] == b"hello"
