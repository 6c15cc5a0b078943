"""Builds what a wheel carries beside the sources: the compiled grammars and the index of rules."""

from __future__ import annotations

import json
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
        from rabbitlogs.engine.catalogue import build_index
        from rabbitlogs.parsing.compiled import build_table

        folder = Path(tempfile.mkdtemp())
        for name, value in (
            ("grammars", build_table(str(root / "grammars"))),
            ("rules", build_index(str(root / "rabbitlogs" / "rules"))),
        ):
            path = folder / f"{name}.json"
            path.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
            build_data["force_include"][str(path)] = f"rabbitlogs/{name}/compiled.json"
