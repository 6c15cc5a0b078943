"""logrotate's system calls one by one, with the reader looking between any two of them, and they between its own.

The truth is known line by line, so every line that does not come, comes twice or comes in another order is found, and so
is a gap that is reported where there is none. Everything is decided by a seed: what failed once fails again.
"""

from __future__ import annotations

import gzip
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from follow_helpers import plain

from rabbitlogs.follow import files, parts
from rabbitlogs.follow.files import Data, GrowingFile, Lost

HOW = ["create", "nocreate", "copytruncate"]
PACKING = ["", "compress", "delaycompress"]
INTERCEPTED = {"open", "fstat", "stat", "scandir", "pread"}


class Steps:
    """A log with a writer, a reader and a logrotate that does one system call at a time."""

    def __init__(self, folder: Path, seed: int, how: str, packing: str) -> None:
        self.chance = random.Random(seed)
        self.log, self.how, self.packing = folder / "rabbit@a.log", how, packing
        self.keep = self.chance.choice([1, 2, 3, 8, 8])
        self.looks, self.races = self.chance.choice([0.02, 0.1, 0.5]), self.chance.choice([0.0, 0.0, 0.1, 0.4])
        self.writing = self.chance.choice([0.05, 0.3, 0.8])
        self.dated = how != "nocreate" and self.chance.random() < 0.3
        self.written: list[bytes] = []
        self.optional: set[bytes] = set()  # written between a copy and the cut: only a reader in time sees them
        self.rotations = 0
        self.is_copied = False
        self.log.write_bytes(b"")
        self.handle = self._reopened()
        self.calls = self._rotations()
        self.reader = GrowingFile(str(self.log), from_start=True)
        self.got: list[bytes | None] = []  # lines, None for a gap
        self.partial = b""

    # the writer -----------------------------------------------------------------------------------------------------

    def _reopened(self) -> int:
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self) -> None:
        line = plain(len(self.written)) if self.chance.random() < 0.7 else plain(len(self.written)).replace(b"of", b"of" * 200)
        self.written.append(line)
        if self.is_copied:
            self.optional.add(line)
        os.write(self.handle, line)

    # logrotate --------------------------------------------------------------------------------------------------------

    def _name(self, number: int) -> Path:
        if self.dated:
            return self.log.with_name(f"{self.log.name}-{20260101 + number}")
        return self.log.with_name(f"{self.log.name}.{number}")

    def _rotations(self) -> Iterator[None]:
        while True:
            self.rotations += 1
            newest = self._name(self.rotations if self.dated else 1)
            before = self._name(self.rotations - 1 if self.dated else 1)
            if self.packing == "delaycompress" and before.exists():
                yield from self._packed(before)
            if not self.dated:
                for number in range(self.keep, 0, -1):
                    for ending in (".gz", ""):
                        name = Path(f"{self._name(number)}{ending}")
                        if name.exists():
                            name.rename(f"{self._name(number + 1)}{ending}")
                            yield
            yield from (self._copied(newest) if self.how == "copytruncate" else self._renamed(newest))
            if self.packing == "compress":
                yield from self._packed(newest)
            for ending in (".gz", ""):
                oldest = Path(f"{self._name(self.rotations - self.keep if self.dated else self.keep + 1)}{ending}")
                oldest.unlink(missing_ok=True)
                yield

    def _renamed(self, newest: Path) -> Iterator[None]:
        self.log.rename(newest)
        yield
        if self.how == "create":
            self.log.touch(exist_ok=False)
            yield
        os.close(self.handle)
        self.handle = self._reopened()
        yield

    def _copied(self, newest: Path) -> Iterator[None]:
        with open(newest, "xb", buffering=0) as copy:
            yield
            place = 0
            while data := self.log.read_bytes()[place : place + 4000]:
                copy.write(data)
                place += len(data)
                self.is_copied = place >= self.log.stat().st_size
                yield
                if self.chance.random() < 0.3:
                    data = self.log.read_bytes()[place:]
                    copy.write(data)
                    place += len(data)
            self.is_copied = True
            yield
        os.truncate(self.log, 0)
        self.is_copied = False
        yield

    def _packed(self, name: Path) -> Iterator[None]:
        data = gzip.compress(name.read_bytes())
        with open(f"{name}.gz", "xb", buffering=0) as file:
            yield
            cut = self.chance.randrange(len(data))
            file.write(data[:cut])
            yield
            file.write(data[cut:])
            yield
        name.unlink()
        yield

    # all together -----------------------------------------------------------------------------------------------------

    def act(self) -> None:
        """One thing that happens."""
        if self.chance.random() < self.writing:
            self.write()
        else:
            next(self.calls)

    def _is_place_gone(self) -> bool:
        """Whether the line read last is in no file any more, so that nobody can tell what came directly after it."""
        last = next((line for line in reversed(self.got) if line is not None), None)
        contents = (gzip.decompress(p.read_bytes()) if p.suffix == ".gz" and not p.with_suffix("").exists() else p.read_bytes()
                    for p in self.log.parent.iterdir())  # fmt: skip
        return last is None or not any(last in content for content in contents)

    def look(self) -> None:
        """The reader looks until there is nothing more, while other things may happen between its system calls."""
        self.in_look = 0  # what happens in one look has an end
        with self._racing():
            for _ in range(2000):
                for step in self.reader.read():
                    if isinstance(step, Data):
                        assert not step.late
                        lines = (self.partial + step.data).splitlines(keepends=True)
                        self.partial = lines.pop() if not lines[-1].endswith(b"\n") else b""
                        self.got += lines
                    elif isinstance(step, Lost) and step.lost_bytes != 0:
                        self.got.append(None)
                        assert self._is_place_gone(), f"a gap where nothing can be missing: {step}"
                if not self.reader.more:
                    return
            raise AssertionError("the reader does not come to an end")

    @contextmanager
    def _racing(self) -> Iterator[None]:
        outer = self

        class Os:
            def __getattr__(self, name: str) -> Any:
                if name in INTERCEPTED and outer.in_look < 300 and outer.chance.random() < outer.races:
                    outer.in_look += 1
                    outer.act()
                return getattr(os, name)

        files.os = parts.os = Os()  # type: ignore[assignment, attr-defined]
        try:
            yield
        finally:
            files.os = parts.os = os  # type: ignore[attr-defined]

    def run(self, length: int) -> None:
        races, self.races = self.races, 0.0
        self.look()
        self.write()  # whether anything was lost before the first byte ever seen, nobody can know
        self.look()
        self.races = races
        for _ in range(length):
            self.act()
            if self.chance.random() < self.looks:
                self.look()
        self.races = 0.0
        while self.is_copied:
            next(self.calls)
        self.look()
        self.write()
        self.look()
        os.close(self.handle)
        self.reader.close()

    def check(self) -> None:
        """Every line once and in order; where lines that were not cut away are missing, a gap was said."""
        place = {line: number for number, line in enumerate(self.written)}
        assert not self.partial
        last, is_said = -1, False
        for line in self.got:
            if line is None:
                is_said = True
                continue
            number = place[line]
            assert number > last, f"line {number} after line {last}"
            missing = [n for n in range(last + 1, number) if self.written[n] not in self.optional]
            assert is_said or not missing, f"missing without a word: {missing}"
            last, is_said = number, False
        assert last == len(self.written) - 1


@pytest.mark.parametrize("packing", PACKING)
@pytest.mark.parametrize("how", HOW)
def test_every_line_once_and_in_order(tmp_path: Path, how: str, packing: str) -> None:
    """Law 4 for logrotate: whatever is done between two looks, and between the system calls of one."""
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        steps = Steps(folder, seed, how, packing)
        try:
            steps.run(200)
            steps.check()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}") from error
