"""The library's functions: what each command does, as one call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO

from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.catalogue import Catalogue, Rule, default_catalogue
from rabbitlogs.sources import Limits, Source, Sources, Text, open_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rabbitlogs.engine.report import Report
    from rabbitlogs.model import Event, Record

Input = str | os.PathLike[str] | bytes | BinaryIO | Text


def explain(*sources: Input, catalogue: Catalogue | None = None, limits: Limits | None = None, jobs: int = 1) -> Report:
    """Explains logs: paths of files, folders or archives, file objects, bytes, or :class:`rabbitlogs.Text`.

    What cannot be read is no exception: it stands in ``report.problems``, and the rest is explained.

    >>> explain(Text("no broker wrote this")).findings
    []
    """
    analysis = Analysis(catalogue)
    analyse(analysis, open_sources(sources, limits or Limits()), jobs=jobs)
    return analysis.report()


def analyse(
    analysis: Analysis,
    opened: Sources,
    *,
    jobs: int = 1,
    catalogue: Callable[[], Catalogue] = default_catalogue,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Feeds every source to an analysis, and notes what could not be read.

    Args:
        jobs: processes to use; large plain files are cut into parts.
        catalogue: makes the analysis's catalogue in another process.
        progress: called with the number of bytes just read.
    """
    analysis.problems.extend(problem.sentence for problem in opened.problems)
    analysis.ignored.extend(opened.skipped)
    since = analysis.filter.since if analysis.filter is not None else None
    sources = list(opened.sources)
    if analysis.filter is None:
        from rabbitlogs.engine.parallel import analyse_part, plan, run

        parts, sources = plan(sources)
        for source in opened.sources:  # so that the report names them in the order given
            analysis.intake(source.name)
        if jobs > 1 and len(parts) > 1:
            for part, done in run(parts, jobs, catalogue):
                analysis.merge(done)
                if progress is not None:
                    progress(part[3] - part[2])
        else:
            for part in parts:
                analysis.merge(analyse_part(part, analysis, progress))
    for source in sources:
        if since is not None and source.path is not None and _read_from(analysis, source, since):
            continue
        for block in source.blocks():
            analysis.feed(block, source.name)
            if progress is not None:
                progress(len(block))
        analysis.problems.extend(f"{source.name}: {note}" for note in source.notes)


def _read_from(analysis: Analysis, source: Source, since: float) -> bool:
    """Reads a plain file from a moment on, without reading what is before it; False where it has to be read whole."""
    from rabbitlogs.engine.filters import seek
    from rabbitlogs.engine.intake import Intake

    start = seek(source.path or "", since)
    if not start:
        return False
    analysis.intakes[source.name] = Intake(source.name, analysis, start)
    until = analysis.filter.until
    with open(source.path or "", "rb", buffering=0) as file:
        file.seek(start)
        while block := file.read(1 << 20):
            analysis.feed(block, source.name)
            if until is not None and _is_after(block, until):
                break
    return True


def _is_after(block: bytes, until: float) -> bool:
    """Whether a block begins well after a moment; a minute is left for lines out of order."""
    from rabbitlogs.engine.state import iso
    from rabbitlogs.framing.framer import Line
    from rabbitlogs.framing.times import to_seconds

    at = block.find(b"\n") + 1
    seconds = to_seconds(iso(Line(block[at : block.find(b"\n", at)]).header.time))
    return seconds is not None and seconds > until + 60


def read(*sources: Input) -> Iterator[Record]:
    """The records of logs, lossless and in the order of each source: their bytes joined are the input."""
    for event in parse(*sources):
        yield event.record


def parse(*sources: Input) -> Iterator[Event]:
    """The events of logs: each record with its kind and typed fields; ``unknown`` where no grammar took it."""
    from rabbitlogs.engine.events import events_of

    for source in open_sources(sources).sources:
        yield from events_of(source)


def rules() -> list[Rule]:
    """The catalogue of rules, sorted by id."""
    return sorted(default_catalogue().rules.values(), key=lambda rule: rule.id)


def find_rules(
    words: Iterable[str], area: str | None = None, severity: str | None = None, catalogue: Catalogue | None = None
) -> list[Rule]:
    """Rules whose id, title or prose has all the words, sorted by id.

    Args:
        catalogue: where to look; by default the rules of this package.
    """
    wanted = [word.lower() for word in words]
    found = []
    for rule in sorted((catalogue or default_catalogue()).rules.values(), key=lambda rule: rule.id):
        if area and rule.area != area:
            continue
        if severity and rule.severity != severity:
            continue
        if wanted and not _mentions(rule, wanted):
            continue
        found.append(rule)
    return found


def _mentions(rule: Rule, words: list[str]) -> bool:
    short = f"{rule.id} {rule.title}".lower()
    if all(word in short for word in words):
        return True
    text: dict[str, Any] = rule.text()
    whole = (short + " " + str(text.get("explain", "")) + str(text.get("next", ""))).lower()
    return all(word in whole for word in words)
