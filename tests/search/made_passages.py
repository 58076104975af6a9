"""Passages made by hand, for the stages that need no database."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any
from uuid import uuid4

from django.utils import timezone

from apps.search.release import Passage

_ids = count(1)


def passage(
    text: str, *, document: int = 0, changed: datetime | None = None, **more: Any
) -> Passage:
    """Return a passage; of a document of its own unless one is named."""
    chunk_id = next(_ids)
    values: dict[str, Any] = {
        "chunk_id": chunk_id,
        "document_id": document or 1_000_000 + chunk_id,
        "document_uuid": uuid4(),
        "title": "",
        "path": "",
        "url": "",
        "source": "Files",
        "modified_at": changed,
        "last_synced_at": timezone.now(),
        "heading_path": (),
        "page": None,
        "start": 0,
        "end": len(text),
        "text": text,
        "score": 1.0,
        "cosine": 0.5,
        "asks": False,
        "token_count": len(text.split()),
    }
    return Passage(**values | more)
