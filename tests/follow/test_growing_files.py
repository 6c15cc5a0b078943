"""One growing file: every byte once whatever is done to it. The reader is called by hand, so nothing waits."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from follow_helpers import plain

from rabbitlogs.follow.files import Begin, Data, GrowingFile, Lost, Position, Trouble


class Reader:
    """Collects what a growing file gives."""

    def __init__(self, path: Path, **options: object) -> None:
        self.growing = GrowingFile(str(path), **options)  # type: ignore[arg-type]
        self.data = b""
        self.late = b""
        self.steps: list[object] = []

    def read(self) -> Reader:
        while True:
            for step in self.growing.read():
                if isinstance(step, Data):
                    if step.late:
                        self.late += step.data
                    else:
                        self.data += step.data
                else:
                    self.steps.append(step)
            if not self.growing.more:
                return self

    @property
    def lost(self) -> list[Lost]:
        return [step for step in self.steps if isinstance(step, Lost)]


def lines(first: int, last: int) -> bytes:
    return b"".join(map(plain, range(first, last)))


def append(path: Path, data: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(data)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "rabbit@a.log"


def test_starts_at_the_end_after_the_last_whole_line(log: Path) -> None:
    """What is there already is not read; the line being written is."""
    log.write_bytes(lines(0, 50) + b"half a ")
    reader = Reader(log).read()
    assert reader.data == b"half a "
    assert reader.growing.start_line == 51
    append(log, b"line\n")
    assert reader.read().data == b"half a line\n"


def test_reads_from_the_start_when_asked(log: Path) -> None:
    log.write_bytes(lines(0, 50))
    assert Reader(log, from_start=True).read().data == lines(0, 50)


def test_a_log_that_appears_later_is_read_from_its_first_byte(log: Path) -> None:
    reader = Reader(log).read()
    assert not reader.growing.is_open
    log.write_bytes(lines(0, 3))
    assert reader.read().data == lines(0, 3)


def test_rename(log: Path) -> None:
    """The old file is read to its end, also what is written after the rename; then the new one."""
    log.write_bytes(lines(0, 10))
    reader = Reader(log, from_start=True).read()
    old = log.with_name("rabbit@a.log.1")
    append(log, lines(10, 12))
    log.rename(old)
    append(old, lines(12, 14))
    reader.read()
    append(old, lines(14, 16))
    log.write_bytes(b"")
    reader.read()
    append(old, lines(16, 18))  # the writer has not opened the new file yet
    append(log, lines(18, 20))
    assert reader.read().data == lines(0, 20)
    assert not reader.lost


def test_lines_that_reach_the_old_file_late_are_not_lost(log: Path) -> None:
    """A second writer may still hold the old file when the new one has begun."""
    log.write_bytes(lines(0, 5))
    reader = Reader(log, from_start=True).read()
    old = log.with_name("rabbit@a.log.1")
    log.rename(old)
    log.write_bytes(lines(5, 6))
    reader.read()
    append(old, lines(100, 102))
    reader.read()
    assert (reader.data, reader.late) == (lines(0, 6), lines(100, 102))


def test_two_rotations_between_two_looks(log: Path) -> None:
    """A file that was written and rotated away without ever being seen under its name is read, too."""
    one, two = log.with_name("rabbit@a.log.1"), log.with_name("rabbit@a.log.2")
    one.write_bytes(lines(900, 910))  # from before, never to be read
    log.write_bytes(lines(0, 5))
    reader = Reader(log, from_start=True).read()
    append(log, lines(5, 7))
    log.rename(one)
    log.write_bytes(lines(7, 12))
    one.rename(two)
    log.rename(one)
    log.write_bytes(lines(12, 13))
    assert reader.read().data == lines(0, 13)
    assert not reader.lost


def test_two_rotations_where_an_inode_comes_back(log: Path) -> None:
    """A rotated file that is overwritten gives its inode to the next log: it is not taken for the file known before."""
    one = log.with_name("rabbit@a.log.1")
    one.write_bytes(lines(900, 910))
    log.write_bytes(lines(0, 5))
    reader = Reader(log, from_start=True).read()
    two = log.with_name("rabbit@a.log.2")
    os.link(one, log.with_name("kept"))  # the same inode, under a name that is no part of the log
    one.unlink()
    log.rename(two)
    os.rename(log.with_name("kept"), one)
    one.write_bytes(lines(5, 9))
    log.write_bytes(lines(9, 10))
    assert reader.read().data == lines(0, 10)


def test_compressed_between_two_looks(log: Path) -> None:
    """Rotated twice, and the first part compressed at once."""
    log.write_bytes(lines(0, 5))
    reader = Reader(log, from_start=True).read()
    log.rename(log.with_name("rabbit@a.log.2"))
    packed = log.with_name("rabbit@a.log.1.gz")
    packed.write_bytes(gzip.compress(lines(5, 800)))
    log.write_bytes(lines(800, 801))
    assert reader.read().data == lines(0, 801)


@pytest.mark.parametrize("refill", [0, 3, 400], ids=["empty", "shorter", "beyond the old length"])
def test_copytruncate(log: Path, refill: int) -> None:
    """Emptied after a copy was made: what the copy has more is read there, then the file from its beginning."""
    log.write_bytes(lines(0, 20))
    reader = Reader(log, from_start=True).read()
    append(log, lines(20, 25))
    shutil.copy(log, log.with_name("rabbit@a.log.1"))
    os.truncate(log, 0)
    append(log, lines(25, 25 + refill))
    assert reader.read().data == lines(0, 25 + refill)
    assert not reader.lost
    append(log, lines(25 + refill, 30 + refill))
    assert reader.read().data == lines(0, 30 + refill)


def test_copytruncate_and_compress(log: Path) -> None:
    log.write_bytes(lines(0, 20))
    reader = Reader(log, from_start=True).read()
    append(log, lines(20, 900))
    log.with_name("rabbit@a.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    os.truncate(log, 0)
    append(log, lines(900, 902))
    assert reader.read().data == lines(0, 902)


def test_copytruncate_in_the_middle_of_a_line(log: Path) -> None:
    """The line goes on in the emptied file: the two halves are one."""
    half = plain(3)
    log.write_bytes(lines(0, 3) + half[:40])
    reader = Reader(log, from_start=True).read()
    shutil.copy(log, log.with_name("rabbit@a.log.1"))
    os.truncate(log, 0)
    append(log, half[40:])
    assert reader.read().data == lines(0, 4)
    assert all(step.joins for step in reader.steps if isinstance(step, Begin))


def test_a_hole_after_copytruncate(log: Path) -> None:
    """A writer that does not append goes on at its old place and leaves a hole of zeros."""
    log.write_bytes(lines(0, 2000))
    reader = Reader(log, from_start=True).read()
    os.truncate(log, 0)
    with open(log, "r+b", buffering=0) as file:
        file.seek(len(lines(0, 2000)))
        file.write(lines(2000, 2002))
    assert reader.read().data == lines(0, 2002)


def test_seen_empty_then_filled_and_emptied_again(log: Path) -> None:
    """What was written and moved away by copytruncate while the file looked empty is read in the copy."""
    log.write_bytes(b"")
    reader = Reader(log, from_start=True).read()
    append(log, lines(0, 20))
    shutil.copy(log, log.with_name("rabbit@a.log.1"))
    os.truncate(log, 0)
    append(log, lines(20, 60))
    assert reader.read().data == lines(0, 60)


def test_truncated_without_a_copy_says_what_was_lost(log: Path) -> None:
    """What was seen to be there and not read in time is reported with its size."""
    log.write_bytes(lines(0, 20000))
    reader = Reader(log, from_start=True)
    first = reader.growing.read()  # the first megabyte
    got = sum(len(step.data) for step in first if isinstance(step, Data))
    os.truncate(log, 0)
    reader.read()
    assert got < len(lines(0, 20000))
    assert [gap.lost_bytes for gap in reader.lost] == [len(lines(0, 20000)) - got]


def test_truncated_when_all_was_read_loses_nothing(log: Path) -> None:
    log.write_bytes(lines(0, 20))
    reader = Reader(log, from_start=True).read()
    log.write_bytes(lines(50, 52))
    reader.read()
    assert reader.data == lines(0, 20) + lines(50, 52)
    assert [gap.lost_bytes for gap in reader.lost] in ([], [0])


def test_removed_and_made_anew(log: Path) -> None:
    log.write_bytes(lines(0, 5))
    reader = Reader(log, from_start=True).read()
    append(log, lines(5, 6))
    log.unlink()
    reader.read()
    log.write_bytes(lines(6, 8))
    assert reader.read().data == lines(0, 8)


def test_a_folder_that_vanishes_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "rabbit@a.log"
    log.write_bytes(lines(0, 5))
    reader = Reader(log, from_start=True).read()
    folder.rename(tmp_path / "away")
    append(tmp_path / "away" / "rabbit@a.log", lines(5, 6))
    reader.read()
    shutil.rmtree(tmp_path / "away")
    reader.read()
    folder.mkdir()
    log.write_bytes(lines(6, 9))
    assert reader.read().data == lines(0, 9)


def test_moved_away_and_back(log: Path) -> None:
    """The same file under its name again is gone on with, not read twice."""
    log.write_bytes(lines(0, 5))
    reader = Reader(log, from_start=True).read()
    log.rename(log.with_name("elsewhere"))
    reader.read()
    log.with_name("elsewhere").rename(log)
    append(log, lines(5, 6))
    assert reader.read().data == lines(0, 6)


def test_replaced_by_a_copy_of_itself(log: Path) -> None:
    """As ``sed -i`` and some editors do."""
    log.write_bytes(lines(0, 5))
    reader = Reader(log, from_start=True).read()
    copy = log.with_name("copy")
    shutil.copy(log, copy)
    copy.rename(log)
    append(log, lines(5, 7))
    assert reader.read().data == lines(0, 7)


def test_the_file_in_its_place_ends_a_half_line(log: Path) -> None:
    """A half line at the end of a renamed file is not joined with the next file's first line."""
    log.write_bytes(lines(0, 5) + b"half")
    reader = Reader(log, from_start=True).read()
    log.rename(log.with_name("rabbit@a.log.1"))
    log.write_bytes(lines(5, 6))
    reader.read()
    assert [step.joins for step in reader.steps if isinstance(step, Begin)] == [False]


