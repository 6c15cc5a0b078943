"""``rabbitlogs tail``: what it prints, how it ends, whom it tells."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest
from follow_helpers import DEADLINE, RULES, beat, catalogue, gone, plain

from rabbitlogs import Analysis
from rabbitlogs.cli.main import main
from rabbitlogs.errors import UsageError
from rabbitlogs.follow import Diagnosis, Gap, Seen, Status, Update
from rabbitlogs.follow.amqp import parameters, shown_url
from rabbitlogs.follow.metrics import Metrics
from rabbitlogs.follow.notify import Notifier, command_receiver, web_receiver
from rabbitlogs.model import Finding
from rabbitlogs.report.live import TextPrinter, counter

BOOT = b"2026-02-11 06:30:09.150023+00:00 [info] <0.611.0> Server startup complete; 2 plugins started.\n"
STARTING = (
    b"2026-02-13 01:00:10.300117+00:00 [info] <0.209.0> \n"
    b"2026-02-13 01:00:10.300117+00:00 [info] <0.209.0>  Starting RabbitMQ 4.2.1 on Erlang 27.3.4 [jit]\n"
    b"2026-02-13 01:00:10.300117+00:00 [info] <0.209.0>  Copyright (c) 2007-2025 Broadcom Inc and/or its subsidiaries\n"
)
HANGING = b"2026-02-13 01:00:11.402210+00:00 [info] <0.224.0> starting Ra system: coordination in directory: /srv/mq/data/coordination/rabbit@q7\n"
FAILED = b"".join(
    b"2026-02-12 04:11:30.551203+00:00 [error] <0.230.0> " + line + b"\n"
    for line in (
        b"", b"BOOT FAILED", b"===========", b"Exception during startup:", b"", b"error:{badmatch,{error,unexpected_answer}}",
        b"", b"    rabbit:start/2, line 870", b"",
    )
)  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "80"}


@contextmanager
def running(*words: str, ready: Path, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """``rabbitlogs tail`` in a process; begins when it follows, which its state file shows."""
    command = [sys.executable, "-m", "rabbitlogs", "tail", "--state", str(ready), *words]
    with subprocess.Popen(command, env=environment(), **options) as process:  # type: ignore[call-overload]
        timer = threading.Timer(DEADLINE, process.kill)
        timer.start()
        try:
            deadline = threading.Event()
            while not ready.exists() and process.poll() is None:
                deadline.wait(0.01)
            yield process
        finally:
            timer.cancel()
            timer.join()
            if process.poll() is None:
                process.kill()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "rabbit@a.log"
    path.write_bytes(b"")
    return path


def append(path: Path, data: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(data)


def piped(data: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "rabbitlogs", "tail", *words]
    return subprocess.run(command, input=data, env=environment(), capture_output=True, timeout=DEADLINE)


class TestPiped:
    """Standard input, and plain output."""

    def test_text(self) -> None:
        done = piped(plain(0) + beat(1) + plain(2), "-")
        out = done.stdout.decode()
        assert done.returncode == 0
        assert "A client missed its heartbeats" in out
        assert "Next:" in out
        assert "\x1b" not in out
        assert "Followed 1 log" in out

    def test_jsonl(self) -> None:
        done = piped(beat(1) + gone(2) + plain(3), "-", "--format", "jsonl")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert [row["finding"]["id"] for row in rows] == ["connection.heartbeat_missed", "connection.closed_abruptly"]
        assert all(row["type"] == "finding" and row["latency_ms"] >= 0 and row["at"].endswith("+00:00") for row in rows)
        assert rows[0]["finding"]["evidence"][0]["source"] == "-"

    def test_without_arguments_it_reads_standard_input(self) -> None:
        assert b"heartbeats" in piped(beat(1)).stdout

    def test_only_and_ignore(self) -> None:
        data = beat(1) + gone(2)
        only = piped(data, "-", "--format", "jsonl", "--only", "connection.closed_abruptly")
        ignore = piped(data, "-", "--format", "jsonl", "--ignore", "connection.closed_abruptly")
        assert b"heartbeat_missed" not in only.stdout and b"closed_abruptly" in only.stdout  # noqa: PT018
        assert b"heartbeat_missed" in ignore.stdout and b"closed_abruptly" not in ignore.stdout  # noqa: PT018

    def test_control_characters_do_nothing(self) -> None:
        """What a client puts into its name reaches no terminal."""
        evil = beat(1).replace(b"-> 10.9.9.9:5672)", b"-> 10.9.9.9:5672 - \x1b]0;owned\x07\x9b31m\xe2\x80\xae)")
        out = piped(evil, "-").stdout.decode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", out)


class TestEnds:
    """How it ends, and with which code."""

    def test_until_boot_complete(self) -> None:
        done = piped(STARTING + BOOT, "-", "--until", "boot-complete")
        assert done.returncode == 0
        assert b"boot.completed" in done.stdout

    def test_until_boot_complete_on_standard_output(self, samples: Path) -> None:
        """What a container prints: the last words have no header."""
        data = (samples / "boot" / "standard-output-of-a-failed-start.log").read_bytes()
        done = piped(data, "-", "--until", "boot-complete")
        assert done.returncode == 1
        assert b"boot.port_in_use" in done.stderr

    def test_until_boot_complete_when_the_start_fails(self) -> None:
        """Not 0, and the reason in words."""
        done = piped(STARTING + FAILED, "-", "--until", "boot-complete")
        assert done.returncode == 1
        assert b"unexpected_answer" in done.stderr

    def test_until_a_condition(self) -> None:
        assert piped(beat(1) + plain(2), "-", "--until", "connection.heartbeat_missed").returncode == 0

    def test_until_timed_out(self, log: Path) -> None:
        """What has begun and not finished is named."""
        log.write_bytes(STARTING + HANGING)
        done = piped(b"", "--from-start", "--until", "boot-complete", "--timeout", "0.5", str(log))
        assert done.returncode == 4
        assert b"within 0.5 s" in done.stderr
        assert b"did not finish" in done.stderr

    def test_timeout_alone_is_no_failure(self, log: Path) -> None:
        assert piped(b"", "--timeout", "0.1", str(log)).returncode == 0

    def test_fail_on(self) -> None:
        assert piped(gone(1), "-", "--fail-on", "critical").returncode == 0
        done = piped(beat(1), "-", "--fail-on", "warning")
        assert done.returncode == 4
        assert b"heartbeat" in done.stderr

    def test_an_unknown_id(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["tail", "--until", "connection.heartbeat_mised", "x.log"]) == 2
        assert "connection.heartbeat_missed" in capsys.readouterr().err

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_it_with_the_summary(self, log: Path, tmp_path: Path, number: signal.Signals) -> None:
        with running(str(log), ready=tmp_path / "state", stdout=subprocess.PIPE) as process:
            append(log, beat(1) + plain(2))
            assert process.stdout is not None
            out = b""
            while b"evidence" not in out and b"rabbit@a.log:1" not in out:
                out += os.read(process.stdout.fileno(), 65536)
            process.send_signal(number)
            out += process.stdout.read()
            assert process.wait() == 0
        assert b"Followed 1 log" in out
        assert out.count(b"A client missed its heartbeats") == 2


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted to it."""

    got: list[bytes]

    def do_POST(self) -> None:
        self.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


