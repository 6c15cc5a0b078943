"""From write to printed diagnosis, and what keeping up with a fast writer costs, beside ``tail -F``.

    python benchmarks/tail_latency.py [--rate 1000] [--fast 50000] [--seconds 10]

A writer appends records at a steady rate. One record in ten is the first of its own condition (a rule for each is made in
a temporary folder), so each of those is printed, in full, as JSON; it is followed by another record, so nothing waits for
a quiet moment. Measured is the time from just before the write to when this program has the printed line. ``tail -F`` is
measured in the same way, line by line. The second part writes as fast as asked and compares processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent

RULE = """
title = "Number {number}"
severity = "error"
[[match]]
kind = "connection.heartbeat_missed"
client = "10.0.0.1:{number}"
[explain]
what = "Number {number}."
"""


def stamp(now: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}+00:00"


def marked(number: int) -> bytes:
    head = f"{stamp(time.time())} [error] <0.{number}.0> "
    peers = f"10.0.0.1:{number} -> 10.0.0.2:5672"
    text = f"{head}closing AMQP connection <0.{number}.0> ({peers}):\n{head}missed heartbeats from client, timeout: 60s\n"
    return text.encode()


def ordinary(number: int) -> bytes:
    pid = f"<0.{number % 30000 + 200}.0>"
    return (
        f"{stamp(time.time())} [info] {pid} accepting AMQP connection {pid} "
        f"(10.1.{number % 250}.{number % 199}:{number % 60000 + 1024} -> 10.0.0.2:5672)\n"
    ).encode()


class Lines(threading.Thread):
    """Reads a program's output and notes when each line came."""

    def __init__(self, out: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._out = out
        self.came: list[tuple[float, bytes]] = []
        self.start()

    def run(self) -> None:
        for line in self._out:
            self.came.append((time.perf_counter(), line))


def start(command: list[str]) -> tuple[subprocess.Popen[bytes], Lines]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    return process, Lines(process.stdout)


def write_steadily(path: Path, rate: float, seconds: float) -> dict[int, float]:
    """Appends records; returns when each marked one was written."""
    written: dict[int, float] = {}
    count = int(rate * seconds)
    with open(path, "ab", buffering=0) as file:
        begun = time.perf_counter()
        for number in range(count):
            wait = begun + number / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            if number % 10 == 0:
                data = marked(number // 10)
                written[number // 10] = time.perf_counter()
                file.write(data)
            else:
                file.write(ordinary(number))
    return written


def shown(name: str, latencies: list[float]) -> None:
    parts = statistics.quantiles(latencies, n=100)
    print(
        f"{name:<28} n={len(latencies):<6} p50 {parts[49] * 1000:7.2f} ms   p90 {parts[89] * 1000:7.2f} ms   "
        f"p99 {parts[98] * 1000:7.2f} ms   max {max(latencies) * 1000:7.2f} ms"
    )


def wait_until_it_follows(path: Path, lines: Lines, mark: bytes, number: int) -> None:
    """Writes marked records until one is printed: the program has started."""
    end = time.perf_counter() + 60
    while not any(mark in line for _, line in lines.came):
        with open(path, "ab", buffering=0) as file:
            file.write(marked(number) + ordinary(1))
        time.sleep(0.1)
        if time.perf_counter() > end:
            raise SystemExit("the program did not start to follow")


def follow(name: str, path: Path, rules: Path, warm: int, *options: str) -> tuple[subprocess.Popen[bytes], Lines]:
    """Starts a program on an empty log; returns when it has printed a marked record."""
    path.write_bytes(b"")
    if name == "tail -F":
        process, lines = start(["tail", "-n", "0", "-F", str(path)])
    else:
        ours = [sys.executable, "-m", "rabbitlogs", "tail", "--format", "jsonl", "--rules", str(rules), *options, str(path)]
        process, lines = start(ours)
    mark = f"10.0.0.1:{warm} " if name == "tail -F" else f"number_{warm}"
    wait_until_it_follows(path, lines, mark.encode(), warm)
    return process, lines


def latency(folder: Path, rate: float, seconds: float) -> None:
    print(f"latency at {rate:,.0f} lines a second, {seconds:g} s:")
    warm = int(rate * seconds / 10) + 7
    rules = folder / "rules" / "bench"
    rules.mkdir(parents=True)
    for number in [*range(warm - 6), warm]:
        (rules / f"number_{number}.toml").write_text(RULE.format(number=number), encoding="utf-8")
    for name in ("rabbitlogs tail", "tail -F"):
        path = folder / f"{name.split()[0]}.log"
        process, lines = follow(name, path, rules.parent, warm, "--only", "bench")
        before = cpu_of(process.pid)
        written = write_steadily(path, rate, seconds)
        time.sleep(1.0)
        used = cpu_of(process.pid) - before
        process.terminate()
        process.wait()
        came: dict[int, float] = {}
        for at, line in lines.came:
            if name == "tail -F":
                if b"closing AMQP" in line:
                    came.setdefault(int(line.split(b"10.0.0.1:")[1].split(b" ")[0]), at)
            else:
                item = json.loads(line)
                if item["type"] == "finding":
                    came[int(item["finding"]["id"].rpartition("_")[2])] = at
        late = [came[number] - at for number, at in written.items() if number in came]
        if len(late) != len(written):
            print(f"{name}: {len(written) - len(late)} of {len(written)} were not printed")
        shown(name, late)
        print(f"{'':<28} {100 * used / seconds:.0f} % of a core")


def cpu_of(pid: int) -> float:
    """Processor seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def throughput(folder: Path, rate: int, seconds: float, at_once: int) -> None:
    print(f"keeping up with {rate:,} lines a second, {at_once} in a write, {seconds:g} s:")
    rules = folder / f"rules-{at_once}" / "bench"
    rules.mkdir(parents=True)
    for number in (60000, 60001):
        (rules / f"number_{number}.toml").write_text(RULE.format(number=number), encoding="utf-8")
    for name in ("rabbitlogs tail", "tail -F"):
        path = folder / f"fast-{at_once}-{name.split()[0]}.log"
        process, lines = follow(name, path, rules.parent, 60000)
        records = [marked(n) if n % 20 == 0 else ordinary(n) for n in range(20000)]
        batch = [b"".join(records[k : k + at_once]) for k in range(0, len(records), at_once)]
        size = [part.count(b"\n") for part in batch]
        before, done, k = cpu_of(process.pid), 0, 0
        begun = time.perf_counter()
        with open(path, "ab", buffering=0) as file:
            while time.perf_counter() - begun < seconds:
                file.write(batch[k % len(batch)])
                done += size[k % len(batch)]
                k += 1
                wait = begun + done / rate - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
            took = time.perf_counter() - begun
            file.write(marked(60001) + ordinary(1))
            at = time.perf_counter()
        end = at + 30
        while time.perf_counter() < end and not _caught_up(lines, name):
            time.sleep(0.001)
        behind = time.perf_counter() - at
        used = cpu_of(process.pid) - before
        process.terminate()
        process.wait()
        print(
            f"{name:<28} {done / took:10,.0f} lines/s written, {100 * used / took:5.1f} % of a core, "
            f"caught up {behind * 1000:.0f} ms after the last line"
        )


def _caught_up(lines: Lines, name: str) -> bool:
    mark = b"10.0.0.1:60001 " if name == "tail -F" else b"number_60001"
    return any(mark in line for _, line in lines.came[-5:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--fast", type=int, default=50000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        latency(Path(folder), options.rate, options.seconds)
        for at_once in (100, 1):  # a logger that writes what has gathered, and one that writes each record by itself
            throughput(Path(folder), options.fast, options.seconds, at_once)
    own = resource.getrusage(resource.RUSAGE_SELF)
    print(f"(the benchmark itself used {own.ru_utime + own.ru_stime:.1f} s of processor time)")


if __name__ == "__main__":
    main()
