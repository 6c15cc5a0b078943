"""Whether a rule, or a step of its advice, holds for the RabbitMQ that wrote a log, where the log says which that was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbitlogs.lazy import expression

if TYPE_CHECKING:
    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.state import Tally

_RELEASE = expression(r"v?(\d+)\.(\d+)")


def releases(tally: Tally, analysis: Analysis) -> list[tuple[int, int]]:
    """The releases of the brokers a condition was seen on; none unless every one of them is known."""
    found: list[tuple[int, int]] = []
    for name in tally.sources:
        for state in analysis.states_of(name):
            own = [_release(version) for version in sorted(state.facts.get("rabbitmq_versions", ()))]
            if not own or None in own:
                return []
            found.extend(release for release in own if release is not None)
    return found


def holds(since: str | None, until: str | None, known: list[tuple[int, int]]) -> bool:
    """Whether what holds from one release to another holds for any of these; a log that names none excludes nothing."""
    first, last = _release(since or ""), _release(until or "")
    return not known or any((first is None or first <= own) and (last is None or own <= last) for own in known)


def _release(text: str) -> tuple[int, int] | None:
    found = _RELEASE.match(text)
    return (int(found[1]), int(found[2])) if found else None
