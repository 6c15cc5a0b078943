"""Field texts to values: the name of a terminal decides the Python type (``grammars/terminals.lark``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbitlogs.lazy import expression

if TYPE_CHECKING:
    from collections.abc import Callable

_ITEM = expression(r"""'[^']*'|"[^"]*"|<<"[^"]*">>|[^\s,\[\]]+""")


def _integer(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text


def _number(text: str) -> Any:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text


def _items(text: str) -> list[str]:
    return [item.strip("'\"") for item in _ITEM.findall(text)]


def _node(text: str) -> str:
    return text.strip("'")


_CONVERT: dict[str, Callable[[str], Any]] = {
    "INT": _integer,
    "CODE": _integer,
    "PORT": _integer,
    "LINE": _integer,
    "FLOAT": _number,
    "AMOUNT": _number,
    "LIST": _items,
    "list": _items,
    "NODE": _node,
    "BOOL": lambda text: text == "true",
    "present": bool,
}


def convert(type_: str, text: str) -> Any:
    """The value of a field's text. Text that does not fit its type stays text: nothing raises.

    Erlang terms stay text here, which rules read and people search; :attr:`rabbitlogs.model.Event.terms` has them as values.
    """
    function = _CONVERT.get(type_)
    return text if function is None else function(text)


def is_text(type_: str) -> bool:
    """Whether the value of a type is its text as it stands."""
    return type_ not in _CONVERT
