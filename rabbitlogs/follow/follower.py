"""The live loop: wakes, reads, diagnoses, says; and what a library needs of it, :func:`follow` and :func:`afollow`."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.source_state import UNKNOWN
from rabbitlogs.errors import UsageError
from rabbitlogs.follow import positions
from rabbitlogs.follow.amqp import LogExchange, is_url
from rabbitlogs.follow.diagnosing import Diagnoser
from rabbitlogs.follow.feeding import Feed, Preview
from rabbitlogs.follow.files import Begin, Data, GrowingFile, Lost, Position, Trouble
from rabbitlogs.follow.items import Diagnosis, Gap, Item, Notice
from rabbitlogs.follow.streams import Pipe, open_pipe
from rabbitlogs.follow.watching import Wake, Watcher
from rabbitlogs.privacy import visible
from rabbitlogs.sources.names import split_rotation, strip_compression

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Generator, Iterator

    from rabbitlogs.engine.catalogue import Catalogue
    from rabbitlogs.engine.report import Report
    from rabbitlogs.model import Finding

QUIET = 0.05  # seconds without a byte after which the open record is diagnosed
UNENDED_QUIET = 1.0  # the same for a line without its end
HEARTBEAT = 1.0  # everything is looked at this often, whatever woke or did not
POLL = 0.1  # and this often where nothing tells of changes
BUSY = 250_000  # bytes a second (about 2,000 lines) from which lines are read many at a time
BUSY_REST = 0.008
FLOOD = 4000  # changes told of in a second from which files are only looked at, not watched
FEW = 64  # files that are all looked at on each round of a flood; of more, those that grow
SAVE_EVERY = 1.0
FOLDER_LIMIT = 5000  # logs of one folder
_ENDINGS = (".log", ".out", ".err", "_log", "_err", "-log", ".json")


@dataclass(slots=True)
class Status:
    """How things stand: for a footer, for metrics."""

    records: int = 0
    lines: int = 0
    bytes: int = 0
    unknown: int = 0
    lost_bytes: int = 0
    sources: int = 0
    per_second: float = 0.0
    by_level: dict[str, int] = field(default_factory=dict)
    conditions: dict[str, tuple[str, int]] = field(default_factory=dict)  # id: severity, events
    open: list[tuple[str, str, int]] = field(default_factory=list)  # id, title, events


class _File:
    """A file that is followed: its growing file and where its bytes go."""

    def __init__(self, path: str, growing: GrowingFile) -> None:
        self.path, self.growing = path, growing
        self.feed: Feed | None = None
        self.late: Feed | None = None
        self.absolute = os.path.abspath(path)


class Follower:
    """Follows logs and diagnoses conditions as they happen.

    Args:
        sources: paths of files and folders, ``-`` for standard input, ``amqp://`` addresses of nodes.
        catalogue: the rules; by default those that come with the package.
        from_start: read what is there already, too.
        polling: True to look regularly instead of being woken; None chooses by itself.
        state: a file to remember in where reading was, for the next run.
        watch: ids of normal events worth a word (:class:`Seen`).
        quiet: seconds without a byte after which the open record counts as whole.
        stop_event: ends following when set.
    """

    def __init__(
        self, *sources: str | os.PathLike[str], catalogue: Catalogue | None = None, from_start: bool = False,
        polling: bool | None = None, state: str | os.PathLike[str] | None = None, watch: tuple[str, ...] = (),
        quiet: float = QUIET, stop_event: threading.Event | None = None,
    ) -> None:  # fmt: skip
        if not sources:
            raise UsageError("nothing to follow: give a file, a folder, - or an amqp:// address")
        self.analysis = Analysis(catalogue, live=True)
        # rules whose events are only counted tell nobody; those asked for have to
        self.analysis._ends |= frozenset(watch)
        self.lost_bytes = 0
        self.failed: str | None = None
        self._sources = [os.fspath(source) for source in sources]
        self._from_start, self._quiet, self._stop_event = from_start, quiet, stop_event
        self._wake = Wake()
        self._watcher = Watcher(self._wake, polling)
        self._preview = Preview(self.analysis)
        self._diagnoser = Diagnoser(self.analysis, self._preview, watch)
        self._files: dict[str, _File] = {}
        self._by_path: dict[str, _File] = {}  # by absolute path
        self._folders = [s for s in self._sources if s != "-" and not is_url(s) and os.path.isdir(s)]
        self._streams: list[tuple[Pipe | LogExchange, Feed]] = []
        self._pending: dict[Feed, float] = {}  # with an open record, and when it counts as whole
        self._state_path = os.fspath(state) if state is not None else None
        self._state_problem: str | None = None
        self._saved_at = 0.0
        self._remembered = positions.Remembered()
        self._rate_at, self._rate_bytes, self._per_second = time.monotonic(), 0, 0.0
        self._bytes = 0
        self._recent = 0.0  # bytes a second, as they come
        self._recent_at = time.monotonic()
        self._is_started = False
        self._flood_at, self._flood_touches, self._flood_bytes = time.monotonic(), 0, 0

    def stop(self) -> None:
        """Ends following; may be called from any thread and from a signal handler's follow-up."""
        self._wake.stop()

    @property
    def was_stopped(self) -> bool:
        """Whether following ended because someone asked for it."""
        return self._wake.stopped

    @property
    def is_polling(self) -> bool:
        """Whether files are looked at regularly, since nothing tells of their changes."""
        return self._watcher.is_polling

    @property
    def woken_at(self) -> float:
        """When the reader last learnt of bytes (``time.monotonic``)."""
        return self._wake.at

    # the loop -----------------------------------------------------------------------------------------------------

    def items(self) -> Generator[Item, None, None]:
        """Diagnoses, updates and gaps as they happen, until all sources end or following is stopped."""
        with closing(self.ticks(None)) as ticks:
            for item in ticks:
                if item is not None:
                    yield item

    def ticks(self, every: float | None) -> Generator[Item | None, None, None]:
        """As :meth:`items`, with a None at least every so many seconds, for what has to be done regularly."""
        try:
            yield from self._start()
            yield from self._loop(every)
            yield from self._end()
        finally:
            self._close()

    def _start(self) -> Iterator[Item]:
        self._preview.warm_up()
        if self._state_path is not None:
            self._remembered = positions.load(self._state_path)
            if self._remembered.problem:
                yield Notice(self._remembered.problem)
            self._diagnoser.seed(positions.restore(self.analysis, self._remembered.conditions))
        for source in self._sources:
            if source == "-":
                if sys.stdin is None:
                    raise UsageError("there is no standard input here")
                pipe = Pipe("-", sys.stdin.fileno(), self._wake)
                self._streams.append((pipe, Feed(self.analysis, "-")))
            elif is_url(source):
                exchange = LogExchange(source, self._wake)
                self._streams.append((exchange, Feed(self.analysis, exchange.name)))
            elif (handle := open_pipe(source)) is not None:
                pipe = Pipe(visible(source), handle, self._wake, is_ours=True)
                self._streams.append((pipe, Feed(self.analysis, pipe.name)))
            elif source not in self._folders:
                if strip_compression(source) != source:
                    raise UsageError(f"{source} is compressed and does not grow; read it with: rabbitlogs explain {source}")
                is_there = os.path.exists(source)
                self._add(source, from_start=self._from_start or not is_there)  # what appears from now on is new
                if not is_there:
                    yield Notice(f"{source} is not there yet; waiting for it")
        self._scan(first=True)
        for folder in self._folders:
            if not any(path.startswith(folder) for path in self._files):
                yield Notice(f"{folder} holds no log yet; waiting for one")
        self._watch()
        self._is_started = True

    def _loop(self, every: float | None) -> Iterator[Item | None]:
        heartbeat = ticked = 0.0
        while not self._is_stopped:
            touched, everything = self._wake.take()
            now = time.monotonic()
            self._flood(now)
            is_beat = now - heartbeat >= HEARTBEAT
            if self._watcher.is_paused:
                everything = everything or len(self._files) <= FEW
                touched |= {f.absolute for f in self._files.values() if f.feed is not None and now - f.feed.fed_at < HEARTBEAT}
            if not touched and not everything and not is_beat and not self._watcher.is_polling:
                woken = now
            else:
                woken = self._wake.at if touched or everything else now
                if is_beat:
                    heartbeat = now
                    self._scan()
                    self._watch()
                yield from self._read(touched, everything=everything or is_beat or self._watcher.is_polling, told=not is_beat)
            self._look_ahead(now)
            yield from self._say(woken, quick=not is_beat)
            if every is not None and now - ticked >= every:
                ticked = now
                yield None
            if self._has_ended:
                return
            self._rest(heartbeat, ticked, every)

    def _flood(self, now: float) -> None:
        """Stops and starts being told of changes, by how many there are."""
        elapsed = now - self._flood_at
        if elapsed < 0.5:
            return
        touches, growth = self._wake.touches - self._flood_touches, self._bytes - self._flood_bytes
        self._flood_at, self._flood_touches, self._flood_bytes = now, self._wake.touches, self._bytes
        if not self._watcher.is_paused:
            if touches / elapsed > FLOOD and self._files:
                self._watcher.pause()
        elif growth / elapsed < BUSY / 2:
            self._watcher.resume()
            self._watch()
            self._wake.touch()

    def _rest(self, heartbeat: float, ticked: float, every: float | None) -> None:
        now = time.monotonic()
        if any(file.growing.more for file in self._files.values()):
            self._wake.touch()
            return
        if self._watcher.is_paused:
            self._wake.rest(BUSY_REST)
            return
        if self._recent > BUSY:
            self._wake.rest(BUSY_REST)
        ends = [heartbeat + HEARTBEAT, *self._pending.values()]
        if every is not None:
            ends.append(ticked + every)
        if self._watcher.is_polling:
            ends.append(now + POLL)
        self._wake.wait(max(0.0, min(ends) - now), self._stop_event)

    @property
    def _is_stopped(self) -> bool:
        return self._wake.stopped or (self._stop_event is not None and self._stop_event.is_set())

    @property
    def _has_ended(self) -> bool:
        """Whether nothing more can come."""
        return not self._files and not self._folders and all(stream.ended for stream, _ in self._streams) and not self._wake._all

    def _end(self) -> Iterator[Item]:
        for stream, feed in self._streams:
            yield from self._read_stream(stream, feed)
            feed.end()
            self._preview.forget_read(feed.name)
        for file in self._files.values():
            if file.feed is not None:
                self._preview.look(file.feed.name)
        yield from self._diagnoser.finish(time.monotonic())

    def _close(self) -> None:
        if self._is_started:
            self._save(final=True)
        self._watcher.close()
        for stream, _ in self._streams:
            stream.close()
        for file in self._files.values():
            file.growing.close()

    # reading ------------------------------------------------------------------------------------------------------

    def _read(self, touched: set[str], *, everything: bool, told: bool) -> Iterator[Item]:
        for stream, feed in self._streams:
            yield from self._read_stream(stream, feed)
        for file in list(self._files.values()) if everything else self._touched_files(touched):
            got = yield from self._read_file(file)
            if got and file.absolute in touched:
                self._watcher.told()
            elif got and not told and file.growing.is_open and not file.growing.more:
                self._watcher.missed()

    def _touched_files(self, touched: set[str]) -> list[_File]:
        """The followed files that touched paths may concern: themselves, their rotated parts, what a link points to."""
        out: dict[str, _File] = {}
        for path in touched:
            file = self._by_path.get(path) or self._by_path.get(split_rotation(path)[0])
            if file is None:
                if self._folders and is_current_log(os.path.basename(path)):
                    self._scan()
                    file = self._by_path.get(path)
                elif not os.path.isfile(path):  # a folder that came or went
                    below = path.rstrip(os.sep) + os.sep
                    out.update((f.path, f) for f in self._files.values() if f.absolute.startswith(below))
            if file is not None:
                out[file.path] = file
        return list(out.values())

    def _read_file(self, file: _File) -> Generator[Item, None, bool]:
        """Reads what is new of one file; the generator's value says whether there was any."""
        growing = file.growing
        was_open = growing.is_open
        got = False
        for step in growing.read():
            if isinstance(step, Data):
                got = True
                feed = self._late_feed(file) if step.late else self._feed_of(file)
                self._take(feed, step.data)
            elif isinstance(step, Begin):
                if file.feed is not None:
                    file.feed.restart(joins=step.joins)
            elif isinstance(step, Lost):
                if step.lost_bytes != 0:
                    self.lost_bytes += step.lost_bytes or 0
                    yield Gap(file.path, step.reason, step.lost_bytes)
            elif isinstance(step, Trouble):
                yield Notice(step.text)
        if growing.is_open and not was_open:
            self._feed_of(file)
        return got

    def _feed_of(self, file: _File) -> Feed:
        if file.feed is None:
            growing = file.growing
            file.feed = Feed(self.analysis, visible(file.path), growing.start_offset, growing.start_line)
            if growing.start_offset:
                file.feed.begin(growing.beginning())
        return file.feed

    def _late_feed(self, file: _File) -> Feed:
        if file.late is None:
            file.late = Feed(self.analysis, f"{visible(file.path)} (rotated)")
        return file.late

    def _read_stream(self, stream: Pipe | LogExchange, feed: Feed) -> Iterator[Item]:
        lost = stream.lost()
        if lost != 0:
            self.lost_bytes += lost or 0
            yield Gap(stream.name, "reopened", lost)
        while stream.notices:
            yield Notice(stream.notices.popleft())
        if isinstance(stream, LogExchange) and stream.failed:
            self.failed = stream.failed
        data = stream.take()
        if data:
            self._take(feed, data)

    def _take(self, feed: Feed, data: bytes) -> None:
        feed.feed(data)
        feed.advance()
        self._preview.forget_read(feed.name)
        feed.fed_at = now = time.monotonic()
        self._pending[feed] = now + (self._quiet if feed.is_whole else max(self._quiet, UNENDED_QUIET))
        self._bytes += len(data)
        elapsed = now - self._recent_at
        self._recent = (self._recent * 0.2 + len(data)) / (0.2 + elapsed)
        self._recent_at = now

    def _look_ahead(self, now: float) -> None:
        """Diagnoses open records of sources that have been quiet for long enough."""
        for feed in [feed for feed, due in self._pending.items() if due <= now]:
            del self._pending[feed]
            feed.pause()
            self._preview.look(feed.name)

    # saying -------------------------------------------------------------------------------------------------------

    def _say(self, woken: float, *, quick: bool) -> Iterator[Item]:
        said = False
        for item in self._diagnoser.changes(woken, quick=quick):
            yield item
            if isinstance(item, Diagnosis):  # a crash repeats at most the one the caller had in hand
                self._save()
                said = False
            else:
                said = True
        if self._state_path is not None and (said or time.monotonic() - self._saved_at >= SAVE_EVERY):
            problem = self._save()
            if problem:
                yield Notice(problem)

    def _save(self, *, final: bool = False) -> str | None:
        """Writes the state file; the caller has seen everything yielded before."""
        if self._state_path is None:
            return None
        self._saved_at = time.monotonic()
        places: dict[str, Position] = {
            path: place for path, place in self._remembered.positions.items() if path not in self._by_path
        }
        for file in self._files.values():
            place = file.growing.position(file.feed.unread if file.feed is not None else 0)
            if place is not None:
                places[file.absolute] = place
        rules, shown = self.analysis.catalogue.rules, self._diagnoser.shown
        conditions = {
            rule_id: positions.remember(rules[rule_id], tally, shown[rule_id].state if rule_id in shown else None)
            for rule_id, tally in self.analysis.tallies.items()
        }
        reason = positions.save(self._state_path, places, conditions, sync=final)
        before, self._state_problem = self._state_problem, reason
        if reason is None or reason == before:
            return None
        return f"the state file {self._state_path} could not be written ({reason}); following goes on, trying again"

    # files that come and go -----------------------------------------------------------------------------------------

    def _add(self, path: str, *, from_start: bool) -> None:
        absolute = os.path.abspath(path)
        if absolute in self._by_path:
            return
        resume = self._remembered.positions.get(absolute)
        self._files[path] = self._by_path[absolute] = _File(path, GrowingFile(path, from_start=from_start, resume=resume))

    def _scan(self, *, first: bool = False) -> None:
        """Looks for logs of new nodes in the folders."""
        # with a state file, what is not in it has appeared since the last run
        from_start = self._from_start or not first or self._remembered.is_there
        for folder in self._folders:
            for path in logs_below(folder):
                if path not in self._files:
                    self._add(path, from_start=from_start)

    def _watch(self) -> None:
        wanted = {(os.path.abspath(folder), True) for folder in self._folders}
        for file in self._files.values():
            folder = os.path.dirname(file.absolute)
            if not any(folder == top or folder.startswith(top + os.sep) for top, deep in wanted if deep):
                wanted.add((folder, False))
            real = os.path.realpath(file.absolute)
            if real != file.absolute:
                self._by_path.setdefault(real, file)
                wanted.add((os.path.dirname(real), False))
        self._watcher.watch(wanted)

    # how things stand -----------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """Counts so far."""
        now = time.monotonic()
        levels: Counter[str] = Counter()
        unknown = 0
        for state in list(self.analysis.sources.values()):
            for (level, kind), number in list(state.counts.items()):
                levels[level] += number
                if kind == UNKNOWN:
                    unknown += number
        records = levels.total()
        if now - self._rate_at >= 1:
            self._per_second = (records - self._rate_bytes) / (now - self._rate_at)
            self._rate_at, self._rate_bytes = now, records
        rules = self.analysis.catalogue.rules
        return Status(
            records=records,
            lines=sum(intake.lines for intake in list(self.analysis.intakes.values())),
            bytes=self._bytes,
            unknown=unknown,
            lost_bytes=self.lost_bytes,
            sources=len(self._files) + len(self._streams),
            per_second=self._per_second,
            by_level=dict(levels),
            conditions={i: (rules[i].severity, t.count) for i, t in self.analysis.tallies.items() if not rules[i].lifecycle},
            open=[(i, rule.title, count) for i, rule, count in self._diagnoser.open_conditions()],
        )

    def unfinished(self) -> list[Finding]:
        """Findings of what began and has not ended: why a wait timed out."""
        return self._diagnoser.unfinished()

    def fired_by(self, kinds: frozenset[str]) -> list[str]:
        """Ids of the conditions that events of certain kinds are evidence of."""
        return self._diagnoser.fired_by(kinds)

    def finding(self, rule_id: str) -> Finding | None:
        """A condition as it is known now; None where it was not seen."""
        return self._diagnoser.finding(rule_id)

    def report(self) -> Report:
        """The report of everything followed; following has to have ended."""
        for file in self._files.values():
            if file.feed is not None:
                file.feed.decide()
        return self.analysis.report()


