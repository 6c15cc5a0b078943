"""How text looks: one console, one heading, no markup from a log."""

from __future__ import annotations

import shutil
from typing import IO

from rich.console import Console
from rich.text import Text

WIDE = 100  # columns of text that is not for a terminal
COLOURS = {"critical": "bold red", "error": "red", "warning": "yellow", "notice": "cyan", "info": "dim"}


def console(out: IO[str]) -> Console:
    """A console on a stream: colours on a terminal only (``NO_COLOR`` is honoured), at most 120 columns."""
    width = min(shutil.get_terminal_size((WIDE, 24)).columns, 120) if out.isatty() else WIDE
    return Console(file=out, width=width, highlight=False, markup=False, emoji=False)


def plain(text: str, style: str = "") -> Text:
    """Text as it is: nothing in it is markup."""
    return Text(text, style=style)


def heading(shown: Console, text: str) -> None:
    """A heading."""
    shown.print(Text(text, style="bold"))
