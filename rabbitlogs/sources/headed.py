"""Several files in one stream, as ``tail`` and ``head`` print them: ``==> rabbit@a.log <==`` before the lines of each."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from .envelopes import Envelope, Peeled

if TYPE_CHECKING:
    from .envelopes import Peeler


@cache
def _heading() -> re.Pattern[bytes]:
    return re.compile(rb"^==> ([^\r\n]{1,4096}) <==\r?\n", re.MULTILINE)


def without_headings(sample: bytes) -> bytes | None:
    """The lines of a sample that are no headings; None where there are no headings."""
    text, found = _heading().subn(b"", sample)
    return text if found else None


class Headed:
    """A stream of several files' lines, each file's in a wrapper perhaps. It remembers whose lines come next."""

    __slots__ = ("_file", "_inner", "name")

    def __init__(self, inner: Peeler | None) -> None:
        self._inner = inner or Envelope("", None, ())
        self._file = ""
        self.name = "+".join(filter(None, ("tail", self._inner.name)))

    def known_from(self, data: bytes) -> int:
        """Where in a stream that was cut the first heading is: whose the lines before it are, only the part before knows."""
        found = _heading().search(data)
        return found.start() if found else 0

    def peel(self, data: bytes, final: bool) -> tuple[list[Peeled], int]:
        """See :meth:`Envelope.peel <rabbitlogs.sources.envelopes.Envelope.peel>`; a heading counts for the line after it."""
        peeled: list[Peeled] = []
        at = carried = 0
        file = self._file
        for heading in (*_heading().finditer(data), None):
            lines, used = self._inner.peel(data[at : heading.start() if heading else len(data)], final or heading is not None)
            for line in lines:
                origin = "/".join(filter(None, (file, line.origin)))
                peeled.append(Peeled(line.inner, line.raw + carried, origin, line.time))
                carried = 0
            at += used
            if not carried:
                self._file = file
            if heading:
                file = heading[1].decode("utf-8", "replace")
                carried += heading.end() - heading.start()
                at = heading.end()
        if carried and final:
            peeled.append(Peeled(b"", carried, file, None))
            carried = 0
        return peeled, at - carried
