"""What a rule cannot say as data: named functions that look at a whole analysis.

A rule without a ``[[match]]`` calls one with ``[correlate] type = "detector", name = "..."``; its prose, metadata and
examples stay in the TOML. A detector gives the tally of its condition, or None where it does not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbitlogs.engine.state import Tally, iso
from rabbitlogs.framing.framer import Line
from rabbitlogs.framing.times import to_seconds
from rabbitlogs.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbitlogs.engine.analysis import Analysis

CHURN_KINDS = ("connection.closed", "connection.closed_abruptly")
CHURN_PER_MINUTE = 600  # connections closed a minute, on average over a log, that are more than applications should need
CHURN_AT_LEAST = 1000


def connection_churn(analysis: Analysis) -> Tally | None:
    """Connections are closed at a high rate, told from the counts of a log and its time span.

    Counting costs nothing; looking at each of the most frequent lines of a log would.
    """
    tally = Tally()
    for state in analysis.sources.values():
        closed = sum(number for (_, kind), number in state.counts.items() if kind in CHURN_KINDS)
        first, last = to_seconds(state.first), to_seconds(state.last)
        if closed < CHURN_AT_LEAST or first is None or last is None:
            continue
        per_minute = closed * 60 / max(last - first, 1.0)
        if per_minute < CHURN_PER_MINUTE:
            continue
        tally.count += closed
        tally.saw(state.first)
        tally.saw(state.last)
        tally.sources[state.name] += closed
        tally.first_fields.setdefault("churn", {"per_minute": round(per_minute), "node_of_log": state.node})
        for raw in state.plain.get(CHURN_KINDS[0], ())[:2]:
            header = Line(raw).header
            text = raw.decode("utf-8", "replace")
            tally.evidence.append(Evidence(state.name, 0, 0, iso(header.time), header.level, text))
    return tally if tally.count else None


FIELDS = {"connection_churn": frozenset({"per_minute"})}  # what a detector gives a rule's prose
DETECTORS: dict[str, Callable[[Analysis], Tally | None]] = {"connection_churn": connection_churn}
