"""Where bytes come from: files, rotated and compressed, folders, support bundles, standard input, content in memory.

:func:`open_sources` turns what a user gives into :class:`Source` objects; wrappers that other programs put round the
broker's lines (docker, syslog, ...) are the business of :mod:`rabbitlogs.sources.envelopes`. Importing this package
loads no decompressor and no archive reader.
"""

from __future__ import annotations

from .opening import open_sources
from .source import Problem, Source, Sources
from .streams import Limits
from .text import Text

__all__ = ["Limits", "Problem", "Source", "Sources", "Text", "open_sources"]
