"""A real broker, provoked; each fault has to appear as the right diagnosis while it happens."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from broker import Broker, end
from follow_helpers import Live

import rabbitlogs
from rabbitlogs.engine.catalogue import default_catalogue
from rabbitlogs.follow import Diagnosis, Seen

pytestmark = [pytest.mark.broker, pytest.mark.filterwarnings("ignore::DeprecationWarning:pika")]
pika = pytest.importorskip("pika", reason="pika is not installed")


@pytest.fixture
def live(broker: Broker) -> Iterator[Live]:
    """Follows the node's log folder."""
    with Live(broker.logs, rules=default_catalogue(), watch=("boot.completed", "boot.stopping")) as following:
        yield following
        following.stop()


def sees(live: Live, *ids: str) -> Diagnosis:
    """Waits for one of these conditions."""
    live.until(lambda live: any(d.finding.id in ids for d in live.diagnoses()), f"one of {ids}")
    return next(d for d in live.diagnoses() if d.finding.id in ids)


def tls(broker: Broker, *, ca: str = "ca.pem", client: str | None = "client", version: str = "TLSv1_2") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=broker.certificates.path(ca))
    if client is not None:
        context.load_cert_chain(broker.certificates.path(f"{client}.pem"), broker.certificates.path(f"{client}.key"))
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    return context


