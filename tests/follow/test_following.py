"""Following logs: what is said while they grow, and that it is what reading the whole says in the end."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import pytest
from follow_helpers import DEADLINE, Live, beat, catalogue, gone, plain, shown, totals

import rabbitlogs
from rabbitlogs.engine.catalogue import Catalogue
from rabbitlogs.errors import UsageError
from rabbitlogs.follow import Diagnosis, Follower, Item, Notice, Seen, Update, Withdrawn
from rabbitlogs.follow.files import Position
from rabbitlogs.follow.positions import load
from rabbitlogs.follow.watching import Wake, Watcher, tells_of_changes

MISSED = "connection.heartbeat_missed"
ALERT = """
title = "An alert"
severity = "error"
[[match]]
kind = "KIND"
[explain]
what = "An alert."
"""
ALERTS = (("bare", "tls.alert_raised_bare"), ("reasoned", "tls.alert_raised"))


@pytest.fixture
def rules(tmp_path: Path) -> Catalogue:
    return catalogue(tmp_path / "rules")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder / "rabbit@a.log"


@pytest.fixture(autouse=True)
def _no_thread_left() -> object:
    before = set(threading.enumerate())
    yield None
    left = [t for t in threading.enumerate() if t not in before and t.is_alive()]
    assert not left


def append(path: Path, data: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(data)


def explained(rules: Catalogue, *parts: bytes) -> dict[str, object]:
    return shown(rabbitlogs.explain(rabbitlogs.Text(b"".join(parts).decode()), catalogue=rules).to_dict())


class TestWhen:
    """When a record is diagnosed."""

    def test_when_the_next_begins(self, log: Path, rules: Catalogue) -> None:
        """With a quiet time that never ends, the next record alone tells that the one before is whole."""
        log.write_bytes(b"")
        with Live(log, rules=rules, quiet=1e6) as live:
            append(log, beat(1) + plain(2))
            live.until_count(MISSED, 1)
            finding = live.diagnoses()[0].finding
            assert (finding.count, finding.what) == (1, "Nothing came from 10.0.0.1.")

    def test_when_the_log_is_quiet(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(b"")
        with Live(log, rules=rules) as live:
            append(log, beat(1))
            live.until_count(MISSED, 1)

    def test_a_line_without_its_end_counts_at_last(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(b"")
        with Live(log, rules=rules) as live:
            append(log, beat(1)[:-1])
            live.until_count(MISSED, 1)

    def test_what_was_there_before_is_not_news(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(beat(1) + plain(2))
        with Live(log, rules=rules) as live:
            append(log, gone(3) + plain(4))
            live.until_count("connection.closed_abruptly", 1)
            assert [d.finding.id for d in live.diagnoses()] == ["connection.closed_abruptly"]
            evidence = live.diagnoses()[0].finding.evidence[0]
            assert (evidence.line, evidence.offset) == (4, len(beat(1) + plain(2)))

    def test_from_the_start(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(beat(1) + plain(2))
        with Live(log, rules=rules, from_start=True) as live:
            live.until_count(MISSED, 1)

    def test_once_in_full_then_a_counter(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(b"")
        with Live(log, rules=rules) as live:
            for number in range(0, 300, 3):
                append(log, b"".join(map(beat, range(number, number + 3))))
            live.until_count(MISSED, 300)
            assert [d.finding.id for d in live.diagnoses()] == [MISSED]
            update = next(item for item in reversed(live.items) if isinstance(item, Update))
            assert (update.count, update.last, update.subjects["client"]) == (300, "2026-02-01T00:04:59.299000+00:00", 300)


class TestPauses:
    """A pause anywhere in a record changes nothing in the end."""

    def test_between_the_lines_of_a_record(self, log: Path, rules: Catalogue) -> None:
        """The first line alone is looked at when the log pauses; the record is still one."""
        first, second = beat(1).splitlines(keepends=True)
        log.write_bytes(b"")
        with Live(log, rules=rules, quiet=0.01) as live:
            append(log, plain(0) + first)
            live.until(lambda live: not live.follower._pending and live.follower.status().bytes > 0, "looked at")
            append(log, second)
            live.until_count(MISSED, 1)
            append(log, plain(2))
            live.until_bytes(len(plain(0) + beat(1) + plain(2)))
            live.stop()
            assert totals(live) == explained(rules, plain(0), beat(1), plain(2))
            assert live.said(MISSED) == 1

    def test_a_diagnosis_that_the_next_line_disproves_is_withdrawn(self, log: Path, tmp_path: Path) -> None:
        """A TLS alert whose reason comes after a pause: without it, it was another condition."""
        rules = catalogue(tmp_path / "two", {f"tls.{name}": ALERT.replace("KIND", kind) for name, kind in ALERTS})
        head = "2026-02-13 01:00:10.300117+00:00 [notice] <0.9.0> "
        first = f"{head}TLS server: In state wait_cert at tls_handshake_1_3.erl:1000 generated SERVER ALERT: Fatal - Certificate required\n"
        second = f"{head} - certificate_required\n"
        log.write_bytes(b"")
        with Live(log, rules=rules, quiet=0.01) as live:
            append(log, plain(0) + first.encode())
            live.until_count("tls.bare", 1)
            append(log, second.encode())
            live.until_count("tls.reasoned", 1)
            live.until(lambda live: any(isinstance(item, Withdrawn) for item in live.items), "withdrawn")
            append(log, plain(2))
            live.until_bytes(len(plain(0) + plain(2) + (first + second).encode()))
            live.stop()
            assert totals(live) == explained(rules, plain(0), (first + second).encode(), plain(2))

    @pytest.mark.parametrize("seed", range(4))
    def test_anywhere_and_rotated_at_any_moment(self, log: Path, rules: Catalogue, seed: int) -> None:
        """Law 4: pieces of any size, looked at in between, renamed and emptied at record boundaries."""
        chance = random.Random(seed)
        records = [chance.choice([plain, beat, gone])(number) for number in range(60)]
        log.write_bytes(b"")
        written = 0
        with Live(log, rules=rules, quiet=0.001) as live:
            for number, record in enumerate(records):
                cut = chance.randrange(len(record))
                for piece in (record[:cut], record[cut:]):
                    append(log, piece)
                    written += len(piece)
                    if chance.random() < 0.3:
                        live.until_bytes(written)
                if chance.random() < 0.1:
                    log.rename(log.with_name(f"rabbit@a.log-202602{number + 1:02d}"))
                elif chance.random() < 0.1:
                    shutil.copy(log, log.with_name(f"rabbit@a.log-202602{number + 1:02d}"))
                    os.truncate(log, 0)
            live.until_bytes(written)
            live.stop()
            assert live.gaps() == []
            assert totals(live) == explained(rules, *records)


class TestSources:
    """Files, folders, pipes, wrappers."""

    def test_a_folder_and_the_log_of_a_new_node(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(beat(1) + plain(2))
        with Live(log.parent, rules=rules) as live:
            append(log.parent / "rabbit@b.log", beat(3) + plain(4))
            live.until_count(MISSED, 1)
            below = log.parent / "deeper"
            below.mkdir()
            append(below / "rabbit@c.log", gone(5) + plain(6))
            live.until_count("connection.closed_abruptly", 1)
            names = {d.finding.evidence[0].source for d in live.diagnoses()}
            assert names == {str(log.parent / "rabbit@b.log"), str(below / "rabbit@c.log")}

    def test_many_files_at_once(self, log: Path, rules: Catalogue) -> None:
        """Each of two hundred logs is rotated once; every record counts once."""
        paths = [log.with_name(f"rabbit@n{number}.log") for number in range(200)]
        for path in paths:
            path.write_bytes(b"")
        with Live(log.parent, rules=rules) as live:
            for number, path in enumerate(paths):
                append(path, beat(number) + plain(number))
            live.until_count(MISSED, 200)
            for number, path in enumerate(paths):
                path.rename(path.with_name(path.name + ".1"))
                path.write_bytes(beat(number + 1000) + plain(number + 1000))
            live.until_count(MISSED, 400)
            live.stop()
            assert live.follower.report().totals["records"] == 800

    def test_a_log_that_is_not_there_yet(self, log: Path, rules: Catalogue) -> None:
        with Live(log, rules=rules) as live:
            live.until(lambda live: any(isinstance(item, Notice) for item in live.items), "said to be missing")
            log.write_bytes(beat(1) + plain(2))
            live.until_count(MISSED, 1)

    def test_a_folder_that_vanishes_and_comes_back(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(plain(0))
        with Live(log, rules=rules) as live:
            shutil.rmtree(log.parent)
            log.parent.mkdir()
            log.write_bytes(beat(1) + plain(2))
            live.until_count(MISSED, 1)
            append(log, gone(3) + plain(4))
            live.until_count("connection.closed_abruptly", 1)

    def test_through_a_link(self, log: Path, rules: Catalogue, tmp_path: Path) -> None:
        """As a container's log directory has them; the link is turned to a new file later."""
        real, other = tmp_path / "0.log", tmp_path / "1.log"
        real.write_bytes(plain(0))
        log.symlink_to(real)
        with Live(log, rules=rules) as live:
            append(real, beat(1) + plain(2))
            live.until_count(MISSED, 1)
            other.write_bytes(gone(3) + plain(4))
            log.unlink()
            log.symlink_to(other)
            live.until_count("connection.closed_abruptly", 1)

    @pytest.mark.parametrize("wrap", ["docker", "cri", "compose"])
    def test_wrapped(self, log: Path, rules: Catalogue, wrap: str) -> None:
        """The wrapper is told by what stands in the file before the place where following begins."""

        def wrapped(data: bytes) -> bytes:
            out = []
            for line in data.decode().splitlines():
                if wrap == "docker":
                    out.append(json.dumps({"log": line + "\n", "stream": "stdout", "time": "2026-02-01T00:00:00.5Z"}))
                elif wrap == "cri":
                    out.append(f"2026-02-01T00:00:00.123456789+00:00 stdout F {line}")
                else:
                    out.append(f"rabbit-1  | {line}")
            return ("\n".join(out) + "\n").encode()

        log.write_bytes(wrapped(b"".join(map(plain, range(20)))))
        with Live(log, rules=rules) as live:
            append(log, wrapped(beat(31)) + wrapped(plain(32)))
            live.until_count(MISSED, 1)
            append(log, wrapped(gone(33)))
            live.until_count("connection.closed_abruptly", 1)

    def test_a_named_pipe(self, tmp_path: Path, rules: Catalogue) -> None:
        """One writer after the other; the pipe does not end with the first."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with Live(pipe, rules=rules) as live:
            append(pipe, beat(1) + plain(2))
            live.until_count(MISSED, 1)
            append(pipe, gone(3) + plain(4))
            live.until_count("connection.closed_abruptly", 1)

    def test_a_command_s_output_by_descriptor(self, rules: Catalogue) -> None:
        """What a shell makes of ``<(kubectl logs -f ...)``: it ends when the command does."""
        reading, writing = os.pipe()
        try:
            with os.fdopen(writing, "wb") as out:
                out.write(beat(1) + plain(2))
            said = list(rabbitlogs.follow(f"/dev/fd/{reading}", catalogue=rules))
        finally:
            os.close(reading)
        assert [type(item) for item in said] == [Diagnosis]

    def test_a_compressed_log_does_not_grow(self, log: Path, rules: Catalogue) -> None:
        with pytest.raises(UsageError, match="explain"):
            next(Follower(str(log) + ".gz", catalogue=rules).items())

    def test_nothing_given(self, rules: Catalogue) -> None:
        with pytest.raises(UsageError):
            Follower(catalogue=rules)


class TestWaking:
    """Notifications and polling."""

    def test_polling(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(b"")
        with Live(log, rules=rules, polling=True) as live:
            append(log, beat(1) + plain(2))
            live.until_count(MISSED, 1)
            assert live.follower.is_polling

    def test_notifications_are_the_rule(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(b"")
        with Live(log, rules=rules) as live:
            assert not live.follower.is_polling

    def test_the_environment_overrides(self, log: Path, rules: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RABBITLOGS_POLLING", "1")
        log.write_bytes(b"")
        with Live(log, rules=rules) as live:
            assert live.follower.is_polling

    def test_a_network_file_system_is_polled(self, tmp_path: Path) -> None:
        mounts = tmp_path / "mountinfo"
        mounts.write_text(
            "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /srv/my\\040logs rw shared:1 - nfs4 host:/x rw\n", encoding="utf-8"
        )
        assert tells_of_changes("/srv", str(mounts))
        assert not tells_of_changes("/srv/my logs/rabbitmq", str(mounts))

    def test_when_nothing_is_told_three_times_polling_begins(self) -> None:
        watcher = Watcher(Wake())
        watcher.missed()
        watcher.told()
        watcher.missed()
        watcher.missed()
        assert not watcher.is_polling
        watcher.missed()
        assert watcher.is_polling

    def test_a_folder_that_cannot_be_watched_is_polled(
        self, log: Path, rules: Catalogue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No watches left, as when a machine's limit is reached."""

        def refuse(self: Watcher, key: object, identity: object) -> bool:
            return False

        monkeypatch.setattr(Watcher, "_add", refuse)
        log.write_bytes(b"")
        with Live(log, rules=rules) as live:
            append(log, beat(1) + plain(2))
            live.until_count(MISSED, 1)
            assert live.follower.is_polling


