"""Counters for Prometheus, served while following. prometheus_client is imported when first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbitlogs.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbitlogs.follow.follower import Status


class Metrics:
    """An HTTP endpoint with counters of records by level and of conditions.

    Args:
        address: a port, or ``host:port``; a port alone listens on loopback only.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if not port.isdigit() or not 0 <= int(port) <= 65535:
            raise UsageError(f"--metrics {address}: a port was expected, or host:port")
        try:
            from prometheus_client import CollectorRegistry, start_http_server
        except ImportError as error:
            raise UsageError("--metrics needs prometheus_client: pip install 'rabbitlogs[metrics]'") from error
        self._status: Status | None = None
        registry = CollectorRegistry()
        registry.register(self)
        try:
            started: Any = start_http_server(int(port), addr=host.strip("[]") or "127.0.0.1", registry=registry)
        except OSError as error:
            raise UsageError(f"--metrics {address}: {(error.strerror or str(error)).lower()}") from error
        self._server, self._thread = started if isinstance(started, tuple) else (None, None)

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._server.server_address[1]) if self._server is not None else 0

    def show(self, status: Status) -> None:
        """Takes the newest counts."""
        self._status = status

    def close(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def describe(self) -> list[Any]:
        """Nothing beforehand: what there is shows itself when it is collected."""
        return []

    def collect(self) -> Iterator[Any]:
        """The counts, for prometheus_client."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        status = self._status
        records = CounterMetricFamily("rabbitlogs_records", "Log records read, by level.", labels=["level"])
        conditions = CounterMetricFamily(
            "rabbitlogs_conditions", "Events that are evidence of a condition.", labels=["id", "severity"]
        )
        is_open = GaugeMetricFamily("rabbitlogs_condition_open", "1 while a condition that lasts has not ended.", labels=["id"])
        lines = CounterMetricFamily("rabbitlogs_lines", "Log lines read.")
        read = CounterMetricFamily("rabbitlogs_read_bytes", "Bytes of logs read.")
        lost = CounterMetricFamily("rabbitlogs_lost_bytes", "Bytes of logs known to be lost.")
        unknown = CounterMetricFamily("rabbitlogs_unknown_records", "Records whose message no grammar knows.")
        if status is not None:
            for level, number in sorted(status.by_level.items()):
                records.add_metric([level], number)
            for rule_id, (severity, number) in sorted(status.conditions.items()):
                conditions.add_metric([rule_id, severity], number)
            for rule_id, _, _ in status.open:
                is_open.add_metric([rule_id], 1)
            lines.add_metric([], status.lines)
            read.add_metric([], status.bytes)
            lost.add_metric([], status.lost_bytes)
            unknown.add_metric([], status.unknown)
        yield from (records, conditions, is_open, lines, read, lost, unknown)
