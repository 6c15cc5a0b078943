"""One event as one line of JSON, for ``parse``: with the secrets of the log masked, as in all that is printed."""

from __future__ import annotations

import json
from dataclasses import replace
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING

from rabbitlogs.parsing.fields import convert, is_text
from rabbitlogs.parsing.terms import BRACKETS, parse_brackets
from rabbitlogs.privacy import mask, may_have_secrets

if TYPE_CHECKING:
    from typing import Any

    from rabbitlogs.engine.events import EventBatch
    from rabbitlogs.model import Event

_PLAIN = bytes(code for code in range(0x20, 0x7F) if code not in b'"\\')  # what JSON has as it is
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str).encode


def event_line(event: Event) -> str:
    """The line of an event, with its line feed."""
    record = event.record
    event = _masked(event)
    row = {
        "source": record.source, "line": record.line, "offset": record.offset, "length": record.length,
        "time": record.stamp, "level": record.level, "pid": record.pid, "node": record.node,
        "category": record.category, "kind": event.kind, "fields": event.fields, "terms": event.terms, "rest": event.rest,
        "message": mask(record.message),
    }  # fmt: skip
    return _encode(row) + "\n"


def _masked(event: Event) -> Event:
    if not may_have_secrets(event.record.message):
        return event
    fields = {name: _masked_value(value) for name, value in event.fields.items()}
    return replace(event, fields=fields, rest=_masked_value(event.rest))


def _masked_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked_value(item) for item in value]
    return mask(value) if isinstance(value, str) else value


def event_lines(batch: EventBatch) -> list[str]:
    """The lines of many events, with their line feeds; the same bytes as :func:`event_line` gives."""
    messages = batch.messages
    columns = batch.columns
    if may_have_secrets("\n".join(messages)):
        messages = list(map(mask, messages))
        columns = [(name, type_, list(map(mask, texts)) if is_text(type_) else texts) for name, type_, texts in columns]
    values = [
        _texts(texts) if is_text(type_) else ("%s", [_encode(convert(type_, t)) for t in texts]) for _, type_, texts in columns
    ]
    terms: list[str] = []
    bracketed = [(name, texts) for name, type_, texts in columns if is_text(type_) and _may_be_terms(texts)]
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
    names = [encode_basestring_ascii(name).replace("%", "%%") for name, _, _ in columns]
    head = (
        f'{{"source":{_constant(batch.source)},"line":%d,"offset":%d,"length":%d,"time":"%sT%s","level":{_constant(batch.level)}'
    )
    head += f',"pid":"%s","node":{_constant(batch.node)},"category":null,"kind":{_constant(batch.kind)},"fields":{{'
    head += ",".join([f"{name}:{place}" for name, (place, _) in zip(names, values, strict=True)])
    quoted, messages = _texts(messages)
    template = f'{head}}},"terms":%s,"rest":null,"message":{quoted}}}\n'
    offsets, lengths, numbers = zip(*batch.places, strict=True)
    rows = zip(
        numbers, offsets, lengths, batch.days, batch.clocks, batch.pids, *[texts for _, texts in values],
        terms or ["{}"] * len(numbers), messages, strict=True,
    )  # fmt: skip
    return list(map(template.__mod__, rows))


def _constant(value: str | None) -> str:
    return _encode(value).replace("%", "%%")


def _texts(texts: list[str]) -> tuple[str, list[str]]:
    """Texts as JSON strings: how a template writes them, and what it takes."""
    if not "".join(texts).encode("utf-8", "replace").translate(None, _PLAIN):
        return '"%s"', texts
    return "%s", list(map(encode_basestring_ascii, texts))


def _may_be_terms(texts: list[str]) -> bool:
    """Whether a text may be an Erlang tuple, list, map or binary."""
    whole = "\n".join(texts)
    found = [bracket for bracket in BRACKETS if bracket in whole]  # nearly always none, and quickly told
    return whole.startswith(BRACKETS) or any("\n" + bracket in whole for bracket in found)
