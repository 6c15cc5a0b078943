"""Logs of many blocks: where they are cut for several processes makes no difference, whatever the format."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

import rabbitlogs
from rabbitlogs.engine import parallel
from rabbitlogs.engine.analysis import Analysis

if TYPE_CHECKING:
    from pathlib import Path

CLOSED = "closing AMQP connection <0.{n}.0> (10.0.{a}.5:{n} -> 10.0.0.2:5672, vhost: '/', user: 'u{a}')"


def _log(format_: str, *, in_order: bool) -> bytes:
    chance = random.Random(7)
    out = []
    for n in range(9000):
        second = n // 20 if in_order else chance.randrange(450)
        time = f"2026-11-23 07:{second // 60:02}:{second % 60:02}.{n % 1000:03}"
        text = CLOSED.format(n=n, a=n % 90)
        if format_ == "json":
            out.append(f'{{"time":"{time}000+00:00","level":"warning","msg":"{text}: gone","pid":"<0.{n}.0>"}}\n')
        elif format_ == "lager":
            out.append(f"{time} [warning] <0.{n}.0> {text}:\nclient unexpectedly closed TCP connection\n")
        else:
            head = f"{time}000+00:00 [warning] <0.{n}.0> "
            out.append(f"{head}{text}:\n{head}client unexpectedly closed TCP connection\n")
    return "".join(out).encode()


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("format_", ["logger", "lager", "json"])
def test_parts_give_the_report_of_the_whole(format_: str, in_order: bool) -> None:
    """Time line, counts, times and evidence do not depend on the blocks that a log is read in."""
    data = _log(format_, in_order=in_order)
    whole = Analysis()
    whole.feed(data, "a.log")
    expected = whole.report().to_dict()
    assert expected["totals"]["records"] == 9000
    for cut in (300001, 900000):
        first, second = Analysis(), Analysis()
        first.feed(data[:cut], "a.log")
        second.feed(data[cut:], "a.log")
        second.detach()
        first.merge(second)
        assert first.report().to_dict() == expected


def test_the_number_of_processes_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where more clients are met than are counted by name: a file is cut in the same places for one process as for two."""
    monkeypatch.setattr(parallel, "_WORTH", 1)
    monkeypatch.setattr(parallel, "_PART", 1 << 20)
    chance = random.Random(3)
    lines = []
    for n in range(20000):
        head = f"2026-11-23 07:{n // 600:02}:{n // 10 % 60:02}.{n % 1000:06}+00:00 [error] <0.{n}.0> "
        client = f"10.{chance.randrange(9)}.{chance.randrange(99)}.{chance.randrange(9)}:{n}"
        lines.append(f"{head}Error on AMQP connection <0.{n}.0> ({client} -> 10.0.0.2:5672, state: starting):\n")
        lines.append(f"{head}PLAIN login refused: user 'u{n % 7}' - invalid credentials\n")
    path = tmp_path / "a.log"
    path.write_text("".join(lines))
    one, two = (rabbitlogs.explain(str(path), jobs=jobs).to_dict() for jobs in (1, 2))
    assert one == two
    assert one["findings"][0]["count"] == 20000
