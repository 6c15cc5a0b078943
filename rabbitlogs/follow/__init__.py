"""Following: logs that grow, diagnosed as they do. The only importer of watchdog, and that when first needed."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from rabbitlogs.follow.follower import Follower, Status, afollow, follow
from rabbitlogs.follow.items import Diagnosis, Gap, Item, Notice, Seen, Update, Withdrawn

__all__ = [
    "Diagnosis", "Follower", "Gap", "Item", "Notice", "Seen", "Status", "Update", "Withdrawn", "afollow", "follow",
]  # fmt: skip


class _Callable(ModuleType):
    """``rabbitlogs.follow`` is this package and the function of that name: whichever was loaded first, it can be called."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return follow(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
