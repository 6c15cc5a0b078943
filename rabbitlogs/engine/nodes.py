"""Which node wrote a log: from its name, else from what it says at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.errors import UsageError
from rabbitlogs.lazy import expression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbitlogs.sources import Source, Sources

_START = 262144
_ROTATED = expression(r"(?:[-.]\d{8}(?:[-T]?\d{4,6})?|\.\d{1,4}|\.(?:gz|bz2|xz|zst))+\Z")


def brokers(analysis: Analysis) -> dict[str, str]:
    """By source, whose log it is: the node's name, or the log's own without what rotation added to it.

    A log and its rotated parts are one broker's; so are those of two files that say the same node.
    """
    out: dict[str, str] = {}
    for state in analysis.sources.values():
        if state.node:
            out[state.name] = state.node
        else:
            out.setdefault(state.name, _ROTATED.sub("", state.name))
    return out


def node_of(source: Source) -> str | None:
    """The node of a log, or None where neither its name nor its beginning says it."""
    analysis = Analysis()
    if source.is_live:
        return None
    for block in source.blocks(_START):
        analysis.feed(block, source.name)
        break
    analysis.report()
    return next((state.node for state in analysis.states_of(source.name) if state.node), None)


def of_nodes(opened: Sources, names: Sequence[str]) -> Sources:
    """Only the logs of some nodes. Raises :class:`UsageError` naming the nodes there are when none is left."""
    nodes = [(source, node_of(source)) for source in opened.sources]
    kept = [source for source, node in nodes if node in names]
    if not kept:
        there = sorted({node for _, node in nodes if node})
        raise UsageError(
            f"no log of node {', '.join(names)}. "
            + (f"There are logs of {', '.join(there)}." if there else "No log names its node.")
        )
    opened.sources[:] = kept
    return opened
