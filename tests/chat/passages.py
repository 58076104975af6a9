"""Passages made by hand, for the parts of the chat that need no database."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.utils import timezone

from apps.search.release import Passage


def passage(text: str, **changes: Any) -> Passage:
    """Return a passage of a document of its own."""
    values: dict[str, Any] = {
        "chunk_id": 1,
        "document_id": 1,
        "document_uuid": uuid4(),
        "title": "Travel policy",
        "path": "staff/travel.md",
        "url": "",
        "source": "Files",
        "modified_at": None,
        "last_synced_at": timezone.now(),
        "heading_path": (),
        "page": None,
        "start": 0,
        "end": len(text),
        "text": text,
        "score": 1.0,
        "cosine": 0.5,
        "asks": False,
    }
    return Passage(**values | changes)
