"""Writes a broker log of any size, with its truth: seeded, of high cardinality, of a healthy mix with troubles in it.

    python benchmarks/generate.py 300 > big.log              # megabytes; truth goes to big.log.truth.json with --truth
    python benchmarks/generate.py 300 --format json --seed 2

Hundreds of users and virtual hosts, thousands of queues; nine records of ten are connections coming and going, the rest
warnings and errors of a few kinds. ``--rules N`` makes every fifth record one of the examples that N rules hold, the first
ones often, the last ones seldom, with other names and numbers: a broker in many troubles. With ``--names`` every tenth record
has a name without quotes that no other has: a pod's, a device's. ``--random`` writes the worst case instead: every line
of other words.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tomllib
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

SERVER = "10.0.0.2:5672"
RULES = Path(__file__).parent.parent / "rabbitlogs" / "rules"
NAMED = 0.1  # of records that bring a name
SHARE = 0.2  # of records that are made of rules' examples
HEADER = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\S* \[(\w+)\] (<[\d.]+>) ")
VARIABLE = re.compile(
    r"(<\d+\.\d+\.\d+>)|(\d+\.\d+\.\d+\.\d+:\d+) ->|(vhost|user|queue|exchange) '([^']+)'|(vhost|user): '([^']+)'"
)


class Broker:
    """Makes up one record after the other: level, kind, message."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.users = [f"svc-{letters[i % 26]}{letters[i // 26 % 26]}-{i}" for i in range(400)]
        self.vhosts = [f"tenant-{letters[i % 26]}{i}" for i in range(300)]
        self.queues = [f"orders.{letters[i % 26]}{letters[i // 26 % 26]}.{i}" for i in range(6000)]
        self.words = ["".join(self.chance.choice(letters) for _ in range(self.chance.randint(2, 10))) for _ in range(8000)]
        self.examples: list[tuple[str, str, str, str]] = []
        self.weights: list[float] = []
        self.has_names = False
        self.time = datetime(2026, 11, 1, tzinfo=UTC)

    def record(self) -> tuple[str, str, str, str]:
        """Level, kind, pid, message."""
        if self.examples and self.chance.random() < SHARE:
            return self.example()
        if self.has_names and self.chance.random() < NAMED:
            return self.named()
        pick = self.chance.choice
        roll = self.chance.random()
        pid = f"<0.{self.chance.randint(500, 99999)}.{self.chance.randint(0, 20)}>"
        client = f"10.{self.chance.randint(0, 3)}.{self.chance.randint(0, 255)}.{self.chance.randint(1, 254)}:{self.chance.randint(1024, 65535)}"
        user, vhost, queue = pick(self.users), pick(self.vhosts), pick(self.queues)
        where = f"{client} -> {SERVER}"
        who = f"vhost: '{vhost}', user: '{user}'"
        if roll < 0.31:
            return "info", "connection.accepted", pid, f"accepting AMQP connection {pid} ({where})"
        if roll < 0.62:
            return (
                "info",
                "connection.authenticated",
                pid,
                (f"connection {pid} ({where}): user '{user}' authenticated and granted access to vhost '{vhost}'"),
            )
        if roll < 0.92:
            return "info", "connection.closed", pid, f"closing AMQP connection {pid} ({where}, {who})"
        if roll < 0.95:
            return (
                "warning",
                "connection.closed_abruptly",
                pid,
                (f"closing AMQP connection {pid} ({where}, {who}):\nclient unexpectedly closed TCP connection"),
            )
        if roll < 0.965:
            return (
                "error",
                "channel.closed_with_error",
                pid,
                (
                    f"Channel error on connection {pid} ({where}, {who}), channel 1:\n"
                    f"operation queue.declare caused a channel exception not_found: no queue '{queue}' in vhost '{vhost}'"
                ),
            )
        if roll < 0.98:
            return (
                "error",
                "connection.heartbeat_missed",
                pid,
                (f"closing AMQP connection {pid} ({where}):\nmissed heartbeats from client, timeout: 60s"),
            )
        return (
            "error",
            "access.login_refused",
            pid,
            (
                f"Error on AMQP connection {pid} ({where}, state: starting):\nPLAIN login refused: user '{user}' - invalid credentials"
            ),
        )

    def read_examples(self, rules: int) -> None:
        """Takes the examples of so many rules, those that are one record as 3.9+ writes it, some kinds of them often."""
        files = sorted(RULES.glob("*/*.toml"))
        self.chance.shuffle(files)
        for file in files[:rules]:
            for example in tomllib.loads(file.read_text(encoding="utf-8")).get("example", ()):
                lines = [line for line in example["log"].split("\n") if line]
                heads = [HEADER.match(line) for line in lines]
                if heads and heads[0] is not None and len({head and head[0] for head in heads}) == 1:
                    message = "\n".join(line[len(heads[0][0]) :] for line in lines)
                    self.examples.append((heads[0][1], file.stem, heads[0][2], message))
        self.weights = list(accumulate(1 / (place + 3) for place in range(len(self.examples))))

    def example(self) -> tuple[str, str, str, str]:
        """A record that a rule holds as its example, with other processes, addresses and names."""
        level, kind, pid, message = self.chance.choices(self.examples, cum_weights=self.weights)[0]
        other = f"<0.{self.chance.randint(500, 99999)}.0>"

        def vary(match: re.Match[str]) -> str:
            if match[1]:
                return other if match[1] == pid else f"<0.{self.chance.randint(500, 99999)}.0>"
            if match[2]:
                return f"10.{self.chance.randint(0, 3)}.{self.chance.randint(0, 255)}.7:{self.chance.randint(1024, 65535)} ->"
            name = match[3] or match[5]
            pool = {"vhost": self.vhosts, "user": self.users}.get(name, self.queues)
            return f"{name}{':' if match[5] else ''} '{self.chance.choice(pool)}'"

        return level, kind, other, VARIABLE.sub(vary, message)

    def named(self) -> tuple[str, str, str, str]:
        """A connection with the name of a pod, or of a device that speaks MQTT."""
        pid = f"<0.{self.chance.randint(500, 99999)}.0>"
        where = f"10.{self.chance.randint(0, 3)}.{self.chance.randint(0, 255)}.9:{self.chance.randint(1024, 65535)} -> {SERVER}"
        letters = "".join(self.chance.choices("bcdfghjklmnpqrstvwxz2456789", k=15))
        if self.chance.random() < 0.5:
            return "info", "mqtt.accepted", pid, f"Accepted MQTT connection {where} for client ID sensor-{letters[:8]}"
        name = f"{self.chance.choice(('shop', 'order', 'cart', 'mail'))}-service-{letters[:10]}-{letters[10:]}"
        return "info", "connection.named", pid, f"connection {pid} ({where}): has a client-provided name: {name}"

    def noise(self) -> tuple[str, str, str, str]:
        """A record of words nobody has seen before."""
        text = " ".join(self.chance.choice(self.words) for _ in range(10))
        return "info", "unknown", f"<0.{self.chance.randint(500, 99999)}.0>", text

    def tick(self) -> str:
        """The next moment, with microseconds and zone."""
        self.time += timedelta(microseconds=self.chance.randint(100, 20000))
        return self.time.strftime("%Y-%m-%d %H:%M:%S.%f+00:00")


def line_of(format_: str, time: str, level: str, pid: str, message: str) -> str:
    """A record in one of the broker's formats."""
    if format_ == "json":
        row = {"time": time, "level": level, "msg": message, "line": 2251, "pid": pid, "file": "rabbit_reader.erl",
               "domain": "rabbitmq.connection", "mfa": ["rabbit_reader", "log", 3]}  # fmt: skip
        return json.dumps(row, separators=(",", ":")) + "\n"
    if format_ == "lager":
        return f"{time[:23]} [{level}] {pid} {message}\n"
    head = f"{time} [{level}] {pid} "
    return "".join(f"{head}{line}\n" for line in message.split("\n"))


def main() -> int:
    """Writes the log to standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("megabytes", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=["logger", "lager", "json"], default="logger")
    parser.add_argument("--rules", type=int, default=0, help="rules whose examples are mixed in")
    parser.add_argument("--names", action="store_true", help="every tenth record has a name of its own, without quotes")
    parser.add_argument("--random", action="store_true", help="the worst case: every line different")
    parser.add_argument("--truth", metavar="FILE", help="where to write what the log holds")
    arguments = parser.parse_args()
    broker = Broker(arguments.seed)
    broker.read_examples(arguments.rules)
    broker.has_names = arguments.names
    counts: Counter[tuple[str, str]] = Counter()
    written, goal = 0, int(arguments.megabytes * 1e6)
    parts: list[str] = []
    while written < goal:
        level, kind, pid, message = broker.noise() if arguments.random else broker.record()
        counts[level, kind] += 1
        parts.append(line_of(arguments.format, broker.tick(), level, pid, message))
        written += len(parts[-1])
        if len(parts) > 5000:
            sys.stdout.write("".join(parts))
            parts.clear()
    sys.stdout.write("".join(parts))
    if arguments.truth:
        truth: dict[str, Any] = {"records": counts.total(), "bytes": written}
        truth["by_level"] = dict(sum((Counter({level: n}) for (level, _), n in counts.items()), Counter()))
        truth["by_kind"] = dict(sum((Counter({kind: n}) for (_, kind), n in counts.items()), Counter()))
        with open(arguments.truth, "w", encoding="utf-8") as file:
            json.dump(truth, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
