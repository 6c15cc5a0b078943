"""The way of a growing source into the analysis, and a look ahead at its open record.

The analysis keeps the last record of a source open, since its next line may continue it. So that nobody waits for that
line, :class:`Preview` diagnoses the open record by itself once the log has been quiet for a moment; the analysis knows
nothing of it, so a record that goes on after a pause is still one record, counted once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.intake import SAMPLE, Intake
from rabbitlogs.framing.blocks import BlockFramer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbitlogs.engine.sessions import Sessions
    from rabbitlogs.engine.source_state import SourceState
    from rabbitlogs.engine.state import Tally

_SAMPLE_LINES = 3  # enough to tell a wrapper, when the log does not pause before
Key = tuple[str, str]  # source, stream of it


class Feed:
    """One source's bytes into an analysis.

    Args:
        offset, line: where in the source reading begins.
    """

    def __init__(self, analysis: Analysis, name: str, offset: int = 0, line: int = 1) -> None:
        self.analysis, self.name = analysis, name
        self.fed_at = 0.0  # when the newest bytes came
        self._offset, self._line = offset, line
        self._intake: Intake | None = None
        self._sample = b""

    @property
    def states(self) -> list[SourceState]:
        """The streams of this source."""
        return self.analysis.states_of(self.name)

    def begin(self, sample: bytes) -> None:
        """Tells the wrapper by bytes that are there already, before the place where reading begins."""
        if sample and self._intake is None:
            self._decide(sample)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes."""
        if self._intake is None:
            self._sample += data
            if len(self._sample) < SAMPLE and self._sample.count(b"\n") < _SAMPLE_LINES:
                return
            self._decide(self._sample)
            return
        self._intake.feed(data)

    def advance(self) -> None:
        """Diagnoses every record that is whole."""
        if self._intake is not None:
            self._intake.advance(settle=False)

    def pause(self) -> None:
        """The log is quiet: what came so far has to do to tell the wrapper."""
        if self._intake is None and b"\n" in self._sample:
            self._decide(self._sample)
            self.advance()

    def decide(self) -> None:
        """Nothing more will come to tell the wrapper by."""
        if self._intake is None and self._sample:
            self._decide(self._sample)

    def end(self) -> None:
        """The source has ended: what is open becomes a record."""
        self.decide()
        if self._intake is not None:
            self._intake.advance(settle=True)

    def restart(self, *, joins: bool) -> None:
        """What follows stands at the beginning of another file; without ``joins`` what is open ends here."""
        if not joins:
            self.end()
        if self._intake is None:
            self._offset, self._line = -len(self._sample), 1 - self._sample.count(b"\n")
            return
        raw = self._intake._raw
        self._intake._offset, self._intake._line = -len(raw), 1 - raw.count(b"\n")
        if self._intake.envelope is None:
            for state in self.states:
                pending = state.framer.pending
                state.framer.offset, state.framer.line = -len(pending), 1 - pending.count(b"\n")

    @property
    def unread(self) -> int:
        """Bytes fed that are not part of a record yet."""
        intake = self._intake
        if intake is None:
            return len(self._sample)
        if intake.envelope is None:
            return sum(len(state.framer.pending) for state in self.states)
        end = intake._offset + len(intake._raw)
        return end - min([intake._offset, *(s.framer._places[0][0] for s in self.states if s.framer._places)])

    @property
    def is_whole(self) -> bool:
        """Whether the last line fed is whole."""
        intake = self._intake
        if intake is None:
            return self._sample.endswith(b"\n")
        if intake.envelope is not None:
            return not intake._raw
        return all(state.framer.pending.endswith(b"\n") for state in self.states if state.framer.pending)

    def _decide(self, sample: bytes) -> None:
        intake = self._intake = self.analysis.intakes[self.name] = Intake(self.name, self.analysis, self._offset)
        intake.envelope = intake._detect(sample)
        intake.sampling = False
        intake._offset, intake._line = self._offset, self._line
        if intake.envelope is None:
            state = self.analysis.state(self.name, "")
            state.framer = BlockFramer(state, self.analysis.memo, offset=self._offset, line=self._line)
        held, self._sample = self._sample, b""
        if held:
            intake.feed(held)


class _Borrowed:
    """The sessions of the real source, to ask but not to fill."""

    def __init__(self, real: Sessions) -> None:
        self._real = real

    def put_aside(self, *_: Any) -> None:
        """Nothing: the record will come again."""

    def of(self, *keys: str | None) -> Mapping[str, Any]:
        return self._real.of(*keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Preview:
    """What the open records of all sources say already."""

    def __init__(self, analysis: Analysis) -> None:
        self._real = analysis
        self._scratch = Analysis(analysis.catalogue, live=True)
        self._scratch.memo = analysis.memo
        self._scratch._ends = analysis._ends
        self.tallies: dict[Key, dict[str, Tally]] = {}
        self._places: dict[Key, tuple[int, bytes]] = {}

    def warm_up(self) -> None:
        """Loads what reading a first record loads, before there is one to wait."""
        import tomllib  # noqa: F401 - rules are read with it

        scratch = self._scratch
        scratch.feed(b"2026-01-01 00:00:00.000000+00:00 [info] <0.1.0> -\n", "-")
        scratch.advance("-", settle=True)
        scratch.tallies, scratch.sources, scratch.intakes = {}, {}, {}

    def look(self, name: str) -> None:
        """Diagnoses the open records of a source as if nothing more came."""
        for state in self._real.states_of(name):
            key = (name, state.origin)
            pending = state.framer.pending
            seen = (state.framer.offset, pending)
            if self._places.get(key) == seen:
                continue
            self.forget(key)
            if pending:
                self._places[key] = seen
                found = self._diagnose(state, pending)
                if found:
                    self.tallies[key] = found

    def forget_read(self, name: str) -> None:
        """Drops what was said of records that the analysis has read meanwhile."""
        if not self._places:
            return
        for state in self._real.states_of(name):
            key = (name, state.origin)
            seen = self._places.get(key)
            if seen is not None and (seen[0] != state.framer.offset or not state.framer.pending):
                self.forget(key)

    def forget(self, key: Key) -> None:
        """Drops what was said of one stream's open record."""
        self._places.pop(key, None)
        self.tallies.pop(key, None)

    def _diagnose(self, real: SourceState, pending: bytes) -> dict[str, Tally]:
        scratch = self._scratch
        scratch.tallies, scratch.sources, scratch.intakes = {}, {}, {}
        state = scratch.state(real.name, real.origin)
        state.node, state.node_from, state.facts = real.node, real.node_from, dict(real.facts)
        state.sessions = _Borrowed(real.sessions)  # type: ignore[assignment]
        state.framer = BlockFramer(state, scratch.memo, offset=real.framer.offset, line=real.framer.line)
        if real.framer._places is not None:
            state.framer._places = list(real.framer._places)
        state.framer.feed(pending)
        state.framer.flush()
        return scratch.tallies
