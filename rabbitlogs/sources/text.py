"""Pasted log text, told apart from a path: a plain ``str`` given to :func:`rabbitlogs.sources.open_sources` is always a path."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """Log text itself rather than where it is; ``name`` is what reports call it."""

    content: str
    name: str = "text"