class TestTellsOthers:
    """--exec, --webhook, --metrics."""

    def test_exec(self, log: Path, tmp_path: Path) -> None:
        told = tmp_path / "told"
        script = f"import sys; open({str(told)!r}, 'ab').write(sys.stdin.buffer.read() + b'\\n')"
        done = piped(beat(1) + beat(2) + gone(3), "-", "--exec", f'"{sys.executable}" -c "{script}"')
        assert done.returncode == 0
        ids = [json.loads(line)["finding"]["id"] for line in told.read_bytes().splitlines()]
        assert ids == ["connection.heartbeat_missed", "connection.closed_abruptly"]

    def test_webhook(self) -> None:
        got: list[bytes] = []
        server = HTTPServer(("127.0.0.1", 0), type("Kept", (Receiver,), {"got": got}))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            done = piped(beat(1) + plain(2), "-", "--webhook", f"http://127.0.0.1:{server.server_address[1]}/x")
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
        assert done.returncode == 0
        assert [json.loads(row)["finding"]["id"] for row in got] == ["connection.heartbeat_missed"]

    def test_a_receiver_that_hangs_delays_nobody(self) -> None:
        """A web server that accepts and never answers: everything is printed, and the end is not waited for."""
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            done = piped(beat(1) + gone(2), "-", "--webhook", f"http://127.0.0.1:{deaf.getsockname()[1]}/", "--format", "jsonl")
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) == 2

    def test_what_a_slow_receiver_misses_is_counted(self) -> None:
        release = threading.Event()
        notifier = Notifier("slow", lambda _: release.wait(DEADLINE) and None)
        for number in range(200):
            notifier.offer(diagnosis(f"test.number_{number}"))
        assert notifier.dropped in (99, 100)
        release.set()
        notifier.close(0.01)

    def test_a_burst_is_passed_on_and_then_one_a_second(self) -> None:
        got: list[bytes] = []
        news = threading.Semaphore(0)

        def send(document: bytes) -> None:
            got.append(document)
            news.release()

        notifier = Notifier("fast", send)
        for number in range(50):
            notifier.offer(diagnosis(f"test.number_{number}"))
        for _ in range(10):
            assert news.acquire(timeout=DEADLINE)
        assert not news.acquire(timeout=0.3)
        notifier.close(0.01)

    def test_problems_of_receivers_are_said(self) -> None:
        assert "could not be run" in str(command_receiver("/no/such/program")(b"{}"))
        assert "ended with 3" in str(command_receiver(f'"{sys.executable}" -c "raise SystemExit(3)"')(b"{}"))
        assert web_receiver("http://127.0.0.1:1/")(b"{}")
        for wrong in ("file:///etc/passwd", "http://", "nonsense"):
            with pytest.raises(UsageError):
                web_receiver(wrong)
        with pytest.raises(UsageError):
            command_receiver("'")

    def test_metrics(self) -> None:
        served = Metrics("0")
        try:
            served.show(
                Status(
                    records=3,
                    lines=4,
                    bytes=500,
                    lost_bytes=7,
                    by_level={"error": 2, "info": 1},
                    conditions={"connection.heartbeat_missed": ("error", 2)},
                    open=[("resource.memory_alarm", "Memory", 1)],
                )
            )
            with urlopen(f"http://127.0.0.1:{served.port}/metrics", timeout=DEADLINE) as answer:
                text = answer.read().decode()
        finally:
            served.close()
        for line in (
            'rabbitlogs_records_total{level="error"} 2.0',
            'rabbitlogs_conditions_total{id="connection.heartbeat_missed",severity="error"} 2.0',
            'rabbitlogs_condition_open{id="resource.memory_alarm"} 1.0',
            "rabbitlogs_lost_bytes_total 7.0",
        ):
            assert line in text

    def test_metrics_of_a_running_tail(self, log: Path, tmp_path: Path) -> None:
        with running(
            "--metrics", "0", str(log), ready=tmp_path / "state", stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        ) as tail:
            assert tail.stderr is not None
            port = int(tail.stderr.readline().split()[-1])
            append(log, beat(1) + plain(2))
            end, text = time.monotonic() + DEADLINE, ""
            while "heartbeat_missed" not in text and time.monotonic() < end:
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE) as answer:
                    text = answer.read().decode()
        assert 'rabbitlogs_conditions_total{id="connection.heartbeat_missed",severity="' in text

    @pytest.mark.parametrize("wrong", ["x", "99999999", "host:", "-1"])
    def test_metrics_usage(self, wrong: str) -> None:
        with pytest.raises(UsageError):
            Metrics(wrong)


