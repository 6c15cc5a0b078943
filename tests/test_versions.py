"""What a log says of its broker, where it says it, and rules that hold for some releases only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rabbitlogs
from rabbitlogs.engine.own_rules import load_catalogue
from rabbitlogs.engine.versions import holds

if TYPE_CHECKING:
    from pathlib import Path

_RULE = """
title = "A thing of old releases"
severity = "warning"
until = "3.13"

[match]
kind = "unknown"
message = { like = "was frobnicated" }

[explain]
what = "It happened."

[[next]]
do = "Do it the old way"
until = "3.11"

[[next]]
do = "Do it the new way"
since = "3.12"
"""
_SEEN = "2026-11-23 07:46:49.100000+00:00 [error] <0.821.0> the thing was frobnicated\n"


def _start(version: str) -> str:
    head = "2026-11-23 07:46:40.000000+00:00 [info] <0.230.0> "
    lines = [f" Starting RabbitMQ {version} on Erlang 26.2 [jit]", " Copyright (c) 2007-2024 Broadcom Inc"]
    return "".join(f"{head}{line}\n" for line in lines)


def _advice(folder: Path, log: str) -> list[str] | None:
    rule = folder / "rules" / "connection" / "old_thing.toml"
    rule.parent.mkdir(parents=True, exist_ok=True)
    rule.write_text(_RULE, encoding="utf-8")
    analysis = rabbitlogs.Analysis(load_catalogue([str(folder / "rules")], None))
    analysis.feed(log)
    found = [f for f in analysis.report().findings if f.id == "connection.old_thing"]
    return [step.do for step in found[0].next] if found else None


def test_a_rule_and_its_steps_hold_for_the_release_that_wrote_the_log(tmp_path: Path) -> None:
    """A release that is not named excludes nothing; after an upgrade either one counts."""
    old, new = "Do it the old way", "Do it the new way"
    assert _advice(tmp_path, _SEEN) == [old, new]
    assert _advice(tmp_path, _start("3.10.8") + _SEEN) == [old]
    assert _advice(tmp_path, _start("3.13.0-rc.1") + _SEEN) == [new]
    assert _advice(tmp_path, _start("4.0.5") + _SEEN) is None
    assert _advice(tmp_path, _start("3.13.7") + _SEEN + _start("4.0.5")) == [new]


def test_releases_are_compared_as_numbers() -> None:
    """3.9 comes before 3.10."""
    assert holds("3.9", None, [(3, 10)])
    assert not holds("3.10", None, [(3, 9)])
    assert holds(None, "3.10", [(3, 9)])
    assert not holds(None, "3.9", [(3, 10)])


def test_what_a_log_says_of_its_broker_comes_with_its_source() -> None:
    """Node, releases and time zone, and what said so; nothing is guessed."""
    banner = "2026-11-23 07:46:41.000000+00:00 [info] <0.230.0> \n" + "".join(
        f"2026-11-23 07:46:41.000000+00:00 [info] <0.230.0>  {line}\n"
        for line in (
            "node           : rabbit@rmq1",
            "home dir       : /var/lib/rabbitmq",
            "config file(s) : /etc/rabbitmq/rabbitmq.conf",
            "cookie hash    : abc",
            "log(s)         : /var/log/rabbitmq/rabbit@rmq1.log",
            "data dir       : /var/lib/rabbitmq/mnesia/rabbit@rmq1",
        )
    )
    source = rabbitlogs.explain(rabbitlogs.Text(_start("4.0.5") + banner)).to_dict()["sources"][0]
    assert (source["node"], source["rabbitmq_version"], source["erlang_version"]) == ("rabbit@rmq1", "4.0.5", "26.2")
    assert source["zone"] == "+00:00"
    assert source["said_by"] == {
        "node": "boot.node_identified",
        "rabbitmq_version": "boot.starting",
        "erlang_version": "boot.starting",
        "zone": "times",
    }
    bare = rabbitlogs.explain(
        rabbitlogs.Text("2020-07-07 07:07:07.707 [info] <0.1.0> Server startup complete; 3 plugins started.\n")
    )
    assert set(bare.to_dict()["sources"][0]["said_by"].values()) == {None}
    assert bare.to_dict()["sources"][0]["zone"] is None
