"""An answer lives only as long as its reader may read everything it rests on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections
from django.test import Client

from apps.accounts.models import User
from apps.chat import answer as answering
from apps.chat import pages, turns
from apps.chat.answer import answer
from apps.chat.errors import EvidenceWithdrawn, NotAMember
from apps.chat.frames import Frames
from apps.chat.models import Citation, Conversation, Message
from apps.chat.turns import Answer
from apps.tenants.context import tenant_context, user_context
from tests.search.library import Library
from tests.world import World

HOTEL_AND_BONUS = "Compare the hotel in Lisbon with the bonus pool for 2026"
BONUS = "How large is the bonus pool for 2026?"


@pytest.fixture
def ask(library: Library) -> Callable[..., tuple[UUID, list[dict[str, Any]]]]:
    """Return a function that asks and returns the conversation's uuid and the frames."""

    def ask(
        user: User,
        question: str,
        uuid: UUID | None = None,
        *,
        on: Callable[[dict[str, Any]], None] = lambda frame: None,
    ) -> tuple[UUID, list[dict[str, Any]]]:
        uuid, frames = uuid or uuid4(), list[dict[str, Any]]()

        async def send(frame: dict[str, Any]) -> None:
            frames.append(frame)
            await sync_to_async(on)(frame)

        with tenant_context(library.tenant), user_context(user.pk):
            async_to_sync(answer)(user, uuid, question, Frames(send))
        return uuid, frames

    return ask


def _stored(library: Library) -> list[tuple[str, str]]:
    with library.work():
        return list(Message.objects.order_by("id").values_list("author", "outcome"))


@pytest.mark.parametrize("moment", ["sources", "token"])
def test_answer_is_withheld_when_a_document_is_lost_while_it_is_written(
    committed_world: World, library: Library, ask: Any, moment: str
) -> None:
    frames: list[dict[str, Any]] = []

    def revoke(frame: dict[str, Any]) -> None:
        frames.append(frame)
        if frame["type"] == moment:
            library.share("board/")

    with pytest.raises(EvidenceWithdrawn) as withheld:
        ask(committed_world.ada, HOTEL_AND_BONUS, on=revoke)
    assert "no longer read" in withheld.value.message
    assert not [frame for frame in frames if frame["type"] == "done"]
    assert _stored(library) == [("user", "")], "nothing of it is kept"


