"""A real broker for the tests in this folder; without one they are skipped, or fail where one is required."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# helpers are shared with the tests of following, which can be run without this folder and this one without them
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "follow")]

from broker import Broker, why_not  # noqa: E402 - needs the path above


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One node for all tests."""
    reason = why_not()
    if reason is not None:
        if os.environ.get("RABBITLOGS_REQUIRE_BROKER") == "1":
            pytest.fail(f"a broker is required: {reason}")
        pytest.skip(f"no broker: {reason}")
    node = Broker(tmp_path_factory.mktemp("broker") / "node")
    try:
        node.start()
        yield node
    finally:
        node.close()
