"""Questions and answers over a real WebSocket, with the real Redis, database and server."""

from __future__ import annotations

import asyncio
import itertools
import time
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connections, transaction
from django.test import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus

from apps.audit.models import Event
from apps.chat.models import Citation, Conversation, Message
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.chat.live import Server
from tests.search.library import Library
from tests.world import World, assert_visible, make_member

HOTEL = "How much may a hotel cost in Lisbon?"
BONUS = "How large is the bonus pool for 2026?"


async def test_answer_streams_with_sources_and_citations(
    committed_world: World, library: Library, server: Server
) -> None:
    async with server.chat(committed_world.ada) as chat:
        done = await chat.ask(HOTEL)
    assert [frame["seq"] for frame in chat.frames] == list(range(1, len(chat.frames) + 1))
    assert chat.frames[0]["type"] == "sources"
    (source,) = chat.frames[0]["sources"]
    assert (source["number"], source["path"], source["title"]) == (
        1,
        "staff/travel.md",
        "Travel policy",
    )
    assert done["outcome"] == "answered"
    assert done["cited"] == [1]
    assert "140 euros a night in Lisbon" in done["html"]
    assert f'href="{source["url"]}"' in done["html"], "the citation opens the passage"
    assert done["conversation"] == {"uuid": str(chat.uuid), "title": HOTEL}