def test_what_cannot_be_opened_is_said_once(log: Path) -> None:
    log.symlink_to(log)  # a link to itself cannot be opened by anybody, root neither
    reader = Reader(log).read().read()
    assert [type(step) for step in reader.steps] == [Trouble]


class TestResume:
    """Going on at a remembered place."""

    @staticmethod
    def remembered(reader: Reader, back: int = 0) -> Position:
        place = reader.growing.position(back)
        reader.growing.close()
        assert place is not None
        again = Position.of(place.to_dict())
        assert again is not None
        return again

    def test_in_the_same_file(self, log: Path) -> None:
        log.write_bytes(lines(0, 5))
        place = self.remembered(Reader(log, from_start=True).read())
        append(log, lines(5, 7))
        assert Reader(log, resume=place).read().data == lines(5, 7)

    def test_with_an_open_record(self, log: Path) -> None:
        """The bytes that were not part of a record yet are read again."""
        log.write_bytes(lines(0, 5))
        place = self.remembered(Reader(log, from_start=True).read(), back=len(plain(4)))
        assert Reader(log, resume=place).read().data == plain(4)

    @pytest.mark.parametrize("packed", [False, True])
    def test_after_several_rotations(self, log: Path, packed: bool) -> None:
        log.write_bytes(lines(0, 5))
        place = self.remembered(Reader(log, from_start=True).read(), back=len(plain(4)))
        append(log, lines(5, 300))
        log.rename(log.with_name("rabbit@a.log.2"))
        log.with_name("rabbit@a.log.1").write_bytes(lines(300, 310))
        log.with_name("rabbit@a.log.3").write_bytes(lines(900, 910))
        log.write_bytes(lines(310, 312))
        if packed:
            with gzip.open(log.with_name("rabbit@a.log.2.gz"), "wb") as file:
                file.write(log.with_name("rabbit@a.log.2").read_bytes())
            log.with_name("rabbit@a.log.2").unlink()
        assert Reader(log, resume=place).read().data == lines(4, 312)

    def test_after_copytruncate(self, log: Path) -> None:
        log.write_bytes(lines(0, 5))
        place = self.remembered(Reader(log, from_start=True).read())
        append(log, lines(5, 9))
        shutil.copy(log, log.with_name("rabbit@a.log.1"))
        log.write_bytes(lines(9, 400))
        assert Reader(log, resume=place).read().data == lines(5, 400)

    def test_when_the_file_is_gone_a_gap_is_said(self, log: Path) -> None:
        log.write_bytes(lines(0, 5))
        place = self.remembered(Reader(log, from_start=True).read())
        log.unlink()
        log.write_bytes(lines(9, 12))
        reader = Reader(log, resume=place).read()
        assert reader.data == lines(9, 12)
        assert [gap.lost_bytes for gap in reader.lost] == [None]

    def test_an_open_record_that_began_in_the_file_before(self, log: Path) -> None:
        log.write_bytes(lines(0, 5))
        reader = Reader(log, from_start=True).read()
        log.rename(log.with_name("rabbit@a.log.1"))
        log.write_bytes(lines(5, 6))
        reader.read()
        place = self.remembered(reader, back=len(plain(5)) + len(plain(4)))
        assert Reader(log, resume=place).read().data == lines(4, 6)

    @pytest.mark.parametrize("raw", [None, {}, [], {"device": "x"}, {"device": 1, "inode": 2, "head": "zz"}])
    def test_a_damaged_position_is_none(self, raw: object) -> None:
        assert Position.of(raw) is None


