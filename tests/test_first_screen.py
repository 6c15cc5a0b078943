"""The text report: one screen that says what matters, commands that run as printed, one way to say a time."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rabbitlogs
from rabbitlogs.report.style import command_lines
from rabbitlogs.report.text import write_text

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = sorted(path for path in (ROOT / "samples").rglob("*") if path.suffix in (".log", ".txt"))
REFUSED = "User '{}' failed to authenticate: user '{}' - invalid credentials"


def line(clock: str, message: str, level: str = "info") -> str:
    return f"2026-11-24 {clock}.000000+00:00 [{level}] <0.400.0> {message}\n"


def text(*sources: rabbitlogs.Text | Path, everything: bool = False) -> str:
    out = io.StringIO()
    write_text(rabbitlogs.explain(*sources), out, everything=everything)
    return out.getvalue()


def screen(report: str) -> list[str]:
    """What stands before the first finding in full."""
    lines = report.split("\n")
    heads = [n for n, row in enumerate(lines) if row.startswith(("critical: ", "error: ", "warning: ", "notice: ", "info: "))]
    return lines[: heads[0] if heads else len(lines)]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_verdict_of_a_sample_fits_on_a_screen(path: Path) -> None:
    """24 lines of 80 columns."""
    shown = screen(text(path))
    assert len(shown) <= 24
    assert [row for row in shown if len(row) > 80] == []


def test_the_verdict_of_many_troubles_fits_on_a_screen(tmp_path: Path) -> None:
    """Every sample at once, as the logs of one cluster."""
    for number, path in enumerate(SAMPLES):
        (tmp_path / f"rabbit@a-node-with-a-long-name-{number % 7}.log.{number}").write_bytes(path.read_bytes())
    shown = screen(text(tmp_path))
    assert len(shown) <= 24
    assert [row for row in shown if len(row) > 80] == []


def test_what_is_open_says_since_when_and_how_long() -> None:
    """The first screen of an alarm that is set the second time."""
    alarm = "memory resource limit alarm {} on node rabbit@a"
    shown = screen(
        text(
            rabbitlogs.Text(
                line("10:00:00", alarm.format("set") + ".", "warning")
                + line("10:01:00", alarm.format("cleared"), "warning")
                + line("10:05:00", alarm.format("set") + ".", "warning")
                + line("10:10:00", "accepting AMQP connection <0.900.0> (10.0.0.5:40001 -> 10.0.0.2:5672)")
            )
        )
    )
    assert "critical Memory alarm: publishers are blocked" in shown
    assert any("rabbit@a; since 10:05:00, still so after 5 min" in row for row in shown)
    assert any(row.startswith("Do first: ") for row in shown)
    assert any(row.startswith("  rabbitmq") for row in shown)


def test_a_storm_is_one_line_with_count_rate_and_the_top_user() -> None:
    """100 refusals in a minute and a half: how many, how fast, whose."""
    storm = "".join(
        line(f"10:{number // 60:02}:{number % 60:02}", REFUSED.format(user, user), "warning")
        for number, user in enumerate(["app"] * 97 + ["b", "c", "d"])
    )
    shown = " ".join(" ".join(screen(text(rabbitlogs.Text(storm)))).split())
    assert "since 10:00:00, 100 times in 1 min 39 s (61 a minute)" in shown
    assert "4 users, app 97 %" in shown


def test_nothing_wrong_is_said_in_one_sentence() -> None:
    """No heap, no step, no bars."""
    shown = text(rabbitlogs.Text(line("10:00:00", "Server startup complete; 3 plugins started.")))
    assert "Nothing in this log is wrong." in shown
    assert "Wrong now" not in shown
    assert "Do first" not in shown


def test_a_closed_condition_is_told_as_past() -> None:
    """Its section says since when it is over before it says what it was."""
    alarm = "memory resource limit alarm {} on node rabbit@a"
    said = text(
        rabbitlogs.Text(
            line("10:00:00", alarm.format("set") + ".", "warning") + line("10:01:00", alarm.format("cleared"), "warning")
        )
    )
    assert "Nothing is wrong at the end of this log; something was." in said
    assert "Over since 2026-11-24 10:01:00 UTC; while it lasted:" in said


def test_causes_and_effects_name_each_other_by_title() -> None:
    """A reader need not know ids."""
    said = text(
        rabbitlogs.Text(
            line("10:00:00", "** Node rabbit@b not responding **", "error")
            + line("10:00:00", "** Removing (timedout) connection **", "error")
            + line("10:00:00", "rabbit on node rabbit@b down")
        ),
        everything=True,
    )
    assert "This follows from: A peer node does not answer" in said
    assert "Followed by: A peer node went down" in said


def test_node_versions_and_zone_stand_with_what_says_them() -> None:
    """Where there is room, and with --all, within 80 columns; a log whose times have no zone is said to have none."""
    start = line("08:00:00", "Starting RabbitMQ 4.0.5 on Erlang 27.3 [jit]")
    facts = {"node": "rabbit@a", "home dir": "/srv/mq", "config file(s)": "(none)", "log(s)": "<stdout>", "data dir": "/srv/mq/d"}
    start += "".join(line("08:00:01", f" {name:<15}: {value}") for name, value in facts.items())
    told = text(rabbitlogs.Text(start, "elsewhere.log"))
    said = " ".join(told.split("Who says so")[1].split())
    assert "node rabbit@a (boot.node_identified); RabbitMQ 4.0.5 (boot.starting); Erlang 27.3 (boot.starting)" in said
    assert "zone +00:00 (times)" in said
    lager = "2026-11-24 08:00:00.123 [info] <0.9.0> accepting AMQP connection <0.9.0> (10.0.0.9:5 -> 10.0.0.1:5672)\n"
    logs = [rabbitlogs.Text(lager, f"rabbit@a-node-with-quite-a-long-name-of-{n}.log") for n in range(30)]
    assert "Who says so" not in text(*logs)
    told = text(*logs, everything=True)
    assert told.count("(file name); no zone in its") == 30
    assert [row for row in told.split("\n") if len(row) > 80] == []


@pytest.mark.parametrize("width", [30, 72])
def test_a_wrapped_command_is_the_same_command(width: int) -> None:
    """A shell joins the lines to the words of the command."""
    command = "rabbitmqctl -n 'rabbit@a b' list_queues name messages_ready messages_unacknowledged consumers memory --vhost \"my vhost\""
    rows = command_lines(command, width)
    assert len(rows) > 1
    assert all(len(row) <= width for row in rows)
    assert shlex.split("\n".join(rows).replace("\\\n", " ")) == shlex.split(command)


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=30), min_size=1, max_size=12)
)
def test_wrapping_never_changes_a_quoted_word(words: list[str]) -> None:
    """Whatever a value holds, quoted it stays whole."""
    command = " ".join(shlex.quote(word) for word in words)
    assert shlex.split("\n".join(command_lines(command, 40)).replace(" \\\n", " ")) == words