def is_current_log(name: str) -> bool:
    """Whether a file's name is that of a log that grows: no rotated part, nothing compressed."""
    return split_rotation(name) == (name, (2, "", 0)) and name.lower().endswith(_ENDINGS)


def logs_below(folder: str) -> list[str]:
    """The logs in a folder and below that grow: not their rotated parts, nothing compressed."""
    out: list[str] = []
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if is_current_log(name):
                out.append(os.path.join(top, name))
                if len(out) >= FOLDER_LIMIT:
                    return out
    return out


def follow(
    *sources: str | os.PathLike[str], catalogue: Catalogue | None = None, from_start: bool = False,
    polling: bool | None = None, state: str | os.PathLike[str] | None = None, watch: tuple[str, ...] = (),
    quiet: float = QUIET, stop_event: threading.Event | None = None,
) -> Iterator[Item]:  # fmt: skip
    """Follows logs and yields what happens: :class:`~rabbitlogs.follow.Diagnosis` and its kin, see their ``to_dict``.

    Setting ``stop_event`` ends it at once, closing the generator too; no thread is left behind. The arguments are those of
    :class:`Follower`.

    >>> import rabbitlogs
    >>> for item in rabbitlogs.follow("/var/log/rabbitmq/"):  # doctest: +SKIP
    ...     print(item.to_dict())
    """
    follower = Follower(
        *sources, catalogue=catalogue, from_start=from_start, polling=polling, state=state, watch=watch, quiet=quiet,
        stop_event=stop_event,
    )  # fmt: skip
    with closing(follower.items()) as items:
        yield from items


