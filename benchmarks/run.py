"""Times rabbitlogs against a search of the same file, in pairs of runs, and prints medians and ratios.

    python benchmarks/run.py [--megabytes 300] [--runs 5]

CPU seconds are those of the finished child (user and system). The peer is ripgrep counting the lines that match some
1,600 patterns, which are the opening literals of the grammars' kinds: it answers far less and is a fair floor. Where lnav
or Drain3 are installed they run too. Ratios matter, not seconds: the runs of a pair follow each other on one machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
RABBITLOGS = [sys.executable, "-m", "rabbitlogs"]
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
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
    wall = time.perf_counter() - begun
    del before
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss // 1024


def patterns(path: Path) -> int:
    """Writes the peer's patterns: what each kind begins with."""
    from rabbitlogs.parsing.compiled import table

    found = sorted({re.escape(opening) for row in table()["kinds"] for opening in row[2] or () if len(opening) > 5})
    path.write_text("\n".join(found[:1600]) + "\n", encoding="utf-8")
    return min(1600, len(found))


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
        f"{name:<34} {statistics.median(ones):8.2f} s {statistics.median(others):8.2f} s {statistics.median(ratios):7.2f} x {memory:5} MiB"
    )


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=300)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        count = patterns(work / "patterns.txt")
        logs = {}
        for name, options in {
            "logger": [],
            "lager": ["--format", "lager"],
            "json": ["--format", "json"],
            "random": ["--random"],
        }.items():
            logs[name] = work / f"{name}.log"
            size = arguments.megabytes if name != "random" else arguments.megabytes / 10
            with logs[name].open("wb") as out:
                subprocess.run([sys.executable, HERE / "generate.py", str(size), *options], stdout=out, check=True)
        small = work / "small.log"
        small.write_bytes(logs["logger"].read_bytes()[:4000])
        bare = [sys.executable, "-c", "pass"]
        print(f"{'':<34} {'rabbitlogs':>10} {'peer':>10} {'ratio':>9} {'peak':>9}")
        if shutil.which("rg"):
            for name, log in logs.items():
                peer = ["rg", "-c", "-f", str(work / "patterns.txt"), str(log)]
                pair(
                    f"explain, {name}, rg {count} patterns",
                    [*RABBITLOGS, "explain", "--jobs", "1", str(log)],
                    peer,
                    arguments.runs,
                )
        log = str(logs["logger"])
        if shutil.which("lnav"):
            pair("explain, logger, lnav", [*RABBITLOGS, "explain", "--jobs", "1", log], ["lnav", "-n", log], arguments.runs)
        try:
            import drain3  # noqa: F401

            pair("explain, logger, Drain3", [*RABBITLOGS, "explain", "--jobs", "1", log], [sys.executable, "-c", DRAIN, log], 1)
        except ImportError:
            pass
        pair("explain, small, bare interpreter", [*RABBITLOGS, "explain", str(small)], bare, arguments.runs * 3)
        pair("--help, bare interpreter", [*RABBITLOGS, "--help"], bare, arguments.runs * 3)
        pair("import, bare interpreter", [sys.executable, "-c", "import rabbitlogs"], bare, arguments.runs * 3)
        two = min(cpu([*RABBITLOGS, "explain", "--jobs", "2", log])[1] for _ in range(arguments.runs))
        one = min(cpu([*RABBITLOGS, "explain", "--jobs", "1", log])[1] for _ in range(arguments.runs))
        print(f"{'two processes against one, wall':<34} {one:8.2f} s {two:8.2f} s {one / two:7.2f} x")
        part = work / "part.log"
        part.write_bytes(logs["logger"].read_bytes()[: 30 << 20])
        seconds, _, _ = cpu([*RABBITLOGS, "parse", str(part)])
        print(f"{'parse to JSON lines':<34} {part.stat().st_size / 1e6 / seconds:8.1f} MB/s")
        feed()
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
    print(f"{'Analysis.feed of a line':<34} {(time.process_time() - begun) / 200000 * 1e6:8.2f} us")
    json.dumps(analysis.report().totals)


if __name__ == "__main__":
    sys.exit(main())
