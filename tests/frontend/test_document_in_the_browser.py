"""A cited passage is what the reader sees first."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.utils.safestring import mark_safe
from playwright.sync_api import Page, expect

from apps.documents.passages import BlockView
from tests.frontend import pages

pytestmark = [pytest.mark.browser]


def document(passage: int | None) -> str:
    blocks = [
        BlockView(
            kind="paragraph",
            level=0,
            html=mark_safe(f"Paragraph {n}. " * 40),  # noqa: S308
            page=None,
            is_passage=n == passage,
            id="passage" if n == passage else f"block-{n}",
        )
        for n in range(30)
    ]
    facts = SimpleNamespace(
        title="Annual leave", path="company/leave.md", source="Files", uuid=pages.DOCUMENT,
        modified_at=pages.LONG_AGO, last_synced_at=pages.LONG_AGO, mime_type="text/markdown",
        size_bytes=2_000,
    )  # fmt: skip
    return pages.page("documents/document.html", document=facts, why="You own it.", blocks=blocks)


@pytest.mark.parametrize("query", ["?passage=1-2", "?passage=1-2#passage"])
def test_the_cited_passage_is_in_view(open_page: Callable[..., Page], query: str) -> None:
    page = open_page(document(passage=20), path="/documents/x/", query=query)
    expect(page.locator(".is-passage")).to_be_in_viewport(ratio=1)
    expect(page.locator(".is-passage")).to_contain_text("Cited passage")


def test_without_a_passage_the_page_begins_at_its_top(open_page: Callable[..., Page]) -> None:
    page = open_page(document(passage=None), path="/documents/x/")
    expect(page.get_by_role("heading", name="Annual leave")).to_be_in_viewport()
    expect(page.locator("[data-to-passage]")).to_be_hidden()