@pytest.mark.parametrize("seed", range(40))
def test_any_order_of_anything(log: Path, seed: int) -> None:
    """Law 4 for the bytes: appends of any size, rotations of any kind, looks at any moment."""
    chance = random.Random(seed)
    written = b""
    number = 0
    log.write_bytes(b"")
    reader = Reader(log, from_start=True).read()

    def rotate() -> None:
        for old in range(6, 0, -1):
            name = log.with_name(f"rabbit@a.log.{old}")
            if name.exists():
                name.rename(log.with_name(f"rabbit@a.log.{old + 1}"))

    for _ in range(150):
        what = chance.random()
        if what < 0.55:
            data = lines(number, number + chance.choice([1, 1, 2, 30]))
            number += 30
            pieces = sorted(chance.sample(range(len(data)), min(len(data), 2)))
            for start, end in zip([0, *pieces], [*pieces, len(data)], strict=True):
                append(log, data[start:end])
                if chance.random() < 0.5:
                    reader.read()
            written += data
        elif what < 0.7 and log.exists() and log.stat().st_size:
            rotate()
            log.rename(log.with_name("rabbit@a.log.1"))
            if chance.random() < 0.5:
                reader.read()
            if chance.random() < 0.5:
                log.write_bytes(b"")
        elif what < 0.85 and log.exists() and log.stat().st_size > 300:
            rotate()
            shutil.copy(log, log.with_name("rabbit@a.log.1"))
            os.truncate(log, 0)
        else:
            reader.read()
        if not log.exists() and chance.random() < 0.5:
            log.write_bytes(b"")
    append(log, lines(number, number + 1))
    written += lines(number, number + 1)
    reader.read()
    assert reader.data == written
    assert all(not gap.lost_bytes for gap in reader.lost)


