"""What must not leave a log as it is: control characters, passwords and keys."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING

from rabbitlogs.lazy import expression

if TYPE_CHECKING:
    from collections.abc import Callable

_CONTROL = expression(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SECRETS = (
    r"(?:password|passwd|passcode|passphrase|secret|client_secret|access_token|id_token|token|default_pass|(?<!erlang\.)cookie)"
)
# after a quote all up to the next one, in a binary all bytes, else a word; a list or a tuple is no secret itself
_VALUE = r"(?:\{plaintext,\s*)?(?:<<)?)(\"[^\"\n]*\"?|'[^'\n]*'?|(?<=<<)\d+(?:,\s*\d+)+|[^\s\"'>,(){}\[\]]+)"
_CALL = r"(?!:[a-z]\w*/\d+,? line \d)"  # rabbit_password:hash/2 line 25 is a module and its function
# one of these stands in every text with a secret, if its letters are made small and its digits 0
_HINTS = (
    b"://", b"pass", b"secret", b"token", b"cookie", b"bearer", b"basic ", b"eyj", b"private", b"0" * 100,
)  # fmt: skip
_SMALL = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789", b"abcdefghijklmnopqrstuvwxyz000000000")
MASK = "********"
_NO_SECRET = frozenset({"undefined", "none", "false", "true", "file", "and", "or", "is", "was", "for", "not", "has"})


def visible(text: str) -> str:
    """Text without anything a terminal would obey; a control character becomes ``\\xNN``."""
    return _CONTROL.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", text.replace("\r", ""))


@cache
def _secrets() -> tuple[Callable[[str], str], ...]:
    """What replaces each sort of secret; made when a text may have one."""
    any_case = re.IGNORECASE
    uri = r"((?:amqps?|https?|mqtts?|stomp|ldaps?|rabbitmq-stream)(?:\+\w+)?://[^\s:/@'\"]*:)[^\s@/'\"]+(?=@)"
    keyed = rf"((?:\b|_){_SECRETS}{_CALL}[\"']?(?:>>)?\s*(?:=>|[:=])\s*{_VALUE}"
    pair = rf"(\{{\s*(?:<<)?[\"']?\w*?{_SECRETS}[\"']?(?:>>)?\s*,\s*{_VALUE}"
    bearer = r"(\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}"
    # a crash of a TLS process shows the server's key: the records of public_key's asn1 modules, or the file as it is
    key_record = r"('\w*PrivateKey\w*'\s*[,{])(?:[^{}]+|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}?)*"
    key_file = r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^-]+"
    key_number = r"()\d{100,}"
    signed = r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    return (
        partial(re.compile(uri, any_case).sub, _hidden),
        partial(re.compile(keyed, any_case).sub, _masked),
        partial(re.compile(pair, any_case).sub, _masked),
        partial(re.compile(bearer, any_case).sub, _hidden),
        *(partial(re.compile(pattern).sub, _hidden) for pattern in (key_record, key_file, key_number, signed)),
    )


def may_have_secrets(text: str) -> bool:
    """Whether a text must be looked at for secrets; quickly told, of many lines at once too."""
    small = text.encode("utf-8", "replace").translate(_SMALL)
    return any(hint in small for hint in _HINTS)


def mask(text: str) -> str:
    """Text with passwords, tokens and secrets replaced. Applying it twice changes nothing."""
    if not may_have_secrets(text):
        return text
    for replace in _secrets():
        text = replace(text)
    return text


def _hidden(match: re.Match[str]) -> str:
    return match[1] + MASK


def _masked(match: re.Match[str]) -> str:
    """A key and its secret, masked inside its quotes; words that say that there is none stay."""
    value = match[2]
    quote = value[0] if value[0] in "\"'" else ""
    inner = value.strip(quote) if quote else value
    if not inner or inner == MASK or inner in _NO_SECRET:
        return match[0]
    return f"{match[1]}{quote}{MASK}{quote}"


def printable(text: str) -> str:
    """What may be shown of a log."""
    return mask(visible(text))
