"""The log of a live node over AMQP: its exchange ``amq.rabbitmq.log``, for who has no access to the file.

The node needs ``log.exchange = true``. pika is imported when first needed (``pip install rabbitlogs[amqp]``).
"""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from rabbitlogs.errors import UsageError

if TYPE_CHECKING:
    from rabbitlogs.follow.watching import Wake

EXCHANGE = "amq.rabbitmq.log"
HELD = 64 << 20  # bytes waiting for the reader; beyond, the newest are dropped and counted
_TLS = ("cacertfile", "certfile", "keyfile", "verify", "server_name_indication")
_LONGEST_WAIT = 30.0
_DECLARED_WITHIN = 10.0  # seconds after its start in which a node declares the exchange; it takes clients before
_DECLARED_POLL = 0.5


def is_url(source: str) -> bool:
    """Whether a source is a node's address."""
    return source.startswith(("amqp://", "amqps://"))


def shown_url(url: str) -> str:
    """The address without user, password and options."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    host = f"[{host}]" if ":" in host else host
    try:
        port = parts.port
    except ValueError:
        port = None
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def parameters(url: str) -> Any:
    """pika's connection parameters of a URL.

    TLS is set as in RabbitMQ's URIs: ``amqps://host?cacertfile=ca.pem&certfile=c.pem&keyfile=k.pem&verify=verify_peer``;
    ``server_name_indication`` names the host in the certificate. The broker's certificate is verified unless
    ``verify=verify_none``.
    """
    import logging

    logging.getLogger("pika").addHandler(logging.NullHandler())  # what it says reaches the user in our words
    try:
        import pika
    except ImportError as error:
        raise UsageError("following a node over AMQP needs pika: pip install 'rabbitlogs[amqp]'") from error
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    rest = "&".join(p for p in parts.query.split("&") if p and p.split("=")[0] not in _TLS)
    try:
        out = pika.URLParameters(urlunsplit((parts.scheme, parts.netloc, parts.path or "/%2F", rest, "")))
    except (ValueError, TypeError) as error:
        raise UsageError(f"{shown_url(url)} is no address of a node: {error}") from error
    if parts.scheme == "amqps":
        try:
            context = ssl.create_default_context(cafile=options.get("cacertfile", [None])[0])
            if "certfile" in options:
                context.load_cert_chain(options["certfile"][0], options.get("keyfile", [None])[0])
        except OSError as error:  # ssl.SSLError is one
            raise UsageError(f"{shown_url(url)}: the certificate files could not be used: {error}") from error
        if options.get("verify", [""])[0] == "verify_none":
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        name = options.get("server_name_indication", [parts.hostname or "localhost"])[0]
        out.ssl_options = pika.SSLOptions(context, name)
    out.socket_timeout = 5
    out.stack_timeout = 10
    if "connection_attempts" not in options:
        out.connection_attempts = 1
    out.client_properties = {"connection_name": "rabbitlogs tail"}
    return out


class LogExchange:
    """Reads a node's log exchange as records come, and connects again when the connection is lost."""

    def __init__(self, url: str, wake: Wake) -> None:
        self.name = shown_url(url)
        self.notices: deque[str] = deque()
        self.ended = False
        self._parameters = parameters(url)
        self._wake = wake
        self._lock = threading.Lock()
        self._parts: deque[bytes] = deque()
        self._held = self._dropped = 0
        self._gap = False
        self._stopping = threading.Event()
        self._connection: Any = None
        self._thread = threading.Thread(target=self._run, name="rabbitlogs-amqp", daemon=True)
        self._thread.start()

    def take(self) -> bytes:
        """What has come since the last time: whole records."""
        with self._lock:
            data = b"".join(self._parts)
            self._parts.clear()
            self._held = 0
        return data

    def lost(self) -> int | None:
        """Bytes lost since the last time: 0 for none, None for a number nobody knows (the connection was lost)."""
        with self._lock:
            if self._gap:
                self._gap = False
                return None
            dropped, self._dropped = self._dropped, 0
            return dropped

    def close(self) -> None:
        """Closes the connection and ends the thread."""
        self._stopping.set()
        connection = self._connection
        if connection is not None and connection.is_open:
            try:
                connection.add_callback_threadsafe(connection.close)
            except Exception:  # noqa: BLE001 - it closed meanwhile, whatever pika calls that
                self._connection = None
        self._thread.join(15.0)

    def _run(self) -> None:
        import pika
        from pika import exceptions

        delay, was_connected = 1.0, False
        missing_since: float | None = None
        while not self._stopping.is_set():
            try:
                self._connection = connection = pika.BlockingConnection(self._parameters)
                channel = connection.channel()
                queue = channel.queue_declare("", exclusive=True, auto_delete=True).method.queue
                channel.queue_bind(queue, EXCHANGE, routing_key="#")
                channel.basic_consume(queue, self._took, auto_ack=True)
                if was_connected:
                    with self._lock:
                        self._gap = True
                self._say(f"{self.name}: connected")
                delay, was_connected, missing_since = 1.0, True, None
                channel.start_consuming()
            except exceptions.ChannelClosedByBroker as error:
                if self._stopping.is_set():
                    break
                if error.reply_code == 404:
                    missing_since = missing_since or time.monotonic()
                    if time.monotonic() - missing_since < _DECLARED_WITHIN:
                        self._hang_up()
                        self._stopping.wait(_DECLARED_POLL)
                        continue
                self._fail(
                    f"{self.name} has no exchange {EXCHANGE}: set log.exchange = true in rabbitmq.conf and restart the node"
                    if error.reply_code == 404
                    else f"{self.name}: {error.reply_text}"
                )
                break
            except (exceptions.ProbableAuthenticationError, exceptions.AuthenticationError):
                self._fail(f"{self.name} refused the login: check user and password in the address")
                break
            except exceptions.ProbableAccessDeniedError as error:
                self._fail(f"{self.name} refused access to the virtual host: {error}")
                break
            except (exceptions.AMQPError, OSError) as error:
                if self._stopping.is_set():
                    break
                reason = str(error) or repr(error) or type(error).__name__
                self._say(f"{self.name}: {'connection lost' if was_connected else 'no connection'} ({reason}); trying again")
            finally:
                self._hang_up()
            self._stopping.wait(delay)
            delay = min(delay * 2, _LONGEST_WAIT)
        self.ended = True
        self._wake.touch(self.name)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection.is_open:
            try:
                connection.close()
            except Exception:  # noqa: BLE001 - going away either way
                return

    def _took(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        record = body.rstrip(b"\n") + b"\n"
        with self._lock:
            if self._held + len(record) > HELD:
                self._dropped += len(record)
                return
            self._parts.append(record)
            self._held += len(record)
        self._wake.touch(self.name)

    def _say(self, text: str) -> None:
        self.notices.append(text)
        self._wake.touch(self.name)

    def _fail(self, text: str) -> None:
        self.failed = text
        self._say(text)

    failed: str | None = None
