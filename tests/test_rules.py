"""Every rule file is tested from its own examples; nobody writes a test for a rule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import rabbitlogs
from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.catalogue import Catalogue, Rule, compile_rules, default_catalogue, read_rule, rules_of
from rabbitlogs.engine.detectors import DETECTORS, FIELDS
from rabbitlogs.errors import RuleError
from rabbitlogs.parsing.recogniser import recogniser
from rabbitlogs.resources import rules_folder

RULES = sorted(default_catalogue().rules.values(), key=lambda rule: rule.id)
_PLACE = re.compile(r"\{([a-z_][a-z0-9_.]*)\}")
_LINK = re.compile(r"https://(www\.rabbitmq\.com|www\.erlang\.org|github\.com/(rabbitmq|erlang))/")
_OF_ANOTHER = ("elsewhere", "another_program")  # ask many fields, of which a kind has some
_ALWAYS = {"node", "node_of_log", "session.user", "session.vhost", "session.client", "session.connection_name"}


def _of(rule: Rule, part: str) -> list[dict[str, Any]]:
    return rule.text().get(part, [])  # type: ignore[no-any-return]


EXAMPLES = [pytest.param(r, e, id=f"{r.id}-{n}") for r in RULES for n, e in enumerate(_of(r, "example"), 1)]
COUNTER = [pytest.param(r, e, id=f"{r.id}-{n}") for r in RULES for n, e in enumerate(_of(r, "counterexample"), 1)]


def _findings(log: str) -> tuple[Analysis, list[str], list[str]]:
    analysis = Analysis()
    analysis.feed(log, "example.log")
    report = analysis.report()
    return analysis, [f.id for f in report.findings], [row["id"] for row in report.lifecycle]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_an_example_fires_its_rule(rule: Rule, example: dict[str, Any]) -> None:
    """An example fires its rule, no other than those it names, and gives the fields expected."""
    analysis, findings, lifecycle = _findings(example["log"])
    assert rule.id in findings + lifecycle
    assert not set(findings) - {rule.id, *example.get("also", [])}
    tally = analysis.tallies.get(rule.id)
    kinds = {kind for match in rule.matches for kind in match.kinds}
    # a lifecycle condition is only counted; then the event's own fields are what a reader could be told
    seen = (
        list(tally.first_fields.values())
        if tally
        else [e.fields for e in rabbitlogs.parse(example["log"].encode()) if e.kind in kinds]
    )
    for name, value in example.get("expect", {}).items():
        assert str(value) in [str(fields.get(name)) for fields in seen], name


@pytest.mark.parametrize(("rule", "example"), COUNTER)
def test_a_counterexample_stays_silent(rule: Rule, example: dict[str, Any]) -> None:
    """What looks alike and is something else does not fire the rule."""
    _, findings, lifecycle = _findings(example["log"])
    assert rule.id not in findings + lifecycle, example["because"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_whole(rule: Rule) -> None:
    """Kinds and fields exist, prose names known fields, disruptive steps have their costs, links are the project's own."""
    text = rule.text()
    reader = recogniser()
    known: set[str] = set(_ALWAYS)
    if rule.correlate and rule.correlate["type"] == "detector":
        known |= FIELDS[rule.correlate["name"]]
    for match in rule.matches:
        for kind in match.kinds:
            names = reader.field_names(kind)
            known |= names
            assert kind == "unknown" or kind in reader.names(), kind
            for field, operator, _ in match.conditions:
                assert kind == "unknown" or field in names or field.startswith("session.") or operator in _OF_ANOTHER, (
                    kind,
                    field,
                )
    explain = text.get("explain", {})
    prose = [explain.get(name, "") for name in ("what", "why", "harmless_when")]
    prose += [cause.get(name, "") for cause in explain.get("causes", []) for name in ("cause", "tell")]
    prose += [step.get(name, "") for step in text.get("next", []) for name in ("do", "run")]
    assert not {name for words in prose for name in _PLACE.findall(words)} - known
    for step in text.get("next", []):
        assert step.get("risk", "safe") in ("safe", "disruptive")
        assert step.get("risk") != "disruptive" or step.get("costs")
    links = [doc["url"] for doc in text.get("docs", [])]
    assert links
    assert all(_LINK.match(link) for link in links), links
    detector = rule.correlate["name"] if rule.correlate and rule.correlate["type"] == "detector" else None
    assert _of(rule, "example") or detector  # a detector's log is too long for an example: tests/test_detectors.py
    if not rule.lifecycle:
        assert explain.get("what")
        assert explain.get("why")
        assert explain.get("causes")
        assert text.get("next")
    if detector:
        assert detector in DETECTORS


def test_rules_refer_to_rules() -> None:
    """Parents, causes and ends of intervals exist."""
    ids = {rule.id for rule in RULES}
    for rule in RULES:
        named = [*rule.caused_by, *rule.enders]
        named += [rule.parent] if rule.parent else []
        assert not set(named) - ids, rule.id


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = x", "line 1"),
        ('title = "x"\nseverity = "bad"\n[match]\nkind = "a.b"', "severity must be one of"),
        ('title = "x"\nseverity = "error"\n', r"needs a \[\[match\]\]"),
        ('title = "x"\nseverity = "error"\n[match]\nkind = "a.b"\nreason = { like = "(" }', "not a regular expression"),
        ('title = "x"\nseverity = "error"\n[match]\nkind = "a.b"\nreason = { resembles = "(" }', "unknown test"),
        (
            'title = "x"\nseverity = "error"\n[match]\nkind = "a.b"\n[correlate]\ntype = "count"\n[interval]\nkey = ["c"]',
            "has no end",
        ),
        ('title = "x"\nseverity = "error"\nsevrity = 1\n[match]\nkind = "a.b"', "unknown key sevrity"),
    ],
)
def test_a_broken_rule_says_file_line_and_reason(tmp_path: Path, text: str, said: str) -> None:
    """One clear sentence, with the path."""
    path = tmp_path / "rule.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RuleError, match=said) as caught:
        read_rule(str(path), "own.rule")
    assert str(path) in str(caught.value)


def test_the_more_special_rule_wins() -> None:
    """A child is reported instead of its parent."""
    for rule in RULES:
        if rule.parent:
            assert rule.id not in default_catalogue().ancestors(rule.id)


def test_a_catalogue_takes_a_later_rule_for_an_earlier_one() -> None:
    """An id is there once."""
    assert len(Catalogue([*RULES, *RULES]).rules) == len(RULES)


def test_a_wheel_carries_the_rules_as_they_are(tmp_path: Path) -> None:
    """The index leaves out what is usual, and the texts are JSON: a rule made of them is the rule of its file."""
    ours = rules_folder()
    index, texts = compile_rules(ours)
    (tmp_path / "compiled.texts").write_bytes(texts)
    carried = Catalogue(rules_of(index, str(tmp_path)))
    assert carried.rules.keys() == default_catalogue().rules.keys()
    for rule_id, rule in default_catalogue().rules.items():
        other = carried.rules[rule_id]
        assert other.text() == rule.text()
        for name in set(Rule.__slots__) - {"_folder", "_place", "_row", "path", "matches"}:
            assert getattr(other, name) == getattr(rule, name), (rule_id, name)
        assert [(m.kinds, m.levels, m.conditions) for m in other.matches] == [
            (m.kinds, m.levels, m.conditions) for m in rule.matches
        ]
