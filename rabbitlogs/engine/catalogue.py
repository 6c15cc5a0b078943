"""The catalogue of rules: TOML files to something that matches, and to something that reads well.

What matching needs of all rules is small and kept as one JSON index beside the grammar table; a rule's prose is read only
when the rule has fired or is asked for. Of the index, too, most is read late: a line a rule, behind one line that says
which kinds each looks for. So starting costs the same with a hundred rules or a thousand. A wheel has the prose of all in
one file as JSON, which is read ten times faster than TOML.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from rabbitlogs.errors import RuleError, UsageError
from rabbitlogs.parsing.compiled import cache_folder, write_private
from rabbitlogs.parsing.elsewhere import CODE_FIELDS, FIELDS
from rabbitlogs.resources import rules_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMAT = 8
OURS = "rabbitlogs"  # the origin of the rules that come with the package
SEVERITIES = ("info", "notice", "warning", "error", "critical")
_TOP = {
    "title", "severity", "confidence", "lifecycle", "parent", "last_resort", "since", "until", "subjects", "match",
    "interval", "correlate", "caused_by", "caused_within", "explain", "next", "docs", "example", "counterexample",
    "aliases", "source", "harmless", "note", "owner", "runbook", "restated_by", "over_after", "unless",
}  # fmt: skip
# What most rules have: it is left out of the index.
_USUAL: dict[str, Any] = {
    "confidence": "high", "lifecycle": False, "parent": None, "last_resort": False, "since": None, "until": None,
    "subjects": [], "interval": None, "correlate": None, "caused_by": [], "caused_within": 5.0, "aliases": [],
    "restated_by": [], "over_after": [], "unless": None, "origin": OURS, "text": None,
}  # fmt: skip
_TEXTS = "compiled.texts"
_OPERATORS = {"min", "max", "like", "unlike", "present", "not", "elsewhere", "another_program"}
_CORRELATIONS = {"count", "distinct", "sequence", "unfinished", "beside", "detector"}


class Match:
    """One ``[[match]]``: the kinds it looks at and conditions on their fields."""

    __slots__ = ("conditions", "is_ours", "kinds", "levels")

    def __init__(self, kinds: list[str], levels: list[str] | None, conditions: list[list[Any]], is_ours: bool = True) -> None:
        self.kinds, self.levels, self.conditions, self.is_ours = kinds, levels, conditions, is_ours


_READ_LATE = (
    "aliases", "caused_by", "caused_within", "confidence", "correlate", "interval", "last_resort", "lifecycle", "matches",
    "origin", "over_after", "parent", "path", "restated_by", "severity", "since", "subjects", "title", "unless", "until",
    "_place",
)  # fmt: skip


class Rule:
    """One rule as the engine uses it; :meth:`text` gives the rest.

    Args:
        row: its row of the index, or the text of it, which is read when the rule is first asked for more than its head.
        folder: where the rules of the index are.
        head: its head, if known: ``[id, the kinds of each match, ids of the conditions that end it]``.
    """

    __slots__ = ("_folder", "_row", "enders", "id", "kinds", *_READ_LATE)

    def __init__(self, row: dict[str, Any] | bytes, folder: str, head: list[Any] | None = None) -> None:
        self._row, self._folder = row, folder
        if head is None:
            head = _head(row if isinstance(row, dict) else json.loads(row))
        self.id: str = head[0]
        self.kinds: list[list[str]] = head[1]
        self.enders: list[str] = head[2]

    def __getattr__(self, name: str) -> Any:
        if name not in _READ_LATE:
            raise AttributeError(name)
        self._read()
        return getattr(self, name)

    def _read(self) -> None:
        row = {**_USUAL, **(self._row if isinstance(self._row, dict) else json.loads(self._row))}
        self.title: str = row["title"]
        self.severity: str = row["severity"]
        self.confidence: str = row["confidence"]
        self.lifecycle: bool = row["lifecycle"]
        self.parent: str | None = row["parent"]
        self.last_resort: bool = row["last_resort"]
        self.since: str | None = row["since"]
        self.until: str | None = row["until"]
        self.subjects: list[str] = row["subjects"]
        self.interval: dict[str, Any] | None = row["interval"]
        self.correlate: dict[str, Any] | None = row["correlate"]
        self.caused_by: list[str] = row["caused_by"]
        self.caused_within: float = row["caused_within"]
        self.aliases: list[str] = row["aliases"]
        self.restated_by: list[str] = row["restated_by"]
        self.over_after: list[str] = row["over_after"]
        self.unless: dict[str, Any] | None = row["unless"]
        self.origin: str = row["origin"]
        self.matches = [Match(m[0], m[1], m[2], self.origin == OURS) for m in row["matches"]]
        self.path = os.path.join(self._folder, row["path"])
        self._place: tuple[str, int, int] | None = (os.path.join(self._folder, _TEXTS), *row["text"]) if row["text"] else None

    @property
    def area(self) -> str:
        """The first part of its id."""
        return self.id.split(".", 1)[0]

    def text(self) -> dict[str, Any]:
        """The whole rule file: prose, next steps, documentation, examples."""
        if self._place is None:
            return _read_toml(self.path)
        path, offset, length = self._place
        with open(path, "rb") as file:
            file.seek(offset)
            return json.loads(file.read(length))  # type: ignore[no-any-return]


def _read_toml(path: str) -> dict[str, Any]:
    import tomllib

    with open(path, "rb") as file:
        return tomllib.load(file)


def read_rule(path: str, rule_id: str) -> dict[str, Any]:
    """One rule file as an index row. Raises :class:`RuleError` with path, line where known, and reason."""
    import tomllib

    try:
        with open(path, "rb") as file:
            raw = tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        raise RuleError(path, str(error), int(found[1]) if found else None) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(path, str(error)) from error

    def need(ok: Any, reason: str, key: str = "") -> None:
        if not ok:
            raise RuleError(path, reason, _line_of(path, key))

    unknown = sorted(set(raw) - _TOP)
    need(not unknown, f"unknown key {', '.join(unknown)}; known are {', '.join(sorted(_TOP))}", unknown[0] if unknown else "")
    need(isinstance(raw.get("title"), str), "needs a title")
    severity = raw.get("severity", "info" if raw.get("lifecycle") else None)
    need(severity in SEVERITIES, f"severity must be one of {', '.join(SEVERITIES)}", "severity")
    need(raw.get("confidence", "high") in ("high", "medium", "low"), "confidence must be high, medium or low", "confidence")
    matches = raw.get("match", [])
    matches = [matches] if isinstance(matches, dict) else matches
    correlate = raw.get("correlate")
    need(
        correlate is None or correlate.get("type") in _CORRELATIONS,
        f"correlate.type: one of {sorted(_CORRELATIONS)}",
        "[correlate]",
    )
    need(
        not raw.get("interval") or not correlate or correlate["type"] not in ("count", "distinct"),
        "what is only counted has no end: an [interval] beside other rules is of type beside",
        "[interval]",
    )
    need(matches or (correlate and correlate["type"] == "detector"), "needs a [[match]]")
    unless = raw.get("unless")
    need(
        unless is None or {"kinds", "succeeds", "fails"} <= unless.keys() <= {"kinds", "succeeds", "fails", "within"},
        "unless: kinds, succeeds and fails, perhaps within",
        "[unless]",
    )
    return {
        "id": rule_id,
        "title": raw["title"],
        "severity": severity,
        "confidence": raw.get("confidence", "high"),
        "lifecycle": bool(raw.get("lifecycle")),
        "parent": raw.get("parent"),
        "last_resort": bool(raw.get("last_resort")),
        "since": raw.get("since"),
        "until": raw.get("until"),
        "subjects": raw.get("subjects", []),
        "interval": raw.get("interval"),
        "correlate": correlate,
        "caused_by": raw.get("caused_by", []),
        "caused_within": float(raw.get("caused_within", 5)),
        "aliases": raw.get("aliases", []),
        "restated_by": raw.get("restated_by", []),
        "over_after": raw.get("over_after", []),
        "unless": raw.get("unless"),
        "matches": [_match(path, match) for match in matches],
    }


def _line_of(path: str, key: str) -> int | None:
    if not key:
        return None
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return next((n for n, line in enumerate(file, 1) if line.strip().startswith(key)), None)
    except OSError:
        return None


def _match(path: str, match: dict[str, Any]) -> list[Any]:
    kinds = match.get("kind")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(kinds, list) or not kinds or not all(isinstance(k, str) for k in kinds):
        raise RuleError(path, "a [[match]] needs a kind (a string or a list of strings)", _line_of(path, "[[match]]"))
    levels = match.get("level")
    levels = [levels] if isinstance(levels, str) else levels
    conditions: list[list[Any]] = []
    for field, want in match.items():
        if field in ("kind", "level"):
            continue
        if field == "elsewhere":  # of all that may name another service
            conditions.extend([name, "elsewhere", bool(want)] for name in FIELDS)
            continue
        if field == "another_program":  # of all that may name the code of another
            conditions.extend([name, "another_program", bool(want)] for name in CODE_FIELDS)
            continue
        if isinstance(want, dict) and field == "session":
            for name, inner in want.items():
                conditions.extend(_conditions(path, f"session.{name}", inner))
        else:
            conditions.extend(_conditions(path, field, want))
    return [kinds, levels, conditions]


def _conditions(path: str, field: str, want: Any) -> Iterator[list[Any]]:
    if not isinstance(want, dict):
        yield [field, "in", want if isinstance(want, list) else [want]]
        return
    for operator, value in want.items():
        if operator not in _OPERATORS:
            raise RuleError(
                path, f"{field}: unknown test {operator!r}; known are {', '.join(sorted(_OPERATORS))}", _line_of(path, field)
            )
        if operator in ("like", "unlike"):
            try:
                re.compile(value)
            except (re.error, TypeError) as error:
                raise RuleError(path, f"{field}: not a regular expression: {error}", _line_of(path, field)) from error
        yield [field, operator, value]


def rule_files(folder: str) -> list[tuple[str, str]]:
    """``(id, path below the folder)`` of every rule file, sorted by id."""
    found: list[tuple[str, str]] = []
    for area in sorted(os.listdir(folder)):
        below = os.path.join(folder, area)
        if os.path.isdir(below):
            found.extend(
                (f"{area}.{name[:-5]}", os.path.join(area, name)) for name in sorted(os.listdir(below)) if name.endswith(".toml")
            )
        elif area.endswith(".toml"):  # a user's flat folder: area.name.toml
            found.append((area[:-5], area))
    return found


def build_index(folder: str, *, problems: list[str] | None = None) -> list[dict[str, Any]]:
    """The index rows of a folder of rules. With ``problems`` a broken file is noted there and passed over."""
    rows = []
    for rule_id, path in rule_files(folder):
        try:
            row = read_rule(os.path.join(folder, path), rule_id)
        except RuleError as error:
            if problems is None:
                raise
            problems.append(str(error))
            continue
        row["path"] = path
        rows.append(row)
    return rows


def compile_rules(folder: str) -> tuple[bytes, bytes]:
    """What a wheel carries of our rules: their index, and the text of each as JSON, one after the other."""
    rows, texts = build_index(folder), bytearray()
    for row in rows:
        text = json.dumps(_read_toml(os.path.join(folder, row["path"])), separators=(",", ":")).encode("ascii")
        row["text"] = [len(texts), len(text)]
        texts += text
    return _index_text(rows), bytes(texts)


def _head(row: dict[str, Any]) -> list[Any]:
    """What is needed of a rule that has not been met: its id, the kinds of each match, ids of what ends it."""
    interval, correlate = row.get("interval") or {}, row.get("correlate") or {}
    lasting = [*interval.get("closed_by", ()), *interval.get("ended_by", ()), *correlate.get("finished_by", ())]
    return [row["id"], [match[0] for match in row["matches"]], [*lasting, *row.get("over_after", ())]]


def _index_text(rows: list[dict[str, Any]]) -> bytes:
    """The heads of all rules in one line, and a line for each with the rest."""
    short = [{key: value for key, value in row.items() if key not in _USUAL or value != _USUAL[key]} for row in rows]
    lines = [[_head(row) for row in rows], *short]
    return b"\n".join(json.dumps(line, separators=(",", ":")).encode() for line in lines)


def rules_of(index: bytes, folder: str) -> list[Rule]:
    """The rules of an index; raises :class:`ValueError` for what is none."""
    lines = index.split(b"\n")
    heads = json.loads(lines[0])
    if len(heads) != len(lines) - 1:
        raise ValueError("not an index of rules")
    return [Rule(line, folder, head) for head, line in zip(heads, lines[1:], strict=True)]


def _stat_digest(folder: str) -> str:
    import hashlib

    sha = hashlib.sha256(f"{FORMAT}{folder}".encode())
    for rule_id, path in rule_files(folder):
        status = os.stat(os.path.join(folder, path))
        sha.update(f"{rule_id}{status.st_size}{status.st_mtime_ns}".encode())
    return sha.hexdigest()[:32]


def load_rules() -> list[Rule]:
    """The rules that come with the package; their index is shipped with the wheel, from the cache, or built now."""
    folder = rules_folder()
    shipped = os.path.join(folder, "compiled.json")
    if os.path.exists(shipped):
        with open(shipped, "rb") as file:
            return rules_of(file.read(), folder)
    path = os.path.join(cache_folder(), f"rules-{_stat_digest(folder)}.json")
    try:
        with open(path, "rb") as file:
            return rules_of(file.read(), folder)
    except (OSError, ValueError):
        index = _index_text(build_index(folder))
        write_private(path, index)
        return rules_of(index, folder)


class Catalogue:
    """All rules an analysis uses, found by id and by kind.

    Args:
        rules: the rules; a later one with an id already there replaces it.
        problems: sentences about rules that could not be used.
    """

    def __init__(self, rules: Iterable[Rule], problems: list[str] | None = None) -> None:
        self.rules: dict[str, Rule] = {rule.id: rule for rule in rules}
        self.problems = problems or []
        self.changes: dict[str, dict[str, Any]] = {}
        self.by_kind: dict[str, list[tuple[Rule, int]]] = {}  # the rules that look for a kind, and with which match
        for rule in self.rules.values():
            for at, kinds in enumerate(rule.kinds):
                for kind in kinds:
                    self.by_kind.setdefault(kind, []).append((rule, at))
        self._of_kind: dict[str, list[tuple[Rule, Match]]] = {}
        self._ancestors: dict[str, frozenset[str]] = {}

    def of_kind(self, kind: str) -> list[tuple[Rule, Match]]:
        """The rules that look for a kind, each with the match that does."""
        known = self._of_kind.get(kind)
        if known is None:
            known = self._of_kind[kind] = [(rule, rule.matches[at]) for rule, at in self.by_kind.get(kind, ())]
        return known

    def ancestors(self, rule_id: str) -> frozenset[str]:
        """Ids of the more general conditions of a rule, at any distance."""
        known = self._ancestors.get(rule_id)
        if known is None:
            out: list[str] = []
            rule = self.rules.get(rule_id)
            while rule is not None and rule.parent and rule.parent not in out:
                out.append(rule.parent)
                rule = self.rules.get(rule.parent)
            known = self._ancestors[rule_id] = frozenset(out)
        return known

    def find(self, rule_id: str) -> Rule | None:
        """A rule by its id or by a former one."""
        rule = self.rules.get(rule_id)
        return rule or next((r for r in self.rules.values() if rule_id in r.aliases), None)

    def check_names(self, names: Iterable[str], option: str) -> None:
        """Raises :class:`UsageError` for a name that is neither a condition's id nor an area's."""
        for name in names:
            if self.find(name) is None and not any(is_named(rule_id, (name,)) for rule_id in self.rules):
                raise UsageError(f"{option} {name}: no condition or area has that name.{self.near(name)}")

    def near(self, name: str, more: Iterable[str] = ()) -> str:
        """What a mistyped id may have meant, as the next sentences."""
        from difflib import get_close_matches

        found = get_close_matches(name, [*more, *self.rules], n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(found)}?" if found else ""
        return f"{hint} All of them: rabbitlogs rules"


def is_named(rule_id: str, names: Iterable[str]) -> bool:
    """Whether one of these names is the condition's own or its area's (``tls``, ``tls.*``)."""
    return any(rule_id == name or rule_id.startswith(name.rstrip(".*") + ".") for name in names)


_default: list[Catalogue] = []


def default_catalogue() -> Catalogue:
    """The rules that come with the package, loaded once a process."""
    if not _default:
        _default.append(Catalogue(load_rules()))
    return _default[0]