class TestState:
    """Going on after a restart."""

    def test_nothing_lost_and_nothing_twice(self, log: Path, rules: Catalogue, tmp_path: Path) -> None:
        state = tmp_path / "state.json"
        log.write_bytes(plain(0))
        with Live(log, rules=rules, state=state) as live:
            append(log, beat(1) + beat(2) + plain(3))
            live.until_count(MISSED, 2)
            live.stop()
        append(log, beat(4) + gone(5) + plain(6))
        log.rename(log.with_name("rabbit@a.log.1"))
        log.write_bytes(beat(7) + plain(8))
        with Live(log, rules=rules, state=state) as live:
            live.until_count("connection.closed_abruptly", 1)
            live.until_count(MISSED, 4)
            assert [d.finding.id for d in live.diagnoses()] == ["connection.closed_abruptly"]
            assert live.gaps() == []

    @pytest.mark.parametrize("seed", range(3))
    def test_killed(self, log: Path, tmp_path: Path, seed: int) -> None:
        """After kill -9 at any moment nothing is lost, and at most what was in hand is said twice."""
        chance = random.Random(seed)
        catalogue(tmp_path / "rules", {f"test.number_{number}": _numbered(number) for number in range(30)})
        log.write_bytes(b"")
        said: list[str] = []
        number = 0
        for _ in range(5):
            command = [sys.executable, "-c", CHILD, str(tmp_path / "rules"), str(tmp_path / "state"), str(log)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=_environment()) as process:
                assert process.stdout is not None
                with Deadline(process):
                    while (line := process.stdout.readline()) != b"ready\n":
                        assert line
                        said.append(line.decode().strip())
                    for _ in range(6):
                        append(log, beat(number))
                        number += 1
                    for _ in range(chance.randrange(1, 6)):
                        said.append(process.stdout.readline().decode().strip())
                process.kill()
                said += process.stdout.read().decode().split()
        rules = catalogue(tmp_path / "rules", {})
        with Live(log, rules=rules, state=tmp_path / "state") as live:
            live.until_count("test.number_29", 1)
            live.stop()
            said += [d.finding.id for d in live.diagnoses()]
        expected = [f"test.number_{n}" for n in range(30)]
        assert list(dict.fromkeys(said)) == expected
        assert len(said) - len(expected) <= 5
        assert all(said.count(name) <= 2 for name in expected)

    def test_a_full_disk(self, log: Path, rules: Catalogue) -> None:
        """The state cannot be written: that is said once, and following goes on."""
        log.write_bytes(b"")
        with Live(log, rules=rules, state="/dev/full/state.json") as live:
            append(log, beat(1) + plain(2))
            live.until_count(MISSED, 1)
            append(log, gone(3) + plain(4))
            live.until_count("connection.closed_abruptly", 1)
            notices = [item for item in live.items if isinstance(item, Notice)]
            assert len([n for n in notices if "could not be written" in n.text]) == 1

    def test_a_write_that_fails_leaves_the_old_state(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from rabbitlogs.follow import positions

        path = tmp_path / "state.json"
        place = Position(1, 2, b"head", 7, b"tail")
        assert positions.save(str(path), {"a": place}, {}) is None

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        assert positions.save(str(path), {}, {}) == "no space left on device"
        assert load(str(path)).positions == {"a": place}
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[]", b'{"schema": "other/1"}', b"\xff\xfe", b'{"schema":"rabbitlogs.tail-state/1","files":3}']
    )
    def test_a_damaged_state_is_as_good_as_none(self, log: Path, rules: Catalogue, tmp_path: Path, content: bytes) -> None:
        state = tmp_path / "state.json"
        state.write_bytes(content)
        log.write_bytes(plain(0))
        with Live(log, rules=rules, state=state) as live:
            append(log, beat(1) + plain(2))
            live.until_count(MISSED, 1)


