"""Expressions that are compiled when first used: most logs need few of them, and a small one is read before all are made."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Lazy:
    def __init__(self, pattern: Any, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._source), name)
        setattr(self, name, value)  # from now on found without this method
        return value


def expression(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Stands for the compiled pattern: has its methods and attributes, and raises its :class:`re.error` when first used."""
    return cast("re.Pattern[AnyStr]", _Lazy(pattern, flags))
