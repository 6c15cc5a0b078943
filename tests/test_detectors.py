"""Detectors: conditions that need the whole log."""

from __future__ import annotations

import rabbitlogs


def _closes(number: int, seconds: float) -> str:
    lines = []
    for index in range(number):
        at = index * seconds / number
        clock = f"{int(at // 60):02}:{at % 60:09.6f}"
        lines.append(
            f"2026-11-23 07:{clock}+00:00 [info] <0.{index}.0> closing AMQP connection <0.{index}.0> "
            f"(10.0.0.5:{1024 + index} -> 10.0.0.2:5672, vhost: '/', user: 'app')\n"
        )
    return "".join(lines)


def test_many_closed_connections_a_minute_are_churn() -> None:
    """1,500 in a minute; the rate stands in the sentence."""
    report = rabbitlogs.explain(rabbitlogs.Text(_closes(1500, 60)))
    assert [finding.id for finding in report.findings] == ["connection.high_churn"]
    assert "1501 times a minute" in report.findings[0].what or "1500 times a minute" in report.findings[0].what


def test_the_same_number_over_half_an_hour_is_not() -> None:
    """A quiet day of many connections says nothing."""
    assert not rabbitlogs.explain(rabbitlogs.Text(_closes(1500, 1800))).findings
