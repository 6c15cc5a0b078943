"""One event as one line of JSON, for ``parse``."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING

from rabbitlogs.parsing.fields import convert, is_text
from rabbitlogs.parsing.terms import BRACKETS, parse_brackets

if TYPE_CHECKING:
    from rabbitlogs.engine.events import EventBatch
    from rabbitlogs.model import Event

_PLAIN = bytes(code for code in range(0x20, 0x7F) if code not in b'"\\')  # what JSON has as it is
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str).encode


def event_line(event: Event) -> str:
    """The line of an event, with its line feed."""
    record = event.record
    row = {
        "source": record.source, "line": record.line, "offset": record.offset, "length": record.length,
        "time": record.stamp, "level": record.level, "pid": record.pid, "node": record.node,
        "category": record.category, "kind": event.kind, "fields": event.fields, "terms": event.terms, "rest": event.rest,
        "message": record.message,
    }  # fmt: skip
    return _encode(row) + "\n"


def event_lines(batch: EventBatch) -> list[str]:
    """The lines of many events, with their line feeds; the same bytes as :func:`event_line` gives."""
    values = [
        _texts(texts) if is_text(type_) else [_encode(convert(type_, t)) for t in texts] for _, type_, texts in batch.columns
    ]
    terms: list[str] = []
    bracketed = [(name, texts) for name, type_, texts in batch.columns if is_text(type_) and _may_be_terms(texts)]
    if bracketed:
        terms = [
            _encode(
                {
                    name: term
                    for name, text in zip([n for n, _ in bracketed], row, strict=True)
                    if (term := parse_brackets(text)) is not None
                }
            )
            for row in zip(*[texts for _, texts in bracketed], strict=True)
        ]
    names = [encode_basestring_ascii(name).replace("%", "%%") for name, _, _ in batch.columns]
    head = f'{{"source":{_constant(batch.source)},"line":%d,"offset":%d,"length":%d,"time":"%s","level":{_constant(batch.level)}'
    head += f',"pid":"%s","node":{_constant(batch.node)},"category":null,"kind":{_constant(batch.kind)},"fields":{{'
    head += ",".join([f"{name}:%s" for name in names])
    template = head + '},"terms":%s,"rest":null,"message":%s}\n'
    offsets, lengths, numbers = zip(*batch.places, strict=True)
    rows = zip(
        numbers, offsets, lengths, batch.stamps, batch.pids, *values, terms or ["{}"] * len(numbers), _texts(batch.messages),
        strict=True,
    )  # fmt: skip
    return list(map(template.__mod__, rows))


def _constant(value: str | None) -> str:
    return _encode(value).replace("%", "%%")


def _texts(texts: list[str]) -> list[str]:
    """Texts as JSON strings."""
    if not "".join(texts).encode("utf-8", "replace").translate(None, _PLAIN):
        return [f'"{text}"' for text in texts]
    return list(map(encode_basestring_ascii, texts))


def _may_be_terms(texts: list[str]) -> bool:
    """Whether a text may be an Erlang tuple, list, map or binary."""
    whole = "\n".join(texts)
    found = [bracket for bracket in BRACKETS if bracket in whole]  # nearly always none, and quickly told
    return whole.startswith(BRACKETS) or any("\n" + bracket in whole for bracket in found)
