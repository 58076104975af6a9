"""Passages as the search page lists them: grouped by document, with what matched in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from apps.documents.passages import Span
from apps.search.page.browse import Listed
from apps.search.release import Passage
from apps.search.words import highlight, lexical

_MARK = "<mark>"
_BETWEEN_HEADINGS = " › "


@dataclass(frozen=True, slots=True)
class PassageView:
    """One passage: safe HTML with marks, its page and heading, and the link that opens it.

    Attributes:
        is_by_meaning: no word of the question is in it; its meaning alone is near.
    """

    html: SafeString
    url: str
    heading: SafeString
    page: int | None
    is_by_meaning: bool = False


@dataclass(frozen=True, slots=True)
class ResultView:
    """One document with its best passages; `url` opens it at the first of them.

    Attributes:
        title_html: the title with marks.
        copies: other documents that say nearly the same.
    """

    uuid: UUID
    title: str
    title_html: SafeString
    url: str
    original_url: str
    path: str
    source: str
    modified_at: datetime | None
    passages: tuple[PassageView, ...]
    copies: int = 0


@dataclass(frozen=True, slots=True)
class _Marked:
    passage: Passage
    text: SafeString
    title: SafeString
    heading: SafeString


def results(query: str, passages: Sequence[Passage]) -> list[ResultView]:
    """Return the documents in the order of their best passages."""
    wanted = lexical.understand(query) if query else None
    texts = highlight.extracts([passage.text for passage in passages], wanted)
    titles = highlight.extracts([passage.title for passage in passages], wanted)
    headings = highlight.extracts(
        [_BETWEEN_HEADINGS.join(passage.heading_path) for passage in passages], wanted
    )
    grouped: dict[int, list[_Marked]] = {}
    for parts in zip(passages, texts, titles, headings, strict=True):
        grouped.setdefault(parts[0].document_id, []).append(_Marked(*parts))
    return [_result(found, is_asked=bool(query)) for found in grouped.values()]


def listed(documents: Sequence[Listed]) -> list[ResultView]:
    """Return documents of a list without a question."""
    titles = highlight.extracts([one.title for one in documents], None)
    return [
        ResultView(
            uuid=one.uuid,
            title=one.title,
            title_html=title,
            url=reverse("documents:document", args=[one.uuid]),
            original_url=reverse("documents:original", args=[one.uuid]),
            path=one.path,
            source=one.source,
            modified_at=one.modified_at,
            passages=(),
        )
        for one, title in zip(documents, titles, strict=True)
    ]


def link(passage: Passage) -> str:
    """Return the address of the document page, opened at the passage."""
    page = reverse("documents:document", args=[passage.document_uuid])
    return f"{page}?passage={Span(passage.start, passage.end)}#passage"


def _result(found: list[_Marked], *, is_asked: bool) -> ResultView:
    best = found[0].passage
    return ResultView(
        uuid=best.document_uuid,
        title=best.title,
        title_html=found[0].title,
        url=link(best),
        original_url=reverse("documents:original", args=[best.document_uuid]),
        path=best.path,
        source=best.source,
        modified_at=best.modified_at,
        passages=tuple(_passage(one, is_asked=is_asked) for one in found),
        copies=max(one.passage.copies for one in found),
    )


def _passage(one: _Marked, *, is_asked: bool) -> PassageView:
    has_word = any(_MARK in html for html in (one.text, one.title, one.heading))
    return PassageView(
        html=one.text,
        url=link(one.passage),
        heading=one.heading,
        page=one.passage.page,
        is_by_meaning=is_asked and not has_word,
    )
