"""A rule's sentences with the log's own names in them.

``{field}`` is a field, ``[[ ]]`` surrounds a part that goes when one of its fields is missing. In commands every value is
quoted for a shell, and ``-n {node}`` goes when the node is not known; ``-n {node_of_log}``
is the node that wrote the line, for what concerns a peer.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from rabbitlogs.lazy import expression
from rabbitlogs.privacy import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACE = expression(r"\{([a-z_][a-z0-9_.]*)\}")  # a field in a rule's sentence or command
_OPTIONAL = expression(r"\[\[(.*?)\]\]", re.DOTALL)
_NODE_OPTION = expression(r" (?:-n|--node)[ =]\{(node|node_of_log)\}")
_STACK = expression(
    r"[,\s]\s*\[\{[a-z][\w@]*,\s*(?:'[^']*'|[a-z][\w@]*),\s*(?:[0-9]+,\s*)?\["
)  # where a term goes on with the calls
_BARE = expression(r"(undef|function_clause|badarg|if_clause|badarith)\Z")
_CALL = expression(r"\{([a-z][\w@]*),\s*('[^']*'|[a-z][\w@]*),\s*(?=[0-9]+,|\[)")
_OWN = expression(r"rabbit|ra_|osiris|khepri|mnesia|cuttlefish")
_LONG, _LONG_TERM = 300, 140  # characters of a value in a sentence; of a term, whose rest is brackets
_TERM = ("{", "[", "#{", "<<")


def text_of(value: Any) -> str:
    """A field's value as it reads in a sentence: of a reason that ends in a stack of calls, what stands before them."""
    if isinstance(value, list | tuple):
        return ", ".join(text_of(item) for item in value[:8]) + (" ..." if len(value) > 8 else "")
    text = printable(str(value)).replace("\n", " ")
    if text.startswith('<<"'):
        text = text[3:].removesuffix('">>').replace('\\"', '"').replace("\\n", " ")
    if text.endswith("}"):  # some lines are cut before the term's own braces
        text = "{" * (text.count("}") - text.count("{")) + text
    stack = _STACK.search(text)
    if stack is not None:
        text = text[: stack.start()] + ",..." + "}" * _unclosed(text[: stack.start()]) + _called(text, stack.start())
    limit = _LONG_TERM if text.startswith(_TERM) else _LONG
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _called(text: str, at: int) -> str:
    """Where a bare error happened, whose class alone says nothing: the innermost call of RabbitMQ's own code, if there is one."""
    bare = _BARE.search(text, max(0, at - 40), at)
    calls = _CALL.findall(text, at, at + 2000) if bare is not None else []
    if bare is None or not calls:
        return ""
    own = calls if bare[1] == "undef" else [call for call in calls if _OWN.match(call[0])]
    return " in {}:{}".format(*(own or calls)[0])


def _unclosed(text: str) -> int:
    """How many braces of a term are still to be closed."""
    return max(0, text.count("{") - text.count("}"))


def places(template: str) -> list[str]:
    """The fields a sentence names."""
    return PLACE.findall(template)


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A sentence with its fields; what is not known reads as ``?`` unless it stands in an optional part."""

    def optional(match: re.Match[str]) -> str:
        names = places(match[1])
        return match[1] if all(_known(values, name) for name in names) else ""

    text = _OPTIONAL.sub(optional, template)

    def value(match: re.Match[str]) -> str:
        if not _known(values, match[1]):
            return "?"
        found = text_of(values[match[1]])
        return found.removesuffix(".") if text.startswith(".", match.end()) else found  # one full stop is enough

    return PLACE.sub(value, text).strip()


def _known(values: Mapping[str, Any], name: str) -> bool:
    return values.get(name) is not None and values.get(name) != ""


def command(template: str, values: Mapping[str, Any]) -> str:
    """A command line with its fields quoted for a shell; what is not known stays as a name in capitals."""
    template = _NODE_OPTION.sub(lambda option: option[0] if _known(values, option[1]) else "", template)

    def optional(match: re.Match[str]) -> str:
        return match[1] if all(_known(values, name) for name in places(match[1])) else ""

    def quoted(match: re.Match[str]) -> str:
        name = match[1]
        if not _known(values, name):
            return name.rsplit(".", 1)[-1].upper()
        value = printable(str(values[name])).replace("\n", " ")
        return shlex.quote(value)

    return PLACE.sub(quoted, _OPTIONAL.sub(optional, template)).strip()
