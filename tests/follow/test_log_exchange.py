"""A node's log exchange where the node is not what one expects; tests/live has a real one."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from follow_helpers import DEADLINE

from rabbitlogs.follow import amqp
from rabbitlogs.follow.amqp import LogExchange
from rabbitlogs.follow.watching import Wake

pika = pytest.importorskip("pika", reason="pika is not installed")


class Node:
    """Stands for pika's connection to a node that declares its log exchange after so many attempts to bind to it."""

    def __init__(self, attempts: int) -> None:
        self.attempts, self.binds = attempts, 0
        self.is_open = True
        self.consuming = threading.Event()
        self.ended = threading.Event()
        self.method = self

    def __call__(self, *_: Any) -> Node:
        self.is_open = True
        return self

    def channel(self) -> Node:
        return self

    def queue_declare(self, *_: Any, **__: Any) -> Node:
        return self

    queue = "amq.gen-1"

    def queue_bind(self, *_: Any, **__: Any) -> None:
        self.binds += 1
        if self.binds <= self.attempts:
            raise pika.exceptions.ChannelClosedByBroker(404, "NOT_FOUND - no exchange 'amq.rabbitmq.log' in vhost '/'")

    def basic_consume(self, *_: Any, **__: Any) -> None:
        pass

    def start_consuming(self) -> None:
        self.consuming.set()
        self.ended.wait(DEADLINE)

    def add_callback_threadsafe(self, callback: Any) -> None:
        callback()

    def close(self) -> None:
        self.is_open = False
        self.ended.set()


def test_an_exchange_that_is_declared_a_little_later_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node takes clients before it declares its log exchange."""
    node = Node(2)
    monkeypatch.setattr(pika, "BlockingConnection", node)
    monkeypatch.setattr(amqp, "_DECLARED_POLL", 0.01)
    exchange = LogExchange("amqp://broker.example", Wake())
    try:
        assert node.consuming.wait(DEADLINE)
    finally:
        exchange.close()
    assert node.binds == 3
    assert exchange.failed is None
    assert list(exchange.notices) == ["amqp://broker.example: connected"]


def test_an_exchange_that_does_not_come_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(10**6)
    monkeypatch.setattr(pika, "BlockingConnection", node)
    monkeypatch.setattr(amqp, "_DECLARED_POLL", 0.001)
    monkeypatch.setattr(amqp, "_DECLARED_WITHIN", 0.05)
    exchange = LogExchange("amqp://broker.example", Wake())
    try:
        exchange._thread.join(DEADLINE)
    finally:
        exchange.close()
    assert exchange.ended
    assert node.binds > 1
    assert "log.exchange = true" in str(exchange.failed)
