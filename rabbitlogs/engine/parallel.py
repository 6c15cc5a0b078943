"""Several processes on one analysis: plain files are cut at any offset, the parts analysed apart and merged exactly."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.framing.headers import formats_in_use, use_format
from rabbitlogs.parsing.recogniser import recogniser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbitlogs.sources import Source

_WORTH = 24 << 20  # bytes below which starting processes costs more than it saves
_PART = 48 << 20  # of a part, whatever the number of processes: so the report is the same however many there are
_READ = 1 << 18

Part = tuple[str, str, int, int]  # name, path, from, to


def cores() -> int:
    """The processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def plan(sources: list[Source]) -> tuple[list[Part], list[Source]]:
    """The parts that are analysed apart, and the sources that are not cut (compressed, wrapped, small, standard input)."""
    from rabbitlogs.sources.envelopes import detect

    plain = [s for s in sources if s.path is not None and s.size]
    total = sum(s.size or 0 for s in plain)
    if total < _WORTH:
        return [], sources
    parts: list[Part] = []
    rest = [s for s in sources if s.path is None or not s.size]
    for source in plain:
        with open(source.path or "", "rb") as file:
            wrapped = detect(file.read(65536)) is not None
        if wrapped:
            rest.append(source)
            continue
        end = source.size or 0
        count = max(1, 2 * round(end / (2 * _PART)))  # an even number, so that of two processes none works on alone
        edges = [end * n // count for n in range(count + 1)]
        parts.extend((source.name, source.path or "", a, b) for a, b in pairwise(edges))
    return parts, rest


_model: list[Analysis] = []  # of a worker process: what its analyses share


def _start(catalogue: Callable[[], Any], formats: list[str]) -> None:
    _model.append(Analysis(catalogue()))
    for template in formats:
        use_format(template)


def _analyse_part(part: Part) -> Analysis:
    analysis = analyse_part(part, _model[0])
    analysis.detach()
    return analysis


def analyse_part(part: Part, model: Analysis, progress: Callable[[int], None] | None = None) -> Analysis:
    """The analysis of a part of a file; it shares what another one has learnt of shapes."""
    name, path, start, end = part
    analysis = Analysis(like=model)
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        left = end - start
        while left > 0:
            block = file.read(min(_READ, left))
            if not block:
                break
            left -= len(block)
            analysis.feed(block, name)
            if progress is not None:
                progress(len(block))
    return analysis


def run(parts: list[Part], jobs: int, catalogue: Callable[[], Any]) -> Iterator[tuple[Part, Analysis]]:
    """The analyses of parts, in their order, each as soon as it and those before it are done."""
    from concurrent.futures import ProcessPoolExecutor

    recogniser()  # where processes are forked, they have what this one has loaded
    with ProcessPoolExecutor(min(jobs, len(parts)), initializer=_start, initargs=(catalogue, formats_in_use())) as pool:
        yield from zip(parts, pool.map(_analyse_part, parts), strict=True)
