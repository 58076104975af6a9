"""What templates promise whatever is put into them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string

from tests.frontend import pages

TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))
# The admin has a policy of its own, because its theme needs it.
EMPLOYEE_TEMPLATES = [t for t in TEMPLATES if "admin" not in t.parts and "unfold" not in t.parts]
_INLINE = re.compile(
    r"<style|\sstyle=|\son[a-z]+=[\"']|javascript:|<script(?![^>]*\ssrc=)|https?://", re.IGNORECASE
)


@pytest.mark.parametrize("template", EMPLOYEE_TEMPLATES, ids=lambda t: f"{t.parent.name}/{t.name}")
def test_template_needs_nothing_that_the_security_policy_forbids(template: Path) -> None:
    assert _INLINE.findall(template.read_text("utf-8")) == []


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_error_page_needs_no_request_and_no_database(status: int) -> None:
    html = render_to_string(f"errors/{status}.html")
    assert str(status) in html
    assert "<h1>" in html


def test_hidden_answer_is_not_in_the_page_at_all() -> None:
    html = pages.chat(pages.turn("Bonus?", "<p>The pool is 142,000.</p>", is_hidden=True))
    assert "This answer is hidden" in html
    assert "142,000" not in html
    assert "Annual leave 1" not in html
    assert "five days" not in html


def test_failed_answer_shows_a_message_and_never_its_text() -> None:
    failed = pages.turn("Bonus?", "<p>Half</p>", outcome="failed", notice="The model is silent.")
    html = pages.chat(failed)
    assert "The model is silent." in html
    assert "Half" not in html
    assert "data-retry" in html


def test_titles_snippets_and_questions_are_escaped() -> None:
    evil = "<script>alert(1)</script>"
    asked = pages.turn(evil, "<p>Yes.</p>")
    asked["sources"] = [pages.source(1, title=evil, snippet=evil, path=f"a/{evil}", source=evil)]
    html = pages.chat(asked)
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)") >= 4


SAYINGS = {
    "nothing": "I found nothing that you can read about this",
    "unavailable": "I could not search just now",
    "too_long": "That is too long to search for",
}


@pytest.mark.parametrize("state", ["start", *SAYINGS])
def test_search_says_which_kind_of_empty_it_is(state: str) -> None:
    html = pages.page(
        "search/search.html",
        query="leave & <b>",
        asked={"query": "leave & <b>", "text": "leave & <b>", "chips": []},
        address="q=leave+%26+%3Cb%3E",
        results=[],
        state=state,
        count=0,
    )
    said = {kind for kind, words in SAYINGS.items() if words in html}
    assert said == {state} & SAYINGS.keys()
    assert ("/search/?q=leave+%26+%3Cb%3E" in html) == (state == "unavailable")
