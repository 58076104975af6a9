"""How long it is kept which policy a document carried: as long as everything that decided."""

from __future__ import annotations

from apps.acls import history
from apps.documents.models import DocumentHistory


def prune() -> int:
    """Delete states that the bound tenant keeps no longer, and return how many."""
    return history.prune(DocumentHistory._meta.db_table)
