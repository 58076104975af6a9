"""The chat page: own conversations only, with what may still be read of them."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client

from apps.chat import turns
from apps.chat.models import Conversation, Message
from apps.chat.turns import Answer
from apps.tenants.context import tenant_context
from tests.search.library import Library, make_library
from tests.world import World, assert_visible


@pytest.fixture
def shelf(world: World, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Return Acme's documents inside the test's transaction."""
    library = make_library(world.acme, monkeypatch)
    library.share("staff/", world.ada, world.bo)
    library.share("board/", world.ada)
    library.add("staff/travel.md", "# Travel policy\n\nTake the train.", place="staff/")
    library.add("board/bonus.md", "# Bonus scheme\n\nThe pool is large.", place="board/")
    return library


def _conversation(library: Library, user: object, question: str = "Who?") -> Conversation:
    with library.work():
        asked = turns.begin(user=user, uuid=uuid4(), text=question)  # type: ignore[arg-type]
        nothing = Answer("Nothing.", Message.Outcome.NOTHING_FOUND)
        turns.finish(user=user, conversation=asked.conversation, answer=nothing)  # type: ignore[arg-type]
    return asked.conversation


def test_examples_name_only_documents_that_the_person_reads(
    world: World, shelf: Library, client: Client
) -> None:
    travel, bonus = "What does “Travel policy” say?", "What does “Bonus scheme” say?"
    for user, seen in ((world.ada, {travel, bonus}), (world.bo, {travel}), (world.cy, set())):
        client.force_login(user)
        context = client.get("/chat/").context
        assert_visible(context["examples"], seen=seen, hidden={travel, bonus} - seen)
        assert (context["is_new"], context["turns"]) == (True, [])
        assert context["ws_path"] == f"/ws/chat/{context['conversation_uuid']}/"


def test_page_says_that_no_model_is_connected(
    world: World, shelf: Library, client: Client, settings: LazySettings
) -> None:
    client.force_login(world.ada)
    notice = "No language model is connected"
    assert notice in client.get("/chat/").content.decode()
    settings.LLM_BASE_URL, settings.LLM_MODEL = "http://127.0.0.1:9/v1", "some-model"
    assert notice not in client.get("/chat/").content.decode()


def test_conversation_opens_for_its_owner_alone(
    world: World, shelf: Library, client: Client
) -> None:
    conversation = _conversation(shelf, world.ada)
    path = f"/chat/{conversation.uuid}/"
    assert client.get(path).status_code == 302, "sign in first"
    for user, status in ((world.ada, 200), (world.bo, 404), (world.ida, 404), (world.cy, 404)):
        client.force_login(user)
        assert client.get(path).status_code == status, user
        assert (str(conversation.uuid) in client.get("/chat/").content.decode()) is (status == 200)
    client.force_login(world.ada)
    assert client.get(f"/chat/{uuid4()}/").status_code == 404, "a new one begins at /chat/"


def test_conversation_is_deleted_by_its_owner_alone(
    world: World, shelf: Library, client: Client
) -> None:
    conversation = _conversation(shelf, world.ada)
    path = f"/chat/{conversation.uuid}/delete/"
    client.force_login(world.bo)
    assert client.post(path).status_code == 404
    client.force_login(world.ada)
    assert client.get(path).status_code == 405
    assert client.post(path).headers["Location"] == "/chat/"
    with tenant_context(world.acme), shelf.work():
        assert not Conversation.objects.exists()
        assert not Message.objects.exists()


def test_last_used_conversation_stands_first(world: World, shelf: Library, client: Client) -> None:
    first = _conversation(shelf, world.ada, "First?")
    _conversation(shelf, world.ada, "Second?")
    with shelf.work():
        turns.begin(user=world.ada, uuid=first.uuid, text="Once more?")
    client.force_login(world.ada)
    listed = client.get("/chat/").context["conversations"]
    # All of a test's transaction has one clock, so only the titles are certain.
    assert {each.title for each in listed} == {"First?", "Second?"}


def test_title_is_the_first_question_cut_between_words(world: World, shelf: Library) -> None:
    title = _conversation(shelf, world.ada, "word " * 40).title
    assert len(title) <= 80
    assert title.endswith("word…")
    assert len(_conversation(shelf, world.ada, "x" * 300).title) == 80


def test_failed_question_says_why_when_it_is_opened_again(
    world: World, shelf: Library, client: Client
) -> None:
    uuid = uuid4()
    with shelf.work():
        turns.begin(user=world.ada, uuid=uuid, text="Why?")
        turns.fail(user=world.ada, uuid=uuid, reason="The model's answer broke off.")
    client.force_login(world.ada)
    (turn,) = client.get(f"/chat/{uuid}/").context["turns"]
    assert turn.answer.outcome == "failed"
    assert turn.answer.html == ""
    assert turn.answer.notice == "The model's answer broke off."


def test_page_is_kept_by_no_cache(world: World, shelf: Library, client: Client) -> None:
    client.force_login(world.ada)
    assert client.get("/chat/").headers["Cache-Control"] == "private, no-store"
