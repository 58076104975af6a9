"""A report as a file: names, addresses, paths and numbers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from apps.sync_events.exposure.models import ExposureLine, ExposureReport

_COLUMNS = (
    "kind", "label", "email", "external_id", "documents", "gained", "lost", "size_bytes", "note",
)  # fmt: skip
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(report: ExposureReport) -> str:
    """Return a finished report as one JSON object."""
    told = {
        "connection": report.connection.name,
        "created_at": report.created_at.isoformat(),
        "has_proposed_settings": report.proposed is not None,
        "is_truncated": report.is_truncated,
        **report.result,
        "lines": [{**_row(line), "paths": line.paths} for line in _lines(report)],
    }
    return json.dumps(told, indent=1, ensure_ascii=False)


def as_csv(report: ExposureReport) -> str:
    """Return the rows of a finished report; of each a column with its sample of paths."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow([*_COLUMNS, "paths"])
    for line in _lines(report):
        rows.writerow([*map(_cell, _row(line).values()), _cell("\n".join(line.paths))])
    return text.getvalue()


def _lines(report: ExposureReport) -> Iterator[ExposureLine]:
    return report.lines.order_by("kind", "position").iterator()


def _row(line: ExposureLine) -> dict[str, Any]:
    return {column: getattr(line, column) for column in _COLUMNS}


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
