"""From the bytes of a file to its text and structure; one module for each format."""

from __future__ import annotations

from apps.documents.extract.run import MAX_BYTES, extract

__all__ = ["MAX_BYTES", "extract"]