def test_many_rotated_parts_stay_read(log: Path) -> None:
    """A hundred parts read long ago are not taken for new ones, whatever the log does next."""
    reader = Reader(log, from_start=True).read()
    for number in range(100):
        log.write_bytes(lines(number, number + 1))
        reader.read()
        log.rename(log.with_name(f"rabbit@a.log-{20260101 + number}"))
    log.write_bytes(b"")
    reader.read()
    append(log, lines(100, 102))
    assert reader.read().data == lines(0, 102)


WRITER = """
import os, shutil, sys, time
folder, helpers = sys.argv[1:]
sys.path.insert(0, helpers)
from follow_helpers import plain

log = os.path.join(folder, "rabbit@a.log")
number = 0
with open(os.path.join(folder, "truth"), "wb") as truth:
    for turn in range(24):
        until = time.monotonic() + 0.01
        while time.monotonic() < until:
            data = b"".join(map(plain, range(number, number + 3)))
            with open(log, "ab", buffering=0) as file:
                file.write(data)
            truth.write(data)
            number += 3
        for old in range(24, 0, -1):
            if os.path.exists(f"{log}.{old}"):
                os.replace(f"{log}.{old}", f"{log}.{old + 1}")
        if turn % 2:
            os.rename(log, f"{log}.1")
        else:
            shutil.copy(log, f"{log}.1")
            os.truncate(log, 0)
"""


@pytest.mark.parametrize("turn", range(3))
def test_rotations_that_race_with_the_reader(log: Path, turn: int) -> None:
    """Another process writes without a pause and rotates every ten milliseconds; the reader looks as it comes."""
    log.write_bytes(b"")
    reader = Reader(log, from_start=True).read()
    command = [sys.executable, "-c", WRITER, str(log.parent), str(Path(__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment) as writer:
        while writer.poll() is None:
            reader.read()
    assert writer.returncode == 0
    assert reader.read().data == log.with_name("truth").read_bytes()
    assert not reader.late
    assert all(not gap.lost_bytes for gap in reader.lost)
