"""The search page: what it lists, what it says when there is nothing, and when it cannot search."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.search.embeddings.embedding import EmbeddingUnavailable, LocalEmbedder
from tests.search import texts
from tests.search.library import Library
from tests.world import World, assert_visible


@pytest.fixture
def shelf(committed_world: World, committed_library: Library) -> Library:
    committed_library.share("staff/", committed_world.ada, committed_world.bo)
    committed_library.share("private/", committed_world.ada)
    committed_library.add("staff/travel.md", texts.TRAVEL, place="staff/")
    committed_library.add("private/leave.md", texts.PARENTAL, place="private/")
    return committed_library


def ask(user: Any, query: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.get("/search/", {"q": query})


def test_page_without_a_question_starts(committed_world: World, shelf: Library) -> None:
    response = ask(committed_world.ada, "  ")
    assert response.context["state"] == "start"


def test_found_document_is_listed_with_marked_passage_and_link(
    committed_world: World, shelf: Library
) -> None:
    response = ask(committed_world.ada, "weeks of parental leave")
    result = response.context["results"][0]
    assert response.context["state"] == "found"
    assert response.context["count"] == len(response.context["results"])
    assert (result.title, result.path, result.source) == (
        "Parental leave",
        "private/leave.md",
        "Files",
    )
    assert "<mark>weeks</mark>" in result.passages[0].html
    opened = Client()
    opened.force_login(committed_world.ada)
    assert opened.get(result.url).status_code == 200
    assert "passage=" in result.url


@pytest.mark.parametrize(("name", "seen"), [("ada", True), ("bo", False), ("cy", False)])
def test_only_readers_see_title_and_text(
    committed_world: World, shelf: Library, name: str, seen: bool
) -> None:
    response = ask(getattr(committed_world, name), "paid weeks for parents after the birth")
    canaries = ["Parental leave", "twenty-six", "private/leave.md"]
    page = response.content.decode().replace('<span class="path-slash">/</span><wbr>', "/")
    shown = [canary for canary in canaries if canary in page]
    assert_visible(shown, seen=canaries[:2] if seen else [], hidden=[] if seen else canaries)


def test_nothing_found_and_no_search_are_different_messages(
    committed_world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = ask(committed_world.bo, "tungsten hexafluoride boiling point")
    assert nothing.context["state"] == "nothing"

    def absent(self: LocalEmbedder, texts: object) -> object:
        raise EmbeddingUnavailable("not there")

    monkeypatch.setattr(LocalEmbedder, "embed", absent)
    unavailable = ask(committed_world.bo, "a question that nobody has asked before")
    assert unavailable.context["state"] == "unavailable"
    assert "could not search just now" in unavailable.content.decode()


def test_too_long_question_says_so(committed_world: World, shelf: Library) -> None:
    assert ask(committed_world.ada, "word " * 1_000).context["state"] == "too_long"


@pytest.mark.parametrize("query", ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>"])
def test_question_is_echoed_as_text(committed_world: World, shelf: Library, query: str) -> None:
    page = ask(committed_world.ada, query).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_markup_in_a_document_is_listed_as_text(committed_world: World, shelf: Library) -> None:
    attack = "# <script>alert(1)</script> ferret\n\nThe `<img src=x onerror=alert(2)>` ferret.\n"
    shelf.add("staff/<b>x</b>.md", attack, place="staff/")
    response = ask(committed_world.ada, "ferret")
    page = response.content.decode()
    assert response.context["state"] == "found"
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<b>x" not in page


def test_anonymous_visitor_is_sent_to_the_sign_in(committed_world: World) -> None:
    response = Client().get("/search/", {"q": "leave"})
    assert response.status_code == 302
