"""rabbitlogs: reads a RabbitMQ broker's log and says what happened, why, and what to do next.

>>> import rabbitlogs
>>> report = rabbitlogs.explain(rabbitlogs.Text("2026-11-23 07:46:48.684571+00:00 [info] <0.223.0> hello"))
>>> report.totals["records"]
1

Importing this module imports nothing heavy; names are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Analysis": "rabbitlogs.engine.analysis",
    "Catalogue": "rabbitlogs.engine.catalogue",
    "Event": "rabbitlogs.model",
    "Finding": "rabbitlogs.model",
    "Limits": "rabbitlogs.sources",
    "RabbitlogsError": "rabbitlogs.errors",
    "Record": "rabbitlogs.model",
    "Report": "rabbitlogs.engine.report",
    "Rule": "rabbitlogs.engine.catalogue",
    "Text": "rabbitlogs.sources",
    "afollow": "rabbitlogs.follow",
    "explain": "rabbitlogs.api",
    "follow": "rabbitlogs.follow",
    "parse": "rabbitlogs.api",
    "parse_term": "rabbitlogs.parsing.terms",
    "read": "rabbitlogs.api",
    "rules": "rabbitlogs.api",
}

if TYPE_CHECKING:
    from rabbitlogs.api import explain as explain
    from rabbitlogs.api import parse as parse
    from rabbitlogs.api import read as read
    from rabbitlogs.api import rules as rules
    from rabbitlogs.engine.analysis import Analysis as Analysis
    from rabbitlogs.engine.catalogue import Catalogue as Catalogue
    from rabbitlogs.engine.catalogue import Rule as Rule
    from rabbitlogs.engine.report import Report as Report
    from rabbitlogs.errors import RabbitlogsError as RabbitlogsError
    from rabbitlogs.follow import afollow as afollow
    from rabbitlogs.follow import follow as follow
    from rabbitlogs.model import Event as Event
    from rabbitlogs.model import Finding as Finding
    from rabbitlogs.model import Record as Record
    from rabbitlogs.parsing.terms import parse_term as parse_term
    from rabbitlogs.sources import Limits as Limits
    from rabbitlogs.sources import Text as Text

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'rabbitlogs' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
