"""Builds what a wheel carries beside the sources: the compiled grammars and the index of rules."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledTables(BuildHookInterface):  # type: ignore[type-arg]
    """Adds ``grammars/compiled.json`` and ``rules/compiled.json`` to a wheel; an editable install builds them itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from rabbitlogs.engine.catalogue import compile_rules
        from rabbitlogs.parsing.compiled import build_table, split_table

        folder = Path(tempfile.mkdtemp())
        index, texts = split_table(build_table(str(root / "grammars")))
        rules, prose = compile_rules(str(root / "rabbitlogs" / "rules"))
        for name, content in (
            ("grammars/compiled.json", index),
            ("grammars/compiled.texts", texts),
            ("rules/compiled.json", rules),
            ("rules/compiled.texts", prose),
        ):
            path = folder / name.replace("/", "-")
            path.write_bytes(content)
            build_data["force_include"][str(path)] = f"rabbitlogs/{name}"