def test_document_lost_after_it_was_found_does_not_reach_the_prompt(
    committed_world: World, library: Library, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def revoke() -> None:
        library.share("board/")
        connections.close_all()

    def take_readable(*args: Any) -> None:
        thread = threading.Thread(target=revoke)
        thread.start()
        thread.join()
        original(*args)

    original = answering._take_readable
    monkeypatch.setattr(answering, "_take_readable", take_readable)
    _, frames = ask(committed_world.ada, HOTEL_AND_BONUS)
    assert [source["path"] for source in frames[0]["sources"]] == ["staff/travel.md"]
    assert "142,000" not in str(frames)
    assert frames[-1]["outcome"] == "answered", "what is left still answers"


def test_membership_that_ends_while_it_is_written_withholds_the_answer(
    committed_world: World, library: Library, ask: Any
) -> None:
    def leave(frame: dict[str, Any]) -> None:
        with library.work():
            committed_world.ada.memberships.update(is_active=False)

    with pytest.raises(EvidenceWithdrawn):
        ask(committed_world.ada, BONUS, on=leave)
    with pytest.raises(NotAMember):
        ask(committed_world.ada, BONUS)


def test_stored_answer_is_hidden_when_a_document_is_lost(
    committed_world: World, library: Library, ask: Any, client: Client
) -> None:
    uuid, frames = ask(committed_world.ada, HOTEL_AND_BONUS)
    assert "142,000" in frames[-1]["html"]
    client.force_login(committed_world.ada)
    before = client.get(f"/chat/{uuid}/").content.decode()
    assert "142,000" in before
    assert "Bonus scheme" in before
    library.share("board/")
    after = client.get(f"/chat/{uuid}/")
    page = after.content.decode()
    assert "can no longer read a document it rests on" in page
    for leak in ("142,000", "Bonus scheme", "board/bonus.md", "140 euros"):
        assert leak not in page, "a part of the answer, or a title, reached the page"
    (turn,) = after.context["turns"]
    assert (turn.answer.is_hidden, turn.answer.html) == (True, "")


def test_document_that_was_only_seen_and_never_cited_hides_the_answer_too(
    committed_world: World, library: Library, ask: Any
) -> None:
    uuid, _ = ask(committed_world.ada, HOTEL_AND_BONUS)
    with library.work():
        Citation.objects.update(is_cited=False)
    library.share("board/")
    with library.work():
        (turn,) = pages.shown(committed_world.ada, Conversation.objects.get(uuid=uuid))
    assert turn.answer is not None
    assert turn.answer.is_hidden


def test_deleted_document_hides_the_answer(
    committed_world: World, library: Library, ask: Any
) -> None:
    uuid, _ = ask(committed_world.ada, BONUS)
    with library.work():
        library.connection.documents.filter(path="board/bonus.md").update(
            deleted_at="2026-01-01T00Z"
        )
        (turn,) = pages.shown(committed_world.ada, Conversation.objects.get(uuid=uuid))
    assert turn.answer is not None
    assert turn.answer.is_hidden
    assert turn.sources == ()


def test_answer_comes_back_with_the_right_to_read(
    committed_world: World, library: Library, ask: Any
) -> None:
    uuid, _ = ask(committed_world.ada, BONUS)
    library.share("board/")
    library.share("board/", committed_world.ada)
    with library.work():
        (turn,) = pages.shown(committed_world.ada, Conversation.objects.get(uuid=uuid))
    assert turn.answer is not None
    assert "142,000 euros" in turn.answer.html
    assert turn.sources[0].is_cited
    assert turn.sources[0].snippet.startswith("Bonus scheme")


def test_turn_with_lost_evidence_leaves_history_and_condensing(
    committed_world: World, library: Library, ask: Any
) -> None:
    uuid, _ = ask(committed_world.ada, BONUS)
    library.share("board/")
    _, frames = ask(committed_world.ada, "And how much is it?", uuid)
    assert "bonus" not in frames[0]["question"]
    with library.work():
        asked = turns.begin(user=committed_world.ada, uuid=uuid, text="And now?")
    assert [turn.question for turn in asked.history] == ["And how much is it?"]


def test_evidence_of_an_earlier_answer_in_the_prompt_is_evidence_of_the_next(
    committed_world: World, library: Library, ask: Any
) -> None:
    """A model that saw an earlier answer may repeat what that one rested on."""
    uuid, _ = ask(committed_world.ada, BONUS)
    with library.work():
        asked = turns.begin(user=committed_world.ada, uuid=uuid, text="And the ferret?")
        carried = [place for turn in asked.history for place in turn.rests_on]
        assert carried
        told = Answer("Pool and ferret.", Message.Outcome.ANSWERED, carried=carried)
        turns.finish(user=committed_world.ada, conversation=asked.conversation, answer=told)
        shown = pages.shown(committed_world.ada, asked.conversation)
        assert [turn.answer.is_hidden for turn in shown if turn.answer] == [False, False]
        assert shown[1].sources == (), "it was no source of this answer"
    library.share("board/")
    with library.work():
        shown = pages.shown(committed_world.ada, Conversation.objects.get(uuid=uuid))
        assert [turn.answer.is_hidden for turn in shown if turn.answer] == [True, True]


def test_nothing_found_is_never_hidden(committed_world: World, library: Library, ask: Any) -> None:
    library.share("staff/")
    library.share("board/")
    nothing, frames = ask(committed_world.bo, "What about quantum chromodynamics?")
    assert frames[-1]["outcome"] == "nothing_found"
    with library.work():
        (turn,) = pages.shown(committed_world.bo, Conversation.objects.get(uuid=nothing))
    assert turn.answer is not None
    assert not turn.answer.is_hidden
    assert "I found nothing that you can read about this." in turn.answer.html
    assert "name the document" in turn.answer.notice
