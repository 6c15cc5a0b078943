"""The state file: where reading was and what had been said, so that a restart goes on where the last run was.

It is written beside its old version and put in its place at once, so there is always a whole one.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.state import Tally
from rabbitlogs.follow.files import Position

if TYPE_CHECKING:
    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.engine.catalogue import Rule

SCHEMA = "rabbitlogs.tail-state/1"
_SUBJECTS = 50  # values of one subject that are remembered
_KEYS = 100  # and keys of one interval


class Remembered:
    """What a state file says.

    Attributes:
        problem: why it could not be used; None where it was, or where there is none yet.
    """

    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self.conditions: dict[str, dict[str, Any]] = {}
        self.problem: str | None = None
        self.is_there = False


def load(path: str) -> Remembered:
    """Reads a state file. One that is damaged is as good as none, and says so."""
    out = Remembered()
    try:
        with open(path, "rb") as file:
            raw = json.loads(file.read())
    except FileNotFoundError:
        return out
    except (OSError, ValueError, RecursionError) as error:
        out.problem = f"the state file {path} could not be used ({error}); following begins anew"
        return out
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        out.problem = f"the state file {path} is not one of this version; following begins anew"
        return out
    out.is_there = True
    files, conditions = raw.get("files"), raw.get("conditions")
    for name, entry in files.items() if isinstance(files, dict) else ():
        place = Position.of(entry)
        if place is not None:
            out.positions[name] = place
    for rule_id, entry in conditions.items() if isinstance(conditions, dict) else ():
        if isinstance(entry, dict):
            out.conditions[rule_id] = entry
    return out


def save(path: str, files: dict[str, Position], conditions: dict[str, dict[str, Any]], *, sync: bool = False) -> str | None:
    """Writes a state file; returns why it could not be written, and then the old one is still there."""
    document = {
        "schema": SCHEMA,
        "files": {name: place.to_dict() for name, place in files.items()},
        "conditions": conditions,
    }
    data = json.dumps(document, separators=(",", ":"), default=str).encode()
    beside = f"{path}.{os.getpid()}.new"
    try:
        with open(beside, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(beside)
        return (error.strerror or str(error)).lower()
    return None


def remember(rule: Rule, tally: Tally, shown: str | None) -> dict[str, Any]:
    """What is kept of a condition."""
    subjects = {
        name: dict(sorted(values.items(), key=lambda item: (-item[1], item[0]))[:_SUBJECTS])
        for name, values in tally.subjects.items()
        if values
    }
    keys = {key: moments.all()[-1] for key, moments in list(tally.keys.items())[:_KEYS]}
    return {
        "count": tally.count, "again": tally.again, "first": tally.first, "last": tally.last, "shown": shown,
        "subjects": subjects,
        "fields": {k: v for k, v in tally.fields.items() if isinstance(v, str | int | float | bool)},
        "keys": keys, "sources": dict(tally.sources),
    }  # fmt: skip


def restore(analysis: Analysis, conditions: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Puts remembered conditions into an analysis; returns what had been said of each: its state."""
    shown: dict[str, str] = {}
    for rule_id, entry in conditions.items():
        if rule_id not in analysis.catalogue.rules:
            continue
        try:
            tally = _tally(entry)
        except (KeyError, TypeError, ValueError):
            continue
        analysis.tallies[rule_id] = tally
        if isinstance(entry.get("shown"), str):
            shown[rule_id] = entry["shown"]
    return shown


def _tally(entry: dict[str, Any]) -> Tally:
    tally = Tally()
    tally.count, tally.again = int(entry["count"]), int(entry.get("again", 0))
    tally.first, tally.last = entry["first"], entry["last"]
    tally.first_fields = {"remembered": dict(entry["fields"])}
    for name, values in entry["subjects"].items():
        for value, number in values.items():
            tally.subject(name, value, int(number))
    for key, (seconds, source, line, pid) in entry["keys"].items():
        tally.key(key, (seconds, str(source), int(line), pid))
    tally.sources.update({str(name): int(number) for name, number in entry["sources"].items()})
    return tally
