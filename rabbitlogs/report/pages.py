"""The catalogue for people: the list of rules, and one rule on one page."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from rabbitlogs.engine.prose import PLACE
from rabbitlogs.report.style import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbitlogs.engine.catalogue import Rule


def _plain(template: str) -> str:
    """A rule's sentence without its marks: a field is a name in capitals, as in commands."""
    text = template.replace("[[", "").replace("]]", "")
    return PLACE.sub(lambda match: match[1].rsplit(".", 1)[-1].upper(), text)


def rule_dict(rule: Rule) -> dict[str, Any]:
    """A rule as the JSON catalogue has it."""
    text = rule.text()
    explain = text.get("explain", {})
    return {
        "id": rule.id, "title": rule.title, "area": rule.area, "severity": rule.severity, "confidence": rule.confidence,
        "lifecycle": rule.lifecycle, "parent": rule.parent, "since": rule.since, "until": rule.until,
        "what": explain.get("what"), "why": explain.get("why"), "harmless_when": explain.get("harmless_when"),
        "causes": explain.get("causes", []), "next": text.get("next", []),
        "docs": [d["url"] for d in text.get("docs", [])], "caused_by": rule.caused_by,
        "kinds": sorted({kind for match in rule.matches for kind in match.kinds}), "origin": rule.origin,
    }  # fmt: skip


def write_list(rules: Sequence[Rule], out: IO[str]) -> None:
    """One line a rule: id, severity, title."""
    shown = Screen(out)
    width = max(len(rule.id) for rule in rules)
    for rule in rules:
        severity = "lifecycle" if rule.lifecycle else rule.severity
        shown.line(f"{rule.id:<{width}}  {severity:<9}  {rule.title}")
    shown.line(f"{len(rules)} conditions")


def write_page(rule: Rule, out: IO[str]) -> None:
    """Everything a rule says."""
    row = rule_dict(rule)
    shown = Screen(out)
    shown.line((rule.title, "bold"))
    shown.line(f"{rule.id}, {'lifecycle' if rule.lifecycle else rule.severity}, confidence {rule.confidence}")
    for name, label in (("what", "What"), ("why", "Why it matters"), ("harmless_when", "Harmless when")):
        if row[name]:
            shown.line()
            shown.line((label, "bold"))
            shown.line(_plain(row[name]))
    if row["causes"]:
        shown.line()
        shown.line(("Causes, most frequent first", "bold"))
        for cause in row["causes"]:
            shown.line(_plain(f"- {cause['cause']}" + (f" (tell: {cause['tell']})" if cause.get("tell") else "")))
    if row["next"]:
        shown.line()
        shown.line(("Next", "bold"))
        for number, step in enumerate(row["next"], 1):
            note = f" (disruptive: {step['costs']})" if step.get("risk") == "disruptive" else ""
            shown.line(_plain(f"{number}. {step['do']}{note}"))
            if step.get("run"):
                shown.line(_plain(f"   {step['run']}"))
    if row["docs"]:
        shown.line()
        shown.line(("Documentation", "bold"))
        for url in row["docs"]:
            shown.line(url)
