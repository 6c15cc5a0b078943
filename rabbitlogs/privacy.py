"""What must not leave a log as it is: control characters, and passwords."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_URI = re.compile(
    r"((?:amqps?|https?|mqtts?|stomp|ldaps?|rabbitmq-stream)(?:\+\w+)?://[^\s:/@'\"]*:)[^\s@/'\"]+(?=@)", re.IGNORECASE
)
_KEYED = re.compile(
    r"((?:\b|_)(?:password|passwd|passcode|passphrase|secret|client_secret|access_token|id_token|token|default_pass|cookie)"
    r"\"?'?\s*(?:=>|[:=,])\s*(?:<<)?[\"']?)([^\s\"'>,})\]]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
_HINT = re.compile(r"://|passw|passcode|passphrase|secret|token|default_pass|cookie|bearer|basic |eyJ", re.IGNORECASE)
MASK = "********"


def visible(text: str) -> str:
    """Text without anything a terminal would obey; a control character becomes ``\\xNN``."""
    return _CONTROL.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", text.replace("\r", ""))


def mask(text: str) -> str:
    """Text with passwords, tokens and secrets replaced. Applying it twice changes nothing."""
    if _HINT.search(text) is None:
        return text
    text = _URI.sub(lambda m: m[1] + MASK, text)
    text = _KEYED.sub(lambda m: m[0] if _harmless(m[2]) else m[1] + MASK, text)
    text = _BEARER.sub(lambda m: m[1] + MASK, text)
    return _JWT.sub(MASK, text)


def _harmless(value: str) -> bool:
    return value == MASK or value in ("undefined", "none", "false", "true", "file", "and", "or", "is", "was", "for", "not", "has")


def printable(text: str) -> str:
    """What may be shown of a log."""
    return mask(visible(text))