def _numbered(number: int) -> str:
    return f"""
title = "Number {number}"
severity = "error"
[[match]]
kind = "connection.heartbeat_missed"
client = {{ like = "^10[.]0[.]0[.]{number}:" }}
[explain]
what = "Number {number}."
"""


CHILD = """
import sys
from rabbitlogs.engine.catalogue import Catalogue, Rule, build_index
from rabbitlogs.follow import Diagnosis, Follower

folder, state, log = sys.argv[1:]
rules = Catalogue(Rule(row, folder) for row in build_index(folder))
begun = False
for item in Follower(log, catalogue=rules, state=state).ticks(0.01):
    if item is None and not begun:
        begun = True
        print("ready", flush=True)
    if isinstance(item, Diagnosis):
        print(item.finding.id, flush=True)
"""


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


class Deadline:
    """Kills a process that takes too long, so that reading from it ends."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._timer = threading.Timer(DEADLINE, process.kill)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()


class TestLibrary:
    """follow() and afollow()."""

    def test_follow_ends_when_the_event_is_set(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(beat(1) + plain(2))
        stop = threading.Event()
        said: list[Item] = []
        for item in rabbitlogs.follow(log, catalogue=rules, from_start=True, stop_event=stop):
            said.append(item)
            stop.set()
        assert [type(item) for item in said] == [Diagnosis]

    def test_leaving_the_loop_ends_it(self, log: Path, rules: Catalogue) -> None:
        log.write_bytes(beat(1) + plain(2))
        for item in rabbitlogs.follow(log, catalogue=rules, from_start=True):
            assert isinstance(item, Diagnosis)
            break

    def test_afollow(self, log: Path, rules: Catalogue) -> None:
        async def main() -> list[str]:
            stop = asyncio.Event()
            said = []
            log.write_bytes(b"")
            append(log, beat(1) + plain(2))
            async for item in rabbitlogs.afollow(log, catalogue=rules, from_start=True, stop_event=stop):
                assert isinstance(item, Diagnosis)
                said.append(item.finding.id)
                if len(said) == 2:
                    stop.set()
                else:
                    append(log, gone(3) + plain(4))
            return said

        assert asyncio.run(asyncio.wait_for(main(), DEADLINE)) == [MISSED, "connection.closed_abruptly"]

    def test_afollow_is_cancelled_at_once(self, log: Path, rules: Catalogue) -> None:
        """A task that waits for a log where nothing happens can be cancelled, and leaves no thread."""
        log.write_bytes(b"")
        started = threading.Event()

        async def consume() -> None:
            started.set()
            async for _ in rabbitlogs.afollow(log, catalogue=rules):
                raise AssertionError("nothing was written")

        async def main() -> None:
            task = asyncio.create_task(consume())
            while not started.is_set():
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(asyncio.wait_for(main(), DEADLINE))

    def test_a_normal_event_that_was_asked_for(self, log: Path) -> None:
        with Live(log, rules=rabbitlogs.Catalogue(rabbitlogs.rules()), watch=("boot.completed",)) as live:
            log.write_bytes(b"2026-02-11 06:30:09.150023+00:00 [info] <0.611.0> Server startup complete; 0 plugins started.\n")
            live.until(lambda live: any(isinstance(item, Seen) for item in live.items), "seen")


class TestIntervals:
    """Conditions that last: open, over, again."""

    RULES: ClassVar = {
        "resource.memory_alarm": """