def diagnosis(rule_id: str) -> Diagnosis:
    finding = Finding(
        id=rule_id, title="T", area="test", severity="error", confidence="high", state="instant", count=1, first=None, last=None,
        what="W", why=None, harmless_when=None,
    )  # fmt: skip
    return Diagnosis(finding, "2026-01-01T00:00:00+00:00", 1.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Screen:
    """What a terminal of some size shows: enough of one for what we write."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[str] = [""]
        self.row = 0

    def write(self, text: str) -> None:
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\n|\r|[^\x1b\n\r]+", text):
            if part == "\n":
                self.row += 1
                if self.row == len(self.rows):
                    self.rows.append("")
            elif part.endswith("A") and part.startswith("\x1b["):
                self.row = max(0, self.row - int(part[2:-1]))
            elif part == "\x1b[J":
                del self.rows[self.row + 1 :]
                self.rows[self.row] = ""
            elif not part.startswith("\x1b") and part != "\r":
                self.rows[self.row] += part
                while len(self.rows[self.row]) > self.columns:  # as a terminal wraps
                    rest = self.rows[self.row][self.columns :]
                    self.rows[self.row] = self.rows[self.row][: self.columns]
                    self.row += 1
                    if self.row == len(self.rows):
                        self.rows.append("")
                    self.rows[self.row] = rest

    def resize(self, columns: int) -> None:
        """Wraps anew, as most terminals do."""
        old, self.rows, self.columns = self.rows, [], columns
        for row in old:
            self.rows += [row[at : at + columns] for at in range(0, len(row), columns)] or [""]
        self.row = len(self.rows) - 1


class TestTerminal:
    """The footer."""

    @staticmethod
    def printer(monkeypatch: pytest.MonkeyPatch, size: list[int]) -> tuple[TextPrinter, Terminal, Callable[[], None]]:
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((size[0], 24)))
        monkeypatch.setattr("rabbitlogs.report.live.REDRAW", 0.0)
        out = Terminal()
        return TextPrinter(out), out, lambda: None

    STATUS = Status(
        records=12345, per_second=1000.0, sources=3,
        open=[(f"test.open_{n}", f"Open condition number {n} with a title that is longer than a line of a terminal is wide", n)
              for n in range(1, 6)],
    )  # fmt: skip

    def test_the_footer_is_below_what_is_printed_and_goes_at_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        size = [80]
        printer, out, _ = self.printer(monkeypatch, size)
        screen = Screen(80)
        for number in range(5):
            printer.show([Seen(f"test.seen_{number}", f"Event {number}", 1, None)])
            printer.tick(self.STATUS)
        screen.write(out.getvalue())
        assert [row for row in screen.rows if row.startswith("now Event")] == [f"now Event {n} (test.seen_{n})" for n in range(5)]
        footer = screen.rows[5:]
        assert footer[0].startswith("── 12,345 records, 1,000/s, 5 open, 3 logs")
        assert sum(row.startswith("open  x") for row in screen.rows) == 3
        assert all(len(row) <= 80 for row in screen.rows)

    @pytest.mark.parametrize("columns", [120, 60, 40, 24])
    def test_resizing_damages_nothing(self, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
        """After any change of width there is one footer, and what was printed is still there."""
        size = [80]
        printer, out, _ = self.printer(monkeypatch, size)
        screen = Screen(80)
        for number in range(6):
            printer.show([Seen(f"t.s{number}", f"Event {number}", 1, None)])
            printer.tick(self.STATUS)
            screen.write(out.getvalue())
            out.seek(0)
            out.truncate()
            if number % 2:
                size[0] = columns if size[0] == 80 else 80
                screen.resize(size[0])
        text = "\n".join(screen.rows)
        assert text.count("── ") == 1
        assert [f"Event {n}" in text for n in range(6)] == [True] * 6

    def test_everything_is_written_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """So that nothing flickers: taking the footer away, the text and the new footer are one write."""
        printer, _, _ = self.printer(monkeypatch, [80])
        writes: list[str] = []
        monkeypatch.setattr(printer._out, "write", writes.append)
        printer.tick(self.STATUS)
        printer.show([Seen("t.s", "Event", 1, None), Gap("a.log", "truncated", 5)])
        assert len(writes) == 2
        assert all(text.startswith("\x1b[?2026h") and text.endswith("\x1b[?2026l") for text in writes)

    def test_an_unchanged_footer_is_not_drawn_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        printer, out, _ = self.printer(monkeypatch, [80])
        printer.tick(self.STATUS)
        length = len(out.getvalue())
        printer.tick(self.STATUS)
        assert len(out.getvalue()) == length

    def test_a_counter(self) -> None:
        update = Update("t.x", "Title", "error", 1312, "2026-02-01T14:03:22.5+00:00", {"user": 3, "client": 1})
        assert counter(update) == "x 1,312, last 14:03:22, 3 users, 1 client"

    def test_counters_come_ever_more_rarely(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A condition that repeats for a minute is some lines, not sixty."""
        clock = [1000.0]
        monkeypatch.setattr("rabbitlogs.report.live.time.monotonic", lambda: clock[0])
        out = io.StringIO()
        printer = TextPrinter(out)
        printer.show([diagnosis("t.x")])
        for number in range(60):
            clock[0] += 1
            printer.show([Update("t.x", "T", "error", number + 2, None, {})])
            printer.tick(Status())
        printed = [line for line in out.getvalue().splitlines() if line.startswith("x ")]
        assert 3 <= len(printed) <= 7

    def test_the_end_prints_every_counter_that_waits(self) -> None:
        """Conditions that repeated since their last counter say so before the summary, however many they are."""
        out = io.StringIO()
        printer = TextPrinter(out)
        names = ["t.x", "t.y", "t.z"]
        printer.show([diagnosis(name) for name in names])
        printer.show([Update(name, name, "error", 7, None, {}) for name in names])
        printer.close(Analysis().report(), Status())
        assert [line.split()[-1] for line in out.getvalue().splitlines() if line.startswith("x 7")] == names

    def test_in_a_real_terminal(self, log: Path, tmp_path: Path) -> None:
        """A pseudo-terminal of 80 columns: a diagnosis, the footer, Ctrl-C, the summary; nothing wider than it is."""
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        command_options = {"stdin": follower, "stdout": follower, "stderr": follower, "start_new_session": True}
        got = b""

        def read_until(mark: bytes) -> None:
            nonlocal got
            end = time.monotonic() + DEADLINE
            while mark not in got:
                assert time.monotonic() < end, got
                if select.select([leader], [], [], 0.1)[0]:
                    got += os.read(leader, 65536)

        try:
            with running(str(log), ready=tmp_path / "state", **command_options) as process:
                os.close(follower)
                read_until("── ".encode())
                append(log, beat(1) + plain(2))
                read_until(b"Next:")
                process.send_signal(signal.SIGINT)
                read_until(b"Followed 1 log")
                assert process.wait(DEADLINE) == 0
        finally:
            os.close(leader)
        screen = Screen(80)
        screen.write(got.decode())
        assert not [row for row in screen.rows if row.startswith("── ")]
        assert all(len(row) <= 80 for row in screen.rows)


def test_every_option_is_documented() -> None:
    from rabbitlogs.cli.tail import tail

    text = (Path(__file__).parents[2] / "docs" / "tail.md").read_text(encoding="utf-8")
    options = [name for parameter in tail.params for name in parameter.opts + parameter.secondary_opts if name.startswith("--")]
    assert [name for name in options if name not in text] == []


class TestAddresses:
    """amqp:// addresses, without a broker."""

    def test_no_password_is_shown(self) -> None:
        assert shown_url("amqps://user:secret@host:5671/vhost?certfile=x") == "amqps://host:5671/vhost"
        assert shown_url("amqp://[::1]") == "amqp://[::1]"

    def test_the_default_virtual_host(self) -> None:
        pytest.importorskip("pika")
        assert parameters("amqp://guest:guest@127.0.0.1").virtual_host == "/"

    @pytest.mark.parametrize(
        "url", ["amqps://127.0.0.1?cacertfile=/no/such/file", "amqp://127.0.0.1:port", "amqp://127.0.0.1?heartbeat=x"]
    )
    def test_addresses_that_make_no_sense(self, url: str) -> None:
        pytest.importorskip("pika")
        with pytest.raises(UsageError):
            parameters(url)

    def test_a_node_that_is_not_there(self, tmp_path: Path) -> None:
        """It is tried again until stopped; following ends at once all the same."""
        pytest.importorskip("pika")
        from follow_helpers import Live

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with Live(f"amqp://127.0.0.1:{port}", rules=catalogue(tmp_path / "rules", RULES)) as live:
            live.until(lambda live: any("no connection" in getattr(i, "text", "") for i in live.items), "said")
            live.stop()
