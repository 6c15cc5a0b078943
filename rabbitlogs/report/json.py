"""The JSON report: ``rabbitlogs.report/1``. Two runs on the same input are byte-identical."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rabbitlogs.engine.report import Report


def write_json(report: Report, out: IO[str]) -> None:
    """Writes the report as one JSON document."""
    json.dump(report.to_dict(), out, indent=1, ensure_ascii=True)
    out.write("\n")
