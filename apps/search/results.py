"""Passages as the search page lists them: grouped by document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from apps.documents.passages import Span
from apps.search import highlight, lexical
from apps.search.release import Passage


@dataclass(frozen=True, slots=True)
class PassageView:
    """One passage: safe HTML with marks, its page and heading, and the link that opens it."""

    html: SafeString
    url: str
    heading: str
    page: int | None


@dataclass(frozen=True, slots=True)
class ResultView:
    """One document with its best passages; `url` opens it at the first of them."""

    uuid: UUID
    title: str
    url: str
    original_url: str
    path: str
    source: str
    modified_at: datetime | None
    passages: tuple[PassageView, ...]


def results(query: str, passages: Sequence[Passage]) -> list[ResultView]:
    """Return the documents in the order of their best passages."""
    extracts = highlight.extracts([passage.text for passage in passages], lexical.understand(query))
    grouped: dict[int, list[tuple[Passage, SafeString]]] = {}
    for passage, html in zip(passages, extracts, strict=True):
        grouped.setdefault(passage.document_id, []).append((passage, html))
    return [_result(found) for found in grouped.values()]


def link(passage: Passage) -> str:
    """Return the address of the document page, opened at the passage."""
    page = reverse("documents:document", args=[passage.document_uuid])
    return f"{page}?passage={Span(passage.start, passage.end)}#passage"


def _result(found: list[tuple[Passage, SafeString]]) -> ResultView:
    best = found[0][0]
    return ResultView(
        uuid=best.document_uuid,
        title=best.title,
        url=link(best),
        original_url=reverse("documents:original", args=[best.document_uuid]),
        path=best.path,
        source=best.source,
        modified_at=best.modified_at,
        passages=tuple(
            PassageView(html, link(passage), " › ".join(passage.heading_path), passage.page)
            for passage, html in found
        ),
    )
