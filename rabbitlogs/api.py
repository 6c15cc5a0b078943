"""The library's functions: what each command does, as one call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.catalogue import Catalogue, Rule, default_catalogue
from rabbitlogs.model import Event, Record
from rabbitlogs.sources import Limits, Sources, Text, open_sources

if TYPE_CHECKING:
    from rabbitlogs.report.report import Report

Input = str | os.PathLike[str] | bytes | BinaryIO | Text


def explain(*sources: Input, catalogue: Catalogue | None = None, limits: Limits | None = None) -> Report:
    """Explains logs: paths of files, folders or archives, file objects, bytes, or :class:`rabbitlogs.Text`.

    What cannot be read is no exception: it stands in ``report.problems``, and the rest is explained.

    >>> explain(Text("no broker wrote this")).findings
    []
    """
    analysis = Analysis(catalogue)
    analyse(analysis, open_sources(sources, limits or Limits()))
    return analysis.report()


def analyse(analysis: Analysis, opened: Sources) -> None:
    """Feeds every source to an analysis, and notes what could not be read."""
    analysis.problems.extend(problem.sentence for problem in opened.problems)
    for source in opened.sources:
        for block in source.blocks():
            analysis.feed(block, source.name)
        analysis.problems.extend(f"{source.name}: {note}" for note in source.notes)


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


def find_rules(words: Iterable[str], area: str | None = None, severity: str | None = None) -> list[Rule]:
    """Rules whose id, title or prose has all the words."""
    wanted = [word.lower() for word in words]
    found = []
    for rule in rules():
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
