"""What real clients and tools printed while a fault of known cause was provoked against a real broker."""

from __future__ import annotations

from pathlib import Path

import pytest

import rabbitlogs

FOLDER = Path(__file__).parent / "clients"
EXPECTED = {
    "aio-pika-virtual-host-refused": "client.vhost_not_opened",
    "amqplib-closed-by-operator": "connection.forced_by_operator",
    "amqplib-expired-certificate": "tls.server_certificate_expired",
    "amqplib-virtual-host-refused": "client.vhost_not_opened",
    "bunny-host-name": "tls.s_client_hostname_mismatch",
    "bunny-untrusted-client-certificate": "tls.client_certificate_untrusted",
    "erlang-unknown-ca": "tls.server_certificate_untrusted",
    "go-host-name": "tls.s_client_hostname_mismatch",
    "go-missing-exchange": "channel.not_found",
    "java-inequivalent-argument": "channel.inequivalent_argument",
    "java-tls-to-plain-port": "tls.tls_client_on_plain_port",
    "kombu-wrong-password": "auth.login_refused",
    "lapin-no-client-certificate": "tls.client_certificate_missing",
    "mosquitto-wrong-password": "auth.login_refused",
    "php-plain-to-tls-port": "tls.plain_client_on_tls_port",
    "pika-blocked": "client.publishers_blocked",
    "pika-missing-virtual-host": "connection.vhost_not_found",
    "pika-no-client-certificate": "tls.client_certificate_missing",
    "rabbitmqctl-wrong-cookie": "cluster.cookie_mismatch",
    "s-client-path-too-long": "tls.verification_depth_exceeded",
    "s-server-client-distrusts": "tls.server_certificate_untrusted",
    "spring-missing-queue": "channel.not_found",
    "stomp-missing-exchange": "channel.not_found",
    "stream-java-wrong-password": "auth.login_refused",
}


def test_every_output_has_its_finding() -> None:
    """No output is kept without a check."""
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(EXPECTED)


@pytest.mark.parametrize(("name", "finding"), sorted(EXPECTED.items()))
def test_the_cause_is_found_and_all_else_is_its_effect(name: str, finding: str) -> None:
    """The first finding is the cause; what else was seen stands under it."""
    report = rabbitlogs.explain(FOLDER / f"{name}.txt")
    assert [f.id for f in report.findings if not f.caused_by] == [finding]


def test_a_refusal_names_what_it_is_about() -> None:
    """The broker's sentence, repeated by a client, gives the fields it gives in the broker's log."""
    text = """pika.exceptions.ChannelClosedByBroker: (403, "ACCESS_REFUSED - access to queue 'orders' in vhost 'shop' refused for user 'web'")"""
    (event,) = rabbitlogs.parse(rabbitlogs.Text(text + "\n"))
    wanted = {"reply_code": 403, "queue": "orders", "resource_vhost": "shop", "user": "web"}
    assert {name: event.fields[name] for name in wanted} == wanted


def test_two_errors_in_a_row_are_two() -> None:
    """A client's message that may begin with any text does not swallow the line before it."""
    text = """2026/03/02 11:20:14 Exception (404) Reason: "NOT_FOUND - no exchange 'orders' in vhost 'shop'"
2026/03/02 11:20:15 publish: Exception (504) Reason: "channel/connection is not open"
"""
    assert [e.kind for e in rabbitlogs.parse(rabbitlogs.Text(text))] == ["client.entity_not_found", "client.go_already_closed"]


def test_a_trace_without_indentation_is_one_record() -> None:
    """A web page takes the blanks before a trace's frames; they and the error still belong to the line above."""
    text = """2026-03-02 11:20:14.018 ERROR [rabbitmq-nio] c.e.orders.Handler - the broker's connection broke
com.rabbitmq.client.MissedHeartbeatException: Heartbeat missing with heartbeat = 30 seconds
at com.rabbitmq.client.impl.AMQConnection.handleHeartbeatFailure(AMQConnection.java:648)
at java.base/java.lang.Thread.run(Thread.java:840)
... 3 common frames omitted
"""
    (event,) = rabbitlogs.parse(rabbitlogs.Text(text))
    assert (event.kind, event.record.stamp) == ("client.java_heartbeat_missed", "2026-03-02T11:20:14.018")