async def test_tokens_arrive_one_after_the_other(
    committed_world: World, library: Library, server: Server
) -> None:
    async with server.chat(committed_world.ada) as chat:
        await chat.ask(HOTEL)
    times = [frame["at"] for frame in chat.of("token")]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(gaps) >= 4
    assert sorted(gaps)[len(gaps) // 2] > 0.02, f"they came in one piece: {gaps}"
    assert max(gaps) < 0.5


async def test_question_and_answer_are_stored_with_all_evidence(
    committed_world: World, library: Library, server: Server
) -> None:
    async with server.chat(committed_world.ada) as chat:
        await chat.ask("Compare the hotel in Lisbon with the bonus pool for 2026")

    @sync_to_async
    def stored() -> tuple[list[str], list[str], list[str], set[str]]:
        with library.work():
            conversation = Conversation.objects.get(uuid=chat.uuid)
            assert conversation.user_id == committed_world.ada.pk
            authors = list(conversation.messages.order_by("id").values_list("author", flat=True))
            paths = Citation.objects.values_list("document__path", flat=True).order_by("number")
            events = list(Event.objects.filter(action__startswith="chat."))
            words = " ".join(f"{event.action} {event.details}" for event in events)
            return authors, list(paths), [event.action for event in events], set(words.split())

    authors, paths, actions, recorded = await stored()
    assert authors == ["user", "assistant"]
    assert {"staff/travel.md", "board/bonus.md"} <= set(paths)
    assert sorted(actions) == ["chat.answered", "chat.asked"]
    assert not recorded & {"Lisbon", "bonus"}, "the trail names ids, never content"


async def test_two_people_get_different_answers(
    committed_world: World, library: Library, server: Server
) -> None:
    answers = {}
    for user in (committed_world.ada, committed_world.bo):
        async with server.chat(user) as chat:
            done = await chat.ask(BONUS)
            answers[user.name] = done["html"]
            found = {source["path"] for source in chat.frames[0]["sources"]}
            seen = {"board/bonus.md"} if user.name == "Ada" else set()
            assert_visible(found, seen=seen, hidden={"board/bonus.md"} - seen)
    assert "142,000 euros" in answers["Ada"]
    assert "142,000" not in answers["Bo"]


async def test_person_of_another_tenant_finds_nothing(
    committed_world: World, library: Library, server: Server
) -> None:
    async with server.chat(committed_world.cy) as chat:
        done = await chat.ask(HOTEL)
    assert chat.frames[0]["sources"] == []
    assert done["outcome"] == "nothing_found"
    assert "I found nothing that you can read about this." in done["html"]
    assert "140 euros" not in str(chat.frames)


async def test_search_that_fails_is_no_empty_answer(
    committed_world: World, library: Library, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A port that nobody listens at: the embedding endpoint is down.
    monkeypatch.setattr(settings, "EMBEDDING_BASE_URL", "http://127.0.0.1:9/v1", raising=False)
    async with server.chat(committed_world.ada) as chat:
        frame = await chat.ask("Where does the ferret live at night?")
    assert frame["type"] == "error"
    assert (frame["code"], frame["retryable"]) == ("search_unavailable", True)
    assert frame["message"] == "I could not search just now."


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
async def test_a_failure_that_the_database_does_not_take_down_is_told_all_the_same(
    committed_world: World,
    library: Library,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    @sync_to_async
    def alter(how: str) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"ALTER TABLE chat_message {how}")

    monkeypatch.setattr(settings, "EMBEDDING_BASE_URL", "http://127.0.0.1:9/v1", raising=False)
    await alter("ADD CONSTRAINT no_failures CHECK (outcome <> 'failed') NOT VALID")
    try:
        async with server.chat(committed_world.ada) as chat:
            frame = await chat.ask("Where does the ferret live at night?")
    finally:
        await alter("DROP CONSTRAINT no_failures")
    assert (frame["type"], frame["code"]) == ("error", "search_unavailable")
    assert "could not be noted" in caplog.text


async def test_stop_ends_the_answer_within_300_ms_and_keeps_what_was_said(
    committed_world: World, library: Library, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.chat.extractive._PIECE_INTERVAL_S", 0.2)
    async with server.chat(committed_world.ada) as chat:
        await chat.send(type="ask", text=HOTEL)
        await chat.until("token")
        await chat.until("token")
        started = time.monotonic()
        await chat.send(type="stop")
        done = await chat.until("done", "error")
        assert time.monotonic() - started < 0.3
        assert done["outcome"] == "stopped"
        again = await chat.ask(HOTEL)
        assert again["outcome"] == "answered", "the socket takes the next question"

    @sync_to_async
    def stored() -> tuple[str, int]:
        with library.work():
            message = Message.objects.get(outcome="stopped")
            return message.text, message.citations.count()

    text, citations = await stored()
    assert text.startswith("This quote")
    assert "Oslo" not in text
    assert citations == 1, "what was in the prompt is evidence of the part too"


async def test_stop_before_the_first_word_is_confirmed_too(
    committed_world: World, library: Library, server: Server
) -> None:
    async with server.chat(committed_world.ada) as chat:
        for question in (HOTEL, BONUS, "Who is the ferret?"):
            await chat.send(type="ask", text=question)
            await chat.send(type="stop")
            ended = await chat.until("done", "error")
            assert ended.get("outcome") == "stopped" or ended["message"].startswith("Stopped")


async def test_lost_connection_stores_what_was_said(
    committed_world: World, library: Library, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.chat.extractive._PIECE_INTERVAL_S", 0.2)
    async with server.chat(committed_world.ada) as chat:
        await chat.send(type="ask", text=HOTEL)
        await chat.until("token")

    @sync_to_async
    def outcomes() -> list[str]:
        with library.work():
            return list(
                Message.objects.filter(author="assistant").values_list("outcome", flat=True)
            )

    deadline = time.monotonic() + 5
    while not (found := await outcomes()) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert found == ["stopped"]


async def test_second_question_has_to_wait_for_the_first(
    committed_world: World, library: Library, server: Server
) -> None:
    async with server.chat(committed_world.ada) as chat:
        await chat.send(type="ask", text=HOTEL)
        await chat.until("sources")
        await chat.send(type="ask", text=BONUS)
        error = await chat.until("error")
        assert error["code"] == "busy"
        done = await chat.until("done")
    assert done["conversation"]["title"] == HOTEL, "the first answer went on"


@pytest.mark.parametrize("text", ["", "   ", "x" * 2_001, None, 5])
async def test_question_of_wrong_length_is_refused(
    committed_world: World, server: Server, text: object
) -> None:
    async with server.chat(committed_world.ada) as chat:
        await chat.send(type="ask", text=text)
        error = await chat.next()
    assert (error["code"], error["retryable"]) == ("question_length", False)


@pytest.mark.parametrize("frame", ["", "no JSON", "[]", "{}", '{"type": "done"}', b"\x00\x01"])
async def test_odd_frames_do_not_end_the_socket(
    committed_world: World, server: Server, frame: str | bytes
) -> None:
    async with server.chat(committed_world.ada) as chat:
        await chat.socket.send(frame)
        assert (await chat.next())["code"] == "not_understood"
        await chat.send(type="stop")
        assert (await chat.ask("Who is the ferret?"))["type"] == "done"


async def test_nobody_opens_a_socket_without_signing_in(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with server.chat(None):
            pass
    assert refusal.value.response.status_code == 403


async def test_page_of_another_site_opens_no_socket(committed_world: World, server: Server) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with server.chat(committed_world.ada, origin="https://evil.example"):
            pass
    assert refusal.value.response.status_code == 403


async def test_conversation_of_somebody_else_is_closed(
    committed_world: World, library: Library, server: Server
) -> None:
    async with server.chat(committed_world.ada) as hers:
        await hers.ask(BONUS)
    async with server.chat(committed_world.bo, hers.uuid) as chat:
        with pytest.raises(ConnectionClosed) as closing:
            await chat.next()
    assert closing.value.rcvd is not None
    assert closing.value.rcvd.code == 4404


async def test_the_same_uuid_in_two_tenants_is_two_conversations(
    committed_world: World, library: Library, server: Server
) -> None:
    uuid = uuid4()
    async with server.chat(committed_world.ada, uuid) as chat:
        await chat.ask(BONUS)
    async with server.chat(committed_world.cy, uuid) as chat:
        done = await chat.ask("And what else?")
    assert done["conversation"]["title"] == "And what else?"


async def test_ended_membership_ends_the_socket_with_the_next_question(
    committed_world: World, library: Library, server: Server
) -> None:
    @sync_to_async
    def end_membership() -> None:
        with library.work():
            Membership.objects.filter(user=committed_world.ada).update(is_active=False)

    async with server.chat(committed_world.ada) as chat:
        assert (await chat.ask(HOTEL))["type"] == "done"
        await end_membership()
        await chat.send(type="ask", text=HOTEL)
        with pytest.raises(ConnectionClosed) as closing:
            await chat.next()
    assert closing.value.rcvd is not None
    assert closing.value.rcvd.code == 4401


async def test_session_that_goes_to_another_tenant_ends_the_socket(
    committed_world: World, library: Library, server: Server
) -> None:
    @sync_to_async
    def join_umbra() -> None:
        make_member(committed_world.umbra, committed_world.ada.email)

    @sync_to_async
    def switch(key: str, uuid: object) -> None:
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = key
        assert client.post(f"/tenants/{uuid}/switch/").status_code == 302

    async with server.chat(committed_world.ada) as chat:
        await join_umbra()
        await switch(chat.session_key, committed_world.acme.uuid)
        assert (await chat.ask(HOTEL))["type"] == "done"
        await switch(chat.session_key, committed_world.umbra.uuid)
        await chat.send(type="ask", text=HOTEL)
        with pytest.raises(ConnectionClosed) as closing:
            await chat.next()
    assert closing.value.rcvd is not None
    assert closing.value.rcvd.code == 4403


async def test_signing_out_closes_the_sockets_of_that_session_at_once(
    committed_world: World, server: Server
) -> None:
    @sync_to_async
    def sign_out(key: str) -> None:
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = key
        client.logout()

    async with server.chat(committed_world.ada) as chat, server.chat(committed_world.ada) as other:
        await sign_out(chat.session_key)
        with pytest.raises(ConnectionClosed) as closing:
            await chat.next(timeout_s=2)
        assert (await other.ask("Who is the ferret?"))["type"] == "done", "another session stays"
    assert closing.value.rcvd is not None
    assert closing.value.rcvd.code == 4401


async def test_expired_session_ends_the_socket_with_the_next_question(
    committed_world: World, server: Server
) -> None:
    async with server.chat(committed_world.ada) as chat:
        await sync_to_async(Session.objects.filter(pk=chat.session_key).delete)()
        await chat.send(type="ask", text=HOTEL)
        with pytest.raises(ConnectionClosed) as closing:
            await chat.next()
    assert closing.value.rcvd is not None
    assert closing.value.rcvd.code == 4401


@pytest.mark.slow
async def test_idle_socket_stays_open(
    committed_world: World, library: Library, server: Server
) -> None:
    async with server.chat(committed_world.ada) as chat:
        await asyncio.sleep(7)
        assert (await chat.ask(HOTEL))["type"] == "done"


async def test_question_asked_once_more_after_a_failure_is_stored_once(
    committed_world: World, library: Library, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.chat(committed_world.ada) as chat:
        with monkeypatch.context() as broken:
            broken.setattr(settings, "EMBEDDING_BASE_URL", "http://127.0.0.1:9/v1", raising=False)
            assert (await chat.ask("Is the ferret fed?"))["type"] == "error"
        assert (await chat.ask("Is the ferret fed?"))["type"] == "done"

    @sync_to_async
    def stored() -> list[tuple[str, str]]:
        with tenant_context(committed_world.acme), transaction.atomic():
            return list(Message.objects.order_by("id").values_list("author", "outcome"))

    assert await stored() == [("user", ""), ("assistant", "answered")]


async def test_follow_up_is_searched_with_the_topic_of_the_question_before(
    committed_world: World, library: Library, server: Server
) -> None:
    async with server.chat(committed_world.ada) as chat:
        await chat.ask("How much may a hotel cost in Lisbon?")
        await chat.ask("And in Oslo?")
    searched = chat.of("sources")[1]["question"]
    assert searched.startswith("And in Oslo?")
    assert "hotel" in searched
    assert "165 euros" in chat.frames[-1]["html"]
