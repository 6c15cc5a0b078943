"""How text looks: coloured by rich on a terminal, plain everywhere else. Nothing from a log is markup.

rich costs as much time to load as explaining a small log, so it is loaded only where someone sees its colours.
"""

from __future__ import annotations

import os
from typing import IO, Any

from rabbitlogs.lazy import expression

WIDE = 80  # columns of text that is not for a terminal
COLOURS = {"critical": "bold red", "error": "red", "warning": "yellow", "notice": "cyan", "info": "dim"}

# a word of a shell: what stands in quotes belongs to it, blanks and all
_WORD = expression(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*"|['"])+""")
Segment = tuple[str, str]  # text and its style


class Screen:
    """Where a report is written: at most 120 columns; colours on a terminal only (``NO_COLOR`` is honoured)."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        terminal = out.isatty() and os.environ.get("TERM") != "dumb"
        self.width = WIDE
        self._console: Any = None
        if terminal:
            from shutil import get_terminal_size

            from rich.console import Console

            self.width = min(get_terminal_size((WIDE, 24)).columns, 120)
            self._console = Console(file=out, width=self.width, highlight=False, markup=False, emoji=False)

    def line(self, *segments: Segment | str, cut: bool = False) -> None:
        """Writes one line of segments; with ``cut`` it ends at the width, else it is left to the terminal to wrap."""
        parts = [(segment, "") if isinstance(segment, str) else segment for segment in segments]
        if cut:
            parts = _cut(parts, self.width)
        if self._console is None:
            self._out.write("".join(text for text, _ in parts) + "\n")
            return
        from rich.text import Text

        self._console.print(Text.assemble(*parts), soft_wrap=True)


class Draft:
    """Lines that are put aside until it is known where they go."""

    def __init__(self, like: Screen) -> None:
        self.width = like.width
        self.lines: list[tuple[tuple[Segment | str, ...], bool]] = []

    def line(self, *segments: Segment | str, cut: bool = False) -> None:
        """Puts one line aside."""
        self.lines.append((segments, cut))

    def onto(self, screen: Screen) -> None:
        """Writes the lines."""
        for segments, cut in self.lines:
            screen.line(*segments, cut=cut)


def command_lines(command: str, width: int) -> list[str]:
    """A command on lines of at most so many columns, if its words allow, that a shell takes as the one command it is."""
    out = []
    for line in command.split("\n"):
        row = ""
        for word in _WORD.findall(line):
            if row and len(row) + 1 + len(word) > width - 2:
                out.append(row + " \\")
                row = "  " + word
            else:
                row = f"{row} {word}" if row else word
        out.append(row)
    return out


def _cut(parts: list[Segment], width: int) -> list[Segment]:
    out: list[Segment] = []
    left = width
    for text, style in parts:
        if len(text) > left:
            out.append((text[: max(0, left - 1)] + "…", style))
            break
        out.append((text, style))
        left -= len(text)
    return out