title = "Memory alarm"
severity = "critical"
[[match]]
kind = "connection.heartbeat_missed"
[interval]
closed_by = ["resource.memory_alarm_cleared"]
[explain]
what = "Memory is short."
""",
        "resource.memory_alarm_cleared": """
title = "Memory alarm cleared"
lifecycle = true
[[match]]
kind = "connection.closed_abruptly"
[explain]
what = "Over."
""",
    }

    def test_open_closed_open(self, log: Path, tmp_path: Path) -> None:
        rules = catalogue(tmp_path / "intervals", self.RULES)
        log.write_bytes(b"")
        with Live(log, rules=rules) as live:
            for number, state in ((1, "open"), (3, "closed"), (5, "open")):
                append(log, (gone if state == "closed" else beat)(number))
                live.until(lambda live, n=(number + 1) // 2: len(live.diagnoses()) == n, state)  # type: ignore[misc]
            assert [(d.finding.state, d.is_new) for d in live.diagnoses()] == [("open", True), ("closed", False), ("open", False)]
            assert [row[0] for row in live.follower.status().open] == ["resource.memory_alarm"]

    def test_the_end_is_told_after_a_restart(self, log: Path, tmp_path: Path) -> None:
        rules = catalogue(tmp_path / "intervals", self.RULES)
        state = tmp_path / "state.json"
        log.write_bytes(b"")
        with Live(log, rules=rules, state=state) as live:
            append(log, beat(1) + plain(2))
            live.until(lambda live: len(live.diagnoses()) == 1, "open")
            live.stop()
        append(log, gone(3) + plain(4))
        with Live(log, rules=rules, state=state) as live:
            live.until(lambda live: len(live.diagnoses()) == 1, "closed")
            assert live.diagnoses()[0].finding.state == "closed"


def test_needs_many_events(log: Path, tmp_path: Path) -> None:
    """A rule that counts is told when there are enough, not before."""
    rules = catalogue(tmp_path / "many", {"connection.storm": """
