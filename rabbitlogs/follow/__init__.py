"""Following: logs that grow, diagnosed as they do. The only importer of watchdog, and that when first needed."""

from __future__ import annotations

from rabbitlogs.follow.follower import Follower, Status, afollow, follow
from rabbitlogs.follow.items import Diagnosis, Gap, Item, Notice, Seen, Update, Withdrawn

__all__ = [
    "Diagnosis", "Follower", "Gap", "Item", "Notice", "Seen", "Status", "Update", "Withdrawn", "afollow", "follow",
]  # fmt: skip
