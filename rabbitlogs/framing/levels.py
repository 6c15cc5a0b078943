"""RabbitMQ's eight log levels, in every spelling a broker can be told to use."""

from __future__ import annotations

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
NONE = "none"

_SPELLINGS = {
    "debug": "debug dbg dbug debg",
    "info": "info inf progress",
    "notice": "notice ntc noti",
    "warning": "warning wrn warn",
    "error": "error err erro eror crash supervisor sasl",
    "critical": "critical crt crit",
    "alert": "alert alt alrt aler",
    "emergency": "emergency emg emgc emer",
}
_BY_SPELLING = {word: level for level, words in _SPELLINGS.items() for word in words.split()}


def spellings() -> list[str]:
    """Every spelling of a level, in small letters and in capitals."""
    return [*_BY_SPELLING, *map(str.upper, _BY_SPELLING), *map(str.capitalize, _BY_SPELLING)]


def level_of(word: str) -> str:
    """The level a word stands for, or ``none``."""
    return _BY_SPELLING.get(word.lower(), NONE)


def rank(level: str) -> int:
    """A number that grows with the level; -1 for ``none``."""
    return LEVELS.index(level) if level in LEVELS else -1