title = "Storm"
severity = "error"
[[match]]
kind = "connection.heartbeat_missed"
[correlate]
type = "count"
at_least = 5
within = 60
[explain]
what = "Many."
"""})  # fmt: skip
    log.write_bytes(b"")
    with Live(log, rules=rules) as live:
        append(log, b"".join(map(beat, range(4))) + plain(5))
        live.until_bytes(1)
        assert live.diagnoses() == []
        append(log, beat(6) + plain(7))
        live.until_count("connection.storm", 5)


def test_what_has_not_finished_is_told_after_a_while(log: Path, tmp_path: Path) -> None:
    """The beginning alone is no finding; that the end is missing becomes one, and is over when the end comes."""
    rules = catalogue(tmp_path / "unfinished", {
        "boot.unfinished": """
title = "Not finished"
severity = "warning"
[[match]]
kind = "connection.heartbeat_missed"
[correlate]
type = "unfinished"
finished_by = ["boot.completed"]
within = 0.3
[explain]
what = "Begun."
""",
        "boot.completed": """
title = "Finished"
lifecycle = true
[[match]]
kind = "connection.closed_abruptly"
[explain]
what = "Done."
""",
    })  # fmt: skip
    log.write_bytes(b"")
    with Live(log, rules=rules) as live:
        append(log, beat(1) + gone(2) + plain(3))
        live.until_bytes(len(beat(1) + gone(2) + plain(3)))
        append(log, beat(5) + plain(6))
        live.until(lambda live: len(live.diagnoses()) == 1, "told")
        assert live.diagnoses()[0].finding.count == 1  # the first one ended
        append(log, gone(7) + plain(8))
        live.until(lambda live: len(live.diagnoses()) == 2, "over")
        assert live.diagnoses()[1].finding.state == "closed"


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is not installed")
@pytest.mark.parametrize("how", ["copytruncate", "create", "nocreate", "compress", "copytruncate\n compress"])
def test_logrotate_itself(log: Path, rules: Catalogue, tmp_path: Path, how: str) -> None:
    """A real logrotate, forced again and again while records are written."""
    config = tmp_path / "logrotate.conf"
    config.write_text(f"{log} {{\n rotate 20\n {how}\n missingok\n su root root\n}}\n", encoding="utf-8")
    config.chmod(0o644)
    log.parent.chmod(0o755)
    log.write_bytes(b"")
    number = written = 0
    with Live(log, rules=rules) as live:
        for _ in range(5):
            for _ in range(20):
                data = beat(number) + plain(number)
                append(log, data)
                written += len(data)
                number += 1
            done = subprocess.run(
                ["logrotate", "--force", "--state", str(tmp_path / "rotated"), str(config)], capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
        append(log, plain(number))
        live.until_bytes(written + len(plain(number)))
        live.until_count(MISSED, 100)
        live.stop()
        assert live.gaps() == []
        assert live.follower.report().totals["records"] == 201


def test_what_a_detector_says_of_the_whole(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule without a match of its own asks a detector, once a second."""
    from rabbitlogs.engine.detectors import DETECTORS
    from rabbitlogs.engine.state import Tally

    def many(analysis: rabbitlogs.Analysis) -> Tally | None:
        count = sum(sum(state.counts.values()) for state in analysis.sources.values())
        tally = Tally()
        tally.count = count
        return tally if count >= 3 else None

    monkeypatch.setitem(DETECTORS, "many", many)
    rules = catalogue(tmp_path / "detected", {"connection.many": """
title = "Many"
severity = "warning"
[correlate]
type = "detector"
name = "many"
[explain]
what = "Many."
"""})  # fmt: skip
    log.write_bytes(b"")
    with Live(log, rules=rules) as live:
        append(log, plain(1) + plain(2) + plain(3) + plain(4))
        live.until_count("connection.many", 3)
        append(log, plain(5) + plain(6))
        live.until_count("connection.many", 5)