def shake_hands(broker: Broker, context: ssl.SSLContext, port: int | None = None) -> None:
    """A TLS handshake and a read: with TLS 1.3 the client learns of a refusal only then."""
    with (
        socket.create_connection(("127.0.0.1", port or broker.tls_port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        wrapped.sendall(b"AMQP\x00\x00\x09\x01")
        if not wrapped.recv(1):
            raise ConnectionResetError


def connect(broker: Broker, user: str = "guest", password: str = "guest") -> Any:
    return pika.BlockingConnection(
        pika.ConnectionParameters("127.0.0.1", broker.port, "/", pika.PlainCredentials(user, password), socket_timeout=20)
    )


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_client_that_does_not_trust_the_broker(broker: Broker, live: Live, version: str) -> None:
    with pytest.raises(ssl.SSLError):
        shake_hands(broker, tls(broker, ca="other_ca.pem", version=version))
    sees(live, "tls.server_certificate_untrusted", "tls.server_certificate_rejected")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_client_with_a_certificate_of_another_authority(broker: Broker, live: Live, version: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(broker, tls(broker, client="stranger", version=version))
    assert sees(live, "tls.client_certificate_untrusted").finding.severity in ("warning", "error")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_client_without_a_certificate(broker: Broker, live: Live, version: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(broker, tls(broker, client=None, version=version))
    sees(live, "tls.client_certificate_missing")


def test_a_wrong_password(broker: Broker, live: Live) -> None:
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        connect(broker, "guest", "wrong")
    finding = sees(live, "auth.credentials_refused").finding
    assert "guest" in finding.subjects.get("user", {})
    assert all("wrong" not in evidence.text for evidence in finding.evidence)


def test_plain_amqp_to_the_tls_port(broker: Broker, live: Live) -> None:
    with socket.create_connection(("127.0.0.1", broker.tls_port), timeout=20) as plain:
        plain.sendall(b"AMQP\x00\x00\x09\x01")
        assert plain.recv(100)[:1] in (b"", b"\x15")  # a TLS alert, or nothing
    sees(live, "tls.plain_client_on_tls_port")


def test_tls_to_the_plain_port(broker: Broker, live: Live) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(broker, tls(broker), broker.port)
    sees(live, "tls.tls_client_on_plain_port")


def test_a_memory_alarm_set_and_cleared(broker: Broker, live: Live) -> None:
    broker.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    assert sees(live, "resource.memory_alarm").finding.state == "open"
    assert "resource.memory_alarm" in [row[0] for row in live.follower.status().open]
    broker.ctl("set_vm_memory_high_watermark", "0.9")
    live.until(
        lambda live: [d.finding.state for d in live.diagnoses() if d.finding.id == "resource.memory_alarm"] == ["open", "closed"],
        "the alarm is over",
    )


def test_the_broker_rotates_its_log(broker: Broker, live: Live) -> None:
    """Nothing is lost or counted twice, and following goes on, whether the broker is asked to rotate or does it by size."""

    def refused() -> None:
        with pytest.raises(pika.exceptions.ProbableAuthenticationError):
            connect(broker, "guest", "wrong")

    def rotated() -> list[int]:
        return [path.stat().st_ino for path in sorted(broker.logs.glob(f"{broker.log.name}.*"))]

    before, number = rotated(), 0
    refused()
    with contextlib.suppress(subprocess.CalledProcessError):  # 3.9 to 3.12 say that the command does nothing any more
        broker.ctl("rotate_logs")
    while rotated() == before and number < 1000:
        refused()
        number += 1
    for _ in range(3):
        refused()
    live.until_count("auth.credentials_refused", number + 4)
    live.stop()
    assert rotated() != before
    assert live.gaps() == []
    assert next(f for f in live.follower.report().findings if f.id == "auth.credentials_refused").count == number + 4


def test_stop_and_start(broker: Broker, live: Live) -> None:
    broker.stop()
    live.until(lambda live: any(isinstance(i, Seen) and i.id == "boot.stopping" for i in live.items), "stopping")
    broker.start()
    live.until(lambda live: any(isinstance(i, Seen) and i.id == "boot.completed" for i in live.items), "started")
    live.stop()
    assert [d.finding.id for d in live.diagnoses() if d.finding.severity in ("error", "critical")] == []


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "rabbitlogs", "tail", *words]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_until_boot_complete(broker: Broker) -> None:
    """As an init job waits for a node: it ends with 0 when the node has started."""
    broker.stop()
    with subprocess.Popen(
        command("--until", "boot-complete", "--timeout", "120", str(broker.logs)), env=environment(), stdout=subprocess.PIPE
    ) as waiting:
        broker.start()
        out, _ = waiting.communicate(timeout=130)
        assert waiting.returncode == 0
        assert b"boot.completed" in out


def test_a_failed_start_says_why(broker: Broker, tmp_path: Path) -> None:
    """The port of its listener is another node's: waiting for the start ends with that reason."""
    other = Broker(tmp_path / "other", broker.certificates, f"listeners.tcp.2 = 127.0.0.1:{broker.port}\n")
    try:
        other.launch()
        done = subprocess.run(
            command("--until", "boot-complete", "--timeout", "120", "--from-start", str(other.logs)), env=environment(),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=130,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert b"boot.port_in_use" in done.stderr
    finally:
        other.close()


def test_log_tail_stream_piped_in(broker: Broker) -> None:
    """The broker's own streaming of its log, piped in as the documentation shows."""
    streaming = broker.popen("rabbitmq-diagnostics", "log_tail_stream", "--duration", "60")
    try:
        with Live(f"/dev/fd/{streaming.stdout.fileno()}", rules=default_catalogue()) as live:  # type: ignore[union-attr]
            # its first line says that it has begun
            live.until(lambda live: bool(live.follower.status().bytes), "streaming")
            while not live.said("auth.credentials_refused"):
                with pytest.raises(pika.exceptions.ProbableAuthenticationError):
                    connect(broker, "guest", "wrong")
            sees(live, "auth.credentials_refused")
    finally:
        end(streaming)


class TestLogExchange:
    """A live node without access to its files."""

    def test_a_wrong_password(self, broker: Broker) -> None:
        with Live(f"amqp://guest:guest@127.0.0.1:{broker.port}", rules=default_catalogue()) as live:
            live.until(lambda live: any("connected" in getattr(item, "text", "") for item in live.items), "connected")
            with pytest.raises(pika.exceptions.ProbableAuthenticationError):
                connect(broker, "guest", "wrong")
            finding = sees(live, "auth.credentials_refused").finding
            assert finding.evidence[0].source == f"amqp://127.0.0.1:{broker.port}"

    def test_over_tls(self, broker: Broker) -> None:
        path = broker.certificates.path
        url = (
            f"amqps://guest:guest@127.0.0.1:{broker.tls_port}?cacertfile={path('ca.pem')}"
            f"&certfile={path('client.pem')}&keyfile={path('client.key')}&server_name_indication=localhost"
        )
        with Live(url, rules=default_catalogue()) as live:
            live.until(lambda live: any("connected" in getattr(item, "text", "") for item in live.items), "connected")
            with pytest.raises(pika.exceptions.ProbableAuthenticationError):
                connect(broker, "guest", "wrong")
            sees(live, "auth.credentials_refused")

    def test_a_user_with_the_documented_permissions(self, broker: Broker) -> None:
        broker.ctl("add_user", "monitor", "seen-nowhere")
        broker.ctl("set_permissions", "monitor", r"^amq\.gen.*", r"^amq\.gen.*", r"^amq\.(gen.*|rabbitmq\.log)$")
        with Live(f"amqp://monitor:seen-nowhere@127.0.0.1:{broker.port}", rules=default_catalogue()) as live:
            live.until(lambda live: any("connected" in getattr(item, "text", "") for item in live.items), "connected")
            with pytest.raises(pika.exceptions.ProbableAuthenticationError):
                connect(broker, "monitor", "wrong")
            sees(live, "auth.credentials_refused")
            assert "seen-nowhere" not in str(live.items)

    def test_a_refused_login_ends_it(self, broker: Broker) -> None:
        said = list(rabbitlogs.follow(f"amqp://guest:nonsense@127.0.0.1:{broker.port}", catalogue=default_catalogue()))
        assert ["refused the login" in getattr(item, "text", "") for item in said] == [True]
        assert "nonsense" not in str(said)

    def test_the_node_goes_and_comes_back(self, broker: Broker) -> None:
        """The connection is lost and made again, and what may have been missed is said to be a gap."""
        with Live(f"amqp://guest:guest@127.0.0.1:{broker.port}", rules=default_catalogue()) as live:
            live.until(lambda live: any("connected" in getattr(item, "text", "") for item in live.items), "connected")
            broker.stop()
            broker.start()
            live.until(lambda live: bool(live.gaps()), "a gap")
            assert (live.gaps()[0].reason, live.gaps()[0].lost_bytes) == ("reopened", None)
            with pytest.raises(pika.exceptions.ProbableAuthenticationError):
                connect(broker, "guest", "wrong")
            sees(live, "auth.credentials_refused")
        assert not [t for t in threading.enumerate() if t.name == "rabbitlogs-amqp"]
