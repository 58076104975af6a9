"""The states of a document as conditions on its row; `Document.state` says the same of one row."""

from __future__ import annotations

from django.db.models import F, Q

_GONE = Q(deleted_at__isnull=False)
_FAILED = ~Q(failure="")
_INDEXED = Q(indexed_version=F("version"))

STATES: dict[str, Q] = {
    "searchable": ~_GONE & ~_FAILED & _INDEXED,
    "waiting": ~_GONE & ~_FAILED & ~_INDEXED,
    "failed": ~_GONE & _FAILED,
    "deleted": _GONE,
}
