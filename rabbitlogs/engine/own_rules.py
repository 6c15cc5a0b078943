"""An operator's own rules, and changes to ours: a folder of rule files, installed packages, and a small TOML file.

A broken file of theirs is named with its place and reason and never stops the others. Their patterns run with a time
limit, so none can hang the program.

Changes (``--overrides FILE``)::

    ["tls.client_certificate_untrusted"]
    severity = "warning"       # re-grade
    owner    = "platform team" # shown with the finding
    runbook  = "https://wiki.example.com/tls"
    note     = "expected while the old clients are migrated, until March"

    ["connection.closed_abruptly"]
    silence  = true            # counted, not reported
"""

from __future__ import annotations

import os
import sys
from typing import Any

from rabbitlogs.engine.catalogue import SEVERITIES, Catalogue, Rule, build_index, default_catalogue
from rabbitlogs.errors import RuleError, UsageError

ENTRY_POINTS = "rabbitlogs.rules"  # a package's entry point: a module whose folder holds rule files
_CHANGES = {"severity", "silence", "owner", "runbook", "note"}


def load_catalogue(folders: tuple[str, ...] = (), overrides: str | None = None, *, packages: bool = True) -> Catalogue:
    """Our rules, those of installed packages and of the folders given, changed as the overrides say.

    Raises :class:`UsageError` for a folder or file that is not there, :class:`RuleError` for broken overrides; broken rule
    files are in the catalogue's ``problems``.
    """
    ours = default_catalogue()
    found = _package_folders() if packages else []
    if not folders and not overrides and not found:
        return ours
    problems: list[str] = []
    rules = list(ours.rules.values())
    for folder in (*found, *folders):
        if not os.path.isdir(folder):
            raise UsageError(f"--rules {folder}: no such folder. It should hold rule files like area/name.toml.")
        rules.extend(Rule({**row, "origin": folder}, folder) for row in build_index(folder, problems=problems))
    catalogue = Catalogue(rules, problems)
    if overrides:
        catalogue.changes = read_overrides(overrides, catalogue)
    return catalogue


def _package_folders() -> list[str]:
    """Folders of installed packages that bring rules."""
    if not _has_packages():
        return []
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    folders = []
    for point in entry_points(group=ENTRY_POINTS):
        spec = find_spec(point.value)
        folders.extend(spec.submodule_search_locations or [] if spec else [])
    return sorted(folders)


def _has_packages() -> bool:
    """Whether any installed package has our entry point: a look at their files, since asking the standard library for
    entry points takes as long as explaining a small log."""
    for folder in sys.path:
        try:
            names = [name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for name in names:
            try:
                with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8", errors="replace") as file:
                    if f"[{ENTRY_POINTS}]" in file.read():
                        return True
            except OSError:
                continue
    return False


def read_overrides(path: str, catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    """What an overrides file changes, by rule id; ``area.*`` stands for all rules of an area."""
    import tomllib

    try:
        with open(path, "rb") as file:
            raw = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"--overrides {path}: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(path, str(error)) from error
    out: dict[str, dict[str, Any]] = {}
    for key, change in _flat(raw):
        if not isinstance(change, dict) or set(change) - _CHANGES:
            raise RuleError(path, f"{key}: known are {', '.join(sorted(_CHANGES))}")
        if change.get("severity", "info") not in SEVERITIES:
            raise RuleError(path, f"{key}: severity must be one of {', '.join(SEVERITIES)}")
        ids = [r for r in catalogue.rules if r.startswith(key[:-1])] if key.endswith(".*") else [key]
        for rule_id in ids:
            rule = catalogue.find(rule_id)
            if rule is None:
                raise RuleError(path, f"no condition has the id {rule_id!r}; all of them: rabbitlogs rules")
            out.setdefault(rule.id, {}).update(change)
    return out


def _flat(raw: dict[str, Any]) -> list[tuple[str, Any]]:
    """Tables by id, whether the id was quoted (``["tls.x"]``) or not (``[tls.x]``)."""
    out: list[tuple[str, Any]] = []
    for key, value in raw.items():
        if isinstance(value, dict) and value and all(isinstance(inner, dict) for inner in value.values()):
            out.extend((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            out.append((key, value))
    return out
