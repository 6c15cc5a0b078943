"""Times rabbitlogs against a search of the same file, in pairs of runs, and prints medians and ratios.

    python benchmarks/run.py [--megabytes 300] [--runs 5] [--only formats|rules|peers|small|jobs|parse|since]

CPU seconds are those of the finished child (user and system). The peer is ripgrep counting the lines that match some
1,600 patterns, made of the grammars' kinds as people would write them: it answers far less. Where lnav or Drain3 are
installed they run too. Ratios matter, not seconds: the runs of a pair follow each other on one machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RABBITLOGS = [sys.executable, "-P", "-m", "rabbitlogs"]  # -P: what is installed, not what lies here
KINDS, LITERAL = 1600, 8  # of the peer's patterns; literal characters that one has at least
DRAIN = """
import sys
from drain3 import TemplateMiner
miner = TemplateMiner()
for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
    miner.add_log_message(line)
print(len(miner.drain.clusters))
"""


def cpu(command: list[str]) -> tuple[float, float, int]:
    """User and system seconds, wall seconds, and peak memory in MiB of a command."""
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if child.returncode not in (0, 1):  # 1: something was found, or nothing was
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss // 1024


def patterns(path: Path) -> int:
    """Writes the peer's patterns, one for each of 1,600 kinds: its literals, and between them what may stand there."""
    from rabbitlogs.parsing.recogniser import recogniser

    reader = recogniser()
    entries = [reader.entry(name) for name in reader.names()]
    found = sorted({searched(entry.tree()) for entry in entries if entry.weight >= LITERAL})[:KINDS]
    path.write_text("\n".join(found) + "\n", encoding="utf-8")
    return len(found)


def searched(seq: list[Any]) -> str:
    """A kind as people search for it: without what need not be there, the first of alternatives."""
    out = ""
    for element in seq:
        head = element[0]
        if head == "l":
            out += re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", element[1])
        elif head in "tv":
            out += r"\S+" if head == "t" else "(.*)"
        elif head in "fa":
            out += searched(element[2] if head == "f" else element[1][0])
    return out


def pair(name: str, mine: list[str], peer: list[str], runs: int) -> None:
    """Runs both in turn and prints the medians and the median of the ratios."""
    ones, others, ratios, memory = [], [], [], 0
    for _ in range(runs):
        one, _, peak = cpu(mine)
        other, _, _ = cpu(peer)
        ones.append(one)
        others.append(other)
        ratios.append(one / max(other, 1e-3))
        memory = max(memory, peak)
    print(
        f"{name:<44} {statistics.median(ones):8.2f} s {statistics.median(others):8.2f} s {statistics.median(ratios):7.2f} x {memory:5} MiB"
    )


def generate(path: Path, megabytes: float, *options: str) -> Path:
    """Writes a log."""
    with path.open("wb") as out:
        subprocess.run([sys.executable, HERE / "generate.py", str(megabytes), *options], stdout=out, check=True)
    return path


def time_at(log: Path, share: float) -> str:
    """The time of a line at some share of a log."""
    with log.open("rb") as file:
        file.seek(int(log.stat().st_size * share))
        file.readline()
        return file.readline()[:19].decode()


def explain(log: Path, *options: str) -> list[str]:
    return [*RABBITLOGS, "explain", "--jobs", "1", *options, str(log)]