async def afollow(
    *sources: str | os.PathLike[str], catalogue: Catalogue | None = None, from_start: bool = False,
    polling: bool | None = None, state: str | os.PathLike[str] | None = None, watch: tuple[str, ...] = (),
    quiet: float = QUIET, stop_event: asyncio.Event | threading.Event | None = None,
) -> AsyncIterator[Item]:  # fmt: skip
    """As :func:`follow`, for ``async for``. ``stop_event`` may be asyncio's or a thread's; cancelling ends it as well."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    foreign = stop_event if isinstance(stop_event, threading.Event) else None
    follower = Follower(
        *sources, catalogue=catalogue, from_start=from_start, polling=polling, state=state, watch=watch, quiet=quiet,
        stop_event=foreign,
    )  # fmt: skip
    items = follower.items()
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(1, thread_name_prefix="rabbitlogs-follow")
    waiter: asyncio.Task[Any] | None = None
    if isinstance(stop_event, asyncio.Event):

        async def stop_when_set(event: asyncio.Event) -> None:
            await event.wait()
            follower.stop()

        waiter = asyncio.ensure_future(stop_when_set(stop_event))
    try:
        while True:
            item = await loop.run_in_executor(executor, next, items, None)
            if item is None:
                return
            yield item
    finally:
        follower.stop()
        if waiter is not None:
            waiter.cancel()
            with suppress(asyncio.CancelledError):
                await waiter
        executor.shutdown(wait=True)
        with suppress(ValueError):
            items.close()


__all__ = ["Follower", "Status", "afollow", "follow", "logs_below"]
