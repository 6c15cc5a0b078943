"""What a rule cannot say as data: named functions that look at a whole analysis.

A rule calls one with ``[correlate] type = "detector", name = "..."``; its prose, metadata and examples stay in the TOML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.state import Tally

DETECTORS: dict[str, Callable[[Analysis, Tally], bool]] = {}
