"""The exceptions rabbitlogs raises. Bad input is data and raises nothing; these are the caller's faults and ours.

::

    RabbitlogsError
    ├── GrammarError (ValueError)     a grammar file that cannot be loaded
    ├── RuleError (ValueError)        a rule file that cannot be used: path, line and reason
    ├── SourceError (OSError)         nothing that could be read
    └── UsageError (ValueError)       arguments that make no sense together
"""

from __future__ import annotations


class RabbitlogsError(Exception):
    """The base of all exceptions of this package."""


class GrammarError(RabbitlogsError, ValueError):
    """A grammar file is broken; the message names file, rule and reason."""


class RuleError(RabbitlogsError, ValueError):
    """A rule file is broken; the message names file, line where known, and reason."""

    def __init__(self, path: str, reason: str, line: int | None = None) -> None:
        self.path, self.reason, self.line = path, reason, line
        super().__init__(f"{path}:{line}: {reason}" if line else f"{path}: {reason}")


class SourceError(RabbitlogsError, OSError):
    """Nothing to read: every source named was missing, unreadable or no log."""


class UsageError(RabbitlogsError, ValueError):
    """Arguments that make no sense; the message says what to write instead."""