class Bench:
    """The logs and the peer's patterns in a folder, and what is measured on them."""

    def __init__(self, work: Path, megabytes: float, runs: int) -> None:
        self.work, self.megabytes, self.runs = work, megabytes, runs
        self.count = patterns(work / "patterns.txt")

    def search(self, log: Path) -> list[str]:
        return ["rg", "-c", "-f", str(self.work / "patterns.txt"), str(log)]

    def against_search(self, name: str, log: Path) -> None:
        if shutil.which("rg"):
            pair(f"{name}, rg {self.count} patterns", explain(log), self.search(log), self.runs)

    def formats(self) -> None:
        """The formats of one log, and the worst case."""
        for name, options in {"logger": [], "lager": ["--format", "lager"], "json": ["--format", "json"]}.items():
            self.against_search(name, generate(self.work / "log", self.megabytes, *options))
        self.against_search("names without quotes", generate(self.work / "log", self.megabytes / 3, "--names"))
        self.against_search("random words", generate(self.work / "log", self.megabytes / 3, "--random"))

    def rules(self) -> None:
        """Logs of more and more kinds of trouble, and twice the size of one: how the cost grows."""
        for rules in (0, 100, 400, 10_000):
            log = generate(self.work / "log", self.megabytes / 3, "--rules", str(rules))
            self.against_search(f"examples of {rules if rules < 10_000 else 'all'} rules", log)
        log = generate(self.work / "log", self.megabytes * 2 / 3, "--rules", "10000")
        self.against_search("the same, twice the size", log)

    def peers(self) -> None:
        """Other tools that group or annotate lines, where they are installed."""
        log = generate(self.work / "log", self.megabytes / 3)
        if shutil.which("lnav"):
            quiet = ["lnav", "-n", "-c", ";SELECT log_level, count(*) FROM all_logs GROUP BY log_level", str(log)]
            pair("logger, lnav", explain(log), quiet, self.runs)
        try:
            import drain3  # noqa: F401
        except ImportError:
            return
        pair("logger, Drain3", explain(log), [sys.executable, "-c", DRAIN, str(log)], 1)

    def small(self) -> None:
        """Start-up, against a bare interpreter."""
        log = generate(self.work / "small.log", 0.004)
        bare = [sys.executable, "-c", "pass"]
        pair("explain, small, bare interpreter", [*RABBITLOGS, "explain", str(log)], bare, self.runs * 3)
        pair("--help, bare interpreter", [*RABBITLOGS, "--help"], bare, self.runs * 3)
        pair("import, bare interpreter", [sys.executable, "-c", "import rabbitlogs"], bare, self.runs * 3)
        feed()

    def jobs(self) -> None:
        """Two processes against one, by the clock."""
        log = generate(self.work / "log", self.megabytes)
        two = min(cpu([*RABBITLOGS, "explain", "--jobs", "2", str(log)])[1] for _ in range(self.runs))
        one = min(cpu(explain(log))[1] for _ in range(self.runs))
        print(f"{'two processes against one, wall':<44} {one:8.2f} s {two:8.2f} s {one / two:7.2f} x")

    def parse(self) -> None:
        """Every record with typed fields, as JSON lines."""
        for name, options in {"parse, logger": (), "parse, all rules": ("--rules", "10000")}.items():
            log = generate(self.work / "log", self.megabytes / 3, *options)
            seconds = statistics.median(cpu([*RABBITLOGS, "parse", str(log)])[0] for _ in range(self.runs))
            print(f"{name:<44} {log.stat().st_size / 1e6 / seconds:8.1f} MB/s")

    def since(self) -> None:
        """The last minutes of a large file, which are found and not searched for, and all but the first minute of it."""
        log = generate(self.work / "log", self.megabytes)
        early, late = (time_at(log, share) for share in (0.02, 0.98))
        for name, moment in {"--since, the last 2 %": late, "--since, all but 2 %": early}.items():
            pair(f"{name}, all of it", explain(log, "--since", moment), explain(log), self.runs)


def main() -> int:
    """Prints the table."""
    parts = ["formats", "rules", "peers", "small", "jobs", "parse", "since"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=300)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=parts, action="append", help="what to measure; by default all of it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.megabytes, arguments.runs)
        print(f"{'':<44} {'rabbitlogs':>10} {'peer':>10} {'ratio':>9} {'peak':>9}")
        for part in arguments.only or parts:
            getattr(bench, part)()
    return 0


def feed() -> None:
    """The cost of one line fed to an analysis, warm."""
    from rabbitlogs import Analysis

    line = (
        b"2026-11-23 07:46:48.684571+00:00 [info] <0.223.0> accepting AMQP connection <0.223.0> (10.0.0.5:1 -> 10.0.0.2:5672)\n"
    )
    analysis = Analysis()
    for _ in range(20000):
        analysis.feed(line)
    begun = time.process_time()
    for _ in range(200000):
        analysis.feed(line)
    print(f"{'Analysis.feed of a line':<44} {(time.process_time() - begun) / 200000 * 1e6:8.2f} us")
    json.dumps(analysis.report().totals)


if __name__ == "__main__":
    sys.exit(main())
