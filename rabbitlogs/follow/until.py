"""Waiting for a condition or for the end of a start, for scripts and init jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rabbitlogs.engine.catalogue import SEVERITIES
from rabbitlogs.errors import UsageError
from rabbitlogs.follow.items import Diagnosis, Item, Seen, Update

if TYPE_CHECKING:
    from rabbitlogs.engine.catalogue import Catalogue
    from rabbitlogs.follow.follower import Follower

ALIASES = {"boot-complete": "boot.completed"}
_FAILURES = {"boot.completed": "boot.failed"}  # what makes waiting pointless
_PATIENCE = 1.0  # seconds after a failure in which its cause may still be written

DONE, FAILED, NOT_REACHED = 0, 1, 4


class Until:
    """Decides when to stop following, and with which exit code and words.

    Args:
        until: a condition's id, or ``boot-complete``.
        timeout: seconds to follow at most.
        fail_on: a severity; a finding at least that severe ends following.
    """

    def __init__(
        self, catalogue: Catalogue, until: str | None = None, timeout: float | None = None, fail_on: str | None = None
    ) -> None:
        self.target: str | None = None
        if until is not None:
            rule = catalogue.find(ALIASES.get(until, until))
            if rule is None:
                raise UsageError(f"--until {until}: no condition has that id.{catalogue.near(until, ALIASES)}")
            self.target = rule.id
        self._name = until
        self._timeout, self._fail_on = timeout, fail_on
        self._ends = time.monotonic() + timeout if timeout is not None else None
        # the words of a failure are a failure whatever more special rule explains them
        failure = catalogue.rules.get(_FAILURES.get(self.target or "", ""))
        self._failures = frozenset(kind for match in (failure.matches if failure else ()) for kind in match.kinds)
        self._failed_at: float | None = None
        self.code: int | None = None
        self.reason: str | None = None

    @property
    def watch(self) -> tuple[str, ...]:
        """Ids a follower has to tell of."""
        return (self.target,) if self.target is not None else ()

    def saw(self, item: Item) -> bool:
        """Takes one item; True when it is time to stop."""
        rule_id, finding = None, None
        if isinstance(item, Diagnosis):
            finding = item.finding
            rule_id = finding.id if finding.state != "closed" or item.is_new else None
        elif isinstance(item, Seen | Update):
            rule_id = item.id
        if rule_id is not None and rule_id == self.target:
            self.code = DONE
            return True
        if (
            finding is not None
            and self._fail_on is not None
            and finding.state != "closed"
            and SEVERITIES.index(finding.severity) >= SEVERITIES.index(self._fail_on)
        ):
            self.code, self.reason = NOT_REACHED, f"{finding.severity}: {finding.title} ({finding.id}). {finding.what}"
            return True
        return False

    def is_over(self, follower: Follower) -> bool:
        """Whether time is up, or waiting has become pointless."""
        now = time.monotonic()
        if self._failures and self._failed_at is None and follower.fired_by(self._failures):
            self._failed_at = now
        if self._failed_at is not None and now - self._failed_at >= _PATIENCE:
            self.code = FAILED
            return True
        if self._ends is not None and now >= self._ends:
            self.code = DONE if self.target is None else NOT_REACHED
            return True
        return False

    def conclude(self, follower: Follower, *, interrupted: bool = False) -> int:
        """The exit code once following has ended; :attr:`reason` says why it is not 0."""
        if self.code is None and self._failures and follower.fired_by(self._failures):
            self.code = FAILED
        if self.code == FAILED:
            self.reason = self._why_failed(follower)
        elif self.code is None:
            self.code = DONE if self.target is None or interrupted else NOT_REACHED
            if self.code == NOT_REACHED:
                self.reason = f"the log ended and {self._name} was not seen"
        elif self.code == NOT_REACHED and self.reason is None:
            self.reason = f"{self._name} was not seen within {self._timeout:g} s"
        if self.code == NOT_REACHED and self.target is not None:
            for finding in follower.unfinished():
                self.reason = f"{self.reason}. {finding.title}: {finding.what}"
        return self.code

    def _why_failed(self, follower: Follower) -> str:
        """The failure in words, its cause first where one was found."""
        found = [f for f in map(follower.finding, follower.fired_by(self._failures)) if f is not None]
        if not found:
            return "the start failed"
        failure = max(found, key=lambda f: SEVERITIES.index(f.severity))
        cause, met = failure, {failure.id}
        while cause.caused_by and cause.caused_by not in met and (further := follower.finding(cause.caused_by)) is not None:
            cause = further
            met.add(cause.id)
        if cause is failure:
            return f"{failure.title} ({failure.id}). {failure.what}"
        return f"{failure.title}: {cause.title} ({cause.id}). {cause.what}"
